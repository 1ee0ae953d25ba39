"""The limit: Starlette with SQL and JavaScript by hand. `YARDSTICK_DATABASE` is the SQLite file, made when it is new."""

import asyncio
import json
import os
import secrets
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

import bcrypt
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from benchmarks.yardsticks.small_cabinet import (
    PASSWORD,
    PEOPLE,
    SERVICES,
    chart_of,
    number_of,
    operations_of,
    roubles,
)

DATABASE = os.environ["YARDSTICK_DATABASE"]
TABLES = """
CREATE TABLE person (id INTEGER PRIMARY KEY, number TEXT UNIQUE, password BLOB, balance INTEGER);
CREATE TABLE session (token TEXT PRIMARY KEY, person_id INTEGER);
CREATE TABLE operation (id INTEGER PRIMARY KEY, person_id INTEGER, day TEXT, title TEXT, amount INTEGER);
CREATE INDEX operation_person ON operation (person_id, day);
CREATE TABLE service (person_id INTEGER, number INTEGER, is_on INTEGER, PRIMARY KEY (person_id, number));
"""
PAGE = """<!doctype html><html lang="ru"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Кабинет</title><style>body{{font:16px sans-serif;max-width:40rem;margin:auto;padding:1rem}}
input,button{{font:inherit;padding:.5rem;margin:.25rem}}[aria-pressed=true]{{background:#cfc}}</style>{}</html>"""
SIGN_IN = PAGE.format("""<h1>Вход</h1><form method="post" action="/login"><label>Номер <input id="number" name="number"
required></label><label>Пароль <input id="password" name="password" type="password" required></label>
<button>Войти</button></form>""")
SCRIPT = """<script>document.addEventListener("click",async({target})=>{if(!target.dataset.service)return;
const answer=await fetch("/toggle/"+target.dataset.service,{method:"POST"});
target.setAttribute("aria-pressed",(await answer.json()).on)})</script>"""

_local = threading.local()
_bcrypt = ThreadPoolExecutor(max_workers=2)


def database() -> sqlite3.Connection:
    """This thread's connection, as durable as the cabinet's own."""
    if not hasattr(_local, "connection"):
        _local.connection = sqlite3.connect(DATABASE, timeout=5, isolation_level=None)
        _local.connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL")
    return _local.connection


def fill() -> None:
    """Makes the tables and everybody in them, once."""
    if database().execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        return
    password = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(12))
    people = range(1, PEOPLE + 1)
    operations = [(person, str(day), *rest) for person in people for day, *rest in operations_of(person)]
    database().executescript(f"BEGIN; {TABLES}")
    database().executemany(
        "INSERT INTO person VALUES (?, ?, ?, ?)", [(p, number_of(p), password, 31_250) for p in people]
    )
    database().executemany("INSERT INTO operation VALUES (NULL, ?, ?, ?, ?)", operations)
    services = [(person, number, 0) for person in people for number in range(len(SERVICES))]
    database().executemany("INSERT INTO service VALUES (?, ?, ?)", services)
    database().execute("COMMIT")


def find_password(number: str) -> tuple[int, bytes] | None:
    return database().execute("SELECT id, password FROM person WHERE number = ?", (number,)).fetchone()


def open_session(person: int) -> str:
    token = secrets.token_urlsafe(32)
    database().execute("INSERT INTO session VALUES (?, ?)", (token, person))
    return token


def dashboard_of(token: str) -> str | None:
    found = database().execute(
        "SELECT person.id, number, balance FROM session JOIN person ON person.id = person_id WHERE token = ?", (token,)
    )
    if (row := found.fetchone()) is None:
        return None
    person, number, balance = row
    operations = database().execute(
        "SELECT day, title, amount FROM operation WHERE person_id = ? ORDER BY day", (person,)
    )
    lines = operations.fetchall()
    services = database().execute("SELECT number, is_on FROM service WHERE person_id = ? ORDER BY number", (person,))
    chart = chart_of([amount for *_, amount in lines])
    rows = "".join(f"<li>{day} {title} {roubles(amount)}</li>" for day, title, amount in reversed(lines[-10:]))
    buttons = "".join(
        f'<button data-service="{n}" aria-pressed="{json.dumps(bool(on))}">{SERVICES[n]}</button>' for n, on in services
    )
    return PAGE.format(
        f'<h1>Баланс</h1><p>{number}: {roubles(balance)}</p><svg viewBox="0 0 300 80"><polyline fill="none" '
        f'stroke="green" points="{chart}"/></svg><ul id="operations">{rows}</ul>{buttons}{SCRIPT}'
    )


def switch(token: str, number: int) -> bool | None:
    found = database().execute(
        "UPDATE service SET is_on = 1 - is_on WHERE number = ? AND person_id = "
        "(SELECT person_id FROM session WHERE token = ?) RETURNING is_on",
        (number, token),
    )
    row = found.fetchall()  # all of it: the statement is over, and committed, only then
    return bool(row[0][0]) if row else None


async def sign_in(request: Request) -> Response:
    if request.method == "GET":
        return HTMLResponse(SIGN_IN)
    form = await request.form()
    found = await asyncio.to_thread(find_password, str(form.get("number", "")))
    typed = str(form.get("password", "")).encode()
    if not found or not await asyncio.get_running_loop().run_in_executor(_bcrypt, bcrypt.checkpw, typed, found[1]):
        return RedirectResponse("/login", 303)
    response = RedirectResponse("/", 303)
    response.set_cookie("sid", await asyncio.to_thread(open_session, found[0]), httponly=True, samesite="lax")
    return response


async def dashboard(request: Request) -> Response:
    page = await asyncio.to_thread(dashboard_of, request.cookies.get("sid", ""))
    return HTMLResponse(page) if page else RedirectResponse("/login", 303)


async def toggle(request: Request) -> Response:
    is_on = await asyncio.to_thread(switch, request.cookies.get("sid", ""), request.path_params["number"])
    return PlainTextResponse("", 403) if is_on is None else JSONResponse({"on": is_on})


fill()
app = Starlette(
    routes=[
        Route("/login", sign_in, methods=["GET", "POST"]),
        Route("/", dashboard),
        Route("/toggle/{number:int}", toggle, methods=["POST"]),
    ],
    middleware=[Middleware(GZipMiddleware)],
)
