"""The state of the promotions: the list, a promo code, one of them."""

from datetime import datetime
from typing import Any, NamedTuple

import reflex as rx
import structlog

from cabinet import clock
from cabinet.db import in_read_session, in_session
from cabinet.domain.errors import NotFound
from cabinet.locales import translate
from cabinet.services import promotions, subscribers
from cabinet.services.promotions import Detail, Offers
from cabinet.ui import access, guard
from cabinet.ui.page_state import PageState
from cabinet.ui.promotions import views
from cabinet.ui.promotions.views import CardView, DetailView
from cabinet.ui.quotes import forget_done, open_sheet

log = structlog.get_logger(__name__)

LONGEST_CODE = 40
LONGEST_PROMO_CODE = 64


class _Screen(NamedTuple):
    """Everything that the list reads, from one snapshot of the database."""

    name: str
    msisdn: str
    offers: Offers
    not_shown: set[int]


class OffersState(PageState, rx.State):
    """What the list shows. `best` stands above the others; `code_error` is why a promo code was refused."""

    best: CardView = CardView()
    cards: list[CardView] = []
    joined: list[CardView] = []
    code_error: str = ""

    @access.subscriber
    async def load(self):
        """Reads the promotions for the page that was opened."""
        self.code_error = ""
        await forget_done(self)
        await self._read()

    @access.subscriber
    async def refresh(self):
        """Reads them again: something was joined or undone, the button, a page that was out of sight."""
        await self._read()

    @access.subscriber
    async def redeem(self, form: dict):
        """Opens what the typed promo code is for; why it is for nothing stays under the field."""
        typed = form.get("promo_code") if isinstance(form, dict) else None
        language, now = self._language(), clock.now()
        if not isinstance(typed, str) or not typed.strip() or len(typed) > LONGEST_PROMO_CODE:
            self.code_error = translate("Введите промокод", language)
            return
        answer = await in_session(promotions.check_promo_code, guard.subscriber_id(self), typed, now=now)
        if answer.refusal:
            self.code_error = translate(answer.refusal.message, language, **answer.refusal.facts)
            return
        self.code_error = ""
        await open_sheet(self, promotions.quote_join, answer.promotion, promo_code=answer.promo_code)

    async def _read(self) -> None:
        now, language, subscriber_id = clock.now(), self._language(), guard.subscriber_id(self)
        try:
            screen = await in_read_session(_read_screen, subscriber_id, now=now)
            if screen.not_shown:
                await in_session(promotions.mark_shown, subscriber_id, screen.not_shown, now=now)
        except Exception:
            # The screen must say so: an exception that leaves a handler sends no change of it.
            log.exception("the promotions could not be read")
            self.has_failed = True
            return
        self.has_failed = False
        self._greet(screen.name, screen.msisdn)
        first, *others = screen.offers.for_me or (None,)
        self.best = views.card_view(first, now, language) if first else CardView()
        if first:
            self.best.until = views.hero_until(first, now, language)
        self.cards = [views.card_view(offer, now, language) for offer in others if offer]
        self.joined = [views.card_view(offer, now, language) for offer in screen.offers.joined]
        self._say_when(now, language)
        self.is_ready = True


def _read_screen(session: Any, subscriber_id: int, *, now: datetime) -> _Screen:
    subscriber = subscribers.get(session, subscriber_id)
    offers = promotions.list_for(session, subscriber_id, now=now)
    ids = {offer.promotion_id for offer in offers.for_me}
    not_shown = promotions.list_not_shown(session, subscriber_id, ids)
    return _Screen(subscriber.name, subscriber.msisdn, offers, not_shown)


class OfferState(PageState, rx.State):
    """What the page of one promotion shows."""

    is_missing: bool = False
    offer: DetailView = DetailView()

    @access.subscriber
    async def load(self):
        """Reads the promotion that the address names."""
        await forget_done(self)
        await self._read()

    @access.subscriber
    async def refresh(self):
        """Reads it again."""
        await self._read()

    @access.subscriber
    async def join(self, code: str):
        """Shows what joining would do."""
        if _is_code(code):
            await open_sheet(self, promotions.quote_join, code)

    @access.subscriber
    async def leave(self, code: str):
        """Shows what leaving would do."""
        if _is_code(code):
            await open_sheet(self, promotions.quote_leave, code)

    async def _read(self) -> None:
        now, language, subscriber_id = clock.now(), self._language(), guard.subscriber_id(self)
        code = self.router.url.query_parameters.get("code", "")
        try:
            name, msisdn, detail = await in_read_session(_read_one, subscriber_id, code, now=now)
        except Exception:
            # The screen must say so: an exception that leaves a handler sends no change of it.
            log.exception("the promotion could not be read")
            self.has_failed = True
            return
        self.has_failed = False
        self._greet(name, msisdn)
        self.is_missing = detail is None
        self.offer = views.detail_view(detail, now, language) if detail else DetailView()
        self.is_ready = True


def _read_one(session: Any, subscriber_id: int, code: str, *, now: datetime) -> tuple[str, str, Detail | None]:
    subscriber = subscribers.get(session, subscriber_id)
    try:
        detail = promotions.get_detail(session, subscriber_id, code, now=now) if _is_code(code) else None
    except NotFound:
        detail = None
    return subscriber.name, subscriber.msisdn, detail


def _is_code(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_CODE
