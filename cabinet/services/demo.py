"""The demo operator: made from a seed, living by a clock that can be moved. Exists with `CABINET_ENV=demo` only.

Its life goes in stretches from one day of errands to the next. In each, people pay for what is coming, order what they
wish, their usage is written as a file and imported, and fees that became due are charged, all by the services of a real
operator. How far life has gone is kept in `demo_world`; a stretch that was interrupted is lived again, and references,
record ids and moments of orders see to it that nothing happens twice. Making the world, catching up after the program
was off and moving the clock are the same thing: living until a moment.

`make`, `live_until` and `advance_clock` open transactions of their own, as an import does: they are for the edge.
"""

import asyncio
import csv
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from math import ceil
from operator import attrgetter
from pathlib import Path

from sqlalchemy import Table, func, select, update
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col

from cabinet import clock, db, months, relay
from cabinet.adapters import payments, sms
from cabinet.adapters.usage_files.cabinet_csv import COLUMNS, CabinetCsv
from cabinet.beside import beside
from cabinet.config import settings
from cabinet.demo_world import offers, people
from cabinet.demo_world.people import Person, Wallet
from cabinet.demo_world.usage import Row, usage_between
from cabinet.domain import catalogue
from cabinet.domain.autopay import AutopayState, next_morning
from cabinet.domain.effects import Request
from cabinet.domain.errors import CabinetError
from cabinet.domain.periods import PeriodUnit, period_containing
from cabinet.domain.promised_payments import PromiseState
from cabinet.domain.rating import Direction
from cabinet.domain.staff import Role
from cabinet.models.autopay import AutopayRule
from cabinet.models.base import metadata
from cabinet.models.demo import DemoClock, DemoWorld
from cabinet.models.ledger import AccountKind
from cabinet.models.promised_payments import PromisedPayment
from cabinet.models.sessions import AuthSession
from cabinet.models.sign_in import KnownDevice
from cabinet.models.staff import StaffMember, StaffSession
from cabinet.models.tariffs import SubscriptionState
from cabinet.services import (
    autopay,
    billing,
    notices,
    option_fees,
    orders,
    outbox,
    passwords,
    promised_payments,
    promotion_desk,
    spending_caps,
    staff,
    subscribers,
    support,
    support_desk,
    tariffs,
    top_ups,
    usage,
    words,
)

SEED = 2026
CATCHES_UP_AT_MOST = timedelta(days=people.HISTORY_DAYS + 62)  # of usage, when the program was off for years
CLOCK_TOPIC = "demo clock"
_EVERYBODY = 10_000
UNREAD_FOR = timedelta(days=3)  # what its people had earlier they have read
OPERATOR = "operator"
STAFF = (
    (OPERATOR, "Ирина М.", Role.AGENT),
    ("supervisor", "Пётр С.", Role.SUPERVISOR),
    ("product", "Елена В.", Role.PRODUCT),
    ("administrator", "Олег К.", Role.ADMINISTRATOR),
)
"""Login, name, role; the password of each is the login with «-demo» after it."""
MORNING = time(9)  # of the fee's day: by then it has been charged


class OnlyInDemo(CabinetError):
    message = "Демонстрационного мира здесь нет."


class Leap(StrEnum):
    """How far the demo clock is moved."""

    DAY = "day"
    FEE = "fee"


@dataclass(slots=True)
class Life:
    """What has happened while living from `began_at` to `until`; `now` is how far it has come."""

    began_at: datetime
    until: datetime
    now: datetime
    records: int = 0
    payments: int = 0


OnProgress = Callable[[Life], None]

_subscriber: Table = metadata.tables["subscriber"]
_subscription: Table = metadata.tables["plan_subscription"]
_account: Table = metadata.tables["account"]
_option: Table = metadata.tables["option_subscription"]
_order_table: Table = metadata.tables["order"]

_living = threading.Lock()
_LIVING = 0x6361_6269_6C69_66  # the same among processes: the key of a lock of PostgreSQL's
FOLLOW_SECONDS = 5.0


