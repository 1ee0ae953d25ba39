"""Webhooks of a payment gateway: how many a process takes in a second, and how soon a page that waits has the balance.

    python -m benchmarks.payments --webhooks 2000 --engines sqlite,postgres

The messages go over HTTP to a process with the site's own routes and doors (no pages are built for it), signed as the
sandbox bank signs them. Each is kept, verified, credited to a subscriber of his own, and promises a receipt.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import uvicorn
from sqlmodel import Session
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from benchmarks.expenses import database
from benchmarks.report import Budget, Table, figure, middle, p95
from benchmarks.sites import processor_seconds
from cabinet import clock, db, news
from cabinet.adapters.payments.sandbox import sign
from cabinet.config import DEMO_SECRET, ROOT
from cabinet.domain import catalogue
from cabinet.domain.payments import TopUpState
from cabinet.http import health, webhooks
from cabinet.http.middleware import harden
from cabinet.models.top_ups import TopUp
from cabinet.schema import migrate
from cabinet.services import audit, billing, subscribers, top_ups
from cabinet.services import catalogue as catalogues
from tests.servers import free_port
from tests.waiting import wait_until

WEBHOOKS, QUICK_WEBHOOKS = 2_000, 200
PAGES, QUICK_PAGES = 100, 20
AT_ONCE = 16
AMOUNT = 34_000
RATE = Budget("≥ 200 /s", 200, at_least=True)
SHOWN = Budget("≤ 300 ms", 300)
ENGINES = ("sqlite", "postgres")


def main(*, is_quick: bool, webhooks: int = 0, engines: tuple[str, ...] = ENGINES) -> list[Table]:
    """Measures each engine; the ledger is audited afterwards."""
    number, pages = webhooks or (QUICK_WEBHOOKS if is_quick else WEBHOOKS), QUICK_PAGES if is_quick else PAGES
    table = Table(
        "Webhooks of a payment gateway, one process",
        ("engine", "what", "budget", "figure", "processor, ms each", "p50, ms", "p95, ms", "verdict"),
    )
    table.notes.append(f"{figure(number)} payments of as many subscribers, {AT_ONCE} connections at a time; then each")
    table.notes.append("message once more, as gateways do; the client's own work is on the same machine")
    table.notes.append("processor: what a message takes of the server's process, whatever else the machine does")
    table.notes.append("the page: from sending the message until who waits has the new balance from the database")
    for name in engines:
        with database(name) as url:
            keys = make_base(url, number + pages)
            with serving(url) as site:
                asyncio.run(_measure(table, name, site, keys[:number], keys[number:]))
            _audit(url, number + pages)
    return [table]


async def _measure(table: Table, engine: str, site: tuple[str, int], keys: list["Key"], for_pages: list["Key"]) -> None:
    address, pid = site
    async with httpx.AsyncClient(base_url=address, timeout=60, limits=httpx.Limits(max_connections=64)) as client:
        for what in ("credited", "the same again"):
            started, took_before = time.perf_counter(), processor_seconds(pid)
            times = await _post_all(client, keys)
            rate = len(keys) / (time.perf_counter() - started)
            took = (processor_seconds(pid) - took_before) * 1000 / len(keys)
            shown = figure(took), figure(middle(times)), figure(p95(times))
            table.add(engine, what, RATE.shown(), f"{figure(rate)} /s", *shown, RATE.verdict(rate))
        times = [await _page(client, key) for key in for_pages]
        shown = figure(middle(times)), figure(p95(times))
        table.add(engine, "on a page that waits", SHOWN.shown(), "", "", *shown, SHOWN.verdict(p95(times)))


async def _post_all(client: httpx.AsyncClient, keys: list["Key"]) -> list[float]:
    """Milliseconds of each."""
    waiting, times = iter(keys), list[float]()

    async def work() -> None:
        for key in waiting:
            started = time.perf_counter()
            await _post(client, key)
            times.append((time.perf_counter() - started) * 1000)

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return times


async def _page(client: httpx.AsyncClient, key: "Key") -> float:
    page = asyncio.create_task(client.get(f"/page/{key.subscriber_id}/{key.top_up_id}"))
    while (await client.get(f"/waits/{key.subscriber_id}")).json() is False:
        continue
    started = time.perf_counter()
    _, answer = await asyncio.gather(_post(client, key), page)
    assert answer.json()["state"] == "succeeded"
    return (time.perf_counter() - started) * 1000


async def _post(client: httpx.AsyncClient, key: "Key") -> None:
    payment = {
        "id": f"bench-{key.top_up_id}",
        "order": key.key,
        "shop": "sandbox-shop",
        "status": "succeeded",
        "kopecks": AMOUNT,
        "currency": "RUB",
        "confirmation_url": "",
        "reason": None,
        "refunded_kopecks": 0,
        "method": {"token": "", "saved": False, "kind": "card", "title": "··4821", "expires": "09/28"},
    }
    body, sent_at = (
        json.dumps({"event": "payment.succeeded", "payment": payment}).encode(),
        str(clock.machine_seconds()),
    )
    headers = {"X-Bank-Time": sent_at, "X-Bank-Signature": sign(DEMO_SECRET, sent_at, body)}
    answer = await client.post("/webhooks/payments/sandbox", content=body, headers=headers)
    assert answer.status_code == 200, answer.text


# --- the base --------------------------------------------------------------------------------------------------------


class Key:
    """A payment that the gateway waits for."""

    def __init__(self, subscriber_id: int, top_up_id: int, key: str) -> None:
        self.subscriber_id, self.top_up_id, self.key = subscriber_id, top_up_id, key


def make_base(url: str, number: int) -> list[Key]:
    """So many subscribers with a paid fee and a top-up that waits."""
    engine, now = db.make_engine(url), clock.now()
    migrate(engine)
    keys = []
    with Session(engine, expire_on_commit=False) as session, session.begin():
        plans = catalogue.load(ROOT / "cabinet" / "catalogues" / "demo.yaml")
        catalogues.store_catalogue(session, plans, now=now - timedelta(days=1))
        for place in range(number):
            subscriber_id = subscribers.create(
                session,
                account_number=f"{place}",
                msisdn=f"7916{place:07}",
                name="",
                region=plans.default_region,
                plan_code="maksimum",
                activated_at=now - timedelta(hours=1),
                now=now,
            )
            billing.record_payment(
                session, subscriber_id, 200_000, reference=f"b:{place}", happened_at=now, now=now, source="bench"
            )
            started = top_ups.start(session, subscriber_id, AMOUNT, occasion=f"bench:{place}", now=now)
            row = session.get_one(TopUp, started.id)
            row.state, row.check_after = TopUpState.PENDING, None
            keys.append(Key(subscriber_id, started.id, row.key))
    engine.dispose()
    return keys


def _audit(url: str, number: int) -> None:
    engine = db.make_engine(url)
    with Session(engine) as session:
        report = audit.run_audit(session)
    engine.dispose()
    assert report.is_sound, report.faults[:3]
    credited = next(check.checked for check in report.checks if check.code == "I6")
    assert credited == number, f"{credited} top-ups of {number}"


# --- the server ------------------------------------------------------------------------------------------------------


@contextmanager
def serving(url: str) -> Iterator[tuple[str, int]]:
    """The address and the number of a process with the routes."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CABINET_")}
    environment |= {"CABINET_DATABASE_URL": url, "CABINET_PORT": str(port), "CABINET_LOG_LEVEL": "WARNING"}
    command = [sys.executable, "-m", "benchmarks.payments", "--serve", str(port)]
    process = subprocess.Popen(command, env=environment, cwd=ROOT)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _answers(address), seconds=60, what="the server answers")
        yield address, process.pid
    finally:
        process.terminate()
        process.wait()


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/healthz").status_code == 200
    except httpx.HTTPError:
        return False


