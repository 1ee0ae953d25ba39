"""Whole files: the two commands as an operator meets them, and several importers at once."""

import csv
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from typer.testing import CliRunner

from cabinet import clock, db
from cabinet.__main__ import app
from cabinet.adapters.usage_files.cabinet_csv import CabinetCsv
from cabinet.domain.catalogue import parse
from cabinet.services import subscribers, tariffs
from cabinet.services.usage import import_file
from tests.conftest import NOON, both_engines

HEADER = "record_id,msisdn,kind,direction,started_at,quantity,zone,peer"
SINCE = datetime(2026, 5, 31, 21, tzinfo=UTC)

CATALOGUE = """
default_region: moscow
regions: {moscow: Москва, perm: Пермь}
zones: {home: Домашний регион, intl: За границу}
plans:
  - code: simple
    version: 1
    name: Простой
    fee: "300"
    allowances: [10 min, 1 GB]
    rates:
      - {kind: voice, price: 2 per min}
      - {kind: voice, zone: intl, price: 20 per min, covered: no}
      - {kind: data, price: 10 per GB, rounding: exact, summed: yes}
  - code: daily
    version: 1
    name: Посуточный
    fee_by_region: {moscow: "10"}
    period: day
    allowances: [1 min]
    rates:
      - {kind: voice, price: 3 per min, rounding: second after first minute}
      - {kind: data, price: 1 per MB, rounding: exact}
"""


@pytest.fixture
def shop(database: Engine) -> Engine:
    """A database with a catalogue and three subscribers, the last one in another region."""
    with db.transaction() as session:
        tariffs.store_catalogue(session, parse(CATALOGUE, "test.yaml"), now=SINCE)
        for number in range(1, 4):
            subscribers.create(
                session,
                account_number=f"A-{number}",
                msisdn=f"7916000000{number}",
                name="",
                region="moscow" if number < 3 else "perm",
                plan_code="simple",
                activated_at=SINCE,
                anchor_day=1,
                credit_limit_kopecks=1_000_000_00,
                now=SINCE,
            )
    return database


def row(record_id: str, kind: str = "voice", quantity: int = 60, *, number: int = 1, day: int = 10, zone="home") -> str:
    moment = clock.local(SINCE + timedelta(days=day - 1, hours=12)).isoformat()
    return f"{record_id},7916000000{number},{kind},out,{moment},{quantity},{zone},"


def file_of(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "usage.csv"
    path.write_text("\n".join((HEADER, *lines)) + "\n")
    return path


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.output


def one(engine: Engine, query: str) -> object:
    with engine.connect() as connection:
        return connection.execute(text(query)).scalar_one()


# --- import-usage ----------------------------------------------------------------------------------------------------


def test_a_good_file_is_accepted_and_the_second_time_known(shop, tmp_path):
    path = file_of(tmp_path, row("a"), row("b", "data", 2**20))

    assert run("import-usage", path) == (0, "Accepted 2, duplicates 0, rejected 0.\n")
    assert run("import-usage", path) == (0, "Accepted 0, duplicates 2, rejected 0.\n")


def test_rejected_rows_are_told_in_the_order_of_the_file_and_all_of_them_written(shop, tmp_path):
    lines = [row("good"), row("unknown", number=9), "rubbish", *(row(f"n{n}", quantity=-1) for n in range(30))]
    rejects = tmp_path / "rejects.csv"

    code, output = run("import-usage", file_of(tmp_path, *lines), "--rejects", rejects)

    assert code == 1
    assert "Accepted 1, duplicates 0, rejected 32." in output
    assert "usage.csv:3: the number 79160000009 is not ours\n  usage.csv:4: 1 fields instead of 8" in output
    assert output.count("usage.csv:") == 20
    assert f"… and 12 more; all of them are in {rejects}" in output
    written = list(csv.DictReader(rejects.open()))
    assert len(written) == 32
    assert written[0] == {"source": "usage.csv", "line": "3", "reason": "the number 79160000009 is not ours"}


def test_an_unreadable_file_is_named_and_changes_nothing(shop, tmp_path):
    path = tmp_path / "usage.csv"
    path.write_text("a,b,c\n1,2,3\n")

    code, output = run("import-usage", path)

    assert code == 2
    assert f"{path}: wrong columns (missing: record_id" in output
    assert "Traceback" not in output


def test_rejects_never_overwrite_the_file_itself(shop, tmp_path):
    path = file_of(tmp_path, row("a"))

    code, output = run("import-usage", path, "--rejects", path)

    assert code == 2
    assert "would overwrite" in output
    assert path.read_text().startswith(HEADER)


def test_rejects_into_a_missing_folder_are_refused_in_words(shop, tmp_path):
    code, output = run("import-usage", file_of(tmp_path, row("a")), "--rejects", tmp_path / "none" / "rejects.csv")

    assert code == 2
    assert "No such file or directory" in output
    assert one(shop, "SELECT count(*) FROM usage_record") == 0


def test_a_database_without_tables_is_told_what_to_run(tmp_path, monkeypatch):
    monkeypatch.setenv("CABINET_DATABASE_URL", f"sqlite:///{tmp_path / 'new.db'}")

    code, output = run("import-usage", file_of(tmp_path))

    assert code == 2
    assert "python -m cabinet migrate" in output


# --- several at once -------------------------------------------------------------------------------------------------


@both_engines
def test_two_importers_of_one_file_rate_every_record_once(shop, tmp_path):
    path = file_of(tmp_path, *(row(f"r{n}", number=1 + n % 3, day=1 + n % 90) for n in range(600)))

    def work(_: int):
        return import_file(CabinetCsv(path), now=NOON, batch_size=20)

    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(work, range(2)))

    assert sum(report.accepted for report in reports) == 600
    assert sum(report.duplicates for report in reports) == 600
    assert sum(report.rejected for report in reports) == 0
    assert one(shop, "SELECT count(*) FROM usage_record") == 600
    assert one(shop, "SELECT min(remaining) FROM allowance WHERE kind = 'voice'") >= 0
    charged = one(shop, "SELECT sum(charge_kopecks) FROM usage_record")
    assert charged == sum(report.charged_kopecks for report in reports)
    fees = one(shop, "SELECT sum(amount_kopecks) FROM fee_charge")
    assert one(shop, "SELECT -sum(balance_kopecks) FROM account") == charged + fees


