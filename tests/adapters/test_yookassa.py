"""ЮKassa's adapter against its stand-in, over real HTTP."""

import json
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network
from threading import Barrier, Thread

import pytest
from yookassa.domain.common import SecurityHelper
from yookassa.domain.models.cancellation_details import CancellationDetailsReasonCode

from cabinet.adapters.payments import (
    Event,
    ForgedWebhook,
    GatewayRefused,
    GatewayUnavailable,
    PaymentOrder,
    SavedMethod,
    gateway,
    yookassa,
)
from cabinet.adapters.payments.yookassa import NETWORKS, ReceiptTerms, YooKassa
from cabinet.config import UnsafeSettings, settings
from cabinet.domain.payments import PaymentKind, PaymentState, Refusal
from tests.standins.yookassa import REASONS, Fault, YooKassaStandIn

ADVANCE = ReceiptTerms(vat_code=12, tax_system=1, subject="payment", mode="advance")

ORDER = PaymentOrder(
    key="k7Jx-Q_3m2uC5vT8rW1zLbYd0aEfGhIp",
    amount_kopecks=34_005,
    description="Пополнение счёта 1000007",
    kind=PaymentKind.CARD,
    return_url="https://lk.example.ru/topup/result/?payment=7",
    receipt_phone="79160000001",
)


@pytest.fixture
def bank() -> Iterator[YooKassaStandIn]:
    with YooKassaStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def shop(bank: YooKassaStandIn) -> YooKassa:
    return YooKassa(bank.shop, bank.secret, ADVANCE, bank.url)


def sent(bank: YooKassaStandIn) -> dict:
    return bank.requests[-1][2]


# --- asking -----------------------------------------------------------------------------------------------------------


def test_a_card_payment_waits_for_the_person_on_the_gateways_page(shop: YooKassa, bank: YooKassaStandIn):
    payment = shop.create(ORDER)

    assert (payment.state, payment.key, payment.shop) == (PaymentState.PENDING, ORDER.key, "100500")
    assert (payment.amount_kopecks, payment.currency) == (34_005, "RUB")
    assert payment.confirmation_url == f"{bank.origin}/pay/{payment.id}"
    assert sent(bank)["amount"] == {"value": "340.05", "currency": "RUB"}
    assert sent(bank)["capture"] is True
    assert sent(bank)["payment_method_data"] == {"type": "bank_card"}
    assert sent(bank)["confirmation"] == {"type": "redirect", "return_url": ORDER.return_url}
    assert not sent(bank)["save_payment_method"]


def test_a_payment_by_sbp_asks_for_sbp(shop: YooKassa, bank: YooKassaStandIn):
    payment = shop.create(replace(ORDER, kind=PaymentKind.SBP))
    bank.pay(payment.id)

    assert sent(bank)["payment_method_data"] == {"type": "sbp"}
    assert shop.get(payment.id).state is PaymentState.SUCCEEDED


def test_the_receipt_says_what_the_settings_say(shop: YooKassa, bank: YooKassaStandIn):
    shop.create(ORDER)

    assert sent(bank)["receipt"] == {
        "customer": {"phone": "79160000001"},
        "tax_system_code": 1,
        "items": [
            {
                "description": "Пополнение счёта 1000007",
                "quantity": "1.0",
                "amount": {"value": "340.05", "currency": "RUB"},
                "vat_code": 12,
                "payment_subject": "payment",
                "payment_mode": "advance",
            }
        ],
    }


def test_a_shop_with_receipts_of_its_own_sends_none_and_no_number(bank: YooKassaStandIn):
    YooKassa(bank.shop, bank.secret, None, bank.url).create(ORDER)

    assert "receipt" not in sent(bank)
    assert sent(bank)["metadata"] == {"key": ORDER.key}


@pytest.mark.parametrize("kopecks", [100, 101, 999, 1_010, 99_999_999, 123_456_789_09])
def test_amounts_are_exact_there_and_back(shop: YooKassa, kopecks: int):
    assert shop.create(replace(ORDER, amount_kopecks=kopecks)).amount_kopecks == kopecks


def test_the_same_order_again_is_the_same_payment(shop: YooKassa, bank: YooKassaStandIn):
    assert shop.create(ORDER) == shop.create(ORDER)
    assert len(bank.payments) == 1


