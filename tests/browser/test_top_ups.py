"""Topping up as a person does it: every ending of the bank, a saved card, a wrong sum, coming back without paying."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, sign_in
from tests.browser.test_pages import AXE_TAGS
from tests.waiting import wait_until

GOOD, POOR, ASKS, THINKS, NEVER = "4821", "0061", "0053", "0095", "0103"


@pytest.fixture
def payer(page: Page, site: Site, number: str) -> Page:
    """A subscriber on the page of topping up."""
    sign_in(page, site, number)
    page.goto("/topup/")
    expect(page.get_by_label("Сумма")).to_be_visible()
    return page


def pay(page: Page, amount: str, way: str = "арта") -> None:
    """Types the sum and goes to the bank."""
    page.get_by_label("Сумма").fill(amount)
    page.get_by_role("radio", name=way).last.check()
    page.get_by_role("button", name="Пополнить").click()
    page.wait_for_url("**/bank/**")


def pay_by(page: Page, card: str) -> None:
    """One of the bank's test cards."""
    page.get_by_role("button", name=card).click()


def balance(page: Page) -> str:
    page.goto("/")
    card = page.get_by_role("region", name="Баланс").get_by_role("paragraph").filter(has_text="₽").first
    expect(card).to_be_visible()
    return card.inner_text()


def a_day_later(page: Page, site: Site) -> None:
    """The operator's clock goes on by a day, in a tab of its own."""
    before = site.state()["now"]
    tab = page.context.new_page()
    tab.goto("/demo/clock/")
    tab.get_by_role("button", name="На день вперёд").click()
    wait_until(lambda: site.state()["now"][:10] > before[:10], seconds=120, what="the operator's clock moved")
    expect(tab.get_by_text("Прошло")).to_be_visible(timeout=60_000)
    tab.close()


def test_money_comes_and_its_receipt_says_so(payer: Page, site: Site, number: str):
    pay(payer, "340")
    pay_by(payer, GOOD)

    expect(payer.get_by_role("heading", name="Деньги зачислены")).to_be_visible()
    facts = payer.get_by_role("main")
    expect(facts).to_contain_text("340\u202f₽")
    expect(facts).to_contain_text(f"Карта ··{GOOD}")
    wait_until(lambda: any("340" in text for text in site.sms_to(number)), what="the receipt by SMS")
    payer.get_by_role("link", name="Готово").click()
    expect(payer.get_by_role("heading", name="Баланс")).to_be_visible()
    expect(payer.get_by_text("+340\u202f₽")).to_be_visible()


def test_a_refusal_says_that_nothing_was_taken_and_what_to_do(payer: Page):
    pay(payer, "340")
    pay_by(payer, POOR)

    expect(payer.get_by_role("heading", name="Банк отклонил платёж")).to_be_visible()
    expect(payer.get_by_role("main")).to_contain_text("Деньги не списаны")
    payer.get_by_role("link", name="Попробовать ещё раз").click()
    expect(payer.get_by_label("Сумма")).to_have_value("340")


def test_the_bank_that_asks_is_answered(payer: Page):
    pay(payer, "100")
    pay_by(payer, ASKS)
    payer.get_by_role("button", name="Подтвердить").click()

    expect(payer.get_by_role("heading", name="Деньги зачислены")).to_be_visible()


def test_who_says_that_it_is_not_him_pays_nothing(payer: Page):
    pay(payer, "100")
    pay_by(payer, ASKS)
    payer.get_by_role("button", name="Это не я").click()

    expect(payer.get_by_role("main")).to_contain_text("Деньги не списаны")


def test_a_slow_bank_is_waited_for(payer: Page):
    pay(payer, "100")
    pay_by(payer, THINKS)
    payer.wait_for_url("**/topup/result/**", timeout=60_000)

    expect(payer.get_by_role("heading", name="Деньги зачислены")).to_be_visible(timeout=60_000)


def test_a_bank_that_never_answers_is_told_of_and_nothing_comes_of_it(payer: Page):
    pay(payer, "100")
    pay_by(payer, NEVER)
    payer.get_by_role("link", name="Вернуться в магазин").click()

    expect(payer.get_by_role("heading", name="Платёж обрабатывается")).to_be_visible()
    expect(payer.get_by_role("main")).to_contain_text("Второй раз не платите")
    payer.goto("/topup/")
    expect(payer.get_by_role("link", name=re.compile("Карта.*ждёт оплаты"))).to_be_visible()