# --- the clock -------------------------------------------------------------------------------------------------------


def load_offset() -> None:
    """Sets this process's clock to the operator's, as the database keeps it. For the start of a process."""
    if settings().is_demo:
        with db.reading() as session:
            row = session.get(DemoClock, 1)
            clock.set_offset(timedelta(seconds=row.offset_seconds if row else 0))


def advance_clock(
    leap: Leap, *, subscriber_id: int | None = None, on_progress: OnProgress = lambda life: None
) -> datetime:
    """Moves the operator's clock forward and lets all happen that happens meanwhile; returns the new moment.

    A fee day is that of the subscriber, or without one the nearest of anybody: the clock then shows its morning. Where
    no fee is ahead it moves by a day. Who is signed in stays so: it is not their time that passes.

    Raises:
        OnlyInDemo: this is no demo, or its operator has not been made.
    """
    _refuse_outside_demo()
    with _one_life():
        before = clock.now()
        with db.reading() as session:
            target = before + timedelta(days=1)
            if leap == Leap.FEE:
                target = _morning_of_next_fee(session, subscriber_id, before) or target
        _live(target, on_progress)
    relay.tell(CLOCK_TOPIC)
    return target


@asynccontextmanager
async def following() -> AsyncIterator[None]:
    """This process's clock is the operator's for as long as the block lasts, whichever process moves it.

    A move is told by `relay`; what was not heard is found out within five seconds.
    """
    if not settings().is_demo:
        yield
        return
    bell = asyncio.Event()
    relay.listen(CLOCK_TOPIC, lambda told: bell.set())
    async with beside(_follow_clock(bell)):
        yield


async def _follow_clock(bell: asyncio.Event) -> None:
    while True:
        bell.clear()
        with suppress(OperationalError):  # the database is away, which others say
            await asyncio.to_thread(_look_at_clock)
        with suppress(TimeoutError):
            async with asyncio.timeout(FOLLOW_SECONDS):
                await bell.wait()


def _look_at_clock() -> None:
    if _living.acquire(blocking=False):  # who moves the clock knows better than what is committed
        try:
            load_offset()
        finally:
            _living.release()


def has_fee_ahead(session: Session, subscriber_id: int | None, *, now: datetime) -> bool:
    """Whether there is a fee day to move the clock to: a number whose fee is not paid has none."""
    return _morning_of_next_fee(session, subscriber_id, now) is not None


def _morning_of_next_fee(session: Session, subscriber_id: int | None, now: datetime) -> datetime | None:
    query = select(_subscription.c.next_fee_at).where(
        _subscription.c.state == SubscriptionState.ACTIVE, _subscription.c.next_fee_at > now
    )
    if subscriber_id is not None:
        query = query.where(_subscription.c.subscriber_id == subscriber_id)
    next_fee_at = session.execute(query.order_by(_subscription.c.next_fee_at).limit(1)).scalar()
    if next_fee_at is None:
        return None
    return datetime.combine(clock.local(next_fee_at).date(), MORNING, clock.time_zone()).astimezone(next_fee_at.tzinfo)


def _keep_signed_in(session: Session, leap: timedelta) -> None:
    for signed_in in session.execute(select(AuthSession).where(col(AuthSession.revoked_at).is_(None))).scalars():
        signed_in.created_at += leap
        signed_in.last_seen_at += leap
        signed_in.confirmed_at += leap
        signed_in.expires_at += leap
    for at_desk in session.execute(select(StaffSession).where(col(StaffSession.revoked_at).is_(None))).scalars():
        at_desk.created_at += leap
        at_desk.last_seen_at += leap
        at_desk.expires_at += leap
    for device in session.execute(select(KnownDevice)).scalars():
        device.expires_at += leap


# --- the world -------------------------------------------------------------------------------------------------------


