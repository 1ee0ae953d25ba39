"""The states of the desk of support: the queue, a ticket, ready answers, figures."""

import re
import secrets
from datetime import datetime
from typing import Any

import reflex as rx

from cabinet import clock
from cabinet.db import in_read_session, in_session
from cabinet.domain.errors import CabinetError, NotFound
from cabinet.domain.staff import Permission
from cabinet.domain.support import TicketCategory
from cabinet.locales import Language, language_of, translate
from cabinet.services import cards, help_votes, support, support_desk
from cabinet.services.support_desk import Queue, QueuePage
from cabinet.ui import access, figures, guard, tickets
from cabinet.ui.support_desk import views
from cabinet.ui.support_desk.views import ChipView, CountView, FiguresView, RowView, TicketView
from cabinet.ui.tickets import Fact

PAGE = 25
LONGEST_SEARCH = 100
LONGEST_TYPED = 8_000
_MAX_ID = 2**63 - 1
_NUMBER = re.compile(r".*/staff/tickets/([0-9]{1,18})/?")
_OCCASION = re.compile(r"[A-Za-z0-9_-]{8,40}")


class QueueState(rx.State):
    """The queue. Whatever is searched is searched in all tickets."""

    is_ready: bool = False
    counts: list[CountView] = []
    chips: list[ChipView] = []
    queue: str = "open"
    category: str = ""
    search: str = ""
    rows: list[RowView] = []
    has_more: bool = False
    refusal: str = ""

    _after: tuple[str, int] | None = None

    @access.staff(Permission.TICKETS)
    async def load(self):
        """Reads the chosen queue from its beginning."""
        self.refusal = ""
        await self._read()

    @access.staff(Permission.TICKETS)
    async def refresh(self):
        """Reads it again; a queue of several pages stays as it is, or it would shrink under the reader."""
        if len(self.rows) <= PAGE:
            await self._read()

    @access.staff(Permission.TICKETS)
    async def choose(self, queue: str):
        """Another queue."""
        if type(queue) is str and queue in set(Queue):
            self.queue, self.search = queue, ""
            await self._read()

    @access.staff(Permission.TICKETS)
    async def choose_category(self, category: str):
        """Only one category; "" is all."""
        if type(category) is str and (category == "" or category in set(TicketCategory)):
            self.category, self.search = category, ""
            await self._read()

    @access.staff(Permission.TICKETS)
    async def find(self, search: str):
        """Looks among all tickets for a number or for words; nothing to look for is the queue again."""
        if type(search) is str and len(search) <= LONGEST_SEARCH:
            self.search = support.printable(search).strip()
            await self._read()

    @access.staff(Permission.TICKETS)
    async def show_more(self):
        """The next ones."""
        if self._after is not None:
            await self._read(after=self._after)

    @access.staff(Permission.TICKETS)
    async def take_next(self):
        """The free ticket with the least time left is mine, and opens."""
        ticket_id = await in_session(support_desk.take_next, guard.staff_id(self), now=clock.now())
        if ticket_id is None:
            self.refusal = translate("Свободных обращений нет.", _language(self))
            await self._read()
            return None
        return rx.redirect(f"/staff/tickets/{ticket_id}/")

    async def _read(self, after: tuple[str, int] | None = None) -> None:
        now, language, staff_id = clock.now(), _language(self), guard.staff_id(self)
        page, counts, usual = await in_read_session(
            _read_queue, staff_id, self.queue, self.category, self.search, after, now=now
        )
        rows = [views.row_view(line, now, language) for line in page.lines]
        self.rows = rows if after is None else [*self.rows, *rows]
        self._after, self.has_more = page.next_after, page.next_after is not None
        self.counts = views.count_views(counts, usual, language)
        self.chips = views.chip_views(counts, language)
        self.is_ready = True


