"""/login/code: the code from the SMS."""

import reflex as rx

from cabinet.config import settings
from cabinet.ui import kit
from cabinet.ui.i18n import t
from cabinet.ui.shell import cabinet_page, sign_in_frame
from cabinet.ui.sign_in.parts import cannot_sign_in, what_to_do


@cabinet_page(route="/login/code", title="Код из SMS", access="public", is_static=True)
def code() -> rx.Component:
    """Asks the code; says where it went and what to do when it does not come."""
    return sign_in_frame(
        kit.icon_link("arrow_left", t("Назад"), "/login/", class_name="-ml-2.5"),
        rx.el.h1(t("Введите код из SMS"), class_name="mt-2 text-2xl font-bold"),
        rx.el.p(
            t("Отправили на"),
            " ",
            kit.slot("sent_to", class_name="font-medium whitespace-nowrap text-ink"),
            class_name="mt-1.5 text-muted",
        ),
        rx.el.p(kit.link_action(t("Изменить номер"), "/login/")),
        kit.form(
            "/auth/verify",
            kit.form_error(),
            kit.code_field(
                t("Шестая цифра отправит код сама. Код действует {minutes} минут.", minutes=settings().code_minutes)
            ),
            what_to_do("code-refused"),
            kit.submit(t("Войти")),
            class_name="mt-3 space-y-4",
        ),
        _resend(),
        _no_sms(),
        cannot_sign_in(),
    )


def _resend() -> rx.Component:
    """A countdown while slot `resend_in` (“0:42”) has something, the button when it has not.

    Where scripts are switched off the countdown cannot run out, so the button is always there.
    """
    return kit.form(
        "/auth/resend",
        rx.el.p(
            rx.el.span(
                t("Отправить код снова можно через"),
                "\u00a0",
                kit.slot("resend_in", rx.el.b, role="timer", class_name="font-semibold text-ink tabular-nums"),
            ),
            class_name="flex min-h-12 items-center justify-center rounded-md bg-sunken px-4 text-center text-muted "
            "has-[[data-slot]:empty]:hidden",
        ),
        kit.submit(
            t("Отправить код снова"),
            "secondary",
            icon_name="refresh",
            data_resend="button",
        ),
        class_name="group/resend mt-4 space-y-3 [&:has([data-slot]:not(:empty))_[data-resend]]:hidden "
        "noscript:[&_[data-resend]]:inline-flex!",
    )


def _no_sms() -> rx.Component:
    hints = [
        rx.el.span(
            t("Проверьте номер: последние цифры"),
            " ",
            kit.slot("tail", rx.el.b, class_name="font-semibold whitespace-nowrap"),
            ".",
        ),
        rx.el.span(t("Перезагрузите телефон или включите и выключите режим полёта.")),
        rx.el.span(
            t(
                "Посмотрите папку «Спам» и чёрный список: SMS приходит от имени {sender}.",
                sender=settings().sms_sender,
            )
        ),
    ]
    return rx.el.details(
        rx.el.summary(
            t("SMS не приходит"),
            kit.icon("chevron_down", "size-5 text-muted transition-transform group-open:rotate-180"),
            class_name="flex min-h-12 items-center justify-between font-semibold",
        ),
        rx.el.ul(
            *(rx.el.li(kit.icon("check", "size-5 text-ok"), hint, class_name="flex gap-2") for hint in hints),
            class_name="space-y-2 text-sm",
        ),
        kit.link_action(t("Что ещё попробовать"), "/help/sms-does-not-come/", "help"),
        class_name="group mt-5 border-t border-line pt-1",
    )
