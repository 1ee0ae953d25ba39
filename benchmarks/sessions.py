"""What the server can carry: handlers, open sessions, many people at once. One site is served at a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self
from uuid import uuid4

import aiohttp
import socketio

from benchmarks.people import Person, numbers, sign_in_all, token_header
from benchmarks.report import Budget, Table, figure, middle, p95
from benchmarks.sites import CABINET, KINDS, STARLETTE, CannotMeasure, Kind, Site, Town
from benchmarks.yardsticks import small_cabinet

NAMESPACE = "/_event"
PATIENCE_SECONDS = 15.0
OPEN_SESSIONS = 100
FIRST_SESSIONS = 20
SETTLE_SECONDS = 3.0
NOT_YET = "not yet"
PACE_SECONDS = 0.08  # one person's handlers: slower than the door's 20 events a second, or its pause would be measured


class Unanswered(CannotMeasure):
    """The server did not answer an event, or closed the connection."""


@dataclass(frozen=True)
class Handler:
    """An on_load handler of a page, by the names that go over the socket."""

    event: str
    state: str
    route: str


class Tab:
    """An open page of the cabinet: speaks Socket.IO as Reflex's own script does."""

    def __init__(self, url: str, person: Person) -> None:
        self._url = url
        self._person = person
        self._socket = socketio.AsyncClient(reconnection=False, logger=False)
        self._socket.on("event", self._answered, namespace=NAMESPACE)
        self._waits_for: tuple[str, asyncio.Future[None]] | None = None

    async def open(self, page: Handler) -> Self:
        """Connects; the page's first event rides in the CONNECT packet, and its data is here when this returns."""
        boot = _event("reflex___state____state.hydrate_and_load", page.route)
        answer = self._expect(page.state, needs="is_ready_rx_state_")
        await self._socket.connect(
            f"{self._url}?token={uuid4()}",
            headers={"Cookie": self._person.cookie, "Origin": self._url},
            auth={"event": boot},
            transports=["websocket"],
            namespaces=[NAMESPACE],
            socketio_path="_event",
        )
        await asyncio.wait_for(answer, PATIENCE_SECONDS)
        return self

    async def call(self, handler: Handler) -> None:
        """Sends an event and waits for what it changed.

        Raises:
            Unanswered: nothing came in 15 seconds.
        """
        answer = self._expect(handler.state)
        try:
            await self._socket.emit("event", _event(handler.event, handler.route), namespace=NAMESPACE)
            await asyncio.wait_for(answer, PATIENCE_SECONDS)
        except (TimeoutError, socketio.exceptions.SocketIOError) as error:
            raise Unanswered(handler.event) from error

    async def close(self) -> None:
        await self._socket.disconnect()

    def _expect(self, state: str, needs: str = "") -> asyncio.Future[None]:
        self._needs = needs
        self._waits_for = state, asyncio.get_running_loop().create_future()
        return self._waits_for[1]

    def _answered(self, update: dict[str, Any]) -> None:
        if self._waits_for is None:
            return
        state, future = self._waits_for
        change = update.get("delta", {}).get(state)
        if change is not None and (not self._needs or change.get(self._needs)) and not future.done():
            future.set_result(None)


def _event(name: str, route: str) -> dict[str, Any]:
    return {"name": name, "payload": {}, "router_data": {"pathname": route, "asPath": route}}


def handlers() -> list[Handler]:
    """Every page's on_load handler, as the program itself registers them: a new page is measured by itself."""
    from reflex_base.utils.format import format_event_handler

    import cabinet.cabinet  # noqa: F401  registers the pages
    from cabinet.ui import shell

    found = []
    for page in shell.PAGES:
        if page.access != "subscriber" or page.on_load is None or "[" in page.route:
            continue
        for one in page.on_load if isinstance(page.on_load, list) else [page.on_load]:
            name = format_event_handler(one)
            route = f"/{page.route.strip('/')}/".replace("//", "/")
            found.append(Handler(name, name.rpartition(".")[0], route))
    return found


def dashboard() -> Handler:
    """The one of the dashboard."""
    return next(handler for handler in handlers() if handler.route == "/")


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
    """All that was measured of one site."""

    rest_kb: float | None = None
    session_kb: float | None = None
    pages: dict[str, list[float]] = field(default_factory=dict)
    refreshing: dict[int, Load] = field(default_factory=dict)
    toggling: dict[int, Load] = field(default_factory=dict)
    people: int = 0


@dataclass(frozen=True)
class Scale:
    """How much of it."""

    crowds: tuple[int, ...]
    seconds: float
    calls: int


async def carry(place: Town, kind: Kind, scale: Scale) -> Carried:
    """Starts the site, lets its people in, starts it anew for a clean memory, and presses."""
    found = Carried()
    with place.start(kind) as site:
        people = await sign_in_all(site, numbers(kind, place.folder, max(scale.crowds)))
    found.people = len(people)
    with place.start(kind) as site:
        async with AsyncExitStack() as stack:
            openers = _openers(site, people, stack)
            await _weigh(site, found, openers)
    with place.start(kind) as site:
        async with AsyncExitStack() as stack:
            await _press_all(site, people, scale, found, stack)
    return found


def _openers(site: Site, people: Sequence[Person], stack: AsyncExitStack) -> list[Action]:
    """Opening one more signed-in dashboard each, and keeping it open."""

    async def cabinet(person: Person) -> None:
        tab = await Tab(site.url, person).open(dashboard())
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


