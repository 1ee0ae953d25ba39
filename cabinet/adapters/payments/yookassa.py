"""ЮKassa: its API v3 through the official SDK. How an operator connects it: docs/payments.md.

The SDK builds and checks requests and signs them in; two things of its are not used. Its `ApiClient.request` turns a
lost connection into an `AttributeError`, and its answer classes refuse a payment whose method they do not know yet
(money that came would stay unknown) and read amounts as floats: so answers are read here, and only what is needed.
"""

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network
from typing import Any, Self, TypeGuard, cast
from urllib.parse import quote, urlsplit

import requests
from requests.adapters import HTTPAdapter
from yookassa import Configuration
from yookassa.client import ApiClient
from yookassa.domain.common import RequestObject
from yookassa.domain.request import PaymentRequest, RefundRequest

from cabinet.adapters.payments import (
    CURRENCY,
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
from cabinet.domain.money import InvalidAmount, parse_kopecks
from cabinet.domain.payments import PaymentKind, PaymentState, Refusal

API = "https://api.yookassa.ru/v3"
PAGES = ("yoomoney.ru", "yookassa.ru")  # with their subdomains: where people confirm a payment
PATIENCE_SECONDS = (4.0, 10.0)  # to connect; for each piece of the answer
DESCRIPTION_LENGTH = 128

NETWORKS: Networks = tuple(
    ip_network(network)
    for network in (
        "185.71.76.0/27",
        "185.71.77.0/27",
        "77.75.153.0/25",
        "77.75.154.128/25",
        "77.75.156.11",
        "77.75.156.35",
        "2a02:5180::/32",
    )
)
"""Where notifications come from, as published at https://yookassa.ru/developers/using-api/webhooks."""

STATES = {
    "pending": PaymentState.PENDING,
    "waiting_for_capture": PaymentState.PENDING,  # not ours: every payment of ours is captured at once
    "succeeded": PaymentState.SUCCEEDED,
    "canceled": PaymentState.CANCELED,
}

REFUSALS = {
    "3d_secure_failed": Refusal.CONFIRMATION_FAILED,
    "card_expired": Refusal.CARD_EXPIRED,
    "expired_on_capture": Refusal.TIMED_OUT,
    "expired_on_confirmation": Refusal.TIMED_OUT,
    "fraud_suspected": Refusal.FRAUD_SUSPECTED,
    "identification_required": Refusal.LIMIT_EXCEEDED,  # of a wallet whose owner is not known
    "insufficient_funds": Refusal.INSUFFICIENT_FUNDS,
    "internal_timeout": Refusal.GATEWAY_REFUSED,
    "invalid_card_number": Refusal.CARD_INVALID,
    "invalid_csc": Refusal.CARD_INVALID,
    "payment_method_limit_exceeded": Refusal.LIMIT_EXCEEDED,
    "permission_revoked": Refusal.METHOD_REVOKED,
    "rejected_by_timeout": Refusal.TIMED_OUT,
}
"""`cancellation_details.reason`; the others say no more than that the bank did not want to."""

_WORD = re.compile(r"[\w-]{1,64}", re.ASCII)  # ids of theirs, keys of ours
_configuring = threading.Lock()


@dataclass(frozen=True, slots=True)
class ReceiptTerms:
    """What a receipt of 54-ФЗ says of every top-up; the codes are ЮKassa's. `tax_system` 0: the shop has only one."""

    vat_code: int
    tax_system: int
    subject: str
    mode: str


class YooKassa:
    """A shop at ЮKassa. `receipts` is None where a cash register gets its data another way."""

    name = "yookassa"
    remembers_keys_for = timedelta(hours=23)  # ЮKassa says 24: a request on its way must not come too late
    networks = NETWORKS

    def __init__(self, shop: str, secret: str, receipts: ReceiptTerms | None, url: str = "") -> None:
        self.shop = shop
        self._receipts = receipts
        self._own_pages = _origin(url) if url else ""
        self._api = _client(shop, secret, url or API)

    @classmethod
    def of_settings(cls) -> Self:
        """The shop of the settings."""
        chosen = settings()
        terms = ReceiptTerms(
            chosen.payments_vat_code,
            chosen.payments_tax_system,
            chosen.payments_receipt_subject,
            chosen.payments_receipt_mode,
        )
        return cls(
            chosen.payments_shop,
            chosen.payments_secret,
            terms if chosen.payments_receipts else None,
            chosen.payments_url,
        )

    def create(self, order: PaymentOrder) -> GatewayPayment:
        """See `PaymentGateway`."""
        body: dict[str, Any] = {
            "amount": _amount(order.amount_kopecks),
            "capture": True,
            "description": order.description[:DESCRIPTION_LENGTH],
            "metadata": {"key": order.key},
        }
        if order.method_token is not None:
            body["payment_method_id"] = order.method_token
        else:
            body["payment_method_data"] = {"type": "sbp" if order.kind is PaymentKind.SBP else "bank_card"}
            body["confirmation"] = {"type": "redirect", "return_url": order.return_url}
            body["save_payment_method"] = order.saves_method
        if self._receipts:
            body["receipt"] = self._receipt(order.amount_kopecks, body["description"], order.receipt_phone)
            body["metadata"]["phone"] = order.receipt_phone  # a part given back needs a receipt too
        return self._read(self._call("POST", "/payments", PaymentRequest(body), order.key))

    def get(self, payment_id: str) -> GatewayPayment:
        """See `PaymentGateway`."""
        return self._read(self._get_raw(payment_id))

    def refund(self, payment_id: str, amount_kopecks: int, key: str) -> None:
        """See `PaymentGateway`. The list of refunds is asked first, because keys are forgotten after a day."""
        refund = self._find_refund(payment_id, key) or self._make_refund(payment_id, amount_kopecks, key)
        match refund.get("status"):
            case "succeeded":
                return
            case "canceled":
                raise GatewayRefused(f"refund canceled: {_reason(refund)}")
            case other:
                raise GatewayUnavailable(f"the refund is {other}")

    def forget(self, method_token: str) -> None:
        """Nothing: ЮKassa has no such call, and charges a saved method only when it is named."""

    def read_webhook(self, body: bytes, headers: Mapping[str, str]) -> Event | None:
        """See `PaymentGateway`. Nothing is signed: the message only says which payment to fetch."""
        try:
            message = json.loads(body)
            event, thing = message["event"], message["object"]
            if message["type"] != "notification" or not isinstance(event, str):
                raise ForgedWebhook("not a notification")
            kind, _, _ = event.partition(".")
            if kind not in ("payment", "refund"):
                return None
            payment_id = thing["payment_id" if kind == "refund" else "id"]
            key = (thing.get("metadata") or {}).get("key") if kind == "payment" else None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ForgedWebhook("not a notification") from error
        if not _is_word(payment_id):
            raise ForgedWebhook("no payment's id")
        return Event(payment_id, key=key if _is_word(key) else "")

    def _get_raw(self, payment_id: str) -> dict[str, Any]:
        try:
            return self._call("GET", f"/payments/{quote(payment_id, safe='')}")
        except _Rejected as error:
            if error.status == 404:
                raise
            raise GatewayUnavailable(str(error)) from error  # the payment is there, whatever is wrong with the question

    def _find_refund(self, payment_id: str, key: str) -> dict[str, Any] | None:
        found = self._call("GET", "/refunds", query={"payment_id": payment_id, "limit": "100"})
        try:
            return next((item for item in found["items"] if item.get("metadata", {}).get("key") == key), None)
        except (KeyError, TypeError, AttributeError) as error:
            raise GatewayUnavailable("an answer that is no list") from error

    def _make_refund(self, payment_id: str, amount_kopecks: int, key: str) -> dict[str, Any]:
        body: dict[str, Any] = {
            "payment_id": payment_id,
            "amount": _amount(amount_kopecks),
            "metadata": {"key": key},
        }
        raw = self._get_raw(payment_id)
        if self._receipts and amount_kopecks < self._read(raw).amount_kopecks:  # of a whole one ЮKassa makes it itself
            phone = raw["metadata"].get("phone", "")
            body["receipt"] = self._receipt(amount_kopecks, str(raw["description"]), phone)
        return self._call("POST", "/refunds", RefundRequest(body), key)

    def _receipt(self, amount_kopecks: int, description: str, phone: str) -> dict[str, Any]:
        terms = cast(ReceiptTerms, self._receipts)
        item = {
            "description": description,
            "quantity": "1",
            "amount": _amount(amount_kopecks),
            "vat_code": terms.vat_code,
            "payment_subject": terms.subject,
            "payment_mode": terms.mode,
        }
        tax = {"tax_system_code": terms.tax_system} if terms.tax_system else {}
        return {"customer": {"phone": phone}, "items": [item], **tax}

    def _call(
        self,
        method: str,
        path: str,
        body: RequestObject | None = None,
        key: str = "",
        query: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        if body is not None:
            body.validate()
        headers = self._api.prepare_request_headers({"Idempotence-Key": key} if key else {})
        try:
            answer = self._api.execute(dict(body) if body else None, method, path, query, headers)
            found = answer.json()
        except requests.HTTPError as error:
            raise _fault(cast(requests.Response, error.response)) from error
        except requests.RequestException as error:  # an answer that is no JSON is one too
            raise GatewayUnavailable(type(error).__name__) from error
        if answer.status_code != 200 or not isinstance(found, dict):
            raise GatewayUnavailable(f"HTTP {answer.status_code}")
        return found

    def _read(self, payment: dict[str, Any]) -> GatewayPayment:
        try:
            state = STATES[payment["status"]]
            method = payment.get("payment_method") or {}
            refunded = payment.get("refunded_amount")
            return GatewayPayment(
                id=_text(payment["id"]),
                key=str((payment.get("metadata") or {}).get("key", "")),
                shop=_text(payment["recipient"]["account_id"]),
                state=state,
                amount_kopecks=parse_kopecks(payment["amount"]["value"]),
                currency=_text(payment["amount"]["currency"]),
                confirmation_url=self._page(payment.get("confirmation") or {}),
                refusal=REFUSALS.get(_reason(payment), Refusal.DECLINED) if state is PaymentState.CANCELED else None,
                refunded_kopecks=parse_kopecks(refunded["value"]) if refunded else 0,
                method=_saved(method) if method.get("saved") else None,
                method_title=_title(method),
            )
        except (KeyError, TypeError, ValueError, AttributeError, InvalidAmount) as error:
            raise GatewayUnavailable("an answer that is no payment") from error

    def _page(self, confirmation: dict[str, Any]) -> str:
        page = str(confirmation.get("confirmation_url", ""))
        host = urlsplit(page).hostname or ""
        is_theirs = page.startswith("https://") and any(host == each or host.endswith(f".{each}") for each in PAGES)
        if page and not is_theirs and _origin(page) != self._own_pages:
            raise GatewayUnavailable(f"a page that is not ЮKassa's: {host}")
        return page


class _Rejected(GatewayRefused):
    def __init__(self, status: int, text: str, refusal: Refusal) -> None:
        super().__init__(text, refusal)
        self.status = status


class _Connections(HTTPAdapter):
    """Outlives the session that the SDK makes for each request; waits no longer than it should (the SDK: for ever)."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Sends with our patience."""
        return super().send(request, *args, **{**kwargs, "timeout": PATIENCE_SECONDS})

    def close(self) -> None:
        """Keeps the connections for the next session."""


class _Client(ApiClient):
    def __init__(self) -> None:
        super().__init__()
        self._connections = _Connections()

    def get_session(self) -> requests.Session:
        """A session as the SDK makes one, without its silent repetitions."""
        session = requests.Session()
        session.max_redirects = 0  # the shop's key goes nowhere else
        session.mount("https://", self._connections)
        session.mount("http://", self._connections)
        return session


def _client(shop: str, secret: str, url: str) -> ApiClient:
    """A client that keeps the credentials it was made with: the SDK reads them from globals, and only in between."""
    with _configuring:
        Configuration.configure(shop, secret, api_url=url.rstrip("/"))
        return _Client()


def _fault(answer: requests.Response) -> Exception:
    """What a status means. Only a refusal in ЮKassa's own words says that nothing was done, and never 401 or 429:
    the same question may have been answered before the key was changed or the shop became too busy."""
    try:
        error = answer.json()
        code, parameter = str(error["code"]), str(error.get("parameter", ""))
        text = f"HTTP {answer.status_code} {code}: {error.get('description', '')} {parameter}".strip()
    except (ValueError, KeyError, TypeError, AttributeError):
        return GatewayUnavailable(f"HTTP {answer.status_code}")
    if answer.status_code not in (400, 403, 404) or parameter == "Idempotence-Key":
        return GatewayUnavailable(text)
    is_method = parameter == "payment_method_id"
    return _Rejected(answer.status_code, text, Refusal.METHOD_REVOKED if is_method else Refusal.GATEWAY_REFUSED)


def _amount(kopecks: int) -> dict[str, str]:
    return {"value": f"{kopecks // 100}.{kopecks % 100:02}", "currency": CURRENCY}


def _reason(thing: dict[str, Any]) -> str:
    return str((thing.get("cancellation_details") or {}).get("reason", ""))


def _saved(method: dict[str, Any]) -> SavedMethod:
    card = method.get("card") or {}
    expires = f"{card['expiry_month']}/{card['expiry_year'][-2:]}" if card.get("expiry_year") else ""
    kind = PaymentKind.SBP if method["type"] == "sbp" else PaymentKind.CARD
    return SavedMethod(_text(method["id"]), kind, _title(method), expires)


def _title(method: dict[str, Any]) -> str:
    last4 = (method.get("card") or {}).get("last4")
    return f"··{last4}" if last4 else ""


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a text is missing")
    return value


def _is_word(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and _WORD.fullmatch(value) is not None


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
