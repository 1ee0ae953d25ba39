"""The staff's way in: a login, a password and a code that works once; who is not there learns nothing."""

from datetime import datetime, timedelta
from types import SimpleNamespace

import pyotp
import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from cabinet.config import settings
from cabinet.domain.errors import NotFound
from cabinet.domain.msisdn import InvalidMsisdn
from cabinet.domain.staff import PERMISSIONS, Permission, Role
from cabinet.services import pre_sessions, staff
from cabinet.services.pre_sessions import Browser
from cabinet.services.staff import LOGIN, Step
from tests.conftest import NOON, both_engines, count

PHONE = "Android, Chrome"
MINUTE = timedelta(minutes=1)


def browser(token: str = "p", address: str = "10.0.0.1") -> Browser:
    return Browser(token * 43, address=address, label=PHONE)


def given_member(
    session: Session, login: str = "irina", role: Role = Role.AGENT, *, is_demo: bool = False
) -> SimpleNamespace:
    hired = staff.add_member(
        session, login=login, name="Ирина М.", role=role, password_hash="hash", is_demo=is_demo, now=NOON
    )
    return SimpleNamespace(id=hired.staff_id, login=login, secret=hired.secret)


def code_of(member: SimpleNamespace, at: datetime = NOON) -> str:
    return pyotp.TOTP(member.secret).at(int(at.timestamp()))


def sign_in(
    session: Session,
    login: str,
    code: str,
    *,
    is_right: bool = True,
    came_from: Browser | None = None,
    staff_token: str = "",
    now: datetime = NOON,
) -> Step:
    came_from = came_from or browser()
    attempt = staff.begin_sign_in(session, came_from, login=login, now=now)
    if isinstance(attempt, Step):
        return attempt
    return staff.finish_sign_in(
        session, came_from, attempt, is_right=is_right, code=code, staff_token=staff_token, now=now
    )


def error_of(session: Session, came_from: Browser | None = None) -> str:
    row = pre_sessions.find_row(session, came_from or browser(), now=NOON)
    return pre_sessions.error_on(row, LOGIN).get("error", "")


@both_engines
def test_login_password_and_code_open_a_session(session, engine_name):
    irina = given_member(session)

    step = sign_in(session, " Irina ", code_of(irina))

    assert step.path == "/staff/"
    principal = staff.find(session, step.token, now=NOON)
    assert (principal.staff_id, principal.name, principal.role) == (irina.id, "Ирина М.", Role.AGENT)
    assert principal.may(Permission.TICKETS)
    assert not principal.may(Permission.APPROVE)


@pytest.mark.parametrize(
    ("role", "home"),
    [(Role.SUPERVISOR, "/staff/"), (Role.PRODUCT, "/staff/offers/"), (Role.ADMINISTRATOR, "/staff/members/")],
)
def test_the_day_begins_where_the_role_works(session, role, home):
    member = given_member(session, role=role)

    assert sign_in(session, "irina", code_of(member)).path == home


def test_whoever_was_sent_to_sign_in_comes_back_to_their_page(session):
    irina = given_member(session)
    pre_sessions.remember_next(session, browser(), "/staff/subscribers/", now=NOON)

    assert sign_in(session, "irina", code_of(irina)).path == "/staff/subscribers/"


def test_a_code_opens_once(session):
    irina = given_member(session)
    assert sign_in(session, "irina", code_of(irina)).token

    again = sign_in(session, "irina", code_of(irina), came_from=browser("q"))

    assert (again.path, again.token) == (LOGIN, "")
    assert "один раз" in error_of(session, browser("q"))


def test_a_code_older_than_the_one_used_last_opens_nothing(session):
    irina = given_member(session)
    assert sign_in(session, "irina", code_of(irina)).token

    assert not sign_in(session, "irina", code_of(irina, NOON - timedelta(seconds=30))).token


@pytest.mark.parametrize("seconds", [-30, 0, 30])
def test_a_telephones_clock_may_be_half_a_minute_off(session, seconds):
    irina = given_member(session)

    assert sign_in(session, "irina", code_of(irina, NOON + timedelta(seconds=seconds))).token


@pytest.mark.parametrize("seconds", [-60, 60])
def test_a_code_of_another_time_opens_nothing(session, seconds):
    irina = given_member(session)

    assert not sign_in(session, "irina", code_of(irina, NOON + timedelta(seconds=seconds))).token


@pytest.mark.parametrize("code", ["", "000000", "12345", "１２３４５６", "\x00", "x" * 1000])
def test_an_odd_code_is_a_wrong_code(session, code):
    given_member(session)

    assert sign_in(session, "irina", code).path == LOGIN


