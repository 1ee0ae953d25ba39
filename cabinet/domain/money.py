"""Kopecks: read from what a person wrote, and divided without losing one. Money is `int` kopecks everywhere."""

import re

from cabinet.domain.errors import CabinetError

_AMOUNT = re.compile(r"(\d{1,3}(?: \d{3}){1,4}|\d{1,13})(?:[.,](\d{1,2}))?", re.ASCII)
_USUAL = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u3000": " "}) | str.maketrans(
    "０１２３４５６７８９，．", "0123456789,."
)


class InvalidAmount(CabinetError):
    message = "{amount} — не сумма денег. Пишите рубли и не больше двух знаков после запятой, например 1 234,50."


def parse_kopecks(text: str) -> int:
    """Kopecks of an amount in roubles as a person writes it: `650`, `0.03`, `1 234,50`, `１００`.

    Raises:
        InvalidAmount: a sign, a letter, an exponent, a third decimal; and a float, whatever its value.
    """
    found = _AMOUNT.fullmatch(text.translate(_USUAL).strip()) if isinstance(text, str) else None
    if found is None:
        raise InvalidAmount(amount=repr(text))
    roubles, decimals = found.groups()
    return int(roubles.replace(" ", "")) * 100 + int((decimals or "").ljust(2, "0"))


def prorate(amount_kopecks: int, parts: int, whole: int) -> int:
    """What the first `parts` of `whole` equal parts cost: each is the integer quotient, the last carries the remainder.

    Three thirds of 100 kopecks are 33, 33 and 34, so all the parts together are always the amount itself.
    """
    if whole <= 0 or not 0 <= parts <= whole:
        raise ValueError(f"{parts} parts of {whole}")
    return amount_kopecks if parts == whole else amount_kopecks // whole * parts


def prorate_rest(amount_kopecks: int, parts: int, whole: int) -> int:
    """What the last `parts` of `whole` equal parts cost: the amount without the parts before them.

    With `prorate` of those it is always the amount itself, so what was used and what is given back make the whole.
    """
    return amount_kopecks - prorate(amount_kopecks, whole - parts, whole)
