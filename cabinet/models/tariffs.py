"""Which plan a subscriber is on, since when."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field, SQLModel

from cabinet.models.base import BigId, Choice, Instant, Json


class SubscriptionState(StrEnum):
    """`suspended`: the fee of the present period is not paid, so its allowances were not granted."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    ENDED = "ended"


class PlanSubscription(SQLModel, table=True):
    """A plan version with its settings, from `started_at` to `ended_at` (half-open)."""

    __tablename__ = "plan_subscription"
    __table_args__ = (
        CheckConstraint("anchor_day BETWEEN 1 AND 31", name="anchor_day_is_a_day"),
        Index(
            "ix_plan_subscription_current",
            "subscriber_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index(
            "ix_plan_subscription_due",
            "next_fee_at",
            sqlite_where=text("state = 'active' AND ended_at IS NULL"),
            postgresql_where=text("state = 'active' AND ended_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    subscriber_id: int = Field(foreign_key="subscriber.id", index=True, sa_type=BigId)
    plan_version_id: int = Field(foreign_key="plan_version.id", sa_type=BigId)
    settings: dict = Field(default_factory=dict, sa_type=Json, description="Chosen step of each setting")
    state: SubscriptionState = Field(default=SubscriptionState.ACTIVE, sa_type=Choice(SubscriptionState))
    anchor_day: int = Field(description="Billing periods begin on this day of the month, 1 to 31")
    started_at: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    next_fee_at: datetime | None = Field(
        default=None, sa_type=Instant, description="Start of the first period not charged yet; none: nothing is due"
    )
