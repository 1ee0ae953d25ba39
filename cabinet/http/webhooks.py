"""What payment gateways tell: `POST /webhooks/payments/<gateway>`. It proves itself by what the gateway's adapter asks.

A message is acted on before it is answered: an answer of 200 means that it is committed. Whatever else happens, the
gateway sends it again.
"""

from ipaddress import ip_address

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from cabinet import clock
from cabinet.adapters.payments import Networks, gateway, in_thread
from cabinet.config import settings
from cabinet.domain.payments import WebhookVerdict
from cabinet.services import top_ups

MOST_BODY = 64 * 1024


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
    verdict = await in_thread(top_ups.handle_webhook, chosen, body, headers, now=clock.now)
    match verdict:
        case WebhookVerdict.FORGED:
            return PlainTextResponse("Forbidden", 403)
        case WebhookVerdict.UNVERIFIED:
            return PlainTextResponse("Try again", 503, {"Retry-After": "10"})
        case _:
            return PlainTextResponse("OK")


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
