"""ЮKassa's notifications over HTTP: from its stand-in to a server of ours, which fetches the payment back."""

import asyncio
import json
from collections.abc import Iterator
from threading import Thread

import httpx
import pytest
import uvicorn
from sqlmodel import select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from cabinet import clock, db, ledger
from cabinet.adapters import payments
from cabinet.config import settings
from cabinet.domain.payments import TopUpState
from cabinet.http import webhooks
from cabinet.http.middleware import FarClient
from cabinet.services import audit, top_ups
from tests.servers import free_port
from tests.services.test_options import CATALOGUE
from tests.services.test_orders import given, store
from tests.standins.yookassa import Fault, YooKassaStandIn
from tests.waiting import wait_until

ADDRESS = "/webhooks/payments/yookassa"


@pytest.fixture
def bank(database: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[YooKassaStandIn]:
    """The gateway of the settings, with Anna's top-up of 340 roubles, which she has paid."""
    with YooKassaStandIn() as stand_in:
        monkeypatch.setenv("CABINET_PAYMENTS_GATEWAY", "yookassa")
        monkeypatch.setenv("CABINET_PAYMENTS_SHOP", stand_in.shop)
        monkeypatch.setenv("CABINET_PAYMENTS_SECRET", stand_in.secret)
        monkeypatch.setenv("CABINET_PAYMENTS_URL", stand_in.url)
        monkeypatch.setenv("CABINET_PAYMENTS_VAT_CODE", "12")
        settings.cache_clear()
        payments.gateway.cache_clear()
        with db.transaction() as session:
            store(session, CATALOGUE)
            anna = given(session, money=1_200)
            made = top_ups.start(session, anna, 34_000, occasion="page:1", now=clock.now())
        top_ups.submit(made.id, payments.gateway(), now=clock.now)
        stand_in.pay(stand_in.only()["id"])
        yield stand_in
    payments.gateway.cache_clear()


@pytest.fixture
def server(bank: YooKassaStandIn) -> Iterator[str]:
    """Our routes on a port of this machine."""
    port = free_port()
    running = uvicorn.Server(uvicorn.Config(Starlette(routes=webhooks.routes), port=port, log_level="error"))
    thread = Thread(target=running.run, daemon=True)
    thread.start()
    wait_until(lambda: running.started, what="the server")
    yield f"http://127.0.0.1:{port}{ADDRESS}"
    running.should_exit = True
    thread.join()


def anna() -> tuple[TopUpState, int]:
    with db.reading() as session:
        assert audit.run_audit(session).faults == []
        (top_up,) = top_ups.list_top_ups(session, 1)
        return top_up.state, ledger.balance(session, 1).main


def test_a_notification_credits_what_the_gateway_confirms_however_often_it_comes(bank: YooKassaStandIn, server: str):
    assert [bank.send(server, bank.events[0]) for _ in range(3)] == [200, 200, 200]
    assert anna() == (TopUpState.SUCCEEDED, 35_200)


def test_a_notification_is_asked_for_again_while_the_gateway_cannot_confirm_it(bank: YooKassaStandIn, server: str):
    bank.faults = [Fault.BUSY]

    assert bank.send(server, bank.events[0]) == 503
    assert anna() == (TopUpState.PENDING, 1_200)

    assert bank.send(server, bank.events[0]) == 200
    assert anna() == (TopUpState.SUCCEEDED, 35_200)


def test_a_refund_comes_in_before_its_payment(bank: YooKassaStandIn, server: str):
    bank.give_back(bank.only()["id"], "340.00")

    assert [bank.send(server, event) for event in reversed(bank.events)] == [200, 200]
    assert anna() == (TopUpState.REFUSED, 1_200)


def test_what_is_no_notification_is_refused(bank: YooKassaStandIn, server: str):
    assert bank.send(server, {"event": "payment.succeeded"}) == 403
    assert bank.send(server.replace("yookassa", "sandbox"), bank.events[0]) == 404


async def test_a_gateway_that_hangs_keeps_nobody_else_waiting(bank: YooKassaStandIn):
    bank.faults = [Fault.SILENCE] * 40
    transport = httpx.ASGITransport(Starlette(routes=webhooks.routes))
    async with httpx.AsyncClient(transport=transport, base_url="http://lk.example") as web:
        told = [asyncio.create_task(web.post(ADDRESS, json=bank.events[0])) for _ in range(40)]
        await asyncio.to_thread(wait_until, lambda: len(bank.faults) < 40, what="the first question to the gateway")

        assert await db.in_read_session(lambda session: session.exec(select(1)).one()) == 1

        assert not any(task.done() for task in told)
        bank.faults = []
        bank.break_silence()
        assert {answer.status_code for answer in await asyncio.gather(*told)} <= {200, 503}
    assert anna()[1] == 35_200


@pytest.mark.parametrize(
    ("sender", "hops", "forwarded", "status"),
    [
        ("185.71.76.1", 0, "", 200),
        ("::ffff:185.71.76.1", 0, "", 200),
        ("2a02:5180:0:1509::7", 0, "", 200),
        ("10.0.0.1", 1, "185.71.77.2", 200),
        ("10.0.0.1", 1, "203.0.113.9, 77.75.153.78", 200),
        ("203.0.113.9", 0, "", 403),
        ("203.0.113.9", 0, "185.71.76.1", 403),
        ("10.0.0.1", 1, "185.71.76.1, 203.0.113.9", 403),
        ("10.0.0.1", 1, "nonsense", 403),
        ("185.71.76.32", 0, "", 403),
    ],
)
def test_only_the_gateways_networks_are_heard_where_that_is_asked_for(
    bank: YooKassaStandIn, monkeypatch: pytest.MonkeyPatch, sender: str, hops: int, forwarded: str, status: int
):
    monkeypatch.setenv("CABINET_PAYMENTS_CHECK_ADDRESS", "true")
    monkeypatch.setenv("CABINET_TRUSTED_PROXY_HOPS", str(hops))
    settings.cache_clear()
    web = TestClient(FarClient(Starlette(routes=webhooks.routes)), client=(sender, 50_000))
    headers = {"x-forwarded-for": forwarded} if forwarded else {}

    answer = web.post(ADDRESS, content=json.dumps(bank.events[0]), headers=headers)

    assert answer.status_code == status
    assert anna()[1] == (35_200 if status == 200 else 1_200)
