"""What every request and answer passes."""

import asyncio
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.testclient import TestClient

from cabinet import connections
from cabinet.config import settings
from cabinet.http import middleware
from cabinet.http.middleware import Bucket, SocketDoor, harden


@pytest.fixture(autouse=True)
def _fresh_headers():
    middleware._fixed_headers.cache_clear()
    middleware._policy.cache_clear()
    yield
    middleware._fixed_headers.cache_clear()
    middleware._policy.cache_clear()


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """Built pages, with what must not be reachable lying among them."""
    static = tmp_path / "client"
    (static / "assets").mkdir(parents=True)
    (static / "fonts").mkdir()
    (static / "login").mkdir()
    (static / "index.html").write_text("<script>start()</script><script src='/assets/a.js'></script>")
    (static / "login" / "index.html").write_text("<style>p{}</style><script type=module>enter()</script><p>login</p>")
    (static / "404.html").write_text("<p>nothing</p>")
    for name in (
        "fonts/letters.woff2",
        "assets/page-Bx12.js",
        "assets/page-Bx12.js.map",
        ".env",
        "cabinet.db",
        "icon.svg",
    ):
        (static / name).write_text("x")
    return static


@pytest.fixture
def client(built: Path) -> TestClient:
    async def who(request: Request) -> JSONResponse:
        return JSONResponse({"client": request.client.host, "scheme": request.url.scheme})

    async def fail(request: Request) -> None:
        raise ValueError("password=open sesame")

    async def form(request: Request) -> PlainTextResponse:
        return PlainTextResponse("done")

    async def page(request: Request) -> HTMLResponse:
        return HTMLResponse("own", headers={"Cache-Control": "private, max-age=5"})

    app = Starlette(
        routes=[
            Route("/who", who),
            Route("/fail", fail),
            Route("/own", page),
            Route("/auth/code", form, methods=["POST"]),
            Route("/webhooks/bank", form, methods=["POST"]),
            Route("/_upload", form, methods=["POST", "GET"]),
            Mount("/", StaticFiles(directory=built, html=True)),
        ]
    )
    return TestClient(harden(app, built), base_url="http://localhost:3000", raise_server_exceptions=False)


@pytest.mark.parametrize(("is_one_origin", "policy"), [(True, "same-origin"), (False, "same-site")])
def test_only_under_make_dev_another_port_may_show_a_picture_of_ours(built, is_one_origin, policy):
    client = TestClient(harden(StaticFiles(directory=built, html=True), built, is_one_origin))

    assert client.get("/").headers["cross-origin-resource-policy"] == policy


@pytest.mark.parametrize("path", ["/", "/who", "/fail", "/no/such/page", "/assets/page-Bx12.js", "/.env"])
def test_every_answer_has_the_security_headers(client, path):
    headers = client.get(path).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    assert "geolocation=()" in headers["permissions-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert len(headers["x-request-id"]) == 8
    assert "strict-transport-security" not in headers


def test_https_is_made_to_stay(client, monkeypatch):
    monkeypatch.setenv("CABINET_PUBLIC_URL", "https://lk.example.ru")
    settings.cache_clear()

    headers = client.get("/who").headers

    assert headers["strict-transport-security"].startswith("max-age=31536000")
    assert "connect-src 'self' wss://lk.example.ru;" in headers["content-security-policy"]


def test_a_page_may_run_its_own_inline_scripts_and_no_others(client):
    home = client.get("/").headers["content-security-policy"]
    login = client.get("/login/").headers["content-security-policy"]

    assert "'sha256-" in home
    assert "'sha256-" in login
    assert home != login
    for policy in (home, login):
        script = policy.split(";")[0]
        assert script.startswith("script-src 'self' ")
        assert "unsafe" not in script


def test_a_page_may_have_its_own_inline_styles_and_no_others(client):
    def styles(path: str) -> str:
        policy = client.get(path).headers["content-security-policy"]
        return next(part for part in policy.split("; ") if part.startswith("style-src"))

    own = b64encode(sha256(b"p{}").digest()).decode()
    assert styles("/login/") == f"style-src 'self' 'sha256-{own}'"
    assert styles("/") == "style-src 'self'"
    assert styles("/no/such/page") == "style-src 'self'"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/assets/page-Bx12.js", "public, max-age=31536000, immutable"),
        ("/assets/missing.js", "no-store"),
        ("/icon.svg", "no-cache"),
        ("/fonts/letters.woff2", "public, max-age=86400, stale-while-revalidate=2592000"),
        ("/fonts/missing.woff2", "no-store"),
        ("/login/", "no-store"),
        ("/who", "no-store"),
        ("/own", "private, max-age=5"),
        ("/fail", "no-store"),
    ],
)
def test_caching_by_what_the_answer_is(client, path, expected):
    assert client.get(path).headers["cache-control"] == expected


