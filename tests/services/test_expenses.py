"""Months, statements and explanations, with sums that can be checked by eye. It is noon of Monday, 23 November 2026."""

import shutil
from datetime import UTC, date, datetime, timedelta
from itertools import count as counter
from pathlib import Path

import pytest
import time_machine
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, text
from sqlmodel import Session

from cabinet import clock, db, ledger
from cabinet.adapters.usage_files import UsageRow
from cabinet.config import ROOT, settings
from cabinet.demo_world import people
from cabinet.domain.allowances import UsageKind
from cabinet.domain.catalogue import parse
from cabinet.domain.errors import NotFound
from cabinet.domain.rating import Direction, Reason, Rounding
from cabinet.domain.spending import Category
from cabinet.services import audit, billing, demo, expenses, subscribers, tariffs, usage
from cabinet.services.expenses import CategorySpending, Difference, Expected, LineDirection, NoSuchMonth, Source
from tests.conftest import NOON, both_engines
from tests.every_line import check_everyone, lines_of, recomputed
from tests.plans import plan_of, read_whole, statements_of

CATALOGUE = """
default_region: moscow
regions: {moscow: Москва}
zones:
  home: {name: Домашний регион, destination: по России}
  intl_kz: {name: Казахстан, destination: в Казахстан}
  roaming: {name: Роуминг, destination: в роуминге}
plans:
  - code: base
    version: 1
    name: Свой
    fee: "300"
    allowances: [10 min, 2 SMS, 1 GB]
    settings:
      - code: internet
        name: Интернет
        default: small
        steps:
          - {code: small, name: 1 ГБ, price: 50}
          - {code: large, name: 2 ГБ, gives: [1 GB], price: 150}
    rates:
      - {kind: voice, price: 2 per min}
      - {kind: sms, price: 3 per SMS}
      - {kind: data, price: 10 per GB, rounding: kilobyte, summed: yes}
      - {kind: voice, zone: intl_kz, price: 10 per min, covered: no}
      - {kind: sms, zone: intl_kz, price: 8 per SMS, covered: no}
      - {kind: voice, zone: roaming, direction: in, price: 35 per min, covered: no}
      - {kind: data, zone: roaming, price: 5 per MB, covered: no}
"""
GB = 2**30
SEPTEMBER, OCTOBER, NOVEMBER, DECEMBER = (date(2026, month, 1) for month in (9, 10, 11, 12))
SINCE = datetime(2026, 9, 20, 9, tzinfo=UTC)
FEE = 350_00  # from the 26th of each month

_numbers = counter(1)


def day(number: int, month: int = 11, hour: int = 12) -> datetime:
    """Of 2026, in Moscow."""
    return datetime(2026, month, number, hour - 3, tzinfo=UTC)


class World:
    """One subscriber since 20 September, who pays on credit."""

    def __init__(self, session: Session, *, credit_kopecks: int = 100_000_00, anchor_day: int = 26) -> None:
        self.session = session
        tariffs.store_catalogue(session, parse(CATALOGUE, "test.yaml"), now=SINCE)
        number = next(_numbers)
        self.msisdn = f"7916{number:07}"
        self.id = subscribers.create(
            session,
            account_number=f"E{number}",
            msisdn=self.msisdn,
            name="Анна",
            region="moscow",
            plan_code="base",
            activated_at=SINCE,
            anchor_day=anchor_day,
            credit_limit_kopecks=credit_kopecks,
            now=SINCE,
        )

    def use(self, at: datetime, kind: str, quantity: int, zone: str = "home", **other: object) -> str:
        """A usage record; the fees due before it are charged."""
        record_id = f"e{next(_numbers)}"
        row = {"direction": "out", "peer": "79991112233", "source": "usage.csv", "line": 2} | other
        row |= {"record_id": record_id, "kind": kind, "zone": zone, "started_at": at, "quantity": quantity}
        report = usage.import_batch(self.session, [UsageRow(msisdn=self.msisdn, **row)], now=NOON)
        assert report.accepted == 1, report
        return record_id

    def pay(self, at: datetime, kopecks: int) -> int:
        payment = billing.record_payment(
            self.session,
            self.id,
            kopecks,
            reference=f"top-up:e{next(_numbers)}",
            happened_at=at,
            now=at,
            source="card",
        )
        return payment.transaction_id

    def take_back(self, record_id: str, at: datetime) -> None:
        find = text("SELECT id FROM ledger_transaction WHERE reference = :reference")
        charged = self.session.execute(find, {"reference": f"usage:{record_id}"}).scalar_one()
        ledger.reverse(self.session, charged, reference=f"back:{record_id}", now=at)

    def month(self, month_on: date = NOVEMBER, now: datetime = NOON) -> expenses.Month:
        return expenses.get_month(self.session, self.id, month_on, now=now)

    def lines(self, month_on: date = NOVEMBER, now: datetime = NOON, **wanted) -> list[expenses.Line]:
        return lines_of(self.session, self.id, month_on, now=now, **wanted)

    def explain(self, line: expenses.Line) -> expenses.LineExplanation:
        return expenses.explain_line(self.session, self.id, line.id)


