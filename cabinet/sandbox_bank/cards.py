"""Cards and accounts of the sandbox bank, each with what becomes of a payment."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from cabinet import clock


class Outcome(StrEnum):
    """What becomes of a payment; the words of refusals go to the shop as they are."""

    PAID = "paid"
    CONFIRM = "confirm"  # 3-D Secure asks the person
    SLOW = "slow"
    SILENT = "silent"  # no answer ever: canceled when its time is over
    UNTOLD = "untold"  # paid, but the message about it is lost
    ONLY_IN_PERSON = "only_in_person"  # paid by the person, refused when charged without him
    INSUFFICIENT_FUNDS = "insufficient_funds"
    CARD_EXPIRED = "card_expired"
    FRAUD_SUSPECTED = "fraud_suspected"
    CARD_INVALID = "card_invalid"
    CANCELED_BY_PAYER = "canceled_by_payer"


@dataclass(frozen=True, slots=True)
class Card:
    """A card or an account: its number, and what it does."""

    number: str
    outcome: Outcome
    meaning: str = ""

    @classmethod
    def of(cls, number: str) -> Self:
        """The card with the number, however it is spaced; an unknown one is no card at all."""
        digits = "".join(letter for letter in number if letter.isascii() and letter.isdigit())
        known = CARDS.get(digits) or SBP_ACCOUNT.get(digits)
        return cls(digits or "0000", known.outcome if known else Outcome.CARD_INVALID, known.meaning if known else "")

    @property
    def expires(self) -> str:
        """`09/28`: always two years ahead."""
        return f"09/{(clock.local(clock.now()).year + 2) % 100:02}"

    @property
    def spaced(self) -> str:
        """As on the card."""
        return " ".join(self.number[start : start + 4] for start in range(0, len(self.number), 4))


def _all(*cards: Card) -> dict[str, Card]:
    return {card.number: card for card in cards}


CARDS = _all(
    Card("2200000000004821", Outcome.PAID, "Оплата проходит"),
    Card("2200000000000053", Outcome.CONFIRM, "Банк спросит подтверждение (3-D Secure)"),
    Card("2200000000000061", Outcome.INSUFFICIENT_FUNDS, "Не хватает денег"),
    Card("2200000000000079", Outcome.CARD_EXPIRED, "Срок карты закончился"),
    Card("2200000000000087", Outcome.FRAUD_SUSPECTED, "Банк подозревает мошенников"),
    Card("2200000000000095", Outcome.SLOW, "Банк думает 15 секунд"),
    Card("2200000000000103", Outcome.SILENT, "Банк не отвечает, через 15 минут платёж отменится"),
    Card("2200000000000111", Outcome.UNTOLD, "Деньги списаны, но сообщение об этом потеряно"),
    Card("2200000000000129", Outcome.ONLY_IN_PERSON, "Проходит, но автоплатежу откажет"),
)

SBP_ACCOUNT = _all(
    Card("40817000000000907", Outcome.PAID, "Подтвердить"),
    Card("40817000000000915", Outcome.INSUFFICIENT_FUNDS, "На счёте мало денег"),
    Card("40817000000000923", Outcome.CANCELED_BY_PAYER, "Отказаться"),
)
