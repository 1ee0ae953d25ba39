"""Services and packages: what can be switched on, what it costs, what stops when; their fees."""

from datetime import datetime, timedelta

import pytest
from sqlmodel import Session, select

from cabinet.domain.catalogue import SwitchTime
from cabinet.domain.effects import (
    BundleNotForPlan,
    BundleNotOffered,
    ItemKind,
    OptionAlreadyOn,
    OptionConflicts,
    OptionIncluded,
    OptionNeeded,
    OptionNotOffered,
    OptionNotOn,
    OptionRequires,
    OptionState,
)
from cabinet.domain.errors import NotFound
from cabinet.domain.quotes import DoorKind, PartKind
from cabinet.models.options import OptionFeeCharge, OptionSubscription
from cabinet.models.outbox import OutboxMessage
from cabinet.models.usage import Allowance
from cabinet.services import audit, billing, bundles, option_fees, options, orders, overview, tariffs
from cabinet.services.orders import CannotUndo, Order, Quote, WhyNot
from tests.conftest import NOON, both_engines
from tests.plans import statements_of
from tests.services.test_orders import confirmed, given, left_of, money_of, moscow, pass_time, put, seen, store

CATALOGUE = """
default_region: moscow
regions: {moscow: Москва}
categories: {calls: Звонки, roaming: Роуминг, fun: Подписки}
zones: {home: Домашний регион, roaming: Роуминг}
rates:
  - {kind: voice, price: 2 per min}
  - {kind: data, price: 35 per GB, summed: yes}
  - {kind: data, zone: roaming, price: 15 per MB, covered: no}
plans:
  - {code: start, version: 1, name: Старт, fee: "300", allowances: [500 min, 10 GB]}
  - {code: max, version: 1, name: Максимум, fee: "900", allowances: [1000 min, unlimited GB]}
  - {code: daily, version: 1, name: Посуточный, fee: "10", period: day, allowances: [1 GB]}
options:
  - {code: caller, version: 1, name: Определитель, category: calls, price: free}
  - code: voicemail
    version: 1
    name: Голосовая почта
    description: Сообщения
    category: calls
    price: 49 per month
    included_in: [max]
  - {code: super, version: 1, name: Всё о звонках, category: calls, price: 15 per day, requires: [caller]}
  - code: travel
    version: 1
    name: Поездки
    category: roaming
    price: 290 per day
    conflicts: [silence]
    gives: [{amount: 1 GB, scope: roaming}]
  - {code: silence, version: 1, name: Тишина, category: roaming, price: free}
  - {code: music, version: 1, name: Музыка, category: fun, price: 169 per month, trial_days: 7}
  - {code: turbo, version: 1, name: Скорость, category: fun, price: 150 once}
  - {code: gone, version: 1, name: Прошлое, category: fun, price: 10 per month, archived: yes}
bundles:
  - {code: gb5, version: 1, name: +5 ГБ, gives: 5 GB, price: "120"}
  - {code: gb10, version: 1, name: +10 ГБ, gives: 10 GB, price: "210", lasts_days: 30}
  - {code: monthly, version: 1, name: +10 ГБ каждый месяц, gives: 10 GB, price: "180", recurring: yes}
  - {code: sms50, version: 1, name: +50 SMS, gives: 50 SMS, price: "60"}
  - {code: past, version: 1, name: Прошлый, gives: 1 GB, price: "10", archived: yes}
"""


@pytest.fixture
def shop(session: Session) -> Session:
    store(session, CATALOGUE)
    return session


def switched_on(session: Session, subscriber_id: int, code: str, now: datetime = NOON) -> Order:
    return confirmed(session, subscriber_id, options.quote_on(session, subscriber_id, code, now=now), now)


def bought(session: Session, subscriber_id: int, code: str, now: datetime = NOON) -> Order:
    return confirmed(session, subscriber_id, bundles.quote_bundle(session, subscriber_id, code, now=now), now)


def let_pass(session: Session, subscriber_id: int, moment: datetime) -> None:
    """What the worker does: plans first, services then."""
    pass_time(session, subscriber_id, moment)
    option_fees.charge_until(session, option_fees.list_due(session, moment, 100), moment, now=moment)


