"""Expenses in words. A thin space (U+202F) is written `_` here, a no-break space `~`."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from cabinet.domain.allowances import UsageKind
from cabinet.domain.rating import Direction, Reason, Rounding
from cabinet.domain.spending import Category
from cabinet.services.expenses import (
    CategorySpending,
    Difference,
    Draw,
    Expected,
    Line,
    LineExplanation,
    Month,
    Part,
    Source,
)
from cabinet.ui.expenses import views
from tests.conftest import NOON

MB, GB = 2**20, 2**30
NOVEMBER = Month(
    month_on=date(2026, 11, 1),
    until_on=date(2026, 11, 23),
    is_current=True,
    first_month_on=date(2026, 9, 1),
    last_month_on=date(2026, 11, 1),
    spent_kopecks=438_00,
    previous_kopecks=312_00,
    categories=(
        CategorySpending(Category.SERVICES, 218_00, 169_00),
        CategorySpending(Category.PACKAGES, 120_00, 0),
        CategorySpending(Category.CALLS_ABROAD, 70_00, 113_00),
        CategorySpending(Category.SMS, 30_00, 30_00),
    ),
    days=(0, 30_00, *(0,) * 4, 169_00, *(0,) * 4, 120_00, *(0,) * 3, 49_00, 0, 0, 70_00, *(0,) * 4),
    expected=(Expected(date(2026, 11, 26), 650_00, "Свобода"),),
    expected_total_kopecks=1_088_00,
    main_difference=Difference(Category.PACKAGES, 120_00),
)
CALL = Line(
    id="p17",
    source=Source.POSTING,
    kind="usage",
    category=Category.CALLS_ABROAD,
    happened_at=datetime(2026, 11, 19, 15, 20, tzinfo=UTC),
    amount_kopecks=-70_00,
    balance_after_kopecks=312_50,
    plan_name="Свобода",
    usage_kind=UsageKind.VOICE,
    usage_direction=Direction.OUT,
    quantity=401,
    peer="77015550018",
    zone="intl_kz",
    zone_name="Казахстан",
    destination="в Казахстан",
)
EXPLAINED = LineExplanation(
    line=CALL,
    reason=Reason.NOT_COVERED,
    quantity=401,
    rounding=Rounding.MINUTE,
    billed_quantity=420,
    missed_quantity=420,
    block=60,
    price_kopecks=10_00,
    blocks=7,
    plan_name="Свобода",
    plan_version=1,
    balance_after_kopecks=312_50,
)
SESSION = replace(
    CALL,
    category=Category.INTERNET,
    usage_kind=UsageKind.DATA,
    peer="",
    zone="home",
    zone_name="Россия",
    destination="по России",
)


def seen(text: str) -> str:
    return text.replace("\u202f", "_").replace("\u00a0", "~")


def said(found: LineExplanation) -> list[str]:
    return [seen(f"{fact.name}: {fact.value}") for fact in views.explanation_view(found, NOON, "ru").facts]


def test_a_month_says_what_was_spent_and_why_it_differs():
    view = views.month_view(NOVEMBER, "ru")

    assert (view.title, seen(view.period), seen(view.total)) == ("Ноябрь 2026", "Потрачено с 1 по 23~ноября", "438_₽")
    assert view.trend == "more"
    assert seen(view.comparison) == "На 126_₽ больше, чем к 23~октября."
    assert seen(view.reason) == "Главное отличие — пакеты: +120_₽."


def test_what_is_to_come_is_told_with_the_months_total():
    view = views.month_view(NOVEMBER, "ru")

    assert seen(f"{view.expected_when} {view.expected_sum}. {view.expected_total}") == (
        "Ещё спишем 26~ноября: 650_₽. Всего за месяц выйдет 1_088_₽."
    )


@pytest.mark.parametrize(
    ("days", "words"), [((23,), "сегодня"), ((24, 25, 30), "до 30~ноября"), ((26, 26), "26~ноября")]
)
def test_several_fees_are_told_in_one_sentence(days: tuple[int, ...], words: str):
    fees = tuple(Expected(date(2026, 11, number), 10_00, "День") for number in days)

    view = views.month_view(replace(NOVEMBER, expected=fees), "ru")

    assert seen(view.expected_when) == f"Ещё спишем {words}:"
    assert seen(view.expected_sum) == f"{10 * len(days)}_₽"


def test_a_month_that_is_over_is_compared_as_a_whole():
    october = replace(
        NOVEMBER,
        month_on=date(2026, 10, 1),
        until_on=date(2026, 10, 31),
        is_current=False,
        previous_kopecks=500_00,
        days=(0,) * 30 + (438_00,),
        expected=(),
        main_difference=Difference(Category.SMS, -62_00),
    )

    view = views.month_view(october, "ru")

    assert view.period == "Потрачено за октябрь"
    assert (view.trend, seen(view.comparison)) == ("less", "На 62_₽ меньше, чем в~сентябре.")
    assert seen(view.reason) == "Главное отличие — SMS: \u221262_₽."
    assert (view.previous, view.next) == ("/expenses/?month=2026-09", "/expenses/?month=2026-11")
    assert (view.previous_name, view.next_name) == ("Сентябрь 2026", "Ноябрь 2026")


def test_the_first_month_has_nothing_to_be_compared_with():
    first = replace(
        NOVEMBER,
        first_month_on=date(2026, 11, 1),
        previous_kopecks=None,
        main_difference=None,
        categories=(CategorySpending(Category.SMS, 438_00, None),),
    )

    view = views.month_view(first, "ru")

    assert (view.trend, view.comparison, view.reason, view.categories_hint, view.previous) == ("",) * 5
    assert view.categories[0].difference == ""


def test_equal_months_say_so():
    same = replace(NOVEMBER, previous_kopecks=438_00, main_difference=None)

    view = views.month_view(same, "ru")

    assert (view.trend, seen(view.comparison), view.reason) == ("same", "Столько же, сколько к 23~октября.", "")


def test_categories_have_sums_differences_and_places_in_the_bar():
    view = views.month_view(NOVEMBER, "ru")

    assert [(one.name, seen(one.sum), seen(one.difference), one.tone) for one in view.categories] == [
        ("Подписки и услуги", "218_₽", "+49_₽", 1),
        ("Пакеты", "120_₽", "+120_₽", 2),
        ("Звонки за границу", "70_₽", "\u221243_₽", 3),
        ("SMS", "30_₽", "как было", 4),
    ]
    assert view.categories_hint == "Под суммой — разница с октябрём"
    assert [one.left for one in view.categories] == sorted(one.left for one in view.categories)


def test_a_category_without_spending_is_named_and_has_no_place_in_the_bar():
    gone = replace(
        NOVEMBER,
        categories=(CategorySpending(Category.SMS, 438_00, 0), CategorySpending(Category.ROAMING, 0, 312_00)),
    )

    sms, roaming = views.month_view(gone, "ru").categories

    assert (sms.left, sms.width) == (0, 1000)
    assert (seen(roaming.sum), seen(roaming.difference), roaming.width) == ("0_₽", "\u2212312_₽", 0)


def test_the_days_in_words_are_the_days_of_the_picture():
    view = views.month_view(NOVEMBER, "ru")

    assert seen(view.days_sentence) == (
        "По дням. 2~ноября — 30_₽; 7~ноября — 169_₽; 12~ноября — 120_₽; 16~ноября — 49_₽; 19~ноября — 70_₽; "
        "26~ноября — ожидается 650_₽"
    )
    assert view.days_spent.count("z") == 5
    assert view.days_expected.count("z") == 1
    assert view.days_ticks.count("z") == 30 - 6
    assert (seen(view.first_day), view.middle_day, view.last_day) == ("1~ноября", "15", "30")


def test_a_month_without_spending_says_so_and_draws_nothing():
    empty = replace(NOVEMBER, spent_kopecks=0, categories=(), days=(0,) * 23, expected=(), main_difference=None)

    view = views.month_view(empty, "ru")
    after_another = replace(empty, categories=(CategorySpending(Category.SMS, 0, 312_00),))

    assert views.month_view(after_another, "ru").empty == view.empty
    assert views.month_view(after_another, "ru").categories == []
    assert seen(view.empty) == "В~ноябре расходов ещё не было"
    assert not view.has_days
    assert seen(views.month_view(replace(empty, is_current=False), "ru").empty) == "В~ноябре расходов не было"


def test_the_day_stands_above_its_first_line_only():
    lines = [CALL, replace(CALL, id="p16"), replace(CALL, id="p2", happened_at=datetime(2026, 11, 16, 9, tzinfo=UTC))]

    assert [seen(row.day) for row in views.row_views(lines, None, NOON, "ru")] == ["чт, 19~ноября", "", "пн, 16~ноября"]
    assert views.row_views(lines, date(2026, 11, 19), NOON, "ru")[0].day == ""


def test_a_line_says_what_when_and_how_much():
    (row,) = views.row_views([CALL], None, NOON, "ru")

    assert (row.title, seen(row.second), seen(row.amount)) == (
        "Звонок в Казахстан",
        "18:20 · 6_мин~41_с",
        "\u221270_₽",
    )
    assert (row.icon, row.is_income) == ("phone", False)


@pytest.mark.parametrize(
    ("facts", "title", "second", "amount"),
    [
        ({"kind": "plan_fee", "usage_kind": None}, "Плата за тариф", "18:20 · Свобода", "\u221270_₽"),
        (
            {"kind": "top_up", "usage_kind": None, "category": None, "amount_kopecks": 500_00},
            "Пополнение",
            "18:20",
            "+500_₽",
        ),
        ({"kind": "reversal", "amount_kopecks": 70_00}, "Возврат", "18:20 · Звонки за границу", "+70_₽"),
        ({"usage_direction": Direction.IN, "amount_kopecks": 0}, "Входящий звонок", "18:20 · 6_мин~41_с", "0_₽"),
        ({"quantity": None, "amount_kopecks": 0}, "Звонок в Казахстан", "18:20 · без соединения", "0_₽"),
        ({"usage_kind": UsageKind.SMS}, "SMS в Казахстан", "18:20 · +7~701~···-··-18", "\u221270_₽"),
        ({"usage_kind": UsageKind.DATA, "quantity": 2 * GB}, "Интернет: Казахстан", "18:20 · 2_ГБ", "\u221270_₽"),
    ],
)
def test_every_kind_of_line_has_its_words(facts: dict, title: str, second: str, amount: str):
    (row,) = views.row_views([replace(CALL, **facts)], None, NOON, "ru")

    assert (row.title, seen(row.second), seen(row.amount)) == (title, second, amount)


def test_a_call_is_explained_so_that_it_can_be_counted_again():
    view = views.explanation_view(EXPLAINED, NOON, "ru")

    assert view.why == "Звонки за границу не входят в пакет минут тарифа «Свобода»."
    assert said(EXPLAINED) == [
        "Номер: +7~701~···-··-18",
        "Время разговора: 6_мин~41_с",
        "После округления: 7_мин",
        "Считаем по минутам: 7 × 10_₽",
        "Тариф: «Свобода», версия 1",
        "Баланс после: 312,50_₽",
    ]


def test_what_a_package_covered_is_told_apart_from_what_was_paid():
    partly = replace(
        EXPLAINED,
        reason=Reason.PARTLY,
        draws=(Draw("500 мин", 300),),
        missed_quantity=120,
        blocks=2,
        balance_after_kopecks=0,
        debt_after_kopecks=-7_50,
    )

    assert said(partly)[2:6] == [
        "После округления: 7_мин",
        "Из пакета «500 мин»: 5_мин",
        "Сверх пакета: 2_мин",
        "Считаем по минутам: 2 × 10_₽",
    ]
    assert said(partly)[-2:] == ["Баланс после: 0_₽", "Долг за связь после: \u22127,50_₽"]


def test_data_summed_over_the_period_shows_the_sum_before_and_after():
    session = replace(
        EXPLAINED,
        line=SESSION,
        reason=Reason.OVER,
        quantity=300 * MB,
        billed_quantity=300 * MB,
        missed_quantity=300 * MB,
        block=GB,
        blocks=1,
        price_kopecks=35_00,
        counter_before=900 * MB,
        counter_after=1_200 * MB,
    )

    assert said(session)[:3] == [
        "Передано: 300_МБ",
        "Сверх пакетов за период: 900_МБ → 1_200_МБ",
        "Считаем блоками по 1_024_МБ: 1 × 35_₽",
    ]


def test_usage_that_a_package_covered_has_no_price():
    covered = replace(
        EXPLAINED,
        reason=Reason.ALLOWANCE,
        draws=(Draw("500 мин", 420),),
        missed_quantity=0,
        blocks=0,
        price_kopecks=None,
    )

    assert views.explanation_view(covered, NOON, "ru").why == "Всё взято из пакета, доплаты нет."
    assert not [line for line in said(covered) if "Считаем" in line]


def test_a_fee_is_the_sum_of_its_parts():
    fee = LineExplanation(
        line=replace(CALL, kind="plan_fee", usage_kind=None, quantity=None),
        plan_name="Свобода",
        plan_version=1,
        parts=(Part("plan", "Свобода", "", 200_00), Part("internet:35gb", "Интернет", "35 ГБ", 270_00)),
        period_start_on=date(2026, 11, 5),
        period_end_on=date(2026, 12, 5),
        balance_after_kopecks=1_00,
    )

    assert said(fee) == [
        "Период: 5~ноября — 4~декабря",
        "Свобода: 200_₽",
        "Интернет: 35 ГБ: 270_₽",
        "Тариф: «Свобода», версия 1",
        "Баланс после: 1_₽",
    ]


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("language", ["ru", "en"])
def test_every_reason_has_a_sentence(reason: Reason, language: str):
    assert views.explanation_view(replace(EXPLAINED, reason=reason), NOON, language).why.endswith(".")


@pytest.mark.parametrize(
    ("peer", "shown"),
    [
        ("77015550018", "+7~701~···-··-18"),
        ("+79161234567", "+7~916~···-··-67"),
        ("375291112233", "+375~···~33"),
        ("0611", "0611"),
        ("YouTube", "YouTube"),
        ("", ""),
    ],
)
def test_the_other_partys_number_is_masked(peer: str, shown: str):
    assert seen(views.mask(peer)) == shown


def test_english_has_its_own_figures_and_words():
    view = views.month_view(NOVEMBER, "en")

    assert (view.title, seen(view.comparison)) == ("November 2026", "126_₽ more than by 23~October.")
    assert seen(view.reason) == "Main reason: packs, +120_₽."


def test_what_is_chosen_is_named_or_counted():
    assert views.filter_name([], "", "ru") == ""
    assert views.filter_name(["sms"], "", "ru") == "SMS"
    assert views.filter_name([], "out", "ru") == "Списания"
    assert views.filter_name(["sms", "calls"], "out", "ru") == "Выбрано: 3"
