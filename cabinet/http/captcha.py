"""The captcha's picture and sound. Both show the same letters until an answer or «Другая картинка» uses them up."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from cabinet import clock
from cabinet.adapters.captcha import CaptchaMaker
from cabinet.adapters.captcha.embedded import EmbeddedCaptcha
from cabinet.db import in_session
from cabinet.http.cookies import browser_of, keep_pre
from cabinet.services import pre_sessions

MAKER: CaptchaMaker = EmbeddedCaptcha()
_POOL = ThreadPoolExecutor(max_workers=2, thread_name_prefix="captcha")  # a flood of pictures must not take every core

TOO_MANY = "Слишком много картинок. Попробуйте через час."


async def picture(request: Request) -> Response:
    """GET /auth/captcha.png"""
    return await _rendered(request, MAKER.picture, "image/png")


async def speech(request: Request) -> Response:
    """GET /auth/captcha.wav"""
    return await _rendered(request, MAKER.speech, "audio/wav")


async def _rendered(request: Request, render: Callable[[str], bytes], media_type: str) -> Response:
    browser = browser_of(request)
    new = MAKER.letters(browser.language)
    letters = await in_session(pre_sessions.current_captcha, browser, new, now=clock.now())
    if letters is None:
        return PlainTextResponse(TOO_MANY, 429, {"Cache-Control": "no-store"})
    content = await asyncio.get_running_loop().run_in_executor(_POOL, render, letters)
    response = Response(content, media_type=media_type, headers={"Cache-Control": "no-store"})
    keep_pre(request, response, browser)
    return response


routes = [Route("/auth/captcha.png", picture), Route("/auth/captcha.wav", speech)]
