"""What several processes must do as one: sessions, limits, orders, fees; and what a subscriber sees when one dies."""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import cycle

import httpx
import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session

from cabinet import clock, db
from cabinet.config import ROOT
from cabinet.domain.payments import Initiator
from cabinet.models.demo import DemoClock
from cabinet.services import demo, outbox, top_ups
from cabinet.ui.demo.state import ClockState
from cabinet.ui.options.state import OptionsState
from cabinet.ui.overview.state import OverviewState
from cabinet.ui.quotes.state import QuoteState
from tests.cluster.town import VILLAGERS, Cluster, Process
from tests.doors.visitors import Closed, Tab, Visitor
from tests.waiting import wait_until

TURN = f"{OptionsState.get_full_name()}.turn"
CONFIRM = f"{QuoteState.get_full_name()}.confirm"
TO_NEXT_DAY = f"{ClockState.get_full_name()}.to_next_day"
READ_CLOCK = f"{ClockState.get_full_name()}.refresh"
REFRESH = f"{OverviewState.get_full_name()}.refresh"
PAUSED = "Сейчас войти нельзя: у нас неполадка, мы её чиним. Попробуйте через несколько минут."


@pytest.fixture(scope="module")
def engine(cluster: Cluster) -> Engine:
    return db.make_engine(cluster.database_url)


@pytest.fixture
async def nina(cluster: Cluster, villager: str):
    """A villager, signed in through the proxy."""
    async with Visitor(cluster) as visitor:
        visitor.number = villager
        yield await visitor.sign_in(villager)


def value_of(engine: Engine, query: str, **values: object) -> object:
    with engine.connect() as connection:
        return connection.execute(text(query), values).scalar()


def orders_of(engine: Engine, number: str) -> int:
    return value_of(
        engine,
        'SELECT count(*) FROM "order" o JOIN subscriber s ON s.id = o.subscriber_id WHERE s.msisdn = :msisdn',
        msisdn=f"7{number}",
    )


def tab_at(visitor: Visitor, process: Process, **options: object) -> Tab:
    """A page whose socket comes to this web process, past the proxy."""
    tab = visitor.tab(**options)
    tab._url = f"http://127.0.0.1:{process.port}"
    return tab


def go_straight_to(process: Process, visitor: Visitor) -> None:
    """Past the proxy from now on; a cookie does not know ports."""
    visitor.http.base_url = f"http://localhost:{process.port}"


async def tab_again(visitor: Visitor, token: str) -> Tab:
    """A page's socket through the proxy, tried as a browser tries: until it is let in."""
    for _ in range(40):
        try:
            return await visitor.tab(token=token).__aenter__()
        except Closed:
            await asyncio.sleep(0.25)
    raise AssertionError("no process takes sockets")


# --- as one ----------------------------------------------------------------------------------------------------------


def test_every_fee_is_charged_once_by_two_workers(cluster: Cluster, engine: Engine):
    wait_until(
        lambda: value_of(engine, "SELECT count(*) FROM plan_subscription WHERE next_fee_at <= now()") == 0,
        seconds=60,
        what="no fee is due",
    )

    fees = "SELECT count(*), count(DISTINCT subscription_id) FROM fee_charge"
    with engine.connect() as connection:
        assert tuple(connection.execute(text(fees)).one()) == (VILLAGERS, VILLAGERS)


async def test_sockets_and_requests_come_to_both_processes(cluster: Cluster, nina: Visitor):
    for _ in range(6):
        assert (await nina.get("/")).status_code == 200

    passed_on = (cluster.folder / "nginx-access.log").read_text()
    assert all(f'"GET /" 200 127.0.0.1:{web.port}' in passed_on for web in cluster.webs)


