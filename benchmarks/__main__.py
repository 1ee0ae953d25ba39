"""All benchmarks: `python -m benchmarks`. Prints tables and writes `results.md` beside this file."""

import argparse
import contextlib
import io
import os
import platform
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from benchmarks import advisor, expenses, fees, growth, load, messages, payments, sessions, support, usage, web
from benchmarks.report import Table
from benchmarks.sites import CannotMeasure, town

RESULTS = Path(__file__).parent / "results.md"
PARTS = ("usage", "expenses", "advisor", "fees", "growth", "messages", "payments", "support", "web", "sessions", "load")


def main() -> int:
    """Runs the chosen parts; 1 when one of them could not be measured."""
    arguments = _arguments()
    print(f"{machine()}\n")
    written, failed = [], False
    for part in arguments.only:
        started = time.perf_counter()
        try:
            written.append(_run(part, arguments.quick))
        except (CannotMeasure, SystemExit) as error:
            failed = True
            print(f"{part}: {error}\n", file=sys.stderr)
            written.append(f"## {part}\n\nCould not be measured:\n\n```\n{error}\n```\n")
        print(f"({part}: {time.perf_counter() - started:.0f} s)\n", flush=True)
    if arguments.out:
        arguments.out.write_text(_document(written, arguments), encoding="utf-8")
        print(f"Written to {arguments.out}")
    return 1 if failed else 0


def _run(part: str, is_quick: bool) -> str:
    """Measures one part, prints it, and returns it as Markdown."""
    if part == "usage":
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            usage.main()
        print(said.getvalue())
        return f"## Import, rating and replay of usage\n\n```\n{said.getvalue().rstrip()}\n```\n"
    alone: dict[str, Callable[..., list[Table]]] = {
        "expenses": expenses.main,
        "advisor": advisor.main,
        "fees": fees.main,
        "growth": growth.main,
        "messages": messages.main,
        "payments": payments.main,
        "load": load.main,
        "support": support.main,
    }
    if part in alone:
        tables = alone[part](is_quick=is_quick)
    else:
        measure: Callable[..., list[Table]] = {"web": web.main, "sessions": sessions.main}[part]
        with town() as place:
            tables = measure(place, is_quick=is_quick)
    for table in tables:
        table.print()
    return "\n".join(table.markdown() for table in tables)


def _document(written: list[str], arguments: argparse.Namespace) -> str:
    now = datetime.now().astimezone()
    how = " (quick: few runs, for a first look only)" if arguments.quick else ""
    head = f"# Results of `make bench`{how}\n\n{now:%Y-%m-%d %H:%M %Z}. {machine()}\n"
    return "\n".join([head, *written])


def machine() -> str:
    """What it was measured on, in a line."""
    cores = os.cpu_count()
    busy = os.getloadavg()[0]
    return (
        f"{_processor()}, {cores} cores, {_memory_gb():.0f} GB, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, load {busy:.1f} at this moment"
    )


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.lower().startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unnamed processor"


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--only", type=_parts, default=PARTS, metavar="PART,…", help=f"some of: {','.join(PARTS)} (default: all)"
    )
    parser.add_argument("--quick", action="store_true", help="few runs: to see that it works, not how fast it is")
    parser.add_argument("--out", type=Path, help="where to write (default: results.md here; with --quick nowhere)")
    arguments = parser.parse_args()
    if arguments.out is None and not arguments.quick:
        arguments.out = RESULTS
    return arguments


def _parts(text: str) -> tuple[str, ...]:
    chosen = tuple(part for part in text.split(",") if part)
    if unknown := [part for part in chosen if part not in PARTS]:
        raise argparse.ArgumentTypeError(f"no such part: {', '.join(unknown)}")
    return chosen


if __name__ == "__main__":
    sys.exit(main())
