"""The embedded bank (`cabinet/sandbox_bank`), spoken to over HTTP as if it were a real one."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Self

import httpx

from cabinet import clock
from cabinet.adapters.payments import (
    Event,
    ForgedWebhook,
    GatewayPayment,
    GatewayRefused,
    GatewayUnavailable,
    Networks,
    PaymentOrder,
    SavedMethod,
)
from cabinet.config import settings
from cabinet.domain.payments import PaymentKind, PaymentState, Refusal

PATIENCE_SECONDS = 5.0
FRESH_SECONDS = 300  # a signed message older than that is somebody's replay


class SandboxBank:
    """A shop's side of the bank at `client.base_url`."""

    name = "sandbox"
    remembers_keys_for = timedelta(hours=24)
    networks: Networks = ()

    def __init__(self, client: httpx.Client, shop: str, secret: str, pages: str) -> None:
        self.shop = shop
        self._client, self._secret, self._pages = client, secret, pages

    @classmethod
    def of_settings(cls) -> Self:
        """The bank that this site serves under /bank, or the one at `CABINET_PAYMENTS_URL`."""
        chosen = settings()
        # A worker of its own serves nothing: its bank is where the site is.
        site = f"http://127.0.0.1:{chosen.port}" if chosen.worker_inside else chosen.public_url
        address = chosen.payments_url or f"{site}/bank"
        client = httpx.Client(base_url=address, timeout=PATIENCE_SECONDS)
        return cls(client, chosen.payments_shop, chosen.payments_secret, f"{chosen.public_url}/bank/")

    def create(self, order: PaymentOrder) -> GatewayPayment:
        """See `PaymentGateway`."""
        body = {
            "kopecks": order.amount_kopecks,
            "currency": "RUB",
            "order": order.key,
            "description": order.description,
            "kind": order.kind.value,
            "return_url": order.return_url,
            "method": order.method_token,
            "save": order.saves_method,
        }
        return self._read(self._call("POST", "payments", body, order.key))

    def get(self, payment_id: str) -> GatewayPayment:
        """See `PaymentGateway`."""
        return self._read(self._call("GET", f"payments/{payment_id}"))

    def refund(self, payment_id: str, amount_kopecks: int, key: str) -> None:
        """See `PaymentGateway`."""
        self._call("POST", f"payments/{payment_id}/refunds", {"kopecks": amount_kopecks}, key)

    def forget(self, method_token: str) -> None:
        """See `PaymentGateway`."""
        try:
            self._call("DELETE", f"methods/{method_token}")
        except GatewayRefused:
            return

    def read_webhook(self, body: bytes, headers: Mapping[str, str]) -> Event | None:
        """See `PaymentGateway`. The signature covers the time at which the bank sent it."""
        sent_at, given = headers.get("x-bank-time", ""), headers.get("x-bank-signature", "")
        if not hmac.compare_digest(sign(self._secret, sent_at, body).encode(), given.encode()):
            raise ForgedWebhook("the signature is not the bank's")
        if (
            not sent_at.isascii()
            or not sent_at.isdigit()
            or abs(clock.machine_seconds() - int(sent_at)) > FRESH_SECONDS
        ):
            raise ForgedWebhook("signed too long ago")
        try:
            payment = self._read(json.loads(body)["payment"])
        except (GatewayUnavailable, ValueError, KeyError, TypeError) as error:
            raise ForgedWebhook("signed, but no message of the bank's") from error
        return Event(payment.id, payment)

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None, key: str = "") -> Any:
        headers = {"Idempotence-Key": key} if key else {}
        try:
            answer = self._client.request(
                method, f"api/{path}", json=body, headers=headers, auth=(self.shop, self._secret)
            )
        except httpx.HTTPError as error:
            raise GatewayUnavailable(type(error).__name__) from error
        if answer.status_code >= 500 or answer.status_code in (408, 409, 429):
            raise GatewayUnavailable(f"HTTP {answer.status_code}")
        if answer.status_code >= 400:
            raise GatewayRefused(f"HTTP {answer.status_code}")
        try:
            return answer.json() if answer.content else None
        except ValueError as error:
            raise GatewayUnavailable("an answer that is no JSON") from error

    def _read(self, payment: Any) -> GatewayPayment:
        try:
            method = payment["method"]
            page = str(payment["confirmation_url"])
            if page and not page.startswith(self._pages):
                raise GatewayUnavailable("a page that is not the bank's")
            return GatewayPayment(
                id=str(payment["id"]),
                key=str(payment["order"]),
                shop=str(payment["shop"]),
                state=PaymentState(payment["status"]),
                amount_kopecks=_whole(payment["kopecks"]),
                currency=str(payment["currency"]),
                confirmation_url=page,
                refusal=_refusal(payment["reason"]),
                refunded_kopecks=_whole(payment["refunded_kopecks"]),
                method=_saved(method) if method and method["saved"] else None,
                method_title=str(method["title"]) if method else "",
            )
        except (KeyError, TypeError, ValueError) as error:
            raise GatewayUnavailable("an answer that is no payment") from error


def sign(secret: str, sent_at: str, body: bytes) -> str:
    """The signature of a message: HMAC-SHA256 over its time and its body."""
    return hmac.new(secret.encode(), sent_at.encode() + b"." + body, hashlib.sha256).hexdigest()


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise ValueError("kopecks are whole")
    return value


def _refusal(reason: Any) -> Refusal | None:
    if not reason:
        return None
    known = {refusal.value: refusal for refusal in Refusal}
    return known.get(reason, Refusal.DECLINED)


def _saved(method: Any) -> SavedMethod:
    return SavedMethod(str(method["token"]), PaymentKind(method["kind"]), str(method["title"]), str(method["expires"]))
