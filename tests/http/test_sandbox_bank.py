"""The sandbox bank as people and the cabinet meet it: over HTTP, through its pages, with its webhooks."""

import asyncio
import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlmodel import select
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from cabinet import clock, db, ledger
from cabinet.adapters import payments
from cabinet.adapters.payments import ForgedWebhook, GatewayRefused, GatewayUnavailable, PaymentOrder
from cabinet.adapters.payments.sandbox import SandboxBank, sign
from cabinet.config import settings
from cabinet.domain.payments import PaymentKind, Refusal, TopUpState, WebhookVerdict
from cabinet.http import webhooks
from cabinet.models.top_ups import TopUp as TopUpRow
from cabinet.models.top_ups import WebhookEvent
from cabinet.sandbox_bank.app import Bank
from cabinet.sandbox_bank.cards import CARDS, Outcome
from cabinet.services import audit, top_ups
from tests.payments import SECRET, SHOP, SITE, bank_of, gateway_of
from tests.services.test_options import CATALOGUE
from tests.services.test_orders import given, store


@dataclass
class Town:
    """The bank, the cabinet's routes and a browser, in one process."""

    bank: Bank
    web: TestClient
    gateway: SandboxBank
    anna: int

    def pays(self, card: Outcome, top_up: top_ups.TopUp) -> str:
        """Types a card on the bank's page; returns where the browser is sent."""
        number = next(each.number for each in CARDS.values() if each.outcome is card)
        answer = self.web.post(top_up.confirmation_url, data={"card": number}, follow_redirects=False)
        assert answer.status_code == 303
        return answer.headers["location"]

    def deliver(self) -> int:
        return self.bank.deliver_due(self.web)

    def start(self, kind: PaymentKind = PaymentKind.CARD, **more: object) -> top_ups.TopUp:
        with db.transaction() as session:
            made = top_ups.start(session, self.anna, 34_000, kind=kind, now=clock.now(), **{"occasion": "1", **more})
        return top_ups.submit(made.id, self.gateway, now=clock.now)

    def row(self) -> TopUpRow:
        with db.reading() as session:
            return session.exec(select(TopUpRow).order_by(TopUpRow.id.desc())).first()

    def money(self) -> int:
        with db.reading() as session:
            assert audit.run_audit(session).faults == []
            return ledger.balance(session, self.anna).main


@pytest.fixture
def passing(monkeypatch: pytest.MonkeyPatch):
    """Lets the machine's clock go on by so many seconds."""
    begun = clock.machine_seconds()
    seconds = [0]
    monkeypatch.setattr(clock, "machine_seconds", lambda: begun + seconds[0])

    def go(by: int) -> None:
        seconds[0] += by

    return go


@pytest.fixture
def town(database: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, passing: object) -> Town:
    monkeypatch.setenv("CABINET_PUBLIC_URL", SITE)
    settings.cache_clear()
    bank = bank_of(tmp_path / "bank.db")
    web = TestClient(Starlette(routes=[*webhooks.routes, Mount("/bank", bank.app)]), base_url=SITE)
    gateway = gateway_of(bank)
    monkeypatch.setattr(webhooks, "gateway", lambda: gateway)
    monkeypatch.setattr(payments, "gateway", lambda: gateway)
    with db.transaction() as session:
        store(session, CATALOGUE)
        anna = given(session, money=0)
    return Town(bank, web, gateway, anna)


def order(key: str = "k1", **more: object) -> PaymentOrder:
    facts = {
        "amount_kopecks": 34_000,
        "description": "Пополнение счёта 1",
        "kind": PaymentKind.CARD,
        "return_url": f"{SITE}/topup/result/?payment=1",
        "receipt_phone": "79160000001",
    }
    return PaymentOrder(key=key, **(facts | more))


def test_a_payment_by_card_is_credited_by_the_webhook_and_not_by_the_way_back(town: Town):
    top_up = town.start()
    assert top_up.state is TopUpState.PENDING
    assert "340" in town.web.get(top_up.confirmation_url).text

    back = town.pays(Outcome.PAID, top_up)

    assert back == f"{SITE}/topup/result/?payment={top_up.id}"
    assert town.money() == 0
    assert town.deliver() == 1
    assert town.money() == 34_000
    assert town.row().method_title == "··4821"


def test_messages_come_twice_and_out_of_order_and_are_applied_once(town: Town, passing):
    town.pays(Outcome.PAID, town.start())

    for _ in range(3):
        town.deliver()
        passing(1)

    with db.reading() as session:
        verdicts = session.exec(select(WebhookEvent.verdict).order_by(WebhookEvent.id)).all()
    assert verdicts == [WebhookVerdict.APPLIED, WebhookVerdict.DUPLICATE, WebhookVerdict.DUPLICATE]
    assert town.money() == 34_000
    passing(3600)
    assert town.deliver() == 0


