"""What effects mean for a person, as data: what a quote shows. Words are put to it by the pages."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

from cabinet.domain.allowances import UsageKind
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
    HeldOption,
    ItemKind,
    Join,
    Leave,
    OptionState,
    OrderKind,
    PlanTerm,
    Promise,
    Schedule,
    SetPlan,
    SetSettings,
    Snapshot,
    SwitchOption,
    discounts_after,
    net_kopecks,
    write_effects,
)
from cabinet.domain.money import prorate_rest
from cabinet.domain.promotions import Discount, DiscountOn, HeldDiscount, best_discount, coming_fees

UNDO_FOR = timedelta(hours=24)
_MONTH_DAYS = 30  # a service paid by the day, as a sum for a month


Discounts = tuple[HeldDiscount, ...]


@dataclass(frozen=True, slots=True)
class NextFee:
    """The nearest fee: `per` is `day` or `month`. Of a suspended plan the one that is waited for.

    `full_kopecks`: what it would be without the discount that it has; 0: it has none.
    """

    at: datetime
    kopecks: int
    per: str
    full_kopecks: int = 0


class PartKind(StrEnum):
    """What is lost or added; in brackets what else is said of it."""

    ALLOWANCE = "allowance"  # a package (kind, scope, amount, at: to when; days: a share for the days left)
    LEFTOVER = "leftover"  # what is left at the end of the period (kind, scope, amount, at)
    FEE_REST = "fee_rest"  # days paid for that are not given back (kopecks)
    REFUND = "refund"  # days paid for that come back (kopecks, days, of_days)
    INCLUDED = "included"  # a service that comes with the plan (name)
    OPTION = "option"  # a service or monthly package (name; lost: at is to when it works; added: the next fee)
    OPTION_FREE = "option_free"  # a service had already comes with the plan from now on (name, kopecks saved)
    OPTION_PAID = "option_paid"  # a service had already came with the plan, now it costs (name, kopecks)
    PLANNED = "planned"  # a planned change that does not happen (name, at)
    GIFT = "gift"  # roubles of a promotion (name, kopecks)
    DISCOUNT = "discount"  # of a promotion, on fees to come (name, discount)


@dataclass(frozen=True, slots=True)
class Part:
    """Something lost or added. `amount` is in the kind's unit, None: unlimited."""

    what: PartKind
    name: str = ""
    kind: UsageKind | None = None
    scope: str = ""
    scope_name: str = ""
    amount: int | None = None
    kopecks: int = 0
    at: datetime | None = None
    days: int = 1
    of_days: int = 1
    discount: Discount | None = None


class DoorKind(StrEnum):
    """What there is no way back to, once it cannot be undone any more."""

    CLOSED_PLAN = "closed_plan"  # the present terms are not sold any more
    TRIAL = "trial"  # it is given once
    PROMOTION = "promotion"  # left, it cannot be joined again


@dataclass(frozen=True, slots=True)
class Door:
    """A one-way door."""

    what: DoorKind
    name: str


@dataclass(frozen=True, slots=True)
class TermLine:
    """A line of «Сейчас» and «Станет»: the fee (`kind` None, kopecks a `per`) or a package of each period.

    None is unlimited; 0: there is none.
    """

    kind: UsageKind | None
    scope: str
    scope_name: str
    before: int | None
    after: int | None
    per_before: str = ""
    per_after: str = ""


@dataclass(frozen=True, slots=True)
class ChargeLine:
    """What is charged now, negative: what comes back; a share has days."""

    what: str  # ChargeKind
    name: str
    kopecks: int
    days: int
    of_days: int


@dataclass(frozen=True, slots=True)
class PromiseLine:
    """Money in advance: what comes now, what it costs, and when both are taken."""

    kopecks: int
    fee_kopecks: int
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Summary:
    """All that a quote shows. `takes_effect_at` None: at once, when confirmed.

    `available` is what may be spent, with the credit limit; `lacking_kopecks` is what it would take to confirm.
    `services_before_kopecks`, `services_after_kopecks` are what all services and monthly packages cost a month (a daily
    one thirty times), `services_first_kopecks` what they will come to in the first one with the discounts there are.
    """

    name_before: str
    name_after: str
    takes_effect_at: datetime | None
    charged_now_kopecks: int
    charges: tuple[ChargeLine, ...]
    available_before_kopecks: int
    available_after_kopecks: int
    lacking_kopecks: int
    next_fee_before: NextFee | None
    next_fee_after: NextFee | None
    terms: tuple[TermLine, ...]
    losses: tuple[Part, ...]
    gains: tuple[Part, ...]
    doors: tuple[Door, ...]
    services_before_kopecks: int
    services_after_kopecks: int
    trial_until: datetime | None = None
    promise: PromiseLine | None = None
    services_first_kopecks: int | None = None


