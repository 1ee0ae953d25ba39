"""What one process tells another through Redis."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator

import pytest

from cabinet import news, redis_client, relay
from cabinet.config import ROOT, settings
from tests.servers import RedisServer

TELL = "from cabinet import news, relay; news.tell(7); relay._waiting.join()"


@pytest.fixture
def redis(monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisServer]:
    """The Redis of this process's settings."""
    with RedisServer() as server:
        monkeypatch.setenv("CABINET_REDIS_URL", server.url)
        settings.cache_clear()
        redis_client.forget()
        relay.listen(news.TOPIC, news.ring)
        yield server
    redis_client.forget()


async def hears(subscriber_id: int, seconds: float) -> bool:
    with news.listening(subscriber_id) as bell:
        return await news.wait(bell, seconds)


async def told_by_another_process() -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", TELL, cwd=ROOT)
    assert await process.wait() == 0


async def listened(redis: RedisServer) -> None:
    while not redis.client.pubsub_numsub(relay.CHANNEL)[0][1]:
        await asyncio.sleep(0.02)


async def test_news_of_another_process_is_heard_at_once(redis):
    async with relay.hearing():
        await listened(redis)
        waiting = asyncio.create_task(hears(7, 20))

        await told_by_another_process()

        assert await waiting


async def test_news_is_heard_again_after_redis_was_away(redis):
    async with relay.hearing():
        await listened(redis)
        redis.stop()
        redis.start()
        await listened(redis)
        waiting = asyncio.create_task(hears(7, 20))

        await told_by_another_process()

        assert await waiting


async def test_what_somebody_else_writes_there_harms_nothing(redis):
    async with relay.hearing():
        await listened(redis)
        for told in ("", "[]", '{"from": "x", "topic": "nothing", "what": []}', '{"from": "x", "topic": "news"}'):
            redis.client.publish(relay.CHANNEL, told)
        waiting = asyncio.create_task(hears(7, 20))

        await told_by_another_process()

        assert await waiting


def test_a_wrong_password_is_named_without_it(redis, monkeypatch, caplog):
    monkeypatch.setenv("CABINET_REDIS_URL", redis.url.replace(redis.password, "guessed"))
    settings.cache_clear()

    assert asyncio.run(redis_client.trouble()) == "refuses the password"


def test_without_redis_there_is_no_trouble_and_nothing_is_told(monkeypatch):
    news.tell(7)

    assert asyncio.run(redis_client.trouble()) == ""
    assert relay._waiting.empty()


def test_the_end_of_a_process_waits_for_nobody(redis):
    done = subprocess.run([sys.executable, "-c", "from cabinet import news; news.tell(7)"], cwd=ROOT, timeout=60)

    assert done.returncode == 0
