"""An operator that has grown, on PostgreSQL: `python -m benchmarks.growth --subscribers 1000000 --records 10000000`.

The base is made in the database itself: subscribers on all monthly plans, six months of usage in its partitions, each
tenth record charged. Then: the pages of ordinary subscribers and of one with very many records; the monthly run by one
worker and by two; an import by one process and by two; and what a row of each table takes on the disk.
"""

import argparse
import csv
import os
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random

from sqlalchemy import Engine, text
from sqlmodel import Session

from benchmarks import fees
from benchmarks.expenses import (
    AT_ONCE,
    DAY,
    END,
    HEAVY,
    MONTHS,
    SPENDING,
    START,
    database,
    insert_records,
    reading,
    statements_of,
    times,
    values_of,
)
from benchmarks.report import Budget, Table, figure, middle, p95
from benchmarks.sites import processor_seconds
from benchmarks.usage import measure
from cabinet import db, months
from cabinet.services import catalogue as catalogues
from cabinet.services import expenses, notices, overview

SIZES = {"subscribers": 1_000_000, "records": 10_000_000, "due": 50_000, "imported": 200_000}
QUICK_SIZES = {"subscribers": 20_000, "records": 200_000, "due": 2_000, "imported": 5_000}
RUNS, QUICK_RUNS, BLOCKS_OF = 300, 40, 15
PAGE = Budget("≤ 20 ms", 20)
TABLES = ("usage_record", "usage_key", "posting", "ledger_transaction", "spending_day", "subscriber", "account")
FIRST_MSISDN = 79160000000


def main(*, is_quick: bool, runs: int = 0, **sizes: int) -> list[Table]:
    """Makes the base and measures it; `sizes` override those of `SIZES`."""
    chosen = (QUICK_SIZES if is_quick else SIZES) | {name: size for name, size in sizes.items() if size}
    with database("postgres") as url:
        engine = db.make_engine(url)
        started = time.perf_counter()
        heavy_id = make_base(engine, chosen)
        made_in = time.perf_counter() - started
        tables = [
            _sizes(engine, chosen, made_in),
            _pages(engine, chosen, heavy_id, runs or (QUICK_RUNS if is_quick else RUNS)),
            _monthly_run(engine, url, chosen["due"]),
            _import(engine, url, chosen),
        ]
        engine.dispose()
    load = f"the machine's load was {os.getloadavg()[0]:.1f} at the end; PostgreSQL runs on it too, with fsync=off"
    tables[0].notes.append(load)
    return tables


# --- the base --------------------------------------------------------------------------------------------------------


