"""Subscribers: taken on with accounts and a plan, and found again."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import cast

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from cabinet import ledger
from cabinet.bulk import is_among
from cabinet.domain.errors import CabinetError, NotFound
from cabinet.models.subscribers import Subscriber, SubscriberStatus
from cabinet.services import tariffs


class NumberTaken(CabinetError):
    """For the operator's staff."""

    message = "Номер {msisdn} или лицевой счёт {account_number} уже есть."


def create(
    session: Session,
    *,
    account_number: str,
    msisdn: str,
    name: str,
    region: str,
    plan_code: str,
    activated_at: datetime,
    anchor_day: int | None = None,
    credit_limit_kopecks: int = 0,
    settings: Mapping[str, str] | None = None,
    now: datetime,
) -> int:
    """Takes on a subscriber with empty accounts, on the plan since `activated_at`; returns the id.

    Raises:
        NumberTaken: the number or the account number belongs to a subscriber.
        PlanNotFound, NotSoldInRegion, UnknownSetting: see `tariffs.subscribe`.
    """
    subscriber = Subscriber(
        account_number=account_number, msisdn=msisdn, name=name, region=region, activated_at=activated_at
    )
    try:
        with session.begin_nested():
            session.add(subscriber)
    except IntegrityError:
        raise NumberTaken(msisdn=msisdn, account_number=account_number) from None
    subscriber_id = cast(int, subscriber.id)
    ledger.open_accounts(session, subscriber_id, credit_limit_kopecks=credit_limit_kopecks)
    tariffs.subscribe(
        session,
        subscriber_id,
        plan_code,
        anchor_day=anchor_day,
        settings=settings,
        started_at=activated_at,
        now=now,
    )
    return subscriber_id


def get(session: Session, subscriber_id: int) -> Subscriber:
    """The subscriber.

    Raises:
        NotFound: there is none.
    """
    subscriber = session.get(Subscriber, subscriber_id)
    if subscriber is None:
        raise NotFound
    return subscriber


def get_msisdns(session: Session, subscriber_ids: Collection[int]) -> dict[int, str]:
    """Their numbers, by id."""
    query = select(col(Subscriber.id), Subscriber.msisdn).where(is_among(session, col(Subscriber.id), subscriber_ids))
    return dict(session.execute(query).all())


def find_active_by_msisdn(session: Session, msisdn: str) -> Subscriber | None:
    """The active subscriber with this number (digits, `79161234567`); None for an unknown and for a blocked one."""
    return session.exec(
        select(Subscriber).where(Subscriber.msisdn == msisdn, Subscriber.status == SubscriberStatus.ACTIVE)
    ).one_or_none()
