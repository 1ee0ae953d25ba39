"""A browser on its way in: what it typed, what it should read next, and the letters it has to read from a picture.

Nothing here raises for what a visitor did wrong: the refusal is written down for the page that the browser sees next,
in the same transaction as the counters and captchas that the attempt has used up.
"""

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast
from urllib.parse import urlsplit

from sqlalchemy import update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from cabinet.config import settings
from cabinet.domain.errors import CabinetError
from cabinet.locales import Language, translate
from cabinet.models.sign_in import Captcha, PreSession
from cabinet.services import limits
from cabinet.services.sessions import token_hash

LIFETIME = timedelta(hours=1)
CAPTCHA_LIFETIME = timedelta(minutes=5)
HOUR = timedelta(hours=1)
PICTURES_TIMES = 20  # as many pictures from an address as codes times this
HOME = "/"
LETTER_LINK = "/auth/email"  # the one address of ours that is no page and worth coming back to


class CaptchaWrong(CabinetError):
    message = "Буквы не совпали. Мы показали новую картинку — попробуйте ещё раз."


class CaptchaMissing(CabinetError):
    message = "Введите буквы с картинки."


class CaptchaExpired(CabinetError):
    message = "Картинка устарела. Введите буквы с новой."


@dataclass(frozen=True)
class Browser:
    """What a request says about its browser: the tokens of its cookies ("" without one), its address and its name."""

    pre: str
    sid: str = ""
    device: str = ""
    address: str = ""
    label: str = ""
    language: Language = "ru"


@dataclass(frozen=True)
class Words:
    """A part of a sentence in both languages."""

    ru: str
    en: str

    def __str__(self) -> str:
        return self.ru


def open_row(session: Session, browser: Browser, *, now: datetime) -> PreSession:
    """The browser's row, made when there is none, locked, and alive for another hour."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    hashed = token_hash(browser.pre)
    session.execute(
        insert(PreSession)
        .values(
            token_hash=hashed,
            typed_number="",
            typed_login="",
            error="",
            error_code="",
            remember=False,
            next_path=HOME,
            created_at=now,
            expires_at=now + LIFETIME,
        )
        .on_conflict_do_nothing(index_elements=["token_hash"])
    )
    row = session.exec(select(PreSession).where(PreSession.token_hash == hashed).with_for_update()).one()
    if row.expires_at <= now:
        row.typed_number, row.typed_login, row.next_path, row.remember = "", "", HOME, False
        clear_error(row)
    row.expires_at = now + LIFETIME
    session.add(row)
    session.flush()
    return row


def find_row(session: Session, browser: Browser, *, now: datetime) -> PreSession | None:
    """The browser's row, if it has one; only reads."""
    return session.exec(
        select(PreSession).where(PreSession.token_hash == token_hash(browser.pre), col(PreSession.expires_at) > now)
    ).first()


def refuse(session: Session, browser: Browser, row: PreSession, page: str, field: str, error: CabinetError) -> str:
    """Writes down what the page shall say at this field ("" = above the form); returns the page's path."""
    row.error, row.error_code = _in_language(error, browser.language), f"{page}:{field}"
    session.add(row)
    session.flush()
    return page


def _in_language(error: CabinetError, language: Language) -> str:
    facts = {name: getattr(fact, language) if isinstance(fact, Words) else fact for name, fact in error.facts.items()}
    return translate(error.message, language, **facts)


def clear_error(row: PreSession) -> None:
    """What the last attempt did wrong is of no interest any more."""
    row.error, row.error_code = "", ""


def error_on(row: PreSession | None, page: str) -> dict[str, str]:
    """The slots that say what is wrong on this page."""
    if row is None or not row.error:
        return {}
    where, _, field = row.error_code.partition(":")
    if where != page:
        return {}
    return {f"error_{field}" if field else "error": row.error}


