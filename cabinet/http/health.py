"""Whether the process is alive, and whether all is well: for a load balancer, and for whoever is woken at night."""

import asyncio
from datetime import timedelta

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from cabinet import clock, db, redis_client, schema
from cabinet.adapters import reach
from cabinet.config import settings
from cabinet.services import health

OUTBOX_LATE = timedelta(minutes=5)
DATABASE_PATIENCE_SECONDS = 3.0
NEWER = "newer than this process"
WELL = ("ok", NEWER)  # migrations expand first: an upgrade migrates beneath processes that go on serving

log = structlog.get_logger(__name__)
_is_stopping = False
_ill: dict[str, str] = {}


def say_stopping() -> None:
    """From now on the process says that no more requests should come to it."""
    global _is_stopping
    _is_stopping = True


def is_stopping() -> bool:
    """Whether it was told to stop."""
    return _is_stopping


async def healthz(_request: Request) -> JSONResponse:
    """200 while the process answers and takes requests, 503 once it was told to stop; asks nothing of anybody else."""
    if _is_stopping:
        return JSONResponse({"status": "stopping"}, 503)
    return JSONResponse({"status": "ok"})


async def readyz(_request: Request) -> JSONResponse:
    """200 when everything works, 503 and the name of what is ill otherwise. Tells strangers nothing else."""
    checks, seconds = await examine()
    is_ready = not _is_stopping and all(value in WELL for value in checks.values())
    status = "stopping" if _is_stopping else "ok" if is_ready else "ill"
    return JSONResponse({"status": status, **checks, "oldest_message_seconds": seconds}, 200 if is_ready else 503)


async def examine() -> tuple[dict[str, str], int | None]:
    """Each part with "ok" or what is the matter, and how long the oldest message waits. What changes is logged."""
    redis, unreachable, (checks, seconds) = await asyncio.gather(
        redis_client.trouble(), reach.list_unreachable(), _look_at_database()
    )
    if settings().redis_url:
        checks["redis"] = redis or "ok"
    checks |= {part: "cannot be reached" if is_away else "ok" for part, is_away in unreachable.items()}
    told = {part: "ok" if what in WELL else what for part, what in checks.items()}
    _log_changes({part: what for part, what in told.items() if part != "redis"})  # `redis_client` tells by itself
    return checks, seconds


def _log_changes(checks: dict[str, str]) -> None:
    for part, what in checks.items():
        before = _ill.pop(part, "ok")
        if what != "ok":
            _ill[part] = what
        if what == before:
            continue
        if what == "ok":
            log.warning("a part is well again", part=part)
        else:
            log.error("a part is ill", part=part, what=what)


async def _look_at_database() -> tuple[dict[str, str], int | None]:
    checks = {"database": "ok", "schema": "ok", "outbox": "ok"}
    try:
        standing, waiting = await asyncio.wait_for(asyncio.to_thread(_look), DATABASE_PATIENCE_SECONDS)
    except Exception:
        return {"database": "does not answer", "schema": "unknown", "outbox": "unknown"}, None
    checks["schema"] = standing
    if waiting is None:
        return checks, None
    if waiting > OUTBOX_LATE:
        checks["outbox"] = "the oldest message waits too long"
    return checks, max(0, int(waiting.total_seconds()))


def _look() -> tuple[str, timedelta | None]:
    """How the schema stands to this program, and for how long the oldest message that is due has been waiting."""
    standing = "ok"
    if not schema.is_current(db.engine()):
        if not schema.is_newer(db.engine()):
            return "not current: run `python -m cabinet migrate`", None
        standing = NEWER
    now = clock.now()
    with db.reading() as session:
        since = health.oldest_due_message_at(session, now=now)
    return standing, now - since if since else None


routes = [Route("/healthz", healthz), Route("/readyz", readyz)]
