"""The guard and the socket door through Reflex's own machinery: a real application, real packets, a real database."""

import asyncio
import time
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pyotp
import pytest
import reflex as rx
from sqlalchemy import Engine

from cabinet import clock, connections
from cabinet.db import transaction
from cabinet.domain.errors import CabinetError
from cabinet.domain.staff import Permission, Role
from cabinet.models.subscribers import Subscriber
from cabinet.services import sessions, staff
from cabinet.services.pre_sessions import Browser
from cabinet.ui import access, guard
from cabinet.ui.faults import FaultState
from tests.sockets import Refused, running
from tests.waiting import wait_until

STATE = "reflex___state____state"


class NotToday(CabinetError):
    message = "Сегодня нельзя."


def states() -> SimpleNamespace:
    """What a page of ours could have: each kind of handler, each with a trace in the log of what ran."""
    ran: list[str] = []

    class ProbeState(rx.State):
        secret: str = ""
        note: str = ""
        theme: str = rx.LocalStorage("light")

        @access.subscriber
        async def load(self) -> None:
            ran.append("load")
            self.secret = f"balance of {guard.subscriber_id(self)}"

        @access.public
        async def greet(self, text: str = "") -> None:
            ran.append("greet")
            self.note = text

        @rx.event(background=True)
        @access.subscriber
        async def watch(self) -> None:
            ran.append("watch")
            async with self:
                self.secret = f"watched by {guard.subscriber_id(self)}"

        @access.subscriber
        @rx.event(background=True)
        async def watch_long(self) -> None:
            ran.append("watch_long")
            await asyncio.sleep(0.4)
            async with self:
                self.secret = f"late secret of {guard.subscriber_id(self)}"

        @rx.event(background=True)
        @access.subscriber
        async def stay(self) -> None:
            ran.append("stay")
            while not await guard.is_left():
                await asyncio.sleep(0.01)
            ran.append("left")

        @access.public
        async def chain(self) -> Any:
            return type(self).load

        @access.public
        async def yields(self) -> Any:
            yield type(self).watch

        @access.staff(Permission.TICKETS)
        async def answer(self) -> None:
            ran.append("answer")
            self.secret = f"answered by {guard.staff_id(self)}"

        @access.staff(Permission.APPROVE)
        async def approve(self) -> None:
            ran.append("approve")

        @access.staff()
        async def arrive(self) -> None:
            ran.append("arrive")

        async def forgotten(self) -> None:
            ran.append("forgotten")

        @access.public
        async def fail(self) -> None:
            raise ValueError("password=open sesame")

        @access.public
        async def refuse(self) -> None:
            raise NotToday

    return SimpleNamespace(Probe=ProbeState, ran=ran)


@pytest.fixture(autouse=True)
def _nobody_is_connected() -> Iterator[None]:
    yield
    connections.forget_everything()


@pytest.fixture
def anna(database: Engine) -> SimpleNamespace:
    return given_signed_in("79160000001")


@pytest.fixture
def boris(database: Engine) -> SimpleNamespace:
    return given_signed_in("79160000002")


def given_signed_in(msisdn: str) -> SimpleNamespace:
    now = clock.now()
    with transaction() as session:
        row = Subscriber(account_number=msisdn, msisdn=msisdn, region="moscow", activated_at=now)
        session.add(row)
        session.flush()
        opened = sessions.create(session, row.id, is_remembered=False, device="", address="", now=now)
        return SimpleNamespace(
            id=row.id, session_id=opened.session_id, cookie=f"lang=ru; sid={opened.token}", token=opened.token
        )


@pytest.fixture
def irina(database: Engine) -> SimpleNamespace:
    """An agent at the desk."""
    now, browser = clock.now(), Browser("p" * 43)
    with transaction() as session:
        hired = staff.add_member(session, login="irina", name="И", role=Role.AGENT, password_hash="", now=now)
        attempt = staff.begin_sign_in(session, browser, login="irina", now=now)
        code = pyotp.TOTP(hired.secret).at(int(now.timestamp()))
        step = staff.finish_sign_in(session, browser, attempt, is_right=True, code=code, staff_token="", now=now)
        principal = staff.find(session, step.token, now=now)
    return SimpleNamespace(
        id=hired.staff_id, session_id=principal.session_id, cookie=f"staff={step.token}", token=step.token
    )


