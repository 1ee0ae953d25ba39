"""The state of the catalogue's desk: the list, and one of what is sold."""

import re

import reflex as rx

from cabinet import clock
from cabinet.config import settings
from cabinet.db import in_read_session, in_session
from cabinet.domain.catalogue import SoldKind
from cabinet.domain.errors import CabinetError, NotFound
from cabinet.domain.staff import Permission
from cabinet.locales import language_of, translate
from cabinet.services import catalogue, catalogue_desk
from cabinet.ui import access, guard
from cabinet.ui.catalogue_desk import views
from cabinet.ui.catalogue_desk.views import ItemView, RowView

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
        await self._read(asked.get("kind", ""), asked.get("code", ""))

    @access.staff(Permission.SALES)
    async def close_sale(self):
        """Nobody joins it any more; who has it keeps it."""
        await self._change_sale(is_on_sale=False, done="Снято с продажи. Кто подключён, остаётся.")

    @access.staff(Permission.SALES)
    async def open_sale(self):
        """It may be joined again."""
        await self._change_sale(is_on_sale=True, done="Снова в продаже.")

    async def _change_sale(self, *, is_on_sale: bool, done: str) -> None:
        self.refusal = self.note = ""
        language = language_of(self.router.headers.cookie)
        item = self.item
        if not item.code:
            return
        try:
            await in_session(
                catalogue_desk.change_sale,
                guard.staff_id(self),
                SoldKind(item.kind),
                item.code,
                item.version,
                is_on_sale=is_on_sale,
                now=clock.now(),
            )
        except CabinetError as error:
            self.refusal = translate(error.message, language, **error.facts)
        else:
            self.note = translate(done, language)
        await self._read(item.kind, item.code)

    async def _read(self, kind: str, code: str) -> None:
        now, language = clock.now(), language_of(self.router.headers.cookie)
        try:
            if kind not in set(SoldKind) or not _CODE.fullmatch(code):
                raise NotFound
            sold = await in_read_session(catalogue_desk.get_sold, SoldKind(kind), code, now=now)
        except NotFound:
            self.is_missing, self.item = True, ItemView()
        else:
            self.is_missing = False
            self.item = views.item_view(sold, catalogue.regions(settings().catalogue_path), now, language)
        self.is_ready = True
