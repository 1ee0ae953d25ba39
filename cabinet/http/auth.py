"""Signing in and out: plain HTML forms, each answered by 303 to the page that shows the outcome.

Passwords and codes travel here only, in the body of a form; nothing of a body is ever logged. That a form comes from
our own pages is checked before, by `middleware.SameSite`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from urllib.parse import parse_qsl, quote, urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from cabinet import clock, connections, redis_client, worker
from cabinet.config import settings
from cabinet.db import in_read_session, in_session
from cabinet.domain.errors import CabinetError, NotFound
from cabinet.http import cookies
from cabinet.services import channels, passwords, pre_sessions, sessions, sign_in, staff
from cabinet.services.pre_sessions import LETTER_LINK, Browser
from cabinet.services.sessions import Principal
from cabinet.services.sign_in import CODE, LOGIN, PAGES, PASSWORD, PROFILE, WELCOME, CodeTry, SignedIn, Step

MAX_BODY = 16 * 1024
MAX_FIELDS = 20

Form = dict[str, str]
Endpoint = Callable[[Request], Awaitable[Response]]


# --- on the way in ----------------------------------------------------------------------------------------------------


async def ask_code(request: Request) -> Response:
    """POST /auth/code {number, captcha, remember}"""
    browser, form = cookies.browser_of(request), await form_of(request)
    step = await in_session(
        sign_in.ask_code,
        browser,
        number=form.get("number", ""),
        captcha=form.get("captcha", ""),
        remember=bool(form.get("remember")),
        now=clock.now(),
    )
    worker.wake()
    return _next(request, browser, step)


async def resend(request: Request) -> Response:
    """POST /auth/resend"""
    browser = cookies.browser_of(request)
    step = await in_session(sign_in.resend_code, browser, now=clock.now())
    worker.wake()
    return _next(request, browser, step)


async def another_picture(request: Request) -> Response:
    """POST /auth/captcha: the button stands in both sign-in forms and sends whatever they hold."""
    browser, form = cookies.browser_of(request), await form_of(request)
    page = PASSWORD if "password" in form else LOGIN
    step = await in_session(sign_in.another_picture, browser, page, number=form.get("number", ""), now=clock.now())
    return _next(request, browser, step)


async def change_number(request: Request) -> Response:
    """POST /auth/change-number: back to the number, which is still there."""
    return _next(request, cookies.browser_of(request), Step(LOGIN))


async def verify(request: Request) -> Response:
    """POST /auth/verify {code, remember}"""
    browser, form = cookies.browser_of(request), await form_of(request)
    return _next(request, browser, await _verified(browser, form))


async def by_password(request: Request) -> Response:
    """POST /auth/password {number, password, captcha, remember}"""
    browser, form = cookies.browser_of(request), await form_of(request)
    attempt = await in_session(
        sign_in.begin_password,
        browser,
        number=form.get("number", ""),
        captcha=form.get("captcha", ""),
        remember=bool(form.get("remember")),
        now=clock.now(),
    )
    if isinstance(attempt, Step):
        return _next(request, browser, attempt)
    is_right = await passwords.is_right(form.get("password", ""), attempt.kept_hash)
    step = await in_session(sign_in.finish_password, browser, attempt, is_right=is_right, now=clock.now())
    worker.wake()
    return _next(request, browser, step)


async def save_first_password(request: Request) -> Response:
    """POST /auth/welcome {password}"""
    return await _save_password(request, WELCOME)


async def skip_password(request: Request) -> Response:
    """POST /auth/welcome/skip"""
    browser, principal = await _who(request)
    if principal is None:
        return _next(request, browser, Step(LOGIN))
    return _next(request, browser, await in_session(sign_in.leave_welcome, browser, now=clock.now()))


# --- inside -----------------------------------------------------------------------------------------------------------


async def save_password(request: Request) -> Response:
    """POST /auth/profile/password {password}"""
    return await _save_password(request, PROFILE)


async def remove_password(request: Request) -> Response:
    """POST /auth/profile/password/remove"""
    browser, principal = await _who(request)
    if principal is None:
        return _next(request, browser, Step(LOGIN))
    if sessions.needs_step_up(principal, now=clock.now()):
        return await _refused(request, browser, PROFILE, "password", sign_in.FreshCodeNeeded())
    ended = await in_session(
        passwords.remove,
        principal,
        device=browser.label,
        device_token=browser.device,
        address=browser.address,
        language=browser.language,
        now=clock.now(),
    )
    connections.end(*ended)
    worker.wake()
    step = await in_session(sign_in.leave_changed, browser, "password-removed", now=clock.now())
    return _next(request, browser, step)


async def ask_email(request: Request) -> Response:
    """POST /auth/profile/email {email}: a letter with a link goes there."""
    browser, principal = await _who(request)
    if principal is None:
        return _next(request, browser, Step(LOGIN))
    if sessions.needs_step_up(principal, now=clock.now()):
        return await _refused(request, browser, PROFILE, "email", sign_in.FreshCodeNeeded())
    address = (await form_of(request)).get("email", "")
    try:
        await in_session(
            channels.ask_email, principal.subscriber_id, address, language=browser.language, now=clock.now()
        )
    except CabinetError as error:
        return await _refused(request, browser, PROFILE, "email", error)
    worker.wake()
    return _next(request, browser, await in_session(sign_in.leave_changed, browser, "email-asked", now=clock.now()))


async def confirm_email(request: Request) -> Response:
    """GET /auth/email?token=…: the link of a letter. Who is not signed in does so first, and is led back here."""
    browser, principal = await _who(request)
    token = request.query_params.get("token", "")
    if principal is None:
        await in_session(pre_sessions.remember_next, browser, f"{LETTER_LINK}?token={quote(token)}", now=clock.now())
        return _next(request, browser, Step(LOGIN))
    is_confirmed = await in_session(channels.confirm_email, principal.subscriber_id, token, now=clock.now())
    worker.wake()
    done = "email-confirmed" if is_confirmed else "email-link"
    return _next(request, browser, await in_session(sign_in.leave_changed, browser, done, now=clock.now()))


async def remove_email(request: Request) -> Response:
    """POST /auth/profile/email/remove"""
    browser, principal = await _who(request)
    if principal is None:
        return _next(request, browser, Step(LOGIN))
    if sessions.needs_step_up(principal, now=clock.now()):
        return await _refused(request, browser, PROFILE, "email", sign_in.FreshCodeNeeded())
    await in_session(channels.remove_email, principal.subscriber_id, now=clock.now())
    worker.wake()
    return _next(request, browser, await in_session(sign_in.leave_changed, browser, "email-removed", now=clock.now()))


async def send_step_up(request: Request) -> Response:
    """POST /auth/step-up/send {next}: `next` is the page that asks, with what was typed into it."""
    browser, principal = await _who(request)
    if principal is None:
        return _next(request, browser, Step(LOGIN))
    back = sign_in.way_back((await form_of(request)).get("next", ""))
    await in_session(sign_in.send_step_up, browser, principal, page=_page_of(back), now=clock.now())
    worker.wake()
    return _next(request, browser, Step(back))


async def step_up(request: Request) -> Response:
    """POST /auth/step-up {code, next}"""
    browser, principal = await _who(request)
    if principal is None:
        return _next(request, browser, Step(LOGIN))
    form = await form_of(request)
    back = sign_in.way_back(form.get("next", ""))
    step = await _verified(browser, form, principal, _page_of(back))
    return _next(request, browser, replace(step, path=back))


async def end_session(request: Request) -> Response:
    """POST /auth/sessions/end {session_id}: one of the subscriber's own."""
    browser, principal = await _who(request)
    if principal is None:
        return _next(request, browser, Step(LOGIN))
    form = await form_of(request)
    number = form.get("session_id", "")
    if number.isascii() and number.isdecimal() and len(number) < 19:
        try:
            await in_session(sessions.end, principal.subscriber_id, int(number), now=clock.now())
        except NotFound:
            pass  # ended meanwhile, or somebody else's: either way it is not in the list that follows
        else:
            connections.end(int(number))
    return _next(request, browser, Step(PROFILE))


