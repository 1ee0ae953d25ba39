"""Signing in by many at once: each in transactions of its own, as the edge does it."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlmodel import select

from cabinet import db
from cabinet.models.outbox import OutboxMessage
from cabinet.models.sessions import AuthSession
from cabinet.models.sign_in import Captcha, LimitCounter, OneTimeCode
from cabinet.services import limits, pre_sessions, sessions, sign_in
from cabinet.services.pre_sessions import Browser
from cabinet.services.sign_in import CodeTry, Step
from tests.conftest import NOON, both_engines
from tests.services.test_sessions import given_subscriber

ANNA = "79160000001"
PHONE = Browser(pre="p" * 43, address="192.0.2.1", label="Android, Chrome")


@pytest.fixture
def code(database) -> str:
    """Анна has asked for a code in this browser."""
    with db.transaction() as session:
        given_subscriber(session, ANNA)
        letters = pre_sessions.current_captcha(session, PHONE, "ЖФЛДШ", now=NOON)
        sign_in.ask_code(session, PHONE, number=ANNA, captcha=letters, remember=False, now=NOON)
        body = session.exec(select(OutboxMessage.body)).one()
    return re.search(r"\d{6}", body).group()


def at_once(times: int, act: Callable[[int], object]) -> list:
    """Calls from as many threads, all let go at one moment; twenty connections share the work."""
    barrier = Barrier(min(times, 20))

    def call(index: int) -> object:
        if index < barrier.parties:
            barrier.wait()
        return act(index)

    with ThreadPoolExecutor(barrier.parties) as pool:
        return list(pool.map(call, range(times)))


def enter(code: str) -> Step | CodeTry:
    with db.transaction() as session:
        attempt = sign_in.count_try(session, PHONE, code, now=NOON)
    if isinstance(attempt, Step):
        return attempt
    with db.transaction() as session:
        return sign_in.finish_try(session, PHONE, attempt, now=NOON)


@both_engines
def test_a_hundred_right_answers_at_once_open_one_session(code):
    steps = at_once(100, lambda _: enter(code))

    assert len([step for step in steps if step.signed_in]) == 1
    with db.reading() as session:
        assert len(session.exec(select(AuthSession)).all()) == 1


@both_engines
def test_tries_counted_before_the_comparison_open_one_session(code):
    """Five tries are all counted; then the right code is compared five times at once."""
    attempts = []
    for _ in range(5):
        with db.transaction() as session:
            attempts.append(sign_in.count_try(session, PHONE, code, now=NOON))

    def finish(index: int) -> Step:
        with db.transaction() as session:
            return sign_in.finish_try(session, PHONE, attempts[index], now=NOON)

    assert len([step for step in at_once(5, finish) if step.signed_in]) == 1


@both_engines
def test_fifty_wrong_answers_at_once_are_five_tries(code):
    guesses = [f"{(int(code) + 1 + index) % 10**6:06}" for index in range(50)]

    at_once(50, lambda index: enter(guesses[index]))

    with db.reading() as session:
        assert session.exec(select(OneTimeCode)).one().failures == 5
        counted = session.exec(select(LimitCounter.count).where(LimitCounter.key == f"code-failures:{ANNA}")).one()
        assert counted == 5
    assert enter(code).signed_in is None


@both_engines
def test_a_double_press_sends_one_sms(database):
    with db.transaction() as session:
        given_subscriber(session, ANNA)
        letters = pre_sessions.current_captcha(session, PHONE, "ЖФЛДШ", now=NOON)

    def ask(_: int) -> Step:
        with db.transaction() as session:
            return sign_in.ask_code(session, PHONE, number=ANNA, captcha=letters, remember=False, now=NOON)

    at_once(10, ask)

    with db.reading() as session:
        assert len(session.exec(select(OutboxMessage)).all()) == 1


@both_engines
def test_ten_presses_of_send_again_send_one_sms(code):
    later = NOON + timedelta(minutes=1)

    def resend(_: int) -> Step:
        with db.transaction() as session:
            return sign_in.resend_code(session, PHONE, now=later)

    at_once(10, resend)

    with db.reading() as session:
        assert len(session.exec(select(OutboxMessage)).all()) == 2


@both_engines
def test_a_captcha_is_used_once_by_whoever_comes_first(database):
    with db.transaction() as session:
        letters = pre_sessions.current_captcha(session, PHONE, "ЖФЛДШ", now=NOON)

    def use(_: int) -> bool:
        with db.transaction() as session:
            row = pre_sessions.open_row(session, PHONE, now=NOON)
            return pre_sessions.use_captcha(session, row, letters, now=NOON) is None

    assert at_once(20, use).count(True) == 1


@both_engines
def test_a_page_that_loads_picture_and_sound_at_once_shows_the_same_letters(database):
    def show(index: int) -> str:
        with db.transaction() as session:
            return pre_sessions.current_captcha(session, PHONE, f"ЖФЛД{'ШЭЮЯБ'[index % 5]}", now=NOON)

    assert len(set(at_once(10, show))) == 1
    with db.reading() as session:
        assert len(session.exec(select(Captcha)).all()) == 1


@both_engines
def test_no_hit_is_lost(database):
    def hit(_: int) -> int:
        with db.transaction() as session:
            return limits.hit(session, "k", window=timedelta(hours=1), now=NOON).count

    assert sorted(at_once(40, hit)) == list(range(1, 41))


@both_engines
def test_a_session_is_ended_once(database):
    with db.transaction() as session:
        anna = given_subscriber(session, ANNA)
        opened = sessions.create(session, anna.id, is_remembered=False, device="", address="", now=NOON)

    def sign_out(_: int) -> None:
        with db.transaction() as session:
            sessions.sign_out(session, opened.token, now=NOON)

    at_once(10, sign_out)

    with db.reading() as session:
        assert [line.outcome for line in sessions.list_history(session, anna.id)] == ["signed_out"]
