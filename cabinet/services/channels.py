"""By which ways a subscriber wants to be told, and the e-mail address, confirmed by the link in a letter."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from cabinet.config import settings
from cabinet.domain.errors import CabinetError, NotFound
from cabinet.locales import Language, translate
from cabinet.models.notices import EmailAddress, NoticeChoice, NoticeKind, Topic
from cabinet.services import limits, notices, outbox
from cabinet.services.notices import USUAL_WAYS, Ways
from cabinet.services.pre_sessions import LETTER_LINK
from cabinet.services.sessions import new_token, token_hash

LINK_LIVES = timedelta(days=1)
LETTERS_PER_HOUR = 5
LONGEST_ADDRESS = 120
_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}")

_SUBJECT = "{brand}: подтвердите адрес"
_LETTER = (
    "Чтобы уведомления приходили на этот адрес, откройте ссылку в браузере, где вы вошли в кабинет:\n\n{link}\n\n"
    "Ссылка действует сутки. Если вы об этом не просили, ничего делать не нужно."
)


class WrongAddress(CabinetError):
    """What was typed is no e-mail address."""

    message = "Проверьте адрес: он должен быть как name@example.ru"


class TooManyLetters(CabinetError):
    """Nobody is to be flooded with letters from us."""

    message = "Писем уже было много. Попробуйте через час"


class NoEmail(CabinetError):
    """The operator has no mail server."""

    message = "Уведомления по e-mail здесь не отправляются"


@dataclass(frozen=True, slots=True)
class Channels:
    """The ways of each topic; `waiting` is an address that is not confirmed yet. `has_mail`: e-mail is offered."""

    has_mail: bool
    email: str
    waiting: str
    ways: Mapping[Topic, Ways]


def get_channels(session: Session, subscriber_id: int) -> Channels:
    """What is chosen, and where nothing is, what is usual."""
    row = session.get(EmailAddress, subscriber_id)
    ways = dict(USUAL_WAYS)
    for choice in session.exec(select(NoticeChoice).where(NoticeChoice.subscriber_id == subscriber_id)):
        usual = USUAL_WAYS[choice.topic]
        ways[choice.topic] = Ways(
            sms=None if usual.sms is None else choice.by_sms, email=None if usual.email is None else choice.by_email
        )
    return Channels(settings().has_mail, row.address if row else "", row.waiting if row else "", ways)


def choose(
    session: Session, subscriber_id: int, topic: str, *, sms: bool | None = None, email: bool | None = None
) -> None:
    """Turns a way of a topic on or off; None leaves it as it is.

    Raises:
        NotFound: there is no such topic, or no such choice in it.
    """
    if topic not in list(Topic):
        raise NotFound
    usual = USUAL_WAYS[Topic(topic)]
    if (sms is not None and usual.sms is None) or (email is not None and usual.email is None):
        raise NotFound
    row = session.exec(
        select(NoticeChoice)
        .where(NoticeChoice.subscriber_id == subscriber_id, col(NoticeChoice.topic) == Topic(topic))
        .with_for_update()
    ).one_or_none()
    if row is None:
        row = NoticeChoice(
            subscriber_id=subscriber_id, topic=Topic(topic), by_sms=bool(usual.sms), by_email=bool(usual.email)
        )
    row.by_sms = row.by_sms if sms is None else sms
    row.by_email = row.by_email if email is None else email
    session.add(row)
    session.flush()


def ask_email(session: Session, subscriber_id: int, address: str, *, language: Language = "ru", now: datetime) -> None:
    """Sends a letter with a link there; the address that was confirmed before stays until that link is opened.

    Raises:
        NoEmail: the operator has no mail server.
        WrongAddress: it is no address.
        TooManyLetters: more than five in an hour.
    """
    if not settings().has_mail:
        raise NoEmail
    address = address.strip()
    if len(address) > LONGEST_ADDRESS or not _ADDRESS.fullmatch(address):
        raise WrongAddress
    if limits.hit(session, f"letters-of:{subscriber_id}", window=timedelta(hours=1), now=now).count > LETTERS_PER_HOUR:
        raise TooManyLetters
    row = session.get(EmailAddress, subscriber_id, with_for_update=True) or EmailAddress(subscriber_id=subscriber_id)
    token = new_token()
    row.waiting, row.token_hash, row.token_expires_at = address, token_hash(token), now + LINK_LIVES
    session.add(row)
    outbox.queue_email(
        session,
        reference=f"email:{row.token_hash[:32]}",
        kind="email",
        recipient=address,
        subject=translate(_SUBJECT, language, brand=settings().brand_name),
        body=translate(_LETTER, language, link=f"{settings().public_url}{LETTER_LINK}?token={token}"),
        now=now,
    )


def confirm_email(session: Session, subscriber_id: int, token: str, *, now: datetime) -> bool:
    """The link was opened by the subscriber to whom it belongs; False: it is old, used or of somebody else."""
    row = session.get(EmailAddress, subscriber_id, with_for_update=True)
    if row is None or not row.token_hash or row.token_hash != token_hash(token) or row.token_expires_at is None:
        return False
    if row.token_expires_at <= now:
        return False
    if row.address and row.address != row.waiting:
        _tell(session, row, NoticeKind.EMAIL_REMOVED, now)
    address, row.waiting, row.token_hash, row.token_expires_at = row.waiting, "", "", None
    row.address = address
    session.add(row)
    session.flush()
    _tell(session, row, NoticeKind.EMAIL_SET, now)
    return True


def remove_email(session: Session, subscriber_id: int, *, now: datetime) -> None:
    """No letters any more; the last one says so."""
    row = session.get(EmailAddress, subscriber_id, with_for_update=True)
    if row is None:
        return
    if row.address:
        _tell(session, row, NoticeKind.EMAIL_REMOVED, now)
    session.delete(row)
    session.flush()


def _tell(session: Session, row: EmailAddress, kind: NoticeKind, now: datetime) -> None:
    """To the address that the row has now."""
    event = notices.Event(row.subscriber_id, kind, f"{kind}:{new_token()[:32]}", now, {"address": row.address})
    notices.tell(session, [event], now=now)
