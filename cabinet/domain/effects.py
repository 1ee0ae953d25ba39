"""What an order does, as data: computed from a snapshot, shown in a quote, applied by confirming, undone by inverses.

A subscriber asks (`Request`) and `propose` answers with effects, or refuses. Effects name boundaries of periods, never
the present moment: what begins now begins when it is confirmed, so a quote stays true for the minutes that it lives.
`after` says what a snapshot becomes by them; what a quote shows (`Summary`) is the difference between the two.

Everything here is pure: the snapshot is read, and the effects are applied, by `services/orders.py`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import Field, TypeAdapter

from cabinet.domain.allowances import UsageKind
from cabinet.domain.catalogue import (
    HOME,
    Bundle,
    FirstPeriod,
    Grant,
    Option,
    OptionPeriod,
    Plan,
    PromisedPayment,
    SwitchTime,
)
from cabinet.domain.errors import CabinetError, NotFound
from cabinet.domain.money import prorate_rest
from cabinet.domain.periods import Period, PeriodUnit, period_containing
from cabinet.domain.promised_payments import PromiseNotOffered, Standing, check_standing, due_at, fee_of
from cabinet.domain.promotions import (
    AlreadyJoined,
    Applied,
    Discount,
    DiscountOn,
    HeldDiscount,
    Money,
    Package,
    PromotionOver,
    Terms,
    best_discount,
    held_after,
    recompute_off,
)
from cabinet.domain.rating import Direction, Rates


class OrderKind(StrEnum):
    """What is asked for."""

    SWITCH = "switch"  # another plan
    SETTINGS = "settings"  # of the present plan
    OPTION_ON = "option_on"
    OPTION_KEEP = "option_keep"  # a trial may become paid
    OPTION_OFF = "option_off"
    BUNDLE = "bundle"
    BUNDLE_OFF = "bundle_off"  # a monthly one comes no more
    PROMISE = "promise"  # money in advance; the code is the sum in kopecks
    PROMOTION = "promotion"  # joining it, in the settings by which promo code
    PROMOTION_LEAVE = "promotion_leave"


class ItemKind(StrEnum):
    """What has a subscription of its own beside the plan."""

    OPTION = "option"
    BUNDLE = "bundle"  # every month anew


class OptionState(StrEnum):
    """`trial` ends by itself at `next_fee_at` unless it is kept. `suspended`: the fee is not paid, it does not work."""

    ACTIVE = "active"
    TRIAL = "trial"
    SUSPENDED = "suspended"
    ENDED = "ended"


class PlanNotOffered(CabinetError):
    message = "Этот тариф сейчас недоступен для перехода. Выберите другой."


class NothingChanges(CabinetError):
    message = "Это уже так: менять нечего."


class NotThen(CabinetError):
    """The plan's rules do not let it begin at that time."""

    message = "Так этот тариф не меняется: выберите другое время."


class OptionNotOffered(CabinetError):
    message = "Эту услугу сейчас нельзя подключить."


class OptionIncluded(CabinetError):
    message = "Услуга «{name}» уже входит в ваш тариф."


class OptionAlreadyOn(CabinetError):
    message = "Услуга «{name}» уже подключена."


class OptionNotOn(CabinetError):
    message = "Услуга «{name}» не подключена."


class Names(tuple[str, ...]):
    """Names of several services: in a Russian sentence as they are, elsewhere each in its language."""

    def __str__(self) -> str:
        return ", ".join(f"«{name}»" for name in self)


class OptionRequires(CabinetError):
    """`facts["codes"]`: what has to be switched on first."""

    message = "Сначала подключите: {names}."


class OptionConflicts(CabinetError):
    """`facts["codes"]`: what has to be switched off first."""

    message = "Не работает вместе с услугой: {names}. Сначала отключите её."


class OptionNeeded(CabinetError):
    """`facts["codes"]`: what would stop working without it."""

    message = "Без неё не будет работать: {names}. Сначала отключите это."


class BundleNotOffered(CabinetError):
    message = "Этот пакет сейчас нельзя подключить."


class BundleNotForPlan(CabinetError):
    message = "С вашим тарифом этот пакет ни на что не потратить."


