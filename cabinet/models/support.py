"""Tickets: questions of subscribers, the conversations about them, files, ratings, and promises that were broken."""

from datetime import date, datetime

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from cabinet.domain.support import MessageKind, TicketCategory, TicketState
from cabinet.models.base import BigId, Choice, Instant, Json

_WAITING = text("state = 'waiting'")
_ON_TIME = text("state = 'waiting' AND NOT is_late")
_LOOSE = text("message_id IS NULL")


class Ticket(SQLModel, table=True):
    """A question. `version` is another number after everything that happens to it: by it staff see what they missed.

    `answer_due_at` is there while the clock runs, `clock_left_seconds` while it stands.
    """

    __tablename__ = "ticket"
    __table_args__ = (
        Index("ix_ticket_of_subscriber", "subscriber_id", "id"),
        Index("ix_ticket_queue", "answer_due_at", "id", sqlite_where=_WAITING, postgresql_where=_WAITING),
        Index(
            "ix_ticket_queue_of_staff",
            *("staff_id", "answer_due_at", "id"),
            sqlite_where=_WAITING,
            postgresql_where=_WAITING,
        ),
        Index(
            "ix_ticket_queue_of_category",
            *("category", "answer_due_at", "id"),
            sqlite_where=_WAITING,
            postgresql_where=_WAITING,
        ),
        Index("ix_ticket_breaking", "answer_due_at", sqlite_where=_ON_TIME, postgresql_where=_ON_TIME),
        Index("ix_ticket_by_state", "state", "id"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    subscriber_id: int = Field(foreign_key="subscriber.id", sa_type=BigId)
    category: TicketCategory = Field(sa_type=Choice(TicketCategory))
    subject: str = Field(max_length=100)
    state: TicketState = Field(sa_type=Choice(TicketState))
    staff_id: int | None = Field(
        default=None, foreign_key="staff_member.id", sa_type=BigId, description="Who has taken it"
    )
    version: int = 1
    answer_due_at: datetime | None = Field(default=None, sa_type=Instant)
    clock_left_seconds: int | None = None
    is_late: bool = Field(default=False, description="The present promise is broken, and that is written down")
    evidence: dict | None = Field(default=None, sa_type=Json, description="The line of the statement, as explained")
    opened_at: datetime = Field(sa_type=Instant)
    answered_at: datetime | None = Field(default=None, sa_type=Instant, description="The last time")


class TicketMessage(SQLModel, table=True):
    """A line of a conversation. Written once."""

    __tablename__ = "ticket_message"
    __table_args__ = (
        Index("ix_ticket_message_of_ticket", "ticket_id", "id"),
        Index(
            "ix_ticket_message_answers",
            *("answered_on", "staff_id", "waited_seconds"),
            sqlite_where=text("answered_on IS NOT NULL"),
            postgresql_where=text("answered_on IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    ticket_id: int = Field(foreign_key="ticket.id", sa_type=BigId)
    kind: MessageKind = Field(sa_type=Choice(MessageKind))
    staff_id: int | None = Field(
        default=None, foreign_key="staff_member.id", sa_type=BigId, description="Who of the staff has written it"
    )
    staff_name: str = Field(default="", max_length=100, description="As the subscriber saw it then")
    body: str = Field(max_length=4_000)
    reference: str = Field(unique=True, max_length=80, description="Of the press of the button: written once")
    written_at: datetime = Field(sa_type=Instant)
    promised_at: datetime | None = Field(
        default=None, sa_type=Instant, description="The answer is due, it began a clock"
    )
    answered_on: date | None = Field(default=None, description="The operator's day of an answer that stopped a clock")
    waited_seconds: int | None = Field(default=None, description="How long that clock had run")


class Attachment(SQLModel, table=True):
    """A file in the folder of files. Until it is `is_whole` it is being received; until a message takes it, it may be
    forgotten."""

    __tablename__ = "attachment"
    __table_args__ = (
        Index("ix_attachment_loose", "created_at", sqlite_where=_LOOSE, postgresql_where=_LOOSE),
        Index("ix_attachment_message_id", "message_id"),
        Index("ix_attachment_subscriber_id", "subscriber_id"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    message_id: int | None = Field(default=None, foreign_key="ticket_message.id", sa_type=BigId)
    subscriber_id: int | None = Field(
        default=None, foreign_key="subscriber.id", sa_type=BigId, description="Who sent it"
    )
    staff_id: int | None = Field(
        default=None, foreign_key="staff_member.id", sa_type=BigId, description="Or who of the staff"
    )
    name: str = Field(max_length=120, description="As its owner calls it; never a path")
    stored_name: str = Field(unique=True, max_length=60)
    media_type: str = Field(default="", max_length=60)
    size: int = Field(default=0, sa_type=BigId, description="Bytes")
    is_whole: bool = False
    created_at: datetime = Field(sa_type=Instant)


class TicketRating(SQLModel, table=True):
    """What a subscriber thinks of the answer; the last word counts."""

    __tablename__ = "ticket_rating"
    __table_args__ = (Index("ix_ticket_rating_rated_at", "rated_at"),)

    ticket_id: int = Field(primary_key=True, foreign_key="ticket.id", sa_type=BigId)
    stars: int
    word: str = Field(default="", max_length=500)
    rated_at: datetime = Field(sa_type=Instant)


class TicketBreach(SQLModel, table=True):
    """A promise that was not kept: once for a promise, whoever writes it down."""

    __tablename__ = "ticket_breach"
    __table_args__ = (UniqueConstraint("ticket_id", "due_at"), Index("ix_ticket_breach_due_at", "due_at"))

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    ticket_id: int = Field(foreign_key="ticket.id", sa_type=BigId)
    due_at: datetime = Field(sa_type=Instant)
    staff_id: int | None = Field(
        default=None, foreign_key="staff_member.id", sa_type=BigId, description="Who had taken it then"
    )


class TicketLook(SQLModel, table=True):
    """Who of the staff has a ticket before the eyes, and who is writing."""

    __tablename__ = "ticket_look"

    ticket_id: int = Field(primary_key=True, foreign_key="ticket.id", sa_type=BigId)
    staff_id: int = Field(primary_key=True, foreign_key="staff_member.id", sa_type=BigId)
    seen_at: datetime = Field(sa_type=Instant)
    typed_at: datetime | None = Field(default=None, sa_type=Instant)


class AnswerTemplate(SQLModel, table=True):
    """A ready answer that staff put into theirs; `{name}` stands for the subscriber's name."""

    __tablename__ = "answer_template"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    title: str = Field(unique=True, max_length=80)
    body: str = Field(max_length=4_000)


class HelpVote(SQLModel, table=True):
    """How many were helped by an article, and how many were not."""

    __tablename__ = "help_vote"

    slug: str = Field(primary_key=True, max_length=80)
    helped: int = 0
    not_helped: int = 0