def row_of(session: Session, subscriber_id: int, code: str) -> OptionSubscription:
    rows = session.exec(
        select(OptionSubscription)
        .where(OptionSubscription.subscriber_id == subscriber_id, OptionSubscription.code == code)
        .order_by(OptionSubscription.id)
    ).all()
    return rows[-1]


def card_of(session: Session, subscriber_id: int, code: str, now: datetime = NOON) -> options.OptionCard:
    return next(card for card in options.list_options(session, subscriber_id, now=now).cards if card.code == code)


def extra(session: Session, subscriber_id: int, now: datetime = NOON) -> list[bundles.HeldBundle]:
    """Packages that there are beside the plan's."""
    return [one for one in bundles.list_bundles(session, subscriber_id, now=now).left if not one.is_of_plan]


def fees_of(session: Session, subscriber_id: int) -> list[int]:
    """Kopecks of every fee of services, as they were charged."""
    query = (
        select(OptionFeeCharge.amount_kopecks)
        .join(OptionSubscription, OptionSubscription.id == OptionFeeCharge.option_subscription_id)
        .where(OptionSubscription.subscriber_id == subscriber_id)
        .order_by(OptionFeeCharge.period_start_at, OptionFeeCharge.id)
    )
    return list(session.exec(query))


# --- switching on ----------------------------------------------------------------------------------------------------


@both_engines
def test_a_monthly_service_is_paid_now_and_then_on_its_own_day(shop: Session):
    anna = given(shop, since=moscow(2026, 11, 5), money=50_000)

    quote = options.quote_on(shop, anna, "voicemail", now=NOON)
    confirmed(shop, anna, quote)
    shown = quote.summary

    assert shown.charged_now_kopecks == 4_900
    assert (shown.next_fee_after.at, shown.next_fee_after.kopecks) == (moscow(2026, 12, 23), 4_900)
    assert (shown.services_before_kopecks, shown.services_after_kopecks) == (0, 4_900)
    assert money_of(shop, anna) == 45_100
    let_pass(shop, anna, moscow(2026, 12, 23))
    let_pass(shop, anna, moscow(2026, 12, 23))
    assert money_of(shop, anna) == 45_100 - 30_000 - 4_900  # the plan's fee on the 5th, its own once on the 23rd
    assert audit.run_audit(shop).is_sound


def test_a_service_switched_on_on_the_31st_is_charged_on_the_last_day_of_short_months(shop: Session):
    anna = given(shop, since=moscow(2027, 1, 31), money=500_000)
    switched_on(shop, anna, "voicemail", moscow(2027, 1, 31, 12))

    ends = [row_of(shop, anna, "voicemail").next_fee_at]
    for _ in range(3):
        let_pass(shop, anna, ends[-1])
        ends.append(row_of(shop, anna, "voicemail").next_fee_at)

    assert ends == [moscow(2027, 2, 28), moscow(2027, 3, 31), moscow(2027, 4, 30), moscow(2027, 5, 31)]


def test_a_daily_service_is_charged_every_midnight_once(shop: Session):
    anna = given(shop, money=200_000)
    switched_on(shop, anna, "travel", NOON)

    let_pass(shop, anna, moscow(2026, 11, 26, 5))  # three midnights at once, as after a stop
    let_pass(shop, anna, moscow(2026, 11, 26, 6))

    assert fees_of(shop, anna) == [29_000] * 3
    assert money_of(shop, anna) == 200_000 - 4 * 29_000
    assert ("data", 2**30) in left_of(shop, anna, moscow(2026, 11, 26, 6))  # a GB of each day


def test_a_free_service_is_on_at_once_and_can_be_taken_back(shop: Session):
    anna = given(shop)
    before = seen(shop, anna)

    order = options.switch_on_free(shop, anna, "caller", now=NOON)

    assert isinstance(order, Order)
    assert card_of(shop, anna, "caller").is_on
    orders.undo(shop, anna, order.id, now=NOON)
    assert seen(shop, anna) == before


def test_a_paid_one_is_never_switched_on_without_a_yes(shop: Session):
    anna = given(shop, money=50_000)

    assert isinstance(options.switch_on_free(shop, anna, "voicemail", now=NOON), Quote)
    assert isinstance(options.switch_on_free(shop, anna, "music", now=NOON), Quote)  # a trial
    assert seen(shop, anna).held_options == ()


