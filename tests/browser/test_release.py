"""A release under open tabs: the server starts again with another build while tabs of the earlier one are open."""

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from cabinet.config import ROOT
from cabinet.serve import STAMP, WEB_DIR
from cabinet.ui.tailwind import name_build
from tests.browser.conftest import Site, ask_for_code, enter_code, sign_in
from tests.servers import free_port
from tests.waiting import wait_until

UPDATED = "Кабинет обновился."


@dataclass
class Releases:
    """A cabinet that can be stopped and started with another build, on the same port and database."""

    site: Site
    environment: dict[str, str]
    process: subprocess.Popen | None = field(default=None)

    def start(self, build: Path) -> None:
        with self.site.log.open("a") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cabinet", "serve"],
                cwd=ROOT,
                env=self.environment | {"REFLEX_WEB_WORKDIR": str(build)},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_until(self._is_ready, seconds=120, what="the site is ready")

    def stop(self) -> None:
        if self.process:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(timeout=30)
            self.process = None

    def _is_ready(self) -> bool:
        if self.process is None or self.process.poll() is not None:
            pytest.fail(f"the site stopped:\n{self.site.log.read_text()[-4000:]}")
        try:
            return httpx.get(f"{self.site.url}/readyz").status_code == 200
        except httpx.HTTPError:
            return False


