"""/expenses: a month, what it went on, and the statement in which every line explains itself."""

import reflex as rx

from cabinet.ui import kit, operations
from cabinet.ui.expenses.cap import CapState
from cabinet.ui.expenses.cap_card import cap_card
from cabinet.ui.expenses.coming import ComingState
from cabinet.ui.expenses.export import export_button, export_sheet
from cabinet.ui.expenses.state import LONGEST_SEARCH, ExpensesState
from cabinet.ui.expenses.timeline import timeline
from cabinet.ui.expenses.views import DIRECTIONS, CategoryView, ChipView, Fact, RowView
from cabinet.ui.i18n import t
from cabinet.ui.kit import recipes
from cabinet.ui.shell import cabinet_page, frame

_COLUMNS = "grid grid-cols-1 gap-4 lg:grid-cols-2 lg:items-start lg:gap-6"
_COLUMN = "min-w-0 space-y-4 lg:space-y-6"
_SWITCHER = "mb-4 flex items-center justify-between rounded-lg bg-surface p-1.5 shadow-card lg:w-96"
_TONES = {1: "bg-cat1", 2: "bg-cat2", 3: "bg-cat3", 4: "bg-cat4", 5: "bg-cat5"}
_SWATCH = "size-3.5 shrink-0 rounded-[4px]"
_PANEL = "mx-5 mb-4 rounded-md bg-sunken p-4"


@cabinet_page(
    route="/expenses",
    title="Расходы",
    access="subscriber",
    on_load=[ExpensesState.load, CapState.load, ComingState.load],
)
def expenses() -> rx.Component:
    """What a month has cost and why."""
    return frame(
        kit.refresher([ExpensesState.refresh, CapState.refresh]),
        rx.cond(
            ExpensesState.is_ready,
            _figures(),
            kit.unread(ExpensesState, t("Не получилось загрузить расходы"), ExpensesState.load, _skeleton()),
        ),
        export_sheet(ExpensesState.month.value, ExpensesState.month.title),
        here="/expenses/",
        title="Расходы",
        of=ExpensesState,
    )


def _figures() -> rx.Component:
    """Dimmed while another month is on its way, if that takes long enough to be seen."""
    is_coming = ~rx.State.is_hydrated
    return rx.el.div(
        _months(),
        rx.cond(ExpensesState.note, rx.el.div(kit.note("info", ExpensesState.note), class_name="mb-4"), rx.fragment()),
        rx.el.div(
            rx.el.div(_total(), _categories(), _days(), _to_come(), class_name=_COLUMN),
            rx.el.div(
                _statement(),
                export_button(),
                kit.freshness(ExpensesState.has_failed, ExpensesState.as_of, ExpensesState.refresh),
                class_name=_COLUMN,
            ),
            class_name=_COLUMNS,
        ),
        aria_busy=rx.cond(is_coming, "true", "false"),
        class_name=rx.cond(is_coming, "opacity-60 transition-opacity delay-300", ""),
    )


# --- the month --------------------------------------------------------------------------------------------------------


def _months() -> rx.Component:
    month = ExpensesState.month
    return rx.el.nav(
        _to_month("chevron_left", t("Предыдущий месяц"), month.previous, month.previous_name),
        rx.el.h2(month.title, aria_live="polite", class_name="text-base font-semibold"),
        _to_month("chevron_right", t("Следующий месяц"), month.next, month.next_name),
        aria_label=t("Месяц"),
        class_name=_SWITCHER,
    )


def _to_month(icon_name: str, what: kit.Text, to: rx.Var[str], name: rx.Var[str]) -> rx.Component:
    """A link to the month beside. Where there is none it says so and leads to where one is: another element in its
    place would take the keyboard's focus away."""
    return kit.page_link(
        kit.icon(icon_name, "size-6"),
        to=rx.cond(to, to, rx.Var.create(f"/expenses/?month={ExpensesState.month.value}")),
        aria_label=rx.cond(to, rx.Var.create(f"{what}: {name}"), rx.Var.create(f"{what}: {t('нет данных')}")),
        aria_disabled=rx.cond(to, "false", "true"),
        class_name=f"{recipes.ICON_BUTTON} aria-disabled:pointer-events-none aria-disabled:opacity-40",
    )