def test_a_service_paid_once_lasts_to_the_end_of_the_plans_period(shop: Session):
    anna = given(shop, money=50_000)
    switched_on(shop, anna, "turbo")

    with pytest.raises(OptionAlreadyOn):
        options.quote_on(shop, anna, "turbo", now=NOON)
    assert card_of(shop, anna, "turbo").ends_at == moscow(2026, 12, 23)
    assert not card_of(shop, anna, "turbo", moscow(2026, 12, 23)).is_on
    assert money_of(shop, anna) == 35_000


@pytest.mark.parametrize(
    ("code", "refusal"),
    [("gone", OptionNotOffered), ("super", OptionRequires), ("travel", OptionConflicts), ("nothing", NotFound)],
)
def test_what_cannot_be_switched_on_says_why(shop: Session, code: str, refusal: type[Exception]):
    anna = given(shop, money=500_000)
    switched_on(shop, anna, "silence")

    with pytest.raises(refusal):
        options.quote_on(shop, anna, code, now=NOON)


def test_the_list_explains_it_before_the_click(shop: Session):
    anna = given(shop, "max", money=500_000)
    switched_on(shop, anna, "silence")

    cards = {card.code: card for card in options.list_options(shop, anna, now=NOON).cards}

    assert [one.name for one in cards["super"].missing] == ["Определитель"]
    assert [one.name for one in cards["travel"].against] == ["Тишина"]
    assert (cards["voicemail"].is_included, cards["voicemail"].price_kopecks) == (True, 0)
    assert cards["music"].trial_days == 7
    assert "gone" not in cards
    with pytest.raises(OptionIncluded):
        options.quote_on(shop, anna, "voicemail", now=NOON)


def test_two_that_cannot_be_together_in_two_tabs(shop: Session):
    anna = given(shop, money=500_000)
    one, other = (options.quote_on(shop, anna, code, now=NOON) for code in ("travel", "silence"))
    confirmed(shop, anna, one)

    with pytest.raises(OptionConflicts) as refusal:
        orders.confirm(shop, anna, other.id, now=NOON)

    assert refusal.value.facts["codes"] == ["travel"]


def test_a_service_twice_is_once(shop: Session):
    anna = given(shop, money=500_000)
    first, second = (options.quote_on(shop, anna, "voicemail", now=NOON) for _ in range(2))
    confirmed(shop, anna, first)

    with pytest.raises(OptionAlreadyOn):
        orders.confirm(shop, anna, second.id, now=NOON)
    assert money_of(shop, anna) == 500_000 - 4_900


def test_words_and_categories_find_services(shop: Session):
    anna = given(shop)

    def found(**asked: str) -> list[str]:
        return [card.code for card in options.list_options(shop, anna, now=NOON, **asked).cards]

    assert found(search="сообщ") == ["voicemail"]
    assert found(search="ПОДПИСКИ муз") == ["music"]
    assert found(category="roaming") == ["travel", "silence"]
    assert found(search="нет такого") == []
    assert [one.name for one in options.list_options(shop, anna, search="x", now=NOON).categories] == [
        "Звонки",
        "Роуминг",
        "Подписки",
    ]


# --- switching off ---------------------------------------------------------------------------------------------------


def test_switched_off_it_works_as_long_as_it_is_paid_and_costs_no_more(shop: Session):
    anna = given(shop, money=500_000)
    switched_on(shop, anna, "voicemail")

    order = options.switch_off(shop, anna, "voicemail", now=NOON + timedelta(days=1))

    assert [(part.what, part.at) for part in order.summary.losses] == [(PartKind.OPTION, moscow(2026, 12, 23))]
    assert card_of(shop, anna, "voicemail", moscow(2026, 12, 22)).ends_at == moscow(2026, 12, 23)
    let_pass(shop, anna, moscow(2026, 12, 24))
    assert not card_of(shop, anna, "voicemail", moscow(2026, 12, 24)).is_on
    assert fees_of(shop, anna) == []