@pytest.fixture
def world(session: Session) -> World:
    return World(session)


def ids(lines) -> list[str]:
    return [line.id for line in lines]


# --- a month ---------------------------------------------------------------------------------------------------------


@both_engines
def test_a_month_is_the_sum_of_what_was_spent_by_category_and_by_day(world: World):
    world.use(day(3), "voice", 61, "intl_kz")  # 2 minutes: 20 ₽
    world.use(day(3), "voice", 601)  # 11 minutes, 10 of them in the package: 2 ₽
    world.use(day(20), "data", 30 * 2**20, "roaming")  # 150 ₽

    month = world.month()

    assert (month.month_on, month.until_on, month.is_current) == (NOVEMBER, date(2026, 11, 23), True)
    assert (month.first_month_on, month.last_month_on) == (SEPTEMBER, NOVEMBER)
    assert month.spent_kopecks == 172_00
    assert len(month.days) == 23
    assert {number + 1: kopecks for number, kopecks in enumerate(month.days) if kopecks} == {3: 22_00, 20: 150_00}
    assert [(one.category, one.kopecks) for one in month.categories] == [
        (Category.ROAMING, 150_00),
        (Category.CALLS_ABROAD, 20_00),
        (Category.CALLS, 2_00),
    ]


def test_the_current_month_is_compared_with_the_same_days_of_the_one_before(world: World):
    world.use(day(5, 10), "voice", 60, "intl_kz")
    world.use(day(23, 10), "voice", 120, "intl_kz")
    world.use(day(24, 10), "voice", 6_000, "intl_kz")  # not by the 23rd
    world.use(day(3), "voice", 420, "intl_kz")  # brings the fee of 26 October

    month = world.month()

    assert (month.spent_kopecks, month.previous_kopecks) == (70_00, 30_00)
    assert month.categories == (CategorySpending(Category.CALLS_ABROAD, 70_00, 30_00),)
    assert month.main_difference == Difference(Category.CALLS_ABROAD, 40_00)


def test_a_month_that_is_over_is_compared_with_the_whole_of_the_one_before(world: World):
    world.use(day(21, 9), "voice", 60, "intl_kz")  # 10 ₽ and the fees of 26 August and 26 September
    world.use(day(30, 10), "sms", 1, "intl_kz")  # 8 ₽ and the fee of 26 October

    month = world.month(OCTOBER)

    assert (month.is_current, month.until_on, len(month.days)) == (False, date(2026, 10, 31), 31)
    assert (month.spent_kopecks, month.previous_kopecks) == (FEE + 8_00, 2 * FEE + 10_00)
    assert month.main_difference == Difference(Category.PLAN_FEE, -FEE)
    assert (month.expected, month.expected_total_kopecks) == ((), FEE + 8_00)
    assert month.categories == (
        CategorySpending(Category.PLAN_FEE, FEE, 2 * FEE),
        CategorySpending(Category.SMS, 8_00, 0),
        CategorySpending(Category.CALLS_ABROAD, 0, 10_00),
    )


def test_the_main_difference_points_where_the_month_as_a_whole_went(world: World):
    world.use(day(5, 10), "voice", 600, "intl_kz")  # 100 ₽
    world.use(day(3), "data", 30 * 2**20, "roaming")  # 150 ₽
    world.use(day(4), "voice", 60, "intl_kz")  # 90 ₽ less than before, but in all it is more

    assert world.month().main_difference == Difference(Category.ROAMING, 150_00)


def test_two_equal_months_have_no_difference(world: World):
    world.use(day(5, 10), "voice", 60, "intl_kz")
    world.use(day(5), "voice", 60, "intl_kz")

    month = world.month()

    assert month.spent_kopecks == month.previous_kopecks
    assert month.main_difference is None


