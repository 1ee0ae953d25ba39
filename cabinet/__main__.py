"""The command line: `python -m cabinet`."""

import csv
import gc
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from sqlalchemy import inspect

from cabinet import clock, db
from cabinet.adapters.usage_files import Rejection, UnreadableFile
from cabinet.adapters.usage_files.formats import UsageFormat, open_usage_file
from cabinet.config import UnsafeSettings, settings
from cabinet.domain.errors import CabinetError
from cabinet.schema import migrate as apply_migrations
from cabinet.services import replay as replays
from cabinet.services import usage
from cabinet.services.usage import ImportReport

SHOWN_REJECTIONS = 20
GARBAGE_THRESHOLD = 50_000  # a batch is many small objects without cycles: looking for them took a sixth of the time

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Кабинет: the operator's commands.")


@app.callback()
def _check_settings() -> None:
    """Names wrong settings before any command runs."""
    try:
        settings()
    except UnsafeSettings as error:
        typer.echo(f"Wrong settings:\n{error}", err=True)
        raise typer.Exit(2) from None


@app.command()
def migrate() -> None:
    """Bring the database's schema up to date."""
    apply_migrations(db.engine())
    typer.echo("The schema is up to date.")


@app.command("import-usage")
def import_usage(
    path: Annotated[Path, typer.Argument(help="The file; for megaline the folder with its files.")],
    usage_format: Annotated[UsageFormat, typer.Option("--format", help="What is in it.")] = UsageFormat.CABINET,
    rejects: Annotated[Path | None, typer.Option(help="Write each rejected row there: file, line, reason.")] = None,
) -> None:
    """Import usage records; can be killed and run again.

    Exit code 0: every row was accepted or known already; 1: some rows were rejected; 2: nothing could be read.
    """
    _require_schema()
    gc.set_threshold(GARBAGE_THRESHOLD)
    first: list[Rejection] = []
    with ExitStack() as stack:
        try:
            usage_file = open_usage_file(path, usage_format, clock.time_zone())
            if rejects is not None and rejects.exists() and path.exists() and rejects.samefile(path):
                raise UnreadableFile(path=rejects, reason="the rejects would overwrite the file itself")
            written = csv.writer(stack.enter_context(rejects.open("w", newline=""))) if rejects else None
            if written:
                written.writerow(Rejection._fields)
            progress = stack.enter_context(_progress())
            task = progress.add_task("records", total=usage_file.total_bytes, done=0)

            def show(report: ImportReport, rejections: Sequence[Rejection]) -> None:
                if written:
                    written.writerows(rejections)
                first.extend(rejections[: SHOWN_REJECTIONS - len(first)])
                done = report.accepted + report.duplicates + report.rejected
                progress.update(task, completed=usage_file.read_bytes, done=done)

            report = usage.import_file(usage_file, now=clock.now(), on_progress=show)
        except (CabinetError, OSError) as error:
            _fail(str(error))
    typer.echo(f"Accepted {report.accepted}, duplicates {report.duplicates}, rejected {report.rejected}.")
    if report.new_subscribers:
        typer.echo(f"New subscribers: {report.new_subscribers}.")
    for rejection in first:
        typer.echo(f"  {rejection}")
    if report.rejected > len(first):
        where = f"all of them are in {rejects}" if rejects else "see all of them with --rejects FILE"
        typer.echo(f"  … and {report.rejected - len(first)} more; {where}")
    raise typer.Exit(1 if report.rejected else 0)


@app.command()
def replay(
    plan: Annotated[str, typer.Option(help="Code of the plan.")],
    out: Annotated[Path, typer.Option("--csv", help="The file to write.")],
) -> None:
    """Price every subscriber's usage months on one plan, with fresh allowances each month."""
    _require_schema()
    months = unpriced = unsold = 0
    partial = out.with_name(f"{out.name}.part")  # so that a broken run leaves no file that looks whole
    try:
        with db.reading() as session:
            priced = replays.replay_everyone(session, plan)
            with partial.open("w", newline="", encoding="utf-8") as file:
                table = csv.writer(file, lineterminator="\n")
                table.writerow(replays.COLUMNS)
                for account_number, cost in priced:
                    if cost is None:
                        unsold += 1
                        continue
                    table.writerow(replays.columns_of(account_number, cost))
                    months += 1
                    unpriced += cost.unpriced
        partial.replace(out)
    except (CabinetError, OSError) as error:
        _fail(str(error))
    typer.echo(f"{months} subscriber-months on the plan {plan}: {out}")
    if unpriced:
        typer.echo(f"Left out {unpriced} records that the plan has no price for.", err=True)
    if unsold:
        typer.echo(f"Left out {unsold} subscribers in whose region the plan is not sold.", err=True)


def _require_schema() -> None:
    if not inspect(db.engine()).has_table("usage_record"):
        _fail("The database is empty; run first: python -m cabinet migrate")


def _fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(2)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.fields[done]} {task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )


if __name__ == "__main__":
    sys.exit(app())