def make(now: datetime, *, seed: int = SEED, on_progress: OnProgress = lambda life: None) -> Life | None:
    """Makes the demo operator as it stands at `now`: catalogue, subscribers, six months of their life.

    Interrupted and called again, it goes on. Returns None when all was there already. `seed` and `now` count only at
    the very beginning.

    Raises:
        OnlyInDemo: this is no demo.
        CatalogueError, VersionChanged: the catalogue file is not good.
    """
    _refuse_outside_demo()
    _hire(now)
    with _one_life():
        with db.transaction() as session:
            world = session.get(DemoWorld, 1)
            if world is None:
                world = _begin(session, seed, now)
        if world.lived_until_at >= world.made_at:
            return None
        life = _live(world.made_at, on_progress)
        with db.transaction() as session:
            notices.mark_old_read(session, before=world.made_at - UNREAD_FOR, now=now)
        return life


def exists(session: Session) -> bool:
    """Whether the demo operator was made to the end, its staff too."""
    world = session.get(DemoWorld, 1)
    return world is not None and world.lived_until_at >= world.made_at and not _missing_staff(session)


def live_until(moment: datetime, *, on_progress: OnProgress = lambda life: None) -> Life | None:
    """Lets the operator's life go on to `moment`; None when it has gone so far already, or there is no demo operator.

    Of a long absence only the last months have usage: fees and payments are complete.
    """
    if not settings().is_demo:
        return None
    with _one_life():
        with db.reading() as session:
            world = session.get(DemoWorld, 1)
        if world is None or world.lived_until_at >= moment:
            return None
        return _live(moment, on_progress)


@contextmanager
def _one_life() -> Iterator[None]:
    """By the operator's clock. Two lives at once would only do each other's work again, and stumble over it: one in
    another thread or process is waited for."""
    with db.alone(db.engine(), _LIVING), _living:
        load_offset()
        yield


def _refuse_outside_demo() -> None:
    if not settings().is_demo:
        raise OnlyInDemo


def _missing_staff(session: Session) -> list[str]:
    known = session.execute(select(col(StaffMember.login))).scalars().all()
    return [login for login, _, _ in STAFF if login not in known]


def _hire(now: datetime) -> None:
    """The members of the staff who are not there yet; their passwords are hashed outside of the transaction."""
    with db.reading() as session:
        hashes = dict.fromkeys(_missing_staff(session), "")
    for login in hashes:
        hashes[login] = passwords.hash_of(f"{login}-demo")
    with db.transaction() as session:
        for login, name, role in STAFF:
            if login in hashes:
                staff.add_member(
                    session, login=login, name=name, role=role, password_hash=hashes[login], is_demo=True, now=now
                )


def _begin(session: Session, seed: int, now: datetime) -> DemoWorld:
    """All subscribers at once, some to be activated only later: whoever sees the world sees all of them."""
    offer = catalogue.load(settings().catalogue_path)
    tariffs.store_catalogue(session, offer, now=now)
    cast = people.cast(seed, now, offer, clock.time_zone())
    for person in cast:
        subscribers.create(
            session,
            account_number=person.account_number,
            msisdn=person.msisdn,
            name=person.name,
            region=person.region,
            plan_code=person.plan_code,
            settings=person.settings,
            anchor_day=person.anchor_day,
            activated_at=person.activated_at,
            now=now,
        )
    _make_promotions(session, offer, now)
    _talk(session, now)
    _limit_spending(session, now)
    began_at = min(person.activated_at for person in cast)
    months.make(session, began_at, now)  # or the worker would move all that is written under the first visitors
    world = DemoWorld(seed=seed, made_at=now, lived_until_at=began_at)
    session.add(world)
    session.flush()
    return world


def _make_promotions(session: Session, offer: catalogue.Catalogue, now: datetime) -> None:
    for code, terms in offers.promotions(now, offer):
        promotion_desk.save(session, code, terms, now=now)
        promotion_desk.publish(session, code, now=now)
    words.store(session, offers.ENGLISH, now=now)
    promotion_desk.make_series(
        session, offers.BY_CODE, "Экскурсия", word=offers.PROMO_CODE, uses_each=people.BASE_SIZE, now=now
    )
    past = now - timedelta(days=20)
    promotion_desk.make_series(session, offers.BY_CODE, "Осень", word=offers.PAST_CODE, ends_at=past, now=now)