@dataclass(frozen=True, slots=True)
class Request:
    """What a subscriber asks for: the plan, service or package by its code; settings and time where they matter."""

    kind: OrderKind
    code: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    when: SwitchTime | None = None


# --- how things stand ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlanTerm:
    """A plan as it is had: `fee_kopecks` for one period of `unit`, the next one due at `next_fee_at`.

    `subscription_id` is None while it is only proposed.
    """

    subscription_id: int | None
    plan_version_id: int
    code: str
    version: int
    name: str
    settings: dict[str, str]
    anchor_day: int
    fee_kopecks: int
    unit: PeriodUnit
    next_fee_at: datetime
    is_suspended: bool = False


@dataclass(frozen=True, slots=True)
class Paid:
    """What was paid for the present plan's period, which began on that day and ends before the other."""

    kopecks: int
    start_at: datetime
    end_at: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """A package, valid now. `is_of_plan`: it came with the plan's fee. Quantities in the kind's unit."""

    id: int
    kind: UsageKind
    scope: str
    granted: int
    remaining: int
    is_unlimited: bool
    valid_until: datetime
    is_of_plan: bool
    name: str = ""


@dataclass(frozen=True, slots=True)
class OptionTerm:
    """How a service is had: switched off already when `ends_at` is given, and works until then."""

    state: OptionState
    next_fee_at: datetime | None
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class HeldOption:
    """A service or monthly package that is had."""

    subscription_id: int | None
    item: ItemKind
    code: str
    name: str
    price_kopecks: int
    per: OptionPeriod
    anchor_day: int
    term: OptionTerm
    trial_until: datetime | None = None
    requires: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    included_in: tuple[str, ...] = ()

    def price_on(self, plan_code: str) -> int:
        """Kopecks a period while on that plan: nothing where the plan includes it."""
        return 0 if plan_code in self.included_in else self.price_kopecks


@dataclass(frozen=True, slots=True)
class Planned:
    """A change of the plan that waits for its time."""

    change_id: int | None
    at: datetime
    term: PlanTerm


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything a quote is computed from. `plan` and `rates` are those of the version that `term` is about.

    `is_closed`: the plan version cannot be joined any more. `tried`: codes of services whose trial was had.
    `standing`: for promised payments. `discounts`: those that are not used up. `joined`: codes of promotions.
    """

    region: str
    plan: Plan
    rates: Rates
    term: PlanTerm
    is_closed: bool
    paid: Paid | None
    available_kopecks: int
    allowances: tuple[Held, ...] = ()
    held_options: tuple[HeldOption, ...] = ()
    planned: Planned | None = None
    tried: frozenset[str] = frozenset()
    standing: Standing | None = None
    subscriber_id: int = 0
    discounts: tuple[HeldDiscount, ...] = ()
    joined: frozenset[str] = frozenset()

    def option(self, item: ItemKind, code: str) -> HeldOption | None:
        """The one that is had, whether or not it is switched off already."""
        return next((one for one in self.held_options if (one.item, one.code) == (item, code)), None)


# --- effects ---------------------------------------------------------------------------------------------------------


class ChargeKind(StrEnum):
    """What money is for; those of the ledger and of the subscriber's expenses."""

    PLAN_FEE = "plan_fee"
    SWITCH = "switch"
    OPTION_FEE = "option_fee"
    BUNDLE = "bundle"


PROMISED = "promised_payment"
GIFT = "promotion_gift"

GrantSource = Literal["plan", "bundle", "option", "promotion"]


@dataclass(frozen=True, slots=True)
class Charge:
    """Money that leaves or, as a refund, comes back: the last `days` of the `of_days` that `price_kopecks` pays for.

    `discount` is taken off the price before it is shared out.
    """

    kind: ChargeKind
    code: str
    version: int
    name: str
    price_kopecks: int
    days: int = 1
    of_days: int = 1
    is_refund: bool = False
    discount: Applied | None = None
    effect: Literal["charge"] = "charge"

    @property
    def kopecks(self) -> int:
        """How much, whichever way it goes."""
        off = self.discount.off(self.price_kopecks) if self.discount else 0
        return prorate_rest(self.price_kopecks - off, self.days, self.of_days)

    def explanation(self) -> dict[str, Any]:
        """Facts for the ledger, from which `recompute_charge` makes the amount again."""
        discount = {"discount": self.discount.explanation()} if self.discount else {}
        return {
            "kind": str(self.kind),
            "code": self.code,
            "version": self.version,
            "name": self.name,
            "price_kopecks": self.price_kopecks,
            "days": self.days,
            "of_days": self.of_days,
            "is_refund": self.is_refund,
            **discount,
        }


