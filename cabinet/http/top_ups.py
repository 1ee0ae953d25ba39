"""Paying: plain forms that lead to the gateway's page.

Whoever comes back from there comes to a page that only reads; the money comes with the gateway's own word.
"""

import asyncio
import html
import re
import secrets
from contextlib import suppress
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from cabinet import clock
from cabinet.adapters import payments, receipts
from cabinet.db import in_read_session, in_session
from cabinet.domain.errors import CabinetError, NotFound
from cabinet.domain.payments import PaymentKind
from cabinet.http.auth import form_of
from cabinet.http.cookies import browser_of
from cabinet.locales import Language, language_of, translate
from cabinet.services import autopay, sessions, top_ups
from cabinet.services.sessions import Principal
from cabinet.services.sign_in import LOGIN
from cabinet.services.top_ups import AmountNotAllowed, TooManyTopUps

PAGE = "/topup/"

_OCCASION = re.compile(r"[A-Za-z0-9_-]{8,40}")
_LARGEST = 2**63 - 1  # of an id in the database
_SAVED = re.compile(r"m([0-9]{1,18})")
_LEAVING = (
    '<!doctype html><html lang="{language}"><meta charset="utf-8"><meta name="color-scheme" content="light dark">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    '<meta http-equiv="refresh" content="0;url={url}"><title>{title}</title><p><a href="{url}">{title}</a></p></html>'
)


async def pay(request: Request) -> Response:
    """POST /topup/pay {amount, method, save, occasion}: `method` is card, sbp, or m<number> of a saved one.

    Leads to the gateway's page, or where none is needed or the gateway does not answer, to the page of the result.
    A refusal leads back, with everything that was typed.
    """
    form, principal = await form_of(request), await _who(request)
    if principal is None:
        return _to(LOGIN)
    typed, chosen, occasion = form.get("amount", ""), form.get("method", ""), form.get("occasion", "")
    if not _OCCASION.fullmatch(occasion):
        occasion = secrets.token_urlsafe(16)
    saved = _SAVED.fullmatch(chosen)
    try:
        top_up = await in_session(
            top_ups.start,
            principal.subscriber_id,
            top_ups.read_amount(typed),
            occasion=f"page:{principal.subscriber_id}:{occasion}",
            kind=PaymentKind.SBP if chosen == "sbp" else PaymentKind.CARD,
            method_id=int(saved[1]) if saved else None,
            saves_method=bool(form.get("save")),
            now=clock.now(),
        )
    except CabinetError as error:
        return _back(typed, chosen, error)
    top_up = await payments.in_thread(top_ups.submit, top_up.id, payments.gateway(), now=clock.now)
    if top_up.state.is_open and top_up.confirmation_url:
        return _leave(top_up.confirmation_url, language_of(request.headers.get("cookie", "")))
    return _to(f"{top_ups.RETURN_PATH}?payment={top_up.id}")


async def delete_method(request: Request) -> Response:
    """POST /topup/methods/delete {method}: nothing is charged to that card or account any more, by autopay neither."""
    form, principal = await form_of(request), await _who(request)
    if principal is None:
        return _to(LOGIN)
    number = form.get("method", "")
    if number.isascii() and number.isdecimal() and len(number) < 19:
        with suppress(NotFound):  # deleted meanwhile, or somebody else's: either way it is not in the list that follows
            await in_session(autopay.delete_method, principal.subscriber_id, int(number), now=clock.now())
    return _to(PAGE)


async def receipt(request: Request) -> Response:
    """GET /topup/receipt/<id>: a PDF, for who paid."""
    principal = await _who(request)
    if principal is None:
        return _to(LOGIN)
    try:
        found = await in_read_session(
            top_ups.get_receipt, principal.subscriber_id, min(request.path_params["id"], _LARGEST)
        )
    except NotFound:
        raise HTTPException(404) from None
    pdf = await asyncio.to_thread(receipts.render, found)
    name = f"receipt-{request.path_params['id']}.pdf"
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'inline; filename="{name}"'}
    return Response(pdf, media_type="application/pdf", headers=headers)


async def _who(request: Request) -> Principal | None:
    return await in_read_session(sessions.find, browser_of(request).sid, now=clock.now())


def _back(typed: str, chosen: str, error: CabinetError) -> Response:
    """To the form, as it was; a wrong sum the page itself explains."""
    fields = {"amount": typed[:20], "method": chosen[:20]}
    if isinstance(error, TooManyTopUps):
        fields["refused"] = "often"
    elif isinstance(error, NotFound):
        fields["refused"] = "gone"
    elif not isinstance(error, AmountNotAllowed):
        fields["refused"] = "again"
    return _to(f"{PAGE}?{urlencode(fields)}")


def _leave(url: str, language: Language) -> Response:
    """To another site by a page of ours: a form that is answered by a redirect may lead to ourselves only (CSP)."""
    title = translate("Переходим на страницу банка", language)
    page = _LEAVING.format(language=language, url=html.escape(url), title=title)
    return HTMLResponse(page, headers={"Cache-Control": "no-store"})


def _to(path: str) -> Response:
    return RedirectResponse(path, 303, {"Cache-Control": "no-store"})


routes = [
    Route("/topup/pay", pay, methods=["POST"]),
    Route("/topup/receipt/{id:int}", receipt),
    Route("/topup/methods/delete", delete_method, methods=["POST"]),
]