def test_a_wrong_password_with_the_right_code_opens_nothing_and_the_code_stays_good(session):
    irina = given_member(session)

    assert not sign_in(session, "irina", code_of(irina), is_right=False).token
    assert sign_in(session, "irina", code_of(irina)).token


def test_nobody_learns_what_was_wrong(session):
    irina = given_member(session)
    tries = {
        "no such login": ("nobody", code_of(irina), False),
        "password": ("irina", code_of(irina), False),
        "code": ("irina", "000000", True),
    }
    told = set()
    for number, (login, code, is_right) in enumerate(tries.values()):
        came_from = browser(str(number))
        step = sign_in(session, login, code, is_right=is_right, came_from=came_from)
        told.add((step.path, step.token, error_of(session, came_from)))

    assert len(told) == 1


def statements_of(session: Session, login: str, code: str) -> list[str]:
    """What is asked of the database for a refusal, values apart."""
    run: list[str] = []

    def note(_connection, _cursor, statement, *_rest) -> None:
        run.append(statement)

    engine = session.get_bind().engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        sign_in(session, login, code, is_right=False, came_from=browser(login[0]))
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return [statement for statement in run if "SAVEPOINT" not in statement]


def test_the_same_is_asked_of_the_database_for_a_login_that_does_not_exist(session):
    irina = given_member(session)

    assert statements_of(session, "irina", code_of(irina)) == statements_of(session, "nobody", code_of(irina))


def test_after_six_tries_from_an_address_the_seventh_waits(session):
    irina = given_member(session)
    for _ in range(settings().password_tries):
        sign_in(session, "irina", "000000", is_right=False)

    assert not sign_in(session, "irina", code_of(irina)).token
    assert "15 минут" in error_of(session)


def test_a_stranger_cannot_lock_a_member_out(session):
    irina = given_member(session)
    for number in range(40):
        sign_in(session, "irina", "000000", is_right=False, came_from=browser(address=f"10.0.1.{number}"))

    assert sign_in(session, "irina", code_of(irina)).token


def test_who_knows_the_password_guesses_twenty_codes_and_no_more_that_day(session):
    irina = given_member(session)
    for number in range(staff.WRONG_CODES):
        sign_in(session, "irina", "000000", came_from=browser(address=f"10.0.1.{number}"))

    later = NOON + timedelta(hours=1)
    assert not sign_in(session, "irina", code_of(irina, later), now=later).token
    next_day = NOON + timedelta(days=1, minutes=1)
    assert sign_in(session, "irina", code_of(irina, next_day), now=next_day).token


def test_a_session_ends_after_a_quarter_of_an_hour_without_a_move(session):
    irina = given_member(session)
    token = sign_in(session, "irina", code_of(irina)).token
    principal = staff.find(session, token, now=NOON + 14 * MINUTE)

    assert principal is not None
    assert staff.find(session, token, now=NOON + 15 * MINUTE) is None
    staff.touch(session, principal.session_id, now=NOON + 14 * MINUTE)
    assert staff.find(session, token, now=NOON + 28 * MINUTE) is not None


