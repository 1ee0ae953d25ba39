"""/staff/catalogue/item: a tariff, service or package as it is sold, its versions, taking it off sale."""

import reflex as rx

from cabinet.domain.staff import Permission
from cabinet.ui import kit
from cabinet.ui.catalogue_desk.parts import change_list
from cabinet.ui.catalogue_desk.state import DeskItemState
from cabinet.ui.catalogue_desk.views import FactView, VersionView, WordView
from cabinet.ui.desk.frame import behind_a_word, has, staff_frame
from cabinet.ui.i18n import t
from cabinet.ui.kit import recipes
from cabinet.ui.shell import cabinet_page

_ITEM = DeskItemState.item


@cabinet_page(route="/staff/catalogue/item", title="Каталог", access="staff", on_load=DeskItemState.load)
def desk_item() -> rx.Component:
    """One of what is sold."""
    return staff_frame(
        rx.cond(
            DeskItemState.is_ready,
            rx.cond(
                DeskItemState.is_missing,
                rx.el.div(
                    kit.empty_block(
                        "sliders",
                        t("Такого в каталоге нет"),
                        "",
                        kit.button_link(t("Весь каталог"), "/staff/catalogue/", "secondary"),
                    ),
                    class_name="mt-5 max-w-[28rem]",
                ),
                rx.el.div(
                    _answers(),
                    _standing(),
                    _planned(),
                    _terms(),
                    _english(),
                    _versions(),
                    class_name="mt-5 max-w-[48rem] space-y-5",
                ),
            ),
            kit.loading(kit.bone("mt-5 h-96 w-full")),
        ),
        here="/staff/catalogue/",
        title=rx.cond(_ITEM.name, _ITEM.name, t("Каталог")),
        lead=_ITEM.about,
        action=kit.page_action(t("Весь каталог"), "/staff/catalogue/", "arrow_left"),
        permission=Permission.CATALOGUE,
    )


def _answers() -> rx.Component:
    return rx.el.div(
        rx.cond(DeskItemState.refusal, kit.note("bad", DeskItemState.refusal), rx.fragment()),
        rx.cond(DeskItemState.note, kit.note("ok", DeskItemState.note), rx.fragment()),
        class_name="space-y-4 empty:hidden",
    )


def _standing() -> rx.Component:
    """Whether it is on sale, who has it, and the switch of that."""
    return rx.el.section(
        rx.el.div(
            rx.cond(_ITEM.is_on_sale, kit.tag(t("в продаже"), "ok"), kit.tag(t("снято с продажи"), "warn")),
            rx.el.p(_ITEM.numbers, class_name="text-sm text-muted"),
            class_name="flex flex-wrap items-center gap-3",
        ),
        rx.cond(
            has(Permission.SALES),
            rx.el.div(
                rx.cond(
                    _ITEM.planned.version,
                    rx.fragment(),
                    kit.button_link(t("Новая версия"), _ITEM.edit, "secondary", "plus", class_name="mt-4"),
                ),
                rx.el.p(kit.page_action(_ITEM.copy_label, _ITEM.copy), class_name="mt-3"),
                rx.cond(_ITEM.is_on_sale, _close(), _open()),
            ),
            rx.fragment(),
        ),
        aria_label=t("Продажа"),
        class_name=recipes.CARD,
    )


def _close() -> rx.Component:
    return behind_a_word(
        t("Снять с продажи…"),
        t("Подключить это больше будет нельзя, пока вы не вернёте в продажу. Кто подключён, остаётся."),
        t("Снять с продажи"),
        DeskItemState.close_sale,
    )


def _open() -> rx.Component:
    return kit.button(t("Вернуть в продажу"), "secondary", class_name="mt-4", on_click=DeskItemState.open_sale)


def _planned() -> rx.Component:
    """The version that waits for its day, or what became of it."""
    planned = _ITEM.planned
    return rx.fragment(
        rx.cond(planned.overtaken, kit.note("warn", planned.overtaken), rx.fragment()),
        rx.cond(
            planned.version,
            rx.el.section(
                rx.el.h2(t("Запланировано"), id="planned", class_name=recipes.CARD_TITLE),
                rx.el.p(planned.title, class_name="mt-2 font-medium"),
                rx.el.p(planned.by, class_name="text-sm text-muted"),
                change_list(planned.changes),
                rx.cond(
                    has(Permission.SALES),
                    kit.button(t("Отменить план"), "outline", class_name="mt-4", on_click=DeskItemState.withdraw),
                    rx.fragment(),
                ),
                aria_labelledby="planned",
                class_name=recipes.CARD,
            ),
            rx.fragment(),
        ),
    )


