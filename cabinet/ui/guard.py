"""The guard: every event of every browser passes it before any handler runs.

How Reflex 0.10.1 runs events, as read in its source and held by `tests/ui/test_guard.py`:

- `BaseStateEventProcessor._execute_event` calls the middlewares for **every** event that has a registered handler:
  sent by a browser, riding in the socket's CONNECT packet, chained or yielded by another handler, on_load, background,
  `setvar`. An event without a registered handler is dropped before (and printed with its arguments: see `logs.py`).
- What a middleware returns is sent instead of running the handler. Changes of State made here are not sent by Reflex
  when an event is refused, so a refusal carries them itself.
- Not seen: `hydrate` and `on_load_internal` that Reflex calls inline after an event was let in for a State without a
  page (same task, same browser, State already bound); their chained events are seen again.
- Background handlers are checked once, when they start. What they write meanwhile goes to the socket of their token;
  the door makes tokens of different sessions different, so a stranger who knows a token gets nothing.
- The headers in `router_data` are taken from the connection and overwrite whatever the event carried under that name,
  so the key that the door puts there cannot be forged. `pathname`, `asPath` and `query` are the client's: never trust.
- Every event runs in a task of its own, made by the queue's task: what is set here for the handler does not leak into
  the next event.
"""

import asyncio
import inspect
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, cast

import reflex as rx
import structlog
from reflex.app import App
from reflex.event import Event
from reflex.middleware import Middleware
from reflex.state import BaseState, FrontendEventExceptionState, OnLoadInternalState, State, StateUpdate
from reflex.state import UpdateVarsInternalState as ClientStorageState
from reflex_base.constants import RouteVar
from reflex_base.event import EventHandler
from reflex_base.event.context import EventContext
from reflex_base.registry import RegistrationContext
from reflex_base.utils.format import format_event_handler

from cabinet import connections, metrics
from cabinet.services.sessions import Principal
from cabinet.services.staff import StaffPrincipal
from cabinet.ui import access
from cabinet.ui.faults import NO_PERMISSION, FaultState

MAX_PAYLOAD_BYTES = 16 * 1024
MAX_PAYLOAD_DEPTH = 5
SIGN_IN_PAGE = "/login"
STAFF_SIGN_IN_PAGE = "/staff/login"

log = structlog.get_logger(__name__)
_principal: ContextVar[Principal | None] = ContextVar("principal", default=None)
_staff: ContextVar[StaffPrincipal | None] = ContextVar("staff", default=None)
_app: ContextVar[App | None] = ContextVar("app", default=None)


def _name(state: type[BaseState], handler: str) -> str:
    return format_event_handler(state.event_handlers[handler])


REFLEX_NEEDS = frozenset(
    {
        # The first event of every connection: sends the whole State, starts on_load.
        _name(State, "hydrate_and_load"),
        # Moving to another page: starts its on_load; the second ends the chain and may come from it only, but a
        # browser that sends it just tells itself that its page is ready.
        _name(OnLoadInternalState, "on_load_internal"),
        _name(OnLoadInternalState, "set_is_hydrated"),
        # rx.Cookie, LocalStorage, SessionStorage vars changed in the browser: only such vars can be written by it.
        _name(ClientStorageState, "update_vars_internal"),
        # The error boundary reports a fault of a page's script; it is logged.
        _name(FrontendEventExceptionState, "handle_frontend_exception"),
    }
)
"""What Reflex itself sends and cannot work without. Its other handlers (`setvar`, `hydrate`, …) are refused."""

_OF_CONNECTION = frozenset({RouteVar.CLIENT_IP, RouteVar.CLIENT_TOKEN, RouteVar.HEADERS, RouteVar.SESSION_ID})
_OF_PAGE = frozenset({RouteVar.PATH, RouteVar.ORIGIN, RouteVar.QUERY})
"""All that `router_data` is made of: what the server knows of the connection, and what the browser says of its page."""


class OwnerState(State):
    """Whose data this State tree holds: the ids of the sessions of the subscriber and of the staff in its browser, ""
    for a stranger, None before the first event."""

    _owner: str | None = None


