"""The profile: what it tells and what it keeps to its owner."""

from datetime import timedelta

import pytest
from sqlmodel import Session

from cabinet.domain.errors import NotFound
from cabinet.models.sign_in import SignInOutcome
from cabinet.models.subscribers import Password, Subscriber
from cabinet.services import sessions
from cabinet.services.profile import get_profile
from cabinet.services.sessions import Principal
from tests.conftest import NOON

MONTH_AGO = NOON - timedelta(days=30)


def given_subscriber(session: Session, msisdn: str) -> int:
    subscriber = Subscriber(
        account_number=f"A{msisdn}", msisdn=msisdn, name="Анна", region="moskva", activated_at=MONTH_AGO
    )
    session.add(subscriber)
    session.flush()
    return subscriber.id


def given_principal(session: Session, subscriber_id: int, *, is_remembered: bool = False, at=NOON) -> Principal:
    opened = sessions.create(
        session, subscriber_id, is_remembered=is_remembered, device="Android, Chrome", address="10.0.0.1", now=at
    )
    return sessions.find(session, opened.token, now=NOON)


@pytest.fixture
def anna(session: Session) -> Principal:
    return given_principal(session, given_subscriber(session, "79160000001"))


def test_the_profile_names_the_number_and_the_account(session: Session, anna: Principal):
    profile = get_profile(session, anna, now=NOON)

    assert (profile.name, profile.msisdn, profile.account_number) == ("Анна", "79160000001", "A79160000001")
    assert profile.present_session_id == anna.session_id
    assert [found.session_id for found in profile.sessions] == [anna.session_id]


def test_the_session_in_hand_stands_before_a_later_one(session: Session, anna: Principal):
    other = given_principal(session, anna.subscriber_id, at=NOON + timedelta(minutes=1))

    found = get_profile(session, anna, now=NOON + timedelta(minutes=2)).sessions

    assert [one.session_id for one in found] == [anna.session_id, other.session_id]


def test_it_says_when_the_password_was_set(session: Session, anna: Principal):
    assert get_profile(session, anna, now=NOON).password_changed_at is None

    session.add(Password(subscriber_id=anna.subscriber_id, hash="x", changed_at=MONTH_AGO))
    session.flush()

    assert get_profile(session, anna, now=NOON).password_changed_at == MONTH_AGO


def test_a_session_remembered_for_days_asks_for_a_fresh_code(session: Session, anna: Principal):
    remembered = given_principal(session, anna.subscriber_id, is_remembered=True, at=NOON - timedelta(days=3))

    assert get_profile(session, remembered, now=NOON).needs_code
    assert not get_profile(session, anna, now=NOON).needs_code


def test_the_history_says_when_there_is_more_of_it(session: Session, anna: Principal):
    for minutes in range(3):
        at = NOON - timedelta(minutes=minutes)
        sessions.add_event(session, anna.subscriber_id, SignInOutcome.BY_CODE, device="", address="", now=at)

    two, all_three = (get_profile(session, anna, now=NOON, lines=lines) for lines in (2, 3))

    assert (len(two.history), two.has_older) == (2, True)
    assert (len(all_three.history), all_three.has_older) == (3, False)


def test_nobody_elses_devices_and_sign_ins_are_shown(session: Session, anna: Principal):
    boris = given_principal(session, given_subscriber(session, "79160000002"))
    sessions.add_event(session, boris.subscriber_id, SignInOutcome.BY_CODE, device="", address="", now=NOON)

    profile = get_profile(session, anna, now=NOON)

    assert boris.session_id not in [found.session_id for found in profile.sessions]
    assert profile.history == []


def test_a_subscriber_who_is_gone_is_not_found(session: Session, anna: Principal):
    gone = Principal(anna.session_id, 10**9, False, NOON, NOON)

    with pytest.raises(NotFound):
        get_profile(session, gone, now=NOON)
