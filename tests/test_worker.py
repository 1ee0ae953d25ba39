"""The worker itself: turns, failures, breaches, waking and stopping. What the jobs do is tested with their services."""

import asyncio
import threading
from datetime import UTC, datetime, time, timedelta

import pytest

from cabinet import clock, worker_jobs
from cabinet.worker import Worker, pause_after
from cabinet.worker_jobs import Job, LedgerBroken, ShouldStop
from tests.conftest import NOON

SECOND = timedelta(seconds=1)


class Steps:
    """A job that remembers its runs; `fails` times it raises first."""

    def __init__(self, fails: int = 0, error: Exception | None = None) -> None:
        self.runs: list[datetime] = []
        self.fails = fails
        self.error = error or ValueError("no luck")
        self.happened = threading.Event()

    def __call__(self, now: datetime, should_stop: ShouldStop) -> int:
        self.runs.append(now)
        self.happened.set()
        if len(self.runs) <= self.fails:
            raise self.error
        return 1


def test_a_pass_does_every_job_and_says_how_much():
    fees, messages = Steps(), Steps()

    report = Worker([[Job("fees", fees)], [Job("messages", messages)]]).run_once(NOON)

    assert report.done == {"fees": 1, "messages": 1}
    assert report.is_good
    assert fees.runs == [NOON]


def test_a_failing_job_does_not_stop_the_others():
    after = Steps()

    report = Worker([[Job("broken", Steps(fails=1)), Job("after", after)]]).run_once(NOON)

    assert report.failed == {"broken": "ValueError: no luck"}
    assert report.done == {"after": 1}
    assert not report.is_good


def test_a_broken_ledger_stops_the_jobs_that_move_money_and_only_them():
    audit = Steps(fails=1, error=LedgerBroken("subscriber:42:main: 1 kopeck too much"))
    fees, messages = Steps(), Steps()
    worker = Worker(
        [[Job("audit", audit, proves_ledger=True), Job("fees", fees, moves_money=True)], [Job("sms", messages)]]
    )

    report = worker.run_once(NOON)

    assert "subscriber:42:main" in report.broken
    assert fees.runs == []
    assert messages.runs == [NOON]


def test_money_moves_again_once_an_audit_finds_the_ledger_whole():
    audit, fees = Steps(fails=1, error=LedgerBroken("subscriber:42:main")), Steps()
    worker = Worker([[Job("audit", audit, proves_ledger=True), Job("fees", fees, moves_money=True)]])
    worker.run_once(NOON)

    report = worker.run_once(NOON + SECOND)

    assert report.is_good
    assert fees.runs == [NOON + SECOND]


def test_an_audit_that_could_not_run_frees_nothing():
    audit, fees = Steps(fails=1, error=LedgerBroken("subscriber:42:main")), Steps()
    worker = Worker([[Job("audit", audit, proves_ledger=True), Job("fees", fees, moves_money=True)]])
    worker.run_once(NOON)
    audit.fails, audit.error = 2, OSError("disk")

    report = worker.run_once(NOON + SECOND)

    assert report.broken
    assert fees.runs == []


@pytest.mark.parametrize(("failures", "seconds"), [(1, 1), (2, 2), (3, 4), (9, 256), (10, 300), (1000, 300)])
def test_pauses_after_failures_grow_up_to_five_minutes(failures: int, seconds: int):
    assert pause_after(failures) == timedelta(seconds=seconds)


def test_a_nightly_job_comes_at_its_hour_of_the_operators_night():
    job = Job("audit", Steps(), at=time(3, 30))

    assert job.next_run_at(NOON) == datetime(2026, 11, 24, 0, 30, tzinfo=UTC)  # 03:30 in Moscow
    assert job.next_run_at(datetime(2026, 11, 23, 0, 29, tzinfo=UTC)) == datetime(2026, 11, 23, 0, 30, tzinfo=UTC)
    assert job.next_run_at(datetime(2026, 11, 23, 0, 30, tzinfo=UTC)) == datetime(2026, 11, 24, 0, 30, tzinfo=UTC)


def test_jobs_that_charge_share_a_lane_and_the_audit_comes_first():
    charging = worker_jobs.LANES[0]

    assert charging[0].proves_ledger
    # Gateways are waited for: they have a lane of their own, and a broken ledger stops it as well.
    others = [job.name for lane in worker_jobs.LANES[1:] for job in lane if job.moves_money]
    assert others == ["payments"]


def test_a_broken_ledger_stops_money_in_every_lane():
    audit, payments = Steps(fails=1, error=LedgerBroken("subscriber:42:main")), Steps()
    worker = Worker([[Job("audit", audit, proves_ledger=True)], [Job("payments", payments, moves_money=True)]])

    worker.run_once(NOON)

    assert payments.runs == []


async def working(worker: Worker) -> tuple[asyncio.Event, asyncio.Task[None]]:
    stop = asyncio.Event()
    return stop, asyncio.create_task(worker.run_forever(stop))


async def happened(steps: Steps) -> bool:
    return await asyncio.to_thread(steps.happened.wait, 5)


async def test_it_works_until_told_to_stop_and_finishes_what_it_is_doing():
    began, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def slow(now: datetime, should_stop: ShouldStop) -> int:
        began.set()
        may_end.wait(5)
        ended.set()
        return 1

    stop, task = await working(Worker([[Job("slow", slow)]]))
    await asyncio.to_thread(began.wait, 5)

    stop.set()
    await asyncio.sleep(0)
    assert not task.done()
    may_end.set()
    await task

    assert ended.is_set()


async def test_a_long_job_is_told_to_stop_between_two_rows():
    began = threading.Event()

    def long(now: datetime, should_stop: ShouldStop) -> int:
        began.set()
        while not should_stop():
            pass
        return 0

    stop, task = await working(Worker([[Job("long", long)]]))
    await asyncio.to_thread(began.wait, 5)
    stop.set()

    await asyncio.wait_for(task, 5)


async def test_who_wakes_it_does_not_wait_for_the_timetable():
    messages = Steps()
    worker = Worker([[Job("messages", messages, every=timedelta(hours=1), can_be_woken=True)]])
    stop, task = await working(worker)
    assert await happened(messages)
    messages.happened.clear()

    worker.wake()

    assert await happened(messages)
    stop.set()
    await task
    assert len(messages.runs) == 2


async def test_a_leap_of_the_clock_makes_jobs_due_at_once(monkeypatch):
    monkeypatch.setattr("cabinet.worker.LONGEST_SLEEP", 60)
    fees = Steps()
    worker = Worker([[Job("fees", fees, every=timedelta(hours=1))]])
    stop, task = await working(worker)
    assert await happened(fees)
    fees.happened.clear()
    while not worker._bells[0]._waiters:  # until it sleeps
        await asyncio.sleep(0)

    clock.set_offset(timedelta(days=1))

    assert await happened(fees)
    stop.set()
    await task


async def test_a_job_that_failed_is_tried_again():
    fees = Steps(fails=1)
    stop, task = await working(Worker([[Job("fees", fees, every=timedelta(days=1))]]))
    assert await happened(fees)
    fees.happened.clear()

    assert await happened(fees)

    stop.set()
    await task
    assert fees.runs[1] - fees.runs[0] >= SECOND


def test_waking_a_worker_that_does_not_run_harms_nobody():
    Worker([]).wake()
