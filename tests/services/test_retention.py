"""What is kept for how long: usage in detail goes when it has had its time, money and sums stay."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlmodel import Session

from cabinet.adapters.usage_files import UsageRow
from cabinet.config import settings
from cabinet.domain.spending import Category
from cabinet.services import audit, expenses, retention
from cabinet.services.expenses import LineDirection
from cabinet.services.usage import import_batch
from tests.conftest import NOON, both_engines, count
from tests.services.test_usage import given_subscriber, record, shop  # noqa: F401

pytestmark = both_engines

JUNE, AUGUST = date(2026, 6, 1), date(2026, 8, 1)
IN_FEBRUARY = datetime(2027, 2, 10, 9, tzinfo=UTC)  # six whole months before it: since August


@pytest.fixture
def anna(shop: Session, monkeypatch: pytest.MonkeyPatch) -> int:  # noqa: F811
    """With a free call, a call for 4 roubles and an SMS in June, and a call in August; six months are kept."""
    monkeypatch.setenv("CABINET_USAGE_MONTHS_KEPT", "6")
    settings.cache_clear()
    anna = given_subscriber(shop)
    report = import_batch(shop, june_and_august(), now=NOON)
    assert report.accepted == 4
    return anna


def june_and_august() -> list[UsageRow]:
    return [
        record("free", "voice", 541),
        record("paid", "voice", 61),
        record("sms", "sms", 1),
        record("later", "voice", 61, day=70),
    ]


def forget(session: Session, now: datetime) -> None:
    while retention.drop_usage(session, now=now):
        pass


def test_usage_that_has_had_its_time_is_gone_and_its_money_stays(shop: Session, anna: int):  # noqa: F811
    retention.make_months(shop, now=NOON)
    spent = expenses.list_spending(shop, anna, JUNE, AUGUST)

    forget(shop, IN_FEBRUARY)

    assert (count(shop, "usage_record"), count(shop, "usage_key")) == (1, 1)
    assert retention.usage_kept_from(shop) == datetime(2026, 7, 1, tzinfo=UTC)  # UTC's month in which it began
    assert expenses.list_spending(shop, anna, JUNE, AUGUST) == spent != []
    june = expenses.list_lines(shop, anna, JUNE, categories=[Category.CALLS], now=IN_FEBRUARY)
    assert [line.amount_kopecks for line in june.lines] == [-400]
    assert expenses.explain_line(shop, anna, june.lines[0].id).quantity == 61
    assert audit.run_audit(shop).faults == []


def test_the_statement_says_that_a_month_is_kept_no_more(shop: Session, anna: int):  # noqa: F811
    june = expenses.list_lines(shop, anna, JUNE, direction=LineDirection.INCLUDED, now=IN_FEBRUARY)
    assert (june.is_usage_kept, len(june.lines)) == (True, 2)

    forget(shop, IN_FEBRUARY)

    june = expenses.list_lines(shop, anna, JUNE, direction=LineDirection.INCLUDED, now=IN_FEBRUARY)
    assert (june.is_usage_kept, june.lines) == (False, ())
    assert expenses.list_lines(shop, anna, AUGUST, now=IN_FEBRUARY).is_usage_kept


def test_a_record_of_a_time_that_is_kept_no_more_is_not_rated_again(shop: Session, anna: int):  # noqa: F811
    forget(shop, IN_FEBRUARY)

    again = import_batch(shop, june_and_august(), now=IN_FEBRUARY)

    assert (again.accepted, again.duplicates, again.charged_kopecks) == (0, 1, 0)
    assert [each.reason for each in again.rejections] == [
        "usage from before 2026-07-01T03:00:00+03:00 is kept no more"
    ] * 3


def test_for_ever_is_for_ever(shop: Session, anna: int, monkeypatch: pytest.MonkeyPatch):  # noqa: F811
    monkeypatch.setenv("CABINET_USAGE_MONTHS_KEPT", "0")
    settings.cache_clear()

    forget(shop, IN_FEBRUARY + timedelta(days=3_000))

    assert count(shop, "usage_record") == 4
    assert retention.usage_kept_from(shop) is None


def test_what_is_gone_does_not_come_back_when_more_is_kept(
    shop: Session,  # noqa: F811
    anna: int,
    monkeypatch: pytest.MonkeyPatch,
):
    forget(shop, IN_FEBRUARY)
    kept_from = retention.usage_kept_from(shop)
    monkeypatch.setenv("CABINET_USAGE_MONTHS_KEPT", "24")
    settings.cache_clear()

    forget(shop, IN_FEBRUARY)

    assert retention.usage_kept_from(shop) == kept_from
