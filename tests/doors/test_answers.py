"""Every kind of answer: its headers, and what is not to be found."""

import asyncio
import itertools
import re
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from cabinet.http.auth import routes as auth_routes
from cabinet.http.staff import routes as staff_routes
from tests.doors.conftest import Subscriber
from tests.doors.visitors import Visitor
from tests.site import Site

FIXED = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
POLICY = ("default-src 'self'", "object-src 'none'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'")
PAGES = [
    "/",
    "/login/",
    "/login/password/",
    "/help/",
    "/help/?q=%D0%BA%D0%BE%D0%B4",
    "/expenses/",
    "/demo/phone/",
    "/demo/clock/",
    "/staff/login/",
]
NOTHING = [
    "/nope",
    "/nope/nope.js",
    "/auth",
    "/auth/code",
    "/assets/nope.js",
    "/help/../../etc/passwd",
    "/help/%2e%2e%2f%2e%2e%2fetc%2fpasswd/",
    "/..%2f..%2fetc%2fpasswd",
    "/assets/..%2f..%2f..%2f..%2fpyproject.toml",
    "//evil.example/",
    "/.env",
    "/%2eenv",
    "/.git/config",
    "/.web/build/client/index.html",
    "/.states/x",
    "/var/cabinet.db",
    "/cabinet.db-wal",
    "/pyproject.toml",
    "/rxconfig.py",
    "/_upload",
    "/_upload/x",
    "/_all_routes",
    "/_health",
    "/webhooks/nobody",
]


def faults_of(answer: httpx.Response) -> list[str]:
    """What is missing among the headers of an answer."""
    headers, origin = answer.headers, str(answer.request.url.copy_with(raw_path=b"/"))[:-1]
    missing = [f"{name}: {headers.get(name)}" for name, value in FIXED.items() if headers.get(name) != value]
    policy = headers.get("content-security-policy", "")
    missing += [part for part in POLICY if part not in policy]
    if "unsafe" in policy or "*" in policy or "camera=()" not in headers.get("permissions-policy", ""):
        missing.append(policy)
    if "cache-control" not in headers or not re.fullmatch(r"[0-9A-F]{8}", headers.get("x-request-id", "")):
        missing.append("cache-control, x-request-id")
    if not set(headers.get("access-control-allow-origin", origin).split(", ")) <= {origin}:
        missing.append(f"access-control-allow-origin: {headers['access-control-allow-origin']}")
    return [
        f"{answer.request.method} {answer.request.url.raw_path.decode()} {answer.status_code}: {name}"
        for name in missing
    ]


@pytest.mark.parametrize("is_signed_in", [False, True])
async def test_every_kind_of_answer_has_the_security_headers(site: Site, anna: Subscriber, is_signed_in: bool):
    async with Visitor(site) as visitor:
        page = (await visitor.get("/login/")).text
        if is_signed_in:
            visitor.http.headers["Cookie"] = anna.cookie
        files = [*re.findall(r'(?:src|href)="(/[^"]+\.\w+)"', page), "/icon.svg", "/manifest.webmanifest"]
        assert len(files) > 4
        requests = [("GET", path) for path in (*PAGES, *NOTHING, *files, "/profile/", "/welcome/", "/login/code/")]
        requests += [("GET", path) for path in ("/auth/captcha.png", "/auth/captcha.wav", "/auth/screen?page=/login/")]
        requests += [("GET", path) for path in ("/auth/screen?page=/etc", "/healthz", "/readyz", "/demo/state.json")]
        requests += [("GET", "/ping"), ("GET", "/_event/"), ("GET", "/_event/?EIO=4&transport=polling")]
        requests += [("POST", "/_event/?EIO=4&transport=polling"), ("OPTIONS", "/login/"), ("HEAD", "/login/")]
        requests += [(method, "/login/") for method in ("PUT", "DELETE", "PATCH", "TRACE", "NONSENSE")]
        requests += [("OPTIONS", "/auth/verify"), ("DELETE", "/auth/verify"), ("POST", "/nope"), ("POST", "/login/")]
        found = []
        for method, path in requests:
            answer = await visitor.http.request(method, httpx.URL(site.url).copy_with(raw_path=path.encode()))
            found += faults_of(answer)

    assert found == []


async def test_a_stranger_finds_no_metrics_and_this_machine_does(site: Site):
    async with Visitor(site) as stranger, httpx.AsyncClient() as scraper:
        assert (await stranger.get("/metrics")).status_code == 404
        assert "cabinet_sockets_open" in (await scraper.get(f"{site.url}/metrics")).text


