"""Whole months with orders: switches, services, trials and packages between fees, and money that comes too late."""

from datetime import date

from sqlmodel import Session

from cabinet.domain.catalogue import SwitchTime
from cabinet.domain.effects import OptionState
from cabinet.models.tariffs import SubscriptionState
from cabinet.services.billing import FeeOutcome
from tests.scenarios.story import GIGABYTE, MINUTE, Story, moscow


def test_who_joined_on_the_31st_of_january_orders_through_march(session: Session):
    anna = Story(session, "legkiy", since="2027-01-31 10:00")
    anna.pays(5_000, "2027-01-31 10:00")  # − 390
    anna.turns_on("voicemail", "2027-02-10 12:00")  # − 49
    anna.buys("gb_5", "2027-02-15 12:00")  # − 120
    assert anna.main == 500_000 - 39_000 - 4_900 - 12_000

    anna.night_falls("2027-02-28 00:00")  # − 390, and the package ends with the period
    anna.turns_on("hidden_number", "2027-02-28 12:00")  # − 99
    anna.night_falls("2027-03-10 00:00")  # − 49
    anna.switches("maksimum", "2027-03-20 12:00")
    assert anna.night_falls("2027-03-28 00:00") == []  # − 99, of the service
    anna.night_falls("2027-03-30 00:00")
    [begun] = anna.night_falls("2027-03-31 00:00")  # − 990, of the new plan

    assert begun.amount_kopecks == 99_000
    assert anna.fees_on() == [date(2027, 1, 31), date(2027, 2, 28), date(2027, 3, 31)]
    assert anna.service_fees("voicemail") == [(date(2027, 3, 10), 4_900)]
    assert anna.service_fees("hidden_number") == [(date(2027, 3, 28), 9_900)]
    assert anna.main == 500_000 - 2 * 39_000 - 2 * 4_900 - 12_000 - 2 * 9_900 - 99_000
    assert anna.subscription.next_fee_at == moscow("2027-04-30 00:00")
    assert anna.remaining("data", "2027-03-31 00:00") == 60 * GIGABYTE
    assert anna.is_sound()


def test_a_switch_on_the_last_day_of_a_period_never_pays_for_both(session: Session):
    anna = Story(session, "legkiy", since="2026-03-05 00:00")
    anna.pays(3_000, "2026-03-05 00:00")

    anna.switches("maksimum", "2026-04-04 23:30", SwitchTime.NOW)
    assert anna.night_falls("2026-04-05 00:00") == []

    assert anna.main == 300_000 - 39_000 - 99_000
    assert anna.subscription.next_fee_at == moscow("2026-05-04 00:00")  # the day of the change is the day of the fee
    [fee] = anna.night_falls("2026-05-04 00:00")
    assert (fee.outcome, fee.amount_kopecks) == (FeeOutcome.CHARGED, 99_000)
    assert anna.is_sound()


def test_planned_on_the_last_day_it_begins_at_midnight_with_its_own_fee(session: Session):
    anna = Story(session, "legkiy", since="2026-03-05 00:00")
    anna.pays(3_000, "2026-03-05 00:00")

    anna.switches("maksimum", "2026-04-04 23:59")
    [fee] = anna.night_falls("2026-04-05 00:00")

    assert fee.amount_kopecks == 99_000
    assert anna.main == 300_000 - 39_000 - 99_000
    assert anna.remaining("voice", "2026-04-04 23:59") == 300 * MINUTE
    assert anna.remaining("voice", "2026-04-05 00:00") == 1_500 * MINUTE
    assert anna.is_sound()


def test_a_plan_by_days_joined_on_the_last_day_costs_that_day(session: Session):
    anna = Story(session, "legkiy", since="2026-03-05 00:00")
    anna.pays(3_000, "2026-03-05 00:00")

    anna.switches("dialog", "2026-04-04 12:00", SwitchTime.NOW)
    assert anna.main == 300_000 - 39_000 - 3_250  # 1 000 ₽ for 31 days: thirty of 32,25, and the rest on the last
    anna.night_falls("2026-04-05 00:00")

    assert anna.main == 300_000 - 39_000 - 3_250 - 100_000
    assert anna.subscription.next_fee_at == moscow("2026-05-05 00:00")
    assert anna.is_sound()


