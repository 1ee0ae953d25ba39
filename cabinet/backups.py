"""Backups: a folder with the database, the attached files, and what is needed to see that it is whole.

The database comes first, so that every file it names is in the copy: files are never changed, and one more does no
harm. A backup is made under another name and gets its own when it is complete, so an interrupted one looks like none.
The secrets of the environment are not in it.
"""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.schema import CreateSchema, DropSchema

from cabinet import clock, db, schema
from cabinet.config import settings

FORMAT = 1
ABOUT, FILES = "backup.json", "files"
DATABASES = {"sqlite": "database.sqlite3", "postgresql": "database.pgdump"}
PAGES_AT_ONCE = 2_000
LOOK_SECONDS = 0.5

OnProgress = Callable[[str, int, int | None], None]
"""What is being done, how much of it is done, and of how much where that is known: bytes, or files."""


class CannotBackUp(Exception):
    """Nothing was made; the text says why."""


class CannotRestore(Exception):
    """Nothing was changed, unless the text says otherwise."""


@dataclass(frozen=True, slots=True)
class About:
    """What a backup says of itself. `revision` is that of the schema, `digest` the SHA-256 of the database's copy."""

    format: int
    engine: str
    made_at: str
    revision: str
    digest: str
    files: int


# --- backup ----------------------------------------------------------------------------------------------------------


