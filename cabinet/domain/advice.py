"""What a subscriber's months would have cost on a plan, with many combinations of its settings at once.

The figures are those of `replay`, to the kopeck, without rating every record again for every combination. Packages of
one period expire together, so what they leave to be paid depends only on sums wherever the order of the records makes
no difference to the money. That is where it makes none:

- The packages of a kind are cut into pools, one for each set of packages that serve the same records. Where no package
  is in two pools, each pool is drawn on by its own records alone.
- A pool that is as large as the sum of its records pays for all of them; an empty one for none.
- A pool that ends somewhere leaves the sum of its records less itself. Which records are left does not matter if all
  have one price and either are summed over the period, or are whole blocks as the pool itself is.

Everything else (two prices or a record that is no whole number of blocks on a pool that ends, a package that serves
some records of a pool and not others) is rated one by one, by `rating.rate`, for that kind and period alone.

A combination of settings changes only the fee and the packages, and each kind is priced once for each set of packages.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cached_property
from itertools import product
from operator import itemgetter
from typing import Any, NamedTuple

from cabinet.domain.allowances import Allowance, UsageKind
from cabinet.domain.catalogue import Grant, Plan
from cabinet.domain.periods import Period, PeriodUnit, periods_between
from cabinet.domain.rating import Direction, NotRated, Rates, Rule, Usage, rate, round_up
from cabinet.domain.replay import Offer

# kind, direction, zone, quantity, moment: plain, because there are tens of thousands of them. Only `MomentOf` looks at
# the moment, and only of a few records: a database's own form of it need not be read for all.
Record = tuple[str, str, str, int, Any]
MomentOf = Callable[[Record], datetime]
Group = tuple[str, str, str]  # kind, direction and zone of records

_LAST: MomentOf = itemgetter(4)
_SOMETIME = datetime(2000, 1, 1, tzinfo=UTC)  # all that happens in one period is at one moment as far as packages go


class Line(NamedTuple):
    """A price of the plan. Data have no direction: theirs is always `out`."""

    kind: str
    direction: str
    zone: str


class Overage(NamedTuple):
    """What was paid by one price: units that no package covered, in the kind's unit, and kopecks."""

    line: Line
    missed: int
    kopecks: int


class Package(NamedTuple):
    """What came with the plan and what was used of it, in all the periods together. `granted` None is unlimited."""

    kind: str
    scope: str
    granted: int | None
    drawn: int


@dataclass(frozen=True, slots=True)
class Priced:
    """What an offer would have cost. `months` are totals in kopecks, one for each month, the fee included.

    `overage` and `packages` are of all the months together. `unpriced` records are of a kind or zone that the plan has
    no price for; they are in no other figure.
    """

    months: tuple[int, ...]
    fees_kopecks: int
    overage: tuple[Overage, ...]
    packages: tuple[Package, ...]
    unpriced: int

    @property
    def total_kopecks(self) -> int:
        """All the months."""
        return sum(self.months)


def every_settings(plan: Plan) -> Iterator[dict[str, str]]:
    """Every combination of the plan's settings as `{setting: step}`; one, empty, where it has none."""
    codes = [setting.code for setting in plan.settings]
    for steps in product(*([step.code for step in setting.steps] for setting in plan.settings)):
        yield dict(zip(codes, steps, strict=True))


class Tally:
    """The records of one period, in the order of time, and their sums by every rounding that was asked for."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.records = records
        self.groups: dict[str, dict[Group, list[int]]] = {}  # by kind; quantities in the order of time
        quantities: dict[Group, list[int]] = {}
        for kind, direction, zone, quantity, _ in records:
            group = kind, direction, zone
            if group in quantities:
                quantities[group].append(quantity)
            else:
                quantities[group] = self.groups.setdefault(kind, {})[group] = [quantity]
        self._sums: dict[tuple[Group, int, int, int], int] = {}

    def billed(self, group: Group, rule: Rule) -> int:
        """The sum of the group's records, each rounded up by the rule."""
        return self._sum(group, rule.minimum, rule.step, 1)

    def blocks(self, group: Group, rule: Rule) -> int:
        """How many blocks of the rule the group's records are, each paid by itself."""
        return self._sum(group, rule.minimum, rule.step, rule.block)

    def _sum(self, group: Group, minimum: int, step: int, block: int) -> int:
        key = group, minimum, step, block
        if key not in self._sums:
            self._sums[key] = _rounded_sum(self.groups[group[0]][group], minimum, step, block)
        return self._sums[key]


