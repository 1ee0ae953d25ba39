"""What happened to a subscriber's number: told on /notices always, by SMS and e-mail as the subscriber has chosen.

A notice is written in the transaction of what happened, and with it the messages that it promises. Its reference is
that of the event, so whatever is tried again is told once. What happened long ago (past usage that is imported) is no
news: no message goes, and after `TOLD_FOR` there is no notice either.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple, cast

from sqlalchemy import Integer, Select, Table, bindparam, func, tuple_, update
from sqlalchemy import cast as cast_to
from sqlalchemy import select as select_of
from sqlmodel import Session, col, select

from cabinet import clock, news
from cabinet.bulk import AMONG, among, insert_many, is_among, known_among, listed
from cabinet.config import settings
from cabinet.domain.allowances import UsageKind
from cabinet.domain.autopay import PauseReason
from cabinet.domain.promotions import coming_fees
from cabinet.locales import Language, name_in, translate
from cabinet.models.base import metadata
from cabinet.models.ledger import Account, AccountKind
from cabinet.models.notices import Notice, NoticeChoice, NoticeCursor, NoticeKind, Topic
from cabinet.models.subscribers import Subscriber, SubscriberStatus
from cabinet.models.tariffs import PlanSubscription, SubscriptionState
from cabinet.models.usage import Allowance
from cabinet.services import catalogue, discounts, outbox

NEWS_FOR = timedelta(days=1)
TOLD_FOR = timedelta(days=31)
MOST_UNREAD = 99  # more are not counted
FEE_DAYS = (3, 1)  # so long before a fee who lacks money for it is told
LOW_PERCENT = 20
AT_ONCE = 500

_notice: Table = metadata.tables["notice"]
_cursor: Table = metadata.tables["notice_cursor"]
_address: Table = metadata.tables["email_address"]
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
    Topic.SUPPORT: Ways(sms=True, email=True),
    Topic.SECURITY: Ways(sms=None, email=None),
}
"""Security is told by e-mail whatever is chosen; the code or the change itself has come by SMS already."""


@dataclass(frozen=True, slots=True)
class Telling:
    """How a kind of notice is told, by SMS, by e-mail and on /notices alike.

    A new kind takes three steps: a member of `NoticeKind`, its line in `TELLINGS`, and a call of `tell` in the
    transaction of what happened. The English of its sentence goes into `locales/en.po`; a picture of its own, if it
    wants one, into `ui/notices/views.py`. A new topic takes a member of `Topic`, its line in `USUAL_WAYS`, its words in
    `ui/profile/views.py` and its picture in `ui/notices/views.py`.

    `sentence` is Russian and has facts of the event in its places: one whose name ends in `kopecks` is written as
    roubles, the moment `at` or `begins_at` (ISO) gives the day `{on}`. Where one sentence does not do, `variant` makes
    of the facts the key of another one; without such a key it is that of "". What goes by SMS has to fit into 70 signs.
    `link` is where the notice leads, with facts in its places too, and `{month}` of the event.
    `can_wait`: its SMS is not sent at night.
    """

    topic: Topic
    sentence: str | Mapping[str, str]
    link: str
    variant: Callable[[Mapping[str, Any]], str] | None = None
    can_wait: bool = False


def _of_usage(facts: Mapping[str, Any]) -> str:
    return str(facts["usage"])


def _of_reason(facts: Mapping[str, Any]) -> str:
    return str(facts["reason"])


def _of_order(facts: Mapping[str, Any]) -> str:
    what = str(facts["order"])
    if facts.get("is_stay"):
        return "stay"
    if facts.get("begins_at"):
        return f"{what}_later"
    return f"{what}_paid" if facts.get("kopecks", 0) > 0 else what


_STATEMENT = "/expenses/?month={month}"

TELLINGS: dict[NoticeKind, Telling] = {
    NoticeKind.FEE: Telling(Topic.ACCOUNT, "Списали {kopecks} ₽ — плата за тариф.", _STATEMENT),
    NoticeKind.OPTION_FEE: Telling(Topic.ACCOUNT, "Списали {kopecks} ₽ за «{name}».", _STATEMENT),
    NoticeKind.SUSPENDED: Telling(
        Topic.MONEY, "Не хватило {kopecks} ₽ на плату: связь приостановлена. Пополните счёт.", "/topup/"
    ),
    NoticeKind.OPTION_SUSPENDED: Telling(
        Topic.MONEY, "Не хватило {kopecks} ₽ на «{name}»: пока не работает.", "/topup/"
    ),
    NoticeKind.RESTORED: Telling(Topic.MONEY, "Плату {kopecks} ₽ списали, связь снова работает.", _STATEMENT),
    NoticeKind.LOW_BALANCE: Telling(
        Topic.MONEY,
        "{on} спишем {kopecks} ₽. Не хватает {lacking_kopecks} ₽: пополните счёт.",
        "/topup/",
        can_wait=True,
    ),
    NoticeKind.ALLOWANCE_LOW: Telling(
        Topic.PACKAGES,
        {
            UsageKind.DATA: "Интернет в пакете заканчивается: осталось {percent} %.",
            UsageKind.VOICE: "Минуты в пакете заканчиваются: осталось {percent} %.",
            UsageKind.SMS: "SMS в пакете заканчиваются: осталось {percent} %.",
        },
        "/packages/",
        _of_usage,
        can_wait=True,
    ),
    NoticeKind.ALLOWANCE_OUT: Telling(
        Topic.PACKAGES,
        {
            UsageKind.DATA: "Интернет в пакете закончился.",
            UsageKind.VOICE: "Минуты в пакете закончились.",
            UsageKind.SMS: "SMS в пакете закончились.",
        },
        "/packages/",
        _of_usage,
    ),
    NoticeKind.CAP_NEAR: Telling(
        Topic.PACKAGES,
        "Сверх пакетов ушло {percent} % вашего лимита {limit_kopecks} ₽ на этот месяц.",
        "/expenses/",
        can_wait=True,
    ),
    NoticeKind.CAP_REACHED: Telling(
        Topic.PACKAGES, "Лимит {limit_kopecks} ₽ сверх пакетов исчерпан: до 1 числа больше не спишем.", "/expenses/"
    ),
    NoticeKind.TOP_UP: Telling(
        Topic.ACCOUNT, "Пополнение на {kopecks} ₽ зачислено.", "/topup/result/?payment={payment}"
    ),
    NoticeKind.ADJUSTED: Telling(
        Topic.MONEY,
        {"given": "Счёт исправлен: вернули {kopecks} ₽.", "taken": "Счёт исправлен: сняли {kopecks} ₽."},
        _STATEMENT,
        lambda facts: "taken" if facts["is_taken"] else "given",
    ),
    NoticeKind.ORDER: Telling(
        Topic.ACCOUNT,
        {
            "": "Выполнили то, что вы подтвердили: «{name}».",
            "stay": "Отменили запланированное, остаётся «{name}».",
            "switch": "Теперь у вас тариф «{name}».",
            "switch_paid": "Теперь у вас тариф «{name}», за переход списали {kopecks} ₽.",
            "switch_later": "Тариф сменится на «{name}» {on}.",
            "settings": "Настройки тарифа изменены.",
            "settings_paid": "Настройки тарифа изменены, списали {kopecks} ₽.",
            "settings_later": "Новые настройки тарифа начнут действовать {on}.",
            "option_on": "Подключили «{name}».",
            "option_on_paid": "Подключили «{name}», списали {kopecks} ₽.",
            "option_keep": "«{name}» останется и после бесплатного периода.",
            "option_off": "Отключили «{name}».",
            "bundle": "Подключили пакет «{name}».",
            "bundle_paid": "Подключили пакет «{name}», списали {kopecks} ₽.",
            "bundle_off": "Пакет «{name}» больше не продлится.",
            "promise": "Обещанный платёж {promised_kopecks} ₽ на балансе.",
            "promotion": "Вы участвуете в акции «{name}».",
            "promotion_leave": "Вы вышли из акции «{name}».",
        },
        "/orders/",
        _of_order,
    ),
    NoticeKind.ORDER_UNDONE: Telling(Topic.ACCOUNT, "Отменили изменение: «{name}».", "/orders/"),
    NoticeKind.PROMISE_RETURNED: Telling(Topic.ACCOUNT, "Обещанный платёж возвращён: списали {kopecks} ₽.", _STATEMENT),
    NoticeKind.PROMISE_OWED: Telling(
        Topic.ACCOUNT, "Обещанный платёж не возвращён. Связь отключена, пополните на {owed_kopecks} ₽.", "/topup/"
    ),
    NoticeKind.AUTOPAY_PAUSED: Telling(
        Topic.ACCOUNT,
        {
            PauseReason.REFUSED: "Автоплатёж приостановлен: банк отказывает. Проверьте карту и включите снова.",
            PauseReason.METHOD_GONE: "Автоплатёж приостановлен: карта удалена. Выберите другую в кабинете.",
            PauseReason.UNKNOWN: "Автоплатёж приостановлен: банк не ответил. Проверьте баланс в кабинете.",
        },
        "/autopay/",
        _of_reason,
    ),
    NoticeKind.TRIAL_ENDS: Telling(Topic.ACCOUNT, "Бесплатный период «{name}» закончится {on}.", "/services/"),
    NoticeKind.DISCOUNT_ENDS: Telling(
        Topic.ACCOUNT, "«{name}»: это была последняя плата со скидкой, дальше {kopecks} ₽.", "/offers/"
    ),
    NoticeKind.SIGN_IN: Telling(
        Topic.SECURITY,
        "Вошли с нового устройства: {device}, {address}. Если это не вы, выйдите со всех устройств.",
        "/profile/",
    ),
    NoticeKind.PASSWORD_SET: Telling(
        Topic.SECURITY, "Задан новый пароль. Если это не вы, обратитесь в поддержку.", "/profile/"
    ),
    NoticeKind.PASSWORD_REMOVED: Telling(
        Topic.SECURITY, "Пароль убран. Если это не вы, обратитесь в поддержку.", "/profile/"
    ),
    NoticeKind.EMAIL_SET: Telling(Topic.SECURITY, "Уведомления теперь приходят и на {address}.", "/profile/"),
    NoticeKind.EMAIL_REMOVED: Telling(
        Topic.SECURITY,
        "На {address} уведомления больше не приходят. Если это не вы, выйдите со всех устройств.",
        "/profile/",
    ),
    NoticeKind.TICKET_ANSWERED: Telling(
        Topic.SUPPORT, "Ответили на обращение № {number}. Ответ в кабинете, в «Помощи».", "/support/{number}/"
    ),
    NoticeKind.TICKET_ASKED: Telling(
        Topic.SUPPORT, "По обращению № {number} есть вопрос к вам. Ответьте в кабинете.", "/support/{number}/"
    ),
    NoticeKind.TICKET_LATE: Telling(
        Topic.SUPPORT, "Не успели ответить на обращение № {number}. Ответим до {until}.", "/support/{number}/"
    ),
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
    """A line of /notices; `link` is where it leads on the site."""

    id: int
    kind: NoticeKind
    facts: Mapping[str, Any]
    happened_at: datetime
    is_unread: bool
    link: str


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
    news.keep(session, {event.subscriber_id for event in fresh})


def sentence(kind: NoticeKind, facts: Mapping[str, Any], language: Language) -> str:
    """What happened, in a sentence for an SMS."""
    values = {name: _roubles(value) if name.endswith("kopecks") else value for name, value in facts.items()}
    if "name" in values:
        values["name"] = name_in(values["name"], language)
    if at := day_of(facts):
        values["on"] = clock.local(at).strftime("%d.%m")
    return translate(template(kind, facts), language, **values)


def template(kind: NoticeKind, facts: Mapping[str, Any]) -> str:
    """The Russian sentence of these facts, its places still empty."""
    telling = TELLINGS[kind]
    if isinstance(telling.sentence, str):
        return telling.sentence
    variant = telling.variant(facts) if telling.variant else ""
    return telling.sentence.get(variant) or telling.sentence[""]


def day_of(facts: Mapping[str, Any]) -> datetime | None:
    """The moment whose day the sentence names, if it names one."""
    at = facts.get("at") or facts.get("begins_at")
    return datetime.fromisoformat(at) if at else None


@dataclass(frozen=True, slots=True)
class _Recipient:
    msisdn: str
    email: str
    language: str
    chosen: Mapping[Topic, tuple[bool, bool]]

    def ways_for(self, kind: NoticeKind) -> tuple[bool, bool]:
        """Whether by SMS and whether by e-mail."""
        topic = TELLINGS[kind].topic
        usual = USUAL_WAYS[topic]
        sms, email = self.chosen.get(topic, (bool(usual.sms), bool(usual.email)))
        if topic is Topic.SECURITY:
            sms, email = False, True
        return sms and bool(self.msisdn), email and bool(self.email) and settings().has_mail


@cache
def _addresses_among(dialect: str) -> Select[Any]:
    is_one = among(_address.c.subscriber_id, dialect)
    return select_of(_address.c.subscriber_id, _address.c.address).where(is_one, _address.c.address != "")


def _ways_of(session: Session, events: Sequence[Event]) -> dict[int, _Recipient]:
    """Who of them can be told by SMS or e-mail. Most events are told in the cabinet alone: nobody else is read for."""
    if not events:
        return {}
    ids = {event.subscriber_id for event in events}
    statement = _addresses_among(session.get_bind().dialect.name)
    addresses = dict(session.execute(statement, {AMONG: listed(session, ids)}).all())
    interested = {
        event.subscriber_id
        for event in events
        if event.subscriber_id in addresses or USUAL_WAYS[TELLINGS[event.kind].topic].sms is not None
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
        kind = "reminder" if TELLINGS[event.kind].can_wait else "notice"
        promised.append(outbox.Promise(f"{event.reference}:sms", kind, recipient.msisdn, text))
    if by_email:
        subject = f"{settings().brand_name}: {translate('уведомление', cast(Language, recipient.language))}"
        body = f"{text}\n\n{settings().public_url}/notices/"
        kind = "sign-in" if TELLINGS[event.kind].topic is Topic.SECURITY else "notice"
        promised.append(outbox.Promise(f"{event.reference}:email", kind, recipient.email, body, subject))
    return promised


def _roubles(kopecks: int) -> str:
    return f"{kopecks // 100}" + (f",{kopecks % 100:02}" if kopecks % 100 else "")


# --- reading ---------------------------------------------------------------------------------------------------------


_UNREAD = select_of(func.count()).select_from(
    select(col(Notice.id))
    .where(col(Notice.subscriber_id) == bindparam("subscriber_id"), col(Notice.read_at).is_(None))
    .limit(MOST_UNREAD + 1)
    .subquery()
)


def count_unread(session: Session, subscriber_id: int) -> int:
    """How many are unread, `MOST_UNREAD` and one more at most; one look into an index."""
    return session.execute(_UNREAD, {"subscriber_id": subscriber_id}).scalar_one()


def list_notices(
    session: Session, subscriber_id: int, *, before: int | None, limit: int, unread_at: datetime | None = None
) -> list[Told]:
    """The newest notices, or those older than the one with the id `before`.

    `unread_at`: what was unread then counts as unread, though the page that was opened then has marked it.
    """
    query = select(Notice).where(Notice.subscriber_id == subscriber_id).order_by(col(Notice.id).desc()).limit(limit)
    if before is not None:
        query = query.where(col(Notice.id) < before)
    return [_told(row, unread_at) for row in session.exec(query)]


def _told(row: Notice, unread_at: datetime | None) -> Told:
    is_unread = row.read_at is None or (unread_at is not None and row.read_at >= unread_at)
    link = TELLINGS[row.kind].link.format(**row.facts, month=f"{clock.local(row.happened_at):%Y-%m}")
    return Told(row.id or 0, row.kind, row.facts, row.happened_at, is_unread, link)


def mark_read(session: Session, subscriber_id: int, until: int, *, now: datetime) -> None:
    """All notices up to that one have been on the screen."""
    session.exec(
        update(Notice)
        .where(col(Notice.subscriber_id) == subscriber_id, col(Notice.id) <= until, col(Notice.read_at).is_(None))
        .values(read_at=now)
    )


def mark_old_read(session: Session, *, before: datetime, now: datetime) -> None:
    """Everybody's notices of what happened before: for a history that was not lived through."""
    session.exec(
        update(Notice).where(col(Notice.happened_at) < before, col(Notice.read_at).is_(None)).values(read_at=now)
    )


# --- fees that are coming --------------------------------------------------------------------------------------------


def warn_of_fees(session: Session, *, now: datetime, limit: int = AT_ONCE) -> int:
    """Tells those whose fee comes in three days, or in one, and who lack money for it; returns how many were looked at.

    Looks at each coming fee once: how far is written down in the same transaction.
    """
    return sum(_warn(session, days, now, limit) for days in FEE_DAYS)


def _warn(session: Session, days: int, now: datetime, limit: int) -> int:
    insert_many(
        session, _cursor, ("days", "fee_at", "subscription_id"), [(days, now, 0)], "ON CONFLICT (days) DO NOTHING"
    )
    cursor = session.exec(select(NoticeCursor).where(NoticeCursor.days == days).with_for_update()).one()
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
    held = discounts.list_held(session, {one.subscriber_id for one, _ in rows})
    for subscription, region in rows:
        at = cast(datetime, subscription.next_fee_at)
        plan = plans[subscription.plan_version_id].plan
        full = plan.fee_for(region, subscription.settings)
        fee = coming_fees(held.get(subscription.subscriber_id, ()), plan.code, full, 1)[0]
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
