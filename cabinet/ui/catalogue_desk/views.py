"""What is sold, in the words of the desk."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from cabinet import clock
from cabinet.domain.allowances import UsageKind
from cabinet.domain.catalogue import Bundle, Option, OptionPeriod, Plan, Rate, SoldKind
from cabinet.domain.catalogue_edit import TEXTS, UNLIMITED, fields_of
from cabinet.domain.periods import PeriodUnit
from cabinet.locales import Language, translate
from cabinet.services.catalogue_desk import Sold, VersionRow
from cabinet.ui import formats, rates

_Item = Plan | Option | Bundle

_PLAIN = {
    "name": "Название",
    "tagline": "Коротко",
    "description": "Описание",
    "fee": "Плата",
    "price": "Цена",
    "lasts_days": "Сколько дней действует",
}
_GIVES = {UsageKind.DATA: "Интернет", UsageKind.VOICE: "Звонки", UsageKind.SMS: "SMS"}
_UNITS = {UsageKind.DATA: "ГБ", UsageKind.VOICE: "мин", UsageKind.SMS: "шт."}
_OPTION_PERIODS = {OptionPeriod.DAY: "в день", OptionPeriod.MONTH: "в месяц", OptionPeriod.ONCE: "разово"}


@dataclass
class RowView:
    """Something that is sold, as a line of the list."""

    name: str
    second: str
    price: str
    numbers: str
    is_on_sale: bool
    address: str


@dataclass
class FactView:
    """A name and its value."""

    name: str
    value: str


@dataclass
class VersionView:
    """A version and who is on it."""

    title: str
    since: str
    numbers: str
    price: str


@dataclass
class ItemView:
    """One of them. `version` is what a change is about: of another one nothing is changed."""

    kind: str = ""
    code: str = ""
    version: int = 0
    name: str = ""
    about: str = ""
    numbers: str = ""
    is_on_sale: bool = True
    words: list[str] = field(default_factory=list)
    facts: list[FactView] = field(default_factory=list)
    versions: list[VersionView] = field(default_factory=list)


def row_view(sold: Sold, now: datetime, language: Language) -> RowView:
    """The line of the list."""
    older = sold.numbers - sold.newest.numbers
    second = [_version(sold.newest, now, language), sold.code]
    if older:
        second.append(translate("на прежних версиях: {count}", language, count=formats.number(older, language)))
    return RowView(
        name=sold.newest.item.name,
        second=" · ".join(second),
        price=price_words(sold.newest.item, language),
        numbers=numbers_words(sold, sold.numbers, language),
        is_on_sale=sold.is_on_sale,
        address=f"/staff/catalogue/item/?kind={sold.kind}&code={sold.code}",
    )


def item_view(sold: Sold, regions: Mapping[str, str], now: datetime, language: Language) -> ItemView:
    """The page of one of them."""
    item = sold.newest.item
    return ItemView(
        kind=sold.kind.value,
        code=sold.code,
        version=sold.newest.version,
        name=item.name,
        about=" · ".join((_version(sold.newest, now, language), sold.code)),
        numbers=numbers_words(sold, sold.numbers, language),
        is_on_sale=sold.is_on_sale,
        words=[text for text in (getattr(item, "tagline", ""), item.description) if text],
        facts=facts(item, regions, language),
        versions=[
            VersionView(
                title=translate("Версия {version}", language, version=row.version),
                since=_since(row, now, language),
                numbers=numbers_words(sold, row.numbers, language),
                price=price_words(row.item, language),
            )
            for row in sold.versions
        ],
    )


def facts(item: _Item, regions: Mapping[str, str], language: Language) -> list[FactView]:
    """Every figure that has a field and a value, as it is sold."""
    found = fields_of(item, regions)
    return [
        FactView(label(item, key, regions, language), value_words(item, key, text, language))
        for key, text in found.items()
        if text and key not in TEXTS
    ]


def label(item: _Item, key: str, regions: Mapping[str, str], language: Language) -> str:
    """What a field of `catalogue_edit` is about."""
    what, _, rest = key.partition(":")
    if what == "fee" and rest:
        return translate("Плата: {region}", language, region=regions.get(rest, rest))
    if what == "gives":
        return _gives_label(item, rest, language)
    if isinstance(item, Plan) and what == "step":
        setting_code, _, step_code = rest.partition(":")
        setting = next(one for one in item.settings if one.code == setting_code)
        return f"{setting.name}: {next(step.name for step in setting.steps if step.code == step_code)}"
    if isinstance(item, Plan) and what == "rate":
        return rates.price_name(item, _rate(item, rest), language, is_over=True)
    return translate(_PLAIN[what], language)


def value_words(item: _Item, key: str, text: str, language: Language) -> str:
    """What stands in a field, as a reader sees it."""
    what = key.partition(":")[0]
    if not text:
        return translate("нет", language)
    unit = unit_words(item, key, language)
    if what == "gives":
        return translate(UNLIMITED, language) if text == UNLIMITED else f"{text}{formats.NARROW}{unit}"
    if what == "step":
        return f"+{text}{formats.NARROW}₽"
    if what == "lasts_days":
        return formats.days(int(text), language)
    return f"{text}{formats.NARROW}{unit}" if unit else text


def unit_words(item: _Item, key: str, language: Language) -> str:
    """In what the field counts; empty for words."""
    what, _, rest = key.partition(":")
    if what == "gives":
        kind = item.gives.kind if isinstance(item, Bundle) else UsageKind(rest.partition(":")[0])
        return translate(_UNITS[kind], language)
    if what in ("fee", "step", "price"):
        return f"₽ {per_words(item, language)}"
    if what == "rate":
        return "₽"
    return translate("дней", language) if what == "lasts_days" else ""


def per_words(item: _Item, language: Language) -> str:
    """How often its price is asked."""
    if isinstance(item, Plan):
        return translate("в день" if item.period is PeriodUnit.DAY else "в месяц", language)
    if isinstance(item, Bundle):
        return translate("в месяц" if item.recurring else "разово", language)
    return translate(_OPTION_PERIODS[item.per], language)


def price_words(item: _Item, language: Language) -> str:
    """What it costs with its usual settings; where regions pay differently, from the least."""
    if isinstance(item, Plan):
        prices = {item.fee_for(region) for region in item.fee_by_region}
        if item.fee is not None:
            prices.add(item.fee_for(""))
        least = f"{formats.money(min(prices), language)} {per_words(item, language)}"
        return translate("от {price}", language, price=least) if len(prices) > 1 else least
    kopecks = item.price if isinstance(item, Bundle) else item.price_kopecks
    if not kopecks:
        return translate("бесплатно", language)
    price = formats.money(kopecks, language)
    is_once = isinstance(item, Bundle) and not item.recurring
    return price if is_once else f"{price} {per_words(item, language)}"


def numbers_words(sold: Sold, count: int, language: Language) -> str:
    """How many numbers have it. A package that is bought once is nobody's for long: nothing to be counted."""
    item = sold.newest.item
    if sold.kind is SoldKind.BUNDLE and isinstance(item, Bundle) and not item.recurring:
        return translate("покупают разово", language)
    if language == "en":
        return formats.counted(count, "number", "numbers", language="en")
    return formats.counted(count, "номер", "номера", "номеров")


def _gives_label(item: _Item, key: str, language: Language) -> str:
    if isinstance(item, Bundle):
        return translate("Сколько в пакете", language)
    kind, _, scope = key.partition(":")
    name = translate("Входит: {what}", language, what=translate(_GIVES[UsageKind(kind)], language))
    if not scope:
        return name
    return f"{name}, {rates.zone_name(item, scope) if isinstance(item, Plan) else scope}"


def _rate(plan: Plan, key: str) -> Rate:
    return next(rate for rate in plan.rates if f"{rate.kind}:{rate.direction}:{rate.zone}" == key)


def _version(row: VersionRow, now: datetime, language: Language) -> str:
    return translate("версия {version}", language, version=row.version)


def _since(row: VersionRow, now: datetime, language: Language) -> str:
    day = formats.date_only(clock.local(row.since).date(), clock.local(now).date(), language)
    return translate("с {day}", language, day=day)
