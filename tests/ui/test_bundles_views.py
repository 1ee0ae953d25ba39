"""Packages in words: what is left, what comes every month, what is on sale. It is Monday, 23 November."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cabinet.domain.allowances import UsageKind
from cabinet.services.bundles import Advice, BundleCard, Bundles, HeldBundle
from cabinet.services.overview import AllowanceLeft
from cabinet.ui.bundles import views
from tests.conftest import NOON

GB = 2**30
THURSDAY = datetime(2026, 11, 25, 21, tzinfo=UTC)  # 26 November begins in Moscow


def card(**facts) -> BundleCard:
    values = {
        "code": "gb_5",
        "name": "+5 ГБ",
        "description": "",
        "kind": UsageKind.DATA,
        "scope": "",
        "scope_name": "",
        "amount": 5 * GB,
        "price_kopecks": 120_00,
        "lasts_days": None,
        "is_monthly": False,
        "until": THURSDAY,
        "after": 6 * GB,
        "is_on": False,
        "is_suspended": False,
        "lacking_kopecks": 0,
        "next_fee_at": None,
        "ends_at": None,
        "is_needless": False,
    }
    return BundleCard(**values | facts)


def held(**facts) -> HeldBundle:
    values = {
        "is_of_plan": False,
        "name": "+5 ГБ",
        "kind": UsageKind.DATA,
        "scope": "",
        "scope_name": "",
        "granted": 5 * GB,
        "remaining": 5 * GB,
        "is_unlimited": False,
        "valid_until": THURSDAY,
    }
    return HeldBundle(**values | facts)


def total(**facts) -> AllowanceLeft:
    values = {
        "kind": UsageKind.DATA,
        "scope_name": "",
        "is_unlimited": False,
        "granted": 40 * GB,
        "remaining": 7 * GB,
        "expiring": 7 * GB,
        "expires_at": THURSDAY,
        "has_forecast": True,
        "runs_out_at": None,
    }
    return AllowanceLeft(**values | facts)


def bundles(*cards: BundleCard, left=(), totals=(), money: int = 500_00, advice: Advice | None = None) -> Bundles:
    return Bundles(cards, tuple(left), tuple(totals), money, advice)


def shown(one: BundleCard, money: int = 500_00, language: str = "ru") -> views.CardView:
    (group,) = views.group_views(bundles(one, money=money), NOON, language)
    return group.cards[0]


def test_a_card_says_its_price_per_unit_how_long_it_lasts_and_what_there_will_be():
    found = shown(card())

    assert (found.price, found.caption) == ("120\u202f₽", "24\u202f₽ за 1\u202fГБ, по 25\u00a0ноября")
    assert (found.after, found.balance, found.lacking) == ("Интернет: 6\u202fГБ", "380\u202f₽", "")
    assert found.buy == "Подключить 5\u202fГБ за 120\u202f₽"


@pytest.mark.parametrize(
    ("facts", "caption"),
    [
        ({"lasts_days": 30}, "24\u202f₽ за 1\u202fГБ, 30\u00a0дней"),
        ({"lasts_days": 1}, "24\u202f₽ за 1\u202fГБ, 1\u00a0день"),
        ({"is_monthly": True}, "24\u202f₽ за 1\u202fГБ"),
        (
            {"kind": UsageKind.VOICE, "amount": 60 * 60, "price_kopecks": 90_00, "lasts_days": 30},
            "1,50\u202f₽ за минуту, 30\u00a0дней",
        ),
        ({"kind": UsageKind.SMS, "amount": 3, "price_kopecks": 10_00}, "3,33\u202f₽ за SMS, по 25\u00a0ноября"),
        ({"amount": None}, "по 25\u00a0ноября"),
        ({"price_kopecks": 0}, "по 25\u00a0ноября"),
    ],
)
def test_the_line_below_the_price(facts: dict, caption: str):
    assert shown(card(**facts)).caption == caption


def test_a_monthly_one_has_its_tag_and_its_price_a_month():
    found = shown(card(is_monthly=True))

    assert (found.tag, found.buy) == (
        "каждый месяц",
        "Подключить 5\u202fГБ за 120\u202f₽ в месяц",
    )


def test_one_for_a_zone_says_for_which():
    found = shown(card(name="3 ГБ в роуминге", scope="roaming", scope_name="Роуминг", after=3 * GB))

    assert found.after == "Интернет, Роуминг: 3\u202fГБ"
    assert found.buy == "Подключить «3 ГБ в роуминге» за 120\u202f₽"


def test_what_the_money_lacks_is_told_before_the_press():
    found = shown(card(), money=112_50)

    assert (found.lacking, found.balance) == ("7,50\u202f₽", "")


def test_a_needless_one_cannot_be_chosen():
    found = shown(card(is_needless=True, after=None))

    assert found.reason == "У вас безлимит: пакет не понадобится"
    assert found.after == "Интернет: безлимит"


def test_packages_are_grouped_by_kind_and_those_that_come_anyway_are_not_on_sale():
    groups = views.group_views(
        bundles(card(kind=UsageKind.SMS, amount=50), card(), card(code="monthly", is_monthly=True, is_on=True)),
        NOON,
        "ru",
    )

    assert [(group.name, len(group.cards)) for group in groups] == [("Интернет", 1), ("SMS", 1)]


def test_a_meter_is_made_of_its_packages():
    found = bundles(
        left=(held(is_of_plan=True, remaining=2 * GB, granted=35 * GB), held(), held(kind=UsageKind.SMS, remaining=9)),
        totals=(total(),),
    )

    (meter,) = views.meter_views(found, NOON, "ru")

    assert (meter.left, meter.rest) == ("7", "ГБ из 40\u202fГБ")
    assert [(part.name, part.value) for part in meter.parts] == [
        ("Пакет тарифа", "2\u202fГБ по 25\u00a0ноября"),
        ("+5 ГБ", "5\u202fГБ по 25\u00a0ноября"),
    ]
    assert (meter.forecast, meter.is_low) == ("Хватит до конца периода", False)


@pytest.mark.parametrize(
    ("facts", "forecast", "is_low"),
    [
        ({"remaining": 0}, "Закончился, дальше — по ценам тарифа", True),
        ({"runs_out_at": NOON + timedelta(days=2)}, "При таком темпе хватит до ср, 25\u00a0ноября", True),
        ({"runs_out_at": NOON + timedelta(hours=1)}, "При таком темпе закончится сегодня", True),
        ({"has_forecast": False}, "", False),
        ({"has_forecast": False, "remaining": 3 * GB}, "", True),
        ({"is_unlimited": True, "granted": 0, "remaining": 0}, "", False),
    ],
)
def test_a_meter_says_how_long_it_lasts(facts: dict, forecast: str, is_low: bool):
    (meter,) = views.meter_views(bundles(totals=(total(**facts),)), NOON, "ru")

    assert (meter.forecast, meter.is_low) == (forecast, is_low)


def test_thousands_of_minutes_are_one_figure():
    (meter,) = views.meter_views(
        bundles(totals=(total(kind=UsageKind.VOICE, granted=5_000 * 60, remaining=1_200 * 60),)), NOON, "ru"
    )

    assert (meter.left, meter.rest) == ("1\u202f200", "мин из 5\u202f000\u202fмин")


MONTHLY = {"is_monthly": True, "is_on": True, "price_kopecks": 180_00}


@pytest.mark.parametrize(
    ("facts", "line", "is_on", "is_lacking"),
    [
        ({"next_fee_at": THURSDAY}, "Следующий — чт, 26\u00a0ноября", True, False),
        ({"ends_at": THURSDAY}, "Больше не придёт, остаток действует по 25\u00a0ноября", False, False),
        (
            {"is_suspended": True, "lacking_kopecks": 30_00},
            "Приостановлен: не хватает 30\u202f₽. Пополните баланс — пакет придёт сразу.",
            True,
            True,
        ),
        (
            {"is_suspended": True},
            "Приостановлен: плата не списалась. Пополните баланс — пакет придёт сразу.",
            True,
            True,
        ),
    ],
)
def test_a_monthly_one_says_how_it_stands(facts: dict, line: str, is_on: bool, is_lacking: bool):
    (found,) = views.monthly_views(bundles(card(**MONTHLY, **facts)), NOON, "ru")

    assert (found.line, found.is_on, found.is_lacking) == (line, is_on, is_lacking)
    assert found.price == "180\u202f₽ в месяц"


ADVICE = Advice(
    kind=UsageKind.DATA,
    remaining=2 * GB,
    runs_out_at=NOON + timedelta(days=1),
    until=THURSDAY,
    lacking=3 * GB // 2,
    code="gb_2",
    name="+2 ГБ",
    price_kopecks=70_00,
    is_enough=True,
)


def test_the_note_names_the_package_that_will_do():
    note = views.note_view(ADVICE, NOON, "ru")

    assert note.title == "Осталось 2\u202fГБ на 3\u00a0дня"
    assert note.text == (
        "При таком темпе хватит до завтра. По 25\u00a0ноября понадобится ещё около 1,5\u202fГБ. "
        "Хватит пакета «+2 ГБ» за 70\u202f₽."
    )


@pytest.mark.parametrize(
    ("kind", "lacking", "said"),
    [
        (UsageKind.DATA, 2 * GB + 1, "2,1\u202fГБ"),
        (UsageKind.DATA, 2 * GB, "2\u202fГБ"),
        (UsageKind.VOICE, 61, "2\u202fмин"),
        (UsageKind.SMS, 7, "7\u202fSMS"),
    ],
)
def test_what_is_lacking_is_never_told_as_less(kind: UsageKind, lacking: int, said: str):
    assert f"ещё около {said}." in views.note_view(replace(ADVICE, kind=kind, lacking=lacking), NOON, "ru").text


def test_where_none_will_do_the_note_does_not_say_so():
    note = views.note_view(replace(ADVICE, is_enough=False), NOON, "ru")

    assert note.text.endswith("Больше всего даёт «+2 ГБ» за 70\u202f₽.")
    assert views.note_view(None, NOON, "ru").title == ""
