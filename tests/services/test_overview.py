"""The dashboard's figures, with sums that can be checked by eye. It is noon of Monday, 23 November 2026, in Moscow."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import count as counter

import pytest
from sqlalchemy import event, text
from sqlmodel import Session, select

from cabinet import ledger
from cabinet.domain.allowances import UsageKind
from cabinet.domain.catalogue import Plan
from cabinet.domain.errors import NotFound
from cabinet.domain.periods import PeriodUnit
from cabinet.models.catalogue import PlanVersion
from cabinet.models.ledger import Account, AccountKind
from cabinet.models.subscribers import Subscriber
from cabinet.models.tariffs import PlanSubscription, SubscriptionState
from cabinet.models.usage import Allowance, AllowanceSource
from cabinet.services.overview import LAST_OPERATIONS, get_overview
from tests.conftest import NOON, both_engines

GB = 2**30
MINUTE = 60
FEE_AT = datetime(2026, 11, 25, 21, tzinfo=UTC)  # 26 November in Moscow
PERIOD_START = datetime(2026, 10, 25, 21, tzinfo=UTC)
PLAN = Plan.model_validate(
    {
        "code": "base",
        "version": 1,
        "name": "Свой",
        "fee": "650",
        "zones": {
            "home": "Домашний регион",
            "intl_kz": {"name": "Казахстан", "destination": "в Казахстан"},
            "messengers": "Мессенджеры",
        },
    }
)

_numbers = counter(1)


class World:
    """One subscriber with accounts, and the means to move money."""

    def __init__(self, session: Session, *, plan: Plan = PLAN, activated_at: datetime | None = None) -> None:
        self.session = session
        number = next(_numbers)
        self.subscriber = self.add(
            Subscriber(
                account_number=f"A{number}",
                msisdn=f"7916{number:07}",
                name="Анна",
                region="moscow",
                activated_at=activated_at or datetime(2026, 5, 1, tzinfo=UTC),
            )
        )
        ledger.open_accounts(session, self.subscriber.id)
        rows = session.exec(select(Account).where(Account.subscriber_id == self.subscriber.id))
        self.accounts = {account.kind: account for account in rows}
        self.main, self.debt = self.accounts[AccountKind.MAIN], self.accounts[AccountKind.DEBT]
        self.usage = session.get_one(Account, ledger.operator_account(session, "usage"))
        self.gateway = session.get_one(Account, ledger.operator_account(session, "gateway"))
        version = PlanVersion(
            code=f"{plan.code}{number}",
            version=1,
            name=plan.name,
            content=plan.content(),
            digest=plan.digest(),
            loaded_at=NOON,
        )
        self.subscription = self.add(
            PlanSubscription(
                subscriber_id=self.subscriber.id,
                plan_version_id=self.add(version).id,
                anchor_day=26,
                started_at=PERIOD_START,
                next_fee_at=FEE_AT,
            )
        )

    def add(self, row):
        self.session.add(row)
        self.session.flush()
        return row

    def balance(self, kopecks: int, kind: AccountKind = AccountKind.MAIN, *, credit_limit: int = 0) -> None:
        self.accounts[kind].balance_kopecks = kopecks
        self.accounts[kind].credit_limit_kopecks = credit_limit
        self.session.flush()

    def move(self, at: datetime, *moves: tuple, kind: str = "usage", **facts) -> int:
        """A transaction of (source, destination, kopecks) moves; balances stay what the test has made them."""
        with self.same_balances():
            posted = ledger.post(
                self.session,
                reference=f"r{next(_numbers)}",
                kind=kind,
                moves=[
                    ledger.Move(source.id, destination.id, kopecks, facts) for source, destination, kopecks in moves
                ],
                happened_at=at,
                now=at,
            )
        return posted.transaction_id

    def take_back(self, at: datetime, transaction_id: int) -> None:
        with self.same_balances():
            ledger.reverse(self.session, transaction_id, reference=f"r{next(_numbers)}", now=at)

    @contextmanager
    def same_balances(self) -> Iterator[None]:
        change = text("UPDATE account SET balance_kopecks = :kopecks WHERE id = :id")
        self.session.execute(change, {"kopecks": 10**9, "id": self.main.id})
        yield
        for account in (self.main, self.debt):
            self.session.execute(change, {"kopecks": account.balance_kopecks, "id": account.id})

    def spend(self, at: datetime, kopecks: int, **facts) -> int:
        return self.move(at, (self.main, self.usage, kopecks), **facts)

    def allow(self, kind: UsageKind, granted: int, remaining: int, **facts) -> Allowance:
        values = {"valid_from": PERIOD_START, "valid_until": FEE_AT, "source": AllowanceSource.PLAN, "name": "Свой"}
        return self.add(
            Allowance(
                reference=f"a{next(_numbers)}",
                subscriber_id=self.subscriber.id,
                kind=kind,
                granted=granted,
                remaining=remaining,
                **(values | facts),
            )
        )

    def overview(self, now: datetime = NOON):
        return get_overview(self.session, self.subscriber.id, now=now)


@pytest.fixture
def world(session: Session) -> World:
    return World(session)


def day(number: int, month: int = 11) -> datetime:
    """Noon in Moscow."""
    return datetime(2026, month, number, 9, tzinfo=UTC)


def test_balance_bonus_debt_and_credit_limit_stand_apart(world: World):
    world.balance(312_50, credit_limit=100_00)
    world.balance(40_00, AccountKind.BONUS)
    world.balance(-15_00, AccountKind.DEBT)

    overview = world.overview()

    assert (overview.main_kopecks, overview.bonus_kopecks, overview.debt_kopecks) == (312_50, 40_00, 15_00)
    assert overview.credit_limit_kopecks == 100_00
    assert (overview.name, overview.plan_name, overview.as_of) == ("Анна", "Свой", NOON)


def test_money_that_will_not_do_for_the_next_fee_is_counted_to_the_kopeck(world: World):
    world.balance(312_50)

    charge = world.overview().next_charge

    assert (charge.at, charge.amount_kopecks) == (FEE_AT, 650_00)
    assert (charge.shortage_kopecks, charge.enough_until) == (337_50, None)


def test_money_lasts_until_the_first_fee_it_does_not_cover(world: World):
    world.balance(1_482_00)  # 650 on 26 November, 650 on 26 December, 182 left on 26 January

    charge = world.overview().next_charge

    assert charge.shortage_kopecks == 0
    assert charge.enough_until == datetime(2027, 1, 25, 21, tzinfo=UTC)


def test_a_fee_covered_to_the_kopeck_is_covered(world: World):
    world.balance(650_00)

    charge = world.overview().next_charge

    assert charge.shortage_kopecks == 0
    assert charge.enough_until == datetime(2026, 12, 25, 21, tzinfo=UTC)


def test_the_credit_limit_may_be_spent_on_the_fee(world: World):
    world.balance(600_00, credit_limit=50_00)

    assert world.overview().next_charge.shortage_kopecks == 0


def test_money_for_more_than_a_year_has_no_date(world: World):
    world.balance(100_000_00)

    charge = world.overview().next_charge

    assert (charge.shortage_kopecks, charge.enough_until) == (0, None)


def test_no_fee_no_next_charge(world: World):
    world.subscription.next_fee_at = None

    assert world.overview().next_charge is None


def test_a_plan_without_a_fee_charges_nothing(session: Session):
    free = PLAN.model_copy(update={"fee": 0})

    assert World(session, plan=free).overview().next_charge is None


def test_a_debt_is_paid_before_the_fee(world: World):
    world.balance(-15_00, AccountKind.DEBT)

    assert world.overview().next_charge.shortage_kopecks == 665_00


def test_a_suspended_number_lacks_the_fee_of_the_present_period_alone(world: World):
    """Periods that went by without money stay free of charge; nothing more is expected of a month without money."""
    world.balance(100_00)
    world.subscription.state = SubscriptionState.SUSPENDED
    world.subscription.next_fee_at = datetime(2026, 8, 25, 21, tzinfo=UTC)

    overview = world.overview()

    assert overview.is_suspended
    assert (overview.next_charge.at, overview.next_charge.shortage_kopecks) == (PERIOD_START, 550_00)
    assert overview.expenses.expected_kopecks == 0


def test_allowances_of_a_kind_are_one_figure_with_its_nearest_end(world: World):
    world.allow(UsageKind.DATA, 30 * GB, 2 * GB)
    world.allow(UsageKind.DATA, 5 * GB, 5 * GB, valid_from=day(20), valid_until=day(20, 12))
    world.allow(UsageKind.VOICE, 500 * MINUTE, 184 * MINUTE)

    data, voice = world.overview().allowances

    assert (data.kind, data.granted, data.remaining) == (UsageKind.DATA, 35 * GB, 7 * GB)
    assert (data.expires_at, data.expiring, data.share_percent) == (FEE_AT, 2 * GB, 20)
    assert (voice.kind, voice.remaining, voice.share_percent) == (UsageKind.VOICE, 184 * MINUTE, 36)


def test_an_allowance_for_one_class_of_traffic_stands_apart_under_its_name(world: World):
    world.allow(UsageKind.DATA, 10 * GB, 10 * GB, scope="messengers")
    world.allow(UsageKind.DATA, 30 * GB, 3 * GB)

    general, messengers = world.overview().allowances

    assert (general.scope_name, general.remaining) == ("", 3 * GB)
    assert (messengers.scope_name, messengers.remaining) == ("Мессенджеры", 10 * GB)


def test_an_unlimited_allowance_says_so(world: World):
    world.allow(UsageKind.VOICE, 0, 0, is_unlimited=True)

    (voice,) = world.overview().allowances

    assert voice.is_unlimited
    assert voice.runs_out_at is None


def test_yesterdays_and_tomorrows_allowances_are_not_shown(world: World):
    world.allow(UsageKind.SMS, 50, 50, valid_until=NOON)
    world.allow(UsageKind.SMS, 60, 60, valid_from=NOON + timedelta(seconds=1))

    assert world.overview().allowances == ()


def test_the_pace_says_when_an_allowance_runs_out(world: World):
    """28 GB of 30 in 14 days: 2 GB a day, so the last 2 GB go in a day, before the period's end."""
    world.allow(UsageKind.DATA, 30 * GB, 2 * GB, valid_from=NOON - timedelta(days=14))

    (data,) = world.overview().allowances

    assert data.has_forecast
    assert data.runs_out_at == NOON + timedelta(days=1)


