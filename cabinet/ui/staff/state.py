"""A subscriber's card at the desk. Whose card it is stays on the server: no handler is told a subscriber."""

import re
from typing import Any

import reflex as rx

from cabinet import clock, connections
from cabinet.db import in_read_session, in_session
from cabinet.domain.errors import CabinetError
from cabinet.domain.staff import Permission
from cabinet.locales import Language, language_of, translate
from cabinet.services import adjustments, cards
from cabinet.services.cards import Card, LookIsOver
from cabinet.ui import access, guard
from cabinet.ui.staff.views import CardView, card_view, found_view

_ROUBLES = re.compile(r"([+-]?)([0-9]{1,7})(?:[.,]([0-9]{2}))?")

_TICKET = re.compile(r"[0-9]{1,18}")


class CardState(rx.State):
    """A number that is looked for, then its card; `refusal` stands at the form that was sent, named by `at`."""

    found: str = ""
    card: CardView = CardView()
    is_open: bool = False
    at: str = ""
    refusal: str = ""
    note: str = ""

    _number: str = ""
    _look_id: int = 0

    @access.staff(Permission.SUBSCRIBERS)
    async def load(self):
        """Reads the open card anew; without one the page begins with the search, or with who asked a question."""
        self._say()
        asked = _TICKET.fullmatch(self.router.url.query_parameters.get("ticket", ""))
        if asked:
            self._put_away()
            try:
                found = await in_read_session(cards.find_asker, int(asked[0]))
            except CabinetError as error:
                self._say("find", refusal=self._words(error))
            else:
                self.found, self._number = found_view(found), found.msisdn
        elif self._look_id:
            await self._show(in_read_session(cards.get_card, guard.staff_id(self), self._look_id, now=clock.now()))

    @access.staff(Permission.SUBSCRIBERS)
    async def find(self, form: dict):
        """Looks for a number; a card that was open is put away."""
        self._put_away()
        number = _field(form, "number")
        try:
            found = await in_session(cards.find_number, guard.staff_id(self), number, now=clock.now())
        except CabinetError as error:
            self._say("find", refusal=self._words(error))
        else:
            self.found, self._number = found_view(found), found.msisdn

    @access.staff(Permission.SUBSCRIBERS)
    async def open(self, form: dict):
        """Opens the card of the number that was found, with the reason."""
        self._say()
        await self._show(
            in_session(
                cards.open_card,
                guard.staff_id(self),
                self._number,
                reason=_field(form, "why"),
                words=_field(form, "words"),
                now=clock.now(),
            ),
            at="open",
        )

    @access.staff(Permission.SUBSCRIBERS)
    async def close(self):
        """Puts the card away."""
        self._put_away()

    @access.staff(Permission.SUBSCRIBERS)
    async def unmask(self):
        """Shows the number, the name and the addresses whole."""
        self._say()
        await self._show(in_session(cards.unmask, guard.staff_id(self), self._look_id, now=clock.now()))

    @access.staff(Permission.SUBSCRIBERS)
    async def end_session(self, session_id: int):
        """Ends one of the subscriber's sessions."""
        self._say()
        if type(session_id) is not int or not 0 < session_id < 2**63:
            return
        try:
            await in_session(cards.end_session, guard.staff_id(self), self._look_id, session_id, now=clock.now())
        except CabinetError as error:
            self._say("sessions", refusal=self._words(error))
        else:
            connections.end(session_id)
            self._say(note=translate("Сеанс завершён.", self._language()))
        await self._show(in_read_session(cards.get_card, guard.staff_id(self), self._look_id, now=clock.now()))

    @access.staff(Permission.ADJUST)
    async def propose(self, form: dict):
        """Proposes a correction of the balance; a colleague decides."""
        self._say()
        try:
            await in_session(
                adjustments.propose,
                guard.staff_id(self),
                self._look_id,
                amount_kopecks=_kopecks(_field(form, "sum"), is_taken=_field(form, "direction") == "take"),
                reason=_field(form, "reason"),
                words=_field(form, "words"),
                now=clock.now(),
            )
        except CabinetError as error:
            self._say("propose", refusal=self._words(error))
        else:
            self._say(note=translate("Корректировка ждёт решения другого сотрудника.", self._language()))
            await self._show(in_read_session(cards.get_card, guard.staff_id(self), self._look_id, now=clock.now()))

    async def _show(self, reading: Any, at: str = "") -> None:
        """What the service says of the card; a look that is over puts it away."""
        try:
            card: Card = await reading
        except LookIsOver as error:
            self._put_away()
            self._say("find", refusal=self._words(error))
        except CabinetError as error:
            self._say(at, refusal=self._words(error))
        else:
            self._look_id, self.is_open, self.found = card.look_id, True, ""
            self.card = card_view(card, self._language())

    def _put_away(self) -> None:
        self._look_id, self._number, self.is_open, self.found, self.card = 0, "", False, "", CardView()
        self._say()

    def _say(self, at: str = "", *, refusal: str = "", note: str = "") -> None:
        self.at, self.refusal, self.note = at, refusal, note

    def _words(self, error: CabinetError) -> str:
        return translate(error.message, self._language(), **error.facts)

    def _language(self) -> Language:
        return language_of(self.router.headers.cookie)


def _field(form: Any, name: str) -> str:
    """A field of a form as a text of some length, "" for anything else: a browser may send what it likes."""
    value = form.get(name) if isinstance(form, dict) else None
    return value[:1000] if isinstance(value, str) else ""


def _kopecks(text: str, *, is_taken: bool) -> int:
    """What was typed as roubles, «70» or «70,50»; 0 for what is no sum. Taken money is negative."""
    found = _ROUBLES.fullmatch("".join(text.split()))
    if found is None or found[1]:
        return 0
    kopecks = int(found[2]) * 100 + int(found[3] or 0)
    return -kopecks if is_taken else kopecks
