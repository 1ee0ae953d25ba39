"""Signing in by a code from an SMS or by a password, and the fresh code before something important.

Whoever asks learns nothing about a number that is not his: for an unknown, a blocked and a known number the same rows
are written, the same work is done and the same page follows. Only the SMS makes the difference.

Most functions return a `Step`: where the browser goes next. What the visitor did wrong is written down for that page
(`pre_sessions.refuse`), never raised: counters and used-up captchas have to be committed.
"""

import hashlib
import hmac
import secrets
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast
from urllib.parse import urlsplit

import structlog
from sqlalchemy import insert, literal, update
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from cabinet import metrics
from cabinet.config import settings
from cabinet.domain.errors import CabinetError
from cabinet.domain.msisdn import InvalidMsisdn, format_msisdn, mask, parse_msisdn
from cabinet.locales import Language, translate
from cabinet.models.base import Choice, Instant, Json
from cabinet.models.notices import NoticeKind
from cabinet.models.sign_in import CodePurpose, OneTimeCode, PreSession, SignInEvent, SignInOutcome
from cabinet.models.subscribers import Password, Subscriber, SubscriberStatus
from cabinet.services import devices, limits, notices, outbox, passwords, pre_sessions, sessions, subscribers
from cabinet.services.pre_sessions import Browser, Words
from cabinet.services.sessions import NewSession, Principal

log = structlog.get_logger(__name__)

HOME = pre_sessions.HOME
LOGIN, PASSWORD, CODE, WELCOME, PROFILE = "/login/", "/login/password/", "/login/code/", "/welcome/", "/profile/"
AUTOPAY = "/autopay/"
CONFIRMING = (PROFILE, AUTOPAY)  # pages of the cabinet that ask for a fresh code
PAGES = (LOGIN, PASSWORD, CODE, WELCOME, *CONFIRMING)

TRIES = 5
IN_A_ROW = 100  # NIST SP 800-63B-4: no more failures in a row than that
FROZEN_FOR = timedelta(days=1)
PASSWORD_WINDOW = timedelta(minutes=15)
HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
ADDRESS_TIMES = 10  # an address over its limit is asked for letters; over ten times the limit it is refused


class TooManyCodes(CabinetError):
    message = "Слишком много запросов кода. Попробуйте через {wait} или войдите по паролю."


class CodesFrozen(CabinetError):
    message = "Слишком много неверных кодов. Войдите по паролю или попробуйте через {wait}."


class SiteIsBusy(CabinetError):
    message = "Сейчас слишком много входов. Попробуйте через минуту."


class SignInPaused(CabinetError):
    message = "Сейчас войти нельзя: у нас неполадка, мы её чиним. Попробуйте через несколько минут."


class CodeMalformed(CabinetError):
    message = "Введите 6 цифр из SMS."


class CodeWrong(CabinetError):
    message = "Код не подошёл. Проверьте последнее SMS — старые коды не действуют. {left}."


class CodeExpired(CabinetError):
    message = "Код больше не действует. Отправьте новый."


class NoTriesLeft(CabinetError):
    message = "Попытки закончились. {what_next}"


class PasswordWrong(CabinetError):
    message = "Неверный номер или пароль. Проверьте раскладку и Caps Lock. {left}."


class PasswordsFrozen(CabinetError):
    message = "Неверный номер или пароль. Вход по паролю закрыт на {wait}, войдите по коду из SMS."


class FreshCodeNeeded(CabinetError):
    message = "Сначала подтвердите кодом из SMS, что это вы."


@dataclass(frozen=True)
class SignedIn:
    """What the cookies need after a sign-in; `device_token` is "" where the device's cookie stays as it is."""

    session: NewSession
    is_remembered: bool
    device_token: str = ""


@dataclass(frozen=True)
class Step:
    """Where the browser goes next, and with which new cookies."""

    path: str
    signed_in: SignedIn | None = None


@dataclass(frozen=True)
class CodeTry:
    """A try that has been counted; only now may the code be compared."""

    code_id: int
    code: str
    scope: str
    failures: int
    page: str
    principal: Principal | None


