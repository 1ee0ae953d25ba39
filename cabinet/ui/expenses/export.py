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
    """Whether the sheet is open, and which format is chosen in it."""

    is_open: bool = False
    format: str = _FORMATS[0][0]

    @access.subscriber
    async def open(self):
        """Shows the formats."""
        self.is_open = True

    @access.subscriber
    async def close(self):
        """The file is on its way, or none is wanted."""
        self.is_open = False

    @access.subscriber
    async def choose(self, value: str):
        """Another format."""
        if value in [known for known, _, _ in _FORMATS]:
            self.format = value


def export_button() -> rx.Component:
    """Below the statement."""
    return kit.button(t("Скачать отчёт"), "outline", "download", class_name="w-full", on_click=ExportState.open)


def export_sheet(month: Text, title: Text) -> rx.Component:
    """The formats; `month` is that of the address (`2026-11`), `title` its name.

    A link and no form: one that leads to a file would close the page's socket.
    """
    return kit.sheet(
        ExportState.is_open,
        rx.Var.create(f"{t('Отчёт')}: {title}"),
        rx.el.fieldset(
            rx.el.legend(t("Формат"), class_name="mb-2 text-sm font-semibold"),
            rx.el.div(
                *(_format(*each) for each in _FORMATS), class_name="divide-y divide-line rounded-md border border-line"
            ),
            class_name="mt-3",
        ),
        kit.plain_link_button(
            t("Скачать"),
            rx.Var.create(f"{kit.backend_url('/files/statement')}?month={month}&format={ExportState.format}"),
            icon_name="download",
            class_name="mt-5 w-full",
            on_click=ExportState.close,
            custom_attrs={"download": ""},
        ),
        on_dismiss=ExportState.close,
        id="export",
    )


def _format(value: str, name: str, purpose: str) -> rx.Component:
    return rx.el.label(
        rx.el.input(
            type="radio",
            name="format",
            value=value,
            checked=ExportState.format == value,
            on_change=ExportState.choose(value),
            class_name="choice",
        ),
        rx.el.span(
            rx.el.span(name, class_name="block font-medium"),
            rx.el.span(t(purpose), class_name="block text-sm text-muted"),
        ),
        class_name=f"flex min-h-14 cursor-pointer items-center gap-3 px-4 py-2 {recipes.FOCUS_WITHIN}",
    )
