"""Signing in and out of the operator's staff: a plain HTML form, as the subscribers' are in `auth`."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from cabinet import clock, connections
from cabinet.db import in_read_session, in_session
from cabinet.http import cookies
from cabinet.http.auth import form_of, redirect
from cabinet.http.pages import answer, built, language_for
from cabinet.services import passwords, pre_sessions, sessions, staff
from cabinet.services.staff import LOGIN, Step


async def page(request: Request) -> Response:
    """GET /staff/login/: who is in already is sent on."""
    browser, wanted = cookies.browser_of(request), request.query_params.get("next", "")
    if wanted:
        await in_session(pre_sessions.remember_next, browser, wanted, now=clock.now())
    is_ended = "ended" in request.query_params
    screen = await in_read_session(
        staff.get_screen, browser, cookies.staff_token(request), is_ended=is_ended, now=clock.now()
    )
    if screen.redirect:
        return RedirectResponse(screen.redirect, 303, {"Cache-Control": "no-store"})
    template = built(LOGIN, language_for(request))
    response = answer(request, template, template.fill(screen))
    cookies.keep_pre(request, response, browser)
    return response


async def sign_in(request: Request) -> Response:
    """POST /auth/staff {login, password, totp}"""
    browser, form, old = cookies.browser_of(request), await form_of(request), cookies.staff_token(request)
    step = await in_session(staff.begin_sign_in, browser, login=form.get("login", ""), now=clock.now())
    if not isinstance(step, Step):
        is_right = await passwords.is_right(form.get("password", ""), step.kept_hash)
        step = await in_session(
            staff.finish_sign_in,
            browser,
            step,
            is_right=is_right,
            code=form.get("totp", ""),
            staff_token=old,
            now=clock.now(),
        )
    response = redirect(request, step.path)
    cookies.keep_pre(request, response, browser)
    if step.token:
        cookies.staff_signed_in(response, step.token)
        if old:
            connections.end_key(sessions.token_hash(old))
    return response


async def sign_out(request: Request) -> Response:
    """POST /auth/staff/sign-out"""
    token = cookies.staff_token(request)
    await in_session(staff.sign_out, token, now=clock.now())
    if token:
        connections.end_key(sessions.token_hash(token))
    response = redirect(request, LOGIN)
    cookies.staff_signed_out(response)
    return response


routes = [
    Route(LOGIN, page),
    Route(LOGIN.rstrip("/"), page),
    Route("/auth/staff", sign_in, methods=["POST"]),
    Route("/auth/staff/sign-out", sign_out, methods=["POST"]),
]
