"""The bank's books: payments, saved methods, and messages to be delivered, in a SQLite file of the bank's own.

Every function of `Books` is one transaction, and may be called from any thread. Times are seconds of the machine's
clock: a demo clock that leaps is the operator's, not the bank's.
"""

import json
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from cabinet import clock
from cabinet.sandbox_bank.cards import SBP_ACCOUNT, Card, Outcome

Payment = dict[str, Any]

PAYS_WITHIN = 15 * 60
SLOW = 15
PAUSES = (1, 3, 10, 30, 60, 300, 900, 3600)  # between the deliveries of a message that nobody takes
TABLES = """
CREATE TABLE IF NOT EXISTS payment (
    id TEXT PRIMARY KEY, key TEXT NOT NULL UNIQUE, asked TEXT NOT NULL, facts TEXT NOT NULL, due INTEGER
);
CREATE INDEX IF NOT EXISTS payment_due ON payment (due) WHERE due IS NOT NULL;
CREATE TABLE IF NOT EXISTS method (token TEXT PRIMARY KEY, card TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS refund (key TEXT PRIMARY KEY, payment_id TEXT NOT NULL, kopecks INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL, due INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0
);
"""


class Unknown(Exception):
    """There is no such thing in the books."""


class Refused(Exception):
    """The bank will not do that; the text says why."""


