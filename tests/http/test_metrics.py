"""What `/metrics` says, to whom, and what it never says."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from cabinet import clock, db, metrics
from cabinet.config import settings
from cabinet.db import transaction
from cabinet.http import metrics as route
from cabinet.http.middleware import harden
from cabinet.services import outbox

SCRAPER = ("127.0.0.1", 50_000)
STRANGER = ("203.0.113.9", 50_000)


@pytest.fixture(autouse=True)
def _read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(route, "FRESH_SECONDS", -1)


async def _article(request: Request) -> PlainTextResponse:
    return PlainTextResponse(request.path_params["slug"])


async def _breaks(_request: Request) -> PlainTextResponse:
    raise ValueError("no luck")


def client(address: tuple[str, int] = SCRAPER, pages: Path = Path("nowhere")) -> TestClient:
    routes = [*route.routes, Route("/help/{slug}", _article), Route("/breaks", _breaks)]
    return TestClient(harden(Starlette(routes=routes), pages), client=address, raise_server_exceptions=False)


def value(name: str, **labels: str) -> float:
    return metrics.REGISTRY.get_sample_value(name, labels) or 0.0


def test_what_no_route_answered_is_counted_too_where_the_site_is_a_part_of_another(database):
    site = Starlette(routes=[Mount("", app=harden(Starlette(), Path("nowhere")))])
    before = value("cabinet_http_requests_total", route="other", method="GET", status="404")

    assert TestClient(site).get("/nope").status_code == 404

    assert value("cabinet_http_requests_total", route="other", method="GET", status="404") == before + 1


# --- who ------------------------------------------------------------------------------------------------------------


def test_this_machine_reads_and_a_stranger_finds_nothing(database):
    assert "cabinet_build_info" in client().get("/metrics").text
    refused = client(STRANGER).get("/metrics")
    assert (refused.status_code, refused.text) == (404, "Not Found")


def test_who_comes_by_a_proxy_that_nobody_told_of_is_a_stranger(database):
    assert client().get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 404


def test_behind_a_known_proxy_the_visitors_own_address_counts(database, monkeypatch):
    monkeypatch.setenv("CABINET_TRUSTED_PROXY_HOPS", "1")
    settings.cache_clear()

    assert client().get("/metrics", headers={"X-Forwarded-For": "127.0.0.1, 203.0.113.9"}).status_code == 404
    assert client().get("/metrics").status_code == 200


def test_with_a_token_nobody_reads_without_it(database, monkeypatch):
    monkeypatch.setenv("CABINET_METRICS_TOKEN", "for-prometheus-alone")
    settings.cache_clear()

    assert client().get("/metrics").status_code == 404
    assert client().get("/metrics", headers={"Authorization": "Bearer another"}).status_code == 404
    assert client(STRANGER).get("/metrics", headers={"Authorization": "Bearer for-prometheus-alone"}).status_code == 200


def test_the_networks_are_a_setting(database, monkeypatch):
    monkeypatch.setenv("CABINET_METRICS_NETWORKS", "203.0.113.0/24, fd00::/8")
    settings.cache_clear()

    assert client(STRANGER).get("/metrics").status_code == 200
    assert client().get("/metrics").status_code == 404


# --- what -----------------------------------------------------------------------------------------------------------


def test_a_request_is_counted_under_its_route_and_nothing_that_a_visitor_typed(database, tmp_path):
    (tmp_path / "expenses").mkdir()
    (tmp_path / "expenses" / "index.html").write_text("<html></html>")
    visitor = client(pages=tmp_path)
    labels = {"route": "/help/{slug}", "method": "GET", "status": "200"}
    before = value("cabinet_http_requests_total", **labels)

    visitor.get("/help/79161234567")
    visitor.get("/79161234567")
    visitor.get("/expenses/")
    visitor.request("PROPFIND", "/79161234567")

    assert value("cabinet_http_requests_total", **labels) == before + 1
    assert value("cabinet_http_requests_total", route="/expenses", method="GET", status="404") >= 1
    assert value("cabinet_http_requests_total", route="other", method="other", status="404") >= 1
    assert "79161234567" not in client().get("/metrics").text


def test_a_fault_is_counted(database):
    before = value("cabinet_faults_total", place="request")

    client().get("/breaks")

    assert value("cabinet_faults_total", place="request") == before + 1
    assert value("cabinet_http_requests_total", route="/breaks", method="GET", status="500") >= 1


def test_messages_that_wait_are_told_with_their_age(database):
    now = clock.now()
    with transaction() as session:
        for minutes in (7, 3):
            outbox.queue_sms(
                session,
                reference=f"m:{minutes}",
                kind="code",
                recipient="79160000001",
                body="…",
                now=now - timedelta(minutes=minutes),
            )

    text = client().get("/metrics").text

    assert 'cabinet_outbox_due{channel="sms"} 2.0' in text
    assert 7 * 60 <= value("cabinet_outbox_oldest_seconds", channel="sms") < 7 * 60 + 30
    assert 'cabinet_fees_due{what="plan"} 0.0' in text
    assert "79160000001" not in text


def test_a_database_that_is_away_is_told_and_its_figures_are_not(database, monkeypatch):
    client().get("/metrics")
    monkeypatch.setenv("CABINET_DATABASE_URL", "postgresql+psycopg://cabinet:hush@127.0.0.1:9/cabinet")
    settings.cache_clear()
    db.engine.cache_clear()

    text = client().get("/metrics").text

    assert "cabinet_database_up 0.0" in text
    assert not re.search(r"^cabinet_outbox_due\{", text, re.MULTILINE)
    assert "hush" not in text


def test_what_is_rolled_back_is_not_counted(database):
    before = value("cabinet_codes_total", event="verified")

    def fail() -> None:
        with transaction() as session:
            metrics.when_committed(session, metrics.CODES, event="verified")
            raise ValueError("no luck")

    with pytest.raises(ValueError, match="no luck"):
        fail()
    with transaction() as session:
        metrics.when_committed(session, metrics.CODES, event="verified")

    assert value("cabinet_codes_total", event="verified") == before + 1


def test_prometheus_understands_it(database):
    families = {family.name for family in text_string_to_metric_families(client().get("/metrics").text)}

    assert {"cabinet_http_requests", "cabinet_event_seconds", "cabinet_job_runs", "process_cpu_seconds"} <= families
