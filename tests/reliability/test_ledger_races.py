"""Threads and processes at the same money at the same time: the last roubles are spent once."""

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlmodel import Session, select

from cabinet import db, ledger
from cabinet.domain.catalogue import parse
from cabinet.domain.errors import CabinetError
from cabinet.ledger import Charge, InsufficientFunds, Move
from cabinet.models.tariffs import PlanSubscription
from cabinet.services import audit, billing, subscribers, tariffs
from tests.conftest import NOON, both_engines

pytestmark = both_engines

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = """
default_region: moscow
regions: {moscow: Москва}
zones: {home: Домашний регион}
rates: [{kind: voice, price: 2 per min}]
plans: [{code: simple, version: 1, name: Простой, fee: "300", allowances: [500 min]}]
"""


@pytest.fixture
def people(database: object) -> list[int]:
    """Two subscribers with 100 kopecks each; a plan that costs 300 roubles."""
    with db.transaction() as session:
        tariffs.store_catalogue(session, parse(CATALOGUE, "test.yaml"), now=NOON)
        made = []
        for number in (1, 2):
            subscriber_id = subscribers.create(
                session,
                account_number=f"A{number}",
                msisdn=f"7916000000{number}",
                name="",
                region="moscow",
                plan_code="simple",
                activated_at=NOON,
                now=NOON,
            )
            put(session, subscriber_id, 100, f"opening:{number}")
            made.append(subscriber_id)
        return made


def put(session: Session, subscriber_id: int, kopecks: int, reference: str) -> None:
    move = Move(
        ledger.operator_account(session, "opening"),
        ledger.accounts_of(session, subscriber_id).main_id,
        kopecks,
        {"opening_kopecks": kopecks},
    )
    ledger.post(session, reference=reference, kind="opening", moves=[move], happened_at=NOON, now=NOON)


def spend(session: Session, subscriber_id: int, kopecks: int, reference: str) -> ledger.Posted:
    move = Move(
        ledger.accounts_of(session, subscriber_id).main_id,
        ledger.operator_account(session, "fees"),
        kopecks,
        {"parts": [{"code": "fee", "kopecks": kopecks}]},
    )
    return ledger.post(session, reference=reference, kind="test", moves=[move], happened_at=NOON, now=NOON)


def at_once(*works: Callable[[Session], Any]) -> list[Any]:
    """Each in a thread and a transaction of its own, begun together; what it returned, or the refusal."""
    barrier = Barrier(len(works))

    def run(work: Callable[[Session], Any]) -> Any:
        barrier.wait()
        try:
            with db.transaction() as session:
                return work(session)
        except CabinetError as error:
            return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def main_of(subscriber_id: int) -> int:
    with db.reading() as session:
        return ledger.balance(session, subscriber_id).main


def assert_sound() -> None:
    with db.reading() as session:
        faults = [fault for check in audit.run_audit(session).checks if check.code != "I1" for fault in check.faults]
    assert faults == []


def test_of_eight_threads_at_the_last_rouble_one_gets_it(people: list[int]):
    anna = people[0]

    outcomes = at_once(*(lambda session, n=n: spend(session, anna, 100, f"order:{n}") for n in range(8)))

    assert sum(isinstance(outcome, ledger.Posted) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, InsufficientFunds) for outcome in outcomes) == 7
    assert main_of(anna) == 0
    assert_sound()


def test_one_reference_in_eight_threads_is_one_transaction(people: list[int]):
    anna = people[0]

    outcomes = at_once(*[lambda session: spend(session, anna, 60, "order:1")] * 8)

    assert len({outcome.transaction_id for outcome in outcomes}) == 1
    assert sum(outcome.is_new for outcome in outcomes) == 1
    assert main_of(anna) == 40
    assert_sound()


def test_one_reference_between_operators_accounts_is_one_transaction(people: list[int]):
    def move(session: Session) -> ledger.Posted:
        moves = [Move(ledger.operator_account(session, "new"), ledger.operator_account(session, "fees"), 5, {})]
        return ledger.post(session, reference="book:1", kind="test", moves=moves, happened_at=NOON, now=NOON)

    outcomes = at_once(*[move] * 8)

    assert len({outcome.transaction_id for outcome in outcomes}) == 1
    assert sum(outcome.is_new for outcome in outcomes) == 1


def test_there_and_back_again_is_no_deadlock(people: list[int]):
    def give(source: int, destination: int, number: int) -> Callable[[Session], ledger.Posted]:
        def work(session: Session) -> ledger.Posted:
            accounts = [ledger.accounts_of(session, subscriber_id).main_id for subscriber_id in (source, destination)]
            moves = [Move(*accounts, 1, {})]
            reference = f"gift:{source}:{number}"
            return ledger.post(session, reference=reference, kind="gift", moves=moves, happened_at=NOON, now=NOON)

        return work

    anna, boris = people
    for number in range(10):
        outcomes = at_once(
            *(give(anna, boris, 4 * number + n) for n in range(4)),
            *(give(boris, anna, 4 * number + n) for n in range(4)),
        )
        assert all(isinstance(outcome, ledger.Posted) for outcome in outcomes)
    assert (main_of(anna), main_of(boris)) == (100, 100)
    assert_sound()


