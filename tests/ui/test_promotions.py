"""Promotions in words, and the form of the desk."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from cabinet.domain.allowances import UsageKind
from cabinet.domain.promotions import Condition, Discount, DiscountOn, Fact, Money, Package, Terms, TermsWrong
from cabinet.domain.quotes import NextFee
from cabinet.services.promotions import Detail, Joined, Offer, PackageLeft
from cabinet.ui.promotions import views
from cabinet.ui.promotions.desk_form import form_of, series_of, terms_of
from cabinet.ui.quotes.views import discount_words
from tests.conftest import NOON

ZONE = ZoneInfo("Europe/Moscow")
GIGABYTE = 2**30
FIRST, END = datetime(2026, 11, 1, tzinfo=ZONE), datetime(2026, 12, 1, tzinfo=ZONE)


def terms(*rewards, **changes) -> Terms:
    usual = {
        "title": "Скидка 20 % на тариф",
        "teaser": "Для своих",
        "rules": "Первое.\n\nВторое.",
        "icon": "plane",
        "rewards": rewards or (Discount(DiscountOn.PLAN, 3, percent=20),),
        "starts_at": FIRST,
        "ends_at": END,
    }
    return Terms(**(usual | changes))


def offer(*rewards, joined: Joined | None = None, **changes) -> Offer:
    return Offer(1, "autumn", terms(*rewards, **changes), None, False, "", joined)


# --- in words --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("discount", "language", "words"),
    [
        (Discount(DiscountOn.PLAN, 3, percent=20), "ru", "20 % на 3 ближайшие платы за тариф"),
        (Discount(DiscountOn.OPTION, 5, kopecks=5_000), "ru", "50 ₽ на 5 ближайших плат за услугу"),
        (Discount(DiscountOn.BUNDLE, 1, percent=10), "ru", "10 % на ближайшую плату за пакет"),
        (Discount(DiscountOn.PLAN, 2, percent=20), "en", "20 % off the next 2 fees of the plan"),
    ],
)
def test_a_discount_is_said_in_fees(discount: Discount, language: str, words: str):
    assert discount_words(discount, language).replace("\xa0", " ").replace("\u202f", " ") == words


@pytest.mark.parametrize(
    ("days", "text"),
    [(0, "До 23 ноября, последний день"), (7, "До 30 ноября, осталось 7 дней"), (8, "До 1 декабря")],
)
def test_the_last_week_of_a_promotion_is_counted(days: int, text: str):
    ends_at = datetime(2026, 11, 24, tzinfo=ZONE) + timedelta(days=days)

    assert views.hero_until(offer(ends_at=ends_at), NOON, "ru").replace("\xa0", " ") == text


def test_one_without_an_end_says_so():
    assert views.hero_until(offer(ends_at=None), NOON, "ru") == "Бессрочно"


def test_what_is_joined_says_what_remains():
    left = PackageLeft(UsageKind.DATA, 5 * GIGABYTE, 2 * GIGABYTE, datetime(2026, 12, 24, tzinfo=ZONE))
    mine = Joined(NOON, None, 2, (left,))

    view = views.card_view(offer(joined=mine), NOON, "ru")

    assert (view.state, view.is_running, view.until) == ("Вы участвуете", True, "")
    assert view.left.replace("\xa0", " ").replace("\u202f", " ") == (
        "осталось 2 ГБ до 23 декабря, скидка: осталось 2 из 3"
    )


def test_the_page_of_one_says_what_the_fee_becomes_and_what_happens_after():
    class Shown:
        next_fee_before = NextFee(END, 39_000, "month")
        next_fee_after = NextFee(END, 31_200, "month", 39_000)

    found = Detail(offer(), Shown(), None)  # type: ignore[arg-type]

    view = views.detail_view(found, NOON, "ru")

    facts = [(fact.name.replace("\xa0", " "), fact.value.replace("\u202f", " ")) for fact in view.facts]
    assert facts == [("Участие", "0 ₽"), ("Спишем вт, 1 декабря", "312 ₽"), ("Без акции", "390 ₽")]
    assert view.gives[-1] == "Ничего платного не подключаем"
    assert view.rules == ["Первое.", "Второе."]
    assert (view.can_join, view.can_leave) == (True, False)


# --- the desk's form -------------------------------------------------------------------------------------------------


def typed(**fields: str) -> dict:
    usual = {"title": "Скидка", "teaser": "", "rules": "", "icon": "gift", "starts_on": "2026-11-01", "last_on": ""}
    return usual | {"discount_unit": "percent", "discount_on": "plan:", "package_kind": "data"} | fields


def test_what_stands_in_the_form_makes_the_same_terms_again():
    made = terms(
        Money(10_050),
        Package(UsageKind.VOICE, 60 * 60, 7),
        Discount(DiscountOn.OPTION, 2, kopecks=5_000, code="music"),
        conditions=(
            Condition(Fact.PLAN, one_of=("legkiy", "svoboda")),
            Condition(Fact.OPTION, one_of=("music",), none_of=("cinema",)),
            Condition(Fact.TENURE_DAYS, at_least=90),
            Condition(Fact.BALANCE_ROUBLES, at_least=-100, at_most=300),
        ),
        needs_code=True,
        places=50,
    )

    view = form_of("autumn", made, {}, ZONE)
    again = {name: value for name, value in asdict(view).items() if isinstance(value, str)}
    again |= dict.fromkeys(view.picked, "1") | view.bounds | {"needs_code": "1"}

    assert terms_of(again, ZONE) == made


def test_the_last_day_is_whole():
    made = terms_of(typed(last_on="2026-11-30", roubles="100"), ZONE)

    assert made.ends_at == datetime(2026, 11, 30, 21, tzinfo=UTC)
    assert made.rewards == (Money(10_000),)
    assert made.conditions == ()


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"starts_on": ""}, "С какого дня"),
        ({"starts_on": "завтра"}, "не дата"),
        ({"starts_on": "0001-01-01"}, "не дата"),
        ({"roubles": "сто"}, "не сумма"),
        ({"roubles": "1e9"}, "не сумма"),
        ({"places": "1.5"}, "не целое"),
        ({"places": "9" * 30}, "не целое"),
        ({"package_amount": "5", "package_kind": "пиво"}, "чего в нём"),
        ({"discount_size": "20", "discount_on": "луна:"}, "на что"),
        ({"title": "я" * 4_001}, "длинный"),
        ({"title": 5}, "длинный"),
        ({"data_gb-least": "много"}, "не целое"),
    ],
)
def test_what_was_typed_wrong_is_said(fields: dict, word: str):
    with pytest.raises(TermsWrong, match=word):
        terms_of(typed(**fields), ZONE)


def test_a_word_of_ones_own_is_one_code():
    asked = series_of({"series_name": "Листовки", "word": "OSEN25", "count": "100", "uses_each": "7"})

    assert (asked.count, asked.uses_each, asked.word) == (1, 7, "OSEN25")
    assert series_of({"series_name": "Листовки", "count": "100"}).count == 100
