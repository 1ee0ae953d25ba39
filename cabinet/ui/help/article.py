"""/help/<name>: a page for every article."""

from collections.abc import Callable

import reflex as rx

from cabinet.ui import kit
from cabinet.ui.help import parts
from cabinet.ui.i18n import Language, either, t
from cabinet.ui.kit import recipes
from cabinet.ui.shell import cabinet_page, public_frame


def _page_of(slug: str) -> Callable[[], rx.Component]:
    def article() -> rx.Component:
        return public_frame(
            parts.in_language(lambda language: _article(language, slug)),
            parts.ask_a_person() if slug != parts.CONTACTS else rx.fragment(),
            title=t("Справка"),
            is_heading=False,
            back="/help/",
            back_label=t("Все вопросы"),
        )

    return article


def _article(language: Language, slug: str) -> rx.Component:
    article = parts.article_in(language, slug)
    section = next(section for section in parts.sections(language) if section.code == article.section)
    others = [other for other in section.articles if other is not article]
    return rx.fragment(
        rx.el.article(
            rx.el.h1(article.title, class_name="text-2xl font-bold", **parts.foreign(article)),
            parts.body(article, 2, "mt-4"),
            _helped(slug),
            class_name="rounded-lg bg-surface p-5 shadow-card",
        ),
        *([_others(section.title, others)] if others else []),
    )


def _helped(slug: str) -> rx.Component:
    """Two buttons, and in their place the thanks that the server writes."""

    def button(label: kit.Text, value: str) -> rx.Component:
        return kit.button(label, "secondary", type="submit", name="answer", value=value)

    return rx.el.div(
        kit.form(
            f"/help/{slug}/helped",
            rx.el.p(t("Помогло?"), class_name="font-semibold"),
            button(t("Да"), "yes"),
            button(t("Нет"), "no"),
            class_name="flex flex-wrap items-center gap-3 group-has-[[data-slot]:not(:empty)]:hidden",
        ),
        kit.slot("thanks", rx.el.p, role="status", class_name="font-medium"),
        id="helped",
        class_name="group mt-5 border-t border-line pt-4",
    )


def _others(title: str, articles: list) -> rx.Component:
    return rx.el.section(
        rx.el.h2(title, id="others", class_name="mb-3 text-lg font-bold"),
        rx.el.ul(
            *(parts.article_row(other.address, other.title, **parts.foreign(other)) for other in articles),
            class_name=recipes.LIST_CARD,
        ),
        aria_labelledby="others",
        class_name="mt-6",
    )


def _title_of(slug: str) -> Callable[[], kit.Text]:
    """In the reader's language, when asked."""

    def title() -> kit.Text:
        return either(parts.article_in("ru", slug).title, parts.article_in("en", slug).title)

    return title


for _section in parts.sections("ru"):
    for _each in _section.articles:
        cabinet_page(route=f"/help/{_each.slug}", title=_title_of(_each.slug), access="public", is_static=True)(
            _page_of(_each.slug)
        )
