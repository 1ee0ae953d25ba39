"""Promotions at the desk, in words."""

from dataclasses import dataclass, field
from datetime import datetime

from cabinet import clock
from cabinet.domain.promotions import Money, Package, Terms
from cabinet.locales import Language, name_in, translate
from cabinet.services.promotion_desk import DeskRow, Preview, SeriesRow, State
from cabinet.ui import formats
from cabinet.ui.quotes.views import discount_words

_STATES = {
    State.DRAFT: ("Черновик", "quiet"),
    State.SCHEDULED: ("Запланирована", "info"),
    State.LIVE: ("Идёт", "ok"),
    State.ENDED: ("Закончилась", "quiet"),
    State.STOPPED: ("Остановлена", "warn"),
}


@dataclass
class DeskCardView:
    """A promotion in the list of the desk. `unpublished` says that a newer version waits to be published."""

    code: str = ""
    title: str = ""
    state: str = ""
    tone: str = "quiet"
    dates: str = ""
    gives: str = ""
    shown: str = ""
    joined: str = ""
    left: str = ""
    cost: str = ""
    unpublished: str = ""
    can_publish: bool = False
    can_stop: bool = False
    address: str = ""


@dataclass
class SeriesView:
    """A series of promo codes."""

    name: str
    about: str
    file: str


@dataclass
class PreviewView:
    """Whom it is for, and what it would do for one of them."""

    count: str = ""
    sample: list[str] = field(default_factory=list)


@dataclass
class Choice:
    """Something to be picked."""

    value: str
    name: str


def card_view(row: DeskRow, now: datetime, language: Language) -> DeskCardView:
    """A promotion with its figures."""
    name, tone = _STATES[row.state]
    is_newer = row.published is not None and row.version != row.published and row.state is not State.STOPPED
    figures = row.figures
    return DeskCardView(
        code=row.code,
        title=name_in(row.terms.title, language),
        state=translate(name, language),
        tone=tone,
        dates=_dates(row.terms, now, language),
        gives=", ".join(_rewards(row.terms, language)),
        shown=formats.number(figures.shown, language),
        joined=formats.number(figures.joined, language),
        left=formats.number(figures.left, language),
        cost=formats.money(figures.cost_kopecks, language),
        unpublished=translate("Есть неопубликованные изменения", language) if is_newer else "",
        can_publish=row.version != row.published and row.state is not State.STOPPED,
        can_stop=row.published is not None and row.state in (State.SCHEDULED, State.LIVE),
        address=f"/staff/offers/edit/?code={row.code}",
    )


def series_view(row: SeriesRow, now: datetime, language: Language) -> SeriesView:
    """How many codes, how many were used, until when."""
    about = translate(
        "{codes} шт., применений: {uses}",
        language,
        codes=formats.number(row.codes, language),
        uses=formats.number(row.uses, language),
    )
    if row.ends_at is not None:
        day = formats.date_only(formats.last_day(row.ends_at), clock.local(now).date(), language)
        about = f"{about}, {translate('до {day}', language, day=day)}"
    return SeriesView(row.name, about, f"/staff/promo-codes/{row.id}.csv")


def preview_view(preview: Preview, language: Language) -> PreviewView:
    """How many there are, and the figures of one of them: nobody's number is shown."""
    count = translate(
        "Сейчас подходит абонентов: {count} из {all}",
        language,
        count=formats.number(preview.count, language),
        all=formats.number(preview.subscribers, language),
    )
    sample = []
    summary = preview.summary
    if summary is not None:
        plan = name_in(preview.plan_name, language)
        sample.append(translate("У одного из них, на тарифе «{plan}»:", language, plan=plan))
        if summary.charged_now_kopecks:
            sum_ = formats.income(-summary.charged_now_kopecks, language)
            sample.append(translate("на баланс сразу: {sum}", language, sum=sum_))
        before, after = summary.next_fee_before, summary.next_fee_after
        if before is not None and after is not None:
            sample.append(
                translate(
                    "ближайшая плата: {before} → {after}",
                    language,
                    before=formats.money(before.kopecks, language),
                    after=formats.money(after.kopecks, language),
                )
            )
    return PreviewView(count, sample)


def _dates(terms: Terms, now: datetime, language: Language) -> str:
    today = clock.local(now).date()
    first = formats.date_only(clock.local(terms.starts_at).date(), today, language)
    if terms.ends_at is None:
        return translate("с {day}, бессрочно", language, day=first)
    return f"{first} — {formats.date_only(formats.last_day(terms.ends_at), today, language)}"


def _rewards(terms: Terms, language: Language) -> list[str]:
    words = []
    for reward in terms.rewards:
        if isinstance(reward, Money):
            words.append(formats.money(reward.kopecks, language))
        elif isinstance(reward, Package):
            words.append(formats.quantity(reward.kind, reward.amount, language))
        else:
            words.append(translate("скидка {discount}", language, discount=discount_words(reward, language)))
    return words