def stays_as_is(kind: OrderKind, summary: Summary) -> bool:
    """A planned change is taken back, and nothing comes in its place."""
    is_planned_lost = any(part.what == PartKind.PLANNED for part in summary.losses)
    is_changed = summary.takes_effect_at is not None or any(line.before != line.after for line in summary.terms)
    return kind in (OrderKind.SWITCH, OrderKind.SETTINGS) and is_planned_lost and not is_changed


_SUMMARY: TypeAdapter[Summary] = TypeAdapter(Summary)


def write_summary(summary: Summary) -> dict[str, Any]:
    """As JSON-able values."""
    written: dict[str, Any] = _SUMMARY.dump_python(summary, mode="json")
    return written


def read_summary(written: Mapping[str, Any]) -> Summary:
    """What `write_summary` wrote."""
    return _SUMMARY.validate_python(dict(written))


def version_of(effects: Effects, summary: Summary) -> str:
    """SHA-256 of what a quote promises: what is done, when, for how much, and what comes next.

    Computed again from another snapshot it is the same as long as the promise holds: what has nothing to do with it
    may change, and so may the money there is and what is left of packages.
    """
    shown = write_summary(summary)
    promised = [write_effects(effects), *(shown[key] for key in ("next_fee_before", "next_fee_after", "doors"))]
    return hashlib.sha256(json.dumps(promised, sort_keys=True).encode()).hexdigest()


def undo_until(effects: Effects, confirmed_at: datetime) -> datetime:
    """To when it may be undone: 24 hours, and at any rate until it has begun."""
    starts = [effect.at for effect in effects if isinstance(effect, Schedule)]
    return max([confirmed_at + UNDO_FOR, *starts])


def summarize(
    snapshot: Snapshot,
    effects: Effects,
    plan_after: Plan,
    options: Mapping[str, Option],
    *,
    now: datetime,
    zone: tzinfo,
) -> Summary:
    """What a quote of these effects shows. `plan_after` is the plan they lead to, else the present one; `options` are
    all services, by code."""
    term_after = _term_after(snapshot, effects)
    held_after = _held_after(snapshot, effects)
    scheduled = next((effect for effect in effects if isinstance(effect, Schedule)), None)
    net = net_kopecks(effects)
    touched = next((effect for effect in effects if isinstance(effect, SwitchOption | ChangeOption)), None)
    discounts = discounts_after(snapshot, effects)
    of_item = _discounted_item(snapshot, effects)
    if touched is None and of_item is not None:
        code = snapshot.plan.code
        next_fees = _option_fee(of_item, code, snapshot.discounts), _option_fee(of_item, code, discounts)
        names = "", ""
    elif touched is None:
        next_fees = _plan_fee(snapshot, snapshot.term), _plan_fee_after(snapshot, effects, discounts)
        names = snapshot.term.name, term_after.name
    else:
        before = snapshot.option(touched.item, touched.code)
        after = next((one for one in held_after if (one.item, one.code) == (touched.item, touched.code)), None)
        code = snapshot.plan.code
        next_fees = _option_fee(before, code, snapshot.discounts), _option_fee(after, code, discounts)
        names = (before.name if before else "", touched.name)
    promise = next((effect for effect in effects if isinstance(effect, Promise)), None)
    promotion = next((effect for effect in effects if isinstance(effect, Join | Leave)), None)
    if promotion is not None:
        names = "", promotion.name
    elif promise is not None:
        names = "", promise.name
    elif touched is None and not _is_of_plan(effects):
        names = "", next((effect.name for effect in effects if isinstance(effect, GrantAllowance)), "")
    return Summary(
        name_before=names[0],
        name_after=names[1],
        takes_effect_at=scheduled.at if scheduled else None,
        charged_now_kopecks=net,
        charges=tuple(
            ChargeLine(
                str(charge.kind),
                charge.name,
                -charge.kopecks if charge.is_refund else charge.kopecks,
                charge.days,
                charge.of_days,
            )
            for charge in effects
            if isinstance(charge, Charge)
        ),
        available_before_kopecks=snapshot.available_kopecks,
        available_after_kopecks=snapshot.available_kopecks - net,
        lacking_kopecks=max(net - snapshot.available_kopecks, 0) if net > 0 else 0,
        next_fee_before=next_fees[0],
        next_fee_after=next_fees[1],
        terms=tuple(_term_lines(snapshot, term_after, plan_after)) if _is_of_plan(effects) else (),
        losses=tuple(_losses(snapshot, effects, plan_after, options, now=now, zone=zone)),
        gains=tuple(_gains(snapshot, effects, plan_after, options)),
        doors=tuple(_doors(snapshot, effects)),
        services_before_kopecks=services_month_kopecks(snapshot.held_options, snapshot.plan.code),
        services_after_kopecks=services_month_kopecks(held_after, plan_after.code),
        services_first_kopecks=services_month_kopecks(held_after, plan_after.code, discounts),
        trial_until=touched.trial_until if isinstance(touched, SwitchOption) else None,
        promise=PromiseLine(promise.kopecks, promise.fee_kopecks, promise.due_at) if promise else None,
    )


