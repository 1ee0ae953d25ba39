"""Services in words: prices, how each stands, why a switch does not turn and what to do. It is Monday, 23 November."""

from datetime import UTC, datetime

import pytest

from cabinet.domain.catalogue import OptionPeriod
from cabinet.domain.effects import OptionState
from cabinet.services.options import Named, NextFee, OptionCard, Options
from cabinet.ui.options import views
from tests.conftest import NOON

MONDAY = datetime(2026, 12, 6, 21, tzinfo=UTC)  # 7 December begins in Moscow


def card(**facts) -> OptionCard:
    values = {
        "code": "music",
        "name": "Музыка",
        "description": "Без рекламы",
        "category": "subscriptions",
        "price_kopecks": 169_00,
        "per": OptionPeriod.MONTH,
        "is_included": False,
        "is_on": False,
        "is_closed": False,
        "state": None,
        "ends_at": None,
        "next_fee_at": None,
        "lacking_kopecks": 0,
        "trial_days": 0,
        "trial_until": None,
        "has_to_answer": False,
        "requires": (),
        "conflicts": (),
        "missing": (),
        "against": (),
        "needed_by": (),
    }
    return OptionCard(**values | facts)


def row(language: str = "ru", **facts) -> views.RowView:
    return views.row_view(card(**facts), NOON, language)


def lines(**facts) -> list[str]:
    return [line.text for line in row(**facts).lines]


@pytest.mark.parametrize(
    ("kopecks", "per", "said"),
    [
        (169_00, OptionPeriod.MONTH, "169\u202f₽ в месяц"),
        (15_50, OptionPeriod.DAY, "15,50\u202f₽ в день"),
        (150_00, OptionPeriod.ONCE, "150\u202f₽ один раз"),
        (0, OptionPeriod.MONTH, "бесплатно"),
    ],
)
def test_a_price_says_what_it_is_for(kopecks: int, per: OptionPeriod, said: str):
    assert row(price_kopecks=kopecks, per=per).price == said


def test_a_sum_in_the_operators_own_words_is_not_parted_from_its_sign():
    assert row(description="Казахстан — 4 ₽ за минуту, 10 % дешевле").description == (
        "Казахстан — 4\u202f₽ за минуту, 10\u202f% дешевле"
    )


def test_the_total_names_the_nearest_charge():
    options = Options((), (), 218_00, 218_00, 2, NextFee(MONDAY, 169_00, "Музыка"))

    total = views.total_view(options, NOON, "ru")

    assert (total.paid, total.sum) == ("Платных услуг и пакетов: 2", "218\u202f₽")
    assert total.next == "Ближайшее списание — пн, 7\u00a0декабря, 169\u202f₽"
    assert views.total_view(Options((), (), 0, 0, 0, None), NOON, "ru").next == ""


def test_the_total_is_that_of_the_next_month_and_says_what_it_is_without_the_discount():
    total = views.total_view(Options((), (), 218_00, 133_50, 2, None), NOON, "ru")

    assert total.sum == "133,50\u202f₽"
    assert total.later == "В ближайший месяц — со скидкой. Без неё — 218\u202f₽ в месяц."
    assert views.total_view(Options((), (), 218_00, 218_00, 2, None), NOON, "ru").later == ""


def test_one_that_is_on_says_when_it_is_charged_next():
    found = row(is_on=True, state=OptionState.ACTIVE, next_fee_at=MONDAY)

    assert (found.is_on, found.is_working, found.is_fixed) == (True, True, False)
    assert [line.text for line in found.lines] == ["Следующее списание — пн, 7\u00a0декабря"]


def test_one_that_was_switched_off_works_to_the_end_of_what_is_paid():
    found = row(is_on=True, state=OptionState.ACTIVE, ends_at=MONDAY)

    assert (found.is_on, found.is_working, found.is_fixed) == (False, True, False)
    assert lines(is_on=True, state=OptionState.ACTIVE, ends_at=MONDAY) == ["Отключена, работает по 6\u00a0декабря"]


