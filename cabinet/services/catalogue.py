"""What the operator sells, as immutable versions that the catalogue file brought."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlmodel import Session, col, select

from cabinet.config import settings
from cabinet.domain.catalogue import Bundle, Catalogue, Option, Plan, PromisedPayment, load
from cabinet.domain.effects import Sold
from cabinet.domain.errors import CabinetError, NotFound
from cabinet.domain.rating import Rates
from cabinet.models.catalogue import BundleVersion, OptionVersion, PlanVersion, PromisedPaymentVersion

_Table = type[PlanVersion] | type[OptionVersion] | type[BundleVersion] | type[PromisedPaymentVersion]
_Item = TypeVar("_Item", Plan, Option, Bundle, PromisedPayment)


class VersionChanged(CabinetError):
    """For the operator's staff: what was sold cannot become something else under the same number."""

    message = "{code} версии {version} уже продаётся с другим содержанием. Дайте новой редакции следующий номер версии."


class PlanNotFound(CabinetError):
    message = "Такого тарифа нет."


@dataclass(frozen=True, slots=True)
class Stored:
    """How many versions were new, and how many were closed or opened for joining. `behind`: codes of what is sold in a
    newer version than the file's."""

    added: int
    archived_changed: int
    behind: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """A plan version as it was sold, ready for rating."""

    plan_version_id: int
    plan: Plan
    rates: Rates
    is_archived: bool


# By digest, for ids repeat from database to database. A version never changes, so each is read once a process.
_compiled: dict[str, tuple[Plan, Rates]] = {}
_read: dict[str, Any] = {}


def store_catalogue(session: Session, catalogue: Catalogue, *, now: datetime) -> Stored:
    """Keeps the versions that are not kept yet, and closes or opens for joining what the file says otherwise than last
    time: what the desk has decided since stays where the file says the same as before.

    Raises:
        VersionChanged: a known code and version came with another content; nothing of the file should be kept then.
    """
    added = archived_changed = 0
    behind = []
    kinds: list[tuple[_Table, Iterable[Plan | Option | Bundle | PromisedPayment]]] = [
        (PlanVersion, catalogue.plans.values()),
        (OptionVersion, catalogue.options.values()),
        (BundleVersion, catalogue.bundles.values()),
        (PromisedPaymentVersion, catalogue.promised_payments.values()),
    ]
    for table, items in kinds:
        kept = {(row.code, row.version): row for row in session.exec(select(table))}
        newest = dict(sorted(kept))
        for item in items:
            if newest.get(item.code, 0) > item.version:
                behind.append(item.code)
            row = kept.get((item.code, item.version))
            if row is None:
                session.add(_row_of(table, item, now))
                added += 1
            elif row.digest != item.digest():
                raise VersionChanged(code=item.code, version=item.version)
            elif row.archived_in_file != item.archived:
                archived_changed += row.is_archived != item.archived
                row.archived_in_file = row.is_archived = item.archived
    session.flush()
    return Stored(added, archived_changed, tuple(behind))


def regions() -> dict[str, str]:
    """Codes and names of the regions of the operator's catalogue file, read once a process."""
    return _regions_of(settings().catalogue_path)


@lru_cache(maxsize=1)
def _regions_of(path: Path) -> dict[str, str]:
    return dict(load(path).regions)


def _row_of(table: type[Any], item: Plan | Option | Bundle | PromisedPayment, now: datetime) -> Any:
    return table(
        code=item.code,
        version=item.version,
        name=item.name,
        content=item.content(),
        digest=item.digest(),
        is_archived=item.archived,
        archived_in_file=item.archived,
        loaded_at=now,
    )


def add_after(session: Session, row: Any, item: Plan | Option | Bundle, *, now: datetime) -> None:
    """Brings the version after `row`, the newest one, on sale; closed for joining where that one is."""
    made = _row_of(type(row), item, now)
    made.is_archived, made.archived_in_file = row.is_archived, row.archived_in_file
    session.add(made)
    session.flush()


# --- plans -----------------------------------------------------------------------------------------------------------


def get_plan(session: Session, plan_version_id: int) -> PlanFacts:
    """The plan version. Reading and compiling it is done once a process.

    Raises:
        PlanNotFound: there is no such version.
    """
    return get_plans(session, [plan_version_id])[plan_version_id]


