"""What payment gateways tell: `POST /webhooks/payments/<gateway>`. It proves itself by what the gateway's adapter asks.

A message is acted on before it is answered: an answer of 200 means that it is committed. Whatever else happens, the
gateway sends it again.
"""

import asyncio
from collections import deque
from contextlib import suppress
from ipaddress import ip_address

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from cabinet import clock, metrics
from cabinet.adapters.payments import (
    ForgedWebhook,
    GatewayPayment,
    Networks,
    PaymentGateway,
    gateway,
    in_thread,
)
from cabinet.config import settings
from cabinet.domain.payments import WebhookVerdict
from cabinet.services import top_ups

MOST_BODY = 64 * 1024
TOGETHER = 32  # messages in one transaction: the writer must not be held for long

log = structlog.get_logger(__name__)


async def payment(request: Request) -> Response:
    """200: taken, whatever came of it. 403: not the gateway's. 503: could not be verified now, send it again."""
    chosen = gateway()
    if request.path_params["gateway"] != chosen.name:
        return PlainTextResponse("Not Found", 404)
    if settings().payments_check_address and not _is_from(chosen.networks, request):
        return PlainTextResponse("Forbidden", 403)
    body = b""
    try:
        async for part in request.stream():
            body += part
            if len(body) > MOST_BODY:
                return PlainTextResponse("Too large", 413, {"Connection": "close"})
    except ClientDisconnect:
        return PlainTextResponse("", 400)
    headers = {name.lower(): value for name, value in request.headers.items()}
    verdict = await _heard(chosen, body, headers)
    metrics.WEBHOOKS.labels(verdict.value if verdict else "failed").inc()
    match verdict:
        case None:
            return PlainTextResponse("Try again", 500)
        case WebhookVerdict.FORGED:
            return PlainTextResponse("Forbidden", 403)
        case WebhookVerdict.UNVERIFIED:
            return PlainTextResponse("Try again", 503, {"Retry-After": "10"})
        case _:
            return PlainTextResponse("OK")


async def _heard(chosen: PaymentGateway, body: bytes, headers: dict[str, str]) -> WebhookVerdict | None:
    """What came of it; None: it could not be acted on now.

    A transaction waits for the disk, and a statement costs more to say than to do: signed messages that come while one
    transaction is at work are acted on together in the next one.
    """
    with suppress(ForgedWebhook):  # looked at once more below, where it is kept and told of
        event = chosen.read_webhook(body, headers)
        if event is not None and event.payment is not None:
            return await _heard_together(chosen, body, event.payment)
    return await in_thread(top_ups.handle_webhook, chosen, body, headers, now=clock.now)


_Waiting = tuple[bytes, GatewayPayment, asyncio.Future[WebhookVerdict | None]]
_waiting: deque[_Waiting] = deque()
_hearing: set[asyncio.Task[None]] = set()  # the one that is at work, if any


async def _heard_together(chosen: PaymentGateway, body: bytes, payment: GatewayPayment) -> WebhookVerdict | None:
    verdict = asyncio.get_running_loop().create_future()
    _waiting.append((body, payment, verdict))
    if not _hearing:
        task = asyncio.create_task(_hear_all(chosen))
        _hearing.add(task)
        task.add_done_callback(_hearing.discard)
    return await verdict


async def _hear_all(chosen: PaymentGateway) -> None:
    while _waiting:
        now_heard = [_waiting.popleft() for _ in range(min(len(_waiting), TOGETHER))]
        messages = [(body, payment) for body, payment, _ in now_heard]
        verdicts: list[WebhookVerdict | None] = [None] * len(messages)
        try:
            verdicts = await in_thread(top_ups.handle_signed, chosen, messages, now=clock.now)
        except Exception:  # the database is away: whoever sent them sends them again
            log.exception("gateway's messages could not be acted on", messages=len(messages))
        for (_, _, waiting), verdict in zip(now_heard, verdicts, strict=True):
            if not waiting.done():  # who hung up is not waited for
                waiting.set_result(verdict)


def _is_from(networks: Networks, request: Request) -> bool:
    """Whether the sender's address, behind our own proxies, is in one of them; a gateway may publish none."""
    if not networks:
        return True
    try:
        address = ip_address(request.client.host if request.client else "")
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in network for network in networks)


routes = [Route("/webhooks/payments/{gateway}", payment, methods=["POST"])]
