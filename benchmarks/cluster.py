"""Web processes of the cabinet on one database, to be loaded or killed, and how such a database is made."""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path

import httpx
from sqlalchemy import Engine, text
from sqlmodel import Session

from cabinet import clock, db
from cabinet.config import ROOT
from cabinet.services import audit
from tests.servers import free_port
from tests.waiting import wait_until

SERVE = ("-m", "cabinet", "serve")
WORK = ("-m", "cabinet", "worker")
START_SECONDS = 900  # the first start builds the pages, and the machine may be busy


@dataclass
class Process:
    """A web process with a worker in it, or a worker of its own. `home` is where its program lies."""

    place: "Place"
    port: int
    home: Path = ROOT
    running: subprocess.Popen | None = None

    @property
    def url(self) -> str:
        """Of this process alone."""
        return f"http://localhost:{self.port}"

    def start(self, *command: str) -> None:
        """Serves, by another command if there is one; returns when it is ready, or has ended."""
        self.begin(*(command or SERVE))
        wait_until(lambda: self.answers or self.is_dead, seconds=START_SECONDS, what=f"port {self.port} is ready")

    def begin(self, *command: str) -> None:
        """Runs a command, and does not wait for anything."""
        with (self.place.folder / "log.txt").open("a") as output:
            self.running = subprocess.Popen(
                [sys.executable, *command],
                cwd=self.home,
                env=self.place.environment | {"CABINET_PORT": str(self.port)},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def answers(self) -> bool:
        """Whether it is ready."""
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    @property
    def is_dead(self) -> bool:
        """Whether the process has ended, however."""
        return self.running is None or self.running.poll() is not None

    def wait_dead(self) -> None:
        """Until it has died where it was to."""
        wait_until(lambda: self.is_dead, seconds=90, what="the process dies at its point")
        assert self.running is not None
        assert self.running.returncode == -signal.SIGKILL, f"ended with {self.running.returncode}"

    def kill(self) -> None:
        """As a power cut would."""
        if self.running is not None:
            self.running.kill()
            self.running.wait()

    def stop(self) -> None:
        """Asks it to end."""
        if not self.is_dead and self.running is not None:
            self.running.send_signal(signal.SIGTERM)
            try:
                self.running.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.kill()


@dataclass
class Place:
    """One database and the processes on it. `url` is what the visitor types."""

    folder: Path
    database_url: str
    redis_url: str = ""
    more: dict[str, str] = field(default_factory=dict)
    webs: list[Process] = field(default_factory=list)
    workers: list[Process] = field(default_factory=list)

    def add(self) -> Process:
        """One more web process, not started yet."""
        self.webs.append(Process(self, free_port()))
        return self.webs[-1]

    def add_worker(self, *command: str) -> Process:
        """One more worker of its own, which has begun, by another command if there is one."""
        self.workers.append(Process(self, free_port()))
        self.workers[-1].begin(*(command or WORK))
        return self.workers[-1]

    @property
    def web(self) -> Process:
        """The first."""
        return self.webs[0]

    @property
    def url(self) -> str:
        """Whatever process answers, the address is that of the first."""
        return self.web.url

    @property
    def environment(self) -> dict[str, str]:
        """Of every process."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CABINET_")}
        return kept | {
            "CABINET_DATABASE_URL": self.database_url,
            "CABINET_REDIS_URL": self.redis_url,
            "CABINET_PUBLIC_URL": self.url,
            "CABINET_CODES_PER_ADDRESS_HOUR": "100000",
            "CABINET_LOG_LEVEL": "WARNING",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            **self.more,
        }

    @cached_property
    def engine(self) -> Engine:
        """A look from outside."""
        return db.make_engine(self.database_url)

    def ask(self, query: str, **values: object) -> int:
        """A number from the database."""
        with Session(self.engine.execution_options(reads_only=True)) as session:
            return session.execute(text(query), values).scalar_one()

    def faults(self) -> list[str]:
        """What the audit has to say, by the operator's clock."""
        clock.set_offset(timedelta(seconds=self.ask("SELECT coalesce(max(offset_seconds), 0) FROM demo_clock")))
        try:
            with Session(self.engine.execution_options(reads_only=True)) as session:
                return [str(fault) for fault in audit.run_audit(session).faults]
        finally:
            clock.set_offset(timedelta())

    def close(self) -> None:
        """Ends everything."""
        for process in (*self.webs, *self.workers):
            process.stop()
        self.engine.dispose()


def demo_file(folder: Path) -> Path:
    """A database with the demo operator, to be copied."""
    path = folder / "demo.db"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CABINET_")}
    prepare(environment | {"CABINET_DATABASE_URL": f"sqlite:///{path}"})
    return path


def prepare(environment: dict[str, str], home: Path = ROOT) -> None:
    """Migrates, and makes the demo operator."""
    for command in ("migrate", "demo"):
        do(command, environment, home)


def do(command: str, environment: dict[str, str], home: Path = ROOT) -> None:
    """Runs a command of the program that lies there.

    Raises:
        RuntimeError: its exit code was not 0; the text is the end of what it said.
    """
    done = subprocess.run(
        [sys.executable, "-m", "cabinet", command], cwd=home, env=environment, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{command}: {(done.stdout + done.stderr)[-2000:]}")


def copy_of(template: Path, folder: Path) -> str:
    """The address of a copy of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    for suffix in ("", "-wal"):
        source = template.with_name(template.name + suffix)
        if source.exists():
            shutil.copy(source, folder / f"cabinet.db{suffix}")
    return f"sqlite:///{folder / 'cabinet.db'}"
