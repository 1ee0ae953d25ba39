"""The state of topping up, and of the page that waits for what became of it.

Paying itself is a plain form (`http/top_ups.py`): it works before the socket is up, and it leaves for the bank.
"""

import asyncio
import re
import secrets
from datetime import datetime
from typing import Any

import reflex as rx
import structlog

from cabinet import clock, news
from cabinet.db import in_read_session
from cabinet.domain.effects import OrderKind, Request
from cabinet.domain.errors import NotFound
from cabinet.locales import Language, translate
from cabinet.services import orders, promised_payments, subscribers, top_ups
from cabinet.services.promised_payments import PromiseOffer
from cabinet.services.top_ups import AmountNotAllowed, Offer, TopUp
from cabinet.ui import access, formats, guard
from cabinet.ui.page_state import PageState
from cabinet.ui.quotes import forget_done, open_sheet
from cabinet.ui.top_ups import views
from cabinet.ui.top_ups.views import MethodView, PromiseView, ResultView, SumView, TopUpView

log = structlog.get_logger(__name__)

LONGEST_SUM = 20
HISTORY = 10
_MOST_KOPECKS = 10**11
LOOK_EVERY = 3.0  # seconds; news of this process come at once
WATCH_FOR = 600.0
_ID = re.compile(r"[0-9]{1,18}")
_REFUSALS = {
    "often": "Слишком много попыток пополнить за час. Подождите немного и попробуйте снова.",
    "gone": "Этой карты больше нет. Выберите другой способ.",
    "again": "Страница устарела. Проверьте сумму и нажмите ещё раз.",
}


class TopUpsState(PageState, rx.State):
    """What the page of topping up shows. `occasion` is drawn anew each time: by it a second click is the same one."""

    occasion: str = ""
    opened: int = 0
    amount: str = ""
    amount_text: str = ""
    error: str = ""
    refusal: str = ""
    limits: str = ""
    sums: list[SumView] = []
    advice: str = ""
    methods: list[MethodView] = []
    saves: bool = False
    saved: list[MethodView] = []
    history: list[TopUpView] = []
    promise: PromiseView = PromiseView()
    promised: int = 0

    @access.subscriber
    async def load(self):
        """Opens the page; the address has the amount, the way to pay, whether to save it, why the last try failed."""
        await forget_done(self)
        asked = self.router.url.query_parameters
        language, now, subscriber_id = self._language(), clock.now(), guard.subscriber_id(self)
        try:
            name, msisdn, offer, promise, history = await in_read_session(_read, subscriber_id, now=now)
        except Exception:
            log.exception("the page of topping up could not be read")
            self.has_failed = True
            return
        self.has_failed = False
        self._greet(name, msisdn)
        self.limits = views.limits(offer, language)
        self.sums = views.sum_views(offer, language)
        self.advice = views.advice(offer, now, language)
        self.methods = views.method_views(offer, asked.get("method", ""), language)
        self.saves = asked.get("save", "") == "1"
        self.saved = [method for method in self.methods if method.id]
        self.history = views.history_views(history, now, language)
        self.promise = views.promise_view(promise, now, language)
        self.refusal = _refusal(asked.get("refused", ""), language)
        self.occasion = secrets.token_urlsafe(16)
        first = asked.get("amount", "")[:LONGEST_SUM] or (self.sums[0].value if self.sums else "")
        if first != self.amount or not self.is_ready:  # the same field goes on, with what is being typed into it
            self._put(first)
        self.is_ready = True

    @access.subscriber
    async def choose(self, amount: str):
        """Puts one of the sums into the field."""
        if type(amount) is str:
            self._put(amount[:LONGEST_SUM])

    @access.subscriber
    async def type_amount(self, amount: str):
        """Reads what is being typed, so that the button says it; what is wrong is said when it is left."""
        if type(amount) is str:
            self.amount = amount[:LONGEST_SUM]
            self._say(is_left=False)

    @access.subscriber
    async def leave_amount(self, amount: str):
        """The field was left: what is wrong with it is said."""
        if type(amount) is str:
            self.amount = amount[:LONGEST_SUM]
            self._say(is_left=True)

    @access.subscriber
    async def ask_promise(self, kopecks: int):
        """Opens the sheet of a promised payment of that sum."""
        if type(kopecks) is int and 0 < kopecks < _MOST_KOPECKS:
            self.promised = kopecks
            await open_sheet(self, orders.ask, Request(OrderKind.PROMISE, str(kopecks)))

    @access.subscriber
    async def refresh_promise(self):
        """Reads anew what is said of the promised payment: after one was taken or undone."""
        now, language = clock.now(), self._language()
        _, _, offer, promise, _ = await in_read_session(_read, guard.subscriber_id(self), now=now)
        self.promise = views.promise_view(promise, now, language)
        self.sums = views.sum_views(offer, language)
        self.advice = views.advice(offer, now, language)

    def _put(self, amount: str) -> None:
        self.amount = amount
        self.opened += 1  # the field begins anew with it
        self._say(is_left=True)

    def _say(self, *, is_left: bool) -> None:
        language = self._language()
        try:
            self.amount_text = formats.money(top_ups.read_amount(self.amount), language)
            self.error = ""
        except AmountNotAllowed as error:
            self.amount_text = ""
            if is_left and self.amount:
                self.error = translate(error.message, language, **error.facts)