class TicketState(rx.State):
    """A ticket on the desk. `opened` is another number when the field begins anew: what was typed has been sent."""

    is_ready: bool = False
    is_missing: bool = False
    desk: TicketView = TicketView()
    beside: list[Fact] = []
    others_here: str = ""
    templates: list[Fact] = []
    agents: list[Fact] = []
    occasion: str = ""
    opened: int = 0
    answered: int = 0
    refusal: str = ""
    is_changed: bool = False

    @access.staff(Permission.TICKETS)
    async def load(self):
        """Opens the ticket of the address."""
        found = _NUMBER.fullmatch(self.router.url.path)
        ticket_id = min(int(found[1]), _MAX_ID) if found else 0
        if self.desk.id != ticket_id:
            self.desk, self.is_ready = TicketView(), False
        self.refusal, self.is_changed = "", False
        self.occasion = secrets.token_urlsafe(16)
        await self._show(ticket_id, is_typing=False)

    @access.staff(Permission.TICKETS)
    async def refresh(self):
        """Says that it is looked at, and reads who else does; what has come meanwhile is announced, not slipped in."""
        if self.desk.id:
            await self._look(is_typing=False)

    @access.staff(Permission.TICKETS)
    async def type_text(self, text: str):
        """An answer is being written: colleagues see it."""
        if type(text) is str and len(text) <= LONGEST_TYPED and self.desk.id and text:
            await self._look(is_typing=True)

    @access.staff(Permission.TICKETS)
    async def show_changes(self):
        """Shows what has come; what is typed stays."""
        if self.desk.id:
            self.refusal = ""
            await self._show(self.desk.id, is_typing=False)

    @access.staff(Permission.TICKETS)
    async def send(self, form_data: dict):
        """Answers, asks the subscriber, or writes a note for staff; what is refused stays as it was typed."""
        form = tickets.fields_of(form_data)
        if form is None or not self.desk.id or not _OCCASION.fullmatch(form.get("occasion", "")):
            return
        self.answered += 1
        kind = "note" if form.get("note") else form.get("kind", "answer")
        named: dict[str, Any] = {
            "occasion": form["occasion"],
            "file_ids": tickets.numbers_of(form.get("files", "")),
            "now": clock.now(),
        }
        if kind != "note":
            named["version"] = self.desk.version
        act = {"note": support_desk.note, "ask": support_desk.ask}.get(kind, support_desk.answer)
        if await self._do(act, form.get("text", ""), **named):
            self.opened += 1
            self.occasion = secrets.token_urlsafe(16)

    @access.staff(Permission.TICKETS)
    async def take(self):
        """Mine from now on."""
        await self._act(support_desk.take)

    @access.staff(Permission.TICKETS)
    async def give_back(self):
        """Anybody's again."""
        await self._act(support_desk.give_back)

    @access.staff(Permission.TICKETS)
    async def close(self):
        """There is nothing to answer."""
        await self._act(support_desk.close)

    @access.staff(Permission.TICKETS)
    async def hand_over(self, form_data: dict):
        """To the colleague who was chosen."""
        form = tickets.fields_of(form_data) or {}
        chosen = tickets.numbers_of(form.get("to", ""))
        if chosen and self.desk.id:
            may_any = guard.staff(self).may(Permission.SUPERVISE)
            await self._act(support_desk.hand_over, chosen[0], may_any=may_any)

    async def _act(self, act: Any, *arguments: Any, **named: Any) -> None:
        if self.desk.id:
            await self._do(act, *arguments, version=self.desk.version, now=clock.now(), **named)

    async def _do(self, act: Any, *arguments: Any, **named: Any) -> bool:
        """Does it and shows the ticket anew; a refusal is shown beside what was typed."""
        try:
            await in_session(act, guard.staff_id(self), self.desk.id, *arguments, **named)
        except CabinetError as refusal:
            self.refusal = translate(refusal.message, _language(self), **refusal.facts)
            await self._look(is_typing=False)
            return False
        self.refusal = ""
        await self._show(self.desk.id, is_typing=False)
        return True

    async def _look(self, *, is_typing: bool) -> None:
        now, language, staff_id = clock.now(), _language(self), guard.staff_id(self)
        try:
            await in_session(support_desk.look, staff_id, self.desk.id, is_typing=is_typing, now=now)
            found = await in_read_session(support_desk.get_ticket, staff_id, self.desk.id, now=now)
        except NotFound:
            return
        self.others_here = views.colleagues(found.colleagues, language)
        self.is_changed = found.line.version != self.desk.version

    async def _show(self, ticket_id: int, *, is_typing: bool) -> None:
        now, language, staff_id = clock.now(), _language(self), guard.staff_id(self)
        try:
            await in_session(support_desk.look, staff_id, ticket_id, is_typing=is_typing, now=now)
            found, templates, agents = await in_read_session(_read_ticket, staff_id, ticket_id, now=now)
        except NotFound:
            self.is_missing, self.is_ready = True, False
            return
        try:
            beside = await in_session(cards.look_beside, staff_id, ticket_id, now=now)
        except CabinetError:  # their own number: nobody of the staff sees themselves here
            self.beside = []
        else:
            standing = figures.standing(beside.figures, beside.status, language)
            self.beside = [Fact(name, value) for name, value in standing]
        self.is_missing, self.is_changed = False, False
        self.desk = views.ticket_view(found, now, language)
        self.others_here = views.colleagues(found.colleagues, language)
        first_name = found.line.subscriber_name.split(" ")[0]
        self.templates = [Fact(one.title, one.body.replace("{name}", first_name)) for one in templates]
        self.agents = [Fact(one.name, str(one.id)) for one in agents if one.id != found.staff_id]
        self.is_ready = True