def test_before_it_ends_it_goes_on_for_nothing(shop: Session):
    anna = given(shop, money=500_000)
    switched_on(shop, anna, "voicemail")
    options.switch_off(shop, anna, "voicemail", now=NOON)

    quote = options.quote_on(shop, anna, "voicemail", now=NOON + timedelta(days=2))
    confirmed(shop, anna, quote, NOON + timedelta(days=2))

    assert quote.summary.charged_now_kopecks == 0
    assert quote.summary.next_fee_after.at == moscow(2026, 12, 23)
    let_pass(shop, anna, moscow(2026, 12, 23))
    assert fees_of(shop, anna) == [4_900]


def test_switching_off_can_be_taken_back(shop: Session):
    anna = given(shop, money=500_000)
    switched_on(shop, anna, "voicemail")
    before = seen(shop, anna)
    order = options.switch_off(shop, anna, "voicemail", now=NOON)

    orders.undo(shop, anna, order.id, now=NOON)

    assert seen(shop, anna) == before


def test_what_others_need_is_not_switched_off(shop: Session):
    anna = given(shop, money=500_000)
    switched_on(shop, anna, "caller")
    switched_on(shop, anna, "super")

    with pytest.raises(OptionNeeded):
        options.switch_off(shop, anna, "caller", now=NOON)
    with pytest.raises(OptionNotOn):
        options.switch_off(shop, anna, "music", now=NOON)
    assert [one.code for one in card_of(shop, anna, "caller").needed_by] == ["super"]


def test_undo_does_not_leave_two_that_cannot_be_together(shop: Session):
    anna = given(shop, money=500_000)
    switched_on(shop, anna, "silence")
    off = options.switch_off(shop, anna, "silence", now=NOON)
    switched_on(shop, anna, "travel")

    with pytest.raises(CannotUndo) as refusal:
        orders.undo(shop, anna, off.id, now=NOON)

    assert refusal.value.why == WhyNot.CHANGED


def test_undo_does_not_take_away_what_another_needs(shop: Session):
    anna = given(shop, money=500_000)
    first = switched_on(shop, anna, "caller")
    switched_on(shop, anna, "super")

    with pytest.raises(CannotUndo):
        orders.undo(shop, anna, first.id, now=NOON)


# --- trials ----------------------------------------------------------------------------------------------------------


def test_a_trial_ends_by_itself_without_a_yes(shop: Session):
    anna = given(shop, money=500_000)
    quote = options.quote_on(shop, anna, "music", now=NOON)
    confirmed(shop, anna, quote)

    assert quote.summary.charged_now_kopecks == 0
    assert quote.summary.trial_until == moscow(2026, 12, 1)  # seven days and the rest of the first
    assert [door.what for door in quote.summary.doors] == [DoorKind.TRIAL]
    let_pass(shop, anna, moscow(2026, 12, 1))
    assert not card_of(shop, anna, "music", moscow(2026, 12, 1)).is_on
    assert money_of(shop, anna) == 500_000
    assert card_of(shop, anna, "music", moscow(2026, 12, 1)).trial_days == 0  # it was the only one


def test_a_trial_asks_once_and_becomes_paid_after_a_yes(shop: Session):
    anna = given(shop, money=500_000)
    switched_on(shop, anna, "music")
    now = moscow(2026, 11, 29, 1)

    assert option_fees.ask_about_trials(shop, moscow(2026, 11, 28), 10) == 0
    assert option_fees.ask_about_trials(shop, now, 10) == 1
    assert option_fees.ask_about_trials(shop, now, 10) == 0
    body = shop.exec(select(OutboxMessage.body).where(OutboxMessage.kind == "trial")).one()
    assert "«Музыка» закончится 01.12" in body
    assert "169 ₽ в месяц" in body
    assert card_of(shop, anna, "music", now).has_to_answer
    quote = options.quote_keep(shop, anna, "music", now=now)
    confirmed(shop, anna, quote, now)
    let_pass(shop, anna, moscow(2026, 12, 1))

    assert (quote.summary.next_fee_after.at, quote.summary.next_fee_after.kopecks) == (moscow(2026, 12, 1), 16_900)
    assert fees_of(shop, anna) == [16_900]
    assert row_of(shop, anna, "music").next_fee_at == moscow(2027, 1, 1)


def test_a_trial_that_was_taken_back_was_not_had(shop: Session):
    anna = given(shop, money=500_000)
    order = switched_on(shop, anna, "music")

    orders.undo(shop, anna, order.id, now=NOON)

    assert card_of(shop, anna, "music").trial_days == 7


