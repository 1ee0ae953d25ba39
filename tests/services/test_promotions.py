"""Promotions: whom they are shown to, what joining brings, discounts in fees, promo codes."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, select

from cabinet import ledger
from cabinet.adapters.usage_files import UsageRow
from cabinet.domain.allowances import UsageKind
from cabinet.domain.catalogue import SwitchTime
from cabinet.domain.errors import NotFound
from cabinet.domain.promotions import (
    AlreadyJoined,
    Condition,
    Discount,
    DiscountOn,
    Fact,
    Money,
    NoPlacesLeft,
    NotJoined,
    Package,
    PromoCodeOver,
    PromoCodeUnknown,
    PromotionNotForYou,
    PromotionOver,
    Terms,
    TermsWrong,
)
from cabinet.domain.quotes import PartKind
from cabinet.models.notices import Notice, NoticeKind
from cabinet.models.promotions import DiscountUse, PromoCode
from cabinet.services import (
    audit,
    billing,
    bundles,
    expenses,
    options,
    orders,
    overview,
    promotion_desk,
    promotions,
    segments,
    tariffs,
    usage,
)
from cabinet.services.orders import CannotUndo, Order, Outdated, Quote, QuoteOutdated, WhyNot
from cabinet.services.promotion_desk import CodeTaken, State
from tests.conftest import NOON, both_engines
from tests.every_line import check_everyone
from tests.services.test_options import CATALOGUE, bought, let_pass, switched_on
from tests.services.test_orders import confirmed, given, left_of, money_of, moscow, put, store

GIGABYTE = 2**30
FEE = 30_000  # a month of «Старт»


@pytest.fixture
def shop(session: Session) -> Session:
    store(session, CATALOGUE)
    return session


def terms(*rewards: object, **changes: object) -> Terms:
    usual = {
        "title": "Осенняя",
        "teaser": "Подарок к осени",
        "rules": "Для всех",
        "icon": "gift",
        "rewards": rewards or (Money(10_000),),
        "starts_at": NOON - timedelta(days=1),
        "ends_at": NOON + timedelta(days=30),
    }
    return Terms(**(usual | changes))


def live(session: Session, code: str = "autumn", *rewards: object, **changes: object) -> str:
    """A promotion that can be joined."""
    promotion_desk.save(session, code, terms(*rewards, **changes), now=NOON)
    promotion_desk.publish(session, code, now=NOON)
    return code


def percent(size: int, periods: int, on: DiscountOn = DiscountOn.PLAN, code: str = "") -> Discount:
    return Discount(on, periods, percent=size, code=code)


def joined(session: Session, subscriber_id: int, code: str = "autumn", now: datetime = NOON) -> Order:
    return confirmed(session, subscriber_id, promotions.quote_join(session, subscriber_id, code, now=now), now)


def offered(session: Session, subscriber_id: int, now: datetime = NOON) -> list[str]:
    return [offer.code for offer in promotions.list_for(session, subscriber_id, now=now).for_me]


def plan_fees(session: Session, subscriber_id: int) -> list[int]:
    """What the plan's fees took, the first ones first."""
    lines = reversed(ledger.statement(session, subscriber_id, limit=100))
    return [-line.amount_kopecks for line in lines if line.kind == "plan_fee"]


def assert_sound(session: Session) -> None:
    assert audit.run_audit(session).faults == []


def test_services_a_month_count_the_discount_for_as_long_as_it_lasts(shop: Session):
    anna = given(shop, money=100_000)
    for code in ("caller", "super", "voicemail"):
        switched_on(shop, anna, code)
    live(shop, "autumn", percent(50, 1, DiscountOn.OPTION, "voicemail"))
    live(shop, "daily", percent(20, 10, DiscountOn.OPTION, "super"))
    for code in ("autumn", "daily"):
        joined(shop, anna, code)

    found = options.list_options(shop, anna, now=NOON)

    # 49 + 30 × 15 ₽; with the discounts 24,50 and ten of thirty days at 12 ₽: 30 ₽ less.
    assert (found.monthly_kopecks, found.first_kopecks) == (499_00, 499_00 - 24_50 - 30_00)
    assert (found.next_fee.name, found.next_fee.kopecks) == ("Всё о звонках", 12_00)


# --- what it gives ---------------------------------------------------------------------------------------------------