async def sign_out(request: Request) -> Response:
    """POST /auth/sign-out"""
    browser = cookies.browser_of(request)
    await in_session(sessions.sign_out, browser.sid, now=clock.now())
    return _out(request, browser)


async def sign_out_everywhere(request: Request) -> Response:
    """POST /auth/sign-out-everywhere {keep}: with `keep` this browser stays in."""
    browser, principal = await _who(request)
    form = await form_of(request)
    if principal is None:
        return _out(request, browser)
    stays = bool(form.get("keep"))
    ended = await in_session(sign_in.sign_out_everywhere, browser, principal, stays=stays, now=clock.now())
    connections.end(*ended)
    return _next(request, browser, Step(PROFILE)) if stays else _out(request, browser)


async def screen(request: Request) -> Response:
    """GET /auth/screen?page=/login/code: what `pages` writes into a page, for pages that came from elsewhere."""
    page = f"{request.query_params.get('page', '').rstrip('/')}/"
    browser = cookies.browser_of(request)
    if page == staff.LOGIN:
        shown = await in_read_session(staff.get_screen, browser, cookies.staff_token(request), now=clock.now())
    elif page in PAGES:
        shown = await in_read_session(sign_in.get_screen, browser, page, now=clock.now())
    else:
        raise HTTPException(404)
    return JSONResponse(
        {
            "slots": shown.slots,
            "fills": shown.fills,
            "captcha": shown.is_captcha_asked,
            "resend_in": shown.resend_in,
            "redirect": shown.redirect,
        },
        headers={"Cache-Control": "no-store"},
    )


# --- shared -----------------------------------------------------------------------------------------------------------


