"""Subscribers and what they keep about themselves."""

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, SQLModel

from cabinet.models.base import BigId, Choice, Instant


class SubscriberStatus(StrEnum):
    """Only an active subscriber can sign in and is charged fees."""

    ACTIVE = "active"
    BLOCKED = "blocked"
    CLOSED = "closed"


class Subscriber(SQLModel, table=True):
    """A number that the operator serves, and the contract behind it."""

    __tablename__ = "subscriber"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    account_number: str = Field(unique=True, max_length=32, description="Number of the contract (лицевой счёт)")
    msisdn: str = Field(unique=True, max_length=15, description="Digits, as 79161234567")
    name: str = Field(default="", max_length=100)
    region: str = Field(max_length=32, description="Region's code in the catalogue")
    status: SubscriberStatus = Field(default=SubscriberStatus.ACTIVE, sa_type=Choice(SubscriberStatus))
    language: str = Field(default="ru", max_length=2)
    activated_at: datetime = Field(sa_type=Instant)
    password_offered_at: datetime | None = Field(default=None, sa_type=Instant)


class Password(SQLModel, table=True):
    """The permanent password of a subscriber who wanted one."""

    __tablename__ = "password"

    subscriber_id: int = Field(primary_key=True, foreign_key="subscriber.id", sa_type=BigId)
    hash: str = Field(max_length=100, description="bcrypt over the keyed digest of the password")
    failures: int = Field(default=0, description="Wrong passwords in a row, whoever typed them")
    changed_at: datetime = Field(sa_type=Instant)
