"""The catalogue at the desk: everything that is sold, who is on it, and what is closed for joining.

What is sold is what the database holds. The catalogue file brings it there and says once whether it is on sale; what
somebody decides here stays until the file says something else than before.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import func, or_
from sqlmodel import Session, col, select

from cabinet.domain.catalogue import Bundle, Option, Plan, SoldKind
from cabinet.domain.errors import CabinetError, NotFound
from cabinet.models.catalogue import BundleVersion, OptionVersion, PlanVersion
from cabinet.models.options import OptionSubscription
from cabinet.models.tariffs import PlanSubscription
from cabinet.services import staff

_Item = Plan | Option | Bundle

_TABLES: dict[SoldKind, Any] = {
    SoldKind.PLAN: PlanVersion,
    SoldKind.OPTION: OptionVersion,
    SoldKind.BUNDLE: BundleVersion,
}
_MODELS: dict[SoldKind, type[Plan] | type[Option] | type[Bundle]] = {
    SoldKind.PLAN: Plan,
    SoldKind.OPTION: Option,
    SoldKind.BUNDLE: Bundle,
}


class ChangedMeanwhile(CabinetError):
    """What was looked at is not how it is any more; nothing was done."""

    message = "Пока вы смотрели, это изменил кто-то другой. Ниже — как стало; проверьте и повторите, если нужно."


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version and how many numbers are on it now."""

    version: int
    item: _Item
    since: datetime
    numbers: int


@dataclass(frozen=True, slots=True)
class Sold:
    """Something in the catalogue with all its versions, the newest first: that one is joined while it is on sale."""

    kind: SoldKind
    code: str
    is_on_sale: bool
    versions: tuple[VersionRow, ...]

    @property
    def newest(self) -> VersionRow:
        """The version that is sold."""
        return self.versions[0]

    @property
    def numbers(self) -> int:
        """On all its versions."""
        return sum(row.numbers for row in self.versions)


def list_sold(session: Session, *, now: datetime) -> list[Sold]:
    """Tariffs, services and packages, closed ones too, in the order in which they were stored."""
    return [sold for kind in SoldKind for sold in _read(session, kind, None, now)]


def get_sold(session: Session, kind: SoldKind, code: str, *, now: datetime) -> Sold:
    """One of them.

    Raises:
        NotFound: there is none with this code.
    """
    found = _read(session, kind, code, now)
    if not found:
        raise NotFound
    return found[0]


def change_sale(
    session: Session, staff_id: int, kind: SoldKind, code: str, version: int, *, is_on_sale: bool, now: datetime
) -> None:
    """Closes for joining what is sold in this version, or opens it again; who has it keeps it.

    Raises:
        NotFound: there is none with this code.
        ChangedMeanwhile: another version is sold by now, or somebody has done it already.
    """
    row = _lock_newest(session, kind, code)
    if row.version != version or row.is_archived is not is_on_sale:
        raise ChangedMeanwhile
    row.is_archived = not is_on_sale
    session.add(row)
    session.flush()
    done = "sale_opened" if is_on_sale else "sale_closed"
    staff.record(session, staff_id, done, facts={"sold": kind.value, "code": code, "version": version}, now=now)


# --- how -------------------------------------------------------------------------------------------------------------


def _lock_newest(session: Session, kind: SoldKind, code: str) -> Any:
    """The newest version's row. All versions are locked: who waited sees the one that came meanwhile by reading again.

    Raises:
        NotFound: there is none with this code.
    """
    table = _TABLES[kind]
    session.exec(select(table.id).where(table.code == code).with_for_update()).all()
    newest = select(table).where(table.code == code).order_by(table.version.desc()).limit(1)
    row = session.exec(newest.execution_options(populate_existing=True)).first()
    if row is None:
        raise NotFound
    return row


def _read(session: Session, kind: SoldKind, code: str | None, now: datetime) -> list[Sold]:
    table, model = _TABLES[kind], _MODELS[kind]
    query = select(table).order_by(table.version.desc())
    rows = session.exec(query if code is None else query.where(table.code == code)).all()
    numbers = _numbers(session, kind, [row.id for row in rows], now)
    of_code: dict[str, list[Any]] = {}
    for row in rows:
        of_code.setdefault(row.code, []).append(row)
    return [
        Sold(
            kind=kind,
            code=versions[0].code,
            is_on_sale=not versions[0].is_archived,
            versions=tuple(
                VersionRow(
                    row.version, cast(_Item, model.model_validate(row.content)), row.loaded_at, numbers.get(row.id, 0)
                )
                for row in versions
            ),
        )
        for versions in sorted(of_code.values(), key=lambda versions: versions[-1].id)
    ]


def _numbers(session: Session, kind: SoldKind, version_ids: list[int], now: datetime) -> dict[int, int]:
    """How many numbers are on each version at this moment."""
    table: Any = PlanSubscription if kind is SoldKind.PLAN else OptionSubscription
    column = {
        SoldKind.PLAN: col(PlanSubscription.plan_version_id),
        SoldKind.OPTION: col(OptionSubscription.option_version_id),
        SoldKind.BUNDLE: col(OptionSubscription.bundle_version_id),
    }[kind]
    rows = session.exec(
        select(column, func.count())
        .where(
            column.in_(version_ids),
            table.started_at <= now,
            or_(table.ended_at.is_(None), table.ended_at > now),
        )
        .group_by(column)
    ).all()
    return {cast(int, version_id): count for version_id, count in rows}
