"""Where page States are kept when there are several web processes: in Redis, and meanwhile in this process.

What Reflex 0.10.1 does by itself while Redis is away (tried): every event fails, after three retries with growing
pauses; nothing reaches the page, and its own subscriptions give up after five failures and are not begun again. Here:

- a copy of what was last saved stays in the process (64 MB at most), so that pages with a socket to it go on;
- a lock is the process's own meanwhile, which is right: a page's events come by its one socket;
- what was saved meanwhile is given to Redis when it is back.

And while Redis is there (tried, too): a lock that was being taken when its page was left stayed for ten seconds, in
which the next page, in whichever process, showed nothing.

A page that connects to another process during an outage begins anew, from the database, as after any lost State.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any, cast

import reflex as rx
from redis.exceptions import RedisError
from reflex.istate.manager.redis import StateManagerRedis
from reflex.state import StateUpdate
from reflex.utils.token_manager import RedisTokenManager
from reflex_base.config import get_config

from cabinet.config import settings
from cabinet.redis_client import Client, is_outage

MOST_REMEMBERED_BYTES = 64 * 1024 * 1024
PAUSE_SECONDS = 1.0


class StateClient(Client):
    """The few commands that States are kept with; none of them fails because Redis is away."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._states: OrderedDict[Any, bytes] = OrderedDict()
        self._bytes = 0
        self._unsaved: set[Any] = set()
        self._locks: dict[Any, Any] = {}

    async def mget(self, keys: Any, *more: Any) -> list[bytes | None]:
        """The States of these names; what Redis has not seen yet is given to it first."""
        try:
            for key in [key for key in keys if key in self._unsaved]:
                await super().set(key, self._states[key], ex=get_config().redis_token_expiration)
                self._unsaved.discard(key)
            return await super().mget(keys, *more)
        except RedisError as error:
            _unless_outage(error)
            return [self._states.get(key) for key in keys]

    async def set(self, name: Any, value: Any, *args: Any, **options: Any) -> Any:
        """Takes a lock. None: it is taken.

        Who is told to stop meanwhile (a page was left, and its loading ends) leaves none behind: the next page would
        wait for it until it ends by itself, ten seconds.
        """
        taking = asyncio.ensure_future(self._take(name, value, *args, **options))
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:
            if await taking:
                await self.getdel(name)
            raise

    async def _take(self, name: Any, value: Any, *args: Any, **options: Any) -> Any:
        if name in self._locks:
            return None
        try:
            return await super().set(name, value, *args, **options)
        except RedisError as error:
            _unless_outage(error)
        if name in self._locks:  # by another event, while Redis was asked
            return None
        self._locks[name] = value
        return True

    async def get(self, name: Any) -> Any:
        """Who has the lock."""
        return self._locks.get(name) or await super().get(name)

    async def getdel(self, name: Any) -> Any:
        """Gives the lock back, and says who had it."""
        if name in self._locks:
            return self._locks.pop(name)
        try:
            return await super().getdel(name)
        except RedisError as error:
            _unless_outage(error)
            return None  # it ends by itself

    async def eval(self, script: str, numkeys: int, *rest: Any) -> Any:
        """Saves States if the lock still holds. None: it does not."""
        (lock, *keys), (_, _, *states) = rest[:numkeys], rest[numkeys:]
        left: int | None = get_config().redis_lock_expiration
        is_saved = False
        if lock not in self._locks:
            try:
                left = await super().eval(script, numkeys, *rest)  # type: ignore[misc]
                is_saved = True
            except RedisError as error:
                _unless_outage(error)
        if left is not None:
            for key, state in zip(keys, states, strict=True):
                self._remember(key, state, is_saved)
        return left

    def _remember(self, key: Any, state: bytes, is_saved: bool) -> None:
        self._bytes += len(state) - len(self._states.pop(key, b""))
        self._states[key] = state
        (self._unsaved.discard if is_saved else self._unsaved.add)(key)
        while self._bytes > MOST_REMEMBERED_BYTES:
            oldest, dropped = self._states.popitem(last=False)
            self._bytes -= len(dropped)
            self._unsaved.discard(oldest)


def _unless_outage(error: RedisError) -> None:
    """Raises:
    RedisError: it is a fault of ours.
    """
    if not is_outage(error):
        raise error


class States(StateManagerRedis):
    """Reflex's own, which waits for Redis instead of giving up."""

    async def _subscribe_lock_updates(self) -> None:
        await _again_and_again(super()._subscribe_lock_updates)


class Sockets(RedisTokenManager):
    """Reflex's own list of which process has which page's socket, which waits for Redis instead of giving up."""

    async def _subscribe_socket_record_updates(self) -> None:
        await _again_and_again(super()._subscribe_socket_record_updates)

    async def _subscribe_lost_and_found_updates(
        self, emit_update: Callable[[StateUpdate, str], Coroutine[None, None, None]]
    ) -> None:
        listen = super()._subscribe_lost_and_found_updates
        await _again_and_again(lambda: listen(emit_update))


async def _again_and_again(subscribe: Callable[[], Coroutine[None, None, None]]) -> None:
    while True:
        try:
            await subscribe()
        except (RedisError, OSError):  # said by `redis_client` already
            await asyncio.sleep(PAUSE_SECONDS)


class App(rx.App):
    """Reflex's application, which keeps States as said above when there is a Redis."""

    def _setup_state(self) -> None:
        super()._setup_state()
        if not settings().redis_url:
            return
        self._state_manager = cast(Any, States)(StateClient.of_settings())  # overloads look abstract to mypy
        namespace = self.event_namespace
        if namespace is not None:
            namespace._token_manager = Sockets(Client.of_settings())
