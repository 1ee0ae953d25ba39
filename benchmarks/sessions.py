"""What the server can carry: handlers, open sessions, a switch that is turned, many people at once.

Memory and handlers are measured while one site is served; toggles and crowds while all three are, by turns.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial

import aiohttp

from benchmarks.people import Person, numbers, sign_in_all, token_header
from benchmarks.report import Budget, Table, figure, middle, p95
from benchmarks.sites import CABINET, KINDS, STARLETTE, Kind, Site, Town, all_of
from benchmarks.tabs import (
    PATIENCE_SECONDS,
    Handler,
    Ordering,
    Switch,
    Tab,
    Unanswered,
    free_services,
    handler_of,
    handlers,
    page,
)
from benchmarks.yardsticks import small_cabinet

OPEN_SESSIONS = 100
FIRST_SESSIONS = 20
SETTLE_SECONDS = 3.0
PAID, OTHER_PLAN = "hidden_number", "legkiy"  # what Анна has not
PACE_SECONDS = 0.08  # one person's handlers: slower than the door's 20 events a second, or its pause would be measured


# --- many people at once ----------------------------------------------------------------------------------------------


@dataclass
class Load:
    """What came of it: milliseconds of every answer, and how many answers were none."""

    seconds: float
    latencies_ms: list[float] = field(default_factory=list)
    errors: int = 0

    @property
    def per_second(self) -> float:
        return len(self.latencies_ms) / self.seconds

    def add(self, other: "Load") -> None:
        """Takes another round in."""
        self.seconds += other.seconds
        self.latencies_ms += other.latencies_ms
        self.errors += other.errors


Action = Callable[[], Awaitable[None]]


async def press(actions: Sequence[Action], seconds: float) -> Load:
    """Everybody does it again as soon as the answer is there; the first second is not counted."""
    load = Load(seconds)
    begins = time.perf_counter() + 1
    ends = begins + seconds

    async def one(action: Action) -> None:
        while (started := time.perf_counter()) < ends:
            try:
                await action()
            except (Unanswered, aiohttp.ClientError, TimeoutError):
                load.errors += 1
            else:
                done = time.perf_counter()
                if begins <= done <= ends:
                    load.latencies_ms.append((done - started) * 1000)

    await asyncio.gather(*(one(action) for action in actions))
    return load


async def ask(client: aiohttp.ClientSession, method: str, url: str, headers: dict[str, str]) -> None:
    """A request that has to succeed."""
    async with client.request(method, url, headers=headers, allow_redirects=False) as answer:
        await answer.read()
        if answer.status != 200:
            raise aiohttp.ClientResponseError(answer.request_info, (), status=answer.status)


@dataclass
class Carried:
    """All that was measured of one site. `paces`: one person's milliseconds by page or step of an order."""

    rest_kb: float | None = None
    session_kb: float | None = None
    paces: dict[str, list[float]] = field(default_factory=dict)
    toggle: list[float] = field(default_factory=list)
    refreshing: dict[int, Load] = field(default_factory=dict)
    toggling: dict[int, Load] = field(default_factory=dict)
    people: list[Person] = field(default_factory=list)


@dataclass(frozen=True)
class Scale:
    """How much of it: `seconds` of each crowd in `rounds` parts, `calls` of each handler and toggle."""

    crowds: tuple[int, ...]
    seconds: float
    rounds: int
    calls: int


async def carry(place: Town, kind: Kind, scale: Scale) -> Carried:
    """Starts the site, lets its people in, starts it anew for a clean memory, and tries its pages."""
    found = Carried()
    with place.start(kind) as site:
        found.people = await sign_in_all(site, numbers(kind, place.folder, max(scale.crowds)))
    with place.start(kind) as site:
        async with AsyncExitStack() as stack:
            await _weigh(site, found, _openers(site, found.people, stack))
        if kind is CABINET:
            await asyncio.to_thread(site.wait_until_idle)
            for handler in handlers():
                found.paces[handler.route] = await _pace(site, found.people[0], handler, scale.calls)
            found.paces |= await _orders(site, found.people[0], scale.calls)
    return found


