"""Autopay as a person sets it up: a card saved by paying, a rule, the operator's clock moved on, the money there."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Locator, Page, expect
from sqlmodel import col, select

from cabinet.models.sessions import AuthSession
from cabinet.models.subscribers import Subscriber
from tests.browser.conftest import codes_to, enter_code, newcomer, newest_code, sign_in, submit_number
from tests.browser.test_pages import AXE_TAGS
from tests.browser.test_top_ups import GOOD
from tests.site import Site
from tests.waiting import wait_until


def save_card(page: Page, card: str = GOOD) -> None:
    """By a top-up of 100 ₽, to which autopay's page leads."""
    page.goto("/autopay/")
    page.get_by_role("link", name="Пополнить и сохранить карту").click()
    expect(page.get_by_role("checkbox", name="Сохранить карту")).to_be_checked()
    page.get_by_label("Сумма").fill("100")
    page.get_by_role("button", name="Пополнить").click()
    page.wait_for_url("**/bank/**")
    page.get_by_role("button", name=card).click()
    page.get_by_role("link", name="Настроить автоплатёж").click()
    expect(page.get_by_role("group", name="Когда пополнять")).to_be_visible()


def rule(page: Page) -> Locator:
    return page.get_by_role("region", name=re.compile("^Автоплатёж "))


def press(page: Page, name: str) -> None:
    page.get_by_role("main").get_by_role("button", name=name).click()


@pytest.fixture
def payer(page: Page, site: Site) -> tuple[Page, str]:
    """Somebody with 20 ₽ more than nothing, the fee in four days, and a saved card with 100 ₽ paid from it."""
    number = newcomer(site, 20_00, fee_in_days=4)
    sign_in(page, site, number)
    save_card(page)
    return page, number


def test_before_the_fee_what_lacks_comes_from_the_card_and_the_fee_is_paid(
    payer: tuple[Page, str], site: Site, complaints: list[str]
):
    page, number = payer
    expect(page.get_by_role("radio", name="Перед платой за тариф")).to_be_checked()
    expect(page.get_by_text("Первое списание")).to_be_visible()
    expect(page.get_by_text(f"Около 530\u202f₽ с карты ··{GOOD}")).to_be_visible()  # 650 − 20 − 100
    press(page, "Включить автоплатёж")
    expect(rule(page)).to_contain_text("Автоплатёж включён")
    page.goto("/")
    expect(page.get_by_role("link", name=re.compile(r"Автоплатёж включён.*до 1\s000\s₽ в месяц"))).to_be_visible()

    page.goto("/demo/clock/")
    before = site.state()["now"]
    page.get_by_role("button", name="К следующей плате").click()
    wait_until(lambda: site.state()["now"] > before, seconds=120, what="the operator's clock moved")
    expect(page.get_by_text("Прошло")).to_be_visible(timeout=120_000)

    sms = site.sms_to(number)
    assert any(re.search(rf"спишем около 530 ₽ с ··{GOOD}: автоплатёж", text) for text in sms), sms
    assert any("Пополнение 530 ₽" in text for text in sms), sms
    page.goto("/topup/")
    expect(page.get_by_role("link", name=re.compile("автоплатёж.*зачислено"))).to_be_visible()
    page.goto("/")
    operations = page.get_by_role("region", name="Последние операции")
    expect(operations).to_contain_text("−650\u202f₽")
    expect(operations).to_contain_text("+530\u202f₽")


def test_each_kind_shows_what_it_would_do_and_says_what_is_wrong(payer: tuple[Page, str]):
    page, _ = payer

    page.get_by_role("radio", name="Когда на балансе мало").check()
    page.get_by_label("Если меньше").fill("100")
    page.get_by_label("Пополнить на").and_(page.locator(":visible")).fill("300")
    expect(page.get_by_text("когда станет меньше 100\u202f₽")).to_be_visible()
    page.get_by_label("Не больше в месяц").fill("200")
    page.get_by_label("Не больше в месяц").blur()
    expect(page.get_by_role("alert").filter(has_text="Увеличьте лимит")).to_be_visible()
    page.get_by_label("Не больше в месяц").fill("１ ０００")
    page.get_by_role("radio", name="По числам месяца").check()
    page.get_by_label("Число месяца").fill("32")
    press(page, "Включить автоплатёж")
    expect(page.get_by_role("alert").filter(has_text="от 1 до 31")).to_be_visible()
    page.get_by_label("Число месяца").fill("31")
    expect(page.get_by_text("Первое списание")).to_be_visible()  # the button stands where it will be pressed
    press(page, "Включить автоплатёж")

    expect(rule(page)).to_contain_text("31-го числа")
    expect(rule(page)).to_contain_text("0\u202f₽ из 1\u202f000\u202f₽")


