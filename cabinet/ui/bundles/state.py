"""The state of the packages: what is left, what comes every month, what is on sale and which of it is chosen."""

from typing import Any, NamedTuple

import reflex as rx
import structlog

from cabinet import clock
from cabinet.db import in_read_session
from cabinet.services import bundles, subscribers
from cabinet.services.bundles import Bundles
from cabinet.ui import access, guard
from cabinet.ui.bundles import views
from cabinet.ui.bundles.views import CardView, GroupView, MeterView, MonthlyView, NoteView
from cabinet.ui.page_state import PageState
from cabinet.ui.quotes import forget_done, open_sheet

log = structlog.get_logger(__name__)

LONGEST_CODE = 64


class _Screen(NamedTuple):
    """Everything that the page reads, from one snapshot of the database."""

    name: str
    msisdn: str
    bundles: Bundles


class BundlesState(PageState, rx.State):
    """What the packages show. `chosen` is the one on sale that is marked; `answers` counts readings: with each, every
    switch stands as things really are."""

    note: NoteView = NoteView()
    meters: list[MeterView] = []
    monthly: list[MonthlyView] = []
    groups: list[GroupView] = []
    chosen: CardView = CardView()
    answers: int = 0
    opened: int = 0

    @access.subscriber
    async def load(self):
        """Reads the packages for the page that was opened; the one that will do is chosen already."""
        await forget_done(self)
        await self._read(is_first=True)

    @access.subscriber
    async def refresh(self):
        """Reads them again: after something was done, the button, a page that was out of sight."""
        await self._read()

    @access.subscriber
    async def choose(self, code: str):
        """Marks a package and says what there will be with it."""
        if _is_code(code):
            self._mark(code)

    @access.subscriber
    async def buy(self, code: str):
        """Opens the sheet of a package."""
        if _is_code(code):
            await open_sheet(self, bundles.quote_bundle, code)

    @access.subscriber
    async def turn(self, code: str, is_on: bool):
        """Stops a monthly package at once; of one that was stopped, opens the sheet of having it again."""
        if _is_code(code) and type(is_on) is bool:
            await open_sheet(self, bundles.quote_bundle if is_on else bundles.switch_off, code)

    async def _read(self, *, is_first: bool = False) -> None:
        now, language, subscriber_id = clock.now(), self._language(), guard.subscriber_id(self)
        try:
            screen = await in_read_session(_read_screen, subscriber_id, now=now)
        except Exception:
            # The screen must say so: an exception that leaves a handler sends no change of it.
            log.exception("the packages could not be read")
            self.has_failed = True
            self.answers += 1
            return
        found = screen.bundles
        self.has_failed = False
        self._greet(screen.name, screen.msisdn)
        self.note = views.note_view(found.advice, now, language)
        self.meters = views.meter_views(found, now, language)
        self.monthly = views.monthly_views(found, now, language)
        self.groups = views.group_views(found, now, language)
        before = self.chosen.code
        self._mark((found.advice.code if found.advice else "") if is_first else before)
        self.opened += self.chosen.code != before  # what is marked in the browser begins anew with it
        self._say_when(now, language)
        self.answers += 1
        self.is_ready = True

    def _mark(self, code: str) -> None:
        cards = (card for group in self.groups for card in group.cards)
        self.chosen = next((card for card in cards if card.code == code and not card.reason), CardView())


def _read_screen(session: Any, subscriber_id: int, **asked: Any) -> _Screen:
    subscriber = subscribers.get(session, subscriber_id)
    return _Screen(subscriber.name, subscriber.msisdn, bundles.list_bundles(session, subscriber_id, **asked))


def _is_code(value: object) -> bool:
    return type(value) is str and 0 < len(value) <= LONGEST_CODE and value.isascii() and value.isprintable()