def test_the_first_month_has_nothing_to_compare_with(world: World):
    world.use(day(21, 9), "voice", 60, "intl_kz")

    month = world.month(SEPTEMBER)

    assert (month.previous_kopecks, month.main_difference) == (None, None)
    assert [one.previous_kopecks for one in month.categories] == [None, None]


def test_a_month_without_data_is_zeroes(world: World):
    month = world.month()

    assert (month.spent_kopecks, month.previous_kopecks, month.main_difference) == (0, 0, None)
    assert (month.categories, month.days) == ((), (0,) * 23)
    assert world.lines() == []


def test_known_fees_are_expected_to_the_end_of_the_month(world: World):
    world.use(day(3), "voice", 60, "intl_kz")

    month = world.month()

    assert month.expected == (Expected(date(2026, 11, 26), FEE, "Свой"),)
    assert month.expected_total_kopecks == 10_00 + FEE


def test_nothing_is_expected_of_a_number_without_money(session: Session):
    world = World(session, credit_kopecks=0)
    (subscription_id,) = session.execute(
        text("SELECT id FROM plan_subscription WHERE subscriber_id = :id"), {"id": world.id}
    ).one()
    billing.charge_fees_until(session, [subscription_id], NOON, now=NOON)

    assert world.month().expected == ()


def test_money_given_back_lowers_the_day_it_came_back_on_in_its_own_category(world: World):
    record_id = world.use(day(3), "voice", 60, "intl_kz")
    world.take_back(record_id, day(10))

    month = world.month()

    assert (month.days[2], month.days[9], month.spent_kopecks) == (10_00, -10_00, 0)
    assert month.categories == ()


def test_what_is_paid_in_and_a_paid_debt_are_no_expenses(session: Session):
    world = World(session, credit_kopecks=0)
    world.pay(day(1), 5_00)
    world.use(day(3), "voice", 60, "intl_kz")  # 10 ₽: 5 from the account, 5 owed
    world.pay(day(4), 100_00)

    assert world.month().spent_kopecks == 10_00


def test_a_day_begins_at_the_operators_midnight(world: World):
    world.use(datetime(2026, 10, 31, 20, 59, tzinfo=UTC), "voice", 60, "intl_kz")
    world.use(datetime(2026, 10, 31, 21, 0, tzinfo=UTC), "voice", 120, "intl_kz")  # 1 November, 00:00 in Moscow

    assert world.month().days[0] == 20_00
    assert world.month(OCTOBER).days[-1] == 10_00
    assert [line.amount_kopecks for line in world.lines()] == [-20_00]


@pytest.mark.parametrize("month_on", [date(2026, 8, 31), DECEMBER, date.min, date.max])
def test_a_month_before_the_first_or_after_the_last_is_refused(world: World, month_on: date):
    with pytest.raises(NoSuchMonth) as refused:
        world.month(month_on)
    with pytest.raises(NoSuchMonth):
        world.lines(month_on)

    assert refused.value.facts == {"first_month_on": SEPTEMBER, "last_month_on": NOVEMBER}


def test_any_day_stands_for_its_month(world: World):
    assert world.month(date(2026, 11, 30)) == world.month()


def test_the_31st_is_compared_with_the_whole_of_a_shorter_month(world: World):
    world.use(day(30), "voice", 60, "intl_kz") if day(30) < NOON else world.use(day(20), "voice", 60, "intl_kz")

    assert world.month(DECEMBER, now=day(31, 12)).previous_kopecks == 10_00


def test_an_unknown_subscriber_is_not_found(session: Session):
    with pytest.raises(NotFound):
        expenses.get_month(session, 10**9, NOVEMBER, now=NOON)
    with pytest.raises(NotFound):
        expenses.list_lines(session, 10**9, NOVEMBER, now=NOON)


# --- the statement ---------------------------------------------------------------------------------------------------


