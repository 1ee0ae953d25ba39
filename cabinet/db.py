"""The database: the only place that makes an engine, opens a transaction or commits one.

SQLite (WAL) and PostgreSQL run the same code. On SQLite a writing transaction takes the single writer's lock at once
(`BEGIN IMMEDIATE`), so that a read inside it is as good as `SELECT … FOR UPDATE` on PostgreSQL.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeGuard, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlmodel import Session

from cabinet import metrics, news, tracing
from cabinet.config import settings

P = ParamSpec("P")
T = TypeVar("T")

BUSY_TIMEOUT_MS = 5_000
STATEMENT_TIMEOUT_MS = 30_000


@lru_cache
def engine() -> Engine:
    """The engine of this process, for `CABINET_DATABASE_URL`."""
    return make_engine(settings().database_url)


def make_engine(url: str) -> Engine:
    """An engine with the pragmas and time-outs that the rest of the program relies on.

    Its errors name the statement and not the values, which are people's own.
    """
    if not url.startswith("sqlite"):
        options = f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c lock_timeout={BUSY_TIMEOUT_MS}"
        options += " -c idle_in_transaction_session_timeout=60000 -c timezone=UTC"
        return create_engine(
            url,
            pool_pre_ping=True,
            pool_size=10,
            max_overflow=10,
            hide_parameters=True,
            connect_args={"options": options},
        )

    path = url.removeprefix("sqlite:///")
    if path and path != ":memory:":
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    made = create_engine(
        url, hide_parameters=True, connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000}
    )
    event.listen(made, "connect", _prepare_sqlite)
    event.listen(made, "begin", _begin_sqlite)
    return made


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver must not open transactions by itself: see _begin_sqlite
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_TIMEOUT_MS}"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    reads_only = connection.get_execution_options().get("reads_only", False)
    connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")


_WHAT_TO_DO = {
    "is full": "Free some space and run it again: what was not finished was undone.",
    "readonly": "Look at the rights of the file and of its folder.",
    "unable to open": "Look at the path and at the rights of its folder.",
    "is locked": "Something else writes to it: run it again when that has ended.",
    "no such table": "Bring its schema up to date: python -m cabinet migrate",
    "is not a database": "Look at CABINET_DATABASE_URL: the file is something else.",
    "malformed": "The file is damaged: restore a backup.",
    "connection": "Is the server running, and is CABINET_DATABASE_URL right?",
    "resolve host": "Look at the host in CABINET_DATABASE_URL.",
}


def explain(error: DBAPIError) -> str:
    """What is the matter with the database and what to do, in one line, for who runs a command."""
    cause = error.__context__  # after «disk full» SQLite has forgotten the savepoint, too
    while cause is not None:
        error = cause if isinstance(cause, OperationalError) else error
        cause = cause.__context__
    told = (str(error.orig).strip() or type(error.orig).__name__).splitlines()[0]
    advice = next((advice for sign, advice in _WHAT_TO_DO.items() if sign in told), "")
    return f"The database {engine().url.render_as_string(hide_password=True)}: {told}. {advice}".rstrip()


def is_away(error: BaseException | None) -> TypeGuard[OperationalError]:
    """Whether it says that the database cannot be reached or written now, and nothing of the program."""
    if not isinstance(error, OperationalError):
        return False
    if error.connection_invalidated:
        return True
    if isinstance(error.orig, sqlite3.Error):
        name = getattr(error.orig, "sqlite_errorname", "")
        return name.startswith(("SQLITE_FULL", "SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_IOERR", "SQLITE_BUSY"))
    state = getattr(error.orig, "sqlstate", None)
    return state is None or state.startswith(("08", "57P", "53"))  # no connection, a server that ends, a full one


@contextmanager
def alone(engine: Engine, key: int) -> Iterator[None]:
    """On PostgreSQL no other process is within a block of the same key meanwhile; it is waited for, however long.

    SQLite is of one process.
    """
    if engine.dialect.name != "postgresql":
        yield
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET lock_timeout = 0"))
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": key})
        try:
            yield
        finally:
            connection.invalidate()  # the lock and the time-outs go with the connection


_writer = threading.Lock()


@contextmanager
def _in_turn() -> Iterator[None]:
    """SQLite's one writer is waited for in turn: by itself SQLite looks again after ever longer sleeps, and of many who
    wait somebody is overtaken for seconds. Who has waited too long leaves it to SQLite to refuse him."""
    is_held = settings().is_sqlite and _writer.acquire(timeout=BUSY_TIMEOUT_MS / 1000)
    try:
        yield
    finally:
        if is_held:
            _writer.release()


@contextmanager
def transaction() -> Iterator[Session]:
    """A session that commits at the end of the block, or rolls back when the block raises; news goes out afterwards."""
    with (
        metrics.TRANSACTION_SECONDS.labels("write").time(),
        _in_turn(),
        Session(engine(), expire_on_commit=False) as session,
    ):
        with session.begin():
            yield session
        metrics.committed(session)
    news.tell_kept(session)


@contextmanager
def reading() -> Iterator[Session]:
    """A session for queries only: one consistent snapshot, nothing is ever committed."""
    with (
        metrics.TRANSACTION_SECONDS.labels("read").time(),
        Session(engine().execution_options(reads_only=True), autoflush=False) as session,
    ):
        yield session


async def in_session(function: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Calls a service in a thread and in one transaction of its own; commits when it returns."""

    def call() -> T:
        with tracing.span(tracing.name_of(function), transaction="write"), transaction() as session:
            return function(session, *args, **kwargs)

    return await asyncio.to_thread(call)


async def in_read_session(function: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Calls a reading service in a thread, without the writer's lock."""

    def call() -> T:
        with tracing.span(tracing.name_of(function), transaction="read"), reading() as session:
            return function(session, *args, **kwargs)

    return await asyncio.to_thread(call)
