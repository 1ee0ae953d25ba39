"""Usage priced again on some plan: what a subscriber's months would have cost there.

Months are calendar months of the operator's zone, every one with fresh allowances: what was really bought, kept or
switched in between is left out, so that two plans are compared on the same ground. The price of a plan with a daily fee
is asked for every day of the month, with fresh allowances each day.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

from cabinet.domain.allowances import Allowance, UsageKind, in_drawing_order
from cabinet.domain.catalogue import Grant, Plan
from cabinet.domain.periods import Period, PeriodUnit, period_containing, periods_between
from cabinet.domain.rating import Direction, NotRated, Rates, Usage, rate


@dataclass(frozen=True, slots=True)
class Offer:
    """A plan as it is had in a region with some settings, ready for many replays. The fee is that of one `unit`."""

    rates: Rates
    grants: tuple[Grant, ...]
    fee_kopecks: int
    unit: PeriodUnit


def offer_of(plan: Plan, rates: Rates, region: str, settings: Mapping[str, str] | None = None) -> Offer:
    """The offer; `rates` are those of the plan, compiled.

    Raises:
        NotSoldInRegion, UnknownSetting: the plan cannot be had so.
    """
    return Offer(rates, plan.grants_for(settings), plan.fee_for(region, settings), plan.period)


@dataclass(slots=True)
class MonthCost:
    """A calendar month. Quantities are outgoing, as billed: seconds, messages, bytes.

    `unpriced` records are of a kind or zone that the plan has no price for; they are in no other figure.
    """

    month: Period
    seconds: int = 0
    messages: int = 0
    bytes: int = 0
    fee_kopecks: int = 0
    overage_kopecks: int = 0
    unpriced: int = 0

    @property
    def total_kopecks(self) -> int:
        """The fee and all that was used beyond it."""
        return self.fee_kopecks + self.overage_kopecks


def replay(usages: Iterable[Usage], offer: Offer, zone: tzinfo) -> Iterator[MonthCost]:
    """The months of one subscriber in which there was any record at all, a missed call too.

    `usages` must come in the order of time.
    """
    rates, outgoing = offer.rates, str(Direction.OUT)
    voice, data = str(UsageKind.VOICE), str(UsageKind.DATA)
    cost: MonthCost | None = None
    period_end = datetime.min.replace(tzinfo=zone)
    allowances: dict[str, list[Allowance]] = {}
    counters: dict[str, int] = {}
    for usage in usages:
        moment = usage.started_at
        if cost is None or moment >= cost.month.end:
            if cost is not None:
                yield cost
            cost = _empty_month(moment, offer, zone)
        if moment >= period_end:
            period = period_containing(moment, 1, offer.unit, zone)
            period_end = period.end
            allowances, counters = _granted(offer.grants, period), {}
        try:
            rated = rate(usage, rates, allowances.get(usage.kind, ()), counters)
        except NotRated:
            cost.unpriced += 1
            continue
        cost.overage_kopecks += rated.charge_kopecks
        if usage.kind == data:
            cost.bytes += rated.billed
        elif usage.direction == outgoing:
            if usage.kind == voice:
                cost.seconds += rated.billed
            else:
                cost.messages += rated.billed
    if cost is not None:
        yield cost


def _empty_month(moment: datetime, offer: Offer, zone: tzinfo) -> MonthCost:
    month = period_containing(moment, 1, PeriodUnit.MONTH, zone)
    fees = sum(1 for _ in periods_between(month.start, month.end, 1, offer.unit, zone))
    return MonthCost(month, fee_kopecks=fees * offer.fee_kopecks)


def _granted(grants: Iterable[Grant], period: Period) -> dict[str, list[Allowance]]:
    found: dict[str, list[Allowance]] = {}
    for number, grant in enumerate(grants):
        amount = grant.amount or 0
        found.setdefault(grant.kind, []).append(
            Allowance(
                id=number,
                kind=grant.kind,
                granted=amount,
                remaining=amount,
                valid_from=period.start,
                valid_until=period.end,
                scope=grant.scope,
                is_unlimited=grant.amount is None,
            )
        )
    return {kind: in_drawing_order(several) for kind, several in found.items()}