def test_a_slow_pace_lasts_to_the_end(world: World):
    world.allow(UsageKind.SMS, 50, 42)

    (sms,) = world.overview().allowances

    assert (sms.has_forecast, sms.runs_out_at) == (True, None)


@pytest.mark.parametrize(("elapsed", "expected"), [(timedelta(days=3), True), (timedelta(days=2, hours=23), False)])
def test_no_forecast_from_too_little_history(world: World, elapsed: timedelta, expected: bool):
    world.allow(UsageKind.DATA, 30 * GB, 2 * GB, valid_from=NOON - elapsed)

    (data,) = world.overview().allowances

    assert data.has_forecast is expected


def test_an_empty_allowance_has_no_forecast_and_no_share(world: World):
    world.allow(UsageKind.DATA, 30 * GB, 0)

    (data,) = world.overview().allowances

    assert (data.has_forecast, data.share_percent) == (False, 0)


def test_a_last_crumb_is_not_shown_as_nothing(world: World):
    world.allow(UsageKind.DATA, 30 * GB, 1)

    (data,) = world.overview().allowances

    assert data.share_percent == 1


def test_expenses_run_day_by_day_beside_the_month_before(world: World):
    world.spend(day(3), 70_00)
    world.spend(day(20), 368_00)
    world.spend(day(10, 10), 312_00)
    world.spend(day(26, 10), 650_00)

    expenses = world.overview().expenses

    assert expenses.month_on == date(2026, 11, 1)
    assert len(expenses.days) == 23
    assert [expenses.days[number - 1] for number in (2, 3, 19, 20, 23)] == [0, 70_00, 70_00, 438_00, 438_00]
    assert expenses.spent_kopecks == 438_00
    assert expenses.previous_to_date_kopecks == 312_00
    assert (len(expenses.previous_days), expenses.previous_days[-1]) == (31, 962_00)


