"""What was done to the subscriber's number: who, what, why, when."""

from dataclasses import dataclass
from datetime import datetime

import reflex as rx
import structlog

from cabinet import clock
from cabinet.db import in_read_session
from cabinet.locales import Language, translate
from cabinet.services import cards
from cabinet.services.cards import Done
from cabinet.ui import access, deeds, formats, guard
from cabinet.ui.page_state import PageState

log = structlog.get_logger(__name__)

AT_FIRST, AT_MOST = 20, 500


@dataclass
class DeedView:
    """A line: what was done, by whom and when, with the reason that was given."""

    id: int
    title: str
    second: str
    reason: str


class ActionsState(PageState, rx.State):
    """What the page shows."""

    deeds: list[DeedView] = []
    has_older: bool = False

    @access.subscriber
    async def load(self):
        """Reads the last actions for the page that was opened."""
        await self._read(AT_FIRST)

    @access.subscriber
    async def show_older(self):
        """Reads all that is kept on the screen."""
        await self._read(AT_MOST)

    async def _read(self, lines: int) -> None:
        language, now = self._language(), clock.now()
        try:
            found = await in_read_session(cards.get_deeds, guard.subscriber_id(self), limit=lines + 1)
        except Exception:
            log.exception("what the staff did could not be read")
            self.has_failed = True
            return
        self.has_failed = False
        self._greet(found.name, found.msisdn)
        self.deeds = [_deed(one, now, language) for one in found.done[:lines]]
        self.has_older = len(found.done) > lines and lines < AT_MOST
        self.is_ready = True


def _deed(done: Done, now: datetime, language: Language) -> DeedView:
    return DeedView(
        id=done.action_id,
        title=deeds.title(done, language),
        second=f"{done.member_name or translate('Вы', language)}, {formats.moment(done.happened_at, now, language)}",
        reason=done.reason,
    )
