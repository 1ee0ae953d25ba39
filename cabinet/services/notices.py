"""What happened to a subscriber's number: told on /notices always, by SMS and e-mail as the subscriber has chosen.

A notice is written in the transaction of what happened, and with it the messages that it promises. Its reference is
that of the event, so whatever is tried again is told once. What happened long ago (past usage that is imported) is no
news: no message goes, and after `TOLD_FOR` there is no notice either.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, cast

from sqlalchemy import Integer, Table, func, tuple_, update
from sqlalchemy import cast as cast_to
from sqlalchemy import select as select_of
from sqlmodel import Session, col, select

from cabinet import clock
from cabinet.bulk import insert_many, is_among, known_among
from cabinet.config import settings
from cabinet.domain.allowances import UsageKind
from cabinet.locales import Language, translate
from cabinet.models.base import metadata
from cabinet.models.ledger import Account, AccountKind
from cabinet.models.notices import EmailAddress, Notice, NoticeChoice, NoticeCursor, NoticeKind, Topic
from cabinet.models.subscribers import Subscriber, SubscriberStatus
from cabinet.models.tariffs import PlanSubscription, SubscriptionState
from cabinet.models.usage import Allowance
from cabinet.services import catalogue, outbox

NEWS_FOR = timedelta(days=1)
TOLD_FOR = timedelta(days=31)
MOST_UNREAD = 99  # more are not counted
FEE_DAYS = (3, 1)  # so long before a fee who lacks money for it is told
LOW_PERCENT = 20
AT_ONCE = 500

_notice: Table = metadata.tables["notice"]
_NOTICE_COLUMNS = (
    *("subscriber_id", "kind", "reference", "facts", "happened_at", "read_at"),
    *("by_sms", "by_email"),
)


class Ways(NamedTuple):
    """How something is told besides in the cabinet; None: cannot be chosen."""

    sms: bool | None
    email: bool | None


USUAL_WAYS = {
    Topic.MONEY: Ways(sms=True, email=True),
    Topic.PACKAGES: Ways(sms=True, email=True),
    Topic.ACCOUNT: Ways(sms=None, email=False),
    Topic.SECURITY: Ways(sms=None, email=None),
}
"""Security is told by e-mail whatever is chosen; the code or the change itself has come by SMS already."""

_TOPICS = {
    NoticeKind.SUSPENDED: Topic.MONEY,
    NoticeKind.OPTION_SUSPENDED: Topic.MONEY,
    NoticeKind.RESTORED: Topic.MONEY,
    NoticeKind.LOW_BALANCE: Topic.MONEY,
    NoticeKind.ALLOWANCE_LOW: Topic.PACKAGES,
    NoticeKind.ALLOWANCE_OUT: Topic.PACKAGES,
    NoticeKind.SIGN_IN: Topic.SECURITY,
    NoticeKind.PASSWORD_SET: Topic.SECURITY,
    NoticeKind.PASSWORD_REMOVED: Topic.SECURITY,
    NoticeKind.EMAIL_SET: Topic.SECURITY,
}
_SENTENCES = {
    NoticeKind.FEE: "Списали {kopecks} ₽ — плата за тариф.",
    NoticeKind.OPTION_FEE: "Списали {kopecks} ₽ за «{name}».",
    NoticeKind.SUSPENDED: "Не хватило {kopecks} ₽ на плату: связь приостановлена. Пополните счёт.",
    NoticeKind.OPTION_SUSPENDED: "Не хватило {kopecks} ₽ на «{name}»: пока не работает.",
    NoticeKind.RESTORED: "Плату {kopecks} ₽ списали, связь снова работает.",
    NoticeKind.LOW_BALANCE: "{on} спишем {kopecks} ₽. Не хватает {lacking_kopecks} ₽: пополните счёт.",
    NoticeKind.TOP_UP: "Пополнение {kopecks} ₽.",
    NoticeKind.ORDER: "Выполнили то, что вы подтвердили: «{name}».",
    NoticeKind.ORDER_UNDONE: "Отменили изменение: «{name}».",
    NoticeKind.TRIAL_ENDS: "Бесплатный период «{name}» закончится {on}.",
    NoticeKind.SIGN_IN: "Вошли с нового устройства: {device}, {address}. Если это не вы, выйдите со всех устройств.",
    NoticeKind.PASSWORD_SET: "Задан новый пароль. Если это не вы, обратитесь в поддержку.",
    NoticeKind.PASSWORD_REMOVED: "Пароль убран. Если это не вы, обратитесь в поддержку.",
    NoticeKind.EMAIL_SET: "Этот адрес теперь получает уведомления.",
}
_ALLOWANCES = {
    (NoticeKind.ALLOWANCE_LOW, UsageKind.DATA): "Интернет в пакете заканчивается: осталось {percent} %.",
    (NoticeKind.ALLOWANCE_LOW, UsageKind.VOICE): "Минуты в пакете заканчиваются: осталось {percent} %.",
    (NoticeKind.ALLOWANCE_LOW, UsageKind.SMS): "SMS в пакете заканчиваются: осталось {percent} %.",
    (NoticeKind.ALLOWANCE_OUT, UsageKind.DATA): "Интернет в пакете закончился.",
    (NoticeKind.ALLOWANCE_OUT, UsageKind.VOICE): "Минуты в пакете закончились.",
    (NoticeKind.ALLOWANCE_OUT, UsageKind.SMS): "SMS в пакете закончились.",
}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened; `reference` names it once and for all, `facts` are what its sentence is made of."""

    subscriber_id: int
    kind: NoticeKind
    reference: str
    happened_at: datetime
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """A line of /notices."""

    id: int
    kind: NoticeKind
    facts: Mapping[str, Any]
    happened_at: datetime
    is_unread: bool


