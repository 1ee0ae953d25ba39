"""Sessions: who a cookie is, for how long, and how it ends."""

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from cabinet.domain.errors import NotFound
from cabinet.models.sessions import AuthSession
from cabinet.models.subscribers import Subscriber, SubscriberStatus
from cabinet.services import sessions
from tests.conftest import NOON, both_engines

MINUTE = timedelta(minutes=1)


def given_subscriber(session: Session, msisdn: str = "79160000001", **fields: object) -> Subscriber:
    row = Subscriber(
        **{"account_number": msisdn, "msisdn": msisdn, "region": "moscow", "activated_at": NOON} | fields  # type: ignore[arg-type]
    )
    session.add(row)
    session.flush()
    return row


def open_session(session: Session, subscriber: Subscriber, *, is_remembered: bool = False, now=NOON, device="Chrome"):
    return sessions.create(
        session, subscriber.id, is_remembered=is_remembered, device=device, address="192.0.2.1", now=now
    )


@both_engines
def test_token_opens_its_session_and_only_its_hash_is_kept(session):
    anna = given_subscriber(session)

    opened = open_session(session, anna)

    principal = sessions.find(session, opened.token, now=NOON)
    assert (principal.subscriber_id, principal.session_id) == (anna.id, opened.session_id)
    row = session.exec(select(AuthSession)).one()
    assert opened.token not in (row.token_hash, row.device, row.address)
    assert len(opened.token) == 43  # 256 bits


@pytest.mark.parametrize("token", ["", "x", "а" * 43, "0" * 10_000])
def test_a_foreign_token_opens_nothing(session, token):
    open_session(session, given_subscriber(session))
    assert sessions.find(session, token, now=NOON) is None


def test_an_idle_session_ends_after_thirty_minutes(session):
    opened = open_session(session, given_subscriber(session))
    assert sessions.find(session, opened.token, now=NOON + 29 * MINUTE)
    assert sessions.find(session, opened.token, now=NOON + 30 * MINUTE) is None


def test_a_used_session_ends_after_twelve_hours_in_any_case(session):
    opened = open_session(session, given_subscriber(session))
    moment = NOON
    while moment < NOON + timedelta(hours=12):
        assert sessions.find(session, opened.token, now=moment)
        sessions.touch(session, opened.session_id, now=moment)
        moment += 20 * MINUTE
    assert sessions.find(session, opened.token, now=moment) is None


def test_a_remembered_session_lives_thirty_days_without_a_move(session):
    opened = open_session(session, given_subscriber(session), is_remembered=True)
    assert sessions.find(session, opened.token, now=NOON + timedelta(days=30) - MINUTE)
    assert sessions.find(session, opened.token, now=NOON + timedelta(days=30)) is None


def test_a_touch_writes_at_most_once_a_minute(session):
    opened = open_session(session, given_subscriber(session))
    sessions.touch(session, opened.session_id, now=NOON + timedelta(seconds=59))
    assert sessions.find(session, opened.token, now=NOON).last_seen_at == NOON
    assert sessions.is_touch_due(sessions.find(session, opened.token, now=NOON), now=NOON + MINUTE)
    sessions.touch(session, opened.session_id, now=NOON + MINUTE)
    session.expire_all()
    assert sessions.find(session, opened.token, now=NOON).last_seen_at == NOON + MINUTE


def test_a_blocked_subscriber_is_out_at_once(session):
    anna = given_subscriber(session)
    opened = open_session(session, anna)
    anna.status = SubscriberStatus.BLOCKED
    session.add(anna)
    assert sessions.find(session, opened.token, now=NOON) is None


def test_nobody_ends_a_session_of_someone_else(session):
    anna, boris = given_subscriber(session), given_subscriber(session, "79160000002")
    opened = open_session(session, anna)

    with pytest.raises(NotFound):
        sessions.end(session, boris.id, opened.session_id, now=NOON)
    assert sessions.find(session, opened.token, now=NOON)


@both_engines
def test_an_ended_session_opens_nothing_and_stands_in_the_history(session):
    anna = given_subscriber(session)
    opened = open_session(session, anna, device="Android, Chrome")

    sessions.end(session, anna.id, opened.session_id, now=NOON)

    assert sessions.find(session, opened.token, now=NOON) is None
    line = sessions.list_history(session, anna.id)[0]
    assert (line.outcome, line.device) == ("session_ended", "Android, Chrome")
    with pytest.raises(NotFound):
        sessions.end(session, anna.id, opened.session_id, now=NOON)


def test_ending_all_keeps_the_present_one(session):
    anna = given_subscriber(session)
    here, there, boris = (
        open_session(session, anna),
        open_session(session, anna),
        open_session(session, given_subscriber(session, "79160000002")),
    )

    assert sessions.end_all(session, anna.id, except_session_id=here.session_id, now=NOON) == [there.session_id]

    assert sessions.find(session, here.token, now=NOON)
    assert sessions.find(session, there.token, now=NOON) is None
    assert sessions.find(session, boris.token, now=NOON)
    assert [line.session_id for line in sessions.list_active(session, anna.id, now=NOON)] == [here.session_id]


def test_a_confirmed_session_has_a_new_token(session):
    opened = open_session(session, given_subscriber(session), is_remembered=True)
    later = NOON + timedelta(days=1)
    assert sessions.needs_step_up(sessions.find(session, opened.token, now=later), now=later)

    confirmed = sessions.confirm(session, opened.session_id, now=later)

    assert sessions.find(session, opened.token, now=later) is None
    principal = sessions.find(session, confirmed.token, now=later)
    assert principal.session_id == opened.session_id
    assert not sessions.needs_step_up(principal, now=later + 15 * MINUTE)
    assert sessions.needs_step_up(principal, now=later + 16 * MINUTE)


def test_an_ordinary_session_is_never_asked_again(session):
    opened = open_session(session, given_subscriber(session))
    later = NOON + 29 * MINUTE
    assert not sessions.needs_step_up(sessions.find(session, opened.token, now=later), now=later)


@pytest.mark.parametrize(
    ("user_agent", "label"),
    [
        (
            "Mozilla/5.0 (Linux; Android 14; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile "
            "Safari/537.36",
            "Android, Chrome",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 "
            "YaBrowser/24.10.0.0 Safari/537.36",
            "Windows, Яндекс Браузер",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/18.1 Mobile/15E148 Safari/604.1",
            "iPhone, Safari",
        ),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0", "Linux, Firefox"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/131.0 Safari/537.36 Edg/131.0", "Windows, Edge"),
        ("curl/8.5.0", "Неизвестное устройство"),
        ("<script>" * 1000, "Неизвестное устройство"),
        ("", "Неизвестное устройство"),
    ],
)
def test_devices_have_names_that_a_person_knows(user_agent, label):
    assert sessions.device_label(user_agent) == label
