"""The help centre in the reader's language, and its search: `GET /help/?q=…` is the built page with what was found.

No script is needed for either.
"""

import html
import re

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from cabinet import clock
from cabinet.db import in_session
from cabinet.domain.errors import NotFound
from cabinet.http import pages
from cabinet.http.auth import form_of
from cabinet.http.cookies import browser_of
from cabinet.locales import translate
from cabinet.services import help as articles
from cabinet.services import help_votes
from cabinet.services.help import Article

PAGE = "/help/"

_SLOT = re.compile(r'(<div\b[^>]*\bdata-slot="results"[^>]*>)(?=</div>)')
_THANKS_SLOT = re.compile(r'(<p\b[^>]*\bdata-slot="thanks"[^>]*>)(?=</p>)')
_THANKS = {
    "yes": "Спасибо, рады, что помогло.",
    "no": "Спасибо, что сказали. Напишите нам — ответит человек.",
}
_FILL = re.compile(r'<input\b[^>]*?\bdata-fill="q"')


async def search(request: Request) -> Response:
    """GET /help/?q=…; `q` is anything that a visitor may write."""
    language = pages.language_for(request)
    template = pages.built(PAGE, language)
    query = articles.cleaned(request.query_params.get("q", ""))
    if not query:
        return pages.answer(request, template, template.text)
    found = articles.find(articles.library(language), query)
    return pages.answer(request, template, with_results(template.text, query, found))


async def article(request: Request) -> Response:
    """GET /help/<name>/"""
    name = request.path_params["name"]
    if not articles.is_slug(name):
        raise HTTPException(404)
    language = pages.language_for(request)
    template = pages.built(f"{PAGE}{name}/", language)
    thanks = _THANKS.get(request.query_params.get("helped", ""))
    if thanks is None:
        return pages.answer(request, template, template.text)
    words = html.escape(translate(thanks, language))
    return pages.answer(request, template, _THANKS_SLOT.sub(lambda slot: slot[1] + words, template.text, count=1))


async def helped(request: Request) -> Response:
    """POST /help/<name>/helped {answer}: `yes` or `no`, counted."""
    name, answer = request.path_params["name"], (await form_of(request)).get("answer", "")
    if not articles.is_slug(name) or answer not in _THANKS:
        raise HTTPException(404)
    try:
        address = browser_of(request).address
        await in_session(help_votes.vote, name, helped=answer == "yes", address=address, now=clock.now())
    except NotFound:
        raise HTTPException(404) from None
    return RedirectResponse(f"{PAGE}{name}/?helped={answer}#helped", 303, {"Cache-Control": "no-store"})


def with_results(page: str, query: str, found: list[Article]) -> str:
    """The page with its slot filled from its own `template` parts; what was typed is only text in it."""
    rows = "".join(
        _filled(page, "row", address=article.address, title=article.title, lead=article.lead) for article in found
    )
    part = _filled(page, "found" if found else "nothing", query=query)
    page = _SLOT.sub(lambda slot: slot[1] + part.replace("{rows}", rows), page, count=1)
    return _FILL.sub(lambda field: f'{field[0]} value="{html.escape(query)}"', page, count=1)


def _filled(page: str, name: str, **texts: str) -> str:
    """One of the page's parts with its places filled."""
    found = re.search(rf'<template\b[^>]*\bdata-part="{name}"[^>]*>(.*?)</template>', page, re.DOTALL)
    if found is None:
        raise LookupError(f"The built help page has no part {name!r}")
    return re.sub(r"\{(\w+)\}", lambda place: html.escape(texts[place[1]]) if place[1] in texts else place[0], found[1])


routes = [
    *(Route(address, search) for address in (PAGE, PAGE.rstrip("/"))),
    *(Route(f"{PAGE}{{name}}{slash}", article) for slash in ("/", "")),
    Route(f"{PAGE}{{name}}/helped", helped, methods=["POST"]),
]