@dataclass(frozen=True)
class PasswordTry:
    """A try that has been counted; only now may the password be compared, outside of any transaction."""

    msisdn: str
    subscriber_id: int | None
    kept_hash: str | None
    is_known_device: bool
    scope: str
    failures: int


@dataclass(frozen=True)
class Screen:
    """What the server writes into a prerendered page; `redirect` when the page is not for this browser now."""

    slots: dict[str, str] = field(default_factory=dict)
    fills: dict[str, str] = field(default_factory=dict)
    is_captcha_asked: bool = True
    resend_in: int = 0
    redirect: str = ""


# --- a code by SMS ----------------------------------------------------------------------------------------------------


def ask_code(session: Session, browser: Browser, *, number: str, captcha: str, remember: bool, now: datetime) -> Step:
    """Sends a code to the number, if it is of ours; to everybody it looks as if it was."""
    row = _fresh_row(session, browser, number, remember, now)
    try:
        msisdn = parse_msisdn(number)
    except InvalidMsisdn as error:
        return Step(pre_sessions.refuse(session, browser, row, LOGIN, "number", error))
    is_known = devices.is_known(session, browser.device, msisdn, now=now)
    if not is_known or _is_address_suspect(session, browser, now):
        wrong = pre_sessions.use_captcha(session, row, captcha, now=now)
        if wrong:
            return Step(pre_sessions.refuse(session, browser, row, LOGIN, "captcha", wrong))
    refusal = _send(session, row, browser, msisdn, CodePurpose.SIGN_IN, _scope(msisdn, browser, is_known), now)
    return Step(pre_sessions.refuse(session, browser, row, LOGIN, "", refusal) if refusal else CODE)


def resend_code(session: Session, browser: Browser, *, now: datetime) -> Step:
    """Sends a new code to the same number when the countdown is over; the older one is dead from now on."""
    row = pre_sessions.open_row(session, browser, now=now)
    current = _current_code(session, row)
    if current is None:
        return Step(LOGIN)
    pre_sessions.clear_error(row)
    is_known = devices.is_known(session, browser.device, current.msisdn, now=now)
    scope = _scope(current.msisdn, browser, is_known, current.purpose)
    refusal = _send(session, row, browser, current.msisdn, current.purpose, scope, now)
    return Step(pre_sessions.refuse(session, browser, row, CODE, "", refusal) if refusal else CODE)


def send_step_up(
    session: Session, browser: Browser, principal: Principal, *, page: str = PROFILE, now: datetime
) -> Step:
    """Sends a signed-in subscriber the fresh code that an important change asks for; `page` is one of `CONFIRMING`."""
    row = pre_sessions.open_row(session, browser, now=now)
    pre_sessions.clear_error(row)
    msisdn = subscribers.get(session, principal.subscriber_id).msisdn
    refusal = _send(session, row, browser, msisdn, CodePurpose.STEP_UP, f"{msisdn}:signed-in", now)
    return Step(pre_sessions.refuse(session, browser, row, page, "", refusal) if refusal else page)


def way_back(path: str) -> str:
    """Where the forms of a fresh code lead to: one of `CONFIRMING`, with what was typed into it."""
    page = path.partition("?")[0]
    if page not in CONFIRMING:
        return PROFILE
    return path if pre_sessions.is_local(path) else page


