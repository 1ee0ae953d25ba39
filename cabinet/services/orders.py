"""Orders: everything that costs or changes something goes one way, quote → confirm exactly that → undo for 24 hours.

`ask` computes effects from the subscriber's snapshot by `domain/effects.py` and stores them with what they mean.
`confirm` computes them again, under the subscriber's lock: where anything differs, the world has changed and nothing is
done but a new quote; where nothing does, exactly the stored effects are applied. `undo` applies their inverses.

Whatever is due is charged before a snapshot is taken, so a quote is made from how things really stand. The lock on the
subscriber's row comes before all others, and does not stop usage and fees.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import cast

from sqlalchemy import Table, bindparam
from sqlalchemy import select as select_of
from sqlmodel import Session, col, or_, select

from cabinet import clock, ledger, metrics
from cabinet.domain.catalogue import Option, Plan
from cabinet.domain.effects import (
    CancelSchedule,
    ChangeOption,
    Charge,
    DropAllowance,
    Effect,
    Effects,
    Gift,
    GrantAllowance,
    ItemKind,
    Join,
    Leave,
    OptionState,
    OptionTerm,
    OrderKind,
    Promise,
    Request,
    Schedule,
    SetPlan,
    SetSettings,
    Snapshot,
    Sold,
    SwitchOption,
    net_kopecks,
    of_bundle,
    of_join,
    of_option_keep,
    of_option_off,
    of_option_on,
    of_promise,
    of_settings,
    of_switch,
    read_effects,
    read_request,
    write_effects,
    write_request,
)
from cabinet.domain.errors import CabinetError, NotFound
from cabinet.domain.quotes import (
    Summary,
    read_summary,
    stays_as_is,
    summarize,
    undo_until,
    version_of,
    write_summary,
)
from cabinet.domain.rating import Reason
from cabinet.ledger import InsufficientFunds
from cabinet.models import orders as tables
from cabinet.models.base import metadata
from cabinet.models.billing import FeeCharge
from cabinet.models.notices import NoticeKind
from cabinet.models.options import OptionSubscription
from cabinet.models.tariffs import PlanSubscription, SubscriptionState
from cabinet.models.usage import Allowance, AllowanceSource, UsageRecord
from cabinet.services import (
    billing,
    catalogue,
    changes,
    discounts,
    notices,
    option_fees,
    participations,
    promised_payments,
    snapshots,
)

QUOTE_LIVES = timedelta(minutes=15)

_subscriber: Table = metadata.tables["subscriber"]
_plan: Table = metadata.tables["plan_subscription"]


class Outdated(StrEnum):
    """Why a quote is not confirmed."""

    EXPIRED = "expired"
    CHANGED = "changed"


class WhyNot(StrEnum):
    """Why an order cannot be undone."""

    TOO_LATE = "too_late"
    USED = "used"
    CHANGED = "changed"
    SPENT = "spent"


class CannotUndo(CabinetError):
    """Nothing was done; `why` says what is in the way."""

    message = "{reason}"

    _REASONS = {
        WhyNot.TOO_LATE: "Отменить уже нельзя: прошло больше суток.",
        WhyNot.USED: "Отменить уже нельзя: подключённым успели воспользоваться.",
        WhyNot.CHANGED: "Отменить уже нельзя: после этого было другое изменение.",
        WhyNot.SPENT: "Отменить уже нельзя: возвращённые тогда деньги потрачены.",
    }

    def __init__(self, why: WhyNot) -> None:
        super().__init__(reason=self._REASONS[why])
        self.why = why


@dataclass(frozen=True, slots=True)
class Quote:
    """What something would do. Confirm it by `id` before `expires_at`; `summary` is what is shown.

    `undo_until`: to when it could be undone if it were confirmed now.
    """

    id: int
    subscriber_id: int
    kind: OrderKind
    request: Request
    effects: Effects
    summary: Summary
    snapshot_version: str
    created_at: datetime
    expires_at: datetime
    undo_until: datetime


@dataclass(frozen=True, slots=True)
class QuoteOutdated:
    """Nothing was done: `old` is what was to be confirmed, `new` what it would be now, to be confirmed instead.

    It is no exception, for the new quote is kept, and a transaction that raises keeps nothing.
    """

    old: Quote
    new: Quote
    why: Outdated


@dataclass(frozen=True, slots=True)
class Order:
    """A confirmed quote and what it did. `why_not` None: it can be undone until `undo_until`, as far as is known
    without looking closer; of an order that was undone it means nothing."""

    id: int
    quote_id: int
    kind: OrderKind
    request: Request
    summary: Summary
    confirmed_at: datetime
    undo_until: datetime
    undone_at: datetime | None
    why_not: WhyNot | None
    transaction_id: int | None


# --- asking ----------------------------------------------------------------------------------------------------------


def ask(session: Session, subscriber_id: int, request: Request, *, now: datetime) -> Quote:
    """What the request would do, to the kopeck; stored, valid for 15 minutes.

    Raises:
        NotFound: no such subscriber, plan, service or package.
        CabinetError: the refusals of `domain.effects`, each with its own words.
    """
    return _ask(session, subscriber_id, request, now=now)[1]


def do(session: Session, subscriber_id: int, request: Request, *, now: datetime) -> Order:
    """Asks and confirms in one step, which nothing can come between, for what needs no yes.

    Raises:
        NotFound, CabinetError: see `ask` and `confirm`; nothing was done.
    """
    return _do(session, *_ask(session, subscriber_id, request, now=now), now=now)


def do_if(
    session: Session, subscriber_id: int, request: Request, is_harmless: Callable[[Summary], bool], *, now: datetime
) -> Order | Quote:
    """As `do` where what it would do is harmless, otherwise as `ask`."""
    snapshot, quote = _ask(session, subscriber_id, request, now=now)
    return _do(session, snapshot, quote, now=now) if is_harmless(quote.summary) else quote


def _ask(session: Session, subscriber_id: int, request: Request, *, now: datetime) -> tuple[Snapshot, Quote]:
    _hold(session, subscriber_id, now=now)
    snapshot = snapshots.read(session, subscriber_id, now=now)
    proposal = propose(session, snapshot, request, now=now)
    return snapshot, _store_quote(session, subscriber_id, request, *proposal, now=now)


def propose(session: Session, snapshot: Snapshot, request: Request, *, now: datetime) -> tuple[Effects, Summary]:
    """What the request would do and what that means. Stores nothing.

    Raises:
        NotFound, CabinetError: see `ask`.
    """
    services = catalogue.list_options(session)
    names = {code: sold.item for code, sold in services.items()}
    effects, plan_after = _effects(session, snapshot, request, services, names, now=now)
    return effects, summarize(snapshot, effects, plan_after, names, now=now, zone=clock.time_zone())


def _effects(
    session: Session,
    snapshot: Snapshot,
    request: Request,
    services: Mapping[str, Sold[Option]],
    names: Mapping[str, Option],
    *,
    now: datetime,
) -> tuple[Effects, Plan]:
    """With the plan that they lead to."""
    zone, kind = clock.time_zone(), request.kind
    if kind == OrderKind.SWITCH:
        facts = catalogue.current_version(session, request.code)
        target = Sold(facts.plan_version_id, facts.plan, facts.is_archived)
        effects = of_switch(snapshot, target, settings=request.settings, when=request.when, now=now, zone=zone)
        return effects, facts.plan if _leads_to(effects, facts.plan_version_id) else snapshot.plan
    if kind == OrderKind.SETTINGS:
        return of_settings(snapshot, request.settings, when=request.when, now=now, zone=zone), snapshot.plan
    if kind == OrderKind.OPTION_ON:
        option = services.get(request.code)
        if option is None:
            raise NotFound
        return of_option_on(snapshot, option, names, now=now, zone=zone), snapshot.plan
    if kind == OrderKind.OPTION_KEEP:
        return of_option_keep(snapshot, request.code, names), snapshot.plan
    if kind == OrderKind.OPTION_OFF:
        return of_option_off(snapshot, ItemKind.OPTION, request.code, names, now=now), snapshot.plan
    if kind == OrderKind.BUNDLE:
        bundle = catalogue.get_bundle(session, request.code)
        return of_bundle(snapshot, bundle, now=now, zone=zone), snapshot.plan
    if kind == OrderKind.PROMISE:
        terms = catalogue.get_promised_payment(session)
        return of_promise(snapshot, terms, request.code, now=now, zone=zone), snapshot.plan
    if kind == OrderKind.PROMOTION:
        promotion = participations.find_open(session, snapshot, request, now=now)
        return of_join(snapshot, promotion, now=now, zone=zone), snapshot.plan
    if kind == OrderKind.PROMOTION_LEAVE:
        return (participations.leaving(session, snapshot.subscriber_id, request.code),), snapshot.plan
    return of_option_off(snapshot, ItemKind.BUNDLE, request.code, names, now=now), snapshot.plan


def _leads_to(effects: Effects, plan_version_id: int) -> bool:
    changed = (effect.change if isinstance(effect, Schedule) else effect for effect in effects)
    return any(isinstance(effect, SetPlan) and effect.after.plan_version_id == plan_version_id for effect in changed)


def options_by_code(session: Session) -> dict[str, Option]:
    """The newest version of every service."""
    return {code: sold.item for code, sold in catalogue.list_options(session).items()}


def _store_quote(
    session: Session, subscriber_id: int, request: Request, effects: Effects, summary: Summary, *, now: datetime
) -> Quote:
    """Keeps what was proposed."""
    row = tables.Quote(
        subscriber_id=subscriber_id,
        kind=request.kind,
        request=write_request(request),
        effects=write_effects(effects),
        summary=write_summary(summary),
        snapshot_version=version_of(effects, summary),
        created_at=now,
        expires_at=now + QUOTE_LIVES,
    )
    session.add(row)
    session.flush()
    return _read_quote(row, now=now)


def get_quote(session: Session, subscriber_id: int, quote_id: int, *, now: datetime) -> Quote:
    """The quote as it was stored.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    return _read_quote(_quote_row(session, subscriber_id, quote_id), now=now)


