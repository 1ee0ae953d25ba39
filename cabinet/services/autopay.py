"""Autopay: a subscriber's rule pays by itself, from a saved card or account, through the top-ups' own state machine.

`look` finds out whether a rule is due and begins the payment: the rule, held, remembers the top-up in the same
transaction, and the top-up is unique for rule, occasion and try. `settle` follows what became of it. While that is not
known the rule does nothing: the worker's `top_ups.reconcile` asks the gateway again with the same key. So a payment is
made once, whoever crashes and however many workers run.

After a refusal the same occasion is tried again with growing pauses (`domain.autopay.PAUSES`), then the rule is paused
and says so. Each date is warned of by SMS the day before.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import bindparam, func
from sqlalchemy import select as select_of
from sqlmodel import Session, col, or_, select

from cabinet import clock, ledger
from cabinet.config import settings
from cabinet.domain.autopay import (
    WARN_BEFORE,
    AutopayKind,
    AutopayState,
    Occasion,
    PauseReason,
    Terms,
    amount_due,
    is_within,
    last_of_day,
    month_start,
    next_month_start,
    next_morning,
    next_of_day,
    of_fee,
    pause_after,
)
from cabinet.domain.effects import OptionState, Snapshot
from cabinet.domain.errors import CabinetError, NotFound
from cabinet.domain.money import InvalidAmount, parse_kopecks
from cabinet.domain.payments import Initiator, TopUpState
from cabinet.domain.periods import period_containing
from cabinet.domain.promotions import coming_fees
from cabinet.models.autopay import AutopayRule
from cabinet.models.ledger import Account, AccountKind
from cabinet.models.notices import NoticeKind
from cabinet.models.outbox import OutboxMessage
from cabinet.models.subscribers import Subscriber, SubscriberStatus
from cabinet.models.top_ups import TopUp
from cabinet.services import (
    notices,
    outbox,
    promised_payments,
    sessions,
    snapshots,
    subscribers,
    top_ups,
)
from cabinet.services.sessions import Principal
from cabinet.services.sign_in import FreshCodeNeeded
from cabinet.services.top_ups import Method

LOOK_EVERY = timedelta(hours=1)  # at a fee that is due tomorrow and lacks nothing yet; after a threshold's payment


class NoRule(CabinetError):
    message = "Автоплатежа сейчас нет. Обновите страницу."


@dataclass(frozen=True, slots=True)
class Upcoming:
    """The next payment: from `at` on, about `amount_kopecks`; of a threshold neither is known before it is crossed.

    `amount_kopecks` 0: as things stand nothing will be taken. `is_beyond`: the month's ceiling does not allow it.
    """

    at: datetime | None
    amount_kopecks: int
    is_beyond: bool = False


@dataclass(frozen=True, slots=True)
class Status:
    """How a rule stands. `retry_at`: after a refusal."""

    terms: Terms
    state: AutopayState
    pause_reason: PauseReason | None
    is_paying: bool
    retry_at: datetime | None


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as its owner sees it. `method` None: the card or account was deleted. `retry_at`: after a refusal."""

    id: int
    terms: Terms
    state: AutopayState
    pause_reason: PauseReason | None
    method: Method | None
    is_paying: bool
    retry_at: datetime | None
    upcoming: Upcoming | None


@dataclass(frozen=True, slots=True)
class Autopay:
    """Everything on the page. `fees_at` are the plan's next two fees, none where it has none; `spent_kopecks` what
    autopay has paid this month, what is being paid included."""

    rule: Rule | None
    methods: tuple[Method, ...]
    main_kopecks: int
    fees_at: tuple[datetime, ...]
    fee_kopecks: int
    spent_kopecks: int
    needs_code: bool


# --- what a subscriber does ------------------------------------------------------------------------------------------


def get_autopay(session: Session, principal: Principal, *, now: datetime) -> Autopay:
    """The page of the subscriber, as of that moment.

    Raises:
        NotFound: there is no such subscriber.
    """
    subscriber_id = principal.subscriber_id
    fee = _next_fee(session, subscriber_id, now=now)
    row = _find(session, subscriber_id)
    return Autopay(
        rule=_view(session, row, now=now) if row else None,
        methods=tuple(top_ups.list_methods(session, subscriber_id)),
        main_kopecks=ledger.balance(session, subscriber_id).main,
        fees_at=fee.fees_at if fee else (),
        fee_kopecks=fee.following_kopecks if fee else 0,
        spent_kopecks=_spent(session, subscriber_id, now),
        needs_code=sessions.needs_step_up(principal, now=now),
    )


