"""The desk of support: the queue by time left, whose a ticket is, the clock, promises that were broken, figures."""

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from cabinet.domain.errors import NotFound
from cabinet.domain.support import MessageKind, TicketCategory, TicketState
from cabinet.models.notices import Notice, NoticeKind
from cabinet.models.outbox import OutboxMessage
from cabinet.models.staff import StaffAction
from cabinet.models.support import Ticket, TicketBreach
from cabinet.services import notices, subscribers, support, support_desk
from cabinet.services.support_desk import (
    NothingToAsk,
    NotYours,
    Queue,
    TicketChanged,
    TitleMissing,
    TitleTaken,
)
from tests.conftest import NOON, both_engines
from tests.services.test_orders import given, store
from tests.services.test_support import DAY, HOUR, asked, member, sent_file, ticket

pytestmark = both_engines

MINUTE = timedelta(minutes=1)


@pytest.fixture
def anna(session: Session) -> int:
    store(session)
    return given(session, money=1_000_00)


@pytest.fixture
def irina(session: Session) -> int:
    return member(session)


@pytest.fixture
def petr(session: Session) -> int:
    return member(session, "petr")


def answer(session: Session, staff_id: int, ticket_id: int, text: str = "Перезагрузите телефон", **more) -> None:
    named = {"version": ticket(session, ticket_id).version, "occasion": "answer-1", "now": NOON + HOUR} | more
    support_desk.answer(session, staff_id, ticket_id, text, **named)


def test_the_queue_begins_with_who_has_the_least_time(session: Session, anna: int, irina: int):
    late = asked(session, anna, occasion="number-1", now=NOON - 25 * HOUR)
    new = asked(session, anna, occasion="number-2", now=NOON)
    soon = asked(session, anna, occasion="number-3", now=NOON - 21 * HOUR)

    first = support_desk.list_queue(session, irina, limit=2, now=NOON)
    rest = support_desk.list_queue(session, irina, after=first.next_after, limit=2, now=NOON)

    assert [line.id for line in (*first.lines, *rest.lines)] == [late, soon, new]
    assert rest.next_after is None


def test_each_queue_has_its_own(session: Session, anna: int, irina: int, petr: int):
    mine, his, free, late, waits = (
        asked(session, anna, occasion=f"number-{n}", now=NOON - n * HOUR) for n in (1, 2, 3, 25, 4)
    )
    support_desk.take(session, irina, mine, version=ticket(session, mine).version, now=NOON)
    support_desk.take(session, petr, his, version=ticket(session, his).version, now=NOON)
    support_desk.ask(
        session, irina, waits, "Где вы?", version=ticket(session, waits).version, occasion="ask-12345", now=NOON
    )

    def ids(queue: Queue, **more) -> list[int]:
        page = support_desk.list_queue(session, irina, queue=queue, limit=10, now=NOON, **more)
        return [line.id for line in page.lines]

    assert ids(Queue.OPEN) == [late, free, his, mine]
    assert ids(Queue.MINE) == [mine]
    assert ids(Queue.FREE) == [late, free]
    assert ids(Queue.BREACHED) == [late]
    assert ids(Queue.ASKED) == [waits]
    assert ids(Queue.OPEN, category=TicketCategory.MONEY) == []
    counts = support_desk.count(session, irina, now=NOON)
    assert (counts.open, counts.mine, counts.free, counts.breached, counts.soon, counts.asked) == (4, 1, 2, 1, 0, 1)


@pytest.mark.parametrize("query", ["№ {id}", "{id}", "телефоном", "+7 {phone}", "8{phone}"])
def test_a_ticket_is_found_by_number_words_and_telephone(session: Session, anna: int, irina: int, query: str):
    wanted = asked(session, anna)
    asked(session, given(session), "Почему списали деньги?", "second-one")
    phone = subscribers.get(session, anna).msisdn[1:]

    page = support_desk.search(session, irina, query.format(id=wanted, phone=phone), limit=10)

    assert [line.id for line in page.lines] == [wanted]