def _quote_row(session: Session, subscriber_id: int, quote_id: int) -> tables.Quote:
    row = session.get(tables.Quote, quote_id)
    if row is None or row.subscriber_id != subscriber_id:
        raise NotFound
    return row


def _read_quote(row: tables.Quote, *, now: datetime) -> Quote:
    effects = read_effects(row.effects)
    return Quote(
        id=cast(int, row.id),
        subscriber_id=row.subscriber_id,
        kind=row.kind,
        request=read_request(row.request),
        effects=effects,
        summary=read_summary(row.summary),
        snapshot_version=row.snapshot_version,
        created_at=row.created_at,
        expires_at=row.expires_at,
        undo_until=undo_until(effects, now),
    )


# --- confirming ------------------------------------------------------------------------------------------------------


def confirm(session: Session, subscriber_id: int, quote_id: int, *, now: datetime) -> Order | QuoteOutdated:
    """Does exactly what the quote says, once: confirmed again, it is the same order.

    Where it has expired or the world has changed, nothing is done, and a new quote comes beside the old one. Money that
    comes back pays at once what waits for money, as any other.

    Raises:
        NotFound: no such quote of this subscriber.
        InsufficientFunds: `facts["lacking_kopecks"]` says how much it would take; nothing was done.
        CabinetError: what was possible is not any more, as in `ask`; nothing was done.
    """
    _hold(session, subscriber_id, now=now)
    row = _quote_row(session, subscriber_id, quote_id)
    done = session.exec(select(tables.Order).where(tables.Order.quote_id == quote_id)).one_or_none()
    if done is not None:
        return _read_order(done, row, now=now)
    quote = _read_quote(row, now=now)
    snapshot = snapshots.read(session, subscriber_id, now=now)
    proposal = propose(session, snapshot, quote.request, now=now)
    is_expired = now >= row.expires_at
    if is_expired or version_of(*proposal) != row.snapshot_version:
        new = _store_quote(session, subscriber_id, quote.request, *proposal, now=now)
        return QuoteOutdated(quote, new, Outdated.EXPIRED if is_expired else Outdated.CHANGED)
    return _do(session, snapshot, quote, now=now)