def test_another_order_with_a_used_key_says_nothing_of_the_first(shop: YooKassa, bank: YooKassaStandIn):
    shop.create(ORDER)

    with pytest.raises(GatewayUnavailable, match="Idempotence key duplicated"):
        shop.create(replace(ORDER, amount_kopecks=1_000))
    assert len(bank.payments) == 1


def test_a_saved_card_pays_without_the_person(shop: YooKassa, bank: YooKassaStandIn):
    first = shop.create(replace(ORDER, saves_method=True))
    bank.pay(first.id, title="4821")
    saved = shop.get(first.id).method
    assert saved == SavedMethod(first.id, PaymentKind.CARD, "··4821", "09/28")

    second = shop.create(replace(ORDER, key="second", method_token=saved.token))

    assert (second.state, second.method_title, second.confirmation_url) == (PaymentState.SUCCEEDED, "··4821", "")
    assert sent(bank)["payment_method_id"] == saved.token
    assert not {"confirmation", "payment_method_data"} & sent(bank).keys()


def test_an_account_bound_by_sbp_pays_without_the_person(shop: YooKassa, bank: YooKassaStandIn):
    first = shop.create(replace(ORDER, kind=PaymentKind.SBP, saves_method=True))
    bank.pay(first.id)
    saved = shop.get(first.id).method
    assert saved == SavedMethod(first.id, PaymentKind.SBP, "", "")

    assert shop.create(replace(ORDER, key="second", method_token=saved.token)).state is PaymentState.SUCCEEDED


def test_a_card_that_was_not_to_be_saved_is_not(shop: YooKassa, bank: YooKassaStandIn):
    payment = shop.create(ORDER)
    bank.pay(payment.id, title="4821")

    assert shop.get(payment.id).method is None
    assert shop.get(payment.id).method_title == "··4821"


def test_a_saved_method_that_is_gone_is_refused_as_revoked(shop: YooKassa, bank: YooKassaStandIn):
    with pytest.raises(GatewayRefused) as refused:
        shop.create(replace(ORDER, method_token="gone"))
    assert refused.value.refusal is Refusal.METHOD_REVOKED
    assert bank.payments == {}


def test_a_shop_that_may_not_save_cards_is_refused_at_once(shop: YooKassa, bank: YooKassaStandIn):
    bank.may_save = False
    with pytest.raises(GatewayRefused, match="recurring"):
        shop.create(replace(ORDER, saves_method=True))


def test_forgetting_a_method_asks_nobody(shop: YooKassa, bank: YooKassaStandIn):
    shop.forget("any")
    assert bank.requests == []


# --- answers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "refusal"),
    [
        ("3d_secure_failed", Refusal.CONFIRMATION_FAILED),
        ("call_issuer", Refusal.DECLINED),
        ("canceled_by_merchant", Refusal.DECLINED),
        ("card_expired", Refusal.CARD_EXPIRED),
        ("country_forbidden", Refusal.DECLINED),
        ("expired_on_capture", Refusal.TIMED_OUT),
        ("expired_on_confirmation", Refusal.TIMED_OUT),
        ("fraud_suspected", Refusal.FRAUD_SUSPECTED),
        ("general_decline", Refusal.DECLINED),
        ("identification_required", Refusal.LIMIT_EXCEEDED),
        ("insufficient_funds", Refusal.INSUFFICIENT_FUNDS),
        ("internal_timeout", Refusal.GATEWAY_REFUSED),
        ("invalid_card_number", Refusal.CARD_INVALID),
        ("invalid_csc", Refusal.CARD_INVALID),
        ("issuer_unavailable", Refusal.DECLINED),
        ("payment_method_limit_exceeded", Refusal.LIMIT_EXCEEDED),
        ("payment_method_restricted", Refusal.DECLINED),
        ("permission_revoked", Refusal.METHOD_REVOKED),
        ("unsupported_mobile_operator", Refusal.DECLINED),
        ("a_reason_of_tomorrow", Refusal.DECLINED),
    ],
)
def test_each_reason_of_a_refusal(shop: YooKassa, bank: YooKassaStandIn, reason: str, refusal: Refusal):
    payment = shop.create(ORDER)
    bank.refuse(payment.id, reason)

    refused = shop.get(payment.id)

    assert (refused.state, refused.refusal) == (PaymentState.CANCELED, refusal)


def test_no_reason_of_the_sdk_is_unknown_to_the_stand_in():
    known = {value for name, value in vars(CancellationDetailsReasonCode).items() if not name.startswith("_")}
    never_ours = {"deal_expired", "unknown", "rejected_by_timeout"}  # deals; not in the reference
    assert {reason for reason in known if not reason.startswith("loan")} - never_ours == set(REASONS)


