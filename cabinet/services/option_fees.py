"""Fees of services and monthly packages: the same guarantees as those of plans.

A fee is due at the start of the item's own month (counted from the day it was switched on) or day. The first period is
paid by the order that switched it on. When the main account lacks the fee, the item is suspended: it does not work, and
the worker asks no more; money that comes tries again for the period in which it came. What the plan includes costs
nothing while it does. A trial that was not kept ends here, without a charge.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, cast

from sqlalchemy import Table, bindparam
from sqlalchemy import select as select_of
from sqlmodel import Session, col, select

from cabinet import clock, ledger
from cabinet.bulk import insert_many, is_among
from cabinet.domain.catalogue import Bundle, Grant, Option, OptionPeriod
from cabinet.domain.effects import ItemKind, OptionState
from cabinet.domain.periods import Period, PeriodUnit, period_containing, periods_between
from cabinet.domain.promotions import Applied, DiscountOn, best_discount, held_after
from cabinet.locales import Language, name_in, translate
from cabinet.models.base import metadata
from cabinet.models.catalogue import PlanVersion
from cabinet.models.notices import NoticeKind
from cabinet.models.options import OptionSubscription
from cabinet.models.subscribers import Subscriber, SubscriberStatus
from cabinet.models.tariffs import PlanSubscription
from cabinet.models.usage import AllowanceSource
from cabinet.services import catalogue, discounts, due_fees, notices, outbox

ASK_BEFORE = timedelta(days=2)

_TRIAL_ENDS = (
    "Бесплатный период услуги «{name}» закончится {on}. Чтобы оставить её за {price} ₽ {per}, подтвердите в кабинете, "
    "в разделе «Услуги». Без этого она отключится сама, платить не придётся."
)

_held: Table = metadata.tables["option_subscription"]
_charge_table: Table = metadata.tables["option_fee_charge"]
_allowance: Table = metadata.tables["allowance"]
_CHARGE_COLUMNS = (
    *("option_subscription_id", "period_start_at", "period_end_at"),
    *("amount_kopecks", "transaction_id", "charged_at"),
)
GRANT_COLUMNS = (
    *("reference", "subscriber_id", "source", "name", "kind", "scope"),
    *("is_unlimited", "granted", "remaining", "valid_from", "valid_until"),
)


class Item(NamedTuple):
    """What is charged: a service or a package, as it was sold."""

    subscription: OptionSubscription
    version: int
    name: str
    price_kopecks: int
    unit: PeriodUnit
    grants: tuple[Grant, ...]
    included_in: tuple[str, ...] = ()


def list_due(session: Session, now: datetime, limit: int) -> list[int]:
    """Ids of services and packages with a fee due, or a trial over; claimed, see `due_fees.claim`."""
    return due_fees.claim(session, OptionSubscription, *_CAN_BE_DUE, now=now, limit=limit)


def list_due_moments(session: Session, now: datetime, limit: int) -> list[datetime]:
    """Since when what is in `list_due` has been due; claims nothing."""
    return due_fees.moments(session, OptionSubscription, *_CAN_BE_DUE, now=now, limit=limit)


_CAN_BE_DUE = (col(OptionSubscription.ended_at).is_(None), OptionSubscription.state != OptionState.SUSPENDED)
_HOLD = (
    select_of(_held.c.id, _held.c.state, _held.c.next_fee_at)
    .where(_held.c.subscriber_id == bindparam("subscriber_id"), _held.c.next_fee_at.is_not(None))
    .order_by(_held.c.id)
    .with_for_update()
)


def list_due_of(session: Session, subscriber_id: int, moment: datetime, *, but_suspended: bool = False) -> list[int]:
    """Ids of what the subscriber has whose fee is due by that moment; what waits for money too, if not
    `but_suspended`. All that costs something is held to the end of the transaction."""
    return [
        row.id
        for row in session.execute(_HOLD, {"subscriber_id": subscriber_id})
        if row.next_fee_at <= moment and not (but_suspended and row.state is OptionState.SUSPENDED)
    ]


def list_waiting(session: Session, subscriber_ids: Collection[int], now: datetime) -> set[int]:
    """Those of them who have something that waits for money or for its fee; held as by `list_due_of`."""
    found: Any = session.exec(
        select(OptionSubscription.subscriber_id, OptionSubscription.state, OptionSubscription.next_fee_at)
        .where(
            is_among(session, col(OptionSubscription.subscriber_id), subscriber_ids),
            col(OptionSubscription.next_fee_at).is_not(None),
        )
        .order_by(col(OptionSubscription.id))
        .with_for_update()
    )
    return {subscriber_id for subscriber_id, state, fee_at in found if state is OptionState.SUSPENDED or fee_at <= now}


def charge_until(session: Session, subscription_ids: Sequence[int], moment: datetime, *, now: datetime) -> int:
    """Charges every period of these that began by `moment` and is not charged yet; returns how many were dealt with."""
    items = _due_items(session, subscription_ids, moment)
    fees: list[_Fee] = []
    plans = _plan_codes(session, {item.subscription.subscriber_id for item in items})
    for item in items:
        if item.subscription.state == OptionState.TRIAL:
            _end(item.subscription)
            continue
        is_free = plans.get(item.subscription.subscriber_id) in item.included_in
        amount = 0 if is_free else item.price_kopecks
        fees += [_Fee(item, period, at, amount) for period, at in _due_periods(item, moment)]
    _charge(session, _with_discounts(session, _without_charged(session, fees)), now=now)
    return len(items)


def ask_about_trials(session: Session, now: datetime, limit: int) -> int:
    """Asks by SMS whether to keep what will end soon; returns how many were asked. Without a yes it ends."""
    rows = session.exec(
        select(OptionSubscription, Subscriber)
        .join(Subscriber, col(Subscriber.id) == col(OptionSubscription.subscriber_id))
        .where(
            OptionSubscription.state == OptionState.TRIAL,
            col(OptionSubscription.ended_at).is_(None),
            col(OptionSubscription.next_fee_at) <= now + ASK_BEFORE,
            col(OptionSubscription.asked_at).is_(None),
        )
        .order_by(col(OptionSubscription.id))
        .limit(limit)
        .with_for_update(skip_locked=True, of=OptionSubscription)
    ).all()
    items = read_items(session, [subscription for subscription, _ in rows])
    for subscription, subscriber in rows:
        item = items[subscription.id or 0]
        ends_on = clock.local(subscription.next_fee_at or now).strftime("%d.%m")
        language = cast(Language, subscriber.language)
        per = translate("в день" if item.unit == PeriodUnit.DAY else "в месяц", language)
        name, price = name_in(item.name, language), _roubles(item.price_kopecks)
        outbox.queue_sms(
            session,
            reference=f"trial:{subscription.id}",
            kind="trial",
            recipient=subscriber.msisdn,
            body=translate(_TRIAL_ENDS, language, name=name, on=ends_on, price=price, per=per),
            expires_at=subscription.next_fee_at,
            now=now,
        )
        subscription.asked_at = now
    session.flush()
    notices.tell(session, [_trial_ends(items[subscription.id or 0], now) for subscription, _ in rows], now=now)
    return len(rows)


def _trial_ends(item: Item, now: datetime) -> notices.Event:
    """The SMS is sent as ever: without a yes the service ends."""
    subscription = item.subscription
    facts = {"name": item.name, "kopecks": item.price_kopecks, "at": (subscription.next_fee_at or now).isoformat()}
    reference = f"trial-ends:{subscription.id}"
    return notices.Event(subscription.subscriber_id, NoticeKind.TRIAL_ENDS, reference, now, facts)


def read_items(session: Session, subscriptions: Sequence[OptionSubscription]) -> dict[int, Item]:
    """What these subscriptions are of, by their ids."""
    options = catalogue.get_options(
        session, [one.option_version_id for one in subscriptions if one.option_version_id is not None]
    )
    bundles = catalogue.get_bundles(
        session, [one.bundle_version_id for one in subscriptions if one.bundle_version_id is not None]
    )
    return {
        one.id or 0: _item(one, options.get(one.option_version_id or 0), bundles.get(one.bundle_version_id or 0))
        for one in subscriptions
    }


def grant_row(
    reference: str, subscriber_id: int, source: AllowanceSource, name: str, grant: Grant, period: Period
) -> tuple[Any, ...]:
    """What a paid period brings, as a row of `GRANT_COLUMNS`."""
    amount = grant.amount or 0
    return (
        *(reference, subscriber_id, source, name, grant.kind, grant.scope),
        *(grant.amount is None, amount, amount, period.start, period.end),
    )


def _roubles(kopecks: int) -> str:
    return f"{kopecks // 100}" + (f",{kopecks % 100:02}" if kopecks % 100 else "")


# --- how -------------------------------------------------------------------------------------------------------------


class _Fee(NamedTuple):
    """`amount_kopecks` is what is charged: `full_kopecks` without the discount."""

    item: Item
    period: Period
    happened_at: datetime
    full_kopecks: int
    discount: Applied | None = None

    @property
    def amount_kopecks(self) -> int:
        return self.full_kopecks - (self.discount.off(self.full_kopecks) if self.discount else 0)

    @property
    def subscription(self) -> OptionSubscription:
        return self.item.subscription

    @property
    def start_on(self) -> str:
        return clock.local(self.period.start).date().isoformat()


def _item(subscription: OptionSubscription, option: Option | None, bundle: Bundle | None) -> Item:
    if option is not None:
        unit = PeriodUnit.DAY if option.per == OptionPeriod.DAY else PeriodUnit.MONTH
        return Item(
            subscription, option.version, option.name, option.price_kopecks, unit, option.gives, option.included_in
        )
    assert bundle is not None  # noqa: S101  the table's check says so
    return Item(subscription, bundle.version, bundle.name, bundle.price, PeriodUnit.MONTH, (bundle.gives,))


def _due_items(session: Session, subscription_ids: Sequence[int], moment: datetime) -> list[Item]:
    if not subscription_ids:
        return []
    rows = session.exec(
        select(OptionSubscription)
        .join(Subscriber, col(Subscriber.id) == col(OptionSubscription.subscriber_id))
        .where(
            is_among(session, col(OptionSubscription.id), subscription_ids),
            col(OptionSubscription.next_fee_at) <= moment,
            col(OptionSubscription.ended_at).is_(None),
            Subscriber.status == SubscriberStatus.ACTIVE,
        )
        .order_by(col(OptionSubscription.id))
        .with_for_update(of=OptionSubscription)
        .execution_options(populate_existing=True)
    ).all()
    items = read_items(session, rows)
    return [items[row.id or 0] for row in rows]


def _plan_codes(session: Session, subscriber_ids: set[int]) -> dict[int, str]:
    if not subscriber_ids:
        return {}
    rows: Any = session.exec(
        select(PlanSubscription.subscriber_id, PlanVersion.code)
        .join(PlanVersion, col(PlanVersion.id) == col(PlanSubscription.plan_version_id))
        .where(
            is_among(session, col(PlanSubscription.subscriber_id), subscriber_ids),
            col(PlanSubscription.ended_at).is_(None),
        )
    )
    return dict(rows.all())


def _end(subscription: OptionSubscription) -> None:
    subscription.ended_at, subscription.next_fee_at = subscription.next_fee_at, None
    subscription.state = OptionState.ENDED


def _due_periods(item: Item, moment: datetime) -> Iterator[tuple[Period, datetime]]:
    """Periods to charge, each with the time at which its fee is charged."""
    subscription, zone = item.subscription, clock.time_zone()
    if subscription.state == OptionState.SUSPENDED:
        yield period_containing(moment, subscription.anchor_day, item.unit, zone), moment
        return
    assert subscription.next_fee_at is not None  # noqa: S101  what has none is not due
    for period in periods_between(subscription.next_fee_at, moment, subscription.anchor_day, item.unit, zone):
        yield period, period.start
    last = period_containing(moment, subscription.anchor_day, item.unit, zone)
    if last.start == moment:  # the period that begins just now is due too
        yield last, moment


def _with_discounts(session: Session, fees: Sequence[_Fee]) -> list[_Fee]:
    """Each fee with the discount that it has; several of one subscriber use them one after another."""
    held = discounts.list_held(session, {fee.subscription.subscriber_id for fee in fees if fee.full_kopecks})
    if not held:
        return list(fees)
    found = []
    for fee in fees:
        subscription = fee.subscription
        mine = held.get(subscription.subscriber_id, ())
        discount = best_discount(mine, DiscountOn(str(subscription.item)), subscription.code, fee.full_kopecks)
        if discount is not None:
            held[subscription.subscriber_id] = held_after(mine, [discount])
        found.append(fee._replace(discount=discount))
    return found


def _without_charged(session: Session, fees: Sequence[_Fee]) -> list[_Fee]:
    if not fees:
        return []
    known = {
        tuple(row)
        for row in session.execute(
            select(_charge_table.c.option_subscription_id, _charge_table.c.period_start_at).where(
                is_among(session, _charge_table.c.option_subscription_id, {fee.subscription.id for fee in fees}),
                _charge_table.c.period_start_at >= min(fee.period.start for fee in fees),
            )
        )
    }
    fresh = []
    for fee in fees:
        if (fee.subscription.id, fee.period.start) in known:
            _mark_paid(fee)
        else:
            fresh.append(fee)
    return fresh


def _mark_paid(fee: _Fee) -> None:
    fee.subscription.state = OptionState.ACTIVE
    fee.subscription.next_fee_at = fee.period.end


def _charge(session: Session, fees: Sequence[_Fee], *, now: datetime) -> None:
    paid: dict[str, int | None] = {}
    income_id = ledger.operator_account(session, "fees") if any(fee.amount_kopecks for fee in fees) else 0
    for kind, item_kind in (("option_fee", ItemKind.OPTION), ("bundle", ItemKind.BUNDLE)):
        charges = [
            ledger.Charge(
                _reference(fee), fee.subscription.subscriber_id, fee.amount_kopecks, fee.happened_at, _explain(fee)
            )
            for fee in fees
            if fee.amount_kopecks and fee.subscription.item == item_kind
        ]
        if charges:
            ids = ledger.take_many(session, charges, kind=kind, destination_id=income_id, now=now)
            paid.update(zip((charge.reference for charge in charges), ids, strict=True))
    charged = []
    events: list[notices.Event] = []
    for fee in fees:
        transaction_id = paid.get(_reference(fee))
        was_suspended = fee.subscription.state == OptionState.SUSPENDED
        if fee.amount_kopecks and transaction_id is None:
            fee.subscription.state = OptionState.SUSPENDED
            fee.subscription.next_fee_at = fee.period.start
            if not was_suspended:
                events.append(_event(fee, NoticeKind.OPTION_SUSPENDED))
        else:
            _mark_paid(fee)
            charged.append((fee, transaction_id))
            if fee.amount_kopecks:
                events.append(_event(fee, NoticeKind.OPTION_FEE))
            if fee.discount and fee.discount.is_last:
                events.append(_discount_ends(fee, fee.discount))
    session.flush()
    insert_many(
        session,
        _charge_table,
        _CHARGE_COLUMNS,
        [
            (fee.subscription.id, fee.period.start, fee.period.end, fee.amount_kopecks, transaction_id, now)
            for fee, transaction_id in charged
        ],
    )
    insert_many(session, _allowance, GRANT_COLUMNS, [row for fee, _ in charged for row in _grant_rows(fee)])
    discounts.note_uses(session, [_use(fee, fee.discount, paid_by) for fee, paid_by in charged if fee.discount])
    notices.tell(session, events, now=now)


def _event(fee: _Fee, kind: NoticeKind) -> notices.Event:
    facts = {"kopecks": fee.amount_kopecks, "name": fee.item.name}
    reference = f"{kind}:{fee.subscription.id}:{fee.start_on}"
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
        option_subscription_id=fee.subscription.id,
        transaction_id=transaction_id,
    )


def _reference(fee: _Fee) -> str:
    return f"option-fee:{fee.subscription.id}:{fee.start_on}"


def _explain(fee: _Fee) -> dict[str, Any]:
    discount = {"discount": fee.discount.explanation()} if fee.discount else {}
    return {
        "kind": "bundle" if fee.subscription.item == ItemKind.BUNDLE else "option_fee",
        "code": fee.subscription.code,
        "version": fee.item.version,
        "name": fee.item.name,
        "price_kopecks": fee.full_kopecks,
        "period_start": fee.start_on,
        "period_end": clock.local(fee.period.end).date().isoformat(),
        **discount,
    }


def _grant_rows(fee: _Fee) -> Iterator[tuple[Any, ...]]:
    source = AllowanceSource.BUNDLE if fee.subscription.item == ItemKind.BUNDLE else AllowanceSource.OPTION
    for number, grant in enumerate(fee.item.grants):
        reference = f"option:{fee.subscription.id}:{fee.start_on}:{number}"
        yield grant_row(reference, fee.subscription.subscriber_id, source, fee.item.name, grant, fee.period)
