"""The card of the cap: in words, and its handlers. A thin space (U+202F) is written `_`, a no-break space `~`.

Анна's calls abroad cost 10 ₽ a minute.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from reflex.state import State

from cabinet import clock, db
from cabinet.adapters.usage_files import UsageRow
from cabinet.domain.allowances import UsageKind
from cabinet.domain.rating import Reason, Rounding
from cabinet.domain.spending import Category
from cabinet.services import expenses, usage
from cabinet.services.cards import Done
from cabinet.services.expenses import CapApplied, Line, LineExplanation, Source
from cabinet.services.sessions import Principal
from cabinet.services.spending_caps import Status
from cabinet.ui import deeds, guard
from cabinet.ui.expenses import views
from cabinet.ui.expenses.cap import CapState, cap_view
from cabinet.ui.overview.views import matter_views
from tests.ui.test_overview_views import overview

NOON = datetime(2026, 11, 23, 9, tzinfo=UTC)
ODD = [1.5, True, None, 10**30, float("nan"), [1], {"a": 1}, b"500"]


def seen(text: str) -> str:
    return text.replace("\u202f", "_").replace("\u00a0", "~")


async def opened() -> CapState:
    state = await State(_reflex_internal_init=True).get_state(CapState)
    await CapState.load.fn(state)
    return state


def calls_abroad(minutes: int, name: str = "a") -> None:
    """Of Анна's, just now."""
    now = clock.now()
    row = UsageRow(
        name, "79160000001", "voice", "out", now - timedelta(minutes=1), minutes * 60, "intl_kz", "77015550101"
    )
    with db.transaction() as session:
        usage.import_batch(session, [row], now=now)


# --- in words


@pytest.mark.parametrize(
    ("status", "left", "rest", "percent", "is_low", "is_reached"),
    [
        (Status(500_00, 0), "500_₽", "из 500_₽", 100, False, False),
        (Status(500_00, 399_99), "100,01_₽", "из 500_₽", 20, False, False),
        (Status(500_00, 400_00), "100_₽", "из 500_₽", 20, True, False),
        (Status(500_00, 500_00), "0_₽", "из 500_₽", 0, True, True),
        (Status(500_00, 912_50), "0_₽", "из 500_₽", 0, True, True),
        (Status(500_00, -30_00), "530_₽", "из 500_₽", 100, False, False),  # of a month before, given back in this one
    ],
)
def test_the_card_says_what_is_left(status: Status, left: str, rest: str, percent: int, is_low: bool, is_reached: bool):
    view = cap_view(status, "ru")

    assert (seen(view.left), seen(view.rest), view.percent) == (left, rest, percent)
    assert (view.is_set, view.is_low, view.is_reached) == (True, is_low, is_reached)


def test_without_a_cap_the_card_says_what_was_spent():
    view = cap_view(Status(None, 312_40), "ru")

    assert (view.is_set, seen(view.spent)) == (False, "312,40_₽")


@pytest.mark.parametrize(
    ("status", "title", "second"),
    [
        (Status(500_00, 400_00), "Ушло 80_% лимита сверх пакетов", "Осталось 100_₽ из 500_₽, дальше не спишем."),
        (Status(500_00, 499_99), "Ушло 99_% лимита сверх пакетов", "Осталось 0,01_₽ из 500_₽, дальше не спишем."),
        (Status(500_00, 500_00), "Лимит сверх пакетов исчерпан", "До конца месяца за связь сверх пакетов не спишем."),
    ],
)
def test_a_cap_that_is_nearly_used_up_wants_to_be_seen_to(status: Status, title: str, second: str):
    [matter] = matter_views(overview(), status, "ru")

    assert (matter.tone, seen(matter.title), seen(matter.second)) == ("warn", title, second)
    assert matter.address == "/expenses/"


@pytest.mark.parametrize("status", [None, Status(500_00, 399_99)])
def test_a_cap_with_room_wants_nothing(status: Status | None):
    assert matter_views(overview(), status, "ru") == []


@pytest.mark.parametrize(
    ("left", "sentence"),
    [
        (2_00, "Но лимит сверх пакетов кончился на этой записи: списали только то, что от него оставалось."),
        (0, "Но лимит сверх пакетов уже исчерпан: ничего не списали."),
    ],
)
def test_a_line_says_what_the_cap_did(left: int, sentence: str):
    line = Line("p1", Source.POSTING, "usage", Category.CALLS, NOON, -left, None, usage_kind=UsageKind.VOICE)
    found = LineExplanation(
        line=line,
        reason=Reason.OVER,
        quantity=180,
        rounding=Rounding.MINUTE,
        billed_quantity=180,
        missed_quantity=180,
        block=60,
        price_kopecks=2_00,
        blocks=3,
        cap=CapApplied(limit_kopecks=500_00, left_kopecks=left, full_kopecks=6_00),
    )

    view = views.explanation_view(found, NOON, "ru")

    assert view.why == f"Пакет закончился раньше, дальше — по цене тарифа. {sentence}"
    assert [(fact.name, seen(fact.value)) for fact in view.facts[-4:]] == [
        ("Считаем по минутам", "3 × 2_₽"),
        ("Стоило бы", "6_₽"),
        ("Ваш лимит на месяц", "500_₽"),
        ("От лимита оставалось", "2_₽" if left else "0_₽"),
    ]


