"""Which fees are due: the same of tariffs as of services and packages."""

from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from cabinet.models.subscribers import Subscriber, SubscriberStatus


def claim(session: Session, table: Any, *conditions: Any, now: datetime, limit: int) -> list[int]:
    """Ids of the subscriptions of active subscribers whose fee is due, the longest waiting first.

    On PostgreSQL they are claimed until the transaction ends, and those that another worker has claimed are left out.
    """
    query = _due(table.id, table, conditions, now, limit)
    return list(session.exec(query.with_for_update(skip_locked=True, of=table)))


def moments(session: Session, table: Any, *conditions: Any, now: datetime, limit: int) -> list[datetime]:
    """Since when those have been due; claims nothing."""
    return list(session.exec(_due(table.next_fee_at, table, conditions, now, limit)))


def _due(what: Any, table: Any, conditions: tuple[Any, ...], now: datetime, limit: int) -> Any:
    return (
        select(what)
        .join(Subscriber, col(Subscriber.id) == table.subscriber_id)
        .where(table.next_fee_at <= now, *conditions, Subscriber.status == SubscriberStatus.ACTIVE)
        .order_by(table.next_fee_at)  # and nothing else: a month's day has one moment for everybody
        .limit(limit)
    )
