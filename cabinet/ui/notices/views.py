"""What happened, in finished sentences."""

from dataclasses import dataclass
from datetime import date, datetime

from cabinet import clock
from cabinet.locales import Language, name_in, translate
from cabinet.services import notices
from cabinet.services.notices import Told
from cabinet.ui import formats

_OF_TOPIC = {
    "money": ("wallet", "quiet"),
    "packages": ("package", "warn"),
    "account": ("list_checks", "quiet"),
    "support": ("message", "quiet"),
    "security": ("shield", "quiet"),
}
_OF_KIND = {
    "fee": ("receipt", "quiet"),
    "option_fee": ("receipt", "quiet"),
    "suspended": ("warning", "warn"),
    "option_suspended": ("warning", "warn"),
    "low_balance": ("warning", "warn"),
    "cap_near": ("warning", "warn"),
    "cap_reached": ("warning", "warn"),
    "restored": ("check", "ok"),
    "top_up": ("arrow_in", "ok"),
    "promise_returned": ("receipt", "quiet"),
    "promise_owed": ("warning", "warn"),
    "autopay_paused": ("warning", "warn"),
    "trial_ends": ("clock", "warn"),
    "sign_in": ("smartphone", "quiet"),
    "password_set": ("key", "quiet"),
    "password_removed": ("key", "quiet"),
}
ICONS = tuple(dict.fromkeys(icon for icon, _ in (*_OF_TOPIC.values(), *_OF_KIND.values())))
TONES = ("ok", "warn")
"""What else there is besides the quiet one."""


@dataclass
class NoticeView:
    """A line of the list; `day` stands above it where it is the first of its day."""

    id: int
    icon: str
    tone: str
    text: str
    at: str
    day: str
    is_unread: bool
    link: str


def notice_view(told: Told, above_on: date | None, now: datetime, language: Language) -> NoticeView:
    """`above_on` is the day of the notice above it."""
    icon, tone = _OF_KIND.get(told.kind.value) or _OF_TOPIC[notices.TELLINGS[told.kind].topic.value]
    on = clock.local(told.happened_at).date()
    day = formats.day(on, clock.local(now).date(), language) if on != above_on else ""
    return NoticeView(
        id=told.id,
        icon=icon,
        tone=tone,
        text=sentence(told, now, language),
        at=formats.clock_time(told.happened_at),
        day=day[:1].upper() + day[1:],
        is_unread=told.is_unread,
        link=told.link,
    )


def sentence(told: Told, now: datetime, language: Language) -> str:
    """As `notices.sentence`, with figures and days as pages have them."""
    values = {
        name: formats.money(value, language).removesuffix(f"{formats.NARROW}₽") if name.endswith("kopecks") else value
        for name, value in told.facts.items()
    }
    if "name" in values:
        values["name"] = name_in(values["name"], language)
    if at := notices.day_of(told.facts):
        values["on"] = formats.date_only(clock.local(at).date(), clock.local(now).date(), language)
    return formats.unparted(translate(notices.template(told.kind, told.facts), language, **values))
