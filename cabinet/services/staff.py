"""The operator's staff: signing in with a password and a code of their own, sessions, and the record of what they did.

Staff and subscribers have sessions of two kinds in two cookies: neither opens the other's doors. Of a sign-in that
failed nobody learns what was wrong, nor whether there is such a login: the same rows are read and written for all.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, cast

import pyotp
import structlog
from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import ColumnElement, and_, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from cabinet import metrics
from cabinet.config import settings
from cabinet.domain.errors import CabinetError, NotFound
from cabinet.domain.msisdn import parse_msisdn
from cabinet.domain.staff import PERMISSIONS, Permission, Role
from cabinet.locales import translate
from cabinet.models.staff import StaffAction, StaffMember, StaffSession
from cabinet.services import limits, pre_sessions
from cabinet.services.pre_sessions import Browser
from cabinet.services.sessions import TOUCH_EVERY, NewSession, new_token, token_hash
from cabinet.services.sign_in import Screen

log = structlog.get_logger(__name__)

LOGIN = "/staff/login/"
HOMES = (
    (Permission.TICKETS, "/staff/"),
    (Permission.SUBSCRIBERS, "/staff/subscribers/"),
    (Permission.OFFERS, "/staff/offers/"),
    (Permission.STAFF, "/staff/members/"),
)
"""Where the day begins: the first of these that somebody may open."""

LOGIN_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-_")
TRIES_WINDOW = timedelta(minutes=15)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TRIES_OF_ADDRESS = 60  # an hour: an office shares an address
WRONG_CODES = 20  # in a row after the right password: then no code is right until the next day
STEP_SECONDS = 30
STEPS_AROUND = 1  # the clock of a telephone may be half a minute off
STEPS_AROUND_IN_DEMO = 20  # automatic tests sign in one after another, and no code works twice

# For logins that do not exist, so that there is the same work to do; another one in each process.
_NOBODYS_SECRET = pyotp.random_base32()


class SignInRefused(CabinetError):
    message = "Логин, пароль или код не подошли. Код действует один раз: если его уже вводили, дождитесь следующего."


class TooManyTries(CabinetError):
    message = "Слишком много попыток. Подождите 15 минут и попробуйте снова."


class LoginTaken(CabinetError):
    message = "Сотрудник с логином {login} уже есть."


class LoginMalformed(CabinetError):
    message = "Логин — от 3 до 32 знаков: латинские буквы, цифры, точка, дефис, подчёркивание."


class OwnAccess(CabinetError):
    message = "Себе доступ закрыть нельзя: это сделает другой администратор."


class NameMissing(CabinetError):
    message = "Напишите имя, до 100 знаков: его видят абоненты."


@dataclass(frozen=True)
class StaffPrincipal:
    """Who of the staff is asking."""

    session_id: int
    staff_id: int
    login: str
    name: str
    role: Role
    last_seen_at: datetime

    def may(self, permission: Permission | None) -> bool:
        """Whether their role allows it; None: whatever any member may do."""
        return permission is None or permission in PERMISSIONS[self.role]


@dataclass(frozen=True)
class Attempt:
    """A try that has been counted; only now may the password be compared, outside of any transaction."""

    login: str
    staff_id: int | None
    kept_hash: str | None
    scope: str


@dataclass(frozen=True)
class Step:
    """Where the browser goes next; with a `token` somebody has signed in."""

    path: str
    token: str = ""


@dataclass(frozen=True)
class Member:
    """A line of the list of the staff."""

    staff_id: int
    login: str
    name: str
    role: Role
    msisdn: str
    is_active: bool
    created_at: datetime


@dataclass(frozen=True)
class Hired:
    """A new member, or an old one with a new key; `secret` is told once and never again."""

    staff_id: int
    login: str
    secret: str

    @property
    def uri(self) -> str:
        """What an authenticator's QR code holds."""
        return pyotp.TOTP(self.secret).provisioning_uri(name=self.login, issuer_name=settings().brand_name)


# --- signing in -------------------------------------------------------------------------------------------------------


def begin_sign_in(session: Session, browser: Browser, *, login: str, now: datetime) -> Attempt | Step:
    """The first half: counts a try. Commit it, then compare the password outside of any transaction."""
    row = pre_sessions.open_row(session, browser, now=now)
    row.typed_login = pre_sessions.typed(login)
    pre_sessions.clear_error(row)
    login = row.typed_login.casefold()
    address = limits.network(browser.address)
    scope = f"staff:{login}:{address}"
    tries = limits.hit(session, scope, window=TRIES_WINDOW, now=now)
    of_address = limits.hit(session, f"staff-of:{address}", window=HOUR, now=now)
    if tries.count > settings().password_tries or of_address.count > TRIES_OF_ADDRESS:
        return Step(pre_sessions.refuse(session, browser, row, LOGIN, "", TooManyTries()))
    member = session.exec(
        select(StaffMember).where(StaffMember.login == login, col(StaffMember.is_active), _is_not_a_demo())
    ).first()
    return Attempt(login, member.id if member else None, member.password_hash if member else None, scope)


