"""Corrections of balances: proposed by one member of the staff, carried out by another."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlmodel import Field, SQLModel

from cabinet.domain.staff import AdjustmentReason
from cabinet.models.base import BigId, Choice, Instant


class AdjustmentState(StrEnum):
    """How far it has come; only a waiting one changes."""

    WAITING = "waiting"
    APPROVED = "approved"
    DECLINED = "declined"


class BalanceAdjustment(SQLModel, table=True):
    """Money to be given to a subscriber, or to be taken (negative)."""

    __tablename__ = "balance_adjustment"
    __table_args__ = (
        CheckConstraint("amount_kopecks <> 0", name="amount_is_not_zero"),
        CheckConstraint("state <> 'approved' OR decided_by_id <> proposed_by_id", name="two_people"),
        CheckConstraint("(state = 'waiting') = (decided_at IS NULL)", name="decided_when_decided"),
        CheckConstraint("(state = 'approved') = (transaction_id IS NOT NULL)", name="approved_is_posted"),
        Index("ix_balance_adjustment_in_state", "state", "decided_at", "id"),
        Index("ix_balance_adjustment_of_member", "proposed_by_id", "proposed_at"),
        Index("ix_balance_adjustment_of_subscriber", "subscriber_id", "id"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    subscriber_id: int = Field(foreign_key="subscriber.id", sa_type=BigId)
    amount_kopecks: int = Field(sa_type=BigInteger)
    reason: AdjustmentReason = Field(sa_type=Choice(AdjustmentReason))
    words: str = Field(max_length=300, description="For the subscriber, who reads it in the statement")
    state: AdjustmentState = Field(default=AdjustmentState.WAITING, sa_type=Choice(AdjustmentState))
    proposed_by_id: int = Field(foreign_key="staff_member.id", sa_type=BigId)
    proposed_at: datetime = Field(sa_type=Instant)
    decided_by_id: int | None = Field(default=None, foreign_key="staff_member.id", sa_type=BigId)
    decided_at: datetime | None = Field(default=None, sa_type=Instant)
    transaction_id: int | None = Field(
        default=None, foreign_key="ledger_transaction.id", unique=True, sa_type=BigId, description="Of an approved one"
    )
