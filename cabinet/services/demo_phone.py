"""What the demo phone has received."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from cabinet.models.demo import DemoSms

AT_MOST = 50


@dataclass(frozen=True)
class Sms:
    """A received SMS; `to` is the number's digits."""

    to: str
    text: str
    at: datetime


def list_sms(session: Session, *, to: str = "", limit: int = AT_MOST) -> list[Sms]:
    """The latest messages, the newest first; only those to the number `to` when it is given."""
    query = select(DemoSms).order_by(col(DemoSms.id).desc()).limit(limit)
    if to:
        query = query.where(DemoSms.recipient == to)
    return [Sms(row.recipient, row.text, row.sent_at) for row in session.exec(query)]
