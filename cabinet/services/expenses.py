"""Expenses: what a month has cost, the statement, and why every line of it costs what it costs.

The sums come from the roll-up that the ledger keeps (`spending_day`); the statement and its explanations from what was
stored when money moved and when usage was rated. Every query is bounded by one subscriber and one month.

A line is what one transaction did for one reason: a charge that took the last of the money and left a debt is one line,
though it has two postings. What only moves between the subscriber's own accounts is no line: a debt is in the statement
when it is made.
"""

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache, partial
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Select, Table, and_, bindparam, false, func, or_, select, union_all
from sqlmodel import Session, col

from cabinet import clock
from cabinet.domain.allowances import UsageKind
from cabinet.domain.catalogue import Plan
from cabinet.domain.effects import GIFT, PROMISED, ChargeKind, recompute_charge
from cabinet.domain.errors import CabinetError, NotFound
from cabinet.domain.money import prorate_rest
from cabinet.domain.periods import period_containing
from cabinet.domain.promotions import HeldDiscount, coming_fees, recompute_off
from cabinet.domain.rating import Direction, Reason, Rounding
from cabinet.domain.spending import Category, category_of, is_income
from cabinet.models.base import metadata
from cabinet.models.catalogue import PlanVersion
from cabinet.models.ledger import AccountKind
from cabinet.models.subscribers import Subscriber
from cabinet.models.tariffs import PlanSubscription, SubscriptionState
from cabinet.services import catalogue, discounts, retention
from cabinet.services.tariffs import PlanFacts

_spending: Table = metadata.tables["spending_day"]
_account: Table = metadata.tables["account"]
_transaction: Table = metadata.tables["ledger_transaction"]
_posting: Table = metadata.tables["posting"]
_record: Table = metadata.tables["usage_record"]
_allowance: Table = metadata.tables["allowance"]

# Asked for with every page: to build one takes longer than to run it, so each is built once.

