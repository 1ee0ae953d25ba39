"""Money that will leave in the next 31 days: fees of the plan, of services and monthly packages, the return of a
promised payment, and what autopay will take from a card."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlmodel import Session

from cabinet import clock
from cabinet.domain.autopay import AutopayState
from cabinet.domain.catalogue import OptionPeriod
from cabinet.domain.effects import ItemKind, OptionState, Snapshot
from cabinet.domain.periods import PeriodUnit, period_containing
from cabinet.domain.promotions import DiscountOn, coming_fees
from cabinet.services import autopay, promised_payments, snapshots

AHEAD = timedelta(days=31)


class OutgoKind(StrEnum):
    """What the money is for."""

    PLAN = "plan"
    OPTION = "option"
    BUNDLE = "bundle"
    PROMISE = "promise"
    AUTOPAY = "autopay"  # from a card to the account: it is no part of the total


@dataclass(frozen=True, slots=True)
class Outgo:
    """Money that leaves at `at`; what leaves every day is one, the first of `times` alike.

    `kopecks` is all of them together. `code` is of a service or package that can be switched off.
    """

    at: datetime
    kind: OutgoKind
    name: str
    kopecks: int
    times: int = 1
    code: str = ""


@dataclass(frozen=True, slots=True)
class Coming:
    """Everything that is known to leave before `until`, the nearest first.

    `total_kopecks` leaves the account, `lacking_kopecks` of it there is no money for as things stand, a top-up by
    autopay counted in.
    """

    until: datetime
    outgoes: tuple[Outgo, ...]
    total_kopecks: int
    lacking_kopecks: int


def get_coming(session: Session, subscriber_id: int, *, now: datetime) -> Coming:
    """What will leave in the next 31 days as things stand now.

    Raises:
        NotFound: there is no such subscriber.
    """
    until = now + AHEAD
    outgoes = list(_list_promise(session, subscriber_id, now=now, until=until))
    available = 0
    try:
        snapshot = snapshots.read(session, subscriber_id, now=now)
    except snapshots.NoPlan:
        pass
    else:
        available = snapshot.available_kopecks
        outgoes += [*_list_plan_fees(snapshot, now=now, until=until), *_list_services(snapshot, now=now, until=until)]
    brought = list(_list_autopay(session, subscriber_id, now=now, until=until))
    total = sum(outgo.kopecks for outgo in outgoes)
    lacking = max(total - available - sum(outgo.kopecks for outgo in brought), 0)
    return Coming(until, tuple(sorted([*outgoes, *brought], key=lambda outgo: outgo.at)), total, lacking)


def _list_plan_fees(snapshot: Snapshot, *, now: datetime, until: datetime) -> Iterator[Outgo]:
    """A planned change of the plan is charged in its turn. A suspended number waits for one fee alone."""
    term, planned = snapshot.term, snapshot.planned
    if term.is_suspended and term.next_fee_at <= now:
        yield from _outgoes(snapshot, [now], term.unit, OutgoKind.PLAN, term.code, term.name, term.fee_kopecks)
        return
    changes_at = planned.at if planned is not None else until
    days = _days(term.next_fee_at, min(changes_at, until), term.anchor_day, term.unit)
    yield from _outgoes(snapshot, days, term.unit, OutgoKind.PLAN, term.code, term.name, term.fee_kopecks)
    if planned is not None and planned.at < until:
        then = planned.term
        days = _days(planned.at, until, then.anchor_day, then.unit)
        yield from _outgoes(snapshot, days, then.unit, OutgoKind.PLAN, then.code, then.name, then.fee_kopecks)


def _list_services(snapshot: Snapshot, *, now: datetime, until: datetime) -> Iterator[Outgo]:
    for held in snapshot.held_options:
        price, at = held.price_on(snapshot.plan.code), held.term.next_fee_at
        if not price or at is None or held.term.ends_at is not None or held.term.state is OptionState.TRIAL:
            continue
        kind = OutgoKind.OPTION if held.item is ItemKind.OPTION else OutgoKind.BUNDLE
        unit = PeriodUnit.DAY if held.per is OptionPeriod.DAY else PeriodUnit.MONTH
        is_waiting = held.term.state is OptionState.SUSPENDED
        days = [max(at, now)] if is_waiting else _days(at, until, held.anchor_day, unit)
        yield from _outgoes(snapshot, days, unit, kind, held.code, held.name, price)


def _days(at: datetime, until: datetime, anchor_day: int, unit: PeriodUnit) -> list[datetime]:
    """When a fee that is due at `at` comes until then."""
    found = []
    while at < until:
        found.append(at)
        at = period_containing(at, anchor_day, unit, clock.time_zone()).end
    return found


_DISCOUNTS = {
    OutgoKind.PLAN: DiscountOn.PLAN,
    OutgoKind.OPTION: DiscountOn.OPTION,
    OutgoKind.BUNDLE: DiscountOn.BUNDLE,
}


def _outgoes(
    snapshot: Snapshot, days: list[datetime], unit: PeriodUnit, kind: OutgoKind, code: str, name: str, kopecks: int
) -> Iterator[Outgo]:
    fees = coming_fees(snapshot.discounts, code, kopecks, len(days), _DISCOUNTS[kind])
    stop = "" if kind is OutgoKind.PLAN else code
    if unit is not PeriodUnit.DAY:
        yield from (Outgo(at, kind, name, fee, 1, stop) for at, fee in zip(days, fees, strict=True) if fee)
    elif sum(fees):
        yield Outgo(days[0], kind, name, sum(fees), len(days), stop)


def _list_promise(session: Session, subscriber_id: int, *, now: datetime, until: datetime) -> Iterator[Outgo]:
    promise = promised_payments.get_open(session, subscriber_id)
    if promise is not None and promise.due_at < until:
        yield Outgo(max(promise.due_at, now), OutgoKind.PROMISE, "", promise.amount_kopecks + promise.fee_kopecks)


def _list_autopay(session: Session, subscriber_id: int, *, now: datetime, until: datetime) -> Iterator[Outgo]:
    rule = autopay.find_rule(session, subscriber_id, now=now)
    if rule is None or rule.state is not AutopayState.ACTIVE or rule.upcoming is None:
        return
    at = rule.upcoming.at
    if at is not None and at < until and rule.upcoming.amount_kopecks and not rule.upcoming.is_beyond:
        name = rule.method.title if rule.method else ""
        yield Outgo(max(at, now), OutgoKind.AUTOPAY, name, rule.upcoming.amount_kopecks)
