"""The command line: `python -m cabinet`."""

import asyncio
import csv
import errno
import gc
import secrets
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import segno
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from sqlalchemy.exc import DatabaseError, OperationalError
from typer.core import TyperGroup

from cabinet import backups, clock, db, logs, relay, schema, tracing, worker
from cabinet import serve as serving
from cabinet.adapters import payments
from cabinet.adapters.usage_files import Rejection, UnreadableFile
from cabinet.adapters.usage_files.formats import UsageFormat, open_usage_file
from cabinet.config import UnsafeSettings, list_doubtful, list_unknown, settings
from cabinet.domain import catalogue
from cabinet.domain.errors import CabinetError, NotFound
from cabinet.domain.money import parse_kopecks
from cabinet.domain.payments import RefundState
from cabinet.domain.staff import Role
from cabinet.parallel_import import GARBAGE_THRESHOLD, import_in_parallel
from cabinet.services import audit as audits
from cabinet.services import catalogue as catalogues
from cabinet.services import demo as demos
from cabinet.services import passwords, refunds, usage, words
from cabinet.services import replay as replays
from cabinet.services import staff as staffs
from cabinet.services.demo import Life
from cabinet.services.usage import ImportReport

SHOWN_REJECTIONS = 20
_DAY = "%Y-%m-%d"


class _Commands(TyperGroup):
    """What a command cannot help is told in one line, exit code 2: a disk that is full, a server that is away."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]  # Typer has a click of its own
        """As ever, without a trace for what is no fault of the program."""
        try:
            return super().invoke(ctx)
        except (schema.MadeByNewer, tracing.TracingNotInstalled) as error:
            _fail(str(error))
        except DatabaseError as error:
            if isinstance(error, OperationalError) or type(error) is DatabaseError:
                _fail(db.explain(error))
            raise
        except OSError as error:
            if error.errno in (None, errno.EPIPE):
                raise
            _fail(f"{error.strerror}: {error.filename}" if error.filename else str(error.strerror))


app = typer.Typer(cls=_Commands, add_completion=False, no_args_is_help=True, help="Кабинет: the operator's commands.")
staff = typer.Typer(no_args_is_help=True, help="The operator's staff: who may sign in at /staff/login/.")
app.add_typer(staff, name="staff")
top_ups = typer.Typer(no_args_is_help=True, help="Top-ups that need a person, and refunds.")
app.add_typer(top_ups, name="top-ups")


@app.callback()
def _check_settings() -> None:
    """Names wrong settings before any command runs."""
    for line in list_unknown():
        typer.echo(line, err=True)
    try:
        settings()
    except UnsafeSettings as error:
        typer.echo(f"Wrong settings:\n{error}", err=True)
        raise typer.Exit(2) from None
    for line in list_doubtful():
        typer.echo(line, err=True)


@app.command()
def serve(reload: Annotated[bool, typer.Option("--reload", help="For development: with hot reload.")] = False) -> None:
    """Build the pages if they have changed, bring the schema up to date, make the demo operator, and serve.

    Exit code 3: the port is busy.
    """
    _prepare_to_serve()
    schema.migrate(db.engine())
    _refuse_demo_staff()
    if settings().is_demo:
        with db.reading() as session:
            is_made = demos.exists(session)
        if not is_made:  # in a process of its own: what that takes of memory is given back
            done = subprocess.run([sys.executable, "-m", "cabinet", "demo"])
            if done.returncode:
                raise typer.Exit(done.returncode)
    if reload:
        _say_where()
        serving.serve_with_reload()
        return
    _build_if_changed()
    _say_where()
    serving.serve()


@app.command()
def build() -> None:
    """Build the pages if they have changed; for a set-up whose web processes only serve them."""
    serving.prepare_environment()
    _build_if_changed()
    typer.echo("The pages are built.")


@app.command()
def web() -> None:
    """Serve and nothing else: one of several web processes behind a proxy. Neither builds nor migrates.

    Exit code 2: the schema is not current, or the pages are not built; 3: the port is busy.
    """
    _prepare_to_serve()
    _require_schema()
    _refuse_demo_staff()
    if not serving.is_built():
        _fail("The pages are not those of this program and these settings: run `python -m cabinet build`.")
    serving.serve()


def _prepare_to_serve() -> None:
    serving.prepare_environment()
    try:
        serving.refuse_busy_port(settings().port, settings().host)
    except serving.PortBusy as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(3) from None


def _build_if_changed() -> None:
    if serving.is_built():
        return
    typer.echo("Building the pages: about a minute, only when they have changed.")
    try:
        serving.build()
    except serving.BuildFailed as error:
        _fail(f"The pages could not be built:\n{error}")


def _refuse_demo_staff() -> None:
    if settings().is_demo:
        return
    with db.reading() as session:
        logins = staffs.list_demo_logins(session)
    if logins:
        _fail(
            f"CABINET_ENV=production, but the demo's staff can sign in: {', '.join(logins)}. "
            "Disable each: python -m cabinet staff disable LOGIN"
        )


def _say_where() -> None:
    url = settings().public_url
    typer.echo(f"{settings().brand_name}: {url}  (Ctrl-C stops it)")
    if settings().is_demo:
        typer.echo(f"Demo numbers: 9160000001, 9160000002, 9160000003; their SMS: {url}/demo/phone/")
        typer.echo(f"The demo's staff, their passwords and codes: {url}/staff/login/")


@app.command()
def migrate() -> None:
    """Bring the database's schema up to date."""
    schema.migrate(db.engine())
    typer.echo("The schema is up to date.")


