"""Autopay: a subscriber's rule, and how far it has come."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlmodel import Field, SQLModel

from cabinet.domain.autopay import AutopayKind, AutopayState, PauseReason
from cabinet.models.base import BigId, Choice, Instant

_KEPT = text("state <> 'deleted'")
_WAITS = text("top_up_id IS NOT NULL")
_ACTIVE = text("state = 'active' AND top_up_id IS NULL")


class AutopayRule(SQLModel, table=True):
    """A subscriber has at most one. Its payments are top-ups for `autopay:<rule>:<occasion>:<try>`, one at a time."""

    __tablename__ = "autopay_rule"
    __table_args__ = (
        CheckConstraint("ceiling_kopecks > 0", name="ceiling_is_a_sum"),
        CheckConstraint(
            "kind <> 'threshold' OR (threshold_kopecks > 0 AND amount_kopecks > 0)", name="has_a_threshold"
        ),
        CheckConstraint("kind <> 'day' OR (day BETWEEN 1 AND 31 AND amount_kopecks > 0)", name="has_a_day"),
        CheckConstraint("(state = 'paused') = (pause_reason IS NOT NULL)", name="a_pause_has_a_reason"),
        Index("ix_autopay_rule_kept", "subscriber_id", unique=True, sqlite_where=_KEPT, postgresql_where=_KEPT),
        Index("ix_autopay_rule_look", "kind", "look_at", sqlite_where=_ACTIVE, postgresql_where=_ACTIVE),
        Index("ix_autopay_rule_waits", "top_up_id", unique=True, sqlite_where=_WAITS, postgresql_where=_WAITS),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    subscriber_id: int = Field(foreign_key="subscriber.id", index=True, sa_type=BigId)
    kind: AutopayKind = Field(sa_type=Choice(AutopayKind))
    payment_method_id: int = Field(foreign_key="payment_method.id", index=True, sa_type=BigId)
    threshold_kopecks: int = Field(default=0, sa_type=BigInteger)
    amount_kopecks: int = Field(default=0, sa_type=BigInteger)
    day: int = 0
    ceiling_kopecks: int = Field(sa_type=BigInteger, description="Of a calendar month")
    state: AutopayState = Field(default=AutopayState.ACTIVE, sa_type=Choice(AutopayState))
    pause_reason: PauseReason | None = Field(default=None, sa_type=Choice(PauseReason))
    created_at: datetime = Field(sa_type=Instant)
    since_at: datetime = Field(sa_type=Instant, description="Begun, changed or resumed: dates before it do not count")
    look_at: datetime = Field(sa_type=Instant, description="When it is looked at again")
    top_up_id: int | None = Field(
        default=None, foreign_key="top_up.id", sa_type=BigId, description="The payment whose end is awaited"
    )
    occasion: str = Field(default="", max_length=20, description="The last one that there was a try for")
    tries: int = Field(default=0, description="For that occasion")
    failures: int = Field(default=0, description="Refusals in a row since it began or was resumed")
    paid_occasion: str = Field(default="", max_length=20, description="The last date that is dealt with")
    paid_times: int = Field(default=0, description="Payments that succeeded")
    warned_occasion: str = Field(default="", max_length=20, description="The last date that was told of before")
