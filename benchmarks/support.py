"""Support with a long queue: `python -m benchmarks.support`.

A hundred thousand tickets of ten thousand subscribers, all of them waiting, each with three lines of a conversation;
words come as they do in a language, a few in most tickets and most in a few. What the desk and a subscriber read is
measured in the database alone and with the program's own part, on SQLite and PostgreSQL, with the plans.
"""

import argparse
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import Engine, insert, text
from sqlmodel import Session

from benchmarks.expenses import database, plans, times
from benchmarks.report import Budget, Table, figure, middle, p95
from cabinet import db
from cabinet.domain.support import MessageKind, TicketCategory, TicketState
from cabinet.domain.words import words_of
from cabinet.models.base import metadata
from cabinet.schema import migrate
from cabinet.services import support, support_desk, ticket_search
from cabinet.services.support_desk import Queue

TICKETS, QUICK_TICKETS = 100_000, 5_000
SUBSCRIBERS = 10_000
AGENTS = 50
RUNS, QUICK_RUNS = 200, 20
NOON = datetime(2026, 11, 23, 9, tzinfo=UTC)
ENGINES = ("sqlite", "postgres")
BUDGET = Budget("p95 ≤ 50 ms", 50)
AT_ONCE = 5_000

_WORDS = words_of(
    """
    интернет тариф деньги списали звонок баланс телефон услуга пакет роуминг раздача номер минуты гигабайты
    оплата карта пополнение скорость вечером утром дома работает медленно пропадает связь антенна модем
    симкарта перезагрузка подписка отключить подключить вернуть ошибка приложение кабинет пароль код
    сообщение поездка граница Казахстан Турция договор паспорт владелец перенос оператор салон чек возврат
    долг платёж автоплатёж перевод реклама спам
    """
)


def main(*, is_quick: bool, tickets: int = 0, engines: tuple[str, ...] = ENGINES) -> list[Table]:
    """Fills each engine and reads as the desk and subscribers do."""
    number = tickets or (QUICK_TICKETS if is_quick else TICKETS)
    tables = []
    for name in engines:
        table = Table(
            f"Support: {figure(number)} tickets in the queue, {name}",
            ("what", "budget", "database, ms", "p95", "queries", "whole, ms", "p95", "verdict"),
        )
        with database(name) as url:
            engine = db.make_engine(url)
            migrate(engine)
            _fill(engine, number)
            _measure(engine, table, number, QUICK_RUNS if is_quick else RUNS)
            engine.dispose()
        table.notes.append(f"load of the machine when it ended: {os.getloadavg()[0]:.1f}")
        tables.append(table)
    return tables


def _measure(engine: Engine, table: Table, number: int, runs: int) -> None:
    random = Random(7)

    def queue(session: Session, **wanted: Any) -> support_desk.QueuePage:
        return support_desk.list_queue(session, random.randint(1, AGENTS), limit=25, now=NOON, **wanted)

    def anywhere(session: Session) -> support_desk.QueuePage:
        place = (NOON + timedelta(seconds=random.randrange(-3_600, 86_400))).isoformat()
        return queue(session, after=(place, random.randrange(number)))

    def find(session: Session, query: str) -> support_desk.QueuePage:
        return support_desk.search(session, 1, query, limit=25)

    for name, work in (
        ("queue: the first page", queue),
        ("queue: a page anywhere", anywhere),
        ("queue: mine", lambda session: queue(session, queue=Queue.MINE)),
        ("queue: nobody's", lambda session: queue(session, queue=Queue.FREE)),
        ("queue: overdue", lambda session: queue(session, queue=Queue.BREACHED)),
        ("queue: a category", lambda session: queue(session, category=random.choice(list(TicketCategory)))),
        ("figures above the queue", lambda session: support_desk.count(session, 7, now=NOON)),
        ("search: a word of most tickets", lambda session: find(session, _WORDS[0])),
        ("search: a rare word", lambda session: find(session, random.choice(_WORDS[-20:]))),
        ("search: two words", lambda session: find(session, f"{_WORDS[1]} {random.choice(_WORDS[10:])}")),
        ("search: the beginning of a word", lambda session: find(session, "инт")),
        ("search: in vain", lambda session: find(session, "телескоп")),
        ("search: a telephone number", lambda session: find(session, f"7916{random.randint(1, SUBSCRIBERS):07}")),
        (
            "a ticket on the desk",
            lambda session: support_desk.get_ticket(session, 1, random.randint(1, number), now=NOON),
        ),
        (
            "a subscriber's list",
            lambda session: support.list_tickets(session, random.randint(1, SUBSCRIBERS), limit=20, now=NOON),
        ),
        ("figures of two weeks", lambda session: support_desk.get_figures(session, now=NOON)),
    ):
        _row(engine, table, name, work, runs)
    for name, work in (
        ("queue", lambda session: queue(session, queue=Queue.OPEN)),
        ("queue of a category", lambda session: queue(session, category=TicketCategory.MONEY)),
        ("search", lambda session: find(session, "раздача")),
    ):
        table.notes += [f"plan of the {name}: {step}" for step in plans(engine, work)]


