"""Whether the process is alive, and whether it can serve: for a load balancer and for whoever is woken at night."""

import asyncio
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from cabinet import clock, db, schema
from cabinet.services import health

OUTBOX_LATE = timedelta(minutes=5)
DATABASE_PATIENCE_SECONDS = 3.0


async def healthz(_request: Request) -> JSONResponse:
    """200 while the process answers at all; asks nothing of the database."""
    return JSONResponse({"status": "ok"})


async def readyz(_request: Request) -> JSONResponse:
    """200 when everything works, 503 and the name of what is ill otherwise. Tells strangers nothing else."""
    checks = {"database": "ok", "schema": "ok", "outbox": "ok"}
    seconds: int | None = None
    try:
        is_current, waiting = await asyncio.wait_for(asyncio.to_thread(_look), DATABASE_PATIENCE_SECONDS)
    except Exception:
        checks = {"database": "does not answer", "schema": "unknown", "outbox": "unknown"}
    else:
        if not is_current:
            checks["schema"] = "not current: run `python -m cabinet migrate`"
        if waiting is not None:
            seconds = max(0, int(waiting.total_seconds()))
            if waiting > OUTBOX_LATE:
                checks["outbox"] = "the oldest message waits too long"
    is_ready = all(value == "ok" for value in checks.values())
    body = {"status": "ok" if is_ready else "ill", **checks, "oldest_message_seconds": seconds}
    return JSONResponse(body, 200 if is_ready else 503)


def _look() -> tuple[bool, timedelta | None]:
    """Whether the schema is current, and for how long the oldest message that is due has been waiting."""
    if not schema.is_current(db.engine()):
        return False, None
    now = clock.now()
    with db.reading() as session:
        since = health.oldest_due_message_at(session, now=now)
    return True, now - since if since else None


routes = [Route("/healthz", healthz), Route("/readyz", readyz)]
