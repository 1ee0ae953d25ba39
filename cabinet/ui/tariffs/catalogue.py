"""/tariffs: what my region has, beside mine."""

import reflex as rx

from cabinet.ui import kit
from cabinet.ui.i18n import t
from cabinet.ui.shell import cabinet_page, frame
from cabinet.ui.tariffs import parts
from cabinet.ui.tariffs.state import TariffsState
from cabinet.ui.tariffs.views import ColumnView, RowView

_FIRST = "sticky left-0 z-1 w-32 min-w-32 bg-surface px-4 py-3 text-left align-top text-sm font-normal text-muted"
_CELL = "min-w-40 px-3 py-3 align-top"


@cabinet_page(route="/tariffs", title="Сравнение тарифов", access="subscriber", on_load=TariffsState.load)
def tariffs() -> rx.Component:
    """The catalogue."""
    return frame(
        parts.contents(_table(), _skeleton()),
        here="/tariff/",
        title="Сравнение тарифов",
        of=TariffsState,
        back="/tariff/",
    )


def _table() -> rx.Component:
    table = TariffsState.table
    best = rx.cond(
        table.is_best_mine,
        kit.button(table.best_label, class_name="w-full", on_click=TariffsState.quote_settings(table.best_settings)),
        kit.button(
            table.best_label,
            class_name="w-full",
            on_click=TariffsState.quote_switch(table.best_code, table.best_settings),
        ),
    )
    return rx.el.div(
        rx.el.p(table.lead, class_name="px-1 text-sm text-muted"),
        rx.el.div(
            rx.el.table(
                rx.el.caption(t("Сравнение тарифов"), class_name="sr-only"),
                rx.el.thead(
                    rx.el.tr(
                        rx.el.td(class_name=_FIRST),
                        rx.foreach(table.columns, _head),
                    )
                ),
                rx.el.tbody(
                    rx.foreach(table.rows, _row),
                    rx.el.tr(
                        rx.el.td(class_name=_FIRST),
                        rx.foreach(table.columns, _choose),
                        class_name="border-t border-line",
                    ),
                ),
                class_name="w-full border-collapse text-left tabular-nums",
            ),
            role="region",
            aria_label=t("Сравнение тарифов"),
            tab_index=0,
            class_name="mt-3 overflow-x-auto rounded-lg bg-surface shadow-card",
        ),
        rx.cond(table.best_label, rx.el.div(best, class_name="mt-5 lg:max-w-[26rem]"), rx.fragment()),
        rx.el.div(kit.freshness(TariffsState.has_failed, TariffsState.as_of), class_name="mt-4"),
    )


def _head(column: rx.Var[ColumnView]) -> rx.Component:
    return rx.el.th(
        rx.el.span(column.name, class_name="block font-bold"),
        rx.el.span(column.tagline, class_name="block text-xs font-normal text-muted empty:hidden"),
        rx.cond(column.tag, rx.el.span(parts.tag(column.tag), class_name="mt-1 block"), rx.fragment()),
        scope="col",
        key=rx.Var.create(f"{column.plan_code} {column.tag}"),
        class_name=_CELL,
    )


def _row(row: rx.Var[RowView]) -> rx.Component:
    first = _FIRST.replace("bg-surface", "bg-brand-soft").replace("text-muted", "text-ink")
    return rx.el.tr(
        rx.el.th(row.name, scope="row", class_name=rx.cond(row.is_answer, first, _FIRST)),
        rx.foreach(row.cells, lambda cell: rx.el.td(cell, class_name=_CELL)),
        key=row.name,
        class_name=rx.cond(row.is_answer, "border-t border-line bg-brand-soft font-semibold", "border-t border-line"),
    )


def _choose(column: rx.Var[ColumnView]) -> rx.Component:
    return rx.el.td(
        rx.cond(
            column.action,
            kit.button(
                t("Перейти"),
                "secondary",
                aria_label=column.label,
                on_click=TariffsState.quote_switch(column.plan_code, column.settings),
            ),
            rx.fragment(),
        ),
        key=rx.Var.create(f"{column.plan_code} {column.tag}"),
        class_name=_CELL,
    )


def _skeleton() -> rx.Component:
    row = rx.el.div(kit.bone("h-5 w-24"), kit.bone("h-5 w-20"), kit.bone("h-5 w-20"), class_name="flex gap-10 px-4")
    return kit.loading(
        kit.bone("mx-1 h-10 w-full max-w-[36rem] lg:h-5"),
        rx.el.div(
            *(row for _ in range(13)),
            class_name="mt-3 h-[48rem] space-y-7 overflow-hidden rounded-lg bg-surface py-5 shadow-card",
        ),
    )
