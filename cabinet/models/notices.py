"""What subscribers are told of: notices, by which ways they want to be told, and their e-mail addresses."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from cabinet.models.base import BigId, Choice, Instant, Json


class NoticeKind(StrEnum):
    """What happened."""

    FEE = "fee"
    OPTION_FEE = "option_fee"
    SUSPENDED = "suspended"  # the plan's fee could not be paid
    OPTION_SUSPENDED = "option_suspended"
    RESTORED = "restored"
    LOW_BALANCE = "low_balance"
    ALLOWANCE_LOW = "allowance_low"
    ALLOWANCE_OUT = "allowance_out"
    TOP_UP = "top_up"
    ORDER = "order"
    ORDER_UNDONE = "order_undone"
    PROMISE_RETURNED = "promise_returned"
    PROMISE_OWED = "promise_owed"  # it could not be returned whole
    AUTOPAY_PAUSED = "autopay_paused"  # by itself
    TRIAL_ENDS = "trial_ends"
    DISCOUNT_ENDS = "discount_ends"  # the fee before this one was the last with it
    SIGN_IN = "sign_in"
    PASSWORD_SET = "password_set"  # noqa: S105
    PASSWORD_REMOVED = "password_removed"  # noqa: S105
    EMAIL_SET = "email_set"
    EMAIL_REMOVED = "email_removed"
    TICKET_ANSWERED = "ticket_answered"
    TICKET_ASKED = "ticket_asked"
    TICKET_LATE = "ticket_late"
    CAP_NEAR = "cap_near"  # most of what usage outside the packages may cost this month
    CAP_REACHED = "cap_reached"
    ADJUSTED = "adjusted"  # the staff has corrected the balance


class Topic(StrEnum):
    """What a subscriber chooses the ways for."""

    MONEY = "money"
    PACKAGES = "packages"
    ACCOUNT = "account"
    SUPPORT = "support"
    SECURITY = "security"


class Notice(SQLModel, table=True):
    """One line of /notices. `by_sms` and `by_email`: the outbox has `<reference>:sms`, `<reference>:email`."""

    __tablename__ = "notice"
    __table_args__ = (
        Index("ix_notice_of_subscriber", "subscriber_id", "id"),
        Index(
            "ix_notice_unread",
            "subscriber_id",
            sqlite_where=text("read_at IS NULL"),
            postgresql_where=text("read_at IS NULL"),
        ),
        Index("ix_notice_happened_at", "happened_at"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    subscriber_id: int = Field(foreign_key="subscriber.id", sa_type=BigId)
    kind: NoticeKind = Field(sa_type=Choice(NoticeKind))
    reference: str = Field(unique=True, max_length=70, description="Of what happened: it is told once")
    facts: dict = Field(default_factory=dict, sa_type=Json, description="What the sentence is made of")
    happened_at: datetime = Field(sa_type=Instant)
    read_at: datetime | None = Field(default=None, sa_type=Instant)
    by_sms: bool = False
    by_email: bool = False


class NoticeChoice(SQLModel, table=True):
    """The ways that a subscriber has chosen for a topic; without a row it is as `services/notices.py` says."""

    __tablename__ = "notice_choice"

    subscriber_id: int = Field(primary_key=True, foreign_key="subscriber.id", sa_type=BigId)
    topic: Topic = Field(primary_key=True, sa_type=Choice(Topic))
    by_sms: bool
    by_email: bool


class EmailAddress(SQLModel, table=True):
    """A subscriber's e-mail: confirmed by the link in a letter, and until then only waiting."""

    __tablename__ = "email_address"

    subscriber_id: int = Field(primary_key=True, foreign_key="subscriber.id", sa_type=BigId)
    address: str = Field(default="", max_length=254, description="Confirmed; empty: none")
    waiting: str = Field(default="", max_length=254, description="A letter with a link went there")
    token_hash: str = Field(default="", max_length=64, index=True)
    token_expires_at: datetime | None = Field(default=None, sa_type=Instant)


class NoticeCursor(SQLModel, table=True):
    """How far the fees that are coming have been looked at, by how long before they come."""

    __tablename__ = "notice_cursor"

    days: int = Field(primary_key=True)
    fee_at: datetime = Field(sa_type=Instant)
    subscription_id: int = Field(default=0, sa_type=BigId)
