"""Signed-in sessions."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from cabinet.models.base import BigId, Instant


class AuthSession(SQLModel, table=True):
    """A signed-in browser; the cookie's token is kept only as its SHA-256."""

    __tablename__ = "auth_session"
    __table_args__ = (Index("ix_auth_session_of_subscriber", "subscriber_id", "revoked_at"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    token_hash: str = Field(unique=True, max_length=64)
    subscriber_id: int = Field(foreign_key="subscriber.id", sa_type=BigId)
    is_remembered: bool = False
    device: str = Field(default="", max_length=80)
    address: str = Field(default="", max_length=45)
    created_at: datetime = Field(sa_type=Instant)
    last_seen_at: datetime = Field(sa_type=Instant)
    confirmed_at: datetime = Field(sa_type=Instant, description="When a code or password was last given")
    expires_at: datetime = Field(sa_type=Instant, description="The absolute end; idleness may end it earlier")
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)
