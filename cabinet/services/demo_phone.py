"""What the demo phone has received: SMS, and letters."""

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


@dataclass(frozen=True)
class Letter:
    """A received letter; `to` is the address."""

    to: str
    subject: str
    text: str
    at: datetime


_IS_LETTER = col(DemoSms.recipient).contains("@")


def list_sms(session: Session, *, to: str = "", limit: int = AT_MOST) -> list[Sms]:
    """The latest messages, the newest first; only those to the number `to` when it is given."""
    query = select(DemoSms).where(~_IS_LETTER).order_by(col(DemoSms.id).desc()).limit(limit)
    if to:
        query = query.where(DemoSms.recipient == to)
    return [Sms(row.recipient, row.text, row.sent_at) for row in session.exec(query)]


def list_letters(session: Session, *, limit: int = AT_MOST) -> list[Letter]:
    """The latest letters, the newest first."""
    query = select(DemoSms).where(_IS_LETTER).order_by(col(DemoSms.id).desc()).limit(limit)
    letters = []
    for row in session.exec(query):
        subject, _, text = row.text.partition("\n")
        letters.append(Letter(row.recipient, subject, text, row.sent_at))
    return letters
