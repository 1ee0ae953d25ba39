"""What a subscriber sees about the own cabinet: who, by which password, on which devices, who came in and how."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from cabinet.models.subscribers import Password
from cabinet.services import channels, sessions, subscribers
from cabinet.services.channels import Channels
from cabinet.services.sessions import ActiveSession, HistoryLine, Principal

FIRST_LINES = 5


@dataclass(frozen=True)
class Profile:
    """The profile of one moment. `needs_code`: a change of password or e-mail asks for a fresh code first."""

    name: str
    msisdn: str
    account_number: str
    password_changed_at: datetime | None
    needs_code: bool
    present_session_id: int
    sessions: list[ActiveSession]
    history: list[HistoryLine]
    has_older: bool
    channels: Channels


def get_profile(session: Session, principal: Principal, *, now: datetime, lines: int = FIRST_LINES) -> Profile:
    """The profile, with so many lines of the history of sign-ins.

    Raises:
        NotFound: there is no such subscriber.
    """
    subscriber = subscribers.get(session, principal.subscriber_id)
    password = session.get(Password, principal.subscriber_id)
    # The one in hand first, then the last used ones.
    here_first = sorted(
        sessions.list_active(session, principal.subscriber_id, now=now),
        key=lambda one: one.session_id != principal.session_id,
    )
    history = sessions.list_history(session, principal.subscriber_id, limit=lines + 1)
    return Profile(
        name=subscriber.name,
        msisdn=subscriber.msisdn,
        account_number=subscriber.account_number,
        password_changed_at=password.changed_at if password else None,
        needs_code=sessions.needs_step_up(principal, now=now),
        present_session_id=principal.session_id,
        sessions=here_first,
        history=history[:lines],
        has_older=len(history) > lines,
        channels=channels.get_channels(session, principal.subscriber_id),
    )