def _do(session: Session, snapshot: Snapshot, quote: Quote, *, now: datetime) -> Order:
    """Exactly what the quote says, which is computed from that snapshot."""
    with session.begin_nested():
        order = tables.Order(
            quote_id=quote.id,
            subscriber_id=quote.subscriber_id,
            confirmed_at=now,
            undo_until=undo_until(quote.effects, now),
        )
        session.add(order)
        session.flush()
        _take_money(session, order, quote.effects, now=now)
        for number, effect in enumerate(quote.effects):
            _apply(session, order, number, effect, now=now)
        discounts.note_uses(session, _uses(session, order, snapshot, quote.effects, now=now))
        session.flush()
        _tell(session, order, quote.kind, quote.summary, NoticeKind.ORDER, now)
    metrics.when_committed(session, metrics.ORDERS, kind=quote.kind.value, event="confirmed")
    if net_kopecks(quote.effects) < 0:
        billing.use_money(session, quote.subscriber_id, happened_at=now, now=now)
    return _order_of(order, quote.kind, quote.request, quote.summary, now=now)


def _tell(
    session: Session, order: tables.Order, of_kind: OrderKind, summary: Summary, kind: NoticeKind, now: datetime
) -> None:
    at = summary.takes_effect_at
    facts = {
        "order": of_kind.value,
        "name": summary.name_after or summary.name_before,
        "kopecks": summary.charged_now_kopecks,
        "begins_at": at.isoformat() if at else "",
        "is_stay": stays_as_is(of_kind, summary),
        "promised_kopecks": summary.promise.kopecks if summary.promise else 0,
    }
    event = notices.Event(order.subscriber_id, kind, f"{kind}:{order.id}", now, facts)
    notices.tell(session, [event], now=now)


