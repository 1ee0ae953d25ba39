"""What months would have cost on every combination of settings, against rating every record: equal to the kopeck."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from cabinet.config import ROOT
from cabinet.domain import advice, catalogue
from cabinet.domain.advice import Line, Month, Overage, Package, Priced, every_settings, price
from cabinet.domain.allowances import Allowance, in_drawing_order
from cabinet.domain.catalogue import HOME, ON_NET, Plan
from cabinet.domain.periods import Period, PeriodUnit, period_containing, periods_between
from cabinet.domain.rating import NotRated, Usage, rate
from cabinet.domain.replay import Offer, offer_of, replay

MOSCOW, BERLIN = ZoneInfo("Europe/Moscow"), ZoneInfo("Europe/Berlin")  # clocks are changed in one of them
REGION = "all"
ZONES = {
    HOME: {"name": "Home"},
    ON_NET: {"name": "Own network", "like": HOME},
    "messengers": {"name": "Messengers", "like": HOME},
    "intl": {"name": "Abroad"},
    "intl_kz": {"name": "Kazakhstan", "like": "intl"},
    "roaming": {"name": "Roaming"},
}
DEMO = catalogue.load(ROOT / "cabinet" / "catalogues" / "demo.yaml")


def months_of(first: datetime, number: int, zone: ZoneInfo) -> list[Period]:
    start = period_containing(first, 1, PeriodUnit.MONTH, zone).start
    return list(periods_between(start, start + timedelta(days=31 * number - 15), 1, PeriodUnit.MONTH, zone))


def lived(records: Sequence[advice.Record], periods: Sequence[Period], zone: ZoneInfo) -> list[Month]:
    cuts = advice.cut(records, periods)
    return [Month(period, of_month, zone) for period, of_month in zip(periods, cuts, strict=True)]


def offers_of(plan: Plan, region: str = REGION) -> list[Offer]:
    rates = plan.compile()
    return [offer_of(plan, rates, region, chosen) for chosen in every_settings(plan)]


def brute_force(records: Sequence[advice.Record], periods: Sequence[Period], offer: Offer, zone: ZoneInfo) -> Priced:
    """The months by `replay`, what they are made of by rating every record in fresh periods."""
    usages = [Usage("", kind, direction, line, at, units) for kind, direction, line, units, at in records]
    replayed = {cost.month.start: cost for cost in replay(usages, offer, zone)}
    fees = [sum(1 for _ in periods_between(p.start, p.end, 1, offer.unit, zone)) * offer.fee_kopecks for p in periods]
    totals = tuple(
        replayed[period.start].total_kopecks if period.start in replayed else fee
        for period, fee in zip(periods, fees, strict=True)
    )
    missed, paid, drawn = Counter[Line](), Counter[Line](), Counter[int]()
    number = 0
    for month in periods:
        for period in periods_between(month.start, month.end, 1, offer.unit, zone):
            number += 1
            allowances = in_drawing_order(
                Allowance(n, one.kind, one.amount or 0, one.amount or 0, *_ends(period), one.scope, one.amount is None)
                for n, one in enumerate(offer.grants)
            )
            counters: dict[str, int] = {}
            for usage in (usage for usage in usages if usage.started_at in period):
                try:
                    rated = rate(usage, offer.rates, allowances, counters)
                except NotRated:
                    continue
                for allowance_id, units in rated.draws:
                    drawn[allowance_id] += units
                line = Line(usage.kind, "out" if usage.kind == "data" else usage.direction, rated.rule.zone)
                missed[line] += rated.missed
                paid[line] += rated.charge_kopecks
    return Priced(
        months=totals,
        fees_kopecks=sum(fees),
        overage=tuple(Overage(line, missed[line], paid[line]) for line in missed if missed[line]),
        packages=tuple(
            Package(grant.kind, grant.scope, None if grant.amount is None else grant.amount * number, drawn[n])
            for n, grant in enumerate(offer.grants)
        ),
        unpriced=sum(cost.unpriced for cost in replayed.values()),
    )


def _ends(period: Period) -> tuple[datetime, datetime]:
    return period.start, period.end


def assert_same(priced: Priced, expected: Priced) -> None:
    assert priced.months == expected.months
    assert priced.fees_kopecks == expected.fees_kopecks
    assert priced.unpriced == expected.unpriced
    assert sorted(priced.overage) == sorted(expected.overage)
    assert sorted(priced.packages, key=str) == sorted(expected.packages, key=str)


# any catalogue, any records


ROUNDINGS = {
    "voice": ("exact", "minute", "second after first minute"),
    "sms": ("exact",),
    "data": ("exact", "kilobyte", "megabyte"),
}
# Around the sizes that rounding, blocks and packages have.
QUANTITIES = {
    "voice": (0, 1, 30, 59, 60, 61, 90, 119, 120, 240, 401),
    "sms": (0, 1, 1, 1, 2, 3),
    "data": (0, 1, 700, 1000, 1023, 1024, 1500, 2048, 5_000, 2**20, 2**20 + 1),
}
BLOCKS = {"voice": (1, 7, 30, 60, 60, 600), "sms": (1, 1, 2), "data": (1, 1000, 1024, 500 * 1024, 2**20)}
PACKAGES = {"voice": (0, 60, 90, 300, 600, 1200), "sms": (0, 1, 3, 9), "data": (0, 1, 1024, 5_000, 2**20, 2**22)}


def any_plan(chance: Random) -> Plan:
    """A plan with rates, packages and settings by chance. Mostly one home price, as plans have, sometimes anything."""
    rates = []
    for kind, roundings in ROUNDINGS.items():
        for zone in (HOME, "messengers", "intl", "intl_kz", "roaming"):
            for direction in ("out",) if kind == "data" else ("out", "in"):
                if chance.random() < (0.95 if (zone, direction) == (HOME, "out") else 0.25):
                    rates.append(
                        {
                            "kind": kind,
                            "direction": direction,
                            "zone": zone,
                            "rounding": chance.choice(roundings),
                            "price_kopecks": chance.randrange(500),
                            "block": chance.choice(BLOCKS[kind]),
                            "covered": chance.random() < (0.9 if zone == HOME else 0.3),
                            "summed": chance.random() < 0.5,
                            "free": chance.random() < 0.05,
                        }
                    )
    settings_of_it = [
        {
            "code": code,
            "name": code,
            "default": "0",
            "steps": [
                {"code": f"{n}", "name": "-", "gives": any_grants(chance, 2), "price": chance.randrange(300)}
                for n in range(chance.randint(2, 3))
            ],
        }
        for code in "ab"[: chance.randrange(3)]
    ]
    return Plan.model_validate(
        {
            "code": "any",
            "version": 1,
            "name": "Any",
            "fee": chance.randrange(1000),
            "period": chance.choice(["month", "month", "day"]),
            "allowances": any_grants(chance, 4),
            "settings": settings_of_it,
            "rates": rates,
            "zones": ZONES,
            "on_net_unlimited": chance.random() < 0.3,
            "zero_rated": ["messengers"] if chance.random() < 0.2 else [],
        }
    )


def any_grants(chance: Random, most: int) -> list[dict]:
    kinds = [chance.choice(list(ROUNDINGS)) for _ in range(chance.randint(0, most))]
    return [
        {
            "kind": kind,
            "amount": None if chance.random() < 0.1 else chance.choice(PACKAGES[kind]),
            "scope": chance.choice(list(ZONES)) if chance.random() < 0.3 else "",
        }
        for kind in kinds
    ]


def any_records(chance: Random, start: datetime, days: int) -> list[advice.Record]:
    zones = [*chance.choices([*ZONES, "mars"], k=chance.randint(1, 3)), HOME]
    records = []
    for _ in range(chance.choice([0, 5, 40, 40])):
        kind = chance.choice(list(ROUNDINGS))
        at = start + timedelta(seconds=chance.randrange(days * 86_400))
        direction = chance.choice(["out", "out", "out", "in"])
        records.append((kind, direction, chance.choice(zones), chance.choice(QUANTITIES[kind]), at))
    return sorted(records, key=lambda record: record[4])


@given(st.integers(0, 2**64), st.sampled_from([MOSCOW, BERLIN]))
@settings(max_examples=500, deadline=None)
def test_every_combination_costs_what_rating_every_record_says(seed: int, zone: ZoneInfo):
    chance = Random(seed)
    plan = any_plan(chance)
    periods = months_of(datetime(2026, 10, 15, tzinfo=UTC), 2, zone)
    records = any_records(chance, periods[0].start, (periods[-1].end - periods[0].start).days)
    offers = offers_of(plan)
    one_by_one = []
    real = advice._price_one_by_one

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(advice, "_price_one_by_one", lambda *given: one_by_one.append(given) or real(*given))
        priced = price(lived(records, periods, zone), offers)

    ended = any(one.overage and any(0 < p.drawn == p.granted for p in one.packages) for one in priced)
    event(f"{'some one by one' if one_by_one else 'by sums alone'}, {'a package ended' if ended else 'none ended'}")
    assert len(priced) == len(offers)
    for one, offer in zip(priced, offers, strict=True):
        assert_same(one, brute_force(records, periods, offer, zone))


# the rules, one at a time


def plan_with(rates: Sequence[Mapping], allowances: Sequence[Mapping] = (), **others) -> Plan:
    whole = {"direction": "out", "covered": True, "rounding": "exact"}
    return Plan.model_validate(
        {"code": "any", "version": 1, "name": "Any", "fee": 100, "zones": ZONES, "allowances": list(allowances)}
        | {"rates": [whole | rate for rate in rates]}
        | others
    )


def cost_of(plan: Plan, *used: tuple[str, str, int], is_by_sums: bool) -> Priced:
    """Of one month: (kind, zone, quantity) a minute apart; checked against brute force."""
    periods = months_of(datetime(2026, 10, 15, tzinfo=UTC), 1, MOSCOW)
    start = periods[0].start
    records = [(kind, "out", zone, units, start + timedelta(minutes=n)) for n, (kind, zone, units) in enumerate(used)]
    calls = []
    real = advice._price_one_by_one
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(advice, "_price_one_by_one", lambda *given: calls.append(given) or real(*given))
        (priced,) = price(lived(records, periods, MOSCOW), offers_of(plan))
    assert_same(priced, brute_force(records, periods, offers_of(plan)[0], MOSCOW))
    assert bool(calls) != is_by_sums
    return priced


MINUTES = {"kind": "voice", "zone": HOME, "rounding": "minute", "price_kopecks": 250, "block": 60}
ABROAD = {"kind": "voice", "zone": "intl", "rounding": "minute", "price_kopecks": 4500, "block": 60}


def test_whole_minutes_over_a_package_of_whole_minutes_are_a_sum():
    plan = plan_with([MINUTES], [{"kind": "voice", "amount": 180}])

    priced = cost_of(plan, ("voice", HOME, 61), ("voice", HOME, 119), ("voice", HOME, 10), is_by_sums=True)

    assert priced.months == (100 + 2 * 250,)
    assert priced.overage == (Overage(Line("voice", "out", HOME), 120, 500),)
    assert priced.packages == (Package("voice", "", 180, 180),)


def test_two_prices_on_one_package_that_ends_depend_on_the_order():
    plan = plan_with([MINUTES, ABROAD], [{"kind": "voice", "amount": 60}])

    first = cost_of(plan, ("voice", HOME, 60), ("voice", "intl", 60), is_by_sums=False)
    second = cost_of(plan, ("voice", "intl", 60), ("voice", HOME, 60), is_by_sums=False)

    assert (first.months, second.months) == ((100 + 4500,), (100 + 250,))


def test_two_prices_on_one_package_that_lasts_are_a_sum():
    plan = plan_with([MINUTES, ABROAD], [{"kind": "voice", "amount": 120}])

    assert cost_of(plan, ("voice", HOME, 60), ("voice", "intl", 60), is_by_sums=True).months == (100,)


def test_a_call_that_is_no_whole_number_of_blocks_depends_on_the_order():
    plan = plan_with([MINUTES | {"rounding": "exact"}], [{"kind": "voice", "amount": 60}])

    first = cost_of(plan, ("voice", HOME, 60), ("voice", HOME, 61), is_by_sums=False)
    second = cost_of(plan, ("voice", HOME, 61), ("voice", HOME, 60), is_by_sums=False)

    assert (first.months, second.months) == ((100 + 500,), (100 + 500,))
    assert cost_of(plan, ("voice", HOME, 50), ("voice", HOME, 71), is_by_sums=False).months == (100 + 500,)
    assert cost_of(plan, ("voice", HOME, 20), ("voice", HOME, 100), is_by_sums=False).months == (100 + 250,)


def test_seconds_over_a_package_that_ends_within_a_minute_depend_on_nothing_if_seconds_are_paid():
    rate = MINUTES | {"rounding": "second after first minute", "block": 1, "price_kopecks": 5}
    plan = plan_with([rate], [{"kind": "voice", "amount": 90}])

    assert cost_of(plan, ("voice", HOME, 20), ("voice", HOME, 61), is_by_sums=True).months == (100 + 31 * 5,)


def test_data_paid_by_the_sum_of_the_period_are_a_sum_whatever_ends():
    rate = {"kind": "data", "zone": HOME, "price_kopecks": 3500, "block": 1000, "summed": True}
    plan = plan_with([rate], [{"kind": "data", "amount": 77}])

    priced = cost_of(plan, ("data", HOME, 50), ("data", "messengers", 1026), ("data", HOME, 2), is_by_sums=True)

    assert priced.months == (100 + 2 * 3500,)
    assert priced.overage == (Overage(Line("data", "out", HOME), 1001, 7000),)


def test_a_package_for_some_of_what_another_serves_depends_on_the_order():
    rate = {"kind": "data", "zone": HOME, "price_kopecks": 10, "block": 100, "summed": True}
    grants = [{"kind": "data", "amount": 100}, {"kind": "data", "amount": 100, "scope": "messengers"}]
    plan = plan_with([rate], grants)

    cost_of(plan, ("data", "messengers", 150), ("data", HOME, 90), is_by_sums=False)
    assert cost_of(plan, ("data", HOME, 190), is_by_sums=True).packages[-1] == Package("data", "", 100, 100)


def test_a_package_for_what_no_other_serves_is_a_sum_of_its_own():
    home = {"kind": "data", "zone": HOME, "price_kopecks": 10, "block": 100, "summed": True}
    roaming = home | {"zone": "roaming", "price_kopecks": 900, "covered": False}
    grants = [{"kind": "data", "amount": None}, {"kind": "data", "amount": 100, "scope": "roaming"}]
    plan = plan_with([home, roaming], grants)

    priced = cost_of(plan, ("data", HOME, 10**6), ("data", "roaming", 150), is_by_sums=True)

    assert priced.months == (100 + 900,)
    assert priced.packages == (Package("data", "roaming", 100, 100), Package("data", "", None, 10**6))


def test_one_counter_of_two_prices_depends_on_the_order():
    out = {"kind": "voice", "zone": "roaming", "price_kopecks": 60, "block": 60, "summed": True}
    plan = plan_with([out, out | {"direction": "in", "price_kopecks": 35, "block": 45}])
    periods = months_of(datetime(2026, 10, 15, tzinfo=UTC), 1, MOSCOW)
    at = periods[0].start
    records = [("voice", "out", "roaming", 50, at), ("voice", "in", "roaming", 50, at + timedelta(hours=1))]

    (priced,) = price(lived(records, periods, MOSCOW), offers_of(plan))

    assert_same(priced, brute_force(records, periods, offers_of(plan)[0], MOSCOW))
    assert sum(priced.months) == 100 + 60 + 35


def test_what_has_no_price_is_counted_and_costs_nothing():
    priced = cost_of(plan_with([MINUTES]), ("voice", "mars", 60), ("voice", HOME, 0), is_by_sums=True)

    assert (priced.unpriced, priced.months, priced.overage) == (1, (100,), ())


def test_a_daily_plan_asks_its_fee_and_gives_its_package_every_day_used_or_not():
    plan = plan_with([MINUTES], [{"kind": "voice", "amount": 60}], period="day")
    zone = BERLIN
    periods = months_of(datetime(2026, 10, 15, tzinfo=UTC), 1, zone)  # a day of it has 25 hours
    last_day = datetime(2026, 10, 31, 22, 30, tzinfo=UTC)
    records = [("voice", "out", HOME, 60, periods[0].start), ("voice", "out", HOME, 120, last_day)]

    (priced,) = price(lived(records, periods, zone), offers_of(plan))

    assert priced.months == (31 * 100 + 250,)
    assert priced.packages == (Package("voice", "", 31 * 60, 120),)


def test_a_month_without_records_costs_its_fee():
    assert cost_of(plan_with([MINUTES]), is_by_sums=True).months == (100,)


def test_no_offers_no_prices():
    assert price([], []) == []


def test_every_combination_of_settings_is_met_once():
    chosen = list(every_settings(DEMO.plans["svoboda"]))

    assert len(chosen) == 20
    assert len({tuple(one.items()) for one in chosen}) == 20
    assert list(every_settings(DEMO.plans["legkiy"])) == [{}]
