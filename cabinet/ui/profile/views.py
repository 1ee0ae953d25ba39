"""What a subscriber is told of and by which ways, in words."""

from dataclasses import dataclass

from cabinet.config import settings
from cabinet.locales import Language, translate
from cabinet.services.channels import Channels
from cabinet.services.notices import FEE_DAYS, LOW_PERCENT
from cabinet.ui import formats


@dataclass
class TopicView:
    """A line of «Уведомления». `has_sms`, `has_email`: that way can be chosen; `is_fixed`: nothing can."""

    topic: str
    title: str
    second: str
    has_sms: bool
    sms: bool
    has_email: bool
    email: bool
    is_fixed: bool


_WORDS = {
    "money": ("Мало денег перед платой", "За {days} и за день, и если денег не хватило"),
    "packages": ("Пакеты и лимит сверх них", "Когда осталось {percent} и когда закончились"),
    "account": ("Списания и изменения", "Платы, пополнения, подключения"),
    "support": ("Ответы поддержки", "Ответ, вопрос к вам и если не успели вовремя"),
    "security": ("Вход с нового устройства и пароль", "Всегда включено"),
}


def topic_views(found: Channels, language: Language) -> list[TopicView]:
    """Every topic; letters can be chosen as soon as there is an address for them."""
    facts = {"days": formats.days(FEE_DAYS[0], language), "percent": formats.percent(LOW_PERCENT)}
    views = []
    for topic, ways in found.ways.items():
        title, second = _WORDS[topic.value]
        views.append(
            TopicView(
                topic=topic.value,
                title=translate(title, language),
                second=translate(second, language, **facts),
                has_sms=ways.sms is not None,
                sms=bool(ways.sms),
                has_email=ways.email is not None and bool(found.email),
                email=bool(ways.email),
                is_fixed=ways.sms is None and ways.email is None,
            )
        )
    return views


def quiet_hours(language: Language) -> str:
    """When only what is urgent is sent; "" where it never is quiet."""
    since, until = settings().quiet_from_hour, settings().quiet_until_hour
    if since == until:
        return ""
    return translate("С {since}:00 до {until}:00 присылаем только срочное.", language, since=since, until=until)
