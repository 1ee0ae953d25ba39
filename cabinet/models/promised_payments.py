"""Promised payments: money given in advance by an order, and taken back with its fee."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlmodel import Field, SQLModel

from cabinet.domain.promised_payments import PromiseState
from cabinet.models.base import BigId, Choice, Instant

_OPEN = text("state = 'open'")


class PromisedPayment(SQLModel, table=True):
    """One that was taken; a subscriber has at most one open.

    The ledger's transactions are `order:<id>`, `promised-return:<id>` and `promised-fee:<id>`.
    """

    __tablename__ = "promised_payment"
    __table_args__ = (
        CheckConstraint("amount_kopecks > 0 AND fee_kopecks >= 0", name="sums_are_sums"),
        CheckConstraint("owed_kopecks >= 0 AND owed_kopecks <= amount_kopecks + fee_kopecks", name="owes_a_part"),
        CheckConstraint("(state = 'open') = (ended_at IS NULL)", name="an_end_has_a_time"),
        CheckConstraint("(state = 'returned') = (return_transaction_id IS NOT NULL)", name="returned_means_posted"),
        Index("ix_promised_payment_open", "subscriber_id", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index("ix_promised_payment_due", "due_at", sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index("ix_promised_payment_of_subscriber", "subscriber_id", "id"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    subscriber_id: int = Field(foreign_key="subscriber.id", sa_type=BigId)
    order_id: int = Field(foreign_key="order.id", unique=True, sa_type=BigId)
    amount_kopecks: int = Field(sa_type=BigInteger)
    fee_kopecks: int = Field(sa_type=BigInteger)
    taken_at: datetime = Field(sa_type=Instant)
    due_at: datetime = Field(sa_type=Instant)
    state: PromiseState = Field(default=PromiseState.OPEN, sa_type=Choice(PromiseState))
    reminded_at: datetime | None = Field(default=None, sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant, description="Taken back, or undone")
    owed_kopecks: int = Field(default=0, sa_type=BigInteger, description="What of it became debt when it was due")
    return_transaction_id: int | None = Field(
        default=None, foreign_key="ledger_transaction.id", unique=True, sa_type=BigId
    )
    fee_transaction_id: int | None = Field(
        default=None, foreign_key="ledger_transaction.id", unique=True, sa_type=BigId
    )
