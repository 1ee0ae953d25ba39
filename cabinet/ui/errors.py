"""Pages for what went wrong: no such address, and a failure of ours."""

import reflex as rx

from cabinet.ui import kit
from cabinet.ui.i18n import t
from cabinet.ui.shell import cabinet_page, sign_in_frame


@cabinet_page(route="/404", title="Страница не найдена", access="public")
def not_found() -> rx.Component:
    """Shown for every unknown address."""
    return sign_in_frame(
        kit.empty_block(
            "search",
            t("Такой страницы нет"),
            t("Проверьте адрес или начните с главной."),
            kit.plain_link_button(t("На главную"), "/", "secondary"),
            level=1,
        )
    )


@cabinet_page(route="/error", title="Ошибка", access="public", is_static=True)
def failed() -> rx.Component:
    """Shown when we failed; slot `reference` holds the number to name to the support."""
    return sign_in_frame(
        kit.empty_block(
            "alert",
            t("Не получилось открыть страницу"),
            t("Мы уже разбираемся. С деньгами и связью всё в порядке."),
            rx.fragment(
                kit.plain_link_button(t("Попробовать ещё раз"), "/", "secondary"),
                rx.el.p(
                    t("Номер для поддержки:"),
                    " ",
                    kit.slot("reference", class_name="font-semibold text-ink"),
                    class_name="mt-4 text-sm text-muted has-[[data-slot]:empty]:hidden",
                ),
            ),
            level=1,
        )
    )
