"""Every handler that the application registers, called by whom it is not for and with what it is not made for."""

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from cabinet.domain.staff import PERMISSIONS
from cabinet.ui import access, formats, guard
from cabinet.ui.faults import NO_PERMISSION, FaultState
from tests.doors.conftest import Handler, Member, Subscriber
from tests.doors.visitors import DEEP, Closed, Tab, Visitor
from tests.site import Site

MOVES_THE_CLOCK = {"to_next_day", "to_next_fee"}
"""Of the demo alone and public: called in earnest, they would move the time of all other tests."""

ODD: dict[str, Any] = {
    "a fraction": 1.5,
    "true": True,
    "null": None,
    "a list": ["1", 2],
    "an empty list": [],
    "an object": {"a": {"b": 1}},
    "a huge number": 10**30,
    "a negative number": -1,
    "not a number": float("nan"),
    "infinity": float("inf"),
    "an empty text": "",
    "half a character": "\ud800",
    "a null byte": "a\x00b",
    "patterns": "%_'\"\\;--",
    "a script": "<script>alert(1)</script>{{7*7}}",
    "another line": "\r\nSet-Cookie: sid=1\u2028",
    "16 KB": "x" * 16_000,
}
TOO_MUCH: dict[str, Any] = {
    "17 KB": "x" * 17_000,
    "60 KB": "x" * 60_000,
    "depth 6": [[[[[["xxxxx"]]]]]],
    "depth 900": json.loads("[" * 900 + "]" * 900),
}
ROUTES: dict[str, Any] = {
    "a number as a path": {"pathname": 5, "asPath": 5},
    "null": {"pathname": None, "asPath": None, "query": None},
    "a page that is none": {"pathname": "/[[...x]]", "asPath": "/../../etc/passwd"},
    "another host": {"pathname": "//evil.example", "asPath": "//evil.example/?month=1"},
    "an odd month": {
        "pathname": "/expenses",
        "asPath": "/expenses/?month=9999999999-99&month=x&month[]=1&done=__class__",
    },
    "an odd query": {"pathname": "/expenses", "asPath": "/expenses/", "query": {"month": {"a": 1}}},
    "a query that is none": {"pathname": "/expenses", "query": [1]},
    "deep": {"pathname": "/", "asPath": "/", "query": {"x": json.loads("[" * 900 + "]" * 900)}},
    "large": {"pathname": "/", "asPath": "/?" + "x" * 40_000},
    "more than a page has": {"pathname": "/", "asPath": "/", "mine": "x" * 10_000},
    "not an address": {"pathname": "/", "asPath": "http://[::1"},
    "half a character": {"pathname": "/expenses", "asPath": "/expenses/?month=\ud800"},
}


def ours(handlers: list[Handler]) -> list[Handler]:
    return [handler for handler in handlers if handler.label is not None]


def in_earnest(handlers: list[Handler]) -> list[Handler]:
    return [handler for handler in handlers if handler.short not in MOVES_THE_CLOCK]


def touched(updates: list[dict[str, Any]]) -> set[str]:
    """Which States were sent."""
    return {name for update in updates for name in update.get("delta") or {}}


async def test_the_registry_is_what_is_attacked(handlers: list[Handler]):
    labels = {handler.label.who for handler in ours(handlers)}

    assert access.Who.SUBSCRIBER in labels
    assert len(ours(handlers)) > 15
    assert {handler.name for handler in handlers} >= guard.REFLEX_NEEDS


SIGN_IN = {access.Who.SUBSCRIBER: "/login", access.Who.STAFF: "/staff/login"}


async def test_a_stranger_is_sent_to_sign_in_by_each_handler_of_others(site: Site, handlers: list[Handler]):
    opened = []
    async with Tab(site) as tab:
        for handler in ours(handlers):
            if handler.label.who is access.Who.PUBLIC:
                continue
            known = len(tab.redirects())
            updates = await tab.call(handler.name, **dict.fromkeys(handler.arguments, "1"))
            if tab.redirects()[known:] != [SIGN_IN[handler.label.who]] or handler.state in touched(updates):
                opened.append(handler.name)

    assert opened == []


def of_staff(handlers: list[Handler]) -> list[Handler]:
    return [handler for handler in ours(handlers) if handler.label.who is access.Who.STAFF]


async def test_a_subscriber_is_no_staff_to_any_handler(site: Site, handlers: list[Handler], anna: Subscriber):
    opened = []
    async with Tab(site, cookie=anna.cookie) as tab:
        for handler in of_staff(handlers):
            known = len(tab.redirects())
            updates = await tab.call(handler.name, **dict.fromkeys(handler.arguments, "1"))
            if tab.redirects()[known:] != ["/staff/login"] or handler.state in touched(updates):
                opened.append(handler.name)

    assert opened == []


