"""/help: every article by its section, and the search.

The server answers a search (`http/help.py`): it puts what was found into slot `results` of the built page, made of the
page's own `template` parts, whose `{places}` it fills.
"""

from typing import Any

import reflex as rx

from cabinet.ui import kit
from cabinet.ui.help import parts
from cabinet.ui.i18n import Language, t
from cabinet.ui.kit import recipes
from cabinet.ui.shell import cabinet_page, public_frame


@cabinet_page(route="/help", title="Справка", access="public", is_static=True)
def help_centre() -> rx.Component:
    """All questions; the first section stands open."""
    return public_frame(
        parts.search_form(),
        rx.el.div(
            kit.slot("results", rx.el.div, class_name="empty:hidden"),
            rx.el.div(parts.in_language(_everything), class_name="group-has-[[data-found]]/help:hidden"),
            class_name="group/help",
        ),
        parts.ask_a_person(),
        *_results(),
        title=t("Справка"),
        back="/",
        back_label=t("В кабинет"),
    )


def _everything(language: Language) -> rx.Component:
    first, *others = parts.sections(language)
    tiles = rx.el.section(
        rx.el.h2(t("Другие темы"), id="topics", class_name="mb-3 text-lg font-bold"),
        rx.el.ul(*(_tile(section) for section in others), class_name="grid grid-cols-2 gap-3"),
        aria_labelledby="topics",
        class_name="mt-6",
    )
    longer = (_section(section, "mt-6") for section in others if len(section.articles) > 1)
    return rx.fragment(_section(first, is_first=True), tiles, *longer)


def _section(section: Any, class_name: str = "", is_first: bool = False) -> rx.Component:
    return rx.el.section(
        rx.el.h2(section.title, id=section.code, class_name="mb-3 scroll-mt-20 text-lg font-bold"),
        rx.el.div(
            *(_question(article, is_first and not place) for place, article in enumerate(section.articles)),
            class_name=recipes.LIST_CARD,
        ),
        aria_labelledby=section.code,
        class_name=class_name,
    )


def _question(article: Any, is_open: bool) -> rx.Component:
    return rx.el.details(
        rx.el.summary(
            rx.el.span(article.title, **parts.foreign(article)),
            kit.icon("chevron_down", "size-5 text-muted transition-transform group-open:rotate-180"),
            class_name="flex min-h-14 items-center justify-between gap-3 px-5 py-2 font-medium",
        ),
        rx.el.div(
            parts.body(article, 3, "text-sm"),
            kit.link_action(t("Отдельной страницей"), article.address, class_name="mt-1 text-sm"),
            class_name="px-5 pb-3",
        ),
        open=is_open,
        class_name="group",
    )


def _tile(section: Any) -> rx.Component:
    """The way to a section, or at once to its only article."""
    only = section.articles[0] if len(section.articles) == 1 else None
    return rx.el.li(
        kit.anchor(
            rx.el.span(kit.icon(section.icon, "size-6"), class_name="text-brand-ink"),
            section.title,
            href=only.address if only else f"#{section.code}",
            class_name="flex h-full min-h-24 flex-col justify-between gap-3 rounded-lg bg-surface px-3.5 py-4 "
            "font-medium shadow-card hover:bg-sunken",
        )
    )


def _results() -> list[rx.Component]:
    """What the server builds its answer from."""
    everything = kit.link_action(t("Все вопросы"), "/help/", "arrow_left")
    found = rx.el.section(
        rx.el.h2(t("По запросу «{query}»", query="{query}"), class_name="mb-3 text-lg font-bold break-words"),
        rx.el.ul("{rows}", class_name=recipes.LIST_CARD),
        rx.el.p(everything, class_name="mt-3"),
        custom_attrs={"data-found": ""},
    )
    nothing = rx.el.div(
        kit.note(
            "info",
            t("Ничего не нашли по слову «{query}».", query="{query}"),
            t("Проверьте буквы или выберите категорию."),
        ),
        class_name="mb-6 break-words",
    )
    row = parts.article_row("{address}", "{title}", "{lead}")
    return [
        rx.el.template(content, custom_attrs={"data-part": name})
        for name, content in (("found", found), ("nothing", nothing), ("row", row))
    ]
