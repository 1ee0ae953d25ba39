"""What the State of every page of a subscriber has: whether it was read, whose it is, and of when its figures are."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import reflex as rx

from cabinet.locales import Language, language_of, translate
from cabinet.ui import formats


@dataclass
class PageView:
    """The newest page of a long list, numbered from 1; `statement` tells one list from another: see `kit.rows`."""

    statement: int = 0
    number: int = 0
    rows: list[Any] = field(default_factory=list)
    is_end: bool = True

    def turned(self, rows: Sequence[Any], *, is_first: bool, is_end: bool) -> "PageView":
        """The page after this one, or the first one of a list that begins anew."""
        number = 1 if is_first else self.number + 1
        return PageView(self.statement + is_first, number, list(rows), is_end)


class PageState(rx.State, mixin=True):
    """Mixed into a page's State (`class OrdersState(PageState, rx.State)`); `shell.frame` shows it.

    `is_ready`: there is something to show. `has_failed`: the last reading failed, and what is shown is older. `name`,
    `initial` and `number` are the subscriber's. `read_at` (“14:32”) and `as_of` are of when the figures are, where the
    page says that.
    """

    is_ready: bool = False
    has_failed: bool = False
    name: str = ""
    initial: str = ""
    number: str = ""
    as_of: str = ""
    read_at: str = ""

    def _greet(self, name: str, msisdn: str) -> None:
        """Whose page it is: who has no name is called by the number."""
        self.number = formats.phone(msisdn)
        self.name = name or self.number
        self.initial = name[:1].upper()

    def _say_when(self, now: datetime, language: Language, text: str = "Все цифры — на {time}") -> None:
        """Of when the figures are."""
        self.read_at = formats.clock_time(now)
        self.as_of = translate(text, language, time=self.read_at)

    def _language(self) -> Language:
        return language_of(self.router.headers.cookie)
