"""A subscriber's card at the desk: opened with a reason, masked, and every look written down for the subscriber.

A *look* is the record of an opening. Whatever is done at the desk to a subscriber names the look it belongs to, so that
nobody acts on a number without having said why; a look lasts for half an hour and for nobody but who has opened it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlmodel import Session, col, select

from cabinet.domain.errors import CabinetError, NotFound
from cabinet.domain.msisdn import parse_msisdn
from cabinet.domain.staff import LookReason
from cabinet.models.options import OptionSubscription
from cabinet.models.staff import StaffAction, StaffMember
from cabinet.models.subscribers import Subscriber, SubscriberStatus
from cabinet.models.support import Ticket
from cabinet.services import catalogue, limits, overview, sessions, spending_caps, staff, subscribers, support
from cabinet.services.overview import Overview
from cabinet.services.sessions import ActiveSession
from cabinet.services.support import TicketLine

OPENED, UNMASKED, SESSION_ENDED = "card_opened", "card_unmasked", "session_ended"
CAP_CHOSEN, CAP_REMOVED = "cap_chosen", "cap_removed"
SEEN = "figures_seen"  # beside a ticket, whose number is the reason
LOOK_LASTS = timedelta(minutes=30)
SEARCHES_AN_HOUR = 120  # more is no work with people who call
SHORTEST_REASON, LONGEST_REASON = 5, 300
LAST_ACTIONS = 10
LAST_TICKETS = 5


class ReasonMissing(CabinetError):
    message = "Выберите причину и опишите её несколькими словами: абонент увидит это в своём профиле."


class NoSuchNumber(CabinetError):
    message = "Такого номера у нас нет. Проверьте цифры."


class OwnAccount(CabinetError):
    message = "Это ваш собственный номер. С ним работает только другой сотрудник."


class LookIsOver(CabinetError):
    message = "Карточка открыта слишком давно. Откройте её снова и укажите причину."


class TooManySearches(CabinetError):
    message = "За час вы искали слишком много номеров. Попробуйте позже или обратитесь к старшему смены."


@dataclass(frozen=True, slots=True)
class Found:
    """Whom a search has found; the rest is told when the card is opened."""

    subscriber_id: int
    msisdn: str
    name: str


@dataclass(frozen=True, slots=True)
class Done:
    """Something that was done to a subscriber's number, and by whom of the staff; "": by the subscriber.

    `action_id` tells lines apart: that of a subscriber's own act is negative.
    """

    action_id: int
    kind: str
    member_name: str
    reason: str
    facts: dict[str, Any]
    happened_at: datetime


@dataclass(frozen=True, slots=True)
class Deeds:
    """What was done to a number, for whom it belongs to."""

    name: str
    msisdn: str
    done: list[Done]


@dataclass(frozen=True, slots=True)
class Card:
    """A subscriber as the desk sees them. Unless `is_whole`, number, name and addresses are to be shown masked."""

    look_id: int
    subscriber_id: int
    is_whole: bool
    account_number: str
    status: SubscriberStatus
    activated_at: datetime
    figures: Overview
    options: tuple[str, ...]
    sessions: tuple[ActiveSession, ...]
    tickets: tuple[TicketLine, ...]
    done: tuple[Done, ...]


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside a ticket of who asked it: nothing that needs a reason of its own."""

    status: SubscriberStatus
    figures: Overview


@dataclass(frozen=True, slots=True)
class Look:
    """An opening that is still good."""

    look_id: int
    staff_id: int
    subscriber_id: int
    reason: str


def find_number(session: Session, staff_id: int, number: str, *, now: datetime) -> Found:
    """Whose number this is, exactly; counted, because a list of numbers could be tried one by one.

    Raises:
        InvalidMsisdn, NoSuchNumber, TooManySearches
    """
    msisdn = parse_msisdn(number)
    if limits.hit(session, f"desk-searches:{staff_id}", window=timedelta(hours=1), now=now).count > SEARCHES_AN_HOUR:
        raise TooManySearches
    row = session.exec(select(Subscriber).where(Subscriber.msisdn == msisdn)).first()
    if row is None:
        raise NoSuchNumber
    return Found(cast(int, row.id), row.msisdn, row.name)


