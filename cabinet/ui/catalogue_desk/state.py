"""The state of the catalogue's desk: the list, and one of what is sold."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import reflex as rx

from cabinet import clock
from cabinet.db import in_read_session, in_session
from cabinet.domain.catalogue import SoldKind
from cabinet.domain.catalogue_edit import EditWrong
from cabinet.domain.errors import CabinetError, NotFound
from cabinet.domain.staff import Permission
from cabinet.locales import Language, language_of, name_in, translate
from cabinet.services import catalogue, catalogue_desk
from cabinet.services.catalogue_desk import ChangedMeanwhile, Sold
from cabinet.ui import access, guard
from cabinet.ui.catalogue_desk import views
from cabinet.ui.catalogue_desk.views import DraftView, GroupView, ItemView, RowView

_DONE = {
    "published": "Новая версия в продаже.",
    "planned": "Новая версия запланирована.",
    "created": "Готово: это новое в каталоге.",
}
LONGEST = 41  # a letter more than a code has
_CODE = re.compile(r"[a-z0-9_-]{1,40}", re.ASCII)


class DeskCatalogueState(rx.State):
    """Everything that is sold, or was."""

    is_ready: bool = False
    plans: list[RowView] = []
    options: list[RowView] = []
    bundles: list[RowView] = []

    @access.staff(Permission.CATALOGUE)
    async def load(self):
        """Reads the catalogue with how many numbers are on what."""
        now, language = clock.now(), language_of(self.router.headers.cookie)
        sold = await in_read_session(catalogue_desk.list_sold, now=now)
        rows = {kind: [views.row_view(one, now, language) for one in sold if one.kind is kind] for kind in SoldKind}
        self.plans, self.options, self.bundles = rows[SoldKind.PLAN], rows[SoldKind.OPTION], rows[SoldKind.BUNDLE]
        self.is_ready = True


class DeskItemState(rx.State):
    """One of what is sold: `refusal` says why the last change was not made, `note` that it was."""

    is_ready: bool = False
    is_missing: bool = False
    item: ItemView = ItemView()
    refusal: str = ""
    note: str = ""

    @access.staff(Permission.CATALOGUE)
    async def load(self):
        """Reads what the address names."""
        self.refusal = self.note = ""
        asked = self.router.url.query_parameters
        done = _DONE.get(asked.get("done", ""), "")
        self.note = translate(done, language_of(self.router.headers.cookie)) if done else ""
        await self._read(asked.get("kind", ""), asked.get("code", ""))

    @access.staff(Permission.SALES)
    async def close_sale(self):
        """Nobody joins it any more; who has it keeps it."""
        await self._change_sale(is_on_sale=False, done="Снято с продажи. Кто подключён, остаётся.")

    @access.staff(Permission.SALES)
    async def open_sale(self):
        """It may be joined again."""
        await self._change_sale(is_on_sale=True, done="Снова в продаже.")

    @access.staff(Permission.SALES)
    async def withdraw(self):
        """Takes back the version that waits for its day."""
        await self._do(catalogue_desk.withdraw, self.item.planned.version, done="Запланированная версия отменена.")

    @access.staff(Permission.SALES)
    async def save_words(self, form: dict):
        """Keeps the English words that were typed."""
        self.refusal = self.note = ""
        language, item = language_of(self.router.headers.cookie), self.item
        if not item.code or not isinstance(form, dict):
            return
        try:
            await in_session(
                catalogue_desk.save_words, guard.staff_id(self), SoldKind(item.kind), item.code, form, now=clock.now()
            )
        except CabinetError as error:
            self.refusal = translate(error.message, language, **error.facts)
            return
        self.note = translate("Английские слова сохранены.", language)
        await self._read(item.kind, item.code)

    async def _change_sale(self, *, is_on_sale: bool, done: str) -> None:
        await self._do(catalogue_desk.change_sale, self.item.version, is_on_sale=is_on_sale, done=done)

    async def _do(self, what: Callable[..., None], version: int, *, done: str, **more: Any) -> None:
        self.refusal = self.note = ""
        language = language_of(self.router.headers.cookie)
        item = self.item
        if not item.code:
            return
        try:
            await in_session(
                what, guard.staff_id(self), SoldKind(item.kind), item.code, version, now=clock.now(), **more
            )
        except CabinetError as error:
            self.refusal = translate(error.message, language, **error.facts)
        else:
            self.note = translate(done, language)
        await self._read(item.kind, item.code)

    async def _read(self, kind: str, code: str) -> None:
        now, language = clock.now(), language_of(self.router.headers.cookie)
        try:
            sold, english = await _get_sold(kind, code)
        except NotFound:
            self.is_missing, self.item = True, ItemView()
        else:
            self.is_missing = False
            self.item = views.item_view(sold, english, _regions(language), now, language)
        self.is_ready = True


class DeskEditState(rx.State):
    """The editor of a new version, or (`is_copy`) of something new that begins as a copy: what was typed is looked at
    first, and published as it was shown.

    `version` is the one that is edited; `key` is another one where the fields have to be filled anew.
    """

    is_ready: bool = False
    is_missing: bool = False
    key: int = 0
    kind: str = ""
    code: str = ""
    name: str = ""
    version: int = 0
    groups: list[GroupView] = []
    draft: DraftView = DraftView()
    is_copy: bool = False
    is_shown: bool = False
    answer: int = 0
    refusal: str = ""
    _typed: dict[str, str] = {}

    @access.staff(Permission.SALES)
    async def load(self):
        """Reads what the address names into the fields; they begin anew only where they say something else by now, or
        what is typed while the page loads would be lost."""
        asked, before = self.router.url.query_parameters, self.groups
        self.kind, self.code = asked.get("kind", "")[:LONGEST], asked.get("code", "")[:LONGEST]
        self.is_copy = asked.get("copy", "") == "1"
        self.refusal, self.is_shown, self._typed = "", False, {}
        await self._read({}, clock.local(clock.now()).date().isoformat())
        self.key += self.groups != before

    @access.staff(Permission.SALES)
    async def look(self, form: dict):
        """Shows what publishing would bring; nothing is kept yet."""
        if self.is_missing or not self.is_ready:
            return
        fields = form.items() if isinstance(form, dict) else ()
        self._typed = {str(name): value for name, value in fields if isinstance(value, str)}
        now, language = clock.now(), language_of(self.router.headers.cookie)
        try:
            found = await in_read_session(
                catalogue_desk.draft_copy if self.is_copy else catalogue_desk.draft,
                SoldKind(self.kind),
                self.code,
                self.version,
                self._typed,
                now=now,
            )
        except CabinetError as error:
            await self._refuse(error)
            return
        await self._read({}, self._typed.get("starts_on", ""))
        regions = _regions(language)
        shown = views.copy_view(found, regions, language) if self.is_copy else None
        self.draft = shown or views.draft_view(found, regions, now, language)
        self.refusal, self.is_shown = "", True

    @access.staff(Permission.SALES)
    async def publish(self):
        """Brings on sale, or plans, what was shown."""
        if not self.is_shown:
            return None
        try:
            done = await in_session(
                catalogue_desk.create if self.is_copy else catalogue_desk.publish,
                guard.staff_id(self),
                SoldKind(self.kind),
                self.code,
                self.version,
                self._typed,
                now=clock.now(),
            )
        except CabinetError as error:
            self.is_shown = False
            await self._refuse(error)
            return None
        self.is_shown = self.is_ready = False
        self.groups = []  # the editor opens anew next time
        said = "created" if self.is_copy else "published" if self.draft.is_at_once else "planned"
        return rx.redirect(f"/staff/catalogue/item/?kind={self.kind}&code={done.after.code}&done={said}")

    @access.staff(Permission.SALES)
    async def dismiss(self):
        """Back to the fields, with what was typed."""
        self.is_shown = False

    async def _refuse(self, error: CabinetError) -> None:
        """What was typed stays. Where another version came meanwhile, it is compared with that one from now on."""
        language = language_of(self.router.headers.cookie)
        self.refusal = translate(error.message, language, **error.facts)
        faults = error.faults if isinstance(error, EditWrong) else {}
        if isinstance(error, ChangedMeanwhile):
            self.refusal = translate(
                "Пока вы правили, вышла другая версия. Ваши правки целы: нажмите «Проверить», сравним с новой.",
                language,
            )
        self.answer += 1
        await self._read(faults, self._typed.get("starts_on", ""))
        if fields := views.faulty(self.groups):
            self.refusal = translate("Исправьте поля: {fields}.", language, fields=fields)

    async def _read(self, faults: dict[str, str], starts_on: str) -> None:
        language = language_of(self.router.headers.cookie)
        self.is_ready = True
        try:
            sold, _ = await _get_sold(self.kind, self.code)
        except NotFound:
            self.is_missing = True
            return
        self.is_missing = False
        newest = sold.newest
        self.name, self.version = name_in(newest.item.name, language), newest.version
        self.groups = views.group_views(
            newest.item, _regions(language), starts_on, faults, language, is_copy=self.is_copy
        )


def _regions(language: Language) -> dict[str, str]:
    return {code: name_in(name, language) for code, name in catalogue.regions().items()}


async def _get_sold(kind: str, code: str) -> tuple[Sold, dict[str, str]]:
    """What an address names, and its words in both languages.

    Raises:
        NotFound: it names nothing.
    """
    if kind not in set(SoldKind) or not _CODE.fullmatch(code):
        raise NotFound
    return await in_read_session(_read_sold, SoldKind(kind), code, now=clock.now())


def _read_sold(session: Any, kind: SoldKind, code: str, *, now: datetime) -> tuple[Sold, dict[str, str]]:
    sold = catalogue_desk.get_sold(session, kind, code, now=now)
    return sold, catalogue_desk.list_words(session, sold)
