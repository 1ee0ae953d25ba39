"""Usage: rated once, on the allowances of its own time, charged, explained; whatever the order and the repetitions."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, text
from sqlmodel import Session, col, select

from cabinet import clock, ledger
from cabinet.adapters.usage_files import UsageRow
from cabinet.domain.catalogue import parse
from cabinet.domain.rating import recompute_amount
from cabinet.models.ledger import LedgerTransaction
from cabinet.models.tariffs import PlanSubscription, SubscriptionState
from cabinet.models.usage import Allowance, OverageCounter, UsageRecord
from cabinet.services import subscribers, tariffs
from cabinet.services.usage import CLOCK_SKEW, BatchReport, import_batch
from tests.conftest import NOON, both_engines, count

CATALOGUE = """
default_region: moscow
regions: {moscow: Москва}
zones: {home: Домашний регион, intl: За границу}
plans:
  - code: simple
    version: 1
    name: Простой
    fee: "300"
    allowances: [10 min, 2 SMS, 1 GB]
    rates:
      - {kind: voice, price: 2 per min}
      - {kind: sms, price: 3 per SMS}
      - {kind: data, price: 10 per GB, rounding: exact, summed: yes}
  - code: large
    version: 1
    name: Большой
    fee: "500"
    allowances: [100 min]
    rates:
      - {kind: voice, price: 1 per min}
"""

JUNE, JULY = datetime(2026, 5, 31, 21, tzinfo=UTC), datetime(2026, 6, 30, 21, tzinfo=UTC)  # midnights in Moscow
GB = 2**30
ANNA = "79160000001"


@pytest.fixture
def shop(session: Session) -> Session:
    tariffs.store_catalogue(session, parse(CATALOGUE, "test.yaml"), now=NOON)
    return session


def given_subscriber(
    session: Session, msisdn: str = ANNA, plan: str = "simple", credit_kopecks: int = 10_000_00
) -> int:
    """A subscriber since 1 June who pays on credit, so that balances show what was charged."""
    return subscribers.create(
        session,
        account_number=msisdn[1:],
        msisdn=msisdn,
        name="Анна",
        region="moscow",
        plan_code=plan,
        activated_at=JUNE,
        anchor_day=1,
        credit_limit_kopecks=credit_kopecks,
        now=JUNE,
    )


def record(record_id: str, kind: str, quantity: int, day: int = 10, **other: object) -> UsageRow:
    """Usage of Anna's at noon of a day in June."""
    values = {
        "record_id": record_id,
        "msisdn": ANNA,
        "kind": kind,
        "direction": "out",
        "started_at": JUNE + timedelta(days=day - 1, hours=12),
        "quantity": quantity,
        "zone": "home",
        "peer": "79991112233",
        "source": "usage.csv",
        "line": 2,
    }
    return UsageRow(**{**values, **other})


def stored(session: Session, record_id: str) -> UsageRecord:
    return session.exec(select(UsageRecord).where(UsageRecord.record_id == record_id)).one()


def left(session: Session, kind: str, month: datetime = JUNE) -> int:
    return session.exec(select(Allowance.remaining).where(Allowance.kind == kind, Allowance.valid_from == month)).one()


def sums(report: BatchReport) -> tuple[int, int, int, int]:
    return report.accepted, report.duplicates, len(report.rejections), report.charged_kopecks


@both_engines
def test_a_record_draws_on_the_allowance_and_what_is_over_is_charged_with_its_reason(shop):
    anna = given_subscriber(shop)

    report = import_batch(shop, [record("a", "voice", 541), record("b", "voice", 61)], now=NOON)

    # 541 s are 10 minutes and take all ten; 61 s are 2 minutes, 2 ₽ each.
    assert sums(report) == (2, 0, 0, 400)
    assert left(shop, "voice") == 0
    covered, paid = stored(shop, "a"), stored(shop, "b")
    assert (covered.billed_quantity, covered.missed_quantity, covered.charge_kopecks) == (600, 0, 0)
    assert covered.transaction_id is None
    assert (paid.billed_quantity, paid.missed_quantity, paid.charge_kopecks) == (120, 120, 400)
    assert (paid.peer, paid.quantity, paid.started_at) == ("79991112233", 61, JUNE + timedelta(days=9, hours=12))
    assert recompute_amount(paid.rating) == 400
    assert ledger.balance(shop, anna).main == -300_00 - 400  # June's fee and the call
    [line] = [line for line in ledger.statement(shop, anna) if line.kind == "usage"]
    assert (line.transaction_id, line.amount_kopecks) == (paid.transaction_id, -400)
    assert (line.happened_at, line.explanation) == (paid.started_at, paid.rating)


