"""Fees of plans, once a period, and the money that comes in.

A fee is due at the start of its period; the period's boundaries come from the anchor day, never from the period before.
Charging it, granting the period's allowances and moving `next_fee_at` on are one transaction.

When the main account lacks the fee, the subscription is suspended: the period's allowances are not granted, and the
worker asks no more. Money that comes (`record_payment`) tries again, for the period in which it came. Periods that went
by meanwhile stay free of charge and without allowances, for the subscriber had nothing of them.

A number may be suspended in a period that is paid (`suspend_for_debt`): it works again when the debt is paid.

Several periods may be due at once, when the worker was away or past usage is imported. Each is charged as of its own
start, but from what is on the account now. Where that runs out, the rest are such periods that went by, and the
subscription is suspended in the one that holds the moment asked for.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Table, bindparam, text
from sqlalchemy import select as select_of
from sqlmodel import Session, col, select

from cabinet import clock, ledger
from cabinet.bulk import insert_many, is_among
from cabinet.domain.catalogue import Plan
from cabinet.domain.periods import Period, period_containing, periods_between
from cabinet.domain.promotions import Applied, DiscountOn, best_discount, held_after
from cabinet.models.base import metadata
from cabinet.models.notices import NoticeKind
from cabinet.models.subscribers import Subscriber, SubscriberStatus
from cabinet.models.tariffs import PlanSubscription, SubscriptionState
from cabinet.models.usage import AllowanceSource
from cabinet.services import catalogue, changes, discounts, due_fees, notices, option_fees

_fee_charge: Table = metadata.tables["fee_charge"]
_allowance: Table = metadata.tables["allowance"]
_CHARGE_COLUMNS = (
    *("subscription_id", "period_start_at", "period_end_at"),
    *("amount_kopecks", "transaction_id", "charged_at"),
)
# In the index's own words: neither engine recognises its condition where the state is a parameter.
_CAN_BE_DUE = text("plan_subscription.state = 'active' AND plan_subscription.ended_at IS NULL")


class FeeOutcome(StrEnum):
    """What became of a fee."""

    CHARGED = "charged"
    LACKING = "lacking"  # money lacks: the subscription is suspended
    NOT_DUE = "not due"


@dataclass(frozen=True, slots=True)
class FeeResult:
    """What became of the fee of one period. A free period is charged without a transaction."""

    subscription_id: int
    outcome: FeeOutcome
    period: Period | None = None
    amount_kopecks: int = 0
    transaction_id: int | None = None


@dataclass(frozen=True, slots=True)
class Payment:
    """A top-up, what of it went into the debt, and the fees that could be charged now."""

    transaction_id: int
    is_new: bool
    settled_kopecks: int = 0
    fees: tuple[FeeResult, ...] = ()


@dataclass(frozen=True, slots=True)
class Incoming:
    """Money to be recorded; see `record_payment`."""

    subscriber_id: int
    amount_kopecks: int
    reference: str
    source: str


def charge_due_fee(session: Session, subscription_id: int, *, now: datetime) -> FeeResult:
    """Charges the first period that is due and not charged yet; a second call charges the next one, or nothing."""
    due = _due_fees(session, [subscription_id], now)[:1]
    results = _charge(session, due, now=now)
    return results[0] if results else FeeResult(subscription_id, FeeOutcome.NOT_DUE)


def charge_fees_until(
    session: Session, subscription_ids: Sequence[int], moment: datetime, *, now: datetime
) -> list[FeeResult]:
    """Charges every period of these subscriptions that began by `moment` and is not charged yet (see the module).

    A few statements for all of them. The result has a line for each fee charged, and one for each subscription that is
    suspended now.
    """
    return _charge(session, _due_fees(session, subscription_ids, moment), now=now)


def list_due(session: Session, now: datetime, limit: int) -> list[int]:
    """Ids of subscriptions with a fee due; claimed, see `due_fees.claim`."""
    return due_fees.claim(session, PlanSubscription, _CAN_BE_DUE, now=now, limit=limit)


def list_due_moments(session: Session, now: datetime, limit: int) -> list[datetime]:
    """Since when the fees of `list_due` have been due; claims nothing."""
    return due_fees.moments(session, PlanSubscription, _CAN_BE_DUE, now=now, limit=limit)


def record_payment(
    session: Session,
    subscriber_id: int,
    amount_kopecks: int,
    *,
    reference: str,
    happened_at: datetime,
    now: datetime,
    source: str,
) -> Payment:
    """Money has come: it is on the main account, pays the debt first, then the fees due by `happened_at`.

    Recorded once for a reference; `source` says where from (`card`, `demo`) and stays in the explanation.

    Raises:
        NotFound: the subscriber has no accounts.
        ReferenceConflict: the reference was used for another payment.
    """
    explanation = {"paid_kopecks": amount_kopecks, "source": source}
    come = _Coming("gateway", "top_up", amount_kopecks, reference, explanation)
    return _take_in(session, subscriber_id, come, happened_at=happened_at, now=now)


def adjust(
    session: Session,
    subscriber_id: int,
    amount_kopecks: int,
    *,
    reference: str,
    explanation: Mapping[str, Any],
    now: datetime,
) -> int:
    """The staff gives so much to the main account, or takes it (negative); returns the transaction's id.

    What is given pays debts and fees as a payment does.

    Raises:
        InsufficientFunds: there is not so much to be taken.
        NotFound, ReferenceConflict: see `record_payment`.
    """
    if amount_kopecks > 0:
        come = _Coming("adjustments", "adjustment", amount_kopecks, reference, explanation)
        return _take_in(session, subscriber_id, come, happened_at=now, now=now).transaction_id
    account_id = ledger.operator_account(session, "adjustments")
    main_id = ledger.accounts_of(session, subscriber_id).main_id
    move = ledger.Move(main_id, account_id, -amount_kopecks, explanation)
    posted = ledger.post(session, reference=reference, kind="adjustment", moves=[move], happened_at=now, now=now)
    return posted.transaction_id


class _Coming(NamedTuple):
    """Money for the main account: from which account of the operator's, as what, how much."""

    source: str
    kind: str
    amount_kopecks: int
    reference: str
    explanation: Mapping[str, Any]


