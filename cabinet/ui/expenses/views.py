"""Expenses in words: what `services.expenses` counted, ready to be shown. Nothing here decides anything."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from cabinet import clock
from cabinet.domain.allowances import UsageKind
from cabinet.domain.effects import GIFT
from cabinet.domain.rating import Direction, Reason
from cabinet.domain.spending import Category
from cabinet.locales import Language, name_in, translate
from cabinet.services import expenses
from cabinet.services.expenses import CategorySpending, Line, LineExplanation, Month
from cabinet.ui import formats, operations
from cabinet.ui.kit.charts import bars_box, bars_path, expected_path, stack_places, ticks_path
from cabinet.ui.quotes.views import charge_name

OTHER_TONE = 5  # the colour of every category after the fourth
NOT_KEPT = "Звонки, сообщения и интернет этого месяца подробно уже не хранятся. Списания, пополнения и суммы остались."
_MEGABYTE = 2**20

CATEGORIES = {
    Category.PLAN_FEE: "Плата за тариф",
    Category.SERVICES: "Подписки и услуги",
    Category.PACKAGES: "Пакеты",
    Category.CALLS: "Звонки",
    Category.CALLS_ABROAD: "Звонки за границу",
    Category.SMS: "SMS",
    Category.INTERNET: "Интернет",
    Category.ROAMING: "Роуминг",
    Category.OTHER: "Другое",
}


@dataclass
class Fact:
    """A name and its value: a line of an explanation, a day of the chart."""

    name: str
    value: str


@dataclass
class CategoryView:
    """A line of «На что ушли деньги» and its chip; `tone` is its colour, `width` 0 where the bar does not show it."""

    code: str
    name: str
    sum: str
    difference: str
    tone: int
    left: int
    width: int


@dataclass
class MonthView:
    """Everything above the statement. `trend` is `more`, `less`, `same` or empty; paths are those of `kit.charts`."""

    value: str = ""
    title: str = ""
    previous: str = ""
    previous_name: str = ""
    next: str = ""
    next_name: str = ""
    period: str = ""
    total: str = ""
    trend: str = ""
    comparison: str = ""
    reason: str = ""
    expected_when: str = ""
    expected_sum: str = ""
    expected_total: str = ""
    empty: str = ""
    categories_hint: str = ""
    categories: list[CategoryView] = field(default_factory=list)
    has_days: bool = False
    days_sentence: str = ""
    days_box: str = ""
    days_spent: str = ""
    days_expected: str = ""
    days_ticks: str = ""
    first_day: str = ""
    middle_day: str = ""
    last_day: str = ""
    legend_expected: str = ""
    days: list[Fact] = field(default_factory=list)


@dataclass
class RowView:
    """A line of the statement; `day` stands above it where it is the first of its day."""

    id: str
    day: str
    icon: str
    title: str
    second: str
    amount: str
    is_income: bool


@dataclass
class ExplanationView:
    """What an opened line says; `is_known` False: it could not be read, and the next press asks again."""

    why: str = ""
    facts: list[Fact] = field(default_factory=list)
    is_known: bool = True


@dataclass
class ChipView:
    """A category that the statement can be filtered by."""

    code: str
    name: str


# --- a month ----------------------------------------------------------------------------------------------------------


def month_value(month_on: date) -> str:
    """The month as it stands in the address: `2026-10`."""
    return f"{month_on:%Y-%m}"


def month_title(month_on: date, language: Language) -> str:
    """`Ноябрь 2026`."""
    return f"{formats.month(month_on, language).capitalize()} {month_on.year}"


def month_view(month: Month, language: Language) -> MonthView:
    """The month's figures as sentences and pictures."""
    before_on, after_on = month.month_on - timedelta(days=1), month.month_on + timedelta(days=32)
    view = MonthView(
        value=month_value(month.month_on),
        title=month_title(month.month_on, language),
        previous_name=month_title(before_on, language),
        next_name=month_title(after_on, language),
        period=_period(month, language),
        total=formats.money(month.spent_kopecks, language),
    )
    if month.month_on > month.first_month_on:
        view.previous = f"/expenses/?month={month_value(before_on)}"
    if month.month_on < month.last_month_on:
        view.next = f"/expenses/?month={month_value(after_on)}"
    if month.previous_kopecks is not None:
        view.trend, view.comparison = _comparison(month, month.previous_kopecks, before_on, language)
        view.reason = _reason(month, language)
        view.categories_hint = translate(
            "Под суммой — разница с {month}", language, month=_with_month(before_on, language)
        )
    _show_expected(view, month, language)
    if any(one.kopecks for one in month.categories):
        view.categories = _categories(month.categories, language)
    else:
        text = "{month} расходов ещё не было" if month.is_current else "{month} расходов не было"
        month_in = formats.in_month(month.month_on, language)
        view.empty = translate(text, language, month=month_in[:1].upper() + month_in[1:])
    _show_days(view, month, language)
    return view


