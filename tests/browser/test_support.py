"""A question from both sides: asked with a file, answered at the desk, rated; a promise broken by the demo's clock."""

import io
import re
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import sign_in
from tests.browser.test_pages import AXE_TAGS, TOO_SMALL
from tests.site import Site
from tests.waiting import wait_until

XSS = "<img src=x onerror=document.title='pwned'>"
QUESTION = f"Не раздаётся интернет {XSS}. Телефон Nokia."


@pytest.fixture
def irina(new_context: Callable[..., BrowserContext], site: Site) -> Page:
    """An agent at the desk."""
    return at_desk(new_context(viewport={"width": 1280, "height": 900}), site, "operator")


def at_desk(context: BrowserContext, site: Site, login: str) -> Page:
    page = context.new_page()
    page.goto("/staff/login/")
    page.get_by_label("Логин").fill(login)
    page.get_by_label("Пароль", exact=True).fill(f"{login}-demo")
    page.get_by_label("Код из приложения").fill(page.locator(f"[data-slot=code_{login}]").inner_text())
    page.get_by_role("button", name="Войти").click()
    expect(page.get_by_role("heading", name="Обращения")).to_be_visible()
    return page


def picture() -> dict:
    held = io.BytesIO()
    Image.new("RGB", (60, 40), "red").save(held, "PNG")
    return {"name": f"снимок {'x' * 20}.png", "mimeType": "image/png", "buffer": held.getvalue()}


def ask(page: Page, text: str = QUESTION, files: list[dict] | None = None) -> str:
    """Asks; returns the number of the question."""
    page.goto("/support/new/")
    expect(page.get_by_text("Ответим до")).to_be_visible()
    page.get_by_role("radio", name="Интернет").check(force=True)
    page.get_by_label("Что случилось").fill(text)
    if files:
        page.locator("#file").set_input_files(files)
        expect(page.locator("input[name=files]")).to_have_value(re.compile(r"\d"))
    page.get_by_role("button", name="Отправить вопрос").click()
    page.wait_for_url(re.compile(r"/support/\d+/$"))
    expect(page.get_by_role("log")).to_contain_text("Обещали ответить до")
    return re.search(r"/support/(\d+)/$", page.url)[1]


def violations(page: Page) -> list[str]:
    found = Axe().run(page, options={"runOnly": AXE_TAGS}).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found]


def test_a_question_goes_from_both_sides_to_the_rating(page: Page, site: Site, number: str, irina: Page):
    sign_in(page, site, number)
    ticket = ask(page, files=[picture(), {"name": "a.exe", "mimeType": "image/png", "buffer": b"MZ"}])
    expect(page.get_by_role("log")).to_contain_text(XSS)

    irina.goto("/staff/")
    irina.get_by_label("Поиск по обращениям").fill(f"№ {ticket}")
    irina.get_by_role("link", name=re.compile(f"№.{ticket}")).first.click()
    expect(irina.get_by_role("list", name="Переписка")).to_contain_text(XSS)
    with irina.expect_download() as saved:
        irina.get_by_role("link", name=re.compile("снимок")).click()
    assert Image.open(saved.value.path()).size == (60, 40)
    expect(irina.get_by_role("complementary", name="Об абоненте")).to_contain_text("Баланс")
    assert violations(irina) == []

    irina.get_by_label("Ответ абоненту").fill("Звонила вчера, раздражён")
    irina.get_by_label("Только для сотрудников").check()
    irina.get_by_role("button", name="Ответить").click()
    expect(irina.get_by_role("list", name="Переписка")).to_contain_text("только для сотрудников")
    irina.get_by_label("Ответ абоненту").fill("Какая у вас модель?")
    irina.get_by_role("button", name="Спросить абонента").click()
    expect(irina.get_by_text("срок стоит")).to_be_visible()

    page.reload()
    expect(page.get_by_role("log")).to_contain_text("Какая у вас модель?")
    expect(page.get_by_role("log")).not_to_contain_text("раздражён")
    page.get_by_label("Ваш ответ").fill("3310")
    page.get_by_role("button", name="Отправить").click()
    expect(page.get_by_role("log")).to_contain_text("3310")

    irina.get_by_label("Ответ абоненту").fill("Она интернет не раздаёт.")
    irina.get_by_role("button", name="Ответить").click()
    expect(irina.get_by_role("alert")).to_contain_text("появилось новое")
    irina.get_by_role("button", name="Показать").click()
    expect(irina.get_by_label("Ответ абоненту")).to_have_value("Она интернет не раздаёт.")
    irina.get_by_role("button", name="Ответить").click()
    expect(irina.get_by_text("отвечено").first).to_be_visible()

    wait_until(lambda: any(f"№ {ticket}" in text for text in site.sms_to(number)), what="an SMS of the answer")
    page.goto(f"/support/{ticket}/")
    expect(page.get_by_text("Ирина М., поддержка").first).to_be_visible()
    assert violations(page) == []
    page.get_by_role("radio", name="4 из 5").check(force=True)
    page.get_by_label("Пара слов").fill(XSS)
    page.get_by_role("button", name="Отправить оценку").click()
    expect(page.get_by_text("Ваша оценка: 4 из 5")).to_be_visible()
    irina.reload()
    expect(irina.get_by_text(re.compile("Оценка: 4 из 5"))).to_be_visible()
    assert {page.title(), irina.title()} & {"pwned"} == set()


