"""Signed-in browsers: opening, finding, ending a session, and the history of sign-ins.

The cookie holds a random token, the database only its SHA-256. Every look goes to the database, so that an ended
session is ended for the next request and the next event.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, and_, bindparam, or_, update
from sqlmodel import Session, col, select

from cabinet import metrics
from cabinet.config import settings
from cabinet.domain.errors import NotFound
from cabinet.models.sessions import AuthSession
from cabinet.models.sign_in import SignInEvent, SignInOutcome
from cabinet.models.subscribers import Subscriber, SubscriberStatus

TOUCH_EVERY = timedelta(minutes=1)
HISTORY_LINES = 50
UNKNOWN_DEVICE = "Неизвестное устройство"

# The first match wins: Chromium's relatives all call themselves Chrome and Safari too.
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
_BROWSERS = (
    ("YaBrowser", "Яндекс Браузер"),
    ("YaApp", "Яндекс"),
    ("SamsungBrowser", "Samsung Internet"),
    ("MiuiBrowser", "Mi Browser"),
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)


@dataclass(frozen=True)
class NewSession:
    """What the cookie needs; the token exists only here and in the browser."""

    token: str
    session_id: int
    expires_at: datetime


@dataclass(frozen=True)
class Principal:
    """Who is asking. `confirmed_at` is when a code or a password was last given in this session."""

    session_id: int
    subscriber_id: int
    is_remembered: bool
    confirmed_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True)
class ActiveSession:
    """One line of «Устройства»."""

    session_id: int
    device: str
    address: str
    is_remembered: bool
    created_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True)
class HistoryLine:
    """One line of «История входов»."""

    outcome: SignInOutcome
    device: str
    address: str
    happened_at: datetime


def token_hash(token: str) -> str:
    """How a cookie's token is kept: a random 256-bit value needs no salt and no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_token() -> str:
    """256 random bits for a cookie."""
    return secrets.token_urlsafe(32)


def create(
    session: Session, subscriber_id: int, *, is_remembered: bool, device: str, address: str, now: datetime
) -> NewSession:
    """Opens a session for a browser that has just proved who it is."""
    lifetime = (
        timedelta(days=settings().remembered_days) if is_remembered else timedelta(hours=settings().session_hours)
    )
    token = new_token()
    row = AuthSession(
        token_hash=token_hash(token),
        subscriber_id=subscriber_id,
        is_remembered=is_remembered,
        device=device,
        address=address,
        created_at=now,
        last_seen_at=now,
        confirmed_at=now,
        expires_at=now + lifetime,
    )
    session.add(row)
    session.flush()
    return NewSession(token, cast(int, row.id), row.expires_at)


def find(session: Session, token: str, *, now: datetime) -> Principal | None:
    """Whose session a cookie's token opens, or None. Only reads: `touch` says that it was used."""
    return find_by_hash(session, token_hash(token), now=now) if token else None


def _alive(now: Any, idle_since: Any) -> ColumnElement[bool]:
    return and_(
        col(AuthSession.revoked_at).is_(None),
        col(AuthSession.expires_at) > now,
        or_(col(AuthSession.is_remembered), col(AuthSession.last_seen_at) > idle_since),
    )


# Asked for with every request: built once, for that takes longer than to run it.
_BY_HASH = (
    select(AuthSession)
    .join(Subscriber, col(Subscriber.id) == AuthSession.subscriber_id)
    .where(
        col(AuthSession.token_hash) == bindparam("hashed"),
        col(Subscriber.status) == SubscriberStatus.ACTIVE,
        _alive(bindparam("now"), bindparam("idle_since")),
    )
)


def find_by_hash(session: Session, hashed: str, *, now: datetime) -> Principal | None:
    """The same for those who hold only `token_hash(token)`."""
    of = {"hashed": hashed, "now": now, "idle_since": _idle_since(now)}
    row = session.execute(_BY_HASH, of).scalars().first()
    if row is None:
        return None
    return Principal(cast(int, row.id), row.subscriber_id, row.is_remembered, row.confirmed_at, row.last_seen_at)


def is_touch_due(principal: Principal, *, now: datetime) -> bool:
    """Whether `touch` would write: lets the caller spare a writing transaction."""
    return now - principal.last_seen_at >= TOUCH_EVERY


def touch(session: Session, session_id: int, *, now: datetime) -> None:
    """Says that the session is in use; writes at most once a minute."""
    session.exec(
        update(AuthSession)
        .where(col(AuthSession.id) == session_id, col(AuthSession.last_seen_at) <= now - TOUCH_EVERY)
        .values(last_seen_at=now)
    )