def test_a_session_ends_in_the_evening_whatever_happens(session):
    irina = given_member(session)
    token = sign_in(session, "irina", code_of(irina)).token
    session_id = staff.find(session, token, now=NOON).session_id
    for step in range(1, 12 * 60 // 10):
        staff.touch(session, session_id, now=NOON + step * 10 * MINUTE)

    assert staff.find(session, token, now=NOON + timedelta(hours=11, minutes=59)) is not None
    assert staff.find(session, token, now=NOON + timedelta(hours=12)) is None


def test_signing_out_ends_the_session(session):
    irina = given_member(session)
    token = sign_in(session, "irina", code_of(irina)).token

    staff.sign_out(session, token, now=NOON)

    assert staff.find(session, token, now=NOON) is None


def test_another_sign_in_in_the_same_browser_ends_the_session_before_it(session):
    irina, pyotr = given_member(session), given_member(session, "pyotr", Role.SUPERVISOR)
    hers = sign_in(session, "irina", code_of(irina)).token

    his = sign_in(session, "pyotr", code_of(pyotr), staff_token=hers).token

    assert staff.find(session, hers, now=NOON) is None
    assert staff.find(session, his, now=NOON).login == "pyotr"


def test_who_was_dismissed_is_out_at_once_and_stays_out(session):
    irina = given_member(session)
    token = sign_in(session, "irina", code_of(irina)).token

    assert len(staff.disable(session, "irina", now=NOON)) == 1

    assert staff.find(session, token, now=NOON) is None
    later = NOON + 5 * MINUTE
    assert not sign_in(session, "irina", code_of(irina, later), now=later).token


def test_an_administrator_dismisses_and_takes_back_and_both_are_on_record(session):
    irina, oleg = given_member(session), given_member(session, "oleg", Role.ADMINISTRATOR)
    token = sign_in(session, "irina", code_of(irina)).token

    assert len(staff.set_active(session, oleg.id, irina.id, is_active=False, now=NOON)) == 1
    assert staff.find(session, token, now=NOON) is None
    staff.set_active(session, oleg.id, irina.id, is_active=True, now=NOON)

    later = NOON + 5 * MINUTE
    assert sign_in(session, "irina", code_of(irina, later), now=later).token
    kinds = session.execute(text(f"SELECT kind FROM staff_action WHERE staff_id = {oleg.id} ORDER BY id")).scalars()
    assert list(kinds) == ["member_dismissed", "member_taken_back"]


def test_nobody_dismisses_themselves_or_who_is_not_there(session):
    oleg = given_member(session, "oleg", Role.ADMINISTRATOR)

    with pytest.raises(staff.OwnAccess):
        staff.set_active(session, oleg.id, oleg.id, is_active=False, now=NOON)
    with pytest.raises(NotFound):
        staff.set_active(session, oleg.id, 999, is_active=False, now=NOON)


def test_a_new_key_makes_the_old_one_worthless(session):
    irina = given_member(session)
    token = sign_in(session, "irina", code_of(irina)).token

    new = staff.reset_totp(session, "irina", now=NOON)

    later = NOON + 5 * MINUTE
    assert staff.find(session, token, now=NOON) is None
    assert not sign_in(session, "irina", code_of(irina, later), now=later).token
    irina.secret = new.secret
    assert sign_in(session, "irina", code_of(irina, later), now=later).token


def test_keys_for_codes_are_not_readable_in_the_database(session):
    irina = given_member(session)

    kept = session.execute(text("SELECT totp_secret FROM staff_member")).scalar_one()

    assert irina.secret not in kept
    assert len(kept) > 2 * len(irina.secret)


def test_a_login_is_taken_once_in_whatever_letters(session):
    given_member(session)

    with pytest.raises(staff.LoginTaken):
        given_member(session, "IRINA")


@pytest.mark.parametrize("login", ["", "ab", "ирина", "a b c", "x" * 33, "<b>", "a/../b"])
def test_a_login_is_short_and_plain(session, login):
    with pytest.raises(staff.LoginMalformed):
        given_member(session, login)


def test_a_members_own_number_is_a_number(session):
    with pytest.raises(InvalidMsisdn):
        staff.add_member(
            session, login="irina", name="Ирина", role=Role.AGENT, password_hash="", msisdn="123", now=NOON
        )


@both_engines
@pytest.mark.parametrize("statement", ["UPDATE staff_action SET reason = 'x'", "DELETE FROM staff_action"])
def test_what_was_done_is_written_down_for_good(session, engine_name, statement):
    irina = given_member(session)
    staff.record(session, irina.id, "card_opened", reason="звонок абонента", now=NOON)
    assert count(session, "staff_action") == 1

    with pytest.raises(DBAPIError, match="insert-only"), session.begin_nested():
        session.execute(text(statement))


def test_the_demos_members_sign_in_one_after_another_by_the_codes_it_tells(session):
    given_member(session, "operator", is_demo=True)
    for number in range(5):
        code = staff.demo_codes(session, now=NOON)["operator"]
        assert sign_in(session, "operator", code, came_from=browser(str(number))).token


def test_outside_the_demo_its_members_are_nobody(session, monkeypatch):
    operator = given_member(session, "operator", is_demo=True)
    monkeypatch.setattr(staff, "settings", lambda: settings().model_copy(update={"env": "production"}))

    assert not sign_in(session, "operator", code_of(operator)).token
    assert staff.demo_codes(session, now=NOON) == {}
    assert staff.list_demo_logins(session) == ["operator"]


def test_every_role_may_do_something_and_nobody_may_do_everything():
    allowed = [PERMISSIONS[role] for role in Role]

    assert all(allowed)
    assert set().union(*allowed) == set(Permission)
    assert all(permissions != set(Permission) for permissions in allowed)
    assert not any({Permission.STAFF, Permission.SUBSCRIBERS} <= permissions for permissions in allowed)
