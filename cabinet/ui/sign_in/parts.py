"""What the sign-in pages share."""

import reflex as rx

from cabinet.ui import kit
from cabinet.ui.i18n import t
from cabinet.ui.kit import Text


def heading(title: Text, lead: Text) -> rx.Component:
    """The title of the page and a sentence under it."""
    return rx.fragment(
        rx.el.h1(title, class_name="text-2xl font-bold"),
        rx.el.p(lead, class_name="mt-1.5 text-muted"),
    )


def what_to_do(article: str = "") -> rx.Component:
    """Inside a form: the way to the help centre, or to the article that fits; seen when the form has an error."""
    address = f"/help/{article}/" if article else "/help/"
    return rx.el.p(
        kit.link_action(t("Что делать"), address, "help"),
        class_name="hidden [form:has([role=alert]_[data-slot]:not(:empty))_&]:block",
    )


def cannot_sign_in() -> rx.Component:
    """The way to the help centre from every page of signing in."""
    return rx.el.p(kit.link_action(t("Не получается войти?"), "/help/", "help"), class_name="mt-3")


def way_of_signing_in(here: str) -> rx.Component:
    """By a code or by a password."""
    items = [(t("По коду из SMS"), "/login/"), (t("По паролю"), "/login/password/")]
    return kit.segmented_nav(t("Способ входа"), items, here, "mt-5")
