"""Charts: a running total as steps in a box of 300×88, shares of a sum, bars of a month's days."""

import re
from itertools import pairwise

import pytest

from cabinet.ui.kit.charts import (
    STACK_WIDTH,
    area_path,
    bars_box,
    bars_path,
    expected_path,
    marker_position,
    stack_places,
    step_path,
    ticks_path,
)


def tops(path: str) -> list[tuple[int, int]]:
    """Where each bar begins: (x, y) of its top edge."""
    return [(int(x), int(y)) for x, y in re.findall(r"M(\d+) (\d+)", path)]


def test_a_day_without_spending_is_flat_and_a_spending_goes_up():
    assert step_path([0, 500, 500, 1_000], days=10, highest=1_000) == "M0 86V86H30V45H60V45H90V4H120"


def test_a_forecast_begins_where_today_ends():
    assert step_path([500, 1_000], days=10, highest=1_000, first_day=4).startswith("M120 45")


def test_nothing_has_no_path():
    assert step_path([], days=30, highest=0) == ""
    assert area_path("") == ""


def test_a_month_without_spending_lies_on_the_base():
    assert step_path([0, 0], days=30, highest=0) == "M0 86V86H10V86H20"


def test_the_marker_stands_at_the_end_of_the_line():
    assert marker_position(500, day=6, days=10, highest=1_000) == ("60.0%", "51.1%")


@pytest.mark.parametrize("amounts", [[100], [218, 120, 70, 30], [1_000_000, 1, 1, 1, 1], [1, 1, 1]])
def test_shares_fill_the_bar_with_gaps_between_them(amounts: list[int]):
    places = stack_places(amounts)

    assert places[0][0] == 0
    assert sum(places[-1]) == STACK_WIDTH
    assert all(left + width + 6 == following for (left, width), (following, _) in pairwise(places))
    assert all(width >= 8 for _, width in places)


def test_no_shares_have_no_places():
    assert stack_places([]) == []


def test_the_largest_day_touches_the_top_and_the_smallest_is_still_seen():
    # 118 units for the highest; x grows by 11 a day, a bar's corner begins 2 further.
    assert tops(bars_path([0, 650, 0, 1], highest=650)) == [(13, 2), (35, 115)]


def test_days_without_spending_are_ticks():
    assert tops(ticks_path([0, 650, -10])) == [(1, 117), (23, 117)]
    assert bars_box(30) == "0 0 327 120"


def test_what_is_expected_today_stands_on_what_today_has_cost():
    # 300 of 600 is 59 high; the other 300 begins above it.
    assert tops(expected_path([0, 300], spent=[0, 300], highest=600)) == [(14, 2)]
    assert tops(expected_path([0, 0, 300], spent=[0, 300], highest=600)) == [(25, 61)]


def test_a_month_without_amounts_has_no_bars():
    assert bars_path([0, 0], highest=0) == ""
    assert expected_path([0, 0], spent=[], highest=0) == ""
