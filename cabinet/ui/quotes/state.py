"""The sheet of what something would do: see it, confirm exactly that, undo it. One for all pages.

A page opens it from a handler with `open_sheet` and shows it with `quote_sheet`; where a service does something at once
that can be undone, `open_sheet` tells so.
"""

from collections.abc import Callable
from typing import Any

import reflex as rx
import structlog

from cabinet import clock
from cabinet.db import in_session
from cabinet.domain.effects import Names
from cabinet.domain.errors import CabinetError
from cabinet.locales import Language, language_of, name_in, translate
from cabinet.services import orders
from cabinet.services.orders import Order, Quote, QuoteOutdated
from cabinet.ui import access, formats, guard
from cabinet.ui.quotes.views import DoneView, QuoteView, done_view, outdated_view, quote_view, undone_text

log = structlog.get_logger(__name__)

_MAX_ID = 2**63 - 1


class QuoteState(rx.State):
    """The open sheet, and what was done last. `refusal` is why nothing was done, in the subscriber's words;
    `answers` counts what was answered, to asking and to confirming."""

    is_open: bool = False
    answers: int = 0
    sheet: QuoteView = QuoteView()
    refusal: str = ""
    done: DoneView = DoneView()

    @access.subscriber
    async def confirm(self, quote_id: int):
        """Does what the quote says, once however often it is pressed; where the world has changed, shows a new one."""
        if not _is_id(quote_id):
            return
        now, language = clock.now(), _language(self)
        self.answers += 1
        try:
            answer = await in_session(orders.confirm, guard.subscriber_id(self), quote_id, now=now)
        except CabinetError as error:
            self.refusal = _words(error, language)
            return
        except Exception:
            # The sheet must say so: an exception that leaves a handler sends no change of it.
            log.exception("a quote could not be confirmed", quote_id=quote_id)
            self.refusal = translate(
                "Что-то сломалось у нас. Подтвердите ещё раз: дважды не сделаем и не спишем.", language
            )
            return
        if isinstance(answer, QuoteOutdated):
            self.sheet, self.refusal = outdated_view(answer, now, language), ""
            return
        _tell(self, answer, language)

    @access.subscriber
    async def undo(self, order_id: int):
        """Takes back what was done; why it cannot be, it says in the same place."""
        if _is_id(order_id):
            await take_back(self, order_id)

    @access.subscriber
    async def dismiss(self):
        """Nothing is done."""
        self.is_open = False


async def open_sheet(page: rx.State, ask: Callable[..., Quote | Order], *args: Any, **named: Any) -> None:
    """Asks a service what something would do, and opens the sheet with it, or with why it cannot be.

    A service that finds nothing to be confirmed does it at once; then it is told as done.
    """
    state = await page.get_state(QuoteState)
    state.answers += 1
    now, language = clock.now(), _language(page)
    try:
        answer = await in_session(ask, guard.subscriber_id(page), *args, now=now, **named)
    except CabinetError as error:
        state.sheet, state.refusal, state.is_open = QuoteView(), _words(error, language), True
        return
    if isinstance(answer, Order):
        _tell(state, answer, language)
    else:
        state.sheet, state.refusal, state.is_open = quote_view(answer, now, language), "", True


async def take_back(page: rx.State, order_id: int) -> str:
    """Undoes an order and tells it as done. What is in the way, if anything, is told so too, and returned."""
    state = await page.get_state(QuoteState)
    language, refusal = _language(page), ""
    try:
        order = await in_session(orders.undo, guard.subscriber_id(page), order_id, now=clock.now())
        text = undone_text(order, language)
    except CabinetError as error:
        text = refusal = _words(error, language)
    state.done = DoneView(number=state.done.number + 1, text=text)
    return refusal


async def forget_done(page: rx.State) -> None:
    """What was done last is told no more, and a sheet that was left open is closed: a page that opens would show both
    again."""
    state = await page.get_state(QuoteState)
    state.done, state.is_open = DoneView(number=state.done.number), False


def _tell(state: QuoteState, order: Order, language: Language) -> None:
    state.is_open, state.refusal = False, ""
    state.done = done_view(order, state.done.number + 1, language)


def _words(error: CabinetError, language: Language) -> str:
    return translate(error.message, language, **{name: _fact(fact, language) for name, fact in error.facts.items()})


def _fact(fact: object, language: Language) -> object:
    """Whatever is in words: the program's, the operator's, or several names of these."""
    if isinstance(fact, Names):
        return ", ".join(formats.quoted(name_in(name, language), language) for name in fact)
    return name_in(translate(fact, language), language) if isinstance(fact, str) else fact


def _language(state: rx.State) -> Language:
    return language_of(state.router.headers.cookie)


def _is_id(value: object) -> bool:
    return type(value) is int and 0 < value <= _MAX_ID
