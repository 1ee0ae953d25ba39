"""Tables kept by month on PostgreSQL: what was there before moves into months, and what has no month gets one."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, TextClause, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from cabinet import db, ledger, months
from cabinet.config import ROOT
from cabinet.models.subscribers import Subscriber
from cabinet.services import audit, retention
from tests.conftest import NOON, both_engines, count
from tests.waiting import wait_until

BEFORE_MONTHS = "0014"

FILL = """
    INSERT INTO subscriber (account_number, msisdn, name, region, status, language, activated_at)
    VALUES ('1', '79160000001', '', 'moscow', 'active', 'ru', '2026-01-01');
    INSERT INTO account (code, kind, subscriber_id, balance_kopecks, credit_limit_kopecks)
    VALUES ('operator:gateway', 'operator', NULL, 0, 0), ('subscriber:1:main', 'main', 1, 300, 0);
    INSERT INTO ledger_transaction (reference, kind, happened_at, posted_at)
    VALUES ('top-up:a', 'top_up', '2026-01-31 23:59:59', '2026-02-01'),
           ('top-up:b', 'top_up', '2026-02-01 00:00:00', '2026-02-01'),
           ('top-up:c', 'top_up', '2026-08-15 12:00:00', '2026-08-15');
    INSERT INTO posting (transaction_id, source_id, destination_id, amount_kopecks, happened_at,
                         destination_balance_kopecks, explanation)
    SELECT id, 1, 2, 100, happened_at, id * 100, '{"paid_kopecks": 100, "source": "card"}' FROM ledger_transaction;
    INSERT INTO plan_version (code, version, name, digest, content, is_archived, loaded_at)
    VALUES ('simple', 1, '', 'd', '{}', false, '2026-01-01');
    INSERT INTO usage_record (record_id, subscriber_id, kind, direction, zone, peer, started_at, quantity,
                              plan_version_id, billed_quantity, missed_quantity, charge_kopecks, rating)
    VALUES ('r1', 1, 'voice', 'out', 'home', '', '2026-01-31 23:59:59', 60, 1, 60, 0, 0, '{"quantity": 60}'),
           ('r2', 1, 'voice', 'out', 'home', '', '2026-03-10 12:00:00', 60, 1, 60, 0, 0, '{"quantity": 60}')
