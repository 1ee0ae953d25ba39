"""Whether the outside world can be reached: the SMS gateway, the mail server, the payment gateway of the settings.

A connection is opened and closed again; nothing is asked, so nothing is said of passwords.
"""

import asyncio
import time
from contextlib import suppress
from urllib.parse import urlsplit

from cabinet.adapters.payments.yookassa import API
from cabinet.config import PaymentsGateway, SmsGateway, settings

PATIENCE_SECONDS = 2.0
REMEMBER_SECONDS = 15.0

_known: dict[tuple[str, int], tuple[float, bool]] = {}


async def list_unreachable() -> dict[str, bool]:
    """Part → whether it cannot be reached, at most 15 seconds old; only parts that the settings name."""
    places = _places()
    answers = await asyncio.gather(*(_is_reachable(place) for place in places.values()))
    return {part: not answer for part, answer in zip(places, answers, strict=True)}


def _places() -> dict[str, tuple[str, int]]:
    chosen = settings()
    places = {}
    if chosen.sms_gateway is SmsGateway.SMPP:
        places["sms"] = (chosen.sms_host, chosen.sms_port)
    if chosen.sms_gateway is SmsGateway.HTTP:
        places["sms"] = _place(chosen.sms_url.get_secret_value())
    if chosen.smtp_host:
        places["mail"] = (chosen.smtp_host, chosen.smtp_port)
    if chosen.payments_gateway is PaymentsGateway.YOOKASSA:
        places["payments"] = _place(chosen.payments_url or API)
    return places


def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or {"https": 443}.get(parts.scheme, 80)


async def _is_reachable(place: tuple[str, int]) -> bool:
    known = _known.get(place)
    if known is not None and known[0] > time.monotonic():
        return known[1]
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            _, writer = await asyncio.open_connection(*place)
    except OSError:  # a time-out is one
        answer = False
    else:
        answer = True
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    _known[place] = (time.monotonic() + REMEMBER_SECONDS, answer)
    return answer
