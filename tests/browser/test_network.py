"""No network, a slow one, and one that comes back."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, WebSocket, expect

from tests.browser.conftest import Site, sign_in
from tests.waiting import wait_until

SHIFTS = """() => { window.shifts = 0;
  new PerformanceObserver(list => { for (const one of list.getEntries()) if (!one.hadRecentInput) shifts += one.value })
    .observe({type: 'layout-shift', buffered: true}) }"""
SLOW = {"offline": False, "latency": 150, "downloadThroughput": 200_000, "uploadThroughput": 95_000}  # slow 4G, bytes/s


def sections(page: Page) -> dict[str, str]:
    return {
        name: page.get_by_role("heading", name=name).locator("xpath=ancestor::section[1]").inner_text()
        for name in ("Баланс", "Остатки")
    }


def test_without_a_connection_the_data_stay_and_say_of_when_they_are(page: Page, site: Site, number: str):
    sign_in(page, site, number)
    sockets: list[WebSocket] = []
    page.on("websocket", lambda socket: sockets.append(socket))
    shown = sections(page)

    page.context.set_offline(True)

    expect(page.get_by_text(re.compile(r"Нет связи\. Показываем данные на \d\d:\d\d"))).to_be_visible()
    page.get_by_role("button", name="Повторить").click()
    page.get_by_role("banner").get_by_role("link", name="Профиль").click()
    assert sections(page) == shown
    assert page.url == f"{site.url}/"

    page.context.set_offline(False)
    expect(page.get_by_text("Нет связи")).to_be_hidden()
    expect(page.get_by_text("Снова на связи")).to_be_visible()
    assert sockets  # new ones: that of the lost network could look alive for minutes
    page.get_by_role("banner").get_by_role("link", name="Профиль").click()
    expect(page.get_by_role("heading", name="Устройства")).to_be_visible()


def test_what_is_pressed_on_a_network_that_came_back_is_answered(page: Page, site: Site, number: str):
    sign_in(page, site, number)
    page.context.set_offline(True)
    expect(page.get_by_text("Нет связи")).to_be_visible()
    frames: list[str] = []  # of the new socket, which is opened as soon as there is a network
    page.on("websocket", lambda socket: socket.on("framereceived", lambda text: frames.append(str(text))))
    page.context.set_offline(False)

    page.get_by_role("button", name="Обновить", exact=True).and_(page.locator("#refresh")).click()

    wait_until(lambda: page.title() and any("as_of" in frame for frame in frames), what="fresh figures")


def test_the_form_of_a_slow_network_works_before_any_script(new_context: Callable[..., BrowserContext], site: Site):
    page = new_context().new_page()
    page.route(re.compile(r"\.js(\?|$)"), lambda route: None)  # on their way, for ever

    page.goto("/login", wait_until="commit")
    page.get_by_label("Номер телефона").fill("12345")
    page.get_by_role("button", name="Получить код").click()

    expect(page.get_by_text("Номер не похож на мобильный.")).to_be_visible()


@pytest.mark.parametrize("path", ["/", "/profile/", "/expenses/"])
def test_nothing_moves_when_the_data_arrive_slowly(
    path: str, page: Page, site: Site, number: str, new_context: Callable[..., BrowserContext]
):
    sign_in(page, site, number)
    slow = new_context(storage_state=page.context.storage_state()).new_page()
    slow.context.new_cdp_session(slow).send("Network.emulateNetworkConditions", SLOW)
    slow.add_init_script(f"({SHIFTS})()")

    slow.goto(path)

    expect(slow.locator("[aria-busy=true]")).to_have_count(0, timeout=20_000)
    expect(slow.get_by_role("heading").first).to_be_visible()
    assert slow.evaluate("shifts") < 0.02


def test_a_captcha_that_is_not_asked_for_is_not_fetched(page: Page):
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))

    page.goto("/login/password", wait_until="networkidle")

    assert not [address for address in fetched if "captcha" in address]
