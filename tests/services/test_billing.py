"""Fees of plans: due by the anchor day, charged once, and what happens when there is no money."""

import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from itertools import count as counter

import pytest
from sqlalchemy import event, text
from sqlmodel import Session, select

from cabinet import clock, db, ledger
from cabinet.domain.catalogue import parse
from cabinet.models.billing import FeeCharge
from cabinet.models.ledger import LedgerTransaction, Posting
from cabinet.models.subscribers import Subscriber, SubscriberStatus
from cabinet.models.tariffs import PlanSubscription, SubscriptionState
from cabinet.models.usage import Allowance
from cabinet.services import billing, subscribers, tariffs
from cabinet.services.billing import FeeOutcome
from tests.conftest import NOON, both_engines, count

CATALOGUE = """
default_region: moscow
regions: {moscow: Москва, perm: Пермь}
zones: {home: Домашний регион, messengers: Мессенджеры}
rates:
  - {kind: voice, price: 2 per min}
  - {kind: sms, price: 3 per SMS}
  - {kind: data, price: 35 per GB}
  - {kind: data, zone: messengers, price: 35 per GB}
plans:
  - {code: simple, version: 1, name: Простой, fee: "300", allowances: [500 min, 10 GB]}
  - {code: daily, version: 1, name: Посуточный, fee: "10", period: day, allowances: [1 GB]}
  - {code: free, version: 1, name: Нулевой, fee: "0", allowances: [10 SMS]}
  - code: flexible
    version: 1
    name: Гибкий
    fee: "400"
    fee_by_region: {perm: "350"}
    allowances: [5 GB, {amount: unlimited GB, scope: messengers}]
    settings:
      - code: minutes
        name: Минуты
        default: few
        steps:
          - {code: few, name: 100 минут, gives: [100 min], price: "0"}
          - {code: many, name: 1000 минут, gives: [1000 min], price: "150"}
"""

_numbers = counter(1)


@pytest.fixture
def shop(session: Session) -> Session:
    tariffs.store_catalogue(session, parse(CATALOGUE, "test.yaml"), now=NOON)
    return session


def moscow(year: int, month: int, day: int, hour: int = 0) -> datetime:
    return datetime(year, month, day, hour, tzinfo=clock.time_zone()).astimezone(UTC)


def given(
    session: Session, plan: str = "simple", *, since: datetime, money: int = 0, **more: object
) -> PlanSubscription:
    """A subscription of a new subscriber with that many kopecks; nothing is charged yet."""
    number = next(_numbers)
    subscriber_id = subscribers.create(
        session,
        account_number=f"A{number}",
        msisdn=f"7916{number:07}",
        name="Анна",
        plan_code=plan,
        activated_at=since,
        now=since,
        **{"region": "moscow"} | more,
    )
    if money:
        put(session, subscriber_id, money, since)
    return session.exec(select(PlanSubscription).where(PlanSubscription.subscriber_id == subscriber_id)).one()


def put(session: Session, subscriber_id: int, kopecks: int, moment: datetime) -> None:
    """Money that does not wake the billing."""
    ledger.post(
        session,
        reference=f"test:{next(_numbers)}",
        kind="opening",
        moves=[
            ledger.Move(
                ledger.operator_account(session, "opening"),
                ledger.accounts_of(session, subscriber_id).main_id,
                kopecks,
                {"opening_kopecks": kopecks},
            )
        ],
        happened_at=moment,
        now=moment,
    )


def pay(
    session: Session, subscription: PlanSubscription, kopecks: int, moment: datetime, reference: str = ""
) -> billing.Payment:
    return billing.record_payment(
        session,
        subscription.subscriber_id,
        kopecks,
        reference=reference or f"top-up:{next(_numbers)}",
        happened_at=moment,
        now=moment,
        source="test",
    )


def main_of(session: Session, subscription: PlanSubscription) -> int:
    return ledger.balance(session, subscription.subscriber_id).main


def fees_of(session: Session, subscription: PlanSubscription) -> list[FeeCharge]:
    query = select(FeeCharge).where(FeeCharge.subscription_id == subscription.id)
    return list(session.exec(query.order_by(FeeCharge.period_start_at)))


def starts_of(session: Session, subscription: PlanSubscription) -> list[date]:
    return [clock.local(fee.period_start_at).date() for fee in fees_of(session, subscription)]


def allowances_of(session: Session, subscription: PlanSubscription) -> list[Allowance]:
    return list(session.exec(select(Allowance).where(Allowance.subscriber_id == subscription.subscriber_id)))


