"""The catalogue at the desk: everything that is sold, who is on it, new versions, and what is closed for joining.

What is sold is what the database holds. The catalogue file brings it there and says once whether it is on sale; what
somebody decides here stays until the file says something else than before.
A new version is written against the one that was on the screen, and comes on sale at once or on its day.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, cast

from sqlalchemy import func, or_, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from cabinet import clock
from cabinet.domain.catalogue import Bundle, Option, Plan, SoldKind, VersionOutcome
from cabinet.domain.catalogue_edit import CODE_TAKEN, EditWrong, copy_of, next_version, read_day
from cabinet.domain.errors import CabinetError, NotFound
from cabinet.domain.wording import texts_of
from cabinet.models.catalogue import BundleVersion, OptionVersion, PlannedVersion, PlanVersion
from cabinet.models.options import OptionSubscription
from cabinet.models.staff import StaffMember
from cabinet.models.tariffs import PlanSubscription
from cabinet.services import catalogue, staff, words

AT_ONCE = 50

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


class AlreadyPlanned(CabinetError):
    message = "Следующая версия уже запланирована. Сначала отмените её."


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version and how many numbers are on it now."""

    version: int
    item: _Item
    since: datetime
    numbers: int


@dataclass(frozen=True, slots=True)
class Planned:
    """A version that waits for its day, or (`is_overtaken`) never came on sale because another came before."""

    version: int
    item: _Item
    starts_at: datetime
    by: str
    is_overtaken: bool


@dataclass(frozen=True, slots=True)
class Draft:
    """What publishing would bring: the version as it would be, and how many numbers stay on those of before."""

    before: _Item
    after: _Item
    starts_on: date
    numbers: int


@dataclass(frozen=True, slots=True)
class Sold:
    """Something in the catalogue with all its versions, the newest first: that one is joined while it is on sale."""

    kind: SoldKind
    code: str
    is_on_sale: bool
    versions: tuple[VersionRow, ...]
    planned: Planned | None = None

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


# --- new versions ----------------------------------------------------------------------------------------------------


def draft(
    session: Session, kind: SoldKind, code: str, version: int, typed: Mapping[str, Any], *, now: datetime
) -> Draft:
    """What was typed over this version, as it would be sold; `typed` has fields of `catalogue_edit` and `starts_on`.

    Raises:
        NotFound: there is none with this code.
        ChangedMeanwhile: another version is sold by now.
        AlreadyPlanned: the next version waits for its day already.
        EditWrong, NothingChanged: what was typed makes no version.
    """
    sold = get_sold(session, kind, code, now=now)
    if sold.newest.version != version:
        raise ChangedMeanwhile
    if sold.planned is not None and not sold.planned.is_overtaken:
        raise AlreadyPlanned
    starts_on = read_day(typed.get("starts_on"), clock.local(now).date())
    after = next_version(sold.newest.item, typed, catalogue.regions())
    return Draft(sold.newest.item, after, starts_on, sold.numbers)


def publish(
    session: Session, staff_id: int, kind: SoldKind, code: str, version: int, typed: Mapping[str, Any], *, now: datetime
) -> Draft:
    """Brings the drafted version on sale: at once when its day is today, otherwise at the midnight of its day.

    Who has an earlier version keeps it.

    Raises:
        NotFound, ChangedMeanwhile, AlreadyPlanned, EditWrong, NothingChanged: see `draft`.
    """
    newest = _lock_newest(session, kind, code)
    drafted = draft(session, kind, code, version, typed, now=now)
    starts_at = datetime.combine(drafted.starts_on, time.min, clock.time_zone())
    facts = {"sold": kind.value, "code": code, "version": version + 1}
    if starts_at <= now:
        catalogue.add_after(session, newest, drafted.after, now=now)
        staff.record(session, staff_id, "version_published", facts=facts, now=now)
        return drafted
    planned = PlannedVersion(
        kind=kind,
        code=code,
        version=version + 1,
        content=drafted.after.content(),
        staff_id=staff_id,
        planned_at=now,
        starts_at=starts_at,
    )
    session.add(planned)
    session.flush()
    facts["starts_on"] = drafted.starts_on.isoformat()
    staff.record(session, staff_id, "version_planned", facts=facts, now=now)
    return drafted


def draft_copy(
    session: Session, kind: SoldKind, code: str, version: int, typed: Mapping[str, Any], *, now: datetime
) -> Draft:
    """What was typed over this version as something new, of which nobody has any; `typed` has `new_code` and `on_sale`.

    Raises:
        NotFound: there is none with this code.
        ChangedMeanwhile: another version is sold by now.
        EditWrong: what was typed makes nothing new.
    """
    newest = get_sold(session, kind, code, now=now).newest
    if newest.version != version:
        raise ChangedMeanwhile
    taken = set(session.exec(select(_TABLES[kind].code)).all())
    after = copy_of(newest.item, typed, catalogue.regions(), taken)
    return Draft(newest.item, after, clock.local(now).date(), 0)


