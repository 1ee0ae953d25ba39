"""The statement as a file: for whose it is, of the month asked for, and for nobody else."""

import csv
import io

import httpx
import pytest
from starlette.applications import Starlette

from cabinet import clock, db
from cabinet.http import statement
from cabinet.http.statement import Words
from cabinet.services import billing, sessions
from cabinet.ui import formats
from cabinet.ui.expenses.views import line_words, month_title
from tests.services.test_coming import given_anna
from tests.services.test_sessions import given_subscriber

WORDS = Words(line_words, month_title, formats.money, formats.phone)
MAGIC = {"csv": b"\xef\xbb\xbf", "xlsx": b"PK\x03\x04", "pdf": b"%PDF-"}


def month_of(moment) -> str:
    return f"{clock.local(moment):%Y-%m}"


@pytest.fixture
def anna(database) -> httpx.AsyncClient:
    """The browser of Анна, who has paid in 1 000 ₽ and then 3,50 ₽."""
    now = clock.now()
    with db.transaction() as session:
        subscriber_id = given_anna(session, 350_00, now)
        billing.record_payment(
            session, subscriber_id, 3_50, reference="money:2", happened_at=now, now=now, source="card"
        )
        opened = sessions.create(session, subscriber_id, is_remembered=False, device="", address="", now=now)
    return browser(opened.token)


def browser(token: str = "") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(Starlette(routes=[statement.route(WORDS)]))
    return httpx.AsyncClient(
        transport=transport, base_url="http://localhost:3000", cookies={"sid": token} if token else None
    )


async def asked(who: httpx.AsyncClient, **query: str) -> httpx.Response:
    return await who.get("/files/statement", params={"month": month_of(clock.now()), "format": "csv"} | query)


async def test_a_csv_has_every_line_of_the_month_the_newest_first(anna):
    answer = await asked(anna)

    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    lines = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert lines[0] == ["Дата и время", "Операция", "Подробности", "Сумма, ₽", "Баланс, ₽"]
    assert sorted((line[1], line[3]) for line in lines[1:]) == [
        ("Плата за тариф", "-650.00"),
        ("Пополнение", "1000.00"),
        ("Пополнение", "3.50"),
    ]


@pytest.mark.parametrize("kind", MAGIC)
async def test_every_format_is_saved_under_a_name_and_kept_by_no_cache(anna, kind: str):
    answer = await asked(anna, format=kind)

    assert answer.content.startswith(MAGIC[kind])
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["content-disposition"] == (f'attachment; filename="statement-{month_of(clock.now())}.{kind}"')


async def test_english_readers_get_english_names(anna):
    anna.cookies.set("lang", "en")

    assert "Date and time,Operation" in (await asked(anna)).text


async def test_a_stranger_is_sent_to_the_sign_in_page(anna):
    for who in (browser(), browser("x" * 43)):
        answer = await asked(who)
        assert (answer.status_code, answer.headers["location"]) == (303, "/login/")


async def test_somebody_elses_lines_are_in_nobodys_file(anna):
    now = clock.now()
    with db.transaction() as session:
        boris = given_subscriber(session, "79160000002", activated_at=now).id
        token = sessions.create(session, boris, is_remembered=False, device="", address="", now=now).token

    answer = await asked(browser(token))

    assert answer.status_code == 200
    assert len(answer.text.splitlines()) == 1


@pytest.mark.parametrize(
    "query",
    [
        {"month": "2001-01"},
        {"month": "2999-01"},
        {"month": "0000-01"},
        {"month": "2026-13"},
        {"month": "2026-1"},
        {"month": "٢٠٢٦-11"},
        {"month": ""},
        {"format": "exe"},
        {"format": ""},
    ],
)
async def test_there_are_no_other_files(anna, query: dict[str, str]):
    assert (await asked(anna, **query)).status_code == 404


async def test_a_long_month_goes_out_piece_by_piece(anna, monkeypatch):
    monkeypatch.setattr(statement, "PAGE", 2)

    async with anna.stream(
        "GET", "/files/statement", params={"month": month_of(clock.now()), "format": "csv"}
    ) as answer:
        whole = b"".join([piece async for piece in answer.aiter_bytes()])

    assert len(whole.decode("utf-8-sig").splitlines()) == 4
