"""The dashboard in words: what `services.overview` counted, ready to be shown. Nothing here decides anything."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from cabinet import clock
from cabinet.domain.allowances import UsageKind
from cabinet.domain.autopay import AutopayKind, PauseReason
from cabinet.domain.rating import Reason
from cabinet.domain.spending_caps import WARN_PERCENT
from cabinet.locales import Language, name_in, translate
from cabinet.services import autopay, spending_caps
from cabinet.services.advisor import Advice, Confidence
from cabinet.services.overview import AllowanceLeft, Expenses, NextCharge, Operation, OptionToMind, Overview
from cabinet.services.promotions import Offers
from cabinet.ui import formats, operations
from cabinet.ui.kit.charts import area_path, marker_position, step_path

LOW_PERCENT = 10
_ROOM = 6  # days at either end of the chart where a word would run into the dates
_WEEK = timedelta(days=6)


@dataclass
class Fact:
    """A name and its value: a pair under the balance, a line of an explanation."""

    name: str
    value: str


@dataclass
class BalanceView:
    """The balance card. `has_status` with `is_enough` False is a warning that begins with `strong`."""

    roubles: str = ""
    kopecks: str = ""
    freshness: str = ""
    facts: list[Fact] = field(default_factory=list)
    has_status: bool = False
    is_enough: bool = True
    strong: str = ""
    status: str = ""
    top_up: str = ""


@dataclass
class MatterView:
    """Something that wants to be seen to, and the page where; `tone` chooses the sign."""

    tone: str
    title: str
    second: str
    address: str


@dataclass
class AutopayView:
    """How autopay stands; `tone` chooses the sign."""

    tone: str = ""
    title: str = ""
    second: str = ""


@dataclass
class OfferView:
    """The advisor's best plan, or the promotion that suits best; without a title there is none."""

    label: str = ""
    is_promotion: bool = False
    title: str = ""
    second: str = ""
    address: str = ""


@dataclass
class MeterView:
    """A line of «Остатки»; `kind` chooses the icon."""

    kind: str
    name: str
    left: str
    rest: str
    percent: int
    forecast: str
    is_low: bool
    is_unlimited: bool


@dataclass
class ExpensesView:
    """The month's card; paths are those of `kit.charts`."""

    title: str = ""
    total: str = ""
    comparison: str = ""
    is_more: bool = False
    empty: str = ""
    has_chart: bool = False
    sentence: str = ""
    now_path: str = ""
    area_path: str = ""
    before_path: str = ""
    forecast_path: str = ""
    left: str = "0%"
    top: str = "0%"
    first_day: str = ""
    today: str = ""
    last_day: str = ""
    legend_now: str = ""
    legend_expected: str = ""
    legend_before: str = ""


@dataclass
class OperationView:
    """A line of «Последние операции»; with `why` or `facts` it opens."""

    key: int
    icon: str
    title: str
    second: str
    amount: str
    is_income: bool
    opens: bool
    why: str
    facts: list[Fact] = field(default_factory=list)