class Month:
    """A calendar month that was lived whole, with its records in the order of time."""

    def __init__(self, period: Period, records: Sequence[Record], zone: tzinfo, moment_of: MomentOf = _LAST) -> None:
        self.period = period
        self.tally = Tally(records)
        self._zone = zone
        self._moment_of = moment_of

    def tallies(self, unit: PeriodUnit) -> Sequence[Tally]:
        """One for each period of a plan in this month, those without records too: a fee is asked for them as well."""
        return self._days if unit == PeriodUnit.DAY else (self.tally,)

    @cached_property
    def _days(self) -> tuple[Tally, ...]:
        days = list(periods_between(self.period.start, self.period.end, 1, PeriodUnit.DAY, self._zone))
        return tuple(Tally(records) for records in cut(self.tally.records, days, self._moment_of))


def cut(
    records: Sequence[Record], periods: Iterable[Period], moment_of: MomentOf = _LAST
) -> Iterator[Sequence[Record]]:
    """The records of each period; they must come in the order of time."""
    for period in periods:
        first = bisect_left(records, period.start, key=moment_of)
        yield records[first : bisect_left(records, period.end, lo=first, key=moment_of)]


def price(months: Sequence[Month], offers: Sequence[Offer]) -> list[Priced]:
    """What each of the offers would have cost, in their order.

    The offers must be of one plan: they differ in packages and fees alone.
    """
    if not offers:
        return []
    rates, unit = offers[0].rates, offers[0].unit
    kinds: dict[tuple[UsageKind, tuple[Grant, ...]], _KindCost] = {}
    periods = [len(month.tallies(unit)) for month in months]
    unpriced = sum(_count_unpriced(month.tally, rates) for month in months)
    found = []
    for offer in offers:
        costs = []
        for kind in UsageKind:
            grants = _in_drawing_order(offer.grants, kind)
            if (kind, grants) not in kinds:
                kinds[kind, grants] = _price_kind(months, rates, unit, kind, grants)
            costs.append(kinds[kind, grants])
        fees = [number * offer.fee_kopecks for number in periods]
        found.append(
            Priced(
                months=tuple(map(sum, zip(fees, *(cost.months for cost in costs), strict=True))),
                fees_kopecks=sum(fees),
                overage=tuple(over for cost in costs for over in cost.overage),
                packages=tuple(package for cost in costs for package in cost.packages),
                unpriced=unpriced,
            )
        )
    return found


# --- one kind --------------------------------------------------------------------------------------------------------


class _KindCost(NamedTuple):
    months: list[int]
    overage: list[Overage]
    packages: list[Package]


class _Paid(dict[Line, tuple[int, int]]):
    """Missed units and kopecks by price."""

    def add(self, line: Line, missed: int, kopecks: int) -> None:
        before = self.get(line, (0, 0))
        self[line] = before[0] + missed, before[1] + kopecks


class _Member(NamedTuple):
    """A group of records with the rule by which it is paid."""

    group: Group
    line: Line
    rule: Rule


def _in_drawing_order(grants: Iterable[Grant], kind: UsageKind) -> tuple[Grant, ...]:
    """As `allowances.in_drawing_order` has them: all of a period expire together."""
    return tuple(sorted((grant for grant in grants if grant.kind == kind), key=lambda grant: not grant.scope))


def _price_kind(
    months: Sequence[Month], rates: Rates, unit: PeriodUnit, kind: UsageKind, grants: tuple[Grant, ...]
) -> _KindCost:
    paid, drawn, totals = _Paid(), [0] * len(grants), []
    for month in months:
        of_month = _Paid()
        for tally in month.tallies(unit):
            if kind in tally.groups and not _price_sums(tally, rates, kind, grants, of_month, drawn):
                _price_one_by_one(tally, rates, kind, grants, of_month, drawn)
        totals.append(sum(kopecks for _, kopecks in of_month.values()))
        for line, (missed, kopecks) in of_month.items():
            paid.add(line, missed, kopecks)
    periods = sum(len(month.tallies(unit)) for month in months)
    packages = [
        Package(kind, grant.scope, None if grant.amount is None else grant.amount * periods, units)
        for grant, units in zip(grants, drawn, strict=True)
    ]
    return _KindCost(totals, [Overage(line, *paid[line]) for line in sorted(paid)], packages)


