"""Caps: how much usage outside the packages may cost in a calendar month, as its payer has chosen. Pure; whole kopecks.

A cap begins with a month and holds until another one does. So a record that comes in late meets the cap of its own
month, whatever was chosen since.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from cabinet.domain.rating import Cut

WARN_PERCENT = 80


class Cap(NamedTuple):
    """`limit_kopecks` None: from that month on there is no cap any more."""

    month_on: date
    limit_kopecks: int | None


def limit_of(caps: Sequence[Cap], month_on: date) -> int | None:
    """The month's limit; `caps` as they were chosen, the last one last."""
    return next((cap.limit_kopecks for cap in reversed(caps) if cap.month_on <= month_on), None)


class Room:
    """What the caps of one subscriber leave of each month, while records are charged one after another."""

    __slots__ = ("_caps", "_spent", "_touched")

    def __init__(self, caps: Sequence[Cap], spent: Mapping[date, int]) -> None:
        self._caps, self._spent, self._touched = caps, dict(spent), set[date]()

    def take(self, month_on: date, kopecks: int) -> Cut | None:
        """Takes as much of `kopecks` as is left; the cut where that is not all, None where all is charged."""
        limit = limit_of(self._caps, month_on)
        if limit is None:
            return None
        self._touched.add(month_on)
        spent = self._spent.get(month_on, 0)
        left = max(limit - spent, 0)
        self._spent[month_on] = spent + min(kopecks, left)
        return Cut(limit, left) if left < kopecks else None

    def percent_used(self, month_on: date) -> tuple[int, int] | None:
        """How much of the month's limit is used, in whole percent, and the limit; None where nothing was taken."""
        limit = limit_of(self._caps, month_on)
        if limit is None or month_on not in self._touched:
            return None
        return self._spent[month_on] * 100 // limit, limit