# --- one period ------------------------------------------------------------------------------------------------------


@both_engines
def test_the_first_fee_is_charged_at_once_and_brings_the_allowances(shop: Session):
    subscription = given(shop, since=moscow(2026, 11, 23, 12), money=50_000)

    result = billing.charge_due_fee(shop, subscription.id, now=NOON)

    assert result.outcome == FeeOutcome.CHARGED
    assert result.amount_kopecks == 30_000
    assert main_of(shop, subscription) == 20_000  # 500 − 300 ₽
    assert subscription.next_fee_at == moscow(2026, 12, 23)
    assert {(a.kind, a.granted, a.remaining) for a in allowances_of(shop, subscription)} == {
        ("voice", 500 * 60, 500 * 60),
        ("data", 10 * 2**30, 10 * 2**30),
    }
    assert {(a.valid_from, a.valid_until) for a in allowances_of(shop, subscription)} == {
        (moscow(2026, 11, 23), moscow(2026, 12, 23))
    }


@both_engines
def test_a_fee_charged_twice_is_charged_once(shop: Session):
    subscription = given(shop, since=moscow(2026, 11, 23), money=100_000)
    billing.charge_due_fee(shop, subscription.id, now=NOON)

    again = billing.charge_due_fee(shop, subscription.id, now=NOON)
    subscription.next_fee_at = moscow(2026, 11, 23)  # even if somebody puts the date back
    shop.flush()
    forced = billing.charge_due_fee(shop, subscription.id, now=NOON)

    assert (again.outcome, forced.outcome) == (FeeOutcome.NOT_DUE, FeeOutcome.NOT_DUE)
    assert subscription.next_fee_at == moscow(2026, 12, 23)
    assert main_of(shop, subscription) == 70_000
    assert len(allowances_of(shop, subscription)) == 2


def test_a_fee_is_due_in_the_instant_its_period_begins_and_not_before(shop: Session):
    subscription = given(shop, since=moscow(2026, 11, 23), money=100_000)
    billing.charge_due_fee(shop, subscription.id, now=NOON)
    border = moscow(2026, 12, 23)

    assert billing.charge_due_fee(shop, subscription.id, now=border - timedelta(microseconds=1)).outcome == "not due"
    assert billing.charge_due_fee(shop, subscription.id, now=border).outcome == "charged"


def test_a_fee_says_what_it_is_made_of(shop: Session):
    subscription = given(
        shop, "flexible", since=moscow(2026, 11, 5), money=100_000, region="perm", settings={"minutes": "many"}
    )

    result = billing.charge_due_fee(shop, subscription.id, now=NOON)

    posting = shop.exec(select(Posting).where(Posting.transaction_id == result.transaction_id)).one()
    transaction = shop.get_one(LedgerTransaction, result.transaction_id)
    assert transaction.reference == f"plan-fee:{subscription.id}:2026-11-05"
    assert posting.amount_kopecks == 50_000  # 350 in Perm + 150 for the minutes
    assert posting.explanation == {
        "plan": "flexible",
        "version": 1,
        "region": "perm",
        "settings": {"minutes": "many"},
        "period_start": "2026-11-05",
        "period_end": "2026-12-05",
        "parts": [{"code": "fee", "kopecks": 35_000}, {"code": "minutes:many", "kopecks": 15_000}],
    }
    assert ledger.explained_amount(transaction.kind, posting.explanation) == 50_000


def test_allowances_follow_the_settings_and_know_unlimited_and_scope(shop: Session):
    subscription = given(shop, "flexible", since=NOON, money=100_000, settings={"minutes": "many"})

    billing.charge_due_fee(shop, subscription.id, now=NOON)

    assert {(a.kind, a.scope, a.is_unlimited, a.granted) for a in allowances_of(shop, subscription)} == {
        ("data", "", False, 5 * 2**30),
        ("data", "messengers", True, 0),
        ("voice", "", False, 1000 * 60),
    }


def test_a_free_period_brings_its_allowances_without_a_transaction(shop: Session):
    subscription = given(shop, "free", since=NOON)

    result = billing.charge_due_fee(shop, subscription.id, now=NOON)

    assert (result.outcome, result.amount_kopecks, result.transaction_id) == (FeeOutcome.CHARGED, 0, None)
    assert [a.granted for a in allowances_of(shop, subscription)] == [10]
    assert count(shop, "ledger_transaction") == 0


def test_the_credit_limit_pays_a_fee(shop: Session):
    subscription = given(shop, since=NOON, money=29_999, credit_limit_kopecks=1)

    assert billing.charge_due_fee(shop, subscription.id, now=NOON).outcome == FeeOutcome.CHARGED
    assert main_of(shop, subscription) == -1