def _period(month: Month, language: Language) -> str:
    if not month.is_current:
        return translate("Потрачено за {month}", language, month=formats.month(month.month_on, language))
    until = formats.date_only(month.until_on, month.until_on, language)
    if month.until_on == month.month_on:
        return translate("Потрачено {day}", language, day=until)
    return translate("Потрачено с 1 по {day}", language, day=until)


def _comparison(month: Month, before_kopecks: int, before_on: date, language: Language) -> tuple[str, str]:
    difference = month.spent_kopecks - before_kopecks
    if month.is_current:
        same_day = before_on.replace(day=min(month.until_on.day, before_on.day))
        when = translate("к {day}", language, day=formats.date_only(same_day, same_day, language))
    else:
        when = formats.in_month(before_on, language)
    values = {"sum": formats.money(abs(difference), language), "when": when}
    if difference > 0:
        return "more", translate("На {sum} больше, чем {when}.", language, **values)
    if difference < 0:
        return "less", translate("На {sum} меньше, чем {when}.", language, **values)
    return "same", translate("Столько же, сколько {when}.", language, **values)


def _reason(month: Month, language: Language) -> str:
    main = month.main_difference
    if main is None or not main.kopecks:
        return ""
    name = translate(CATEGORIES[main.category], language)
    return translate(
        "Главное отличие — {what}: {sum}.",
        language,
        what=name if name.isupper() else name[:1].lower() + name[1:],
        sum=_change(main.kopecks, language),
    )


def _change(kopecks: int, language: Language) -> str:
    return formats.income(kopecks, language) if kopecks > 0 else formats.money(kopecks, language)


def _show_expected(view: MonthView, month: Month, language: Language) -> None:
    if not month.expected:
        return
    days = sorted({one.on for one in month.expected})
    total = formats.money(sum(one.kopecks for one in month.expected), language)
    if days == [month.until_on]:
        when = translate("сегодня", language)
    elif len(days) == 1:
        when = formats.date_only(days[0], month.until_on, language)
    else:
        when = translate("до {day}", language, day=formats.date_only(days[-1], month.until_on, language))
    view.expected_when = translate("Ещё спишем {when}:", language, when=when)
    view.expected_sum = total
    view.expected_total = translate(
        "Всего за месяц выйдет {sum}.", language, sum=formats.money(month.expected_total_kopecks, language)
    )
    view.legend_expected = translate("ожидается {sum} {when}", language, sum=total, when=when)


def _categories(categories: Iterable[CategorySpending], language: Language) -> list[CategoryView]:
    shown = list(categories)
    places = iter(stack_places([one.kopecks for one in shown if one.kopecks > 0]))
    found = []
    for rank, one in enumerate(shown, 1):
        left, width = next(places) if one.kopecks > 0 else (0, 0)
        found.append(
            CategoryView(
                code=one.category.value,
                name=translate(CATEGORIES[one.category], language),
                sum=formats.money(one.kopecks, language),
                difference=_category_difference(one, language),
                tone=min(rank, OTHER_TONE),
                left=left,
                width=width,
            )
        )
    return found


def _category_difference(one: CategorySpending, language: Language) -> str:
    if one.previous_kopecks is None:
        return ""
    difference = one.kopecks - one.previous_kopecks
    return _change(difference, language) if difference else translate("как было", language)


def _show_days(view: MonthView, month: Month, language: Language) -> None:
    """The chart, and in words every day that has an amount."""
    count = ((month.month_on + timedelta(days=32)).replace(day=1) - month.month_on).days
    expected = [0] * count
    for one in month.expected:
        expected[one.on.day - 1] += one.kopecks
    spent = [*month.days, *([0] * (count - len(month.days)))]
    highest = max(max(cost, 0) + to_come for cost, to_come in zip(spent, expected, strict=True))
    view.has_days = highest > 0
    if not view.has_days:
        return
    view.days_box = bars_box(count)
    view.days_spent = bars_path(spent, highest)
    view.days_expected = expected_path(expected, spent, highest)
    view.days_ticks = ticks_path([max(cost, 0) + to_come for cost, to_come in zip(spent, expected, strict=True)])
    view.first_day = _day_of(month.month_on, 1, language)
    view.middle_day = str((count + 1) // 2)
    view.last_day = str(count)
    for number, (cost, to_come) in enumerate(zip(spent, expected, strict=True), 1):
        day = _day_of(month.month_on, number, language)
        if cost:
            view.days.append(Fact(day, formats.money(cost, language)))
        if to_come:
            sum_to_come = formats.money(to_come, language)
            view.days.append(Fact(day, translate("ожидается {sum}", language, sum=sum_to_come)))
    listed = "; ".join(f"{fact.name} — {fact.value}" for fact in view.days)
    view.days_sentence = f"{translate('По дням', language)}. {listed}"


def _day_of(month_on: date, number: int, language: Language) -> str:
    return formats.date_only(month_on.replace(day=number), month_on, language)


_WITH = (
    "январём",
    "февралём",
    "мартом",
    "апрелем",
    "маем",
    "июнем",
    "июлем",
    "августом",
    "сентябрём",
    "октябрём",
    "ноябрём",
    "декабрём",
)


def _with_month(on: date, language: Language) -> str:
    """`октябрём`; in English `October`."""
    return _WITH[on.month - 1] if language == "ru" else formats.month(on, language)


# --- the statement ----------------------------------------------------------------------------------------------------

_ALWAYS_ASKED = (Category.CALLS, Category.SMS, Category.INTERNET)


def chip_views(month: Month, language: Language) -> list[ChipView]:
    """Categories of the month's spending and those that packages cover."""
    offered = {one.category for one in month.categories} | set(_ALWAYS_ASKED)
    return [ChipView(one.value, translate(CATEGORIES[one], language)) for one in Category if one in offered]


def row_views(lines: Iterable[Line], after: date | None, now: datetime, language: Language) -> list[RowView]:
    """The lines, newest first; `after` is the day of the line above them, None where they are the first."""
    found, day = [], after
    for line in lines:
        on = clock.local(line.happened_at).date()
        found.append(_row(line, formats.day(on, clock.local(now).date(), language) if on != day else "", language))
        day = on
    return found


def _row(line: Line, day: str, language: Language) -> RowView:
    is_income = line.amount_kopecks > 0
    return RowView(
        id=line.id,
        day=day[:1].upper() + day[1:] if day in ("сегодня", "вчера", "today", "yesterday") else day,
        icon=operations.USAGE_ICONS[line.usage_kind]
        if line.kind == "usage" and line.usage_kind
        else operations.KIND_ICONS.get(line.kind, "receipt"),
        title=_title(line, language),
        second=" · ".join(filter(None, (formats.clock_time(line.happened_at), _second(line, language)))),
        amount=_change(line.amount_kopecks, language),
        is_income=is_income,
    )


def line_words(line: Line, language: Language) -> tuple[str, str]:
    """What the line is called, and its details: for a file, which has its time and sums apart."""
    return _title(line, language), _second(line, language)


def _title(line: Line, language: Language) -> str:
    if line.kind == "usage":
        return _usage_title(line, language)
    if line.charge is not None and line.kind != "reversal":
        return charge_name(line.charge, line.name, language)
    return translate(operations.KIND_TITLES.get(line.kind, "Операция"), language)


def _usage_title(line: Line, language: Language) -> str:
    is_incoming = line.usage_direction is Direction.IN
    match line.usage_kind:
        case UsageKind.VOICE if is_incoming:
            return translate("Входящий звонок", language)
        case UsageKind.VOICE:
            return _with_destination(translate("Звонок", language), line, language)
        case UsageKind.SMS if is_incoming:
            return translate("Входящее SMS", language)
        case UsageKind.SMS:
            return _with_destination("SMS", line, language)
        case _:
            name = translate("Интернет", language)
            return f"{name}: {name_in(line.zone_name, language)}" if line.zone_name and line.zone != "home" else name


def _with_destination(what: str, line: Line, language: Language) -> str:
    return operations.towards(what, line.destination, line.zone_name, language)


def _second(line: Line, language: Language) -> str:
    if line.kind == "usage" and line.usage_kind is not None:
        if not line.quantity:
            return translate("без соединения", language)
        if line.usage_kind is UsageKind.SMS and line.peer:
            return mask(line.peer)
        return quantity(line.usage_kind, line.quantity, language)
    if line.kind == "plan_fee":
        return name_in(line.plan_name, language)
    if line.kind == "reversal" and line.charge is not None:
        return charge_name(line.charge, line.name, language)
    if line.kind == "reversal" and line.category is not None:
        return translate(CATEGORIES[line.category], language)
    return ""


# --- an explanation ---------------------------------------------------------------------------------------------------

_REASONS = {
    Reason.NOTHING_USED: "Соединения не было, платить не за что.",
    Reason.INCOMING_FREE: "Входящие бесплатны.",
    Reason.ON_NET: "Внутри сети — без ограничений и без доплаты.",
    Reason.ZERO_RATED: "Этот трафик не тратит пакет и ничего не стоит.",
    Reason.FREE: "Тариф не берёт за это денег.",
    Reason.ALLOWANCE: "Всё взято из пакета, доплаты нет.",
    Reason.PARTLY: "Пакет закончился на этой записи, остальное — по цене тарифа.",
    Reason.OVER: "Пакет закончился раньше, дальше — по цене тарифа.",
    Reason.WITHIN_BLOCK: "Пакет закончился, но этот объём уже оплачен: он уместился в прежний блок.",
}
_CAPPED = "Но лимит сверх пакетов кончился на этой записи: списали только то, что от него оставалось."
_CAPPED_WHOLLY = "Но лимит сверх пакетов уже исчерпан: ничего не списали."
_NOT_COVERED = {
    Category.CALLS_ABROAD: "Звонки за границу не входят в пакет минут тарифа «{plan}».",
    Category.ROAMING: "В роуминге пакеты тарифа «{plan}» не действуют.",
}
_QUANTITIES = {UsageKind.VOICE: "Время разговора", UsageKind.SMS: "Отправлено", UsageKind.DATA: "Передано"}
_SOURCES = {"card": "Банковская карта", "demo": "Демонстрационный платёж"}


def explanation_view(found: LineExplanation, now: datetime, language: Language) -> ExplanationView:
    """Why a line is what it is: a sentence, then the figures from which the amount can be counted again."""
    view = ExplanationView(why=_why(found, language))
    if found.quantity is not None and found.line.usage_kind is not None:
        view.facts += _usage_facts(found, found.line.usage_kind, language)
    view.facts += _fee_facts(found, now, language)
    if found.paid_from:
        source = translate(_SOURCES.get(found.paid_from, found.paid_from), language)
        view.facts.append(Fact(translate("Откуда", language), source))
    view.facts += _plan_facts(found, language)
    for name, kopecks in (
        ("Баланс после", found.balance_after_kopecks),
        ("Долг за связь после", found.debt_after_kopecks),
    ):
        if kopecks is not None:
            view.facts.append(Fact(translate(name, language), formats.money(kopecks, language)))
    return view


def _why(found: LineExplanation, language: Language) -> str:
    if found.line.charge == GIFT and found.line.kind == "order":
        return translate("Подарок за участие в акции: тратится как обычные деньги.", language)
    if found.line.kind == "order":
        return translate("Вы подтвердили это в кабинете: см. «История изменений» в профиле.", language)
    if found.line.kind in ("plan_fee", "option_fee", "bundle") and found.discount_number is not None:
        text = "Плата за период вперёд, со скидкой по акции: {number}-я из {of}."
        return translate(text, language, number=found.discount_number, of=found.discount_periods)
    if found.line.kind in ("plan_fee", "option_fee", "bundle"):
        return translate("Плата за период вперёд.", language)
    if found.line.kind == "top_up":
        return translate("Деньги зачислены сразу.", language)
    if found.line.kind == "adjustment":
        return translate("Сотрудник исправил счёт: {words}", language, words=found.words)
    if found.line.kind == "opening":
        return translate("Столько было на счёте, когда номер перешёл в кабинет.", language)
    sentence = _usage_reason(found, language)
    if found.line.kind == "reversal":
        return " ".join(filter(None, (translate("Мы вернули эти деньги.", language), sentence)))
    return sentence


def _usage_reason(found: LineExplanation, language: Language) -> str:
    if found.reason is None:
        return ""
    if found.reason is Reason.NOT_COVERED:
        text = _NOT_COVERED.get(found.line.category or Category.OTHER, "Это не входит в пакеты тарифа «{plan}».")
        sentence = translate(text, language, plan=name_in(found.plan_name, language))
    else:
        sentence = translate(_REASONS[found.reason], language)
    if found.cap is None:
        return sentence
    text = _CAPPED if found.cap.left_kopecks else _CAPPED_WHOLLY
    return f"{sentence} {translate(text, language)}"


def _usage_facts(found: LineExplanation, kind: UsageKind, language: Language) -> list[Fact]:
    def fact(name: str, value: str, **values: object) -> None:
        facts.append(Fact(translate(name, language, **values), value))

    facts: list[Fact] = []
    used, billed = found.quantity or 0, found.billed_quantity or 0
    if found.line.peer:
        fact("Приложение" if kind is UsageKind.DATA else "Номер", mask(found.line.peer))
    fact(_QUANTITIES[kind], exact(kind, used, language))
    if billed != used:
        fact("После округления", exact(kind, billed, language))
    for draw in found.draws:
        fact("Из пакета «{package}»", exact(kind, draw.units, language), package=name_in(draw.allowance_name, language))
    if found.draws and found.missed_quantity:
        fact("Сверх пакета", exact(kind, found.missed_quantity, language))
    if found.counter_before is not None and found.counter_after is not None:
        counted = f"{exact(kind, found.counter_before, language)} → {exact(kind, found.counter_after, language)}"
        fact("Сверх пакетов за период", counted)
    if found.blocks is not None and found.price_kopecks is not None and found.block and found.missed_quantity:
        price = formats.money(found.price_kopecks, language)
        fact(_price_name(kind, found.block), f"{found.blocks} × {price}", block=exact(kind, found.block, language))
    if found.cap is not None:
        fact("Стоило бы", formats.money(found.cap.full_kopecks, language))
        fact("Ваш лимит на месяц", formats.money(found.cap.limit_kopecks, language))
        fact("От лимита оставалось", formats.money(found.cap.left_kopecks, language))
    return facts


def _price_name(kind: UsageKind, block: int) -> str:
    if kind is UsageKind.VOICE and block == 60:
        return "Считаем по минутам"
    if kind is UsageKind.VOICE and block == 1:
        return "Считаем по секундам"
    if kind is UsageKind.SMS and block == 1:
        return "Считаем по одному SMS"
    return "Считаем блоками по {block}"


def _fee_facts(found: LineExplanation, now: datetime, language: Language) -> list[Fact]:
    facts = []
    if found.period_start_on and found.period_end_on:
        today = clock.local(now).date()
        days = (found.period_start_on, found.period_end_on - timedelta(days=1))
        period = " — ".join(formats.date_only(day, today, language) for day in dict.fromkeys(days))
        facts.append(Fact(translate("Период", language), period))
    facts += [
        Fact(translate("Дней", language), f"{part.days} {translate('из', language)} {part.of_days}")
        for part in found.parts
        if part.of_days > 1
    ]
    for part in found.parts if len(found.parts) > 1 else ():
        name = name_in(part.name, language)
        if part.step_name:
            name = f"{name}: {name_in(part.step_name, language)}"
        if part.code == expenses.DISCOUNT:
            name = translate("Скидка «{name}»", language, name=name)
        facts.append(Fact(name, formats.money(part.kopecks, language)))
    return facts


def _plan_facts(found: LineExplanation, language: Language) -> list[Fact]:
    if not found.plan_name or found.plan_version is None:
        return []
    plan = name_in(found.plan_name, language)
    version = translate("«{plan}», версия {version}", language, plan=plan, version=found.plan_version)
    return [Fact(translate("Тариф", language), version)]


# --- figures ----------------------------------------------------------------------------------------------------------


def quantity(kind: UsageKind, amount: int, language: Language) -> str:
    """`6 мин 41 с`, `3 SMS`, `1,9 ГБ`."""
    match kind:
        case UsageKind.VOICE:
            return formats.duration(amount, language)
        case UsageKind.SMS:
            return formats.messages(amount, language)
        case UsageKind.DATA:
            return formats.data(amount, language)


def exact(kind: UsageKind, amount: int, language: Language) -> str:
    """The same where a sum is explained: gigabytes as megabytes with a tenth, since blocks are counted from them."""
    if kind is UsageKind.DATA and amount > _MEGABYTE:
        unit = "МБ" if language == "ru" else "MB"
        return f"{formats.decimal(amount, _MEGABYTE, language)}{formats.NARROW}{unit}"
    return quantity(kind, amount, language)


def mask(peer: str) -> str:
    """The other party's number without its middle: `+7 701 ···-··-18`. Short numbers and names stay whole."""
    digits = peer.removeprefix("+")
    if not digits.isdigit() or len(digits) < 10:
        return peer
    if len(digits) == 11 and digits[0] == "7":
        return f"+7{formats.NO_BREAK}{digits[1:4]}{formats.NO_BREAK}···-··-{digits[-2:]}"
    return f"+{digits[:3]}{formats.NO_BREAK}···{formats.NO_BREAK}{digits[-2:]}"


# --- filters ----------------------------------------------------------------------------------------------------------

DIRECTIONS = {"out": "Списания", "in": "Поступления", "included": "Без доплаты"}


def filter_name(categories: list[str], direction: str, language: Language) -> str:
    """What is chosen: the one name, or how many; empty where nothing is."""
    names = [CATEGORIES[Category(one)] for one in categories] + ([DIRECTIONS[direction]] if direction else [])
    if len(names) > 1:
        return translate("Выбрано: {count}", language, count=len(names))
    return translate(names[0], language) if names else ""


def found_sentences(
    count: int, is_end: bool, search: str, filtered: str, month: MonthView, language: Language
) -> tuple[str, str]:
    """For who hears the page: how many were found; for everybody, where nothing was: what to do."""
    if count:
        if language == "ru":
            operations = formats.counted(count, "операция", "операции", "операций")
        else:
            operations = formats.counted(count, "operation", "operations", language=language)
        text = "Показано: {operations}" if is_end else "Показано: {operations}, есть ещё"
        return translate(text, language, operations=operations), ""
    if search:
        return "", translate("Ничего не нашли по слову «{search}».", language, search=search)
    if filtered:
        return "", translate("Таких операций в этом месяце нет.", language)
    if not month.next:
        return "", translate("Списаний и поступлений в этом месяце пока нет.", language)
    return "", translate("Списаний и поступлений в этом месяце не было.", language)