async def page(request: Request) -> JSONResponse:
    """What the page of the result does on the server: it waits for news and reads."""
    subscriber_id, top_up_id = request.path_params["subscriber"], request.path_params["top_up"]
    with news.listening(subscriber_id) as bell:
        await news.wait(bell, 30)
    result = await db.in_read_session(top_ups.get_result, subscriber_id, top_up_id, now=clock.now())
    return JSONResponse({"state": result.top_up.state, "kopecks": result.main_kopecks})


async def waits(request: Request) -> JSONResponse:
    """Whether the page waits already."""
    return JSONResponse(request.path_params["subscriber"] in news._waiting)


def serve(port: int) -> None:
    """Serves until it is told to stop."""
    from cabinet import logs

    logs.configure()
    routes = [
        *health.routes,
        *webhooks.routes,
        Route("/page/{subscriber:int}/{top_up:int}", page),
        Route("/waits/{subscriber:int}", waits),
    ]
    app = harden(Starlette(routes=routes), Path("nowhere"))
    uvicorn.run(app, port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--webhooks", type=int, default=WEBHOOKS)
    parser.add_argument("--engines", default=",".join(ENGINES))
    chosen = parser.parse_args()
    if chosen.serve:
        serve(chosen.serve)
    else:
        for made in main(is_quick=False, webhooks=chosen.webhooks, engines=tuple(chosen.engines.split(","))):
            made.print()