def end_session(someone: SimpleNamespace) -> None:
    with transaction() as session:
        sessions.end(session, someone.id, someone.session_id, now=clock.now())


async def test_a_subscriber_gets_what_is_theirs(anna):
    async with running(states) as (world, page):
        tab = await world.visit(cookie=anna.cookie)
        await tab.call(page.Probe.load)

        assert tab.value(page.Probe, "secret") == f"balance of {anna.id}"
        assert tab.redirects == []


@pytest.mark.parametrize("handler", ["load", "watch"])
@pytest.mark.parametrize("cookie", ["", "sid=", "sid=x", "sid=" + "a" * 43, "\x00=;;sid"])
async def test_a_stranger_is_sent_to_sign_in_and_nothing_runs(database, handler, cookie):
    async with running(states) as (world, page):
        tab = await world.visit(cookie=cookie)
        await tab.call(getattr(page.Probe, handler))

        assert page.ran == []
        assert tab.redirects == ["/login"]
        assert tab.value(page.Probe, "secret") == ""


@pytest.mark.parametrize("handler", ["chain", "yields"])
async def test_what_a_public_handler_chains_is_checked_too(database, handler):
    async with running(states) as (world, page):
        tab = await world.visit()
        await tab.call(getattr(page.Probe, handler))

        assert page.ran == []
        assert tab.redirects == ["/login"]


async def test_a_chained_background_event_knows_who_began_it(anna):
    async with running(states) as (world, page):
        tab = await world.visit(cookie=anna.cookie)
        await tab.call(page.Probe.yields)

        assert tab.value(page.Probe, "secret") == f"watched by {anna.id}"


async def test_a_background_handler_is_told_that_its_page_was_left(anna):
    async with running(states) as (world, page):
        tab = await world.visit(cookie=anna.cookie)
        await tab.call(page.Probe.stay)
        assert page.ran == ["stay"]

        await tab.close()
        await asyncio.to_thread(wait_until, lambda: page.ran == ["stay", "left"])


async def test_a_public_handler_serves_strangers(database):
    async with running(states) as (world, page):
        tab = await world.visit()
        await tab.call(page.Probe.greet, text="здравствуйте")

        assert tab.value(page.Probe, "note") == "здравствуйте"


@pytest.mark.parametrize(
    "name",
    [
        "{probe}.forgotten",
        "{probe}.answer",
        "{probe}.setvar",
        f"{STATE}.setvar",
        f"{STATE}.hydrate",
        f"{STATE}.set_is_hydrated",
        f"{STATE}.reflex___state____on_load_internal_state.setvar",
        f"{STATE}.cabinet___ui___guard____owner_state.setvar",
        "{probe}.no_such_handler",
        "{probe}._bind",
        "no.such.state",
        "",
    ],
)
async def test_what_nobody_decided_about_is_refused_even_for_a_subscriber(anna, name):
    async with running(states) as (world, page):
        tab = await world.visit(cookie=anna.cookie)
        await tab.send(name.format(probe=page.Probe.get_full_name()), var_name="secret", value="mine")
        await tab.settle()

        assert page.ran == []
        assert tab.value(page.Probe, "secret") == ""


async def test_a_subscriber_is_no_staff(anna):
    async with running(states) as (world, page):
        tab = await world.visit(cookie=anna.cookie)
        await tab.call(page.Probe.answer)
        await tab.call(page.Probe.arrive)

        assert page.ran == []
        assert tab.redirects == ["/staff/login", "/staff/login"]


async def test_a_subscribers_session_in_the_cookie_of_the_staff_opens_nothing(anna):
    async with running(states) as (world, page):
        tab = await world.visit(cookie=f"staff={anna.token}")
        await tab.call(page.Probe.arrive)
        await tab.call(page.Probe.load)

        assert page.ran == []


