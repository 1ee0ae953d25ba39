"""A month and a page of the statement of a subscriber with 50 000 records among ten million, on both engines:
`python -m benchmarks.expenses --records 10000000 --engines sqlite,postgres`.

The base is made in the database itself, in the order of time, so that one subscriber's records lie scattered over the
whole table, as they do where an operator imports day by day: every tenth record is a call abroad that was charged.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import Connection, Engine, event, text
from sqlmodel import Session

from benchmarks.report import Budget, Table, figure, middle, p95
from cabinet import db, months
from cabinet.config import ROOT
from cabinet.domain import catalogue, rating
from cabinet.domain.allowances import Allowance
from cabinet.models.base import Json
from cabinet.schema import migrate
from cabinet.services import billing, expenses, subscribers
from cabinet.services import catalogue as catalogues
from cabinet.services.expenses import LineDirection

RECORDS, QUICK_RECORDS = 10_000_000, 400_000
HEAVY = 50_000  # records of the subscriber who is looked at
OTHERS = 2_000
AT_ONCE = 500_000
RUNS, QUICK_RUNS, WARM_UP = 300, 40, 5
START, END = datetime(2026, 5, 31, 21, tzinfo=UTC), datetime(2026, 11, 23, 9, tzinfo=UTC)
MONTHS = [date(2026, month, 1) for month in range(6, 12)]
ENGINES = ("sqlite", "postgres")
BUDGET = Budget("≤ 20 ms", 20)


def main(*, is_quick: bool, records: int = 0, engines: tuple[str, ...] = ENGINES) -> list[Table]:
    """Makes the base on each engine and measures it; the plans are notes of the tables."""
    records = records or (QUICK_RECORDS if is_quick else RECORDS)
    tables = []
    for name in engines:
        with database(name) as url:
            engine = db.make_engine(url)
            started = time.perf_counter()
            heavy_id = make_base(engine, records)
            table = Table(
                f"Expenses on {name}: a subscriber with {figure(HEAVY)} records among {figure(records)}",
                ("what", "budget", "p50, ms", "p95, ms", "queries", "whole call, p50", "whole call, p95", "verdict"),
            )
            table.notes.append(f"the base was made in {time.perf_counter() - started:.0f} s: {_size(engine)}")
            table.notes.append(
                "p50 and p95 are of the queries in the database until the last row is handed over, by the"
            )
            table.notes.append(
                "plain driver; the whole call has the service and SQLAlchemy in it; a month at random each time"
            )
            _measure(engine, heavy_id, table, QUICK_RUNS if is_quick else RUNS)
            tables.append(table)
            engine.dispose()
    return tables


# --- the base --------------------------------------------------------------------------------------------------------


@contextmanager
def database(name: str) -> Iterator[str]:
    """The address of an empty database on that engine."""
    if name == "postgres":
        from tests.servers import PostgresServer

        with PostgresServer() as server:
            yield server.create("bench")
        return
    folder = Path(tempfile.mkdtemp(prefix="cabinet-bench-"))
    try:
        yield f"sqlite:///{folder / 'bench.db'}"
    finally:
        shutil.rmtree(folder)


def make_base(engine: Engine, records: int, heavy: int = HEAVY) -> int:
    """Fills an empty database; returns the id of the subscriber with `heavy` records, the first one."""
    migrate(engine)
    with Session(engine, expire_on_commit=False) as session, session.begin():
        plans = catalogue.load(ROOT / "cabinet" / "catalogues" / "demo.yaml")
        catalogues.store_catalogue(session, plans, now=START)
        ids = [_subscriber(session, number, plans.default_region) for number in range(OTHERS + 1)]
        due = list(session.execute(text("SELECT id FROM plan_subscription ORDER BY id")).scalars())
        billing.charge_fees_until(session, due, END, now=END)
        facts = catalogues.current_version(session, "maksimum")
        values = values_of(session, facts, ids[0], records, records // heavy)
        months.make(session, START, END)
    with engine.connect() as connection:
        is_sqlite = connection.dialect.name == "sqlite"
        # Nothing of this is lost if the machine stops: it is made anew.
        raw = connection.connection.driver_connection
        if is_sqlite:
            for pragma in ("synchronous=OFF", "foreign_keys=OFF", "cache_size=-400000"):
                raw.execute(f"PRAGMA {pragma}")
        else:
            connection.exec_driver_sql("SET statement_timeout = 0")
            connection.exec_driver_sql("SET session_replication_role = replica")  # no look-ups of foreign keys
        for first in range(1, records + 1, AT_ONCE):
            insert_records(connection, values | {"first": first, "last": min(first + AT_ONCE - 1, records)})
            connection.commit()
        connection.execute(text(SPENDING.format(day=DAY[is_sqlite])))
        connection.commit()
        if not is_sqlite:
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as apart:
                apart.exec_driver_sql("SET statement_timeout = 0")
                apart.exec_driver_sql("VACUUM ANALYZE")  # as the server does by itself, given time
    return ids[0]


def _subscriber(session: Session, number: int, region: str) -> int:
    return subscribers.create(
        session,
        account_number=f"{number}",
        msisdn=f"7916{number:07}",
        name="",
        region=region,
        plan_code="maksimum",
        activated_at=START,
        credit_limit_kopecks=10**12,
        now=START,
    )


def values_of(session: Session, facts: catalogues.PlanFacts, heavy_id: int, records: int, each: int) -> dict[str, Any]:
    """What the statements below are told: ids, times, and how each sort of record was rated, by the real rules."""

    def rated(kind: str, zone: str, quantity: int) -> str:
        usage = rating.Usage("", kind, "out", zone, START, quantity)
        allowances = [Allowance(allowance_id, kind, 10**12, 10**12, START, END)]
        explanation = rating.explain(usage, facts.rates, rating.rate(usage, facts.rates, allowances, {}))
        return Json.dialect_impl(sqlite_like).bind_processor(sqlite_like)(explanation)

    sqlite_like = db.make_engine("sqlite://").dialect
    allowance_id, first_transaction, first_posting, usage_account = session.execute(
        text(
            "SELECT (SELECT min(id) FROM allowance), (SELECT max(id) FROM ledger_transaction),"
            " (SELECT max(id) FROM posting), (SELECT id FROM account WHERE code = 'operator:usage')"
        )
    ).one()
    return {
        "heavy": heavy_id,
        "each": each,
        "others": OTHERS,
        "start": int(START.timestamp()),
        "seconds": int((END - START).total_seconds()),
        "records": records,
        "version": facts.plan_version_id,
        "transactions": first_transaction,
        "postings": first_posting,
        "income": usage_account,
        "abroad": rated("voice", "intl_kz", 136),
        "call": rated("voice", "home", 95),
        "session": rated("data", "home", 30_686_823),
    }


# Which record is whose, and when: from its number alone. `n % 10 = 0` is a call abroad, the others are included.
_NUMBERED = """
    SELECT n, CASE WHEN n % :each = 0 THEN :heavy ELSE :heavy + 1 + (n * 7919) % :others END AS subscriber_id,
           {moment} AS at, (n / :each) % 10 = 0 AS is_charged, n / 10 AS charge
      FROM {series}"""
_SERIES = {
    True: "(WITH RECURSIVE one(n) AS (SELECT :first UNION ALL SELECT n + 1 FROM one WHERE n < :last)"
    " SELECT n FROM one)",
    False: "(SELECT n FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) n) numbers",
}
_MOMENT = {
    True: "strftime('%Y-%m-%d %H:%M:%S.000000', :start + n * :seconds / :records, 'unixepoch')",
    False: "to_timestamp(CAST(:start AS bigint) + n * CAST(:seconds AS bigint) / CAST(:records AS bigint))",
}
DAY = {True: "date(started_at, '+3 hours')", False: "CAST(started_at AT TIME ZONE 'Europe/Moscow' AS date)"}

_RECORDS = """
    INSERT INTO usage_record (record_id, subscriber_id, kind, direction, zone, peer, started_at, quantity,
        plan_version_id, billed_quantity, missed_quantity, charge_kopecks, rating, transaction_id)
    SELECT 'bench-' || n, subscriber_id, CASE WHEN is_charged OR n % 3 = 0 THEN 'voice' ELSE 'data' END, 'out',
           CASE WHEN is_charged THEN 'intl_kz' ELSE 'home' END,
           CASE WHEN is_charged THEN '7701' || (2000000 + n % 1000) WHEN n % 3 = 0 THEN '7916' || (3000000 + n % 1000)
                ELSE 'Браузер' END,
           at, CASE WHEN is_charged THEN 136 WHEN n % 3 = 0 THEN 95 ELSE 30686823 END, :version,
           CASE WHEN is_charged THEN 180 WHEN n % 3 = 0 THEN 120 ELSE 30687232 END,
           CASE WHEN is_charged THEN 180 ELSE 0 END, CASE WHEN is_charged THEN 3000 ELSE 0 END,
           CAST(CASE WHEN is_charged THEN :abroad WHEN n % 3 = 0 THEN :call ELSE :session END AS {json}),
           CASE WHEN is_charged THEN :transactions + n END
      FROM ({numbered}) numbered"""
_KEYS = """
    INSERT INTO usage_key (record_id, subscriber_id, started_at)
    SELECT 'bench-' || n, subscriber_id, at FROM ({numbered}) numbered"""
_TRANSACTIONS = """
    INSERT INTO ledger_transaction (id, reference, kind, happened_at, posted_at)
    SELECT :transactions + n, 'usage:bench-' || n, 'usage', at, at FROM ({numbered}) numbered WHERE is_charged"""
_POSTINGS = """
    INSERT INTO posting (id, transaction_id, source_id, destination_id, amount_kopecks, happened_at,
        source_balance_kopecks, explanation)
    SELECT :postings + n, :transactions + n, a.id, :income, 3000, at, 0, CAST(:abroad AS {json})
      FROM ({numbered}) numbered
      JOIN account a ON a.subscriber_id = numbered.subscriber_id AND a.kind = 'main' WHERE is_charged"""
SPENDING = """
    INSERT INTO spending_day (subscriber_id, day_on, category, amount_kopecks, postings)
    SELECT subscriber_id, {day}, 'calls_abroad', sum(charge_kopecks), count(*)
      FROM usage_record WHERE charge_kopecks > 0 GROUP BY 1, 2"""


def insert_records(connection: Connection, values: dict[str, Any]) -> None:
    is_sqlite = connection.dialect.name == "sqlite"
    numbered = _NUMBERED.format(moment=_MOMENT[is_sqlite], series=_SERIES[is_sqlite])
    for statement in (_TRANSACTIONS, _KEYS, _RECORDS, _POSTINGS):
        made = text(statement.format(numbered=numbered, json="text" if is_sqlite else "jsonb"))
        used = {name: value for name, value in values.items() if name in made._bindparams}
        connection.execute(made, used)


def _size(engine: Engine) -> str:
    with engine.connect() as connection:
        counts = [
            f"{figure(connection.exec_driver_sql(f'SELECT count(*) FROM {name}').scalar_one())} {name}"
            for name in ("usage_record", "posting", "spending_day")
        ]
        if connection.dialect.name == "sqlite":
            size = connection.exec_driver_sql("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
        else:
            size = connection.exec_driver_sql("SELECT pg_database_size(current_database())")
        return f"{', '.join(counts)}; {size.scalar_one() / 2**30:.1f} GB"


# --- what is measured ------------------------------------------------------------------------------------------------


def _measure(engine: Engine, heavy_id: int, table: Table, runs: int) -> None:
    random = Random(7)

    def month_on() -> date:
        return random.choice(MONTHS)

    def lines(session: Session, **wanted: Any) -> expenses.LinesPage:
        return expenses.list_lines(session, heavy_id, month_on(), now=END, **wanted)

    def further(session: Session) -> expenses.LinesPage:
        at = START + timedelta(seconds=random.randrange(int((END - START).total_seconds())))
        month = (at + timedelta(hours=3)).date().replace(day=1)
        place = f"{int(at.timestamp())}000000p1"
        return expenses.list_lines(session, heavy_id, month, before=place, now=END)

    with reading(engine) as session:
        page = expenses.list_lines(session, heavy_id, MONTHS[0], direction=LineDirection.OUT, limit=200, now=END)
    paid = [line.id for line in page.lines]

    for name, budget, work in (
        ("month summary", BUDGET, lambda session: expenses.get_month(session, heavy_id, month_on(), now=END)),
        ("statement: the newest page", BUDGET, lines),
        ("statement: a page anywhere", BUDGET, further),
        ("statement: money only", BUDGET, lambda session: lines(session, direction=LineDirection.MONEY)),
        ("statement: internet only", BUDGET, lambda session: lines(session, categories={expenses.Category.INTERNET})),
        (
            "statement: calls abroad only",
            BUDGET,
            lambda session: lines(session, categories={expenses.Category.CALLS_ABROAD}),
        ),
        ("search with results", None, lambda session: lines(session, search="казахстан")),
        ("search in vain, a whole month read", None, lambda session: lines(session, search="нет такого")),
        ("search by a number in vain", None, lambda session: lines(session, search="8 999 999-99-99")),
        (
            "why a line costs what it costs",
            BUDGET,
            lambda session: expenses.explain_line(session, heavy_id, random.choice(paid)),
        ),
    ):
        queries, in_database, whole = times(engine, work, runs)
        table.add(
            name,
            budget.text if budget else "",
            *(figure(value) for value in (middle(in_database), p95(in_database))),
            str(queries),
            *(figure(value) for value in (middle(whole), p95(whole))),
            budget.verdict(p95(in_database)) if budget else "",
        )
    for name, work in (
        ("month summary", lambda session: expenses.get_month(session, heavy_id, MONTHS[-1], now=END)),
        ("statement", further),
    ):
        table.notes += [f"plan of the {name}: {step}" for step in plans(engine, work)]


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """A session as `db.reading` gives."""
    with Session(engine.execution_options(reads_only=True), autoflush=False) as session:
        yield session


def times(engine: Engine, work: Callable[[Session], object], runs: int) -> tuple[int, list[float], list[float]]:
    """The most queries of one call; milliseconds of its queries alone, and of the whole call."""
    queries, in_database, whole = 0, [], []
    with engine.connect() as connection:
        cursor = connection.connection.cursor()
        for run in range(runs + WARM_UP):
            with statements_of(engine) as statements, reading(engine) as session:
                started = time.perf_counter()
                work(session)
                took = (time.perf_counter() - started) * 1000
            started = time.perf_counter()
            for statement, parameters in statements:
                cursor.execute(statement, parameters)
                cursor.fetchall()
            if run >= WARM_UP:
                whole.append(took)
                in_database.append((time.perf_counter() - started) * 1000)
            queries = max(queries, len(statements))
    return queries, in_database, whole


@contextmanager
def statements_of(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    found: list[tuple[str, Any]] = []

    def record(_connection: object, _cursor: object, statement: str, parameters: Any, *_rest: object) -> None:
        if not statement.startswith("BEGIN"):
            found.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", record)
    yield found
    event.remove(engine, "before_cursor_execute", record)


def plans(engine: Engine, work: Callable[[Session], object]) -> Iterator[str]:
    """How the database finds the rows of each query, a line for each step that reads a table."""
    with reading(engine) as session, statements_of(engine) as statements:
        work(session)
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            for statement, parameters in statements:
                steps = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                yield " · ".join(row[-1] for row in steps if row[-1].startswith(("SEARCH", "SCAN")))
            return
        for statement, parameters in statements:
            rows = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS) {statement}", parameters)
            steps = [row[0].strip().removeprefix("->  ").split("  (cost")[0] for row in rows]
            yield " · ".join(step for step in steps if "Scan" in step or step.startswith("Execution"))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.expenses", description=__doc__)
    parser.add_argument("--records", type=int, default=0, help=f"of the whole base (default: {RECORDS})")
    parser.add_argument("--engines", default=",".join(ENGINES), help="sqlite, postgres or both")
    parser.add_argument("--quick", action="store_true", help="a small base, few runs: does it work?")
    return parser.parse_args()


if __name__ == "__main__":
    arguments = _arguments()
    for made in main(is_quick=arguments.quick, records=arguments.records, engines=tuple(arguments.engines.split(","))):
        made.print()
