"""The document of the dashboard brings its first figures: the caller's, as JSON that cannot end its element."""

import json

from cabinet import clock, db
from cabinet.models.subscribers import Subscriber
from cabinet.services.sessions import Principal
from cabinet.ui import first_figures
from cabinet.ui.overview.state import OverviewState


async def test_they_are_what_the_page_would_load(anna: Principal):
    found = json.loads(await first_figures.read(OverviewState, anna, "ru"))

    (shown,) = found.values()
    assert found.keys() == {OverviewState.get_full_name()}
    assert shown["is_ready_rx_state_"] is True
    assert shown["balance_rx_state_"]["roubles"] == "500"
    assert shown["name_rx_state_"] == "Анна"


async def test_they_are_in_the_readers_language(anna: Principal):
    (shown,) = json.loads(await first_figures.read(OverviewState, anna, "en")).values()

    assert shown["balance_rx_state_"]["freshness"] == f"updated at {clock.local(clock.now()):%H:%M}"


async def test_a_name_cannot_end_the_element(anna: Principal):
    with db.transaction() as session:
        session.get_one(Subscriber, anna.subscriber_id).name = "</script><b>Анна"

    found = await first_figures.read(OverviewState, anna, "ru")

    assert "<" not in found
    (shown,) = json.loads(found).values()
    assert shown["name_rx_state_"] == "</script><b>Анна"