def balance_view(overview: Overview, language: Language) -> BalanceView:
    """The balance, what it is for and whether it will do."""
    roubles, kopecks = formats.balance_parts(overview.main_kopecks, language)
    view = BalanceView(
        roubles=roubles,
        kopecks=kopecks,
        freshness=translate("обновлено в {time}", language, time=formats.clock_time(overview.as_of)),
        facts=_facts(overview, language),
    )
    charge = overview.next_charge
    if charge is not None:
        view.has_status = True
        view.is_enough = not charge.shortage_kopecks and not overview.is_suspended
        view.strong, view.status = _status(charge, overview, language)
    view.top_up = translate("Пополнить", language)
    if charge is not None and charge.shortage_kopecks:
        lacking = formats.money(-(-charge.shortage_kopecks // 100) * 100, language)
        view.top_up = translate("Пополнить на {sum}", language, sum=lacking)
    return view


def _facts(overview: Overview, language: Language) -> list[Fact]:
    def money(kopecks: int) -> str:
        return formats.money(kopecks, language)

    facts = []
    charge = overview.next_charge
    if charge is not None:
        is_due = charge.at <= overview.as_of
        name = translate("К оплате за тариф", language) if is_due else _charge_name(charge.at, overview.as_of, language)
        if charge.full_kopecks:
            name = translate("{name}, со скидкой", language, name=name)
        facts.append(Fact(name, money(charge.amount_kopecks)))
    if overview.plan_name:
        facts.append(Fact(translate("Тариф", language), name_in(overview.plan_name, language)))
    if overview.bonus_kopecks:
        facts.append(Fact(translate("Бонусы", language), money(overview.bonus_kopecks)))
    if overview.debt_kopecks:
        facts.append(Fact(translate("Долг за связь", language), money(overview.debt_kopecks)))
    if overview.credit_limit_kopecks:
        facts.append(Fact(translate("Кредитный лимит", language), money(overview.credit_limit_kopecks)))
    return facts


def _charge_name(at: datetime, now: datetime, language: Language) -> str:
    return translate("Спишем {day}", language, day=_day(at, now, language))


def _status(charge: NextCharge, overview: Overview, language: Language) -> tuple[str, str]:
    shortage = formats.money(charge.shortage_kopecks, language)
    if overview.is_suspended:
        if not charge.shortage_kopecks:
            return "", translate("Денег достаточно: плату за тариф спишем в ближайшие минуты.", language)
        if charge.at > overview.as_of:
            return (
                translate("Не хватает {sum}", language, sum=shortage),
                translate("вернуть обещанный платёж. Связь включится, как только деньги придут.", language),
            )
        return (
            translate("Не хватает {sum}", language, sum=shortage),
            translate("на плату за тариф. Пакеты тарифа вернутся, как только она спишется.", language),
        )
    if charge.shortage_kopecks:
        when = _on_weekday(charge.at, overview.as_of, language)
        return (
            translate("Не хватит {sum}", language, sum=shortage),
            translate("на плату за тариф. Без неё {when} отключатся интернет и звонки.", language, when=when),
        )
    if charge.enough_until is None:
        return "", translate("Денег хватит больше чем на год", language)
    return "", translate("Денег хватит до {day}", language, day=_date(charge.enough_until, overview.as_of, language))


# --- what wants to be seen to -----------------------------------------------------------------------------------------


def matter_views(overview: Overview, cap: spending_caps.Status | None, language: Language) -> list[MatterView]:
    """What does not work, what is used up, what ends, what will change: the most urgent first."""
    now = overview.as_of
    found = [_option_to_mind(option, now, language) for option in overview.options]
    if cap is not None and cap.percent_used >= WARN_PERCENT:
        broken = sum(view.tone == "warn" for view in found)
        found.insert(broken, _cap_to_mind(cap, language))
    planned = overview.planned
    if planned is not None:
        text = "{day} изменятся настройки тарифа" if planned.is_same_plan else "{day} тариф сменится на «{name}»"
        title = translate(text, language, day=_date(planned.at, now, language), name=name_in(planned.name, language))
        found.append(MatterView("info", title, translate("До этого можно передумать.", language), "/tariff/"))
    return found


def _option_to_mind(option: OptionToMind, now: datetime, language: Language) -> MatterView:
    to = "/packages/" if option.is_bundle else "/services/"
    if option.trial_until is None:
        title = translate("«{name}» не работает", language, name=name_in(option.name, language))
        second = "Не хватило денег на плату. Пополните баланс, и всё вернётся сразу."
        return MatterView("warn", title, translate(second, language), to)
    day = formats.day(formats.last_day(option.trial_until), clock.local(now).date(), language)
    name = name_in(option.name, language)
    title = translate("«{name}»: последний бесплатный день — {day}", language, name=name, day=day)
    return MatterView("info", title, translate("Платной сама не станет. Решите, оставить ли её.", language), to)


def _cap_to_mind(cap: spending_caps.Status, language: Language) -> MatterView:
    if not cap.left_kopecks:
        title = translate("Лимит сверх пакетов исчерпан", language)
        second = translate("До конца месяца за связь сверх пакетов не спишем.", language)
        return MatterView("warn", title, second, "/expenses/")
    title = translate(
        "Ушло {percent} лимита сверх пакетов", language, percent=formats.percent(min(cap.percent_used, 99))
    )
    left, limit = formats.money(cap.left_kopecks, language), formats.money(cap.limit_kopecks or 0, language)
    second = translate("Осталось {left} из {limit}, дальше не спишем.", language, left=left, limit=limit)
    return MatterView("warn", title, second, "/expenses/")


_PAUSED = {
    PauseReason.ASKED: "Включите снова, когда понадобится",
    PauseReason.REFUSED: "Банк отказывает: проверьте карту",
    PauseReason.METHOD_GONE: "Карта удалена: выберите другую",
    PauseReason.UNKNOWN: "Банк не ответил: проверьте баланс",
}


def autopay_view(status: autopay.Status | None, overview: Overview, language: Language) -> AutopayView:
    """Whether autopay is on, when it pays and how much a month at most; why it does not."""
    if status is None:
        second = translate("Включите — и связь не прервётся", language)
        return AutopayView("quiet", translate("Автоплатёж выключен", language), second)
    if status.pause_reason is not None:
        tone = "quiet" if status.pause_reason is PauseReason.ASKED else "warn"
        second = translate(_PAUSED[status.pause_reason], language)
        return AutopayView(tone, translate("Автоплатёж на паузе", language), second)
    if status.retry_at is not None:
        at = formats.moment(status.retry_at, overview.as_of, language)
        second = translate("Банк отказал, повторим {at}", language, at=at)
        return AutopayView("warn", translate("Автоплатёж не прошёл", language), second)
    second = translate(
        "{when}, до {sum} в месяц",
        language,
        when=_autopay_day(status, overview, language),
        sum=formats.money(status.terms.ceiling_kopecks, language),
    )
    return AutopayView("ok", translate("Автоплатёж включён", language), second)


def _autopay_day(status: autopay.Status, overview: Overview, language: Language) -> str:
    terms = status.terms
    if terms.kind is AutopayKind.THRESHOLD:
        return translate("Когда меньше {sum}", language, sum=formats.money(terms.threshold_kopecks, language))
    if terms.kind is AutopayKind.DAY:
        return translate("{day} числа", language, day=formats.day_number(terms.day, language))
    charge = overview.next_charge
    if charge is None or charge.at <= overview.as_of:
        return translate("Перед платой за тариф", language)
    return _date(charge.at - timedelta(days=1), overview.as_of, language)


def offer_view(advice: Advice, language: Language) -> OfferView:
    """The plan that the subscriber's own months were cheaper with; nothing where they say too little, or save none."""
    best, mine = advice.best, advice.mine
    if advice.confidence != Confidence.ENOUGH or best is None or mine is None:
        return OfferView()
    now, then = (formats.average(plan.total_kopecks, len(plan.months)) for plan in (mine, best))
    if mine.average_kopecks - best.average_kopecks < 100:
        return OfferView()
    text = (
        "{name}: другие настройки — дешевле на {sum} в месяц" if best.is_mine else "{name} — дешевле на {sum} в месяц"
    )
    count = len(advice.months)
    if language == "en":
        months = formats.counted(count, "month", "months", language="en")
    else:
        months = formats.counted(count, "месяц", "месяца", "месяцев")
    counted = "Посчитали ваши {months}: в среднем вышло бы {best} вместо {mine}."
    if mine.off_fees or best.off_fees:
        counted = "Посчитали ваши {months} и скидку: в среднем вышло бы {best} вместо {mine}."
    return OfferView(
        label=translate("По вашим расходам", language),
        title=translate(text, language, name=name_in(best.name, language), sum=formats.money(now - then, language)),
        second=translate(
            counted,
            language,
            months=months,
            best=formats.money(then, language),
            mine=formats.money(now, language),
        ),
        address="/tariff/" if best.is_mine else "/tariffs/",
    )


def promotion_view(offers: Offers, language: Language) -> OfferView:
    """The promotion that suits best of those that can be joined."""
    if not offers.for_me:
        return OfferView()
    best = offers.for_me[0]
    return OfferView(
        label=translate("Акция для вас", language),
        is_promotion=True,
        title=formats.unparted(best.terms.title),
        second=formats.unparted(best.terms.teaser),
        address=f"/offers/detail/?code={best.code}",
    )


# --- allowances -------------------------------------------------------------------------------------------------------

_NAMES = {UsageKind.DATA: "Интернет", UsageKind.VOICE: "Звонки", UsageKind.SMS: "SMS"}


def allowances_until(overview: Overview, language: Language) -> str:
    """Until when all of them are valid, if it is one moment for all; otherwise each meter says it."""
    ends = {left.expires_at for left in overview.allowances}
    if len(ends) != 1 or any(left.expiring < left.remaining for left in overview.allowances):
        return ""
    return translate("до {day}", language, day=_day(ends.pop(), overview.as_of, language))


def meter_views(overview: Overview, language: Language) -> list[MeterView]:
    """A line for each kind of allowance."""
    one_end = bool(allowances_until(overview, language))
    return [_meter(left, overview.as_of, language, says_when=not one_end) for left in overview.allowances]


def _meter(left: AllowanceLeft, now: datetime, language: Language, *, says_when: bool) -> MeterView:
    name = translate(_NAMES[left.kind], language)
    percent = left.share_percent
    is_low = not left.is_unlimited and (
        not left.remaining or left.runs_out_at is not None or (not left.has_forecast and percent < LOW_PERCENT)
    )
    if left.is_unlimited:
        figure, rest = translate("безлимит", language), ""
    else:
        figure, rest = _left_of(left.kind, left.remaining, left.granted, language)
    return MeterView(
        kind=left.kind,
        name=f"{name}: {name_in(left.scope_name, language)}" if left.scope_name else name,
        left=figure,
        rest=rest,
        percent=percent,
        forecast=_forecast(left, now, language, says_when=says_when),
        is_low=is_low,
        is_unlimited=left.is_unlimited,
    )


def _forecast(left: AllowanceLeft, now: datetime, language: Language, *, says_when: bool) -> str:
    until = _day(left.expires_at, now, language)
    parts = []
    if left.is_unlimited:
        pass
    elif not left.remaining:
        parts.append(translate("Закончился, дальше — по ценам тарифа", language))
    elif left.runs_out_at is not None:
        when = _on_weekday(left.runs_out_at, now, language)
        parts.append(translate("При таком темпе закончится {when}", language, when=when))
    elif left.has_forecast:
        parts.append(translate("Хватит до конца периода", language))
    if says_when and left.is_unlimited:
        parts.append(translate("До {day}", language, day=until))
    elif says_when and left.expiring < left.remaining:
        some = _quantity(left.kind, left.expiring, language)
        parts.append(translate("{some} из них — до {day}", language, some=some, day=until))
    elif says_when and left.remaining:
        parts.append(translate("До {day}", language, day=until))
    return " · ".join(parts)


_WEEKDAYS = (
    "в понедельник",
    "во вторник",
    "в среду",
    "в четверг",
    "в пятницу",
    "в субботу",
    "в воскресенье",
)


def _on_weekday(at: datetime, now: datetime, language: Language) -> str:
    """«в среду» within a week, «сегодня», «завтра», otherwise the date."""
    day, today = clock.local(at).date(), clock.local(now).date()
    if day <= today:
        return translate("сегодня", language)
    if day == today + timedelta(days=1):
        return translate("завтра", language)
    if day - today <= _WEEK:
        return translate(_WEEKDAYS[day.weekday()], language)
    return _date(at, now, language)


# --- expenses ---------------------------------------------------------------------------------------------------------


def expenses_view(expenses: Expenses, language: Language) -> ExpensesView:
    """The month's total, its comparison and its chart."""
    day = len(expenses.days)
    month = formats.month(expenses.month_on, language)
    month_in = formats.in_month(expenses.month_on, language)
    view = ExpensesView(
        title=translate("Расходы {month}", language, month=month_in),
        total=formats.money(expenses.spent_kopecks, language),
        first_day=formats.date_only(expenses.month_on, expenses.month_on, language),
        last_day=str(expenses.days_in_month),
        legend_now=month,
    )
    highest = max((*expenses.days, *expenses.previous_days, *expenses.expected_days))
    if not expenses.spent_kopecks:
        view.empty = translate("{month} расходов ещё не было", language, month=month_in.capitalize())
    if highest <= 0:
        return view
    days = expenses.days_in_month
    view.has_chart = True
    view.now_path = step_path(expenses.days, days, highest)
    view.area_path = area_path(view.now_path)
    view.before_path = step_path(expenses.previous_days[:days], days, highest)
    view.left, view.top = marker_position(expenses.spent_kopecks, day, days, highest)
    if _ROOM < day < days - _ROOM:
        view.today = translate("сегодня", language)
    if expenses.expected_kopecks > expenses.spent_kopecks:
        # Begins under the line of the month, so that a fee of tomorrow is seen to rise from today's total.
        view.forecast_path = step_path(expenses.expected_days, days, highest, first_day=day - 1)
        view.legend_expected = translate(
            "ожидаем {sum}", language, sum=formats.money(expenses.expected_kopecks, language)
        )
    if expenses.previous_days:
        before_on = expenses.month_on - timedelta(days=1)
        before = formats.month(before_on, language)
        view.legend_before = f"{before}, {formats.money(expenses.previous_days[-1], language)}"
        view.comparison, view.is_more = _comparison(expenses, before_on, language)
    view.sentence = _sentence(expenses, view, month)
    return view


def _comparison(expenses: Expenses, before_on: date, language: Language) -> tuple[str, bool]:
    difference = expenses.spent_kopecks - (expenses.previous_to_date_kopecks or 0)
    same_day = before_on.replace(day=min(len(expenses.days), before_on.day))
    values = {
        "sum": formats.money(abs(difference), language),
        "day": formats.date_only(same_day, same_day, language),
    }
    if difference > 0:
        return translate("на {sum} больше, чем к {day}", language, **values), True
    if difference < 0:
        return translate("на {sum} меньше, чем к {day}", language, **values), False
    if not expenses.spent_kopecks:
        return "", False
    return translate("столько же, сколько к {day}", language, **values), False


def _sentence(expenses: Expenses, view: ExpensesView, month: str) -> str:
    parts = [f"{month.capitalize()}: {view.total}", view.comparison, view.legend_expected, view.legend_before]
    return ". ".join(part for part in parts if part)


# --- operations -------------------------------------------------------------------------------------------------------

_REASONS = {
    Reason.NOT_COVERED: "Не входит в пакеты тарифа: у этого направления своя цена.",
    Reason.OVER: "Пакет закончился, дальше — по цене тарифа.",
    Reason.PARTLY: "Пакет закончился, за остальное — по цене тарифа.",
}


def operation_views(overview: Overview, language: Language) -> list[OperationView]:
    """The last operations with what can be said about each."""
    return [_operation(operation, overview.as_of, language) for operation in overview.operations]


def _operation(operation: Operation, now: datetime, language: Language) -> OperationView:
    why, facts = _explanation(operation, now, language)
    return OperationView(
        key=operation.transaction_id,
        icon=operations.icon(operation),
        title=operations.title(operation, language),
        second=formats.moment(operation.happened_at, now, language),
        amount=_signed(operation.amount_kopecks, language),
        is_income=operation.amount_kopecks > 0,
        opens=bool(why or facts),
        why=why,
        facts=facts,
    )


def _explanation(operation: Operation, now: datetime, language: Language) -> tuple[str, list[Fact]]:
    facts = operation.explanation
    if operation.kind == "plan_fee":
        today = clock.local(now).date()
        first, end = date.fromisoformat(facts["period_start"]), date.fromisoformat(facts["period_end"])
        days = (first, end - timedelta(days=1))
        period = " — ".join(formats.date_only(day, today, language) for day in dict.fromkeys(days))
        why = translate("Плата за период вперёд.", language)
        if discount := facts.get("discount"):
            name = name_in(discount["name"], language)
            why = translate("Плата за период вперёд, со скидкой «{name}».", language, name=name)
        return why, [Fact(translate("Период", language), period)]
    if operation.kind == "adjustment":
        return str(facts["words"]), []
    if operation.kind != "usage":
        return "", []
    kind = UsageKind(facts["kind"])
    lines = [Fact(translate("Израсходовано", language), _quantity(kind, facts["quantity"], language))]
    if facts["billed"] != facts["quantity"]:
        lines.append(Fact(translate("После округления", language), _quantity(kind, facts["billed"], language)))
    if facts["draws"]:
        drawn = sum(units for _, units in facts["draws"])
        lines.append(Fact(translate("Из пакета", language), _quantity(kind, drawn, language)))
    price = f"{facts['blocks']} × {formats.money(facts['price_kopecks'], language)}"
    lines.append(Fact(translate("К оплате", language), price))
    if cap := facts.get("cap"):
        left = formats.money(cap["left_kopecks"], language)
        lines.append(Fact(translate("От лимита оставалось", language), left))
    reason = _REASONS.get(Reason(facts["reason"]), "")
    return translate(reason, language) if reason else "", lines


# --- figures ----------------------------------------------------------------------------------------------------------


def _day(at: datetime, now: datetime, language: Language) -> str:
    return formats.day(clock.local(at).date(), clock.local(now).date(), language)


def _date(at: datetime, now: datetime, language: Language) -> str:
    return formats.date_only(clock.local(at).date(), clock.local(now).date(), language)


def _signed(kopecks: int, language: Language) -> str:
    return formats.income(kopecks, language) if kopecks > 0 else formats.money(kopecks, language)


def _quantity(kind: UsageKind, amount: int, language: Language) -> str:
    match kind:
        case UsageKind.VOICE:
            return formats.duration(amount, language)
        case UsageKind.SMS:
            return formats.messages(amount, language)
        case UsageKind.DATA:
            return formats.data(amount, language)


def _left_of(kind: UsageKind, left: int, granted: int, language: Language) -> tuple[str, str]:
    """`1,9` and `ГБ из 35 ГБ`; `184` and `мин из 500`; `42` and `SMS из 50`. Never more than there is."""
    of = translate("из", language)
    match kind:
        case UsageKind.VOICE:
            figure, unit = formats.minutes_parts(left, language)
            return figure, f"{unit} {of} {formats.number(granted // 60, language)}"
        case UsageKind.SMS:
            return formats.number(left, language), f"SMS {of} {formats.number(granted, language)}"
        case UsageKind.DATA:
            figure, unit = formats.data_parts(left, language)
            return figure, f"{unit} {of} {formats.data(granted, language)}"


def as_of(overview: Overview, language: Language) -> str:
    """One sentence for every figure of the page."""
    return translate(
        "Все цифры — на {time}, {day}",
        language,
        time=formats.clock_time(overview.as_of),
        day=_date(overview.as_of, overview.as_of, language),
    )