def _talk(session: Session, now: datetime) -> None:
    """Анна's two questions, one of them answered, and what the staff answer with."""
    anna = subscribers.find_active_by_msisdn(session, people.ANNA)
    operator = session.execute(select(col(StaffMember.id)).where(col(StaffMember.login) == OPERATOR)).scalar()
    if anna is None or anna.id is None or operator is None:
        return
    for title, body in people.TEMPLATES:
        support_desk.save_template(session, operator, 0, title, body, now=now)
    for number, talk in enumerate(people.TALKS):
        asked_at = now - talk.ago
        ticket_id = support.open_ticket(
            session, anna.id, category=talk.category, text=talk.question, occasion=f"demo-talk-{number}", now=asked_at
        )
        if talk.answer:
            version = support_desk.get_ticket(session, operator, ticket_id, now=asked_at).line.version
            support_desk.answer(
                session,
                operator,
                ticket_id,
                talk.answer,
                version=version,
                occasion=f"demo-answer-{number}",
                now=asked_at + talk.answered_after,
            )


def _limit_spending(session: Session, now: datetime) -> None:
    """Анна's cap on usage outside the packages: further than she goes by herself, so that a visitor may lower it."""
    anna = subscribers.find_active_by_msisdn(session, people.ANNA)
    if anna is not None and anna.id is not None:
        spending_caps.put(session, anna.id, people.ANNAS_CAP_KOPECKS, now=now - people.ANNAS_CAP_SINCE)


# --- life ------------------------------------------------------------------------------------------------------------


def _live(moment: datetime, on_progress: OnProgress) -> Life:
    """Stretch by stretch to `moment`; the clock goes along where it would be behind."""
    with db.reading() as session:
        world = session.get(DemoWorld, 1)
    if world is None:
        raise OnlyInDemo
    zone = clock.time_zone()
    cast = people.cast(world.seed, world.made_at, catalogue.load(settings().catalogue_path), zone)
    life = Life(world.lived_until_at, moment, world.lived_until_at)
    on_progress(life)
    while life.now < moment:
        start, end = life.now, min(_next_stop(life.now, cast), moment)
        with db.transaction() as session:
            life.payments += _pay(session, cast, start, end)
            _order(session, cast, start, end)
        if end > moment - CATCHES_UP_AT_MOST:
            life.records += _use(world.seed, cast, start, end)
        with db.transaction() as session:
            due = billing.list_due(session, end, _EVERYBODY)
            billing.charge_fees_until(session, due, end, now=end)
            option_fees.ask_about_trials(session, end, _EVERYBODY)
            option_fees.charge_until(session, option_fees.list_due(session, end, _EVERYBODY), end, now=end)
            session.execute(update(DemoWorld).values(lived_until_at=end))
            _move_clock(session, end)
        life.payments += _follow(end)
        life.now = end
        on_progress(life)
    return life


def _follow(moment: datetime) -> int:
    """Autopay and promised payments of visitors, and the messages about them; returns how many payments began."""

    def at_that_moment() -> datetime:
        return moment

    with db.reading() as session:
        if not _has_something_to_follow(session):
            return 0
        promises, rules = (
            promised_payments.list_due(session, moment, _EVERYBODY),
            autopay.list_to_look(session, moment, _EVERYBODY),
        )
    with db.transaction() as session:
        for promise_id in promises:
            promised_payments.return_one(session, promise_id, now=moment)
        promised_payments.remind(session, moment, _EVERYBODY)
        began = sum(autopay.look(session, rule_id, now=moment) for rule_id in rules)
    if began:
        top_ups.reconcile(payments.gateway(), now=at_that_moment)
        with db.transaction() as session:
            for rule_id in autopay.list_to_settle(session, _EVERYBODY):
                autopay.settle(session, rule_id, now=moment)
    outbox.send_due(sms.gateway(), now=at_that_moment)  # a warning of the day before is of no use afterwards
    return began