async def form_of(request: Request) -> Form:
    """The fields of a small form.

    Raises:
        HTTPException: 413 over 16 KB, 415 for files and JSON, 400 for what is no form.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        if not await _body(request):
            return {}  # a button without fields
        raise HTTPException(415)
    try:
        fields = parse_qsl((await _body(request)).decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise HTTPException(400) from None
    return dict(fields)


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise HTTPException(413)
    return bytes(body)


async def _who(request: Request) -> tuple[Browser, Principal | None]:
    browser = cookies.browser_of(request)
    return browser, await in_read_session(sessions.find, browser.sid, now=clock.now())


def _page_of(path: str) -> str:
    return path.partition("?")[0]


async def _verified(
    browser: Browser, form: Form, principal: Principal | None = None, confirming: str = PROFILE
) -> Step:
    """Two transactions: the try is counted for good before anything is compared."""
    attempt = await in_session(
        sign_in.count_try, browser, form.get("code", ""), principal=principal, confirming=confirming, now=clock.now()
    )
    if not isinstance(attempt, CodeTry):
        return attempt
    return await in_session(sign_in.finish_try, browser, attempt, remember=bool(form.get("remember")), now=clock.now())


async def _save_password(request: Request, page: str) -> Response:
    browser, principal = await _who(request)
    if principal is None:
        return _next(request, browser, Step(LOGIN))
    form = await form_of(request)
    if sessions.needs_step_up(principal, now=clock.now()):
        return await _refused(request, browser, PROFILE, "password", sign_in.FreshCodeNeeded())
    msisdn = await in_read_session(passwords.get_msisdn, principal.subscriber_id)
    try:
        kept_hash = await passwords.check_and_hash(form.get("password", ""), msisdn=msisdn)
    except CabinetError as error:
        return await _refused(request, browser, page, "password", error)
    ended = await in_session(
        passwords.save,
        principal,
        kept_hash,
        device=browser.label,
        device_token=browser.device,
        address=browser.address,
        language=browser.language,
        now=clock.now(),
    )
    connections.end(*ended)
    worker.wake()
    if page == WELCOME:
        return _next(request, browser, await in_session(sign_in.leave_welcome, browser, now=clock.now()))
    done = "password-changed" if ended else "password-saved"
    step = await in_session(sign_in.leave_changed, browser, done, now=clock.now())
    return _next(request, browser, step)


async def _refused(request: Request, browser: Browser, page: str, field: str, error: CabinetError) -> Response:
    step = await in_session(sign_in.refuse, browser, page, error, field=field, now=clock.now())
    return _next(request, browser, step)


def _next(request: Request, browser: Browser, step: Step) -> Response:
    response = redirect(request, step.path)
    cookies.keep_pre(request, response, browser)
    if step.signed_in is not None:
        _enter(browser, response, step.signed_in)
    return response


def _enter(browser: Browser, response: Response, signed: SignedIn) -> None:
    """The cookies of the new session; sockets that still speak for the one before it are closed."""
    cookies.signed_in(response, signed)
    if browser.sid:
        connections.end_key(sessions.token_hash(browser.sid))


def _out(request: Request, browser: Browser) -> Response:
    if browser.sid:
        connections.end_key(sessions.token_hash(browser.sid))
    response = redirect(request, LOGIN)
    cookies.signed_out(response)
    return response


def redirect(request: Request, path: str) -> Response:
    """303 to one of our pages. Under `make dev` they live on another port than the forms post to."""
    own = settings().public_url
    is_from_elsewhere = request.headers.get("origin") == own and urlsplit(own).netloc != request.headers.get("host")
    return RedirectResponse(f"{own}{path}" if is_from_elsewhere else path, 303, {"Cache-Control": "no-store"})


def _unless_paused(page: str, endpoint: Endpoint) -> Endpoint:
    """Codes and sign-in wait while Redis is away: the other processes would not hear of it. The page says so."""

    async def guarded(request: Request) -> Response:
        if not await redis_client.trouble():
            return await endpoint(request)
        browser = cookies.browser_of(request)
        step = await in_session(sign_in.refuse, browser, page, sign_in.SignInPaused(), now=clock.now())
        return _next(request, browser, step)

    return guarded


def _post(path: str, endpoint: Endpoint) -> Route:
    return Route(path, endpoint, methods=["POST"])


routes: list[Route] = [
    _post("/auth/code", _unless_paused(LOGIN, ask_code)),
    _post("/auth/captcha", another_picture),
    _post("/auth/verify", _unless_paused(CODE, verify)),
    _post("/auth/resend", _unless_paused(CODE, resend)),
    _post("/auth/change-number", change_number),
    _post("/auth/password", _unless_paused(PASSWORD, by_password)),
    _post("/auth/welcome", save_first_password),
    _post("/auth/welcome/skip", skip_password),
    _post("/auth/profile/password", save_password),
    _post("/auth/profile/password/remove", remove_password),
    _post("/auth/profile/email", ask_email),
    _post("/auth/profile/email/remove", remove_email),
    Route(LETTER_LINK, confirm_email),
    _post("/auth/step-up/send", _unless_paused(PROFILE, send_step_up)),
    _post("/auth/step-up", _unless_paused(PROFILE, step_up)),
    _post("/auth/sessions/end", end_session),
    _post("/auth/sign-out", sign_out),
    _post("/auth/sign-out-everywhere", sign_out_everywhere),
    Route("/auth/screen", screen),
]
