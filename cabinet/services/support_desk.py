"""Support, the staff's side: the queue by time left, and what is done to a ticket.

Whoever changes a ticket says which `version` of it is on the screen: where something has happened since, it is refused,
and nobody answers unawares what somebody else has answered. What is done to a subscriber's ticket is recorded as a
staff action.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import ColumnElement, Table, func, literal_column, text
from sqlalchemy import select as select_of
from sqlmodel import Session, col, select

from cabinet import clock
from cabinet.domain.errors import CabinetError, NotFound
from cabinet.domain.staff import PERMISSIONS, Permission
from cabinet.domain.support import (
    LATE_TERM,
    LONGEST_ANSWER,
    TERM,
    MessageKind,
    TicketCategory,
    TicketState,
    waited,
)
from cabinet.models.base import metadata
from cabinet.models.notices import NoticeKind
from cabinet.models.staff import StaffMember
from cabinet.models.subscribers import Subscriber
from cabinet.models.support import (
    AnswerTemplate,
    Ticket,
    TicketBreach,
    TicketLook,
    TicketMessage,
    TicketRating,
)
from cabinet.services import notices, staff, support, ticket_search
from cabinet.services.notices import Event
from cabinet.services.support import Message

SOON = timedelta(hours=4)
LOOKS_FOR = timedelta(seconds=40)
TYPES_FOR = timedelta(seconds=15)
AT_ONCE = 200
MOST_COUNTED = 999
LONGEST_TITLE = 80
_ticket: Table = metadata.tables["ticket"]
_IS_WAITING: ColumnElement[bool] = _ticket.c.state == literal_column("'waiting'")
"""Written out: by a parameter a prepared statement of PostgreSQL finds no index that holds these alone."""
_breach: Table = metadata.tables["ticket_breach"]


class Queue(StrEnum):
    """Which tickets are on the screen."""

    OPEN = "open"  # wait for our answer
    MINE = "mine"
    FREE = "free"
    BREACHED = "breached"
    ASKED = "asked"  # wait for the subscriber
    DONE = "done"


class TicketChanged(CabinetError):
    """Something has happened to the ticket since it was read."""

    message = "Пока вы смотрели, в обращении появилось новое. Прочитайте и решите ещё раз — ваш текст на месте."


class NotYours(CabinetError):
    """Somebody else has taken it."""

    message = "Обращение взял другой сотрудник. Попросите передать его или дождитесь, пока вернёт."


class NothingToAsk(CabinetError):
    """There is no clock to be stopped."""

    message = "Срок уже не идёт: спросить можно, пока абонент ждёт ответа."


class TitleTaken(CabinetError):
    """Two templates of one name."""

    message = "Шаблон «{title}» уже есть. Назовите по-другому."


class TitleMissing(CabinetError):
    """A template without a name, or with one too long."""

    message = "Назовите шаблон, до 80 знаков."


@dataclass(frozen=True, slots=True)
class QueueLine:
    """A line of the queue."""

    id: int
    version: int
    subject: str
    category: TicketCategory
    state: TicketState
    subscriber_name: str
    staff_name: str
    is_mine: bool
    opened_at: datetime
    answer_due_at: datetime | None


@dataclass(frozen=True, slots=True)
class QueuePage:
    """Lines, and what to ask for the next ones with; None at the end."""

    lines: tuple[QueueLine, ...]
    next_after: tuple[str, int] | None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many wait, `MOST_COUNTED` and one more at most of each."""

    breached: int
    soon: int
    open: int
    mine: int
    free: int
    asked: int


@dataclass(frozen=True, slots=True)
class Colleague:
    """Who else has the ticket before the eyes."""

    name: str
    is_typing: bool