@both_engines
def test_roubles_come_to_the_balance_and_the_statement_says_why(shop: Session):
    anna = given(shop, money=5_000)
    live(shop, "autumn", Money(10_000))

    quote = promotions.quote_join(shop, anna, "autumn", now=NOON)
    assert quote.summary.charged_now_kopecks == -10_000
    assert money_of(shop, anna) == 5_000  # nothing without a yes
    confirmed(shop, anna, quote)

    assert money_of(shop, anna) == 15_000
    line = expenses.list_lines(shop, anna, NOON.date(), now=NOON).lines[0]
    assert (line.amount_kopecks, line.charge, line.name, line.category) == (10_000, "promotion_gift", "Осенняя", None)
    assert expenses.explain_line(shop, anna, line.id).paid_kopecks == 10_000
    assert overview.get_overview(shop, anna, now=NOON).expenses.spent_kopecks == FEE  # a gift is no spending
    assert_sound(shop)


@both_engines
def test_gigabytes_come_as_a_package_of_their_own(shop: Session):
    anna = given(shop)
    live(shop, "autumn", Package(UsageKind.DATA, 5 * GIGABYTE, 30))

    joined(shop, anna)

    assert ("data", 5 * GIGABYTE) in left_of(shop, anna)
    extra = [one for one in bundles.list_bundles(shop, anna, now=NOON).left if not one.is_of_plan]
    assert [(one.name, one.remaining, one.valid_until) for one in extra] == [
        ("Осенняя", 5 * GIGABYTE, moscow(2026, 12, 24))  # thirty days and the rest of this one
    ]
    mine = promotions.list_for(shop, anna, now=NOON).joined[0].joined
    assert [(left.granted, left.remaining) for left in mine.packages] == [(5 * GIGABYTE, 5 * GIGABYTE)]
    assert_sound(shop)


@both_engines
def test_a_discount_is_on_so_many_fees_and_then_on_none(shop: Session):
    anna = given(shop, since=moscow(2026, 11, 5), money=200_000)
    live(shop, "autumn", percent(20, 2))

    quote = promotions.quote_join(shop, anna, "autumn", now=NOON)
    before, after = quote.summary.next_fee_before, quote.summary.next_fee_after
    assert (before.kopecks, after.kopecks, after.full_kopecks) == (FEE, 24_000, FEE)
    confirmed(shop, anna, quote)
    for month in ((2026, 12), (2027, 1), (2027, 2)):
        let_pass(shop, anna, moscow(*month, 6))

    assert plan_fees(shop, anna) == [30_000, 24_000, 24_000, 30_000]
    uses = shop.exec(select(DiscountUse.number, DiscountUse.off_kopecks).order_by(DiscountUse.number)).all()
    assert uses == [(1, 6_000), (2, 6_000)]
    told = shop.exec(select(Notice).where(Notice.kind == NoticeKind.DISCOUNT_ENDS)).one()
    assert told.facts == {"kopecks": FEE, "name": "Осенняя"}
    check_everyone(shop, [anna], now=moscow(2027, 2, 6))
    assert_sound(shop)


def test_the_statement_shows_the_discount_as_a_part_of_the_fee(shop: Session):
    anna = given(shop, since=moscow(2026, 11, 5), money=100_000)
    live(shop, "autumn", percent(20, 3))
    joined(shop, anna)
    let_pass(shop, anna, moscow(2026, 12, 6))

    line = expenses.list_lines(shop, anna, moscow(2026, 12, 5).date(), now=moscow(2026, 12, 6)).lines[0]
    told = expenses.explain_line(shop, anna, line.id)

    assert line.amount_kopecks == -24_000
    assert [(part.code, part.name, part.kopecks) for part in told.parts] == [
        ("fee", "Старт", 30_000),
        (expenses.DISCOUNT, "Осенняя", -6_000),
    ]
    assert (told.discount_number, told.discount_periods) == (1, 3)


def test_the_dashboard_counts_with_the_discount(shop: Session):
    anna = given(shop, since=moscow(2026, 11, 5), money=24_000)
    live(shop, "autumn", percent(20, 1))
    joined(shop, anna)

    charge = overview.get_next_charge(shop, anna, now=NOON)

    assert (charge.amount_kopecks, charge.full_kopecks, charge.shortage_kopecks) == (24_000, FEE, 0)
    assert charge.enough_until == moscow(2027, 1, 5)  # the second fee is whole


def test_with_the_discount_the_last_roubles_are_enough(shop: Session):
    anna = given(shop, since=moscow(2026, 11, 5), money=24_000)
    live(shop, "autumn", percent(20, 1))
    joined(shop, anna)

    let_pass(shop, anna, moscow(2026, 12, 5))

    assert money_of(shop, anna) == 0
    assert not overview.get_overview(shop, anna, now=moscow(2026, 12, 5)).is_suspended


