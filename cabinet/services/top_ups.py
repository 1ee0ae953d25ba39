"""Top-ups: money from a payment gateway to the subscriber's account, once for each payment.

An intent is committed with a random key before the gateway hears of it (`start`); the key is the gateway's idempotence
key, so that asking again after a crash or a time-out finds the same payment (`submit`, `reconcile`). What a gateway
says of a payment, whether as an answer or by a webhook, goes one way: `settle` compares shop, amount, currency and key
with what was asked for and moves the top-up on:

    created → pending → succeeded            (money on the account, in the same transaction)
                      → refused, expired     (no money; a payment that succeeded after all is credited even then)

Nothing else credits: the page to which the gateway sends people back only reads. Words that contradict what is known
(another amount, canceled after success) change no money: they are kept in `attention` for a person, and logged.

`check_after` is the queue: when to ask the gateway again.
"""

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import structlog
from sqlalchemy import func, insert, text, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from cabinet import clock, db, ledger, metrics, news
from cabinet.adapters.payments import (
    CURRENCY,
    ForgedWebhook,
    GatewayPayment,
    GatewayRefused,
    GatewayUnavailable,
    PaymentGateway,
    PaymentOrder,
    SavedMethod,
)
from cabinet.adapters.receipts import Receipt
from cabinet.bulk import is_among, known_among
from cabinet.config import settings
from cabinet.domain.errors import CabinetError, NotFound
from cabinet.domain.money import InvalidAmount, parse_kopecks
from cabinet.domain.msisdn import format_msisdn
from cabinet.domain.payments import (
    Attention,
    Initiator,
    PaymentKind,
    PaymentState,
    RefundState,
    Refusal,
    TopUpState,
    WebhookVerdict,
)
from cabinet.models.notices import NoticeKind
from cabinet.models.top_ups import PaymentMethod, Refund, WebhookEvent
from cabinet.models.top_ups import TopUp as TopUpRow
from cabinet.services import billing, notices, outbox, overview, subscribers

RETURN_PATH = "/topup/result/"  # and `?payment=<id>`
FIRST_NUMBER = 1_000_000  # so that a payment's number has seven digits
SUBMIT_PATIENCE = timedelta(seconds=15)  # who started a top-up submits it at once; after that the worker does
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (15, 30, 60, 120, 300, 900, 1800, 3600))
GIVE_UP_AFTER = timedelta(days=7)  # a gateway that has said for so long that it waits will say nothing else
AT_ONCE = 20
TRIES_PER_HOUR = 30
FORGED_PER_HOUR = 100  # webhooks kept for a look; more are only logged
USUAL_ROUBLES = (300, 500, 1000, 2000, 3000)
SUGGESTIONS = 3

log = structlog.get_logger(__name__)

Now = Callable[[], datetime]


class AmountNotAllowed(CabinetError):
    message = "Можно от {least} до {most} ₽. Измените сумму."


class TooManyTopUps(CabinetError):
    message = "Слишком много попыток пополнить за час. Подождите немного и попробуйте снова."


@dataclass(frozen=True, slots=True)
class TopUp:
    """A top-up as its owner sees it. `number` is on the receipt; `method_title` as `··4821`, empty while unknown.

    `saves_method`: what paid is to be kept for the next time.
    """

    id: int
    number: int
    subscriber_id: int
    amount_kopecks: int
    kind: PaymentKind
    method_title: str
    saves_method: bool
    initiator: Initiator
    state: TopUpState
    refusal: Refusal | None
    refunded_kopecks: int
    confirmation_url: str
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Method:
    """A saved way to pay: `title` as `··4821`, `expires` as `09/28`, empty for an account bound by СБП."""

    id: int
    kind: PaymentKind
    title: str
    expires: str


