"""The staff's desk in a real browser: signing in, a correction by two people, and what the subscriber reads of it."""

import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import newcomer, sign_in
from tests.browser.test_pages import AXE_TAGS, TOO_SMALL
from tests.site import Site

DESK = {"viewport": {"width": 1280, "height": 900}}


def type_staff(page: Page, login: str, password: str, code: str) -> None:
    page.goto("/staff/login/")
    page.get_by_label("Логин").fill(login)
    page.get_by_label("Пароль", exact=True).fill(password)
    page.get_by_label("Код из приложения, 6 цифр").fill(code)
    page.get_by_role("button", name="Войти").click()


def sign_in_staff(page: Page, site: Site, login: str = "operator") -> None:
    """As one of the demo's staff. Another test may use the code first: then the next one."""
    for _ in range(3):
        type_staff(page, login, f"{login}-demo", site.state()["staff_totps"][login])
        page.wait_for_url(re.compile("/staff/"))
        if "/staff/login" not in page.url:
            return
    pytest.fail("the code was refused three times")


def open_card(page: Page, number: str) -> None:
    page.goto("/staff/subscribers/")
    page.get_by_label("Номер телефона").fill(number)
    page.get_by_role("button", name="Найти").click()
    page.get_by_label("Причина").select_option(label="Спорное списание или платёж")
    page.get_by_label("Что случилось").fill("Спрашивает про списание")
    page.get_by_role("button", name="Открыть карточку").click()
    expect(page.get_by_role("heading", name="Последние операции")).to_be_visible()


def assert_accessible(page: Page) -> None:
    found = Axe().run(page, options={"runOnly": AXE_TAGS}).response["violations"]
    assert [f"{v['id']}: {v['nodes'][0]['html'][:120]}" for v in found] == []
    assert page.evaluate(TOO_SMALL) == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.parametrize("scripts", [True, False])
def test_a_wrong_code_is_refused_and_the_right_one_opens_the_desk(
    site: Site, new_context: Callable[..., BrowserContext], scripts: bool
):
    page = new_context(java_script_enabled=scripts, **DESK).new_page()

    type_staff(page, "operator", "operator-demo", "000000")
    expect(page.get_by_role("alert").filter(has_text="не подошли")).to_be_visible()
    expect(page.get_by_label("Логин")).to_have_value("operator")
    sign_in_staff(page, site)

    assert page.context.cookies()[-1]["httpOnly"]
    assert {cookie["name"] for cookie in page.context.cookies()} >= {"staff"}


def test_a_stranger_and_a_subscriber_are_sent_to_the_staffs_door(
    site: Site, annas: Page, new_context: Callable[..., BrowserContext]
):
    for page in (annas, new_context().new_page()):
        page.goto("/staff/subscribers/")
        page.wait_for_url(re.compile(r"/staff/login/\?.*next=%2Fstaff%2Fsubscribers%2F"))


def test_a_section_that_the_role_may_not_open_says_so(site: Site, new_context: Callable[..., BrowserContext]):
    page = new_context(**DESK).new_page()
    sign_in_staff(page, site, "product")

    page.goto("/staff/subscribers/")

    expect(page.get_by_text("Этот раздел не для вашей роли")).to_be_visible()
    expect(page.get_by_role("link", name="Абоненты")).to_have_count(0)
    assert_accessible(page)


def test_a_correction_by_two_people_stands_in_the_statement_and_both_in_the_profile(
    site: Site, new_context: Callable[..., BrowserContext]
):
    number = newcomer(site, 10_000)
    desk = new_context(**DESK).new_page()
    sign_in_staff(desk, site)
    open_card(desk, number)
    expect(desk.get_by_text(re.compile("Анна|·-··-"))).not_to_have_count(0)
    expect(desk.get_by_text(f"{number[6:8]}-{number[8:]}")).to_have_count(0)
    assert_accessible(desk)
    desk.get_by_label("Сумма, ₽").fill("70,50")
    desk.get_by_label("Объяснение").fill("Вернули за звонок в Казахстан")
    desk.get_by_role("button", name="Предложить").click()
    expect(desk.get_by_text("Корректировка ждёт решения другого сотрудника.")).to_be_visible()
    desk.get_by_role("link", name="Корректировки").click()
    mine = desk.get_by_role("listitem").filter(has_text="Вернули за звонок в Казахстан")
    expect(mine.get_by_role("button", name="Отозвать")).to_be_visible()
    expect(mine.get_by_role("button", name="Одобрить")).to_have_count(0)

    second = new_context().new_page()  # on a telephone
    sign_in_staff(second, site, "supervisor")
    second.goto("/staff/adjustments/")
    theirs = second.get_by_role("listitem").filter(has_text="Вернули за звонок в Казахстан")
    expect(theirs.get_by_role("button", name="Одобрить")).to_be_visible()
    assert_accessible(second)
    theirs.get_by_role("button", name="Одобрить").click()
    expect(second.get_by_text("Корректировка выполнена.")).to_be_visible()

    hers = new_context().new_page()
    sign_in(hers, site, number)
    hers.goto("/expenses/")
    line = hers.get_by_text("Корректировка счёта")
    expect(line).to_be_visible()
    line.click()
    expect(hers.get_by_text("Сотрудник исправил счёт: Вернули за звонок в Казахстан")).to_be_visible()
    hers.goto("/profile/")
    hers.get_by_role("link", name="Кто и что делал с моим номером").click()
    deeds = hers.get_by_role("list", name="Действия с номером").get_by_role("listitem")
    expect(deeds).to_have_count(3)
    expect(deeds.nth(0)).to_contain_text(re.compile(r"Счёт исправлен: \+70,50.*Пётр С\."))
    expect(deeds.nth(2)).to_contain_text(re.compile(r"Открыта карточка номера.*Ирина М\..*Спрашивает про списание"))
    assert_accessible(hers)


def test_a_session_ended_at_the_desk_is_ended_for_the_subscriber(
    site: Site, new_context: Callable[..., BrowserContext]
):
    number = newcomer(site, 10_000)
    hers = new_context().new_page()
    sign_in(hers, site, number)
    hers.goto("/")
    desk = new_context(**DESK).new_page()
    sign_in_staff(desk, site)
    open_card(desk, number)

    desk.get_by_role("button", name=re.compile("Завершить сеанс")).click()

    expect(desk.get_by_text("Абонент нигде не вошёл в кабинет.")).to_be_visible()
    hers.wait_for_url(re.compile("/login/"))
