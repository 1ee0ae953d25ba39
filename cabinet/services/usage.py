"""Usage: records of the network are rated once, drawn from the allowances and charged.

A batch is one transaction and costs a fixed number of statements, however many records it has: what they may touch is
read at the beginning, `domain.rating` works in memory, and what changed is written at the end.

Order. Records are rated as they arrive, each on the allowances valid at its own time, so a late record draws on the
month it belongs to, while that month's allowances are not spent. Fees due before the last record of a subscriber in
the batch are charged first, because a fee is what grants a period's allowances. When a month is complete, what it cost
for usage summed over the period does not depend on the order of arrival.

Capped. Who has chosen how much usage outside the packages may cost in a month (`spending_caps`) is charged up to that:
the record that crosses it partly, later ones nothing, and the explanation says so. What a month was charged then does
not depend on the order either; which records were paid for does.

Once. A record is known by its `record_id` (`usage_key`); one that is known already is a duplicate and changes nothing,
whatever else it says. That makes an import repeatable: one that was killed has kept whole batches and nothing else.
"""

import time
from bisect import bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from functools import partial
from itertools import islice
from typing import Any, NamedTuple, TypeVar
from zlib import crc32

from sqlalchemy import Table, bindparam, or_, select, update
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlmodel import Session

from cabinet import clock, db, ledger
from cabinet.adapters.usage_files import Contract, Rejection, UsageFile, UsageRow
from cabinet.bulk import insert_many, known_among
from cabinet.domain import catalogue
from cabinet.domain.allowances import Allowance, in_drawing_order
from cabinet.domain.periods import Period, PeriodUnit, period_containing
from cabinet.domain.rating import NotRated, RatedCharge, Rates, Usage, explain, rate
from cabinet.models.base import metadata
from cabinet.models.tariffs import SubscriptionState
from cabinet.services import billing, changes, notices, retention, spending_caps, subscribers, tariffs

BATCH_SIZE = 5_000
CLOCK_SKEW = timedelta(minutes=5)  # a record that far ahead of us is an honest one from another machine's clock

_subscriber: Table = metadata.tables["subscriber"]
_subscription: Table = metadata.tables["plan_subscription"]
_record: Table = metadata.tables["usage_record"]
_key: Table = metadata.tables["usage_key"]
_allowance: Table = metadata.tables["allowance"]
_counter: Table = metadata.tables["overage_counter"]

