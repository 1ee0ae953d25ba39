"""The advisor: what a subscriber's own last months would have cost on every tariff and with every setting.

Whole calendar months of the operator's zone, at most six of them: those that are over and that the number had a tariff
for from their first moment to their last. A month lived only partly is left out, never scaled. As in a replay, each
month has fresh packages, and what was bought, kept or switched in between is left out; so are the fees of services.

Discounts of promotions on fees to come count for as long as they last: plans are compared by what as many months to
come would cost, if they are lived as those that are over.

An advice is kept in memory until a record of these months arrives, or the catalogue or the subscriber's tariff changes:
whether that is so is asked of the database each time, so every process is right whoever wrote the record.
"""

from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import partial
from threading import Lock
from typing import NamedTuple

from sqlalchemy import ColumnElement, DateTime, String, Table, and_, func, select, type_coerce
from sqlmodel import Session, col

from cabinet import clock
from cabinet.domain.advice import Month, Overage, Package, Priced, Record, cut, every_settings, price
from cabinet.domain.catalogue import Plan
from cabinet.domain.errors import NotFound
from cabinet.domain.periods import Period, PeriodUnit, period_containing
from cabinet.domain.promotions import HeldDiscount, coming_fees
from cabinet.domain.replay import Offer, offer_of
from cabinet.models.base import metadata
from cabinet.models.catalogue import PlanVersion
from cabinet.models.subscribers import Subscriber
from cabinet.models.tariffs import PlanSubscription
from cabinet.services import catalogue, discounts

MOST_MONTHS = 6
ENOUGH_MONTHS = 3
_MOST_KEPT = 500  # advices, of some kilobytes each
_YEAR = {PeriodUnit.MONTH: 12, PeriodUnit.DAY: 365}  # fees

_record: Table = metadata.tables["usage_record"]


class Confidence(StrEnum):
    """How much the months say about those to come. Nothing is recommended on `NOTHING`."""

    NOTHING = "nothing"  # no whole month yet, or nothing was used in any
    LITTLE = "little"  # fewer than three whole months
    ENOUGH = "enough"


@dataclass(frozen=True, slots=True)
class PlanAdvice:
    """What a plan with these settings would have cost.

    `settings` are the combination that costs least; of equal ones the present one, then the one with the largest fee,
    because it leaves least to chance. `months` are kopecks, the fee and all beyond it, in the order of `Advice.months`;
    `fee_kopecks` is the fee of one `period`. `off_kopecks` is what discounts take off the fees of as many months to
    come, `year_off_kopecks` off those of a year, and `off_fees` how many of those of the months have one;
    `average_kopecks` a month is less by it. `saving_kopecks` a month is negative where the plan would have cost more
    than mine, None where there is nothing to compare with. `overage` and `packages` are of all the months together.
    `unpriced` records are of a kind or zone that the plan cannot be used for: they cost nothing here, so such a plan
    is never recommended.
    """

    plan_version_id: int
    plan_code: str
    name: str
    settings: Mapping[str, str]
    is_mine: bool
    is_for_devices: bool
    fee_kopecks: int
    period: PeriodUnit
    months: tuple[int, ...]
    average_kopecks: int
    saving_kopecks: int | None
    overage: tuple[Overage, ...]
    packages: tuple[Package, ...]
    unpriced: int
    off_kopecks: int = 0
    year_off_kopecks: int = 0
    off_fees: int = 0

    @property
    def total_kopecks(self) -> int:
        """What the months come to, with the discounts."""
        return sum(self.months) - self.off_kopecks


@dataclass(frozen=True, slots=True)
class Advice:
    """`months` are the first days of those compared, the oldest first: fewer than six is all that there are.

    `mine` is my plan with its settings as they are; None: no tariff now, or one that has no price in my region. `plans`
    are the newest versions that are open for joining in my region, and my own whatever its state, each with the best of
    its settings, the cheapest first. `best` is the one of them to move to; None: nothing is better than mine.
    """

    months: tuple[date, ...]
    confidence: Confidence
    mine: PlanAdvice | None
    plans: tuple[PlanAdvice, ...]
    best: PlanAdvice | None


def get_advice(session: Session, subscriber_id: int, *, now: datetime) -> Advice:
    """What each plan would have cost in the subscriber's last whole months.

    Raises:
        NotFound: there is no such subscriber.
    """
    who = _get_who(session, subscriber_id, now=now)
    versions = _list_versions(session, who)
    held = discounts.list_held(session, [subscriber_id]).get(subscriber_id, ())
    months = _whole_months(who, now=now)
    in_months = _is_in(subscriber_id, months)
    count = session.execute(select(func.count()).where(in_months)).scalar_one() if months else 0

    place = str(session.get_bind().engine.url), subscriber_id
    basis = who.region, who.plan_version_id, tuple(who.settings.items()), tuple(months), tuple(versions), held
    kept = _kept.get(place, (count, *basis))
    if kept is not None:
        return kept
    records = _list_records(session, in_months) if months else ()
    plans = [(version, *_sold_in(session, version, who.region)) for version in versions]
    zone = clock.time_zone()
    cuts = cut(records, months, _moment_of)
    lived = [Month(month, of_month, zone, _moment_of) for month, of_month in zip(months, cuts, strict=True)]
    advice = _advise(who, held, lived, plans, has_usage=bool(records))
    _kept.put(place, (len(records), *basis), advice)  # as many as were read: one may have come since they were counted
    return advice


