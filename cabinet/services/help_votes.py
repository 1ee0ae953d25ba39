"""Whether an article of the help centre has helped: counted, and who has said so is not kept."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from cabinet.domain.errors import NotFound
from cabinet.models.support import HelpVote
from cabinet.services import help as articles
from cabinet.services import limits

VOTES_PER_DAY = 20  # from one address
MOST_LISTED = 20


@dataclass(frozen=True, slots=True)
class Vote:
    """How many were helped by an article, and how many were not."""

    title: str
    helped: int
    not_helped: int


def vote(session: Session, slug: str, *, helped: bool, address: str, now: datetime) -> None:
    """Counts one more; of an address that votes all day, silently none.

    Raises:
        NotFound: there is no such article.
    """
    if slug not in _titles():
        raise NotFound
    key = f"help-votes-of:{limits.network(address)}"
    if limits.hit(session, key, window=timedelta(days=1), now=now).count > VOTES_PER_DAY:
        return
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    more = {"helped": int(helped), "not_helped": int(not helped)}
    session.execute(
        insert(HelpVote)
        .values(slug=slug, **more)
        .on_conflict_do_update(
            index_elements=["slug"],
            set_={
                "helped": col(HelpVote.helped) + more["helped"],
                "not_helped": col(HelpVote.not_helped) + more["not_helped"],
            },
        )
    )


def list_votes(session: Session) -> list[Vote]:
    """Articles by how many they did not help, the worst first; of those that are still there."""
    titles = _titles()
    rows = session.exec(
        select(HelpVote)
        .where(col(HelpVote.slug).in_(titles))
        .order_by(col(HelpVote.not_helped).desc(), col(HelpVote.helped), HelpVote.slug)
        .limit(MOST_LISTED)
    )
    return [Vote(titles[row.slug], row.helped, row.not_helped) for row in rows]


def _titles() -> dict[str, str]:
    return {article.slug: article.title for section in articles.library("ru") for article in section.articles}
