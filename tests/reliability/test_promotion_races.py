"""Promotions at the same time: the last promo code and the last place are taken once."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlmodel import Session, select

from cabinet import db
from cabinet.domain.errors import CabinetError
from cabinet.domain.promotions import Money
from cabinet.models.promotions import Participation, PromoCode
from cabinet.services import audit, orders, promotion_desk, promotions
from tests.conftest import NOON, both_engines
from tests.services.test_options import CATALOGUE
from tests.services.test_orders import given, money_of, store
from tests.services.test_promotions import live

pytestmark = both_engines

FIFTY = 50


@pytest.fixture
def people(database: object) -> list[int]:
    with db.transaction() as session:
        store(session, CATALOGUE)
        return [given(session) for _ in range(FIFTY)]


def confirm_all_at_once(quotes: dict[int, int]) -> Counter[str]:
    """What became of each, by its name; nobody begins before all are there."""
    barrier = Barrier(len(quotes))

    def confirm(subscriber_id: int, quote_id: int) -> str:
        barrier.wait(timeout=60)
        try:
            with db.transaction() as session:
                return type(orders.confirm(session, subscriber_id, quote_id, now=NOON)).__name__
        except CabinetError as refusal:
            return type(refusal).__name__

    with ThreadPoolExecutor(len(quotes)) as pool:
        return Counter(pool.map(confirm, quotes, quotes.values()))


def gifts(session: Session, people: list[int]) -> int:
    return sum(money_of(session, one) for one in people)


def test_fifty_at_the_last_promo_code_are_one(people: list[int]):
    with db.transaction() as session:
        live(session, "secret", Money(10_000), needs_code=True)
        promotion_desk.make_series(session, "secret", "Последний", word="LAST1", now=NOON)
        quotes = {one: promotions.quote_join(session, one, "secret", promo_code="LAST1", now=NOON).id for one in people}

    outcomes = confirm_all_at_once(quotes)

    assert outcomes == {"Order": 1, "PromoCodeUnknown": FIFTY - 1}
    with db.reading() as session:
        assert session.exec(select(PromoCode.uses)).all() == [1]
        assert len(session.exec(select(Participation)).all()) == 1
        assert gifts(session, people) == 10_000
        assert audit.run_audit(session).faults == []


def test_fifty_at_the_last_three_places_are_three(people: list[int]):
    with db.transaction() as session:
        live(session, "autumn", Money(10_000), places=3)
        quotes = {one: promotions.quote_join(session, one, "autumn", now=NOON).id for one in people}

    outcomes = confirm_all_at_once(quotes)

    assert outcomes == {"Order": 3, "NoPlacesLeft": FIFTY - 3}
    with db.reading() as session:
        assert gifts(session, people) == 30_000
        assert audit.run_audit(session).faults == []
