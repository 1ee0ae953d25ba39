"""What one usage record draws from the packages and what it costs. Integers only: seconds, messages, bytes, kopecks.

The order is always the same: the quantity is rounded up (`billed`), packages are drawn on, what they did not cover
(`missed`) is paid in whole blocks. Where the rate is summed over the period, the missed units are added to a counter,
and the record costs only the blocks by which the counter's sum grew: the charges of a period add up to the charge of
its sum, in whatever order the records come.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from cabinet.domain.allowances import Allowance, draw
from cabinet.domain.errors import CabinetError


class Direction(StrEnum):
    """Who began it, seen from the subscriber. It means nothing for data."""

    OUT = "out"
    IN = "in"


class Rounding(StrEnum):
    """How one record's quantity is rounded up before anything else."""

    EXACT = "exact"
    MINUTE = "minute"
    SECOND_AFTER_FIRST_MINUTE = "second after first minute"
    KILOBYTE = "kilobyte"
    MEGABYTE = "megabyte"


# (at least, then up to a multiple of)
ROUNDING_STEPS = {
    Rounding.EXACT: (1, 1),
    Rounding.MINUTE: (60, 60),
    Rounding.SECOND_AFTER_FIRST_MINUTE: (60, 1),
    Rounding.KILOBYTE: (1024, 1024),
    Rounding.MEGABYTE: (1024**2, 1024**2),
}


class Reason(StrEnum):
    """Why a record cost what it cost."""

    NOTHING_USED = "nothing used"  # a missed call, an empty session
    INCOMING_FREE = "incoming free"
    ON_NET = "on-net unlimited"
    ZERO_RATED = "zero-rated"
    FREE = "free"  # the tariff gives this zone for nothing
    ALLOWANCE = "allowance"  # the packages covered all of it
    PARTLY = "partly covered"  # the packages ran out on this record, the rest was paid
    OVER = "over allowances"  # packages may cover it, nothing was left of them
    NOT_COVERED = "not covered"  # packages do not cover this zone, it has its own price
    WITHIN_BLOCK = "within a paid block"  # over the packages, but inside a block paid for by an earlier record


FREE_REASONS = frozenset({Reason.INCOMING_FREE, Reason.ON_NET, Reason.ZERO_RATED, Reason.FREE})


class NotRated(CabinetError):
    """The tariff says nothing about such usage; the record has to be rejected, never taken as free."""

    message = "В тарифе {plan} версии {version} нет цены для такой записи: {kind}, {direction}, зона {zone}."


class Usage(NamedTuple):
    """A usage record. `quantity` in the kind's own unit: seconds, messages, bytes. `zone` is a zone or a traffic class
    of the catalogue: `home`, `on_net`, `intl_kz`, `messengers`."""

    record_id: str
    kind: str
    direction: str
    zone: str
    started_at: datetime
    quantity: int


@dataclass(frozen=True, slots=True)
class Rule:
    """How one kind, direction and zone is rated; `block`, `minimum` and `step` are in the kind's unit.

    `zone` is the zone whose price it is: `on_net` may be rated like `home`. `scopes` are the zone and those it is rated
    like: an allowance limited to any of them serves. `counter` names the sum over the period that is paid by this
    rate; None: each record is paid by itself. `free`: it costs nothing, and why; the price then means nothing.
    """

    kind: str
    zone: str
    rounding: str
    block: int
    price_kopecks: int
    is_covered: bool
    scopes: frozenset[str]
    minimum: int = 1
    step: int = 1
    counter: str | None = None
    free: str | None = None


@dataclass(frozen=True, slots=True)
class Rates:
    """A plan version compiled for rating: a rule for every (kind, direction, zone) it knows."""

    plan_code: str
    plan_version: int
    rules: Mapping[tuple[str, str, str], Rule]


class Cut(NamedTuple):
    """The month's cap, and what was left of it before a record that would have cost more."""

    limit_kopecks: int
    left_kopecks: int


class RatedCharge(NamedTuple):
    """How a record was rated. `draws` are (allowance id, units). The counter is None where the rate is not summed.

    `cut` where the month's cap did not leave enough: `charge_kopecks` is then what it left, and no more.
    """

    billed: int
    draws: list[tuple[int, int]]
    missed: int
    blocks: int
    charge_kopecks: int
    reason: str
    counter: str | None
    counter_before: int | None
    counter_after: int | None
    rule: Rule
    cut: Cut | None = None

    def within(self, cut: Cut) -> "RatedCharge":
        """The same, charged no further than the cap goes."""
        return self._replace(charge_kopecks=cut.left_kopecks, cut=cut)


