"""Page States while Redis goes and comes."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from redis.exceptions import ResponseError

from cabinet import keeping, redis_client
from cabinet.config import settings
from cabinet.keeping import StateClient
from tests.servers import RedisServer

LOCK, STATE = b"token_lock", "token_state"
SCRIPT = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return nil end
for i = 2, #KEYS do redis.call('SET', KEYS[i], ARGV[i + 1], 'EX', ARGV[2]) end
return redis.call('PTTL', KEYS[1])
"""


@pytest.fixture
def redis(monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisServer]:
    monkeypatch.setattr(redis_client, "PAUSE_SECONDS", 0.0)
    with RedisServer() as server:
        monkeypatch.setenv("CABINET_REDIS_URL", server.url)
        settings.cache_clear()
        redis_client.forget()
        yield server
    redis_client.forget()


@pytest.fixture
async def client(redis: RedisServer) -> AsyncIterator[StateClient]:
    made = StateClient.of_settings()
    yield made
    await made.aclose()


async def an_event(client: StateClient, state: bytes, lock_id: bytes = b"one") -> bytes | None:
    """What Reflex does with Redis for one event; returns the State it began with."""
    assert await client.set(LOCK, lock_id, px=10_000, nx=True)
    (before,) = await client.mget([STATE])
    assert await client.eval(SCRIPT, 2, LOCK, STATE, lock_id, 60, state)
    assert await client.getdel(LOCK) in (lock_id, None)
    return before


async def test_states_are_kept_in_redis(client, redis):
    await an_event(client, b"1")

    assert await an_event(client, b"2") == b"1"
    assert redis.client.get(STATE) == b"2"


async def test_who_is_stopped_while_taking_a_lock_leaves_none_behind(client, redis):
    await client.ping()
    for steps in range(30):
        taking = asyncio.create_task(client.set(LOCK, b"one", px=10_000, nx=True))
        for _ in range(steps):
            await asyncio.sleep(0)
        taking.cancel()
        try:
            assert await taking  # it has the lock
        except asyncio.CancelledError:
            assert redis.client.get(LOCK) is None
        await client.getdel(LOCK)


async def test_what_was_last_saved_is_there_while_redis_is_away(client, redis):
    await an_event(client, b"1")
    redis.stop()
    try:
        assert await an_event(client, b"2") == b"1"
        assert await an_event(client, b"3") == b"2"
    finally:
        redis.start()


async def test_redis_is_given_what_it_missed(client, redis):
    await an_event(client, b"1")
    redis.stop()
    try:
        await an_event(client, b"2")
    finally:
        redis.start()

    assert await an_event(client, b"3") == b"2"
    assert redis.client.get(STATE) == b"3"


async def test_redis_may_go_and_come_in_the_middle_of_an_event(client, redis):
    assert await client.set(LOCK, b"one", px=10_000, nx=True)
    redis.stop()
    assert await client.mget([STATE]) == [None]
    redis.start()
    assert await client.eval(SCRIPT, 2, LOCK, STATE, b"one", 60, b"1") is None  # a Redis without the lock: not saved
    redis.stop()
    try:
        assert await client.set(LOCK, b"two", px=10_000, nx=True)
    finally:
        redis.start()
    assert await client.eval(SCRIPT, 2, LOCK, STATE, b"two", 60, b"2")
    assert await client.getdel(LOCK) == b"two"

    assert await an_event(client, b"3") == b"2"


async def test_of_two_events_one_waits_while_redis_is_away(client, redis):
    redis.stop()
    try:
        assert await client.set(LOCK, b"one", px=10_000, nx=True)
        assert await client.set(LOCK, b"two", px=10_000, nx=True) is None
        await client.getdel(LOCK)
        assert await client.set(LOCK, b"two", px=10_000, nx=True)
    finally:
        redis.start()


async def test_the_copies_have_a_limit(client, redis, monkeypatch):
    monkeypatch.setattr(keeping, "MOST_REMEMBERED_BYTES", 10)
    await an_event(client, b"12345678")
    redis.stop()
    try:
        assert await client.mget([STATE]) == [b"12345678"]
        client._remember("other", b"12345678", True)
        assert await client.mget([STATE, "other"]) == [None, b"12345678"]
    finally:
        redis.start()


async def test_a_full_redis_is_as_good_as_none(client, redis):
    redis.client.config_set("maxmemory", "1")
    redis.client.config_set("maxmemory-policy", "noeviction")

    await an_event(client, b"1")

    assert await client.mget([STATE]) == [b"1"]


async def test_our_own_faults_are_no_outage(client):
    with pytest.raises(ResponseError):
        await client.eval("no script", 2, LOCK, STATE, b"one", 60, b"1")
