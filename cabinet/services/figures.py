"""The figures of the whole operator that a chart is made of: what waits, and for how long.

Each query goes along an index of what waits and stops at `MOST`, so that its cost does not grow with the base. States
stand in the indexes' own words: neither engine recognises a condition of an index where the state is a parameter.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlmodel import Session, col, select

from cabinet.domain.payments import TopUpState
from cabinet.models.outbox import Channel, OutboxMessage
from cabinet.models.support import Ticket
from cabinet.models.top_ups import TopUp
from cabinet.services import billing, option_fees

MOST = 10_000


@dataclass(frozen=True, slots=True)
class Backlog:
    """What should have been done: how many, `MOST` at most, and since when the first of them waits."""

    number: int = 0
    late_for: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Figures:
    """By channel, by kind of fee, by state."""

    outbox: dict[str, Backlog] = field(default_factory=dict)
    fees: dict[str, Backlog] = field(default_factory=dict)
    open_top_ups: dict[str, int] = field(default_factory=dict)
    waiting_tickets: int = 0
    late_tickets: int = 0


def read(session: Session, *, now: datetime) -> Figures:
    """All of them, from one snapshot."""
    promised = _promised_answers(session)
    late = sum(1 for due_at in promised if due_at <= now)
    return Figures(
        outbox={channel.value: _backlog(_due_messages(session, channel, now), now) for channel in Channel},
        fees={
            "plan": _backlog(billing.list_due_moments(session, now, MOST), now),
            "service": _backlog(option_fees.list_due_moments(session, now, MOST), now),
        },
        open_top_ups=_open_top_ups(session),
        waiting_tickets=len(promised) - late,
        late_tickets=late,
    )


def _backlog(moments: list[datetime], now: datetime) -> Backlog:
    return Backlog(len(moments), now - min(moments)) if moments else Backlog()


def _due_messages(session: Session, channel: Channel, now: datetime) -> list[datetime]:
    """A message that is being sent has the end of its claim for a moment, and is not due until then."""
    return list(
        session.exec(
            select(OutboxMessage.send_after)
            .where(
                text("outbox_message.state = 'waiting'"),
                OutboxMessage.channel == channel,
                col(OutboxMessage.send_after) <= now,
            )
            .limit(MOST)
        )
    )


def _open_top_ups(session: Session) -> dict[str, int]:
    """Those that the gateway is still asked about."""
    found = Counter(session.exec(select(TopUp.state).where(col(TopUp.check_after).is_not(None)).limit(MOST)))
    return {state.value: found[state] for state in TopUpState if state.is_open}


def _promised_answers(session: Session) -> list[datetime]:
    """By when the questions that wait have to be answered, the nearest first."""
    due = col(Ticket.answer_due_at)
    is_waiting = text("ticket.state = 'waiting' AND ticket.answer_due_at IS NOT NULL")
    found: Any = session.exec(select(due).where(is_waiting).order_by(due).limit(MOST))
    return list(found)
