"""The catalogue's desk in words: what was, what will be, and by how much."""

import re
from dataclasses import asdict
from datetime import date

import pytest

from cabinet.config import settings
from cabinet.domain.catalogue import load, parse
from cabinet.domain.catalogue_edit import copy_of, next_version
from cabinet.services.catalogue_desk import Draft
from cabinet.ui.catalogue_desk import views
from tests.conftest import NOON
from tests.services.test_options import CATALOGUE

SHOP = parse(CATALOGUE, "test.yaml")
REGIONS = {"moscow": "Москва"}


def draft(starts_on: date = date(2026, 11, 23), **typed: str) -> Draft:
    before = SHOP.plans["start"]
    after = next_version(before, {key.replace("__", ":"): text for key, text in typed.items()}, REGIONS)
    return Draft(before, after, starts_on, 12)


def plain(text: str) -> str:
    return text.replace("\xa0", " ").replace("\u202f", " ")


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"fee": "350"}, ["Плата", "300 ₽ в месяц", "350 ₽ в месяц", "+50 ₽"]),
        ({"fee": "250,50"}, ["Плата", "300 ₽ в месяц", "250,50 ₽ в месяц", "−49,50 ₽"]),
        ({"fee__moscow": "320"}, ["Плата: Москва", "нет", "320 ₽ в месяц", ""]),
        ({"gives__data__": "безлимит"}, ["Входит: Интернет", "10 ГБ", "безлимит", ""]),
        ({"gives__voice__": ""}, ["Входит: Звонки", "500 мин", "нет", ""]),
        ({"rate__voice__out__home": "2,50"}, ["Минута сверх пакета", "2 ₽", "2,50 ₽", "+0,50 ₽"]),
    ],
)
def test_a_change_is_said_before_and_after(typed: dict[str, str], words: list[str]):
    change = views.draft_view(draft(**typed), REGIONS, NOON, "ru").changes

    assert [plain(text) for text in asdict(change[0]).values()] == words
    assert len(change) == 1


def test_a_draft_says_when_it_begins_and_who_stays():
    later = views.draft_view(draft(date(2026, 12, 1), fee="350"), REGIONS, NOON, "ru")
    today = views.draft_view(draft(fee="350"), REGIONS, NOON, "ru")

    assert [plain(text) for text in later.sentences] == [
        "Версия 2 продаётся с 1 декабря, до этого — нынешняя.",
        "На прежних версиях остаются: 12. Их условия не меняются.",
    ]
    assert (later.is_at_once, today.is_at_once) == (False, True)


def test_what_is_wrong_stands_at_its_field_and_is_named():
    groups = views.group_views(
        SHOP.plans["start"], REGIONS, "2026-11-23", {"fee": "Сумма в рублях до 1 000 000, например 650 или 2,50."}, "ru"
    )

    assert views.faulty(groups) == "Плата"
    assert [one.error for group in groups for one in group.fields if one.key == "fee"] == [
        "Сумма в рублях до 1 000 000, например 650 или 2,50."
    ]


DEMO = load(settings().catalogue_path)
SVOBODA = DEMO.plans["svoboda"]


def changes(language: str = "ru", **typed: str) -> list[tuple[str, str, str, str]]:
    texts = {key.replace("__", ":"): text for key, text in typed.items()}
    after = next_version(SVOBODA, texts, DEMO.regions)
    shown = views.draft_view(Draft(SVOBODA, after, date(2026, 11, 23), 0), DEMO.regions, NOON, language).changes
    return [(plain(one.name), plain(one.before), plain(one.after), plain(one.difference)) for one in shown]


def test_prices_of_zones_and_rules_of_switching_are_said_in_words():
    assert changes(rate__voice__out__landline="1,50") == [("Минута: Городские номера", "нет", "1,50 ₽", "")]
    assert changes(rate__voice__out__intl_kz="бесплатно") == [("Минута: Казахстан", "10 ₽", "бесплатно", "")]
    assert changes(switching__price="150") == [("Плата за переход на тариф", "0 ₽", "150 ₽", "+150 ₽")]
    assert changes(switching__joins="now") == [
        ("Когда переходят на тариф", "со следующего периода или сразу", "сразу", "")
    ]


def test_steps_that_go_and_come_say_what_they_give():
    assert changes(
        keep__internet__15gb="no",
        new__internet__name="100 ГБ",
        new__internet__price="300",
        new__internet__gives__data__="100",
    ) == [
        ("Интернет: 15 ГБ", "+150 ₽, 15 ГБ", "нет", ""),
        ("Интернет: 100 ГБ", "нет", "+300 ₽, 100 ГБ", ""),
    ]


def test_the_editor_has_each_setting_by_itself_and_folds_zones_and_rules():
    groups = {group.title: group for group in views.group_views(SVOBODA, DEMO.regions, "2026-11-23", {}, "ru")}

    assert [title for title, group in groups.items() if group.is_folded] == ["Цены по зонам", "Правила перехода"]
    setting = {one.key: one for one in groups["Настройка: Интернет"].fields}
    assert list(setting)[:4] == ["step:internet:5gb", "keep:internet:5gb", "step:internet:15gb", "keep:internet:15gb"]
    assert [choice.name for choice in setting["keep:internet:5gb"].choices] == ["остаётся", "убрать"]
    assert setting["new:internet:gives:data:"].name == "Новый шаг. Входит: Интернет"
    zones = {one.key: one for one in groups["Цены по зонам"].fields}
    assert (zones["rate:voice:out:intl_kz"].value, zones["rate:voice:out:intl_kz"].usual) == ("10", "")
    assert (zones["rate:sms:out:intl_kz"].value, plain(zones["rate:sms:out:intl_kz"].usual)) == ("", "8 ₽")


def test_a_folded_group_opens_where_something_is_wrong():
    groups = views.group_views(SVOBODA, DEMO.regions, "", {"switching:price": "Выберите из списка."}, "ru")

    assert [group.title for group in groups if group.is_open] == ["Правила перехода"]


def test_the_editor_is_all_english_with_the_operators_words(shipped_words: dict[str, str]):
    regions = {code: shipped_words[name] for code, name in DEMO.regions.items()}
    unlimited = views.group_views(DEMO.plans["vershina"], regions, "", {}, "en")

    fields = [one for group in unlimited for one in group.fields]
    assert {one.key: one.value for one in fields}["gives:data:"] == "unlimited"
    said = [text for one in fields for text in (one.name, one.unit, *(choice.name for choice in one.choices))]
    assert [text for text in said if re.search("[а-яё]", text, re.IGNORECASE)] == []


def test_a_copy_has_a_code_and_says_whether_it_is_sold():
    typed = {"new_code": "plus", "name": "Плюс", "on_sale": "no"}
    made = copy_of(SVOBODA, typed, DEMO.regions, DEMO.plans)

    first = views.group_views(SVOBODA, DEMO.regions, "", {}, "ru", is_copy=True)[0]
    view = views.copy_view(Draft(SVOBODA, made, date(2026, 11, 23), 0), DEMO.regions, "ru")

    assert [one.key for one in first.fields] == ["new_code", "on_sale"]
    assert view.title == "Новое: Плюс, код plus"
    assert view.sentences[0] == "Пока не продаётся: вернуть в продажу можно на его странице."
    assert [(one.before, one.after) for one in view.changes] == [("Свобода", "Плюс")]
