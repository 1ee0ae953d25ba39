"""What is sold, in the words of the desk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cabinet import clock
from cabinet.domain.allowances import UsageKind
from cabinet.domain.catalogue import HOME, Bundle, Option, OptionPeriod, Plan, Setting, SoldKind, Step
from cabinet.domain.catalogue_edit import FREE, NO, TEXTS, UNLIMITED, YES, choices_of, controls_of, fields_of, rate_of
from cabinet.domain.money import parse_kopecks
from cabinet.domain.periods import PeriodUnit
from cabinet.domain.rating import Direction
from cabinet.locales import Language, name_in, translate
from cabinet.services import words
from cabinet.services.catalogue_desk import Draft, Planned, Sold, VersionRow
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
_SWITCHING = {
    "price": "Плата за переход на тариф",
    "joins": "Когда переходят на тариф",
    "settings": "Когда меняют настройки",
    "first_period": "Первый период, если сразу",
    "refund_unused_fee": "Плата за оставшиеся дни, если уйти сразу",
    "keep_leftovers": "Пакеты, если уйти сразу",
}
_TIMES = {
    "period_end,now": "со следующего периода или сразу",
    "now,period_end": "сразу или со следующего периода",
    "period_end": "со следующего периода",
    "now": "сразу",
}
_CHOICES = {
    "keep": {YES: "остаётся", NO: "убрать"},
    "joins": _TIMES,
    "settings": _TIMES,
    "first_period": {"whole": "целый, с этого дня", "by_day": "по дням, до конца нынешнего"},
    "refund_unused_fee": {YES: "вернём", NO: "не возвращаем"},
    "keep_leftovers": {YES: "остаются до конца периода", NO: "пропадают"},
}
_COPY = {
    SoldKind.PLAN: "Новый тариф на основе этого",
    SoldKind.OPTION: "Новая услуга на основе этой",
    SoldKind.BUNDLE: "Новый пакет на основе этого",
}
_NEW = {"name": "Название", "price": "Прибавка к плате"}
_GIVES = {UsageKind.DATA: "Интернет", UsageKind.VOICE: "Звонки", UsageKind.SMS: "SMS"}
_UNITS = {UsageKind.DATA: "ГБ", UsageKind.VOICE: "мин", UsageKind.SMS: "шт."}
_LONG = 32
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
class WordView:
    """A Russian text and its English one; `is_long`: it wants several lines."""

    key: str
    russian: str
    english: str
    is_long: bool


@dataclass
class VersionView:
    """A version and who is on it."""

    title: str
    since: str
    numbers: str
    price: str


@dataclass
class ChoiceView:
    """What may be picked in a field."""

    value: str
    name: str


@dataclass
class FieldView:
    """A field of the editor; `error` says what is wrong with it. `kind`: text, lines, date or choice. `usual` is what
    holds where it is empty."""

    key: str
    name: str
    value: str
    unit: str
    kind: str
    error: str = ""
    usual: str = ""
    choices: list[ChoiceView] = field(default_factory=list)


@dataclass
class GroupView:
    """Fields that belong together; `is_wide` ones are long and stand one below the other, `is_paired` ones two and two,
    `is_folded` ones are many and seldom wanted: they open by a press, or when something is wrong with one."""

    title: str
    hint: str
    is_wide: bool
    fields: list[FieldView]
    is_paired: bool = False
    is_folded: bool = False
    is_open: bool = False


@dataclass
class ChangeView:
    """What was and what will be; `difference` of money."""

    name: str
    before: str
    after: str
    difference: str


@dataclass
class DraftView:
    """What publishing would bring, in sentences and figures."""

    title: str = ""
    sentences: list[str] = field(default_factory=list)
    changes: list[ChangeView] = field(default_factory=list)
    is_at_once: bool = True


@dataclass
class PlannedView:
    """A version that waits; `overtaken` is a sentence in place of it where it never came on sale."""

    version: int = 0
    title: str = ""
    by: str = ""
    changes: list[ChangeView] = field(default_factory=list)
    overtaken: str = ""


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
    planned: PlannedView = field(default_factory=PlannedView)
    edit: str = ""
    copy: str = ""
    copy_label: str = ""
    english: list[WordView] = field(default_factory=list)
    without_english: str = ""


def row_view(sold: Sold, now: datetime, language: Language) -> RowView:
    """The line of the list."""
    older = sold.numbers - sold.newest.numbers
    second = [_version(sold.newest, now, language), sold.code]
    if older:
        second.append(translate("на прежних версиях: {count}", language, count=formats.number(older, language)))
    if sold.planned is not None and not sold.planned.is_overtaken:
        second.append(_planned_title(sold.planned, now, language))
    return RowView(
        name=name_in(sold.newest.item.name, language),
        second=" · ".join(second),
        price=price_words(sold.newest.item, language),
        numbers=numbers_words(sold, sold.numbers, language),
        is_on_sale=sold.is_on_sale,
        address=f"/staff/catalogue/item/?kind={sold.kind}&code={sold.code}",
    )


def item_view(
    sold: Sold, english: Mapping[str, str], regions: Mapping[str, str], now: datetime, language: Language
) -> ItemView:
    """The page of one of them."""
    item = sold.newest.item
    missing = sum(1 for text in english.values() if not text)
    return ItemView(
        kind=sold.kind.value,
        code=sold.code,
        version=sold.newest.version,
        name=name_in(item.name, language),
        about=" · ".join((_version(sold.newest, now, language), sold.code)),
        numbers=numbers_words(sold, sold.numbers, language),
        is_on_sale=sold.is_on_sale,
        words=[name_in(text, language) for text in (getattr(item, "tagline", ""), item.description) if text],
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
        planned=_planned_view(sold, regions, now, language),
        edit=f"/staff/catalogue/edit/?kind={sold.kind}&code={sold.code}",
        copy=f"/staff/catalogue/edit/?kind={sold.kind}&code={sold.code}&copy=1",
        copy_label=translate(_COPY[sold.kind], language),
        english=[
            WordView(words.key_of(russian), russian, text, len(russian) > _LONG) for russian, text in english.items()
        ],
        without_english=translate("Без перевода: {count}", language, count=missing) if missing else "",
    )


# --- a new version ---------------------------------------------------------------------------------------------------

_GROUPS = {
    "new": ("Новое", "Код видят файл каталога и выгрузки; потом он не меняется."),
    "words": ("Слова", "Так это называется и описывается для абонента."),
    "fee": ("Плата", "Пустое поле региона — там общая плата. Пустая общая — продаётся только в названных регионах."),
    "gives": ("Что входит", "Число или «безлимит»; пусто — не входит."),
    "rate": ("Цены вне пакетов", "Сколько платит тот, у кого пакета нет или он кончился; или «бесплатно»."),
    "zone": (
        "Цены по зонам",
        "Пусто — как в зоне, на которую эта похожа: та цена видна в поле.",
    ),
    "switching": ("Правила перехода", "С тарифа уходят по его правилам, приходят по правилам нового."),
    "when": ("Когда", "Сегодня — сразу; иначе в полночь этого дня."),
}
_GROUP_OF = {"price": "fee", "lasts_days": "gives"}
_FOLDED = ("zone", "switching")


def group_views(
    item: _Item,
    regions: Mapping[str, str],
    starts_on: str,
    faults: Mapping[str, str],
    language: Language,
    *,
    is_copy: bool = False,
) -> list[GroupView]:
    """The fields of the editor; what is wrong with them stands at them. Of a copy: with a code of its own."""
    groups: dict[str, list[FieldView]] = {code: [] for code in _GROUPS}
    for key, text in (fields_of(item, regions) | controls_of(item)).items():
        groups.setdefault(_group_of(key), []).append(_field_view(item, key, text, regions, language))
    if is_copy:
        words = {YES: translate("сразу в продаже", language), NO: translate("пока нет", language)}
        on_sale = [ChoiceView(value, name) for value, name in words.items()]
        groups["new"] = [
            FieldView("new_code", translate("Код", language), "", "", "text"),
            FieldView("on_sale", translate("Продажа", language), YES, "", "choice", choices=on_sale),
        ]
    else:
        groups["when"] = [FieldView("starts_on", translate("Первый день продажи", language), starts_on, "", "date")]
    views = []
    for code in sorted(groups, key=_place_of):
        for one in groups[code]:
            one.error = translate(faults.get(one.key, ""), language)
        if groups[code]:
            is_open = any(one.error for one in groups[code])
            title, hint = _group_words(item, code, language)
            view = GroupView(title, hint, code == "words", groups[code], is_folded=code in _FOLDED, is_open=is_open)
            if code.startswith("setting:"):
                view.is_paired, view.fields = True, _paired(groups[code])
            views.append(view)
    return views


def _paired(fields: Sequence[FieldView]) -> list[FieldView]:
    """Of a setting: the price of a step beside whether it stays, and what is about the whole after the steps."""
    steps = [one.key.removeprefix("step:") for one in fields if one.key.startswith("step:")]

    def place(one: FieldView) -> int:
        what, _, step = one.key.partition(":")
        return steps.index(step) if what in ("step", "keep") else len(steps)

    return sorted(fields, key=place)


def _group_of(key: str) -> str:
    """Every setting has a group of its own."""
    what, _, rest = key.partition(":")
    if what in ("step", "keep", "default", "new"):
        return f"setting:{rest.partition(':')[0]}"
    if what == "rate":
        return "rate" if rest.endswith(f":{HOME}") else "zone"
    return "words" if key in TEXTS else _GROUP_OF.get(what, what)


def _place_of(code: str) -> int:
    """Settings stand before the prices."""
    order = list(_GROUPS)
    return 2 * order.index(code) if code in _GROUPS else 2 * order.index("rate") - 1


def _group_words(item: _Item, code: str, language: Language) -> tuple[str, str]:
    if code in _GROUPS:
        title, hint = _GROUPS[code]
        return translate(title, language), translate(hint, language)
    setting = _setting(item, code.removeprefix("setting:"))
    hint = "Сколько каждый шаг добавляет к плате. Новый встанет по своей прибавке; пустой — не нужен."
    name = name_in(setting.name, language)
    return translate("Настройка: {name}", language, name=name), translate(hint, language)


def _field_view(item: _Item, key: str, text: str, regions: Mapping[str, str], language: Language) -> FieldView:
    region = key.removeprefix("fee:") if key.startswith("fee:") else ""
    choices = [ChoiceView(one, choice_words(item, key, one, language)) for one in choices_of(item, key)]
    return FieldView(
        key=key,
        name=regions.get(region, region) or label(item, key, regions, language),
        value=translate(text, language) if text in (UNLIMITED, FREE) else text,
        unit="" if region else unit_words(item, key, language),
        kind="choice" if choices else "lines" if key == "description" else "text",
        usual=_usual(item, key, language),
        choices=choices,
    )


def _usual(item: _Item, key: str, language: Language) -> str:
    """What an empty price of a zone means."""
    if not isinstance(item, Plan) or not key.startswith("rate:"):
        return ""
    _, kind, direction, zone = key.split(":")
    held = item.rate_in(UsageKind(kind), Direction(direction), zone)
    return rates.price(held, language) if held is not None and held.zone != zone else ""


def faulty(groups: Sequence[GroupView]) -> str:
    """The names of the fields with which something is wrong."""
    return ", ".join(one.name for group in groups for one in group.fields if one.error)


def copy_view(draft: Draft, regions: Mapping[str, str], language: Language) -> DraftView:
    """What publishing something new would bring: how it differs from what it was made of."""
    made, base = draft.after, name_in(draft.before.name, language)
    sale = "Пока не продаётся: вернуть в продажу можно на его странице." if made.archived else "Продаётся сразу."
    sentences = [translate(sale, language), translate("«{name}» остаётся как есть.", language, name=base)]
    if isinstance(made, Plan):
        text = "Услуги, которые входят в «{name}», сюда не входят: их добавляет файл каталога."
        sentences.append(translate(text, language, name=base))
    return DraftView(
        title=translate("Новое: {name}, код {code}", language, name=made.name, code=made.code),
        sentences=sentences,
        changes=changes(draft.before, made, regions, language),
    )


def draft_view(draft: Draft, regions: Mapping[str, str], now: datetime, language: Language) -> DraftView:
    """What publishing would bring."""
    today = clock.local(now).date()
    is_at_once = draft.starts_on <= today
    before, after = draft.before.version, draft.after.version
    day = formats.date_only(draft.starts_on, today, language)
    begins = (
        translate("Версия {version} продаётся сразу после публикации.", language, version=after)
        if is_at_once
        else translate("Версия {version} продаётся с {day}, до этого — нынешняя.", language, version=after, day=day)
    )
    stay = translate(
        "На прежних версиях остаются: {count}. Их условия не меняются.",
        language,
        count=formats.number(draft.numbers, language),
    )
    return DraftView(
        title=translate("Версия {before} → версия {after}", language, before=before, after=after),
        sentences=[begins, stay],
        changes=changes(draft.before, draft.after, regions, language),
        is_at_once=is_at_once,
    )


def changes(before: _Item, after: _Item, regions: Mapping[str, str], language: Language) -> list[ChangeView]:
    """Fields that are not the same in both."""
    old, new = fields_of(before, regions), fields_of(after, regions)
    return [
        ChangeView(
            name=label(before if key in old else after, key, regions, language),
            before=value_words(before, key, old.get(key, ""), language),
            after=value_words(after, key, new.get(key, ""), language),
            difference=_difference(key, old.get(key, ""), new.get(key, ""), language),
        )
        for key in {**old, **new}
        if old.get(key, "") != new.get(key, "")
    ]


def _difference(key: str, before: str, after: str, language: Language) -> str:
    is_money = key.partition(":")[0] in ("fee", "price", "step", "rate") or key == "switching:price"
    if not is_money or not before or not after or FREE in (before, after):
        return ""
    kopecks = parse_kopecks(after) - parse_kopecks(before)
    return formats.income(kopecks, language) if kopecks > 0 else formats.money(kopecks, language)


def _planned_view(sold: Sold, regions: Mapping[str, str], now: datetime, language: Language) -> PlannedView:
    planned = sold.planned
    if planned is None or (planned.is_overtaken and planned.version < sold.newest.version):
        return PlannedView()
    if planned.is_overtaken:
        words = "Версия, запланированная на {day}, не вышла: раньше неё номер {version} заняла другая."
        day = _day(planned.starts_at, now, language)
        return PlannedView(overtaken=translate(words, language, day=day, version=planned.version))
    return PlannedView(
        version=planned.version,
        title=_planned_title(planned, now, language),
        by=translate("Запланировал сотрудник: {name}", language, name=planned.by),
        changes=changes(sold.newest.item, planned.item, regions, language),
    )


def _planned_title(planned: Planned, now: datetime, language: Language) -> str:
    day = _day(planned.starts_at, now, language)
    return translate("с {day} — версия {version}", language, day=day, version=planned.version)


# --- words -----------------------------------------------------------------------------------------------------------


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
    if what in ("step", "keep"):
        setting, step = _step(item, rest)
        name = name_in(step.name, language)
        if what == "keep":
            return translate("Шаг «{name}»", language, name=name)
        return f"{name_in(setting.name, language)}: {name}"
    if what == "default":
        name = name_in(_setting(item, rest).name, language)
        return translate("{name}: шаг, с которого начинают", language, name=name)
    if what == "new":
        _, field, kind, scope = f"{rest}:::".split(":")[:4]
        name = _gives_label(item, f"{kind}:{scope}", language) if field == "gives" else translate(_NEW[field], language)
        return translate("Новый шаг. {what}", language, what=name)
    if isinstance(item, Plan) and what == "rate":
        return rates.price_name(item, rate_of(item, key), language, is_over=True)
    return translate(_SWITCHING[rest] if what == "switching" else _PLAIN[what], language)


def choice_words(item: _Item, key: str, value: str, language: Language) -> str:
    """What may be picked, in words."""
    what, _, rest = key.partition(":")
    if what == "default":
        return name_in(next(step.name for step in _setting(item, rest).steps if step.code == value), language)
    return translate(_CHOICES["keep" if what == "keep" else rest][value], language)


def value_words(item: _Item, key: str, text: str, language: Language) -> str:
    """What stands in a field, as a reader sees it."""
    what = key.partition(":")[0]
    if not text:
        return translate("нет", language)
    if choices_of(item, key):
        return choice_words(item, key, text, language)
    if text in (UNLIMITED, FREE):
        return translate(text, language)
    unit = unit_words(item, key, language)
    if what == "gives":
        return f"{text}{formats.NARROW}{unit}"
    if what == "step":
        _, step = _step(item, key.removeprefix("step:"))
        gives = [formats.granted(grant.kind, grant.amount, language) for grant in step.gives]
        return ", ".join((f"+{text}{formats.NARROW}₽", *gives))
    if what == "lasts_days":
        return formats.days(int(text), language)
    return f"{text}{formats.NARROW}{unit}" if unit else text


def unit_words(item: _Item, key: str, language: Language) -> str:
    """In what the field counts; empty for words."""
    what, _, rest = key.partition(":")
    if "gives" in key.split(":"):
        kind = item.gives.kind if isinstance(item, Bundle) else UsageKind(key.split(":")[-2])
        return translate(_UNITS[kind], language)
    if what in ("fee", "step", "price") or (what == "new" and rest.endswith(":price")):
        return f"₽ {per_words(item, language)}"
    if what == "rate" or key == "switching:price":
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
    return f"{name}, {rates.zone_name(item, scope, language) if isinstance(item, Plan) else scope}"


def _setting(item: _Item, code: str) -> Setting:
    assert isinstance(item, Plan)  # noqa: S101  nothing else has settings
    return next(one for one in item.settings if one.code == code)


def _step(item: _Item, key: str) -> tuple[Setting, Step]:
    setting_code, _, step_code = key.partition(":")
    setting = _setting(item, setting_code)
    return setting, next(step for step in setting.steps if step.code == step_code)


def _version(row: VersionRow, now: datetime, language: Language) -> str:
    return translate("версия {version}", language, version=row.version)


def _since(row: VersionRow, now: datetime, language: Language) -> str:
    return translate("с {day}", language, day=_day(row.since, now, language))


def _day(at: datetime, now: datetime, language: Language) -> str:
    return formats.date_only(clock.local(at).date(), clock.local(now).date(), language)
