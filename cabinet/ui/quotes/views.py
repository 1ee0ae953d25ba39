"""Quotes and orders in words: what something would do, and what was done. Nothing here decides anything."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from cabinet import clock
from cabinet.domain.allowances import UsageKind
from cabinet.domain.effects import GIFT, PROMISED, ChargeKind, OrderKind
from cabinet.domain.promised_payments import percent_of
from cabinet.domain.promotions import Discount, DiscountOn
from cabinet.domain.quotes import DoorKind, NextFee, Part, PartKind, PromiseLine, Summary, TermLine, stays_as_is
from cabinet.locales import Language, name_in, translate
from cabinet.services.orders import CannotUndo, Order, Outdated, Quote, QuoteOutdated
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

    `changed` says why it is another than the one that was confirmed. `lacking`: the money it would take, and
    `top_up` is the page where it is paid.
    """

    id: int = 0
    title: str = ""
    subject: str = ""
    terms: list[TermView] = field(default_factory=list)
    facts: list[FactView] = field(default_factory=list)
    notes: list[NoteView] = field(default_factory=list)
    changed: str = ""
    lacking: str = ""
    top_up: str = ""
    confirm: str = ""
    keep: str = ""


@dataclass
class DoneView:
    """What was done last: a sentence, and the order to be undone (0: none). `number` makes each a new message."""

    number: int = 0
    text: str = ""
    order_id: int = 0


@dataclass
class OrderView:
    """A line of the history and what opens under it. `icon` is one of `ORDER_ICONS`; of the money, `is_income` is what
    came back. `terms` are «Было» and «Стало»."""

    id: int
    icon: str
    title: str
    second: str
    amount: str
    is_income: bool
    terms: list[TermView] = field(default_factory=list)
    facts: list[FactView] = field(default_factory=list)
    notes: list[NoteView] = field(default_factory=list)


@dataclass
class WayBackView:
    """Whether an order can be taken back, and the sentence about it; of one that was, when and what came back."""

    can_undo: bool = False
    is_undone: bool = False
    text: str = ""


# --- the sheet -------------------------------------------------------------------------------------------------------


def quote_view(quote: Quote, now: datetime, language: Language) -> QuoteView:
    """The sheet of a quote."""
    summary = quote.summary
    is_stay = stays_as_is(quote.kind, summary)
    return QuoteView(
        id=quote.id,
        title=translate("Отменить запланированное?" if is_stay else _TITLES[quote.kind], language),
        subject=_subject(quote.kind, summary, now, language),
        terms=[] if is_stay else [_term(line, language) for line in summary.terms],
        facts=list(_facts(quote.kind, summary, now, language)),
        notes=[*_notes(summary, now, language), _way_back(quote, now, language, is_stay=is_stay)],
        lacking=_lacking(summary, language),
        top_up=f"/topup/?amount={-(-summary.lacking_kopecks // 100)}",
        confirm=_confirm(quote.kind, summary, now, language, is_stay=is_stay),
        keep=translate("Не отменять" if is_stay else _KEEPS.get(quote.kind, "Оставить как есть"), language),
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
    OrderKind.PROMISE: "Обещанный платёж",
    OrderKind.PROMOTION: "Участвовать в акции?",
    OrderKind.PROMOTION_LEAVE: "Выйти из акции?",
}
_KEEPS = {
    OrderKind.OPTION_ON: "Не подключать",
    OrderKind.BUNDLE: "Не подключать",
    OrderKind.OPTION_KEEP: "Не оставлять",
    OrderKind.OPTION_OFF: "Не отключать",
    OrderKind.BUNDLE_OFF: "Не отключать",
    OrderKind.PROMISE: "Не брать",
    OrderKind.PROMOTION: "Не участвовать",
    OrderKind.PROMOTION_LEAVE: "Остаться в акции",
}


def _subject(kind: OrderKind, summary: Summary, now: datetime, language: Language) -> str:
    if kind == OrderKind.SWITCH and summary.name_before != summary.name_after:
        before, after = name_in(summary.name_before, language), name_in(summary.name_after, language)
        return translate("«{before}» — на «{after}»", language, before=before, after=after)
    if summary.promise is not None:
        return translate(
            "Деньги зачислим сейчас, вернуть — {when}.", language, when=_due(summary.promise, now, language)
        )
    return formats.quoted(name_in(summary.name_after, language), language)


def _due(promise: PromiseLine, now: datetime, language: Language) -> str:
    day = formats.day(clock.local(promise.due_at).date(), clock.local(now).date(), language)
    return translate("{day}, в {time}", language, day=day, time=formats.clock_time(promise.due_at))


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
        f"{name}: {name_in(line.scope_name, language)}" if line.scope_name else name,
        before,
        after,
        _tone(line.before, line.after),
    )


