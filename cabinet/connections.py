"""Who is behind a websocket: the open sockets of this process and the sessions that they speak for.

A socket is known by its *key*: the SHA-256 of the session cookie that it came with, or "" when it came without one.
The cookie itself goes no further than the door (`http/middleware.py`), so it is in no State and in no log.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from cabinet import clock, metrics
from cabinet.db import in_read_session, in_session
from cabinet.services import sessions
from cabinet.services.sessions import Principal

KEY_HEADER = "authorization"
"""Where the door puts the key among a socket's headers; what a client sends under this name is thrown away.

This name, because Reflex sends all other headers of a connection back to its page.
"""

REMEMBER_SECONDS = 5.0
REMEMBER_AT_MOST = 10_000


@dataclass(eq=False)
class Socket:
    """An open websocket; `close` may be called from any thread."""

    key: str
    close: Callable[[], None]


@dataclass(frozen=True)
class _Answer:
    principal: Principal | None
    good_until: float


_open: dict[str, set[Socket]] = {}
_answers: dict[str, _Answer] = {}


def attach(socket: Socket) -> None:
    """Counts a websocket that has just been opened."""
    _open.setdefault(socket.key, set()).add(socket)
    metrics.SOCKETS.inc()


def detach(socket: Socket) -> None:
    """Forgets a websocket that is closed."""
    metrics.SOCKETS.dec()
    same_key = _open.get(socket.key)
    if same_key is not None:
        same_key.discard(socket)
        if not same_key:
            del _open[socket.key]


async def who(key: str) -> Principal | None:
    """Whose session the key opens now. At most 5 seconds old; says in the database that the session is in use."""
    if not key:
        return None
    answer = _answers.get(key)
    if answer is not None and answer.good_until > time.monotonic():
        return answer.principal
    now = clock.now()
    principal = await in_read_session(sessions.find_by_hash, key, now=now)
    if principal is not None and sessions.is_touch_due(principal, now=now):
        await in_session(sessions.touch, principal.session_id, now=now)
    if len(_answers) >= REMEMBER_AT_MOST:
        _answers.clear()
    _answers[key] = _Answer(principal, time.monotonic() + REMEMBER_SECONDS)
    return principal


def end(*session_ids: int) -> None:
    """To be called after sessions were ended: their sockets in this process are closed at once.

    The browser opens a new one by itself, is met as a stranger and is sent to the sign-in page.
    In other processes the next event is refused, at most 5 seconds later.
    """
    ended = {key for key, answer in _answers.items() if answer.principal and answer.principal.session_id in session_ids}
    for key in ended:
        end_key(key)


def end_key(key: str) -> None:
    """The same for the session of one cookie, by `sessions.token_hash(token)`."""
    _answers.pop(key, None)
    for socket in list(_open.get(key, ())):
        socket.close()


async def close_all() -> None:
    """For the end of the process: closes every socket and waits a moment until their handlers have left."""
    for socket in [socket for same_key in _open.values() for socket in same_key]:
        socket.close()
    for _ in range(5):
        if not _open:
            return
        await asyncio.sleep(0.1)


def forget_everything() -> None:
    """For tests: no sockets, no remembered answers."""
    _open.clear()
    _answers.clear()