@pytest.mark.parametrize(
    "path",
    [
        "/.env",
        "/.git/config",
        "/.states/x",
        "/cabinet.db",
        "/CABINET.DB",
        "/assets/page-Bx12.js.map",
        "/var/cabinet.db-wal",
        "/rxconfig.py",
        "/_upload",
        "/_upload/x",
        "/_all_routes",
        "/_health",
        "/%2eenv",
        "/assets/..%2f.env",
    ],
)
def test_what_must_not_be_seen_is_not_there(client, path):
    assert client.get(path).status_code == 404


def test_a_fault_shows_a_number_and_no_trace(client):
    answer = client.get("/fail")

    assert answer.status_code == 500
    assert "sesame" not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://localhost:3000"}, 200),
        ({"origin": "http://localhost:3000", "sec-fetch-site": "same-site"}, 200),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({}, 200),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://localhost:3001"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
    ],
)
def test_a_form_of_another_site_is_refused(client, headers, status):
    assert client.post("/auth/code", headers=headers).status_code == status


def test_servers_outside_may_post_to_webhooks(client):
    assert client.post("/webhooks/bank", headers={"origin": "https://bank.example"}).status_code == 200


@pytest.mark.parametrize(
    ("hops", "forwarded", "expected"),
    [
        ("0", "203.0.113.9", "testclient"),
        ("1", "203.0.113.9", "203.0.113.9"),
        ("1", "1.2.3.4, 203.0.113.9", "203.0.113.9"),
        ("2", "1.2.3.4, 203.0.113.9, 10.0.0.1", "203.0.113.9"),
        ("2", "203.0.113.9", "testclient"),
        ("1", "", "testclient"),
    ],
)
def test_the_visitors_address_comes_from_the_trusted_hop(client, monkeypatch, hops, forwarded, expected):
    monkeypatch.setenv("CABINET_TRUSTED_PROXY_HOPS", hops)
    settings.cache_clear()

    answer = client.get("/who", headers={"x-forwarded-for": forwarded, "x-forwarded-proto": "https"}).json()

    assert answer == {"client": expected, "scheme": "http" if hops == "0" else "https"}


def test_a_bucket_lets_a_burst_pass_and_then_keeps_the_pace():
    bucket = Bucket(burst=3, rate=2, filled_at=100.0)

    assert [bucket.wait_seconds(100.0) for _ in range(5)] == [0, 0, 0, 0.5, 1.0]
    assert bucket.wait_seconds(102.0) == 0


async def test_a_socket_closed_from_outside_is_not_being_read_any_more():
    """Granian sends no close frame while a read is pending, and the tab of an ended session would stay as it is."""
    reads: list[str] = []

    async def receive() -> dict:
        reads.append("pending")
        try:
            await asyncio.Event().wait()
        finally:
            reads[-1] = "given up"

    async def app(_scope: dict, receive, _send) -> None:
        assert (await receive())["type"] == "websocket.disconnect"
        assert reads == ["given up"]

    scope = {"type": "websocket", "headers": [], "query_string": b""}
    serving = asyncio.create_task(SocketDoor(app)(scope, receive, None))
    await asyncio.sleep(0)
    while not reads:
        await asyncio.sleep(0)

    connections.end_key("")

    await asyncio.wait_for(serving, 5)