@both_engines
def test_a_record_is_rated_once_however_often_it_comes(shop):
    anna = given_subscriber(shop)
    rows = [record("a", "voice", 600), record("b", "voice", 60), record("b", "voice", 6_000)]

    first = import_batch(shop, rows, now=NOON)
    again = import_batch(shop, [*rows, record("a", "sms", 1, day=20)], now=NOON)

    assert sums(first) == (2, 1, 0, 200)
    assert sums(again) == (0, 4, 0, 0)
    assert count(shop, "usage_record") == 2
    assert ledger.balance(shop, anna).main == -300_00 - 200


@both_engines
def test_gigabytes_over_the_package_are_summed_over_the_month_and_rounded_up_once(shop):
    given_subscriber(shop)

    charged = [
        import_batch(shop, [record(f"d{number}", "data", quantity)], now=NOON).charged_kopecks
        for number, quantity in enumerate([GB, 1, GB - 1, 1])
    ]

    # The first fills the package, the next byte opens a paid gigabyte, the third fills it, the fourth opens another.
    assert charged == [0, 1000, 0, 1000]
    assert shop.exec(select(OverageCounter.units)).one() == GB + 1


def test_a_new_month_has_its_own_allowances_and_its_own_sum(shop):
    given_subscriber(shop)

    report = import_batch(shop, [record("d1", "data", GB + 1, day=30), record("d2", "data", GB + 1, day=31)], now=NOON)

    assert report.charged_kopecks == 2 * 1000
    periods = shop.exec(select(OverageCounter.period_start_at).order_by(col(OverageCounter.period_start_at))).all()
    assert list(periods) == [JUNE, JULY]


def test_a_late_record_draws_on_the_month_it_belongs_to(shop):
    given_subscriber(shop)
    import_batch(shop, [record("july", "voice", 600, day=40)], now=NOON)

    report = import_batch(shop, [record("june", "voice", 600, day=20)], now=NOON)

    assert report.charged_kopecks == 0
    assert left(shop, "voice", JUNE) == left(shop, "voice", JULY) == 0


def test_fees_due_before_a_record_are_charged_first_because_they_grant_its_allowances(shop):
    anna = given_subscriber(shop)

    import_batch(shop, [record("a", "voice", 60, day=40)], now=NOON)

    # 10 July: the fees of June and July.
    assert ledger.balance(shop, anna).main == -2 * 300_00
    assert left(shop, "voice", JULY) == 540


def test_who_could_not_pay_the_fee_pays_for_every_minute_and_is_not_asked_again(shop):
    anna = given_subscriber(shop, credit_kopecks=299_99)

    import_batch(shop, [record("a", "voice", 60)], now=NOON)
    report = import_batch(shop, [record("b", "voice", 60, day=11)], now=NOON)

    assert report.charged_kopecks == 200
    assert count(shop, "allowance") == 0
    subscription = shop.exec(select(PlanSubscription).where(PlanSubscription.subscriber_id == anna)).one()
    assert subscription.state == SubscriptionState.SUSPENDED
    assert ledger.balance(shop, anna).main == -400


def test_what_the_main_account_cannot_pay_becomes_debt(shop):
    anna = given_subscriber(shop, credit_kopecks=300_00 + 150)
    import_batch(shop, [record("a", "voice", 600)], now=NOON)

    import_batch(shop, [record("b", "voice", 60)], now=NOON)

    balance = ledger.balance(shop, anna)
    assert (balance.main, balance.debt) == (-300_00 - 150, -50)


def test_a_record_is_rated_on_the_plan_of_its_own_time(shop):
    anna = given_subscriber(shop)
    old = shop.exec(select(PlanSubscription).where(PlanSubscription.subscriber_id == anna)).one()
    old.ended_at, old.state, old.next_fee_at = JULY, SubscriptionState.ENDED, None
    shop.flush()
    tariffs.subscribe(shop, anna, "large", anchor_day=1, started_at=JULY, now=JULY)

    import_batch(shop, [record("july", "voice", 60, day=31), record("june", "voice", 60, day=30)], now=NOON)

    # Nobody charged June's fee while it was time, so its minute has no package; July's has the large one.
    assert (stored(shop, "june").rating["plan"], stored(shop, "june").charge_kopecks) == ("simple", 200)
    assert (stored(shop, "july").rating["plan"], stored(shop, "july").charge_kopecks) == ("large", 0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"msisdn": "79160000009"}, "the number 79160000009 is not ours"),
        ({"started_at": JUNE - timedelta(seconds=1)}, "had no tariff at 2026-05-31T23:59:59+03:00"),
        ({"started_at": NOON + CLOCK_SKEW + timedelta(seconds=1)}, "in the future: 2026-11-23T12:05:01+03:00"),
        ({"zone": "intl"}, "plan simple has no price for voice out in the zone intl"),
        ({"zone": "mars"}, "plan simple has no price for voice out in the zone mars"),
    ],
)
def test_what_cannot_be_rated_is_rejected_with_its_reason_and_hurts_no_other(shop, change, said):
    given_subscriber(shop)

    report = import_batch(shop, [record("bad", "voice", 60, **change), record("good", "voice", 60)], now=NOON)

    [rejection] = report.rejections
    assert (rejection.source, rejection.line) == ("usage.csv", 2)
    assert said in rejection.reason
    assert [row.record_id for row in shop.exec(select(UsageRecord))] == ["good"]


