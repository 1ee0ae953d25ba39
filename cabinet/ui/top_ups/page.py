"""/topup: how much, by what, and what became of earlier ones."""

import reflex as rx

from cabinet.ui import kit
from cabinet.ui.i18n import t
from cabinet.ui.kit import recipes
from cabinet.ui.quotes import quote_sheet
from cabinet.ui.shell import cabinet_page, frame
from cabinet.ui.top_ups.state import LONGEST_SUM, TopUpsState
from cabinet.ui.top_ups.views import MethodView, PromisedSumView, SumView, TopUpView

_ICONS = ("card", "qr", "plus")
_METHOD = (
    "flex min-h-16 items-center gap-3 px-5 py-3 has-checked:bg-brand-soft has-focus-visible:outline-3 "
    "has-focus-visible:-outline-offset-3 has-focus-visible:outline-[var(--c-focus)]"
)


@cabinet_page(route="/topup", title="Пополнение", access="subscriber", on_load=TopUpsState.load)
def top_up() -> rx.Component:
    """A plain form that leaves for the bank."""
    return frame(
        rx.cond(
            TopUpsState.is_ready,
            rx.el.div(_form(), _other_ways(), _saved(), _history(), class_name="space-y-4 lg:space-y-5"),
            kit.unread(TopUpsState, t("Не получилось загрузить пополнение"), TopUpsState.load, _skeleton()),
        ),
        quote_sheet(on_done=TopUpsState.refresh_promise, choice=_promise_sums()),
        here="/topup/",
        title="Пополнение",
        of=TopUpsState,
        back="/",
        is_task=True,
    )


def _form() -> rx.Component:
    return kit.form(
        "/topup/pay",
        rx.el.input(type="hidden", name="occasion", value=TopUpsState.occasion),
        rx.cond(
            TopUpsState.refusal,
            kit.note("bad", t("Деньги не списаны"), TopUpsState.refusal),
            rx.fragment(),
        ),
        _amount(),
        _methods(),
        rx.el.div(
            kit.submit(
                rx.cond(TopUpsState.amount_text, t("Пополнить на {sum}", sum=TopUpsState.amount_text), t("Пополнить"))
            ),
            rx.el.p(t("Чек пришлём в SMS и в «Расходы»"), class_name="mt-2 text-center text-sm text-muted"),
        ),
        class_name="space-y-4 lg:space-y-5",
    )


def _amount() -> rx.Component:
    return rx.el.section(
        rx.el.label(t("Сумма"), html_for="amount", class_name=recipes.LABEL),
        rx.el.div(
            rx.el.input(
                key=TopUpsState.opened,
                id="amount",
                name="amount",
                default_value=TopUpsState.amount,
                input_mode="decimal",
                auto_complete="off",
                max_length=LONGEST_SUM,
                required=True,
                on_change=TopUpsState.type_amount.debounce(150),
                on_blur=TopUpsState.leave_amount,
                aria_describedby="amount-hint amount-error",
                aria_invalid=rx.cond(TopUpsState.error, "true", "false"),
                class_name="w-full min-w-0 bg-transparent text-3xl font-bold outline-none",
            ),
            rx.el.span("₽", aria_hidden="true", class_name="text-2xl font-bold text-muted"),
            class_name=rx.cond(
                TopUpsState.error,
                "flex items-baseline gap-2 border-b-2 border-bad pb-1",
                "flex items-baseline gap-2 border-b-2 border-edge pb-1 focus-within:border-[var(--c-focus)]",
            ),
        ),
        rx.el.p(
            rx.cond(TopUpsState.error, kit.icon("alert"), rx.fragment()),
            TopUpsState.error,
            id="amount-error",
            role="alert",
            class_name="mt-2 flex gap-2 text-sm font-medium text-bad empty:hidden",
        ),
        rx.el.p(TopUpsState.limits, id="amount-hint", class_name=recipes.HINT),
        rx.el.div(
            rx.foreach(TopUpsState.sums, _sum),
            role="group",
            aria_label=t("Готовые суммы"),
            class_name="mt-4 grid grid-cols-[repeat(auto-fit,minmax(6rem,1fr))] gap-2",
        ),
        rx.cond(
            TopUpsState.advice,
            rx.el.p(
                kit.icon("info", "size-5 text-info"),
                rx.el.span(TopUpsState.advice),
                class_name="mt-3 flex gap-2 text-sm text-muted",
            ),
            rx.fragment(),
        ),
        class_name=recipes.CARD,
    )


def _sum(one: rx.Var[SumView]) -> rx.Component:
    return kit.chip(one.text, TopUpsState.amount == one.value, on_click=TopUpsState.choose(one.value), key=one.value)


def _methods() -> rx.Component:
    return rx.el.fieldset(
        rx.el.legend(t("Чем платить"), class_name="float-left w-full px-5 pt-5 pb-2 text-lg font-bold"),
        rx.el.div(rx.foreach(TopUpsState.methods, _method), class_name="clear-both divide-y divide-line"),
        rx.el.label(
            rx.el.input(
                type="checkbox", name="save", value="1", default_checked=TopUpsState.saves, class_name="choice"
            ),
            rx.el.span(
                rx.el.span(t("Сохранить карту или счёт"), class_name="block font-medium"),
                rx.el.span(
                    t("Для новой карты или СБП. Без вас ничего не спишем."), class_name="block text-sm text-muted"
                ),
                class_name="min-w-0 flex-1",
            ),
            class_name="flex min-h-16 cursor-pointer items-center gap-3 border-t border-line px-5 py-3",
        ),
        key=TopUpsState.occasion,  # a field that stays would keep what was chosen on the page before
        class_name="overflow-hidden rounded-lg bg-surface shadow-card",
    )


