"""Autopay's arithmetic: dates of the month, fees, ceilings, pauses."""

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabinet.domain.autopay import (
    PAUSES,
    AutopayKind,
    AutopayNotSo,
    CeilingTooLow,
    Terms,
    amount_due,
    is_within,
    last_of_day,
    month_start,
    next_month_start,
    next_morning,
    next_of_day,
    of_fee,
    pause_after,
)
from cabinet.domain.payments import Refusal

ZONE = ZoneInfo("Europe/Moscow")
moments = st.datetimes(datetime(2023, 1, 1), datetime(2029, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))
days = st.integers(1, 31)


def ten(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 10, tzinfo=ZONE).astimezone(UTC)


@given(days, moments)
def test_the_next_date_is_ahead_within_a_month_and_on_the_day_or_at_the_months_end(day: int, now: datetime):
    occasion = next_of_day(day, after=now, paid="", zone=ZONE)

    assert timedelta() < occasion.at - now <= timedelta(days=31)
    assert occasion.on.day == min(day, monthrange(occasion.on.year, occasion.on.month)[1])
    assert occasion.at.astimezone(ZONE).hour == 10


@given(days, moments, st.integers(1, 60))
def test_each_month_has_one_date_that_is_paid_once(day: int, start: datetime, months: int):
    """Looked at every hour or not for weeks: of each month at most one, in order, never twice."""
    paid, seen, now = "", [], start
    for step in range(months):
        now += timedelta(days=1 + step % 40)
        occasion = last_of_day(day, since=start, until=now, paid=paid, zone=ZONE)
        if occasion is not None:
            assert start < occasion.at <= now
            paid = occasion.key
            seen.append(occasion.key[:7])
            assert last_of_day(day, since=start, until=now, paid=paid, zone=ZONE) is None
    assert seen == sorted(set(seen))


@given(days, moments)
def test_what_was_next_is_due_when_its_time_has_come(day: int, now: datetime):
    occasion = next_of_day(day, after=now, paid="", zone=ZONE)

    assert last_of_day(day, since=now, until=occasion.at - timedelta(microseconds=1), paid="", zone=ZONE) is None
    assert last_of_day(day, since=now, until=occasion.at, paid="", zone=ZONE) == occasion


@pytest.mark.parametrize(
    ("day", "after", "expected"),
    [
        (31, ten(2027, 1, 31), ten(2027, 2, 28)),
        (31, ten(2028, 1, 31), ten(2028, 2, 29)),
        (29, ten(2028, 2, 1), ten(2028, 2, 29)),
        (30, ten(2027, 2, 28), ten(2027, 3, 30)),
        (31, ten(2026, 12, 31), ten(2027, 1, 31)),
    ],
)
def test_short_months_and_leap_years(day: int, after: datetime, expected: datetime):
    assert next_of_day(day, after=after, paid="", zone=ZONE).at == expected


def test_a_fee_is_paid_for_the_morning_before_and_once():
    fees = [datetime(2026, 11, 25, 21, tzinfo=UTC), datetime(2026, 12, 25, 21, tzinfo=UTC)]  # midnight in Moscow

    first = of_fee(fees, paid="", zone=ZONE)

    assert (first.key, first.at) == ("2026-11-26", ten(2026, 11, 25))
    assert of_fee(fees, paid=first.key, zone=ZONE).key == "2026-12-26"
    assert of_fee(fees[:1], paid=first.key, zone=ZONE) is None


@given(moments)
def test_mornings_and_months_go_on(now: datetime):
    assert timedelta() < next_morning(now, ZONE) - now <= timedelta(days=1)
    assert month_start(now, ZONE) <= now < next_month_start(now, ZONE)
    assert month_start(next_month_start(now, ZONE), ZONE) == next_month_start(now, ZONE)


FEE = Terms(AutopayKind.FEE, 100_000)
LOW = Terms(AutopayKind.THRESHOLD, 100_000, threshold_kopecks=10_000, amount_kopecks=30_000)


@pytest.mark.parametrize(
    ("terms", "main", "lacking", "amount"),
    [
        (FEE, 0, 33_750, 33_750),
        (FEE, 0, 1, 1_000),
        (FEE, 0, 0, 0),
        (FEE, 0, -5, 0),
        (FEE, 0, 9_999_999, 1_500_000),
        (LOW, 9_999, 0, 30_000),
        (LOW, 10_000, 0, 0),
        (Terms(AutopayKind.DAY, 100_000, amount_kopecks=30_000, day=31), 10**9, 0, 30_000),
    ],
)
def test_amounts(terms: Terms, main: int, lacking: int, amount: int):
    due = amount_due(terms, main_kopecks=main, lacking_kopecks=lacking, least_kopecks=1_000, most_kopecks=1_500_000)

    assert due == amount


def test_a_ceiling_may_be_reached_and_not_exceeded():
    assert is_within(FEE, 60_000, 40_000)
    assert not is_within(FEE, 60_000, 40_001)


def test_refusals_wait_longer_and_longer_and_end():
    waits = [pause_after(failures, Refusal.INSUFFICIENT_FUNDS) for failures in range(1, len(PAUSES) + 1)]

    assert waits == sorted(waits)
    assert len(set(waits)) == len(PAUSES)
    assert pause_after(len(PAUSES) + 1, Refusal.INSUFFICIENT_FUNDS) is None
    assert pause_after(1, Refusal.CARD_EXPIRED) is None


@pytest.mark.parametrize(
    ("kind", "facts", "field"),
    [
        (AutopayKind.THRESHOLD, {"threshold_kopecks": 2_999, "amount_kopecks": 30_000}, "threshold"),
        (AutopayKind.THRESHOLD, {"threshold_kopecks": 10_000, "amount_kopecks": 500_001}, "amount"),
        (AutopayKind.THRESHOLD, {"threshold_kopecks": True, "amount_kopecks": 30_000}, "threshold"),
        (AutopayKind.DAY, {"amount_kopecks": 30_000, "day": 32}, "day"),
        (AutopayKind.DAY, {"amount_kopecks": 30_000, "day": 0}, "day"),
        (AutopayKind.DAY, {"amount_kopecks": 30_000.0, "day": 5}, "amount"),
        (AutopayKind.FEE, {"ceiling_kopecks": 0}, "ceiling"),
    ],
)
def test_terms_outside_of_what_is_allowed_are_refused(kind: AutopayKind, facts: dict, field: str):
    with pytest.raises(AutopayNotSo) as refusal:
        Terms(kind, **{"ceiling_kopecks": 10_000_000} | facts)

    assert refusal.value.facts["field"] == field


def test_one_payment_fits_into_the_month():
    with pytest.raises(CeilingTooLow):
        Terms(AutopayKind.DAY, 29_999, amount_kopecks=30_000, day=1)