def get_status(session: Session, subscriber_id: int, *, now: datetime) -> Status | None:
    """How the subscriber's rule stands, by one query; None where there is none."""
    row = _find(session, subscriber_id)
    return _status(row, now) if row else None


def find_rule(session: Session, subscriber_id: int, *, now: datetime) -> Rule | None:
    """The subscriber's rule with what it will pay next; None where there is none."""
    row = _find(session, subscriber_id)
    return _view(session, row, now=now) if row else None


def read_terms(kind: str, *, ceiling: str, threshold: str = "", amount: str = "", day: str = "") -> Terms:
    """The terms that a person typed, sums in roubles; what the kind does not need is not read.

    Raises:
        AutopayNotSo, CeilingTooLow: see `Terms`; what is no sum and no day is outside of what is allowed.
        NotFound: there is no such kind.
    """
    if kind not in set(AutopayKind):
        raise NotFound
    found = AutopayKind(kind)
    return Terms(
        found,
        _kopecks(ceiling),
        threshold_kopecks=_kopecks(threshold) if found is AutopayKind.THRESHOLD else 0,
        amount_kopecks=_kopecks(amount) if found is not AutopayKind.FEE else 0,
        day=_day(day) if found is AutopayKind.DAY else 0,
    )


def _kopecks(typed: str) -> int:
    try:
        return parse_kopecks(typed)
    except InvalidAmount:
        return 0


def _day(typed: str) -> int:
    typed = typed.strip()
    return int(typed) if typed.isdecimal() and len(typed) <= 2 else 0


def preview(session: Session, subscriber_id: int, terms: Terms, *, now: datetime) -> Upcoming | None:
    """What the rule would do first if it were saved now with these terms; None: nothing that is foreseeable."""
    draft, kept = _draft(subscriber_id, terms, now), _find(session, subscriber_id)
    if kept is not None and (kept.kind, kept.day) == (terms.kind, terms.day):
        draft.paid_occasion = kept.paid_occasion
    return _upcoming(session, draft, terms, now=now)


def save(session: Session, principal: Principal, terms: Terms, method_id: int, *, now: datetime) -> Rule:
    """The subscriber's rule is this one from now on, and is active; what is being paid already is paid.

    Raises:
        FreshCodeNeeded: this remembered browser has to show a fresh code first.
        NotFound: no such saved card or account of his.
    """
    if sessions.needs_step_up(principal, now=now):
        raise FreshCodeNeeded
    subscriber_id = principal.subscriber_id
    _hold_subscriber(session, subscriber_id)
    method = top_ups.get_method(session, subscriber_id, method_id)
    row = _find(session, subscriber_id, is_held=True)
    if row is None:
        row = _draft(subscriber_id, terms, now)
        session.add(row)
    if (row.kind, row.day) != (terms.kind, terms.day):
        row.paid_occasion = row.warned_occasion = ""
    row.kind, row.ceiling_kopecks, row.day = terms.kind, terms.ceiling_kopecks, terms.day
    row.threshold_kopecks, row.amount_kopecks = terms.threshold_kopecks, terms.amount_kopecks
    row.payment_method_id = method.id
    _begin(row, now)
    session.flush()
    return _view(session, row, now=now)


def pause(session: Session, subscriber_id: int, *, now: datetime) -> Rule:
    """It pays no more until it is resumed; what is being paid already is paid. Paused again, it stays so.

    Raises:
        NoRule: there is none.
    """
    row = _own(session, subscriber_id)
    if row.state is AutopayState.ACTIVE:
        row.state, row.pause_reason = AutopayState.PAUSED, PauseReason.ASKED
        session.flush()
    return _view(session, row, now=now)


def resume(session: Session, principal: Principal, *, now: datetime) -> Rule:
    """It pays again; dates that went by meanwhile do not count.

    Raises:
        NoRule: there is none.
        FreshCodeNeeded: see `save`.
        NotFound: its card or account was deleted: the rule has to be changed.
    """
    if sessions.needs_step_up(principal, now=now):
        raise FreshCodeNeeded
    row = _own(session, principal.subscriber_id)
    top_ups.get_method(session, principal.subscriber_id, row.payment_method_id)
    if row.state is AutopayState.PAUSED:
        _begin(row, now)
        session.flush()
    return _view(session, row, now=now)