def test_what_is_refused_stays_as_it_was_typed(page: Page, site: Site, number: str):
    sign_in(page, site, number)
    page.goto("/support/new/")
    page.get_by_role("radio", name="Деньги").check(force=True)
    page.get_by_label("Что случилось").fill("   ")
    big = {"name": "кино.mp4", "mimeType": "video/mp4", "buffer": b"0" * (11 * 2**20)}
    page.locator("#file").set_input_files([big, {"name": "a.png", "mimeType": "image/png", "buffer": b"<html>"}])

    expect(page.get_by_text("11\u202fМБ — больше 10\u202fМБ", exact=False)).to_be_visible()
    expect(page.get_by_text("Файл не читается", exact=False)).to_be_visible()
    page.get_by_role("button", name="Отправить вопрос").click()
    expect(page.get_by_text("Напишите, что случилось.")).to_be_visible()
    expect(page.get_by_role("radio", name="Деньги")).to_be_checked()
    page.get_by_label("Что случилось").fill("Списали деньги за интернет")
    expect(page.get_by_role("link", name="За что списали деньги")).to_be_visible()
    page.get_by_role("button", name="Отправить вопрос").click()
    page.wait_for_url(re.compile(r"/support/\d+/$"))


def test_somebody_elses_question_is_not_there(page: Page, site: Site, number: str, annas: Page):
    ticket = ask(annas, "Секрет Анны")
    sign_in(page, site, number)

    page.goto(f"/support/{ticket}/")

    expect(page.get_by_role("heading", name="Такого обращения нет")).to_be_visible()
    expect(page.get_by_text("Секрет Анны")).to_have_count(0)


def test_a_line_of_the_statement_is_asked_about_with_its_evidence(annas: Page, irina: Page):
    last_month = date.today().replace(day=1) - timedelta(days=1)  # full, wherever another test has moved the clock
    annas.goto(f"/expenses/?month={last_month:%Y-%m}")
    annas.locator("details:has(summary:has-text('₽')) summary").nth(2).click()
    annas.get_by_role("link", name="Это не я / непонятно").first.click()
    expect(annas.get_by_role("heading", name="Вопрос об операции")).to_be_visible()
    annas.get_by_label("Что случилось").fill("Это не я")
    annas.get_by_role("button", name="Отправить вопрос").click()
    annas.wait_for_url(re.compile(r"/support/\d+/$"))
    expect(annas.get_by_role("heading", name="Вопрос об операции")).to_be_visible()

    irina.goto(annas.url.replace("/support/", "/staff/tickets/"))
    expect(irina.get_by_role("heading", name="Вопрос об операции")).to_be_visible()
    irina.get_by_role("link", name="Карточка абонента").click()
    irina.get_by_label("Что случилось").fill("Спорит о списании")
    irina.get_by_role("button", name="Открыть карточку").click()
    expect(irina.get_by_role("heading", name="Обращения", exact=True)).to_be_visible()


def test_a_promise_broken_by_the_clock_is_told_and_counted(
    page: Page, site: Site, number: str, new_context: Callable[..., BrowserContext]
):
    sign_in(page, site, number)
    ticket = ask(page)
    page.goto("/demo/clock/")
    before = site.state()["now"]
    page.get_by_role("button", name="На день вперёд").click()
    wait_until(lambda: site.state()["now"] > before, seconds=120, what="a day has passed")

    wait_until(
        lambda: any(f"Не успели ответить на обращение № {ticket}" in text for text in site.sms_to(number)),
        seconds=60,
        what="the broken promise is told",
    )
    page.goto(f"/support/{ticket}/")
    expect(page.get_by_text("Не успели ответить вовремя", exact=False)).to_be_visible()

    boss = at_desk(new_context(viewport={"width": 1280, "height": 900}), site, "supervisor")
    expect(boss.get_by_text(re.compile("просрочено на")).first).to_be_visible()
    assert violations(boss) == []
    boss.goto("/staff/supervisor/")
    expect(boss.get_by_role("table", name="По дням")).to_be_visible()
    late = boss.get_by_role("definition").filter(has_text=re.compile(r"^[1-9]")).first
    expect(late).to_be_visible()
    assert violations(boss) == []
    assert boss.evaluate(TOO_SMALL) == []


def test_an_article_is_asked_whether_it_has_helped(new_context: Callable[..., BrowserContext]):
    page = new_context(java_script_enabled=False).new_page()
    page.goto("/help/sms-does-not-come/")

    page.get_by_role("button", name="Да").click()

    expect(page.get_by_text("Спасибо, рады, что помогло.")).to_be_visible()
    expect(page.get_by_role("button", name="Да")).to_be_hidden()