# --- telling ---------------------------------------------------------------------------------------------------------


def tell(session: Session, events: Sequence[Event], *, now: datetime) -> None:
    """Writes the notices and the messages that they promise; of what was told already, nothing. A few statements."""
    events = [event for event in events if event.happened_at > now - TOLD_FOR]
    if not events:
        return
    known = known_among(session, _notice.c.reference, [event.reference for event in events])
    fresh = list({event.reference: event for event in events if event.reference not in known}.values())
    ways = _ways_of(session, [event for event in fresh if event.happened_at > now - NEWS_FOR])
    none = _Recipient("", "", "ru", {})
    rows, messages = [], []
    for event in fresh:
        recipient = ways.get(event.subscriber_id, none) if event.happened_at > now - NEWS_FOR else none
        by_sms, by_email = recipient.ways_for(event.kind)
        is_old = event.happened_at <= now - NEWS_FOR
        rows.append(
            (
                *(event.subscriber_id, event.kind, event.reference, dict(event.facts), event.happened_at),
                *(now if is_old else None, by_sms, by_email),
            )
        )
        if by_sms or by_email:
            text = sentence(event.kind, event.facts, cast(Language, recipient.language))
            messages += _messages(event, recipient, text, by_sms, by_email)
    insert_many(session, _notice, _NOTICE_COLUMNS, rows, "ON CONFLICT (reference) DO NOTHING")
    outbox.queue_many(session, messages, now=now)


def sentence(kind: NoticeKind, facts: Mapping[str, Any], language: Language) -> str:
    """What happened, in a sentence for an SMS."""
    template = _SENTENCES.get(kind) or _ALLOWANCES[kind, UsageKind(facts["usage"])]
    values = {name: _roubles(value) if name.endswith("kopecks") else value for name, value in facts.items()}
    if at := facts.get("at"):
        values["on"] = clock.local(datetime.fromisoformat(at)).strftime("%d.%m")
    return translate(template, language, **values)


@dataclass(frozen=True, slots=True)
class _Recipient:
    msisdn: str
    email: str
    language: str
    chosen: Mapping[Topic, tuple[bool, bool]]

    def ways_for(self, kind: NoticeKind) -> tuple[bool, bool]:
        """Whether by SMS and whether by e-mail."""
        topic = _TOPICS.get(kind, Topic.ACCOUNT)
        usual = USUAL_WAYS[topic]
        sms, email = self.chosen.get(topic, (bool(usual.sms), bool(usual.email)))
        if topic is Topic.SECURITY:
            sms, email = False, True
        return sms and bool(self.msisdn), email and bool(self.email) and settings().has_mail


