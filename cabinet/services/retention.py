"""What is kept for how long: usage in detail for some months, what was charged and its sums by day for ever.

When a month has had its time, it is gone at once on PostgreSQL (its partition is dropped) and row by row on SQLite.
From the moment up to which usage is gone (`usage_kept_from`) everything else knows why there is nothing: the statement
says so, the audit asks for no record, and the import takes none, for nobody could say whether it was rated before.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Table, delete, select
from sqlmodel import Session, col

from cabinet import clock, months
from cabinet.config import settings
from cabinet.models.base import metadata
from cabinet.models.usage import Retention

AT_MOST = 5_000  # rows of a table in one transaction
MONTHS_AHEAD = 3

_record: Table = metadata.tables["usage_record"]
_key: Table = metadata.tables["usage_key"]
USAGE_KEPT_FROM = select(col(Retention.kept_from)).where(col(Retention.what) == "usage")


def usage_kept_from(session: Session) -> datetime | None:
    """Since when there is usage in detail; None: since ever."""
    return session.execute(USAGE_KEPT_FROM).scalar()


def make_months(session: Session, *, now: datetime) -> int:
    """Makes the months to come, and those of what has been written for months that are not there; returns how many."""
    return months.make(session, now, _months_from(now, MONTHS_AHEAD))


def drop_usage(session: Session, *, now: datetime) -> int:
    """Forgets usage that has had its time, at most `AT_MOST` records of what has no month of its own; returns how many
    rows and months. Called until it returns 0."""
    kept = settings().usage_months_kept
    if not kept:
        return 0
    before = months.month_of(_months_from(now, -kept))  # the partitions' month: more is kept, never less
    known = usage_kept_from(session)
    if known is not None and known > before:  # more is kept since: what is gone does not come back
        before = known
    session.merge(Retention(what="usage", kept_from=before))
    session.flush()
    return (
        months.drop_until(session, "usage_record", before)
        + _delete_some(session, _record, _record.c.id, before)
        + _delete_some(session, _key, _key.c.record_id, before)
    )


def _delete_some(session: Session, table: Table, key: Column[Any], before: datetime) -> int:
    some = select(key).where(table.c.started_at < before).limit(AT_MOST)
    return session.connection().execute(delete(table).where(table.c.started_at < before, key.in_(some))).rowcount


def _months_from(now: datetime, count: int) -> datetime:
    """The beginning, by the operator's clock, of the month that is so many after the present one."""
    local = clock.local(now)
    year, month = divmod(local.year * 12 + local.month - 1 + count, 12)
    return local.replace(year=year, month=month + 1, day=1, hour=0, minute=0, second=0, microsecond=0)
