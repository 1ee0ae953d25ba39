"""The ledger's tables. Only `cabinet/ledger.py` writes them; triggers refuse changes to what was posted."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlmodel import Field, SQLModel

from cabinet.models.base import BigId, Choice, Instant, Json


class AccountKind(StrEnum):
    """Whose money it is and what it is for."""

    MAIN = "main"
    BONUS = "bonus"
    DEBT = "debt"
    OPERATOR = "operator"


class Account(SQLModel, table=True):
    """A place where money is.

    A subscriber's account keeps its balance, changed only by the guarded UPDATE of `ledger.post`. An operator's account
    (income, gateway, …) keeps none: every charge of every subscriber would wait for that one row.
    """

    __tablename__ = "account"
    __table_args__ = (
        CheckConstraint("credit_limit_kopecks >= 0", name="credit_limit_is_not_negative"),
        CheckConstraint(
            "kind = 'debt' OR kind = 'operator' OR balance_kopecks >= -credit_limit_kopecks", name="within_credit_limit"
        ),
        Index("ix_account_of_subscriber", "subscriber_id", "kind", unique=True),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    code: str = Field(unique=True, max_length=64, description="`subscriber:42:main`, `operator:usage`")
    kind: AccountKind = Field(sa_type=Choice(AccountKind))
    subscriber_id: int | None = Field(default=None, foreign_key="subscriber.id", sa_type=BigId)
    balance_kopecks: int = Field(default=0, sa_type=BigInteger)
    credit_limit_kopecks: int = Field(default=0, sa_type=BigInteger)


class LedgerTransaction(SQLModel, table=True):
    """Something that happened to money, once: its reference is unique."""

    __tablename__ = "ledger_transaction"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    reference: str = Field(
        unique=True, max_length=120, description="The idempotence key, as `monthly-fee:42:2026-11-05`"
    )
    kind: str = Field(max_length=32, description="What happened: `top_up`, `plan_fee`, `usage`, `reversal`, …")
    reverses_id: int | None = Field(default=None, foreign_key="ledger_transaction.id", unique=True, sa_type=BigId)
    happened_at: datetime = Field(sa_type=Instant, description="When it happened in the subscriber's life")
    posted_at: datetime = Field(sa_type=Instant, description="When it was written")


class Posting(SQLModel, table=True):
    """An amount moved from one account to another; positive by definition, so a transaction cannot be unbalanced.

    On PostgreSQL a month is a partition (`cabinet/months.py`), whose key is `id, happened_at`. Transactions stay whole:
    their reference is unique among all of them, and everything that costs money points at them.
    """

    __tablename__ = "posting"
    __table_args__ = (
        CheckConstraint("amount_kopecks > 0", name="amount_is_positive"),
        CheckConstraint("source_id <> destination_id", name="accounts_differ"),
        Index("ix_posting_out", "source_id", "happened_at", "id"),
        Index("ix_posting_in", "destination_id", "happened_at", "id"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    transaction_id: int = Field(foreign_key="ledger_transaction.id", index=True, sa_type=BigId)
    source_id: int = Field(foreign_key="account.id", sa_type=BigId)
    destination_id: int = Field(foreign_key="account.id", sa_type=BigId)
    amount_kopecks: int = Field(sa_type=BigInteger)
    happened_at: datetime = Field(sa_type=Instant, description="Copied from the transaction, for the index")
    source_balance_kopecks: int | None = Field(
        default=None, sa_type=BigInteger, description="After it; none on an operator's account"
    )
    destination_balance_kopecks: int | None = Field(default=None, sa_type=BigInteger, description="The same")
    explanation: dict = Field(sa_type=Json, description="Structured facts from which the amount can be computed again")
