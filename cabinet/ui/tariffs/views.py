"""Tariffs in words: mine, its settings, what others would have cost, the table. Nothing here decides anything."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from cabinet import clock
from cabinet.domain.advice import Overage
from cabinet.domain.allowances import UsageKind
from cabinet.domain.catalogue import HOME, ON_NET, Grant, Plan, Rate, Setting, Step, SwitchTime
from cabinet.domain.periods import PeriodUnit
from cabinet.domain.promotions import coming_fees
from cabinet.domain.rating import Direction, Rounding
from cabinet.locales import Language, name_in, translate
from cabinet.services.advisor import Advice, Confidence, PlanAdvice
from cabinet.services.tariffs import Mine, Offer, Planned
from cabinet.ui import formats, rates
from cabinet.ui.kit.charts import month_bars_path, month_levels_path
from cabinet.ui.quotes.views import discount_words, next_fees

MOST_CARDS = 4
"""How many plans are told in cards; the table has all of them."""

_ORDER = (UsageKind.DATA, UsageKind.VOICE, UsageKind.SMS)
_KINDS = {UsageKind.DATA: "Интернет", UsageKind.VOICE: "Звонки", UsageKind.SMS: "SMS"}
_SPOKEN = {UsageKind.DATA: "интернет", UsageKind.VOICE: "звонки", UsageKind.SMS: "SMS"}
_MUCH = 3  # a package of which a third is left is more than is needed


@dataclass
class Fact:
    """A name and its value."""

    name: str
    value: str


@dataclass
class PlannedView:
    """A change that waits."""

    title: str = ""
    text: str = ""


@dataclass
class MineView:
    """My tariff. `closed` and `suspended` are sentences, empty where it is neither."""

    name: str = ""
    fee: str = ""
    fee_name: str = ""
    gives: list[Fact] = field(default_factory=list)
    description: str = ""
    features: list[str] = field(default_factory=list)
    terms: list[Fact] = field(default_factory=list)
    closed: str = ""
    suspended: str = ""
    planned: PlannedView = field(default_factory=PlannedView)


@dataclass
class StepView:
    """One position of a setting: what it adds to the fee, for the browser to sum up; `hint`, where it is too little."""

    code: str
    name: str
    kopecks: int
    hint: str


@dataclass
class SettingView:
    """A setting: `kind` is slider, choice or switch. `step` is the number of the step that holds."""

    code: str
    name: str
    kind: str
    step: int
    last: int
    least: str
    most: str
    used: str
    is_wide: bool
    price: str
    steps: list[StepView]


@dataclass
class DiscountView:
    """What a discount takes off a fee: percent of it, or so many kopecks."""

    percent: int
    kopecks: int


@dataclass
class SettingsView:
    """All that the price needs to follow the sliders without the server: see `kit.priced`.

    The fee is `base_kopecks` and what the steps add, less the largest of the `discounts`; `present_kopecks` is what is
    paid next as it is. `key` is another one when other settings hold, which is where the sliders begin anew.
    """

    key: str = ""
    lead: str = ""
    per: str = ""
    base_kopecks: int = 0
    present_kopecks: int = 0
    discounts: list[DiscountView] = field(default_factory=list)
    settings: list[SettingView] = field(default_factory=list)
    less: str = ""
    more: str = ""
    same: str = ""


@dataclass
class CardView:
    """A tariff as the advisor sees it. `tag` is best, mine or nothing; `action` is switch, settings, here or nothing.

    `bars` and `levels` are the paths of `kit.month_bars`, `sentence` and `months` the same in words and in figures.
    """

    key: str
    plan_code: str
    settings: dict[str, str]
    tag: str
    name: str
    fee: str
    per: str
    gives: str
    would: str
    why: str
    action: str
    label: str
    bars: str
    levels: str
    sentence: str
    months: list[Fact]


@dataclass
class AdviceView:
    """«Другие тарифы». `doubt` says why there is little to go by."""

    lead: str = ""
    doubt: str = ""
    cards: list[CardView] = field(default_factory=list)


@dataclass
class ColumnView:
    """A tariff of the table."""

    plan_code: str
    settings: dict[str, str]
    tag: str
    name: str
    tagline: str
    action: str
    label: str


@dataclass
class RowView:
    """A line of the table, with a cell for each column; `is_answer` is the one that it is about."""

    name: str
    cells: list[str]
    is_answer: bool = False


@dataclass
class TableView:
    """The comparison; `best_label` is empty where nothing is better than mine."""

    lead: str = ""
    columns: list[ColumnView] = field(default_factory=list)
    rows: list[RowView] = field(default_factory=list)
    best_code: str = ""
    best_settings: dict[str, str] = field(default_factory=dict)
    best_label: str = ""
    is_best_mine: bool = False


@dataclass
class TimeView:
    """When a change may begin."""

    code: str
    name: str
    is_chosen: bool


# --- mine ------------------------------------------------------------------------------------------------------------


def mine_view(mine: Mine, now: datetime, language: Language) -> MineView:
    """My tariff with its terms in full."""
    plan = mine.plan
    day = _day(mine.next_fee_at, now, language).replace(" ", formats.NO_BREAK)
    view = MineView(
        name=name_in(plan.name, language),
        fee=formats.money(mine.next_kopecks, language),
        fee_name=translate("Следующая плата — {day}", language, day=day),
        gives=[_tile(plan, grant, language) for grant in _grants(plan, mine.settings)],
        description=name_in(plan.description or plan.tagline, language),
        features=[name_in(text, language) for text in plan.features],
        terms=list(_terms(mine, language)),
    )
    if not mine.fee_kopecks:
        view.fee, view.fee_name = translate("бесплатно", language), translate("Плата за тариф", language)
    elif mine.is_suspended:
        view.fee_name = translate("К оплате за тариф", language)
        text = "Пакеты тарифа не действуют. Они вернутся, как только спишется плата."
        view.suspended = translate(text, language)
    if mine.next_kopecks != mine.fee_kopecks:
        view.fee_name = translate("{name}, со скидкой", language, name=view.fee_name)
    if mine.is_closed:
        text = "Так больше не подключают. Пока вы на тарифе, всё остаётся как есть, но вернуться на него будет нельзя."
        view.closed = translate(text, language)
    if mine.planned is not None:
        view.planned = _planned(mine, mine.planned, now, language)
    return view


def _planned(mine: Mine, planned: Planned, now: datetime, language: Language) -> PlannedView:
    day = _date(planned.at, now, language)
    fee = formats.money(planned.fee_kopecks, language)
    if planned.first_kopecks != planned.fee_kopecks:
        first = formats.money(planned.first_kopecks, language)
        fee = translate("{sum} со скидкой, потом {full}", language, sum=first, full=fee)
    if planned.is_of_settings:
        gives = _gives(mine.plan, planned.settings, language)
        title = translate("Новые настройки — с {day}", language, day=day)
        text = translate("{gives}, плата — {sum}", language, gives=gives, sum=fee)
        return PlannedView(title, text)
    title = translate("Тариф «{name}» — с {day}", language, name=name_in(planned.name, language), day=day)
    return PlannedView(title, translate("Плата — {sum}. До этого дня всё по-прежнему.", language, sum=fee))


def _tile(plan: Plan, grant: Grant, language: Language) -> Fact:
    amount = grant.amount
    if grant.scope:
        name = rates.zone_name(plan, grant.scope, language)
    elif grant.kind == UsageKind.VOICE:
        name = translate("минут", language)
        if amount is not None and language == "ru":
            name = formats.plural(amount // 60, "минута", "минуты", "минут")
    else:
        name = translate(_SPOKEN[grant.kind], language)
    if amount is None:
        return Fact(name, translate("безлимит", language))
    if grant.kind == UsageKind.DATA or (grant.scope and grant.kind == UsageKind.VOICE):
        return Fact(name, formats.granted(grant.kind, amount, language))
    return Fact(name, formats.number(amount // 60 if grant.kind == UsageKind.VOICE else amount, language))


def _terms(mine: Mine, language: Language) -> Iterator[Fact]:
    plan = mine.plan

    def fact(name: str, value: str, **values: object) -> Fact:
        return Fact(translate(name, language, **values), translate(value, language))

    fee = translate("Плата в день" if plan.period == PeriodUnit.DAY else "Плата в месяц", language)
    yield Fact(fee, formats.money(mine.fee_kopecks, language))
    if mine.discounts:
        yield Fact(translate("Скидка", language), _discounts(mine, language))
    if plan.on_net_unlimited:
        yield fact("Звонки внутри сети", "без ограничений")
    has = {grant.kind for grant in _grants(plan, mine.settings) if not grant.scope}
    for rate in plan.rates:
        if rate.zone == ON_NET and plan.on_net_unlimited:
            continue
        yield Fact(rates.price_name(plan, rate, language, is_over=rate.kind in has), rates.price(rate, language))
        if rate.kind == UsageKind.VOICE and rate.zone == HOME and rate.direction == Direction.OUT:
            yield fact("Разговор округляем", _ROUNDED[rate.rounding])
    for zone in plan.zero_rated:
        yield Fact(rates.zone_name(plan, zone, language), translate("не тратит пакет", language))
    if mine.included_options:
        yield Fact(
            translate("Услуги в тарифе", language), ", ".join(name_in(name, language) for name in mine.included_options)
        )
    yield fact("Остатки на следующий период", "не переносятся")
    if plan.settings:
        yield Fact(translate("Новые настройки", language), _times(plan.switching.settings, language))
    back = "вернём" if plan.switching.refund_unused_fee else "не возвращаем"
    yield fact("Плата за оставшиеся дни, если сменить тариф сразу", back)
    left = "остаются до конца периода" if plan.switching.keep_leftovers else "пропадают"
    yield fact("Пакеты, если сменить тариф сразу", left)


def _discounts(mine: Mine, language: Language) -> str:
    """`20 % на 3 ближайшие платы за тариф`."""
    left = (replace(one.discount, periods=one.left) for one in mine.discounts)
    return "; ".join(discount_words(one, language) for one in left)


def _counted(mine: Mine, language: Language) -> str:
    """That discounts are in the figures; empty where there are none."""
    if not mine.discounts:
        return ""
    return translate("Скидка учтена: {discount}.", language, discount=_discounts(mine, language))


_ROUNDED = {
    Rounding.EXACT: "до секунды",
    Rounding.MINUTE: "до минуты",
    Rounding.SECOND_AFTER_FIRST_MINUTE: "до секунды после первой минуты",
}


def _times(when: Sequence[SwitchTime], language: Language) -> str:
    if set(when) == set(SwitchTime):
        return translate("со следующего периода или сразу", language)
    return translate("сразу" if SwitchTime.NOW in when else "со следующего периода", language)


# --- settings --------------------------------------------------------------------------------------------------------


def settings_view(mine: Mine, used: Mapping[UsageKind, int], now: datetime, language: Language) -> SettingsView:
    """The settings of my tariff as they will be next; `used` is what goes a month of each kind."""
    plan, planned = mine.plan, mine.planned
    if not plan.settings:
        return SettingsView()
    shown = plan.chosen(planned.settings if planned is not None and planned.is_of_settings else mine.settings)
    prices = {(one.code, step.code): step.price for one in plan.settings for step in one.steps}
    per = translate("Будет в день" if plan.period == PeriodUnit.DAY else "Будет в месяц", language)
    return SettingsView(
        key=" ".join([plan.code, str(plan.version), *shown.values(), "planned" if planned else ""]).strip(),
        lead=_and_so(_begins(mine, now, language), _counted(mine, language)),
        per=translate("{name}, со скидкой", language, name=per) if mine.discounts else per,
        base_kopecks=plan.fee_for(mine.region, shown) - sum(prices[pair] for pair in shown.items()),
        present_kopecks=mine.next_kopecks,
        discounts=[DiscountView(one.discount.percent, one.discount.kopecks) for one in mine.discounts],
        settings=[_setting(plan, setting, shown, used, language) for setting in plan.settings],
        less=translate("на {sum} меньше", language),
        more=translate("на {sum} больше", language),
        same=translate("как сейчас", language),
    )


def _begins(mine: Mine, now: datetime, language: Language) -> str:
    if mine.settings_when[0] == SwitchTime.NOW:
        return translate("Цена меняется сразу. Новые условия — сразу после подтверждения.", language)
    day = _date(mine.next_fee_at, now, language)
    return translate("Цена меняется сразу. Новые условия — с {day}.", language, day=day)


def _setting(
    plan: Plan, setting: Setting, shown: Mapping[str, str], used: Mapping[UsageKind, int], language: Language
) -> SettingView:
    first, last = setting.steps[0], setting.steps[-1]
    kinds = [kind for kind in _ORDER if any(_of_kind(step, kind) for step in setting.steps)]
    spent = [formats.granted(kind, used[kind], language) for kind in kinds if kind in used]
    kind = "slider"
    if len(setting.steps) == 2:
        kind = "choice" if first.gives else "switch"
    is_wide = len(kinds) > 1
    price = formats.money(abs(last.price - first.price), language)
    return SettingView(
        code=setting.code,
        name=name_in(setting.name, language),
        kind=kind,
        step=[step.code for step in setting.steps].index(shown[setting.code]),
        last=len(setting.steps) - 1,
        least=_step_name(first, language) if is_wide else _end(first, language),
        most=_step_name(last, language) if is_wide else _end(last, language),
        used=translate("вы тратите {what}", language, what=_and(spent, language)) if spent else "",
        is_wide=is_wide,
        price=translate("{sum} в день" if plan.period == PeriodUnit.DAY else "{sum} в месяц", language, sum=price),
        steps=[
            StepView(step.code, _step_name(step, language), step.price, _hint(plan, setting, step, used, language))
            for step in setting.steps
        ],
    )


def _step_name(step: Step, language: Language) -> str:
    """The catalogue's words; where it has no English ones, the step is called by what it gives."""
    name = name_in(step.name, language)
    if language == "ru" or name != step.name or not step.gives or any(grant.scope for grant in step.gives):
        return name
    return _and([formats.granted(grant.kind, grant.amount, language) for grant in step.gives], language)


