"""What both pages of the tariffs have."""

import reflex as rx

from cabinet.ui import kit, quotes
from cabinet.ui.i18n import t
from cabinet.ui.kit import recipes
from cabinet.ui.tariffs.state import TariffsState
from cabinet.ui.tariffs.views import Fact, TimeView


def contents(shown: rx.Component, skeleton: rx.Component) -> rx.Component:
    """The page as far as it is known: skeleton, what is shown, what failed, a number without a tariff."""
    return rx.fragment(
        kit.refresher(TariffsState.refresh),
        rx.cond(
            TariffsState.is_ready,
            rx.cond(TariffsState.has_plan, shown, _no_plan()),
            kit.unread(TariffsState, t("Не получилось загрузить тарифы"), TariffsState.load, skeleton),
        ),
        quotes.quote_sheet(TariffsState.refresh, rx.cond(TariffsState.times, _times(), rx.fragment())),
    )


def _times() -> rx.Component:
    return rx.el.fieldset(
        rx.el.legend(t("Когда сменить"), class_name="text-sm font-semibold"),
        rx.el.div(rx.foreach(TariffsState.times, _time), class_name=f"mt-2 {recipes.SEGMENTS}"),
        class_name="mt-4",
    )


def _time(time: rx.Var[TimeView]) -> rx.Component:
    return rx.el.label(
        rx.el.input(
            type="radio",
            name="when",
            checked=time.is_chosen,
            on_change=TariffsState.quote_time(time.code),
            class_name="sr-only",
            data_asks="",
        ),
        time.name,
        key=time.code,
        class_name=recipes.SEGMENT_RADIO,
    )


def fact(one: rx.Var[Fact]) -> rx.Component:
    """A line of a list of terms."""
    return rx.el.div(
        rx.el.dt(one.name, class_name="text-muted"),
        rx.el.dd(one.value, class_name="ml-auto text-right font-medium"),
        class_name="flex flex-wrap justify-between gap-x-4",
    )


def tag(name: rx.Var[str]) -> rx.Component:
    """Mine, or the best for me."""
    return rx.match(
        name,
        ("best", kit.tag(t("Выгоднее для вас"), "brand", "sparkles")),
        ("mine", kit.tag(t("Ваш тариф"))),
        rx.fragment(),
    )


def _no_plan() -> rx.Component:
    return kit.empty_block(
        "sliders",
        t("У номера сейчас нет тарифа"),
        t("Подключить его поможет оператор: спросите в контактах справки."),
        kit.plain_link_button(t("Контакты"), "/help/contacts", "secondary"),
    )
