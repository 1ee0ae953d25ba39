"""Promised payments: who may have one, and when it is taken back. Pure; the effects are in `effects.py`."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

from cabinet.domain.catalogue import PromisedPayment
from cabinet.domain.errors import CabinetError

RETURN_AT = time(21)  # of the day it is to be returned on, so that there is the whole day to pay in


class PromiseState(StrEnum):
    """`returned`: taken back, whether from the account or, without money, into the debt. `undone`: never taken."""

    OPEN = "open"
    RETURNED = "returned"
    UNDONE = "undone"


class PromiseNotOffered(CabinetError):
    message = "Обещанный платёж сейчас не предлагаем."


class PromiseTooEarly(CabinetError):
    message = "Обещанный платёж можно взять с {day}."


class PromiseOpen(CabinetError):
    message = "Обещанный платёж уже взят. Следующий — после возврата {day}."


class PromiseUnpaid(CabinetError):
    """`facts["lacking_kopecks"]`: the debt that the last one has left."""

    message = "Прошлый обещанный платёж не возвращён. Пополните баланс на {sum} ₽."


class DebtTooLarge(CabinetError):
    """`facts["lacking_kopecks"]`: the whole debt."""

    message = "Долг {sum} ₽ слишком велик для обещанного платежа. Сначала пополните баланс."


class SumNotPromised(CabinetError):
    message = "Можно взять от {least} до {most} ₽, целыми рублями."


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides whether somebody may have one. `debt_kopecks` ≥ 0; `is_unpaid`: the last one is part of it."""

    subscriber_since_at: datetime
    open_until_at: datetime | None = None
    is_unpaid: bool = False
    debt_kopecks: int = 0


def check_standing(terms: PromisedPayment, standing: Standing, *, now: datetime, zone: tzinfo) -> None:
    """Whether these terms let him have one now.

    Raises:
        PromiseOpen, PromiseUnpaid, DebtTooLarge, PromiseTooEarly: why not.
    """
    if standing.open_until_at is not None:
        raise PromiseOpen(day=_written(standing.open_until_at.astimezone(zone).date()))
    debt = standing.debt_kopecks
    if debt and standing.is_unpaid:
        raise PromiseUnpaid(lacking_kopecks=debt, sum=_roubles(debt))
    if debt > terms.most_debt:
        raise DebtTooLarge(lacking_kopecks=debt, sum=_roubles(debt))
    since_on = standing.subscriber_since_at.astimezone(zone).date() + timedelta(days=terms.tenure_days)
    if now.astimezone(zone).date() < since_on:
        raise PromiseTooEarly(day=_written(since_on))


def fee_of(terms: PromisedPayment, kopecks: int) -> int:
    """Kopecks that the sum costs.

    Raises:
        SumNotPromised: it is not offered.
    """
    fee = terms.fee_for(kopecks)
    if fee is None:
        raise SumNotPromised(least=_roubles(terms.least), most=_roubles(terms.most))
    return fee


def due_at(terms: PromisedPayment, *, now: datetime, zone: tzinfo) -> datetime:
    """When one that is taken today is taken back."""
    day = now.astimezone(zone).date() + timedelta(days=terms.days)
    return datetime.combine(day, RETURN_AT, zone).astimezone(UTC)


def sums_for(terms: PromisedPayment, lacking_kopecks: int) -> tuple[int, ...]:
    """The sums to choose from: first what is lacking, in whole roubles up, if it can be had; then the steps."""
    wanted = max(-(-lacking_kopecks // 100) * 100, terms.least)
    first = (wanted,) if lacking_kopecks > 0 and wanted <= terms.most else ()
    return tuple(dict.fromkeys((*first, *(step.up_to for step in terms.steps))))


def percent_of(fee_kopecks: int, kopecks: int) -> str:
    """The fee as a share of the sum, to a tenth of a percent, up: `8,6`."""
    tenths = -(-fee_kopecks * 1000 // kopecks)
    return f"{tenths // 10},{tenths % 10}" if tenths % 10 else str(tenths // 10)


def _roubles(kopecks: int) -> str:
    roubles, rest = divmod(kopecks, 100)
    whole = f"{roubles:,}".replace(",", "\u00a0")
    return f"{whole},{rest:02}" if rest else whole


def _written(day: date) -> str:
    return f"{day:%d.%m.%Y}"
