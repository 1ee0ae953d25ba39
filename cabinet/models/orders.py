"""What subscribers order: quotes shown, orders confirmed, and changes that wait for their time."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from cabinet.domain.effects import OrderKind
from cabinet.models.base import BigId, Choice, Instant, Json


class Quote(SQLModel, table=True):
    """What something would do, as it was shown. Written once; what is confirmed is exactly this."""

    __tablename__ = "quote"
    __table_args__ = {"sqlite_autoincrement": True}  # an id is never another quote: a page may hold it for days

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    subscriber_id: int = Field(foreign_key="subscriber.id", index=True, sa_type=BigId)
    kind: OrderKind = Field(sa_type=Choice(OrderKind))
    request: dict = Field(sa_type=Json, description="What was asked for, so that it can be asked again")
    effects: list = Field(sa_type=Json)
    summary: dict = Field(sa_type=Json, description="What the effects mean for the subscriber, as it was shown")
    snapshot_version: str = Field(max_length=64, description="SHA-256 of what it promises, see `quotes.version_of`")
    created_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)


class Order(SQLModel, table=True):
    """A confirmed quote; its money is the ledger transaction `order:<id>`, and `order-undo:<id>` gives it back."""

    __tablename__ = "order"
    __table_args__ = (Index("ix_order_of_subscriber", "subscriber_id", "confirmed_at"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    quote_id: int = Field(foreign_key="quote.id", unique=True, sa_type=BigId)
    subscriber_id: int = Field(foreign_key="subscriber.id", sa_type=BigId)
    confirmed_at: datetime = Field(sa_type=Instant)
    undo_until: datetime = Field(sa_type=Instant)
    undone_at: datetime | None = Field(default=None, sa_type=Instant)
    plan_subscription_id: int | None = Field(
        default=None, foreign_key="plan_subscription.id", index=True, sa_type=BigId, description="That it began"
    )
    transaction_id: int | None = Field(default=None, foreign_key="ledger_transaction.id", sa_type=BigId)
    undo_transaction_id: int | None = Field(default=None, foreign_key="ledger_transaction.id", sa_type=BigId)


class ScheduledChange(SQLModel, table=True):
    """Effects of an order that begin at `due_at`; a subscriber has at most one that waits."""

    __tablename__ = "scheduled_change"
    __table_args__ = (
        Index(
            "ix_scheduled_change_waiting",
            "subscriber_id",
            unique=True,
            sqlite_where=text("applied_at IS NULL AND cancelled_at IS NULL"),
            postgresql_where=text("applied_at IS NULL AND cancelled_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    order_id: int = Field(foreign_key="order.id", unique=True, sa_type=BigId)
    subscriber_id: int = Field(foreign_key="subscriber.id", sa_type=BigId)
    due_at: datetime = Field(sa_type=Instant)
    effects: list = Field(sa_type=Json)
    applied_at: datetime | None = Field(default=None, sa_type=Instant)
    cancelled_at: datetime | None = Field(default=None, sa_type=Instant)