def back_up(path: Path, on_progress: OnProgress = lambda what, done, total: None) -> About:
    """Makes a backup in the folder, which must not be there yet; the program may go on meanwhile.

    Raises:
        CannotBackUp: there is such a folder, there is nothing to back up, or PostgreSQL's tools refuse.
    """
    if path.exists():
        raise CannotBackUp(f"{path} is there already: a backup gets a folder of its own.")
    engine = db.engine()
    revision = _revision(engine)
    if revision is None:
        raise CannotBackUp("The database has no tables: there is nothing to back up.")
    partial = path.with_name(f"{path.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700, parents=True)
    try:
        kind = engine.dialect.name
        copy = partial / DATABASES[kind]
        (_copy_sqlite if kind == "sqlite" else _dump_postgres)(copy, on_progress)
        number = _copy_files(settings().files_path, partial / FILES, on_progress)
        about = About(FORMAT, kind, clock.now().isoformat(timespec="seconds"), revision, _digest(copy), number)
        (partial / ABOUT).write_text(json.dumps(asdict(about), indent=2) + "\n", encoding="utf-8")
        _sync(partial)
        partial.rename(path)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return about


def _copy_sqlite(copy: Path, on_progress: OnProgress) -> None:
    source = sqlite3.connect(f"{_sqlite_file().resolve().as_uri()}?mode=ro", uri=True)
    with closing(source), closing(sqlite3.connect(copy)) as target:
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM alembic_version").fetchone()  # from here on one moment is seen
        page = source.execute("PRAGMA page_size").fetchone()[0]
        source.backup(
            target,
            pages=PAGES_AT_ONCE,
            progress=lambda _, left, total: on_progress("the database", (total - left) * page, total * page),
        )


def _dump_postgres(copy: Path, on_progress: OnProgress) -> None:
    command = [_tool("pg_dump"), "--format=custom", "--no-owner", "--no-privileges", f"--file={copy}", _address()]
    with subprocess.Popen(command, env=_environment(), stderr=subprocess.PIPE, text=True) as running:  # noqa: S603
        while running.poll() is None:
            on_progress("the database", copy.stat().st_size if copy.exists() else 0, None)
            time.sleep(LOOK_SECONDS)
        told = running.stderr.read() if running.stderr else ""
    if running.returncode:
        raise CannotBackUp(f"{_reason(told)}")


def _copy_files(source: Path, target: Path, on_progress: OnProgress) -> int:
    """Copies what is in the folder; what vanishes meanwhile had its time. Returns how many files there are."""
    found = [file for file in source.rglob("*") if file.is_file()] if source.is_dir() else []
    number = 0
    for done, file in enumerate(found, start=1):
        place = target / file.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copy2(file, place)
            number += 1
        except FileNotFoundError:
            continue
        on_progress("files", done, len(found))
    return number


# --- restore ---------------------------------------------------------------------------------------------------------


def read_about(path: Path) -> About:
    """What the backup says of itself, if all of it is there and none of it has changed.

    Raises:
        CannotRestore: it is not whole, or of another kind than the database of the settings.
        schema.MadeByNewer: its schema is newer than the program.
    """
    try:
        about = About(**json.loads((path / ABOUT).read_text(encoding="utf-8")))
        copy = path / DATABASES[about.engine]
    except (OSError, ValueError, TypeError, KeyError):
        raise CannotRestore(f"{path} is not a backup: there must be a readable {ABOUT} in it.") from None
    if about.format != FORMAT:
        raise CannotRestore(f"The backup has the format {about.format}, which this version does not know.")
    if not copy.is_file() or _digest(copy) != about.digest:
        raise CannotRestore(f"The backup is damaged: {copy.name} is not what was written.")
    number = sum(file.is_file() for file in (path / FILES).rglob("*"))
    if number != about.files:
        raise CannotRestore(f"The backup is damaged: it has {number} attached files, not {about.files}.")
    own = make_url(settings().database_url).get_backend_name()
    if about.engine != own:
        raise CannotRestore(f"The backup is of {about.engine}, and CABINET_DATABASE_URL names a database of {own}.")
    schema.refuse_unknown(about.revision)
    return about


def restore(path: Path, *, is_forced: bool = False, on_progress: OnProgress = lambda what, done, total: None) -> About:
    """Puts the backup into the database and the folder of files of the settings. Web processes and workers are stopped.

    `is_forced`: what is in the database is lost. Files that are in the folder stay, and those of the backup are added.

    Raises:
        CannotRestore: see `read_about`; or the database is not empty, somebody is connected to it, or PostgreSQL's
            tools refuse.
    """
    about = read_about(path)
    engine = db.engine()
    if inspect(engine).get_table_names() and not is_forced:
        raise CannotRestore("The database is not empty. With --force all that is in it is lost.")
    copy = path / DATABASES[about.engine]
    if about.engine == "sqlite":
        engine.dispose()
        _restore_sqlite(copy, on_progress)
    else:
        _restore_postgres(engine, copy, on_progress)
    _copy_files(path / FILES, settings().files_path, on_progress)
    return about


def _restore_sqlite(copy: Path, on_progress: OnProgress) -> None:
    with closing(sqlite3.connect(f"{copy.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as source:
        page = source.execute("PRAGMA page_size").fetchone()[0]
        with closing(sqlite3.connect(_sqlite_file(), timeout=db.BUSY_TIMEOUT_MS / 1000)) as target:
            source.backup(
                target,
                pages=PAGES_AT_ONCE,
                progress=lambda _, left, total: on_progress("the database", (total - left) * page, total * page),
            )


def _restore_postgres(engine: Engine, copy: Path, on_progress: OnProgress) -> None:
    command = [_tool("pg_restore"), "--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"]
    command += [f"--dbname={_address()}", str(copy)]
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if number := connection.execute(text(others)).scalar_one():
            raise CannotRestore(
                f"{number} are connected to the database: stop the web processes and the workers first."
            )
        for name in inspect(connection).get_schema_names():  # the database is the program's alone
            if name != "information_schema":
                connection.execute(DropSchema(name, cascade=True))
        connection.execute(CreateSchema("public"))
    engine.dispose()
    on_progress("the database", 0, None)
    done = subprocess.run(command, env=_environment(), capture_output=True, text=True)  # noqa: S603  our words
    if done.returncode:
        raise CannotRestore(f"{_reason(done.stderr)}. The database is empty now.")


# --- shared ----------------------------------------------------------------------------------------------------------


def _revision(engine: Engine) -> str | None:
    with engine.execution_options(reads_only=True).connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def _sqlite_file() -> Path:
    return Path(settings().database_url.removeprefix("sqlite:///"))


def _tool(name: str) -> str:
    """Raises:
    CannotBackUp: PostgreSQL's tools are not installed.
    """
    found = shutil.which(name)
    if found is None:
        raise CannotBackUp(f"{name} is not installed; on Debian it is in the package postgresql-client.")
    return found


def _address() -> str:
    """For the tools of PostgreSQL, whose arguments everybody on the machine can read: without the password."""
    address = make_url(settings().database_url)._replace(drivername="postgresql", password=None)
    return address.render_as_string(hide_password=False)


def _environment() -> dict[str, str]:
    password = make_url(settings().database_url).password
    return os.environ | ({"PGPASSWORD": str(password)} if password else {})


def _reason(told: str) -> str:
    lines = told.strip().splitlines() or ["no reason given"]
    return next((line for line in lines if "error:" in line), lines[-1])


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _sync(folder: Path) -> None:
    """All of it is on the disk before it is called a backup."""
    for file in [each for each in folder.rglob("*") if each.is_file()]:
        with file.open("rb") as content:
            os.fsync(content.fileno())
