"""The dashboard's figures: what a subscriber has, what will be charged next, what this month has cost.

Figures only: kopecks, seconds, messages, bytes and instants. Every query is bounded by one subscriber and, where it
reads history, by two months, so the cost grows with what is shown and not with what the operator has.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from functools import cache
from itertools import accumulate
from typing import Any

from sqlalchemy import Select, Table, bindparam, union_all
from sqlalchemy import select as select_of
from sqlmodel import Session, col, select

from cabinet import clock, ledger
from cabinet.domain.allowances import UsageKind
from cabinet.domain.catalogue import Plan
from cabinet.domain.effects import ItemKind, OptionState, Schedule, read_effects
from cabinet.domain.errors import NotFound
from cabinet.domain.promotions import coming_fees
from cabinet.models.base import metadata
from cabinet.models.catalogue import PlanVersion
from cabinet.models.ledger import AccountKind, Posting
from cabinet.models.options import OptionSubscription
from cabinet.models.orders import ScheduledChange
from cabinet.models.subscribers import Subscriber
from cabinet.models.tariffs import PlanSubscription, SubscriptionState
from cabinet.services import catalogue, discounts, expenses

LAST_OPERATIONS = 5
PACE_NEEDS = timedelta(days=3)  # a forecast from less would be a guess
FORESEEABLE = timedelta(days=366)
TRIAL_ENDS_SOON = timedelta(days=3)

# The page that is asked for most: to build these statements takes longer than to run them, so each is built once.

_account: Table = metadata.tables["account"]
_allowance: Table = metadata.tables["allowance"]
_transaction: Table = metadata.tables["ledger_transaction"]
_posting: Table = metadata.tables["posting"]

_WHO = (
    select_of(Subscriber, PlanSubscription, ScheduledChange, col(PlanVersion.digest), col(PlanVersion.is_archived))
    .outerjoin(
        PlanSubscription,
        (col(PlanSubscription.subscriber_id) == col(Subscriber.id)) & col(PlanSubscription.ended_at).is_(None),
    )
    .outerjoin(PlanVersion, col(PlanVersion.id) == col(PlanSubscription.plan_version_id))
    .outerjoin(
        ScheduledChange,
        (col(ScheduledChange.subscriber_id) == col(Subscriber.id))
        & col(ScheduledChange.applied_at).is_(None)
        & col(ScheduledChange.cancelled_at).is_(None),
    )
    .where(col(Subscriber.id) == bindparam("subscriber_id"))
)
_ACCOUNTS = select_of(
    _account.c.id, _account.c.kind, _account.c.balance_kopecks, _account.c.credit_limit_kopecks
).where(_account.c.subscriber_id == bindparam("subscriber_id"))
_OPTIONS = select_of(OptionSubscription).where(
    col(OptionSubscription.subscriber_id) == bindparam("subscriber_id"),
    col(OptionSubscription.ended_at).is_(None),
    col(OptionSubscription.state).in_((OptionState.SUSPENDED, OptionState.TRIAL)),
)
_ALLOWANCES = select_of(
    *(_allowance.c.kind, _allowance.c.scope, _allowance.c.granted, _allowance.c.remaining),
    *(_allowance.c.is_unlimited, _allowance.c.valid_from, _allowance.c.valid_until),
).where(
    _allowance.c.subscriber_id == bindparam("subscriber_id"),
    _allowance.c.valid_until > bindparam("now"),
    _allowance.c.valid_from <= bindparam("now"),
)
_OPERATIONS = (
    select_of(
        *(_posting.c.transaction_id, _posting.c.source_id, _posting.c.destination_id, _posting.c.amount_kopecks),
        *(_posting.c.explanation, _transaction.c.kind, _transaction.c.happened_at),
    )
    .join(_posting, _posting.c.transaction_id == _transaction.c.id)
    .where(_transaction.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(_posting.c.id)
)


@dataclass(frozen=True, slots=True)
class NextCharge:
    """The plan's next fee; of a suspended number the one of the present period, which no money was there for.

    What is paid in goes into a debt first, so the shortage is what is lacking for both; of a number that is suspended
    for its debt in a period that is paid (`at` is ahead), for the debt alone. Shortage 0: the money will do, until
    `enough_until` (None: for more than a year). `full_kopecks`: the fee without the discount that it has; 0: it
    has none.
    """

    at: datetime
    amount_kopecks: int
    shortage_kopecks: int
    enough_until: datetime | None
    full_kopecks: int = 0


@dataclass(frozen=True, slots=True)
class AllowanceLeft:
    """All allowances of one kind and scope, valid now, as one figure; quantities in the kind's own unit.

    `expiring` of what remains ends at `expires_at`, the nearest end. An unlimited one has no quantities.
    The forecast, where there is one, says when all of it is gone at the present pace; None: it lasts.
    """

    kind: UsageKind
    scope_name: str
    is_unlimited: bool
    granted: int
    remaining: int
    expiring: int
    expires_at: datetime
    has_forecast: bool
    runs_out_at: datetime | None

    @property
    def share_percent(self) -> int:
        """What remains of what was granted, 0 to 100; not 0 while anything remains."""
        if not self.granted or not self.remaining:
            return 0
        return max(self.remaining * 100 // self.granted, 1)


@dataclass(frozen=True, slots=True)
class Expenses:
    """A calendar month of the operator's time zone against the one before. Totals run from the month's first day.

    `days` ends today; `previous_days` is the whole month before, empty for who was no subscriber then;
    `expected_days` goes from today to the month's end, raised by the fees that are already known.
    """

    month_on: date
    days_in_month: int
    days: tuple[int, ...]
    previous_days: tuple[int, ...]
    expected_days: tuple[int, ...]

    @property
    def spent_kopecks(self) -> int:
        """So far this month."""
        return self.days[-1]

    @property
    def expected_kopecks(self) -> int:
        """By the end of the month, with the fees that are already known."""
        return self.expected_days[-1]

    @property
    def previous_to_date_kopecks(self) -> int | None:
        """By the same day of the month before; None where there is nothing to compare with."""
        if not self.previous_days:
            return None
        return self.previous_days[min(len(self.days), len(self.previous_days)) - 1]


@dataclass(frozen=True, slots=True)
class Operation:
    """What happened to the subscriber's money. Negative is money out; `explanation` is the ledger's own.

    `destination` follows “Звонок” and `zone_name` names the zone or traffic class where it was usage.
    """

    transaction_id: int
    kind: str
    happened_at: datetime
    amount_kopecks: int
    explanation: dict[str, Any]
    zone_name: str
    destination: str


@dataclass(frozen=True, slots=True)
class PlannedPlan:
    """What the plan will be from that moment on; with the present plan's own name: other settings of it."""

    at: datetime
    name: str
    is_same_plan: bool
    fee_kopecks: int
    code: str = ""


