"""/staff/templates: ready answers, written by a supervisor."""

import reflex as rx

from cabinet.domain.staff import Permission
from cabinet.domain.support import LONGEST_ANSWER
from cabinet.ui import kit, tickets
from cabinet.ui.desk.frame import staff_frame
from cabinet.ui.i18n import t
from cabinet.ui.kit import recipes
from cabinet.ui.shell import cabinet_page
from cabinet.ui.support_desk.state import TemplatesState
from cabinet.ui.tickets import Fact


@cabinet_page(route="/staff/templates", title="Шаблоны", access="staff", on_load=TemplatesState.load)
def templates() -> rx.Component:
    """The list, and one of them in the form."""
    return staff_frame(
        rx.el.div(
            rx.cond(
                TemplatesState.templates,
                rx.el.ul(rx.foreach(TemplatesState.templates, _template), class_name=recipes.LIST_CARD),
                rx.el.p(t("Готовых ответов ещё нет"), class_name=f"{recipes.CARD} text-sm text-muted"),
            ),
            _form(),
            class_name="mt-5 grid grid-cols-1 items-start gap-5 lg:grid-cols-2",
        ),
        here="/staff/templates/",
        title=t("Шаблоны"),
        lead=t("Готовые ответы. {name} станет именем абонента.", name="{name}"),
        permission=Permission.SUPERVISE,
        action=kit.button(t("Новый шаблон"), "secondary", "plus", on_click=TemplatesState.edit(-1)),
    )


def _template(template: Fact, place: int) -> rx.Component:
    return rx.el.li(
        rx.el.button(
            rx.el.span(
                rx.el.span(template.name, class_name="block font-medium"),
                rx.el.span(template.value, class_name="line-clamp-2 block text-sm text-muted"),
                class_name="min-w-0 flex-1",
            ),
            kit.icon("pencil", "size-5 text-muted"),
            type="button",
            on_click=TemplatesState.edit(place),
            class_name=f"{recipes.LIST_ROW} hover:bg-sunken",
        ),
        key=template.name,
    )


def _form() -> rx.Component:
    return rx.el.form(
        rx.el.h2(
            rx.cond(TemplatesState.editing, t("Изменить шаблон"), t("Новый шаблон")), class_name=recipes.CARD_TITLE
        ),
        rx.el.div(
            rx.el.label(t("Название"), html_for="title", class_name=recipes.LABEL),
            rx.el.input(
                id="title",
                name="title",
                default_value=TemplatesState.title,
                key=rx.Var.create(f"title-{TemplatesState.opened}"),
                max_length=80,
                required=True,
                class_name=recipes.FIELD,
            ),
        ),
        rx.el.div(
            rx.el.label(t("Текст ответа"), html_for="body", class_name=recipes.LABEL),
            kit.text_area(
                id="body",
                name="body",
                rows="8",
                default_value=TemplatesState.body,
                key=rx.Var.create(f"body-{TemplatesState.opened}"),
                max_length=LONGEST_ANSWER,
                required=True,
            ),
        ),
        tickets.refused(TemplatesState.refusal),
        rx.el.div(
            kit.button(t("Сохранить"), type="submit"),
            rx.cond(
                TemplatesState.editing,
                kit.button(t("Удалить"), "danger", on_click=TemplatesState.delete),
                rx.fragment(),
            ),
            class_name="flex flex-wrap gap-3",
        ),
        on_submit=TemplatesState.save,
        class_name=f"{recipes.CARD} space-y-4",
    )