@pytest.fixture(scope="module")
def builds(site: Site, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The build that the other tests use, and the same with the profile's script under another name, as a release
    would have it. A real second build takes a minute."""
    later = tmp_path_factory.mktemp("later")
    pages = later / "build" / "client"
    shutil.copytree(WEB_DIR / "build" / "client", pages, ignore=shutil.ignore_patterns("*.br", "*.gz"))
    shutil.copy(WEB_DIR / STAMP, later)
    (old,) = (pages / "assets").glob("_profile_._index-*.js")
    old.rename(old.with_name("_profile_._index-ofLater.js"))
    for file in [*pages.rglob("*.html"), *pages.rglob("*.js")]:
        text = file.read_text(encoding="utf-8")
        renamed = re.sub(r' data-build="\w+"', "", text).replace(old.name, "_profile_._index-ofLater.js")
        if renamed != text:
            file.write_text(renamed, encoding="utf-8")
    name_build(pages)
    return WEB_DIR, later


@pytest.fixture
def cabinet(site: Site, builds: tuple[Path, Path], tmp_path: Path) -> Iterator[Releases]:
    """Running with the earlier build and the subscribers of the other tests' site."""
    if site.postgres_url:
        pytest.skip("a release is of one process and its SQLite file")
    database = tmp_path / "cabinet.db"
    with closing(sqlite3.connect(site.database)) as source, closing(sqlite3.connect(database)) as copy:
        source.backup(copy)
    port = free_port()
    url = f"http://localhost:{port}"
    own = {
        "CABINET_DATABASE_URL": f"sqlite:///{database}",
        "CABINET_PORT": str(port),
        "CABINET_PUBLIC_URL": url,
        "CABINET_CODES_PER_ADDRESS_HOUR": "100000",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    others = {name: value for name, value in os.environ.items() if not name.startswith("CABINET_")}
    releases = Releases(Site(url, tmp_path / "log.txt", database), others | own)
    releases.start(builds[0])
    yield releases
    releases.stop()


@pytest.fixture
def new_tab(cabinet: Releases, browser: Browser, browser_context_args: dict) -> Iterator[Callable[[], Page]]:
    """A tab of a browser of its own at that cabinet."""
    contexts: list[BrowserContext] = []

    def make() -> Page:
        contexts.append(browser.new_context(**(browser_context_args | {"base_url": cabinet.site.url})))
        return contexts[-1].new_page()

    yield make
    for context in contexts:
        context.close()


def release(cabinet: Releases, build: Path) -> None:
    cabinet.stop()
    cabinet.start(build)


def build_of(page: Page) -> str:
    return page.locator("html").get_attribute("data-build") or ""


def expect_another_build(page: Page, old: str) -> None:
    expect(page.locator("html[data-build]")).not_to_have_attribute("data-build", old)


def come_back(page: Page) -> None:
    """As when a person returns to the tab."""
    page.evaluate("dispatchEvent(new Event('focus'))")


def mark(page: Page) -> None:
    """Tells whether it is still the same document."""
    page.evaluate("window.isSame = true")


def is_same(page: Page) -> bool:
    return page.evaluate("window.isSame === true")


def expect_another_document(page: Page) -> None:
    page.wait_for_function("() => !window.isSame")


def test_an_open_tab_says_so_and_keeps_what_was_typed(cabinet, builds, new_tab, number):
    page = new_tab()
    sign_in(page, cabinet.site, number)
    page.goto("/expenses/")
    page.get_by_label("Поиск по операциям").fill("абвгд")
    expect(page.get_by_text("Ничего не нашли по слову «абвгд».")).to_be_visible()
    old = build_of(page)

    release(cabinet, builds[1])

    expect(page.get_by_text(UPDATED)).to_be_visible(timeout=20_000)  # by itself: its socket came back
    expect(page.get_by_label("Поиск по операциям")).to_have_value("абвгд")
    page.get_by_role("button", name="Обновить", exact=True).last.click()
    expect_another_build(page, old)
    expect(page.get_by_label("Поиск по операциям")).to_have_value("абвгд")
    expect(page.get_by_text("Ничего не нашли по слову «абвгд».")).to_be_visible()
    expect(page.get_by_text(UPDATED)).to_be_hidden()


def test_a_link_in_a_stale_tab_leads_to_its_page(cabinet, builds, new_tab, number):
    page = new_tab()
    sign_in(page, cabinet.site, number)
    old = build_of(page)
    release(cabinet, builds[1])
    expect(page.get_by_text(UPDATED)).to_be_visible(timeout=20_000)

    page.get_by_role("banner").get_by_role("link", name="Профиль").click()

    expect(page.get_by_role("heading", name="Устройства")).to_be_visible()
    expect_another_build(page, old)


def test_a_tab_that_nobody_uses_comes_anew_when_it_is_looked_at(cabinet, builds, new_tab, number):
    page = new_tab()
    sign_in(page, cabinet.site, number)
    old = build_of(page)
    release(cabinet, builds[1])
    expect(page.get_by_text(UPDATED)).to_be_visible(timeout=20_000)

    come_back(page)

    expect_another_build(page, old)
    expect(page.get_by_role("heading", name="Баланс")).to_be_visible()


def test_a_script_that_is_gone_costs_one_reload(cabinet, builds, new_tab, number):
    """The tab does not know of the release yet when its link is pressed."""
    page = new_tab()
    sign_in(page, cabinet.site, number)
    page.route("**/version.json", lambda route: route.abort())
    release(cabinet, builds[1])
    expect(page.get_by_text("Нет связи")).to_be_hidden()
    mark(page)

    page.get_by_role("banner").get_by_role("link", name="Профиль").click()

    expect_another_document(page)
    expect(page.get_by_role("heading", name="Баланс")).to_be_visible()
    mark(page)
    page.get_by_role("banner").get_by_role("link", name="Профиль").click()
    expect(page.get_by_role("heading", name="Устройства")).to_be_visible()
    assert is_same(page)


def test_a_page_of_the_earlier_build_on_its_way_is_asked_for_again_once(cabinet, builds, new_tab, number):
    page = new_tab()
    sign_in(page, cabinet.site, number)
    earlier = page.request.get("/profile/").text()
    release(cabinet, builds[1])
    asked: list[str] = []
    address = f"{cabinet.site.url}/profile/"

    def answer(route) -> None:
        asked.append(route.request.url)
        route.fulfill(body=earlier, content_type="text/html; charset=utf-8")

    page.route(address, answer)  # a cache that never learns
    page.goto("/profile/")

    expect(page.get_by_text(UPDATED)).to_be_visible()
    wait_until(lambda: len(asked) == 2, what=f"it was asked for again: {asked}")
    page.wait_for_function("() => performance.now() > 9000")  # a page waits for its scripts for 8 s
    assert len(asked) == 2

    page.unroute(address)
    page.get_by_role("button", name="Обновить", exact=True).click()
    expect(page.get_by_role("heading", name="Устройства")).to_be_visible()


def test_a_form_of_the_earlier_build_is_still_accepted(cabinet, builds, new_tab, number):
    page = new_tab()
    page.goto("/login/")
    page.get_by_label("Номер телефона").fill(number)
    letters = wait_until(lambda: cabinet.site.state(page.context)["captcha"], what="the picture")
    page.get_by_label("Буквы с картинки").fill(letters)

    release(cabinet, builds[1])
    page.get_by_role("button", name="Получить код").click()

    expect(page.get_by_label("Код из SMS, 6 цифр")).to_be_visible()
    enter_code(page, wait_until(lambda: cabinet.site.sms_to(number), what="an SMS")[-1].split("#")[-1].strip())
    expect(page.get_by_role("heading", name="Придумать пароль?")).to_be_visible()


def test_what_is_typed_into_the_sign_in_page_survives_but_no_secret(cabinet, builds, new_tab, number):
    page = new_tab()
    page.goto("/login/password/")
    page.get_by_label("Номер телефона").fill(number)
    page.get_by_label("Пароль", exact=True).fill("длинный пароль")
    page.get_by_label("Запомнить это устройство").check()
    release(cabinet, builds[1])
    mark(page)

    come_back(page)
    expect(page.get_by_text(UPDATED)).to_be_visible()
    assert is_same(page)  # not by itself: something is typed
    page.get_by_role("button", name="Показать пароль").click()
    page.evaluate("addEventListener('pagehide', () => sessionStorage.setItem('seen', sessionStorage.getItem('typed')))")
    page.get_by_role("button", name="Обновить", exact=True).click()

    expect_another_document(page)
    expect(page.get_by_label("Номер телефона")).to_have_value(number)
    expect(page.get_by_label("Запомнить это устройство")).to_be_checked()
    expect(page.get_by_label("Пароль", exact=True)).to_have_value("")
    kept = page.evaluate("sessionStorage.getItem('seen')")
    assert number in kept
    assert "длинный" not in kept
    assert page.evaluate("sessionStorage.getItem('typed')") is None


def test_a_code_is_not_kept(cabinet, new_tab, number):
    page = new_tab()
    ask_for_code(page, cabinet.site, number)
    page.get_by_label("Код из SMS, 6 цифр").press_sequentially("12345")

    page.evaluate("addEventListener('pagehide', () => sessionStorage.setItem('seen', sessionStorage.getItem('typed')))")
    page.reload()

    expect(page.get_by_label("Код из SMS, 6 цифр")).to_have_value("")
    assert page.evaluate("sessionStorage.getItem('seen')") == "null"