class Guard(Middleware):
    """Denies by default; binds State to the session; lets labelled handlers run for whom they are made."""

    async def preprocess(self, app: App, state: BaseState, event: Event) -> StateUpdate | None:
        """None lets the event run; an update is sent instead of running it."""
        started = time.perf_counter()
        handler = RegistrationContext.get().event_handlers[event.name].handler
        answer = await self._judge(app, state, event, handler)
        _count(getattr(handler.fn, "__qualname__", "other"), answer, started)
        return answer

    async def _judge(self, app: App, state: BaseState, event: Event, handler: EventHandler) -> StateUpdate | None:
        label = access.of(handler.fn)
        if label is None and event.name not in REFLEX_NEEDS:
            log.warning("event refused: its handler is not for browsers", handler=event.name)
            return StateUpdate()
        if not is_modest(event.payload) or not _is_modest_route():
            # Reflex has put it into the State already, where every event could add more.
            state.router_data = {key: state.router_data[key] for key in state.router_data if key in _OF_CONNECTION}
            log.warning("event refused: too large or too deep", handler=event.name)
            return StateUpdate()
        if not _fits(handler.fn, event.payload) or (label is None and not _is_of_reflex(event.payload)):
            log.warning("event refused: its arguments are not the handler's", handler=event.name)
            return StateUpdate()
        key = _key(state)
        principal, member = await connections.who(key), await connections.who_of_staff(key)
        _principal.set(principal)
        _staff.set(member)
        _app.set(app)
        await _bind(state, principal, member)
        if label is None or _is_allowed(label, principal, member):
            return None
        if label.who is access.Who.STAFF and member is not None:
            log.warning("event refused: the role does not allow it", handler=event.name, login=member.login)
            return await _refuse(state)
        log.info("event refused: not signed in", handler=event.name)
        return await _turn_away(state, STAFF_SIGN_IN_PAGE if label.who is access.Who.STAFF else SIGN_IN_PAGE)


def _count(name: str, answer: StateUpdate | None, started: float) -> None:
    """Counts the event, and how long it takes: the task that it runs in ends when all of its answer has been sent."""
    verdict = "let in" if answer is None else "turned away" if answer.events else "refused"
    metrics.EVENTS.labels(name, verdict).inc()
    task = asyncio.current_task()
    if answer is None and task is not None:
        seconds = metrics.EVENT_SECONDS.labels(name)
        task.add_done_callback(lambda _: seconds.observe(time.perf_counter() - started))


def caller(state: BaseState) -> Principal:
    """Who called the running handler.

    Raises:
        PermissionError: nobody is signed in, so the handler is not labelled `@access.subscriber`.
    """
    found = _principal.get()
    if found is None:
        raise PermissionError(f"A handler of {type(state).__name__} asks for the subscriber but serves strangers too")
    return found


def subscriber_id(state: BaseState) -> int:
    """The subscriber who called the running handler; raises as `caller` does."""
    return caller(state).subscriber_id


def session_id(state: BaseState) -> int:
    """The session that called the running handler; raises as `caller` does."""
    return caller(state).session_id


def staff(state: BaseState) -> StaffPrincipal:
    """The member of the staff who called the running handler.

    Raises:
        PermissionError: there is none, so the handler is not labelled `@access.staff(…)`.
    """
    found = _staff.get()
    if found is None:
        raise PermissionError(f"A handler of {type(state).__name__} asks for the staff but serves others too")
    return found


def staff_id(state: BaseState) -> int:
    """The id of the member of the staff who called; raises as `staff` does."""
    return staff(state).staff_id


async def is_left() -> bool:
    """Whether the page that called the running handler is gone: no process has a websocket of it open."""
    app = _app.get()
    if app is None or app.event_namespace is None:
        return False
    return not await app.event_namespace._token_manager.is_token_connected(EventContext.get().token)


@contextmanager
def acting_as(someone: Principal | StaffPrincipal | None) -> Iterator[None]:
    """For tests that call a handler without an event: who calls it."""
    tokens = (
        _principal.set(someone if isinstance(someone, Principal) else None),
        _staff.set(someone if isinstance(someone, StaffPrincipal) else None),
    )
    try:
        yield
    finally:
        _principal.reset(tokens[0])
        _staff.reset(tokens[1])