# --- months, days, anchors -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("anchor_day", "year", "expected"),
    [
        (31, 2026, ["01-31", "02-28", "03-31", "04-30", "05-31", "06-30", "07-31"]),
        (30, 2026, ["01-30", "02-28", "03-30", "04-30", "05-30", "06-30", "07-30"]),
        (29, 2026, ["01-29", "02-28", "03-29", "04-29", "05-29", "06-29", "07-29"]),
        (29, 2028, ["01-29", "02-29", "03-29", "04-29", "05-29", "06-29", "07-29"]),
        (31, 2028, ["01-31", "02-29", "03-31", "04-30", "05-31", "06-30", "07-31"]),
        (1, 2026, ["01-01", "02-01", "03-01", "04-01", "05-01", "06-01", "07-01"]),
    ],
)
def test_months_of_every_length_keep_the_anchor(shop: Session, anchor_day: int, year: int, expected: list[str]):
    subscription = given(shop, since=moscow(year, 1, anchor_day, 10), money=1_000_000)
    assert subscription.anchor_day == anchor_day

    billing.charge_fees_until(shop, [subscription.id], moscow(year, 7, 31, 12), now=moscow(year, 7, 31, 12))

    assert [start.strftime("%m-%d") for start in starts_of(shop, subscription)] == expected
    assert main_of(shop, subscription) == 1_000_000 - 7 * 30_000


def test_one_step_at_a_time_gives_the_same_months(shop: Session):
    subscription = given(shop, since=moscow(2026, 1, 31), money=1_000_000)

    moment = moscow(2026, 1, 31)
    while moment < moscow(2026, 7, 31, 12):
        billing.charge_due_fee(shop, subscription.id, now=moment)
        moment += timedelta(hours=9)

    assert [start.strftime("%m-%d") for start in starts_of(shop, subscription)] == [
        "01-31", "02-28", "03-31", "04-30", "05-31", "06-30", "07-31",
    ]  # fmt: skip


def test_a_daily_fee_is_charged_each_local_day_leap_day_too(shop: Session):
    subscription = given(shop, "daily", since=moscow(2028, 2, 27, 15), money=10_000)

    billing.charge_fees_until(shop, [subscription.id], moscow(2028, 3, 1), now=moscow(2028, 3, 1))

    assert [start.isoformat() for start in starts_of(shop, subscription)] == [
        "2028-02-27", "2028-02-28", "2028-02-29", "2028-03-01",
    ]  # fmt: skip
    assert main_of(shop, subscription) == 6_000  # 100 − 4 × 10 ₽


def test_an_anchor_other_than_the_first_day_charges_the_period_that_is_running(shop: Session):
    subscription = given(shop, since=moscow(2026, 11, 20, 12), money=30_000, anchor_day=5)

    billing.charge_due_fee(shop, subscription.id, now=NOON)

    assert starts_of(shop, subscription) == [date(2026, 11, 5)]
    newest = ledger.statement(shop, subscription.subscriber_id)[0]
    assert newest.happened_at == moscow(2026, 11, 20, 12)
    assert subscription.next_fee_at == moscow(2026, 12, 5)


# --- catching up -----------------------------------------------------------------------------------------------------


@both_engines
def test_missed_periods_are_caught_up_once_each_as_of_its_own_start(shop: Session):
    subscription = given(shop, since=moscow(2026, 8, 10), money=200_000)

    first = billing.charge_fees_until(shop, [subscription.id], NOON, now=NOON)
    second = billing.charge_fees_until(shop, [subscription.id], NOON, now=NOON)

    assert [result.outcome for result in first] == ["charged"] * 4
    assert second == []
    assert main_of(shop, subscription) == 80_000  # 2 000 − 4 × 300 ₽
    lines = ledger.statement(shop, subscription.subscriber_id, limit=4)
    assert [line.happened_at for line in lines] == [moscow(2026, month, 10) for month in (11, 10, 9, 8)]
    assert subscription.next_fee_at == moscow(2026, 12, 10)


def test_many_subscriptions_are_charged_together(shop: Session):
    rich = given(shop, since=moscow(2026, 10, 1), money=100_000)
    poor = given(shop, since=moscow(2026, 10, 1), money=100)
    free = given(shop, "free", since=moscow(2026, 10, 1))

    results = billing.charge_fees_until(shop, [rich.id, poor.id, free.id], NOON, now=NOON)

    assert sorted((result.subscription_id, result.outcome) for result in results) == sorted(
        [(rich.id, "charged"), (rich.id, "charged"), (poor.id, "lacking"), (free.id, "charged"), (free.id, "charged")]
    )
    assert poor.state == SubscriptionState.SUSPENDED
    assert main_of(shop, poor) == 100