def find_asker(session: Session, ticket_id: int) -> Found:
    """Who asked the question; only reads.

    Raises:
        NotFound: there is no such ticket.
    """
    row = session.exec(
        select(Subscriber).join(Ticket, col(Ticket.subscriber_id) == col(Subscriber.id)).where(Ticket.id == ticket_id)
    ).first()
    if row is None:
        raise NotFound
    return Found(cast(int, row.id), row.msisdn, row.name)


def look_beside(session: Session, staff_id: int, ticket_id: int, *, now: datetime) -> Beside:
    """Balance, tariff and status of who asked the question; the look is written down once in half an hour.

    Raises:
        NotFound: there is no such ticket.
        OwnAccount
    """
    subscriber_id = find_asker(session, ticket_id).subscriber_id
    refuse_own(session, staff_id, subscriber_id)
    lately = session.exec(
        select(StaffAction.facts).where(
            StaffAction.subscriber_id == subscriber_id,
            StaffAction.staff_id == staff_id,
            StaffAction.kind == SEEN,
            col(StaffAction.happened_at) > now - LOOK_LASTS,
        )
    )
    if not any(facts.get("ticket") == ticket_id for facts in lately):
        staff.record(session, staff_id, SEEN, subscriber_id=subscriber_id, facts={"ticket": ticket_id}, now=now)
    status = session.get_one(Subscriber, subscriber_id).status
    return Beside(status, overview.get_overview(session, subscriber_id, now=now))


def open_card(session: Session, staff_id: int, number: str, *, reason: str, words: str, now: datetime) -> Card:
    """Opens the card of a number and writes down who did and why.

    Raises:
        InvalidMsisdn, NoSuchNumber, ReasonMissing, OwnAccount
    """
    msisdn, words = parse_msisdn(number), " ".join(words.split())
    if reason not in list(LookReason) or not SHORTEST_REASON <= len(words) <= LONGEST_REASON:
        raise ReasonMissing
    row = session.exec(select(Subscriber).where(Subscriber.msisdn == msisdn)).first()
    if row is None:
        raise NoSuchNumber
    subscriber_id = cast(int, row.id)
    refuse_own(session, staff_id, subscriber_id)
    look_id = staff.record(
        session, staff_id, OPENED, subscriber_id=subscriber_id, reason=words, facts={"why": reason}, now=now
    )
    return get_card(session, staff_id, look_id, now=now)


def get_card(session: Session, staff_id: int, look_id: int, *, now: datetime) -> Card:
    """The card of a look that is still good, as of now; only reads.

    Raises:
        LookIsOver: it is not this member's, too old, or none.
    """
    look = get_look(session, staff_id, look_id, now=now)
    subscriber = session.get_one(Subscriber, look.subscriber_id)
    return Card(
        look_id=look_id,
        subscriber_id=look.subscriber_id,
        is_whole=_is_unmasked(session, look),
        account_number=subscriber.account_number,
        status=subscriber.status,
        activated_at=subscriber.activated_at,
        figures=overview.get_overview(session, look.subscriber_id, now=now),
        options=_list_options(session, look.subscriber_id),
        sessions=tuple(sessions.list_active(session, look.subscriber_id, now=now)),
        tickets=tuple(support.list_tickets(session, look.subscriber_id, limit=LAST_TICKETS, now=now)),
        done=tuple(list_done(session, look.subscriber_id, limit=LAST_ACTIONS)),
    )


def unmask(session: Session, staff_id: int, look_id: int, *, now: datetime) -> Card:
    """Shows number, name and addresses whole: written down once for a look.

    Raises:
        LookIsOver
    """
    look = get_look(session, staff_id, look_id, now=now)
    if not _is_unmasked(session, look):
        staff.record(
            session,
            staff_id,
            UNMASKED,
            subscriber_id=look.subscriber_id,
            reason=look.reason,
            facts={"look_id": look_id},
            now=now,
        )
    return get_card(session, staff_id, look_id, now=now)