def _price_sums(
    tally: Tally, rates: Rates, kind: UsageKind, grants: tuple[Grant, ...], paid: _Paid, drawn: list[int]
) -> bool:
    """Adds what the kind's records of one period cost and drew, from sums. False, and nothing is added: the order of
    the records may make a difference."""
    pools = _pools(tally.groups[kind], rates, grants)
    serving = [number for pool in pools for number in pool]
    if len(set(serving)) < len(serving):
        return False
    draws: list[tuple[int, int]] = []
    over: list[tuple[_Member, int]] = []  # units that no package covered
    for pool, members in pools.items():
        billed = [tally.billed(member.group, member.rule) for member in members]
        left = _draw(sum(billed), pool, grants, draws)
        if left == sum(billed):
            over += ((member, units) for member, units in zip(members, billed, strict=True) if units)
        elif left > 0:
            one = members[0]
            if any(member.line != one.line for member in members):
                return False
            if one.rule.counter is None and not (_is_whole_blocks(one.rule) and left % one.rule.block == 0):
                return False
            over.append((one, left))
    counters: dict[str, _Member] = {}
    sums: dict[str, int] = {}
    for member, missed in over:
        counter = member.rule.counter
        if counter is not None:
            if counters.setdefault(counter, member).line != member.line:
                return False
            sums[counter] = sums.get(counter, 0) + missed

    for number, units in draws:
        drawn[number] += units
    for member, missed in over:
        rule = member.rule
        if rule.counter is None:
            blocks = missed // rule.block if _is_whole_blocks(rule) else tally.blocks(member.group, rule)
            paid.add(member.line, missed, blocks * rule.price_kopecks)
    for counter, missed in sums.items():
        rule = counters[counter].rule
        paid.add(counters[counter].line, missed, -(-missed // rule.block) * rule.price_kopecks)
    return True


def _pools(
    groups: Mapping[Group, list[int]], rates: Rates, grants: tuple[Grant, ...]
) -> dict[tuple[int, ...], list[_Member]]:
    """The groups that may cost something, by the numbers of the grants that serve them."""
    pools: dict[tuple[int, ...], list[_Member]] = {}
    for group in groups:
        rule = rates.rules.get(group)
        if rule is None or rule.free is not None:
            continue
        serving = tuple(
            number
            for number, grant in enumerate(grants)
            if (grant.scope in rule.scopes if grant.scope else rule.is_covered)
        )
        pools.setdefault(serving, []).append(_Member(group, _line(group, rule), rule))
    return pools


def _draw(units: int, pool: Iterable[int], grants: Sequence[Grant], draws: list[tuple[int, int]]) -> int:
    """Takes units from the grants of a pool in their order; returns what none of them covered."""
    for number in pool:
        amount = grants[number].amount
        taken = units if amount is None else min(amount, units)
        if taken:
            draws.append((number, taken))
        units -= taken
    return units


def _price_one_by_one(
    tally: Tally, rates: Rates, kind: UsageKind, grants: tuple[Grant, ...], paid: _Paid, drawn: list[int]
) -> None:
    until = _SOMETIME + timedelta(days=1)
    allowances = [
        Allowance(
            number, kind, grant.amount or 0, grant.amount or 0, _SOMETIME, until, grant.scope, grant.amount is None
        )
        for number, grant in enumerate(grants)
    ]
    counters: dict[str, int] = {}
    for of_kind, direction, zone, quantity, _ in tally.records:
        if of_kind != kind:
            continue
        try:
            rated = rate(Usage("", of_kind, direction, zone, _SOMETIME, quantity), rates, allowances, counters)
        except NotRated:
            continue
        for number, units in rated.draws:
            drawn[number] += units
        if rated.missed:
            paid.add(_line((of_kind, direction, zone), rated.rule), rated.missed, rated.charge_kopecks)


def _line(group: Group, rule: Rule) -> Line:
    kind, direction, _ = group
    return Line(kind, str(Direction.OUT) if kind == UsageKind.DATA else direction, rule.zone)


def _count_unpriced(tally: Tally, rates: Rates) -> int:
    groups = (item for of_kind in tally.groups.values() for item in of_kind.items())
    return sum(len(quantities) for group, quantities in groups if group not in rates.rules)


def _is_whole_blocks(rule: Rule) -> bool:
    """Whether every quantity, rounded up by the rule, is a whole number of its blocks."""
    return rule.minimum % rule.block == 0 and rule.step % rule.block == 0


def _rounded_sum(quantities: list[int], minimum: int, step: int, block: int) -> int:
    """The sum of blocks of every quantity rounded up; a quantity of 0 is 0 blocks."""
    if minimum == step == block == 1:
        return sum(quantities)
    if minimum == step and block == 1:
        return -step * sum([-quantity // step for quantity in quantities])
    if minimum == step and block % step == 0:
        return -sum([-quantity // block for quantity in quantities])
    return sum([-(-round_up(quantity, minimum, step) // block) for quantity in quantities if quantity])
