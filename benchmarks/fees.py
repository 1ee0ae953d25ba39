"""The monthly run: 100 000 subscribers whose plan, and for each fifth a service too, is due on one day.

The jobs are those of the timetable, in processes of their own as `python -m cabinet worker` has them: one on SQLite,
one and two on PostgreSQL. Afterwards every fee has been charged once, and the audit finds nothing.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text
from sqlmodel import Session

from benchmarks.expenses import database
from benchmarks.report import Budget, Table, figure
from cabinet import db, ledger, worker_jobs
from cabinet.config import ROOT
from cabinet.domain import catalogue
from cabinet.domain.periods import PeriodUnit
from cabinet.schema import migrate
from cabinet.services import audit
from cabinet.services import catalogue as catalogues

SUBSCRIBERS, QUICK_SUBSCRIBERS = 100_000, 4_000
WITH_SERVICE = 5  # each fifth
OPENING_KOPECKS = 1_000_000
JOINED_AT = datetime(2026, 10, 22, 21, tzinfo=UTC)
DUE_AT = datetime(2026, 11, 22, 21, tzinfo=UTC)  # a midnight in Moscow
NOW = datetime(2026, 11, 22, 21, 5, tzinfo=UTC)
RUNS = (("sqlite", 1), ("postgres", 1), ("postgres", 2))
BUDGET = Budget("≥ 2 000", 2_000, at_least=True)
SETTLED = 20  # batches after which the memory is first looked at


def main(*, is_quick: bool, subscribers: int = 0, runs: tuple[tuple[str, int], ...] = RUNS) -> list[Table]:
    """Makes the base for each run and lets the workers at it."""
    subscribers = subscribers or (QUICK_SUBSCRIBERS if is_quick else SUBSCRIBERS)
    table = Table(
        f"Monthly run: {figure(subscribers)} subscribers due on one day, each fifth with a service",
        (
            *("engine", "workers", "budget, subscribers/s", "subscribers/s", "plans/s", "services/s", "seconds"),
            *("memory of each: start, middle, end, MB", "verdict"),
        ),
    )
    for name, workers in runs:
        with database(name) as url:
            engine = db.make_engine(url)
            make_base(engine, subscribers)
            load = os.getloadavg()[0]
            done = run(url, workers)
            _check(engine, subscribers)
            engine.dispose()
        _add(table, name, done, subscribers)
        table.notes.append(f"{name}, {workers} at work: the machine's load was {load:.1f} before it")
    batch = worker_jobs.FEES_AT_ONCE
    table.notes.append(f"subscribers/s is of the whole run, plans and services; a batch of {batch} is one transaction")
    table.notes.append("PostgreSQL runs on the same machine and does not wait for its disk (fsync=off)")
    return [table]


# --- the base --------------------------------------------------------------------------------------------------------

_SERIES = {
    True: "(WITH RECURSIVE one(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM one WHERE n < :many) SELECT n FROM one)",
    False: "(SELECT n FROM generate_series(1, CAST(:many AS bigint)) n) numbers",
}
_SUBSCRIBERS = """
    INSERT INTO subscriber (account_number, msisdn, name, region, status, language, activated_at)
    SELECT 'A' || n, CAST(79160000000 + n AS text), '', :region, 'active', 'ru', :joined FROM {series} ORDER BY n"""
_ACCOUNTS = r"""
    INSERT INTO account (code, kind, subscriber_id, balance_kopecks, credit_limit_kopecks)
    SELECT 'subscriber\:' || s.id || '\:' || kinds.column1, kinds.column1, s.id,
           CASE WHEN kinds.column1 = 'main' THEN :money ELSE 0 END, 0
      FROM subscriber s CROSS JOIN (VALUES ('main'), ('bonus'), ('debt')) AS kinds ORDER BY s.id"""
_OPENINGS = r"""
    INSERT INTO ledger_transaction (reference, kind, happened_at, posted_at)
    SELECT 'opening\:' || id, 'opening', :joined, :joined FROM subscriber ORDER BY id"""
_POSTINGS = r"""
    INSERT INTO posting (transaction_id, source_id, destination_id, amount_kopecks, happened_at,
                         destination_balance_kopecks, explanation)
    SELECT t.id, :opening, a.id, :money, :joined, :money, CAST(:facts AS {json})
      FROM account a JOIN ledger_transaction t ON t.reference = 'opening\:' || a.subscriber_id
     WHERE a.kind = 'main' ORDER BY a.id"""
_PLANS = """
    INSERT INTO plan_subscription (subscriber_id, plan_version_id, settings, state, anchor_day, started_at, next_fee_at)
    SELECT id, :version, CAST(:settings AS {json}), 'active', 23, :joined, :due FROM subscriber
     WHERE id % :of = :place ORDER BY id"""
_SERVICES = """
    INSERT INTO option_subscription (subscriber_id, item, code, option_version_id, state, anchor_day, started_at,
                                     next_fee_at)
    SELECT id, 'option', :code, :version, 'active', 23, :joined, :due FROM subscriber WHERE id % :of = 0 ORDER BY id"""


def make_base(engine: Engine, subscribers: int) -> None:
    """Fills an empty database with subscribers who have money, on all monthly plans of the demo catalogue."""
    migrate(engine)
    with Session(engine) as session, session.begin():
        sold = catalogue.load(ROOT / "cabinet" / "catalogues" / "demo.yaml")
        catalogues.store_catalogue(session, sold, now=JOINED_AT)
        region = sold.default_region
        is_sqlite = engine.dialect.name == "sqlite"
        values: dict[str, Any] = {
            "many": subscribers,
            "region": region,
            "money": OPENING_KOPECKS,
            "facts": json.dumps({"opening_kopecks": OPENING_KOPECKS}),
            "joined": _written(JOINED_AT, is_sqlite),
            "due": _written(DUE_AT, is_sqlite),
            "opening": ledger.operator_account(session, "opening"),
        }
        for name in ledger.OPERATOR_ACCOUNTS:
            ledger.operator_account(session, name)

        def fill(statement: str, **more: Any) -> None:
            made = text(statement.format(series=_SERIES[is_sqlite], json="text" if is_sqlite else "jsonb"))
            session.execute(made, {name: each for name, each in (values | more).items() if name in made._bindparams})

        for statement in (_SUBSCRIBERS, _ACCOUNTS, _OPENINGS, _POSTINGS):
            fill(statement)
        plans = [
            facts
            for facts in catalogues.list_plans(session)
            if facts.plan.is_sold_in(region) and facts.plan.period == PeriodUnit.MONTH
        ]
        for place, facts in enumerate(plans):
            settings = json.dumps(facts.plan.chosen({}))
            fill(_PLANS, version=facts.plan_version_id, settings=settings, of=len(plans), place=place)
        service = catalogues.get_option(session, "hidden_number")
        fill(_SERVICES, version=service.version_id, code=service.item.code, of=WITH_SERVICE)
    if not is_sqlite:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as apart:
            apart.exec_driver_sql("VACUUM ANALYZE")  # as the server does by itself, given time


def _written(moment: datetime, is_sqlite: bool) -> object:
    return f"{moment:%Y-%m-%d %H:%M:%S.%f}" if is_sqlite else moment


# --- the run ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Done:
    """What one worker did: rows, seconds from the common start to the end of each job, MB of memory on the way."""

    plans: int
    services: int
    plans_until: float
    services_until: float
    memory: list[float]


def run(url: str, workers: int) -> list[Done]:
    """Lets so many workers begin together, each in a process of its own.

    Raises:
        SystemExit: one of them failed; its output is the message.
    """
    environment = os.environ | {"CABINET_DATABASE_URL": url, "CABINET_LOG_LEVEL": "WARNING"}
    command = [sys.executable, "-m", "benchmarks.fees", "--work"]
    processes = [
        subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(workers)
    ]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()  # it is ready
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate()[0] for process in processes]
    if any(process.returncode for process in processes):
        raise SystemExit(f"a worker failed:\n{''.join(said)}")
    return [Done(**json.loads(each)) for each in said]


def work() -> None:
    """What each of the processes does; the figures go to stdout as JSON."""
    with db.reading() as session:
        session.connection()
    print("ready", flush=True)
    sys.stdin.readline()
    memory: list[float] = []

    def look() -> bool:
        memory.append(_memory_mb())
        return False

    began = time.perf_counter()
    plans = worker_jobs.charge_fees(NOW, look)
    plans_until = time.perf_counter() - began
    services = worker_jobs.charge_options(NOW, look)
    services_until = time.perf_counter() - began
    looks = [memory[min(SETTLED, len(memory) - 1)], memory[len(memory) // 2], memory[-1]]
    print(json.dumps({
        "plans": plans, "services": services, "plans_until": plans_until, "services_until": services_until,
        "memory": looks,
    }))  # fmt: skip


def _memory_mb() -> float:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:  # not Linux
        return 0.0


def _check(engine: Engine, subscribers: int) -> None:
    """Every fee once, and nothing wrong in the ledger.

    Raises:
        SystemExit: it is not so.
    """
    with Session(engine) as session:
        for table, expected in (("fee_charge", subscribers), ("option_fee_charge", subscribers // WITH_SERVICE)):
            found = session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
            if found != expected:
                raise SystemExit(f"{table}: {found} fees instead of {expected}")
        faults = audit.run_audit(session).faults
    if faults:
        raise SystemExit("\n".join(map(str, faults[:10])))


def _add(table: Table, name: str, done: list[Done], subscribers: int) -> None:
    plans_until = max(each.plans_until for each in done)
    seconds = max(each.services_until for each in done)
    speed = subscribers / seconds
    is_judged = name == "postgres" and len(done) == 2
    table.add(
        "SQLite" if name == "sqlite" else "PostgreSQL",
        str(len(done)),
        BUDGET.shown() if is_judged else "",
        figure(speed),
        figure(subscribers / plans_until),
        figure(sum(each.services for each in done) / (seconds - min(each.plans_until for each in done))),
        figure(seconds),
        "; ".join(", ".join(map(figure, each.memory)) for each in done),
        BUDGET.verdict(speed) if is_judged else "",
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fees", description=__doc__)
    parser.add_argument("--subscribers", type=int, default=SUBSCRIBERS)
    parser.add_argument("--engines", default="sqlite,postgres", metavar="ENGINE,…")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        work()
    else:
        chosen = tuple(each for each in RUNS if each[0] in arguments.engines.split(","))
        for drawn in main(is_quick=False, subscribers=arguments.subscribers, runs=chosen):
            drawn.print()
