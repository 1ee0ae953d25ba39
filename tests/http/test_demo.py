"""The demo world's addresses: there in the demo, nowhere else."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from cabinet import clock
from cabinet.adapters.sending import Message
from cabinet.adapters.sms.demo import DemoPhone
from cabinet.db import transaction
from cabinet.domain.staff import Role
from cabinet.http import demo
from cabinet.services import pre_sessions, staff
from cabinet.services.pre_sessions import Browser

TOKEN = "p" * 43


@pytest.fixture
def client() -> TestClient:
    return TestClient(Starlette(routes=demo.routes), base_url="http://localhost:3000")


def test_state_tells_the_moment_the_messages_and_this_browsers_letters(client, database):
    list(DemoPhone().send([Message("a", "79160000001", "123456 — код")]))
    list(DemoPhone().send([Message("b", "79160000002", "654321 — код")]))
    list(DemoPhone().send([Message("c", "anna@example.ru", "Откройте\nссылку", "Подтвердите адрес")]))
    with transaction() as session:
        pre_sessions.current_captcha(session, Browser(TOKEN), "ЖУКИ", now=clock.now())

    state = client.get("/demo/state.json", cookies={"pre": TOKEN}).json()

    assert list(state) == ["now", "sms", "letters", "captcha", "staff_totp", "staff_totps"]
    assert datetime.fromisoformat(state["now"]).tzinfo == UTC
    assert [(sms["to"], sms["text"]) for sms in state["sms"]] == [
        ("79160000001", "123456 — код"),
        ("79160000002", "654321 — код"),
    ]
    assert [(letter["to"], letter["subject"], letter["text"]) for letter in state["letters"]] == [
        ("anna@example.ru", "Подтвердите адрес", "Откройте\nссылку")
    ]
    assert state["captcha"] == "ЖУКИ"
    assert (state["staff_totp"], state["staff_totps"]) == ("", {})


def test_state_tells_the_codes_of_the_demos_staff(client, database):
    for login in ("operator", "supervisor"):
        with transaction() as session:
            staff.add_member(
                session, login=login, name=login, role=Role.AGENT, password_hash="", is_demo=True, now=clock.now()
            )

    state = client.get("/demo/state.json").json()

    assert list(state["staff_totps"]) == ["operator", "supervisor"]
    assert state["staff_totp"] == state["staff_totps"]["operator"]
    assert len(state["staff_totp"]) == 6


def test_another_browser_does_not_see_the_letters(client, database):
    with transaction() as session:
        pre_sessions.current_captcha(session, Browser(TOKEN), "ЖУКИ", now=clock.now())

    assert client.get("/demo/state.json").json()["captcha"] == ""
    assert client.get("/demo/state.json", cookies={"pre": "q" * 43}).json()["captcha"] == ""


@pytest.mark.parametrize("to", ["", "week", "DAY", "1"])
def test_the_clock_refuses_an_unknown_leap(client, database, to):
    before = clock.now()

    answer = client.post("/demo/clock", data={"to": to}, follow_redirects=False)

    assert answer.status_code == 400
    assert (clock.now() - before).total_seconds() < 60


def test_the_clock_of_a_world_that_was_not_made_stands_still(client, database):
    answer = client.post("/demo/clock", data={"to": "day"}, follow_redirects=False)

    assert answer.status_code == 409


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/demo/state.json"), ("POST", "/demo/clock"), ("POST", "/demo/clock/")]
)
def test_nothing_of_it_is_there_in_production(client, database, monkeypatch, method, path):
    monkeypatch.setattr("cabinet.http.demo.settings", lambda: SimpleNamespace(is_demo=False))  # no real gateway yet

    assert client.request(method, path, data={"to": "day"}).status_code == 404


@pytest.mark.parametrize("path", ["/demo", "/demo/"])
def test_the_demo_itself_leads_to_its_phone(client, database, path):
    answer = client.get(path, follow_redirects=False)

    assert (answer.status_code, answer.headers["location"]) == (303, "/demo/phone/")
