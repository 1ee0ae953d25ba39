"""Made-up days: the same for the same seed, like those of people, and understood by every plan of the catalogue."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from cabinet.config import Settings
from cabinet.demo_world import people, usage
from cabinet.demo_world.people import Purse, Wallet, payment_due
from cabinet.demo_world.usage import Row, usage_between, usage_of_day
from cabinet.domain import catalogue
from cabinet.domain.periods import PeriodUnit, period_containing
from tests.conftest import NOON

MOSCOW = ZoneInfo("Europe/Moscow")
CATALOGUE = catalogue.load(Settings.model_fields["catalogue_path"].default)
MSISDN = people.ANNA
CIRCLE = usage.habits(1, MSISDN, ("79162000001", "79162000002"), far_friend=usage.IN_KAZAKHSTAN)
PROFILES = [value for value in vars(usage).values() if isinstance(value, usage.Profile)]


def half_a_year(profile: usage.Profile, seed: int = 1) -> list[Row]:
    start = NOON - timedelta(days=183)
    return list(usage_between(seed, MSISDN, profile, CIRCLE, start, NOON, MOSCOW))


def test_a_seed_always_tells_the_same_story():
    assert half_a_year(usage.ANNA) == half_a_year(usage.ANNA)
    assert half_a_year(usage.ANNA, seed=2) != half_a_year(usage.ANNA)


def test_a_day_is_the_same_however_time_is_cut():
    whole = half_a_year(usage.ANNA)
    start, cut = NOON - timedelta(days=183), datetime(2026, 8, 1, 16, 20, 11, tzinfo=UTC)
    first = usage_between(1, MSISDN, usage.ANNA, CIRCLE, start, cut, MOSCOW)
    second = usage_between(1, MSISDN, usage.ANNA, CIRCLE, cut, NOON, MOSCOW)

    assert sorted([*first, *second]) == sorted(whole)


def test_a_call_is_reported_when_it_is_over():
    call = next(row for row in half_a_year(usage.TALKER) if row.kind == "voice" and row.quantity > 60)
    middle = call.started_at + timedelta(seconds=30)

    before = list(usage_between(1, MSISDN, usage.TALKER, CIRCLE, middle - timedelta(days=1), middle, MOSCOW))
    after = list(usage_between(1, MSISDN, usage.TALKER, CIRCLE, middle, middle + timedelta(days=1), MOSCOW))

    assert call not in before
    assert call in after


def test_record_ids_are_unique():
    rows = half_a_year(usage.ANNA)

    assert len({row.record_id for row in rows}) == len(rows) > 1000


def test_people_sleep_at_night_and_talk_in_the_evening():
    hours = Counter(row.started_at.astimezone(MOSCOW).hour for row in half_a_year(usage.ANNA))

    night = sum(hours[hour] for hour in range(1, 6))
    evening = sum(hours[hour] for hour in range(18, 23))
    assert night * 20 < evening


def test_most_calls_go_to_a_few_habitual_numbers_some_of_them_on_net():
    calls = [row for row in half_a_year(usage.ANNA) if row.kind == "voice" and row.direction == "out"]
    habitual = Counter(row.peer for row in calls).most_common(8)

    assert sum(number for _, number in habitual) > len(calls) * 2 // 3
    assert {"home", "on_net", "intl_kz"} <= {row.zone for row in calls}


def test_a_device_neither_calls_nor_sleeps():
    rows = half_a_year(usage.DEVICE)

    assert not [row for row in rows if row.kind == "voice"]
    assert {row.started_at.astimezone(MOSCOW).hour for row in rows} >= {2, 3, 4}


def test_a_traveller_is_away_for_whole_weeks_and_at_home_otherwise():
    days: dict[date, set[bool]] = {}
    for row in half_a_year(usage.TRAVELLER):
        days.setdefault(row.started_at.astimezone(MOSCOW).date(), set()).add(row.zone == "roaming")

    assert all(len(kinds) == 1 for kinds in days.values())
    assert 0 < sum(kinds == {True} for kinds in days.values()) < len(days) // 4


@pytest.mark.parametrize("plan", CATALOGUE.plans.values(), ids=list(CATALOGUE.plans))
def test_every_plan_has_a_price_for_whatever_anybody_does(plan: catalogue.Plan):
    rules = plan.compile().rules
    used = {(row.kind, row.direction, row.zone) for profile in PROFILES for row in half_a_year(profile)}
    used |= {("voice", "out", zone) for zone, _ in usage.ABROAD}

    assert used - set(rules) == set()


def test_nobody_dies_of_a_day_without_anything():
    nothing = replace(usage.QUIET, calls=0, received_calls=0, messages=0, received_messages=0, sessions=0)

    assert usage_of_day(1, MSISDN, nothing, CIRCLE, date(2026, 2, 28), MOSCOW) == []


# --- who they are ----------------------------------------------------------------------------------------------------


def test_the_cast_is_three_named_people_and_a_base_over_all_plans():
    cast = people.cast(1, NOON, CATALOGUE, MOSCOW)

    assert [person.name for person in cast[:3]] == ["Анна", "Борис", "Вера"]
    assert len(cast) == 203
    assert len({person.msisdn for person in cast}) == 203
    assert {person.plan_code for person in cast} == set(CATALOGUE.plans)
    assert cast == people.cast(1, NOON, CATALOGUE, MOSCOW)


def test_everybody_is_on_a_plan_that_is_sold_where_they_live():
    for person in people.cast(1, NOON, CATALOGUE, MOSCOW):
        CATALOGUE.plans[person.plan_code].fee_for(person.region, person.settings)


@pytest.mark.parametrize("day", range(1, 29))
def test_whatever_the_day_of_making_annas_fee_is_far_and_boriss_is_near(day: int):
    made_at = datetime(2027, 2, day, 20, 0, tzinfo=UTC)

    anna, boris, _ = people.cast(1, made_at, CATALOGUE, MOSCOW)[:3]

    def days_to_fee(person: people.Person) -> int:
        return (period_containing(made_at, person.anchor_day, PeriodUnit.MONTH, MOSCOW).end - made_at).days

    assert 4 <= days_to_fee(anna) <= 7
    assert days_to_fee(boris) == 2
    assert made_at - anna.activated_at >= timedelta(days=183)


# --- their money -----------------------------------------------------------------------------------------------------

PURSE = Purse(margin_kopecks=10_000, step_kopecks=5_000)


def wallet(balance: int, *, fee_in_days: int = 2, debt: int = 0, period: PeriodUnit = PeriodUnit.MONTH) -> Wallet:
    return Wallet(balance, debt, 65_000, period, NOON + timedelta(days=fee_in_days))


def test_who_has_the_fee_and_the_margin_brings_nothing():
    assert payment_due(PURSE, wallet(75_000), NOON, NOON + timedelta(days=3)) == 0


def test_who_lacks_money_brings_what_is_missing_in_whole_notes():
    # 650 for the fee and 100 to spare; 20 are there, 30 are owed: 760 are missing
    assert payment_due(PURSE, wallet(2_000, debt=3_000), NOON, NOON + timedelta(days=3)) == 80_000


def test_nobody_pays_for_a_fee_that_is_far():
    assert payment_due(PURSE, wallet(10_000, fee_in_days=20), NOON, NOON + timedelta(days=3)) == 0


def test_an_empty_wallet_is_filled_a_little_even_far_from_the_fee():
    assert payment_due(PURSE, wallet(0, fee_in_days=20), NOON, NOON + timedelta(days=3)) == 10_000


def test_who_is_late_comes_days_after_the_fee():
    late = Purse(10_000, 5_000, late_from=NOON)
    due = wallet(2_000, fee_in_days=3)

    assert payment_due(late, due, NOON + timedelta(days=6), NOON + timedelta(days=9)) == 0
    assert payment_due(late, due, NOON + timedelta(days=8), NOON + timedelta(days=9)) == 75_000


def test_errands_come_every_third_day_by_daylight():
    moment, errands = NOON, []
    for _ in range(60):
        moment = people.next_errand(moment, MOSCOW)
        errands.append(moment.astimezone(MOSCOW))

    assert {(later.date() - earlier.date()).days for earlier, later in pairwise(errands)} == {3}
    assert all(9 <= errand.hour <= 21 for errand in errands)