class Books:
    """The bank's memory. `on_message` is called, from whichever thread, when a message waits to be delivered."""

    def __init__(self, path: Path, on_message: Callable[[], None] = lambda: None) -> None:
        self.path, self.on_message = path, on_message
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(self._open()) as connection:
            connection.executescript("PRAGMA journal_mode = WAL;" + TABLES)

    # --- for the shop ---

    def create(self, key: str, asked: dict[str, Any], shop: str, page: str) -> Payment:
        """The payment made for the key; a saved method is charged at once.

        Raises:
            Refused: the key was used for something else, or the method cannot be charged.
        """
        now, told = clock.machine_seconds(), json.dumps(asked, sort_keys=True)
        with self._writing() as connection:
            row = connection.execute("SELECT asked, facts FROM payment WHERE key = ?", (key,)).fetchone()
            if row is not None:
                if row[0] != told:
                    raise Refused("the key was used for another payment")
                return json.loads(row[1])
            payment: Payment = {
                **{name: asked[name] for name in ("order", "kopecks", "currency", "description", "kind", "return_url")},
                "id": secrets.token_hex(12),
                "shop": shop,
                "saves": asked["save"],
                "status": "pending",
                "reason": None,
                "refunded_kopecks": 0,
                "method": None,
            }
            payment["confirmation_url"] = "" if asked["method"] else f"{page}/{asked['kind']}/{payment['id']}"
            connection.execute(
                "INSERT INTO payment (id, key, asked, facts, due) VALUES (?, ?, ?, ?, ?)",
                (payment["id"], key, told, json.dumps(payment), now + PAYS_WITHIN),
            )
            if asked["method"]:
                found = connection.execute("SELECT card FROM method WHERE token = ?", (asked["method"],)).fetchone()
                if found is None:
                    raise Refused("no such saved method")
                card = Card.of(found[0])
                payment["method"] = _shown(card, asked["method"])
                if card.outcome is Outcome.CONFIRM:
                    payment["confirmation_url"] = f"{page}/confirm/{payment['id']}"
                    payment["unconfirmed"] = card.number
                    self._write(connection, payment, now + PAYS_WITHIN)
                else:
                    self._end_with(connection, payment, card, is_saved=True)
            return payment

    def get(self, payment_id: str) -> Payment:
        """The payment.

        Raises:
            Unknown: there is none.
        """
        with self._writing() as connection:
            return self._read(connection, payment_id)

    def refund(self, payment_id: str, kopecks: int, key: str) -> Payment:
        """Gives money back, once for a key.

        Raises:
            Unknown: there is no such payment.
            Refused: it was not paid, or so much is not left of it.
        """
        with self._writing() as connection:
            payment = self._read(connection, payment_id)
            known = connection.execute("SELECT payment_id, kopecks FROM refund WHERE key = ?", (key,)).fetchone()
            if known is not None:
                if known != (payment_id, kopecks):
                    raise Refused("the key was used for another refund")
                return payment
            if payment["status"] != "succeeded" or not 0 < kopecks <= payment["kopecks"] - payment["refunded_kopecks"]:
                raise Refused("there is not so much to give back")
            payment["refunded_kopecks"] += kopecks
            connection.execute("INSERT INTO refund VALUES (?, ?, ?)", (key, payment_id, kopecks))
            self._write(connection, payment, None)
            self._tell(connection, payment)
            return payment

    def forget(self, token: str) -> None:
        """The method cannot be charged any more."""
        with self._writing() as connection:
            connection.execute("DELETE FROM method WHERE token = ?", (token,))

    # --- for the person on the bank's pages ---

    def pay(self, payment_id: str, card: Card, is_confirmed: bool = False) -> Payment:
        """What the card makes of the payment; one that is paid already stays as it is.

        Raises:
            Unknown: there is no such payment.
        """
        with self._writing() as connection:
            payment = self._read(connection, payment_id)
            if payment["status"] == "pending" and not payment.get("is_thinking"):
                payment["method"] = _shown(card)
                if card.outcome is Outcome.CONFIRM and not is_confirmed:
                    payment["unconfirmed"] = card.number
                    self._write(connection, payment, clock.machine_seconds() + PAYS_WITHIN)
                else:
                    self._end_with(connection, payment, card)
            return payment

    def give_up(self, payment_id: str, reason: str) -> Payment:
        """The person does not want to pay, or could not confirm it.

        Raises:
            Unknown: there is no such payment.
        """
        with self._writing() as connection:
            payment = self._read(connection, payment_id)
            if payment["status"] == "pending":
                self._finish(connection, payment, "canceled", reason)
            return payment

    # --- by itself ---

    def finish_due(self) -> None:
        """Payments that the bank thought about are paid; those that nobody paid in time are canceled."""
        with self._writing() as connection:
            due = connection.execute(
                "SELECT facts FROM payment WHERE due <= ? LIMIT 50", (clock.machine_seconds(),)
            ).fetchall()
            for (facts,) in due:
                self._finish_late(connection, json.loads(facts))

    def messages_due(self) -> list[tuple[int, bytes]]:
        """Messages to deliver now; each is due again after a pause unless it is `delivered`."""
        now = clock.machine_seconds()
        with self._writing() as connection:
            rows = connection.execute(
                "SELECT id, body, attempts FROM message WHERE due <= ? ORDER BY due, id LIMIT 20", (now,)
            ).fetchall()
            for number, _, attempts in rows:
                pause = PAUSES[min(attempts, len(PAUSES) - 1)]
                connection.execute(
                    "UPDATE message SET due = ?, attempts = attempts + 1 WHERE id = ?", (now + pause, number)
                )
            connection.execute("DELETE FROM message WHERE attempts > ?", (2 * len(PAUSES),))
        return [(number, body.encode()) for number, body, _ in rows]

    def delivered(self, number: int) -> None:
        """The shop has taken the message."""
        with self._writing() as connection:
            connection.execute("DELETE FROM message WHERE id = ?", (number,))

    # --- how ---

    def _end_with(self, connection: sqlite3.Connection, payment: Payment, card: Card, is_saved: bool = False) -> None:
        """What becomes of a payment with this card, the confirmation being done."""
        outcome = card.outcome
        if outcome is Outcome.ONLY_IN_PERSON:
            outcome = Outcome.INSUFFICIENT_FUNDS if is_saved else Outcome.PAID
        match outcome:
            case Outcome.PAID | Outcome.CONFIRM | Outcome.UNTOLD:
                self._keep_method(connection, payment, card)
                self._finish(connection, payment, "succeeded", is_told=outcome is not Outcome.UNTOLD)
            case Outcome.SLOW:
                self._keep_method(connection, payment, card)
                payment["is_thinking"] = True
                self._write(connection, payment, clock.machine_seconds() + SLOW)
            case Outcome.SILENT:
                payment["is_thinking"] = payment["is_silent"] = True
                self._write(connection, payment, clock.machine_seconds() + PAYS_WITHIN)
            case _:
                self._finish(connection, payment, "canceled", outcome.value)

    def _finish_late(self, connection: sqlite3.Connection, payment: Payment) -> None:
        if payment.get("is_thinking") and not payment.get("is_silent"):
            self._finish(connection, payment, "succeeded")
        else:
            self._finish(connection, payment, "canceled", "timed_out")

    def _keep_method(self, connection: sqlite3.Connection, payment: Payment, card: Card) -> None:
        if payment["saves"] and not payment["method"]["saved"]:
            token = secrets.token_hex(16)
            connection.execute("INSERT INTO method VALUES (?, ?)", (token, card.number))
            payment["method"] = _shown(card, token)

    def _finish(
        self,
        connection: sqlite3.Connection,
        payment: Payment,
        status: str,
        reason: str | None = None,
        is_told: bool = True,
    ) -> None:
        before = dict(payment)
        payment["status"], payment["reason"] = status, reason
        if status == "canceled" and payment["method"]:
            payment["method"]["saved"] = False
        self._write(connection, payment, None)
        if is_told:
            self._tell(connection, payment)
            self._tell(connection, before, later=1)  # what was before comes after
            self._tell(connection, payment, later=2)  # and the same comes once more

    def _tell(self, connection: sqlite3.Connection, payment: Payment, later: int = 0) -> None:
        body = json.dumps({"event": f"payment.{payment['status']}", "payment": public(payment)}, ensure_ascii=False)
        connection.execute("INSERT INTO message (body, due) VALUES (?, ?)", (body, clock.machine_seconds() + later))

    def _read(self, connection: sqlite3.Connection, payment_id: str) -> Payment:
        row = connection.execute("SELECT facts, due FROM payment WHERE id = ?", (payment_id,)).fetchone()
        if row is None:
            raise Unknown
        payment = json.loads(row[0])
        if row[1] is not None and row[1] <= clock.machine_seconds():
            self._finish_late(connection, payment)
        return payment

    def _write(self, connection: sqlite3.Connection, payment: Payment, due: int | None) -> None:
        connection.execute(
            "UPDATE payment SET facts = ?, due = ? WHERE id = ?", (json.dumps(payment), due, payment["id"])
        )

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=5, isolation_level=None)
        connection.execute("PRAGMA synchronous = NORMAL")  # no disk is as slow as a real bank, but money is not real
        return connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with closing(self._open()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            has_news = connection.total_changes > 0
            connection.execute("COMMIT")
        if has_news:
            self.on_message()


def public(payment: Payment) -> dict[str, Any]:
    """The payment as the shop may see it."""
    names = (
        "id", "order", "shop", "status", "kopecks", "currency", "confirmation_url", "reason", "refunded_kopecks",
        "method",
    )  # fmt: skip
    return {name: payment[name] for name in names}


def _shown(card: Card, token: str = "") -> dict[str, Any]:
    kind = "sbp" if card.number in SBP_ACCOUNT else "card"
    return {
        "token": token,
        "saved": bool(token),
        "kind": kind,
        "title": f"··{card.number[-4:]}",
        "expires": card.expires if kind == "card" else "",
    }
