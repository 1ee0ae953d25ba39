"""Our HTTP routes as one Starlette application; what it does not know, Reflex and the built pages answer."""

from starlette.applications import Starlette

from cabinet.http import demo, health, help


def make_app() -> Starlette:
    """A fresh application: Reflex mounts itself into it."""
    return Starlette(routes=[*health.routes, *demo.routes, *help.routes])
