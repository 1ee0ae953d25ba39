"""Questions of subscribers: the promise as a moment, its clock that stands while they are asked, who may see what."""

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from cabinet.domain.errors import NotFound
from cabinet.domain.staff import Role
from cabinet.domain.support import MessageKind, TicketState
from cabinet.models.support import Ticket, TicketMessage
from cabinet.services import attachments, expenses, staff, support, ticket_search
from cabinet.services.attachments import FilesGone, Owner, TooManyFiles
from cabinet.services.support import (
    NoCategory,
    NotAnswered,
    NothingWritten,
    TextTooLong,
    TooLate,
    TooManyQuestions,
)
from tests.conftest import NOON, both_engines
from tests.services.test_orders import given, store

pytestmark = both_engines

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TEXT = "Не раздаётся интернет. Телефон Nokia, с утра."


@pytest.fixture
def anna(session: Session) -> int:
    store(session)
    return given(session, money=1_000_00)


def asked(session: Session, subscriber_id: int, text: str = TEXT, occasion: str = "first-one", **more) -> int:
    named = {"category": "internet", "text": text, "occasion": occasion, "now": NOON} | more
    return support.open_ticket(session, subscriber_id, **named)


def member(session: Session, login: str = "irina") -> int:
    """An agent."""
    return staff.add_member(
        session, login=login, name=login.title(), role=Role.AGENT, password_hash="x", now=NOON
    ).staff_id


def ticket(session: Session, ticket_id: int) -> Ticket:
    return session.exec(select(Ticket).where(Ticket.id == ticket_id)).one()


def answered(session: Session, ticket_id: int, moment=NOON) -> Ticket:
    """As if staff had answered then."""
    row = ticket(session, ticket_id)
    row.state, row.answered_at, row.answer_due_at = TicketState.ANSWERED, moment, None
    session.add(row)
    session.flush()
    return row


def sent_file(session: Session, subscriber_id: int, name: str = "снимок.png", moment=NOON) -> int:
    file_id, _ = attachments.begin(session, Owner(subscriber_id=subscriber_id), name, now=moment)
    return attachments.finish(session, file_id, media_type="image/png", size=1_200).id


def test_a_question_is_answered_within_24_hours_to_the_second(session: Session, anna: int):
    ticket_id = asked(session, anna)

    [line] = support.list_tickets(session, anna, limit=10, now=NOON)
    assert (line.id, line.state, line.answer_due_at) == (ticket_id, TicketState.WAITING, NOON + DAY)
    assert line.subject == "Не раздаётся интернет"


def test_one_press_is_one_question_however_often_it_arrives(session: Session, anna: int):
    first = asked(session, anna)

    assert asked(session, anna, now=NOON + HOUR) == first
    assert len(support.list_tickets(session, anna, limit=10, now=NOON)) == 1


@pytest.mark.parametrize(
    ("more", "refusal"),
    [
        ({"category": "weather"}, NoCategory),
        ({"text": " \n\u202e "}, NothingWritten),
        ({"text": "а" * 2_001}, TextTooLong),
    ],
)
def test_what_will_not_do_is_refused_in_words(session: Session, anna: int, more: dict, refusal: type):
    with pytest.raises(refusal):
        asked(session, anna, **more)


def test_the_eleventh_question_of_an_hour_waits(session: Session, anna: int):
    for number in range(10):
        asked(session, anna, occasion=f"occasion-{number}")

    with pytest.raises(TooManyQuestions):
        asked(session, anna, occasion="one-more")


def test_somebody_elses_question_is_not_found(session: Session, anna: int):
    ticket_id = asked(session, anna)
    boris = given(session)

    for ask in (
        lambda: support.get_conversation(session, boris, ticket_id, now=NOON),
        lambda: support.write(session, boris, ticket_id, "и я", occasion="12345678", now=NOON),
        lambda: support.rate(session, boris, ticket_id, 5, now=NOON),
        lambda: support.reopen(session, boris, ticket_id, now=NOON),
    ):
        with pytest.raises(NotFound):
            ask()


def test_more_words_do_not_move_the_promise(session: Session, anna: int):
    ticket_id = asked(session, anna)

    support.write(session, anna, ticket_id, "И ещё с планшета", occasion="second-one", now=NOON + HOUR)

    assert ticket(session, ticket_id).answer_due_at == NOON + DAY


def test_the_clock_that_stood_goes_on_with_what_was_left(session: Session, anna: int):
    ticket_id = asked(session, anna)
    row = ticket(session, ticket_id)
    row.state, row.answer_due_at, row.clock_left_seconds = TicketState.ASKED, None, 5 * 3600
    session.flush()

    support.write(session, anna, ticket_id, "Nokia 3310", occasion="second-one", now=NOON + 3 * DAY)

    assert ticket(session, ticket_id).answer_due_at == NOON + 3 * DAY + 5 * HOUR


def test_an_answered_question_is_opened_again_within_14_days(session: Session, anna: int):
    ticket_id = asked(session, anna)
    answered(session, ticket_id)

    support.reopen(session, anna, ticket_id, now=NOON + 14 * DAY)

    row = ticket(session, ticket_id)
    assert (row.state, row.answer_due_at) == (TicketState.WAITING, NOON + 15 * DAY)
    kinds = [one.kind for one in support.get_conversation(session, anna, ticket_id, now=NOON).messages]
    assert kinds == [MessageKind.QUESTION, MessageKind.NOT_SOLVED]


def test_after_14_days_a_new_question_is_asked(session: Session, anna: int):
    ticket_id = asked(session, anna)
    answered(session, ticket_id)

    with pytest.raises(TooLate):
        support.write(
            session, anna, ticket_id, "Опять", occasion="second-one", now=NOON + 14 * DAY + timedelta(seconds=1)
        )


