"""/services: what can be switched on and off, what each costs, and what is in the way."""

import reflex as rx

from cabinet.ui import kit
from cabinet.ui.i18n import t
from cabinet.ui.kit import recipes
from cabinet.ui.options.state import LONGEST_SEARCH, OptionsState
from cabinet.ui.options.views import ICONS, ActionView, ChipView, LineView, RowView
from cabinet.ui.quotes import quote_sheet
from cabinet.ui.shell import cabinet_page, frame, number_tabs

_COLUMNS = "grid grid-cols-1 gap-4 lg:grid-cols-[minmax(0,1fr)_20rem] lg:items-start lg:gap-6"
_ICONS = (*ICONS.values(), "list_checks")


@cabinet_page(route="/services", title="Услуги", access="subscriber", on_load=OptionsState.load)
def services() -> rx.Component:
    """Extra services."""
    return frame(
        kit.refresher(OptionsState.refresh),
        number_tabs("/services/"),
        rx.cond(
            OptionsState.is_ready,
            _everything(),
            kit.unread(OptionsState, t("Не получилось загрузить услуги"), OptionsState.load, _skeleton()),
        ),
        quote_sheet(on_done=OptionsState.refresh),
        here="/services/",
        title="Услуги",
        of=OptionsState,
    )


def _everything() -> rx.Component:
    return rx.el.div(
        rx.el.div(_total(), class_name="lg:order-2"),
        rx.el.div(
            _search(),
            _categories(),
            rx.cond(OptionsState.not_found, _nothing(), rx.fragment()),
            _section(t("Подключены"), "switched-on", OptionsState.switched_on),
            _section(t("Входят в тариф"), "included", OptionsState.included),
            _section(t("Можно подключить"), "offered", OptionsState.offered),
            kit.freshness(OptionsState.has_failed, OptionsState.as_of, OptionsState.refresh),
            class_name="min-w-0 space-y-4",
        ),
        class_name=_COLUMNS,
    )


def _total() -> rx.Component:
    total = OptionsState.total
    return kit.card(
        rx.el.h2(total.paid, class_name="text-sm text-muted"),
        rx.el.p(
            rx.el.b(total.sum, class_name="text-2xl font-bold"),
            rx.el.span(t("в месяц"), class_name="text-sm text-muted"),
            class_name="mt-1 flex items-baseline justify-between gap-3",
        ),
        rx.el.p(total.later, class_name="mt-1 text-sm text-muted empty:hidden"),
        rx.el.p(total.next, class_name="mt-2 text-sm text-muted empty:hidden"),
    )


def _search() -> rx.Component:
    return rx.el.div(
        kit.icon("search", "size-6 text-muted"),
        rx.el.input(
            type="search",
            id="search",
            default_value=OptionsState.search,
            on_change=OptionsState.find.debounce(300),
            key=OptionsState.opened,
            max_length=LONGEST_SEARCH,
            auto_complete="off",
            spell_check=False,
            aria_label=t("Найти услугу"),
            placeholder=t("Найти услугу"),
            class_name="h-full min-w-0 flex-1 bg-transparent text-lg outline-none placeholder:text-muted "
            "[&::-webkit-search-cancel-button]:grayscale",
        ),
        role="search",
        class_name=f"flex h-14 items-center gap-3 rounded-md border border-edge bg-surface px-4 {recipes.FOCUS_WITHIN}",
    )


def _categories() -> rx.Component:
    """One line that scrolls on a phone, as many as it takes on a desktop."""
    return rx.el.div(
        rx.el.div(
            kit.chip(t("Все"), OptionsState.category == "", on_click=OptionsState.show_only("")),
            rx.foreach(OptionsState.chips, _chip),
            class_name="flex w-max gap-2 lg:w-auto lg:flex-wrap",
        ),
        role="group",
        aria_label=t("Категории"),
        tab_index=0,
        class_name="-mx-4 overflow-x-auto px-4 py-1 [scrollbar-width:none] lg:mx-0 lg:px-0",
    )


def _chip(chip: rx.Var[ChipView]) -> rx.Component:
    return kit.chip(
        chip.name, OptionsState.category == chip.code, on_click=OptionsState.show_only(chip.code), key=chip.code
    )


def _nothing() -> rx.Component:
    return rx.el.div(
        kit.empty_block(
            "search",
            OptionsState.not_found,
            t("Проверьте буквы или выберите категорию."),
            kit.button(t("Показать все"), "secondary", on_click=OptionsState.show_all),
        ),
        role="status",
    )