_WHO = (
    select(
        *(Subscriber, PlanSubscription, retention.USAGE_KEPT_FROM.scalar_subquery()),
        *(col(PlanVersion.digest), col(PlanVersion.is_archived)),
    )
    .outerjoin(PlanSubscription, col(PlanSubscription.subscriber_id) == col(Subscriber.id))
    .outerjoin(PlanVersion, col(PlanVersion.id) == col(PlanSubscription.plan_version_id))
    .where(col(Subscriber.id) == bindparam("subscriber_id"))
    .order_by(col(PlanSubscription.started_at).desc())
)
_SPENT = select(_spending.c.day_on, _spending.c.category, _spending.c.amount_kopecks).where(
    _spending.c.subscriber_id == bindparam("subscriber_id"),
    _spending.c.day_on >= bindparam("first_on"),
    _spending.c.day_on < bindparam("end_on"),
)
_ACCOUNTS = select(_account.c.id, _account.c.kind).where(_account.c.subscriber_id == bindparam("subscriber_id"))
_CODES = select(_account.c.id, _account.c.code).where(_account.c.id.in_(bindparam("ids", expanding=True)))
_POSTINGS = (
    select(*_posting.columns, _transaction.c.kind, _transaction.c.reference, _transaction.c.reverses_id)
    .join(
        _transaction,
        and_(_transaction.c.id == _posting.c.transaction_id, _transaction.c.happened_at == _posting.c.happened_at),
    )
    .where(_transaction.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(_posting.c.id)
)

LONGEST_SEARCH = 100
MOST_LINES = 1_000


class NoSuchMonth(CabinetError):
    """The month is before the subscriber's first or in the future; the facts name the first and the last one."""

    message = "За этот месяц расходов нет: выберите другой."


# --- a month ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CategorySpending:
    """What went on a category; `previous_kopecks` is None when there is no month to compare with."""

    category: Category
    kopecks: int
    previous_kopecks: int | None


@dataclass(frozen=True, slots=True)
class Expected:
    """A fee that is known and not charged yet. `what` is the plan's name."""

    on: date
    kopecks: int
    what: str


@dataclass(frozen=True, slots=True)
class Difference:
    """The category that explains most of why a month differs from the one before; negative: less was spent on it."""

    category: Category
    kopecks: int


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month of the operator's time zone, up to `until_on` (today, or its last day when it is over).

    `previous_kopecks` and those of the categories are of the month before: up to the same day while this one is
    current, else of the whole of it; None in the subscriber's first month. `categories` are those where something was
    spent in either, the largest first. `days` has a sum for each day up to `until_on`, which is negative when more was
    given back than spent. `expected` is what is still to come this month, empty when it is over.
    """

    month_on: date
    until_on: date
    is_current: bool
    first_month_on: date
    last_month_on: date
    spent_kopecks: int
    previous_kopecks: int | None
    categories: tuple[CategorySpending, ...]
    days: tuple[int, ...]
    expected: tuple[Expected, ...]
    expected_total_kopecks: int
    main_difference: Difference | None


def get_month(session: Session, subscriber_id: int, month_on: date, *, now: datetime) -> Month:
    """What the month that holds `month_on` has cost so far, and what it will.

    Raises:
        NotFound: there is no such subscriber.
        NoSuchMonth: before the subscriber's first month, or in the future.
    """
    who = _get_who(session, subscriber_id)
    today = clock.local(now).date()
    first_on, last_on = _months(who, now=now)
    month_on = _check_month(who, month_on, now=now)
    is_current = month_on == last_on
    end_on = _next_month(month_on)
    until_on = today if is_current else end_on - timedelta(days=1)
    has_previous = month_on > first_on
    previous_on = _month_of(month_on - timedelta(days=1))
    previous_end_on = min(previous_on + timedelta(days=until_on.day), month_on) if is_current else month_on

    spent: dict[Category, int] = {}
    previous: dict[Category, int] = {}
    days = [0] * until_on.day
    for day_on, category, kopecks in list_spending(session, subscriber_id, previous_on, until_on + timedelta(days=1)):
        if day_on >= month_on:
            spent[category] = spent.get(category, 0) + kopecks
            days[day_on.day - 1] += kopecks
        elif day_on < previous_end_on and has_previous:
            previous[category] = previous.get(category, 0) + kopecks
    categories = [
        CategorySpending(category, spent.get(category, 0), previous.get(category, 0) if has_previous else None)
        for category in Category
        if spent.get(category) or previous.get(category)
    ]
    total = sum(days)
    held = discounts.list_held(session, [subscriber_id]).get(subscriber_id, ()) if is_current else ()
    expected = tuple(_list_expected(who, held, now=now, end_on=end_on)) if is_current else ()
    return Month(
        month_on=month_on,
        until_on=until_on,
        is_current=is_current,
        first_month_on=first_on,
        last_month_on=last_on,
        spent_kopecks=total,
        previous_kopecks=sum(previous.values()) if has_previous else None,
        categories=tuple(sorted(categories, key=lambda one: -one.kopecks)),
        days=tuple(days),
        expected=expected,
        expected_total_kopecks=total + sum(one.kopecks for one in expected),
        main_difference=_main_difference(categories) if has_previous else None,
    )


def list_spending(
    session: Session, subscriber_id: int, first_on: date, end_on: date
) -> Sequence[tuple[date, Category, int]]:
    """What was spent on each day of [first, end) in each category, in kopecks; days without spending are left out."""
    of = {"subscriber_id": subscriber_id, "first_on": first_on, "end_on": end_on}
    return session.execute(_SPENT, of).all()


def list_coming_fees(subscription: PlanSubscription, plan: Plan, *, now: datetime, until: datetime) -> list[datetime]:
    """When the fees not charged yet are due, the nearest first; of a suspended subscription only the present one."""
    found: list[datetime] = []
    at = subscription.next_fee_at
    if at is not None and subscription.state == SubscriptionState.SUSPENDED and at <= now:
        return [period_containing(now, subscription.anchor_day, plan.period, clock.time_zone()).start]
    while at is not None and at < until:
        found.append(at)
        at = period_containing(at, subscription.anchor_day, plan.period, clock.time_zone()).end
    return found


def _list_expected(who: "_Who", held: Sequence[HeldDiscount], *, now: datetime, end_on: date) -> Iterable[Expected]:
    """Known fees from now to the end of the month; without money for the last one nothing more is expected."""
    for subscription, facts in who.plans:
        plan = facts.plan
        if subscription.ended_at is not None or subscription.state == SubscriptionState.SUSPENDED:
            continue
        fee = plan.fee_for(who.subscriber.region, subscription.settings)
        fees_at = list_coming_fees(subscription, plan, now=now, until=_midnight(end_on)) if fee else []
        for at, kopecks in zip(fees_at, coming_fees(held, plan.code, fee, len(fees_at)), strict=True):
            yield Expected(max(clock.local(at).date(), clock.local(now).date()), kopecks, plan.name)


def _main_difference(categories: Sequence[CategorySpending]) -> Difference | None:
    """The category that moved furthest in the direction in which the month as a whole moved."""
    changes = [Difference(one.category, one.kopecks - (one.previous_kopecks or 0)) for one in categories]
    total = sum(change.kopecks for change in changes)
    if not total:
        return None
    return max(changes, key=lambda change: change.kopecks if total > 0 else -change.kopecks)


def _months(who: "_Who", *, now: datetime) -> tuple[date, date]:
    """The first and the last month that there is something to say of."""
    last_on = _month_of(clock.local(now).date())
    return min(_month_of(clock.local(who.subscriber.activated_at).date()), last_on), last_on


def _check_month(who: "_Who", month_on: date, *, now: datetime) -> date:
    first_on, last_on = _months(who, now=now)
    if not first_on <= _month_of(month_on) <= last_on:
        raise NoSuchMonth(first_month_on=first_on, last_month_on=last_on)
    return _month_of(month_on)


def _month_of(day: date) -> date:
    return day.replace(day=1)


def _next_month(month_on: date) -> date:
    return _month_of(month_on + timedelta(days=32))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, clock.time_zone())


# --- the statement ---------------------------------------------------------------------------------------------------


class LineDirection(StrEnum):
    """Which lines are wanted. Without one of these: all."""

    MONEY = "money"  # out and in
    OUT = "out"
    IN = "in"
    INCLUDED = "included"  # usage that cost nothing


class Source(StrEnum):
    """Where a line comes from."""

    POSTING = "posting"
    USAGE = "usage"  # cost nothing, so no money moved


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the statement. Negative is money out; usage that cost nothing is 0.

    `kind` is the ledger's (`plan_fee`, `top_up`, `usage`, `reversal`, …). `category` is None for money in that gives
    nothing back. `balance_after_kopecks` is the main account's, None where the line did not touch it (usage that was
    free, or wholly a debt). `quantity` is in the kind's unit: seconds, messages, bytes; None where nothing was used.
    `zone_name` names the zone or traffic class, `destination` follows “Звонок”, `peer` is the other party or the
    application. `charge` is what an order or a fee of a service was for (a `ChargeKind`, `PROMISED` or `GIFT`), and
    `name` the plan, service, package or promotion.
    A reversal has these facts of what it gives back.
    """

    id: str
    source: Source
    kind: str
    category: Category | None
    happened_at: datetime
    amount_kopecks: int
    balance_after_kopecks: int | None
    plan_name: str = ""
    usage_kind: UsageKind | None = None
    usage_direction: Direction | None = None
    quantity: int | None = None
    peer: str = ""
    zone: str = ""
    zone_name: str = ""
    destination: str = ""
    charge: str | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class LinesPage:
    """Newest first. The next page is asked with `before=next_before`; at the end there is none.

    `is_usage_kept` is False for a month whose usage is kept no more: only what moved money is there.
    """

    lines: tuple[Line, ...]
    next_before: str | None
    is_end: bool
    is_usage_kept: bool = True


def list_lines(
    session: Session,
    subscriber_id: int,
    month_on: date,
    *,
    search: str = "",
    categories: Collection[Category] = frozenset(),
    direction: LineDirection | None = None,
    before: str | None = None,
    limit: int = 20,
    now: datetime,
) -> LinesPage:
    """A page of the statement of the month that holds `month_on`.

    `search` is words: of the operation, the category, the zone, in Russian or English, or digits of the other party's
    number; a line has to have all of them. A page continues where the one before it ended, whatever has come meanwhile.

    Raises:
        NotFound: there is no such subscriber; `before` is not of ours.
        NoSuchMonth: before the subscriber's first month, or in the future.
    """
    who = _get_who(session, subscriber_id)
    month_on = _check_month(who, month_on, now=now)
    limit = min(max(limit, 1), MOST_LINES)
    wanted = _Wanted(
        start_on=month_on,
        end_on=_next_month(month_on),
        before=_read_place(before) if before else None,
        words=_words_of(search),
        categories=frozenset(categories),
        direction=direction,
    )
    entries: list[_Entry] = []
    if direction != LineDirection.INCLUDED:
        entries += _list_money(session, who, wanted, limit + 1)
    if direction in (None, LineDirection.INCLUDED):
        entries += _list_included(session, who, wanted, limit + 1)
    entries.sort(key=lambda entry: entry.place, reverse=True)
    lines = tuple(entry.line for entry in entries[:limit])
    is_end = len(entries) <= limit
    is_usage_kept = who.usage_kept_from is None or who.usage_kept_from <= _midnight(month_on)
    return LinesPage(lines, None if is_end else _write_place(entries[limit - 1].place), is_end, is_usage_kept)


# --- an explanation --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Draw:
    """What was taken from an allowance, in the unit of the usage."""

    allowance_name: str
    units: int


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a fee: the plan's own (`name` is the plan's), a chosen step of a setting, or (`DISCOUNT`, negative)
    what a promotion took off."""

    code: str
    name: str
    step_name: str
    kopecks: int
    days: int = 1
    of_days: int = 1


@dataclass(frozen=True, slots=True)
class CapApplied:
    """The subscriber's cap on usage outside the packages: of `full_kopecks` only what was `left_kopecks` of the month's
    `limit_kopecks` was charged."""

    limit_kopecks: int
    left_kopecks: int
    full_kopecks: int


@dataclass(frozen=True, slots=True)
class LineExplanation:
    """Why a line is what it is, from what was stored when it was made. What does not apply is None or empty.

    Of usage: `quantity` was rounded up by `rounding` to `billed_quantity`; `draws` came from allowances and
    `missed_quantity` was left. It was paid in blocks of `block` units at `price_kopecks` each: `blocks` of them. Where
    what is over the allowances is summed over the period, the sum was `counter_before` and became `counter_after`, and
    `blocks` is how many more that makes. `debt_after_kopecks` is there when the money did not do.
    Of usage that the month's cap did not leave enough for: `cap`, with what it would have cost.
    Of a fee that had a discount: that was the `discount_number`th of `discount_periods`.
    Of a fee: `parts` for the period [`period_start_on`, `period_end_on`). Of an order: one part, with the days that it
    is a share for, negative where it came back.
    Of money in: `paid_kopecks`, and `paid_from` says where from (`card`). Of a correction by the staff: their `words`.
    Of a reversal: all that is said of the line `reversed_line_id`, which it gives back.
    """

    line: Line
    reason: Reason | None = None
    quantity: int | None = None
    rounding: Rounding | None = None
    billed_quantity: int | None = None
    draws: tuple[Draw, ...] = ()
    missed_quantity: int | None = None
    block: int | None = None
    price_kopecks: int | None = None
    blocks: int | None = None
    counter_before: int | None = None
    counter_after: int | None = None
    cap: CapApplied | None = None
    plan_name: str = ""
    plan_version: int | None = None
    plan_since_on: date | None = None
    region: str = ""
    parts: tuple[Part, ...] = ()
    period_start_on: date | None = None
    period_end_on: date | None = None
    paid_kopecks: int | None = None
    paid_from: str = ""
    words: str = ""
    balance_after_kopecks: int | None = None
    debt_after_kopecks: int | None = None
    reversed_line_id: str = ""
    discount_number: int | None = None
    discount_periods: int | None = None


DISCOUNT = "discount"


def explain_line(session: Session, subscriber_id: int, line_id: str) -> LineExplanation:
    """Why the line is what it is.

    Raises:
        NotFound: there is no such line, or it is someone else's.
    """
    return explain_lines(session, subscriber_id, [line_id])[0]


def explain_lines(session: Session, subscriber_id: int, line_ids: Sequence[str]) -> list[LineExplanation]:
    """As `explain_line`, for several lines with the queries of one, in the order asked for.

    Raises:
        NotFound: one of them does not exist, or is someone else's.
    """
    who = _get_who(session, subscriber_id)
    numbers: dict[int, list[int]] = {_POSTING: [], _USAGE: []}
    for line_id in line_ids:
        found = _LINE_ID.fullmatch(line_id)
        if found is None:
            raise NotFound
        numbers[_RANKS[found[1]]].append(int(found[2]))
    entries: dict[str, _Entry] = {}
    if numbers[_POSTING]:
        chosen = select(_posting.c.transaction_id).where(_posting.c.id.in_(numbers[_POSTING]))
        entries |= {
            entry.line.id: entry for entry in _money_entries(session, who, list(session.execute(chosen).scalars()))
        }
    if numbers[_USAGE]:
        rows = session.execute(_select_included(who).where(_record.c.id.in_(numbers[_USAGE])))
        entries |= {entry.line.id: entry for entry in (_included_entry(who, row) for row in rows)}
    try:
        chosen_entries = [entries[line_id] for line_id in line_ids]
    except KeyError:
        raise NotFound from None
    drawn = {allowance_id for entry in chosen_entries for allowance_id, _ in entry.facts.get("draws", ())}
    names: dict[int, str] = {}
    if drawn:
        names = dict(
            session.execute(select(_allowance.c.id, _allowance.c.name).where(_allowance.c.id.in_(drawn))).all()
        )
    return [_explain(who, entry, names) for entry in chosen_entries]


def _explain(who: "_Who", entry: "_Entry", allowance_names: Mapping[int, str]) -> LineExplanation:
    facts = entry.facts
    if discount := facts.get("discount"):
        known = _explain_fully(who, entry, allowance_names)
        return replace(known, discount_number=discount["number"], discount_periods=discount["periods"])
    return _explain_fully(who, entry, allowance_names)


def _explain_fully(who: "_Who", entry: "_Entry", allowance_names: Mapping[int, str]) -> LineExplanation:
    facts = entry.facts
    subscription, plan = who.subscription_at(facts, entry.charged_at) or (None, None)
    common = LineExplanation(
        line=entry.line,
        plan_name=entry.line.plan_name,
        plan_version=_version_in(facts),
        plan_since_on=clock.local(subscription.started_at).date() if subscription else None,
        balance_after_kopecks=entry.line.balance_after_kopecks,
        debt_after_kopecks=entry.debt_after_kopecks,
        reversed_line_id=entry.reversed_line_id,
    )
    if entry.what == "usage":
        return replace(
            common,
            reason=Reason(facts["reason"]),
            quantity=facts["quantity"],
            rounding=Rounding(facts["rounding"]),
            billed_quantity=facts["billed"],
            draws=tuple(Draw(allowance_names.get(number, ""), units) for number, units in facts["draws"]),
            missed_quantity=facts["missed"],
            block=facts["block"],
            price_kopecks=facts["price_kopecks"],
            blocks=facts["blocks"],
            counter_before=facts["counter_before"],
            counter_after=facts["counter_after"],
            cap=CapApplied(**facts["cap"]) if "cap" in facts else None,
        )
    if entry.what == "plan_fee":
        return replace(
            common,
            region=facts["region"],
            parts=(
                *(_part(plan, part["code"], part["kopecks"]) for part in facts["parts"]),
                *_discount_parts(facts, sum(part["kopecks"] for part in facts["parts"])),
            ),
            period_start_on=date.fromisoformat(facts["period_start"]),
            period_end_on=date.fromisoformat(facts["period_end"]),
        )
    if entry.what == "order" and facts["kind"] in (PROMISED, GIFT):
        return replace(common, paid_kopecks=recompute_charge(facts))
    if entry.what == "order":
        days, of_days = facts["days"], facts["of_days"]
        full = prorate_rest(facts["price_kopecks"], days, of_days)
        sign = -1 if facts["is_refund"] else 1
        part = Part(facts["code"], facts["name"], "", sign * full, days, of_days)
        return replace(common, parts=(part, *_discount_parts(facts, full - recompute_charge(facts), is_off=True)))
    if entry.what in _FEES_OF_SERVICES:
        return replace(
            common,
            parts=(
                Part(facts["code"], facts["name"], "", facts["price_kopecks"]),
                *_discount_parts(facts, facts["price_kopecks"]),
            ),
            period_start_on=date.fromisoformat(facts["period_start"]),
            period_end_on=date.fromisoformat(facts["period_end"]),
        )
    if entry.what == "top_up":
        return replace(common, paid_kopecks=facts["paid_kopecks"], paid_from=facts["source"])
    if entry.what == "adjustment":
        return replace(common, words=facts["words"])
    if entry.what == "opening":
        return replace(common, paid_kopecks=facts["opening_kopecks"])
    return common


def _discount_parts(facts: Mapping[str, Any], kopecks: int, *, is_off: bool = False) -> tuple[Part, ...]:
    """What the fee's discount took off so many kopecks; of a share it is known already."""
    if not facts.get("discount"):
        return ()
    return (Part(DISCOUNT, facts["discount"]["name"], "", -(kopecks if is_off else recompute_off(facts, kopecks))),)