async def test_the_limit_of_codes_is_one_for_all_processes(cluster: Cluster, villager: str):
    answers = []
    for web in [*cluster.webs * 3]:  # a new browser each time, past the proxy: three to one process, three to the other
        async with Visitor(cluster) as stranger:
            go_straight_to(web, stranger)
            answers.append((await stranger.ask_for_code(villager)).headers["location"].removeprefix(cluster.url))

    assert Counter(answers) == {"/login/code/": 5, "/login/": 1}


async def test_a_session_ended_at_one_process_closes_its_sockets_at_the_other(cluster: Cluster, nina: Visitor):
    first, second = cluster.webs
    async with tab_at(nina, first) as tab:
        go_straight_to(second, nina)
        await nina.post("/auth/sign-out")
        began = asyncio.get_running_loop().time()

        await tab.until_closed()

        assert asyncio.get_running_loop().time() - began < 4  # not by the five seconds that an answer is remembered


async def test_one_quote_confirmed_at_two_processes_at_once_is_one_order(
    cluster: Cluster, engine: Engine, nina: Visitor
):
    async with tab_at(nina, cluster.webs[0]) as one, tab_at(nina, cluster.webs[1]) as other:
        await one.call(TURN, code="voicemail", is_on=True)
        quote_id = one.value(QuoteState, "sheet")["id"]

        await asyncio.gather(*(tab.call(CONFIRM, quote_id=quote_id) for tab in (one, other)))

        assert [tab.value(QuoteState, "refusal") for tab in (one, other)] == ["", ""]
    assert orders_of(engine, nina.number) == 1


async def test_a_moved_clock_is_every_processs_clock_even_when_nobody_tells(
    cluster: Cluster, engine: Engine, villager: str
):
    ahead = timedelta(seconds=300)
    with Session(engine) as session, session.begin():
        session.merge(DemoClock(offset_seconds=int(ahead.total_seconds())))
        outbox.queue_sms(
            session, reference="later", kind="code", recipient=f"7{villager}", body="позже", now=clock.now() + ahead / 2
        )

    wait_until(lambda: all(now_of(web) - clock.now() > ahead / 2 for web in cluster.webs), what="both clocks moved")
    wait_until(
        lambda: value_of(engine, "SELECT count(*) FROM demo_sms WHERE reference = 'later'"),
        what="a worker's clock moved",
    )


def now_of(web: Process) -> datetime:
    state = httpx.get(f"http://127.0.0.1:{web.port}/demo/state.json").json()
    return datetime.fromisoformat(state["now"])


async def test_a_page_goes_on_while_the_clock_is_being_moved(cluster: Cluster, engine: Engine, nina: Visitor):
    async with nina.tab() as tab:
        with db.alone(engine, demo._LIVING):  # another process lives, and it takes longer than a State may be held
            await tab.call(TO_NEXT_DAY)
            await tab.until(lambda: tab.value(ClockState, "is_busy"), what="the clock is being moved")
            await tab.call(READ_CLOCK)

            assert tab.value(ClockState, "is_busy")
            assert tab.value(ClockState, "now")
        await tab.until(lambda: not tab.value(ClockState, "is_busy"), what="the clock's end")

        assert tab.value(ClockState, "refusal")  # a village is no demo world: its clock stays
        assert tab.faults() == []


async def test_a_worker_of_its_own_finds_the_bank_of_the_site(cluster: Cluster, engine: Engine, villager: str):
    of_villager = "SELECT id FROM subscriber WHERE msisdn = :msisdn"
    subscriber_id = value_of(engine, of_villager, msisdn=f"7{villager}")
    with Session(engine) as session, session.begin():
        top_ups.start(
            session,
            subscriber_id,
            340_00,
            occasion="by a rule",
            initiator=Initiator.AUTOPAY,  # which the worker takes to the bank
            now=clock.now(),
        )

    wait_until(
        lambda: value_of(engine, "SELECT gateway_id FROM top_up WHERE occasion = 'by a rule'"), what="the bank knows it"
    )


# --- one of them dies ------------------------------------------------------------------------------------------------


