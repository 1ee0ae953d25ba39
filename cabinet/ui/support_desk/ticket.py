"""/staff/tickets/<number>: a conversation, and what can be done with it."""

import reflex as rx

from cabinet.config import settings
from cabinet.domain.staff import Permission
from cabinet.domain.support import LONGEST_ANSWER, MOST_FILES
from cabinet.ui import kit, tickets
from cabinet.ui.desk.frame import staff_frame
from cabinet.ui.i18n import t
from cabinet.ui.kit import recipes
from cabinet.ui.shell import cabinet_page
from cabinet.ui.support_desk.parts import deadline
from cabinet.ui.support_desk.state import TicketState
from cabinet.ui.support_desk.views import MessageView, OtherView
from cabinet.ui.tickets import Fact


@cabinet_page(route="/staff/tickets/[ticket]", title="Обращение", access="staff", on_load=TicketState.load)
def ticket() -> rx.Component:
    """Everything about a ticket; who else looks at it is told."""
    return staff_frame(
        kit.refresher(TicketState.refresh, seconds=15, while_in_use=True),
        kit.page_action(t("К очереди"), "/staff/", "arrow_left"),
        rx.cond(TicketState.is_ready, _content(), rx.cond(TicketState.is_missing, _missing(), _skeleton())),
        here="/staff/",
        title="",
        permission=Permission.TICKETS,
    )


def _content() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            _head(),
            rx.el.ol(
                rx.foreach(TicketState.desk.messages, _message), aria_label=t("Переписка"), class_name="mt-5 space-y-3"
            ),
            _news(),
            _composer(),
            class_name="min-w-0",
        ),
        rx.el.aside(
            _subscriber(), _evidence(), _actions(), _others(), aria_label=t("Об абоненте"), class_name="space-y-4"
        ),
        class_name="mt-1 grid grid-cols-1 gap-6 lg:grid-cols-[minmax(0,1fr)_18rem] xl:grid-cols-[minmax(0,1fr)_20rem]",
    )


def _head() -> rx.Component:
    desk = TicketState.desk
    return rx.el.div(
        rx.el.div(
            rx.el.h1(desk.subject, class_name="text-xl font-bold break-words"),
            rx.el.p(desk.second, class_name="mt-1 text-sm text-muted"),
            rx.cond(desk.rated, rx.el.p(desk.rated, class_name="mt-1 text-sm font-medium break-words"), rx.fragment()),
            class_name="min-w-0",
        ),
        rx.el.div(
            rx.cond(
                desk.deadline.text,
                deadline(desk.deadline),
                rx.el.span(desk.state, class_name="text-sm font-semibold"),
            ),
            rx.el.span(desk.deadline.until, class_name="mt-1.5 block text-xs text-muted empty:hidden"),
            class_name="min-w-44 rounded-md bg-surface px-4 py-3 shadow-card",
        ),
        class_name="flex flex-wrap items-start justify-between gap-4",
    )


_SIDES = {
    "theirs": "mr-10 rounded-lg rounded-bl-sm bg-surface p-4 shadow-card",
    "ours": "ml-10 rounded-lg rounded-br-sm bg-brand-soft p-4",
    "note": "ml-10 rounded-lg border border-dashed border-edge bg-warn-soft p-4",
}


def _message(message: MessageView) -> rx.Component:
    return rx.el.li(
        rx.el.p(message.who, class_name="mb-1 text-sm font-semibold"),
        rx.el.p(message.text, class_name="break-words whitespace-pre-wrap"),
        rx.cond(
            message.side == "theirs",
            tickets.files(message.files, "bg-sunken"),
            tickets.files(message.files, "bg-surface"),
        ),
        rx.el.p(message.written, class_name="mt-2 text-xs text-muted"),
        class_name=rx.match(message.side, *_SIDES.items(), _SIDES["theirs"]),
        key=message.id,
    )


