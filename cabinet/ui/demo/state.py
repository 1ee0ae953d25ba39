"""The demo's phone and clock. Public: whoever looks at a demo may read its SMS and move its clock."""

import asyncio
import re
from dataclasses import dataclass, field
from datetime import datetime

import reflex as rx

from cabinet import clock
from cabinet.db import in_read_session
from cabinet.domain.errors import CabinetError
from cabinet.domain.msisdn import InvalidMsisdn, parse_msisdn
from cabinet.locales import Language, language_of, translate
from cabinet.services import demo, demo_phone
from cabinet.services.demo import Leap, Life
from cabinet.services.demo_phone import Letter, Sms
from cabinet.ui import access, formats, guard

_CODE = re.compile(r"\b\d{6}\b")
_LINK = re.compile(r"https?://\S+")


@dataclass
class SmsView:
    """A bubble; `code` is the one-time code in it, if there is one."""

    number: str
    text: str
    at: str
    code: str


@dataclass
class LetterView:
    """An e-mail; `link` is the one in it, if there is one."""

    address: str
    subject: str
    text: str
    at: str
    link: str


class PhoneState(rx.State):
    """What the phone has received; `number` "" shows everybody's SMS. Letters are everybody's."""

    number: str = ""
    numbers: list[tuple[str, str]] = []
    messages: list[SmsView] = []
    letters: list[LetterView] = []

    @access.public
    async def load(self):
        """Reads the messages for the page that was opened."""
        await self._read()

    @access.public
    async def refresh(self):
        """Reads them again; what has not changed is not sent."""
        await self._read()

    @access.public
    async def show(self, number: str):
        """Only the messages to one number; "" shows all."""
        try:
            self.number = parse_msisdn(number) if number else ""
        except (InvalidMsisdn, TypeError):
            self.number = ""
        await self._read()

    async def _read(self) -> None:
        language, now = language_of(self.router.headers.cookie), clock.now()
        received = await in_read_session(demo_phone.list_sms)
        shown = await in_read_session(demo_phone.list_sms, to=self.number) if self.number else received
        messages = [_bubble(sms, now, language) for sms in shown]
        letters = [_letter(one, now, language) for one in await in_read_session(demo_phone.list_letters)]
        numbers = [(number, formats.phone(number)) for number in dict.fromkeys(sms.to for sms in received)]
        if messages != self.messages:
            self.messages = messages
        if letters != self.letters:
            self.letters = letters
        if numbers != self.numbers:
            self.numbers = numbers


def _bubble(sms: Sms, now: datetime, language: Language) -> SmsView:
    found = _CODE.search(sms.text)
    return SmsView(
        number=formats.phone(sms.to),
        text=sms.text,
        at=formats.moment(sms.at, now, language),
        code=found[0] if found else "",
    )


def _letter(letter: Letter, now: datetime, language: Language) -> LetterView:
    found = _LINK.search(letter.text)
    return LetterView(
        address=letter.to,
        subject=letter.subject,
        text=letter.text,
        at=formats.moment(letter.at, now, language),
        link=found[0] if found else "",
    )


_NO_FEE_AHEAD = (
    "Плата за ваш тариф не списалась: не хватает денег. Следующей нет, пока не списана эта, поэтому прошёл один день.",
    "Плат впереди ни у кого нет, поэтому прошёл один день.",
)
"""Of who is signed in, and of everybody."""


@dataclass
class Moved:
    """What came of moving the clock: what happened, or why it stays; `note`: why it was moved otherwise than asked."""

    happened: list[str] = field(default_factory=list)
    refusal: str = ""
    note: str = ""


class ClockState(rx.State):
    """The operator's moment, and what happened while it was moved; `note`: why it was moved otherwise than asked."""

    now: str = ""
    is_busy: bool = False
    happened: list[str] = []
    refusal: str = ""
    note: str = ""

    @access.public
    async def load(self):
        """Reads the clock for the page that was opened."""
        self._show_now()

    @access.public
    async def refresh(self):
        """Reads the clock again."""
        self._show_now()

    @rx.event(background=True)
    @access.public
    async def to_next_day(self):
        """Moves the clock by a day."""
        await self._move(Leap.DAY)

    @rx.event(background=True)
    @access.public
    async def to_next_fee(self):
        """Moves the clock to the morning of the next fee: of who is signed in, otherwise the nearest one."""
        await self._move(Leap.FEE)

    async def _move(self, leap: Leap) -> None:
        """In the background: Redis lets nobody hold a State for as long as a day may take."""
        async with self:
            self.is_busy = True
            language = language_of(self.router.headers.cookie)
            try:
                subscriber_id = guard.subscriber_id(self)
            except PermissionError:
                subscriber_id = None
        moved = None
        try:
            moved = await move(leap, subscriber_id, language)
        finally:
            async with self:
                self.is_busy = False
                if moved is not None:
                    self.refusal, self.note = moved.refusal, moved.note
                    self.happened = moved.happened or self.happened
                self._show_now()

    def _show_now(self) -> None:
        language, now = language_of(self.router.headers.cookie), clock.now()
        # «Сегодня» would say nothing about a clock that is not the reader's.
        self.now = f"{formats.date_only(clock.local(now).date(), clock.local(now).date(), language)}, " + (
            formats.clock_time(now)
        )


async def move(leap: Leap, subscriber_id: int | None, language: Language) -> Moved:
    """Moves the clock, and says in the reader's words what happened meanwhile."""
    lives, before, note = list[Life](), clock.now(), ""
    if leap == Leap.FEE and not await in_read_session(demo.has_fee_ahead, subscriber_id, now=before):
        note = translate(_NO_FEE_AHEAD[subscriber_id is None], language)
    try:
        after = await asyncio.to_thread(demo.advance_clock, leap, subscriber_id=subscriber_id, on_progress=lives.append)
    except CabinetError as error:
        return Moved(refusal=translate(error.text, language))
    days = formats.days_between(clock.local(before).date(), clock.local(after).date(), language)
    return Moved(note=note, happened=[translate("Прошло: {days}", language, days=days), *_events(lives, language)])


def _events(lives: list[Life], language: Language) -> list[str]:
    if not lives:
        return []
    life = lives[-1]
    lines = (
        ("Звонков, SMS и сеансов интернета: {count}", life.records),
        ("Пополнений: {count}", life.payments),
    )
    return [translate(text, language, count=formats.number(count, language)) for text, count in lines]
