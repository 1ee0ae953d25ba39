"""Messages that leave through a gateway: written in the transaction of the event that promises them."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from cabinet.models.base import BigId, Choice, Instant


class OutboxState(StrEnum):
    """`waiting` is the only state from which a message is sent."""

    WAITING = "waiting"
    WITHHELD = "withheld"  # never to be sent: the number is not ours, and nobody may notice
    SENT = "sent"
    DELIVERED = "delivered"  # the gateway said so later
    UNDELIVERED = "undelivered"
    EXPIRED = "expired"
    FAILED = "failed"


class Channel(StrEnum):
    """Which way a message goes."""

    SMS = "sms"
    EMAIL = "email"


class OutboxMessage(SQLModel, table=True):
    """One SMS or letter to be sent; its text is wiped after sending."""

    __tablename__ = "outbox_message"
    __table_args__ = (
        Index(
            "ix_outbox_message_due",
            "channel",
            "priority",
            "send_after",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
        Index(
            "ix_outbox_message_receipt",
            "gateway_id",
            sqlite_where=text("state = 'sent' AND gateway_id IS NOT NULL"),
            postgresql_where=text("state = 'sent' AND gateway_id IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    reference: str = Field(unique=True, max_length=80, description="The gateway's idempotence key")
    kind: str = Field(max_length=32)
    channel: Channel = Field(default=Channel.SMS, sa_type=Choice(Channel), sa_column_kwargs={"server_default": "sms"})
    recipient: str = Field(max_length=254)
    subject: str = Field(default="", max_length=120, sa_column_kwargs={"server_default": ""})
    body: str = Field(max_length=1000)
    priority: int = Field(default=5, description="0 leaves first")
    state: OutboxState = Field(default=OutboxState.WAITING, sa_type=Choice(OutboxState))
    attempts: int = 0
    created_at: datetime = Field(sa_type=Instant)
    send_after: datetime = Field(sa_type=Instant)
    expires_at: datetime | None = Field(default=None, sa_type=Instant)
    sent_at: datetime | None = Field(default=None, sa_type=Instant)
    gateway_id: str | None = Field(default=None, max_length=80, description="What its receipt calls it")