def _ways_of(session: Session, events: Sequence[Event]) -> dict[int, _Recipient]:
    """Who of them can be told by SMS or e-mail. Most events are told in the cabinet alone: nobody else is read for."""
    if not events:
        return {}
    ids = {event.subscriber_id for event in events}
    addresses = dict(
        session.execute(
            select(EmailAddress.subscriber_id, EmailAddress.address).where(
                is_among(session, col(EmailAddress.subscriber_id), ids), EmailAddress.address != ""
            )
        ).all()
    )
    interested = {
        event.subscriber_id
        for event in events
        if event.subscriber_id in addresses or USUAL_WAYS[_TOPICS.get(event.kind, Topic.ACCOUNT)].sms is not None
    }
    if not interested:
        return {}
    chosen: dict[int, dict[Topic, tuple[bool, bool]]] = {}
    for row in session.exec(select(NoticeChoice).where(is_among(session, col(NoticeChoice.subscriber_id), interested))):
        chosen.setdefault(row.subscriber_id, {})[row.topic] = row.by_sms, row.by_email
    people = session.execute(
        select(Subscriber.id, Subscriber.msisdn, Subscriber.language).where(
            is_among(session, col(Subscriber.id), interested)
        )
    ).all()
    return {
        subscriber_id: _Recipient(msisdn, addresses.get(subscriber_id, ""), language, chosen.get(subscriber_id, {}))
        for subscriber_id, msisdn, language in people
    }


def _messages(event: Event, recipient: _Recipient, text: str, by_sms: bool, by_email: bool) -> list[outbox.Promise]:
    promised = []
    if by_sms:
        can_wait = event.kind in (NoticeKind.LOW_BALANCE, NoticeKind.ALLOWANCE_LOW)
        kind = "reminder" if can_wait else "notice"
        promised.append(outbox.Promise(f"{event.reference}:sms", kind, recipient.msisdn, text))
    if by_email:
        subject = f"{settings().brand_name}: {translate('уведомление', cast(Language, recipient.language))}"
        body = f"{text}\n\n{settings().public_url}/notices/"
        kind = "sign-in" if _TOPICS.get(event.kind) is Topic.SECURITY else "notice"
        promised.append(outbox.Promise(f"{event.reference}:email", kind, recipient.email, body, subject))
    return promised


def _roubles(kopecks: int) -> str:
    return f"{kopecks // 100}" + (f",{kopecks % 100:02}" if kopecks % 100 else "")


# --- reading ---------------------------------------------------------------------------------------------------------


def count_unread(session: Session, subscriber_id: int) -> int:
    """How many are unread, `MOST_UNREAD` and one more at most; one look into an index."""
    unread = (
        select(col(Notice.id))
        .where(Notice.subscriber_id == subscriber_id, col(Notice.read_at).is_(None))
        .limit(MOST_UNREAD + 1)
    )
    return session.exec(select(func.count()).select_from(unread.subquery())).one()


def list_notices(session: Session, subscriber_id: int, *, before: int | None, limit: int) -> list[Told]:
    """The newest notices, or those older than the one with the id `before`."""
    query = select(Notice).where(Notice.subscriber_id == subscriber_id).order_by(col(Notice.id).desc()).limit(limit)
    if before is not None:
        query = query.where(col(Notice.id) < before)
    return [Told(row.id or 0, row.kind, row.facts, row.happened_at, row.read_at is None) for row in session.exec(query)]


def mark_read(session: Session, subscriber_id: int, until: int, *, now: datetime) -> None:
    """All notices up to that one have been on the screen."""
    session.exec(
        update(Notice)
        .where(col(Notice.subscriber_id) == subscriber_id, col(Notice.id) <= until, col(Notice.read_at).is_(None))
        .values(read_at=now)
    )


# --- fees that are coming --------------------------------------------------------------------------------------------


def warn_of_fees(session: Session, *, now: datetime, limit: int = AT_ONCE) -> int:
    """Tells those whose fee comes in three days, or in one, and who lack money for it; returns how many were looked at.

    Looks at each coming fee once: how far is written down in the same transaction.
    """
    return sum(_warn(session, days, now, limit) for days in FEE_DAYS)


