"""What a command cannot help: told in one line that says what to do, exit code 2, and no trace."""

import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cabinet import db
from cabinet.__main__ import app
from cabinet.config import ROOT, UnsafeSettings, settings
from tests.servers import PostgresServer


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch):
    def run(*words: str, **environment: str) -> Result:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()
        db.engine.cache_clear()
        return CliRunner().invoke(app, list(words))

    return run


def is_told(result: Result, *parts: str) -> bool:
    line = result.output.strip()
    assert result.exit_code == 2, result.output
    assert "\n" not in line
    assert "Traceback" not in line
    assert all(part in line for part in parts), line
    return True


def test_a_database_of_a_newer_version_is_left_alone(run, database_url: str):
    with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()

    for command in ("migrate", "audit"):
        assert is_told(run(command, CABINET_DATABASE_URL=database_url), "newer version")


def test_an_old_database_is_to_be_migrated_first(run, database_url: str):
    with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
        connection.commit()

    assert is_told(run("audit", CABINET_DATABASE_URL=database_url), "python -m cabinet migrate")


@pytest.mark.postgres
def test_processes_that_start_together_migrate_one_after_another(postgres: PostgresServer):
    url = postgres.create("started_together")
    command = [sys.executable, "-m", "cabinet", "migrate"]
    environment = os.environ | {"CABINET_DATABASE_URL": url}

    together = [subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE) for _ in range(3)]

    told = [process.communicate(timeout=120)[1].decode() for process in together]
    assert [process.returncode for process in together] == [0, 0, 0], told
    postgres.drop(url)


def test_a_file_that_is_no_database_is_named(run, tmp_path: Path):
    (tmp_path / "notes.txt").write_text("milk, bread, and a good deal more than that")

    result = run("audit", CABINET_DATABASE_URL=f"sqlite:///{tmp_path / 'notes.txt'}")

    assert is_told(result, "notes.txt", "not a database", "CABINET_DATABASE_URL")


def test_a_server_that_is_away_is_named_without_the_password(run):
    result = run("migrate", CABINET_DATABASE_URL="postgresql+psycopg://cabinet:opensesame@127.0.0.1:1/cabinet")

    assert is_told(result, "127.0.0.1:1", "Is the server running")
    assert "opensesame" not in result.output


def test_a_full_disk_is_told_and_what_was_done_stands(run, database_url: str, monkeypatch: pytest.MonkeyPatch):
    prepare = db._prepare_sqlite

    def prepare_small(connection: sqlite3.Connection, record: object) -> None:
        prepare(connection, record)
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages + 20}")

    monkeypatch.setattr(db, "_prepare_sqlite", prepare_small)

    assert is_told(run("demo", CABINET_DATABASE_URL=database_url), "is full", "Free some space")
    monkeypatch.setattr(db, "_prepare_sqlite", prepare)
    assert run("audit").exit_code == 0


def test_a_folder_that_cannot_be_made_is_named(run, tmp_path: Path):
    (tmp_path / "var").write_text("")

    assert is_told(run("migrate", CABINET_DATABASE_URL=f"sqlite:///{tmp_path}/var/deep/cabinet.db"), "var")


def test_a_misspelled_setting_is_told_and_the_command_goes_on(run, database_url: str):
    result = run("migrate", CABINET_DATABASE_URL=database_url, CABINET_BRAND_NAM="Мегалайн")

    assert result.exit_code == 0
    assert "CABINET_BRAND_NAM: there is no such setting; did you mean CABINET_BRAND_NAME?" in result.output


@pytest.mark.parametrize("written", ["30,60", "[30, 60]", " 30 , 60 "])
def test_a_list_is_written_with_commas(monkeypatch: pytest.MonkeyPatch, written: str):
    monkeypatch.setenv("CABINET_RESEND_PAUSES", written)
    settings.cache_clear()

    assert settings().resend_pauses == (30, 60)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RESEND_PAUSES", "often"),
        ("RESEND_PAUSES", ","),
        ("RESEND_PAUSES", "60,0"),
        ("LOG_LEVEL", "LOUD"),
        ("DATABASE_URL", "postgresql+psycopg://cabinet@host:port/name"),
        ("SMS_GATEWAY", "pigeon"),
        ("SMS_URL", "https://sms.example.ru/?text={text}"),
        ("SMS_URL", "ftp://sms.example.ru/?to={to}&text={text}"),
        ("SMS_URL", "https://sms.example.ru/?to={to}&text={text}&id={ref}"),
        ("SMS_URL", "https://sms.example.ru/?to={to}&text={text"),
        ("SMS_WINDOW", "0"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str):
    monkeypatch.setenv(f"CABINET_{name}", value)
    settings.cache_clear()

    with pytest.raises(UnsafeSettings, match=f"^CABINET_{name}: "):
        settings()


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"SMS_GATEWAY": "smpp"}, "SMS_HOST"),
        ({"SMS_GATEWAY": "smpp", "SMS_HOST": "smsc", "SMS_PASSWORD": "nine here"}, "SMS_USER"),
        ({"SMS_GATEWAY": "http"}, "SMS_URL"),
        ({"SMTP_HOST": "mail.example.ru"}, "SMTP_FROM"),
    ],
)
def test_a_gateway_that_lacks_a_setting_is_refused_and_no_secret_told(monkeypatch, given: dict[str, str], name: str):
    for setting, value in given.items():
        monkeypatch.setenv(f"CABINET_{setting}", value)
    settings.cache_clear()

    with pytest.raises(UnsafeSettings, match=f"^CABINET_{name} ") as refused:
        settings()

    assert "nine here" not in str(refused.value)


