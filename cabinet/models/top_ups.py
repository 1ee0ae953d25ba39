"""Money on its way in: saved ways to pay, top-ups, and what gateways told us."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, text
from sqlmodel import Field, SQLModel

from cabinet.domain.payments import (
    Attention,
    Initiator,
    PaymentKind,
    RefundState,
    Refusal,
    TopUpState,
    WebhookVerdict,
)
from cabinet.models.base import BigId, Choice, Instant


class PaymentMethod(SQLModel, table=True):
    """A card, or an account bound by СБП, that the gateway may charge without the person. The number is not here."""

    __tablename__ = "payment_method"
    __table_args__ = (
        Index(
            "ix_payment_method_token",
            "gateway",
            "token",
            unique=True,
            sqlite_where=text("deleted_at IS NULL"),
            postgresql_where=text("deleted_at IS NULL"),
        ),
        Index(
            "ix_payment_method_to_forget",
            "forget_after",
            sqlite_where=text("forget_after IS NOT NULL"),
            postgresql_where=text("forget_after IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    subscriber_id: int = Field(foreign_key="subscriber.id", index=True, sa_type=BigId)
    kind: PaymentKind = Field(sa_type=Choice(PaymentKind))
    title: str = Field(max_length=60, description="What a person knows it by: `··4821`")
    expires: str = Field(default="", max_length=5, description="`09/28`; empty: does not")
    gateway: str = Field(max_length=32)
    token: str = Field(max_length=120, description="The gateway's name for it; wiped when the gateway has forgotten it")
    saved_at: datetime = Field(sa_type=Instant)
    deleted_at: datetime | None = Field(default=None, sa_type=Instant)
    forget_after: datetime | None = Field(default=None, sa_type=Instant, description="To be forgotten by the gateway")


class TopUp(SQLModel, table=True):
    """An intent to pay, committed before the gateway hears of it, and what became of it.

    Its money is the ledger transaction `top-up:<gateway>:<gateway_id>`.
    """

    __tablename__ = "top_up"
    __table_args__ = (
        CheckConstraint("amount_kopecks > 0", name="amount_is_positive"),
        CheckConstraint(
            "refunded_kopecks >= 0 AND refunded_kopecks <= amount_kopecks", name="refund_is_a_part_of_the_amount"
        ),
        CheckConstraint("(state = 'succeeded') = (transaction_id IS NOT NULL)", name="money_means_success"),
        CheckConstraint("(state IN ('created', 'pending')) = (finished_at IS NULL)", name="an_end_has_a_time"),
        CheckConstraint("state <> 'refused' OR refusal IS NOT NULL", name="a_refusal_has_a_reason"),
        Index("ix_top_up_of_gateway", "gateway", "gateway_id", unique=True),
        Index("ix_top_up_of_subscriber", "subscriber_id", "created_at"),
        Index(
            "ix_top_up_due",
            "check_after",
            sqlite_where=text("check_after IS NOT NULL"),
            postgresql_where=text("check_after IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    subscriber_id: int = Field(foreign_key="subscriber.id", sa_type=BigId)
    amount_kopecks: int = Field(sa_type=BigInteger)
    kind: PaymentKind = Field(sa_type=Choice(PaymentKind))
    payment_method_id: int | None = Field(
        default=None, foreign_key="payment_method.id", index=True, sa_type=BigId, description="Saved: used or made"
    )
    method_title: str = Field(default="", max_length=60, description="`··4821`, once it is known")
    saves_method: bool = False
    initiator: Initiator = Field(default=Initiator.MANUAL, sa_type=Choice(Initiator))
    occasion: str = Field(unique=True, max_length=80, description="What asked for it, so that it is made once for that")
    key: str = Field(unique=True, max_length=64, description="Our name for it: the gateway's idempotence key")
    gateway: str = Field(max_length=32)
    gateway_id: str | None = Field(default=None, max_length=64)
    state: TopUpState = Field(default=TopUpState.CREATED, sa_type=Choice(TopUpState))
    refusal: Refusal | None = Field(default=None, sa_type=Choice(Refusal))
    attention: Attention | None = Field(default=None, sa_type=Choice(Attention))
    confirmation_url: str = Field(default="", max_length=2000, description="The gateway's page for the person")
    refunded_kopecks: int = Field(default=0, sa_type=BigInteger, description="Given back by the gateway")
    transaction_id: int | None = Field(default=None, foreign_key="ledger_transaction.id", unique=True, sa_type=BigId)
    created_at: datetime = Field(sa_type=Instant)
    finished_at: datetime | None = Field(default=None, sa_type=Instant)
    check_after: datetime | None = Field(default=None, sa_type=Instant, description="When to ask the gateway; none: no")
    attempts: int = Field(default=0, description="How often the gateway was asked")


class Refund(SQLModel, table=True):
    """Money of a top-up on its way back to where it came from.

    It leaves the account by the ledger transaction `refund:<id>`, and comes back by `refund-refused:<id>`.
    """

    __tablename__ = "refund"
    __table_args__ = (
        CheckConstraint("amount_kopecks > 0", name="amount_is_positive"),
        CheckConstraint("(state = 'created') = (finished_at IS NULL)", name="an_end_has_a_time"),
        Index(
            "ix_refund_due",
            "check_after",
            sqlite_where=text("state = 'created'"),
            postgresql_where=text("state = 'created'"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    top_up_id: int = Field(foreign_key="top_up.id", index=True, sa_type=BigId)
    amount_kopecks: int = Field(sa_type=BigInteger)
    key: str = Field(unique=True, max_length=64, description="Our name for it: the gateway's idempotence key")
    state: RefundState = Field(default=RefundState.CREATED, sa_type=Choice(RefundState))
    transaction_id: int | None = Field(default=None, foreign_key="ledger_transaction.id", unique=True, sa_type=BigId)
    created_at: datetime = Field(sa_type=Instant)
    finished_at: datetime | None = Field(default=None, sa_type=Instant)
    check_after: datetime = Field(sa_type=Instant, description="When to ask the gateway, while it is created")
    attempts: int = Field(default=0, description="How often the gateway was asked")


class WebhookEvent(SQLModel, table=True):
    """A gateway's message as it came."""

    __tablename__ = "webhook_event"
    __table_args__ = (
        Index(
            "ix_webhook_event_forged",
            "received_at",
            sqlite_where=text("verdict = 'forged'"),
            postgresql_where=text("verdict = 'forged'"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    gateway: str = Field(max_length=32)
    received_at: datetime = Field(index=True, sa_type=Instant)
    body: bytes = Field(sa_type=LargeBinary)
    verdict: WebhookVerdict = Field(sa_type=Choice(WebhookVerdict))
    top_up_id: int | None = Field(default=None, foreign_key="top_up.id", index=True, sa_type=BigId)
