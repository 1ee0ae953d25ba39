"""What a person waits for, in a real Chromium: the first visit, and the way from «Войти» to the dashboard."""

import asyncio
import shutil
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import Browser, CDPSession, Page, Playwright, TimeoutError, sync_playwright

from benchmarks.people import give_password
from benchmarks.report import Budget, Table, figure, middle
from benchmarks.sites import CABINET, DJANGO, KINDS, STARLETTE, CannotMeasure, Site, Town, all_of

LAUNCH = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TYPING_SECONDS = 5.0
PATIENCE_MS = 60_000
ROUND_TRIP_MS = 150
SLOW_4G = {
    "offline": False,
    "latency": ROUND_TRIP_MS,
    "downloadThroughput": 1_600_000 / 8,
    "uploadThroughput": 750_000 / 8,
}
CPU_TIMES_SLOWER = 4

PROBE = """(() => {
  const at = () => performance.timeOrigin + performance.now();
  addEventListener("submit", () => console.debug("bench submitted", at()), true);
  let usable = false, complete = false;
  const look = () => {
    // A frame that shows it is over when the next task runs.
    if (!usable && document.querySelector("#number")?.getClientRects().length) {
      usable = true;
      setTimeout(() => { window.benchUsable = performance.now(); });
    }
    if (!complete && (%s)) {
      complete = true;
      setTimeout(() => console.debug("bench complete", at()));
    }
    if (!complete) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})()"""


Cookies = dict[str, str]


class IncompletePage(CannotMeasure):
    """A dashboard did not show all that it has to; the text says what it showed instead."""


@dataclass
class FirstVisit:
    """The sign-in page in a browser that has never been there."""

    kilobytes: float
    requests: int
    painted_ms: float
    usable_ms: float


@dataclass
class SignIn:
    """From the press of «Войти» to the last figure; `round_trips` are those of the socket, which are not slowed."""

    complete_ms: float
    kilobytes: float
    round_trips: int


@dataclass
class Wire:
    """What went over the network, told by Chromium itself."""

    received: int = 0
    requests: int = 0
    socket_opened: int = 0
    socket: list[str] = field(default_factory=list)

    def listen(self, session: CDPSession) -> None:
        session.send("Network.enable")
        session.on("Network.loadingFinished", lambda event: self._finished(event["encodedDataLength"]))
        session.on("Network.webSocketCreated", lambda _event: self._opened())
        session.on("Network.webSocketFrameSent", lambda _event: self.socket.append("sent"))
        session.on("Network.webSocketFrameReceived", lambda _event: self.socket.append("received"))

    def _finished(self, length: float) -> None:
        self.received += int(length)
        self.requests += 1

    def _opened(self) -> None:
        self.socket_opened += 1

    @property
    def round_trips(self) -> int:
        """One for each handshake, and one whenever an answer follows what was sent."""
        turns = zip(self.socket, self.socket[1:], strict=False)
        return self.socket_opened + sum(turn == ("sent", "received") for turn in turns)


@dataclass
class Measured:
    """All runs of one site."""

    first: list[FirstVisit] = field(default_factory=list)
    first_slow: list[FirstVisit] = field(default_factory=list)
    sign_in: list[SignIn] = field(default_factory=list)
    sign_in_slow: list[SignIn] = field(default_factory=list)

    def add(self, other: "Measured") -> None:
        """Takes the runs of another one in."""
        self.first += other.first
        self.first_slow += other.first_slow
        self.sign_in += other.sign_in
        self.sign_in_slow += other.sign_in_slow


@contextmanager
def _tab(
    browser: Browser, site: Site, cookies: Cookies, *, is_slow: bool
) -> Iterator[tuple[Page, Wire, dict[str, float]]]:
    """A browser with nothing in its cache, and the moments that its pages tell."""
    context = browser.new_context(locale="ru-RU", viewport={"width": 390, "height": 844})
    context.add_cookies([{"name": name, "value": value, "url": site.url} for name, value in cookies.items()])
    try:
        page, wire = context.new_page(), Wire()
        moments: dict[str, float] = {}
        page.on("console", lambda message: _note(moments, message.text))
        page.add_init_script(PROBE % site.kind.complete)
        session = context.new_cdp_session(page)
        wire.listen(session)
        if is_slow:
            session.send("Network.emulateNetworkConditions", SLOW_4G)
            session.send("Emulation.setCPUThrottlingRate", {"rate": CPU_TIMES_SLOWER})
        yield page, wire, moments
    finally:
        context.close()


def _note(moments: dict[str, float], text: str) -> None:
    if text.startswith("bench "):
        _, name, moment = text.split()
        moments[name] = float(moment)


def visit(browser: Browser, site: Site, *, is_slow: bool) -> FirstVisit:
    """Opens the sign-in page and waits until nothing more comes."""
    with _tab(browser, site, {}, is_slow=is_slow) as (page, wire, _):
        page.goto(f"{site.url}{site.kind.first_page}", wait_until="networkidle", timeout=PATIENCE_MS)
        painted = page.evaluate("() => performance.getEntriesByName('first-contentful-paint')[0].startTime")
        return FirstVisit(wire.received / 1024, wire.requests, painted, page.evaluate("() => window.benchUsable"))


