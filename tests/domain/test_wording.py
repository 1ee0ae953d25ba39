"""Which words of a catalogue are to be had in English, and that the shipped ones are."""

from datetime import UTC, datetime

from cabinet.config import settings
from cabinet.demo_world import offers
from cabinet.domain.catalogue import load, parse
from cabinet.domain.wording import texts_of, texts_of_file
from tests.services.test_options import CATALOGUE

SHIPPED = load(settings().catalogue_path)


def test_the_shipped_catalogue_is_complete_in_english():
    assert [text for text in texts_of_file(SHIPPED) if text not in SHIPPED.english] == []


def test_the_shipped_catalogue_has_no_english_of_what_it_does_not_say():
    assert [text for text in SHIPPED.english if text not in texts_of_file(SHIPPED)] == []


def test_the_demo_promotions_are_complete_in_english():
    every = [terms for _, terms in offers.promotions(datetime(2026, 11, 23, tzinfo=UTC), SHIPPED)]
    texts = {text for terms in every for text in (terms.title, terms.teaser, terms.rules)}

    assert texts == offers.ENGLISH.keys()


def test_words_of_a_tariff_are_those_that_its_subscriber_reads():
    texts = texts_of(SHIPPED.plans["svoboda"])

    assert {"Свобода", "Звонки", "35 ГБ", "Раздача интернета входит", "Казахстан", "в Казахстан"} <= set(texts)


def test_english_words_are_no_part_of_a_version():
    with_words = CATALOGUE + "\nenglish: {Старт: Start}\n"

    before, after = parse(CATALOGUE, "test.yaml"), parse(with_words, "test.yaml")

    assert after.english == {"Старт": "Start"}
    assert [plan.digest() for plan in after.plans.values()] == [plan.digest() for plan in before.plans.values()]
