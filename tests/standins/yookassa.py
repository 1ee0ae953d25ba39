"""ЮKassa played on this machine: its API v3 over real HTTP, written from the public reference.

https://yookassa.ru/developers/api (payments, refunds), /using-api/interaction-format (basic auth, idempotence),
/using-api/webhooks, /payment-acceptance/after-the-payment/declined-payments (reasons).

A test drives it from outside: `pay`, `refuse`, `give_back` are what people and banks do; `faults` is what goes wrong
with the next requests; `events` are the notifications in the order they happened, `send` posts one of them.
"""

import base64
import json
import re
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

REASONS = (
    "3d_secure_failed",
    "call_issuer",
    "canceled_by_merchant",
    "card_expired",
    "country_forbidden",
    "expired_on_capture",
    "expired_on_confirmation",
    "fraud_suspected",
    "general_decline",
    "identification_required",
    "insufficient_funds",
    "internal_timeout",
    "invalid_card_number",
    "invalid_csc",
    "issuer_unavailable",
    "payment_method_limit_exceeded",
    "payment_method_restricted",
    "permission_revoked",
    "unsupported_mobile_operator",
)
"""`cancellation_details.reason` of payments, as the reference lists them."""

PAGE = """<!doctype html><html lang="ru"><title>ЮKassa</title><h1>ЮKassa</h1><form method="post">
<button name="outcome" value="pay">Оплатить</button>
<button name="outcome" value="insufficient_funds">Не хватит денег</button>
</form></html>"""
"""Where a person confirms a payment."""

_AMOUNT = re.compile(r"\d{1,10}\.\d{2}", re.ASCII)
_SUBJECTS = {"commodity", "service", "payment", "another", "job", "composite"}
_MODES = {"full_prepayment", "partial_prepayment", "advance", "full_payment", "partial_payment", "credit"}


class Fault(StrEnum):
    """What goes wrong with one request."""

    BEFORE = "500, nothing done"
    AFTER = "500, but it is done"
    SILENCE = "done, but no answer ever comes"
    HANG_UP = "done, and the line drops"
    BUSY = "429"
    ACCEPTED = "202"
    PROXY = "502 with a page of HTML"
    NO_JSON = "200 with something else than JSON"
    NO_OBJECT = "200 with JSON that is no payment"


class _Refused(Exception):
    def __init__(self, status: int, code: str, description: str, parameter: str = "") -> None:
        super().__init__(description)
        self.status = status
        error = {"type": "error", "id": str(uuid.uuid4()), "code": code, "description": description}
        self.body = {**error, "parameter": parameter} if parameter else error