_HOLD_SUBSCRIBER = (
    select_of(_subscriber.c.id).where(_subscriber.c.id == bindparam("subscriber_id")).with_for_update(key_share=True)
)

_HOLD_PLANS = (
    select_of(_plan.c.id, _plan.c.state, _plan.c.ended_at, _plan.c.next_fee_at)
    .where(_plan.c.subscriber_id == bindparam("subscriber_id"))
    .order_by(_plan.c.id)
    .with_for_update()
)


def _hold(session: Session, subscriber_id: int, *, now: datetime) -> None:
    """Holds the subscriber against other orders, and lets happen what is due.

    Raises:
        NotFound: there is no such subscriber.
        NoPlan: the subscriber has no plan.
    """
    of = {"subscriber_id": subscriber_id}
    if session.execute(_HOLD_SUBSCRIBER, of).first() is None:
        raise NotFound
    subscriptions = session.execute(_HOLD_PLANS, of).all()
    current = next((one for one in subscriptions if one.ended_at is None), None)
    if current is None:
        raise snapshots.NoPlan
    due = option_fees.list_due_of(session, subscriber_id, now, but_suspended=True)
    if current.state == SubscriptionState.ACTIVE and current.next_fee_at is not None and current.next_fee_at <= now:
        billing.charge_fees_until(session, [current.id], now, now=now)
    if due:
        option_fees.charge_until(session, due, now, now=now)


def _take_money(session: Session, order: tables.Order, effects: Effects, *, now: datetime) -> None:
    """One ledger transaction for all of the order; what comes back goes first."""
    charges = [effect for effect in effects if isinstance(effect, Charge) and effect.kopecks]
    promises = [effect for effect in effects if isinstance(effect, Promise)]
    gifts = [effect for effect in effects if isinstance(effect, Gift)]
    if not charges and not promises and not gifts:
        return
    main_id = ledger.accounts_of(session, order.subscriber_id).main_id
    income_id = ledger.operator_account(session, "fees")
    moves = [
        ledger.Move(ledger.operator_account(session, "promised"), main_id, promise.kopecks, promise.explanation())
        for promise in promises
    ]
    moves += [
        ledger.Move(ledger.operator_account(session, "promotions"), main_id, gift.kopecks, gift.explanation())
        for gift in gifts
    ]
    moves += [
        ledger.Move(
            income_id if charge.is_refund else main_id,
            main_id if charge.is_refund else income_id,
            charge.kopecks,
            charge.explanation(),
        )
        for charge in sorted(charges, key=lambda charge: not charge.is_refund)
    ]
    posted = ledger.post(session, reference=f"order:{order.id}", kind="order", moves=moves, happened_at=now, now=now)
    order.transaction_id = posted.transaction_id


