"""Handlers of the expenses: the month of the address, filters, pages, opened lines, arguments nobody should send.

It is noon of Monday, 23 November 2026. Анна pays 650 ₽ on the 20th and has 25 calls abroad in November, 10 ₽ each.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from cabinet import clock, db
from cabinet.adapters.usage_files import UsageRow
from cabinet.config import settings
from cabinet.domain import catalogue
from cabinet.services import billing, expenses, sessions, subscribers, tariffs, usage
from cabinet.services.sessions import Principal
from cabinet.ui import guard
from cabinet.ui.expenses.state import MOST_OPENED, ExpensesState
from tests.conftest import NOON

ODD = [1.5, True, None, 10**30, float("nan"), [1], ["calls"], {"a": 1}, "", "x" * 5_000, "\ud800", "p" * 24, "-1"]


@pytest.fixture
def anna(database) -> Iterator[Principal]:
    """A subscriber since 20 September, signed in and calling."""
    with time_machine.travel(NOON, tick=False):
        with db.transaction() as session:
            principal = _make(session, "79160000001")
        with guard.acting_as(principal):
            yield principal


def _make(session, msisdn: str) -> Principal:
    now, since = clock.now(), datetime(2026, 9, 20, 9, tzinfo=UTC)
    tariffs.store_catalogue(session, catalogue.load(settings().catalogue_path), now=now)
    subscriber_id = subscribers.create(
        session,
        account_number=msisdn,
        msisdn=msisdn,
        name="Анна",
        region="moskva",
        plan_code="svoboda",
        activated_at=since,
        now=now,
    )
    billing.record_payment(
        session, subscriber_id, 9_000_00, reference=f"top-up:{msisdn}", happened_at=since, now=now, source="demo"
    )
    usage.import_batch(session, [_call(msisdn, number) for number in range(25)], now=now)
    opened = sessions.create(session, subscriber_id, is_remembered=False, device="", address="10.0.0.1", now=now)
    return sessions.find(session, opened.token, now=now)


def _call(msisdn: str, number: int, hour: int = 9) -> UsageRow:
    """A minute to Kazakhstan; number 0 is the newest, yesterday, each next one six hours earlier."""
    started_at = datetime(2026, 11, 22, hour, tzinfo=UTC) - timedelta(hours=6 * number)
    return UsageRow(
        f"{msisdn}-{number}-{hour}", msisdn, "voice", "out", started_at, 60, "intl_kz", f"7701555{number:04}"
    )


def new(month: str | None = None) -> ExpensesState:
    """A State as Reflex makes it for the page of that address."""
    state = ExpensesState(_reflex_internal_init=True)
    if month is not None:
        state.router_data = {"pathname": "/expenses/", "asPath": f"/expenses/?month={month}"}
        state.router = type(state.router).from_router_data(state.router_data)
    return state


async def call(handler, *arguments) -> None:
    """Calls a handler without an event."""
    await handler.fn(*arguments)


async def opened(month: str | None = None) -> ExpensesState:
    state = new(month)
    await call(ExpensesState.load, state)
    return state


async def test_without_a_month_in_the_address_the_present_one_is_shown(anna: Principal):
    state = await opened()

    assert (state.is_ready, state.has_failed, state.note) == (True, False, "")
    assert (state.month.title, state.name) == ("Ноябрь 2026", "Анна")
    assert state.month.total == "900\u202f₽"  # 650 and 25 × 10
    assert (len(state.page.rows), state.page.number, state.page.is_end) == (20, 1, False)


async def test_the_month_of_the_address_is_shown(anna: Principal):
    state = await opened("2026-10")

    assert (state.month.title, state.month.total, state.note) == ("Октябрь 2026", "650\u202f₽", "")
    assert [row.title for row in state.page.rows] == ["Плата за тариф"]


@pytest.mark.parametrize(
    "month", ["2026-13", "2026-1", "0000-01", "9999-99", "ноябрь", "2026-11-01", "%27%20OR%201", "٢٠٢٦-١٠", "9" * 4_000]
)
async def test_a_month_that_is_none_is_told_and_the_present_one_shown(anna: Principal, month: str):
    state = await opened(month)

    assert (state.note, state.month.title) == ("Такого месяца нет. Показываем текущий.", "Ноябрь 2026")


@pytest.mark.parametrize(
    ("month", "note"),
    [
        ("2026-12", "Этот месяц ещё не начался. Показываем текущий."),
        ("9999-12", "Этот месяц ещё не начался. Показываем текущий."),
        ("2026-08", "Тогда номер ещё не работал: первый месяц — сентябрь 2026. Показываем текущий."),
        ("0001-01", "Тогда номер ещё не работал: первый месяц — сентябрь 2026. Показываем текущий."),
    ],
)
async def test_a_month_outside_the_contract_is_told(anna: Principal, month: str, note: str):
    state = await opened(month)

    assert (state.note, state.month.title) == (note, "Ноябрь 2026")


async def test_another_month_begins_without_filters(anna: Principal):
    state = await opened()
    await call(ExpensesState.find, state, "Казахстан")
    await call(ExpensesState.show_only, state, "calls_abroad")

    await call(ExpensesState.load, state)

    assert (state.search, state.categories, state.direction) == ("", [], "")
    assert len(state.page.rows) == 20


async def test_a_category_filters_the_statement_and_frees_it_again(anna: Principal):
    state = await opened()

    await call(ExpensesState.show_only, state, "plan_fee")
    assert ([row.title for row in state.page.rows], state.filtered) == (["Плата за тариф"], "Плата за тариф")

    await call(ExpensesState.show_only, state, "plan_fee")
    assert (len(state.page.rows), state.filtered) == (20, "")


async def test_categories_add_up_and_a_direction_narrows_them(anna: Principal):
    state = await opened()

    await call(ExpensesState.switch_category, state, "plan_fee")
    await call(ExpensesState.switch_category, state, "sms")
    assert (len(state.page.rows), state.filtered) == (1, "Выбрано: 2")

    await call(ExpensesState.switch_direction, state, "in")
    assert (state.page.rows, state.not_found) == ([], "Таких операций в этом месяце нет.")

    await call(ExpensesState.show_all, state)
    assert (len(state.page.rows), state.filtered, state.not_found) == (20, "", "")


@pytest.mark.parametrize("search", ["%", "_", "'", '"; DROP TABLE posting; --', "\\", "\x00%\x00", "роумнг", "😀"])
async def test_what_is_not_there_is_not_found(anna: Principal, search: str):
    state = await opened()

    await call(ExpensesState.find, state, search)

    assert state.page.rows == []
    assert state.not_found == f"Ничего не нашли по слову «{search.replace(chr(0), '')}»."


async def test_a_number_is_found_as_it_is_written_down(anna: Principal):
    state = await opened()

    await call(ExpensesState.find, state, "+7 701 555-00-03")

    assert len(state.page.rows) == 1


async def test_half_a_character_is_no_search(anna: Principal):
    state = await opened()

    await call(ExpensesState.find, state, " \ud800 \u200b")

    assert (state.search, len(state.page.rows)) == ("", 20)


async def test_pages_follow_one_another_to_the_end(anna: Principal):
    state = await opened()
    first = [row.id for row in state.page.rows]

    await call(ExpensesState.show_more, state, 1)
    second = [row.id for row in state.page.rows]
    await call(ExpensesState.show_more, state, 2)

    assert (len(first), len(second)) == (20, 6)  # 25 calls and the fee
    assert not set(first) & set(second)
    assert (state.page.number, state.page.is_end) == (2, True)


async def test_a_second_press_brings_no_page_twice(anna: Principal):
    state = await opened()

    await call(ExpensesState.show_more, state, 1)
    await call(ExpensesState.show_more, state, 1)

    assert state.page.number == 2


async def test_the_second_page_continues_the_first_though_the_statement_has_grown(anna: Principal):
    state = await opened()
    first = [row.id for row in state.page.rows]
    with db.transaction() as session:
        usage.import_batch(session, [_call("79160000001", 0, hour=10)], now=clock.now())

    await call(ExpensesState.show_more, state, 1)

    assert not set(first) & {row.id for row in state.page.rows}
    assert len(state.page.rows) == 6


async def test_refreshing_a_long_statement_leaves_it_on_the_screen(anna: Principal):
    state = await opened()
    await call(ExpensesState.show_more, state, 1)
    with db.transaction() as session:
        usage.import_batch(session, [_call("79160000001", 0, hour=10)], now=clock.now())

    await call(ExpensesState.refresh, state)

    assert (state.page.number, state.month.total) == (2, "910\u202f₽")


async def test_a_day_that_goes_on_over_the_page_has_its_heading_once(anna: Principal):
    state = await opened()
    days = [row.day for row in state.page.rows if row.day]

    await call(ExpensesState.show_more, state, 1)
    days += [row.day for row in state.page.rows if row.day]

    assert len(days) == len(set(days))


async def test_an_opened_line_is_explained_once(anna: Principal, monkeypatch):
    state = await opened()
    line = state.page.rows[0].id

    await call(ExpensesState.explain, state, line)
    monkeypatch.setattr(expenses, "explain_line", lambda *_: pytest.fail("read again"))
    await call(ExpensesState.explain, state, line)

    facts = {fact.name: fact.value for fact in state.explanations[line].facts}
    assert facts["Считаем по минутам"] == "1 × 10\u202f₽"


async def test_the_newest_explanations_are_kept(anna: Principal, monkeypatch):
    state = await opened()
    for number in range(MOST_OPENED + 5):
        await call(ExpensesState.explain, state, f"p{10**9 + number}")

    assert len(state.explanations) == MOST_OPENED
    assert f"p{10**9 + MOST_OPENED + 4}" in state.explanations


async def test_a_line_of_somebody_else_is_no_line(anna: Principal, database):
    with db.transaction() as session:
        stranger = _make(session, "79160000002")
    with guard.acting_as(stranger):
        theirs = (await opened()).page.rows[0].id
    state = await opened()

    await call(ExpensesState.explain, state, theirs)

    view = state.explanations[theirs]
    assert (view.why, view.facts, view.is_known) == ("Такой записи нет. Обновите страницу.", [], False)


async def test_figures_stay_when_newer_ones_cannot_be_read_and_lines_when_the_next_cannot(anna: Principal, monkeypatch):
    state = await opened()
    monkeypatch.setattr(expenses, "get_month", lambda *_args, **_facts: 1 / 0)
    monkeypatch.setattr(expenses, "list_lines", lambda *_args, **_facts: 1 / 0)
    monkeypatch.setattr(expenses, "explain_line", lambda *_args, **_facts: 1 / 0)

    await call(ExpensesState.refresh, state)
    await call(ExpensesState.show_more, state, 1)
    await call(ExpensesState.explain, state, "p1")

    assert (state.is_ready, state.has_failed, state.month.total) == (True, True, "900\u202f₽")
    assert (state.page.number, len(state.page.rows)) == (1, 20)
    assert not state.explanations["p1"].is_known


async def test_a_state_that_was_lost_is_read_anew(anna: Principal):
    state = new("2026-10")

    await call(ExpensesState.show_more, state, 3)

    assert state.month.title == "Октябрь 2026"


async def test_strangers_have_no_expenses(database):
    state = new()

    with pytest.raises(PermissionError):
        await call(ExpensesState.load, state)

    assert not state.is_ready


@pytest.mark.parametrize("name", ["show_only", "switch_category", "switch_direction", "show_more"])
async def test_odd_arguments_change_nothing(anna: Principal, name: str):
    state = await opened()

    for odd in ODD:
        await call(getattr(ExpensesState, name), state, odd)

        shown = (state.categories, state.direction, state.page.number, len(state.page.rows))
        assert shown == ([], "", 1, 20), odd


async def test_an_odd_line_is_never_explained(anna: Principal):
    state = await opened()

    for odd in ODD:
        await call(ExpensesState.explain, state, odd)

    assert not any(view.is_known for view in state.explanations.values())


async def test_an_odd_search_changes_nothing(anna: Principal):
    state = await opened()

    for odd in [one for one in ODD if type(one) is not str] + ["x" * 101]:
        await call(ExpensesState.find, state, odd)

        assert (state.search, len(state.page.rows)) == ("", 20), odd
