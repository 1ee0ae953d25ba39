"""Top-ups in words: what `services.top_ups` knows, ready to be shown. Nothing here decides anything."""

from dataclasses import dataclass, field
from datetime import datetime

from cabinet import clock
from cabinet.domain.payments import Initiator, PaymentKind, Refusal, TopUpState
from cabinet.locales import Language, translate
from cabinet.services.overview import NextCharge
from cabinet.services.promised_payments import PromiseOffer
from cabinet.services.top_ups import Method, Offer, Result, TopUp
from cabinet.ui import formats


@dataclass
class SumView:
    """A sum to be chosen: `value` as it is typed, `text` as it is read."""

    value: str
    text: str


@dataclass
class MethodView:
    """A way to pay; `value` is what the form sends. A saved one has an `id` by which it is deleted."""

    value: str
    id: int
    icon: str
    name: str
    second: str
    is_chosen: bool


@dataclass
class FactView:
    """A line of the receipt."""

    name: str
    value: str


@dataclass
class TopUpView:
    """A line of the history; `tone` is ok, warn or bad."""

    id: int
    title: str
    second: str
    amount: str
    tone: str
    is_income: bool


@dataclass
class ResultView:
    """What became of a payment. `state`: wait, done, refused; `again` and `by_sbp` begin a new try.

    `has_saved`: what paid can pay by itself from now on.
    """

    state: str = ""
    title: str = ""
    text: str = ""
    reasons: list[str] = field(default_factory=list)
    facts: list[FactView] = field(default_factory=list)
    receipt: str = ""
    has_saved: bool = False
    again: str = ""
    by_sbp: str = ""
    page: str = ""


@dataclass
class PromisedSumView:
    """A sum that may be promised."""

    kopecks: int
    text: str


@dataclass
class PromiseView:
    """The promised payment: `text` says what could be had, was taken, or why not; `kopecks` is what is suggested.

    `can_take`: the row opens the sheet; `sums` are chosen in it.
    """

    is_offered: bool = False
    can_take: bool = False
    text: str = ""
    kopecks: int = 0
    sums: list[PromisedSumView] = field(default_factory=list)


# --- the page --------------------------------------------------------------------------------------------------------


def sum_views(offer: Offer, language: Language) -> list[SumView]:
    """The sums to choose from."""
    return [SumView(typed(kopecks), formats.money(kopecks, language)) for kopecks in offer.suggestions_kopecks]


def typed(kopecks: int) -> str:
    """A sum as a person types it: `340`, `337,50`."""
    roubles, rest = divmod(kopecks, 100)
    return f"{roubles},{rest:02}" if rest else str(roubles)


def limits(offer: Offer, language: Language) -> str:
    """What may be paid at once."""
    return translate(
        "От {least} до {most}, без комиссии",
        language,
        least=formats.money(offer.least_kopecks, language),
        most=formats.money(offer.most_kopecks, language),
    )


def advice(offer: Offer, now: datetime, language: Language) -> str:
    """Why the first sum is what it is: the next fee lacks it."""
    charge = offer.next_charge
    if charge is None or not charge.shortage_kopecks or not offer.suggestions_kopecks:
        return ""
    return translate(
        "{sum} — столько не хватает на плату за тариф {day}.",
        language,
        sum=formats.money(charge.shortage_kopecks, language),
        day=_day(charge, now, language),
    )


def method_views(offer: Offer, chosen: str, language: Language) -> list[MethodView]:
    """Saved cards and accounts, then the two ways of paying anew; the first one is chosen unless another was."""
    saved = [_saved(method, language) for method in offer.methods]
    anew = [
        MethodView("sbp", 0, "qr", translate("СБП", language), translate("через приложение банка", language), False),
        MethodView(
            "card",
            0,
            "plus" if saved else "card",
            translate("Другая карта" if saved else "Банковская карта", language),
            translate("данные вводятся на странице банка", language),
            False,
        ),
    ]
    views = [*saved, *(anew if saved else reversed(anew))]
    wanted = next((view for view in views if view.value == chosen), views[0])
    wanted.is_chosen = True
    return views


