"""/support: my questions, and how soon they are answered."""

import reflex as rx

from cabinet.ui import kit
from cabinet.ui.i18n import t
from cabinet.ui.kit import recipes
from cabinet.ui.shell import cabinet_page, frame
from cabinet.ui.support.state import SupportState
from cabinet.ui.support.views import TicketView
from cabinet.ui.tickets import Fact, marked


@cabinet_page(route="/support", title="Помощь", access="subscriber", on_load=SupportState.load)
def support() -> rx.Component:
    """The questions and the promise; beside them what the help centre knows."""
    return frame(
        kit.refresher(SupportState.load),
        rx.cond(SupportState.is_ready, _content(), rx.cond(SupportState.has_failed, _failed(), _skeleton())),
        here="/support/",
        title="Помощь",
        of=SupportState,
    )


def _content() -> rx.Component:
    return rx.el.div(
        rx.el.div(_promise(), _tickets(), class_name="min-w-0 space-y-4"),
        rx.el.div(_questions(), class_name="min-w-0 space-y-4"),
        class_name="grid grid-cols-1 gap-4 lg:grid-cols-[minmax(0,1fr)_20rem] lg:items-start lg:gap-6",
    )


def _promise() -> rx.Component:
    return kit.card(
        rx.el.p(t("Ответим за 24 часа"), class_name=recipes.CARD_TITLE),
        rx.el.p(SupportState.usual, class_name="mt-1 text-sm text-muted empty:hidden"),
        rx.el.div(
            kit.button_link(t("Задать вопрос"), "/support/new/", icon_name="pencil", class_name="w-full sm:w-auto"),
            class_name="mt-4",
        ),
    )


def _tickets() -> rx.Component:
    return rx.el.section(
        rx.el.h2(t("Мои обращения"), id="my", class_name="mb-3 text-lg font-bold"),
        rx.cond(
            SupportState.lines,
            rx.el.ul(rx.foreach(SupportState.lines, _ticket), class_name=recipes.LIST_CARD),
            rx.el.p(t("Вы ещё ни о чём не спрашивали"), class_name=f"{recipes.CARD} text-sm text-muted"),
        ),
        rx.cond(
            SupportState.older,
            rx.el.button(
                t("Показать ещё"),
                type="button",
                on_click=SupportState.show_older(SupportState.older),
                class_name=f"{recipes.LINK_ACTION} mt-2 px-5",
            ),
            rx.fragment(),
        ),
        aria_labelledby="my",
    )


def _ticket(ticket: TicketView) -> rx.Component:
    return rx.el.li(
        kit.page_link(
            kit.tile("message"),
            rx.el.span(
                rx.el.span(ticket.subject, class_name="block font-medium break-words"),
                rx.el.span(ticket.second, class_name="mt-0.5 block text-sm text-muted"),
                rx.el.span(marked(ticket.mark, ticket.tone), class_name="mt-1.5 block"),
                class_name="min-w-0 flex-1",
            ),
            kit.icon("chevron_right", "size-5 text-muted"),
            to=rx.Var.create(f"/support/{ticket.id}/"),
            class_name=f"{recipes.LIST_ROW.replace('flex-wrap', '')} hover:bg-sunken",
        ),
        key=ticket.id,
    )


def _questions() -> rx.Component:
    return rx.el.section(
        rx.el.h2(t("Частые вопросы"), id="often", class_name="mb-3 text-lg font-bold"),
        rx.el.ul(
            rx.foreach(SupportState.questions, _question),
            rx.el.li(
                kit.anchor(
                    t("Вся справка"),
                    kit.icon("chevron_right", "size-5 text-muted"),
                    href="/help/",
                    class_name="flex min-h-13 items-center justify-between gap-3 px-5 py-2.5 font-medium "
                    "hover:bg-sunken",
                )
            ),
            class_name=recipes.LIST_CARD,
        ),
        aria_labelledby="often",
    )


def _question(question: Fact) -> rx.Component:
    return rx.el.li(
        kit.anchor(
            question.name,
            kit.icon("chevron_right", "size-5 text-muted"),
            href=question.value,
            class_name="flex min-h-13 items-center justify-between gap-3 px-5 py-2.5 hover:bg-sunken",
        ),
        key=question.value,
    )


def _failed() -> rx.Component:
    return kit.failed(
        t("Не получилось загрузить обращения"), SupportState.load, t("Ничего не потерялось. Попробуйте ещё раз.")
    )


def _skeleton() -> rx.Component:
    return kit.loading(
        rx.el.div(kit.bone("h-6 w-48"), kit.bone("mt-5 h-12 w-full"), class_name=f"{recipes.CARD} h-40"),
        rx.el.div(
            *(kit.bone("mt-6 h-16 w-full first:mt-0") for _ in range(4)), class_name=f"{recipes.CARD} mt-12 min-h-80"
        ),
    )
