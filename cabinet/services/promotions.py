"""Promotions as a subscriber has them: the list made for them, what one would do, promo codes.

Joining and leaving are orders (`services/orders.py`): seen, confirmed, and undone for 24 hours while nothing of it is
used. Nothing here begins by itself, and nothing ever becomes paid.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, or_, select

from cabinet.config import settings
from cabinet.domain.allowances import UsageKind
from cabinet.domain.effects import OrderKind, Request
from cabinet.domain.errors import CabinetError, NotFound
from cabinet.domain.promotions import (
    Discount,
    DiscountOn,
    Fact,
    PromotionOver,
    Terms,
    facts_needed,
    is_for,
    read_promo_code,
    read_terms,
)
from cabinet.domain.quotes import Summary
from cabinet.models.promotions import Participation, Promotion, PromotionShown, PromotionVersion
from cabinet.models.usage import Allowance, AllowanceSource
from cabinet.services import catalogue, limits, orders, participations, segments, snapshots
from cabinet.services.orders import Quote

TRIES_IN = timedelta(hours=1)


class TooManyPromoCodes(CabinetError):
    message = "Слишком много попыток. Попробуйте через {minutes} мин."


@dataclass(frozen=True, slots=True)
class PackageLeft:
    """What remains of a package that came with a promotion, in the kind's unit."""

    kind: UsageKind
    granted: int
    remaining: int
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class Joined:
    """What a subscriber has of a promotion. `discount_left`: fees that are still to have its discount."""

    at: datetime
    left_at: datetime | None
    discount_left: int
    packages: tuple[PackageLeft, ...]

    @property
    def is_running(self) -> bool:
        """There is still something of it to come."""
        return self.left_at is None and self.discount_left > 0


@dataclass(frozen=True, slots=True)
class Offer:
    """A promotion as it is offered, or as it was joined. `discount_name` is the service or package that its discount is
    on; `places_left` is None where their number is not limited."""

    promotion_id: int
    code: str
    terms: Terms
    places_left: int | None
    is_stopped: bool
    discount_name: str
    joined: Joined | None


@dataclass(frozen=True, slots=True)
class Offers:
    """`for_me`: what can be joined, the most fitting first. `joined`: what was, the last first."""

    for_me: tuple[Offer, ...]
    joined: tuple[Offer, ...]


@dataclass(frozen=True, slots=True)
class Detail:
    """One promotion and what joining it would do now; `refusal` is why it cannot be joined."""

    offer: Offer
    summary: Summary | None
    refusal: CabinetError | None


@dataclass(frozen=True, slots=True)
class CodeAnswer:
    """What a promo code is for. No exception, for the try counts, and a transaction that raises keeps nothing."""

    promotion: str = ""
    promo_code: str = ""
    refusal: CabinetError | None = None


def list_for(session: Session, subscriber_id: int, *, now: datetime) -> Offers:
    """The promotions that this subscriber may join now, and those that were joined.

    Those with the most conditions come first: they were made for fewer.

    Raises:
        NotFound: there is no such subscriber.
    """
    rows = session.exec(
        select(Promotion, PromotionVersion)
        .join(PromotionVersion, col(PromotionVersion.promotion_id) == col(Promotion.id))
        .where(PromotionVersion.version == Promotion.published, col(Promotion.stopped_at).is_(None))
    ).all()
    joined = _list_joined(session, subscriber_id, now=now)
    had = {offer.promotion_id for offer in joined}
    open_ = [
        (promotion, terms)
        for promotion, version in rows
        if promotion.id not in had and (terms := read_terms(version.content)).is_open(now) and not terms.needs_code
    ]
    needed = frozenset[Fact]().union(*(facts_needed(terms.conditions) for _, terms in open_))
    facts = segments.read_facts(session, [subscriber_id], needed, now=now)[subscriber_id]
    fitting = [
        _offer(session, promotion, terms)
        for promotion, terms in open_
        if is_for(terms.conditions, facts) and (terms.places is None or promotion.joined < terms.places)
    ]
    endless = datetime.max.replace(tzinfo=UTC)
    fitting.sort(key=lambda one: (-len(one.terms.conditions), one.terms.ends_at or endless, one.promotion_id))
    return Offers(tuple(fitting), joined)


def get_detail(session: Session, subscriber_id: int, code: str, *, now: datetime) -> Detail:
    """A promotion with what joining it would do.

    Raises:
        NotFound: there is none with this code, or it is joined by a promo code and was not.
    """
    mine = next((one for one in _list_joined(session, subscriber_id, now=now) if one.code == code), None)
    if mine is not None:
        return Detail(mine, None, None)
    found = participations.find_published(session, code)
    if found is None or (terms := read_terms(found[1].content)).needs_code:
        raise NotFound
    offer = _offer(session, found[0], terms)
    try:
        snapshot = snapshots.read(session, subscriber_id, now=now)
        _, summary = orders.propose(session, snapshot, Request(OrderKind.PROMOTION, code), now=now)
    except NotFound:
        raise
    except CabinetError as refusal:
        return Detail(offer, None, refusal)
    return Detail(offer, summary, None)


