"""/orders: everything that was switched on, off or changed, what it cost, and the way back."""

import reflex as rx

from cabinet.ui import kit
from cabinet.ui.i18n import t
from cabinet.ui.kit import recipes
from cabinet.ui.orders.state import OrdersState
from cabinet.ui.quotes import done_toast
from cabinet.ui.quotes.parts import fact_line, note_line, terms_table
from cabinet.ui.quotes.views import ORDER_ICONS, OrderView
from cabinet.ui.shell import cabinet_page, frame

_COLUMN = "space-y-4 lg:max-w-[38rem]"


@cabinet_page(route="/orders", title="История изменений", access="subscriber", on_load=OrdersState.load)
def orders() -> rx.Component:
    """Every order, the newest first."""
    return frame(
        kit.refresher(OrdersState.refresh),
        rx.cond(
            OrdersState.is_ready,
            rx.el.div(
                rx.el.p(
                    t("Всё, что подключали, отключали и меняли: что это дало и сколько стоило."),
                    class_name="text-muted",
                ),
                rx.cond(OrdersState.is_empty, _nothing(), _list()),
                kit.freshness(OrdersState.has_failed, OrdersState.as_of, OrdersState.load),
                class_name=_COLUMN,
            ),
            kit.unread(OrdersState, t("Не получилось загрузить данные"), OrdersState.load, _skeleton()),
        ),
        done_toast(OrdersState.refresh),
        here="/orders/",
        title="История изменений",
        of=OrdersState,
    )


def _list() -> rx.Component:
    shown = kit.rows(OrdersState.page, list[OrderView])
    return rx.el.div(
        rx.el.ul(rx.foreach(shown, _order), aria_label=t("Изменения"), class_name=recipes.LIST_CARD),
        rx.cond(OrdersState.page.is_end, rx.fragment(), kit.older(OrdersState.show_more(OrdersState.page.number))),
    )


def _nothing() -> rx.Component:
    return kit.empty_block(
        "history",
        t("Изменений ещё не было"),
        t("Здесь останется всё, что вы подключите, отключите или смените, — и сколько это стоило."),
        kit.button_link(t("Посмотреть услуги"), "/services/", "secondary"),
    )


def _order(order: OrderView) -> rx.Component:
    way = OrdersState.ways[order.id]
    money = rx.cond(
        way.is_undone, rx.el.s(order.amount, class_name="text-muted"), kit.amount(order.amount, order.is_income)
    )
    row = rx.el.summary(
        rx.el.span(
            rx.match(order.icon, *((name, kit.icon(name)) for name in ORDER_ICONS), kit.icon("list_checks")),
            class_name=f"{recipes.TILE} {recipes.TONES['quiet']} group-open:bg-brand-soft group-open:text-brand-ink",
        ),
        rx.el.span(
            rx.el.span(order.title, class_name="block font-medium"),
            rx.el.span(order.second, class_name="block text-sm text-muted"),
            rx.cond(way.is_undone, kit.tag(t("Отменено"), "quiet", "repeat"), rx.fragment()),
            class_name="min-w-0 flex-1",
        ),
        money,
        kit.icon("chevron_down", "size-5 text-muted transition-transform group-open:rotate-180"),
        class_name=f"{recipes.LIST_ROW} cursor-pointer hover:bg-sunken",
    )
    return rx.el.li(
        rx.el.details(row, _opened(order), class_name="group"),
        rx.cond(way.can_undo, _undo(order), rx.fragment()),
        key=order.id,
    )


def _opened(order: OrderView) -> rx.Component:
    return rx.el.div(
        rx.el.dl(rx.foreach(order.facts, fact_line), class_name="space-y-2.5 text-sm"),
        rx.cond(order.terms.length() > 0, terms_table(order.terms, t("Было"), t("Стало")), rx.fragment()),
        rx.cond(
            order.notes.length() > 0,
            rx.el.ul(rx.foreach(order.notes, note_line), class_name="mt-3 space-y-2 text-sm"),
            rx.fragment(),
        ),
        rx.cond(
            OrdersState.ways[order.id].can_undo,
            rx.fragment(),
            rx.el.p(OrdersState.ways[order.id].text, class_name="mt-3 text-sm text-muted"),
        ),
        class_name="mx-5 mb-4 rounded-md bg-sunken p-4",
    )


def _undo(order: OrderView) -> rx.Component:
    """Below the row and not in it: a row opens at any press. Why it did not work stays here."""
    refusal = OrdersState.refusals[order.id]
    return rx.el.div(
        rx.cond(
            refusal,
            rx.el.p(
                kit.icon("warning", "size-5"), refusal, role="alert", class_name="flex gap-2 font-medium text-warn"
            ),
            rx.el.p(OrdersState.ways[order.id].text, class_name="text-muted"),
        ),
        rx.el.button(
            t("Отменить"),
            type="button",
            on_click=OrdersState.undo(order.id),
            aria_label=rx.Var.create(f"{t('Отменить')}: {order.title}"),
            class_name=recipes.LINK_ACTION,
        ),
        class_name="flex flex-wrap items-center justify-between gap-x-4 px-5 pb-2 text-sm lg:pl-[4.75rem]",
    )


def _skeleton() -> rx.Component:
    """Rows of the size that orders usually have."""
    row = rx.el.div(
        kit.bone("size-10 shrink-0 rounded-full"),
        rx.el.div(kit.bone("h-5 w-44 max-w-full"), kit.bone("mt-1.5 h-4.5 w-32"), class_name="flex-1"),
        class_name="flex h-[4.25rem] items-center gap-3 px-5",
    )
    return kit.loading(
        kit.bone("h-12 w-full"),
        rx.el.div(row, row, row, row, class_name="rounded-lg bg-surface shadow-card"),
        class_name=_COLUMN,
    )
