"""The states of support: the list of questions, a new one, and a conversation.

What is being typed lives on the screen alone; what is sent carries the occasion that the page was opened with, so that
the same press is one message however often it arrives.
"""

import re
import secrets
from datetime import datetime
from typing import Any, NamedTuple

import reflex as rx
import structlog

from cabinet import clock
from cabinet.db import in_read_session, in_session
from cabinet.domain.errors import CabinetError, NotFound
from cabinet.domain.support import LONGEST_TEXT, TERM
from cabinet.locales import Language, translate
from cabinet.services import help as articles
from cabinet.services import subscribers, support
from cabinet.services.support import TicketLine
from cabinet.ui import access, formats, guard, tickets
from cabinet.ui.page_state import PageState
from cabinet.ui.support import views
from cabinet.ui.support.views import ConversationView, TicketView
from cabinet.ui.tickets import EvidenceView, Fact

log = structlog.get_logger(__name__)

PAGE = 20
MOST_QUESTIONS = 4
_MAX_ID = 2**63 - 1
_LINE = re.compile(r"[a-z]{1,8}[0-9]{1,18}")
_OCCASION = re.compile(r"[A-Za-z0-9_-]{8,40}")
_NUMBER = re.compile(r".*/support/([0-9]{1,18})/?")


class _List(NamedTuple):
    name: str
    msisdn: str
    tickets: list[TicketLine]
    usual_wait: Any


class SupportState(PageState, rx.State):
    """The list. Some articles of the help centre stand beside it."""

    usual: str = ""
    lines: list[TicketView] = []
    older: int = 0
    questions: list[Fact] = []

    @access.subscriber
    async def load(self):
        """Reads the newest questions."""
        now, language = clock.now(), self._language()
        try:
            found = await in_read_session(_read_list, guard.subscriber_id(self), now=now)
        except Exception:
            # The screen must say so: an exception that leaves a handler sends no change of it.
            log.exception("the questions could not be read")
            self.has_failed = True
            return
        self.has_failed = False
        self._greet(found.name, found.msisdn)
        self.usual = ""
        if found.usual_wait is not None:
            time = tickets.span(found.usual_wait, language)
            self.usual = translate("Обычно быстрее: сегодня в среднем за {time}.", language, time=time)
        self.lines = []
        self._put(found.tickets, now, language)
        sections = articles.library(language)
        firsts = [section.articles[0] for section in sections][:MOST_QUESTIONS]
        self.questions = [Fact(article.title, article.address) for article in firsts]
        self.is_ready = True

    @access.subscriber
    async def show_older(self, before: int):
        """The questions before that one."""
        if type(before) is int and before == self.older and before:
            now, language = clock.now(), self._language()
            found = await in_read_session(
                support.list_tickets, guard.subscriber_id(self), before=before, limit=PAGE + 1, now=now
            )
            self._put(found, now, language)

    def _put(self, found: list[TicketLine], now: datetime, language: Language) -> None:
        self.lines = [*self.lines, *(views.ticket_view(line, now, language) for line in found[:PAGE])]
        self.older = found[PAGE - 1].id if len(found) > PAGE else 0


class QuestionState(PageState, rx.State):
    """A new question. `line` is that of the statement which it is about, with its `evidence`."""

    occasion: str = ""
    line: str = ""
    evidence: EvidenceView = EvidenceView()
    promise: str = ""
    counted: str = ""
    suggestions: list[Fact] = []
    refusal: str = ""
    answered: int = 0
    sent: int = 0

    @access.subscriber
    async def load(self):
        """Opens an empty form; of the address the line of the statement, where there is one."""
        now, language, subscriber_id = clock.now(), self._language(), guard.subscriber_id(self)
        asked = self.router.url.query_parameters.get("line", "")
        subscriber = await in_read_session(subscribers.get, subscriber_id)
        self._greet(subscriber.name, subscriber.msisdn)
        self.line, self.evidence = "", EvidenceView()
        if _LINE.fullmatch(asked):
            try:
                found = await in_read_session(support.get_evidence, subscriber_id, asked)
            except NotFound:
                pass  # somebody else's, or none: then it is a question like any other
            else:
                self.line, self.evidence = asked, tickets.evidence_view(found, now, language)
        self.promise = views.promise(now + TERM, now, language)
        self.occasion = secrets.token_urlsafe(16)
        self.refusal, self.suggestions, self.counted = "", [], _counted("", language)
        self.is_ready = True

    @access.subscriber
    async def type_text(self, text: str):
        """Counts what is typed, and suggests articles of the help centre that may answer it."""
        if type(text) is not str or len(text) > 2 * LONGEST_TEXT:
            return
        language = self._language()
        self.counted = _counted(text, language)
        self.suggestions = _suggestions(text, language)

    @access.subscriber
    async def send(self, form_data: dict):
        """Asks the question; what is refused stays as it was typed."""
        form, language = tickets.fields_of(form_data), self._language()
        if form is None or not _OCCASION.fullmatch(form.get("occasion", "")):
            return None
        self.answered += 1
        line = form.get("line", "")
        try:
            ticket_id = await in_session(
                support.open_ticket,
                guard.subscriber_id(self),
                category=form.get("category", ""),
                text=form.get("text", ""),
                occasion=form["occasion"],
                line_id=line if _LINE.fullmatch(line) else "",
                file_ids=tickets.numbers_of(form.get("files", "")),
                now=clock.now(),
            )
        except CabinetError as refusal:
            self.refusal = translate(refusal.message, language, **refusal.facts)
            return None
        self.refusal = ""
        self.sent += 1
        self.occasion = secrets.token_urlsafe(16)
        return rx.redirect(f"/support/{ticket_id}/")