def test_one_that_is_paid_once_ends_by_itself_and_cannot_be_turned():
    found = row(is_on=True, state=OptionState.ACTIVE, ends_at=MONDAY, per=OptionPeriod.ONCE)

    assert (found.is_on, found.is_fixed) == (True, True)
    assert found.lines[0].text == "Действует по 6\u00a0декабря, потом закончится сама"


def test_a_trial_is_told_before_the_click():
    assert lines(trial_days=7) == ["7\u00a0дней бесплатно, дальше сама не станет платной"]


def test_a_trial_that_is_on_asks_to_be_kept():
    found = row(is_on=True, state=OptionState.TRIAL, trial_until=MONDAY, has_to_answer=True)

    assert found.keep == "Оставить за 169\u202f₽ в месяц"
    assert found.lines[0].text.startswith("Бесплатно по 6\u00a0декабря. Дальше сама не станет платной")


def test_a_suspended_one_says_what_is_missing():
    found = row(is_on=True, state=OptionState.SUSPENDED, lacking_kopecks=42_50)

    assert (found.is_on, found.is_working) == (True, False)
    assert (found.lines[0].tone, found.lines[0].text) == (
        "warn",
        "Не работает: не хватает 42,50\u202f₽. Пополните баланс — включим сразу.",
    )


def test_what_comes_with_the_plan_costs_nothing_and_has_nothing_to_be_said():
    found = row(is_included=True, price_kopecks=0, conflicts=(Named("a", "А"),))

    assert (found.price, found.lines, found.is_included) == ("Входит в тариф", [], True)


def test_a_missing_service_is_explained_and_offered():
    found = row(missing=(Named("caller", "Определитель"),), requires=(Named("caller", "Определитель"),))

    assert found.is_fixed
    assert found.obstacles == ["Работает только вместе с: «Определитель». Сначала подключите."]
    assert [(one.code, one.label, one.turns_on) for one in found.actions] == [
        ("caller", "Подключить «Определитель»", True)
    ]


def test_a_conflict_is_explained_and_the_other_can_be_switched_off():
    found = row(against=(Named("silence", "Тишина"),), conflicts=(Named("silence", "Тишина"),))

    assert found.obstacles == ["Не работает вместе с: «Тишина». Сначала отключите."]
    assert [(one.code, one.turns_on) for one in found.actions] == [("silence", False)]
    assert found.lines == []


def test_a_conflict_with_what_ends_anyway_is_a_matter_of_waiting():
    found = row(against=(Named("travel", "Поездки", MONDAY),))

    assert found.is_fixed
    assert found.obstacles == ["«Поездки» ещё работает по 6\u00a0декабря. Подключить можно после."]
    assert found.actions == []


def test_a_possible_conflict_is_told_before_it_is_one():
    assert lines(conflicts=(Named("silence", "Тишина"),)) == ["Не работает вместе с: «Тишина»"]


def test_what_others_need_cannot_be_switched_off_before_them():
    found = row(is_on=True, state=OptionState.ACTIVE, needed_by=(Named("super", "Всё о звонках"),))

    assert (found.is_on, found.is_fixed) == (True, True)
    assert found.obstacles == ["Без неё не будет работать: «Всё о звонках». Сначала отключите."]
    assert [(one.label, one.turns_on) for one in found.actions] == [("Отключить «Всё о звонках»", False)]


def test_one_that_is_no_longer_sold_warns_before_it_is_given_up():
    assert "вернуть не получится" in lines(is_on=True, is_closed=True, state=OptionState.ACTIVE)[0]


def test_a_category_without_an_icon_of_its_own_has_one():
    assert row(category="new").icon == "list_checks"


def test_an_english_reader_gets_english():
    found = row("en", trial_days=1, missing=(Named("caller", "Определитель"),))

    assert found.price == "169\u202f₽ a month"
    assert found.lines[0].text == "1\u00a0day free, then never paid without your yes"
    assert found.actions[0].label == "Add “Определитель”"
