"""An HTTP gateway: a GET a message to an address made from a template, as Kannel's `sendsms` takes it."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from urllib.parse import quote

import httpx
import structlog

from cabinet import clock
from cabinet.adapters.pauses import LONGEST_SECONDS, Pause, Rate
from cabinet.adapters.sending import Answer, Message, Receipt, Verdict
from cabinet.config import Settings

log = structlog.get_logger(__name__)

ROUNDS = 2  # of the window: with the longest time-out, a batch ends before its claim does
MINUTES_OF_A_DAY = 24 * 60

_REFUSED = {400, 410, 413, 414, 422}
_SETTINGS_REFUSED = {401, 402, 403, 404, 405, 407}  # every message would be answered so


class HttpGateway:
    """So many requests at once as the window allows; the connections are kept."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client = httpx.Client(
            timeout=settings.sms_timeout_seconds,
            limits=httpx.Limits(max_connections=settings.sms_window, max_keepalive_connections=settings.sms_window),
            trust_env=False,
        )
        self._pause, self._rate = Pause(), Rate(settings.sms_rate)

    def room(self) -> int:
        if self._pause.is_on:
            return 0
        room, at_once = self._rate.room(), self._settings.sms_window * ROUNDS
        return at_once if room is None else min(room, at_once)

    def send(self, messages: Sequence[Message]) -> Iterator[Answer]:
        for _ in messages:
            self._rate.take()
        with ThreadPoolExecutor(self._settings.sms_window, thread_name_prefix="sms") as pool:
            asked = [pool.submit(self._send_one, message) for message in messages]
            for done in as_completed(asked):
                yield done.result()

    def receipts(self) -> list[Receipt]:
        """It says nothing more: that it took a message is all that is known."""
        return []

    def _send_one(self, message: Message) -> Answer:
        if self._pause.is_on:  # another one has just been told so
            return Answer(message.reference, Verdict.LEFT)
        try:
            response = self._client.get(self._address(message))
        except httpx.ConnectError as error:
            self._pause.begin()
            return Answer(message.reference, Verdict.LEFT, reason=type(error).__name__)
        except httpx.HTTPError as error:  # it may have taken the message: nobody knows
            self._pause.begin()
            return Answer(message.reference, Verdict.FAILED, reason=type(error).__name__)
        status, reason = response.status_code, f"HTTP {response.status_code}"
        if response.is_success:
            self._pause.forget()
            return Answer(message.reference, Verdict.SENT)
        if status in _REFUSED:
            return Answer(message.reference, Verdict.REFUSED, reason=reason)
        if status in _SETTINGS_REFUSED or response.is_redirect:
            log.error("the sms gateway refuses us", reason=reason, is_misconfigured=True)
            self._pause.begin(LONGEST_SECONDS)
            return Answer(message.reference, Verdict.LEFT, reason=reason)
        if status in (429, 503):
            self._pause.begin(_seconds(response.headers.get("retry-after", "")))
            return Answer(message.reference, Verdict.LEFT, reason=reason)
        return Answer(message.reference, Verdict.FAILED, reason=reason)

    def _address(self, message: Message) -> str:
        values = {
            "user": self._settings.sms_user,
            "password": self._settings.sms_password.get_secret_value(),
            "from": self._settings.sms_sender,
            "to": message.recipient,
            "text": message.text,
            "reference": message.reference,
            "minutes": str(_minutes(message)),
        }
        return self._settings.sms_url.get_secret_value().format_map(
            {name: quote(value, safe="") for name, value in values.items()}
        )


def _minutes(message: Message) -> int:
    """How long it may still be sent."""
    if message.expires_at is None:
        return MINUTES_OF_A_DAY
    return max(int((message.expires_at - clock.now()).total_seconds()) // 60, 1)


def _seconds(retry_after: str) -> float:
    return min(float(retry_after), 600.0) if retry_after.isdigit() else 0.0
