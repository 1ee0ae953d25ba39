"""Tables that PostgreSQL keeps by month: a partition each, by UTC, in a schema of their own. SQLite has plain tables.

What falls into no month there is (a year that is imported, a payment posted for long ago) waits in the table's default
partition, where everything finds it; `make` puts it into months of its own. The worker calls `make` ahead of time.
"""
# ruff: noqa: S608  statements are put together from the names below and from dates

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import text
from sqlmodel import Session

SCHEMA = "partitions"
PATIENCE_MS = 500  # PostgreSQL looks for deadlocks after a second
TABLES = {"posting": "happened_at", "usage_record": "started_at"}  # by when

_NAME = re.compile(r"(posting|usage_record)_(\d{4})_(\d{2})")


def make(session: Session, first: datetime, last: datetime) -> int:
    """Makes the partitions that lack from the month of `first` to that of `last`, and for what waits in the default
    ones; returns how many were made.

    Who reads or writes the tables waits for it: for the moment of making, and while what waits is moved. Where it would
    have to wait for somebody itself, it gives way, sooner than PostgreSQL would break a deadlock at his cost.

    Raises:
        OperationalError: it has given way; the next time is as good.
    """
    if session.get_bind().dialect.name == "sqlite":
        return 0
    session.execute(text(f"SET LOCAL lock_timeout = {PATIENCE_MS}"))
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('cabinet.months'))"))  # one maker at a time
    made = 0
    for table in TABLES:
        made += _sort(session, table)
        known = {start for name, start in list_months(session) if name == table}
        for start in _months(first, last):
            if start not in known:
                _make_one(session, table, start)
                made += 1
    return made


def drop_until(session: Session, table: str, moment: datetime) -> int:
    """Drops the months of a table that were over by the moment, with all that is in them; returns how many."""
    if session.get_bind().dialect.name == "sqlite":
        return 0
    over = [start for name, start in list_months(session) if name == table and _next(start) <= moment]
    for start in over:
        session.execute(text(f"DROP TABLE {_partition(table, start)}"))
    return len(over)


def list_months(session: Session) -> list[tuple[str, datetime]]:
    """Every table and month that has a partition, in order."""
    if session.get_bind().dialect.name == "sqlite":
        return []
    names = session.execute(
        text("SELECT c.relname FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid WHERE c.relnamespace = :of"),
        {"of": _schema_id(session)},
    ).scalars()
    found = (_NAME.fullmatch(name) for name in names)
    return sorted((each[1], datetime(int(each[2]), int(each[3]), 1, tzinfo=UTC)) for each in found if each)


def list_unsorted(session: Session) -> list[str]:
    """Tables with rows that wait in the default partition for a month of their own."""
    if session.get_bind().dialect.name == "sqlite":
        return []
    return [table for table in TABLES if _has_unsorted(session, table)]


def _has_unsorted(session: Session, table: str) -> bool:
    return bool(session.execute(text(f"SELECT EXISTS (SELECT 1 FROM {SCHEMA}.{table}_default)")).scalar())


def _sort(session: Session, table: str) -> int:
    """Gives what waits in the default partition months of its own. No row is changed or deleted: the partition is put
    aside, its rows are inserted anew as they are, and it is dropped."""
    if not _has_unsorted(session, table):
        return 0
    session.execute(text("SET LOCAL statement_timeout = 0"))
    default, aside, at = f"{SCHEMA}.{table}_default", f"{table}_aside", TABLES[table]
    session.execute(text(f"ALTER TABLE {table} DETACH PARTITION {default}"))
    session.execute(text(f"ALTER TABLE {default} RENAME TO {aside}"))
    session.execute(text(f"CREATE TABLE {default} PARTITION OF {table} DEFAULT"))
    known = {start for name, start in list_months(session) if name == table}
    waiting = session.execute(
        text(f"SELECT DISTINCT date_trunc('month', {at} AT TIME ZONE 'UTC') FROM {SCHEMA}.{aside} ORDER BY 1")
    ).scalars()
    lacking = [start for start in (each.replace(tzinfo=UTC) for each in waiting) if start not in known]
    for start in lacking:
        _make_one(session, table, start)
    session.execute(text(f"INSERT INTO {table} SELECT * FROM {SCHEMA}.{aside}"))
    session.execute(text(f"DROP TABLE {SCHEMA}.{aside}"))
    return len(lacking)


def _make_one(session: Session, table: str, start: datetime) -> None:
    """Attached when it is whole: so readers of other months are not waited for."""
    partition = _partition(table, start)
    session.execute(text(f"CREATE TABLE {partition} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"))
    bounds = f"FROM ('{start:%Y-%m-%d} UTC') TO ('{_next(start):%Y-%m-%d} UTC')"
    session.execute(text(f"ALTER TABLE {table} ATTACH PARTITION {partition} FOR VALUES {bounds}"))


def _partition(table: str, start: datetime) -> str:
    return f"{SCHEMA}.{table}_{start:%Y_%m}"


def _months(first: datetime, last: datetime) -> Iterator[datetime]:
    start = month_of(first)
    while start <= last:
        yield start
        start = _next(start)


def month_of(moment: datetime) -> datetime:
    """When the moment's month began, by UTC."""
    return moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _next(start: datetime) -> datetime:
    return start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)


def _schema_id(session: Session) -> int:
    return session.execute(text("SELECT oid FROM pg_namespace WHERE nspname = :name"), {"name": SCHEMA}).scalar_one()
