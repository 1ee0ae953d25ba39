"""Caps: which one a month has, and a record that would pass it is charged just up to it."""

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabinet.domain.rating import Cut, explain, rate, recompute_amount
from cabinet.domain.spending_caps import Cap, Room, limit_of
from tests.domain.test_rating import GB, PLAIN, call, session

MAY, JUNE, JULY, AUGUST = (date(2026, month, 1) for month in (5, 6, 7, 8))


@pytest.mark.parametrize(("month_on", "limit"), [(MAY, None), (JUNE, 500), (JULY, 500), (AUGUST, 300)])
def test_a_month_has_the_cap_that_was_chosen_last_for_it_or_before(month_on: date, limit: int | None):
    assert limit_of([Cap(JUNE, 900), Cap(JUNE, 500), Cap(AUGUST, 300)], month_on) == limit


def test_a_cap_that_was_taken_away_holds_for_the_months_before():
    caps = [Cap(JUNE, 500), Cap(AUGUST, None)]

    assert [limit_of(caps, month_on) for month_on in (JULY, AUGUST)] == [500, None]


@pytest.mark.parametrize(
    ("charges", "cuts"),
    [
        ([499, 1], [None, None]),  # to the kopeck
        ([499, 2], [None, Cut(500, 1)]),
        ([500, 1, 1], [None, Cut(500, 0), Cut(500, 0)]),
        ([501], [Cut(500, 500)]),
    ],
)
def test_what_is_left_is_taken_and_no_more(charges: list[int], cuts: list[Cut | None]):
    room = Room([Cap(JUNE, 500)], {})

    assert [room.take(JUNE, kopecks) for kopecks in charges] == cuts


def test_what_was_spent_before_takes_room_and_what_was_given_back_gives_it():
    room = Room([Cap(JUNE, 500)], {JUNE: 450, JULY: -100})

    assert (room.take(JUNE, 80), room.take(JULY, 600), room.take(JULY, 1)) == (Cut(500, 50), None, Cut(500, 0))


def test_a_cap_below_what_is_spent_leaves_nothing():
    assert Room([Cap(JUNE, 500)], {JUNE: 700}).take(JUNE, 1) == Cut(500, 0)


def test_a_month_without_a_cap_is_charged_whole():
    assert Room([Cap(JULY, 500)], {}).take(JUNE, 10_000) is None


def test_only_months_in_which_something_was_taken_say_how_far_they_are():
    room = Room([Cap(JUNE, 500)], {JUNE: 350, JULY: 499})

    room.take(JUNE, 49)

    assert (room.percent_used(JUNE), room.percent_used(JULY)) == ((79, 500), None)  # 399 of 500


@pytest.mark.parametrize(("left", "charge"), [(0, 0), (1, 1), (1_749, 1_749)])
def test_a_record_that_crosses_a_cap_says_what_it_would_have_cost_and_is_computed_again(left: int, charge: int):
    usage = call(7 * 60)  # 2,50 ₽ a minute
    rated = rate(usage, PLAIN, [], {}).within(Cut(5_000, left))
    explanation = json.loads(json.dumps(explain(usage, PLAIN, rated)))

    assert (rated.charge_kopecks, rated.blocks) == (charge, 7)
    assert explanation["cap"] == {"limit_kopecks": 5_000, "left_kopecks": left, "full_kopecks": 1_750}
    assert recompute_amount(explanation) == charge
    assert recompute_amount(explanation | {"cap": explanation["cap"] | {"full_kopecks": 1}}) == charge


def test_a_sum_over_the_period_goes_on_beyond_a_cap():
    """What was not charged is not charged later: the next gigabyte begins where the last one ended."""
    counters: dict[str, int] = {}
    rate(session(GB), PLAIN, [], counters).within(Cut(5_000, 0))

    assert rate(session(GB // 2), PLAIN, [], counters).charge_kopecks == 3_500
    assert rate(session(GB // 2), PLAIN, [], counters).charge_kopecks == 0


months = st.sampled_from([MAY, JUNE, JULY, AUGUST])
choices = st.lists(st.tuples(months, st.none() | st.integers(1, 900)), max_size=4)


@given(choices, st.lists(st.tuples(months, st.integers(1, 400)), max_size=30), st.randoms())
def test_a_month_costs_its_sum_or_its_cap_in_any_order(chosen, charges, random):
    caps = [Cap(*choice) for choice in sorted(chosen, key=lambda choice: choice[0])]
    random.shuffle(charges)
    room = Room(caps, {})
    cost = dict.fromkeys((MAY, JUNE, JULY, AUGUST), 0)

    for month_on, kopecks in charges:
        cut = room.take(month_on, kopecks)
        cost[month_on] += cut.left_kopecks if cut else kopecks

    for month_on, spent in cost.items():
        full, limit = sum(kopecks for on, kopecks in charges if on == month_on), limit_of(caps, month_on)
        assert spent == (full if limit is None else min(full, limit))
