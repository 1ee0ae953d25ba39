"""What is sold, to those who read English: not one Russian word where the operator gave English ones."""

import json
import re
from dataclasses import asdict

import pytest

from cabinet import clock, db
from cabinet.domain.effects import OptionRequires
from cabinet.services import advisor, bundles, options, tariffs
from cabinet.services.sessions import Principal
from cabinet.ui.bundles import views as bundle_views
from cabinet.ui.options import views as option_views
from cabinet.ui.quotes.state import _words
from cabinet.ui.quotes.views import quote_view
from cabinet.ui.tariffs import views as tariff_views

pytestmark = pytest.mark.usefixtures("shipped_words")


def russian(*views: object) -> list[str]:
    """Every Cyrillic word in them."""
    return re.findall("[а-яё]+", json.dumps([asdict(view) for view in views], ensure_ascii=False), re.IGNORECASE)


def test_services_are_in_english(anna: Principal):
    with db.reading() as session:
        found = options.list_options(session, anna.subscriber_id, now=clock.now())
    rows = [option_views.row_view(card, clock.now(), "en") for card in found.cards]

    assert {"Voicemail", "Night internet"} <= {row.name for row in rows}
    assert russian(*rows, option_views.total_view(found, clock.now(), "en")) == []


def test_packages_are_in_english(anna: Principal):
    with db.reading() as session:
        found = bundles.list_bundles(session, anna.subscriber_id, now=clock.now())
    groups = bundle_views.group_views(found, clock.now(), "en")

    assert "60 min to Kazakhstan" in {card.name for group in groups for card in group.cards}
    assert russian(*groups, *bundle_views.meter_views(found, clock.now(), "en")) == []


def test_tariffs_are_in_english(anna: Principal):
    with db.reading() as session:
        who, now = anna.subscriber_id, clock.now()
        mine = tariffs.get_mine(session, who, now=now)
        offers = tariffs.list_offers(session, mine)
        advice = advisor.get_advice(session, who, now=now)
    mine_view = tariff_views.mine_view(mine, now, "en")

    assert mine_view.name == "Freedom"
    assert (
        russian(
            mine_view,
            tariff_views.settings_view(mine, {}, now, "en"),
            tariff_views.advice_view(mine, offers, advice, {}, "en"),
            tariff_views.table_view(mine, offers, advice, "en"),
        )
        == []
    )


def test_the_sheet_of_a_quote_is_in_english(anna: Principal):
    with db.transaction() as session:
        now = clock.now()
        service = options.quote_on(session, anna.subscriber_id, "music", now=now)
        tariff = tariffs.quote_switch(session, anna.subscriber_id, "legkiy", now=now)

    assert russian(quote_view(service, now, "en"), quote_view(tariff, now, "en")) == []


@pytest.mark.parametrize(("language", "names"), [("ru", "«Вторая линия»"), ("en", "“Second line”")])
def test_a_refusal_names_services_in_the_language(anna: Principal, language: str, names: str):
    with db.transaction() as session, pytest.raises(OptionRequires) as refused:
        options.quote_on(session, anna.subscriber_id, "conference", now=clock.now())

    assert names in _words(refused.value, language)


def test_services_are_found_by_words_of_either_language(anna: Principal):
    with db.reading() as session:
        found = [
            options.list_options(session, anna.subscriber_id, search=words, now=clock.now()).cards[0].code
            for words in ("ночной", "night")
        ]

    assert found == ["night_internet", "night_internet"]
