"""Half a year of the demo operator, lived once and looked at from several sides; its commands."""

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import text
from typer.testing import CliRunner

from cabinet import clock, db, ledger
from cabinet.__main__ import app
from cabinet.config import settings
from cabinet.demo_world import people
from cabinet.models.tariffs import SubscriptionState
from cabinet.services import audit, bundles, demo, options, orders, overview
from cabinet.services.demo import Leap
from tests.conftest import NOON

GIGABYTE = 2**30
FEE = 65_000


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Path:
    """The database of a demo operator with a few neighbours, as it stands on a Monday at noon."""
    path = tmp_path_factory.mktemp("demo") / "lived.db"
    shutil.copy(sqlite_template, path)
    with pytest.MonkeyPatch.context() as patched, time_machine.travel(NOON):
        patched.setenv("CABINET_DATABASE_URL", f"sqlite:///{path}")
        patched.setattr(people, "BASE_SIZE", 8)
        settings.cache_clear()
        db.engine.cache_clear()
        assert demo.make(NOON) is not None
        with db.engine().connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        db.engine().dispose()
    settings.cache_clear()
    db.engine.cache_clear()
    return path


@pytest.fixture(autouse=True)
def world(lived: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A copy of it, for the test alone; it is noon."""
    path = tmp_path / "cabinet.db"
    shutil.copy(lived, path)
    monkeypatch.setenv("CABINET_DATABASE_URL", f"sqlite:///{path}")
    monkeypatch.setattr(people, "BASE_SIZE", 8)
    settings.cache_clear()
    db.engine.cache_clear()
    with time_machine.travel(NOON):
        yield
    db.engine().dispose()


def ask(query: str, **values: object) -> list[tuple[object, ...]]:
    with db.reading() as session:
        return [tuple(row) for row in session.execute(text(query), values)]


def identity(msisdn: str) -> int:
    [(found,)] = ask("SELECT id FROM subscriber WHERE msisdn = :m", m=msisdn)
    assert isinstance(found, int)
    return found


def fees_of(subscriber_id: int) -> list[date]:
    rows = ask(
        "SELECT f.period_start_at FROM fee_charge f JOIN plan_subscription s ON s.id = f.subscription_id"
        " WHERE s.subscriber_id = :i ORDER BY 1",
        i=subscriber_id,
    )
    return [clock.local(datetime.fromisoformat(str(start)).replace(tzinfo=UTC)).date() for (start,) in rows]


def test_everything_holds_after_half_a_year():
    with db.reading() as session:
        report = audit.run_audit(session)

    assert report.faults == []
    assert sum(check.checked for check in report.checks) > 10_000


def test_annas_half_a_year_has_each_fee_once_and_enough_money():
    anna = identity(people.ANNA)
    fees = fees_of(anna)

    assert len(fees) == 7
    assert fees[0] <= (NOON - timedelta(days=183)).date()
    assert all((later - earlier).days in (28, 30, 31) for earlier, later in pairwise(fees))
    with db.reading() as session:
        balances = ledger.balance(session, anna)
    assert balances.main >= FEE
    assert balances.debt == 0


def test_the_lines_of_annas_statement_add_up_to_her_balance_one_by_one():
    with db.reading() as session:
        main_id = ledger.accounts_of(session, identity(people.ANNA)).main_id
        main = ledger.balance(session, identity(people.ANNA)).main
    lines = ask(
        "SELECT CASE WHEN destination_id = :a THEN amount_kopecks ELSE -amount_kopecks END,"
        " CASE WHEN destination_id = :a THEN destination_balance_kopecks ELSE source_balance_kopecks END"
        " FROM posting WHERE :a IN (source_id, destination_id) ORDER BY happened_at, id",
        a=main_id,
    )

    balance = 0
    for amount, after in lines:
        balance += amount
        assert after == balance  # in the order of her life, not only of the ledger
    assert balance == main


def test_annas_packages_are_used_in_part_and_the_record_says_by_what():
    anna = identity(people.ANNA)
    rows = ask(
        "SELECT id, kind, granted, remaining FROM allowance"
        " WHERE subscriber_id = :i AND valid_until > :now AND source = 'plan'",
        i=anna,
        now=str(NOON.replace(tzinfo=None)),
    )

    assert {kind: granted for _, kind, granted, _ in rows} == {"data": 35 * GIGABYTE, "voice": 500 * 60, "sms": 50}
    assert all(0 < remaining < granted for _, _, granted, remaining in rows)
    for allowance_id, _, granted, remaining in rows:
        used = ask(
            "SELECT sum(json_extract(draw.value, '$[1]'))"
            " FROM usage_record, json_each(json_extract(rating, '$.draws')) AS draw"
            " WHERE subscriber_id = :i AND json_extract(draw.value, '$[0]') = :a",
            i=anna,
            a=allowance_id,
        )
        assert used == [(granted - remaining,)]


def test_anna_has_services_and_a_package_by_orders_of_her_own():
    anna = identity(people.ANNA)
    with db.reading() as session:
        done = orders.list_orders(session, anna, now=NOON)
        had = {card.code: card for card in options.list_options(session, anna, now=NOON).cards if card.is_on}
        left = [one for one in bundles.list_bundles(session, anna, now=NOON).left if not one.is_of_plan]

    assert [order.request.code for order in done] == [
        *("min_60", "travel_half", "music", "gb_5", "voicemail", "antispam")
    ]
    assert set(had) == {"antispam", "voicemail", "music"}
    assert (had["voicemail"].state, had["music"].has_to_answer) == ("active", True)
    assert [(one.name, one.remaining) for one in left] == [("+60 мин", 60 * 60)]
    fees = ask(
        "SELECT c.amount_kopecks FROM option_fee_charge c JOIN option_subscription s ON s.id = c.option_subscription_id"
        " WHERE s.subscriber_id = :i",
        i=anna,
    )
    assert fees == [(4_900,)] * 2  # the first month is of the order itself, two have begun since


def test_boriss_fee_is_near_and_his_money_is_not_enough():
    with db.reading() as session:
        shown = overview.get_overview(session, identity(people.BORIS), now=NOON)

    assert shown.next_charge is not None
    assert timedelta(days=1) < shown.next_charge.at - NOON < timedelta(days=3)
    assert shown.next_charge.shortage_kopecks > 0
    with db.reading() as session:
        assert 0 < ledger.balance(session, identity(people.BORIS)).main < shown.next_charge.amount_kopecks


def test_vera_is_active_and_has_never_signed_in():
    [(status, offered)] = ask("SELECT status, password_offered_at FROM subscriber WHERE msisdn = :m", m=people.VERA)

    assert status == "active"
    assert offered is None
    assert ask("SELECT 1 FROM sign_in_event") == []


def test_on_the_next_fee_day_exactly_one_fee_more_has_been_charged():
    anna = identity(people.ANNA)
    before = fees_of(anna)

    reached = demo.advance_clock(Leap.FEE, subscriber_id=anna)

    after = fees_of(anna)
    assert after[:-1] == before
    assert after[-1] == clock.local(reached).date()
    with db.reading() as session:
        assert audit.run_audit(session).is_sound


def test_boriss_fee_day_cuts_him_off_and_days_later_he_pays():
    boris = identity(people.BORIS)
    state = "SELECT state FROM plan_subscription WHERE subscriber_id = :i"

    demo.advance_clock(Leap.FEE, subscriber_id=boris)
    assert ask(state, i=boris) == [(SubscriptionState.SUSPENDED,)]

    for _ in range(8):
        demo.advance_clock(Leap.DAY)
    assert ask(state, i=boris) == [(SubscriptionState.ACTIVE,)]
    with db.reading() as session:
        assert audit.run_audit(session).is_sound


def test_the_neighbours_live_on_their_money():
    rows = ask("SELECT min(balance_kopecks), max(balance_kopecks) FROM account WHERE kind = 'main'")
    suspended = ask("SELECT count(*) FROM plan_subscription WHERE state = 'suspended'")

    assert rows[0][0] >= 0
    assert rows[0][1] < 1_000_000
    assert suspended == [(0,)]


# --- commands --------------------------------------------------------------------------------------------------------


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output


def test_the_command_says_that_the_world_exists():
    code, said = run("demo")

    assert code == 0
    assert "exists already" in said


def test_the_command_makes_a_world_in_an_empty_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CABINET_DATABASE_URL", f"sqlite:///{tmp_path / 'new.db'}")
    monkeypatch.setattr(people, "HISTORY_DAYS", 20)
    settings.cache_clear()
    db.engine.cache_clear()

    code, said = run("demo", "--seed", "3", "--now", "2026-11-20T09:00:00")

    assert code == 0
    assert "is made" in said
    assert ask("SELECT seed, made_at FROM demo_world") == [(3, "2026-11-20 09:00:00.000000")]


def test_the_command_refuses_production(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(type(settings()), "is_demo", property(lambda self: False))

    code, said = run("demo")

    assert code == 2
    assert "CABINET_ENV=demo" in said


def test_an_audit_of_a_whole_ledger_is_a_table():
    code, said = run("audit")

    assert code == 0
    assert "I1" in said
    assert "I10" in said


def test_an_audit_names_the_account_that_is_broken():
    with db.transaction() as session:
        session.execute(
            text("UPDATE account SET balance_kopecks = balance_kopecks + 1 WHERE code = 'subscriber:2:main'")
        )

    code, said = run("audit")

    assert code == 1
    assert "subscriber:2:main" in said


def test_a_worker_leaves_money_alone_while_the_ledger_is_broken():
    with db.transaction() as session:
        session.execute(
            text("UPDATE account SET balance_kopecks = balance_kopecks + 1 WHERE code = 'subscriber:2:main'")
        )
        session.execute(
            text("UPDATE plan_subscription SET next_fee_at = '2026-11-23 08:00:00' WHERE subscriber_id = 3")
        )
    before = ask("SELECT count(*) FROM fee_charge")

    code, said = run("worker", "--once")

    assert code == 1
    assert "subscriber:2:main" in said
    assert ask("SELECT count(*) FROM fee_charge") == before


def test_a_worker_does_what_is_due_once():
    with time_machine.travel(NOON + timedelta(days=31)):
        assert run("worker", "--once")[0] == 0
        after = ask("SELECT count(*) FROM fee_charge")
        assert run("worker", "--once")[0] == 0

    assert after[0][0] > 0
    assert ask("SELECT count(*) FROM fee_charge") == after
