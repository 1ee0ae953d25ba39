"""What will leave in the next 31 days is what is taken when the time has come."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session

from cabinet import clock, ledger
from cabinet.config import ROOT
from cabinet.domain import catalogue
from cabinet.domain.catalogue import SwitchTime
from cabinet.services import billing, bundles, coming, option_fees, options, orders, subscribers, tariffs
from cabinet.services.coming import OutgoKind
from tests.conftest import NOON, both_engines

MIDNIGHT = datetime(2026, 11, 22, 21, 0, tzinfo=UTC)  # 23 November in Moscow: Anna's fee is due
DAY = timedelta(days=1)


def given_anna(session: Session, kopecks: int, now: datetime = MIDNIGHT) -> int:
    """Pays 650 ₽ on the 23rd; after her first fee `kopecks` are left."""
    tariffs.store_catalogue(session, catalogue.load(ROOT / "cabinet" / "catalogues" / "demo.yaml"), now=now)
    anna = subscribers.create(
        session,
        account_number="960000001",
        msisdn="79160000001",
        name="Анна",
        region="moskva",
        plan_code="svoboda",
        anchor_day=clock.local(now).day,
        activated_at=now,
        now=now,
    )
    billing.record_payment(
        session, anna, 650_00 + kopecks, reference="money:1", happened_at=now, now=now, source="card"
    )
    return anna


def ordered(session: Session, anna: int, ask, *arguments, **named) -> None:
    quote = ask(session, anna, *arguments, now=NOON, **named)
    if isinstance(quote, orders.Quote):
        orders.confirm(session, anna, quote.id, now=NOON)


def lines(session: Session, anna: int, now: datetime = NOON) -> list[tuple[OutgoKind, int, int]]:
    return [(one.kind, one.kopecks, one.times) for one in coming.get_coming(session, anna, now=now).outgoes]


@both_engines
def test_the_fee_of_the_plan_comes_on_its_day(session: Session):
    anna = given_anna(session, 100_00)

    found = coming.get_coming(session, anna, now=NOON)

    assert [(one.at - MIDNIGHT).days for one in found.outgoes] == [30]
    assert (found.total_kopecks, found.lacking_kopecks) == (650_00, 550_00)


def test_services_and_monthly_packages_stand_beside_it_until_they_are_switched_off(session: Session):
    anna = given_anna(session, 3_000_00)
    ordered(session, anna, options.quote_on, "voicemail")
    price = coming.get_coming(session, anna, now=NOON).total_kopecks - 650_00
    assert price > 0

    ordered(session, anna, options.switch_off, "voicemail")

    assert lines(session, anna) == [(OutgoKind.PLAN, 650_00, 1)]


def test_what_is_said_is_what_is_taken(session: Session):
    anna = given_anna(session, 3_000_00)
    ordered(session, anna, options.quote_on, "voicemail")
    before, said = ledger.balance(session, anna).main, coming.get_coming(session, anna, now=NOON)

    later = said.until - timedelta(microseconds=1)
    for list_due, charge in (
        (billing.list_due, billing.charge_fees_until),
        (option_fees.list_due, option_fees.charge_until),
    ):
        while due := list_due(session, later, 10):
            charge(session, due, later, now=later)

    assert before - ledger.balance(session, anna).main == said.total_kopecks


def test_a_planned_plan_is_charged_in_its_turn(session: Session):
    anna = given_anna(session, 3_000_00)
    ordered(session, anna, tariffs.quote_switch, "maksimum", when=SwitchTime.PERIOD_END)

    found = coming.get_coming(session, anna, now=NOON)

    assert [(one.name, one.kopecks) for one in found.outgoes] == [("Максимум", 990_00)]


def test_a_package_that_was_bought_once_does_not_come_again(session: Session):
    anna = given_anna(session, 3_000_00)
    ordered(session, anna, bundles.quote_bundle, "gb_5")

    assert lines(session, anna) == [(OutgoKind.PLAN, 650_00, 1)]


def test_who_is_suspended_owes_one_fee_now(session: Session):
    anna = given_anna(session, 0)
    later = MIDNIGHT + 40 * DAY
    for _ in range(3):
        billing.charge_fees_until(session, billing.list_due(session, later, 10), later, now=later)

    found = coming.get_coming(session, anna, now=later)

    assert [(one.at, one.kopecks) for one in found.outgoes] == [(later, 650_00)]
    assert found.lacking_kopecks == 650_00


def test_nobody_has_no_money_to_come(session: Session):
    from cabinet.domain.errors import NotFound

    with pytest.raises(NotFound):
        coming.get_coming(session, 77, now=NOON)
