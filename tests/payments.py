"""Payment gateways for tests: one in memory that does what a test tells it, faults included, and the sandbox bank."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from pathlib import Path

from starlette.testclient import TestClient

from cabinet.adapters.payments import (
    Event,
    ForgedWebhook,
    GatewayPayment,
    GatewayRefused,
    GatewayUnavailable,
    PaymentOrder,
    SavedMethod,
)
from cabinet.adapters.payments.sandbox import SandboxBank
from cabinet.domain.payments import PaymentKind, PaymentState
from cabinet.sandbox_bank.app import Bank, Contract

PAGE = "https://bank.example/pay/"
SITE, SHOP, SECRET = "http://testserver", "shop-1", "a secret of the shop"


@dataclass
class FakeGateway:
    """`faults` are raised by the next calls, one each, *after* the call did its work when `is_done_anyway`."""

    name: str = "sandbox"
    shop: str = "shop-1"
    remembers_keys_for: timedelta = timedelta(hours=24)
    networks: tuple = ()
    payments: dict[str, GatewayPayment] = field(default_factory=dict)  # by key
    orders: list[PaymentOrder] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    refunds: dict[str, int] = field(default_factory=dict)  # by key
    faults: list[Exception] = field(default_factory=list)
    is_done_anyway: bool = False
    signs: bool = True
    _ids: count = field(default_factory=lambda: count(1))

    def create(self, order: PaymentOrder) -> GatewayPayment:
        self.orders.append(order)
        if self.faults and not self.is_done_anyway:
            raise self.faults.pop(0)
        if order.key not in self.payments:
            state = PaymentState.SUCCEEDED if order.method_token else PaymentState.PENDING
            number = f"p{next(self._ids)}"
            self.payments[order.key] = GatewayPayment(
                id=number,
                key=order.key,
                shop=self.shop,
                state=state,
                amount_kopecks=order.amount_kopecks,
                confirmation_url="" if order.method_token else PAGE + number,
            )
        if self.faults:
            raise self.faults.pop(0)
        return self.payments[order.key]

    def get(self, payment_id: str) -> GatewayPayment:
        self.asked.append(payment_id)
        if self.faults:
            raise self.faults.pop(0)
        for payment in self.payments.values():
            if payment.id == payment_id:
                return payment
        raise GatewayRefused("no such payment")

    def refund(self, payment_id: str, amount_kopecks: int, key: str) -> None:
        if self.faults and not self.is_done_anyway:
            raise self.faults.pop(0)
        payment = self.get_quietly(payment_id)
        if key not in self.refunds:
            refunded = payment.refunded_kopecks + amount_kopecks
            if refunded > payment.amount_kopecks:
                raise GatewayRefused("more than came")
            self.refunds[key] = amount_kopecks
            self.change(payment.key, refunded_kopecks=refunded)
        if self.faults:
            raise self.faults.pop(0)

    def get_quietly(self, payment_id: str) -> GatewayPayment:
        """The payment, whatever faults are ahead."""
        return next(payment for payment in self.payments.values() if payment.id == payment_id)

    def forget(self, method_token: str) -> None:
        if self.faults:
            raise self.faults.pop(0)
        self.forgotten.append(method_token)

    def read_webhook(self, body: bytes, headers: Mapping[str, str]) -> Event | None:
        if headers.get("signature") != "good":
            raise ForgedWebhook("bad signature")
        payment = next((each for each in self.payments.values() if each.id == body.decode()), None)
        return Event(body.decode(), payment if self.signs else None)

    def change(self, known_as: str, /, **facts: object) -> GatewayPayment:
        """What the payment is at the gateway from now on."""
        self.payments[known_as] = replace(self.payments[known_as], **facts)  # type: ignore[arg-type]
        return self.payments[known_as]

    def pay(self, key: str, token: str = "") -> GatewayPayment:
        """The person pays with a card; with a `token` it is saved."""
        method = SavedMethod(token, PaymentKind.CARD, "··4821", "09/28") if token else None
        return self.change(key, state=PaymentState.SUCCEEDED, method=method, method_title="··4821")


def silence() -> GatewayUnavailable:
    """A time-out."""
    return GatewayUnavailable("timed out")


def bank_of(path: Path) -> Bank:
    """The sandbox bank with its books in the file."""
    return Bank(Contract(SHOP, SECRET, f"{SITE}/bank", SITE, f"{SITE}/webhooks/payments/sandbox", path))


def gateway_of(bank: Bank) -> SandboxBank:
    """The shop's side of it."""
    return SandboxBank(TestClient(bank.app, base_url=SITE), SHOP, SECRET, f"{SITE}/bank/")
