"""An open page of the cabinet without a browser: its websocket, its handlers, and what is done on it.

The server sees exactly what it sees of a browser: Socket.IO as Reflex's own script speaks it, with the cookies of who
has signed in.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Self
from urllib.parse import parse_qsl
from uuid import uuid4

import socketio

from benchmarks.people import Person
from benchmarks.sites import CannotMeasure
from cabinet.config import ROOT
from cabinet.domain import catalogue

NAMESPACE = "/_event"
PATIENCE_SECONDS = 15.0


class Unanswered(CannotMeasure):
    """The server did not answer an event, or closed the connection."""


class Failed(Unanswered):
    """The page says that something failed; nobody knows whether it was done. The text is what it says, unnumbered."""


class Refused(Unanswered):
    """The page says why nothing was done; the text is what it says."""


@dataclass(frozen=True)
class Handler:
    """A handler with its arguments, by the names that go over the socket; `state` is whose change is its answer."""

    event: str
    state: str
    route: str
    payload: dict[str, Any] = field(default_factory=dict)

    def given(self, **payload: Any) -> "Handler":
        """The same with these arguments."""
        return replace(self, payload=payload)


class Tab:
    """An open page of the cabinet: speaks Socket.IO as Reflex's own script does. `state` is what it was told so far.

    `origin` is the address that the visitor typed, where that is not the address of the process.
    """

    def __init__(self, url: str, person: Person, origin: str = "") -> None:
        from cabinet.ui.faults import FaultState

        self._faults = FaultState.get_full_name()
        self.state: dict[str, dict[str, Any]] = {}
        self._url, self._origin = url, origin or url
        self._person = person
        self._socket = socketio.AsyncClient(reconnection=False, logger=False)
        self._socket.on("event", self._answered, namespace=NAMESPACE)
        self._socket.on("disconnect", self._lost, namespace=NAMESPACE)
        self._waits_for: dict[str, str] = {}
        self._done: asyncio.Future[None] | None = None
        self._news = asyncio.Event()

    async def open(self, page: Handler) -> Self:
        """Connects; the page's first event rides in the CONNECT packet, and its data is here when this returns.

        Raises:
            Unanswered: the server refused the connection, or the data did not come.
        """
        boot = _event(Handler("reflex___state____state.hydrate_and_load", "", page.route))
        answer = self._expect({page.state: "is_ready"})
        try:
            await self._socket.connect(
                f"{self._url}?token={uuid4()}",
                headers={"Cookie": self._person.cookie, "Origin": self._origin},
                auth={"event": boot},
                transports=["websocket"],
                namespaces=[NAMESPACE],
                socketio_path="_event",
            )
            await asyncio.wait_for(answer, PATIENCE_SECONDS)
        except (TimeoutError, socketio.exceptions.SocketIOError) as error:
            raise Unanswered(f"{page.route} did not open") from error
        return self

    async def call(self, *handlers: Handler) -> None:
        """Sends events, one right after the other as a page does, and waits for what each changed.

        Raises:
            Unanswered: nothing came in 15 seconds.
            Failed: the page was told that it failed.
        """
        answer = self._expect({handler.state: "" for handler in handlers})
        try:
            for handler in handlers:
                await self._socket.emit("event", _event(handler), namespace=NAMESPACE)
            await asyncio.wait_for(answer, PATIENCE_SECONDS)
        except (TimeoutError, socketio.exceptions.SocketIOError) as error:
            raise Unanswered(handlers[0].event) from error

    def value(self, state: str, var: str) -> Any:
        """What the page believes a variable to be."""
        return self.state.get(state, {}).get(f"{var}_rx_state_")

    async def see(self, condition: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
        """Waits until what the page believes is so, whoever makes it so.

        Raises:
            Unanswered: it did not come to that in time.
        """
        try:
            async with asyncio.timeout(seconds):
                while not condition():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError as error:
            raise Unanswered("what was waited for did not come") from error

    async def close(self) -> None:
        """Leaves."""
        await self._socket.disconnect()

    def _lost(self, *_reason: object) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_exception(Unanswered("the connection was lost"))

    def _expect(self, needs: dict[str, str]) -> asyncio.Future[None]:
        """`needs`: by state, the variable that has to have come true, or "" for any change."""
        self._waits_for, self._done = dict(needs), asyncio.get_running_loop().create_future()
        return self._done

    def _answered(self, update: dict[str, Any]) -> None:
        for state, change in update.get("delta", {}).items():
            self.state.setdefault(state, {}).update(change)
            need = self._waits_for.get(state)
            if need is not None and (not need or change.get(f"{need}_rx_state_")):
                del self._waits_for[state]
        self._news.set()
        fault = update.get("delta", {}).get(self._faults, {}).get("text_rx_state_")
        if fault and self._done is not None and not self._done.done():
            self._done.set_exception(Failed(fault.partition(" Номер ошибки")[0]))
        if not self._waits_for and self._done is not None and not self._done.done():
            self._done.set_result(None)


def _event(handler: Handler) -> dict[str, Any]:
    path, _, query = handler.route.partition("?")
    route = {"pathname": path, "asPath": handler.route, "query": dict(parse_qsl(query))}
    return {"name": handler.event, "payload": handler.payload, "router_data": route}


def handlers() -> list[Handler]:
    """Every page's on_load handler, as the program itself registers them: a new page is measured by itself."""
    from reflex_base.utils.format import format_event_handler

    import cabinet.cabinet  # noqa: F401  registers the pages
    from cabinet.ui import shell

    found = []
    for page in shell.PAGES:
        if page.access != "subscriber" or page.on_load is None or "[" in page.route:
            continue
        for one in page.on_load if isinstance(page.on_load, list) else [page.on_load]:
            name = format_event_handler(one)
            route = f"/{page.route.strip('/')}/".replace("//", "/")
            found.append(Handler(name, name.rpartition(".")[0], route))
    return found