def _total() -> rx.Component:
    month = ExpensesState.month
    trends = {
        "more": ("trending_up", "bg-warn-soft", "text-warn"),
        "less": ("trending_down", "bg-ok-soft", "text-ok"),
        "same": ("info", "bg-sunken", "text-muted"),
    }
    trend = rx.match(
        month.trend,
        *((name, _trend(icon_name, background, colour)) for name, (icon_name, background, colour) in trends.items()),
        rx.fragment(),
    )
    expected = rx.el.p(
        month.expected_when,
        " ",
        rx.el.b(month.expected_sum, class_name="font-semibold text-ink"),
        ". ",
        month.expected_total,
        class_name="mt-3 text-sm text-muted",
    )
    return kit.card(
        rx.el.p(month.period, class_name="text-sm text-muted"),
        rx.el.p(month.total, class_name="mt-1 text-3xl font-bold tracking-tight"),
        trend,
        rx.cond(month.empty, rx.el.p(month.empty, class_name="mt-3 text-sm text-muted"), rx.fragment()),
        rx.cond(month.expected_sum, expected, rx.fragment()),
    )


def _trend(icon_name: str, background: str, colour: str) -> rx.Component:
    return rx.el.div(
        rx.el.span(kit.icon(icon_name, "size-6"), class_name=colour),
        rx.el.p(
            rx.el.b(ExpensesState.month.comparison, class_name="font-semibold"),
            " ",
            ExpensesState.month.reason,
            class_name="text-sm",
        ),
        class_name=f"mt-3 flex gap-3 rounded-md p-3.5 {background}",
    )


def _categories() -> rx.Component:
    month = ExpensesState.month
    card = kit.card(
        rx.cond(
            month.categories_hint,
            rx.el.p(month.categories_hint, class_name="text-xs text-muted"),
            rx.fragment(),
        ),
        kit.stacked_bar(rx.foreach(month.categories, _segment)),
        rx.el.ul(rx.foreach(month.categories, _category), class_name="mt-3"),
        title=t("На что ушли деньги"),
        id="categories",
    )
    return rx.cond(month.categories, card, rx.fragment())


def _segment(category: CategoryView) -> rx.Component:
    return rx.cond(category.width, kit.stack_segment(category.left, category.width, category.tone), rx.fragment())


def _category(category: CategoryView) -> rx.Component:
    is_on = ExpensesState.categories.contains(category.code)
    return rx.el.li(
        rx.el.button(
            rx.el.span(
                class_name=rx.match(
                    category.tone, *((tone, f"{_SWATCH} {colour}") for tone, colour in _TONES.items()), _SWATCH
                )
            ),
            rx.el.span(category.name, class_name="min-w-0 flex-1"),
            rx.el.span(
                rx.el.span(category.sum, class_name="block font-semibold whitespace-nowrap"),
                rx.el.span(category.difference, class_name="block text-xs text-muted empty:hidden"),
                class_name="text-right leading-tight",
            ),
            rx.cond(
                is_on, kit.icon("check", "size-4.5 text-brand-ink"), kit.icon("chevron_right", "size-4.5 text-muted")
            ),
            type="button",
            on_click=ExpensesState.show_only(category.code),
            aria_pressed=rx.cond(is_on, "true", "false"),
            custom_attrs={"data-shows": "operations"},
            class_name="-mx-2 flex min-h-12 w-[calc(100%+var(--spacing)*4)] flex-wrap items-center gap-3 rounded-md "
            "px-2 py-1 text-left hover:bg-sunken aria-pressed:bg-brand-soft",
        ),
        key=category.code,
    )


def _to_come() -> rx.Component:
    """Of the present month alone: of one that is over nothing is to come and nothing can be limited."""
    return rx.cond(ExpensesState.month.next == "", rx.fragment(cap_card(), timeline()), rx.fragment())


def _days() -> rx.Component:
    month = ExpensesState.month
    axis = rx.el.div(
        rx.el.span(month.first_day),
        rx.el.span(month.middle_day, class_name="text-center"),
        rx.el.span(month.last_day, class_name="text-right"),
        aria_hidden="true",
        class_name="mt-2 grid grid-cols-3 text-xs text-muted",
    )
    legend = rx.el.p(
        _legend("bg-cat1", t("списано")),
        rx.cond(
            month.legend_expected, _legend("border border-dashed border-edge", month.legend_expected), rx.fragment()
        ),
        class_name="mt-3 flex flex-wrap gap-x-4 gap-y-1 text-xs text-muted",
    )
    in_words = rx.el.details(
        rx.el.summary(
            t("Суммы по дням"),
            kit.icon("chevron_down", "size-4.5 transition-transform group-open:rotate-180"),
            class_name=f"{recipes.LINK_ACTION} cursor-pointer text-sm",
        ),
        rx.el.dl(rx.foreach(month.days, _fact), class_name="space-y-1.5 pb-1 text-sm"),
        class_name="group mt-1 -mb-2",
    )
    card = kit.card(
        kit.day_bars(
            sentence=month.days_sentence,
            box=month.days_box,
            spent=month.days_spent,
            expected=month.days_expected,
            ticks=month.days_ticks,
        ),
        axis,
        legend,
        in_words,
        title=t("По дням"),
        id="days",
    )
    return rx.cond(month.has_days, card, rx.fragment())