@pytest.mark.parametrize("fault", list(Fault))
def test_whatever_says_nothing_is_unknown_and_the_same_question_finds_the_payment(
    shop: YooKassa, bank: YooKassaStandIn, fault: Fault, monkeypatch: pytest.MonkeyPatch
):
    bank.faults = [fault]
    with monkeypatch.context() as hurried:
        hurried.setattr(yookassa, "PATIENCE_SECONDS", (5.0, 0.3))
        with pytest.raises(GatewayUnavailable):
            shop.create(ORDER)
    bank.faults = []  # in a hurry it may not even have come to that

    payment = shop.create(ORDER)

    assert payment.id == bank.only()["id"]


@pytest.mark.parametrize("fault", list(Fault))
def test_a_payment_that_cannot_be_fetched_is_unknown(
    shop: YooKassa, bank: YooKassaStandIn, fault: Fault, monkeypatch: pytest.MonkeyPatch
):
    payment = shop.create(ORDER)
    bank.faults = [fault]
    with monkeypatch.context() as hurried:
        hurried.setattr(yookassa, "PATIENCE_SECONDS", (5.0, 0.3))
        with pytest.raises(GatewayUnavailable):
            shop.get(payment.id)


def test_a_server_that_is_not_there_is_unknown(bank: YooKassaStandIn):
    with YooKassaStandIn() as closed:
        shop = YooKassa(bank.shop, bank.secret, ADVANCE, closed.url)
    with pytest.raises(GatewayUnavailable):
        shop.create(ORDER)


def test_a_wrong_key_says_nothing_of_what_was_asked_before(bank: YooKassaStandIn):
    payment = YooKassa(bank.shop, bank.secret, ADVANCE, bank.url).create(ORDER)
    locked_out = YooKassa(bank.shop, "test_another", ADVANCE, bank.url)

    with pytest.raises(GatewayUnavailable, match="invalid_credentials"):
        locked_out.create(ORDER)
    with pytest.raises(GatewayUnavailable, match="invalid_credentials"):
        locked_out.get(payment.id)


def test_a_payment_that_does_not_exist_is_refused(shop: YooKassa):
    for payment_id in ("22e12f66-000f-5000-8000-18db351245c7", "../refunds", "?", ""):
        with pytest.raises(GatewayRefused):
            shop.get(payment_id)


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": {"value": "340.051", "currency": "RUB"}},
        {"amount": {"value": "-340.05", "currency": "RUB"}},
        {"amount": {"value": 340.05, "currency": "RUB"}},
        {"amount": None},
        {"status": "paid"},
        {"recipient": None},
        {"id": 7},
    ],
)
def test_an_answer_that_makes_no_sense_is_unknown(shop: YooKassa, bank: YooKassaStandIn, wrong: dict):
    payment = shop.create(ORDER)
    bank.payments[payment.id].update(wrong)
    with pytest.raises(GatewayUnavailable):
        shop.get(payment.id)


def test_a_method_that_the_sdk_does_not_know_keeps_no_money_unknown(shop: YooKassa, bank: YooKassaStandIn):
    payment = shop.create(ORDER)
    bank.pay(payment.id)
    bank.payments[payment.id]["payment_method"] = {"type": "of_tomorrow", "id": "x", "saved": False}

    assert shop.get(payment.id).state is PaymentState.SUCCEEDED


@pytest.mark.parametrize(
    "page",
    [
        "https://yoomoney.ru/checkout/payments/v2/contract?orderId=22e1",
        "https://payments.yookassa.ru/confirm?x=1",
    ],
)
def test_the_gateways_own_pages_are_taken(shop: YooKassa, bank: YooKassaStandIn, page: str):
    payment = shop.create(ORDER)
    bank.payments[payment.id]["confirmation"]["confirmation_url"] = page
    assert shop.get(payment.id).confirmation_url == page


@pytest.mark.parametrize(
    "page",
    [
        "https://evil.example/yoomoney.ru",
        "https://notyoomoney.ru/",
        "https://yoomoney.ru.evil.example/",
        "https://yoomoney.ru@evil.example/",
        "http://yoomoney.ru/",
        "javascript:alert(1)//yoomoney.ru",
    ],
)
def test_nobody_is_sent_anywhere_else(shop: YooKassa, bank: YooKassaStandIn, page: str):
    payment = shop.create(ORDER)
    bank.payments[payment.id]["confirmation"]["confirmation_url"] = page
    with pytest.raises(GatewayUnavailable):
        shop.get(payment.id)


