"""/welcome: a password, offered once and easy to skip."""

import reflex as rx

from cabinet.ui import kit
from cabinet.ui.i18n import t
from cabinet.ui.shell import cabinet_page, sign_in_frame
from cabinet.ui.sign_in.parts import what_to_do

MIN_PASSWORD_LENGTH = 10


@cabinet_page(route="/welcome", title="Пароль", access="public", is_static=True)
def welcome() -> rx.Component:
    """Offers a permanent password after the first sign-in by a code."""
    rules = rx.el.div(
        _rule("check", t("{count} знаков или больше", count=MIN_PASSWORD_LENGTH)),
        _rule("check", t("Не номер телефона и не частый пароль")),
        _rule("info", t("Пробелы и русские буквы можно")),
        class_name="mt-3 space-y-1.5 text-sm",
    )
    return sign_in_frame(
        rx.el.p(
            kit.icon("circle_check"),
            t("Номер подтверждён"),
            class_name="flex items-center gap-2 text-sm font-medium text-ok",
        ),
        rx.el.h1(t("Придумать пароль?"), class_name="mt-3 text-2xl font-bold"),
        rx.el.p(
            t("С паролем не нужно ждать SMS — удобно за границей и без связи. Можно входить и по коду."),
            class_name="mt-1.5 text-muted",
        ),
        kit.form(
            "/auth/welcome",
            kit.form_error(),
            # Lets a password manager keep the password under the number.
            kit.text_input(
                name="username",
                fill="number",
                type="text",
                auto_complete="username",
                tab_index=-1,
                aria_hidden="true",
                class_name="sr-only",
            ),
            kit.password_field(t("Новый пароль"), is_new=True, hint=rules, way_out=what_to_do("choosing-a-password")),
            rx.el.div(
                kit.submit(t("Сохранить пароль")),
                kit.submit(
                    t("Пропустить, входить по коду"),
                    "outline",
                    form_action=kit.backend_url("/auth/welcome/skip"),
                    form_no_validate=True,
                ),
                class_name="space-y-3",
            ),
            class_name="mt-6 space-y-5",
        ),
        rx.el.p(t("Задать или убрать пароль можно в любой момент в профиле."), class_name="mt-4 text-sm text-muted"),
    )


def _rule(icon_name: str, text: kit.Text) -> rx.Component:
    return rx.el.p(kit.icon(icon_name, "size-4.5"), text, class_name="flex items-center gap-2 text-muted")