def test_a_discount_of_all_makes_a_fee_of_nothing_and_never_less(shop: Session):
    anna = given(shop, since=moscow(2026, 11, 5))
    live(shop, "autumn", Discount(DiscountOn.PLAN, 1, kopecks=99_999))
    joined(shop, anna)

    let_pass(shop, anna, moscow(2026, 12, 6))

    assert plan_fees(shop, anna) == [FEE]
    assert shop.exec(select(DiscountUse.off_kopecks, DiscountUse.transaction_id)).all() == [(FEE, None)]
    assert ("voice", 500 * 60) in left_of(shop, anna, moscow(2026, 12, 6))
    assert_sound(shop)


def test_a_fee_that_could_not_be_paid_uses_no_discount(shop: Session):
    anna = given(shop, since=moscow(2026, 11, 5))
    live(shop, "autumn", percent(20, 1))
    joined(shop, anna)
    let_pass(shop, anna, moscow(2026, 12, 6))
    assert shop.exec(select(DiscountUse)).all() == []

    put(shop, anna, 24_000, moscow(2026, 12, 7))
    billing.use_money(shop, anna, happened_at=moscow(2026, 12, 7), now=moscow(2026, 12, 7))

    assert money_of(shop, anna) == 0
    assert [use.number for use in shop.exec(select(DiscountUse)).all()] == [1]
    assert_sound(shop)


@both_engines
def test_a_discount_on_a_service_is_on_its_first_fee_too(shop: Session):
    anna = given(shop, since=moscow(2026, 11, 5), money=200_000)
    live(shop, "autumn", percent(50, 2, DiscountOn.OPTION, "voicemail"))
    joined(shop, anna)

    quote = options.quote_on(shop, anna, "voicemail", now=NOON)
    assert quote.summary.charged_now_kopecks == 2_450
    assert quote.summary.next_fee_after.kopecks == 2_450
    confirmed(shop, anna, quote)
    let_pass(shop, anna, moscow(2027, 1, 24))

    taken = [-line.amount_kopecks for line in ledger.statement(shop, anna, limit=50) if line.kind == "option_fee"]
    assert taken == [4_900, 2_450]  # the last first: the order had the first half price, the worker the second
    check_everyone(shop, [anna], now=moscow(2027, 1, 24))
    assert_sound(shop)


def test_a_discount_on_a_package_waits_until_it_is_bought(shop: Session):
    anna = given(shop, money=50_000)
    live(shop, "autumn", percent(10, 1, DiscountOn.BUNDLE, "gb5"))
    joined(shop, anna)

    order = bought(shop, anna, "gb5")
    assert order.summary.charged_now_kopecks == 10_800
    assert bundles.quote_bundle(shop, anna, "gb5", now=NOON).summary.charged_now_kopecks == 12_000  # it was for one

    orders.undo(shop, anna, order.id, now=NOON)
    assert bundles.quote_bundle(shop, anna, "gb5", now=NOON).summary.charged_now_kopecks == 10_800  # and is again
    check_everyone(shop, [anna], now=NOON)
    assert_sound(shop)


def test_a_trial_is_not_made_paid_by_a_discount_on_it(shop: Session):
    anna = given(shop, since=moscow(2026, 11, 5), money=200_000)
    switched_on(shop, anna, "music")
    live(shop, "autumn", percent(50, 2, DiscountOn.OPTION, "music"))
    joined(shop, anna)

    let_pass(shop, anna, moscow(2027, 1, 1))

    assert shop.exec(select(DiscountUse)).all() == []
    assert [line.kind for line in ledger.statement(shop, anna) if line.kind == "option_fee"] == []


# --- a plan that is switched -----------------------------------------------------------------------------------------


def test_a_switch_at_once_pays_the_rest_of_the_period_with_the_same_discount(shop: Session):
    by_day = "version: 2, name: Максимум, switching: {first_period: by_day}"
    store(shop, CATALOGUE.replace("version: 1, name: Максимум", by_day))
    anna = given(shop, since=moscow(2026, 11, 5), money=300_000)
    live(shop, "autumn", percent(50, 2))
    joined(shop, anna)
    let_pass(shop, anna, moscow(2026, 12, 5))  # 150 ₽ for December, the first use

    now = moscow(2026, 12, 20)
    order = confirmed(shop, anna, tariffs.quote_switch(shop, anna, "max", when=SwitchTime.NOW, now=now), now)

    paid = sum(charge.kopecks for charge in order.summary.charges)
    assert paid == 45_000 - 45_000 // 31 * 15  # half of 900 ₽, the last 16 of 31 days
    assert len(shop.exec(select(DiscountUse)).all()) == 1
    assert order.summary.next_fee_after.kopecks == 45_000
    let_pass(shop, anna, moscow(2027, 2, 5))
    assert plan_fees(shop, anna)[-2:] == [45_000, 90_000]
    check_everyone(shop, [anna], now=moscow(2027, 2, 6))
    assert_sound(shop)


