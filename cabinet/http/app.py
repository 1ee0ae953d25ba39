"""Our HTTP routes as one Starlette application; what it does not know, Reflex and the built pages answer."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Route

from cabinet.config import PaymentsGateway, settings
from cabinet.http import auth, captcha, demo, files, health, help, metrics, pages, promo_codes, staff, top_ups, webhooks
from cabinet.sandbox_bank import app as sandbox_bank


def make_app(documents: Sequence[Route] = ()) -> Starlette:
    """A fresh application: Reflex mounts itself into it. `documents` are pages of React that the server writes into,
    and files in their words."""
    ours: list[BaseRoute] = [*health.routes, *auth.routes, *captcha.routes, *demo.routes, *pages.routes, *help.routes]
    ours += [*top_ups.routes, *webhooks.routes, *metrics.routes, *staff.routes, *files.routes]
    ours += promo_codes.routes
    if settings().payments_gateway is PaymentsGateway.SANDBOX:
        ours.append(sandbox_bank.mount())
    return Starlette(routes=[*ours, *documents])
