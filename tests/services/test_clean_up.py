"""What is deleted: rows nobody can use any more, and only those."""

from datetime import timedelta

import pytest
from sqlmodel import Session

from cabinet.models.outbox import OutboxMessage, OutboxState
from cabinet.models.sessions import AuthSession
from cabinet.models.sign_in import Captcha, CodePurpose, LimitCounter, OneTimeCode, PreSession
from cabinet.models.subscribers import Subscriber
from cabinet.services import clean_up
from tests.conftest import NOON, both_engines, count

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
pytestmark = both_engines


def given_browser(session: Session, expired_ago: timedelta) -> PreSession:
    """With a captcha and a code that expired with it."""
    at = NOON - expired_ago
    browser = PreSession(token_hash=str(expired_ago), created_at=at - DAY, expires_at=at)
    session.add(browser)
    session.flush()
    assert browser.id is not None
    session.add(Captcha(pre_session_id=browser.id, answer="ЖУК", created_at=at - DAY, expires_at=at))
    session.add(
        OneTimeCode(
            pre_session_id=browser.id,
            purpose=CodePurpose.SIGN_IN,
            msisdn="79160000001",
            code_hash="x",
            created_at=at - DAY,
            expires_at=at,
            resend_at=at,
        )
    )
    session.flush()
    return browser


def given_session(session: Session, token: str, **moments: object) -> None:
    subscriber = session.get(Subscriber, 1) or Subscriber(
        id=1, account_number="1", msisdn="79160000001", region="moskva", activated_at=NOON
    )
    session.add(subscriber)
    session.flush()
    values = {"created_at": NOON, "last_seen_at": NOON, "confirmed_at": NOON, "expires_at": NOON + DAY} | moments
    session.add(AuthSession(token_hash=token, subscriber_id=1, **values))
    session.flush()


def test_a_browser_that_never_came_in_goes_with_its_captchas_and_codes(session: Session):
    given_browser(session, expired_ago=DAY + MINUTE)
    given_browser(session, expired_ago=DAY - MINUTE)

    clean_up.delete_expired(session, now=NOON)

    assert [count(session, table) for table in ("pre_session", "captcha", "one_time_code")] == [1, 1, 1]


def test_sessions_go_a_day_after_their_end_whatever_ended_them(session: Session):
    given_session(session, "alive")
    given_session(session, "expired", expires_at=NOON - DAY - MINUTE)
    given_session(session, "revoked", revoked_at=NOON - DAY - MINUTE)
    given_session(session, "just revoked", revoked_at=NOON - MINUTE)

    assert clean_up.delete_expired(session, now=NOON) == 2
    assert count(session, "auth_session") == 2


def test_counters_of_windows_that_are_over_go(session: Session):
    for number, ago in enumerate((DAY + MINUTE, DAY - MINUTE)):
        session.add(LimitCounter(key="codes", window_start_at=NOON - (number + 2) * DAY, expires_at=NOON - ago))
    session.flush()

    assert clean_up.delete_expired(session, now=NOON) == 1


def test_a_message_that_waits_is_never_deleted(session: Session):
    old = NOON - timedelta(days=31)
    for state in OutboxState:
        session.add(
            OutboxMessage(
                reference=state, kind="code", recipient="7", body="", state=state, created_at=old, send_after=old
            )
        )
    session.flush()

    clean_up.delete_expired(session, now=NOON)

    assert count(session, "outbox_message") == 1


def test_no_more_than_a_bite_at_a_time(session: Session, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(clean_up, "AT_MOST", 2)
    for days in (2, 3, 4):
        given_browser(session, expired_ago=days * DAY)

    clean_up.delete_expired(session, now=NOON)

    assert count(session, "pre_session") == 1