def _apply(session: Session, order: tables.Order, number: int, effect: Effect, *, now: datetime) -> None:
    if isinstance(effect, SetPlan | SetSettings):
        changes.set_plan(session, effect, order, at=now)
    elif isinstance(effect, GrantAllowance):
        session.add(_granted(order, number, effect, now=now))
    elif isinstance(effect, DropAllowance):
        session.get_one(Allowance, effect.allowance_id).valid_until = now
    elif isinstance(effect, SwitchOption):
        session.add(_switched(order, effect, now=now))
    elif isinstance(effect, ChangeOption):
        row = session.get_one(OptionSubscription, effect.subscription_id)
        row.state, row.next_fee_at, row.ended_at = effect.after.state, effect.after.next_fee_at, effect.after.ends_at
        if effect.after.state == OptionState.ENDED:
            row.ended_at = now
    elif isinstance(effect, Schedule):
        session.add(
            tables.ScheduledChange(
                order_id=cast(int, order.id),
                subscriber_id=order.subscriber_id,
                due_at=effect.at,
                effects=write_effects((effect,)),
            )
        )
    elif isinstance(effect, CancelSchedule):
        session.get_one(tables.ScheduledChange, effect.change_id).cancelled_at = now
    elif isinstance(effect, Promise):
        promised_payments.take(session, effect, order, now=now)
    elif isinstance(effect, Join):
        participations.join(session, effect, order, now=now)
    elif isinstance(effect, Leave):
        participations.leave(session, effect, now=now)
    session.flush()


def _uses(
    session: Session, order: tables.Order, snapshot: Snapshot, effects: Effects, *, now: datetime
) -> list[discounts.Use]:
    """Of the discounts that the order's charges had; one that goes on in the plan's period is used already."""
    known = {(one.participation_id, one.present) for one in snapshot.discounts}
    switched = next((effect for effect in effects if isinstance(effect, SwitchOption)), None)
    planned = next((effect for effect in effects if isinstance(effect, SetPlan | SetSettings)), None)
    uses = []
    for effect in effects:
        if not isinstance(effect, Charge) or effect.discount is None:
            continue
        if (effect.discount.participation_id, effect.discount.number) in known:
            continue
        until = planned.after.next_fee_at if planned else switched.term.next_fee_at if switched else None
        uses.append(
            discounts.Use(
                effect.discount,
                effect.price_kopecks,
                until or now,
                now,
                plan_subscription_id=order.plan_subscription_id if planned else None,
                order_id=order.id,
                transaction_id=order.transaction_id,
            )
        )
    return uses


def _granted(order: tables.Order, number: int, effect: GrantAllowance, *, now: datetime) -> Allowance:
    return Allowance(
        reference=_grant_reference(order, number),
        subscriber_id=order.subscriber_id,
        source=AllowanceSource(effect.source),
        name=effect.name,
        kind=effect.kind,
        scope=effect.scope,
        is_unlimited=effect.amount is None,
        granted=effect.granted,
        remaining=effect.granted,
        valid_from=now,
        valid_until=effect.valid_until,
    )


def _grant_reference(order: tables.Order, number: int) -> str:
    return f"order:{order.id}:{number}"


def _switched(order: tables.Order, effect: SwitchOption, *, now: datetime) -> OptionSubscription:
    is_option = effect.item == ItemKind.OPTION
    return OptionSubscription(
        subscriber_id=order.subscriber_id,
        item=effect.item,
        code=effect.code,
        option_version_id=effect.version_id if is_option else None,
        bundle_version_id=None if is_option else effect.version_id,
        order_id=order.id,
        state=effect.term.state,
        anchor_day=effect.anchor_day,
        started_at=now,
        ended_at=effect.term.ends_at,
        trial_until=effect.trial_until,
        next_fee_at=effect.term.next_fee_at,
    )


