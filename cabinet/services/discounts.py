"""Discounts of promotions on fees: what a subscriber still has of them, and each fee that had one.

A discount is used in the transaction that charges the fee, by whoever holds the subscription that the fee is for; the
unique number of each use makes it once. What is undone gives its uses back.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Select, Table, and_, bindparam, delete, or_, select, update
from sqlmodel import Session

from cabinet.bulk import AMONG, among, insert_many, listed
from cabinet.domain.promotions import Applied, Discount, HeldDiscount
from cabinet.models.base import metadata

_participation: Table = metadata.tables["participation"]
_promotion: Table = metadata.tables["promotion"]
_version: Table = metadata.tables["promotion_version"]
_use: Table = metadata.tables["discount_use"]
_USE_COLUMNS = (
    *("participation_id", "number", "plan_subscription_id", "option_subscription_id", "period_end_at", "order_id"),
    *("full_kopecks", "off_kopecks", "transaction_id", "used_at"),
)

_HELD = (
    select(
        *(_participation.c.id, _participation.c.subscriber_id, _participation.c.discount_on),
        *(_participation.c.discount_code, _participation.c.discount_percent, _participation.c.discount_kopecks),
        *(_participation.c.discount_periods, _participation.c.discount_left, _promotion.c.code, _version.c.version),
        _version.c.content["title"].as_string().label("title"),
    )
    .join(_promotion, _promotion.c.id == _participation.c.promotion_id)
    .join(_version, _version.c.id == _participation.c.version_id)
    .where(_participation.c.left_at.is_(None), _participation.c.discount_on.is_not(None))
)


@cache
def _held_among(dialect: str) -> Select[Any]:
    is_one = among(_participation.c.subscriber_id, dialect)
    return _HELD.where(is_one, _participation.c.discount_left > 0).order_by(_participation.c.id)


_WITH_PRESENT = (
    _HELD.add_columns(_use.c.number.label("present"))
    .outerjoin(
        _use,
        and_(
            _use.c.participation_id == _participation.c.id,
            _use.c.plan_subscription_id.is_not(None),
            _use.c.period_end_at == bindparam("period_end_at"),
        ),
    )
    .where(
        _participation.c.subscriber_id == bindparam("subscriber_id"),
        or_(_participation.c.discount_left > 0, _use.c.id.is_not(None)),
    )
    .order_by(_participation.c.id, _use.c.number)
)


class Use(NamedTuple):
    """A fee that had a discount. `period_end_at`: to when it is paid."""

    applied: Applied
    full_kopecks: int
    period_end_at: datetime
    used_at: datetime
    plan_subscription_id: int | None = None
    option_subscription_id: int | None = None
    order_id: int | None = None
    transaction_id: int | None = None


def list_held(session: Session, subscriber_ids: Collection[int]) -> dict[int, tuple[HeldDiscount, ...]]:
    """The discounts that are not used up, by subscriber; who has none is left out. One statement."""
    if not subscriber_ids:
        return {}
    statement = _held_among(session.get_bind().dialect.name)
    found: dict[int, list[HeldDiscount]] = {}
    for row in session.execute(statement, {AMONG: listed(session, subscriber_ids)}):
        found.setdefault(row.subscriber_id, []).append(_held(row))
    return {subscriber_id: tuple(held) for subscriber_id, held in found.items()}


def list_with_present(session: Session, subscriber_id: int, period_end_at: datetime) -> tuple[HeldDiscount, ...]:
    """The same for one subscriber, with the discount that the plan's period which ends then was paid with."""
    of = {"subscriber_id": subscriber_id, "period_end_at": period_end_at}
    held = {row.id: _held(row, row.present) for row in session.execute(_WITH_PRESENT, of)}
    return tuple(held.values())


def _held(row: Any, present: int | None = None) -> HeldDiscount:
    return HeldDiscount(
        participation_id=row.id,
        promotion=row.code,
        version=row.version,
        name=row.title,
        discount=Discount(
            row.discount_on, row.discount_periods, row.discount_percent, row.discount_kopecks, row.discount_code
        ),
        used=row.discount_periods - row.discount_left,
        present=present,
    )


def note_uses(session: Session, uses: Sequence[Use]) -> None:
    """Writes down which fees had a discount; they are left that many times less."""
    if not uses:
        return
    insert_many(
        session,
        _use,
        _USE_COLUMNS,
        [
            (
                *(use.applied.participation_id, use.applied.number, use.plan_subscription_id),
                *(use.option_subscription_id, use.period_end_at, use.order_id),
                *(use.full_kopecks, use.applied.off(use.full_kopecks), use.transaction_id, use.used_at),
            )
            for use in uses
        ],
    )
    for participation_id in sorted({use.applied.participation_id for use in uses}):
        count = sum(use.applied.participation_id == participation_id for use in uses)
        _change_left(session, participation_id, -count)


def return_of_order(session: Session, order_id: int) -> None:
    """Gives back what the order's charges used."""
    _return(session, _use.c.order_id == order_id)


def return_of_plan(session: Session, plan_subscription_id: int) -> None:
    """Gives back what the fees of that subscription used: it has never been."""
    _return(session, _use.c.plan_subscription_id == plan_subscription_id)


def _return(session: Session, which: Any) -> None:
    returned = session.execute(delete(_use).where(which).returning(_use.c.participation_id)).scalars().all()
    for participation_id in sorted(set(returned)):
        _change_left(session, participation_id, returned.count(participation_id))


def _change_left(session: Session, participation_id: int, by: int) -> None:
    left = _participation.c.discount_left + by
    session.execute(update(_participation).where(_participation.c.id == participation_id).values(discount_left=left))


def is_used(session: Session, participation_id: int) -> bool:
    """Whether any fee has had the discount."""
    query = select(_use.c.id).where(_use.c.participation_id == participation_id).limit(1)
    return session.execute(query).first() is not None
