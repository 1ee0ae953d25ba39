"""Promotions in words: what services know, ready to be shown. Nothing here decides anything."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from cabinet import clock
from cabinet.domain.promotions import Discount, DiscountOn, Money, Package
from cabinet.domain.quotes import NextFee
from cabinet.locales import Language, name_in, translate
from cabinet.services.promotions import Detail, Joined, Offer
from cabinet.ui import formats
from cabinet.ui.quotes.views import discount_words

TONES = {
    "offer": "brand",
    "gift": "ok",
    "users": "info",
    "plane": "warn",
    "music": "ok",
    "battery": "brand",
    "wifi": "info",
    "phone": "warn",
}
"""The colour of each icon that a promotion can have."""


@dataclass
class CardView:
    """A promotion in the list. `state` is a word beside it where it was joined, `left` what remains of it."""

    code: str = ""
    icon: str = "offer"
    title: str = ""
    teaser: str = ""
    until: str = ""
    state: str = ""
    is_running: bool = False
    left: str = ""
    address: str = ""


@dataclass
class Fact:
    """A name and its value."""

    name: str
    value: str


@dataclass
class DetailView:
    """A promotion in full. `refusal` is why it cannot be joined; `rules` are the operator's own words, one paragraph
    each."""

    code: str = ""
    until: str = ""
    title: str = ""
    teaser: str = ""
    gives: list[str] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)
    refusal: str = ""
    joined: str = ""
    left: list[str] = field(default_factory=list)
    can_join: bool = False
    can_leave: bool = False


def card_view(offer: Offer, now: datetime, language: Language) -> CardView:
    """A line of the list."""
    terms, joined = offer.terms, offer.joined
    return CardView(
        code=offer.code,
        icon=terms.icon if terms.icon in TONES else "offer",
        title=formats.unparted(name_in(terms.title, language)),
        teaser=formats.unparted(name_in(terms.teaser, language)),
        until="" if joined else _until(offer, now, language),
        state=_state(joined, language),
        is_running=joined is not None and (joined.is_running or bool(joined.packages)),
        left=", ".join(_left(offer, now, language)),
        address=f"/offers/detail/?code={offer.code}",
    )


def hero_until(offer: Offer, now: datetime, language: Language) -> str:
    """`До 30 ноября`, with how little is left of the last week."""
    until = _until(offer, now, language)
    until = until[:1].upper() + until[1:]
    if offer.terms.ends_at is None:
        return until
    days = (formats.last_day(offer.terms.ends_at) - clock.local(now).date()).days
    if days == 0:
        return f"{until}, {translate('последний день', language)}"
    if 0 < days <= _SOON_DAYS:
        return translate("{until}, осталось {days}", language, until=until, days=formats.days(days, language))
    return until


_SOON_DAYS = 7


def detail_view(detail: Detail, now: datetime, language: Language) -> DetailView:
    """What it gives, what it costs, what happens after, in plain words; and what remains where it was joined."""
    offer, joined = detail.offer, detail.offer.joined
    return DetailView(
        code=offer.code,
        until=hero_until(offer, now, language) if joined is None else _joined_when(joined, now, language),
        title=formats.unparted(name_in(offer.terms.title, language)),
        teaser=formats.unparted(name_in(offer.terms.teaser, language)),
        gives=list(_gives(offer, language)),
        facts=list(_facts(detail, now, language)),
        after=list(_after(offer, language)),
        rules=[line for line in name_in(offer.terms.rules, language).splitlines() if line.strip()],
        refusal=translate(detail.refusal.message, language, **detail.refusal.facts) if detail.refusal else "",
        joined=_state(joined, language),
        left=list(_left(offer, now, language)),
        can_join=detail.summary is not None,
        can_leave=joined is not None and joined.is_running,
    )


def _state(joined: Joined | None, language: Language) -> str:
    if joined is None:
        return ""
    return translate("Вы вышли" if joined.left_at else "Вы участвуете", language)


def _joined_when(joined: Joined, now: datetime, language: Language) -> str:
    at, text = joined.at, "Вы участвуете с {day}"
    if joined.left_at is not None:
        at, text = joined.left_at, "Вы вышли {day}"
    day = formats.date_only(clock.local(at).date(), clock.local(now).date(), language)
    return translate(text, language, day=day)


def _until(offer: Offer, now: datetime, language: Language) -> str:
    if offer.terms.ends_at is None:
        return translate("бессрочно", language)
    day = formats.date_only(formats.last_day(offer.terms.ends_at), clock.local(now).date(), language)
    return translate("до {day}", language, day=day)


def _left(offer: Offer, now: datetime, language: Language) -> Iterator[str]:
    """What remains of what was joined."""
    joined, discount = offer.joined, offer.terms.discount
    if joined is None:
        return
    for package in joined.packages:
        day = formats.date_only(formats.last_day(package.valid_until), clock.local(now).date(), language)
        yield translate(
            "осталось {left} до {day}",
            language,
            left=formats.quantity(package.kind, package.remaining, language),
            day=day,
        )
    if discount is not None and joined.is_running:
        yield translate("скидка: осталось {left} из {of}", language, left=joined.discount_left, of=discount.periods)


def _gives(offer: Offer, language: Language) -> Iterator[str]:
    for reward in offer.terms.rewards:
        if isinstance(reward, Money):
            sum_ = formats.money(reward.kopecks, language)
            yield translate("{sum} на баланс сразу: тратятся как обычные деньги", language, sum=sum_)
        elif isinstance(reward, Package):
            amount = formats.quantity(reward.kind, reward.amount, language)
            if reward.days:
                days = formats.days(reward.days, language)
                yield translate("{amount} сразу, на {days}", language, amount=amount, days=days)
            else:
                yield translate("{amount} сразу, до конца дня", language, amount=amount)
        else:
            yield translate("Скидка {discount}", language, discount=_discount(reward, offer.discount_name, language))
    yield translate("Ничего платного не подключаем", language)


def _discount(discount: Discount, name: str, language: Language) -> str:
    words = discount_words(discount, language)
    return f"{words} {formats.quoted(name_in(name, language), language)}" if name else words


def _facts(detail: Detail, now: datetime, language: Language) -> Iterator[Fact]:
    """What it costs now and what the next fee becomes by it."""
    offer, summary = detail.offer, detail.summary
    if summary is None:
        return
    yield Fact(translate("Участие", language), formats.money(0, language))
    if offer.terms.gift_kopecks:
        name = translate("Придёт на баланс", language)
        yield Fact(name, formats.income(offer.terms.gift_kopecks, language))
    before, after = summary.next_fee_before, summary.next_fee_after
    if before is not None and after is not None and before.kopecks != after.kopecks:
        yield Fact(_fee_on(after, now, language), formats.money(after.kopecks, language))
        yield Fact(translate("Без акции", language), formats.money(before.kopecks, language))
    if offer.places_left is not None:
        yield Fact(translate("Осталось мест", language), formats.number(offer.places_left, language))


def _fee_on(fee: NextFee, now: datetime, language: Language) -> str:
    day = formats.day(clock.local(fee.at).date(), clock.local(now).date(), language)
    return translate("Спишем {day}", language, day=day)


_AFTER = {
    DiscountOn.PLAN: "Когда скидка закончится, плата за тариф станет обычной. Скажем, когда спишем последнюю с ней.",
    DiscountOn.OPTION: "Когда скидка закончится, плата за услугу станет обычной. Скажем, когда спишем последнюю с ней.",
    DiscountOn.BUNDLE: "Скидка — на сам пакет: его вы подключаете отдельно, как обычно.",
}


def _after(offer: Offer, language: Language) -> Iterator[str]:
    """What happens after it, and how one gets out."""
    rewards = offer.terms.rewards
    if any(isinstance(one, Package) for one in rewards):
        yield translate("Что останется от пакета после срока, пропадёт. Платным он не станет.", language)
    discount = offer.terms.discount
    if discount is not None:
        yield translate(_AFTER[discount.on], language)
        if discount.on == DiscountOn.OPTION:
            yield translate("Саму услугу вы подключаете и отключаете отдельно.", language)
        yield translate("Выйти можно в любой момент: скидка снимется со следующей платы.", language)
    yield translate("Сутки участие можно отменить, если наградой не пользовались.", language)
