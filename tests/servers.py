"""Real servers that the tests start by themselves."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Self

import psycopg
import pytest
import redis

from tests.peers.processes import needed, stop
from tests.waiting import wait_until


def free_port() -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _find(program: str) -> str | None:
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if found:
        return found
    candidates = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"), reverse=True)
    return str(candidates[0]) if candidates else None


class PostgresServer:
    """A throw-away PostgreSQL in a temporary folder; refuses to skip where `CI` is set."""

    def __enter__(self) -> Self:
        if not _find("initdb"):
            if os.environ.get("CI"):
                pytest.fail("PostgreSQL is not installed, and CI may not skip its tests")
            pytest.skip("PostgreSQL is not installed")
        self.folder = Path(tempfile.mkdtemp(prefix="cabinet-postgres-"))
        self.port = free_port()
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            shutil.chown(self.folder, pwd.getpwnam("postgres").pw_name)
        self._run("initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        self._start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._run("pg_ctl", "-D", self._data, "-m", "immediate", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    def restart(self) -> None:
        """Breaks every connection, and is there again."""
        self._run("pg_ctl", "-D", self._data, "-m", "immediate", "stop")
        self._start()

    def create(self, name: str, template: str = "template1") -> str:
        """Makes a database and returns its address."""
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{name}"

    def drop(self, url: str) -> None:
        """Removes a database with whoever is still connected to it."""
        self._execute(f'DROP DATABASE "{url.rsplit("/", 1)[1]}" WITH (FORCE)')

    def _start(self) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200"
        self._run("pg_ctl", "-D", self._data, "-o", options, "-l", str(self.folder / "log"), "-w", "start")

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def _execute(self, statement: str) -> None:
        address = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(statement)

    def _run(self, program: str, *arguments: str) -> None:
        command = [_find(program) or program, *arguments]
        if os.geteuid() == 0:
            command = [_find("runuser") or "runuser", "-u", "postgres", "--", *command]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")


class RedisServer:
    """A throw-away Redis with a password, which keeps nothing on disk."""

    password = "only-for-tests"

    def __enter__(self) -> Self:
        self._program = needed("Redis", "redis-server")
        self.port = free_port()
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """For `CABINET_REDIS_URL`."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    @property
    def client(self) -> redis.Redis:
        """To look into it."""
        return redis.Redis.from_url(self.url)

    def start(self) -> None:
        """Empty, as it keeps nothing."""
        options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--requirepass", self.password]
        self._process = subprocess.Popen(
            [self._program, "--port", str(self.port), *options], stdout=subprocess.DEVNULL, cwd="/"
        )
        wait_until(self._answers, what="Redis answers")

    def stop(self) -> None:
        """Gone, with all it held."""
        stop(self._process)

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.ConnectionError:
            return False