def _has_something_to_follow(session: Session) -> bool:
    rule = select(col(AutopayRule.id)).where(col(AutopayRule.state) == AutopayState.ACTIVE).limit(1)
    promise = select(col(PromisedPayment.id)).where(col(PromisedPayment.state) == PromiseState.OPEN).limit(1)
    return any(session.execute(query).first() is not None for query in (rule, promise))


def _next_to_follow(after: datetime) -> list[datetime]:
    """The moments at which visitors' rules and promised payments are looked at next: the mornings, and their own."""
    with db.reading() as session:
        if not _has_something_to_follow(session):
            return []
        rule = select(func.min(AutopayRule.look_at)).where(
            col(AutopayRule.state) == AutopayState.ACTIVE, col(AutopayRule.look_at) > after
        )
        promise = select(func.min(PromisedPayment.due_at)).where(
            col(PromisedPayment.state) == PromiseState.OPEN, col(PromisedPayment.due_at) > after
        )
        own = [session.execute(query).scalar() for query in (rule, promise)]
    return [next_morning(after, clock.time_zone()), *(moment for moment in own if moment)]


def _next_stop(after: datetime, cast: Sequence[Person]) -> datetime:
    """The next day of errands, or a fee or a wish of one of the named people if it comes first, or what visitors' rules
    wait for.

    Within a stretch fees are charged before usage. For those whose statement somebody reads, all is in its order.
    """
    zone = clock.time_zone()
    named = [person for person in cast if person.msisdn in people.NAMED]
    stops = [people.next_errand(after, zone)]
    stops += [
        max(period_containing(after, person.anchor_day, PeriodUnit.MONTH, zone).end, person.activated_at)
        for person in named
    ]
    stops += _next_to_follow(after)
    stops += [wish.at for person in named for wish in person.wishes if wish.at > after]
    with db.reading() as session:
        option_fee_at = session.execute(
            select(func.min(_option.c.next_fee_at))
            .join(_subscriber, _subscriber.c.id == _option.c.subscriber_id)
            .where(_subscriber.c.msisdn.in_(people.NAMED), _option.c.ended_at.is_(None), _option.c.next_fee_at > after)
        ).scalar()
    return min(*stops, option_fee_at) if option_fee_at else min(stops)


def _order(session: Session, cast: Sequence[Person], start: datetime, end: datetime) -> None:
    """Orders what people wish from `start` to before `end`, each wish once; what is refused stays a wish."""
    for person in cast:
        for wish in person.wishes:
            subscriber = subscribers.find_active_by_msisdn(session, person.msisdn) if start <= wish.at < end else None
            if subscriber is None or subscriber.id is None or _has_ordered(session, subscriber.id, wish.at):
                continue
            with suppress(CabinetError), session.begin_nested():
                quote = orders.ask(session, subscriber.id, Request(wish.kind, wish.code), now=wish.at)
                orders.confirm(session, subscriber.id, quote.id, now=wish.at)


def _has_ordered(session: Session, subscriber_id: int, at: datetime) -> bool:
    query = select(_order_table.c.id).where(
        _order_table.c.subscriber_id == subscriber_id, _order_table.c.confirmed_at == at
    )
    return session.execute(query).first() is not None


