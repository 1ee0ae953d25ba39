"""Sign-in by a code: the number."""

import reflex as rx

from cabinet.ui.i18n import t
from cabinet.ui.shell import cabinet_page


@cabinet_page(route="/login", title="Вход", access="public")
def login() -> rx.Component:
    """The first page of a stranger."""
    return rx.el.main(rx.el.h1(t("Вход в кабинет"), class_name="text-2xl font-bold text-brand-ink"))