def test_days_and_a_daily_service_until_the_money_ends_and_comes_again(session: Session):
    anna = Story(session, "den", since="2026-03-05 09:00")
    anna.pays(200, "2026-03-05 09:00")  # − 27
    anna.turns_on("tethering", "2026-03-05 12:00")  # − 50
    anna.night_falls("2026-03-06 00:00")  # − 27 − 50
    anna.night_falls("2026-03-07 00:00")  # − 27, and 19 are no 50

    assert anna.main == 1_900
    assert anna.subscription.state == SubscriptionState.ACTIVE
    assert anna.service("tethering").state == OptionState.SUSPENDED

    anna.night_falls("2026-03-08 00:00")
    anna.night_falls("2026-03-09 00:00")
    assert anna.subscription.state == SubscriptionState.SUSPENDED
    assert anna.main == 1_900

    anna.pays(30, "2026-03-10 10:00")  # 49: the plan, and not the service
    assert anna.subscription.state == SubscriptionState.ACTIVE
    assert anna.service("tethering").state == OptionState.SUSPENDED
    assert anna.main == 1_900 + 3_000 - 2_700

    anna.pays(50, "2026-03-10 11:00")  # 72: the service too
    assert anna.service("tethering").state == OptionState.ACTIVE
    assert anna.main == 2_200
    assert [day.day for day in anna.fees_on()] == [5, 6, 7, 10]
    assert anna.service_fees("tethering") == [(date(2026, 3, 6), 5_000), (date(2026, 3, 10), 5_000)]
    assert anna.is_sound()


def test_a_suspended_number_pays_by_the_minute_until_money_brings_the_plan_back_at_once(session: Session):
    boris = Story(session, "legkiy", since="2026-03-05 00:00")
    boris.pays(450, "2026-03-05 00:00")  # − 390
    boris.turns_on("voicemail", "2026-03-06 12:00")  # − 49
    boris.night_falls("2026-04-05 00:00")
    boris.night_falls("2026-04-06 00:00")

    assert boris.subscription.state == SubscriptionState.SUSPENDED
    assert boris.service("voicemail").state == OptionState.SUSPENDED
    assert boris.remaining("voice", "2026-04-07 12:00") is None
    assert boris.uses("voice", 2 * MINUTE, "2026-04-07 12:00") == 600  # 3 ₽ a minute, from the 11 that are there
    assert boris.uses("voice", 4 * MINUTE, "2026-04-07 13:00") == 1_200
    assert (boris.main, boris.debt) == (0, -700)

    paid = boris.pays(446, "2026-04-08 10:00")  # the debt of 7, the plan, the service: to the kopeck
    assert paid.settled_kopecks == 700
    assert boris.subscription.state == SubscriptionState.ACTIVE
    assert boris.service("voicemail").state == OptionState.ACTIVE
    assert (boris.main, boris.debt) == (0, 0)
    assert boris.uses("voice", 4 * MINUTE, "2026-04-08 10:01") == 0
    assert boris.remaining("voice", "2026-04-08 10:02") == 296 * MINUTE
    assert boris.is_sound()


def test_money_that_comes_into_a_planned_switch_pays_for_the_new_plan(session: Session):
    boris = Story(session, "legkiy", since="2026-03-05 00:00")
    boris.pays(400, "2026-03-05 00:00")
    boris.switches("maksimum", "2026-03-20 12:00")
    [refused] = boris.night_falls("2026-04-05 00:00")
    assert (refused.outcome, refused.amount_kopecks) == (FeeOutcome.LACKING, 99_000)

    assert boris.pays(500, "2026-04-06 10:00").fees[0].outcome == FeeOutcome.LACKING  # would do for the old one
    assert boris.pays(480, "2026-04-06 11:00").fees[0].outcome == FeeOutcome.CHARGED

    assert boris.main == 0
    assert boris.remaining("voice", "2026-04-06 11:00") == 1_500 * MINUTE
    assert boris.is_sound()