@both_engines
def test_the_statement_has_money_and_what_was_included_newest_first(world: World):
    world.use(day(3), "voice", 61, peer="79992223344")
    world.use(day(4), "voice", 61, "intl_kz", peer="77015556677")
    world.pay(day(5), 500_00)
    world.use(day(6), "sms", 1, direction="in")

    received, paid, abroad, covered = world.lines()

    assert (received.source, received.usage_direction, received.amount_kopecks) == (Source.USAGE, Direction.IN, 0)
    assert (paid.kind, paid.category, paid.amount_kopecks) == ("top_up", None, 500_00)
    assert (abroad.source, abroad.kind, abroad.category) == (Source.POSTING, "usage", Category.CALLS_ABROAD)
    assert (abroad.amount_kopecks, abroad.happened_at, abroad.quantity) == (-20_00, day(4), 61)
    assert (abroad.peer, abroad.zone_name, abroad.destination) == ("77015556677", "Казахстан", "в Казахстан")
    assert (abroad.plan_name, abroad.usage_kind) == ("Свой", UsageKind.VOICE)
    assert abroad.balance_after_kopecks == -3 * FEE - 20_00  # the fees of August, September and October
    assert paid.balance_after_kopecks == abroad.balance_after_kopecks + 500_00
    assert (covered.peer, covered.zone_name, covered.balance_after_kopecks) == ("79992223344", "Домашний регион", None)


@pytest.mark.parametrize(
    ("direction", "kinds"),
    [
        (None, ["usage", "top_up", "usage", "usage"]),
        (LineDirection.MONEY, ["top_up", "usage"]),
        (LineDirection.OUT, ["usage"]),
        (LineDirection.IN, ["top_up"]),
        (LineDirection.INCLUDED, ["usage", "usage"]),
    ],
)
def test_a_direction_leaves_what_it_says(world: World, direction: LineDirection | None, kinds: list[str]):
    world.use(day(3), "voice", 61)
    world.use(day(4), "voice", 61, "intl_kz")
    world.pay(day(5), 500_00)
    world.use(day(6), "sms", 1, direction="in")

    assert [line.kind for line in world.lines(direction=direction)] == kinds


@both_engines
def test_a_charge_that_left_a_debt_is_one_line_and_its_payment_is_none(session: Session):
    world = World(session, credit_kopecks=0)
    world.pay(day(1), 5_00)
    record_id = world.use(day(3), "voice", 60, "intl_kz")
    world.use(day(4), "voice", 60, "intl_kz")
    world.pay(day(5), 100_00)
    world.take_back(record_id, day(6))

    back, paid, owed, split, first = world.lines(limit=1)

    assert (split.amount_kopecks, split.balance_after_kopecks) == (-10_00, 0)
    assert world.explain(split).debt_after_kopecks == -5_00
    assert (owed.amount_kopecks, owed.balance_after_kopecks) == (-10_00, None)
    assert world.explain(owed).debt_after_kopecks == -15_00
    assert (paid.amount_kopecks, first.amount_kopecks) == (100_00, 5_00)
    assert (back.kind, back.amount_kopecks, back.category) == ("reversal", 10_00, Category.CALLS_ABROAD)
    assert (back.peer, back.zone_name) == ("79991112233", "Казахстан")
    assert world.explain(back).reversed_line_id == split.id


@both_engines
@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_pages_have_every_line_once_even_of_one_moment(world: World, limit: int):
    for number in range(8):
        world.use(day(3), "voice", 61, "intl_kz" if number % 2 else "home")
    world.pay(day(3), 1_00)

    whole = world.lines()

    assert len(whole) == len(set(ids(whole))) == 9
    assert ids(world.lines(limit=limit)) == ids(whole)
    assert ids(world.lines(limit=limit, direction=LineDirection.OUT)) == ids(world.lines(direction=LineDirection.OUT))


def test_a_statement_that_grows_while_it_is_read_shows_nothing_twice_and_leaves_nothing_out(world: World):
    for number in range(1, 10):
        world.use(day(number), "voice", 60, "intl_kz")
    first = expenses.list_lines(world.session, world.id, NOVEMBER, limit=4, now=NOON)
    world.use(day(20), "voice", 60, "intl_kz")  # newer than what was read
    world.use(day(3, hour=18), "voice", 60, "intl_kz")  # older

    second = expenses.list_lines(world.session, world.id, NOVEMBER, limit=20, before=first.next_before, now=NOON)

    assert [clock.local(line.happened_at).day for line in first.lines] == [9, 8, 7, 6]
    assert [clock.local(line.happened_at).day for line in second.lines] == [5, 4, 3, 3, 2, 1]
    assert (second.is_end, second.next_before) == (True, None)


