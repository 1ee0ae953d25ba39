"""How much usage outside the packages may cost a subscriber in a month."""

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlmodel import Field, SQLModel

from cabinet.models.base import BigId, Instant


class SpendingCap(SQLModel, table=True):
    """What a subscriber has chosen, from that month on; insert-only. A month's cap is the newest row that begins with
    it or, where none does, with the last month before it."""

    __tablename__ = "spending_cap"
    __table_args__ = (
        CheckConstraint("limit_kopecks > 0", name="limit_is_a_sum"),
        Index("ix_spending_cap_of_subscriber", "subscriber_id", "month_on", "id"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    subscriber_id: int = Field(foreign_key="subscriber.id", sa_type=BigId)
    month_on: date = Field(description="Its first day, in the operator's time zone")
    limit_kopecks: int | None = Field(default=None, sa_type=BigInteger, description="None: no cap any more")
    spent_kopecks: int = Field(sa_type=BigInteger, description="What that month had cost already when it was chosen")
    chosen_at: datetime = Field(sa_type=Instant)