class YooKassaStandIn:
    """The gateway, for one shop; serves while entered."""

    def __init__(self, shop: str = "100500", secret: str = "test_stand-in-secret") -> None:
        self.shop = shop
        self.secret = secret
        self.payments: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, dict[str, Any]] = {}
        self.saved: dict[str, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        self.faults: list[Fault | None] = []
        self.requests: list[tuple[str, str, dict[str, Any]]] = []
        self.charges_fail: dict[str, str] = {}  # saved method: why its next charge is refused
        self.may_save = True  # a real shop may only after its manager allowed it
        self._keys: dict[tuple[str, str], tuple[dict[str, Any], dict[str, Any]]] = {}
        self._wants_saving: set[str] = set()
        self._lock = threading.RLock()
        self._released = threading.Event()

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        self.url = f"{self.origin}/v3"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    # --- what people and banks do ------------------------------------------------------------------------------

    def pay(self, payment_id: str, *, title: str = "4444") -> None:
        """The person paid, by card or by the bank's application."""
        with self._lock:
            payment = self._open(payment_id)
            self._describe_method(payment, title)
            self._succeed(payment)

    def refuse(self, payment_id: str, reason: str) -> None:
        """The bank or ЮKassa refused."""
        with self._lock:
            self._cancel(self._open(payment_id), reason)

    def give_back(self, payment_id: str, value: str) -> None:
        """Somebody pressed "return" in the shop's own account at ЮKassa."""
        with self._lock:
            self._refund({"payment_id": payment_id, "amount": {"value": value, "currency": "RUB"}})

    def forget_keys(self) -> None:
        """More than 24 hours have passed: idempotence keys are not known any more."""
        self._keys.clear()

    def break_silence(self) -> None:
        """Hangs up on everybody who waits for an answer."""
        self._released.set()

    def only(self) -> dict[str, Any]:
        """The single payment there is."""
        (payment,) = self.payments.values()
        return payment

    def send(self, url: str, event: dict[str, Any]) -> int:
        """Posts a notification and returns the HTTP status."""
        request = urllib.request.Request(
            url, json.dumps(event).encode(), {"Content-Type": "application/json"}, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    # --- the API -----------------------------------------------------------------------------------------------

    def answer(
        self, method: str, path: str, query: dict[str, str], headers: Any, body: bytes
    ) -> tuple[int, dict[str, Any]]:
        """The status and the JSON for a request."""
        try:
            self._check_credentials(headers.get("Authorization", ""))
            with self._lock:
                if method == "GET":
                    return 200, self._read(path, query)
                return 200, self._write(path, headers, body)
        except _Refused as refused:
            return refused.status, refused.body

    def _check_credentials(self, header: str) -> None:
        expected = base64.b64encode(f"{self.shop}:{self.secret}".encode()).decode()
        if header != f"Basic {expected}":
            raise _Refused(401, "invalid_credentials", "Basic authentication failed")

    def _read(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        if path == "/v3/refunds":
            found = [item for item in self.refunds.values() if item["payment_id"] == query.get("payment_id")]
            return {"type": "list", "items": found}
        kind, _, wanted = path.removeprefix("/v3/").partition("/")
        found = {"payments": self.payments, "refunds": self.refunds}.get(kind, {}).get(wanted)
        if found is None:
            raise _Refused(404, "not_found", f"{kind} doesn't exist or access denied", "payment_id")
        return found

    def _write(self, path: str, headers: Any, body: bytes) -> dict[str, Any]:
        if not headers.get("Content-Type", "").startswith("application/json"):
            raise _Refused(415, "invalid_request", "Unsupported content type")
        key = headers.get("Idempotence-Key", "")
        if not 0 < len(key) <= 64:
            raise _Refused(400, "invalid_request", "Idempotence key is missing or too long", "Idempotence-Key")
        try:
            request = json.loads(body)
        except ValueError:
            raise _Refused(400, "invalid_request", "Invalid JSON") from None
        makers: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "/v3/payments": self._create,
            "/v3/refunds": self._refund,
        }
        if path not in makers:
            raise _Refused(404, "not_found", "No such method")
        known = self._keys.get((path, key))
        if known:
            if known[0] != request:
                raise _Refused(400, "invalid_request", "Idempotence key duplicated", "Idempotence-Key")
            return known[1]
        made = makers[path](request)
        self._keys[path, key] = (request, made)
        return made

    def _create(self, request: dict[str, Any]) -> dict[str, Any]:
        amount = _amount(request)
        if len(request.get("description", "")) > 128:
            raise _Refused(400, "invalid_request", "Description is too long", "description")
        metadata = request.get("metadata", {})
        if len(metadata) > 16 or any(len(k) > 32 or len(str(v)) > 512 for k, v in metadata.items()):
            raise _Refused(400, "invalid_request", "Metadata is too big", "metadata")
        _check_receipt(request.get("receipt"), amount["value"])
        token = request.get("payment_method_id")
        if token is not None and token not in self.saved:
            raise _Refused(400, "invalid_request", "Payment method doesn't exist", "payment_method_id")
        if (token or request.get("save_payment_method")) and not self.may_save:
            raise _Refused(403, "forbidden", "This store can't make recurring payments")
        payment = {
            "id": str(uuid.uuid4()),
            "status": "pending",
            "paid": False,
            "amount": amount,
            "created_at": datetime.now(UTC).isoformat(),
            "description": request.get("description", ""),
            "metadata": metadata,
            "recipient": {"account_id": self.shop, "gateway_id": "100700"},
            "refundable": False,
            "test": True,
        }
        if token is not None:
            payment["payment_method"] = dict(self.saved[token])
        else:
            kind = request.get("payment_method_data", {}).get("type")
            if kind not in ("bank_card", "sbp"):
                raise _Refused(400, "invalid_request", "Payment method is not available", "payment_method_data")
            confirmation = request.get("confirmation", {})
            if confirmation.get("type") != "redirect" or not confirmation.get("return_url"):
                raise _Refused(400, "invalid_request", "Confirmation is required", "confirmation")
            payment["payment_method"] = {"type": kind, "id": payment["id"], "saved": False}
            payment["confirmation"] = {
                "type": "redirect",
                "confirmation_url": f"{self.origin}/pay/{payment['id']}",
                "return_url": confirmation["return_url"],
            }
            if request.get("save_payment_method"):
                self._wants_saving.add(payment["id"])
        if request.get("capture") is not True:
            raise AssertionError("the cabinet always asks for the money at once")
        self.payments[payment["id"]] = payment
        if token is not None:
            reason = self.charges_fail.pop(token, "")
            if reason:
                self._cancel(payment, reason)
            else:
                self._succeed(payment)
        return payment

    def _refund(self, request: dict[str, Any]) -> dict[str, Any]:
        amount = _amount(request)
        payment = self.payments.get(request.get("payment_id", ""))
        if payment is None or payment["status"] != "succeeded":
            raise _Refused(400, "invalid_request", "Payment is not succeeded", "payment_id")
        returned = _kopecks(payment["refunded_amount"]["value"]) + _kopecks(amount["value"])
        if returned > _kopecks(payment["amount"]["value"]):
            raise _Refused(400, "invalid_request", "The refund exceeds the payment", "amount")
        _check_receipt(request.get("receipt"), amount["value"])
        refund = {
            "id": str(uuid.uuid4()),
            "payment_id": payment["id"],
            "status": "succeeded",
            "amount": amount,
            "created_at": datetime.now(UTC).isoformat(),
            "metadata": request.get("metadata", {}),
        }
        if request.get("receipt"):
            refund["receipt_registration"] = "pending"
        payment["refunded_amount"] = {"value": f"{returned // 100}.{returned % 100:02}", "currency": "RUB"}
        self.refunds[refund["id"]] = refund
        self._happened("refund.succeeded", refund)
        return refund

    # --- inside ------------------------------------------------------------------------------------------------

    def _open(self, payment_id: str) -> dict[str, Any]:
        payment = self.payments[payment_id]
        if payment["status"] != "pending":
            raise AssertionError(f"{payment_id} is {payment['status']} already")
        return payment

    def _describe_method(self, payment: dict[str, Any], last4: str) -> None:
        method = payment["payment_method"]
        if method["type"] == "bank_card":
            method["title"] = f"Bank card *{last4}"
            method["card"] = {
                "first6": "555555",
                "last4": last4,
                "expiry_year": "2028",
                "expiry_month": "09",
                "card_type": "MasterCard",
            }
        else:
            method["title"] = "СБП"
            method["payer_bank_details"] = {"bank_id": "100000000111", "bic": "044525225"}
        if payment["id"] in self._wants_saving:
            method["saved"] = True
            self.saved[method["id"]] = dict(method)

    def _succeed(self, payment: dict[str, Any]) -> None:
        payment.pop("confirmation", None)
        payment.update(status="succeeded", paid=True, refundable=True, captured_at=datetime.now(UTC).isoformat())
        payment["refunded_amount"] = {"value": "0.00", "currency": "RUB"}
        self._happened("payment.succeeded", payment)

    def _cancel(self, payment: dict[str, Any], reason: str) -> None:
        payment.pop("confirmation", None)
        party = "yoo_money" if reason.startswith(("expired", "internal", "fraud")) else "payment_network"
        payment.update(status="canceled", cancellation_details={"party": party, "reason": reason})
        self._happened("payment.canceled", payment)

    def _happened(self, event: str, thing: dict[str, Any]) -> None:
        self.events.append({"type": "notification", "event": event, "object": json.loads(json.dumps(thing))})


def _amount(request: dict[str, Any]) -> dict[str, str]:
    amount = request.get("amount", {})
    value = amount.get("value", "")
    if not isinstance(value, str) or not _AMOUNT.fullmatch(value) or _kopecks(value) < 100:
        raise _Refused(400, "invalid_request", "Invalid amount", "amount.value")
    if amount.get("currency") != "RUB":
        raise _Refused(400, "invalid_request", "Invalid currency", "amount.currency")
    return {"value": value, "currency": "RUB"}


def _kopecks(value: str) -> int:
    return int(value.replace(".", ""))


def _check_receipt(receipt: dict[str, Any] | None, total: str) -> None:
    if receipt is None:
        return
    customer = receipt.get("customer", {})
    if not customer.get("email") and not re.fullmatch(r"7\d{10}", customer.get("phone", "")):
        raise _Refused(400, "invalid_request", "Customer's phone or e-mail is missing", "receipt.customer")
    if receipt.get("tax_system_code") not in (None, 1, 2, 3, 4, 5, 6):
        raise _Refused(400, "invalid_request", "Invalid tax system", "receipt.tax_system_code")
    items = receipt.get("items", [])
    for item in items:
        if item.get("vat_code") not in range(1, 13):
            raise _Refused(400, "invalid_request", "Invalid VAT", "receipt.items.vat_code")
        if item.get("payment_subject") not in _SUBJECTS or item.get("payment_mode") not in _MODES:
            raise _Refused(400, "invalid_request", "Invalid subject or mode", "receipt.items.payment_subject")
        if not item.get("description") or len(item["description"]) > 128 or float(item.get("quantity", 0)) != 1:
            raise _Refused(400, "invalid_request", "Invalid item", "receipt.items")
    if sum(_kopecks(item["amount"]["value"]) for item in items) != _kopecks(total):
        raise _Refused(400, "invalid_request", "Receipt amount doesn't match payment amount", "receipt")


def _handler_of(bank: YooKassaStandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

        def do_GET(self) -> None:
            if self.path.startswith("/pay/"):
                self._send(200, "text/html; charset=utf-8", PAGE.encode())
            elif self.path.startswith("/moved/"):
                self._redirect(self.path.replace("/moved/", "/v3/"))
            else:
                self._serve("GET")

        def do_POST(self) -> None:
            if self.path.startswith("/pay/"):
                self._confirm()
            else:
                self._serve("POST")

        def _confirm(self) -> None:
            """The person on the gateway's page: `outcome=pay` or a reason of refusal; then back to the shop."""
            payment = bank.payments[self.path.removeprefix("/pay/")]
            back = payment["confirmation"]["return_url"]
            outcome = parse_qs(self._body().decode())["outcome"][0]
            if outcome == "pay":
                bank.pay(payment["id"])
            else:
                bank.refuse(payment["id"], outcome)
            self._redirect(back)

        def _redirect(self, address: str) -> None:
            self.send_response(302)
            self.send_header("Location", address)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _body(self) -> bytes:
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        def _serve(self, method: str) -> None:
            body = self._body()
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            fault = bank.faults.pop(0) if bank.faults else None
            if body:
                bank.requests.append((method, parts.path, json.loads(body)))
            match fault:
                case Fault.BEFORE:
                    self._json(500, _server_error())
                case Fault.BUSY:
                    self._json(429, {"type": "error", "id": "1", "code": "too_many_requests", "description": "Slower"})
                case Fault.ACCEPTED:
                    self._json(202, {"type": "processing", "description": "Request accepted", "retry_after": 1800})
                case Fault.PROXY:
                    self._send(502, "text/html", b"<html>Bad gateway</html>")
                case _:
                    status, answer = bank.answer(method, parts.path, query, self.headers, body)
                    self._after(fault, status, answer)

        def _after(self, fault: Fault | None, status: int, answer: dict[str, Any]) -> None:
            match fault:
                case Fault.AFTER:
                    self._json(500, _server_error())
                case Fault.SILENCE:
                    bank._released.wait()
                    self.close_connection = True
                case Fault.HANG_UP:
                    self.close_connection = True
                case Fault.NO_JSON:
                    self._send(200, "application/json", b'{"id": "22e1')
                case Fault.NO_OBJECT:
                    self._json(200, {"id": 7, "status": "succeeded"})
                case _:
                    self._json(status, answer)

        def _json(self, status: int, answer: dict[str, Any]) -> None:
            self._send(status, "application/json;charset=UTF-8", json.dumps(answer).encode())

        def _send(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def _server_error() -> dict[str, str]:
    return {"type": "error", "id": str(uuid.uuid4()), "code": "internal_server_error", "description": "Try later"}
