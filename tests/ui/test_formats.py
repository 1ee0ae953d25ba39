"""Figures, to the character: U+202F inside, U+2212 for minus."""

from datetime import UTC, date, datetime

import pytest

from cabinet.ui import formats

TODAY = date(2026, 11, 23)
GB = 2**30
MB = 2**20


@pytest.mark.parametrize(
    ("kopecks", "russian", "english"),
    [
        (0, "0\u202f₽", "0\u202f₽"),
        (5, "0,05\u202f₽", "0.05\u202f₽"),
        (7_000, "70\u202f₽", "70\u202f₽"),
        (-7_000, "\u221270\u202f₽", "\u221270\u202f₽"),
        (-5, "\u22120,05\u202f₽", "\u22120.05\u202f₽"),
        (31_250, "312,50\u202f₽", "312.50\u202f₽"),
        (123_450, "1\u202f234,50\u202f₽", "1,234.50\u202f₽"),
        (123_456_789_00, "123\u202f456\u202f789\u202f₽", "123,456,789\u202f₽"),
    ],
)
def test_money_has_kopecks_only_when_there_are_any(kopecks, russian, english):
    assert formats.money(kopecks) == russian
    assert formats.money(kopecks, "en") == english


def test_income_has_its_plus():
    assert formats.income(50_000) == "+500\u202f₽"


@pytest.mark.parametrize(
    ("kopecks", "parts"),
    [
        (31_250, ("312", ",50\u202f₽")),
        (31_200, ("312", ",00\u202f₽")),
        (-150_005, ("\u22121\u202f500", ",05\u202f₽")),
        (-5, ("\u22120", ",05\u202f₽")),
    ],
)
def test_balance_always_shows_kopecks(kopecks, parts):
    assert formats.balance_parts(kopecks) == parts


@pytest.mark.parametrize(
    ("volume", "russian", "english"),
    [
        (0, "0\u202fМБ", "0\u202fMB"),
        (1023, "0\u202fМБ", "0\u202fMB"),
        (1024, "1\u202fКБ", "1\u202fKB"),
        (MB - 1, "1\u202f023,9\u202fКБ", "1,023.9\u202fKB"),
        (300 * MB, "300\u202fМБ", "300\u202fMB"),
        (2 * GB - 1, "1,9\u202fГБ", "1.9\u202fGB"),
        (35 * GB, "35\u202fГБ", "35\u202fGB"),
    ],
)
def test_data_is_rounded_down_in_its_largest_unit(volume, russian, english):
    assert formats.data(volume) == russian
    assert formats.data(volume, "en") == english


def test_minutes_are_whole_and_rounded_down():
    assert formats.minutes(184 * 60 + 59) == "184\u202fмин"
    assert formats.minutes_parts(500 * 60, "en") == ("500", "min")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0\u202fс"),
        (45, "45\u202fс"),
        (60, "1\u202fмин"),
        (200, "3\u202fмин\u00a020\u202fс"),
    ],
)
def test_duration_is_to_the_second(seconds, text):
    assert formats.duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0\u00a0минут"),
        (1, "1\u00a0минута"),
        (2, "2\u00a0минуты"),
        (5, "5\u00a0минут"),
        (11, "11\u00a0минут"),
        (12, "12\u00a0минут"),
        (21, "21\u00a0минута"),
        (22, "22\u00a0минуты"),
        (111, "111\u00a0минут"),
        (1_001, "1\u202f001\u00a0минута"),
    ],
)
def test_russian_has_three_plural_forms(count, text):
    assert formats.counted(count, "минута", "минуты", "минут") == text


@pytest.mark.parametrize(("count", "text"), [(0, "0\u00a0days"), (1, "1\u00a0day"), (2, "2\u00a0days")])
def test_english_has_two_plural_forms(count, text):
    assert formats.counted(count, "day", "days", language="en") == text


@pytest.mark.parametrize(
    ("on", "russian", "english"),
    [
        (date(2026, 11, 23), "сегодня", "today"),
        (date(2026, 11, 22), "вчера", "yesterday"),
        (date(2026, 11, 24), "завтра", "tomorrow"),
        (date(2026, 11, 26), "чт, 26\u00a0ноября", "Thu\u00a026\u00a0November"),
        (date(2027, 1, 3), "вс, 3\u00a0января\u00a02027", "Sun\u00a03\u00a0January\u00a02027"),
    ],
)
def test_near_days_are_words_and_another_year_is_named(on, russian, english):
    assert formats.day(on, TODAY) == russian
    assert formats.day(on, TODAY, "en") == english


def test_a_moment_is_shown_on_the_operator_s_wall_clock():
    before_midnight = datetime(2026, 11, 22, 20, 59, tzinfo=UTC)
    after_midnight = datetime(2026, 11, 22, 21, 5, tzinfo=UTC)
    now = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

    assert formats.moment(before_midnight, now) == "вчера, 23:59"
    assert formats.moment(after_midnight, now) == "сегодня, 00:05"


def test_the_last_day_of_a_half_open_period_is_the_day_before_its_end():
    midnight_in_moscow = datetime(2026, 11, 25, 21, 0, tzinfo=UTC)

    assert formats.last_day(midnight_in_moscow) == date(2026, 11, 25)


@pytest.mark.parametrize(("month", "text"), [(1, "январе"), (3, "марте"), (5, "мае"), (8, "августе"), (11, "ноябре")])
def test_months_have_their_prepositional(month, text):
    assert formats.in_month(date(2026, month, 1)) == f"в\u00a0{text}"


def test_a_phone_number_cannot_be_broken():
    assert formats.phone("79162041537") == "+7\u00a0916\u00a0204-15-37"
    assert formats.phone_tail("79162041537") == "15-37"


@pytest.mark.parametrize(("seconds", "text"), [(42, "0:42"), (120, "2:00"), (0, "0:00"), (-3, "0:00")])
def test_countdown_stops_at_zero(seconds, text):
    assert formats.countdown(seconds) == text
