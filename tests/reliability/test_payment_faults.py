"""Payments at the same time and through crashes: whatever dies and whenever, one payment is one credit."""

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pytest
from sqlmodel import select
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from cabinet import db, ledger
from cabinet.adapters.payments.sandbox import SandboxBank
from cabinet.config import settings
from cabinet.domain.payments import TopUpState, WebhookVerdict
from cabinet.http import webhooks
from cabinet.models.ledger import LedgerTransaction
from cabinet.models.outbox import OutboxMessage
from cabinet.models.top_ups import TopUp as TopUpRow
from cabinet.sandbox_bank.app import Bank
from cabinet.services import audit, refunds, top_ups
from tests.conftest import NOON, both_engines
from tests.payments import SITE, FakeGateway, bank_of, gateway_of
from tests.services.test_options import CATALOGUE
from tests.services.test_orders import given, store

pytestmark = both_engines

LATER = NOON + timedelta(minutes=5)


@pytest.fixture
def anna(database: object) -> int:
    with db.transaction() as session:
        store(session, CATALOGUE)
        return given(session, money=1_200)


def money(subscriber_id: int) -> int:
    """What is on the account; the audit has nothing against it, and each top-up has one receipt."""
    with db.reading() as session:
        assert audit.run_audit(session).faults == []
        receipts = session.exec(select(OutboxMessage).where(OutboxMessage.kind == "receipt")).all()
        done = session.exec(select(TopUpRow).where(TopUpRow.state == TopUpState.SUCCEEDED)).all()
        assert len(receipts) == len(done)
        return ledger.balance(session, subscriber_id).main


def begin(subscriber_id: int, occasion: str = "page:1", **more: object) -> top_ups.TopUp:
    with db.transaction() as session:
        return top_ups.start(session, subscriber_id, 34_000, occasion=occasion, now=NOON, **more)


def together(*works: Callable[[], object]) -> list[object]:
    barrier = Barrier(len(works))

    def run(work: Callable[[], object]) -> object:
        barrier.wait()
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


# --- at the same time -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("round_number", range(3))
def test_ten_messages_at_once_are_one_credit(anna: int, round_number: int):
    bank = FakeGateway()
    started = begin(anna)
    top_ups.submit(started.id, bank, now=lambda: NOON)
    bank.pay(bank.orders[0].key)

    def hear() -> WebhookVerdict:
        return top_ups.handle_webhook(bank, b"p1", {"signature": "good"}, now=lambda: NOON)

    verdicts = together(*[hear] * 10)

    assert verdicts.count(WebhookVerdict.APPLIED) == 1
    assert verdicts.count(WebhookVerdict.DUPLICATE) == 9
    assert money(anna) == 35_200


def test_a_message_the_reconciler_and_the_page_at_once_are_one_credit(anna: int):
    bank = FakeGateway()
    started = begin(anna)
    top_ups.submit(started.id, bank, now=lambda: NOON)
    bank.pay(bank.orders[0].key)

    together(
        lambda: top_ups.handle_webhook(bank, b"p1", {"signature": "good"}, now=lambda: LATER),
        lambda: top_ups.reconcile(bank, now=lambda: LATER),
        lambda: top_ups.reconcile(bank, now=lambda: LATER),
        lambda: top_ups.submit(started.id, bank, now=lambda: LATER),
    )

    assert money(anna) == 35_200


def test_two_clicks_at_once_are_one_top_up(anna: int):
    made = together(*[lambda: begin(anna)] * 8)

    assert len({top_up.id for top_up in made}) == 1  # type: ignore[attr-defined]


def test_two_payments_of_one_subscriber_at_once_are_both_credited(anna: int):
    bank = FakeGateway()
    for number in (1, 2):
        top_ups.submit(begin(anna, occasion=str(number)).id, bank, now=lambda: NOON)
        bank.pay(bank.orders[-1].key)

    together(
        *[
            lambda body=body: top_ups.handle_webhook(bank, body, {"signature": "good"}, now=lambda: NOON)
            for body in (b"p1", b"p2") * 4
        ]
    )

    assert money(anna) == 1_200 + 2 * 34_000


# --- killed -----------------------------------------------------------------------------------------------------------


CRASH = """
import os, sys
from datetime import datetime
from pathlib import Path
from starlette.testclient import TestClient
from cabinet import news
from cabinet.services import billing, outbox, refunds, top_ups
from tests.payments import bank_of, gateway_of

what, number, books, moment, point = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4], sys.argv[5]
now = datetime.fromisoformat(moment)
bank = bank_of(books)
gateway = gateway_of(bank)

def die(*args, **kwargs):
    os._exit(9)

def dying_after(done):
    return lambda *args, **kwargs: (done(*args, **kwargs), die())

if point == "asked":
    gateway.create = gateway.get = die
elif point == "answered":
    gateway.create, gateway.get = dying_after(gateway.create), dying_after(gateway.get)
elif point == "posted":
    billing.record_payment = dying_after(billing.record_payment)
elif point == "promised":
    outbox.queue_sms, outbox.queue_many = dying_after(outbox.queue_sms), dying_after(outbox.queue_many)
elif point == "committed":
    news.tell = die
if point == "asked":
    gateway.refund = die
elif point == "answered":
    gateway.refund = dying_after(gateway.refund)
if what == "refund":
    refunds.submit(number, gateway, now=lambda: now)
elif what == "submit":
    top_ups.submit(number, gateway, now=lambda: now)
elif what == "reconcile":
    top_ups.reconcile(gateway, now=lambda: now)
else:
    for _, body in bank.books.messages_due():
        from cabinet import clock
        from cabinet.adapters.payments.sandbox import sign
        sent_at = str(clock.machine_seconds())
        headers = {"x-bank-time": sent_at, "x-bank-signature": sign(bank.contract.secret, sent_at, body)}
        top_ups.handle_webhook(gateway, body, headers, now=lambda: now)
"""


