"""SMS gateways: what the program asks of one, and which one the settings choose."""

from typing import Protocol

from cabinet.config import SmsGateway as Choice
from cabinet.config import settings


class SmsRefused(Exception):
    """The gateway will never send this message: a wrong number, a blacklist. Any other error is tried again."""


class SmsGateway(Protocol):
    """Sends a text to a number."""

    def send(self, recipient: str, text: str, reference: str) -> None:
        """Hands the message over; a second call with the same `reference` must not send it twice.

        Raises:
            SmsRefused: it is useless to try again.
        """


def gateway() -> SmsGateway:
    """The gateway of the settings."""
    match settings().sms_gateway:
        case Choice.DEMO:
            from cabinet.adapters.sms.demo import DemoPhone

            return DemoPhone()
