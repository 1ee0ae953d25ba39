"""Pages and the frame around them."""

from collections.abc import Callable
from dataclasses import dataclass

import reflex as rx


@dataclass(frozen=True)
class Page:
    """A page as the composition root registers it."""

    route: str
    title: str
    access: str
    build: Callable[[], rx.Component]


PAGES: list[Page] = []


def cabinet_page(route: str, title: str, access: str):
    """Registers the decorated function as a page; `cabinet.py` hands `PAGES` to Reflex."""

    def register(build):
        PAGES.append(Page(route, title, access, build))
        return build

    return register
