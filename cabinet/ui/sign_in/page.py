"""/login: the number, for a code by SMS."""

import reflex as rx

from cabinet.ui import kit
from cabinet.ui.i18n import t
from cabinet.ui.shell import cabinet_page, sign_in_frame
from cabinet.ui.sign_in.parts import (
    cannot_sign_in,
    heading,
    session_ended,
    way_of_signing_in,
    what_to_do,
    what_to_do_with_number_and_captcha,
)


@cabinet_page(route="/login", title="Вход", access="public", is_static=True)
def login() -> rx.Component:
    """Asks the number; the answer to the form is the next page."""
    return sign_in_frame(
        session_ended(),
        heading(t("Вход в кабинет"), t("Если вы здесь впервые, кабинет создастся сам.")),
        way_of_signing_in("/login/"),
        kit.form(
            "/auth/code",
            kit.default_submit(),
            kit.form_error(),
            kit.phone_field(),
            kit.captcha_field(),
            kit.checkbox(t("Запомнить это устройство"), "remember"),
            what_to_do_with_number_and_captcha(),
            what_to_do("code-refused", "[data-slot=error]"),
            kit.submit(t("Получить код")),
            class_name="mt-5 space-y-5",
        ),
        cannot_sign_in(),
    )