def test_an_answer_stops_the_clock_tells_the_subscriber_and_is_recorded(session: Session, anna: int, irina: int):
    ticket_id = asked(session, anna)

    answer(session, irina, ticket_id, now=NOON + 2 * HOUR)

    row = ticket(session, ticket_id)
    assert (row.state, row.answer_due_at, row.staff_id) == (TicketState.ANSWERED, None, irina)
    [_, message] = support.get_conversation(session, anna, ticket_id, now=NOON).messages
    assert (message.staff_name, message.waited_seconds) == ("Irina", 2 * 3600)
    [notice] = session.exec(select(Notice).where(Notice.kind == NoticeKind.TICKET_ANSWERED)).all()
    assert notice.subscriber_id == anna
    sms = session.exec(select(OutboxMessage.body).where(OutboxMessage.reference == f"{notice.reference}:sms")).one()
    assert sms == f"Ответили на обращение № {ticket_id}. Ответ в кабинете, в «Помощи»."
    action = session.exec(select(StaffAction).where(StaffAction.subscriber_id == anna)).one()
    assert (action.staff_id, action.kind, action.facts) == (irina, "ticket_answered", {"ticket": ticket_id})


def test_the_notice_leads_to_the_ticket(session: Session, anna: int, irina: int):
    ticket_id = asked(session, anna)
    answer(session, irina, ticket_id)

    [told] = notices.list_notices(session, anna, before=None, limit=1)
    assert told.link == f"/support/{ticket_id}/"


def test_one_press_is_one_answer(session: Session, anna: int, irina: int):
    ticket_id = asked(session, anna)
    version = ticket(session, ticket_id).version

    answer(session, irina, ticket_id, version=version)
    answer(session, irina, ticket_id, version=version)

    assert len(support.list_messages(session, ticket_id, with_notes=True)) == 2


def test_nobody_answers_unawares_what_has_changed(session: Session, anna: int, irina: int):
    ticket_id = asked(session, anna)
    version = ticket(session, ticket_id).version
    support.write(session, anna, ticket_id, "Уже работает", occasion="second-one", now=NOON)

    with pytest.raises(TicketChanged):
        answer(session, irina, ticket_id, version=version)


def test_somebody_elses_ticket_is_not_answered(session: Session, anna: int, irina: int, petr: int):
    ticket_id = asked(session, anna)
    support_desk.take(session, irina, ticket_id, version=ticket(session, ticket_id).version, now=NOON)
    version = ticket(session, ticket_id).version

    for act in (support_desk.take, support_desk.give_back, support_desk.close):
        with pytest.raises(NotYours):
            act(session, petr, ticket_id, version=version, now=NOON)
    with pytest.raises(NotYours):
        answer(session, petr, ticket_id)
    with pytest.raises(NotYours):
        support_desk.hand_over(session, petr, ticket_id, petr, version=version, now=NOON)


def test_a_ticket_is_returned_handed_over_and_given_by_a_supervisor(session: Session, anna: int, irina: int, petr: int):
    ticket_id = asked(session, anna)

    def version() -> int:
        return ticket(session, ticket_id).version

    support_desk.take(session, irina, ticket_id, version=version(), now=NOON)
    support_desk.hand_over(session, irina, ticket_id, petr, version=version(), now=NOON)
    assert ticket(session, ticket_id).staff_id == petr
    support_desk.hand_over(session, irina, ticket_id, irina, version=version(), may_any=True, now=NOON)
    support_desk.give_back(session, irina, ticket_id, version=version(), now=NOON)
    assert ticket(session, ticket_id).staff_id is None
    with pytest.raises(NotFound):
        support_desk.hand_over(session, irina, ticket_id, 10**9, version=version(), now=NOON)


def test_the_next_one_is_the_free_one_with_the_least_time(session: Session, anna: int, irina: int, petr: int):
    first, second = (asked(session, anna, occasion=f"number-{n}", now=NOON - n * HOUR) for n in (5, 3))

    assert support_desk.take_next(session, irina, now=NOON) == first
    assert support_desk.take_next(session, petr, now=NOON) == second
    assert support_desk.take_next(session, petr, now=NOON) is None


