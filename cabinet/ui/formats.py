"""Figures as people read them. Integers in, finished texts out, in Russian or English; nothing here touches a float.

Between a number and its unit, and between thousands, stands U+202F, so that a line never breaks there;
minus is U+2212.
"""

import re
from datetime import date, datetime, timedelta
from functools import lru_cache

from babel.dates import format_date
from babel.plural import PluralRule, to_python

from cabinet.clock import local
from cabinet.domain.allowances import UsageKind
from cabinet.locales import Language, translate

NARROW = "\u202f"
MINUS = "\u2212"
NO_BREAK = "\u00a0"

_KB = 2**10
_MB = 2**20
_GB = 2**30

_RUSSIAN_PLURALS = to_python(
    PluralRule(
        {
            "one": "v = 0 and i % 10 = 1 and i % 100 != 11",
            "few": "v = 0 and i % 10 = 2..4 and i % 100 != 12..14",
            "many": "v = 0 and i % 10 = 0 or v = 0 and i % 10 = 5..9 or v = 0 and i % 100 = 11..14",
        }
    )
)


# --- numbers ----------------------------------------------------------------------------------------------------------


def number(value: int, language: Language = "ru") -> str:
    """`12345` → `12 345`, in English `12,345`; a negative one with a true minus."""
    separator = NARROW if language == "ru" else ","
    return f"{MINUS if value < 0 else ''}{abs(value):,}".replace(",", separator)


def decimal(value: int, unit: int, language: Language = "ru") -> str:
    """`value / unit` rounded down to one place, which is left out when it is zero: `1,9`, `35`."""
    tenths = value * 10 // unit
    whole, tenth = divmod(tenths, 10)
    point = "," if language == "ru" else "."
    return number(whole, language) + (f"{point}{tenth}" if tenth else "")


def plural(count: int, one: str, few: str, many: str = "") -> str:
    """The form for the count. Russian: `plural(5, "минута", "минуты", "минут")`; English needs two forms only."""
    if not many:
        return one if abs(count) == 1 else few
    return {"one": one, "few": few}.get(_RUSSIAN_PLURALS(abs(count)), many)


def counted(count: int, one: str, few: str, many: str = "", language: Language = "ru") -> str:
    """The number and the form for it, not to be parted: `5 операций`."""
    return f"{number(count, language)}{NO_BREAK}{plural(count, one, few, many)}"


def percent(value: int) -> str:
    """`20 %`."""
    return f"{value}{NARROW}%"


# --- money ------------------------------------------------------------------------------------------------------------


def money(kopecks: int, language: Language = "ru") -> str:
    """`123450` → `1 234,50 ₽`; kopecks only when there are any, minus for less than zero."""
    return f"{_amount(kopecks, language)}{NARROW}₽"


def income(kopecks: int, language: Language = "ru") -> str:
    """Money that came in has its plus: `+500 ₽`."""
    return f"+{money(kopecks, language)}"


def average(total_kopecks: int, count: int) -> int:
    """Whole roubles in kopecks, a half up: an average to the kopeck would pretend to know."""
    return (2 * total_kopecks + 100 * count) // (200 * count) * 100


def balance_parts(kopecks: int, language: Language = "ru") -> tuple[str, str]:
    """A balance in its two sizes, kopecks always there: (`1 234`, `,50 ₽`)."""
    roubles, rest = divmod(abs(kopecks), 100)
    point = "," if language == "ru" else "."
    sign = MINUS if kopecks < 0 else ""
    return f"{sign}{number(roubles, language)}", f"{point}{rest:02}{NARROW}₽"


def _amount(kopecks: int, language: Language) -> str:
    roubles, rest = divmod(abs(kopecks), 100)
    point = "," if language == "ru" else "."
    sign = MINUS if kopecks < 0 else ""
    return f"{sign}{number(roubles, language)}" + (f"{point}{rest:02}" if rest else "")


def typed(value: object, most: int) -> str:
    """What was typed into a field of one line; the first `most` characters of a longer text, nothing of what is none.

    What cannot be printed is no part of it, and half of a character cannot even be sent back.
    """
    return "".join(char for char in value[:most] if char.isprintable()) if isinstance(value, str) else ""


def unparted(text: str) -> str:
    """A text that a person wrote, with U+202F where it has an ordinary space between a number and ₽ or %."""
    return re.sub(r"(?<=[0-9]) (?=[₽%])", NARROW, text)


def quoted(name: str, language: Language) -> str:
    """A name in the marks of the language."""
    return f"«{name}»" if language == "ru" else f"“{name}”"


# --- units of usage ---------------------------------------------------------------------------------------------------


def data_parts(volume: int, language: Language = "ru") -> tuple[str, str]:
    """Bytes in the largest fitting unit, rounded down to a tenth: (`1,9`, `ГБ`). Nothing is `0 МБ`."""
    units = {"ru": ("КБ", "МБ", "ГБ"), "en": ("KB", "MB", "GB")}[language]
    for size, name in ((_GB, units[2]), (_MB, units[1]), (_KB, units[0])):
        if abs(volume) >= size:
            return decimal(volume, size, language), name
    return "0", units[1]


def data(volume: int, language: Language = "ru") -> str:
    """Bytes as `1,9 ГБ`."""
    return NARROW.join(data_parts(volume, language))


