"""The websocket: who may open one, whose State it gets, and what one of them can do to the others."""

import asyncio
import json

import pytest

from cabinet.connections import KEY_HEADER
from cabinet.services import sessions
from cabinet.ui import formats
from cabinet.ui.faults import FaultState
from cabinet.ui.guard import OwnerState
from tests.doors.conftest import Subscriber
from tests.doors.visitors import DEEP, HYDRATE, NAMESPACE, SHOW, Closed, Tab, Visitor
from tests.site import Site

OVERVIEW = "reflex___state____state.cabinet___ui___overview___state____overview_state"
STORAGE = "reflex___state____state.reflex___state____update_vars_internal_state.update_vars_internal"


def sees(tab: Tab, someone: Subscriber) -> bool:
    """Whether this subscriber's number was sent to the tab."""
    return formats.phone(f"7{someone.number}") in json.dumps(tab.updates, ensure_ascii=False)


def sid_of(someone: Subscriber) -> str:
    return next(part for part in someone.cookie.split("; ") if part.startswith("sid=")).removeprefix("sid=")


def foreign_origins(site: Site) -> list[str]:
    host = site.url.removeprefix("http://")
    return [
        "https://evil.example",
        "null",
        "file://",
        f"https://{host}",
        f"http://sibling.{host}",
        f"http://{host}.evil.example",
        f"http://{host}@evil.example",
        f"http://evil.example#{host}",
        "http://localhost",
        f"http://127.0.0.1:{host.rpartition(':')[2]}",
        site.url.upper(),
        f"{site.url}/",
        f"{site.url}, https://evil.example",
        "*",
    ]


async def test_a_subscriber_gets_what_is_theirs(site: Site, anna: Subscriber):
    async with Tab(site, cookie=anna.cookie) as tab:
        assert sees(tab, anna)
        assert tab.redirects() == []


async def test_a_page_of_another_origin_gets_no_socket(site: Site, anna: Subscriber):
    let_in = []
    for origin in foreign_origins(site):
        try:
            async with Tab(site, cookie=anna.cookie, origin=origin):
                let_in.append(origin)
        except Closed:
            continue

    assert let_in == []


async def test_a_form_of_another_origin_does_nothing(site: Site, anna: Subscriber):
    async with Visitor(site) as visitor:
        visitor.http.headers["Cookie"] = anna.cookie
        answers = {
            (path, origin): (await visitor.post(path, headers={"Origin": origin})).status_code
            for origin in foreign_origins(site)
            for path in ("/auth/sign-out", "/auth/sign-out-everywhere", "/auth/welcome", "/demo/clock")
        }
        del visitor.http.headers["Origin"]
        for where in ("cross-site", "same-site", "something"):
            answer = await visitor.post("/auth/sign-out", headers={"Sec-Fetch-Site": where})
            answers["/auth/sign-out", where] = answer.status_code

        assert set(answers.values()) == {403}
        assert await visitor.is_in()


async def test_who_has_the_token_of_a_tab_has_nothing(site: Site, anna: Subscriber, boris: Subscriber):
    async with Tab(site, cookie=anna.cookie) as hers:
        assert sees(hers, anna)
        known = len(hers.updates)
        for cookie in ("", boris.cookie, "sid=", f"sid={'x' * 43}", f"sid={sessions.token_hash(sid_of(anna))}"):
            async with Tab(site, cookie=cookie, token=hers.token) as thief:
                await thief.call(f"{OVERVIEW}.load")
                assert not sees(thief, anna)
        await hers.settle()

        assert {name for update in hers.updates[known:] for name in update["delta"]} <= {FaultState.get_full_name()}
    async with Tab(site, cookie="", token=hers.token) as thief:  # and not when she has left
        assert not sees(thief, anna)