def test_an_answer_is_rated_with_a_word_and_the_last_one_counts(session: Session, anna: int):
    ticket_id = asked(session, anna)
    with pytest.raises(NotAnswered):
        support.rate(session, anna, ticket_id, 5, now=NOON)
    answered(session, ticket_id)

    support.rate(session, anna, ticket_id, 2, "Долго", now=NOON)
    support.rate(session, anna, ticket_id, 5, "Помогло", now=NOON)

    found = support.get_conversation(session, anna, ticket_id, now=NOON)
    assert (found.stars, found.word, found.ticket.state) == (5, "Помогло", TicketState.CLOSED)


def test_an_internal_note_and_its_file_are_not_for_the_subscriber(session: Session, anna: int):
    ticket_id = asked(session, anna)
    irina = member(session)
    file_id, _ = attachments.begin(session, Owner(staff_id=irina), "журнал.pdf", now=NOON)
    attachments.finish(session, file_id, media_type="application/pdf", size=10)
    support.add_message(
        session,
        ticket(session, ticket_id),
        MessageKind.NOTE,
        "Похоже на мошенника",
        reference="note:1",
        staff_id=irina,
        file_ids=[file_id],
        now=NOON,
    )

    found = support.get_conversation(session, anna, ticket_id, now=NOON)
    assert [one.body for one in found.messages] == [TEXT]
    with pytest.raises(NotFound):
        attachments.get_for_subscriber(session, anna, file_id)
    assert attachments.get_for_staff(session, irina + 1, file_id).name == "журнал.pdf"


def test_a_file_goes_with_the_question_of_who_sent_it(session: Session, anna: int):
    boris = given(session)
    file_id = sent_file(session, anna)

    with pytest.raises(FilesGone):
        asked(session, boris, file_ids=[file_id])
    ticket_id = asked(session, anna, file_ids=[file_id])

    [message] = support.get_conversation(session, anna, ticket_id, now=NOON).messages
    assert [(file.name, file.size) for file in message.files] == [("снимок.png", 1_200)]
    assert attachments.get_for_subscriber(session, anna, file_id).id == file_id
    with pytest.raises(NotFound):
        attachments.get_for_subscriber(session, boris, file_id)


def test_a_sixth_file_is_refused_and_so_is_one_of_another_message(session: Session, anna: int):
    six = [sent_file(session, anna) for _ in range(6)]

    with pytest.raises(TooManyFiles), session.begin_nested():
        asked(session, anna, file_ids=six)
    asked(session, anna, file_ids=six[:1])
    with pytest.raises(FilesGone):
        asked(session, anna, occasion="second-one", file_ids=six[:1])


def test_files_that_no_message_takes_are_forgotten_after_a_day(session: Session, anna: int):
    sent_file(session, anna)
    asked(session, anna, file_ids=[sent_file(session, anna)])

    assert attachments.list_loose(session, now=NOON + DAY) == []
    [name] = attachments.list_loose(session, now=NOON + DAY + HOUR)
    attachments.forget(session, [name])
    assert attachments.list_loose(session, now=NOON + 9 * DAY) == []


def test_a_question_about_a_line_takes_its_explanation_along(session: Session, anna: int):
    ledger_line = expenses.list_lines(session, anna, NOON.date(), limit=1, now=NOON).lines[0]

    ticket_id = asked(session, anna, line_id=ledger_line.id)

    evidence = support.get_conversation(session, anna, ticket_id, now=NOON).evidence
    assert evidence is not None
    assert (evidence["line"]["id"], evidence["line"]["amount_kopecks"]) == (ledger_line.id, ledger_line.amount_kopecks)
    boris = given(session)
    with pytest.raises(NotFound):
        asked(session, boris, line_id=ledger_line.id)


@pytest.mark.parametrize("query", ["интернетом", "ИНТЕРНЕТ", "nokia раздается", "раздаёт", "планшет"])
def test_a_question_is_found_by_any_form_of_its_words(session: Session, anna: int, query: str):
    ticket_id = asked(session, anna)
    asked(session, anna, "Как сменить тариф?", "second-one")
    support.write(session, anna, ticket_id, "И с планшета", occasion="third-one", now=NOON)

    assert ticket_search.find(session, query, before=None, limit=10) == [ticket_id]


@pytest.mark.parametrize("query", ["", "!!!", "' OR 1=1 --", '" AND (', "интернет OR погода", "телефакс", "* : | & !"])
def test_what_is_typed_into_the_search_is_never_its_syntax(session: Session, anna: int, query: str):
    asked(session, anna)

    assert ticket_search.find(session, query, before=None, limit=10) == []


def test_answers_of_today_say_how_long_they_usually_take(session: Session, anna: int):
    assert support.usual_wait(session, now=NOON) is None
    row = ticket(session, asked(session, anna))
    for number, hours in enumerate((1, 3)):
        support.add_message(
            session, row, MessageKind.ANSWER, "Да", reference=f"a:{number}", waited=hours * HOUR, now=NOON
        )

    assert support.usual_wait(session, now=NOON) == 2 * HOUR
    assert session.exec(select(TicketMessage.waited_seconds)).all()[1:] == [3600, 10_800]


XSS = "<script>alert(1)</script><img src=x onerror=alert(1)>"


def test_text_of_people_is_kept_as_text(session: Session, anna: int):
    ticket_id = asked(session, anna, XSS)

    [message] = support.get_conversation(session, anna, ticket_id, now=NOON).messages
    assert message.body == XSS
