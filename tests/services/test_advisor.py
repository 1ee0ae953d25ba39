"""The advisor on months that can be checked by eye. It is noon of Monday, 23 November 2026, in Moscow."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import count as counter

import pytest
from sqlalchemy import event, select, text, update
from sqlmodel import Session

from cabinet import clock, ledger
from cabinet.domain.advice import Line, Overage, Package, every_settings
from cabinet.domain.catalogue import Plan, parse
from cabinet.domain.errors import NotFound
from cabinet.domain.promotions import Discount, DiscountOn, Terms
from cabinet.domain.rating import Usage
from cabinet.domain.replay import offer_of, replay
from cabinet.models.catalogue import PlanVersion
from cabinet.models.subscribers import Subscriber
from cabinet.models.tariffs import PlanSubscription, SubscriptionState
from cabinet.models.usage import UsageRecord
from cabinet.services import advisor, orders, promotion_desk, promotions
from cabinet.services.advisor import Advice, Confidence, PlanAdvice
from tests.conftest import NOON, both_engines

CATALOGUE = """
default_region: moscow
regions: {moscow: Москва, samara: Самара}
zones:
  home: {name: Домашний регион}
  intl_kz: {name: Казахстан}
rates:
  - {kind: voice, price: 2 per min}
  - {kind: sms, price: 3 per SMS}
  - {kind: data, price: 10 per GB, rounding: kilobyte, summed: yes}
plans:
  - code: mine
    version: 1
    name: Мой
    fee: 250
    allowances: [10 SMS]
    settings:
      - code: calls
        name: Звонки
        default: few
        steps:
          - {code: few, name: 100 мин, gives: [100 min], price: 50}
          - {code: many, name: 300 мин, gives: [300 min], price: 150}
      - code: internet
        name: Интернет
        default: small
        steps:
          - {code: small, name: 1 ГБ, gives: [1 GB], price: 0}
          - {code: large, name: 5 ГБ, gives: [5 GB], price: 100}
    rates:
      - {kind: voice, zone: intl_kz, price: 10 per min, covered: no}
  - code: packed
    version: 1
    name: Полный
    fee: 600
    allowances: [500 min, 50 SMS, 10 GB]
    rates:
      - {kind: voice, zone: intl_kz, price: 10 per min, covered: no}
  - {code: closed, version: 1, name: Закрытый, fee: 1, allowances: [unlimited min, unlimited GB], archived: yes}
  - {code: elsewhere, version: 1, name: Самарский, fee_by_region: {samara: 1}, allowances: [unlimited min]}
  - code: daily
    version: 1
    name: По дням
    fee: 5
    period: day
    allowances: [10 min]
    rates:
      - {kind: voice, zone: intl_kz, price: 10 per min, covered: no}
  - {code: modem, version: 1, name: Модем, for_devices: yes, fee: 1, rates: [{kind: voice, zone: intl_kz, price: free}]}