def make_base(engine: Engine, sizes: dict[str, int]) -> int:
    """Fills an empty database; returns the id of the subscriber with very many records, the first one."""
    fees.make_base(engine, sizes["subscribers"])
    with Session(engine) as session, session.begin():
        months.make(session, START, END)
        session.execute(text("UPDATE subscriber SET activated_at = :at"), {"at": START})
        session.execute(text("UPDATE plan_subscription SET started_at = :at"), {"at": START})
        heavy_id = session.execute(text("SELECT min(id) FROM subscriber")).scalar_one()
        facts = catalogues.current_version(session, "maksimum")
        heavy = max(1, min(HEAVY, sizes["records"] // 20))
        values = values_of(session, facts, heavy_id, sizes["records"], sizes["records"] // heavy)
        values["others"] = sizes["subscribers"] - 1
    with engine.connect() as connection:
        connection.exec_driver_sql("SET statement_timeout = 0")
        connection.exec_driver_sql("SET session_replication_role = replica")  # no look-ups of foreign keys
        for first in range(1, sizes["records"] + 1, AT_ONCE):
            insert_records(connection, values | {"first": first, "last": min(first + AT_ONCE - 1, sizes["records"])})
            connection.commit()
        connection.execute(text(SPENDING.format(day=DAY[False])))
        for statement in _SUMS:
            connection.exec_driver_sql(statement)
        connection.commit()
    _vacuum(engine)
    return heavy_id


# What the generated rows leave behind: ids go on after them, and balances are the sums of postings.
_SUMS = (
    "SELECT setval('ledger_transaction_id_seq', (SELECT max(id) FROM ledger_transaction))",
    "SELECT setval('posting_id_seq', (SELECT max(id) FROM posting))",
    "UPDATE account a SET balance_kopecks = a.balance_kopecks - p.gone, credit_limit_kopecks = 1000000000000"
    " FROM (SELECT source_id, sum(amount_kopecks) AS gone FROM posting GROUP BY source_id) p"
    " WHERE p.source_id = a.id AND a.kind = 'main'",
)


def _vacuum(engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as apart:
        apart.exec_driver_sql("SET statement_timeout = 0")
        apart.exec_driver_sql("VACUUM ANALYZE")  # as the server does by itself, given time


def _sizes(engine: Engine, sizes: dict[str, int], made_in: float) -> Table:
    table = Table(
        f"Growth: {figure(sizes['subscribers'])} subscribers, {figure(sizes['records'])} records of six months",
        ("table", "rows", "bytes a row", "of it indexes", "GB"),
    )
    with engine.connect() as connection:
        for name in TABLES:
            rows, whole, indexes = connection.execute(text(_SIZE.format(name=name))).one()
            share = f"{100 * indexes / whole:.0f} %" if whole else ""
            each = figure(float(whole) / rows) if rows else ""
            table.add(name, figure(rows), each, share, f"{whole / 2**30:.2f}")
        whole = connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one()
    table.notes.append(f"the base was made in {made_in:.0f} s and has {whole / 2**30:.1f} GB")
    return table


_SIZE = """
    SELECT (SELECT count(*) FROM {name}), sum(pg_total_relation_size(part))::bigint, sum(pg_indexes_size(part))::bigint
      FROM (SELECT CAST('{name}' AS regclass) AS part
             UNION SELECT relid FROM pg_partition_tree('{name}') WHERE isleaf) parts"""


# --- what is measured ------------------------------------------------------------------------------------------------


def _pages(engine: Engine, sizes: dict[str, int], heavy_id: int, runs: int) -> Table:
    table = Table(
        "Growth: pages, queries in the database",
        (
            *("whose", "what", "budget", "p50, ms", "p95, ms", "queries", "whole call, p50", "whole call, p95"),
            *("8 KB blocks read", "verdict"),
        ),
    )
    random = Random(7)
    abroad = frozenset({expenses.Category.CALLS_ABROAD})

    def anybody() -> int:
        return heavy_id + random.randrange(sizes["subscribers"])

    for whose, who in (("anybody", anybody), ("very many records", lambda: heavy_id)):
        for what, work in (
            ("dashboard", lambda session, who=who: overview.get_overview(session, who(), now=END)),
            (
                "month summary",
                lambda session, who=who: expenses.get_month(session, who(), random.choice(MONTHS), now=END),
            ),
            ("statement", lambda session, who=who: expenses.list_lines(session, who(), random.choice(MONTHS), now=END)),
            (
                "statement: calls abroad only",
                lambda session, who=who: expenses.list_lines(
                    session, who(), random.choice(MONTHS), categories=abroad, now=END
                ),
            ),
            ("notices", lambda session, who=who: notices.list_notices(session, who(), before=None, limit=20)),
        ):
            queries, in_database, whole = times(engine, work, runs)
            shown = (middle(in_database), p95(in_database))
            calls = (middle(whole), p95(whole))
            table.add(
                *(whose, what, PAGE.text, *map(figure, shown), str(queries), *map(figure, calls)),
                figure(middle([_blocks(engine, work) for _ in range(BLOCKS_OF)])),
                PAGE.verdict(shown[1]),
            )
    return table


def _blocks(engine: Engine, work: Callable[[Session], object]) -> float:
    """How many blocks the queries of one call look at, wherever they lie: what does not depend on the machine."""
    with statements_of(engine) as statements, reading(engine) as session:
        work(session)
    with engine.connect() as connection:
        plans = [
            connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", parameters).scalar_one()
            for statement, parameters in statements
        ]
    return sum(plan[0]["Plan"]["Shared Hit Blocks"] + plan[0]["Plan"]["Shared Read Blocks"] for plan in plans)


def _server_seconds(engine: Engine) -> float:
    """Seconds of the processor that PostgreSQL has taken; 0 where it is on another machine or the system is mute."""
    with engine.connect() as connection:
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    try:
        parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0.0
    return processor_seconds(parent)


def _monthly_run(engine: Engine, url: str, due: int) -> Table:
    """So many subscribers due for each run; the others' fees have another day."""
    table = Table(
        "Growth: the monthly run in the grown base",
        ("workers", "budget, subscribers/s", "subscribers/s", "seconds", "PostgreSQL's processor, ms each", "verdict"),
    )
    for turn, workers in enumerate((1, 2)):
        with engine.begin() as connection:
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            first = (
                connection.execute(text("SELECT min(subscriber_id) FROM plan_subscription")).scalar_one() + turn * due
            )
            of_turn = {
                "due": fees.DUE_AT,
                "later": fees.DUE_AT + timedelta(days=30),
                "first": first,
                "end": first + due,
            }
            for name in ("plan_subscription", "option_subscription"):
                connection.execute(text(_DUE.format(name=name)), of_turn)
        before = _server_seconds(engine)
        done = fees.run(url, workers)
        of_server = (_server_seconds(engine) - before) * 1000 / due
        seconds = max(one.services_until for one in done)
        plans = sum(one.plans for one in done)
        assert plans == due, f"{plans} plans of {due}"
        rate = due / seconds
        shown = figure(rate), figure(seconds), f"{of_server:.2f}"
        table.add(str(workers), fees.BUDGET.text, *shown, fees.BUDGET.verdict(rate))
    return table


_DUE = """
    UPDATE {name} SET next_fee_at = CASE WHEN subscriber_id >= :first AND subscriber_id < :end
                                         THEN CAST(:due AS timestamptz) ELSE CAST(:later AS timestamptz) END
     WHERE next_fee_at = :due OR (subscriber_id >= :first AND subscriber_id < :end)"""


def _import(engine: Engine, url: str, sizes: dict[str, int]) -> Table:
    table = Table(
        "Growth: import into the grown base",
        (
            *("processes", "records", "records/s", "seconds", "processor of the import, µs a record"),
            "PostgreSQL's processor, µs a record",
        ),
    )
    random = Random(11)
    with tempfile.TemporaryDirectory(prefix="cabinet-bench-") as folder:
        for jobs in (1, 2):
            path = Path(folder) / f"usage-{jobs}.csv"
            _write_usage(path, sizes, f"growth-{jobs}", random)
            before = _server_seconds(engine)
            done = measure(url, "import-usage", path, "--jobs", jobs)
            number = sizes["imported"]
            table.add(
                *(str(jobs), figure(number), figure(number / done.seconds), figure(done.seconds)),
                figure(done.cpu_seconds * 1e6 / number),
                figure((_server_seconds(engine) - before) * 1e6 / number),
            )
    return table


def _write_usage(path: Path, sizes: dict[str, int], name: str, random: Random) -> None:
    """Calls of subscribers at random, in the last days, in the order of time."""
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("record_id", "msisdn", "kind", "direction", "started_at", "quantity", "zone", "peer"))
        for number in range(sizes["imported"]):
            at = END - timedelta(days=3) + timedelta(seconds=number * 3 * 86_400 // sizes["imported"])
            msisdn = FIRST_MSISDN + 1 + random.randrange(sizes["subscribers"])
            rows.writerow((f"{name}-{number}", msisdn, "voice", "out", at.isoformat(), 95, "home", "79161112233"))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    for name, size in SIZES.items():
        parser.add_argument(f"--{name}", type=int, default=0, help=f"default: {size}")
    parser.add_argument("--runs", type=int, default=0, help=f"of each page (default: {RUNS})")
    parser.add_argument("--quick", action="store_true", help="a small base, few runs: does it work?")
    return parser.parse_args()


if __name__ == "__main__":
    arguments = vars(_arguments())
    for made in main(is_quick=arguments.pop("quick"), **arguments):
        made.print()
