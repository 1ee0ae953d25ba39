"""How often something may happen: counters in the database, raised by one atomic statement.

Windows are fixed and start at whole multiples of their length. A key names what is counted and for whom, for example
`codes:79161234567`.
"""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from cabinet.models.sign_in import LimitCounter

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Count:
    """How often in this window, and when the window ends."""

    count: int
    ends_at: datetime

    def minutes_left(self, now: datetime) -> int:
        """Whole minutes until the window ends, at least one."""
        return max(1, -(-int((self.ends_at - now).total_seconds()) // 60))


def hit(session: Session, key: str, *, window: timedelta, now: datetime) -> Count:
    """Counts one more and returns how many that makes."""
    start = _EPOCH + (now - _EPOCH) // window * window
    return Count(_raise(session, key, start, start + window), start + window)


def hit_in_a_row(session: Session, key: str, *, forgotten_after: timedelta, now: datetime) -> int:
    """Counts one more in a row that `forget` ends, or `forgotten_after` without another one."""
    session.exec(delete(LimitCounter).where(col(LimitCounter.key) == key, col(LimitCounter.expires_at) <= now))
    count = _raise(session, key, _EPOCH, now + forgotten_after)
    session.exec(update(LimitCounter).where(col(LimitCounter.key) == key).values(expires_at=now + forgotten_after))
    return count


def look(session: Session, key: str, *, window: timedelta, now: datetime) -> Count:
    """How many there are in the present window, without counting one."""
    start = _EPOCH + (now - _EPOCH) // window * window
    row = session.exec(
        select(LimitCounter.count).where(LimitCounter.key == key, LimitCounter.window_start_at == start)
    ).first()
    return Count(row or 0, start + window)


def look_in_a_row(session: Session, key: str, *, now: datetime) -> int:
    """How many there are in a row."""
    return (
        session.exec(
            select(LimitCounter.count).where(
                LimitCounter.key == key,
                LimitCounter.window_start_at == _EPOCH,
                col(LimitCounter.expires_at) > now,
            )
        ).first()
        or 0
    )


def forget(session: Session, *keys: str) -> None:
    """Starts these counts anew."""
    session.exec(delete(LimitCounter).where(col(LimitCounter.key).in_(keys)))


def network(address: str) -> str:
    """What an address is counted by: a provider gives a household 2**64 addresses of IPv6."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if parsed.version == 4:
        return str(parsed)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def _raise(session: Session, key: str, start: datetime, expires_at: datetime) -> int:
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(LimitCounter).values(key=key, window_start_at=start, count=1, expires_at=expires_at)
    upsert = statement.on_conflict_do_update(
        index_elements=["key", "window_start_at"], set_={"count": col(LimitCounter.count) + 1}
    ).returning(col(LimitCounter.count))
    return session.execute(upsert).scalar_one()
