"""The application starts as it is, and does not start with what is unsafe."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable

import httpx
import pytest
import simple_websocket

from cabinet import schema
from cabinet.config import ROOT
from cabinet.ui import access, guard

BROKEN = """
import reflex as rx
class OffersState(rx.State):
    async def accept(self, offer_id: int): ...
import cabinet.cabinet
"""


def start(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CABINET_")}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=clean | environment, capture_output=True, text=True, timeout=120
    )


def test_every_handler_of_the_application_has_a_label():
    import cabinet.cabinet  # noqa: F401

    ours = [(name, function) for name, function in guard.handlers() if function.__module__.startswith("cabinet.")]
    assert ours
    access.refuse_unlabelled(ours)


def test_an_unlabelled_handler_stops_the_start_and_is_named():
    done = start(BROKEN)

    assert done.returncode != 0
    assert "OffersState.accept" in done.stderr.splitlines()[-1]


def test_unsafe_settings_stop_the_start_and_are_named_without_their_values():
    done = start("import cabinet.cabinet", CABINET_ENV="production", CABINET_SECRET_KEY="short and secret")

    assert done.returncode != 0
    assert "CABINET_SECRET_KEY must be a secret of your own" in done.stderr
    assert "CABINET_SMS_GATEWAY must be" in done.stderr
    assert "short and secret" not in done.stderr


async def test_a_schema_that_is_not_current_stops_the_start(monkeypatch, tmp_path):
    import cabinet.cabinet as composition
    from cabinet.config import settings

    monkeypatch.setenv("CABINET_DATABASE_URL", f"sqlite:///{tmp_path / 'empty.db'}")
    monkeypatch.setattr(composition.logs, "configure", lambda: None)
    settings.cache_clear()
    with pytest.raises(schema.NotCurrent, match="python -m cabinet migrate"):
        async with composition.serving():
            pass


SERVE = """
from cabinet import db, schema, serve
serve.prepare_environment()
(serve.WEB_DIR / "build" / "client").mkdir(parents=True)
schema.migrate(db.engine())
serve.serve()
"""


def test_a_server_answers_and_stops_under_open_tabs(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        "CABINET_PORT": str(port),
        "CABINET_DATABASE_URL": f"sqlite:///{tmp_path / 'cabinet.db'}",
        "REFLEX_WEB_WORKDIR": str(tmp_path / "web"),
    }
    own, foreign = {"Origin": f"http://localhost:{port}"}, {"Origin": "https://evil.example"}
    address = f"ws://127.0.0.1:{port}/_event/?EIO=4&transport=websocket&token=tab"
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(
            [sys.executable, "-c", SERVE], cwd=ROOT, env=os.environ | environment, stdout=log, stderr=log
        ) as server,
    ):
        try:
            answer = wait_for(lambda: httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5))
            assert answer.json()["schema"] == "ok"
            with pytest.raises(simple_websocket.ConnectionError):
                simple_websocket.Client(address, headers=foreign)
            tabs = [simple_websocket.Client(address, headers=own) for _ in range(2)]
            for tab in tabs:
                tab.send(
                    "40/_event,{}"
                )  # first: this client sees what came with the handshake only with the next bytes
                assert '"maxPayload":65536' in tab.receive(timeout=10)

            server.send_signal(signal.SIGINT)
            assert server.wait(timeout=20) == 0
        finally:
            server.kill()


def wait_for(look: Callable[[], httpx.Response]) -> httpx.Response:
    deadline = time.monotonic() + 60
    while True:
        try:
            return look()
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