_HOLD = (
    select_of(col(PlanSubscription.id), col(PlanSubscription.state), col(PlanSubscription.next_fee_at))
    .where(
        col(PlanSubscription.subscriber_id) == bindparam("subscriber_id"),
        col(PlanSubscription.state) != SubscriptionState.ENDED,
    )
    .with_for_update()
)


def _take_in(session: Session, subscriber_id: int, come: _Coming, *, happened_at: datetime, now: datetime) -> Payment:
    held = session.execute(_HOLD, {"subscriber_id": subscriber_id}).all()
    due_ids = [subscription_id for subscription_id, _, fee_at in held if fee_at is not None and fee_at <= happened_at]
    option_ids = option_fees.list_due_of(session, subscriber_id, happened_at)
    accounts = ledger.accounts_of(session, subscriber_id)
    source_id = ledger.operator_account(session, come.source)
    posted = ledger.post(
        session,
        reference=come.reference,
        kind=come.kind,
        moves=[ledger.Move(source_id, accounts.main_id, come.amount_kopecks, come.explanation)],
        happened_at=happened_at,
        now=now,
    )
    if not posted.is_new:
        return Payment(posted.transaction_id, is_new=False)
    settled = ledger.settle_debt(session, subscriber_id, happened_at=happened_at, now=now)
    if any(state is SubscriptionState.SUSPENDED for _, state, _ in held):
        _resume(session, subscriber_id, happened_at)
    fees = charge_fees_until(session, due_ids, happened_at, now=now) if due_ids else []
    if option_ids:
        option_fees.charge_until(session, option_ids, happened_at, now=now)
    return Payment(posted.transaction_id, is_new=True, settled_kopecks=settled, fees=tuple(fees))