def test_a_full_last_page_is_the_end(world: World):
    for number in range(1, 5):
        world.use(day(number), "voice", 60, "intl_kz")

    page = expenses.list_lines(world.session, world.id, NOVEMBER, limit=4, now=NOON)

    assert (len(page.lines), page.is_end) == (4, True)


@pytest.mark.parametrize("before", ["", "x", "1", "5p", "p5", "1p1; DROP", "9" * 30 + "p1", "99999999999999999p1"])
def test_a_place_that_is_none_of_ours_harms_nothing(world: World, before: str):
    world.use(day(1), "voice", 60, "intl_kz")

    try:
        page = expenses.list_lines(world.session, world.id, NOVEMBER, before=before, now=NOON)
    except NotFound:
        return
    assert len(page.lines) == 1  # nothing, or a place in the year 5138


@both_engines
@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("казахстан", ["kz", "kz sms"]),
        ("КАЗАХСТАН звонок", ["kz"]),
        ("Казахстан   смс", ["kz sms"]),
        ("abroad", ["kz"]),
        ("call", ["kz", "covered"]),
        ("звонки за границу", ["kz"]),
        ("sms", ["kz sms", "received"]),
        ("входящее", ["received"]),
        ("интернет", ["session"]),
        ("youtube", ["session"]),
        ("пополнение", ["paid"]),
        ("payment", ["paid"]),
        ("555 66", ["kz"]),
        ("8 (701) 555-66-77", ["kz"]),
        ("+7 701 555", ["kz", "kz sms"]),
        ("звонок +7 (701) 555-66", ["kz"]),
        ("7015556677", ["kz"]),
        ("   ", ["kz", "kz sms", "covered", "received", "session", "paid"]),
        ("звонок 999", ["covered"]),
        ("платеж", ["paid"]),
        ("Марс", []),
        ("%", []),
        ("_", []),
        ("100%", []),
        ("'\"; DROP TABLE posting; --", []),
        ("\\", []),
        ("\x00\ud800", ["kz", "kz sms", "covered", "received", "session", "paid"]),
        ("я" * 10_000, []),
        ("9" * 10_000, []),
        ("казахстан " * 1_000, ["kz", "kz sms"]),
    ],
)
def test_search_finds_by_words_in_both_languages_and_by_digits(world: World, search: str, found: list[str]):
    names = {
        world.use(day(3), "voice", 61, "intl_kz", peer="77015556677"): "kz",
        world.use(day(4), "sms", 1, "intl_kz", peer="77015550000"): "kz sms",
        world.use(day(5), "voice", 60, peer="79990001122"): "covered",
        world.use(day(6), "sms", 1, direction="in", peer="Bank"): "received",
        world.use(day(7), "data", 5 * 2**20, peer="YouTube"): "session",
    }
    world.pay(day(8), 100_00)
    name_of = dict(zip(range(3, 8), names.values(), strict=True)) | {8: "paid"}

    lines = world.lines(search=search)

    assert sorted(name_of[clock.local(line.happened_at).day] for line in lines) == sorted(found)


@both_engines
def test_categories_leave_their_own_lines_paid_and_included(world: World):
    world.use(day(3), "voice", 61, "intl_kz")
    world.use(day(4), "voice", 60)
    world.use(day(5), "data", 2**20)
    record_id = world.use(day(6), "data", 2**20, "roaming")
    world.take_back(record_id, day(7))

    def days(*categories: Category) -> list[int]:
        return [clock.local(line.happened_at).day for line in world.lines(categories=set(categories))]

    assert days(Category.CALLS_ABROAD) == [3]
    assert days(Category.CALLS) == [4]
    assert days(Category.INTERNET) == [5]
    assert days(Category.ROAMING) == [7, 6]
    assert days(Category.ROAMING, Category.CALLS) == [7, 6, 4]
    assert days(Category.PACKAGES) == []


def test_what_is_looked_for_is_found_among_hundreds(world: World):
    world.use(day(1), "sms", 1, "intl_kz")
    at = day(2)
    for number in range(450):
        ledger.charge_many(
            world.session,
            [ledger.Charge(f"fee:{world.id}:{number}", world.id, 1_00, at + timedelta(minutes=number), {"parts": []})],
            kind="plan_fee",
            destination_id=ledger.operator_account(world.session, "fees"),
            now=NOON,
        )

    (line,) = world.lines(search="казахстан", limit=5)

    assert line.category == Category.SMS
    assert len(world.lines(categories={Category.PLAN_FEE}, limit=100)) == 450


