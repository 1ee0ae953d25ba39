"""Refunds: money of a top-up back to the card or account it came from, when a person at the operator's says so.

The money leaves the subscriber's account in the transaction that keeps the refund, before the gateway hears of it: it
cannot be spent meanwhile. `key` is the gateway's idempotence key, so that asking again after a crash or a time-out is
the same refund (`submit`, `reconcile`). Where the gateway refuses, the money comes back by a reversal, once.

Locks are taken as promised payments take them: the subscriber, the subscriptions, the top-up, the accounts.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import structlog
from sqlalchemy import func
from sqlmodel import Session, col, select

from cabinet import db, ledger, news
from cabinet.adapters.payments import GatewayRefused, GatewayUnavailable, PaymentGateway
from cabinet.domain.errors import CabinetError, NotFound
from cabinet.domain.payments import Attention, PaymentKind, RefundState, TopUpState
from cabinet.models.subscribers import Subscriber
from cabinet.models.tariffs import PlanSubscription
from cabinet.models.top_ups import Refund as RefundRow
from cabinet.models.top_ups import TopUp as TopUpRow
from cabinet.services import billing, outbox, subscribers
from cabinet.services.top_ups import AT_ONCE, FIRST_NUMBER, PAUSES, SUBMIT_PATIENCE, Now

log = structlog.get_logger(__name__)


class CannotRefund(CabinetError):
    message = "Вернуть можно не больше {most} ₽ этого пополнения."


class MoneySpent(CabinetError):
    message = "Этих денег на счёте уже нет: вернуть можно не больше баланса."


@dataclass(frozen=True, slots=True)
class Refund:
    """A refund of the top-up with that number."""

    id: int
    number: int
    amount_kopecks: int
    state: RefundState


@dataclass(frozen=True, slots=True)
class Trouble:
    """A top-up that a person has to look at, and why; `refundable_kopecks` of it could be given back."""

    number: int
    msisdn: str
    amount_kopecks: int
    refunded_kopecks: int
    refundable_kopecks: int
    state: TopUpState
    attention: Attention
    gateway: str
    gateway_id: str
    created_at: datetime


# --- what a person does ----------------------------------------------------------------------------------------------


def list_troubles(session: Session) -> list[Trouble]:
    """The top-ups that need a person, the oldest first."""
    rows = session.exec(
        select(TopUpRow, Subscriber.msisdn)
        .join(Subscriber, col(Subscriber.id) == col(TopUpRow.subscriber_id))
        .where(col(TopUpRow.attention).is_not(None))
        .order_by(col(TopUpRow.id))
    ).all()
    return [
        Trouble(
            number=FIRST_NUMBER + cast(int, row.id),
            msisdn=msisdn,
            amount_kopecks=row.amount_kopecks,
            refunded_kopecks=row.refunded_kopecks,
            refundable_kopecks=_refundable(session, row),
            state=row.state,
            attention=cast(Attention, row.attention),
            gateway=row.gateway,
            gateway_id=row.gateway_id or "",
            created_at=row.created_at,
        )
        for row, msisdn in rows
    ]


def close_trouble(session: Session, number: int) -> None:
    """A person has looked at it: it is on the list no more, until something new is wrong with it.

    Raises:
        NotFound: no top-up has this number.
    """
    row = _hold_top_up(session, number - FIRST_NUMBER)
    log.info("a payment was looked at", top_up=row.id, trouble=row.attention)
    row.attention = None
    session.add(row)
    session.flush()


def start(session: Session, number: int, amount_kopecks: int | None = None, *, now: datetime) -> Refund:
    """Sets the money aside, to be given back after the commit (`submit`); without an amount, all that is left of it.

    Raises:
        NotFound: no top-up has this number.
        CannotRefund: it brought no money, or less of it can be given back.
        MoneySpent: the subscriber's balance is smaller.
    """
    found = session.exec(select(TopUpRow.subscriber_id).where(TopUpRow.id == number - FIRST_NUMBER)).one_or_none()
    if found is None:
        raise NotFound
    _hold_subscriber(session, found)
    row = _hold_top_up(session, number - FIRST_NUMBER)
    most = _refundable(session, row)
    amount = most if amount_kopecks is None else amount_kopecks
    if type(amount) is not int or not 0 < amount <= most:
        raise CannotRefund(most=_roubles(most))
    refund = RefundRow(
        top_up_id=cast(int, row.id),
        amount_kopecks=amount,
        key=secrets.token_urlsafe(24),
        created_at=now,
        check_after=now + SUBMIT_PATIENCE,
    )
    session.add(refund)
    session.flush()
    facts = {"refunded_kopecks": amount, "receipt": number}
    move = ledger.Move(
        ledger.accounts_of(session, row.subscriber_id).main_id,
        ledger.operator_account(session, "gateway"),
        amount,
        facts,
    )
    try:
        posted = ledger.post(
            session, reference=f"refund:{refund.id}", kind="top_up_refund", moves=[move], happened_at=now, now=now
        )
    except ledger.InsufficientFunds:
        raise MoneySpent from None
    if ledger.balance(session, row.subscriber_id).main < 0:  # the credit limit is not his money
        raise MoneySpent
    refund.transaction_id = posted.transaction_id
    session.flush()
    return _view(refund)


# --- asking the gateway ----------------------------------------------------------------------------------------------


def submit(refund_id: int, gateway: PaymentGateway, *, now: Now) -> Refund:
    """Asks the gateway for a committed refund and returns it as it is then; submitted twice, it is one.

    Opens its own transactions; call it in a thread. When the gateway does not answer, the worker asks again.
    """
    _ask(refund_id, gateway, now=now)
    with db.reading() as session:
        return _view(session.get_one(RefundRow, refund_id))


def reconcile(gateway: PaymentGateway, *, now: Now) -> int:
    """Asks again for refunds whose end is not known, the longest waiting first; returns how many.

    Opens its own transactions, and any number of processes may call it at once.
    """
    with db.reading() as session:
        due: Any = session.exec(
            select(RefundRow.id)
            .join(TopUpRow, col(TopUpRow.id) == col(RefundRow.top_up_id))
            .where(
                RefundRow.state == RefundState.CREATED,
                col(RefundRow.check_after) <= now(),
                TopUpRow.gateway == gateway.name,
            )
            .order_by(col(RefundRow.check_after))
            .limit(AT_ONCE)
        ).all()
    for refund_id in due:
        _ask(refund_id, gateway, now=now)
    return len(due)


def _ask(refund_id: int, gateway: PaymentGateway, *, now: Now) -> None:
    """One question and what follows from its answer; without one, the next turn has been set."""
    with db.transaction() as session:
        refund = session.exec(select(RefundRow).where(RefundRow.id == refund_id).with_for_update()).one()
        if refund.state is not RefundState.CREATED:
            return
        moment = now()
        is_forgotten = moment - refund.created_at >= gateway.remembers_keys_for
        refund.check_after = moment + PAUSES[min(refund.attempts, len(PAUSES) - 1)]
        refund.attempts += 1
        payment_id = cast(str, session.get_one(TopUpRow, refund.top_up_id).gateway_id)
        amount, key = refund.amount_kopecks, refund.key
    try:
        if is_forgotten:  # the key opens a new refund perhaps: only what the payment itself says is sure
            is_done = gateway.get(payment_id).refunded_kopecks >= _known(refund_id) + amount
        else:
            gateway.refund(payment_id, amount, key)
            is_done = True
    except GatewayUnavailable as error:
        log.warning("payment gateway does not answer", refund=refund_id, reason=str(error))
        return
    except GatewayRefused as error:
        log.warning("refund refused by the gateway", refund=refund_id, reason=str(error))
        is_done = False
    with db.transaction() as session:
        subscriber_id = _finish(session, refund_id, is_done=is_done, now=now())
    news.tell(subscriber_id)


def _known(refund_id: int) -> int:
    """Kopecks of the same top-up that were surely given back by other refunds."""
    with db.reading() as session:
        return _sum(session, session.get_one(RefundRow, refund_id).top_up_id, RefundState.SUCCEEDED)


def _finish(session: Session, refund_id: int, *, is_done: bool, now: datetime) -> int:
    """Keeps the end of it, once; returns whose it is."""
    top_up_id = session.get_one(RefundRow, refund_id).top_up_id
    subscriber_id = session.get_one(TopUpRow, top_up_id).subscriber_id
    _hold_subscriber(session, subscriber_id)
    row = _hold_top_up(session, top_up_id)
    refund = session.exec(
        select(RefundRow).where(RefundRow.id == refund_id).with_for_update().execution_options(populate_existing=True)
    ).one()
    if refund.state is not RefundState.CREATED:
        return subscriber_id
    refund.finished_at = now
    if is_done:
        refund.state = RefundState.SUCCEEDED
        session.flush()
        row.refunded_kopecks = max(row.refunded_kopecks, _sum(session, top_up_id, RefundState.SUCCEEDED))
        _tell(session, row, refund, now)
    else:
        refund.state = RefundState.REFUSED
        session.flush()
        ledger.reverse(session, cast(int, refund.transaction_id), reference=f"refund-refused:{refund.id}", now=now)
        billing.use_money(session, subscriber_id, happened_at=now, now=now)
    session.flush()
    return subscriber_id


def _tell(session: Session, row: TopUpRow, refund: RefundRow, now: datetime) -> None:
    sum_, number = _roubles(refund.amount_kopecks), FIRST_NUMBER + cast(int, row.id)
    where = "на карту" if row.kind is PaymentKind.CARD else "на счёт"
    body = outbox.fit_sms(
        (f"Вернули {sum_} ₽ {where} {row.method_title}. Чек {number}.", f"Вернули {sum_} ₽. Чек {number}.")
    )
    recipient = subscribers.get(session, row.subscriber_id).msisdn
    outbox.queue_sms(session, reference=f"refund:{refund.id}", kind="refund", recipient=recipient, body=body, now=now)


# --- rows ------------------------------------------------------------------------------------------------------------


def _refundable(session: Session, row: TopUpRow) -> int:
    """What is neither given back nor on its way; where the gateway knows of a refund before we do, it counts twice."""
    if row.state is not TopUpState.SUCCEEDED:
        return 0
    on_its_way = _sum(session, cast(int, row.id), RefundState.CREATED)
    return max(row.amount_kopecks - row.refunded_kopecks - on_its_way, 0)


def _sum(session: Session, top_up_id: int, state: RefundState) -> int:
    query = select(func.coalesce(func.sum(RefundRow.amount_kopecks), 0)).where(
        RefundRow.top_up_id == top_up_id, RefundRow.state == state
    )
    return int(session.exec(query).one())


def _hold_subscriber(session: Session, subscriber_id: int) -> None:
    session.exec(select(Subscriber.id).where(Subscriber.id == subscriber_id).with_for_update(key_share=True)).one()
    session.exec(
        select(PlanSubscription.id)
        .where(PlanSubscription.subscriber_id == subscriber_id)
        .order_by(col(PlanSubscription.id))
        .with_for_update()
    ).all()


def _hold_top_up(session: Session, top_up_id: int) -> TopUpRow:
    row = session.exec(
        select(TopUpRow).where(TopUpRow.id == top_up_id).with_for_update().execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise NotFound
    return row


def _view(row: RefundRow) -> Refund:
    return Refund(cast(int, row.id), FIRST_NUMBER + row.top_up_id, row.amount_kopecks, row.state)


def _roubles(kopecks: int) -> str:
    roubles, rest = divmod(kopecks, 100)
    return f"{roubles},{rest:02}" if rest else f"{roubles}"
