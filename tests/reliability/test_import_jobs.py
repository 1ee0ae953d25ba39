"""An import by several processes, killed and run again with others, ends where one process does. PostgreSQL only."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session

from cabinet import db
from cabinet.adapters.usage_files.cabinet_csv import CabinetCsv
from cabinet.config import ROOT
from cabinet.domain.catalogue import parse
from cabinet.services import audit, subscribers, tariffs
from cabinet.services.usage import Share
from tests.reliability.test_import_kill import BATCH, CATALOGUE, ROWS, START, usage_file  # noqa: F401
from tests.servers import PostgresServer
from tests.waiting import wait_until

pytestmark = pytest.mark.postgres

IMPORT = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from cabinet.adapters.usage_files.formats import UsageFormat
from cabinet.parallel_import import import_in_parallel

if __name__ == "__main__":
    import_in_parallel(
        Path(sys.argv[1]), UsageFormat.CABINET, jobs=int(sys.argv[2]), batch_size=int(sys.argv[3]),
        now=datetime(2026, 11, 23, 9, 0, tzinfo=UTC), until=None,
        on_progress=lambda report, rejections, read: print(report.accepted + report.duplicates, flush=True),
    )
    print("done", flush=True)
"""


@pytest.fixture
def engine_name() -> str:
    return "postgres"


def given_subscribers(engine: Engine) -> None:
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


def outcome(engine: Engine) -> list[list[tuple]]:
    """What became of everybody's usage and money, without the numbers that rows were given."""
    questions = (
        "SELECT record_id, started_at, billed_quantity, missed_quantity, charge_kopecks FROM usage_record ORDER BY 1",
        "SELECT record_id, started_at FROM usage_key ORDER BY 1",
        "SELECT code, balance_kopecks FROM account ORDER BY 1",
        "SELECT reference FROM ledger_transaction WHERE kind IN ('usage', 'plan_fee') ORDER BY 1",
        "SELECT reference, remaining FROM allowance ORDER BY 1",
        "SELECT subscriber_id, period_start_at, key, units FROM overage_counter ORDER BY 1, 2, 3",
        "SELECT subscriber_id, day_on, category, amount_kopecks, postings FROM spending_day ORDER BY 1, 2, 3",
    )
    with engine.connect() as connection:
        return [[tuple(row) for row in connection.execute(text(question))] for question in questions]


def start(url: str, path: Path, script: Path, jobs: int) -> subprocess.Popen[str]:
    script.write_text(IMPORT)
    environment = {"CABINET_DATABASE_URL": url, "PATH": "", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(script), str(path), str(jobs), str(BATCH)]
    return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_killed_and_run_again_by_others_it_ends_where_one_process_does(
    database: Engine,
    database_url: str,
    postgres: PostgresServer,
    usage_file: Path,  # noqa: F811
    tmp_path: Path,
):
    given_subscribers(database)
    alone = db.make_engine(postgres.create("import_alone", template="template"))
    given_subscribers(alone)

    killed = start(database_url, usage_file, tmp_path / "jobs.py", 2)
    assert killed.stdout is not None
    assert int(killed.stdout.readline()) > 0
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    wait_until(lambda: not others_work(database), what="the jobs see that nobody waits for them")
    again = start(database_url, usage_file, tmp_path / "jobs.py", 3)
    assert again.communicate()[0].endswith(f"{ROWS}\ndone\n")

    undisturbed = start(alone.url.render_as_string(hide_password=False), usage_file, tmp_path / "jobs.py", 1)
    assert undisturbed.communicate()[0].endswith("done\n")
    assert outcome(database) == outcome(alone)
    with db.reading() as session:
        assert audit.run_audit(session).faults == []
    alone.dispose()


def others_work(engine: Engine) -> bool:
    with engine.connect() as connection:
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        return connection.execute(text(f"{others} AND backend_type = 'client backend'")).scalar_one() > 0


def test_every_row_is_in_one_share(usage_file: Path):  # noqa: F811
    rows = list(CabinetCsv(usage_file).rows())
    shares = [Share(number, 3) for number in range(3)]
    assert all(sum(share.has(row) for share in shares) == 1 for row in rows)
