"""Promotions: whom they are for, what they give, and when they can be joined.

A promotion is for those whose facts meet all of its conditions. Its rewards come at once when it is joined: roubles to
the account, packages, or a discount on the next fees of the plan, of a service or of a monthly package. A discount
never makes a fee less than nothing, and one fee has one discount: the one that takes off most; others keep their turn.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from cabinet.domain.allowances import UsageKind
from cabinet.domain.errors import CabinetError

MOST_PERIODS = 36
MOST_DAYS = 365
MOST_KOPECKS = 10_000_000
MOST_PLACES = 10_000_000
_CODE = re.compile(r"[a-z][a-z0-9_]{1,39}")
_PROMO_CODE = re.compile(r"[A-Z0-9]{4,24}")
_LOOKALIKES = str.maketrans("АВЕКМНОРСТУХ", "ABEKMHOPCTYX")  # what a Russian keyboard types instead


class TermsWrong(CabinetError):
    """The terms cannot be; for the staff."""

    message = "{what}"

    def __init__(self, what: str) -> None:
        super().__init__(what=what)


class PromotionOver(CabinetError):
    message = "Акция закончилась. Ничего не изменили и не списали."


class PromotionNotForYou(CabinetError):
    message = "Эта акция — не для вашего номера: кому она подходит, сказано в её правилах."


class AlreadyJoined(CabinetError):
    message = "Вы уже участвовали в этой акции."


class NoPlacesLeft(CabinetError):
    message = "Все места в этой акции заняты. Ничего не изменили и не списали."


class NotJoined(CabinetError):
    message = "Вы не участвуете в этой акции."


class PromoCodeUnknown(CabinetError):
    """Also of one that was used: whoever guesses is not told that there is such a code."""

    message = "Такого промокода нет, или его уже использовали. Проверьте буквы и цифры."


class PromoCodeOver(CabinetError):
    message = "Промокод {code} закончился {on}. Проверьте, нет ли у вас другого."


# --- whom it is for --------------------------------------------------------------------------------------------------


class Fact(StrEnum):
    """What is known of a subscriber. Words: the first three; the others are whole numbers."""

    PLAN = "plan"  # its code
    REGION = "region"
    OPTION = "option"  # codes of services that are on
    TENURE_DAYS = "tenure_days"
    DATA_GB = "data_gb"  # used in the last 30 days, rounded down
    VOICE_MINUTES = "voice_minutes"  # the same
    SMS = "sms"
    SPENT_ROUBLES = "spent_roubles"  # in the last 30 days
    BALANCE_ROUBLES = "balance_roubles"  # now
    TOP_UPS = "top_ups"  # in the last 90 days


WORDS = frozenset({Fact.PLAN, Fact.REGION, Fact.OPTION})
USED = frozenset({Fact.DATA_GB, Fact.VOICE_MINUTES, Fact.SMS})

Facts = Mapping[Fact, int | frozenset[str]]


@dataclass(frozen=True, slots=True)
class Condition:
    """Of words: at least one is among `one_of` and none among `none_of`. Of a number: its bounds, both included."""

    fact: Fact
    one_of: tuple[str, ...] = ()
    none_of: tuple[str, ...] = ()
    at_least: int | None = None
    at_most: int | None = None

    def is_met(self, facts: Facts) -> bool:
        """Whether it holds; what is not known does not."""
        value = facts.get(self.fact)
        if isinstance(value, frozenset):
            return (not self.one_of or bool(value & set(self.one_of))) and not value & set(self.none_of)
        if value is None:
            return False
        return (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)


def is_for(conditions: Iterable[Condition], facts: Facts) -> bool:
    """Whether all conditions are met; none at all are met by everybody."""
    return all(condition.is_met(facts) for condition in conditions)


def facts_needed(conditions: Iterable[Condition]) -> frozenset[Fact]:
    """What has to be known to tell."""
    return frozenset(condition.fact for condition in conditions)


# --- what it gives ---------------------------------------------------------------------------------------------------


class DiscountOn(StrEnum):
    """What a discount is on."""

    PLAN = "plan"
    OPTION = "option"
    BUNDLE = "bundle"  # one that comes every month, or is bought


@dataclass(frozen=True, slots=True)
class Money:
    """Roubles to the account."""

    kopecks: int
    reward: Literal["money"] = "money"


@dataclass(frozen=True, slots=True)
class Package:
    """A package for so many days and the rest of the present one; `amount` in the kind's unit."""

    kind: UsageKind
    amount: int
    days: int
    reward: Literal["package"] = "package"


