"""A site under virtual subscribers: sign in, dashboard, expenses, an order, a top-up, over the real socket.

    python -m benchmarks.load --crowds 10,50 --setups sqlite,postgres2 --seconds 30
    python -m benchmarks.load --soak 20 --setups sqlite

Each subscriber is somebody of his own with half a year behind him, signs in by a code, keeps a page open and does
something every other second. One process on SQLite; two and four on PostgreSQL and Redis, with the subscribers shared
out among them. All of it stays on this machine, ends after the seconds that were asked for, and takes its share of the
processor. The soak goes on for so many minutes with one crowd who lose their connection now and then: does memory grow?
"""

import argparse
import asyncio
import csv
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles

import aiohttp

from benchmarks.cluster import Place, Process, prepare
from benchmarks.people import Browser, CannotSignIn, Person, by_code
from benchmarks.report import Table, figure
from benchmarks.sites import family, processor_seconds, pss
from benchmarks.tabs import Handler, Ordering, Refused, Tab, Unanswered, handler_of, page
from cabinet.config import ROOT
from tests.servers import PostgresServer, RedisServer

CROWDS, QUICK_CROWDS = (10, 50, 200, 1_000), (10, 50)
SECONDS, QUICK_SECONDS = 60.0, 10.0
SOAK_MINUTES, SOAK_CROWD = 20.0, 50
THINKING_SECONDS = 2.0  # between two actions of one person, on average
SIGNING_IN_AT_ONCE = 16
PATIENCE = aiohttp.ClientTimeout(total=30)
FIRST_NUMBER, RECORDS = 79_167_000_000, 100
PAID, TOP_UP_ROUBLES, CARD = "hidden_number", 340, "2200000000004821"
ORDERS, TOP_UPS, RECONNECTS = 0.15, 0.03, 0.05  # of all actions; the last in a soak alone
COMING = ("sign in", "open the dashboard")
LIVING = ("dashboard anew", "expenses", "quote", "confirm", "undo", "top-up", "reconnect")


@dataclass(frozen=True)
class Setup:
    """What is loaded."""

    name: str
    webs: int
    is_postgres: bool


SETUPS = {
    "sqlite": Setup("SQLite, one process", 1, False),
    "postgres2": Setup("PostgreSQL and Redis, two web processes", 2, True),
    "postgres4": Setup("PostgreSQL and Redis, four web processes", 4, True),
}


@dataclass
class Tally:
    """Milliseconds by step, and what went wrong: `errors` are answers that did not come, `refused` said why."""

    latencies_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    refused: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    async def timed(self, step: str, action: Awaitable[object]) -> bool:
        """Whether it was answered."""
        started = time.perf_counter()
        try:
            await action
        except Refused:
            self.refused[step] += 1
        except (Unanswered, CannotSignIn, aiohttp.ClientError, TimeoutError, OSError):
            self.errors[step] += 1
            return False
        self.latencies_ms[step].append((time.perf_counter() - started) * 1000)
        return True

    @property
    def answered(self) -> int:
        """Of all steps."""
        return sum(map(len, self.latencies_ms.values()))


# --- a subscriber -----------------------------------------------------------------------------------------------------