async def test_each_role_of_the_staff_is_refused_what_it_may_not(
    site: Site, handlers: list[Handler], members: list[Member]
):
    opened, refused = [], 0
    for member in members:
        async with Tab(site, cookie=member.cookie) as tab:
            for handler in of_staff(handlers):
                if handler.label.permission is None or handler.label.permission in PERMISSIONS[member.role]:
                    continue
                updates = await tab.call(handler.name, **dict.fromkeys(handler.arguments, "1"))
                refused += 1
                if handler.state in touched(updates) or NO_PERMISSION not in json.dumps(updates, ensure_ascii=False):
                    opened.append((member.role, handler.name))

    assert opened == []
    assert refused > len(of_staff(handlers))


async def test_a_member_of_the_staff_is_no_subscriber_to_any_handler(
    site: Site, handlers: list[Handler], members: list[Member]
):
    opened = []
    async with Tab(site, cookie=members[0].cookie) as tab:
        for handler in ours(handlers):
            if handler.label.who is not access.Who.SUBSCRIBER:
                continue
            known = len(tab.redirects())
            updates = await tab.call(handler.name, **dict.fromkeys(handler.arguments, "1"))
            if tab.redirects()[known:] != ["/login"] or handler.state in touched(updates):
                opened.append(handler.name)

    assert opened == []


@pytest.mark.parametrize("odd", ODD)
async def test_odd_arguments_of_the_staff_are_no_fault(
    site: Site, handlers: list[Handler], members: list[Member], odd: str
):
    for member in members:
        async with Tab(site, cookie=member.cookie) as tab:
            for handler in of_staff(handlers):
                if handler.label.permission in PERMISSIONS[member.role]:
                    for argument in handler.arguments:
                        others = dict.fromkeys(handler.arguments, "")
                        await tab.send(handler.name, **(others | {argument: ODD[odd]}))

            assert await shown_faults(tab) == []


async def test_nobody_may_call_what_is_not_for_browsers(site: Site, handlers: list[Handler], anna: Subscriber):
    """`setvar` of every State, helpers, and whatever Reflex registers but its pages do not need."""
    inner = [handler for handler in handlers if handler.label is None and handler.name not in guard.REFLEX_NEEDS]
    names = [handler.name for handler in inner] + [f"{inner[0].state}._bind", "no.such.state.load"]
    assert {handler.short for handler in inner} >= {"setvar", "hydrate"}
    answered = []
    for start in range(0, len(names), 20):
        async with Tab(site, cookie=anna.cookie) as tab:
            known = len(tab.updates)
            for name in names[start : start + 20]:
                await tab.send(name, var_name="number", value="mine")
                await tab.send(name)
            await tab.settle()
            answered += [name for name in touched(tab.updates[known:]) if name != FaultState.get_full_name()]

    assert answered == []


def secrets_of(site: Site, someone: Subscriber) -> dict[str, str]:
    """What only this subscriber may see."""
    with closing(sqlite3.connect(site.database)) as connection:
        name, account, subscriber_id = connection.execute(
            "SELECT name, account_number, id FROM subscriber WHERE msisdn = ?", [f"7{someone.number}"]
        ).fetchone()
        session = connection.execute(
            "SELECT id FROM auth_session WHERE subscriber_id = ? ORDER BY id DESC", [subscriber_id]
        ).fetchone()[0]
    return {"name": name, "account": account, "number": formats.phone(f"7{someone.number}"), "session": str(session)}


async def line_ids(site: Site, someone: Subscriber) -> list[str]:
    """The ids of the lines of a subscriber's statement, as their own browser gets them."""
    async with Tab(site, cookie=someone.cookie, router_data={"pathname": "/expenses", "asPath": "/expenses/"}) as tab:
        return [row["id"] for row in json_rows(tab.state)]


def json_rows(state: Any) -> list[dict[str, Any]]:
    """Every row of a statement in what was sent."""
    if isinstance(state, dict):
        here = [state] if {"id", "amount"} <= state.keys() else []
        return here + [row for value in state.values() for row in json_rows(value)]
    if isinstance(state, list):
        return [row for value in state for row in json_rows(value)]
    return []


async def test_one_subscriber_gets_nothing_of_another(
    site: Site, handlers: list[Handler], anna: Subscriber, boris: Subscriber
):
    hers = secrets_of(site, anna)
    ids = await line_ids(site, anna)
    assert ids
    values = [*ids[:3], hers["session"], hers["account"], f"7{anna.number}"]
    told = []
    for value in values:
        async with Tab(site, cookie=boris.cookie) as tab:
            for handler in in_earnest(ours(handlers)):
                if handler.state.endswith("phone_state"):
                    continue  # the demo's telephone shows everybody's messages to everybody, on purpose
                await tab.send(handler.name, **dict.fromkeys(handler.arguments, value))
            await tab.settle()
            received = json.dumps(tab.updates, ensure_ascii=False)
            told += [
                secret for name, secret in hers.items() if name in ("name", "number", "account") and secret in received
            ]
            assert formats.phone(f"7{boris.number}") in received  # he did see his own
    assert set(told) - set(secrets_of(site, boris).values()) - set(values) == set()