def test_secrets_of_gateways_are_not_shown(monkeypatch):
    for setting in ("SMS_PASSWORD", "SMTP_PASSWORD"):
        monkeypatch.setenv(f"CABINET_{setting}", "a secret")
    settings.cache_clear()

    assert "a secret" not in repr(settings())


def test_a_demo_operator_that_cannot_be_made_ends_the_start(run, database_url: str, monkeypatch, capfd):
    monkeypatch.setattr("cabinet.serve.prepare_environment", lambda: None)
    monkeypatch.setattr("cabinet.serve.refuse_busy_port", lambda *address: None)

    result = run("serve", CABINET_DATABASE_URL=database_url, CABINET_CATALOGUE_PATH="/nowhere.yaml")

    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert "/nowhere.yaml" in capfd.readouterr().err


def test_staff_is_hired_with_a_key_told_once_and_can_be_dismissed(run, database_url: str):
    words = ("staff", "add", "irina", "--role", "agent", "--name", "Ирина М.", "--generate-password")
    hired = run(*words, CABINET_DATABASE_URL=database_url)
    assert hired.exit_code == 0, hired.output
    assert "otpauth://totp/" in hired.output
    key = re.search(r"type the key: ([A-Z2-7]{32})", hired.output)[1]

    again = run("staff", "reset-totp", "irina")
    assert key not in again.output
    assert "otpauth://totp/" in again.output
    assert "disabled" not in run("staff", "list").output
    assert "sessions ended: 0" in run("staff", "disable", "irina").output
    assert "disabled" in run("staff", "list").output
    run("staff", "enable", "irina")
    assert "disabled" not in run("staff", "list").output


def test_a_login_that_is_taken_and_one_that_is_not_there_are_told(run, database_url: str):
    words = ("staff", "add", "irina", "--role", "agent", "--name", "И.", "--generate-password")
    run(*words, CABINET_DATABASE_URL=database_url)

    assert "irina" in run(*words).output
    assert is_told(run("staff", "disable", "nobody"), "nobody")
    assert is_told(run("staff", "reset-totp", "nobody"), "nobody")


def test_a_password_of_the_staff_follows_the_rules_of_passwords(run, database_url: str, monkeypatch):
    monkeypatch.setattr("typer.prompt", lambda *_words, **_options: "qwertyuiop")

    refused = run("staff", "add", "irina", "--role", "agent", "--name", "И.", CABINET_DATABASE_URL=database_url)

    assert is_told(refused, "легко подобрать")


def test_production_does_not_start_while_the_demos_staff_can_sign_in(run, database_url: str, monkeypatch):
    monkeypatch.setattr("cabinet.serve.refuse_busy_port", lambda *_where: None)
    run(
        "staff",
        "add",
        "operator",
        "--role",
        "agent",
        "--name",
        "И.",
        "--generate-password",
        CABINET_DATABASE_URL=database_url,
    )
    with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as connection:
        connection.execute("UPDATE staff_member SET is_demo = 1")
        connection.commit()
    production = {
        "CABINET_ENV": "production",
        "CABINET_SECRET_KEY": "x" * 32,
        "CABINET_PUBLIC_URL": "https://lk.example.ru",
        "CABINET_SMS_GATEWAY": "smpp",
        "CABINET_SMS_HOST": "smsc",
        "CABINET_PAYMENTS_GATEWAY": "yookassa",
        "CABINET_PAYMENTS_SHOP": "1",
        "CABINET_PAYMENTS_SECRET": "live_x",
        "CABINET_PAYMENTS_VAT_CODE": "1",
        "CABINET_TRUSTED_PROXY_HOPS": "1",
    }

    assert is_told(run("serve", **production), "operator", "staff disable")


def test_a_top_up_that_is_none_is_told(run, database_url: str):
    assert "No top-up needs a person" in run("top-ups", "attention", CABINET_DATABASE_URL=database_url).output
    for command in ("refund", "looked"):
        assert is_told(run("top-ups", command, "1000001"), "no top-up 1000001")
    assert is_told(run("top-ups", "refund", "1000001", "--sum", "1e5"), "не сумма денег")
