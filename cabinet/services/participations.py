"""Who has joined which promotion: what orders do with it (`services/orders.py` asks, applies and undoes).

Of a promotion with so many places, or of a promo code good for so many, the last one is taken by a guarded UPDATE: of
fifty who come at once one has it, and the others' orders do nothing at all.
"""

from datetime import datetime
from typing import Any, cast

from sqlalchemy import bindparam, update
from sqlalchemy import select as select_of
from sqlmodel import Session, col, select

from cabinet import clock
from cabinet.domain.effects import Join, Leave, OpenPromotion, Request, Snapshot
from cabinet.domain.errors import NotFound
from cabinet.domain.promotions import (
    AlreadyJoined,
    DiscountOn,
    NoPlacesLeft,
    NotJoined,
    PromoCodeOver,
    PromoCodeUnknown,
    PromotionNotForYou,
    PromotionOver,
    facts_needed,
    is_for,
    read_terms,
)
from cabinet.models.base import metadata
from cabinet.models.orders import Order
from cabinet.models.promotions import Participation, PromoCode, PromoSeries, Promotion, PromotionVersion
from cabinet.services import discounts, segments

PROMO_CODE = "promo_code"  # its place in a request's settings


def find_open(session: Session, snapshot: Snapshot, request: Request, *, now: datetime) -> OpenPromotion:
    """The promotion that is asked for, if it may be joined now by this subscriber.

    Raises:
        NotFound: there is none with this code.
        AlreadyJoined, PromotionOver, NoPlacesLeft, PromotionNotForYou, PromoCodeUnknown, PromoCodeOver: why not.
    """
    found = find_published(session, request.code)
    if found is None:
        raise NotFound
    promotion, version = found
    if promotion.code in snapshot.joined:
        raise AlreadyJoined
    terms = read_terms(version.content)
    if promotion.stopped_at is not None or not terms.is_open(now):
        raise PromotionOver
    if terms.places is not None and promotion.joined >= terms.places:
        raise NoPlacesLeft
    facts = segments.read_facts(session, [snapshot.subscriber_id], facts_needed(terms.conditions), now=now)
    if not is_for(terms.conditions, facts.get(snapshot.subscriber_id, {})):
        raise PromotionNotForYou
    promo_code = request.settings.get(PROMO_CODE, "")
    if terms.needs_code or promo_code:
        row, series = find_code(session, promo_code)
        if series.promotion_id != promotion.id:
            raise PromoCodeUnknown
        check_code(row, series, now=now)
    return OpenPromotion(cast(int, version.id), promotion.code, version.version, terms, promo_code)


def find_published(session: Session, code: str) -> tuple[Promotion, PromotionVersion] | None:
    """A promotion with the version that subscribers see; None where they see none of it."""
    return session.exec(
        select(Promotion, PromotionVersion)
        .join(PromotionVersion, col(PromotionVersion.promotion_id) == col(Promotion.id))
        .where(Promotion.code == code, PromotionVersion.version == Promotion.published)
        .execution_options(populate_existing=True)
    ).one_or_none()


