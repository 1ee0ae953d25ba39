"""The dashboard's state: what is on the screen, and the two ways to read it anew."""

from datetime import datetime
from typing import Any

import reflex as rx
import structlog

from cabinet import clock
from cabinet.db import in_read_session
from cabinet.services import advisor, autopay, overview, promotions, spending_caps
from cabinet.services.overview import Overview
from cabinet.ui import access, formats, guard
from cabinet.ui.overview import views
from cabinet.ui.overview.views import (
    AutopayView,
    BalanceView,
    ExpensesView,
    MatterView,
    MeterView,
    OfferView,
    OperationView,
)
from cabinet.ui.page_state import PageState

log = structlog.get_logger(__name__)


class OverviewState(PageState, rx.State):
    """What the dashboard shows. Figures stay on the screen while newer ones are read, and when reading fails."""

    balance: BalanceView = BalanceView()
    is_suspended: bool = False
    until: str = ""
    meters: list[MeterView] = []
    is_running_out: bool = False
    matters: list[MatterView] = []
    autopay: AutopayView = AutopayView()
    offer: OfferView = OfferView()
    expenses: ExpensesView = ExpensesView()
    operations: list[OperationView] = []

    @access.subscriber
    async def load(self):
        """Reads the figures for the page that was opened."""
        await self._read()

    @access.subscriber
    async def refresh(self):
        """Reads them again: the button, a page that was out of sight, a connection that came back."""
        await self._read()

    @access.subscriber
    async def load_offer(self):
        """Reads the advisor's best plan, after the figures: six months replayed for the first time take a while. Where
        there is none that would save anything, the promotion that suits best stands there.

        Without it the page is whole, so a failure is only written down.
        """
        language, subscriber_id = self._language(), guard.subscriber_id(self)
        try:
            found = await in_read_session(advisor.get_advice, subscriber_id, now=clock.now())
            offer = views.offer_view(found, language)
            if not offer.title:
                offers = await in_read_session(promotions.list_for, subscriber_id, now=clock.now())
                offer = views.promotion_view(offers, language)
        except Exception:
            log.exception("the advice could not be read")
            return
        self.offer = offer

    async def _read(self) -> None:
        language, subscriber_id = self._language(), guard.subscriber_id(self)
        try:
            found, status, cap = await in_read_session(_read_figures, subscriber_id, now=clock.now())
        except Exception:
            # The screen must say so: an exception that leaves a handler sends no change of it.
            log.exception("the dashboard could not be read")
            self.has_failed = True
            return
        self.has_failed = False
        self._greet(found.name, found.msisdn)
        self.balance = views.balance_view(found, language)
        self.is_suspended = found.is_suspended
        self.until = views.allowances_until(found, language)
        self.meters = views.meter_views(found, language)
        self.is_running_out = any(meter.is_low for meter in self.meters)
        self.matters = views.matter_views(found, cap, language)
        self.autopay = views.autopay_view(status, found, language)
        self.expenses = views.expenses_view(found.expenses, language)
        self.operations = views.operation_views(found, language)
        self.as_of = views.as_of(found, language)
        self.read_at = formats.clock_time(found.as_of)
        self.is_ready = True


def _read_figures(
    session: Any, subscriber_id: int, *, now: datetime
) -> tuple[Overview, autopay.Status | None, spending_caps.Status | None]:
    return (
        overview.get_overview(session, subscriber_id, now=now),
        autopay.get_status(session, subscriber_id, now=now),
        spending_caps.find_status(session, subscriber_id, now=now),
    )
