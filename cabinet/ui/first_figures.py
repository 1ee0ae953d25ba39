"""The first figures of a page come in its document: they are on the screen as soon as React is, before any socket.

The page's `load` runs once on a State of its own while the document is asked for; what it changed stands in the
document as JSON, and `kit.first_figures` puts it on the screen. When the socket is open, `load` runs as always: a
connection with an untouched State sends nothing but changes, so the screen is not emptied in between.
"""

from reflex.istate.data import HeaderData
from reflex.state import BaseState, State
from reflex_base.utils.format import json_dumps

from cabinet.locales import Language
from cabinet.services.sessions import Principal
from cabinet.ui import guard


async def read(page: type[BaseState], principal: Principal, language: Language) -> str:
    """What `load` of the page's State shows this subscriber, as JSON that may stand in HTML."""
    root = State(init_substates=False, _reflex_internal_init=True)  # type: ignore[call-arg]
    root.rx_router_headers = HeaderData.from_router_data({"headers": {"cookie": f"lang={language}"}})
    state = page(parent_state=root, init_substates=False, _reflex_internal_init=True)
    with guard.acting_as(principal):
        await page.event_handlers["load"].fn(state)
    delta = await state._get_resolved_delta()
    return json_dumps({page.get_full_name(): delta.get(page.get_full_name(), {})}).replace("<", "\\u003c")
