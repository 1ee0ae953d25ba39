"""What the operator sells, read from the YAML file that the operator edits.

A plan, an option and a bundle are versions: the file names the number, `digest` tells whether what was sold under it is
still the same, and `content` is all that has to be kept to explain it for ever.

In the file every value is text ("650", "35 GB", "2.50 per min") and is never seen by YAML's own ideas of numbers; in
`content` it is already whole kopecks, seconds, messages and bytes. So text is what a person wrote, an int is ours.
A default of a model below never changes: stored contents leave defaults out.
"""

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as field_of
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Self, TypeVar

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from cabinet.domain.allowances import UsageKind
from cabinet.domain.errors import CabinetError
from cabinet.domain.money import InvalidAmount, parse_kopecks
from cabinet.domain.periods import PeriodUnit
from cabinet.domain.rating import ROUNDING_STEPS, Direction, Rates, Reason, Rounding, Rule

HOME = "home"  # the zone of ordinary usage; every catalogue has it
ON_NET = "on_net"  # numbers of the operator's own network

_MOST_BYTES = 2**22


class Fault(NamedTuple):
    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


class CatalogueError(CabinetError):
    """The file was refused whole. For the operator's staff, so one line a fault and no words for a subscriber."""

    message = "{faults}"

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(faults, key=lambda fault: fault.line))
        super().__init__(faults="\n".join(map(str, self.faults)))


class NotSoldInRegion(CabinetError):
    message = "Тариф «{plan}» не продаётся в вашем регионе."


class UnknownSetting(CabinetError):
    message = "В тарифе «{plan}» нет такой настройки. Обновите страницу и выберите заново."


# --- what a person writes --------------------------------------------------------------------------------------------

_UNITS = {
    "s": (UsageKind.VOICE, 1),
    "sec": (UsageKind.VOICE, 1),
    "min": (UsageKind.VOICE, 60),
    "sms": (UsageKind.SMS, 1),
    "kb": (UsageKind.DATA, 2**10),
    "mb": (UsageKind.DATA, 2**20),
    "gb": (UsageKind.DATA, 2**30),
}
_QUANTITY = re.compile(r"(?:(\d{1,9}(?:\.\d{1,3})?|unlimited) )?([a-z]+)", re.ASCII | re.IGNORECASE)


def parse_quantity(text: str) -> tuple[UsageKind, int | None]:
    """What "500 min", "1.5 GB", "50 SMS", "GB" (one) or "unlimited GB" (None) mean, in the kind's own unit.

    Raises:
        ValueError: anything else, and a fraction that is no whole number of seconds, messages or bytes.
    """
    found = _QUANTITY.fullmatch(text.strip())
    unit = _UNITS.get(found[2].lower()) if found else None
    if found is None or unit is None:
        raise ValueError(f"not a quantity: {text!r}; write 500 min, 30 s, 50 SMS, 35 GB or unlimited GB")
    kind, size = unit
    if found[1] and found[1].lower() == "unlimited":
        return kind, None
    amount = Decimal(found[1] or "1") * size
    if amount != int(amount) or amount == 0:
        raise ValueError(f"not a whole quantity above zero: {text!r}")
    return kind, int(amount)


def _read_price(text: str) -> int:
    if text.strip().startswith(("-", "−")):
        raise ValueError(f"a price cannot be negative: {text}")
    try:
        return parse_kopecks(text)
    except InvalidAmount:
        raise ValueError(f"not an amount in roubles with at most two decimals: {text!r}") from None


def _kopecks(value: object) -> object:
    return _read_price(value) if isinstance(value, str) else value


def _whole(value: object) -> object:
    if not isinstance(value, str):
        return value
    if not re.fullmatch(r"[0-9]{1,6}", value):
        raise ValueError(f"not a whole number: {value!r}")
    return int(value)


def _flag(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return {"yes": True, "true": True, "no": False, "false": False}[value.lower()]
    except KeyError:
        raise ValueError(f"write yes or no, not {value!r}") from None


def _read_price_per(value: object, example: str) -> tuple[int, str]:
    """(kopecks, what they buy) of "49 per month"."""
    amount, per, what = value.partition(" per ") if isinstance(value, str) else ("", "", "")
    if not per:
        raise ValueError(f"write the price as {example} or free, not {value!r}")
    return _read_price(amount), what.strip()


Kopecks = Annotated[int, BeforeValidator(_kopecks), Field(ge=0)]
Number = Annotated[int, BeforeValidator(_whole), Field(ge=1)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=40)]
ZoneCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=24)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=80, strip_whitespace=True)]
Text = Annotated[str, StringConstraints(max_length=1000, strip_whitespace=True)]
Words = Annotated[str, StringConstraints(min_length=1, max_length=1000, strip_whitespace=True)]