@app.command()
def backup(path: Annotated[Path, typer.Argument(help="The folder to make; it must not be there yet.")]) -> None:
    """Back up the database and the attached files into a new folder; the program may go on meanwhile.

    The secrets of the environment are not in it: without CABINET_SECRET_KEY nobody's password fits any more.
    Exit code 2: nothing was made, and why.
    """
    try:
        with _progress() as progress:
            about = backups.back_up(path, _shown(progress))
    except backups.CannotBackUp as error:
        _fail(str(error))
    typer.echo(f"{path}: {about.engine}, schema {about.revision}, attached files: {about.files}.")


@app.command()
def restore(
    path: Annotated[Path, typer.Argument(help="The folder that `backup` made.")],
    force: Annotated[
        bool, typer.Option("--force", help="Even if the database is not empty: what is in it is lost.")
    ] = False,
) -> None:
    """Put a backup into an empty database, and check every invariant of it. Web processes and workers must be stopped.

    Exit code 0: all of it is there and sound; 1: an invariant does not hold; 2: it was not restored, and why.
    """
    try:
        with _progress() as progress:
            about = backups.restore(path, is_forced=force, on_progress=_shown(progress))
    except (backups.CannotBackUp, backups.CannotRestore) as error:
        _fail(str(error))
    typer.echo(f"Restored as of {about.made_at}, attached files: {about.files}.")
    if not schema.is_current(db.engine()):
        typer.echo("Its schema is older than the program: run `python -m cabinet migrate`, then `audit`.")
        return
    audit()


def _shown(progress: Progress) -> backups.OnProgress:
    task = progress.add_task("", total=None, done="")

    def show(what: str, done: int, total: int | None) -> None:
        progress.update(task, description=what, completed=done, total=total, done=done)

    return show


@app.command("load-catalogue")
def load_catalogue(
    path: Annotated[Path | None, typer.Argument(help="The file; without it that of CABINET_CATALOGUE_PATH.")] = None,
) -> None:
    """Bring what is new in the catalogue file on sale: new versions, and what was closed or opened for joining.

    All of the file or nothing. Who has an older version keeps it. What the desk has published or closed stays.
    """
    _require_schema()
    try:
        offer = catalogue.load(path or settings().catalogue_path)
        with db.transaction() as session:
            stored = catalogues.store_catalogue(session, offer, now=clock.now())
    except CabinetError as error:
        _fail(str(error))
    typer.echo(f"New versions: {stored.added}. Closed or opened for joining: {stored.archived_changed}.")
    if stored.behind:
        typer.echo(f"Sold in a newer version than the file has: {', '.join(stored.behind)}.")
    if stored.russian_only:
        typer.echo(f"Without English words: {'; '.join(stored.russian_only)}.")


