"""The profile's state. What changes something here is a plain form: passwords and codes never travel as events."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import reflex as rx
import structlog

from cabinet import clock
from cabinet.db import in_read_session, in_session
from cabinet.domain.errors import NotFound
from cabinet.locales import Language, translate
from cabinet.services import channels, profile
from cabinet.services.channels import Channels
from cabinet.services.sessions import ActiveSession, HistoryLine
from cabinet.ui import access, formats, guard
from cabinet.ui.page_state import PageState
from cabinet.ui.profile.views import TopicView, quiet_hours, topic_views

log = structlog.get_logger(__name__)

ALL_LINES = 50
_DONE = {
    "password-saved": "Пароль сохранён.",
    "password-changed": "Пароль сохранён. На других устройствах нужно войти снова.",
    "password-removed": "Пароль убран. Теперь вход — по коду из SMS.",
    "email-asked": "Отправили письмо. Откройте ссылку из него: она действует сутки.",
    "email-confirmed": "Адрес подтверждён. Письма будут приходить на него.",
    "email-removed": "Адрес убран. Писем больше не будет.",
}
_TROUBLES = {
    "email-link": "Ссылка не подошла: она уже открыта, старше суток или для другого номера. Отправьте письмо ещё раз.",
}
_OUTCOMES = {
    "by_code": ("По коду из SMS", "check"),
    "by_password": ("По паролю", "check"),
    "wrong_code": ("Неверный код", "close"),
    "wrong_password": ("Неверный пароль", "close"),
    "signed_out": ("Выход", "sign_out"),
    "signed_out_everywhere": ("Выход отовсюду", "sign_out"),
    "session_ended": ("Сеанс завершён", "sign_out"),
    "password_set": ("Задан пароль", "key"),
    "password_removed": ("Пароль убран", "key"),
}
_CAME_IN = ("by_code", "by_password")


@dataclass
class DeviceView:
    """A line of «Устройства»; the present one cannot be ended here, «Выйти» does that."""

    session_id: int
    icon: str
    name: str
    second: str
    is_present: bool


@dataclass
class EventView:
    """A line of «История входов»; `icon` check is a success, close a refusal."""

    icon: str
    title: str
    second: str


class ProfileState(PageState, rx.State):
    """What the profile shows."""

    done: str = ""
    trouble: str = ""
    account: str = ""
    has_password: bool = False
    password: str = ""
    needs_code: bool = False
    devices: list[DeviceView] = []
    has_other_devices: bool = False
    events: list[EventView] = []
    has_older: bool = False
    last_sign_in: str = ""
    device_count: str = ""
    topics: list[TopicView] = []
    answers: int = 0
    quiet: str = ""
    has_mail: bool = False
    email: str = ""
    waiting: str = ""

    @access.subscriber
    async def load(self):
        """Reads the profile for the page that was opened."""
        language = self._language()
        came_from = self.router.url.query_parameters.get("done", "")
        done, trouble = _DONE.get(came_from, ""), _TROUBLES.get(came_from, "")
        self.done = translate(done, language) if done else ""
        self.trouble = translate(trouble, language) if trouble else ""
        await self._read(profile.FIRST_LINES)

    @access.subscriber
    async def show_older(self):
        """Reads all of the history of sign-ins that is kept on the screen."""
        await self._read(ALL_LINES)

    @access.subscriber
    async def choose(self, topic: str, way: str, is_on: bool):
        """Turns SMS or letters of a topic on or off."""
        self.answers += 1
        language, subscriber_id = self._language(), guard.subscriber_id(self)
        if type(topic) is str and way in ("sms", "email") and type(is_on) is bool:
            with suppress(NotFound):
                await in_session(channels.choose, subscriber_id, topic, **{way: is_on})
        self._show_channels(await in_read_session(channels.get_channels, subscriber_id), language)

    async def _read(self, lines: int) -> None:
        language, now, caller = self._language(), clock.now(), guard.caller(self)
        try:
            found = await in_read_session(profile.get_profile, caller, now=now, lines=lines)
        except Exception:
            log.exception("the profile could not be read")
            self.has_failed = True
            return
        self.has_failed = False
        self._greet(found.name, found.msisdn)
        self.account = translate("лицевой счёт {number}", language, number=found.account_number)
        self.has_password = found.password_changed_at is not None
        self.password = translate("Не задан: вы входите по коду из SMS.", language)
        if found.password_changed_at is not None:
            changed = formats.moment(found.password_changed_at, now, language)
            self.password = translate("Задан: {moment}.", language, moment=changed)
        self.needs_code = found.needs_code
        self.devices = [_device(one, found, language, now) for one in found.sessions]
        self.has_other_devices = len(found.sessions) > 1
        self.events = [_event(line, language, now) for line in found.history]
        self.has_older = found.has_older and lines < ALL_LINES
        came_in = next((line for line in found.history if line.outcome in _CAME_IN), None)
        self.last_sign_in = formats.moment(came_in.happened_at, now, language) if came_in else ""
        self.device_count = _devices(len(found.sessions), language)
        self._show_channels(found.channels, language)
        self.is_ready = True

    def _show_channels(self, found: Channels, language: Language) -> None:
        self.topics = topic_views(found, language)
        self.quiet = quiet_hours(language)
        self.has_mail, self.email, self.waiting = found.has_mail, found.email, found.waiting


def _device(one: ActiveSession, found: profile.Profile, language: Language, now: datetime) -> DeviceView:
    is_present = one.session_id == found.present_session_id
    seen = translate("сейчас", language) if is_present else formats.moment(one.last_seen_at, now, language)
    is_phone = any(mark in one.device for mark in ("Android", "iPhone", "iPad"))
    return DeviceView(
        session_id=one.session_id,
        icon="smartphone" if is_phone else "monitor",
        name=translate(one.device, language) or translate("Неизвестное устройство", language),
        second=" · ".join(filter(None, (one.address, seen))),
        is_present=is_present,
    )


def _devices(count: int, language: Language) -> str:
    if language == "en":
        return formats.counted(count, "device", "devices", language="en")
    return formats.counted(count, "устройство", "устройства", "устройств")


def _event(line: HistoryLine, language: Language, now: datetime) -> EventView:
    title, icon = _OUTCOMES[line.outcome]
    when = formats.moment(line.happened_at, now, language)
    return EventView(
        icon=icon,
        title=translate(title, language),
        second=" · ".join(filter(None, (when[:1].upper() + when[1:], line.device, line.address))),
    )
