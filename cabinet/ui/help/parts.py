"""What the pages of the help centre share: the articles in the reader's language, and the search form."""

from collections.abc import Callable

import reflex as rx

from cabinet.services import help as articles
from cabinet.services.help import Article, Section
from cabinet.ui import kit
from cabinet.ui.help.markdown import to_html
from cabinet.ui.i18n import Language, is_english, only_in, t
from cabinet.ui.kit import Text, recipes
from cabinet.ui.kit.forms import PlainForm

CONTACTS = "contacts"
"""The section with the ways to reach a person."""


def in_language(build: Callable[[Language], rx.Component]) -> rx.Component:
    """What `build` makes, in the language of the page; in both where the browser chooses."""
    english = is_english()
    if isinstance(english, bool):
        return build("en" if english else "ru")
    return rx.cond(english, _alone(build, "en"), _alone(build, "ru"))


def _alone(build: Callable[[Language], rx.Component], language: Language) -> rx.Component:
    with only_in(language):
        return build(language)


def sections(language: Language) -> tuple[Section, ...]:
    """The operator's articles."""
    return articles.library(language)


def article_in(language: Language, slug: str) -> Article:
    """One of them."""
    return next(article for section in sections(language) for article in section.articles if article.slug == slug)


def search_form() -> rx.Component:
    """Asks the server for `/help/?q=…`: an ordinary form, with scripts and without."""
    return PlainForm.create(
        rx.el.label(t("Найти ответ"), html_for="q", class_name="sr-only"),
        rx.el.span(kit.icon("search", "size-6"), class_name="pointer-events-none absolute top-4 left-4 text-muted"),
        kit.text_input(
            name="q",
            fill="q",
            id="q",
            type="search",
            max_length=articles.MAX_QUERY,
            placeholder=t("Найти ответ"),
            enter_key_hint="search",
            class_name=f"{recipes.FIELD} pl-13",
        ),
        action="/help/",
        method="get",
        role="search",
        class_name="relative mb-5",
    )


def body(article: Article, heading: int, class_name: str) -> rx.Component:
    """The text of an article; marked as Russian where it has not been translated."""
    return rx.el.div(
        custom_attrs={"dangerouslySetInnerHTML": {"__html": to_html(article.text, heading)}},
        class_name=class_name,
        **foreign(article),
    )


def foreign(article: Article) -> dict[str, str]:
    """The `lang` of an article that is not in the language of its page."""
    return {"lang": "ru"} if is_english() is True and article.language == "ru" else {}


def article_row(href: str, title: Text, second: Text = "", **attributes: str) -> rx.Component:
    """A line that leads to an article."""
    return rx.el.li(
        kit.anchor(
            rx.el.span(
                rx.el.span(title, class_name="block font-medium"),
                *([rx.el.span(second, class_name="block text-sm text-muted")] if second else []),
                class_name="min-w-0 flex-1",
            ),
            kit.icon("chevron_right", "size-5 text-muted"),
            href=href,
            class_name=f"{recipes.LIST_ROW} hover:bg-sunken",
            **attributes,
        )
    )


def ask_a_person() -> rx.Component:
    """The way on when no article helps."""
    return rx.el.p(
        kit.link_action(t("Связаться с нами"), f"/help/{CONTACTS}/", "phone", class_name="text-base"),
        class_name="mt-5 text-center",
    )