def _saved(method: Method, language: Language) -> MethodView:
    if method.kind == PaymentKind.SBP:
        name = translate("Счёт {title}", language, title=method.title)
        return MethodView(f"m{method.id}", method.id, "qr", name, translate("привязан по СБП", language), False)
    name = translate("Карта {title}", language, title=method.title)
    second = translate("сохранена, до {until}", language, until=method.expires)
    return MethodView(f"m{method.id}", method.id, "card", name, second, False)


def history_views(top_ups: list[TopUp], now: datetime, language: Language) -> list[TopUpView]:
    """The last top-ups."""
    return [_line(top_up, now, language) for top_up in top_ups]


def promise_view(offer: PromiseOffer | None, now: datetime, language: Language) -> PromiseView:
    """What is said of the promised payment, without asking for it."""
    if offer is None:
        return PromiseView()
    taken = offer.taken
    if taken is not None:
        text = translate(
            "Взяли {sum} — спишем {whole} {day}, в {time}",
            language,
            sum=formats.money(taken.amount_kopecks, language),
            whole=formats.money(taken.amount_kopecks + taken.fee_kopecks, language),
            day=_when(taken.due_at, now, language),
            time=formats.clock_time(taken.due_at),
        )
        return PromiseView(is_offered=True, text=text)
    if offer.refusal is not None:
        return PromiseView(is_offered=True, text=translate(offer.refusal.message, language, **offer.refusal.facts))
    suggested = offer.sums_kopecks[0]
    text = translate(
        "Взять {sum} — спишем {whole} {day}",
        language,
        sum=formats.money(suggested, language),
        whole=formats.money(suggested + offer.fee_kopecks, language),
        day=_when(offer.due_at, now, language),
    )
    sums = [PromisedSumView(kopecks, formats.money(kopecks, language)) for kopecks in offer.sums_kopecks]
    return PromiseView(True, True, text, suggested, sums)


def _when(at: datetime, now: datetime, language: Language) -> str:
    return formats.day(clock.local(at).date(), clock.local(now).date(), language)


_STATES = {
    TopUpState.CREATED: ("обрабатывается", "warn"),
    TopUpState.PENDING: ("ждёт оплаты", "warn"),
    TopUpState.SUCCEEDED: ("зачислено", "ok"),
    TopUpState.REFUSED: ("отклонено", "bad"),
    TopUpState.EXPIRED: ("не оплачено", "bad"),
}


def _line(top_up: TopUp, now: datetime, language: Language) -> TopUpView:
    word, tone = _STATES[top_up.state]
    by_itself = [translate("автоплатёж", language)] if top_up.initiator == Initiator.AUTOPAY else []
    parts = [formats.moment(top_up.created_at, now, language), *by_itself, translate(word, language)]
    if top_up.refunded_kopecks:
        parts.append(translate("возвращено {sum}", language, sum=formats.money(top_up.refunded_kopecks, language)))
    is_done = top_up.state == TopUpState.SUCCEEDED
    show = formats.income if is_done else formats.money
    second = " · ".join(parts)
    return TopUpView(
        id=top_up.id,
        title=_method(top_up, language),
        second=second[:1].upper() + second[1:],
        amount=show(top_up.amount_kopecks, language),
        tone=tone,
        is_income=is_done,
    )


def _method(top_up: TopUp, language: Language) -> str:
    word = "СБП" if top_up.kind == PaymentKind.SBP else "Карта"
    return " ".join(filter(None, (translate(word, language), top_up.method_title)))


# --- the result ------------------------------------------------------------------------------------------------------