@app.command("import-usage")
def import_usage(
    path: Annotated[Path, typer.Argument(help="The file; for megaline the folder with its files.")],
    usage_format: Annotated[UsageFormat, typer.Option("--format", help="What is in it.")] = UsageFormat.CABINET,
    rejects: Annotated[Path | None, typer.Option(help="Write each rejected row there: file, line, reason.")] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=[_DAY], help="Only what was used before that day; the rest another time.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="So many processes at once; PostgreSQL only.")] = 1,
) -> None:
    """Import usage records; can be killed and run again.

    Exit code 0: every row was accepted or known already; 1: some rows were rejected; 2: nothing could be read.
    """
    _require_schema()
    if jobs > 1 and settings().is_sqlite:
        _fail("--jobs needs PostgreSQL: SQLite has one writer, and several would wait for each other.")
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

            def show(report: ImportReport, rejections: Sequence[Rejection], read_bytes: int | None = None) -> None:
                if written:
                    written.writerows(rejections)
                first.extend(rejections[: SHOWN_REJECTIONS - len(first)])
                done = report.accepted + report.duplicates + report.rejected + report.later
                completed = usage_file.read_bytes if read_bytes is None else read_bytes
                progress.update(task, completed=completed, done=done)

            now, end = clock.now(), _beginning(until)
            if jobs > 1:
                report = import_in_parallel(path, usage_format, jobs=jobs, now=now, until=end, on_progress=show)
            else:
                report = usage.import_file(usage_file, now=now, until=end, on_progress=show)
        except (CabinetError, OSError) as error:
            _fail(str(error))
    typer.echo(f"Accepted {report.accepted}, duplicates {report.duplicates}, rejected {report.rejected}.")
    if report.later:
        typer.echo(f"Left for later: {report.later}.")
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


@app.command()
def demo(
    seed: Annotated[int, typer.Option(min=0, help="Other people and other days for another number.")] = demos.SEED,
    now: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%dT%H:%M:%S"], help="The moment (UTC) to make it for.")
    ] = None,
) -> None:
    """Make the demo operator, or let its life go on to the present; can be killed and run again."""
    if not settings().is_demo:
        _fail("The demo operator exists with CABINET_ENV=demo only.")
    schema.migrate(db.engine())
    demos.load_offset()
    gc.set_threshold(GARBAGE_THRESHOLD)
    moment = clock.now() if now is None else now.replace(tzinfo=UTC)
    try:
        with _progress() as progress:
            task = progress.add_task("records of usage", total=None, done=0)

            def show(life: Life) -> None:
                gone, whole = life.now - life.began_at, life.until - life.began_at
                progress.update(task, completed=gone / whole, total=1, done=life.records)

            made = demos.make(moment, seed=seed, on_progress=show)
            went_on = demos.live_until(moment, on_progress=show)
    except CabinetError as error:
        _fail(str(error))
    if made is not None:
        typer.echo(f"The demo operator is made: {made.records} records of usage, {made.payments} payments.")
    elif went_on is not None and went_on.records:
        typer.echo(f"The demo operator exists; its life went on: {went_on.records} records of usage.")
    else:
        typer.echo("The demo operator exists already.")


@app.command("worker")
def run_worker(
    once: Annotated[bool, typer.Option("--once", help="Do what is due and end.")] = False,
    until: Annotated[
        datetime | None,
        typer.Option(formats=[_DAY], help="Do what was due by the beginning of that day of the past, as of then; end."),
    ] = None,
) -> None:
    """Charge fees, send messages, clean up, audit: until interrupted, or once. Exit code 1: something failed."""
    _require_schema()
    logs.configure()
    moment = _beginning(until) or clock.now()
    if moment > clock.now():
        _fail("That day has not begun. A demo operator's clock is moved at /demo/clock/, nobody else's can be.")
    if not (once or until):
        asyncio.run(_work_until_interrupted())
        return
    with db.reading() as session:
        words.catch_up(session)
    report = worker.run_once(moment)
    for job, rows in report.done.items():
        typer.echo(f"{job}: {rows}")
    for job, why in report.failed.items():
        typer.echo(f"{job} failed: {why}", err=True)
    if report.broken:
        typer.echo(f"The ledger is broken: {report.broken}", err=True)
    raise typer.Exit(0 if report.is_good else 1)