def _tone(less: int | None, more: int | None) -> str:
    """ok where `more` is more than `less`; None is more than any number."""
    if less == more:
        return ""
    return "warn" if less is None or (more is not None and more < less) else "ok"


def _term_value(line: TermLine, amount: int | None, language: Language) -> str:
    if line.kind is None:
        return formats.money(amount or 0, language)
    return formats.granted(line.kind, amount, language) if amount != 0 else translate("нет", language)


def _per(per: str, language: Language) -> str:
    return translate("в день" if per == "day" else "в месяц", language)


def _facts(kind: OrderKind, summary: Summary, now: datetime, language: Language) -> Iterator[FactView]:
    at, net = summary.takes_effect_at, summary.charged_now_kopecks
    if summary.promise is not None:
        yield from _promise_facts(summary.promise, now, language)
        yield FactView(translate("Баланс после", language), formats.money(summary.available_after_kopecks, language))
        return
    if kind in (OrderKind.SWITCH, OrderKind.SETTINGS):
        yield FactView(translate("Когда", language), _when(at, now, language))
    if net < 0:
        name = "Получите сейчас" if kind == OrderKind.PROMOTION else "Вернём сейчас"
        yield FactView(translate(name, language), formats.money(-net, language))
    elif net or at is None:
        yield FactView(translate("Спишем сейчас", language), formats.money(net, language))
    yield from _shares(summary, language)
    if kind == OrderKind.SWITCH and net == 0 and at is not None:
        yield FactView(translate("Стоимость перехода", language), formats.money(0, language))
    yield from _next_fee(kind, summary, now, language)
    if net:
        yield FactView(translate("Баланс после", language), formats.money(summary.available_after_kopecks, language))
    if kind in (OrderKind.OPTION_ON, OrderKind.OPTION_KEEP, OrderKind.BUNDLE) and summary.services_after_kopecks:
        name = translate("Все услуги в месяц", language)
        full = formats.money(summary.services_after_kopecks, language)
        if summary.services_first_kopecks not in (None, summary.services_after_kopecks):
            first = formats.money(summary.services_first_kopecks, language)
            full = translate("{sum} со скидкой, потом {full}", language, sum=first, full=full)
        yield FactView(name, full)


def _promise_facts(promise: PromiseLine, now: datetime, language: Language) -> Iterator[FactView]:
    percent = percent_of(promise.fee_kopecks, promise.kopecks)
    fee = translate(
        "{sum} ({percent} %)",
        language,
        sum=formats.money(promise.fee_kopecks, language),
        percent=percent if language == "ru" else percent.replace(",", "."),
    )
    day = formats.date_only(clock.local(promise.due_at).date(), clock.local(now).date(), language)
    yield FactView(translate("Получите", language), formats.money(promise.kopecks, language))
    yield FactView(translate("Плата за услугу", language), fee)
    yield FactView(
        translate("Спишем {day}", language, day=day), formats.money(promise.kopecks + promise.fee_kopecks, language)
    )


def _shares(summary: Summary, language: Language) -> Iterator[FactView]:
    """What one sum is made of."""
    if len(summary.charges) > 1:
        for charge in summary.charges:
            value = formats.money(charge.kopecks, language)
            yield FactView(f"— {_share(charge.name, charge.days, charge.of_days, language)}", value)


def _next_fee(kind: OrderKind, summary: Summary, now: datetime, language: Language) -> Iterator[FactView]:
    fee = summary.next_fee_after
    if fee is None:
        return
    if kind in (OrderKind.OPTION_ON, OrderKind.OPTION_KEEP, OrderKind.BUNDLE):
        if summary.trial_until is not None or _is_once(kind, summary):
            return
        name = translate(
            "Дальше" if summary.charged_now_kopecks else "Спишем {day}", language, day=_day(fee, now, language)
        )
        yield FactView(name, _each(fee, language))
        return
    name = translate("Спишем {day}", language, day=_day(fee, now, language))
    before = summary.next_fee_before
    value = formats.money(fee.kopecks, language)
    if before is not None and before.at == fee.at and before.kopecks != fee.kopecks:
        value = translate("{sum} вместо {was}", language, sum=value, was=formats.money(before.kopecks, language))
    elif fee.full_kopecks:
        value = translate("{sum} со скидкой", language, sum=value)
    yield FactView(name, value)


