"""What may be changed in a new version of a tariff, service or package, as texts in fields and back.

A field's key says what it is about: `fee`, `fee:moskva`, `gives:data:roaming`, `step:internet:35gb`,
`rate:voice:out:home`. Everything that has no field (rules of switching, zones, how a price is rounded) comes from the
catalogue file alone.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from unicodedata import category

from pydantic import ValidationError

from cabinet.domain.allowances import UsageKind
from cabinet.domain.catalogue import HOME, Bundle, Grant, Option, Plan
from cabinet.domain.errors import CabinetError
from cabinet.domain.money import InvalidAmount, parse_kopecks
from cabinet.domain.rating import Direction

UNITS = {UsageKind.DATA: 2**30, UsageKind.VOICE: 60, UsageKind.SMS: 1}
"""Fields hold gigabytes, minutes and messages."""

UNLIMITED = "безлимит"
_UNLIMITED_WORDS = frozenset({UNLIMITED, "unlimited"})
_MOST_QUANTITY = 10**6
_MOST_KOPECKS = 10**8
TEXTS = {"name": 80, "tagline": 1000, "description": 1000}
"""Fields of words, and how long they may be."""

Item = Plan | Option | Bundle


class EditWrong(CabinetError):
    """`faults`: what is wrong with which field."""

    message = "Так продавать нельзя: исправьте поля, отмеченные красным."

    def __init__(self, faults: Mapping[str, str]) -> None:
        self.faults = dict(faults)
        super().__init__()


class NothingChanged(CabinetError):
    message = "Ничего не изменилось: такая версия уже есть."


def fields_of(item: Item, regions: Mapping[str, str]) -> dict[str, str]:
    """What stands in the fields of this version, in their order. Every region has a field for its own fee."""
    if isinstance(item, Plan):
        return _plan_fields(item, regions)
    fields = {"name": item.name, "description": item.description}
    if isinstance(item, Option):
        fields["price"] = _roubles(item.price_kopecks)
        return fields | _grant_fields(item.gives, [(grant.kind, grant.scope) for grant in item.gives])
    fields |= {"price": _roubles(item.price), "gives": _quantity(item.gives.kind, item.gives.amount)}
    return fields | {"lasts_days": "" if item.lasts_days is None else str(item.lasts_days)}


def next_version(item: Item, typed: Mapping[str, Any], regions: Mapping[str, str]) -> Item:
    """The version after `item` with what was typed; fields that did not come stay as they are.

    Raises:
        EditWrong: fields are not what they have to be; all of them are named.
        NothingChanged: it would be the same.
    """
    before = fields_of(item, regions)
    changed = {key: text for key, text in _texts(before, typed).items() if text != before[key]}
    if not changed:
        raise NothingChanged
    faults: dict[str, str] = {}
    content = item.content() | {"version": item.version + 1}
    for key, text in changed.items():
        try:
            _put(item, content, key, text)
        except _Wrong as wrong:
            faults[key] = str(wrong)
    if faults:
        raise EditWrong(faults)
    try:
        made = type(item).model_validate(content)
    except ValidationError:
        raise EditWrong({"fee": "Нужна плата: общая или хотя бы в одном регионе."}) from None
    if isinstance(made, Plan) and (faults := _unpriced(made)):
        raise EditWrong(faults)
    if made.content() == item.content() | {"version": made.version}:
        raise NothingChanged
    return made.model_copy(update={"archived": item.archived})


def read_day(text: Any, today: date) -> date:
    """The day on which a version comes on sale.

    Raises:
        EditWrong: it is no day, a day of the past, or more than a year away.
    """
    try:
        day = date.fromisoformat(text if isinstance(text, str) else "")
    except ValueError:
        raise EditWrong({"starts_on": "С какого дня продавать новую версию?"}) from None
    if not today <= day <= today + timedelta(days=366):
        raise EditWrong({"starts_on": "День — от сегодняшнего, не дальше года."})
    return day


class _Wrong(ValueError):
    """What is wrong with one field."""


def _texts(before: Mapping[str, str], typed: Mapping[str, Any]) -> dict[str, str]:
    """Only texts, without the spaces around them; other values a browser of ours does not send."""
    texts = {key: value.strip() for key in before if isinstance(value := typed.get(key), str)}
    return {key: UNLIMITED if key.startswith("gives") and _is_unlimited(text) else text for key, text in texts.items()}


def _is_unlimited(text: str) -> bool:
    return text.casefold() in _UNLIMITED_WORDS


# --- fields ----------------------------------------------------------------------------------------------------------


def _plan_fields(plan: Plan, regions: Mapping[str, str]) -> dict[str, str]:
    fields = {"name": plan.name, "tagline": plan.tagline, "description": plan.description}
    fields["fee"] = "" if plan.fee is None else _roubles(plan.fee)
    for region in {**dict.fromkeys(plan.fee_by_region), **dict.fromkeys(regions)}:
        own = plan.fee_by_region.get(region)
        fields[f"fee:{region}"] = "" if own is None else _roubles(own)
    usual = [(kind, "") for kind in UNITS]
    fields |= _grant_fields(plan.allowances, [*usual, *((grant.kind, grant.scope) for grant in plan.allowances)])
    for setting in plan.settings:
        for step in setting.steps:
            fields[f"step:{setting.code}:{step.code}"] = _roubles(step.price)
    for rate in plan.rates:
        if not rate.free:
            fields[f"rate:{rate.kind}:{rate.direction}:{rate.zone}"] = _roubles(rate.price_kopecks)
    return fields


def _grant_fields(grants: tuple[Grant, ...], keys: list[tuple[UsageKind, str]]) -> dict[str, str]:
    fields = {}
    for kind, scope in keys:
        amounts = [grant.amount for grant in grants if (grant.kind, grant.scope) == (kind, scope)]
        whole = None if None in amounts else sum(amount for amount in amounts if amount is not None)
        fields[f"gives:{kind}:{scope}"] = _quantity(kind, whole) if amounts else ""
    return fields


def _roubles(kopecks: int) -> str:
    roubles, rest = divmod(kopecks, 100)
    return f"{roubles},{rest:02}" if rest else str(roubles)


def _quantity(kind: UsageKind, amount: int | None) -> str:
    if amount is None:
        return UNLIMITED
    return f"{(Decimal(amount) / UNITS[kind]).normalize():f}".replace(".", ",")


# --- and back --------------------------------------------------------------------------------------------------------


def _put(item: Item, content: dict[str, Any], key: str, text: str) -> None:
    """Writes one changed field into the content of the new version."""
    what, _, rest = key.partition(":")
    if what in TEXTS:
        _put_text(content, what, text)
    elif what == "rate":
        _put_rate(content, rest, text)
    elif what == "step":
        setting_code, _, step_code = rest.partition(":")
        steps = next(one for one in content["settings"] if one["code"] == setting_code)["steps"]
        next(step for step in steps if step["code"] == step_code)["price"] = _read_kopecks(text)
    elif what == "fee":
        _put_fee(content, rest, text)
    elif what == "price":
        content["price" if isinstance(item, Bundle) else "price_kopecks"] = _read_kopecks(text)
    elif what == "lasts_days":
        _put_or_drop(content, "lasts_days", text, _read_days)
    elif isinstance(item, Bundle):
        content["gives"] |= {"amount": _read_quantity(item.gives.kind, text)}
    else:
        _put_grant(content, "allowances" if isinstance(item, Plan) else "gives", rest, text)


def _put_text(content: dict[str, Any], key: str, text: str) -> None:
    if not text and key == "name":
        raise _Wrong("Напишите название.")
    if len(text) > TEXTS[key] or any(category(sign) in ("Cc", "Cs") and sign != "\n" for sign in text):
        raise _Wrong(f"Обычный текст, не длиннее {TEXTS[key]} знаков.")
    content[key] = text


def _put_fee(content: dict[str, Any], region: str, text: str) -> None:
    target = content.setdefault("fee_by_region", {}) if region else content
    _put_or_drop(target, region or "fee", text, _read_kopecks)


def _put_or_drop(target: dict[str, Any], key: str, text: str, read: Callable[[str], int]) -> None:
    if text:
        target[key] = read(text)
    else:
        target.pop(key, None)


def _put_rate(content: dict[str, Any], key: str, text: str) -> None:
    kopecks = _read_kopecks(text)
    if not kopecks:
        raise _Wrong("Цена — больше нуля.")
    for rate in content["rates"]:
        if f"{rate['kind']}:{rate.get('direction', Direction.OUT)}:{rate.get('zone', HOME)}" == key:
            rate["price_kopecks"] = kopecks


def _put_grant(content: dict[str, Any], section: str, key: str, text: str) -> None:
    kind, _, scope = key.partition(":")
    kept = [one for one in content.get(section, []) if (one["kind"], one.get("scope", "")) != (kind, scope)]
    if text:
        kept.append({"kind": kind, "amount": _read_quantity(UsageKind(kind), text), "scope": scope})
    content[section] = kept


def _read_kopecks(text: str) -> int:
    wrong = _Wrong("Сумма в рублях до 1 000 000, например 650 или 2,50.")
    try:
        kopecks = parse_kopecks(text)
    except InvalidAmount:
        raise wrong from None
    if kopecks > _MOST_KOPECKS:
        raise wrong
    return kopecks


def _read_days(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:5]) <= 3650):
        raise _Wrong("Целое число дней, от 1 до 3650.")
    return int(text)


def _read_quantity(kind: UsageKind, text: str) -> int | None:
    if _is_unlimited(text):
        return None
    wrong = _Wrong(f"Число больше нуля или «{UNLIMITED}».")
    plain = "".join(text.split()).replace(",", ".")
    if not plain.isascii() or len(plain) > 16 or set(plain) - set("0123456789."):
        raise wrong
    try:
        amount = Decimal(plain) * UNITS[kind]
    except InvalidOperation:
        raise wrong from None
    if not 0 < amount <= _MOST_QUANTITY * UNITS[kind] or amount != int(amount):
        raise wrong
    return int(amount)


def _unpriced(plan: Plan) -> dict[str, str]:
    """A package of what the plan has no price for would never be spent."""
    rules = plan.compile().rules
    return {
        f"gives:{grant.kind}:{grant.scope}": "В тарифе нет цены этого: такой пакет не потратить."
        for grant in plan.allowances
        if (grant.kind, Direction.OUT, grant.scope or HOME) not in rules
    }