async def posted(site: Site, path: str, kind: dict[str, Any]) -> httpx.Response | None:
    """The answer, each time on a connection of its own: the site hangs up where it did not want the body, and may do so
    before the answer is read. None when that happens always."""
    for _ in range(5):
        async with Visitor(site) as visitor:
            try:
                return await visitor.http.post(path, **kind)
            except httpx.TransportError:
                continue
    return None


async def test_every_form_refused_or_not_has_them_too(site: Site):
    plain = {"Content-Type": "application/x-www-form-urlencoded"}
    without_body = {"headers": {"Origin": "null"}}
    kinds = [
        without_body,
        {"json": {"number": 1}},
        {"files": {"number": b"x"}},
        {"content": b"a=" + b"&a=" * 50, "headers": plain},
        {"content": b"\xff\xfe=\x00", "headers": plain},
        {"data": {"number": "\x00", "code": "\u2028", "captcha": "\U0001f600", "session_id": "1"}},
        {"content": b"a" * 20_000},
    ]
    found = []
    paths = [route.path for route in [*auth_routes, *staff_routes] if "POST" in (route.methods or ())]
    for path, kind in itertools.product(paths, kinds):
        answer = await posted(site, path, kind)
        if answer is None:
            assert kind != without_body, path
            continue
        found += faults_of(answer)
        if answer.status_code >= 500 or "Traceback" in answer.text:
            found.append(f"{path} {kind}: {answer.status_code}")

    assert found == []


@pytest.mark.parametrize("path", NOTHING)
async def test_what_must_not_be_seen_is_not_there(site: Site, path: str):
    async with httpx.AsyncClient() as visitor:
        answer = await visitor.get(httpx.URL(site.url).copy_with(raw_path=path.encode()))

    assert answer.status_code == 404
    assert "root:" not in answer.text
    assert "[tool." not in answer.text


async def test_the_address_in_the_host_header_is_nowhere(site: Site):
    """Neither in a redirect nor in a page nor in an SMS: whoever keeps answers would keep it for others."""
    async with Visitor(site) as visitor:
        for path in (*PAGES, *NOTHING, "/profile", "/welcome", "/login", "/help", "/demo/phone"):
            url = httpx.URL(site.url).copy_with(raw_path=path.encode())
            answer = await visitor.http.get(url, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
            assert "evil.example" not in answer.headers.get("location", "") + answer.text.replace(path, "")
        answer = await visitor.post("/auth/code", headers={"Host": "evil.example"}, number="9991234567")
        assert answer.headers["location"] in ("/login/", f"{site.url}/login/")


@pytest.mark.parametrize(
    "address", ["//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example", "javascript:alert(1)"]
)
async def test_nobody_is_sent_elsewhere_after_signing_in(site: Site, number: str, address: str):
    async with Visitor(site) as visitor:
        await visitor.get("/login/", params={"next": address})
        first = await visitor.post("/auth/verify", code=await visitor.receive_code(number))
        second = await visitor.post("/auth/welcome/skip")

        assert [first.headers["location"], second.headers["location"]] == ["/welcome/", "/"]


async def handshake(site: Site, **headers: str) -> bytes:
    """What the site answers to a websocket's handshake, byte by byte."""
    parts = urlsplit(site.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    sent = {
        "Host": parts.netloc,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    } | headers
    lines = [f"GET {sent.pop('path', '/_event/?EIO=4&transport=websocket&token=x')} HTTP/1.1"]
    writer.write("\r\n".join([*lines, *(f"{name}: {value}" for name, value in sent.items()), "", ""]).encode())
    answer = await asyncio.wait_for(reader.read(4096), 10)
    writer.close()
    return answer


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"path": "/elsewhere"},
        {"path": "/_event/?" + "&".join(["token=x"] * 50)},
        {"path": "/_event/?EIO=3&transport=websocket"},
    ],
    ids=["another origin", "no origin", "another path", "too many fields", "another protocol"],
)
async def test_a_refused_websocket_tells_nothing(site: Site, headers: dict[str, str]):
    answer = await handshake(site, **({"Origin": site.url} | headers))

    assert not answer.startswith(b"HTTP/1.1 101")
    assert answer[9:12] in (b"400", b"403", b"404")
    assert b"Traceback" not in answer
    assert b"x-content-type-options: nosniff" in answer.lower()


async def test_words_that_are_slow_to_search_stop_nobody(site: Site):
    """The log is searched for secrets; a long address once cost that search minutes, and the whole site waited."""
    words = ("парол", "code", "код", "token_", "9", "123456 ", "cookie=", "aA1-")
    async with Visitor(site) as visitor:
        for word in words:
            path = "/" + httpx.QueryParams({"": word * (9_000 // len(word.encode()))}).__str__()[1:].replace("+", "%20")
            assert (await visitor.get(path)).status_code in (404, 414, 431)
        assert (await visitor.get("/healthz")).status_code == 200