@dataclass
class Fault:
    """The bank and the cabinet, and a process of the cabinet's that dies at a point."""

    bank: Bank
    database_url: str

    @property
    def gateway(self) -> SandboxBank:
        return gateway_of(self.bank)

    def crash(self, what: str, number: int, point: str, moment: object = NOON) -> None:
        environment = os.environ | {"CABINET_DATABASE_URL": self.database_url, "CABINET_PUBLIC_URL": SITE}
        command = [sys.executable, "-c", CRASH, what, str(number), str(self.bank.contract.path), str(moment), point]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 9, done.stderr[-2000:]

    def pay(self, top_up: top_ups.TopUp, card: str = "2200000000004821") -> None:
        TestClient(Starlette(routes=[Mount("/bank", self.bank.app)]), base_url=SITE).post(
            top_up.confirmation_url, data={"card": card}, follow_redirects=False
        )

    def recover(self) -> None:
        """What happens by itself after a restart: the worker asks, the bank tells again."""
        for minutes in (5, 10, 20):
            top_ups.reconcile(self.gateway, now=lambda minutes=minutes: NOON + timedelta(minutes=minutes))
        web = TestClient(Starlette(routes=webhooks.routes), base_url=SITE)
        self.bank.deliver_due(web)

    def payments(self) -> int:
        with self.bank.books._writing() as connection:
            return connection.execute("SELECT count(*) FROM payment").fetchone()[0]


@pytest.fixture
def fault(anna: int, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fault:
    monkeypatch.setenv("CABINET_PUBLIC_URL", SITE)
    settings.cache_clear()
    made = Fault(bank_of(tmp_path / "bank.db"), database_url)
    monkeypatch.setattr(webhooks, "gateway", lambda: made.gateway)
    return made


def saved_card(fault: Fault, subscriber_id: int) -> int:
    top_up = top_ups.submit(begin(subscriber_id, "save", saves_method=True).id, fault.gateway, now=lambda: NOON)
    fault.pay(top_up)
    top_ups.reconcile(fault.gateway, now=lambda: LATER)
    with db.reading() as session:
        return top_ups.list_methods(session, subscriber_id)[0].id


@pytest.mark.parametrize("point", ["asked", "answered"])
def test_killed_while_submitting_it_is_one_payment(anna: int, fault: Fault, point: str):
    started = begin(anna)

    fault.crash("submit", started.id, point)
    fault.recover()
    with db.reading() as session:
        top_up = top_ups.get(session, anna, started.id)
    assert top_up.state is TopUpState.PENDING
    fault.pay(top_up)
    fault.recover()

    assert fault.payments() == 1
    assert money(anna) == 35_200


@pytest.mark.parametrize("point", ["asked", "answered", "posted", "promised", "committed"])
def test_killed_while_a_saved_card_is_charged_it_is_charged_once(anna: int, fault: Fault, point: str):
    """Autopay: nobody stands by, and the gateway takes the money at once."""
    card = saved_card(fault, anna)
    with db.transaction() as session:
        charged = top_ups.charge_saved(session, anna, card, 20_000, occasion="autopay:1", now=NOON)

    fault.crash("reconcile", charged.id, point)
    fault.recover()

    assert fault.payments() == 2
    assert money(anna) == 1_200 + 34_000 + 20_000


@pytest.mark.parametrize("point", ["posted", "promised", "committed"])
def test_killed_while_a_message_is_handled_it_is_credited_once(anna: int, fault: Fault, point: str):
    top_up = top_ups.submit(begin(anna).id, fault.gateway, now=lambda: NOON)
    fault.pay(top_up)

    fault.crash("hear", top_up.id, point)
    with db.reading() as session:
        credits = session.exec(select(LedgerTransaction).where(LedgerTransaction.reference.like("top-up:%:%"))).all()
    assert len(credits) == (1 if point == "committed" else 0)
    fault.recover()

    assert money(anna) == 35_200


@pytest.mark.parametrize("point", ["asked", "answered", "posted", "promised", "committed"])
def test_killed_while_reconciling_it_is_credited_once(anna: int, fault: Fault, point: str):
    top_up = top_ups.submit(begin(anna).id, fault.gateway, now=lambda: NOON)
    fault.pay(top_up, "2200000000000111")  # the bank's message is lost

    fault.crash("reconcile", top_up.id, point, LATER)
    for minutes in (6, 8, 10):
        top_ups.reconcile(fault.gateway, now=lambda minutes=minutes: NOON + timedelta(minutes=minutes))

    assert money(anna) == 35_200


@pytest.mark.parametrize("point", ["asked", "answered", "promised", "committed"])
def test_killed_while_money_is_given_back_it_goes_back_once(anna: int, fault: Fault, point: str):
    top_up = top_ups.submit(begin(anna).id, fault.gateway, now=lambda: NOON)
    fault.pay(top_up)
    top_ups.reconcile(fault.gateway, now=lambda: LATER)
    with db.transaction() as session:
        refund = refunds.start(session, top_up.number, 10_000, now=LATER)

    fault.crash("refund", refund.id, point, LATER)
    for minutes in (5, 10, 20):
        refunds.reconcile(fault.gateway, now=lambda minutes=minutes: LATER + timedelta(minutes=minutes))
    fault.recover()

    with db.reading() as session:
        row = session.get_one(TopUpRow, top_up.id)
        assert audit.run_audit(session).faults == []
    assert fault.gateway.get(row.gateway_id).refunded_kopecks == row.refunded_kopecks == 10_000
    assert row.attention is None
    assert money(anna) == 35_200 - 10_000