def test_what_is_expected_of_the_month_has_the_fees_that_are_known(world: World):
    world.spend(day(3), 438_00)

    expenses = world.overview().expenses

    assert len(expenses.expected_days) == 8  # 23 to 30 November
    assert expenses.expected_days[0] == 438_00
    assert expenses.expected_days[2:4] == (438_00, 1_088_00)  # 25 and 26 November
    assert expenses.expected_kopecks == 1_088_00


def test_a_daily_fee_is_expected_each_day_to_the_end_of_the_month(session: Session):
    daily = PLAN.model_copy(update={"fee": 10_00, "period": PeriodUnit.DAY})
    world = World(session, plan=daily)
    world.subscription.next_fee_at = datetime(2026, 11, 23, 21, tzinfo=UTC)  # 24 November in Moscow

    assert world.overview().expenses.expected_kopecks == 7 * 10_00


def test_top_ups_and_own_transfers_are_no_expenses(world: World):
    world.move(day(3), (world.gateway, world.main, 500_00), kind="top_up")
    world.move(day(3), (world.main, world.debt, 15_00), kind="debt_settlement")

    assert world.overview().expenses.spent_kopecks == 0


def test_money_given_back_lowers_expenses_and_a_top_up_taken_back_does_not_raise_them(world: World):
    charged = world.spend(day(3), 70_00)
    world.take_back(day(4), charged)
    top_up = world.move(day(5), (world.gateway, world.main, 500_00), kind="top_up")
    world.take_back(day(6), top_up)

    assert world.overview().expenses.spent_kopecks == 0


