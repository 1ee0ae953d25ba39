"""What is known of subscribers, as promotions ask about it: of one, or of everybody a slice at a time."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Table, func, select
from sqlmodel import Session

from cabinet import clock
from cabinet.bulk import is_among
from cabinet.domain.allowances import UsageKind
from cabinet.domain.effects import ItemKind
from cabinet.domain.promotions import USED, Condition, Fact, facts_needed, is_for
from cabinet.domain.rating import Direction
from cabinet.models.base import metadata
from cabinet.models.ledger import AccountKind
from cabinet.models.subscribers import SubscriberStatus

SLICE = 2_000
USED_FOR = timedelta(days=30)
TOPPED_UP_FOR = timedelta(days=90)
_DAY = timedelta(days=1)
_GIGABYTE, _MINUTE = 2**30, 60

_subscriber: Table = metadata.tables["subscriber"]
_plan: Table = metadata.tables["plan_subscription"]
_plan_version: Table = metadata.tables["plan_version"]
_option: Table = metadata.tables["option_subscription"]
_account: Table = metadata.tables["account"]
_record: Table = metadata.tables["usage_record"]
_spending: Table = metadata.tables["spending_day"]
_transaction: Table = metadata.tables["ledger_transaction"]
_posting: Table = metadata.tables["posting"]

Known = dict[int, dict[Fact, int | frozenset[str]]]


def read_facts(session: Session, subscriber_ids: Sequence[int], needed: Collection[Fact], *, now: datetime) -> Known:
    """What is needed of these subscribers, a statement for each kind of fact."""
    known: Known = {subscriber_id: {} for subscriber_id in subscriber_ids}
    if not subscriber_ids or not needed:
        return known
    _read_people(session, known, needed, now)
    if Fact.OPTION in needed:
        _read_options(session, known, now)
    if Fact.BALANCE_ROUBLES in needed:
        balances = select(_account.c.subscriber_id, _account.c.balance_kopecks).where(
            _is_of(session, _account.c.subscriber_id, known), _account.c.kind == AccountKind.MAIN
        )
        _put(session, known, Fact.BALANCE_ROUBLES, balances, 100)
    if Fact.SPENT_ROUBLES in needed:
        spent = (
            select(_spending.c.subscriber_id, func.sum(_spending.c.amount_kopecks))
            .where(
                _is_of(session, _spending.c.subscriber_id, known),
                _spending.c.day_on > clock.local(now - USED_FOR).date(),
            )
            .group_by(_spending.c.subscriber_id)
        )
        _put(session, known, Fact.SPENT_ROUBLES, spent, 100)
    if USED & set(needed):
        _read_usage(session, known, now)
    if Fact.TOP_UPS in needed:
        _read_top_ups(session, known, now)
    return known


def count_matching(session: Session, conditions: Sequence[Condition], *, now: datetime) -> tuple[int, list[int]]:
    """How many active subscribers meet the conditions now, and the ids of the first few."""
    count, first = 0, list[int]()
    needed = facts_needed(conditions)
    for ids in _slices(session):
        known = read_facts(session, ids, needed, now=now)
        matching = [subscriber_id for subscriber_id in ids if is_for(conditions, known[subscriber_id])]
        count += len(matching)
        first += matching[: 5 - len(first)]
    return count, first


def _slices(session: Session) -> Iterator[list[int]]:
    last = 0
    while True:
        ids = list(
            session.execute(
                select(_subscriber.c.id)
                .where(_subscriber.c.id > last, _subscriber.c.status == SubscriberStatus.ACTIVE)
                .order_by(_subscriber.c.id)
                .limit(SLICE)
            ).scalars()
        )
        if not ids:
            return
        yield ids
        last = ids[-1]


def _is_of(session: Session, column: Any, known: Known) -> Any:
    return is_among(session, column, list(known))


def _put(session: Session, known: Known, fact: Fact, query: Any, unit: int) -> None:
    """Whole units; 0 of who has no row."""
    for facts in known.values():
        facts[fact] = 0
    for subscriber_id, amount in session.execute(query):
        known[subscriber_id][fact] = int(amount) // unit


def _read_people(session: Session, known: Known, needed: Collection[Fact], now: datetime) -> None:
    rows = session.execute(
        select(_subscriber.c.id, _subscriber.c.region, _subscriber.c.activated_at, _plan_version.c.code)
        .outerjoin(_plan, (_plan.c.subscriber_id == _subscriber.c.id) & _plan.c.ended_at.is_(None))
        .outerjoin(_plan_version, _plan_version.c.id == _plan.c.plan_version_id)
        .where(_is_of(session, _subscriber.c.id, known))
    )
    for subscriber_id, region, activated_at, plan in rows:
        every = {
            Fact.REGION: frozenset({region}),
            Fact.PLAN: frozenset({plan} if plan else ()),
            Fact.TENURE_DAYS: max((now - activated_at) // _DAY, 0),
        }
        known[subscriber_id] |= {fact: value for fact, value in every.items() if fact in needed}


def _read_options(session: Session, known: Known, now: datetime) -> None:
    codes: dict[int, set[str]] = {}
    rows = session.execute(
        select(_option.c.subscriber_id, _option.c.code).where(
            _is_of(session, _option.c.subscriber_id, known),
            _option.c.item == ItemKind.OPTION,
            _option.c.ended_at.is_(None) | (_option.c.ended_at > now),
        )
    )
    for subscriber_id, code in rows:
        codes.setdefault(subscriber_id, set()).add(code)
    for subscriber_id, facts in known.items():
        facts[Fact.OPTION] = frozenset(codes.get(subscriber_id, ()))


_USAGE = {
    UsageKind.DATA: (Fact.DATA_GB, _GIGABYTE),
    UsageKind.VOICE: (Fact.VOICE_MINUTES, _MINUTE),
    UsageKind.SMS: (Fact.SMS, 1),
}


def _read_usage(session: Session, known: Known, now: datetime) -> None:
    """What went out: nobody is made an offer for being called."""
    for facts in known.values():
        facts |= {fact: 0 for fact, _ in _USAGE.values()}
    rows = session.execute(
        select(_record.c.subscriber_id, _record.c.kind, func.sum(_record.c.quantity))
        .where(
            _is_of(session, _record.c.subscriber_id, known),
            _record.c.started_at > now - USED_FOR,
            (_record.c.direction == Direction.OUT) | (_record.c.kind == UsageKind.DATA),
        )
        .group_by(_record.c.subscriber_id, _record.c.kind)
    )
    for subscriber_id, kind, quantity in rows:
        fact, unit = _USAGE[kind]
        known[subscriber_id][fact] = int(quantity) // unit


def _read_top_ups(session: Session, known: Known, now: datetime) -> None:
    """Payments that came to the main account: by card or otherwise."""
    query = (
        select(_account.c.subscriber_id, func.count())
        .join(_posting, _posting.c.destination_id == _account.c.id)
        .join(_transaction, _transaction.c.id == _posting.c.transaction_id)
        .where(
            _is_of(session, _account.c.subscriber_id, known),
            _account.c.kind == AccountKind.MAIN,
            _posting.c.happened_at > now - TOPPED_UP_FOR,
            _transaction.c.kind == "top_up",
        )
        .group_by(_account.c.subscriber_id)
    )
    _put(session, known, Fact.TOP_UPS, query, 1)
