"""Orders: what a quote shows, confirming exactly it, and taking it back."""

from datetime import UTC, datetime, timedelta
from itertools import count as counter

import pytest
from sqlmodel import Session, select

from cabinet import clock, ledger
from cabinet.domain import catalogue
from cabinet.domain.catalogue import SwitchTime
from cabinet.domain.effects import (
    Held,
    NothingChanges,
    NotThen,
    OrderKind,
    PlanNotOffered,
    Request,
    Snapshot,
)
from cabinet.domain.errors import NotFound
from cabinet.domain.quotes import DoorKind, PartKind
from cabinet.models.catalogue import PlanVersion
from cabinet.models.ledger import LedgerTransaction
from cabinet.models.orders import Order as OrderRow
from cabinet.models.tariffs import PlanSubscription, SubscriptionState
from cabinet.models.usage import Allowance
from cabinet.services import audit, billing, orders, subscribers, tariffs
from cabinet.services.orders import CannotUndo, InsufficientFunds, Order, Outdated, Quote, QuoteOutdated, WhyNot
from tests.conftest import NOON, both_engines

CATALOGUE = """
default_region: moscow
regions: {moscow: Москва, perm: Пермь}
categories: {calls: Звонки}
zones: {home: Домашний регион, roaming: Роуминг}
rates:
  - {kind: voice, price: 2 per min}
  - {kind: sms, price: 3 per SMS}
  - {kind: data, price: 35 per GB, summed: yes}
  - {kind: data, zone: roaming, price: 15 per MB, covered: no}
plans:
  - {code: start, version: 1, name: Старт, fee: "300", allowances: [500 min, 10 GB]}
  - {code: max, version: 1, name: Максимум, fee: "900", allowances: [1000 min, unlimited GB], switching: {price: "100"}}
  - code: fair
    version: 1
    name: Честный
    fee: "310"
    allowances: [310 min]
    switching: {refund_unused_fee: yes, keep_leftovers: yes, first_period: by_day, joins: [now, period_end],
                settings: [now, period_end]}
    settings:
      - code: calls
        name: Звонки
        default: few
        steps: [{code: few, name: Мало, price: "0"}, {code: many, name: Много, gives: [310 min], price: "62"}]
  - {code: daily, version: 1, name: Посуточный, fee: "10", period: day, allowances: [1 GB]}
  - {code: free, version: 1, name: Нулевой, fee: "0"}
  - {code: far, version: 1, name: Дальний, fee_by_region: {perm: "100"}}
  - {code: old, version: 1, name: Старый, fee: "50", archived: yes, allowances: [10 SMS]}
"""

_numbers = counter(1)


def moscow(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=clock.time_zone()).astimezone(UTC)


def store(session: Session, text: str = CATALOGUE) -> None:
    tariffs.store_catalogue(session, catalogue.parse(text, "test.yaml"), now=NOON)


@pytest.fixture
def shop(session: Session) -> Session:
    store(session)
    return session


def put(session: Session, subscriber_id: int, kopecks: int, moment: datetime = NOON) -> None:
    """Money that does not wake the billing."""
    ledger.post(
        session,
        reference=f"test:{next(_numbers)}",
        kind="opening",
        moves=[
            ledger.Move(
                ledger.operator_account(session, "opening"),
                ledger.accounts_of(session, subscriber_id).main_id,
                kopecks,
                {"opening_kopecks": kopecks},
            )
        ],
        happened_at=moment,
        now=moment,
    )


def given(session: Session, plan: str = "start", *, since: datetime = NOON, money: int = 0, **more: object) -> int:
    """A subscriber whose first fee is charged, with that many kopecks left."""
    number = next(_numbers)
    subscriber_id = subscribers.create(
        session,
        account_number=f"O{number}",
        msisdn=f"7917{number:07}",
        name="Анна",
        plan_code=plan,
        activated_at=since,
        now=since,
        **{"region": "moscow"} | more,
    )
    fee = orders.read_snapshot(session, subscriber_id, now=since).term.fee_kopecks
    if fee + money:
        put(session, subscriber_id, fee + money, since)
    pass_time(session, subscriber_id, since)
    return subscriber_id


