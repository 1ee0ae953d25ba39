"""Top-ups: one credit for one payment, whatever the gateway says, how often, and in which order."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import select

from cabinet import db, ledger
from cabinet.adapters.payments import GatewayRefused, PaymentOrder
from cabinet.config import settings
from cabinet.domain.errors import NotFound
from cabinet.domain.payments import (
    Attention,
    Initiator,
    PaymentKind,
    PaymentState,
    Refusal,
    TopUpState,
    WebhookVerdict,
)
from cabinet.models.ledger import LedgerTransaction
from cabinet.models.outbox import OutboxMessage
from cabinet.models.top_ups import PaymentMethod, WebhookEvent
from cabinet.models.top_ups import TopUp as TopUpRow
from cabinet.services import audit, top_ups
from cabinet.services.top_ups import AmountNotAllowed, TooManyTopUps
from tests.conftest import NOON, both_engines
from tests.payments import FakeGateway, silence
from tests.services.test_options import CATALOGUE
from tests.services.test_orders import given, store

pytestmark = both_engines

GOOD = {"signature": "good"}
MINUTE = timedelta(minutes=1)


@pytest.fixture
def anna(database: object) -> Iterator[int]:
    """12 roubles; whatever a test does, the audit finds nothing afterwards."""
    with db.transaction() as session:
        store(session, CATALOGUE)
        anna = given(session, money=1_200)
    yield anna
    with db.reading() as session:
        assert audit.run_audit(session).faults == []


@pytest.fixture
def bank() -> FakeGateway:
    return FakeGateway()


def begin(subscriber_id: int, kopecks: int = 34_000, occasion: str = "page:1", **more: Any) -> top_ups.TopUp:
    with db.transaction() as session:
        return top_ups.start(session, subscriber_id, kopecks, occasion=occasion, **{"now": NOON} | more)


def submit(top_up_id: int, bank: FakeGateway, moment: datetime = NOON) -> top_ups.TopUp:
    return top_ups.submit(top_up_id, bank, now=lambda: moment)


def submitted(subscriber_id: int, bank: FakeGateway, **more: Any) -> TopUpRow:
    """A top-up that the gateway waits for."""
    return row(submit(begin(subscriber_id, **more).id, bank).id)


def hear(bank: FakeGateway, body: str = "p1", moment: datetime = NOON + MINUTE) -> WebhookVerdict:
    return top_ups.handle_webhook(bank, body.encode(), GOOD, now=lambda: moment)


def reconcile(bank: FakeGateway, moment: datetime) -> int:
    return top_ups.reconcile(bank, now=lambda: moment)


def row(top_up_id: int = 1) -> TopUpRow:
    with db.reading() as session:
        return session.exec(select(TopUpRow).where(TopUpRow.id == top_up_id)).one()


def money(subscriber_id: int) -> int:
    with db.reading() as session:
        return ledger.balance(session, subscriber_id).main


def rows_of(table: type) -> list[Any]:
    with db.reading() as session:
        return list(session.exec(select(table)))


# --- the straight way ------------------------------------------------------------------------------------------------


def test_a_payment_confirmed_by_a_webhook_is_on_the_account(anna: int, bank: FakeGateway):
    pending = submitted(anna, bank)
    assert (pending.state, pending.confirmation_url) == (TopUpState.PENDING, "https://bank.example/pay/p1")
    bank.pay(pending.key)

    assert hear(bank) is WebhookVerdict.APPLIED

    assert row().state is TopUpState.SUCCEEDED
    assert money(anna) == 1_200 + 34_000
    assert [each.reference for each in rows_of(LedgerTransaction) if each.kind == "top_up"][-1] == "top-up:sandbox:p1"


def test_the_intent_is_committed_before_the_gateway_hears_of_it(anna: int, bank: FakeGateway):
    started = begin(anna)
    key = row(started.id).key

    submit(started.id, bank)

    assert [order.key for order in bank.orders] == [key]
    assert bank.orders[0].return_url == f"http://localhost:3000/topup/result/?payment={started.id}"


def test_success_promises_a_receipt_of_one_sms(anna: int, bank: FakeGateway):
    bank.pay(submitted(anna, bank, kopecks=34_050).key)
    hear(bank)

    (message,) = [each for each in rows_of(OutboxMessage) if each.kind == "receipt"]
    assert message.body == "Пополнение 340,50 ₽. Баланс 352,50 ₽. Чек 1000001 — в «Расходах»."
    assert len(message.body) <= 70


def test_the_page_to_which_people_come_back_credits_nothing(anna: int, bank: FakeGateway):
    pending = submitted(anna, bank)

    with db.transaction() as session:
        result = top_ups.get_result(session, anna, pending.id or 0, now=NOON)

    assert result.top_up.state is TopUpState.PENDING
    assert result.main_kopecks == money(anna) == 1_200


def test_a_second_click_is_the_same_top_up(anna: int, bank: FakeGateway):
    first, second = begin(anna), begin(anna)

    submit(first.id, bank)
    submit(second.id, bank)

    assert first.id == second.id
    assert len(bank.payments) == 1


def test_one_occasion_is_not_another_sum_or_another_person(anna: int, bank: FakeGateway):
    begin(anna)
    with db.transaction() as session:
        boris = given(session, money=0)

    with pytest.raises(ledger.ReferenceConflict):
        begin(anna, 34_001)
    with pytest.raises(ledger.ReferenceConflict):
        begin(boris)


@pytest.mark.parametrize("amount", [0, -1, 999, 1_500_001, 100.0, True, "1000", None])
def test_an_amount_that_is_not_allowed_starts_nothing(anna: int, amount: Any):
    with pytest.raises(AmountNotAllowed):
        begin(anna, amount)
    assert rows_of(TopUpRow) == []


def test_thirty_tries_an_hour_are_enough(anna: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(top_ups, "TRIES_PER_HOUR", 2)
    begin(anna, occasion="1")
    begin(anna, occasion="2")

    with pytest.raises(TooManyTopUps):
        begin(anna, occasion="3")
    assert begin(anna, occasion="4", now=NOON + timedelta(hours=2)).id


# --- words of the gateway, repeated, reordered, contradicting ---------------------------------------------------------


def test_the_same_message_ten_times_and_next_day_is_one_credit(anna: int, bank: FakeGateway):
    bank.pay(submitted(anna, bank).key)

    verdicts = [hear(bank) for _ in range(10)] + [hear(bank, moment=NOON + timedelta(days=1))]

    assert verdicts == [WebhookVerdict.APPLIED] + [WebhookVerdict.DUPLICATE] * 10
    assert money(anna) == 35_200
    assert len(rows_of(WebhookEvent)) == 11


def test_a_message_may_be_quicker_than_the_gateways_answer(anna: int, bank: FakeGateway):
    started = begin(anna)
    bank.faults, bank.is_done_anyway = [silence()], True
    submit(started.id, bank)
    assert row().gateway_id is None
    bank.pay(row().key)

    assert hear(bank) is WebhookVerdict.APPLIED
    assert money(anna) == 35_200


def test_pending_after_success_is_an_old_word(anna: int, bank: FakeGateway):
    key = submitted(anna, bank).key
    bank.pay(key)
    hear(bank)
    bank.change(key, state=PaymentState.PENDING)

    assert hear(bank) is WebhookVerdict.DUPLICATE
    assert row().state is TopUpState.SUCCEEDED


@pytest.mark.parametrize(
    ("facts", "trouble"),
    [
        ({"amount_kopecks": 34_001}, Attention.AMOUNT_DIFFERS),
        ({"amount_kopecks": 33_999}, Attention.AMOUNT_DIFFERS),
        ({"amount_kopecks": 0}, Attention.AMOUNT_DIFFERS),
        ({"amount_kopecks": -34_000}, Attention.AMOUNT_DIFFERS),
        ({"refunded_kopecks": -1}, Attention.AMOUNT_DIFFERS),
        ({"refunded_kopecks": 34_001}, Attention.AMOUNT_DIFFERS),
        ({"currency": "USD"}, Attention.CURRENCY_DIFFERS),
        ({"currency": "rub"}, Attention.CURRENCY_DIFFERS),
        ({"shop": "shop-2"}, Attention.SHOP_DIFFERS),
        ({"id": "p2"}, Attention.ORDER_DIFFERS),
        ({"key": "another"}, Attention.ORDER_DIFFERS),
    ],
)
def test_what_differs_from_what_was_asked_changes_no_money(
    anna: int, bank: FakeGateway, facts: dict[str, Any], trouble: Attention
):
    key = submitted(anna, bank).key
    bank.pay(key)
    good = bank.payments[key]
    wrong = bank.change(key, **facts)

    assert hear(bank, wrong.id) is WebhookVerdict.HELD

    assert (row().state, row().attention) == (TopUpState.PENDING, trouble)
    assert money(anna) == 1_200
    bank.payments[key] = good
    assert hear(bank) is WebhookVerdict.APPLIED  # the right word is still heard
    assert money(anna) == 35_200
    assert row().attention is trouble


def test_a_payment_of_nobody_changes_nothing(anna: int, bank: FakeGateway):
    key = submitted(anna, bank).key
    bank.pay(key)
    bank.change(key, id="p9", key="unknown")

    assert hear(bank, "p9") is WebhookVerdict.UNKNOWN
    assert (row().state, row().attention) == (TopUpState.PENDING, None)


def test_an_answer_for_another_order_credits_neither(anna: int, bank: FakeGateway):
    first = begin(anna, occasion="1")
    second = begin(anna, occasion="2")
    submit(first.id, bank)
    bank.payments[row(second.id).key] = bank.pay(row(first.id).key)

    submit(second.id, bank)

    assert row(second.id).attention is Attention.ORDER_DIFFERS
    assert row(first.id).state is TopUpState.PENDING
    assert money(anna) == 1_200


def test_one_payment_is_not_two_orders(anna: int, bank: FakeGateway):
    first = submitted(anna, bank, occasion="1")
    second = begin(anna, occasion="2")
    bank.payments[row(second.id).key] = bank.change(first.key, key=row(second.id).key)

    submit(second.id, bank)

    assert row(second.id).attention is Attention.ORDER_DIFFERS


def test_canceled_after_success_takes_nothing_and_calls_a_person(anna: int, bank: FakeGateway):
    key = submitted(anna, bank).key
    bank.pay(key)
    hear(bank)
    bank.change(key, state=PaymentState.CANCELED, refusal=Refusal.FRAUD_SUSPECTED)

    assert [hear(bank), hear(bank)] == [WebhookVerdict.HELD, WebhookVerdict.DUPLICATE]

    assert (row().state, row().attention) == (TopUpState.SUCCEEDED, Attention.CANCELED_AFTER_SUCCESS)
    assert money(anna) == 35_200


def test_success_after_a_refusal_is_asked_about_before_it_is_believed(anna: int, bank: FakeGateway):
    key = submitted(anna, bank).key
    bank.change(key, state=PaymentState.CANCELED, refusal=Refusal.DECLINED)
    hear(bank)
    assert row().state is TopUpState.REFUSED
    bank.pay(key)

    assert hear(bank) is WebhookVerdict.HELD
    assert money(anna) == 1_200
    reconcile(bank, NOON + MINUTE)

    assert bank.asked == ["p1"]
    assert (row().state, row().refusal, money(anna)) == (TopUpState.SUCCEEDED, None, 35_200)


def test_a_refund_before_the_success_is_no_credit(anna: int, bank: FakeGateway):
    key = submitted(anna, bank).key
    bank.pay(key)
    bank.change(key, refunded_kopecks=34_000)

    assert hear(bank) is WebhookVerdict.APPLIED
    bank.change(key, refunded_kopecks=0)  # the message of the success comes after all
    hear(bank)
    bank.change(key, refunded_kopecks=34_000)
    reconcile(bank, NOON + 2 * MINUTE)

    assert (row().state, row().refusal) == (TopUpState.REFUSED, Refusal.REFUNDED)
    assert money(anna) == 1_200


def test_a_refund_of_a_payment_that_waits_is_nonsense(anna: int, bank: FakeGateway):
    bank.change(submitted(anna, bank).key, refunded_kopecks=100)

    assert hear(bank) is WebhookVerdict.HELD
    assert row().attention is Attention.REFUNDED


@pytest.mark.parametrize("kopecks", [1, 34_000])
def test_a_refund_after_the_success_takes_nothing_and_calls_a_person(anna: int, bank: FakeGateway, kopecks: int):
    key = submitted(anna, bank).key
    bank.pay(key)
    hear(bank)
    bank.change(key, refunded_kopecks=kopecks)

    assert [hear(bank), hear(bank)] == [WebhookVerdict.HELD, WebhookVerdict.DUPLICATE]
    assert (row().refunded_kopecks, row().attention, money(anna)) == (kopecks, Attention.REFUNDED, 35_200)


def test_a_forged_message_is_kept_and_changes_nothing(anna: int, bank: FakeGateway):
    bank.pay(submitted(anna, bank).key)

    assert top_ups.handle_webhook(bank, b"p1", {}, now=lambda: NOON) is WebhookVerdict.FORGED

    assert money(anna) == 1_200
    assert [(each.body, each.verdict) for each in rows_of(WebhookEvent)] == [(b"p1", WebhookVerdict.FORGED)]


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        (Refusal.INSUFFICIENT_FUNDS, TopUpState.REFUSED),
        (Refusal.TIMED_OUT, TopUpState.EXPIRED),
        (None, TopUpState.REFUSED),
    ],
)
def test_a_refusal_ends_it_with_a_reason(anna: int, bank: FakeGateway, reason: Refusal | None, state: TopUpState):
    bank.change(submitted(anna, bank).key, state=PaymentState.CANCELED, refusal=reason)

    assert hear(bank) is WebhookVerdict.APPLIED

    assert (row().state, row().refusal, row().check_after) == (state, reason or Refusal.DECLINED, None)


def test_messages_heard_together_are_heard_each(anna: int, bank: FakeGateway):
    """Ten of one payment and one of another, and among them one that cannot be acted on."""
    first, second = submitted(anna, bank, occasion="1"), submitted(anna, bank, occasion="2")
    messages = [(b"1", bank.pay(first.key))] * 5
    messages += [(b"?", replace(bank.pay(first.key), state="no such state"))]  # type: ignore[arg-type]
    messages += [(b"2", bank.pay(second.key)), *messages[:5]]

    verdicts = top_ups.handle_signed(bank, messages, now=lambda: NOON)

    assert [verdicts[0], verdicts[5], verdicts[6]] == [WebhookVerdict.APPLIED, None, WebhookVerdict.APPLIED]
    assert verdicts.count(WebhookVerdict.DUPLICATE) == 9
    assert money(anna) == 1_200 + 2 * 34_000
    assert len(rows_of(WebhookEvent)) == 11


def test_many_messages_heard_together_take_the_statements_of_one(anna: int, bank: FakeGateway):
    with db.transaction() as session:
        people = [given(session, money=1_200) for _ in range(20)]
    paid = [(b"paid", bank.pay(submitted(each, bank, occasion=f"{each}").key)) for each in people]
    said: list[str] = []
    event.listen(db.engine(), "before_cursor_execute", lambda connection, cursor, statement, *_: said.append(statement))

    assert set(top_ups.handle_signed(bank, paid, now=lambda: NOON)) == {WebhookVerdict.APPLIED}
    of_twenty = len([each for each in said if not each.startswith(("SAVEPOINT", "RELEASE"))])

    assert of_twenty <= 24
    assert [money(each) for each in people] == [35_200] * 20
    said.clear()
    assert set(top_ups.handle_signed(bank, paid, now=lambda: NOON)) == {WebhookVerdict.DUPLICATE}
    assert len(said) <= 5


def test_money_that_a_debt_waits_for_pays_it_though_it_came_with_others(anna: int, bank: FakeGateway):
    with db.transaction() as session:
        debtor = given(session, money=0)
        usage = ledger.operator_account(session, "usage")
        charge = ledger.Charge("usage:owed", debtor, 5_000, NOON, {"debt_kopecks": 5_000, "available_kopecks": 5_000})
        ledger.charge_many(session, [charge], kind="debt_settlement", destination_id=usage, now=NOON)
    paid = [(b"paid", bank.pay(submitted(each, bank, occasion=f"{each}").key)) for each in (debtor, anna)]

    assert top_ups.handle_signed(bank, paid, now=lambda: NOON) == [WebhookVerdict.APPLIED] * 2

    with db.reading() as session:
        balances = ledger.balance(session, debtor)
    assert (balances.main, balances.debt) == (29_000, 0)
    assert money(anna) == 35_200


# --- a gateway that signs nothing ------------------------------------------------------------------------------------


def test_an_unsigned_message_is_believed_only_when_fetched_back(anna: int, bank: FakeGateway):
    bank.signs = False
    bank.pay(submitted(anna, bank).key)

    assert hear(bank) is WebhookVerdict.APPLIED
    assert bank.asked == ["p1"]
    assert money(anna) == 35_200


def test_an_unsigned_message_about_nothing_of_ours_asks_nobody(anna: int, bank: FakeGateway):
    bank.signs = False
    submitted(anna, bank)

    assert hear(bank, "p7") is WebhookVerdict.UNKNOWN
    assert bank.asked == []


def test_an_unsigned_message_that_cannot_be_fetched_back_is_asked_about_later(anna: int, bank: FakeGateway):
    bank.signs = False
    bank.pay(submitted(anna, bank).key)
    bank.faults = [silence()]

    assert hear(bank) is WebhookVerdict.UNVERIFIED
    assert money(anna) == 1_200
    reconcile(bank, NOON + MINUTE)

    assert money(anna) == 35_200


# --- silence and refusals of the gateway ------------------------------------------------------------------------------


def test_a_time_out_is_unknown_and_asked_again_with_the_same_key(anna: int, bank: FakeGateway):
    started = begin(anna)
    bank.faults, bank.is_done_anyway = [silence()], True
    assert submit(started.id, bank).state is TopUpState.CREATED

    reconcile(bank, NOON + MINUTE)

    assert row().state is TopUpState.PENDING
    assert len({order.key for order in bank.orders}) == 1
    assert len(bank.orders) == 2
    assert len(bank.payments) == 1


def test_charged_and_then_an_error_is_one_charge(anna: int, bank: FakeGateway):
    """A saved card: the gateway has charged it and answered 500."""
    card = given_card(anna, bank)
    with db.transaction() as session:
        top_ups.charge_saved(session, anna, card, 20_000, occasion="autopay:1", now=NOON)
    bank.faults, bank.is_done_anyway = [silence()] * 3, True

    for minutes in range(0, 20, 2):
        reconcile(bank, NOON + minutes * MINUTE)

    assert money(anna) == 1_200 + 34_000 + 20_000
    assert len(bank.payments) == 2
    assert row(2).initiator is Initiator.AUTOPAY


def test_pauses_grow(anna: int, bank: FakeGateway):
    started = begin(anna)
    bank.faults = [silence()] * 10
    submit(started.id, bank)
    pauses = []
    for _ in range(8):
        moment = row().check_after
        reconcile(bank, moment)
        pauses.append(int((row().check_after - moment).total_seconds()))

    assert pauses == [30, 60, 120, 300, 900, 1800, 3600, 3600]


def test_a_refused_order_is_refused_at_once(anna: int, bank: FakeGateway):
    bank.faults = [GatewayRefused("HTTP 400")]

    assert submit(begin(anna).id, bank).refusal is Refusal.GATEWAY_REFUSED
    assert reconcile(bank, NOON + timedelta(days=1)) == 0


def test_an_unknown_outcome_is_not_repeated_when_the_gateway_has_forgotten_the_key(anna: int, bank: FakeGateway):
    started = begin(anna)
    bank.faults = [silence()]
    submit(started.id, bank)

    reconcile(bank, NOON + timedelta(hours=24))

    assert len(bank.orders) == 1
    assert (row().state, row().attention) == (TopUpState.EXPIRED, Attention.OUTCOME_UNKNOWN)


def test_what_was_never_asked_for_ends_quietly(anna: int, bank: FakeGateway):
    begin(anna)

    reconcile(bank, NOON + timedelta(hours=24))

    assert (bank.orders, row().state, row().attention) == ([], TopUpState.EXPIRED, None)


def test_money_that_comes_after_the_end_is_still_money(anna: int, bank: FakeGateway):
    pending = submitted(anna, bank)
    for day in range(9):
        reconcile(bank, NOON + timedelta(days=day))
    assert (row().state, row().attention) == (TopUpState.EXPIRED, Attention.OUTCOME_UNKNOWN)
    assert reconcile(bank, NOON + timedelta(days=20)) == 0
    bank.pay(pending.key)

    hear(bank, moment=NOON + timedelta(days=21))

    assert money(anna) == 35_200


def test_a_lost_webhook_is_found_by_asking(anna: int, bank: FakeGateway):
    bank.pay(submitted(anna, bank).key)

    reconcile(bank, NOON + MINUTE)

    assert money(anna) == 35_200
    assert reconcile(bank, NOON + timedelta(days=1)) == 0


# --- saved methods ---------------------------------------------------------------------------------------------------


def given_card(subscriber_id: int, bank: FakeGateway, token: str = "t1", occasion: str = "save") -> int:
    pending = submitted(subscriber_id, bank, saves_method=True, occasion=occasion)
    bank.pay(pending.key, token=token)
    hear(bank, pending.gateway_id or "")
    with db.reading() as session:
        return top_ups.list_methods(session, subscriber_id)[0].id


def test_a_card_is_saved_only_by_who_asked_for_it(anna: int, bank: FakeGateway):
    bank.pay(submitted(anna, bank).key, token="t1")
    hear(bank)

    assert rows_of(PaymentMethod) == []


def test_a_saved_card_pays_for_its_owner_only(anna: int, bank: FakeGateway):
    card = given_card(anna, bank)
    with db.transaction() as session:
        boris = given(session, money=0)

    with pytest.raises(NotFound):
        begin(boris, occasion="b", method_id=card)
    with pytest.raises(NotFound), db.transaction() as session:
        top_ups.delete_method(session, boris, card, now=NOON)
    paid = submit(begin(anna, occasion="a", method_id=card).id, bank)
    assert (paid.state, paid.method_title) == (TopUpState.SUCCEEDED, "··4821")
    assert bank.orders[-1].method_token == "t1"


def test_a_card_saved_twice_is_one_card(anna: int, bank: FakeGateway):
    assert given_card(anna, bank) == given_card(anna, bank, occasion="again")


def test_a_deleted_card_pays_no_more_and_the_gateway_forgets_it(anna: int, bank: FakeGateway):
    card = given_card(anna, bank)
    with db.transaction() as session:
        top_ups.delete_method(session, anna, card, now=NOON)
    bank.faults = [silence()]

    reconcile(bank, NOON)
    reconcile(bank, NOON + timedelta(hours=1))

    assert bank.forgotten == ["t1"]
    assert rows_of(PaymentMethod)[0].token == ""
    with pytest.raises(NotFound):
        begin(anna, occasion="a", method_id=card)


def test_a_card_deleted_and_saved_again_is_not_forgotten(anna: int, bank: FakeGateway):
    card = given_card(anna, bank)
    with db.transaction() as session:
        top_ups.delete_method(session, anna, card, now=NOON)

    again = given_card(anna, bank, occasion="again")
    reconcile(bank, NOON + MINUTE)

    assert again != card
    assert bank.forgotten == []


def test_two_deleted_cards_are_both_forgotten(anna: int, bank: FakeGateway):
    for token in ("t1", "t2"):
        card = given_card(anna, bank, token=token, occasion=token)
        with db.transaction() as session:
            top_ups.delete_method(session, anna, card, now=NOON)

    reconcile(bank, NOON + MINUTE)

    assert bank.forgotten == ["t1", "t2"]


def test_a_saved_card_may_ask_for_a_confirmation(anna: int, bank: FakeGateway):
    card = given_card(anna, bank)
    started = begin(anna, occasion="a", method_id=card)
    key = row(started.id).key
    bank.create(top_ups_order(key))
    bank.change(key, state=PaymentState.PENDING, confirmation_url="https://bank.example/3ds")

    assert submit(started.id, bank).confirmation_url == "https://bank.example/3ds"


def top_ups_order(key: str) -> Any:

    return PaymentOrder(key, 34_000, "", PaymentKind.CARD, "", "", "t1")


# --- what the page shows ---------------------------------------------------------------------------------------------


def test_the_first_suggestion_is_what_the_next_fee_lacks(anna: int):
    with db.reading() as session:
        offer = top_ups.get_offer(session, anna, now=NOON)

    assert offer.next_charge is not None
    lacking = offer.next_charge.shortage_kopecks
    assert offer.suggestions_kopecks[0] == -(-lacking // 100) * 100
    assert len(offer.suggestions_kopecks) == len(set(offer.suggestions_kopecks)) == 3
    assert (offer.least_kopecks, offer.most_kopecks) == (1_000, 1_500_000)


def test_suggestions_keep_within_the_limits(anna: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CABINET_TOP_UP_LEAST_ROUBLES", "400")
    monkeypatch.setenv("CABINET_TOP_UP_MOST_ROUBLES", "2000")
    settings.cache_clear()

    with db.reading() as session:
        offer = top_ups.get_offer(session, anna, now=NOON)

    assert all(40_000 <= kopecks <= 200_000 for kopecks in offer.suggestions_kopecks)


def test_top_ups_are_listed_page_by_page_and_only_to_their_owner(anna: int, bank: FakeGateway):
    ids = [begin(anna, occasion=str(number)).id for number in range(3)]
    with db.transaction() as session:
        boris = given(session, money=0)

    with db.reading() as session:
        assert [each.id for each in top_ups.list_top_ups(session, anna, limit=2)] == [ids[2], ids[1]]
        assert [each.id for each in top_ups.list_top_ups(session, anna, limit=2, before_id=ids[1])] == [ids[0]]
        assert top_ups.list_top_ups(session, boris) == []
        with pytest.raises(NotFound):
            top_ups.get_result(session, boris, ids[0], now=NOON)
        assert top_ups.get_by_occasion(session, "1").id == ids[1]
        assert top_ups.get_by_occasion(session, "9") is None


# --- receipts --------------------------------------------------------------------------------------------------------


def test_a_receipt_says_what_was_paid_and_only_to_who_paid(anna: int, bank: FakeGateway):
    pending = submitted(anna, bank, kopecks=1_234_050)
    with db.transaction() as session:
        boris = given(session, money=0)
        with pytest.raises(NotFound):
            top_ups.get_receipt(session, anna, pending.id or 0)
    bank.pay(pending.key)
    hear(bank)

    with db.reading() as session:
        receipt = top_ups.get_receipt(session, anna, pending.id or 0)
        with pytest.raises(NotFound):
            top_ups.get_receipt(session, boris, pending.id or 0)

    assert (receipt.title, receipt.amount) == ("Чек о пополнении № 1000001", "12\u00a0340,50\u00a0₽")
    assert dict(receipt.lines)["Время"] == "23.11.2026 12:01"
    assert dict(receipt.lines)["Способ"] == "Карта ··4821"
    assert dict(receipt.lines)["Номер у банка"] == "p1"
