"""Money, quantities and moments as a person reads them, in both languages. Moments are shown on the operator's clock.

No break stands inside a figure: U+202F between thousands and before a unit, U+2212 for minus.
"""

import re
from datetime import date as Date
from datetime import datetime, timedelta

from babel.dates import format_date

from cabinet import clock
from cabinet.domain.allowances import UsageKind
from cabinet.locales import Language, translate

THIN = "\u202f"
MINUS = "\u2212"
_RUBLE = f"{THIN}₽"
_LOCALES = {"ru": "ru_RU", "en": "en_GB"}
_UNITS = {
    UsageKind.VOICE: ("мин", 60),
    UsageKind.SMS: ("SMS", 1),
    UsageKind.DATA: ("ГБ", 2**30),
}
_SMALLER = {UsageKind.VOICE: ("с", 1), UsageKind.SMS: ("SMS", 1), UsageKind.DATA: ("МБ", 2**20)}
_MONTHS_IN = (
    "в январе",
    "в феврале",
    "в марте",
    "в апреле",
    "в мае",
    "в июне",
    "в июле",
    "в августе",
    "в сентябре",
    "в октябре",
    "в ноябре",
    "в декабре",
)


# --- money ------------------------------------------------------------------------------------------------------------


def money(kopecks: int, language: Language = "ru") -> str:
    """`1 234,50 ₽`; no kopecks when there are none; minus as a sign."""
    sign, kopecks = MINUS if kopecks < 0 else "", abs(kopecks)
    rest = f"{_point(language)}{kopecks % 100:02}" if kopecks % 100 else ""
    return f"{sign}{_thousands(kopecks // 100, language)}{rest}{_RUBLE}"


def signed_money(kopecks: int, language: Language = "ru") -> str:
    """The same with a plus for money in: `+500 ₽`, `−70 ₽`."""
    return f"+{money(kopecks, language)}" if kopecks > 0 else money(kopecks, language)


def balance(kopecks: int, language: Language = "ru") -> tuple[str, str]:
    """The balance in two sizes, kopecks always shown: `312` and `,50 ₽`."""
    sign, kopecks = MINUS if kopecks < 0 else "", abs(kopecks)
    return f"{sign}{_thousands(kopecks // 100, language)}", f"{_point(language)}{kopecks % 100:02}{_RUBLE}"


# --- quantities -------------------------------------------------------------------------------------------------------


def quantity(kind: UsageKind, amount: int, language: Language = "ru") -> str:
    """An exact-looking quantity in its best unit: `6 мин 41 с`, `42 SMS`, `1,9 ГБ`, `320 МБ`, `12 КБ`."""
    if kind == UsageKind.VOICE:
        minutes, seconds = divmod(amount, 60)
        parts = []
        if minutes:
            parts.append(_with_unit(_thousands(minutes, language), "мин", language))
        if seconds or not minutes:
            parts.append(_with_unit(str(seconds), "с", language))
        return " ".join(parts)
    if kind == UsageKind.SMS:
        return f"{_thousands(amount, language)}{THIN}SMS"
    for unit, size in (("ГБ", 2**30), ("МБ", 2**20)):
        if amount >= size:
            return _with_unit(_tenths(amount, size, language), unit, language)
    return _with_unit(_thousands(-(-amount // 2**10), language), "КБ", language)


def quantity_of(kind: UsageKind, left: int, granted: int, language: Language = "ru") -> tuple[str, str]:
    """What is left and the rest of the phrase: `1,9` and `ГБ из 35 ГБ`, `184` and `мин из 500`, `42` and `SMS из 50`.

    What is left is rounded down, so that more is never promised than there is; below one unit a smaller one is used.
    """
    unit, size = _UNITS[kind]
    of = translate("из", language)
    if kind == UsageKind.DATA:
        whole = _with_unit(_tenths(granted, size, language), unit, language)
    elif kind == UsageKind.VOICE and left < size <= granted:
        whole = _with_unit(_thousands(granted // size, language), unit, language)
    else:
        whole = _thousands(granted // size, language)
    if 0 < left < size:
        unit, size = _SMALLER[kind]
    figure = _tenths(left, size, language) if kind == UsageKind.DATA else _thousands(left // size, language)
    return figure, f"{translate(unit, language)} {of} {whole}"


# --- moments ----------------------------------------------------------------------------------------------------------


def time(moment: datetime) -> str:
    """`14:32`."""
    return clock.local(moment).strftime("%H:%M")


def day(moment: datetime, language: Language = "ru") -> str:
    """`чт, 26 ноября`."""
    return _no_break(format_date(clock.local(moment), "EEE, d MMMM", locale=_LOCALES[language]))


def date(moment: datetime, language: Language = "ru") -> str:
    """`26 ноября`."""
    return day_of_month(clock.local(moment).date(), language)


def day_of_month(on: Date, language: Language = "ru") -> str:
    """`26 ноября` of a local date."""
    return _no_break(format_date(on, "d MMMM", locale=_LOCALES[language]))


def moment(at: datetime, now: datetime, language: Language = "ru") -> str:
    """`сегодня, 14:30`, `вчера, 22:14`, `чт, 19 ноября, 18:20`; the year only when it is not this one."""
    local, today = clock.local(at), clock.local(now).date()
    if local.date() == today:
        name = translate("сегодня", language)
    elif local.date() == today - timedelta(days=1):
        name = translate("вчера", language)
    else:
        pattern = "EEE, d MMMM" if local.year == today.year else "d MMMM y"
        name = _no_break(format_date(local, pattern, locale=_LOCALES[language]))
    return f"{name}, {local:%H:%M}"


def month(on: Date, language: Language = "ru") -> str:
    """`ноябрь`."""
    return format_date(on, "LLLL", locale=_LOCALES[language])


def month_in(on: Date, language: Language = "ru") -> str:
    """`в ноябре`, which Babel does not decline."""
    return f"in {month(on, language)}" if language == "en" else _MONTHS_IN[on.month - 1]


def plural(number: int, one: str, few: str, many: str) -> str:
    """The Russian form after a whole number: 1 устройство, 2 устройства, 5 устройств."""
    if number % 10 == 1 and number % 100 != 11:
        return one
    return few if 2 <= number % 10 <= 4 and not 12 <= number % 100 <= 14 else many


# --- inside -----------------------------------------------------------------------------------------------------------


def _thousands(number: int, language: Language) -> str:
    return f"{number:,}" if language == "en" else f"{number:,}".replace(",", THIN)


def _point(language: Language) -> str:
    return "." if language == "en" else ","


def _tenths(amount: int, size: int, language: Language) -> str:
    """Rounded down to a tenth, without a zero one; whole from a hundred on."""
    whole, tenth = amount // size, amount * 10 // size % 10
    text = _thousands(whole, language)
    return f"{text}{_point(language)}{tenth}" if tenth and whole < 100 else text


def _with_unit(figure: str, unit: str, language: Language) -> str:
    return f"{figure}{THIN}{translate(unit, language)}"


def _no_break(text: str) -> str:
    """Keeps a number with its month."""
    return re.sub(r"(\d) (?=[^\W\d])", "\\1\u00a0", text)