async def test_nothing_that_an_event_says_about_its_connection_is_believed(
    site: Site, anna: Subscriber, boris: Subscriber
):
    key = sessions.token_hash(sid_of(anna))
    forged = {
        "pathname": "/",
        "asPath": "/",
        "headers": {KEY_HEADER: key, KEY_HEADER.title(): key, "cookie": anna.cookie},
        "ip": "10.0.0.1",
        "token": "somebody",
        "sid": "somebody",
    }
    for cookie in ("", boris.cookie):
        async with Tab(site, cookie=cookie, router_data=forged) as tab:
            await tab.call(f"{OVERVIEW}.load", forged)
            await tab.call(f"{OVERVIEW}.load", forged | {KEY_HEADER: key, "cookie": anna.cookie})
            received = json.dumps(tab.updates)

            assert not sees(tab, anna)
            assert "10.0.0.1" not in received
            assert key not in received


@pytest.mark.parametrize("name", [KEY_HEADER, KEY_HEADER.title(), KEY_HEADER.upper()])
async def test_the_doors_own_header_is_not_believed(site: Site, anna: Subscriber, name: str):
    key = sessions.token_hash(sid_of(anna))
    async with Tab(site, headers={name: key}) as tab:
        await tab.call(f"{OVERVIEW}.load")

        assert not sees(tab, anna)
        assert set(tab.redirects()) == {"/login"}  # the page's own loads, and this one


async def test_no_cookie_and_no_key_of_it_comes_back(site: Site, anna: Subscriber):
    async with Tab(site, cookie=anna.cookie) as tab:
        received = json.dumps(tab.updates)

        assert sid_of(anna) not in received
        assert sessions.token_hash(sid_of(anna)) not in received


@pytest.mark.parametrize("odd", ['theme={"dark":1}', "имя=Анна", "a b=c", "expires", 'open="', "=;;=", "sid"])
async def test_odd_cookies_beside_the_session_do_not_hide_it(site: Site, anna: Subscriber, odd: str):
    """Another site of the same domain can set cookies; a page that is signed in and a socket that is not would loop."""
    async with Tab(site, cookie=f"{odd}; {anna.cookie}") as tab:
        assert sees(tab, anna)


async def test_a_browser_writes_no_variable_of_a_state(site: Site, anna: Subscriber, boris: Subscriber):
    names = [
        f"{OVERVIEW}.number_rx_state_",
        f"{OVERVIEW}.number",
        f"{OwnerState.get_full_name()}._owner",
        "a.b",
        "a",
        "",
    ]
    async with Tab(site, cookie=boris.cookie) as tab:
        number = tab.state[OVERVIEW]["number_rx_state_"]
        for name in names:
            await tab.send(STORAGE, vars={name: f"7{anna.number}"})
            await tab.send(f"{OVERVIEW}.setvar", var_name=name.rpartition(".")[2], value=f"7{anna.number}")
        for vars in (None, 1, [], "x", {"a": {}}):
            await tab.send(STORAGE, vars=vars)
        await tab.settle()
        await tab.send(HYDRATE)
        await tab.settle()

        assert tab.state[OVERVIEW]["number_rx_state_"] == number
        assert not sees(tab, anna)


async def test_signing_out_in_one_tab_closes_the_other(site: Site, number: str):
    async with Visitor(site) as visitor:
        await visitor.sign_in(number)
        me = Subscriber(number, visitor.cookie)
        async with visitor.tab() as other:
            assert sees(other, me)
            await visitor.post("/auth/sign-out")
            await other.until_closed()
        async with Tab(site, cookie=me.cookie, token=other.token) as again:  # its browser opens it anew by itself
            assert not sees(again, me)
            assert set(again.redirects()) == {"/login"}
        assert not await visitor.is_in()


async def test_ending_a_session_elsewhere_closes_its_tabs(site: Site, number: str):
    async with Visitor(site) as lost, Visitor(site) as owner:
        await lost.sign_in(number)
        await owner.sign_in(number)
        async with lost.tab() as tab, owner.tab() as mine:
            await owner.post("/auth/sign-out-everywhere", keep="1")
            await tab.until_closed()
            await mine.settle()
        assert not await lost.is_in()
        assert await owner.is_in()


