"""Messages to subscribers: written in the transaction of the event that promises them, sent afterwards.

A message is sent at least once and, by its reference, at most once at a gateway that honours references: after a crash
between sending and marking, it is handed over again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

import structlog
from sqlalchemy import Table, bindparam, select, update
from sqlmodel import Session

from cabinet import clock, db, metrics
from cabinet.adapters.sending import Answer, Gateway, Message, Receipt, Verdict
from cabinet.bulk import insert_many
from cabinet.config import settings
from cabinet.models.base import metadata
from cabinet.models.outbox import Channel, OutboxMessage, OutboxState

log = structlog.get_logger(__name__)

_outbox: Table = metadata.tables["outbox_message"]

# A sender that has not reported by then is taken for dead. A gateway answers for its batch sooner: see the limits of
# `CABINET_SMS_TIMEOUT_SECONDS` and `CABINET_SMTP_TIMEOUT_SECONDS`.
CLAIMED_FOR = {Channel.SMS: timedelta(minutes=1), Channel.EMAIL: timedelta(minutes=5)}
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (5, 15, 60, 300, 1800))
MARKED_AT_ONCE = 50  # after a kill so many may be handed over again
SMS_LENGTH = 70  # one message, where there is a letter beyond Latin
LIFETIME = timedelta(days=1)  # of what has no end of its own: nobody wants yesterday's news


@dataclass(frozen=True, slots=True)
class Kind:
    """How a kind of message is sent: 0 leaves first; what can wait is not sent at night."""

    priority: int
    can_wait: bool = False


KINDS = {
    "code": Kind(0),
    "password": Kind(1),
    "sign-in": Kind(1),
    "email": Kind(1),
    "receipt": Kind(3),
    "notice": Kind(4),
    "reminder": Kind(5, can_wait=True),
    "trial": Kind(4, can_wait=True),
    "advert": Kind(9, can_wait=True),
}
OTHER = Kind(5)
_PRIORITIES = sorted({kind.priority for kind in (*KINDS.values(), OTHER)})


@dataclass(frozen=True, slots=True)
class Due:
    """A message claimed for sending until `claimed_until`."""

    message_id: int
    channel: Channel
    kind: str
    attempts: int
    claimed_until: datetime
    message: Message


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
    expires_at: datetime | None = None,
    is_withheld: bool = False,
    now: datetime,
) -> None:
    """Promises an SMS; it leaves after the commit. `is_withheld` writes the same row without a text, never sent.

    `reference` makes it one message, whatever is tried again; after `expires_at` (a day, unless told) it is not sent
    any more. What can wait, by its kind, waits for the morning.
    """
    of_kind = KINDS.get(kind, OTHER)
    send_after = _morning_after(now) if of_kind.can_wait else now
    if expires_at is not None and send_after >= expires_at:
        send_after = now
    session.add(
        OutboxMessage(
            reference=reference,
            kind=kind,
            recipient=recipient,
            body="" if is_withheld else body,
            priority=of_kind.priority,
            state=OutboxState.WITHHELD if is_withheld else OutboxState.WAITING,
            created_at=now,
            send_after=send_after,
            expires_at=expires_at or send_after + LIFETIME,
        )
    )
    session.flush()


def queue_email(
    session: Session, *, reference: str, kind: str, recipient: str, subject: str, body: str, now: datetime
) -> None:
    """Promises a letter; as `queue_sms`, but it wakes nobody at night."""
    session.add(
        OutboxMessage(
            reference=reference,
            kind=kind,
            channel=Channel.EMAIL,
            recipient=recipient,
            subject=subject,
            body=body,
            priority=KINDS.get(kind, OTHER).priority,
            created_at=now,
            send_after=now,
            expires_at=now + LIFETIME,
        )
    )
    session.flush()


@dataclass(frozen=True, slots=True)
class Promise:
    """A message to be queued with others: an SMS, or with a subject a letter."""

    reference: str
    kind: str
    recipient: str
    body: str
    subject: str = ""


_QUEUED_COLUMNS = (
    *("reference", "kind", "channel", "recipient", "subject", "body", "priority", "state", "attempts"),
    *("created_at", "send_after", "expires_at"),
)


def queue_many(session: Session, promises: Sequence[Promise], *, now: datetime) -> None:
    """As `queue_sms` and `queue_email`, in one statement; what is promised already stays as it is."""
    rows = []
    for promise in promises:
        of_kind = KINDS.get(promise.kind, OTHER)
        channel = Channel.EMAIL if promise.subject else Channel.SMS
        send_after = _morning_after(now) if of_kind.can_wait and channel is Channel.SMS else now
        rows.append(
            (
                *(promise.reference, promise.kind, channel, promise.recipient, promise.subject, promise.body),
                *(of_kind.priority, OutboxState.WAITING, 0, now, send_after, send_after + LIFETIME),
            )
        )
    insert_many(session, _outbox, _QUEUED_COLUMNS, rows, "ON CONFLICT (reference) DO NOTHING")


def _morning_after(now: datetime) -> datetime:
    """`now`, or the end of the quiet hours when it is in them, by the operator's clock."""
    begins, ends = settings().quiet_from_hour, settings().quiet_until_hour
    local = clock.local(now)
    is_quiet = begins <= local.hour < ends if begins <= ends else local.hour >= begins or local.hour < ends
    if not is_quiet:
        return now
    day = local.date() + timedelta(days=1 if local.hour >= ends else 0)
    return datetime.combine(day, time(ends), clock.time_zone()).astimezone(now.tzinfo)


