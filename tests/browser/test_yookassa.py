"""A whole site with ЮKassa as its gateway: a browser on its stand-in's page, its notification, the page that waits."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Site, sign_in
from tests.site import serving
from tests.standins.yookassa import YooKassaStandIn
from tests.waiting import wait_until

BORIS = "9160000002"


@pytest.fixture(scope="module")
def bank() -> Iterator[YooKassaStandIn]:
    with YooKassaStandIn() as stand_in:
        yield stand_in


@pytest.fixture(scope="module")
def shop(bank: YooKassaStandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site of its own: the gateway is a setting."""
    with serving(
        tmp_path_factory.mktemp("yookassa"),
        CABINET_PAYMENTS_GATEWAY="yookassa",
        CABINET_PAYMENTS_SHOP=bank.shop,
        CABINET_PAYMENTS_SECRET=bank.secret,
        CABINET_PAYMENTS_URL=bank.url,
        CABINET_PAYMENTS_VAT_CODE="12",
    ) as served:
        yield served


@pytest.fixture(scope="module")
def payer(browser: Browser, shop: Site) -> Iterator[Page]:
    context = browser.new_context(base_url=shop.url, locale="ru-RU")
    page = context.new_page()
    sign_in(page, shop, BORIS)
    yield page
    context.close()


def leave(page: Page, amount: str) -> None:
    """To the gateway's page."""
    page.goto(f"/topup/?amount={amount}")
    page.get_by_role("button", name=f"Пополнить на {amount}").click()
    page.wait_for_url("**/pay/*")


def test_money_comes_with_the_gateways_word_and_the_waiting_page_sees_it(
    payer: Page, shop: Site, bank: YooKassaStandIn
):
    leave(payer, "340")
    payer.get_by_role("button", name="Оплатить").click()
    expect(payer.get_by_role("heading", name="Платёж обрабатывается")).to_be_visible()

    assert bank.send(f"{shop.url}/webhooks/payments/yookassa", bank.events[-1]) == 200

    expect(payer.get_by_role("heading", name="Деньги зачислены")).to_be_visible()
    expect(payer.get_by_role("main")).to_contain_text("Карта ··4444")
    wait_until(lambda: any("340" in text for text in shop.sms_to(BORIS)), what="the receipt's SMS")


def test_a_refusal_is_told_in_words(payer: Page, shop: Site, bank: YooKassaStandIn):
    leave(payer, "500")
    payer.get_by_role("button", name="Не хватит денег").click()
    bank.send(f"{shop.url}/webhooks/payments/yookassa", bank.events[-1])

    expect(payer.get_by_role("heading", name="Банк отклонил платёж")).to_be_visible()
    expect(payer.get_by_role("main")).to_contain_text("На карте или счёте меньше 500")
