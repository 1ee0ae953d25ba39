"""Top-ups through ЮKassa: its real adapter, its stand-in over HTTP, our service and ledger, both databases."""

import json
import urllib.parse
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from cabinet import db, ledger
from cabinet.adapters.payments import yookassa
from cabinet.adapters.payments.yookassa import ReceiptTerms, YooKassa
from cabinet.config import settings
from cabinet.domain.payments import Attention, PaymentKind, Refusal, TopUpState, WebhookVerdict
from cabinet.models.top_ups import TopUp as TopUpRow
from cabinet.services import audit, top_ups
from cabinet.ui.top_ups.views import result_view
from tests.conftest import NOON, both_engines
from tests.services.test_options import CATALOGUE
from tests.services.test_orders import given, store
from tests.standins.yookassa import REASONS, Fault, YooKassaStandIn

pytestmark = both_engines

LATER = NOON + timedelta(minutes=5)


@pytest.fixture
def bank() -> Iterator[YooKassaStandIn]:
    with YooKassaStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def shop(bank: YooKassaStandIn, monkeypatch: pytest.MonkeyPatch) -> YooKassa:
    monkeypatch.setenv("CABINET_PAYMENTS_GATEWAY", "yookassa")
    monkeypatch.setenv("CABINET_PAYMENTS_SHOP", bank.shop)
    monkeypatch.setenv("CABINET_PAYMENTS_SECRET", bank.secret)
    monkeypatch.setenv("CABINET_PAYMENTS_URL", bank.url)
    monkeypatch.setenv("CABINET_PAYMENTS_VAT_CODE", "12")
    settings.cache_clear()
    return YooKassa.of_settings()


@pytest.fixture
def anna(database: object) -> int:
    """12 roubles."""
    with db.transaction() as session:
        store(session, CATALOGUE)
        return given(session, money=1_200)


def submitted(subscriber_id: int, shop: YooKassa, occasion: str = "page:1", **more: Any) -> top_ups.TopUp:
    """340 roubles asked for."""
    with db.transaction() as session:
        made = top_ups.start(session, subscriber_id, 34_000, occasion=occasion, now=NOON, **more)
    return top_ups.submit(made.id, shop, now=lambda: NOON)


