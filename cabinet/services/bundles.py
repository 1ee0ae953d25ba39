"""Packages: minutes, gigabytes and SMS, bought once or coming every month."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from cabinet import clock, ledger
from cabinet.domain import effects
from cabinet.domain.allowances import UsageKind
from cabinet.domain.catalogue import Bundle
from cabinet.domain.effects import ItemKind, OptionState, OrderKind, Request, Snapshot, Sold
from cabinet.services import catalogue, options, orders, overview, snapshots
from cabinet.services.orders import Order, Quote
from cabinet.services.overview import AllowanceLeft

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class BundleCard:
    """A package on sale. `amount` in the kind's unit, None: unlimited. `until` is when it would end, bought now.

    `after` is what there will be of this kind and scope, bought now; None: no limit. `is_on`: a monthly one that the
    subscriber has, with its `next_fee_at`; `ends_at`, when it was stopped and is still paid for; `is_suspended`, when
    money lacks, and then `lacking_kopecks` have to be paid in. `is_needless`: the subscriber has this without limit
    anyway.
    """

    code: str
    name: str
    description: str
    kind: UsageKind
    scope: str
    scope_name: str
    amount: int | None
    price_kopecks: int
    lasts_days: int | None
    is_monthly: bool
    until: datetime
    after: int | None
    is_on: bool
    is_suspended: bool
    lacking_kopecks: int
    next_fee_at: datetime | None
    ends_at: datetime | None
    is_needless: bool


@dataclass(frozen=True, slots=True)
class HeldBundle:
    """A package that the subscriber has now, of the plan or beside it: what is left and until when."""

    is_of_plan: bool
    name: str
    kind: UsageKind
    scope: str
    scope_name: str
    granted: int
    remaining: int
    is_unlimited: bool
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class Advice:
    """At the present pace all of this kind is gone at `runs_out_at`, and `lacking` more of it would be used by `until`,
    the end of the plan's period. Package `code` is the cheapest that will do; where none will, the largest."""

    kind: UsageKind
    remaining: int
    runs_out_at: datetime
    until: datetime
    lacking: int
    code: str
    name: str
    price_kopecks: int
    is_enough: bool


@dataclass(frozen=True, slots=True)
class Bundles:
    """`cards` in the order of the catalogue; `left` are the packages there are, the soonest to end first, and `totals`
    the same by kind, with the pace. `available_kopecks` is what can be spent."""

    cards: tuple[BundleCard, ...]
    left: tuple[HeldBundle, ...]
    totals: tuple[AllowanceLeft, ...]
    available_kopecks: int
    advice: Advice | None


def list_bundles(session: Session, subscriber_id: int, *, now: datetime) -> Bundles:
    """The packages that can be spent on the subscriber's plan, and those that the subscriber has.

    Raises:
        NotFound, NoPlan: see `snapshots.read`.
    """
    snapshot = snapshots.read(session, subscriber_id, now=now)
    owed_kopecks = -ledger.balance(session, subscriber_id).debt
    cards = tuple(
        _card(sold, snapshot, owed_kopecks, now=now)
        for sold in catalogue.list_bundles(session).values()
        if snapshot.option(ItemKind.BUNDLE, sold.item.code)
        or (not sold.is_archived and effects.is_bundle_usable(snapshot.rates, sold.item))
    )
    left = [
        HeldBundle(
            is_of_plan=one.is_of_plan,
            name=one.name,
            kind=one.kind,
            scope=one.scope,
            scope_name=_scope_name(snapshot, one.scope),
            granted=one.granted,
            remaining=one.remaining,
            is_unlimited=one.is_unlimited,
            valid_until=one.valid_until,
        )
        for one in snapshot.allowances
    ]
    totals = overview.list_allowances(session, subscriber_id, snapshot.plan, now=now)
    period_end = effects.plan_period(snapshot, now, clock.time_zone()).end
    return Bundles(
        cards=cards,
        left=tuple(sorted(left, key=lambda one: one.valid_until)),
        totals=totals,
        available_kopecks=snapshot.available_kopecks,
        advice=next((found for total in totals if (found := _advise(total, cards, period_end, now=now))), None),
    )