def recompute_charge(explanation: Mapping[str, Any]) -> int:
    """Kopecks of a charge, refund, promised payment or gift by its explanation."""
    given = {PROMISED: "promised_kopecks", GIFT: "gift_kopecks"}.get(explanation.get("kind", ""))
    if given is not None:
        kopecks: int = explanation[given]
        return kopecks
    price = explanation["price_kopecks"]
    return prorate_rest(price - recompute_off(explanation, price), explanation["days"], explanation["of_days"])


@dataclass(frozen=True, slots=True)
class SetPlan:
    """The subscription `before` ends and `after` begins."""

    before: PlanTerm
    after: PlanTerm
    effect: Literal["set_plan"] = "set_plan"


@dataclass(frozen=True, slots=True)
class SetSettings:
    """The same, for other settings of the same plan version."""

    before: PlanTerm
    after: PlanTerm
    effect: Literal["set_settings"] = "set_settings"


@dataclass(frozen=True, slots=True)
class GrantAllowance:
    """A package valid from now on. `amount` None is unlimited; of a share the last `days` of `of_days` are given."""

    source: GrantSource
    name: str
    kind: UsageKind
    scope: str
    amount: int | None
    valid_until: datetime
    days: int = 1
    of_days: int = 1
    effect: Literal["grant_allowance"] = "grant_allowance"

    @property
    def granted(self) -> int:
        """In the kind's unit; an unlimited one has no quantity."""
        return prorate_rest(self.amount or 0, self.days, self.of_days)


@dataclass(frozen=True, slots=True)
class DropAllowance:
    """A package of the plan that ends now instead of at `valid_until`."""

    allowance_id: int
    valid_until: datetime
    effect: Literal["drop_allowance"] = "drop_allowance"


@dataclass(frozen=True, slots=True)
class SwitchOption:
    """A service or monthly package begins; its first period is paid by a charge beside it, or is free."""

    item: ItemKind
    version_id: int
    code: str
    name: str
    price_kopecks: int
    per: OptionPeriod
    anchor_day: int
    term: OptionTerm
    trial_until: datetime | None = None
    effect: Literal["switch_option"] = "switch_option"


@dataclass(frozen=True, slots=True)
class ChangeOption:
    """A service that is had goes on otherwise: it ends, is kept after its trial, or does not end after all."""

    subscription_id: int
    item: ItemKind
    code: str
    name: str
    before: OptionTerm
    after: OptionTerm
    effect: Literal["change_option"] = "change_option"


@dataclass(frozen=True, slots=True)
class Schedule:
    """A change of the plan at the end of its period, before the next fee."""

    at: datetime
    change: Annotated[SetPlan | SetSettings, Field(discriminator="effect")]
    effect: Literal["schedule"] = "schedule"


@dataclass(frozen=True, slots=True)
class CancelSchedule:
    """What was scheduled does not happen."""

    change_id: int
    at: datetime
    name: str
    effect: Literal["cancel_schedule"] = "cancel_schedule"


@dataclass(frozen=True, slots=True)
class Promise:
    """A sum that comes now, and leaves with its fee at `due_at`."""

    code: str
    version: int
    name: str
    kopecks: int
    fee_kopecks: int
    due_at: datetime
    effect: Literal["promise"] = "promise"

    def explanation(self) -> dict[str, Any]:
        """Facts for the ledger, from which `recompute_charge` makes the amount again."""
        return {
            "kind": PROMISED,
            "code": self.code,
            "version": self.version,
            "name": self.name,
            "promised_kopecks": self.kopecks,
            "fee_kopecks": self.fee_kopecks,
        }