# --- fees ------------------------------------------------------------------------------------------------------------


def test_without_money_a_service_is_suspended_and_money_brings_it_back(shop: Session):
    anna = given(shop, money=4_900)
    switched_on(shop, anna, "voicemail")
    put(shop, anna, 30_000)  # for the plan alone
    let_pass(shop, anna, moscow(2026, 12, 23))

    assert row_of(shop, anna, "voicemail").state == OptionState.SUSPENDED
    assert option_fees.list_due(shop, moscow(2026, 12, 24), 10) == []
    billing.record_payment(
        shop, anna, 10_000, reference="p", happened_at=moscow(2026, 12, 30), now=moscow(2026, 12, 30), source="test"
    )
    row = row_of(shop, anna, "voicemail")
    assert (row.state, row.next_fee_at) == (OptionState.ACTIVE, moscow(2027, 1, 23))
    assert money_of(shop, anna) == 10_000 - 4_900


def test_what_the_plan_includes_costs_nothing_while_it_does(shop: Session):
    anna = given(shop, money=500_000)
    switched_on(shop, anna, "voicemail")

    quote = tariffs.quote_switch(shop, anna, "max", when=SwitchTime.NOW, now=NOON)
    confirmed(shop, anna, quote)
    let_pass(shop, anna, moscow(2026, 12, 23))

    free = next(part for part in quote.summary.gains if part.what == PartKind.OPTION_FREE)
    assert (free.name, free.kopecks) == ("Голосовая почта", 4_900)
    assert fees_of(shop, anna) == [0]
    back = tariffs.quote_switch(shop, anna, "start", now=moscow(2026, 12, 24))
    assert [part.name for part in back.summary.losses if part.what == PartKind.OPTION_PAID] == ["Голосовая почта"]


def test_the_total_counts_what_goes_on(shop: Session):
    anna = given(shop, money=500_000)
    for code in ("voicemail", "travel", "music"):
        switched_on(shop, anna, code)
    bought(shop, anna, "monthly")
    listed = options.list_options(shop, anna, now=NOON)

    assert listed.monthly_kopecks == 4_900 + 30 * 29_000 + 18_000
    assert (listed.next_fee.at, listed.next_fee.kopecks) == (moscow(2026, 11, 24), 29_000)


# --- packages --------------------------------------------------------------------------------------------------------


@both_engines
def test_a_package_is_paid_and_usable_at_once(shop: Session):
    anna = given(shop, money=50_000)

    quote = bundles.quote_bundle(shop, anna, "gb5", now=NOON)
    confirmed(shop, anna, quote)

    assert quote.summary.charged_now_kopecks == 12_000
    assert [(part.amount, part.at) for part in quote.summary.gains] == [(5 * 2**30, moscow(2026, 12, 23))]
    (held,) = extra(shop, anna)
    assert (held.name, held.remaining, held.valid_until) == ("+5 ГБ", 5 * 2**30, moscow(2026, 12, 23))
    assert money_of(shop, anna) == 38_000
    assert audit.run_audit(shop).is_sound


def test_a_package_for_days_lasts_them_and_the_rest_of_the_first(shop: Session):
    anna = given(shop, money=50_000)

    quote = bundles.quote_bundle(shop, anna, "gb10", now=NOON)

    assert quote.summary.gains[0].at == moscow(2026, 12, 24)
    assert bundles.list_bundles(shop, anna, now=NOON).cards[1].until == moscow(2026, 12, 24)


def test_the_same_package_may_be_bought_again(shop: Session):
    anna = given(shop, money=50_000)
    bought(shop, anna, "gb5")
    bought(shop, anna, "gb5")

    assert money_of(shop, anna) == 26_000
    assert len(extra(shop, anna)) == 2