# --- undoing ---------------------------------------------------------------------------------------------------------


def undo(session: Session, subscriber_id: int, order_id: int, *, now: datetime) -> Order:
    """Takes the order back, exact to the kopeck: 24 hours, or until it begins, and while nothing of it is used.

    Undone again, it is the same.

    Raises:
        NotFound: no such order of this subscriber.
        CannotUndo: `why` says what is in the way; nothing was done.
    """
    _hold(session, subscriber_id, now=now)
    order = session.get(tables.Order, order_id, populate_existing=True)
    if order is None or order.subscriber_id != subscriber_id:
        raise NotFound
    quote = _quote_row(session, subscriber_id, order.quote_id)
    if order.undone_at is not None:
        return _read_order(order, quote, now=now)
    if now >= order.undo_until:
        raise CannotUndo(WhyNot.TOO_LATE)
    with session.begin_nested():
        effects = read_effects(quote.effects)
        for number, effect in reversed(list(enumerate(effects))):
            _take_back(session, order, number, effect, now=now)
        discounts.return_of_order(session, cast(int, order.id))
        if order.transaction_id is not None:
            try:
                posted = ledger.reverse(session, order.transaction_id, reference=f"order-undo:{order.id}", now=now)
            except InsufficientFunds:
                raise CannotUndo(WhyNot.SPENT) from None
            order.undo_transaction_id = posted.transaction_id
        order.undone_at = now
        session.flush()
        undone = _read_quote(quote, now=now)
        _tell(session, order, undone.kind, undone.summary, NoticeKind.ORDER_UNDONE, now)
    metrics.when_committed(session, metrics.ORDERS, kind=undone.kind.value, event="undone")
    if order.transaction_id is not None or order.plan_subscription_id is not None:
        billing.use_money(session, subscriber_id, happened_at=now, now=now)
    return _read_order(order, quote, now=now)


def _take_back(session: Session, order: tables.Order, number: int, effect: Effect, *, now: datetime) -> None:
    """The inverse of one effect, where what it made still stands as it made it."""
    if isinstance(effect, SetPlan | SetSettings):
        new = _begun(session, order, effect)
        if _has_used(session, order.subscriber_id, order.confirmed_at):
            raise CannotUndo(WhyNot.USED)
        changes.take_back_plan(session, effect, new)
    elif isinstance(effect, GrantAllowance):
        _delete_unused(session, order.subscriber_id, col(Allowance.reference) == _grant_reference(order, number))
    elif isinstance(effect, DropAllowance):
        session.get_one(Allowance, effect.allowance_id).valid_until = effect.valid_until
    elif isinstance(effect, SwitchOption):
        _take_back_option(session, order, effect)
    elif isinstance(effect, ChangeOption):
        _change_back(session, order, effect, now=now)
    elif isinstance(effect, Schedule):
        _take_back_schedule(session, order, effect, now=now)
    elif isinstance(effect, CancelSchedule):
        row = session.get_one(tables.ScheduledChange, effect.change_id)
        _refuse_planned(session, order.subscriber_id)
        row.cancelled_at = None
    elif isinstance(effect, Promise) and not promised_payments.take_back(session, order, now=now):
        raise CannotUndo(WhyNot.CHANGED)
    elif isinstance(effect, Join) and not participations.take_back(session, order):
        raise CannotUndo(WhyNot.USED)
    elif isinstance(effect, Leave):
        participations.come_back(session, effect)
    session.flush()


def _begun(session: Session, order: tables.Order, change: SetPlan | SetSettings) -> PlanSubscription:
    """The subscription that the order began, still as it began it."""
    new = session.get(PlanSubscription, order.plan_subscription_id) if order.plan_subscription_id else None
    if new is None or new.ended_at is not None:
        raise CannotUndo(WhyNot.CHANGED)
    _refuse_planned(session, order.subscriber_id)
    if isinstance(change, SetPlan | SetSettings) and new.next_fee_at != change.after.next_fee_at:
        raise CannotUndo(WhyNot.USED)  # another period has been charged
    return new


