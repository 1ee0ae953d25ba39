"""Import and replay of the Megaline set: `python -m benchmarks.usage`.

Each command runs in a process of its own, on an empty SQLite file, as an operator would run it; the time is that of the
whole command, the start of Python included.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from cabinet.config import ROOT
from tests.servers import PostgresServer

MEGALINE = ROOT.parent / "shared" / "data" / "megaline"
RECORDS = 318_611


class Measured(NamedTuple):
    """Seconds on the clock and of the processor, and the largest memory of the process in MB."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    output: str


def measure(url: str, *arguments: object) -> Measured:
    """Runs a command of ours on that database to its end.

    Raises:
        SystemExit: it failed; its output is the message.
    """
    environment = os.environ | {"CABINET_DATABASE_URL": url}
    command = [sys.executable, "-m", "cabinet", *map(str, arguments)]
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        said = output.read().decode()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}\n{said}")
    unit = 2**20 if sys.platform == "darwin" else 2**10  # macOS counts bytes, Linux kilobytes
    return Measured(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit, said)


def main() -> None:
    """Prints the table."""
    if not MEGALINE.is_dir():
        raise SystemExit(f"the Megaline set is not beside the project: {MEGALINE}")
    table = Table("usage", "budget", "measured", "seconds", "CPU seconds", "peak MB")
    with tempfile.TemporaryDirectory(prefix="cabinet-bench-") as folder:
        file = Path(folder) / "bench.db"
        database = f"sqlite:///{file}"
        measure(database, "migrate")

        imported = measure(database, "import-usage", MEGALINE, "--format", "megaline")
        _add(table, "SQLite: import and rating, 318 611 records", "≥ 20 000 records/s, ≤ 300 MB", imported, RECORDS)
        again = measure(database, "import-usage", MEGALINE, "--format", "megaline")
        _add(table, "the same again: all duplicates", "", again, RECORDS)
        for plan in ("surf", "ultimate"):
            replayed = measure(database, "replay", "--plan", plan, "--csv", Path(folder) / "out.csv")
            _add(table, f"replay of 2 293 subscriber-months on {plan}", "≤ 5 s", replayed, RECORDS)
        size = file.stat().st_size / 2**20
    with PostgresServer() as server:
        for jobs in (1, 2):
            database = server.create(f"jobs_{jobs}")
            measure(database, "migrate")
            imported = measure(database, "import-usage", MEGALINE, "--format", "megaline", "--jobs", jobs)
            _add(table, f"PostgreSQL: the same by {jobs} process{'es' if jobs > 1 else ''}", "", imported, RECORDS)
    Console(width=130).print(table)
    Console(width=130).print(f"The file of SQLite has {size:.0f} MB, {size * 2**20 / RECORDS:.0f} bytes a record.")


def _add(table: Table, name: str, budget: str, measured: Measured, records: int) -> None:
    speed = f"{records / measured.seconds:,.0f} records/s".replace(",", " ")
    seconds = f"{measured.seconds:.1f}", f"{measured.cpu_seconds:.1f}"
    table.add_row(name, budget, speed, *seconds, f"{measured.peak_mb:.0f}")


if __name__ == "__main__":
    main()
