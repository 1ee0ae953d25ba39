"""Orders at the same time and through crashes: the last roubles are spent once; all of an order happens, or nothing."""

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from cabinet import db, worker_jobs
from cabinet.domain.catalogue import SwitchTime
from cabinet.domain.effects import OptionAlreadyOn, OptionConflicts
from cabinet.models.ledger import LedgerTransaction
from cabinet.models.options import OptionFeeCharge, OptionSubscription
from cabinet.models.orders import Order as OrderRow
from cabinet.models.tariffs import PlanSubscription
from cabinet.services import audit, billing, bundles, options, orders, tariffs
from cabinet.services.orders import InsufficientFunds, Order, QuoteOutdated
from tests.conftest import NOON, both_engines
from tests.reliability.test_ledger_races import at_once
from tests.services.test_options import CATALOGUE
from tests.services.test_orders import given, money_of, moscow, plan_of, store

pytestmark = both_engines


@pytest.fixture
def anna(database: object) -> int:
    """120 roubles and a plan whose fee is paid."""
    with db.transaction() as session:
        store(session, CATALOGUE)
        return given(session, money=12_000)


def quoted(ask: Callable[..., orders.Quote], subscriber_id: int, code: str, **more: Any) -> int:
    with db.transaction() as session:
        return ask(session, subscriber_id, code, now=NOON, **more).id


def confirming(subscriber_id: int, quote_id: int) -> Callable[[Session], Any]:
    return lambda session: orders.confirm(session, subscriber_id, quote_id, now=NOON)


def assert_sound() -> None:
    with db.reading() as session:
        assert audit.run_audit(session).faults == []


def money(subscriber_id: int) -> int:
    with db.reading() as session:
        return money_of(session, subscriber_id)


@pytest.mark.parametrize("round_number", range(5))
def test_two_orders_at_the_last_roubles_are_one_order_and_one_refusal(anna: int, round_number: int):
    quotes = [quoted(bundles.quote_bundle, anna, "gb5") for _ in range(2)]

    outcomes = at_once(*(confirming(anna, quote) for quote in quotes))

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["InsufficientFunds", "Order"]
    assert money(anna) == 0
    assert_sound()


RACER = """
import sys
from datetime import datetime
from cabinet import db
from cabinet.domain.errors import CabinetError
from cabinet.services import orders
now = datetime.fromisoformat(sys.argv[1])
with db.reading() as session:
    session.connection()
print("ready", flush=True)
for line in sys.stdin:
    subscriber_id, quote_id = map(int, line.split())
    try:
        with db.transaction() as session:
            print(type(orders.confirm(session, subscriber_id, quote_id, now=now)).__name__, flush=True)
    except CabinetError as error:
        print(type(error).__name__, flush=True)
"""


def test_two_processes_at_the_last_hundred_roubles_two_hundred_times(database: object, database_url: str):
    with db.transaction() as session:
        store(session, CATALOGUE.replace('gives: 5 GB, price: "120"', 'gives: 5 GB, price: "100"'))
        rounds = [
            (anna, [bundles.quote_bundle(session, anna, "gb5", now=NOON).id for _ in range(2)])
            for anna in (given(session, money=10_000) for _ in range(200))
        ]
    command = [sys.executable, "-c", RACER, NOON.isoformat()]
    environment = os.environ | {"CABINET_DATABASE_URL": database_url}
    pipe = subprocess.PIPE
    racers = [subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True) for _ in range(2)]
    try:
        assert [racer.stdout.readline() for racer in racers] == ["ready\n"] * 2
        for subscriber_id, quotes in rounds:
            for racer, quote_id in zip(racers, quotes, strict=True):
                racer.stdin.write(f"{subscriber_id} {quote_id}\n")
            for racer in racers:
                racer.stdin.flush()
            outcomes = sorted(racer.stdout.readline().strip() for racer in racers)
            assert outcomes == ["InsufficientFunds", "Order"]
    finally:
        for racer in racers:
            racer.communicate(timeout=60)

    with db.reading() as session:
        assert {money_of(session, subscriber_id) for subscriber_id, _ in rounds} == {0}
        assert len(session.exec(select(OrderRow)).all()) == 200
    assert_sound()


