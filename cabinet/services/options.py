"""Services: what there is, what a subscriber has, what switching on and off does."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from cabinet import ledger
from cabinet.domain import effects
from cabinet.domain.catalogue import Option, OptionPeriod
from cabinet.domain.effects import HeldOption, ItemKind, OptionState, OrderKind, Request, Snapshot, Sold
from cabinet.domain.promotions import DiscountOn, coming_fees
from cabinet.domain.quotes import Summary, services_month_kopecks
from cabinet.locales import name_in
from cabinet.services import catalogue, orders, snapshots
from cabinet.services.orders import Order, Quote


@dataclass(frozen=True, slots=True)
class Named:
    """Another service that this one has to do with; `ends_at`, when it is switched off and still works until then."""

    code: str
    name: str
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OptionCard:
    """A service as it is for this subscriber.

    `price_kopecks` is what it costs here, `per` what that is for; 0: free, or included. One of these holds:
    `is_included` (it comes with the plan, nothing to switch), `is_on`, or it is off. Of one that is on: `state`;
    `ends_at`, when it is switched off already and works until then; `next_fee_at`; `lacking_kopecks`, what has to be
    paid in for one that is suspended. `trial_days` is what is offered now,
    0 when there is none; `trial_until` of a trial that is on, and `has_to_answer` when it ends unless it is kept.

    `missing` is what has to be switched on first, `against` what has to be switched off first, `needed_by` what has to
    be switched off before this; with any of these, or `is_closed`, the switch does not work, and the words are there.
    """

    code: str
    name: str
    description: str
    category: str
    price_kopecks: int
    per: OptionPeriod
    is_included: bool
    is_on: bool
    is_closed: bool
    state: OptionState | None
    ends_at: datetime | None
    next_fee_at: datetime | None
    lacking_kopecks: int
    trial_days: int
    trial_until: datetime | None
    has_to_answer: bool
    requires: tuple[Named, ...]
    conflicts: tuple[Named, ...]
    missing: tuple[Named, ...]
    against: tuple[Named, ...]
    needed_by: tuple[Named, ...]


@dataclass(frozen=True, slots=True)
class Category:
    code: str
    name: str


@dataclass(frozen=True, slots=True)
class NextFee:
    """The nearest fee of any service."""

    at: datetime
    kopecks: int
    name: str


@dataclass(frozen=True, slots=True)
class Options:
    """`monthly_kopecks` is what services and monthly packages cost a month (a daily one thirty times), `first_kopecks`
    the same with the discounts that the month beginning now has; `paid` is how many of them cost something.
    `categories` are those that have a card, before any search."""

    cards: tuple[OptionCard, ...]
    categories: tuple[Category, ...]
    monthly_kopecks: int
    first_kopecks: int
    paid: int
    next_fee: NextFee | None


def list_options(
    session: Session, subscriber_id: int, *, search: str = "", category: str = "", now: datetime
) -> Options:
    """All services on sale and those the subscriber has, in the order of the catalogue; those found by the words
    (of the name, the description, the category, in either language; all of them) and in the category, where they are
    given.

    Raises:
        NotFound, NoPlan: see `snapshots.read`.
    """
    snapshot = snapshots.read(session, subscriber_id, now=now)
    owed_kopecks = -ledger.balance(session, subscriber_id).debt
    sold = catalogue.list_options(session)
    names = {code: one.item for code, one in sold.items()}
    shown = [one for one in sold.values() if not one.is_archived or snapshot.option(ItemKind.OPTION, one.item.code)]
    words = _words(search)
    cards = tuple(
        _card(one, snapshot, names, owed_kopecks)
        for one in shown
        if (not category or one.item.category == category) and _has(one.item, words)
    )
    categories = {one.item.category: one.item.category_name for one in shown}
    plan_code = snapshot.plan.code
    return Options(
        cards=cards,
        categories=tuple(Category(code, name) for code, name in categories.items()),
        monthly_kopecks=services_month_kopecks(snapshot.held_options, plan_code),
        first_kopecks=services_month_kopecks(snapshot.held_options, plan_code, snapshot.discounts),
        paid=sum(1 for one in snapshot.held_options if _is_paid(one, plan_code)),
        next_fee=_next_fee(snapshot),
    )


def quote_on(session: Session, subscriber_id: int, code: str, *, now: datetime) -> Quote:
    """What switching the service on would do; stored, valid for 15 minutes.

    Raises:
        NotFound: there is no such service.
        OptionNotOffered, OptionIncluded, OptionAlreadyOn, OptionRequires, OptionConflicts: why it cannot be.
    """
    return orders.ask(session, subscriber_id, Request(OrderKind.OPTION_ON, code), now=now)


def switch_on_free(session: Session, subscriber_id: int, code: str, *, now: datetime) -> Order | Quote:
    """Switches a free service on at once, with undo; of one that costs anything, or will, only the quote is made.

    Raises:
        See `quote_on`.
    """
    return orders.do_if(session, subscriber_id, Request(OrderKind.OPTION_ON, code), _costs_nothing, now=now)


def _costs_nothing(shown: Summary) -> bool:
    return not (shown.charged_now_kopecks or shown.next_fee_after or shown.trial_until or shown.lacking_kopecks)


def quote_keep(session: Session, subscriber_id: int, code: str, *, now: datetime) -> Quote:
    """What keeping a trial would do: its first fee is taken when it ends. Without this it ends by itself.

    Raises:
        OptionNotOn, OptionAlreadyOn: there is no trial to keep.
    """
    return orders.ask(session, subscriber_id, Request(OrderKind.OPTION_KEEP, code), now=now)


def switch_off(session: Session, subscriber_id: int, code: str, *, now: datetime) -> Order:
    """Switches the service off, in one step and with undo; the order's `summary.losses` say what stops when.

    What is paid, or a trial, works to the end of that time, and nothing more is charged.

    Raises:
        OptionNotOn: it is not on, or switched off already.
        OptionNeeded: something that is on needs it.
    """
    return orders.do(session, subscriber_id, Request(OrderKind.OPTION_OFF, code), now=now)


# --- how -------------------------------------------------------------------------------------------------------------


def lacking_for(held: HeldOption, snapshot: Snapshot, owed_kopecks: int) -> int:
    """Kopecks to be paid in so that this suspended service or package works again, 0 for one that is not suspended.

    Money that comes pays what is owed first, then the plan where that is suspended, then this.
    """
    if held.term.state != OptionState.SUSPENDED:
        return 0
    plan = snapshot.term.fee_kopecks if snapshot.term.is_suspended else 0
    return max(owed_kopecks + plan + held.price_on(snapshot.plan.code) - snapshot.available_kopecks, 0)


def _card(sold: Sold[Option], snapshot: Snapshot, names: Mapping[str, Option], owed_kopecks: int) -> OptionCard:
    option, plan_code = sold.item, snapshot.plan.code
    held = snapshot.option(ItemKind.OPTION, option.code)
    is_included = plan_code in option.included_in
    price = held.price_kopecks if held else option.price_kopecks
    term = held.term if held else None
    needed_by = [one.code for one in snapshot.held_options if option.code in one.requires and one.term.ends_at is None]
    is_going_on = held is not None and held.term.ends_at is None

    def named(codes: Iterable[str]) -> tuple[Named, ...]:
        return tuple(_named(one, snapshot, names) for one in codes)

    has_trial = bool(option.trial_days and option.price_kopecks and option.code not in snapshot.tried and not held)
    return OptionCard(
        code=option.code,
        name=option.name,
        description=option.description,
        category=option.category,
        price_kopecks=0 if is_included else price,
        per=held.per if held else option.per,
        is_included=is_included,
        is_on=held is not None,
        is_closed=sold.is_archived,
        state=term.state if term else None,
        ends_at=term.ends_at if term else None,
        next_fee_at=term.next_fee_at if term else None,
        lacking_kopecks=lacking_for(held, snapshot, owed_kopecks) if held else 0,
        trial_days=option.trial_days or 0 if has_trial else 0,
        trial_until=held.trial_until if held and held.term.state == OptionState.TRIAL else None,
        has_to_answer=is_going_on and term is not None and term.state == OptionState.TRIAL,
        requires=named(option.requires),
        conflicts=named(option.conflicts),
        missing=() if is_going_on or is_included else named(effects.list_missing(snapshot, option, names)),
        against=() if is_going_on or is_included else named(effects.list_conflicts(snapshot, option)),
        needed_by=named(needed_by) if is_going_on and not is_included else (),
    )


def _named(code: str, snapshot: Snapshot, names: Mapping[str, Option]) -> Named:
    held = snapshot.option(ItemKind.OPTION, code)
    return Named(code, names[code].name if code in names else code, held.term.ends_at if held else None)


def _words(search: str) -> list[str]:
    return _plain(search[:100]).split()


def _plain(text: str) -> str:
    return text.lower().replace("ё", "е")


def _has(option: Option, words: list[str]) -> bool:
    said = (option.name, option.description, option.category_name)
    text = _plain(" ".join((*said, *(name_in(one, "en") for one in said))))
    return all(word in text for word in words)


def _next_fee(snapshot: Snapshot) -> NextFee | None:
    fees = [
        NextFee(one.term.next_fee_at, _discounted(one, snapshot), one.name)
        for one in snapshot.held_options
        if one.term.next_fee_at is not None and _is_paid(one, snapshot.plan.code)
    ]
    return min(fees, key=lambda fee: fee.at, default=None)


def _discounted(held: HeldOption, snapshot: Snapshot) -> int:
    """Kopecks of its next fee."""
    full = held.price_on(snapshot.plan.code)
    return coming_fees(snapshot.discounts, held.code, full, 1, DiscountOn(str(held.item)))[0]


def _is_paid(held: HeldOption, plan_code: str) -> bool:
    return held.term.ends_at is None and held.term.state != OptionState.TRIAL and held.price_on(plan_code) > 0