def finish_sign_in(
    session: Session, browser: Browser, attempt: Attempt, *, is_right: bool, code: str, staff_token: str, now: datetime
) -> Step:
    """The second half: `is_right` says whether the password was; the code is used up by one conditional UPDATE.

    `staff_token` is the cookie of whoever was signed in in this browser before: that session ends.
    """
    row = pre_sessions.open_row(session, browser, now=now)
    member = session.exec(select(StaffMember).where(StaffMember.id == (attempt.staff_id or 0))).first()
    step = _step_of(member, code, now)
    wrong_codes = f"staff-codes:{attempt.staff_id or 0}"
    is_worn_out = limits.look_in_a_row(session, wrong_codes, now=now) >= WRONG_CODES
    used = session.exec(
        update(StaffMember)
        .where(
            col(StaffMember.id) == (attempt.staff_id if is_right and not is_worn_out else 0),
            col(StaffMember.is_active),
            col(StaffMember.totp_last_step) < step,
        )
        .values(totp_last_step=step)
        .returning(col(StaffMember.id))
    ).first()
    if used is None or member is None:
        if is_right and not is_worn_out:
            limits.hit_in_a_row(session, wrong_codes, forgotten_after=DAY, now=now)
        metrics.when_committed(session, metrics.SIGN_INS, outcome="staff_refused")
        log.warning("a sign-in of the staff was refused", login=attempt.login)
        return Step(pre_sessions.refuse(session, browser, row, LOGIN, "", SignInRefused()))
    limits.forget(session, attempt.scope, wrong_codes)
    sign_out(session, staff_token, now=now)
    staff_id = cast(int, member.id)
    opened = _open_session(session, staff_id, browser, now)
    record(session, staff_id, "signed_in", facts={"device": browser.label, "address": browser.address}, now=now)
    next_path = row.next_path if row.next_path.startswith(HOMES[0][1]) else home_of(member.role)
    row.typed_login, row.next_path = "", pre_sessions.HOME
    pre_sessions.clear_error(row)
    session.add(row)
    session.flush()
    metrics.when_committed(session, metrics.SIGN_INS, outcome="staff")
    log.info("a member of the staff signed in", login=member.login)
    return Step(next_path, opened.token)


def home_of(role: Role) -> str:
    """The page on which somebody's day begins."""
    return next(path for permission, path in HOMES if permission in PERMISSIONS[role])


def get_screen(
    session: Session, browser: Browser, staff_token: str, *, is_ended: bool = False, now: datetime
) -> Screen:
    """What the sign-in page of the staff shows to this browser; only reads. `is_ended`: it comes from a page whose
    session has ended."""
    principal = find(session, staff_token, now=now)
    if principal:
        return Screen(redirect=home_of(principal.role))
    row = pre_sessions.find_row(session, browser, now=now)
    codes = demo_codes(session, now=now)
    slots = pre_sessions.error_on(row, LOGIN) | {f"code_{login}": code for login, code in codes.items()}
    if "error" not in slots and is_ended:
        slots["ended"] = translate("Сеанс закончился. Войдите снова.", browser.language)
    return Screen(slots, {"login": row.typed_login if row else ""})


def _step_of(member: StaffMember | None, code: str, now: datetime) -> int:
    """The half minute that this code belongs to; -1 when it belongs to none near."""
    generator = pyotp.HOTP(_unsealed(member.totp_secret) if member else _NOBODYS_SECRET)
    around = STEPS_AROUND_IN_DEMO if member and member.is_demo else STEPS_AROUND
    found = -1
    for step in range(_step_at(now) - around, _step_at(now) + around + 1):
        if hmac.compare_digest(generator.at(step).encode(), "".join(code.split()).encode()):
            found = step
    return found


def _step_at(now: datetime) -> int:
    return int(now.timestamp()) // STEP_SECONDS


def _is_not_a_demo() -> ColumnElement[bool]:
    return col(StaffMember.is_demo).is_(False) if not settings().is_demo else col(StaffMember.id).is_not(None)


# --- sessions ---------------------------------------------------------------------------------------------------------


