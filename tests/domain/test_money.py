import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabinet.domain.money import InvalidAmount, parse_kopecks, prorate, prorate_rest


@pytest.mark.parametrize(
    ("text", "kopecks"),
    [
        ("650", 65_000),
        ("0", 0),
        ("0.03", 3),
        ("0.3", 30),
        ("1 234,50", 123_450),
        ("1\u202f234,50", 123_450),
        ("12\u00a0345\u00a0678.90", 1_234_567_890),
        (" 20.00 ", 2_000),
        ("１ ２３４，５０", 123_450),  # an Asian keyboard's digits
    ],
)
def test_an_amount_is_read_as_a_person_writes_it(text, kopecks):
    assert parse_kopecks(text) == kopecks


@pytest.mark.parametrize(
    "text",
    ["", " ", "-5", "+5", "1.234", "0.035", "1e3", ".5", "5.", "12 34", "1,234.50", "650 ₽", "nan", "٣", "9" * 5_000],
)
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(InvalidAmount):
        parse_kopecks(text)


@pytest.mark.parametrize("value", [6.5, 650.0, 650, True, None])
def test_only_text_is_an_amount(value):
    with pytest.raises(InvalidAmount):
        parse_kopecks(value)


@given(st.integers(0, 10**12))
def test_writing_and_reading_an_amount_changes_nothing(kopecks):
    assert parse_kopecks(f"{kopecks // 100}.{kopecks % 100:02}") == kopecks


def test_the_last_part_carries_the_remainder():
    shares = [prorate(100, part + 1, 3) - prorate(100, part, 3) for part in range(3)]

    assert shares == [33, 33, 34]


def test_ten_days_of_a_fee_for_thirty():
    assert prorate(65_000, 10, 30) == 65_000 // 30 * 10 == 21_660


@given(st.integers(0, 10**9), st.integers(1, 400), st.data())
def test_the_parts_never_cost_more_than_the_whole(amount, whole, data):
    parts = data.draw(st.integers(0, whole))

    assert 0 <= prorate(amount, parts, whole) <= prorate(amount, whole, whole) == amount


@pytest.mark.parametrize(("parts", "whole"), [(-1, 30), (31, 30), (0, 0), (1, -1)])
def test_impossible_parts_are_refused(parts, whole):
    with pytest.raises(ValueError, match="parts of"):
        prorate(100, parts, whole)


@given(st.integers(0, 10**12), st.integers(1, 366), st.data())
def test_what_is_used_and_what_is_given_back_make_the_whole(amount, whole, data):
    parts = data.draw(st.integers(0, whole))

    assert prorate(amount, whole - parts, whole) + prorate_rest(amount, parts, whole) == amount
    assert prorate_rest(amount, 0, whole) == 0
    assert prorate_rest(amount, whole, whole) == amount