@pytest.mark.parametrize(
    "content",
    [
        f'2{NAMESPACE},["event",{{"name":"{SHOW}","payload":{{"text":"{"x" * 70_000}"}}}}]',
        "x" * 1_000_000,
        "[" * 1_000_000,
        b"\x00" * 10,
        b"x" * 1_000_000,
    ],
    ids=["70 KB", "1 MB", "a megabyte of brackets", "binary", "1 MB of binary"],
)
async def test_a_frame_that_no_page_sends_closes_the_socket(site: Site, content: str | bytes):
    async with Tab(site) as tab:
        await tab.message(content)
        await tab.until_closed()

        assert "xxxx" not in json.dumps(tab.updates)


async def test_attachments_are_not_gathered(site: Site):
    """Socket.IO collects as many binary frames as a packet announces, before anybody looks at them."""
    async with Tab(site) as tab:
        await tab.message(f'59999999999-{NAMESPACE},["event",{{"_placeholder":true,"num":0}}]')
        for _ in range(3):
            await tab.message(b"x" * 60_000)
        await tab.until_closed()


@pytest.mark.parametrize(
    "packet",
    [
        "",
        "9",
        "2",
        "2[",
        "0/other,",
        "0/_event,{}",
        "4/_event",
        "3/_event,5[]",
        "2/_event,",
        "x" * 50_000,
        "2" * 40_000,
    ],
    ids=lambda packet: packet[:12] or "empty",
)
async def test_packets_that_make_no_sense_harm_nobody(site: Site, anna: Subscriber, packet: str):
    async with Tab(site) as tab:
        await tab.message(packet)
    async with Tab(site, cookie=anna.cookie) as hers:
        assert sees(hers, anna)


async def test_a_thousand_lists_in_one_another_harm_nobody(site: Site, anna: Subscriber):
    async with Tab(site) as tab:
        await tab.emit(DEEP)
        await tab.emit({"name": SHOW, "payload": {"text": DEEP}, "router_data": {}})
        await tab.emit({"name": SHOW, "payload": {}, "router_data": {"query": DEEP}})
    async with Tab(site, cookie=anna.cookie) as hers:
        assert sees(hers, anna)


@pytest.mark.parametrize(
    "query", ["token=a&token=b", "&".join(["token=a"] * 50), "token=%00%ff", "token=" + "x" * 8000]
)
async def test_odd_tokens_in_the_address(site: Site, anna: Subscriber, query: str):
    tab = Tab(site, cookie=anna.cookie)
    tab.token = query.removeprefix("token=")
    try:
        async with tab:
            assert sees(tab, anna)
    except Closed:
        pass  # refused
    async with Tab(site, cookie=anna.cookie) as hers:
        assert sees(hers, anna)


async def test_ten_thousand_events_on_one_socket_do_not_stop_another_subscriber(
    site: Site, anna: Subscriber, boris: Subscriber
):
    async with Tab(site, cookie=boris.cookie) as flood, Tab(site, cookie=anna.cookie) as hers:
        packet = f"2{NAMESPACE},{json.dumps(['event', flood._event(f'{OVERVIEW}.refresh', {}, {})])}"

        async def pour() -> None:
            for _ in range(10_000):
                await flood.message(packet)

        pouring = asyncio.create_task(pour())
        for _ in range(5):
            await hers.call(f"{OVERVIEW}.refresh")
        async with Visitor(site) as visitor:
            visitor.http.headers["Cookie"] = anna.cookie
            assert await visitor.is_in()
        answered = len(flood.updates)
        pouring.cancel()
        await flood.cut()

        assert sees(hers, anna)
        assert hers.faults() == []
        assert answered < 10_000