def find(session: Session, token: str, *, now: datetime) -> StaffPrincipal | None:
    """Whose session a cookie's token opens, or None. Only reads: `touch` says that it was used."""
    return find_by_hash(session, token_hash(token), now=now) if token else None


def find_by_hash(session: Session, hashed: str, *, now: datetime) -> StaffPrincipal | None:
    """The same for those who hold only `sessions.token_hash(token)`."""
    found = session.exec(
        select(StaffSession, StaffMember)
        .join(StaffMember, col(StaffMember.id) == StaffSession.staff_id)
        .where(StaffSession.token_hash == hashed, col(StaffMember.is_active), _is_not_a_demo(), _is_alive(now))
    ).first()
    if found is None:
        return None
    row, member = found
    return StaffPrincipal(
        cast(int, row.id), row.staff_id, member.login, member.name, member.role, last_seen_at=row.last_seen_at
    )


def is_touch_due(principal: StaffPrincipal, *, now: datetime) -> bool:
    """Whether `touch` would write: lets the caller spare a writing transaction."""
    return now - principal.last_seen_at >= TOUCH_EVERY


def touch(session: Session, session_id: int, *, now: datetime) -> None:
    """Says that the session is in use; writes at most once a minute."""
    session.exec(
        update(StaffSession)
        .where(col(StaffSession.id) == session_id, col(StaffSession.last_seen_at) <= now - TOUCH_EVERY)
        .values(last_seen_at=now)
    )


def sign_out(session: Session, token: str, *, now: datetime) -> None:
    """Ends the session of this cookie, if there is one."""
    if token:
        session.exec(
            update(StaffSession)
            .where(col(StaffSession.token_hash) == token_hash(token), col(StaffSession.revoked_at).is_(None))
            .values(revoked_at=now)
        )


def _open_session(session: Session, staff_id: int, browser: Browser, now: datetime) -> NewSession:
    token = new_token()
    row = StaffSession(
        token_hash=token_hash(token),
        staff_id=staff_id,
        device=browser.label,
        address=browser.address,
        created_at=now,
        last_seen_at=now,
        expires_at=now + timedelta(hours=settings().staff_session_hours),
    )
    session.add(row)
    session.flush()
    return NewSession(token, cast(int, row.id), row.expires_at)


def _end_all(session: Session, staff_id: int, now: datetime) -> list[int]:
    return list(
        session.exec(
            update(StaffSession)
            .where(col(StaffSession.staff_id) == staff_id, col(StaffSession.revoked_at).is_(None))
            .values(revoked_at=now)
            .returning(col(StaffSession.id))
        ).scalars()
    )


def _is_alive(now: datetime) -> ColumnElement[bool]:
    return and_(
        col(StaffSession.revoked_at).is_(None),
        col(StaffSession.expires_at) > now,
        col(StaffSession.last_seen_at) > now - timedelta(minutes=settings().staff_idle_minutes),
    )


# --- who did what -----------------------------------------------------------------------------------------------------


def record(
    session: Session,
    staff_id: int,
    kind: str,
    *,
    subscriber_id: int | None = None,
    reason: str = "",
    facts: dict[str, Any] | None = None,
    now: datetime,
) -> int:
    """Writes down what a member of the staff did, in the transaction of what was done; returns the id.

    With a subscriber it stands in their profile, with the member's name and the reason.
    """
    action = StaffAction(
        staff_id=staff_id,
        kind=kind,
        subscriber_id=subscriber_id,
        reason=reason,
        facts=facts or {},
        happened_at=now,
    )
    session.add(action)
    session.flush()
    return cast(int, action.id)


# --- members ----------------------------------------------------------------------------------------------------------


def add_member(
    session: Session,
    *,
    login: str,
    name: str,
    role: Role,
    password_hash: str,
    msisdn: str = "",
    is_demo: bool = False,
    now: datetime,
) -> Hired:
    """Hires somebody. `password_hash` comes from `passwords.check_and_hash`; `msisdn` is their own number, if any.

    Raises:
        LoginMalformed, NameMissing, LoginTaken, InvalidMsisdn
    """
    login, name = login.strip().casefold(), " ".join(name.split())
    if not 3 <= len(login) <= 32 or not LOGIN_LETTERS.issuperset(login):
        raise LoginMalformed
    if not name or len(name) > 100:
        raise NameMissing
    secret = pyotp.random_base32()
    member = StaffMember(
        login=login,
        name=name,
        role=role,
        msisdn=parse_msisdn(msisdn) if msisdn else "",
        password_hash=password_hash,
        totp_secret=_sealed(secret),
        is_demo=is_demo,
        created_at=now,
    )
    try:
        with session.begin_nested():
            session.add(member)
    except IntegrityError:
        raise LoginTaken(login=login) from None
    return Hired(cast(int, member.id), login, secret)