def _terms() -> rx.Component:
    return rx.el.section(
        rx.el.h2(t("Условия сейчас"), id="terms", class_name=recipes.CARD_TITLE),
        rx.foreach(
            _ITEM.words, lambda text: rx.el.p(text, class_name="mt-2 text-sm whitespace-pre-line wrap-anywhere")
        ),
        rx.el.dl(rx.foreach(_ITEM.facts, _fact), class_name="mt-2 divide-y divide-line"),
        aria_labelledby="terms",
        class_name=recipes.CARD,
    )


def _fact(fact: rx.Var[FactView]) -> rx.Component:
    return rx.el.div(
        rx.el.dt(fact.name, class_name="text-sm text-muted"),
        rx.el.dd(fact.value, class_name="font-medium wrap-anywhere"),
        key=fact.name,
        class_name="flex flex-wrap justify-between gap-x-6 gap-y-0.5 py-2.5",
    )


def _english() -> rx.Component:
    """The words in the other language, each beside the Russian one."""
    return rx.cond(
        has(Permission.SALES),
        rx.el.section(
            rx.el.details(
                rx.el.summary(
                    rx.el.h2(t("По-английски"), id="english", class_name=f"{recipes.CARD_TITLE} inline"),
                    rx.cond(_ITEM.without_english, kit.tag(_ITEM.without_english, "warn"), rx.fragment()),
                    kit.icon("chevron_down", "ml-auto size-5 text-muted transition-transform group-open:rotate-180"),
                    class_name="flex min-h-11 cursor-pointer flex-wrap items-center gap-3",
                ),
                rx.el.p(
                    t("Пустое показываем и по-английски русскими словами. Версии от этих слов не меняются."),
                    class_name=recipes.HINT,
                ),
                rx.el.form(
                    rx.el.div(
                        rx.foreach(_ITEM.english, _word),
                        class_name="grid grid-cols-1 items-end gap-4 sm:grid-cols-2",
                    ),
                    kit.button(t("Сохранить слова"), "secondary", type="submit", class_name="w-full sm:w-auto"),
                    on_submit=DeskItemState.save_words,
                    reset_on_submit=False,
                    key=_ITEM.code,
                    class_name="mt-4 space-y-4",
                ),
                class_name="group",
            ),
            aria_labelledby="english",
            class_name=recipes.CARD,
        ),
        rx.fragment(),
    )


def _word(word: rx.Var[WordView]) -> rx.Component:
    props = {"id": word.key, "name": word.key, "default_value": word.english, "custom_attrs": {"lang": "en"}}
    return rx.el.div(
        rx.el.label(
            word.russian, html_for=word.key, custom_attrs={"lang": "ru"}, class_name=f"{recipes.LABEL} wrap-anywhere"
        ),
        rx.cond(
            word.is_long,
            kit.text_area(rows="2", max_length=4000, **props),
            rx.el.input(auto_complete="off", max_length=4000, class_name=recipes.FIELD, **props),
        ),
        key=word.key,
        class_name=rx.cond(word.is_long, "sm:col-span-2", ""),
    )


def _versions() -> rx.Component:
    return rx.el.section(
        rx.el.h2(t("Версии"), id="versions", class_name=recipes.CARD_TITLE),
        rx.el.ul(rx.foreach(_ITEM.versions, _version), class_name="mt-2 divide-y divide-line"),
        rx.el.p(t("Версия не меняется никогда: по ней считают и объясняют списания."), class_name=recipes.HINT),
        aria_labelledby="versions",
        class_name=recipes.CARD,
    )


def _version(row: rx.Var[VersionView]) -> rx.Component:
    return rx.el.li(
        rx.el.p(
            rx.el.span(row.title, class_name="font-medium"),
            rx.el.span(row.since, class_name="block text-sm text-muted"),
        ),
        rx.el.p(
            rx.el.span(row.price, class_name="font-semibold"),
            rx.el.span(row.numbers, class_name="block text-sm text-muted tabular-nums"),
            class_name="text-right",
        ),
        key=row.title,
        class_name="flex flex-wrap justify-between gap-x-6 py-3",
    )
