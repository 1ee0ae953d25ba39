"""Caps: a month's usage outside the packages costs no more than its payer has chosen.

What counts is what the month's usage was charged less what was given back in it, as the ledger's roll-up by day has it
(`spending_day`). A cap is hard in the books and not in the network: records come when the call is over, and nobody is
cut off here. What is beyond it is rated, kept and explained like the rest, and not charged.

Who chooses holds the subscriptions that an import holds: of the two one is first, so what the month had cost is true.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import String, Table, bindparam, cast, func, select
from sqlmodel import Session, col

from cabinet import clock
from cabinet.bulk import is_among
from cabinet.config import settings
from cabinet.domain.errors import CabinetError
from cabinet.domain.money import InvalidAmount, parse_kopecks
from cabinet.domain.spending import OUTSIDE_PACKAGES
from cabinet.domain.spending_caps import WARN_PERCENT, Cap, Room
from cabinet.models.base import metadata
from cabinet.models.notices import NoticeKind
from cabinet.models.spending_caps import SpendingCap
from cabinet.models.tariffs import PlanSubscription
from cabinet.services import limits, notices, sessions
from cabinet.services.sessions import Principal
from cabinet.services.sign_in import FreshCodeNeeded

CHANGES_A_DAY = 20  # each is kept

_spending: Table = metadata.tables["spending_day"]
_cap: Table = metadata.tables["spending_cap"]


class CapNotSo(CabinetError):
    message = "Лимит — целые рубли, от {least} до {most} ₽."


class TooManyChanges(CabinetError):
    message = "Сегодня лимит меняли уже много раз. Попробуйте завтра."


@dataclass(frozen=True, slots=True)
class Status:
    """The present month: its cap, None where there is none, and what usage outside the packages has cost in it."""

    limit_kopecks: int | None
    spent_kopecks: int

    @property
    def left_kopecks(self) -> int:
        """What may still be charged this month; 0 without a cap too."""
        return max((self.limit_kopecks or 0) - self.spent_kopecks, 0)

    @property
    def percent_used(self) -> int:
        """Of the cap, in whole percent: above 100 where it was chosen too late. 0 without one."""
        return max(self.spent_kopecks, 0) * 100 // self.limit_kopecks if self.limit_kopecks else 0


@dataclass(frozen=True, slots=True)
class Choice:
    """A cap that the subscriber has chosen, or (None) taken away."""

    id: int
    limit_kopecks: int | None
    chosen_at: datetime


# --- what a subscriber does ------------------------------------------------------------------------------------------


def get_status(session: Session, subscriber_id: int, *, now: datetime) -> Status:
    """How the present month stands."""
    month_on = month_of(now)
    return _status(session, subscriber_id, month_on, _limit_at(session, subscriber_id, month_on))


def find_status(session: Session, subscriber_id: int, *, now: datetime) -> Status | None:
    """As `get_status`, of who has a cap; by one query where there is none."""
    month_on = month_of(now)
    limit = _limit_at(session, subscriber_id, month_on)
    return None if limit is None else _status(session, subscriber_id, month_on, limit)


def bounds() -> tuple[int, int]:
    """The smallest and the largest cap, in kopecks."""
    return settings().spending_cap_least_roubles * 100, settings().spending_cap_most_roubles * 100


def read_limit(typed: str) -> int:
    """Kopecks of what a person typed, in whole roubles.

    Raises:
        CapNotSo: it is no sum, has kopecks, or is outside of what is allowed.
    """
    least, most = bounds()
    try:
        kopecks = parse_kopecks(typed)
    except InvalidAmount:
        kopecks = 0
    if kopecks % 100 or not least <= kopecks <= most:
        raise CapNotSo(least=_roubles(least), most=_roubles(most))
    return kopecks


def choose(session: Session, principal: Principal, limit_kopecks: int | None, *, now: datetime) -> Status:
    """From the present month on its usage outside the packages costs no more than that; None: no cap any more.

    What has been charged already stays charged, a lower cap only ends it. Chosen again as it is, nothing happens.

    Raises:
        FreshCodeNeeded: this remembered browser has to show a fresh code first.
        TooManyChanges: see `CHANGES_A_DAY`.
    """
    if sessions.needs_step_up(principal, now=now):
        raise FreshCodeNeeded
    put(session, principal.subscriber_id, limit_kopecks, now=now)
    return get_status(session, principal.subscriber_id, now=now)


def put(session: Session, subscriber_id: int, limit_kopecks: int | None, *, now: datetime) -> None:
    """As `choose`, for whom nobody has to sign in.

    Raises:
        TooManyChanges: see `CHANGES_A_DAY`.
    """
    session.execute(
        select(col(PlanSubscription.id))
        .where(col(PlanSubscription.subscriber_id) == subscriber_id)
        .order_by(col(PlanSubscription.id))
        .with_for_update()
    )
    status = get_status(session, subscriber_id, now=now)
    if status.limit_kopecks == limit_kopecks:
        return
    day = timedelta(days=1)
    if limits.hit(session, f"spending-caps-of:{subscriber_id}", window=day, now=now).count > CHANGES_A_DAY:
        raise TooManyChanges
    session.add(
        SpendingCap(
            subscriber_id=subscriber_id,
            month_on=month_of(now),
            limit_kopecks=limit_kopecks,
            spent_kopecks=status.spent_kopecks,
            chosen_at=now,
        )
    )
    session.flush()


def list_choices(session: Session, subscriber_id: int, *, limit: int) -> list[Choice]:
    """What the subscriber has chosen, the latest first."""
    rows = session.execute(
        select(_cap.c.id, _cap.c.limit_kopecks, _cap.c.chosen_at)
        .where(_cap.c.subscriber_id == subscriber_id)
        .order_by(_cap.c.month_on.desc(), _cap.c.id.desc())
        .limit(limit)
    )
    return [Choice(*row) for row in rows]


def month_of(moment: datetime) -> date:
    """The first day of its calendar month, in the operator's time zone."""
    return clock.local(moment).date().replace(day=1)


