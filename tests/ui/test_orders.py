"""The history of changes: what each order did, in words, and the way back. A thin space (U+202F) is written `_` here, a
no-break space `~`."""

import re
from datetime import timedelta

import pytest
from reflex.state import State

from cabinet import clock, db
from cabinet.domain.catalogue import SwitchTime
from cabinet.locales import Language
from cabinet.services import billing, bundles, options, orders, tariffs
from cabinet.services.orders import Order
from cabinet.services.sessions import Principal
from cabinet.ui.orders.state import PAGE, OrdersState
from cabinet.ui.quotes.state import QuoteState
from cabinet.ui.quotes.views import OrderView, order_view, way_back_view


def seen(text: str) -> str:
    return text.replace("\u202f", "_").replace("\u00a0", "~")


def told(view: OrderView) -> list[str]:
    """The facts that do not depend on the day of the test."""
    lines = [seen(f"{fact.name}: {fact.value}") for fact in view.facts]
    return [line for line in lines if not re.match("Подтвердили|Confirmed|Плата|Fee", line)]


@pytest.fixture
def anna(anna: Principal) -> Principal:
    """She has paid in 9 000 ₽ more, her fee is paid: 8 850 ₽ are left."""
    with db.transaction() as session:
        now = clock.now()
        billing.record_payment(
            session, anna.subscriber_id, 9_000_00, reference="top-up:2", happened_at=now, now=now, source="demo"
        )
    return anna


def ordered(anna: Principal, ask, *arguments, **named) -> Order:
    """Asked and confirmed."""
    now = clock.now()
    with db.transaction() as session:
        quote = ask(session, anna.subscriber_id, *arguments, now=now, **named)
        done = quote if isinstance(quote, Order) else orders.confirm(session, anna.subscriber_id, quote.id, now=now)
    assert isinstance(done, Order)
    return done


def view_of(order: Order, language: Language = "ru", **later: int) -> OrderView:
    return order_view(order, order.confirmed_at + timedelta(**later), language)


async def opened() -> OrdersState:
    """The state of a page that was opened."""
    state = await State(_reflex_internal_init=True).get_state(OrdersState)
    await OrdersState.load.fn(state)
    return state


# --- in words --------------------------------------------------------------------------------------------------------


def test_a_package_says_what_it_cost_and_what_it_brought(anna: Principal):
    view = view_of(ordered(anna, bundles.quote_bundle, "gb_5"))

    assert (view.icon, view.title, seen(view.amount), view.is_income) == (
        "package",
        "Подключили «+5 ГБ»",
        "−120_₽",
        False,
    )
    assert told(view) == ["Вступает в силу: сразу", "Списали: 120_₽", "Баланс после: 8_730_₽"]
    assert not [fact for fact in view.facts if fact.name.startswith("Плата")]  # the plan's own fee stays as it was
    assert [seen(note.text)[:22] for note in view.notes] == ["Сразу добавили 5_ГБ до"]


def test_a_planned_switch_is_told_as_something_to_come_and_then_as_done(anna: Principal):
    order = ordered(anna, tariffs.quote_switch, "maksimum", when=SwitchTime.PERIOD_END)

    view, later = view_of(order), view_of(order, days=40)

    assert view.title.startswith("Тариф «Максимум» — с")
    assert next((seen(line.before), seen(line.after), line.tone) for line in view.terms) == ("650_₽", "990_₽", "warn")
    assert [(seen(fact.was), seen(fact.value)) for fact in view.facts if fact.was] == [("650_₽", "990_₽")]
    assert any("будет входить в тариф" in note.text for note in view.notes)
    assert any("теперь входит в тариф" in note.text for note in later.notes)


def test_a_trial_says_how_long_it_is_free(anna: Principal):
    view = view_of(ordered(anna, options.quote_on, "music"))

    assert seen(view.amount) == "0_₽"
    assert next(fact.value for fact in view.facts if fact.name == "Пробный период").endswith("включительно")


