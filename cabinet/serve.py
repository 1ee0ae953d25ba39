"""Serving: one process that answers with pages, sockets and HTTP routes on one port.

The pages are built once, in a process of its own (the compiler's memory goes with it), and built anew only when what
they are made of has changed: a stamp beside the build says what that was.
"""

import asyncio
import hashlib
import importlib.metadata
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cabinet import logs
from cabinet.config import ROOT, PaymentsGateway, settings

MAX_FRAME = 64 * 1024
WEB_DIR = ROOT / os.environ.get("REFLEX_WEB_WORKDIR", ".web")
STAMP = "cabinet-build"
PACKAGES = ROOT / "reflex.lock" / "package.json"
IN_PAGES = (
    "env",
    "brand_name",
    "brand_hue",
    "brand_chroma",
    "sms_sender",
    "code_minutes",
    "file_most_megabytes",
    "codes_per_hour",
    "session_idle_minutes",
    "remembered_days",
)
"""The settings whose values stand in the built pages. Where they are served and from what database is not among them:
one build serves any host and port."""
SOURCES = {".py", ".js", ".css", ".po", ".md", ".html", ".yaml"}


class PortBusy(Exception):
    """Something else listens on the port; the text says what to do."""

    def __init__(self, port: int) -> None:
        super().__init__(f"Port {port} is busy: stop what uses it, or choose another one with CABINET_PORT.")


class BuildFailed(Exception):
    """The pages could not be built; the text is the end of what the build said."""


def prepare_environment() -> None:
    """Sets what Reflex reads from the environment; before anything of Reflex is imported."""
    os.chdir(ROOT)
    # The environment's own bun and node before whatever the machine has.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    os.environ["REFLEX_TELEMETRY_ENABLED"] = "false"
    os.environ["REFLEX_SOCKET_MAX_HTTP_BUFFER_SIZE"] = str(MAX_FRAME)
    os.environ["REFLEX_IGNORE_REDIS_CONFIG_ERROR"] = "true"  # a Redis that may not be configured has to be beforehand


def refuse_busy_port(port: int, host: str = "0.0.0.0") -> None:  # noqa: S104
    """Before a build that takes a minute.

    Raises:
        PortBusy: the port is taken.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port that was just closed is free
        try:
            probe.bind((host, port))
        except OSError:
            raise PortBusy(port) from None


def is_built() -> bool:
    """Whether the pages on disk are those of the present sources and settings."""
    try:
        return (WEB_DIR / STAMP).read_text() == f"{_tools()}\n{_sources()}" and (WEB_DIR / "build" / "client").is_dir()
    except OSError:
        return False


def build() -> None:
    """Builds the pages.

    Raises:
        BuildFailed: with the last lines of the build.
    """
    stamp = WEB_DIR / STAMP
    sources = _sources()
    if stamp.exists() and stamp.read_text().partition("\n")[0] != _tools():
        shutil.rmtree(WEB_DIR)  # configuration files of another list of plugins break the build
    stamp.unlink(missing_ok=True)
    command = [sys.executable, "-m", "reflex", "export", "--frontend-only", "--no-zip", "--env", "prod"]
    environment = os.environ | {"PYTHONHASHSEED": "0"}  # the same sources make the same build: Reflex writes out sets
    with _same_style_of_packages():
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)  # noqa: S603  our words
    if done.returncode:
        raise BuildFailed("\n".join((done.stdout + done.stderr).strip().splitlines()[-25:]))
    stamp.write_text(f"{_tools()}\n{sources}")  # the tools anew: the build brings reflex.lock up to date


def serve() -> None:
    """Serves until interrupted. The schema must be current and the pages built."""
    from reflex_base.constants import Env
    from reflex_base.environment import environment

    environment.REFLEX_ENV_MODE.set(Env.PROD)
    environment.REFLEX_SKIP_COMPILE.set(True)
    environment.REFLEX_MOUNT_FRONTEND_COMPILED_APP.set(True)
    logs.configure()
    from cabinet.cabinet import app
    from cabinet.http import server

    chosen = settings()
    asyncio.run(server.run(app(), chosen.host, chosen.port, chosen.drain_seconds))


def serve_with_reload() -> None:
    """For development, until interrupted: Reflex's own server, with pages on the port and the backend on 8000."""
    if settings().payments_gateway is PaymentsGateway.SANDBOX:
        os.environ.setdefault("CABINET_PAYMENTS_URL", "http://localhost:8000/bank")  # not on the pages' port
    command = [sys.executable, "-m", "reflex", "run", "--env", "dev", "--frontend-port", str(settings().port)]
    # In a group of its own, all of which is told to stop: Reflex alone would wait for its pages' server for ever.
    with _same_style_of_packages(), subprocess.Popen(command, cwd=ROOT, start_new_session=True) as server:  # noqa: S603
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: os.killpg(server.pid, signal.SIGINT))
        server.wait()


@contextmanager
def _same_style_of_packages() -> Iterator[None]:
    """Reflex writes its list of packages in one style or another; the same list is no change for git to show."""
    locked = PACKAGES.read_text(encoding="utf-8")
    try:
        yield
    finally:
        if json.loads(PACKAGES.read_text(encoding="utf-8")) == json.loads(locked):
            PACKAGES.write_text(locked, encoding="utf-8")


def _tools() -> str:
    """What the build is made with."""
    parts = [importlib.metadata.version("reflex"), (ROOT / "rxconfig.py").read_text(encoding="utf-8")]
    parts += [file.read_text(encoding="utf-8") for file in sorted((ROOT / "reflex.lock").glob("*")) if file.is_file()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _sources() -> str:
    """What the build is made from: the program, its assets, and the settings that stand in the pages."""
    digest = hashlib.sha256()
    chosen = settings()
    for name in IN_PAGES:
        digest.update(f"{getattr(chosen, name)}\0".encode())
    files = [file for file in (ROOT / "cabinet").rglob("*") if file.suffix in SOURCES]
    for folder in (ROOT / "assets", chosen.help_path):  # an operator's articles may lie anywhere
        files += [file for file in folder.rglob("*") if file.is_file()]
    for file in sorted(set(files)):
        root = ROOT if file.is_relative_to(ROOT) else chosen.help_path
        digest.update(f"{file.relative_to(root)}\0".encode() + file.read_bytes())
    return digest.hexdigest()
