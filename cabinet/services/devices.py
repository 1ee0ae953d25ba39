"""Known devices: browsers in which a subscriber has signed in before.

One browser has one cookie; several subscribers of a family may be known in it.
"""

from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import delete
from sqlmodel import Session, col, select

from cabinet.config import settings
from cabinet.models.sign_in import KnownDevice
from cabinet.models.subscribers import Subscriber
from cabinet.services.sessions import new_token, token_hash


def is_known(session: Session, token: str, msisdn: str, *, now: datetime) -> bool:
    """Whether the subscriber with this number has signed in in this browser."""
    return _row(session, token, msisdn, now) is not None


def is_known_to_anyone(session: Session, token: str, *, now: datetime) -> bool:
    """Whether anybody has signed in in this browser."""
    return (
        session.exec(
            select(KnownDevice.id).where(KnownDevice.token_hash == token_hash(token), col(KnownDevice.expires_at) > now)
        ).first()
        is not None
    )


def remember(session: Session, token: str, subscriber: Subscriber, *, label: str, now: datetime) -> str:
    """Makes this browser known to the subscriber; returns the token for its cookie.

    A token that the database does not know is never taken over: somebody may have planted it.
    """
    expires_at = now + timedelta(days=settings().known_device_days)
    row = _row(session, token, subscriber.msisdn, now)
    if row is None:
        if not is_known_to_anyone(session, token, now=now):
            token = new_token()
        row = KnownDevice(
            subscriber_id=cast(int, subscriber.id),
            token_hash=token_hash(token),
            created_at=now,
            last_used_at=now,
            expires_at=expires_at,
        )
    row.label, row.last_used_at, row.expires_at = label, now, expires_at
    session.add(row)
    session.flush()
    return token


def forget_all(session: Session, subscriber_id: int, *, except_token: str) -> None:
    """Makes every browser of the subscriber unknown but this one (`""`: every one)."""
    session.exec(
        delete(KnownDevice).where(
            col(KnownDevice.subscriber_id) == subscriber_id, col(KnownDevice.token_hash) != token_hash(except_token)
        )
    )


def _row(session: Session, token: str, msisdn: str, now: datetime) -> KnownDevice | None:
    return session.exec(
        select(KnownDevice)
        .join(Subscriber, col(Subscriber.id) == KnownDevice.subscriber_id)
        .where(
            KnownDevice.token_hash == token_hash(token),
            Subscriber.msisdn == msisdn,
            col(KnownDevice.expires_at) > now,
        )
    ).first()
