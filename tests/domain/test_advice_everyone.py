"""The months of whole worlds on every plan and combination of settings: equal to a replay, and by sums alone."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

import pytest

from cabinet.adapters.usage_files.megaline import Megaline
from cabinet.config import ROOT
from cabinet.demo_world import people, usage
from cabinet.domain import advice, catalogue
from cabinet.domain.advice import every_settings, price
from cabinet.domain.periods import Period, PeriodUnit, period_containing, periods_between
from cabinet.domain.rating import Usage
from cabinet.domain.replay import offer_of, replay
from tests.conftest import NOON
from tests.domain.test_advice import DEMO, MOSCOW, lived

MEGALINE = ROOT.parent / "shared" / "data" / "megaline"
PROFILES = {name: value for name, value in vars(usage).items() if isinstance(value, usage.Profile)}


@pytest.fixture(autouse=True)
def _by_sums_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*given):
        raise AssertionError("rated one by one")

    monkeypatch.setattr(advice, "_price_one_by_one", refuse)


def records_of(rows: Iterable) -> list[advice.Record]:
    found = [(row.kind, row.direction, row.zone, row.quantity, row.started_at) for row in rows]
    return sorted(found, key=lambda record: record[4])


def usages_of(records: Iterable[advice.Record]) -> list[Usage]:
    return [Usage("", kind, direction, zone, at, quantity) for kind, direction, zone, quantity, at in records]


def months_with(records: list[advice.Record], zone: ZoneInfo) -> list[Period]:
    """The months that a replay has: those with any record."""
    first = period_containing(records[0][4], 1, PeriodUnit.MONTH, zone).start
    months = list(periods_between(first, records[-1][4] + timedelta(microseconds=1), 1, PeriodUnit.MONTH, zone))
    return [month for month, used in zip(months, advice.cut(records, months), strict=True) if used]


@pytest.mark.parametrize("name", PROFILES)
def test_people_of_the_demo_world(name: str):
    circle = usage.habits(1, people.ANNA, ("79162000001", "79162000002"), far_friend=usage.IN_KAZAKHSTAN)
    since: datetime = NOON - timedelta(days=183)
    rows = usage.usage_between(1, people.ANNA, PROFILES[name], circle, since, NOON, MOSCOW)
    records = records_of(rows)
    usages, months = usages_of(records), months_with(records, MOSCOW)
    compared = 0

    for plan in DEMO.plans.values():
        for region in ("moskva", "samara"):
            if not plan.is_sold_in(region):
                continue
            rates = plan.compile()
            offers = [offer_of(plan, rates, region, chosen) for chosen in every_settings(plan)]
            priced = price(lived(records, months, MOSCOW), offers)
            # Regions differ in fees: the usage is replayed on every combination in one of them, on the first in others.
            checked = len(offers) if region == "moskva" else 1
            for one, offer in zip(priced[:checked], offers[:checked], strict=True):
                replayed = list(replay(usages, offer, MOSCOW))
                assert one.months == tuple(cost.total_kopecks for cost in replayed)
                assert sum(over.kopecks for over in one.overage) == sum(cost.overage_kopecks for cost in replayed)
                assert one.unpriced == 0
                compared += len(months)

    assert compared > 100


@pytest.mark.skipif(not MEGALINE.is_dir(), reason=f"the Megaline set is not beside the project ({MEGALINE})")
def test_every_subscriber_month_of_megaline_on_both_plans():
    source = Megaline(MEGALINE, MOSCOW)
    plans = catalogue.load(source.catalogue_path).plans
    offers = {code: offer_of(plan, plan.compile(), "all") for code, plan in plans.items()}
    rows = sorted(source.rows(), key=lambda row: (row.msisdn, row.started_at))
    compared = dict.fromkeys(plans, 0)

    for _, of_one in groupby(rows, key=lambda row: row.msisdn):
        records = records_of(of_one)
        usages, months = usages_of(records), months_with(records, MOSCOW)
        tallied = lived(records, months, MOSCOW)
        for code, offer in offers.items():
            (priced,) = price(tallied, [offer])
            assert priced.months == tuple(cost.total_kopecks for cost in replay(usages, offer, MOSCOW))
            compared[code] += len(months)

    assert compared == {"surf": 2_293, "ultimate": 2_293}
