"""Files of conversations: POST /files/ takes one of a subscriber, POST /files/desk/ one of the staff, GET /files/<id>
gives it to those who may have it.

Who sends is known, and how much he promises is looked at, before a byte of the body is read; then it goes to the disk
piece by piece. What is given out is always saved, never shown: it is somebody else's, and the browser must not run it.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO
from urllib.parse import quote

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from cabinet import clock
from cabinet.adapters import files
from cabinet.adapters.files import FileUnreadable
from cabinet.db import in_read_session, in_session
from cabinet.domain.errors import CabinetError, NotFound
from cabinet.domain.staff import Permission
from cabinet.http import cookies
from cabinet.locales import language_of, translate
from cabinet.services import attachments, sessions, staff
from cabinet.services.attachments import File, Owner

PATIENCE_SECONDS = 30  # between two pieces
_LARGEST = 2**63 - 1  # of an id in the database
_LOCKED = "default-src 'none'; sandbox"

log = structlog.get_logger(__name__)
_one_by_one = asyncio.Semaphore()  # a picture takes memory while it is drawn anew


async def receive(request: Request) -> Response:
    """POST /files/?name=…: the body is the file itself. Answers {id, size}, or {error} in the sender's words."""
    return await _receive(request, await _subscriber_of(request))


async def receive_at_desk(request: Request) -> Response:
    """POST /files/desk/?name=…: the same, sent by a member of the staff."""
    return await _receive(request, await _member_of(request))


async def give(request: Request) -> Response:
    """GET /files/<id>: a browser may hold a session of a subscriber and one of the staff."""
    file_id = min(request.path_params["id"], _LARGEST)
    file = await _found(
        attachments.get_for_subscriber, (await _subscriber_of(request) or Owner()).subscriber_id, file_id
    )
    if file is None:
        file = await _found(attachments.get_for_staff, (await _member_of(request) or Owner()).staff_id, file_id)
    if file is None:
        raise HTTPException(404)
    path = files.path_of(file.stored_name)
    if not await asyncio.to_thread(path.is_file):
        log.error("a file is not where it was stored", file=file.id)
        raise HTTPException(404)
    headers = {
        "Cache-Control": "private, no-store",
        "Content-Security-Policy": _LOCKED,
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}",
    }
    return FileResponse(path, media_type=file.media_type, headers=headers)


async def _receive(request: Request, owner: Owner | None) -> Response:
    language = language_of(request.headers.get("cookie", ""))
    if owner is None:
        return JSONResponse({"error": translate("Сеанс закончился. Войдите снова.", language)}, 401)
    name, promised = request.query_params.get("name", ""), request.headers.get("content-length", "")
    if not (promised.isascii() and promised.isdecimal() and len(promised) < 20):
        raise HTTPException(411)
    try:
        file = await _take(request, owner, name, int(promised))
    except CabinetError as error:
        status = 413 if isinstance(error, files.FileTooLarge) else 422
        return JSONResponse({"error": translate(error.message, language, **error.facts)}, status)
    return JSONResponse({"id": file.id, "size": file.size}, headers={"Cache-Control": "no-store"})


async def _take(request: Request, owner: Owner, name: str, promised: int) -> File:
    """Row, bytes, a look at them, row again; whatever goes wrong leaves neither."""
    files.check_promise(name, promised)
    file_id, stored_name = await in_session(attachments.begin, owner, name, now=clock.now())
    try:
        path = files.path_of(stored_name)
        await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        with await asyncio.to_thread(path.open, "wb") as target:
            await _write(request, target, promised)
        async with _one_by_one:
            media_type, size = await asyncio.to_thread(files.accept, stored_name, name)
        return await in_session(attachments.finish, file_id, media_type=media_type, size=size)
    except BaseException:
        await asyncio.shield(_forget(stored_name))
        raise


async def _write(request: Request, target: BinaryIO, promised: int) -> None:
    """Raises FileUnreadable when there is more than was promised, or less, or it does not come."""
    written, pieces = 0, aiter(request.stream())
    try:
        while piece := await asyncio.wait_for(anext(pieces, b""), PATIENCE_SECONDS):
            written += len(piece)
            if written > promised:
                raise FileUnreadable
            await asyncio.to_thread(target.write, piece)
    except (TimeoutError, ClientDisconnect):
        raise FileUnreadable from None
    if written != promised:
        raise FileUnreadable


async def _forget(stored_name: str) -> None:
    await asyncio.to_thread(files.delete, stored_name)
    await in_session(attachments.forget, [stored_name])


async def _found(look: Callable[..., File], owner_id: int | None, file_id: int) -> File | None:
    if owner_id is None:
        return None
    with suppress(NotFound):
        return await in_read_session(look, owner_id, file_id)
    return None


async def _subscriber_of(request: Request) -> Owner | None:
    principal = await in_read_session(sessions.find, cookies.browser_of(request).sid, now=clock.now())
    return Owner(subscriber_id=principal.subscriber_id) if principal else None


async def _member_of(request: Request) -> Owner | None:
    member = await in_read_session(staff.find, cookies.staff_token(request), now=clock.now())
    return Owner(staff_id=member.staff_id) if member and member.may(Permission.TICKETS) else None


routes = [
    Route("/files/", receive, methods=["POST"]),
    Route("/files/desk/", receive_at_desk, methods=["POST"]),
    Route("/files/{id:int}", give),
]