_RECORD_COLUMNS = (
    "record_id",
    "subscriber_id",
    "kind",
    "direction",
    "zone",
    "peer",
    "started_at",
    "quantity",
    "plan_version_id",
    "billed_quantity",
    "missed_quantity",
    "charge_kopecks",
    "rating",
    "transaction_id",
)
_Item = TypeVar("_Item")
_MANY = 5_000  # values in one IN (…)
_LONGEST_PERIOD = timedelta(days=32)
_ATTEMPTS = 5
_NO_COUNTERS: dict[str, int] = {}


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What became of the rows of one batch."""

    accepted: int
    duplicates: int
    rejections: list[Rejection]
    charged_kopecks: int


@dataclass(slots=True)
class ImportReport:
    """What became of the rows of a file so far; `later`: left out, for they are not of the time asked for."""

    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    later: int = 0
    charged_kopecks: int = 0
    new_subscribers: int = 0


class Share(NamedTuple):
    """Subscribers of one of several who import the same file: number `number`, counted from 0, `of` so many."""

    number: int
    of: int

    def has(self, item: UsageRow | Rejection) -> bool:
        """Whether it is theirs: a subscriber's records all are, and what is no record is the first one's."""
        if isinstance(item, Rejection):
            return self.number == 0
        return crc32(item.msisdn.encode()) % self.of == self.number


# --- a file ----------------------------------------------------------------------------------------------------------


def import_file(
    usage_file: UsageFile,
    *,
    now: datetime,
    until: datetime | None = None,
    share: Share | None = None,
    on_progress: Callable[[ImportReport, Sequence[Rejection]], None] = lambda report, rejections: None,
    batch_size: int = BATCH_SIZE,
) -> ImportReport:
    """Imports a whole file, a batch a transaction of its own: for the edge, not for use inside a transaction.

    `until`: what was used at that moment or later is left out, to be imported another time. `share`: only the records
    of these subscribers; `take_on` has been called for the file.
    Killed at any moment and run again, it comes to the same end. Several may run at once, on the same file too.
    `on_progress` is called after each batch with the sums so far and this batch's rejections, which are kept nowhere.

    Raises:
        CatalogueError, VersionChanged: the plans that the file brings along cannot be stored; nothing was imported.
        NumberTaken: a subscriber of the file has the number of another one; nothing was imported.
    """
    report = ImportReport()
    wanted = usage_file.rows()
    if share is None:
        report.new_subscribers = take_on(usage_file, now=now)
    else:
        wanted = filter(share.has, wanted)
    for items in _batches(wanted, batch_size):
        rejections = [item for item in items if isinstance(item, Rejection)]
        rows = [item for item in items if isinstance(item, UsageRow)]
        if until is not None:
            all_rows = len(rows)
            rows = [row for row in rows if row.started_at < until]
            report.later += all_rows - len(rows)
        if rows:
            batch = _in_transaction(partial(import_batch, rows=rows, now=now))
            rejections += batch.rejections
            report.accepted += batch.accepted
            report.duplicates += batch.duplicates
            report.charged_kopecks += batch.charged_kopecks
        report.rejected += len(rejections)
        on_progress(report, sorted(rejections))
    return report


def take_on(usage_file: UsageFile, *, now: datetime) -> int:
    """Stores the plans and creates the subscribers that the file brings along; returns how many are new.

    Raises:
        CatalogueError, VersionChanged, NumberTaken: see `import_file`.
    """
    if usage_file.catalogue_path is None:
        return 0
    plans = catalogue.load(usage_file.catalogue_path)
    return _in_transaction(partial(_store_contracts, plans=plans, contracts=usage_file.contracts, now=now))


def _batches(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def _in_transaction(work: Callable[[Session], _Item]) -> _Item:
    """Calls `work` in a transaction, again when another importer or the worker was in the way.

    A record that another importer wrote meanwhile breaks a unique index here; seen again, it is a duplicate.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with db.transaction() as session:
                return work(session)
        except (IntegrityError, OperationalError):
            if attempt == _ATTEMPTS:
                raise
            time.sleep(0.05 * attempt)
    raise AssertionError("unreachable")


def _store_contracts(
    session: Session, plans: catalogue.Catalogue, contracts: Sequence[Contract], *, now: datetime
) -> int:
    """Creates the subscribers that are missing; returns how many."""
    tariffs.store_catalogue(session, plans, now=now)
    known = set(session.execute(select(_subscriber.c.account_number)).scalars())
    missing = [contract for contract in contracts if contract.account_number not in known]
    for contract in missing:
        subscribers.create(
            session,
            account_number=contract.account_number,
            msisdn=contract.msisdn,
            name=contract.name,
            region=plans.default_region,
            plan_code=contract.plan_code,
            activated_at=contract.activated_at,
            anchor_day=contract.anchor_day,
            credit_limit_kopecks=contract.credit_limit_kopecks,
            now=now,
        )
    return len(missing)


# --- a batch ---------------------------------------------------------------------------------------------------------


class _Subscription(NamedTuple):
    id: int
    subscriber_id: int
    plan_version_id: int
    anchor_day: int
    started_at: datetime
    ended_at: datetime | None
    state: SubscriptionState
    next_fee_at: datetime | None


class _Candidate(NamedTuple):
    row: UsageRow
    subscription: _Subscription


def import_batch(session: Session, rows: Sequence[UsageRow], *, now: datetime) -> BatchReport:
    """Rates and charges the records that are new, in the order given.

    Rejected, with a reason each: a record from the future or from a time of which nothing is kept any more, of a number
    that is not ours, from a time without a plan, and of a kind that the plan has no price for.
    """
    rejections: list[Rejection] = []
    rows = _without_future(rows, now, rejections)
    rows = _without_forgotten(rows, retention.usage_kept_from(session), rejections)
    subscriber_ids = _subscriber_ids(session, {row.msisdn for row in rows})
    # Held from here on: whoever else rates, charges or switches these subscribers waits, so what is read below is true.
    subscriptions = _lock_subscriptions(session, set(subscriber_ids.values()))
    if changes.apply_due(session, set(subscriptions), now):  # what is used after a change is rated by the new plan
        subscriptions = _lock_subscriptions(session, set(subscriber_ids.values()))
    fresh, duplicates = _without_known(session, rows)
    candidates = _with_subscriptions(fresh, subscriber_ids, subscriptions, rejections)
    if not candidates:
        return BatchReport(0, duplicates, rejections, 0)

    _charge_due_fees(session, candidates, now=now)
    batch = _Batch(session, candidates)
    for row, subscription in candidates:
        batch.rate(row, subscription, rejections)
    charged = batch.write(session, now=now)
    return BatchReport(len(batch.rated), duplicates, rejections, charged)