"""


@both_engines
def test_a_filled_database_moves_into_months_and_back(database: Engine):
    config = Config(str(ROOT / "alembic" / "alembic.ini"))
    command.downgrade(config, BEFORE_MONTHS)
    with database.begin() as connection:
        for statement in FILL.split(";"):
            connection.exec_driver_sql(statement)
    before = contents(database)

    command.upgrade(config, "head")

    assert contents(database) == before
    with Session(database) as session:
        assert session.execute(text("SELECT record_id FROM usage_key ORDER BY 1")).scalars().all() == ["r1", "r2"]
        assert months.list_unsorted(session) == []
        kept = {start for table, start in months.list_months(session) if table == "posting"}
        is_sqlite = database.dialect.name == "sqlite"
        assert is_sqlite or {datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2, 8)} <= kept
        assert [
            check for check in audit.run_audit(session).checks if check.code in ("I1", "I2", "I5") and check.faults
        ] == []
    for table in ("posting", "ledger_transaction"):
        with pytest.raises(DBAPIError, match="insert-only"), database.begin() as connection:
            connection.execute(text(f"DELETE FROM {table} WHERE happened_at < '2026-02-01'"))
    top_up(database, NOON)  # ids go on where they were

    command.downgrade(config, BEFORE_MONTHS)
    assert len(contents(database)["posting"]) == 4


def contents(database: Engine) -> dict[str, list[tuple]]:
    with database.connect() as connection:
        return {
            table: [tuple(row) for row in connection.execute(text(f"SELECT * FROM {table} ORDER BY id"))]
            for table in ("posting", "usage_record", "ledger_transaction")
        }


def top_up(database: Engine, at: datetime) -> None:
    with Session(database) as session, session.begin():
        main = ledger.open_accounts(session, 1).main_id
        gateway = ledger.operator_account(session, "gateway")
        move = ledger.Move(gateway, main, 100, {"paid_kopecks": 100, "source": "card"})
        ledger.post(session, reference=f"payment:{at:%Y-%m-%d}", kind="top_up", moves=[move], happened_at=at, now=NOON)


@pytest.fixture
def anna(database: Engine) -> Engine:
    with Session(database) as session, session.begin():
        session.add(Subscriber(account_number="1", msisdn="79160000001", region="moscow", activated_at=NOON))
    return database


@pytest.mark.parametrize("engine_name", [pytest.param("postgres", marks=pytest.mark.postgres)])
def test_the_worker_makes_the_months_to_come_and_those_of_what_waits_for_one(anna: Engine):
    for moment in (datetime(2019, 3, 5, tzinfo=UTC), datetime(2019, 5, 5, tzinfo=UTC), NOON + timedelta(days=900)):
        top_up(anna, moment)
    with db.reading() as session:
        assert months.list_unsorted(session) == ["posting"]
        report = audit.run_audit(session)
        assert (report.is_sound, report.unsorted) == (True, ("posting",))

    with db.transaction() as session:
        assert retention.make_months(session, now=NOON) >= 3

    with db.transaction() as session:
        assert months.list_unsorted(session) == []
        kept = {start for table, start in months.list_months(session) if table == "posting"}
        assert {
            datetime(2019, 3, 1, tzinfo=UTC),
            datetime(2019, 5, 1, tzinfo=UTC),
            datetime(2027, 2, 1, tzinfo=UTC),
        } <= kept
        assert count(session, "posting") == 3
        assert retention.make_months(session, now=NOON) == 0
        assert audit.run_audit(session).faults == []
    with pytest.raises(DBAPIError, match="insert-only"), anna.begin() as connection:
        connection.execute(text("UPDATE posting SET amount_kopecks = 1 WHERE happened_at < '2019-04-01'"))


@pytest.mark.parametrize("engine_name", [pytest.param("postgres", marks=pytest.mark.postgres)])
def test_two_who_make_months_at_once_make_them_once(anna: Engine):
    top_up(anna, datetime(2019, 3, 5, tzinfo=UTC))
    with Session(anna) as first, Session(anna) as second, first.begin(), second.begin():
        assert retention.make_months(first, now=NOON) > 0
        second.execute(text("SET LOCAL lock_timeout = '200ms'"))
        with pytest.raises(DBAPIError, match="lock timeout"):
            retention.make_months(second, now=NOON)


@pytest.mark.parametrize("engine_name", [pytest.param("postgres", marks=pytest.mark.postgres)])
def test_who_makes_months_gives_way_to_a_command_that_would_wait_for_him(anna: Engine):
    top_up(anna, datetime(2019, 3, 5, tzinfo=UTC))
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND clock_timestamp() - waitstart > '1.2 s'")
    with ThreadPoolExecutor() as pool, db.transaction() as session:
        session.execute(text("UPDATE account SET credit_limit_kopecks = 0"))
        session.execute(text("SELECT count(*) FROM usage_record"))
        making = pool.submit(_make_months)
        wait_until(lambda: making.done() or db_value(anna, waiting), what="the maker waits, or has given way")

        assert session.execute(text("SELECT count(*) FROM posting")).scalar() == 1  # and is not told of a deadlock

    with pytest.raises(DBAPIError, match="lock timeout"):
        making.result()
    assert _make_months() > 0


def _make_months() -> int:
    with db.transaction() as session:
        return retention.make_months(session, now=NOON)


def db_value(engine: Engine, query: TextClause) -> object:
    with engine.connect() as connection:
        return connection.execute(query).scalar()


@pytest.mark.parametrize("engine_name", [pytest.param("postgres", marks=pytest.mark.postgres)])
def test_a_month_whose_trigger_is_missing_is_found(anna: Engine):
    with db.transaction() as session:
        retention.make_months(session, now=NOON)
        session.execute(text("ALTER TABLE partitions.posting_2027_01 DISABLE TRIGGER posting_insert_only"))
        assert [fault.what for fault in audit.run_audit(session).faults] == [
            "the trigger posting_insert_only is missing"
        ]
        session.rollback()
