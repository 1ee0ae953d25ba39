"""Tariffs: which one a subscriber is on, what others there are, and what a change would do."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, or_, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col

from cabinet import clock
from cabinet.domain.catalogue import Plan, SwitchTime
from cabinet.domain.effects import OrderKind, PlanNotOffered, Request, Snapshot
from cabinet.domain.errors import CabinetError, NotFound
from cabinet.domain.periods import period_containing
from cabinet.domain.promotions import DiscountOn, HeldDiscount, coming_fees
from cabinet.models.subscribers import Subscriber
from cabinet.models.tariffs import PlanSubscription
from cabinet.services import orders, snapshots
from cabinet.services.catalogue import (
    PlanFacts,
    PlanNotFound,
    Stored,
    VersionChanged,
    current_version,
    get_plan,
    list_plans,
    store_catalogue,
)
from cabinet.services.orders import Quote

__all__ = [
    "AlreadySubscribed",
    "Mine",
    "Offer",
    "PlanFacts",
    "PlanNotFound",
    "PlanNotOffered",
    "Planned",
    "Stored",
    "VersionChanged",
    "current_version",
    "get_mine",
    "get_plan",
    "get_subscription",
    "list_offers",
    "quote_settings",
    "quote_switch",
    "store_catalogue",
    "subscribe",
]


class AlreadySubscribed(CabinetError):
    message = "У этого номера уже есть тариф."


def subscribe(
    session: Session,
    subscriber_id: int,
    plan_code: str,
    *,
    anchor_day: int | None = None,
    settings: Mapping[str, str] | None = None,
    started_at: datetime,
    now: datetime,
) -> PlanSubscription:
    """Puts a subscriber without a plan on the newest version of one; its first fee is due at once.

    The first period is the one that `started_at` falls into, charged and granted whole. `anchor_day` is the day of the
    month on which periods begin, otherwise the local day of `started_at`. Whether the plan is closed for joining is for
    the caller to ask: what comes from another system may well be.

    Raises:
        PlanNotFound, NotSoldInRegion, UnknownSetting: the plan cannot be had so.
        AlreadySubscribed: the subscriber has a plan.
    """
    facts = current_version(session, plan_code)
    subscriber = session.get(Subscriber, subscriber_id)
    if subscriber is None:
        raise NotFound
    chosen = facts.plan.chosen(settings or {})
    facts.plan.fee_for(subscriber.region, chosen)
    if anchor_day is None:
        anchor_day = clock.local(started_at).day
    subscription = PlanSubscription(
        subscriber_id=subscriber_id,
        plan_version_id=facts.plan_version_id,
        settings=chosen,
        anchor_day=anchor_day,
        started_at=started_at,
        next_fee_at=period_containing(started_at, anchor_day, facts.plan.period, clock.time_zone()).start,
    )
    try:
        with session.begin_nested():
            session.add(subscription)
    except IntegrityError:
        raise AlreadySubscribed from None
    return subscription


_SUBSCRIPTION = select(PlanSubscription).where(
    col(PlanSubscription.subscriber_id) == bindparam("subscriber_id"),
    col(PlanSubscription.started_at) <= bindparam("at"),
    or_(col(PlanSubscription.ended_at).is_(None), col(PlanSubscription.ended_at) > bindparam("at")),
)


def get_subscription(session: Session, subscriber_id: int, at: datetime) -> PlanSubscription | None:
    """The subscription that held at that moment; None when there was none."""
    return session.execute(_SUBSCRIPTION, {"subscriber_id": subscriber_id, "at": at}).scalar_one_or_none()


# --- what a change would do ------------------------------------------------------------------------------------------


def quote_switch(
    session: Session,
    subscriber_id: int,
    plan_code: str,
    *,
    settings: Mapping[str, str] | None = None,
    when: SwitchTime | None = None,
    now: datetime,
) -> Quote:
    """What moving to another plan would do, to the kopeck; stored, valid for 15 minutes.

    `when` None is the plan's usual time. The present plan's own code takes back the move that is planned.

    Raises:
        PlanNotFound, PlanNotOffered, NotSoldInRegion, UnknownSetting: the plan cannot be had so.
        NotThen: the plan is not joined at that time.
        NothingChanges: it is the present plan, and no other is planned.
    """
    request = Request(OrderKind.SWITCH, plan_code, dict(settings or {}), when)
    return orders.ask(session, subscriber_id, request, now=now)


def quote_settings(
    session: Session,
    subscriber_id: int,
    settings: Mapping[str, str],
    *,
    when: SwitchTime | None = None,
    now: datetime,
) -> Quote:
    """What other settings of the present plan would do; those not named stay as they are.

    Raises:
        UnknownSetting, NotThen, NothingChanges: see `quote_switch`.
    """
    request = Request(OrderKind.SETTINGS, settings=dict(settings), when=when)
    return orders.ask(session, subscriber_id, request, now=now)


# --- mine and the others ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Planned:
    """A change that waits: undo `order_id` to stay, or quote the settings of now. `is_of_settings`: the plan stays.
    `first_kopecks` is its first fee, with the discount that it has."""

    at: datetime
    name: str
    is_of_settings: bool
    settings: dict[str, str]
    fee_kopecks: int
    first_kopecks: int
    order_id: int


@dataclass(frozen=True, slots=True)
class Mine:
    """My plan. `plan` holds its terms in full: rates, zones, settings with steps and prices, features, switching.

    The price with any settings is `plan.fee_for(region, settings)`, what they bring `plan.grants_for(settings)`.
    `is_closed`: who leaves it cannot come back. `settings_when`, what `quote_settings` may be asked for. `next_kopecks`
    is the next fee, with the discount that it has; `discounts` are those on fees of any plan to come.
    """

    plan: Plan
    region: str
    settings: dict[str, str]
    fee_kopecks: int
    started_at: datetime
    next_fee_at: datetime
    is_suspended: bool
    is_closed: bool
    settings_when: tuple[SwitchTime, ...]
    planned: Planned | None
    included_options: tuple[str, ...]
    next_kopecks: int
    discounts: tuple[HeldDiscount, ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """A plan that I may join (or mine), in my region with its default settings (mine: with my own).

    `fee_difference_kopecks` is against my present fee, None where one is paid by the day and the other by the month.
    """

    plan: Plan
    settings: dict[str, str]
    fee_kopecks: int
    is_mine: bool
    fee_difference_kopecks: int | None
    when: tuple[SwitchTime, ...]
    price_kopecks: int
    included_options: tuple[str, ...]


def get_mine(session: Session, subscriber_id: int, *, now: datetime) -> Mine:
    """My plan and what is planned.

    Raises:
        NotFound: there is no such subscriber.
        NoPlan: the subscriber has no plan.
    """
    snapshot = snapshots.read(session, subscriber_id, now=now)
    current = get_subscription(session, subscriber_id, now)
    return Mine(
        plan=snapshot.plan,
        region=snapshot.region,
        settings=snapshot.term.settings,
        fee_kopecks=snapshot.term.fee_kopecks,
        started_at=current.started_at if current else now,
        next_fee_at=snapshot.term.next_fee_at,
        is_suspended=snapshot.term.is_suspended,
        is_closed=snapshot.is_closed,
        settings_when=(SwitchTime.NOW,) if snapshot.term.is_suspended else snapshot.plan.switching.settings,
        planned=_planned(session, subscriber_id, snapshot),
        included_options=_included(session, snapshot.plan),
        next_kopecks=coming_fees(snapshot.discounts, snapshot.plan.code, snapshot.term.fee_kopecks, 1)[0],
        discounts=tuple(one for one in snapshot.discounts if one.discount.on == DiscountOn.PLAN and one.left),
    )


def _planned(session: Session, subscriber_id: int, snapshot: Snapshot) -> Planned | None:
    planned = snapshot.planned
    if planned is None or planned.change_id is None:
        return None
    term = planned.term
    order_id = orders.order_of_change(session, planned.change_id)
    return Planned(
        at=planned.at,
        name=term.name,
        is_of_settings=term.plan_version_id == snapshot.term.plan_version_id,
        settings=term.settings,
        fee_kopecks=term.fee_kopecks,
        first_kopecks=coming_fees(snapshot.discounts, term.code, term.fee_kopecks, 1)[0],
        order_id=order_id,
    )


def _included(session: Session, plan: Plan) -> tuple[str, ...]:
    """Names of services that come with it."""
    return tuple(option.name for option in orders.options_by_code(session).values() if plan.code in option.included_in)


def list_offers(session: Session, mine: Mine) -> list[Offer]:
    """The plans on sale in my region, and my own even if it is closed, in the order of the catalogue."""
    options = orders.options_by_code(session).values()
    offers = []
    for facts in list_plans(session):
        plan, is_mine = facts.plan, (facts.plan.code, facts.plan.version) == (mine.plan.code, mine.plan.version)
        if not is_mine and (facts.is_archived or not plan.is_sold_in(mine.region)):
            continue
        settings = mine.settings if is_mine else plan.chosen({})
        fee = plan.fee_for(mine.region, settings)
        when = (SwitchTime.NOW,) if mine.is_suspended else plan.switching.joins
        offers.append(
            Offer(
                plan=plan,
                settings=settings,
                fee_kopecks=fee,
                is_mine=is_mine,
                fee_difference_kopecks=fee - mine.fee_kopecks if plan.period == mine.plan.period else None,
                when=when,
                price_kopecks=plan.switching.price,
                included_options=tuple(option.name for option in options if plan.code in option.included_in),
            )
        )
    if not any(offer.is_mine for offer in offers):  # an older version, which is not on sale under its number any more
        offers.insert(
            0,
            Offer(
                plan=mine.plan,
                settings=mine.settings,
                fee_kopecks=mine.fee_kopecks,
                is_mine=True,
                fee_difference_kopecks=0,
                when=(),
                price_kopecks=0,
                included_options=mine.included_options,
            ),
        )
    return offers
