"""Services and monthly packages that a subscriber has, and the fees charged for them."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from cabinet.domain.effects import ItemKind, OptionState
from cabinet.models.base import BigId, Choice, Instant


class OptionSubscription(SQLModel, table=True):
    """A service, or a package that comes every month, from `started_at` to `ended_at` (half-open).

    `ended_at` may be ahead: it is switched off, and works as long as it is paid for.
    """

    __tablename__ = "option_subscription"
    __table_args__ = (
        CheckConstraint("anchor_day BETWEEN 1 AND 31", name="anchor_day_is_a_day"),
        CheckConstraint("(option_version_id IS NULL) <> (bundle_version_id IS NULL)", name="one_thing"),
        Index(
            "ix_option_subscription_current",
            "subscriber_id",
            "item",
            "code",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index(
            "ix_option_subscription_due",
            "next_fee_at",
            sqlite_where=text("next_fee_at IS NOT NULL AND state <> 'suspended'"),
            postgresql_where=text("next_fee_at IS NOT NULL AND state <> 'suspended'"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    subscriber_id: int = Field(foreign_key="subscriber.id", index=True, sa_type=BigId)
    item: ItemKind = Field(sa_type=Choice(ItemKind))
    code: str = Field(max_length=40)
    option_version_id: int | None = Field(default=None, foreign_key="option_version.id", sa_type=BigId)
    bundle_version_id: int | None = Field(default=None, foreign_key="bundle_version.id", sa_type=BigId)
    order_id: int | None = Field(default=None, foreign_key="order.id", index=True, sa_type=BigId)
    state: OptionState = Field(default=OptionState.ACTIVE, sa_type=Choice(OptionState))
    anchor_day: int = Field(description="Its months begin on this day, 1 to 31")
    started_at: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    trial_until: datetime | None = Field(default=None, sa_type=Instant)
    asked_at: datetime | None = Field(default=None, sa_type=Instant, description="Whether to keep it after the trial")
    next_fee_at: datetime | None = Field(
        default=None, sa_type=Instant, description="Start of the first period not charged yet; none: nothing is due"
    )


class OptionFeeCharge(SQLModel, table=True):
    """The fee of one period of a service or a monthly package: one row is what makes it happen once."""

    __tablename__ = "option_fee_charge"
    __table_args__ = (UniqueConstraint("option_subscription_id", "period_start_at"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    option_subscription_id: int = Field(foreign_key="option_subscription.id", sa_type=BigId)
    period_start_at: datetime = Field(sa_type=Instant)
    period_end_at: datetime = Field(sa_type=Instant)
    amount_kopecks: int = Field(sa_type=BigInteger, description="0: the plan includes it")
    transaction_id: int | None = Field(default=None, foreign_key="ledger_transaction.id", sa_type=BigId)
    charged_at: datetime = Field(sa_type=Instant)