def _beginning(day: datetime | None) -> datetime | None:
    """The first moment of that day at the operator's."""
    return None if day is None else day.replace(tzinfo=clock.time_zone()).astimezone(UTC)


async def _work_until_interrupted() -> None:
    stop = asyncio.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
    tracing.start()
    if settings().metrics_port:
        from cabinet.http import metrics

        metrics.serve_beside(settings().metrics_port)
    async with demos.following(), relay.hearing(), words.following():
        await worker.run_forever(stop)


@app.command()
def audit() -> None:
    """Check every invariant of money and usage. Exit code 1: one does not hold, and whose account it is."""
    _require_schema()
    with _progress() as progress, db.reading() as session:
        task = progress.add_task("", total=None, done=0)
        report = audits.run_audit(session, lambda name, checked: progress.update(task, description=name, done=checked))
    table = Table("", "what must hold", "checked", "wrong", box=None)
    for check in report.checks:
        table.add_row(check.code, check.name, str(check.checked), str(len(check.faults) or "–"))
    Console(width=100).print(table)
    for fault in report.faults:
        typer.echo(str(fault), err=True)
    for name in report.unsorted:
        typer.echo(f"{name}: some rows wait for a month of their own, which the worker makes within the hour.")
    raise typer.Exit(0 if report.is_sound else 1)


@top_ups.command("attention")
def list_troubles() -> None:
    """List the top-ups where the gateway's words and our money do not agree; docs/payments.md says what to do."""
    _require_schema()
    with db.reading() as session:
        troubles = refunds.list_troubles(session)
    if not troubles:
        typer.echo("No top-up needs a person.")
        return
    table = Table(
        "number", "phone", "₽", "state", "given back", "refundable", "what is wrong", "gateway's id", box=None
    )
    for one in troubles:
        sums = (one.amount_kopecks, one.refunded_kopecks, one.refundable_kopecks)
        paid, given_back, refundable = (f"{kopecks // 100}.{kopecks % 100:02}" for kopecks in sums)
        trouble = one.attention.value.replace("_", " ")
        known_as = f"{one.gateway} {one.gateway_id}".strip()
        table.add_row(str(one.number), one.msisdn, paid, one.state.value, given_back, refundable, trouble, known_as)
    Console(width=140).print(table)


@top_ups.command("looked")
def close_trouble(number: Annotated[int, typer.Argument(help="As on the receipt.")]) -> None:
    """Take a top-up off the list: somebody has looked at it."""
    _require_schema()
    try:
        with db.transaction() as session:
            refunds.close_trouble(session, number)
    except NotFound:
        _fail(f"There is no top-up {number}.")
    typer.echo(f"Top-up {number} is off the list.")


@top_ups.command("refund")
def refund_top_up(
    number: Annotated[int, typer.Argument(help="As on the receipt.")],
    sum_: Annotated[str, typer.Option("--sum", help="Roubles, as 100,50; without it all that is left.")] = "",
) -> None:
    """Give money of a top-up back to the card or account it came from; what is on the balance only.

    Exit code 1: the gateway refused, and the money is on the balance again. Where it does not answer, the worker asks
    again.
    """
    _require_schema()
    demos.load_offset()
    try:
        kopecks = parse_kopecks(sum_) if sum_ else None
        with db.transaction() as session:
            begun = refunds.start(session, number, kopecks, now=clock.now())
    except NotFound:
        _fail(f"There is no top-up {number}.")
    except CabinetError as error:
        _fail(str(error))
    done = refunds.submit(begun.id, payments.gateway(), now=clock.now)
    told = {
        RefundState.SUCCEEDED: "is given back",
        RefundState.CREATED: "is on its way: the gateway has not answered, the worker asks again",
        RefundState.REFUSED: "is not given back: the gateway refused, the money is on the balance again",
    }
    typer.echo(f"{done.amount_kopecks // 100}.{done.amount_kopecks % 100:02} ₽ of top-up {number} {told[done.state]}.")
    raise typer.Exit(1 if done.state is RefundState.REFUSED else 0)