def count_try(
    session: Session,
    browser: Browser,
    code: str,
    *,
    principal: Principal | None = None,
    confirming: str = PROFILE,
    now: datetime,
) -> CodeTry | Step:
    """The first half of a verification: counts a try. Commit it before `finish_try` compares anything.

    With a `principal` it is the fresh code of a signed-in subscriber, given on one of the pages `CONFIRMING`, otherwise
    the code of a sign-in.
    """
    row = pre_sessions.open_row(session, browser, now=now)
    page, slot = (confirming, "code") if principal else (CODE, "code")
    current = _current_code(session, row, principal)
    if current is None:
        if principal is None and sessions.find(session, browser.sid, now=now):
            return Step(HOME)  # the form was sent twice, and the first time it was right
        return Step(pre_sessions.refuse(session, browser, row, page if principal else LOGIN, "", CodeExpired()))
    digits = unicodedata.normalize("NFKC", code).replace(" ", "").strip()
    if len(digits) != 6 or not digits.isdecimal():
        return Step(pre_sessions.refuse(session, browser, row, page, slot, CodeMalformed()))
    if current.expires_at <= now:
        metrics.when_committed(session, metrics.CODES, event="expired")
        return Step(pre_sessions.refuse(session, browser, row, page, slot, CodeExpired()))
    is_known = devices.is_known(session, browser.device, current.msisdn, now=now)
    scope = _scope(current.msisdn, browser, is_known, current.purpose)
    frozen = _frozen(session, scope, now)
    if frozen:
        metrics.when_committed(session, metrics.CODES, event="limited")
        return Step(pre_sessions.refuse(session, browser, row, page, "", frozen))
    failures = session.exec(
        update(OneTimeCode)
        .where(
            col(OneTimeCode.id) == current.id, col(OneTimeCode.failures) < TRIES, col(OneTimeCode.ended_at).is_(None)
        )
        .values(failures=col(OneTimeCode.failures) + 1)
        .returning(col(OneTimeCode.failures))
    ).first()
    if failures is None:
        return Step(pre_sessions.refuse(session, browser, row, page, slot, _no_tries_left(current, now)))
    in_an_hour = limits.hit(session, f"code-failures:{scope}", window=HOUR, now=now)
    limits.hit_in_a_row(session, f"code-failures-in-a-row:{scope}", forgotten_after=FROZEN_FOR, now=now)
    if in_an_hour.count > settings().code_failures_per_hour:
        return Step(pre_sessions.refuse(session, browser, row, page, "", CodesFrozen(wait=_wait(in_an_hour, now))))
    return CodeTry(cast(int, current.id), digits, scope, failures[0], page, principal)


def finish_try(session: Session, browser: Browser, attempt: CodeTry, *, remember: bool = False, now: datetime) -> Step:
    """The second half: compares, and uses the code up by one conditional UPDATE, so that it opens one door once."""
    row = pre_sessions.open_row(session, browser, now=now)
    code = session.get_one(OneTimeCode, attempt.code_id)
    is_right = hmac.compare_digest(
        code.code_hash, _code_hash(row, code.msisdn, code.purpose, code.created_at, attempt.code)
    )
    if not is_right or code.subscriber_id is None:
        _note_failure(session, code.msisdn, SignInOutcome.WRONG_CODE, browser, now)
        metrics.when_committed(session, metrics.CODES, event="wrong")
        left = TRIES - attempt.failures
        error: CabinetError = CodeWrong(left=_tries_left(left)) if left > 0 else _no_tries_left(code, now)
        return Step(pre_sessions.refuse(session, browser, row, attempt.page, "code", error))
    used = session.exec(
        update(OneTimeCode)
        .where(col(OneTimeCode.id) == code.id, col(OneTimeCode.ended_at).is_(None), col(OneTimeCode.expires_at) > now)
        .values(ended_at=now)
        .returning(col(OneTimeCode.id))
    ).first()
    subscriber = subscribers.find_active_by_msisdn(session, code.msisdn)
    if used is None or subscriber is None or subscriber.id != code.subscriber_id:
        metrics.when_committed(session, metrics.CODES, event="expired")
        return Step(pre_sessions.refuse(session, browser, row, attempt.page, "code", CodeExpired()))
    metrics.when_committed(session, metrics.CODES, event="verified")
    limits.forget(session, f"code-failures:{attempt.scope}", f"code-failures-in-a-row:{attempt.scope}")
    if attempt.principal is not None:
        pre_sessions.clear_error(row)
        confirmed = sessions.confirm(session, attempt.principal.session_id, now=now)
        return Step(attempt.page, SignedIn(confirmed, attempt.principal.is_remembered))
    outcome = SignInOutcome.BY_CODE if code.purpose is CodePurpose.SIGN_IN else SignInOutcome.BY_PASSWORD
    return _sign_in(session, row, browser, subscriber, outcome, is_remembered=row.remember or remember, now=now)


# --- a password -------------------------------------------------------------------------------------------------------