def test_someone_elses_lines_are_not_mixed_in(session: Session):
    anna, boris = World(session), World(session)
    anna.use(day(3), "voice", 60, "intl_kz")
    anna.use(day(4), "voice", 60)

    assert boris.lines() == []
    assert boris.month().spent_kopecks == 0


# --- explanations ----------------------------------------------------------------------------------------------------


@both_engines
def test_a_call_over_the_package_says_what_the_package_gave_and_what_was_missed(world: World):
    world.use(day(3), "voice", 541)  # 10 minutes: all of the package
    world.use(day(4), "voice", 601)

    told = world.explain(world.lines()[0])

    assert (told.reason, told.rounding) == (Reason.OVER, Rounding.MINUTE)
    assert (told.quantity, told.billed_quantity, told.draws, told.missed_quantity) == (601, 660, (), 660)
    assert (told.block, told.price_kopecks, told.blocks) == (60, 2_00, 11)
    assert (told.plan_name, told.plan_version, told.plan_since_on) == ("Свой", 1, date(2026, 9, 20))
    assert told.balance_after_kopecks == -3 * FEE - 22_00
    assert recomputed(told) == -22_00


def test_a_partly_covered_session_says_the_counter_before_and_after(world: World):
    world.use(day(3), "data", GB + 1_500)  # a kilobyte and a half over: the first gigabyte
    world.use(day(4), "data", GB)  # goes on into the second one

    second, first = map(world.explain, world.lines())

    assert [(draw.allowance_name, draw.units) for draw in first.draws] == [("Свой", GB)]
    assert (first.reason, first.counter_before, first.counter_after, first.blocks) == (Reason.PARTLY, 0, 2_048, 1)
    assert (second.counter_before, second.counter_after, second.blocks) == (2_048, GB + 2_048, 1)


def test_usage_that_was_included_says_by_what(world: World):
    world.use(day(3), "voice", 61)
    world.use(day(4), "voice", 0)
    world.use(day(5), "sms", 1, direction="in")

    received, missed, covered = map(world.explain, world.lines())

    assert (covered.reason, covered.billed_quantity) == (Reason.ALLOWANCE, 120)
    assert [(draw.allowance_name, draw.units) for draw in covered.draws] == [("Свой", 120)]
    assert (missed.reason, received.reason) == (Reason.NOTHING_USED, Reason.INCOMING_FREE)


def test_a_fee_says_its_parts_region_and_period(world: World):
    world.use(day(3), "voice", 60)

    (line,) = world.lines(OCTOBER, direction=LineDirection.OUT)
    told = world.explain(line)

    assert [(part.name, part.step_name, part.kopecks) for part in told.parts] == [
        ("Свой", "", 300_00),
        ("Интернет", "1 ГБ", 50_00),
    ]
    assert told.region == "moscow"
    assert (told.period_start_on, told.period_end_on) == (date(2026, 10, 26), date(2026, 11, 26))
    assert recomputed(told) == -FEE


def test_a_top_up_says_where_it_came_from(world: World):
    world.pay(day(3), 100_00)

    (line,) = world.lines(direction=LineDirection.IN)

    assert (world.explain(line).paid_from, world.explain(line).paid_kopecks) == ("card", 100_00)


def test_someone_elses_line_is_not_found(session: Session):
    anna, boris = World(session), World(session)
    anna.use(day(3), "voice", 60, "intl_kz")
    anna.use(day(4), "voice", 60)

    for line in anna.lines():
        assert anna.explain(line).line == line
        with pytest.raises(NotFound):
            boris.explain(line)


@pytest.mark.parametrize(
    "line_id", ["", "p", "u0", "p0", "x1", "p-1", "p1.5", "p1 ", "p١", "p" + "9" * 18, "u" + "9" * 40]
)
def test_a_line_that_does_not_exist_is_not_found(world: World, line_id: str):
    with pytest.raises(NotFound):
        expenses.explain_line(world.session, world.id, line_id)


def test_a_record_that_was_paid_is_explained_by_its_charge_alone(world: World):
    record_id = world.use(day(3), "voice", 60, "intl_kz")
    number = world.session.execute(text("SELECT id FROM usage_record WHERE record_id = :r"), {"r": record_id}).scalar()

    with pytest.raises(NotFound):
        expenses.explain_line(world.session, world.id, f"u{number}")


