"""The demo world: its phone, its clock, how far its life has gone. Empty in production."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from cabinet.models.base import BigId, Instant


class DemoSms(SQLModel, table=True):
    """An SMS or a letter that the embedded gateway «sent»."""

    __tablename__ = "demo_sms"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    reference: str = Field(unique=True, max_length=80)
    recipient: str = Field(max_length=254, index=True)
    text: str = Field(max_length=1200)
    sent_at: datetime = Field(sa_type=Instant)


class DemoClock(SQLModel, table=True):
    """How far the operator's clock runs ahead of the machine's; a single row."""

    __tablename__ = "demo_clock"

    id: int = Field(default=1, primary_key=True)
    offset_seconds: int = 0


class DemoWorld(SQLModel, table=True):
    """The made-up operator; a single row, written before its first subscriber."""

    __tablename__ = "demo_world"

    id: int = Field(default=1, primary_key=True)
    seed: int = Field(description="Decides who its people are and what they do")
    made_at: datetime = Field(sa_type=Instant, description="When its people are in the situation they are told to be")
    lived_until_at: datetime = Field(sa_type=Instant, description="Usage, payments and fees exist up to here")