def quote_bundle(session: Session, subscriber_id: int, code: str, *, now: datetime) -> Quote:
    """What buying the package would do, once or every month as it is sold; stored, valid for 15 minutes.

    Raises:
        NotFound: there is no such package.
        BundleNotOffered, BundleNotForPlan, OptionAlreadyOn: why it cannot be.
    """
    return orders.ask(session, subscriber_id, Request(OrderKind.BUNDLE, code), now=now)


def switch_off(session: Session, subscriber_id: int, code: str, *, now: datetime) -> Order:
    """Stops a monthly package, in one step and with undo: what is paid stays to its end, and no other comes.

    Raises:
        OptionNotOn: the subscriber does not have it, or has stopped it already.
    """
    return orders.do(session, subscriber_id, Request(OrderKind.BUNDLE_OFF, code), now=now)


def _advise(total: AllowanceLeft, cards: Sequence[BundleCard], until: datetime, *, now: datetime) -> Advice | None:
    if total.scope_name or total.runs_out_at is None or total.runs_out_at >= until:
        return None
    fitting = [
        card
        for card in cards
        if card.kind == total.kind and not card.scope and not card.is_monthly and card.amount and card.until >= until
    ]
    if not fitting:
        return None
    seconds_left = max((total.runs_out_at - now) // _SECOND, 1)
    lacking = total.remaining * ((until - now) // _SECOND) // seconds_left - total.remaining
    enough = [card for card in fitting if (card.amount or 0) >= lacking]
    chosen = min(enough, key=_price) if enough else max(fitting, key=lambda card: card.amount or 0)
    return Advice(
        kind=total.kind,
        remaining=total.remaining,
        runs_out_at=total.runs_out_at,
        until=until,
        lacking=lacking,
        code=chosen.code,
        name=chosen.name,
        price_kopecks=chosen.price_kopecks,
        is_enough=bool(enough),
    )


def _price(card: BundleCard) -> int:
    return card.price_kopecks


def _card(sold: Sold[Bundle], snapshot: Snapshot, owed_kopecks: int, *, now: datetime) -> BundleCard:
    bundle = sold.item
    held = snapshot.option(ItemKind.BUNDLE, bundle.code)
    gives = bundle.gives
    same = [one for one in snapshot.allowances if (one.kind, one.scope) == (gives.kind, gives.scope)]
    is_unlimited = gives.amount is None or any(one.is_unlimited for one in same)
    return BundleCard(
        code=bundle.code,
        name=bundle.name,
        description=bundle.description,
        kind=gives.kind,
        scope=gives.scope,
        scope_name=_scope_name(snapshot, gives.scope),
        amount=gives.amount,
        price_kopecks=held.price_kopecks if held else bundle.price,
        lasts_days=bundle.lasts_days,
        is_monthly=bundle.recurring,
        until=effects.bundle_until(snapshot, bundle, now=now, zone=clock.time_zone()),
        after=None if is_unlimited else sum(one.remaining for one in same) + (gives.amount or 0),
        is_on=held is not None,
        is_suspended=held is not None and held.term.state == OptionState.SUSPENDED,
        lacking_kopecks=options.lacking_for(held, snapshot, owed_kopecks) if held else 0,
        next_fee_at=held.term.next_fee_at if held else None,
        ends_at=held.term.ends_at if held else None,
        is_needless=any(
            one.is_unlimited and one.kind == gives.kind and one.scope in ("", gives.scope)
            for one in snapshot.allowances
        ),
    )


def _scope_name(snapshot: Snapshot, scope: str) -> str:
    return snapshot.plan.zones[scope].name if scope in snapshot.plan.zones else scope
