"""Backup and restore: a drill on both engines, and everything that is refused."""

import json
import shutil
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from cabinet import backups, clock, db
from cabinet.__main__ import app
from cabinet.config import settings
from cabinet.domain import catalogue
from cabinet.services import billing, subscribers, tariffs
from tests.conftest import both_engines
from tests.servers import PostgresServer

PAID, LEFT = 1_234_56, 584_56  # the fee of 650 ₽ is taken at once


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of attached files, with one in it."""
    folder = tmp_path / "attached"
    (folder / "a1").mkdir(parents=True)
    (folder / "a1" / "photo.webp").write_bytes(b"a photo")
    monkeypatch.setenv("CABINET_FILES_PATH", str(folder))
    settings.cache_clear()
    return folder


@pytest.fixture
def operator(database, files: Path) -> Path:
    """A database with a subscriber who has paid; returns the folder of files."""
    now = clock.now()
    with db.transaction() as session:
        tariffs.store_catalogue(session, catalogue.load(settings().catalogue_path), now=now)
        subscriber_id = subscribers.create(
            session,
            account_number="960000001",
            msisdn="79160000001",
            name="Анна",
            region="moskva",
            plan_code="svoboda",
            activated_at=now - timedelta(days=1),
            now=now,
        )
        billing.record_payment(
            session, subscriber_id, PAID, reference="top-up:1", happened_at=now, now=now, source="card"
        )
    return files


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def paid() -> list[int]:
    with db.engine().connect() as connection:
        return [*connection.execute(text("SELECT balance_kopecks FROM account WHERE kind = 'main'")).scalars()]


def use_another_database(url: str, monkeypatch: pytest.MonkeyPatch, files: Path) -> None:
    db.engine().dispose()
    monkeypatch.setenv("CABINET_DATABASE_URL", url)
    monkeypatch.setenv("CABINET_FILES_PATH", str(files))
    settings.cache_clear()
    db.engine.cache_clear()


@pytest.fixture
def empty_url(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path):
    """The address of a database without a table."""
    if engine_name == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.create(f"empty_{tmp_path.name}")
    yield url
    db.engine().dispose()
    server.drop(url)


@both_engines
def test_what_was_backed_up_is_restored_elsewhere_and_sound(operator, empty_url, monkeypatch, tmp_path):
    made = run("backup", str(tmp_path / "copy"))
    assert made.exit_code == 0, made.output
    use_another_database(empty_url, monkeypatch, tmp_path / "other files")

    done = run("restore", str(tmp_path / "copy"))

    assert done.exit_code == 0, done.output
    assert "what must hold" in done.output  # the audit
    assert paid() == [LEFT]
    assert (tmp_path / "other files" / "a1" / "photo.webp").read_bytes() == b"a photo"


@both_engines
def test_ledger_lines_stay_untouchable_after_a_restore(operator, empty_url, monkeypatch, tmp_path):
    run("backup", str(tmp_path / "copy"))
    use_another_database(empty_url, monkeypatch, tmp_path / "other files")
    assert run("restore", str(tmp_path / "copy")).exit_code == 0

    with (
        pytest.raises(Exception, match="is insert-only"),
        db.transaction() as s,
    ):
        s.execute(text("UPDATE posting SET amount_kopecks = 1"))


@both_engines
def test_a_database_with_something_in_it_is_overwritten_only_by_force(operator, tmp_path):
    run("backup", str(tmp_path / "copy"))
    with db.transaction() as session:
        session.execute(text("UPDATE subscriber SET name = 'Вера'"))
    db.engine().dispose()

    refused = run("restore", str(tmp_path / "copy"))
    assert (refused.exit_code, refused.output.strip()) == (
        2,
        "The database is not empty. With --force all that is in it is lost.",
    )

    forced = run("restore", str(tmp_path / "copy"), "--force")
    assert forced.exit_code == 0, forced.output
    with db.engine().connect() as connection:
        assert connection.execute(text("SELECT name FROM subscriber")).scalar_one() == "Анна"


def test_a_backup_of_one_moment_is_made_while_others_write(operator, tmp_path, monkeypatch):
    """Each payment adds to two accounts; the copy never has one without the other."""
    monkeypatch.setattr(backups, "PAGES_AT_ONCE", 1)
    is_over = threading.Event()

    def pay() -> None:
        number = 2
        while not is_over.is_set():
            with db.transaction() as session:
                now = clock.now()
                billing.record_payment(
                    session, 1, 100, reference=f"top-up:{number}", happened_at=now, now=now, source="card"
                )
            number += 1

    payer = threading.Thread(target=pay)
    payer.start()
    try:
        assert run("backup", str(tmp_path / "copy")).exit_code == 0
    finally:
        is_over.set()
        payer.join()

    use_another_database(f"sqlite:///{tmp_path / 'empty.db'}", monkeypatch, tmp_path / "other files")
    done = run("restore", str(tmp_path / "copy"))
    assert done.exit_code == 0, done.output


def test_an_existing_folder_is_left_alone(operator, tmp_path):
    (tmp_path / "copy").mkdir()

    done = run("backup", str(tmp_path / "copy"))

    assert done.exit_code == 2
    assert "is there already" in done.output
    assert [*(tmp_path / "copy").iterdir()] == []


def test_a_backup_that_breaks_off_leaves_nothing(operator, tmp_path, monkeypatch):
    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backups, "_digest", full)

    done = run("backup", str(tmp_path / "copy"))

    assert done.exit_code == 2
    assert "No space left on device" in done.output
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("copy")] == []


def test_a_damaged_backup_changes_nothing(operator, tmp_path):
    run("backup", str(tmp_path / "copy"))
    with (tmp_path / "copy" / "database.sqlite3").open("r+b") as copy:
        copy.seek(5000)
        copy.write(b"?")

    done = run("restore", str(tmp_path / "copy"), "--force")

    assert done.exit_code == 2
    assert "damaged" in done.output
    assert paid() == [LEFT]


def test_a_backup_without_an_attached_file_is_damaged(operator, tmp_path):
    run("backup", str(tmp_path / "copy"))
    shutil.rmtree(tmp_path / "copy" / "files")

    assert "0 attached files, not 1" in run("restore", str(tmp_path / "copy"), "--force").output


def test_a_backup_of_a_newer_program_is_refused(operator, tmp_path):
    run("backup", str(tmp_path / "copy"))
    about = json.loads((tmp_path / "copy" / "backup.json").read_text())
    (tmp_path / "copy" / "backup.json").write_text(json.dumps(about | {"revision": "9999"}))

    done = run("restore", str(tmp_path / "copy"), "--force")

    assert done.exit_code == 2
    assert "newer version" in done.output
    assert paid() == [LEFT]


def test_what_is_no_backup_is_named(operator, tmp_path):
    (tmp_path / "notes").mkdir()

    done = run("restore", str(tmp_path / "notes"), "--force")

    assert done.exit_code == 2
    assert "notes is not a backup" in done.output


@pytest.mark.postgres
def test_a_backup_of_the_other_engine_is_refused(operator, postgres, monkeypatch, tmp_path):
    run("backup", str(tmp_path / "copy"))
    url = postgres.create("restore_other")
    use_another_database(url, monkeypatch, tmp_path / "other files")

    done = run("restore", str(tmp_path / "copy"))

    assert done.exit_code == 2
    assert "of sqlite" in done.output
    db.engine().dispose()
    postgres.drop(url)


@pytest.mark.postgres
@pytest.mark.parametrize("engine_name", ["postgres"])
def test_nobody_may_be_connected_to_a_postgresql_that_is_restored(operator, tmp_path):
    run("backup", str(tmp_path / "copy"))
    other = db.make_engine(settings().database_url)
    with other.connect() as connection:
        connection.execute(text("SELECT 1"))

        done = run("restore", str(tmp_path / "copy"), "--force")

    other.dispose()
    assert done.exit_code == 2
    assert "1 are connected" in done.output
    assert paid() == [LEFT]


def test_the_tools_of_postgresql_get_the_password_where_nobody_reads_it(monkeypatch):
    monkeypatch.setenv(
        "CABINET_DATABASE_URL", "postgresql+psycopg://cabinet:hush@db.internal:5433/base?sslmode=require"
    )
    settings.cache_clear()

    assert backups._address() == "postgresql://cabinet@db.internal:5433/base?sslmode=require"
    assert backups._environment()["PGPASSWORD"] == "hush"