def test_a_monthly_package_comes_again_on_its_day_until_it_is_stopped(shop: Session):
    anna = given(shop, money=500_000)
    bought(shop, anna, "monthly")
    with pytest.raises(OptionAlreadyOn):
        bundles.quote_bundle(shop, anna, "monthly", now=NOON)

    let_pass(shop, anna, moscow(2026, 12, 23))
    (held,) = extra(shop, anna, moscow(2026, 12, 23))
    stopped = bundles.switch_off(shop, anna, "monthly", now=moscow(2026, 12, 24))
    let_pass(shop, anna, moscow(2027, 1, 23))

    assert (held.remaining, held.valid_until) == (10 * 2**30, moscow(2027, 1, 23))
    assert stopped.summary.losses[0].at == moscow(2027, 1, 23)
    assert fees_of(shop, anna) == [18_000]
    assert extra(shop, anna, moscow(2027, 1, 23)) == []
    assert audit.run_audit(shop).is_sound


def test_a_package_begun_is_not_taken_back(shop: Session):
    anna = given(shop, money=50_000)
    order = bought(shop, anna, "gb5")
    shop.exec(select(Allowance).where(Allowance.source == "bundle")).one().remaining -= 1

    with pytest.raises(CannotUndo) as refusal:
        orders.undo(shop, anna, order.id, now=NOON)

    assert refusal.value.why == WhyNot.USED
    assert money_of(shop, anna) == 38_000


@pytest.mark.parametrize("code", ["gb5", "gb10", "monthly"])
def test_an_untouched_package_is_taken_back(shop: Session, code: str):
    anna = given(shop, money=50_000)
    before = seen(shop, anna)
    order = bought(shop, anna, code)

    orders.undo(shop, anna, order.id, now=NOON + timedelta(hours=20))

    assert seen(shop, anna) == before


def test_packages_that_help_nobody_are_not_sold(shop: Session):
    anna, boris = given(shop, money=50_000), given(shop, "max", money=50_000)

    with pytest.raises(BundleNotForPlan):
        bundles.quote_bundle(shop, anna, "sms50", now=NOON)
    with pytest.raises(BundleNotOffered):
        bundles.quote_bundle(shop, anna, "past", now=NOON)
    assert [card.code for card in bundles.list_bundles(shop, anna, now=NOON).cards] == ["gb5", "gb10", "monthly"]
    assert all(card.is_needless for card in bundles.list_bundles(shop, boris, now=NOON).cards)


def test_a_package_has_no_business_with_a_service_of_its_code(shop: Session):
    anna = given(shop, money=50_000)
    bought(shop, anna, "monthly")

    assert seen(shop, anna).option(ItemKind.OPTION, "monthly") is None
    with pytest.raises(OptionNotOn):
        options.switch_off(shop, anna, "monthly", now=NOON)


def test_the_dashboard_minds_a_trial_that_ends_soon_and_what_is_not_paid(shop: Session):
    anna = given(shop, since=moscow(2026, 11, 5), money=5_000)
    switched_on(shop, anna, "music")
    switched_on(shop, anna, "voicemail")

    def minded(now: datetime) -> list[tuple[str, bool]]:
        return [(one.name, one.trial_until is not None) for one in overview.get_overview(shop, anna, now=now).options]

    assert minded(NOON) == []
    assert minded(NOON + timedelta(days=5)) == [("Музыка", True)]
    let_pass(shop, anna, moscow(2026, 12, 24))
    assert [name for name, is_trial in minded(moscow(2026, 12, 24)) if not is_trial] == ["Голосовая почта"]


# --- what it costs ----------------------------------------------------------------------------------------------------


def test_switching_on_and_off_all_day_does_not_make_an_order_dearer(shop: Session):
    anna = given(shop, money=0)

    def on_and_off() -> tuple[int, int]:
        on = statements_of(shop, lambda: options.switch_on_free(shop, anna, "silence", now=NOON))
        off = statements_of(shop, lambda: options.switch_off(shop, anna, "silence", now=NOON))
        return len(on), len(off)

    on_and_off()  # the catalogue is read once a process
    first = on_and_off()
    for _ in range(5):
        assert on_and_off() == first
    assert max(first) <= 24


def test_a_quote_and_its_order_ask_a_few_statements(shop: Session):
    anna = given(shop, money=100_000)
    options.quote_on(shop, anna, "music", now=NOON)  # the catalogue is read once a process
    quotes = []

    asking = statements_of(shop, lambda: quotes.append(options.quote_on(shop, anna, "turbo", now=NOON)))
    confirming = statements_of(shop, lambda: orders.confirm(shop, anna, quotes[0].id, now=NOON))

    assert len(asking) <= 16
    assert len(confirming) <= 36