def get_plans(session: Session, version_ids: Collection[int]) -> dict[int, PlanFacts]:
    """Plan versions by their ids; see `get_plan`.

    Raises:
        PlanNotFound: one of them is not there.
    """
    rows = session.exec(
        select(PlanVersion.id, PlanVersion.digest, PlanVersion.is_archived).where(col(PlanVersion.id).in_(version_ids))
    ).all()
    if len(rows) < len(set(version_ids)):
        raise PlanNotFound
    found = {}
    for version_id, digest, is_archived in rows:
        if digest not in _compiled:
            content = session.exec(select(PlanVersion.content).where(PlanVersion.id == version_id)).one()
            plan = Plan.model_validate(content)
            _compiled[digest] = plan, plan.compile()
        found[cast(int, version_id)] = PlanFacts(cast(int, version_id), *_compiled[digest], is_archived)
    return found


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


def list_plans(session: Session) -> list[PlanFacts]:
    """The newest version of every plan, closed ones too, in the order in which they were stored."""
    rows = session.exec(select(PlanVersion.id, PlanVersion.code).order_by(col(PlanVersion.version)))
    newest = {code: version_id for version_id, code in rows if version_id is not None}
    return [get_plan(session, version_id) for version_id in sorted(newest.values())]


# --- services and packages -------------------------------------------------------------------------------------------


def list_options(session: Session) -> dict[str, Sold[Option]]:
    """The newest version of every service by its code, closed ones too, in the order in which they were stored."""
    return _newest(session, OptionVersion, Option)


def list_bundles(session: Session) -> dict[str, Sold[Bundle]]:
    """The newest version of every package by its code, closed ones too, in the order in which they were stored."""
    return _newest(session, BundleVersion, Bundle)


def get_options(session: Session, version_ids: Iterable[int]) -> dict[int, Option]:
    """Versions of services by their ids; an unknown id is left out."""
    return _by_id(session, OptionVersion, Option, version_ids)


def get_bundles(session: Session, version_ids: Iterable[int]) -> dict[int, Bundle]:
    """Versions of packages by their ids; an unknown id is left out."""
    return _by_id(session, BundleVersion, Bundle, version_ids)


def get_option(session: Session, code: str) -> Sold[Option]:
    """The newest version of a service.

    Raises:
        NotFound: there is none with this code.
    """
    return _get_newest(session, OptionVersion, Option, code)


def get_bundle(session: Session, code: str) -> Sold[Bundle]:
    """The newest version of a package.

    Raises:
        NotFound: there is none with this code.
    """
    return _get_newest(session, BundleVersion, Bundle, code)


def get_promised_payment(session: Session) -> Sold[PromisedPayment] | None:
    """The terms of promised payments: the first in the catalogue that are not closed; None where there are none."""
    return next(
        (sold for sold in _newest(session, PromisedPaymentVersion, PromisedPayment).values() if not sold.is_archived),
        None,
    )


def _get_newest(session: Session, table: Any, model: type[_Item], code: str) -> Sold[_Item]:
    row = session.exec(
        select(table.id, table.digest, table.is_archived)
        .where(table.code == code)
        .order_by(table.version.desc())
        .limit(1)
    ).first()
    if row is None:
        raise NotFound
    _read_missing(session, table, model, {row[1]: row[0]})
    return Sold(row[0], _read[row[1]], row[2])


def _newest(session: Session, table: Any, model: type[_Item]) -> dict[str, Sold[_Item]]:
    rows = session.exec(
        select(table.id, table.code, table.digest, table.is_archived).order_by(table.version, table.id)
    ).all()
    newest = {code: (version_id, digest, is_archived) for version_id, code, digest, is_archived in rows}
    _read_missing(session, table, model, {digest: version_id for version_id, digest, _ in newest.values()})
    ordered = sorted(newest.items(), key=lambda pair: pair[1][0])
    return {code: Sold(version_id, _read[digest], is_archived) for code, (version_id, digest, is_archived) in ordered}


def _by_id(session: Session, table: Any, model: type[_Item], version_ids: Iterable[int]) -> dict[int, _Item]:
    wanted = set(version_ids)
    if not wanted:
        return {}
    digests: dict[int, str] = dict(session.exec(select(table.id, table.digest).where(table.id.in_(wanted))).all())
    _read_missing(session, table, model, {digest: version_id for version_id, digest in digests.items()})
    return {version_id: _read[digest] for version_id, digest in digests.items()}


def _read_missing(session: Session, table: Any, model: type[_Item], ids: dict[str, int]) -> None:
    missing = [version_id for digest, version_id in ids.items() if digest not in _read]
    if missing:
        for digest, content in session.exec(select(table.digest, table.content).where(table.id.in_(missing))):
            _read[digest] = model.model_validate(content)