def delete(session: Session, subscriber_id: int, *, now: datetime) -> None:
    """There is no rule any more; what is being paid already is paid. Deleted again, nothing happens."""
    row = _find(session, subscriber_id, is_held=True)
    if row is not None:
        row.state, row.pause_reason = AutopayState.DELETED, None
        session.flush()


def delete_method(session: Session, subscriber_id: int, method_id: int, *, now: datetime) -> None:
    """Forgets a saved card or account (`top_ups.delete_method`); a rule that pays from it is paused and says so.

    Raises:
        NotFound: none of his, or deleted already.
    """
    row = _find(session, subscriber_id, is_held=True)
    top_ups.delete_method(session, subscriber_id, method_id, now=now)
    if row is not None and row.payment_method_id == method_id and row.state is AutopayState.ACTIVE:
        _stop(session, row, PauseReason.METHOD_GONE, now)


def _begin(row: AutopayRule, now: datetime) -> None:
    row.state, row.pause_reason, row.failures = AutopayState.ACTIVE, None, 0
    row.since_at = row.look_at = now


def _draft(subscriber_id: int, terms: Terms, now: datetime) -> AutopayRule:
    """A rule that is not kept yet."""
    return AutopayRule(
        subscriber_id=subscriber_id,
        kind=terms.kind,
        payment_method_id=0,
        threshold_kopecks=terms.threshold_kopecks,
        amount_kopecks=terms.amount_kopecks,
        day=terms.day,
        ceiling_kopecks=terms.ceiling_kopecks,
        created_at=now,
        since_at=now,
        look_at=now,
    )


# --- what the worker does --------------------------------------------------------------------------------------------


def list_to_look(session: Session, now: datetime, limit: int) -> list[int]:
    """Ids of rules that may be due, the longest waiting first."""
    found: Any = session.exec(
        select(AutopayRule.id)
        .join(Subscriber, col(Subscriber.id) == col(AutopayRule.subscriber_id))
        .join(Account, (col(Account.subscriber_id) == col(Subscriber.id)) & (col(Account.kind) == AccountKind.MAIN))
        .where(
            AutopayRule.state == AutopayState.ACTIVE,
            col(AutopayRule.top_up_id).is_(None),
            col(AutopayRule.look_at) <= now,
            Subscriber.status == SubscriberStatus.ACTIVE,
            or_(
                AutopayRule.kind != AutopayKind.THRESHOLD,
                col(Account.balance_kopecks) < col(AutopayRule.threshold_kopecks),
            ),
        )
        .order_by(col(AutopayRule.look_at))
        .limit(limit)
    )
    return list(found)


def list_to_settle(session: Session, limit: int) -> list[int]:
    """Ids of rules whose payment has come to its end."""
    found: Any = session.exec(
        select(AutopayRule.id)
        .join(TopUp, col(TopUp.id) == col(AutopayRule.top_up_id))
        .where(col(TopUp.state).not_in([state for state in TopUpState if state.is_open]))
        .limit(limit)
    )
    return list(found)


def look(session: Session, rule_id: int, *, now: datetime) -> bool:
    """Begins the payment of a rule that is due, warns of one that is due tomorrow, or does nothing; whether it paid.

    The top-up is submitted by `top_ups.reconcile`.
    """
    row = _hold(session, rule_id)
    if row is None or row.state is not AutopayState.ACTIVE or row.top_up_id is not None or row.look_at > now:
        return False
    try:
        method = top_ups.get_method(session, row.subscriber_id, row.payment_method_id)
    except NotFound:
        _stop(session, row, PauseReason.METHOD_GONE, now)
        return False
    terms = _terms(row)
    if terms.kind is AutopayKind.THRESHOLD:
        row.look_at = now + LOOK_EVERY
        return _pay(session, row, terms, f"t{row.paid_times}", now)
    row.look_at = next_morning(now, clock.time_zone())
    fee = _next_fee(session, row.subscriber_id, now=now) if terms.kind is AutopayKind.FEE else None
    occasion = _due(row, fee, now)
    if occasion is not None:
        if terms.kind is AutopayKind.FEE:
            row.look_at = min(row.look_at, now + LOOK_EVERY)
        return _pay(session, row, terms, occasion.key, now, fee)
    _warn(session, row, terms, method, fee, now)
    session.flush()
    return False


