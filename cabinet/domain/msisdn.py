"""Russian mobile numbers: `79161234567` inside the program, whatever spelling a person used."""

import unicodedata

from cabinet.domain.errors import CabinetError

_SEPARATORS = frozenset(" -().\u2212")
_MOST_CHARACTERS = 64  # nobody writes a number longer; what is longer is not looked at


class InvalidMsisdn(CabinetError):
    message = "Номер не похож на мобильный. Введите 10 цифр, например 916 204-15-37."


def parse_msisdn(text: str) -> str:
    """The digits of a Russian mobile number, `79161234567`.

    Understands `9161234567`, `8 (916) 123-45-67`, `+7 916 123-45-67` and what comes with pasting: any spaces and
    dashes, invisible characters, digits of other scripts.

    Raises:
        InvalidMsisdn: letters, a wrong length, a landline, a number of another country.
    """
    digits = _digits(text)
    if digits.startswith("+"):
        prefixes: tuple[str, ...] = ("+7",)
    else:
        prefixes = ("7", "8") if len(digits) == 11 else ("",)
    prefix = next((prefix for prefix in prefixes if digits.startswith(prefix)), None)
    if prefix is None:
        raise InvalidMsisdn
    national = digits.removeprefix(prefix)
    # Kazakhstan shares +7, but only Russian mobile numbers begin with 9. No list of ranges is asked: it would be older
    # than the range an operator was given last week.
    if len(national) != 10 or not national.startswith("9"):
        raise InvalidMsisdn
    return f"7{national}"


def format_msisdn(msisdn: str) -> str:
    """`+7 916 204-15-37` with no-break spaces; a hyphen between digits does not break by itself."""
    return f"+7\u00a0{msisdn[1:4]}\u00a0{msisdn[4:7]}-{msisdn[7:9]}-{msisdn[9:]}"


def mask(msisdn: str) -> str:
    """`+7916***4567`, for logs."""
    return f"+{msisdn[:4]}***{msisdn[7:]}"


def _digits(text: str) -> str:
    """The plain digits with the plus before them, without separators and invisible characters."""
    if len(text) > _MOST_CHARACTERS:
        raise InvalidMsisdn
    kept = []
    for character in unicodedata.normalize("NFKC", text):
        category = unicodedata.category(character)
        if category == "Nd":
            kept.append(str(unicodedata.decimal(character)))
        elif character == "+" and not kept:
            kept.append(character)
        elif character not in _SEPARATORS and category not in {"Zs", "Pd", "Cf", "Cc"}:
            raise InvalidMsisdn
    return "".join(kept)