def test_english_has_no_russian_but_the_names_of_the_catalogue(anna: Principal):
    made = [
        ordered(anna, bundles.quote_bundle, "gb_5"),
        ordered(anna, options.quote_on, "music"),
        ordered(anna, tariffs.quote_switch, "legkiy", when=SwitchTime.PERIOD_END),
    ]

    for order in made:
        view, way = view_of(order, "en"), way_back_view(order, order.confirmed_at, "en")
        texts = [view.title, view.second, view.amount, way.text]
        texts += [text for fact in view.facts for text in (fact.name, fact.value)]
        texts += [text for line in view.terms for text in (line.name, line.before, line.after)]
        texts += [note.text for note in view.notes]
        left = [re.sub("[«“][^»”]*[»”]", "", text) for text in texts]
        assert [text for text in left if re.search("[а-яё]", text.lower())] == []


# --- the way back ----------------------------------------------------------------------------------------------------


def test_the_way_back_says_until_when_why_not_and_that_it_was_gone(anna: Principal):
    order = ordered(anna, bundles.quote_bundle, "gb_5")
    at = order.confirmed_at
    with db.reading() as session:
        later = orders.get_order(session, anna.subscriber_id, order.id, now=at + timedelta(hours=25))
    with db.transaction() as session:
        undone = orders.undo(session, anna.subscriber_id, order.id, now=at + timedelta(minutes=1))

    fresh, late, back = (way_back_view(one, at, "ru") for one in (order, later, undone))

    assert (fresh.can_undo, late.can_undo, back.can_undo) == (True, False, False)
    assert re.fullmatch(r"Отменить можно до \d\d:\d\d, завтра, пока этим не пользовались\.", fresh.text)
    assert late.text == "Отменить уже нельзя: прошло больше суток."
    assert back.is_undone
    assert seen(back.text).endswith(": 120_₽ вернули на баланс.")


# --- the page --------------------------------------------------------------------------------------------------------


async def test_without_orders_the_list_is_empty(anna: Principal):
    state = await opened()

    assert (state.is_ready, state.is_empty, state.page.rows, state.page.is_end) == (True, True, [], True)


async def test_an_order_is_taken_back_once_and_stays_in_the_list(anna: Principal):
    order = ordered(anna, bundles.quote_bundle, "gb_5")
    state = await opened()
    assert state.ways[order.id].can_undo

    await OrdersState.undo.fn(state, order.id)

    assert state.ways[order.id].is_undone
    assert seen((await state.get_state(QuoteState)).done.text) == "Отменили, 120_₽ вернули на баланс"
    await OrdersState.load.fn(state)
    assert [row.id for row in state.page.rows] == [order.id]
    assert (await state.get_state(QuoteState)).done.text == ""


async def test_why_it_cannot_be_taken_back_stays_beside_it(anna: Principal):
    first = ordered(anna, tariffs.quote_switch, "maksimum", when=SwitchTime.PERIOD_END)
    ordered(anna, tariffs.quote_switch, "legkiy", when=SwitchTime.PERIOD_END)
    state = await opened()

    await OrdersState.undo.fn(state, first.id)

    assert state.refusals == {first.id: "Отменить уже нельзя: после этого было другое изменение."}
    assert not state.ways[first.id].is_undone


async def test_what_is_older_comes_a_page_at_a_time(anna: Principal):
    made = [ordered(anna, bundles.quote_bundle, "sms_50").id for _ in range(PAGE + 2)]
    state = await opened()

    assert [row.id for row in state.page.rows] == made[:1:-1]
    assert not state.page.is_end
    await OrdersState.show_more.fn(state, 7)
    assert state.page.number == 1
    await OrdersState.show_more.fn(state, 1)

    assert [row.id for row in state.page.rows] == made[1::-1]
    assert (state.page.number, state.page.is_end, len(state.ways)) == (2, True, PAGE + 2)


@pytest.mark.parametrize("order_id", [0, -1, 1.0, True, None, "1", [1], 10**30])
async def test_nonsense_is_no_order(anna: Principal, order_id):
    state = await opened()

    await OrdersState.undo.fn(state, order_id)

    assert (state.refusals, (await state.get_state(QuoteState)).done.number) == ({}, 0)


async def test_the_list_stays_on_the_screen_when_it_cannot_be_read_again(anna: Principal, monkeypatch):
    ordered(anna, bundles.quote_bundle, "gb_5")
    state = await opened()
    monkeypatch.setattr("cabinet.services.orders.list_orders", lambda *_args, **_facts: 1 / 0)

    await OrdersState.refresh.fn(state)

    assert (state.is_ready, state.has_failed, len(state.page.rows)) == (True, True, 1)
