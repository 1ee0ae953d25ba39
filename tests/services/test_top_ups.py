"""Top-ups: one credit for one payment, whatever the gateway says, and how often."""

from datetime import datetime, timedelta

import pytest
from sqlmodel import select

from cabinet import db, ledger
from cabinet.domain.payments import TopUpState, WebhookVerdict
from cabinet.models.top_ups import TopUp as TopUpRow
from cabinet.services import audit, top_ups
from tests.conftest import NOON, both_engines
from tests.payments import FakeGateway
from tests.services.test_options import CATALOGUE
from tests.services.test_orders import given, store

pytestmark = both_engines

GOOD = {"signature": "good"}


def at(moment: datetime):
    return lambda: moment


@pytest.fixture
def anna(database: object) -> int:
    """12 roubles."""
    with db.transaction() as session:
        store(session, CATALOGUE)
        return given(session, money=1_200)


@pytest.fixture
def bank() -> FakeGateway:
    return FakeGateway()


def begin(subscriber_id: int, kopecks: int = 34_000, occasion: str = "page:1", **more: object) -> top_ups.TopUp:
    with db.transaction() as session:
        return top_ups.start(session, subscriber_id, kopecks, occasion=occasion, now=NOON, **more)


def submitted(subscriber_id: int, bank: FakeGateway, **more: object) -> TopUpRow:
    """A top-up that the gateway waits for."""
    top_ups.submit(begin(subscriber_id, **more).id, bank, now=at(NOON))
    return row()


def row() -> TopUpRow:
    with db.reading() as session:
        return session.exec(select(TopUpRow)).one()


def money(subscriber_id: int) -> int:
    with db.reading() as session:
        return ledger.balance(session, subscriber_id).main


def assert_sound() -> None:
    with db.reading() as session:
        assert audit.run_audit(session).faults == []


def test_a_payment_confirmed_by_a_webhook_is_on_the_account(anna: int, bank: FakeGateway):
    pending = submitted(anna, bank)
    assert (pending.state, pending.confirmation_url) == (TopUpState.PENDING, "https://bank.example/pay/p1")
    bank.pay(pending.key)

    verdict = top_ups.handle_webhook(bank, b"p1", GOOD, now=at(NOON + timedelta(minutes=1)))

    assert verdict is WebhookVerdict.APPLIED
    assert row().state is TopUpState.SUCCEEDED
    assert money(anna) == 35_200
    assert_sound()
