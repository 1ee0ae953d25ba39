import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabinet.domain.allowances import Allowance, in_drawing_order
from cabinet.domain.catalogue import parse
from cabinet.domain.rating import NotRated, Reason, Usage, explain, rate, recompute_amount

GB = 2**30
NOON = datetime(2026, 11, 23, 9, tzinfo=UTC)
NEXT_MONTH = datetime(2026, 12, 1, tzinfo=UTC)

FILE = """
default_region: all
regions: {all: Everywhere}
zones:
  home: Home
  on_net: {name: Own network, like: home}
  landline: {name: Landline, like: home}
  messengers: {name: Messengers, like: home}
  intl: Abroad
  intl_kz: {name: Kazakhstan, like: intl}
  roaming: Roaming
rates:
  - {kind: voice, price: 2.50 per min, rounding: minute}
  - {kind: sms, price: 3 per SMS}
  - {kind: data, price: 35 per GB, rounding: exact, summed: yes}
  - {kind: voice, zone: intl, price: 45 per min, covered: no}
  - {kind: voice, zone: intl_kz, price: 10 per min, covered: no}
  - {kind: voice, zone: roaming, direction: in, price: 35 per min, covered: no}
plans:
  - {code: plain, version: 3, name: Plain, fee: 0}
  - {code: generous, version: 1, name: Generous, fee: 0, on_net_unlimited: yes, zero_rated: [messengers]}
  - code: seconds
    version: 1
    name: Seconds
    fee: 0
    rates:
      - {kind: voice, price: 0.05 per s, rounding: second after first minute}
      - {kind: sms, price: free}
      - {kind: data, price: 2 per MB, rounding: kilobyte}
"""
PLANS = {code: plan.compile() for code, plan in parse(FILE, "test.yaml").plans.items()}
PLAIN, GENEROUS, SECONDS = PLANS["plain"], PLANS["generous"], PLANS["seconds"]


def call(seconds, *, zone="home", direction="out", at=NOON):
    return Usage("call", "voice", direction, zone, at, seconds)


def session(size, *, zone="home", direction="out"):
    return Usage("session", "data", direction, zone, NOON, size)


def message(count=1, *, direction="out"):
    return Usage("message", "sms", direction, "home", NOON, count)


def package(kind, amount, *, id=1, scope="", is_unlimited=False):
    return Allowance(id, kind, amount, amount, NOON - timedelta(days=1), NEXT_MONTH, scope, is_unlimited)


# rounding


@pytest.mark.parametrize(("seconds", "minutes"), [(1, 1), (59, 1), (60, 1), (61, 2), (401, 7)])
def test_a_call_is_rounded_up_to_a_minute(seconds, minutes):
    rated = rate(call(seconds), PLAIN, [], {})

    assert (rated.billed, rated.blocks, rated.charge_kopecks) == (minutes * 60, minutes, minutes * 250)


@pytest.mark.parametrize(("seconds", "billed"), [(1, 60), (60, 60), (61, 61), (401, 401)])
def test_after_the_first_minute_seconds_are_counted(seconds, billed):
    rated = rate(call(seconds), SECONDS, [], {})

    assert (rated.billed, rated.charge_kopecks) == (billed, billed * 5)


@pytest.mark.parametrize(("size", "kilobytes"), [(1, 1), (1024, 1), (1025, 2)])
def test_a_session_is_rounded_up_to_a_kilobyte(size, kilobytes):
    assert rate(session(size), SECONDS, [], {}).billed == kilobytes * 1024


def test_a_session_paid_by_itself_is_rounded_up_to_its_block():
    assert rate(session(2**20 + 1), SECONDS, [], {}).charge_kopecks == 2 * 200


# data summed over the period