def _is_once(kind: OrderKind, summary: Summary) -> bool:
    """A package that does not come again: the next fee is the plan's and has nothing to do with it."""
    return kind == OrderKind.BUNDLE and summary.next_fee_before == summary.next_fee_after


def _each(fee: NextFee, language: Language) -> str:
    money = formats.money(fee.kopecks, language)
    if fee.full_kopecks:
        full = formats.money(fee.full_kopecks, language)
        money = translate("{sum} со скидкой, потом {full}", language, sum=money, full=full)
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
    name = name_in(name, language)
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
        return translate("Отменить запланированное", language)
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
    if summary.promise is not None:
        return translate("Взять {sum}", language, sum=formats.money(summary.promise.kopecks, language))
    if kind == OrderKind.PROMOTION:
        return translate("Участвовать", language)
    return translate("Выйти из акции" if kind == OrderKind.PROMOTION_LEAVE else "Отключить", language)


_CHARGES = {
    ChargeKind.PLAN_FEE: "Тариф «{name}»",
    ChargeKind.SWITCH: "Переход на «{name}»",
    ChargeKind.OPTION_FEE: "Услуга «{name}»",
    ChargeKind.BUNDLE: "Пакет «{name}»",
    PROMISED: "Обещанный платёж",
    GIFT: "Подарок: «{name}»",
}


def charge_name(kind: str, name: str, language: Language) -> str:
    """What money was for: «Пакет «+5 ГБ»»."""
    return translate(_CHARGES[kind], language, name=name_in(name, language))


# --- what is lost, what is added -------------------------------------------------------------------------------------


def _notes(summary: Summary, now: datetime, language: Language, *, is_done: bool = False) -> Iterator[NoteView]:
    for part in summary.losses:
        yield NoteView("warn", _loss(part, summary, now, language, is_done=is_done))
    for part in summary.gains:
        if text := _gain(part, now, language, is_done=is_done):
            yield NoteView("ok", text)
    if is_done:
        return
    if summary.promise is not None:
        day = formats.date_only(clock.local(summary.promise.due_at).date(), clock.local(now).date(), language)
        text = "Если {day} денег не хватит, остаток станет долгом, а связь отключится до пополнения."
        yield NoteView("warn", translate(text, language, day=day))
    for door in summary.doors:
        if door.what == DoorKind.CLOSED_PLAN:
            text = "Тариф «{name}» закрыт для подключения: вернуться на него потом будет нельзя."
        elif door.what == DoorKind.PROMOTION:
            text = "Вернуться в акцию потом будет нельзя."
        else:
            text = "Пробный период даётся один раз."
        yield NoteView("info", translate(text, language, name=name_in(door.name, language)))


_LOSSES = {
    PartKind.ALLOWANCE: ("Пропадёт остаток: {what}.", "Пропал остаток: {what}."),
    PartKind.LEFTOVER: (
        "Остаток {what} не перейдёт на новый период.",
        "Остаток {what} не перешёл на новый период.",
    ),
    PartKind.FEE_REST: ("За оплаченные дни не вернём {sum}.", "За оплаченные дни не вернули {sum}."),
    PartKind.INCLUDED: (
        "Услуга «{name}» больше не будет входить в тариф.",
        "Услуга «{name}» больше не входит в тариф.",
    ),
    PartKind.OPTION_PAID: ("Услуга «{name}» станет платной: {sum}.", "Услуга «{name}» стала платной: {sum}."),
    PartKind.PLANNED: (
        "Запланированный на {day} переход на «{name}» не состоится.",
        "Запланированный на {day} переход на «{name}» отменили.",
    ),
}
_GAINS = {
    PartKind.GIFT: ("На баланс придёт {sum}.", "На баланс пришло {sum}."),
    PartKind.REFUND: (
        "Вернём {sum}: за {days} из {of} оплаченных дней.",
        "Вернули {sum}: за {days} из {of} оплаченных дней.",
    ),
    PartKind.INCLUDED: ("Услуга «{name}» будет входить в тариф.", "Услуга «{name}» теперь входит в тариф."),
    PartKind.OPTION_FREE: (
        "Услуга «{name}» станет бесплатной: сейчас {sum}.",
        "Услуга «{name}» стала бесплатной: была {sum}.",
    ),
}
"""What will be said of a part before, and what after."""


