"""The Megaline set, imported and replayed by the commands, against an independent computation: equal to the kopeck."""

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pandas
import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session

from cabinet import db
from cabinet.config import ROOT
from tests.every_line import check_everyone

MEGALINE = ROOT.parent / "shared" / "data" / "megaline"
RECORDS, SUBSCRIBER_MONTHS = 318_611, 2_293

pytestmark = pytest.mark.skipif(
    not MEGALINE.is_dir(), reason=f"the Megaline set is not beside the project ({MEGALINE})"
)

# In kopecks and whole units, as the set's own megaline_plans.csv says it in cents.
_COLUMNS = ("fee", "minutes", "messages", "mb", "per_minute", "per_message", "per_gb")
PLANS = {
    "surf": dict(zip(_COLUMNS, (2000, 500, 50, 15_360, 3, 3, 1000), strict=True)),
    "ultimate": dict(zip(_COLUMNS, (7000, 3000, 1000, 30_720, 1, 1, 700), strict=True)),
}


def cabinet(url: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"CABINET_DATABASE_URL": url}
    command = [sys.executable, "-m", "cabinet", *map(str, arguments)]
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def imported(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a database with the whole set in it."""
    path = tmp_path_factory.mktemp("megaline") / "cabinet.db"
    shutil.copy(sqlite_template, path)
    run = cabinet(f"sqlite:///{path}", "import-usage", MEGALINE, "--format", "megaline")
    assert run.returncode == 0, run.stderr
    assert f"Accepted {RECORDS}, duplicates 0, rejected 0." in run.stdout
    return f"sqlite:///{path}"


@pytest.fixture
def engine(imported: str):
    engine = db.make_engine(imported)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def months() -> pandas.DataFrame:
    """What every user used in every month, from the files alone: whole minutes, messages, hundredths of a megabyte."""

    def monthly(name: str, date_column: str, **columns: object) -> pandas.DataFrame:
        rows = pandas.read_csv(MEGALINE / f"megaline_{name}.csv", dtype=str)
        rows["month"] = pandas.to_datetime(rows[date_column], format="%d/%m/%Y").dt.strftime("%Y-%m")
        for column, compute in columns.items():
            rows[column] = compute(rows)
        return rows.groupby(["user_id", "month"])[list(columns)].sum()

    def hundredths(values: pandas.Series) -> pandas.Series:
        return (values.astype(float) * 100).round().astype("int64")

    calls = monthly("calls", "call_date", minutes=lambda rows: -(-hundredths(rows["duration"]) // 100))
    messages = monthly("messages", "message_date", messages=lambda rows: 1)
    internet = monthly("internet", "session_date", hundredths_mb=lambda rows: hundredths(rows["mb_used"]))
    together = calls.join([messages, internet], how="outer").fillna(0).astype("int64")
    assert len(together) == SUBSCRIBER_MONTHS
    return together


def overage(months: pandas.DataFrame, plan_code: str) -> pandas.Series:
    """Kopecks over the packages of the plan."""
    plan = PLANS[plan_code]
    minutes = (months["minutes"] - plan["minutes"]).clip(lower=0) * plan["per_minute"]
    messages = (months["messages"] - plan["messages"]).clip(lower=0) * plan["per_message"]
    over_mb = (months["hundredths_mb"] - plan["mb"] * 100).clip(lower=0)
    return minutes + messages + -(-over_mb // 102_400) * plan["per_gb"]


@pytest.mark.parametrize("plan_code", PLANS)
def test_replay_prices_every_subscriber_month_as_pandas_does(imported, months, tmp_path, plan_code):
    out = tmp_path / "replay.csv"

    run = cabinet(imported, "replay", "--plan", plan_code, "--csv", out)

    assert run.returncode == 0, run.stderr
    columns = "subscriber,month,minutes,messages,megabytes,fee_kopecks,overage_kopecks,total_kopecks"
    assert out.read_text().partition("\n")[0] == columns
    replayed = pandas.read_csv(out, dtype={"subscriber": str}).set_index(["subscriber", "month"]).sort_index()
    expected = months.sort_index()
    assert list(replayed.index) == list(expected.index)
    assert list(replayed["minutes"]) == list(expected["minutes"])
    assert list(replayed["messages"]) == list(expected["messages"])
    assert list((replayed["megabytes"] * 100).round().astype("int64")) == list(expected["hundredths_mb"])
    assert set(replayed["fee_kopecks"]) == {PLANS[plan_code]["fee"]}
    assert list(replayed["overage_kopecks"]) == list(overage(expected, plan_code))
    assert list(replayed["total_kopecks"]) == list(overage(expected, plan_code) + PLANS[plan_code]["fee"])


def test_what_the_import_charged_is_what_pandas_says_for_everyones_own_plan(engine: Engine, months):
    with engine.connect() as connection:
        charged = pandas.DataFrame(
            connection.execute(
                text(
                    "SELECT s.account_number AS user_id, strftime('%Y-%m', p.happened_at, '+3 hours') AS month,"
                    " sum(p.amount_kopecks) AS charged FROM posting p"
                    " JOIN ledger_transaction t ON t.id = p.transaction_id AND t.kind = 'usage'"
                    " JOIN account a ON a.id = p.source_id JOIN subscriber s ON s.id = a.subscriber_id"
                    " GROUP BY 1, 2"
                )
            ).mappings()
        ).set_index(["user_id", "month"])["charged"]
    plans = pandas.read_csv(MEGALINE / "megaline_users.csv", dtype=str).set_index("user_id")["tariff"]
    own = months.index.get_level_values("user_id").map(plans)
    expected = overage(months, "surf").where(own == "surf", overage(months, "ultimate"))

    expected = expected[expected > 0].sort_index()
    assert list(charged.sort_index().items()) == list(expected.items())
    assert len(expected) > 500


def test_every_record_is_stored_once_with_the_charge_that_was_posted(engine: Engine):
    with engine.connect() as connection:
        stored, charged = connection.execute(text("SELECT count(*), sum(charge_kopecks) FROM usage_record")).one()
        posted = connection.execute(
            text(
                "SELECT sum(p.amount_kopecks) FROM posting p JOIN ledger_transaction t ON t.id = p.transaction_id"
                " WHERE t.kind = 'usage'"
            )
        ).scalar_one()

    assert stored == RECORDS
    assert charged == posted


def test_every_line_of_each_fifth_follows_from_its_explanation(engine: Engine):
    fifth = "SELECT id FROM subscriber WHERE id % 5 = 0"
    own = f"SELECT id FROM account WHERE subscriber_id IN ({fifth})"
    free_records = f"SELECT count(*) FROM usage_record WHERE charge_kopecks = 0 AND subscriber_id IN ({fifth})"
    moves = (
        f"SELECT count(DISTINCT transaction_id) FROM posting WHERE source_id IN ({own}) OR destination_id IN ({own})"
    )

    with Session(engine.execution_options(reads_only=True), autoflush=False) as session:
        subscriber_ids = list(session.execute(text(fifth)).scalars())
        seen = check_everyone(session, subscriber_ids, now=datetime(2018, 12, 31, 20, tzinfo=UTC))
        free, moved = (session.execute(text(number)).scalar_one() for number in (free_records, moves))

    assert len(subscriber_ids) == 100
    assert seen == {"usage": free, "posting": moved}


def test_importing_it_again_finds_only_duplicates(imported, engine):
    with engine.connect() as connection:
        before = connection.execute(text("SELECT sum(balance_kopecks) FROM account")).scalar_one()

    run = cabinet(imported, "import-usage", MEGALINE, "--format", "megaline")

    assert run.returncode == 0
    assert f"Accepted 0, duplicates {RECORDS}, rejected 0." in run.stdout
    with engine.connect() as connection:
        assert connection.execute(text("SELECT sum(balance_kopecks) FROM account")).scalar_one() == before
