"""The bank as a Starlette application: its API for the shop, and its pages for people."""

import asyncio
import hmac
import json
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl

import httpx
import structlog
from sqlalchemy.engine import make_url
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route

from cabinet import clock
from cabinet.adapters.payments.sandbox import sign
from cabinet.config import ROOT, PaymentsGateway, settings
from cabinet.sandbox_bank import pages
from cabinet.sandbox_bank.books import Books, Payment, Refused, Unknown, public
from cabinet.sandbox_bank.cards import Card

MOST_BODY = 16 * 1024
TICK_SECONDS = 1.0
MOST_KOPECKS = 100_000_000

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Contract:
    """What the bank knows of its one shop: `address` is the bank's own for browsers, `webhook` the shop's for news."""

    shop: str
    secret: str
    address: str
    shop_address: str
    webhook: str
    path: Path

    @classmethod
    def of_settings(cls) -> Self:
        """The bank beside this site."""
        chosen = settings()
        near = chosen.payments_url.removesuffix("/bank") or f"http://127.0.0.1:{chosen.port}"
        if chosen.is_sqlite:
            path = Path(chosen.database_url.removeprefix("sqlite:///")).with_name("sandbox-bank.db")
        else:  # books of its own for each database
            path = ROOT / "var" / f"sandbox-bank-{make_url(chosen.database_url).database}.db"
        return cls(
            chosen.payments_shop,
            chosen.payments_secret,
            chosen.payments_url or f"{chosen.public_url}/bank",
            chosen.public_url,
            f"{near}/webhooks/payments/sandbox",
            path,
        )