async def test_a_session_of_the_staff_in_the_cookie_of_subscribers_opens_nothing(irina):
    async with running(states) as (world, page):
        tab = await world.visit(cookie=f"sid={irina.token}")
        await tab.call(page.Probe.load)
        await tab.call(page.Probe.arrive)

        assert page.ran == []


async def test_a_member_of_the_staff_may_what_the_role_allows(irina):
    async with running(states) as (world, page):
        tab = await world.visit(cookie=irina.cookie)
        await tab.call(page.Probe.answer)
        assert tab.value(page.Probe, "secret") == f"answered by {irina.id}"
        await tab.call(page.Probe.approve)

        assert page.ran == ["answer"]
        assert tab.redirects == []
        assert "нет права" in tab.value(FaultState, "text")


async def test_a_member_of_the_staff_is_no_subscriber(irina):
    async with running(states) as (world, page):
        tab = await world.visit(cookie=irina.cookie)
        await tab.call(page.Probe.load)

        assert page.ran == []
        assert tab.redirects == ["/login"]


async def test_a_browser_may_hold_both_sessions_and_each_handler_looks_at_its_own(anna, irina):
    async with running(states) as (world, page):
        tab = await world.visit(cookie=f"{anna.cookie}; {irina.cookie}")
        await tab.call(page.Probe.load)
        assert tab.value(page.Probe, "secret") == f"balance of {anna.id}"
        await tab.call(page.Probe.answer)

        assert tab.value(page.Probe, "secret") == f"answered by {irina.id}"


async def test_a_dismissed_member_is_turned_away_and_the_screen_emptied(irina):
    async with running(states) as (world, page):
        tab = await world.visit(cookie=irina.cookie, token="44444444-mine")
        await tab.call(page.Probe.answer)
        with transaction() as session:
            ended = staff.disable(session, "irina", now=clock.now())
        connections.end_of_staff(*ended)
        await tab.settle()
        assert tab.is_closed

        again = await world.visit(cookie=irina.cookie, token="44444444-mine")
        assert again.value(page.Probe, "secret") == ""
        await again.call(page.Probe.answer)
        assert again.redirects == ["/staff/login"]
        assert page.ran == ["answer"]


async def test_ending_a_subscribers_session_leaves_the_staffs_of_the_same_number_open(anna, irina):
    async with running(states) as (world, page):
        tab = await world.visit(cookie=irina.cookie)
        await tab.call(page.Probe.arrive)
        connections.end(irina.session_id)
        await tab.settle()

        assert not tab.is_closed


async def test_headers_in_an_event_are_not_believed(anna):
    async with running(states) as (world, page):
        tab = await world.visit()
        key = sessions.token_hash(anna.token)
        forged = {
            "headers": {connections.KEY_HEADER: key, "cookie": anna.cookie},
            "pathname": "/",
            "token": "other",
            "sid": "other",
        }
        await tab.send(f"{page.Probe.get_full_name()}.load", forged)
        await tab.settle()

        assert page.ran == []
        assert tab.redirects == ["/login"]


async def test_more_than_a_page_says_of_itself_is_refused_and_not_kept(database):
    async with running(states) as (world, page):
        tab = await world.visit()
        for number in range(3):
            await tab.send(f"{page.Probe.get_full_name()}.greet", {"pathname": "/", f"mine {number}": "x" * 10_000})
        await tab.send(f"{page.Probe.get_full_name()}.greet", {"pathname": "/", "query": {"x": "x" * 20_000}})
        await tab.settle()

        assert page.ran == []
        assert all(len(repr(state.router_data)) < 2_000 for state in world.app.state_manager.states.values())


async def test_the_doors_header_in_a_request_is_thrown_away(anna):
    async with running(states) as (world, page):
        tab = await world.visit(headers={connections.KEY_HEADER: sessions.token_hash(anna.token)})
        await tab.call(page.Probe.load)

        assert page.ran == []


