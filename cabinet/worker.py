"""The worker: does what is due, again and again, until told to stop. What there is to do stands in `worker_jobs.py`.

Jobs that must not meet are in one lane, and a lane does one thing at a time; lanes do not wait for each other, so that
a long run of fees does not hold up an SMS. Any number of workers may run: what is due is a row, and whoever comes
second finds it done.

A job that fails is tried again after a growing pause, and nothing else suffers. When the audit finds the ledger broken,
jobs that move money stop until an audit finds it whole.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from cabinet import clock, db, metrics, tracing
from cabinet.worker_jobs import LANES, Job, LedgerBroken

FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=5)
AWAY_PAUSE = timedelta(seconds=5)  # until the database is asked again: when it is back, all waits for it
LONGEST_SLEEP = 1.0  # seconds of the machine's time: the operator's clock may leap at any moment

log = structlog.get_logger("cabinet.worker")


@dataclass(slots=True)
class Report:
    """What one pass did: rows done by job, what failed and why, and whose account is broken (empty: none)."""

    done: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    broken: str = ""

    @property
    def is_good(self) -> bool:
        """Whether everything that was due is done."""
        return not self.failed and not self.broken


@dataclass(slots=True)
class _Turn:
    """When a job is due next, and how often in a row it failed."""

    job: Job
    due_at: datetime
    failures: int = 0


class Worker:
    """One worker with a timetable of its own; `LANES` unless told otherwise."""

    def __init__(self, lanes: Sequence[Sequence[Job]] | None = None) -> None:
        self._lanes = LANES if lanes is None else lanes
        self._broken = ""
        self._is_stopping = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._bells: list[asyncio.Event] = []

    def run_once(self, now: datetime) -> Report:
        """Does all jobs once, whatever their timetable says, and never raises."""
        report = Report()
        for job in (job for lane in self._lanes for job in lane):
            self._run(_Turn(job, now), now, report)
        report.broken = self._broken
        return report

    async def run_forever(self, stop: asyncio.Event) -> None:
        """Works until `stop` is set; then what is being done is finished and the rest is left to the next start."""
        self._is_stopping, self._loop = False, asyncio.get_running_loop()
        self._bells = [asyncio.Event() for _ in self._lanes]
        log.info("worker started", jobs=[job.name for lane in self._lanes for job in lane])
        lanes = [
            asyncio.create_task(self._keep(lane, bell)) for lane, bell in zip(self._lanes, self._bells, strict=True)
        ]
        try:
            with clock.telling(self.wake):
                await stop.wait()
        finally:
            self._is_stopping = True
            self.wake()
            await asyncio.gather(*lanes)
            self._loop = None
            log.info("worker stopped")

    def wake(self) -> None:
        """Makes the worker look at once whether something waits: for who has just put an SMS into the outbox.

        May be called from any thread, and when no worker runs in this process."""
        loop = self._loop
        if loop is not None:
            for bell in self._bells:
                loop.call_soon_threadsafe(bell.set)

    async def _keep(self, lane: Sequence[Job], bell: asyncio.Event) -> None:
        turns = [_Turn(job, clock.now()) for job in lane]
        while not self._is_stopping:
            was_rung = bell.is_set()
            bell.clear()
            for turn in turns:
                now = clock.now()
                if self._is_stopping:
                    return
                if turn.due_at <= now or (was_rung and turn.job.can_be_woken and not turn.failures):
                    await asyncio.to_thread(self._run, turn, now, Report())
            nearest = min(turn.due_at for turn in turns) - clock.now()
            try:
                async with asyncio.timeout(min(max(nearest.total_seconds(), 0.01), LONGEST_SLEEP)):
                    await bell.wait()
            except TimeoutError:
                continue

    def _run(self, turn: _Turn, now: datetime, report: Report) -> None:
        """One run of one job, which sets its next turn. Nothing that a job raises leaves this function."""
        job = turn.job
        turn.due_at = job.next_run_at(now)
        if job.moves_money and self._broken:
            metrics.JOB_RUNS.labels(job.name, "held").inc()
            log.error("money job not run: the ledger is broken", job=job.name, broken=self._broken)
            report.failed[job.name] = "the ledger is broken"
            return
        try:
            with tracing.span(f"job {job.name}"), metrics.JOB_SECONDS.labels(job.name).time():
                done = job.run(now, lambda: self._is_stopping)
        except LedgerBroken as breach:
            metrics.JOB_RUNS.labels(job.name, "broken").inc()
            self._broken = str(breach)
            log.critical("ledger broken: money jobs stopped", broken=self._broken)
        except Exception as error:  # whatever it is, the other jobs go on
            metrics.JOB_RUNS.labels(job.name, "failed").inc()
            turn.failures += 1
            turn.due_at = now + (AWAY_PAUSE if db.is_away(error) else pause_after(turn.failures))
            report.failed[job.name] = f"{type(error).__name__}: {error}".partition("\n")[0]
            log.exception("job failed", job=job.name, failures=turn.failures, again_at=turn.due_at.isoformat())
            return
        else:
            metrics.JOB_RUNS.labels(job.name, "done").inc()
            metrics.JOB_ROWS.labels(job.name).inc(done)
            metrics.JOB_SUCCESS.labels(job.name).set(clock.machine_seconds())
            report.done[job.name] = done
            if job.proves_ledger:
                self._broken = ""
            if done or turn.failures:
                log.info("job done", job=job.name, rows=done, after_failures=turn.failures)
        turn.failures = 0


def pause_after(failures: int) -> timedelta:
    """How long to leave a job alone that failed so many times in a row: 1, 2, 4 … seconds, at most five minutes."""
    return min(FIRST_PAUSE * 2 ** min(failures - 1, 30), LONGEST_PAUSE)


_worker = Worker()


def run_once(now: datetime) -> Report:
    """One pass over all jobs, by the worker of this process; see `Worker.run_once`."""
    return Worker().run_once(now)


async def run_forever(stop: asyncio.Event) -> None:
    """The worker of this process; see `Worker.run_forever`."""
    await _worker.run_forever(stop)


def wake() -> None:
    """See `Worker.wake`."""
    _worker.wake()


@asynccontextmanager
async def running() -> AsyncIterator[None]:
    """A worker beside the web server for as long as the block lasts."""
    stop = asyncio.Event()
    task = asyncio.create_task(run_forever(stop))
    try:
        yield
    finally:
        stop.set()
        await task