GROW = """(pixels) => {
  document.documentElement.style.overflowAnchor = 'none';  // or the browser itself scrolls along
  document.querySelector('#autopay').style.marginTop = `${pixels}px`;
}"""


def test_a_press_counts_although_what_is_above_the_button_grows_meanwhile(payer: tuple[Page, str]):
    """As a hint does when the field before the button is left by pressing it."""
    page, _ = payer
    button = page.get_by_role("button", name="Включить автоплатёж")

    def press_while_the_page_grows(pixels: int) -> tuple[float, float]:
        button.scroll_into_view_if_needed()
        box = button.bounding_box()
        assert box is not None
        at = (box["x"] + 20, box["y"] + 5)
        page.mouse.move(*at)
        page.mouse.down()
        page.evaluate(GROW, pixels)
        return at

    x, y = press_while_the_page_grows(200)
    page.mouse.move(x, y - 60)  # who draws the pointer away has thought better of it
    page.mouse.up()
    press_while_the_page_grows(400)
    page.mouse.up()

    expect(rule(page)).to_be_visible()
    expect(page.get_by_text("Автоплатёж включён")).not_to_have_count(0)
    expect(page.get_by_text("Автоплатёж изменён")).to_have_count(0)


def test_it_is_paused_resumed_and_deleted_in_one_step_each(payer: tuple[Page, str]):
    page, _ = payer
    press(page, "Включить автоплатёж")
    press(page, "Приостановить")
    expect(rule(page)).to_contain_text("Вы поставили автоплатёж на паузу")
    press(page, "Включить снова")
    expect(rule(page)).to_contain_text("Автоплатёж включён")

    page.goto("/topup/")
    page.get_by_role("button", name=f"Удалить: Карта ··{GOOD}").click()
    page.goto("/")
    page.get_by_role("link", name=re.compile("Автоплатёж на паузе.*Карта удалена")).click()
    expect(rule(page)).to_contain_text("Выберите другую карту или счёт")
    expect(page.get_by_role("link", name="Пополнить и сохранить карту")).to_be_visible()
    press(page, "Удалить автоплатёж")

    expect(rule(page)).to_have_count(0)


def test_a_remembered_browser_shows_a_code_and_nothing_typed_is_lost(page: Page, site: Site):
    number = newcomer(site, 20_00)
    page.goto("/login")
    page.get_by_role("checkbox", name="Запомнить").check()
    enter_code(page, submit_number(page, site, number))
    page.get_by_role("button", name="Пропустить").or_(page.get_by_role("link", name="Пропустить")).click()
    expect(page.get_by_role("heading", name="Баланс")).to_be_visible()
    save_card(page)
    days_ago(site, number)
    wait_until(lambda: asks_for_code(page), what="the page asks for a fresh code")
    expect(page.get_by_role("button", name="Включить автоплатёж")).to_have_count(0)
    page.get_by_role("radio", name="Когда на балансе мало").check()
    page.get_by_label("Если меньше").fill("777")
    known = len(codes_to(site, number))
    press(page, "Отправить код")
    code = newest_code(site, number, known)
    page.get_by_label("Код из SMS").fill("000000" if code != "000000" else "111111")
    expect(page.get_by_text("Код не подошёл")).to_be_visible()
    page.get_by_label("Код из SMS").fill(code)
    press(page, "Включить автоплатёж")

    expect(rule(page)).to_contain_text("когда меньше 777\u202f₽")


def asks_for_code(page: Page) -> bool:
    """Who is signed in is remembered for some seconds."""
    page.goto("/autopay/")
    expect(page.get_by_role("group", name="Когда пополнять")).to_be_visible()
    return page.get_by_role("button", name="Отправить код").is_visible()


COLOURS_HAVE_TURNED = """new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))
  .then(() => Promise.all(document.getAnimations().map((each) => each.finished)))"""
"""A transition begins with the frame after the one that changed the theme."""


def days_ago(site: Site, number: str) -> None:
    """The last code of this subscriber was given days ago."""
    with site.transaction() as session:
        owner = select(Subscriber.id).where(col(Subscriber.msisdn) == f"7{number}").scalar_subquery()
        for signed_in in session.exec(select(AuthSession).where(col(AuthSession.subscriber_id) == owner)):
            signed_in.confirmed_at -= timedelta(days=3)


def test_the_page_has_no_violation_with_a_rule_and_a_choice_opened(
    payer: tuple[Page, str], new_context: Callable[..., BrowserContext]
):
    page, _ = payer
    press(page, "Включить автоплатёж")
    page.get_by_role("radio", name="По числам месяца").check()

    for width, theme in ((390, "light"), (390, "dark"), (1280, "light")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme)
        page.evaluate(COLOURS_HAVE_TURNED)
        found = Axe().run(page, options={"runOnly": AXE_TAGS}).response["violations"]
        assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []
