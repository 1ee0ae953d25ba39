"""The demo world's own addresses: what automatic tests read, and the clock. They do not exist outside the demo."""

import asyncio
import functools
from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from cabinet import clock
from cabinet.config import settings
from cabinet.db import in_read_session
from cabinet.domain.errors import CabinetError
from cabinet.http.cookies import browser_of
from cabinet.services import demo, demo_phone, pre_sessions, sessions, staff
from cabinet.services.demo import Leap

PHONE_PAGE, CLOCK_PAGE = "/demo/phone/", "/demo/clock/"
ALL_SMS = 5_000  # a test counts the messages to a number: they must not fall out at the other end

Endpoint = Callable[[Request], Awaitable[Response]]


def only_in_demo(endpoint: Endpoint) -> Endpoint:
    """404 in production, as if the address had never been."""

    @functools.wraps(endpoint)
    async def checked(request: Request) -> Response:
        if not settings().is_demo:
            raise HTTPException(404)
        return await endpoint(request)

    return checked


@only_in_demo
async def demo_itself(request: Request) -> Response:
    """What people try first: the phone."""
    return RedirectResponse(PHONE_PAGE, 303)


@only_in_demo
async def state(request: Request) -> Response:
    """For automatic tests: the moment, the SMS and e-mails that were sent, the letters of this browser's picture,
    the codes of the demo's staff."""
    now = clock.now()
    received = reversed(await in_read_session(demo_phone.list_sms, limit=ALL_SMS))  # the newest last, as they came
    captcha = await in_read_session(pre_sessions.find_captcha, browser_of(request), now=now)
    mail = reversed(await in_read_session(demo_phone.list_letters, limit=ALL_SMS))
    sms = [{"to": message.to, "text": message.text, "at": message.at.isoformat()} for message in received]
    letters = [
        {"to": letter.to, "subject": letter.subject, "text": letter.text, "at": letter.at.isoformat()}
        for letter in mail
    ]
    codes = await in_read_session(staff.demo_codes, now=now)
    return JSONResponse(
        {
            "now": now.isoformat(),
            "sms": sms,
            "letters": letters,
            "captcha": captcha,
            "staff_totp": codes.get(demo.OPERATOR, ""),
            "staff_totps": codes,
        }
    )


@only_in_demo
async def move_clock(request: Request) -> Response:
    """Moves the operator's clock by a day, or to the morning of the next fee of who is signed in, if anybody is."""
    form = await request.form(max_files=0, max_fields=5)
    try:
        leap = Leap(str(form.get("to", "")))
    except ValueError:
        return PlainTextResponse("Можно перевести часы на день (day) или до следующего списания (fee).", 400)
    principal = await in_read_session(sessions.find, browser_of(request).sid, now=clock.now())
    try:
        await asyncio.to_thread(demo.advance_clock, leap, subscriber_id=principal.subscriber_id if principal else None)
    except CabinetError as error:
        return PlainTextResponse(error.message, 409)
    return RedirectResponse(CLOCK_PAGE, 303)


routes = [
    Route("/demo", demo_itself),
    Route("/demo/", demo_itself),
    Route("/demo/state.json", state),
    Route("/demo/clock", move_clock, methods=["POST"]),
    Route("/demo/clock/", move_clock, methods=["POST"]),
]
