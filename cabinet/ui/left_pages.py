"""Pages that were left: what their States hold in this process is forgotten minutes later.

Reflex keeps a State for an hour after its last event, for a page that is open and asleep as for one that was left. A
State is a cache of the screen: a page that comes back after that reads itself anew. States in Redis are no burden here,
and Redis forgets them after that hour.
"""

import asyncio
from collections.abc import Collection
from contextlib import AbstractAsyncContextManager

from reflex.app import App
from reflex.istate.manager.memory import StateManagerMemory

from cabinet.beside import beside

LOOK_EVERY = 90.0  # seconds; who has lost a connection is back by the next look


def forgetting(app: App) -> AbstractAsyncContextManager[None]:
    """Forgets what was left at two looks in a row, for as long as the block lasts."""
    return beside(_forget(app))


async def _forget(app: App) -> None:
    left: set[str] = set()
    while isinstance(app.state_manager, StateManagerMemory):
        await asyncio.sleep(LOOK_EVERY)
        left = forget(app, app.state_manager, left)


def forget(app: App, manager: StateManagerMemory, left_before: Collection[str]) -> set[str]:
    """Forgets the States of pages that have no websocket and had none at the look before; returns the tokens of those
    that have none now."""
    opened = app.event_namespace._token_manager.token_to_socket if app.event_namespace else {}
    left = {token.ident: token for _, token in manager._token_expires_at.values() if token.ident not in opened}
    for ident in left.keys() & left_before:
        manager._token_expires_at[left[ident].cache_key] = 0.0, left[ident]
    manager._purge_expired_tokens()  # not what an event holds just now: that is for the next look
    return set(left)