# --- everything ------------------------------------------------------------------------------------------------------


def test_every_line_of_the_demo_world_follows_from_its_explanation(
    sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "demo.db"
    shutil.copy(sqlite_template, path)
    monkeypatch.setenv("CABINET_DATABASE_URL", f"sqlite:///{path}")
    monkeypatch.setattr(people, "BASE_SIZE", 20)
    settings.cache_clear()
    db.engine.cache_clear()
    with time_machine.travel(NOON):
        assert demo.make(NOON) is not None

    with db.reading() as session:
        seen = check_everyone(session, list(session.execute(text("SELECT id FROM subscriber")).scalars()), now=NOON)
        free = session.execute(text("SELECT count(*) FROM usage_record WHERE charge_kopecks = 0")).scalar_one()
        moved = session.execute(
            text("SELECT count(*) FROM ledger_transaction WHERE kind NOT IN ('debt_settlement', 'debt_return')")
        ).scalar_one()
    assert seen == {"usage": free, "posting": moved}
    db.engine().dispose()


@both_engines
def test_what_was_posted_before_there_were_sums_is_summed_up_by_the_migration(database: Engine):
    with db.transaction() as session:
        world = World(session, credit_kopecks=0)
        world.pay(day(1), 400_00)
        world.use(datetime(2026, 10, 31, 21, 30, tzinfo=UTC), "voice", 61, "intl_kz")
        world.use(day(3), "data", 2**20, "roaming")
        world.use(day(3), "voice", 6_000)
        world.use(day(4), "sms", 5)
        world.take_back(world.use(day(5), "data", 4 * GB), day(6))
    columns = "subscriber_id, CAST(day_on AS text), category, amount_kopecks, postings"
    kept = f"SELECT {columns} FROM spending_day ORDER BY 1, 2, 3"
    with db.reading() as session:
        before = [tuple(row) for row in session.execute(text(kept))]
    assert {row[2] for row in before} >= {"calls", "calls_abroad", "sms", "internet", "roaming"}

    config = Config(str(ROOT / "alembic" / "alembic.ini"))
    command.downgrade(config, "0003")
    command.upgrade(config, "head")

    with db.reading() as session:
        assert [tuple(row) for row in session.execute(text(kept))] == before
        assert audit.run_audit(session).faults == []


# --- speed -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def busy(session: Session) -> World:
    """Some usage of a few subscribers, so that there is something to look past."""
    for _ in range(3):
        world = World(session)
        for number in range(1, 23):
            world.use(day(number), "voice", 60, "intl_kz")
            world.use(day(number), "voice", 0)
    world.month(), world.lines()  # a plan version is read and compiled once a process
    session.expunge_all()
    return world


@both_engines
@pytest.mark.parametrize(
    ("what", "most", "indexes"),
    [
        ("month", 4, {"spending_day"}),
        ("page", 8, {"ix_posting_out", "ix_posting_in", "ix_usage_record_of_subscriber"}),
        ("category", 9, {"spending_day", "ix_posting_out", "ix_posting_in", "ix_usage_record_of_subscriber"}),
        ("search", 8, {"ix_posting_out", "ix_posting_in", "ix_usage_record_of_subscriber"}),
        ("line", 7, {"ix_posting_transaction_id"}),
    ],
)
def test_each_page_takes_few_queries_each_through_an_index(
    busy: World, session: Session, what: str, most: int, indexes: set[str]
):
    line = expenses.list_lines(session, busy.id, NOVEMBER, limit=1, direction=LineDirection.OUT, now=NOON).lines[0]
    session.expunge_all()
    work = {
        "month": lambda: busy.month(),
        "page": lambda: expenses.list_lines(session, busy.id, NOVEMBER, before="1795000000000000p1", now=NOON),
        "category": lambda: expenses.list_lines(session, busy.id, NOVEMBER, categories={line.category}, now=NOON),
        "search": lambda: expenses.list_lines(session, busy.id, NOVEMBER, search="звонок 999", now=NOON),
        "line": lambda: busy.explain(line),
    }[what]

    statements = statements_of(session, work)

    assert len(statements) <= most
    plans = [plan_of(session, statement) for statement in statements]
    for plan in plans:
        assert read_whole(plan) == [], plan
    assert {index for index in indexes if any(index in plan for plan in plans)} == indexes
