"""Receipts as PDF."""

from cabinet.adapters.receipts import Receipt, render


def test_a_receipt_is_a_pdf_of_one_page_whose_fonts_have_every_letter(recwarn):
    lines = (("Номер платежа", "1000001"), ("Способ", "Карта ··4821"), ("Комиссия", "0\u00a0₽"))

    pdf = render(Receipt("Кабинет", "Чек о пополнении № 1000001", "12\u00a0340,50\u00a0₽", lines, "Ёлка — «ъыэ»."))

    assert pdf.startswith(b"%PDF-")
    assert pdf.count(b"/Type /Page\n") == 1
    assert len(pdf) < 40_000
    assert [str(each.message) for each in recwarn if "font" in str(each.message).lower()] == []


def test_a_letter_that_the_font_lacks_is_no_fault():
    assert render(Receipt("Оператор 🦊", "Чек", "1\u00a0₽", (("Имя", "عبد"),), "")).startswith(b"%PDF-")
