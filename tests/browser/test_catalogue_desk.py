"""The catalogue's desk in a real browser: a new version written, looked at, planned, published; off sale and back."""

import re
from collections.abc import Callable
from datetime import date, timedelta

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.test_staff import DESK, assert_accessible, sign_in_staff
from tests.site import Site

ITEM = "/staff/catalogue/item/?kind=option&code=night_internet"
EDIT = "/staff/catalogue/edit/?kind=option&code=night_internet"


def fill(page: Page, price: str) -> None:
    page.get_by_label("Цена, ₽ в месяц").fill(price)
    page.get_by_role("button", name="Проверить").click()


def test_a_new_version_is_looked_at_planned_withdrawn_and_published_and_a_colleague_is_told(
    site: Site, new_context: Callable[..., BrowserContext]
):
    page = new_context(**DESK).new_page()
    sign_in_staff(page, site, "product")
    page.goto("/staff/catalogue/")
    expect(page.get_by_role("heading", name="Тарифы")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("link", name="Ночной интернет").click()
    page.get_by_role("link", name="Новая версия").click()

    fill(page, "даром")
    expect(page.get_by_text("Сумма в рублях до 1 000 000")).to_be_visible()
    expect(page.get_by_label("Цена, ₽ в месяц")).to_have_value("даром")
    assert_accessible(page)

    later = (date.fromisoformat(site.state()["now"][:10]) + timedelta(days=40)).isoformat()
    page.get_by_label("Первый день продажи").fill(later)
    fill(page, "150")
    sheet = page.get_by_role("dialog")
    expect(sheet).to_contain_text(re.compile(r"120.₽.*150.₽.*\+30.₽"))
    expect(sheet).to_contain_text("На прежних версиях остаются")
    assert_accessible(page)
    sheet.get_by_role("button", name="Запланировать").click()
    expect(page.get_by_role("heading", name="Запланировано")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("button", name="Отменить план").click()
    expect(page.get_by_text("Запланированная версия отменена.")).to_be_visible()

    colleague = page.context.new_page()
    for tab in (colleague, page):
        tab.goto(EDIT)
        expect(tab.get_by_label("Цена, ₽ в месяц")).to_have_value("120")
    fill(page, "160")
    page.get_by_role("dialog").get_by_role("button", name="Опубликовать").click()
    expect(page.get_by_text("Новая версия в продаже.")).to_be_visible()
    expect(page.get_by_role("region", name="Версии")).to_contain_text("Версия 2")

    fill(colleague, "140")
    expect(colleague.get_by_text("вышла другая версия")).to_be_visible()
    expect(colleague.get_by_label("Цена, ₽ в месяц")).to_have_value("140")
    colleague.get_by_role("button", name="Проверить").click()
    expect(colleague.get_by_role("dialog")).to_contain_text(re.compile(r"160.₽.*140.₽"))


def test_a_service_is_taken_off_sale_and_put_back_on_a_phone(site: Site, new_context: Callable[..., BrowserContext]):
    page = new_context(viewport={"width": 390, "height": 844}, color_scheme="dark").new_page()
    sign_in_staff(page, site, "product")
    page.goto(ITEM)

    page.get_by_text("Снять с продажи…").click()
    page.get_by_role("button", name="Снять с продажи").click()
    expect(page.get_by_text("Снято с продажи. Кто подключён, остаётся.")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("button", name="Вернуть в продажу").click()

    expect(page.get_by_text("Снова в продаже.")).to_be_visible()
    page.goto(EDIT)
    expect(page.get_by_role("button", name="Проверить")).to_be_visible()
    assert_accessible(page)


def test_a_tariff_is_made_of_another_with_a_step_and_a_zone_of_its_own_and_its_words_are_put_into_english(
    site: Site, new_context: Callable[..., BrowserContext]
):
    page = new_context(**DESK).new_page()
    sign_in_staff(page, site, "product")
    page.goto("/staff/catalogue/item/?kind=plan&code=svoboda")
    page.get_by_role("link", name="Новый тариф на основе этого").click()
    page.get_by_label("Код").fill("svoboda")
    page.get_by_label("Продажа").select_option(label="пока нет")
    page.get_by_label("Название", exact=True).fill("Воля")
    internet = page.get_by_role("group", name="Настройка: Интернет")
    internet.get_by_label("Шаг «15 ГБ»").select_option(label="убрать")
    internet.get_by_label("Новый шаг. Название").fill("100 ГБ")
    internet.get_by_label("Новый шаг. Прибавка к плате").fill("500")
    internet.get_by_label("Новый шаг. Входит: Интернет").fill("100")
    page.get_by_text("Цены по зонам").click()
    page.get_by_label("Минута: Городские номера").fill("1,50")
    page.get_by_text("Правила перехода").click()
    page.get_by_label("Плата за переход на тариф").fill("150")
    page.get_by_role("button", name="Проверить").click()
    expect(page.get_by_text("Такой код уже есть.")).to_be_visible()
    assert_accessible(page)

    page.get_by_label("Код").fill("volya")
    page.get_by_role("button", name="Проверить").click()
    sheet = page.get_by_role("dialog")
    expect(sheet).to_contain_text("Новое: Воля, код volya")
    expect(sheet).to_contain_text("Пока не продаётся")
    expect(sheet).to_contain_text(re.compile(r"Интернет: 100 ГБ.*нет.*\+500.₽, 100.ГБ"))
    assert_accessible(page)
    sheet.get_by_role("button", name="Опубликовать").click()
    expect(page.get_by_role("heading", name="Воля")).to_be_visible()

    page.get_by_role("heading", name="По-английски").click()
    page.get_by_label("Воля", exact=True).fill("Liberty")
    assert_accessible(page)
    page.get_by_role("button", name="Сохранить слова").click()
    expect(page.get_by_text("Английские слова сохранены.")).to_be_visible()
    page.context.add_cookies([{"name": "lang", "value": "en", "url": site.url}])
    page.goto("/staff/catalogue/")
    expect(page.get_by_role("link", name="Liberty")).to_be_visible()
