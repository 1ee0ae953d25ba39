"""The web server waits for nobody for ever."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from cabinet.http import server

HANDSHAKE = (
    b"GET /socket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
HELLO = b"\x81\x05hello"


async def _page(request: Request) -> PlainTextResponse:
    return PlainTextResponse("page")


async def _socket(websocket: WebSocket) -> None:
    await websocket.accept()
    await asyncio.sleep(0.6)
    await websocket.send_text("hello")
    await websocket.receive()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "REQUEST_SECONDS", 0.3)


@asynccontextmanager
async def _connection() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    app = Starlette(routes=[Route("/", _page), WebSocketRoute("/socket", _socket)])
    config = uvicorn.Config(app, http=server.PatientProtocol, ws="websockets-sansio", lifespan="off", log_config=None)
    config.load()
    state = uvicorn.Server(config).server_state
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(
        lambda: config.http_protocol_class(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    reader, writer = await asyncio.open_connection(*listener.sockets[0].getsockname()[:2])
    try:
        yield reader, writer
    finally:
        writer.close()
        listener.close()


@pytest.mark.parametrize("sent", [b"", b"GET / HTT", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "])
async def test_a_request_that_does_not_come_is_not_waited_for(sent: bytes):
    async with _connection() as (reader, writer):
        writer.write(sent)

        assert await asyncio.wait_for(reader.read(), 5) == b""


async def test_the_next_request_is_waited_for_as_long_and_no_longer():
    async with _connection() as (reader, writer):
        for _ in range(2):
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await reader.readuntil(b"page")).startswith(b"HTTP/1.1 200")
            await asyncio.sleep(0.1)
        writer.write(b"GET / HTT")

        assert await asyncio.wait_for(reader.read(), 5) == b""


async def test_a_websocket_stays_open():
    async with _connection() as (reader, writer):
        writer.write(HANDSHAKE)
        assert b" 101 " in await reader.readuntil(b"\r\n\r\n")

        assert await asyncio.wait_for(reader.readexactly(len(HELLO)), 5) == HELLO
