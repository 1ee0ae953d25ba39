"""The state of /notices: what happened, a page at a time."""

from datetime import date, datetime
from typing import Any, NamedTuple

import reflex as rx
import structlog

from cabinet import clock
from cabinet.db import in_read_session, in_session
from cabinet.services import notices, subscribers
from cabinet.services.notices import Told
from cabinet.ui import access, guard
from cabinet.ui.bell import BellState
from cabinet.ui.notices.views import notice_view
from cabinet.ui.page_state import PageState, PageView

log = structlog.get_logger(__name__)

PAGE = 30


class _Screen(NamedTuple):
    """What opening the page reads, from one snapshot of the database. One notice more than a page tells of the next."""

    name: str
    msisdn: str
    unread: int
    found: list[Told]


class NoticesState(PageState, rx.State):
    """What the page shows. Opening it marks all as read; what was unread then is new here until the next time."""

    is_empty: bool = False
    page: PageView = PageView()

    _opened_at: datetime | None = None
    _before: int | None = None
    _last_on: date | None = None

    @access.subscriber
    async def load(self):
        """Reads the newest notices for the page that was opened, and marks all as read."""
        self._opened_at = clock.now()
        await self._read()

    @access.subscriber
    async def refresh(self):
        """Reads them again: the button, a page that was out of sight, a connection that came back.

        A list of several pages stays as it is, or it would shrink under the reader.
        """
        if self.page.number <= 1:
            await self._read()

    @access.subscriber
    async def show_more(self, number: int):
        """The page after page `number`, if that is the last one shown."""
        if not self.is_ready:  # the state was lost
            await self._read()
        elif type(number) is int and number == self.page.number and self._before is not None:
            await self._read(before=self._before)

    async def _read(self, before: int | None = None) -> None:
        """The first page, or the one of what is older than `before`."""
        now, language, subscriber_id = clock.now(), self._language(), guard.subscriber_id(self)
        self._opened_at = self._opened_at or now
        try:
            screen = await in_read_session(_read_screen, subscriber_id, before=before, unread_at=self._opened_at)
            if screen.unread and before is None:
                await in_session(notices.mark_read, subscriber_id, screen.found[0].id, now=now)
                (await self.get_state(BellState)).unread = ""
        except Exception:
            # The screen must say so: an exception that leaves a handler sends no change of it.
            log.exception("the notices could not be read")
            self.has_failed = True
            return
        self.has_failed = False
        self._greet(screen.name, screen.msisdn)
        shown, above_on = screen.found[:PAGE], self._last_on if before else None
        rows = []
        for told in shown:
            rows.append(notice_view(told, above_on, now, language))
            above_on = clock.local(told.happened_at).date()
        if before is None:
            self.is_empty = not shown
        self.page = self.page.turned(rows, is_first=before is None, is_end=len(screen.found) <= PAGE)
        self._before, self._last_on = (shown[-1].id if shown else None), above_on
        self._say_when(now, language, "Уведомления — на {time}")
        self.is_ready = True


def _read_screen(session: Any, subscriber_id: int, *, before: int | None, unread_at: datetime) -> _Screen:
    subscriber = subscribers.get(session, subscriber_id)
    unread = notices.count_unread(session, subscriber_id)
    found = notices.list_notices(session, subscriber_id, before=before, limit=PAGE + 1, unread_at=unread_at)
    return _Screen(subscriber.name, subscriber.msisdn, unread, found)
