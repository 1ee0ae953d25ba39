"""/packages: what is left and until when, what comes every month, and what can be bought."""

import reflex as rx

from cabinet.ui import kit
from cabinet.ui.bundles.state import BundlesState
from cabinet.ui.bundles.views import ICONS, CardView, GroupView, MeterView, MonthlyView, PartView
from cabinet.ui.i18n import t
from cabinet.ui.kit import recipes
from cabinet.ui.quotes import quote_sheet
from cabinet.ui.shell import cabinet_page, frame, number_tabs

_WIDTH = "space-y-6 lg:max-w-[44rem]"
_CARD = (
    "relative flex min-h-24 flex-col rounded-lg border-2 border-line bg-surface p-3.5 has-checked:border-brand "
    "has-checked:bg-brand-soft has-focus-visible:outline-3 has-focus-visible:outline-offset-2 "
    "has-focus-visible:outline-[var(--c-focus)]"
)


@cabinet_page(route="/packages", title="Пакеты", access="subscriber", on_load=BundlesState.load)
def packages() -> rx.Component:
    """Packages beside the plan's."""
    return frame(
        kit.refresher(BundlesState.refresh),
        number_tabs("/packages/"),
        rx.cond(
            BundlesState.is_ready,
            _everything(),
            kit.unread(BundlesState, t("Не получилось загрузить пакеты"), BundlesState.load, _skeleton()),
        ),
        quote_sheet(on_done=BundlesState.refresh),
        here="/packages/",
        title="Пакеты",
        of=BundlesState,
    )


def _everything() -> rx.Component:
    note = BundlesState.note
    return rx.el.div(
        rx.cond(note.title, kit.note("warn", note.title, note.text), rx.fragment()),
        _left(),
        _monthly(),
        _on_sale(),
        kit.freshness(BundlesState.has_failed, BundlesState.as_of, BundlesState.refresh),
        class_name=_WIDTH,
    )


# --- what is left -----------------------------------------------------------------------------------------------------


def _left() -> rx.Component:
    return kit.card(
        rx.el.div(
            rx.foreach(BundlesState.meters, _meter),
            rx.cond(
                BundlesState.meters,
                rx.fragment(),
                rx.el.p(t("Сейчас пакетов нет: связь оплачивается по ценам тарифа."), class_name="text-sm text-muted"),
            ),
            class_name="mt-4 space-y-5",
        ),
        title=t("Остатки"),
        id="left",
    )


def _meter(meter: rx.Var[MeterView]) -> rx.Component:
    return rx.el.div(
        kit.meter(
            _icon(meter.kind, "size-4.5 text-muted"),
            meter.name,
            meter.left,
            meter.rest,
            meter.percent,
            meter.forecast,
            meter.is_low,
            meter.is_unlimited,
        ),
        rx.el.dl(rx.foreach(meter.parts, _part), class_name="mt-1.5 space-y-0.5 text-sm"),
        key=meter.name,
    )


def _part(part: rx.Var[PartView]) -> rx.Component:
    return rx.el.div(
        rx.el.dt(part.name, class_name="text-muted"),
        rx.el.dd(part.value, class_name="text-right"),
        class_name="flex justify-between gap-4",
    )


# --- every month ------------------------------------------------------------------------------------------------------


def _monthly() -> rx.Component:
    section = rx.el.section(
        rx.el.h2(t("Приходят каждый месяц"), id="monthly", class_name=recipes.CARD_TITLE),
        rx.el.ul(rx.foreach(BundlesState.monthly, _monthly_row), class_name=f"mt-3 {recipes.LIST_CARD}"),
        aria_labelledby="monthly",
    )
    return rx.cond(BundlesState.monthly, section, rx.fragment())


def _monthly_row(row: rx.Var[MonthlyView]) -> rx.Component:
    id = rx.Var.create(f"package-{row.code}")
    return kit.switch_row(
        rx.el.span(
            _icon(row.kind, "size-5"),
            class_name=rx.cond(
                row.is_lacking, f"{recipes.TILE} {recipes.TONES['warn']}", f"{recipes.TILE} {recipes.TONES['ok']}"
            ),
        ),
        row.name,
        rx.el.span(row.price, class_name="block font-semibold"),
        rx.el.span(
            row.line, class_name=rx.cond(row.is_lacking, "block font-medium text-warn", "block text-muted empty:hidden")
        ),
        control=kit.switch(
            id,
            row.is_on,
            BundlesState.answers,
            [BundlesState.turn(row.code, ~row.is_on), BundlesState.refresh],
        ),
        id=id,
        key=row.code,
    )