@dataclass(frozen=True, slots=True)
class Gift:
    """Roubles that a promotion brings now."""

    code: str
    version: int
    name: str
    kopecks: int
    effect: Literal["gift"] = "gift"

    def explanation(self) -> dict[str, Any]:
        """Facts for the ledger, from which `recompute_charge` makes the amount again."""
        return {
            "kind": GIFT,
            "code": self.code,
            "version": self.version,
            "name": self.name,
            "gift_kopecks": self.kopecks,
        }


@dataclass(frozen=True, slots=True)
class Join:
    """A promotion is joined: by `promo_code`, where it takes one. `discount` is on fees to come."""

    version_id: int
    code: str
    version: int
    name: str
    gift_kopecks: int
    discount: Discount | None
    promo_code: str = ""
    effect: Literal["join"] = "join"


@dataclass(frozen=True, slots=True)
class Leave:
    """A promotion is left: its discount is on no fee to come."""

    participation_id: int
    name: str
    effect: Literal["leave"] = "leave"


Effect = Annotated[
    Charge
    | SetPlan
    | SetSettings
    | GrantAllowance
    | DropAllowance
    | SwitchOption
    | ChangeOption
    | Schedule
    | CancelSchedule
    | Promise
    | Gift
    | Join
    | Leave,
    Field(discriminator="effect"),
]
Effects = tuple[Effect, ...]

_EFFECTS: TypeAdapter[tuple[Effect, ...]] = TypeAdapter(tuple[Effect, ...])
_REQUEST: TypeAdapter[Request] = TypeAdapter(Request)


def write_effects(effects: Effects) -> list[dict[str, Any]]:
    """As JSON-able values."""
    written: list[dict[str, Any]] = _EFFECTS.dump_python(effects, mode="json")
    return written


def read_effects(written: Sequence[Mapping[str, Any]]) -> Effects:
    """What `write_effects` wrote."""
    return _EFFECTS.validate_python(list(written))


def write_request(request: Request) -> dict[str, Any]:
    """As JSON-able values."""
    written: dict[str, Any] = _REQUEST.dump_python(request, mode="json")
    return written


def read_request(written: Mapping[str, Any]) -> Request:
    """What `write_request` wrote."""
    return _REQUEST.validate_python(dict(written))


def net_kopecks(effects: Iterable[Effect]) -> int:
    """What all charges, refunds, promised payments and gifts together take now; negative: money comes."""
    taken = 0
    for effect in effects:
        if isinstance(effect, Charge):
            taken += -effect.kopecks if effect.is_refund else effect.kopecks
        elif isinstance(effect, Promise | Gift):
            taken -= effect.kopecks
    return taken


# --- the plan --------------------------------------------------------------------------------------------------------

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Sold(Generic[_Item]):
    """The newest version of something, as it is kept."""

    version_id: int
    item: _Item
    is_archived: bool = False


def of_switch(
    snapshot: Snapshot,
    target: Sold[Plan],
    *,
    settings: Mapping[str, str] | None = None,
    when: SwitchTime | None = None,
    now: datetime,
    zone: tzinfo,
) -> Effects:
    """Moving to another plan; asked for the present one, it takes back the move that is planned.

    `when` None is the plan's usual time. Who has not paid the present period begins at once, for there is nothing to
    wait for.

    Raises:
        PlanNotOffered, NotSoldInRegion, UnknownSetting: the plan cannot be had so.
        NotThen: the plan is not joined at that time.
        NothingChanges: it is the present plan, and no other is planned.
    """
    plan = target.item
    if target.version_id == snapshot.term.plan_version_id:
        return _stay(snapshot)
    if target.is_archived:
        raise PlanNotOffered
    when = _time(snapshot, when, plan.switching.joins)
    chosen = plan.chosen(settings or {})
    after = _term_of(snapshot, plan, target.version_id, chosen)
    price = plan.switching.price
    charges = (Charge(ChargeKind.SWITCH, plan.code, plan.version, plan.name, price),) if price else ()
    if when == SwitchTime.PERIOD_END:
        at = snapshot.term.next_fee_at
        if period_containing(at, after.anchor_day, plan.period, zone).start != at:  # from days to months
            after = replace(after, anchor_day=at.astimezone(zone).day)
        return (*_cancelled(snapshot), *charges, Schedule(at, SetPlan(snapshot.term, after)))
    return (*_cancelled(snapshot), *charges, *_begin(snapshot, plan, after, now=now, zone=zone))