def minutes_parts(seconds: int, language: Language = "ru") -> tuple[str, str]:
    """Seconds as whole minutes, rounded down: (`184`, `мин`)."""
    return number(seconds // 60, language), "мин" if language == "ru" else "min"


def minutes(seconds: int, language: Language = "ru") -> str:
    """Seconds as `184 мин`."""
    return NARROW.join(minutes_parts(seconds, language))


def duration(seconds: int, language: Language = "ru") -> str:
    """How long a call was, to the second: `3 мин 20 с`, `45 с`."""
    names = ("мин", "с") if language == "ru" else ("min", "s")
    whole, rest = divmod(seconds, 60)
    parts = [f"{number(whole, language)}{NARROW}{names[0]}"] if whole else []
    if rest or not whole:
        parts.append(f"{rest}{NARROW}{names[1]}")
    return NO_BREAK.join(parts)


def messages(count: int, language: Language = "ru") -> str:
    """Messages as `42 SMS`."""
    return f"{number(count, language)}{NARROW}SMS"


def quantity(kind: UsageKind, amount: int, language: Language = "ru") -> str:
    """Seconds, bytes or messages in their unit: `184 мин`, `1,9 ГБ`, `42 SMS`."""
    match kind:
        case UsageKind.VOICE:
            return minutes(amount, language)
        case UsageKind.DATA:
            return data(amount, language)
        case UsageKind.SMS:
            return messages(amount, language)


def granted(kind: UsageKind, amount: int | None, language: Language = "ru") -> str:
    """The same of what may be without limit."""
    return translate("безлимит", language) if amount is None else quantity(kind, amount, language)


def countdown(seconds: int) -> str:
    """What is left, as `0:42`; never below zero."""
    whole, rest = divmod(max(seconds, 0), 60)
    return f"{whole}:{rest:02}"


# --- days and moments -------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4_096)
def _written(on: date, pattern: str, language: Language) -> str:
    """A page names the same few days again and again, and Babel reads its pattern anew each time."""
    return format_date(on, pattern, locale=language)


def day(on: date, today: date, language: Language = "ru") -> str:
    """`сегодня`, `вчера`, `завтра`, otherwise `чт, 26 ноября`, in English `Thu 26 November`.

    The year is there only when it is not the current one.
    """
    near = {0: ("сегодня", "today"), -1: ("вчера", "yesterday"), 1: ("завтра", "tomorrow")}
    words = near.get((on - today).days)
    if words:
        return words[0] if language == "ru" else words[1]
    weekday = _written(on, "EEE", language)
    return f"{weekday}{', ' if language == 'ru' else NO_BREAK}{date_only(on, today, language)}"


def date_only(on: date, today: date, language: Language = "ru") -> str:
    """`26 ноября`, without the day of the week; the year only when it is another one."""
    pattern = "d MMMM" if on.year == today.year else "d MMMM y"
    return _written(on, pattern, language).replace(" ", NO_BREAK)


def moment(at: datetime, now: datetime, language: Language = "ru") -> str:
    """A moment in the operator's time zone: `чт, 19 ноября, 18:20`, `сегодня, 14:30`."""
    return f"{day(local(at).date(), local(now).date(), language)}, {clock_time(at)}"


def clock_time(at: datetime) -> str:
    """`14:32` in the operator's time zone."""
    return f"{local(at):%H:%M}"


def month(on: date, language: Language = "ru") -> str:
    """`ноябрь`, in English `November`."""
    return _written(on, "LLLL", language)


def in_month(on: date, language: Language = "ru") -> str:
    """`в ноябре`, in English `in November`."""
    if language == "en":
        return f"in {month(on, 'en')}"
    return f"в{NO_BREAK}{month(on).rstrip('ьй')}е"


def day_number(day: int, language: Language = "ru") -> str:
    """`25-го`, in English `25th`."""
    if language == "ru":
        return f"{day}-го"
    ending = "th" if day in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"


def days(count: int, language: Language = "ru") -> str:
    """`5 дней`."""
    if language == "en":
        return counted(count, "day", "days", language="en")
    return counted(count, "день", "дня", "дней")


def days_between(earlier: date, later: date, language: Language = "ru") -> str:
    """How many days from one to the other: `5 дней`."""
    return days((later - earlier).days, language)


def last_day(until: datetime) -> date:
    """The last day of a half-open period that ends at `until`, in the operator's time zone."""
    return local(until - timedelta(microseconds=1)).date()


# --- numbers of people ------------------------------------------------------------------------------------------------


def phone(msisdn: str) -> str:
    """`79162041537` → `+7 916 204-15-37`, without a place to break the line."""
    return f"+7{NO_BREAK}{local_phone(msisdn)}"


def local_phone(msisdn: str) -> str:
    """`79162041537` → `916 204-15-37`, as it stands in the field after +7."""
    return f"{msisdn[1:4]}{NO_BREAK}{msisdn[4:7]}-{msisdn[7:9]}-{msisdn[9:]}"


def phone_tail(msisdn: str) -> str:
    """The last digits, by which a person knows the number: `15-37`."""
    return f"{msisdn[-4:-2]}-{msisdn[-2:]}"