@pytest.mark.parametrize(
    ("kind", "facts", "title"),
    [
        ("cap_chosen", {"limit_kopecks": 500_00}, "Лимит сверх пакетов: 500_₽ в месяц"),
        ("cap_removed", {}, "Лимит сверх пакетов убран"),
        ("adjustment_approved", {"amount_kopecks": 500_00}, "Счёт исправлен: +500_₽"),
    ],
)
def test_what_was_chosen_is_told_as_a_sum_and_a_correction_with_its_sign(kind: str, facts: dict, title: str):
    assert seen(deeds.title(Done(-1, kind, "", "", facts, NOON), "ru")) == title


# --- handlers


async def test_a_cap_is_set_changed_and_removed(anna: Principal):
    state = await opened()
    assert (state.is_ready, state.cap.is_set, state.typed) == (True, False, "")
    assert seen(state.hint) == "Целыми рублями, от 50_₽ до 100_000_₽"

    await CapState.save.fn(state, {"cap": " 500 "})
    assert (seen(state.cap.left), state.typed, state.done) == ("500_₽", "500", "Лимит задан")
    calls_abroad(12)
    await CapState.refresh.fn(state)
    assert seen(state.cap.left) == "380_₽"
    await CapState.save.fn(state, {"cap": "1000"})
    assert (seen(state.cap.left), state.done, state.done_number) == ("880_₽", "Лимит изменён", 2)
    await CapState.remove.fn(state)
    assert (state.cap.is_set, seen(state.cap.spent), state.typed, state.done) == (False, "120_₽", "", "Лимит убран")


async def test_what_is_wrong_is_said_when_the_field_is_left_and_goes_when_it_is_right(anna: Principal):
    state = await opened()

    await CapState.fill.fn(state, "5")
    assert state.error == ""
    await CapState.leave.fn(state, "5")
    assert (seen(state.error), state.hint) == ("Лимит — целые рубли, от 50 до 100~000_₽.", "")
    await CapState.fill.fn(state, "55")
    assert (state.error, seen(state.hint)) == ("", "Целыми рублями, от 50_₽ до 100_000_₽")


async def test_a_sum_that_is_spent_already_says_what_it_would_mean(anna: Principal):
    calls_abroad(12)
    state = await opened()

    await CapState.fill.fn(state, "120")
    assert seen(state.hint) == "В этом месяце уже потрачено 120_₽: вернуть не сможем, но больше не спишем."
    await CapState.fill.fn(state, "121")
    assert "уже потрачено" not in state.hint


@pytest.mark.parametrize("typed", ["", "0", "12,5", "сто", "\ud800", "9" * 5_000])
async def test_what_is_no_limit_changes_nothing(anna: Principal, typed: str):
    state = await opened()

    await CapState.save.fn(state, {"cap": typed})

    assert (state.cap.is_set, state.error != "", state.done) == (False, True, "")


@pytest.mark.parametrize("odd", ODD)
async def test_what_nobody_should_send_is_passed_over(anna: Principal, odd: object):
    state = await opened()

    for handler in (CapState.save, CapState.fill, CapState.leave):
        await handler.fn(state, odd)
    await CapState.save.fn(state, {"cap": odd})

    assert (state.cap.is_set, state.error, state.typed) == (False, "", "")


async def test_a_remembered_browser_is_led_to_a_fresh_code(anna: Principal):
    state = await opened()

    with guard.acting_as(replace(anna, is_remembered=True, confirmed_at=clock.now() - timedelta(days=1))):
        await CapState.save.fn(state, {"cap": "500"})

    assert (state.needs_code, state.cap.is_set) == (True, False)
    assert state.refusal == "Сначала подтвердите кодом из SMS, что это вы."


async def test_the_month_and_the_card_count_the_same(anna: Principal):
    state = await opened()
    await CapState.save.fn(state, {"cap": "100"})
    calls_abroad(9)
    calls_abroad(3, "b")

    with db.reading() as session:
        month = expenses.get_month(session, anna.subscriber_id, clock.local(clock.now()).date(), now=clock.now())
    await CapState.refresh.fn(state)

    assert {one.category: one.kopecks for one in month.categories}[Category.CALLS_ABROAD] == 100_00
    assert (seen(state.cap.spent), state.cap.is_reached) == ("100_₽", True)
