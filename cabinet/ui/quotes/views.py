"""Quotes and orders in words: what something would do, and what was done. Nothing here decides anything."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from cabinet import clock
from cabinet.domain.allowances import UsageKind
from cabinet.domain.effects import OrderKind
from cabinet.domain.quotes import DoorKind, NextFee, Part, PartKind, Summary, TermLine
from cabinet.locales import Language, translate
from cabinet.services.orders import Order, Outdated, Quote, QuoteOutdated
from cabinet.ui import formats

_KINDS = {UsageKind.DATA: "Интернет", UsageKind.VOICE: "Звонки", UsageKind.SMS: "SMS"}


@dataclass
class TermView:
    """A line of «Сейчас» and «Станет»; `tone`: ok where it gets better, warn where it gets worse."""

    name: str
    before: str
    after: str
    tone: str = ""


@dataclass
class FactView:
    """A line of the grey box; `was` is what an earlier quote said, where that was something else."""

    name: str
    value: str
    was: str = ""


@dataclass
class NoteView:
    """A sentence on what is lost (warn), added (ok) or cannot be gone back on (info)."""

    tone: str
    text: str


@dataclass
class QuoteView:
    """The sheet: question, what it is about, before and after, figures, sentences, the two buttons.

    `changed` says why it is another than the one that was confirmed. `lacking`: the money it would take.
    """

    id: int = 0
    title: str = ""
    subject: str = ""
    terms: list[TermView] = field(default_factory=list)
    facts: list[FactView] = field(default_factory=list)
    notes: list[NoteView] = field(default_factory=list)
    changed: str = ""
    lacking: str = ""
    confirm: str = ""
    keep: str = ""


@dataclass
class DoneView:
    """What was done last: a sentence, and the order to be undone (0: none). `number` makes each a new message."""

    number: int = 0
    text: str = ""
    order_id: int = 0


# --- the sheet -------------------------------------------------------------------------------------------------------


def quote_view(quote: Quote, now: datetime, language: Language) -> QuoteView:
    """The sheet of a quote."""
    summary = quote.summary
    is_stay = _is_stay(quote.kind, summary)
    return QuoteView(
        id=quote.id,
        title=translate(_STAY_TITLE if is_stay else _TITLES[quote.kind], language),
        subject=_subject(quote.kind, summary, language),
        terms=[] if is_stay else [_term(line, language) for line in summary.terms],
        facts=list(_facts(quote.kind, summary, now, language)),
        notes=[*_notes(summary, now, language), _way_back(quote, now, language)],
        lacking=_lacking(summary, language),
        confirm=_confirm(quote.kind, summary, now, language, is_stay=is_stay),
        keep=translate(_KEEPS.get(quote.kind, "Оставить как есть"), language),
    )


def outdated_view(outdated: QuoteOutdated, now: datetime, language: Language) -> QuoteView:
    """The new sheet beside the old one: figures that changed carry what they were."""
    new = quote_view(outdated.new, now, language)
    was = {fact.name: fact.value for fact in quote_view(outdated.old, now, language).facts}
    new.facts = [
        replace(fact, was=was.get(fact.name, "") if was.get(fact.name) != fact.value else "") for fact in new.facts
    ]
    if outdated.why == Outdated.CHANGED:
        text = "Пока лист был открыт, условия изменились. Ничего не сделали: проверьте новый расчёт."
    elif any(fact.was for fact in new.facts):
        text = "Расчёту больше 15 минут, и он изменился. Ничего не сделали: проверьте новый."
    else:
        text = "Расчёту было больше 15 минут, мы сделали его заново. Всё осталось прежним: подтвердите ещё раз."
    new.changed = translate(text, language)
    return new


_TITLES = {
    OrderKind.SWITCH: "Сменить тариф?",
    OrderKind.SETTINGS: "Изменить настройки?",
    OrderKind.OPTION_ON: "Подключить услугу?",
    OrderKind.OPTION_KEEP: "Оставить услугу?",
    OrderKind.OPTION_OFF: "Отключить услугу?",
    OrderKind.BUNDLE: "Подключить пакет?",
    OrderKind.BUNDLE_OFF: "Отключить пакет?",
}
_STAY_TITLE = "Остаться на этом тарифе?"
_KEEPS = {
    OrderKind.OPTION_ON: "Не подключать",
    OrderKind.BUNDLE: "Не подключать",
    OrderKind.OPTION_KEEP: "Не оставлять",
    OrderKind.OPTION_OFF: "Не отключать",
    OrderKind.BUNDLE_OFF: "Не отключать",
}


def _is_stay(kind: OrderKind, summary: Summary) -> bool:
    """A planned change is taken back, and nothing comes in its place."""
    is_planned_lost = any(part.what == PartKind.PLANNED for part in summary.losses)
    is_changed = summary.takes_effect_at is not None or any(line.before != line.after for line in summary.terms)
    return kind in (OrderKind.SWITCH, OrderKind.SETTINGS) and is_planned_lost and not is_changed


def _subject(kind: OrderKind, summary: Summary, language: Language) -> str:
    if kind == OrderKind.SWITCH and summary.name_before != summary.name_after:
        return translate("«{before}» — на «{after}»", language, before=summary.name_before, after=summary.name_after)
    return f"«{summary.name_after}»"


def _term(line: TermLine, language: Language) -> TermView:
    before, after = _term_value(line, line.before, language), _term_value(line, line.after, language)
    if line.kind is None:
        is_same_period = line.per_before == line.per_after
        if not is_same_period:
            before, after = f"{before} {_per(line.per_before, language)}", f"{after} {_per(line.per_after, language)}"
        names = {"day": "Плата в день", "month": "Плата в месяц"}
        name = translate(names[line.per_after] if is_same_period else "Плата", language)
        return TermView(name, before, after, _tone(line.after, line.before) if is_same_period else "")
    name = translate(_KINDS[line.kind], language)
    return TermView(
        f"{name}: {line.scope_name}" if line.scope_name else name, before, after, _tone(line.before, line.after)
    )


def _tone(less: int | None, more: int | None) -> str:
    """ok where `more` is more than `less`; None is more than any number."""
    if less == more:
        return ""
    return "warn" if less is None or (more is not None and more < less) else "ok"


def _term_value(line: TermLine, amount: int | None, language: Language) -> str:
    if line.kind is None:
        return formats.money(amount or 0, language)
    return _quantity(line.kind, amount, language) if amount != 0 else translate("нет", language)


def _quantity(kind: UsageKind, amount: int | None, language: Language) -> str:
    if amount is None:
        return translate("безлимит", language)
    match kind:
        case UsageKind.VOICE:
            return formats.minutes(amount, language)
        case UsageKind.DATA:
            return formats.data(amount, language)
        case UsageKind.SMS:
            return formats.messages(amount, language)


def _per(per: str, language: Language) -> str:
    return translate("в день" if per == "day" else "в месяц", language)


def _facts(kind: OrderKind, summary: Summary, now: datetime, language: Language) -> Iterator[FactView]:
    at, net = summary.takes_effect_at, summary.charged_now_kopecks
    if kind in (OrderKind.SWITCH, OrderKind.SETTINGS):
        yield FactView(translate("Когда", language), _when(at, now, language))
    if net < 0:
        yield FactView(translate("Вернём сейчас", language), formats.money(-net, language))
    elif net or at is None:
        yield FactView(translate("Спишем сейчас", language), formats.money(net, language))
    if len(summary.charges) > 1:
        for charge in summary.charges:
            value = formats.money(charge.kopecks, language)
            yield FactView(f"— {_share(charge.name, charge.days, charge.of_days, language)}", value)
    if kind == OrderKind.SWITCH and net == 0 and at is not None:
        yield FactView(translate("Стоимость перехода", language), formats.money(0, language))
    yield from _next_fee(kind, summary, now, language)
    if net:
        yield FactView(translate("Баланс после", language), formats.money(summary.available_after_kopecks, language))
    if kind in (OrderKind.OPTION_ON, OrderKind.OPTION_KEEP, OrderKind.BUNDLE) and summary.services_after_kopecks:
        name = translate("Все услуги в месяц", language)
        yield FactView(name, formats.money(summary.services_after_kopecks, language))


def _next_fee(kind: OrderKind, summary: Summary, now: datetime, language: Language) -> Iterator[FactView]:
    fee = summary.next_fee_after
    if fee is None:
        return
    if kind in (OrderKind.OPTION_ON, OrderKind.OPTION_KEEP, OrderKind.BUNDLE):
        if summary.trial_until is not None:
            return
        name = translate(
            "Дальше" if summary.charged_now_kopecks else "Спишем {day}", language, day=_day(fee, now, language)
        )
        yield FactView(name, _each(fee, language))
        return
    name = translate("Спишем {day}", language, day=_day(fee, now, language))
    before = summary.next_fee_before
    yield FactView(name, formats.money(fee.kopecks, language))
    if before is not None and before.at == fee.at and before.kopecks != fee.kopecks:
        yield FactView(translate("вместо", language), formats.money(before.kopecks, language))


def _each(fee: NextFee, language: Language) -> str:
    money = formats.money(fee.kopecks, language)
    if fee.per == "day":
        return f"{money} {_per(fee.per, language)}"
    anchor = clock.local(fee.at).day
    return translate("{sum} в месяц, {day}-го числа", language, sum=money, day=anchor)


def _day(fee: NextFee, now: datetime, language: Language) -> str:
    return formats.date_only(clock.local(fee.at).date(), clock.local(now).date(), language)


def _when(at: datetime | None, now: datetime, language: Language) -> str:
    if at is None:
        return translate("сразу", language)
    day = formats.day(clock.local(at).date(), clock.local(now).date(), language)
    return translate("{day}, в {time}", language, day=day, time=formats.clock_time(at))


def _share(name: str, days: int, of_days: int, language: Language) -> str:
    if of_days == 1:
        return name
    return translate("{name}, {days} из {of} дней", language, name=name, days=days, of=of_days)


def _lacking(summary: Summary, language: Language) -> str:
    if not summary.lacking_kopecks:
        return ""
    sum_ = formats.money(summary.lacking_kopecks, language)
    return translate("Не хватает {sum}. Пополните баланс и подтвердите снова.", language, sum=sum_)


def _confirm(kind: OrderKind, summary: Summary, now: datetime, language: Language, *, is_stay: bool) -> str:
    sum_ = formats.money(summary.charged_now_kopecks, language)
    is_paid = summary.charged_now_kopecks > 0
    at = summary.takes_effect_at
    if is_stay:
        return translate("Остаться", language)
    if kind in (OrderKind.SWITCH, OrderKind.SETTINGS):
        word = "Сменить" if kind == OrderKind.SWITCH else "Изменить"
        if at is not None:
            day = formats.date_only(clock.local(at).date(), clock.local(now).date(), language)
            return translate(f"{word} с {{day}}", language, day=day)
        return translate(f"{word} за {{sum}}" if is_paid else f"{word} сейчас", language, sum=sum_)
    if kind in (OrderKind.OPTION_ON, OrderKind.BUNDLE):
        if summary.trial_until is not None:
            return translate("Попробовать бесплатно", language)
        return translate("Подключить за {sum}" if is_paid else "Подключить", language, sum=sum_)
    if kind == OrderKind.OPTION_KEEP and summary.next_fee_after is not None:
        fee = summary.next_fee_after
        each = f"{formats.money(fee.kopecks, language)} {_per(fee.per, language)}"
        return translate("Оставить за {sum}", language, sum=each)
    return translate("Отключить", language)


# --- what is lost, what is added -------------------------------------------------------------------------------------


def _notes(summary: Summary, now: datetime, language: Language) -> Iterator[NoteView]:
    for part in summary.losses:
        yield NoteView("warn", _loss(part, now, language))
    for part in summary.gains:
        if text := _gain(part, now, language):
            yield NoteView("ok", text)
    for door in summary.doors:
        if door.what == DoorKind.CLOSED_PLAN:
            text = "Тариф «{name}» закрыт для подключения: вернуться на него потом будет нельзя."
        else:
            text = "Пробный период даётся один раз."
        yield NoteView("info", translate(text, language, name=door.name))


def _loss(part: Part, now: datetime, language: Language) -> str:
    values = _values(part, now, language)
    match part.what:
        case PartKind.ALLOWANCE:
            return translate("Пропадёт остаток: {what}.", language, **values)
        case PartKind.LEFTOVER:
            return translate("Остаток {what} не перейдёт на новый период.", language, **values)
        case PartKind.FEE_REST:
            return translate("За оплаченные дни не вернём {sum}.", language, **values)
        case PartKind.INCLUDED:
            return translate("Услуга «{name}» больше не будет входить в тариф.", language, **values)
        case PartKind.OPTION_PAID:
            return translate("Услуга «{name}» станет платной: {sum}.", language, **values)
        case PartKind.PLANNED:
            return translate("Запланированный на {day} переход на «{name}» не состоится.", language, **values)
        case _:
            text = "«{name}» работает до {day}." if part.at else "«{name}» перестанет работать сразу."
            return translate(text, language, **values)


def _gain(part: Part, now: datetime, language: Language) -> str:
    values = _values(part, now, language)
    match part.what:
        case PartKind.ALLOWANCE:
            text = "Сразу добавим {what} до {day}."
            if part.of_days > 1:
                text = "Сразу добавим {what} до {day}: часть пакета за {days} из {of} дней."
            return translate(text, language, **values)
        case PartKind.REFUND:
            return translate("Вернём {sum}: за {days} из {of} оплаченных дней.", language, **values)
        case PartKind.INCLUDED:
            return translate("Услуга «{name}» будет входить в тариф.", language, **values)
        case PartKind.OPTION_FREE:
            return translate("Услуга «{name}» станет бесплатной: сейчас {sum}.", language, **values)
        case _:
            return ""


def _values(part: Part, now: datetime, language: Language) -> dict[str, str]:
    what = ""
    if part.kind is not None:
        what = _quantity(part.kind, part.amount, language)
        if part.amount is None:
            what = f"{translate(_KINDS[part.kind], language)}, {what}"
        if part.scope_name:
            what = f"{what} ({part.scope_name})"
    today = clock.local(now).date()
    return {
        "name": part.name,
        "what": what,
        "sum": formats.money(part.kopecks, language),
        "day": formats.date_only(formats.last_day(part.at), today, language) if part.at else "",
        "days": str(part.days),
        "of": str(part.of_days),
    }


def _way_back(quote: Quote, now: datetime, language: Language) -> NoteView:
    at = quote.summary.takes_effect_at
    if at is not None:
        day = formats.date_only(clock.local(at).date(), clock.local(now).date(), language)
        return NoteView("info", translate("До {day} это можно отменить.", language, day=day))
    if quote.summary.trial_until is not None:
        day = formats.date_only(formats.last_day(quote.summary.trial_until), clock.local(now).date(), language)
        text = "Бесплатно по {day} включительно. Платной сама не станет: мы спросим ещё раз."
        return NoteView("info", translate(text, language, day=day))
    return NoteView("info", translate("Сутки можно отменить, если не пользоваться.", language))


# --- what was done ---------------------------------------------------------------------------------------------------


def done_view(order: Order, number: int, language: Language) -> DoneView:
    """What is said right after it was done, with the way back."""
    return DoneView(number, _done(order, language), 0 if order.undone_at else order.id)


def undone_text(order: Order, language: Language) -> str:
    """What is said after it was taken back."""
    net = order.summary.charged_now_kopecks
    if net > 0:
        sum_ = formats.money(net, language)
        return translate("Отменили, {sum} вернули на баланс", language, sum=sum_)
    return translate("Отменили: всё как было", language)


def _done(order: Order, language: Language) -> str:
    summary, name = order.summary, order.summary.name_after
    if _is_stay(order.kind, summary):
        return translate("Тариф остаётся прежним", language)
    at = summary.takes_effect_at
    if at is not None:
        day = formats.date_only(clock.local(at).date(), clock.local(order.confirmed_at).date(), language)
        text = "Тариф «{name}» — с {day}" if order.kind == OrderKind.SWITCH else "Новые настройки — с {day}"
        return translate(text, language, name=name, day=day)
    match order.kind:
        case OrderKind.SWITCH:
            return translate("Теперь у вас «{name}»", language, name=name)
        case OrderKind.SETTINGS:
            return translate("Настройки изменили", language)
        case OrderKind.OPTION_KEEP:
            return translate("Оставили «{name}»", language, name=name)
        case OrderKind.OPTION_OFF | OrderKind.BUNDLE_OFF:
            until = next((part.at for part in summary.losses if part.what == PartKind.OPTION), None)
            if until is None:
                return translate("Отключили «{name}»", language, name=name)
            day = formats.date_only(formats.last_day(until), clock.local(order.confirmed_at).date(), language)
            return translate("Отключили «{name}», работает по {day}", language, name=name, day=day)
        case _:
            return translate("Подключили «{name}»", language, name=name)
