"""Who is behind a websocket: the open sockets of this process and the sessions that they speak for.

A socket is known by its *key*: the SHA-256 of the session cookie that it came with, or "" when it came without one.
A browser may hold a session of the operator's staff too: then its hash follows, after a dot. The cookies themselves go
no further than the door (`http/middleware.py`), so they are in no State and in no log.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from cabinet import clock, metrics, relay
from cabinet.db import in_read_session, in_session
from cabinet.services import sessions, staff
from cabinet.services.sessions import Principal
from cabinet.services.staff import StaffPrincipal

KEY_HEADER = "authorization"
"""Where the door puts the key among a socket's headers; what a client sends under this name is thrown away.

This name, because Reflex sends all other headers of a connection back to its page.
"""

ENDED, ENDED_OF_STAFF, ENDED_KEYS = "ended", "ended of staff", "ended keys"

REMEMBER_SECONDS = 5.0
REMEMBER_AT_MOST = 10_000


@dataclass(eq=False)
class Socket:
    """An open websocket; `close` may be called from any thread."""

    key: str
    close: Callable[[], None]


@dataclass(frozen=True)
class _Answer:
    principal: Principal | StaffPrincipal | None
    good_until: float


_NOBODY = _Answer(None, 0.0)

_open: dict[str, set[Socket]] = {}
"""By each of the hashes in their keys; those of strangers under ""."""

_answers: dict[str, _Answer] = {}
"""By the hash of a cookie: random 256-bit values of both kinds, so one is never the other's."""


def key_of(subscriber: str, staff_member: str) -> str:
    """The key of a socket, from the hashes of its cookies."""
    return f"{subscriber}.{staff_member}" if staff_member else subscriber


def parts_of(key: str) -> tuple[str, str]:
    """The hashes of the subscriber's cookie and of the staff's in a socket's key, "" for none."""
    subscriber, _, staff_member = key.partition(".")
    return subscriber, staff_member


def attach(socket: Socket) -> None:
    """Counts a websocket that has just been opened."""
    for part in _places(socket):
        _open.setdefault(part, set()).add(socket)
    metrics.SOCKETS.inc()


def detach(socket: Socket) -> None:
    """Forgets a websocket that is closed."""
    metrics.SOCKETS.dec()
    for part in _places(socket):
        same_key = _open.get(part)
        if same_key is not None:
            same_key.discard(socket)
            if not same_key:
                del _open[part]


def _places(socket: Socket) -> list[str]:
    return [part for part in parts_of(socket.key) if part] or [""]


async def who(key: str) -> Principal | None:
    """Which subscriber's session the key opens now. At most 5 seconds old; says in the database that it is in use."""
    hashed, _ = parts_of(key)
    answer = _remembered(hashed)
    if answer is None:
        now = clock.now()
        principal = await in_read_session(sessions.find_by_hash, hashed, now=now)
        if principal is not None and sessions.is_touch_due(principal, now=now):
            await in_session(sessions.touch, principal.session_id, now=now)
        answer = _remember(hashed, principal)
    return answer.principal if isinstance(answer.principal, Principal) else None


async def who_of_staff(key: str) -> StaffPrincipal | None:
    """Whose session of the staff the key opens now; the same otherwise."""
    _, hashed = parts_of(key)
    answer = _remembered(hashed)
    if answer is None:
        now = clock.now()
        principal = await in_read_session(staff.find_by_hash, hashed, now=now)
        if principal is not None and staff.is_touch_due(principal, now=now):
            await in_session(staff.touch, principal.session_id, now=now)
        answer = _remember(hashed, principal)
    return answer.principal if isinstance(answer.principal, StaffPrincipal) else None


def _remembered(hashed: str) -> _Answer | None:
    if not hashed:
        return _NOBODY
    answer = _answers.get(hashed)
    return answer if answer is not None and answer.good_until > time.monotonic() else None


def _remember(hashed: str, principal: Principal | StaffPrincipal | None) -> _Answer:
    if len(_answers) >= REMEMBER_AT_MOST:
        _answers.clear()
    _answers[hashed] = _Answer(principal, time.monotonic() + REMEMBER_SECONDS)
    return _answers[hashed]


def end(*session_ids: int) -> None:
    """To be called after sessions were ended: their sockets are closed at once, in other processes a moment later.

    The browser opens a new one by itself, is met as a stranger and is sent to the sign-in page.
    Where `relay` does not reach, the next event is refused, at most 5 seconds later.
    """
    close_sessions(session_ids)
    relay.tell(ENDED, *session_ids)


def end_of_staff(*session_ids: int) -> None:
    """The same for sessions of the staff."""
    close_sessions_of_staff(session_ids)
    relay.tell(ENDED_OF_STAFF, *session_ids)


def end_key(key: str) -> None:
    """The same for the session of one cookie, by `sessions.token_hash(token)`."""
    close_keys([key])
    relay.tell(ENDED_KEYS, key)


def close_sessions(session_ids: Collection[int]) -> None:
    """Closes the sockets that speak for these sessions in this process."""
    _close(Principal, session_ids)


def close_sessions_of_staff(session_ids: Collection[int]) -> None:
    """The same for sessions of the staff."""
    _close(StaffPrincipal, session_ids)


def _close(kind: type[Principal | StaffPrincipal], session_ids: Collection[int]) -> None:
    close_keys(
        key
        for key, answer in _answers.items()
        if isinstance(answer.principal, kind) and answer.principal.session_id in session_ids
    )


def close_keys(keys: Iterable[str]) -> None:
    """The same by their keys."""
    for key in list(keys):
        _answers.pop(key, None)
        for socket in list(_open.get(key, ())):
            socket.close()


async def close_all() -> None:
    """For the end of the process: closes every socket and waits a moment until their handlers have left."""
    for socket in {socket for same_key in _open.values() for socket in same_key}:
        socket.close()
    for _ in range(5):
        if not _open:
            return
        await asyncio.sleep(0.1)


def forget_everything() -> None:
    """For tests: no sockets, no remembered answers."""
    _open.clear()
    _answers.clear()
