"""The dashboard in words. A thin space (U+202F) is written `_` here, a no-break space `~`."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from cabinet import locales
from cabinet.domain.allowances import UsageKind
from cabinet.domain.autopay import AutopayKind, AutopayState, PauseReason, Terms
from cabinet.domain.periods import PeriodUnit
from cabinet.services.advisor import Advice, Confidence, PlanAdvice
from cabinet.services.autopay import Status
from cabinet.services.overview import (
    AllowanceLeft,
    Expenses,
    NextCharge,
    Operation,
    OptionToMind,
    Overview,
    PlannedPlan,
)
from cabinet.ui.overview import views
from tests.conftest import NOON

GB = 2**30
FEE_AT = datetime(2026, 11, 25, 21, tzinfo=UTC)  # Thursday, 26 November in Moscow
EXPENSES = Expenses(
    month_on=date(2026, 11, 1),
    days_in_month=30,
    days=(0,) * 19 + (438_00,) * 4,
    previous_days=(0,) * 9 + (312_00,) * 16 + (962_00,) * 6,
    expected_days=(438_00,) * 3 + (1_088_00,) * 5,
)
CALL = {
    "kind": "voice",
    "zone": "intl_kz",
    "rated_as": "intl_kz",
    "quantity": 401,
    "billed": 420,
    "draws": [],
    "blocks": 7,
    "price_kopecks": 10_00,
    "reason": "not covered",
}

BY_FEE = Terms(AutopayKind.FEE, 650_00)
BELOW_100 = Terms(AutopayKind.THRESHOLD, 650_00, threshold_kopecks=100_00, amount_kopecks=300_00)
ON_5 = Terms(AutopayKind.DAY, 650_00, amount_kopecks=300_00, day=5)
PAUSED = {"state": AutopayState.PAUSED}


def seen(text: str) -> str:
    return text.replace("\u202f", "_").replace("\u00a0", "~")


def overview(**facts) -> Overview:
    values = {
        "as_of": NOON,
        "msisdn": "79160000001",
        "name": "Анна",
        "plan_name": "Свобода",
        "main_kopecks": 312_50,
        "bonus_kopecks": 0,
        "debt_kopecks": 0,
        "credit_limit_kopecks": 0,
        "is_suspended": False,
        "next_charge": NextCharge(FEE_AT, 650_00, 337_50, None),
        "planned": None,
        "options": (),
        "allowances": (),
        "expenses": EXPENSES,
        "operations": (),
    }
    return Overview(**values | facts)


def left(kind: UsageKind = UsageKind.DATA, **facts) -> AllowanceLeft:
    values = {
        "kind": kind,
        "scope_name": "",
        "is_unlimited": False,
        "granted": 35 * GB,
        "remaining": 2 * GB - 1,
        "expiring": 2 * GB - 1,
        "expires_at": FEE_AT,
        "has_forecast": True,
        "runs_out_at": None,
    }
    return AllowanceLeft(**values | facts)


def meter(allowance: AllowanceLeft) -> views.MeterView:
    (found,) = views.meter_views(overview(allowances=(allowance,)), "ru")
    return found


def test_the_balance_says_how_fresh_it_is():
    view = views.balance_view(overview(), "ru")

    assert (view.roubles, seen(view.kopecks), view.freshness) == ("312", ",50_₽", "обновлено в 12:00")


def test_money_that_will_not_do_comes_with_its_consequence():
    view = views.balance_view(overview(), "ru")

    assert [seen(f"{fact.name}: {fact.value}") for fact in view.facts] == [
        "Спишем чт, 26~ноября: 650_₽",
        "Тариф: Свобода",
    ]
    assert (seen(view.strong), view.is_enough) == ("Не хватит 337,50_₽", False)
    assert view.status == "на плату за тариф. Без неё в четверг отключатся интернет и звонки."


@pytest.mark.parametrize(
    ("enough_until", "text"),
    [
        (datetime(2026, 12, 25, 21, tzinfo=UTC), "Денег хватит до 26~декабря"),
        (None, "Денег хватит больше чем на год"),
    ],
)
def test_money_that_will_do_says_until_when(enough_until: datetime | None, text: str):
    view = views.balance_view(overview(next_charge=NextCharge(FEE_AT, 650_00, 0, enough_until)), "ru")

    assert (view.is_enough, view.strong, seen(view.status)) == (True, "", text)


def test_a_suspended_number_reads_what_brings_it_back():
    charge = NextCharge(NOON - timedelta(days=1), 650_00, 337_50, None)
    view = views.balance_view(overview(is_suspended=True, next_charge=charge), "ru")

    assert view.facts[0].name == "К оплате за тариф"
    assert seen(f"{view.strong} {view.status}") == (
        "Не хватает 337,50_₽ на плату за тариф. Пакеты тарифа вернутся, как только она спишется."
    )


def test_without_a_fee_there_is_nothing_to_warn_of():
    view = views.balance_view(overview(next_charge=None), "ru")

    assert (view.has_status, [fact.name for fact in view.facts]) == (False, ["Тариф"])


def test_bonus_debt_and_credit_limit_stand_apart_from_the_balance():
    view = views.balance_view(overview(bonus_kopecks=40_00, debt_kopecks=15_00, credit_limit_kopecks=100_00), "ru")

    assert [seen(f"{fact.name}: {fact.value}") for fact in view.facts[2:]] == [
        "Бонусы: 40_₽",
        "Долг за связь: 15_₽",
        "Кредитный лимит: 100_₽",
    ]


@pytest.mark.parametrize(
    ("facts", "title", "second"),
    [
        ({}, "Автоплатёж включён", "25~ноября, до 650_₽ в месяц"),  # the day before the fee
        ({"terms": BELOW_100}, "Автоплатёж включён", "Когда меньше 100_₽, до 650_₽ в месяц"),
        ({"terms": ON_5}, "Автоплатёж включён", "5-го числа, до 650_₽ в месяц"),
        ({"retry_at": NOON + timedelta(hours=4)}, "Автоплатёж не прошёл", "Банк отказал, повторим сегодня, 16:00"),
        (PAUSED | {"pause_reason": PauseReason.ASKED}, "Автоплатёж на паузе", "Включите снова, когда понадобится"),
        (PAUSED | {"pause_reason": PauseReason.REFUSED}, "Автоплатёж на паузе", "Банк отказывает: проверьте карту"),
    ],
)
def test_autopay_says_how_it_stands(facts: dict, title: str, second: str):
    usual = {"terms": BY_FEE, "state": AutopayState.ACTIVE, "pause_reason": None, "is_paying": False, "retry_at": None}

    view = views.autopay_view(Status(**(usual | facts)), overview(), "ru")

    assert (view.title, seen(view.second)) == (title, second)


def test_without_autopay_it_is_offered():
    view = views.autopay_view(None, overview(), "ru")

    assert (view.title, view.second) == ("Автоплатёж выключен", "Включите — и связь не прервётся")


def test_one_end_for_all_allowances_stands_in_the_title():
    found = overview(allowances=(left(), left(UsageKind.SMS, granted=50, remaining=42, expiring=42)))

    assert seen(views.allowances_until(found, "ru")) == "до чт, 26~ноября"
    assert [view.forecast for view in views.meter_views(found, "ru")] == ["Хватит до конца периода"] * 2


def test_different_ends_stand_at_their_allowances():
    later = left(UsageKind.SMS, granted=50, remaining=42, expiring=42, expires_at=FEE_AT + timedelta(days=7))
    found = overview(allowances=(left(), later))

    assert views.allowances_until(found, "ru") == ""
    assert [seen(view.forecast) for view in views.meter_views(found, "ru")] == [
        "Хватит до конца периода · До чт, 26~ноября",
        "Хватит до конца периода · До чт, 3~декабря",
    ]


def test_what_burns_first_is_named():
    assert seen(meter(left(remaining=7 * GB, expiring=2 * GB)).forecast) == (
        "Хватит до конца периода · 2_ГБ из них — до чт, 26~ноября"
    )


def test_a_meter_never_promises_more_than_there_is():
    view = meter(left())

    assert (view.left, seen(view.rest), view.percent) == ("1,9", "ГБ из 35_ГБ", 5)


def test_a_pace_that_is_too_fast_warns_with_the_day():
    view = meter(left(runs_out_at=datetime(2026, 11, 25, 9, tzinfo=UTC)))

    assert (view.forecast, view.is_low) == ("При таком темпе закончится в среду", True)


@pytest.mark.parametrize(("days", "text"), [(0, "сегодня"), (1, "завтра"), (6, "в воскресенье"), (7, "30~ноября")])
def test_near_days_are_named(days: int, text: str):
    at = NOON + timedelta(days=days)

    assert seen(meter(left(runs_out_at=at)).forecast).endswith(text)


def test_an_empty_allowance_says_what_comes_next():
    view = meter(left(remaining=0, expiring=0, has_forecast=False))

    assert (view.forecast, view.is_low) == ("Закончился, дальше — по ценам тарифа", True)


def test_unlimited_is_a_word():
    view = meter(left(is_unlimited=True, granted=0, remaining=0, expiring=0, has_forecast=False))

    assert (view.left, view.rest, view.is_unlimited, view.is_low) == ("безлимит", "", True, False)


def test_an_allowance_for_one_class_of_traffic_bears_its_name():
    assert meter(left(scope_name="Мессенджеры")).name == "Интернет: Мессенджеры"


def test_expenses_are_compared_with_the_same_day():
    view = views.expenses_view(EXPENSES, "ru")

    assert (seen(view.title), seen(view.total)) == ("Расходы в~ноябре", "438_₽")
    assert (seen(view.comparison), view.is_more) == ("на 126_₽ больше, чем к 23~октября", True)
    assert (seen(view.legend_expected), seen(view.legend_before)) == ("ожидаем 1_088_₽", "октябрь, 962_₽")
    assert (view.left, view.today, seen(view.first_day), view.last_day) == ("76.7%", "сегодня", "1~ноября", "30")


def test_the_chart_is_told_in_one_sentence():
    assert seen(views.expenses_view(EXPENSES, "ru").sentence) == (
        "Ноябрь: 438_₽. на 126_₽ больше, чем к 23~октября. ожидаем 1_088_₽. октябрь, 962_₽"
    )


def test_a_month_without_expenses_says_so():
    view = views.expenses_view(replace(EXPENSES, days=(0,) * 23, previous_days=(), expected_days=(0,) * 8), "ru")

    assert (seen(view.empty), view.has_chart, view.comparison) == ("В~ноябре расходов ещё не было", False, "")


def test_two_empty_months_are_not_compared():
    view = views.expenses_view(replace(EXPENSES, days=(0,) * 23, previous_days=(0,) * 30 + (962_00,)), "ru")

    assert (view.comparison, view.has_chart) == ("", True)


def operation(kind: str, amount: int, explanation: dict, **facts) -> views.OperationView:
    found = Operation(
        transaction_id=7,
        kind=kind,
        happened_at=datetime(2026, 11, 19, 15, 20, tzinfo=UTC),
        amount_kopecks=amount,
        explanation=explanation,
        zone_name=facts.get("zone_name", ""),
        destination=facts.get("destination", ""),
    )
    (view,) = views.operation_views(overview(operations=(found,)), facts.get("language", "ru"))
    return view


def test_a_call_explains_its_price():
    view = operation("usage", -70_00, CALL, zone_name="Казахстан", destination="в Казахстан")

    assert (view.title, seen(view.second), seen(view.amount)) == (
        "Звонок в Казахстан",
        "чт, 19~ноября, 18:20",
        "−70_₽",
    )
    assert view.why == "Не входит в пакеты тарифа: у этого направления своя цена."
    assert [seen(f"{fact.name}: {fact.value}") for fact in view.facts] == [
        "Израсходовано: 6_мин~41_с",
        "После округления: 7_мин",
        "К оплате: 7 × 10_₽",
    ]


def test_an_english_call_takes_the_english_words_of_the_catalogue_or_else_the_name_of_the_zone():
    facts = {"zone_name": "Казахстан", "destination": "в Казахстан", "language": "en"}
    without = operation("usage", -70_00, CALL, **facts).title
    locales.learn({"в Казахстан": "to Kazakhstan"}, "test")

    assert without == "Call: Казахстан"
    assert operation("usage", -70_00, CALL, **facts).title == "Call to Kazakhstan"


def test_a_fee_names_its_period_by_its_last_day():
    view = operation("plan_fee", -650_00, {"period_start": "2026-11-26", "period_end": "2026-12-26"})

    assert (view.title, seen(view.facts[0].value)) == ("Плата за тариф", "26~ноября — 25~декабря")


def test_a_fee_of_one_day_names_that_day():
    view = operation("plan_fee", -10_00, {"period_start": "2026-11-26", "period_end": "2026-11-27"})

    assert seen(view.facts[0].value) == "26~ноября"


def test_a_top_up_is_green_and_does_not_open():
    view = operation("top_up", 500_00, {"paid_kopecks": 500_00, "source": "demo"})

    assert (view.title, seen(view.amount), view.is_income, view.opens) == ("Пополнение", "+500_₽", True, False)


def test_english_figures_and_words():
    view = views.balance_view(overview(), "en")

    assert (view.roubles, seen(view.kopecks)) == ("312", ".50_₽")
    assert seen(view.facts[0].name) == "Due Thu~26~November"


# --- what wants to be seen to, and the offer --------------------------------------------------------------------------


def test_what_does_not_work_what_ends_and_what_changes_lead_to_their_pages():
    found = overview(
        options=(
            OptionToMind("Голосовая почта", is_bundle=False, trial_until=None),
            OptionToMind("+10 ГБ", is_bundle=True, trial_until=None),
            OptionToMind("Музыка", is_bundle=False, trial_until=FEE_AT),
        ),
        planned=PlannedPlan(FEE_AT, "Максимум", is_same_plan=False, fee_kopecks=990_00),
    )

    assert [(view.tone, seen(view.title), view.address) for view in views.matter_views(found, None, "ru")] == [
        ("warn", "«Голосовая почта» не работает", "/services/"),
        ("warn", "«+10 ГБ» не работает", "/packages/"),
        ("info", "«Музыка»: последний бесплатный день — ср, 25~ноября", "/services/"),
        ("info", "26~ноября тариф сменится на «Максимум»", "/tariff/"),
    ]


def test_other_settings_of_the_same_plan_are_no_other_plan():
    found = overview(planned=PlannedPlan(FEE_AT, "Свобода", is_same_plan=True, fee_kopecks=590_00))

    assert [seen(view.title) for view in views.matter_views(found, None, "ru")] == [
        "26~ноября изменятся настройки тарифа"
    ]


def test_without_anything_to_mind_there_is_nothing():
    assert views.matter_views(overview(), None, "ru") == []


def priced(name: str, average: int, *, is_mine: bool = False) -> PlanAdvice:
    return PlanAdvice(
        plan_version_id=1,
        plan_code=name,
        name=name,
        settings={},
        is_mine=is_mine,
        is_for_devices=False,
        fee_kopecks=300_00,
        period=PeriodUnit.MONTH,
        months=(average,) * 5,
        average_kopecks=average,
        saving_kopecks=None,
        overage=(),
        packages=(),
        unpriced=0,
    )


def advice(best: PlanAdvice | None, confidence: Confidence = Confidence.ENOUGH) -> Advice:
    months = tuple(date(2026, number, 1) for number in range(6, 11))
    return Advice(months, confidence, priced("Свой", 547_90, is_mine=True), (), best)


def test_a_cheaper_plan_is_offered_in_whole_roubles():
    view = views.offer_view(advice(priced("Свобода 300", 512_40)), "ru")

    assert (seen(view.title), view.address) == ("Свобода 300 — дешевле на 36_₽ в месяц", "/tariffs/")
    assert seen(view.second) == "Посчитали ваши 5~месяцев: в среднем вышло бы 512_₽ вместо 548_₽."


def test_cheaper_settings_of_the_present_plan_lead_to_it():
    view = views.offer_view(advice(priced("Свой", 500_00, is_mine=True)), "en")

    assert (seen(view.title), view.address) == ("Свой, other settings: 48_₽ a month cheaper", "/tariff/")


@pytest.mark.parametrize(
    "found",
    [
        advice(None),
        advice(priced("Свобода 300", 512_40), Confidence.LITTLE),
        advice(priced("Свобода 300", 547_10)),  # less than a rouble
        replace(advice(priced("Свобода 300", 512_40)), mine=None),
    ],
)
def test_what_saves_nothing_or_is_not_sure_is_not_offered(found: Advice):
    assert views.offer_view(found, "ru").title == ""


@pytest.mark.parametrize(
    ("kind", "explained", "title"),
    [
        ("order", {"kind": "bundle", "name": "+5 ГБ"}, "Пакет «+5 ГБ»"),
        ("order", {"kind": "plan_fee", "name": "Максимум"}, "Тариф «Максимум»"),
        ("option_fee", {"kind": "option_fee", "name": "Музыка"}, "Услуга «Музыка»"),
    ],
)
def test_an_order_and_a_fee_of_a_service_say_what_they_were_for(kind: str, explained: dict, title: str):
    assert operation(kind, -120_00, explained).title == title