@pytest.mark.parametrize("kind", ["missing", "extra", "self"])
async def test_arguments_that_a_handler_does_not_have(site: Site, handlers: list[Handler], anna: Subscriber, kind: str):
    async with Tab(site, cookie=anna.cookie) as tab:
        for handler in ours(handlers):
            given = {} if kind == "missing" else dict.fromkeys(handler.arguments, "")
            if kind == "missing" and (not handler.arguments or handler.short in MOVES_THE_CLOCK):
                continue
            await tab.send(handler.name, **(given | {"extra": {"extra": 1}, "self": {"self": 1}}.get(kind, {})))
        await tab.settle()

        assert tab.faults() == []
        assert tab.is_open


@pytest.mark.parametrize("odd", ODD)
async def test_odd_arguments_are_no_fault(site: Site, handlers: list[Handler], anna: Subscriber, odd: str):
    async with Tab(site, cookie=anna.cookie) as tab:
        for handler in ours(handlers):
            for argument in handler.arguments:
                others = dict.fromkeys(handler.arguments, "")
                await tab.send(handler.name, **(others | {argument: ODD[odd]}))

        assert await shown_faults(tab) == []


@pytest.mark.parametrize("odd", ODD)
async def test_odd_arguments_of_what_reflex_itself_sends_are_no_fault(
    site: Site, handlers: list[Handler], anna: Subscriber, odd: str
):
    async with Tab(site, cookie=anna.cookie) as tab:
        for handler in handlers:
            if handler.name in guard.REFLEX_NEEDS:
                for argument in handler.arguments:
                    others = {name: {} if name == "vars" else [] for name in handler.arguments if name != argument}
                    await tab.send(handler.name, **(others | {argument: ODD[odd]}))
                    await tab.send(handler.name, **(others | {argument: {"a": ODD[odd], "b.c": ODD[odd]}}))
                    await tab.send(handler.name, **(others | {argument: [ODD[odd]]}))

        assert await shown_faults(tab) == []


async def shown_faults(tab: Tab) -> list[str]:
    await tab.settle()
    return [text for text in tab.faults() if "Номер ошибки" in text]


@pytest.mark.parametrize("much", TOO_MUCH)
async def test_large_and_deep_arguments_reach_no_handler(
    site: Site, handlers: list[Handler], anna: Subscriber, much: str
):
    async with Tab(site, cookie=anna.cookie) as tab:
        for handler in ours(handlers):
            for argument in handler.arguments:  # one by one: all of them together would be a frame too large
                await tab.send(handler.name, **dict.fromkeys(handler.arguments, "") | {argument: TOO_MUCH[much]})
        known = len(tab.updates)
        await tab.settle()

        assert tab.faults() == []
        assert "xxxxx" not in json.dumps(tab.updates[known:])


@pytest.mark.parametrize("payload", [None, [], [1], "text", 5, {"a": 1, "b": DEEP}])
async def test_what_is_no_event_is_no_fault(site: Site, anna: Subscriber, payload: Any):
    names = [f"{guard.OwnerState.get_full_name()}.setvar", "", None, 5, ["a"], {"a": 1}]
    for whole in (payload, json.dumps({"name": "x"}), *({"name": name, "payload": payload} for name in names)):
        async with Tab(site, cookie=anna.cookie) as tab:
            try:
                await tab.emit(whole)
                await tab.settle()
            except Closed:
                continue  # a socket that says such things may be closed
            assert tab.faults() == []


@pytest.mark.parametrize("payload", [None, [1], "text", 5])
async def test_arguments_that_are_no_names_and_values(
    site: Site, handlers: list[Handler], anna: Subscriber, payload: Any
):
    async with Tab(site, cookie=anna.cookie) as tab:
        for handler in ours(handlers):
            if handler.short not in MOVES_THE_CLOCK:
                await tab.emit({"name": handler.name, "payload": payload, "router_data": tab.router_data})

        assert await shown_faults(tab) == []


@pytest.mark.parametrize("route", ROUTES)
async def test_a_forged_address_of_the_page_is_no_fault(
    site: Site, handlers: list[Handler], anna: Subscriber, route: str
):
    """`router_data` says where the page is; a handler may read it, and an attacker writes it."""
    async with Tab(site, cookie=anna.cookie) as tab:
        for handler in in_earnest(ours(handlers)):
            if not handler.arguments:
                await tab.send(handler.name, ROUTES[route])

        assert await shown_faults(tab) == []
        received = json.dumps(tab.updates, ensure_ascii=False)
        assert "Traceback" not in received


async def test_after_all_that_her_pages_are_as_they_were(site: Site, anna: Subscriber):
    async with Tab(site, cookie=anna.cookie) as tab:
        assert formats.phone(f"7{anna.number}") in json.dumps(tab.state, ensure_ascii=False)
        assert tab.faults() == []


async def test_somebody_elses_session_is_not_ended(site: Site, anna: Subscriber, boris: Subscriber):
    session = secrets_of(site, anna)["session"]
    async with Visitor(site) as thief, Visitor(site) as owner:
        thief.http.headers["Cookie"] = boris.cookie
        owner.http.headers["Cookie"] = anna.cookie
        for number in (session, f"{session}.0", f" {session}", f"{session} OR 1=1", "-1", "9" * 400, "1.5", "NaN"):
            await thief.post("/auth/sessions/end", session_id=number)

        assert await owner.is_in()