@dataclass
class Virtual:
    """One subscriber with a browser and an open page."""

    place: Place
    web: Process
    number: str
    tally: Tally
    person: Person | None = None
    tab: Tab | None = None

    async def sign_in(self) -> None:
        """By a code."""
        async with self._browser() as browser:
            await by_code(browser, self.number)
            self.person = Person(self.number, browser.cookies)

    async def open(self) -> None:
        """The dashboard: its document, then its socket."""
        async with self._browser() as browser:
            answer = await browser.get("/")
            if answer.status != 200:
                raise Unanswered(f"the dashboard answered {answer.status}")
        self.tab = await self._tab(page("/"))

    async def live(self, ends: float, *, reconnects: float = 0.0) -> None:
        """Does one thing after another until then."""
        chance = random.Random(self.number)
        while (left := ends - time.perf_counter()) > 0:
            await asyncio.sleep(min(chance.uniform(0, 2 * THINKING_SECONDS), left))
            if self.tab is None or chance.random() < reconnects:
                await self.close()
                await self.tally.timed("reconnect", self.open())
            elif (what := chance.random()) < TOP_UPS:
                await self._do("top-up", self._pay())
            elif what < TOP_UPS + ORDERS:
                await self._order()
            elif what < (1 + TOP_UPS + ORDERS) / 2:
                await self._do("dashboard anew", self.tab.call(_refresh()))
            else:
                await self._do("expenses", self.tab.call(page("/expenses/")))

    async def close(self) -> None:
        """Leaves the page."""
        tab, self.tab = self.tab, None
        if tab is not None:
            with suppress(Exception):
                await tab.close()

    async def _do(self, step: str, action: Awaitable[object]) -> bool:
        """A page that was not answered is opened anew, as a browser does."""
        if await self.tally.timed(step, action):
            return True
        await self.close()
        return False

    async def _order(self) -> None:
        """A paid service is asked for, confirmed and undone."""
        from cabinet.ui.options.state import OptionsState

        assert self.tab is not None
        ordering = Ordering(self.tab, "/services/")
        turn = handler_of(OptionsState, "turn", "/services/").given(code=PAID, is_on=True)
        steps: tuple[tuple[str, Callable[[], Awaitable[None]]], ...] = (
            ("quote", lambda: ordering.ask(turn)),
            ("confirm", ordering.confirm),
            ("undo", ordering.undo),
        )
        for step, action in steps:
            refused = self.tally.refused[step]
            if not await self._do(step, action()) or self.tally.refused[step] > refused:
                return

    async def _pay(self) -> None:
        """From the form to the balance: the bank's page is paid, and the result's page shows the end."""
        from cabinet.ui.top_ups.state import ResultState

        async with self._browser() as browser:
            form = {"amount": str(TOP_UP_ROUBLES), "method": "card", "occasion": f"load-{random.getrandbits(64):x}"}
            leaving = await (await browser.post("/topup/pay", **form)).text()
            payment = re.search(r"/bank/card/([\w-]+)", leaving)
            if payment is None:
                raise Unanswered("no way to the bank")
            bank = Browser(browser.client, self.place.url)
            back = await bank.post(f"/bank/card/{payment[1]}", card=CARD)
        number = re.search(r"payment=(\d+)", back.headers.get("Location", ""))
        if number is None:
            raise Unanswered("no way back from the bank")
        state = ResultState.get_full_name()
        result = await self._tab(Handler("", state, f"/topup/result/?payment={number[1]}"))
        try:
            await result.see(lambda: result.value(state, "result")["state"] != "wait")
        finally:
            await result.close()

    async def _tab(self, opened: Handler) -> Tab:
        assert self.person is not None
        return await Tab(self.web.url, self.person, self.place.url).open(opened)

    @asynccontextmanager
    async def _browser(self) -> AsyncIterator[Browser]:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), timeout=PATIENCE) as client:
            browser = Browser(client, self.web.url, self.place.url)
            browser.cookies = dict(self.person.cookies) if self.person else {}
            yield browser


def _refresh() -> Handler:
    from cabinet.ui.overview.state import OverviewState

    return handler_of(OverviewState, "refresh", "/")


# --- many of them -----------------------------------------------------------------------------------------------------


@dataclass
class Weight:
    """What all web processes take: megabytes (PSS), and seconds of processor so far."""

    megabytes: float
    processor_seconds: float

    @classmethod
    def of(cls, place: Place) -> "Weight":
        """Now."""
        pids = [web.running.pid for web in place.webs if web.running]
        memory = sum(pss(one) for pid in pids for one in family(pid))
        return cls(memory / 1024, sum(map(processor_seconds, pids)))


