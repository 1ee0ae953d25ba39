"""What the readiness check asks of the data."""

from datetime import datetime

from sqlmodel import Session, col, func, select

from cabinet.models.outbox import OutboxMessage, OutboxState


def oldest_due_message_at(session: Session, *, now: datetime) -> datetime | None:
    """When the message that waits longest was due to leave; None when nothing is late."""
    return session.exec(
        select(func.min(col(OutboxMessage.send_after))).where(
            OutboxMessage.state == OutboxState.WAITING, col(OutboxMessage.send_after) <= now
        )
    ).one()