def _refuse_planned(session: Session, subscriber_id: int) -> None:
    if _waiting_change(session, subscriber_id) is not None:
        raise CannotUndo(WhyNot.CHANGED)


def _has_used(session: Session, subscriber_id: int, since: datetime) -> bool:
    """Whether anything was used from that moment on; what comes in for nothing does not count."""
    found = session.exec(
        select(UsageRecord.id)
        .where(
            UsageRecord.subscriber_id == subscriber_id,
            col(UsageRecord.started_at) >= since,
            col(UsageRecord.billed_quantity) > 0,
            or_(
                col(UsageRecord.charge_kopecks) > 0,
                UsageRecord.rating["reason"].as_string() != Reason.INCOMING_FREE,
            ),
        )
        .limit(1)
    ).first()
    return found is not None


def _delete_unused(session: Session, subscriber_id: int, which: object) -> None:
    for allowance in session.exec(select(Allowance).where(which)).all():  # type: ignore[arg-type]
        if allowance.is_unlimited:
            is_used = _has_used(session, subscriber_id, allowance.valid_from)
        else:
            is_used = allowance.remaining < allowance.granted
        if is_used:
            raise CannotUndo(WhyNot.USED)
        session.delete(allowance)
    session.flush()


def _take_back_option(session: Session, order: tables.Order, effect: SwitchOption) -> None:
    row = session.exec(select(OptionSubscription).where(OptionSubscription.order_id == order.id)).one()
    if OptionTerm(row.state, row.next_fee_at, row.ended_at) != effect.term:
        raise CannotUndo(WhyNot.CHANGED)
    if effect.item == ItemKind.OPTION and _needing(session, row):
        raise CannotUndo(WhyNot.CHANGED)
    row.state, row.next_fee_at, row.ended_at = OptionState.ENDED, None, row.started_at


def _needing(session: Session, row: OptionSubscription) -> bool:
    """Whether something switched on since needs it."""
    others = _current_options(session, row.subscriber_id, row.started_at)
    options = catalogue.get_options(session, [one.option_version_id for one in others if one.option_version_id])
    return any(
        row.code in options[one.option_version_id].requires and one.ended_at is None
        for one in others
        if one.option_version_id
    )


def _change_back(session: Session, order: tables.Order, effect: ChangeOption, *, now: datetime) -> None:
    row = session.get_one(OptionSubscription, effect.subscription_id)
    after = effect.after
    ended_at = order.confirmed_at if after.state == OptionState.ENDED else after.ends_at
    if OptionTerm(row.state, row.next_fee_at, row.ended_at) != OptionTerm(after.state, after.next_fee_at, ended_at):
        raise CannotUndo(WhyNot.CHANGED)
    if after.ends_at is not None and after.ends_at <= now:
        raise CannotUndo(WhyNot.CHANGED)  # it has stopped working: it is switched on anew
    if after.next_fee_at is None and _stands_in_the_way(session, row, now):
        raise CannotUndo(WhyNot.CHANGED)
    row.state, row.next_fee_at, row.ended_at = effect.before.state, effect.before.next_fee_at, effect.before.ends_at


def _current_options(session: Session, subscriber_id: int, now: datetime) -> Sequence[OptionSubscription]:
    """What is on, or still works."""
    return session.exec(
        select(OptionSubscription).where(
            OptionSubscription.subscriber_id == subscriber_id,
            or_(col(OptionSubscription.ended_at).is_(None), col(OptionSubscription.ended_at) > now),
        )
    ).all()


