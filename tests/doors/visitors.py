"""Whoever comes to the running site: with forms as a browser posts them, and with Reflex's own websocket protocol.

Everything that must never be written down is kept in `SECRETS`, for the test that reads the site's log at the end.
"""

import asyncio
import itertools
import json
import re
import secrets
from collections.abc import Callable
from typing import Any, Self

import aiohttp
import httpx
import socketio

from cabinet.ui.faults import FaultState
from tests.site import Site

NAMESPACE = "/_event"
HYDRATE = "reflex___state____state.hydrate_and_load"
ON_LOAD = "reflex___state____state.reflex___state____on_load_internal_state.on_load_internal"
SHOW = f"{FaultState.get_full_name()}.show"
CHAIN = 3
"""How long Reflex's longest chain of events is: hydrate → on_load → a page's own load."""
PATIENCE_SECONDS = 10.0
DEEP = "a thousand lists in one another"
"""In what is sent: stands for them; Python cannot write them as JSON."""

SECRETS: set[str] = set()

_addresses = itertools.count(1)


class Closed(Exception):
    """The site has closed the socket, or did not open it."""


class Visitor:
    """A browser without pages: cookies, an address of its own, forms."""

    def __init__(self, site: Site, address: str = "") -> None:
        count = next(_addresses)
        self.site = site
        self.address = address or f"198.51.{count // 250}.{count % 250 + 1}"
        self.http = httpx.AsyncClient(
            base_url=site.url,
            headers={"Origin": site.url, "X-Forwarded-For": self.address},
            timeout=PATIENCE_SECONDS,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.http.aclose()

    @property
    def cookie(self) -> str:
        """All cookies, as a header."""
        return "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())

    async def get(self, path: str, **options: Any) -> httpx.Response:
        """GET of an address; what is set as a cookie is a secret."""
        return self._kept(await self.http.get(path, **options))

    async def post(self, path: str, *, headers: dict[str, str] | None = None, **fields: str) -> httpx.Response:
        """A form."""
        return self._kept(await self.http.post(path, data=fields or None, headers=headers))

    async def letters(self) -> str:
        """The letters of this browser's picture."""
        await self.get("/auth/captcha.png")
        return (await self.get("/demo/state.json")).json()["captcha"]

    async def ask_for_code(self, number: str, **fields: str) -> httpx.Response:
        """The first form, with the right letters."""
        SECRETS.add(number)
        return await self.post("/auth/code", **({"number": number, "captcha": await self.letters()} | fields))

    async def receive_code(self, number: str) -> str:
        """Asks for a code and reads the SMS."""
        known = len(await self.codes_of(number))
        is_asked = (await self.get("/auth/screen?page=/login/")).json()["captcha"]
        answer = await (self.ask_for_code(number) if is_asked else self.post("/auth/code", number=number))
        assert answer.headers["location"] == "/login/code/", answer.headers["location"]
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while len(codes := await self.codes_of(number)) == known:
            assert asyncio.get_running_loop().time() < deadline, "no SMS came"
            await asyncio.sleep(0.02)
        return codes[-1]

    async def codes_of(self, number: str) -> list[str]:
        """The codes that a number has received, oldest first."""
        sent = (await self.get("/demo/state.json")).json()["sms"]
        found = (re.search(r"(?<!\d)\d{6}(?!\d)", sms["text"]) for sms in sent if sms["to"].endswith(number))
        codes = [code[0] for code in found if code]  # the phone gets other messages too
        SECRETS.update(codes)
        return codes

    async def sign_in(self, number: str) -> Self:
        """Through both forms; the cookies are this visitor's now."""
        answer = await self.post("/auth/verify", code=await self.receive_code(number))
        assert "sid" in answer.cookies, answer.headers["location"]
        await self.post("/auth/welcome/skip")
        return self

    async def sign_in_staff(self, login: str) -> Self:
        """As one of the demo's staff; the cookie is this visitor's now."""
        code = (await self.get("/demo/state.json")).json()["staff_totps"][login]
        SECRETS.update((f"{login}-demo", code))
        answer = await self.post("/auth/staff", login=login, password=f"{login}-demo", totp=code)
        assert "staff" in answer.cookies, answer.headers["location"]
        return self

    async def is_in(self) -> bool:
        """Whether the site knows this browser as signed in."""
        return (await self.get("/profile/")).status_code == 200

    def tab(self, **options: Any) -> "Tab":
        """A socket with this browser's cookies."""
        return Tab(self.site, **({"cookie": self.cookie, "address": self.address} | options))

    def _kept(self, answer: httpx.Response) -> httpx.Response:
        SECRETS.update(value for value in answer.cookies.values() if len(value) > 20)
        return answer


class Tab:
    """An open page without a page: what was sent to it is in `updates`, what it believes in `state`."""

    def __init__(
        self,
        site: Site,
        *,
        cookie: str = "",
        address: str = "192.0.2.1",
        origin: str | None = None,
        token: str = "",
        router_data: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.updates: list[dict[str, Any]] = []
        self.state: dict[str, dict[str, Any]] = {}
        self.token = token or secrets.token_hex(8)
        self.router_data = {"pathname": "/", "asPath": "/"} if router_data is None else router_data
        self._url = site.url
        sent = {"Cookie": cookie, "Origin": origin or site.url, "X-Forwarded-For": address} | (headers or {})
        self._headers = {name: value for name, value in sent.items() if value}
        self._news = asyncio.Event()
        # The client's library would parse the cookies: they are to be sent as they are.
        self._session = aiohttp.ClientSession(headers=self._headers, cookie_jar=aiohttp.DummyCookieJar())
        self.client = socketio.AsyncClient(reconnection=False, handle_sigint=False, http_session=self._session)
        self.client.on("event", self._take, namespace=NAMESPACE)
        self.client.on("disconnect", self._news.set, namespace=NAMESPACE)
        self.client.on("new_token", lambda _token: None, namespace=NAMESPACE)

    async def __aenter__(self) -> Self:
        try:
            await self.client.connect(
                f"{self._url}?token={self.token}",
                auth={"event": self._event(HYDRATE, {}, self.router_data)},
                transports=["websocket"],
                namespaces=[NAMESPACE],
                socketio_path=NAMESPACE,
                wait_timeout=PATIENCE_SECONDS,
            )
        except socketio.exceptions.ConnectionError as error:
            await self._session.close()
            raise Closed(str(error)) from error
        try:
            await self.settle()
        except BaseException:
            await self.cut()
            raise
        return self

    async def __aexit__(self, *_error: object) -> None:
        if not self._session.closed:
            await self.client.disconnect()
            await self._session.close()

    async def cut(self) -> None:
        """Leaves without a word, whatever has not been sent yet."""
        await self._session.close()

    async def send(self, name: str, router_data: Any = None, /, **payload: Any) -> None:
        """An event by its full name."""
        await self.emit(self._event(name, payload, self.router_data if router_data is None else router_data))

    async def emit(self, data: Any) -> None:
        """Anything in the place of an event, as JSON that the client's library would refuse to make."""
        text = json.dumps(["event", data]).replace(f'"{DEEP}"', "[" * 1000 + "]" * 1000)
        await self.message(f"2{NAMESPACE},{text}")

    async def message(self, content: str | bytes) -> None:
        """A packet of Socket.IO as it is: text, or bytes as its binary attachments are."""
        if not self.is_open:
            raise Closed
        await self.client.eio.send(content)

    async def settle(self) -> None:
        """Waits until everything that was sent before has been answered: events of a socket have one order."""
        for _ in range(CHAIN):
            mark = f"mark {secrets.token_hex(8)}"
            await self.send(SHOW, text=mark)
            await self.until(lambda mark=mark: self.value(FaultState, "text") == mark, what="events in their order")

    async def call(self, name: str, router_data: Any = None, /, **payload: Any) -> list[dict[str, Any]]:
        """Sends an event and returns what it made the site send."""
        known = len(self.updates)
        await self.send(name, router_data, **payload)
        await self.settle()
        return self.updates[known:]

    async def until(self, condition: Callable[[], Any], *, what: str) -> None:
        """Waits for a condition of what was received."""
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while not condition():
            if not self.is_open:
                raise Closed(what)
            left = deadline - asyncio.get_running_loop().time()
            assert left > 0, f"waited in vain: {what}"
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), min(left, 0.5))
            except TimeoutError:
                continue

    async def until_closed(self) -> None:
        """Waits until the site closes the socket."""
        try:
            await self.until(lambda: False, what="the end of the socket")
        except Closed:
            return

    @property
    def is_open(self) -> bool:
        return self.client.connected

    def value(self, state: type, var: str) -> Any:
        """What this tab believes a variable to be."""
        return self.state.get(state.get_full_name(), {}).get(f"{var}_rx_state_")

    def redirects(self) -> list[str]:
        """Where the site has sent this tab."""
        events = (event for update in self.updates for event in update.get("events") or [])
        return [event["payload"]["path"] for event in events if event["name"] == "_redirect"]

    def faults(self) -> list[str]:
        """What the site has told this tab about failures of its own."""
        shown = (update.get("delta", {}).get(FaultState.get_full_name(), {}) for update in self.updates)
        texts = (state.get("text_rx_state_", "") for state in shown)
        return [text for text in texts if text and not text.startswith("mark ")]

    @staticmethod
    def _event(name: str, payload: Any, router_data: Any) -> dict[str, Any]:
        return {"name": name, "payload": payload, "router_data": router_data}

    async def _take(self, update: dict[str, Any]) -> None:
        self.updates.append(update)
        for name, delta in (update.get("delta") or {}).items():
            self.state.setdefault(name, {}).update(delta)
        self._news.set()