_FEES_OF_SERVICES = ("option_fee", "bundle")


def _version_in(facts: Mapping[str, Any]) -> int | None:
    """The plan's version; a fee and a record call it differently."""
    return facts.get("plan_version", facts.get("version"))


def _part(plan: Plan | None, code: str, kopecks: int) -> Part:
    setting_code, _, step_code = code.partition(":")
    for setting in plan.settings if plan else ():
        for step in setting.steps:
            if (setting.code, step.code) == (setting_code, step_code):
                return Part(code, setting.name, step.name, kopecks)
    return Part(code, plan.name if plan else "", "", kopecks)


# --- whose it is -----------------------------------------------------------------------------------------------------


class _Who(NamedTuple):
    subscriber: Subscriber
    plans: Sequence[tuple[PlanSubscription, PlanFacts]]  # the newest first
    usage_kept_from: datetime | None

    def subscription_at(self, facts: Mapping[str, Any], at: datetime) -> tuple[PlanSubscription, Plan] | None:
        """The subscription that held at the moment, to the plan version that the facts name."""
        wanted = facts.get("plan"), _version_in(facts)
        for subscription, version in self.plans:
            if (version.plan.code, version.plan.version) == wanted and subscription.started_at <= at:
                return subscription, version.plan
        return None

    def plan_at(self, facts: Mapping[str, Any], at: datetime) -> Plan | None:
        """The plan version that the facts name."""
        found = self.subscription_at(facts, at)
        return found[1] if found else None


