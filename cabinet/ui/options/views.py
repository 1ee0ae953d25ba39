"""Services in words: what each costs, how it stands, why its switch does not work. Nothing here decides anything."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cabinet import clock
from cabinet.domain.catalogue import OptionPeriod
from cabinet.locales import Language, name_in, translate
from cabinet.services.options import Named, OptionCard, Options
from cabinet.ui import formats

ICONS = {"calls": "phone", "internet": "wifi", "roaming": "plane", "subscriptions": "music", "protection": "shield"}
"""By the category's code; a service of any other has the icon of the section."""


@dataclass
class TotalView:
    """What all of them cost. `later` says what, when the discounts are over; empty where there are none."""

    paid: str = ""
    sum: str = ""
    later: str = ""
    next: str = ""


@dataclass
class ChipView:
    """A category that services can be chosen by."""

    code: str
    name: str


@dataclass
class LineView:
    """A sentence on how the service stands; `tone` is quiet, or warn where something is lacking."""

    tone: str
    text: str


@dataclass
class ActionView:
    """What to do first, where the switch does not work: turn another service."""

    code: str
    label: str
    turns_on: bool


@dataclass
class RowView:
    """A service. One that comes with the plan (`is_included`) has no switch.

    `is_on` is where the switch stands, `is_working` whether the service works; `is_fixed`: it does not turn, and
    `obstacles` say why and `actions` what to do. `keep` is the button of a trial that would end.
    """

    code: str
    icon: str
    name: str
    description: str
    price: str
    is_included: bool
    is_on: bool
    is_working: bool
    is_fixed: bool = False
    lines: list[LineView] = field(default_factory=list)
    obstacles: list[str] = field(default_factory=list)
    actions: list[ActionView] = field(default_factory=list)
    keep: str = ""


def total_view(options: Options, now: datetime, language: Language) -> TotalView:
    """The sum a month and the nearest charge."""
    fee = options.next_fee
    upcoming = ""
    if fee is not None:
        upcoming = translate(
            "Ближайшее списание — {day}, {sum}",
            language,
            day=formats.day(clock.local(fee.at).date(), clock.local(now).date(), language),
            sum=formats.money(fee.kopecks, language),
        )
    return TotalView(
        paid=translate("Платных услуг и пакетов: {count}", language, count=options.paid),
        sum=formats.money(options.first_kopecks, language),
        later=_later(options, language),
        next=upcoming,
    )


def _later(options: Options, language: Language) -> str:
    if options.first_kopecks == options.monthly_kopecks:
        return ""
    full = formats.money(options.monthly_kopecks, language)
    return translate("В ближайший месяц — со скидкой. Без неё — {sum} в месяц.", language, sum=full)


def row_view(card: OptionCard, now: datetime, language: Language) -> RowView:
    """The service with everything that has to be known before its switch is turned."""
    is_going_on = card.is_on and card.ends_at is None
    is_over = card.per == OptionPeriod.ONCE and card.ends_at is not None
    obstacles = list(_obstacles(card, now, language))
    return RowView(
        code=card.code,
        icon=ICONS.get(card.category, "list_checks"),
        name=name_in(card.name, language),
        description=formats.unparted(name_in(card.description, language)),
        price=translate("Входит в тариф", language)
        if card.is_included
        else price(card.price_kopecks, card.per, language),
        is_included=card.is_included,
        is_on=is_going_on or is_over,
        is_working=card.is_included or (card.is_on and not card.lacking_kopecks),
        is_fixed=bool(obstacles) or is_over,
        lines=[] if card.is_included else list(_lines(card, now, language)),
        obstacles=obstacles,
        actions=list(_actions(card, language)),
        keep=translate("Оставить за {sum}", language, sum=price(card.price_kopecks, card.per, language))
        if card.has_to_answer
        else "",
    )


def price(kopecks: int, per: OptionPeriod, language: Language) -> str:
    """`169 ₽ в месяц`."""
    if not kopecks:
        return translate("бесплатно", language)
    texts = {OptionPeriod.MONTH: "{sum} в месяц", OptionPeriod.DAY: "{sum} в день", OptionPeriod.ONCE: "{sum} один раз"}
    return translate(texts[per], language, sum=formats.money(kopecks, language))


def _lines(card: OptionCard, now: datetime, language: Language) -> Iterator[LineView]:
    def say(text: str, tone: str = "quiet", **values: str) -> LineView:
        return LineView(tone, translate(text, language, **values))

    if card.state == "suspended":
        if card.lacking_kopecks:
            lacking = formats.money(card.lacking_kopecks, language)
            yield say("Не работает: не хватает {sum}. Пополните баланс — включим сразу.", "warn", sum=lacking)
        else:
            yield say("Не работает: плата не списалась. Пополните баланс — включим сразу.", "warn")
    if card.ends_at is not None:
        text = (
            "Действует по {day}, потом закончится сама"
            if card.per == OptionPeriod.ONCE
            else "Отключена, работает по {day}"
        )
        yield say(text, day=_last_day(card.ends_at, now, language))
    elif card.trial_until is not None:
        day = _last_day(card.trial_until, now, language)
        yield say("Бесплатно по {day}. Дальше сама не станет платной: отключится, если не оставите.", day=day)
    elif card.is_on and card.next_fee_at is not None and card.state == "active":
        yield say("Следующее списание — {day}", day=_day(card.next_fee_at, now, language))
    if card.trial_days:
        days = formats.days(card.trial_days, language)
        yield say("{days} бесплатно, дальше сама не станет платной", days=days)
    if card.is_closed and card.is_on:
        yield say("Закрыта для подключения: если отключить, вернуть не получится")
    if card.conflicts and not card.against and not card.is_on:
        yield say("Не работает вместе с: {names}", names=_names(card.conflicts, language))


def _obstacles(card: OptionCard, now: datetime, language: Language) -> Iterator[str]:
    if card.missing:
        yield translate(
            "Работает только вместе с: {names}. Сначала подключите.", language, names=_names(card.missing, language)
        )
    going_on = [one for one in card.against if one.ends_at is None]
    if going_on:
        yield translate("Не работает вместе с: {names}. Сначала отключите.", language, names=_names(going_on, language))
    for one in card.against:
        if one.ends_at is not None:
            day = _last_day(one.ends_at, now, language)
            text = "«{name}» ещё работает по {day}. Подключить можно после."
            yield translate(text, language, name=name_in(one.name, language), day=day)
    if card.needed_by:
        text = "Без неё не будет работать: {names}. Сначала отключите."
        yield translate(text, language, names=_names(card.needed_by, language))


def _actions(card: OptionCard, language: Language) -> Iterator[ActionView]:
    for one in card.missing:
        label = translate("Подключить «{name}»", language, name=name_in(one.name, language))
        yield ActionView(one.code, label, turns_on=True)
    for one in (*card.against, *card.needed_by):
        if one.ends_at is None:
            label = translate("Отключить «{name}»", language, name=name_in(one.name, language))
            yield ActionView(one.code, label, turns_on=False)


def _names(found: Sequence[Named], language: Language) -> str:
    return ", ".join(formats.quoted(name_in(one.name, language), language) for one in found)


def _day(at: datetime, now: datetime, language: Language) -> str:
    return formats.day(clock.local(at).date(), clock.local(now).date(), language)


def _last_day(until: datetime, now: datetime, language: Language) -> str:
    return formats.date_only(formats.last_day(until), clock.local(now).date(), language)
