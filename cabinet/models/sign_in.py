"""Signing in: the browser before it has a session, captchas, one-time codes, known devices, limits, history."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from cabinet.models.base import BigId, Choice, Instant, Json


class PreSession(SQLModel, table=True):
    """A browser on its way in: what it typed and what it should read next."""

    __tablename__ = "pre_session"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    token_hash: str = Field(unique=True, max_length=64)
    typed_number: str = Field(default="", max_length=32, description="As typed, to be shown again")
    typed_login: str = Field(default="", max_length=32, description="The same of the staff's sign-in")
    error: str = Field(default="", max_length=300, description="Finished text to show once")
    error_code: str = Field(default="", max_length=40, description="Which field the error belongs to")
    remember: bool = False
    next_path: str = Field(default="/", max_length=200)
    created_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant, index=True)


class Captcha(SQLModel, table=True):
    """One picture: answered once, whatever the outcome."""

    __tablename__ = "captcha"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    pre_session_id: int = Field(foreign_key="pre_session.id", ondelete="CASCADE", index=True, sa_type=BigId)
    answer: str = Field(max_length=16)
    created_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    used_at: datetime | None = Field(default=None, sa_type=Instant)


class CodePurpose(StrEnum):
    """What a code may be used for; one purpose's code opens no other door."""

    SIGN_IN = "sign_in"
    STEP_UP = "step_up"
    NEW_DEVICE = "new_device"  # after the right password, in a browser where it was never given before


class OneTimeCode(SQLModel, table=True):
    """A code sent by SMS, kept as a keyed hash; an unknown number has a row too, which no code opens."""

    __tablename__ = "one_time_code"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    pre_session_id: int = Field(foreign_key="pre_session.id", ondelete="CASCADE", index=True, sa_type=BigId)
    purpose: CodePurpose = Field(sa_type=Choice(CodePurpose))
    msisdn: str = Field(max_length=15)
    subscriber_id: int | None = Field(default=None, foreign_key="subscriber.id", sa_type=BigId)
    code_hash: str = Field(max_length=64)
    failures: int = 0
    sending: int = Field(default=1, description="Which sending in a row this is: it sets the wait for the next one")
    created_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    resend_at: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant, description="Used, or replaced by a newer code")


class KnownDevice(SQLModel, table=True):
    """A browser in which this subscriber has signed in: it is not asked for letters from a picture."""

    __tablename__ = "known_device"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    subscriber_id: int = Field(foreign_key="subscriber.id", index=True, sa_type=BigId)
    token_hash: str = Field(max_length=64, index=True)
    label: str = Field(default="", max_length=80)
    created_at: datetime = Field(sa_type=Instant)
    last_used_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)


class LimitCounter(SQLModel, table=True):
    """How often something happened in one window of time; raised by one atomic upsert."""

    __tablename__ = "limit_counter"

    key: str = Field(primary_key=True, max_length=120)
    window_start_at: datetime = Field(primary_key=True, sa_type=Instant)
    count: int = 0
    expires_at: datetime = Field(sa_type=Instant, index=True)


class SignInOutcome(StrEnum):
    """What the history of sign-ins says happened."""

    BY_CODE = "by_code"
    BY_PASSWORD = "by_password"  # noqa: S105
    WRONG_CODE = "wrong_code"
    WRONG_PASSWORD = "wrong_password"  # noqa: S105
    SIGNED_OUT = "signed_out"
    SIGNED_OUT_EVERYWHERE = "signed_out_everywhere"
    SESSION_ENDED = "session_ended"
    PASSWORD_SET = "password_set"  # noqa: S105
    PASSWORD_REMOVED = "password_removed"  # noqa: S105


class SignInEvent(SQLModel, table=True):
    """One line of «История входов»."""

    __tablename__ = "sign_in_event"
    __table_args__ = (Index("ix_sign_in_event_of_subscriber", "subscriber_id", "happened_at"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    subscriber_id: int = Field(foreign_key="subscriber.id", sa_type=BigId)
    outcome: SignInOutcome = Field(sa_type=Choice(SignInOutcome))
    device: str = Field(default="", max_length=80)
    address: str = Field(default="", max_length=45)
    details: dict = Field(default_factory=dict, sa_type=Json)
    happened_at: datetime = Field(sa_type=Instant)