def record_payments(session: Session, payments: Sequence[Incoming], *, now: datetime) -> list[ledger.Received | None]:
    """As `record_payment` now, for many subscribers with a few statements; each of them stands here once.

    None, and nothing is done, where a debt, a fee or a service waits for the money: `record_payment` is for him.

    Raises:
        NotFound, ReferenceConflict: see there; nothing is recorded.
    """
    ids = {payment.subscriber_id for payment in payments}
    held: Any = session.exec(
        select(PlanSubscription.subscriber_id, PlanSubscription.state, PlanSubscription.next_fee_at)
        .where(is_among(session, col(PlanSubscription.subscriber_id), ids))
        .where(PlanSubscription.state != SubscriptionState.ENDED)
        .order_by(col(PlanSubscription.id))
        .with_for_update()
    ).all()
    waiting = option_fees.list_waiting(session, ids, now) | {
        subscriber_id
        for subscriber_id, state, fee_at in held
        if state is SubscriptionState.SUSPENDED or (fee_at is not None and fee_at <= now)
    }
    receipts = [
        ledger.Charge(
            one.reference,
            one.subscriber_id,
            one.amount_kopecks,
            now,
            {"paid_kopecks": one.amount_kopecks, "source": one.source},
        )
        for one in payments
        if one.subscriber_id not in waiting
    ]
    gateway_id = ledger.operator_account(session, "gateway")
    received = iter(ledger.receive_many(session, receipts, kind="top_up", source_id=gateway_id, now=now))
    return [None if one.subscriber_id in waiting else next(received) for one in payments]


def use_money(session: Session, subscriber_id: int, *, happened_at: datetime, now: datetime) -> None:
    """Lets money that has come back pay what waits for money: the debt, then the fees. The caller holds both."""
    ledger.settle_debt(session, subscriber_id, happened_at=happened_at, now=now)
    held = session.execute(_HOLD, {"subscriber_id": subscriber_id}).all()
    if any(row.state is SubscriptionState.SUSPENDED for row in held):
        _resume(session, subscriber_id, happened_at)
    if due_ids := [row.id for row in held if row.next_fee_at is not None and row.next_fee_at <= happened_at]:
        charge_fees_until(session, due_ids, happened_at, now=now)
    if option_ids := option_fees.list_due_of(session, subscriber_id, happened_at):
        option_fees.charge_until(session, option_ids, happened_at, now=now)


def suspend_for_debt(session: Session, subscriber_id: int) -> None:
    """The number stops working until the debt is paid; the period that is paid stays so, and `next_fee_at` with it."""
    for subscription in _subscriptions(session, subscriber_id, SubscriptionState.ACTIVE):
        subscription.state = SubscriptionState.SUSPENDED
    session.flush()


def _resume(session: Session, subscriber_id: int, moment: datetime) -> None:
    """What was suspended for a debt that is paid works again; what waits for a fee goes on waiting."""
    suspended = _subscriptions(session, subscriber_id, SubscriptionState.SUSPENDED)
    if not suspended or ledger.balance(session, subscriber_id).debt:
        return
    for subscription in suspended:
        if subscription.next_fee_at is not None and subscription.next_fee_at > moment:
            subscription.state = SubscriptionState.ACTIVE
    session.flush()


