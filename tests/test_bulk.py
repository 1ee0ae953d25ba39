"""Many rows at once: what goes in comes out, on both engines."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Table, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from cabinet.bulk import add_many, insert_many, is_among, known_among
from cabinet.models import metadata
from tests.conftest import NOON, both_engines

SUBSCRIBER: Table = metadata.tables["subscriber"]
ACCOUNT: Table = metadata.tables["account"]
TRANSACTION: Table = metadata.tables["ledger_transaction"]
POSTING: Table = metadata.tables["posting"]
PEOPLE = ("account_number", "msisdn", "name", "region", "status", "language", "activated_at", "password_offered_at")
LARGE = 2**62 + 1  # more than a floating-point number keeps

pytestmark = both_engines


def person(number: int, name: str = "", moment: datetime = NOON, offered: datetime | None = None) -> tuple[object, ...]:
    return f"A{number}", f"7916{number:07}", name, "moscow", "active", "ru", moment, offered


@pytest.mark.parametrize("name", ['Д\'Артаньян "мл."', "100 % \\ {} :x ?", "два\nслова\tи ещё", "😀", "[1, null]"])
def test_words_come_back_as_they_were(session: Session, name: str):
    insert_many(session, SUBSCRIBER, PEOPLE, [person(1, name), person(2)])

    assert list(session.execute(select(SUBSCRIBER.c.name).order_by(SUBSCRIBER.c.id)).scalars()) == [name, ""]


def test_moments_and_what_is_not_there_come_back(session: Session):
    exact = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=3)))
    insert_many(session, SUBSCRIBER, PEOPLE, [person(1, moment=exact, offered=NOON), person(2)])

    rows = session.execute(
        select(SUBSCRIBER.c.activated_at, SUBSCRIBER.c.password_offered_at).order_by(SUBSCRIBER.c.id)
    ).all()
    assert [tuple(row) for row in rows] == [(exact.astimezone(UTC), NOON), (NOON, None)]


def test_large_numbers_and_structures_come_back_exactly(session: Session):
    facts = {"code": "тариф «Свой»", "parts": [{"kopecks": LARGE}, None, True, []], "%s": "\\u0041"}
    insert_many(session, ACCOUNT, ("id", "code", "kind", "balance_kopecks", "credit_limit_kopecks"), [
        (1, "operator:a", "operator", 0, 0), (2, "operator:b", "operator", LARGE, 0)
    ])  # fmt: skip
    insert_many(
        session, TRANSACTION, ("id", "reference", "kind", "happened_at", "posted_at"), [(1, "r", "k", NOON, NOON)]
    )
    insert_many(
        session,
        POSTING,
        ("transaction_id", "source_id", "destination_id", "amount_kopecks", "happened_at", "explanation"),
        [(1, 1, 2, LARGE, NOON, facts)],
    )

    assert session.execute(select(POSTING.c.amount_kopecks, POSTING.c.explanation)).one() == (LARGE, facts)


def test_an_addition_changes_those_rows_and_no_others(session: Session):
    columns = ("id", "code", "kind", "balance_kopecks", "credit_limit_kopecks")
    insert_many(session, ACCOUNT, columns, [(number, f"operator:{number}", "operator", 100, 0) for number in (1, 2, 3)])

    add_many(session, ACCOUNT, "balance_kopecks", [(1, -30), (3, LARGE)])

    assert list(session.execute(select(ACCOUNT.c.balance_kopecks).order_by(ACCOUNT.c.id)).scalars()) == [
        70,
        100,
        100 + LARGE,
    ]


def test_a_limit_of_the_table_holds_in_bulk_too(session: Session):
    insert_many(session, SUBSCRIBER, PEOPLE, [person(1)])
    subscriber_id = session.execute(select(SUBSCRIBER.c.id)).scalar_one()
    columns = ("id", "code", "kind", "subscriber_id", "balance_kopecks", "credit_limit_kopecks")
    insert_many(session, ACCOUNT, columns, [(1, "subscriber:1:main", "main", subscriber_id, 100, 50)])

    with pytest.raises(IntegrityError), session.begin_nested():
        add_many(session, ACCOUNT, "balance_kopecks", [(1, -151)])


def test_nothing_is_nothing(session: Session):
    insert_many(session, SUBSCRIBER, PEOPLE, [])
    add_many(session, ACCOUNT, "balance_kopecks", [])

    assert session.execute(select(SUBSCRIBER.c.id).where(is_among(session, SUBSCRIBER.c.id, []))).all() == []


def test_what_is_known_is_found_among_many(session: Session):
    insert_many(session, SUBSCRIBER, PEOPLE, [person(number) for number in range(1, 4)])

    asked = [f"A{number}" for number in range(3, 20_000)]
    assert known_among(session, SUBSCRIBER.c.account_number, asked) == {"A3"}
