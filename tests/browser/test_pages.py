"""What holds for every page: width, colours, accessibility, what it keeps and what it says over the wire."""

import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, WebSocket, expect
from sqlalchemy import text

from cabinet import db
from tests.browser.conftest import ask_for_code, enter_code, sign_in
from tests.site import Site
from tests.waiting import wait_until

PUBLIC = [
    "/login",
    "/login/password",
    "/help",
    "/help/sms-does-not-come",
    "/no-such-page",
    "/demo/phone",
    "/demo/clock",
    "/staff/login",
]
PRIVATE = [
    "/",
    "/expenses",
    "/tariff",
    "/tariffs",
    "/services",
    "/packages",
    "/offers",
    "/orders",
    "/autopay",
    "/notices",
    "/profile",
    "/profile/actions",
    "/support",
    "/support/new",
]
VIEWS = {
    "phone": {"viewport": {"width": 390, "height": 844}},
    "phone in the dark": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"},
    "desktop": {"viewport": {"width": 1280, "height": 900}},
}
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
TOO_SMALL = """() => [...document.querySelectorAll('a,button,summary,select,input:not([type=hidden]),textarea')]
  .filter(e => { const r = e.getBoundingClientRect(); return r.width > 1 && r.height > 1 && e.checkVisibility() })
  .filter(e => !(e.tagName === 'A' && e.parentElement.tagName === 'P'))
  .filter(e => { const l = e.closest('label') || (e.id && document.querySelector(`label[for="${e.id}"]`));
                 return Math.max(e.getBoundingClientRect().height, l ? l.getBoundingClientRect().height : 0) < 43.5 })
  .map(e => e.outerHTML.slice(0, 90))"""


def settled(page: Page, path: str) -> None:
    """Opens a page and waits for its data."""
    page.goto(path)
    expect(page.get_by_role("heading").first).to_be_visible()
    expect(page.locator("[aria-busy=true]")).to_have_count(0)


@pytest.fixture(scope="module")
def signed_in_state(site: Site, browser, browser_context_args: dict) -> dict:
    """Cookies of Анна, signed in once for all pages."""
    context = browser.new_context(**browser_context_args)
    sign_in(context.new_page(), site, "9160000001")
    state = context.storage_state()
    context.close()
    return state


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("path", PUBLIC + PRIVATE)
def test_a_page_has_no_serious_violation(
    path: str, view: str, new_context: Callable[..., BrowserContext], signed_in_state: dict
):
    options = VIEWS[view] | ({"storage_state": signed_in_state} if path in PRIVATE else {})
    page = new_context(**options).new_page()
    settled(page, path)

    found = Axe().run(page, options={"runOnly": AXE_TAGS}).response["violations"]

    serious = [f"{v['id']}: {v['nodes'][0]['html'][:120]}" for v in found if v["impact"] in ("serious", "critical")]
    assert serious == []
    assert page.evaluate(TOO_SMALL) == []


@pytest.mark.parametrize("path", PUBLIC + PRIVATE)
def test_a_page_fits_the_narrowest_phone(path: str, new_context: Callable[..., BrowserContext], signed_in_state: dict):
    state = {"storage_state": signed_in_state} if path in PRIVATE else {}
    page = new_context(viewport={"width": 320, "height": 640}, **state).new_page()

    settled(page, path)

    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.parametrize("path", PUBLIC + PRIVATE)
def test_a_page_with_text_of_twice_the_size_does_not_scroll_sideways(
    path: str, new_context: Callable[..., BrowserContext], signed_in_state: dict
):
    state = {"storage_state": signed_in_state} if path in PRIVATE else {}
    page = new_context(**state).new_page()
    settled(page, path)

    page.evaluate("document.documentElement.style.fontSize = '200%'")
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")

    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.parametrize("path", ["/login/code", "/welcome"])