@dataclass(frozen=True, slots=True)
class Discount:
    """On the next `periods` fees: `percent`, or so many `kopecks`. `code`: which service or package; empty of the plan:
    whichever it is."""

    on: DiscountOn
    periods: int
    percent: int = 0
    kopecks: int = 0
    code: str = ""
    reward: Literal["discount"] = "discount"

    def off(self, full_kopecks: int) -> int:
        """Kopecks that it takes off a fee: never more than the fee, rounded in the subscriber's favour."""
        if self.percent:
            return -(-full_kopecks * self.percent // 100)
        return min(self.kopecks, full_kopecks)


Reward = Annotated[Money | Package | Discount, Field(discriminator="reward")]


@dataclass(frozen=True, slots=True)
class HeldDiscount:
    """A discount that was promised and is not used up: `used` of its periods are over.

    `present`: the number of the use that the plan's present period was paid with, if it was.
    """

    participation_id: int
    promotion: str
    version: int
    name: str
    discount: Discount
    used: int = 0
    present: int | None = None

    @property
    def left(self) -> int:
        """Fees that it is still good for."""
        return self.discount.periods - self.used

    def is_on(self, on: DiscountOn, code: str) -> bool:
        """Whether it is for that plan, service or package."""
        return self.discount.on == on and self.discount.code in ("", code)


@dataclass(frozen=True, slots=True)
class Applied:
    """A discount as one fee had it: the `number`th of `periods`. From it `off` can be computed again."""

    participation_id: int
    promotion: str
    version: int
    name: str
    percent: int
    kopecks: int
    number: int
    periods: int

    @property
    def is_last(self) -> bool:
        """There is no other after it."""
        return self.number == self.periods

    def off(self, full_kopecks: int) -> int:
        """Kopecks that it takes off."""
        return Discount(DiscountOn.PLAN, self.periods, self.percent, self.kopecks).off(full_kopecks)

    def explanation(self) -> dict[str, Any]:
        """Facts for the ledger's explanation of the fee, under `discount`."""
        return {
            "promotion": self.promotion,
            "version": self.version,
            "name": self.name,
            "percent": self.percent,
            "kopecks": self.kopecks,
            "number": self.number,
            "periods": self.periods,
        }


def best_discount(
    held: Iterable[HeldDiscount], on: DiscountOn, code: str, full_kopecks: int, *, goes_on: bool = False
) -> Applied | None:
    """The discount of a fee: the one that takes off most, the earlier of two alike; None where none does.

    `goes_on`: the fee is for the rest of the plan's present period, and what that was paid with counts on.
    """
    best, most = None, 0
    for one in sorted(held, key=lambda one: one.participation_id):
        number = one.present if goes_on and one.present is not None else one.used + 1
        off = one.discount.off(full_kopecks)
        if one.is_on(on, code) and number <= one.discount.periods and off > most:
            best, most = _applied(one, number), off
    return best


def _applied(held: HeldDiscount, number: int) -> Applied:
    discount = held.discount
    return Applied(
        participation_id=held.participation_id,
        promotion=held.promotion,
        version=held.version,
        name=held.name,
        percent=discount.percent,
        kopecks=discount.kopecks,
        number=number,
        periods=discount.periods,
    )


def recompute_off(explanation: Mapping[str, Any], full_kopecks: int) -> int:
    """Kopecks that the discount in a fee's explanation took off; 0 without one."""
    facts = explanation.get("discount")
    if not facts:
        return 0
    return Discount(DiscountOn.PLAN, facts["periods"], facts["percent"], facts["kopecks"]).off(full_kopecks)


# --- its terms -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Terms:
    """A version of a promotion, never changed. It can be joined from `starts_at` to before `ends_at` (None: without an
    end), and what it gave stays after that.

    `needs_code`: it is in nobody's list and joined by a promo code. `places`: how many may join in all.
    """

    title: str
    teaser: str
    rules: str
    icon: str
    rewards: tuple[Reward, ...]
    starts_at: datetime
    ends_at: datetime | None = None
    conditions: tuple[Condition, ...] = field(default=())
    needs_code: bool = False
    places: int | None = None

    @property
    def discount(self) -> Discount | None:
        """Its discount, if it has one."""
        return next((one for one in self.rewards if isinstance(one, Discount)), None)

    @property
    def gift_kopecks(self) -> int:
        """Roubles to the account."""
        return sum(one.kopecks for one in self.rewards if isinstance(one, Money))

    def is_open(self, now: datetime) -> bool:
        """Whether it can be joined at that moment, as far as its dates go."""
        return self.starts_at <= now and (self.ends_at is None or now < self.ends_at)


_TERMS: TypeAdapter[Terms] = TypeAdapter(Terms)


def write_terms(terms: Terms) -> dict[str, Any]:
    """As JSON-able values."""
    written: dict[str, Any] = _TERMS.dump_python(terms, mode="json")
    return written


def read_terms(written: Mapping[str, Any]) -> Terms:
    """What `write_terms` wrote."""
    return _TERMS.validate_python(dict(written))


def check_code(code: str) -> str:
    """The promotion's own name in addresses and explanations.

    Raises:
        TermsWrong: it is not made of Latin letters, digits and underscores.
    """
    if not _CODE.fullmatch(code):
        raise TermsWrong("Код акции: от 2 до 40 строчных латинских букв, цифр и подчёркиваний, первая — буква.")
    return code


def check_terms(terms: Terms) -> Terms:
    """Refuses what makes no promotion.

    Raises:
        TermsWrong: what is wrong, in the words of the desk.
    """
    if not 3 <= len(terms.title) <= 80:
        raise TermsWrong("Название: от 3 до 80 знаков.")
    if len(terms.teaser) > 160 or len(terms.rules) > 4_000:
        raise TermsWrong("Короткий текст — до 160 знаков, правила — до 4000.")
    if terms.ends_at is not None and terms.ends_at <= terms.starts_at:
        raise TermsWrong("Акция заканчивается раньше, чем начинается.")
    if terms.places is not None and not 1 <= terms.places <= MOST_PLACES:
        raise TermsWrong("Мест: хотя бы одно, или оставьте поле пустым.")
    if not terms.rewards:
        raise TermsWrong("Что даёт акция? Нужна хотя бы одна награда.")
    if sum(isinstance(one, Discount) for one in terms.rewards) > 1:
        raise TermsWrong("Скидка в одной акции — одна.")
    for reward in terms.rewards:
        _check_reward(reward)
    for condition in terms.conditions:
        _check_condition(condition)
    return terms


def _check_reward(reward: Money | Package | Discount) -> None:
    if isinstance(reward, Money):
        if not 1 <= reward.kopecks <= MOST_KOPECKS:
            raise TermsWrong("Деньги в подарок: от 0,01 до 100 000 ₽.")
    elif isinstance(reward, Package):
        if reward.amount < 1 or not 0 <= reward.days <= MOST_DAYS:
            raise TermsWrong("Пакет: сколько в нём и на сколько дней, не больше 365.")
    elif bool(reward.percent) == bool(reward.kopecks):
        raise TermsWrong("Скидка — в процентах или в рублях, что-то одно.")
    elif not (0 <= reward.percent <= 100 and 0 <= reward.kopecks <= MOST_KOPECKS):
        raise TermsWrong("Скидка: от 1 до 100 %, или сумма в рублях.")
    elif not 1 <= reward.periods <= MOST_PERIODS:
        raise TermsWrong("Скидка действует от 1 до 36 плат.")
    elif reward.on != DiscountOn.PLAN and not reward.code:
        raise TermsWrong("Скидка на услугу или пакет: на какой?")


def _check_condition(condition: Condition) -> None:
    if condition.fact in WORDS:
        if not condition.one_of and not condition.none_of:
            raise TermsWrong("Условие пустое: выберите, что подходит.")
    elif condition.at_least is None and condition.at_most is None:
        raise TermsWrong("Условие пустое: от скольких или до скольких?")


# --- promo codes -----------------------------------------------------------------------------------------------------


def read_promo_code(typed: str) -> str:
    """What was meant: capitals, without spaces and hyphens, Russian letters that look Latin as Latin ones.

    Raises:
        PromoCodeUnknown: it cannot be a code.
    """
    code = re.sub(r"[\s-]", "", typed[:64]).upper().translate(_LOOKALIKES)
    if not _PROMO_CODE.fullmatch(code):
        raise PromoCodeUnknown
    return code


def held_after(held: Sequence[HeldDiscount], applied: Iterable[Applied]) -> tuple[HeldDiscount, ...]:
    """The discounts when those fees have been paid with them."""
    numbers = {one.participation_id: one.number for one in applied}
    return tuple(
        HeldDiscount(
            one.participation_id,
            one.promotion,
            one.version,
            one.name,
            one.discount,
            max(one.used, numbers.get(one.participation_id, 0)),
            one.present,
        )
        for one in held
    )


def coming_fees(
    held: Sequence[HeldDiscount], code: str, full_kopecks: int, count: int, on: DiscountOn = DiscountOn.PLAN
) -> list[int]:
    """What the next `count` fees of the plan, service or package come to, one after another, with the discounts there
    are."""
    fees = []
    for _ in range(count):
        applied = best_discount(held, on, code, full_kopecks) if held else None
        fees.append(full_kopecks - applied.off(full_kopecks) if applied else full_kopecks)
        held = held_after(held, [applied]) if applied else ()
    return fees
