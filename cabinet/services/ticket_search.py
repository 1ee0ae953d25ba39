"""Search in tickets: stems of their words in SQLite's FTS5 or PostgreSQL's tsvector, so that both find alike."""

from collections.abc import Iterable

from sqlalchemy import TextClause, text
from sqlmodel import Session

from cabinet.domain.words import stem_of, telling_stems, words_of

MOST_WORDS = 8
_LONGEST_WORD = 40  # of what is no word of a language

_FORGET = {
    "sqlite": "DELETE FROM ticket_search WHERE rowid = :id",
    "postgresql": "DELETE FROM ticket_search WHERE ticket_id = :id",
}
_ADD = {
    "sqlite": "INSERT INTO ticket_search (rowid, stems) VALUES (:id, :stems)",
    "postgresql": "INSERT INTO ticket_search (ticket_id, stems) VALUES (:id, to_tsvector('simple', :stems))",
}
_FIND = {
    "sqlite": "SELECT rowid FROM ticket_search WHERE ticket_search MATCH :query AND rowid < :before"
    " ORDER BY rowid DESC LIMIT :limit",
    # The words first: by itself it would walk through all tickets for words that none of them has.
    "postgresql": "WITH found AS MATERIALIZED (SELECT ticket_id FROM ticket_search"
    " WHERE stems @@ to_tsquery('simple', :query))"
    " SELECT ticket_id FROM found WHERE ticket_id < :before ORDER BY ticket_id DESC LIMIT :limit",
}
# A word of most tickets is in the newest ones: PostgreSQL would gather all that have it before it sorts them.
_AMONG_NEWEST = (
    "SELECT ticket_id FROM (SELECT ticket_id, stems FROM ticket_search WHERE ticket_id < :before"
    " ORDER BY ticket_id DESC LIMIT 1000) newest WHERE stems @@ to_tsquery('simple', :query)"
    " ORDER BY ticket_id DESC LIMIT :limit"
)
_LAST = 2**62


def stems_of(texts: Iterable[str]) -> str:
    """What is kept of them: each stem once."""
    return " ".join(dict.fromkeys(stem_of(word)[:_LONGEST_WORD] for each in texts for word in words_of(each)))


def statement_of_adding(engine: str) -> TextClause:
    """Makes a ticket `id` known by its `stems`; `engine` is the dialect's name."""
    return text(_ADD[engine])


def keep(session: Session, ticket_id: int, texts: Iterable[str]) -> None:
    """The ticket is found by the words of these texts from now on, and by no others."""
    engine = session.get_bind().dialect.name
    session.connection().execute(text(_FORGET[engine]), {"id": ticket_id})
    session.connection().execute(statement_of_adding(engine), {"id": ticket_id, "stems": stems_of(texts)})


def find(session: Session, query: str, *, before: int | None, limit: int) -> list[int]:
    """The newest tickets that have every word of the query, or words that begin so; those before the id `before`."""
    stems = [stem[:_LONGEST_WORD] for stem in telling_stems(query, MOST_WORDS)]
    if not stems:
        return []
    engine = session.get_bind().dialect.name
    # A stem is letters and digits only: nothing of it is syntax.
    wanted = " AND ".join(f'"{stem}"*' for stem in stems) if engine == "sqlite" else " & ".join(f"{s}:*" for s in stems)
    values = {"query": wanted, "before": before or _LAST, "limit": limit}
    found = session.connection().execute(text(_AMONG_NEWEST), values).all() if engine == "postgresql" else []
    if len(found) < limit:
        found = session.connection().execute(text(_FIND[engine]), values).all()
    return [row[0] for row in found]
