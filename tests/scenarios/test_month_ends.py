"""The ends of months: days that some months have not, leap years, changes on such days, and catching up over several.

The day of the fee is counted from the anchor, never from the fee before: a short month shortens one period only.
"""

from datetime import date

import pytest
from sqlmodel import Session

from cabinet.domain.catalogue import SwitchTime
from cabinet.models.tariffs import PlanSubscription
from tests.scenarios.story import Story, moscow


def days(*texts: str) -> list[date]:
    return [date.fromisoformat(text) for text in texts]


@pytest.mark.parametrize(
    ("joined", "expected"),
    [
        ("2027-01-28", ["2027-01-28", "2027-02-28", "2027-03-28", "2027-04-28"]),
        ("2027-01-29", ["2027-01-29", "2027-02-28", "2027-03-29", "2027-04-29"]),
        ("2027-01-30", ["2027-01-30", "2027-02-28", "2027-03-30", "2027-04-30"]),
        ("2027-01-31", ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30"]),
        ("2028-01-29", ["2028-01-29", "2028-02-29", "2028-03-29", "2028-04-29"]),
        ("2028-01-31", ["2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30"]),
        ("2028-02-29", ["2028-02-29", "2028-03-29", "2028-04-29"]),
        ("2027-02-28", ["2027-02-28", "2027-03-28", "2027-04-28"]),
        ("2027-12-31", ["2027-12-31", "2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30"]),
    ],
)
@pytest.mark.parametrize("is_at_once", [True, False])
def test_fees_of_whoever_joined_at_a_months_end(session: Session, joined: str, expected: list[str], is_at_once: bool):
    """Caught up at once, or night by night: the same days and the same money."""
    story = Story(session, "legkiy", since=f"{joined} 14:00")
    story.pays(5_000, f"{joined} 14:00")

    if not is_at_once:
        for day in expected[1:]:
            assert story.night_falls(f"{day} 00:00")
            assert story.night_falls(f"{day} 23:59") == []
    story.night_falls(f"{expected[-1]} 23:59")

    assert story.fees_on() == days(*expected)
    assert story.main == 500_000 - len(expected) * 39_000
    assert story.is_sound()


def test_nothing_is_due_a_moment_before_the_last_day_of_a_short_month(session: Session):
    story = Story(session, "legkiy", since="2027-03-31 00:00")
    story.pays(5_000, "2027-03-31 00:00")

    assert story.night_falls("2027-04-29 23:59") == []
    assert len(story.night_falls("2027-04-30 00:00")) == 1
    assert story.night_falls("2027-05-30 23:59") == []
    assert len(story.night_falls("2027-05-31 00:00")) == 1


def test_a_leap_day_joiner_comes_through_a_year_without_one(session: Session):
    story = Story(session, "legkiy", since="2028-02-29 00:00")
    story.pays(10_000, "2028-02-29 00:00")

    story.night_falls("2029-03-29 00:00")

    assert story.fees_on()[-3:] == days("2029-01-29", "2029-02-28", "2029-03-29")
    assert len(story.fees_on()) == 14
    assert story.is_sound()


def test_a_plan_and_a_service_of_the_31st_stay_together(session: Session):
    story = Story(session, "legkiy", since="2027-01-31 00:00")
    story.pays(5_000, "2027-01-31 00:00")
    story.turns_on("voicemail", "2027-01-31 18:00")

    story.night_falls("2027-05-31 00:00")

    assert story.fees_on()[1:] == days("2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31")
    assert [day for day, _ in story.service_fees("voicemail")] == story.fees_on()[1:]
    assert story.is_sound()


def test_a_service_keeps_its_own_day_beside_the_plans(session: Session):
    story = Story(session, "legkiy", since="2027-01-15 00:00")
    story.pays(5_000, "2027-01-15 00:00")
    story.turns_on("voicemail", "2027-01-31 18:00")

    story.night_falls("2027-04-30 00:00")

    assert story.fees_on() == days("2027-01-15", "2027-02-15", "2027-03-15", "2027-04-15")
    assert [day for day, _ in story.service_fees("voicemail")] == days("2027-02-28", "2027-03-31", "2027-04-30")
    assert story.is_sound()


def test_a_switch_at_once_on_the_31st_makes_it_the_day(session: Session):
    story = Story(session, "legkiy", since="2027-01-15 00:00")
    story.pays(9_000, "2027-01-15 00:00")
    story.night_falls("2027-03-15 00:00")

    story.switches("maksimum", "2027-03-31 12:00", SwitchTime.NOW)
    assert story.night_falls("2027-04-15 00:00") == []
    story.night_falls("2027-05-31 00:00")

    assert story.fees_on() == days("2027-01-15", "2027-02-15", "2027-03-15", "2027-04-30", "2027-05-31")
    assert story.main == 900_000 - 3 * 39_000 - 3 * 99_000
    assert story.is_sound()


def test_a_switch_at_once_on_the_30th_of_april_forgets_the_31st(session: Session):
    """The day of the change is the 30th, whatever the day was before."""
    story = Story(session, "legkiy", since="2027-03-31 00:00")
    story.pays(9_000, "2027-03-31 00:00")
    story.night_falls("2027-04-30 00:00")

    story.switches("maksimum", "2027-04-30 12:00", SwitchTime.NOW)
    story.night_falls("2027-06-30 00:00")

    assert story.fees_on() == days("2027-03-31", "2027-04-30", "2027-05-30", "2027-06-30")
    assert story.main == 900_000 - 2 * 39_000 - 3 * 99_000
    assert story.is_sound()


def test_a_planned_switch_at_the_end_of_february_keeps_the_31st(session: Session):
    story = Story(session, "legkiy", since="2027-01-31 00:00")
    story.pays(9_000, "2027-01-31 00:00")

    story.switches("maksimum", "2027-02-27 12:00")
    story.night_falls("2027-02-28 00:00")
    story.night_falls("2027-03-31 00:00")

    assert story.fees_on() == days("2027-01-31", "2027-02-28", "2027-03-31")
    assert story.subscription.anchor_day == 31
    assert story.main == 900_000 - 39_000 - 2 * 99_000
    assert story.is_sound()


def test_a_planned_switch_found_months_later_began_on_its_day(session: Session):
    """The worker was away over three ends of months: the old plan's fee, and the new one's from its own beginning."""
    story = Story(session, "legkiy", since="2027-01-31 00:00")
    story.pays(9_000, "2027-01-31 00:00")
    story.switches("maksimum", "2027-02-20 12:00")

    story.night_falls("2027-04-30 09:00")

    assert story.fees_on() == days("2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30")
    assert story.main == 900_000 - 39_000 - 3 * 99_000
    assert story.subscription.started_at == moscow("2027-02-28 00:00")
    assert story.is_sound()


def test_a_share_by_days_of_a_period_over_a_leap_february(session: Session):
    story = Story(session, "legkiy", since="2028-01-31 00:00")
    story.pays(9_000, "2028-01-31 00:00")

    story.switches("dialog", "2028-02-20 12:00", SwitchTime.NOW)

    # 31.01–29.02 has 29 days, nine are left; 1 000 ₽ are 28 × 34,48 and 34,56.
    assert story.main == 900_000 - 39_000 - (8 * 3_448 + 3_456)
    story.night_falls("2028-02-29 00:00")
    story.night_falls("2028-03-31 00:00")
    assert story.fees_on() == days("2028-01-31", "2028-02-29", "2028-03-31")
    assert story.main == 900_000 - 39_000 - (8 * 3_448 + 3_456) - 2 * 100_000
    assert story.is_sound()


def test_there_and_back_on_the_31st_is_as_if_nothing_had_been(session: Session):
    story = Story(session, "legkiy", since="2027-01-31 00:00")
    story.pays(9_000, "2027-01-31 00:00")
    story.night_falls("2027-03-31 00:00")
    before = story.main

    order = story.switches("maksimum", "2027-03-31 12:00", SwitchTime.NOW)
    story.undoes(order, "2027-03-31 18:00")
    story.night_falls("2027-04-30 00:00")

    assert story.main == before - 39_000
    assert story.subscription.next_fee_at == moscow("2027-05-31 00:00")
    assert story.is_sound()


def test_from_days_to_months_on_the_last_day_of_february(session: Session):
    story = Story(session, "den", since="2027-02-26 00:00")
    story.pays(5_000, "2027-02-26 00:00")
    story.night_falls("2027-02-28 00:00")

    story.switches("legkiy", "2027-02-28 12:00", SwitchTime.NOW)
    story.night_falls("2027-03-31 00:00")

    monthly = session.get_one(PlanSubscription, story.subscription.id)
    assert (monthly.anchor_day, monthly.next_fee_at) == (28, moscow("2027-04-28 00:00"))
    assert story.fees_on() == days("2027-02-26", "2027-02-27", "2027-02-28", "2027-03-28")
    assert story.main == 500_000 - 3 * 2_700 - 2 * 39_000
    assert story.is_sound()


def test_suspended_over_a_months_end_the_day_comes_back_with_the_money(session: Session):
    story = Story(session, "legkiy", since="2027-01-31 00:00")
    story.pays(400, "2027-01-31 00:00")
    story.night_falls("2027-02-28 00:00")
    story.night_falls("2027-03-31 00:00")

    story.pays(800, "2027-04-02 10:00")
    assert story.fees_on() == days("2027-01-31", "2027-03-31")  # March is used, February's month was nobody's
    assert story.subscription.next_fee_at == moscow("2027-04-30 00:00")
    story.night_falls("2027-04-30 00:00")
    assert story.main == 120_000 - 3 * 39_000
    assert story.is_sound()
