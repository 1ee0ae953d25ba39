"""The bell of the header: how many notices are unread, on every page of a signed-in subscriber."""

import asyncio

import reflex as rx
import structlog

from cabinet import news
from cabinet.db import in_read_session
from cabinet.locales import Language, language_of
from cabinet.services import notices
from cabinet.ui import access, formats, guard

log = structlog.get_logger(__name__)

LOOK_EVERY = 60  # seconds: what another process has told is seen by then
WATCH_FOR = 600


class BellState(rx.State):
    """What the bell shows; `unread` is its name with the number, "" where nothing is unread."""

    unread: str = ""

    _watches: int = 0

    @access.subscriber
    async def load(self):
        """Counts for the page that was opened, and listens for news as long as it may be looked at."""
        await self._read()
        return BellState.watch

    @rx.event(background=True)
    @access.subscriber
    async def watch(self):
        """Counts again as soon as something has happened; gives up after ten minutes, when the page has to be looked at
        again. The newest one watches alone, so that nobody can set off a crowd of them."""
        subscriber_id = guard.subscriber_id(self)
        ends = asyncio.get_running_loop().time() + WATCH_FOR
        with news.listening(subscriber_id) as bell:
            async with self:
                self._watches += 1
                number = self._watches
                await self._read()  # what happened since the page was opened was told to nobody
            while asyncio.get_running_loop().time() < ends:
                await news.wait(bell, LOOK_EVERY)
                if await guard.is_left():
                    return
                async with self:
                    if self._watches != number:
                        return
                    await self._read()

    async def _read(self) -> None:
        language, subscriber_id = language_of(self.router.headers.cookie), guard.subscriber_id(self)
        try:
            count = await in_read_session(notices.count_unread, subscriber_id)
        except Exception:
            log.exception("unread notices could not be counted")  # the page is whole without the number
            return
        self.unread = _named(count, language) if count else ""


def _named(count: int, language: Language) -> str:
    if count > notices.MOST_UNREAD:
        most = formats.number(notices.MOST_UNREAD, language)
        return f"Уведомления, больше {most} новых" if language == "ru" else f"Notifications, more than {most} new"
    if language == "en":
        return f"Notifications, {formats.counted(count, 'new', 'new', language='en')}"
    return f"Уведомления, {formats.counted(count, 'новое', 'новых', 'новых')}"
