"""`deploy/Caddyfile` before a stand-in of the program: what it passes on and what it keeps to itself."""

import os
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest

from cabinet.config import ROOT
from tests.servers import free_port
from tests.waiting import wait_until


class Program(BaseHTTPRequestHandler):
    """Answers everything with the path that was asked for."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.path.encode())

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def caddy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("caddy")
    program = ThreadingHTTPServer(("127.0.0.1", 0), Program)
    Thread(target=program.serve_forever, daemon=True).start()
    url = f"http://localhost:{free_port()}"
    config = folder / "Caddyfile"  # its log elsewhere, and no port to steer it by
    site = (ROOT / "deploy" / "Caddyfile").read_text(encoding="utf-8").replace("/var/log/caddy", str(folder))
    config.write_text(f"{{\n\tadmin off\n}}\n{site}", encoding="utf-8")
    environment = os.environ | {
        "CABINET_SITE": url,
        "CABINET_WEBS": f"127.0.0.1:{program.server_port}",
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
    }
    log = (folder / "log.txt").open("w")
    process = subprocess.Popen(
        ["caddy", "run", "--config", str(config), "--adapter", "caddyfile"],
        env=environment,
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        wait_until(lambda: _answers(url), what="Caddy answers")
        yield url
    finally:
        process.terminate()
        process.wait(timeout=10)
        log.close()
        program.shutdown()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz").status_code == 200
    except httpx.HTTPError:
        return False


@pytest.mark.parametrize("path", ["/login/", "/", "/auth/captcha.png", "/assets/of-an-older-build.js"])
def test_what_is_subscribers_goes_to_the_program(caddy: str, path: str):
    assert httpx.get(f"{caddy}{path}").text == path


@pytest.mark.parametrize("path", ["/readyz", "/metrics"])
def test_what_is_the_operators_is_not_there_for_strangers(caddy: str, path: str):
    assert httpx.get(f"{caddy}{path}").status_code == 404
