"""The state of autopay: the rule that there is, the fields of another one, and what it would pay first."""

from dataclasses import replace
from typing import Any, NamedTuple

import reflex as rx
import structlog

from cabinet import clock
from cabinet.db import in_read_session, in_session
from cabinet.domain.autopay import AutopayKind, AutopayNotSo, CeilingTooLow, Terms
from cabinet.domain.errors import CabinetError
from cabinet.locales import translate
from cabinet.services import autopay, subscribers
from cabinet.services.autopay import Autopay, Upcoming
from cabinet.services.sessions import Principal
from cabinet.services.sign_in import FreshCodeNeeded
from cabinet.services.top_ups import Method
from cabinet.ui import access, formats, guard
from cabinet.ui.autopay import views
from cabinet.ui.autopay.views import Draft, HintsView, MethodView, NoteView, RuleView
from cabinet.ui.page_state import PageState

log = structlog.get_logger(__name__)

ADDRESS = "/autopay/"
LONGEST_SUM = 12
FIELDS = ("kind", "threshold", "threshold_amount", "day", "day_amount", "ceiling", "method")
_AMOUNTS = ("threshold_amount", "day_amount")


class _Screen(NamedTuple):
    """Everything that the page reads, from one snapshot of the database."""

    name: str
    msisdn: str
    autopay: Autopay


