"""The pages of signing in: the built HTML with what this browser has to see written into its slots.

So a form is complete, errors and all, before any script has arrived, and without scripts. A page that nothing is
written into (a first visit) goes out as the build has compressed it.
"""

import gzip
import html
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from cabinet import clock
from cabinet.db import in_read_session, in_session
from cabinet.http.cookies import browser_of, keep_pre
from cabinet.services import pre_sessions, sign_in
from cabinet.services.sign_in import CODE, LOGIN, PASSWORD, WELCOME, Screen

# An empty slot's opening tag, an input to be filled, the block of the captcha.
_PLACES = re.compile(
    r'(?P<slot><(?P<tag>\w+)\b[^>]*\bdata-slot="(?P<slot_name>\w+)"[^>]*>)(?=</(?P=tag)>)'
    r'|(?P<fill><input\b[^>]*?\bdata-fill="(?P<fill_name>\w+)")'
    r'|(?P<captcha><div\b[^>]*?\bid="captcha-block")'
)


@dataclass(frozen=True)
class Template:
    """A built page, cut where something may be written; compressed as the build left it."""

    text: str
    brotli: bytes | None

    def fill(self, screen: Screen) -> str:
        """The page of this screen; whatever was typed is only text in it."""

        def put(place: re.Match[str]) -> str:
            if place["slot"]:
                return place["slot"] + html.escape(screen.slots.get(place["slot_name"], ""))
            if place["fill"]:
                value = screen.fills.get(place["fill_name"], "")
                return place["fill"] + (f' value="{html.escape(value)}"' if value else "")
            return place["captcha"] + ("" if screen.is_captcha_asked else ' hidden=""')

        return _PLACES.sub(put, self.text)


def static_dir() -> Path:
    """Where Reflex's build leaves the pages."""
    return Path.cwd() / os.environ.get("REFLEX_WEB_WORKDIR", ".web") / "build" / "client"


@lru_cache
def _template(file: Path) -> Template:
    """Read once: a new build comes with a new start."""
    packed = file.with_name(f"{file.name}.br")
    return Template(file.read_text(encoding="utf-8"), packed.read_bytes() if packed.exists() else None)


async def page(request: Request) -> Response:
    """GET of one of the four pages; who has no business on it is sent on."""
    path = f"{request.url.path.rstrip('/')}/"
    browser = browser_of(request)
    wanted = request.query_params.get("next", "")
    if wanted:
        await in_session(pre_sessions.remember_next, browser, wanted, now=clock.now())
    screen = await in_read_session(sign_in.get_screen, browser, path, now=clock.now())
    if screen.redirect:
        return RedirectResponse(screen.redirect, 303, {"Cache-Control": "no-store"})
    try:
        template = _template(static_dir() / path.strip("/") / "index.html")
    except FileNotFoundError:
        raise HTTPException(404) from None
    response = _packed(request, template, screen)
    keep_pre(request, response, browser)
    return response


def _packed(request: Request, template: Template, screen: Screen) -> Response:
    accepted = request.headers.get("accept-encoding", "")
    headers = {"Cache-Control": "no-store", "Vary": "Accept-Encoding"}
    filled = template.fill(screen)
    if filled == template.text and template.brotli and "br" in accepted:
        return Response(template.brotli, media_type="text/html", headers=headers | {"Content-Encoding": "br"})
    if "gzip" in accepted:
        packed = gzip.compress(filled.encode(), 5)
        return Response(packed, media_type="text/html", headers=headers | {"Content-Encoding": "gzip"})
    return Response(filled, media_type="text/html", headers=headers)


routes = [Route(address, page) for path in (LOGIN, PASSWORD, CODE, WELCOME) for address in (path, path.rstrip("/"))]