@dataclass
class Crowd:
    """What a crowd came to."""

    people: int
    seconds: float
    tally: Tally
    session_mb: float
    processors: float


async def load(place: Place, crowds: Sequence[int], seconds: float) -> list[Crowd]:
    """Each crowd in turn; who has signed in stays signed in for the next."""
    known: dict[str, Person] = {}
    found = []
    first = _virtuals(place, len(place.webs), Tally(), known)  # makes each process load what it needs
    await _sign_in(first)
    await _open([one for one in first if one.person])
    await asyncio.gather(*(one.close() for one in first))
    for people in crowds:
        tally = Tally()
        virtuals = _virtuals(place, people, tally, known)
        await _sign_in(virtuals)
        known |= {one.number: one.person for one in virtuals if one.person}
        await asyncio.sleep(3)
        before = Weight.of(place)
        inside = [one for one in virtuals if one.person]
        await _open(inside)
        await asyncio.sleep(2)
        opened = Weight.of(place)
        await asyncio.gather(*(one.live(time.perf_counter() + seconds) for one in inside))
        after = Weight.of(place)
        await asyncio.gather(*(one.close() for one in inside))
        session_mb = (opened.megabytes - before.megabytes) / max(1, len(inside))
        processors = (after.processor_seconds - opened.processor_seconds) / seconds
        found.append(Crowd(people, seconds, tally, session_mb, processors))
    return found


def _virtuals(place: Place, people: int, tally: Tally, known: dict[str, Person]) -> list[Virtual]:
    numbers = [str(FIRST_NUMBER + number)[1:] for number in range(people)]
    webs = place.webs
    return [
        Virtual(place, webs[index % len(webs)], number, tally, known.get(number))
        for index, number in enumerate(numbers)
    ]


async def _sign_in(virtuals: Sequence[Virtual]) -> None:
    gate = asyncio.Semaphore(SIGNING_IN_AT_ONCE)

    async def one(virtual: Virtual) -> None:
        async with gate:
            await virtual.tally.timed("sign in", virtual.sign_in())

    await asyncio.gather(*(one(virtual) for virtual in virtuals if virtual.person is None))


async def _open(virtuals: Sequence[Virtual]) -> None:
    gate = asyncio.Semaphore(SIGNING_IN_AT_ONCE)

    async def one(virtual: Virtual) -> None:
        async with gate:
            await virtual.tally.timed("open the dashboard", virtual.open())

    await asyncio.gather(*(one(virtual) for virtual in virtuals))


@dataclass
class Minute:
    """Of a soak."""

    number: int
    megabytes: float
    per_second: float
    p95_ms: float
    errors: int


async def soak(place: Place, people: int, minutes: float) -> list[Minute]:
    """One crowd, minute after minute, with lost connections."""
    virtuals = _virtuals(place, people, Tally(), {})
    await _sign_in(virtuals)
    inside = [one for one in virtuals if one.person]
    await _open(inside)
    found = []
    for number in range(1, max(1, round(minutes)) + 1):
        tally = Tally()
        for one in inside:
            one.tally = tally
        began = time.perf_counter()
        ends = began + min(60.0, minutes * 60)
        await asyncio.gather(*(one.live(ends, reconnects=RECONNECTS) for one in inside))
        all_of_them = [value for values in tally.latencies_ms.values() for value in values]
        per_second = tally.answered / (time.perf_counter() - began)
        errors = sum(tally.errors.values())
        found.append(Minute(number, Weight.of(place).megabytes, per_second, percentile(all_of_them, 95), errors))
    await asyncio.gather(*(one.close() for one in inside))
    return found


# --- the site ---------------------------------------------------------------------------------------------------------

