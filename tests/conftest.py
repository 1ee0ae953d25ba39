"""Databases for tests: made once by the real migrations; every test starts from the same emptiness.

`session` is for services: whatever a test does is rolled back. `database` is for code that opens its own transactions
(pages, commands, workers, races): a database of its own, which `cabinet.db` uses for the length of the test.
Both are SQLite, and PostgreSQL too in tests marked with `both_engines`.
"""

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session

os.environ.setdefault("REFLEX_TELEMETRY_ENABLED", "false")
for name in [name for name in os.environ if name.startswith("CABINET_")]:
    del os.environ[name]  # a developer's own settings must not decide what tests see

from cabinet import clock, db, locales  # noqa: E402
from cabinet.adapters import payments  # noqa: E402
from cabinet.config import settings  # noqa: E402
from cabinet.schema import migrate  # noqa: E402
from tests.servers import PostgresServer  # noqa: E402
from tests.site import number, site, spare_numbers  # noqa: E402, F401  fixtures: one start for all folders

NOON = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)  # 12:00 in Moscow


def pytest_addoption(parser: pytest.Parser) -> None:
    """`pytest -m browser --site cluster`: the same tests before a production set-up."""
    parser.addoption("--site", choices=["one", "cluster"], default="one", help="what the browser comes to")


both_engines = pytest.mark.parametrize("engine_name", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])


@pytest.fixture
def engine_name() -> str:
    """SQLite unless the test asks for both."""
    return "sqlite"


@pytest.fixture(autouse=True)
def _fresh_process_state() -> Iterator[None]:
    """Settings, engine and clock are read once a process; a test must not leave its own behind."""
    yield
    settings.cache_clear()
    db.engine.cache_clear()
    payments.gateway.cache_clear()
    locales.learn({}, None)
    clock.set_offset(timedelta())


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty, fully migrated SQLite file to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    engine = db.make_engine(f"sqlite:///{path}")
    migrate(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server of this test run, with a migrated template database."""
    with PostgresServer() as server:
        engine = db.make_engine(server.create("template"))
        migrate(engine)
        engine.dispose()
        yield server


@pytest.fixture
def database_url(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty, migrated database of this test's own."""
    if engine_name == "sqlite":
        path = tmp_path / "cabinet.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.create(f"test_{os.urandom(6).hex()}", template="template")
    yield url
    server.drop(url)


@pytest.fixture
def database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An empty database that `cabinet.db` uses: for code that opens transactions itself."""
    monkeypatch.setenv("CABINET_DATABASE_URL", database_url)
    settings.cache_clear()
    db.engine.cache_clear()
    yield db.engine()
    db.engine().dispose()


@pytest.fixture(scope="session")
def _shared_engines() -> Iterator[dict[str, Engine]]:
    engines: dict[str, Engine] = {}
    yield engines
    for engine in engines.values():
        engine.dispose()


@pytest.fixture
def session(
    engine_name: str,
    request: pytest.FixtureRequest,
    _shared_engines: dict[str, Engine],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Session]:
    """A session whose work is rolled back at the end of the test."""
    if engine_name not in _shared_engines:
        if engine_name == "sqlite":
            path = tmp_path_factory.mktemp("shared") / "cabinet.db"
            shutil.copy(request.getfixturevalue("sqlite_template"), path)
            url = f"sqlite:///{path}"
        else:
            url = request.getfixturevalue("postgres").create("shared", template="template")
        _shared_engines[engine_name] = db.make_engine(url)
    with _shared_engines[engine_name].connect() as connection:
        outer = connection.begin()
        with Session(connection, join_transaction_mode="create_savepoint", expire_on_commit=False) as made:
            yield made
        outer.rollback()


def count(session: Session, table: str) -> int:
    """How many rows a table has."""
    return session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
