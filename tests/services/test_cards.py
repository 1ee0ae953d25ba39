"""A subscriber's card at the desk: nobody opens one without a reason, and the subscriber reads about every look."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlmodel import Session

from cabinet.domain.errors import CabinetError, NotFound
from cabinet.domain.msisdn import InvalidMsisdn
from cabinet.domain.staff import Role
from cabinet.models.subscribers import Subscriber
from cabinet.services import cards, sessions, staff, support
from cabinet.services.cards import Card
from tests.conftest import NOON, both_engines, count
from tests.services.test_options import CATALOGUE
from tests.services.test_orders import given, store
from tests.services.test_staff import given_member

HALF_AN_HOUR = timedelta(minutes=30)


@pytest.fixture
def irina(session: Session) -> SimpleNamespace:
    return given_member(session)


@pytest.fixture
def anna(session: Session) -> SimpleNamespace:
    """120 roubles, a plan whose fee is paid, signed in on a telephone."""
    store(session, CATALOGUE)
    subscriber_id = given(session, money=12_000)
    opened = sessions.create(
        session, subscriber_id, is_remembered=False, device="Android, Chrome", address="10.0.0.7", now=NOON
    )
    number = session.get_one(Subscriber, subscriber_id).msisdn
    return SimpleNamespace(id=subscriber_id, number=number, session_id=opened.session_id, token=opened.token)


def given_own(session: Session, msisdn: str) -> int:
    """A supervisor whose own number this is."""
    hired = staff.add_member(
        session, login="anna", name="Анна", role=Role.SUPERVISOR, password_hash="", msisdn=msisdn, now=NOON
    )
    return hired.staff_id


def open_card(session: Session, member: SimpleNamespace, anna: SimpleNamespace, now=NOON, **other: str) -> Card:
    given = {"reason": "call", "words": "Спрашивает про списание"} | other
    return cards.open_card(session, member.id, anna.number, **given, now=now)


def done_to(session: Session, anna: SimpleNamespace) -> list[tuple[str, str, str]]:
    return [(done.kind, done.member_name, done.reason) for done in cards.list_done(session, anna.id, limit=10)]


@both_engines
def test_a_card_opens_with_a_reason_and_the_subscriber_reads_who_and_why(session, engine_name, irina, anna):
    card = open_card(session, irina, anna)

    assert (card.subscriber_id, card.figures.main_kopecks, card.is_whole) == (anna.id, 12_000, False)
    assert [active.device for active in card.sessions] == ["Android, Chrome"]
    assert done_to(session, anna) == [("card_opened", "Ирина М.", "Спрашивает про списание")]


@pytest.mark.parametrize(
    "other",
    [{"reason": ""}, {"reason": "curiosity"}, {"words": ""}, {"words": "  так  "}, {"words": "x" * 301}],
)
def test_without_a_reason_nothing_is_opened_and_nothing_written(session, irina, anna, other):
    with pytest.raises(cards.ReasonMissing):
        open_card(session, irina, anna, **other)

    assert done_to(session, anna) == []


def test_every_look_is_written_down(session, irina, anna):
    for _ in range(3):
        open_card(session, irina, anna)

    assert len(done_to(session, anna)) == 3


@pytest.mark.parametrize("number", ["", "12", "9160000000000", "'; DROP TABLE subscriber; --", "\x00"])
def test_a_search_understands_numbers_only(session, irina, anna, number):
    with pytest.raises(InvalidMsisdn):
        cards.find_number(session, irina.id, number, now=NOON)


def test_a_search_is_exact(session, irina, anna):
    assert cards.find_number(session, irina.id, f"8 {anna.number[1:]}", now=NOON).subscriber_id == anna.id
    with pytest.raises(cards.NoSuchNumber):
        cards.find_number(session, irina.id, "9990000000", now=NOON)


def test_numbers_cannot_be_tried_one_by_one(session, irina, anna):
    for number in range(cards.SEARCHES_AN_HOUR):
        with pytest.raises(cards.NoSuchNumber):
            cards.find_number(session, irina.id, f"999{number:07}", now=NOON)

    with pytest.raises(cards.TooManySearches):
        cards.find_number(session, irina.id, anna.number, now=NOON)
    assert cards.find_number(session, irina.id, anna.number, now=NOON + timedelta(hours=1)).subscriber_id == anna.id


def test_whoever_asked_is_found_by_the_question(session, anna):
    ticket_id = support.open_ticket(
        session, anna.id, category="money", text="За что списали?", occasion="first", now=NOON
    )

    assert cards.find_asker(session, ticket_id).msisdn == anna.number
    with pytest.raises(NotFound):
        cards.find_asker(session, ticket_id + 1)


def given_question(session: Session, anna: SimpleNamespace) -> int:
    return support.open_ticket(session, anna.id, category="money", text="За что?", occasion="first", now=NOON)


def test_beside_a_ticket_stands_the_money_and_the_look_is_written_once_in_half_an_hour(session, irina, anna):
    ticket_id = given_question(session, anna)

    for minutes in (0, 1, 29):
        beside = cards.look_beside(session, irina.id, ticket_id, now=NOON + timedelta(minutes=minutes))
    assert (beside.figures.main_kopecks, beside.figures.plan_name) == (12_000, "Старт")
    assert done_to(session, anna) == [("figures_seen", "Ирина М.", "")]

    cards.look_beside(session, irina.id, ticket_id, now=NOON + HALF_AN_HOUR)
    assert len(done_to(session, anna)) == 2


def test_beside_a_ticket_of_their_own_nobody_of_the_staff_sees_anything(session, irina, anna):
    ticket_id, own = given_question(session, anna), given_own(session, anna.number)

    with pytest.raises(cards.OwnAccount):
        cards.look_beside(session, own, ticket_id, now=NOON)

    assert done_to(session, anna) == []


def test_nobody_opens_their_own_card(session, irina, anna):
    own = SimpleNamespace(id=given_own(session, anna.number))

    with pytest.raises(cards.OwnAccount):
        open_card(session, own, anna)


def test_a_look_lasts_half_an_hour_and_for_whoever_has_opened_it(session, irina, anna):
    pyotr = given_member(session, "pyotr", Role.SUPERVISOR)
    look_id = open_card(session, irina, anna).look_id

    assert cards.get_card(session, irina.id, look_id, now=NOON + HALF_AN_HOUR - timedelta(seconds=1))
    for member, now in ((irina, NOON + HALF_AN_HOUR), (pyotr, NOON)):
        with pytest.raises(cards.LookIsOver):
            cards.get_card(session, member.id, look_id, now=now)


def test_another_record_is_no_look(session, irina, anna):
    look_id = open_card(session, irina, anna).look_id
    cards.unmask(session, irina.id, look_id, now=NOON)

    with pytest.raises(cards.LookIsOver):
        cards.get_card(session, irina.id, look_id + 1, now=NOON)


def test_the_number_is_shown_whole_on_purpose_and_that_is_written_once(session, irina, anna):
    look_id = open_card(session, irina, anna).look_id

    assert cards.unmask(session, irina.id, look_id, now=NOON).is_whole
    cards.unmask(session, irina.id, look_id, now=NOON)

    assert [kind for kind, _, _ in done_to(session, anna)] == ["card_unmasked", "card_opened"]
    assert not open_card(session, irina, anna).is_whole


@both_engines
def test_ending_a_session_ends_it_and_the_subscriber_reads_who_did(session, engine_name, irina, anna):
    look_id = open_card(session, irina, anna).look_id

    cards.end_session(session, irina.id, look_id, anna.session_id, now=NOON)

    assert sessions.find(session, anna.token, now=NOON) is None
    assert done_to(session, anna)[0][0] == "session_ended"
    with pytest.raises(NotFound):
        cards.end_session(session, irina.id, look_id, anna.session_id, now=NOON)


def test_a_session_of_another_subscriber_cannot_be_ended_by_this_look(session, irina, anna):
    other = given(session)
    opened = sessions.create(session, other, is_remembered=False, device="", address="", now=NOON)
    look_id = open_card(session, irina, anna).look_id
    written = count(session, "staff_action")

    with pytest.raises(CabinetError):
        cards.end_session(session, irina.id, look_id, opened.session_id, now=NOON)

    assert sessions.find(session, opened.token, now=NOON) is not None
    assert count(session, "staff_action") == written