# --- on sale ----------------------------------------------------------------------------------------------------------


def _on_sale() -> rx.Component:
    return rx.el.div(
        rx.foreach(BundlesState.groups, _group),
        rx.cond(BundlesState.chosen.code, _chosen(), rx.fragment()),
        class_name="space-y-6",
        key=BundlesState.opened,
    )


def _group(group: rx.Var[GroupView]) -> rx.Component:
    return rx.el.fieldset(
        rx.el.legend(group.name, class_name="mb-3 text-lg font-bold"),
        rx.el.div(rx.foreach(group.cards, _card), class_name="grid grid-cols-2 gap-3 md:grid-cols-3"),
        key=group.kind,
    )


def _card(card: rx.Var[CardView]) -> rx.Component:
    return rx.el.label(
        rx.el.span(
            rx.el.span(card.name, class_name="min-w-0 text-lg font-bold"),
            rx.el.input(
                type="radio",
                name="package",
                value=card.code,
                default_checked=BundlesState.chosen.code == card.code,
                disabled=card.reason != "",
                on_change=BundlesState.choose(card.code),
                class_name="choice scroll-mb-60",  # not under the box of what is chosen
            ),
            class_name="flex items-start justify-between gap-2",
        ),
        rx.el.span(card.price, class_name="mt-1 text-lg font-semibold"),
        rx.el.span(card.caption, class_name="mt-1 text-xs text-muted empty:hidden"),
        rx.cond(card.tag, rx.el.span(kit.tag(card.tag, "info", "repeat"), class_name="mt-2"), rx.fragment()),
        rx.cond(card.reason, rx.el.span(card.reason, class_name="mt-2 text-xs font-medium"), rx.fragment()),
        class_name=_CARD,
        key=card.code,
    )


def _chosen() -> rx.Component:
    """What there will be, over the cards until they have been passed."""
    chosen = BundlesState.chosen
    return rx.el.div(
        _fact(t("Сразу после оплаты"), chosen.after),
        rx.cond(
            chosen.lacking,
            rx.el.div(
                rx.el.p(
                    kit.icon("warning", "size-5"),
                    t("Не хватает {sum}", sum=chosen.lacking),
                    class_name="flex items-center gap-2 text-sm font-medium text-warn",
                ),
                kit.page_action(t("Пополнить"), "/topup/"),
                class_name="flex items-center justify-between gap-3",
            ),
            _fact(t("Баланс станет"), chosen.balance),
        ),
        kit.button(
            chosen.buy,
            class_name="mt-4 w-full",
            on_click=[BundlesState.buy(chosen.code), BundlesState.refresh],
        ),
        aria_live="polite",
        class_name="sticky bottom-20 z-10 rounded-lg bg-surface p-4 shadow-sheet lg:bottom-6",
    )


def _fact(name: kit.Text, value: kit.Text) -> rx.Component:
    return rx.el.p(
        rx.el.span(name, class_name="text-muted"),
        " ",
        rx.el.span(value, class_name="text-right font-semibold"),
        class_name="mt-1.5 flex justify-between gap-3 text-sm first:mt-0",
    )


# --- the page as a whole ----------------------------------------------------------------------------------------------


def _icon(kind: rx.Var[str], class_name: str) -> rx.Component:
    return rx.match(
        kind, *((code, kit.icon(name, class_name)) for code, name in ICONS.items()), kit.icon("package", class_name)
    )


def _skeleton() -> rx.Component:
    """Blocks of the sizes that the packages usually have."""
    left = rx.el.div(
        kit.bone("h-6 w-28"),
        rx.el.div(*(_bone_meter() for _ in range(3)), class_name="mt-5 space-y-7"),
        class_name="h-[21rem] rounded-lg bg-surface p-5 shadow-card",
    )
    cards = (rx.el.div(kit.bone("h-6 w-20"), kit.bone("mt-2 h-6 w-16"), class_name=f"{_CARD} h-31") for _ in range(6))
    return kit.loading(
        rx.el.div(
            left,
            kit.bone("h-6 w-28"),
            rx.el.div(*cards, class_name="grid grid-cols-2 gap-3 md:grid-cols-3"),
            class_name=_WIDTH,
        ),
    )


def _bone_meter() -> rx.Component:
    return rx.el.div(
        rx.el.div(kit.bone("h-5 w-24"), kit.bone("h-5 w-32"), class_name="flex justify-between"),
        kit.bone("mt-3 h-2 w-full"),
        kit.bone("mt-2 h-4.5 w-56 max-w-full"),
    )
