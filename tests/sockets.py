"""A browser's websocket without a browser: speaks Socket.IO to the ASGI application in this process."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Self
from uuid import uuid4

import reflex as rx
from reflex_base.environment import environment
from reflex_base.registry import RegistrationContext

from cabinet.config import settings
from cabinet.http.middleware import SocketDoor
from cabinet.ui import guard
from cabinet.ui.faults import report

NAMESPACE = "/_event"
PATIENCE_SECONDS = 5.0


class Refused(Exception):
    """The server closed the connection or refused it."""


def _is_working() -> bool:
    """Whether a thread of `asyncio.to_thread` is busy: the application runs in this very process."""
    pool = asyncio.get_running_loop()._default_executor  # type: ignore[attr-defined]
    return pool is not None and pool._idle_semaphore._value < len(pool._threads)


class Tab:
    """An open page: `call` sends an event, `state` is what the server has told so far, `sent` the events it sent."""

    def __init__(self, app: Callable[..., Any], *, cookie: str, token: str, headers: dict[str, str]) -> None:
        self.token = token
        self.state: dict[str, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        self.is_closed = False
        self._app = app
        self._headers = {
            "host": "localhost:3000",
            "connection": "Upgrade",
            "upgrade": "websocket",
            "origin": settings().public_url,
            "cookie": cookie,
        } | headers
        self._to_server: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._from_server: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def open(self, boot: dict[str, Any] | None = None) -> Self:
        """Connects as Reflex's own script does: the first event rides in the CONNECT packet."""
        scope = {
            "type": "websocket",
            "scheme": "ws",
            "path": "/_event/",
            "raw_path": b"/_event/",
            "root_path": "",
            "query_string": f"EIO=4&transport=websocket&token={self.token}".encode(),
            "headers": [(name.encode(), value.encode()) for name, value in self._headers.items() if value],
            "client": ("192.0.2.7", 1),
            "server": ("localhost", 3000),
            "subprotocols": [],
        }
        await self._to_server.put({"type": "websocket.connect"})
        self._task = asyncio.create_task(self._app(scope, self._to_server.get, self._from_server.put))
        await self._frame()  # Engine.IO's handshake
        auth = {"event": boot or self._event("reflex___state____state.hydrate_and_load", {})}
        await self._write(f"40{NAMESPACE},{json.dumps(auth)}")
        while not (await self._frame()).startswith("40"):
            pass
        return self

    async def send(self, name: str, router_data: dict[str, Any] | None = None, /, **payload: Any) -> None:
        """Sends an event by its full name."""
        event = self._event(name, payload) | ({"router_data": router_data} if router_data is not None else {})
        await self._write(f"42{NAMESPACE},{json.dumps(['event', event])}")

    async def call(self, handler: Any, **payload: Any) -> None:
        """Sends an event and waits until the server has been quiet for a moment."""
        await self.send(name_of(handler), **payload)
        await self.settle()

    async def settle(self, quiet_seconds: float = 0.15) -> None:
        """Takes in what the server sends until it is quiet, and no thread works at an answer."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                await asyncio.wait_for(self._frame(), quiet_seconds)
            except TimeoutError:
                if not _is_working() or time.monotonic() > deadline:
                    return
            except Refused:
                self.is_closed = True
                return

    def value(self, state: type[rx.State], var: str) -> Any:
        """What this tab believes a variable to be."""
        return self.state.get(state.get_full_name(), {}).get(f"{var}_rx_state_")

    @property
    def redirects(self) -> list[str]:
        """Where the server sent this tab."""
        return [event["payload"]["path"] for event in self.events if event["name"] == "_redirect"]

    async def close(self) -> None:
        """Closes the tab."""
        await self._to_server.put({"type": "websocket.disconnect", "code": 1000})
        if self._task:
            await asyncio.wait_for(self._task, PATIENCE_SECONDS)

    def _event(self, name: str, payload: dict[str, Any]) -> dict[str, Any]:
        return {"name": name, "payload": payload, "router_data": {"pathname": "/", "asPath": "/"}}

    async def _write(self, text: str) -> None:
        await self._to_server.put({"type": "websocket.receive", "text": text})

    async def _frame(self) -> str:
        while True:
            message = await asyncio.wait_for(self._from_server.get(), PATIENCE_SECONDS)
            if message["type"] in ("websocket.close", "websocket.http.response.start"):
                self.is_closed = True
                raise Refused
            if message["type"] == "websocket.send":
                break
        text = message["text"]
        if text == "2":
            await self._write("3")
        elif text.startswith("1"):
            raise Refused
        elif text.startswith(f"42{NAMESPACE},"):
            kind, update = json.loads(text.removeprefix(f"42{NAMESPACE},"))
            if kind == "event":
                for name, delta in update.get("delta", {}).items():
                    self.state.setdefault(name, {}).update(delta)
                self.events.extend(update.get("events", []))
        return text


class World:
    """A running application and its visitors."""

    def __init__(self, app: rx.App) -> None:
        self.app = app
        self._asgi = SocketDoor(app())
        self._tabs: list[Tab] = []

    async def visit(self, *, cookie: str = "", token: str = "", headers: dict[str, str] | None = None) -> Tab:
        """A new tab, hydrated."""
        tab = Tab(self._asgi, cookie=cookie, token=token or str(uuid4()), headers=headers or {})
        self._tabs.append(tab)
        await tab.open()
        await tab.settle()
        return tab

    async def close(self) -> None:
        """Closes the tabs that are still open."""
        for tab in self._tabs:
            await tab.close()


@asynccontextmanager
async def running(define_states: Callable[[], Any]) -> AsyncIterator[tuple[World, Any]]:
    """An application of its own with the guard, and whatever States `define_states` makes; they vanish afterwards."""
    environment.REFLEX_SKIP_COMPILE.set(True)
    context = RegistrationContext.ensure_context().fork()
    token = RegistrationContext.set(context)
    try:
        states = define_states()
        app = rx.App(backend_exception_handler=report)
        app.add_middleware(guard.Guard(), 0)
        world = World(app)
        async with app._run_lifespan_tasks(app._api):
            yield world, states
            await world.close()
    finally:
        RegistrationContext.reset(token)


def name_of(handler: Any) -> str:
    """The name under which a browser calls a handler."""
    from reflex_base.utils.format import format_event_handler

    return format_event_handler(handler)