def services_month_kopecks(held: Iterable[HeldOption], plan_code: str, discounts: Discounts = ()) -> int:
    """What services and monthly packages that go on cost a month; a daily one thirty times, a trial nothing. With
    discounts: the month that begins now."""
    return sum(
        fee
        for one in held
        if one.term.ends_at is None and one.term.state in (OptionState.ACTIVE, OptionState.SUSPENDED)
        for fee in coming_fees(
            discounts,
            one.code,
            one.price_on(plan_code),
            _MONTH_DAYS if one.per == "day" else 1,
            DiscountOn(str(one.item)),
        )
    )


# --- before and after ------------------------------------------------------------------------------------------------


def _is_of_plan(effects: Effects) -> bool:
    return any(isinstance(effect, SetPlan | SetSettings | Schedule | CancelSchedule) for effect in effects)


def _changes(effects: Effects) -> Iterator[SetPlan | SetSettings]:
    for effect in effects:
        if isinstance(effect, SetPlan | SetSettings):
            yield effect
        elif isinstance(effect, Schedule):
            yield effect.change


def _term_after(snapshot: Snapshot, effects: Effects) -> PlanTerm:
    return next((change.after for change in _changes(effects)), snapshot.term)


def _held_after(snapshot: Snapshot, effects: Effects) -> tuple[HeldOption, ...]:
    held = {(one.item, one.code): one for one in snapshot.held_options}
    for effect in effects:
        if isinstance(effect, SwitchOption):
            held[effect.item, effect.code] = HeldOption(
                None,
                effect.item,
                effect.code,
                effect.name,
                effect.price_kopecks,
                effect.per,
                effect.anchor_day,
                effect.term,
                effect.trial_until,
            )
        elif isinstance(effect, ChangeOption):
            one = held.pop((effect.item, effect.code))
            if effect.after.state != OptionState.ENDED:
                held[effect.item, effect.code] = replace(one, term=effect.after)
    return tuple(held.values())


def _plan_fee(snapshot: Snapshot, term: PlanTerm, discounts: Discounts | None = None) -> NextFee | None:
    planned = snapshot.planned
    if planned is not None and planned.at == term.next_fee_at:
        term = planned.term
    return _fee_of(term, snapshot.term.next_fee_at, snapshot.discounts if discounts is None else discounts)


def _plan_fee_after(snapshot: Snapshot, effects: Effects, discounts: Discounts) -> NextFee | None:
    for effect in effects:
        if isinstance(effect, Schedule):
            return _fee_of(effect.change.after, effect.at, discounts)
        if isinstance(effect, SetPlan):
            return _fee_of(effect.after, effect.after.next_fee_at, discounts)
    if any(isinstance(effect, CancelSchedule) for effect in effects):
        return _fee_of(snapshot.term, snapshot.term.next_fee_at, discounts)
    return _plan_fee(snapshot, snapshot.term, discounts)