# --- sending ---------------------------------------------------------------------------------------------------------


def send_due(gateway: Gateway, channel: Channel = Channel.SMS, *, now: Callable[[], datetime]) -> int:
    """Sends what is due through the gateway and returns how many went; any number of processes may call it at once.

    Opens its own transactions: claiming and marking are two, the gateway is called between them. Call it in a thread.
    """
    room = gateway.room()
    messages: list[Due] = []
    if room > 0:
        with db.transaction() as session:
            messages = claim(session, room, channel, now=now())
    sent = 0
    if messages:
        sent = _hand_over(gateway, messages, now)
    if receipts := gateway.receipts():
        with db.transaction() as session:
            take_receipts(session, receipts)
    return sent


def _hand_over(gateway: Gateway, messages: Sequence[Due], now: Callable[[], datetime]) -> int:
    unanswered = {due.message.reference: due for due in messages}
    answered: list[tuple[Due, Answer]] = []
    sent = 0
    try:
        for answer in gateway.send([due.message for due in messages]):
            answered.append((unanswered.pop(answer.reference), answer))
            sent += answer.verdict is Verdict.SENT
            if len(answered) == MARKED_AT_ONCE:
                _mark(answered, now())
                answered = []
    except Exception as error:  # whatever the gateway or the network throws, the messages stay ours
        log.warning("messages not sent", error=type(error).__name__, messages=len(unanswered))
    # What nobody answered for may have gone: again, by the same reference.
    answered += [(due, Answer(reference, Verdict.FAILED)) for reference, due in unanswered.items()]
    if answered:
        _mark(answered, now())
    return sent


def claim(session: Session, limit: int, channel: Channel = Channel.SMS, *, now: datetime) -> list[Due]:
    """Takes some due messages, the most urgent first; those that came too late end here and their texts with them."""
    rows: list[Any] = []
    for priority in _PRIORITIES:  # one by one: together they would read all that waits for the morning
        rows += session.execute(
            select(_outbox)
            .where(
                _outbox.c.state == OutboxState.WAITING,
                _outbox.c.channel == channel,
                _outbox.c.priority == priority,
                _outbox.c.send_after <= now,
            )
            .order_by(_outbox.c.send_after)
            .limit(limit - len(rows))
            .with_for_update(skip_locked=True)
        ).all()
        if len(rows) >= limit:
            break
    late = [row.id for row in rows if row.expires_at is not None and row.expires_at <= now]
    if late:
        session.execute(
            update(_outbox).where(_outbox.c.id.in_(late)).values(state=OutboxState.EXPIRED, body="", subject="")
        )
    claimed_until = now + CLAIMED_FOR[channel]
    due = [_due(row, claimed_until) for row in rows if row.id not in set(late)]
    if due:
        session.execute(
            update(_outbox)
            .where(_outbox.c.id.in_([one.message_id for one in due]))
            .values(send_after=claimed_until, attempts=_outbox.c.attempts + 1)
        )
    return due


