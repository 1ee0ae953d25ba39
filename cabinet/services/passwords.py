"""Permanent passwords: which are taken, how they are kept, and how they are compared.

bcrypt takes a quarter of a second on purpose. It runs in two threads of its own, never inside a transaction, and for a
number without a password too, so that the answer's time says nothing.
"""

import asyncio
import base64
import hashlib
import hmac
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import bcrypt
from sqlalchemy import delete
from sqlmodel import Session, col

from cabinet.config import settings
from cabinet.domain.errors import CabinetError
from cabinet.locales import Language, translate
from cabinet.models.notices import NoticeKind
from cabinet.models.sign_in import SignInOutcome
from cabinet.models.subscribers import Password
from cabinet.services import devices, notices, outbox, sessions, subscribers
from cabinet.services.sessions import Principal

SHORTEST, LONGEST = 10, 128
ROUNDS = 12
LOOKED_AT = 40  # zxcvbn's time grows fast with the length
EASILY_GUESSED = 1  # of zxcvbn's 0 to 4: under a million guesses

# Of random bytes nobody kept: compared with when there is no password, so that there is the same work to do.
_NOBODYS_HASH = "$2b$12$Bt1hlR0U5XHEIra4J1RBgOngBespqLakPzavdRq1vPGRG9DTbm6IK"

_SET = "задан пароль для входа. Не вы? Войдите и уберите его."
_CHANGED = "пароль для входа изменён. Не вы? Войдите и смените его."
_REMOVED = "пароль для входа убран. Не вы? Войдите и задайте новый."

_POOL = ThreadPoolExecutor(max_workers=2, thread_name_prefix="bcrypt")

_COMMON_IN_RUSSIA = (
    "пароль",
    "привет",
    "любовь",
    "россия",
    "москва",
    "солнышко",
    "наташа",
    "максим",
    "марина",
    "кабинет",
)
_KEYS_RUSSIAN = "йцукенгшщзхъфывапролджэячсмитьбюё"
_KEYS_LATIN = "qwertyuiop[]asdfghjkl;'zxcvbnm,.`"
_TO_LATIN_KEYS = str.maketrans(_KEYS_RUSSIAN, _KEYS_LATIN)


class PasswordTooShort(CabinetError):
    message = "Слишком короткий пароль. Нужно {shortest} знаков или больше."


class PasswordTooLong(CabinetError):
    message = "Слишком длинный пароль. Можно до {longest} знаков."


class PasswordTooCommon(CabinetError):
    message = "Такой пароль легко подобрать. Придумайте другой, например фразу из нескольких слов."


class PasswordIsNumber(CabinetError):
    message = "В пароле ваш номер телефона. Придумайте другой, например фразу из нескольких слов."


def check_rules(password: str, *, msisdn: str = "") -> None:
    """Refuses a password that is easy to guess; `msisdn` is the owner's number, if there is one. Takes milliseconds:
    call it in a thread.

    Raises:
        PasswordTooShort, PasswordTooLong, PasswordTooCommon, PasswordIsNumber
    """
    password = unicodedata.normalize("NFKC", password)
    if len(password) < SHORTEST:
        raise PasswordTooShort(shortest=SHORTEST)
    if len(password) > LONGEST:
        raise PasswordTooLong(longest=LONGEST)
    folded = password.casefold()
    digits = "".join(character for character in folded if character.isdigit())
    if msisdn and msisdn[1:] in digits:
        raise PasswordIsNumber
    brand = settings().brand_name.casefold()
    # The same keys pressed in the other layout are as well known: «йцукенгшщз» is qwertyuiop.
    for spelling in {folded, folded.translate(_TO_LATIN_KEYS)}:
        if _is_easily_guessed(spelling, [brand, msisdn[1:], *_COMMON_IN_RUSSIA]):
            raise PasswordTooCommon


def _is_easily_guessed(password: str, words: list[str]) -> bool:
    # Its lists take 12 MB and are not wanted before somebody chooses a password.
    from zxcvbn import zxcvbn
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    if password in FREQUENCY_LISTS["passwords"]:
        return True
    return zxcvbn(password[:LOOKED_AT], user_inputs=words)["score"] <= EASILY_GUESSED


async def check_and_hash(password: str, *, msisdn: str = "") -> str:
    """The hash to be kept, made in a thread.

    Raises:
        as `check_rules`.
    """
    await asyncio.to_thread(check_rules, password, msisdn=msisdn)
    return await asyncio.get_running_loop().run_in_executor(_POOL, hash_of, password)