def _section(title: kit.Text, id: str, rows: rx.Var[list[RowView]]) -> rx.Component:
    section = rx.el.section(
        rx.el.h2(title, id=id, class_name=recipes.CARD_TITLE),
        rx.el.ul(rx.foreach(rows, _row), class_name=f"mt-3 {recipes.LIST_CARD}"),
        aria_labelledby=id,
    )
    return rx.cond(rows, section, rx.fragment())


# --- a service --------------------------------------------------------------------------------------------------------


def _row(row: rx.Var[RowView]) -> rx.Component:
    picture = rx.el.span(
        rx.match(row.icon, *((name, kit.icon(name)) for name in dict.fromkeys(_ICONS)), kit.icon("list_checks")),
        class_name=rx.cond(
            row.is_working,
            f"{recipes.TILE} {recipes.TONES['ok']}",
            f"{recipes.TILE} {recipes.TONES['quiet']}",
        ),
    )
    lines = (
        rx.el.span(row.description, class_name="block text-muted empty:hidden"),
        rx.el.span(row.price, class_name="block font-semibold"),
        rx.foreach(row.lines, _line),
    )
    id = rx.Var.create(f"service-{row.code}")
    return rx.cond(
        row.is_included,
        kit.switch_row(picture, row.name, *lines, control=kit.icon("check", "size-6 text-ok"), key=row.code),
        kit.switch_row(
            picture,
            row.name,
            *lines,
            control=kit.switch(
                id,
                row.is_on,
                OptionsState.answers,
                [OptionsState.turn(row.code, ~row.is_on), OptionsState.refresh],
                row.is_fixed,
            ),
            id=id,
            below=_below(row),
            key=row.code,
        ),
    )


def _line(line: rx.Var[LineView]) -> rx.Component:
    return rx.el.span(
        line.text, class_name=rx.cond(line.tone == "warn", "block font-medium text-warn", "block text-muted")
    )


def _below(row: rx.Var[RowView]) -> rx.Component:
    """Why the switch does not turn and what to do about it; the yes that a trial waits for."""
    return rx.el.div(
        rx.foreach(
            row.obstacles,
            lambda text: rx.el.p(
                kit.icon("info", "size-5 text-info"), rx.el.span(text), class_name="mt-2 flex gap-2 text-sm"
            ),
        ),
        rx.foreach(row.actions, _action),
        rx.cond(
            row.keep,
            kit.button(
                row.keep,
                "soft",
                class_name="mt-3 w-full",
                on_click=[OptionsState.keep(row.code), OptionsState.refresh],
            ),
            rx.fragment(),
        ),
        class_name="ml-13 empty:hidden",
    )


def _action(action: rx.Var[ActionView]) -> rx.Component:
    return rx.el.button(
        action.label,
        type="button",
        on_click=[OptionsState.turn(action.code, action.turns_on), OptionsState.refresh],
        class_name=f"{recipes.LINK_ACTION} mr-4 text-left text-sm",
        key=action.code,
    )


# --- the page as a whole ----------------------------------------------------------------------------------------------


def _skeleton() -> rx.Component:
    """Blocks of the sizes that the services usually have."""
    total = rx.el.div(
        kit.bone("h-5 w-48"),
        kit.bone("mt-2 h-8 w-28"),
        kit.bone("mt-3 h-5 w-64 max-w-full"),
        class_name="h-[8.75rem] rounded-lg bg-surface p-5 shadow-card lg:order-2",
    )
    rows = rx.el.div(
        *(_bone_row() for _ in range(8)), class_name="divide-y divide-line rounded-lg bg-surface shadow-card"
    )
    return kit.loading(
        rx.el.div(
            total,
            rx.el.div(
                kit.bone("h-14 w-full"),
                rx.el.div(
                    *(kit.bone("h-11 w-24 shrink-0") for _ in range(4)), class_name="flex gap-2 overflow-hidden py-1"
                ),
                kit.bone("h-6 w-36"),
                rows,
                class_name="min-w-0 space-y-4",
            ),
            class_name=_COLUMNS,
        ),
    )


def _bone_row() -> rx.Component:
    return rx.el.div(
        kit.bone("size-10 shrink-0 rounded-full"),
        rx.el.div(
            kit.bone("h-5 w-36 max-w-full"),
            kit.bone("mt-1.5 h-4.5 w-48 max-w-full"),
            kit.bone("mt-1.5 h-4.5 w-24"),
            class_name="flex-1",
        ),
        kit.bone("h-8 w-13 shrink-0 rounded-full"),
        class_name="flex items-center gap-3 px-5 py-3.5",
    )
