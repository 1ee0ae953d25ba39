"""Promotions as the operator's staff makes them: versions, previews, promo codes, figures.

What is saved is a new version; subscribers see the one that is published. Whoever has joined keeps the terms of then,
whatever is published or stopped after that. Who may do this is the desk's own matter.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import cast

from sqlalchemy import case, func
from sqlmodel import Session, col, select

from cabinet import clock
from cabinet.bulk import insert_many
from cabinet.domain.effects import OpenPromotion, of_join
from cabinet.domain.errors import CabinetError, NotFound
from cabinet.domain.promotions import (
    DiscountOn,
    PromoCodeUnknown,
    Terms,
    TermsWrong,
    check_code,
    check_terms,
    read_promo_code,
    read_terms,
    write_terms,
)
from cabinet.domain.quotes import Summary, summarize
from cabinet.models.base import metadata
from cabinet.models.promotions import (
    DiscountUse,
    Participation,
    PromoCode,
    PromoSeries,
    Promotion,
    PromotionShown,
    PromotionVersion,
)
from cabinet.services import catalogue, orders, segments, snapshots

MOST_CODES = 100_000
MOST_USES = 1_000_000
CODE_LENGTH = 12
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # 32 letters, 60 bits a code: none to be taken for another
_PAGE = 5_000


class State(StrEnum):
    """Where a promotion stands."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    LIVE = "live"
    ENDED = "ended"
    STOPPED = "stopped"


class CodeTaken(CabinetError):
    """A promo code, or the name of a promotion."""

    message = "Код «{code}» уже есть. Придумайте другой."


class NothingToPublish(CabinetError):
    message = "Акция остановлена: сделайте новую."


@dataclass(frozen=True, slots=True)
class Figures:
    """`cost_kopecks`: roubles given and what discounts have taken off so far."""

    shown: int
    joined: int
    left: int
    cost_kopecks: int


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """A series of promo codes and how many uses of them were made."""

    id: int
    name: str
    codes: int
    uses: int
    ends_at: datetime | None
    made_at: datetime


@dataclass(frozen=True, slots=True)
class DeskRow:
    """A promotion: its newest version, and which one is published (None: a draft)."""

    code: str
    version: int
    published: int | None
    terms: Terms
    state: State
    figures: Figures


@dataclass(frozen=True, slots=True)
class Preview:
    """How many of all active subscribers meet the conditions now, and what joining would do for one of them: on which
    plan they are and what the quote would show, for whoever makes promotions does not see whose number it is."""

    count: int
    subscribers: int
    plan_name: str
    summary: Summary | None


@dataclass(frozen=True, slots=True)
class Choices:
    """What conditions and discounts can name: codes with names. Services that cost something can be discounted."""

    plans: dict[str, str]
    regions: dict[str, str]
    options: dict[str, str]
    paid_options: dict[str, str]
    bundles: dict[str, str]


def list_choices(session: Session) -> Choices:
    """From the catalogue as it is now; regions are those of its file."""
    options = {code: sold.item for code, sold in catalogue.list_options(session).items() if not sold.is_archived}
    bundles = {code: sold.item for code, sold in catalogue.list_bundles(session).items() if not sold.is_archived}
    return Choices(
        plans={facts.plan.code: facts.plan.name for facts in catalogue.list_plans(session)},
        regions=catalogue.regions(),
        options={code: option.name for code, option in options.items()},
        paid_options={code: option.name for code, option in options.items() if option.price_kopecks},
        bundles={code: bundle.name for code, bundle in bundles.items()},
    )


def save(session: Session, code: str, terms: Terms, *, now: datetime) -> int:
    """Keeps the terms as the newest version, unpublished; returns its number. The same terms again are no new version.

    Raises:
        TermsWrong: the code or the terms cannot be, in words for the desk.
    """
    check_code(code)
    check_terms(terms)
    _check_discounted(session, terms)
    promotion = session.exec(select(Promotion).where(Promotion.code == code).with_for_update()).one_or_none()
    if promotion is None:
        promotion = Promotion(code=code)
        session.add(promotion)
        session.flush()
    last = _newest(session, promotion)
    written = write_terms(terms)
    if last is not None and last.content == written:
        return last.version
    number = last.version + 1 if last else 1
    session.add(PromotionVersion(promotion_id=cast(int, promotion.id), version=number, content=written, made_at=now))
    session.flush()
    return number