def settle(session: Session, rule_id: int, *, now: datetime) -> bool:
    """Follows what became of the rule's payment; False: it is not known yet, or was followed already."""
    row = _hold(session, rule_id)
    if row is None or row.top_up_id is None:
        return False
    top_up = top_ups.get(session, row.subscriber_id, row.top_up_id)
    if top_up.state.is_open:
        return False
    row.top_up_id = None
    if top_up.state is TopUpState.SUCCEEDED:
        row.paid_times, row.failures = row.paid_times + 1, 0
        if row.kind is not AutopayKind.THRESHOLD and row.occasion.startswith(f"{row.kind}:"):
            row.paid_occasion = row.occasion.partition(":")[2]
    elif row.state is AutopayState.ACTIVE:
        _was_refused(session, row, top_up, now)
    else:
        row.tries += 1
    session.flush()
    return True


def _was_refused(session: Session, row: AutopayRule, top_up: top_ups.TopUp, now: datetime) -> None:
    row.tries, row.failures = row.tries + 1, row.failures + 1
    if top_up.state is TopUpState.EXPIRED:
        _stop(session, row, PauseReason.UNKNOWN, now)
        return
    wait = pause_after(row.failures, top_up.refusal)
    if wait is None:
        _stop(session, row, PauseReason.REFUSED, now)
        return
    row.look_at = now + wait
    again = clock.local(row.look_at)
    body = f"Автоплатёж {_roubles(top_up.amount_kopecks)} ₽ не прошёл: банк отказал. Повторим {again:%d.%m в %H:%M}."
    _tell(session, row, f"autopay-refused:{top_up.id}", body, now)


def _pay(
    session: Session, row: AutopayRule, terms: Terms, key: str, now: datetime, fee: "_NextFee | None" = None
) -> bool:
    chosen = settings()
    amount = amount_due(
        terms,
        main_kopecks=ledger.balance(session, row.subscriber_id).main,
        lacking_kopecks=fee.lacking_kopecks if fee else 0,
        least_kopecks=chosen.top_up_least_roubles * 100,
        most_kopecks=chosen.top_up_most_roubles * 100,
    )
    if not amount:
        session.flush()
        return False
    if not is_within(terms, _spent(session, row.subscriber_id, now), amount):
        _is_beyond(session, row, key, amount, now)
        return False
    occasion = f"{row.kind}:{key}"
    if row.occasion != occasion:
        row.occasion, row.tries, row.failures = occasion, 0, 0
    try:
        top_up = top_ups.charge_saved(
            session,
            row.subscriber_id,
            row.payment_method_id,
            amount,
            occasion=f"autopay:{row.id}:{occasion}:{row.tries}",
            now=now,
        )
    except ledger.ReferenceConflict:  # paid for, before the rule was changed back to this
        row.paid_occasion = key
        session.flush()
        return False
    row.top_up_id = top_up.id
    session.flush()
    return True


def _is_beyond(session: Session, row: AutopayRule, key: str, amount: int, now: datetime) -> None:
    """A day of the month is past then; a fee and a balance still want money when the next month begins."""
    if row.kind is AutopayKind.DAY:
        row.paid_occasion = key
    elif row.kind is AutopayKind.THRESHOLD:
        row.look_at = next_month_start(now, clock.time_zone())
    body = f"Автоплатёж {_roubles(amount)} ₽ не сделан: лимит месяца {_roubles(row.ceiling_kopecks)} ₽."
    month = clock.local(now).strftime("%Y-%m")
    _tell(session, row, f"autopay-ceiling:{row.id}:{month}", body, now)
    session.flush()


def _warn(
    session: Session, row: AutopayRule, terms: Terms, method: Method, fee: "_NextFee | None", now: datetime
) -> None:
    occasion = _coming(row, terms, fee, now)
    if occasion is None or now < occasion.at - WARN_BEFORE or row.warned_occasion == occasion.key:
        return
    amount = terms.amount_kopecks if fee is None else fee.lacking_kopecks
    if amount <= 0:
        return
    row.warned_occasion = occasion.key
    day, about = f"{clock.local(occasion.at):%d.%m}", "около " if fee else ""
    body = outbox.fit_sms(
        (
            f"{day} спишем {about}{_roubles(amount)} ₽ с {method.title}: автоплатёж. Отменить: кабинет.",
            f"{day} спишем {about}{_roubles(amount)} ₽: автоплатёж.",
        )
    )
    _tell(session, row, f"autopay-warning:{row.id}:{row.kind}:{occasion.key}", body, now, expires_at=occasion.at)


