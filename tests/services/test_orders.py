"""Orders: what a quote shows, confirming exactly it, and taking it back."""

from datetime import UTC, datetime, timedelta
from itertools import count as counter

import pytest
from sqlmodel import Session, select

from cabinet import clock, ledger
from cabinet.adapters.usage_files import UsageRow
from cabinet.domain import catalogue
from cabinet.domain.allowances import UsageKind
from cabinet.domain.catalogue import SwitchTime
from cabinet.domain.effects import (
    Charge,
    ChargeKind,
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
from cabinet.domain.rating import Direction
from cabinet.models.catalogue import PlanVersion
from cabinet.models.ledger import LedgerTransaction
from cabinet.models.orders import Order as OrderRow
from cabinet.models.orders import Quote as QuoteRow
from cabinet.models.subscribers import Subscriber
from cabinet.models.tariffs import PlanSubscription, SubscriptionState
from cabinet.models.usage import Allowance, UsageRecord
from cabinet.services import audit, billing, orders, overview, snapshots, subscribers, tariffs, usage
from cabinet.services.orders import CannotUndo, InsufficientFunds, Order, Outdated, Quote, QuoteOutdated, WhyNot
from tests.conftest import NOON, both_engines
from tests.every_line import check_everyone, lines_of

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
    fee = snapshots.read(session, subscriber_id, now=since).term.fee_kopecks
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
    return snapshots.read(session, subscriber_id, now=now)


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


@both_engines
def test_confirmed_twice_is_one_order(shop: Session):
    anna = given(shop, money=150_000)
    quote = tariffs.quote_switch(shop, anna, "max", when=SwitchTime.NOW, now=NOON)

    first = confirmed(shop, anna, quote)
    second = confirmed(shop, anna, quote, NOON + timedelta(hours=1))  # long after the quote has expired

    assert second == first
    assert money_of(shop, anna) == 50_000
    assert len(shop.exec(select(OrderRow)).all()) == 1


@both_engines
def test_without_money_nothing_changes_and_it_says_how_much_is_lacking(shop: Session):
    anna = given(shop, money=99_999)
    before = seen(shop, anna)
    quote = tariffs.quote_switch(shop, anna, "max", when=SwitchTime.NOW, now=NOON)

    with pytest.raises(InsufficientFunds) as refusal:
        orders.confirm(shop, anna, quote.id, now=NOON)

    assert quote.summary.lacking_kopecks == refusal.value.facts["lacking_kopecks"] == 1
    assert seen(shop, anna) == before
    assert shop.exec(select(OrderRow)).all() == []
    put(shop, anna, 1)
    assert confirmed(shop, anna, quote).id


def test_an_expired_quote_comes_back_new(shop: Session):
    anna = given(shop, money=150_000)
    quote = tariffs.quote_switch(shop, anna, "max", when=SwitchTime.NOW, now=NOON)

    answer = orders.confirm(shop, anna, quote.id, now=NOON + timedelta(minutes=15))

    assert isinstance(answer, QuoteOutdated)
    assert (answer.why, answer.old.id) == (Outdated.EXPIRED, quote.id)
    assert answer.new.summary == quote.summary
    assert money_of(shop, anna) == 150_000
    assert confirmed(shop, anna, answer.new, NOON + timedelta(minutes=16)).quote_id == answer.new.id


def test_a_changed_world_comes_back_as_a_new_quote(shop: Session):
    anna = given(shop, money=300_000)
    quote = tariffs.quote_switch(shop, anna, "max", when=SwitchTime.NOW, now=NOON)
    confirmed(shop, anna, tariffs.quote_switch(shop, anna, "free", when=SwitchTime.NOW, now=NOON))

    answer = orders.confirm(shop, anna, quote.id, now=NOON)

    assert isinstance(answer, QuoteOutdated)
    assert answer.why == Outdated.CHANGED
    assert (answer.old.summary.name_before, answer.new.summary.name_before) == ("Старт", "Нулевой")
    assert plan_of(shop, anna) == "free"


def test_money_and_usage_do_not_make_a_quote_old(shop: Session):
    anna = given(shop, money=150_000)
    quote = tariffs.quote_switch(shop, anna, "max", when=SwitchTime.NOW, now=NOON)
    put(shop, anna, 100)
    shop.exec(select(Allowance)).first().remaining -= 60

    assert confirmed(shop, anna, quote).id


def test_a_price_by_days_is_another_one_after_midnight(shop: Session):
    anna = given(shop, since=moscow(2026, 11, 1), money=150_000)
    late = moscow(2026, 11, 20, 23, 55)
    quote = tariffs.quote_switch(shop, anna, "fair", when=SwitchTime.NOW, now=late)

    answer = orders.confirm(shop, anna, quote.id, now=late + timedelta(minutes=6))

    assert isinstance(answer, QuoteOutdated)
    assert answer.old.summary.charged_now_kopecks - answer.new.summary.charged_now_kopecks == 1_033  # 310 ₽ / 30


def test_a_plan_closed_meanwhile_is_not_joined(shop: Session):
    anna = given(shop, money=150_000)
    quote = tariffs.quote_switch(shop, anna, "max", now=NOON)
    store(shop, CATALOGUE.replace("name: Максимум,", "name: Максимум, archived: yes,"))

    with pytest.raises(PlanNotOffered):
        orders.confirm(shop, anna, quote.id, now=NOON)

    assert (plan_of(shop, anna), money_of(shop, anna)) == ("start", 150_000)
    assert orders.list_orders(shop, anna, now=NOON) == []
    assert audit.run_audit(shop).faults == []


def test_a_new_version_meanwhile_is_a_new_quote_of_that_version(shop: Session):
    """What was seen is not sold any more under this code, and nobody gets what they have not seen."""
    anna = given(shop, money=150_000)
    quote = tariffs.quote_switch(shop, anna, "max", when=SwitchTime.NOW, now=NOON)
    store(shop, CATALOGUE.replace('code: max, version: 1, name: Максимум, fee: "900"',
                                  'code: max, version: 2, name: Максимум, fee: "950"'))  # fmt: skip

    answer = orders.confirm(shop, anna, quote.id, now=NOON)

    assert isinstance(answer, QuoteOutdated)
    assert answer.why == Outdated.CHANGED
    assert [one.summary.charged_now_kopecks for one in (answer.old, answer.new)] == [100_000, 105_000]
    assert (plan_of(shop, anna), money_of(shop, anna)) == ("start", 150_000)
    confirmed(shop, anna, answer.new)
    assert (plan_of(shop, anna), money_of(shop, anna)) == ("max", 45_000)
    assert audit.run_audit(shop).faults == []


@pytest.mark.parametrize("what", ["quote", "order", "confirm", "undo"])
def test_what_is_somebody_elses_is_not_there(shop: Session, what: str):
    anna, boris = given(shop, money=150_000), given(shop, money=150_000)
    quote = tariffs.quote_switch(shop, anna, "max", now=NOON)
    order = confirmed(shop, anna, quote)

    with pytest.raises(NotFound):
        {
            "quote": lambda: orders.get_quote(shop, boris, quote.id, now=NOON),
            "order": lambda: orders.get_order(shop, boris, order.id, now=NOON),
            "confirm": lambda: orders.confirm(shop, boris, quote.id, now=NOON),
            "undo": lambda: orders.undo(shop, boris, order.id, now=NOON),
        }[what]()
    assert orders.list_orders(shop, boris, now=NOON) == []
    assert (plan_of(shop, boris), money_of(shop, boris)) == ("start", 150_000)
    assert audit.run_audit(shop).faults == []


@pytest.mark.parametrize(
    ("code", "refusal"),
    [
        ("old", PlanNotOffered),
        ("far", catalogue.NotSoldInRegion),
        ("nothing", tariffs.PlanNotFound),
        ("start", NothingChanges),
    ],
)
def test_what_is_not_offered_is_refused(shop: Session, code: str, refusal: type[Exception]):
    anna = given(shop, money=150_000)

    with pytest.raises(refusal):
        tariffs.quote_switch(shop, anna, code, now=NOON)

    assert shop.exec(select(QuoteRow)).all() == []


def test_offers_are_those_of_my_region_and_mine(shop: Session):
    anna, olga = given(shop, money=0), given(shop, "old", region="perm")

    mine = {offer.plan.code: offer for offer in tariffs.list_offers(shop, tariffs.get_mine(shop, anna, now=NOON))}
    hers = {offer.plan.code: offer for offer in tariffs.list_offers(shop, tariffs.get_mine(shop, olga, now=NOON))}

    assert list(mine) == ["start", "max", "fair", "daily", "free"]
    assert mine["start"].is_mine
    assert mine["max"].fee_difference_kopecks == 60_000
    assert mine["daily"].fee_difference_kopecks is None
    assert mine["fair"].when == (SwitchTime.NOW, SwitchTime.PERIOD_END)
    assert [code for code, offer in hers.items() if offer.is_mine] == ["old"]
    assert "far" in hers


def test_an_archived_plan_is_a_door_that_opens_one_way(shop: Session):
    anna = given(shop, "old", money=150_000)

    quote = tariffs.quote_switch(shop, anna, "start", when=SwitchTime.NOW, now=NOON)
    order = confirmed(shop, anna, quote)

    assert [(door.what, door.name) for door in quote.summary.doors] == [(DoorKind.CLOSED_PLAN, "Старый")]
    with pytest.raises(PlanNotOffered):
        tariffs.quote_switch(shop, anna, "old", now=NOON)
    orders.undo(shop, anna, order.id, now=NOON)  # which is no joining
    assert plan_of(shop, anna) == "old"


# --- rules of the catalogue ------------------------------------------------------------------------------------------


def test_a_plan_joined_by_days_costs_and_gives_its_share(shop: Session):
    anna = given(shop, since=moscow(2026, 11, 1), money=150_000)
    now = moscow(2026, 11, 21, 12)

    quote = tariffs.quote_switch(shop, anna, "fair", when=SwitchTime.NOW, now=now)
    confirmed(shop, anna, quote, now)

    # 10 days of 30 are left, this one included: 310 ₽ − 20 × 10.33 ₽
    assert quote.summary.charged_now_kopecks == 31_000 - 20 * 1_033
    assert current(shop, anna).next_fee_at == moscow(2026, 12, 1)
    assert ("voice", 310 * 60 - 20 * 620) in left_of(shop, anna, now)


def test_who_leaves_by_days_gets_the_days_after_this_one_back(shop: Session):
    anna = given(shop, "fair", since=moscow(2026, 11, 1), money=0)
    now = moscow(2026, 11, 21, 12)

    quote = tariffs.quote_switch(shop, anna, "free", when=SwitchTime.NOW, now=now)
    confirmed(shop, anna, quote, now)

    assert quote.summary.charged_now_kopecks == -(31_000 - 21 * 1_033)  # 21 of 30 days are used
    assert money_of(shop, anna) == 31_000 - 21 * 1_033
    assert ("voice", 310 * 60) in left_of(shop, anna, now)  # leftovers are kept by this plan
    assert audit.run_audit(shop).is_sound


def test_what_was_refunded_and_spent_is_not_taken_back(shop: Session):
    anna = given(shop, "fair", since=moscow(2026, 11, 1), money=0)
    now = moscow(2026, 11, 21, 12)
    first = confirmed(shop, anna, tariffs.quote_switch(shop, anna, "free", when=SwitchTime.NOW, now=now), now)
    main = ledger.accounts_of(shop, anna).main_id
    spend = ledger.Move(main, ledger.operator_account(shop, "fees"), 100, {"parts": [{"code": "fee", "kopecks": 100}]})
    ledger.post(shop, reference="spent", kind="plan_fee", moves=[spend], happened_at=now, now=now)

    with pytest.raises(CannotUndo) as refusal:
        orders.undo(shop, anna, first.id, now=now)

    assert refusal.value.why == WhyNot.SPENT
    assert plan_of(shop, anna) == "free"


def test_a_second_switch_refunds_only_the_days_that_the_first_had_paid(shop: Session):
    anna = given(shop, since=moscow(2026, 11, 1), money=150_000)
    confirmed(
        shop, anna, tariffs.quote_switch(shop, anna, "fair", when=SwitchTime.NOW, now=moscow(2026, 11, 21)),
        moscow(2026, 11, 21),
    )  # fmt: skip
    paid = 31_000 - 20 * 1_033  # for ten days

    quote = tariffs.quote_switch(shop, anna, "free", when=SwitchTime.NOW, now=moscow(2026, 11, 25, 12))

    assert quote.summary.charged_now_kopecks == -(paid - 5 * (paid // 10))  # 21 to 25 are used


# --- at the end of the period ----------------------------------------------------------------------------------------


@both_engines
def test_a_planned_switch_begins_with_the_period_before_its_fee(shop: Session):
    anna = given(shop, since=moscow(2026, 10, 31), money=150_000)
    now = moscow(2026, 11, 20)

    quote = tariffs.quote_switch(shop, anna, "max", now=now)
    confirmed(shop, anna, quote, now)
    shown = quote.summary
    assert plan_of(shop, anna) == "start"
    assert tariffs.get_mine(shop, anna, now=now).planned.at == shown.takes_effect_at == moscow(2026, 11, 30)
    before = money_of(shop, anna)
    assert shown.charged_now_kopecks == 10_000

    pass_time(shop, anna, moscow(2026, 11, 30))
    pass_time(shop, anna, moscow(2026, 11, 30))

    assert plan_of(shop, anna) == "max"
    assert before - money_of(shop, anna) == shown.next_fee_after.kopecks == 90_000
    assert left_of(shop, anna, moscow(2026, 11, 30)) == {("voice", 1000 * 60), ("data", None)}
    assert current(shop, anna).next_fee_at == moscow(2026, 12, 31)  # the anchor is the 31st, whatever November has
    assert audit.run_audit(shop).is_sound


def test_a_planned_switch_is_taken_back_until_it_begins(shop: Session):
    anna = given(shop, since=moscow(2026, 10, 31), money=150_000)
    now = moscow(2026, 11, 5)
    before = seen(shop, anna, now)
    order = confirmed(shop, anna, tariffs.quote_switch(shop, anna, "max", now=now), now)

    orders.undo(shop, anna, order.id, now=moscow(2026, 11, 29, 23))

    assert seen(shop, anna, now) == before
    pass_time(shop, anna, moscow(2026, 11, 30))
    assert plan_of(shop, anna) == "start"


def test_a_planned_switch_that_began_last_night_can_still_be_taken_back(shop: Session):
    anna = given(shop, since=moscow(2026, 10, 31), money=150_000)
    evening, morning = moscow(2026, 11, 29, 20), moscow(2026, 11, 30, 9)
    order = confirmed(shop, anna, tariffs.quote_switch(shop, anna, "max", now=evening), evening)
    pass_time(shop, anna, morning)

    orders.undo(shop, anna, order.id, now=morning)

    assert plan_of(shop, anna) == "start"
    assert money_of(shop, anna) == 150_000 - 30_000  # as if it had never been: the fee of the plan before
    assert left_of(shop, anna, morning) == {("voice", 500 * 60), ("data", 10 * 2**30)}
    assert audit.run_audit(shop).is_sound


def test_what_is_taken_back_after_it_began_is_paid_as_before(shop: Session):
    anna = given(shop, since=moscow(2026, 10, 31), money=150_000)
    evening, morning = moscow(2026, 11, 29, 20), moscow(2026, 11, 30, 9)
    order = confirmed(shop, anna, tariffs.quote_switch(shop, anna, "free", now=evening), evening)
    pass_time(shop, anna, morning)
    assert money_of(shop, anna) == 150_000

    orders.undo(shop, anna, order.id, now=morning)

    assert (plan_of(shop, anna), money_of(shop, anna)) == ("start", 120_000)


def test_a_later_plan_takes_the_place_of_the_planned_one(shop: Session):
    anna = given(shop, money=150_000)
    first = confirmed(shop, anna, tariffs.quote_switch(shop, anna, "max", now=NOON))

    quote = tariffs.quote_switch(shop, anna, "free", now=NOON)
    second = confirmed(shop, anna, quote)

    assert [(part.what, part.name) for part in quote.summary.losses if part.what == PartKind.PLANNED] == [
        (PartKind.PLANNED, "Максимум")
    ]
    assert tariffs.get_mine(shop, anna, now=NOON).planned.name == "Нулевой"
    with pytest.raises(CannotUndo) as refusal:
        orders.undo(shop, anna, first.id, now=NOON)
    assert refusal.value.why == WhyNot.CHANGED
    orders.undo(shop, anna, second.id, now=NOON)
    assert tariffs.get_mine(shop, anna, now=NOON).planned.name == "Максимум"


def test_the_present_plan_takes_back_what_is_planned(shop: Session):
    anna = given(shop, money=150_000)
    confirmed(shop, anna, tariffs.quote_switch(shop, anna, "free", now=NOON))

    confirmed(shop, anna, tariffs.quote_switch(shop, anna, "start", now=NOON))

    assert tariffs.get_mine(shop, anna, now=NOON).planned is None


def test_a_planned_switch_without_money_for_its_fee_waits_suspended_on_the_new_plan(shop: Session):
    anna = given(shop, since=moscow(2026, 10, 31), money=10_000)
    now = moscow(2026, 11, 20)
    confirmed(shop, anna, tariffs.quote_switch(shop, anna, "max", now=now), now)
    pass_time(shop, anna, moscow(2026, 11, 30))

    assert (plan_of(shop, anna), current(shop, anna).state) == ("max", SubscriptionState.SUSPENDED)
    billing.record_payment(
        shop, anna, 90_000, reference="t", happened_at=moscow(2026, 12, 2), now=moscow(2026, 12, 2), source="test"
    )
    assert current(shop, anna).state == SubscriptionState.ACTIVE


# --- settings --------------------------------------------------------------------------------------------------------


def test_settings_change_at_the_end_of_the_period_or_at_once_as_the_plan_says(shop: Session):
    anna = given(shop, "fair", since=moscow(2026, 11, 1), money=150_000)
    now = moscow(2026, 11, 21)

    at_once = tariffs.quote_settings(shop, anna, {"calls": "many"}, when=SwitchTime.NOW, now=now)
    planned = tariffs.quote_settings(shop, anna, {"calls": "many"}, when=SwitchTime.PERIOD_END, now=now)
    confirmed(shop, anna, planned, now)

    assert at_once.summary.takes_effect_at is None
    assert planned.summary.takes_effect_at == moscow(2026, 12, 1)
    assert (planned.summary.next_fee_before.kopecks, planned.summary.next_fee_after.kopecks) == (31_000, 37_200)
    pass_time(shop, anna, moscow(2026, 12, 1))
    assert current(shop, anna).settings == {"calls": "many"}
    assert money_of(shop, anna) == 150_000 - 37_200
    assert left_of(shop, anna, moscow(2026, 12, 1)) == {("voice", 620 * 60)}


def test_settings_do_not_begin_at_once_where_the_plan_does_not_let_them(shop: Session):
    store(shop, CATALOGUE.replace("version: 1\n    name: Честный", "version: 2\n    name: Честный").replace(
        "                settings: [now, period_end]}", "                settings: [period_end]}"))  # fmt: skip
    anna = given(shop, "fair", money=150_000)

    with pytest.raises(NotThen):
        tariffs.quote_settings(shop, anna, {"calls": "many"}, when=SwitchTime.NOW, now=NOON)
    with pytest.raises(NothingChanges):
        tariffs.quote_settings(shop, anna, {"calls": "few"}, now=NOON)
    with pytest.raises(catalogue.UnknownSetting):
        tariffs.quote_settings(shop, anna, {"calls": "endless"}, now=NOON)


def test_who_has_not_paid_changes_at_once_and_pays_the_new_price(shop: Session):
    anna = given(shop, "max", since=moscow(2026, 10, 15), money=40_000)
    pass_time(shop, anna, moscow(2026, 11, 15))
    assert current(shop, anna).state == SubscriptionState.SUSPENDED

    quote = tariffs.quote_switch(shop, anna, "start", when=SwitchTime.PERIOD_END, now=NOON)
    order = confirmed(shop, anna, quote)

    assert quote.summary.takes_effect_at is None
    assert money_of(shop, anna) == 10_000
    assert current(shop, anna).state == SubscriptionState.ACTIVE
    orders.undo(shop, anna, order.id, now=NOON)
    assert (plan_of(shop, anna), current(shop, anna).state) == ("max", SubscriptionState.SUSPENDED)
    assert money_of(shop, anna) == 40_000


# --- undoing ---------------------------------------------------------------------------------------------------------


def test_after_a_day_it_is_too_late(shop: Session):
    anna = given(shop, money=150_000)
    order = confirmed(shop, anna, tariffs.quote_switch(shop, anna, "max", when=SwitchTime.NOW, now=NOON))

    with pytest.raises(CannotUndo) as refusal:
        orders.undo(shop, anna, order.id, now=NOON + timedelta(hours=24))

    assert refusal.value.why == WhyNot.TOO_LATE
    (listed,) = orders.list_orders(shop, anna, now=NOON + timedelta(hours=24))
    assert listed.why_not == WhyNot.TOO_LATE


def test_what_was_used_is_not_taken_back(shop: Session):
    anna = given(shop, money=150_000)
    order = confirmed(shop, anna, tariffs.quote_switch(shop, anna, "max", when=SwitchTime.NOW, now=NOON))
    new = shop.exec(select(Allowance).where(Allowance.reference.like("order:%"), Allowance.kind == "voice")).one()
    new.remaining -= 60

    with pytest.raises(CannotUndo) as refusal:
        orders.undo(shop, anna, order.id, now=NOON + timedelta(hours=1))

    assert refusal.value.why == WhyNot.USED
    assert plan_of(shop, anna) == "max"


def test_a_daily_plan_is_used_when_its_next_day_is_charged(shop: Session):
    anna = given(shop, money=150_000)
    order = confirmed(shop, anna, tariffs.quote_switch(shop, anna, "daily", when=SwitchTime.NOW, now=NOON))
    pass_time(shop, anna, moscow(2026, 11, 24))

    with pytest.raises(CannotUndo) as refusal:
        orders.undo(shop, anna, order.id, now=moscow(2026, 11, 24, 1))

    assert refusal.value.why == WhyNot.USED
    assert money_of(shop, anna) == 150_000 - 2 * 1_000


def test_orders_are_listed_with_what_each_did_a_page_at_a_time(shop: Session):
    anna = given(shop, money=500_000)
    done = [
        confirmed(shop, anna, tariffs.quote_switch(shop, anna, code, when=SwitchTime.NOW, now=NOON)).id
        for code in ("max", "free", "start")
    ]

    first = orders.list_orders(shop, anna, limit=2, now=NOON)
    rest = orders.list_orders(shop, anna, before=first[-1].id, now=NOON)

    assert [order.id for order in (*first, *rest)] == done[::-1]
    assert [order.kind for order in first] == [OrderKind.SWITCH] * 2
    assert first[0].summary.charges[0].kopecks == 30_000
    assert first[0].request == Request(OrderKind.SWITCH, "start", {}, SwitchTime.NOW)
    assert shop.get_one(LedgerTransaction, first[0].transaction_id).reference == f"order:{first[0].id}"


def test_from_days_to_months_a_period_begins_where_the_last_day_ends(shop: Session):
    anna = given(shop, "daily", since=moscow(2026, 11, 5), money=50_000)
    now = moscow(2026, 11, 5, 15)
    confirmed(shop, anna, tariffs.quote_switch(shop, anna, "start", when=SwitchTime.PERIOD_END, now=now), now)

    pass_time(shop, anna, moscow(2026, 11, 6))

    assert plan_of(shop, anna) == "start"
    assert money_of(shop, anna) == 20_000
    assert current(shop, anna).next_fee_at == moscow(2026, 12, 6)


# --- usage -----------------------------------------------------------------------------------------------------------


def call(
    session: Session, subscriber_id: int, at: datetime, seconds: int = 60, now: datetime | None = None
) -> UsageRecord:
    """A call at home, imported."""
    msisdn = session.get_one(Subscriber, subscriber_id).msisdn
    record_id = f"call:{next(_numbers)}"
    row = UsageRow(record_id, msisdn, UsageKind.VOICE, Direction.OUT, at, seconds, "home", "")
    report = usage.import_batch(session, [row], now=now or at)
    assert report.accepted == 1, report.rejections
    return session.exec(select(UsageRecord).where(UsageRecord.record_id == record_id)).one()


@both_engines
def test_what_is_used_before_and_after_a_planned_switch_is_rated_by_each_plan_in_its_time(shop: Session):
    anna = given(shop, since=moscow(2026, 10, 31), money=500_000)
    now, turn = moscow(2026, 11, 20), moscow(2026, 11, 30)
    old = current(shop, anna).plan_version_id
    confirmed(shop, anna, tariffs.quote_switch(shop, anna, "max", now=now), now)

    after = call(shop, anna, turn + timedelta(hours=1))  # nobody has charged the fee yet
    late = call(shop, anna, turn - timedelta(hours=1), now=turn + timedelta(hours=2))

    assert (after.plan_version_id, late.plan_version_id) == (current(shop, anna).plan_version_id, old)
    assert (after.charge_kopecks, late.charge_kopecks) == (0, 0)
    assert left_of(shop, anna, turn + timedelta(hours=2)) == {("voice", 999 * 60), ("data", None)}
    assert audit.run_audit(shop).is_sound


def test_a_plan_that_was_used_is_not_taken_back_by_a_call(shop: Session):
    anna = given(shop, money=500_000)
    order = confirmed(shop, anna, tariffs.quote_switch(shop, anna, "free", when=SwitchTime.NOW, now=NOON))
    assert call(shop, anna, NOON + timedelta(minutes=1)).charge_kopecks == 200  # the plan has no packages

    with pytest.raises(CannotUndo) as refusal:
        orders.undo(shop, anna, order.id, now=NOON + timedelta(hours=1))

    assert refusal.value.why == WhyNot.USED
    assert audit.run_audit(shop).is_sound


def test_an_undone_switch_has_never_been_for_what_comes_in_late(shop: Session):
    anna = given(shop, money=500_000)
    order = confirmed(shop, anna, tariffs.quote_switch(shop, anna, "free", when=SwitchTime.NOW, now=NOON))
    orders.undo(shop, anna, order.id, now=NOON + timedelta(hours=1))

    late = call(shop, anna, NOON + timedelta(minutes=1), now=NOON + timedelta(hours=2))

    assert (late.plan_version_id, late.charge_kopecks) == (current(shop, anna).plan_version_id, 0)


# --- what an audit sees ----------------------------------------------------------------------------------------------


def test_the_audit_finds_an_order_that_took_something_else(shop: Session):
    anna = given(shop, money=150_000)
    order = confirmed(shop, anna, tariffs.quote_switch(shop, anna, "max", when=SwitchTime.NOW, now=NOON))
    quote = shop.get_one(QuoteRow, order.quote_id)
    quote.effects = [
        dict(effect, price_kopecks=1) if effect["effect"] == "charge" else effect for effect in quote.effects
    ]
    shop.flush()

    (fault,) = audit.run_audit(shop).faults

    assert fault.account == f"subscriber:{anna}:main"
    assert f"order {order.id} took 100000" in fault.what


def test_the_audit_finds_money_of_no_order(shop: Session):
    anna = given(shop, money=150_000)
    explanation = Charge(ChargeKind.BUNDLE, "x", 1, "X", 100).explanation()
    move = ledger.Move(ledger.accounts_of(shop, anna).main_id, ledger.operator_account(shop, "fees"), 100, explanation)
    ledger.post(shop, reference="order:77", kind="order", moves=[move], happened_at=NOON, now=NOON)

    assert [fault.what for fault in audit.run_audit(shop).faults] == ["order:77 belongs to no order"]


def test_the_audit_finds_an_undoing_without_money(shop: Session):
    anna = given(shop, money=150_000)
    order = confirmed(shop, anna, tariffs.quote_switch(shop, anna, "max", when=SwitchTime.NOW, now=NOON))
    shop.get_one(OrderRow, order.id).undone_at = NOON
    shop.flush()

    assert [fault.what for fault in audit.run_audit(shop).faults] == [
        f"what the undoing of order {order.id} gave back is not what it took"
    ]


def test_the_dashboard_knows_what_is_planned_and_forgets_what_is_not(shop: Session):
    anna = given(shop, since=moscow(2026, 11, 5), money=100_000)
    order = confirmed(shop, anna, tariffs.quote_switch(shop, anna, "max", when=SwitchTime.PERIOD_END, now=NOON))

    seen = overview.get_overview(shop, anna, now=NOON)
    orders.undo(shop, anna, order.id, now=NOON)
    seen_after = overview.get_overview(shop, anna, now=NOON)

    fee = order.summary.next_fee_after
    assert fee is not None
    assert seen.planned == overview.PlannedPlan(moscow(2026, 12, 5), "Максимум", False, fee.kopecks, "max")
    assert seen.next_charge is not None
    assert (seen.next_charge.at, seen.next_charge.amount_kopecks) == (fee.at, fee.kopecks)
    assert seen_after.planned is None
    assert seen_after.next_charge is not None
    assert seen_after.next_charge.amount_kopecks != fee.kopecks


def test_what_orders_cost_explains_itself_in_the_statement(shop: Session):
    anna = given(shop, plan="fair", since=moscow(2026, 11, 5), money=500_000)
    now = NOON + timedelta(days=3)
    order = confirmed(shop, anna, tariffs.quote_switch(shop, anna, "max", when=SwitchTime.NOW, now=now), now)
    orders.undo(shop, anna, order.id, now=now)

    check_everyone(shop, [anna], now=now)
    lines = lines_of(shop, anna, now.date().replace(day=1), now=now)

    assert {(line.kind, str(line.charge), line.name) for line in lines if line.charge} >= {
        ("order", "plan_fee", "Максимум"),
        ("reversal", "plan_fee", "Максимум"),
        ("order", "switch", "Максимум"),
    }
    assert lines_of(shop, anna, now.date().replace(day=1), now=now, search="переход максимум")