def _due(row: Any, claimed_until: datetime) -> Due:
    message = Message(row.reference, row.recipient, row.body, row.subject, row.expires_at)
    return Due(row.id, row.channel, row.kind, row.attempts + 1, claimed_until, message)


def _mark(answered: Sequence[tuple[Due, Answer]], now: datetime) -> None:
    """Writes down what became of the messages, in one transaction.

    A text that has served is wiped: a code or a balance must not lie in the database for ever.
    """
    closed: list[dict[str, Any]] = []
    put_off: list[dict[str, Any]] = []
    for due, answer in answered:
        if answer.verdict in (Verdict.REFUSED, Verdict.FAILED):
            log.warning(
                "message not sent",
                verdict=answer.verdict.value,
                reason=answer.reason,
                reference=due.message.reference,
                kind=due.kind,
                attempts=due.attempts,
            )
        metrics.MESSAGES.labels(
            due.channel.value, due.kind if due.kind in KINDS else "other", answer.verdict.value
        ).inc()
        is_given_up = answer.verdict is Verdict.FAILED and due.attempts > len(PAUSES)
        if answer.verdict is Verdict.SENT:
            closed.append(_closing(due, OutboxState.SENT, now, answer.gateway_id))
        elif answer.verdict is Verdict.REFUSED or is_given_up:
            closed.append(_closing(due, OutboxState.FAILED, None, None))
        elif answer.verdict is Verdict.FAILED:
            put_off.append(_putting_off(due, now + PAUSES[due.attempts - 1], due.attempts))
        else:
            put_off.append(_putting_off(due, now, due.attempts - 1))
    with db.transaction() as session:
        connection = session.connection()
        if closed:
            connection.execute(_CLOSE, closed)
        if put_off:
            connection.execute(_PUT_OFF, put_off)


_CLOSE = (
    update(_outbox)
    .where(_outbox.c.id == bindparam("message_id"), _outbox.c.state == OutboxState.WAITING)
    .values(
        state=bindparam("new_state"), body="", subject="", sent_at=bindparam("went_at"), gateway_id=bindparam("its_id")
    )
)
# Only while the claim is ours: who came too late must not touch what another sender has taken since.
_PUT_OFF = (
    update(_outbox)
    .where(
        _outbox.c.id == bindparam("message_id"),
        _outbox.c.state == OutboxState.WAITING,
        _outbox.c.send_after == bindparam("claimed_until"),
    )
    .values(send_after=bindparam("again_at"), attempts=bindparam("attempts_made"))
)


def _closing(due: Due, state: OutboxState, went_at: datetime | None, its_id: str | None) -> dict[str, Any]:
    return {"message_id": due.message_id, "new_state": state, "went_at": went_at, "its_id": its_id}


def _putting_off(due: Due, again_at: datetime, attempts: int) -> dict[str, Any]:
    return {
        "message_id": due.message_id,
        "claimed_until": due.claimed_until,
        "again_at": again_at,
        "attempts_made": attempts,
    }


def take_receipts(session: Session, receipts: Sequence[Receipt]) -> int:
    """Notes what the gateway has said of messages it had taken; returns how many receipts there were."""
    session.connection().execute(
        update(_outbox)
        .where(_outbox.c.gateway_id == bindparam("its_id"), _outbox.c.state == OutboxState.SENT)
        .values(state=bindparam("new_state")),
        [
            {
                "its_id": receipt.gateway_id,
                "new_state": OutboxState.DELIVERED if receipt.is_delivered else OutboxState.UNDELIVERED,
            }
            for receipt in receipts
        ],
    )
    return len(receipts)
