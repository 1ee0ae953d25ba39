"""Autopay in words: what `services.autopay` knows, ready to be shown. Nothing here decides anything."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cabinet import clock
from cabinet.domain.autopay import (
    LEAST_AMOUNT,
    LEAST_CEILING,
    LEAST_THRESHOLD,
    MOST_AMOUNT,
    MOST_THRESHOLD,
    PAUSES,
    AutopayKind,
    AutopayState,
    PauseReason,
    Terms,
)
from cabinet.domain.payments import PaymentKind
from cabinet.locales import Language, translate
from cabinet.services.autopay import Autopay, Rule, Upcoming
from cabinet.services.top_ups import Method
from cabinet.ui import formats

USUAL_CEILING_KOPECKS = 100_000
_CEILING_STEP = 50_000
_DAY = timedelta(days=1)


@dataclass
class MethodView:
    """A saved card or account in the list."""

    value: str
    text: str


@dataclass
class FactView:
    """A line of how the rule stands."""

    name: str
    value: str


@dataclass
class NoteView:
    """A message; `tone` is info or warn, without a title there is none."""

    tone: str = ""
    title: str = ""
    text: str = ""


@dataclass
class RuleView:
    """The rule that there is; without a title there is none. `can_resume`: it is paused and its card is there."""

    title: str = ""
    is_active: bool = False
    can_resume: bool = False
    facts: list[FactView] = field(default_factory=list)
    note: NoteView = field(default_factory=NoteView)


@dataclass
class HintsView:
    """What stands under the choices and fields."""

    fee: str = ""
    threshold: str = ""
    amount: str = ""
    ceiling: str = ""
    refusals: str = ""


@dataclass
class Draft:
    """What stands in the fields, as it was typed."""

    kind: str = AutopayKind.FEE.value
    threshold: str = "100"
    threshold_amount: str = "300"
    day: str = "1"
    day_amount: str = "300"
    ceiling: str = ""
    method: str = ""

    @property
    def amount(self) -> str:
        """The sum of the kind that is chosen."""
        return self.day_amount if self.kind == AutopayKind.DAY else self.threshold_amount


def draft_of(found: Autopay) -> Draft:
    """What the fields begin with: the rule, or what is usual."""
    methods = [str(method.id) for method in found.methods]
    draft = Draft(method=methods[0] if methods else "")
    if not found.fees_at:
        draft.kind = AutopayKind.THRESHOLD.value
    needed = -(-found.fee_kopecks // _CEILING_STEP) * _CEILING_STEP
    draft.ceiling = _typed(max(USUAL_CEILING_KOPECKS, needed))
    rule = found.rule
    if rule is None:
        return draft
    terms = rule.terms
    draft.kind, draft.ceiling = terms.kind.value, _typed(terms.ceiling_kopecks)
    if terms.kind is AutopayKind.THRESHOLD:
        draft.threshold, draft.threshold_amount = _typed(terms.threshold_kopecks), _typed(terms.amount_kopecks)
    elif terms.kind is AutopayKind.DAY:
        draft.day, draft.day_amount = str(terms.day), _typed(terms.amount_kopecks)
    if rule.method is not None:
        draft.method = str(rule.method.id)
    return draft


def _typed(kopecks: int) -> str:
    """A sum as a person types it: `1000`, `337,50`."""
    roubles, rest = divmod(kopecks, 100)
    return f"{roubles},{rest:02}" if rest else str(roubles)


def method_views(found: Autopay, language: Language) -> list[MethodView]:
    """The saved cards and accounts."""
    return [MethodView(str(method.id), _method(method, language)) for method in found.methods]


def _method(method: Method, language: Language) -> str:
    if method.kind is PaymentKind.SBP:
        return translate("Счёт {title}, СБП", language, title=method.title)
    return translate("{title}, до {until}", language, title=method.title, until=method.expires)


def hints(
    found: Autopay, terms: Terms | None, upcoming: Upcoming | None, now: datetime, language: Language
) -> HintsView:
    """What is said under the choices; `terms` are those in the fields, None while something is wrong with them."""
    return HintsView(
        fee=_fee_hint(found, language),
        threshold=_between(LEAST_THRESHOLD, MOST_THRESHOLD, language),
        amount=_between(LEAST_AMOUNT, MOST_AMOUNT, language),
        ceiling=_ceiling_hint(found, terms, upcoming, now, language),
        refusals=translate(
            "Если банк откажет, попробуем ещё {count} раза, с паузами всё длиннее, и встанем на паузу. "
            "О каждом отказе пришлём SMS.",
            language,
            count=len(PAUSES),
        ),
    )


def _fee_hint(found: Autopay, language: Language) -> str:
    """«25-го числа» only where it is that day each month."""
    if not found.fees_at:
        return translate("У вашего тарифа нет платы по датам", language)
    first, second = ((clock.local(at) - _DAY).date() for at in found.fees_at[:2])
    if first.day == second.day and first.month != second.month:
        day = formats.day_number(first.day, language)
        return translate("{day} числа, ровно столько, сколько не хватает", language, day=day)
    return translate("За день до неё, ровно столько, сколько не хватает", language)


def _between(least: int, most: int, language: Language) -> str:
    return translate(
        "От {least} до {most}",
        language,
        least=formats.number(least // 100, language),
        most=formats.number(most // 100, language),
    )


def _ceiling_hint(
    found: Autopay, terms: Terms | None, upcoming: Upcoming | None, now: datetime, language: Language
) -> str:
    month = formats.in_month(clock.local(now).date(), language)
    month = month[:1].upper() + month[1:]
    if found.spent_kopecks:
        spent = formats.money(found.spent_kopecks, language)
        return translate("{month} уже списали {sum}", language, month=month, sum=spent)
    is_this_month = (
        upcoming is not None and upcoming.at is not None and clock.local(upcoming.at).month == clock.local(now).month
    )
    if terms is not None and upcoming is not None and is_this_month and upcoming.amount_kopecks:
        coming = formats.money(upcoming.amount_kopecks, language)
        return translate("{month} вышло бы {sum}", language, month=month, sum=coming)
    return translate("От {least}", language, least=formats.number(LEAST_CEILING // 100, language))


# --- what would be paid first ----------------------------------------------------------------------------------------


def preview_view(
    found: Autopay, terms: Terms, upcoming: Upcoming | None, method: Method | None, now: datetime, language: Language
) -> NoteView:
    """The first payment that these terms would make."""

    def say(tone: str, title: str, text: str, **facts: str) -> NoteView:
        return NoteView(tone, translate(title, language, **facts), translate(text, language, **facts))

    if upcoming is None:
        return say(
            "warn",
            "Платы по датам у вашего тарифа нет",
            "Выберите пополнение по балансу или по числу месяца.",
        )
    facts = {
        "sum": formats.money(upcoming.amount_kopecks, language),
        "way": _way(method, language),
        "main": formats.money(found.main_kopecks, language),
        "threshold": formats.money(terms.threshold_kopecks, language),
        "spent": formats.money(found.spent_kopecks, language),
        "ceiling": formats.money(terms.ceiling_kopecks, language),
        "day": _when(upcoming.at, now, language) if upcoming.at else "",
    }
    if upcoming.is_beyond:
        text = (
            "Нужно {sum}, а за месяц разрешено {ceiling} и {spent} уже списано. Увеличьте лимит."
            if found.spent_kopecks
            else "Нужно {sum}, а за месяц разрешено {ceiling}. Увеличьте лимит."
        )
        return say("warn", "Лимит месяца не пустит платёж", text, **facts)
    if terms.kind is AutopayKind.THRESHOLD:
        if upcoming.at is None:
            text = "Спишем {sum} {way}, когда станет меньше {threshold}. Выключить можно в любой момент."
            return say("info", "Сейчас на балансе {main}", text, **facts)
        text = "Это меньше {threshold}: {sum} {way} спишем сразу. Выключить можно в любой момент."
        return say("info", "Сейчас на балансе {main}", text, **facts)
    if terms.kind is AutopayKind.DAY:
        return say("info", "Первое списание — {day}", "{sum} {way}. Выключить можно в любой момент.", **facts)
    if not upcoming.amount_kopecks:
        text = "На плату хватает: если так и останется, ничего не спишем. Выключить можно в любой момент."
        return say("info", "Проверим баланс — {day}", text, **facts)
    return say("info", "Первое списание — {day}", "Около {sum} {way}. Выключить можно в любой момент.", **facts)


def _way(method: Method | None, language: Language) -> str:
    if method is None:
        return ""
    text = "со счёта {title}" if method.kind is PaymentKind.SBP else "с карты {title}"
    return translate(text, language, title=method.title)


def _when(at: datetime, now: datetime, language: Language) -> str:
    return formats.day(clock.local(at).date(), clock.local(now).date(), language)


# --- the rule that there is ------------------------------------------------------------------------------------------

_PAUSED = {
    PauseReason.ASKED: ("info", "Вы поставили автоплатёж на паузу", "Пока он на паузе, ничего не спишем."),
    PauseReason.REFUSED: (
        "warn",
        "Банк отказывает",
        "Больше не пробуем. Проверьте карту или счёт и включите снова — или выберите другую карту.",
    ),
    PauseReason.METHOD_GONE: ("warn", "Карта удалена", "Списывать неоткуда. Выберите другую карту или счёт."),
    PauseReason.UNKNOWN: (
        "warn",
        "Банк не ответил",
        "Прошёл ли последний платёж, неизвестно, и второй раз мы не платим. Проверьте баланс и включите снова.",
    ),
}


def rule_view(found: Autopay, now: datetime, language: Language) -> RuleView:
    """How the rule stands."""
    rule = found.rule
    if rule is None:
        return RuleView()
    is_active = rule.state is AutopayState.ACTIVE
    title = "Автоплатёж включён" if is_active else "Автоплатёж на паузе"
    return RuleView(
        title=translate(title, language),
        is_active=is_active,
        can_resume=not is_active and rule.method is not None,
        facts=[FactView(translate(name, language), value) for name, value in _facts(found, rule, now, language)],
        note=_note(rule, now, language),
    )


def _facts(found: Autopay, rule: Rule, now: datetime, language: Language) -> list[tuple[str, str]]:
    terms = rule.terms
    facts = [("Когда", terms_in_words(terms, language))]
    if terms.kind is AutopayKind.FEE:
        facts.append(("Сколько", translate("сколько не хватает", language)))
    else:
        facts.append(("Сколько", formats.money(terms.amount_kopecks, language)))
    if rule.method is not None:
        facts.append(("Откуда", _method(rule.method, language)))
    coming = _coming(rule, now, language)
    if coming:
        facts.append(("Следующее списание", coming))
    spent, ceiling = formats.money(found.spent_kopecks, language), formats.money(terms.ceiling_kopecks, language)
    facts.append(("За этот месяц", translate("{spent} из {ceiling}", language, spent=spent, ceiling=ceiling)))
    return facts


def terms_in_words(terms: Terms, language: Language) -> str:
    """When a rule pays, for the middle of a line."""
    match terms.kind:
        case AutopayKind.FEE:
            return translate("перед платой за тариф", language)
        case AutopayKind.THRESHOLD:
            threshold = formats.money(terms.threshold_kopecks, language)
            return translate("когда меньше {sum}", language, sum=threshold)
        case AutopayKind.DAY:
            return translate("{day} числа", language, day=formats.day_number(terms.day, language))


def _coming(rule: Rule, now: datetime, language: Language) -> str:
    if rule.is_paying:
        return translate("идёт сейчас", language)
    upcoming = rule.upcoming
    if upcoming is None:
        return ""
    if upcoming.at is None:
        return terms_in_words(rule.terms, language)
    if rule.retry_at is not None:
        return formats.moment(rule.retry_at, now, language)
    when = _when(upcoming.at, now, language)
    if not upcoming.amount_kopecks:
        return translate("{day}, если не хватит", language, day=when)
    about = "{day}, около {sum}" if rule.terms.kind is AutopayKind.FEE else "{day}, {sum}"
    return translate(about, language, day=when, sum=formats.money(upcoming.amount_kopecks, language))


def _note(rule: Rule, now: datetime, language: Language) -> NoteView:
    if rule.pause_reason is not None:
        tone, title, text = _PAUSED[rule.pause_reason]
        return NoteView(tone, translate(title, language), translate(text, language))
    if rule.retry_at is not None:
        at = formats.moment(rule.retry_at, now, language)
        text = "Деньги не списаны. Попробуем ещё раз {at}: проверьте, что на карте хватает денег."
        return NoteView("warn", translate("Банк отказал", language), translate(text, language, at=at))
    return NoteView()