def rate(usage: Usage, rates: Rates, allowances: Iterable[Allowance], counters: dict[str, int]) -> RatedCharge:
    """Rate one record, changing `remaining` of the allowances and the period's `counters` in place.

    Args:
        allowances: the subscriber's, in drawing order (`allowances.in_drawing_order`); validity is checked here.
        counters: units over the packages so far in the record's own period, by `Rule.counter`; a missing one is 0.

    Raises:
        NotRated: the plan has no rule for such usage; nothing was changed.
        ValueError: a negative quantity; nothing was changed.
    """
    rule = rates.rules.get((usage.kind, usage.direction, usage.zone))
    quantity = usage.quantity
    if rule is None:
        raise NotRated(
            plan=rates.plan_code,
            version=rates.plan_version,
            kind=str(usage.kind),
            direction=str(usage.direction),
            zone=usage.zone,
        )
    if quantity <= 0:
        if quantity < 0:
            raise ValueError(f"negative quantity {quantity}")
        return RatedCharge(0, [], 0, 0, 0, Reason.NOTHING_USED, None, None, None, rule)
    billed = round_up(quantity, rule.minimum, rule.step)
    if rule.free is not None:
        return RatedCharge(billed, [], 0, 0, 0, rule.free, None, None, None, rule)

    draws, missed = draw(allowances, rule.kind, rule.scopes, rule.is_covered, usage.started_at, billed)
    if missed == 0:
        return RatedCharge(billed, draws, 0, 0, 0, Reason.ALLOWANCE, None, None, None, rule)

    counter, before, after = rule.counter, None, None
    if counter is None:
        blocks = -(-missed // rule.block)
    else:
        before = counters.get(counter, 0)
        after = counters[counter] = before + missed
        blocks = -(-after // rule.block) - -(-before // rule.block)
    if blocks == 0:
        reason = Reason.WITHIN_BLOCK
    elif draws:
        reason = Reason.PARTLY
    elif rule.is_covered:
        reason = Reason.OVER
    else:
        reason = Reason.NOT_COVERED
    return RatedCharge(billed, draws, missed, blocks, blocks * rule.price_kopecks, reason, counter, before, after, rule)


def explain(usage: Usage, rates: Rates, rated: RatedCharge) -> dict[str, Any]:
    """The JSON-able reason of a charge: enough for `recompute_amount` and for a person's question."""
    rule = rated.rule
    facts: dict[str, Any] = {
        "plan": rates.plan_code,
        "plan_version": rates.plan_version,
        "kind": str(usage.kind),
        "direction": str(usage.direction),
        "zone": usage.zone,
        "rated_as": rule.zone,
        "quantity": usage.quantity,
        "rounding": str(rule.rounding),
        "billed": rated.billed,
        "draws": [list(taken) for taken in rated.draws],
        "missed": rated.missed,
        "block": rule.block,
        "price_kopecks": rule.price_kopecks,
        "blocks": rated.blocks,
        "counter": rated.counter,
        "counter_before": rated.counter_before,
        "counter_after": rated.counter_after,
        "reason": str(rated.reason),
    }
    if rated.cut is not None:
        facts["cap"] = {**rated.cut._asdict(), "full_kopecks": rated.blocks * rule.price_kopecks}
    return facts


def recompute_amount(explanation: Mapping[str, Any]) -> int:
    """Kopecks, computed again from the quantity, the rounding, the draws, the counter before, the price and what the
    month's cap left.

    What the explanation says of results (billed, missed, blocks, the full price) is not believed, so that an audit can
    compare.
    """
    quantity = explanation["quantity"]
    if quantity == 0 or explanation["reason"] in FREE_REASONS:
        return 0
    minimum, step = ROUNDING_STEPS[Rounding(explanation["rounding"])]
    missed = round_up(quantity, minimum, step) - sum(units for _, units in explanation["draws"])
    before = explanation["counter_before"] or 0
    block = explanation["block"]
    full = (-(-(before + missed) // block) - -(-before // block)) * explanation["price_kopecks"]
    cap = explanation.get("cap")
    return full if cap is None else min(full, cap["left_kopecks"])


def round_up(quantity: int, minimum: int, step: int) -> int:
    """One record's quantity as it is billed; `quantity` is above zero."""
    return minimum if quantity <= minimum else -(-quantity // step) * step