# --- what is kept ----------------------------------------------------------------------------------------------------


class _Kept:
    """The last advices, with what each rests on."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._advices: OrderedDict[Hashable, tuple[Hashable, Advice]] = OrderedDict()
        self._lock = Lock()

    def get(self, place: Hashable, basis: Hashable) -> Advice | None:
        with self._lock:
            rested_on, advice = self._advices.get(place, (None, None))
            if rested_on != basis:
                return None
            self._advices.move_to_end(place)
            return advice

    def put(self, place: Hashable, basis: Hashable, advice: Advice) -> None:
        with self._lock:
            self._advices[place] = basis, advice
            self._advices.move_to_end(place)
            if len(self._advices) > self._most:
                self._advices.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._advices.clear()


_kept = _Kept(_MOST_KEPT)


def forget() -> None:
    """Forgets what is kept: for who writes history anew under the same ids, as tests and benchmarks do."""
    _kept.clear()


# --- what it rests on ------------------------------------------------------------------------------------------------


class _Who(NamedTuple):
    """`lived` are the spans, merged, in which the number had a tariff; an end of None is still to come."""

    region: str
    plan_version_id: int | None
    settings: Mapping[str, str]
    lived: list[tuple[datetime, datetime | None]]


class _Version(NamedTuple):
    id: int
    code: str
    digest: str


def _get_who(session: Session, subscriber_id: int, *, now: datetime) -> _Who:
    rows = session.execute(
        select(
            col(Subscriber.region),
            col(PlanSubscription.plan_version_id),
            col(PlanSubscription.settings),
            col(PlanSubscription.started_at),
            col(PlanSubscription.ended_at),
        )
        .outerjoin(PlanSubscription, col(PlanSubscription.subscriber_id) == col(Subscriber.id))
        .where(col(Subscriber.id) == subscriber_id)
        .order_by(col(PlanSubscription.started_at), col(PlanSubscription.id))
    ).all()
    if not rows:
        raise NotFound
    mine: tuple[int | None, Mapping[str, str]] = None, {}
    lived: list[tuple[datetime, datetime | None]] = []
    for _, plan_version_id, settings, started_at, ended_at in rows:
        if started_at is None or started_at > now:
            continue
        if ended_at is None or ended_at > now:
            mine = plan_version_id, settings
        if lived and (lived[-1][1] is None or started_at <= lived[-1][1]):
            started_at, until = lived.pop()
            ended_at = None if ended_at is None or until is None else max(ended_at, until)
        lived.append((started_at, ended_at))
    return _Who(rows[0].region, *mine, lived)


def _list_versions(session: Session, who: _Who) -> list[_Version]:
    """The newest versions that are open for joining, and mine, in the order in which they were stored."""
    rows = session.execute(
        select(
            col(PlanVersion.id), col(PlanVersion.code), col(PlanVersion.digest), col(PlanVersion.is_archived)
        ).order_by(col(PlanVersion.version))
    ).all()
    newest = {row.code: row.id for row in rows}
    return [
        _Version(row.id, row.code, row.digest)
        for row in sorted(rows)
        if row.id == who.plan_version_id or (row.id == newest[row.code] and not row.is_archived)
    ]


def _whole_months(who: _Who, *, now: datetime) -> list[Period]:
    """Of the last six calendar months that are over, those in which the number had a tariff all the time."""
    zone = clock.time_zone()
    months: list[Period] = []
    end = period_containing(now, 1, PeriodUnit.MONTH, zone).start
    for _ in range(MOST_MONTHS):
        month = period_containing(end - timedelta(microseconds=1), 1, PeriodUnit.MONTH, zone)
        if any(since <= month.start and (until is None or until >= month.end) for since, until in who.lived):
            months.append(month)
        end = month.start
    return months[::-1]


def _is_in(subscriber_id: int, months: Sequence[Period]) -> ColumnElement[bool]:
    """From the first month to the last, what lies between two of them too."""
    conditions = [_record.c.subscriber_id == subscriber_id]
    if months:
        conditions += [_record.c.started_at >= months[0].start, _record.c.started_at < months[-1].end]
    return and_(*conditions)


def _list_records(session: Session, in_months: ColumnElement[bool]) -> Sequence[Record]:
    """In the order of time."""
    columns = (
        type_coerce(_record.c.kind, String),
        type_coerce(_record.c.direction, String),
        _record.c.zone,
        _record.c.quantity,
        type_coerce(_record.c.started_at, DateTime),
    )
    rows = session.execute(select(*columns).where(in_months).order_by(_record.c.started_at, _record.c.id))
    return rows.all()


def _moment_of(record: Record) -> datetime:
    """As `Instant` reads it: a quarter of the time of a whole advice went on reading all of them so."""
    moment: datetime = record[4]
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


# --- the plans -------------------------------------------------------------------------------------------------------


class _Choice(NamedTuple):
    """A plan with one combination of its settings."""

    settings: Mapping[str, str]
    offer: Offer


_sold: dict[tuple[str, str], tuple[Plan, list[_Choice]]] = {}  # by digest and region: a version never changes


def _sold_in(session: Session, version: _Version, region: str) -> tuple[Plan, list[_Choice]]:
    """The plan and what can be had of it in that region: nothing where it is not sold. Made once a process."""
    key = version.digest, region
    if key not in _sold:
        facts = catalogue.get_plan(session, version.id)
        every = every_settings(facts.plan) if facts.plan.is_sold_in(region) else ()
        choices = [_Choice(chosen, offer_of(facts.plan, facts.rates, region, chosen)) for chosen in every]
        _sold[key] = facts.plan, choices
    return _sold[key]


# --- the advice ------------------------------------------------------------------------------------------------------


def _advise(
    who: _Who,
    held: Sequence[HeldDiscount],
    months: Sequence[Month],
    plans: Sequence[tuple[_Version, Plan, list[_Choice]]],
    *,
    has_usage: bool,
) -> Advice:
    mine: PlanAdvice | None = None
    found: list[PlanAdvice] = []
    for version, plan, choices in plans:
        if not choices:
            continue
        is_mine = version.id == who.plan_version_id
        present = plan.chosen(who.settings) if is_mine else None
        priced = price(months, [choice.offer for choice in choices])
        advices = [
            _discounted(_plan_advice(version, plan, choice, one, is_mine=is_mine), one.fees_kopecks, held)
            for choice, one in zip(choices, priced, strict=True)
        ]
        if is_mine:
            mine = next(advice for advice in advices if advice.settings == present)
        found.append(min(advices, key=partial(_preference, present)))
    found = [_compared(advice, mine) for advice in found]
    found.sort(key=lambda advice: (advice.unpriced > 0, advice.total_kopecks, not advice.is_mine, -advice.fee_kopecks))
    confidence = Confidence.ENOUGH if len(months) >= ENOUGH_MONTHS else Confidence.LITTLE
    if not months or not has_usage:
        confidence = Confidence.NOTHING
    return Advice(
        months=tuple(clock.local(month.period.start).date() for month in months),
        confidence=confidence,
        mine=_compared(mine, mine) if mine else None,
        plans=tuple(found),
        best=_best(found, mine) if confidence != Confidence.NOTHING else None,
    )


def _plan_advice(version: _Version, plan: Plan, choice: _Choice, priced: Priced, *, is_mine: bool) -> PlanAdvice:
    return PlanAdvice(
        plan_version_id=version.id,
        plan_code=version.code,
        name=plan.name,
        settings=choice.settings,
        is_mine=is_mine,
        is_for_devices=plan.for_devices,
        fee_kopecks=choice.offer.fee_kopecks,
        period=choice.offer.unit,
        months=priced.months,
        average_kopecks=_average(priced.total_kopecks, len(priced.months)),
        saving_kopecks=None,
        overage=priced.overage,
        packages=priced.packages,
        unpriced=priced.unpriced,
    )


def _discounted(advice: PlanAdvice, fees_kopecks: int, held: Sequence[HeldDiscount]) -> PlanAdvice:
    """With the discounts on as many fees to come as there were in the months, and on those of a year."""
    fee = advice.fee_kopecks
    if not held or not fee:
        return advice
    number = fees_kopecks // fee
    fees = coming_fees(held, advice.plan_code, fee, max(number, _YEAR[advice.period]))
    off = [fee - less for less in fees]
    months_off = sum(off[:number])
    return replace(
        advice,
        average_kopecks=_average(sum(advice.months) - months_off, len(advice.months)),
        off_kopecks=months_off,
        year_off_kopecks=sum(off[: _YEAR[advice.period]]),
        off_fees=sum(1 for one in off[:number] if one),
    )


def _average(kopecks: int, number: int) -> int:
    return (2 * kopecks + number) // (2 * number) if number else 0  # a half is rounded up


def _preference(present: Mapping[str, str] | None, advice: PlanAdvice) -> tuple[int, bool, int]:
    return advice.total_kopecks, advice.settings != present, -advice.fee_kopecks


def _compared(advice: PlanAdvice, mine: PlanAdvice | None) -> PlanAdvice:
    if mine is None or not advice.months:
        return advice
    return replace(advice, saving_kopecks=mine.average_kopecks - advice.average_kopecks)


def _best(plans: Sequence[PlanAdvice], mine: PlanAdvice | None) -> PlanAdvice | None:
    """The cheapest one, if it is cheaper than mine. A plan for devices is for who has one already."""
    has_device = mine is not None and mine.is_for_devices
    fit = (advice for advice in plans if not advice.unpriced and (has_device or not advice.is_for_devices))
    cheapest = next(fit, None)
    if cheapest is None or (mine is not None and cheapest.average_kopecks >= mine.average_kopecks):
        return None
    return cheapest