PEOPLE = """
import sys
from datetime import timedelta
from cabinet import clock, db
from cabinet.config import settings
from cabinet.domain import catalogue
from cabinet.services import billing, subscribers

first, number = int(sys.argv[1]), int(sys.argv[2])
now = clock.now()
since = now - timedelta(days=150)
region = catalogue.load(settings().catalogue_path).default_region
for begin in range(0, number, 100):
    with db.transaction() as session:
        for one in range(begin, min(begin + 100, number)):
            subscriber_id = subscribers.create(
                session, account_number=f"load-{one}", msisdn=str(first + one), name="Нина", region=region,
                plan_code="maksimum", activated_at=since, now=since,
            )
            billing.record_payment(
                session, subscriber_id, 10_000_00, reference=f"load:{one}", happened_at=since, now=since, source="demo"
            )
"""


def people_of(environment: dict[str, str], folder: Path, number: int) -> None:
    """So many subscribers of half a year, with usage, beside the demo operator."""
    _do(["-c", PEOPLE, str(FIRST_NUMBER), str(number)], environment)
    chance, now = random.Random(2026), datetime.now(UTC)
    path = folder / "usage.csv"
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(("record_id", "msisdn", "kind", "direction", "started_at", "quantity", "zone", "peer"))
        for one in range(number):
            for record in range(RECORDS):
                kind, most = chance.choice([("voice", 900), ("sms", 1), ("data", 2**27)])
                moment = now - timedelta(seconds=chance.randrange(149 * 86_400))
                what = kind, "out", moment.isoformat(), chance.randint(1, most), "home", ""
                out.writerow((f"load-{one}-{record}", FIRST_NUMBER + one, *what))
    _do(["-m", "cabinet", "import-usage", str(path)], environment)
    _do(["-m", "cabinet", "worker", "--once"], environment)


