"""The limit: Starlette, hand-written JavaScript, SQLModel as in the cabinet. `YARDSTICK_DATABASE` is the SQLite file.

What the cabinet loses to this one, Reflex and its pages cost, not the database.
"""

import asyncio
import json
import os
import secrets
from concurrent.futures import ThreadPoolExecutor

import bcrypt
from sqlalchemy import inspect
from sqlmodel import Field, Session, SQLModel, select
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
from cabinet.db import make_engine

ENGINE = make_engine(f"sqlite:///{os.environ['YARDSTICK_DATABASE']}")  # pragmas and transactions as in the cabinet
READING = ENGINE.execution_options(reads_only=True)


class Person(SQLModel, table=True):
    id: int = Field(primary_key=True)
    number: str = Field(unique=True)
    password: str
    balance: int


class SignedIn(SQLModel, table=True):
    token: str = Field(primary_key=True)
    person_id: int


class Operation(SQLModel, table=True):
    id: int | None = Field(None, primary_key=True)
    person_id: int = Field(index=True)
    day: str
    title: str
    amount: int


class Service(SQLModel, table=True):
    person_id: int = Field(primary_key=True)
    number: int = Field(primary_key=True)
    is_on: bool = False


PAGE = """<!doctype html><html lang="ru"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Кабинет</title><style>body{{font:16px sans-serif;max-width:40rem;margin:auto;padding:1rem}}
input,button{{font:inherit;padding:.5rem;margin:.25rem}}[aria-pressed=true]{{background:#cfc}}</style>{}</html>"""
SIGN_IN = PAGE.format("""<h1>Вход</h1><form method="post" action="/login"><label>Номер <input id="number" name="number"
required></label><label>Пароль <input id="password" name="password" type="password" required></label>
<button>Войти</button></form>""")
SCRIPT = """<script>document.addEventListener("click",async({target})=>{if(!target.dataset.service)return;
const answer=await fetch("/toggle/"+target.dataset.service,{method:"POST"});
target.setAttribute("aria-pressed",(await answer.json()).on)})</script>"""

_bcrypt = ThreadPoolExecutor(max_workers=2)


def fill() -> None:
    """Makes the tables and everybody in them, once."""
    if inspect(ENGINE).has_table("person"):
        return
    SQLModel.metadata.create_all(ENGINE, [table.__table__ for table in (Person, SignedIn, Operation, Service)])
    password = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(12)).decode()
    with Session(ENGINE) as session, session.begin():
        for person in range(1, PEOPLE + 1):
            session.add(Person(id=person, number=number_of(person), password=password, balance=31_250))
            for day, title, amount in operations_of(person):
                session.add(Operation(person_id=person, day=str(day), title=title, amount=amount))
            session.add_all(Service(person_id=person, number=number) for number in range(len(SERVICES)))


def find(number: str) -> Person | None:
    with Session(READING) as session:
        return session.exec(select(Person).where(Person.number == number)).first()


def open_session(person_id: int) -> str:
    token = secrets.token_urlsafe(32)
    with Session(ENGINE) as session, session.begin():
        session.add(SignedIn(token=token, person_id=person_id))
    return token


def dashboard_of(token: str) -> str | None:
    with Session(READING) as session:
        if (signed_in := session.get(SignedIn, token)) is None:
            return None
        person = session.get_one(Person, signed_in.person_id)
        mine = select(Operation).where(Operation.person_id == person.id).order_by(Operation.day)
        lines = session.exec(mine).all()
        services = session.exec(select(Service).where(Service.person_id == person.id).order_by(Service.number)).all()
    chart = chart_of([line.amount for line in lines])
    rows = "".join(f"<li>{line.day} {line.title} {roubles(line.amount)}</li>" for line in reversed(lines[-10:]))
    buttons = "".join(
        f'<button data-service="{one.number}" aria-pressed="{json.dumps(one.is_on)}">{SERVICES[one.number]}</button>'
        for one in services
    )
    return PAGE.format(
        f'<h1>Баланс</h1><p>{person.number}: {roubles(person.balance)}</p><svg viewBox="0 0 300 80"><polyline '
        f'fill="none" stroke="green" points="{chart}"/></svg><ul id="operations">{rows}</ul>{buttons}{SCRIPT}'
    )


def switch(token: str, number: int) -> bool | None:
    with Session(ENGINE) as session, session.begin():
        signed_in = session.get(SignedIn, token)
        service = signed_in and session.get(Service, (signed_in.person_id, number))
        if not service:
            return None
        service.is_on = not service.is_on
        return service.is_on


async def sign_in(request: Request) -> Response:
    if request.method == "GET":
        return HTMLResponse(SIGN_IN)
    form = await request.form()
    found = await asyncio.to_thread(find, str(form.get("number", "")))
    typed = str(form.get("password", "")).encode()
    check = asyncio.get_running_loop().run_in_executor
    if not found or not await check(_bcrypt, bcrypt.checkpw, typed, found.password.encode()):
        return RedirectResponse("/login", 303)
    response = RedirectResponse("/", 303)
    response.set_cookie("sid", await asyncio.to_thread(open_session, found.id), httponly=True, samesite="lax")
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