@staff.command("add")
def add_staff(
    login: Annotated[str, typer.Argument(help="3 to 32 characters: latin letters, digits, dot, hyphen, underscore.")],
    role: Annotated[Role, typer.Option(help="What they may do: docs/staff.md.")],
    name: Annotated[str, typer.Option(help="As subscribers see it: «Ирина М.».", prompt=True)],
    number: Annotated[str, typer.Option(help="Their own number, if you serve it: they cannot touch its account.")] = "",
    generate: Annotated[
        bool, typer.Option("--generate-password", help="Make a password instead of asking for one, and print it.")
    ] = False,
) -> None:
    """Hire somebody: asks for a password, prints once what their authenticator needs."""
    _require_schema()
    kept_hash = _ask_for_password(generate)
    try:
        with db.transaction() as session:
            hired = staffs.add_member(
                session, login=login, name=name, role=role, password_hash=kept_hash, msisdn=number, now=clock.now()
            )
    except CabinetError as error:
        _fail(str(error))
    _print_key(hired)


@staff.command("list")
def list_staff() -> None:
    """Everybody who was ever hired."""
    _require_schema()
    with db.reading() as session:
        members = staffs.list_members(session)
    table = Table("login", "name", "role", "since", "", box=None)
    for member in members:
        since = f"{clock.local(member.created_at):{_DAY}}"
        table.add_row(member.login, member.name, member.role.value, since, "" if member.is_active else "disabled")
    Console(width=100).print(table)


@staff.command("disable")
def disable_staff(login: str) -> None:
    """Dismiss somebody: they cannot sign in any more, and where they are signed in it ends."""
    _require_schema()
    try:
        with db.transaction() as session:
            ended = staffs.disable(session, login, now=clock.now())
    except CabinetError:
        _fail(f"There is no {login} among the staff.")
    typer.echo(f"{login} is disabled; sessions ended: {len(ended)}.")


@staff.command("enable")
def enable_staff(login: str) -> None:
    """Take somebody back who was dismissed: with the password and the key they had."""
    _require_schema()
    try:
        with db.transaction() as session:
            staffs.enable(session, login)
    except CabinetError:
        _fail(f"There is no {login} among the staff.")
    typer.echo(f"{login} can sign in again.")


@staff.command("reset-totp")
def reset_staff_totp(login: str) -> None:
    """Give somebody a new key for codes, after a lost telephone; the old one opens nothing from now on."""
    _require_schema()
    try:
        with db.transaction() as session:
            hired = staffs.reset_totp(session, login, now=clock.now())
    except CabinetError:
        _fail(f"There is no {login} among the staff.")
    _print_key(hired)


@staff.command("set-password")
def set_staff_password(
    login: str, generate: Annotated[bool, typer.Option("--generate-password", help="Make one and print it.")] = False
) -> None:
    """Give somebody another password; where they are signed in it ends."""
    _require_schema()
    kept_hash = _ask_for_password(generate)
    try:
        with db.transaction() as session:
            ended = staffs.set_password(session, login, kept_hash, now=clock.now())
    except CabinetError:
        _fail(f"There is no {login} among the staff.")
    typer.echo(f"{login} has another password; sessions ended: {len(ended)}.")


def _ask_for_password(is_generated: bool) -> str:
    """The hash of what was typed twice, or of a password that is made and printed."""
    if is_generated:
        password = secrets.token_urlsafe(15)
        typer.echo(f"Password: {password}")
    else:
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    try:
        return asyncio.run(passwords.check_and_hash(password))
    except CabinetError as error:
        _fail(str(error))


def _print_key(hired: staffs.Hired) -> None:
    """The key for codes, as a picture for a telephone's camera and as text. It cannot be shown again."""
    segno.make(hired.uri, error="l").terminal(compact=True)
    typer.echo(f"Scan this with an authenticator, or type the key: {hired.secret}\n{hired.uri}")
    typer.echo(f"{hired.login} signs in at {settings().public_url}/staff/login/")


def _require_schema() -> None:
    """And takes the operator's clock, for every command that has a database."""
    schema.refuse_newer(db.engine())
    if not schema.is_current(db.engine()):
        _fail(str(schema.NotCurrent()))
    demos.load_offset()


def _fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(2)


def _progress() -> Progress:
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.fields[done]} {task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


if __name__ == "__main__":
    sys.exit(app())
