"""Corrections of balances: one member of the staff proposes, another one carries out, the ledger remembers both.

What waits has touched no money. Approving is one conditional UPDATE and one transaction of the ledger with a reference
of its own, so that two who approve at once do it once. The subscriber reads the reason in the statement.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import func
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from cabinet.config import settings
from cabinet.domain.errors import CabinetError, NotFound
from cabinet.domain.staff import PERMISSIONS, AdjustmentReason, Permission
from cabinet.ledger import InsufficientFunds
from cabinet.models.adjustments import AdjustmentState, BalanceAdjustment
from cabinet.models.notices import NoticeKind
from cabinet.models.staff import StaffMember
from cabinet.models.subscribers import Subscriber
from cabinet.services import billing, cards, notices, staff
from cabinet.services.cards import LONGEST_REASON, SHORTEST_REASON

PROPOSED, APPROVED, DECLINED = "adjustment_proposed", "adjustment_approved", "adjustment_declined"
DAY = timedelta(days=1)
SHOWN = 50


class AmountOutOfRange(CabinetError):
    message = "Сумма — от 1 копейки до {most} ₽ за один раз."


class DayIsUsedUp(CabinetError):
    message = "За сутки один сотрудник может предложить не больше {most} ₽."


class WordsMissing(CabinetError):
    message = "Объясните корректировку: абонент прочитает это в своих расходах."


class AlreadyDecided(CabinetError):
    message = "Решение уже принято. Обновите страницу."


class NotYours(CabinetError):
    message = "Это предложил другой сотрудник. Отклонить может старший смены."


class NothingToTake(CabinetError):
    message = "На счёте абонента нет столько денег."


class OwnProposal(CabinetError):
    message = "Вы сами это предложили. Решение принимает другой сотрудник."


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A line of the page of adjustments. `decided_by` is "" and `decided_at` None while it waits."""

    id: int
    msisdn: str
    amount_kopecks: int
    reason: AdjustmentReason
    words: str
    state: AdjustmentState
    proposed_by_id: int
    proposed_by: str
    proposed_at: datetime
    decided_by: str
    decided_at: datetime | None


def propose(
    session: Session, staff_id: int, look_id: int, *, amount_kopecks: int, reason: str, words: str, now: datetime
) -> int:
    """Proposes to give the subscriber of a look so much, or to take it (negative); returns the id.

    Raises:
        LookIsOver: see `cards.get_look`.
        AmountOutOfRange, DayIsUsedUp, WordsMissing, OwnAccount
    """
    look, words = cards.get_look(session, staff_id, look_id, now=now), " ".join(words.split())
    cards.refuse_own(session, staff_id, look.subscriber_id)
    most, most_a_day = settings().adjustment_most_roubles, settings().adjustment_day_roubles
    if type(amount_kopecks) is not int or not 0 < abs(amount_kopecks) <= most * 100:
        raise AmountOutOfRange(most=most)
    if reason not in list(AdjustmentReason) or not SHORTEST_REASON <= len(words) <= LONGEST_REASON:
        raise WordsMissing
    _hold(session, staff_id)
    proposed = session.exec(
        select(func.coalesce(func.sum(func.abs(BalanceAdjustment.amount_kopecks)), 0)).where(
            BalanceAdjustment.proposed_by_id == staff_id,
            col(BalanceAdjustment.proposed_at) > now - DAY,
            BalanceAdjustment.state != AdjustmentState.DECLINED,
        )
    ).one()
    if int(proposed) + abs(amount_kopecks) > most_a_day * 100:
        raise DayIsUsedUp(most=most_a_day)
    row = BalanceAdjustment(
        subscriber_id=look.subscriber_id,
        amount_kopecks=amount_kopecks,
        reason=AdjustmentReason(reason),
        words=words,
        proposed_by_id=staff_id,
        proposed_at=now,
    )
    session.add(row)
    session.flush()
    _record(session, staff_id, PROPOSED, row, now)
    return cast(int, row.id)


