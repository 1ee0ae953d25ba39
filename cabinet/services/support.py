"""Support, the subscriber's side: questions, their promised answers, conversations, ratings.

A promise is a moment, `answer_due_at`: 24 hours after the question. It stands only while the subscriber is asked
something, and goes on with what was left when the subscriber has answered. Staff's side is `support_desk.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import func
from sqlmodel import Session, col, select

from cabinet import clock
from cabinet.domain.errors import CabinetError, NotFound
from cabinet.domain.support import (
    LATE_TERM,
    LONGEST_TEXT,
    LONGEST_WORD,
    REOPEN_FOR,
    TERM,
    MessageKind,
    TicketCategory,
    TicketState,
    subject_of,
)
from cabinet.models.subscribers import Subscriber
from cabinet.models.support import Ticket, TicketMessage, TicketRating
from cabinet.services import attachments, expenses, limits, ticket_search
from cabinet.services.attachments import File, Owner

QUESTIONS_PER_HOUR = 10
LINES_PER_HOUR = 60


class NothingWritten(CabinetError):
    """There is no text."""

    message = "Напишите, что случилось."


class TextTooLong(CabinetError):
    """More than `LONGEST_TEXT` characters, or of a word more than `LONGEST_WORD`."""

    message = "Текст слишком длинный: можно {most} знаков. Сократите его или разделите на два сообщения."


class NoCategory(CabinetError):
    """The category is none of ours."""

    message = "Выберите, о чём вопрос."


class TooManyQuestions(CabinetError):
    """More than anybody asks in an hour."""

    message = "Сообщений за час было слишком много. Подождите немного: мы уже читаем то, что вы написали."


class TooLate(CabinetError):
    """It was answered more than 14 days ago."""

    message = "Этот вопрос закрыт больше 14 дней назад. Задайте новый — старый мы увидим."


class NotAnswered(CabinetError):
    """There is no answer that could be rated."""

    message = "Оценить можно, когда мы ответим."


class NoSuchStars(CabinetError):
    """Stars go from one to five."""

    message = "Выберите оценку от 1 до 5."


@dataclass(frozen=True, slots=True)
class TicketLine:
    """A line of the list. `answer_due_at`: while the clock runs; `late_until_at`: once that promise is broken."""

    id: int
    subject: str
    category: TicketCategory
    state: TicketState
    opened_at: datetime
    answer_due_at: datetime | None
    late_until_at: datetime | None
    is_rated: bool
    can_be_reopened: bool


@dataclass(frozen=True, slots=True)
class Message:
    """A line of a conversation. `promised_at`: until when an answer to it was promised; `waited_seconds`: how long an
    answer took."""

    id: int
    kind: MessageKind
    staff_id: int | None
    staff_name: str
    body: str
    written_at: datetime
    promised_at: datetime | None
    waited_seconds: int | None
    files: tuple[File, ...]


@dataclass(frozen=True, slots=True)
class Conversation:
    """A ticket as its subscriber sees it: without internal notes. `stars` is 0 where nothing was rated."""

    ticket: TicketLine
    messages: tuple[Message, ...]
    evidence: Mapping[str, Any] | None
    stars: int
    word: str


def open_ticket(
    session: Session,
    subscriber_id: int,
    *,
    category: str,
    text: str,
    occasion: str,
    line_id: str = "",
    file_ids: Sequence[int] = (),
    now: datetime,
) -> int:
    """Asks a question; returns the ticket's id. Of the same occasion a second time, that of the first.

    Raises:
        NoCategory, NothingWritten, TextTooLong: what was typed will not do.
        TooManyQuestions: more than ten in an hour.
        TooManyFiles, FilesGone: see `attachments.take`.
        NotFound: the line of the statement is someone else's.
    """
    reference = _reference(subscriber_id, occasion)
    # The same press may arrive twice at once: the second waits here and finds the first one's ticket.
    session.exec(select(Subscriber.id).where(Subscriber.id == subscriber_id).with_for_update())
    known = _ticket_of(session, reference)
    if known is not None:
        return known
    if category not in set(TicketCategory):
        raise NoCategory
    text = read_text(text)
    if limits.hit(session, f"questions-of:{subscriber_id}", window=timedelta(hours=1), now=now).count > (
        QUESTIONS_PER_HOUR
    ):
        raise TooManyQuestions
    ticket = Ticket(
        subscriber_id=subscriber_id,
        category=TicketCategory(category),
        subject=subject_of(text),
        state=TicketState.WAITING,
        answer_due_at=now + TERM,
        evidence=_evidence(session, subscriber_id, line_id) if line_id else None,
        opened_at=now,
    )
    session.add(ticket)
    session.flush()
    add_message(
        session,
        ticket,
        MessageKind.QUESTION,
        text,
        reference=reference,
        promised_at=now + TERM,
        file_ids=file_ids,
        now=now,
    )
    return cast(int, ticket.id)


def write(
    session: Session,
    subscriber_id: int,
    ticket_id: int,
    text: str,
    *,
    occasion: str,
    file_ids: Sequence[int] = (),
    now: datetime,
) -> None:
    """Adds to a conversation: goes on with the clock that stood, or begins a new one where all was answered.

    Raises:
        NotFound: it is no ticket of this subscriber.
        NothingWritten, TextTooLong: what was typed will not do.
        TooManyFiles, FilesGone: see `attachments.take`.
        TooManyQuestions: more than sixty in an hour.
        TooLate: it was answered more than 14 days ago.
    """
    ticket = _get_own(session, subscriber_id, ticket_id, for_update=True)
    reference = _reference(subscriber_id, occasion)
    if _ticket_of(session, reference) is not None:
        return
    text = read_text(text)
    if limits.hit(session, f"lines-of:{subscriber_id}", window=timedelta(hours=1), now=now).count > LINES_PER_HOUR:
        raise TooManyQuestions
    promised_at = _start_clock(ticket, now)
    add_message(
        session,
        ticket,
        MessageKind.QUESTION,
        text,
        reference=reference,
        promised_at=promised_at,
        file_ids=file_ids,
        now=now,
    )


def reopen(session: Session, subscriber_id: int, ticket_id: int, *, now: datetime) -> None:
    """The answer did not help: the question waits again, for 24 hours. One that waits already goes on waiting.

    Raises:
        NotFound: it is no ticket of this subscriber.
        TooLate: it was answered more than 14 days ago.
    """
    ticket = _get_own(session, subscriber_id, ticket_id, for_update=True)
    if ticket.state in (TicketState.WAITING, TicketState.ASKED):
        return
    promised_at = _start_clock(ticket, now)
    reference = f"not-solved:{ticket.id}:{ticket.version}"
    add_message(session, ticket, MessageKind.NOT_SOLVED, "", reference=reference, promised_at=promised_at, now=now)


def rate(session: Session, subscriber_id: int, ticket_id: int, stars: int, word: str = "", *, now: datetime) -> None:
    """One to five stars and a word: the question is solved. The last rating counts.

    Raises:
        NotFound: it is no ticket of this subscriber.
        NotAnswered: there is no answer.
        NoSuchStars, TextTooLong: what was given will not do.
    """
    ticket = _get_own(session, subscriber_id, ticket_id, for_update=True)
    if ticket.state not in (TicketState.ANSWERED, TicketState.CLOSED) or ticket.answered_at is None:
        raise NotAnswered
    if stars not in range(1, 6):
        raise NoSuchStars
    word = printable(word).strip()
    if len(word) > LONGEST_WORD:
        raise TextTooLong(most=LONGEST_WORD)
    row = session.get(TicketRating, ticket_id) or TicketRating(ticket_id=ticket_id, stars=stars, rated_at=now)
    row.stars, row.word, row.rated_at = stars, word, now
    ticket.state = TicketState.CLOSED
    ticket.version += 1
    session.add_all((row, ticket))
    session.flush()


# --- reading ---------------------------------------------------------------------------------------------------------


def list_tickets(
    session: Session, subscriber_id: int, *, before: int | None = None, limit: int, now: datetime
) -> list[TicketLine]:
    """The subscriber's newest questions, or those older than the one with the id `before`."""
    query = (
        select(Ticket, TicketRating.ticket_id)
        .outerjoin(TicketRating, col(TicketRating.ticket_id) == col(Ticket.id))
        .where(Ticket.subscriber_id == subscriber_id)
        .order_by(col(Ticket.id).desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(col(Ticket.id) < before)
    return [_line(ticket, rated is not None, now) for ticket, rated in session.exec(query)]


def get_conversation(session: Session, subscriber_id: int, ticket_id: int, *, now: datetime) -> Conversation:
    """A question with all that was written to it and may be seen by its subscriber.

    Raises:
        NotFound: it is no ticket of this subscriber.
    """
    ticket = _get_own(session, subscriber_id, ticket_id)
    rating = session.get(TicketRating, ticket_id)
    return Conversation(
        ticket=_line(ticket, rating is not None, now),
        messages=list_messages(session, ticket_id, with_notes=False),
        evidence=ticket.evidence,
        stars=rating.stars if rating else 0,
        word=rating.word if rating else "",
    )


def get_evidence(session: Session, subscriber_id: int, line_id: str) -> dict[str, Any]:
    """What a question about this line of the statement would take along.

    Raises:
        NotFound: there is no such line, or it is someone else's.
    """
    return _evidence(session, subscriber_id, line_id)


def usual_wait(session: Session, *, now: datetime) -> timedelta | None:
    """How long the answers of today have taken on average; None while there are none."""
    average = session.exec(
        select(func.avg(col(TicketMessage.waited_seconds))).where(TicketMessage.answered_on == clock.local(now).date())
    ).one()
    return None if average is None else timedelta(seconds=int(average))


def list_messages(session: Session, ticket_id: int, *, with_notes: bool) -> tuple[Message, ...]:
    """A conversation, the oldest line first."""
    query = select(TicketMessage).where(TicketMessage.ticket_id == ticket_id).order_by(col(TicketMessage.id))
    if not with_notes:
        query = query.where(TicketMessage.kind != MessageKind.NOTE)
    rows = session.exec(query).all()
    files = attachments.list_of(session, [cast(int, row.id) for row in rows])
    return tuple(
        Message(
            id=cast(int, row.id),
            kind=row.kind,
            staff_id=row.staff_id,
            staff_name=row.staff_name,
            body=row.body,
            written_at=row.written_at,
            promised_at=row.promised_at,
            waited_seconds=row.waited_seconds,
            files=tuple(files.get(cast(int, row.id), ())),
        )
        for row in rows
    )


# --- what both sides do ----------------------------------------------------------------------------------------------


def add_message(
    session: Session,
    ticket: Ticket,
    kind: MessageKind,
    text: str,
    *,
    reference: str,
    staff_id: int | None = None,
    staff_name: str = "",
    promised_at: datetime | None = None,
    waited: timedelta | None = None,
    file_ids: Sequence[int] = (),
    now: datetime,
) -> int:
    """Writes a line, gives it its files, and makes the ticket known to the search by it; returns the line's id."""
    row = TicketMessage(
        ticket_id=cast(int, ticket.id),
        kind=kind,
        staff_id=staff_id,
        staff_name=staff_name,
        body=text,
        reference=reference,
        written_at=now,
        promised_at=promised_at,
        answered_on=clock.local(now).date() if waited is not None else None,
        waited_seconds=int(waited.total_seconds()) if waited is not None else None,
    )
    ticket.version += 1
    session.add_all((row, ticket))
    session.flush()
    owner = Owner(staff_id=staff_id) if staff_id is not None else Owner(subscriber_id=ticket.subscriber_id)
    attachments.take(session, owner, file_ids, cast(int, row.id), now=now)
    bodies = session.exec(select(TicketMessage.body).where(TicketMessage.ticket_id == ticket.id)).all()
    ticket_search.keep(session, cast(int, ticket.id), bodies)
    return cast(int, row.id)


def read_text(text: str, most: int = LONGEST_TEXT) -> str:
    """What a person has written: line ends as one, nothing that cannot be printed.

    Raises:
        NothingWritten, TextTooLong
    """
    text = printable(text.replace("\r\n", "\n")).strip()
    if not text:
        raise NothingWritten
    if len(text) > most:
        raise TextTooLong(most=most)
    return text


def printable(text: str) -> str:
    """Without what cannot be printed, and without signs that turn the direction of a line."""
    return "".join(char for char in text if char.isprintable() or char in "\n\u00a0\u202f\u200d")


def late_until(ticket: Ticket) -> datetime | None:
    """What is promised once the promise is broken."""
    if not ticket.is_late or ticket.answer_due_at is None:
        return None
    return ticket.answer_due_at + LATE_TERM


def _line(ticket: Ticket, is_rated: bool, now: datetime) -> TicketLine:
    return TicketLine(
        id=cast(int, ticket.id),
        subject=ticket.subject,
        category=ticket.category,
        state=ticket.state,
        opened_at=ticket.opened_at,
        answer_due_at=ticket.answer_due_at,
        late_until_at=late_until(ticket),
        is_rated=is_rated,
        can_be_reopened=_can_be_reopened(ticket, now),
    )


def _can_be_reopened(ticket: Ticket, now: datetime) -> bool:
    return ticket.answered_at is None or now <= ticket.answered_at + REOPEN_FOR


def _start_clock(ticket: Ticket, now: datetime) -> datetime | None:
    """Lets the clock run, from where it stood or anew; returns the moment promised, None where it was running."""
    if ticket.state is TicketState.WAITING:
        return None
    if ticket.state is TicketState.ASKED:
        left = timedelta(seconds=ticket.clock_left_seconds or 0)
    elif _can_be_reopened(ticket, now):
        left = TERM
    else:
        raise TooLate
    ticket.state, ticket.answer_due_at, ticket.clock_left_seconds = TicketState.WAITING, now + left, None
    ticket.is_late = False
    return ticket.answer_due_at


def _get_own(session: Session, subscriber_id: int, ticket_id: int, *, for_update: bool = False) -> Ticket:
    query = select(Ticket).where(Ticket.id == ticket_id, Ticket.subscriber_id == subscriber_id)
    ticket = session.exec(query.with_for_update() if for_update else query).one_or_none()
    if ticket is None:
        raise NotFound
    return ticket


def _reference(subscriber_id: int, occasion: str) -> str:
    return f"page:{subscriber_id}:{occasion}"


def _ticket_of(session: Session, reference: str) -> int | None:
    return session.exec(select(TicketMessage.ticket_id).where(TicketMessage.reference == reference)).one_or_none()


def _evidence(session: Session, subscriber_id: int, line_id: str) -> dict[str, Any]:
    """The line and its explanation as they stand at this moment."""
    return cast(dict[str, Any], _plain(asdict(expenses.explain_line(session, subscriber_id, line_id))))


def _plain(value: Any) -> Any:
    """As JSON keeps it."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, StrEnum):
        return value.value
    return value.isoformat() if isinstance(value, date | datetime) else value