def test_undoing_a_switch_gives_its_discount_back(shop: Session):
    anna = given(shop, since=moscow(2026, 11, 5), money=300_000)
    live(shop, "autumn", percent(50, 1))
    joined(shop, anna)

    order = confirmed(shop, anna, tariffs.quote_switch(shop, anna, "max", when=SwitchTime.NOW, now=NOON))
    assert order.summary.charged_now_kopecks == 45_000
    assert order.summary.next_fee_after.kopecks == 90_000
    orders.undo(shop, anna, order.id, now=NOON)

    assert shop.exec(select(DiscountUse)).all() == []
    assert overview.get_next_charge(shop, anna, now=NOON).amount_kopecks == 15_000
    assert_sound(shop)


# --- joining, leaving, undoing ---------------------------------------------------------------------------------------


@both_engines
def test_joined_twice_it_is_once(shop: Session):
    anna = given(shop)
    live(shop)
    first, second = (promotions.quote_join(shop, anna, "autumn", now=NOON) for _ in range(2))

    order = confirmed(shop, anna, first)
    assert confirmed(shop, anna, first).id == order.id
    with pytest.raises(AlreadyJoined):
        orders.confirm(shop, anna, second.id, now=NOON)

    assert money_of(shop, anna) == 10_000


@both_engines
def test_undone_it_is_as_if_it_had_never_been(shop: Session):
    anna = given(shop)
    live(shop, "autumn", Money(10_000), Package(UsageKind.DATA, GIGABYTE, 7), percent(20, 3), places=1)
    order = joined(shop, anna)
    assert offered(shop, anna) == []

    orders.undo(shop, anna, order.id, now=NOON + timedelta(hours=1))

    assert money_of(shop, anna) == 0
    assert ("data", GIGABYTE) not in left_of(shop, anna)
    assert offered(shop, anna) == ["autumn"]  # its only place is free again
    assert_sound(shop)
    joined(shop, anna)
    assert_sound(shop)


def test_a_gift_that_was_spent_cannot_be_taken_back(shop: Session):
    anna = given(shop)
    live(shop, "autumn", Money(15_000))
    order = joined(shop, anna)
    bought(shop, anna, "gb5")

    with pytest.raises(CannotUndo) as refusal:
        orders.undo(shop, anna, order.id, now=NOON)

    assert refusal.value.why == WhyNot.SPENT
    assert promotions.list_for(shop, anna, now=NOON).joined[0].joined is not None


def test_a_package_that_was_used_cannot_be_taken_back(shop: Session):
    anna = given(shop)
    live(shop, "autumn", Package(UsageKind.DATA, GIGABYTE, 7))
    order = joined(shop, anna)
    msisdn = shop.execute(text(f"SELECT msisdn FROM subscriber WHERE id = {anna}")).scalar_one()
    row = UsageRow("g-1", msisdn, "data", "out", NOON + timedelta(minutes=5), 2 * GIGABYTE, "home", "")
    usage.import_batch(shop, [row], now=NOON + timedelta(minutes=6))

    with pytest.raises(CannotUndo):
        orders.undo(shop, anna, order.id, now=NOON + timedelta(hours=1))
    assert_sound(shop)


def test_a_discount_that_was_used_cannot_be_taken_back(shop: Session):
    anna = given(shop, since=moscow(2026, 11, 5), money=100_000)
    live(shop, "autumn", percent(20, 3))
    order = joined(shop, anna, now=moscow(2026, 12, 4))
    let_pass(shop, anna, moscow(2026, 12, 5))

    with pytest.raises(CannotUndo):
        orders.undo(shop, anna, order.id, now=moscow(2026, 12, 5))


