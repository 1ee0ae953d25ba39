"""Rows that have had their time: browsers that never came in, answered pictures, old codes, counters and sessions."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, or_, select
from sqlmodel import Session, SQLModel, col

from cabinet.models.outbox import OutboxMessage, OutboxState
from cabinet.models.sessions import AuthSession
from cabinet.models.sign_in import Captcha, KnownDevice, LimitCounter, OneTimeCode, PreSession

AT_MOST = 1_000  # rows of a table in one call: the writer's lock must stay short
KEPT_AFTER_END = timedelta(days=1)  # for whoever looks into yesterday's trouble
MESSAGES_KEPT = timedelta(days=30)


def delete_expired(session: Session, *, now: datetime) -> int:
    """Deletes rows nobody can use any more, at most `AT_MOST` of each table; returns how many.

    A browser takes its captchas and codes with it. Sign-in history is no such row and stays.
    """
    before = now - KEPT_AFTER_END
    expired: list[tuple[type[SQLModel], ColumnElement[bool]]] = [
        (PreSession, col(PreSession.expires_at) < before),
        (Captcha, col(Captcha.expires_at) < before),
        (OneTimeCode, col(OneTimeCode.expires_at) < before),
        (AuthSession, or_(col(AuthSession.expires_at) < before, col(AuthSession.revoked_at) < before)),
        (KnownDevice, col(KnownDevice.expires_at) < before),
        (
            OutboxMessage,
            (col(OutboxMessage.created_at) < now - MESSAGES_KEPT) & (col(OutboxMessage.state) != OutboxState.WAITING),
        ),
    ]
    deleted = 0
    for table, is_expired in expired:
        key = table.__table__.c.id  # type: ignore[attr-defined]
        ids = session.execute(select(key).where(is_expired).limit(AT_MOST)).scalars().all()
        if ids:
            session.execute(delete(table).where(key.in_(ids)))
            deleted += len(ids)
    counters = session.execute(
        select(LimitCounter.key, LimitCounter.window_start_at)
        .where(col(LimitCounter.expires_at) < before)
        .limit(AT_MOST)
    ).all()
    for key, window_start_at in counters:
        session.execute(
            delete(LimitCounter).where(
                col(LimitCounter.key) == key, col(LimitCounter.window_start_at) == window_start_at
            )
        )
    return deleted + len(counters)
