"""The demo operator: made once whatever happens, living by a clock that moves, absent in production."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import Engine, text

from cabinet import clock, db, ledger, months
from cabinet.config import settings
from cabinet.demo_world import people
from cabinet.domain.rating import Direction
from cabinet.services import audit, demo, sessions, usage
from cabinet.services.demo import Leap, Life
from tests.conftest import NOON, both_engines, count
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("database", "few_neighbours", "noon")

TABLES = ("subscriber", "usage_record", "posting", "fee_charge", "allowance", "ledger_transaction")


@pytest.fixture
def few_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three named people and three others are enough to see how a world behaves."""
    monkeypatch.setattr(people, "BASE_SIZE", 3)


@pytest.fixture
def noon() -> Iterator[None]:
    with time_machine.travel(NOON):
        yield


@pytest.fixture
def short_history(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "HISTORY_DAYS", 40)


def everything() -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables in which something happens, without numbers of rows and machine times."""
    with db.reading() as session:
        return {
            "usage": [
                *map(tuple, session.execute(text("SELECT record_id, charge_kopecks FROM usage_record ORDER BY 1")))
            ],
            "money": [
                *map(
                    tuple,
                    session.execute(text("SELECT reference, kind, happened_at FROM ledger_transaction ORDER BY 1")),
                )
            ],
            "accounts": [*map(tuple, session.execute(text("SELECT code, balance_kopecks FROM account ORDER BY 1")))],
        }


def sizes() -> dict[str, int]:
    with db.reading() as session:
        return {table: count(session, table) for table in TABLES}


def subscriber_id(msisdn: str) -> int:
    with db.reading() as session:
        return session.execute(text("SELECT id FROM subscriber WHERE msisdn = :m"), {"m": msisdn}).scalar_one()


def is_sound() -> bool:
    with db.reading() as session:
        return audit.run_audit(session).is_sound


@both_engines
def test_a_world_made_twice_is_made_once(short_history: None):
    first = demo.make(NOON)
    before = sizes()

    second = demo.make(NOON)

    assert first is not None
    assert first.records > 100
    assert second is None
    assert sizes() == before
    assert is_sound()


def test_one_seed_makes_one_world(short_history: None, tmp_path, sqlite_template, monkeypatch: pytest.MonkeyPatch):
    demo.make(NOON, seed=7)
    one = everything()
    for number, seed in enumerate((7, 8)):
        path = tmp_path / f"{number}.db"
        path.write_bytes(sqlite_template.read_bytes())
        monkeypatch.setenv("CABINET_DATABASE_URL", f"sqlite:///{path}")
        settings.cache_clear()
        db.engine.cache_clear()
        demo.make(NOON, seed=seed)
        assert (everything() == one) is (seed == 7)


@pytest.mark.parametrize("stretches", [1, 4])
@pytest.mark.parametrize("step", ["_pay", "_use", "_move_clock"])
def test_a_making_that_was_killed_is_finished_by_the_next(
    step: str, stretches: int, short_history: None, monkeypatch: pytest.MonkeyPatch
):
    real, left = getattr(demo, step), [stretches]

    def killed(*args: object) -> object:
        left[0] -= 1
        if left[0] == 0:
            real(*args)
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(demo, step, killed)
    with pytest.raises(KeyboardInterrupt):
        demo.make(NOON)
    with db.reading() as session:
        assert not demo.exists(session)

    monkeypatch.setattr(demo, step, real)
    assert demo.make(NOON) is not None

    with db.reading() as session:
        assert demo.exists(session)
        assert count(session, "subscriber") == 6
    assert is_sound()


def test_progress_reaches_the_end(short_history: None):
    seen: list[tuple[datetime, int]] = []

    demo.make(NOON, on_progress=lambda life: seen.append((life.now, life.records)))

    assert seen == sorted(seen)
    assert seen[-1][0] == NOON


def test_nothing_that_anybody_does_is_rejected(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(people, "BASE_SIZE", 20)
    monkeypatch.setattr(people, "HISTORY_DAYS", 25)
    rejected = []
    real = usage.import_file

    def watched(*args: object, **kwargs: object) -> usage.ImportReport:
        return real(*args, **kwargs, on_progress=lambda report, rejections: rejected.extend(rejections))

    monkeypatch.setattr(usage, "import_file", watched)

    demo.make(NOON)

    assert rejected == []


# --- the clock -------------------------------------------------------------------------------------------------------


@both_engines
def test_the_clock_moves_by_a_day_and_life_goes_on(short_history: None):
    demo.make(NOON)
    before = sizes()

    reached = demo.advance_clock(Leap.DAY)

    assert abs(reached - NOON - timedelta(days=1)) < timedelta(minutes=1)
    assert timedelta() <= clock.now() - reached < timedelta(minutes=1)
    assert sizes()["usage_record"] > before["usage_record"]
    assert is_sound()


@pytest.mark.parametrize("engine_name", [pytest.param("postgres", marks=pytest.mark.postgres)])
def test_a_life_in_another_process_is_waited_for(short_history: None):
    demo.make(NOON)
    before = sizes()
    with ThreadPoolExecutor() as pool:
        with db.alone(db.engine(), demo._LIVING):
            moving = pool.submit(demo.advance_clock, Leap.DAY)
            wait_until(somebody_waits, what="the clock's mover waits")
            assert sizes() == before

        assert moving.result() > NOON
    assert sizes() != before


def somebody_waits() -> bool:
    with db.reading() as session:
        return bool(session.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar())


@pytest.mark.parametrize("engine_name", [pytest.param("postgres", marks=pytest.mark.postgres)])
def test_a_new_world_leaves_nothing_to_be_moved_into_months_under_its_visitors(short_history: None):
    demo.make(NOON)

    with db.reading() as session:
        assert months.list_unsorted(session) == []


def test_the_clock_is_found_again_by_a_new_process(short_history: None):
    demo.make(NOON)
    demo.advance_clock(Leap.DAY)
    clock.set_offset(timedelta())

    demo.load_offset()

    assert clock.now() - NOON >= timedelta(days=1)


def test_without_a_moved_clock_it_is_now():
    demo.load_offset()

    assert clock.now() - NOON < timedelta(minutes=5)


def test_to_the_next_fee_day_means_the_morning_after_it_was_charged(short_history: None):
    demo.make(NOON)
    anna = subscriber_id(people.ANNA)
    query = text("SELECT next_fee_at FROM plan_subscription WHERE subscriber_id = :i")
    with db.reading() as session:
        fee_at = datetime.fromisoformat(session.execute(query, {"i": anna}).scalar_one()).replace(tzinfo=UTC)

    reached = demo.advance_clock(Leap.FEE, subscriber_id=anna)

    assert reached == fee_at + timedelta(hours=9)
    with db.reading() as session:
        assert session.execute(query, {"i": anna}).scalar_one() > fee_at.isoformat(" ")


def test_a_visitor_stays_signed_in_when_the_clock_leaps(short_history: None):
    demo.make(NOON)
    anna = subscriber_id(people.ANNA)
    with db.transaction() as session:
        opened = sessions.create(
            session, anna, is_remembered=False, device="Firefox", address="127.0.0.1", now=clock.now()
        )

    demo.advance_clock(Leap.FEE, subscriber_id=anna)

    with db.reading() as session:
        assert sessions.find(session, opened.token, now=clock.now()) is not None


def test_a_leap_of_nobody_goes_to_the_nearest_fee_of_anybody(short_history: None):
    demo.make(NOON)

    reached = demo.advance_clock(Leap.FEE)

    assert reached - NOON <= timedelta(days=4)  # that of Борис, if nobody's is nearer


def test_a_world_that_slept_catches_up(short_history: None):
    demo.make(NOON)
    before = sizes()["usage_record"]

    life = demo.live_until(NOON + timedelta(days=5))

    assert isinstance(life, Life)
    assert sizes()["usage_record"] == before + life.records
    assert life.records > 0
    assert demo.live_until(NOON + timedelta(days=5)) is None


def test_of_years_of_sleep_only_the_last_months_are_dreamt(short_history: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(demo, "CATCHES_UP_AT_MOST", timedelta(days=10))
    demo.make(NOON)

    demo.live_until(NOON + timedelta(days=60))

    with db.reading() as session:
        months = session.execute(
            text("SELECT count(*) FROM usage_record WHERE started_at BETWEEN '2026-11-25' AND '2027-01-05'")
        ).scalar_one()
        fees = session.execute(
            text("SELECT count(*) FROM fee_charge WHERE period_start_at BETWEEN '2026-11-25' AND '2027-01-05'")
        ).scalar_one()
    assert months == 0
    assert fees > 0
    assert is_sound()


def test_who_is_cut_off_is_only_reached(short_history: None):
    demo.make(NOON)
    boris = subscriber_id(people.BORIS)
    fee_day = demo.advance_clock(Leap.FEE, subscriber_id=boris)

    demo.advance_clock(Leap.DAY)

    with db.reading() as session:
        own = session.execute(
            text("SELECT DISTINCT direction FROM usage_record WHERE subscriber_id = :i AND started_at > :at"),
            {"i": boris, "at": fee_day.replace(tzinfo=None).isoformat(" ")},
        ).scalars()
        assert set(own) <= {Direction.IN}
        assert ledger.balance(session, boris).debt == 0


# --- elsewhere -------------------------------------------------------------------------------------------------------


def test_production_has_no_demo_world(database: Engine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(type(settings()), "is_demo", property(lambda self: False))

    with pytest.raises(demo.OnlyInDemo):
        demo.make(NOON)
    with pytest.raises(demo.OnlyInDemo):
        demo.advance_clock(Leap.DAY)
    assert demo.live_until(NOON) is None
    assert sizes()["subscriber"] == 0


def test_a_clock_without_a_world_does_not_move():
    with pytest.raises(demo.OnlyInDemo):
        demo.advance_clock(Leap.DAY)