_ENDS = {
    Refusal.INSUFFICIENT_FUNDS: ["На карте или счёте меньше {sum}."],
    Refusal.LIMIT_EXCEEDED: ["Исчерпан лимит платежей в банке. Измените его в приложении банка."],
    Refusal.CARD_EXPIRED: ["Срок карты закончился. Оплатите другой картой."],
    Refusal.CARD_INVALID: ["В данных карты ошибка. Проверьте номер, срок и код."],
    Refusal.CONFIRMATION_FAILED: ["Платёж не подтвердили в банке. Дождитесь SMS или уведомления банка."],
    Refusal.METHOD_REVOKED: ["Сохранённой картой больше нельзя платить. Введите карту заново."],
    Refusal.FRAUD_SUSPECTED: ["Банку платёж показался подозрительным. Позвоните в банк или оплатите иначе."],
    Refusal.TIMED_OUT: ["Платёж не подтвердили вовремя."],
    Refusal.CANCELED_BY_PAYER: ["Вы отменили платёж на странице банка."],
    Refusal.GATEWAY_REFUSED: ["Платёжная система не приняла платёж. Попробуйте позже или оплатите иначе."],
    Refusal.REFUNDED: ["Банк вернул деньги туда, откуда они пришли."],
}
_ANY = [
    "на карте меньше {sum} или исчерпан лимит;",
    "банк ждёт подтверждения в своём приложении;",
    "срок карты закончился.",
]


def result_view(result: Result, now: datetime, language: Language) -> ResultView:
    """What became of it, what to do now, and the facts of the receipt."""
    top_up = result.top_up
    balance = formats.money(result.main_kopecks, language)
    if top_up.state.is_open:
        return ResultView(
            state="wait",
            title=translate("Платёж обрабатывается", language),
            text=translate("Банк ещё не ответил. Второй раз не платите — сообщим, когда деньги придут.", language),
            facts=_facts(result, now, language),
            page=top_up.confirmation_url,
        )
    if top_up.state == TopUpState.SUCCEEDED:
        return ResultView(
            state="done",
            title=translate("Деньги зачислены", language),
            text=_enough(result, balance, now, language),
            facts=_facts(result, now, language),
            receipt=f"/topup/receipt/{top_up.id}",
            has_saved=top_up.saves_method,
        )
    sum_ = formats.money(top_up.amount_kopecks, language)
    is_unpaid = top_up.state == TopUpState.EXPIRED or top_up.refusal in (Refusal.TIMED_OUT, Refusal.CANCELED_BY_PAYER)
    reasons = _ENDS.get(top_up.refusal, _ANY) if top_up.refusal else _ANY
    amount = f"amount={typed(top_up.amount_kopecks)}"
    return ResultView(
        state="refused",
        title=translate("Платёж не завершён" if is_unpaid else "Банк отклонил платёж", language),
        text=translate("Деньги не списаны. Баланс — {balance}", language, balance=balance),
        reasons=[translate(reason, language, sum=sum_) for reason in reasons],
        again=f"/topup/?{amount}",
        by_sbp="" if top_up.kind == PaymentKind.SBP else f"/topup/?{amount}&method=sbp",
    )


def _enough(result: Result, balance: str, now: datetime, language: Language) -> str:
    charge = result.next_charge
    if charge is None:
        return translate("Баланс {balance}", language, balance=balance)
    day = _day(charge, now, language)
    if charge.shortage_kopecks:
        return translate(
            "Баланс {balance} — на плату {day} не хватает {sum}",
            language,
            balance=balance,
            day=day,
            sum=formats.money(charge.shortage_kopecks, language),
        )
    return translate("Баланс {balance} — на плату {day} хватит", language, balance=balance, day=day)


def _facts(result: Result, now: datetime, language: Language) -> list[FactView]:
    top_up = result.top_up
    rows = (
        ("Сумма", formats.money(top_up.amount_kopecks, language)),
        ("Комиссия", formats.money(0, language)),
        ("Номер", formats.phone(result.msisdn)),
        ("Способ", _method(top_up, language)),
        ("Время", formats.moment(top_up.finished_at or top_up.created_at, now, language)),
        ("Номер платежа", formats.number(top_up.number, language)),
    )
    return [FactView(translate(name, language), value) for name, value in rows]


def _day(charge: NextCharge, now: datetime, language: Language) -> str:
    return formats.date_only(clock.local(charge.at).date(), clock.local(now).date(), language)
