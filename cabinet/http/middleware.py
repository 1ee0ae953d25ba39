"""The outer doors, as plain ASGI: what every request, answer and websocket passes.

`harden` puts them on in the right order. Nothing here reads the database.
"""

import asyncio
import hashlib
import hmac
import re
import secrets
import time
from base64 import b64encode
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cabinet import connections, db, metrics, tracing
from cabinet.config import settings
from cabinet.http.metrics import OTHER, RouteNames
from cabinet.locales import language_of
from cabinet.services import sessions

log = structlog.get_logger(__name__)

SOCKET_PATH = "/_event"
MAX_FRAME = 64 * 1024
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
FROM_OUTSIDE = ("/webhooks/", "/bank/")
"""Addresses that other servers post to: they prove themselves by a signature, not by `Origin`. The sandbox bank is a
site of its own, which knows no sessions."""

HIDDEN = re.compile(
    r"(^|/)\.(?!well-known/)"  # .env, .git, .states, .web
    r"|\.(map|env|db|db-wal|db-shm|sqlite3?|py|pyc|toml|ini|lock|sql)$"
    r"|^/(_upload|_all_routes|_health)(/|$)",  # Reflex's own: uploads by anybody, the list of pages, its health
    re.IGNORECASE,
)

LOGGED_PATH = 300
UNLOGGED = ("/assets/", "/fonts/", "/healthz", "/metrics")
COUNTED_METHODS = frozenset({"GET", "HEAD", "POST"})

FOREIGN_FORM = "Эта страница открыта не на сайте кабинета. Вернитесь на сайт и повторите действие."
FAULT = "Не получилось выполнить запрос. Попробуйте ещё раз. Номер ошибки: {reference}"


def harden(app: ASGIApp, static_dir: Path, is_one_origin: bool = True) -> ASGIApp:
    """All doors around the application; `static_dir` holds the built pages, whose inline scripts the CSP must know.

    Under `make dev` pages are on another port than the captcha's picture and sound: not `is_one_origin`.
    """
    names = RouteNames(getattr(app, "routes", ()), static_dir)
    return FarClient(RequestLog(SecurityHeaders(SameSite(SocketDoor(app)), static_dir, is_one_origin), names))


def cookie_name(name: str) -> str:
    """`__Host-` binds a cookie to this host over https; http://localhost cannot have it."""
    return f"__Host-{name}" if settings().is_https else name


# --- who asks -------------------------------------------------------------------------------------------------------


@dataclass
class FarClient:
    """Puts the visitor's own address and scheme into the scope when the program stands behind known proxies.

    Each trusted hop appends one address to X-Forwarded-For; what stands further left is written by the visitor.
    """

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        hops = settings().trusted_proxy_hops
        if hops and scope["type"] in ("http", "websocket"):
            headers = Headers(scope=scope)
            addresses = [item.strip() for item in ",".join(headers.getlist("x-forwarded-for")).split(",")]
            scope = dict(scope)
            if len(addresses) >= hops and addresses[-hops]:
                scope["client"] = (addresses[-hops], 0)
            if headers.get("x-forwarded-proto") in ("http", "https"):
                secure = headers["x-forwarded-proto"] == "https"
                plain = {"http": ("http", "https"), "websocket": ("ws", "wss")}[scope["type"]]
                scope["scheme"] = plain[secure]
        await self.app(scope, receive, send)


# --- log and faults -------------------------------------------------------------------------------------------------


@dataclass
class RequestLog:
    """Gives each request an id, writes one line about it, counts it, and turns a fault into a number instead of a
    trace."""

    app: ASGIApp
    names: RouteNames

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        reference = secrets.token_hex(4).upper()
        scope.setdefault("state", {})["reference"] = reference
        started, status = time.perf_counter(), 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = reference
            await send(message)

        with structlog.contextvars.bound_contextvars(request=reference), tracing.span("request") as span:
            try:
                await self.app(scope, receive, send_with_id)
            except Exception as error:
                log.exception("request failed", method=scope["method"], path=scope["path"][:LOGGED_PATH])
                metrics.FAULTS.labels("request").inc()
                if not status:
                    code = 503 if db.is_away(error) else 500
                    answer = PlainTextResponse(FAULT.format(reference=reference), code, {"Cache-Control": "no-store"})
                    await answer(scope, receive, send_with_id)
            seconds = time.perf_counter() - started
            milliseconds = round(seconds * 1000, 1)
            route, method = self.names.of(scope), scope["method"] if scope["method"] in COUNTED_METHODS else OTHER
            tracing.answered(span, method, route, status)
            metrics.REQUESTS.labels(route, method, status).inc()
            metrics.REQUEST_SECONDS.labels(route).observe(seconds)
            write = log.debug if scope["path"].startswith(UNLOGGED) else log.info
            write("request", method=scope["method"], path=scope["path"][:LOGGED_PATH], status=status, ms=milliseconds)


