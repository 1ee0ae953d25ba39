"""The catalogue's desk in words: what was, what will be, and by how much."""

from dataclasses import asdict
from datetime import date

import pytest

from cabinet.domain.catalogue import parse
from cabinet.domain.catalogue_edit import next_version
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
    groups = views.group_views(SHOP.plans["start"], REGIONS, "2026-11-23", {"fee": "Цена — больше нуля."}, "ru")

    assert views.faulty(groups) == "Плата"
    assert [one.error for group in groups for one in group.fields if one.key == "fee"] == ["Цена — больше нуля."]
