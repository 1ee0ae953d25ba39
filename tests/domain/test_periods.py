from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabinet.domain.periods import Period, PeriodUnit, months_between, next_period, period_containing, periods_between

MOSCOW = ZoneInfo("Europe/Moscow")  # UTC+3 all the year round
DAY, MONTH = PeriodUnit.DAY, PeriodUnit.MONTH

moments = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))
anchors = st.integers(1, 31)
units = st.sampled_from(PeriodUnit)
# Clocks set back at midnight, over midnight and by half an hour; a day that never was (Apia, 30 December 2011).
zones = st.sampled_from(
    ["UTC", "Europe/Moscow", "Asia/Sakhalin", "America/Sao_Paulo", "America/St_Johns", "America/Havana", "Pacific/Apia"]
).map(ZoneInfo)


def moscow(year, month, day, hour=0, minute=0):
    return datetime(year, month, day, hour, minute, tzinfo=MOSCOW).astimezone(UTC)


def test_a_period_is_cut_at_local_midnight():
    period = period_containing(moscow(2026, 11, 30, 12), 26, MONTH, MOSCOW)

    assert period == Period(datetime(2026, 11, 25, 21, tzinfo=UTC), datetime(2026, 12, 25, 21, tzinfo=UTC))


def test_the_first_moment_belongs_to_the_period_and_the_last_to_the_next():
    border = moscow(2026, 11, 26)

    assert period_containing(border, 26, MONTH, MOSCOW).start == border
    assert period_containing(border - timedelta(microseconds=1), 26, MONTH, MOSCOW).end == border


def test_the_anchor_survives_short_months():
    period = period_containing(moscow(2027, 1, 31), 31, MONTH, MOSCOW)
    starts = []
    for _ in range(5):
        starts.append(period.start.astimezone(MOSCOW).strftime("%d.%m"))
        period = next_period(period, 31, MONTH, MOSCOW)

    assert starts == ["31.01", "28.02", "31.03", "30.04", "31.05"]


def test_a_leap_day_begins_a_period():
    assert period_containing(moscow(2028, 2, 29), 30, MONTH, MOSCOW).start == moscow(2028, 2, 29)


def test_a_period_crosses_the_new_year():
    period = period_containing(moscow(2027, 1, 3), 15, MONTH, MOSCOW)

    assert period == Period(moscow(2026, 12, 15), moscow(2027, 1, 15))


def test_a_daily_period_is_the_local_day():
    period = period_containing(moscow(2026, 11, 23, 1), 17, DAY, MOSCOW)

    assert period == Period(moscow(2026, 11, 23), moscow(2026, 11, 24))


def test_a_day_may_last_twenty_five_hours():
    berlin = ZoneInfo("Europe/Berlin")
    period = period_containing(datetime(2026, 10, 25, 12, tzinfo=UTC), 1, DAY, berlin)

    assert period.end - period.start == timedelta(hours=25)


@given(moments, anchors, units, zones)
def test_every_moment_is_in_its_period(moment, anchor, unit, tz):
    assert moment in period_containing(moment, anchor, unit, tz)


@given(moments, anchors, units, zones)
def test_the_next_period_leaves_no_gap_and_no_overlap(moment, anchor, unit, tz):
    period = period_containing(moment, anchor, unit, tz)
    following = next_period(period, anchor, unit, tz)

    assert period.start < period.end == following.start < following.end
    assert period_containing(period.end - timedelta(microseconds=1), anchor, unit, tz) == period


@given(moments, anchors, zones, st.integers(0, 999))
def test_every_moment_of_a_period_finds_that_period(moment, anchor, tz, thousandths):
    period = period_containing(moment, anchor, MONTH, tz)
    other = period.start + (period.end - period.start) * thousandths // 1000

    assert period_containing(other, anchor, MONTH, tz) == period


@given(moments, st.timedeltas(timedelta(0), timedelta(days=400)), anchors, zones)
def test_the_periods_between_cover_the_span(start, span, anchor, tz):
    periods = list(periods_between(start, start + span, anchor, MONTH, tz))

    assert [p.end for p in periods[:-1]] == [p.start for p in periods[1:]]
    if span:
        assert start in periods[0]
        assert periods[-1].start < start + span <= periods[-1].end
    else:
        assert periods == []


def test_missed_days_are_each_a_period():
    days = list(periods_between(moscow(2026, 2, 27, 10), moscow(2026, 3, 2), 1, DAY, MOSCOW))

    assert [day.start for day in days] == [moscow(2026, 2, 27), moscow(2026, 2, 28), moscow(2026, 3, 1)]


def test_months_are_counted_by_the_local_calendar():
    assert months_between(moscow(2026, 6, 30), moscow(2026, 7, 1), MOSCOW) == 1
    assert months_between(moscow(2026, 12, 1), moscow(2026, 12, 31, 23, 59), MOSCOW) == 0
    assert months_between(moscow(2027, 2, 1), moscow(2026, 11, 30), MOSCOW) == -3


@pytest.mark.parametrize("anchor", [0, 32, -1])
def test_there_is_no_such_anchor(anchor):
    with pytest.raises(ValueError, match="no day"):
        period_containing(moscow(2026, 1, 1), anchor, MONTH, MOSCOW)


def test_a_moment_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        period_containing(datetime(2026, 1, 1), 1, MONTH, MOSCOW)
