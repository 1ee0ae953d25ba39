"""Who calls the handlers of pages."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from cabinet import clock, db, locales
from cabinet.config import settings
from cabinet.domain import catalogue
from cabinet.services import billing, sessions, subscribers, tariffs
from cabinet.services.sessions import Principal
from cabinet.ui import guard


@pytest.fixture
def shipped_words() -> dict[str, str]:
    """English words of the shipped catalogue, known to the process for the length of the test."""
    english = dict(catalogue.load(settings().catalogue_path).english)
    locales.learn(english, "shipped")
    return english


@pytest.fixture
def anna(database) -> Iterator[Principal]:
    """A subscriber with 500 ₽ who pays 650 ₽ a month, signed in and calling."""
    now = clock.now()
    with db.transaction() as session:
        tariffs.store_catalogue(session, catalogue.load(settings().catalogue_path), now=now)
        subscriber_id = subscribers.create(
            session,
            account_number="960000001",
            msisdn="79160000001",
            name="Анна",
            region="moskva",
            plan_code="svoboda",
            activated_at=now - timedelta(days=1),
            now=now,
        )
        billing.record_payment(
            session, subscriber_id, 500_00, reference="top-up:1", happened_at=now, now=now, source="demo"
        )
        opened = sessions.create(
            session, subscriber_id, is_remembered=False, device="Android, Chrome", address="10.0.0.1", now=now
        )
        principal = sessions.find(session, opened.token, now=now)
    with guard.acting_as(principal):
        yield principal