class Bank:
    """The bank: books, routes, and the messenger."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.books = Books(contract.path, self._ring)
        self._bell: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.app = Starlette(
            routes=[
                Route("/api/payments", self._api(self._create), methods=["POST"]),
                Route("/api/payments/{id}", self._api(self._get)),
                Route("/api/payments/{id}/refunds", self._api(self._refund), methods=["POST"]),
                Route("/api/methods/{token}", self._api(self._forget), methods=["DELETE"]),
                Route("/card/{id}", self._page(self._card), methods=["GET", "POST"]),
                Route("/confirm/{id}", self._page(self._confirm), methods=["GET", "POST"]),
                Route("/sbp/{id}", self._page(self._sbp), methods=["GET", "POST"]),
                Route("/app/{id}", self._page(self._bank_app), methods=["GET", "POST"]),
            ]
        )

    # --- API ---

    def _api(
        self, act: Callable[[Request, dict[str, Any]], Payment | None]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            if not _is_shop(request, self.contract):
                return JSONResponse({"error": "who are you"}, 401)
            try:
                body = json.loads(await _body_of(request) or b"{}")
                payment = await run_in_threadpool(act, request, body)
            except Unknown:
                return JSONResponse({"error": "no such payment"}, 404)
            except Refused as error:
                return JSONResponse({"error": str(error)}, 422)
            except (ValueError, KeyError, TypeError):
                return JSONResponse({"error": "cannot be understood"}, 400)
            return JSONResponse(public(payment) if payment else {})

        return answer

    def _create(self, request: Request, body: dict[str, Any]) -> Payment:
        if type(body["kopecks"]) is not int or not 0 < body["kopecks"] <= MOST_KOPECKS or body["currency"] != "RUB":
            raise ValueError("amount")
        if body["kind"] not in ("card", "sbp") or not str(body["return_url"]).startswith(
            f"{self.contract.shop_address}/"
        ):
            raise ValueError("order")
        key = request.headers.get("idempotence-key", "")
        if not key:
            raise ValueError("key")
        return self.books.create(key, body, self.contract.shop, self.contract.address)

    def _get(self, request: Request, _body: dict[str, Any]) -> Payment:
        return self.books.get(request.path_params["id"])

    def _refund(self, request: Request, body: dict[str, Any]) -> Payment:
        if type(body["kopecks"]) is not int:
            raise ValueError("amount")
        return self.books.refund(request.path_params["id"], body["kopecks"], request.headers["idempotence-key"])

    def _forget(self, request: Request, _body: dict[str, Any]) -> None:
        self.books.forget(request.path_params["token"])

    # --- pages ---

    def _page(self, show: Callable[[Payment, dict[str, str]], Response]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            form = dict(parse_qsl((await _body_of(request)).decode("utf-8", "replace"), max_num_fields=10))
            try:
                payment = await run_in_threadpool(self.books.get, request.path_params["id"])
                if payment["status"] != "pending":
                    return RedirectResponse(payment["return_url"], 303)
                if form.get("leave"):
                    await run_in_threadpool(self.books.give_up, payment["id"], "canceled_by_payer")
                    return RedirectResponse(payment["return_url"], 303)
                return await run_in_threadpool(show, payment, form)
            except Unknown:
                return pages.nothing(self.contract.shop_address)

        return answer

    def _card(self, payment: Payment, form: dict[str, str]) -> Response:
        if payment.get("is_thinking"):
            return pages.waiting(payment, self.contract.shop_address)
        if not form.get("card"):
            return pages.card(payment, self.contract.shop_address)
        return self._paid(payment, Card.of(form["card"]))

    def _confirm(self, payment: Payment, form: dict[str, str]) -> Response:
        number = payment.get("unconfirmed", "")
        if form.get("answer") == "yes":
            return self._paid(payment, Card.of(number), is_confirmed=True)
        if form.get("answer") == "no":
            self.books.give_up(payment["id"], "confirmation_failed")
            return RedirectResponse(payment["return_url"], 303)
        return pages.confirm(payment, self.contract.shop_address)

    def _sbp(self, payment: Payment, _form: dict[str, str]) -> Response:
        address = f"{self.contract.address}/app/{payment['id']}"
        return pages.qr(payment, address, self.contract.shop_address)

    def _bank_app(self, payment: Payment, form: dict[str, str]) -> Response:
        if not form.get("card"):
            return pages.bank_app(payment, self.contract.shop_address)
        return self._paid(payment, Card.of(form["card"]))

    def _paid(self, payment: Payment, card: Card, is_confirmed: bool = False) -> Response:
        payment = self.books.pay(payment["id"], card, is_confirmed)
        if payment["status"] == "pending":
            page = "card" if payment.get("is_thinking") else "confirm"
            return RedirectResponse(f"{self.contract.address}/{page}/{payment['id']}", 303)
        return RedirectResponse(payment["return_url"], 303)

    # --- the messenger ---

    def deliver_due(self, client: httpx.Client) -> int:
        """Takes the messages that are due to the shop; returns how many it has taken."""
        self.books.finish_due()
        taken = 0
        for number, body in self.books.messages_due():
            sent_at = str(clock.machine_seconds())
            headers = {
                "Content-Type": "application/json",
                "X-Bank-Time": sent_at,
                "X-Bank-Signature": sign(self.contract.secret, sent_at, body),
            }
            try:
                answer = client.post(self.contract.webhook, content=body, headers=headers)
            except httpx.HTTPError:
                continue
            if answer.is_success:
                self.books.delivered(number)
                taken += 1
        return taken

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Delivers messages for as long as the block lasts."""
        self._loop, self._bell = asyncio.get_running_loop(), asyncio.Event()
        task = asyncio.create_task(self._deliver_for_ever())
        try:
            yield
        finally:
            self._loop = None
            task.cancel()
            await asyncio.wait({task})

    async def _deliver_for_ever(self) -> None:
        assert self._bell is not None  # noqa: S101  see `working`
        with httpx.Client(timeout=5.0) as client:
            while True:
                try:
                    await asyncio.to_thread(self.deliver_due, client)
                except Exception:  # whatever it is, the next message may go
                    log.exception("sandbox bank could not deliver")
                try:
                    async with asyncio.timeout(TICK_SECONDS):
                        await self._bell.wait()
                except TimeoutError:
                    continue
                self._bell.clear()

    def _ring(self) -> None:
        if self._loop is not None and self._bell is not None:
            self._loop.call_soon_threadsafe(self._bell.set)


@lru_cache
def bank() -> Bank:
    """The bank of this process."""
    return Bank(Contract.of_settings())


@asynccontextmanager
async def running() -> AsyncIterator[None]:
    """The bank's messenger beside the web server for as long as the block lasts; nothing where another gateway is."""
    if settings().payments_gateway is not PaymentsGateway.SANDBOX:
        yield
        return
    async with bank().working():
        yield


def mount() -> Mount:
    """The bank under /bank. Its books are opened by the first who comes."""

    async def enter(scope: Any, receive: Any, send: Any) -> None:
        await bank().app(scope, receive, send)

    return Mount("/bank", enter)


async def _body_of(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BODY:
            raise HTTPException(413)
    return body


def _is_shop(request: Request, contract: Contract) -> bool:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    try:
        told = b64decode(given, validate=True)
    except ValueError:
        return False
    wanted = f"{contract.shop}:{contract.secret}".encode()
    return scheme.lower() == "basic" and hmac.compare_digest(told, wanted)
