"""Packages as a person uses them: chosen, seen, bought, found among what is left; monthly ones stopped in one tap."""

import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.conftest import newcomer, sign_in
from tests.browser.test_pages import AXE_TAGS
from tests.site import Site

MONEY = 500_00


def open_packages(page: Page) -> None:
    page.goto("/packages/")
    expect(page.get_by_role("heading", name="Остатки")).to_be_visible()


def joined(page: Page, site: Site, kopecks: int = MONEY) -> None:
    """Signs in somebody new with that money and opens the packages."""
    sign_in(page, site, newcomer(site, kopecks))
    open_packages(page)


def package(page: Page, name: str) -> Locator:
    return page.get_by_role("radio", name=re.compile(rf"^{re.escape(name)} \d"))


def left(page: Page) -> Locator:
    return page.get_by_role("region", name="Остатки")


def buy(page: Page, name: str, button: str) -> None:
    package(page, name).check()
    page.get_by_role("button", name=button).click()


def test_a_package_is_chosen_seen_and_bought_and_then_there(page: Page, site: Site, complaints: list[str]):
    joined(page, site)
    expect(left(page)).to_contain_text("35 ГБ из 35\u202fГБ")

    package(page, "+5 ГБ").check()
    expect(page.get_by_text("Интернет: 40\u202fГБ")).to_be_visible()
    expect(page.get_by_text("380\u202f₽")).to_be_visible()  # the balance after
    page.get_by_role("button", name="Подключить 5\u202fГБ за 120\u202f₽").click()
    sheet = page.get_by_role("dialog", name="Подключить пакет?")
    expect(sheet).to_contain_text("Сразу добавим 5\u202fГБ")
    sheet.get_by_role("button", name="Подключить за 120\u202f₽").click()

    expect(left(page)).to_contain_text("40 ГБ из 40\u202fГБ")
    expect(left(page)).to_contain_text(re.compile("\\+5 ГБ.*5\u202fГБ по"))
    page.goto("/")
    expect(page.get_by_role("region", name="Остатки")).to_contain_text("40 ГБ из 40\u202fГБ")


def test_what_was_bought_can_be_taken_back_while_it_is_not_used(page: Page, site: Site):
    joined(page, site)
    buy(page, "+2 ГБ", "Подключить 2\u202fГБ за 70\u202f₽")
    page.get_by_role("dialog").get_by_role("button", name="Подключить за 70\u202f₽").click()
    expect(left(page)).to_contain_text("37 ГБ из 37\u202fГБ")

    page.get_by_role("button", name="Отменить").click()

    expect(page.get_by_text("Отменили, 70\u202f₽ вернули на баланс")).to_be_visible()
    expect(left(page)).to_contain_text("35 ГБ из 35\u202fГБ")


def test_a_monthly_one_is_stopped_in_one_tap_and_had_again(page: Page, site: Site):
    joined(page, site)
    buy(page, "+10 ГБ каждый месяц", "Подключить 10\u202fГБ за 180\u202f₽ в месяц")
    page.get_by_role("dialog").get_by_role("button", name="Подключить за 180\u202f₽").click()
    monthly = page.get_by_role("region", name="Приходят каждый месяц")
    expect(monthly.get_by_role("switch")).to_be_checked()
    expect(monthly).to_contain_text("Следующий —")
    expect(package(page, "+10 ГБ каждый месяц")).to_have_count(0)

    monthly.get_by_role("switch").click()

    expect(monthly.get_by_role("switch")).not_to_be_checked()
    expect(monthly).to_contain_text("Больше не придёт, остаток действует по")
    expect(left(page)).to_contain_text("45 ГБ из 45\u202fГБ")
    page.get_by_role("button", name="Отменить").click()
    expect(monthly.get_by_role("switch")).to_be_checked()


def test_without_the_money_it_is_said_before_the_press(page: Page, site: Site):
    joined(page, site, 112_50)

    package(page, "+5 ГБ").check()

    expect(page.get_by_text("Не хватает 7,50\u202f₽")).to_be_visible()
    expect(page.get_by_role("link", name="Пополнить")).to_be_visible()
    page.get_by_role("button", name="Подключить 5\u202fГБ").click()
    sheet = page.get_by_role("dialog")
    expect(sheet.get_by_text("Не хватает 7,50\u202f₽")).to_be_visible()
    expect(sheet.get_by_role("button", name="Подключить")).to_have_count(0)
    sheet.get_by_role("button", name="Не подключать").click()
    expect(left(page)).to_contain_text("35 ГБ из 35\u202fГБ")


def test_two_tabs_cannot_have_one_monthly_package_twice(page: Page, site: Site):
    joined(page, site)
    other = page.context.new_page()
    open_packages(other)
    for tab in (page, other):
        buy(tab, "+100 SMS каждый месяц", "Подключить 100\u202fSMS")
        expect(tab.get_by_role("dialog")).to_be_visible()
    page.get_by_role("button", name="Подключить за 90\u202f₽").click()
    expect(page.get_by_role("region", name="Приходят каждый месяц")).to_be_visible()

    other.get_by_role("button", name="Подключить за 90\u202f₽").click()

    expect(other.get_by_text("уже подключена")).to_be_visible()
    other.get_by_role("button", name="Не подключать").click()
    expect(other.get_by_role("region", name="Приходят каждый месяц")).to_be_visible()
    expect(left(other)).to_contain_text("150 SMS из 150\u202fSMS")


def test_a_package_is_bought_by_the_keyboard_alone(page: Page, site: Site):
    joined(page, site)
    package(page, "+2 ГБ").focus()

    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    expect(package(page, "+5 ГБ")).to_be_checked()
    button = page.get_by_role("button", name="Подключить 5\u202fГБ за 120\u202f₽")
    expect(button).to_be_visible()
    button.focus()
    page.keyboard.press("Enter")
    confirm = page.get_by_role("dialog").get_by_role("button", name="Подключить за 120\u202f₽")
    expect(confirm).to_be_visible()
    confirm.focus()
    page.keyboard.press("Enter")

    expect(left(page)).to_contain_text("40 ГБ из 40\u202fГБ")


def test_anna_has_a_package_of_her_own(annas: Page):
    open_packages(annas)

    expect(left(annas)).to_contain_text(re.compile("\\+60 мин.*мин по"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_packages_and_their_sheet_are_accessible(
    scheme: str, new_context: Callable[..., BrowserContext], anna_state: dict
):
    page = new_context(storage_state=anna_state, color_scheme=scheme).new_page()
    open_packages(page)
    buy(page, "+2 ГБ", "Подключить 2\u202fГБ")
    expect(page.get_by_role("dialog")).to_be_visible()

    found = Axe().run(page, options={"runOnly": AXE_TAGS}).response["violations"]

    assert [f"{v['id']}: {v['nodes'][0]['html'][:120]}" for v in found] == []


def test_what_has_the_focus_is_not_under_the_box_of_what_is_chosen(annas: Page):
    open_packages(annas)
    package(annas, "+2 ГБ").check()
    expect(annas.get_by_role("button", name="Подключить 2\u202fГБ")).to_be_visible()

    package(annas, "+200 мин").focus()

    focused = package(annas, "+200 мин").bounding_box()
    box = annas.get_by_text("Сразу после оплаты").bounding_box()
    assert focused["y"] + focused["height"] <= box["y"] or focused["y"] >= box["y"] + box["height"]
