"""The statement of a month as a file, for whose it is: CSV goes out as it is read, XLSX and PDF when they are whole."""

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any, BinaryIO

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from cabinet import clock, db
from cabinet.adapters import reports
from cabinet.adapters.reports import Heading, Row
from cabinet.config import settings
from cabinet.db import in_read_session
from cabinet.http.cookies import browser_of
from cabinet.locales import Language, language_of, translate
from cabinet.services import expenses, sessions, subscribers
from cabinet.services.expenses import Line, LinesPage, NoSuchMonth
from cabinet.services.sign_in import LOGIN

PATH = "/files/statement"
PAGE = 500
PIECE = 64 * 1024
MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}
_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
_one_by_one = asyncio.Semaphore()  # writing a file takes the processor, and a PDF memory


@dataclass(frozen=True, slots=True)
class Words:
    """How pages call things: a line (what it was, and its details), a month, a sum, a number."""

    line: Callable[[Line, Language], tuple[str, str]]
    month: Callable[[date, Language], str]
    money: Callable[[int, Language], str]
    phone: Callable[[str], str]


def route(words: Words) -> Route:
    """GET /files/statement?month=2026-11&format=csv"""
    return Route(PATH, partial(_give, words=words))


async def _give(request: Request, words: Words) -> Response:
    now, language = clock.now(), language_of(request.headers.get("cookie", ""))
    principal = await in_read_session(sessions.find, browser_of(request).sid, now=now)
    if principal is None:
        return RedirectResponse(LOGIN, 303, {"Cache-Control": "no-store"})
    asked, kind = _MONTH.fullmatch(request.query_params.get("month", "")), request.query_params.get("format", "")
    if asked is None or asked[1] == "0000" or kind not in MEDIA_TYPES:
        raise HTTPException(404)
    month_on, subscriber_id = date(int(asked[1]), int(asked[2]), 1), principal.subscriber_id
    read = partial(_read, subscriber_id=subscriber_id, month_on=month_on, now=now)
    try:
        heading = await in_read_session(_heading, subscriber_id, month_on, words, language, now=now)
    except NoSuchMonth:
        raise HTTPException(404) from None
    rows = partial(_rows, words=words, language=language)
    headers = {
        "Cache-Control": "private, no-store",
        "Content-Disposition": f'attachment; filename="statement-{asked[0]}.{kind}"',
    }
    if kind == "csv":
        pieces = _csv(heading, read, rows)
    else:
        write = reports.write_pdf if kind == "pdf" else reports.write_xlsx
        file = tempfile.TemporaryFile()  # noqa: SIM115  closed when it has gone
        async with _one_by_one:
            await asyncio.to_thread(_write, write, file, heading, read, rows)
        pieces = _pieces(file)
    return StreamingResponse(pieces, media_type=MEDIA_TYPES[kind], headers=headers)


def _heading(
    session: Any, subscriber_id: int, month_on: date, words: Words, language: Language, *, now: datetime
) -> Heading:
    month = expenses.get_month(session, subscriber_id, month_on, now=now)
    who = subscribers.get(session, subscriber_id)
    facts = (
        (translate("Номер", language), words.phone(who.msisdn)),
        (translate("Лицевой счёт", language), who.account_number),
        (translate("Потрачено", language), words.money(month.spent_kopecks, language)),
    )
    columns = ("Дата и время", "Операция", "Подробности", "Сумма, ₽", "Баланс, ₽")
    when, what, details, amount, balance = (translate(name, language) for name in columns)
    title = translate("Отчёт: {month}", language, month=words.month(month_on, language))
    return Heading(settings().brand_name, title, facts, (when, what, details, amount, balance))


def _read(before: str | None, *, subscriber_id: int, month_on: date, now: datetime) -> LinesPage:
    with db.reading() as session:
        return expenses.list_lines(session, subscriber_id, month_on, before=before, limit=PAGE, now=now)


def _rows(lines: Iterable[Line], *, words: Words, language: Language) -> Iterator[Row]:
    for line in lines:
        at = clock.local(line.happened_at)
        yield Row(at, *words.line(line, language), line.amount_kopecks, line.balance_after_kopecks)


async def _csv(
    heading: Heading, read: Callable[[str | None], LinesPage], rows: Callable[[Iterable[Line]], Iterator[Row]]
) -> AsyncIterator[bytes]:
    yield reports.csv_head(heading)
    before: str | None = None
    while True:
        page = await asyncio.to_thread(read, before)
        yield reports.csv_rows(rows(page.lines))
        if page.is_end:
            return
        before = page.next_before


def _write(
    write: Callable[[BinaryIO, Heading, Iterable[Row]], None],
    file: BinaryIO,
    heading: Heading,
    read: Callable[[str | None], LinesPage],
    rows: Callable[[Iterable[Line]], Iterator[Row]],
) -> None:
    def all_rows() -> Iterator[Row]:
        page = read(None)
        while True:
            yield from rows(page.lines)
            if page.is_end:
                return
            page = read(page.next_before)

    write(file, heading, all_rows())


async def _pieces(file: BinaryIO) -> AsyncIterator[bytes]:
    with file:
        await asyncio.to_thread(file.seek, 0)
        while piece := await asyncio.to_thread(file.read, PIECE):
            yield piece
