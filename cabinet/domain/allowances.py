"""What is left of a package, and the order in which packages are drawn on."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class UsageKind(StrEnum):
    """What was used. Counted in seconds, messages, bytes; a minute is 60 seconds, a kilobyte 1024 bytes."""

    VOICE = "voice"
    SMS = "sms"
    DATA = "data"


@dataclass(slots=True)
class Allowance:
    """A package as it stands now, usable at `valid_from <= moment < valid_until`; drawing changes `remaining` in place.

    `scope` is the only zone or traffic class it may be spent on; empty: whatever the tariff lets packages cover.
    An unlimited one is drawn on without becoming less: its `granted` and `remaining` mean nothing.
    """

    id: int
    kind: str
    granted: int
    remaining: int
    valid_from: datetime
    valid_until: datetime
    scope: str = ""
    is_unlimited: bool = False


def in_drawing_order(allowances: Iterable[Allowance]) -> list[Allowance]:
    """Soonest to expire first; of those the ones limited to a scope; of those the older id."""
    return sorted(allowances, key=lambda allowance: (allowance.valid_until, not allowance.scope, allowance.id))


def draw(
    allowances: Iterable[Allowance], kind: str, scopes: frozenset[str], is_covered: bool, at: datetime, units: int
) -> tuple[list[tuple[int, int]], int]:
    """Take `units` from the packages valid `at` that moment, in the order given (see `in_drawing_order`).

    A package with a scope serves where that scope is among `scopes`; one without serves where `is_covered`.
    Returns what was taken, as (allowance id, units), and how many units nobody covered.
    """
    draws: list[tuple[int, int]] = []
    for allowance in allowances:
        if allowance.kind != kind:
            continue
        scope = allowance.scope
        if (scope not in scopes) if scope else not is_covered:
            continue
        if not allowance.valid_from <= at < allowance.valid_until:
            continue
        if allowance.is_unlimited:
            draws.append((allowance.id, units))
            return draws, 0
        remaining = allowance.remaining
        if remaining <= 0:
            continue
        if remaining >= units:
            allowance.remaining = remaining - units
            draws.append((allowance.id, units))
            return draws, 0
        allowance.remaining = 0
        draws.append((allowance.id, remaining))
        units -= remaining
    return draws, units