class _Rated(NamedTuple):
    row: UsageRow
    subscription: _Subscription
    result: RatedCharge
    explanation: dict[str, Any]


class _Batch:
    """What the records of one batch may touch, in memory: allowances, counters, rates."""

    def __init__(self, session: Session, candidates: Sequence[_Candidate]) -> None:
        self.rated: list[_Rated] = []
        moments = [candidate.row.started_at for candidate in candidates]
        ids = {candidate.subscription.subscriber_id for candidate in candidates}
        self._rates: dict[int, tuple[Rates, PeriodUnit]] = {}
        for version_id in {candidate.subscription.plan_version_id for candidate in candidates}:
            facts = tariffs.get_plan(session, version_id)
            self._rates[version_id] = facts.rates, facts.plan.period
        self._allowances = _allowances(session, ids, min(moments), max(moments))
        self._were_left = {
            allowance.id: allowance.remaining for several in self._allowances.values() for allowance in several
        }
        self._counters = _counters(session, ids, min(moments), max(moments))
        self._counters_were = {place: dict(counters) for place, counters in self._counters.items()}
        self._periods = Periods(clock.time_zone())
        self._rooms = spending_caps.open_rooms(session, ids, min(moments), max(moments))

    def rate(self, row: UsageRow, subscription: _Subscription, rejections: list[Rejection]) -> None:
        """Rates one record on what the records before it have left."""
        rates, unit = self._rates[subscription.plan_version_id]
        usage = Usage(row.record_id, row.kind, row.direction, row.zone, row.started_at, row.quantity)
        rule = rates.rules.get((row.kind, row.direction, row.zone))
        counters = _NO_COUNTERS
        if rule is not None and rule.counter is not None:
            period = self._periods.containing(row.started_at, subscription.anchor_day, unit)
            counters = self._counters.setdefault((subscription.subscriber_id, period.start), {})
        allowances = self._allowances.get((subscription.subscriber_id, row.kind), ())
        try:
            result = rate(usage, rates, allowances, counters)
        except NotRated:
            reason = f"plan {rates.plan_code} has no price for {row.kind} {row.direction} in the zone {row.zone}"
            rejections.append(Rejection(row.source, row.line, reason))
        else:
            if result.charge_kopecks and self._rooms:
                result = self._within_cap(row, subscription, result)
            self.rated.append(_Rated(row, subscription, result, explain(usage, rates, result)))

    def _within_cap(self, row: UsageRow, subscription: _Subscription, result: RatedCharge) -> RatedCharge:
        room = self._rooms.get(subscription.subscriber_id)
        cut = room.take(spending_caps.month_of(row.started_at), result.charge_kopecks) if room else None
        return result.within(cut) if cut else result

    def write(self, session: Session, *, now: datetime) -> int:
        """Writes all that `rate` has changed; returns the kopecks charged."""
        charges = [
            ledger.Charge(
                reference=f"usage:{row.record_id}",
                subscriber_id=subscription.subscriber_id,
                amount_kopecks=result.charge_kopecks,
                happened_at=row.started_at,
                explanation=explanation,
            )
            for row, subscription, result, explanation in self.rated
            if result.charge_kopecks
        ]
        transaction_ids: Iterator[int] = iter(())
        if charges:
            income_id = ledger.operator_account(session, "usage")
            transaction_ids = iter(
                ledger.charge_many(session, charges, kind="usage", destination_id=income_id, now=now)
            )
        insert_many(
            session,
            _key,
            ("record_id", "subscriber_id", "started_at"),
            [(one.row.record_id, one.subscription.subscriber_id, one.row.started_at) for one in self.rated],
        )
        insert_many(
            session,
            _record,
            _RECORD_COLUMNS,
            [
                (
                    row.record_id,
                    subscription.subscriber_id,
                    row.kind,
                    row.direction,
                    row.zone,
                    row.peer,
                    row.started_at,
                    row.quantity,
                    subscription.plan_version_id,
                    result.billed,
                    result.missed,
                    result.charge_kopecks,
                    explanation,
                    next(transaction_ids) if result.charge_kopecks else None,
                )
                for row, subscription, result, explanation in self.rated
            ],
        )
        self._write_allowances(session)
        self._write_counters(session)
        notices.tell_of_allowances(session, self._drew_lately(now), now=now)
        spending_caps.warn(session, self._rooms, now=now)
        return sum(charge.amount_kopecks for charge in charges)

    def _drew_lately(self, now: datetime) -> set[int]:
        """Whose packages became less in the last day: what is told of older usage is no news."""
        if all(row.started_at <= now - notices.NEWS_FOR for row, *_ in self.rated):
            return set()
        changed = {
            subscriber_id
            for (subscriber_id, _), several in self._allowances.items()
            if any(allowance.remaining != self._were_left[allowance.id] for allowance in several)
        }
        return {
            one.subscription.subscriber_id
            for one in self.rated
            if one.subscription.subscriber_id in changed and one.row.started_at > now - notices.NEWS_FOR
        }

    def _write_allowances(self, session: Session) -> None:
        changed = [
            {"of_id": allowance.id, "left": allowance.remaining}
            for several in self._allowances.values()
            for allowance in several
            if allowance.remaining != self._were_left[allowance.id]
        ]
        if changed:
            statement = update(_allowance).where(_allowance.c.id == bindparam("of_id"))
            session.connection().execute(statement.values(remaining=bindparam("left")), changed)

    def _write_counters(self, session: Session) -> None:
        new, changed = [], []
        for (subscriber_id, period_start), counters in self._counters.items():
            before = self._counters_were.get((subscriber_id, period_start), {})
            for key, units in counters.items():
                if key not in before:
                    new.append((subscriber_id, period_start, key, units))
                elif units != before[key]:
                    changed.append((subscriber_id, period_start, key, units))
        insert_many(session, _counter, ("subscriber_id", "period_start_at", "key", "units"), new)
        if changed:
            statement = update(_counter).where(
                _counter.c.subscriber_id == bindparam("of_subscriber"),
                _counter.c.period_start_at == bindparam("of_period"),
                _counter.c.key == bindparam("of_key"),
            )
            names = ("of_subscriber", "of_period", "of_key", "sum")
            session.connection().execute(
                statement.values(units=bindparam("sum")), [dict(zip(names, values, strict=True)) for values in changed]
            )


