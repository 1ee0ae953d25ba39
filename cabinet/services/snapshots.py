"""How things stand with a subscriber: the snapshot that quotes are computed from. Reading it holds nobody.

Every order and nearly every page reads one, so it is a few narrow statements, and each is built once: to build one
takes longer than to run it.
"""

from collections.abc import Sequence
from datetime import datetime, time
from typing import Any

from sqlalchemy import BindParameter, Table, and_, bindparam, exists, or_, select
from sqlmodel import Session

from cabinet import clock, ledger
from cabinet.domain.allowances import UsageKind
from cabinet.domain.catalogue import Bundle, Option, OptionPeriod, Plan
from cabinet.domain.effects import (
    Charge,
    ChargeKind,
    Held,
    HeldOption,
    ItemKind,
    OptionTerm,
    Paid,
    Planned,
    PlanTerm,
    Schedule,
    Snapshot,
    read_effects,
)
from cabinet.domain.errors import CabinetError, NotFound
from cabinet.models.base import metadata
from cabinet.models.tariffs import SubscriptionState
from cabinet.models.usage import AllowanceSource
from cabinet.services import catalogue, discounts, participations, promised_payments

_subscriber: Table = metadata.tables["subscriber"]
_plan: Table = metadata.tables["plan_subscription"]
_version: Table = metadata.tables["plan_version"]
_newer = _version.alias("newer")
_change: Table = metadata.tables["scheduled_change"]
_fee: Table = metadata.tables["fee_charge"]
_allowance: Table = metadata.tables["allowance"]
_held: Table = metadata.tables["option_subscription"]
_option: Table = metadata.tables["option_version"]
_bundle: Table = metadata.tables["bundle_version"]
_order: Table = metadata.tables["order"]
_quote: Table = metadata.tables["quote"]

_who: BindParameter[int] = bindparam("subscriber_id")
_now: BindParameter[datetime] = bindparam("now")

_WHO = (
    select(
        *(_subscriber.c.region, _subscriber.c.activated_at),
        *(_plan.c.id, _plan.c.plan_version_id, _plan.c.settings, _plan.c.state, _plan.c.anchor_day),
        *(_plan.c.started_at, _plan.c.next_fee_at, _version.c.digest, _version.c.is_archived),
        exists().where(_newer.c.code == _version.c.code, _newer.c.version > _version.c.version).label("has_newer"),
        *(_change.c.id.label("change_id"), _change.c.due_at, _change.c.effects),
        *(_fee.c.amount_kopecks, _fee.c.period_start_at, _fee.c.period_end_at),
    )
    .select_from(_subscriber)
    .outerjoin(_plan, and_(_plan.c.subscriber_id == _subscriber.c.id, _plan.c.ended_at.is_(None)))
    .outerjoin(_version, _version.c.id == _plan.c.plan_version_id)
    .outerjoin(
        _change,
        and_(
            _change.c.subscriber_id == _subscriber.c.id,
            _change.c.applied_at.is_(None),
            _change.c.cancelled_at.is_(None),
        ),
    )
    .outerjoin(_fee, and_(_fee.c.subscription_id == _plan.c.id, _fee.c.period_end_at == _plan.c.next_fee_at))
    .where(_subscriber.c.id == _who)
)
"""The subscriber with the plan of now, the change that waits, and the fee that paid for the plan's period."""

_ALLOWANCES = (
    select(
        *(_allowance.c.id, _allowance.c.kind, _allowance.c.scope, _allowance.c.granted, _allowance.c.remaining),
        *(_allowance.c.is_unlimited, _allowance.c.valid_until, _allowance.c.source, _allowance.c.name),
    )
    .where(_allowance.c.subscriber_id == _who, _allowance.c.valid_until > _now, _allowance.c.valid_from <= _now)
    .order_by(_allowance.c.id)
)

_HELD = (
    select(
        *(_held.c.id, _held.c.item, _held.c.code, _held.c.option_version_id, _held.c.bundle_version_id),
        *(_held.c.state, _held.c.anchor_day, _held.c.started_at, _held.c.ended_at, _held.c.trial_until),
        *(_held.c.next_fee_at, _option.c.digest.label("of_option"), _bundle.c.digest.label("of_bundle")),
    )
    .outerjoin(_option, _option.c.id == _held.c.option_version_id)
    .outerjoin(_bundle, _bundle.c.id == _held.c.bundle_version_id)
    .where(
        _held.c.subscriber_id == _who,
        or_(
            _held.c.ended_at.is_(None),
            _held.c.ended_at > _now,
            and_(_held.c.trial_until.is_not(None), _held.c.ended_at > _held.c.started_at),
        ),
    )
    .order_by(_held.c.id)
)
"""What is on or still works, and the trials that there were: whoever switches on and off all day has few rows here."""

_EFFECTS_OF_PLAN = (
    select(_quote.c.effects)
    .join(_order, _order.c.quote_id == _quote.c.id)
    .where(_order.c.plan_subscription_id == bindparam("plan_subscription_id"))
)