async def test_a_page_whose_process_is_killed_goes_on_at_the_other(cluster: Cluster, engine: Engine, nina: Visitor):
    dying = cluster.webs[0]
    async with tab_at(nina, dying) as tab:
        await tab.call(TURN, code="music", is_on=True)
        quote_id = tab.value(QuoteState, "sheet")["id"]
        await tab.send(CONFIRM, quote_id=quote_id)
        dying.kill()
        await tab.until_closed()

        again = await tab_again(nina, tab.token)
        try:
            await again.call(CONFIRM, quote_id=quote_id)  # nobody knows whether the first one was done
            assert again.value(QuoteState, "refusal") in ("", None)
            assert again.faults() == []
        finally:
            await again.__aexit__()

    assert orders_of(engine, nina.number) == 1
    dying.start()
    cluster.wait_until_ready()


async def test_a_process_that_is_told_to_stop_refuses_no_request(cluster: Cluster, nina: Visitor):
    going = cluster.webs[1]
    asked, failed = 0, []

    async def ask(paths=cycle(["/", "/login/", "/help/"])) -> None:
        nonlocal asked
        while going.is_running:
            answer = await nina.get(next(paths))
            asked += 1
            if answer.status_code >= 500:
                failed.append(answer)

    asking = [asyncio.create_task(ask()) for _ in range(4)]
    code = await asyncio.to_thread(going.stop)
    await asyncio.gather(*asking)

    going.start()
    cluster.wait_until_ready()
    assert code == 0
    assert (asked > 10, failed) == (True, [])


# --- Redis and PostgreSQL go and come --------------------------------------------------------------------------------


async def test_without_redis_reading_goes_on_and_signing_in_waits(
    cluster: Cluster, villagers: Iterator[str], nina: Visitor
):
    pyotr = next(villagers)
    away = [web.log.read_text().count("Redis is away: pages") for web in cluster.webs]
    async with nina.tab() as tab:
        before = tab.value(OverviewState, "balance")
        cluster.redis.stop()
        try:
            await tab.call(REFRESH)
            assert tab.faults() == []
            assert tab.value(OverviewState, "balance") == before
            assert OverviewState.get_full_name() in (await nina.get("/")).text  # the first figures
            async with nina.tab() as opened_meanwhile:
                await opened_meanwhile.call(REFRESH)
                assert opened_meanwhile.value(OverviewState, "balance") == before
                assert opened_meanwhile.faults() == []
            async with Visitor(cluster) as stranger:
                await stranger.ask_for_code(pyotr)
                assert PAUSED in (await stranger.get("/login/")).text
                assert await stranger.codes_of(pyotr) == []
            for web in cluster.webs:
                answer = web.readiness()
                assert (answer.status_code, answer.json()["redis"]) == (503, "does not answer")
                assert answer.json()["database"] == "ok"
        finally:
            cluster.redis.start()

        wait_until(lambda: all(web.is_ready for web in cluster.webs), what="Redis is back for both")
        await tab.call(REFRESH)
        assert tab.faults() == []
    async with Visitor(cluster) as stranger:
        await stranger.sign_in(pyotr)
    for web, times in zip(cluster.webs, away, strict=True):
        assert web.log.read_text().count("Redis is away: pages") == times + 1
        assert "Traceback" not in web.log.read_text()


async def test_after_a_restart_of_postgresql_all_goes_on_by_itself(cluster: Cluster, nina: Visitor):
    async with nina.tab() as tab:
        cluster.postgres.restart()

        wait_until(lambda: all(web.is_ready for web in cluster.webs), what="both have the database again")
        await tab.call(REFRESH)

        assert tab.faults() == []
        assert (await nina.get("/")).status_code == 200
    assert all(process.is_running for process in (*cluster.webs, *cluster.workers))


async def test_money_is_right_after_all_that(cluster: Cluster):
    done = subprocess.run(
        [sys.executable, "-m", "cabinet", "audit"],
        cwd=ROOT,
        env=cluster.webs[0].environment,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout + done.stderr