# --- headers --------------------------------------------------------------------------------------------------------

INLINE = {
    "script-src": re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL | re.IGNORECASE),
    "style-src": re.compile(rb"<style\b[^>]*>(.*?)</style>", re.DOTALL | re.IGNORECASE),
}


@dataclass
class SecurityHeaders:
    """Security headers on every answer, caching by what the answer is, and no way to what must not be seen."""

    app: ASGIApp
    static_dir: Path
    is_one_origin: bool = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and "websocket.http.response" in scope.get("extensions", {}):
            await self.app(scope, receive, self._refusing(scope, send))
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"]

        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _fixed_headers().items():
                    headers[name] = value
                if not self.is_one_origin:
                    headers["Cross-Origin-Resource-Policy"] = "same-site"
                headers.setdefault("Content-Security-Policy", content_security_policy(self.static_dir, path))
                if "cache-control" not in headers:
                    headers["Cache-Control"] = _caching(path, message["status"], headers)
                if "server" in headers:
                    del headers["server"]
                _forget_host(headers, scope)
            await send(message)

        if HIDDEN.search(path):
            await PlainTextResponse("Not Found", 404)(scope, receive, send_secured)
            return
        await self.app(scope, receive, send_secured)

    def _refusing(self, scope: Scope, send: Send) -> Send:
        """Gives the refusal of a websocket, which is an answer of HTTP, its headers; says nothing of the reason."""
        is_open = False

        async def send_refusal(message: Message) -> None:
            nonlocal is_open
            is_open = is_open or message["type"] == "websocket.accept"
            if is_open or message["type"] != "websocket.close":
                await send(message)
                return
            headers = _fixed_headers() | {
                "Content-Security-Policy": content_security_policy(self.static_dir, scope["path"]),
                "Cache-Control": "no-store",
            }
            raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
            await send({"type": "websocket.http.response.start", "status": 403, "headers": raw})
            await send({"type": "websocket.http.response.body", "body": b""})

        return send_refusal


def _forget_host(headers: MutableHeaders, scope: Scope) -> None:
    """Takes the visitor's `Host` out of a redirect: it may be anything, and whoever keeps answers would pass it on."""
    asked, location = f"{scope['scheme']}://{Headers(scope=scope).get('host', '')}", headers.get("location", "")
    path = location.removeprefix(asked)
    if path != location and path.startswith("/") and not path.startswith("//"):
        headers["Location"] = path


@lru_cache
def _fixed_headers() -> dict[str, str]:
    headers = {
        "X-Content-Type-Options": "nosniff",
        # Not `no-referrer`: with it browsers post our own forms with `Origin: null`.
        "Referrer-Policy": "same-origin",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    }
    if settings().is_https:
        headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    return headers


def _caching(path: str, status: int, headers: MutableHeaders) -> str:
    if status in (200, 206, 304) and path.startswith("/assets/"):
        return "public, max-age=31536000, immutable"  # the build puts a hash of the contents into these names
    is_file = "etag" in headers and not headers.get("content-type", "").startswith("text/html")
    if is_file and path.startswith("/fonts/"):
        return "public, max-age=86400, stale-while-revalidate=2592000"  # the same for years: letters wait for nobody
    if is_file:
        return "no-cache"  # icons and the small scripts, which belong to a build: kept, but asked for again
    return "no-store"  # pages too: the sign-in pages carry what was typed, and a page kept by «Back» shows a balance