def _warn(session: Session, days: int, now: datetime, limit: int) -> int:
    cursor = session.exec(select(NoticeCursor).where(NoticeCursor.days == days).with_for_update()).one_or_none()
    if cursor is None:
        cursor = NoticeCursor(days=days, fee_at=now)
    from_at, from_id = max((cursor.fee_at, cursor.subscription_id), (now, 0))
    rows = session.exec(
        select(PlanSubscription, Subscriber.region)
        .join(Subscriber, col(Subscriber.id) == col(PlanSubscription.subscriber_id))
        .where(
            tuple_(col(PlanSubscription.next_fee_at), col(PlanSubscription.id)) > tuple_(from_at, from_id),
            col(PlanSubscription.next_fee_at) >= from_at,
            col(PlanSubscription.next_fee_at) <= now + timedelta(days=days),
            PlanSubscription.state == SubscriptionState.ACTIVE,
            col(PlanSubscription.ended_at).is_(None),
            Subscriber.status == SubscriberStatus.ACTIVE,
        )
        .order_by(col(PlanSubscription.next_fee_at), col(PlanSubscription.id))
        .limit(limit)
    ).all()
    tell(session, _low_balances(session, rows, days, now), now=now)
    if len(rows) == limit:
        last = rows[-1][0]
        cursor.fee_at, cursor.subscription_id = cast(datetime, last.next_fee_at), last.id or 0
    else:
        cursor.fee_at, cursor.subscription_id = now + timedelta(days=days), 2**62
    session.add(cursor)
    session.flush()
    return len(rows)


def _low_balances(
    session: Session, rows: Sequence[tuple[PlanSubscription, str]], days: int, now: datetime
) -> list[Event]:
    plans = catalogue.get_plans(session, {subscription.plan_version_id for subscription, _ in rows})
    available: dict[int, int] = {}
    if rows:
        sums = session.execute(
            select(Account.subscriber_id, Account.balance_kopecks, Account.credit_limit_kopecks).where(
                is_among(session, col(Account.subscriber_id), {one.subscriber_id for one, _ in rows}),
                col(Account.kind).in_((AccountKind.MAIN, AccountKind.DEBT)),
            )
        )
        for subscriber_id, balance, limit in sums:
            available[subscriber_id] = available.get(subscriber_id, 0) + balance + limit
    events = []
    for subscription, region in rows:
        at = cast(datetime, subscription.next_fee_at)
        fee = plans[subscription.plan_version_id].plan.fee_for(region, subscription.settings)
        lacking = fee - available.get(subscription.subscriber_id, 0)
        is_told_later = any(now + timedelta(days=sooner) >= at for sooner in FEE_DAYS if sooner < days)
        if fee and lacking > 0 and not is_told_later:
            reference = f"low-balance:{subscription.id}:{clock.local(at).date()}:{days}"
            facts = {"kopecks": fee, "lacking_kopecks": lacking, "at": at.isoformat()}
            events.append(Event(subscription.subscriber_id, NoticeKind.LOW_BALANCE, reference, now, facts))
    return events


# --- packages --------------------------------------------------------------------------------------------------------


def tell_of_allowances(session: Session, subscriber_ids: set[int], *, now: datetime) -> None:
    """Tells these subscribers which of their allowances, those of a kind taken together, are low or have run out."""
    if not subscriber_ids:
        return
    rows = session.execute(
        select_of(
            col(Allowance.subscriber_id),
            col(Allowance.kind),
            col(Allowance.scope),
            func.sum(Allowance.granted).label("granted"),
            func.sum(Allowance.remaining).label("remaining"),
            func.max(Allowance.id).label("newest"),
        )
        .where(
            is_among(session, col(Allowance.subscriber_id), subscriber_ids),
            col(Allowance.valid_from) <= now,
            col(Allowance.valid_until) > now,
        )
        .group_by(col(Allowance.subscriber_id), col(Allowance.kind), col(Allowance.scope))
        .having(func.max(cast_to(Allowance.is_unlimited, Integer)) == 0)
    )
    events = []
    for row in rows:
        granted, remaining = int(row.granted), int(row.remaining)
        if row.scope or not granted or remaining * 100 > granted * LOW_PERCENT:
            continue
        kind = NoticeKind.ALLOWANCE_LOW if remaining else NoticeKind.ALLOWANCE_OUT
        facts = {"usage": row.kind, "percent": max(remaining * 100 // granted, 1) if remaining else 0}
        # A new package is a new sum to run out of.
        events.append(Event(row.subscriber_id, kind, f"{kind}:{row.kind}:{row.newest}", now, facts))
    tell(session, events, now=now)