def _do(arguments: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{arguments[:3]}: {(done.stdout + done.stderr)[-2000:]}")


@contextmanager
def serving(setup: Setup, people: int) -> Iterator[Place]:
    """The site of a set-up with its subscribers."""
    limits = ("CODES_PER_ADDRESS_HOUR", "CODES_PER_SITE_MINUTE", "CODES_PER_HOUR", "CODES_PER_DAY")
    more = {f"CABINET_{name}": "1000000" for name in limits} | {"CABINET_TRUSTED_PROXY_HOPS": "0"}
    with tempfile.TemporaryDirectory(prefix="cabinet-load-") as name, ExitStack() as stack:
        folder = Path(name)
        if setup.is_postgres:
            postgres, redis = stack.enter_context(PostgresServer()), stack.enter_context(RedisServer())
            place = Place(folder, postgres.create("load"), redis.url, more)
        else:
            place = Place(folder, f"sqlite:///{folder / 'cabinet.db'}", "", more)
        stack.callback(place.close)
        for _ in range(setup.webs):
            place.add()
        prepare(place.environment)
        people_of(place.environment, folder, people)
        for web in place.webs:
            web.start()
        yield place


# --- tables -----------------------------------------------------------------------------------------------------------


def main(
    *,
    is_quick: bool,
    crowds: Sequence[int] = (),
    setups: Sequence[str] = tuple(SETUPS),
    seconds: float = 0.0,
    soak_minutes: float | None = None,
) -> list[Table]:
    """Measures each set-up, then one process on SQLite for a long time; the audit afterwards must find nothing."""
    crowds = crowds or (QUICK_CROWDS if is_quick else CROWDS)
    seconds = seconds or (QUICK_SECONDS if is_quick else SECONDS)
    tables = []
    for setup in (SETUPS[name] for name in (setups[:1] if is_quick else setups)):
        with serving(setup, max(crowds)) as place:
            tables += _tables(setup, asyncio.run(load(place, crowds, seconds)))
            _audit(place)
    if soak_minutes is None:
        soak_minutes = 0 if is_quick else SOAK_MINUTES
    if soak_minutes:
        setup = SETUPS[setups[0]]
        with serving(setup, SOAK_CROWD) as place:
            tables.append(_soak_table(setup, asyncio.run(soak(place, SOAK_CROWD, soak_minutes))))
            _audit(place)
    return tables


def _audit(place: Place) -> None:
    faults = place.faults()
    if faults:
        raise RuntimeError(f"after the load the audit found: {faults[:3]}")


def _tables(setup: Setup, found: Sequence[Crowd]) -> list[Table]:
    steps = Table(
        f"Virtual subscribers: {setup.name}",
        ("at once", "step", "number", "p50, ms", "p95, ms", "p99, ms", "refused", "errors"),
    )
    whole = Table(
        f"The same as a whole: {setup.name}",
        ("at once", "events/s", "errors", "an open page, MB", "processors busy"),
    )
    for crowd in found:
        for step in COMING + LIVING:
            values, errors = crowd.tally.latencies_ms[step], crowd.tally.errors[step]
            if values or errors:
                shares = (figure(percentile(values, share)) for share in (50, 95, 99))
                refused = str(crowd.tally.refused[step])
                steps.add(str(crowd.people), step, str(len(values)), *shares, refused, str(errors))
        lived = sum(len(crowd.tally.latencies_ms[step]) for step in LIVING)
        whole.add(
            str(crowd.people),
            figure(lived / crowd.seconds),
            str(sum(crowd.tally.errors.values())),
            f"{crowd.session_mb:.2f}",
            f"{crowd.processors:.2f}",
        )
    steps.notes = [
        f"Each does something every {THINKING_SECONDS:g} s on average: half of it the dashboard read anew and the "
        f"expenses, {ORDERS:.0%} a paid service asked for, confirmed and undone, {TOP_UPS:.0%} a top-up from the form "
        "through the bank's page to the balance on the page of the result.",
        f"Signing in and opening the dashboard: {SIGNING_IN_AT_ONCE} at a time. “Refused” is a page that says why "
        "it did not; “errors” are answers that did not come.",
    ]
    whole.notes = [
        f"{found[0].seconds:g} s each. The load is made on the same machine; “processors busy” are those of the web "
        "processes alone, the worker in them included, PostgreSQL and Redis not.",
    ]
    return [steps, whole]


def _soak_table(setup: Setup, found: Sequence[Minute]) -> Table:
    table = Table(
        f"A soak of {len(found)} minutes, {SOAK_CROWD} subscribers: {setup.name}",
        ("minute", "memory, MB", "events/s", "p95, ms", "errors"),
    )
    step = max(1, len(found) // 10)
    for minute in [*found[:-1:step], found[-1]]:
        table.add(
            str(minute.number),
            figure(minute.megabytes),
            figure(minute.per_second),
            figure(minute.p95_ms),
            str(minute.errors),
        )
    settled = found[len(found) // 3 :]
    growth = (settled[-1].megabytes - settled[0].megabytes) / max(1, len(settled) - 1) * 60
    table.notes = [
        f"After the first third memory grew by {growth:.1f} MB an hour.",
        f"Every action has a chance of {RECONNECTS:.0%} to be preceded by a lost connection and an opened page.",
    ]
    return table


def percentile(values: Sequence[float], share: int) -> float:
    """0 of nothing."""
    if len(values) < 2:
        return values[0] if values else 0.0
    return quantiles(values, n=100, method="inclusive")[share - 1]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--crowds", default=",".join(map(str, CROWDS)), help="how many at once, one after another")
    parser.add_argument("--setups", default=",".join(SETUPS), help=f"some of: {', '.join(SETUPS)}")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each crowd")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="nothing but a soak of the first set-up")
    chosen = parser.parse_args()
    names = tuple(chosen.setups.split(","))
    if chosen.soak:
        with serving(SETUPS[names[0]], SOAK_CROWD) as site:
            made = [_soak_table(SETUPS[names[0]], asyncio.run(soak(site, SOAK_CROWD, chosen.soak)))]
            _audit(site)
    else:
        asked = tuple(map(int, chosen.crowds.split(",")))
        made = main(is_quick=False, crowds=asked, setups=names, seconds=chosen.seconds, soak_minutes=0)
    for each in made:
        each.print()
