"""The pages of signing in, and those that ask for a fresh code: the built HTML with what this browser has to see
written into its slots.

So a form is complete, errors and all, before any script has arrived, and without scripts. A page that nothing is
written into (a first visit) goes out as the build has compressed it. The dashboard's document brings its first figures.
"""

import gzip
import html
import os
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from cabinet import clock, connections
from cabinet.db import in_read_session, in_session
from cabinet.http.cookies import browser_of, keep_language, keep_pre
from cabinet.locales import Language, language_of
from cabinet.services import pre_sessions, sign_in
from cabinet.services.sessions import Principal, token_hash
from cabinet.services.sign_in import CONFIRMING, PAGES, Screen

NUMBERED = ("/support", "/staff/tickets")
"""Pages of React with a number at the end of their address."""

Figures = Callable[[Principal, Language], Awaitable[str]]
"""What a page shows a subscriber first, as JSON that may stand in HTML."""

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
    """GET of a page with slots; who has no business on it is sent on."""
    path = f"{request.url.path.rstrip('/')}/"
    browser = browser_of(request)
    wanted = request.query_params.get("next", "")
    if wanted:
        await in_session(pre_sessions.remember_next, browser, wanted, now=clock.now())
    is_ended = "ended" in request.query_params
    screen = await in_read_session(sign_in.get_screen, browser, path, is_ended=is_ended, now=clock.now())
    if screen.redirect:
        return RedirectResponse(screen.redirect, 303, {"Cache-Control": "no-store"})
    # Pages of the cabinet live with React, which speaks both languages in one page.
    template = built(path, "ru" if path in CONFIRMING else language_for(request))
    response = answer(request, template, template.fill(screen))
    keep_pre(request, response, browser)
    return response


def with_figures(path: str, figures: Figures) -> Route:
    """The route of a page of React whose document brings its first figures, for whoever is signed in."""

    async def document(request: Request) -> Response:
        template = built(path, "ru")  # React speaks both languages in one page
        sid = browser_of(request).sid
        principal = await connections.who(token_hash(sid)) if sid else None
        if principal is None:
            return answer(request, template, template.text)
        found = await figures(principal, language_for(request))
        data = f'<script type="application/json" id="first-figures">{found}</script></body>'
        return answer(request, template, template.text.replace("</body>", data, 1))

    return Route(path, document)


async def numbered(request: Request) -> Response:
    """GET of a page of React whose address has a number in it: no file of the build is called so."""
    template = _template(static_dir() / "404.html")
    return answer(request, template, template.text)


def language_for(request: Request) -> Language:
    """The language of the answer: the one asked for by `?lang=`, else the one chosen before."""
    match request.query_params.get("lang"):
        case "en":
            return "en"
        case "ru":
            return "ru"
    return language_of(request.headers.get("cookie", ""))


def built(path: str, language: Language) -> Template:
    """The built static page of an address like `/login/`; its English twin lies under `/en`.

    Raises:
        HTTPException: 404, there is no such page.
    """
    twin = "en" if language == "en" else ""
    try:
        return _template(static_dir() / twin / path.strip("/") / "index.html")
    except FileNotFoundError:
        raise HTTPException(404) from None


def answer(request: Request, template: Template, text: str) -> Response:
    """The page with this text, packed as the browser likes it; a language that was asked for is remembered."""
    accepted = request.headers.get("accept-encoding", "")
    headers = {"Cache-Control": "no-store", "Vary": "Accept-Encoding"}
    if text == template.text and template.brotli and "br" in accepted:
        response = Response(template.brotli, media_type="text/html", headers=headers | {"Content-Encoding": "br"})
    elif "gzip" in accepted:
        packed = gzip.compress(text.encode(), 5)
        response = Response(packed, media_type="text/html", headers=headers | {"Content-Encoding": "gzip"})
    else:
        response = Response(text, media_type="text/html", headers=headers)
    if "lang" in request.query_params:
        keep_language(response, language_for(request))
    return response


routes = [
    *(Route(address, page) for path in PAGES for address in (path, path.rstrip("/"))),
    *(Route(f"{path}/{{number:int}}{slash}", numbered) for path in NUMBERED for slash in ("/", "")),
]