class AutopayState(PageState, rx.State):
    """What the page shows. `opened` counts the times that the fields began anew."""

    rule: RuleView = RuleView()
    methods: list[MethodView] = []
    hints: HintsView = HintsView()
    preview: NoteView = NoteView()
    opened: int = 0
    draft: Draft = Draft()
    wrong: str = ""
    error: str = ""
    refusal: str = ""
    needs_code: bool = False
    done: str = ""
    done_number: int = 0

    _was_saved: bool = False

    @access.subscriber
    async def load(self):
        """Opens the page; what was typed before a code was asked for comes back with the address."""
        if not self._was_saved:
            self.done = ""
        self._was_saved = False
        found = await self._read()
        if found is None:
            return
        typed = {
            name: formats.typed(value, LONGEST_SUM)
            for name, value in self.router.url.query_parameters.items()
            if name in FIELDS
        }
        self._put(_merged(views.draft_of(found), typed))
        await self._look(found)
        self.is_ready = True

    @access.subscriber
    async def refresh(self):
        """Reads it again: a page that was out of sight, a connection that came back. The fields stay."""
        found = await self._read()
        if found is not None:
            await self._look(found)

    @access.subscriber
    async def choose(self, name: str, value: str):
        """One of the kinds or of the cards was chosen."""
        if name in ("kind", "method"):
            await self._type(name, value)

    @access.subscriber
    async def fill(self, name: str, value: str):
        """Something is being typed: what it would lead to is shown, what is wrong is said when the field is left."""
        await self._type(name, value)

    @access.subscriber
    async def leave(self, name: str, value: str):
        """A field was left: what is wrong with it is said."""
        await self._type(name, value, is_left=True)

    @access.subscriber
    async def save(self, form: dict[str, Any]):
        """The rule is as the fields say from now on."""
        if type(form) is not dict:
            return None
        self.draft = _merged(
            self.draft, {name: formats.typed(form[name], LONGEST_SUM) for name in FIELDS if name in form}
        )
        language, had_rule = self._language(), bool(self.rule.title)
        self.wrong = self.error = ""
        try:
            terms = _terms(self.draft)
            method_id = int(self.draft.method) if self.draft.method.isdecimal() else 0
            await in_session(autopay.save, guard.caller(self), terms, method_id, now=clock.now())
        except CabinetError as error:
            self._refuse(error)
            return None
        await self._done(translate("Автоплатёж изменён" if had_rule else "Автоплатёж включён", language))
        if self.router.url.query_parameters:  # what was kept there is saved now, and soon out of date
            self._was_saved = True
            return rx.redirect(ADDRESS, replace=True)
        return None

    @access.subscriber
    async def pause(self):
        """Nothing is paid until it is resumed."""
        await self._change(autopay.pause, guard.subscriber_id(self), said="Автоплатёж на паузе")

    @access.subscriber
    async def resume(self):
        """It pays again."""
        await self._change(autopay.resume, guard.caller(self), said="Автоплатёж включён")

    @access.subscriber
    async def delete(self):
        """There is no rule any more; the fields keep what it was, so that it is made again in one step."""
        await self._change(autopay.delete, guard.subscriber_id(self), said="Автоплатёж удалён")

    async def _change(self, change: Any, who: int | Principal, *, said: str) -> None:
        try:
            await in_session(change, who, now=clock.now())
        except CabinetError as error:
            self._refuse(error)
        else:
            await self._done(translate(said, self._language()))

    async def _done(self, text: str) -> None:
        self.refusal, self.done = "", text
        self.done_number += 1
        found = await self._read()
        if found is not None:
            await self._look(found)

    def _refuse(self, error: CabinetError) -> None:
        language = self._language()
        facts = {
            name: translate(fact, language) if isinstance(fact, str) else fact for name, fact in error.facts.items()
        }
        text = translate(error.message, language, **facts)
        if isinstance(error, AutopayNotSo | CeilingTooLow):
            self.wrong, self.error = str(error.facts.get("field", "ceiling")), text
            return
        self.refusal = text
        self.needs_code = self.needs_code or isinstance(error, FreshCodeNeeded)

    async def _type(self, name: str, value: str, *, is_left: bool = False) -> None:
        if name not in FIELDS or type(value) is not str:
            return
        self.draft = _merged(self.draft, {name: formats.typed(value, LONGEST_SUM)})
        found = await self._read()
        if found is not None:
            await self._look(found, left=name if is_left else "")

    async def _read(self) -> Autopay | None:
        language, now = self._language(), clock.now()
        try:
            screen = await in_read_session(_read_screen, guard.caller(self), now=now)
        except Exception:
            # The screen must say so: an exception that leaves a handler sends no change of it.
            log.exception("autopay could not be read")
            self.has_failed = True
            return None
        found = screen.autopay
        self.has_failed = False
        self._greet(screen.name, screen.msisdn)
        self.methods = views.method_views(found, language)
        self.rule = views.rule_view(found, now, language)
        self.needs_code = found.needs_code
        return found

    async def _look(self, found: Autopay, *, left: str = "") -> None:
        """Shows what the fields would lead to; of what is wrong with them, what was said before or is of `left`."""
        language, now = self._language(), clock.now()
        terms: Terms | None = None
        upcoming: Upcoming | None = None
        self.preview = NoteView()
        try:
            terms = _terms(self.draft)
        except CabinetError as error:
            wrong = str(error.facts.get("field", "ceiling"))
            if wrong in (self.wrong, "amount" if left in _AMOUNTS else left):
                self._refuse(error)
            else:
                self.wrong = self.error = ""
        else:
            self.wrong = self.error = ""
            upcoming = await in_read_session(autopay.preview, guard.subscriber_id(self), terms, now=now)
            method = _chosen(found, self.draft)
            rule = found.rule
            is_as_kept = rule is not None and self.rule.is_active and (rule.terms, rule.method) == (terms, method)
            if not is_as_kept or (upcoming is not None and upcoming.is_beyond):
                self.preview = views.preview_view(found, terms, upcoming, method, now, language)
        self.hints = views.hints(found, terms, upcoming, now, language)

    def _put(self, draft: Draft) -> None:
        self.draft, self.wrong, self.error, self.refusal = draft, "", "", ""
        self.opened += 1  # the fields begin anew with it


def _read_screen(session: Any, caller: Principal, *, now: Any) -> _Screen:
    subscriber = subscribers.get(session, caller.subscriber_id)
    return _Screen(subscriber.name, subscriber.msisdn, autopay.get_autopay(session, caller, now=now))


def _terms(draft: Draft) -> Terms:
    return autopay.read_terms(
        draft.kind, ceiling=draft.ceiling, threshold=draft.threshold, amount=draft.amount, day=draft.day
    )


def _chosen(found: Autopay, draft: Draft) -> Method | None:
    return next((method for method in found.methods if str(method.id) == draft.method), None)


def _merged(draft: Draft, typed: dict[str, str]) -> Draft:
    """With what was typed; a kind that is none is left out."""
    if typed.get("kind", draft.kind) not in set(AutopayKind):
        typed = {name: value for name, value in typed.items() if name != "kind"}
    return replace(draft, **typed)
