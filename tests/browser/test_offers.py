"""Promotions in a browser: from the desk to the discount in the statement, promo codes, and texts that mean harm."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect
from sqlmodel import select

from cabinet.models.subscribers import Subscriber
from cabinet.services import billing, subscribers
from tests.browser.conftest import Site, sign_in
from tests.browser.test_pages import AXE_TAGS, TOO_SMALL

EVIL = "<img src=x onerror=\"document.title='pwned'\"><script>document.title='pwned'</script>{{7*7}}"


def join_without_money(site: Site, number: str) -> None:
    now = site.now()
    with site.transaction() as session:
        subscribers.create(
            session,
            account_number=number,
            msisdn=f"7{number}",
            name="Пётр",
            region="moskva",
            plan_code="legkiy",
            activated_at=now - timedelta(hours=2),
            now=now,
        )
        billing.charge_fees_until(session, billing.list_due(session, now, 1000), now, now=now)


def pay(site: Site, number: str) -> None:
    now = site.now()
    with site.transaction() as session:
        whose = session.exec(select(Subscriber.id).where(Subscriber.msisdn == f"7{number}")).one()
        billing.record_payment(
            session, whose, 50_000, reference=f"pays:{number}", happened_at=now, now=now, source="demo"
        )


@pytest.fixture
def desk(new_context: Callable[..., BrowserContext], site: Site) -> Page:
    """The product team's Елена at her desk."""
    page = new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto("/staff/login/")
    page.get_by_label("Логин").fill("product")
    page.get_by_label("Пароль", exact=True).fill("product-demo")
    page.get_by_label("Код из приложения, 6 цифр").fill(site.state()["staff_totps"]["product"])
    page.get_by_role("button", name="Войти").click()
    expect(page.get_by_role("heading", name="Акции", level=1)).to_be_visible()
    return page


def make(desk: Page, code: str, title: str, **fields: str) -> None:
    """A promotion, made and published."""
    desk.goto("/staff/offers/edit/")
    desk.get_by_label("Код акции").fill(code)
    desk.get_by_label("Название", exact=True).fill(title)
    for label, value in fields.items():
        desk.locator(f"[name='{label}']").fill(value)
    desk.get_by_role("button", name="Сохранить").click()
    desk.wait_for_url(re.compile(rf"code={code}"))
    expect(desk.get_by_text("Черновик")).to_be_visible()
    desk.get_by_role("button", name="Опубликовать").click()
    expect(desk.get_by_text("Идёт", exact=True)).to_be_visible()


def assert_accessible(page: Page) -> None:
    found = Axe().run(page, options={"runOnly": AXE_TAGS}).response["violations"]
    assert [f"{v['id']}: {v['nodes'][0]['html'][:160]}" for v in found if v["impact"] in ("serious", "critical")] == []
    assert page.evaluate(TOO_SMALL) == []


def test_a_promotion_goes_from_the_desk_to_the_discount_in_the_statement(desk: Page, page: Page, site: Site):
    number = "9160020003"
    join_without_money(site, number)
    make(desk, "browser_22", "Пятая часть в подарок", discount_size="20", discount_periods="3", teaser="Три раза")
    desk.get_by_role("button", name="Посмотреть, кому подходит").click()
    expect(desk.get_by_text(re.compile("Сейчас подходит абонентов: ([0-9 ]+) из"))).to_be_visible()
    assert_accessible(desk)

    sign_in(page, site, number)
    page.goto("/offers/detail/?code=browser_22")
    expect(page.get_by_role("heading", name="Пятая часть в подарок")).to_be_visible()
    expect(page.get_by_text("Ничего платного не подключаем")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("button", name="Участвовать").click()
    sheet = page.get_by_role("dialog")
    expect(sheet.get_by_text("312")).to_be_visible()  # instead of 390 ₽
    sheet.get_by_role("button", name="Участвовать", exact=True).click()
    expect(page.get_by_text("Скидка: осталось 3 из 3")).to_be_visible()

    pay(site, number)
    page.goto("/expenses/")
    line = page.get_by_role("region", name="Операции").locator("summary").filter(has_text="Плата за тариф")
    expect(line).to_contain_text("312")
    line.click()
    expect(page.get_by_text("Плата за период вперёд, со скидкой по акции: 1-я из 3.")).to_be_visible()
    expect(page.get_by_text("Скидка «Пятая часть в подарок»")).to_be_visible()
    page.goto("/offers/")
    expect(page.get_by_text("скидка: осталось 2 из 3")).to_be_visible()
    assert_accessible(page)


def test_a_promo_code_gives_money_once_and_says_what_is_wrong(page: Page, site: Site, number: str):
    sign_in(page, site, number)
    page.goto("/offers/")
    field, apply = page.get_by_label("Промокод"), page.get_by_role("button", name="Применить")

    field.fill("OSEN25")
    apply.click()
    expect(page.get_by_text(re.compile("Промокод OSEN25 закончился"))).to_be_visible()
    field.fill("NOSUCH99")
    apply.click()
    expect(page.get_by_text(re.compile("Такого промокода нет"))).to_be_visible()
    field.fill("kabinet 100")
    apply.click()
    sheet = page.get_by_role("dialog")
    expect(sheet.get_by_text("Получите сейчас")).to_be_visible()
    sheet.get_by_role("button", name="Участвовать", exact=True).click()
    expect(page.get_by_text("Вы участвуете: «100 ₽ по промокоду»")).to_be_visible()

    page.goto("/expenses/")
    expect(page.get_by_text("Подарок: «100 ₽ по промокоду»")).to_be_visible()
    page.goto("/offers/")
    field.fill("KABINET100")
    apply.click()
    expect(page.get_by_role("dialog").get_by_text("Вы уже участвовали в этой акции.")).to_be_visible()


def test_what_means_harm_in_the_desks_fields_is_plain_text_for_everybody(
    desk: Page, page: Page, site: Site, number: str, complaints_of: Callable[[Page], list[str]]
):
    complaints = complaints_of(page) + complaints_of(desk)
    make(desk, "harmless", EVIL[:80], teaser=EVIL, rules=f"{EVIL}\njavascript:alert(1)", roubles="5")
    expect(desk.get_by_label("Коротко")).to_have_value(EVIL)

    sign_in(page, site, number)
    for path in ("/offers/", "/offers/detail/?code=harmless"):
        page.goto(path)
        expect(page.get_by_text(EVIL[:80]).first).to_be_visible()
        assert page.locator("img[src=x]").count() == 0
        assert "pwned" not in page.title()
    desk.goto("/staff/offers/")
    expect(desk.get_by_text(EVIL[:80])).to_be_visible()
    assert desk.locator("img[src=x]").count() == 0
    assert complaints == []