class Periods:
    """Billing periods that were met already: a file holds many records of few periods."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._known: dict[tuple[int, PeriodUnit], list[Period]] = {}

    def containing(self, moment: datetime, anchor_day: int, unit: PeriodUnit) -> Period:
        """See `domain.periods.period_containing`."""
        known = self._known.setdefault((anchor_day, unit), [])
        place = bisect_right(known, moment, key=_start_of)
        if place and moment < known[place - 1].end:
            return known[place - 1]
        period = period_containing(moment, anchor_day, unit, self._zone)
        insort(known, period)
        return period


def _start_of(period: Period) -> datetime:
    return period.start


# --- what a batch reads ----------------------------------------------------------------------------------------------


def _without_future(rows: Sequence[UsageRow], now: datetime, rejections: list[Rejection]) -> Sequence[UsageRow]:
    latest = now + CLOCK_SKEW
    if all(row.started_at <= latest for row in rows):
        return rows
    past = []
    for row in rows:
        if row.started_at <= latest:
            past.append(row)
        else:
            reason = f"in the future: {clock.local(row.started_at).isoformat()}"
            rejections.append(Rejection(row.source, row.line, reason))
    return past


def _without_forgotten(
    rows: Sequence[UsageRow], kept_from: datetime | None, rejections: list[Rejection]
) -> Sequence[UsageRow]:
    """Without those of which nobody can say any more whether they were rated."""
    if kept_from is None or all(row.started_at >= kept_from for row in rows):
        return rows
    reason = f"usage from before {clock.local(kept_from).isoformat()} is kept no more"
    rejections.extend(Rejection(row.source, row.line, reason) for row in rows if row.started_at < kept_from)
    return [row for row in rows if row.started_at >= kept_from]


def _without_known(session: Session, rows: Sequence[UsageRow]) -> tuple[list[UsageRow], int]:
    """The rows that are new, and how many are not: rated before, or standing twice here."""
    known = known_among(session, _key.c.record_id, [row.record_id for row in rows])
    fresh = []
    for row in rows:
        if row.record_id not in known:
            known.add(row.record_id)
            fresh.append(row)
    return fresh, len(rows) - len(fresh)


def _subscriber_ids(session: Session, msisdns: set[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for some in _slices(sorted(msisdns)):
        statement = select(_subscriber.c.msisdn, _subscriber.c.id).where(_subscriber.c.msisdn.in_(some))
        found.update((msisdn, subscriber_id) for msisdn, subscriber_id in session.execute(statement))
    return found


def _lock_subscriptions(session: Session, subscriber_ids: set[int]) -> dict[int, list[_Subscription]]:
    """All that these subscribers ever had, newest first; held in the order of ids until the transaction ends."""
    session.flush()
    columns = [_subscription.c[name] for name in _Subscription._fields]
    found: dict[int, list[_Subscription]] = {}
    for some in _slices(sorted(subscriber_ids)):
        rows = session.execute(
            select(*columns)
            .where(_subscription.c.subscriber_id.in_(some))
            .order_by(_subscription.c.id)
            .with_for_update()
        )
        for row in rows:
            found.setdefault(row.subscriber_id, []).append(_Subscription(*row))
    for several in found.values():
        several.sort(key=lambda subscription: subscription.started_at, reverse=True)
    return found


def _with_subscriptions(
    rows: Iterable[UsageRow],
    subscriber_ids: dict[str, int],
    subscriptions: dict[int, list[_Subscription]],
    rejections: list[Rejection],
) -> list[_Candidate]:
    candidates = []
    for row in rows:
        subscriber_id = subscriber_ids.get(row.msisdn)
        if subscriber_id is None:
            rejections.append(Rejection(row.source, row.line, f"the number {row.msisdn} is not ours"))
            continue
        moment = row.started_at
        for subscription in subscriptions.get(subscriber_id, ()):
            if subscription.started_at <= moment and (subscription.ended_at is None or moment < subscription.ended_at):
                candidates.append(_Candidate(row, subscription))
                break
        else:
            when = clock.local(moment).isoformat()
            rejections.append(Rejection(row.source, row.line, f"the number {row.msisdn} had no tariff at {when}"))
    return candidates


def _charge_due_fees(session: Session, candidates: Iterable[_Candidate], *, now: datetime) -> None:
    """Charges what fell due before each subscriber's last record of the batch.

    Who could not pay a fee is left alone: that one is tried again when money comes, not with every record.
    """
    last: dict[_Subscription, datetime] = {}
    for row, subscription in candidates:
        moment = row.started_at
        if subscription.state != SubscriptionState.ACTIVE:
            continue
        if subscription.next_fee_at is None or moment < subscription.next_fee_at:
            continue
        if subscription not in last or moment > last[subscription]:
            last[subscription] = moment
    due: dict[datetime, list[int]] = {}
    for subscription, moment in last.items():
        due.setdefault(moment, []).append(subscription.id)
    for moment in sorted(due):
        billing.charge_fees_until(session, sorted(due[moment]), moment, now=now)


def _allowances(
    session: Session, subscriber_ids: set[int], earliest: datetime, latest: datetime
) -> dict[tuple[int, str], list[Allowance]]:
    """What is left anywhere between the two moments, by subscriber and kind, in drawing order."""
    found: dict[tuple[int, str], list[Allowance]] = {}
    columns = [_allowance.c[name] for name in Allowance.__slots__]
    for some in _slices(sorted(subscriber_ids)):
        rows = session.execute(
            select(_allowance.c.subscriber_id, *columns).where(
                _allowance.c.subscriber_id.in_(some),
                _allowance.c.valid_from <= latest,
                _allowance.c.valid_until > earliest,
                or_(_allowance.c.remaining > 0, _allowance.c.is_unlimited),
            )
        )
        for row in rows:
            found.setdefault((row.subscriber_id, row.kind), []).append(Allowance(*row[1:]))
    return {place: in_drawing_order(several) for place, several in found.items()}


def _counters(
    session: Session, subscriber_ids: set[int], earliest: datetime, latest: datetime
) -> dict[tuple[int, datetime], dict[str, int]]:
    found: dict[tuple[int, datetime], dict[str, int]] = {}
    for some in _slices(sorted(subscriber_ids)):
        rows = session.execute(
            select(_counter).where(
                _counter.c.subscriber_id.in_(some),
                _counter.c.period_start_at > earliest - _LONGEST_PERIOD,
                _counter.c.period_start_at <= latest,
            )
        )
        for row in rows:
            found.setdefault((row.subscriber_id, row.period_start_at), {})[row.key] = row.units
    return found


def _slices(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), _MANY):
        yield items[start : start + _MANY]