def of_settings(
    snapshot: Snapshot,
    settings: Mapping[str, str],
    *,
    when: SwitchTime | None = None,
    now: datetime,
    zone: tzinfo,
) -> Effects:
    """Other settings of the present plan; what `settings` does not name stays. The present ones take back what is
    planned.

    Raises:
        UnknownSetting: the plan has no such setting or step.
        NotThen: the plan's settings do not begin at that time.
        NothingChanges: they are so already, and nothing is planned.
    """
    plan, term = snapshot.plan, snapshot.term
    chosen = plan.chosen({**term.settings, **settings})
    if chosen == plan.chosen(term.settings):
        return _stay(snapshot)
    after = _term_of(snapshot, plan, term.plan_version_id, chosen)
    if _time(snapshot, when, plan.switching.settings) == SwitchTime.PERIOD_END:
        return (*_cancelled(snapshot), Schedule(term.next_fee_at, SetSettings(term, after)))
    return (*_cancelled(snapshot), *_begin(snapshot, plan, after, now=now, zone=zone))


def _stay(snapshot: Snapshot) -> Effects:
    if snapshot.planned is None:
        raise NothingChanges
    return _cancelled(snapshot)


def _cancelled(snapshot: Snapshot) -> Effects:
    planned = snapshot.planned
    if planned is None or planned.change_id is None:
        return ()
    return (CancelSchedule(planned.change_id, planned.at, planned.term.name),)


def _time(snapshot: Snapshot, when: SwitchTime | None, allowed: Sequence[SwitchTime]) -> SwitchTime:
    if snapshot.term.is_suspended:
        return SwitchTime.NOW
    if when is None:
        return allowed[0]
    if when not in allowed:
        raise NotThen
    return when


def _term_of(snapshot: Snapshot, plan: Plan, version_id: int, chosen: dict[str, str]) -> PlanTerm:
    """The plan from the end of the present period on."""
    return PlanTerm(
        subscription_id=None,
        plan_version_id=version_id,
        code=plan.code,
        version=plan.version,
        name=plan.name,
        settings=chosen,
        anchor_day=snapshot.term.anchor_day,
        fee_kopecks=plan.fee_for(snapshot.region, chosen),
        unit=plan.period,
        next_fee_at=snapshot.term.next_fee_at,
    )


def _begin(snapshot: Snapshot, plan: Plan, after: PlanTerm, *, now: datetime, zone: tzinfo) -> Effects:
    """The old plan ends now by its own rules, the new one begins by its."""
    old, term, today = snapshot.plan, snapshot.term, now.astimezone(zone).date()
    effects: list[Effect] = []
    paid = snapshot.paid
    if paid is not None and old.switching.refund_unused_fee:
        days = _days(paid.start_at, paid.end_at, zone)
        left = (paid.end_at.astimezone(zone).date() - today).days - 1  # a day begun is used
        back = Charge(ChargeKind.PLAN_FEE, term.code, term.version, term.name, paid.kopecks, left, days, is_refund=True)
        if left > 0 and back.kopecks:
            effects.append(back)
    effects += [
        DropAllowance(held.id, held.valid_until)
        for held in snapshot.allowances
        if held.is_of_plan and (held.is_unlimited or not old.switching.keep_leftovers)
    ]

    anchor_day = term.anchor_day if plan.switching.first_period == FirstPeriod.BY_DAY else today.day
    period = period_containing(now, anchor_day, plan.period, zone)
    of_days = _days(period.start, period.end, zone)
    days = (period.end.astimezone(zone).date() - today).days
    if days == of_days:
        days = of_days = 1
    goes_on = period.end == term.next_fee_at
    discount = best_discount(snapshot.discounts, DiscountOn.PLAN, after.code, after.fee_kopecks, goes_on=goes_on)
    fee = Charge(
        ChargeKind.PLAN_FEE,
        after.code,
        after.version,
        after.name,
        after.fee_kopecks,
        days,
        of_days,
        discount=discount,
    )
    if fee.kopecks or discount:
        effects.append(fee)
    effects.append(SetPlan(term, replace(after, anchor_day=anchor_day, next_fee_at=period.end)))
    for grant in plan.grants_for(after.settings):
        given = _grant("plan", plan.name, grant, period.end, days, of_days)
        if grant.amount is None or given.granted:
            effects.append(given)
    return tuple(effects)


