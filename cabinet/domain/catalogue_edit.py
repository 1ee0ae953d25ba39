"""What may be changed in a new version of a tariff, service or package, as texts in fields and back.

A field's key says what it is about: `fee`, `fee:moskva`, `gives:data:roaming`, `step:internet:35gb`,
`default:internet`, `rate:voice:out:home`, `switching:price`. Beside these the editor of a tariff has fields that are no
part of it: whether a step is kept (`keep:internet:35gb`), and what a new one would be (`new:internet:name`). Everything
that has no field (zones, how a price is rounded, what a service requires) comes from the catalogue file, or from what
is copied.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from unicodedata import category

from pydantic import ValidationError

from cabinet.domain.allowances import UsageKind
from cabinet.domain.catalogue import (
    HOME,
    Bundle,
    FirstPeriod,
    Grant,
    Option,
    Plan,
    Rate,
    Setting,
    SwitchTime,
    misfits,
    unpriced,
)
from cabinet.domain.errors import CabinetError
from cabinet.domain.money import InvalidAmount, parse_kopecks
from cabinet.domain.rating import Direction

UNITS = {UsageKind.DATA: 2**30, UsageKind.VOICE: 60, UsageKind.SMS: 1}
"""Fields hold gigabytes, minutes and messages."""

UNLIMITED = "безлимит"
FREE = "бесплатно"
YES, NO = "yes", "no"
_UNLIMITED_WORDS = frozenset({UNLIMITED, "unlimited"})
_FREE_WORDS = frozenset({FREE, "free"})
_CODE = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}", re.ASCII)
_PER = {UsageKind.VOICE: "min", UsageKind.SMS: "SMS", UsageKind.DATA: "GB"}
_TIMES = {
    ",".join(times): list(times)
    for times in (
        (SwitchTime.PERIOD_END, SwitchTime.NOW),
        (SwitchTime.NOW, SwitchTime.PERIOD_END),
        (SwitchTime.PERIOD_END,),
        (SwitchTime.NOW,),
    )
}
_MOST_QUANTITY = 10**6
_MOST_KOPECKS = 10**8
CODE_TAKEN = "Такой код уже есть."
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


def controls_of(item: Item) -> dict[str, str]:
    """Fields of the editor that are no part of the version: steps that are kept, and the new ones."""
    if not isinstance(item, Plan):
        return {}
    controls: dict[str, str] = {}
    for setting in item.settings:
        controls |= {f"keep:{setting.code}:{step.code}": YES for step in setting.steps}
        controls |= {f"new:{setting.code}:name": "", f"new:{setting.code}:price": ""}
        controls |= {f"new:{setting.code}:gives:{kind}:{scope}": "" for kind, scope in _kinds_of(setting)}
    return controls


def choices_of(item: Item, key: str) -> list[str]:
    """What may stand in a field that is no free text; empty: it is one."""
    what, _, rest = key.partition(":")
    if what == "keep" or rest in ("refund_unused_fee", "keep_leftovers"):
        return [YES, NO]
    if what == "default" and isinstance(item, Plan):
        return [step.code for step in _setting(item, rest).steps]
    if what == "switching" and rest in ("joins", "settings"):
        return list(_TIMES)
    return [str(one) for one in FirstPeriod] if rest == "first_period" else []


def rate_of(plan: Plan, key: str) -> Rate:
    """The price that a field `rate:…` is about: the zone's own, or what would be its own if it had one."""
    _, kind, direction, zone = key.split(":")
    held = plan.rate_in(UsageKind(kind), Direction(direction), zone)
    if held is None:
        held = Rate.model_validate({"kind": kind, "direction": direction, "price": f"0 per {_PER[UsageKind(kind)]}"})
    return held if held.zone == zone else held.model_copy(update={"zone": zone})


def next_version(item: Item, typed: Mapping[str, Any], regions: Mapping[str, str]) -> Item:
    """The version after `item` with what was typed; fields that did not come stay as they are.

    Raises:
        EditWrong: fields are not what they have to be; all of them are named.
        NothingChanged: it would be the same.
    """
    made = _made(item, {"version": item.version + 1}, typed, regions)
    if made.content() == item.content() | {"version": made.version}:
        raise NothingChanged
    return made.model_copy(update={"archived": item.archived})