def approve(session: Session, staff_id: int, adjustment_id: int, *, now: datetime) -> None:
    """Carries out what somebody else has proposed. Money that comes pays debts and fees as any other.

    Raises:
        NotFound, AlreadyDecided, OwnProposal, OwnAccount
        NothingToTake: there is not so much on the account.
    """
    row = _held(session, adjustment_id)
    if row.proposed_by_id == staff_id:
        raise OwnProposal
    cards.refuse_own(session, staff_id, row.subscriber_id)
    if row.state is not AdjustmentState.WAITING:
        raise AlreadyDecided
    facts = {
        "adjusted_kopecks": row.amount_kopecks,
        "adjustment_id": adjustment_id,
        "reason": row.reason.value,
        "words": row.words,
    }
    reference = f"adjustment:{adjustment_id}"
    try:
        row.transaction_id = billing.adjust(
            session, row.subscriber_id, row.amount_kopecks, reference=reference, explanation=facts, now=now
        )
    except InsufficientFunds:
        raise NothingToTake from None
    row.state, row.decided_by_id, row.decided_at = AdjustmentState.APPROVED, staff_id, now
    session.add(row)
    session.flush()
    _record(session, staff_id, APPROVED, row, now)
    told = {"kopecks": abs(row.amount_kopecks), "is_taken": row.amount_kopecks < 0}
    event = notices.Event(row.subscriber_id, NoticeKind.ADJUSTED, reference, now, told)
    notices.tell(session, [event], now=now)


def decline(session: Session, staff_id: int, adjustment_id: int, *, now: datetime) -> None:
    """Declines what waits: who may approve does, and who has proposed it takes it back.

    Raises:
        NotFound, AlreadyDecided, NotYours
    """
    row = _held(session, adjustment_id)
    role = session.get_one(StaffMember, staff_id).role
    if row.proposed_by_id != staff_id and Permission.APPROVE not in PERMISSIONS[role]:
        raise NotYours
    if row.state is not AdjustmentState.WAITING:
        raise AlreadyDecided
    row.state, row.decided_by_id, row.decided_at = AdjustmentState.DECLINED, staff_id, now
    session.add(row)
    session.flush()
    _record(session, staff_id, DECLINED, row, now)


def list_adjustments(session: Session, *, is_waiting: bool) -> list[Adjustment]:
    """What waits, the oldest first; or what was decided, the latest first."""
    proposer, decider = aliased(StaffMember), aliased(StaffMember)
    query = (
        select(BalanceAdjustment, Subscriber.msisdn, proposer.name, decider.name)
        .join(Subscriber, col(Subscriber.id) == BalanceAdjustment.subscriber_id)
        .join(proposer, col(proposer.id) == BalanceAdjustment.proposed_by_id)
        .outerjoin(decider, col(decider.id) == BalanceAdjustment.decided_by_id)
        .limit(SHOWN)
    )
    if is_waiting:
        query = query.where(BalanceAdjustment.state == AdjustmentState.WAITING).order_by(col(BalanceAdjustment.id))
    else:
        query = query.where(BalanceAdjustment.state != AdjustmentState.WAITING).order_by(
            col(BalanceAdjustment.decided_at).desc(), col(BalanceAdjustment.id).desc()
        )
    return [
        Adjustment(
            id=cast(int, row.id),
            msisdn=msisdn,
            amount_kopecks=row.amount_kopecks,
            reason=row.reason,
            words=row.words,
            state=row.state,
            proposed_by_id=row.proposed_by_id,
            proposed_by=proposed_by,
            proposed_at=row.proposed_at,
            decided_by=decided_by or "",
            decided_at=row.decided_at,
        )
        for row, msisdn, proposed_by, decided_by in session.exec(query)
    ]


def _hold(session: Session, staff_id: int) -> None:
    """Proposals of one member are made one after another: the day's sum is looked up and added to."""
    session.exec(select(StaffMember.id).where(StaffMember.id == staff_id).with_for_update()).one()


def _held(session: Session, adjustment_id: int) -> BalanceAdjustment:
    row = session.exec(
        select(BalanceAdjustment).where(BalanceAdjustment.id == adjustment_id).with_for_update()
    ).one_or_none()
    if row is None:
        raise NotFound
    return row


def _record(session: Session, staff_id: int, kind: str, row: BalanceAdjustment, now: datetime) -> None:
    facts = {"adjustment_id": row.id, "amount_kopecks": row.amount_kopecks}
    staff.record(session, staff_id, kind, subscriber_id=row.subscriber_id, reason=row.words, facts=facts, now=now)