def _grant(
    source: Literal["plan", "bundle", "option"],
    name: str,
    grant: Grant,
    until: datetime,
    days: int = 1,
    of_days: int = 1,
) -> GrantAllowance:
    return GrantAllowance(source, name, grant.kind, grant.scope, grant.amount, until, days, of_days)


def _days(start: datetime, end: datetime, zone: tzinfo) -> int:
    """Local days from one local midnight to another."""
    return (end.astimezone(zone).date() - start.astimezone(zone).date()).days


def end_of_day_after(now: datetime, days: int, zone: tzinfo) -> datetime:
    """The local midnight that ends the day which is so many days after this one."""
    day = now.astimezone(zone).date() + timedelta(days=days + 1)
    return datetime.combine(day, time.min, zone).astimezone(UTC)


# --- services and packages -------------------------------------------------------------------------------------------


def of_option_on(
    snapshot: Snapshot, sold: Sold[Option], names: Mapping[str, Option], *, now: datetime, zone: tzinfo
) -> Effects:
    """Switching a service on; one that was switched off and still works goes on. `names` are all services, by code.

    Raises:
        OptionNotOffered, OptionIncluded, OptionAlreadyOn, OptionRequires, OptionConflicts: why it cannot be.
    """
    option = sold.item
    held = snapshot.option(ItemKind.OPTION, option.code)
    if held is not None and (held.term.ends_at is None or held.per == OptionPeriod.ONCE):
        raise OptionAlreadyOn(name=option.name)
    if snapshot.plan.code in option.included_in:
        raise OptionIncluded(name=option.name)
    if sold.is_archived and held is None:
        raise OptionNotOffered
    if missing := list_missing(snapshot, option, names):
        raise OptionRequires(codes=missing, names=_names(missing, names))
    if against := list_conflicts(snapshot, option):
        raise OptionConflicts(codes=against, names=_names(against, names))
    if held is not None:
        return _resume(held)

    price, today = option.price_kopecks, now.astimezone(zone).date()
    discount = best_discount(snapshot.discounts, DiscountOn.OPTION, option.code, price)
    charge = Charge(ChargeKind.OPTION_FEE, option.code, option.version, option.name, price, discount=discount)
    charges: Effects = (charge,)
    trial_until, anchor_day, until = None, today.day, None
    if option.per == OptionPeriod.ONCE:
        until = plan_period(snapshot, now, zone).end
        term = OptionTerm(OptionState.ACTIVE, None, ends_at=until)
    elif option.trial_days and price and option.code not in snapshot.tried:
        trial_until = until = end_of_day_after(now, option.trial_days, zone)
        charges, anchor_day = (), trial_until.astimezone(zone).day
        term = OptionTerm(OptionState.TRIAL, trial_until)
    elif price:
        until = period_containing(now, today.day, PeriodUnit(option.per), zone).end
        term = OptionTerm(OptionState.ACTIVE, until)
    else:
        term = OptionTerm(OptionState.ACTIVE, None)
    if not price:
        charges = ()
    switched = SwitchOption(
        ItemKind.OPTION,
        sold.version_id,
        option.code,
        option.name,
        price,
        option.per,
        anchor_day,
        term,
        trial_until,
    )
    grants = [_grant("option", option.name, grant, until) for grant in option.gives] if until else []
    return (*charges, switched, *grants)


def of_option_off(
    snapshot: Snapshot, item: ItemKind, code: str, names: Mapping[str, Option], *, now: datetime
) -> Effects:
    """Switching a service or monthly package off: it works as long as it is paid for, or its trial lasts.

    Raises:
        OptionNotOn: it is not on, or switched off already.
        OptionNeeded: something that is on needs it.
    """
    held = _held_on(snapshot, item, code, names)
    needing = [
        one.code
        for one in snapshot.held_options
        if item == ItemKind.OPTION and code in one.requires and one.term.ends_at is None
    ]
    if needing and snapshot.plan.code not in _included_in(names, code):
        raise OptionNeeded(codes=needing, names=_names(needing, names))
    term = held.term
    works_until = term.next_fee_at if term.state in (OptionState.ACTIVE, OptionState.TRIAL) else None
    if works_until is not None and works_until > now:
        after = OptionTerm(term.state, None, ends_at=works_until)
    else:
        after = OptionTerm(OptionState.ENDED, None)
    return (_changed(held, after),)


