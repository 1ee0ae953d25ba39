"""The state of the services: what is found, how each stands, and what turning a switch leads to."""

from typing import Any, NamedTuple

import reflex as rx
import structlog

from cabinet import clock
from cabinet.db import in_read_session
from cabinet.locales import Language, name_in, translate
from cabinet.services import options, subscribers
from cabinet.services.options import Options
from cabinet.ui import access, formats, guard
from cabinet.ui.options import views
from cabinet.ui.options.views import ChipView, RowView, TotalView
from cabinet.ui.page_state import PageState
from cabinet.ui.quotes import forget_done, open_sheet

log = structlog.get_logger(__name__)

LONGEST_SEARCH = 100
LONGEST_CODE = 64


class _Screen(NamedTuple):
    """Everything that the page reads, from one snapshot of the database."""

    name: str
    msisdn: str
    options: Options


class OptionsState(PageState, rx.State):
    """What the services show. `answers` counts readings: with each, every switch stands as things really are."""

    total: TotalView = TotalView()
    search: str = ""
    category: str = ""
    chips: list[ChipView] = []
    switched_on: list[RowView] = []
    included: list[RowView] = []
    offered: list[RowView] = []
    not_found: str = ""
    answers: int = 0
    opened: int = 0

    @access.subscriber
    async def load(self):
        """Reads all services for the page that was opened."""
        await forget_done(self)
        self._show_everything()
        await self._read()

    @access.subscriber
    async def refresh(self):
        """Reads them again: after something was done, the button, a page that was out of sight."""
        await self._read()

    @access.subscriber
    async def find(self, search: str):
        """Shows the services with these words; of a longer text the first 100 characters count."""
        if type(search) is not str:
            return
        self.search = formats.typed(search, LONGEST_SEARCH).strip()
        await self._read()

    @access.subscriber
    async def show_only(self, category: str):
        """Shows the services of one category; an empty one, or one that is not there: of all."""
        if type(category) is not str:
            return
        self.category = category if any(chip.code == category for chip in self.chips) else ""
        await self._read()

    @access.subscriber
    async def show_all(self):
        """Takes the search and the category off."""
        self._show_everything()
        await self._read()

    @access.subscriber
    async def turn(self, code: str, is_on: bool):
        """Switches a service on, by the sheet where it costs anything, or off at once."""
        if _is_code(code) and type(is_on) is bool:
            await open_sheet(self, options.switch_on_free if is_on else options.switch_off, code)

    @access.subscriber
    async def keep(self, code: str):
        """Opens the sheet of keeping a trial."""
        if _is_code(code):
            await open_sheet(self, options.quote_keep, code)

    async def _read(self) -> None:
        now, language, subscriber_id = clock.now(), self._language(), guard.subscriber_id(self)
        try:
            screen = await in_read_session(
                _read_screen, subscriber_id, search=self.search, category=self.category, now=now
            )
        except Exception:
            # The screen must say so: an exception that leaves a handler sends no change of it.
            log.exception("the services could not be read")
            self.has_failed = True
            self.answers += 1
            return
        found = screen.options
        self.has_failed = False
        self._greet(screen.name, screen.msisdn)
        self.total = views.total_view(found, now, language)
        self.chips = [ChipView(one.code, name_in(one.name, language)) for one in found.categories]
        rows = [(card, views.row_view(card, now, language)) for card in found.cards]
        self.included = [row for card, row in rows if card.is_included]
        self.switched_on = [row for card, row in rows if card.is_on and not card.is_included]
        self.offered = [row for card, row in rows if not card.is_on and not card.is_included]
        self.not_found = "" if rows else _not_found(self.search, language)
        self._say_when(now, language)
        self.answers += 1
        self.is_ready = True

    def _show_everything(self) -> None:
        self.search = self.category = ""
        self.opened += 1  # the field of the search begins anew with it


def _read_screen(session: Any, subscriber_id: int, **asked: Any) -> _Screen:
    subscriber = subscribers.get(session, subscriber_id)
    return _Screen(subscriber.name, subscriber.msisdn, options.list_options(session, subscriber_id, **asked))


def _not_found(search: str, language: Language) -> str:
    if search:
        return translate("Ничего не нашли по слову «{word}».", language, word=search)
    return translate("Таких услуг нет.", language)


def _is_code(value: object) -> bool:
    return type(value) is str and 0 < len(value) <= LONGEST_CODE and value.isascii() and value.isprintable()
