"""The audit finds nothing in a sound world, and in a broken one it finds what is broken and whose it is."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlmodel import Session, select

from cabinet import ledger
from cabinet.domain.catalogue import parse
from cabinet.domain.rating import Usage, explain, rate
from cabinet.models.sign_in import CodePurpose, OneTimeCode, PreSession
from cabinet.models.tariffs import PlanSubscription
from cabinet.models.usage import UsageKey, UsageRecord
from cabinet.services import audit, billing, subscribers, tariffs
from tests.conftest import NOON, both_engines

pytestmark = both_engines

CATALOGUE = """
default_region: moscow
regions: {moscow: Москва}
zones: {home: Домашний регион}
rates:
  - {kind: voice, price: 2 per min}
  - {kind: sms, price: 3 per SMS}
  - {kind: data, price: 35 per GB}
plans:
  - {code: simple, version: 1, name: Простой, fee: "300", allowances: [10 SMS]}
"""


@dataclass
class World:
    """One subscriber: 500 ₽ came, 300 ₽ went for the fee, 4 and 400 ₽ for calls (204 ₽ owed), 7 ₽ given and taken."""

    session: Session
    subscriber_id: int
    reversal_id: int

    @property
    def main(self) -> str:
        return f"subscriber:{self.subscriber_id}:main"

    def run(self, statement: str) -> None:
        """Raw SQL, past the triggers and the constraints of the tables."""
        if self.session.get_bind().dialect.name == "sqlite":
            for name in self.session.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars():
                self.session.execute(text(f"DROP TRIGGER {name}"))
            self.session.execute(text("PRAGMA ignore_check_constraints = ON"))
        else:
            for table in ("posting", "ledger_transaction"):
                self.session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
            for table, check in self.session.execute(
                text("SELECT conrelid::regclass, conname FROM pg_constraint WHERE contype = 'c' AND conrelid <> 0")
            ).all():
                if table in ("account", "posting", "usage_record"):
                    self.session.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {check}"))
        try:
            self.session.execute(text(statement))
        finally:
            if self.session.get_bind().dialect.name == "sqlite":
                self.session.execute(text("PRAGMA ignore_check_constraints = OFF"))


@pytest.fixture
def world(session: Session) -> World:
    tariffs.store_catalogue(session, parse(CATALOGUE, "test.yaml"), now=NOON)
    subscriber_id = subscribers.create(
        session,
        account_number="A1",
        msisdn="79160000001",
        name="Анна",
        region="moscow",
        plan_code="simple",
        activated_at=NOON,
        now=NOON,
    )
    billing.record_payment(
        session, subscriber_id, 50_000, reference="top-up:1", happened_at=NOON, now=NOON, source="card"
    )
    facts = tariffs.current_version(session, "simple")
    usage_account = ledger.operator_account(session, "usage")
    for record_id, minutes in (("call-1", 2), ("call-2", 200)):
        usage = Usage(record_id, "voice", "out", "home", NOON, minutes * 60)
        rated = rate(usage, facts.rates, [], {})
        explanation = explain(usage, facts.rates, rated)
        charge = ledger.Charge(f"usage:{record_id}", subscriber_id, rated.charge_kopecks, NOON, explanation)
        (transaction_id,) = ledger.charge_many(session, [charge], kind="usage", destination_id=usage_account, now=NOON)
        session.add(UsageKey(record_id=record_id, subscriber_id=subscriber_id, started_at=NOON))
        session.add(
            UsageRecord(
                record_id=record_id,
                subscriber_id=subscriber_id,
                kind="voice",
                direction="out",
                zone="home",
                started_at=NOON,
                quantity=usage.quantity,
                plan_version_id=facts.plan_version_id,
                billed_quantity=rated.billed,
                missed_quantity=rated.missed,
                charge_kopecks=rated.charge_kopecks,
                rating=explanation,
                transaction_id=transaction_id,
            )
        )
    accounts, opening = ledger.accounts_of(session, subscriber_id), ledger.operator_account(session, "opening")
    given = ledger.post(
        session,
        reference="opening:1",
        kind="opening",
        moves=[ledger.Move(opening, accounts.bonus_id, 700, {"opening_kopecks": 700})],
        happened_at=NOON,
        now=NOON,
    )
    back = ledger.reverse(session, given.transaction_id, reference="opening:1:back", now=NOON)
    session.flush()
    return World(session, subscriber_id, back.transaction_id)


def faults(world: World, code: str) -> list[audit.Fault]:
    report = audit.run_audit(world.session)
    return [fault for check in report.checks if check.code == code for fault in check.faults]


def test_a_sound_world_has_no_faults(world: World):
    seen: list[tuple[str, int]] = []

    report = audit.run_audit(world.session, lambda name, checked: seen.append((name, checked)))

    assert report.faults == []
    assert report.is_sound
    assert {check.code for check in report.checks} == {
        "I1",
        "I2",
        "I3",
        "I4",
        "I5",
        "I6",
        "I7",
        "I8",
        "I9",
        "I10",
        "I11",
        "I12",
        "I13",
        "I14",
        "I15",
        "I16",
    }
    counted = {check.name: check.checked for check in report.checks}
    assert counted["every transaction is made of whole postings"] == 7  # one call was paid half from the debt
    assert counted["every usage record was rated and charged once"] == 2
    assert set(dict(seen)) == set(counted)


def test_an_empty_database_is_sound(session: Session):
    assert audit.run_audit(session).is_sound


def test_i1_a_transaction_without_postings(world: World):
    world.run(
        "INSERT INTO ledger_transaction (reference, kind, happened_at, posted_at)"
        " SELECT 'stray', 'top_up', happened_at, posted_at FROM ledger_transaction WHERE reference = 'top-up:1'"
    )
    (fault,) = faults(world, "I1")
    assert fault.account.startswith("transaction ")
    assert "stray" in fault.what


def test_i1_a_posting_of_a_negative_amount(world: World):
    world.run("UPDATE posting SET amount_kopecks = -5 WHERE id = (SELECT min(id) FROM posting)")
    assert "operator:gateway" in {fault.account for fault in faults(world, "I1")}


def test_i1_an_amount_that_its_explanation_does_not_make(world: World):
    world.run("UPDATE posting SET amount_kopecks = 50001 WHERE amount_kopecks = 50000")
    (fault,) = faults(world, "I1")
    assert fault.account == world.main
    assert "50001" in fault.what
    assert "50000" in fault.what


def test_i1_an_explanation_that_says_nothing(world: World):
    world.run("UPDATE posting SET explanation = '{}' WHERE amount_kopecks = 50000")
    assert [fault.account for fault in faults(world, "I1")] == [world.main]


def test_i2_a_balance_that_its_postings_do_not_make(world: World):
    world.run(f"UPDATE account SET balance_kopecks = 777 WHERE code = '{world.main}'")
    (fault,) = faults(world, "I2")
    assert str(fault) == f"{world.main}: keeps 777 kopecks, its postings make 0"


def test_i2_an_operators_account_that_keeps_a_balance(world: World):
    world.run("UPDATE account SET balance_kopecks = 1 WHERE code = 'operator:fees'")
    assert [fault.account for fault in faults(world, "I2")] == ["operator:fees"]


def test_i3_an_account_below_its_limit(world: World):
    world.run(f"UPDATE account SET balance_kopecks = -1 WHERE code = '{world.main}'")
    assert [fault.account for fault in faults(world, "I3")] == [world.main]


def test_i3_a_debt_to_the_good(world: World):
    debt = f"subscriber:{world.subscriber_id}:debt"
    world.run(f"UPDATE account SET balance_kopecks = 1 WHERE code = '{debt}'")
    assert [fault.account for fault in faults(world, "I3")] == [debt]


def test_i4_a_reference_posted_twice(world: World):
    if world.session.get_bind().dialect.name == "sqlite":
        world.run("CREATE TABLE copy (id INTEGER PRIMARY KEY, reference, kind, reverses_id, happened_at, posted_at)")
        world.run(
            "INSERT INTO copy SELECT id, reference, kind, reverses_id, happened_at, posted_at FROM ledger_transaction"
        )
        world.run("PRAGMA defer_foreign_keys = ON")
        world.run("DROP TABLE ledger_transaction")
        world.run("ALTER TABLE copy RENAME TO ledger_transaction")
    else:
        world.run("ALTER TABLE ledger_transaction DROP CONSTRAINT uq_ledger_transaction_reference")
    world.run(
        "INSERT INTO ledger_transaction (id, reference, kind, happened_at, posted_at)"
        " SELECT id + 1000, reference, kind, happened_at, posted_at FROM ledger_transaction"
        " WHERE reference = 'top-up:1'"
    )
    (fault,) = faults(world, "I4")
    assert str(fault) == f"{world.main}: top-up:1 was posted 2 times"


def test_i5_a_trigger_is_missing(world: World):
    world.run("SELECT 1")  # that is enough: it switches the triggers off
    assert {fault.account for fault in faults(world, "I5")} == {"ledger"}


def test_i5_a_reversal_that_is_no_mirror(world: World):
    world.run(f"UPDATE posting SET amount_kopecks = 600 WHERE transaction_id = {world.reversal_id}")
    found = {str(fault) for fault in faults(world, "I5") if fault.account != "ledger"}
    assert found == {f"operator:opening: reversal {world.reversal_id} leaves 100 kopecks"}


def test_i5_a_reversal_of_nothing(world: World):
    world.run(f"UPDATE ledger_transaction SET reverses_id = NULL WHERE id = {world.reversal_id}")
    found = [fault for fault in faults(world, "I5") if fault.account != "ledger"]
    assert [fault.account for fault in found] == [f"subscriber:{world.subscriber_id}:bonus"]


def test_i7_a_fee_whose_period_is_forgotten(world: World):
    world.run("DELETE FROM fee_charge")
    (fault,) = faults(world, "I7")
    assert fault.account == world.main
    assert "plan-fee:" in fault.what


def test_i7_a_fee_charged_otherwise_than_posted(world: World):
    world.run("UPDATE fee_charge SET amount_kopecks = 29999")
    assert [fault.account for fault in faults(world, "I7")] == [world.main]


def test_i8_a_record_charged_otherwise_than_rated(world: World):
    world.run("UPDATE usage_record SET charge_kopecks = 401 WHERE record_id = 'call-1'")
    assert [fault.account for fault in faults(world, "I8")] == [world.main, world.main]  # by the ledger, by the rating


def test_i8_a_charge_without_a_record(world: World):
    world.run("DELETE FROM usage_record WHERE record_id = 'call-2'")
    assert [str(fault) for fault in faults(world, "I8")] == [
        f"subscriber:{world.subscriber_id}:debt: usage:call-2 was charged without a record",
        f"subscriber:{world.subscriber_id}: record call-2 is known and was not kept",
    ]


def test_i8_a_record_that_could_be_rated_again(world: World):
    world.run("DELETE FROM usage_key WHERE record_id = 'call-1'")
    assert [str(fault) for fault in faults(world, "I8")] == [
        f"{world.main}: usage:call-1 was charged without a record",
        f"subscriber:{world.subscriber_id}: record call-1 could be rated again: its key is not kept",
    ]


def test_i8_a_record_whose_rating_was_forged(world: World):
    quantity = "json_set(rating, '$.price_kopecks', 1)"
    if world.session.get_bind().dialect.name == "postgresql":
        quantity = "jsonb_set(rating, '{price_kopecks}', '1')"
    world.run(f"UPDATE usage_record SET rating = {quantity} WHERE record_id = 'call-1'")
    (fault,) = faults(world, "I8")
    assert str(fault) == f"{world.main}: record call-1 was charged 400 kopecks, its rating makes 2"


def test_i9_a_code_without_its_message(world: World):
    browser = PreSession(token_hash="t", created_at=NOON, expires_at=NOON)
    world.session.add(browser)
    world.session.flush()
    world.session.add(
        OneTimeCode(
            pre_session_id=browser.id,
            purpose=CodePurpose.SIGN_IN,
            msisdn="79160000001",
            subscriber_id=world.subscriber_id,
            code_hash="h",
            created_at=NOON,
            expires_at=NOON + timedelta(minutes=15),
            resend_at=NOON,
        )
    )
    world.session.flush()
    assert [fault.account for fault in faults(world, "I9")] == [f"subscriber:{world.subscriber_id}"]


def test_i10_half_a_kopeck(world: World):
    if world.session.get_bind().dialect.name == "sqlite":
        world.run("UPDATE posting SET amount_kopecks = 50000.5 WHERE amount_kopecks = 50000")
        assert [fault.account for fault in faults(world, "I10")] == ["posting 1"]
    else:
        world.run("ALTER TABLE posting ALTER COLUMN amount_kopecks TYPE double precision")
        assert [fault.account for fault in faults(world, "I10")] == ["posting.amount_kopecks"]


def test_a_thoroughly_broken_world_is_told_shortly(world: World):
    subscription = world.session.exec(select(PlanSubscription)).one()
    rows = ", ".join(
        f"('r{number}', {world.subscriber_id}, 'voice', 'out', 'home', '', '2026-11-23', 60, 1, 60, 0, 5, '{{}}')"
        for number in range(audit.MOST_FAULTS + 50)
    ).replace(", 60, 1, 60", f", 60, {subscription.plan_version_id}, 60")
    world.run(
        "INSERT INTO usage_record (record_id, subscriber_id, kind, direction, zone, peer, started_at, quantity,"
        f" plan_version_id, billed_quantity, missed_quantity, charge_kopecks, rating) VALUES {rows}"
    )
    assert len(faults(world, "I8")) == 2 * audit.MOST_FAULTS


def test_i11_a_days_spending_that_its_postings_do_not_make(world: World):
    world.run("UPDATE spending_day SET amount_kopecks = amount_kopecks + 5 WHERE category = 'plan_fee'")
    (fault,) = faults(world, "I11")
    assert fault.account == world.main
    assert "make -5 kopecks more of plan_fee" in fault.what


def test_i11_spending_that_is_in_no_days_sum(world: World):
    world.run("DELETE FROM spending_day")
    assert {fault.account for fault in faults(world, "I11")} == {world.main}


def test_i11_a_charge_of_another_category(world: World):
    world.run("UPDATE spending_day SET category = 'other' WHERE category = 'plan_fee'")
    assert len(faults(world, "I11")) == 2
