"""The production build, served by one process with the demo operator: started once, for all tests that need it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from sqlalchemy import text
from sqlmodel import Session

from cabinet import db
from cabinet.config import ROOT, settings
from tests.servers import free_port
from tests.waiting import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext


@dataclass(frozen=True)
class Site:
    """A running cabinet."""

    url: str
    log: Path
    database: Path
    postgres_url: str = ""

    @property
    def database_url(self) -> str:
        """Where its data is, for `CABINET_DATABASE_URL`."""
        return self.postgres_url or f"sqlite:///{self.database}"

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A transaction in its database, as commands beside the running cabinet make theirs."""
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("CABINET_DATABASE_URL", self.database_url)
            _forget_settings()
            try:
                with db.transaction() as session:
                    yield session
            finally:
                db.engine().dispose()
        _forget_settings()

    def now(self) -> datetime:
        """The operator's time."""
        return datetime.fromisoformat(self.state()["now"])

    def state(self, context: "BrowserContext | None" = None) -> dict:
        """What `/demo/state.json` says; with a browser's cookies when a context is given."""
        if context is not None:
            return context.request.get(f"{self.url}/demo/state.json").json()
        return httpx.get(f"{self.url}/demo/state.json").json()

    def sms_to(self, number: str) -> list[str]:
        """Texts sent to a number, oldest first."""
        return [sms["text"] for sms in self.state()["sms"] if sms["to"].endswith(number)]


def _forget_settings() -> None:
    settings.cache_clear()
    db.engine.cache_clear()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Site]:
    """The production build on a port of its own, with a demo world of its own; the log is kept for a look.

    With `--site cluster` it is two web processes and two workers on PostgreSQL and Redis, behind nginx.
    """
    folder = tmp_path_factory.mktemp("site")
    if pytestconfig.getoption("--site") == "cluster":
        from tests.cluster import town

        with town.running(folder, is_demo=True) as cluster:
            yield Site(cluster.url, cluster.webs[0].log, folder / "none", cluster.database_url)
        return
    with serving(folder) as served:
        yield served


@contextmanager
def serving(folder: Path, **more: str) -> Iterator[Site]:
    """A site whose database and log are in the folder; `more` are settings."""
    port = free_port()
    url = f"http://localhost:{port}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CABINET_")} | {
        "CABINET_DATABASE_URL": f"sqlite:///{folder / 'cabinet.db'}",
        "CABINET_PORT": str(port),
        "CABINET_PUBLIC_URL": url,
        # Tests sign in far more often than people do; the limits have tests of their own in tests/services.
        "CABINET_CODES_PER_ADDRESS_HOUR": "100000",
        "CABINET_RESEND_PAUSES": "[2, 3, 5]",
        "CABINET_TRUSTED_PROXY_HOPS": "1",  # a test may come from any address, by X-Forwarded-For
        **more,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    log = folder / "log.txt"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "cabinet", "serve"],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            wait_until(lambda: _is_ready(url, process, log), seconds=300, what="the site is ready")
            yield Site(url, log, folder / "cabinet.db")
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=30)


def _is_ready(url: str, process: subprocess.Popen, log: Path) -> bool:
    if process.poll() is not None:
        pytest.fail(f"the site stopped with {process.returncode}:\n{log.read_text()[-4000:]}")
    try:
        return httpx.get(f"{url}/readyz").status_code == 200 and bool(httpx.get(f"{url}/demo/state.json").json()["now"])
    except (httpx.HTTPError, ValueError, KeyError):
        return False


@pytest.fixture(scope="session")
def spare_numbers(site: Site) -> Iterator[str]:
    """Subscribers of the demo base whom nobody has used: ten digits each."""
    engine = db.make_engine(site.database_url)
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT substr(msisdn, 2) FROM subscriber"
                " WHERE status = 'active' AND msisdn NOT LIKE '7916000000_' ORDER BY id"
            )
        ).fetchall()
    engine.dispose()
    return iter(row[0] for row in rows)


@pytest.fixture
def number(spare_numbers: Iterator[str]) -> str:
    """A subscriber of the demo base whom no other test has used: ten digits."""
    return next(spare_numbers)