def _loss(part: Part, summary: Summary, now: datetime, language: Language, *, is_done: bool) -> str:
    values = _values(part, now, language)
    if part.what == PartKind.PLANNED and part.name == summary.name_before:
        texts = (
            "Новые настройки, запланированные на {day}, не вступят в силу.",
            "Новые настройки, запланированные на {day}, отменили.",
        )
        return translate(texts[is_done], language, **values)
    if part.what in _LOSSES:
        return translate(_LOSSES[part.what][is_done], language, **values)
    if part.discount is not None:
        text = "Скидки больше нет: {discount}." if is_done else "Скидка пропадёт: {discount}."
        return translate(text, language, discount=discount_words(part.discount, language))
    if part.at:
        return translate("«{name}» работает до {day}.", language, **values)
    text = "«{name}» перестала работать сразу." if is_done else "«{name}» перестанет работать сразу."
    return translate(text, language, **values)


def _gain(part: Part, now: datetime, language: Language, *, is_done: bool) -> str:
    values = _values(part, now, language)
    if part.what == PartKind.ALLOWANCE:
        texts = "Сразу добавим {what} до {day}.", "Сразу добавили {what} до {day}."
        if part.of_days > 1:
            texts = (
                "Сразу добавим {what} до {day}: часть пакета за {days} из {of} дней.",
                "Сразу добавили {what} до {day}: часть пакета за {days} из {of} дней.",
            )
        return translate(texts[is_done], language, **values)
    if part.discount is not None:
        return translate("Скидка {discount}.", language, discount=discount_words(part.discount, language))
    return translate(_GAINS[part.what][is_done], language, **values) if part.what in _GAINS else ""


_FEES = {
    DiscountOn.PLAN: ("на ближайшую плату за тариф", "на {count} за тариф"),
    DiscountOn.OPTION: ("на ближайшую плату за услугу", "на {count} за услугу"),
    DiscountOn.BUNDLE: ("на ближайшую плату за пакет", "на {count} за пакет"),
}


def discount_words(discount: Discount, language: Language) -> str:
    """`20 % на 3 ближайшие платы за тариф`, `100 ₽ на ближайшую плату за услугу`."""
    size = formats.percent(discount.percent) if discount.percent else formats.money(discount.kopecks, language)
    once, several = _FEES[discount.on]
    if discount.periods == 1:
        return f"{size} {translate(once, language)}"
    return f"{size} {translate(several, language, count=next_fees(discount.periods, language))}"


def next_fees(count: int, language: Language) -> str:
    """`3 ближайшие платы`."""
    if language == "en":
        return f"next {formats.counted(count, 'fee', 'fees', language='en')}"
    return formats.counted(count, "ближайшую плату", "ближайшие платы", "ближайших плат")


def _values(part: Part, now: datetime, language: Language) -> dict[str, str]:
    what = ""
    if part.kind is not None:
        what = formats.granted(part.kind, part.amount, language)
        if part.amount is None:
            what = f"{translate(_KINDS[part.kind], language)}, {what}"
        if part.scope_name:
            what = f"{what} ({name_in(part.scope_name, language)})"
    day = ""
    if part.at is not None:
        # A planned change begins then, all else ends then.
        on = clock.local(part.at).date() if part.what == PartKind.PLANNED else formats.last_day(part.at)
        day = formats.date_only(on, clock.local(now).date(), language)
    return {
        "name": name_in(part.name, language),
        "what": what,
        "sum": formats.money(part.kopecks, language),
        "day": day,
        "days": str(part.days),
        "of": str(part.of_days),
    }


def _way_back(quote: Quote, now: datetime, language: Language, *, is_stay: bool) -> NoteView:
    if is_stay:
        return NoteView("info", translate("Сутки запланированное можно вернуть.", language))
    at = quote.summary.takes_effect_at
    if at is not None:
        day = formats.date_only(clock.local(at).date(), clock.local(now).date(), language)
        return NoteView("info", translate("До {day} это можно отменить.", language, day=day))
    if quote.summary.trial_until is not None:
        day = formats.date_only(formats.last_day(quote.summary.trial_until), clock.local(now).date(), language)
        text = "Бесплатно по {day} включительно. Платной сама не станет: мы спросим ещё раз."
        return NoteView("info", translate(text, language, day=day))
    if quote.kind == OrderKind.PROMOTION_LEAVE:
        return NoteView("info", translate("Сутки можно передумать.", language))
    if quote.summary.promise is not None:
        return NoteView("info", translate("Сутки можно отменить бесплатно, если не потратить.", language))
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
    summary, name = order.summary, name_in(order.summary.name_after, language)
    if stays_as_is(order.kind, summary):
        return translate("Запланированное отменили", language)
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
        case OrderKind.PROMISE if summary.promise is not None:
            sum_ = formats.money(summary.promise.kopecks, language)
            return translate("Взяли обещанный платёж, {sum}", language, sum=sum_)
        case OrderKind.PROMOTION:
            return translate("Вы участвуете: «{name}»", language, name=name)
        case OrderKind.PROMOTION_LEAVE:
            return translate("Вы вышли из акции «{name}»", language, name=name)
        case OrderKind.OPTION_OFF | OrderKind.BUNDLE_OFF:
            until = next((part.at for part in summary.losses if part.what == PartKind.OPTION), None)
            if until is None:
                return translate("Отключили «{name}»", language, name=name)
            day = formats.date_only(formats.last_day(until), clock.local(order.confirmed_at).date(), language)
            return translate("Отключили «{name}», работает по {day}", language, name=name, day=day)
        case _:
            return translate("Подключили «{name}»", language, name=name)


