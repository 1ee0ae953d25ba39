"""What the operator sells, as immutable versions that the catalogue file brought."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Select, Table, bindparam
from sqlalchemy import select as select_of
from sqlmodel import Session, select

from cabinet.config import settings
from cabinet.domain.catalogue import Bundle, Catalogue, Option, Plan, PromisedPayment, load
from cabinet.domain.effects import Sold
from cabinet.domain.errors import CabinetError, NotFound
from cabinet.domain.rating import Rates
from cabinet.domain.wording import texts_of_file
from cabinet.models.base import metadata
from cabinet.models.catalogue import BundleVersion, OptionVersion, PlanVersion, PromisedPaymentVersion
from cabinet.services import words

_Table = type[PlanVersion] | type[OptionVersion] | type[BundleVersion] | type[PromisedPaymentVersion]
_Item = TypeVar("_Item", Plan, Option, Bundle, PromisedPayment)

_plan_version: Table = metadata.tables["plan_version"]
_option_version: Table = metadata.tables["option_version"]
_bundle_version: Table = metadata.tables["bundle_version"]
_promised_version: Table = metadata.tables["promised_payment_version"]


class VersionChanged(CabinetError):
    """For the operator's staff: what was sold cannot become something else under the same number."""

    message = "{code} версии {version} уже продаётся с другим содержанием. Дайте новой редакции следующий номер версии."


class PlanNotFound(CabinetError):
    message = "Такого тарифа нет."


@dataclass(frozen=True, slots=True)
class Stored:
    """How many versions were new, and how many were closed or opened for joining. `behind`: codes of what is sold in a
    newer version than the file's. `russian_only`: words of a file with English ones that have none."""

    added: int
    archived_changed: int
    behind: tuple[str, ...] = ()
    russian_only: tuple[str, ...] = ()


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
    words.store(session, catalogue.english, now=now)
    return Stored(added, archived_changed, tuple(behind), _russian_only(session, catalogue))


def _russian_only(session: Session, catalogue: Catalogue) -> tuple[str, ...]:
    texts = texts_of_file(catalogue) if catalogue.english else []
    english = words.english_of(session, texts)
    return tuple(text for text in texts if text not in english)


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


# --- statements -------------------------------------------------------------------------------------------------------

# Each event of a page asks several of these, and to build one takes longer than to run it: each is built once.

_KNOWN = "id", "code", "digest", "is_archived"


@cache
def _every(table: Table) -> Select[Any]:
    """All versions, older ones first."""
    return select_of(*(table.c[name] for name in _KNOWN)).order_by(table.c.version, table.c.id)


@cache
def _of_ids(table: Table) -> Select[Any]:
    """The versions with these `ids`."""
    return select_of(*(table.c[name] for name in _KNOWN)).where(table.c.id.in_(bindparam("ids", expanding=True)))


@cache
def _newest_of_code(table: Table) -> Select[Any]:
    """The newest version of a `code`."""
    known = select_of(*(table.c[name] for name in _KNOWN)).where(table.c.code == bindparam("code"))
    return known.order_by(table.c.version.desc()).limit(1)


@cache
def _contents_of(table: Table) -> Select[Any]:
    """What the versions with these `ids` are."""
    return select_of(table.c.digest, table.c.content).where(table.c.id.in_(bindparam("ids", expanding=True)))


def add_first(session: Session, table: type[Any], item: Plan | Option | Bundle, *, now: datetime) -> None:
    """Keeps the first version of something new.

    Raises:
        IntegrityError: there is something with its code by now; nothing was kept.
    """
    with session.begin_nested():
        session.add(_row_of(table, item, now))


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
    if not version_ids:
        return {}
    rows = session.execute(_of_ids(_plan_version), {"ids": list(version_ids)}).all()
    if len(rows) < len(set(version_ids)):
        raise PlanNotFound
    return _facts(session, rows)


def current_version(session: Session, code: str) -> PlanFacts:
    """The newest version of a plan, closed for joining or not.

    Raises:
        PlanNotFound: there is no plan with this code.
    """
    row = session.execute(_newest_of_code(_plan_version), {"code": code}).one_or_none()
    if row is None:
        raise PlanNotFound
    return _facts(session, [row])[row.id]


def list_plans(session: Session) -> list[PlanFacts]:
    """The newest version of every plan, closed ones too, in the order in which they were stored."""
    newest = {row.code: row for row in session.execute(_every(_plan_version))}
    return list(_facts(session, sorted(newest.values(), key=lambda row: row.id)).values())


