"""Every subscriber's usage priced on one plan: how a tariff would do, month by month, over the whole base."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from sqlalchemy import Row, String, Table, select, type_coerce
from sqlmodel import Session

from cabinet import clock
from cabinet.domain.catalogue import NotSoldInRegion
from cabinet.domain.errors import CabinetError
from cabinet.domain.rating import Usage
from cabinet.domain.replay import MonthCost, Offer, offer_of, replay
from cabinet.models.base import metadata
from cabinet.services import tariffs

_subscriber: Table = metadata.tables["subscriber"]
_record: Table = metadata.tables["usage_record"]
_plan_version: Table = metadata.tables["plan_version"]

_SUBSCRIBERS_AT_ONCE = 500
_ROWS_AT_ONCE = 5_000


class UnknownPlan(CabinetError):
    """For the operator's staff; `facts["known"]` are the codes that there are."""

    message = "There is no plan {code!r}. The plans: {known}."


COLUMNS = (
    "subscriber",
    "month",
    "minutes",
    "messages",
    "megabytes",
    "fee_kopecks",
    "overage_kopecks",
    "total_kopecks",
)


class SubscriberMonth(NamedTuple):
    """A month of a subscriber; `cost` None: the plan is not sold in the subscriber's region, and there is only one."""

    account_number: str
    cost: MonthCost | None


def replay_everyone(session: Session, plan_code: str) -> Iterator[SubscriberMonth]:
    """The usage months of every subscriber on the newest version of the plan with its default settings.

    In the order of subscribers and months; memory does not grow with the number of either.

    Raises:
        UnknownPlan: no version of such a plan was ever loaded.
    """
    try:
        facts = tariffs.current_version(session, plan_code)
    except tariffs.PlanNotFound:
        codes = session.execute(select(_plan_version.c.code).distinct().order_by(_plan_version.c.code)).scalars().all()
        raise UnknownPlan(code=plan_code, known=", ".join(codes) or "none, load a catalogue first") from None
    return _replay_everyone(session, facts)


def columns_of(account_number: str, cost: MonthCost) -> tuple[str, ...]:
    """A line of the replay's CSV (`COLUMNS`).

    Minutes are whole where the plan bills whole minutes, otherwise they and megabytes have two decimals, rounded to the
    nearest.
    """
    whole, rest = divmod(cost.seconds, 60)
    minutes = str(whole) if rest == 0 else _two_decimals(cost.seconds, 60)
    return (
        account_number,
        clock.local(cost.month.start).strftime("%Y-%m"),
        minutes,
        str(cost.messages),
        _two_decimals(cost.bytes, 2**20),
        str(cost.fee_kopecks),
        str(cost.overage_kopecks),
        str(cost.total_kopecks),
    )


def _two_decimals(quantity: int, unit: int) -> str:
    whole, hundredths = divmod((quantity * 100 + unit // 2) // unit, 100)
    return f"{whole}.{hundredths:02}"


def _replay_everyone(session: Session, facts: tariffs.PlanFacts) -> Iterator[SubscriberMonth]:
    offers: dict[str, Offer | None] = {}
    for people in _pages_of_subscribers(session):
        known = {subscriber_id: (account_number, region) for subscriber_id, account_number, region in people}
        for subscriber_id, usages in _usages(session, people[0][0], people[-1][0]):
            account_number, region = known[subscriber_id]
            if region not in offers:
                offers[region] = _offer(facts, region)
            offer = offers[region]
            if offer is None:
                yield SubscriberMonth(account_number, None)
                continue
            for cost in replay(usages, offer, clock.time_zone()):
                yield SubscriberMonth(account_number, cost)


def _offer(facts: tariffs.PlanFacts, region: str) -> Offer | None:
    try:
        return offer_of(facts.plan, facts.rates, region)
    except NotSoldInRegion:
        return None


def _pages_of_subscribers(session: Session) -> Iterator[Sequence[Row[int, str, str]]]:
    """(id, account number, region), in the order of ids."""
    columns = _subscriber.c.id, _subscriber.c.account_number, _subscriber.c.region
    last_id = 0
    statement = select(*columns).order_by(_subscriber.c.id).limit(_SUBSCRIBERS_AT_ONCE)
    while page := session.execute(statement.where(_subscriber.c.id > last_id)).all():
        yield page
        last_id = page[-1][0]


def _usages(session: Session, first_id: int, last_id: int) -> Iterator[tuple[int, Iterator[Usage]]]:
    """The records of these subscribers in the order of time; each subscriber's must be read before the next one's."""
    statement = (
        select(
            _record.c.subscriber_id,
            _record.c.record_id,
            type_coerce(_record.c.kind, String),
            type_coerce(_record.c.direction, String),
            _record.c.zone,
            _record.c.started_at,
            _record.c.quantity,
        )
        .where(_record.c.subscriber_id.between(first_id, last_id))
        .order_by(_record.c.subscriber_id, _record.c.started_at, _record.c.id)
        .execution_options(yield_per=_ROWS_AT_ONCE)
    )
    for subscriber_id, rows in groupby(session.execute(statement), key=itemgetter(0)):
        yield subscriber_id, (Usage(*row[1:]) for row in rows)