def _row(engine: Engine, table: Table, name: str, work: Callable[[Session], object], runs: int) -> None:
    queries, in_database, whole = times(engine, work, runs)
    table.add(
        name,
        BUDGET.text,
        *(figure(value) for value in (middle(in_database), p95(in_database))),
        str(queries),
        *(figure(value) for value in (middle(whole), p95(whole))),
        BUDGET.verdict(p95(in_database)),
    )


def _fill(engine: Engine, number: int) -> None:
    random = Random(1)
    weights = [1 / (place + 1) for place in range(len(_WORDS))]
    categories = list(TicketCategory)
    with engine.begin() as connection:
        connection.execute(
            insert(metadata.tables["subscriber"]),
            [
                {
                    "id": one,
                    "account_number": str(one),
                    "msisdn": f"7916{one:07}",
                    "name": f"Абонент {one}",
                    "region": "moskva",
                    "status": "active",
                    "language": "ru",
                    "activated_at": NOON,
                }
                for one in range(1, SUBSCRIBERS + 1)
            ],
        )
        connection.execute(
            insert(metadata.tables["staff_member"]),
            [
                {
                    "id": one,
                    "login": f"agent{one}",
                    "name": f"Агент {one}",
                    "role": "agent",
                    "msisdn": "",
                    "password_hash": "",
                    "totp_secret": "",
                    "totp_last_step": 0,
                    "is_active": True,
                    "is_demo": False,
                    "created_at": NOON,
                }
                for one in range(1, AGENTS + 1)
            ],
        )
        sqlite = connection.dialect.name == "sqlite"
        add = ticket_search.statement_of_adding(connection.dialect.name)
        for first in range(1, number + 1, AT_ONCE):
            ids = range(first, min(first + AT_ONCE, number + 1))
            texts = {one: [" ".join(random.choices(_WORDS, weights, k=15)) for _ in range(3)] for one in ids}
            tickets, messages = [], []
            for one in ids:
                opened_at = NOON - timedelta(seconds=random.randrange(90_000))
                tickets.append(
                    {
                        "id": one,
                        "subscriber_id": random.randint(1, SUBSCRIBERS),
                        "category": random.choice(categories),
                        "subject": texts[one][0][:70],
                        "state": TicketState.WAITING,
                        "staff_id": random.choice((None, random.randint(1, AGENTS))),
                        "version": 1,
                        "answer_due_at": opened_at + timedelta(days=1),
                        "is_late": False,
                        "opened_at": opened_at,
                    }
                )
                kinds = (MessageKind.QUESTION, MessageKind.ANSWER, MessageKind.NOT_SOLVED)
                messages += [
                    {
                        "ticket_id": one,
                        "kind": kind,
                        "staff_id": 1 + one % AGENTS if kind is MessageKind.ANSWER else None,
                        "staff_name": "",
                        "body": body,
                        "reference": f"{one}:{place}",
                        "written_at": opened_at,
                        "promised_at": None,
                        "answered_on": (NOON - timedelta(days=one % 60)).date() if kind is MessageKind.ANSWER else None,
                        "waited_seconds": random.randrange(86_400) if kind is MessageKind.ANSWER else None,
                    }
                    for place, (kind, body) in enumerate(zip(kinds, texts[one], strict=True))
                ]
            connection.execute(insert(metadata.tables["ticket"]), tickets)
            connection.execute(insert(metadata.tables["ticket_message"]), messages)
            connection.execute(add, [{"id": one, "stems": ticket_search.stems_of(texts[one])} for one in ids])
        if sqlite:
            connection.execute(text("INSERT INTO ticket_search (ticket_search) VALUES ('optimize')"))
            connection.execute(text("ANALYZE"))
    if not sqlite:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as apart:
            apart.execute(text("VACUUM ANALYZE"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--tickets", type=int, default=0, help=f"default: {TICKETS}")
    parser.add_argument("--engines", default=",".join(ENGINES), help="sqlite, postgres or both")
    chosen = parser.parse_args()
    for measured in main(is_quick=chosen.quick, tickets=chosen.tickets, engines=tuple(chosen.engines.split(","))):
        measured.print()
