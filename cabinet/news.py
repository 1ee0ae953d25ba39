"""Who waits for news of a subscriber: a page that shows a balance is told at once that it has changed.

News reaches other processes by `relay`, which promises nothing: who waits must look into the database again after a
while by himself.
"""

import asyncio
from collections.abc import Collection, Iterable
from contextlib import suppress

from sqlalchemy.orm import Session

from cabinet import relay

TOPIC = "news"
_KEPT = "news"
_waiting: dict[int, set[tuple[asyncio.AbstractEventLoop, asyncio.Event]]] = {}


async def wait(subscriber_id: int, seconds: float) -> bool:
    """Until something is told of the subscriber (True), at most so long (False)."""
    loop, bell = asyncio.get_running_loop(), asyncio.Event()
    entry = (loop, bell)
    _waiting.setdefault(subscriber_id, set()).add(entry)
    try:
        async with asyncio.timeout(seconds):
            await bell.wait()
        return True
    except TimeoutError:
        return False
    finally:
        others = _waiting.get(subscriber_id, set())
        others.discard(entry)
        if not others:
            _waiting.pop(subscriber_id, None)


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
