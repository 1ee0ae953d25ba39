"""A real Chromium before the running site (`tests/site.py`)."""

import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, timedelta
from itertools import count
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from cabinet import clock
from cabinet.services import billing, subscribers
from tests.site import Site
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


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict) -> dict:
    """The system's Chromium where there is one: its own download is not possible everywhere. The shell is the same
    browser without its windows, and takes a third less of the processor."""
    system = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))), None)
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


@pytest.fixture
def complaints_of() -> Callable[[Page], list[str]]:
    """Starts listening to what another page than `page` complains about."""

    def listen(page: Page) -> list[str]:
        found: list[str] = []
        page.on("pageerror", lambda error: found.append(str(error)))
        return found

    return listen


@pytest.fixture(scope="module")
def anna_state(site: Site, browser: Browser, browser_context_args: dict) -> dict:
    """Cookies of Анна, who has half a year of history; signed in once for the file."""
    context = browser.new_context(**browser_context_args)
    sign_in(context.new_page(), site, "9160000001")
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def annas(new_context: Callable[..., BrowserContext], anna_state: dict) -> Page:
    """A page of Анна's on a phone."""
    return new_context(storage_state=anna_state).new_page()


# ---- what a person does, in words ----


def ask_for_code(page: Page, site: Site, number: str) -> str:
    """From the sign-in page to the code page; returns the code that the phone received."""
    page.goto("/login")
    return submit_number(page, site, number)


def submit_number(page: Page, site: Site, number: str) -> str:
    """Fills the form that is on the screen and sends it; returns the code."""
    digits = re.sub(r"\D", "", number)[-10:]
    known = len(codes_to(site, digits))
    page.get_by_label("Номер телефона").fill(number)
    letters = page.get_by_label("Буквы с картинки")
    if letters.is_visible():
        letters.fill(site.state(page.context)["captcha"])
    page.get_by_role("button", name="Получить код").click()
    expect(page.get_by_label("Код из SMS, 6 цифр")).to_be_visible()
    return newest_code(site, digits, known)


def newest_code(site: Site, digits: str, known: int) -> str:
    """Waits for one code more than were known."""
    codes = wait_until(lambda: (c := codes_to(site, digits)) and len(c) > known and c, what=f"a code to {digits}")
    return codes[-1]


def codes_to(site: Site, digits: str) -> list[str]:
    """The codes that a phone received, oldest first; it gets other messages too."""
    found = (re.search(r"(?<!\d)\d{6}(?!\d)", text) for text in site.sms_to(digits))
    return [code.group() for code in found if code]


def enter_code(page: Page, code: str) -> None:
    """Types the six digits; the sixth sends them."""
    page.get_by_label("Код из SMS, 6 цифр").press_sequentially(code)


def sign_in(page: Page, site: Site, number: str) -> None:
    """To the dashboard; the forms on the way are sent unseen. As a person goes it: `test_sign_in.py`."""
    forms = page.context.request
    digits = re.sub(r"\D", "", number)[-10:]

    def come_in() -> bool:
        known = len(codes_to(site, digits))
        forms.get("/auth/captcha.png")
        letters = site.state(page.context)["captcha"] or ""
        asked = forms.post("/auth/code", form={"number": number, "captcha": letters})
        if not asked.url.endswith("/login/code/"):
            return False
        return "/login/" not in forms.post("/auth/verify", form={"code": newest_code(site, digits, known)}).url

    # The test before may have moved the operator's clock: then letters and code are a day old at once.
    wait_until(come_in, what=f"{number} is in")
    forms.post("/auth/welcome/skip")
    page.goto("/")
    expect(page.get_by_role("heading", name="Баланс")).to_be_visible()


_newcomers = count(9_160_010_001)


def newcomer(site: Site, kopecks: int, fee_in_days: int | None = None) -> str:
    """Ten digits of a subscriber who has just joined «Свобода» in Moscow, paid its fee and has so much money left.

    With `fee_in_days` he joined within the last month, and the next fee comes then.
    """
    number, now = str(next(_newcomers)), site.now()
    since, anchor_day = now - timedelta(hours=2), None
    if fee_in_days is not None:
        fee_on = clock.local(now + timedelta(days=fee_in_days))
        anchor_day = fee_on.day
        since = (fee_on.replace(day=1) - timedelta(days=1)).astimezone(UTC)
        since -= timedelta(days=max(clock.local(since).day - anchor_day, 0))
    with site.transaction() as session:
        whose = subscribers.create(
            session,
            account_number=number,
            msisdn=f"7{number}",
            name="Нина",
            region="moskva",
            plan_code="svoboda",
            anchor_day=anchor_day,
            activated_at=since,
            now=now,
        )
        billing.record_payment(
            session, whose, 65_000 + kopecks, reference=f"first:{number}", happened_at=since, now=now, source="demo"
        )
    return number
