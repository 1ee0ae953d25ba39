"""A statement as a file: CSV for other programs, XLSX for one's own reckoning, PDF for printing.

Rows come one after another and none is kept, but in a PDF, which is as long as a month is.
"""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

from cabinet.adapters import receipts

A4 = (210.0, 297.0)  # millimetres, as all below
MARGIN, ROW = 14.0, 6.5
WIDTHS = (29.0, 72.0, 35.0, 24.0, 22.0)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Heading:
    """What stands above the rows; `facts` are pairs of what and how much, `columns` are named as in `Row`."""

    brand: str
    title: str
    facts: tuple[tuple[str, str], ...]
    columns: tuple[str, str, str, str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the statement. `at` is the operator's time; negative is money out; without a balance it is None."""

    at: datetime
    what: str
    details: str
    amount_kopecks: int
    balance_kopecks: int | None


def csv_head(heading: Heading) -> bytes:
    """The names of the columns, with the mark by which spreadsheets know UTF-8."""
    return b"\xef\xbb\xbf" + _csv([heading.columns])


def csv_rows(rows: Iterable[Row]) -> bytes:
    """Rows with a point before the kopecks. A text that a spreadsheet would take for a formula begins with `'`."""
    return _csv(
        (
            f"{row.at:%Y-%m-%d %H:%M:%S}",
            *(_as_text(text) for text in (row.what, row.details)),
            _roubles(row.amount_kopecks),
            "" if row.balance_kopecks is None else _roubles(row.balance_kopecks),
        )
        for row in rows
    )


def write_xlsx(file: BinaryIO, heading: Heading, rows: Iterable[Row]) -> None:
    """A sheet whose sums can be counted with; texts stay texts, whatever they look like."""
    import xlsxwriter

    book = xlsxwriter.Workbook(
        file,
        {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False},
    )
    bold, moment = book.add_format({"bold": True}), book.add_format({"num_format": "dd.mm.yyyy hh:mm"})
    money = book.add_format({"num_format": "#,##0.00"})
    sheet = book.add_worksheet()
    for column, width in enumerate((17, 44, 30, 14, 14)):
        sheet.set_column(column, column, width)
    sheet.write_string(0, 0, heading.title, bold)
    for number, (name, value) in enumerate(heading.facts, 1):
        sheet.write_string(number, 0, name)
        sheet.write_string(number, 1, value)
    head = len(heading.facts) + 2
    for column, name in enumerate(heading.columns):
        sheet.write_string(head, column, name, bold)
    for line, row in enumerate(rows, head + 1):
        sheet.write_datetime(line, 0, row.at.replace(tzinfo=None), moment)
        sheet.write_string(line, 1, row.what)
        sheet.write_string(line, 2, row.details)
        sheet.write_number(line, 3, Decimal(row.amount_kopecks) / 100, money)
        if row.balance_kopecks is not None:
            sheet.write_number(line, 4, Decimal(row.balance_kopecks) / 100, money)
    book.close()


def write_pdf(file: BinaryIO, heading: Heading, rows: Iterable[Row]) -> None:
    """Sheets of A4, each with the names of the columns and its number."""
    from fpdf import FPDF  # with fontTools it is 20 MB that a server at rest need not have

    class Sheets(FPDF):
        def header(self) -> None:
            self.set_font("Onest", style="B", size=9)
            self.set_text_color(*receipts.SOFT)
            self.cell(0, ROW, f"{heading.brand} · {heading.title}", new_x="LMARGIN", new_y="NEXT")
            if self.page_no() == 1:
                self._facts()
            self._line(heading.columns, "B")

        def footer(self) -> None:
            self.set_y(-MARGIN)
            self.set_font("Onest", size=9)
            self.cell(0, ROW, str(self.page_no()), align="R")

        def _facts(self) -> None:
            self.set_font("Onest", size=10)
            self.set_text_color(*receipts.INK)
            for name, value in heading.facts:
                self.cell(0, ROW, f"{name}: {value}", new_x="LMARGIN", new_y="NEXT")
            self.ln(3)

        def _line(self, texts: Iterable[str], style: str = "") -> None:
            self.set_font("Onest", style=style, size=9)
            self.set_text_color(*(receipts.SOFT if style else receipts.INK))
            for number, (text, width) in enumerate(zip(texts, WIDTHS, strict=True)):
                self.cell(width, ROW, self._fitted(text, width - 2), border="B", align="R" if number > 2 else "L")
            self.ln(ROW)

        def _fitted(self, text: str, width: float) -> str:
            while self.get_string_width(text) > width:
                text = f"{text.rstrip('…')[:-1].rstrip()}…"
            return text

    sheets = Sheets(format=A4)
    fonts = Path(receipts.__file__).parent
    sheets.add_font("Onest", fname=fonts / "onest-regular.ttf")
    sheets.add_font("Onest", style="B", fname=fonts / "onest-semibold.ttf")
    sheets.set_title(heading.title)
    sheets.set_author(heading.brand)
    sheets.set_margin(MARGIN)
    sheets.set_draw_color(*receipts.LINE)
    sheets.set_auto_page_break(True, MARGIN + ROW)
    sheets.add_page()
    for row in rows:
        balance = "" if row.balance_kopecks is None else _printed(row.balance_kopecks)
        sheets._line((f"{row.at:%d.%m.%Y %H:%M}", row.what, row.details, _printed(row.amount_kopecks), balance))
    file.write(sheets.output())


def _csv(lines: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    return text.getvalue().encode()


def _as_text(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _roubles(kopecks: int) -> str:
    roubles, rest = divmod(abs(kopecks), 100)
    return f"{'-' if kopecks < 0 else ''}{roubles}.{rest:02}"


def _printed(kopecks: int) -> str:
    roubles, rest = divmod(abs(kopecks), 100)
    return f"{'−' if kopecks < 0 else ''}{roubles:,}".replace(",", " ") + f",{rest:02}"
