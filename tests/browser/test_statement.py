"""The statement as a file, and what is to come, as a subscriber meets them on /expenses."""

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import newcomer, sign_in
from tests.site import Site


def test_a_month_is_saved_as_a_sheet_and_what_comes_is_told(page: Page, site: Site, complaints: list[str]):
    sign_in(page, site, newcomer(site, 100_00))
    page.goto("/expenses")

    coming = page.get_by_role("region", name="Спишем в ближайшие 31 день")
    expect(coming.get_by_text("Тариф «Свобода»")).to_be_visible()
    expect(coming.get_by_text(re.compile("Не хватит 550.₽"))).to_be_visible()
    page.get_by_role("button", name="Скачать отчёт").click()
    page.get_by_role("dialog").get_by_text("Excel").click()
    expect(page.get_by_role("radio", name="Excel")).to_be_checked()
    with page.expect_download() as download:
        page.get_by_role("dialog").get_by_role("link", name="Скачать").click()

    assert re.fullmatch(r"statement-\d{4}-\d\d\.xlsx", download.value.suggested_filename)
    assert download.value.path().read_bytes().startswith(b"PK")
    expect(page.get_by_role("dialog")).to_be_hidden()