def test_a_trial_asks_two_days_before_and_ends_for_nothing_without_an_answer(session: Session):
    anna = Story(session, "legkiy", since="2027-02-01 00:00")
    anna.pays(2_000, "2027-02-01 00:00")
    before = anna.main
    anna.turns_on("cinema", "2027-02-20 12:00")  # fourteen days, and the rest of the first

    anna.night_falls("2027-03-04 23:00")
    assert anna.sms("trial") == []
    anna.night_falls("2027-03-05 00:00")
    anna.night_falls("2027-03-06 00:00")
    [asked] = anna.sms("trial")
    assert "«Кино и ТВ» закончится 07.03" in asked
    assert "299 ₽ в месяц" in asked
    anna.night_falls("2027-03-07 00:00")

    assert anna.service("cinema").state == OptionState.ENDED
    assert anna.service_fees("cinema") == []
    assert anna.main == before - 39_000  # the plan's fee of March
    anna.turns_on("cinema", "2027-03-08 12:00")  # there is no second trial
    assert anna.main == before - 39_000 - 29_900
    assert anna.is_sound()


def test_a_trial_that_was_kept_becomes_paid_on_its_day(session: Session):
    anna = Story(session, "legkiy", since="2027-02-01 00:00")
    anna.pays(2_000, "2027-02-01 00:00")
    anna.turns_on("cinema", "2027-02-20 12:00")
    anna.night_falls("2027-03-05 00:00")

    anna.keeps("cinema", "2027-03-06 12:00")
    anna.night_falls("2027-03-07 00:00")
    anna.night_falls("2027-04-07 00:00")

    assert anna.service_fees("cinema") == [(date(2027, 3, 7), 29_900), (date(2027, 4, 7), 29_900)]
    assert anna.is_sound()


def test_a_monthly_package_of_the_31st_for_three_months(session: Session):
    anna = Story(session, "legkiy", since="2027-01-05 00:00")
    anna.pays(5_000, "2027-01-05 00:00")
    anna.buys("gb_10_monthly", "2027-01-31 15:00")  # − 180
    assert anna.uses("data", 17 * GIGABYTE, "2027-02-01 12:00") == 0  # of 10 + 10

    anna.night_falls("2027-02-28 00:00")
    assert anna.uses("data", 20 * GIGABYTE, "2027-02-28 12:00") == 0  # ten new ones, and the plan's of February
    anna.night_falls("2027-03-31 00:00")
    anna.stops_package("gb_10_monthly", "2027-04-01 12:00")
    anna.night_falls("2027-04-30 00:00")

    assert anna.service_fees("gb_10_monthly") == [(date(2027, 2, 28), 18_000), (date(2027, 3, 31), 18_000)]
    assert len(anna.fees_on()) == 4
    assert anna.main == 500_000 - 4 * 39_000 - 3 * 18_000
    assert anna.is_sound()


def test_what_comes_in_late_after_a_switch_is_rated_by_the_plan_of_its_time(session: Session):
    anna = Story(session, "legkiy", since="2026-03-05 00:00")
    anna.pays(3_000, "2026-03-05 00:00")
    anna.switches("maksimum", "2026-03-20 12:00", SwitchTime.NOW)
    before = anna.main

    assert anna.uses("voice", 301 * MINUTE, "2026-03-19 12:00") == 300  # 300 of «Лёгкий», then 3 ₽ a minute
    assert anna.uses("voice", 301 * MINUTE, "2026-03-20 12:00") == 0  # of the 1 500 of «Максимум»
    assert anna.uses("voice", MINUTE, "2026-03-20 11:59") == 300

    assert anna.main == before - 600
    assert anna.remaining("voice", "2026-03-21 00:00") == 1_199 * MINUTE
    assert anna.is_sound()