def _news() -> rx.Component:
    """Who else is here, and what has come since this was read."""
    return rx.el.div(
        rx.cond(
            TicketState.is_changed,
            kit.note(
                "warn",
                t("В обращении появилось новое"),
                action=rx.el.button(
                    t("Показать"), type="button", on_click=TicketState.show_changes, class_name=recipes.LINK_ACTION
                ),
            ),
            rx.fragment(),
        ),
        rx.el.p(TicketState.others_here, class_name="flex gap-2 text-sm font-medium text-warn empty:hidden"),
        aria_live="polite",
        class_name="mt-4 space-y-2",
    )


def _composer() -> rx.Component:
    picker = kit.file_picker(
        tickets.clip(t("Файл"), shown=True),
        id="file",
        most=MOST_FILES,
        megabytes=settings().file_most_megabytes,
        answer=TicketState.answered,
        kept=TicketState.opened,
        url="/files/desk/",
    )
    return rx.el.form(
        rx.el.input(type="hidden", name="occasion", value=TicketState.occasion),
        rx.el.input(type="hidden", name="kind", default_value="answer"),
        rx.el.div(
            rx.el.label(t("Ответ абоненту"), html_for="answer", class_name="font-semibold"),
            rx.cond(TicketState.templates, _templates(), rx.fragment()),
            class_name="flex flex-wrap items-start justify-between gap-2",
        ),
        kit.text_area(
            key=TicketState.opened,
            id="answer",
            name="text",
            max_length=LONGEST_ANSWER,
            required=True,
            on_change=TicketState.type_text.throttle(5000),
            class_name="mt-2",
        ),
        rx.el.div(
            picker,
            rx.el.label(
                rx.el.input(type="checkbox", name="note", value="1", key=TicketState.opened, class_name="choice"),
                t("Только для сотрудников"),
                class_name="flex min-h-11 cursor-pointer items-center gap-2 text-sm",
            ),
            class_name="mt-2 flex flex-wrap items-center gap-x-5",
        ),
        rx.el.div(tickets.refused(TicketState.refusal), class_name="mt-1 empty:hidden"),
        rx.el.div(
            kit.button(t("Ответить"), icon_name="send", type="submit", data_field="kind", data_value="answer"),
            rx.cond(
                TicketState.desk.is_waiting,
                kit.button(t("Спросить абонента"), "secondary", type="submit", data_field="kind", data_value="ask"),
                rx.fragment(),
            ),
            class_name="mt-3 flex flex-wrap gap-3",
        ),
        rx.el.p(
            t("Пока абонента спрашивают, срок ответа стоит."),
            class_name="mt-2 text-xs text-muted",
        ),
        on_submit=TicketState.send,
        class_name="mt-5 rounded-lg bg-surface p-5 shadow-card",
    )


def _templates() -> rx.Component:
    def one(template: Fact) -> rx.Component:
        return rx.el.li(
            rx.el.button(
                template.name,
                type="button",
                custom_attrs={"data-inserts": template.value, "data-into": "answer"},
                class_name="flex min-h-11 w-full items-center rounded-md px-3 text-left text-sm hover:bg-sunken",
            ),
            key=template.name,
        )

    return rx.el.details(
        rx.el.summary(
            kit.icon("receipt", "size-5"),
            t("Вставить шаблон"),
            class_name=f"{recipes.LINK_ACTION} cursor-pointer text-sm",
        ),
        rx.el.ul(rx.foreach(TicketState.templates, one), class_name="mt-1 w-full"),
        class_name="open:w-full",
    )


def _subscriber() -> rx.Component:
    desk = TicketState.desk
    return rx.el.section(
        rx.el.div(
            rx.el.span(
                desk.initial,
                aria_hidden="true",
                class_name="flex size-11 shrink-0 items-center justify-center rounded-full bg-ink font-semibold "
                "text-bg",
            ),
            rx.el.h2(desk.subscriber, class_name="min-w-0 font-bold break-words"),
            class_name="flex items-center gap-3",
        ),
        rx.el.p(
            rx.cond(desk.staff, t("Отвечает: {name}", name=desk.staff), t("Обращение никто не взял")),
            class_name="mt-3 text-sm text-muted",
        ),
        rx.el.dl(rx.foreach(TicketState.beside, _fact), class_name="mt-3 space-y-2 text-sm empty:hidden"),
        rx.cond(
            TicketState.beside,
            rx.el.p(
                kit.icon("history", "size-4 shrink-0"),
                t("Что вы это посмотрели, абонент увидит в профиле"),
                class_name="mt-3 flex gap-2 text-xs text-muted",
            ),
            rx.fragment(),
        ),
        kit.page_action(
            t("Карточка абонента"), rx.Var.create(f"/staff/subscribers/?ticket={desk.id}"), class_name="-mb-2 text-sm"
        ),
        class_name=recipes.CARD,
    )


