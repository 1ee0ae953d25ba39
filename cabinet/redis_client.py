"""Redis, which several web processes share: asked with little patience, and left alone for a moment when it is away.

Nothing true lives there. While it does not answer, pages go on from what this process remembers (`keeping.py`) and
news reaches other processes late (`relay.py`). One line of the log says that it went, one that it is back.
"""

import time
from functools import cached_property, lru_cache
from typing import Any, Self

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, ConnectionError, OutOfMemoryError, RedisError, ResponseError

from cabinet.config import settings

PATIENCE_SECONDS = 2.0
PAUSE_SECONDS = 1.0

log = structlog.get_logger(__name__)


class Away(ConnectionError):
    """Redis did not answer a moment ago, and was not asked again."""


class Client(Redis):
    """A client of the process's Redis that fails at once while it is known to be away."""

    @classmethod
    def of_settings(cls) -> Self:
        """For `CABINET_REDIS_URL`; connects when it is first asked something."""
        return cls.from_url(  # type: ignore[return-value]
            settings().redis_url,
            socket_connect_timeout=PATIENCE_SECONDS,
            socket_timeout=PATIENCE_SECONDS,
            retry=Retry(NoBackoff(), 1),  # a connection that Redis has closed meanwhile is opened anew
        )

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """As ever.

        Raises:
            RedisError: it is away; `Away` when that was known.
        """
        if _health.resting_until > time.monotonic():
            raise Away("Redis is away")
        asked_at = time.monotonic()
        try:
            answer = await super().execute_command(*args, **options)
        except RedisError as error:
            if is_outage(error):
                _health.went(error, asked_at)
            raise
        _health.answered(asked_at)
        return answer

    def pubsub(self, **options: Any) -> PubSub:
        """As ever, by connections that may be silent for as long as nothing is told."""
        return self._listening.pubsub(**options)

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """As ever."""
        await super().aclose(close_connection_pool)
        if "_listening" in vars(self):
            await self._listening.aclose(close_connection_pool)

    @cached_property
    def _listening(self) -> Redis:
        return Redis.from_url(
            settings().redis_url,
            socket_connect_timeout=PATIENCE_SECONDS,
            socket_keepalive=True,
            retry=Retry(NoBackoff(), 1),
        )


def is_outage(error: RedisError) -> bool:
    """Whether Redis is away, full, or will not have us: anything but a refusal of what was asked."""
    return not isinstance(error, ResponseError) or isinstance(error, OutOfMemoryError) or "MISCONF" in str(error)


async def trouble() -> str:
    """What is the matter with Redis now, in a few words without its address; "" when it answers or is not used."""
    if not settings().redis_url:
        return ""
    try:
        await _pulse().ping()  # type: ignore[misc]
    except AuthenticationError:
        return "refuses the password"
    except RedisError:
        return _health.why or "does not answer"
    return ""


async def close() -> None:
    """For the end of the process."""
    if settings().redis_url:
        await _pulse().aclose()
        _pulse.cache_clear()


@lru_cache
def _pulse() -> Client:
    return Client.of_settings()


class _Health:
    """What this process knows of Redis: until when to leave it alone, and why."""

    def __init__(self) -> None:
        self.answered_at = self.went_at = self.resting_until = 0.0
        self.why = ""

    def went(self, error: RedisError, asked_at: float) -> None:
        if asked_at < self.answered_at:  # it was away, and is back already
            return
        self.went_at = time.monotonic()
        self.resting_until = self.went_at + PAUSE_SECONDS
        if not self.why:
            self.why = "refuses the password" if isinstance(error, AuthenticationError) else "does not answer"
            log.error(
                "Redis is away: pages go on from this process's memory, codes and sign-in wait until it is back",
                why=f"{self.why}: {str(error).splitlines()[0]}"[:200],
            )

    def answered(self, asked_at: float) -> None:
        self.answered_at = time.monotonic()
        if self.why and asked_at > self.went_at:  # not the last words of a Redis that ends
            self.why = ""
            log.warning("Redis is back")


_health = _Health()


def forget() -> None:
    """For tests: nothing is known of Redis."""
    global _health
    _health = _Health()
    _pulse.cache_clear()