def of_option_keep(snapshot: Snapshot, code: str, names: Mapping[str, Option]) -> Effects:
    """The yes that a trial needs to become paid; its first fee is taken when the trial ends.

    Raises:
        OptionNotOn: there is no trial to keep.
        OptionAlreadyOn: it is kept, or paid, already.
    """
    held = _held_on(snapshot, ItemKind.OPTION, code, names)
    if held.term.state != OptionState.TRIAL:
        raise OptionAlreadyOn(name=held.name)
    return (_changed(held, replace(held.term, state=OptionState.ACTIVE)),)


def of_bundle(snapshot: Snapshot, sold: Sold[Bundle], *, now: datetime, zone: tzinfo) -> Effects:
    """Buying a package, once or every month as it is sold.

    Raises:
        BundleNotOffered, BundleNotForPlan, OptionAlreadyOn: why it cannot be.
    """
    bundle = sold.item
    held = snapshot.option(ItemKind.BUNDLE, bundle.code)
    if held is not None and held.term.ends_at is None:
        raise OptionAlreadyOn(name=bundle.name)
    if sold.is_archived and held is None:
        raise BundleNotOffered
    if not is_bundle_usable(snapshot.rates, bundle):
        raise BundleNotForPlan
    if held is not None:
        return _resume(held)
    discount = best_discount(snapshot.discounts, DiscountOn.BUNDLE, bundle.code, bundle.price)
    charge = Charge(ChargeKind.BUNDLE, bundle.code, bundle.version, bundle.name, bundle.price, discount=discount)
    charges = (charge,) if bundle.price else ()
    if not bundle.recurring:
        until = bundle_until(snapshot, bundle, now=now, zone=zone)
        return (*charges, _grant("bundle", bundle.name, bundle.gives, until))
    day = now.astimezone(zone).day
    until = period_containing(now, day, PeriodUnit.MONTH, zone).end
    switched = SwitchOption(
        ItemKind.BUNDLE,
        sold.version_id,
        bundle.code,
        bundle.name,
        bundle.price,
        OptionPeriod.MONTH,
        day,
        OptionTerm(OptionState.ACTIVE, until),
    )
    return (*charges, switched, _grant("bundle", bundle.name, bundle.gives, until))


def bundle_until(snapshot: Snapshot, bundle: Bundle, *, now: datetime, zone: tzinfo) -> datetime:
    """When the package would end, bought now: its days and the rest of this one, or the end of the billing period."""
    if bundle.recurring:
        return period_containing(now, now.astimezone(zone).day, PeriodUnit.MONTH, zone).end
    if bundle.lasts_days is None:
        return plan_period(snapshot, now, zone).end
    return end_of_day_after(now, bundle.lasts_days, zone)


def is_bundle_usable(rates: Rates, bundle: Bundle) -> bool:
    """Whether the plan has a price that the package could spare its owner."""
    scope = bundle.gives.scope
    rule = rates.rules.get((bundle.gives.kind, Direction.OUT, scope or HOME))
    return rule is not None and rule.free is None and (bool(scope) or rule.is_covered)


def plan_period(snapshot: Snapshot, now: datetime, zone: tzinfo) -> Period:
    """The plan's billing period at that moment."""
    return period_containing(now, snapshot.term.anchor_day, snapshot.term.unit, zone)


def list_missing(snapshot: Snapshot, option: Option, names: Mapping[str, Option]) -> list[str]:
    """Codes of services that it needs and that are not on."""
    return [code for code in option.requires if not _is_on(snapshot, code, names)]


def list_conflicts(snapshot: Snapshot, option: Option) -> list[str]:
    """Codes of services that are on, or still work, and cannot be together with it."""
    return [
        held.code
        for held in snapshot.held_options
        if held.item == ItemKind.OPTION and (held.code in option.conflicts or option.code in held.conflicts)
    ]