@both_engines
def test_two_importers_of_different_files_about_the_same_people_lose_no_minute(shop, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    paths = [
        file_of(tmp_path / name, *(row(f"{name}{n}", number=1 + n % 3, day=10) for n in order))
        for name, order in (("a", range(150)), ("b", range(149, -1, -1)))
    ]

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda path: import_file(CabinetCsv(path), now=NOON, batch_size=10), paths))

    # 100 minutes each: ten from the package, ninety at 2 ₽.
    assert one(shop, "SELECT sum(charge_kopecks) FROM usage_record") == 3 * 90 * 200
    assert one(shop, "SELECT sum(remaining) FROM allowance WHERE kind = 'voice'") == 0


# --- replay ----------------------------------------------------------------------------------------------------------


def replayed(tmp_path: Path, plan: str) -> tuple[list[dict[str, str]], str]:
    out = tmp_path / "out.csv"
    code, output = run("replay", "--plan", plan, "--csv", out)
    assert code == 0, output
    return list(csv.DictReader(out.open())), output


def test_replay_gives_every_month_fresh_allowances(shop, tmp_path):
    lines = [row("a", quantity=601), row("b", "data", 2**30 + 2**29, day=30), row("c", quantity=601, day=31)]
    run("import-usage", file_of(tmp_path, *lines))

    rows, _ = replayed(tmp_path, "simple")

    assert [tuple(line.values()) for line in rows] == [
        ("A-1", "2026-06", "11", "0", "1536.00", "30000", "1200", "31200"),  # a minute over and a gigabyte begun
        ("A-1", "2026-07", "11", "0", "0.00", "30000", "200", "30200"),
    ]


def test_a_month_with_nothing_but_a_missed_call_counts(shop, tmp_path):
    run("import-usage", file_of(tmp_path, row("a", quantity=0)))

    rows, _ = replayed(tmp_path, "simple")

    assert [tuple(line.values()) for line in rows] == [("A-1", "2026-06", "0", "0", "0.00", "30000", "0", "30000")]


def test_a_daily_fee_is_asked_every_day_and_grants_every_day(shop, tmp_path):
    lines = [row("a", quantity=60, day=1), row("b", quantity=60, day=2), row("c", quantity=75, day=2)]
    run("import-usage", file_of(tmp_path, *lines))

    [line], _ = replayed(tmp_path, "daily")

    # The second call of the second day is over: 75 s are two begun minutes.
    assert (line["minutes"], line["fee_kopecks"], line["overage_kopecks"]) == ("3.25", "30000", "600")


def test_what_the_plan_cannot_price_and_where_it_is_not_sold_is_told(shop, tmp_path):
    run("import-usage", file_of(tmp_path, row("a"), row("b", zone="intl"), row("c", number=3)))

    rows, output = replayed(tmp_path, "daily")

    assert [line["subscriber"] for line in rows] == ["A-1"]
    assert "Left out 1 records that the plan has no price for." in output
    assert "Left out 1 subscribers in whose region the plan is not sold." in output


def test_an_unknown_plan_is_told_which_there_are(shop, tmp_path):
    out = tmp_path / "out.csv"

    assert run("replay", "--plan", "gold", "--csv", out) == (
        2,
        "There is no plan 'gold'. The plans: daily, simple.\n",
    )
    assert not out.exists()


def test_a_replay_that_cannot_be_written_is_refused_in_words(shop, tmp_path):
    code, output = run("replay", "--plan", "simple", "--csv", tmp_path / "none" / "out.csv")

    assert code == 2
    assert "No such file or directory" in output