def _method(method: rx.Var[MethodView]) -> rx.Component:
    return rx.el.label(
        rx.el.span(_icon(method), class_name=f"{recipes.TILE} {recipes.TONES['quiet']}"),
        rx.el.span(
            rx.el.span(method.name, class_name="block font-medium"),
            rx.el.span(method.second, class_name="block text-sm text-muted"),
            class_name="min-w-0 flex-1",
        ),
        rx.el.input(
            type="radio",
            name="method",
            value=method.value,
            default_checked=method.is_chosen,
            class_name="choice",
        ),
        key=method.value,
        class_name=_METHOD,
    )


def _icon(method: rx.Var[MethodView]) -> rx.Component:
    return rx.match(method.icon, *((name, kit.icon(name)) for name in _ICONS), kit.icon("card"))


def _other_ways() -> rx.Component:
    return rx.cond(TopUpsState.promise.is_offered, kit.list_card(_promise()), rx.fragment())


def _promise() -> rx.Component:
    """Who may have one takes it by this row; who may not is told why."""
    words = rx.el.span(
        rx.el.span(t("Обещанный платёж"), class_name="block font-medium"),
        rx.el.span(TopUpsState.promise.text, class_name="block text-sm text-muted"),
        class_name="min-w-0 flex-1",
    )
    return rx.el.li(
        rx.cond(
            TopUpsState.promise.can_take,
            rx.el.button(
                kit.tile("clock"),
                words,
                kit.icon("chevron_right", "size-5 text-muted"),
                type="button",
                on_click=TopUpsState.ask_promise(TopUpsState.promise.kopecks),
                data_asks="",
                class_name=f"{recipes.LIST_ROW} hover:bg-sunken",
            ),
            rx.el.div(kit.tile("clock"), words, class_name=recipes.LIST_ROW),
        )
    )


def _promise_sums() -> rx.Component:
    return rx.el.div(
        rx.foreach(TopUpsState.promise.sums, _promise_sum),
        role="group",
        aria_label=t("Сколько взять"),
        class_name="mt-4 grid grid-cols-[repeat(auto-fit,minmax(6rem,1fr))] gap-2",
    )


def _promise_sum(one: rx.Var[PromisedSumView]) -> rx.Component:
    return kit.chip(
        one.text,
        TopUpsState.promised == one.kopecks,
        on_click=TopUpsState.ask_promise(one.kopecks),
        data_asks="",
        key=one.kopecks,
    )


def _saved() -> rx.Component:
    return rx.cond(
        TopUpsState.saved,
        kit.list_card(
            rx.foreach(TopUpsState.saved, _saved_method),
            kit.list_row(
                t("Автоплатёж"), t("Пополнять с них без вас, когда нужно"), icon_name="repeat", to="/autopay/"
            ),
            title=t("Сохранённые карты и счета"),
            id="saved-methods",
        ),
        rx.fragment(),
    )


def _saved_method(method: rx.Var[MethodView]) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.span(_icon(method), class_name=f"{recipes.TILE} {recipes.TONES['quiet']}"),
            rx.el.span(
                rx.el.span(method.name, class_name="block font-medium"),
                rx.el.span(method.second, class_name="block text-sm text-muted"),
                class_name="min-w-0 flex-1",
            ),
            kit.form(
                "/topup/methods/delete",
                rx.el.input(type="hidden", name="method", value=method.id),
                kit.icon_button("trash", rx.Var.create(f"{t('Удалить')}: {method.name}"), type="submit"),
            ),
            class_name=recipes.LIST_ROW,
        ),
        key=method.value,
    )


def _history() -> rx.Component:
    return rx.cond(
        TopUpsState.history,
        kit.list_card(rx.foreach(TopUpsState.history, _line), title=t("Последние пополнения"), id="top-ups"),
        rx.fragment(),
    )


def _line(line: rx.Var[TopUpView]) -> rx.Component:
    return rx.el.li(
        kit.page_link(
            rx.el.span(
                rx.el.span(line.title, class_name="block font-medium"),
                rx.el.span(line.second, class_name="block text-sm text-muted"),
                class_name="min-w-0 flex-1",
            ),
            kit.amount(line.amount, line.is_income),
            kit.icon("chevron_right", "size-5 text-muted"),
            to=rx.Var.create(f"/topup/result/?payment={line.id}"),
            class_name=f"{recipes.LIST_ROW} hover:bg-sunken",
        ),
        key=line.id,
    )


def _skeleton() -> rx.Component:
    return kit.loading(
        rx.el.div(
            kit.bone("h-5 w-16"), kit.bone("mt-3 h-12 w-32"), kit.bone("mt-4 h-11 w-full"), class_name=recipes.CARD
        ),
        rx.el.div(*(kit.bone("mt-4 h-10 w-full") for _ in range(3)), class_name=recipes.CARD),
        kit.bone("h-12 w-full"),
        class_name="space-y-4 lg:space-y-5",
    )
