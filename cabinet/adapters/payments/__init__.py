"""Payment gateways: what the program asks of one, and which one the settings choose.

A gateway is a plain object whose methods may take seconds: they are called from threads, never inside a transaction.
How a new one is written: docs/payments.md.
"""

import asyncio
import contextvars
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache, partial
from ipaddress import IPv4Network, IPv6Network
from typing import ParamSpec, Protocol, TypeVar

from cabinet.config import PaymentsGateway as Choice
from cabinet.config import settings
from cabinet.domain.payments import PaymentKind, PaymentState, Refusal

CURRENCY = "RUB"

Networks = tuple[IPv4Network | IPv6Network, ...]

P = ParamSpec("P")
R = TypeVar("R")
_POOL = ThreadPoolExecutor(max_workers=16, thread_name_prefix="payments")


class GatewayUnavailable(Exception):
    """No answer, or one that says nothing: whether it was done is *unknown*. Ask again with the same key."""


class GatewayRefused(Exception):
    """The gateway understood and will never do it: nothing was charged. The text is for the log alone."""

    def __init__(self, text: str, refusal: Refusal = Refusal.GATEWAY_REFUSED) -> None:
        super().__init__(text)
        self.refusal = refusal


class ForgedWebhook(Exception):
    """The message does not come from the gateway, or is not one of its messages."""


@dataclass(frozen=True, slots=True)
class PaymentOrder:
    """What is asked of a gateway.

    `key` is the idempotence key: the gateway makes one payment for it, however often it is asked. It must also come
    back in `GatewayPayment.key` (as metadata, where the gateway has no better place). With a `method_token` the saved
    card or account is charged without the person, and no page is needed.
    """

    key: str
    amount_kopecks: int
    description: str  # Russian, for the gateway's page and the bank's statement
    kind: PaymentKind
    return_url: str  # where the gateway sends the person afterwards; it proves nothing
    receipt_phone: str  # digits, as 79161234567: where the receipt of 54-ФЗ goes
    method_token: str | None = None
    saves_method: bool = False


@dataclass(frozen=True, slots=True)
class SavedMethod:
    """A card or an account that the gateway may charge again. `title` as `··4821`, `expires` as `09/28` or empty."""

    token: str
    kind: PaymentKind
    title: str
    expires: str = ""


@dataclass(frozen=True, slots=True)
class GatewayPayment:
    """A payment as the gateway knows it. The service compares `shop`, `amount_kopecks`, `currency` and `key` with ours.

    `amount_kopecks` is an exact integer: an adapter reads the gateway's text by `domain.money.parse_kopecks`.
    `refusal` is there when `state` is canceled. `method` is there when one was saved. `method_title` is what was paid
    with, saved or not, as soon as it is known. `confirmation_url` must lead to the gateway's own pages: the adapter
    checks that.
    """

    id: str
    key: str
    shop: str
    state: PaymentState
    amount_kopecks: int
    currency: str = CURRENCY
    confirmation_url: str = ""
    refusal: Refusal | None = None
    refunded_kopecks: int = 0
    method: SavedMethod | None = None
    method_title: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """What a verified webhook says: something happened to this payment.

    Without a `payment` the message proves nothing by itself (the gateway signs nothing): the service fetches it, where
    the id is known or `key`, as the message has it, is of an order whose payment's id the gateway never told.
    """

    payment_id: str
    payment: GatewayPayment | None = None
    key: str = ""


class PaymentGateway(Protocol):
    """A bank or a payment provider, for one shop.

    `name` is part of the webhook's address `/webhooks/payments/<name>` and of references in the ledger: never change
    it. `remembers_keys_for`: how long the gateway surely knows an idempotence key; after that a `create` whose outcome
    is unknown is not repeated. `networks`: where its messages come from, as it publishes them; empty: it does not.
    """

    name: str
    shop: str
    remembers_keys_for: timedelta
    networks: Networks

    def create(self, order: PaymentOrder) -> GatewayPayment:
        """Makes the payment, or finds the one that was made for `order.key`.

        Raises:
            GatewayUnavailable: unknown whether it was made.
            GatewayRefused: it was not made and never will be.
        """

    def get(self, payment_id: str) -> GatewayPayment:
        """The payment now.

        Raises:
            GatewayUnavailable: see there.
            GatewayRefused: there is no such payment.
        """

    def refund(self, payment_id: str, amount_kopecks: int, key: str) -> None:
        """Gives money back, once for a `key`.

        Raises:
            GatewayUnavailable: unknown whether it did.
            GatewayRefused: it will not.
        """

    def read_webhook(self, body: bytes, headers: Mapping[str, str]) -> Event | None:
        """What the message says; None: something of no interest. `headers` have lower-case names. No network here.

        Raises:
            ForgedWebhook: it is not the gateway's.
        """

    def forget(self, method_token: str) -> None:
        """The saved method is not to be charged any more; does nothing for one that is forgotten already.

        Raises:
            GatewayUnavailable: ask again.
        """


async def in_thread(call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """What may wait for a gateway, in threads of its own: one that hangs must not take those of everything else."""
    context = contextvars.copy_context()
    return await asyncio.get_running_loop().run_in_executor(_POOL, partial(context.run, call, *args, **kwargs))


@lru_cache
def gateway() -> PaymentGateway:
    """The gateway of the settings: one object for the whole process, so that connections are used again."""
    match settings().payments_gateway:
        case Choice.SANDBOX:
            from cabinet.adapters.payments.sandbox import SandboxBank

            return SandboxBank.of_settings()
        case Choice.YOOKASSA:
            from cabinet.adapters.payments.yookassa import YooKassa

            return YooKassa.of_settings()
