"""/staff/login: login, password and the code of an authenticator."""

import reflex as rx

from cabinet.config import settings
from cabinet.ui import kit
from cabinet.ui.i18n import t
from cabinet.ui.shell import cabinet_page, desk_sign_in_frame


@cabinet_page(route="/staff/login", title="Вход для сотрудников", access="public", is_static=True)
def staff_sign_in() -> rx.Component:
    """One form: what was wrong is not told apart."""
    return desk_sign_in_frame(
        _session_ended(),
        rx.el.h1(t("Вход для сотрудников"), class_name="text-2xl font-bold"),
        rx.el.p(t("Абоненты входят на другой странице."), " ", _to_subscribers(), class_name="mt-1.5 text-muted"),
        kit.form(
            "/auth/staff",
            kit.form_error(),
            kit.text_field(
                t("Логин"),
                "login",
                fill="login",
                required=True,
                auto_complete="username",
                auto_capitalize="none",
                spell_check=False,
                max_length=32,
            ),
            kit.password_field(t("Пароль")),
            kit.text_field(
                t("Код из приложения, 6 цифр"),
                "totp",
                required=True,
                input_mode="numeric",
                auto_complete="one-time-code",
                max_length=kit.CODE_FIELD_LENGTH,
                hint=t("Новый код появляется каждые 30 секунд и действует один раз"),
                class_name="tabular-nums",
            ),
            kit.submit(t("Войти")),
            class_name="mt-6 space-y-5",
        ),
        _demo_hint() if settings().is_demo else rx.fragment(),
    )


def _to_subscribers() -> rx.Component:
    return kit.anchor(
        t("Вход в кабинет"),
        href="/login/",
        class_name="font-semibold text-brand-ink underline underline-offset-4",
    )


def _session_ended() -> rx.Component:
    return rx.el.div(
        rx.el.span(kit.icon("info", "size-6"), class_name="text-info"),
        kit.slot("ended", rx.el.p, class_name="min-w-0 flex-1 font-medium"),
        role="status",
        class_name="mb-5 flex gap-3 rounded-md bg-info-soft p-4 has-[[data-slot]:empty]:hidden",
    )


def _demo_hint() -> rx.Component:
    roles = [
        ("operator", t("Оператор")),
        ("supervisor", t("Старший смены")),
        ("product", t("Продукт")),
        ("administrator", t("Администратор")),
    ]
    return rx.el.div(
        rx.el.p(t("Это демонстрация. Пароль для operator — operator‑demo, для других так же. Коды сейчас:")),
        rx.el.dl(
            *(
                rx.el.div(
                    rx.el.dt(role, ", ", rx.el.span(login, lang="en")),
                    rx.el.dd(kit.slot(f"code_{login}"), class_name="font-semibold tabular-nums"),
                    class_name="flex flex-wrap justify-between gap-x-3",
                )
                for login, role in roles
            ),
            class_name="mt-2 space-y-1",
        ),
        class_name="mt-6 rounded-md bg-sunken p-4 text-sm",
    )
