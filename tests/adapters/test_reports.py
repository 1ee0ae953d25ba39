"""Statements as files: what a spreadsheet opens is what was spent, and nothing in it is run."""

import csv
import io
import re
import zipfile
from datetime import UTC, datetime

import pytest

from cabinet.adapters import reports
from cabinet.adapters.reports import Heading, Row

AT = datetime(2026, 11, 19, 18, 20, 41, tzinfo=UTC)
HEADING = Heading(
    "Кабинет",
    "Отчёт: Ноябрь 2026",
    (("Номер", "+7 916 000-00-01"),),
    ("Когда", "Что", "Подробности", "Сумма", "Баланс"),
)


def row(what: str = "Звонок в Казахстан", amount: int = -70_00, balance: int | None = 312_50) -> Row:
    return Row(AT, what, "7 мин", amount, balance)


def read_csv(*rows: Row) -> list[list[str]]:
    text = (reports.csv_head(HEADING) + reports.csv_rows(rows)).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


def sheet_of(*rows: Row) -> str:
    file = io.BytesIO()
    reports.write_xlsx(file, HEADING, rows)
    with zipfile.ZipFile(file) as book:
        return book.read("xl/worksheets/sheet1.xml").decode()


def test_csv_has_a_line_for_each_with_a_point_before_kopecks():
    assert read_csv(row(), row("Пополнение", 500_05, None)) == [
        list(HEADING.columns),
        ["2026-11-19 18:20:41", "Звонок в Казахстан", "7 мин", "-70.00", "312.50"],
        ["2026-11-19 18:20:41", "Пополнение", "7 мин", "500.05", ""],
    ]


@pytest.mark.parametrize("text", ["=1+1", "+7916", "-2", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_text_of_a_csv_is_a_formula(text: str):
    assert read_csv(row(text))[1][1] == f"'{text}"


def test_a_text_with_commas_quotes_and_lines_is_one_cell():
    assert read_csv(row('a,"b"\nc'))[1][1] == 'a,"b"\nc'


def test_xlsx_has_sums_to_count_with_and_texts_that_stay_texts():
    sheet = sheet_of(row("=1+1"), row(amount=5, balance=None))

    assert "<f>" not in sheet
    assert "=1+1" in sheet
    assert re.findall(r'<c r="D\d+"[^>]*><v>([^<]*)</v>', sheet) == ["-70", "0.05"]
    assert re.findall(r'<c r="E\d+"[^>]*><v>([^<]*)</v>', sheet) == ["312.5"]


def test_pdf_has_as_many_sheets_as_it_needs():
    file = io.BytesIO()
    reports.write_pdf(file, HEADING, (row("Очень длинное название операции " * 5) for _ in range(100)))

    written = file.getvalue()
    assert written.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type /Page\b", written)) == 3
