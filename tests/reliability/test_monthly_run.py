"""The monthly run of a whole base through kills, beside a second worker, and behind one that froze: each fee once."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from sqlalchemy import Engine, text

from benchmarks.fees import NOW, WITH_SERVICE, make_base
from cabinet import db, worker_jobs
from cabinet.config import ROOT
from cabinet.services import audit
from tests.conftest import both_engines

# Charges until nothing is due; `plans` those only, `once` without trying again. `kill` or `freeze` come at the
# so-manyth statement, wherever in a transaction that is.
WORKER = """
import os, signal, sys
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from benchmarks.fees import NOW
from cabinet import db, worker_jobs

what, at, db.BUSY_TIMEOUT_MS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
happens = {"kill": signal.SIGKILL, "freeze": signal.SIGSTOP}.get(what)
statements = 0
def count(*_):
    global statements
    statements += 1
    if happens and statements == at:
        os.kill(os.getpid(), happens)
event.listen(db.engine(), "after_cursor_execute", count)
print("ready", flush=True)
sys.stdin.readline()
done = []
for job in [worker_jobs.charge_fees, worker_jobs.charge_options][:1 if what == "plans" else 2]:
    for attempt in range(10):
        try:
            done.append(job(NOW, lambda: False))
            break
        except OperationalError:  # the database was busy: the timetable tries again
            if what == "once" or attempt == 9:
                raise
print(*done, flush=True)
"""


def given(database: Engine, subscribers: int) -> None:
    make_base(database, subscribers)
    database.dispose()


@contextmanager
def working(url: str, what: str = "", at: int = 0, busy_ms: int = 5_000) -> Iterator[subprocess.Popen[str]]:
    """A worker in a process of its own, ready to begin."""
    command = [sys.executable, "-c", WORKER, what, str(at), str(busy_ms)]
    environment = os.environ | {"CABINET_DATABASE_URL": url}
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def begin(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def freeze(process: subprocess.Popen[str]) -> None:
    """Lets it begin, and waits until it stands still."""
    begin(process)
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)


def finished(process: subprocess.Popen[str]) -> list[int]:
    """How many plans and services it dealt with."""
    said, complained = process.communicate(timeout=120)
    assert process.returncode == 0, complained
    return [int(number) for number in said.splitlines()[-1].split()]  # after what it logs


def assert_each_fee_once(subscribers: int) -> None:
    """Every invariant, and that nobody was left out."""
    with db.reading() as session:
        report = audit.run_audit(session)
        fees, people = session.execute(text("SELECT count(*), count(DISTINCT subscription_id) FROM fee_charge")).one()
        services = session.execute(text("SELECT count(*) FROM option_fee_charge")).scalar_one()
        waiting = session.execute(
            text("SELECT count(*) FROM plan_subscription WHERE next_fee_at <= :now OR state <> 'active'"), {"now": NOW}
        ).scalar_one()
    assert report.faults == []
    assert (fees, people, services, waiting) == (subscribers, subscribers, subscribers // WITH_SERVICE, 0)


@both_engines
def test_a_run_of_ten_thousand_killed_again_and_again_charges_each_fee_once(database: Engine, database_url: str):
    given(database, 10_000)

    for statements in (5, 333, 14, 700, 1):  # before the first fee, amid batches, at their beginnings
        with working(database_url, "kill", statements) as worker:
            begin(worker)
            worker.wait(timeout=120)
            assert worker.returncode == -signal.SIGKILL
    with db.reading() as session:
        charged = session.execute(text("SELECT count(*) FROM fee_charge")).scalar_one()
    assert 0 < charged < 10_000
    assert charged % worker_jobs.FEES_AT_ONCE == 0  # whole batches, or nothing of them
    with working(database_url) as worker:
        begin(worker)
        assert finished(worker) == [10_000 - charged, 2_000]

    assert_each_fee_once(10_000)


@both_engines
def test_two_workers_at_one_due_set_share_it(database: Engine, database_url: str):
    given(database, 4_000)

    with working(database_url) as one, working(database_url) as other:
        begin(one)
        begin(other)
        done = [finished(one), finished(other)]

    assert [sum(each) for each in zip(*done, strict=True)] == [4_000, 800]
    assert_each_fee_once(4_000)


@pytest.mark.parametrize("engine_name", [pytest.param("postgres", marks=pytest.mark.postgres)])
def test_a_worker_frozen_past_its_claim_finds_its_batch_done_by_another(database: Engine, database_url: str):
    """The server ends a session that stands still in a transaction; here it is done without waiting a minute."""
    given(database, 1_000)
    with ExitStack() as stack:
        frozen = stack.enter_context(working(database_url, "freeze", 60))
        freeze(frozen)
        with db.reading() as session:
            patience = session.execute(text("SHOW idle_in_transaction_session_timeout")).scalar_one()
            before = session.execute(text("SELECT count(*) FROM fee_charge")).scalar_one()
        assert patience == "1min"

        other = stack.enter_context(working(database_url, "plans"))
        begin(other)
        claimed = worker_jobs.FEES_AT_ONCE
        assert finished(other) == [1_000 - before - claimed]  # what is claimed holds up nobody

        with db.transaction() as session:
            session.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND state = 'idle in transaction' AND pid <> pg_backend_pid()"
                )
            )
        third = stack.enter_context(working(database_url))
        begin(third)
        assert finished(third) == [claimed, 200]
        frozen.send_signal(signal.SIGCONT)
        finished(frozen)  # and is none the worse for it

    assert_each_fee_once(1_000)


def test_behind_a_frozen_writer_of_sqlite_others_are_told_and_it_goes_on_when_it_wakes(
    database: Engine, database_url: str
):
    """The embedded database has one writer: who is frozen with its lock holds up all others, and harms nothing."""
    given(database, 1_000)
    with working(database_url, "freeze", 60) as frozen, working(database_url, "once", 0, busy_ms=50) as other:
        freeze(frozen)
        begin(other)
        _, complained = other.communicate(timeout=120)
        assert other.returncode == 1
        assert "database is locked" in complained
        with db.reading() as session:
            assert audit.run_audit(session).is_sound

        frozen.send_signal(signal.SIGCONT)
        assert finished(frozen) == [1_000, 200]

    assert_each_fee_once(1_000)