async def is_right(password: str, kept_hash: str | None) -> bool:
    """Compares in a thread; with no hash it takes as long and is false."""
    matches = await asyncio.get_running_loop().run_in_executor(_POOL, _matches, password, kept_hash or _NOBODYS_HASH)
    return matches and kept_hash is not None


def hash_of(password: str) -> str:
    """bcrypt of the keyed digest; a quarter of a second."""
    return bcrypt.hashpw(_keyed(password), bcrypt.gensalt(ROUNDS)).decode()


def has_password(session: Session, subscriber_id: int) -> bool:
    """Whether this subscriber can sign in by a password."""
    return session.get(Password, subscriber_id) is not None


def save(
    session: Session,
    principal: Principal,
    kept_hash: str,
    *,
    device: str,
    device_token: str,
    address: str,
    language: Language = "ru",
    now: datetime,
) -> list[int]:
    """Sets or changes the password; every other session ends with the old one. Returns which, as `sessions.end_all`.

    The owner of the number is told by SMS, in the `language` of the page. Whether the session is fresh enough
    (`sessions.needs_step_up`) is the caller's to ask.
    """
    row = session.get(Password, principal.subscriber_id)
    is_change = row is not None
    row = row or Password(subscriber_id=principal.subscriber_id, hash="", changed_at=now)
    row.hash, row.failures, row.changed_at = kept_hash, 0, now
    session.add(row)
    session.flush()
    ended = _close_other_doors(session, principal, device_token, now) if is_change else []
    event_id = sessions.add_event(
        session, principal.subscriber_id, SignInOutcome.PASSWORD_SET, device=device, address=address, now=now
    )
    _tell_owner(session, principal, event_id, _CHANGED if is_change else _SET, language, now)
    return ended


def remove(
    session: Session,
    principal: Principal,
    *,
    device: str,
    device_token: str,
    address: str,
    language: Language = "ru",
    now: datetime,
) -> list[int]:
    """Takes the password away: from now on only codes open. Returns which other sessions ended with it.

    The owner of the number is told, as `save` does.
    """
    gone = session.exec(
        delete(Password)
        .where(col(Password.subscriber_id) == principal.subscriber_id)
        .returning(col(Password.subscriber_id))
    ).first()
    if gone is None:
        return []
    ended = _close_other_doors(session, principal, device_token, now)
    event_id = sessions.add_event(
        session, principal.subscriber_id, SignInOutcome.PASSWORD_REMOVED, device=device, address=address, now=now
    )
    _tell_owner(session, principal, event_id, _REMOVED, language, now)
    return ended


def get_msisdn(session: Session, subscriber_id: int) -> str:
    """The number that a new password may not contain.

    Raises:
        NotFound: no such subscriber.
    """
    return subscribers.get(session, subscriber_id).msisdn


def _tell_owner(
    session: Session, principal: Principal, event_id: int, what: str, language: Language, now: datetime
) -> None:
    """So that who has the phone learns what somebody else did in the cabinet."""
    kind = NoticeKind.PASSWORD_REMOVED if what == _REMOVED else NoticeKind.PASSWORD_SET
    event = notices.Event(principal.subscriber_id, kind, f"password-notice:{event_id}", now, {})
    notices.tell(session, [event], now=now)
    told = translate(what, language)
    outbox.queue_sms(
        session,
        reference=f"password:{event_id}",
        kind="password",
        recipient=get_msisdn(session, principal.subscriber_id),
        body=outbox.fit_sms([f"{settings().brand_name}: {told}", told]),
        now=now,
    )


def _close_other_doors(session: Session, principal: Principal, device_token: str, now: datetime) -> list[int]:
    devices.forget_all(session, principal.subscriber_id, except_token=device_token)
    return sessions.end_all(session, principal.subscriber_id, except_session_id=principal.session_id, now=now)


def _keyed(password: str) -> bytes:
    """44 bytes: bcrypt takes no more than 72, which 36 Russian letters fill."""
    normal = unicodedata.normalize("NFKC", password).encode()
    key = settings().secret_key.encode()
    return base64.b64encode(hmac.digest(key, b"password:" + normal, hashlib.sha256))


def _matches(password: str, kept_hash: str) -> bool:
    return bcrypt.checkpw(_keyed(password), kept_hash.encode())
