"""A discount over three periods, with a switch of plan and a suspended month inside, to its end and past it."""

from sqlmodel import Session

from cabinet import clock
from cabinet.domain.catalogue import SwitchTime
from cabinet.domain.promotions import Discount, DiscountOn, Terms
from cabinet.services import promotion_desk, promotions
from tests.conftest import both_engines
from tests.every_line import check_everyone
from tests.scenarios.story import LEGKIY, Story, moscow

MAKSIMUM = 99_000  # a month in Moscow


@both_engines
def test_a_discount_over_three_fees_through_a_switch_and_a_month_without_money(session: Session):
    boris = Story(session, "legkiy", "2026-01-10 00:00")
    boris.pays(500, "2026-01-10 09:00")
    boris.night_falls("2026-01-10 09:01")  # January is whole: 390 ₽
    terms = Terms(
        title="Треть года дешевле",
        teaser="",
        rules="",
        icon="offer",
        rewards=(Discount(DiscountOn.PLAN, 3, percent=50),),
        starts_at=moscow("2026-01-01 00:00"),
        ends_at=moscow("2026-02-01 00:00"),
    )
    promotion_desk.save(session, "third", terms, now=moscow("2026-01-11 00:00"))
    promotion_desk.publish(session, "third", now=moscow("2026-01-11 00:00"))
    quote = promotions.quote_join(session, boris.id, "third", now=moscow("2026-01-20 12:00"))
    assert quote.summary.next_fee_after.kopecks == LEGKIY // 2
    boris.confirms(quote, "2026-01-20 12:00")

    boris.pays(200, "2026-02-01 12:00")
    boris.night_falls("2026-02-10 00:05")  # the first: 195 ₽
    assert boris.main == 50_000 - LEGKIY + 20_000 - LEGKIY // 2

    order = boris.switches("maksimum", "2026-02-20 12:00", SwitchTime.PERIOD_END)
    assert order.summary.next_fee_after.kopecks == MAKSIMUM // 2
    boris.night_falls("2026-03-10 00:05")  # no money: suspended, and the discount waits
    assert boris.subscription.state == "suspended"
    boris.night_falls("2026-04-10 00:05")

    boris.pays(1000, "2026-04-12 15:00")  # the second: half of «Максимум», for the period in which the money came
    assert boris.main == 11_500 + 100_000 - MAKSIMUM // 2
    boris.pays(3000, "2026-05-01 12:00")
    before = boris.main
    boris.night_falls("2026-05-10 00:05")  # the third
    assert before - boris.main == MAKSIMUM // 2
    boris.night_falls("2026-06-10 00:05")  # over: the whole fee
    assert before - boris.main == MAKSIMUM // 2 + MAKSIMUM

    assert [day.isoformat() for day in boris.fees_on()] == [
        *("2026-01-10", "2026-02-10", "2026-04-10", "2026-05-10", "2026-06-10"),
    ]
    mine = promotions.list_for(session, boris.id, now=moscow("2026-06-11 00:00")).joined[0].joined
    assert (mine.discount_left, mine.is_running) == (0, False)
    check_everyone(session, [boris.id], now=moscow("2026-06-11 00:00"))
    clock.set_offset(moscow("2026-06-11 00:00") - clock.now())
    assert boris.is_sound()