def _legend(mark: str, text: kit.Text) -> rx.Component:
    return rx.el.span(
        rx.el.span(class_name=f"size-3 rounded-[3px] {mark}"), text, class_name="flex items-center gap-1.5"
    )


def _fact(fact: Fact) -> rx.Component:
    return rx.el.div(
        rx.el.dt(fact.name, class_name="text-muted"),
        rx.el.dd(fact.value, class_name="text-right font-medium"),
        class_name="flex flex-wrap justify-between gap-x-4",
    )


# --- the statement ----------------------------------------------------------------------------------------------------


def _statement() -> rx.Component:
    shown = kit.rows(ExpensesState.page, list[RowView])
    return rx.el.section(
        rx.el.h2(t("Операции"), id="operations-title", class_name=f"{recipes.CARD_TITLE} px-5 pt-4"),
        _filters(),
        rx.el.p(ExpensesState.found, role="status", class_name="sr-only"),
        rx.el.p(ExpensesState.not_kept, class_name="px-5 py-3 text-sm text-muted empty:hidden"),
        rx.el.div(rx.foreach(shown, _row)),
        rx.cond(ExpensesState.not_found, _nothing(), rx.fragment()),
        rx.cond(
            ExpensesState.page.is_end,
            rx.fragment(),
            rx.el.div(
                rx.el.button(
                    t("Показать ещё"),
                    type="button",
                    on_click=ExpensesState.show_more(ExpensesState.page.number),
                    class_name=recipes.LINK_ACTION,
                ),
                class_name="border-t border-line px-5 py-2",
            ),
        ),
        aria_labelledby="operations-title",
        id="operations",
        class_name="relative scroll-mt-20 rounded-lg bg-surface pb-1 shadow-card",
    )


def _filters() -> rx.Component:
    """The search, and behind the funnel what to show; the funnel says what is chosen."""
    chips = rx.el.div(
        rx.el.div(
            *(
                kit.chip(
                    t(name),
                    ExpensesState.direction == code,
                    on_click=ExpensesState.switch_direction(code),
                )
                for code, name in DIRECTIONS.items()
            ),
            role="group",
            aria_label=t("Вид операций"),
            class_name="flex flex-wrap gap-2",
        ),
        rx.el.div(
            rx.foreach(ExpensesState.chips, _chip),
            role="group",
            aria_label=t("Категории"),
            class_name="mt-2 flex flex-wrap gap-2",
        ),
        class_name="px-5 pt-1 pb-3",
    )
    return rx.fragment(
        rx.el.details(
            rx.el.summary(
                kit.icon("funnel", "size-4.5"),
                rx.el.span(t("Показать:"), class_name="sr-only"),
                rx.cond(ExpensesState.filtered, ExpensesState.filtered, t("Все")),
                class_name=f"{recipes.LINK_ACTION} absolute top-2 right-5 max-w-[60%] cursor-pointer text-sm",
            ),
            chips,
            class_name="pt-2",
        ),
        rx.el.div(
            kit.icon("search", "size-5 text-muted"),
            rx.el.input(
                type="search",
                id="search",
                default_value=ExpensesState.search,
                on_change=ExpensesState.find.debounce(300),
                key=ExpensesState.opened,
                max_length=LONGEST_SEARCH,
                auto_complete="off",
                spell_check=False,
                aria_label=t("Поиск по операциям"),
                placeholder=t("Номер или слово"),
                class_name="h-full min-w-0 flex-1 bg-transparent text-base outline-none placeholder:text-muted "
                "[&::-webkit-search-cancel-button]:grayscale",
            ),
            class_name="mx-5 mb-2 flex h-12 items-center gap-2 rounded-md border border-edge bg-surface px-3.5 "
            f"{recipes.FOCUS_WITHIN}",
        ),
    )


def _chip(chip: ChipView) -> rx.Component:
    return kit.chip(
        chip.name,
        ExpensesState.categories.contains(chip.code),
        on_click=ExpensesState.switch_category(chip.code),
        key=chip.code,
    )


