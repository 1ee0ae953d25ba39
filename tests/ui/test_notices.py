"""Notices in words, the page of them and the bell. A thin space (U+202F) is written `_` here, a no-break space `~`."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from reflex.state import State
from sqlmodel import delete

from cabinet import clock, db, news
from cabinet.domain.allowances import UsageKind
from cabinet.domain.effects import OrderKind
from cabinet.locales import Language, english
from cabinet.models.notices import Notice, NoticeKind
from cabinet.services import bundles, notices, orders
from cabinet.services.notices import Event, Told
from cabinet.services.sessions import Principal
from cabinet.ui.bell import BellState
from cabinet.ui.notices.state import PAGE, NoticesState
from cabinet.ui.notices.views import ICONS, NoticeView, notice_view, sentence

PAGES = Path(__file__).parents[2] / "cabinet" / "ui"
NOON = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
FACTS = {
    "kopecks": 1_234_50,
    "lacking_kopecks": 600_00,
    "promised_kopecks": 340_00,
    "percent": 20,
    "name": "Свобода",
    "at": NOON.isoformat(),
    "device": "Android, Chrome",
    "address": "10.0.0.1",
    "payment": 7,
    "number": 18,
    "until": "18:00",
    "owed_kopecks": 5_00,
    "limit_kopecks": 500_00,
}


@pytest.fixture
def anna(anna: Principal) -> Principal:
    """What happened while her number was made is forgotten."""
    with db.transaction() as session:
        session.exec(delete(Notice))
    return anna


def seen(text: str) -> str:
    return text.replace("\u202f", "_").replace("\u00a0", "~")


def told(kind: NoticeKind, **facts: Any) -> Told:
    return Told(1, kind, FACTS | facts, NOON, False, "/")


def given_told(anna: Principal, count: int, kind: NoticeKind = NoticeKind.FEE, since: str = "") -> None:
    """One an hour, the newest an hour ago."""
    now = clock.now()
    with db.transaction() as session:
        events = [
            Event(anna.subscriber_id, kind, f"event:{since}{number}", now - timedelta(hours=count - number), FACTS)
            for number in range(count)
        ]
        notices.tell(session, events, now=now)


def given_told_and_failed(anna: Principal) -> None:
    now = clock.now()
    with db.transaction() as session:
        notices.tell(session, [Event(anna.subscriber_id, NoticeKind.FEE, "event:1", now, FACTS)], now=now)
        raise ZeroDivisionError


def unread(anna: Principal) -> int:
    with db.reading() as session:
        return notices.count_unread(session, anna.subscriber_id)


async def opened() -> NoticesState:
    """The state of a page that was opened."""
    state = await State(_reflex_internal_init=True).get_state(NoticesState)
    await NoticesState.load.fn(state)
    return state


# --- in words --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("kind", NoticeKind)
def test_every_kind_has_its_sentence_in_both_languages_and_a_picture(kind: NoticeKind, language: Language):
    facts = {"usage": "voice", "order": "switch", "reason": "refused", "is_taken": True}
    view = notice_view(told(kind, **facts), None, NOON, language)
    short = notices.sentence(kind, FACTS | facts, language)

    assert not re.search(r"[{}]", view.text + short)
    assert view.text.endswith(".")
    assert view.icon in ICONS
    if language == "en":
        assert not re.search("[А-Яа-яЁё]", re.sub("“[^”]*”", "", view.text + short))


def test_every_variant_of_a_sentence_is_translated():
    texts = []
    for telling in notices.TELLINGS.values():
        texts += [telling.sentence] if isinstance(telling.sentence, str) else telling.sentence.values()

    assert [text for text in texts if text not in english()] == []


def test_every_notice_leads_to_a_page_of_the_cabinet():
    sources = "".join(file.read_text(encoding="utf-8") for file in PAGES.rglob("*.py"))
    found = re.findall(r'@cabinet_page\(\s*route="([^"]+)"', sources)
    routes = [re.sub(r"\[\w+\]", "*", f"{route.rstrip('/')}/") for route in found]
    links = [re.sub(r"\{\w+\}", "*", telling.link.partition("?")[0]) for telling in notices.TELLINGS.values()]

    assert [link for link in links if link not in routes] == []


@pytest.mark.parametrize(
    ("kind", "facts", "expected"),
    [
        (NoticeKind.FEE, {}, "Списали 1_234,50_₽ — плата за тариф."),
        (NoticeKind.LOW_BALANCE, {}, "24~ноября спишем 1_234,50_₽. Не хватает 600_₽: пополните счёт."),
        (NoticeKind.ALLOWANCE_LOW, {"usage": UsageKind.DATA}, "Интернет в пакете заканчивается: осталось 20_%."),
        (NoticeKind.ORDER, {"order": OrderKind.BUNDLE}, "Подключили пакет «Свобода», списали 1_234,50_₽."),
        (NoticeKind.ORDER, {"order": OrderKind.OPTION_ON, "kopecks": 0}, "Подключили «Свобода»."),
        (
            NoticeKind.ORDER,
            {"order": OrderKind.SWITCH, "at": "", "begins_at": "2026-12-22T21:00:00+00:00"},
            "Тариф сменится на «Свобода» 23~декабря.",
        ),
        (
            NoticeKind.ORDER,
            {"order": OrderKind.SWITCH, "is_stay": True},
            "Отменили запланированное, остаётся «Свобода».",
        ),
        (NoticeKind.ORDER, {"order": "of_tomorrow"}, "Выполнили то, что вы подтвердили: «Свобода»."),
    ],
)
def test_a_sentence_is_made_of_the_facts(kind: NoticeKind, facts: dict, expected: str):
    assert seen(sentence(told(kind, **facts), NOON, "ru")) == expected


@pytest.mark.parametrize(
    ("above_on", "day"), [(None, "Сегодня"), (NOON.date(), ""), (NOON.date() + timedelta(days=1), "Сегодня")]
)
def test_a_day_stands_above_the_first_of_its_notices(above_on, day: str):
    assert notice_view(told(NoticeKind.FEE), above_on, NOON, "ru").day == day


# --- the page --------------------------------------------------------------------------------------------------------


async def test_without_notices_the_list_is_empty(anna: Principal):
    state = await opened()

    assert (state.is_ready, state.is_empty, state.page.rows, state.page.is_end) == (True, True, [], True)


async def test_opening_marks_all_as_read_and_shows_what_was_new(anna: Principal):
    given_told(anna, 2)
    state = await opened()

    assert [row.is_unread for row in state.page.rows] == [True, True]
    assert unread(anna) == 0
    await NoticesState.refresh.fn(state)
    assert [row.is_unread for row in state.page.rows] == [True, True]
    await NoticesState.load.fn(state)
    assert [row.is_unread for row in state.page.rows] == [False, False]


async def test_what_is_older_comes_a_page_at_a_time_with_its_days_and_still_new(anna: Principal):
    given_told(anna, PAGE + 2)
    state = await opened()
    first = list[NoticeView](state.page.rows)
    assert (len(first), state.page.is_end) == (PAGE, False)

    await NoticesState.show_more.fn(state, 7)
    assert state.page.number == 1
    await NoticesState.show_more.fn(state, 1)

    rest = state.page.rows
    assert (state.page.number, state.page.is_end, len(rest)) == (2, True, 2)
    assert not {row.id for row in rest} & {row.id for row in first}
    assert [row.is_unread for row in rest] == [False, False]  # older than a day: no news when they were told


async def test_an_order_is_told_with_the_way_to_the_history(anna: Principal):
    now = clock.now()
    with db.transaction() as session:
        quote = bundles.quote_bundle(session, anna.subscriber_id, "gb_5", now=now)
        orders.confirm(session, anna.subscriber_id, quote.id, now=now)

    state = await opened()

    row = state.page.rows[0]
    assert (seen(row.text), row.link) == ("Подключили пакет «+5 ГБ», списали 120_₽.", "/orders/")


async def test_the_list_stays_on_the_screen_when_it_cannot_be_read_again(anna: Principal, monkeypatch):
    given_told(anna, 1)
    state = await opened()
    monkeypatch.setattr("cabinet.services.notices.list_notices", lambda *_args, **_facts: 1 / 0)

    await NoticesState.refresh.fn(state)

    assert (state.is_ready, state.has_failed, len(state.page.rows)) == (True, True, 1)


@pytest.mark.parametrize("number", [0, -1, 1.0, True, None, "1", [1], 10**30])
async def test_nonsense_is_no_page(anna: Principal, number):
    given_told(anna, PAGE + 1)
    state = await opened()

    await NoticesState.show_more.fn(state, number)

    assert state.page.number == 1


# --- the bell --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "name"),
    [(0, ""), (1, "Уведомления, 1~новое"), (3, "Уведомления, 3~новых"), (100, "Уведомления, больше 99 новых")],
)
async def test_the_bell_says_how_many_are_unread(anna: Principal, count: int, name: str):
    now = clock.now()
    with db.transaction() as session:
        events = [Event(anna.subscriber_id, NoticeKind.FEE, f"event:{n}", now, FACTS) for n in range(count)]
        notices.tell(session, events, now=now)
    state = await State(_reflex_internal_init=True).get_state(BellState)

    await BellState.load.fn(state)

    assert seen(state.unread) == name


async def test_opening_the_notices_silences_the_bell(anna: Principal):
    given_told(anna, 2)
    root = State(_reflex_internal_init=True)
    bell, page = await root.get_state(BellState), await root.get_state(NoticesState)
    await BellState.load.fn(bell)
    assert bell.unread

    await NoticesState.load.fn(page)

    assert bell.unread == ""


async def hears(subscriber_id: int, seconds: float) -> bool:
    with news.listening(subscriber_id) as bell:
        return await news.wait(bell, seconds)


async def test_what_is_told_between_two_waits_is_not_missed(anna: Principal):
    with news.listening(anna.subscriber_id) as bell:
        assert not await news.wait(bell, 0)
        await asyncio.to_thread(given_told, anna, 1)

        assert await news.wait(bell, 20)
        assert not await news.wait(bell, 0)


async def test_who_waits_for_news_is_told_after_the_commit(anna: Principal):
    waiting = asyncio.create_task(hears(anna.subscriber_id, 20))
    await asyncio.sleep(0)  # it waits now

    await asyncio.to_thread(given_told, anna, 1)

    assert await waiting
    assert unread(anna) == 1


async def test_nobody_is_told_of_what_was_rolled_back(anna: Principal):
    waiting = asyncio.create_task(hears(anna.subscriber_id, 0.2))
    await asyncio.sleep(0)  # it waits now

    with pytest.raises(ZeroDivisionError):
        given_told_and_failed(anna)

    assert not await waiting
