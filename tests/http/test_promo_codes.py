"""The file of promo codes: for those of the staff who make promotions, and for nobody else."""

import pyotp
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from cabinet import clock
from cabinet.db import transaction
from cabinet.domain.staff import Role
from cabinet.http import auth, promo_codes, staff
from cabinet.services import passwords, promotion_desk
from cabinet.services import staff as staffs
from tests.conftest import NOON
from tests.services.test_promotions import terms

PASSWORD = "лошадь скрепка батарея"


def signed_in(role: Role) -> TestClient:
    kept_hash = passwords.hash_of(PASSWORD)
    with transaction() as session:
        hired = staffs.add_member(session, login=role, name="Имя", role=role, password_hash=kept_hash, now=clock.now())
    client = strangers()
    code = pyotp.TOTP(hired.secret).at(int(clock.now().timestamp()))
    client.post("/auth/staff", data={"login": role, "password": PASSWORD, "totp": code})
    return client


def strangers() -> TestClient:
    app = Starlette(routes=[*promo_codes.routes, *staff.routes, *auth.routes])
    return TestClient(app, base_url="http://localhost:3000", follow_redirects=False)


@pytest.fixture
def series(database: object) -> int:
    with transaction() as session:
        promotion_desk.save(session, "autumn", terms(), now=NOON)
        return promotion_desk.make_series(session, "autumn", "Листовки", count=3, uses_each=2, now=NOON)


def test_the_product_team_gets_every_code_with_its_uses(series: int):
    answer = signed_in(Role.PRODUCT).get(f"/staff/promo-codes/{series}.csv")

    assert answer.headers["content-disposition"] == f'attachment; filename="promo-codes-{series}.csv"'
    assert answer.headers["cache-control"] == "private, no-store"
    head, *rows = answer.text.splitlines()
    assert head == "code,used,uses"
    assert [row.split(",")[1:] for row in rows] == [["0", "2"]] * 3


def test_others_of_the_staff_and_strangers_do_not_learn_that_it_is_there(series: int):
    for client in (signed_in(Role.AGENT), strangers()):
        assert client.get(f"/staff/promo-codes/{series}.csv").status_code == 404


def test_a_series_that_is_not_there_is_not_found(series: int):
    client = signed_in(Role.PRODUCT)
    for wrong in (series + 1, 10**30):
        assert client.get(f"/staff/promo-codes/{wrong}.csv").status_code == 404
