"""/support/<number>: a question, what was answered, and whether it helped."""

import reflex as rx

from cabinet.config import settings
from cabinet.domain.support import LONGEST_TEXT, LONGEST_WORD, MOST_FILES
from cabinet.ui import kit, tickets
from cabinet.ui.i18n import t
from cabinet.ui.kit import recipes
from cabinet.ui.shell import cabinet_page, frame
from cabinet.ui.support.state import ConversationState
from cabinet.ui.support.views import MessageView

_STAR = (
    "flex size-12 cursor-pointer items-center justify-center rounded-full text-edge has-checked:text-cat4 "
    "has-checked:[&_svg]:fill-current [&:has(~_label_:checked)]:text-cat4 [&:has(~_label_:checked)_svg]:fill-current "
    "has-focus-visible:outline-3 has-focus-visible:outline-[var(--c-focus)]"
)


@cabinet_page(route="/support/[ticket]", title="Обращение", access="subscriber", on_load=ConversationState.load)
def conversation() -> rx.Component:
    """A conversation; with an answer, the question whether it helped."""
    talk = ConversationState.talk
    return frame(
        kit.refresher(ConversationState.refresh),
        rx.cond(ConversationState.is_ready, _content(), rx.cond(ConversationState.is_missing, _missing(), _skeleton())),
        here="/support/",
        title=rx.cond(talk.title, talk.title, t("Обращение")),
        of=ConversationState,
        back="/support/",
        is_task=True,
    )


def _content() -> rx.Component:
    talk = ConversationState.talk
    return rx.fragment(
        rx.el.div(
            rx.el.div(
                rx.el.h2(talk.subject, class_name="font-semibold break-words"),
                rx.el.p(talk.second, class_name="mt-0.5 text-sm text-muted empty:hidden"),
                class_name="min-w-0",
            ),
            tickets.marked(talk.mark, talk.tone),
            class_name="mb-4 flex flex-wrap items-center justify-between gap-2 rounded-lg bg-surface p-4 shadow-card",
        ),
        rx.cond(talk.late, rx.el.div(kit.note("warn", talk.late), class_name="mb-4"), rx.fragment()),
        rx.cond(
            talk.evidence.title,
            rx.el.div(tickets.evidence(talk.evidence, t("Вопрос об операции")), class_name="mb-4"),
            rx.fragment(),
        ),
        rx.el.div(
            rx.el.ol(rx.foreach(talk.messages, _message), class_name="space-y-3"),
            role="log",
            aria_label=t("Переписка"),
            tab_index=0,
            class_name="rounded-lg",
        ),
        rx.cond(talk.asks_rating, _rating(), rx.fragment()),
        rx.cond(talk.rated, _rated(), rx.fragment()),
        rx.cond(talk.can_write, _composer(), _closed()),
    )


def _message(message: MessageView) -> rx.Component:
    mine = "ml-10 rounded-lg rounded-br-sm bg-brand-soft p-4"
    theirs = "mr-10 rounded-lg rounded-bl-sm bg-surface p-4 shadow-card"
    return rx.fragment(
        rx.el.li(
            rx.cond(
                message.is_mine,
                rx.el.p(t("Вы написали:"), class_name="sr-only"),
                rx.el.p(message.who, class_name="mb-1 text-sm font-semibold"),
            ),
            rx.el.p(message.text, class_name="break-words whitespace-pre-wrap"),
            rx.cond(
                message.is_mine, tickets.files(message.files, "bg-surface"), tickets.files(message.files, "bg-sunken")
            ),
            rx.el.p(
                message.written,
                class_name=rx.cond(message.is_mine, "mt-2 text-right text-xs text-muted", "mt-2 text-xs text-muted"),
            ),
            class_name=rx.cond(message.is_mine, mine, theirs),
        ),
        rx.cond(
            message.promise,
            rx.el.li(
                kit.icon("clock", "size-5"),
                message.promise,
                class_name="flex items-center justify-center gap-2 py-1 text-center text-sm text-muted",
            ),
            rx.fragment(),
        ),
        key=message.id,
    )