@both_engines
def test_left_its_discount_is_on_no_fee_any_more_and_what_came_stays(shop: Session):
    anna = given(shop, since=moscow(2026, 11, 5), money=100_000)
    live(shop, "autumn", Money(10_000), percent(20, 3))
    joined(shop, anna)

    quote = promotions.quote_leave(shop, anna, "autumn", now=NOON)
    assert (quote.summary.next_fee_before.kopecks, quote.summary.next_fee_after.kopecks) == (24_000, FEE)
    assert [(part.what, part.discount.periods) for part in quote.summary.losses] == [(PartKind.DISCOUNT, 3)]
    confirmed(shop, anna, quote)
    let_pass(shop, anna, moscow(2026, 12, 6))

    assert plan_fees(shop, anna) == [FEE, FEE]
    assert money_of(shop, anna) == 100_000 + 10_000 - FEE
    with pytest.raises(NotJoined):
        promotions.quote_leave(shop, anna, "autumn", now=NOON)
    with pytest.raises(AlreadyJoined):
        promotions.quote_join(shop, anna, "autumn", now=NOON)
    assert_sound(shop)


def test_leaving_can_be_taken_back(shop: Session):
    anna = given(shop, since=moscow(2026, 11, 5), money=100_000)
    live(shop, "autumn", percent(20, 3))
    joined(shop, anna)
    order = confirmed(shop, anna, promotions.quote_leave(shop, anna, "autumn", now=NOON))

    orders.undo(shop, anna, order.id, now=NOON)

    assert overview.get_next_charge(shop, anna, now=NOON).amount_kopecks == 24_000


def test_ending_while_joining_is_refused_and_nothing_is_done(shop: Session):
    anna = given(shop)
    live(shop, "autumn", Money(10_000), ends_at=NOON + timedelta(minutes=5))
    quote = promotions.quote_join(shop, anna, "autumn", now=NOON)

    with pytest.raises(PromotionOver):
        orders.confirm(shop, anna, quote.id, now=NOON + timedelta(minutes=5))

    assert money_of(shop, anna) == 0
    assert promotions.list_for(shop, anna, now=NOON).joined == ()


def test_stopped_while_joining_is_refused(shop: Session):
    anna = given(shop)
    live(shop)
    quote = promotions.quote_join(shop, anna, "autumn", now=NOON)
    promotion_desk.stop(shop, "autumn", now=NOON)

    with pytest.raises(PromotionOver):
        orders.confirm(shop, anna, quote.id, now=NOON)


def test_other_terms_while_joining_are_shown_anew(shop: Session):
    anna = given(shop)
    live(shop, "autumn", Money(10_000))
    quote = promotions.quote_join(shop, anna, "autumn", now=NOON)
    live(shop, "autumn", Money(5_000))

    answer = orders.confirm(shop, anna, quote.id, now=NOON)

    assert isinstance(answer, QuoteOutdated)
    assert answer.why == Outdated.CHANGED
    assert answer.new.summary.charged_now_kopecks == -5_000
    assert money_of(shop, anna) == 0


def test_the_last_place_is_one_place(shop: Session):
    anna, boris = given(shop), given(shop)
    live(shop, "autumn", Money(10_000), places=1)
    quotes = [promotions.quote_join(shop, one, "autumn", now=NOON).id for one in (anna, boris)]
    orders.confirm(shop, anna, quotes[0], now=NOON)

    with pytest.raises(NoPlacesLeft):
        orders.confirm(shop, boris, quotes[1], now=NOON)

    assert money_of(shop, boris) == 0
    assert_sound(shop)