def test_the_pages_on_the_way_in_have_no_serious_violation(page: Page, site: Site, number: str, path: str):
    code = ask_for_code(page, site, number)
    if path == "/welcome":
        enter_code(page, code)
        page.wait_for_url("**/welcome/")

    found = Axe().run(page, options={"runOnly": AXE_TAGS}).response["violations"]

    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []
    assert page.evaluate(TOO_SMALL) == []


def test_neither_the_wire_nor_the_page_ever_holds_the_cookie(page: Page, site: Site, number: str):
    frames: list[str] = []

    def listen(socket: WebSocket) -> None:
        for event in ("framesent", "framereceived"):
            socket.on(
                event, lambda payload: frames.append(payload if isinstance(payload, str) else payload.decode("latin-1"))
            )

    page.on("websocket", listen)
    sign_in(page, site, number)
    page.goto("/profile")
    expect(page.get_by_role("heading", name="Устройства")).to_be_visible()

    secrets = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    assert "sid" in secrets
    assert frames
    storage = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    for name in ("sid", "pre", "device"):
        if value := secrets.get(name):
            assert not [frame[:80] for frame in frames if value in frame], name
            assert value not in storage, name
            assert value not in page.content(), name


def test_cookies_cannot_be_read_by_scripts(page: Page, site: Site, number: str):
    sign_in(page, site, number)

    cookies = [cookie for cookie in page.context.cookies() if cookie["name"] in ("sid", "pre", "device")]

    assert cookies
    assert all(cookie["httpOnly"] and cookie["sameSite"] == "Lax" for cookie in cookies), cookies


def test_the_pages_complain_of_nothing(page: Page, site: Site, number: str, complaints: list[str]):
    sign_in(page, site, number)
    settled(page, "/profile")
    settled(page, "/")


def test_a_stranger_is_sent_to_the_sign_in_page(page: Page):
    page.goto("/profile")

    expect(page.get_by_role("heading", name="Вход в кабинет")).to_be_visible()


def test_the_theme_follows_the_choice_and_survives_a_reload(page: Page, site: Site, number: str):
    sign_in(page, site, number)
    page.goto("/profile")

    page.get_by_text("Тёмная", exact=False).click()

    expect(page.locator("html")).to_have_class(re.compile(r"\bdark\b"))
    page.reload()
    expect(page.locator("html")).to_have_class(re.compile(r"\bdark\b"))


def test_english_is_one_tap_away(page: Page):
    page.goto("/login")

    page.get_by_role("link", name="English").or_(page.get_by_role("button", name="English")).click()

    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_role("button", name="Get a code")).to_be_visible()


def test_without_a_connection_the_page_says_so_and_keeps_its_data(page: Page, site: Site, number: str):
    sign_in(page, site, number)

    page.context.set_offline(True)

    expect(page.get_by_text("Нет связи")).to_be_visible()
    expect(page.get_by_role("heading", name="Баланс")).to_be_visible()
    page.context.set_offline(False)
    expect(page.get_by_text("Нет связи")).to_be_hidden()


def test_the_balance_on_the_page_is_the_balance_of_the_ledger(page: Page, site: Site):
    sign_in(page, site, "9160000002")

    query = (
        "SELECT balance_kopecks FROM account JOIN subscriber ON subscriber.id = account.subscriber_id"
        " WHERE kind = 'main' AND msisdn = '79160000002'"
    )
    with db.make_engine(site.database_url).connect() as connection:
        kopecks = connection.execute(text(query)).scalar_one()
    shown = page.get_by_role("heading", name="Баланс").locator("xpath=ancestor::section[1]").inner_text()
    assert f"{kopecks // 100}{kopecks % 100:02}" in re.sub(r"[^\d]", "", shown.split("Спишем")[0])


def test_the_demo_clock_brings_the_fee(page: Page, site: Site, new_context: Callable[..., BrowserContext]):
    before = site.state()["now"]
    page.goto("/demo/clock")

    page.get_by_role("button", name="К следующей плате").click()

    wait_until(lambda: site.state()["now"] > before, what="the operator's clock moved")
    expect(page.get_by_text("Списали", exact=False).or_(page.get_by_text("плат", exact=False)).first).to_be_visible()
