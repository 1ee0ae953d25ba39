"""The history of changes as a person uses it: what was done, taking it back, learning why that is not possible."""

import re
from collections.abc import Callable
from datetime import datetime

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Locator, Page, expect
from sqlmodel import select

from cabinet.domain.catalogue import SwitchTime
from cabinet.models.subscribers import Subscriber
from cabinet.services import billing, bundles, orders, tariffs
from tests.browser.conftest import Site, sign_in
from tests.browser.test_pages import AXE_TAGS, TOO_SMALL


class Shop:
    """What a subscriber orders while the site is running."""

    def __init__(self, site: Site, number: str) -> None:
        self.site = site
        with self.site.transaction() as session:
            found = session.exec(select(Subscriber).where(Subscriber.msisdn == f"7{number}")).one()
            self.subscriber_id = found.id

    def pay(self, roubles: int) -> None:
        now = self._now()
        with self.site.transaction() as session:
            reference = f"test:{self.subscriber_id}"
            billing.record_payment(
                session,
                self.subscriber_id,
                roubles * 100,
                reference=reference,
                happened_at=now,
                now=now,
                source="test",
            )

    def order(self, ask: Callable, *arguments: object, **named: object) -> None:
        now = self._now()
        with self.site.transaction() as session:
            quote = ask(session, self.subscriber_id, *arguments, now=now, **named)
            assert isinstance(orders.confirm(session, self.subscriber_id, quote.id, now=now), orders.Order)

    def plan_to_switch(self, place: int = 0) -> None:
        """A month's plan that is not the present one, from the end of the period."""
        with self.site.transaction() as session:
            mine = tariffs.get_mine(session, self.subscriber_id, now=self._now()).plan.code
        code = [code for code in ("maksimum", "legkiy", "svoboda") if code != mine][place]
        self.order(tariffs.quote_switch, code, when=SwitchTime.PERIOD_END)

    def _now(self) -> datetime:
        return self.site.now()


@pytest.fixture
def shop(site: Site, number: str) -> Shop:
    """A subscriber with money."""
    made = Shop(site, number)
    made.pay(5_000)
    return made


@pytest.fixture
def mine(page: Page, site: Site, number: str, shop: Shop) -> Page:
    """The page of that subscriber."""
    sign_in(page, site, number)
    return page


def open_history(page: Page) -> None:
    page.goto("/orders/")
    expect(page.get_by_role("heading", name="История изменений")).to_be_visible()
    expect(page.locator("[aria-busy=true]")).to_have_count(0)


def rows(page: Page) -> Locator:
    return page.get_by_role("list", name="Изменения").locator("> li")


def test_the_profile_leads_to_an_empty_history(mine: Page):
    mine.goto("/profile")

    mine.get_by_role("link", name="История изменений").click()

    expect(mine.get_by_role("heading", name="История изменений")).to_be_visible()
    expect(mine.get_by_role("heading", name="Изменений ещё не было")).to_be_visible()


def test_a_purchase_is_explained_and_taken_back(mine: Page, shop: Shop, complaints: list[str]):
    shop.order(bundles.quote_bundle, "gb_5")
    open_history(mine)
    row = rows(mine).first
    expect(row).to_contain_text(re.compile(r"Подключили «\+5\sГБ».*−120\s₽"))

    row.locator("summary").click()
    expect(row.get_by_text("Вступает в силу")).to_be_visible()
    expect(row.get_by_text(re.compile(r"Сразу добавили 5\sГБ"))).to_be_visible()
    expect(row.get_by_text(re.compile(r"Отменить можно до \d\d:\d\d, завтра"))).to_be_visible()
    row.get_by_role("button", name="Отменить").click()

    expect(mine.get_by_text(re.compile(r"Отменили, 120\s₽ вернули на баланс"))).to_be_visible()
    expect(row.get_by_text("Отменено", exact=True)).to_be_visible()
    expect(row.get_by_text(re.compile(r"Отменено сегодня.*вернули на баланс"))).to_be_visible()
    expect(row.get_by_role("button", name="Отменить")).to_have_count(0)
    mine.reload()
    expect(rows(mine).first.get_by_text("Отменено", exact=True)).to_be_visible()


def test_why_a_change_cannot_be_taken_back_is_said_beside_it(mine: Page, shop: Shop):
    shop.plan_to_switch(0)
    shop.plan_to_switch(1)
    open_history(mine)

    rows(mine).nth(1).get_by_role("button", name="Отменить").click()

    reason = rows(mine).nth(1).get_by_role("alert")
    expect(reason).to_have_text("Отменить уже нельзя: после этого было другое изменение.")


def test_a_planned_switch_is_taken_back_by_keyboard(mine: Page, shop: Shop):
    shop.plan_to_switch()
    open_history(mine)
    row = rows(mine).first

    row.locator("summary").focus()
    mine.keyboard.press("Enter")
    expect(row.get_by_role("columnheader", name="Стало")).to_be_visible()
    mine.keyboard.press("Tab")
    expect(row.get_by_role("group", name="Что изменится")).to_be_focused()
    mine.keyboard.press("Tab")
    expect(row.get_by_role("button", name="Отменить")).to_be_focused()
    mine.keyboard.press("Enter")

    expect(mine.get_by_text("Отменили: всё как было")).to_be_visible()
    expect(row.get_by_text("Отменено", exact=True)).to_be_visible()


def test_a_long_history_comes_a_page_at_a_time(mine: Page, shop: Shop):
    for _ in range(22):
        shop.order(bundles.quote_bundle, "sms_50")
    open_history(mine)
    expect(rows(mine)).to_have_count(20)

    mine.get_by_role("button", name="Показать раньше").click()

    expect(rows(mine)).to_have_count(22)
    expect(mine.get_by_role("button", name="Показать раньше")).to_have_count(0)


@pytest.mark.parametrize(
    "view",
    [
        {"viewport": {"width": 320, "height": 640}},
        {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"},
        {"viewport": {"width": 1280, "height": 900}},
    ],
)
def test_the_history_is_accessible_when_its_rows_are_open(
    view: dict, mine: Page, shop: Shop, new_context: Callable[..., BrowserContext]
):
    shop.order(bundles.quote_bundle, "gb_5")
    shop.plan_to_switch()
    page = new_context(storage_state=mine.context.storage_state(), **view).new_page()
    open_history(page)
    rows(page).nth(0).locator("summary").click()
    rows(page).nth(1).locator("summary").click()

    found = Axe().run(page, options={"runOnly": AXE_TAGS}).response["violations"]

    assert [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found] == []
    assert page.evaluate(TOO_SMALL) == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