def end_session(session: Session, staff_id: int, look_id: int, session_id: int, *, now: datetime) -> None:
    """Ends one of the subscriber's sessions; its sockets are the caller's to close.

    Raises:
        LookIsOver
        NotFound: the subscriber has no such open session.
    """
    look = get_look(session, staff_id, look_id, now=now)
    device = next(
        (
            active.device
            for active in sessions.list_active(session, look.subscriber_id, now=now)
            if active.session_id == session_id
        ),
        None,
    )
    if device is None:
        raise NotFound
    sessions.end(session, look.subscriber_id, session_id, now=now)
    staff.record(
        session,
        staff_id,
        SESSION_ENDED,
        subscriber_id=look.subscriber_id,
        reason=look.reason,
        facts={"device": device},
        now=now,
    )


def get_look(session: Session, staff_id: int, look_id: int, *, now: datetime) -> Look:
    """The opening that somebody acts by; only their own, and only for half an hour.

    Raises:
        LookIsOver
    """
    row = session.exec(
        select(StaffAction).where(
            StaffAction.id == look_id,
            StaffAction.staff_id == staff_id,
            StaffAction.kind == OPENED,
            col(StaffAction.happened_at) > now - LOOK_LASTS,
        )
    ).first()
    if row is None or row.subscriber_id is None:
        raise LookIsOver
    return Look(look_id, staff_id, row.subscriber_id, row.reason)


def list_done(session: Session, subscriber_id: int, *, limit: int) -> list[Done]:
    """What the staff did to this number, and the subscriber's own choices of a cap; the latest first."""
    query = (
        select(StaffAction, StaffMember.name)
        .join(StaffMember, col(StaffMember.id) == StaffAction.staff_id)
        .where(StaffAction.subscriber_id == subscriber_id)
        .order_by(col(StaffAction.id).desc())
        .limit(limit)
    )
    of_staff = [
        Done(cast(int, row.id), row.kind, name, row.reason, row.facts, row.happened_at)
        for row, name in session.exec(query)
    ]
    own = [_chosen(choice) for choice in spending_caps.list_choices(session, subscriber_id, limit=limit)]
    return sorted(of_staff + own, key=lambda done: done.happened_at, reverse=True)[:limit]


def _chosen(choice: spending_caps.Choice) -> Done:
    if choice.limit_kopecks is None:
        return Done(-choice.id, CAP_REMOVED, "", "", {}, choice.chosen_at)
    return Done(-choice.id, CAP_CHOSEN, "", "", {"limit_kopecks": choice.limit_kopecks}, choice.chosen_at)


def get_deeds(session: Session, subscriber_id: int, *, limit: int) -> Deeds:
    """The same for the subscriber's own page.

    Raises:
        NotFound: there is no such subscriber.
    """
    subscriber = subscribers.get(session, subscriber_id)
    return Deeds(subscriber.name, subscriber.msisdn, list_done(session, subscriber_id, limit=limit))


def refuse_own(session: Session, staff_id: int, subscriber_id: int) -> None:
    """Nobody of the staff touches their own account.

    Raises:
        OwnAccount
    """
    own = session.exec(
        select(StaffMember.id)
        .join(Subscriber, col(Subscriber.msisdn) == StaffMember.msisdn)
        .where(StaffMember.id == staff_id, Subscriber.id == subscriber_id)
    ).first()
    if own is not None:
        raise OwnAccount


def _is_unmasked(session: Session, look: Look) -> bool:
    rows = session.exec(
        select(StaffAction.facts).where(
            StaffAction.subscriber_id == look.subscriber_id,
            StaffAction.staff_id == look.staff_id,
            StaffAction.kind == UNMASKED,
            col(StaffAction.id) > look.look_id,
        )
    )
    return any(facts.get("look_id") == look.look_id for facts in rows)


def _list_options(session: Session, subscriber_id: int) -> tuple[str, ...]:
    rows = session.exec(
        select(OptionSubscription).where(
            OptionSubscription.subscriber_id == subscriber_id, col(OptionSubscription.ended_at).is_(None)
        )
    ).all()
    services = catalogue.get_options(session, [row.option_version_id for row in rows if row.option_version_id])
    bundles = catalogue.get_bundles(session, [row.bundle_version_id for row in rows if row.bundle_version_id])
    return tuple(
        sorted(
            services[row.option_version_id].name if row.option_version_id else bundles[row.bundle_version_id or 0].name
            for row in rows
        )
    )