def content_security_policy(static_dir: Path, path: str) -> str:
    """The policy of one address: its page's own inline scripts and styles by their hashes, nothing else inline."""
    pages = _inline(static_dir)
    address = path.rstrip("/") or "/"
    own, twin = pages.get(address, pages.get("/404", {})), pages.get(f"/en{address}", {})
    allowed = (" ".join(dict.fromkeys(["'self'", *own.get(of, ()), *twin.get(of, ())])) for of in INLINE)
    return "; ".join([*(f"{of} {what}" for of, what in zip(INLINE, allowed, strict=True)), _policy()])


@lru_cache
def _policy() -> str:
    """The rest of the policy: the same everywhere.

    Tried with Reflex 0.10.1's production build in Chromium, from the sign-in to the dashboard, without a violation:
    it needs no `unsafe-eval` (only events of `rx.call_script`, `rx.call_function` and `rx.toast` end in `eval`: do not
    use them) and no inline styles (React sets them by script; a `style` attribute in a prerendered page or Reflex's
    `style=` would need them). Its inline scripts start React and differ from page to page: hence the hashes.
    """
    socket = settings().public_url.replace("http", "ws", 1)
    return "; ".join(
        (
            "default-src 'self'",
            f"connect-src 'self' {socket}",
            "img-src 'self'",
            "font-src 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


@lru_cache
def _inline(static_dir: Path) -> dict[str, dict[str, tuple[str, ...]]]:
    """Address → directive → hashes of what stands inline in its built page. Read once: a new build comes with a new
    start."""
    found = {}
    for file in static_dir.rglob("*.html"):
        address = "/" + file.relative_to(static_dir).with_suffix("").as_posix()
        address = address.removesuffix("/index").removesuffix("index") or "/"
        html = file.read_bytes()
        found[address.rstrip("/") or "/"] = {of: _hashes(inline, html) for of, inline in INLINE.items()}
    return found


def _hashes(inline: re.Pattern[bytes], html: bytes) -> tuple[str, ...]:
    digests = (hashlib.sha256(text).digest() for text in inline.findall(html))
    return tuple(dict.fromkeys(f"'sha256-{b64encode(digest).decode()}'" for digest in digests))


# --- forms ----------------------------------------------------------------------------------------------------------


@dataclass
class SameSite:
    """Refuses a form that another site makes a visitor's browser send."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not is_own_form(scope):
            log.warning("form of another site refused", path=scope["path"][:LOGGED_PATH])
            await PlainTextResponse(FOREIGN_FORM, 403)(scope, receive, send)
            return
        await self.app(scope, receive, send)


def is_own_form(scope: Scope) -> bool:
    """Whether a request that changes something comes from our own pages (or is no browser's at all)."""
    if scope["method"] in SAFE_METHODS or scope["path"].startswith(FROM_OUTSIDE):
        return True
    headers = Headers(scope=scope)
    origin = headers.get("origin")
    if origin is not None:
        return origin == settings().public_url
    return headers.get("sec-fetch-site", "none") in ("same-origin", "none")


# --- websockets -----------------------------------------------------------------------------------------------------


@dataclass
class Bucket:
    """A token bucket: `burst` messages at once, then `rate` a second."""

    burst: float
    rate: float
    tokens: float = field(init=False)
    filled_at: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.tokens = self.burst

    def wait_seconds(self, now: float) -> float:
        """Takes one token; how long to wait before the message may be handled."""
        self.tokens = min(self.burst, self.tokens + (now - self.filled_at) * self.rate)
        self.filled_at = now
        self.tokens -= 1
        return max(0.0, -self.tokens / self.rate)


SOCKET_BURST, SOCKET_RATE = 60, 20
SESSION_BURST, SESSION_RATE = 240, 60


@dataclass
class SocketDoor:
    """What stands before Reflex's websocket.

    - Cookies but for the language are taken out and the session's key is put in: Reflex keeps a connection's headers in
      State, and State may be pickled to Redis.
    - The client's token (guessable, in the URL) is replaced by a keyed hash of session and token: whoever knows a token
      but not the cookie gets a State, and a socket for updates, of his own.
    - A flood is slowed down before anything is queued: the next message is not read until its turn. Larger frames than
      64 KB close the socket.
    - `connections` can close it when its session ends.
    """

    app: ASGIApp
    buckets: dict[str, Bucket] = field(default_factory=dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return
        try:
            known = _with_key(scope, key := _session_key(Headers(scope=scope)))
        except ValueError:  # an address that no page of ours makes
            await send({"type": "websocket.close"})
            return
        loop, closing = asyncio.get_running_loop(), asyncio.Event()

        def close() -> None:
            loop.call_soon_threadsafe(closing.set)

        socket = connections.Socket(key, close)
        guarded = _Inbox(receive, closing, [Bucket(SOCKET_BURST, SOCKET_RATE), *self._shared(key)])
        connections.attach(socket)
        try:
            await self.app(known, guarded, send)
        finally:
            connections.detach(socket)
            guarded.stop()

    def _shared(self, key: str) -> list[Bucket]:
        """The bucket of all sockets of one session; strangers have only their socket's own."""
        if not key:
            return []
        if len(self.buckets) > 10_000:
            self.buckets.clear()
        return [self.buckets.setdefault(key, Bucket(SESSION_BURST, SESSION_RATE))]


class _Inbox:
    """`receive` of a websocket with pace, size and an end from outside."""

    def __init__(self, receive: Receive, closing: asyncio.Event, buckets: list[Bucket]) -> None:
        self._receive = receive
        self._buckets = buckets
        self._closing = asyncio.create_task(closing.wait())
        self._reading: asyncio.Task[Message] | None = None

    async def __call__(self) -> Message:
        # Engine.IO cancels a wait that takes too long; the message being read must not get lost with it.
        if self._reading is None:
            self._reading = asyncio.create_task(_message(self._receive))
        both: set[asyncio.Task[Any]] = {self._reading, self._closing}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if self._closing.done():
            # Granian sends no close frame while somebody waits for a message: the browser would learn of nothing.
            self._reading.cancel()
            await asyncio.wait({self._reading})
            return {"type": "websocket.disconnect", "code": 1008}
        message, self._reading = self._reading.result(), None
        if message["type"] != "websocket.receive":
            return message
        if message.get("text") is None:
            # Pages send text alone. Socket.IO would gather any number of binary attachments before it looks at them.
            log.warning("socket closed: a binary frame")
            return {"type": "websocket.disconnect", "code": 1003}
        if len(message["text"]) > MAX_FRAME:
            log.warning("socket closed: frame too large")
            return {"type": "websocket.disconnect", "code": 1009}
        pause = max(bucket.wait_seconds(time.monotonic()) for bucket in self._buckets)
        if pause:
            await asyncio.sleep(pause)
        return message

    def stop(self) -> None:
        """Leaves no task behind."""
        self._closing.cancel()
        if self._reading is not None:
            self._reading.cancel()


async def _message(receive: Receive) -> Message:
    return await receive()  # `receive` may give an awaitable that is no coroutine, and a task needs one


def _session_key(headers: Headers) -> str:
    """The key of the session cookies, "" without any.

    Read as `http/cookies.py` has it read: another reader would meet a browser as signed in here and as a stranger there
    (the standard library's gives up at the first odd cookie, and another site of the same domain can set one).
    """
    cookies: dict[str, str] = {}
    for header in headers.getlist("cookie"):
        cookies.update(cookie_parser(header))
    tokens = (cookies.get(cookie_name(name), "") for name in ("sid", "staff"))
    return connections.key_of(*(sessions.token_hash(token) if token else "" for token in tokens))


def _with_key(scope: Scope, key: str) -> Scope:
    """The scope as Reflex may see it: the key among the headers, the language alone of the cookies, its own token."""
    unwanted = (b"cookie", connections.KEY_HEADER.encode())
    headers = [(name, value) for name, value in scope["headers"] if name.lower() not in unwanted]
    headers.append((connections.KEY_HEADER.encode(), key.encode()))
    language = language_of(Headers(scope=scope).get("cookie", ""))
    headers.append((b"cookie", f"lang={language}".encode()))  # of all cookies the one that handlers need
    query = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=20)
    if "token" in query:
        query["token"] = [_own_token(key, query["token"][0])]
    return {**scope, "headers": headers, "query_string": urlencode(query, doseq=True).encode()}


def _own_token(key: str, token: str) -> str:
    return hmac.new(settings().secret_key.encode(), f"{key}:{token}".encode(), hashlib.sha256).hexdigest()[:32]