def begin_password(
    session: Session, browser: Browser, *, number: str, captcha: str, remember: bool, now: datetime
) -> PasswordTry | Step:
    """The first half of a sign-in by password: counts a try. Commit it, then compare outside of any transaction."""
    row = _fresh_row(session, browser, number, remember, now)
    try:
        msisdn = parse_msisdn(number)
    except InvalidMsisdn as error:
        return Step(pre_sessions.refuse(session, browser, row, PASSWORD, "number", error))
    is_known = devices.is_known(session, browser.device, msisdn, now=now)
    scope = _scope(msisdn, browser, is_known)
    if _needs_captcha_for_password(session, browser, scope, now):
        wrong = pre_sessions.use_captcha(session, row, captcha, now=now)
        if wrong:
            return Step(pre_sessions.refuse(session, browser, row, PASSWORD, "captcha", wrong))
    tries = limits.hit(session, f"passwords:{scope}", window=PASSWORD_WINDOW, now=now)
    by_address = limits.hit(session, f"attempts-of:{limits.network(browser.address)}", window=HOUR, now=now)
    by_site = limits.hit(session, "passwords-of-site", window=MINUTE, now=now)
    for count, allowed in ((tries, settings().password_tries), (by_address, _address_limit())):
        if count.count > allowed:
            return Step(
                pre_sessions.refuse(session, browser, row, PASSWORD, "", PasswordsFrozen(wait=_wait(count, now)))
            )
    if by_site.count > settings().codes_per_site_minute:
        log.error("limit of the whole site reached", limit="passwords")
        return Step(pre_sessions.refuse(session, browser, row, PASSWORD, "", SiteIsBusy()))
    subscriber = subscribers.find_active_by_msisdn(session, msisdn)
    subscriber_id = subscriber.id if subscriber else None
    password = session.exec(select(Password).where(Password.subscriber_id == (subscriber_id or 0))).first()
    session.exec(
        update(Password)
        .where(col(Password.subscriber_id) == (subscriber_id or 0))
        .values(failures=col(Password.failures) + 1)
    )
    # A password that was guessed at a hundred times in a row is right only where its owner has signed in before.
    is_usable = password is not None and (is_known or password.failures < IN_A_ROW)
    return PasswordTry(
        msisdn, subscriber_id, password.hash if password and is_usable else None, is_known, scope, tries.count
    )


def finish_password(session: Session, browser: Browser, attempt: PasswordTry, *, is_right: bool, now: datetime) -> Step:
    """The second half: a known device is in, an unknown one has to give a code too."""
    row = pre_sessions.open_row(session, browser, now=now)
    subscriber = subscribers.find_active_by_msisdn(session, attempt.msisdn)
    if not is_right or subscriber is None or subscriber.id != attempt.subscriber_id:
        _note_failure(session, attempt.msisdn, SignInOutcome.WRONG_PASSWORD, browser, now)
        left = settings().password_tries - attempt.failures
        if left > 0:
            return Step(pre_sessions.refuse(session, browser, row, PASSWORD, "", PasswordWrong(left=_tries_left(left))))
        window = limits.look(session, f"passwords:{attempt.scope}", window=PASSWORD_WINDOW, now=now)
        return Step(pre_sessions.refuse(session, browser, row, PASSWORD, "", PasswordsFrozen(wait=_wait(window, now))))
    limits.forget(session, f"passwords:{attempt.scope}")
    session.exec(update(Password).where(col(Password.subscriber_id) == subscriber.id).values(failures=0))
    if attempt.is_known_device:
        return _sign_in(
            session, row, browser, subscriber, SignInOutcome.BY_PASSWORD, is_remembered=row.remember, now=now
        )
    scope = _scope(attempt.msisdn, browser, False, CodePurpose.NEW_DEVICE)
    refusal = _send(session, row, browser, attempt.msisdn, CodePurpose.NEW_DEVICE, scope, now)
    return Step(pre_sessions.refuse(session, browser, row, PASSWORD, "", refusal) if refusal else CODE)


