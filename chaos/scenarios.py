"""What is done to a running cabinet, what is expected of it, and what was seen. Real processes, real sockets.

A scenario returns what it saw, and raises `Breach` when something was lost, done twice, or did not come back. The audit
follows after each.
"""

import asyncio
import math
import resource
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
from sqlmodel import Session

from benchmarks.cluster import Place, Process, do, prepare
from benchmarks.people import Browser, CannotSignIn, ask_for_code, by_code, codes_of, enter_code
from benchmarks.tabs import Failed, Ordering, Refused, Switch, Tab, Unanswered, free_services, handler_of, handlers
from cabinet import clock, serve
from cabinet.models.demo import DemoClock
from cabinet.services import billing, figures
from cabinet.services.sign_in import SignInPaused
from chaos import versions
from chaos.people import Subscriber, dying
from tests.servers import PostgresServer, RedisServer

ANNA, BORIS, VERA = "9160000001", "9160000002", "9160000003"
PAID = "hidden_number"
CARD = "2200000000004821"
BACK_SECONDS = 60

BEFORE_POSTING = "cabinet.services.orders:_take_money:before"
AFTER_POSTING = "cabinet.services.orders:_take_money:after"
AFTER_COMMIT = "cabinet.ui.quotes.state:_tell:before"
AFTER_GATEWAY = "cabinet.adapters.payments.sandbox:SandboxBank.create:after"
AFTER_CREDIT = "cabinet.services.top_ups:_credit_many:after"
BEFORE_MARKING = "cabinet.services.outbox:_mark:before"
IN_A_BATCH = "cabinet.services.billing:charge_fees_until:after"
POINTS = (BEFORE_POSTING, AFTER_POSTING, AFTER_COMMIT, AFTER_GATEWAY, AFTER_CREDIT, BEFORE_MARKING, IN_A_BATCH)
TOP_UP_ROUBLES = 340


class Breach(Exception):
    """What must never be; the text says it."""


@dataclass
class Town:
    """The place with what stands around it."""

    place: Place
    postgres: PostgresServer | None = None
    redis: RedisServer | None = None


@dataclass(frozen=True)
class Scenario:
    """`run` gets a town of its own, with two processes on PostgreSQL and Redis where it is a cluster; the demo operator
    lives there, unless it is empty."""

    name: str
    expected: str
    run: Callable[[Town], Awaitable[str]]
    is_cluster: bool = False
    is_empty: bool = False