def publish(session: Session, code: str, *, now: datetime) -> None:
    """Subscribers see the newest version from its `starts_at` on.

    Raises:
        NotFound: there is no such promotion.
        NothingToPublish: it was stopped.
        TermsWrong: it would be over already.
    """
    promotion, version = _get(session, code, to_change=True)
    if promotion.stopped_at is not None:
        raise NothingToPublish
    ends_at = read_terms(version.content).ends_at
    if ends_at is not None and ends_at <= now:
        raise TermsWrong("Дата окончания уже прошла.")
    promotion.published = version.version
    session.flush()


def stop(session: Session, code: str, *, now: datetime) -> None:
    """Nobody joins it any more; who has joined keeps what was promised.

    Raises:
        NotFound: there is no such promotion.
    """
    promotion, _ = _get(session, code, to_change=True)
    promotion.stopped_at = promotion.stopped_at or now
    session.flush()


def get(session: Session, code: str, *, now: datetime) -> DeskRow:
    """A promotion with its figures.

    Raises:
        NotFound: there is no such promotion.
    """
    promotion, version = _get(session, code)
    return _row(session, promotion, version, now=now)


def list_promotions(session: Session, *, now: datetime) -> list[DeskRow]:
    """All of them, the newest first."""
    promotions = session.exec(select(Promotion).order_by(col(Promotion.id).desc())).all()
    rows = []
    for promotion in promotions:
        version = _newest(session, promotion)
        if version is not None:
            rows.append(_row(session, promotion, version, now=now))
    return rows


def preview(session: Session, code: str, *, now: datetime) -> Preview:
    """Whom the newest version would be for now, as if it had begun, and what it would do for one of them.

    Raises:
        NotFound: there is no such promotion.
    """
    _, version = _get(session, code)
    terms = read_terms(version.content)
    count, first = segments.count_matching(session, terms.conditions, now=now)
    every, _ = segments.count_matching(session, (), now=now)
    for subscriber_id in first:
        try:
            snapshot = snapshots.read(session, subscriber_id, now=now)
        except snapshots.NoPlan:
            continue
        begun = replace(terms, starts_at=min(terms.starts_at, now), ends_at=None)
        promotion = OpenPromotion(cast(int, version.id), code, version.version, begun)
        effects = of_join(replace(snapshot, joined=frozenset()), promotion, now=now, zone=clock.time_zone())
        names = orders.options_by_code(session)
        summary = summarize(snapshot, effects, snapshot.plan, names, now=now, zone=clock.time_zone())
        return Preview(count, every, snapshot.plan.name, summary)
    return Preview(count, every, "", None)


# --- promo codes -----------------------------------------------------------------------------------------------------


def make_series(
    session: Session,
    code: str,
    name: str,
    *,
    count: int = 1,
    uses_each: int = 1,
    word: str = "",
    ends_at: datetime | None = None,
    now: datetime,
) -> int:
    """Makes promo codes for the promotion, and returns the series' id: `count` random ones, or the one `word`.

    Raises:
        NotFound: there is no such promotion.
        TermsWrong: so many cannot be made, or the word is no code.
        CodeTaken: the word is a code already.
    """
    promotion, _ = _get(session, code)
    if not 1 <= count <= MOST_CODES or not 1 <= uses_each <= MOST_USES or (word and count != 1):
        raise TermsWrong("Кодов: от 1 до 100 000, применений каждого — до 1 000 000; своё слово — один код.")
    if not 1 <= len(name) <= 80:
        raise TermsWrong("Название серии: от 1 до 80 знаков.")
    try:
        codes = [read_promo_code(word)] if word else _random_codes(count)
    except PromoCodeUnknown:
        raise TermsWrong("Промокод: от 4 до 24 латинских букв и цифр.") from None
    if word and session.exec(select(PromoCode.id).where(PromoCode.code == codes[0])).first():
        raise CodeTaken(code=codes[0])
    series = PromoSeries(
        promotion_id=cast(int, promotion.id), name=name, codes=len(codes), ends_at=ends_at, made_at=now
    )
    session.add(series)
    session.flush()
    table = metadata.tables["promo_code"]
    rows = [(series.id, text, uses_each, 0) for text in codes]
    insert_many(session, table, ("series_id", "code", "most_uses", "uses"), rows)
    return cast(int, series.id)


