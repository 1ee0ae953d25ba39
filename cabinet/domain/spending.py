"""What a subscriber spends money on. A charge belongs to one category, told from what was stored when it was made.

Spending is what the operator earns from the subscriber: what goes to an income account of the operator's, less what
came back from there. Money paid in or brought from another system is no spending, and neither is a debt that is paid:
it was spent when it was made.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from cabinet.domain.allowances import UsageKind


class Category(StrEnum):
    """What money went on, in the order in which equal sums are shown."""

    PLAN_FEE = "plan_fee"
    SERVICES = "services"
    PACKAGES = "packages"
    CALLS = "calls"  # over the packages
    CALLS_ABROAD = "calls_abroad"
    SMS = "sms"  # to any country
    INTERNET = "internet"
    ROAMING = "roaming"  # whatever is used there
    OTHER = "other"


OUTSIDE_PACKAGES = (Category.CALLS, Category.CALLS_ABROAD, Category.SMS, Category.INTERNET, Category.ROAMING)
"""What usage costs that no package covers: what a cap is for."""

# Zones of the catalogue are told by how their codes begin: `intl`, `intl_kz`; `roaming`, `roaming_europe`.
ABROAD = "intl"
ROAMING = "roaming"

# Where money comes from, and what corrects a balance: the charge that was wrong stays spent.
NOT_INCOME = frozenset(f"operator:{name}" for name in ("gateway", "opening", "promised", "promotions", "adjustments"))

_BY_KIND = {
    "plan_fee": Category.PLAN_FEE,
    "option_fee": Category.SERVICES,
    "promised_fee": Category.SERVICES,
    "bundle": Category.PACKAGES,
}
_BY_USAGE_KIND: dict[str, Category] = {UsageKind.SMS: Category.SMS, UsageKind.DATA: Category.INTERNET}


def is_income(account_code: str) -> bool:
    """Whether the account of this code (`operator:usage`) is one where the operator's earnings are."""
    return account_code.startswith("operator:") and account_code not in NOT_INCOME


def category_of(kind: str, explanation: Mapping[str, Any]) -> Category:
    """The category of a charge: `kind` and `explanation` are the ledger's.

    Money given back belongs where it was taken: of a reversal, ask about what it reverses.
    """
    if kind == "order":  # of several things; each of its postings says what it is for
        return _BY_KIND.get(explanation.get("kind", ""), Category.OTHER)
    if kind == "usage":
        return category_of_usage(explanation.get("kind", ""), explanation.get("zone", ""))
    return _BY_KIND.get(kind, Category.OTHER)


def category_of_usage(usage_kind: str, zone: str) -> Category:
    """The category of a call, a message or a session in that zone."""
    if _is_under(zone, ROAMING):
        return Category.ROAMING
    if usage_kind == UsageKind.VOICE:
        return Category.CALLS_ABROAD if _is_under(zone, ABROAD) else Category.CALLS
    return _BY_USAGE_KIND.get(usage_kind, Category.OTHER)


def _is_under(zone: str, place: str) -> bool:
    return zone == place or zone.startswith(f"{place}_")