@dataclass(frozen=True, slots=True)
class DeskTicket:
    """A ticket as staff see it, notes and all. `look_back` are the other tickets of the subscriber."""

    line: QueueLine
    subscriber_id: int
    staff_id: int | None
    clock_left: timedelta | None
    is_late: bool
    messages: tuple[Message, ...]
    evidence: Mapping[str, Any] | None
    stars: int
    word: str
    others: tuple[QueueLine, ...]
    colleagues: tuple[Colleague, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """A ready answer."""

    id: int
    title: str
    body: str


# --- the queue -------------------------------------------------------------------------------------------------------


def list_queue(
    session: Session,
    staff_id: int,
    *,
    queue: Queue = Queue.OPEN,
    category: TicketCategory | None = None,
    after: tuple[str, int] | None = None,
    limit: int,
    now: datetime,
) -> QueuePage:
    """Tickets of a queue: those that wait for us by time left, the others the newest first."""
    is_by_time = queue in (Queue.OPEN, Queue.MINE, Queue.FREE, Queue.BREACHED)
    query = _lines(staff_id).where(*_of_queue(queue, staff_id, now)).limit(limit + 1)
    if category is not None:
        query = query.where(col(Ticket.category) == category)
    if is_by_time:
        query = query.order_by(col(Ticket.answer_due_at), col(Ticket.id))
        if after is not None:
            due_at = datetime.fromisoformat(after[0])
            query = query.where(
                col(Ticket.answer_due_at) >= due_at,
                (col(Ticket.answer_due_at) > due_at) | (col(Ticket.id) > after[1]),
            )
    else:
        query = query.order_by(col(Ticket.id).desc())
        if after is not None:
            query = query.where(col(Ticket.id) < after[1])
    lines = [_line(row, staff_id) for row in session.execute(query)]
    shown = tuple(lines[:limit])
    if len(lines) <= limit:
        return QueuePage(shown, None)
    last = shown[-1]
    return QueuePage(shown, (last.answer_due_at.isoformat() if last.answer_due_at else "", last.id))


def search(session: Session, staff_id: int, query: str, *, before: int | None = None, limit: int) -> QueuePage:
    """Tickets by their number, by the subscriber's number, or by words of the conversation; the newest first."""
    ids = _found(session, query, before, limit + 1)
    rows = (
        {row.Ticket.id: row for row in session.execute(_lines(staff_id).where(col(Ticket.id).in_(ids)))} if ids else {}
    )
    lines = tuple(_line(rows[ticket_id], staff_id) for ticket_id in ids[:limit] if ticket_id in rows)
    return QueuePage(lines, ("", lines[-1].id) if len(ids) > limit else None)


def count(session: Session, staff_id: int, *, now: datetime) -> Counts:
    """How many tickets are in each queue; each is a short walk along an index."""

    def number(*wanted: ColumnElement[bool]) -> int:
        some = select_of(_ticket.c.id).where(*wanted).limit(MOST_COUNTED + 1)
        return session.execute(select_of(func.count()).select_from(some.subquery())).scalar_one()

    return Counts(
        breached=number(_IS_WAITING, _ticket.c.answer_due_at <= now),
        soon=number(_IS_WAITING, _ticket.c.answer_due_at > now, _ticket.c.answer_due_at <= now + SOON),
        open=number(_IS_WAITING),
        mine=number(_IS_WAITING, _ticket.c.staff_id == staff_id),
        free=number(_IS_WAITING, _ticket.c.staff_id.is_(None)),
        asked=number(_ticket.c.state == TicketState.ASKED),
    )


def take_next(session: Session, staff_id: int, *, now: datetime) -> int | None:
    """Takes the free ticket with the least time left; None where there is none."""
    query = (
        select(Ticket)
        .where(*_of_queue(Queue.FREE, staff_id, now))
        .order_by(col(Ticket.answer_due_at), col(Ticket.id))
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    ticket = session.exec(query).first()
    if ticket is None:
        return None
    _give(session, ticket, staff_id, staff_id, "ticket_taken", now)
    return ticket.id


# --- a ticket --------------------------------------------------------------------------------------------------------


def get_ticket(session: Session, staff_id: int, ticket_id: int, *, now: datetime) -> DeskTicket:
    """The ticket with all that is known about it.

    Raises:
        NotFound: there is none.
    """
    row = session.execute(_lines(staff_id).where(Ticket.id == ticket_id)).one_or_none()
    if row is None:
        raise NotFound
    ticket: Ticket = row.Ticket
    rating = session.get(TicketRating, ticket_id)
    others = session.execute(
        _lines(staff_id)
        .where(Ticket.subscriber_id == ticket.subscriber_id, Ticket.id != ticket_id)
        .order_by(col(Ticket.id).desc())
        .limit(5)
    )
    left = ticket.clock_left_seconds
    return DeskTicket(
        line=_line(row, staff_id),
        subscriber_id=ticket.subscriber_id,
        staff_id=ticket.staff_id,
        clock_left=timedelta(seconds=left) if left is not None else None,
        is_late=ticket.is_late,
        messages=support.list_messages(session, ticket_id, with_notes=True),
        evidence=ticket.evidence,
        stars=rating.stars if rating else 0,
        word=rating.word if rating else "",
        others=tuple(_line(other, staff_id) for other in others),
        colleagues=_colleagues(session, staff_id, ticket_id, now),
    )


def look(session: Session, staff_id: int, ticket_id: int, *, is_typing: bool, now: datetime) -> None:
    """Says that this member has the ticket before the eyes, and whether an answer is being written.

    Raises:
        NotFound: there is no such ticket.
    """
    if session.get(Ticket, ticket_id) is None:
        raise NotFound
    row = session.get(TicketLook, (ticket_id, staff_id)) or TicketLook(
        ticket_id=ticket_id, staff_id=staff_id, seen_at=now
    )
    row.seen_at = now
    row.typed_at = now if is_typing else row.typed_at
    session.add(row)
    session.flush()


def take(session: Session, staff_id: int, ticket_id: int, *, version: int, now: datetime) -> None:
    """The ticket is this member's from now on.

    Raises:
        NotFound, TicketChanged
        NotYours: somebody else has taken it.
    """
    ticket = _get_current(session, ticket_id, version)
    if ticket.staff_id not in (None, staff_id):
        raise NotYours
    if ticket.staff_id is None:
        _give(session, ticket, staff_id, staff_id, "ticket_taken", now)


def give_back(session: Session, staff_id: int, ticket_id: int, *, version: int, now: datetime) -> None:
    """The ticket is anybody's again.

    Raises:
        NotFound, TicketChanged
        NotYours: it is somebody else's.
    """
    ticket = _get_current(session, ticket_id, version)
    if ticket.staff_id != staff_id:
        raise NotYours
    _give(session, ticket, staff_id, None, "ticket_returned", now)


def hand_over(
    session: Session,
    staff_id: int,
    ticket_id: int,
    to_staff_id: int,
    *,
    version: int,
    may_any: bool = False,
    now: datetime,
) -> None:
    """The ticket is another member's from now on. `may_any`: of whoever it was, as a supervisor may.

    Raises:
        NotFound: there is no such ticket, or nobody to take it.
        TicketChanged
        NotYours: it is somebody else's to hand over.
    """
    ticket = _get_current(session, ticket_id, version)
    if ticket.staff_id not in (None, staff_id) and not may_any:
        raise NotYours
    if to_staff_id not in {one.id for one in list_agents(session)}:
        raise NotFound
    _give(session, ticket, staff_id, to_staff_id, "ticket_handed_over", now)


def answer(
    session: Session,
    staff_id: int,
    ticket_id: int,
    text: str,
    *,
    version: int,
    occasion: str,
    file_ids: Sequence[int] = (),
    now: datetime,
) -> None:
    """Answers: the clock stops for good, the subscriber is told by SMS and in the cabinet.

    Raises:
        NotFound, TicketChanged, NotYours
        NothingWritten, TextTooLong, TooManyFiles, FilesGone: what was typed will not do.
    """
    ticket = _get_mine(session, staff_id, ticket_id, version, occasion)
    if ticket is None:
        return
    text = support.read_text(text, LONGEST_ANSWER)
    clock_ran = waited(ticket.answer_due_at, now) if ticket.answer_due_at is not None else None
    ticket.state, ticket.answered_at = TicketState.ANSWERED, now
    ticket.answer_due_at, ticket.clock_left_seconds, ticket.is_late = None, None, False
    _write(session, ticket, staff_id, MessageKind.ANSWER, text, occasion, file_ids, now, clock_ran)
    _tell(session, ticket, staff_id, NoticeKind.TICKET_ANSWERED, now)


def ask(
    session: Session,
    staff_id: int,
    ticket_id: int,
    text: str,
    *,
    version: int,
    occasion: str,
    file_ids: Sequence[int] = (),
    now: datetime,
) -> None:
    """Asks the subscriber something: the clock stands until they answer.

    Raises:
        NothingToAsk: the clock does not run.
        NotFound, TicketChanged, NotYours, NothingWritten, TextTooLong, TooManyFiles, FilesGone
    """
    ticket = _get_mine(session, staff_id, ticket_id, version, occasion)
    if ticket is None:
        return
    if ticket.state is not TicketState.WAITING or ticket.answer_due_at is None:
        raise NothingToAsk
    text = support.read_text(text, LONGEST_ANSWER)
    left = max(ticket.answer_due_at - now, timedelta())
    ticket.state, ticket.clock_left_seconds = TicketState.ASKED, int(left.total_seconds())
    ticket.answer_due_at, ticket.is_late = None, False
    _write(session, ticket, staff_id, MessageKind.ASK, text, occasion, file_ids, now)
    _tell(session, ticket, staff_id, NoticeKind.TICKET_ASKED, now)


def note(
    session: Session,
    staff_id: int,
    ticket_id: int,
    text: str,
    *,
    occasion: str,
    file_ids: Sequence[int] = (),
    now: datetime,
) -> None:
    """Writes for staff alone; whoever has taken the ticket, and whatever has happened since it was read.

    Raises:
        NotFound, NothingWritten, TextTooLong, TooManyFiles, FilesGone
    """
    ticket = _get_for_update(session, ticket_id)
    if _is_known(session, staff_id, occasion):
        return
    text = support.read_text(text, LONGEST_ANSWER)
    _write(session, ticket, staff_id, MessageKind.NOTE, text, occasion, file_ids, now)


def close(session: Session, staff_id: int, ticket_id: int, *, version: int, now: datetime) -> None:
    """There is nothing to answer any more; the subscriber can open it again for 14 days.

    Raises:
        NotFound, TicketChanged, NotYours
    """
    ticket = _get_current(session, ticket_id, version)
    if ticket.staff_id not in (None, staff_id):
        raise NotYours
    if ticket.state is TicketState.CLOSED:
        return
    ticket.state, ticket.answered_at = TicketState.CLOSED, ticket.answered_at or now
    ticket.answer_due_at, ticket.clock_left_seconds, ticket.is_late = None, None, False
    ticket.staff_id = staff_id
    ticket.version += 1
    session.add(ticket)
    session.flush()
    staff.record(
        session, staff_id, "ticket_closed", subscriber_id=ticket.subscriber_id, facts={"ticket": ticket.id}, now=now
    )


# --- promises that are broken ----------------------------------------------------------------------------------------


def mark_breaches(session: Session, *, now: datetime, limit: int = AT_ONCE) -> int:
    """Writes down promises that were not kept and tells their subscribers, each once; returns how many."""
    rows = session.exec(
        select(Ticket)
        .where(
            _IS_WAITING,
            text("NOT ticket.is_late"),
            col(Ticket.answer_due_at) <= now,
        )
        .order_by(col(Ticket.answer_due_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    events = []
    for ticket in rows:
        due_at = cast(datetime, ticket.answer_due_at)
        known = select(TicketBreach.id).where(TicketBreach.ticket_id == ticket.id, TicketBreach.due_at == due_at)
        if session.exec(known).first() is None:
            session.add(TicketBreach(ticket_id=cast(int, ticket.id), due_at=due_at, staff_id=ticket.staff_id))
        ticket.is_late = True
        ticket.version += 1
        session.add(ticket)
        until = due_at + LATE_TERM
        events.append(
            Event(
                ticket.subscriber_id,
                NoticeKind.TICKET_LATE,
                f"ticket-late:{ticket.id}:{due_at:%Y%m%dT%H%M%S}",
                now,
                {"number": ticket.id, "until": f"{clock.local(until):%H:%M}"},
            )
        )
    session.flush()
    notices.tell(session, events, now=now)
    return len(rows)


# --- templates -------------------------------------------------------------------------------------------------------


def list_templates(session: Session) -> list[Template]:
    """All ready answers, by their names."""
    rows = session.exec(select(AnswerTemplate).order_by(AnswerTemplate.title))
    return [Template(cast(int, row.id), row.title, row.body) for row in rows]


def save_template(session: Session, staff_id: int, template_id: int, title: str, body: str, *, now: datetime) -> int:
    """Writes a template anew, or with the id 0 a new one; returns its id.

    Raises:
        TitleMissing, TitleTaken, NothingWritten, TextTooLong, NotFound
    """
    title = " ".join(support.printable(title).split())
    if not title or len(title) > LONGEST_TITLE:
        raise TitleMissing
    body = support.read_text(body, LONGEST_ANSWER)
    row = session.get(AnswerTemplate, template_id) if template_id else AnswerTemplate(title=title, body=body)
    if row is None:
        raise NotFound
    same = session.exec(select(AnswerTemplate.id).where(AnswerTemplate.title == title)).first()
    if same is not None and same != row.id:
        raise TitleTaken(title=title)
    row.title, row.body = title, body
    session.add(row)
    session.flush()
    staff.record(session, staff_id, "template_saved", facts={"title": title}, now=now)
    return cast(int, row.id)


def delete_template(session: Session, staff_id: int, template_id: int, *, now: datetime) -> None:
    """The template is gone; one that was gone already is no fault."""
    row = session.get(AnswerTemplate, template_id)
    if row is not None:
        session.delete(row)
        session.flush()
        staff.record(session, staff_id, "template_deleted", facts={"title": row.title}, now=now)


# --- figures ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the operator's: answers, how long they took on average, and promises broken."""

    on: date
    answers: int
    average: timedelta | None
    in_time: int
    breaches: int


@dataclass(frozen=True, slots=True)
class Answers:
    """What one member has answered in the period."""

    name: str
    answers: int
    average: timedelta
    stars_hundredths: int | None
    """Average rating of the tickets that are theirs, in hundredths of a star."""


@dataclass(frozen=True, slots=True)
class Figures:
    """How answers came in the last `len(days)` days, the oldest day first."""

    days: tuple[Day, ...]
    members: tuple[Answers, ...]
    stars_hundredths: int | None
    ratings: int

    @property
    def answers(self) -> int:
        """Of all days."""
        return sum(day.answers for day in self.days)

    @property
    def breaches(self) -> int:
        """Of all days."""
        return sum(day.breaches for day in self.days)

    @property
    def average(self) -> timedelta | None:
        """Of all answers."""
        total = sum(((day.average or timedelta()) * day.answers for day in self.days), timedelta())
        return total / self.answers if self.answers else None

    @property
    def in_time_percent(self) -> int | None:
        """Answers within the term, of all answers, rounded down."""
        return sum(day.in_time for day in self.days) * 100 // self.answers if self.answers else None


def get_figures(session: Session, *, days: int = 14, now: datetime) -> Figures:
    """How soon answers came; every query is bounded by the days."""
    today = clock.local(now).date()
    first_on = today - timedelta(days=days - 1)
    first_at = datetime.combine(first_on, datetime.min.time(), clock.time_zone())
    message = metadata.tables["ticket_message"].c
    rating = metadata.tables["ticket_rating"].c
    term = int(TERM.total_seconds())
    by_day = {
        row.answered_on: row
        for row in session.execute(
            select_of(
                message.answered_on,
                func.count().label("answers"),
                func.sum(message.waited_seconds).label("seconds"),
                func.count().filter(message.waited_seconds <= term).label("in_time"),
            )
            .where(message.answered_on >= first_on)
            .group_by(message.answered_on)
        )
    }
    breaches: dict[date, int] = {}
    for due_at in session.execute(
        select_of(_breach.c.due_at).where(_breach.c.due_at >= first_at, _breach.c.due_at <= now)
    ).scalars():
        on = clock.local(due_at).date()
        breaches[on] = breaches.get(on, 0) + 1
    found = []
    for number in range(days):
        on = first_on + timedelta(days=number)
        row = by_day.get(on)
        average = timedelta(seconds=int(row.seconds) // row.answers) if row else None
        found.append(Day(on, row.answers if row else 0, average, row.in_time if row else 0, breaches.get(on, 0)))
    stars = session.execute(select_of(func.count(), func.sum(rating.stars)).where(rating.rated_at >= first_at)).one()
    return Figures(
        days=tuple(found),
        members=_members(session, first_on, first_at),
        stars_hundredths=int(stars[1]) * 100 // stars[0] if stars[0] else None,
        ratings=stars[0],
    )


def _members(session: Session, first_on: date, first_at: datetime) -> tuple[Answers, ...]:
    message, ticket = metadata.tables["ticket_message"].c, _ticket.c
    rating, member = metadata.tables["ticket_rating"].c, metadata.tables["staff_member"].c
    stars = {
        row.staff_id: int(row.stars) * 100 // row.number
        for row in session.execute(
            select_of(ticket.staff_id, func.count().label("number"), func.sum(rating.stars).label("stars"))
            .join(_ticket, ticket.id == rating.ticket_id)
            .where(rating.rated_at >= first_at, ticket.staff_id.is_not(None))
            .group_by(ticket.staff_id)
        )
    }
    # Summed before the names are looked up: there are many answers and few members.
    sums = (
        select_of(message.staff_id, func.count().label("answers"), func.sum(message.waited_seconds).label("seconds"))
        .where(message.answered_on >= first_on)
        .group_by(message.staff_id)
        .subquery()
    )
    rows = session.execute(
        select_of(member.id, member.name, sums.c.answers, sums.c.seconds)
        .join(sums, sums.c.staff_id == member.id)
        .order_by(sums.c.answers.desc(), member.name)
    )
    return tuple(
        Answers(row.name, row.answers, timedelta(seconds=int(row.seconds) // row.answers), stars.get(row.id))
        for row in rows
    )


@dataclass(frozen=True, slots=True)
class Agent:
    """Somebody who answers tickets."""

    id: int
    name: str


def list_agents(session: Session) -> list[Agent]:
    """Members who may answer, by name."""
    roles = [role for role, may in PERMISSIONS.items() if Permission.TICKETS in may]
    rows = session.exec(
        select(StaffMember)
        .where(col(StaffMember.is_active), col(StaffMember.role).in_(roles))
        .order_by(StaffMember.name)
    )
    return [Agent(cast(int, row.id), row.name) for row in rows]


# --- inside ----------------------------------------------------------------------------------------------------------


def _lines(staff_id: int) -> Any:
    return (
        select_of(Ticket, Subscriber.name.label("subscriber_name"), StaffMember.name.label("staff_name"))  # type: ignore[attr-defined]
        .join(Subscriber, col(Subscriber.id) == col(Ticket.subscriber_id))
        .outerjoin(StaffMember, col(StaffMember.id) == col(Ticket.staff_id))
    )


def _line(row: Any, staff_id: int) -> QueueLine:
    ticket: Ticket = row.Ticket
    return QueueLine(
        id=cast(int, ticket.id),
        version=ticket.version,
        subject=ticket.subject,
        category=ticket.category,
        state=ticket.state,
        subscriber_name=row.subscriber_name,
        staff_name=row.staff_name or "",
        is_mine=ticket.staff_id == staff_id,
        opened_at=ticket.opened_at,
        answer_due_at=ticket.answer_due_at,
    )


def _of_queue(queue: Queue, staff_id: int, now: datetime) -> list[ColumnElement[bool]]:
    match queue:
        case Queue.MINE:
            return [_IS_WAITING, col(Ticket.staff_id) == staff_id]
        case Queue.FREE:
            return [_IS_WAITING, col(Ticket.staff_id).is_(None)]
        case Queue.BREACHED:
            return [_IS_WAITING, col(Ticket.answer_due_at) <= now]
        case Queue.ASKED:
            return [col(Ticket.state) == TicketState.ASKED]
        case Queue.DONE:
            return [col(Ticket.state).in_((TicketState.ANSWERED, TicketState.CLOSED))]
        case _:
            return [_IS_WAITING]


def _found(session: Session, query: str, before: int | None, limit: int) -> list[int]:
    digits = "".join(char for char in query if char.isascii() and char.isdecimal())
    is_number = digits and not any(char.isalpha() for char in query)
    if is_number and len(digits) >= 10:
        msisdn = f"7{digits[-10:]}"
        wanted = (
            select(Ticket.id)
            .join(Subscriber, col(Subscriber.id) == col(Ticket.subscriber_id))
            .where(Subscriber.msisdn == msisdn)
            .order_by(col(Ticket.id).desc())
            .limit(limit)
        )
        if before is not None:
            wanted = wanted.where(col(Ticket.id) < before)
        return [cast(int, ticket_id) for ticket_id in session.exec(wanted)]
    found = ticket_search.find(session, query, before=before, limit=limit)
    if is_number and before is None:
        ticket_id = int(digits)
        if session.get(Ticket, ticket_id) is not None:
            return [ticket_id, *(one for one in found if one != ticket_id)]
    return found


def _colleagues(session: Session, staff_id: int, ticket_id: int, now: datetime) -> tuple[Colleague, ...]:
    rows = session.execute(
        select_of(StaffMember.name, TicketLook.typed_at)  # type: ignore[call-overload]
        .join(TicketLook, col(TicketLook.staff_id) == col(StaffMember.id))
        .where(
            col(TicketLook.ticket_id) == ticket_id,
            col(TicketLook.staff_id) != staff_id,
            col(TicketLook.seen_at) > now - LOOKS_FOR,
        )
        .order_by(StaffMember.name)
    )
    return tuple(Colleague(name, typed_at is not None and typed_at > now - TYPES_FOR) for name, typed_at in rows)


def _get_for_update(session: Session, ticket_id: int) -> Ticket:
    ticket = session.exec(select(Ticket).where(Ticket.id == ticket_id).with_for_update()).one_or_none()
    if ticket is None:
        raise NotFound
    return ticket


def _get_current(session: Session, ticket_id: int, version: int) -> Ticket:
    """Locked, and as it was read; so of two who press at once the second is told."""
    ticket = _get_for_update(session, ticket_id)
    if ticket.version != version:
        raise TicketChanged
    return ticket


def _get_mine(session: Session, staff_id: int, ticket_id: int, version: int, occasion: str) -> Ticket | None:
    """To be written to by this member, who takes it where it is free; None where this press was written already."""
    ticket = _get_for_update(session, ticket_id)
    if _is_known(session, staff_id, occasion):
        return None
    if ticket.version != version:
        raise TicketChanged
    if ticket.staff_id not in (None, staff_id):
        raise NotYours
    ticket.staff_id = staff_id
    return ticket


def _is_known(session: Session, staff_id: int, occasion: str) -> bool:
    reference = _reference(staff_id, occasion)
    return session.exec(select(TicketMessage.id).where(TicketMessage.reference == reference)).first() is not None


def _reference(staff_id: int, occasion: str) -> str:
    return f"staff:{staff_id}:{occasion}"


def _write(
    session: Session,
    ticket: Ticket,
    staff_id: int,
    kind: MessageKind,
    text: str,
    occasion: str,
    file_ids: Sequence[int],
    now: datetime,
    clock_ran: timedelta | None = None,
) -> None:
    member = session.get(StaffMember, staff_id)
    support.add_message(
        session,
        ticket,
        kind,
        text,
        reference=_reference(staff_id, occasion),
        staff_id=staff_id,
        staff_name=member.name if member else "",
        waited=clock_ran,
        file_ids=file_ids,
        now=now,
    )


def _give(session: Session, ticket: Ticket, staff_id: int, to_staff_id: int | None, kind: str, now: datetime) -> None:
    ticket.staff_id = to_staff_id
    ticket.version += 1
    session.add(ticket)
    session.flush()
    facts = {"ticket": ticket.id} | ({"to": to_staff_id} if to_staff_id not in (None, staff_id) else {})
    staff.record(session, staff_id, kind, facts=facts, now=now)


def _tell(session: Session, ticket: Ticket, staff_id: int, kind: NoticeKind, now: datetime) -> None:
    """The subscriber is told, and who did it is written down under the same name."""
    reference = f"{kind.value.replace('_', '-')}:{ticket.id}:{ticket.version}"
    facts = {"number": ticket.id, "subject": ticket.subject}
    notices.tell(session, [Event(ticket.subscriber_id, kind, reference, now, facts)], now=now)
    facts = {"ticket": ticket.id}
    staff.record(session, staff_id, kind.value, subscriber_id=ticket.subscriber_id, facts=facts, now=now)