def _fact(fact: rx.Var[Fact]) -> rx.Component:
    return rx.el.div(
        rx.el.dt(fact.name, class_name="text-muted"),
        rx.el.dd(fact.value, class_name="text-right font-medium"),
        key=fact.name,
        class_name="flex flex-wrap justify-between gap-x-4",
    )


def _evidence() -> rx.Component:
    return rx.cond(
        TicketState.desk.evidence.title,
        tickets.evidence(TicketState.desk.evidence, t("Вопрос об операции")),
        rx.fragment(),
    )


def _actions() -> rx.Component:
    desk = TicketState.desk
    return rx.el.section(
        rx.el.h2(t("Действия"), class_name="font-bold"),
        rx.el.div(
            rx.cond(desk.is_free, kit.button(t("Взять"), "outline", on_click=TicketState.take), rx.fragment()),
            rx.cond(
                desk.is_mine,
                kit.button(t("Вернуть в очередь"), "outline", on_click=TicketState.give_back),
                rx.fragment(),
            ),
            rx.cond(desk.is_closed, rx.fragment(), kit.button(t("Закрыть"), "outline", on_click=TicketState.close)),
            class_name="mt-3 grid grid-cols-1 gap-2",
        ),
        rx.cond(TicketState.agents, _hand_over(), rx.fragment()),
        rx.el.p(
            kit.icon("history", "size-4"),
            t("Каждое действие увидит абонент — с вашим именем"),
            class_name="mt-3 flex gap-2 text-xs text-muted",
        ),
        class_name=recipes.CARD,
    )


def _hand_over() -> rx.Component:
    return rx.el.form(
        rx.el.label(t("Кому передать"), html_for="to", class_name="mt-3 mb-1.5 block text-sm font-semibold"),
        rx.el.select(
            rx.foreach(TicketState.agents, lambda one: rx.el.option(one.name, value=one.value, key=one.value)),
            id="to",
            name="to",
            class_name="h-12 w-full rounded-md border border-edge bg-surface px-3 text-base",
        ),
        kit.button(t("Передать коллеге"), "secondary", type="submit", class_name="mt-2 w-full"),
        on_submit=TicketState.hand_over,
    )


def _others() -> rx.Component:
    def one(other: OtherView) -> rx.Component:
        return rx.el.li(
            kit.page_link(
                rx.el.span(other.subject, class_name="block text-sm font-medium break-words"),
                rx.el.span(other.second, class_name="block text-xs text-muted"),
                to=rx.Var.create(f"/staff/tickets/{other.id}/"),
                class_name="block min-h-11 py-1.5 hover:underline",
            ),
            key=other.id,
        )

    return rx.cond(
        TicketState.desk.others,
        rx.el.section(
            rx.el.h2(t("Другие обращения"), class_name="font-bold"),
            rx.el.ul(rx.foreach(TicketState.desk.others, one), class_name="mt-2"),
            class_name=recipes.CARD,
        ),
        rx.fragment(),
    )


def _missing() -> rx.Component:
    return kit.empty_block("search", t("Такого обращения нет"), t("Проверьте номер или вернитесь к очереди."), level=1)


def _skeleton() -> rx.Component:
    return kit.loading(
        kit.bone("mt-4 h-7 w-72 max-w-full"),
        rx.el.div(kit.bone("h-5 w-full"), kit.bone("mt-2 h-5 w-40"), class_name=f"{recipes.CARD} mt-5"),
        rx.el.div(kit.bone("h-32 w-full"), class_name=f"{recipes.CARD} mt-5"),
    )
