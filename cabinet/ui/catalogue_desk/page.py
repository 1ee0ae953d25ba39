"""/staff/catalogue: all tariffs, services and packages, on sale or not, and how many numbers are on them."""

import reflex as rx

from cabinet.domain.staff import Permission
from cabinet.ui import kit
from cabinet.ui.catalogue_desk.state import DeskCatalogueState
from cabinet.ui.catalogue_desk.views import RowView
from cabinet.ui.desk.frame import staff_frame
from cabinet.ui.i18n import t
from cabinet.ui.kit import recipes
from cabinet.ui.shell import cabinet_page


@cabinet_page(route="/staff/catalogue", title="Каталог", access="staff", on_load=DeskCatalogueState.load)
def desk_catalogue() -> rx.Component:
    """Everything that is sold, or was."""
    return staff_frame(
        rx.cond(
            DeskCatalogueState.is_ready,
            rx.el.div(
                _section(t("Тарифы"), "plans", DeskCatalogueState.plans),
                _section(t("Услуги"), "options", DeskCatalogueState.options),
                _section(t("Пакеты"), "bundles", DeskCatalogueState.bundles),
                class_name="mt-5 max-w-[60rem] space-y-5",
            ),
            kit.loading(kit.bone("mt-5 h-96 w-full")),
        ),
        here="/staff/catalogue/",
        title=t("Каталог"),
        lead=t("Кто подключён, остаётся на своей версии, что бы здесь ни меняли."),
        permission=Permission.CATALOGUE,
    )


def _section(title: kit.Text, id: str, rows: rx.Var[list[RowView]]) -> rx.Component:
    return rx.el.section(
        rx.el.h2(title, id=id, class_name=f"{recipes.CARD_TITLE} px-5 pt-4 pb-2"),
        rx.cond(
            rows,
            rx.el.ul(rx.foreach(rows, _row), aria_labelledby=id, class_name="divide-y divide-line pb-1"),
            rx.el.p(t("Здесь пока ничего нет."), class_name="px-5 pb-5 text-sm text-muted"),
        ),
        class_name="rounded-lg bg-surface shadow-card",
    )


def _row(row: rx.Var[RowView]) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.p(
                kit.page_link(
                    row.name,
                    to=row.address,
                    class_name="inline-flex min-h-11 items-center font-medium underline-offset-4 hover:underline",
                ),
                rx.cond(row.is_on_sale, rx.fragment(), kit.tag(t("снято с продажи"), "warn")),
                class_name="flex flex-wrap items-center gap-x-3 wrap-anywhere",
            ),
            rx.el.p(row.second, class_name="text-sm text-muted wrap-anywhere"),
            class_name="min-w-0 flex-1 basis-56",
        ),
        rx.el.p(
            rx.el.span(row.price, class_name="block font-semibold"),
            rx.el.span(row.numbers, class_name="block text-sm text-muted tabular-nums"),
            class_name="ml-auto text-right",
        ),
        key=row.address,
        class_name="flex flex-wrap items-center gap-x-6 gap-y-1 px-5 py-3",
    )