def current(session: Session, subscriber_id: int) -> PlanSubscription:
    query = select(PlanSubscription).where(
        PlanSubscription.subscriber_id == subscriber_id, PlanSubscription.ended_at.is_(None)
    )
    return session.exec(query).one()


def pass_time(session: Session, subscriber_id: int, moment: datetime) -> None:
    """What the worker does."""
    billing.charge_fees_until(session, [current(session, subscriber_id).id], moment, now=moment)


def plan_of(session: Session, subscriber_id: int) -> str:
    return session.get_one(PlanVersion, current(session, subscriber_id).plan_version_id).code


def money_of(session: Session, subscriber_id: int) -> int:
    return ledger.balance(session, subscriber_id).main


def confirmed(session: Session, subscriber_id: int, quote: Quote, now: datetime = NOON) -> Order:
    order = orders.confirm(session, subscriber_id, quote.id, now=now)
    assert isinstance(order, Order)
    return order


def seen(session: Session, subscriber_id: int, now: datetime = NOON) -> Snapshot:
    return orders.read_snapshot(session, subscriber_id, now=now)


def left_of(session: Session, subscriber_id: int, now: datetime = NOON) -> set[tuple[str, int | None]]:
    """Packages now: kind and what is left."""
    held: tuple[Held, ...] = seen(session, subscriber_id, now).allowances
    return {(str(one.kind), None if one.is_unlimited else one.remaining) for one in held}


# --- a switch at once ------------------------------------------------------------------------------------------------


@both_engines
def test_a_switch_at_once_charges_what_the_quote_showed(shop: Session):
    anna = given(shop, money=150_000)

    quote = tariffs.quote_switch(shop, anna, "max", when=SwitchTime.NOW, now=NOON)
    shown = quote.summary
    order = confirmed(shop, anna, quote)

    assert shown.charged_now_kopecks == 100_000  # 900 ₽ and 100 ₽ for joining
    assert (shown.available_before_kopecks, shown.available_after_kopecks) == (150_000, 50_000)
    assert money_of(shop, anna) == 50_000
    assert plan_of(shop, anna) == "max"
    assert left_of(shop, anna) == {("voice", 1000 * 60), ("data", None)}
    assert current(shop, anna).next_fee_at == shown.next_fee_after.at == moscow(2026, 12, 23)
    assert order.summary == shown
    assert audit.run_audit(shop).is_sound


def test_the_quote_says_what_is_lost_and_what_is_added(shop: Session):
    anna = given(shop, money=150_000)

    shown = tariffs.quote_switch(shop, anna, "max", when=SwitchTime.NOW, now=NOON).summary

    assert {(part.what, part.kind and str(part.kind), part.amount) for part in shown.losses} == {
        (PartKind.ALLOWANCE, "voice", 500 * 60),
        (PartKind.ALLOWANCE, "data", 10 * 2**30),
        (PartKind.FEE_REST, None, None),
    }
    assert {(str(part.kind), part.amount) for part in shown.gains} == {("voice", 1000 * 60), ("data", None)}
    assert [(line.kind and str(line.kind), line.before, line.after) for line in shown.terms] == [
        (None, 30_000, 90_000),
        ("data", 10 * 2**30, None),
        ("voice", 500 * 60, 1000 * 60),
    ]
    assert shown.doors == ()


def test_undo_gives_back_the_money_the_plan_and_the_packages(shop: Session):
    anna = given(shop, money=150_000)
    before = seen(shop, anna)
    order = confirmed(shop, anna, tariffs.quote_switch(shop, anna, "max", when=SwitchTime.NOW, now=NOON))

    undone = orders.undo(shop, anna, order.id, now=NOON + timedelta(hours=23))

    assert seen(shop, anna) == before
    assert undone.undone_at == NOON + timedelta(hours=23)
    assert orders.undo(shop, anna, order.id, now=NOON + timedelta(hours=23)) == undone
    assert audit.run_audit(shop).is_sound