def test_a_message_that_nobody_takes_is_delivered_again(town: Town, passing, monkeypatch: pytest.MonkeyPatch):
    town.pays(Outcome.PAID, town.start())
    silent = SandboxBank(TestClient(Starlette()), SHOP, "another secret", f"{SITE}/bank/")
    with monkeypatch.context() as patch:
        patch.setattr(webhooks, "gateway", lambda: silent)
        assert town.deliver() == 0
    assert town.money() == 0

    passing(1)
    town.deliver()

    assert town.money() == 34_000


@pytest.mark.parametrize(
    ("card", "refusal"),
    [
        (Outcome.INSUFFICIENT_FUNDS, Refusal.INSUFFICIENT_FUNDS),
        (Outcome.CARD_EXPIRED, Refusal.CARD_EXPIRED),
        (Outcome.FRAUD_SUSPECTED, Refusal.FRAUD_SUSPECTED),
    ],
)
def test_a_refusal_says_why(town: Town, card: Outcome, refusal: Refusal):
    town.pays(card, town.start())
    town.deliver()

    assert (town.row().state, town.row().refusal) == (TopUpState.REFUSED, refusal)
    assert town.money() == 0


def test_a_card_that_nobody_knows_is_refused(town: Town):
    top_up = town.start()
    town.web.post(top_up.confirmation_url, data={"card": "4111 1111 1111 1111"}, follow_redirects=False)
    town.deliver()

    assert town.row().refusal is Refusal.CARD_INVALID


@pytest.mark.parametrize(
    ("answer", "state", "kopecks"), [("yes", TopUpState.SUCCEEDED, 34_000), ("no", TopUpState.REFUSED, 0)]
)
def test_3d_secure_asks_the_person(town: Town, answer: str, state: TopUpState, kopecks: int):
    page = town.pays(Outcome.CONFIRM, town.start())
    assert "Подтвердите оплату" in town.web.get(page).text
    town.deliver()
    assert town.row().state is TopUpState.PENDING

    town.web.post(page, data={"answer": answer}, follow_redirects=False)
    town.deliver()

    assert town.row().state is state
    assert town.money() == kopecks


def test_a_slow_bank_pays_later(town: Town, passing):
    page = town.pays(Outcome.SLOW, town.start())
    assert "обрабатывает" in town.web.get(page).text
    assert town.deliver() == 0

    passing(15)
    town.deliver()

    assert town.money() == 34_000


def test_a_bank_that_never_answers_cancels_when_the_time_is_over(town: Town, passing):
    town.pays(Outcome.SILENT, town.start())

    passing(15 * 60)
    town.deliver()

    assert town.row().state is TopUpState.EXPIRED
    assert town.money() == 0


def test_a_lost_message_is_found_by_asking(town: Town, passing):
    town.pays(Outcome.UNTOLD, town.start())
    passing(60)
    assert town.deliver() == 0

    top_ups.reconcile(town.gateway, now=lambda: clock.now() + timedelta(minutes=1))

    assert town.money() == 34_000


def test_sbp_shows_a_code_and_the_phone_pays(town: Town):
    top_up = town.start(PaymentKind.SBP)
    page = town.web.get(top_up.confirmation_url)
    assert "<svg" in page.text
    assert "script" not in page.text

    phone = re.search(r'href="([^"]*/app/[^"]*)"', page.text).group(1)
    town.web.post(phone, data={"card": "40817000000000907"}, follow_redirects=False)

    waiting = town.web.get(top_up.confirmation_url, follow_redirects=False)
    assert waiting.headers["location"].endswith(f"?payment={top_up.id}")
    town.deliver()
    assert town.money() == 34_000


def test_a_person_may_leave_without_paying(town: Town):
    top_up = town.start()
    town.web.post(top_up.confirmation_url, data={"leave": "1"}, follow_redirects=False)
    town.deliver()

    assert town.row().refusal is Refusal.CANCELED_BY_PAYER


def test_a_saved_card_pays_without_the_person_until_it_is_deleted(town: Town):
    town.pays(Outcome.PAID, town.start(saves_method=True))
    town.deliver()
    with db.reading() as session:
        (card,) = top_ups.list_methods(session, town.anna)
    assert (card.title, card.kind) == ("··4821", PaymentKind.CARD)

    with db.transaction() as session:
        top_ups.charge_saved(session, town.anna, card.id, 10_000, occasion="autopay:1", now=clock.now())
    top_ups.reconcile(town.gateway, now=clock.now)

    assert town.money() == 44_000
    with db.transaction() as session:
        top_ups.delete_method(session, town.anna, card.id, now=clock.now())
    top_ups.reconcile(town.gateway, now=clock.now)
    with db.reading() as session:
        assert top_ups.list_methods(session, town.anna) == []