def copy_of(item: Item, typed: Mapping[str, Any], regions: Mapping[str, str], taken: Collection[str]) -> Item:
    """The first version of something new that is as `item` with what was typed, under a code of its own (`new_code`)
    that is not `taken`, and a name of its own; closed for joining unless `on_sale` says otherwise.

    Raises:
        EditWrong: fields are not what they have to be; all of them are named.
    """
    code, on_sale = typed.get("new_code"), typed.get("on_sale", YES)
    faults = {}
    if not isinstance(code, str) or not _CODE.fullmatch(code.strip()):
        faults["new_code"] = "Строчные латинские буквы, цифры, «_» и «-», до 40 знаков."
    elif code.strip() in taken:
        faults["new_code"] = CODE_TAKEN
    if _texts({"name": ""}, typed).get("name", item.name) == item.name:
        faults["name"] = "Дайте новое название: по нему отличают от прежнего."
    if on_sale not in (YES, NO):
        faults["on_sale"] = "Выберите из списка."
    if faults:
        raise EditWrong(faults)
    made = _made(item, {"code": str(code).strip(), "version": 1}, typed, regions)
    return made.model_copy(update={"archived": on_sale == NO})


def _made(item: Item, own: Mapping[str, Any], typed: Mapping[str, Any], regions: Mapping[str, str]) -> Item:
    before = fields_of(item, regions) | controls_of(item)
    faults: dict[str, str] = {}
    content = {**item.content(), **own}
    texts = _texts(before, typed)
    for key, text in texts.items():
        if text == before[key]:
            continue
        try:
            if (choices := choices_of(item, key)) and text not in choices:
                raise _Wrong("Выберите из списка.")
            _put(item, content, key, text)
        except _Wrong as wrong:
            faults[key] = str(wrong)
    if isinstance(item, Plan):
        _put_steps(item, content, texts, faults)
    if faults:
        raise EditWrong(faults)
    try:
        made = type(item).model_validate(content)
    except ValidationError:
        raise EditWrong({"fee": "Нужна плата: общая или хотя бы в одном регионе."}) from None
    if isinstance(made, Plan) and (faults := _faults_of(made, regions)):
        raise EditWrong(faults)
    return made


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
    return {key: _in_russian(key, text) for key, text in texts.items()}


def _in_russian(key: str, text: str) -> str:
    """The words that stand for a figure, whichever language they were typed in."""
    if "gives" in key.split(":") and _is_unlimited(text):
        return UNLIMITED
    return FREE if key.startswith("rate:") and text.casefold() in _FREE_WORDS else text


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
        fields |= {f"step:{setting.code}:{step.code}": _roubles(step.price) for step in setting.steps}
        fields[f"default:{setting.code}"] = setting.default
    prices = {rate_key(rate): FREE if rate.free else _roubles(rate.price_kopecks) for rate in plan.rates}
    fields |= {rate_key(rate): prices[rate_key(rate)] for rate in plan.rates if rate.zone == HOME}
    fields |= {f"rate:{kind}:{Direction.OUT}:{zone}": "" for zone in plan.zones if zone != HOME for kind in UNITS}
    fields |= prices
    rules = plan.switching
    fields["switching:price"] = _roubles(rules.price)
    fields["switching:joins"], fields["switching:settings"] = ",".join(rules.joins), ",".join(rules.settings)
    fields["switching:first_period"] = str(rules.first_period)
    fields["switching:refund_unused_fee"] = YES if rules.refund_unused_fee else NO
    fields["switching:keep_leftovers"] = YES if rules.keep_leftovers else NO
    return fields


def rate_key(rate: Rate) -> str:
    """The key of the field of a price."""
    return f"rate:{rate.kind}:{rate.direction}:{rate.zone}"


def _setting(plan: Plan, code: str) -> Setting:
    return next(setting for setting in plan.settings if setting.code == code)


def _kinds_of(setting: Setting) -> Iterator[tuple[UsageKind, str]]:
    """What its steps give, each kind and scope once."""
    yield from dict.fromkeys((grant.kind, grant.scope) for step in setting.steps for grant in step.gives)


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
    elif what == "rate" and isinstance(item, Plan):
        _put_rate(item, content, key, text)
    elif what == "step":
        setting_code, _, step_code = rest.partition(":")
        steps = _named(content["settings"], setting_code)["steps"]
        _named(steps, step_code)["price"] = _read_kopecks(text)
    elif what == "default":
        _named(content["settings"], rest)["default"] = text
    elif what == "switching":
        content["switching"] = content.get("switching", {}) | {rest: _RULES.get(rest, _read_kopecks)(text)}
    elif what in ("keep", "new"):
        return  # all steps together: see `_put_steps`
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


