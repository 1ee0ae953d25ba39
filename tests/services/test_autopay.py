"""Autopay: what a rule pays, when, and what it does when the bank refuses, is silent, or two workers come at once."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlmodel import select

from cabinet import db, ledger, worker_jobs
from cabinet.adapters.payments import GatewayPayment, GatewayRefused, PaymentOrder
from cabinet.domain.autopay import AutopayKind, AutopayState, PauseReason, Terms
from cabinet.domain.errors import NotFound
from cabinet.domain.payments import PaymentKind, PaymentState, Refusal, TopUpState
from cabinet.models.autopay import AutopayRule
from cabinet.models.outbox import OutboxMessage
from cabinet.models.tariffs import SubscriptionState
from cabinet.models.top_ups import PaymentMethod, TopUp
from cabinet.services import audit, autopay, billing, top_ups
from cabinet.services.sessions import Principal
from cabinet.services.sign_in import FreshCodeNeeded
from tests.conftest import NOON, both_engines
from tests.payments import FakeGateway, silence
from tests.services.test_options import CATALOGUE
from tests.services.test_orders import current, given, moscow, put, store

pytestmark = both_engines

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BY_FEE = Terms(AutopayKind.FEE, 100_000)
BY_BALANCE = Terms(AutopayKind.THRESHOLD, 100_000, threshold_kopecks=10_000, amount_kopecks=30_000)
ON_31 = Terms(AutopayKind.DAY, 100_000, amount_kopecks=30_000, day=31)


class Bank(FakeGateway):
    """Refuses saved cards for as long as `refusal` says so."""

    refusal: Refusal | None = None

    def create(self, order: PaymentOrder) -> GatewayPayment:
        payment = super().create(order)
        if self.refusal:
            payment = self.change(order.key, state=PaymentState.CANCELED, refusal=self.refusal)
        return payment


class World:
    """One subscriber with a saved card, a bank, and a worker that is run by hand."""

    def __init__(self, bank: Bank, since: datetime = NOON, money: int = 1_200) -> None:
        self.bank = bank
        with db.transaction() as session:
            store(session, CATALOGUE)
            self.anna = given(session, since=since, money=money)  # 300 ₽ a month, the next on 23 December
            method = PaymentMethod(
                subscriber_id=self.anna,
                kind=PaymentKind.CARD,
                title="··4821",
                expires="09/28",
                gateway="sandbox",
                token="card-1",
                saved_at=NOON,
            )
            session.add(method)
            session.flush()
            self.method_id = method.id
        self.me = Principal(1, self.anna, False, NOON, NOON)

    def rule(self, terms: Terms, now: datetime = NOON) -> autopay.Rule:
        with db.transaction() as session:
            return autopay.save(session, self.me, terms, self.method_id, now=now)

    def work(self, now: datetime) -> None:
        """What the worker does in a minute."""
        never = bool
        clock_now = lambda: now  # noqa: E731
        worker_jobs.charge_fees(now, never)
        worker_jobs.pay_by_rules(now, never)
        top_ups.reconcile(self.bank, now=clock_now)
        worker_jobs.pay_by_rules(now, never)

    def row(self) -> AutopayRule:
        with db.reading() as session:
            return session.exec(select(AutopayRule).order_by(AutopayRule.id.desc())).first()

    def payments(self) -> list[tuple[datetime, int, TopUpState]]:
        with db.reading() as session:
            rows = session.exec(select(TopUp).order_by(TopUp.id)).all()
            return [(row.created_at, row.amount_kopecks, row.state) for row in rows]

    def sms(self) -> list[str]:
        with db.reading() as session:
            query = select(OutboxMessage.body).where(OutboxMessage.kind == "autopay").order_by(OutboxMessage.id)
            return list(session.exec(query))

    def main(self) -> int:
        with db.reading() as session:
            return ledger.balance(session, self.anna).main

    def spend(self, kopecks: int) -> None:
        with db.transaction() as session:
            accounts, opening = ledger.accounts_of(session, self.anna), ledger.operator_account(session, "opening")
            move = ledger.Move(accounts.main_id, opening, kopecks, {"opening_kopecks": kopecks})
            reference = f"spent:{kopecks}:{len(self.payments())}"
            ledger.post(session, reference=reference, kind="opening", moves=[move], happened_at=NOON, now=NOON)

    def status(self, now: datetime) -> autopay.Rule | None:
        with db.reading() as session:
            return autopay.get_autopay(session, self.me, now=now).rule


@pytest.fixture
def world(database: object) -> Iterator[World]:
    """Whatever a test does, the audit finds nothing afterwards."""
    yield World(Bank())
    with db.reading() as session:
        assert audit.run_audit(session).faults == []


# --- when and how much -----------------------------------------------------------------------------------------------


def test_before_the_fee_exactly_what_lacks_is_paid(world: World):
    rule = world.rule(BY_FEE)
    assert (rule.upcoming.at, rule.upcoming.amount_kopecks) == (moscow(2026, 12, 22, 10), 28_800)

    world.work(moscow(2026, 12, 21, 10))
    assert world.sms() == ["22.12 спишем около 288 ₽ с ··4821: автоплатёж. Отменить: кабинет."]
    world.work(moscow(2026, 12, 22, 9, 59))
    assert world.payments() == []
    world.work(moscow(2026, 12, 22, 10))
    world.work(moscow(2026, 12, 22, 11))
    assert [(kopecks, state) for _, kopecks, state in world.payments()] == [(28_800, TopUpState.SUCCEEDED)]
    world.work(moscow(2026, 12, 23))

    assert world.main() == 0
    assert world.status(moscow(2026, 12, 23)).upcoming.at == moscow(2027, 1, 22, 10)
    assert len(world.payments()) == 1


def test_nothing_is_paid_where_nothing_lacks_until_it_does(world: World):
    world.rule(BY_FEE)
    with db.transaction() as session:
        put(session, world.anna, 50_000)
    world.work(moscow(2026, 12, 22, 10))
    assert world.payments() == []

    world.spend(40_000)
    world.work(moscow(2026, 12, 22, 11, 30))

    assert [kopecks for _, kopecks, _ in world.payments()] == [18_800]


def test_a_number_that_stands_for_its_fee_is_paid_for_at_once(world: World):
    world.work(moscow(2026, 12, 23))
    rule = world.rule(BY_FEE, moscow(2026, 12, 24, 15))
    assert (rule.upcoming.at, rule.upcoming.amount_kopecks) == (moscow(2026, 12, 24, 15), 28_800)

    world.work(moscow(2026, 12, 24, 15))

    with db.reading() as session:
        assert current(session, world.anna).state is SubscriptionState.ACTIVE


def test_below_the_threshold_it_adds(world: World):
    world.rule(BY_BALANCE)  # 12 ₽ are less than 100

    world.work(NOON)
    world.work(NOON + 2 * HOUR)

    assert world.main() == 31_200
    world.spend(21_200)
    world.work(NOON + DAY)
    assert len(world.payments()) == 1  # 100 ₽ are not less than 100
    world.spend(1)
    world.work(NOON + DAY + HOUR)
    assert len(world.payments()) == 2


def test_the_ceiling_of_the_month_stops_it_until_the_next_month(world: World):
    world.rule(replace(BY_BALANCE, ceiling_kopecks=50_000))
    world.work(NOON)
    world.spend(30_000)

    world.work(NOON + 2 * HOUR)
    world.work(NOON + DAY)

    assert len(world.payments()) == 1
    assert world.sms() == ["Автоплатёж 300 ₽ не сделан: лимит месяца 500 ₽."]
    world.work(moscow(2026, 12, 1))
    assert len(world.payments()) == 2


def test_a_leap_over_several_dates_is_one_payment(world: World):
    world.rule(ON_31)

    world.work(moscow(2027, 2, 28, 12))
    world.work(moscow(2027, 2, 28, 18))

    assert [kopecks for _, kopecks, _ in world.payments()] == [30_000]
    assert world.row().paid_occasion == "2027-02-28"


def test_what_is_being_paid_counts_for_the_ceiling_and_holds_the_rule(world: World):
    world.rule(BY_BALANCE)
    world.bank.faults = [silence(), silence()]

    world.work(NOON)
    world.work(NOON + timedelta(minutes=1))
    with db.reading() as session:
        assert autopay.get_status(session, world.anna, now=NOON).is_paying
    world.work(NOON + HOUR)

    assert [state for _, _, state in world.payments()] == [TopUpState.SUCCEEDED]
    assert len({order.key for order in world.bank.orders}) == 1
    assert len(world.bank.payments) == 1


def test_a_payment_that_was_made_and_not_told_is_made_once(world: World):
    world.rule(BY_BALANCE)
    world.bank.faults, world.bank.is_done_anyway = [silence()], True

    for minutes in (0, 1, 60, 120):
        world.work(NOON + timedelta(minutes=minutes))

    assert len(world.bank.payments) == 1
    assert world.main() == 31_200


# --- refusals --------------------------------------------------------------------------------------------------------


def test_refusals_are_tried_again_with_growing_pauses_and_then_it_stops(world: World):
    world.rule(BY_BALANCE)
    world.bank.refusal = Refusal.INSUFFICIENT_FUNDS

    for hours in range(24 * 14):
        world.work(NOON + hours * HOUR)

    tries = [at - NOON for at, _, _ in world.payments()]
    assert tries == [timedelta(), 4 * HOUR, 28 * HOUR, 100 * HOUR]
    assert (world.row().state, world.row().pause_reason) == (AutopayState.PAUSED, PauseReason.REFUSED)
    assert world.sms() == [
        "Автоплатёж 300 ₽ не прошёл: банк отказал. Повторим 23.11 в 16:00.",
        "Автоплатёж 300 ₽ не прошёл: банк отказал. Повторим 24.11 в 16:00.",
        "Автоплатёж 300 ₽ не прошёл: банк отказал. Повторим 27.11 в 16:00.",
        "Автоплатёж приостановлен: банк отказывает. Проверьте карту и включите снова.",
    ]
    assert len({order.key for order in world.bank.orders}) == 4


def test_a_card_that_cannot_pay_stops_it_at_once(world: World):
    world.rule(BY_BALANCE)
    world.bank.refusal = Refusal.METHOD_REVOKED

    world.work(NOON)
    world.work(NOON + DAY)

    assert len(world.payments()) == 1
    assert world.row().pause_reason is PauseReason.REFUSED


def test_after_a_refusal_that_passes_it_goes_on(world: World):
    world.rule(BY_FEE)
    world.bank.refusal = Refusal.LIMIT_EXCEEDED
    world.work(moscow(2026, 12, 22, 10))
    assert world.status(moscow(2026, 12, 22, 11)).retry_at == moscow(2026, 12, 22, 14)
    world.bank.refusal = None

    world.work(moscow(2026, 12, 22, 14))
    world.work(moscow(2026, 12, 23))

    assert [state for _, _, state in world.payments()] == [TopUpState.REFUSED, TopUpState.SUCCEEDED]
    assert world.row().failures == 0
    assert world.row().paid_occasion == "2026-12-23"


def test_a_gateway_that_does_not_take_the_order_is_a_refusal(world: World):
    world.rule(BY_BALANCE)
    world.bank.faults = [GatewayRefused("no such card", Refusal.METHOD_REVOKED)]

    world.work(NOON)

    assert world.row().pause_reason is PauseReason.REFUSED


def test_what_the_gateway_never_told_is_not_paid_again(world: World):
    world.rule(BY_BALANCE)
    world.bank.faults = [silence()] * 1000

    for days in range(10):
        world.work(NOON + days * DAY)

    assert world.row().pause_reason is PauseReason.UNKNOWN
    assert len(world.payments()) == 1


# --- what a person does ----------------------------------------------------------------------------------------------


def test_paused_it_does_nothing_and_resumed_it_does_not_catch_up(world: World):
    world.rule(ON_31)
    with db.transaction() as session:
        autopay.pause(session, world.anna, now=NOON)
    world.work(moscow(2026, 11, 30, 12))
    assert world.payments() == []
    with db.transaction() as session:
        rule = autopay.resume(session, world.me, now=moscow(2026, 11, 30, 13))

    world.work(moscow(2026, 11, 30, 14))

    assert world.payments() == []
    assert rule.upcoming.at == moscow(2026, 12, 31, 10)


def test_deleted_it_is_gone_and_a_payment_that_had_begun_is_credited(world: World):
    world.rule(BY_BALANCE)
    never = bool
    worker_jobs.pay_by_rules(NOON, never)
    with db.transaction() as session:
        autopay.delete(session, world.anna, now=NOON)

    world.work(NOON + HOUR)
    world.spend(30_000)
    world.work(NOON + DAY)

    assert len(world.payments()) == 1
    assert world.status(NOON) is None
    world.rule(BY_BALANCE, NOON + DAY)


def test_a_deleted_card_pauses_the_rule_and_says_so(world: World):
    world.rule(BY_BALANCE)
    with db.transaction() as session:
        autopay.delete_method(session, world.anna, world.method_id, now=NOON)

    world.work(NOON + HOUR)

    assert world.payments() == []
    assert world.row().pause_reason is PauseReason.METHOD_GONE
    assert world.sms() == ["Автоплатёж приостановлен: карта удалена. Выберите другую в кабинете."]
    with pytest.raises(NotFound), db.transaction() as session:
        autopay.resume(session, world.me, now=NOON)


def test_a_card_deleted_elsewhere_is_found_before_paying(world: World):
    world.rule(BY_BALANCE)
    with db.transaction() as session:
        top_ups.delete_method(session, world.anna, world.method_id, now=NOON)

    world.work(NOON + HOUR)

    assert world.payments() == []
    assert world.row().pause_reason is PauseReason.METHOD_GONE


def test_a_remembered_browser_shows_a_fresh_code_first(world: World):
    remembered = replace(world.me, is_remembered=True, confirmed_at=NOON - DAY)

    with pytest.raises(FreshCodeNeeded), db.transaction() as session:
        autopay.save(session, remembered, BY_FEE, world.method_id, now=NOON)
    with db.reading() as session:
        assert autopay.get_autopay(session, remembered, now=NOON).needs_code
    world.rule(BY_FEE)
    with db.transaction() as session:
        autopay.pause(session, world.anna, now=NOON)  # stopping needs none
    with pytest.raises(FreshCodeNeeded), db.transaction() as session:
        autopay.resume(session, remembered, now=NOON)


def test_somebody_elses_card_is_not_found(world: World):
    with db.transaction() as session:
        boris = given(session, money=1_200)

    with pytest.raises(NotFound), db.transaction() as session:
        autopay.save(session, replace(world.me, subscriber_id=boris), BY_FEE, world.method_id, now=NOON)


def test_changed_it_is_still_one_rule_and_one_payment_for_a_date(world: World):
    world.rule(ON_31)
    world.work(moscow(2026, 11, 30, 10))
    for terms in (BY_FEE, ON_31, replace(ON_31, amount_kopecks=40_000), ON_31):
        world.rule(terms, moscow(2026, 11, 30, 9))

    world.work(moscow(2026, 11, 30, 12))
    world.work(moscow(2026, 11, 30, 13))

    assert [kopecks for _, kopecks, _ in world.payments()] == [30_000]


def test_money_that_came_meanwhile_is_not_asked_for(world: World):
    world.rule(BY_FEE)
    world.bank.refusal = Refusal.INSUFFICIENT_FUNDS
    world.work(moscow(2026, 12, 22, 10))
    world.bank.refusal = None
    with db.transaction() as session:
        billing.record_payment(
            session, world.anna, 28_800, reference="by-hand", happened_at=NOON, now=NOON, source="card"
        )

    world.work(moscow(2026, 12, 22, 14))
    world.work(moscow(2026, 12, 23))

    assert [state for _, _, state in world.payments()] == [TopUpState.REFUSED]
