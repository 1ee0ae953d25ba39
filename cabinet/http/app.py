"""Our HTTP routes as one Starlette application; what it does not know, Reflex and the built pages answer."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.routing import Route

from cabinet.http import auth, captcha, demo, health, help, pages


def make_app(documents: Sequence[Route] = ()) -> Starlette:
    """A fresh application: Reflex mounts itself into it. `documents` are pages of React that the server writes into."""
    ours = [*health.routes, *auth.routes, *captcha.routes, *demo.routes, *pages.routes, *help.routes]
    return Starlette(routes=[*ours, *documents])
