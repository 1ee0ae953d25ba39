"""The cap on usage outside the packages as a person lives with it: set, used up, explained, taken away."""

from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.conftest import newcomer, sign_in
from tests.browser.test_expenses import bring_usage, calls, lines, open_month, statement
from tests.browser.test_pages import AXE_TAGS
from tests.site import Site
from tests.waiting import wait_until

END = "Лимит 100 ₽ сверх пакетов исчерпан: до 1 числа больше не спишем."


def card(page: Page) -> Locator:
    return page.get_by_role("region", name="Лимит сверх пакетов")


def choose(page: Page, roubles: str) -> None:
    """Types a limit into the opened field and saves it."""
    card(page).get_by_label("Лимит на месяц, ₽").fill(roubles)
    card(page).get_by_role("button", name="Сохранить").click()


def test_a_cap_is_set_used_up_told_explained_and_taken_away(
    page: Page, site: Site, tmp_path: Path, complaints: list[str]
):
    number = newcomer(site, 500_00)
    sign_in(page, site, number)
    open_month(page)
    expect(card(page)).to_contain_text("Потрачено сверх пакетов в этом месяце: 0\u202f₽")

    card(page).get_by_text("Задать лимит").click()
    choose(page, "12,5")
    expect(card(page).get_by_role("alert")).to_have_text("Лимит — целые рубли, от 50 до 100\u00a0000\u202f₽.")
    choose(page, "100")
    expect(card(page).get_by_role("meter", name="Осталось до лимита")).to_have_attribute(
        "aria-valuetext", "100\u202f₽ из 100\u202f₽"
    )
    expect(page.get_by_role("status").filter(has_text="Лимит задан")).to_be_visible()

    bring_usage(site, tmp_path, calls(site, number, 2))  # 7 minutes each, 70 ₽
    page.goto("/")
    page.get_by_role("link", name="Лимит сверх пакетов исчерпан").click()
    expect(card(page)).to_contain_text("До конца месяца за связь сверх пакетов не спишем")
    expect(lines(page)).to_have_count(4)  # what was paid in, the fee, and the two calls
    lines(page).filter(has_text="−30\u202f₽").click()
    told = statement(page).get_by_role("definition")
    for fact in ("7 × 10\u202f₽", "70\u202f₽", "100\u202f₽", "30\u202f₽"):
        expect(told.get_by_text(fact, exact=True).first).to_be_visible()
    expect(statement(page)).to_contain_text("списали только то, что от него оставалось")
    wait_until(lambda: END in site.sms_to(number), what="the SMS that says so")

    card(page).get_by_text("Изменить лимит").click()
    card(page).get_by_role("button", name="Убрать лимит").click()
    expect(card(page)).to_contain_text("Потрачено сверх пакетов в этом месяце: 100\u202f₽")
    page.goto("/profile/actions/")
    expect(page.get_by_role("list", name="Действия с номером").get_by_role("listitem")).to_contain_text(
        ["Лимит сверх пакетов убран", "Лимит сверх пакетов: 100\u202f₽ в месяц"]
    )
    assert complaints == []


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (390, "dark"), (1280, "light")])
def test_the_card_has_no_violation_with_its_field_opened(
    new_context: Callable[..., BrowserContext], site: Site, width: int, scheme: str
):
    context = new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = context.new_page()
    sign_in(page, site, newcomer(site, 500_00))
    open_month(page)
    card(page).get_by_text("Задать лимит").click()
    choose(page, "500")
    expect(card(page)).to_contain_text("Осталось до лимита")  # the field begins anew with it
    choose(page, "1")
    expect(card(page).get_by_role("alert")).to_be_visible()

    found = Axe().run(page, options={"runOnly": AXE_TAGS}).response["violations"]

    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