async def until(condition: Callable[[], Any], what: str, seconds: float = BACK_SECONDS) -> Any:
    """The first true value.

    Raises:
        Breach: it did not come.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = await asyncio.to_thread(condition)
        if value:
            return value
        await asyncio.sleep(0.1)
    raise Breach(f"{what}: not in {seconds:g} s")


def check(holds: bool, otherwise: str) -> None:
    """Raises `Breach` otherwise."""
    if not holds:
        raise Breach(otherwise)


# --- kill -9 of the web process -------------------------------------------------------------------------------------


async def _asked(anna: Subscriber) -> Ordering:
    """The sheet of a paid service is open."""
    from cabinet.ui.options.state import OptionsState

    ordering = Ordering(await anna.open("/services/"), "/services/")
    await ordering.ask(handler_of(OptionsState, "turn", "/services/").given(code=PAID, is_on=True))
    return ordering


def killed_while_confirming(point: str, *, is_done: bool) -> Callable[[Town], Awaitable[str]]:
    """The process dies at the point; the subscriber comes back and presses the same button again."""

    async def run(town: Town) -> str:
        place = town.place
        anna = Subscriber(place, ANNA)
        place.web.start(*dying(point))
        await anna.sign_in()
        ordering = await _asked(anna)
        before = anna.orders()
        saw = await _saw(ordering.confirm())
        place.web.wait_dead()
        stood = anna.orders() - before
        check(stood == is_done, f"after the kill {stood} orders stood")
        place.web.start()
        again = Ordering(await anna.open("/services/"), "/services/", ordering.quote_id)
        await again.confirm()
        check(anna.orders() == before + 1, f"{anna.orders() - before} orders in the end")
        return f"{saw}; after the restart still signed in, pressed again: done, one order"

    return run


async def _saw(work: Awaitable[None]) -> str:
    try:
        await work
    except (Refused, Failed) as told:
        return f"«{told}»"
    except (Unanswered, aiohttp.ClientError) as error:
        return f"no answer ({str(error) or type(error).__name__})"
    return "done"


# --- payments ---------------------------------------------------------------------------------------------------------


async def _begin_payment(anna: Subscriber) -> str:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as client:
        browser = Browser(client, anna.place.url)
        browser.cookies = dict(anna.person.cookies)
        form = {"amount": str(TOP_UP_ROUBLES), "method": "card", "occasion": "chaos-0001"}
        answer = await browser.post("/topup/pay", **form)
        return f"answered {answer.status}"


def _top_up(anna: Subscriber, what: str) -> int:
    return anna.place.ask(
        f"SELECT count(*) FROM top_up WHERE subscriber_id = :id AND amount_kopecks = {TOP_UP_ROUBLES}00 AND {what}",
        id=anna.id,
    )


async def _pay(anna: Subscriber) -> None:
    with closing(sqlite3.connect(_bank_books(anna.place))) as books:
        row = books.execute("SELECT id FROM payment").fetchall()
    check(len(row) == 1, f"{len(row)} payments at the bank")
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as client:
        with suppress(aiohttp.ClientError):  # the bank is in the process that may die
            await Browser(client, anna.place.url).post(f"/bank/card/{row[0][0]}", card=CARD)


def _bank_books(place: Place) -> str:
    return str(next(place.folder.glob("sandbox-bank*.db")))


async def _credited_once(anna: Subscriber) -> None:
    await until(lambda: _top_up(anna, "state = 'succeeded'"), "the top-up is credited")
    check(_top_up(anna, "1 = 1") == 1, f"{_top_up(anna, '1 = 1')} top-ups")


async def killed_after_the_gateways_answer(town: Town) -> str:
    """The bank has the payment, the cabinet died before it wrote that down."""
    place, anna = town.place, Subscriber(town.place, ANNA)
    place.web.start(*dying(AFTER_GATEWAY))
    await anna.sign_in()
    with suppress(aiohttp.ClientError):
        await _begin_payment(anna)
    place.web.wait_dead()
    place.web.start()
    await _begin_payment(anna)  # the same page, pressed again
    await until(lambda: _top_up(anna, "state = 'pending'"), "the payment is found at the bank")
    await _pay(anna)
    await _credited_once(anna)
    return "no answer; pressed again after the restart: the same payment, paid, credited once"


async def killed_while_hearing_the_gateway(town: Town) -> str:
    """The bank tells of a payment, the cabinet dies after posting it and before the commit."""
    place, anna = town.place, Subscriber(town.place, ANNA)
    place.web.start(*dying(AFTER_CREDIT))
    await anna.sign_in()
    await _begin_payment(anna)
    await _pay(anna)
    place.web.wait_dead()
    check(not _top_up(anna, "state = 'succeeded'"), "credited without a commit")
    place.web.start()
    await _credited_once(anna)
    return "paid at the bank, then no connection; after the restart the balance has it, once"


# --- the worker -------------------------------------------------------------------------------------------------------


async def killed_between_sending_and_marking(town: Town) -> str:
    """The code has left, and nobody wrote that down."""
    place, anna = town.place, Subscriber(town.place, ANNA)
    place.web.start()  # what the demo operator has to say leaves first
    await until(lambda: not _messages_due(place), "everything that was due has left")
    place.web.stop()
    place.web.start(*dying(BEFORE_MARKING))
    with suppress(Exception):
        await anna.sign_in()  # it may see the code before the process dies
    place.web.wait_dead()
    place.web.start()
    await until(lambda: not _codes_waiting(place), "the message is taken for sent", 90)
    check(_codes_came(place) == 1, f"{_codes_came(place)} messages with the code")
    await anna.sign_in()
    return "the code came once, though it was handed over twice; signing in again works"


async def killed_worker_of_two(town: Town) -> str:
    """Workers of their own: one dies in a batch of fees and one after sending; of two that share the rest one dies."""
    place, anna = town.place, Subscriber(town.place, ANNA)
    place.more["CABINET_WORKER_INSIDE"] = "false"
    await _work_until_quiet(place)  # without them the web process is not ready: messages wait too long
    place.web.start()

    sending = place.add_worker(*dying(BEFORE_MARKING, "worker"))
    with suppress(CannotSignIn):
        await anna.sign_in()  # the code may be on the telephone before the process dies
    await asyncio.to_thread(sending.wait_dead)
    await _work_until_quiet(place)
    check(_codes_came(place) == 1, f"{_codes_came(place)} messages with the code")
    place.web.stop()

    _move_clock(place, 40 * 86_400)
    charging, before = place.add_worker(*dying(IN_A_BATCH, "worker")), _fees(place)
    await asyncio.to_thread(charging.wait_dead)
    check(_fees(place) == before, "fees without a commit")
    first, second = place.add_worker(), place.add_worker()
    await until(lambda: _fees(place) > before, "fees are charged")
    first.kill()
    await until(lambda: not _fees_due(place), "no fee is due", 180)
    check(not second.is_dead, "the other worker ended")
    check(_charged_twice(place) == 0, f"{_charged_twice(place)} periods were charged twice")
    place.web.start()
    await anna.sign_in()
    return f"the code came once; {_fees(place) - before} fees of 40 days, each once; signing in again works"


async def _work_until_quiet(place: Place) -> None:
    """Two workers send what is due, and are told to stop."""
    workers = place.add_worker(), place.add_worker()
    await until(lambda: not _messages_due(place) and not _codes_waiting(place), "everything has left", 120)
    for worker in workers:
        await asyncio.to_thread(worker.stop)


def _codes_came(place: Place, number: str = ANNA) -> int:
    query = "SELECT count(*) FROM demo_sms WHERE recipient = :to AND text LIKE '%@localhost%'"
    return place.ask(query, to=f"7{number}")


def _codes_waiting(place: Place) -> int:
    return place.ask("SELECT count(*) FROM outbox_message WHERE state = 'waiting' AND kind = 'code'")


def _messages_due(place: Place) -> int:
    with Session(place.engine.execution_options(reads_only=True)) as session:
        return sum(each.number for each in figures.read(session, now=clock.now()).outbox.values())


# --- what is below ----------------------------------------------------------------------------------------------------


async def disk_full(town: Town) -> str:
    """No file may grow, then they may again."""
    place, anna = town.place, Subscriber(town.place, ANNA)
    place.web.start()
    await anna.sign_in()
    ordering = await _asked(anna)
    before = anna.orders()
    assert place.web.running is not None
    resource.prlimit(place.web.running.pid, resource.RLIMIT_FSIZE, (1024, resource.RLIM_INFINITY))
    saw = await _saw(ordering.confirm())
    check(anna.orders() == before, "something was written")
    reading = await _saw(_read(anna))
    resource.prlimit(place.web.running.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await _comes_back(ordering)
    check(anna.orders() == before + 1, f"{anna.orders() - before} orders in the end")
    return f"confirming: {saw}; reading: {reading}; when there was room, pressed again: done, one order"


async def _read(anna: Subscriber) -> None:
    await (await anna.open("/")).close()


async def _comes_back(ordering: Ordering) -> None:
    deadline = time.monotonic() + BACK_SECONDS
    while True:
        try:
            return await ordering.confirm()
        except Unanswered as error:
            if time.monotonic() > deadline:
                raise Breach(f"it did not come back: {error}") from None
            await asyncio.sleep(0.5)


async def database_locked(town: Town) -> str:
    """Another program holds SQLite's only writer for longer than anybody waits."""
    place, anna = town.place, Subscriber(town.place, ANNA)
    place.web.start()
    await anna.sign_in()
    ordering = await _asked(anna)
    before = anna.orders()
    with closing(sqlite3.connect(place.folder / "cabinet.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        saw = await _saw(ordering.confirm())
        reading = await _saw(_read(anna))
        other.execute("ROLLBACK")
    await _comes_back(ordering)
    check(anna.orders() == before + 1, f"{anna.orders() - before} orders in the end")
    return f"confirming: {saw}; reading: {reading}; afterwards pressed again: done, one order"


async def clock_jumps(town: Town) -> str:
    """Two fee days ahead, then three days back with a restart, and ahead again."""
    place, anna = town.place, Subscriber(town.place, ANNA)
    place.web.start()
    await anna.sign_in()
    for _ in range(2):
        await _leap(anna)
    await _fees_done(place)
    fees = _fees(place)
    place.web.stop()
    _move_clock(place, -3 * 86_400)
    place.web.start()
    await asyncio.sleep(5)  # the worker's turns
    check(_fees(place) == fees, f"{_fees(place) - fees} fees more after the clock went back")
    place.web.stop()
    _move_clock(place, 3 * 86_400)
    place.web.start()
    await _fees_done(place)
    check(_charged_twice(place) == 0, f"{_charged_twice(place)} periods were charged twice")
    signed_in = await _saw(_read(anna))
    return f"{fees} fees, none more after the clock went back; the session after two months: {signed_in}"


async def _leap(anna: Subscriber) -> None:
    async with aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(total=300)
    ) as client:
        browser = Browser(client, anna.place.url)
        browser.cookies = dict(anna.person.cookies)
        answer = await browser.post("/demo/clock", to="fee")
        check(answer.status == 303, f"the clock did not move: {answer.status}")


def _fees(place: Place) -> int:
    return place.ask("SELECT count(*) FROM fee_charge")


def _fees_due(place: Place) -> int:
    """By the operator's clock."""
    ahead = place.ask("SELECT coalesce(max(offset_seconds), 0) FROM demo_clock")
    with Session(place.engine.execution_options(reads_only=True)) as session:
        return len(billing.list_due_moments(session, clock.now() + timedelta(seconds=ahead), 1))


def _charged_twice(place: Place) -> int:
    periods = "SELECT 1 FROM fee_charge GROUP BY subscription_id, period_start_at HAVING count(*) > 1"
    return place.ask(f"SELECT count(*) FROM ({periods}) twice")


async def _fees_done(place: Place) -> None:
    """Until two looks some seconds apart see the same number."""
    deadline, seen = time.monotonic() + BACK_SECONDS, -1
    while seen != _fees(place):
        check(time.monotonic() < deadline, "fees do not come to an end")
        seen = _fees(place)
        await asyncio.sleep(3)


def _move_clock(place: Place, seconds: int) -> None:
    with Session(place.engine) as session, session.begin():
        row = session.get(DemoClock, 1) or DemoClock()
        row.offset_seconds += seconds
        session.add(row)


# --- PostgreSQL, Redis, two web processes -----------------------------------------------------------------------------


@dataclass
class Presses:
    """A subscriber who turns a switch again and again, and comes back when the connection is lost."""

    subscriber: Subscriber
    web: Process
    done: int = 0
    unknown: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    longest: float = 0.0
    is_told_to_stop: bool = False

    async def press(self, seconds: float = math.inf) -> None:
        """For so long, or until it is told to stop."""
        ends, last = time.monotonic() + seconds, time.monotonic()
        switch = await self._open()
        while time.monotonic() < ends and not self.is_told_to_stop:
            try:
                await asyncio.wait_for(switch.press(), 10)
                self.done += 1
                self.longest = max(self.longest, time.monotonic() - last)
                last = time.monotonic()
            except Refused as refusal:
                self.refusals[str(refusal)] += 1
            except Failed as failure:
                self.failures[str(failure)] += 1
                switch = await self._open()
            except (Unanswered, TimeoutError):
                self.unknown += 1
                switch = await self._open()
            await asyncio.sleep(0.1)
        self.longest = max(self.longest, time.monotonic() - last)

    @property
    def made(self) -> int:
        """All of them, however they ended."""
        return self.done + self.unknown + self.refusals.total() + self.failures.total()

    def told(self) -> str:
        """What became of them, in the words of the page."""
        said = "".join(f", {times} «{text}»" for text, times in (self.refusals + self.failures).items())
        return f"{self.done} presses done, {self.unknown} without an answer{said}"

    async def _open(self) -> Switch:
        """The page, in whichever process answers."""
        deadline = time.monotonic() + BACK_SECONDS
        while time.monotonic() < deadline:
            for web in (self.web, *self.subscriber.place.webs):
                with suppress(Unanswered, TimeoutError, OSError):
                    tab: Tab = await asyncio.wait_for(self.subscriber.open("/services/", web), 10)
                    if tab.value(_options(), "switched_on") is not None:
                        self.web = web
                        return Switch(tab, free_services()[0])
            await asyncio.sleep(0.3)
        raise Breach("the page does not open any more")


async def _goes_on(presses: Presses) -> None:
    """It is over when a press is answered again, however busy the machine is."""
    deadline = time.monotonic() + BACK_SECONDS
    while True:
        with suppress(Unanswered):
            return await (await presses._open()).press()
        check(time.monotonic() < deadline, "no press is answered any more")


def _options() -> str:
    from cabinet.ui.options.state import OptionsState

    return OptionsState.get_full_name()


def pressed_through(fault: Callable[[Town], Awaitable[None]], *, to: int = 0) -> Callable[[Town], Awaitable[str]]:
    """A switch is turned before, while and after the fault; each order that was told as done is there, none twice."""

    async def run(town: Town) -> str:
        place = town.place
        for web in place.webs:
            web.start()
        anna = Subscriber(place, ANNA)
        await anna.sign_in()
        every = 'SELECT count(*) FROM "order" WHERE subscriber_id = :id'
        before = place.ask(every, id=anna.id)
        presses = Presses(anna, place.webs[to])
        pressing = asyncio.create_task(presses.press(20))
        await asyncio.sleep(5)
        await fault(town)
        await pressing
        place.engine.dispose()
        stood = place.ask(every, id=anna.id) - before
        check(stood >= presses.done, f"{presses.done} were told as done, {stood} stand")
        check(stood <= presses.made, f"{stood} orders of {presses.made} presses")
        await _goes_on(presses)
        return f"{presses.told()}; at most {presses.longest:.1f} s without; {stood} orders stand"

    return run


async def kill_connections(town: Town) -> None:
    """Every connection of the program, three times."""
    assert town.postgres is not None
    address = town.place.database_url.replace("+psycopg", "")
    for _ in range(3):
        async with await psycopg.AsyncConnection.connect(address, autocommit=True) as connection:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        await asyncio.sleep(1)


async def restart_postgres(town: Town) -> None:
    """As after a crash."""
    assert town.postgres is not None
    await asyncio.to_thread(town.postgres.restart)


async def flush_redis(town: Town) -> None:
    """All that is in it."""
    assert town.redis is not None
    town.redis.client.flushall()


async def stop_redis(town: Town) -> None:
    """For five seconds; it comes back empty."""
    assert town.redis is not None
    await asyncio.to_thread(town.redis.stop)
    await asyncio.sleep(5)
    await asyncio.to_thread(town.redis.start)


async def kill_web(town: Town) -> None:
    """The one that the subscriber is connected to."""
    town.place.webs[1].kill()


async def signing_in_without_redis(town: Town) -> str:
    """Redis goes between a code's SMS and its entering; somebody else asks for a code meanwhile."""
    assert town.redis is not None
    place, anna = town.place, Subscriber(town.place, ANNA)
    for web in place.webs:
        web.start()
    await anna.sign_in()
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as client:
        boris, vera = Browser(client, place.webs[1].url, place.url), Browser(client, place.url)
        await ask_for_code(boris, BORIS)
        await until(lambda: _codes_came(place, BORIS), "the code comes")
        code = (await codes_of(boris, BORIS))[-1]
        await asyncio.to_thread(town.redis.stop)
        reading = await _saw(_read(anna))
        check(reading == "done", f"reading without Redis: {reading}")
        with suppress(CannotSignIn):
            await enter_code(boris, BORIS, code)
        check(await _says_paused(boris, "/login/code/"), "entering a code: the page does not say why it may not be")
        came = place.ask("SELECT count(*) FROM outbox_message WHERE kind = 'code'")
        await ask_for_code(vera, VERA)
        check(await _says_paused(vera, "/login/"), "asking for a code: the page does not say why it may not be")
        check(place.ask("SELECT count(*) FROM outbox_message WHERE kind = 'code'") == came, "a code was sent")
        await asyncio.to_thread(town.redis.start)
        await until(lambda: all(web.answers for web in place.webs), "both have Redis again")
        await enter_code(boris, BORIS, code)
        await by_code(vera, VERA)
    check(await _saw(_read(anna)) == "done", "reading after Redis came back")
    return f"both: «{SignInPaused.message}»; reading goes on; then the same code opens, a new one comes"


async def _says_paused(browser: Browser, page: str) -> bool:
    return SignInPaused.message in await (await browser.get(page)).text()


# --- an upgrade -------------------------------------------------------------------------------------------------------


async def migrated_beneath_the_old_version(town: Town) -> str:
    """As docs/deploy.md says: the schema first, under the old version at work, then the processes one after another."""
    place, anna = town.place, Subscriber(town.place, ANNA)
    old, new = place.webs
    with ExitStack() as stack:
        old.home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cabinet-old-")))
        stack.callback(old.stop)
        commit = versions.unpack_previous(old.home)
        place.more["REFLEX_WEB_WORKDIR"] = str(serve.WEB_DIR)
        await asyncio.to_thread(do, "build", place.environment)
        await asyncio.to_thread(prepare, place.environment, old.home)
        await asyncio.to_thread(old.start, *versions.SERVE_AS_BUILT)
        await anna.sign_in()
        routes = await _pages_of(anna)
        every = 'SELECT count(*) FROM "order" WHERE subscriber_id = :id'
        before = place.ask(every, id=anna.id)
        presses = Presses(anna, old)
        pressing = asyncio.create_task(presses.press())
        await until(lambda: presses.done > 3, "presses are done before it")
        began = time.monotonic()
        await asyncio.to_thread(do, "migrate", place.environment)
        took = time.monotonic() - began
        done_before = presses.done
        await until(lambda: presses.done > done_before + 10 or pressing.done(), "presses are done after it")
        presses.is_told_to_stop = True
        await pressing
        check(presses.made == presses.done, presses.told())
        stood = place.ask(every, id=anna.id) - before
        check(stood == presses.done, f"{presses.done} were told as done, {stood} stand")

        # All else that the old version does, on the new schema.
        for route in routes:
            await _opens(anna, route)
        await (await _asked(anna)).confirm()
        boris = Subscriber(place, BORIS)
        await boris.sign_in()
        fees = _fees(place)
        await _leap(anna)
        await _fees_done(place)
        check(_fees(place) > fees, "the old version's worker charges no fees")

        # The new version beside it, then instead of it.
        await asyncio.to_thread(new.start, "-m", "cabinet", "web")
        check(not new.is_dead, "the new version does not start")
        for web in (new, old):
            await _press_at(anna, web)
        await asyncio.to_thread(old.stop)
        await _press_at(anna, new)
        try:
            await asyncio.to_thread(do, "web", place.environment | {"CABINET_PORT": str(old.port)}, old.home)
        except RuntimeError as error:
            check("newer version of the program" in str(error), f"starting the old version again: {error}")
        return (
            f"{commit} on the new schema: {presses.done} presses done before, while ({took:.1f} s) and after, at most "
            f"{presses.longest:.1f} s without; {len(routes)} pages, an order, signing in, {_fees(place) - fees} fees; "
            "the new version beside it and after it: the same session; the old one does not start again"
        )


async def _pages_of(anna: Subscriber) -> list[str]:
    """Those that this version has."""
    routes = []
    for handler in handlers():
        with suppress(Unanswered):
            await (await anna.open(handler.route)).close()
            routes.append(handler.route)
    check(len(routes) > 0, "the old version shows no page")
    return routes


async def _opens(anna: Subscriber, route: str) -> None:
    """However busy the machine is."""
    deadline = time.monotonic() + BACK_SECONDS
    while True:
        try:
            return await (await anna.open(route)).close()
        except Unanswered as error:
            is_over = isinstance(error, Failed) or time.monotonic() > deadline
            check(not is_over, f"{route} does not open any more: {error}")


async def _press_at(anna: Subscriber, web: Process) -> None:
    await Switch(await anna.open("/services/", web), free_services()[0]).press()


SCENARIOS = (
    Scenario(
        "web killed before posting",
        "nothing is done; pressed again it is done once",
        killed_while_confirming(BEFORE_POSTING, is_done=False),
    ),
    Scenario(
        "web killed after posting, before the commit",
        "nothing is done; pressed again it is done once",
        killed_while_confirming(AFTER_POSTING, is_done=False),
    ),
    Scenario(
        "web killed after the commit, before the answer",
        "it is done; pressed again it is the same order",
        killed_while_confirming(AFTER_COMMIT, is_done=True),
    ),
    Scenario(
        "web killed after the gateway's answer",
        "one payment at the bank, one top-up, credited once",
        killed_after_the_gateways_answer,
    ),
    Scenario(
        "web killed while it acts on a webhook",
        "not credited at once; credited once after the restart",
        killed_while_hearing_the_gateway,
    ),
    Scenario(
        "worker killed after sending, before marking",
        "the message arrives once",
        killed_between_sending_and_marking,
    ),
    Scenario("disk full under SQLite", "nothing is done and the page says so; done once afterwards", disk_full),
    Scenario(
        "SQLite locked by another program",
        "nothing is done and the page says so; done once afterwards",
        database_locked,
    ),
    Scenario("the clock jumps two months ahead, three days back", "each period is charged once", clock_jumps),
    Scenario(
        "workers of their own killed on PostgreSQL, two at work",
        "the message arrives once, each fee is charged once, the other goes on",
        killed_worker_of_two,
        is_cluster=True,
    ),
    Scenario(
        "PostgreSQL: connections killed",
        "what was told as done is there, nothing twice, all goes on",
        pressed_through(kill_connections),
        is_cluster=True,
    ),
    Scenario(
        "PostgreSQL: restarted as after a crash",
        "what was told as done is there, nothing twice, all goes on",
        pressed_through(restart_postgres),
        is_cluster=True,
    ),
    Scenario(
        "Redis: flushed",
        "pages read themselves anew; nothing is lost",
        pressed_through(flush_redis),
        is_cluster=True,
    ),
    Scenario(
        "Redis: stopped for five seconds",
        "what was told as done is there, nothing twice, all goes on",
        pressed_through(stop_redis),
        is_cluster=True,
    ),
    Scenario(
        "Redis: stopped while somebody signs in",
        "refused with a clear message, reading goes on; afterwards it works by itself",
        signing_in_without_redis,
        is_cluster=True,
    ),
    Scenario(
        "one of two web processes killed",
        "its subscriber goes on in the other, still signed in",
        pressed_through(kill_web, to=1),
        is_cluster=True,
    ),
    Scenario(
        "migration beneath the version before it",
        "nobody is refused and no answer is lost; then the new version takes over",
        migrated_beneath_the_old_version,
        is_cluster=True,
        is_empty=True,
    ),
)
