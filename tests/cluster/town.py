"""A production set-up on one machine: web processes and workers on PostgreSQL and Redis, behind nginx."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from cabinet.config import ROOT
from tests.peers.processes import needed, stop
from tests.servers import PostgresServer, RedisServer, free_port
from tests.waiting import wait_until

START_SECONDS = 120
VILLAGE = """
import sys
from datetime import timedelta
from cabinet import clock, db
from cabinet.config import settings
from cabinet.domain import catalogue
from cabinet.services import billing, subscribers, tariffs

now = clock.now()
since = now - timedelta(days=20)
with db.transaction() as session:
    tariffs.store_catalogue(session, catalogue.load(settings().catalogue_path), now=since)
    for number in range(int(sys.argv[1])):
        subscriber_id = subscribers.create(
            session, account_number=f"{960_000_000 + number}", msisdn=f"{79_160_020_000 + number}", name="Нина",
            region="moskva", plan_code="svoboda", activated_at=since, now=since,
        )
        billing.record_payment(
            session, subscriber_id, 2_000_00, reference=f"first:{number}", happened_at=since, now=since, source="demo"
        )
"""
"""So many subscribers of «Свобода» with 2 000 ₽, whose fee of 650 ₽ has been due for 20 days."""
FIRST_NUMBER, VILLAGERS = 9_160_020_000, 40
NGINX = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log;
events {{ worker_connections 1024; }}
http {{
    include /etc/nginx/mime.types;
    log_format cabinet '$remote_addr "$request_method $uri" $status $upstream_addr';
    access_log {folder}/nginx-access.log cabinet;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream cabinet {{
        {upstreams}
    }}
    server {{
        listen 127.0.0.1:{port};
        set $cabinet_pages {pages};
        include {root}/deploy/nginx/cabinet-locations.conf;
    }}
}}
"""


@dataclass
class Process:
    """One process of the program."""

    command: list[str]
    environment: dict[str, str]
    log: Path
    port: int = 0
    running: subprocess.Popen | None = None

    def start(self) -> None:
        """Begins; says nothing of being ready."""
        with self.log.open("a") as output:
            self.running = subprocess.Popen(
                [sys.executable, "-m", "cabinet", *self.command],
                cwd=ROOT,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self) -> None:
        """As a power cut would."""
        assert self.running is not None
        self.running.kill()
        self.running.wait()

    def stop(self) -> int:
        """Asks it to end; its exit code."""
        assert self.running is not None
        self.running.send_signal(signal.SIGTERM)
        return self.running.wait(timeout=60)

    @property
    def is_running(self) -> bool:
        return self.running is not None and self.running.poll() is None

    def readiness(self) -> httpx.Response:
        """What `/readyz` says, past the proxy."""
        return httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=10)

    @property
    def is_ready(self) -> bool:
        if not self.is_running:
            raise AssertionError(f"{self.command} stopped:\n{self.log.read_text()[-4000:]}")
        try:
            return self.readiness().status_code == 200
        except httpx.HTTPError:
            return False


@dataclass
class Cluster:
    """The running set-up; `url` is the proxy's."""

    folder: Path
    url: str
    database_url: str
    postgres: PostgresServer
    redis: RedisServer
    webs: list[Process]
    workers: list[Process] = field(default_factory=list)

    @property
    def log(self) -> str:
        """What all processes wrote."""
        return "".join(each.log.read_text() for each in (*self.webs, *self.workers))

    def wait_until_ready(self) -> None:
        """Until every web process serves."""
        for web in self.webs:
            wait_until(lambda web=web: web.is_ready, seconds=START_SECONDS, what=f"port {web.port} is ready")


@contextmanager
def running(folder: Path, *, is_demo: bool = False, **more: str) -> Iterator[Cluster]:
    """Two web processes and two workers, with a village of subscribers or the demo operator; `more` are settings."""
    nginx = needed("nginx", "nginx")
    with ExitStack() as stack:
        postgres, redis = stack.enter_context(PostgresServer()), stack.enter_context(RedisServer())
        port, ports = free_port(), [free_port() for _ in range(2)]
        name = f"cluster_{os.urandom(4).hex()}"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CABINET_")} | {
            "CABINET_DATABASE_URL": postgres.create(name),
            "CABINET_REDIS_URL": redis.url,
            "CABINET_PUBLIC_URL": f"http://localhost:{port}",
            "CABINET_HOST": "127.0.0.1",
            "CABINET_WORKER_INSIDE": "false",
            "CABINET_CODES_PER_ADDRESS_HOUR": "100000",
            "CABINET_RESEND_PAUSES": "2,3,5",
            "CABINET_TRUSTED_PROXY_HOPS": "2",  # a test may come from any address, by X-Forwarded-For
            **more,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
        stack.callback(lambda: [books.unlink() for books in (ROOT / "var").glob(f"sandbox-bank-{name}.db*")])
        for command in (("-m", "cabinet", "build"), ("-m", "cabinet", "migrate")):
            _do(command, environment, folder / "setup.log")
        people = ("-m", "cabinet", "demo") if is_demo else ("-c", VILLAGE, str(VILLAGERS))
        _do(people, environment, folder / "setup.log")
        cluster = Cluster(
            folder,
            f"http://localhost:{port}",
            environment["CABINET_DATABASE_URL"],
            postgres,
            redis,
            [
                Process(["web"], environment | {"CABINET_PORT": str(each)}, folder / f"web-{each}.log", each)
                for each in ports
            ],
            [Process(["worker"], environment, folder / f"worker-{each}.log") for each in range(2)],
        )
        for process in (*cluster.webs, *cluster.workers):
            process.start()
            stack.callback(_end, process)
        cluster.wait_until_ready()
        stack.enter_context(_proxy(nginx, folder, port, ports))
        wait_until(lambda: _answers(cluster.url), what="nginx answers")
        yield cluster


def _do(command: tuple[str, ...], environment: dict[str, str], log: Path) -> None:
    with log.open("a") as output:
        done = subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, stdout=output, stderr=output)
    assert done.returncode == 0, log.read_text()[-4000:]


def _end(process: Process) -> None:
    if process.is_running:
        process.stop()


@contextmanager
def _proxy(nginx: str, folder: Path, port: int, ports: list[int]) -> Iterator[None]:

    pages = ROOT / os.environ.get("REFLEX_WEB_WORKDIR", ".web") / "build" / "client"
    config = folder / "nginx.conf"
    upstreams = "\n        ".join(f"server 127.0.0.1:{each} max_fails=1 fail_timeout=1s;" for each in ports)
    config.write_text(NGINX.format(folder=folder, upstreams=upstreams, port=port, pages=pages, root=ROOT))
    user = ["-g", "user root;"] if os.geteuid() == 0 else []
    process = subprocess.Popen([nginx, "-c", str(config), "-p", str(folder), *user], cwd="/")
    try:
        yield
    finally:
        stop(process)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz").status_code == 200
    except httpx.HTTPError:
        return False
