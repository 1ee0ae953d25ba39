"""What the sign-in pages share."""

import reflex as rx

from cabinet.config import settings
from cabinet.ui import kit
from cabinet.ui.i18n import t
from cabinet.ui.kit import Text


def heading(title: Text, lead: Text) -> rx.Component:
    """The title of the page and a sentence under it."""
    return rx.fragment(
        rx.el.h1(title, class_name="text-2xl font-bold"),
        rx.el.p(lead, class_name="mt-1.5 text-muted"),
    )


def session_ended() -> rx.Component:
    """Why the sign-in page has come: slot `ended`. Where what was typed is kept, a script puts that in its place."""
    return rx.el.div(
        rx.el.span(kit.icon("info", "size-6"), class_name="text-info"),
        kit.slot(
            "ended",
            rx.el.p,
            data_kept=t("Сеанс закончился. Войдите снова — введённое сохранили."),
            class_name="min-w-0 flex-1 font-medium",
        ),
        role="status",
        class_name="mb-5 flex gap-3 rounded-md bg-info-soft p-4 has-[[data-slot]:empty]:hidden",
    )


def what_to_do(article: str, slot: str = "[role=alert]_[data-slot]") -> rx.Component:
    """Inside a form: the way to the help article about an error, seen while the slot of the error has a text.

    `slot` is a selector in the manner of Tailwind; any error of the form unless said otherwise.
    """
    return rx.el.p(
        kit.link_action(t("Что делать"), f"/help/{article}/", "help"),
        class_name=f"hidden [form:has({slot}:not(:empty))_&]:block",
    )


def what_to_do_with_number_and_captcha() -> rx.Component:
    """The same for the two fields that both forms begin with."""
    return rx.fragment(
        what_to_do("number-refused", "[data-slot$=number]"), what_to_do("letters-unreadable", "[data-slot$=captcha]")
    )


def cannot_sign_in() -> rx.Component:
    """The way to the help centre from every page of signing in, and in a demo to the phone that gets the SMS."""
    return rx.fragment(
        rx.el.p(kit.link_action(t("Не получается войти?"), "/help/", "help"), class_name="mt-3"),
        _demo_hint() if settings().is_demo else rx.fragment(),
    )


def _demo_hint() -> rx.Component:
    return rx.el.p(
        t("Это демонстрация: войдите с номером {number}.", number="916\u00a0000-00-01"),
        " ",
        rx.el.a(
            t("SMS с кодом здесь"),
            href="/demo/phone/",
            target="_blank",
            class_name="font-semibold text-brand-ink underline underline-offset-4",
        ),
        class_name="mt-3 rounded-md bg-sunken p-4 text-sm",
    )


def way_of_signing_in(here: str) -> rx.Component:
    """By a code or by a password."""
    items = [(t("По коду из SMS"), "/login/"), (t("По паролю"), "/login/password/")]
    return kit.segmented_nav(t("Способ входа"), items, here, "mt-5")
