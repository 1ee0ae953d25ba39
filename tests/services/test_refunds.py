"""Refunds: money goes back once, never more than came, whatever the gateway says and whoever else asks."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from sqlmodel import select

from cabinet import db, ledger
from cabinet.adapters.payments import GatewayRefused
from cabinet.domain.errors import CabinetError, NotFound
from cabinet.domain.payments import Attention, PaymentState, RefundState, WebhookVerdict
from cabinet.models.outbox import OutboxMessage
from cabinet.models.top_ups import TopUp
from cabinet.services import audit, refunds, top_ups
from cabinet.services.refunds import CannotRefund, MoneySpent, Refund
from tests.conftest import NOON, both_engines
from tests.payments import FakeGateway, silence
from tests.services.test_options import CATALOGUE
from tests.services.test_orders import given, store

pytestmark = both_engines

PAID = 34_000
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
GOOD = {"signature": "good"}


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


@pytest.fixture
def number(anna: int, bank: FakeGateway) -> int:
    """Of a top-up of 340 roubles that succeeded."""
    with db.transaction() as session:
        started = top_ups.start(session, anna, PAID, occasion="page:1", now=NOON)
    top_ups.submit(started.id, bank, now=lambda: NOON)
    bank.pay(bank.orders[0].key)
    top_ups.handle_webhook(bank, b"p1", GOOD, now=lambda: NOON)
    return started.number


def begin(number: int, kopecks: int | None = None, now: datetime = NOON) -> Refund:
    with db.transaction() as session:
        return refunds.start(session, number, kopecks, now=now)


def give_back(bank: FakeGateway, number: int, kopecks: int | None = None) -> Refund:
    return refunds.submit(begin(number, kopecks).id, bank, now=lambda: NOON)


def later(bank: FakeGateway, by: timedelta = MINUTE) -> None:
    refunds.reconcile(bank, now=lambda: NOON + by)


def main(subscriber_id: int) -> int:
    with db.reading() as session:
        return ledger.balance(session, subscriber_id).main


def row() -> TopUp:
    with db.reading() as session:
        return session.exec(select(TopUp)).one()


def sms() -> list[str]:
    with db.reading() as session:
        query = select(OutboxMessage.body).where(OutboxMessage.reference.like("refund:%"))
        return list(session.exec(query))


def test_everything_goes_back_to_the_card_and_it_is_told(anna: int, bank: FakeGateway, number: int):
    refund = give_back(bank, number)

    assert (refund.amount_kopecks, refund.state) == (PAID, RefundState.SUCCEEDED)
    assert main(anna) == 1_200
    assert (row().refunded_kopecks, row().attention) == (PAID, None)
    assert sms() == [f"Вернули 340 ₽ на карту ··4821. Чек {number}."]


def test_in_parts_no_more_goes_back_than_came(anna: int, bank: FakeGateway, number: int):
    give_back(bank, number, 10_000)
    give_back(bank, number, 20_000)

    with pytest.raises(CannotRefund, match="не больше 40 ₽"):
        begin(number, 4_001)
    give_back(bank, number)

    assert (main(anna), sum(bank.refunds.values())) == (1_200, PAID)
    with pytest.raises(CannotRefund):
        begin(number)


@pytest.mark.parametrize("kopecks", [0, -1, PAID + 1, True, 1.5])
def test_a_sum_that_is_none_is_refused(bank: FakeGateway, number: int, kopecks: int):
    with pytest.raises(CannotRefund):
        begin(number, kopecks)


def test_what_brought_no_money_has_nothing_to_give_back(anna: int, bank: FakeGateway):
    with db.transaction() as session:
        started = top_ups.start(session, anna, PAID, occasion="page:2", now=NOON)

    with pytest.raises(CannotRefund):
        begin(started.number)
    with pytest.raises(NotFound):
        begin(started.number + 1)


def test_money_that_is_spent_is_not_given_back(anna: int, bank: FakeGateway, number: int):
    with db.transaction() as session:
        accounts, opening = ledger.accounts_of(session, anna), ledger.operator_account(session, "opening")
        move = ledger.Move(accounts.main_id, opening, 5_200, {"opening_kopecks": 5_200})
        ledger.post(session, reference="spent", kind="opening", moves=[move], happened_at=NOON, now=NOON)

    with pytest.raises(MoneySpent):
        begin(number)
    give_back(bank, number, 30_000)

    assert main(anna) == 0


def test_the_money_is_set_aside_before_the_gateway_hears_of_it(anna: int, bank: FakeGateway, number: int):
    begin(number)

    assert (main(anna), bank.refunds) == (1_200, {})
    later(bank)
    assert list(bank.refunds.values()) == [PAID]
    assert row().refunded_kopecks == PAID


@pytest.mark.parametrize("is_done", [False, True])
def test_a_time_out_is_unknown_and_asked_again_with_the_same_key(
    anna: int, bank: FakeGateway, number: int, is_done: bool
):
    bank.faults, bank.is_done_anyway = [silence()], is_done
    assert give_back(bank, number).state is RefundState.CREATED

    later(bank)
    later(bank, DAY)

    assert list(bank.refunds.values()) == [PAID]
    assert (main(anna), len(sms())) == (1_200, 1)


def test_a_refusal_brings_the_money_back_once(anna: int, bank: FakeGateway, number: int):
    bank.faults = [GatewayRefused("the shop has no money")]
    refund = give_back(bank, number)
    refunds.submit(refund.id, bank, now=lambda: NOON)
    later(bank)

    assert main(anna) == 1_200 + PAID
    assert give_back(bank, number).state is RefundState.SUCCEEDED  # it may be tried anew


@pytest.mark.parametrize("is_done", [False, True])
def test_when_the_gateway_has_forgotten_the_key_the_payment_itself_is_asked(
    anna: int, bank: FakeGateway, number: int, is_done: bool
):
    bank.faults, bank.is_done_anyway = [silence()], is_done
    give_back(bank, number)

    later(bank, DAY)

    assert list(bank.refunds.values()) == ([PAID] if is_done else [])
    assert main(anna) == (1_200 if is_done else 1_200 + PAID)


def test_the_gateways_word_of_our_own_refund_calls_nobody(bank: FakeGateway, number: int):
    bank.faults, bank.is_done_anyway = [silence()], True
    give_back(bank, number, 10_000)

    assert top_ups.handle_webhook(bank, b"p1", GOOD, now=lambda: NOON) is WebhookVerdict.APPLIED
    later(bank)
    assert top_ups.handle_webhook(bank, b"p1", GOOD, now=lambda: NOON) is WebhookVerdict.DUPLICATE

    assert (row().refunded_kopecks, row().attention) == (10_000, None)


def test_a_refund_that_nobody_here_asked_for_is_on_the_list_until_it_was_looked_at(bank: FakeGateway, number: int):
    bank.change(bank.orders[0].key, refunded_kopecks=10_000)
    top_ups.handle_webhook(bank, b"p1", GOOD, now=lambda: NOON)

    with db.reading() as session:
        [trouble] = refunds.list_troubles(session)
    assert (trouble.number, trouble.attention) == (number, Attention.REFUNDED)
    assert trouble.refundable_kopecks == PAID - 10_000
    with db.transaction() as session:
        refunds.close_trouble(session, number)
    with db.reading() as session:
        assert refunds.list_troubles(session) == []


def test_canceled_after_success_can_be_given_back_by_a_person(anna: int, bank: FakeGateway, number: int):
    bank.change(bank.orders[0].key, state=PaymentState.CANCELED)
    top_ups.handle_webhook(bank, b"p1", GOOD, now=lambda: NOON)

    with db.reading() as session:
        [trouble] = refunds.list_troubles(session)

    assert trouble.attention is Attention.CANCELED_AFTER_SUCCESS
    assert main(anna) == 1_200 + PAID


def together(*works: Callable[[], object]) -> list[object]:
    barrier = Barrier(len(works))

    def run(work: Callable[[], object]) -> object:
        barrier.wait()
        try:
            return work()
        except CabinetError as error:
            return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def test_asked_for_twice_at_once_it_is_given_back_once(anna: int, bank: FakeGateway, number: int):
    ends = together(*[lambda: begin(number)] * 4)

    assert sorted(type(end).__name__ for end in ends) == ["CannotRefund"] * 3 + ["Refund"]
    together(*[lambda: refunds.reconcile(bank, now=lambda: NOON + MINUTE)] * 4)

    assert list(bank.refunds.values()) == [PAID]
    assert (main(anna), len(sms())) == (1_200, 1)