class TemplatesState(rx.State):
    """Ready answers, as a supervisor writes them. `editing` is the one in the form, 0 a new one."""

    is_ready: bool = False
    templates: list[Fact] = []
    editing: int = 0
    title: str = ""
    body: str = ""
    opened: int = 0
    refusal: str = ""

    _ids: list[int] = []

    @access.staff(Permission.SUPERVISE)
    async def load(self):
        """Reads them."""
        self.refusal = ""
        await self._read()

    @access.staff(Permission.SUPERVISE)
    async def edit(self, place: int):
        """Puts the one at that place of the list into the form; any other place is a new one."""
        if type(place) is not int:
            return
        is_there = 0 <= place < len(self.templates)
        self.editing = self._ids[place] if is_there else 0
        self.title = self.templates[place].name if is_there else ""
        self.body = self.templates[place].value if is_there else ""
        self.refusal = ""
        self.opened += 1

    @access.staff(Permission.SUPERVISE)
    async def save(self, form_data: dict):
        """Writes the one in the form."""
        form = tickets.fields_of(form_data)
        if form is None:
            return
        title, body = form.get("title", ""), form.get("body", "")
        try:
            await in_session(
                support_desk.save_template, guard.staff_id(self), self.editing, title, body, now=clock.now()
            )
        except CabinetError as refusal:
            self.refusal = translate(refusal.message, _language(self), **refusal.facts)
            return
        self.editing, self.title, self.body, self.refusal = 0, "", "", ""
        self.opened += 1
        await self._read()

    @access.staff(Permission.SUPERVISE)
    async def delete(self):
        """The one in the form is gone."""
        if self.editing:
            await in_session(support_desk.delete_template, guard.staff_id(self), self.editing, now=clock.now())
        self.editing, self.title, self.body, self.refusal = 0, "", "", ""
        self.opened += 1
        await self._read()

    async def _read(self) -> None:
        found = await in_read_session(support_desk.list_templates)
        self.templates = [Fact(one.title, one.body) for one in found]
        self._ids = [one.id for one in found]
        self.is_ready = True


class SupervisorState(rx.State):
    """How answers come, and which articles of the help centre do not help."""

    is_ready: bool = False
    figures: FiguresView = FiguresView()
    articles: list[Fact] = []

    @access.staff(Permission.SUPERVISE)
    async def load(self):
        """Reads the last 14 days."""
        now, language = clock.now(), _language(self)
        found, votes = await in_read_session(_read_figures, now=now)
        self.figures = views.figures_view(found, now, language)
        self.articles = [
            Fact(vote.title, translate("помогла {yes}, нет {no}", language, yes=vote.helped, no=vote.not_helped))
            for vote in votes
        ]
        self.is_ready = True


def _read_queue(
    session: Any,
    staff_id: int,
    queue: str,
    category: str,
    search: str,
    after: tuple[str, int] | None,
    *,
    now: datetime,
) -> tuple[QueuePage, support_desk.Counts, Any]:
    if search:
        page = support_desk.search(session, staff_id, search, before=after[1] if after else None, limit=PAGE)
    else:
        page = support_desk.list_queue(
            session,
            staff_id,
            queue=Queue(queue),
            category=TicketCategory(category) if category else None,
            after=after,
            limit=PAGE,
            now=now,
        )
    return page, support_desk.count(session, staff_id, now=now), support.usual_wait(session, now=now)


def _read_ticket(session: Any, staff_id: int, ticket_id: int, *, now: datetime) -> tuple[Any, Any, Any]:
    found = support_desk.get_ticket(session, staff_id, ticket_id, now=now)
    return found, support_desk.list_templates(session), support_desk.list_agents(session)


def _read_figures(session: Any, *, now: datetime) -> tuple[Any, Any]:
    return support_desk.get_figures(session, now=now), help_votes.list_votes(session)


def _language(state: rx.State) -> Language:
    return language_of(state.router.headers.cookie)
