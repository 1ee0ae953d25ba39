"""Packages: minutes, gigabytes and SMS, bought once or coming every month."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from cabinet import clock
from cabinet.domain import effects
from cabinet.domain.allowances import UsageKind
from cabinet.domain.catalogue import Bundle
from cabinet.domain.effects import ItemKind, OptionState, OrderKind, Request, Snapshot, Sold
from cabinet.services import catalogue, orders
from cabinet.services.orders import Order, Quote


@dataclass(frozen=True, slots=True)
class BundleCard:
    """A package on sale. `amount` in the kind's unit, None: unlimited. `until` is when it would end, bought now.

    `is_on`: a monthly one that the subscriber has, with its `next_fee_at`; `ends_at`, when it was stopped and is still
    paid for; `is_suspended`, when money lacks. `is_needless`: the subscriber has this without limit anyway.
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
    is_on: bool
    is_suspended: bool
    next_fee_at: datetime | None
    ends_at: datetime | None
    is_needless: bool


@dataclass(frozen=True, slots=True)
class HeldBundle:
    """A package that the subscriber has now beside the plan's: what is left and until when."""

    name: str
    kind: UsageKind
    scope: str
    scope_name: str
    granted: int
    remaining: int
    is_unlimited: bool
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class Bundles:
    """`cards` in the order of the catalogue; `left` is what the subscriber has beside the plan's own packages."""

    cards: tuple[BundleCard, ...]
    left: tuple[HeldBundle, ...]


def list_bundles(session: Session, subscriber_id: int, *, now: datetime) -> Bundles:
    """The packages that can be spent on the subscriber's plan, and those that the subscriber has.

    Raises:
        NotFound, NoPlan: see `orders.read_snapshot`.
    """
    snapshot = orders.read_snapshot(session, subscriber_id, now=now)
    cards = [
        _card(sold, snapshot, now=now)
        for sold in catalogue.list_bundles(session).values()
        if snapshot.option(ItemKind.BUNDLE, sold.item.code)
        or (not sold.is_archived and effects.is_bundle_usable(snapshot.rates, sold.item))
    ]
    left = [
        HeldBundle(
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
        if not one.is_of_plan
    ]
    return Bundles(tuple(cards), tuple(sorted(left, key=lambda one: one.valid_until)))


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
    quote = orders.ask(session, subscriber_id, Request(OrderKind.BUNDLE_OFF, code), now=now)
    done = orders.confirm(session, subscriber_id, quote.id, now=now)
    if isinstance(done, orders.QuoteOutdated):
        raise AssertionError("a quote is good at the moment it is made")
    return done


def _card(sold: Sold[Bundle], snapshot: Snapshot, *, now: datetime) -> BundleCard:
    bundle = sold.item
    held = snapshot.option(ItemKind.BUNDLE, bundle.code)
    gives = bundle.gives
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
        is_on=held is not None,
        is_suspended=held is not None and held.term.state == OptionState.SUSPENDED,
        next_fee_at=held.term.next_fee_at if held else None,
        ends_at=held.term.ends_at if held else None,
        is_needless=any(
            one.is_unlimited and one.kind == gives.kind and one.scope in ("", gives.scope)
            for one in snapshot.allowances
        ),
    )


def _scope_name(snapshot: Snapshot, scope: str) -> str:
    return snapshot.plan.zones[scope].name if scope in snapshot.plan.zones else scope