async def _press_all(site: Site, people: Sequence[Person], scale: Scale, found: Carried, stack: AsyncExitStack) -> None:
    await asyncio.to_thread(site.wait_until_idle)
    if site.kind is CABINET:
        for handler in handlers():
            found.pages[handler.route] = await _pace(site, people[0], handler, scale.calls)
        load = dashboard()
        refresh = Handler(load.event.replace(".load", ".refresh"), load.state, load.route)
        tabs = []
        for index in range(max(scale.crowds)):
            tab = await Tab(site.url, people[index % len(people)]).open(load)
            stack.push_async_callback(tab.close)
            tabs.append(tab)
        for crowd in scale.crowds:
            found.refreshing[crowd] = await press([partial(tab.call, refresh) for tab in tabs[:crowd]], scale.seconds)
        return
    connector = aiohttp.TCPConnector(limit=0)
    client = await stack.enter_async_context(
        aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=PATIENCE_SECONDS),
        )
    )
    for crowd in scale.crowds:
        gets, posts = [], []
        for index in range(crowd):
            person = people[index % len(people)]
            headers = {"Cookie": person.cookie, "Origin": site.url} | token_header(site.kind, person)
            service = f"{site.url}/toggle/{index % len(small_cabinet.SERVICES)}"
            gets.append(partial(ask, client, "GET", f"{site.url}/", headers))
            posts.append(partial(ask, client, "POST", service, headers))
        found.refreshing[crowd] = await press(gets, scale.seconds)
        found.toggling[crowd] = await press(posts, scale.seconds)


async def _pace(site: Site, person: Person, handler: Handler, calls: int) -> list[float]:
    """One person, one page, without haste."""
    tab = await Tab(site.url, person).open(handler)
    latencies = []
    for _ in range(calls):
        started = time.perf_counter()
        await tab.call(handler)
        latencies.append((time.perf_counter() - started) * 1000)
        await asyncio.sleep(PACE_SECONDS)
    await tab.close()
    return latencies[calls // 10 :]


# --- tables -----------------------------------------------------------------------------------------------------------


def main(place: Town, *, is_quick: bool) -> list[Table]:
    """Measures and judges."""
    scale = Scale((20, 50), 3, 40) if is_quick else Scale((50, 200), 10, 300)
    found = {kind.key: asyncio.run(carry(place, kind, scale)) for kind in KINDS}
    return [_pages(found[CABINET.key]), _memory(found), _crowds(found, scale)]


def _pages(ours: Carried) -> Table:
    table = Table(
        "Handlers of pages: one subscriber, over the socket, SQLite", ("page", "p50, ms", "p95, ms", "budget", "")
    )
    for route, latencies in ours.pages.items():
        budget = Budget("p95 ≤ 30", 30)
        table.add(route, figure(middle(latencies)), figure(p95(latencies)), budget.text, budget.verdict(p95(latencies)))
    table.notes = [
        "The on_load handler of each page, called again and again on an open socket: from sending the event to "
        "having the new figures, socket and JSON included; 80 ms between two calls."
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


def _crowds(found: dict[str, Carried], scale: Scale) -> Table:
    table = Table(
        f"Many people at once without pause, one process, {scale.seconds:g} s each",
        ("", *(kind.name for kind in KINDS), "budget", ""),
    )
    for crowd in scale.crowds:
        refreshing = {key: one.refreshing.get(crowd) for key, one in found.items()}
        toggling = {key: one.toggling.get(crowd) for key, one in found.items()}
        limit = toggling[STARLETTE.key]
        share = 1 if crowd <= 50 else 0.95
        rate = Budget(
            "≥ Starlette" if share == 1 else f"≥ {share} × Starlette", limit and share * limit.per_second, True
        )
        slowest = Budget("≤ 1.2 × Starlette", limit and 1.2 * (p95(limit.latencies_ms) or 0))
        for name, loads, budgets in (
            (f"{crowd} refresh the dashboard", refreshing, ()),
            (f"{crowd} toggle services", toggling, (rate, slowest)),
        ):
            _add_load(table, name, loads, budgets)
    ours = found[CABINET.key]
    table.notes = [
        "Refreshing is no toggle. At Кабинет it reads balance, allowances, month, history and sends what the page "
        "shows as an event's delta; at the yardsticks it is GET / of their small dashboard, as whole HTML.",
        "A toggle writes one row durably (WAL, synchronous=FULL) and shows it. Кабинет has no toggle yet, so its row "
        "is not measured, and the budgets, which are about toggles, are not judged.",
        f"At Кабинет {ours.people} subscribers have sessions of their own; more people than that are second tabs. "
        "The load is made on the same machine and takes its share of the processor.",
    ]
    return table


def _add_load(table: Table, name: str, loads: dict[str, Load | None], budgets: Sequence[Budget]) -> None:
    def row(what: str, value_of: Callable[[Load], str], budget: Budget | None = None) -> None:
        cells = [value_of(load) if (load := loads[kind.key]) else NOT_YET for kind in KINDS]
        table.add(f"{name}{what}", *cells, budget.shown() if budget else "", "not judged" if budget else "")

    row(", events/s", lambda load: figure(load.per_second), budgets[0] if budgets else None)
    row(", p95 ms", lambda load: figure(p95(load.latencies_ms)), budgets[1] if budgets else None)
    row(", errors", lambda load: str(load.errors))