def test_catching_up_stops_where_the_money_ends(shop: Session):
    subscription = given(shop, since=moscow(2026, 8, 10), money=65_000)

    results = billing.charge_fees_until(shop, [subscription.id], NOON, now=NOON)

    assert [result.outcome for result in results] == ["charged", "charged", "lacking"]
    assert main_of(shop, subscription) == 5_000  # 650 − 2 × 300 ₽
    assert subscription.state == SubscriptionState.SUSPENDED
    assert subscription.next_fee_at == moscow(2026, 11, 10)  # October went by, unpaid and unused
    assert {a.valid_from for a in allowances_of(shop, subscription)} == {moscow(2026, 8, 10), moscow(2026, 9, 10)}


# --- without money ---------------------------------------------------------------------------------------------------


@both_engines
def test_without_money_the_subscription_is_suspended_and_nothing_is_granted(shop: Session):
    subscription = given(shop, since=NOON, money=29_999)

    result = billing.charge_due_fee(shop, subscription.id, now=NOON)

    assert result.outcome == FeeOutcome.LACKING
    assert subscription.state == SubscriptionState.SUSPENDED
    assert main_of(shop, subscription) == 29_999
    assert allowances_of(shop, subscription) == []
    assert billing.list_due(shop, NOON, 10) == []


@both_engines
def test_money_that_comes_restores_the_subscription(shop: Session):
    subscription = given(shop, since=NOON, money=29_999)
    billing.charge_due_fee(shop, subscription.id, now=NOON)

    payment = pay(shop, subscription, 1, NOON + timedelta(days=2))

    assert [fee.outcome for fee in payment.fees] == [FeeOutcome.CHARGED]
    assert subscription.state == SubscriptionState.ACTIVE
    assert main_of(shop, subscription) == 0
    assert subscription.next_fee_at == moscow(2026, 12, 23)
    assert len(allowances_of(shop, subscription)) == 2
    newest = ledger.statement(shop, subscription.subscriber_id)[0]
    assert (newest.kind, newest.happened_at) == ("plan_fee", NOON + timedelta(days=2))


def test_money_that_is_not_enough_leaves_it_suspended(shop: Session):
    subscription = given(shop, since=NOON)
    billing.charge_due_fee(shop, subscription.id, now=NOON)

    payment = pay(shop, subscription, 29_999, NOON)

    assert [fee.outcome for fee in payment.fees] == [FeeOutcome.LACKING]
    assert subscription.state == SubscriptionState.SUSPENDED
    assert main_of(shop, subscription) == 29_999


def test_months_that_went_by_suspended_are_never_charged(shop: Session):
    subscription = given(shop, since=moscow(2026, 8, 10))
    billing.charge_due_fee(shop, subscription.id, now=moscow(2026, 8, 10))

    pay(shop, subscription, 100_000, NOON)

    assert starts_of(shop, subscription) == [date(2026, 11, 10)]
    assert main_of(shop, subscription) == 70_000
    assert subscription.next_fee_at == moscow(2026, 12, 10)


def test_a_debt_is_paid_before_the_fee(shop: Session):
    subscription = given(shop, since=NOON)
    billing.charge_due_fee(shop, subscription.id, now=NOON)
    usage = ledger.operator_account(shop, "usage")
    charge = ledger.Charge("usage:1", subscription.subscriber_id, 5_000, NOON, {"units": 1})
    ledger.charge_many(shop, [charge], kind="usage", destination_id=usage, now=NOON)

    payment = pay(shop, subscription, 30_000, NOON)

    assert payment.settled_kopecks == 5_000
    assert [fee.outcome for fee in payment.fees] == [FeeOutcome.LACKING]  # 300 − 50 is not 300
    assert main_of(shop, subscription) == 25_000
    assert pay(shop, subscription, 5_000, NOON).fees[0].outcome == FeeOutcome.CHARGED


@both_engines
def test_a_payment_with_one_reference_is_recorded_once(shop: Session):
    subscription = given(shop, since=NOON, money=100_000)
    billing.charge_due_fee(shop, subscription.id, now=NOON)

    first = pay(shop, subscription, 10_000, NOON, reference="top-up:gateway-1")
    second = pay(shop, subscription, 10_000, NOON, reference="top-up:gateway-1")

    assert (first.is_new, second.is_new) == (True, False)
    assert first.transaction_id == second.transaction_id
    assert main_of(shop, subscription) == 80_000  # 1 000 − 300 + 100 ₽
    with pytest.raises(ledger.ReferenceConflict):
        pay(shop, subscription, 10_001, NOON, reference="top-up:gateway-1")