# --- the history -----------------------------------------------------------------------------------------------------

_ICONS = {
    OrderKind.SWITCH: "repeat",
    OrderKind.SETTINGS: "sliders",
    OrderKind.BUNDLE: "package",
    OrderKind.BUNDLE_OFF: "package",
    OrderKind.PROMISE: "wallet",
    OrderKind.PROMOTION: "offer",
    OrderKind.PROMOTION_LEAVE: "offer",
}
ORDER_ICONS = (*dict.fromkeys(_ICONS.values()), "list_checks")


def order_view(order: Order, now: datetime, language: Language) -> OrderView:
    """What was confirmed and what it did; what is still to come is told as that."""
    summary, at = order.summary, order.summary.takes_effect_at
    net = summary.charged_now_kopecks
    return OrderView(
        id=order.id,
        icon=_ICONS.get(order.kind, "list_checks"),
        title=_done(order, language),
        second=formats.moment(order.confirmed_at, now, language),
        amount=formats.money(-net, language) if net >= 0 else formats.income(-net, language),
        is_income=net < 0,
        terms=[] if stays_as_is(order.kind, summary) else [_term(line, language) for line in summary.terms],
        facts=list(_done_facts(order, now, language)),
        notes=list(_notes(summary, now, language, is_done=at is None or at <= now)),
    )


def way_back_view(order: Order, now: datetime, language: Language) -> WayBackView:
    """Whether and until when it can be taken back, why not any more, or when it was."""
    if order.undone_at is not None:
        when = formats.moment(order.undone_at, now, language)
        net = order.summary.charged_now_kopecks
        if net > 0:
            text = "Отменено {when}: {sum} вернули на баланс."
        else:
            text = "Отменено {when}: {sum} списали обратно." if net < 0 else "Отменено {when}: всё стало как было."
        sum_ = formats.money(abs(net), language)
        return WayBackView(is_undone=True, text=translate(text, language, when=when, sum=sum_))
    if order.why_not is not None:
        return WayBackView(text=translate(CannotUndo(order.why_not).text, language))
    day = formats.day(clock.local(order.undo_until).date(), clock.local(now).date(), language)
    text = "Отменить можно до {time}, {day}."
    if order.summary.takes_effect_at is None and order.summary.gains:
        text = "Отменить можно до {time}, {day}, пока этим не пользовались."
    time = formats.clock_time(order.undo_until)
    return WayBackView(can_undo=True, text=translate(text, language, time=time, day=day))


def _done_facts(order: Order, now: datetime, language: Language) -> Iterator[FactView]:
    summary, net = order.summary, order.summary.charged_now_kopecks
    yield FactView(translate("Подтвердили", language), formats.moment(order.confirmed_at, now, language))
    if summary.promise is not None:
        yield from _promise_facts(summary.promise, now, language)
        return
    yield FactView(translate("Вступает в силу", language), _when(summary.takes_effect_at, now, language))
    if net < 0:
        name = "Получили" if order.kind == OrderKind.PROMOTION else "Вернули"
        yield FactView(translate(name, language), formats.money(-net, language))
    else:
        yield FactView(translate("Списали", language), formats.money(net, language))
    yield from _shares(summary, language)
    before, fee = summary.next_fee_before, summary.next_fee_after
    if summary.trial_until is not None:
        day = formats.date_only(formats.last_day(summary.trial_until), clock.local(now).date(), language)
        yield FactView(translate("Пробный период", language), translate("по {day} включительно", language, day=day))
    elif fee is not None and not _is_once(order.kind, summary):
        name = translate("Плата {day}", language, day=_day(fee, now, language))
        is_other = before is not None and (before.kopecks, before.per) != (fee.kopecks, fee.per)
        was = formats.money(before.kopecks, language) if before is not None and is_other else ""
        yield FactView(name, formats.money(fee.kopecks, language), was)
    if net:
        yield FactView(translate("Баланс после", language), formats.money(summary.available_after_kopecks, language))