def _stands_in_the_way(session: Session, row: OptionSubscription, now: datetime) -> bool:
    """Whether the same, or something that cannot be together with it, was switched on since."""
    others = [one for one in _current_options(session, row.subscriber_id, now) if one.id != row.id]
    if any((one.item, one.code) == (row.item, row.code) for one in others):
        return True
    if row.option_version_id is None:
        return False
    ids = [one.option_version_id for one in (row, *others) if one.option_version_id]
    options = catalogue.get_options(session, ids)
    mine = options[row.option_version_id]
    return any(
        one.code in mine.conflicts or row.code in options[one.option_version_id].conflicts
        for one in others
        if one.option_version_id
    )


def _take_back_schedule(session: Session, order: tables.Order, effect: Schedule, *, now: datetime) -> None:
    row = session.exec(select(tables.ScheduledChange).where(tables.ScheduledChange.order_id == order.id)).one()
    if row.cancelled_at is not None:
        raise CannotUndo(WhyNot.CHANGED)
    if row.applied_at is None:
        row.cancelled_at = now
        return
    new = session.get(PlanSubscription, order.plan_subscription_id) if order.plan_subscription_id else None
    if new is None or new.ended_at is not None:
        raise CannotUndo(WhyNot.CHANGED)
    _refuse_planned(session, order.subscriber_id)
    if _has_used(session, order.subscriber_id, row.applied_at):
        raise CannotUndo(WhyNot.USED)
    fees = session.exec(select(FeeCharge).where(FeeCharge.subscription_id == new.id)).all()
    if len(fees) > 1:
        raise CannotUndo(WhyNot.USED)
    _delete_unused(session, order.subscriber_id, col(Allowance.reference).like(f"plan:{new.id}:%"))
    for fee in fees:
        if fee.transaction_id is not None:
            ledger.reverse(session, fee.transaction_id, reference=f"order-undo-fee:{order.id}", now=now)
    discounts.return_of_plan(session, cast(int, new.id))
    changes.take_back_plan(session, effect.change, new)
    row.cancelled_at = now


# --- reading ---------------------------------------------------------------------------------------------------------


def list_orders(
    session: Session, subscriber_id: int, *, before: int | None = None, limit: int = 20, now: datetime
) -> list[Order]:
    """The newest orders with what each did; the next page is asked with `before` = the last one's id."""
    query = (
        select(tables.Order, tables.Quote)
        .join(tables.Quote, col(tables.Quote.id) == col(tables.Order.quote_id))
        .where(tables.Order.subscriber_id == subscriber_id)
    )
    if before is not None:
        query = query.where(col(tables.Order.id) < before)
    rows = session.exec(query.order_by(col(tables.Order.id).desc()).limit(limit)).all()
    return [_read_order(order, quote, now=now) for order, quote in rows]


def get_order(session: Session, subscriber_id: int, order_id: int, *, now: datetime) -> Order:
    """One order.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    order = session.get(tables.Order, order_id)
    if order is None or order.subscriber_id != subscriber_id:
        raise NotFound
    return _read_order(order, _quote_row(session, subscriber_id, order.quote_id), now=now)


def _read_order(order: tables.Order, quote: tables.Quote, *, now: datetime) -> Order:
    return _order_of(order, quote.kind, read_request(quote.request), read_summary(quote.summary), now=now)


def _order_of(order: tables.Order, kind: OrderKind, request: Request, summary: Summary, *, now: datetime) -> Order:
    return Order(
        id=cast(int, order.id),
        quote_id=order.quote_id,
        kind=kind,
        request=request,
        summary=summary,
        confirmed_at=order.confirmed_at,
        undo_until=order.undo_until,
        undone_at=order.undone_at,
        why_not=WhyNot.TOO_LATE if now >= order.undo_until else None,
        transaction_id=order.transaction_id,
    )


def _waiting_change(session: Session, subscriber_id: int) -> tables.ScheduledChange | None:
    return session.exec(
        select(tables.ScheduledChange).where(
            tables.ScheduledChange.subscriber_id == subscriber_id,
            col(tables.ScheduledChange.applied_at).is_(None),
            col(tables.ScheduledChange.cancelled_at).is_(None),
        )
    ).one_or_none()


def order_of_change(session: Session, change_id: int) -> int:
    """The order that scheduled the change."""
    return session.get_one(tables.ScheduledChange, change_id).order_id