def create(
    session: Session, staff_id: int, kind: SoldKind, code: str, version: int, typed: Mapping[str, Any], *, now: datetime
) -> Draft:
    """Publishes the drafted copy as the first version of something new, at once; what it was made of stays as it is.

    Raises:
        NotFound, ChangedMeanwhile, EditWrong: see `draft_copy`.
    """
    drafted = draft_copy(session, kind, code, version, typed, now=now)
    made = drafted.after
    try:
        catalogue.add_first(session, _TABLES[kind], made, now=now)
    except IntegrityError:
        raise EditWrong({"new_code": CODE_TAKEN}) from None
    facts = {"sold": kind.value, "code": made.code, "version": made.version, "like": code}
    staff.record(session, staff_id, "item_created", facts=facts, now=now)
    return drafted


def withdraw(session: Session, staff_id: int, kind: SoldKind, code: str, version: int, *, now: datetime) -> None:
    """Takes back the version that waits for its day.

    Raises:
        ChangedMeanwhile: it does not wait any more.
    """
    withdrawn = session.exec(
        update(PlannedVersion)
        .where(
            col(PlannedVersion.kind) == kind,
            col(PlannedVersion.code) == code,
            col(PlannedVersion.version) == version,
            col(PlannedVersion.outcome) == VersionOutcome.WAITING,
        )
        .values(outcome=VersionOutcome.WITHDRAWN)
        .returning(col(PlannedVersion.id))
    ).first()
    if withdrawn is None:
        raise ChangedMeanwhile
    facts = {"sold": kind.value, "code": code, "version": version}
    staff.record(session, staff_id, "version_withdrawn", facts=facts, now=now)


def publish_due(session: Session, *, now: datetime) -> int:
    """Brings up to `AT_ONCE` planned versions on sale whose day has come; returns how many were dealt with."""
    rows = session.exec(
        select(PlannedVersion)
        .where(col(PlannedVersion.outcome) == VersionOutcome.WAITING, col(PlannedVersion.starts_at) <= now)
        .order_by(col(PlannedVersion.id))
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    ).all()
    for row in rows:
        newest = _lock_newest(session, row.kind, row.code)
        row.outcome = VersionOutcome.OVERTAKEN
        if newest.version == row.version - 1:
            catalogue.add_after(session, newest, _MODELS[row.kind].model_validate(row.content), now=now)
            row.outcome = VersionOutcome.PUBLISHED
        session.add(row)
    session.flush()
    return len(rows)


# --- words -----------------------------------------------------------------------------------------------------------


def list_words(session: Session, sold: Sold) -> dict[str, str]:
    """The Russian words of what is sold and of what is planned, with their English ones, "" where there are none."""
    texts = _texts(sold)
    english = words.english_of(session, texts)
    return {text: english.get(text, "") for text in texts}


def save_words(
    session: Session, staff_id: int, kind: SoldKind, code: str, typed: Mapping[str, Any], *, now: datetime
) -> None:
    """Keeps English words beside the Russian ones, as `words.key_of` names them; no version changes by that.

    Raises:
        NotFound: there is none with this code.
        WordsWrong: see `words.save`.
    """
    texts = _texts(get_sold(session, kind, code, now=now))
    changed = words.save(session, {text: typed.get(words.key_of(text)) for text in texts}, now=now)
    if changed:
        facts = {"sold": kind.value, "code": code, "words": changed}
        staff.record(session, staff_id, "english_saved", facts=facts, now=now)


def _texts(sold: Sold) -> list[str]:
    items = [sold.newest.item] + ([sold.planned.item] if sold.planned else [])
    return list(dict.fromkeys(text for item in items for text in texts_of(item)))


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
    planned = _planned(session, kind, code)
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
            planned=planned.get(versions[0].code),
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


def _planned(session: Session, kind: SoldKind, code: str | None) -> dict[str, Planned]:
    """What was planned last of each code, where it waits or never came."""
    query = (
        select(PlannedVersion, StaffMember.name)
        .join(StaffMember, col(StaffMember.id) == col(PlannedVersion.staff_id))
        .where(col(PlannedVersion.kind) == kind)
        .order_by(col(PlannedVersion.id))
    )
    rows = session.exec(query if code is None else query.where(PlannedVersion.code == code)).all()
    last = {row.code: (row, name) for row, name in rows}
    told = (VersionOutcome.WAITING, VersionOutcome.OVERTAKEN)
    return {
        row.code: Planned(
            version=row.version,
            item=cast(_Item, _MODELS[kind].model_validate(row.content)),
            starts_at=row.starts_at,
            by=name,
            is_overtaken=row.outcome is VersionOutcome.OVERTAKEN,
        )
        for row, name in last.values()
        if row.outcome in told
    }
