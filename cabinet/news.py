"""Who waits for news of a subscriber: a page that shows a balance is told at once that it has changed.

News reaches other processes by `relay`, which promises nothing: who waits must look into the database again after a
while by himself.
"""

import asyncio
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress

from sqlalchemy.orm import Session

from cabinet import relay

TOPIC = "news"
_KEPT = "news"
_waiting: dict[int, set[tuple[asyncio.AbstractEventLoop, asyncio.Event]]] = {}


@contextmanager
def listening(subscriber_id: int) -> Iterator[asyncio.Event]:
    """The bell for `wait`: what is told of the subscriber within the block rings it, between two waits, too."""
    loop, bell = asyncio.get_running_loop(), asyncio.Event()
    entry = (loop, bell)
    _waiting.setdefault(subscriber_id, set()).add(entry)
    try:
        yield bell
    finally:
        others = _waiting.get(subscriber_id, set())
        others.discard(entry)
        if not others:
            _waiting.pop(subscriber_id, None)


async def wait(bell: asyncio.Event, seconds: float) -> bool:
    """Until something is told, or has been since the last wait (True), at most so long (False)."""
    try:
        async with asyncio.timeout(seconds):
            await bell.wait()
    except TimeoutError:
        return False
    bell.clear()
    return True


def tell(subscriber_id: int) -> None:
    """Something of the subscriber's is different now: to be called after the commit, from whichever thread."""
    _tell_all([subscriber_id])


def keep(session: Session, subscriber_ids: Iterable[int]) -> None:
    """Something of theirs is different as soon as this transaction is committed: `db.transaction` tells it then."""
    session.info.setdefault(_KEPT, set()).update(subscriber_ids)


def tell_kept(session: Session) -> None:
    """Tells what was kept: the transaction is committed."""
    if kept := session.info.pop(_KEPT, ()):
        _tell_all(kept)


def _tell_all(subscriber_ids: Collection[int]) -> None:
    ring(subscriber_ids)
    relay.tell(TOPIC, *subscriber_ids)


def ring(subscriber_ids: Iterable[int]) -> None:
    """Wakes who waits for them in this process."""
    for subscriber_id in subscriber_ids:
        for loop, bell in tuple(_waiting.get(subscriber_id, ())):
            with suppress(RuntimeError):  # the loop has ended, and with it who waited
                loop.call_soon_threadsafe(bell.set)
