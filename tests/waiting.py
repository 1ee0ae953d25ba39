"""Waiting for conditions, never for time."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_pause = threading.Event()


def wait_until(condition: Callable[[], T], *, seconds: float = 20, what: str = "the condition") -> T:
    """Returns the condition's first true value; fails with `what` when it does not come in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s in vain: {what}")
        _pause.wait(0.05)
