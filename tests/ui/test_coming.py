"""The timeline of the next 31 days in words, and its one tap. A thin space (U+202F) is written `_`, a no-break `~`."""

from datetime import UTC, datetime, timedelta

import pytest
from reflex.state import State

from cabinet import clock, db
from cabinet.locales import Language
from cabinet.services import billing, options, orders
from cabinet.services.coming import Outgo, OutgoKind
from cabinet.services.orders import Quote
from cabinet.services.sessions import Principal
from cabinet.ui.expenses.coming import ComingState, outgo_view
from cabinet.ui.quotes.state import QuoteState

NOON = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def seen(text: str) -> str:
    return text.replace("\u202f", "_").replace("\u00a0", "~")


@pytest.fixture
def anna(anna: Principal) -> Principal:
    """With money enough, and a service that costs."""
    now = clock.now()
    with db.transaction() as session:
        billing.record_payment(
            session, anna.subscriber_id, 9_000_00, reference="top-up:2", happened_at=now, now=now, source="demo"
        )
        quote = options.quote_on(session, anna.subscriber_id, "voicemail", now=now)
        assert isinstance(quote, Quote)
        orders.confirm(session, anna.subscriber_id, quote.id, now=now)
    return anna


async def opened() -> ComingState:
    state = await State(_reflex_internal_init=True).get_state(ComingState)
    await ComingState.load.fn(state)
    return state


@pytest.mark.parametrize(
    ("outgo", "language", "title", "second", "stop"),
    [
        (Outgo(NOON, OutgoKind.PLAN, "Свобода", 650_00), "ru", "Тариф «Свобода»", "сегодня", ""),
        (
            Outgo(NOON + timedelta(days=2), OutgoKind.OPTION, "Музыка", 300_00, 30, "music"),
            "ru",
            "Услуга «Музыка»",
            "10_₽ каждый день, с чт, 26~ноября",
            "Отключить",
        ),
        (
            Outgo(NOON, OutgoKind.AUTOPAY, "··4821", 340_00),
            "en",
            "Autopay",
            "today, from ··4821 to your balance",
            "Pause",
        ),
    ],
)
def test_a_line_says_what_when_and_how_to_stop_it(outgo: Outgo, language: Language, title: str, second: str, stop: str):
    view = outgo_view(outgo, NOON, language)

    assert (view.title, seen(view.second), view.stop) == (title, second, stop)


async def test_one_tap_stops_a_service_and_tells_it_with_the_way_back(anna: Principal):
    state = await opened()
    before = [line.kind for line in state.outgoes]
    assert (before.count("option"), before.count("plan"), state.lacking) == (1, 1, "")

    await ComingState.stop.fn(state, "option", "voicemail")
    await ComingState.load.fn(state)

    assert [line.kind for line in state.outgoes] == ["plan"]
    done = (await state.get_state(QuoteState)).done
    assert done.order_id


@pytest.mark.parametrize(
    ("kind", "code"),
    [("plan", "svoboda"), ("option", None), ("option", ["voicemail"]), (None, "voicemail"), ([], {}), ("autopay", 5)],
)
async def test_nonsense_stops_nothing(anna: Principal, kind, code):
    state = await opened()
    before = list(state.outgoes)

    await ComingState.stop.fn(state, kind, code)
    await ComingState.load.fn(state)

    assert state.outgoes == before