def find_code(session: Session, code: str) -> tuple[PromoCode, PromoSeries]:
    """The promo code, as `read_promo_code` gives it, with its series.

    Raises:
        PromoCodeUnknown: there is none.
    """
    found = session.exec(
        select(PromoCode, PromoSeries)
        .join(PromoSeries, col(PromoSeries.id) == col(PromoCode.series_id))
        .where(PromoCode.code == code)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise PromoCodeUnknown
    return found


def check_code(row: PromoCode, series: PromoSeries, *, now: datetime) -> None:
    """Refuses what cannot be used any more.

    Raises:
        PromoCodeUnknown: it has been used.
        PromoCodeOver: its series has ended.
    """
    if row.uses >= row.most_uses:
        raise PromoCodeUnknown
    if series.ends_at is not None and series.ends_at <= now:
        raise PromoCodeOver(code=row.code, on=f"{clock.local(series.ends_at):%d.%m.%Y}")


_JOINED = (
    select_of(metadata.tables["promotion"].c.code)
    .join(metadata.tables["participation"])
    .where(metadata.tables["participation"].c.subscriber_id == bindparam("subscriber_id"))
)


def list_joined(session: Session, subscriber_id: int) -> frozenset[str]:
    """Codes of the promotions that the subscriber has joined, those that were left too."""
    return frozenset(session.execute(_JOINED, {"subscriber_id": subscriber_id}).scalars())


def leaving(session: Session, subscriber_id: int, code: str) -> Leave:
    """The effect of leaving.

    Raises:
        NotJoined: the subscriber is not in it.
    """
    found = session.exec(
        select(Participation, PromotionVersion)
        .join(Promotion, col(Promotion.id) == col(Participation.promotion_id))
        .join(PromotionVersion, col(PromotionVersion.id) == col(Participation.version_id))
        .where(
            Promotion.code == code, Participation.subscriber_id == subscriber_id, col(Participation.left_at).is_(None)
        )
    ).one_or_none()
    if found is None:
        raise NotJoined
    participation, version = found
    return Leave(cast(int, participation.id), version.content["title"])


# --- applied and undone by orders ------------------------------------------------------------------------------------


def join(session: Session, effect: Join, order: Order, *, now: datetime) -> None:
    """Takes a place and a use of the promo code, and keeps what is promised.

    Raises:
        NoPlacesLeft, PromoCodeUnknown, PromotionOver: somebody was quicker; nothing was done.
    """
    version = session.get_one(PromotionVersion, effect.version_id)
    _take_place(session, version)
    promo_code_id = _use_code(session, effect.promo_code) if effect.promo_code else None
    discount = effect.discount
    session.add(
        Participation(
            promotion_id=version.promotion_id,
            version_id=effect.version_id,
            subscriber_id=order.subscriber_id,
            order_id=cast(int, order.id),
            promo_code_id=promo_code_id,
            joined_at=now,
            gift_kopecks=effect.gift_kopecks,
            discount_on=DiscountOn(discount.on) if discount else None,
            discount_code=discount.code if discount else "",
            discount_percent=discount.percent if discount else 0,
            discount_kopecks=discount.kopecks if discount else 0,
            discount_periods=discount.periods if discount else 0,
            discount_left=discount.periods if discount else 0,
        )
    )
    session.flush()


def _take_place(session: Session, version: PromotionVersion) -> None:
    places = read_terms(version.content).places
    taking = update(Promotion).where(
        col(Promotion.id) == version.promotion_id, col(Promotion.published) == version.version
    )
    taking = taking.where(col(Promotion.stopped_at).is_(None))
    if places is not None:
        taking = taking.where(col(Promotion.joined) < places)
    joined = col(Promotion.joined) + 1
    if session.execute(taking.values(joined=joined).returning(col(Promotion.id))).scalar() is None:
        promotion = session.get_one(Promotion, version.promotion_id, populate_existing=True)
        raise PromotionOver if promotion.stopped_at or promotion.published != version.version else NoPlacesLeft


def _use_code(session: Session, code: str) -> int:
    used: Any = session.execute(
        update(PromoCode)
        .where(col(PromoCode.code) == code, col(PromoCode.uses) < col(PromoCode.most_uses))
        .values(uses=col(PromoCode.uses) + 1)
        .returning(col(PromoCode.id))
    ).scalar()
    if used is None:
        raise PromoCodeUnknown
    return int(used)


def take_back(session: Session, order: Order) -> bool:
    """Undoes joining: the place and the promo code are free again; False when its discount has been used, or it was
    left."""
    row = session.exec(
        select(Participation).where(Participation.order_id == order.id).execution_options(populate_existing=True)
    ).one_or_none()
    if row is None or row.left_at is not None or discounts.is_used(session, cast(int, row.id)):
        return False
    session.execute(
        update(Promotion).where(col(Promotion.id) == row.promotion_id).values(joined=col(Promotion.joined) - 1)
    )
    if row.promo_code_id is not None:
        session.execute(
            update(PromoCode).where(col(PromoCode.id) == row.promo_code_id).values(uses=col(PromoCode.uses) - 1)
        )
    session.delete(row)
    session.flush()
    return True


def leave(session: Session, effect: Leave, *, now: datetime) -> None:
    """Its discount is on no fee any more; what has come stays."""
    session.get_one(Participation, effect.participation_id, populate_existing=True).left_at = now
    session.flush()


def come_back(session: Session, effect: Leave) -> None:
    """Undoes leaving."""
    session.get_one(Participation, effect.participation_id, populate_existing=True).left_at = None
    session.flush()
