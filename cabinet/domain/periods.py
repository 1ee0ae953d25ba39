"""Billing periods: half-open, anchored, cut at local midnight and kept as UTC instants.

A boundary is computed from the anchor day alone, never from the boundary before it: a period anchored on the 31st that
ended on 28 February goes on to 31 March.
"""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from enum import StrEnum


class PeriodUnit(StrEnum):
    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """`start <= moment < end`, both aware UTC."""

    start: datetime
    end: datetime

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end


def period_containing(moment: datetime, anchor_day: int, unit: PeriodUnit, tz: tzinfo) -> Period:
    """The period that `moment` (aware) belongs to. `anchor_day` (1–31) is the day a monthly period begins on, clamped
    to the last day of a shorter month; a daily period has no use for it."""
    _check(moment, anchor_day)
    local = moment.astimezone(tz).date()
    index = local.toordinal() if unit == PeriodUnit.DAY else local.year * 12 + local.month - 1
    # The local date only says where to look; instants decide, because clocks set back can show a date twice.
    while moment < _boundary(index, anchor_day, unit, tz):
        index -= 1
    while moment >= (end := _boundary(index + 1, anchor_day, unit, tz)):
        index += 1
    return Period(_boundary(index, anchor_day, unit, tz), end)


def next_period(period: Period, anchor_day: int, unit: PeriodUnit, tz: tzinfo) -> Period:
    """The period that begins where this one ends."""
    return period_containing(period.end, anchor_day, unit, tz)


def periods_between(start: datetime, end: datetime, anchor_day: int, unit: PeriodUnit, tz: tzinfo) -> Iterator[Period]:
    """Every period that shares a moment with `start <= moment < end`, in order; none when that is empty."""
    _check(end, anchor_day)
    if start >= end:
        return
    period = period_containing(start, anchor_day, unit, tz)
    while period.start < end:
        yield period
        period = next_period(period, anchor_day, unit, tz)


def months_between(earlier: datetime, later: datetime, tz: tzinfo) -> int:
    """How many local calendar months `later` is after `earlier`: 0 within one month, negative when it comes before."""
    first, last = earlier.astimezone(tz), later.astimezone(tz)
    return (last.year - first.year) * 12 + last.month - first.month


def _boundary(index: int, anchor_day: int, unit: PeriodUnit, tz: tzinfo) -> datetime:
    """The instant the period of that number begins: a day by its ordinal, a month by year * 12 + month - 1."""
    if unit == PeriodUnit.DAY:
        day = date.fromordinal(index)
    else:
        year, month = index // 12, index % 12 + 1
        day = date(year, month, min(anchor_day, monthrange(year, month)[1]))
    return datetime.combine(day, time.min, tz).astimezone(UTC)


def _check(moment: datetime, anchor_day: int) -> None:
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone")
    if not 1 <= anchor_day <= 31:
        raise ValueError(f"there is no day {anchor_day} to begin a period on")
