"""The month as a file: a button, and a sheet with the formats. The file comes from `http/statement.py`."""

import reflex as rx

from cabinet.ui import access, kit
from cabinet.ui.i18n import t
from cabinet.ui.kit import Text, recipes

_FORMATS = (
    ("pdf", "PDF", "для печати и бухгалтерии"),
    ("xlsx", "Excel", "для своих расчётов"),
    ("csv", "CSV", "для других программ"),
)


class ExportState(rx.State):
    """Whether the sheet is open."""

    is_open: bool = False

    @access.subscriber
    async def open(self):
        """Shows the formats."""
        self.is_open = True

    @access.subscriber
    async def close(self):
        """The file is on its way, or none is wanted."""
        self.is_open = False


def export_button() -> rx.Component:
    """Below the statement."""
    return kit.button(t("Скачать отчёт"), "outline", "download", class_name="w-full", on_click=ExportState.open)


def export_sheet(month: Text, title: Text) -> rx.Component:
    """The formats; `month` is that of the address (`2026-11`), `title` its name."""
    return kit.sheet(
        ExportState.is_open,
        rx.Var.create(f"{t('Отчёт')}: {title}"),
        kit.download_form(
            "/files/statement",
            rx.el.input(type="hidden", name="month", value=month),
            rx.el.fieldset(
                rx.el.legend(t("Формат"), class_name="mb-2 text-sm font-semibold"),
                rx.el.div(
                    *(_format(*each, is_first=number == 0) for number, each in enumerate(_FORMATS)),
                    class_name="divide-y divide-line rounded-md border border-line",
                ),
            ),
            kit.button(
                t("Скачать"), "primary", "download", class_name="mt-5 w-full", type="submit", on_click=ExportState.close
            ),
        ),
        on_dismiss=ExportState.close,
        id="export",
    )


def _format(value: str, name: str, purpose: str, *, is_first: bool) -> rx.Component:
    return rx.el.label(
        rx.el.input(type="radio", name="format", value=value, default_checked=is_first, class_name="choice"),
        rx.el.span(
            rx.el.span(name, class_name="block font-medium"),
            rx.el.span(t(purpose), class_name="block text-sm text-muted"),
        ),
        class_name=f"flex min-h-14 cursor-pointer items-center gap-3 px-4 py-2 {recipes.FOCUS_WITHIN}",
    )