def _end(step: Step, language: Language) -> str:
    """The figure alone at an end of the slider."""
    if len(step.gives) != 1 or step.gives[0].amount is None or step.gives[0].scope:
        return _step_name(step, language)
    grant = step.gives[0]
    amount = grant.amount or 0
    match grant.kind:
        case UsageKind.DATA:
            return formats.data_parts(amount, language)[0]
        case UsageKind.VOICE:
            return formats.number(amount // 60, language)
        case UsageKind.SMS:
            return formats.number(amount, language)


def _of_kind(step: Step, kind: UsageKind) -> bool:
    return any(grant.kind == kind and not grant.scope for grant in step.gives)


def _hint(plan: Plan, setting: Setting, step: Step, used: Mapping[UsageKind, int], language: Language) -> str:
    """What is said where a step is less than what goes, and what the rest would cost."""
    others = [other for other in plan.settings if other.code != setting.code]
    for kind in _ORDER:
        given = [grant.amount for grant in (*plan.allowances, *step.gives) if grant.kind == kind and not grant.scope]
        is_elsewhere = any(_of_kind(one, kind) for other in others for one in other.steps)
        if kind not in used or is_elsewhere or not any(_of_kind(one, kind) for one in setting.steps):
            continue
        amounts = [amount for amount in given if amount is not None]
        if len(amounts) < len(given) or sum(amounts) >= used[kind]:
            continue
        rate = next((rate for rate in plan.rates if (rate.kind, rate.zone, rate.direction) == (kind, *_OUT)), None)
        if rate is not None:
            return translate(
                "{what} — меньше, чем вы тратите. {over} — {price}.",
                language,
                what=formats.granted(kind, sum(amounts), language),
                over=rates.price_name(plan, rate, language, is_over=True),
                price=rates.price(rate, language),
            )
    return ""


_OUT = HOME, Direction.OUT


# --- what goes a month -----------------------------------------------------------------------------------------------


def used_a_month(advice: Advice) -> dict[UsageKind, int]:
    """What goes a month at home on my tariff, on average: seconds, bytes, messages. Nothing where nothing is known."""
    if advice.mine is None or advice.confidence == Confidence.NOTHING:
        return {}
    count = len(advice.months)
    sums: dict[UsageKind, int] = {}
    for package in advice.mine.packages:
        if not package.scope:
            kind = UsageKind(package.kind)
            sums[kind] = sums.get(kind, 0) + package.drawn
    for one in advice.mine.overage:
        if _is_at_home(one):
            kind = UsageKind(one.line.kind)
            sums[kind] = sums.get(kind, 0) + one.missed
    return {kind: total // count for kind, total in sums.items() if total // count}


def _is_at_home(one: Overage) -> bool:
    return one.line.zone == HOME and one.line.direction == Direction.OUT


# --- the advisor -----------------------------------------------------------------------------------------------------


def advice_view(
    mine: Mine, offers: Iterable[Offer], advice: Advice, used: Mapping[UsageKind, int], language: Language
) -> AdviceView:
    """The cards: the best one, mine, and the nearest others."""
    plans = {(offer.plan.code, offer.is_mine): offer for offer in offers}
    others = [one for one in advice.plans if not _is_as_now(one, mine)]
    others = [one for one in others if not one.is_for_devices or mine.plan.for_devices]
    shown = others[:MOST_CARDS]
    if advice.best is not None:
        shown = [advice.best, *(one for one in shown if one is not advice.best)]
    if advice.mine is not None:
        shown.insert(0 if advice.best is None else 1, advice.mine)
    highest = max((amount for one in shown for amount in one.months), default=0)
    cards = [_card(one, mine, plans[one.plan_code, one.is_mine], advice, highest, language) for one in shown]
    lead = _lead(advice, used, language)
    if advice.confidence != Confidence.NOTHING:
        lead = _and_so(lead, _counted(mine, language))
    return AdviceView(lead, _doubt(advice, language), cards)


def _is_as_now(one: PlanAdvice, mine: Mine) -> bool:
    return one.is_mine and dict(one.settings) == mine.settings


def _lead(advice: Advice, used: Mapping[UsageKind, int], language: Language) -> str:
    if advice.confidence == Confidence.NOTHING:
        return translate("Цены и пакеты тарифов вашего региона.", language)
    months = [formats.month(month, language) for month in advice.months]
    span = months[0] if len(months) == 1 else f"{months[0]} — {months[-1]}"
    spent = [formats.granted(kind, used[kind], language) for kind in _ORDER if kind in used and kind != UsageKind.SMS]
    if not spent:
        return translate("Сравнили с вашими расходами за {months}.", language, months=span)
    return translate(
        "Сравнили с вашими расходами за {months}: в среднем {what} в месяц.",
        language,
        months=span,
        what=_and(spent, language),
    )


def _doubt(advice: Advice, language: Language) -> str:
    if advice.confidence == Confidence.ENOUGH:
        return ""
    if advice.confidence == Confidence.NOTHING:
        return translate("Советовать рано: нет ещё ни одного целого месяца вашей связи.", language)
    count = len(advice.months)
    if language == "en":
        return translate("Целых месяцев пока {count}: совет может оказаться неточным.", language, count=count)
    months = formats.counted(count, "целый месяц", "целых месяца", "целых месяцев")
    return f"Пока есть только {months}: совет может оказаться неточным."


def _card(one: PlanAdvice, mine: Mine, offer: Offer, advice: Advice, highest: int, language: Language) -> CardView:
    settings = dict(one.settings)
    is_as_now = _is_as_now(one, mine)
    gives = _gives(offer.plan, settings, language)
    is_known = advice.confidence != Confidence.NOTHING
    name, action = _name(offer, mine, language), "switch"
    label = translate("Перейти на тариф {name}", language, name=name)
    if is_as_now:
        action, label = "here" if offer.plan.settings else "", translate("Настроить тариф {name}", language, name=name)
    elif one.is_mine:
        action, name = "settings", translate("{name}: другие настройки", language, name=name_in(one.name, language))
        label = translate("Настроить так: {gives}", language, gives=gives)
    view = CardView(
        key=f"{one.plan_version_id} {' '.join(settings.values())}",
        plan_code=one.plan_code,
        settings=settings,
        tag="best" if one is advice.best else "mine" if is_as_now else "",
        name=name,
        fee=formats.money(one.fee_kopecks, language),
        per=_per(one.period, language),
        gives=gives,
        would="",
        why=name_in(offer.plan.tagline, language),
        action=action,
        label=label,
        bars="",
        levels="",
        sentence="",
        months=[],
    )
    if one.unpriced:
        view.would = _unpriced(one.unpriced, language)
    elif is_known:
        view.would = _would(one, advice, language, is_as_now=is_as_now)
        view.why = _why(one, offer.plan, advice, language, is_as_now=is_as_now)
        _draw(view, one, advice, highest, language)
    return view


def _name(offer: Offer, mine: Mine, language: Language) -> str:
    """Of a newer version of my own plan it says that it is newer."""
    if offer.plan.code != mine.plan.code or offer.is_mine:
        return name_in(offer.plan.name, language)
    return translate("{name}: новые условия", language, name=name_in(offer.plan.name, language))


def _unpriced(count: int, language: Language) -> str:
    if language == "en":
        return translate("Точно не посчитать: у {count} ваших записей на этом тарифе нет цены.", language, count=count)
    records = formats.counted(count, "вашей записи", "ваших записей", "ваших записей")
    return f"Точно не посчитать: у {records} о связи на этом тарифе нет цены."


def _would(one: PlanAdvice, advice: Advice, language: Language, *, is_as_now: bool) -> str:
    """What it would have cost: in sum, in parts, against mine. The figures are those that can be summed by eye."""
    count = len(advice.months)
    total = formats.average(one.total_kopecks, count)
    beyond = formats.average(sum(line.kopecks for line in one.overage), count)
    values = {
        "sum": formats.money(total, language),
        "fee": formats.money(total - beyond, language),
        "beyond": formats.money(beyond, language),
    }
    if is_as_now:
        text = "Выходит {sum} в месяц: {fee} платы и {beyond} сверх неё." if beyond else "Выходит {sum} в месяц."
        return _and_so(translate(text, language, **values), _later(one, count, language))
    text = "Вышло бы {sum} в месяц: {fee} платы и {beyond} сверх неё" if beyond else "Вышло бы {sum} в месяц"
    would = translate(text, language, **values)
    if advice.mine is None:
        return _and_so(f"{would}.", _later(one, count, language))
    difference = total - formats.average(advice.mine.total_kopecks, count)
    values = {"would": would, "sum": formats.money(abs(difference), language)}
    compared = "{would} — столько же, сколько сейчас."
    if difference:
        compared = (
            "{would} — на {sum} меньше, чем сейчас." if difference < 0 else "{would} — на {sum} больше, чем сейчас."
        )
    text = _and_so(translate(compared, language, **values), _later(one, count, language))
    year = _year(advice.mine, count) - _year(one, count)
    if difference < 0 < year and advice.confidence == Confidence.ENOUGH:
        text = f"{text} {translate('За год — {sum} экономии.', language, sum=formats.money(year, language))}"
    return text


def _later(one: PlanAdvice, count: int, language: Language) -> str:
    """For how long there is a discount in it, and what it comes to then."""
    if not one.off_fees:
        return ""
    later = formats.money(formats.average(sum(one.months), count), language)
    text = "Это со скидкой на {fees}, без неё — {sum} в месяц."
    return translate(text, language, fees=next_fees(one.off_fees, language), sum=later)


def _year(one: PlanAdvice, count: int) -> int:
    """Kopecks of a year of such months, less its discounts."""
    return formats.average(sum(one.months), count) * 12 - one.year_off_kopecks


def _why(one: PlanAdvice, plan: Plan, advice: Advice, language: Language, *, is_as_now: bool) -> str:
    """The main reason: of mine, what costs most beyond the fee; of another, what would not have been enough, as far as
    it is enough with me; else what would have been left."""
    count = len(advice.months)
    if is_as_now:
        texts = [_dearest(one, plan, count, language), _spare(one, count, language, is_mine=True)]
        return " ".join(text for text in texts if text) or translate("Пакетов хватает.", language)
    mine = {line.line: line.kopecks for line in advice.mine.overage} if advice.mine else {}
    short = [(line.kopecks - mine.get(line.line, 0), line) for line in one.overage if _is_at_home(line)]
    more, line = max(short, default=(0, None))
    if line is not None and more >= 100 * count:
        kind = UsageKind(line.line.kind)
        has = any(package.kind == kind and not package.scope for package in one.packages)
        text = "Не хватает около {what} в месяц: доплата {sum}." if has else "Пакета нет: {what} в месяц — {sum}."
        sum_ = formats.money(formats.average(line.kopecks, count), language)
        return translate(text, language, what=_around(kind, line.missed // count, language), sum=sum_)
    return _spare(one, count, language, is_mine=False) or translate("Пакетов хватает.", language)


def _dearest(one: PlanAdvice, plan: Plan, count: int, language: Language) -> str:
    """What costs most beyond the fee, if that is a tenth of all."""
    line = max(one.overage, key=lambda line: line.kopecks, default=None)
    if line is None or line.kopecks * 10 < sum(one.months):
        return ""
    kind = UsageKind(line.line.kind)
    name = translate(_SPOKEN[kind], language)
    if not _is_at_home(line):
        name = f"{name}: {rates.zone_name(plan, line.line.zone, language)}"
    elif any(package.kind == kind and not package.scope for package in one.packages):
        name = translate("{what} сверх пакета", language, what=name)
    sum_ = formats.money(formats.average(line.kopecks, count), language)
    return translate("Больше всего сверх неё — {what}, {sum}.", language, what=name, sum=sum_)


def _spare(one: PlanAdvice, count: int, language: Language, *, is_mine: bool) -> str:
    """What is left of the package that is too large by most."""
    left = [
        (spare * _WEIGHT[UsageKind(package.kind)], UsageKind(package.kind), spare)
        for package in one.packages
        if not package.scope
        and package.granted
        and (spare := package.granted - package.drawn) * _MUCH > package.granted
    ]
    if not left:
        return ""
    _, kind, spare = max(left)
    text = "Вы не используете около {what}." if is_mine else "Остаётся около {what} в месяц."
    return translate(text, language, what=_around(kind, spare // count, language))


# What is worth most to a person is told: a gigabyte is worth about twenty minutes or messages.
_WEIGHT = {UsageKind.DATA: 1, UsageKind.VOICE: 2**30 // (20 * 60), UsageKind.SMS: 2**30 // 100}


def _draw(view: CardView, one: PlanAdvice, advice: Advice, highest: int, language: Language) -> None:
    """The months as a picture, as a sentence and as a list; one month alone has been told already."""
    if len(one.months) < 2:
        return
    mine = advice.mine.months if advice.mine is not None and view.tag != "mine" else ()
    view.bars = month_bars_path(one.months, highest)
    view.levels = month_levels_path(mine, highest)
    for index, (month, amount) in enumerate(zip(advice.months, one.months, strict=True)):
        value = formats.money(amount, language)
        if mine:
            value = translate("{sum}, у вас {mine}", language, sum=value, mine=formats.money(mine[index], language))
        view.months.append(Fact(formats.month(month, language), value))
    said = "; ".join(f"{fact.name} — {fact.value}" for fact in view.months)
    view.sentence = translate("По месяцам: {months}", language, months=said)


# --- the table -------------------------------------------------------------------------------------------------------


def table_view(mine: Mine, offers: Sequence[Offer], advice: Advice, language: Language) -> TableView:
    """All tariffs that may be had, mine first, then the cheapest for me; each with the best of its settings for me."""
    by_code = {one.plan_code: one for one in advice.plans if not one.is_mine}
    order = {code: place for place, code in enumerate(by_code)}
    others = sorted((o for o in offers if not o.is_mine), key=lambda offer: order.get(offer.plan.code, len(order)))
    is_known = advice.confidence != Confidence.NOTHING
    listed: list[tuple[Offer, dict[str, str], PlanAdvice | None]] = [
        (offer, mine.settings, advice.mine) for offer in offers if offer.is_mine
    ]
    for offer in others:
        found = by_code.get(offer.plan.code) if is_known else None
        listed.append((offer, dict(found.settings) if found else offer.settings, found))
    best = advice.best
    view = TableView(lead=_and_so(_table_lead(advice, language), _counted(mine, language)))
    for offer, settings, _ in listed:
        is_best = best is not None and not best.is_mine and best.plan_code == offer.plan.code and not offer.is_mine
        name = _name(offer, mine, language)
        label = translate("Перейти на тариф {name}", language, name=name)
        action = "" if offer.is_mine else "switch"
        tag = "mine" if offer.is_mine else "best" if is_best else ""
        tagline = name_in(offer.plan.tagline, language)
        view.columns.append(ColumnView(offer.plan.code, settings, tag, name, tagline, action, label))
    view.rows = list(_rows(mine, listed, is_known, language))
    if best is not None:
        view.best_code, view.best_settings, view.is_best_mine = best.plan_code, dict(best.settings), best.is_mine
        text = "Настроить «{name}»: {gives}" if best.is_mine else "Перейти на «{name}»"
        plan = mine.plan if best.is_mine else next(offer.plan for offer, _, found in listed if found is best)
        gives = _gives(plan, best.settings, language)
        view.best_label = translate(text, language, name=name_in(best.name, language), gives=gives)
    return view


def _table_lead(advice: Advice, language: Language) -> str:
    if advice.confidence == Confidence.NOTHING:
        return translate("Тарифы вашего региона рядом с вашим.", language)
    return translate("Нижняя строка — сколько вы платили бы в месяц при своей связи за прошлые месяцы.", language)


def _rows(
    mine: Mine, listed: Sequence[tuple[Offer, dict[str, str], PlanAdvice | None]], is_known: bool, language: Language
) -> Iterator[RowView]:
    fees, coming = [], []
    for offer, settings, _ in listed:
        fee = offer.plan.fee_for(mine.region, settings)
        fees.append(f"{formats.money(fee, language)} {_per(offer.plan.period, language)}")
        coming.append(formats.money(coming_fees(mine.discounts, offer.plan.code, fee, 1)[0], language))
    yield RowView(translate("Плата", language), fees)
    if mine.discounts:
        yield RowView(translate("Ближайшая плата, со скидкой", language), coming)
    grants = [{(g.kind, g.scope): g for g in _grants(offer.plan, settings)} for offer, settings, _ in listed]
    keys = sorted({key for of_plan in grants for key in of_plan}, key=_place)
    for kind, scope in keys:
        name = translate(_KINDS[kind], language)
        if scope:
            plan = next(offer.plan for offer, _, _ in listed if scope in offer.plan.zones)
            name = f"{name}: {rates.zone_name(plan, scope, language)}"
        yield RowView(name, [_cell(of_plan.get((kind, scope)), language) for of_plan in grants])
    for kind in _ORDER:
        priced = [_home_rate(offer.plan, kind) for offer, _, _ in listed]
        cells = [f"{rates.price(rate, language)} / {rates.unit(rate, language)}" if rate else "—" for rate in priced]
        if any(priced):
            yield RowView(translate(_BEYOND[kind], language), cells)
    yield RowView(
        translate("Звонки внутри сети", language),
        [
            translate("без ограничений" if offer.plan.on_net_unlimited else "как обычные", language)
            for offer, _, _ in listed
        ],
    )
    included = [", ".join(name_in(name, language) for name in offer.included_options) or "—" for offer, _, _ in listed]
    yield RowView(translate("Услуги в тарифе", language), included)
    yield RowView(
        translate("Настройки", language),
        [translate("можно менять" if offer.plan.settings else "нет", language) for offer, _, _ in listed],
    )
    yield RowView(
        translate("Переход", language),
        ["—" if offer.is_mine else formats.money(offer.price_kopecks, language) for offer, _, _ in listed],
    )
    yield RowView(
        translate("Начать можно", language),
        ["—" if offer.is_mine else _times(offer.when, language) for offer, _, _ in listed],
    )
    if is_known:
        yield RowView(translate("Вышло бы у вас", language), [_answer(found, language) for *_, found in listed], True)


_BEYOND = {
    UsageKind.DATA: "Интернет сверх пакета",
    UsageKind.VOICE: "Звонки сверх пакета",
    UsageKind.SMS: "SMS сверх пакета",
}


def _answer(found: PlanAdvice | None, language: Language) -> str:
    if found is None or not found.months:
        return "—"
    if found.unpriced:
        return translate("не посчитать", language)
    return formats.money(formats.average(found.total_kopecks, len(found.months)), language)


def _home_rate(plan: Plan, kind: UsageKind) -> Rate | None:
    return next((rate for rate in plan.rates if (rate.kind, rate.zone, rate.direction) == (kind, *_OUT)), None)


def _cell(grant: Grant | None, language: Language) -> str:
    return "—" if grant is None else formats.granted(grant.kind, grant.amount, language)


def _place(key: tuple[UsageKind, str]) -> tuple[bool, int, str]:
    return bool(key[1]), _ORDER.index(key[0]), key[1]


# --- when ------------------------------------------------------------------------------------------------------------


def time_views(
    when: Sequence[SwitchTime], chosen: SwitchTime | None, at: datetime, now: datetime, language: Language
) -> list[TimeView]:
    """The choice of when, where there is one; `at` is when the present period ends."""
    if len(when) < 2:
        return []
    names = {
        SwitchTime.NOW: translate("Сразу", language),
        SwitchTime.PERIOD_END: translate("С {day}", language, day=_date(at, now, language)),
    }
    return [TimeView(one, names[one], one == (chosen or when[0])) for one in when]


# --- figures ---------------------------------------------------------------------------------------------------------


def _grants(plan: Plan, settings: Mapping[str, str]) -> list[Grant]:
    return sorted(plan.grants_for(settings), key=lambda grant: _place((grant.kind, grant.scope)))


def _gives(plan: Plan, settings: Mapping[str, str], language: Language) -> str:
    parts = []
    for grant in _grants(plan, settings):
        amount = formats.granted(grant.kind, grant.amount, language)
        if grant.scope:
            amount = f"{rates.zone_name(plan, grant.scope, language)}: {amount}"
        elif grant.amount is None:
            amount = f"{translate(_KINDS[grant.kind], language)}: {amount}"
        parts.append(amount)
    return " · ".join(parts) or translate("без пакетов", language)


def _around(kind: UsageKind, amount: int, language: Language) -> str:
    """A quantity that is about so much: gigabytes whole from ten on."""
    if kind == UsageKind.DATA and amount >= 10 * 2**30:
        amount = amount // 2**30 * 2**30
    return formats.granted(kind, amount, language)


def _per(period: PeriodUnit, language: Language) -> str:
    return translate("в день" if period == PeriodUnit.DAY else "в месяц", language)


def _and_so(*sentences: str) -> str:
    return " ".join(filter(None, sentences))


def _and(parts: Sequence[str], language: Language) -> str:
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {translate('и', language)} {parts[-1]}"


def _day(at: datetime, now: datetime, language: Language) -> str:
    return formats.day(clock.local(at).date(), clock.local(now).date(), language)


def _date(at: datetime, now: datetime, language: Language) -> str:
    return formats.date_only(clock.local(at).date(), clock.local(now).date(), language)
