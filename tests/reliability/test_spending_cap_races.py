"""Imports at the same time at what is left of one cap: together they charge just that, and no kopeck beyond it."""

from datetime import timedelta

import pytest

from cabinet import db
from cabinet.domain.catalogue import parse
from cabinet.services import audit, spending_caps, tariffs
from cabinet.services.spending_caps import Status
from cabinet.services.usage import import_batch
from tests.conftest import both_engines
from tests.reliability.test_ledger_races import at_once
from tests.services.test_spending_caps import NOON, minutes
from tests.services.test_usage import CATALOGUE, JUNE, given_subscriber

pytestmark = both_engines


@pytest.fixture
def anna(database: object) -> int:
    """Her package of ten minutes is used up; a minute costs 2 ₽, and 50 ₽ is her cap."""
    with db.transaction() as session:
        tariffs.store_catalogue(session, parse(CATALOGUE, "test.yaml"), now=JUNE)
        subscriber_id = given_subscriber(session)
        import_batch(session, [minutes("package", 10, at=JUNE)], now=JUNE)
        spending_caps.put(session, subscriber_id, 5_000, now=NOON)
        return subscriber_id


def importing(*rows):
    return lambda session: import_batch(session, rows, now=NOON).charged_kopecks


def status(subscriber_id: int) -> Status:
    with db.reading() as session:
        assert audit.run_audit(session).faults == []
        return spending_caps.get_status(session, subscriber_id, now=NOON)


def test_imports_at_once_do_not_pass_the_cap_together(anna: int):
    charged = at_once(*(importing(*(minutes(f"{one}:{number}", 3) for number in range(4))) for one in range(6)))

    # Each alone would charge 24 ₽.
    assert sum(charged) == 5_000
    assert status(anna) == Status(5_000, 5_000)


def test_a_cap_that_is_lowered_during_imports_knows_what_they_had_charged(anna: int):
    lower = NOON + timedelta(minutes=1)

    outcomes = at_once(
        *(importing(minutes(f"{one}", 4)) for one in range(5)),
        lambda session: spending_caps.put(session, anna, 2_000, now=lower),
    )

    # What came before the choice stays charged, what came after it has its 20 ₽.
    spent = sum(outcomes[:-1])
    assert 2_000 <= spent <= 4_000
    assert status(anna) == Status(2_000, spent)


def test_choices_at_once_are_one_after_another(anna: int):
    limits = [6_000, 7_000, 8_000]

    at_once(*(lambda session, one=one: spending_caps.put(session, anna, one, now=NOON) for one in limits))

    assert status(anna).limit_kopecks in limits
    with db.reading() as session:
        assert len(spending_caps.list_choices(session, anna, limit=9)) == 4
