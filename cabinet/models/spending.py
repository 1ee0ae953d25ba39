"""What subscribers spent, rolled up by day: kept by `cabinet/ledger.py` with every posting, equal to their sum."""

from datetime import date

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from cabinet.domain.spending import Category
from cabinet.models.base import BigId, Choice


class SpendingDay(SQLModel, table=True):
    """What the operator earned from a subscriber on one day in one category, less what it gave back on that day."""

    __tablename__ = "spending_day"
    __table_args__ = {"sqlite_with_rowid": False}  # the key is the table: a month lies in one place

    subscriber_id: int = Field(primary_key=True, foreign_key="subscriber.id", sa_type=BigId)
    day_on: date = Field(primary_key=True, description="In the operator's time zone")
    category: Category = Field(primary_key=True, sa_type=Choice(Category))
    amount_kopecks: int = Field(sa_type=BigInteger)
    postings: int = Field(sa_type=BigInteger, description="How many postings it is the sum of")