def test_bulk_charges_and_postings_at_once_lose_nothing(people: list[int]):
    anna, boris = people

    def charge(name: str) -> Callable[[Session], list[int]]:
        def work(session: Session) -> list[int]:
            charges = [Charge(f"usage:{name}:{n}", people[n % 2], 1, NOON, {}) for n in range(100)]
            usage = ledger.operator_account(session, "usage")
            return ledger.charge_many(session, charges, kind="calls", destination_id=usage, now=NOON)

        return work

    outcomes = at_once(
        charge("a"), charge("b"), charge("a"), *(lambda s, n=n: put(s, anna, 10, f"opening:more:{n}") for n in range(4))
    )

    assert outcomes[0] == outcomes[2]
    with db.reading() as session:
        one, other = ledger.balance(session, anna), ledger.balance(session, boris)
    assert one.main + one.debt == 100 + 40 - 100
    assert other.main + other.debt == 100 - 100
    assert_sound()


def test_a_reversal_in_eight_threads_is_one_reversal(people: list[int]):
    anna = people[0]
    with db.transaction() as session:
        fee = spend(session, anna, 60, "order:1")

    def reverse(reference: str) -> Callable[[Session], ledger.Posted]:
        return lambda session: ledger.reverse(session, fee.transaction_id, reference=reference, now=NOON)

    outcomes = at_once(*[reverse("back:1")] * 4, *[reverse("back:2")] * 4)

    posted = [outcome for outcome in outcomes if isinstance(outcome, ledger.Posted)]
    assert len({outcome.transaction_id for outcome in posted}) == 1
    assert sum(outcome.is_new for outcome in posted) == 1
    assert sum(isinstance(outcome, ledger.CannotReverse) for outcome in outcomes) == 4
    assert main_of(anna) == 100
    assert_sound()


def test_accounts_opened_by_two_at_once_are_opened_once(people: list[int]):
    outcomes = at_once(*[lambda session: ledger.open_accounts(session, people[0])] * 4)
    assert len(set(outcomes)) == 1


def test_two_workers_at_one_fee_charge_it_once(people: list[int]):
    anna = people[0]
    with db.transaction() as session:
        put(session, anna, 100_000, "opening:fee")
        subscription_id = session.exec(select(PlanSubscription.id).where(PlanSubscription.subscriber_id == anna)).one()

    outcomes = at_once(*[lambda session: billing.charge_due_fee(session, subscription_id, now=NOON).outcome] * 6)

    assert sorted(outcomes) == ["charged"] + ["not due"] * 5
    assert main_of(anna) == 100 + 100_000 - 30_000
    assert_sound()


def test_payments_and_the_worker_at_once_charge_the_fee_once(people: list[int]):
    anna = people[0]
    with db.transaction() as session:
        subscription_id = session.exec(select(PlanSubscription.id).where(PlanSubscription.subscriber_id == anna)).one()

    def pay(session: Session) -> billing.Payment:
        return billing.record_payment(
            session, anna, 40_000, reference="top-up:1", happened_at=NOON, now=NOON, source="card"
        )

    at_once(*[pay] * 4, *[lambda session: billing.charge_due_fee(session, subscription_id, now=NOON)] * 4)

    assert main_of(anna) == 100 + 40_000 - 30_000
    assert_sound()


PROCESS = """
import sys
from cabinet import db
from cabinet.domain.errors import CabinetError
from tests.reliability.test_ledger_races import spend
with db.reading() as session:
    session.connection()
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[2])):
    try:
        with db.transaction() as session:
            spend(session, int(sys.argv[1]), 10, f"order:{sys.argv[3]}:{number}")
        print("spent", flush=True)
    except CabinetError as error:
        print(type(error).__name__, flush=True)
"""


def test_two_processes_at_the_last_roubles_spend_each_once(people: list[int], database_url: str):
    anna = people[0]
    environment = os.environ | {"RACE_DATABASE_URL": database_url}
    # The tests' own start-up forgets a developer's settings, so the address is given again after it.
    script = (
        "import os, tests.conftest\nos.environ['CABINET_DATABASE_URL'] = os.environ['RACE_DATABASE_URL']\n" + PROCESS
    )
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(anna), "8", name],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("a", "b")
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    lines = [line for racer in racers for line in racer.communicate(timeout=60)[0].split()]

    assert sorted(lines) == ["InsufficientFunds"] * 6 + ["spent"] * 10  # 16 tries at 10 kopecks, 100 were there
    assert main_of(anna) == 0
    assert_sound()
