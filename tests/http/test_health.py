"""Alive, ready, and what is ill."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.testclient import TestClient

from cabinet import clock, db
from cabinet.config import settings
from cabinet.db import transaction
from cabinet.http import health
from cabinet.models.outbox import OutboxMessage, OutboxState


@pytest.fixture
def client() -> TestClient:
    return TestClient(Starlette(routes=health.routes))


def given_message(age: timedelta, state: OutboxState = OutboxState.WAITING) -> None:
    now = clock.now()
    with transaction() as session:
        session.add(
            OutboxMessage(
                reference=f"m-{age}-{state}",
                kind="code",
                recipient="79160000001",
                body="…",
                state=state,
                created_at=now - age,
                send_after=now - age,
            )
        )


def test_alive_without_a_database(client, monkeypatch, tmp_path):
    monkeypatch.setenv("CABINET_DATABASE_URL", f"sqlite:///{tmp_path / 'missing' / 'cabinet.db'}")
    settings.cache_clear()

    assert client.get("/healthz").json() == {"status": "ok"}
    assert not (tmp_path / "missing").exists()


def test_ready_with_an_empty_outbox(client, database):
    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "database": "ok",
        "schema": "ok",
        "outbox": "ok",
        "oldest_message_seconds": None,
    }


def test_ready_while_messages_are_on_their_way(client, database):
    given_message(timedelta(seconds=30))
    given_message(timedelta(hours=1), OutboxState.SENT)
    given_message(-timedelta(hours=1))  # to be sent in an hour

    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert 30 <= answer.json()["oldest_message_seconds"] < 40


def test_a_message_that_waits_too_long_is_an_illness(client, database):
    given_message(timedelta(minutes=6))

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["outbox"] == "the oldest message waits too long"
    assert answer.json()["database"] == "ok"


def test_an_old_schema_is_named(client, monkeypatch, tmp_path):
    monkeypatch.setenv("CABINET_DATABASE_URL", f"sqlite:///{tmp_path / 'empty.db'}")
    settings.cache_clear()

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["schema"].startswith("not current")


def test_a_process_whose_schema_has_been_migrated_beneath_it_is_well(client, database):
    with database.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    given_message(timedelta(seconds=30))

    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json()["schema"] == "newer than this process"
    assert answer.json()["oldest_message_seconds"] >= 30


def test_a_database_that_does_not_answer_is_named_without_its_address(client, monkeypatch):
    monkeypatch.setenv("CABINET_DATABASE_URL", "postgresql+psycopg://cabinet:hush@127.0.0.1:9/cabinet")
    settings.cache_clear()
    db.engine.cache_clear()

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["database"] == "does not answer"
    assert "hush" not in answer.text
