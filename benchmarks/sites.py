"""The three sites that are measured: how each is started, and what its pages are called."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.yardsticks import small_cabinet
from cabinet.config import ROOT, settings
from cabinet.serve import PortBusy, refuse_busy_port

START_SECONDS = 600  # the first start of the cabinet makes half a year of the demo operator and builds the pages
IDLE_SECONDS = 120
NUMBER = "9160000001"
PASSWORD = "тихий-зонт-42 у окна"


class CannotMeasure(Exception):
    """Why a part could not be measured, in words for whoever runs it."""


class DidNotStart(CannotMeasure):
    """A site did not come up; the text is the end of what it said."""


@dataclass(frozen=True)
class Kind:
    """A way of making a cabinet. `first_page` is where a stranger lands, `complete` is true when all data is shown."""

    key: str
    name: str
    first_page: str
    password_page: str
    complete: str
    number: str
    password: str


CABINET = Kind(
    "cabinet",
    "Кабинет",
    "/login/",
    "/login/password/",
    " && ".join(
        f"document.querySelector('[aria-labelledby={section}] {part}')"
        for section, part in (
            ("balance", "dd"),
            ("allowances", "[role=meter]"),
            ("expenses", "svg path"),
            ("operations", "li:nth-child(5)"),
        )
    ),
    NUMBER,
    PASSWORD,
)
SMALL = (
    "document.querySelector('#operations li:nth-child(10)') && document.querySelectorAll('[aria-pressed]').length == 20"
)
STARLETTE = Kind(
    "starlette",
    "Starlette",
    "/login",
    "/login",
    f"document.querySelector('svg polyline') && {SMALL}",
    small_cabinet.number_of(1),
    small_cabinet.PASSWORD,
)
DJANGO = Kind(
    "django",
    "Django + HTMX",
    "/login",
    "/login",
    f"document.querySelector('svg polyline') && {SMALL}",
    small_cabinet.number_of(1),
    small_cabinet.PASSWORD,
)
KINDS = (CABINET, STARLETTE, DJANGO)


@dataclass
class Site:
    """A running site."""

    kind: Kind
    url: str
    process: subprocess.Popen
    log: Path

    def memory_kb(self) -> float | None:
        """PSS of the process and its children; None where the system does not say."""
        try:
            return float(sum(pss(pid) for pid in family(self.process.pid)))
        except OSError:
            return None

    def wait_until_idle(self) -> None:
        """What it does after the start is over (the cabinet audits its ledger, the demo's life goes on)."""
        deadline = time.monotonic() + IDLE_SECONDS
        idle = 0
        while idle < 3 and time.monotonic() < deadline:
            before = processor_seconds(self.process.pid)
            time.sleep(1)
            idle = idle + 1 if processor_seconds(self.process.pid) - before < 0.05 else 0


@dataclass
class Town:
    """A folder with the databases of the sites, which outlive their processes."""

    folder: Path
    ports: dict[str, int] = field(default_factory=lambda: _ports())

    @contextmanager
    def start(self, kind: Kind) -> Iterator[Site]:
        """Serves one site until the end of the block.

        Raises:
            DidNotStart: with the end of its log, or because something else listens where it would.
        """
        log = self.folder / f"{kind.key}.log"
        port = self.ports[kind.key]
        try:
            refuse_busy_port(port)
        except PortBusy as error:
            raise DidNotStart(str(error)) from None
        command, environment = self._command(kind, port)
        with log.open("w") as output:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        site = Site(kind, f"http://localhost:{port}", process, log)
        try:
            _wait_until_ready(site)
            yield site
        finally:
            _stop(process)

    def _command(self, kind: Kind, port: int) -> tuple[list[str], dict[str, str]]:
        scripts = Path(sys.executable).parent
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CABINET_")}
        environment["PATH"] = f"{scripts}{os.pathsep}{environment['PATH']}"
        database = self.folder / f"{kind.key}.db"
        if kind is CABINET:
            return [sys.executable, "-m", "cabinet", "serve"], environment | {
                "CABINET_DATABASE_URL": f"sqlite:///{database}",
                "CABINET_PORT": str(port),
                "CABINET_PUBLIC_URL": f"http://localhost:{port}",
                "CABINET_LOG_LEVEL": "WARNING",
                # Two hundred subscribers sign in from this one address.
                "CABINET_CODES_PER_ADDRESS_HOUR": "100000",
            }
        # Django is asked through WSGI: its ORM is synchronous. Eight threads share one process.
        way = ["--interface", "wsgi", "--blocking-threads", "8"] if kind is DJANGO else ["--interface", "asgi"]
        module = f"benchmarks.yardsticks.{kind.key}_app:app"
        command = [str(scripts / "granian"), *way, "--no-ws", "--no-log", "--port", str(port), module]
        return command, environment | {"YARDSTICK_DATABASE": str(database)}


@contextmanager
def town() -> Iterator[Town]:
    """A town that is gone after the block."""
    folder = Path(tempfile.mkdtemp(prefix="cabinet-bench-"))
    try:
        yield Town(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def all_of(place: Town) -> Iterator[list[Site]]:
    """All three at once."""
    with ExitStack() as stack:
        yield [stack.enter_context(place.start(kind)) for kind in KINDS]


def _ports() -> dict[str, int]:
    """The cabinet's own setting, so that its pages need not be built for another address; the next two."""
    return {kind.key: settings().port + step for step, kind in enumerate(KINDS)}


def _wait_until_ready(site: Site) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if site.process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{site.url}{site.kind.first_page}", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            pass
        time.sleep(0.1)
    raise DidNotStart(f"{site.kind.name} did not start:\n{site.log.read_text()[-3000:]}")


def _stop(process: subprocess.Popen) -> None:
    try:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=20)
    except ProcessLookupError:
        pass
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def family(pid: int) -> list[int]:
    """The process and all its children."""
    children = [
        int(one) for task in Path(f"/proc/{pid}/task").iterdir() for one in (task / "children").read_text().split()
    ]
    return [pid, *(grown for child in children for grown in family(child))]


def processor_seconds(pid: int) -> float:
    """User and system time of the process and its children, those that have ended too; 0 where the system is mute."""
    try:
        fields = [Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split() for one in family(pid)]
    except OSError:
        return 0.0
    return sum(int(ticks) for one in fields for ticks in one[11:15]) / os.sysconf("SC_CLK_TCK")


def pss(pid: int) -> int:
    """Kilobytes that it takes, its share of what others have too."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0