def another_picture(session: Session, browser: Browser, page: str, *, number: str, now: datetime) -> Step:
    """Other letters; what was typed as a number stays."""
    row = _fresh_row(session, browser, number, False, now)
    pre_sessions.drop_captcha(session, row, now=now)
    return Step(page)


def refuse(
    session: Session, browser: Browser, page: str, error: CabinetError, *, field: str = "", now: datetime
) -> Step:
    """Says on the page, beside the field where there is one, why what was asked is not done."""
    row = pre_sessions.open_row(session, browser, now=now)
    return Step(pre_sessions.refuse(session, browser, row, page, field, error))


def leave_welcome(session: Session, browser: Browser, *, now: datetime) -> Step:
    """The offer is answered: on to where the subscriber wanted to go."""
    row = pre_sessions.find_row(session, browser, now=now)
    if row is None:
        return Step(HOME)
    path, row.next_path = row.next_path, HOME
    pre_sessions.clear_error(row)
    session.add(row)
    session.flush()
    return Step(path)


def leave_changed(session: Session, browser: Browser, done: str, *, now: datetime) -> Step:
    """The profile says what was done, and no longer what was wrong before."""
    row = pre_sessions.find_row(session, browser, now=now)
    if row is not None:
        pre_sessions.clear_error(row)
        session.add(row)
        session.flush()
    return Step(f"{PROFILE}?done={done}")


def sign_out_everywhere(
    session: Session, browser: Browser, principal: Principal, *, stays: bool, now: datetime
) -> list[int]:
    """Ends all sessions of the subscriber and forgets his devices, but for this browser's device (and its session,
    when it `stays`). Returns which sessions, so that their sockets can be closed.
    """
    devices.forget_all(session, principal.subscriber_id, except_token=browser.device)
    kept = principal.session_id if stays else None
    return sessions.end_all(session, principal.subscriber_id, except_session_id=kept, now=now)


# --- what the pages show ----------------------------------------------------------------------------------------------


def get_screen(session: Session, browser: Browser, page: str, *, is_ended: bool = False, now: datetime) -> Screen:
    """What this page shows to this browser; only reads. `is_ended`: it comes from a page whose session has ended."""
    principal = sessions.find(session, browser.sid, now=now)
    if page in (LOGIN, PASSWORD, CODE) and principal:
        return Screen(redirect=HOME)
    if page in (WELCOME, *CONFIRMING) and principal is None:
        return Screen(redirect=f"{LOGIN}?next={page}" if page in CONFIRMING else LOGIN)
    row = pre_sessions.find_row(session, browser, now=now)
    slots = pre_sessions.error_on(row, page)
    if principal:
        current = _current_code(session, row, principal) if row else None
        number = subscribers.get(session, principal.subscriber_id).msisdn
        return Screen(
            slots | _countdown(current, now),
            {"number": f"+{number}"},
            False,
            resend_in=_seconds_to_resend(current, now),
        )
    if page == CODE:
        current = _current_code(session, row) if row else None
        if current is None:
            return Screen(redirect=LOGIN)
        shown = format_msisdn(current.msisdn)
        slots |= {"sent_to": shown, "tail": shown[-5:]} | _countdown(current, now)
        return Screen(slots, {}, False, resend_in=_seconds_to_resend(current, now))
    if page == LOGIN and not slots and (is_ended or browser.sid):  # the cookie of a session that is no more
        slots["ended"] = translate("Сеанс закончился. Войдите снова.", browser.language)
    typed = row.typed_number if row else ""
    return Screen(slots, {"number": typed}, _is_captcha_shown(session, browser, page, typed, now))


def _is_captcha_shown(session: Session, browser: Browser, page: str, typed: str, now: datetime) -> bool:
    try:
        msisdn = parse_msisdn(typed)
    except InvalidMsisdn:
        msisdn = ""
    if page == PASSWORD:
        is_known = devices.is_known(session, browser.device, msisdn, now=now)
        return bool(msisdn) and _needs_captcha_for_password(session, browser, _scope(msisdn, browser, is_known), now)
    if _is_address_suspect(session, browser, now):
        return True
    if msisdn:
        return not devices.is_known(session, browser.device, msisdn, now=now)
    return not devices.is_known_to_anyone(session, browser.device, now=now)


