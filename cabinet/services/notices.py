"""Messages to subscribers: written in the transaction of the event that promises them, sent afterwards.

A message is sent at least once and, by its reference, at most once at a gateway that honours references: after a crash
between sending and marking, it is handed over again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

import structlog
from sqlalchemy import update
from sqlmodel import Session, col, select

from cabinet import db
from cabinet.adapters.sms import SmsGateway, SmsRefused
from cabinet.models.outbox import OutboxMessage, OutboxState

log = structlog.get_logger(__name__)

CLAIMED_FOR = timedelta(minutes=1)  # a sender that has not reported by then is taken for dead
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (5, 15, 60, 300, 1800))
AT_ONCE = 20
SMS_LENGTH = 70  # one message, where there is a letter beyond Latin


@dataclass(frozen=True)
class Due:
    """A message claimed for sending."""

    message_id: int
    reference: str
    kind: str
    recipient: str
    body: str
    attempts: int


def fit_sms(texts: Sequence[str], room: int = SMS_LENGTH) -> str:
    """The first text that is one message long, otherwise the last."""
    return next((text for text in texts if len(text) <= room), texts[-1])


def queue_sms(
    session: Session,
    *,
    reference: str,
    kind: str,
    recipient: str,
    body: str,
    priority: int = 5,
    expires_at: datetime | None = None,
    is_withheld: bool = False,
    now: datetime,
) -> None:
    """Promises an SMS; it leaves after the commit. `is_withheld` writes the same row without a text, never sent.

    `reference` makes it one message, whatever is tried again; after `expires_at` it is not sent any more.
    """
    session.add(
        OutboxMessage(
            reference=reference,
            kind=kind,
            recipient=recipient,
            body="" if is_withheld else body,
            priority=priority,
            state=OutboxState.WITHHELD if is_withheld else OutboxState.WAITING,
            created_at=now,
            send_after=now,
            expires_at=expires_at,
        )
    )
    session.flush()


def send_due(gateway: SmsGateway, *, now: Callable[[], datetime]) -> int:
    """Sends what is due through the gateway and returns how many went; any number of processes may call it at once.

    Opens its own transactions: claiming and marking are two, the gateway is called between them. Call it in a thread.
    """
    with db.transaction() as session:
        messages = claim(session, now=now())
    sent = 0
    for message in messages:
        try:
            gateway.send(message.recipient, message.body, message.reference)
        except SmsRefused:
            log.warning("sms refused by the gateway", reference=message.reference, kind=message.kind)
            with db.transaction() as session:
                _close(session, message, OutboxState.FAILED, now())
        except Exception as error:  # whatever the gateway or the network throws, the message stays ours
            log.warning(
                "sms not sent", reference=message.reference, attempts=message.attempts, error=type(error).__name__
            )
            with db.transaction() as session:
                put_off(session, message, now=now())
        else:
            with db.transaction() as session:
                _close(session, message, OutboxState.SENT, now())
            sent += 1
    return sent


def claim(session: Session, *, now: datetime) -> list[Due]:
    """Takes some due messages for a minute; those that came too late end here and their texts with them."""
    rows = session.exec(
        select(OutboxMessage)
        .where(OutboxMessage.state == OutboxState.WAITING, col(OutboxMessage.send_after) <= now)
        .order_by(col(OutboxMessage.priority), col(OutboxMessage.send_after))
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    ).all()
    due = []
    for row in rows:
        if row.expires_at is not None and row.expires_at <= now:
            row.state, row.body = OutboxState.EXPIRED, ""
        else:
            row.send_after, row.attempts = now + CLAIMED_FOR, row.attempts + 1
            due.append(Due(cast(int, row.id), row.reference, row.kind, row.recipient, row.body, row.attempts))
        session.add(row)
    session.flush()
    return due


def put_off(session: Session, message: Due, *, now: datetime) -> None:
    """After a failure: a growing pause, and after the last one the message is given up."""
    if message.attempts > len(PAUSES):
        _close(session, message, OutboxState.FAILED, now)
        return
    session.exec(
        update(OutboxMessage)
        .where(col(OutboxMessage.id) == message.message_id, col(OutboxMessage.state) == OutboxState.WAITING)
        .values(send_after=now + PAUSES[message.attempts - 1])
    )


def _close(session: Session, message: Due, state: OutboxState, now: datetime) -> None:
    """The text has served: a code or a balance must not lie in the database for ever."""
    session.exec(
        update(OutboxMessage)
        .where(col(OutboxMessage.id) == message.message_id, col(OutboxMessage.state) == OutboxState.WAITING)
        .values(state=state, body="", sent_at=now if state is OutboxState.SENT else None)
    )
