"""The only reader of the clock, and the operator's time zone.

The demo operator's clock can be moved forward: the database keeps its offset (`services/demo.py`), this mirrors it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cabinet.config import settings

_offset = timedelta()
_told: list[Callable[[], None]] = []


def now() -> datetime:
    """The operator's present moment, aware UTC; ahead of the machine's clock when the demo clock was moved."""
    return datetime.now(UTC) + _offset


def machine_seconds() -> int:
    """The machine's own clock, seconds since 1970, wherever the demo clock stands: what other servers go by."""
    return int(datetime.now(UTC).timestamp())


def set_offset(offset: timedelta) -> None:
    """Moves this process's `now()`. Only the demo clock and tests do that."""
    global _offset
    if offset == _offset:
        return
    _offset = offset
    for tell in _told:
        tell()


@contextmanager
def telling(of_a_move: Callable[[], None]) -> Iterator[None]:
    """Within the block it is called, in whichever thread, each time this process's clock has been moved."""
    _told.append(of_a_move)
    try:
        yield
    finally:
        _told.remove(of_a_move)


def time_zone() -> ZoneInfo:
    """Where the operator's days and billing periods begin."""
    return ZoneInfo(settings().time_zone)


def local(moment: datetime) -> datetime:
    """The same instant on the operator's wall clock."""
    return moment.astimezone(time_zone())
