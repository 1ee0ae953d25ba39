"""Promotions' arithmetic: whom they are for, what a discount takes off, what terms cannot be."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabinet.domain.allowances import UsageKind
from cabinet.domain.promotions import (
    Condition,
    Discount,
    DiscountOn,
    Fact,
    HeldDiscount,
    Money,
    Package,
    PromoCodeUnknown,
    Terms,
    TermsWrong,
    best_discount,
    check_code,
    check_terms,
    facts_needed,
    held_after,
    is_for,
    read_promo_code,
    read_terms,
    recompute_off,
    write_terms,
)

NOON = datetime(2026, 11, 23, 9, tzinfo=UTC)
fees = st.integers(0, 1_000_000)
sizes = st.one_of(
    st.tuples(st.integers(1, 100), st.just(0)),
    st.tuples(st.just(0), st.integers(1, 1_000_000)),
)


def terms(**changes) -> Terms:
    usual = {
        "title": "Скидка на тариф",
        "teaser": "Три месяца дешевле",
        "rules": "",
        "icon": "offer",
        "rewards": (Discount(DiscountOn.PLAN, 3, percent=20),),
        "starts_at": NOON,
        "ends_at": NOON + timedelta(days=30),
    }
    return Terms(**(usual | changes))


def held(number: int, *, periods: int = 3, used: int = 0, present: int | None = None, **size: int) -> HeldDiscount:
    discount = Discount(DiscountOn.PLAN, periods, **size)
    return HeldDiscount(number, f"p{number}", 1, f"Акция {number}", discount, used, present)


# --- discounts -------------------------------------------------------------------------------------------------------


@given(fees, sizes)
def test_a_discount_takes_off_no_less_than_nothing_and_no_more_than_the_fee(fee: int, size: tuple[int, int]):
    assert 0 <= Discount(DiscountOn.PLAN, 1, *size).off(fee) <= fee


@given(fees, st.lists(sizes, max_size=4), st.integers(1, 12))
def test_what_fees_come_to_follows_from_their_explanations_and_no_discount_is_used_too_often(
    fee: int, several: list[tuple[int, int]], count: int
):
    mine = tuple(
        held(number, percent=percent, kopecks=kopecks) for number, (percent, kopecks) in enumerate(several, start=1)
    )
    uses: dict[int, list[int]] = {}
    for _ in range(count):
        applied = best_discount(mine, DiscountOn.PLAN, "start", fee)
        if applied is None:
            continue
        assert recompute_off({"discount": applied.explanation()}, fee) == applied.off(fee)
        uses.setdefault(applied.participation_id, []).append(applied.number)
        mine = held_after(mine, [applied])

    assert all(numbers == list(range(1, len(numbers) + 1)) and len(numbers) <= 3 for numbers in uses.values())


@given(fees, st.lists(sizes, min_size=1, max_size=4))
def test_with_several_discounts_coming_fees_never_fall(fee: int, several: list[tuple[int, int]]):
    """The best comes first: who could not pay one fee could not pay the next."""
    mine = tuple(held(number, percent=percent, kopecks=kopecks) for number, (percent, kopecks) in enumerate(several))
    left = []
    for _ in range(13):
        applied = best_discount(mine, DiscountOn.PLAN, "start", fee)
        left.append(fee - (applied.off(fee) if applied else 0))
        mine = held_after(mine, [applied] if applied else [])

    assert left == sorted(left)


def test_a_third_of_a_rouble_is_rounded_for_the_subscriber():
    assert Discount(DiscountOn.PLAN, 1, percent=33).off(100) == 33
    assert Discount(DiscountOn.PLAN, 1, percent=33).off(101) == 34  # 33,33


def test_a_hundred_roubles_off_a_fee_of_seventy_leave_nothing():
    assert Discount(DiscountOn.PLAN, 1, kopecks=10_000).off(7_000) == 7_000


def test_of_two_discounts_the_larger_is_used_and_the_other_keeps_its_turn():
    mine = (held(1, periods=1, percent=10), held(2, periods=1, kopecks=5_000))

    first = best_discount(mine, DiscountOn.PLAN, "start", 30_000)
    second = best_discount(held_after(mine, [first]), DiscountOn.PLAN, "start", 30_000)

    assert (first.promotion, second.promotion) == ("p2", "p1")  # 50 ₽ against 30 ₽
    assert best_discount(held_after(mine, [first, second]), DiscountOn.PLAN, "start", 30_000) is None


def test_of_two_alike_the_earlier_is_used():
    assert best_discount((held(8, percent=10), held(3, percent=10)), DiscountOn.PLAN, "x", 100).promotion == "p3"


def test_a_discount_of_a_service_is_not_the_plans_nor_anothers():
    mine = [HeldDiscount(1, "p", 1, "Музыка", Discount(DiscountOn.OPTION, 2, percent=50, code="music"))]

    assert best_discount(mine, DiscountOn.OPTION, "music", 100).off(100) == 50
    assert best_discount(mine, DiscountOn.OPTION, "cinema", 100) is None
    assert best_discount(mine, DiscountOn.PLAN, "music", 100) is None


def test_what_the_present_period_was_paid_with_goes_on_though_it_was_the_last():
    mine = [held(1, periods=3, used=3, present=3, percent=20)]

    assert best_discount(mine, DiscountOn.PLAN, "start", 100, goes_on=True).number == 3
    assert best_discount(mine, DiscountOn.PLAN, "start", 100) is None


# --- segments --------------------------------------------------------------------------------------------------------

KNOWN = {
    Fact.PLAN: frozenset({"start"}),
    Fact.OPTION: frozenset({"music", "travel"}),
    Fact.TENURE_DAYS: 100,
    Fact.BALANCE_ROUBLES: -5,
}


@pytest.mark.parametrize(
    ("condition", "is_met"),
    [
        (Condition(Fact.PLAN, one_of=("start", "max")), True),
        (Condition(Fact.PLAN, one_of=("max",)), False),
        (Condition(Fact.PLAN, none_of=("start",)), False),
        (Condition(Fact.OPTION, one_of=("music",), none_of=("cinema",)), True),
        (Condition(Fact.OPTION, one_of=("music",), none_of=("travel",)), False),
        (Condition(Fact.TENURE_DAYS, at_least=100), True),
        (Condition(Fact.TENURE_DAYS, at_least=101), False),
        (Condition(Fact.TENURE_DAYS, at_most=100), True),
        (Condition(Fact.TENURE_DAYS, at_most=99), False),
        (Condition(Fact.TENURE_DAYS, at_least=90, at_most=110), True),
        (Condition(Fact.BALANCE_ROUBLES, at_most=0), True),
        (Condition(Fact.DATA_GB, at_least=0), False),  # what is not known is not met
    ],
)
def test_conditions_are_met_or_not(condition: Condition, is_met: bool):
    assert condition.is_met(KNOWN) is is_met


def test_all_conditions_have_to_be_met_and_none_are_met_by_everybody():
    good, bad = Condition(Fact.PLAN, one_of=("start",)), Condition(Fact.PLAN, one_of=("max",))

    assert is_for((), {})
    assert is_for((good,), KNOWN)
    assert not is_for((good, bad), KNOWN)
    assert facts_needed((good, Condition(Fact.SMS, at_least=1))) == {Fact.PLAN, Fact.SMS}


# --- terms -----------------------------------------------------------------------------------------------------------


def test_it_can_be_joined_from_its_start_to_before_its_end():
    offer = terms()

    assert not offer.is_open(NOON - timedelta(microseconds=1))
    assert offer.is_open(NOON)
    assert not offer.is_open(NOON + timedelta(days=30))
    assert terms(ends_at=None).is_open(NOON + timedelta(days=30_000))


def test_terms_are_read_as_they_were_written():
    offer = terms(
        rewards=(Money(10_000), Package(UsageKind.DATA, 5 * 2**30, 30), Discount(DiscountOn.OPTION, 2, 50, 0, "music")),
        conditions=(Condition(Fact.TENURE_DAYS, at_least=180), Condition(Fact.PLAN, one_of=("start",))),
        places=100,
        needs_code=True,
    )

    assert read_terms(write_terms(offer)) == offer
    assert offer.gift_kopecks == 10_000
    assert offer.discount.code == "music"


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"title": "Ой"}, "Название"),
        ({"title": "я" * 81}, "Название"),
        ({"teaser": "я" * 161}, "Короткий"),
        ({"ends_at": NOON}, "заканчивается раньше"),
        ({"places": 0}, "Мест"),
        ({"rewards": ()}, "награда"),
        ({"rewards": (Discount(DiscountOn.PLAN, 1, 10), Discount(DiscountOn.PLAN, 1, 20))}, "одна"),
        ({"rewards": (Money(0),)}, "Деньги"),
        ({"rewards": (Money(10_000_001),)}, "Деньги"),
        ({"rewards": (Package(UsageKind.DATA, 0, 30),)}, "Пакет"),
        ({"rewards": (Package(UsageKind.DATA, 1, 366),)}, "365"),
        ({"rewards": (Discount(DiscountOn.PLAN, 3),)}, "что-то одно"),
        ({"rewards": (Discount(DiscountOn.PLAN, 3, 10, 10),)}, "что-то одно"),
        ({"rewards": (Discount(DiscountOn.PLAN, 3, 101),)}, "100 %"),
        ({"rewards": (Discount(DiscountOn.PLAN, 3, -5),)}, "100 %"),
        ({"rewards": (Discount(DiscountOn.PLAN, 0, 10),)}, "36"),
        ({"rewards": (Discount(DiscountOn.PLAN, 37, 10),)}, "36"),
        ({"rewards": (Discount(DiscountOn.OPTION, 1, 10),)}, "на какой"),
        ({"conditions": (Condition(Fact.PLAN),)}, "пустое"),
        ({"conditions": (Condition(Fact.SMS),)}, "пустое"),
    ],
)
def test_what_makes_no_promotion_is_refused_in_words(changes: dict, word: str):
    with pytest.raises(TermsWrong, match=word):
        check_terms(terms(**changes))


@pytest.mark.parametrize("code", ["", "a", "Autumn", "9lives", "осень", "a b", "x" * 41, "a-b"])
def test_a_promotions_code_is_plain(code: str):
    assert check_code("autumn_26") == "autumn_26"
    with pytest.raises(TermsWrong):
        check_code(code)


# --- promo codes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["OSEN25", "osen25", " osen 25 ", "OSEN-25", "ОSЕN25"])
def test_a_promo_code_is_understood_however_it_was_typed(typed: str):
    assert read_promo_code(typed) == "OSEN25"


@pytest.mark.parametrize("typed", ["", "ABC", "A" * 25, "ЖУК2026", "код; drop", "ОСЕНЬ"])
def test_what_cannot_be_a_promo_code_is_unknown(typed: str):
    with pytest.raises(PromoCodeUnknown):
        read_promo_code(typed)


@given(st.text(max_size=200))
def test_whatever_is_typed_is_a_code_or_unknown(typed: str):
    try:
        code = read_promo_code(typed)
    except PromoCodeUnknown:
        return
    assert code.isascii()
    assert 4 <= len(code) <= 24