def test_sessions_are_summed_and_the_sum_is_rounded_up_to_a_gigabyte():
    counters = {}
    charges = [rate(session(size), PLAIN, [], counters).charge_kopecks for size in (GB // 2, GB // 2, 1, GB)]

    assert charges == [3_500, 0, 3_500, 3_500]
    assert counters == {"data:home": 2 * GB + 1}


def test_a_session_inside_a_paid_block_says_so():
    rated = rate(session(1), PLAIN, [], {"data:home": 5})

    assert (rated.reason, rated.charge_kopecks) == (Reason.WITHIN_BLOCK, 0)
    assert (rated.counter_before, rated.counter_after) == (5, 6)


def test_only_what_the_package_missed_is_summed():
    rated = rate(session(GB), PLAIN, [package("data", GB - 1)], counters := {})

    assert (rated.missed, rated.charge_kopecks, counters) == (1, 3_500, {"data:home": 1})


def test_traffic_of_one_price_is_one_sum():
    rate(session(1, zone="messengers"), PLAIN, [], counters := {})
    rate(session(1, direction="in"), PLAIN, [], counters)

    assert counters == {"data:home": 2}


# allowances


def test_what_the_package_covers_costs_nothing():
    minutes = package("voice", 500 * 60)
    rated = rate(call(401), PLAIN, [minutes], {})

    assert (rated.draws, rated.missed, rated.charge_kopecks) == ([(1, 420)], 0, 0)
    assert rated.reason == Reason.ALLOWANCE
    assert minutes.remaining == 500 * 60 - 420


def test_the_part_over_the_package_is_paid_by_whole_minutes():
    # 7 minutes; 90 seconds are left, so 330 seconds are paid: 6 minutes at 2.50
    rated = rate(call(401), PLAIN, [package("voice", 90)], {})

    assert (rated.draws, rated.missed, rated.blocks) == ([(1, 90)], 330, 6)
    assert (rated.charge_kopecks, rated.reason) == (1_500, Reason.PARTLY)


def test_an_unlimited_package_covers_everything():
    rated = rate(session(10**15), PLAIN, [package("data", 0, is_unlimited=True)], counters := {})

    assert (rated.charge_kopecks, rated.reason, counters) == (0, Reason.ALLOWANCE, {})


def test_a_package_of_next_month_does_not_cover_this_one():
    minutes = package("voice", 600)
    minutes.valid_from = NOON + timedelta(seconds=1)

    assert rate(call(60), PLAIN, [minutes], {}).reason == Reason.OVER


# zones


def test_a_call_to_kazakhstan_has_its_own_price_and_leaves_the_package_alone():
    minutes = package("voice", 30_000)
    rated = rate(call(401, zone="intl_kz"), PLAIN, [minutes], {})

    assert (rated.blocks, rated.charge_kopecks) == (7, 7_000)
    assert (rated.reason, minutes.remaining) == (Reason.NOT_COVERED, 30_000)


def test_a_package_for_abroad_serves_a_country_abroad():
    rated = rate(call(60, zone="intl_kz"), PLAIN, [package("voice", 600, scope="intl")], {})

    assert (rated.draws, rated.charge_kopecks) == ([(1, 60)], 0)


def test_a_landline_is_rated_like_home():
    rated = rate(call(60, zone="landline"), PLAIN, [package("voice", 600)], {})

    assert (rated.rule.zone, rated.draws) == ("home", [(1, 60)])


def test_calls_within_the_network_may_be_unlimited():
    minutes = package("voice", 600)
    rated = rate(call(61, zone="on_net"), GENEROUS, [minutes], {})

    assert (rated.billed, rated.charge_kopecks, rated.reason) == (120, 0, Reason.ON_NET)
    assert minutes.remaining == 600


def test_calls_within_the_network_are_ordinary_unless_the_plan_says_otherwise():
    assert rate(call(61, zone="on_net"), PLAIN, [], {}).charge_kopecks == 500


def test_zero_rated_traffic_touches_neither_package_nor_counter():
    data = package("data", GB)
    rated = rate(session(5 * GB, zone="messengers"), GENEROUS, [data], counters := {})

    assert (rated.charge_kopecks, rated.reason) == (0, Reason.ZERO_RATED)
    assert (data.remaining, counters) == (GB, {})


@pytest.mark.parametrize("usage", [call(600, direction="in"), message(direction="in")])
def test_incoming_is_free(usage):
    rated = rate(usage, PLAIN, [package(usage.kind, 600)], {})

    assert (rated.draws, rated.charge_kopecks, rated.reason) == ([], 0, Reason.INCOMING_FREE)


def test_incoming_may_have_a_price_abroad():
    assert rate(call(61, zone="roaming", direction="in"), PLAIN, [], {}).charge_kopecks == 2 * 3_500


def test_a_price_may_be_nothing():
    assert rate(message(5), SECONDS, [], {}).reason == Reason.FREE


def test_each_message_over_the_package_is_paid():
    rated = rate(message(5), PLAIN, [package("sms", 2)], {})

    assert (rated.missed, rated.charge_kopecks) == (3, 900)


# what is no usage


@pytest.mark.parametrize("usage", [call(0), call(0, zone="intl_kz"), session(0), message(0)])
def test_a_missed_call_costs_nothing(usage):
    rated = rate(usage, PLAIN, [package(usage.kind, 600)], counters := {})

    assert (rated.billed, rated.draws, rated.charge_kopecks, counters) == (0, [], 0, {})
    assert rated.reason == Reason.NOTHING_USED


@pytest.mark.parametrize(
    "usage",
    [
        call(60, zone="intl_xx"),
        session(1, zone="intl_kz"),
        call(60, zone="roaming"),
        Usage("x", "fax", "out", "home", NOON, 1),
    ],
)
def test_usage_without_a_price_is_refused_and_not_free(usage):
    with pytest.raises(NotRated, match="plain версии 3"):
        rate(usage, PLAIN, [], {})


def test_a_negative_quantity_is_refused_before_anything_changes():
    minutes = package("voice", 600)

    with pytest.raises(ValueError, match="negative"):
        rate(call(-60), PLAIN, [minutes], {})

    assert minutes.remaining == 600


# explanations


def test_an_explanation_is_enough_to_check_the_amount_by_hand():
    usage = call(401)
    explanation = explain(usage, PLAIN, rate(usage, PLAIN, [package("voice", 90, id=17)], {}))

    assert explanation == {
        "plan": "plain",
        "plan_version": 3,
        "kind": "voice",
        "direction": "out",
        "zone": "home",
        "rated_as": "home",
        "quantity": 401,
        "rounding": "minute",
        "billed": 420,
        "draws": [[17, 90]],
        "missed": 330,
        "block": 60,
        "price_kopecks": 250,
        "blocks": 6,
        "counter": None,
        "counter_before": None,
        "counter_after": None,
        "reason": "partly covered",
    }
    assert recompute_amount(explanation) == 1_500


def test_a_forged_result_does_not_change_the_amount():
    usage = call(401)
    explanation = explain(usage, PLAIN, rate(usage, PLAIN, [], {}))

    assert recompute_amount({**explanation, "billed": 60, "missed": 60, "blocks": 1}) == 7 * 250


# properties

usages = st.one_of(
    st.builds(
        call,
        st.integers(0, 7200),
        zone=st.sampled_from(["home", "on_net", "landline", "intl", "intl_kz"]),
        direction=st.sampled_from(["out", "in"]),
    ),
    st.builds(session, st.integers(0, 3 * GB), zone=st.sampled_from(["home", "messengers"])),
    st.builds(message, st.integers(0, 9), direction=st.sampled_from(["out", "in"])),
)
packages = st.lists(
    st.one_of(
        st.tuples(st.just("voice"), st.integers(0, 9_000), st.sampled_from(["", "intl", "on_net"])),
        st.tuples(st.just("data"), st.integers(0, 4 * GB), st.sampled_from(["", "messengers"])),
        st.tuples(st.just("sms"), st.integers(0, 20), st.just("")),
    ),
    max_size=5,
).map(
    lambda made: in_drawing_order(
        package(kind, amount, id=id, scope=scope) for id, (kind, amount, scope) in enumerate(made, 1)
    )
)
plans = st.sampled_from(list(PLANS.values()))


@given(plans, packages, st.lists(usages, max_size=12))
def test_every_record_adds_up_and_can_be_computed_again(rates, allowances, records):
    counters = {}
    granted = sum(allowance.remaining for allowance in allowances)
    drawn = 0
    for usage in records:
        rated = rate(usage, rates, allowances, counters)
        taken = sum(units for _, units in rated.draws)
        drawn += taken
        explanation = json.loads(json.dumps(explain(usage, rates, rated)))

        assert recompute_amount(explanation) == rated.charge_kopecks >= 0
        assert rated.billed >= usage.quantity
        assert type(rated.charge_kopecks) is int
        if rated.rule.free is None:
            assert taken + rated.missed == rated.billed
        else:
            assert taken == rated.missed == 0
    assert granted - drawn == sum(allowance.remaining for allowance in allowances)
    assert all(allowance.remaining >= 0 for allowance in allowances)


@given(st.integers(0, 4 * GB), st.lists(st.integers(0, 2 * GB), max_size=12), st.randoms())
def test_the_charges_of_a_period_are_the_charge_of_its_sum_in_any_order(allowance, sizes, random):
    random.shuffle(sizes)
    counters, data = {}, [package("data", allowance)]

    charges = [rate(session(size), PLAIN, data, counters).charge_kopecks for size in sizes]

    over = max(0, sum(sizes) - allowance)
    assert sum(charges) == -(-over // GB) * 3_500


@given(st.integers(0, 100), st.lists(st.integers(1, 3600), max_size=12), st.randoms())
def test_whole_minutes_cost_the_same_in_any_order(minutes, calls, random):
    random.shuffle(calls)
    allowance = [package("voice", minutes * 60)]

    charges = [rate(call(seconds), PLAIN, allowance, {}).charge_kopecks for seconds in calls]

    assert sum(charges) == max(0, sum(-(-seconds // 60) for seconds in calls) - minutes) * 250


@given(st.integers(1, 7200), st.integers(1, 7200))
def test_a_longer_call_never_costs_less(one, other):
    short, long = sorted((one, other))
    price = {seconds: rate(call(seconds), SECONDS, [], {}).charge_kopecks for seconds in (short, long)}

    assert price[short] <= price[long]
