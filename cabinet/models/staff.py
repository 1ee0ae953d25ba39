"""The operator's staff: who they are, where they are signed in, what they did."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from cabinet.domain.staff import Role
from cabinet.models.base import BigId, Choice, Instant, Json


class StaffMember(SQLModel, table=True):
    """A named person; rows stay when they have left, because their actions do."""

    __tablename__ = "staff_member"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    login: str = Field(unique=True, max_length=32)
    name: str = Field(max_length=100, description="As subscribers see it")
    role: Role = Field(sa_type=Choice(Role))
    msisdn: str = Field(default="", max_length=15, description="Their own number, whose account they cannot touch")
    password_hash: str = Field(max_length=100, description="bcrypt over the keyed digest of the password")
    totp_secret: str = Field(max_length=200, description="Encrypted with a key of the secret key")
    totp_last_step: int = Field(default=0, description="The 30 seconds whose code was used last: none of them again")
    is_active: bool = True
    is_demo: bool = Field(default=False, description="Its password is known to everybody: refused in production")
    created_at: datetime = Field(sa_type=Instant)


class StaffSession(SQLModel, table=True):
    """A browser in which a member of the staff is signed in; the cookie's token is kept only as its SHA-256."""

    __tablename__ = "staff_session"
    __table_args__ = (Index("ix_staff_session_of_member", "staff_id", "revoked_at"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    token_hash: str = Field(unique=True, max_length=64)
    staff_id: int = Field(foreign_key="staff_member.id", sa_type=BigId)
    device: str = Field(default="", max_length=80)
    address: str = Field(default="", max_length=45)
    created_at: datetime = Field(sa_type=Instant)
    last_seen_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant, description="The absolute end; idleness may end it earlier")
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)


class StaffAction(SQLModel, table=True):
    """Something that a member of the staff did; insert-only. With a subscriber it stands in their profile."""

    __tablename__ = "staff_action"
    __table_args__ = (
        Index("ix_staff_action_of_subscriber", "subscriber_id", "id"),
        Index("ix_staff_action_of_member", "staff_id", "id"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    staff_id: int = Field(foreign_key="staff_member.id", sa_type=BigId)
    kind: str = Field(max_length=32, description="The capability's own word: «card_opened», «ticket_answered»")
    subscriber_id: int | None = Field(default=None, foreign_key="subscriber.id", sa_type=BigId)
    reason: str = Field(default="", max_length=300)
    facts: dict = Field(default_factory=dict, sa_type=Json)
    happened_at: datetime = Field(sa_type=Instant)
