"""The production build, served by one process with the demo operator, and a real Chromium before it."""

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from cabinet.config import ROOT
from tests.servers import free_port
from tests.waiting import wait_until

LAUNCH = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder drives a browser."""
    for item in items:
        if Path(str(item.fspath)).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.browser)


@dataclass(frozen=True)
class Site:
    """A running cabinet."""

    url: str
    log: Path
    database: Path

    def state(self, context: BrowserContext | None = None) -> dict:
        """What `/demo/state.json` says; with a browser's cookies when a context is given."""
        if context is not None:
            return context.request.get(f"{self.url}/demo/state.json").json()
        return httpx.get(f"{self.url}/demo/state.json").json()

    def sms_to(self, number: str) -> list[str]:
        """Texts sent to a number, oldest first."""
        return [sms["text"] for sms in self.state()["sms"] if sms["to"].endswith(number)]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The production build on a port of its own, with a demo world of its own; the log is kept for a look."""
    folder = tmp_path_factory.mktemp("site")
    port = free_port()
    url = f"http://localhost:{port}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CABINET_")} | {
        "CABINET_DATABASE_URL": f"sqlite:///{folder / 'cabinet.db'}",
        "CABINET_PORT": str(port),
        "CABINET_PUBLIC_URL": url,
        # Tests sign in far more often than people do; the limits have tests of their own in tests/services.
        "CABINET_CODES_PER_ADDRESS_HOUR": "100000",
        "CABINET_RESEND_PAUSES": "[2, 3, 5]",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    log = folder / "log.txt"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "cabinet", "serve"],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            wait_until(lambda: _is_ready(url, process, log), seconds=300, what="the site is ready")
            yield Site(url, log, folder / "cabinet.db")
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=30)


def _is_ready(url: str, process: subprocess.Popen, log: Path) -> bool:
    if process.poll() is not None:
        pytest.fail(f"the site stopped with {process.returncode}:\n{log.read_text()[-4000:]}")
    try:
        return httpx.get(f"{url}/readyz").status_code == 200 and bool(httpx.get(f"{url}/demo/state.json").json()["now"])
    except (httpx.HTTPError, ValueError, KeyError):
        return False


@pytest.fixture(scope="session")
def _spare_numbers(site: Site) -> Iterator[str]:
    with closing(sqlite3.connect(site.database)) as connection:
        rows = connection.execute(
            "SELECT substr(msisdn, 2) FROM subscriber"
            " WHERE status = 'active' AND msisdn NOT LIKE '7916000000_' ORDER BY id"
        ).fetchall()
    return iter(row[0] for row in rows)


@pytest.fixture
def number(_spare_numbers: Iterator[str]) -> str:
    """A subscriber of the demo base whom no other test has used: ten digits."""
    return next(_spare_numbers)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict) -> dict:
    """The system's Chromium where there is one: its own download is not possible everywhere."""
    system = shutil.which("chromium") or shutil.which("google-chrome")
    return browser_type_launch_args | {"args": LAUNCH} | ({"executable_path": system} if system else {})


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict, site: Site) -> dict:
    """A Russian phone, unless the test says otherwise."""
    return browser_context_args | {
        "base_url": site.url,
        "locale": "ru-RU",
        "viewport": {"width": 390, "height": 844},
    }


@pytest.fixture
def new_context(browser: Browser, browser_context_args: dict) -> Iterator[Callable[..., BrowserContext]]:
    """Another browser: its own cookies and storage."""
    made: list[BrowserContext] = []

    def make(**options: object) -> BrowserContext:
        context = browser.new_context(**(browser_context_args | options))
        made.append(context)
        return context

    yield make
    for context in made:
        context.close()


@pytest.fixture
def complaints(page: Page) -> Iterator[list[str]]:
    """What the page complained about; a test that asks for it fails on any complaint left at its end."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", lambda message: found.append(message.text) if message.type == "error" else None)
    yield found
    assert found == []


# ---- what a person does, in words ----


def ask_for_code(page: Page, site: Site, number: str) -> str:
    """From the sign-in page to the code page; returns the code that the phone received."""
    page.goto("/login")
    return submit_number(page, site, number)


def submit_number(page: Page, site: Site, number: str) -> str:
    """Fills the form that is on the screen and sends it; returns the code."""
    digits = re.sub(r"\D", "", number)[-10:]
    known = len(site.sms_to(digits))
    page.get_by_label("Номер телефона").fill(number)
    letters = page.get_by_label("Буквы с картинки")
    if letters.is_visible():
        letters.fill(site.state(page.context)["captcha"])
    page.get_by_role("button", name="Получить код").click()
    expect(page.get_by_label("Код из SMS, 6 цифр")).to_be_visible()
    return newest_code(site, digits, known)


def newest_code(site: Site, digits: str, known: int) -> str:
    """Waits for one SMS more than were known and reads its code."""
    texts = wait_until(lambda: (t := site.sms_to(digits)) and len(t) > known and t, what=f"an SMS to {digits}")
    return re.search(r"(?<!\d)\d{6}(?!\d)", texts[-1]).group()


def enter_code(page: Page, code: str) -> None:
    """Types the six digits; the sixth sends them."""
    page.get_by_label("Код из SMS, 6 цифр").press_sequentially(code)


def sign_in(page: Page, site: Site, number: str) -> None:
    """To the dashboard, past the offer of a password if it is made."""
    enter_code(page, ask_for_code(page, site, number))
    page.wait_for_url(re.compile(rf"^{re.escape(site.url)}/(welcome/)?$"))
    if "/welcome" in page.url:
        page.get_by_role("button", name="Пропустить").or_(page.get_by_role("link", name="Пропустить")).click()
    expect(page.get_by_role("heading", name="Баланс")).to_be_visible()
