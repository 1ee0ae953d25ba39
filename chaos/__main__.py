"""Every fault that the cabinet must survive: `python -m chaos` prints a table; exit code 1 when something was breached.

Some are done to running processes with a subscriber in front of them (`scenarios.py`). The others, inside services and
the worker, are the tests of `tests/reliability`, which are run here and not written a second time.
"""

import argparse
import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

import pytest

from benchmarks.__main__ import machine
from benchmarks.cluster import Place, copy_of, demo_file, prepare
from benchmarks.report import Table
from cabinet.config import ROOT
from chaos.scenarios import SCENARIOS, Scenario, Town
from tests.servers import PostgresServer, RedisServer

RESULTS = Path(__file__).parent / "results.md"
MISSING = pytest.skip.Exception  # what servers of the tests raise when they are not installed


@dataclass(frozen=True)
class Suite:
    """A fault that tests do to services: pytest's own choice of them."""

    name: str
    expected: str
    files: str
    chosen: str = ""


TESTED = (
    Suite(
        "killed at each point of an order, an undo, a planned switch, a service's fee",
        "nothing or all of it; again, it is done once",
        "test_order_races.py",
        "killed",
    ),
    Suite(
        "killed at each point of a payment, a webhook, a reconciliation",
        "one payment, one credit, one receipt",
        "test_payment_faults.py",
        "killed",
    ),
    Suite(
        "the monthly run of 10 000 killed five times",
        "whole batches or nothing; each fee once",
        "test_monthly_run.py",
        "again_and_again",
    ),
    Suite("two monthly runs at once", "they share the work; each fee once", "test_monthly_run.py", "two_workers"),
    Suite(
        "a worker frozen in a transaction",
        "others go on; woken, it harms nothing",
        "test_monthly_run.py",
        "frozen",
    ),
    Suite(
        "an import killed again and again",
        "row by row what an undisturbed import makes",
        "test_import_kill.py",
    ),
    Suite(
        "a sender of SMS killed; a gateway that hangs",
        "each message arrives once",
        "test_message_kill.py",
    ),
    Suite(
        "the last roubles, two processes, two hundred times",
        "one order and one refusal each time",
        "test_order_races.py",
        "two_hundred_times",
    ),
    Suite(
        "webhooks doubled, late and at once with the reconciler",
        "one credit",
        "test_payment_faults.py",
        "at_once",
    ),
)


def main() -> int:
    """Runs what is chosen; 1 when one of them was breached."""
    arguments = _arguments()
    print(f"{machine()}\n", flush=True)
    table = Table("Faults, and what came of them", ("fault", "expected", "seen", ""))
    rows = [*_done_to_processes(arguments.only), *_done_to_services(arguments.only)]
    for row in rows:
        table.add(*row)
    table.notes = [
        "After each fault the audit checked every invariant of the ledger, orders, top-ups, fees and messages.",
        "“No answer” is a lost connection: the page says that there is none, and opens again by itself.",
    ]
    table.print()
    if arguments.out:
        now = datetime.now().astimezone()
        head = f"# Results of `make chaos`\n\n{now:%Y-%m-%d %H:%M %Z}. {machine()}\n\n"
        arguments.out.write_text(head + table.markdown(), encoding="utf-8")
        print(f"Written to {arguments.out}")
    return 1 if any(row[-1] == "BREACH" for row in rows) else 0


def _done_to_processes(only: str) -> Iterator[tuple[str, str, str, str]]:
    chosen = [each for each in SCENARIOS if only in each.name]
    with tempfile.TemporaryDirectory(prefix="cabinet-chaos-") as name, ExitStack() as stack:
        ground = Ground(Path(name), stack)
        for scenario in chosen:
            try:
                with ground.town(scenario) as town:
                    seen, verdict = _run(scenario, town)
            except MISSING as error:
                seen, verdict = f"not run: {error}", "not run"
            yield _told(scenario.name, scenario.expected, seen, verdict)


def _run(scenario: Scenario, town: Town) -> tuple[str, str]:
    try:
        seen = asyncio.run(scenario.run(town))
    except Exception as error:  # whatever it is, the table has to say it
        log = town.place.folder / "log.txt"
        told = log.read_text()[-1500:] if log.exists() else "nothing was started"
        print(f"{scenario.name}: {type(error).__name__}: {error}\n{told}", file=sys.stderr)
        return f"{type(error).__name__}: {error}", "BREACH"
    faults = town.place.faults()
    return (f"{seen}, but {'; '.join(faults[:3])}", "BREACH") if faults else (f"{seen}; audit clean", "held")


@dataclass
class Ground:
    """Where towns are made: the demo operator is made once for each engine, and every scenario has a copy."""

    folder: Path
    stack: ExitStack
    towns: int = 0

    @cached_property
    def demo(self) -> Path:
        """The one on SQLite."""
        return demo_file(self.folder)

    @cached_property
    def postgres(self) -> PostgresServer:
        """The server of all clusters."""
        return self.stack.enter_context(PostgresServer())

    @cached_property
    def demo_base(self) -> str:
        """The name of the one on PostgreSQL."""
        place = Place(self.folder, self.postgres.create("demo"))
        place.add()
        prepare(place.environment)
        return "demo"

    @contextmanager
    def town(self, scenario: Scenario) -> Iterator[Town]:
        """One process on SQLite, or two on PostgreSQL and Redis; nothing is started yet."""
        self.towns += 1
        folder = self.folder / str(self.towns)
        with ExitStack() as stack:
            if scenario.is_cluster:
                folder.mkdir()
                redis = stack.enter_context(RedisServer())
                name = f"town_{os.urandom(4).hex()}"  # the sandbox bank's books are named by it
                stack.callback(lambda: [books.unlink() for books in (ROOT / "var").glob(f"sandbox-bank-{name}.db*")])
                url = self.postgres.create(name, template="template1" if scenario.is_empty else self.demo_base)
                # A sequence of a fresh copy goes back in a crash that comes before the next checkpoint.
                self.postgres._execute("CHECKPOINT")
                place = Place(folder, url, redis.url)
                town = Town(place, self.postgres, redis)
                place.add()
            else:
                town = Town(Place(folder, copy_of(self.demo, folder)))
            town.place.add()
            stack.callback(town.place.close)
            yield town


def _done_to_services(only: str) -> Iterator[tuple[str, str, str, str]]:
    for tested in TESTED:
        if only not in tested.name:
            continue
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"tests/reliability/{tested.files}"]
        if tested.chosen:
            command += ["-k", tested.chosen]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        counts = re.findall(
            r"\d+ (?:passed|failed|errors?|skipped)", done.stdout.splitlines()[-1] if done.stdout else ""
        )
        seen = f"as expected: {', '.join(counts)}"
        verdict = "held" if any("passed" in count for count in counts) else "not run"
        if done.returncode:
            print(done.stdout[-3000:], file=sys.stderr)
            seen, verdict = f"{', '.join(counts)}", "BREACH"
        yield _told(tested.name, tested.expected, seen, verdict)


def _told(*row: str) -> tuple[str, str, str, str]:
    name, _, seen, verdict = row
    print(f"{time.strftime('%H:%M:%S')} {verdict:8} {name}: {seen}", flush=True)
    return row  # type: ignore[return-value]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--only", default="", metavar="WORDS", help="faults whose names have these words")
    parser.add_argument(
        "--out", type=Path, help="where to write the table (default: results.md here; with --only nowhere)"
    )
    arguments = parser.parse_args()
    if arguments.out is None and not arguments.only:
        arguments.out = RESULTS
    return arguments


if __name__ == "__main__":
    sys.exit(main())