_LIMIT = (
    select(_cap.c.limit_kopecks)
    .where(_cap.c.subscriber_id == bindparam("subscriber_id"), _cap.c.month_on <= bindparam("month_on"))
    .order_by(_cap.c.month_on.desc(), _cap.c.id.desc())
    .limit(1)
)


def _status(session: Session, subscriber_id: int, month_on: date, limit_kopecks: int | None) -> Status:
    spent = _spent(session, [subscriber_id], month_on, month_on)
    return Status(limit_kopecks, spent.get(subscriber_id, {}).get(month_on, 0))


def _limit_at(session: Session, subscriber_id: int, month_on: date) -> int | None:
    """The subscriber's cap in that month."""
    return session.execute(_LIMIT, {"subscriber_id": subscriber_id, "month_on": month_on}).scalar()


def _roubles(kopecks: int) -> str:
    return f"{kopecks // 100:,}".replace(",", "\u00a0")


# --- what an import asks ---------------------------------------------------------------------------------------------


def open_rooms(
    session: Session, subscriber_ids: Collection[int], earliest: datetime, latest: datetime
) -> dict[int, Room]:
    """What caps leave of the months between the two moments, of who has a cap; the subscriptions are held.

    One query, and another one where somebody has a cap.
    """
    first_on, last_on = month_of(earliest), month_of(latest)
    newest = (
        select(func.max(_cap.c.id))
        .where(is_among(session, _cap.c.subscriber_id, subscriber_ids), _cap.c.month_on <= last_on)
        .group_by(_cap.c.subscriber_id, _cap.c.month_on)
    )
    caps: dict[int, list[Cap]] = {}
    for subscriber_id, month_on, limit in session.execute(
        select(_cap.c.subscriber_id, _cap.c.month_on, _cap.c.limit_kopecks)
        .where(_cap.c.id.in_(newest))
        .order_by(_cap.c.month_on)
    ):
        caps.setdefault(subscriber_id, []).append(Cap(month_on, limit))
    if not caps:
        return {}
    spent = _spent(session, caps, first_on, last_on)
    return {subscriber_id: Room(chosen, spent.get(subscriber_id, {})) for subscriber_id, chosen in caps.items()}


def _spent(
    session: Session, subscriber_ids: Collection[int], first_on: date, last_on: date
) -> dict[int, dict[date, int]]:
    """What usage outside the packages has cost, by subscriber and month."""
    month = func.substr(cast(_spending.c.day_on, String), 1, 7)
    rows = session.execute(
        select(_spending.c.subscriber_id, month, func.sum(_spending.c.amount_kopecks))
        .where(
            is_among(session, _spending.c.subscriber_id, subscriber_ids),
            _spending.c.day_on >= first_on,
            _spending.c.day_on < (last_on + timedelta(days=32)).replace(day=1),
            _spending.c.category.in_(OUTSIDE_PACKAGES),
        )
        .group_by(_spending.c.subscriber_id, month)
    )
    found: dict[int, dict[date, int]] = {}
    for subscriber_id, on, kopecks in rows:
        found.setdefault(subscriber_id, {})[date.fromisoformat(f"{on}-01")] = int(kopecks)
    return found


def warn(session: Session, rooms: Mapping[int, Room], *, now: datetime) -> None:
    """Tells whose present month has come to 80 % of its cap, or to all of it: each once for a month and a cap.

    A month that is over is no news: nothing can be done about it, and nothing more than the cap was charged.
    """
    month_on = month_of(now)
    events = []
    for subscriber_id, room in rooms.items():
        percent, limit = room.percent_used(month_on) or (0, 0)
        if percent >= WARN_PERCENT:
            kind = NoticeKind.CAP_REACHED if percent >= 100 else NoticeKind.CAP_NEAR
            reference = f"{kind}:{subscriber_id}:{month_on:%Y-%m}:{limit}"
            facts = {"limit_kopecks": limit, "percent": min(percent, 100)}
            events.append(notices.Event(subscriber_id, kind, reference, now, facts))
    notices.tell(session, events, now=now)
