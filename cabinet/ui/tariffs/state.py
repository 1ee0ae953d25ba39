"""The state of the tariffs: mine, its settings, the others; what both pages show.

Where the sliders stand is kept by the browser (`kit.priced`): the server hears of it when a quote is asked for.
"""

import re
from datetime import datetime
from typing import Any, NamedTuple

import reflex as rx
import structlog

from cabinet import clock
from cabinet.db import in_read_session
from cabinet.domain.catalogue import SwitchTime
from cabinet.locales import Language
from cabinet.services import advisor, snapshots, subscribers, tariffs
from cabinet.services.advisor import Advice
from cabinet.services.tariffs import Mine, Offer
from cabinet.ui import access, guard, quotes
from cabinet.ui.page_state import PageState
from cabinet.ui.tariffs import views
from cabinet.ui.tariffs.views import AdviceView, MineView, SettingsView, TableView, TimeView

log = structlog.get_logger(__name__)

MOST_SETTINGS = 20
_CODE = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}", re.ASCII)


class _Plans(NamedTuple):
    mine: Mine
    offers: list[Offer]
    advice: Advice


class _Screen(NamedTuple):
    """Everything that the pages read, from one snapshot of the database; `plans` None: the number has no tariff."""

    name: str
    msisdn: str
    plans: _Plans | None


class TariffsState(PageState, rx.State):
    """What the tariffs show. They stay on the screen while newer ones are read, and when reading fails."""

    has_plan: bool = False
    mine: MineView = MineView()
    settings: SettingsView = SettingsView()
    advice: AdviceView = AdviceView()
    table: TableView = TableView()
    times: list[TimeView] = []

    _when: dict[str, tuple[SwitchTime, ...]] = {}  # by plan, "" for the settings of mine
    _period_end_at: datetime | None = None
    _asked: tuple[str, dict[str, str]] | None = None

    @access.subscriber
    async def load(self):
        """Reads the tariffs for the page that was opened."""
        await quotes.forget_done(self)
        await self._read()

    @access.subscriber
    async def refresh(self):
        """Reads them again: an order, a page that was out of sight, a connection that came back."""
        await self._read()

    @access.subscriber
    async def quote_switch(self, plan_code: str, settings: dict[str, str]):
        """Opens the sheet of moving to that plan with those settings."""
        if _is_code(plan_code) and _are_settings(settings):
            await self._ask(plan_code, settings)

    @access.subscriber
    async def quote_settings(self, settings: dict[str, str]):
        """Opens the sheet of other settings of my plan; the present ones take back what is planned."""
        if _are_settings(settings):
            await self._ask("", settings)

    @access.subscriber
    async def quote_time(self, when: str):
        """Asks the same anew, to begin at another time."""
        if type(when) is str and when in set(SwitchTime) and self._asked is not None:
            await self._ask(*self._asked, SwitchTime(when))

    async def _ask(self, plan_code: str, settings: dict[str, str], when: SwitchTime | None = None) -> None:
        """The plan's usual time unless `when` says another one; no `plan_code` is my own plan."""
        self._asked = plan_code, settings
        self.times = []
        if self._period_end_at is not None and (plan_code or settings):
            times = self._when.get(plan_code, ())
            self.times = views.time_views(times, when, self._period_end_at, clock.now(), self._language())
        if plan_code:
            await quotes.open_sheet(self, tariffs.quote_switch, plan_code, settings=settings, when=when)
        else:
            await quotes.open_sheet(self, tariffs.quote_settings, settings, when=when)

    async def _read(self) -> None:
        now, language, subscriber_id = clock.now(), self._language(), guard.subscriber_id(self)
        try:
            screen = await in_read_session(_read_screen, subscriber_id, now=now)
        except Exception:
            # The screen must say so: an exception that leaves a handler sends no change of it.
            log.exception("the tariffs could not be read")
            self.has_failed = True
            return
        self.has_failed = False
        self._greet(screen.name, screen.msisdn)
        self.has_plan = screen.plans is not None
        if screen.plans is not None:
            self._show(*screen.plans, now, language)
        self._say_when(now, language)
        self.is_ready = True

    def _show(self, mine: Mine, offers: list[Offer], advice: Advice, now: datetime, language: Language) -> None:
        used = views.used_a_month(advice)
        self.mine = views.mine_view(mine, now, language)
        self.settings = views.settings_view(mine, used, now, language)
        self.advice = views.advice_view(mine, offers, advice, used, language)
        self.table = views.table_view(mine, offers, advice, language)
        self._when = {offer.plan.code: offer.when for offer in offers if not offer.is_mine} | {"": mine.settings_when}
        self._period_end_at = mine.next_fee_at


def _read_screen(session: Any, subscriber_id: int, *, now: datetime) -> _Screen:
    subscriber = subscribers.get(session, subscriber_id)
    plans: _Plans | None = None
    try:
        mine = tariffs.get_mine(session, subscriber_id, now=now)
        offers = tariffs.list_offers(session, mine)
        plans = _Plans(mine, offers, advisor.get_advice(session, subscriber_id, now=now))
    except snapshots.NoPlan:
        log.info("a number without a tariff", subscriber_id=subscriber_id)
    return _Screen(subscriber.name, subscriber.msisdn, plans)


def _is_code(value: object) -> bool:
    return type(value) is str and _CODE.fullmatch(value) is not None


def _are_settings(value: Any) -> bool:
    """Names and steps as a catalogue may have them; which ones there are, the service knows."""
    if type(value) is not dict or len(value) > MOST_SETTINGS:
        return False
    return all(_is_code(part) for pair in value.items() for part in pair)
