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
from cabinet.domain.effects import HeldOption, ItemKind, OptionState, Snapshot
from cabinet.domain.periods import PeriodUnit, period_containing
from cabinet.services import autopay, orders, promised_payments

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
        snapshot = orders.read_snapshot(session, subscriber_id, now=now)
    except orders.NoPlan:
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
    term, planned, zone = snapshot.term, snapshot.planned, clock.time_zone()
    at = term.next_fee_at
    if term.is_suspended and at <= now:
        yield Outgo(now, OutgoKind.PLAN, term.name, term.fee_kopecks)
        return
    days: list[datetime] = []
    while at < until:
        if planned is not None and planned.at <= at and term is not planned.term:
            yield from _together(days, OutgoKind.PLAN, term.name, term.fee_kopecks)
            days, term = [], planned.term
        if term.fee_kopecks:
            days.append(at)
        if term.unit is not PeriodUnit.DAY:
            yield from _together(days, OutgoKind.PLAN, term.name, term.fee_kopecks)
            days = []
        at = period_containing(at, term.anchor_day, term.unit, zone).end
    yield from _together(days, OutgoKind.PLAN, term.name, term.fee_kopecks)


def _list_services(snapshot: Snapshot, *, now: datetime, until: datetime) -> Iterator[Outgo]:
    for held in snapshot.held_options:
        price = held.price_on(snapshot.plan.code)
        if price and held.term.ends_at is None and held.term.state is not OptionState.TRIAL:
            kind = OutgoKind.OPTION if held.item is ItemKind.OPTION else OutgoKind.BUNDLE
            yield from _together(_fees_of(held, now=now, until=until), kind, held.name, price, held.code)


def _fees_of(held: HeldOption, *, now: datetime, until: datetime) -> list[datetime]:
    at, found = held.term.next_fee_at, list[datetime]()
    if at is None:
        return found
    if held.term.state is OptionState.SUSPENDED:
        return [max(at, now)]
    unit = PeriodUnit.DAY if held.per is OptionPeriod.DAY else PeriodUnit.MONTH
    while at < until:
        found.append(max(at, now))
        at = period_containing(at, held.anchor_day, unit, clock.time_zone()).end
    return found


def _together(days: list[datetime], kind: OutgoKind, name: str, kopecks: int, code: str = "") -> Iterator[Outgo]:
    if days:
        yield Outgo(days[0], kind, name, kopecks * len(days), len(days), code)


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
