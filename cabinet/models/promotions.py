"""Promotions as immutable versions, who joined them, promo codes, and the fees that a discount was on."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from cabinet.domain.promotions import DiscountOn
from cabinet.models.base import BigId, Choice, Instant, Json


class Promotion(SQLModel, table=True):
    """A promotion: subscribers see its version `published`, if any, until it is stopped."""

    __tablename__ = "promotion"
    __table_args__ = (CheckConstraint("joined >= 0", name="joined_is_not_negative"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    code: str = Field(unique=True, max_length=40)
    published: int | None = Field(default=None, description="The number of the version")
    joined: int = Field(default=0, description="Places taken; raised by a guarded UPDATE")
    stopped_at: datetime | None = Field(default=None, sa_type=Instant)


class PromotionVersion(SQLModel, table=True):
    """The terms as they were at one time; whoever joined has those of then."""

    __tablename__ = "promotion_version"
    __table_args__ = (UniqueConstraint("promotion_id", "version"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    promotion_id: int = Field(foreign_key="promotion.id", sa_type=BigId)
    version: int
    content: dict = Field(sa_type=Json, description="`domain.promotions.Terms`")
    made_at: datetime = Field(sa_type=Instant)


class Participation(SQLModel, table=True):
    """A subscriber has joined: once for ever, unless that was undone. `discount_left` fees are still to have it."""

    __tablename__ = "participation"
    __table_args__ = (
        UniqueConstraint("promotion_id", "subscriber_id"),
        CheckConstraint("discount_left >= 0 AND discount_left <= discount_periods", name="discount_within_promised"),
        Index("ix_participation_of_subscriber", "subscriber_id"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    promotion_id: int = Field(foreign_key="promotion.id", sa_type=BigId)
    version_id: int = Field(foreign_key="promotion_version.id", sa_type=BigId)
    subscriber_id: int = Field(foreign_key="subscriber.id", sa_type=BigId)
    order_id: int = Field(foreign_key="order.id", unique=True, sa_type=BigId)
    promo_code_id: int | None = Field(default=None, foreign_key="promo_code.id", sa_type=BigId)
    joined_at: datetime = Field(sa_type=Instant)
    left_at: datetime | None = Field(default=None, sa_type=Instant)
    gift_kopecks: int = Field(default=0, sa_type=BigInteger)
    discount_on: DiscountOn | None = Field(default=None, sa_type=Choice(DiscountOn))
    discount_code: str = Field(default="", max_length=40)
    discount_percent: int = 0
    discount_kopecks: int = Field(default=0, sa_type=BigInteger)
    discount_periods: int = 0
    discount_left: int = 0


class DiscountUse(SQLModel, table=True):
    """A fee that had the discount, the `number`th of them: of a plan, a service or a package, charged by the worker or
    by an order. With `transaction_id` None it came to nothing."""

    __tablename__ = "discount_use"
    __table_args__ = (
        UniqueConstraint("participation_id", "number"),
        CheckConstraint("off_kopecks >= 0 AND off_kopecks <= full_kopecks", name="never_below_zero"),
        Index("ix_discount_use_of_plan", "plan_subscription_id", "period_end_at"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    participation_id: int = Field(foreign_key="participation.id", sa_type=BigId)
    number: int
    plan_subscription_id: int | None = Field(default=None, foreign_key="plan_subscription.id", sa_type=BigId)
    option_subscription_id: int | None = Field(default=None, foreign_key="option_subscription.id", sa_type=BigId)
    period_end_at: datetime = Field(sa_type=Instant, description="The end of the period that the fee was for")
    order_id: int | None = Field(default=None, foreign_key="order.id", index=True, sa_type=BigId)
    full_kopecks: int = Field(sa_type=BigInteger, description="The price of the whole period")
    off_kopecks: int = Field(sa_type=BigInteger)
    transaction_id: int | None = Field(default=None, foreign_key="ledger_transaction.id", sa_type=BigId)
    used_at: datetime = Field(sa_type=Instant)


class PromoSeries(SQLModel, table=True):
    """Promo codes made together for one promotion."""

    __tablename__ = "promo_series"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    promotion_id: int = Field(foreign_key="promotion.id", index=True, sa_type=BigId)
    name: str = Field(max_length=80)
    codes: int
    ends_at: datetime | None = Field(default=None, sa_type=Instant)
    made_at: datetime = Field(sa_type=Instant)


class PromoCode(SQLModel, table=True):
    """A code of a series, good for `most_uses` subscribers."""

    __tablename__ = "promo_code"
    __table_args__ = (CheckConstraint("uses >= 0 AND uses <= most_uses", name="within_its_uses"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    series_id: int = Field(foreign_key="promo_series.id", index=True, sa_type=BigId)
    code: str = Field(unique=True, max_length=24)
    most_uses: int = 1
    uses: int = Field(default=0, description="Raised by a guarded UPDATE")


class PromotionShown(SQLModel, table=True):
    """The subscriber has seen the promotion in the cabinet."""

    __tablename__ = "promotion_shown"

    promotion_id: int = Field(foreign_key="promotion.id", primary_key=True, sa_type=BigId)
    subscriber_id: int = Field(foreign_key="subscriber.id", primary_key=True, sa_type=BigId)
    shown_at: datetime = Field(sa_type=Instant)
