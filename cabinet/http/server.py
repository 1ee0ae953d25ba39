"""The web server: uvicorn, because an open tab costs a tenth of what it costs Granian, which comes with Reflex.

Granian keeps 128 KB of read buffer for each websocket and cannot be told otherwise; a whole session should need 100.
"""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from cabinet.http import health
from cabinet.http.middleware import MAX_FRAME

BACKLOG = 1024
REQUEST_SECONDS = 60  # to the end of a request's headers, from the opening of the connection or from the last answer
GOODBYE_SECONDS = 10


async def run(app: ASGIApp, host: str, port: int, drain_seconds: float = 0) -> None:
    """Serves until SIGINT or SIGTERM; open tabs and unfinished answers have ten seconds then.

    `drain_seconds`: so long after the signal it goes on serving and says by `/healthz` that it will stop. A second
    signal ends that.

    Raises:
        SystemExit: 1, the application refused to start (the log says why) or the port is taken.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=PatientProtocol,
        ws="websockets-sansio",
        ws_max_size=4 * MAX_FRAME,  # the door measures; this is for what should not even be gathered
        ws_per_message_deflate=False,  # 40 KB a socket
        ws_ping_interval=None,  # Engine.IO has its own
        lifespan="on",
        backlog=BACKLOG,
        timeout_keep_alive=REQUEST_SECONDS,
        timeout_graceful_shutdown=GOODBYE_SECONDS,
        proxy_headers=False,  # `FarClient` knows how many proxies to believe
        server_header=False,
        access_log=False,
        log_config=None,  # ours are configured already
        log_level="warning",
    )
    server = _Server(config)
    loop = asyncio.get_running_loop()

    def stop(number: int) -> None:
        pause = 0 if health.is_stopping() else drain_seconds
        health.say_stopping()
        loop.call_later(pause, server.handle_exit, number, None)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    try:
        await server.serve()
    except SystemExit:
        raise SystemExit(1) from None


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves the signals to `run`: uvicorn would end the process by the signal, and not with 0."""
        yield


class PatientProtocol(H11Protocol):
    """Closes a connection whose request does not come: uvicorn by itself waits for a first byte, and between the bytes
    of a request's headers, for ever."""

    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins to wait."""
        super().connection_made(transport)
        self._wait()

    def on_response_complete(self) -> None:
        """Begins to wait for the next request."""
        super().on_response_complete()
        self._wait()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Leaves the connection to the websocket."""
        self._stop_waiting()
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        """Leaves no timer behind."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._stop_waiting()
        if not self.transport.is_closing():
            self._patience = self.loop.call_later(REQUEST_SECONDS, self._give_up)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        if self.conn.their_state is h11.IDLE:
            self.transport.close()
