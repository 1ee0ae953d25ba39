"""Whole months told as a story: people, calls, fees and money on the real services and the demo catalogue."""

from datetime import date

import pytest
from sqlalchemy import text
from sqlmodel import Session

from cabinet import ledger
from cabinet.models.tariffs import SubscriptionState
from cabinet.services.billing import FeeOutcome
from tests.scenarios.story import DEN, GIGABYTE, LEGKIY, MINUTE, Story, moscow


def test_boris_runs_out_of_money_and_a_payment_restores_him_at_once(session: Session):
    boris = Story(session, "legkiy", since="2026-03-05 00:00")

    boris.pays(500, "2026-03-05 00:00")
    assert boris.main == 11_000  # 500 − 390
    assert boris.uses("voice", 61, "2026-03-10 19:00") == 0
    assert boris.remaining("voice", "2026-03-10 20:00") == 298 * MINUTE
    assert boris.uses("voice", 4 * MINUTE, "2026-03-20 12:00", zone="intl_kz") == 4_000
    assert boris.main == 7_000

    [refused] = boris.night_falls("2026-04-05 00:00")
    assert refused.outcome == FeeOutcome.LACKING
    assert boris.subscription.state == SubscriptionState.SUSPENDED
    assert boris.remaining("voice", "2026-04-06 12:00") is None
    assert boris.main == 7_000
    assert boris.night_falls("2026-04-06 00:00") == []  # nobody asks every night

    paid = boris.pays(400, "2026-04-08 10:30")
    assert [fee.outcome for fee in paid.fees] == [FeeOutcome.CHARGED]
    assert boris.subscription.state == SubscriptionState.ACTIVE
    assert boris.main == 8_000  # 70 + 400 − 390
    assert boris.remaining("data", "2026-04-08 10:30") == 10 * GIGABYTE
    assert boris.subscription.next_fee_at == moscow("2026-05-05 00:00")  # the anchor did not move
    assert boris.is_sound()


def test_too_little_money_restores_nothing_and_the_rest_does(session: Session):
    boris = Story(session, "legkiy", since="2026-03-05 00:00")
    boris.night_falls("2026-03-05 00:00")

    assert boris.pays(389, "2026-03-06 12:00").fees[0].outcome == FeeOutcome.LACKING
    assert boris.subscription.state == SubscriptionState.SUSPENDED
    assert boris.pays(1, "2026-03-06 12:01").fees[0].outcome == FeeOutcome.CHARGED

    assert boris.main == 0
    assert boris.is_sound()


def test_what_was_used_before_the_network_knew_is_owed_and_paid_first(session: Session):
    boris = Story(session, "legkiy", since="2026-03-05 00:00")
    boris.pays(400, "2026-03-05 00:00")

    assert boris.uses("voice", 5 * MINUTE, "2026-03-20 12:00", zone="intl_tr") == 12_500
    assert (boris.main, boris.debt) == (0, -11_500)  # 10 were there, 125 were spoken

    paid = boris.pays(300, "2026-03-21 12:00")
    assert paid.settled_kopecks == 11_500
    assert (boris.main, boris.debt) == (18_500, 0)
    assert boris.is_sound()


def test_a_contract_of_the_31st_finds_its_day_again_after_february(session: Session):
    story = Story(session, "legkiy", since="2027-01-31 00:00")
    story.pays(5_000, "2027-01-31 00:00")

    for night in ("2027-02-28", "2027-03-30", "2027-03-31", "2027-04-30", "2027-05-30", "2027-05-31"):
        story.night_falls(f"{night} 00:00")

    assert story.fees_on() == [
        date(2027, 1, 31),
        date(2027, 2, 28),
        date(2027, 3, 31),
        date(2027, 4, 30),
        date(2027, 5, 31),
    ]
    assert story.main == 500_000 - 5 * LEGKIY
    assert story.is_sound()


def test_in_a_leap_year_it_is_the_29th(session: Session):
    story = Story(session, "legkiy", since="2028-01-30 00:00")
    story.pays(2_000, "2028-01-30 00:00")

    story.night_falls("2028-03-30 00:00")

    assert story.fees_on() == [date(2028, 1, 30), date(2028, 2, 29), date(2028, 3, 30)]