@dataclass(frozen=True, slots=True)
class Offer:
    """What the top-up page begins with. `suggestions_kopecks`: the first is what the next fee lacks, if it lacks."""

    least_kopecks: int
    most_kopecks: int
    suggestions_kopecks: tuple[int, ...]
    next_charge: overview.NextCharge | None
    methods: tuple[Method, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a top-up, and how things stand now."""

    top_up: TopUp
    msisdn: str
    main_kopecks: int
    next_charge: overview.NextCharge | None


# --- asking for money ------------------------------------------------------------------------------------------------


def read_amount(text: str) -> int:
    """Kopecks of what a person typed, within the limits.

    Raises:
        AmountNotAllowed: it is no sum, or too small or too large.
    """
    try:
        return check_amount(parse_kopecks(text))
    except InvalidAmount:
        raise _not_allowed() from None


def check_amount(amount_kopecks: int) -> int:
    """The amount, if it is within the limits.

    Raises:
        AmountNotAllowed: it is not, or is no whole number.
    """
    chosen = settings()
    if (
        type(amount_kopecks) is not int
        or not chosen.top_up_least_roubles * 100 <= amount_kopecks <= chosen.top_up_most_roubles * 100
    ):
        raise _not_allowed()
    return amount_kopecks


def _not_allowed() -> AmountNotAllowed:
    least, most = (
        f"{roubles:,}".replace(",", "\u00a0")
        for roubles in (settings().top_up_least_roubles, settings().top_up_most_roubles)
    )
    return AmountNotAllowed(least=least, most=most)


def start(
    session: Session,
    subscriber_id: int,
    amount_kopecks: int,
    *,
    occasion: str,
    kind: PaymentKind = PaymentKind.CARD,
    method_id: int | None = None,
    saves_method: bool = False,
    initiator: Initiator = Initiator.MANUAL,
    now: datetime,
) -> TopUp:
    """An intent to pay, to be submitted after the commit; a second call for the same `occasion` finds the first.

    `occasion` is a word of the caller's for what asks: the page draws a random one when it opens, so that a second
    click pays nothing twice; autopay names the rule and the date. With a `method_id` the saved card or account pays.

    Raises:
        AmountNotAllowed: see `check_amount`.
        NotFound: no such subscriber, or no such saved method of his.
        TooManyTopUps: he tried too often within the hour.
        ReferenceConflict: the occasion was used for another amount or subscriber.
    """
    check_amount(amount_kopecks)
    subscribers.get(session, subscriber_id)
    earlier = _of_occasion(session, occasion)
    if earlier is None:
        if initiator is Initiator.MANUAL:
            _refuse_too_many(session, subscriber_id, now)
        method = _own_method(session, subscriber_id, method_id) if method_id is not None else None
        row = TopUpRow(
            subscriber_id=subscriber_id,
            amount_kopecks=amount_kopecks,
            kind=method.kind if method else kind,
            payment_method_id=method.id if method else None,
            method_title=method.title if method else "",
            saves_method=saves_method and method is None,
            initiator=initiator,
            occasion=occasion,
            key=secrets.token_urlsafe(24),
            gateway=settings().payments_gateway.value,
            created_at=now,
            check_after=now + SUBMIT_PATIENCE if initiator is Initiator.MANUAL else now,
        )
        try:
            with session.begin_nested():
                session.add(row)
            metrics.when_committed(session, metrics.TOP_UPS, state=row.state.value)
            return _view(row)
        except IntegrityError:  # the same click a moment earlier
            earlier = _of_occasion(session, occasion)
    if earlier is None or (earlier.subscriber_id, earlier.amount_kopecks) != (subscriber_id, amount_kopecks):
        raise ledger.ReferenceConflict
    return _view(earlier)


def charge_saved(
    session: Session, subscriber_id: int, method_id: int, amount_kopecks: int, *, occasion: str, now: datetime
) -> TopUp:
    """Money from a saved card or account without the person, once for an `occasion` (`autopay:12:2026-11-26`).

    It only commits the intent: the worker's `reconcile` submits it at once, and again after a crash. What became of it
    says `get_by_occasion`.

    Raises:
        AmountNotAllowed, NotFound, ReferenceConflict: see `start`.
    """
    return start(
        session,
        subscriber_id,
        amount_kopecks,
        occasion=occasion,
        method_id=method_id,
        initiator=Initiator.AUTOPAY,
        now=now,
    )


def submit(top_up_id: int, gateway: PaymentGateway, *, now: Now) -> TopUp:
    """Asks the gateway for the payment of a committed intent and returns the top-up as it is then.

    Opens its own transactions; call it in a thread. When the gateway does not answer, the top-up stays `created` and
    the worker asks again with the same key. Submitted twice, it is one payment.

    Raises:
        NotFound: there is no such top-up.
    """
    with db.transaction() as session:
        row = session.exec(select(TopUpRow).where(TopUpRow.id == top_up_id).with_for_update()).one_or_none()
        if row is None:
            raise NotFound
        question = _question(session, row, now=now()) if row.state is TopUpState.CREATED else None
    if question is not None:
        _ask(gateway, question, now=now)
    with db.reading() as session:
        return _view(session.exec(select(TopUpRow).where(TopUpRow.id == top_up_id)).one())


def reconcile(gateway: PaymentGateway, *, now: Now) -> int:
    """Asks the gateway about what hangs, the longest waiting first, and forgets deleted methods; returns how many.

    Opens its own transactions, and any number of processes may call it at once: claiming and settling are two, the
    gateway is asked between them.
    """
    with db.transaction() as session:
        rows = session.exec(
            select(TopUpRow)
            .where(col(TopUpRow.check_after) <= now(), TopUpRow.gateway == gateway.name)
            .order_by(col(TopUpRow.check_after))
            .limit(AT_ONCE)
            .with_for_update(skip_locked=True)
        ).all()
        questions = [
            _question(session, row, now=now()) for row in rows if not _is_too_late(session, row, gateway, now=now())
        ]
    for question in questions:
        _ask(gateway, question, now=now)
    return len(rows) + _forget_methods(gateway, now=now)


# --- what the gateway says -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of the gateway's word; `subscriber_id` is there when something is different for him now."""

    verdict: WebhookVerdict
    top_up_id: int | None = None
    subscriber_id: int | None = None


def settle(
    session: Session,
    payment: GatewayPayment,
    *,
    gateway: PaymentGateway,
    asked_id: int | None = None,
    is_fetched: bool = False,
    now: datetime,
) -> Settled:
    """Brings the top-up to what the gateway says, credits it when it succeeded; the same word twice changes nothing.

    `asked_id`: the payment answers a question about this top-up and may speak of no other. `is_fetched`: it is the
    gateway's present word, and not a message that may have been overtaken.
    """
    row = session.exec(
        select(TopUpRow).where(TopUpRow.key == payment.key).with_for_update().execution_options(populate_existing=True)
    ).one_or_none()
    if row is None or asked_id not in (None, row.id) or row.gateway != gateway.name:
        return _of_another(session, payment, gateway, asked_id)
    if trouble := _mismatch(row, payment, gateway):
        return _hold(session, row, trouble, payment)
    if row.gateway_id is None and session.exec(_of_gateway(row.gateway, payment.id)).first() is not None:
        return _hold(session, row, Attention.ORDER_DIFFERS, payment)  # it is another order's payment
    match payment.state:
        case PaymentState.PENDING:
            settled = _is_pending(session, row, payment, now)
        case PaymentState.SUCCEEDED:
            settled = _has_succeeded(session, row, payment, is_fetched, now)
        case PaymentState.CANCELED:
            settled = _was_canceled(session, row, payment, now)
    _learn(row, payment)
    if is_fetched and not row.state.is_open:
        row.check_after = None
    session.add(row)
    session.flush()
    return settled


def handle_webhook(gateway: PaymentGateway, body: bytes, headers: Mapping[str, str], *, now: Now) -> WebhookVerdict:
    """Keeps a gateway's message as it came and acts on it; `headers` have lower-case names.

    Opens its own transactions; call it in a thread. `UNVERIFIED` asks the gateway to send it again.
    """
    try:
        event = gateway.read_webhook(body, headers)
    except ForgedWebhook as error:
        log.warning("forged webhook", gateway=gateway.name, reason=str(error))
        return _keep_event(gateway, body, WebhookVerdict.FORGED, now=now)
    if event is None:
        return _keep_event(gateway, body, WebhookVerdict.UNKNOWN, now=now)
    payment, is_fetched = event.payment, event.payment is None
    if payment is None:
        with db.reading() as session:
            top_up_id = (
                session.exec(_of_gateway(gateway.name, event.payment_id)).one_or_none()
                or session.exec(_without_id(gateway.name, event.key)).one_or_none()
            )
        if top_up_id is None:  # a stranger's guess: our keys cannot be guessed
            return _keep_event(gateway, body, WebhookVerdict.UNKNOWN, now=now)
        try:
            payment = gateway.get(event.payment_id)
        except GatewayUnavailable:
            return _keep_event(gateway, body, WebhookVerdict.UNVERIFIED, top_up_id, now=now)
        except GatewayRefused as error:
            log.warning("forged webhook", gateway=gateway.name, reason=str(error))
            return _keep_event(gateway, body, WebhookVerdict.FORGED, top_up_id, now=now)
    with db.transaction() as session:
        settled = _hear(session, gateway, body, payment, is_fetched=is_fetched, now=now())
    _tell(settled)
    return settled.verdict


def handle_signed(
    gateway: PaymentGateway, messages: Sequence[tuple[bytes, GatewayPayment]], *, now: Now
) -> list[WebhookVerdict | None]:
    """The same for messages whose signature `gateway.read_webhook` has verified; cheaper the more there are.

    What is plain, as nearly all is, is heard in one transaction, with as many statements as one message takes; any
    other message alone. One that fails is undone alone and has no verdict: the gateway must send it again.
    """
    heard: dict[int, Settled] = {}
    try:
        with db.transaction() as session:
            heard = _hear_plain(session, gateway, messages, now=now())
    except Exception:  # one of them is not as plain as it looked: all are heard one by one
        log.exception("gateway's messages could not be acted on together", gateway=gateway.name)
        heard = {}
    for place, (body, payment) in enumerate(messages):
        if place not in heard:
            try:
                with db.transaction() as session:
                    heard[place] = _hear(session, gateway, body, payment, is_fetched=False, now=now())
            except Exception:  # whatever is the matter with one message, the others are heard
                log.exception("a gateway's message could not be acted on", gateway=gateway.name, payment=payment.id)
    for settled in heard.values():
        _tell(settled)
    return [heard[place].verdict if place in heard else None for place in range(len(messages))]


def _hear_plain(
    session: Session, gateway: PaymentGateway, messages: Sequence[tuple[bytes, GatewayPayment]], *, now: datetime
) -> dict[int, Settled]:
    """Hears those that tell of a success that is known, or awaited by somebody for whom nothing waits; by place."""
    rows = _rows_of_keys(session, {payment.key for _, payment in messages})
    new_ids = [payment.id for _, payment in messages if payment.key in rows and rows[payment.key].gateway_id is None]
    others = known_among(session, col(TopUpRow.gateway_id), new_ids) if new_ids else set()  # of another order of ours
    heard: dict[int, Settled] = {}
    to_credit: dict[int, tuple[int, TopUpRow, GatewayPayment]] = {}  # by subscriber
    for place, (_, payment) in enumerate(messages):
        row = rows.get(payment.key)
        if row is None or not _is_plain(row, payment, gateway) or payment.id in others:
            continue
        if row.state is TopUpState.SUCCEEDED:
            heard[place] = _settled(row, WebhookVerdict.DUPLICATE)
        else:
            to_credit.setdefault(row.subscriber_id, (place, row, payment))
    credited = _credit_many(session, [(row, payment) for _, row, payment in to_credit.values()], now)
    for (place, row, _), is_credited in zip(to_credit.values(), credited, strict=True):
        if is_credited:
            heard[place] = _settled(row, WebhookVerdict.APPLIED)
    events = [
        _event(gateway, messages[place][0], settled.verdict, settled.top_up_id, now).model_dump(exclude={"id"})
        for place, settled in sorted(heard.items())
    ]
    if events:
        session.execute(insert(WebhookEvent), events)
    return heard


def _rows_of_keys(session: Session, keys: Collection[str]) -> dict[str, TopUpRow]:
    """The top-ups with these keys, held until the transaction ends."""
    rows = session.exec(
        select(TopUpRow)
        .where(is_among(session, col(TopUpRow.key), keys))
        .order_by(col(TopUpRow.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {row.key: row for row in rows}


def _is_plain(row: TopUpRow, payment: GatewayPayment, gateway: PaymentGateway) -> bool:
    """Whether it tells of a success that has to be credited and nothing else, or that was credited."""
    if payment.state is not PaymentState.SUCCEEDED or payment.refunded_kopecks or row.gateway != gateway.name:
        return False
    if _mismatch(row, payment, gateway):
        return False
    if row.state is TopUpState.SUCCEEDED:
        return payment.method_title in ("", row.method_title)
    return row.state.is_open and not row.saves_method


def _hear(
    session: Session,
    gateway: PaymentGateway,
    body: bytes,
    payment: GatewayPayment,
    *,
    is_fetched: bool,
    now: datetime,
) -> Settled:
    settled = settle(session, payment, gateway=gateway, is_fetched=is_fetched, now=now)
    session.add(_event(gateway, body, settled.verdict, settled.top_up_id, now))
    return settled


def _tell(settled: Settled | None) -> None:
    """After the commit."""
    if settled is not None and settled.subscriber_id is not None:
        news.tell(settled.subscriber_id)


def _is_pending(session: Session, row: TopUpRow, payment: GatewayPayment, now: datetime) -> Settled:
    if payment.refunded_kopecks:
        return _hold(session, row, Attention.REFUNDED, payment)
    if row.state is not TopUpState.CREATED:
        return _settled(row, WebhookVerdict.DUPLICATE)
    row.state, row.confirmation_url = TopUpState.PENDING, payment.confirmation_url
    metrics.when_committed(session, metrics.TOP_UPS, state=row.state.value)
    return _settled(row, WebhookVerdict.APPLIED)


def _has_succeeded(
    session: Session, row: TopUpRow, payment: GatewayPayment, is_fetched: bool, now: datetime
) -> Settled:
    if row.state is TopUpState.SUCCEEDED:
        if payment.refunded_kopecks <= row.refunded_kopecks:
            return _settled(row, WebhookVerdict.DUPLICATE)
        row.refunded_kopecks = payment.refunded_kopecks
        if payment.refunded_kopecks <= _given_back(session, row):
            return _settled(row, WebhookVerdict.APPLIED)
        return _hold(session, row, Attention.REFUNDED, payment)
    if payment.refunded_kopecks == row.amount_kopecks:  # the money has come and gone: there is nothing to credit
        if not row.state.is_open:
            return _settled(row, WebhookVerdict.DUPLICATE)
        row.refunded_kopecks = payment.refunded_kopecks
        _close(session, row, TopUpState.REFUSED, now, Refusal.REFUNDED)
        return _settled(row, WebhookVerdict.APPLIED)
    if row.state is TopUpState.REFUSED and not is_fetched:  # it said the opposite before: which one is true?
        row.check_after = now
        session.add(row)
        return _settled(row, WebhookVerdict.HELD)
    _credit(session, row, payment, now)
    if payment.refunded_kopecks:
        row.refunded_kopecks = payment.refunded_kopecks
        _hold(session, row, Attention.REFUNDED, payment)
    return _settled(row, WebhookVerdict.APPLIED)


def _given_back(session: Session, row: TopUpRow) -> int:
    """Kopecks that we ourselves have told the gateway to give back (`services/refunds.py`)."""
    mine = select(func.coalesce(func.sum(Refund.amount_kopecks), 0)).where(
        Refund.top_up_id == row.id, Refund.state != RefundState.REFUSED
    )
    return int(session.exec(mine).one())


def _was_canceled(session: Session, row: TopUpRow, payment: GatewayPayment, now: datetime) -> Settled:
    if row.state is TopUpState.SUCCEEDED:
        return _hold(session, row, Attention.CANCELED_AFTER_SUCCESS, payment)
    if not row.state.is_open:
        return _settled(row, WebhookVerdict.DUPLICATE)
    reason = payment.refusal or Refusal.DECLINED
    _close(session, row, TopUpState.EXPIRED if reason is Refusal.TIMED_OUT else TopUpState.REFUSED, now, reason)
    return _settled(row, WebhookVerdict.APPLIED)


def _credit(session: Session, row: TopUpRow, payment: GatewayPayment, now: datetime) -> None:
    if payment.method is not None and row.saves_method:
        _save_method(session, row, payment.method, now)
    paid = billing.record_payment(
        session,
        row.subscriber_id,
        row.amount_kopecks,
        reference=_reference(row, payment),
        happened_at=now,
        now=now,
        source=row.kind.value,
    )
    _has_paid(session, row, payment, paid.transaction_id, now)
    _promise_receipts(session, [(row, ledger.balance(session, row.subscriber_id).main)], now)


def _credit_many(session: Session, paid: Sequence[tuple[TopUpRow, GatewayPayment]], now: datetime) -> list[bool]:
    """Credits top-ups of as many subscribers, but not (False) those of whom something waits for the money."""
    incoming = [
        billing.Incoming(row.subscriber_id, row.amount_kopecks, _reference(row, payment), row.kind.value)
        for row, payment in paid
    ]
    received = billing.record_payments(session, incoming, now=now) if incoming else []
    receipts = []
    for (row, payment), one in zip(paid, received, strict=True):
        if one is not None:
            _has_paid(session, row, payment, one.transaction_id, now)
            receipts.append((row, one.main_kopecks))
    session.flush()
    _promise_receipts(session, receipts, now)
    return [one is not None for one in received]


def _has_paid(session: Session, row: TopUpRow, payment: GatewayPayment, transaction_id: int, now: datetime) -> None:
    row.transaction_id = transaction_id
    _learn(row, payment)
    _close(session, row, TopUpState.SUCCEEDED, now)


def _reference(row: TopUpRow, payment: GatewayPayment) -> str:
    return f"top-up:{row.gateway}:{payment.id}"


def _learn(row: TopUpRow, payment: GatewayPayment) -> None:
    row.gateway_id = payment.id
    row.method_title = payment.method_title or row.method_title


def _close(session: Session, row: TopUpRow, state: TopUpState, now: datetime, refusal: Refusal | None = None) -> None:
    row.state, row.refusal, row.finished_at, row.check_after = state, refusal, now, None
    metrics.when_committed(session, metrics.TOP_UPS, state=state.value)


def _mismatch(row: TopUpRow, payment: GatewayPayment, gateway: PaymentGateway) -> Attention | None:
    if row.gateway_id not in (None, payment.id):
        return Attention.ORDER_DIFFERS
    if payment.shop != gateway.shop:
        return Attention.SHOP_DIFFERS
    if payment.currency != CURRENCY:
        return Attention.CURRENCY_DIFFERS
    if payment.amount_kopecks != row.amount_kopecks or not 0 <= payment.refunded_kopecks <= row.amount_kopecks:
        return Attention.AMOUNT_DIFFERS
    return None


def _of_another(session: Session, payment: GatewayPayment, gateway: PaymentGateway, asked_id: int | None) -> Settled:
    """The payment's key is not ours, or not of what was asked about."""
    blamed: int | None = asked_id
    if blamed is None:
        blamed = session.exec(_of_gateway(gateway.name, payment.id)).one_or_none()
    row = session.exec(select(TopUpRow).where(TopUpRow.id == blamed).with_for_update()).one_or_none()
    if row is None:
        log.warning("a payment of no order of ours", gateway=gateway.name, payment=payment.id)
        return Settled(WebhookVerdict.UNKNOWN)
    return _hold(session, row, Attention.ORDER_DIFFERS, payment)


def _hold(session: Session, row: TopUpRow, trouble: Attention, payment: GatewayPayment) -> Settled:
    """Changes no money: a person must look at it."""
    is_known = row.attention is trouble and trouble is not Attention.REFUNDED
    row.attention = row.attention or trouble
    session.add(row)
    session.flush()
    log.error(
        "a payment needs a person",
        top_up=row.id,
        trouble=trouble.value,
        gateway=row.gateway,
        payment=payment.id,
        state=payment.state.value,
        amount_kopecks=payment.amount_kopecks,
        refunded_kopecks=payment.refunded_kopecks,
    )
    return _settled(row, WebhookVerdict.DUPLICATE if is_known else WebhookVerdict.HELD)


def _settled(row: TopUpRow, verdict: WebhookVerdict) -> Settled:
    return Settled(verdict, row.id, row.subscriber_id if verdict is WebhookVerdict.APPLIED else None)


def _promise_receipts(session: Session, paid: Sequence[tuple[TopUpRow, int]], now: datetime) -> None:
    """A receipt for each of these top-ups, which left so many kopecks on the account."""
    numbers = subscribers.get_msisdns(session, {row.subscriber_id for row, _ in paid})
    promises, events = [], []
    for row, left_kopecks in paid:
        amount, left, number = _roubles(row.amount_kopecks), _roubles(left_kopecks), _number(row)
        body = outbox.fit_sms(
            (
                f"Пополнение {amount} ₽. Баланс {left} ₽. Чек {number} — в «Расходах».",
                f"Пополнение {amount} ₽. Чек {number}.",
            )
        )
        reference = f"top-up:{row.id}"
        promises.append(outbox.Promise(reference, "receipt", numbers[row.subscriber_id], body))
        facts = {"kopecks": row.amount_kopecks, "receipt": number, "payment": row.id}
        events.append(notices.Event(row.subscriber_id, NoticeKind.TOP_UP, reference, now, facts))
    outbox.queue_many(session, promises, now=now)
    notices.tell(session, events, now=now)


# --- asking the gateway ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Question:
    """What to ask: about the payment with the id, or for one when the gateway has not told its id."""

    top_up_id: int
    gateway_id: str | None
    order: PaymentOrder


def _question(session: Session, row: TopUpRow, *, now: datetime) -> _Question:
    """Claims the row: nobody else asks before its next turn comes."""
    row.check_after = now + PAUSES[min(row.attempts, len(PAUSES) - 1)]
    row.attempts += 1
    session.add(row)
    session.flush()
    subscriber = subscribers.get(session, row.subscriber_id)
    method = session.get(PaymentMethod, row.payment_method_id) if row.payment_method_id else None
    order = PaymentOrder(
        key=row.key,
        amount_kopecks=row.amount_kopecks,
        description=f"Пополнение счёта {subscriber.account_number}",
        kind=row.kind,
        return_url=f"{settings().public_url}{RETURN_PATH}?payment={row.id}",
        receipt_phone=subscriber.msisdn,
        method_token=method.token if method else None,
        saves_method=row.saves_method,
    )
    return _Question(cast(int, row.id), row.gateway_id, order)


def _is_too_late(session: Session, row: TopUpRow, gateway: PaymentGateway, *, now: datetime) -> bool:
    """Ends what must not be asked for again: the gateway may have forgotten the key and would charge once more."""
    if row.state is not TopUpState.CREATED or now - row.created_at < gateway.remembers_keys_for:
        return False
    if row.attempts:
        row.attention = row.attention or Attention.OUTCOME_UNKNOWN
        log.error("a payment needs a person", top_up=row.id, trouble=Attention.OUTCOME_UNKNOWN.value)
    _close(session, row, TopUpState.EXPIRED, now, Refusal.TIMED_OUT)
    session.add(row)
    return True


def _ask(gateway: PaymentGateway, question: _Question, *, now: Now) -> None:
    """One call of the gateway and what follows from its answer; without one, the row's next turn has been set."""
    try:
        known_as = question.gateway_id
        payment = gateway.get(known_as) if known_as else gateway.create(question.order)
    except GatewayUnavailable as error:
        log.warning("payment gateway does not answer", top_up=question.top_up_id, reason=str(error))
        return
    except GatewayRefused as error:
        log.warning("payment refused by the gateway", top_up=question.top_up_id, reason=str(error))
        if question.gateway_id is None:
            _was_refused(question.top_up_id, error.refusal, now=now)
        return
    with db.transaction() as session:
        moment = now()
        settled = settle(session, payment, gateway=gateway, asked_id=question.top_up_id, is_fetched=True, now=moment)
        _give_up(session, question.top_up_id, moment)
    _tell(settled)


def _was_refused(top_up_id: int, refusal: Refusal, *, now: Now) -> None:
    with db.transaction() as session:
        row = session.exec(select(TopUpRow).where(TopUpRow.id == top_up_id).with_for_update()).one()
        if row.state is TopUpState.CREATED:
            _close(session, row, TopUpState.REFUSED, now(), refusal)
            session.add(row)
    news.tell(row.subscriber_id)


def _give_up(session: Session, top_up_id: int, now: datetime) -> None:
    """Asks no more when the gateway has had its time; what it tells later is still heard."""
    row = session.exec(select(TopUpRow).where(TopUpRow.id == top_up_id)).one()
    if row.check_after is None or now - row.created_at < GIVE_UP_AFTER:
        return
    row.check_after = None
    if row.state.is_open:
        row.attention = row.attention or Attention.OUTCOME_UNKNOWN
        _close(session, row, TopUpState.EXPIRED, now, Refusal.TIMED_OUT)
        log.error("a payment needs a person", top_up=row.id, trouble=Attention.OUTCOME_UNKNOWN.value)
    session.add(row)


# --- reading ---------------------------------------------------------------------------------------------------------


def get_offer(session: Session, subscriber_id: int, *, now: datetime) -> Offer:
    """What the top-up page begins with.

    Raises:
        NotFound: there is no such subscriber.
    """
    charge = overview.get_next_charge(session, subscriber_id, now=now)
    least, most = settings().top_up_least_roubles * 100, settings().top_up_most_roubles * 100
    wanted = [charge.shortage_kopecks, charge.amount_kopecks] if charge else []
    sums = [-(-kopecks // 100) * 100 for kopecks in wanted]  # in whole roubles, up
    sums += [roubles * 100 for roubles in USUAL_ROUBLES if not sums or roubles * 100 > max(sums)]
    chosen = [kopecks for kopecks in dict.fromkeys(sums) if least <= kopecks <= most][:SUGGESTIONS]
    return Offer(least, most, tuple(chosen), charge, tuple(list_methods(session, subscriber_id)))


def get_result(session: Session, subscriber_id: int, top_up_id: int, *, now: datetime) -> Result:
    """What became of a top-up of the subscriber's own, for the page to which the gateway sends him back.

    Raises:
        NotFound: no such top-up of his.
    """
    top_up = get(session, subscriber_id, top_up_id)
    return Result(
        top_up,
        subscribers.get(session, subscriber_id).msisdn,
        ledger.balance(session, subscriber_id).main,
        overview.get_next_charge(session, subscriber_id, now=now),
    )


def get_receipt(session: Session, subscriber_id: int, top_up_id: int) -> Receipt:
    """What stands on the receipt of a top-up of the subscriber's own that succeeded; `adapters.receipts` draws it.

    Raises:
        NotFound: no such top-up of his, or no money came of it.
    """
    row = _own(session, subscriber_id, top_up_id)
    if row.state is not TopUpState.SUCCEEDED or row.finished_at is None:
        raise NotFound
    subscriber = subscribers.get(session, subscriber_id)
    way = "Карта" if row.kind is PaymentKind.CARD else "СБП"
    lines = [
        ("Номер платежа", str(_number(row))),
        ("Время", f"{clock.local(row.finished_at):%d.%m.%Y %H:%M}"),
        ("Номер телефона", format_msisdn(subscriber.msisdn)),
        ("Лицевой счёт", subscriber.account_number),
        ("Способ", f"{way} {row.method_title}".strip()),
        ("Комиссия", "0\u00a0₽"),
    ]
    if row.refunded_kopecks:
        lines.append(("Возвращено", f"{_roubles(row.refunded_kopecks)}\u00a0₽"))
    lines.append(("Номер у банка", row.gateway_id or ""))
    return Receipt(
        brand=settings().brand_name,
        title=f"Чек о пополнении № {_number(row)}",
        amount=f"{_roubles(row.amount_kopecks)}\u00a0₽",
        lines=tuple(lines),
        note="Деньги зачислены на счёт абонента. Кассовый чек по закону № 54-ФЗ присылает платёжный сервис.",
    )


def get(session: Session, subscriber_id: int, top_up_id: int) -> TopUp:
    """A top-up of the subscriber's own.

    Raises:
        NotFound: no such top-up of his.
    """
    return _view(_own(session, subscriber_id, top_up_id))


def get_by_occasion(session: Session, occasion: str) -> TopUp | None:
    """The top-up that was made for it; None before."""
    row = _of_occasion(session, occasion)
    return _view(row) if row else None


def list_top_ups(
    session: Session, subscriber_id: int, *, limit: int = 20, before_id: int | None = None
) -> Sequence[TopUp]:
    """The subscriber's top-ups, the newest first; `before_id` is the last one of the page before."""
    rows = session.exec(
        select(TopUpRow)
        .where(TopUpRow.subscriber_id == subscriber_id, *([col(TopUpRow.id) < before_id] if before_id else []))
        .order_by(col(TopUpRow.id).desc())
        .limit(limit)
    )
    return [_view(row) for row in rows]


def list_methods(session: Session, subscriber_id: int) -> Sequence[Method]:
    """The saved cards and accounts that can pay now, the newest first."""
    rows = session.exec(
        select(PaymentMethod)
        .where(
            PaymentMethod.subscriber_id == subscriber_id,
            PaymentMethod.gateway == settings().payments_gateway.value,
            col(PaymentMethod.deleted_at).is_(None),
        )
        .order_by(col(PaymentMethod.id).desc())
    )
    return [_method(row) for row in rows]


def get_method(session: Session, subscriber_id: int, method_id: int) -> Method:
    """A saved card or account of the subscriber's own that can pay now.

    Raises:
        NotFound: none of his, deleted, or of a gateway that is used no more.
    """
    return _method(_own_method(session, subscriber_id, method_id))


def delete_method(session: Session, subscriber_id: int, method_id: int, *, now: datetime) -> None:
    """Nothing is charged to it from now on; the gateway is told to forget it, as soon as it listens.

    Raises:
        NotFound: none of his, or deleted already.
    """
    row = _own_method(session, subscriber_id, method_id)
    row.deleted_at = row.forget_after = now
    session.add(row)
    session.flush()


# --- how -------------------------------------------------------------------------------------------------------------


def _own(session: Session, subscriber_id: int, top_up_id: int) -> TopUpRow:
    row = session.exec(
        select(TopUpRow).where(TopUpRow.id == top_up_id, TopUpRow.subscriber_id == subscriber_id)
    ).one_or_none()
    if row is None:
        raise NotFound
    return row


def _of_occasion(session: Session, occasion: str) -> TopUpRow | None:
    return session.exec(select(TopUpRow).where(TopUpRow.occasion == occasion)).one_or_none()


def _of_gateway(gateway: str, gateway_id: str) -> Any:
    return select(TopUpRow.id).where(TopUpRow.gateway == gateway, TopUpRow.gateway_id == gateway_id)


def _without_id(gateway: str, key: str) -> Any:
    return select(TopUpRow.id).where(
        TopUpRow.gateway == gateway, TopUpRow.key == key, col(TopUpRow.gateway_id).is_(None)
    )


def _own_method(session: Session, subscriber_id: int, method_id: int) -> PaymentMethod:
    row = session.exec(
        select(PaymentMethod).where(
            PaymentMethod.id == method_id,
            PaymentMethod.subscriber_id == subscriber_id,
            PaymentMethod.gateway == settings().payments_gateway.value,
            col(PaymentMethod.deleted_at).is_(None),
        )
    ).one_or_none()
    if row is None:
        raise NotFound
    return row


def _refuse_too_many(session: Session, subscriber_id: int, now: datetime) -> None:
    tries = session.exec(
        select(func.count())
        .select_from(TopUpRow)
        .where(
            TopUpRow.subscriber_id == subscriber_id,
            TopUpRow.initiator == Initiator.MANUAL,
            col(TopUpRow.created_at) > now - timedelta(hours=1),
        )
    ).one()
    if tries >= TRIES_PER_HOUR:
        raise TooManyTopUps


def _save_method(session: Session, row: TopUpRow, saved: SavedMethod, now: datetime) -> None:
    """The gateway may name a card by the same token again: it is one card, and not to be forgotten any more."""
    known = session.exec(
        select(PaymentMethod).where(PaymentMethod.gateway == row.gateway, PaymentMethod.token == saved.token)
    ).all()
    if any(method.subscriber_id != row.subscriber_id for method in known):
        log.error("a saved method of somebody else", top_up=row.id)
        return
    current = next((method for method in known if method.deleted_at is None), None)
    for method in known:
        if method is not current:
            method.forget_after = None
            session.add(method)
    if current is None:
        current = PaymentMethod(
            subscriber_id=row.subscriber_id,
            kind=saved.kind,
            title=saved.title,
            expires=saved.expires,
            gateway=row.gateway,
            token=saved.token,
            saved_at=now,
        )
    else:
        current.title, current.expires = saved.title, saved.expires
    session.add(current)
    session.flush()
    row.payment_method_id = current.id


def _forget_methods(gateway: PaymentGateway, *, now: Now) -> int:
    with db.transaction() as session:
        rows = session.exec(
            select(PaymentMethod)
            .where(col(PaymentMethod.forget_after) <= now(), PaymentMethod.gateway == gateway.name)
            .limit(AT_ONCE)
            .with_for_update(skip_locked=True)
        ).all()
        for row in rows:
            row.forget_after = now() + PAUSES[-1]
            session.add(row)
    forgotten = 0
    for row in rows:
        try:
            gateway.forget(row.token)
        except GatewayUnavailable as error:
            log.warning("payment gateway does not answer", method=row.id, reason=str(error))
            continue
        forgotten += 1
        with db.transaction() as session:
            session.exec(
                update(PaymentMethod)
                .where(col(PaymentMethod.id) == row.id, col(PaymentMethod.forget_after).is_not(None))
                .values(token="", forget_after=None)
            )
    return forgotten


def _keep_event(
    gateway: PaymentGateway, body: bytes, verdict: WebhookVerdict, top_up_id: int | None = None, *, now: Now
) -> WebhookVerdict:
    with db.transaction() as session:
        if verdict is WebhookVerdict.FORGED and _are_enough_forged(session, now()):
            return verdict
        session.add(_event(gateway, body, verdict, top_up_id, now()))
        if verdict is WebhookVerdict.UNVERIFIED:
            session.exec(update(TopUpRow).where(col(TopUpRow.id) == top_up_id).values(check_after=now()))
    return verdict


def _are_enough_forged(session: Session, now: datetime) -> bool:
    """Anybody may send them: they must not fill the disk."""
    kept = (
        select(WebhookEvent.id)
        .where(text("verdict = 'forged'"), col(WebhookEvent.received_at) > now - timedelta(hours=1))
        .limit(FORGED_PER_HOUR)
    )
    return len(session.exec(kept).all()) >= FORGED_PER_HOUR


def _event(
    gateway: PaymentGateway, body: bytes, verdict: WebhookVerdict, top_up_id: int | None, now: datetime
) -> WebhookEvent:
    return WebhookEvent(gateway=gateway.name, received_at=now, body=body, verdict=verdict, top_up_id=top_up_id)


def _number(row: TopUpRow) -> int:
    return FIRST_NUMBER + cast(int, row.id)


def _roubles(kopecks: int) -> str:
    sign = "−" if kopecks < 0 else ""
    roubles, rest = divmod(abs(kopecks), 100)
    whole = f"{sign}{roubles:,}".replace(",", "\u00a0") if roubles >= 10_000 else f"{sign}{roubles}"
    return f"{whole},{rest:02}" if rest else whole


def _method(row: PaymentMethod) -> Method:
    return Method(cast(int, row.id), row.kind, row.title, row.expires)


def _view(row: TopUpRow) -> TopUp:
    return TopUp(
        id=cast(int, row.id),
        number=_number(row),
        subscriber_id=row.subscriber_id,
        amount_kopecks=row.amount_kopecks,
        kind=row.kind,
        method_title=row.method_title,
        saves_method=row.saves_method,
        initiator=row.initiator,
        state=row.state,
        refusal=row.refusal,
        refunded_kopecks=row.refunded_kopecks,
        confirmation_url=row.confirmation_url,
        created_at=row.created_at,
        finished_at=row.finished_at,
    )
