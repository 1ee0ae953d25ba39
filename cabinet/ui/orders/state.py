"""The history's state: orders a page at a time, and taking one back."""

from datetime import datetime
from typing import Any, NamedTuple

import reflex as rx
import structlog

from cabinet import clock
from cabinet.db import in_read_session
from cabinet.domain.errors import NotFound
from cabinet.locales import Language
from cabinet.services import orders, subscribers
from cabinet.services.orders import Order
from cabinet.ui import access, guard
from cabinet.ui.page_state import PageState, PageView
from cabinet.ui.quotes import forget_done, take_back
from cabinet.ui.quotes.views import WayBackView, order_view, way_back_view

log = structlog.get_logger(__name__)

PAGE = 20
_MAX_ID = 2**63 - 1


class _Screen(NamedTuple):
    """What opening the page reads, from one snapshot of the database. One order more than a page tells of the next."""

    name: str
    msisdn: str
    orders: list[Order]


class OrdersState(PageState, rx.State):
    """What the history shows. `ways` are the ways back of all orders on the screen, by their ids; `refusals` why one
    could not be taken back when that was asked for."""

    is_empty: bool = False
    page: PageView = PageView()
    ways: dict[int, WayBackView] = {}
    refusals: dict[int, str] = {}

    _before: int | None = None

    @access.subscriber
    async def load(self):
        """Reads the newest orders for the page that was opened: what another page told as done is among them."""
        await forget_done(self)
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

    @access.subscriber
    async def undo(self, order_id: int):
        """Takes an order back; why it cannot be stays beside it."""
        if type(order_id) is not int or not 0 < order_id <= _MAX_ID:
            return
        refusal = await take_back(self, order_id)
        self.refusals = {order_id: refusal} if refusal else {}
        now, language, subscriber_id = clock.now(), self._language(), guard.subscriber_id(self)
        try:
            order = await in_read_session(orders.get_order, subscriber_id, order_id, now=now)
        except NotFound:
            return
        self.ways = self.ways | {order_id: way_back_view(order, now, language)}

    async def _read(self, before: int | None = None) -> None:
        """The first page, or the one of what is older than `before`."""
        now, language, subscriber_id = clock.now(), self._language(), guard.subscriber_id(self)
        try:
            screen = await in_read_session(_read_screen, subscriber_id, before=before, now=now)
        except Exception:
            # The screen must say so: an exception that leaves a handler sends no change of it.
            log.exception("the history could not be read")
            self.has_failed = True
            return
        self.has_failed = False
        self._greet(screen.name, screen.msisdn)
        self._put(screen.orders, now, language, is_first=before is None)
        self._say_when(now, language)
        self.is_ready = True

    def _put(self, found: list[Order], now: datetime, language: Language, *, is_first: bool) -> None:
        shown = found[:PAGE]
        ways = {order.id: way_back_view(order, now, language) for order in shown}
        self.ways = ways if is_first else self.ways | ways
        if is_first:
            self.refusals, self.is_empty = {}, not shown
        rows = [order_view(order, now, language) for order in shown]
        self.page = self.page.turned(rows, is_first=is_first, is_end=len(found) <= PAGE)
        self._before = shown[-1].id if shown else None


def _read_screen(session: Any, subscriber_id: int, *, before: int | None, now: datetime) -> _Screen:
    subscriber = subscribers.get(session, subscriber_id)
    found = orders.list_orders(session, subscriber_id, before=before, limit=PAGE + 1, now=now)
    return _Screen(subscriber.name, subscriber.msisdn, found)
