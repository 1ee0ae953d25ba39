"""Cookies: what a request brings, what an answer sets. Those of signing in are HttpOnly, SameSite=Lax, host only.

`pre` is a browser on its way in, `sid` a signed-in session, `device` a browser in which somebody has signed in,
`staff` a session of the operator's staff: another cookie, so that a browser may hold both and neither is the other's.
"""

import re
import secrets
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from cabinet.config import settings
from cabinet.http.middleware import cookie_name
from cabinet.locales import Language, language_of
from cabinet.services import sessions
from cabinet.services.pre_sessions import Browser
from cabinet.services.sign_in import SignedIn

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


def browser_of(request: Request) -> Browser:
    """Whose request this is; a browser without a `pre` cookie is given a token, which the answer has to set."""
    return Browser(
        pre=_token(request, "pre") or secrets.token_urlsafe(32),
        sid=_token(request, "sid"),
        device=_token(request, "device"),
        address=request.client.host[:45] if request.client else "",
        label=sessions.device_label(request.headers.get("user-agent", "")),
        language=language_of(request.headers.get("cookie", "")),
    )


def keep_pre(request: Request, response: Response, browser: Browser) -> None:
    """Gives the browser its `pre` cookie, if it does not have it yet."""
    if _token(request, "pre") != browser.pre:
        _set(response, "pre", browser.pre)


def keep_language(response: Response, language: Language) -> None:
    """The language of the pages; scripts read and write it too (`ui/kit/runtime.js`)."""
    response.set_cookie("lang", language, max_age=365 * 24 * 3600, secure=settings().is_https, samesite="lax")


def signed_in(response: Response, signed: SignedIn) -> None:
    """The cookies of a new session. Without «Запомнить» it ends with the browser."""
    lifetime = timedelta(days=settings().remembered_days) if signed.is_remembered else None
    _set(response, "sid", signed.session.token, lifetime)
    if signed.device_token:
        _set(response, "device", signed.device_token, timedelta(days=settings().known_device_days))


def signed_out(response: Response) -> None:
    """No session any more; pages that the browser keeps for its «Back» button go with it."""
    response.delete_cookie(cookie_name("sid"), secure=settings().is_https, httponly=True, samesite="lax")
    response.headers["Clear-Site-Data"] = '"cache"'


def staff_token(request: Request) -> str:
    """The session of the staff that this browser holds, "" without one."""
    return _token(request, "staff")


def staff_signed_in(response: Response, token: str) -> None:
    """The cookie of a new session of the staff; it ends with the browser."""
    _set(response, "staff", token)


def staff_signed_out(response: Response) -> None:
    """No session of the staff any more; a subscriber's session in the same browser stays."""
    response.delete_cookie(cookie_name("staff"), secure=settings().is_https, httponly=True, samesite="lax")
    response.headers["Clear-Site-Data"] = '"cache"'


def _token(request: Request, name: str) -> str:
    value = request.cookies.get(cookie_name(name), "")
    return value if _TOKEN.fullmatch(value) else ""


def _set(response: Response, name: str, value: str, lifetime: timedelta | None = None) -> None:
    response.set_cookie(
        cookie_name(name),
        value,
        max_age=int(lifetime.total_seconds()) if lifetime else None,
        secure=settings().is_https,
        httponly=True,
        samesite="lax",
    )
