"""The advice for a heavy user, on both engines: `python -m benchmarks.advisor`.

20 000 records of six months lie scattered among a million of others, as where an operator imports day by day. "New" is
an advice that nothing is kept for; "kept" is the same again. The pricing alone has no database in it.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from benchmarks.expenses import END, ENGINES, START, database, make_base, reading
from benchmarks.report import Budget, Table, figure, middle, p95
from cabinet import clock, db
from cabinet.config import ROOT
from cabinet.domain import catalogue
from cabinet.domain.advice import Month, Record, cut, every_settings, price
from cabinet.domain.catalogue import Grant, Plan
from cabinet.domain.periods import Period, PeriodUnit, periods_between
from cabinet.domain.rating import Usage
from cabinet.domain.replay import Offer, offer_of, replay
from cabinet.services import advisor

RECORDS, QUICK_RECORDS = 1_000_000, 100_000
HEAVY = 20_000
RUNS, QUICK_RUNS, WARM_UP = 40, 8, 2
NOW = END + timedelta(days=8)  # in December: June to November are over
BUDGET = Budget("≤ 150 ms", 150)
COLUMNS = ("what", "budget", "p50, ms", "p95, ms", "processor p50, ms", "verdict")


def main(*, is_quick: bool, engines: tuple[str, ...] = ENGINES) -> list[Table]:
    """Measures the service on each engine, then the pricing alone."""
    runs = QUICK_RUNS if is_quick else RUNS
    tables = []
    for name in engines:
        records = QUICK_RECORDS if is_quick else RECORDS
        with database(name) as url:
            engine = db.make_engine(url)
            heavy_id = make_base(engine, records, HEAVY)
            title = f"Advisor on {name}: {figure(HEAVY)} records of six months among {figure(records)}"
            tables.append(table := Table(title, COLUMNS))
            _measure(engine, heavy_id, table, runs)
            engine.dispose()
    tables.append(_alone(runs))
    return tables


def _measure(engine: Engine, heavy_id: int, table: Table, runs: int) -> None:
    def ask() -> advisor.Advice:
        with reading(engine) as session:
            return advisor.get_advice(session, heavy_id, now=NOW)

    advice = ask()
    _add(table, "advice, new", BUDGET, ask, runs, before=advisor.forget)
    _add(table, "advice, kept", BUDGET, ask, runs)
    table.notes.append(f"{len(advice.plans)} plans, {len(advice.months)} months")


# --- the pricing alone -----------------------------------------------------------------------------------------------


def _alone(runs: int) -> Table:
    zone = clock.time_zone()
    months = list(periods_between(START, END, 1, PeriodUnit.MONTH, zone))
    records = _records()
    plans = catalogue.load(ROOT / "cabinet" / "catalogues" / "demo.yaml").plans.values()
    open_ones = [_offers(plan) for plan in plans if plan.is_sold_in("moskva") and not plan.archived]
    number = sum(map(len, open_ones))
    table = Table(f"Pricing alone: {figure(HEAVY)} records, {len(open_ones)} plans, {number} combinations", COLUMNS)

    def by_sums(of_plans: Sequence[Sequence[Offer]]) -> list[list[int]]:
        lived = [Month(month, found, zone) for month, found in zip(months, cut(records, months), strict=True)]
        return [[sum(one.months) for one in price(lived, offers)] for offers in of_plans]

    _add(table, "every plan and combination", None, lambda: by_sums(open_ones), runs)

    hard = next(plan for plan in plans if plan.code == "svoboda")
    scoped = Grant(kind="data", amount=2**30, scope="messengers")
    hard = hard.model_copy(update={"allowances": (*hard.allowances, scoped)})
    _add(table, "one plan of 20 where data is rated one by one", None, lambda: by_sums([_offers(hard)]), runs // 4)

    usages = [Usage("", kind, direction, line, at, quantity) for kind, direction, line, quantity, at in records]
    started = time.perf_counter()
    expected = [[_replayed(usages, offer, months, zone) for offer in offers] for offers in open_ones]
    took = time.perf_counter() - started
    if by_sums(open_ones) != expected:
        raise SystemExit("the sums differ from a replay")
    table.notes.append(f"rating every record for each combination takes {took:.1f} s and gives the same kopecks")
    return table


def _offers(plan: Plan) -> list[Offer]:
    rates = plan.compile()
    return [offer_of(plan, rates, "moskva", chosen) for chosen in every_settings(plan)]


def _replayed(usages: Sequence[Usage], offer: Offer, months: Sequence[Period], zone: ZoneInfo) -> int:
    costs = list(replay(usages, offer, zone))
    if len(costs) != len(months):
        raise SystemExit("a month without records")
    return sum(cost.total_kopecks for cost in costs)


def _records() -> list[Record]:
    """As those of the base: of ten, one call abroad, three calls and six sessions, some of them messengers."""
    step = (END - START) / HEAVY
    found: list[Record] = []
    for number in range(HEAVY):
        at = START + step * number
        if number % 10 == 0:
            found.append(("voice", "out", "intl_kz", 30 + number % 300, at))
        elif number % 10 < 4:
            found.append(("voice", "in" if number % 7 == 0 else "out", "home", number % 400, at))
        else:
            zone = "messengers" if number % 10 == 9 else "home"
            found.append(("data", "out", zone, number * 7_919 % 60_000_000, at))
    return found


# --- a row -----------------------------------------------------------------------------------------------------------


def _add(
    table: Table,
    name: str,
    budget: Budget | None,
    work: Callable[[], object],
    runs: int,
    before: Callable[[], None] = lambda: None,
) -> None:
    clocked, processor = [], []
    for run in range(runs + WARM_UP):
        before()
        started, busy = time.perf_counter(), time.process_time()
        work()
        if run >= WARM_UP:
            clocked.append((time.perf_counter() - started) * 1000)
            processor.append((time.process_time() - busy) * 1000)
    verdict = budget.verdict(p95(clocked)) if budget else ""
    figures = middle(clocked), p95(clocked), middle(processor)
    table.add(name, budget.text if budget else "", *map(figure, figures), verdict)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.advisor", description=__doc__)
    parser.add_argument("--engines", default=",".join(ENGINES), help="sqlite, postgres or both")
    parser.add_argument("--quick", action="store_true", help="a small base, few runs: does it work?")
    arguments = parser.parse_args()
    for made in main(is_quick=arguments.quick, engines=tuple(arguments.engines.split(","))):
        made.print()
