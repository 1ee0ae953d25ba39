"""Promised payments after they were ordered: told of the day before, taken back with the fee when due.

They are taken and undone by orders (`services/orders.py`). Money that comes earlier stays on the account: the return
has its date, and is not brought forward. On that date the account gives what it has, and the rest becomes debt: the
number is suspended, and money that comes pays the debt first and lets the number work again (`billing`).

Locks are taken as orders take them: the subscriber, the subscriptions, the promised payment, the accounts.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Table, bindparam
from sqlalchemy import select as select_of
from sqlmodel import Session, col, select

from cabinet import clock, ledger
from cabinet.domain.effects import Promise
from cabinet.domain.errors import CabinetError
from cabinet.domain.promised_payments import PromiseState, Standing, check_standing, due_at, fee_of, sums_for
from cabinet.locales import Language, translate
from cabinet.models.base import metadata
from cabinet.models.notices import NoticeKind
from cabinet.models.orders import Order
from cabinet.models.promised_payments import PromisedPayment
from cabinet.models.subscribers import Subscriber
from cabinet.models.tariffs import PlanSubscription
from cabinet.services import billing, catalogue, notices, outbox

_promised: Table = metadata.tables["promised_payment"]

REMIND_BEFORE = timedelta(days=1)
_REMINDER = "{on} в {time} спишем {sum} ₽: возврат обещанного платежа."


@dataclass(frozen=True, slots=True)
class Taken:
    """One that is open: what came, and what leaves with it at `due_at`."""

    amount_kopecks: int
    fee_kopecks: int
    due_at: datetime


@dataclass(frozen=True, slots=True)
class PromiseOffer:
    """What a subscriber may have: sums to choose from, the first one suggested, with its fee and date.

    `refusal`: why none can be had now. `taken`: because one is open.
    """

    sums_kopecks: tuple[int, ...]
    fee_kopecks: int
    due_at: datetime
    refusal: CabinetError | None
    taken: Taken | None


def get_offer(session: Session, subscriber_id: int, *, lacking_kopecks: int, now: datetime) -> PromiseOffer | None:
    """What may be taken now; None where the operator gives no promised payments.

    `lacking_kopecks`: what the next fee lacks is suggested first.
    """
    sold = catalogue.get_promised_payment(session)
    if sold is None:
        return None
    terms, zone = sold.item, clock.time_zone()
    sums = sums_for(terms, lacking_kopecks)
    row = get_open(session, subscriber_id)
    refusal = None
    try:
        since_at = session.get_one(Subscriber, subscriber_id).activated_at
        debt_kopecks = -ledger.balance(session, subscriber_id).debt
        standing = get_standing(session, subscriber_id, since_at=since_at, debt_kopecks=debt_kopecks)
        check_standing(terms, standing, now=now, zone=zone)
    except CabinetError as error:
        refusal = error
    return PromiseOffer(
        sums_kopecks=sums,
        fee_kopecks=fee_of(terms, sums[0]),
        due_at=due_at(terms, now=now, zone=zone),
        refusal=refusal,
        taken=Taken(row.amount_kopecks, row.fee_kopecks, row.due_at) if row else None,
    )


def take(session: Session, promise: Promise, order: Order, *, now: datetime) -> None:
    """Keeps what an order promises; its money is in the order's own transaction."""
    session.add(
        PromisedPayment(
            subscriber_id=order.subscriber_id,
            order_id=cast(int, order.id),
            amount_kopecks=promise.kopecks,
            fee_kopecks=promise.fee_kopecks,
            taken_at=now,
            due_at=promise.due_at,
        )
    )
    session.flush()