_RULES: dict[str, Callable[[str], Any]] = {
    "joins": _TIMES.__getitem__,
    "settings": _TIMES.__getitem__,
    "first_period": str,
    "refund_unused_fee": YES.__eq__,
    "keep_leftovers": YES.__eq__,
}


def _named(those: list[dict[str, Any]], code: str) -> dict[str, Any]:
    return next(one for one in those if one["code"] == code)


def _put_rate(plan: Plan, content: dict[str, Any], key: str, text: str) -> None:
    """A zone without a price of its own takes that of the zone it is like; the home zone is like none."""
    rate = rate_of(plan, key)
    if not text and rate.zone == HOME:
        raise _Wrong("Дома цена нужна: без неё связь не посчитать.")
    held = [Rate.model_validate(one) for one in content.get("rates", ())]
    place = next((number for number, one in enumerate(held) if rate_key(one) == key), len(held))
    new = []
    if text == FREE:
        new = [rate.model_copy(update={"price_kopecks": 0, "block": 1, "free": True})]
    elif text:
        if not (kopecks := _read_kopecks(text)):
            raise _Wrong(f"Цена — больше нуля, или «{FREE}».")
        block = UNITS[rate.kind] if rate.free else rate.block
        new = [rate.model_copy(update={"price_kopecks": kopecks, "block": block, "free": False})]
    held[place : place + 1] = new
    content["rates"] = [one.model_dump(mode="json", exclude_defaults=True) for one in held]


def _put_steps(plan: Plan, content: dict[str, Any], texts: Mapping[str, str], faults: dict[str, str]) -> None:
    """Takes away the steps that are not kept, and puts the new ones where they belong by their price."""
    for setting in plan.settings:
        written = _named(content["settings"], setting.code) if "settings" in content else {}
        dropped = {step.code for step in setting.steps if texts.get(f"keep:{setting.code}:{step.code}") == NO}
        steps = [step for step in written["steps"] if step["code"] not in dropped]
        prefix = f"new:{setting.code}"
        typed = {key.removeprefix(f"{prefix}:"): text for key, text in texts.items() if key.startswith(f"{prefix}:")}
        if any(typed.values()):
            try:
                new = _new_step(content, typed)
            except _WrongStep as wrong:
                faults[f"{prefix}:{wrong.field}"] = str(wrong)
                continue
            place = next((number for number, step in enumerate(steps) if step["price"] > new["price"]), len(steps))
            steps.insert(place, new)
        if len(steps) < 2:
            faults |= {f"keep:{setting.code}:{code}": "Шагов должно остаться хотя бы два." for code in dropped}
        elif written["default"] in dropped:
            faults[f"default:{setting.code}"] = "Этот шаг убран: выберите другой."
        written["steps"] = steps


class _WrongStep(_Wrong):
    """What is wrong with one field of a new step."""

    def __init__(self, field: str, words: str) -> None:
        super().__init__(words)
        self.field = field


def _new_step(content: dict[str, Any], typed: Mapping[str, str]) -> dict[str, Any]:
    """Its code has the version in it, for a code of a step that was taken away must not come back as another one."""
    step: dict[str, Any] = {"code": f"v{content['version']}-{content['code']}"[:40], "gives": []}
    for field, text in {"name": "", "price": "", **typed}.items():
        what, _, rest = field.partition(":")
        try:
            if what == "name":
                _put_text(step, "name", text)
            elif what == "price":
                step["price"] = _read_kopecks(text)
            elif text:
                kind, _, scope = rest.partition(":")
                step["gives"].append({"kind": kind, "amount": _read_quantity(UsageKind(kind), text), "scope": scope})
        except _Wrong as wrong:
            raise _WrongStep(field, str(wrong)) from None
    return step


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


def _faults_of(plan: Plan, regions: Mapping[str, str]) -> dict[str, str]:
    """What the catalogue's file would be refused for, too: at the fields that may have brought it about."""
    faults = {}
    for grant, setting, step in unpriced(plan):
        key = f"gives:{grant.kind}:{grant.scope}"
        if setting is not None and step is not None:
            key = f"step:{setting.code}:{step.code}"
        faults[key] = "В тарифе нет цены этого: такой пакет не потратить."
    if any(misfits(plan, {*regions, *plan.fee_by_region}, plan.zones)):
        faults["name"] = "Что-то в тарифе не сходится с регионами и зонами. Проверьте файл каталога."
    return faults
