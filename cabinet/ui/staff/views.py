"""The desk's cards and adjustments in words: what the services say, ready to be shown, masked where it has to be."""

from dataclasses import dataclass, field
from datetime import datetime

from cabinet import clock
from cabinet.domain.staff import AdjustmentReason, LookReason
from cabinet.locales import Language, translate
from cabinet.services.adjustments import Adjustment
from cabinet.services.cards import Card, Found
from cabinet.ui import deeds, figures, formats, operations

LOOK_REASONS = {
    LookReason.CALL: "Абонент позвонил",
    LookReason.VISIT: "Абонент пришёл в салон",
    LookReason.TICKET: "Ответ на обращение",
    LookReason.MONEY: "Спорное списание или платёж",
    LookReason.SAFETY: "Подозрение на чужие действия",
}
ADJUSTMENT_REASONS = {
    AdjustmentReason.WRONG_CHARGE: "Списали по ошибке",
    AdjustmentReason.NO_SERVICE: "Связь не работала",
    AdjustmentReason.LOST_PAYMENT: "Платёж не дошёл",
    AdjustmentReason.GOODWILL: "Извинение",
    AdjustmentReason.PAID_TWICE: "Зачислили лишнее",
}
_STATES = {"waiting": "ждёт решения", "approved": "выполнена", "declined": "отклонена"}


@dataclass
class Pair:
    """A name and its value."""

    name: str
    value: str


@dataclass
class LineView:
    """A line of a list: an operation, an action of the staff."""

    key: int
    title: str
    second: str
    amount: str = ""
    is_income: bool = False


@dataclass
class SessionView:
    """An open session of the subscriber."""

    session_id: int
    device: str
    second: str


@dataclass
class TicketRow:
    """A question of the subscriber, and the page where the desk has it."""

    address: str
    subject: str
    second: str


@dataclass
class CardView:
    """The whole card."""

    is_whole: bool = False
    name: str = ""
    initial: str = ""
    number: str = ""
    facts: list[Pair] = field(default_factory=list)
    operations: list[LineView] = field(default_factory=list)
    sessions: list[SessionView] = field(default_factory=list)
    tickets: list[TicketRow] = field(default_factory=list)
    done: list[LineView] = field(default_factory=list)


@dataclass
class AdjustmentView:
    """A line of the page of adjustments. `is_mine`: somebody else decides."""

    id: int
    number: str
    amount: str
    is_income: bool
    reason: str
    words: str
    proposed: str
    decided: str
    is_mine: bool


def masked_number(msisdn: str) -> str:
    """`+7 916 ···-··-01`: enough to see whether it is the right one."""
    return f"+7\u00a0{msisdn[1:4]}\u00a0···-··-{msisdn[-2:]}"


def masked_name(name: str) -> str:
    """`Анна К.`: the first name, of all others the first letter."""
    first, *others = name.split() or [""]
    return " ".join([first, *(f"{other[0]}." for other in others)])


def found_view(found: Found) -> str:
    """`+7 916 ···-··-01, Анна К.`"""
    return ", ".join(filter(None, (masked_number(found.msisdn), masked_name(found.name))))


def card_view(card: Card, language: Language) -> CardView:
    """The card, masked unless it is whole."""
    seen, now = card.figures, card.figures.as_of
    name = seen.name if card.is_whole else masked_name(seen.name)
    return CardView(
        is_whole=card.is_whole,
        name=name,
        initial=seen.name[:1],
        number=formats.phone(seen.msisdn) if card.is_whole else masked_number(seen.msisdn),
        facts=_facts(card, language),
        operations=[
            LineView(
                key=one.transaction_id,
                title=operations.title(one, language),
                second=formats.moment(one.happened_at, now, language),
                amount=signed(one.amount_kopecks, language),
                is_income=one.amount_kopecks > 0,
            )
            for one in seen.operations
        ],
        sessions=[
            SessionView(
                session_id=one.session_id,
                device=translate(one.device, language) if one.device else translate("Неизвестное устройство", language),
                second=", ".join(
                    filter(
                        None,
                        (formats.moment(one.last_seen_at, now, language), one.address if card.is_whole else ""),
                    )
                ),
            )
            for one in card.sessions
        ],
        tickets=[
            TicketRow(
                address=f"/staff/tickets/{one.id}/",
                subject=one.subject,
                second=f"№{formats.NO_BREAK}{one.id}, {formats.moment(one.opened_at, now, language)}",
            )
            for one in card.tickets
        ],
        done=[
            LineView(
                key=one.action_id,
                title=deeds.title(one, language),
                second=", ".join(
                    (
                        one.member_name or translate("Абонент", language),
                        formats.moment(one.happened_at, now, language),
                    )
                ),
            )
            for one in card.done
        ],
    )


def _facts(card: Card, language: Language) -> list[Pair]:
    now = card.figures.as_of
    facts = [Pair(name, value) for name, value in figures.standing(card.figures, card.status, language)]

    def fact(name: str, value: str) -> None:
        facts.append(Pair(translate(name, language), value))

    if card.options:
        fact("Услуги", ", ".join(card.options))
    account = card.account_number
    fact("Лицевой счёт", account if card.is_whole else f"···{account[-4:]}")
    since = clock.local(card.activated_at).date()
    fact("Абонент с", formats.date_only(since, clock.local(now).date(), language))
    return facts


def adjustment_views(found: list[Adjustment], staff_id: int, now: datetime, language: Language) -> list[AdjustmentView]:
    """Lines of the page of adjustments, for this member."""
    return [
        AdjustmentView(
            id=one.id,
            number=masked_number(one.msisdn),
            amount=signed(one.amount_kopecks, language),
            is_income=one.amount_kopecks > 0,
            reason=translate(ADJUSTMENT_REASONS[one.reason], language),
            words=one.words,
            proposed=f"{one.proposed_by}, {formats.moment(one.proposed_at, now, language)}",
            decided=""
            if one.decided_at is None
            else ", ".join(
                (
                    translate(_STATES[one.state], language),
                    one.decided_by,
                    formats.moment(one.decided_at, now, language),
                )
            ),
            is_mine=one.proposed_by_id == staff_id,
        )
        for one in found
    ]


def signed(kopecks: int, language: Language) -> str:
    """Money with its sign."""
    return formats.income(kopecks, language) if kopecks > 0 else formats.money(kopecks, language)