def take_back(session: Session, order: Order, *, now: datetime) -> bool:
    """Undoes what the order took; False when it was returned already. The money is the order's reversal."""
    row = session.exec(
        select(PromisedPayment)
        .where(PromisedPayment.order_id == order.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    if row.state is not PromiseState.OPEN:
        return False
    row.state, row.ended_at = PromiseState.UNDONE, now
    session.flush()
    return True


def get_open(session: Session, subscriber_id: int) -> PromisedPayment | None:
    """The one that is not returned yet."""
    return session.exec(
        select(PromisedPayment).where(
            PromisedPayment.subscriber_id == subscriber_id, PromisedPayment.state == PromiseState.OPEN
        )
    ).one_or_none()


_LAST = (
    select_of(_promised.c.state, _promised.c.due_at, _promised.c.owed_kopecks)
    .where(_promised.c.subscriber_id == bindparam("subscriber_id"), _promised.c.state != PromiseState.UNDONE)
    .order_by(_promised.c.id.desc())
    .limit(1)
)


def get_standing(session: Session, subscriber_id: int, *, since_at: datetime, debt_kopecks: int) -> Standing:
    """What decides whether the subscriber, who is one since then and owes so much, may have one."""
    last = session.execute(_LAST, {"subscriber_id": subscriber_id}).first()
    is_open = last is not None and last.state is PromiseState.OPEN
    return Standing(
        subscriber_since_at=since_at,
        open_until_at=last.due_at if last and is_open else None,
        is_unpaid=last is not None and not is_open and last.owed_kopecks > 0,
        debt_kopecks=debt_kopecks,
    )


# --- taken back ------------------------------------------------------------------------------------------------------


def list_due(session: Session, now: datetime, limit: int) -> list[int]:
    """Ids of those to be taken back, the longest waiting first."""
    found: Any = session.exec(
        select(PromisedPayment.id)
        .where(PromisedPayment.state == PromiseState.OPEN, col(PromisedPayment.due_at) <= now)
        .order_by(col(PromisedPayment.due_at))
        .limit(limit)
    )
    return list(found)


def return_one(session: Session, promise_id: int, *, now: datetime) -> bool:
    """Takes the sum and its fee back, once; False when it was done already, or undone.

    What the account does not have becomes debt, and the number is suspended.
    """
    row = session.get_one(PromisedPayment, promise_id)
    subscriber = session.exec(
        select(Subscriber).where(Subscriber.id == row.subscriber_id).with_for_update(key_share=True)
    ).one()
    session.exec(
        select(PlanSubscription.id)
        .where(PlanSubscription.subscriber_id == row.subscriber_id)
        .order_by(col(PlanSubscription.id))
        .with_for_update()
    ).all()
    session.refresh(row, with_for_update=True)
    if row.state is not PromiseState.OPEN or row.due_at > now:
        return False
    before = ledger.balance(session, row.subscriber_id).debt
    facts = {
        "promised_kopecks": row.amount_kopecks,
        "taken_on": clock.local(row.taken_at).date().isoformat(),
        "due_on": clock.local(row.due_at).date().isoformat(),
    }
    returned_by = _charge(session, row, "promised_return", row.amount_kopecks, facts, now)
    paid_by = None
    if row.fee_kopecks:
        facts = {"fee_kopecks": row.fee_kopecks, **facts}
        paid_by = _charge(session, row, "promised_fee", row.fee_kopecks, facts, now)
    owed = before - ledger.balance(session, row.subscriber_id).debt
    row.state, row.ended_at, row.owed_kopecks = PromiseState.RETURNED, now, owed
    row.return_transaction_id, row.fee_transaction_id = returned_by, paid_by
    session.flush()
    if row.owed_kopecks:
        billing.suspend_for_debt(session, row.subscriber_id)
    _tell_returned(session, row, subscriber, now)
    return True


def _charge(
    session: Session, row: PromisedPayment, kind: str, kopecks: int, facts: dict[str, Any], now: datetime
) -> int:
    account = "promised" if kind == "promised_return" else "fees"
    charge = ledger.Charge(f"{kind.replace('_', '-')}:{row.id}", row.subscriber_id, kopecks, row.due_at, facts)
    destination_id = ledger.operator_account(session, account)
    return ledger.charge_many(session, [charge], kind=kind, destination_id=destination_id, now=now)[0]


# --- what is told ----------------------------------------------------------------------------------------------------


def remind(session: Session, now: datetime, limit: int) -> int:
    """Tells by SMS the day before what will be taken; returns how many were told."""
    rows = session.exec(
        select(PromisedPayment, Subscriber)
        .join(Subscriber, col(Subscriber.id) == col(PromisedPayment.subscriber_id))
        .where(
            PromisedPayment.state == PromiseState.OPEN,
            col(PromisedPayment.due_at) <= now + REMIND_BEFORE,
            col(PromisedPayment.due_at) > now,
            col(PromisedPayment.reminded_at).is_(None),
        )
        .order_by(col(PromisedPayment.due_at))
        .limit(limit)
        .with_for_update(skip_locked=True, of=PromisedPayment)
    ).all()
    for row, subscriber in rows:
        due = clock.local(row.due_at)
        sum_ = _roubles(row.amount_kopecks + row.fee_kopecks)
        values = {"on": f"{due:%d.%m}", "time": f"{due:%H:%M}", "sum": sum_}
        body = translate(_REMINDER, cast(Language, subscriber.language), **values)
        outbox.queue_sms(
            session,
            reference=f"promised-reminder:{row.id}",
            kind="promised",
            recipient=subscriber.msisdn,
            body=body,
            expires_at=row.due_at,
            now=now,
        )
        row.reminded_at = now
    session.flush()
    return len(rows)


def _tell_returned(session: Session, row: PromisedPayment, subscriber: Subscriber, now: datetime) -> None:
    if row.owed_kopecks:
        kind, facts = NoticeKind.PROMISE_OWED, {"owed_kopecks": -ledger.balance(session, row.subscriber_id).debt}
    else:
        kind, facts = NoticeKind.PROMISE_RETURNED, {"kopecks": row.amount_kopecks + row.fee_kopecks}
    reference = f"promised-return:{row.id}"
    outbox.queue_sms(
        session,
        reference=reference,
        kind="promised",
        recipient=subscriber.msisdn,
        body=notices.sentence(kind, facts, cast(Language, subscriber.language)),
        now=now,
    )
    notices.tell(session, [notices.Event(row.subscriber_id, kind, reference, now, facts)], now=now)


def _roubles(kopecks: int) -> str:
    roubles, rest = divmod(kopecks, 100)
    return f"{roubles},{rest:02}" if rest else f"{roubles}"