def test_who_has_joined_keeps_the_terms_of_then_when_it_is_changed_or_stopped(shop: Session):
    anna = given(shop, since=moscow(2026, 11, 5), money=100_000)
    live(shop, "autumn", percent(50, 1))
    joined(shop, anna)

    live(shop, "autumn", percent(10, 1))
    promotion_desk.stop(shop, "autumn", now=NOON)
    let_pass(shop, anna, moscow(2026, 12, 5))

    assert plan_fees(shop, anna) == [FEE, FEE // 2]


def test_somebody_elses_and_unknown_promotions_are_not_found(shop: Session):
    anna = given(shop)
    promotion_desk.save(shop, "draft", terms(), now=NOON)

    for code in ("draft", "none", "' OR 1=1", ""):
        with pytest.raises(NotFound):
            promotions.quote_join(shop, anna, code, now=NOON)
        with pytest.raises(NotFound):
            promotions.get_detail(shop, anna, code, now=NOON)
        with pytest.raises(NotJoined):
            promotions.quote_leave(shop, anna, code, now=NOON)


# --- whom it is for --------------------------------------------------------------------------------------------------


def test_it_is_shown_to_those_whom_it_is_for_and_joined_by_no_others(shop: Session):
    anna, boris = given(shop, "start"), given(shop, "max")
    live(shop, "autumn", conditions=(Condition(Fact.PLAN, one_of=("max",)),))

    assert (offered(shop, anna), offered(shop, boris)) == ([], ["autumn"])
    with pytest.raises(PromotionNotForYou):
        promotions.quote_join(shop, anna, "autumn", now=NOON)
    detail = promotions.get_detail(shop, anna, "autumn", now=NOON)
    assert isinstance(detail.refusal, PromotionNotForYou)


@both_engines
def test_every_fact_is_read_from_what_happened(shop: Session):
    anna, boris = given(shop, since=moscow(2026, 11, 5), money=50_000), given(shop, "max")
    msisdn = shop.execute(text(f"SELECT msisdn FROM subscriber WHERE id = {anna}")).scalar_one()
    at = NOON - timedelta(days=2)
    rows = [
        UsageRow("f-1", msisdn, "data", "out", at, 3 * GIGABYTE + 1, "home", ""),
        UsageRow("f-2", msisdn, "voice", "out", at, 150, "home", "79035550101"),
        UsageRow("f-3", msisdn, "voice", "in", at, 6_000, "home", "79035550101"),
        UsageRow("f-4", msisdn, "data", "out", at - timedelta(days=29), GIGABYTE, "home", ""),
    ]
    usage.import_batch(shop, rows, now=NOON - timedelta(days=1))
    switched_on(shop, anna, "caller")
    billing.record_payment(shop, anna, 10_050, reference="p1", happened_at=at, now=NOON, source="card")

    known = segments.read_facts(shop, [anna, boris], list(Fact), now=NOON)

    assert known[anna] == {
        Fact.PLAN: {"start"},
        Fact.REGION: {"moscow"},
        Fact.OPTION: {"caller"},
        Fact.TENURE_DAYS: 18,
        Fact.DATA_GB: 3,
        Fact.VOICE_MINUTES: 2,
        Fact.SMS: 0,
        Fact.SPENT_ROUBLES: 300,
        Fact.BALANCE_ROUBLES: 600,
        Fact.TOP_UPS: 1,
    }
    assert (known[boris][Fact.PLAN], known[boris][Fact.DATA_GB], known[boris][Fact.TOP_UPS]) == ({"max"}, 0, 0)


def test_the_most_fitting_stand_first_and_the_soonest_to_end_of_them(shop: Session):
    anna = given(shop)
    live(shop, "endless", ends_at=None)
    live(shop, "later", ends_at=NOON + timedelta(days=9))
    live(shop, "sooner", ends_at=NOON + timedelta(days=2))
    live(shop, "mine", conditions=(Condition(Fact.PLAN, one_of=("start",)),))

    assert offered(shop, anna) == ["mine", "sooner", "later", "endless"]


def test_what_has_not_begun_is_over_or_needs_a_code_is_offered_to_nobody(shop: Session):
    anna = given(shop)
    live(shop, "future", starts_at=NOON + timedelta(days=1))
    live(shop, "secret", needs_code=True)
    live(shop, "over", ends_at=NOON + timedelta(hours=1))

    assert offered(shop, anna) == ["over"]
    assert offered(shop, anna, NOON + timedelta(hours=1)) == []
    with pytest.raises(PromotionOver):
        promotions.quote_join(shop, anna, "future", now=NOON)


# --- promo codes -----------------------------------------------------------------------------------------------------


def with_codes(session: Session, code: str = "autumn", **more: object) -> list[str]:
    series_id = promotion_desk.make_series(session, code, "Листовки", now=NOON, **more)
    return [row.code for row in session.exec(select(PromoCode).where(PromoCode.series_id == series_id))]


def quoted_by_code(session: Session, subscriber_id: int, typed: str, now: datetime = NOON) -> Quote:
    answer = promotions.check_promo_code(session, subscriber_id, typed, now=now)
    if answer.refusal:
        raise answer.refusal
    return promotions.quote_join(session, subscriber_id, answer.promotion, promo_code=answer.promo_code, now=now)


@both_engines
def test_a_promo_code_opens_what_is_in_no_list_and_works_once(shop: Session):
    anna, boris = given(shop), given(shop)
    live(shop, "secret", Money(7_000), needs_code=True)
    [code] = with_codes(shop, "secret")

    with pytest.raises(PromoCodeUnknown):
        promotions.quote_join(shop, anna, "secret", now=NOON)
    quotes = [quoted_by_code(shop, one, code.lower()) for one in (anna, boris)]
    confirmed(shop, anna, quotes[0])

    assert money_of(shop, anna) == 7_000
    with pytest.raises(PromoCodeUnknown):
        orders.confirm(shop, boris, quotes[1].id, now=NOON)
    with pytest.raises(PromoCodeUnknown):
        quoted_by_code(shop, boris, code)
    assert_sound(shop)


def test_an_undone_order_gives_the_promo_code_back(shop: Session):
    anna, boris = given(shop), given(shop)
    live(shop, "secret", Money(7_000), needs_code=True)
    [code] = with_codes(shop, "secret")
    order = confirmed(shop, anna, quoted_by_code(shop, anna, code))

    orders.undo(shop, anna, order.id, now=NOON)

    assert isinstance(confirmed(shop, boris, quoted_by_code(shop, boris, code)), Order)
    assert_sound(shop)


def test_a_promo_code_of_another_promotion_does_not_open_this_one(shop: Session):
    anna = given(shop)
    live(shop, "secret", needs_code=True)
    live(shop, "other", needs_code=True)
    [code] = with_codes(shop, "other")

    with pytest.raises(PromoCodeUnknown):
        promotions.quote_join(shop, anna, "secret", promo_code=code, now=NOON)


def test_a_series_that_has_ended_says_when(shop: Session):
    anna = given(shop)
    live(shop)
    with_codes(shop, word="OSEN25", uses_each=1_000, ends_at=moscow(2026, 10, 31, 21))

    with pytest.raises(PromoCodeOver, match=r"OSEN25 закончился 31\.10\.2026"):
        quoted_by_code(shop, anna, "osen25")


@both_engines
def test_guessing_is_stopped_whatever_is_guessed(shop: Session):
    anna, boris = given(shop), given(shop)
    live(shop, "secret", needs_code=True)
    [code] = with_codes(shop, "secret")
    for number in range(10):
        with pytest.raises(PromoCodeUnknown):
            quoted_by_code(shop, anna, f"GUESS{number}")

    with pytest.raises(promotions.TooManyPromoCodes):
        quoted_by_code(shop, anna, code)
    assert quoted_by_code(shop, boris, code).summary.charged_now_kopecks < 0  # others are not stopped
    assert quoted_by_code(shop, anna, code, NOON + timedelta(hours=1)).summary.charged_now_kopecks < 0


def test_random_codes_are_many_different_and_long(shop: Session):
    live(shop)

    codes = with_codes(shop, count=2_000)

    assert len(set(codes)) == 2_000
    assert {len(code) for code in codes} == {12}
    assert not set("".join(codes)) & set("O0I1")
    series = promotion_desk.list_series(shop, "autumn")[0]
    assert (series.codes, series.uses) == (2_000, 0)
    assert sorted(code for code, _, _ in promotion_desk.list_codes(shop, series.id)) == sorted(codes)


def test_a_word_is_a_code_once(shop: Session):
    live(shop)
    with_codes(shop, word="OSEN25", uses_each=3)

    with pytest.raises(CodeTaken):
        promotion_desk.make_series(shop, "autumn", "Ещё", word="osen-25", now=NOON)
    for wrong in ({"word": "??"}, {"count": 0}, {"count": 100_001}, {"uses_each": 0}, {"word": "VESNA", "count": 2}):
        with pytest.raises(TermsWrong):
            promotion_desk.make_series(shop, "autumn", "Ещё", now=NOON, **wrong)


# --- the desk --------------------------------------------------------------------------------------------------------


def test_a_promotion_goes_from_draft_to_its_end(shop: Session):
    def state(at: datetime) -> State:
        return promotion_desk.get(shop, "autumn", now=at).state

    promotion_desk.save(shop, "autumn", terms(starts_at=NOON + timedelta(days=1)), now=NOON)
    assert state(NOON) == State.DRAFT
    promotion_desk.publish(shop, "autumn", now=NOON)
    assert state(NOON) == State.SCHEDULED
    assert state(NOON + timedelta(days=1)) == State.LIVE
    assert state(NOON + timedelta(days=30)) == State.ENDED
    promotion_desk.stop(shop, "autumn", now=NOON)
    assert state(NOON) == State.STOPPED
    with pytest.raises(promotion_desk.NothingToPublish):
        promotion_desk.publish(shop, "autumn", now=NOON)


def test_what_is_saved_is_not_seen_until_it_is_published(shop: Session):
    anna = given(shop)
    live(shop, "autumn", title="Первая")

    assert promotion_desk.save(shop, "autumn", terms(title="Вторая"), now=NOON) == 2
    assert promotion_desk.save(shop, "autumn", terms(title="Вторая"), now=NOON) == 2  # the same is no new version

    assert [offer.terms.title for offer in promotions.list_for(shop, anna, now=NOON).for_me] == ["Первая"]
    promotion_desk.publish(shop, "autumn", now=NOON)
    assert [offer.terms.title for offer in promotions.list_for(shop, anna, now=NOON).for_me] == ["Вторая"]


def test_a_preview_counts_whom_it_is_for_and_shows_what_it_would_do_for_one(shop: Session):
    given(shop, "start"), given(shop, "start"), given(shop, "max")
    only_start = (Condition(Fact.PLAN, one_of=("start",)),)
    starts_at = NOON + timedelta(days=5)
    promotion_desk.save(shop, "autumn", terms(percent(20, 3), conditions=only_start, starts_at=starts_at), now=NOON)

    seen = promotion_desk.preview(shop, "autumn", now=NOON)

    assert (seen.count, seen.subscribers, seen.plan_name) == (2, 3, "Старт")
    assert (seen.summary.next_fee_before.kopecks, seen.summary.next_fee_after.kopecks) == (FEE, 24_000)
    assert promotion_desk.get(shop, "autumn", now=NOON).figures.joined == 0
    with pytest.raises(NotFound):
        promotion_desk.preview(shop, "none", now=NOON)


def test_what_is_over_is_not_published_and_a_discount_is_on_something_there_is(shop: Session):
    promotion_desk.save(shop, "autumn", terms(ends_at=NOON + timedelta(hours=1)), now=NOON)
    with pytest.raises(TermsWrong):
        promotion_desk.publish(shop, "autumn", now=NOON + timedelta(hours=1))
    with pytest.raises(TermsWrong, match="каталоге нет"):
        promotion_desk.save(shop, "winter", terms(percent(10, 1, DiscountOn.OPTION, "nothing")), now=NOON)


def test_the_figures_count_who_saw_joined_and_left_and_what_it_cost(shop: Session):
    anna, boris = (given(shop, since=moscow(2026, 11, 5), money=100_000) for _ in range(2))
    live(shop, "autumn", Money(10_000), percent(20, 3))
    shown = [offer.promotion_id for offer in promotions.list_for(shop, anna, now=NOON).for_me]
    for _ in range(2):
        promotions.mark_shown(shop, anna, shown, now=NOON)
    promotions.mark_shown(shop, boris, shown, now=NOON)
    assert promotions.list_not_shown(shop, anna, shown) == set()
    joined(shop, anna)
    joined(shop, boris)
    confirmed(shop, boris, promotions.quote_leave(shop, boris, "autumn", now=NOON))
    let_pass(shop, anna, moscow(2026, 12, 6))

    figures = promotion_desk.get(shop, "autumn", now=NOON).figures

    assert (figures.shown, figures.joined, figures.left) == (2, 2, 1)
    assert figures.cost_kopecks == 2 * 10_000 + 6_000


@both_engines
def test_a_version_never_changes(shop: Session):
    live(shop)
    for statement in ("UPDATE promotion_version SET version = 9", "DELETE FROM promotion_version"):
        with pytest.raises(DBAPIError, match=r"never changes|insert-only"), shop.begin_nested():
            shop.execute(text(statement))


@pytest.mark.parametrize(
    ("breach", "what"),
    [
        ("UPDATE participation SET gift_kopecks = 9000", "posted otherwise"),
        ("UPDATE participation SET discount_left = 3", "fees 1 had"),
        ("UPDATE discount_use SET off_kopecks = 5999", "took 5999 off 30000"),
        ("UPDATE discount_use SET period_end_at = '2026-12-01'", "is on no fee"),
        ("UPDATE promotion SET joined = 2", "2 places are taken, and 1 have joined"),
        ("UPDATE promo_code SET uses = 0", "was used 0 times"),
    ],
)
def test_the_audit_finds_what_does_not_add_up(shop: Session, breach: str, what: str):
    anna = given(shop, since=moscow(2026, 11, 5), money=100_000)
    live(shop, "autumn", Money(10_000), percent(20, 3))
    [code] = with_codes(shop)
    confirmed(shop, anna, quoted_by_code(shop, anna, code))
    let_pass(shop, anna, moscow(2026, 12, 6))
    assert_sound(shop)

    shop.execute(text(breach))

    assert what in "\n".join(map(str, audit.run_audit(shop).faults))
