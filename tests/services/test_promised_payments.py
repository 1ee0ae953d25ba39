"""Promised payments: who may have one, what comes, what is taken back, and what happens without money."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session, select

from cabinet import ledger
from cabinet.domain.effects import OrderKind, Request
from cabinet.domain.promised_payments import (
    DebtTooLarge,
    PromiseNotOffered,
    PromiseOpen,
    PromiseState,
    PromiseTooEarly,
    PromiseUnpaid,
    SumNotPromised,
)
from cabinet.models.outbox import OutboxMessage
from cabinet.models.promised_payments import PromisedPayment
from cabinet.models.tariffs import SubscriptionState
from cabinet.services import audit, billing, expenses, orders, promised_payments
from cabinet.services.orders import CannotUndo, Order, WhyNot
from tests.conftest import NOON, both_engines
from tests.services.test_orders import CATALOGUE, current, given, moscow, pass_time, store

TERMS = """
promised_payments:
  - {code: promised, version: 1, name: Обещанный платёж, least: 50, days: 3, tenure_days: 30, most_debt: 20,
     steps: [{up_to: 100, fee: 15}, {up_to: 500, fee: 29}]}
"""
LONG_AGO = NOON - timedelta(days=31)
DUE = moscow(2026, 11, 26, 21)


@pytest.fixture
def shop(session: Session) -> Session:
    store(session, CATALOGUE + TERMS)
    return session


def take(session: Session, subscriber_id: int, kopecks: int = 34_000, now: datetime = NOON) -> Order:
    quote = orders.ask(session, subscriber_id, Request(OrderKind.PROMISE, str(kopecks)), now=now)
    order = orders.confirm(session, subscriber_id, quote.id, now=now)
    assert isinstance(order, Order)
    return order


def run_worker(session: Session, now: datetime) -> int:
    promised_payments.remind(session, now, 100)
    return sum(
        promised_payments.return_one(session, one, now=now) for one in promised_payments.list_due(session, now, 100)
    )


def pay(session: Session, subscriber_id: int, kopecks: int, now: datetime) -> None:
    billing.record_payment(
        session, subscriber_id, kopecks, reference=f"test-pay:{now}", happened_at=now, now=now, source="card"
    )


def row_of(session: Session, subscriber_id: int) -> PromisedPayment:
    query = select(PromisedPayment).where(PromisedPayment.subscriber_id == subscriber_id)
    return session.exec(query.order_by(PromisedPayment.id.desc())).first()


def messages(session: Session) -> list[str]:
    return list(session.exec(select(OutboxMessage.body).where(OutboxMessage.kind == "promised")))


def is_sound(session: Session) -> bool:
    report = audit.run_audit(session)
    assert not report.faults
    return report.is_sound


@both_engines
def test_the_sum_comes_now_and_leaves_with_its_fee_on_the_evening_of_the_third_day(shop: Session):
    anna = given(shop, since=LONG_AGO, money=40_000)
    pass_time(shop, anna, NOON)
    before = ledger.balance(shop, anna).main

    order = take(shop, anna)

    assert order.summary.promise.fee_kopecks == 2_900
    assert order.summary.promise.due_at == DUE
    assert order.summary.available_after_kopecks == ledger.balance(shop, anna).main == before + 34_000
    pay(shop, anna, 50_000, NOON + timedelta(hours=1))
    assert row_of(shop, anna).state is PromiseState.OPEN  # what comes earlier is the subscriber's own
    assert run_worker(shop, DUE - timedelta(seconds=1)) == 0
    assert run_worker(shop, DUE) == 1
    assert run_worker(shop, DUE) == 0
    assert ledger.balance(shop, anna).main == before + 50_000 - 2_900
    assert current(shop, anna).state is SubscriptionState.ACTIVE
    assert row_of(shop, anna).owed_kopecks == 0
    assert messages(shop) == [
        "26.11 в 21:00 спишем 369 ₽: возврат обещанного платежа.",
        "Обещанный платёж возвращён: списали 369 ₽.",
    ]
    assert is_sound(shop)


@both_engines
def test_without_money_it_becomes_debt_and_the_number_stops_until_all_of_it_is_paid(shop: Session):
    anna = given(shop, since=LONG_AGO, money=30_000)
    pass_time(shop, anna, NOON)
    paid_until = current(shop, anna).next_fee_at
    main = ledger.balance(shop, anna).main
    take(shop, anna)
    billing_account = ledger.accounts_of(shop, anna).main_id
    spent = main + 34_000 - 1_000
    ledger.post(
        shop,
        reference="spent",
        kind="opening",
        moves=[
            ledger.Move(billing_account, ledger.operator_account(shop, "opening"), spent, {"opening_kopecks": spent})
        ],
        happened_at=NOON,
        now=NOON,
    )

    run_worker(shop, DUE)

    assert (ledger.balance(shop, anna).main, ledger.balance(shop, anna).debt) == (0, -35_900)
    assert current(shop, anna).state is SubscriptionState.SUSPENDED
    assert current(shop, anna).next_fee_at == paid_until
    assert messages(shop)[-1] == "Обещанный платёж не возвращён. Связь отключена, пополните на 359 ₽."
    pay(shop, anna, 30_000, DUE + timedelta(hours=1))
    assert current(shop, anna).state is SubscriptionState.SUSPENDED
    with pytest.raises(PromiseUnpaid) as refusal:
        take(shop, anna, now=DUE + timedelta(hours=1))
    assert refusal.value.facts["lacking_kopecks"] == 5_900
    pay(shop, anna, 5_900, DUE + timedelta(hours=2))
    assert current(shop, anna).state is SubscriptionState.ACTIVE
    assert current(shop, anna).next_fee_at == paid_until  # the period was paid: no second fee
    assert ledger.balance(shop, anna).main == ledger.balance(shop, anna).debt == 0
    assert is_sound(shop)


def test_a_suspended_number_pays_its_fee_from_it_at_once(shop: Session):
    anna = given(shop, since=LONG_AGO)
    pass_time(shop, anna, NOON)  # 300 ₽ were due and not there
    assert current(shop, anna).state is SubscriptionState.SUSPENDED

    order = take(shop, anna, 30_000)

    assert current(shop, anna).state is SubscriptionState.ACTIVE
    assert ledger.balance(shop, anna).main == 0
    with pytest.raises(CannotUndo) as refusal:
        orders.undo(shop, anna, order.id, now=NOON + timedelta(hours=1))
    assert refusal.value.why is WhyNot.SPENT
    assert row_of(shop, anna).state is PromiseState.OPEN
    assert is_sound(shop)


def test_while_nothing_of_it_is_spent_it_can_be_undone_and_taken_again(shop: Session):
    anna = given(shop, since=LONG_AGO, money=30_000)
    pass_time(shop, anna, NOON)
    before = ledger.balance(shop, anna).main

    order = take(shop, anna)
    orders.undo(shop, anna, order.id, now=NOON + timedelta(hours=1))

    assert ledger.balance(shop, anna).main == before
    assert row_of(shop, anna).state is PromiseState.UNDONE
    assert run_worker(shop, DUE) == 0
    take(shop, anna, now=NOON + timedelta(hours=2))
    assert is_sound(shop)


def test_after_it_was_taken_back_nothing_is_to_be_undone(shop: Session):
    anna = given(shop, since=LONG_AGO, money=30_000)
    pass_time(shop, anna, NOON)
    order = take(shop, anna)
    run_worker(shop, DUE)

    with pytest.raises(CannotUndo):
        orders.undo(shop, anna, order.id, now=order.undo_until - timedelta(seconds=1))
    assert is_sound(shop)


def test_two_quotes_of_it_are_one_payment(shop: Session):
    anna = given(shop, since=LONG_AGO, money=30_000)
    pass_time(shop, anna, NOON)
    request = Request(OrderKind.PROMISE, "34000")
    first, second = (orders.ask(shop, anna, request, now=NOON) for _ in range(2))
    orders.confirm(shop, anna, first.id, now=NOON)

    with pytest.raises(PromiseOpen):
        orders.confirm(shop, anna, second.id, now=NOON)

    assert is_sound(shop)


@pytest.mark.parametrize("written", ["0", "4999", "4900", "5001", "50100", "-34000", "", "3.4e4", "٣٤٠٠٠", "9" * 30])
def test_only_offered_sums_can_be_taken(shop: Session, written: str):
    anna = given(shop, since=LONG_AGO, money=30_000)

    with pytest.raises(SumNotPromised):
        orders.ask(shop, anna, Request(OrderKind.PROMISE, written), now=NOON)


def test_the_first_month_has_none(shop: Session):
    anna = given(shop, since=NOON - timedelta(days=29), money=30_000)

    with pytest.raises(PromiseTooEarly) as refusal:
        take(shop, anna)

    assert refusal.value.facts["day"] == "24.11.2026"
    take(shop, anna, now=moscow(2026, 11, 24))


def test_a_debt_beyond_the_terms_comes_first(shop: Session):
    anna = given(shop, since=LONG_AGO)
    fees = ledger.operator_account(shop, "fees")
    facts = {"plan": "start", "parts": [{"code": "fee", "kopecks": 2_001}]}
    ledger.charge_many(
        shop, [ledger.Charge("late", anna, 2_001, NOON, facts)], kind="plan_fee", destination_id=fees, now=NOON
    )

    with pytest.raises(DebtTooLarge):
        take(shop, anna)


def test_an_operator_without_terms_offers_none(session: Session):
    store(session)
    anna = given(session, since=LONG_AGO)

    with pytest.raises(PromiseNotOffered):
        take(session, anna)


def test_the_fee_is_spent_on_services_and_the_sum_on_nothing(shop: Session):
    anna = given(shop, since=LONG_AGO, money=30_000)
    pass_time(shop, anna, NOON)
    start, end = datetime(2026, 11, 1, tzinfo=UTC).date(), datetime(2026, 12, 1, tzinfo=UTC).date()
    before = {category: kopecks for _, category, kopecks in expenses.list_spending(shop, anna, start, end)}

    take(shop, anna)
    run_worker(shop, DUE)

    after = {category: kopecks for _, category, kopecks in expenses.list_spending(shop, anna, start, end)}
    assert sum(after.values()) - sum(before.values()) == 2_900
    assert after["services"] == 2_900


@both_engines
def test_the_audit_finds_one_whose_money_is_elsewhere(shop: Session):
    anna = given(shop, since=LONG_AGO, money=30_000)
    pass_time(shop, anna, NOON)
    take(shop, anna)
    row_of(shop, anna).amount_kopecks = 34_100
    shop.flush()

    blamed = {fault.account for fault in audit.run_audit(shop).faults}

    assert blamed == {"operator:promised", f"subscriber:{anna}:main"}