def _fee_of(term: PlanTerm, at: datetime, discounts: Discounts) -> NextFee | None:
    if not term.fee_kopecks:
        return None
    return _discounted(NextFee(at, term.fee_kopecks, str(term.unit)), discounts, DiscountOn.PLAN, term.code)


def _option_fee(held: HeldOption | None, plan_code: str, discounts: Discounts) -> NextFee | None:
    if held is None or held.term.next_fee_at is None or held.term.state == OptionState.TRIAL:
        return None
    price = held.price_on(plan_code)
    if not price:
        return None
    fee = NextFee(held.term.next_fee_at, price, str(held.per))
    return _discounted(fee, discounts, DiscountOn(str(held.item)), held.code)


def _discounted(fee: NextFee, discounts: Discounts, on: DiscountOn, code: str) -> NextFee:
    discount = best_discount(discounts, on, code, fee.kopecks)
    if discount is None:
        return fee
    return replace(fee, kopecks=fee.kopecks - discount.off(fee.kopecks), full_kopecks=fee.kopecks)


def _discounted_item(snapshot: Snapshot, effects: Effects) -> HeldOption | None:
    """The service or package that is had and that the joined or left promotion's discount is on."""
    left = {effect.participation_id for effect in effects if isinstance(effect, Leave)}
    discounts = [effect.discount for effect in effects if isinstance(effect, Join)]
    discounts += [one.discount for one in snapshot.discounts if one.participation_id in left]
    for discount in discounts:
        if discount is not None and discount.on != DiscountOn.PLAN:
            return snapshot.option(ItemKind(str(discount.on)), discount.code)
    return None


def _term_lines(snapshot: Snapshot, term_after: PlanTerm, plan_after: Plan) -> Iterator[TermLine]:
    before, after = snapshot.term, term_after
    yield TermLine(None, "", "", before.fee_kopecks, after.fee_kopecks, str(before.unit), str(after.unit))
    had = {(one.kind, one.scope): one.amount for one in snapshot.plan.grants_for(before.settings)}
    has = {(one.kind, one.scope): one.amount for one in plan_after.grants_for(after.settings)}
    for kind, scope in sorted({*had, *has}, key=lambda key: (bool(key[1]), _ORDER.index(key[0]), key[1])):
        yield TermLine(
            kind, scope, _scope_name(plan_after, scope), had.get((kind, scope), 0), has.get((kind, scope), 0)
        )


_ORDER = (UsageKind.DATA, UsageKind.VOICE, UsageKind.SMS)


def _scope_name(plan: Plan, scope: str) -> str:
    return plan.zones[scope].name if scope in plan.zones else scope


# --- what is lost, what is added -------------------------------------------------------------------------------------


def _losses(
    snapshot: Snapshot,
    effects: Effects,
    plan_after: Plan,
    options: Mapping[str, Option],
    *,
    now: datetime,
    zone: tzinfo,
) -> Iterator[Part]:
    held = {one.id: one for one in snapshot.allowances}
    for effect in effects:
        if isinstance(effect, DropAllowance):
            one = held[effect.allowance_id]
            if one.is_unlimited or one.remaining:
                amount = None if one.is_unlimited else one.remaining
                name = _scope_name(snapshot.plan, one.scope)
                yield Part(PartKind.ALLOWANCE, one.name, one.kind, one.scope, name, amount, at=one.valid_until)
        elif isinstance(effect, CancelSchedule):
            yield Part(PartKind.PLANNED, effect.name, at=effect.at)
        elif isinstance(effect, ChangeOption) and (effect.after.ends_at or effect.after.state == OptionState.ENDED):
            yield Part(PartKind.OPTION, effect.name, at=effect.after.ends_at)
        elif isinstance(effect, Schedule) and isinstance(effect.change, SetPlan):
            for one in snapshot.allowances:
                if one.is_of_plan and not one.is_unlimited and one.remaining and one.valid_until == effect.at:
                    name = _scope_name(snapshot.plan, one.scope)
                    yield Part(PartKind.LEFTOVER, one.name, one.kind, one.scope, name, one.remaining, at=effect.at)
        elif isinstance(effect, Leave):
            held_discount = next(
                (one for one in snapshot.discounts if one.participation_id == effect.participation_id), None
            )
            if held_discount is not None:
                rest_of_it = replace(held_discount.discount, periods=held_discount.left)
                yield Part(PartKind.DISCOUNT, effect.name, discount=rest_of_it)
        elif isinstance(effect, SetPlan) and (rest := _fee_rest(snapshot, effects, now=now, zone=zone)):
            yield Part(PartKind.FEE_REST, effect.before.name, kopecks=rest)
    if plan_after.code == snapshot.plan.code:
        return
    for option in options.values():
        if snapshot.plan.code in option.included_in and plan_after.code not in option.included_in:
            has = snapshot.option(ItemKind.OPTION, option.code)
            if has is not None and has.term.ends_at is None and has.price_kopecks:
                yield Part(PartKind.OPTION_PAID, option.name, kopecks=has.price_kopecks)
            else:
                yield Part(PartKind.INCLUDED, option.name)