def is_modest(payload: Any) -> bool:
    """Whether an event's arguments are within 16 KB and 5 levels, and text is whole. Stops at the first excess."""
    size = 0
    waiting = [(payload, 1)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, dict | list | tuple):
            if depth > MAX_PAYLOAD_DEPTH:
                return False
            size += 2 * len(value)
            waiting.extend((item, depth + 1) for item in value)
            if isinstance(value, dict):
                waiting.extend((item, depth + 1) for item in value.values())
        elif isinstance(value, str):
            try:
                size += len(value.encode())
            except UnicodeEncodeError:  # half of a character cannot be sent back: the socket would break
                return False
        elif isinstance(value, int):
            size += 1 + value.bit_length() // 3
        else:
            size += 8
        if size > MAX_PAYLOAD_BYTES:
            return False
    return True


def _is_modest_route() -> bool:
    """Whether the event says of its page what a browser says, within the same measure; the rest is the server's."""
    route = EventContext.get().router_data or {}
    return route.keys() <= _OF_CONNECTION | _OF_PAGE and is_modest({key: route.get(key) for key in _OF_PAGE})


def _fits(function: Callable[..., Any], payload: Any) -> bool:
    """Whether the arguments have the names that the handler's have: others would only fill the log with traces."""
    if not isinstance(payload, dict):
        return False
    try:
        _signature(function).bind(None, **payload)
    except TypeError:
        return False
    return True


def _is_of_reflex(payload: dict[str, Any]) -> bool:
    """Whether arguments of Reflex's own handlers are what its script sends: they trust it, and fail with a trace."""
    stored, hashes = payload.get("vars", {}), payload.get("hashes", [])
    states = RegistrationContext.get().base_states
    return (
        isinstance(stored, dict)
        and all(name.rpartition(".")[0] in states for name in stored)
        and isinstance(hashes, list)
        and all(isinstance(text, str) for text in hashes)
        and all(isinstance(payload.get(name, ""), str) for name in ("info", "component_stack"))
        and isinstance(payload.get("value", True), bool)
    )


@cache
def _signature(function: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(function)


def handlers() -> list[tuple[str, Any]]:
    """Every registered handler: (name, function). For the check at the start."""
    return [(name, _function(found.handler)) for name, found in RegistrationContext.get().event_handlers.items()]


def _function(handler: EventHandler) -> Any:
    return handler.fn


def _key(state: BaseState) -> str:
    """The key that the door put among the headers of the connection that this event came by."""
    headers = (EventContext.get().router_data or state.router_data).get("headers", {})
    return headers.get(connections.KEY_HEADER, "")


async def _bind(state: BaseState, principal: Principal | None, member: StaffPrincipal | None) -> None:
    """Empties the whole State tree when it was another session's."""
    owner = str(principal.session_id) if principal else ""
    if member:
        owner = f"{owner}, staff {member.session_id}"
    known = await state.get_state(OwnerState)
    if known._owner == owner:
        return
    if known._owner is not None:
        # Redis keeps each State by itself and `reset` sees only the loaded ones: load all of them first.
        for cls in list(RegistrationContext.get().base_states.values()):
            await state.get_state(cls)
        root = cast(State, state._get_root_state())
        is_hydrated = root.is_hydrated
        root.reset()
        root.is_hydrated = is_hydrated  # the page is on the screen already; nobody would set it again
    known._owner = owner


def _is_allowed(label: access.Access, principal: Principal | None, member: StaffPrincipal | None) -> bool:
    """A handler for the staff looks at the staff's session only, one for subscribers at the subscriber's."""
    match label.who:
        case access.Who.PUBLIC:
            return True
        case access.Who.SUBSCRIBER:
            return principal is not None
        case access.Who.STAFF:
            return member is not None and member.may(label.permission)


async def _refuse(state: BaseState) -> StateUpdate:
    """Says that the role does not allow it; the page stays as it is."""
    root = state._get_root_state()
    fault = await root.get_state(FaultState)
    fault.text = NO_PERMISSION
    delta = await root._get_resolved_delta()
    root._clean()
    return StateUpdate(delta=delta)


async def _turn_away(state: BaseState, page: str) -> StateUpdate:
    """Sends the emptied State, so that nothing stays on the screen, and the way to the sign-in page."""
    root = state._get_root_state()
    delta = await root._get_resolved_delta()
    root._clean()
    return StateUpdate(delta=delta, events=Event.from_event_type(rx.redirect(page, replace=True)))