def _subscriptions(session: Session, subscriber_id: int, state: SubscriptionState) -> Sequence[PlanSubscription]:
    return session.exec(
        select(PlanSubscription)
        .where(
            PlanSubscription.subscriber_id == subscriber_id,
            PlanSubscription.state == state,
            col(PlanSubscription.ended_at).is_(None),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


# --- how -------------------------------------------------------------------------------------------------------------


class _Fee(NamedTuple):
    """`amount_kopecks` is what is charged: `full_kopecks` without the discount."""

    subscription: PlanSubscription
    region: str
    plan: Plan
    period: Period
    happened_at: datetime
    full_kopecks: int
    discount: Applied | None = None

    @property
    def amount_kopecks(self) -> int:
        return self.full_kopecks - (self.discount.off(self.full_kopecks) if self.discount else 0)

    @property
    def subscription_id(self) -> int:
        return self.subscription.id or 0

    @property
    def start_on(self) -> str:
        """The local date on which the period begins."""
        return clock.local(self.period.start).date().isoformat()


def _due_fees(session: Session, subscription_ids: Sequence[int], moment: datetime) -> list[_Fee]:
    """The fees due by `moment`, those of one subscription in their order; the subscriptions are held from here on."""
    rows = session.exec(
        select(PlanSubscription, Subscriber.region)
        .join(Subscriber, col(Subscriber.id) == col(PlanSubscription.subscriber_id))
        .where(
            is_among(session, col(PlanSubscription.id), subscription_ids),
            col(PlanSubscription.next_fee_at) <= moment,
            PlanSubscription.state != SubscriptionState.ENDED,
            Subscriber.status == SubscriberStatus.ACTIVE,
        )
        .order_by(col(PlanSubscription.id))
        .with_for_update(of=PlanSubscription)
        .execution_options(populate_existing=True)  # it may have waited for somebody who changed them
    ).all()
    # A change of plan begins with the period, before its fee.
    begun = changes.apply_due(session, {subscription.subscriber_id for subscription, _ in rows}, moment)
    rows = [(begun.get(subscription.id or 0, subscription), region) for subscription, region in rows]
    plans = catalogue.get_plans(session, {subscription.plan_version_id for subscription, _ in rows})
    due = []
    for subscription, region in rows:
        plan = plans[subscription.plan_version_id].plan
        amount = plan.fee_for(region, subscription.settings)
        for period, happened_at in _due_periods(subscription, plan, moment):
            due.append(_Fee(subscription, region, plan, period, happened_at, amount))
    return due


def _due_periods(subscription: PlanSubscription, plan: Plan, moment: datetime) -> Iterator[tuple[Period, datetime]]:
    """Periods to charge, each with the time at which its fee is charged."""
    zone, anchor_day = clock.time_zone(), subscription.anchor_day
    if subscription.state == SubscriptionState.SUSPENDED:
        yield period_containing(moment, anchor_day, plan.period, zone), moment
        return
    assert subscription.next_fee_at is not None  # noqa: S101  what has none is not due
    for period in periods_between(subscription.next_fee_at, moment, anchor_day, plan.period, zone):
        yield period, max(period.start, subscription.started_at)
    last = period_containing(moment, anchor_day, plan.period, zone)
    if last.start == moment:  # the period that begins just now is due too
        yield last, max(moment, subscription.started_at)


def _charge(session: Session, fees: Sequence[_Fee], *, now: datetime) -> list[FeeResult]:
    fees = _with_discounts(session, _without_charged(session, fees))
    if not fees:
        session.flush()
        return []
    charges = [
        ledger.Charge(
            f"plan-fee:{fee.subscription.id}:{fee.start_on}",
            fee.subscription.subscriber_id,
            fee.amount_kopecks,
            fee.happened_at,
            _explain(fee),
        )
        for fee in fees
        if fee.amount_kopecks
    ]
    paid: Iterator[int | None] = iter(())
    if charges:
        income_id = ledger.operator_account(session, "fees")
        paid = iter(ledger.take_many(session, charges, kind="plan_fee", destination_id=income_id, now=now))

    charged: list[tuple[_Fee, int | None]] = []
    lacking: dict[int, FeeResult] = {}
    events: list[notices.Event] = []
    for fee in fees:
        transaction_id = next(paid) if fee.amount_kopecks else None
        was_suspended = fee.subscription.state == SubscriptionState.SUSPENDED
        if fee.amount_kopecks and transaction_id is None:
            fee.subscription.state = SubscriptionState.SUSPENDED
            fee.subscription.next_fee_at = fee.period.start
            # Of several, the last one is what money is waited for.
            lacking[fee.subscription_id] = _result(fee, FeeOutcome.LACKING, None)
            if not was_suspended:
                events.append(_event(fee, NoticeKind.SUSPENDED))
        else:
            _mark_paid(fee)
            charged.append((fee, transaction_id))
            if was_suspended or fee.amount_kopecks:
                events.append(_event(fee, NoticeKind.RESTORED if was_suspended else NoticeKind.FEE))
            if fee.discount and fee.discount.is_last:
                events.append(_discount_ends(fee, fee.discount))
    session.flush()
    insert_many(session, _fee_charge, _CHARGE_COLUMNS, [_charge_row(fee, paid_by, now) for fee, paid_by in charged])
    insert_many(session, _allowance, option_fees.GRANT_COLUMNS, [row for fee, _ in charged for row in _grant_rows(fee)])
    discounts.note_uses(session, [_use(fee, fee.discount, paid_by) for fee, paid_by in charged if fee.discount])
    notices.tell(session, events, now=now)
    return [_result(fee, FeeOutcome.CHARGED, paid_by) for fee, paid_by in charged] + list(lacking.values())


def _event(fee: _Fee, kind: NoticeKind) -> notices.Event:
    reference = f"plan-{kind}:{fee.subscription_id}:{fee.start_on}"
    facts = {"kopecks": fee.amount_kopecks, "name": fee.plan.name}
    return notices.Event(fee.subscription.subscriber_id, kind, reference, fee.happened_at, facts)


def _discount_ends(fee: _Fee, discount: Applied) -> notices.Event:
    reference = f"discount-ends:{discount.participation_id}"
    facts = {"kopecks": fee.full_kopecks, "name": discount.name}
    return notices.Event(fee.subscription.subscriber_id, NoticeKind.DISCOUNT_ENDS, reference, fee.happened_at, facts)


def _use(fee: _Fee, discount: Applied, transaction_id: int | None) -> discounts.Use:
    return discounts.Use(
        discount,
        fee.full_kopecks,
        fee.period.end,
        fee.happened_at,
        plan_subscription_id=fee.subscription_id,
        transaction_id=transaction_id,
    )


def _with_discounts(session: Session, fees: Sequence[_Fee]) -> list[_Fee]:
    """Each fee with the discount that it has; several of one subscriber use them one after another."""
    held = discounts.list_held(session, {fee.subscription.subscriber_id for fee in fees if fee.full_kopecks})
    if not held:
        return list(fees)
    found = []
    for fee in fees:
        mine = held.get(fee.subscription.subscriber_id, ())
        discount = best_discount(mine, DiscountOn.PLAN, fee.plan.code, fee.full_kopecks)
        if discount is not None:
            held[fee.subscription.subscriber_id] = held_after(mine, [discount])
        found.append(fee._replace(discount=discount))
    return found


def _without_charged(session: Session, fees: Sequence[_Fee]) -> list[_Fee]:
    """What is charged already is not due, whatever `next_fee_at` says."""
    if not fees:
        return []
    known = {
        tuple(row)
        for row in session.execute(
            select(_fee_charge.c.subscription_id, _fee_charge.c.period_start_at).where(
                is_among(session, _fee_charge.c.subscription_id, {fee.subscription_id for fee in fees}),
                _fee_charge.c.period_start_at >= min(fee.period.start for fee in fees),
            )
        )
    }
    fresh = []
    for fee in fees:
        if (fee.subscription_id, fee.period.start) in known:
            _mark_paid(fee)
        else:
            fresh.append(fee)
    return fresh


def _mark_paid(fee: _Fee) -> None:
    fee.subscription.state = SubscriptionState.ACTIVE
    fee.subscription.next_fee_at = fee.period.end


def _result(fee: _Fee, outcome: FeeOutcome, transaction_id: int | None) -> FeeResult:
    return FeeResult(fee.subscription_id, outcome, fee.period, fee.amount_kopecks, transaction_id)


def _explain(fee: _Fee) -> dict[str, Any]:
    """What the fee is made of: the plan's own fee in the region, and the price of each chosen step of a setting."""
    plan = fee.plan
    chosen = plan.chosen(fee.subscription.settings)
    steps = [
        (f"{setting.code}:{step.code}", step.price)
        for setting in plan.settings
        for step in setting.steps
        if step.code == chosen[setting.code]
    ]
    base = fee.full_kopecks - sum(price for _, price in steps)
    discount = {"discount": fee.discount.explanation()} if fee.discount else {}
    return {
        "plan": plan.code,
        "version": plan.version,
        "region": fee.region,
        "settings": chosen,
        "period_start": fee.start_on,
        "period_end": clock.local(fee.period.end).date().isoformat(),
        "parts": [{"code": code, "kopecks": kopecks} for code, kopecks in [("fee", base), *steps] if kopecks],
        **discount,
    }


def _charge_row(fee: _Fee, transaction_id: int | None, now: datetime) -> tuple[Any, ...]:
    return fee.subscription_id, fee.period.start, fee.period.end, fee.amount_kopecks, transaction_id, now


def _grant_rows(fee: _Fee) -> Iterator[tuple[Any, ...]]:
    for grant in fee.plan.grants_for(fee.subscription.settings):
        scope = f":{grant.scope}" if grant.scope else ""
        reference = f"plan:{fee.subscription_id}:{fee.start_on}:{grant.kind}{scope}"
        yield option_fees.grant_row(
            reference, fee.subscription.subscriber_id, AllowanceSource.PLAN, fee.plan.name, grant, fee.period
        )