def test_a_card_may_refuse_autopay_and_pay_in_person(town: Town):
    town.pays(Outcome.ONLY_IN_PERSON, town.start(saves_method=True))
    town.deliver()
    with db.transaction() as session:
        (card,) = top_ups.list_methods(session, town.anna)
        top_ups.charge_saved(session, town.anna, card.id, 10_000, occasion="autopay:1", now=clock.now())

    top_ups.reconcile(town.gateway, now=clock.now)

    assert town.row().refusal is Refusal.INSUFFICIENT_FUNDS
    assert town.money() == 34_000


def test_one_key_is_one_payment_even_over_a_restart(town: Town):
    first = town.gateway.create(order())
    reopened = gateway_of(bank_of(town.bank.contract.path))

    assert reopened.create(order()) == first
    with pytest.raises(GatewayRefused):
        reopened.create(order(amount_kopecks=34_001))


def test_a_refund_is_given_once_and_told(town: Town):
    town.pays(Outcome.PAID, town.start())
    payment_id = town.row().gateway_id or ""
    for _ in range(2):
        town.gateway.refund(payment_id, 34_000, "refund-1")

    assert town.gateway.get(payment_id).refunded_kopecks == 34_000
    with pytest.raises(GatewayRefused):
        town.gateway.refund(payment_id, 1, "refund-2")


@pytest.mark.parametrize(
    "change",
    [
        lambda body, headers: (body.replace(b"34000", b"34001"), headers),
        lambda body, headers: (body, headers | {"x-bank-signature": "0" * 64}),
        lambda body, headers: (body, headers | {"x-bank-signature": "подпись"}),
        lambda body, headers: (body, {"x-bank-time": headers["x-bank-time"]}),
        lambda body, headers: (body, headers | {"x-bank-time": str(int(headers["x-bank-time"]) + 1)}),
        lambda body, headers: (body, signed(body, int(headers["x-bank-time"]) - 301)),
        lambda body, headers: (b"{}", signed(b"{}", int(headers["x-bank-time"]))),
        lambda body, headers: (b"[", signed(b"[", int(headers["x-bank-time"]))),
        lambda body, headers: (body, signed(body, "²")),
    ],
)
def test_a_forged_message_is_refused(town: Town, change):
    town.pays(Outcome.PAID, town.start())
    ((_, body),) = town.bank.books.messages_due()
    body, headers = change(body, signed(body, clock.machine_seconds()))

    with pytest.raises(ForgedWebhook):
        town.gateway.read_webhook(body, headers)


def signed(body: bytes, sent_at: object) -> dict[str, str]:
    return {"x-bank-time": str(sent_at), "x-bank-signature": sign(SECRET, str(sent_at), body)}


def test_only_the_shop_may_ask(town: Town):
    stranger = SandboxBank(TestClient(town.bank.app, base_url=SITE), SHOP, "guess", f"{SITE}/bank/")

    with pytest.raises(GatewayRefused):
        stranger.create(order())


def test_a_bank_that_is_away_is_unavailable(town: Town):

    away = SandboxBank(httpx.Client(base_url="http://127.0.0.1:9"), SHOP, SECRET, f"{SITE}/bank/")

    with pytest.raises(GatewayUnavailable):
        away.create(order())


def test_payments_lead_back_to_the_shop_only(town: Town):
    with pytest.raises(GatewayRefused):
        town.gateway.create(order(return_url="https://evil.example/"))


def test_the_webhooks_door(town: Town):
    assert town.web.post("/webhooks/payments/sandbox", content=b"{}").status_code == 403
    assert town.web.post("/webhooks/payments/another", content=b"{}").status_code == 404
    assert town.web.post("/webhooks/payments/sandbox", content=b"x" * 70_000).status_code == 413
    assert town.web.get("/webhooks/payments/sandbox").status_code == 405


def test_forged_messages_do_not_fill_the_database(town: Town, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(top_ups, "FORGED_PER_HOUR", 3)

    for _ in range(5):
        town.web.post("/webhooks/payments/sandbox", content=b"{}")

    with db.reading() as session:
        assert len(session.exec(select(WebhookEvent)).all()) == 3


def test_a_payment_that_does_not_exist_has_a_page(town: Town):
    assert town.web.get("/bank/card/nothing").status_code == 404


async def test_messages_that_come_at_once_are_all_answered(town: Town):
    """On SQLite they are acted on together; one is forged."""
    for number in range(5):
        top_up = town.start(occasion=str(number))
        town.pays(Outcome.PAID, top_up)
    bodies = [body for _, body in town.bank.books.messages_due()]
    routes = httpx.ASGITransport(app=Starlette(routes=webhooks.routes))

    async with httpx.AsyncClient(transport=routes, base_url=SITE) as client:
        answers = await asyncio.gather(
            *[
                client.post("/webhooks/payments/sandbox", content=body, headers=signed(body, clock.machine_seconds()))
                for body in bodies * 2
            ],
            client.post("/webhooks/payments/sandbox", content=bodies[0], headers=signed(b"", clock.machine_seconds())),
        )

    assert [answer.status_code for answer in answers] == [200] * 10 + [403]
    assert town.money() == 5 * 34_000
