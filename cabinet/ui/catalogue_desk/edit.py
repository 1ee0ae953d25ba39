"""/staff/catalogue/edit: a new version of a tariff, service or package, looked at before it is published."""

import reflex as rx

from cabinet.domain.staff import Permission
from cabinet.ui import kit
from cabinet.ui.catalogue_desk.parts import change_list
from cabinet.ui.catalogue_desk.state import DeskEditState
from cabinet.ui.catalogue_desk.views import FieldView, GroupView
from cabinet.ui.desk.frame import staff_frame
from cabinet.ui.i18n import t
from cabinet.ui.kit import recipes
from cabinet.ui.shell import cabinet_page

_BACK = f"/staff/catalogue/item/?kind={DeskEditState.kind}&code={DeskEditState.code}"


@cabinet_page(route="/staff/catalogue/edit", title="Новая версия", access="staff", on_load=DeskEditState.load)
def desk_edit() -> rx.Component:
    """The fields of a new version."""
    return staff_frame(
        rx.cond(
            DeskEditState.is_ready,
            rx.cond(
                DeskEditState.is_missing,
                rx.el.div(
                    kit.empty_block(
                        "sliders",
                        t("Такого в каталоге нет"),
                        "",
                        kit.button_link(t("Весь каталог"), "/staff/catalogue/", "secondary"),
                    ),
                    class_name="mt-5 max-w-[28rem]",
                ),
                _editor(),
            ),
            kit.loading(kit.bone("mt-5 h-96 w-full")),
        ),
        here="/staff/catalogue/",
        title=rx.cond(DeskEditState.is_copy, t("Новое на основе"), t("Новая версия")),
        lead=DeskEditState.name,
        action=kit.page_action(t("Назад"), rx.Var.create(_BACK), "arrow_left"),
        permission=Permission.SALES,
    )


def _editor() -> rx.Component:
    return rx.el.div(
        rx.el.form(
            rx.foreach(DeskEditState.groups, _group),
            rx.cond(DeskEditState.refusal, kit.note("bad", DeskEditState.refusal), rx.fragment()),
            kit.button(t("Проверить"), type="submit", class_name="w-full sm:w-auto"),
            on_submit=DeskEditState.look,
            reset_on_submit=False,
            key=DeskEditState.key.to_string(),
            class_name="space-y-5",
        ),
        _sheet(),
        class_name="mt-5 max-w-[48rem] space-y-5",
    )


def _group(group: rx.Var[GroupView]) -> rx.Component:
    return rx.cond(
        group.is_folded,
        rx.el.details(
            rx.el.summary(
                rx.el.h2(group.title, class_name="inline text-lg font-bold"),
                kit.icon("chevron_down", "size-5 text-muted transition-transform group-open:rotate-180"),
                class_name="flex min-h-11 cursor-pointer items-center justify-between gap-3",
            ),
            rx.el.p(group.hint, class_name="mb-4 text-sm text-muted empty:hidden"),
            _fields(group),
            open=group.is_open,
            key=group.title,
            class_name=f"group {recipes.CARD}",
        ),
        rx.el.fieldset(
            rx.el.legend(group.title, class_name="float-left mb-1 w-full text-lg font-bold"),
            rx.el.p(group.hint, class_name="clear-both mb-4 text-sm text-muted empty:hidden"),
            _fields(group),
            key=group.title,
            class_name=recipes.CARD,
        ),
    )


def _fields(group: rx.Var[GroupView]) -> rx.Component:
    return rx.el.div(
        rx.foreach(group.fields, _field),
        class_name=rx.cond(
            group.is_wide,
            "clear-both space-y-4",
            rx.cond(
                group.is_paired,
                "clear-both grid grid-cols-1 items-start gap-4 sm:grid-cols-2",
                "clear-both grid grid-cols-1 items-start gap-4 sm:grid-cols-2 md:grid-cols-3",
            ),
        ),
    )


def _field(one: rx.Var[FieldView]) -> rx.Component:
    props = {
        "id": one.key,
        "name": one.key,
        "default_value": one.value,
        "aria_describedby": rx.Var.create(f"{one.key}-error"),
        "aria_invalid": rx.cond(one.error, "true", "false"),
    }
    look = rx.cond(one.error, recipes.FIELD_WRONG, recipes.FIELD)
    return rx.el.div(
        rx.el.label(
            one.name,
            rx.cond(one.unit, rx.el.span(", ", one.unit, class_name="font-normal text-muted"), rx.fragment()),
            html_for=one.key,
            class_name=recipes.LABEL,
        ),
        rx.match(
            one.kind,
            ("lines", kit.text_area(rows="3", max_length=1000, **props)),
            ("date", rx.el.input(type="date", class_name=look, **props)),
            (
                "choice",
                rx.el.select(
                    rx.foreach(one.choices, lambda choice: rx.el.option(choice.name, value=choice.value)),
                    class_name=f"{recipes.FIELD} appearance-auto",
                    **props,
                ),
            ),
            rx.el.input(auto_complete="off", placeholder=one.usual, class_name=look, **props),
        ),
        rx.el.p(
            rx.cond(one.error, kit.icon("alert"), rx.fragment()),
            one.error,
            id=rx.Var.create(f"{one.key}-error"),
            role="alert",
            class_name="mt-2 flex gap-2 text-sm font-medium text-bad empty:hidden",
        ),
        key=one.key,
        class_name="min-w-0",
    )


def _sheet() -> rx.Component:
    draft = DeskEditState.draft
    return kit.sheet(
        DeskEditState.is_shown,
        t("Проверьте перед публикацией"),
        rx.el.p(DeskEditState.name, " · ", draft.title, class_name="mt-2 font-medium wrap-anywhere"),
        change_list(draft.changes),
        rx.foreach(draft.sentences, lambda text: rx.el.p(text, class_name="mt-3 text-sm")),
        rx.el.div(
            kit.button(
                rx.cond(draft.is_at_once, t("Опубликовать"), t("Запланировать")),
                on_click=DeskEditState.publish,
                data_act="publish",
            ),
            kit.button(t("Править дальше"), "secondary", on_click=DeskEditState.dismiss),
            class_name="mt-5 flex flex-col gap-3 sm:flex-row",
        ),
        on_dismiss=DeskEditState.dismiss,
        id="draft",
        answer=DeskEditState.answer,
    )
