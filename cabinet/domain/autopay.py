"""Autopay: when the next payment is due, how much it takes, and what follows a refusal. Pure.

A rule pays on occasions, each with a key of its own (`2026-11-26`): an occasion that was paid is not paid again. Dates
begin at ten in the morning by the operator's clock, when a person can still do something about it.
"""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

from cabinet.domain.errors import CabinetError
from cabinet.domain.payments import Refusal

AT = time(10)
WARN_BEFORE = timedelta(days=1)
PAUSES = (timedelta(hours=4), timedelta(days=1), timedelta(days=3))
"""After the first refusal of an occasion, the second, …; after one more the rule is paused."""

LEAST_THRESHOLD, MOST_THRESHOLD = 3_000, 100_000
LEAST_AMOUNT, MOST_AMOUNT = 10_000, 500_000
LEAST_CEILING = 10_000
_HOPELESS = (Refusal.METHOD_REVOKED, Refusal.CARD_EXPIRED, Refusal.CARD_INVALID, Refusal.FRAUD_SUSPECTED)


class AutopayKind(StrEnum):
    """What makes it pay."""

    FEE = "fee"  # the day before the plan's fee, exactly what lacks
    THRESHOLD = "threshold"  # the balance is below a sum
    DAY = "day"  # a day of the month


class AutopayState(StrEnum):
    """`deleted` is final."""

    ACTIVE = "active"
    PAUSED = "paused"
    DELETED = "deleted"


class PauseReason(StrEnum):
    """Why it does not pay."""

    ASKED = "asked"  # by the subscriber
    REFUSED = "refused"  # the bank, too often or for good
    METHOD_GONE = "method_gone"  # the card or account was deleted
    UNKNOWN = "unknown"  # the gateway never said what became of a payment: it must not be made once more


class AutopayNotSo(CabinetError):
    """`facts["field"]`: which of `threshold`, `amount`, `day`, `ceiling` is wrong."""

    message = "{what}: от {least} до {most}."


class CeilingTooLow(CabinetError):
    message = "Один платёж больше, чем разрешено за месяц. Увеличьте лимит."


@dataclass(frozen=True, slots=True)
class Terms:
    """What a rule does. Sums in kopecks; those that its kind does not need are 0."""

    kind: AutopayKind
    ceiling_kopecks: int
    threshold_kopecks: int = 0
    amount_kopecks: int = 0
    day: int = 0

    def __post_init__(self) -> None:
        """Raises AutopayNotSo, CeilingTooLow: outside of what is allowed."""
        if self.kind is AutopayKind.THRESHOLD:
            _check("threshold", "Если меньше", self.threshold_kopecks, LEAST_THRESHOLD, MOST_THRESHOLD)
        if self.kind is not AutopayKind.FEE:
            _check("amount", "Сумма пополнения", self.amount_kopecks, LEAST_AMOUNT, MOST_AMOUNT)
        if self.kind is AutopayKind.DAY and not (type(self.day) is int and 1 <= self.day <= 31):
            raise AutopayNotSo(field="day", what="День месяца", least="1", most="31")
        _check("ceiling", "Лимит в месяц", self.ceiling_kopecks, LEAST_CEILING, 10**9)
        if self.amount_kopecks > self.ceiling_kopecks:
            raise CeilingTooLow


def _check(field: str, what: str, kopecks: int, least: int, most: int) -> None:
    if type(kopecks) is not int or not least <= kopecks <= most:
        raise AutopayNotSo(field=field, what=what, least=_roubles(least), most=_roubles(most))


def _roubles(kopecks: int) -> str:
    return f"{kopecks // 100:,} ₽".replace(",", "\u00a0").replace(" ", "\u00a0")


@dataclass(frozen=True, slots=True)
class Occasion:
    """A date on which a rule pays: from `at` on, for what `on` names."""

    on: date
    at: datetime

    @property
    def key(self) -> str:
        """`2026-11-26`: the fee's day, or the day of the month."""
        return self.on.isoformat()


# --- when ------------------------------------------------------------------------------------------------------------


def next_of_day(day: int, *, after: datetime, paid: str, zone: tzinfo) -> Occasion:
    """The first day of the month, clamped to its end, that begins after that moment and is not the paid one."""
    local = after.astimezone(zone).date()
    index = local.year * 12 + local.month - 1
    while True:
        occasion = _of_month(index, day, zone)
        if occasion.at > after and occasion.key > paid:
            return occasion
        index += 1


def last_of_day(day: int, *, since: datetime, until: datetime, paid: str, zone: tzinfo) -> Occasion | None:
    """The last such day in (since, until] if it is not paid: of several that were missed only one is caught up."""
    local = until.astimezone(zone).date()
    index = local.year * 12 + local.month - 1
    for candidate in (_of_month(index, day, zone), _of_month(index - 1, day, zone)):
        if candidate.at <= until:
            return candidate if candidate.at > since and candidate.key > paid else None
    return None


def of_fee(fees_at: Sequence[datetime], *, paid: str, zone: tzinfo) -> Occasion | None:
    """The nearest fee that no payment was made for; due the morning before its day."""
    for at in fees_at:
        on = at.astimezone(zone).date()
        if on.isoformat() > paid:
            return Occasion(on, _morning(on - timedelta(days=1), zone))
    return None


def next_morning(after: datetime, zone: tzinfo) -> datetime:
    """The next ten o'clock: dates are looked at once a day."""
    day = after.astimezone(zone).date()
    today = _morning(day, zone)
    return today if today > after else _morning(day + timedelta(days=1), zone)


def _of_month(index: int, day: int, zone: tzinfo) -> Occasion:
    year, month = index // 12, index % 12 + 1
    on = date(year, month, min(day, monthrange(year, month)[1]))
    return Occasion(on, _morning(on, zone))


def _morning(on: date, zone: tzinfo) -> datetime:
    return datetime.combine(on, AT, zone).astimezone(UTC)


# --- how much --------------------------------------------------------------------------------------------------------


def amount_due(terms: Terms, *, main_kopecks: int, lacking_kopecks: int, least_kopecks: int, most_kopecks: int) -> int:
    """Kopecks to be paid on an occasion; 0: nothing is needed.

    `lacking_kopecks` for the fee. What is lacking less than the smallest top-up is made up to it.
    """
    if terms.kind is AutopayKind.FEE:
        return min(max(lacking_kopecks, least_kopecks), most_kopecks) if lacking_kopecks > 0 else 0
    if terms.kind is AutopayKind.THRESHOLD and main_kopecks >= terms.threshold_kopecks:
        return 0
    return terms.amount_kopecks


def is_within(terms: Terms, spent_kopecks: int, amount_kopecks: int) -> bool:
    """Whether the month's ceiling allows one more payment after what was spent."""
    return spent_kopecks + amount_kopecks <= terms.ceiling_kopecks


def month_start(now: datetime, zone: tzinfo) -> datetime:
    """When the calendar month began that ceilings are for."""
    return datetime.combine(now.astimezone(zone).date().replace(day=1), time(), zone).astimezone(UTC)


def next_month_start(now: datetime, zone: tzinfo) -> datetime:
    """When the next one begins."""
    first = now.astimezone(zone).date().replace(day=1)
    return datetime.combine((first + timedelta(days=32)).replace(day=1), time(), zone).astimezone(UTC)


# --- refusals --------------------------------------------------------------------------------------------------------


def pause_after(failures: int, refusal: Refusal | None) -> timedelta | None:
    """How long to wait after so many refusals in a row; None: no more tries, the rule is paused."""
    if refusal in _HOPELESS or failures > len(PAUSES):
        return None
    return PAUSES[failures - 1]
