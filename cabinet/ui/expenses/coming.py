"""What will be charged in the next 31 days, and one tap to stop what can be stopped."""

from dataclasses import dataclass
from datetime import datetime

import reflex as rx
import structlog

from cabinet import clock
from cabinet.db import in_read_session, in_session
from cabinet.domain.errors import CabinetError
from cabinet.locales import Language, language_of, name_in, translate
from cabinet.services import autopay, bundles, coming, options
from cabinet.services.coming import Outgo, OutgoKind
from cabinet.ui import access, formats, guard
from cabinet.ui.quotes import open_sheet

log = structlog.get_logger(__name__)

LONGEST_CODE = 64

_NAMES = {
    OutgoKind.PLAN: "Тариф «{name}»",
    OutgoKind.OPTION: "Услуга «{name}»",
    OutgoKind.BUNDLE: "Пакет «{name}»",
    OutgoKind.PROMISE: "Возврат обещанного платежа",
    OutgoKind.AUTOPAY: "Автоплатёж",
}
_ICONS = {
    OutgoKind.PLAN: "sliders",
    OutgoKind.OPTION: "list_checks",
    OutgoKind.BUNDLE: "package",
    OutgoKind.PROMISE: "wallet",
    OutgoKind.AUTOPAY: "repeat",
}
ICONS = tuple(_ICONS.values())


@dataclass
class OutgoView:
    """A line of the timeline; `stop` is what its button says, "" where there is none."""

    key: str
    icon: str
    title: str
    second: str
    amount: str
    kind: str
    code: str
    stop: str


class ComingState(rx.State):
    """The timeline. `lacking` is the sentence of what there is no money for, "" where there is enough."""

    is_ready: bool = False
    total: str = ""
    until: str = ""
    lacking: str = ""
    outgoes: list[OutgoView] = []

    @access.subscriber
    async def load(self):
        """Reads what is to come. Without it the page is whole, so a failure is only written down."""
        now, language, subscriber_id = clock.now(), language_of(self.router.headers.cookie), guard.subscriber_id(self)
        try:
            found = await in_read_session(coming.get_coming, subscriber_id, now=now)
        except Exception:
            log.exception("what is to come could not be read")
            return
        self.total = formats.money(found.total_kopecks, language)
        last_on = formats.last_day(found.until)
        self.until = formats.date_only(last_on, clock.local(now).date(), language)
        lacking = formats.money(found.lacking_kopecks, language)
        self.lacking = translate("Не хватит {sum}.", language, sum=lacking) if found.lacking_kopecks else ""
        self.outgoes = [outgo_view(outgo, now, language) for outgo in found.outgoes]
        self.is_ready = True

    @access.subscriber
    async def stop(self, kind: str, code: str):
        """Switches a service off, ends a monthly package, pauses autopay: at once, and with the way back."""
        if kind == OutgoKind.AUTOPAY:
            try:
                await in_session(autopay.pause, guard.subscriber_id(self), now=clock.now())
            except CabinetError:
                log.info("autopay was stopped elsewhere")
        elif type(code) is str and len(code) <= LONGEST_CODE and kind in (OutgoKind.OPTION, OutgoKind.BUNDLE):
            await open_sheet(self, options.switch_off if kind == OutgoKind.OPTION else bundles.switch_off, code)
        return ComingState.load


def outgo_view(outgo: Outgo, now: datetime, language: Language) -> OutgoView:
    """A line in words."""
    day = formats.day(clock.local(outgo.at).date(), clock.local(now).date(), language)
    second = day
    if outgo.times > 1:
        each = formats.money(outgo.kopecks // outgo.times, language)
        second = translate("{sum} каждый день, с {day}", language, sum=each, day=day)
    elif outgo.kind is OutgoKind.AUTOPAY and outgo.name:
        second = translate("{day}, с {method} на баланс", language, day=day, method=outgo.name)
    stop = ""
    if outgo.kind is OutgoKind.AUTOPAY:
        stop = translate("Приостановить", language)
    elif outgo.code:
        stop = translate("Отключить", language)
    return OutgoView(
        key=f"{outgo.kind}:{outgo.code}:{outgo.at.isoformat()}",
        icon=_ICONS[outgo.kind],
        title=translate(_NAMES[outgo.kind], language, name=name_in(outgo.name, language)),
        second=second,
        amount=formats.money(outgo.kopecks, language),
        kind=outgo.kind.value,
        code=outgo.code,
        stop=stop,
    )