def test_a_worker_that_was_away_for_months_charges_each_period_once(session: Session):
    story = Story(session, "legkiy", since="2026-03-05 00:00")
    story.pays(2_000, "2026-03-05 00:00")

    story.night_falls("2026-06-20 03:00")
    story.night_falls("2026-06-20 03:01")

    assert story.fees_on() == [date(2026, month, 5) for month in (3, 4, 5, 6)]
    assert story.main == 200_000 - 4 * LEGKIY
    assert story.is_sound()


def test_money_that_ends_on_the_way_charges_the_periods_it_is_enough_for(session: Session):
    story = Story(session, "legkiy", since="2026-03-05 00:00")
    story.pays(800, "2026-03-05 00:00")

    story.night_falls("2026-06-20 03:00")

    assert story.fees_on() == [date(2026, 3, 5), date(2026, 4, 5)]
    assert story.subscription.state == SubscriptionState.SUSPENDED
    assert story.main == 80_000 - 2 * LEGKIY
    assert story.is_sound()


def test_a_package_is_used_up_and_the_next_period_brings_a_new_one(session: Session):
    story = Story(session, "legkiy", since="2026-03-05 00:00")
    story.pays(2_000, "2026-03-05 00:00")

    assert story.uses("data", 10 * GIGABYTE, "2026-03-20 22:00") == 0
    assert story.uses("data", GIGABYTE // 2, "2026-03-21 22:00") == 3_500  # the first gigabyte over it, begun
    assert story.uses("data", GIGABYTE // 2, "2026-03-22 22:00") == 0  # and used to its end
    assert story.uses("data", 1, "2026-03-23 22:00") == 3_500
    assert story.uses("data", GIGABYTE, "2026-04-05 00:00") == 0  # the second at which the period begins

    assert story.remaining("data", "2026-04-05 00:01") == 9 * GIGABYTE
    assert story.fees_on() == [date(2026, 3, 5), date(2026, 4, 5)]
    assert story.is_sound()


def test_a_late_record_draws_on_the_month_it_belongs_to(session: Session):
    story = Story(session, "legkiy", since="2026-03-05 00:00")
    story.pays(2_000, "2026-03-05 00:00")
    story.night_falls("2026-04-05 00:00")

    assert story.uses("voice", 10 * MINUTE, "2026-04-04 23:50") == 0

    assert story.remaining("voice", "2026-04-04 23:59") == 290 * MINUTE
    assert story.remaining("voice", "2026-04-05 00:00") == 300 * MINUTE


def test_day_by_day_until_the_money_ends(session: Session):
    story = Story(session, "den", since="2026-03-05 00:00")
    story.pays(100, "2026-03-05 00:00")

    for day in range(5, 12):
        story.night_falls(f"2026-03-{day:02d} 00:00")

    assert story.fees_on() == [date(2026, 3, 5), date(2026, 3, 6), date(2026, 3, 7)]  # 3 × 27 of 100
    assert story.main == 10_000 - 3 * DEN
    assert story.subscription.state == SubscriptionState.SUSPENDED

    story.pays(50, "2026-03-14 09:00")
    assert story.fees_on()[-1] == date(2026, 3, 14)  # the days without are not made up for
    assert story.subscription.next_fee_at == moscow("2026-03-15 00:00")
    assert story.is_sound()


@pytest.mark.parametrize("roubles", [390, 780, 1170])
def test_every_line_of_the_statement_adds_up_to_the_balance(session: Session, roubles: int):
    story = Story(session, "legkiy", since="2026-03-05 00:00")
    story.pays(roubles, "2026-03-05 00:00")
    story.uses("voice", 3 * MINUTE, "2026-03-06 10:00", zone="intl_kz")
    story.night_falls("2026-05-20 00:00")
    story.pays(150, "2026-05-21 10:00")

    main_id = ledger.accounts_of(session, story.id).main_id
    total = session.execute(
        text(
            "SELECT sum(CASE WHEN destination_id = :a THEN amount_kopecks ELSE -amount_kopecks END)"
            " FROM posting WHERE :a IN (source_id, destination_id)"
        ),
        {"a": main_id},
    ).scalar_one()
    assert total == story.main
    assert story.is_sound()
