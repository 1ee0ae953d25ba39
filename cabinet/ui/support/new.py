"""/support/new: a question, its files, and until when it will be answered."""

import reflex as rx

from cabinet.config import settings
from cabinet.domain.support import LONGEST_TEXT, MOST_FILES, TicketCategory
from cabinet.ui import kit, tickets
from cabinet.ui.i18n import t
from cabinet.ui.kit import recipes
from cabinet.ui.shell import cabinet_page, frame
from cabinet.ui.support.state import QuestionState
from cabinet.ui.tickets import CATEGORIES, Fact


@cabinet_page(route="/support/new", title="Новый вопрос", access="subscriber", on_load=QuestionState.load)
def new_question() -> rx.Component:
    """The form stands at once: it can be written in before anything else is there."""
    return frame(
        _form(),
        here="/support/",
        title="Новый вопрос",
        of=QuestionState,
        back="/support/",
        is_task=True,
    )


def _form() -> rx.Component:
    return rx.el.form(
        rx.el.input(type="hidden", name="occasion", value=QuestionState.occasion),
        rx.el.input(type="hidden", name="line", value=QuestionState.line),
        rx.cond(
            QuestionState.line,
            tickets.evidence(QuestionState.evidence, t("Вопрос об операции")),
            rx.fragment(),
        ),
        rx.el.div(
            kit.choice_chips(
                t("О чём вопрос"),
                "category",
                [(t(name), code.value) for code, name in CATEGORIES.items()],
                chosen=rx.cond(QuestionState.line, TicketCategory.MONEY.value, ""),
            ),
            key=QuestionState.line,
        ),
        _text(),
        _files(),
        rx.cond(
            QuestionState.promise,
            kit.note("info", QuestionState.promise, t("Пришлём SMS. Ответ появится в этом разделе.")),
            rx.fragment(),
        ),
        tickets.refused(QuestionState.refusal),
        kit.submit(t("Отправить вопрос"), icon_name="send"),
        on_submit=QuestionState.send,
        class_name="space-y-5",
    )


def _text() -> rx.Component:
    return rx.el.div(
        rx.el.label(t("Что случилось"), html_for="text", class_name=recipes.LABEL),
        kit.text_area(
            id="text",
            name="text",
            max_length=LONGEST_TEXT,
            required=True,
            on_change=QuestionState.type_text.debounce(400),
            aria_describedby="text-hint",
        ),
        rx.el.p(
            rx.el.span(t("Когда и что вы видите на экране")),
            rx.el.span(QuestionState.counted, class_name="shrink-0"),
            id="text-hint",
            class_name=f"{recipes.HINT} flex justify-between gap-3",
        ),
        rx.el.section(
            rx.cond(
                QuestionState.suggestions,
                rx.el.div(
                    rx.el.h2(t("Возможно, ответ уже есть"), class_name="text-sm font-semibold"),
                    rx.el.ul(rx.foreach(QuestionState.suggestions, _suggestion), class_name="mt-1"),
                    class_name="mt-3 rounded-md bg-sunken px-4 py-3",
                ),
                rx.fragment(),
            ),
            aria_live="polite",
            aria_label=t("Подсказки справки"),
        ),
    )


def _suggestion(article: Fact) -> rx.Component:
    return rx.el.li(
        kit.anchor(
            article.name,
            href=article.value,
            target="_blank",
            class_name=f"{recipes.LINK_ACTION} text-sm font-medium!",
        ),
        key=article.value,
    )


def _files() -> rx.Component:
    picker = kit.file_picker(
        tickets.clip(t("Прикрепить файл"), shown=True),
        id="file",
        most=MOST_FILES,
        megabytes=settings().file_most_megabytes,
        answer=QuestionState.answered,
        kept=QuestionState.sent,
    )
    return rx.el.div(
        rx.el.p(t("Файлы"), class_name=recipes.LABEL),
        rx.el.div(picker, class_name="flex flex-wrap items-center"),
        rx.el.p(
            t("Снимки экрана, PDF, видео: до пяти файлов по {most}\u202fМБ", most=settings().file_most_megabytes),
            class_name=recipes.HINT,
        ),
    )
