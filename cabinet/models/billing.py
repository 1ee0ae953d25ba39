"""Fees charged: one row per subscription and period is what makes a fee happen once."""

from datetime import datetime

from sqlalchemy import BigInteger, UniqueConstraint
from sqlmodel import Field, SQLModel

from cabinet.models.base import BigId, Instant


class FeeCharge(SQLModel, table=True):
    """The fee of one period; a free period has no ledger transaction."""

    __tablename__ = "fee_charge"
    __table_args__ = (UniqueConstraint("subscription_id", "period_start_at"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    subscription_id: int = Field(foreign_key="plan_subscription.id", sa_type=BigId)
    period_start_at: datetime = Field(sa_type=Instant)
    period_end_at: datetime = Field(sa_type=Instant)
    amount_kopecks: int = Field(sa_type=BigInteger)
    transaction_id: int | None = Field(default=None, foreign_key="ledger_transaction.id", sa_type=BigId)
    charged_at: datetime = Field(sa_type=Instant)