class NoPlan(CabinetError):
    message = "У этого номера сейчас нет тарифа. Обратитесь в поддержку."


def read(session: Session, subscriber_id: int, *, now: datetime) -> Snapshot:
    """How things stand with the subscriber at that moment.

    Raises:
        NotFound: there is no such subscriber.
        NoPlan: the subscriber has no plan.
    """
    session.flush()
    row = session.execute(_WHO, {"subscriber_id": subscriber_id}).one_or_none()
    if row is None:
        raise NotFound
    if row.id is None or row.next_fee_at is None:
        raise NoPlan
    facts = catalogue.facts_of(session, row.plan_version_id, row.digest, row.is_archived)
    term = _term(row, facts.plan)
    of_now = {"subscriber_id": subscriber_id, "now": now}
    held = session.execute(_HELD, of_now).all()
    balance = ledger.balance(session, subscriber_id)
    return Snapshot(
        region=row.region,
        plan=facts.plan,
        rates=facts.rates,
        term=term,
        is_closed=facts.is_archived or row.has_newer,
        paid=None if term.is_suspended else _paid(session, row),
        available_kopecks=balance.available,
        allowances=tuple(_allowance_held(one) for one in session.execute(_ALLOWANCES, of_now)),
        held_options=_held_options(session, [one for one in held if one.ended_at is None or one.ended_at > now]),
        planned=_planned(row),
        tried=frozenset(
            one.code for one in held if one.trial_until and (one.ended_at is None or one.ended_at > one.started_at)
        ),
        standing=promised_payments.get_standing(
            session, subscriber_id, since_at=row.activated_at, debt_kopecks=-balance.debt
        ),
        subscriber_id=subscriber_id,
        discounts=discounts.list_with_present(session, subscriber_id, term.next_fee_at),
        joined=participations.list_joined(session, subscriber_id),
    )


def _term(row: Any, plan: Plan) -> PlanTerm:
    return PlanTerm(
        subscription_id=row.id,
        plan_version_id=row.plan_version_id,
        code=plan.code,
        version=plan.version,
        name=plan.name,
        settings=plan.chosen(row.settings),
        anchor_day=row.anchor_day,
        fee_kopecks=plan.fee_for(row.region, row.settings),
        unit=plan.period,
        next_fee_at=row.next_fee_at,
        is_suspended=row.state == SubscriptionState.SUSPENDED,
    )


def _paid(session: Session, row: Any) -> Paid | None:
    """What was paid for the period that ends with the next fee: by the fee, or by the order that began the plan."""
    if row.amount_kopecks is not None:
        return Paid(row.amount_kopecks, row.period_start_at, row.period_end_at) if row.amount_kopecks else None
    effects = session.execute(_EFFECTS_OF_PLAN, {"plan_subscription_id": row.id}).scalar_one_or_none()
    for effect in read_effects(effects) if effects else ():
        if isinstance(effect, Charge) and effect.kind == ChargeKind.PLAN_FEE and not effect.is_refund:
            day = clock.local(row.started_at).date()
            return Paid(effect.kopecks, datetime.combine(day, time.min, clock.time_zone()), row.next_fee_at)
    return None


def _planned(row: Any) -> Planned | None:
    if row.change_id is None:
        return None
    change = next(effect.change for effect in read_effects(row.effects) if isinstance(effect, Schedule))
    return Planned(row.change_id, row.due_at, change.after)


def _allowance_held(row: Any) -> Held:
    return Held(
        id=row.id,
        kind=UsageKind(row.kind),
        scope=row.scope,
        granted=row.granted,
        remaining=row.remaining,
        is_unlimited=row.is_unlimited,
        valid_until=row.valid_until,
        is_of_plan=row.source == AllowanceSource.PLAN,
        name=row.name,
    )


def _held_options(session: Session, rows: Sequence[Any]) -> tuple[HeldOption, ...]:
    options = catalogue.read_options(session, {row.option_version_id: row.of_option for row in rows if row.of_option})
    bundles = catalogue.read_bundles(session, {row.bundle_version_id: row.of_bundle for row in rows if row.of_bundle})
    return tuple(
        _held_option(row, options.get(row.option_version_id), bundles.get(row.bundle_version_id)) for row in rows
    )


def _held_option(row: Any, option: Option | None, bundle: Bundle | None) -> HeldOption:
    name, price = (option.name, option.price_kopecks) if option else (bundle.name, bundle.price) if bundle else ("", 0)
    return HeldOption(
        subscription_id=row.id,
        item=ItemKind(row.item),
        code=row.code,
        name=name,
        price_kopecks=price,
        per=option.per if option else OptionPeriod.MONTH,
        anchor_day=row.anchor_day,
        term=OptionTerm(row.state, row.next_fee_at, row.ended_at),
        trial_until=row.trial_until,
        requires=option.requires if option else (),
        conflicts=option.conflicts if option else (),
        included_in=option.included_in if option else (),
    )