def page(route: str) -> Handler:
    """The one of that page."""
    return next(handler for handler in handlers() if handler.route == route)


def handler_of(state: Any, name: str, route: str, answers_in: Any = None) -> Handler:
    """A handler by its State and name; its answer is a change of that State or of another one."""
    from reflex_base.utils.format import format_event_handler

    event = format_event_handler(getattr(state, name))
    return Handler(event, (answers_in or state).get_full_name(), route)


# --- a switch ---------------------------------------------------------------------------------------------------------


def free_services() -> list[str]:
    """Services that anybody may switch on and off at once, whatever else he has."""
    options = catalogue.load(ROOT / "cabinet" / "catalogues" / "demo.yaml").options.values()
    tied = {code for one in options for code in (*one.requires, *one.conflicts)}
    return [one.code for one in options if not (one.price_kopecks or one.requires or one.conflicts or one.code in tied)]


class Switch:
    """A switch of /services: each press is an order, written durably, and the page as it stands after it."""

    def __init__(self, tab: Tab, code: str) -> None:
        from cabinet.ui.options.state import OptionsState
        from cabinet.ui.quotes.state import QuoteState

        self._tab, self._code = tab, code
        self._write = handler_of(OptionsState, "turn", "/services/", QuoteState)
        self._show = handler_of(OptionsState, "refresh", "/services/")

    async def press(self) -> None:
        """As the page does: the event that writes and the one that reads, at once.

        Raises:
            Unanswered: an answer did not come.
            Refused: the page said why it was not done.
        """
        wanted = not self.is_on
        await self._tab.call(self._write.given(code=self._code, is_on=wanted), self._show)
        if refusal := self._tab.value(self._write.state, "refusal"):
            raise Refused(str(refusal))
        await self._tab.see(lambda: self.is_on is wanted)  # a look that began before the write may come first

    @property
    def is_on(self) -> bool:
        """As the page shows it."""
        return self._code in {row["code"] for row in self._tab.value(self._show.state, "switched_on")}


# --- an order ---------------------------------------------------------------------------------------------------------


class Ordering:
    """The sheet on a page: see what something would do, confirm exactly that, take it back."""

    def __init__(self, tab: Tab, route: str, quote_id: int = 0) -> None:
        from cabinet.ui.quotes.state import QuoteState

        self._tab, self.quote_id = tab, quote_id
        self.answers = QuoteState.get_full_name()
        self._confirm = handler_of(QuoteState, "confirm", route)
        self._undo = handler_of(QuoteState, "undo", route)

    async def ask(self, handler: Handler) -> None:
        """Opens the sheet.

        Raises:
            Unanswered: no answer came.
            Refused: the sheet says why it cannot be.
        """
        await self._tab.call(replace(handler, state=self.answers))
        self.quote_id = self._tab.value(self.answers, "sheet")["id"]
        self._refuse(self.quote_id > 0 and self._tab.value(self.answers, "is_open"))

    async def confirm(self) -> None:
        """Does what the sheet says.

        Raises:
            Unanswered: no answer came.
            Refused: the sheet says why it cannot be.
        """
        await self._tab.call(self._confirm.given(quote_id=self.quote_id))
        self._refuse(not self._tab.value(self.answers, "refusal") and not self._tab.value(self.answers, "is_open"))

    async def undo(self) -> None:
        """Takes back what was just done.

        Raises:
            Unanswered: no answer came.
            Refused: the sheet says why it cannot be.
        """
        await self._tab.call(self._undo.given(order_id=self._tab.value(self.answers, "done")["order_id"]))
        self._refuse(not self._tab.value(self.answers, "done")["order_id"])

    def _refuse(self, is_good: bool) -> None:
        if not is_good:
            said = self._tab.value(self.answers, "refusal") or self._tab.value(self.answers, "done")["text"]
            raise Refused(str(said))