def test_one_quote_in_eight_tabs_is_one_order(anna: int):
    quote = quoted(bundles.quote_bundle, anna, "gb5")

    outcomes = at_once(*[confirming(anna, quote)] * 8)

    assert len({outcome.id for outcome in outcomes}) == 1
    assert money(anna) == 0
    assert_sound()


def test_an_order_and_a_fee_at_the_last_roubles(anna: int):
    """The fee is due while the order is confirmed: whoever is first, nobody spends what the other has."""
    due = moscow(2026, 12, 23)
    with db.transaction() as session:
        quote = bundles.quote_bundle(session, anna, "gb5", now=due - timedelta(minutes=5)).id
        subscription_id = session.exec(select(PlanSubscription.id).where(PlanSubscription.subscriber_id == anna)).one()

    at_once(
        lambda session: orders.confirm(session, anna, quote, now=due - timedelta(minutes=1)),
        lambda session: billing.charge_fees_until(session, [subscription_id], due, now=due),
    )

    assert money(anna) in (0, 12_000)
    assert_sound()


def test_services_that_cannot_be_together_confirmed_at_once(anna: int):
    with db.transaction() as session:
        billing.record_payment(session, anna, 100_000, reference="t", happened_at=NOON, now=NOON, source="test")
    quotes = [quoted(options.quote_on, anna, code) for code in ("travel", "silence")]

    outcomes = at_once(*(confirming(anna, quote) for quote in quotes))

    assert sum(isinstance(outcome, Order) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, OptionConflicts) for outcome in outcomes) == 1
    assert_sound()


def test_one_service_in_two_tabs_is_on_once(anna: int):
    quotes = [quoted(options.quote_on, anna, "voicemail") for _ in range(2)]

    outcomes = at_once(*(confirming(anna, quote) for quote in quotes))

    assert sum(isinstance(outcome, OptionAlreadyOn) for outcome in outcomes) == 1
    assert money(anna) == 12_000 - 4_900
    assert_sound()


def test_two_switches_at_once_are_one_and_a_new_quote_or_a_refusal(anna: int):
    with db.transaction() as session:
        billing.record_payment(session, anna, 200_000, reference="t", happened_at=NOON, now=NOON, source="test")
    quotes = [quoted(tariffs.quote_switch, anna, code, when=SwitchTime.NOW) for code in ("max", "daily")]

    outcomes = at_once(*(confirming(anna, quote) for quote in quotes))

    assert {type(outcome) for outcome in outcomes} == {Order, QuoteOutdated}
    assert_sound()


def test_confirm_and_undo_at_once_leave_the_order_done_or_undone(anna: int):
    quote = quoted(bundles.quote_bundle, anna, "gb5")
    with db.transaction() as session:
        order = orders.confirm(session, anna, quote, now=NOON)

    outcomes = at_once(*[lambda session: orders.undo(session, anna, order.id, now=NOON)] * 4)

    assert all(outcome.undone_at == NOON for outcome in outcomes)
    assert money(anna) == 12_000
    assert_sound()


def test_two_workers_at_once_charge_a_service_once(anna: int):
    with db.transaction() as session:
        billing.record_payment(session, anna, 500_000, reference="t", happened_at=NOON, now=NOON, source="test")
        orders.confirm(session, anna, options.quote_on(session, anna, "travel", now=NOON).id, now=NOON)
    due = moscow(2026, 11, 25, 1)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: worker_jobs.charge_options(due, lambda: False), range(2)))

    with db.reading() as session:
        assert len(session.exec(select(OptionFeeCharge)).all()) == 2
    assert_sound()


CRASH = """
import os, sys
from datetime import datetime
from cabinet import db, ledger
from cabinet.services import changes, orders, option_fees, billing

what, subscriber_id, number, moment, point = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5]
now = datetime.fromisoformat(moment)
module, name = {"ledger": (ledger, "post"), "plan": (changes, "set_plan"), "effect": (orders, "_apply"),
                "take": (ledger, "take_many"), "reverse": (ledger, "reverse"), "end": (None, "")}[point]
def die(*args, **kwargs):
    os._exit(9)
if module is not None:
    done = getattr(module, name)
    setattr(module, name, lambda *args, **kwargs: (done(*args, **kwargs), die()))
with db.transaction() as session:
    if what == "confirm":
        orders.confirm(session, subscriber_id, number, now=now)
    elif what == "undo":
        orders.undo(session, subscriber_id, number, now=now)
    elif what == "options":
        option_fees.charge_until(session, [number], now, now=now)
    else:
        billing.charge_fees_until(session, [number], now, now=now)
    if point == "end":
        session.flush()
        die()
"""