def remember_next(session: Session, browser: Browser, path: str, *, now: datetime) -> None:
    """Where to go after signing in; an address that is not of our own pages is ignored."""
    if is_local(path):
        open_row(session, browser, now=now).next_path = path
        session.flush()


def is_local(path: str) -> bool:
    """Whether a path stays on this site and leads to a page for signed-in people."""
    if not path.startswith("/") or path.startswith("//") or len(path) > 200:
        return False
    if "\\" in path or any(unicodedata.category(character).startswith("C") for character in path):
        return False  # browsers read a backslash as a slash and drop tabs and newlines
    parts = urlsplit(path)
    is_way_in = parts.path.startswith(("/login", "/auth", "/welcome")) and parts.path != LETTER_LINK
    return not parts.scheme and not parts.netloc and not is_way_in


def typed(text: str) -> str:
    """What somebody typed, short and without control characters, fit to be kept and shown again."""
    return "".join(character for character in text if unicodedata.category(character)[0] != "C")[:32].strip()


# --- letters from a picture -------------------------------------------------------------------------------------------


def current_captcha(session: Session, browser: Browser, new_letters: str, *, now: datetime) -> str | None:
    """The letters that this browser's picture and speech show; `new_letters` where it has none that still count.

    None when this address has been shown too many: drawing takes time, and a machine learns from pictures.
    """
    pictures = limits.hit(session, f"pictures-of:{limits.network(browser.address)}", window=HOUR, now=now)
    if pictures.count > settings().codes_per_address_hour * PICTURES_TIMES:
        return None
    row = open_row(session, browser, now=now)
    answer = _open_captcha(session, row, now)
    if answer is not None and answer.answer.isascii() != new_letters.isascii():
        drop_captcha(session, row, now=now)  # the reader has chosen the other language, and maybe has no keys for these
        answer = None
    if answer is None:
        answer = Captcha(
            pre_session_id=cast(int, row.id), answer=new_letters, created_at=now, expires_at=now + CAPTCHA_LIFETIME
        )
        session.add(answer)
        session.flush()
    return answer.answer


def find_captcha(session: Session, browser: Browser, *, now: datetime) -> str:
    """The letters of this browser's present picture, "" without one: for the demo world's automatic tests."""
    row = find_row(session, browser, now=now)
    captcha = _open_captcha(session, row, now) if row else None
    return captcha.answer if captcha else ""


def drop_captcha(session: Session, row: PreSession, *, now: datetime) -> None:
    """The next picture will have other letters."""
    session.exec(
        update(Captcha).where(col(Captcha.pre_session_id) == row.id, col(Captcha.used_at).is_(None)).values(used_at=now)
    )


def use_captcha(session: Session, row: PreSession, answer: str, *, now: datetime) -> CabinetError | None:
    """Uses the picture up, whatever the answer; None when it is right."""
    captcha = _open_captcha(session, row, now)
    if captcha is None:
        return CaptchaExpired() if answer else CaptchaMissing()
    if not answer.strip():
        return CaptchaMissing()
    used = session.exec(
        update(Captcha)
        .where(col(Captcha.id) == captcha.id, col(Captcha.used_at).is_(None))
        .values(used_at=now)
        .returning(col(Captcha.id))
    ).first()
    if used is None:
        return CaptchaExpired()
    return None if _letters(answer) == _letters(captcha.answer) else CaptchaWrong()


def _open_captcha(session: Session, row: PreSession, now: datetime) -> Captcha | None:
    return session.exec(
        select(Captcha)
        .where(Captcha.pre_session_id == row.id, col(Captcha.used_at).is_(None), col(Captcha.expires_at) > now)
        .order_by(col(Captcha.id).desc())
    ).first()


# What is easily read or typed for the letter beside it, and is no letter of any picture itself.
_READ_AS = str.maketrans("ПКРТХ", "ЛKPTX")


def _letters(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).upper().translate(_READ_AS)
    return "".join(character for character in folded if character.isalpha())