def _fee_rest(snapshot: Snapshot, effects: Effects, *, now: datetime, zone: tzinfo) -> int:
    """Kopecks paid for the days after this one that do not come back."""
    paid = snapshot.paid
    if paid is None or any(isinstance(effect, Charge) and effect.is_refund for effect in effects):
        return 0
    end_on = paid.end_at.astimezone(zone).date()
    days = (end_on - paid.start_at.astimezone(zone).date()).days
    left = (end_on - now.astimezone(zone).date()).days - 1
    return prorate_rest(paid.kopecks, left, days) if 0 < left <= days else 0


def _gains(snapshot: Snapshot, effects: Effects, plan_after: Plan, options: Mapping[str, Option]) -> Iterator[Part]:
    for effect in effects:
        yield from _gain(effect, plan_after)
    if plan_after.code == snapshot.plan.code:
        return
    for option in options.values():
        if plan_after.code in option.included_in and snapshot.plan.code not in option.included_in:
            has = snapshot.option(ItemKind.OPTION, option.code)
            if has is not None and has.term.ends_at is None and has.price_kopecks:
                yield Part(PartKind.OPTION_FREE, option.name, kopecks=has.price_kopecks)
            else:
                yield Part(PartKind.INCLUDED, option.name)


def _gain(effect: Effect, plan_after: Plan) -> Iterator[Part]:
    if isinstance(effect, Charge) and effect.is_refund:
        yield Part(PartKind.REFUND, effect.name, kopecks=effect.kopecks, days=effect.days, of_days=effect.of_days)
    elif isinstance(effect, GrantAllowance):
        yield Part(
            PartKind.ALLOWANCE,
            effect.name,
            effect.kind,
            effect.scope,
            _scope_name(plan_after, effect.scope),
            None if effect.amount is None else effect.granted,
            at=effect.valid_until,
            days=effect.days,
            of_days=effect.of_days,
        )
    elif isinstance(effect, Gift):
        yield Part(PartKind.GIFT, effect.name, kopecks=effect.kopecks)
    elif isinstance(effect, Join) and effect.discount is not None:
        yield Part(PartKind.DISCOUNT, effect.name, discount=effect.discount)
    elif isinstance(effect, SwitchOption):
        yield Part(PartKind.OPTION, effect.name, kopecks=effect.price_kopecks, at=effect.term.next_fee_at)
    elif isinstance(effect, ChangeOption) and effect.after.next_fee_at is not None:
        yield Part(PartKind.OPTION, effect.name, at=effect.after.next_fee_at)


def _doors(snapshot: Snapshot, effects: Effects) -> Iterator[Door]:
    for change in _changes(effects):
        if snapshot.is_closed and change.after.plan_version_id != snapshot.term.plan_version_id:
            yield Door(DoorKind.CLOSED_PLAN, snapshot.term.name)
    for effect in effects:
        if isinstance(effect, SwitchOption) and effect.trial_until is not None:
            yield Door(DoorKind.TRIAL, effect.name)
        elif isinstance(effect, Leave):
            yield Door(DoorKind.PROMOTION, effect.name)