def _refusal(code: str, language: Language) -> str:
    text = _REFUSALS.get(code)
    return translate(text, language) if text else ""


def _read(
    session: Any, subscriber_id: int, *, now: datetime
) -> tuple[str, str, Offer, PromiseOffer | None, list[TopUp]]:
    who = subscribers.get(session, subscriber_id)
    offer = top_ups.get_offer(session, subscriber_id, now=now)
    lacking = offer.next_charge.shortage_kopecks if offer.next_charge else 0
    promise = promised_payments.get_offer(session, subscriber_id, lacking_kopecks=lacking, now=now)
    return who.name, who.msisdn, offer, promise, list(top_ups.list_top_ups(session, subscriber_id, limit=HISTORY))


def _who(session: Any, subscriber_id: int) -> tuple[str, str]:
    who = subscribers.get(session, subscriber_id)
    return who.name, who.msisdn


class ResultState(PageState, rx.State):
    """What became of the payment in the address. It only reads: nothing on this page moves money."""

    is_missing: bool = False
    result: ResultView = ResultView()

    _payment: int = 0
    _watches: int = 0

    @access.subscriber
    async def load(self):
        """Reads the payment of the address, and watches it as long as nobody knows what became of it."""
        asked = self.router.url.query_parameters.get("payment", "")
        self._payment = int(asked) if _ID.fullmatch(asked) else 0
        await self._read()
        return ResultState.watch if self.result.state == "wait" else None

    @access.subscriber
    async def refresh(self):
        """Reads it again: a page that was out of sight, a connection that came back."""
        await self._read()
        return ResultState.watch if self.result.state == "wait" else None

    @rx.event(background=True)
    @access.subscriber
    async def watch(self):
        """Shows the end as soon as there is one; gives up after ten minutes, when the page has to be looked at again.

        The newest one watches alone, so that nobody can set off a crowd of them.
        """
        subscriber_id = guard.subscriber_id(self)
        ends = asyncio.get_running_loop().time() + WATCH_FOR
        with news.listening(subscriber_id) as bell:
            async with self:
                self._watches += 1
                number = self._watches
                await self._read()  # what came since the page was opened was told to nobody
            while self.result.state == "wait" and asyncio.get_running_loop().time() < ends:
                await news.wait(bell, LOOK_EVERY)
                if await guard.is_left():
                    return
                async with self:
                    if self._watches != number:
                        return
                    await self._read()

    async def _read(self) -> None:
        language, now, subscriber_id = self._language(), clock.now(), guard.subscriber_id(self)
        try:
            name, msisdn = await in_read_session(_who, subscriber_id)
            self._greet(name, msisdn)
            found = await in_read_session(top_ups.get_result, subscriber_id, self._payment, now=now)
        except NotFound:
            self.is_missing = self.is_ready = True
            return
        except Exception:
            log.exception("the result of a payment could not be read")
            self.has_failed = True
            return
        self.has_failed = self.is_missing = False
        self.result = views.result_view(found, now, language)
        self.is_ready = True
