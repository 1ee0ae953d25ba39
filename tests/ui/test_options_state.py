"""Handlers of the services and packages: what they read, ask for and refuse. It is noon of Monday, 23 November 2026."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine

from cabinet import clock, db
from cabinet.config import settings
from cabinet.domain import catalogue
from cabinet.services import billing, options, orders, sessions, subscribers, tariffs
from cabinet.services.sessions import Principal
from cabinet.ui import guard
from cabinet.ui.bundles.state import BundlesState
from cabinet.ui.options.state import LONGEST_SEARCH, OptionsState
from cabinet.ui.quotes.state import QuoteState
from tests.conftest import NOON

ODD = [1.5, True, None, 10**30, float("nan"), [1], {"a": 1}, "", "x" * 5_000, "\ud800", "%_'\"", "-1"]


@pytest.fixture
def anna(database) -> Iterator[Principal]:
    """A subscriber of «Свобода» since this morning, signed in, with 300 ₽."""
    with time_machine.travel(NOON, tick=False):
        with db.transaction() as session:
            now, since = clock.now(), clock.now() - timedelta(hours=3)
            tariffs.store_catalogue(session, catalogue.load(settings().catalogue_path), now=now)
            subscriber_id = subscribers.create(
                session,
                account_number="1",
                msisdn="79160000001",
                name="Анна",
                region="moskva",
                plan_code="svoboda",
                activated_at=since,
                now=now,
            )
            billing.record_payment(
                session, subscriber_id, 950_00, reference="top-up:1", happened_at=since, now=now, source="demo"
            )
            opened = sessions.create(session, subscriber_id, is_remembered=False, device="", address="", now=now)
            principal = sessions.find(session, opened.token, now=now)
        with guard.acting_as(principal):
            yield principal


class Page:
    """A State and the sheet beside it, as Reflex keeps them for one tab."""

    def __init__(self, cls: type) -> None:
        self.cls = cls
        self.state = cls(_reflex_internal_init=True)
        self.sheet = QuoteState(_reflex_internal_init=True)

        async def get_state(_: type) -> QuoteState:
            return self.sheet

        object.__setattr__(self.state, "get_state", get_state)

    async def call(self, name: str, *arguments: object) -> None:
        await self.cls.event_handlers[name].fn(self.state, *arguments)

    async def confirm(self) -> None:
        await QuoteState.event_handlers["confirm"].fn(self.sheet, self.sheet.sheet.id)


async def opened(cls: type) -> Page:
    page = Page(cls)
    await page.call("load")
    return page


def codes(rows: list) -> list[str]:
    return [row.code for row in rows]


async def test_the_services_are_in_three_parts(anna: Principal):
    state = (await opened(OptionsState)).state

    assert (state.is_ready, state.has_failed, state.name, state.total.sum) == (True, False, "Анна", "0\u202f₽")
    assert (codes(state.switched_on), codes(state.included)) == ([], ["tethering"])
    assert "voicemail" in codes(state.offered)
    assert [chip.code for chip in state.chips] == ["calls", "internet", "roaming", "subscriptions", "protection"]


async def test_a_paid_service_waits_for_the_yes(anna: Principal):
    page = await opened(OptionsState)

    await page.call("turn", "voicemail", True)
    await page.call("refresh")
    assert (page.sheet.is_open, page.sheet.sheet.confirm) == (True, "Подключить за 49\u202f₽")
    assert codes(page.state.switched_on) == []

    await page.confirm()
    await page.call("refresh")
    assert codes(page.state.switched_on) == ["voicemail"]
    assert page.state.total.sum == "49\u202f₽"


async def test_every_reading_is_an_answer_to_the_switches(anna: Principal):
    page = await opened(OptionsState)
    before = page.state.answers

    await page.call("turn", "voicemail", True)  # what is not confirmed
    await page.call("refresh")

    assert page.state.answers > before
    assert not next(row for row in page.state.offered if row.code == "voicemail").is_on


async def test_a_refusal_is_told_in_the_sheet(anna: Principal):
    page = await opened(OptionsState)
    await page.call("turn", "travel_zero", True)

    for code, words in [
        ("travel_zero", "уже подключена"),
        ("travel_internet", "Не работает вместе с услугой"),
        ("antispam_plus", "Сначала подключите"),
        ("tethering", "уже входит"),
        ("no_such_code", "Такой записи нет"),
    ]:
        await page.call("turn", code, True)
        assert page.sheet.is_open
        assert words in page.sheet.refusal, code


async def test_a_trial_is_kept_by_the_sheet(anna: Principal):
    page = await opened(OptionsState)
    await page.call("turn", "music", True)
    await page.confirm()

    await page.call("keep", "music")
    assert page.sheet.sheet.confirm == "Оставить за 169\u202f₽ в месяц"
    await page.confirm()

    with db.reading() as session:
        cards = options.list_options(session, anna.subscriber_id, now=clock.now()).cards
    assert [card.state for card in cards if card.code == "music"] == ["active"]


@pytest.mark.parametrize("odd", [one for one in ODD if type(one) is not str])
async def test_a_search_that_is_no_text_changes_nothing(anna: Principal, odd: object):
    page = await opened(OptionsState)

    await page.call("find", odd)
    await page.call("show_only", odd)

    assert (page.state.search, page.state.category) == ("", "")


async def test_a_long_search_is_cut_and_answered(anna: Principal):
    page = await opened(OptionsState)

    await page.call("find", "%_'\"" * 2_500)

    assert len(page.state.search) == LONGEST_SEARCH
    assert page.state.not_found.startswith("Ничего не нашли по слову «%_'\"")
    await page.call("show_all")
    assert (page.state.search, page.state.not_found) == ("", "")


async def test_a_category_that_is_not_there_is_none(anna: Principal):
    page = await opened(OptionsState)
    await page.call("show_only", "roaming")
    assert codes(page.state.offered) == ["travel_internet", "travel_calls", "travel_zero"]

    await page.call("show_only", "x" * 5_000)

    assert page.state.category == ""
    assert "voicemail" in codes(page.state.offered)


@pytest.mark.parametrize("odd", ODD)
async def test_an_odd_code_does_nothing(anna: Principal, odd: object):
    services, packages = await opened(OptionsState), await opened(BundlesState)

    for is_on in (True, False, 1, "true", None):
        await services.call("turn", odd, is_on)
        await packages.call("turn", odd, is_on)
    await services.call("keep", odd)
    await packages.call("buy", odd)
    await packages.call("choose", odd)

    with db.reading() as session:
        assert orders.list_orders(session, anna.subscriber_id, now=clock.now()) == []
    assert packages.state.chosen.code == ""


@pytest.mark.parametrize("cls", [OptionsState, BundlesState])
async def test_a_failure_of_reading_is_told_and_the_old_figures_stay(cls: type, anna: Principal):
    page = await opened(cls)
    answers = page.state.answers

    with guard.acting_as(replace(anna, subscriber_id=999_999)):
        await page.call("refresh")

    assert (page.state.has_failed, page.state.is_ready, page.state.name) == (True, True, "Анна")
    assert page.state.answers > answers


async def test_the_packages_say_what_is_left_and_what_there_will_be(anna: Principal):
    page = await opened(BundlesState)

    assert [meter.name for meter in page.state.meters] == ["Интернет", "Звонки", "SMS"]
    await page.call("choose", "gb_5")
    assert (page.state.chosen.after, page.state.chosen.balance) == ("Интернет: 40\u202fГБ", "180\u202f₽")

    await page.call("buy", "gb_5")
    await page.confirm()
    await page.call("refresh")
    assert [part.name for part in page.state.meters[0].parts] == ["Пакет тарифа", "+5 ГБ"]
    assert (page.state.chosen.code, page.state.chosen.after) == ("gb_5", "Интернет: 45\u202fГБ")


async def test_a_monthly_package_is_stopped_at_once_and_had_again_by_the_sheet(anna: Principal):
    page = await opened(BundlesState)
    await page.call("buy", "gb_10_monthly")
    await page.confirm()
    await page.call("turn", "gb_10_monthly", False)
    await page.call("refresh")

    (row,) = page.state.monthly
    assert (row.is_on, page.sheet.is_open) == (False, False)
    assert row.line.startswith("Больше не придёт")
    await page.call("turn", "gb_10_monthly", True)
    assert page.sheet.is_open
