"""Tariffs: the versions that the catalogue file brought, and which of them a subscriber is on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from cabinet import clock
from cabinet.domain.catalogue import Bundle, Catalogue, Option, Plan
from cabinet.domain.errors import CabinetError, NotFound
from cabinet.domain.periods import period_containing
from cabinet.domain.rating import Rates
from cabinet.models.catalogue import BundleVersion, OptionVersion, PlanVersion
from cabinet.models.subscribers import Subscriber
from cabinet.models.tariffs import PlanSubscription


class VersionChanged(CabinetError):
    """For the operator's staff: what was sold cannot become something else under the same number."""

    message = "{code} версии {version} уже продаётся с другим содержанием. Дайте новой редакции следующий номер версии."


class PlanNotFound(CabinetError):
    message = "Такого тарифа нет."


class AlreadySubscribed(CabinetError):
    message = "У этого номера уже есть тариф."


@dataclass(frozen=True, slots=True)
class Stored:
    """How many versions were new, and how many were closed or opened for joining."""

    added: int
    archived_changed: int


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """A plan version as it was sold, ready for rating."""

    plan_version_id: int
    plan: Plan
    rates: Rates
    is_archived: bool


_compiled: dict[str, tuple[Plan, Rates]] = {}  # by digest: ids repeat from database to database


def store_catalogue(session: Session, catalogue: Catalogue, *, now: datetime) -> Stored:
    """Keeps the versions that are not kept yet, and follows the file in what is closed for joining.

    Raises:
        VersionChanged: a known code and version came with another content; nothing of the file should be kept then.
    """
    added = archived_changed = 0
    kinds: list[tuple[type[PlanVersion | OptionVersion | BundleVersion], Iterable[Plan | Option | Bundle]]] = [
        (PlanVersion, catalogue.plans.values()),
        (OptionVersion, catalogue.options.values()),
        (BundleVersion, catalogue.bundles.values()),
    ]
    for table, items in kinds:
        kept = {(row.code, row.version): row for row in session.exec(select(table))}
        for item in items:
            row = kept.get((item.code, item.version))
            if row is None:
                session.add(_row_of(table, item, now))
                added += 1
            elif row.digest != item.digest():
                raise VersionChanged(code=item.code, version=item.version)
            elif row.is_archived != item.archived:
                row.is_archived = item.archived
                archived_changed += 1
    session.flush()
    return Stored(added, archived_changed)


def _row_of(table: type[Any], item: Plan | Option | Bundle, now: datetime) -> Any:
    return table(
        code=item.code,
        version=item.version,
        name=item.name,
        content=item.content(),
        digest=item.digest(),
        is_archived=item.archived,
        loaded_at=now,
    )


def get_plan(session: Session, plan_version_id: int) -> PlanFacts:
    """The plan version. Reading and compiling it is done once a process: a version never changes.

    Raises:
        PlanNotFound: there is no such version.
    """
    row = session.exec(
        select(PlanVersion.digest, PlanVersion.is_archived).where(PlanVersion.id == plan_version_id)
    ).one_or_none()
    if row is None:
        raise PlanNotFound
    digest, is_archived = row
    if digest not in _compiled:
        content = session.exec(select(PlanVersion.content).where(PlanVersion.id == plan_version_id)).one()
        plan = Plan.model_validate(content)
        _compiled[digest] = plan, plan.compile()
    return PlanFacts(plan_version_id, *_compiled[digest], is_archived)


def current_version(session: Session, code: str) -> PlanFacts:
    """The newest version of a plan, closed for joining or not.

    Raises:
        PlanNotFound: there is no plan with this code.
    """
    newest = select(PlanVersion.id).where(PlanVersion.code == code).order_by(col(PlanVersion.version).desc()).limit(1)
    plan_version_id = session.exec(newest).one_or_none()
    if plan_version_id is None:
        raise PlanNotFound
    return get_plan(session, plan_version_id)


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


def get_subscription(session: Session, subscriber_id: int, at: datetime) -> PlanSubscription | None:
    """The subscription that held at that moment; None when there was none."""
    return session.exec(
        select(PlanSubscription).where(
            PlanSubscription.subscriber_id == subscriber_id,
            PlanSubscription.started_at <= at,
            or_(col(PlanSubscription.ended_at).is_(None), col(PlanSubscription.ended_at) > at),
        )
    ).one_or_none()
