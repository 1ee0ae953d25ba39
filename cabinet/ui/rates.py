"""Prices of usage in words: the same at the subscriber's tariff and at the desk that sets them."""

from cabinet.domain.allowances import UsageKind
from cabinet.domain.catalogue import HOME, Plan, Rate
from cabinet.domain.rating import Direction
from cabinet.locales import Language, name_in, translate
from cabinet.ui import formats


def price_name(plan: Plan, rate: Rate, language: Language, *, is_over: bool) -> str:
    """What the price is for, as a name: `Минута сверх пакета`, `SMS: Казахстан`."""
    what = _block(rate, language)
    if rate.direction == Direction.IN:
        what = translate("{what}, входящие", language, what=what)
    if rate.zone != HOME:
        return f"{what}: {zone_name(plan, rate.zone, language)}"
    return translate("{what} сверх пакета", language, what=what) if is_over and rate.covered else what


def _block(rate: Rate, language: Language) -> str:
    if rate.kind == UsageKind.DATA:
        return formats.data(rate.block, language)
    if rate.kind == UsageKind.SMS:
        return "SMS" if rate.block == 1 else formats.messages(rate.block, language)
    if rate.block in (1, 60):
        return translate("Секунда" if rate.block == 1 else "Минута", language)
    return formats.duration(rate.block, language)


def unit(rate: Rate, language: Language) -> str:
    """What a price is for, after a stroke: `мин`, `1 ГБ`."""
    if rate.kind != UsageKind.VOICE:
        return _block(rate, language)
    if rate.block == 60:
        return formats.minutes_parts(rate.block, language)[1]
    return translate("с", language) if rate.block == 1 else formats.duration(rate.block, language)


def price(rate: Rate, language: Language) -> str:
    """How much, or that it is free."""
    return translate("бесплатно", language) if rate.free else formats.money(rate.price_kopecks, language)


def zone_name(plan: Plan, code: str, language: Language) -> str:
    """What the zone is called in the catalogue."""
    return name_in(plan.zones[code].name, language) if code in plan.zones else code