_T = TypeVar("_T")
_Many = Annotated[tuple[_T, ...], Field(strict=False)]  # a list in the file and in JSON


class _Model(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


# --- what is sold ----------------------------------------------------------------------------------------------------


class Grant(_Model):
    """Minutes, messages or bytes that come with something. `amount` None is unlimited; `scope` is the only
    zone it serves, empty: any that its rate lets allowances cover.

    In the file: `35 GB`, or `{amount: 10 GB, scope: messengers}`.
    """

    kind: Annotated[UsageKind, Field(strict=False)]
    amount: int | None
    scope: str = ""

    @model_validator(mode="before")
    @classmethod
    def _read(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = {"amount": value}
        if isinstance(value, dict) and isinstance(value.get("amount"), str):
            kind, amount = parse_quantity(value["amount"])
            value = {**value, "kind": kind, "amount": amount}
        return value


class Rate(_Model):
    """The price of one kind of usage in one zone, for what no allowance covers.

    `block` is what the price buys, in the kind's unit. `covered`: allowances without a zone may be spent here.
    `summed`: what is over the allowances is added up for the whole period and the sum is rounded up to blocks.
    In the file: `{kind: voice, zone: home, price: 2.50 per min, rounding: minute}`; a price may be `free`.
    """

    kind: Annotated[UsageKind, Field(strict=False)]
    direction: Annotated[Direction, Field(strict=False)] = Direction.OUT
    zone: ZoneCode = HOME
    rounding: Annotated[Rounding, Field(strict=False)]
    price_kopecks: Annotated[int, Field(ge=0)]
    block: Annotated[int, Field(ge=1)]
    covered: Flag = True
    summed: Flag = False
    free: Flag = False

    @model_validator(mode="before")
    @classmethod
    def _read(cls, value: Any) -> Any:
        if not isinstance(value, dict) or "price_kopecks" in value:
            return value
        value = dict(value)
        price, kind = value.pop("price", None), value.get("kind")
        if kind in _ROUNDING_UNLESS_SAID:
            value.setdefault("rounding", _ROUNDING_UNLESS_SAID[kind])
        if price == "free":
            return {**value, "price_kopecks": 0, "block": 1, "free": True}
        kopecks, unit = _read_price_per(price, "2.50 per min, 35 per GB, 3 per SMS")
        priced, block = parse_quantity(unit)
        if block is None or priced != kind:
            raise ValueError(f"a price of {kind} cannot be per {unit}")
        return {**value, "price_kopecks": kopecks, "block": block}

    @model_validator(mode="after")
    def _rounds_its_own_unit(self) -> Self:
        if self.rounding not in _ROUNDINGS_OF[self.kind]:
            raise ValueError(f"{self.kind} cannot be rounded by {self.rounding}")
        return self


_ROUNDING_UNLESS_SAID = {
    UsageKind.VOICE: Rounding.MINUTE,
    UsageKind.SMS: Rounding.EXACT,
    UsageKind.DATA: Rounding.KILOBYTE,
}
_ROUNDINGS_OF = {
    UsageKind.VOICE: {Rounding.EXACT, Rounding.MINUTE, Rounding.SECOND_AFTER_FIRST_MINUTE},
    UsageKind.SMS: {Rounding.EXACT},
    UsageKind.DATA: {Rounding.EXACT, Rounding.KILOBYTE, Rounding.MEGABYTE},
}


class Zone(_Model):
    """Where a call goes or a session is, or a class of traffic. What has no price of its own is rated `like` another.

    `destination` is the name after "Звонок": "в Казахстан".
    """

    name: Name
    destination: Text = ""
    like: str = ""

    @model_validator(mode="before")
    @classmethod
    def _read(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value


class Step(_Model):
    """One position of a setting. `price` is added to the plan's fee."""

    code: Code
    name: Name
    gives: _Many[Grant] = ()
    price: Kopecks


class Setting(_Model):
    """What the subscriber may choose within a plan: one step of it, `default` unless chosen."""

    code: Code
    name: Name
    default: Code
    steps: Annotated[tuple[Step, ...], Field(strict=False, min_length=2)]

    @model_validator(mode="after")
    def _default_is_a_step(self) -> Self:
        codes = [step.code for step in self.steps]
        if self.default not in codes:
            raise ValueError(f"the default {self.default!r} is none of the steps {', '.join(codes)}")
        if len(set(codes)) < len(codes):
            raise ValueError("two steps have the same code")
        return self


class FirstPeriod(StrEnum):
    """What who joins a plan within a billing period pays for and gets first."""

    WHOLE = "whole"  # a period of its own that begins on this day, so billing periods begin on this day from now on
    BY_DAY = "by_day"  # the days that are left of the present period


class SwitchTime(StrEnum):
    """When a change of plan or of its settings begins."""

    NOW = "now"
    PERIOD_END = "period_end"


class Switching(_Model):
    """What leaving this plan, joining it and changing its settings means. A plan is left by its own rules.

    `price` is asked of who joins. `refund_unused_fee`: who leaves within a paid period gets the days after this one
    back. `keep_leftovers`: what is left of this plan's packages stays to the end of their period, unlimited ones never.
    `joins`, `settings`: when joining and new settings may begin, the usual one first.
    """

    price: Kopecks = 0
    refund_unused_fee: Flag = False
    keep_leftovers: Flag = False
    first_period: Annotated[FirstPeriod, Field(strict=False)] = FirstPeriod.WHOLE
    joins: Annotated[_Many[Annotated[SwitchTime, Field(strict=False)]], Field(min_length=1)] = (
        SwitchTime.PERIOD_END,
        SwitchTime.NOW,
    )
    settings: Annotated[_Many[Annotated[SwitchTime, Field(strict=False)]], Field(min_length=1)] = (
        SwitchTime.PERIOD_END,
    )


class _Version(_Model):
    """`archived`: closed for joining. The only thing that may change in a version, so it is no part of its content."""

    code: Code
    version: Number
    name: Name
    description: Text = ""
    archived: Flag = False

    def content(self) -> dict[str, Any]:
        """All of the version as JSON-able values, without defaults; `type(self).model_validate(content)` reads it."""
        return self.model_dump(mode="json", exclude_defaults=True, exclude={"archived"})

    def digest(self) -> str:
        """SHA-256 of the content in its canonical form."""
        canonical = json.dumps(self.content(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


class Plan(_Version):
    """A version of a tariff. Its rates and zones are complete: those of the file with the plan's own on top.

    `fee` is asked where `fee_by_region` says nothing; without it the plan is sold only in the regions named.
    """

    tagline: Text = ""
    features: _Many[Text] = ()
    for_devices: Flag = False
    fee: Kopecks | None = None
    fee_by_region: dict[Code, Kopecks] = {}
    period: Annotated[PeriodUnit, Field(strict=False)] = PeriodUnit.MONTH
    allowances: _Many[Grant] = ()
    settings: _Many[Setting] = ()
    rates: _Many[Rate] = ()
    zones: dict[ZoneCode, Zone] = {}
    on_net_unlimited: Flag = False
    zero_rated: _Many[ZoneCode] = ()
    switching: Switching = Switching()

    @model_validator(mode="after")
    def _has_a_fee(self) -> Self:
        if self.fee is None and not self.fee_by_region:
            raise ValueError("a plan needs a fee, or fees by region")
        return self

    def is_sold_in(self, region: str) -> bool:
        return self.fee is not None or region in self.fee_by_region

    def chosen(self, settings: Mapping[str, str]) -> dict[str, str]:
        """The step of every setting: the one chosen, else the default.

        Raises:
            UnknownSetting: a setting or a step that the plan does not have.
        """
        steps = {setting.code: {step.code for step in setting.steps} for setting in self.settings}
        if any(step not in steps.get(setting, ()) for setting, step in settings.items()):
            raise UnknownSetting(plan=self.name)
        return {setting.code: settings.get(setting.code, setting.default) for setting in self.settings}

    def fee_for(self, region: str, settings: Mapping[str, str] | None = None) -> int:
        """Kopecks for one period in that region with those settings (`{setting: step}`, defaults for the rest).

        Raises:
            NotSoldInRegion: the plan has no fee there.
            UnknownSetting: a setting or a step that the plan does not have.
        """
        fee = self.fee_by_region.get(region, self.fee)
        if fee is None:
            raise NotSoldInRegion(plan=self.name)
        return fee + sum(step.price for step in self._steps(settings))

    def grants_for(self, settings: Mapping[str, str] | None = None) -> tuple[Grant, ...]:
        """What one period brings with those settings: one grant for each kind and scope.

        Raises:
            UnknownSetting: a setting or a step that the plan does not have.
        """
        sums: dict[tuple[UsageKind, str], int | None] = {}
        for grant in (*self.allowances, *(given for step in self._steps(settings) for given in step.gives)):
            key = grant.kind, grant.scope
            before = sums.get(key, 0)
            sums[key] = None if before is None or grant.amount is None else before + grant.amount
        return tuple(Grant(kind=kind, scope=scope, amount=amount) for (kind, scope), amount in sums.items())

    def rate_in(self, kind: UsageKind, direction: Direction, zone: str) -> Rate | None:
        """The price that holds in the zone: its own, or that of the zone it is rated like; None: there is none."""
        lines = {(line.kind, line.direction, line.zone): line for line in self.rates}
        return _priced(lines, kind, direction, _likes(self.zones, zone))

    def compile(self) -> Rates:
        """The plan's rates as `rating.rate` takes them."""
        lines = {(line.kind, line.direction, line.zone): line for line in self.rates}
        rules: dict[tuple[str, str, str], Rule] = {}
        for kind in UsageKind:
            for direction in Direction:
                for zone in self.zones:
                    rule = self._rule(lines, kind, direction, zone)
                    if rule is not None:
                        rules[kind, direction, zone] = rule
        return Rates(self.code, self.version, rules)

    def _rule(
        self, lines: Mapping[tuple[UsageKind, Direction, str], Rate], kind: UsageKind, direction: Direction, zone: str
    ) -> Rule | None:
        chain = _likes(self.zones, zone)
        line = _priced(lines, kind, Direction.OUT if kind == UsageKind.DATA else direction, chain)
        free: Reason | None = None
        if kind == UsageKind.DATA and not set(chain).isdisjoint(self.zero_rated):
            free = Reason.ZERO_RATED
        elif self.on_net_unlimited and kind == UsageKind.VOICE and direction == Direction.OUT and ON_NET in chain:
            free = Reason.ON_NET
        elif line is not None and line.free:
            free = Reason.FREE
        elif line is None and kind != UsageKind.DATA and direction == Direction.IN:
            free = Reason.INCOMING_FREE
        elif line is None:
            return None
        rounding = line.rounding if line else _ROUNDING_UNLESS_SAID[kind]
        minimum, step = ROUNDING_STEPS[rounding]
        return Rule(
            kind=kind,
            zone=line.zone if line else zone,
            rounding=rounding,
            block=line.block if line else 1,
            price_kopecks=line.price_kopecks if line else 0,
            is_covered=line.covered if line else False,
            scopes=frozenset(chain),
            minimum=minimum,
            step=step,
            counter=f"{kind}:{line.zone}" if line and line.summed else None,
            free=free,
        )

    def _steps(self, settings: Mapping[str, str] | None) -> list[Step]:
        chosen = self.chosen(settings or {})
        return [step for setting in self.settings for step in setting.steps if step.code == chosen[setting.code]]


class OptionPeriod(StrEnum):
    """How often the price of an option is asked."""

    DAY = "day"
    MONTH = "month"
    ONCE = "once"


class Option(_Version):
    """A version of an extra service. In the file: `price: 49 per month`, `19 per day`, `100 once`, or `free`.

    `gives` is what each price paid brings. A service paid once lasts to the end of the plan's billing period.
    `category_name` is the file's name of its category.
    """

    category: Code
    category_name: Text = ""
    price_kopecks: Annotated[int, Field(ge=0)]
    per: Annotated[OptionPeriod, Field(strict=False)] = OptionPeriod.MONTH
    requires: _Many[Code] = ()
    conflicts: _Many[Code] = ()
    included_in: _Many[Code] = ()
    trial_days: Number | None = None
    gives: _Many[Grant] = ()

    @model_validator(mode="before")
    @classmethod
    def _read(cls, value: Any) -> Any:
        if not isinstance(value, dict) or "price_kopecks" in value:
            return value
        value = dict(value)
        price = value.pop("price", None)
        if price == "free":
            return {**value, "price_kopecks": 0}
        if isinstance(price, str) and price.endswith(" once"):
            return {**value, "price_kopecks": _read_price(price.removesuffix(" once")), "per": "once"}
        kopecks, per = _read_price_per(price, "49 per month, 19 per day, 100 once")
        return {**value, "price_kopecks": kopecks, "per": per}


class Bundle(_Version):
    """A version of an extra package. `lasts_days` None: to the end of the billing period.

    A recurring one is asked and given anew every month, counted from the day it was bought.
    """

    gives: Grant
    price: Kopecks
    lasts_days: Number | None = None
    recurring: Flag = False


class SoldKind(StrEnum):
    """What is joined or bought by a number, and may be closed for that."""

    PLAN = "plan"
    OPTION = "option"
    BUNDLE = "bundle"


class VersionOutcome(StrEnum):
    """What became of a version that was planned."""

    WAITING = "waiting"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"
    OVERTAKEN = "overtaken"  # another version came on sale before its day


class PromiseStep(_Model):
    """What a promised payment costs up to a sum."""

    up_to: Kopecks
    fee: Kopecks


class PromisedPayment(_Version):
    """The terms of a promised payment: a sum now, taken back with its fee on the evening of the day `days` later.

    `least` is the smallest sum, the last step's the largest. Who may have it: who has been a subscriber for
    `tenure_days`, has returned the one before, and owes no more than `most_debt`.
    """

    least: Kopecks
    steps: Annotated[tuple[PromiseStep, ...], Field(strict=False, min_length=1)]
    days: Number
    tenure_days: Number = 30
    most_debt: Kopecks = 0

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        sums = [step.up_to for step in self.steps]
        if sums != sorted(set(sums)) or self.least > sums[0] or not self.least:
            raise ValueError("least and the steps have to go up, from above zero")
        return self

    @property
    def most(self) -> int:
        """The largest sum, kopecks."""
        return self.steps[-1].up_to

    def fee_for(self, kopecks: int) -> int | None:
        """Kopecks that this sum costs; None when it is not offered: too small, too large, or no whole roubles."""
        if not self.least <= kopecks <= self.most or kopecks % 100:
            return None
        return next(step.fee for step in self.steps if kopecks <= step.up_to)


class Misfit(NamedTuple):
    """What does not fit in a plan: where in it, and the reason as the file's reader tells it."""

    at: tuple[int | str, ...]
    reason: str


def misfits(plan: Plan, regions: Collection[str], zones: Collection[str]) -> Iterator[Misfit]:
    """What in a plan names something that is not there, or is said twice: of the file's plans and of the desk's."""

    def named(at: tuple[int | str, ...], code: str, known: Collection[str], section: str) -> Iterator[Misfit]:
        if code and code not in known:
            yield Misfit(at, f"{code!r} is none of the {section}")

    for region in plan.fee_by_region:
        yield from named(("fee_by_region", region), region, regions, "regions")
    for index, grant in enumerate(plan.allowances):
        yield from named(("allowances", index, "scope"), grant.scope, zones, "zones")
    for index, setting in enumerate(plan.settings):
        if setting.code in [other.code for other in plan.settings[:index]]:
            yield Misfit(("settings", index, "code"), f"{setting.code!r} is already a setting of this plan")
        for number, step in enumerate(setting.steps):
            for grant in step.gives:
                yield from named(("settings", index, "steps", number, "gives"), grant.scope, zones, "zones")
    for index, zone in enumerate(plan.zero_rated):
        yield from named(("zero_rated", index), zone, zones, "zones")
    if plan.on_net_unlimited and ON_NET not in zones:
        yield Misfit(("on_net_unlimited",), f"there is no zone {ON_NET!r}")


def unpriced(plan: Plan) -> Iterator[tuple[Grant, Setting | None, Step | None]]:
    """What a whole plan gives and has no price for, which would never be spent; with the step that gives it."""
    rules = plan.compile().rules
    given: list[tuple[Grant, Setting | None, Step | None]] = [(grant, None, None) for grant in plan.allowances]
    given += [(grant, setting, step) for setting in plan.settings for step in setting.steps for grant in step.gives]
    for grant, setting, step in given:
        if (grant.kind, Direction.OUT, grant.scope or HOME) not in rules:
            yield grant, setting, step


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A whole file that was found good; items by their codes, in the order of the file. `english`: words by the Russian
    ones, of no version: they may change at any time."""

    default_region: str
    regions: Mapping[str, str]
    categories: Mapping[str, str]
    zones: Mapping[str, Zone]
    plans: Mapping[str, Plan]
    options: Mapping[str, Option]
    bundles: Mapping[str, Bundle]
    promised_payments: Mapping[str, PromisedPayment] = field_of(default_factory=dict)
    english: Mapping[str, str] = field_of(default_factory=dict)


def load(path: Path) -> Catalogue:
    """Read the catalogue file.

    Raises:
        CatalogueError: anything is wrong with it; every fault is named by file, line and reason, and nothing is taken.
    """
    name = str(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise CatalogueError([Fault(name, 1, f"cannot be read: {error.strerror}")]) from None
    if len(raw) > _MOST_BYTES:
        raise CatalogueError([Fault(name, 1, f"{len(raw)} bytes; a catalogue has at most {_MOST_BYTES}")])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise CatalogueError([Fault(name, line, "not text in UTF-8")]) from None
    return parse(text, name)


def parse(text: str, name: str) -> Catalogue:
    """The catalogue of a file's text; `name` is what faults call the file.

    Raises:
        CatalogueError: see `load`.
    """
    return _Reader(text, name).read()


# --- reading ---------------------------------------------------------------------------------------------------------

_Loc = tuple[int | str, ...]
_Item = TypeVar("_Item", bound=_Version)
_SECTIONS = (
    "default_region",
    "regions",
    "categories",
    "zones",
    "rates",
    "plans",
    "options",
    "bundles",
    "promised_payments",
    "english",
)


class _Reader:
    """Collects the faults of one file, each with the line of the node it is about."""

    def __init__(self, text: str, name: str) -> None:
        self.text, self.name = text, name
        self.faults: list[Fault] = []
        self.root: yaml.Node | None = None

    def read(self) -> Catalogue:
        raw = self._compose()
        for key in raw:
            if key not in _SECTIONS:
                self._fault((key,), f"unknown key {key!r}; a catalogue has {', '.join(_SECTIONS)}")
        regions = self._mapping(raw, "regions", _NAMES)
        categories = self._mapping(raw, "categories", _NAMES)
        zones: dict[str, Zone] = self._mapping(raw, "zones", _ZONES)
        base_rates = self._list(raw, "rates", Rate)
        plans = self._versions(raw, "plans", Plan)
        options = self._versions(raw, "options", Option)
        bundles = self._versions(raw, "bundles", Bundle)
        promised = self._versions(raw, "promised_payments", PromisedPayment)
        english = self._mapping(raw, "english", _ENGLISH)
        default_region = raw.get("default_region")

        known = {
            section: self._codes(raw, section) for section in ("regions", "categories", "zones", "plans", "options")
        }
        if not isinstance(default_region, str) or default_region not in known["regions"]:
            self._fault(("default_region",), f"{default_region!r} is none of the regions")
        self._check_zones(zones, known["zones"])
        self._check_rates(base_rates, ("rates",), known["zones"])
        whole = {}
        for index, plan in plans.items():
            self._check_plan(plan, ("plans", index), known)
            whole[index] = _with_base(plan, [rate for _, rate in base_rates], zones)
        if not self.faults:
            for index, plan in whole.items():
                self._check_allowances_have_rates(plan, ("plans", index))
        for index, option in options.items():
            self._check_option(option, ("options", index), known)
        for index, bundle in bundles.items():
            self._check_reference(("bundles", index, "gives", "scope"), bundle.gives.scope, known["zones"], "zones")
        if self.faults:
            raise CatalogueError(self.faults)
        return Catalogue(
            default_region=str(default_region),
            regions=regions,
            categories=categories,
            zones=zones,
            plans={plan.code: plan for plan in whole.values()},
            options={
                option.code: option.model_copy(update={"category_name": categories[option.category]})
                for option in options.values()
            },
            bundles={bundle.code: bundle for bundle in bundles.values()},
            promised_payments={one.code: one for one in promised.values()},
            english=english,
        )

    # what the file says, before what it means

    def _compose(self) -> dict[str, Any]:
        try:
            self.root = yaml.compose(self.text, Loader=yaml.SafeLoader)
            raw = self._plain(self.root, set())
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self._fault_at(mark.line + 1 if mark else 1, f"not YAML: {error.problem or error.context}")
        except yaml.reader.ReaderError as error:
            self._fault_at(
                self.text.count("\n", 0, error.position) + 1, f"a character that YAML forbids: {error.reason}"
            )
        except RecursionError:
            self._fault_at(1, "nested too deeply")
        else:
            if not isinstance(raw, dict):
                self._fault_at(1, f"a catalogue is a mapping with {', '.join(_SECTIONS)}")
        if self.faults:
            raise CatalogueError(self.faults)
        return raw

    def _plain(self, node: yaml.Node | None, seen: set[int]) -> Any:
        """Lists, dicts, texts and None. Aliases are refused: they may be endless, and a price list needs none."""
        if node is None:
            return None
        line = node.start_mark.line + 1
        if id(node) in seen:
            self._fault_at(line, "aliases (*name) are not supported here: write it out")
            return None
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(child, seen) for child in node.value]
        if not isinstance(node, yaml.MappingNode):
            return None if node.tag == "tag:yaml.org,2002:null" else node.value
        plain: dict[str, Any] = {}
        for key, value in node.value:
            key_line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                self._fault_at(key_line, "a key has to be plain text")
            elif key.value in plain:
                self._fault_at(key_line, f"{key.value!r} is written twice")
            else:
                plain[key.value] = self._plain(value, seen)
        return plain

    def _mapping(self, raw: dict[str, Any], section: str, adapter: TypeAdapter[Any]) -> dict[str, Any]:
        return self._valid((section,), raw.get(section, {}), adapter.validate_python) or {}

    def _list(self, raw: dict[str, Any], section: str, model: type[_Model]) -> list[tuple[int, Any]]:
        items = raw.get(section) or []
        if not isinstance(items, list):
            self._fault((section,), f"{section} has to be a list")
            return []
        read = ((index, self._valid((section, index), item, model.model_validate)) for index, item in enumerate(items))
        return [(index, item) for index, item in read if item is not None]

    def _versions(self, raw: dict[str, Any], section: str, model: type[_Item]) -> dict[int, _Item]:
        """The good ones by their place in the list. A code may be sold in one version of a file only."""
        items = dict(self._list(raw, section, model))
        first: dict[str, int] = {}
        for index, item in items.items():
            if item.code in first:
                line = self._line((section, first[item.code]))
                self._fault((section, index, "code"), f"{item.code!r} is already used on line {line}")
            first.setdefault(item.code, index)
        return items

    @staticmethod
    def _codes(raw: dict[str, Any], section: str) -> set[str]:
        """Every code that is written, also of items with faults, so that one fault is not told twice."""
        items = raw.get(section)
        if isinstance(items, list):
            items = [item.get("code") for item in items if isinstance(item, dict)]
        return {code for code in items or () if isinstance(code, str)}

    def _valid(self, at: _Loc, value: Any, validate: Callable[[Any], _T]) -> _T | None:
        try:
            return validate(value)
        except ValidationError as error:
            for fault in error.errors(include_url=False):
                self._fault((*at, *fault["loc"]), _reason(fault))
            return None

    # what it means

    def _check_zones(self, zones: dict[str, Zone], known: set[str]) -> None:
        if HOME not in known:
            self._fault(("zones",), f"there has to be a zone {HOME!r}")
        for code, zone in zones.items():
            at = ("zones", code, "like")
            self._check_reference(at, zone.like, known, "zones")
            if len(_likes(zones, code)) > len(zones):
                self._fault(at, f"{code!r} is rated like itself")

    def _check_rates(self, rates: list[tuple[int, Rate]], at: _Loc, zones: set[str]) -> None:
        first: dict[Any, int] = {}
        for index, rate in rates:
            self._check_reference((*at, index, "zone"), rate.zone, zones, "zones")
            key = rate.kind, rate.direction, rate.zone
            if key in first:
                line = self._line((*at, first[key]))
                self._fault((*at, index), f"{rate.kind} {rate.direction} in {rate.zone!r} has a price on line {line}")
            first.setdefault(key, index)

    def _check_plan(self, plan: Plan, at: _Loc, known: dict[str, set[str]]) -> None:
        for misfit in misfits(plan, known["regions"], known["zones"]):
            self._fault((*at, *misfit.at), misfit.reason)
        if plan.zones:
            self._fault((*at, "zones"), "zones belong to the whole catalogue, not to a plan")
        self._check_rates(list(enumerate(plan.rates)), (*at, "rates"), known["zones"])

    def _check_allowances_have_rates(self, plan: Plan, at: _Loc) -> None:
        for grant, _, _ in unpriced(plan):
            zone = grant.scope or HOME
            self._fault(at, f"plan {plan.code!r} gives {grant.kind} but has no price of it in zone {zone!r}")

    def _check_option(self, option: Option, at: _Loc, known: dict[str, set[str]]) -> None:
        for index, grant in enumerate(option.gives):
            self._check_reference((*at, "gives", index, "scope"), grant.scope, known["zones"], "zones")
        self._check_reference((*at, "category"), option.category, known["categories"], "categories")
        if option.category_name:
            self._fault((*at, "category_name"), "names of categories belong to the whole catalogue, not to a service")
        for field, section in (("requires", "options"), ("conflicts", "options"), ("included_in", "plans")):
            for index, code in enumerate(getattr(option, field)):
                self._check_reference((*at, field, index), code, known[section], section)
                if section == "options" and code == option.code:
                    self._fault((*at, field, index), f"{code!r} names itself")
        for code in set(option.requires) & set(option.conflicts):
            self._fault((*at, "conflicts"), f"{code!r} is both required and in conflict")

    def _check_reference(self, at: _Loc, code: str, known: set[str], section: str) -> None:
        if code and code not in known:
            self._fault(at, f"{code!r} is none of the {section}")

    # faults

    def _fault(self, at: _Loc, reason: str) -> None:
        self._fault_at(self._line(at), reason)

    def _fault_at(self, line: int, reason: str) -> None:
        fault = Fault(self.name, line, reason)
        if fault not in self.faults:
            self.faults.append(fault)

    def _line(self, at: _Loc) -> int:
        """The line of the innermost node on the way to `at` that the file really has."""
        node, line = self.root, 1
        for part in at:
            if isinstance(node, yaml.MappingNode):
                pair = next(((key, value) for key, value in node.value if key.value == part), None)
                if pair is None:
                    break
                line, node = pair[0].start_mark.line + 1, pair[1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
                node = node.value[part]
                line = node.start_mark.line + 1
            else:
                break
        return line


def _likes(zones: Mapping[str, Zone], zone: str) -> list[str]:
    """The zone, the one it is rated like, and so on; longer than `zones` only if they go in a circle."""
    chain = [zone]
    while len(chain) <= len(zones) and chain[-1] in zones and zones[chain[-1]].like:
        chain.append(zones[chain[-1]].like)
    return chain


def _priced(
    lines: Mapping[tuple[UsageKind, Direction, str], Rate], kind: UsageKind, direction: Direction, chain: Iterable[str]
) -> Rate | None:
    """The first price of a zone and of those that it is rated like."""
    return next((lines[kind, direction, zone] for zone in chain if (kind, direction, zone) in lines), None)


def _with_base(plan: Plan, base: Sequence[Rate], zones: Mapping[str, Zone]) -> Plan:
    """The plan with the file's rates where it has none of its own."""
    own = {(rate.kind, rate.direction, rate.zone) for rate in plan.rates}
    rest = [rate for rate in base if (rate.kind, rate.direction, rate.zone) not in own]
    return plan.model_copy(update={"rates": (*plan.rates, *rest), "zones": dict(zones)})


def _reason(fault: Mapping[str, Any]) -> str:
    kind, key = fault["type"], fault["loc"][-1] if fault["loc"] else ""
    if kind == "missing":
        return f"{key!r} is required"
    if kind == "extra_forbidden":
        return f"unknown key {key!r}"
    text: str = fault["msg"].removeprefix("Value error, ")
    return text if kind == "value_error" else f"{text}, not {fault['input']!r:.60}"


_NAMES: TypeAdapter[dict[str, str]] = TypeAdapter(dict[Code, Name])
_ZONES: TypeAdapter[dict[str, Zone]] = TypeAdapter(dict[ZoneCode, Zone])
_ENGLISH: TypeAdapter[dict[str, str]] = TypeAdapter(dict[Words, Words])
