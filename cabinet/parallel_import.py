"""One import by several processes: each reads the whole file and takes the subscribers that are its own.

So nobody waits for anybody (a batch holds its subscribers), and a subscriber's records are rated in the file's order.
Killed at any moment and run again, with as many processes or with others, it comes to the same end.
"""

import gc
import multiprocessing
import os
import queue
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cabinet import clock
from cabinet.adapters.usage_files import Rejection
from cabinet.adapters.usage_files.formats import UsageFormat, open_usage_file
from cabinet.domain.errors import CabinetError
from cabinet.services import demo, usage
from cabinet.services.usage import ImportReport, Share

GARBAGE_THRESHOLD = 50_000  # a batch is many small objects without cycles: looking for them took a sixth of the time


class JobFailed(CabinetError):
    """For the operator's staff."""

    message = "{reason}. What was imported stays; run it again to import the rest."


@dataclass(frozen=True, slots=True)
class _Said:
    """How far a job is. `failure` ends it."""

    number: int
    report: ImportReport
    rejections: list[Rejection]
    read_bytes: int
    is_done: bool = False
    failure: str = ""


def import_in_parallel(
    path: Path,
    usage_format: UsageFormat,
    *,
    jobs: int,
    now: datetime,
    until: datetime | None,
    on_progress: Callable[[ImportReport, Sequence[Rejection], int], None],
    batch_size: int = usage.BATCH_SIZE,
) -> ImportReport:
    """Imports with so many processes; `on_progress` has the sums of all, new rejections, and bytes read of the file.

    Raises:
        CabinetError: see `usage.import_file`.
        JobFailed: one of the processes ended before its time, and so do the others.
    """
    usage_file = open_usage_file(path, usage_format, clock.time_zone())
    new_subscribers = usage.take_on(usage_file, now=now)
    context = multiprocessing.get_context("spawn")  # a copy of this process would share its connections
    said: Any = context.Queue()
    what = path, usage_format, now, until, batch_size, said
    working = [context.Process(target=_work, args=(Share(number, jobs), *what), daemon=True) for number in range(jobs)]
    for process in working:
        process.start()
    latest = [_Said(number, ImportReport(), [], 0) for number in range(jobs)]
    try:
        while not all(one.is_done for one in latest):
            told = _next(said, working, latest)
            if told is None:
                continue
            if told.failure:
                raise JobFailed(reason=told.failure)
            latest[told.number] = told
            on_progress(_sum(latest, new_subscribers), told.rejections, min(one.read_bytes for one in latest))
    finally:
        for process in working:
            process.terminate()
            process.join()
    return _sum(latest, new_subscribers)


def _next(said: Any, working: Sequence[Any], latest: Sequence[_Said]) -> _Said | None:
    try:
        told: _Said = said.get(timeout=1)
        return told
    except queue.Empty:
        for process, one in zip(working, latest, strict=True):
            if process.exitcode is not None and not one.is_done and said.empty():
                raise JobFailed(reason=f"A job of the import ended with code {process.exitcode}") from None
        return None


def _work(
    share: Share,
    path: Path,
    usage_format: UsageFormat,
    now: datetime,
    until: datetime | None,
    batch_size: int,
    said: Any,
) -> None:
    """One job, in a process of its own; it ends when who started it is gone."""
    gc.set_threshold(GARBAGE_THRESHOLD)
    demo.load_offset()
    parent = os.getppid()
    usage_file = open_usage_file(path, usage_format, clock.time_zone())
    report = ImportReport()

    def tell(report: ImportReport, rejections: Sequence[Rejection]) -> None:
        if os.getppid() != parent:
            raise SystemExit(1)
        said.put(_Said(share.number, ImportReport(**asdict(report)), list(rejections), usage_file.read_bytes))

    try:
        report = usage.import_file(
            usage_file, now=now, until=until, share=share, on_progress=tell, batch_size=batch_size
        )
    except Exception as error:  # whatever it is, who waits is told
        said.put(_Said(share.number, report, [], 0, failure=f"{type(error).__name__}: {error}".partition("\n")[0]))
    else:
        said.put(_Said(share.number, report, [], usage_file.total_bytes, is_done=True))


def _sum(latest: Sequence[_Said], new_subscribers: int) -> ImportReport:
    return ImportReport(
        accepted=sum(one.report.accepted for one in latest),
        duplicates=sum(one.report.duplicates for one in latest),
        rejected=sum(one.report.rejected for one in latest),
        later=sum(one.report.later for one in latest),
        charged_kopecks=sum(one.report.charged_kopecks for one in latest),
        new_subscribers=new_subscribers,
    )
