"""/staff: the queue by time left."""

import reflex as rx

from cabinet.domain.staff import Permission
from cabinet.ui import kit, tickets
from cabinet.ui.desk.frame import staff_frame
from cabinet.ui.i18n import t
from cabinet.ui.kit import recipes
from cabinet.ui.shell import cabinet_page
from cabinet.ui.support_desk.parts import counts, deadline
from cabinet.ui.support_desk.state import LONGEST_SEARCH, QueueState
from cabinet.ui.support_desk.views import ChipView, RowView
from cabinet.ui.tickets import CATEGORIES

_CELL = "px-4 py-3"


@cabinet_page(route="/staff", title="Обращения", access="staff", on_load=QueueState.load)
def queue() -> rx.Component:
    """Tickets, those with the least time first."""
    return staff_frame(
        kit.refresher(QueueState.refresh, seconds=30, while_in_use=True),
        rx.el.div(tickets.refused(QueueState.refusal), class_name="mt-3 empty:hidden"),
        counts(QueueState.counts, "mt-5 grid-cols-2 lg:grid-cols-4"),
        _filters(),
        rx.cond(QueueState.is_ready, rx.cond(QueueState.rows, _rows(), _nothing()), _skeleton()),
        rx.cond(
            QueueState.has_more,
            rx.el.button(
                t("Показать ещё"),
                type="button",
                on_click=QueueState.show_more,
                class_name=f"{recipes.LINK_ACTION} mt-2 px-4",
            ),
            rx.fragment(),
        ),
        here="/staff/",
        title=t("Обращения"),
        lead=t("Обещание: ответ за 24 часа. Сверху те, у кого меньше времени."),
        permission=Permission.TICKETS,
        action=kit.button(t("Взять следующее"), on_click=QueueState.take_next),
    )


def _filters() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.foreach(QueueState.chips, _chip),
            rx.el.select(
                rx.el.option(t("Все темы"), value=""),
                *(rx.el.option(t(name), value=code.value) for code, name in CATEGORIES.items()),
                value=QueueState.category,
                on_change=QueueState.choose_category,
                aria_label=t("Тема"),
                class_name="h-11 rounded-full border border-line bg-surface px-4 text-sm font-medium",
            ),
            role="group",
            aria_label=t("Очередь"),
            class_name="flex flex-wrap gap-2",
        ),
        rx.el.div(
            kit.icon("search", "size-5 text-muted"),
            rx.el.input(
                type="search",
                id="search",
                default_value=QueueState.search,
                on_change=QueueState.find.debounce(300),
                key=QueueState.queue,
                max_length=LONGEST_SEARCH,
                auto_complete="off",
                spell_check=False,
                aria_label=t("Поиск по обращениям"),
                placeholder=t("Номер телефона, обращения или слова"),
                class_name="h-full min-w-0 flex-1 bg-transparent text-sm outline-none placeholder:text-muted",
            ),
            class_name="flex h-11 w-full items-center gap-2 rounded-md border border-edge bg-surface px-3 lg:w-80 "
            f"{recipes.FOCUS_WITHIN}",
        ),
        class_name="mt-5 flex flex-wrap items-center justify-between gap-3",
    )


def _chip(chip: ChipView) -> rx.Component:
    return kit.chip(
        chip.text,
        (QueueState.queue == chip.code) & (QueueState.search == ""),
        on_click=QueueState.choose(chip.code),
        key=chip.code,
    )


def _rows() -> rx.Component:
    heads = (t("До конца обещания"), t("Вопрос"), t("Абонент"), t("Тема"), t("Отвечает"))
    return rx.fragment(
        rx.el.div(
            rx.el.table(
                rx.el.caption(t("Обращения"), class_name="sr-only"),
                rx.el.thead(
                    rx.el.tr(
                        *(rx.el.th(head, scope="col", class_name=f"{_CELL} font-normal text-muted") for head in heads)
                    ),
                    class_name="text-left text-sm",
                ),
                rx.el.tbody(rx.foreach(QueueState.rows, _row)),
                class_name="w-full",
            ),
            class_name="mt-4 hidden overflow-x-auto rounded-lg bg-surface shadow-card lg:block",
        ),
        rx.el.ul(rx.foreach(QueueState.rows, _card), class_name="mt-4 space-y-3 lg:hidden"),
    )


def _row(row: RowView) -> rx.Component:
    return rx.el.tr(
        rx.el.td(deadline(row.deadline), class_name=f"{_CELL} w-48"),
        rx.el.td(
            kit.page_link(
                rx.el.span(row.subject, class_name="break-words"),
                rx.el.span(row.second, class_name="text-xs font-normal text-muted"),
                to=rx.Var.create(f"/staff/tickets/{row.id}/"),
                class_name="inline-flex min-h-11 flex-col justify-center font-medium hover:underline",
            ),
            class_name=_CELL,
        ),
        rx.el.td(row.subscriber, class_name=f"{_CELL} text-sm"),
        rx.el.td(kit.tag(row.category), class_name=_CELL),
        rx.el.td(row.staff, class_name=rx.cond(row.is_free, f"{_CELL} text-sm text-muted", f"{_CELL} text-sm")),
        class_name="border-t border-line hover:bg-sunken",
        key=row.id,
    )


def _card(row: RowView) -> rx.Component:
    return rx.el.li(
        kit.page_link(
            rx.el.span(
                rx.el.span(row.subject, class_name="min-w-0 font-medium break-words"),
                kit.tag(row.category),
                class_name="flex items-start justify-between gap-3",
            ),
            rx.el.span(row.second, " · ", row.subscriber, " · ", row.staff, class_name="mt-1 block text-sm text-muted"),
            rx.el.span(deadline(row.deadline), class_name="mt-2 block"),
            to=rx.Var.create(f"/staff/tickets/{row.id}/"),
            class_name="block rounded-lg bg-surface p-4 shadow-card",
        ),
        key=row.id,
    )


def _nothing() -> rx.Component:
    return rx.el.div(
        rx.cond(
            QueueState.search,
            kit.empty_block("search", t("Ничего не нашли"), t("Ищем номера и слова целиком или с начала.")),
            kit.empty_block("check", t("Здесь пусто"), t("Обращений в этой очереди нет.")),
        ),
        class_name="mt-4",
    )


def _skeleton() -> rx.Component:
    return kit.loading(
        *(kit.bone("mt-5 h-10 w-full") for _ in range(6)),
        class_name="mt-4 rounded-lg bg-surface p-5 shadow-card",
    )