def needs_step_up(principal: Principal, *, now: datetime) -> bool:
    """Whether a change of password, card or limit asks for a fresh code first.

    Only remembered sessions: an ordinary one cannot be found open on a lost telephone the next week.
    """
    return principal.is_remembered and now - principal.confirmed_at > timedelta(minutes=settings().confirm_minutes)


def confirm(session: Session, session_id: int, *, now: datetime) -> NewSession:
    """After a fresh code: the session counts as confirmed and gets a new token; the old token opens nothing.

    Raises:
        NotFound: the session has ended meanwhile.
    """
    row = session.exec(select(AuthSession).where(AuthSession.id == session_id, _is_alive(now))).first()
    if row is None:
        raise NotFound
    token = new_token()
    row.token_hash, row.confirmed_at, row.last_seen_at = token_hash(token), now, now
    session.add(row)
    session.flush()
    return NewSession(token, session_id, row.expires_at)


def list_active(session: Session, subscriber_id: int, *, now: datetime) -> list[ActiveSession]:
    """The subscriber's open sessions, the last used one first."""
    rows = session.exec(
        select(AuthSession)
        .where(AuthSession.subscriber_id == subscriber_id, _is_alive(now))
        .order_by(col(AuthSession.last_seen_at).desc(), col(AuthSession.id).desc())
    ).all()
    return [
        ActiveSession(cast(int, row.id), row.device, row.address, row.is_remembered, row.created_at, row.last_seen_at)
        for row in rows
    ]


def sign_out(session: Session, token: str, *, now: datetime) -> None:
    """Ends the session of this cookie, if there is one."""
    principal = find(session, token, now=now)
    if principal is not None:
        _end(session, principal.subscriber_id, principal.session_id, SignInOutcome.SIGNED_OUT, now)


def end(session: Session, subscriber_id: int, session_id: int, *, now: datetime) -> None:
    """Ends one of the subscriber's own sessions.

    Raises:
        NotFound: there is no such open session of this subscriber.
    """
    if not _end(session, subscriber_id, session_id, SignInOutcome.SESSION_ENDED, now):
        raise NotFound


def end_all(session: Session, subscriber_id: int, *, except_session_id: int | None, now: datetime) -> list[int]:
    """Ends every session of the subscriber but one (or all); returns which, so that their sockets can be closed."""
    ended = []
    for active in list_active(session, subscriber_id, now=now):
        if active.session_id == except_session_id:
            continue
        if _end(session, subscriber_id, active.session_id, SignInOutcome.SIGNED_OUT_EVERYWHERE, now):
            ended.append(active.session_id)
    return ended


def add_event(
    session: Session,
    subscriber_id: int,
    outcome: SignInOutcome,
    *,
    device: str,
    address: str,
    now: datetime,
    details: dict[str, Any] | None = None,
) -> int:
    """Writes a line of the history of sign-ins and returns its id."""
    event = SignInEvent(
        subscriber_id=subscriber_id,
        outcome=outcome,
        device=device,
        address=address,
        details=details or {},
        happened_at=now,
    )
    session.add(event)
    session.flush()
    metrics.when_committed(session, metrics.SIGN_INS, outcome=outcome.value)
    return cast(int, event.id)


def list_history(session: Session, subscriber_id: int, *, limit: int = HISTORY_LINES) -> list[HistoryLine]:
    """What happened at the door of this cabinet, the latest first."""
    rows = session.exec(
        select(SignInEvent)
        .where(SignInEvent.subscriber_id == subscriber_id)
        .order_by(col(SignInEvent.happened_at).desc(), col(SignInEvent.id).desc())
        .limit(limit)
    ).all()
    return [HistoryLine(row.outcome, row.device, row.address, row.happened_at) for row in rows]


def device_label(user_agent: str) -> str:
    """What a person calls this browser: «Android, Chrome»."""
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), None)
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), None)
    return ", ".join(filter(None, (system, browser))) or UNKNOWN_DEVICE


def _is_alive(now: datetime) -> ColumnElement[bool]:
    return _alive(now, _idle_since(now))


def _idle_since(now: datetime) -> datetime:
    return now - timedelta(minutes=settings().session_idle_minutes)


def _end(session: Session, subscriber_id: int, session_id: int, outcome: SignInOutcome, now: datetime) -> bool:
    """One conditional UPDATE, so that two requests end a session once; its own device stands in the history."""
    ended = session.exec(
        update(AuthSession)
        .where(col(AuthSession.id) == session_id, col(AuthSession.subscriber_id) == subscriber_id, _is_alive(now))
        .values(revoked_at=now)
        .returning(col(AuthSession.device), col(AuthSession.address))
    ).first()
    if ended is None:
        return False
    add_event(session, subscriber_id, outcome, device=ended.device, address=ended.address, now=now)
    return True