def _pay(session: Session, cast: Sequence[Person], start: datetime, end: datetime) -> int:
    """Payments of who sees to money at `start`, or takes up the contract before `end`; returns how many."""
    zone = clock.time_zone()
    is_errand = people.next_errand(start - timedelta(seconds=1), zone) == start
    wallets = _wallets(session)
    number = 0
    for person in cast:
        is_new = start <= person.activated_at < end
        found = wallets.get(person.msisdn)
        if found is None or not (is_new or (is_errand and person.activated_at < start)):
            continue
        subscriber_id, wallet = found
        moment = max(start, person.activated_at)
        amount = people.payment_due(person.purse, wallet, moment, people.next_errand(moment, zone))
        if amount:
            billing.record_payment(
                session,
                subscriber_id,
                amount,
                reference=f"demo:{person.msisdn}:{clock.local(moment):%Y-%m-%d}",
                happened_at=moment,
                now=moment,
                source="demo",
            )
            number += 1
    return number


def _wallets(session: Session) -> dict[str, tuple[int, Wallet]]:
    """By number: the subscriber's id and what they know about their money."""
    main, debt = _account.alias(), _account.alias()
    rows = session.execute(
        select(
            _subscriber.c.id,
            _subscriber.c.msisdn,
            _subscriber.c.region,
            _subscription.c.plan_version_id,
            _subscription.c.settings,
            _subscription.c.next_fee_at,
            main.c.balance_kopecks + main.c.credit_limit_kopecks,
            debt.c.balance_kopecks,
        )
        .join(_subscription, _subscription.c.subscriber_id == _subscriber.c.id)
        .join(main, (main.c.subscriber_id == _subscriber.c.id) & (main.c.kind == AccountKind.MAIN))
        .join(debt, (debt.c.subscriber_id == _subscriber.c.id) & (debt.c.kind == AccountKind.DEBT))
        .where(_subscription.c.ended_at.is_(None))
    ).all()
    plans = {version: tariffs.get_plan(session, version).plan for version in {row.plan_version_id for row in rows}}
    wallets = {}
    for subscriber_id, msisdn, region, version_id, chosen, next_fee_at, available, debt_kopecks in rows:
        plan = plans[version_id]
        wallets[msisdn] = (
            subscriber_id,
            Wallet(available, -debt_kopecks, plan.fee_for(region, chosen), plan.period, next_fee_at),
        )
    return wallets


def _use(seed: int, cast: Sequence[Person], start: datetime, end: datetime) -> int:
    """Writes what everybody used as a usage file and imports it; returns how many records were new."""
    zone = clock.time_zone()
    with db.reading() as session:
        cut_off = _list_suspended(session)
    rows = sorted(
        (
            row
            for person in cast
            if person.activated_at < end
            for row in usage_between(seed, person.msisdn, person.profile, person.habits, start, end, zone)
            if row.started_at >= person.activated_at and (person.msisdn not in cut_off or _reaches_anybody(row))
        ),
        key=attrgetter("started_at", "record_id"),
    )
    if not rows:
        return 0
    with tempfile.TemporaryDirectory(prefix="cabinet-demo-") as folder:
        path = Path(folder) / f"usage-{clock.local(end):%Y-%m-%d}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            writer.writerows(rows)  # moments are written as 2026-11-23 09:00:00+00:00
        return usage.import_file(CabinetCsv(path), now=end).accepted


def _list_suspended(session: Session) -> set[str]:
    return set(
        session.execute(
            select(_subscriber.c.msisdn)
            .join(_subscription, _subscription.c.subscriber_id == _subscriber.c.id)
            .where(_subscription.c.state == SubscriptionState.SUSPENDED)
        ).scalars()
    )


def _reaches_anybody(row: Row) -> bool:
    """Whether the network lets it through to someone whose fee is not paid."""
    return row.direction == Direction.IN and row.zone != "roaming"


def _move_clock(session: Session, moment: datetime) -> None:
    """Takes the clock along: every process of the operator sees the moments as they come, and nobody is signed out."""
    ahead = moment - clock.now()
    if ahead <= timedelta():
        return
    _keep_signed_in(session, ahead)
    row = session.get(DemoClock, 1) or DemoClock()
    row.offset_seconds += ceil(ahead / timedelta(seconds=1))
    session.add(row)
    session.flush()
    clock.set_offset(timedelta(seconds=row.offset_seconds))
