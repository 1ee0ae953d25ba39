"""The doors of files: who is not signed in, or promises too much, is refused before a byte is read."""

import io
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from PIL import Image
from sqlmodel import select
from starlette.applications import Starlette

from cabinet import clock, db
from cabinet.config import settings
from cabinet.http import files
from cabinet.models.support import Attachment
from cabinet.services import sessions, support
from tests.services.test_orders import given, store

URL = "http://cabinet"


@pytest.fixture
def folder(database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CABINET_FILES_PATH", str(tmp_path / "files"))
    settings.cache_clear()
    with db.transaction() as session:
        store(session)
    return tmp_path / "files"


def signed_in() -> tuple[int, httpx.AsyncClient]:
    """A subscriber, and their browser."""
    with db.transaction() as session:
        subscriber_id = given(session)
        opened = sessions.create(session, subscriber_id, is_remembered=False, device="", address="", now=clock.now())
    return subscriber_id, browser(sid=opened.token)


def browser(**cookies: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=Starlette(routes=files.routes))
    return httpx.AsyncClient(transport=transport, base_url=URL, cookies=cookies)


def picture() -> bytes:
    held = io.BytesIO()
    Image.new("RGB", (30, 20), "blue").save(held, "PNG")
    return held.getvalue()


def kept(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def rows() -> list[Attachment]:
    with db.reading() as session:
        return list(session.exec(select(Attachment)))


class Read(Exception):
    """The body was read."""


async def never() -> AsyncIterator[bytes]:
    raise Read
    yield b""


async def test_a_picture_goes_there_and_back_and_is_saved_not_shown(folder: Path):
    subscriber_id, anna = signed_in()

    sent = await anna.post("/files/", params={"name": "../../снимок\n.png"}, content=picture())
    file_id = sent.json()["id"]
    with db.transaction() as session:
        support.open_ticket(
            session,
            subscriber_id,
            category="other",
            text="Вот",
            occasion="12345678",
            file_ids=[file_id],
            now=clock.now(),
        )
    given_back = await anna.get(f"/files/{file_id}")

    assert given_back.status_code == 200
    assert given_back.headers["content-disposition"].startswith("attachment; filename*=UTF-8''")
    assert "%2F" not in given_back.headers["content-disposition"]
    assert given_back.headers["content-type"] == "image/png"
    assert given_back.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert given_back.headers["cache-control"] == "private, no-store"
    with Image.open(io.BytesIO(given_back.content)) as seen:
        assert seen.size == (30, 20)


async def test_somebody_elses_file_is_not_found_and_neither_is_one_for_a_stranger(folder: Path):
    _, anna = signed_in()
    _, boris = signed_in()
    file_id = (await anna.post("/files/", params={"name": "a.png"}, content=picture())).json()["id"]

    assert (await boris.get(f"/files/{file_id}")).status_code == 404
    assert (await browser().get(f"/files/{file_id}")).status_code == 404
    assert (await anna.get(f"/files/{10**30}")).status_code == 404
    assert (await anna.get(f"/files/{file_id}")).status_code == 200


async def test_a_stranger_is_refused_before_the_body_is_read(folder: Path):
    answer = await browser().post(
        "/files/", params={"name": "a.png"}, content=never(), headers={"Content-Length": "100"}
    )

    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("name", "length", "status"),
    [
        ("кино.mp4", str(5 * 2**30), 413),
        ("пусто.png", "0", 422),
        ("счёт.pdf.exe", "100", 422),
        ("a.png", "-5", 411),
        ("a.png", "９", 411),
        ("a.png", "9" * 30, 411),
    ],
)
async def test_what_is_promised_is_looked_at_before_the_body_is_read(folder: Path, name: str, length: str, status: int):
    _, anna = signed_in()

    answer = await anna.post(
        "/files/", params={"name": name}, content=never(), headers={"Content-Length": length.encode()}
    )

    assert answer.status_code == status
    assert rows() == kept(folder) == []


async def test_without_a_promise_of_its_length_nothing_is_read(folder: Path):
    _, anna = signed_in()

    assert (await anna.post("/files/", params={"name": "a.png"}, content=never())).status_code == 411


@pytest.mark.parametrize("promised", [len(picture()) - 5, len(picture()) + 5])
async def test_more_or_less_than_was_promised_leaves_nothing(folder: Path, promised: int):
    _, anna = signed_in()

    answer = await anna.post(
        "/files/", params={"name": "a.png"}, content=picture(), headers={"Content-Length": str(promised)}
    )

    assert answer.status_code == 422
    assert rows() == kept(folder) == []


async def test_html_that_calls_itself_a_picture_leaves_nothing(folder: Path):
    _, anna = signed_in()

    answer = await anna.post("/files/", params={"name": "a.png"}, content=b"<html><script>alert(1)</script>")

    assert answer.json()["error"].startswith("Файл не читается")
    assert rows() == kept(folder) == []


async def test_files_of_an_hour_have_an_end(folder: Path):
    _, anna = signed_in()
    for _ in range(40):
        await anna.post("/files/", params={"name": "a.png"}, content=b"x")

    answer = await anna.post("/files/", params={"name": "a.png"}, content=picture())

    assert answer.json() == {"error": "Файлов за час было слишком много. Попробуйте позже."}
