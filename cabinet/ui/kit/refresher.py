"""What a page says and asks without a press: first figures, newer ones later, whose they are."""

from typing import Any

import reflex as rx
from reflex_base.components.component import Component, field
from reflex_base.event import EventHandler, no_args_event_spec


class Refresher(Component):
    """Shows nothing; see `runtime.js`."""

    library = "$/utils/kit"
    tag = "Refresher"

    seconds: rx.Var[int] = field(doc="How often while the page is looked at; 0: only when it is looked at again")
    while_in_use: rx.Var[bool] = field(doc="Only while somebody presses or types")
    on_refresh: EventHandler[no_args_event_spec] = field(  # type: ignore[type-arg, valid-type]
        doc="The event to send"
    )


def refresher(on_refresh: Any, seconds: int = 0, while_in_use: bool = False) -> rx.Component:
    """Sends the event when the page is looked at again and when the network is back.

    `seconds` repeats it while the page is looked at: only where that cannot keep a forgotten session alive, or
    `while_in_use`, until nobody has pressed or typed anything for five minutes.
    """
    return Refresher.create(on_refresh=on_refresh, seconds=seconds, while_in_use=while_in_use)


class FirstFigures(Component):
    """Shows nothing; see `runtime.js`."""

    library = "$/utils/kit"
    tag = "FirstFigures"


def first_figures() -> rx.Component:
    """Puts the figures that came in the document on the screen; see `ui/first_figures.py`."""
    return FirstFigures.create()


class Owner(Component):
    """Shows nothing; see `runtime.js`."""

    library = "$/utils/kit"
    tag = "Owner"

    number: rx.Var[str] = field(doc="The subscriber's number; empty until it is known")


def owner(number: Any) -> rx.Component:
    """Tells the scripts whose page it is."""
    return Owner.create(number=number)
