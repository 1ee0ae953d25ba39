"""When a gateway may be asked again: growing pauses after failures, and a rate that is never exceeded."""

import time

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 30.0


class Pause:
    """Growing pauses: 1, 2, 4 … 30 seconds, until something succeeds."""

    def __init__(self) -> None:
        self._failures = 0
        self._until = 0.0

    @property
    def is_on(self) -> bool:
        """Whether to leave the gateway alone."""
        return time.monotonic() < self._until

    def begin(self, at_least: float = 0.0) -> None:
        """After a failure; `at_least` is what the other side asked for, in seconds."""
        grown = min(FIRST_SECONDS * 2 ** min(self._failures, 30), LONGEST_SECONDS)
        self._failures += 1
        self._until = time.monotonic() + max(grown, at_least)

    def forget(self) -> None:
        """After a success."""
        self._failures, self._until = 0, 0.0


class Rate:
    """So many a second and no more; a second's worth may go at once. 0 is without limit."""

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._left, self._counted_at = float(per_second), time.monotonic()

    def room(self) -> int | None:
        """How many may go now; None without a limit."""
        if not self._per_second:
            return None
        now = time.monotonic()
        grown = self._left + (now - self._counted_at) * self._per_second
        self._left, self._counted_at = min(grown, float(self._per_second)), now
        return max(int(self._left), 0)

    def take(self) -> None:
        """One has gone."""
        self._left -= 1
