"""What one process tells the others: that a balance has changed, that a session was ended, that the demo clock moved.

Through Redis, and only so well: nobody keeps what was told, and nobody hears it while Redis is away. Whoever listens
must find out by himself within five seconds. With one process (no `CABINET_REDIS_URL`) nothing is told.
"""

import asyncio
import json
import queue
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import uuid4

import structlog
from redis import Redis
from redis.exceptions import RedisError

from cabinet.beside import beside
from cabinet.config import settings
from cabinet.redis_client import PATIENCE_SECONDS, Client

CHANNEL = "cabinet:told"
PAUSE_SECONDS = 1.0
MOST_WAITING = 1000

Listener = Callable[[list[Any]], None]

log = structlog.get_logger(__name__)
_me = uuid4().hex
_listeners: dict[str, Listener] = {}
_waiting: queue.Queue[str] = queue.Queue(MOST_WAITING)
_starting = threading.Lock()
_teller: threading.Thread | None = None


def listen(topic: str, listener: Listener) -> None:
    """Names what is done with what others tell of the topic."""
    _listeners[topic] = listener


def tell(topic: str, *what: int | str) -> None:
    """Tells the other processes; from any thread, without waiting. What does not get through is forgotten."""
    if not settings().redis_url:
        return
    with suppress(queue.Full):
        _waiting.put_nowait(json.dumps({"from": _me, "topic": topic, "what": what}))
        _start_telling()


@asynccontextmanager
async def hearing() -> AsyncIterator[None]:
    """Hears what others tell, for as long as the block lasts."""
    if not settings().redis_url:
        yield
        return
    async with beside(_hear()):
        yield


async def _hear() -> None:
    client = Client.of_settings()
    async with client:
        while True:
            try:
                async with client.pubsub(ignore_subscribe_messages=True) as channel:
                    await channel.subscribe(CHANNEL)
                    while True:
                        message = await channel.get_message(timeout=PAUSE_SECONDS)
                        if message is not None:
                            _pass_on(message["data"])
            except (RedisError, OSError):  # said by `redis_client` already
                await asyncio.sleep(PAUSE_SECONDS)


def _pass_on(told: bytes) -> None:
    try:
        message = json.loads(told)
        listener = _listeners.get(message["topic"])  # a worker listens to less than a web process
        if listener is not None and message["from"] != _me:
            listener(message["what"])
    except (ValueError, KeyError, TypeError):
        log.warning("something else writes to our channel of Redis")


def _start_telling() -> None:
    global _teller
    with _starting:
        if _teller is None or not _teller.is_alive():
            _teller = threading.Thread(target=_keep_telling, name="relay", daemon=True)
            _teller.start()


def _keep_telling() -> None:
    client = Redis.from_url(
        settings().redis_url, socket_connect_timeout=PATIENCE_SECONDS, socket_timeout=PATIENCE_SECONDS
    )
    while True:
        told = _waiting.get()
        with suppress(RedisError, OSError):
            client.publish(CHANNEL, told)
        _waiting.task_done()