async def compare(place: Town, found: dict[str, Carried], scale: Scale) -> None:
    """All sites served at once and pressed by turns, so that what disturbs the machine disturbs each of them."""
    with all_of(place) as sites:
        for site in sites:
            await asyncio.to_thread(site.wait_until_idle)
        async with AsyncExitStack() as stack:
            pressers = [await _pressers(site, found[site.kind.key].people, max(scale.crowds), stack) for site in sites]
            for _ in range(scale.rounds):
                for site, (_, toggles) in zip(sites, pressers, strict=True):
                    found[site.kind.key].toggle += await _repeat(toggles[0], scale.calls // scale.rounds, events=2)
            for crowd in scale.crowds:
                for _ in range(scale.rounds):
                    for site, (refreshes, toggles) in zip(sites, pressers, strict=True):
                        one, seconds = found[site.kind.key], scale.seconds / scale.rounds
                        one.refreshing.setdefault(crowd, Load(0)).add(await press(refreshes[:crowd], seconds))
                        one.toggling.setdefault(crowd, Load(0)).add(await press(toggles[:crowd], seconds))


def _openers(site: Site, people: Sequence[Person], stack: AsyncExitStack) -> list[Action]:
    """Opening one more signed-in dashboard each, and keeping it open."""

    async def cabinet(person: Person) -> None:
        tab = await Tab(site.url, person).open(page("/"))
        stack.push_async_callback(tab.close)

    async def small(person: Person) -> None:
        client = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))
        await ask(client, "GET", f"{site.url}/", {"Cookie": person.cookie})

    opener = cabinet if site.kind is CABINET else small
    everybody = (people[index % len(people)] for index in range(FIRST_SESSIONS + OPEN_SESSIONS))
    return [partial(opener, person) for person in everybody]


async def _weigh(site: Site, found: Carried, openers: Sequence[Action]) -> None:
    """At rest; then the first few, who make the server load what it needs; then the hundred that count."""
    await asyncio.to_thread(site.wait_until_idle)
    found.rest_kb = site.memory_kb()
    await asyncio.gather(*(opener() for opener in openers[:FIRST_SESSIONS]))
    await asyncio.sleep(SETTLE_SECONDS)
    before = site.memory_kb()
    for opener in openers[FIRST_SESSIONS:]:
        await opener()
    await asyncio.sleep(SETTLE_SECONDS)
    after = site.memory_kb()
    if before is not None and after is not None:
        found.session_kb = (after - before) / (len(openers) - FIRST_SESSIONS)


async def _pressers(
    site: Site, people: Sequence[Person], number: int, stack: AsyncExitStack
) -> tuple[list[Action], list[Action]]:
    """So many refreshes of the dashboard, and as many toggles, each of somebody's own."""
    refreshes, toggles = list[Action](), list[Action]()
    if site.kind is CABINET:
        refresh, codes = _refresh(), free_services()
        for index in range(number):
            person, code = people[index % len(people)], codes[index // len(people) % len(codes)]
            dashboard, services = Tab(site.url, person), Tab(site.url, person)
            for tab, route in ((dashboard, "/"), (services, "/services/")):
                await tab.open(page(route))
                stack.push_async_callback(tab.close)
            refreshes.append(partial(dashboard.call, refresh))
            toggles.append(Switch(services, code).press)
        return refreshes, toggles
    connector = aiohttp.TCPConnector(limit=0)
    client = await stack.enter_async_context(
        aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=PATIENCE_SECONDS),
        )
    )
    for index in range(number):
        person = people[index % len(people)]
        headers = {"Cookie": person.cookie, "Origin": site.url} | token_header(site.kind, person)
        service = f"{site.url}/toggle/{index % len(small_cabinet.SERVICES)}"
        refreshes.append(partial(ask, client, "GET", f"{site.url}/", headers))
        toggles.append(partial(ask, client, "POST", service, headers))
    return refreshes, toggles