def quote_join(session: Session, subscriber_id: int, code: str, *, promo_code: str = "", now: datetime) -> Quote:
    """What joining would do; stored, valid for 15 minutes.

    Raises:
        NotFound: there is no such promotion.
        CabinetError: why it cannot be joined, see `participations.find_open`.
    """
    chosen = {participations.PROMO_CODE: promo_code} if promo_code else {}
    return orders.ask(session, subscriber_id, Request(OrderKind.PROMOTION, code, chosen), now=now)


def quote_leave(session: Session, subscriber_id: int, code: str, *, now: datetime) -> Quote:
    """What leaving would do: the discount is on no fee to come, and the promotion cannot be joined again.

    Raises:
        NotJoined: the subscriber is not in it.
    """
    return orders.ask(session, subscriber_id, Request(OrderKind.PROMOTION_LEAVE, code), now=now)


def check_promo_code(session: Session, subscriber_id: int, typed: str, *, now: datetime) -> CodeAnswer:
    """What the promo code is for, or why it cannot be used. Every try counts, whatever comes of it."""
    tries = limits.hit(session, f"promo-codes:{subscriber_id}", window=TRIES_IN, now=now)
    try:
        if tries.count > settings().promo_codes_per_hour:
            raise TooManyPromoCodes(minutes=tries.minutes_left(now))
        code = read_promo_code(typed)
        row, series = participations.find_code(session, code)
        participations.check_code(row, series, now=now)
        promotion = session.get_one(Promotion, series.promotion_id)
        if promotion.stopped_at is not None or promotion.published is None:
            raise PromotionOver
    except CabinetError as refusal:
        return CodeAnswer(refusal=refusal)
    return CodeAnswer(promotion.code, code)


def mark_shown(session: Session, subscriber_id: int, promotion_ids: Collection[int], *, now: datetime) -> None:
    """These promotions have been on the subscriber's screen; the first time is kept."""
    if not promotion_ids:
        return
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    rows = [
        {"promotion_id": promotion_id, "subscriber_id": subscriber_id, "shown_at": now}
        for promotion_id in sorted(promotion_ids)
    ]
    session.execute(insert(PromotionShown).on_conflict_do_nothing(), rows)


def list_not_shown(session: Session, subscriber_id: int, promotion_ids: Collection[int]) -> set[int]:
    """Those that have never been on the subscriber's screen."""
    shown = session.exec(
        select(PromotionShown.promotion_id).where(
            PromotionShown.subscriber_id == subscriber_id, col(PromotionShown.promotion_id).in_(list(promotion_ids))
        )
    ).all()
    return set(promotion_ids) - set(shown)


# --- how -------------------------------------------------------------------------------------------------------------


def _offer(session: Session, promotion: Promotion, terms: Terms, joined: Joined | None = None) -> Offer:
    return Offer(
        promotion_id=cast(int, promotion.id),
        code=promotion.code,
        terms=terms,
        places_left=None if terms.places is None else max(terms.places - promotion.joined, 0),
        is_stopped=promotion.stopped_at is not None,
        discount_name=name_of_discounted(session, terms.discount),
        joined=joined,
    )


def name_of_discounted(session: Session, discount: Discount | None) -> str:
    """The name of the service or package that the discount is on; empty of the plan's and of an unknown one."""
    if discount is None or discount.on == DiscountOn.PLAN:
        return ""
    try:
        if discount.on == DiscountOn.OPTION:
            return catalogue.get_option(session, discount.code).item.name
        return catalogue.get_bundle(session, discount.code).item.name
    except NotFound:
        return ""


def _list_joined(session: Session, subscriber_id: int, *, now: datetime) -> tuple[Offer, ...]:
    rows = session.exec(
        select(Participation, Promotion, PromotionVersion)
        .join(Promotion, col(Promotion.id) == col(Participation.promotion_id))
        .join(PromotionVersion, col(PromotionVersion.id) == col(Participation.version_id))
        .where(Participation.subscriber_id == subscriber_id)
        .order_by(col(Participation.id).desc())
        .execution_options(populate_existing=True)
    ).all()
    packages = _list_packages(session, subscriber_id, [row.order_id for row, _, _ in rows], now=now)
    return tuple(
        _offer(
            session,
            promotion,
            read_terms(version.content),
            Joined(row.joined_at, row.left_at, row.discount_left, packages.get(row.order_id, ())),
        )
        for row, promotion, version in rows
    )


def _list_packages(
    session: Session, subscriber_id: int, order_ids: Collection[int], *, now: datetime
) -> Mapping[int, tuple[PackageLeft, ...]]:
    """What is valid now, by the order that brought it."""
    if not order_ids:
        return {}
    rows = session.exec(
        select(Allowance).where(
            Allowance.subscriber_id == subscriber_id,
            Allowance.source == AllowanceSource.PROMOTION,
            col(Allowance.valid_until) > now,
            or_(*(col(Allowance.reference).like(f"order:{order_id}:%") for order_id in order_ids)),
        )
    ).all()
    found: dict[int, list[PackageLeft]] = {}
    for row in rows:
        left = PackageLeft(UsageKind(row.kind), row.granted, row.remaining, row.valid_until)
        found.setdefault(int(row.reference.split(":")[1]), []).append(left)
    return {order_id: tuple(left) for order_id, left in found.items()}
