"""`/metrics` for Prometheus, and the names of routes in it. Strangers are told that there is no such page.

Each process tells of itself alone; what comes from the database (backlogs) every process tells alike.
"""

import asyncio
import hmac
import math
import platform
import threading
import time
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.metadata import version
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import structlog
import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import Scope

from cabinet import clock, db, metrics, redis_client, serve
from cabinet.config import settings
from cabinet.services import figures

FRESH_SECONDS = 5.0
DATABASE_PATIENCE_SECONDS = 3.0
OTHER = "other"

log = structlog.get_logger(__name__)

_reading = asyncio.Lock()
_read_at = -math.inf


async def show(request: Request) -> Response:
    """GET /metrics, for who has the token or comes from the networks that the settings name."""
    if not _may_read(request):
        return PlainTextResponse("Not Found", 404)
    await _look_around()
    _tell_build()
    text = await asyncio.to_thread(generate_latest, metrics.REGISTRY)
    return Response(text, media_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})


def _may_read(request: Request) -> bool:
    token = settings().metrics_token.get_secret_value()
    if token:
        return hmac.compare_digest(request.headers.get("authorization", "").encode(), f"Bearer {token}".encode())
    if "x-forwarded-for" in request.headers and not settings().trusted_proxy_hops:
        return False  # a proxy that we do not know of stands before us: whoever it is comes from its address
    try:
        address = ip_address(request.client.host if request.client else "")
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in network for network in settings().metrics_networks)


async def _look_around() -> None:
    """At most once in some seconds, whoever asks. While the database does not answer there are no figures of it."""
    global _read_at
    async with _reading:
        if time.monotonic() - _read_at < FRESH_SECONDS:
            return
        try:
            found = await asyncio.wait_for(db.in_read_session(figures.read, now=clock.now()), DATABASE_PATIENCE_SECONDS)
        except Exception as error:
            log.warning("figures not read", error=type(error).__name__)
            metrics.DATABASE_UP.set(0)
            for gauge in metrics.OF_DATABASE:
                gauge.clear()
        else:
            _tell(found)
        metrics.REDIS_UP.set(0 if await redis_client.trouble() else 1)
        _read_at = time.monotonic()


def _tell(found: figures.Figures) -> None:
    metrics.DATABASE_UP.set(1)
    for backlogs, number, seconds in (
        (found.outbox, metrics.OUTBOX_DUE, metrics.OUTBOX_OLDEST_SECONDS),
        (found.fees, metrics.FEES_DUE, metrics.FEES_OLDEST_SECONDS),
    ):
        for name, backlog in backlogs.items():
            number.labels(name).set(backlog.number)
            seconds.labels(name).set(backlog.late_for.total_seconds())
    metrics.TICKETS_WAITING.labels("false").set(found.waiting_tickets)
    metrics.TICKETS_WAITING.labels("true").set(found.late_tickets)
    for state, count in found.open_top_ups.items():
        metrics.TOP_UPS_OPEN.labels(state).set(count)


@lru_cache
def _tell_build() -> None:
    try:
        build = (serve.WEB_DIR / serve.STAMP).read_text().split()[-1][:12]
    except (OSError, IndexError):
        build = "none"
    database = "sqlite" if settings().is_sqlite else "postgresql"
    metrics.BUILD.labels(build, version("reflex"), platform.python_version(), database, settings().env.value).set(1)


routes = [Route("/metrics", show)]


def serve_beside(port: int) -> None:
    """Answers `/metrics` for a process without a web server, until that ends."""
    config = uvicorn.Config(
        Starlette(routes=routes),
        host="0.0.0.0",  # noqa: S104  who may read is asked of each request
        port=port,
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
    )
    threading.Thread(target=uvicorn.Server(config).run, name="metrics", daemon=True).start()


class RouteNames:
    """What a request is counted under: the route that answered it, a page that was built, or «other»."""

    def __init__(self, known: Iterable[BaseRoute], static_dir: Path) -> None:
        self._templates: dict[int, list[str]] = {}  # by the endpoint's identity: not everything that answers has a hash
        for endpoint, path in _flat(known):
            self._templates.setdefault(id(endpoint), []).append(path)
        self._pages = {
            "/" + file.relative_to(static_dir).with_suffix("").as_posix().removesuffix("index").rstrip("/")
            for file in static_dir.rglob("*.html")
        }

    def of(self, scope: Scope) -> str:
        """The name; after the request was answered."""
        path = scope["path"]
        templates = self._templates.get(id(scope.get("endpoint")))
        if templates:
            return path if path in templates else next((one for one in templates if "{" in one), templates[0])
        for folder in ("/assets/", "/fonts/"):
            if path.startswith(folder):
                return f"{folder}…"
        page = path.rstrip("/") or "/"
        return page if page in self._pages else OTHER


def _flat(known: Iterable[BaseRoute], prefix: str = "") -> Iterator[tuple[Any, str]]:
    for route in known:
        if isinstance(route, Route):
            yield route.endpoint, prefix + route.path
        elif isinstance(route, Mount):
            yield from _flat(route.routes, prefix + route.path)