def _is_on(snapshot: Snapshot, code: str, names: Mapping[str, Option]) -> bool:
    held = snapshot.option(ItemKind.OPTION, code)
    if held is not None and held.term.ends_at is None:
        return True
    return snapshot.plan.code in _included_in(names, code)


def _included_in(names: Mapping[str, Option], code: str) -> tuple[str, ...]:
    return names[code].included_in if code in names else ()


def _held_on(snapshot: Snapshot, item: ItemKind, code: str, names: Mapping[str, Option]) -> HeldOption:
    held = snapshot.option(item, code)
    if held is None or held.term.ends_at is not None:
        raise OptionNotOn(name=held.name if held else names[code].name if code in names else code)
    return held


def _names(codes: Iterable[str], names: Mapping[str, Option]) -> Names:
    return Names(names[code].name if code in names else code for code in codes)


def _resume(held: HeldOption) -> Effects:
    """It does not end after all: the next fee is due when it would have ended."""
    return (_changed(held, OptionTerm(held.term.state, held.term.ends_at)),)


def _changed(held: HeldOption, after: OptionTerm) -> ChangeOption:
    if held.subscription_id is None:
        raise NotFound
    return ChangeOption(held.subscription_id, held.item, held.code, held.name, held.term, after)


# --- promised payments -----------------------------------------------------------------------------------------------


def of_promise(
    snapshot: Snapshot, sold: Sold[PromisedPayment] | None, sum_: str, *, now: datetime, zone: tzinfo
) -> Effects:
    """Money in advance: `sum_` is kopecks, written in digits.

    Raises:
        PromiseNotOffered, SumNotPromised, PromiseOpen, PromiseUnpaid, DebtTooLarge, PromiseTooEarly: why it cannot be.
    """
    if sold is None or sold.is_archived or snapshot.standing is None:
        raise PromiseNotOffered
    terms = sold.item
    check_standing(terms, snapshot.standing, now=now, zone=zone)
    kopecks = int(sum_) if sum_.isascii() and sum_.isdigit() and len(sum_) < 12 else 0
    fee = fee_of(terms, kopecks)
    return (Promise(terms.code, terms.version, terms.name, kopecks, fee, due_at(terms, now=now, zone=zone)),)


# --- promotions ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpenPromotion:
    """A promotion that may be joined: its newest version, and the promo code by which it is, if by one."""

    version_id: int
    code: str
    version: int
    terms: Terms
    promo_code: str = ""


def of_join(snapshot: Snapshot, promotion: OpenPromotion, *, now: datetime, zone: tzinfo) -> Effects:
    """Joining it: everything that it gives at once, and its discount on the fees to come.

    Raises:
        PromotionOver: it cannot be joined at this moment.
        AlreadyJoined: it was joined before.
    """
    terms, code, version = promotion.terms, promotion.code, promotion.version
    if promotion.code in snapshot.joined:
        raise AlreadyJoined
    if not terms.is_open(now):
        raise PromotionOver
    gifts: list[Effect] = []
    for reward in terms.rewards:
        if isinstance(reward, Money):
            gifts.append(Gift(code, version, terms.title, reward.kopecks))
        elif isinstance(reward, Package):
            until = end_of_day_after(now, reward.days, zone)
            gifts.append(GrantAllowance("promotion", terms.title, reward.kind, "", reward.amount, until))
    joined = Join(
        promotion.version_id, code, version, terms.title, terms.gift_kopecks, terms.discount, promotion.promo_code
    )
    return (*gifts, joined)


def discounts_after(snapshot: Snapshot, effects: Effects) -> tuple[HeldDiscount, ...]:
    """The discounts on fees to come when the effects have been applied."""
    left = {effect.participation_id for effect in effects if isinstance(effect, Leave)}
    applied = [effect.discount for effect in effects if isinstance(effect, Charge) and effect.discount]
    held = [one for one in held_after(snapshot.discounts, applied) if one.participation_id not in left]
    joined = (
        HeldDiscount(_NEWEST, effect.code, effect.version, effect.name, effect.discount)
        for effect in effects
        if isinstance(effect, Join) and effect.discount
    )
    return (*held, *joined)


_NEWEST = 2**62  # the id of a participation that there will be