def _nothing() -> rx.Component:
    is_filtered = (ExpensesState.search != "") | (ExpensesState.filtered != "")
    return rx.el.div(
        rx.el.p(ExpensesState.not_found, role="status", class_name="font-medium"),
        rx.cond(
            is_filtered,
            rx.fragment(
                rx.el.p(t("Проверьте буквы или выберите категорию."), class_name="mt-1 text-sm text-muted"),
                rx.el.button(
                    t("Показать все"),
                    type="button",
                    on_click=ExpensesState.show_all,
                    class_name=f"{recipes.LINK_ACTION} text-sm",
                ),
            ),
            rx.fragment(),
        ),
        class_name="px-5 pt-2 pb-4",
    )


def _row(row: RowView) -> rx.Component:
    return rx.fragment(
        rx.cond(row.day, rx.el.h3(row.day, class_name="px-5 pt-3 text-sm font-semibold text-muted"), rx.fragment()),
        rx.el.details(
            rx.el.summary(
                rx.el.span(
                    rx.match(row.icon, *((name, kit.icon(name)) for name in operations.ICONS), kit.icon("receipt")),
                    class_name=rx.cond(
                        row.is_income,
                        f"{recipes.TILE} {recipes.TONES['ok']}",
                        f"{recipes.TILE} {recipes.TONES['quiet']} group-open:bg-brand-soft group-open:text-brand-ink",
                    ),
                ),
                rx.el.span(
                    rx.el.span(row.title, class_name="block font-medium"),
                    rx.el.span(row.second, class_name="block text-sm text-muted"),
                    class_name="min-w-0 flex-1",
                ),
                kit.amount(row.amount, row.is_income),
                kit.icon("chevron_down", "size-5 text-muted transition-transform group-open:rotate-180"),
                on_click=ExpensesState.explain(row.id),
                class_name=f"{recipes.LIST_ROW} cursor-pointer hover:bg-sunken",
            ),
            rx.cond(ExpensesState.explanations.contains(row.id), _explanation(row), _explanation_skeleton()),
            class_name="group",
        ),
        key=row.id,
    )


def _explanation(row: RowView) -> rx.Component:
    found = ExpensesState.explanations[row.id]
    return rx.el.div(
        rx.cond(found.why, rx.el.p(found.why, class_name="text-sm"), rx.fragment()),
        rx.el.dl(rx.foreach(found.facts, _fact), class_name="mt-3 space-y-1.5 text-sm first:mt-0 empty:hidden"),
        kit.page_action(
            t("Это не я / непонятно"),
            rx.Var.create(f"/support/new/?line={row.id}"),
            "message",
            class_name="mt-2 -mb-2 text-sm",
        ),
        class_name=_PANEL,
    )


def _explanation_skeleton() -> rx.Component:
    return rx.el.div(
        rx.el.p(t("Загружаем данные"), class_name="sr-only"),
        kit.bone("h-5 w-56 max-w-full"),
        *(
            rx.el.div(kit.bone("h-5 w-32"), kit.bone("h-5 w-20"), class_name="mt-1.5 flex justify-between first:mt-3")
            for _ in range(4)
        ),
        class_name=_PANEL,
    )


# --- the page as a whole ----------------------------------------------------------------------------------------------


def _skeleton() -> rx.Component:
    """Blocks of the sizes that the figures usually have."""
    total = rx.el.div(
        kit.bone("h-5 w-48"),
        kit.bone("mt-2 h-11 w-36"),
        kit.bone("mt-4 h-18 w-full"),
        kit.bone("mt-4 h-5 w-64 max-w-full"),
        class_name="h-[14.5rem] rounded-lg bg-surface p-5 shadow-card",
    )
    categories = rx.el.div(
        kit.bone("h-6 w-48"),
        kit.bone("mt-6 h-4 w-full"),
        rx.el.div(*(kit.bone("h-6 w-full") for _ in range(4)), class_name="mt-6 space-y-6"),
        class_name="h-[19.5rem] rounded-lg bg-surface p-5 shadow-card",
    )
    days = rx.el.div(
        kit.bone("h-6 w-24"),
        kit.bone("mt-4 h-32 w-full"),
        kit.bone("mt-3 h-4.5 w-full"),
        class_name="h-[18.5rem] rounded-lg bg-surface p-5 shadow-card",
    )
    statement = rx.el.div(
        kit.bone("h-6 w-32"),
        kit.bone("mt-5 h-12 w-full"),
        rx.el.div(*(kit.bone_row() for _ in range(8)), class_name="mt-6 space-y-8"),
        class_name="min-h-[48rem] rounded-lg bg-surface p-5 shadow-card",
    )
    return kit.loading(
        rx.el.div(kit.bone("mx-auto h-6 w-36"), class_name=f"{_SWITCHER} h-14"),
        rx.el.div(
            rx.el.div(total, categories, days, class_name=_COLUMN),
            rx.el.div(statement, class_name=_COLUMN),
            class_name=_COLUMNS,
        ),
    )