def crash(database_url: str, *arguments: object) -> None:
    environment = os.environ | {"CABINET_DATABASE_URL": database_url}
    command = [sys.executable, "-c", CRASH, *map(str, arguments)]
    assert subprocess.run(command, env=environment).returncode == 9


@pytest.mark.parametrize("point", ["ledger", "plan", "effect", "end"])
def test_killed_while_confirming_nothing_is_done_and_again_it_is_done_once(anna: int, database_url: str, point: str):
    with db.transaction() as session:
        billing.record_payment(session, anna, 90_000, reference="t", happened_at=NOON, now=NOON, source="test")
    quote = quoted(tariffs.quote_switch, anna, "max", when=SwitchTime.NOW)

    crash(database_url, "confirm", anna, quote, NOON.isoformat(), point)

    with db.reading() as session:
        assert session.exec(select(OrderRow)).all() == []
        assert plan_of(session, anna) == "start"
    assert money(anna) == 102_000
    with db.transaction() as session:
        assert isinstance(orders.confirm(session, anna, quote, now=NOON), Order)
    assert money(anna) == 12_000
    assert_sound()


@pytest.mark.parametrize("point", ["reverse", "end"])
def test_killed_while_undoing_nothing_is_undone_and_again_it_is(anna: int, database_url: str, point: str):
    quote = quoted(bundles.quote_bundle, anna, "gb5")
    with db.transaction() as session:
        order = orders.confirm(session, anna, quote, now=NOON)

    crash(database_url, "undo", anna, order.id, NOON.isoformat(), point)

    assert money(anna) == 0
    with db.transaction() as session:
        orders.undo(session, anna, order.id, now=NOON)
    assert money(anna) == 12_000
    assert_sound()


@pytest.mark.parametrize("point", ["plan", "take", "end"])
def test_killed_while_a_planned_switch_begins_it_begins_once(anna: int, database_url: str, point: str):
    due = moscow(2026, 12, 23)
    with db.transaction() as session:
        billing.record_payment(session, anna, 90_000, reference="t", happened_at=NOON, now=NOON, source="test")
        orders.confirm(session, anna, tariffs.quote_switch(session, anna, "max", now=NOON).id, now=NOON)
        subscription_id = session.exec(select(PlanSubscription.id).where(PlanSubscription.subscriber_id == anna)).one()

    crash(database_url, "fees", anna, subscription_id, due.isoformat(), point)
    for _ in range(2):
        worker_jobs.charge_fees(due, lambda: False)

    with db.reading() as session:
        assert plan_of(session, anna) == "max"
        assert len(session.exec(select(PlanSubscription).where(PlanSubscription.subscriber_id == anna)).all()) == 2
        assert len(session.exec(select(LedgerTransaction).where(LedgerTransaction.kind == "plan_fee")).all()) == 2
    assert money(anna) == 12_000
    assert_sound()


@pytest.mark.parametrize("point", ["take", "end"])
def test_killed_while_a_service_is_charged_it_is_charged_once(anna: int, database_url: str, point: str):
    due = moscow(2026, 12, 23)
    with db.transaction() as session:
        orders.confirm(session, anna, options.quote_on(session, anna, "voicemail", now=NOON).id, now=NOON)
        option_id = session.exec(select(OptionSubscription.id)).one()

    crash(database_url, "options", anna, option_id, due.isoformat(), point)
    for _ in range(2):
        worker_jobs.charge_options(due, lambda: False)

    assert money(anna) == 12_000 - 2 * 4_900
    assert_sound()


def test_without_enough_for_the_second_the_first_is_whole(anna: int):
    quotes = [quoted(options.quote_on, anna, "voicemail"), quoted(bundles.quote_bundle, anna, "gb5")]

    outcomes = at_once(*(confirming(anna, quote) for quote in quotes))

    assert sum(isinstance(outcome, InsufficientFunds) for outcome in outcomes) == 1
    assert money(anna) in (12_000 - 4_900, 0)
    assert_sound()