def _rating() -> rx.Component:
    def star(number: int) -> rx.Component:
        return rx.el.label(
            rx.el.input(
                type="radio",
                name="stars",
                value=str(number),
                required=True,
                aria_label=t("{number} из 5", number=number),
                class_name="sr-only",
            ),
            kit.icon("star", "size-8"),
            class_name=_STAR,
        )

    return rx.el.form(
        rx.el.fieldset(
            rx.el.legend(t("Вопрос решён?"), class_name="float-left w-full text-lg font-bold"),
            rx.el.p(t("Оцените ответ"), class_name="clear-both text-sm text-muted"),
            rx.el.div(*(star(number) for number in range(1, 6)), class_name="mt-3 flex justify-center gap-1"),
        ),
        rx.el.label(
            t("Пара слов, если хотите"), html_for="word", class_name="mt-3 block text-left text-sm font-semibold"
        ),
        kit.text_area(id="word", name="word", rows="2", max_length=LONGEST_WORD, class_name="mt-1.5"),
        rx.el.div(tickets.refused(ConversationState.rating_refusal), class_name="mt-2"),
        rx.el.div(
            kit.button(t("Отправить оценку"), "secondary", type="submit"),
            kit.button(t("Вопрос не решён"), "outline", on_click=ConversationState.reopen),
            class_name="mt-3 flex flex-col gap-2 sm:flex-row sm:justify-center",
        ),
        on_submit=ConversationState.rate,
        class_name="mt-4 rounded-lg bg-surface p-5 text-center shadow-card",
    )


def _rated() -> rx.Component:
    return rx.el.div(
        rx.el.p(kit.icon("check", "size-5 text-ok"), ConversationState.talk.rated, class_name="flex gap-2 break-words"),
        rx.cond(
            ConversationState.talk.can_reopen,
            rx.el.button(
                t("Вопрос не решён"),
                type="button",
                on_click=ConversationState.reopen,
                class_name=f"{recipes.LINK_ACTION} text-sm",
            ),
            rx.fragment(),
        ),
        role="status",
        class_name="mt-4 rounded-lg bg-surface p-4 text-sm shadow-card",
    )


def _composer() -> rx.Component:
    picker = kit.file_picker(
        tickets.clip(t("Прикрепить файл"), shown=False),
        id="file",
        most=MOST_FILES,
        megabytes=settings().file_most_megabytes,
        answer=ConversationState.answered,
        kept=ConversationState.opened,
    )
    return rx.el.form(
        rx.el.input(type="hidden", name="occasion", value=ConversationState.occasion),
        picker,
        rx.el.label(t("Ваш ответ"), html_for="reply", class_name="sr-only"),
        rx.el.div(
            kit.text_area(
                key=ConversationState.opened,
                id="reply",
                name="text",
                rows="1",
                max_length=LONGEST_TEXT,
                required=True,
                placeholder=t("Напишите ответ"),
                class_name="min-h-14",
            ),
            class_name="min-w-0 flex-1",
        ),
        rx.el.button(
            kit.icon("send", "size-6"),
            type="submit",
            aria_label=t("Отправить"),
            class_name="inline-flex size-14 shrink-0 items-center justify-center rounded-full bg-brand text-on-brand "
            "hover:bg-brand-hover aria-busy:pointer-events-none aria-busy:opacity-60",
        ),
        rx.el.div(tickets.refused(ConversationState.refusal), class_name="w-full empty:hidden"),
        on_submit=ConversationState.send,
        class_name="mt-4 flex flex-wrap items-center gap-2",
    )


def _closed() -> rx.Component:
    return rx.el.div(
        kit.note(
            "info",
            t("Вопрос закрыт"),
            t("С ответа прошло больше 14 дней. Задайте новый вопрос — этот мы увидим."),
            kit.page_action(t("Задать вопрос"), "/support/new/", "pencil"),
        ),
        class_name="mt-4",
    )


def _missing() -> rx.Component:
    return kit.empty_block(
        "search",
        t("Такого обращения нет"),
        t("Проверьте адрес или откройте список обращений."),
        kit.button_link(t("Мои обращения"), "/support/", "secondary"),
    )


def _skeleton() -> rx.Component:
    return kit.loading(
        rx.el.div(kit.bone("h-5 w-48"), kit.bone("mt-2 h-4 w-32"), class_name="rounded-lg bg-surface p-4 shadow-card"),
        rx.el.div(
            kit.bone("h-5 w-full"), kit.bone("mt-2 h-5 w-40"), class_name="mt-4 ml-10 rounded-lg bg-brand-soft p-4"
        ),
        rx.el.div(kit.bone("h-5 w-full"), kit.bone("mt-2 h-5 w-40"), class_name="mt-3 mr-10 rounded-lg bg-surface p-4"),
    )