def _stop(session: Session, row: AutopayRule, reason: PauseReason, now: datetime) -> None:
    row.state, row.pause_reason = AutopayState.PAUSED, reason
    reference, facts = f"autopay-paused:{row.id}:{int(now.timestamp())}", {"reason": reason.value}
    _tell(session, row, reference, notices.sentence(NoticeKind.AUTOPAY_PAUSED, facts, "ru"), now)
    event = notices.Event(row.subscriber_id, NoticeKind.AUTOPAY_PAUSED, reference, now, facts)
    notices.tell(session, [event], now=now)


def _tell(
    session: Session, row: AutopayRule, reference: str, body: str, now: datetime, expires_at: datetime | None = None
) -> None:
    """Once for a reference."""
    if session.exec(select(OutboxMessage.id).where(OutboxMessage.reference == reference)).first() is None:
        recipient = subscribers.get(session, row.subscriber_id).msisdn
        outbox.queue_sms(
            session,
            reference=reference,
            kind="autopay",
            recipient=recipient,
            body=body,
            expires_at=expires_at,
            now=now,
        )


# --- when and how much -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _NextFee:
    """When fees come, the nearest first, and what the nearest lacks as things stand; negative: what is left over."""

    fees_at: tuple[datetime, ...]
    lacking_kopecks: int
    following_kopecks: int


def _next_fee(session: Session, subscriber_id: int, *, now: datetime) -> _NextFee | None:
    """None for who has no plan, or one without a fee.

    What services and a promised payment will take before the fee is counted in.
    """
    try:
        snapshot = snapshots.read(session, subscriber_id, now=now)
    except snapshots.NoPlan:
        return None
    term, zone = snapshot.term, clock.time_zone()
    at = term.next_fee_at
    if term.is_suspended and at <= now:  # the present period's, which money is waited for
        at = period_containing(now, term.anchor_day, term.unit, zone).start
    planned = snapshot.planned
    then = planned.term if planned is not None and planned.at <= at else term
    if not then.fee_kopecks:
        return None
    debt = snapshot.standing.debt_kopecks if snapshot.standing else 0
    promise = promised_payments.get_open(session, subscriber_id)
    returned = promise.amount_kopecks + promise.fee_kopecks if promise and promise.due_at <= at else 0
    fee, following_fee = coming_fees(snapshot.discounts, then.code, then.fee_kopecks, 2)
    needed = fee + _services(snapshot, at) + debt + returned
    following = period_containing(at, then.anchor_day, then.unit, zone).end
    return _NextFee((at, following), needed - snapshot.available_kopecks, following_fee)


def _services(snapshot: Snapshot, until: datetime) -> int:
    """Kopecks that services and monthly packages take by that moment, each once."""
    return sum(
        one.price_on(snapshot.plan.code)
        for one in snapshot.held_options
        if one.term.state is OptionState.ACTIVE and one.term.next_fee_at is not None and one.term.next_fee_at <= until
    )


def _due(row: AutopayRule, fee: _NextFee | None, now: datetime) -> Occasion | None:
    """The date that the rule pays for now."""
    zone = clock.time_zone()
    if row.kind is AutopayKind.DAY:
        return last_of_day(row.day, since=row.since_at, until=now, paid=row.paid_occasion, zone=zone)
    occasion = of_fee(fee.fees_at, paid=row.paid_occasion, zone=zone) if fee else None
    return occasion if occasion is not None and occasion.at <= now else None


def _coming(row: AutopayRule, terms: Terms, fee: _NextFee | None, now: datetime) -> Occasion | None:
    """The date that it pays for next."""
    zone = clock.time_zone()
    if terms.kind is AutopayKind.DAY:
        return next_of_day(terms.day, after=max(now, row.since_at), paid=row.paid_occasion, zone=zone)
    return of_fee(fee.fees_at, paid=row.paid_occasion, zone=zone) if fee else None