# --- who is due ------------------------------------------------------------------------------------------------------


@both_engines
def test_those_who_wait_longest_are_due_first(shop: Session):
    late = given(shop, since=NOON - timedelta(days=1))
    later = given(shop, since=NOON - timedelta(days=3))
    given(shop, since=NOON + timedelta(days=1))

    assert billing.list_due(shop, NOON, 10) == [later.id, late.id]
    assert billing.list_due(shop, NOON, 1) == [later.id]


@both_engines
def test_who_is_due_is_found_by_the_index_of_those_who_can_be(shop: Session):
    connection, asked = shop.connection(), []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_rest: object) -> None:
        asked.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    billing.list_due(shop, NOON, 10)
    event.remove(connection, "before_cursor_execute", note)

    (statement, parameters), is_sqlite = asked[0], connection.dialect.name == "sqlite"
    if not is_sqlite:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # of a small table it reads every row
        connection.exec_driver_sql("SET LOCAL enable_sort = off")  # and sorts them
    explain = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN"
    plan = connection.exec_driver_sql(f"{explain} {statement}", parameters).all()
    assert "ix_plan_subscription_due" in str(plan)
    # Everybody's fee may be due in one moment: what has to be sorted is read whole, for every batch again.
    assert "sort" not in str(plan).lower()
    assert "temp b-tree" not in str(plan).lower()


def test_a_blocked_subscriber_is_charged_nothing(shop: Session):
    subscription = given(shop, since=NOON, money=100_000)
    shop.get_one(Subscriber, subscription.subscriber_id).status = SubscriberStatus.BLOCKED
    shop.flush()

    assert billing.list_due(shop, NOON, 10) == []
    assert billing.charge_due_fee(shop, subscription.id, now=NOON).outcome == FeeOutcome.NOT_DUE


@pytest.mark.parametrize("engine_name", [pytest.param("postgres", marks=pytest.mark.postgres)])
def test_what_one_worker_has_claimed_another_leaves_out(database: object):
    with db.transaction() as session:
        tariffs.store_catalogue(session, parse(CATALOGUE, "test.yaml"), now=NOON)
        ids = [given(session, since=NOON, money=100_000).id for _ in range(3)]
    with db.transaction() as one, db.transaction() as other:
        assert billing.list_due(one, NOON, 2) == ids[:2]
        assert billing.list_due(other, NOON, 2) == ids[2:]


# --- crashes ---------------------------------------------------------------------------------------------------------

CRASH = """
import os, sys
from datetime import datetime
from cabinet import db, ledger
from cabinet.services import billing
now = datetime.fromisoformat(sys.argv[2])
if sys.argv[3] == "after the posting":
    billing._charge_row = lambda *args: os._exit(9)
with db.transaction() as session:
    billing.charge_due_fee(session, int(sys.argv[1]), now=now)
    if sys.argv[3] == "before the commit":
        session.flush()
        os._exit(9)
if sys.argv[3] == "after the commit":
    os._exit(9)
"""


@pytest.fixture
def shop_on_disk(database: object) -> None:
    with db.transaction() as session:
        tariffs.store_catalogue(session, parse(CATALOGUE, "test.yaml"), now=NOON)


@both_engines
@pytest.mark.parametrize("point", ["after the posting", "before the commit", "after the commit"])
def test_a_worker_killed_in_the_middle_charges_once(shop_on_disk: None, database_url: str, point: str):
    with db.transaction() as session:
        subscription_id = given(session, since=NOON, money=100_000).id
    environment = os.environ | {"CABINET_DATABASE_URL": database_url}
    command = [sys.executable, "-c", CRASH, str(subscription_id), NOON.isoformat(), point]

    assert subprocess.run(command, env=environment).returncode == 9
    with db.transaction() as session:
        billing.charge_due_fee(session, subscription_id, now=NOON)

    with db.reading() as session:
        subscription = session.get_one(PlanSubscription, subscription_id)
        assert main_of(session, subscription) == 70_000
        assert starts_of(session, subscription) == [date(2026, 11, 23)]
        assert len(allowances_of(session, subscription)) == 2
        assert session.execute(text("SELECT count(*) FROM ledger_transaction WHERE kind = 'plan_fee'")).scalar() == 1