def test_usage_on_credit_is_an_expense_of_the_day_it_was_used(world: World):
    world.move(day(3), (world.main, world.usage, 20_00), (world.debt, world.usage, 15_00))

    assert world.overview().expenses.spent_kopecks == 35_00


def test_the_first_month_has_nothing_to_compare_with(session: Session):
    expenses = World(session, activated_at=day(5)).overview().expenses

    assert (expenses.previous_days, expenses.previous_to_date_kopecks) == ((), None)


def test_a_day_begins_at_the_operators_midnight(world: World):
    world.spend(datetime(2026, 10, 31, 21, tzinfo=UTC), 70_00)  # 1 November, 00:00 in Moscow
    world.spend(datetime(2026, 10, 31, 20, 59, tzinfo=UTC), 1_00)

    expenses = world.overview().expenses

    assert (expenses.days[0], expenses.previous_days[-1]) == (70_00, 1_00)


def test_the_31st_is_compared_with_the_whole_of_a_shorter_month(world: World):
    world.spend(day(30), 5_00)

    assert world.overview(datetime(2026, 12, 31, 9, tzinfo=UTC)).expenses.previous_to_date_kopecks == 5_00


def test_last_operations_are_whole_transactions_newest_first(world: World):
    for number in range(1, 8):
        world.spend(day(number), number * 100)
    world.move(day(8), (world.gateway, world.main, 500_00), kind="top_up")
    world.move(day(10), (world.main, world.debt, 15_00), kind="debt_settlement")
    world.move(day(9), (world.main, world.usage, 20_00), (world.debt, world.usage, 15_00), zone="intl_kz")

    call, top_up, *rest = world.overview().operations

    assert (call.kind, call.amount_kopecks, call.destination) == ("usage", -35_00, "в Казахстан")
    assert call.explanation == {"zone": "intl_kz"}
    assert (top_up.kind, top_up.amount_kopecks, top_up.happened_at) == ("top_up", 500_00, day(8))
    assert [operation.amount_kopecks for operation in rest] == [-700, -600, -500]


def test_someone_elses_figures_are_not_mixed_in(session: Session):
    anna, boris = World(session), World(session)
    boris.balance(9_00)
    boris.spend(day(3), 70_00)
    boris.allow(UsageKind.SMS, 50, 50)

    overview = anna.overview()

    assert (overview.main_kopecks, overview.expenses.spent_kopecks) == (0, 0)
    assert (overview.allowances, overview.operations) == ((), ())


def test_a_number_without_a_plan_has_a_dashboard(world: World):
    world.subscription.ended_at = NOON

    overview = world.overview()

    assert (overview.plan_name, overview.next_charge, overview.is_suspended) == ("", None, False)


def test_an_unknown_subscriber_is_not_found(session: Session):
    with pytest.raises(NotFound):
        get_overview(session, 10**9, now=NOON)


@both_engines
def test_the_dashboard_takes_few_queries_each_through_an_index(session: Session, engine_name: str):
    world = World(session)
    world.balance(312_50)
    world.allow(UsageKind.DATA, 30 * GB, 2 * GB)
    for number in range(1, 20):
        world.spend(day(number), 100)
    world.overview()  # a plan version is read and compiled once a process
    session.expunge_all()
    statements: list[tuple[str, tuple]] = []
    bind = session.connection()

    def record(_connection, _cursor, statement, parameters, _context, _executemany):
        statements.append((statement, parameters))

    event.listen(bind, "before_cursor_execute", record)
    overview = get_overview(session, world.subscriber.id, now=NOON)
    event.remove(bind, "before_cursor_execute", record)

    assert overview.expenses.spent_kopecks == 19_00
    assert len(overview.operations) == LAST_OPERATIONS
    assert len(statements) <= 9
    if engine_name == "sqlite":
        for statement, parameters in statements:
            plan = bind.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
            whole = [step[-1] for step in plan if step[-1].startswith("SCAN") and "subquery" not in step[-1].lower()]
            assert [step for step in whole if not step.startswith(("SCAN anon", "SCAN CONSTANT"))] == [], statement