def test_a_redirect_does_not_carry_the_key_away(bank: YooKassaStandIn):
    shop = YooKassa(bank.shop, bank.secret, ADVANCE, f"{bank.origin}/moved")
    with pytest.raises(GatewayUnavailable, match="TooManyRedirects"):
        shop.get("22e1")


def test_two_shops_in_one_process_keep_their_keys_apart(bank: YooKassaStandIn):
    with YooKassaStandIn("200600", "test_second") as other:
        shops = [YooKassa(each.shop, each.secret, ADVANCE, each.url) for each in (bank, other)]
        start = Barrier(8)
        seen: list[str] = []

        def ask(number: int) -> None:
            start.wait()
            seen.append(shops[number % 2].create(replace(ORDER, key=f"key-{number}")).shop)

        threads = [Thread(target=ask, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert sorted(seen) == ["100500"] * 4 + ["200600"] * 4


# --- giving back ------------------------------------------------------------------------------------------------------


def paid(shop: YooKassa, bank: YooKassaStandIn) -> str:
    payment = shop.create(ORDER)
    bank.pay(payment.id)
    return payment.id


def test_a_whole_refund_leaves_the_receipt_to_the_gateway(shop: YooKassa, bank: YooKassaStandIn):
    payment_id = paid(shop, bank)

    shop.refund(payment_id, 34_005, "refund-1")

    assert shop.get(payment_id).refunded_kopecks == 34_005
    assert "receipt" not in sent(bank)


def test_a_part_given_back_brings_its_receipt(shop: YooKassa, bank: YooKassaStandIn):
    payment_id = paid(shop, bank)

    shop.refund(payment_id, 10_000, "refund-1")

    assert shop.get(payment_id).refunded_kopecks == 10_000
    assert sent(bank)["receipt"]["customer"] == {"phone": "79160000001"}
    assert sent(bank)["receipt"]["items"][0]["amount"] == {"value": "100.00", "currency": "RUB"}


def test_a_refund_is_made_once_for_its_key_and_the_day_after_too(shop: YooKassa, bank: YooKassaStandIn):
    payment_id = paid(shop, bank)
    shop.refund(payment_id, 10_000, "refund-1")
    shop.refund(payment_id, 10_000, "refund-1")
    bank.forget_keys()

    shop.refund(payment_id, 10_000, "refund-1")

    assert len(bank.refunds) == 1


def test_a_refund_whose_answer_was_lost_is_found(shop: YooKassa, bank: YooKassaStandIn):
    payment_id = paid(shop, bank)
    with pytest.raises(GatewayUnavailable):
        _with_fault_on_the_last(bank, lambda: shop.refund(payment_id, 10_000, "refund-1"))
    bank.forget_keys()

    shop.refund(payment_id, 10_000, "refund-1")

    assert len(bank.refunds) == 1


def _with_fault_on_the_last(bank: YooKassaStandIn, call) -> None:
    """The list and the payment are read, the refund is made and its answer lost."""
    bank.faults = [None, None, Fault.HANG_UP]
    call()


def test_more_than_was_paid_is_not_given_back(shop: YooKassa, bank: YooKassaStandIn):
    payment_id = paid(shop, bank)
    with pytest.raises(GatewayRefused):
        shop.refund(payment_id, 34_006, "refund-1")
    with pytest.raises(GatewayRefused):
        shop.refund("22e1", 100, "refund-2")
    assert bank.refunds == {}


@pytest.mark.parametrize(("status", "error"), [("canceled", GatewayRefused), ("pending", GatewayUnavailable)])
def test_a_refund_that_did_not_come_is_not_taken_for_one(
    shop: YooKassa, bank: YooKassaStandIn, status: str, error: type[Exception]
):
    payment_id = paid(shop, bank)
    shop.refund(payment_id, 10_000, "refund-1")
    next(iter(bank.refunds.values()))["status"] = status

    with pytest.raises(error):
        shop.refund(payment_id, 10_000, "refund-1")


# --- notifications ----------------------------------------------------------------------------------------------------


def test_a_notification_only_names_the_payment(shop: YooKassa, bank: YooKassaStandIn):
    payment_id = paid(shop, bank)
    shop.refund(payment_id, 10_000, "refund-1")

    read = [shop.read_webhook(json.dumps(event).encode(), {}) for event in bank.events]

    assert read == [Event(payment_id, key=ORDER.key), Event(payment_id)]
    assert [event["event"] for event in bank.events] == ["payment.succeeded", "refund.succeeded"]


@pytest.mark.parametrize("key", [7, None, "", "a\0b", "\ud800", "x" * 65])
def test_a_key_that_cannot_be_ours_is_not_looked_for(shop: YooKassa, key: object):
    thing = {"id": "22e1", "metadata": {"key": key}}
    body = json.dumps({"type": "notification", "event": "payment.succeeded", "object": thing}).encode()
    assert shop.read_webhook(body, {}) == Event("22e1")


@pytest.mark.parametrize("event", ["payout.succeeded", "deal.closed", "payment_method.active"])
def test_other_notifications_are_of_no_interest(shop: YooKassa, event: str):
    body = json.dumps({"type": "notification", "event": event, "object": {"id": "22e1"}}).encode()
    assert shop.read_webhook(body, {}) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"\xff",
        b'{"type": "notification"}',
        b'{"type": "other", "event": "payment.succeeded", "object": {"id": "22e1"}}',
        b'{"type": "notification", "event": 7, "object": {"id": "22e1"}}',
        b'{"type": "notification", "event": "payment.succeeded", "object": "22e1"}',
        b'{"type": "notification", "event": "payment.succeeded", "object": {"id": 7}}',
        b'{"type": "notification", "event": "payment.succeeded", "object": {"id": "../refunds/1"}}',
        b'{"type": "notification", "event": "refund.succeeded", "object": {"id": "22e1"}}',
        b'{"type": "notification", "event": "payment.succeeded", "object": {"id": "22e1", "metadata": "k"}}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_notification_is_refused(shop: YooKassa, body: bytes):
    with pytest.raises(ForgedWebhook):
        shop.read_webhook(body, {})


def test_the_published_networks_hold_those_that_the_sdk_knows():
    for known in SecurityHelper.YOOKASSA_NETWORKS:
        network = ip_network(known)
        assert any(network.version == ours.version and network.subnet_of(ours) for ours in NETWORKS), known


# --- settings ---------------------------------------------------------------------------------------------------------

COMPLETE = {
    "CABINET_PAYMENTS_GATEWAY": "yookassa",
    "CABINET_PAYMENTS_SHOP": "100500",
    "CABINET_PAYMENTS_SECRET": "live_0123456789",
    "CABINET_PAYMENTS_VAT_CODE": "12",
}


def choose(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    gateway.cache_clear()


def test_the_settings_choose_the_shop(monkeypatch: pytest.MonkeyPatch, bank: YooKassaStandIn):
    choose(monkeypatch, **COMPLETE, CABINET_PAYMENTS_URL=bank.url)
    bank.secret = "live_0123456789"
    try:
        payment = gateway().create(ORDER)
    finally:
        gateway.cache_clear()

    assert payment.shop == "100500"
    assert sent(bank)["receipt"]["items"][0]["vat_code"] == 12
    assert "tax_system_code" not in sent(bank)["receipt"]
    assert "live_0123456789" not in repr(settings())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"CABINET_PAYMENTS_SHOP": "sandbox-shop"}, "CABINET_PAYMENTS_SHOP must be the shopId"),
        ({"CABINET_PAYMENTS_SECRET": "demo-secret-for-local-use-only"}, "CABINET_PAYMENTS_SECRET must be"),
        ({"CABINET_PAYMENTS_VAT_CODE": "0"}, "CABINET_PAYMENTS_VAT_CODE must be"),
        ({"CABINET_PAYMENTS_VAT_CODE": "13"}, "CABINET_PAYMENTS_VAT_CODE"),
        ({"CABINET_PAYMENTS_TAX_SYSTEM": "7"}, "CABINET_PAYMENTS_TAX_SYSTEM"),
        ({"CABINET_ENV": "production", "CABINET_PAYMENTS_SECRET": "test_1"}, "not of the test shop"),
        ({"CABINET_ENV": "production", "CABINET_PAYMENTS_URL": "http://127.0.0.1/v3"}, "CABINET_PAYMENTS_URL must"),
    ],
)
def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, change: dict[str, str], said: str):
    choose(monkeypatch, **COMPLETE | change)
    with pytest.raises(UnsafeSettings, match=said) as refused:
        settings()
    assert "live_0123456789" not in str(refused.value)
