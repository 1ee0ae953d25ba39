"""What the program asks of whatever takes its messages away: an SMS centre, an HTTP gateway, a mail server."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """A text for a number or an address. `reference` is the same whenever the message is handed over again."""

    reference: str
    recipient: str
    text: str
    subject: str = ""
    expires_at: datetime | None = None


class Verdict(StrEnum):
    """What became of a message that was handed over."""

    SENT = "sent"
    REFUSED = "refused"  # it is useless to try this message again
    FAILED = "failed"  # nobody knows, or not this time: again after a pause
    LEFT = "left"  # not the message's fault, and it has not gone: again as soon as there is room


@dataclass(frozen=True, slots=True)
class Answer:
    """The verdict on one message; `gateway_id` is what a receipt will call it by, `reason` is for the log."""

    reference: str
    verdict: Verdict
    gateway_id: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the gateway says later about a message that it had taken."""

    gateway_id: str
    is_delivered: bool


class Gateway(Protocol):
    """Takes messages away. One thread at a time uses it; the others wait."""

    def room(self) -> int:
        """How many messages it takes at once just now: 0 while it has no connection or was told to wait.

        Keeps the connection alive, so it is to be asked every second or so.
        """

    def send(self, messages: Sequence[Message]) -> Iterator[Answer]:
        """Hands messages over and answers for each of them once, in whatever order the gateway does.

        What is handed over again under the same reference is not sent twice where the gateway knows references.
        It stops after a few seconds and leaves the rest, so that what is urgent need not wait for a long row.
        """

    def receipts(self) -> list[Receipt]:
        """What has been said of earlier messages since the last call."""