class ConversationState(PageState, rx.State):
    """One question. `opened` is another number when the field begins anew: what was typed has been sent."""

    is_missing: bool = False
    talk: ConversationView = ConversationView()
    occasion: str = ""
    opened: int = 0
    answered: int = 0
    refusal: str = ""
    rating_refusal: str = ""

    @access.subscriber
    async def load(self):
        """Opens the question of the address."""
        found = _NUMBER.fullmatch(self.router.url.path)
        ticket_id = min(int(found[1]), _MAX_ID) if found else 0
        self.refusal = self.rating_refusal = ""
        self.occasion = secrets.token_urlsafe(16)
        if self.talk.id != ticket_id:
            self.talk, self.is_ready = ConversationView(), False
        subscriber = await in_read_session(subscribers.get, guard.subscriber_id(self))
        self._greet(subscriber.name, subscriber.msisdn)
        await self._show(ticket_id)

    @access.subscriber
    async def refresh(self):
        """Reads it again: the page was out of sight, or the connection is back."""
        if self.talk.id:
            await self._show(self.talk.id)

    @access.subscriber
    async def send(self, form_data: dict):
        """Adds to the conversation; what is refused stays as it was typed."""
        form, language = tickets.fields_of(form_data), self._language()
        if form is None or not self.talk.id or not _OCCASION.fullmatch(form.get("occasion", "")):
            return
        self.answered += 1
        try:
            await in_session(
                support.write,
                guard.subscriber_id(self),
                self.talk.id,
                form.get("text", ""),
                occasion=form["occasion"],
                file_ids=tickets.numbers_of(form.get("files", "")),
                now=clock.now(),
            )
        except CabinetError as refusal:
            self.refusal = translate(refusal.message, language, **refusal.facts)
            return
        self.refusal = ""
        self.opened += 1
        self.occasion = secrets.token_urlsafe(16)
        await self._show(self.talk.id)

    @access.subscriber
    async def rate(self, form_data: dict):
        """Stars, and a word where there is one."""
        form, language = tickets.fields_of(form_data), self._language()
        if form is None or not self.talk.id:
            return
        stars, word = form.get("stars", ""), form.get("word", "")
        try:
            await in_session(
                support.rate,
                guard.subscriber_id(self),
                self.talk.id,
                int(stars) if stars in {"1", "2", "3", "4", "5"} else 0,
                word,
                now=clock.now(),
            )
        except CabinetError as refusal:
            self.rating_refusal = translate(refusal.message, language, **refusal.facts)
            return
        self.rating_refusal = ""
        await self._show(self.talk.id)

    @access.subscriber
    async def reopen(self):
        """The answer did not help."""
        if not self.talk.id:
            return
        try:
            await in_session(support.reopen, guard.subscriber_id(self), self.talk.id, now=clock.now())
        except CabinetError as refusal:
            self.rating_refusal = translate(refusal.message, self._language(), **refusal.facts)
            return
        self.rating_refusal = ""
        await self._show(self.talk.id)

    async def _show(self, ticket_id: int) -> None:
        now, language = clock.now(), self._language()
        try:
            found = await in_read_session(support.get_conversation, guard.subscriber_id(self), ticket_id, now=now)
        except NotFound:
            self.is_missing, self.is_ready, self.talk = True, False, ConversationView()
            return
        self.is_missing = False
        self.talk = views.conversation_view(found, now, language)
        self.is_ready = True


def _read_list(session: Any, subscriber_id: int, *, now: datetime) -> _List:
    subscriber = subscribers.get(session, subscriber_id)
    tickets = support.list_tickets(session, subscriber_id, limit=PAGE + 1, now=now)
    return _List(subscriber.name, subscriber.msisdn, tickets, support.usual_wait(session, now=now))


def _suggestions(text: str, language: Language) -> list[Fact]:
    found = articles.find(articles.library(language), text)[:3] if len(text.strip()) > 3 else []
    return [Fact(article.title, article.address) for article in found]


def _counted(text: str, language: Language) -> str:
    return translate(
        "{count} из {most}",
        language,
        count=formats.number(len(text), language),
        most=formats.number(LONGEST_TEXT, language),
    )