def _countdown(current: OneTimeCode | None, now: datetime) -> dict[str, str]:
    seconds = _seconds_to_resend(current, now)
    return {"resend_in": f"{seconds // 60}:{seconds % 60:02}"} if seconds else {}


def _seconds_to_resend(current: OneTimeCode | None, now: datetime) -> int:
    if current is None or current.resend_at <= now:
        return 0
    return -(-int((current.resend_at - now) / timedelta(milliseconds=1)) // 1000)


# --- inside -----------------------------------------------------------------------------------------------------------


def _fresh_row(session: Session, browser: Browser, number: str, remember: bool, now: datetime) -> PreSession:
    row = pre_sessions.open_row(session, browser, now=now)
    row.typed_number, row.remember = pre_sessions.typed(number), remember
    pre_sessions.clear_error(row)
    session.add(row)
    session.flush()
    return row


def _scope(msisdn: str, browser: Browser, is_known_device: bool, purpose: CodePurpose = CodePurpose.SIGN_IN) -> str:
    """Whose attempts are counted together. What strangers do must not close the door that only the owner can use:
    a device known to the subscriber, a password already given, a session already open.
    """
    if purpose is CodePurpose.STEP_UP:
        return f"{msisdn}:signed-in"
    if is_known_device:
        return f"{msisdn}:{sessions.token_hash(browser.device)[:16]}"
    return f"{msisdn}:by-password" if purpose is CodePurpose.NEW_DEVICE else msisdn


def _current_code(session: Session, row: PreSession, principal: Principal | None = None) -> OneTimeCode | None:
    """The code that this browser waits for: of the number typed last, or of the signed-in subscriber."""
    query = (
        select(OneTimeCode)
        .where(OneTimeCode.pre_session_id == row.id, col(OneTimeCode.ended_at).is_(None))
        .order_by(col(OneTimeCode.id).desc())
    )
    if principal is not None:
        query = query.where(
            OneTimeCode.purpose == CodePurpose.STEP_UP, OneTimeCode.subscriber_id == principal.subscriber_id
        )
        return session.exec(query).first()
    try:
        msisdn = parse_msisdn(row.typed_number)
    except InvalidMsisdn:
        return None
    return session.exec(
        query.where(
            OneTimeCode.msisdn == msisdn, col(OneTimeCode.purpose).in_([CodePurpose.SIGN_IN, CodePurpose.NEW_DEVICE])
        )
    ).first()


def _send(
    session: Session, row: PreSession, browser: Browser, msisdn: str, purpose: CodePurpose, scope: str, now: datetime
) -> CabinetError | None:
    """Makes a code and its SMS, unless the last one is too fresh (then nothing happens) or a limit is reached."""
    last = session.exec(
        select(OneTimeCode)
        .where(
            OneTimeCode.pre_session_id == row.id,
            OneTimeCode.msisdn == msisdn,
            OneTimeCode.purpose == purpose,
            col(OneTimeCode.ended_at).is_(None),
        )
        .order_by(col(OneTimeCode.id).desc())
    ).first()
    if last is not None and now < last.resend_at:
        return None
    refusal = _refusal_to_send(session, browser, scope, now)
    if refusal:
        metrics.when_committed(session, metrics.CODES, event="limited")
        return refusal
    session.exec(
        update(OneTimeCode)
        .where(
            col(OneTimeCode.pre_session_id) == row.id,
            col(OneTimeCode.msisdn) == msisdn,
            col(OneTimeCode.ended_at).is_(None),
        )
        .values(ended_at=now)
    )
    subscriber = subscribers.find_active_by_msisdn(session, msisdn)
    code = f"{secrets.randbelow(10**6):06}"
    sending = last.sending + 1 if last else 1
    pauses = settings().resend_pauses
    made = OneTimeCode(
        pre_session_id=cast(int, row.id),
        purpose=purpose,
        msisdn=msisdn,
        subscriber_id=subscriber.id if subscriber else None,
        code_hash=_code_hash(row, msisdn, purpose, now, code),
        sending=sending,
        created_at=now,
        expires_at=now + timedelta(minutes=settings().code_minutes),
        resend_at=now + timedelta(seconds=pauses[min(sending, len(pauses)) - 1]),
    )
    session.add(made)
    session.flush()
    outbox.queue_sms(
        session,
        # Not by its id: that of a deleted code is given out again, and the message is kept for longer than the code.
        reference=f"code:{made.code_hash[:32]}",
        kind="code",
        recipient=msisdn,
        body=code_sms(code, is_step_up=purpose is CodePurpose.STEP_UP, language=browser.language),
        expires_at=made.expires_at,
        is_withheld=subscriber is None,
        now=now,
    )
    metrics.when_committed(session, metrics.CODES, event="sent" if subscriber else "withheld")
    return None


def _refusal_to_send(session: Session, browser: Browser, scope: str, now: datetime) -> CabinetError | None:
    frozen = _frozen(session, scope, now)
    if frozen:
        return frozen
    by_address = limits.hit(session, f"attempts-of:{limits.network(browser.address)}", window=HOUR, now=now)
    if by_address.count > _address_limit():
        return TooManyCodes(wait=_wait(by_address, now))
    for name, window, allowed in (
        ("codes-in-hour", HOUR, settings().codes_per_hour),
        ("codes-in-day", DAY, settings().codes_per_day),
    ):
        sent = limits.hit(session, f"{name}:{scope}", window=window, now=now)
        if sent.count > allowed:
            return TooManyCodes(wait=_wait(sent, now))
    if limits.hit(session, "codes-of-site", window=MINUTE, now=now).count > settings().codes_per_site_minute:
        log.error("limit of the whole site reached", limit="codes")
        return SiteIsBusy()
    return None


def _frozen(session: Session, scope: str, now: datetime) -> CodesFrozen | None:
    in_an_hour = limits.look(session, f"code-failures:{scope}", window=HOUR, now=now)
    if in_an_hour.count >= settings().code_failures_per_hour:
        return CodesFrozen(wait=_wait(in_an_hour, now))
    if limits.look_in_a_row(session, f"code-failures-in-a-row:{scope}", now=now) >= IN_A_ROW:
        return CodesFrozen(wait=Words("сутки", "a day"))
    return None


def _is_address_suspect(session: Session, browser: Browser, now: datetime) -> bool:
    """Subscribers of a mobile operator share addresses: a busy one is asked for letters, not shut out."""
    seen = limits.look(session, f"attempts-of:{limits.network(browser.address)}", window=HOUR, now=now)
    return seen.count >= settings().codes_per_address_hour


def _address_limit() -> int:
    return settings().codes_per_address_hour * ADDRESS_TIMES


def _needs_captcha_for_password(session: Session, browser: Browser, scope: str, now: datetime) -> bool:
    failures = limits.look(session, f"passwords:{scope}", window=PASSWORD_WINDOW, now=now)
    return failures.count >= settings().passwords_before_captcha or _is_address_suspect(session, browser, now)


def _code_hash(row: PreSession, msisdn: str, purpose: CodePurpose, created_at: datetime, code: str) -> str:
    """Keyed, over everything that the code is bound to: this browser, this sending, this number, this purpose."""
    bound = f"code:{row.token_hash}:{created_at.timestamp():.6f}:{msisdn}:{purpose.value}:{code}"
    return hmac.new(settings().secret_key.encode(), bound.encode(), hashlib.sha256).hexdigest()


def code_sms(code: str, *, is_step_up: bool = False, language: Language = "ru") -> str:
    """The text of the SMS, one message long; by its last line browsers fill the code in on our own host only."""
    last_line = f"@{urlsplit(settings().public_url).hostname} #{code}"
    what = translate("подтверждение" if is_step_up else "вход", language)
    texts = (
        "{code} — код: {what}, {brand}. Никому его не говорите",
        "{code} — код: {what}. Никому не говорите",
        "{code} — код: {what}",
        "Код {code}",
    )
    said = [translate(text, language, code=code, what=what, brand=settings().brand_name) for text in texts]
    return f"{outbox.fit_sms(said, outbox.SMS_LENGTH - 1 - len(last_line))}\n{last_line}"


def _sign_in(
    session: Session,
    row: PreSession,
    browser: Browser,
    subscriber: Subscriber,
    outcome: SignInOutcome,
    *,
    is_remembered: bool,
    now: datetime,
) -> Step:
    """Opens a new session; whoever was signed in in this browser before is not any more."""
    subscriber_id = cast(int, subscriber.id)
    sessions.sign_out(session, browser.sid, now=now)
    opened = sessions.create(
        session, subscriber_id, is_remembered=is_remembered, device=browser.label, address=browser.address, now=now
    )
    is_new_device = not devices.is_known(session, browser.device, subscriber.msisdn, now=now)
    device_token = devices.remember(session, browser.device, subscriber, label=browser.label, now=now)
    event_id = sessions.add_event(
        session, subscriber_id, outcome, device=browser.label, address=browser.address, now=now
    )
    if is_new_device:
        facts = {"device": browser.label, "address": browser.address}
        event = notices.Event(subscriber_id, NoticeKind.SIGN_IN, f"sign-in:{event_id}", now, facts)
        notices.tell(session, [event], now=now)
    session.exec(update(Password).where(col(Password.subscriber_id) == subscriber_id).values(failures=0))
    is_offered = subscriber.password_offered_at is None and not passwords.has_password(session, subscriber_id)
    if is_offered:
        subscriber.password_offered_at = now
        session.add(subscriber)
    path = WELCOME if is_offered else row.next_path
    row.typed_number, row.remember = "", False
    if not is_offered:
        row.next_path = HOME
    pre_sessions.clear_error(row)
    session.add(row)
    session.flush()
    log.info("signed in", number=mask(subscriber.msisdn), outcome=outcome.value)
    return Step(path, SignedIn(opened, is_remembered, device_token))


def _note_failure(session: Session, msisdn: str, outcome: SignInOutcome, browser: Browser, now: datetime) -> None:
    """A line in the history of whoever has this number: one statement, also where there is nobody."""
    metrics.when_committed(session, metrics.SIGN_INS, outcome=outcome.value)
    line = select_columns(
        col(Subscriber.id),
        literal(outcome, Choice(SignInOutcome)),
        literal(browser.label),
        literal(browser.address),
        literal({}, Json),
        literal(now, Instant),
    ).where(col(Subscriber.msisdn) == msisdn, col(Subscriber.status) == SubscriberStatus.ACTIVE)
    columns = ["subscriber_id", "outcome", "device", "address", "details", "happened_at"]
    session.execute(insert(SignInEvent).from_select(columns, line))


def _no_tries_left(code: OneTimeCode, now: datetime) -> NoTriesLeft:
    seconds = _seconds_to_resend(code, now)
    if not seconds:
        return NoTriesLeft(what_next=Words("Отправьте новый код.", "Send a new one."))
    wait = _minutes(-(-seconds // 60))
    return NoTriesLeft(
        what_next=Words(f"Новый код можно получить через {wait.ru}.", f"You can get a new code in {wait.en}.")
    )


def _tries_left(left: int) -> Words:
    verb = "Осталась" if _form(left) == 0 else "Осталось"
    tries = ("попытка", "попытки", "попыток")[_form(left)]
    return Words(f"{verb} {left} {tries}", f"{left} {_english(left, 'attempt')} left")


def _wait(count: limits.Count, now: datetime) -> Words:
    return _minutes(count.minutes_left(now))


def _minutes(minutes: int) -> Words:
    if minutes > 90:
        hours = -(-minutes // 60)
        return Words(f"{hours} {('час', 'часа', 'часов')[_form(hours)]}", f"{hours} {_english(hours, 'hour')}")
    form = ("минуту", "минуты", "минут")[_form(minutes)]
    return Words(f"{minutes} {form}", f"{minutes} {_english(minutes, 'minute')}")


def _english(number: int, word: str) -> str:
    return word if number == 1 else f"{word}s"


def _form(number: int) -> int:
    """Which of the three Russian forms: 1 минута, 2 минуты, 5 минут."""
    if number % 100 in range(11, 15):
        return 2
    return {1: 0, 2: 1, 3: 1, 4: 1}.get(number % 10, 2)
