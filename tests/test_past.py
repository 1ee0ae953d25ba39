"""The commands that take an operator through time gone by, month after month, and its catalogue to a new version."""

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from typer.testing import CliRunner, Result

from cabinet import clock, db
from cabinet.__main__ import app
from cabinet.config import settings
from cabinet.models.base import Instant
from cabinet.services import audit

USERS = "user_id,first_name,last_name,age,city,reg_date,tariff,churn_date"
FILES = {
    "megaline_users.csv": f"""{USERS}
1000,Anna,Ames,45,Boston,15/01/2018,surf,
1001,Ben,Bates,28,Boston,01/03/2018,ultimate,
""",
    "megaline_calls.csv": """id,user_id,call_date,duration
1000_1,1000,20/01/2018,500.00
1000_2,1000,31/01/2018,1.20
1000_3,1000,01/02/2018,1.00
1001_1,1001,31/03/2018,3.00
""",
    "megaline_messages.csv": "id,user_id,message_date\n1000_1,1000,10/03/2018\n",
    "megaline_internet.csv": "id,user_id,session_date,mb_used\n1001_1,1001,05/03/2018,31744.00\n",
}


@pytest.fixture
def megaline(tmp_path: Path) -> Path:
    """Two of five hundred, and a few of their calls."""
    folder = tmp_path / "megaline"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_text(content)
    return folder


def run(*words: object) -> Result:
    return CliRunner().invoke(app, list(map(str, words)))


def fees() -> list[tuple[str, date]]:
    with db.reading() as session:
        rows = session.execute(
            text(
                "SELECT u.account_number, f.period_start_at FROM fee_charge f"
                " JOIN plan_subscription s ON s.id = f.subscription_id JOIN subscriber u ON u.id = s.subscriber_id"
                " ORDER BY 2, 1"
            ).columns(period_start_at=Instant())
        )
        return [(number, clock.local(start).date()) for number, start in rows]


def overage() -> int:
    with db.reading() as session:
        return session.execute(text("SELECT coalesce(sum(charge_kopecks), 0) FROM usage_record")).scalar_one()


def test_month_by_month_an_operator_of_the_past_lives_again(database: Engine, megaline: Path):
    said = run("import-usage", megaline, "--format", "megaline", "--until", "2018-02-01")
    assert said.exit_code == 0, said.output
    assert "Accepted 2, duplicates 0, rejected 0." in said.output
    assert "Left for later: 4." in said.output
    assert overage() == 6  # 502 minutes, two over

    assert run("worker", "--until", "2018-02-01").exit_code == 0
    assert fees() == [("1000", date(2018, 1, 1)), ("1000", date(2018, 2, 1))]
    for day in ("2018-03-01", "2018-04-01"):
        assert run("import-usage", megaline, "--format", "megaline", "--until", day).exit_code == 0
        assert run("worker", "--until", day).exit_code == 0

    assert fees()[2:] == [
        *[("1000", date(2018, 3, 1)), ("1001", date(2018, 3, 1))],
        *[("1000", date(2018, 4, 1)), ("1001", date(2018, 4, 1))],
    ]
    assert overage() == 6 + 700  # 31 gigabytes, one over
    with db.reading() as session:
        assert audit.run_audit(session).is_sound


def test_the_past_lived_twice_is_lived_once(database: Engine, megaline: Path):
    for _ in range(2):
        assert run("import-usage", megaline, "--format", "megaline", "--until", "2018-03-01").exit_code == 0
        assert run("worker", "--until", "2018-03-01").exit_code == 0

    assert fees() == [("1000", date(2018, month, 1)) for month in (1, 2, 3)] + [("1001", date(2018, 3, 1))]


def test_nobody_lives_in_the_future(database: Engine):
    said = run("worker", "--until", "2999-01-01")

    assert said.exit_code == 2
    assert "has not begun" in said.output


def test_a_changed_catalogue_is_brought_on_sale_and_what_was_sold_stays(database: Engine, tmp_path: Path):
    shipped = settings().catalogue_path.read_text(encoding="utf-8")
    path = tmp_path / "catalogue.yaml"
    assert run("load-catalogue").exit_code == 0

    path.write_text(
        shipped.replace("code: legkiy\n    version: 1", "code: legkiy\n    version: 2", 1), encoding="utf-8"
    )
    said = run("load-catalogue", path)
    assert said.output == "New versions: 1. Closed or opened for joining: 0.\n"
    assert run("load-catalogue", path).output == "New versions: 0. Closed or opened for joining: 0.\n"

    path.write_text(shipped.replace("name: Максимум\n", "name: Максимум\n    archived: yes\n", 1), encoding="utf-8")
    assert run("load-catalogue", path).output == (
        "New versions: 0. Closed or opened for joining: 1.\nSold in a newer version than the file has: legkiy.\n"
    )

    path.write_text(shipped.replace("name: Максимум\n", "name: Больше\n", 1), encoding="utf-8")
    refused = run("load-catalogue", path)
    assert refused.exit_code == 2
    assert "следующий номер версии" in refused.output