"""
JUNE, JULY, AUGUST, SEPTEMBER, OCTOBER = (date(2026, month, 1) for month in range(6, 11))
LONG_AGO = datetime(2026, 1, 10, 9, tzinfo=UTC)
GB = 2**30

_numbers = counter(1)


def day(number: int, month: int, hour: int = 12) -> datetime:
    """Of 2026, in Moscow."""
    return datetime(2026, month, number, hour, tzinfo=clock.time_zone()).astimezone(UTC)


class World:
    """One subscriber on `mine`."""

    def __init__(self, session: Session, catalogue: str = CATALOGUE) -> None:
        self.session = session
        self.versions: dict[tuple[str, int], int] = {}
        self.store(catalogue)
        number = next(_numbers)
        subscriber = Subscriber(
            account_number=f"a{number}", msisdn=f"7916{number:07}", region="moscow", activated_at=LONG_AGO
        )
        session.add(subscriber)
        session.flush()
        self.id = subscriber.id
        ledger.open_accounts(session, self.id)

    def store(self, catalogue: str) -> None:
        for plan in parse(catalogue, "test.yaml").plans.values():
            row = PlanVersion(
                code=plan.code,
                version=plan.version,
                name=plan.name,
                content=plan.content(),
                digest=plan.digest(),
                is_archived=plan.archived,
                loaded_at=LONG_AGO,
            )
            self.session.add(row)
            self.session.flush()
            self.versions[plan.code, plan.version] = row.id

    def subscribe(
        self,
        code: str = "mine",
        since: datetime = LONG_AGO,
        until: datetime | None = None,
        settings: dict[str, str] | None = None,
    ) -> PlanSubscription:
        row = PlanSubscription(
            subscriber_id=self.id,
            plan_version_id=self.versions[code, 1],
            settings=settings if settings is not None else {"calls": "few", "internet": "small"},
            state=SubscriptionState.ENDED if until else SubscriptionState.ACTIVE,
            anchor_day=10,
            started_at=since,
            ended_at=until,
            next_fee_at=None if until else day(10, 12, 0),
        )
        self.session.add(row)
        self.session.flush()
        return row

    def use(self, at: datetime, kind: str, quantity: int, zone: str = "home", direction: str = "out") -> None:
        row = UsageRecord(
            record_id=f"advice-{next(_numbers)}",
            subscriber_id=self.id,
            kind=kind,
            direction=direction,
            zone=zone,
            started_at=at,
            quantity=quantity,
            plan_version_id=self.versions["mine", 1],
            billed_quantity=quantity,
            rating={},
        )
        self.session.add(row)
        self.session.flush()

    def talk(self, *months: int, minutes: int = 60, times: int = 3) -> None:
        for month in months:
            for number in range(times):
                self.use(day(5 + number, month), "voice", minutes * 60)

    def discount(self, *discounts: Discount) -> None:
        """Joins a promotion for each of them."""
        for number, one in enumerate(discounts):
            terms = Terms("Скидка", "", "", "gift", (one,), NOON - timedelta(days=1))
            promotion_desk.save(self.session, f"p{number}", terms, now=NOON)
            promotion_desk.publish(self.session, f"p{number}", now=NOON)
            quote = promotions.quote_join(self.session, self.id, f"p{number}", now=NOON)
            assert isinstance(orders.confirm(self.session, self.id, quote.id, now=NOON), orders.Order)

    def advice(self, now: datetime = NOON) -> Advice:
        return advisor.get_advice(self.session, self.id, now=now)


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    """Tests roll back: the same ids then mean other records."""
    advisor.forget()
    yield
    advisor.forget()


@pytest.fixture
def world(session: Session) -> World:
    made = World(session)
    made.subscribe()
    return made


def of_plan(advice: Advice, code: str) -> PlanAdvice:
    (found,) = [plan for plan in advice.plans if plan.plan_code == code]
    return found


# what the plans would have cost


@both_engines
def test_each_plan_has_the_best_of_its_settings_and_is_compared_with_mine_as_it_is(world: World):
    world.talk(8, 9, 10)  # 180 minutes a month

    advice = world.advice()

    # Three months of six had no usage: mine costs 300 ₽ in them, with 80 minutes over the package 460 ₽.
    assert advice.months == (date(2026, 5, 1), JUNE, JULY, AUGUST, SEPTEMBER, OCTOBER)
    assert advice.confidence == Confidence.ENOUGH
    assert advice.mine.months == (300_00, 300_00, 300_00, 460_00, 460_00, 460_00)
    assert (advice.mine.average_kopecks, advice.mine.saving_kopecks) == (380_00, 0)
    assert advice.mine.overage == (Overage(Line("voice", "out", "home"), 3 * 80 * 60, 480_00),)
    assert advice.mine.packages == (
        Package("voice", "", 6 * 100 * 60, 3 * 100 * 60),
        Package("sms", "", 60, 0),
        Package("data", "", 6 * GB, 0),
    )
    assert [(plan.plan_code, plan.average_kopecks, plan.saving_kopecks) for plan in advice.plans] == [
        ("modem", 181_00, 199_00),
        ("daily", 303_33, 76_67),
        ("mine", 380_00, 0),
        ("packed", 600_00, -220_00),
    ]
    assert advice.best == of_plan(advice, "daily")
    packed = of_plan(advice, "packed")
    assert (packed.months, packed.fee_kopecks, packed.saving_kopecks) == ((600_00,) * 6, 600_00, -220_00)
    assert packed.overage == ()


def test_the_best_settings_are_told_and_lead_to_a_change(world: World):
    world.talk(5, 6, 7, 8, 9, 10, minutes=80)  # 240 minutes: 300 + 280 ₽, with the larger package 400 ₽

    advice = world.advice()

    assert advice.mine.settings == {"calls": "few", "internet": "small"}
    assert advice.mine.average_kopecks == 580_00
    mine = of_plan(advice, "mine")
    assert (mine.settings, mine.is_mine) == ({"calls": "many", "internet": "small"}, True)
    assert (mine.average_kopecks, mine.saving_kopecks, mine.fee_kopecks) == (400_00, 180_00, 400_00)
    assert advice.best == mine


def test_of_equal_costs_the_present_settings_stay(session: Session):
    world = World(session)
    world.subscribe(since=day(1, 10, 0))
    world.use(day(5, 10), "voice", 60 * 150)  # 50 minutes over: 100 ₽, as much as the larger package costs more

    mine = of_plan(world.advice(), "mine")

    assert (mine.months, mine.settings["calls"]) == ((400_00,), "few")


def test_of_equal_costs_elsewhere_the_larger_package_is_told(session: Session):
    world = World(session)
    world.subscribe("packed", day(1, 10, 0), settings={})
    world.use(day(5, 10), "voice", 60 * 150)

    mine = of_plan(world.advice(), "mine")

    assert (mine.months, mine.settings["calls"]) == ((400_00,), "many")


def test_nothing_is_better_than_mine(world: World):
    world.talk(5, 6, 7, 8, 9, 10, minutes=50, times=2)  # all of the package; 310 ₽ and more by the day

    advice = world.advice()

    assert (advice.mine.average_kopecks, advice.best) == (300_00, None)
    assert [plan.plan_code for plan in advice.plans] == ["modem", "mine", "daily", "packed"]


def test_a_daily_fee_is_asked_for_every_day_of_the_month(world: World):
    world.talk(10, minutes=11, times=2)

    daily = of_plan(world.advice(), "daily")

    assert daily.months[-1] == 31 * 5_00 + 2 * 2_00
    assert daily.months[JUNE.month - 5] == 30 * 5_00
    assert (daily.fee_kopecks, str(daily.period)) == (5_00, "day")


def test_a_plan_for_devices_is_compared_and_not_recommended_to_a_phone(world: World):
    world.talk(5, 6, 7, 8, 9, 10, minutes=10)

    advice = world.advice()

    assert advice.plans[0].plan_code == "modem"
    assert advice.plans[0].is_for_devices
    assert advice.best.plan_code == "daily"


def test_a_plan_for_devices_is_recommended_to_who_has_one(session: Session):
    other = CATALOGUE + "  - {code: tracker, version: 1, name: Часы, for_devices: yes, fee: 90}\n"
    world = World(session, other)
    world.subscribe("tracker", settings={})
    world.use(day(5, 10), "sms", 1)

    assert world.advice().best.plan_code == "modem"


def test_a_plan_without_a_price_for_what_i_use_is_last_and_never_the_best(session: Session):
    other = CATALOGUE + "  - {code: blind, version: 1, name: Слепой, fee: 0, allowances: [unlimited min]}\n"
    world = World(session, other)
    world.subscribe()
    world.use(day(5, 10), "voice", 60, "intl_kz")

    advice = world.advice()

    assert (advice.plans[-1].plan_code, advice.plans[-1].unpriced) == ("blind", 1)
    assert advice.best.plan_code == "daily"


@both_engines
def test_every_plan_equals_brute_force_over_what_is_stored(world: World):
    for month in range(5, 11):
        for number in range(1, 25):
            world.use(day(number, month, number % 24), "voice", 37 * number * (month - 3))
            world.use(day(number, month, 23), "data", number * 11_111_111)
            world.use(day(number, month, 7), "sms", 1, direction="in" if number % 5 else "out")
        world.use(day(28, month), "voice", 61, "intl_kz")
    columns = UsageRecord.kind, UsageRecord.direction, UsageRecord.zone, UsageRecord.started_at, UsageRecord.quantity
    rows = world.session.execute(select(*columns).order_by(UsageRecord.started_at, UsageRecord.id)).all()
    usages = [Usage("", *row) for row in rows]

    advice = world.advice()

    assert len(advice.plans) == 4
    for found in advice.plans:
        plan = Plan.model_validate(world.session.get(PlanVersion, found.plan_version_id).content)
        costs = {}
        for chosen in every_settings(plan):
            offer = offer_of(plan, plan.compile(), "moscow", chosen)
            months = tuple(month.total_kopecks for month in replay(usages, offer, clock.time_zone()))
            costs[tuple(chosen.items())] = months
        assert found.months == costs[tuple(found.settings.items())]
        assert sum(found.months) == min(map(sum, costs.values()))


# discounts


def percent(size: int, periods: int) -> Discount:
    return Discount(DiscountOn.PLAN, periods, percent=size)


def test_a_discount_counts_for_as_long_as_it_lasts(world: World):
    world.talk(8, 9, 10)  # mine 300 ₽ and three times 160 ₽ over: 2280 ₽ in six months; 1820 ₽ by the day
    world.discount(percent(50, 2))

    advice = world.advice()

    # Two fees of 300 ₽ are half, two of 5 ₽ by the day as well: (2280 − 300) / 6, (1820 − 5) / 6.
    assert (advice.mine.average_kopecks, advice.mine.off_kopecks, advice.mine.off_fees) == (330_00, 300_00, 2)
    assert (of_plan(advice, "daily").average_kopecks, of_plan(advice, "daily").saving_kopecks) == (302_50, 27_50)
    assert advice.mine.months == (300_00, 300_00, 300_00, 460_00, 460_00, 460_00)
    assert advice.best.plan_code == "daily"


def test_a_long_discount_makes_a_larger_package_of_mine_the_cheapest(world: World):
    world.talk(8, 9, 10)
    world.discount(percent(50, 36))

    advice = world.advice()

    # (2280 − 6 × 150) / 6 on mine, and by the day (1820 − 36 × 2,50) / 6: its fees are used up in five weeks.
    assert (advice.mine.average_kopecks, of_plan(advice, "daily").average_kopecks) == (230_00, 288_33)
    assert (advice.mine.off_fees, advice.mine.year_off_kopecks) == (6, 12 * 150_00)
    # The larger package at half the price: 6 × 200 ₽ and nothing beyond it.
    assert (advice.best.plan_code, advice.best.settings["calls"], advice.best.average_kopecks) == (
        "mine",
        "many",
        200_00,
    )


def test_an_advice_is_made_anew_when_a_discount_comes(world: World):
    world.talk(10)
    before = world.advice().mine.average_kopecks

    world.discount(percent(10, 36))

    assert world.advice().mine.average_kopecks == before - 30_00


def off_by_hand(fee: int, fees: int, discounts: list[Discount]) -> int:
    """Fee by fee, each with the discount that takes off most of those that are left."""
    left, off = [one.periods for one in discounts], 0
    for _ in range(fees):
        sizes = [
            (-(-fee * one.percent // 100) if one.percent else min(fee, one.kopecks)) if left[place] else 0
            for place, one in enumerate(discounts)
        ]
        largest = max(sizes)
        if largest:
            left[sizes.index(largest)] -= 1
        off += largest
    return off


@both_engines
def test_every_plan_with_discounts_equals_brute_force_fee_by_fee(world: World):
    for month in range(5, 11):
        for number in range(1, 25):
            world.use(day(number, month, number % 24), "voice", 41 * number * (month - 3))
            world.use(day(number, month, 23), "data", number * 9_999_999)
    discounts = [percent(33, 3), Discount(DiscountOn.PLAN, 4, kopecks=120_00), percent(7, 30)]
    world.discount(*discounts)
    columns = UsageRecord.kind, UsageRecord.direction, UsageRecord.zone, UsageRecord.started_at, UsageRecord.quantity
    rows = world.session.execute(select(*columns).order_by(UsageRecord.started_at, UsageRecord.id)).all()
    usages = [Usage("", *row) for row in rows]

    advice = world.advice()

    assert len(advice.plans) == 4
    for found in advice.plans:
        plan = Plan.model_validate(world.session.get(PlanVersion, found.plan_version_id).content)
        totals = []
        for chosen in every_settings(plan):
            offer = offer_of(plan, plan.compile(), "moscow", chosen)
            months = list(replay(usages, offer, clock.time_zone()))
            fees = sum(month.fee_kopecks for month in months) // offer.fee_kopecks
            off = off_by_hand(offer.fee_kopecks, fees, discounts)
            totals.append(sum(month.total_kopecks for month in months) - off)
        assert found.total_kopecks == min(totals)
        assert found.average_kopecks == (2 * min(totals) + 6) // 12


# which months


def test_a_month_lived_only_partly_is_left_out(session: Session):
    world = World(session)
    world.subscribe(since=day(2, 9))
    world.talk(9, 10, 11)

    advice = world.advice()

    assert advice.months == (OCTOBER,)  # neither September without its first day nor November that is not over
    assert advice.confidence == Confidence.LITTLE
    assert advice.mine.months == (460_00,)


def test_who_joined_with_the_month_has_it_whole(session: Session):
    world = World(session)
    world.subscribe(since=day(1, 8, 0))
    world.talk(8)

    advice = world.advice()

    assert (advice.months, advice.confidence) == ((AUGUST, SEPTEMBER, OCTOBER), Confidence.ENOUGH)


def test_a_switch_of_plans_breaks_no_month_and_a_time_without_a_plan_does(session: Session):
    world = World(session)
    world.subscribe("packed", LONG_AGO, day(15, 7), {})
    world.subscribe("mine", day(15, 7), day(10, 9))
    world.subscribe("mine", day(11, 9))
    world.talk(8)

    advice = world.advice()

    assert advice.months == (date(2026, 5, 1), JUNE, JULY, AUGUST, OCTOBER)
    assert advice.mine.months == (300_00, 300_00, 300_00, 460_00, 300_00)


def test_usage_of_the_months_in_between_is_in_no_figure(session: Session):
    world = World(session)
    world.subscribe("mine", LONG_AGO, day(10, 9))
    world.subscribe("mine", day(11, 9))
    world.talk(9, 10)

    assert world.advice().mine.months[-1] == 460_00
    assert len(world.advice().months) == 5


def test_without_a_whole_month_there_is_nothing_to_say(session: Session):
    world = World(session)
    world.subscribe(since=day(20, 10))
    world.talk(11)

    advice = world.advice()

    assert (advice.months, advice.confidence, advice.best) == ((), Confidence.NOTHING, None)
    assert (advice.mine.months, advice.mine.average_kopecks, advice.mine.saving_kopecks) == ((), 0, None)


def test_months_without_usage_recommend_nothing(world: World):
    advice = world.advice()

    assert (advice.confidence, advice.best) == (Confidence.NOTHING, None)
    assert advice.mine.months == (300_00,) * 6


def test_a_number_without_a_plan_is_told_the_cheapest_one(session: Session):
    world = World(session)
    world.subscribe(until=day(1, 11, 0))
    world.talk(10)

    advice = world.advice()

    assert advice.mine is None
    assert all(plan.saving_kopecks is None and not plan.is_mine for plan in advice.plans)
    assert advice.best.plan_code == "daily"


def test_no_such_subscriber(session: Session):
    with pytest.raises(NotFound):
        advisor.get_advice(session, 10**9, now=NOON)


# which plans


def test_closed_plans_and_those_of_other_regions_are_left_out(world: World):
    world.talk(10)

    assert {plan.plan_code for plan in world.advice().plans} == {"mine", "packed", "daily", "modem"}


def test_my_own_closed_plan_is_there(session: Session):
    world = World(session)
    world.subscribe("closed", settings={})
    world.talk(10)

    advice = world.advice()

    assert (advice.mine.plan_code, advice.mine.average_kopecks) == ("closed", 1_00)
    assert of_plan(advice, "closed").is_mine
    assert advice.best is None


def test_only_the_newest_version_can_be_joined_and_mine_stays_mine(world: World):
    world.talk(10)
    world.store(CATALOGUE.replace("version: 1", "version: 2").replace("fee: 250", "fee: 200"))

    advice = world.advice()

    mine, newest = [plan for plan in advice.plans if plan.plan_code == "mine"][::-1]
    assert (mine.plan_version_id, mine.is_mine) == (world.versions["mine", 1], True)
    assert (newest.plan_version_id, newest.is_mine) == (world.versions["mine", 2], False)
    assert mine.average_kopecks - newest.average_kopecks == 50_00
    assert [plan.plan_version_id for plan in advice.plans if plan.plan_code == "packed"] == [
        world.versions["packed", 2]
    ]


def test_a_plan_that_is_not_sold_where_i_am_any_more_is_not_compared_with(session: Session):
    world = World(session)
    world.subscribe("elsewhere", settings={})
    world.talk(10)

    assert world.advice().mine is None


# what is kept


def test_an_advice_is_kept_until_new_usage_of_its_months_arrives(world: World):
    world.talk(10)
    first = world.advice()

    assert world.advice(NOON + timedelta(days=1)) is first
    world.use(day(3, 11), "voice", 6_000)  # November is not compared
    assert world.advice() is first
    world.use(day(20, 10), "voice", 60)  # a late one
    assert world.advice().mine.months[-1] == first.mine.months[-1] + 2_00


def test_an_advice_is_made_anew_with_the_month_the_catalogue_the_settings_and_the_region(world: World):
    world.talk(9, 10)
    seen = [world.advice()]

    seen.append(world.advice(day(1, 12, 0)))
    assert seen[-1].months[-1] == date(2026, 11, 1)
    world.session.execute(text("UPDATE plan_version SET is_archived = true WHERE code = 'daily'"))
    seen.append(world.advice())
    assert "daily" not in {plan.plan_code for plan in seen[-1].plans}
    world.session.execute(update(PlanSubscription).values(settings={"calls": "many", "internet": "small"}))
    seen.append(world.advice())
    assert seen[-1].mine.settings["calls"] == "many"
    world.session.execute(update(Subscriber).values(region="samara"))
    assert "elsewhere" in {plan.plan_code for plan in world.advice().plans}


def test_what_is_kept_is_bounded(session: Session, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(advisor, "_kept", advisor._Kept(2))
    world = World(session)
    world.subscribe()
    first = world.advice()
    for number in range(3):
        other = Subscriber(
            account_number=f"o{number}", msisdn=f"7915{number:07}", region="moscow", activated_at=LONG_AGO
        )
        session.add(other)
        session.flush()
        last = advisor.get_advice(session, other.id, now=NOON)

    assert len(advisor._kept._advices) == 2
    assert advisor.get_advice(session, other.id, now=NOON) is last
    assert world.advice() is not first


# what it asks of the database


@both_engines
def test_a_kept_advice_asks_four_queries_and_a_new_one_one_more(world: World):
    world.talk(5, 6, 7, 8, 9, 10)
    asked: list[str] = []

    def note(_connection, _cursor, statement, *_others) -> None:
        asked.append(statement)

    engine = world.session.get_bind().engine
    world.advice()
    advisor.forget()
    event.listen(engine, "before_cursor_execute", note)
    try:
        world.advice()
        fresh = len(asked)
        world.advice()
    finally:
        event.remove(engine, "before_cursor_execute", note)

    assert (fresh, len(asked) - fresh) == (5, 4)


def test_the_records_are_found_through_the_subscribers_index_and_counted_in_it(world: World):
    plans: list[str] = []
    connection = world.session.connection()

    def note(_connection, cursor, statement, parameters, *_others) -> None:
        if "FROM usage_record" in statement:
            rows = connection.connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.append("; ".join(row[-1] for row in rows))

    engine = world.session.get_bind().engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        world.advice()
    finally:
        event.remove(engine, "before_cursor_execute", note)

    span = "(subscriber_id=? AND started_at>? AND started_at<?)"
    assert plans == [
        f"SEARCH usage_record USING COVERING INDEX ix_usage_record_of_subscriber {span}",
        f"SEARCH usage_record USING INDEX ix_usage_record_of_subscriber {span}",
    ]
