"""Usage records with how each was rated, and the allowances they drew on."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlmodel import Field, SQLModel

from cabinet.domain.allowances import UsageKind
from cabinet.domain.rating import Direction
from cabinet.models.base import BigId, Choice, Instant, Json


class UsageRecord(SQLModel, table=True):
    """A call, a message or a data session, and how it was rated. Written once.

    On PostgreSQL a month is a partition (`cabinet/months.py`), whose key is `id, started_at`.
    """

    __tablename__ = "usage_record"
    __table_args__ = (
        CheckConstraint("quantity >= 0", name="quantity_is_not_negative"),
        CheckConstraint("charge_kopecks >= 0", name="charge_is_not_negative"),
        Index("ix_usage_record_of_subscriber", "subscriber_id", "started_at"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    record_id: str = Field(max_length=64, description="The network's own identifier: see `UsageKey`")
    subscriber_id: int = Field(foreign_key="subscriber.id", sa_type=BigId)
    kind: UsageKind = Field(sa_type=Choice(UsageKind))
    direction: Direction = Field(sa_type=Choice(Direction))
    zone: str = Field(max_length=24, description="`home`, `on_net`, `intl_kz`; a traffic class for data")
    peer: str = Field(default="", max_length=32, description="The other party, or the application")
    started_at: datetime = Field(sa_type=Instant)
    quantity: int = Field(sa_type=BigInteger, description="Seconds, messages or bytes as the network counted")

    plan_version_id: int = Field(foreign_key="plan_version.id", sa_type=BigId)
    billed_quantity: int = Field(sa_type=BigInteger, description="After rounding")
    missed_quantity: int = Field(default=0, sa_type=BigInteger, description="What no allowance covered")
    charge_kopecks: int = Field(default=0, sa_type=BigInteger)
    rating: dict = Field(
        sa_type=Json, description="Structured reason: rule, allowances drawn on, block, price, counters"
    )
    transaction_id: int | None = Field(default=None, foreign_key="ledger_transaction.id", sa_type=BigId)


class UsageKey(SQLModel, table=True):
    """What makes a record be rated once, and where it is. Narrow and whole: what is unique among the months of
    `usage_record` cannot be said there, because a partition knows nothing of the others."""

    __tablename__ = "usage_key"
    __table_args__ = {"sqlite_with_rowid": False}

    record_id: str = Field(primary_key=True, max_length=64)
    subscriber_id: int = Field(sa_type=BigId)
    started_at: datetime = Field(index=True, sa_type=Instant)


class Retention(SQLModel, table=True):
    """What is not kept any more: everything of that kind from before the moment."""

    __tablename__ = "retention"

    what: str = Field(primary_key=True, max_length=32, description="`usage`")
    kept_from: datetime = Field(sa_type=Instant)


class AllowanceSource(StrEnum):
    """What granted an allowance."""

    PLAN = "plan"
    BUNDLE = "bundle"
    PROMOTION = "promotion"
    OPTION = "option"


class Allowance(SQLModel, table=True):
    """Prepaid minutes, messages or bytes, usable in [valid_from, valid_until)."""

    __tablename__ = "allowance"
    __table_args__ = (
        CheckConstraint("remaining >= 0 AND remaining <= granted", name="remaining_within_granted"),
        Index("ix_allowance_of_subscriber", "subscriber_id", "valid_until"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    reference: str = Field(unique=True, max_length=120, description="`plan:17:2026-11-05:data`: granted once")
    subscriber_id: int = Field(foreign_key="subscriber.id", sa_type=BigId)
    source: AllowanceSource = Field(sa_type=Choice(AllowanceSource))
    name: str = Field(max_length=80)
    kind: UsageKind = Field(sa_type=Choice(UsageKind))
    scope: str = Field(default="", max_length=24, description="The only zone or traffic class it covers; empty: any")
    is_unlimited: bool = False
    granted: int = Field(default=0, sa_type=BigInteger, description="Seconds, messages or bytes")
    remaining: int = Field(default=0, sa_type=BigInteger)
    valid_from: datetime = Field(sa_type=Instant)
    valid_until: datetime = Field(sa_type=Instant)


class OverageCounter(SQLModel, table=True):
    """Units over the allowances in one billing period, for prices by a block of the period's sum."""

    __tablename__ = "overage_counter"

    subscriber_id: int = Field(primary_key=True, foreign_key="subscriber.id", sa_type=BigId)
    period_start_at: datetime = Field(primary_key=True, sa_type=Instant)
    key: str = Field(primary_key=True, max_length=40, description="The rate's name, as `data`")
    units: int = Field(default=0, sa_type=BigInteger)