def confirm(page: str, outcome: str) -> str:
    """What the person chose on the gateway's page; returns where it sent him."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: Any) -> None:
            return None

    try:
        urllib.request.build_opener(Stay).open(page, urllib.parse.urlencode({"outcome": outcome}).encode())
    except urllib.error.HTTPError as answer:
        return answer.headers["Location"]
    raise AssertionError("no redirect")


def hear(shop: YooKassa, event: dict[str, Any], now: datetime = LATER) -> WebhookVerdict:
    return top_ups.handle_webhook(shop, json.dumps(event).encode(), {}, now=lambda: now)


def said(event: str, payment: dict[str, Any]) -> dict[str, Any]:
    return {"type": "notification", "event": event, "object": payment}


def rows() -> list[TopUpRow]:
    with db.reading() as session:
        return list(session.exec(select(TopUpRow).order_by(TopUpRow.id)).all())


def row() -> TopUpRow:
    (only,) = rows()
    return only


def money(subscriber_id: int) -> int:
    with db.reading() as session:
        return ledger.balance(session, subscriber_id).main


@pytest.fixture(autouse=True)
def sound(anna: int) -> Iterator[None]:
    """Whatever a test did, the books are right at its end."""
    yield
    with db.reading() as session:
        assert audit.run_audit(session).faults == []


@pytest.mark.parametrize("kind", list(PaymentKind))
def test_a_payment_confirmed_on_the_gateways_page(anna: int, shop: YooKassa, bank: YooKassaStandIn, kind: PaymentKind):
    pending = submitted(anna, shop, kind=kind)
    assert pending.state is TopUpState.PENDING

    back = confirm(pending.confirmation_url, "pay")

    assert back == f"{settings().public_url}/topup/result/?payment={pending.id}"
    assert money(anna) == 1_200  # coming back proves nothing
    assert hear(shop, bank.events[0]) is WebhookVerdict.APPLIED
    assert money(anna) == 35_200
    assert row().state is TopUpState.SUCCEEDED


@pytest.mark.parametrize("reason", REASONS)
def test_each_refusal_ends_the_top_up_with_its_reason(anna: int, shop: YooKassa, bank: YooKassaStandIn, reason: str):
    confirm(submitted(anna, shop).confirmation_url, reason)

    assert hear(shop, bank.events[0]) is WebhookVerdict.APPLIED

    refusal = yookassa.REFUSALS.get(reason, Refusal.DECLINED)
    assert row().refusal is refusal
    assert row().state is (TopUpState.EXPIRED if reason.startswith("expired") else TopUpState.REFUSED)
    assert money(anna) == 1_200
    with db.reading() as session:
        result = top_ups.get_result(session, anna, row().id, now=LATER)
    for language, excuse in (("ru", "Деньги не списаны"), ("en", "You were not charged")):
        told = result_view(result, LATER, language)
        assert told.text.startswith(excuse)
        assert (len(told.reasons) == 1) is (refusal is not Refusal.DECLINED)  # the bank's own reason, or a guess


def save_card(subscriber_id: int, shop: YooKassa, bank: YooKassaStandIn, **more: Any) -> int:
    """A card that has paid 340 roubles once."""
    submitted(subscriber_id, shop, saves_method=True, **more)
    bank.pay(bank.only()["id"], title="4821")
    hear(shop, bank.events[0])
    with db.reading() as session:
        (method,) = top_ups.list_methods(session, subscriber_id)
    return method.id


def charge(subscriber_id: int, method_id: int, now: datetime = LATER) -> None:
    """200 roubles by autopay."""
    with db.transaction() as session:
        top_ups.charge_saved(session, subscriber_id, method_id, 20_000, occasion="autopay:1:2026-11-23", now=now)


@pytest.mark.parametrize("kind", list(PaymentKind))
def test_a_saved_method_pays_without_the_person(anna: int, shop: YooKassa, bank: YooKassaStandIn, kind: PaymentKind):
    method_id = save_card(anna, shop, bank, kind=kind)
    charge(anna, method_id)

    top_ups.reconcile(shop, now=lambda: LATER)
    assert [hear(shop, event) for event in bank.events] == [WebhookVerdict.DUPLICATE] * 2

    assert money(anna) == 1_200 + 34_000 + 20_000
    assert rows()[1].state is TopUpState.SUCCEEDED
    assert rows()[1].kind is kind


def test_a_saved_card_without_money(anna: int, shop: YooKassa, bank: YooKassaStandIn):
    method_id = save_card(anna, shop, bank)
    bank.charges_fail = {next(iter(bank.saved)): "insufficient_funds"}
    charge(anna, method_id)

    top_ups.reconcile(shop, now=lambda: LATER)

    assert (rows()[1].state, rows()[1].refusal) == (TopUpState.REFUSED, Refusal.INSUFFICIENT_FUNDS)
    assert money(anna) == 35_200


def test_a_deleted_card_is_forgotten_and_charged_no_more(anna: int, shop: YooKassa, bank: YooKassaStandIn):
    method_id = save_card(anna, shop, bank)
    with db.transaction() as session:
        top_ups.delete_method(session, anna, method_id, now=LATER)
    asked = len(bank.requests)

    top_ups.reconcile(shop, now=lambda: LATER)

    assert len(bank.requests) == asked
    with db.reading() as session:
        assert top_ups.list_methods(session, anna) == []


@pytest.mark.parametrize("fault", list(Fault))
def test_a_charge_whose_answer_was_lost_is_credited_once(
    anna: int, shop: YooKassa, bank: YooKassaStandIn, fault: Fault, monkeypatch: pytest.MonkeyPatch
):
    method_id = save_card(anna, shop, bank)
    charge(anna, method_id)
    bank.faults = [fault, fault]

    with monkeypatch.context() as hurried:
        hurried.setattr(yookassa, "PATIENCE_SECONDS", (5.0, 0.3))
        top_ups.reconcile(shop, now=lambda: LATER)
        assert money(anna) == 35_200  # unknown is not paid
        top_ups.reconcile(shop, now=lambda: LATER + timedelta(minutes=1))
    for minutes in (2, 5, 10):
        top_ups.reconcile(shop, now=lambda minutes=minutes: LATER + timedelta(minutes=minutes))
    for event in bank.events:
        hear(shop, event, LATER + timedelta(minutes=11))

    assert len(bank.payments) == 2
    assert money(anna) == 1_200 + 34_000 + 20_000


def test_a_page_that_nobody_told_of_is_found_by_asking(anna: int, shop: YooKassa, bank: YooKassaStandIn):
    pending = submitted(anna, shop)
    confirm(pending.confirmation_url, "pay")

    top_ups.reconcile(shop, now=lambda: LATER)

    assert money(anna) == 35_200


def test_ten_notifications_at_once_and_the_day_after_credit_once(anna: int, shop: YooKassa, bank: YooKassaStandIn):
    submitted(anna, shop)
    bank.pay(bank.only()["id"])

    with ThreadPoolExecutor(10) as threads:
        verdicts = list(threads.map(lambda _: hear(shop, bank.events[0]), range(10)))
    verdicts.append(hear(shop, bank.events[0], NOON + timedelta(days=1)))

    assert sorted(verdicts) == [WebhookVerdict.APPLIED] + [WebhookVerdict.DUPLICATE] * 10
    assert money(anna) == 35_200


# --- what is not true -------------------------------------------------------------------------------------------------


def test_a_notification_of_success_that_did_not_happen(anna: int, shop: YooKassa, bank: YooKassaStandIn):
    submitted(anna, shop)

    verdict = hear(shop, said("payment.succeeded", bank.only() | {"status": "succeeded", "paid": True}))

    assert verdict is WebhookVerdict.DUPLICATE
    assert (row().state, money(anna)) == (TopUpState.PENDING, 1_200)


def test_a_notification_of_a_payment_that_is_not_ours(anna: int, shop: YooKassa, bank: YooKassaStandIn):
    submitted(anna, shop)
    stranger = bank.only() | {"id": "22e12f66-000f-5000-8000-18db351245c7", "status": "succeeded"}
    stranger.pop("metadata")

    assert hear(shop, said("payment.succeeded", stranger)) is WebhookVerdict.UNKNOWN
    assert money(anna) == 1_200


def test_a_made_up_payment_with_our_key_is_asked_for_and_forged(anna: int, shop: YooKassa, bank: YooKassaStandIn):
    bank.faults = [Fault.BEFORE]
    submitted(anna, shop)
    guess = {"id": "22e12f66-000f-5000-8000-18db351245c7", "metadata": {"key": row().key}, "status": "succeeded"}

    assert hear(shop, said("payment.succeeded", guess)) is WebhookVerdict.FORGED
    assert (row().state, money(anna)) == (TopUpState.CREATED, 1_200)


@pytest.mark.parametrize(
    ("lie", "trouble"),
    [
        ({"amount": {"value": "339.99", "currency": "RUB"}}, Attention.AMOUNT_DIFFERS),
        ({"amount": {"value": "340.01", "currency": "RUB"}}, Attention.AMOUNT_DIFFERS),
        ({"amount": {"value": "340.00", "currency": "USD"}}, Attention.CURRENCY_DIFFERS),
        ({"recipient": {"account_id": "666", "gateway_id": "1"}}, Attention.SHOP_DIFFERS),
        ({"metadata": {"key": "of-another-order"}}, Attention.ORDER_DIFFERS),
        ({"metadata": {}}, Attention.ORDER_DIFFERS),
    ],
)
def test_a_payment_that_differs_from_what_was_asked(
    anna: int, shop: YooKassa, bank: YooKassaStandIn, lie: dict[str, Any], trouble: Attention
):
    submitted(anna, shop)
    bank.pay(bank.only()["id"])
    bank.only().update(lie)

    assert hear(shop, bank.events[0]) is WebhookVerdict.HELD

    assert row().attention is trouble
    assert money(anna) == 1_200


def test_a_notification_that_could_not_be_checked_is_taken_up_by_the_worker(
    anna: int, shop: YooKassa, bank: YooKassaStandIn
):
    submitted(anna, shop)
    bank.pay(bank.only()["id"])
    bank.faults = [Fault.BEFORE]

    assert hear(shop, bank.events[0]) is WebhookVerdict.UNVERIFIED
    top_ups.reconcile(shop, now=lambda: LATER)

    assert money(anna) == 35_200


# --- keys that the gateway takes for another request, or has forgotten ------------------------------------------------


def test_a_request_that_changed_on_the_way_is_settled_by_its_notification(
    anna: int, shop: YooKassa, bank: YooKassaStandIn
):
    method_id = save_card(anna, shop, bank)
    charge(anna, method_id)
    bank.faults = [Fault.AFTER]
    top_ups.reconcile(shop, now=lambda: LATER)
    other_terms = YooKassa(bank.shop, bank.secret, ReceiptTerms(11, 0, "payment", "advance"), bank.url)

    top_ups.reconcile(other_terms, now=lambda: LATER + timedelta(minutes=1))
    assert (rows()[1].state, money(anna)) == (TopUpState.CREATED, 35_200)
    assert hear(other_terms, bank.events[1]) is WebhookVerdict.APPLIED

    assert money(anna) == 1_200 + 34_000 + 20_000
    assert len(bank.payments) == 2


def test_what_is_unknown_for_a_day_is_not_charged_again(anna: int, shop: YooKassa, bank: YooKassaStandIn):
    method_id = save_card(anna, shop, bank)
    charge(anna, method_id)
    bank.faults = [Fault.AFTER]
    top_ups.reconcile(shop, now=lambda: LATER)
    bank.forget_keys()
    day_after = LATER + timedelta(hours=24)

    top_ups.reconcile(shop, now=lambda: day_after)

    assert len(bank.payments) == 2
    assert (rows()[1].state, rows()[1].attention) == (TopUpState.EXPIRED, Attention.OUTCOME_UNKNOWN)
    assert hear(shop, bank.events[1], day_after) is WebhookVerdict.APPLIED  # it came in the end, and so did the money
    assert money(anna) == 1_200 + 34_000 + 20_000


# --- giving back ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["340.00", "100.00"])
def test_money_given_back_at_the_gateway_is_shown_to_a_person(
    anna: int, shop: YooKassa, bank: YooKassaStandIn, value: str
):
    submitted(anna, shop)
    bank.pay(bank.only()["id"])
    hear(shop, bank.events[0])
    bank.give_back(bank.only()["id"], value)

    assert hear(shop, bank.events[1]) is WebhookVerdict.HELD

    assert row().attention is Attention.REFUNDED
    assert row().refunded_kopecks == int(value.replace(".", ""))
    assert money(anna) == 35_200


def test_a_refund_heard_of_before_its_payment(anna: int, shop: YooKassa, bank: YooKassaStandIn):
    submitted(anna, shop)
    bank.pay(bank.only()["id"])
    bank.give_back(bank.only()["id"], "340.00")

    verdicts = [hear(shop, event) for event in reversed(bank.events)]

    assert verdicts == [WebhookVerdict.APPLIED, WebhookVerdict.DUPLICATE]
    assert (row().state, row().refusal) == (TopUpState.REFUSED, Refusal.REFUNDED)
    assert money(anna) == 1_200