def list_members(session: Session) -> list[Member]:
    """Everybody who was ever hired, who is still there first."""
    rows = session.exec(select(StaffMember).order_by(col(StaffMember.is_active).desc(), col(StaffMember.login)))
    return [
        Member(cast(int, row.id), row.login, row.name, row.role, row.msisdn, row.is_active, row.created_at)
        for row in rows
    ]


def disable(session: Session, login: str, *, now: datetime) -> list[int]:
    """Dismisses a member: no sign-in, every session ends. Returns which, so that their sockets can be closed.

    Raises:
        NotFound: there is no such login.
    """
    member = _by_login(session, login)
    member.is_active = False
    session.add(member)
    session.flush()
    return _end_all(session, cast(int, member.id), now)


def set_active(session: Session, staff_id: int, member_id: int, *, is_active: bool, now: datetime) -> list[int]:
    """An administrator dismisses a member or takes one back; returns the sessions that ended, as `disable`.

    Raises:
        NotFound: there is no such member.
        OwnAccess: nobody dismisses themselves, so that an administrator is always left.
    """
    if member_id == staff_id:
        raise OwnAccess
    member = session.get(StaffMember, member_id)
    if member is None:
        raise NotFound
    member.is_active = is_active
    session.add(member)
    session.flush()
    kind = "member_taken_back" if is_active else "member_dismissed"
    record(session, staff_id, kind, facts={"login": member.login}, now=now)
    return [] if is_active else _end_all(session, member_id, now)


def enable(session: Session, login: str) -> None:
    """Takes a dismissed member back, with the password and the key they had.

    Raises:
        NotFound: there is no such login.
    """
    member = _by_login(session, login)
    member.is_active = True
    session.add(member)
    session.flush()


def reset_totp(session: Session, login: str, *, now: datetime) -> Hired:
    """A new key for codes, after a lost telephone; codes of the old one open nothing, sessions end.

    Raises:
        NotFound: there is no such login.
    """
    member, secret = _by_login(session, login), pyotp.random_base32()
    member.totp_secret, member.totp_last_step = _sealed(secret), 0
    session.add(member)
    session.flush()
    staff_id = cast(int, member.id)
    limits.forget(session, f"staff-codes:{staff_id}")
    _end_all(session, staff_id, now)
    return Hired(staff_id, member.login, secret)


def set_password(session: Session, login: str, kept_hash: str, *, now: datetime) -> list[int]:
    """Another password; `kept_hash` as in `add_member`. Every session ends: returns which.

    Raises:
        NotFound: there is no such login.
    """
    member = _by_login(session, login)
    member.password_hash = kept_hash
    session.add(member)
    session.flush()
    return _end_all(session, cast(int, member.id), now)


def demo_codes(session: Session, *, now: datetime) -> dict[str, str]:
    """Login → the code that opens now, of the demo's members; nobody outside the demo."""
    if not settings().is_demo:
        return {}
    rows = session.exec(
        select(StaffMember).where(col(StaffMember.is_demo), col(StaffMember.is_active)).order_by(col(StaffMember.id))
    )
    return {
        row.login: pyotp.HOTP(_unsealed(row.totp_secret)).at(max(_step_at(now), row.totp_last_step + 1)) for row in rows
    }


def list_demo_logins(session: Session) -> list[str]:
    """Members of the demo who could still sign in: production refuses to start with any."""
    rows = session.exec(select(StaffMember.login).where(col(StaffMember.is_demo), col(StaffMember.is_active)))
    return sorted(rows)


def _by_login(session: Session, login: str) -> StaffMember:
    member = session.exec(select(StaffMember).where(StaffMember.login == login.strip().casefold())).first()
    if member is None:
        raise NotFound
    return member


# --- keys for codes ---------------------------------------------------------------------------------------------------


@lru_cache
def _cipher(secret_key: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hmac.digest(secret_key.encode(), b"staff-totp", hashlib.sha256)))


def _sealed(secret: str) -> str:
    return _cipher(settings().secret_key).encrypt(secret.encode()).decode()


def _unsealed(sealed: str) -> str:
    try:
        return _cipher(settings().secret_key).decrypt(sealed).decode()
    except InvalidToken:  # CABINET_SECRET_KEY is another one now: passwords are lost with it too
        log.error("the key for codes cannot be read: was CABINET_SECRET_KEY changed?")
        return _NOBODYS_SECRET