def sign_in(browser: Browser, site: Site, cookies: Cookies, *, is_slow: bool) -> SignIn:
    """Types number and password as slowly as a person does, presses «Войти» and waits for all of the dashboard.

    Raises:
        IncompletePage: the dashboard did not come.
    """
    with _tab(browser, site, cookies, is_slow=is_slow) as (page, wire, moments):
        page.goto(f"{site.url}{site.kind.password_page}", wait_until="load", timeout=PATIENCE_MS)
        page.locator("#number").fill(site.kind.number)
        page.wait_for_timeout(TYPING_SECONDS * 1000)
        page.locator("#password").fill(site.kind.password)
        before = wire.received
        try:
            with page.expect_console_message(lambda said: said.text.startswith("bench complete"), timeout=PATIENCE_MS):
                page.get_by_role("button", name="Войти", exact=True).click(no_wait_after=True)
        except TimeoutError:
            raise IncompletePage(f"{site.kind.name}: {page.url}\n{page.locator('body').inner_text()[:500]}") from None
        return SignIn(moments["complete"] - moments["submitted"], (wire.received - before) / 1024, wire.round_trips)


def measure(place: Town, runs: int) -> dict[str, Measured]:
    """All sites by turns, so that what disturbs the machine disturbs each of them; the first round is not counted."""
    found: dict[str, Measured] = defaultdict(Measured)
    with all_of(place) as sites:
        known = {CABINET.key: asyncio.run(give_password(sites[0]))}
        for site in sites:
            site.wait_until_idle()
        with sync_playwright() as playwright:
            _take_turns(playwright, sites, known, runs, found)
    return found


def _take_turns(
    playwright: Playwright, sites: list[Site], known: dict[str, Cookies], runs: int, found: dict[str, Measured]
) -> None:
    system = next(filter(None, map(shutil.which, ("chromium", "chromium-headless-shell", "google-chrome"))), None)
    browser = playwright.chromium.launch(args=LAUNCH, executable_path=system)
    for run in range(runs + 1):
        for site in sites:
            cookies = known.get(site.kind.key, {})
            result = Measured(
                [visit(browser, site, is_slow=False)],
                [visit(browser, site, is_slow=True)],
                [sign_in(browser, site, cookies, is_slow=False)],
                [sign_in(browser, site, cookies, is_slow=True)],
            )
            if run:
                found[site.kind.key].add(result)
    browser.close()


def main(place: Town, *, is_quick: bool) -> list[Table]:
    """Measures and judges."""
    runs = 2 if is_quick else 9
    found = measure(place, runs)

    def medians(of: str, figure_of: str) -> dict[str, float]:
        return {
            kind.key: middle([getattr(one, figure_of) for one in getattr(found[kind.key], of)]) or 0.0 for kind in KINDS
        }

    table = Table(
        f"What a person waits for (Chromium, medians of {runs} interleaved runs)",
        ("", *(kind.name for kind in KINDS), "budget", ""),
    )

    def add(name: str, values: dict[str, float], budget: Budget | None = None) -> None:
        ours = values[CABINET.key]
        table.add(
            name,
            *(figure(values[kind.key]) for kind in KINDS),
            budget.shown() if budget else "",
            budget.verdict(ours) if budget else "",
        )

    add("first visit of sign-in, KB over the wire", medians("first", "kilobytes"), Budget("≤ 150", 150))
    add("the same, requests", medians("first", "requests"))
    add("first paint, ms", medians("first", "painted_ms"))
    painted = medians("first_slow", "painted_ms")
    add("slow: first paint, ms", painted, Budget("≤ 1.3 × Django", 1.3 * painted[DJANGO.key]))
    usable = medians("first_slow", "usable_ms")
    add("slow: form usable, ms", usable, Budget("≤ 1.3 × Django", 1.3 * usable[DJANGO.key]))
    complete = medians("sign_in", "complete_ms")
    limit = Budget("≤ 1.3 × Starlette", 1.3 * complete[STARLETTE.key])
    add("«Войти» → dashboard complete, cold, ms", complete, limit)
    slow = medians("sign_in_slow", "complete_ms")
    add("the same, slow, ms", slow, Budget("≤ Django", slow[DJANGO.key]))
    add("  KB that came after the press", medians("sign_in_slow", "kilobytes"))
    trips = medians("sign_in_slow", "round_trips")
    add("  round trips of the socket in it", trips)
    whole = {key: slow[key] + trips[key] * ROUND_TRIP_MS for key in slow}
    add("the same, slow, the socket slowed too, ms", whole, Budget("≤ Django", slow[DJANGO.key]))
    table.notes = [
        "Slow: slow 4G (1.6 Mbit/s down, 750 kbit/s up, 150 ms a round trip) and a processor four times slower, "
        "both by Chromium.",
        "Chromium does not slow the frames of a socket. “The socket slowed too” is the measured time and 150 ms for "
        "each of its round trips, counted in the same runs: as if none of them ran beside anything else.",
        f"First visit: {CABINET.first_page} with its captcha for Кабинет, number and password for the others. "
        "Form usable: the frame that shows the number field is on the screen. All three are plain HTML forms and "
        "need no script; Кабинет's sign-in pages have no React, so there is nothing to hydrate.",
        f"«Войти»: number and password (bcrypt of 12 rounds) at all three, at Кабинет on {CABINET.password_page} in a "
        f"browser that is known (an unknown one is asked for a code too); an empty cache; «Войти» is pressed "
        f"{TYPING_SECONDS:g} s after the page is loaded, for nobody types faster. "
        "Complete: balance, chart and all rows are in a frame that is on the screen.",
        "Кабинет's dashboard shows more: half a year of rated usage stands behind it, the yardsticks have 30 rows.",
    ]
    return [table]