def _get_who(session: Session, subscriber_id: int) -> _Who:
    rows = session.execute(_WHO, {"subscriber_id": subscriber_id}).all()
    if not rows:
        raise NotFound
    of_plans = [
        (subscription, catalogue.facts_of(session, subscription.plan_version_id, digest, is_archived))
        for _, subscription, _, digest, is_archived in rows
        if subscription is not None
    ]
    return _Who(rows[0][0], of_plans, rows[0][2])


# --- places in the statement -----------------------------------------------------------------------------------------

_POSTING, _USAGE = 1, 0  # of what happened at one moment, money stands above usage that cost nothing
_RANKS = {"p": _POSTING, "u": _USAGE}
_LINE_ID = re.compile(r"([pu])([0-9]{1,18})")
_PLACE = re.compile(r"(-?[0-9]{1,17})([pu])([0-9]{1,18})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class _Place(NamedTuple):
    """Where a line stands: places compare as lines do, and nothing that comes later can move one."""

    at: datetime
    rank: int
    number: int


def _write_place(place: _Place) -> str:
    return f"{(place.at - _EPOCH) // _MICROSECOND}{'up'[place.rank]}{place.number}"


def _read_place(text: str) -> _Place:
    found = _PLACE.fullmatch(text)
    if found is None:
        raise NotFound
    try:
        return _Place(_EPOCH + int(found[1]) * _MICROSECOND, _RANKS[found[2]], int(found[3]))
    except OverflowError:
        raise NotFound from None


_BEFORE: Any = _Place(bindparam("before_at"), 0, bindparam("before_number"))  # type: ignore[arg-type]
"""A place in a statement that is built once."""


def _is_before(moment: Any, number: Any, place: _Place, rank: int) -> Any:
    """The condition for a row of that rank to stand below the place; its first half is what an index can use."""
    if rank < place.rank:
        return moment <= place.at
    if rank > place.rank:
        return moment < place.at
    return and_(moment <= place.at, or_(moment < place.at, number < place.number))


# --- what is looked for ----------------------------------------------------------------------------------------------

_CATEGORY_WORDS = {
    Category.PLAN_FEE: "абонентская плата тариф plan fee monthly",
    Category.SERVICES: "услуги подписки services subscriptions",
    Category.PACKAGES: "пакеты packages",
    Category.CALLS: "звонки calls",
    Category.CALLS_ABROAD: "звонки за границу международные calls abroad international",
    Category.SMS: "sms смс сообщения messages",
    Category.INTERNET: "интернет internet",
    Category.ROAMING: "роуминг roaming",
    Category.OTHER: "другое прочее other",
}
_KIND_WORDS = {
    "plan_fee": "абонентская плата plan fee",
    "top_up": "пополнение платёж оплата top-up payment",
    "opening": "остаток перенос opening balance",
    "reversal": "возврат отмена refund reversal",
    "top_up_refund": "возврат пополнения на карту refund card",
    "promised_return": "возврат обещанный платёж promised payment",
    "promised_fee": "плата обещанный платёж promised payment fee",
    "adjustment": "корректировка счёта исправление возврат adjustment",
}
_CHARGE_WORDS: dict[str, str] = {
    PROMISED: "обещанный платёж promised payment",
    GIFT: "подарок акция gift promotion",
    ChargeKind.PLAN_FEE: "тариф plan",
    ChargeKind.SWITCH: "переход на тариф plan switch",
    ChargeKind.OPTION_FEE: "услуга service",
    ChargeKind.BUNDLE: "пакет package",
}
_USAGE_WORDS = {
    UsageKind.VOICE: "звонок вызов разговор минуты call minutes",
    UsageKind.SMS: "sms смс сообщение message",
    UsageKind.DATA: "интернет трафик гигабайты internet data gigabytes",
}
_DIRECTION_WORDS = {Direction.IN: "входящий входящее incoming", Direction.OUT: "исходящий исходящее outgoing"}


class _Wanted(NamedTuple):
    """Lines of the days [start, end) below `before` that have all the words and one of the categories (none: any)."""

    start_on: date
    end_on: date
    before: _Place | None
    words: tuple[str, ...]
    categories: frozenset[Category]
    direction: LineDirection | None

    def has_category(self, line: Line) -> bool:
        return not self.categories or line.category in self.categories

    def has(self, line: Line) -> bool:
        """Whether the line, of the right time and direction, is looked for."""
        if not self.has_category(line):
            return False
        names = _names(line)
        return all(word in names or _is_in_peer(word, line.peer) for word in self.words)


_NUMBER = re.compile(r"\+?[0-9(][0-9 ()-]*[0-9]")


def _words_of(search: str) -> tuple[str, ...]:
    """The words looked for, as they are compared. Numbers written with spaces and brackets are one word."""
    text = "".join(char if char.isprintable() else " " for char in search[:LONGEST_SEARCH])
    text = _NUMBER.sub(lambda found: re.sub(r"[^0-9]", "", found[0]), text)
    return tuple(_plain(text).split())


def _plain(text: str) -> str:
    return text.lower().replace("ё", "е")


def _names(line: Line) -> str:
    words = [_KIND_WORDS.get(line.kind, "")]
    if line.category:
        words.append(_CATEGORY_WORDS[line.category])
    if line.usage_kind is None or line.usage_direction is None:
        words += [line.name or line.plan_name, _CHARGE_WORDS[line.charge] if line.charge else ""]
    else:
        words += [_USAGE_WORDS[line.usage_kind], line.zone_name, line.destination]
        if line.usage_kind != UsageKind.DATA:
            words.append(_DIRECTION_WORDS[line.usage_direction])
    return _plain(" ".join(words))


def _is_named(word: str, line: Line) -> bool:
    return word in _names(line)


def _is_in_peer(word: str, peer: str) -> bool:
    """Whether the other party's name or number has it; a number may be looked for as it is dialled here."""
    return word in peer.lower() or (_is_dialled(word) and peer.endswith(f"7{word[1:]}"))


def _is_dialled(word: str) -> bool:
    return len(word) == 11 and word[0] == "8"


# --- money -----------------------------------------------------------------------------------------------------------


class _Entry(NamedTuple):
    """A line, its place, and what explains it: `what` and `facts` are the ledger's, of a reversal those reversed."""

    place: _Place
    line: Line
    what: str
    facts: Mapping[str, Any]
    charged_at: datetime
    debt_after_kopecks: int | None = None
    reversed_line_id: str = ""


def _list_money(session: Session, who: _Who, wanted: _Wanted, limit: int) -> list[_Entry]:
    """The newest `limit` lines that are wanted."""
    if wanted.categories:  # the sums by day know where they are
        days = list_spending(session, who.subscriber.id or 0, wanted.start_on, wanted.end_on)
        days_on = [day_on for day_on, category, _ in days if category in wanted.categories]
        if not days_on:
            return []
        wanted = wanted._replace(start_on=min(days_on), end_on=max(days_on) + timedelta(days=1))
    accounts = _own_accounts(session, who)
    may_be = _may_be_wanted(who, wanted)
    found: list[_Entry] = []
    before = wanted.before
    while len(found) < limit:  # what the database lets through may not be wanted, or be half of a line
        heads = _newest_postings(session, list(accounts), wanted, before, limit + 1, may_be)
        numbers = {row.id for row in heads}
        entries = _money_entries(session, who, list({row.transaction_id for row in heads}), accounts)
        found += [entry for entry in entries if entry.place.number in numbers and wanted.has(entry.line)]
        if len(heads) <= limit:
            break
        before = _Place(heads[-1].happened_at, _POSTING, heads[-1].id)
    return sorted(found, key=lambda entry: entry.place, reverse=True)[:limit]


def _may_be_wanted(who: _Who, wanted: _Wanted) -> list[Any]:
    """Conditions that leave out most of the usage that is not looked for. The rest of money is not much of it."""
    facts = _posting.c.explanation
    columns = facts["kind"].as_string(), facts["direction"].as_string(), facts["zone"].as_string()
    of_category, of_words = [], []
    if wanted.categories:
        of_category.append(_is_one_of(who, columns, wanted.has_category))
    for word in wanted.words:
        with_peer = select(_record.c.id).where(
            _record.c.subscriber_id == who.subscriber.id,
            _record.c.started_at == _posting.c.happened_at,
            _record.c.record_id == func.substr(_transaction.c.reference, len("usage:") + 1),
            _has_peer(word),
        )
        of_words.append(or_(_is_one_of(who, columns, partial(_is_named, word)), with_peer.exists()))
    is_no_usage = columns[2].is_(None)  # only usage has a zone
    return [or_(is_no_usage, condition) for condition in of_category + of_words]


def _own_accounts(session: Session, who: _Who) -> dict[int, AccountKind]:
    return dict(session.execute(_ACCOUNTS, {"subscriber_id": who.subscriber.id}).all())


def _newest_postings(
    session: Session,
    own: Sequence[int],
    wanted: _Wanted,
    before: _Place | None,
    many: int,
    conditions: Sequence[Any],
) -> Sequence[Any]:
    """The newest postings between these accounts and others: of each account from its own end of an index."""
    if not own:
        return ()
    build = _select_newest if conditions else _known_newest
    statement = build(
        len(own), wanted.direction, before.rank if before else None, bool(wanted.words), tuple(conditions)
    )
    given: dict[str, Any] = {f"own_{number}": account_id for number, account_id in enumerate(own)}
    given |= {"own": own, "start": _midnight(wanted.start_on), "end": _midnight(wanted.end_on), "many": many}
    if before is not None:
        given |= {"before_at": before.at, "before_number": before.number}
    return session.execute(statement, given).all()


def _select_newest(
    accounts: int, direction: LineDirection | None, below: int | None, has_words: bool, conditions: tuple[Any, ...]
) -> Select[Any]:
    """Of so many accounts: `own` and each of them as `own_0`, `own_1`, …; `below`: the rank of the place above them."""
    sides = []
    if direction != LineDirection.IN:
        sides.append((_posting.c.source_id, _posting.c.destination_id))
    if direction != LineDirection.OUT:
        sides.append((_posting.c.destination_id, _posting.c.source_id))
    moment, number = _posting.c.happened_at, _posting.c.id
    many: BindParameter[int] = bindparam("many")
    parts = []
    for account in range(accounts):
        for side, other in sides:
            part = select(_posting.c.id, _posting.c.transaction_id, _posting.c.happened_at).where(
                side == bindparam(f"own_{account}"),
                other.not_in(bindparam("own", expanding=True)),
                moment >= bindparam("start"),
                moment < bindparam("end"),
                *conditions,
            )
            if below is not None:
                part = part.where(_is_before(moment, number, _BEFORE._replace(rank=below), _POSTING))
            if has_words:  # their conditions ask for whom it was with
                part = part.join(_transaction, _transaction.c.id == _posting.c.transaction_id)
            parts.append(part.order_by(moment.desc(), number.desc()).limit(many).subquery())
    together = union_all(*(select(*part.c) for part in parts)).subquery()
    return select(*together.c).order_by(together.c.happened_at.desc(), together.c.id.desc()).limit(many)


_known_newest = cache(_select_newest)
"""Without conditions there are few shapes, and to build one takes longer than to run it."""


def _money_entries(
    session: Session, who: _Who, transaction_ids: Sequence[int], accounts: Mapping[int, AccountKind] | None = None
) -> list[_Entry]:
    """The lines that these transactions made in the subscriber's statement, if they are the subscriber's."""
    if not transaction_ids:
        return []
    accounts = accounts if accounts is not None else _own_accounts(session, who)
    rows = [
        row
        for row in _list_postings(session, transaction_ids)
        if (row.source_id in accounts) != (row.destination_id in accounts)
    ]
    reversed_ids = {row.reverses_id for row in rows if row.reverses_id is not None}
    originals = {row.id: row for row in _list_postings(session, list(reversed_ids))} if reversed_ids else {}
    # What explains each posting, and the postings that have one explanation together.
    explained: dict[tuple[int, str], list[tuple[Any, Any]]] = {}
    for row in rows:
        origin = originals[row.explanation["posting_id"]] if row.reverses_id is not None else row
        together = json.dumps(origin.explanation, sort_keys=True)
        explained.setdefault((row.transaction_id, together), []).append((row, origin))
    peers = _list_peers(session, who, [pairs[0][1] for pairs in explained.values()])
    others = {row.destination_id if row.source_id in accounts else row.source_id for row in rows}
    income = {account_id for account_id, code in session.execute(_CODES, {"ids": list(others)}) if is_income(code)}
    return [_money_entry(who, pairs, accounts, peers, income) for pairs in explained.values()]


def _list_postings(session: Session, transaction_ids: Sequence[int]) -> Sequence[Any]:
    return session.execute(_POSTINGS, {"ids": list(transaction_ids)}).all()


def _list_peers(session: Session, who: _Who, postings: Sequence[Any]) -> dict[str, str]:
    """Whom the usage that these postings charged was with, as far as its records are kept; by reference."""
    charged = [row for row in postings if row.reference.startswith("usage:")]
    if not charged:
        return {}
    rows = session.execute(
        select(_record.c.record_id, _record.c.peer).where(
            _record.c.subscriber_id == who.subscriber.id,
            _record.c.started_at.in_({row.happened_at for row in charged}),
            _record.c.record_id.in_([row.reference.removeprefix("usage:") for row in charged]),
        )
    )
    return {f"usage:{record_id}": peer for record_id, peer in rows}


def _money_entry(
    who: _Who,
    pairs: Sequence[tuple[Any, Any]],
    accounts: Mapping[int, AccountKind],
    peers: Mapping[str, str],
    income: Collection[int],
) -> _Entry:
    """The line of postings that are explained together, each with the one that it reverses, or itself."""
    amount, is_spending = 0, False
    after: dict[AccountKind, int] = {}
    for row, _ in pairs:
        is_out = row.source_id in accounts
        own_id, other_id = (row.source_id, row.destination_id) if is_out else (row.destination_id, row.source_id)
        amount += -row.amount_kopecks if is_out else row.amount_kopecks
        after[accounts[own_id]] = row.source_balance_kopecks if is_out else row.destination_balance_kopecks
        is_spending = is_spending or other_id in income
    last, origin = pairs[-1]
    facts = origin.explanation
    line = _line(
        who.plan_at(facts, origin.happened_at),
        facts,
        id=f"p{last.id}",
        source=Source.POSTING,
        kind=last.kind,
        category=category_of(origin.kind, facts) if is_spending else None,
        happened_at=last.happened_at,
        amount_kopecks=amount,
        balance_after_kopecks=after.get(AccountKind.MAIN),
        peer=peers.get(origin.reference, ""),
    )
    return _Entry(
        _Place(last.happened_at, _POSTING, last.id),
        line,
        origin.kind,
        facts,
        origin.happened_at,
        after.get(AccountKind.DEBT),
        f"p{max(origin.id for _, origin in pairs)}" if last.reverses_id is not None else "",
    )


def _line(plan: Plan | None, facts: Mapping[str, Any], **known: Any) -> Line:
    """A line with what the facts say of the usage, if there was any."""
    plan_name = plan.name if plan else ""
    if "zone" not in facts:
        charge = facts["kind"] if facts.get("kind") in _CHARGE_WORDS else None
        return Line(plan_name=plan_name, charge=charge, name=facts["name"] if charge else "", **known)
    zone = plan.zones.get(facts["zone"]) if plan else None
    return Line(
        plan_name=plan_name,
        usage_kind=UsageKind(facts["kind"]),
        usage_direction=Direction(facts["direction"]),
        quantity=facts["quantity"],
        zone=facts["zone"],
        zone_name=zone.name if zone else "",
        destination=zone.destination if zone else "",
        **known,
    )


# --- usage that cost nothing -----------------------------------------------------------------------------------------


def _list_included(session: Session, who: _Who, wanted: _Wanted, limit: int) -> list[_Entry]:
    query = _select_included(who).where(
        _record.c.started_at >= _midnight(wanted.start_on), _record.c.started_at < _midnight(wanted.end_on)
    )
    if wanted.before is not None:
        query = query.where(_is_before(_record.c.started_at, _record.c.id, wanted.before, _USAGE))
    columns = _record.c.kind, _record.c.direction, _record.c.zone
    if wanted.categories:
        query = query.where(_is_one_of(who, columns, wanted.has_category))
    for word in wanted.words:
        query = query.where(or_(_is_one_of(who, columns, partial(_is_named, word)), _has_peer(word)))
    rows = session.execute(query.order_by(_record.c.started_at.desc(), _record.c.id.desc()).limit(limit))
    return [_included_entry(who, row) for row in rows]


def _is_one_of(who: _Who, columns: tuple[Any, Any, Any], is_wanted: Callable[[Line], bool]) -> Any:
    """The condition for usage to be of a kind, direction and zone that is wanted: the plans name all there can be."""
    zones: dict[tuple[str, str], set[str]] = {}
    for _, version in who.plans:
        for kind, direction, zone in version.rates.rules:
            facts = {"kind": kind, "direction": direction, "zone": zone, "quantity": 0}
            if is_wanted(_included_line(version.plan, facts)):
                zones.setdefault((str(kind), str(direction)), set()).add(zone)
    kinds, directions, places = columns
    return or_(
        false(),
        *(
            and_(kinds == kind, directions == direction, places.in_(sorted(several)))
            for (kind, direction), several in zones.items()
        ),
    )


def _has_peer(word: str) -> Any:
    """The condition for what `_is_in_peer` says."""
    peer = func.lower(_record.c.peer)
    has = peer.contains(word, autoescape=True)
    return or_(has, peer.endswith(f"7{word[1:]}", autoescape=True)) if _is_dialled(word) else has


def _select_included(who: _Who) -> Any:
    columns = (_record.c.id, _record.c.started_at, _record.c.peer, _record.c.rating)
    return select(*columns).where(_record.c.subscriber_id == who.subscriber.id, _record.c.charge_kopecks == 0)


def _included_entry(who: _Who, row: Any) -> _Entry:
    plan = who.plan_at(row.rating, row.started_at)
    line = _included_line(plan, row.rating, id=f"u{row.id}", happened_at=row.started_at, peer=row.peer)
    return _Entry(_Place(row.started_at, _USAGE, row.id), line, "usage", row.rating, row.started_at)


def _included_line(
    plan: Plan | None, facts: Mapping[str, Any], *, id: str = "", happened_at: datetime = _EPOCH, peer: str = ""
) -> Line:
    return _line(
        plan,
        facts,
        id=id,
        source=Source.USAGE,
        kind="usage",
        category=category_of("usage", facts),
        happened_at=happened_at,
        amount_kopecks=0,
        balance_after_kopecks=None,
        peer=peer,
    )