async def test_the_cookie_is_nowhere_in_state(anna):
    async with running(states) as (world, page):
        tab = await world.visit(cookie=anna.cookie)
        await tab.call(page.Probe.load)

        kept = [state.router_data for state in world.app.state_manager.states.values()]
        assert kept
        assert anna.token not in repr(kept)
        assert anna.token not in repr(tab.state)
        assert {state.router.headers.cookie for state in world.app.state_manager.states.values()} == {"lang=ru"}


async def test_who_knows_a_token_but_not_the_cookie_gets_a_state_of_his_own(anna, boris):
    async with running(states) as (world, page):
        hers = await world.visit(cookie=anna.cookie, token="11111111-known")
        await hers.call(page.Probe.load)
        await hers.close()

        for thief in (
            await world.visit(token="11111111-known"),
            await world.visit(cookie=boris.cookie, token="11111111-known"),
        ):
            assert thief.value(page.Probe, "secret") == ""
            assert f"balance of {anna.id}" not in repr(thief.state)


async def test_a_late_background_task_does_not_write_to_whoever_holds_its_token(anna):
    async with running(states) as (world, page):
        hers = await world.visit(cookie=anna.cookie, token="11111111-known")
        await hers.send(f"{page.Probe.get_full_name()}.watch_long")
        await asyncio.sleep(0.1)
        await hers.close()
        thief = await world.visit(token="11111111-known")
        await thief.settle(0.6)

        assert page.ran == ["watch_long"]
        assert "late secret" not in repr(thief.state)


async def test_a_reload_in_the_same_session_finds_its_state_again(anna):
    async with running(states) as (world, page):
        first = await world.visit(cookie=anna.cookie, token="22222222-mine")
        await first.call(page.Probe.greet, text="draft")
        await first.close()

        again = await world.visit(cookie=anna.cookie, token="22222222-mine")
        assert again.value(page.Probe, "note") == "draft"


async def test_an_ended_session_is_closed_emptied_and_sent_to_sign_in(anna):
    async with running(states) as (world, page):
        tab = await world.visit(cookie=anna.cookie, token="33333333-mine")
        await tab.call(page.Probe.load)
        end_session(anna)
        connections.end(anna.session_id)
        await tab.settle()
        assert tab.is_closed

        again = await world.visit(cookie=anna.cookie, token="33333333-mine")
        assert again.value(page.Probe, "secret") == ""
        await again.call(page.Probe.load)
        assert again.redirects == ["/login"]
        assert page.ran == ["load"]


async def test_a_session_ended_elsewhere_is_refused_at_the_next_event_and_wiped_from_the_screen(anna, monkeypatch):
    monkeypatch.setattr(connections, "REMEMBER_SECONDS", 0.0)
    async with running(states) as (world, page):
        tab = await world.visit(cookie=anna.cookie)
        await tab.call(page.Probe.load)
        end_session(anna)
        await tab.call(page.Probe.load)

        assert tab.value(page.Probe, "secret") == ""
        assert tab.redirects == ["/login"]
        assert page.ran == ["load"]


async def test_the_database_is_not_asked_for_every_event(anna, monkeypatch):
    asked = []
    real = sessions.find_by_hash
    monkeypatch.setattr(sessions, "find_by_hash", lambda *args, **kwargs: asked.append(1) or real(*args, **kwargs))
    async with running(states) as (world, page):
        tab = await world.visit(cookie=anna.cookie)
        for _ in range(5):
            await tab.call(page.Probe.load)

        assert len(asked) == 1


async def test_using_the_cabinet_keeps_the_session_alive(anna, monkeypatch):
    monkeypatch.setattr(connections, "REMEMBER_SECONDS", 0.0)
    async with running(states) as (world, page):
        tab = await world.visit(cookie=anna.cookie)
        clock.set_offset(timedelta(minutes=20))
        await tab.call(page.Probe.load)
        clock.set_offset(timedelta(minutes=40))
        await tab.call(page.Probe.load)

        assert page.ran == ["load", "load"]