def _random_codes(count: int) -> list[str]:
    found: set[str] = set()
    while len(found) < count:
        found.add("".join(secrets.choice(_ALPHABET) for _ in range(CODE_LENGTH)))
    return list(found)


def list_series(session: Session, code: str) -> list[SeriesRow]:
    """The promotion's promo codes, the newest series first.

    Raises:
        NotFound: there is no such promotion.
    """
    promotion, _ = _get(session, code)
    uses = func.coalesce(func.sum(PromoCode.uses), 0)
    rows = session.exec(
        select(PromoSeries, uses)
        .outerjoin(PromoCode, col(PromoCode.series_id) == col(PromoSeries.id))
        .where(PromoSeries.promotion_id == promotion.id)
        .group_by(col(PromoSeries.id))
        .order_by(col(PromoSeries.id).desc())
    ).all()
    return [
        SeriesRow(cast(int, row.id), row.name, row.codes, int(used), row.ends_at, row.made_at) for row, used in rows
    ]


def list_codes(session: Session, series_id: int) -> Iterator[tuple[str, int, int]]:
    """Each code of the series with its uses and how many it is good for; memory stays flat.

    Raises:
        NotFound: there is no such series.
    """
    if session.get(PromoSeries, series_id) is None:
        raise NotFound
    last = 0
    while True:
        rows = session.exec(
            select(PromoCode.id, PromoCode.code, PromoCode.uses, PromoCode.most_uses)
            .where(PromoCode.series_id == series_id, col(PromoCode.id) > last)
            .order_by(col(PromoCode.id))
            .limit(_PAGE)
        ).all()
        yield from ((code, uses, most) for _, code, uses, most in rows)
        if len(rows) < _PAGE:
            return
        last = cast(int, rows[-1][0])


# --- how -------------------------------------------------------------------------------------------------------------


def _get(session: Session, code: str, *, to_change: bool = False) -> tuple[Promotion, PromotionVersion]:
    query = select(Promotion).where(Promotion.code == code)
    promotion = session.exec(query.with_for_update() if to_change else query).one_or_none()
    version = _newest(session, promotion) if promotion else None
    if promotion is None or version is None:
        raise NotFound
    return promotion, version


def _newest(session: Session, promotion: Promotion) -> PromotionVersion | None:
    return session.exec(
        select(PromotionVersion)
        .where(PromotionVersion.promotion_id == promotion.id)
        .order_by(col(PromotionVersion.version).desc())
        .limit(1)
    ).first()


def _check_discounted(session: Session, terms: Terms) -> None:
    discount = terms.discount
    try:
        if discount is not None and discount.on == DiscountOn.OPTION:
            catalogue.get_option(session, discount.code)
        elif discount is not None and discount.on == DiscountOn.BUNDLE:
            catalogue.get_bundle(session, discount.code)
    except NotFound:
        raise TermsWrong("Такой услуги или пакета в каталоге нет.") from None


def _row(session: Session, promotion: Promotion, version: PromotionVersion, *, now: datetime) -> DeskRow:
    terms = read_terms(version.content)
    return DeskRow(
        code=promotion.code,
        version=version.version,
        published=promotion.published,
        terms=terms,
        state=_state(promotion, terms, now),
        figures=_figures(session, cast(int, promotion.id)),
    )


def _state(promotion: Promotion, terms: Terms, now: datetime) -> State:
    if promotion.stopped_at is not None:
        return State.STOPPED
    if promotion.published is None:
        return State.DRAFT
    if now < terms.starts_at:
        return State.SCHEDULED
    return State.LIVE if terms.is_open(now) else State.ENDED


def _figures(session: Session, promotion_id: int) -> Figures:
    shown = session.exec(
        select(func.count()).select_from(PromotionShown).where(PromotionShown.promotion_id == promotion_id)
    ).one()
    left = func.sum(case((col(Participation.left_at).is_not(None), 1), else_=0))
    joined, gone, gifts = session.exec(
        select(func.count(), func.coalesce(left, 0), func.coalesce(func.sum(Participation.gift_kopecks), 0)).where(
            Participation.promotion_id == promotion_id
        )
    ).one()
    off = session.exec(
        select(func.coalesce(func.sum(DiscountUse.off_kopecks), 0))
        .join(Participation, col(Participation.id) == col(DiscountUse.participation_id))
        .where(Participation.promotion_id == promotion_id)
    ).one()
    return Figures(shown, joined, int(gone), int(gifts) + int(off))