def _refresh() -> Handler:
    from cabinet.ui.overview.state import OverviewState

    return handler_of(OverviewState, "refresh", "/")


async def _pace(site: Site, person: Person, handler: Handler, calls: int) -> list[float]:
    """One person, one page, without haste."""
    tab = await Tab(site.url, person).open(handler)
    latencies = await _repeat(partial(tab.call, handler), calls)
    await tab.close()
    return latencies


async def _repeat(action: Action, times: int, events: int = 1) -> list[float]:
    """Milliseconds of each but the first tenth; slower than the door lets one person's `events` pass."""
    latencies = []
    for _ in range(times):
        latencies.append(await _timed(action()))
        await asyncio.sleep(PACE_SECONDS * events)
    return latencies[times // 10 :]


async def _timed(action: Awaitable[None]) -> float:
    started = time.perf_counter()
    await action
    return (time.perf_counter() - started) * 1000


async def _orders(site: Site, person: Person, calls: int) -> dict[str, list[float]]:
    """A service and a tariff asked for, confirmed and undone, again and again."""
    from cabinet.ui.options.state import OptionsState
    from cabinet.ui.tariffs.state import TariffsState

    found: dict[str, list[float]] = {}
    for name, route, handler in (
        ("a service", "/services/", handler_of(OptionsState, "turn", "/services/").given(code=PAID, is_on=True)),
        (
            "a tariff",
            "/tariffs/",
            handler_of(TariffsState, "quote_switch", "/tariffs/").given(plan_code=OTHER_PLAN, settings={}),
        ),
    ):
        tab = await Tab(site.url, person).open(page(route))
        ordering = Ordering(tab, route)
        for _ in range(calls // 4):
            for step, action in (
                ("quote", partial(ordering.ask, handler)),
                ("confirm", ordering.confirm),
                ("undo", ordering.undo),
            ):
                found.setdefault(f"{step}: {name}", []).append(await _timed(action()))
                await asyncio.sleep(PACE_SECONDS)
        await tab.close()
    return found


# --- tables -----------------------------------------------------------------------------------------------------------


def main(place: Town, *, is_quick: bool) -> list[Table]:
    """Measures and judges."""
    scale = Scale((20, 50), 3, 1, 40) if is_quick else Scale((50, 200), 12, 3, 300)
    found = {kind.key: asyncio.run(carry(place, kind, scale)) for kind in KINDS}
    asyncio.run(compare(place, found, scale))
    return [_pages(found[CABINET.key]), _memory(found), _toggle(found, scale), _crowds(found, scale)]


def _pages(ours: Carried) -> Table:
    table = Table(
        "Handlers: one subscriber, over the socket, SQLite", ("page or step", "p50, ms", "p95, ms", "budget", "")
    )
    for name, latencies in ours.paces.items():
        budget = Budget("p95 ≤ 30", 30)
        table.add(name, figure(middle(latencies)), figure(p95(latencies)), budget.text, budget.verdict(p95(latencies)))
    table.notes = [
        "A page: its on_load handler, called again and again on an open socket. From sending the event to having the "
        "new figures, socket and JSON included; 80 ms between two calls.",
        "A step: what an order goes through, in a circle: the sheet of it, the confirmation, the undo.",
    ]
    return table


def _memory(found: dict[str, Carried]) -> Table:
    table = Table("Memory (PSS of the server's processes)", ("", *(kind.name for kind in KINDS), "budget", ""))
    rest = {key: one.rest_kb and one.rest_kb / 1024 for key, one in found.items()}
    session = {key: one.session_kb for key, one in found.items()}
    for name, values, budget in (
        ("server at rest, MB", rest, Budget("≤ 160", 160)),
        ("an open session, KB", session, Budget("≤ 100", 100)),
    ):
        cells = (figure(values[kind.key]) for kind in KINDS)
        table.add(name, *cells, budget.text, budget.verdict(values[CABINET.key]))
    table.notes = [
        "At rest: what it does after the start is over, nobody is there. The yardsticks' figure includes granian's "
        "supervisor, a process that Кабинет does without; Кабинет's includes its worker.",
        f"An open session: the growth by {OPEN_SESSIONS} more signed-in people with the dashboard loaded, divided by "
        f"them; {FIRST_SESSIONS} were there before. At Кабинет each holds a socket and its State, at the others a kept "
        "connection.",
    ]
    return table


def _toggle(found: dict[str, Carried], scale: Scale) -> Table:
    table = Table("A toggle: written and shown, one person", ("", *(kind.name for kind in KINDS), "budget", ""))
    for name, of in (("p50, ms", middle), ("p95, ms", p95)):
        values = {key: of(one.toggle) for key, one in found.items()}
        limit = values[STARLETTE.key]
        budget = Budget("≤ 1.1 × Starlette", limit and 1.1 * limit)
        cells = (figure(values[kind.key]) for kind in KINDS)
        table.add(name, *cells, budget.shown(), budget.verdict(values[CABINET.key]))
    table.notes = [
        "From sending to having the answer that shows it, without a browser's own work. A toggle writes durably at all "
        "three (WAL, synchronous=FULL). The yardsticks change one row; at Кабинет a free service of /services is "
        "switched: a stored quote and an order with undo, then all services read anew, as the page's switch does it.",
        f"All three are served at once and take turns of {scale.calls // scale.rounds} toggles.",
    ]
    return table


def _crowds(found: dict[str, Carried], scale: Scale) -> Table:
    table = Table(
        f"Many people at once without pause, one process, {scale.seconds:g} s each",
        ("", *(kind.name for kind in KINDS), "budget", ""),
    )
    for crowd in scale.crowds:
        refreshing = {key: one.refreshing[crowd] for key, one in found.items()}
        toggling = {key: one.toggling[crowd] for key, one in found.items()}
        limit = toggling[STARLETTE.key]
        share = 1 if crowd <= 50 else 0.95
        rate = Budget("≥ Starlette" if share == 1 else f"≥ {share} × Starlette", share * limit.per_second, True)
        slowest = Budget("≤ 1.2 × Starlette", 1.2 * (p95(limit.latencies_ms) or 0))
        _add_load(table, f"{crowd} refresh the dashboard", refreshing)
        _add_load(table, f"{crowd} toggle services", toggling, rate, slowest, Budget("none", 0))
    ours = found[CABINET.key]
    table.notes = [
        "Refreshing is no toggle. At Кабинет it reads balance, allowances, month, history and sends what the page "
        "shows as an event's delta; at the yardsticks it is GET / of their small dashboard, as whole HTML.",
        "A toggle is that of the table above; at Кабинет it is two events, and is counted once.",
        f"At Кабинет {len(ours.people)} subscribers have sessions of their own; more people than that are second tabs. "
        f"All three sites are served at once and take {scale.rounds} turns; the load is made on the same machine and "
        "takes its share of the processor.",
    ]
    return table


def _add_load(
    table: Table,
    name: str,
    loads: dict[str, Load],
    rate: Budget | None = None,
    slowest: Budget | None = None,
    none: Budget | None = None,
) -> None:
    def row(what: str, value_of: Callable[[Load], float | None], budget: Budget | None) -> None:
        values = {key: value_of(load) for key, load in loads.items()}
        verdict = budget.verdict(values[CABINET.key]) if budget else ""
        table.add(
            f"{name}{what}", *(figure(values[kind.key]) for kind in KINDS), budget.shown() if budget else "", verdict
        )

    row(", events/s", lambda load: load.per_second, rate)
    row(", p95 ms", lambda load: p95(load.latencies_ms), slowest)
    row(", errors", lambda load: load.errors, none)
