"""/login/password: the number and the password."""

import reflex as rx

from cabinet.ui import kit
from cabinet.ui.i18n import t
from cabinet.ui.shell import cabinet_page, sign_in_frame
from cabinet.ui.sign_in.parts import (
    cannot_sign_in,
    heading,
    way_of_signing_in,
    what_to_do,
    what_to_do_with_number_and_captcha,
)


@cabinet_page(route="/login/password", title="Вход по паролю", access="public", is_static=True)
def login_by_password() -> rx.Component:
    """Asks number and password; the captcha is shown after failures only."""
    return sign_in_frame(
        heading(t("Вход в кабинет"), t("Если пароля ещё нет, войдите по коду из SMS.")),
        way_of_signing_in("/login/password/"),
        kit.form(
            "/auth/password",
            kit.default_submit(),
            kit.form_error(),
            kit.phone_field(),
            kit.password_field(t("Пароль")),
            kit.captcha_field(),
            kit.checkbox(t("Запомнить это устройство"), "remember"),
            what_to_do_with_number_and_captcha(),
            what_to_do("forgotten-password", "[data-slot=error]"),
            kit.submit(t("Войти")),
            class_name="mt-5 space-y-5",
        ),
        rx.el.p(kit.link_action(t("Забыли пароль? Войти по коду"), "/login/"), class_name="mt-3"),
        cannot_sign_in(),
    )