def test_sbp_is_a_code_on_a_desk_and_a_button_on_a_phone(payer: Page):
    pay(payer, "100", "СБП")
    expect(payer.get_by_role("link", name="Открыть приложение банка")).to_be_visible()
    expect(payer.get_by_role("heading", name="Наведите камеру телефона")).to_be_hidden()
    payer.set_viewport_size({"width": 1280, "height": 900})
    expect(payer.get_by_role("heading", name="Наведите камеру телефона")).to_be_visible()
    expect(payer.get_by_role("link", name="Открыть приложение банка")).to_be_hidden()

    payer.get_by_role("link", name="Откройте банк здесь").click()
    payer.get_by_role("button", name="Подтвердить").click()

    payer.goto("/topup/")
    expect(payer.get_by_role("link", name=re.compile("СБП.*зачислено"))).to_be_visible()


def test_a_promised_payment_is_taken_told_of_and_taken_back_when_it_is_due(payer: Page, site: Site, number: str):
    payer.get_by_role("button", name=re.compile("^Обещанный платёж")).click()
    sheet = payer.get_by_role("dialog")
    sheet.get_by_role("button", name="100\u202f₽", exact=True).click()
    expect(sheet).to_contain_text("115\u202f₽")  # with its fee
    sheet.get_by_role("button", name="Взять 100\u202f₽").click()
    expect(payer.get_by_text(re.compile(r"Взяли 100\s₽ — спишем 115\s₽"))).to_be_visible()
    payer.goto("/orders/")
    expect(payer.get_by_role("list", name="Изменения").locator("> li").first).to_contain_text("Взяли обещанный платёж")

    for _ in range(4):
        a_day_later(payer, site)

    wait_until(
        lambda: any(re.search("Обещанный платёж (не )?возвращён", text) for text in site.sms_to(number)),
        seconds=60,
        what="it is told by SMS",
    )
    assert any("спишем 115 ₽: возврат обещанного платежа" in text for text in site.sms_to(number))
    payer.goto("/expenses/")
    expect(payer.get_by_text("Возврат обещанного платежа").first).to_be_visible()


def test_the_page_of_the_result_moves_no_money(payer: Page):
    pay(payer, "100")
    payer.goto("/topup/")
    payer.get_by_role("link", name=re.compile("ждёт оплаты")).first.click()

    expect(payer.get_by_role("heading", name="Платёж обрабатывается")).to_be_visible()
    expect(payer.get_by_role("link", name="Вернуться на страницу банка")).to_be_visible()


def test_a_saved_card_pays_without_the_bank_and_can_be_deleted(payer: Page):
    payer.get_by_role("checkbox", name="Сохранить карту").check()
    pay(payer, "100")
    pay_by(payer, GOOD)
    expect(payer.get_by_role("heading", name="Деньги зачислены")).to_be_visible()

    payer.goto("/topup/")
    expect(payer.get_by_role("radio", name=f"Карта ··{GOOD}")).to_be_checked()
    payer.get_by_label("Сумма").fill("200")
    payer.get_by_role("button", name="Пополнить").click()
    expect(payer.get_by_role("heading", name="Деньги зачислены")).to_be_visible()

    payer.goto("/topup/")
    payer.get_by_role("button", name=f"Удалить: Карта ··{GOOD}").click()
    expect(payer.get_by_role("radio", name="Банковская карта")).to_be_checked()


@pytest.mark.parametrize("typed", ["0", "-1", "0,001", "1e5", "15000,01", "сто"])
def test_a_wrong_sum_is_said_and_stays(payer: Page, typed: str):
    payer.get_by_label("Сумма").fill(typed)
    payer.get_by_role("button", name="Пополнить").click()

    expect(payer.get_by_role("alert").filter(has_text="Можно от 10")).to_be_visible()
    expect(payer.get_by_label("Сумма")).to_have_value(typed)


@pytest.mark.parametrize(
    ("typed", "sum_"), [("100,50", "100,50\u202f₽"), ("1 000", "1\u202f000\u202f₽"), ("１００", "100\u202f₽")]
)
def test_a_sum_is_understood_as_people_type_it(payer: Page, typed: str, sum_: str):
    payer.get_by_label("Сумма").fill(typed)

    expect(payer.get_by_role("button", name=f"Пополнить на {sum_}")).to_be_visible()


def test_a_payment_of_somebody_else_is_none(payer: Page):
    payer.goto("/topup/result/?payment=1")

    expect(payer.get_by_role("heading", name="Такого платежа нет")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_stands_in_the_way_of_a_screen_reader(payer: Page, theme: str, width: int):
    payer.emulate_media(color_scheme=theme)
    payer.set_viewport_size({"width": width, "height": 900})

    found = Axe().run(payer, options={"runOnly": AXE_TAGS}).response["violations"]

    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []
    assert payer.evaluate("document.documentElement.scrollWidth <= innerWidth")
