"""Promo codes of a series as a file, for those of the staff who make promotions."""

import csv
import io
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cabinet import clock
from cabinet.db import in_read_session
from cabinet.domain.errors import NotFound
from cabinet.domain.staff import Permission
from cabinet.http import cookies
from cabinet.services import promotion_desk, staff

COLUMNS = ("code", "used", "uses")
_LARGEST = 2**63 - 1  # of an id in the database


async def codes(request: Request) -> Response:
    """GET /staff/promo-codes/<series>.csv: every code with how often it was used and how often it may be."""
    member = await in_read_session(staff.find, cookies.staff_token(request), now=clock.now())
    if member is None or not member.may(Permission.OFFERS):
        raise HTTPException(404)
    series_id = min(request.path_params["id"], _LARGEST)
    try:
        text = await in_read_session(_write, series_id)
    except NotFound:
        raise HTTPException(404) from None
    headers = {
        "Cache-Control": "private, no-store",
        "Content-Disposition": f'attachment; filename="promo-codes-{series_id}.csv"',
    }
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


def _write(session: Any, series_id: int) -> str:
    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerow(COLUMNS)
    writer.writerows(promotion_desk.list_codes(session, series_id))
    return target.getvalue()


routes = [Route("/staff/promo-codes/{id:int}.csv", codes)]
