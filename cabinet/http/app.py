"""Our HTTP routes as one Starlette application; what it does not know, Reflex and the built pages answer."""

from starlette.applications import Starlette

from cabinet.http import auth, captcha, demo, health, help, pages


def make_app() -> Starlette:
    """A fresh application: Reflex mounts itself into it."""
    return Starlette(routes=[*health.routes, *auth.routes, *captcha.routes, *demo.routes, *pages.routes, *help.routes])