def _upcoming(session: Session, row: AutopayRule, terms: Terms, *, now: datetime) -> Upcoming | None:
    spent = _spent(session, row.subscriber_id, now)
    if terms.kind is AutopayKind.THRESHOLD:
        is_below = ledger.balance(session, row.subscriber_id).main < terms.threshold_kopecks
        is_beyond = not is_within(terms, spent, terms.amount_kopecks)
        return Upcoming(now if is_below else None, terms.amount_kopecks, is_beyond)
    fee = _next_fee(session, row.subscriber_id, now=now) if terms.kind is AutopayKind.FEE else None
    due = _due(row, fee, now)
    occasion = due or _coming(row, terms, fee, now)
    if occasion is None:
        return None
    amount = terms.amount_kopecks
    if fee is not None:
        is_nearest = occasion.on == clock.local(fee.fees_at[0]).date()
        amount = max(fee.lacking_kopecks, 0) if is_nearest else fee.following_kopecks
    at = now if due else occasion.at
    is_this_month = at < next_month_start(now, clock.time_zone())
    return Upcoming(at, amount, not is_within(terms, spent if is_this_month else 0, amount))


def _spent(session: Session, subscriber_id: int, now: datetime) -> int:
    """Kopecks that autopay has paid this month, what is being paid included."""
    return int(
        session.exec(
            select(func.coalesce(func.sum(TopUp.amount_kopecks), 0)).where(
                TopUp.subscriber_id == subscriber_id,
                TopUp.initiator == Initiator.AUTOPAY,
                col(TopUp.created_at) >= month_start(now, clock.time_zone()),
                col(TopUp.state).in_((TopUpState.CREATED, TopUpState.PENDING, TopUpState.SUCCEEDED)),
            )
        ).one()
    )


# --- rows ------------------------------------------------------------------------------------------------------------


_RULE = select_of(AutopayRule).where(
    col(AutopayRule.subscriber_id) == bindparam("subscriber_id"), col(AutopayRule.state) != AutopayState.DELETED
)
_HOLD_RULE = _RULE.with_for_update().execution_options(populate_existing=True)


def _find(session: Session, subscriber_id: int, *, is_held: bool = False) -> AutopayRule | None:
    statement = _HOLD_RULE if is_held else _RULE
    return session.execute(statement, {"subscriber_id": subscriber_id}).scalar_one_or_none()


def _own(session: Session, subscriber_id: int) -> AutopayRule:
    row = _find(session, subscriber_id, is_held=True)
    if row is None:
        raise NoRule
    return row


def _hold(session: Session, rule_id: int) -> AutopayRule | None:
    return session.exec(
        select(AutopayRule).where(AutopayRule.id == rule_id).with_for_update().execution_options(populate_existing=True)
    ).one_or_none()


def _hold_subscriber(session: Session, subscriber_id: int) -> None:
    """So that two browsers do not make two rules at once."""
    session.exec(select(Subscriber.id).where(Subscriber.id == subscriber_id).with_for_update(key_share=True)).one()


def _terms(row: AutopayRule) -> Terms:
    return Terms(row.kind, row.ceiling_kopecks, row.threshold_kopecks, row.amount_kopecks, row.day)


def _view(session: Session, row: AutopayRule, *, now: datetime) -> Rule:
    terms = _terms(row)
    try:
        method: Method | None = top_ups.get_method(session, row.subscriber_id, row.payment_method_id)
    except NotFound:
        method = None
    status = _status(row, now)
    upcoming = _upcoming(session, row, terms, now=now) if status.state is AutopayState.ACTIVE else None
    if upcoming is not None and status.retry_at is not None:
        upcoming = replace(upcoming, at=status.retry_at)
    return Rule(
        id=cast(int, row.id),
        terms=terms,
        state=status.state,
        pause_reason=status.pause_reason,
        method=method,
        is_paying=status.is_paying,
        retry_at=status.retry_at,
        upcoming=upcoming,
    )


def _status(row: AutopayRule, now: datetime) -> Status:
    waits = row.state is AutopayState.ACTIVE and row.failures and row.look_at > now
    return Status(
        terms=_terms(row),
        state=row.state,
        pause_reason=row.pause_reason,
        is_paying=row.top_up_id is not None,
        retry_at=row.look_at if waits else None,
    )


def _roubles(kopecks: int) -> str:
    roubles, rest = divmod(kopecks, 100)
    return f"{roubles},{rest:02}" if rest else f"{roubles}"
