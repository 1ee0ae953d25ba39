"""The form of the staff's sign-in: cookies, where it leads, what stands on the page."""

import re
from types import SimpleNamespace

import pyotp
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from cabinet import clock, connections
from cabinet.db import reading, transaction
from cabinet.domain.staff import Role
from cabinet.http import auth, staff
from cabinet.services import passwords
from cabinet.services import staff as staffs

PASSWORD = "лошадь скрепка батарея"


@pytest.fixture
def client() -> TestClient:
    app = Starlette(routes=[*staff.routes, *auth.routes])
    return TestClient(app, base_url="http://localhost:3000", follow_redirects=False)


@pytest.fixture
def irina(database) -> SimpleNamespace:
    kept_hash = passwords.hash_of(PASSWORD)
    with transaction() as session:
        hired = staffs.add_member(
            session, login="irina", name="Ирина М.", role=Role.AGENT, password_hash=kept_hash, now=clock.now()
        )
    return SimpleNamespace(secret=hired.secret)


def given(irina: SimpleNamespace, **other: str) -> dict[str, str]:
    code = pyotp.TOTP(irina.secret).at(int(clock.now().timestamp()))
    return {"login": "irina", "password": PASSWORD, "totp": code} | other


def test_the_right_three_set_a_cookie_of_their_own_and_lead_to_the_desk(client, irina):
    answer = client.post("/auth/staff", data=given(irina))

    assert (answer.status_code, answer.headers["location"]) == (303, "/staff/")
    cookie = next(value for value in answer.headers.get_list("set-cookie") if value.startswith("staff="))
    assert re.search(r"HttpOnly; Path=/; SameSite=lax", cookie)
    assert "Max-Age" not in cookie
    assert "sid" not in answer.cookies


@pytest.mark.parametrize("other", [{"password": "не тот"}, {"totp": "000000"}, {"login": "nobody"}, {"login": ""}])
def test_anything_wrong_leads_back_with_the_same_words(client, irina, other):
    answer = client.post("/auth/staff", data=given(irina, **other))

    assert answer.headers["location"] == "/staff/login/"
    assert "staff" not in answer.cookies
    slots = client.get("/auth/screen?page=/staff/login/").json()
    assert slots["slots"]["error"].startswith("Логин, пароль или код не подошли.")
    assert slots["fills"] == {"login": other.get("login", "irina")}


def test_a_code_with_a_space_in_it_is_the_code(client, irina):
    fields = given(irina)

    answer = client.post("/auth/staff", data=fields | {"totp": f"{fields['totp'][:3]} {fields['totp'][3:]}"})

    assert answer.headers["location"] == "/staff/"


def test_who_is_in_already_is_sent_on(client, irina):
    client.post("/auth/staff", data=given(irina))

    assert client.get("/staff/login/").headers["location"] == "/staff/"


def test_signing_out_ends_it_and_leaves_a_subscribers_session_alone(client, irina):
    token = client.post("/auth/staff", data=given(irina)).cookies["staff"]

    answer = client.post("/auth/staff/sign-out")

    assert answer.headers["location"] == "/staff/login/"
    assert not any(value.startswith("sid=") for value in answer.headers.get_list("set-cookie"))
    with reading() as session:
        assert staffs.find(session, token, now=clock.now()) is None


def test_signing_out_closes_the_sockets_of_the_session(client, irina):
    token = client.post("/auth/staff", data=given(irina)).cookies["staff"]
    closed: list[str] = []
    key = connections.key_of("of a subscriber", connections.sessions.token_hash(token))
    connections.attach(connections.Socket(key, lambda: closed.append("both")))
    connections.attach(connections.Socket("of a subscriber", lambda: closed.append("other")))

    client.post("/auth/staff/sign-out")

    connections.forget_everything()
    assert closed == ["both"]
