"""The subscriber's cap on usage outside the packages: how the month stands against it, and the field to choose it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import reflex as rx
import structlog

from cabinet import clock
from cabinet.db import in_read_session, in_session
from cabinet.domain.errors import CabinetError
from cabinet.domain.spending_caps import WARN_PERCENT
from cabinet.locales import Language, language_of, translate
from cabinet.services import sessions, spending_caps
from cabinet.services.sessions import Principal
from cabinet.services.sign_in import FreshCodeNeeded
from cabinet.services.spending_caps import CapNotSo, Status
from cabinet.ui import access, formats, guard

log = structlog.get_logger(__name__)

LONGEST_SUM = 12


@dataclass
class CapView:
    """The present month; without a cap only `spent` is said. `percent` is what is left of the cap."""

    is_set: bool = False
    is_reached: bool = False
    is_low: bool = False
    spent: str = ""
    left: str = ""
    rest: str = ""
    percent: int = 0
    forecast: str = ""


class _Screen(NamedTuple):
    status: Status
    needs_code: bool


class CapState(rx.State):
    """The card. `opened` counts the times that the field began anew; `hint` says what a cap may be, or what this one
    would mean; `refusal` is why nothing was changed."""

    is_ready: bool = False
    cap: CapView = CapView()
    typed: str = ""
    opened: int = 0
    hint: str = ""
    error: str = ""
    refusal: str = ""
    needs_code: bool = False
    done: str = ""
    done_number: int = 0

    @access.subscriber
    async def load(self):
        """Reads the month and the cap. Without them the page is whole, so a failure is only written down."""
        status = await self._read()
        if status is not None:
            self.done = ""
            self._begin(status)
            self.is_ready = True

    @access.subscriber
    async def refresh(self):
        """Reads them again: a page that was out of sight, a connection that came back. What is typed stays."""
        await self._read()

    @access.subscriber
    async def fill(self, typed: str):
        """A sum is being typed: what it would mean is said, what is wrong with it when the field is left."""
        await self._type(typed, is_left=False)

    @access.subscriber
    async def leave(self, typed: str):
        """The field was left."""
        await self._type(typed, is_left=True)

    @access.subscriber
    async def save(self, form: dict[str, Any]):
        """The cap is what the field says from now on."""
        if type(form) is not dict or type(form.get("cap")) is not str:
            return
        self.typed = formats.typed(form["cap"], LONGEST_SUM)
        said = "Лимит изменён" if self.cap.is_set else "Лимит задан"
        try:
            await self._choose(spending_caps.read_limit(self.typed), said)
        except CapNotSo as error:
            self._say_wrong(error)

    @access.subscriber
    async def remove(self):
        """There is no cap any more."""
        await self._choose(None, "Лимит убран")

    async def _choose(self, limit_kopecks: int | None, said: str) -> None:
        try:
            status = await in_session(spending_caps.choose, guard.caller(self), limit_kopecks, now=clock.now())
        except CabinetError as error:
            self.refusal = self._words(error)
            self.needs_code = self.needs_code or isinstance(error, FreshCodeNeeded)
            return
        self._show(status)
        self._begin(status)
        self.done = translate(said, self._language())
        self.done_number += 1

    async def _type(self, typed: str, *, is_left: bool) -> None:
        if type(typed) is not str:
            return
        self.typed, self.refusal = formats.typed(typed, LONGEST_SUM), ""
        language = self._language()
        self.hint = _usual_hint(language)
        try:
            limit = spending_caps.read_limit(self.typed)
        except CapNotSo as error:
            if self.error or (is_left and self.typed):
                self._say_wrong(error)
            return
        self.error = ""
        status = await self._read()
        if status is not None and limit <= status.spent_kopecks:
            spent = formats.money(status.spent_kopecks, language)
            text = "В этом месяце уже потрачено {spent}: вернуть не сможем, но больше не спишем."
            self.hint = translate(text, language, spent=spent)

    async def _read(self) -> Status | None:
        try:
            screen = await in_read_session(_read_screen, guard.caller(self), now=clock.now())
        except Exception:
            log.exception("the cap could not be read")
            return None
        self.needs_code = screen.needs_code
        self._show(screen.status)
        return screen.status

    def _show(self, status: Status) -> None:
        self.cap = cap_view(status, self._language())

    def _begin(self, status: Status) -> None:
        self.typed = str(status.limit_kopecks // 100) if status.limit_kopecks else ""
        self.hint, self.error, self.refusal = _usual_hint(self._language()), "", ""
        self.opened += 1

    def _say_wrong(self, error: CapNotSo) -> None:
        self.error, self.hint = self._words(error), ""  # what is wrong says what is right

    def _words(self, error: CabinetError) -> str:
        return formats.unparted(translate(error.message, self._language(), **error.facts))

    def _language(self) -> Language:
        return language_of(self.router.headers.cookie)


def _read_screen(session: Any, caller: Principal, *, now: datetime) -> _Screen:
    status = spending_caps.get_status(session, caller.subscriber_id, now=now)
    return _Screen(status, sessions.needs_step_up(caller, now=now))


def cap_view(status: Status, language: Language) -> CapView:
    """The card in words."""
    spent = formats.money(max(status.spent_kopecks, 0), language)
    if status.limit_kopecks is None:
        return CapView(spent=spent)
    return CapView(
        is_set=True,
        is_reached=not status.left_kopecks,
        is_low=status.percent_used >= WARN_PERCENT,
        spent=spent,
        left=formats.money(status.left_kopecks, language),
        rest=translate("из {sum}", language, sum=formats.money(status.limit_kopecks, language)),
        percent=min(status.left_kopecks * 100 // status.limit_kopecks, 100),
        forecast=translate("Потрачено {sum}", language, sum=spent),
    )


def _usual_hint(language: Language) -> str:
    least, most = (formats.money(kopecks, language) for kopecks in spending_caps.bounds())
    return translate("Целыми рублями, от {least} до {most}", language, least=least, most=most)