@pytest.mark.parametrize(
    "payload",
    [
        {"text": "x" * (guard.MAX_PAYLOAD_BYTES + 1)},
        {"text": "я" * (guard.MAX_PAYLOAD_BYTES // 2 + 1)},
        {"text": [[[[[[1]]]]]]},
        {"text": [0] * 10_000},
        {"text": 10**4000, "more": [10**4000] * 5},
    ],
)
async def test_large_and_deep_arguments_do_not_reach_a_handler(database, payload):
    async with running(states) as (world, page):
        tab = await world.visit()
        await tab.call(page.Probe.greet, **payload)

        assert page.ran == []


@pytest.mark.parametrize("payload", [{}, {"a": [{"b": {"c": [1]}}]}, {"a": "x" * 16_000}, {"a": None, "b": 1.5}])
def test_ordinary_arguments_pass(payload):
    assert guard.is_modest(payload)


async def test_a_larger_frame_closes_the_socket(database):
    async with running(states) as (world, page):
        tab = await world.visit()
        await tab.call(page.Probe.greet, text="x" * 70_000)

        assert tab.is_closed
        assert page.ran == []


async def test_a_flood_is_slowed_down_and_not_lost(database):
    async with running(states) as (world, page):
        tab = await world.visit()
        started = time.monotonic()
        for number in range(80):
            await tab.send(f"{page.Probe.get_full_name()}.greet", text=str(number))
        while len(page.ran) < 80 and time.monotonic() - started < 5:
            await asyncio.sleep(0.05)

        assert len(page.ran) == 80
        assert time.monotonic() - started > 0.8  # 60 at once, then 20 a second


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://localhost:3001", "null", "http://localhost:3000.evil"]
)
async def test_a_page_of_another_origin_gets_no_socket(database, origin):
    async with running(states) as (world, _):
        with pytest.raises(Refused):
            await world.visit(headers={"origin": origin})


async def test_only_preferences_are_written_by_the_browser(anna):
    async with running(states) as (world, page):
        tab = await world.visit(cookie=anna.cookie)
        name = page.Probe.get_full_name()
        await tab.send(
            f"{STATE}.reflex___state____update_vars_internal_state.update_vars_internal",
            vars={f"{name}.theme_rx_state_": "dark", f"{name}.secret_rx_state_": "mine", f"{name}._owner": "1"},
        )
        await tab.settle()
        await tab.call(page.Probe.greet, text="x")

        assert tab.value(page.Probe, "theme") == "dark"
        assert tab.value(page.Probe, "secret") == ""


async def test_a_failure_shows_a_number_and_no_trace(database):
    async with running(states) as (world, page):
        tab = await world.visit()
        await tab.call(page.Probe.fail)
        await tab.settle(2.0)  # a trace with its locals takes long to draw

        text = tab.value(FaultState, "text")
        assert "Номер ошибки" in text
        assert "sesame" not in repr(tab.state)
        assert "ValueError" not in repr(tab.state)


async def test_an_error_for_the_subscriber_is_told_in_its_own_words(database):
    async with running(states) as (world, page):
        tab = await world.visit()
        await tab.call(page.Probe.refuse)

        assert tab.value(FaultState, "text") == "Сегодня нельзя."


def test_asking_for_the_subscriber_in_a_public_handler_is_a_mistake():
    with pytest.raises(PermissionError):
        guard.subscriber_id(SimpleNamespace())


def test_a_test_can_say_who_acts():
    someone = sessions.Principal(7, 42, False, clock.now(), clock.now())
    with guard.acting_as(someone):
        assert (guard.session_id(None), guard.subscriber_id(None)) == (7, 42)


def test_a_test_can_say_that_the_staff_acts():
    someone = staff.StaffPrincipal(7, 42, "irina", "Ирина", Role.AGENT, clock.now())
    with guard.acting_as(someone):
        assert guard.staff_id(None) == 42
        with pytest.raises(PermissionError):
            guard.subscriber_id(None)
    with pytest.raises(PermissionError):
        guard.staff_id(SimpleNamespace())