def facts_of(session: Session, plan_version_id: int, digest: str, is_archived: bool) -> PlanFacts:
    """The plan version of which a wider query has read all that can change; see `get_plan`."""
    if digest not in _compiled:
        _compile(session, [plan_version_id])
    return PlanFacts(plan_version_id, *_compiled[digest], is_archived)


def _facts(session: Session, rows: Sequence[Any]) -> dict[int, PlanFacts]:
    _compile(session, [row.id for row in rows if row.digest not in _compiled])
    return {row.id: PlanFacts(row.id, *_compiled[row.digest], row.is_archived) for row in rows}


def _compile(session: Session, version_ids: Sequence[int]) -> None:
    if not version_ids:
        return
    for digest, content in session.execute(_contents_of(_plan_version), {"ids": list(version_ids)}):
        plan = Plan.model_validate(content)
        _compiled[digest] = plan, plan.compile()


# --- services and packages -------------------------------------------------------------------------------------------


def list_options(session: Session) -> dict[str, Sold[Option]]:
    """The newest version of every service by its code, closed ones too, in the order in which they were stored."""
    return _newest(session, _option_version, Option)


def list_bundles(session: Session) -> dict[str, Sold[Bundle]]:
    """The newest version of every package by its code, closed ones too, in the order in which they were stored."""
    return _newest(session, _bundle_version, Bundle)


def get_options(session: Session, version_ids: Iterable[int]) -> dict[int, Option]:
    """Versions of services by their ids; an unknown id is left out."""
    return _by_id(session, _option_version, Option, version_ids)


def get_bundles(session: Session, version_ids: Iterable[int]) -> dict[int, Bundle]:
    """Versions of packages by their ids; an unknown id is left out."""
    return _by_id(session, _bundle_version, Bundle, version_ids)


def read_options(session: Session, digests: Mapping[int, str]) -> dict[int, Option]:
    """The same of which a wider query has read the digests."""
    return _read_by_id(session, _option_version, Option, digests)


def read_bundles(session: Session, digests: Mapping[int, str]) -> dict[int, Bundle]:
    """The same of packages."""
    return _read_by_id(session, _bundle_version, Bundle, digests)


def get_option(session: Session, code: str) -> Sold[Option]:
    """The newest version of a service.

    Raises:
        NotFound: there is none with this code.
    """
    return _get_newest(session, _option_version, Option, code)


def get_bundle(session: Session, code: str) -> Sold[Bundle]:
    """The newest version of a package.

    Raises:
        NotFound: there is none with this code.
    """
    return _get_newest(session, _bundle_version, Bundle, code)


def get_promised_payment(session: Session) -> Sold[PromisedPayment] | None:
    """The terms of promised payments: the first in the catalogue that are not closed; None where there are none."""
    return next(
        (sold for sold in _newest(session, _promised_version, PromisedPayment).values() if not sold.is_archived),
        None,
    )


def _get_newest(session: Session, table: Table, model: type[_Item], code: str) -> Sold[_Item]:
    row = session.execute(_newest_of_code(table), {"code": code}).one_or_none()
    if row is None:
        raise NotFound
    return Sold(row.id, _read_by_id(session, table, model, {row.id: row.digest})[row.id], row.is_archived)


def _newest(session: Session, table: Table, model: type[_Item]) -> dict[str, Sold[_Item]]:
    newest = {row.code: row for row in session.execute(_every(table))}
    items = _read_by_id(session, table, model, {row.id: row.digest for row in newest.values()})
    ordered = sorted(newest.values(), key=lambda row: row.id)
    return {row.code: Sold(row.id, items[row.id], row.is_archived) for row in ordered}


def _by_id(session: Session, table: Table, model: type[_Item], version_ids: Iterable[int]) -> dict[int, _Item]:
    wanted = set(version_ids)
    if not wanted:
        return {}
    rows = session.execute(_of_ids(table), {"ids": list(wanted)})
    return _read_by_id(session, table, model, {row.id: row.digest for row in rows})


def _read_by_id(session: Session, table: Table, model: type[_Item], digests: Mapping[int, str]) -> dict[int, _Item]:
    missing = [version_id for version_id, digest in digests.items() if digest not in _read]
    if missing:
        for digest, content in session.execute(_contents_of(table), {"ids": missing}):
            _read[digest] = model.model_validate(content)
    return {version_id: _read[digest] for version_id, digest in digests.items()}