def test_the_clock_stands_while_the_subscriber_is_asked(session: Session, anna: int, irina: int):
    ticket_id = asked(session, anna)
    support_desk.ask(
        session,
        irina,
        ticket_id,
        "Какой у вас телефон?",
        version=ticket(session, ticket_id).version,
        occasion="ask-12345",
        now=NOON + 20 * HOUR,
    )
    assert support_desk.mark_breaches(session, now=NOON + 30 * DAY) == 0
    support.write(session, anna, ticket_id, "Nokia", occasion="second-one", now=NOON + 2 * DAY)

    assert ticket(session, ticket_id).answer_due_at == NOON + 2 * DAY + 4 * HOUR
    answer(session, irina, ticket_id, now=NOON + 2 * DAY + HOUR)
    assert support.list_messages(session, ticket_id, with_notes=False)[-1].waited_seconds == 21 * 3600


def test_what_is_answered_has_no_clock_to_stop(session: Session, anna: int, irina: int):
    ticket_id = asked(session, anna)
    answer(session, irina, ticket_id)

    with pytest.raises(NothingToAsk):
        support_desk.ask(
            session,
            irina,
            ticket_id,
            "А?",
            version=ticket(session, ticket_id).version,
            occasion="ask-12345",
            now=NOON,
        )


def test_a_note_is_for_staff_alone_and_moves_nothing(session: Session, anna: int, irina: int, petr: int):
    ticket_id = asked(session, anna)
    support_desk.take(session, irina, ticket_id, version=ticket(session, ticket_id).version, now=NOON)

    support_desk.note(session, petr, ticket_id, "Звонила вчера", occasion="note-1234", now=NOON)

    row = ticket(session, ticket_id)
    assert (row.state, row.answer_due_at, row.staff_id) == (TicketState.WAITING, NOON + DAY, irina)
    assert [one.kind for one in support.list_messages(session, ticket_id, with_notes=True)] == [
        MessageKind.QUESTION,
        MessageKind.NOTE,
    ]
    told = session.exec(select(Notice.kind).where(Notice.subscriber_id == anna)).all()
    assert NoticeKind.TICKET_ANSWERED not in told


def test_a_subscribers_file_is_not_sent_on_by_staff(session: Session, anna: int, irina: int):
    ticket_id = asked(session, anna)
    stolen = sent_file(session, anna)

    with pytest.raises(support.CabinetError):
        answer(session, irina, ticket_id, file_ids=[stolen])


def test_a_closed_ticket_can_be_opened_again(session: Session, anna: int, irina: int):
    ticket_id = asked(session, anna)
    support_desk.close(session, irina, ticket_id, version=ticket(session, ticket_id).version, now=NOON)
    assert support_desk.list_queue(session, irina, queue=Queue.DONE, limit=5, now=NOON).lines[0].id == ticket_id

    support.write(session, anna, ticket_id, "Нет", occasion="second-one", now=NOON + HOUR)

    assert ticket(session, ticket_id).answer_due_at == NOON + 25 * HOUR


def test_a_broken_promise_is_counted_once_and_told(session: Session, anna: int, irina: int):
    ticket_id = asked(session, anna)
    assert support_desk.mark_breaches(session, now=NOON + DAY - MINUTE) == 0

    assert support_desk.mark_breaches(session, now=NOON + DAY) == 1
    assert support_desk.mark_breaches(session, now=NOON + DAY + HOUR) == 0

    [breach] = session.exec(select(TicketBreach)).all()
    assert (breach.ticket_id, breach.due_at) == (ticket_id, NOON + DAY)
    [line] = support.list_tickets(session, anna, limit=1, now=NOON + DAY)
    assert line.late_until_at == NOON + 28 * HOUR
    [told] = notices.list_notices(session, anna, before=None, limit=1)
    assert notices.sentence(told.kind, told.facts, "ru").endswith("Ответим до 16:00.")
    answer(session, irina, ticket_id, now=NOON + 26 * HOUR)
    assert support.list_messages(session, ticket_id, with_notes=False)[-1].waited_seconds == 26 * 3600


