"""How figures and moments read. A thin space (U+202F) is written `_` here, a no-break space `~`."""

from datetime import UTC, date, datetime

import pytest

from cabinet.domain.allowances import UsageKind
from cabinet.ui import formats
from tests.conftest import NOON

GB = 2**30


def seen(text: str) -> str:
    return text.replace("\u202f", "_").replace("\u00a0", "~")


@pytest.mark.parametrize(
    ("kopecks", "russian", "english"),
    [
        (0, "0_₽", "0_₽"),
        (5, "0,05_₽", "0.05_₽"),
        (337_50, "337,50_₽", "337.50_₽"),
        (650_00, "650_₽", "650_₽"),
        (1_234_567_89, "1_234_567,89_₽", "1,234,567.89_₽"),
        (-70_00, "−70_₽", "−70_₽"),
    ],
)
def test_money_has_kopecks_only_when_there_are_some(kopecks: int, russian: str, english: str):
    assert (seen(formats.money(kopecks)), seen(formats.money(kopecks, "en"))) == (russian, english)


def test_only_money_in_has_a_plus():
    assert [seen(formats.signed_money(kopecks)) for kopecks in (500_00, -70_00, 0)] == ["+500_₽", "−70_₽", "0_₽"]


def test_the_balance_always_shows_kopecks():
    assert [seen(part) for part in formats.balance(1_482_00)] == ["1_482", ",00_₽"]
    assert [seen(part) for part in formats.balance(-5)] == ["−0", ",05_₽"]


@pytest.mark.parametrize(
    ("kind", "left", "granted", "text"),
    [
        (UsageKind.DATA, 2 * GB - 1, 35 * GB, "1,9 ГБ из 35_ГБ"),
        (UsageKind.DATA, 0, 35 * GB, "0 ГБ из 35_ГБ"),
        (UsageKind.DATA, 320 * 2**20, 35 * GB, "320 МБ из 35_ГБ"),
        (UsageKind.VOICE, 184 * 60 + 59, 500 * 60, "184 мин из 500"),
        (UsageKind.VOICE, 59, 500 * 60, "59 с из 500_мин"),
        (UsageKind.SMS, 42, 50, "42 SMS из 50"),
    ],
)
def test_what_is_left_is_never_rounded_up(kind: UsageKind, left: int, granted: int, text: str):
    assert seen(" ".join(formats.quantity_of(kind, left, granted))) == text


@pytest.mark.parametrize(
    ("kind", "amount", "text"),
    [
        (UsageKind.VOICE, 401, "6_мин 41_с"),
        (UsageKind.VOICE, 120, "2_мин"),
        (UsageKind.VOICE, 0, "0_с"),
        (UsageKind.SMS, 1, "1_SMS"),
        (UsageKind.DATA, 1, "1_КБ"),
        (UsageKind.DATA, 3 * 2**19, "1,5_МБ"),
    ],
)
def test_a_quantity_is_in_its_best_unit(kind: UsageKind, amount: int, text: str):
    assert seen(formats.quantity(kind, amount)) == text


def test_moments_are_the_operators():
    evening = datetime(2026, 11, 25, 21, 5, tzinfo=UTC)  # 00:05 in Moscow, the next day

    assert formats.time(evening) == "00:05"
    assert seen(formats.day(evening)) == "чт, 26~ноября"
    assert seen(formats.date(evening)) == "26~ноября"
    assert seen(formats.day(evening, "en")) == "Thu, 26~November"


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(2026, 11, 23, 6, 30, tzinfo=UTC), "сегодня, 09:30"),
        (datetime(2026, 11, 22, 19, 14, tzinfo=UTC), "вчера, 22:14"),
        (datetime(2026, 11, 19, 15, 20, tzinfo=UTC), "чт, 19~ноября, 18:20"),
        (datetime(2025, 11, 19, 15, 20, tzinfo=UTC), "19~ноября 2025, 18:20"),
    ],
)
def test_near_days_have_names_and_far_ones_a_year(at: datetime, text: str):
    assert seen(formats.moment(at, NOON)) == text


def test_months():
    assert (formats.month(date(2026, 11, 1)), formats.month_in(date(2026, 5, 1))) == ("ноябрь", "в мае")
    assert formats.month_in(date(2026, 5, 1), "en") == "in May"


@pytest.mark.parametrize(
    ("number", "form"), [(1, "день"), (2, "дня"), (5, "дней"), (11, "дней"), (12, "дней"), (21, "день"), (104, "дня")]
)
def test_plurals(number: int, form: str):
    assert formats.plural(number, "день", "дня", "дней") == form
