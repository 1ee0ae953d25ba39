"""Questions and conversations in words."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cabinet import clock
from cabinet.domain.support import MessageKind, TicketState
from cabinet.locales import Language, translate
from cabinet.services.support import Conversation, Message, TicketLine
from cabinet.ui import formats
from cabinet.ui.tickets import EvidenceView, FileView, evidence_view, file_views, short, span, until


@dataclass
class TicketView:
    """A line of the list; `tone` is that of its mark."""

    id: int = 0
    subject: str = ""
    second: str = ""
    mark: str = ""
    tone: str = "quiet"


@dataclass
class MessageView:
    """A line of a conversation: `who` is empty where the subscriber has written it. `promise` follows it."""

    id: int
    is_mine: bool
    who: str
    text: str
    files: list[FileView]
    written: str
    promise: str


@dataclass
class ConversationView:
    """A question with everything that was written to it."""

    id: int = 0
    title: str = ""
    subject: str = ""
    second: str = ""
    mark: str = ""
    tone: str = "quiet"
    messages: list[MessageView] = field(default_factory=list)
    evidence: EvidenceView = field(default_factory=EvidenceView)
    late: str = ""
    asks_rating: bool = False
    rated: str = ""
    can_write: bool = True
    can_reopen: bool = False


def ticket_view(line: TicketLine, now: datetime, language: Language) -> TicketView:
    """A question as a line of the list."""
    mark, tone = _mark(line, now, language)
    opened = formats.day(clock.local(line.opened_at).date(), clock.local(now).date(), language)
    return TicketView(line.id, line.subject, f"№{formats.NO_BREAK}{line.id} · {opened}", mark, tone)


def conversation_view(found: Conversation, now: datetime, language: Language) -> ConversationView:
    """A question and what was written to it."""
    line = found.ticket
    mark, tone = _mark(line, now, language)
    is_answered = line.state in (TicketState.ANSWERED, TicketState.CLOSED)
    waited = next((one.waited_seconds for one in reversed(found.messages) if one.waited_seconds is not None), None)
    second = ""
    if line.state is TicketState.WAITING and line.answer_due_at is not None and not line.late_until_at:
        second = left(line.answer_due_at - now, language)
    elif is_answered and waited is not None:
        second = translate("Ответили за {time}", language, time=span(timedelta(seconds=waited), language))
    elif line.state is TicketState.ASKED:
        second = translate("Ждём вашего ответа, срок пока не идёт", language)
    stars = translate("Ваша оценка: {stars} из 5", language, stars=found.stars) if found.stars else ""
    return ConversationView(
        id=line.id,
        title=translate("Обращение № {number}", language, number=line.id),
        subject=line.subject,
        second=second,
        mark=mark,
        tone=tone,
        messages=[_message_view(one, now, language) for one in found.messages],
        evidence=evidence_view(found.evidence, now, language),
        late=late(line, now, language),
        asks_rating=line.state is TicketState.ANSWERED and not found.stars,
        rated=" — ".join(filter(None, (stars, f"«{found.word}»" if found.word else ""))) if stars else "",
        can_write=line.can_be_reopened or not is_answered,
        can_reopen=is_answered and line.can_be_reopened,
    )


def promise(due_at: datetime, now: datetime, language: Language) -> str:
    """`Ответим до 14:40, вт, 24 ноября`."""
    return translate("Ответим до {moment}", language, moment=until(due_at, now, language))


def left(remaining: timedelta, language: Language) -> str:
    """`Осталось 23 ч 58 мин`."""
    return translate("Осталось {time}", language, time=short(remaining, language))


def late(line: TicketLine, now: datetime, language: Language) -> str:
    """What is said of a promise that was broken; empty where none is."""
    if line.late_until_at is None:
        return ""
    if line.late_until_at <= now:
        return translate("Не успели ответить вовремя. Вопрос у старшего, ответим, как только разберёмся.", language)
    return translate(
        "Не успели ответить вовремя. Вопрос передали старшему, ответим до {time}.",
        language,
        time=formats.clock_time(line.late_until_at),
    )


def _mark(line: TicketLine, now: datetime, language: Language) -> tuple[str, str]:
    if line.state is TicketState.WAITING and line.answer_due_at is not None:
        if line.late_until_at is not None:
            return translate("Ответ задерживается", language), "warn"
        return promise(line.answer_due_at, now, language), "info"
    if line.state is TicketState.ASKED:
        return translate("Ответьте нам", language), "warn"
    if line.state is TicketState.ANSWERED and not line.is_rated and line.can_be_reopened:
        return translate("Есть ответ — оцените его", language), "ok"
    return translate("Решено", language), "quiet"


def _message_view(one: Message, now: datetime, language: Language) -> MessageView:
    text = translate("Вопрос не решён", language) if one.kind is MessageKind.NOT_SOLVED else one.body
    support = translate("поддержка", language)
    who = ", ".join(filter(None, (one.staff_name, support))) if one.kind.is_staff else ""
    promised = ""
    if one.promised_at is not None:
        promised = translate("Обещали ответить до {moment}", language, moment=until(one.promised_at, now, language))
    return MessageView(
        id=one.id,
        is_mine=not one.kind.is_staff,
        who=who[:1].upper() + who[1:],
        text=text,
        files=file_views(one.files, language),
        written=formats.moment(one.written_at, now, language),
        promise=promised,
    )
