"""Packages in words: what is left, what each on sale costs, what there will be then. Nothing here decides anything."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cabinet import clock
from cabinet.domain.allowances import UsageKind
from cabinet.locales import Language, name_in, translate
from cabinet.services.bundles import Advice, BundleCard, Bundles, HeldBundle
from cabinet.services.overview import AllowanceLeft
from cabinet.ui import formats

KINDS = {UsageKind.DATA: "Интернет", UsageKind.VOICE: "Звонки", UsageKind.SMS: "SMS"}
ICONS = {"data": "wifi", "voice": "phone", "sms": "sms"}
_UNITS = {UsageKind.DATA: 2**30, UsageKind.VOICE: 60, UsageKind.SMS: 1}
_LOW_PERCENT = 10


@dataclass
class NoteView:
    """What is about to be gone, and what will do; "" for nothing."""

    title: str = ""
    text: str = ""


@dataclass
class PartView:
    """One package of a meter: its name, what is left of it until when."""

    name: str
    value: str


@dataclass
class MeterView:
    """All there is of a kind; `parts` are the packages that it is made of."""

    kind: str
    name: str
    left: str
    rest: str
    percent: int
    forecast: str
    is_low: bool
    is_unlimited: bool
    parts: list[PartView] = field(default_factory=list)


@dataclass
class MonthlyView:
    """A package that comes every month. `is_on` is where its switch stands: off, when it comes no more."""

    code: str
    kind: str
    name: str
    price: str
    line: str
    is_on: bool
    is_lacking: bool


@dataclass
class CardView:
    """A package on sale, and what is said below once it is chosen. `reason`: why it cannot be."""

    code: str = ""
    name: str = ""
    price: str = ""
    caption: str = ""
    tag: str = ""
    reason: str = ""
    after: str = ""
    balance: str = ""
    lacking: str = ""
    buy: str = ""


@dataclass
class GroupView:
    """The packages of a kind."""

    kind: str
    name: str
    cards: list[CardView] = field(default_factory=list)


def note_view(advice: Advice | None, now: datetime, language: Language) -> NoteView:
    """«Осталось 1,9 ГБ на 3 дня», and the package that will do."""
    if advice is None:
        return NoteView()
    today, last = clock.local(now).date(), formats.last_day(advice.until)
    values = {
        "left": formats.quantity(advice.kind, advice.remaining, language),
        "days": formats.days_between(today, last + timedelta(days=1), language),
        "last": formats.date_only(last, today, language),
        "lacking": formats.quantity(advice.kind, _at_least(advice.kind, advice.lacking), language),
        "name": name_in(advice.name, language),
        "sum": formats.money(advice.price_kopecks, language),
    }
    texts = (
        f"{_pace(advice.runs_out_at, now, language)}.",
        translate("По {last} понадобится ещё около {lacking}.", language, **values),
        translate(
            "Хватит пакета «{name}» за {sum}." if advice.is_enough else "Больше всего даёт «{name}» за {sum}.",
            language,
            **values,
        ),
    )
    return NoteView(translate("Осталось {left} на {days}", language, **values), " ".join(texts))


def _at_least(kind: UsageKind, amount: int) -> int:
    """The next amount that is written without rounding: who needs a little over 2 GB is not told 2 GB."""
    if kind is UsageKind.DATA:
        tenths = -(-amount * 10 // 2**30)
        return -(-tenths * 2**30 // 10)
    return -(-amount // _UNITS[kind]) * _UNITS[kind]


def _pace(runs_out_at: datetime, now: datetime, language: Language) -> str:
    day, today = clock.local(runs_out_at).date(), clock.local(now).date()
    if day <= today:
        return translate("При таком темпе закончится сегодня", language)
    return translate("При таком темпе хватит до {day}", language, day=formats.day(day, today, language))


# --- what is left -----------------------------------------------------------------------------------------------------


def meter_views(bundles: Bundles, now: datetime, language: Language) -> list[MeterView]:
    """A meter for each kind and scope, with its packages by name."""
    return [_meter(total, bundles, now, language) for total in bundles.totals]


def _meter(total: AllowanceLeft, bundles: Bundles, now: datetime, language: Language) -> MeterView:
    parts = [one for one in bundles.left if (one.kind, one.scope_name) == (total.kind, total.scope_name)]
    is_low = not total.is_unlimited and (
        not total.remaining or total.runs_out_at is not None or total.share_percent < _LOW_PERCENT
    )
    left, rest = translate("безлимит", language), ""
    if not total.is_unlimited:
        left, rest = _left_of(total.kind, total.remaining, total.granted, language)
    return MeterView(
        kind=total.kind,
        name=_kind_name(total.kind, total.scope_name, language),
        left=left,
        rest=rest,
        percent=total.share_percent,
        forecast=_forecast(total, now, language),
        is_low=is_low,
        is_unlimited=total.is_unlimited,
        parts=[_part(one, now, language) for one in parts],
    )


def _forecast(total: AllowanceLeft, now: datetime, language: Language) -> str:
    if total.is_unlimited:
        return ""
    if not total.remaining:
        return translate("Закончился, дальше — по ценам тарифа", language)
    if total.runs_out_at is not None:
        return _pace(total.runs_out_at, now, language)
    return translate("Хватит до конца периода", language) if total.has_forecast else ""


def _part(held: HeldBundle, now: datetime, language: Language) -> PartView:
    name = translate("Пакет тарифа", language) if held.is_of_plan else name_in(held.name, language)
    left = (
        translate("безлимит", language) if held.is_unlimited else formats.quantity(held.kind, held.remaining, language)
    )
    return PartView(
        name, translate("{left} по {day}", language, left=left, day=_last_day(held.valid_until, now, language))
    )


def _left_of(kind: UsageKind, left: int, granted: int, language: Language) -> tuple[str, str]:
    """`1,9` and `ГБ из 35 ГБ`; `184` and `мин из 500 мин`."""
    figure, unit = formats.quantity(kind, left, language).rsplit(formats.NARROW, 1)
    return figure, f"{unit} {translate('из', language)} {formats.quantity(kind, granted, language)}"


# --- every month ------------------------------------------------------------------------------------------------------


def monthly_views(bundles: Bundles, now: datetime, language: Language) -> list[MonthlyView]:
    """The packages that come every month, those that were stopped and still last too."""
    return [_monthly(card, now, language) for card in bundles.cards if card.is_on]


def _monthly(card: BundleCard, now: datetime, language: Language) -> MonthlyView:
    if card.is_suspended and card.lacking_kopecks:
        lacking = formats.money(card.lacking_kopecks, language)
        line = translate(
            "Приостановлен: не хватает {sum}. Пополните баланс — пакет придёт сразу.", language, sum=lacking
        )
    elif card.is_suspended:
        line = translate("Приостановлен: плата не списалась. Пополните баланс — пакет придёт сразу.", language)
    elif card.ends_at is not None:
        day = _last_day(card.ends_at, now, language)
        line = translate("Больше не придёт, остаток действует по {day}", language, day=day)
    elif card.next_fee_at is not None:
        day = formats.day(clock.local(card.next_fee_at).date(), clock.local(now).date(), language)
        line = translate("Следующий — {day}", language, day=day)
    else:
        line = ""
    return MonthlyView(
        code=card.code,
        kind=card.kind,
        name=name_in(card.name, language),
        price=translate("{sum} в месяц", language, sum=formats.money(card.price_kopecks, language)),
        line=line,
        is_on=card.ends_at is None,
        is_lacking=card.is_suspended,
    )


# --- on sale ----------------------------------------------------------------------------------------------------------


def group_views(bundles: Bundles, now: datetime, language: Language) -> list[GroupView]:
    """What can be bought, by kind."""
    groups = []
    for kind, name in KINDS.items():
        cards = [_card(card, bundles, now, language) for card in bundles.cards if card.kind == kind and not card.is_on]
        if cards:
            groups.append(GroupView(kind, translate(name, language), cards))
    return groups


def _card(card: BundleCard, bundles: Bundles, now: datetime, language: Language) -> CardView:
    amount = translate("безлимит", language)
    if card.amount is not None:
        amount = formats.quantity(card.kind, card.amount, language)
    what = amount if not card.scope else formats.quoted(name_in(card.name, language), language)
    sum_ = formats.money(card.price_kopecks, language)
    buy = "Подключить {what} за {sum} в месяц" if card.is_monthly else "Подключить {what} за {sum}"
    after = translate("безлимит", language)
    if card.after is not None:
        after = formats.quantity(card.kind, card.after, language)
    rest_kopecks = bundles.available_kopecks - card.price_kopecks
    return CardView(
        code=card.code,
        name=name_in(card.name, language),
        price=sum_,
        caption=", ".join(_caption(card, now, language)),
        tag=translate("каждый месяц", language) if card.is_monthly else "",
        reason=translate("У вас безлимит: пакет не понадобится", language) if card.is_needless else "",
        after=f"{_kind_name(card.kind, card.scope_name if card.scope else '', language)}: {after}",
        balance=formats.money(rest_kopecks, language) if rest_kopecks >= 0 else "",
        lacking=formats.money(-rest_kopecks, language) if rest_kopecks < 0 else "",
        buy=translate(buy, language, what=what, sum=sum_),
    )


def _caption(card: BundleCard, now: datetime, language: Language) -> Iterator[str]:
    unit = _UNITS[card.kind]
    if card.amount and card.price_kopecks:
        kopecks = (card.price_kopecks * unit * 2 + card.amount) // (card.amount * 2)
        names = {UsageKind.VOICE: translate("минуту", language), UsageKind.SMS: "SMS"}
        name = names.get(card.kind, formats.quantity(card.kind, unit, language))
        yield translate("{sum} за {unit}", language, sum=formats.money(kopecks, language), unit=name)
    if card.lasts_days and not card.is_monthly:
        yield formats.days(card.lasts_days, language)
    elif not card.is_monthly:
        yield translate("по {day}", language, day=_last_day(card.until, now, language))


def _kind_name(kind: UsageKind, scope_name: str, language: Language) -> str:
    name = translate(KINDS[kind], language)
    return f"{name}, {name_in(scope_name, language)}" if scope_name else name


def _last_day(until: datetime, now: datetime, language: Language) -> str:
    return formats.date_only(formats.last_day(until), clock.local(now).date(), language)