def test_a_rejected_record_is_taken_when_what_was_wrong_has_been_put_right(shop):
    assert sums(import_batch(shop, [record("a", "voice", 60)], now=NOON)) == (0, 0, 1, 0)

    given_subscriber(shop)

    assert sums(import_batch(shop, [record("a", "voice", 60)], now=NOON)) == (1, 0, 0, 0)


def test_another_machines_clock_may_be_a_little_ahead(shop):
    given_subscriber(shop)

    assert sums(import_batch(shop, [record("a", "sms", 1, started_at=NOON + CLOCK_SKEW)], now=NOON)) == (1, 0, 0, 0)


def test_an_empty_batch_does_nothing(shop):
    assert sums(import_batch(shop, [], now=NOON)) == (0, 0, 0, 0)


def test_a_month_costs_the_same_in_any_order_and_in_any_batches(shop):
    chance = random.Random(4)
    rows = [
        record(f"{number}", kind, chance.choice(quantities), day=chance.randint(1, 45))
        for number in range(200)
        for kind, quantities in [
            chance.choice([("voice", [0, 1, 59, 60, 61, 700]), ("sms", [1]), ("data", [0, GB // 3])])
        ]
    ]
    costs = set()
    for number in range(6):
        msisdn = f"7916000001{number}"
        subscriber_id = given_subscriber(shop, msisdn)
        shuffled = [row._replace(record_id=f"{number}:{row.record_id}", msisdn=msisdn) for row in rows]
        chance.shuffle(shuffled)
        size = chance.randint(1, 60)
        for start in range(0, len(shuffled), size):
            import_batch(shop, shuffled[start : start + size], now=NOON)
        units = shop.exec(select(OverageCounter.units).where(OverageCounter.subscriber_id == subscriber_id)).all()
        costs.add((ledger.balance(shop, subscriber_id).main, *sorted(units)))

    assert len(costs) == 1


def test_what_was_rated_is_what_was_charged(shop):
    given_subscriber(shop)
    import_batch(
        shop, [record(f"{number}", "voice", 90 + number, day=1 + number % 60) for number in range(120)], now=NOON
    )

    unequal = shop.execute(
        text(
            "SELECT count(*) FROM usage_record r LEFT JOIN"
            " (SELECT transaction_id, sum(amount_kopecks) AS paid FROM posting GROUP BY transaction_id) p"
            " ON p.transaction_id = r.transaction_id WHERE coalesce(p.paid, 0) <> r.charge_kopecks"
        )
    ).scalar_one()
    charges = shop.exec(select(LedgerTransaction).where(LedgerTransaction.kind == "usage")).all()

    assert unequal == 0
    assert len(charges) == len(shop.exec(select(UsageRecord).where(UsageRecord.charge_kopecks > 0)).all()) > 0
    assert all(recompute_amount(row.rating) == row.charge_kopecks for row in shop.exec(select(UsageRecord)))


@contextmanager
def counted_statements(session: Session) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_connection, _cursor, statement, *_rest):
        statements.append(statement)

    engine = session.get_bind().engine
    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


def test_a_batch_costs_the_same_number_of_statements_whatever_its_length(shop):
    for number in range(40):
        given_subscriber(shop, f"791600000{number:02}")
    import_batch(shop, [record(f"warm{n}", "voice", 900, msisdn=f"791600000{n:02}") for n in range(40)], now=NOON)

    numbers = []
    for name, length in (("few", 10), ("many", 1_000)):
        rows = [record(f"{name}{n}", "voice", 61, msisdn=f"791600000{n % 40:02}", day=11) for n in range(length)]
        with counted_statements(shop) as statements:
            assert import_batch(shop, rows, now=NOON).accepted == length
        numbers.append(len(statements))

    assert numbers[0] == numbers[1] < 25


def test_local_days_decide_which_month_a_record_is_of(shop):
    given_subscriber(shop)

    import_batch(shop, [record("eve", "sms", 1, started_at=JULY - timedelta(seconds=1))], now=NOON)
    import_batch(shop, [record("new year", "sms", 1, started_at=JULY)], now=NOON)

    assert (left(shop, "sms", JUNE), left(shop, "sms", JULY)) == (1, 1)
    assert clock.local(JULY).day == 1
