"""The only reader of the clock, and the operator's time zone.

The demo operator's clock can be moved forward: the database keeps its offset (`services/demo.py`), this mirrors it.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cabinet.config import settings

_offset = timedelta()


def now() -> datetime:
    """The operator's present moment, aware UTC; ahead of the machine's clock when the demo clock was moved."""
    return datetime.now(UTC) + _offset


def set_offset(offset: timedelta) -> None:
    """Moves this process's `now()`. Only the demo clock and tests do that."""
    global _offset
    _offset = offset


def time_zone() -> ZoneInfo:
    """Where the operator's days and billing periods begin."""
    return ZoneInfo(settings().time_zone)


def local(moment: datetime) -> datetime:
    """The same instant on the operator's wall clock."""
    return moment.astimezone(time_zone())