@dataclass(frozen=True, slots=True)
class OptionToMind:
    """A service or monthly package that wants something of the subscriber: `trial_until` of a trial that ends soon,
    None of one that does not work because its fee is not paid."""

    name: str
    is_bundle: bool
    trial_until: datetime | None


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything on the dashboard, as of one moment."""

    as_of: datetime
    msisdn: str
    name: str
    plan_name: str
    main_kopecks: int
    bonus_kopecks: int
    debt_kopecks: int
    credit_limit_kopecks: int
    is_suspended: bool
    next_charge: NextCharge | None
    planned: PlannedPlan | None
    options: tuple[OptionToMind, ...]
    allowances: tuple[AllowanceLeft, ...]
    expenses: Expenses
    operations: tuple[Operation, ...]


def get_overview(session: Session, subscriber_id: int, *, now: datetime) -> Overview:
    """The figures of the dashboard at that moment, from one snapshot of the database.

    Raises:
        NotFound: there is no such subscriber.
    """
    subscriber, subscription, waiting, plan = _get_subscriber(session, subscriber_id)
    accounts = {account.kind: account for account in session.execute(_ACCOUNTS, {"subscriber_id": subscriber_id}).all()}
    fee, fees_at = 0, list[datetime]()
    if subscription and plan and (fee := plan.fee_for(subscriber.region, subscription.settings)):
        fees_at = expenses.list_coming_fees(subscription, plan, now=now, until=now + FORESEEABLE)
    planned = _planned(waiting, plan) if waiting and plan else None
    fee, fees_at = _to_come(fee, fees_at, planned)
    fees = _discounted(session, subscriber_id, plan, planned, fee, fees_at)
    main = accounts.get(AccountKind.MAIN)
    debt = -_balance(accounts, AccountKind.DEBT)
    available = main.balance_kopecks + main.credit_limit_kopecks if main else 0
    is_suspended = subscription is not None and subscription.state == SubscriptionState.SUSPENDED
    ids = [account.id for account in accounts.values() if account.id is not None]
    return Overview(
        as_of=now,
        msisdn=subscriber.msisdn,
        name=subscriber.name,
        plan_name=plan.name if plan else "",
        main_kopecks=_balance(accounts, AccountKind.MAIN),
        bonus_kopecks=_balance(accounts, AccountKind.BONUS),
        debt_kopecks=debt,
        credit_limit_kopecks=main.credit_limit_kopecks if main else 0,
        is_suspended=is_suspended,
        next_charge=_next_charge(fees, fee, available - debt, owes=is_suspended and min(fees_at, default=now) > now),
        planned=planned,
        options=_list_options(session, subscriber_id, now=now),
        allowances=list_allowances(session, subscriber_id, plan, now=now),
        expenses=_get_expenses(session, subscriber, [] if is_suspended else fees, now=now),
        operations=_list_operations(session, ids, plan),
    )


def get_next_charge(session: Session, subscriber_id: int, *, now: datetime) -> NextCharge | None:
    """The next fee of the plan and what it lacks; None for a plan without a fee.

    Raises:
        NotFound: there is no such subscriber.
    """
    subscriber, subscription, waiting, plan = _get_subscriber(session, subscriber_id)
    if subscription is None or plan is None:
        return None
    fee = plan.fee_for(subscriber.region, subscription.settings)
    if not fee:
        return None
    coming = expenses.list_coming_fees(subscription, plan, now=now, until=now + FORESEEABLE)
    planned = _planned(waiting, plan) if waiting else None
    fee, fees_at = _to_come(fee, coming, planned)
    fees = _discounted(session, subscriber_id, plan, planned, fee, fees_at)
    balances = ledger.balance(session, subscriber_id)
    owes = subscription.state == SubscriptionState.SUSPENDED and min(fees_at, default=now) > now
    return _next_charge(fees, fee, balances.available + balances.debt, owes=owes)


def _get_subscriber(
    session: Session, subscriber_id: int
) -> tuple[Subscriber, PlanSubscription | None, ScheduledChange | None, Plan | None]:
    found = session.execute(_WHO, {"subscriber_id": subscriber_id}).first()
    if found is None:
        raise NotFound
    subscriber, subscription, waiting, digest, is_archived = found
    plan = catalogue.facts_of(session, subscription.plan_version_id, digest, is_archived).plan if subscription else None
    return subscriber, subscription, waiting, plan


def _balance(accounts: dict[AccountKind, Any], kind: AccountKind) -> int:
    return accounts[kind].balance_kopecks if kind in accounts else 0


# --- what will be charged ---------------------------------------------------------------------------------------------


_Fees = list[tuple[datetime, int]]


def _next_charge(fees: _Fees, full_kopecks: int, available: int, *, owes: bool) -> NextCharge | None:
    if not fees:
        return None
    at, kopecks = fees[0]
    shortage = max((0 if owes else kopecks) - available, 0)
    totals = zip((fee_at for fee_at, _ in fees), accumulate(fee for _, fee in fees), strict=True)
    not_covered = next((fee_at for fee_at, total in totals if total > max(available, 0)), None)
    return NextCharge(
        at,
        kopecks,
        shortage,
        None if shortage else not_covered,
        full_kopecks if full_kopecks != kopecks else 0,
    )


def _discounted(
    session: Session,
    subscriber_id: int,
    plan: Plan | None,
    planned: PlannedPlan | None,
    fee: int,
    fees_at: list[datetime],
) -> _Fees:
    """Each coming fee with what it comes to."""
    held = discounts.list_held(session, [subscriber_id]).get(subscriber_id, ()) if fees_at else ()
    code = planned.code if planned else plan.code if plan else ""
    return list(zip(fees_at, coming_fees(held, code, fee, len(fees_at)), strict=True))


# --- what wants to be seen to -----------------------------------------------------------------------------------------


def _to_come(fee: int, fees_at: list[datetime], planned: PlannedPlan | None) -> tuple[int, list[datetime]]:
    """The coming fees: those of the planned change, where it begins by the next one."""
    if planned is None or not fees_at or planned.at > fees_at[0]:
        return fee, fees_at
    return planned.fee_kopecks, fees_at if planned.fee_kopecks else []


def _planned(waiting: ScheduledChange, plan: Plan) -> PlannedPlan | None:
    for effect in read_effects(waiting.effects):
        if isinstance(effect, Schedule):
            after = effect.change.after
            return PlannedPlan(waiting.due_at, after.name, after.code == plan.code, after.fee_kopecks, after.code)
    return None


def _list_options(session: Session, subscriber_id: int, *, now: datetime) -> tuple[OptionToMind, ...]:
    """What does not work first, then trials by their ends."""
    rows = session.execute(_OPTIONS, {"subscriber_id": subscriber_id}).scalars().all()
    soon = [
        row
        for row in rows
        if row.state == OptionState.SUSPENDED
        or (row.trial_until is not None and now <= row.trial_until < now + TRIAL_ENDS_SOON)
    ]
    if not soon:
        return ()
    services = catalogue.get_options(session, [row.option_version_id for row in soon if row.option_version_id])
    bundles = catalogue.get_bundles(session, [row.bundle_version_id for row in soon if row.bundle_version_id])
    found = [
        OptionToMind(
            name=services[row.option_version_id].name
            if row.option_version_id
            else bundles[row.bundle_version_id or 0].name,
            is_bundle=row.item == ItemKind.BUNDLE,
            trial_until=row.trial_until if row.state == OptionState.TRIAL else None,
        )
        for row in soon
    ]
    return tuple(sorted(found, key=lambda one: (one.trial_until is not None, one.trial_until or now, one.name)))


# --- what is left -----------------------------------------------------------------------------------------------------

_ORDER = (UsageKind.DATA, UsageKind.VOICE, UsageKind.SMS)
_SECOND = timedelta(seconds=1)


def list_allowances(
    session: Session, subscriber_id: int, plan: Plan | None, *, now: datetime
) -> tuple[AllowanceLeft, ...]:
    """What is left, those of the plan and all others together: data, voice, messages, then those limited to a scope."""
    groups: dict[tuple[UsageKind, str], list[Any]] = {}
    for row in session.execute(_ALLOWANCES, {"subscriber_id": subscriber_id, "now": now}):
        groups.setdefault((row.kind, row.scope), []).append(row)
    zones = plan.zones if plan else {}
    ordered = sorted(groups, key=lambda key: (bool(key[1]), _ORDER.index(key[0]), key[1]))
    return tuple(
        _left(groups[kind, scope], zones[scope].name if scope in zones else scope, now=now) for kind, scope in ordered
    )


def _left(rows: list[Any], scope_name: str, *, now: datetime) -> AllowanceLeft:
    granted, remaining = sum(row.granted for row in rows), sum(row.remaining for row in rows)
    expires_at = min(row.valid_until for row in rows if row.remaining or row.is_unlimited or not remaining)
    since, until = min(row.valid_from for row in rows), max(row.valid_until for row in rows)
    has_forecast = remaining > 0 and now - since >= PACE_NEEDS
    runs_out_at = None
    if has_forecast and granted > remaining:
        seconds = (now - since) // _SECOND * remaining // (granted - remaining)
        if seconds < (until - now) // _SECOND:
            runs_out_at = now + timedelta(seconds=seconds)
    return AllowanceLeft(
        kind=rows[0].kind,
        scope_name=scope_name,
        is_unlimited=any(row.is_unlimited for row in rows),
        granted=granted,
        remaining=remaining,
        expiring=sum(row.remaining for row in rows if row.valid_until == expires_at),
        expires_at=expires_at,
        has_forecast=has_forecast,
        runs_out_at=runs_out_at,
    )


# --- what it has cost -------------------------------------------------------------------------------------------------


def _get_expenses(session: Session, subscriber: Subscriber, fees: _Fees, *, now: datetime) -> Expenses:
    zone = clock.time_zone()
    today = now.astimezone(zone).date()
    month_on = today.replace(day=1)
    previous_on = (month_on - timedelta(days=1)).replace(day=1)
    next_on = (month_on + timedelta(days=32)).replace(day=1)
    by_day: dict[date, int] = {}
    for day, _, kopecks in expenses.list_spending(session, subscriber.id or 0, previous_on, next_on):
        by_day[day] = by_day.get(day, 0) + kopecks

    days = _running(by_day, month_on, today + timedelta(days=1))
    due: dict[date, int] = {today: days[-1]}
    for at, fee in fees:
        day = max(at.astimezone(zone).date(), today)
        due[day] = due.get(day, 0) + fee
    was_here = subscriber.activated_at < _midnight(month_on, zone)
    return Expenses(
        month_on=month_on,
        days_in_month=(next_on - month_on).days,
        days=days,
        previous_days=_running(by_day, previous_on, month_on) if was_here else (),
        expected_days=_running(due, today, next_on),
    )


def _running(by_day: dict[date, int], first_on: date, end_on: date) -> tuple[int, ...]:
    """The running total at the end of each day of [first, end)."""
    days = (first_on + timedelta(days=number) for number in range((end_on - first_on).days))
    return tuple(accumulate(by_day.get(day, 0) for day in days))


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time.min, zone)


# --- what happened last -----------------------------------------------------------------------------------------------


def _list_operations(session: Session, account_ids: list[int], plan: Plan | None) -> tuple[Operation, ...]:
    """The last transactions, each as the sum of what it did to all the subscriber's accounts together.

    What only moves between those accounts is left out: a debt's repayment was shown when the debt was made.
    """
    if not account_ids:
        return ()
    own = {f"own_{number}": account_id for number, account_id in enumerate(account_ids)}
    heads = session.execute(_newest(len(account_ids)), {**own, "own": account_ids}).scalars()
    chosen = list(dict.fromkeys(heads))[:LAST_OPERATIONS]
    found: dict[int, list[Any]] = {}
    for row in session.execute(_OPERATIONS, {"ids": chosen}):
        found.setdefault(row.transaction_id, []).append(row)
    return tuple(_operation(found[transaction_id], set(account_ids), plan) for transaction_id in chosen)


@cache
def _newest(accounts: int) -> Select[tuple[int]]:
    """The newest transactions of so many accounts, `own` and each of them as `own_0`, `own_1`, …: both sides of each by
    an index of its own. To build it takes longer than to run it, so it is built once."""
    newest = [
        select(Posting.transaction_id, Posting.happened_at, Posting.id)
        .where(own == bindparam(f"own_{number}"), other.not_in(bindparam("own", expanding=True)))
        .order_by(col(Posting.happened_at).desc(), col(Posting.id).desc())
        .limit(LAST_OPERATIONS)
        .subquery()
        for number in range(accounts)
        for own, other in (
            (col(Posting.source_id), col(Posting.destination_id)),
            (col(Posting.destination_id), col(Posting.source_id)),
        )
    ]
    ends = union_all(*(select(*part.c) for part in newest)).subquery()
    return select_of(ends.c.transaction_id).order_by(ends.c.happened_at.desc(), ends.c.id.desc())


def _operation(rows: list[Any], own: set[int], plan: Plan | None) -> Operation:
    first = rows[0]
    amount = sum(row.amount_kopecks * ((row.destination_id in own) - (row.source_id in own)) for row in rows)
    zone = plan.zones.get(str(first.explanation.get("zone", ""))) if plan else None
    return Operation(
        transaction_id=first.transaction_id,
        kind=first.kind,
        happened_at=first.happened_at,
        amount_kopecks=amount,
        explanation=first.explanation,
        zone_name=zone.name if zone else "",
        destination=zone.destination if zone else "",
    )
