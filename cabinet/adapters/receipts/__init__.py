"""Receipts as PDF: one sheet of A5 that can be shown, kept and printed."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fpdf import FPDF


HERE = Path(__file__).parent
INK, SOFT, LINE = (31, 24, 22), (105, 96, 94), (222, 216, 214)
A5 = (148.0, 210.0)  # millimetres, as all below
MARGIN, LABEL_WIDTH = 16.0, 42.0


@dataclass(frozen=True, slots=True)
class Receipt:
    """The words of a receipt: `lines` are pairs of what and how much, in their order."""

    brand: str
    title: str
    amount: str
    lines: tuple[tuple[str, str], ...]
    note: str


def render(receipt: Receipt) -> bytes:
    """The PDF. Takes tens of milliseconds: call it in a thread, outside a transaction."""
    from fpdf import FPDF  # with fontTools it is 20 MB that a server at rest need not have

    sheet = FPDF(format=A5)
    sheet.add_font("Onest", fname=HERE / "onest-regular.ttf")
    sheet.add_font("Onest", style="B", fname=HERE / "onest-semibold.ttf")
    sheet.set_title(receipt.title)
    sheet.set_author(receipt.brand)
    sheet.set_lang("ru")
    sheet.set_margin(MARGIN)
    sheet.set_auto_page_break(False)
    sheet.add_page()
    _write(sheet, receipt.brand, 11, SOFT, "B", 12)
    _write(sheet, receipt.title, 13, INK, "B", 7)
    _write(sheet, receipt.amount, 30, INK, "B", 20)
    for label, value in receipt.lines:
        sheet.set_draw_color(*LINE)
        sheet.line(MARGIN, sheet.get_y(), sheet.w - MARGIN, sheet.get_y())
        sheet.set_y(sheet.get_y() + 2.5)
        sheet.set_font("Onest", size=10)
        sheet.set_text_color(*SOFT)
        sheet.cell(LABEL_WIDTH, 6, label)
        sheet.set_text_color(*INK)
        sheet.multi_cell(0, 6, value, align="R", new_x="LMARGIN", new_y="NEXT")
        sheet.set_y(sheet.get_y() + 2.5)
    sheet.set_y(sheet.get_y() + 6)
    sheet.set_font("Onest", size=9)
    sheet.set_text_color(*SOFT)
    sheet.multi_cell(0, 5, receipt.note, align="L")
    return bytes(sheet.output())


def _write(sheet: "FPDF", text: str, points: int, colour: tuple[int, int, int], style: str, height: float) -> None:
    sheet.set_font("Onest", style=style, size=points)
    sheet.set_text_color(*colour)
    sheet.cell(0, height, text, new_x="LMARGIN", new_y="NEXT")