def test_each_promise_can_be_broken(session: Session, anna: int, irina: int):
    ticket_id = asked(session, anna)
    support_desk.mark_breaches(session, now=NOON + DAY)
    answer(session, irina, ticket_id, now=NOON + 25 * HOUR)
    support.reopen(session, anna, ticket_id, now=NOON + 2 * DAY)

    assert support_desk.mark_breaches(session, now=NOON + 3 * DAY) == 1

    assert len(session.exec(select(TicketBreach)).all()) == 2


def test_who_looks_and_who_writes_is_seen_by_the_others(session: Session, anna: int, irina: int, petr: int):
    ticket_id = asked(session, anna)
    support_desk.look(session, petr, ticket_id, is_typing=True, now=NOON)

    def seen(moment) -> list[tuple[str, bool]]:
        found = support_desk.get_ticket(session, irina, ticket_id, now=moment)
        return [(one.name, one.is_typing) for one in found.colleagues]

    assert seen(NOON + timedelta(seconds=10)) == [("Petr", True)]
    assert seen(NOON + timedelta(seconds=20)) == [("Petr", False)]
    assert seen(NOON + MINUTE) == []


def test_templates_are_kept_by_their_names(session: Session, irina: int):
    first = support_desk.save_template(session, irina, 0, "Перезагрузка", "{name}, перезагрузите телефон", now=NOON)
    support_desk.save_template(session, irina, first, "Перезагрузите", "Так лучше", now=NOON)
    support_desk.save_template(session, irina, 0, "Деньги", "Вернём", now=NOON)

    assert [one.title for one in support_desk.list_templates(session)] == ["Деньги", "Перезагрузите"]
    with pytest.raises(TitleTaken):
        support_desk.save_template(session, irina, 0, "Деньги", "Ещё", now=NOON)
    with pytest.raises(TitleMissing):
        support_desk.save_template(session, irina, 0, " ", "Ещё", now=NOON)
    support_desk.delete_template(session, irina, first, now=NOON)
    assert [one.title for one in support_desk.list_templates(session)] == ["Деньги"]


def test_figures_say_how_answers_came(session: Session, anna: int, irina: int, petr: int):
    quick, slow, late = (asked(session, anna, occasion=f"number-{n}", now=NOON) for n in range(3))
    answer(session, irina, quick, occasion="answer-1", now=NOON + HOUR)
    answer(session, irina, slow, occasion="answer-2", now=NOON + 3 * HOUR)
    support_desk.mark_breaches(session, now=NOON + DAY)
    answer(session, petr, late, occasion="answer-3", now=NOON + 26 * HOUR)
    support.rate(session, anna, quick, 5, now=NOON + 26 * HOUR)
    support.rate(session, anna, late, 2, now=NOON + 26 * HOUR)

    found = support_desk.get_figures(session, days=7, now=NOON + 27 * HOUR)

    assert (found.answers, found.breaches, found.in_time_percent, found.average) == (3, 1, 66, 10 * HOUR)
    assert (found.stars_hundredths, found.ratings) == (350, 2)
    assert [(day.answers, day.average, day.breaches) for day in found.days[-2:]] == [
        (2, 2 * HOUR, 0),
        (1, 26 * HOUR, 1),
    ]
    assert [(one.name, one.answers, one.stars_hundredths) for one in found.members] == [
        ("Irina", 2, 500),
        ("Petr", 1, 200),
    ]


def test_no_ticket_of_nobody(session: Session, irina: int):
    for act in (support_desk.take, support_desk.close):
        with pytest.raises(NotFound):
            act(session, irina, 10**12, version=1, now=NOON)
    assert session.exec(select(Ticket)).all() == []
