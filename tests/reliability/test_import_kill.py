"""An import that is killed at any moment and run again ends where an undisturbed one does: every row of every table."""

import random
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import Session

from cabinet import db
from cabinet.config import ROOT
from cabinet.domain.catalogue import parse
from cabinet.models import metadata
from cabinet.services import subscribers, tariffs

START = datetime(2026, 5, 31, 21, tzinfo=UTC)
ROWS, BATCH = 6_000, 100

CATALOGUE = """
default_region: moscow
regions: {moscow: Москва}
zones: {home: Домашний регион}
plans:
  - code: simple
    version: 1
    name: Простой
    fee: "300"
    allowances: [300 min, 50 SMS, 1 GB]
    rates:
      - {kind: voice, price: 2 per min}
      - {kind: sms, price: 3 per SMS}
      - {kind: data, price: 10 per GB, rounding: exact, summed: yes}
"""

IMPORT = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from cabinet.adapters.usage_files.cabinet_csv import CabinetCsv
from cabinet.services.usage import import_file

import_file(
    CabinetCsv(Path(sys.argv[1])),
    now=datetime(2026, 11, 23, 9, 0, tzinfo=UTC),
    batch_size=int(sys.argv[2]),
    on_progress=lambda report, rejections: print(report.accepted + report.duplicates, flush=True),
)
print("done", flush=True)
"""


@pytest.fixture
def prepared(sqlite_template: Path, tmp_path: Path) -> Path:
    """A database with ten subscribers, some of whom run out of money."""
    path = tmp_path / "prepared.db"
    shutil.copy(sqlite_template, path)
    engine = db.make_engine(f"sqlite:///{path}")
    with Session(engine) as session, session.begin():
        tariffs.store_catalogue(session, parse(CATALOGUE, "test.yaml"), now=START)
        for number in range(10):
            subscribers.create(
                session,
                account_number=f"{number}",
                msisdn=f"7916000000{number}",
                name="",
                region="moscow",
                plan_code="simple",
                activated_at=START,
                anchor_day=1,
                credit_limit_kopecks=600_00 * number,
                now=START,
            )
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return path


@pytest.fixture
def usage_file(tmp_path: Path) -> Path:
    chance = random.Random(7)
    path = tmp_path / "usage.csv"
    with path.open("w") as file:
        file.write("record_id,msisdn,kind,direction,started_at,quantity,zone,peer\n")
        for number in range(ROWS):
            kind, most = chance.choice([("voice", 900), ("sms", 1), ("data", 2**26)])
            moment = START + timedelta(seconds=chance.randrange(90 * 86_400))
            msisdn = f"7916000000{chance.randrange(10)}"
            file.write(f"r{number},{msisdn},{kind},out,{moment.isoformat()},{chance.randint(0, most)},home,\n")
    return path


def start_import(database: Path, usage_file: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", IMPORT, str(usage_file), str(BATCH)],
        env={"CABINET_DATABASE_URL": f"sqlite:///{database}", "PATH": ""},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def contents(database: Path) -> dict[str, list[tuple]]:
    engine = db.make_engine(f"sqlite:///{database}")
    with engine.connect() as connection:
        found = {name: connection.execute(text(f'SELECT * FROM "{name}"')).all() for name in metadata.tables}
    engine.dispose()
    return {name: [tuple(row) for row in rows] for name, rows in found.items()}


def test_killed_and_run_again_it_ends_where_an_undisturbed_import_does(prepared, usage_file, tmp_path):
    undisturbed, disturbed = tmp_path / "undisturbed.db", tmp_path / "disturbed.db"
    shutil.copy(prepared, undisturbed)
    shutil.copy(prepared, disturbed)
    with start_import(undisturbed, usage_file) as importer:
        assert importer.communicate()[0].endswith("done\n")

    chance, kills, finished = random.Random(11), 0, False
    while not finished:
        importer = start_import(disturbed, usage_file)
        assert importer.stdout is not None
        for _ in range(8 + 8 * kills):  # further each time: what is known already goes by quickly
            finished = importer.stdout.readline() == "done\n"
            if finished:
                break
        else:
            time.sleep(chance.random() * 0.02)  # somewhere inside the next batch
            importer.kill()
            kills += 1
        importer.wait()
        importer.stdout.close()

    assert kills >= 3
    expected, found = contents(undisturbed), contents(disturbed)
    assert len(found["usage_record"]) == ROWS
    assert len(found["posting"]) > 100
    for name in expected:
        assert found[name] == expected[name], f"table {name} differs"
