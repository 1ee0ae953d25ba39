"""Traces: what leaves the process when they are on, and that nothing does when they are off."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from reflex_base import otel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from cabinet import clock, db, tracing
from cabinet.config import ROOT, settings
from cabinet.http.middleware import harden
from cabinet.services import figures
from cabinet.worker import Worker
from cabinet.worker_jobs import Job
from tests.conftest import NOON
from tests.sockets import running
from tests.ui.test_guard import given_signed_in, states

SECRET = "79161234567"


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    otel.enable(tracing.start_with(SimpleSpanProcessor(exporter)))
    yield exporter
    otel.disable()
    tracing.stop()


async def _read(_request: Request) -> PlainTextResponse:
    await db.in_read_session(figures.read, now=clock.now())
    return PlainTextResponse("read")


async def _break(_request: Request) -> PlainTextResponse:
    raise ValueError(f"the number {SECRET}")


def client() -> TestClient:
    routes = [Route("/read/{number}", _read), Route("/break", _break)]
    return TestClient(harden(Starlette(routes=routes), Path("nowhere")), raise_server_exceptions=False)


def everything(spans: InMemorySpanExporter) -> str:
    return "".join(span.to_json() for span in spans.get_finished_spans())


def test_a_request_and_its_transaction_are_one_trace(database, spans):
    client().get(f"/read/{SECRET}?phone={SECRET}")

    transaction, request = spans.get_finished_spans()
    assert (request.name, transaction.name) == ("GET /read/{number}", "figures.read")
    assert dict(request.attributes) == {
        "http.request.method": "GET",
        "http.route": "/read/{number}",
        "http.response.status_code": 200,
    }
    assert transaction.parent.span_id == request.context.span_id
    assert transaction.attributes["transaction"] == "read"
    assert SECRET not in everything(spans)


def test_of_an_error_its_kind_is_told_and_not_its_message(database, spans):
    def break_it(_session: object) -> None:
        raise ValueError(f"the number {SECRET}")

    client().get("/break")
    with pytest.raises(ValueError, match=SECRET), tracing.span("work"):
        break_it(None)

    request, work = spans.get_finished_spans()
    assert not request.status.is_ok
    assert not work.status.is_ok
    assert work.attributes["error.type"] == "ValueError"
    assert SECRET not in everything(spans)


async def test_an_event_is_a_trace_without_whose_page_it_was(database, spans):
    anna = given_signed_in(SECRET)
    async with running(states) as (world, page):
        tab = await world.visit(cookie=anna.cookie, token="token-of-anna")
        await tab.call(page.Probe.load)
        await tab.call(page.Probe.fail)

    names = {span.name.rpartition(".")[2]: span for span in spans.get_finished_spans()}
    assert {"load", "find_by_hash"} <= names.keys()
    assert not names["fail"].status.is_ok
    told = everything(spans)
    assert not [word for word in (SECRET, "token-of-anna", "open sesame", "session.id", anna.token) if word in told]


def test_a_job_is_a_trace(spans):
    Worker([[Job("of a test", lambda *_: 1)]]).run_once(NOON)

    assert [span.name for span in spans.get_finished_spans()] == ["job of a test"]


class Collector(BaseHTTPRequestHandler):
    """Takes what is sent by OTLP."""

    bodies: list[bytes] = []

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


def test_the_setting_sends_them_to_a_collector(monkeypatch):
    server = HTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("CABINET_TRACING_URL", f"http://127.0.0.1:{server.server_port}/v1/traces")
    settings.cache_clear()
    provider = tracing.start()

    with tracing.span("work", transaction="read"):
        pass
    provider.force_flush()
    provider.shutdown()
    tracing.stop()
    server.shutdown()

    received = ExportTraceServiceRequest.FromString(Collector.bodies[0])
    resource, spans = received.resource_spans[0].resource, received.resource_spans[0].scope_spans[0].spans
    assert [span.name for span in spans] == ["work"]
    assert "cabinet" in {each.value.string_value for each in resource.attributes if each.key == "service.name"}


WITHOUT = """
import sys
sys.modules["opentelemetry"] = None
from cabinet import tracing, worker
try:
    print(tracing.start(), tracing.span("x") is tracing.span("y"))
except tracing.TracingNotInstalled as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("url", "said"),
    [("", "None True"), ("http://localhost:4318/v1/traces", str(tracing.TracingNotInstalled()))],
)
def test_without_the_packages_the_program_runs_until_the_setting_asks_for_them(url: str, said: str):
    environment = {"PATH": "", "CABINET_TRACING_URL": url}
    done = subprocess.run([sys.executable, "-c", WITHOUT], cwd=ROOT, env=environment, capture_output=True, text=True)

    assert done.stdout.strip() == said, done.stderr
