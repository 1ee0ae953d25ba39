"""Two members of the staff at one ticket at once: one takes it, one answers, the other is told."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlmodel import select

from cabinet import db
from cabinet.domain.errors import CabinetError
from cabinet.models.support import TicketBreach, TicketMessage
from cabinet.services import support, support_desk
from tests.conftest import NOON, both_engines
from tests.services.test_orders import given, store
from tests.services.test_support import DAY, asked, member, ticket

pytestmark = both_engines


@pytest.fixture
def desk(database) -> tuple[int, int, int, int]:
    """A ticket with its version, and two agents."""
    with db.transaction() as session:
        store(session)
        ticket_id = asked(session, given(session))
        return ticket_id, ticket(session, ticket_id).version, member(session), member(session, "petr")


def at_once(*acts: Callable[[], object]) -> list[str]:
    """What became of each: the error's name, or "done"."""
    barrier = Barrier(len(acts))

    def run(act: Callable[[], object]) -> str:
        barrier.wait()
        try:
            act()
        except CabinetError as error:
            return type(error).__name__
        return "done"

    with ThreadPoolExecutor(len(acts)) as pool:
        return sorted(pool.map(run, acts))


def in_its_own(act: Callable, *arguments: object, **named: object) -> Callable[[], object]:
    def call() -> object:
        with db.transaction() as session:
            return act(session, *arguments, **named)

    return call


def test_two_take_one_ticket(desk: tuple[int, int, int, int]):
    ticket_id, version, irina, petr = desk

    became = at_once(
        *(in_its_own(support_desk.take, who, ticket_id, version=version, now=NOON) for who in (irina, petr))
    )

    assert became == ["TicketChanged", "done"]


def test_two_answer_one_ticket(desk: tuple[int, int, int, int]):
    ticket_id, version, irina, petr = desk

    became = at_once(
        *(
            in_its_own(support_desk.answer, who, ticket_id, "Да", version=version, occasion="answer-1", now=NOON)
            for who in (irina, petr)
        )
    )

    assert became == ["TicketChanged", "done"]
    with db.reading() as session:
        assert len(session.exec(select(TicketMessage)).all()) == 2


def test_an_answer_and_the_subscribers_next_words_cross(desk: tuple[int, int, int, int]):
    ticket_id, version, irina, _ = desk
    with db.reading() as session:
        anna = ticket(session, ticket_id).subscriber_id

    became = at_once(
        in_its_own(support_desk.answer, irina, ticket_id, "Да", version=version, occasion="answer-1", now=NOON),
        in_its_own(support.write, anna, ticket_id, "Уже нет", occasion="second-one", now=NOON),
    )

    with db.reading() as session:
        row = ticket(session, ticket_id)
    # Whoever was first: nothing of what was written is lost, and words after an answer wait for one again.
    assert became in (["TicketChanged", "done"], ["done", "done"])
    assert row.answer_due_at == NOON + DAY


def test_two_take_the_next_one(desk: tuple[int, int, int, int]):
    _, _, irina, petr = desk
    taken: list[int | None] = []

    def take(who: int) -> Callable[[], object]:
        call = in_its_own(support_desk.take_next, who, now=NOON)
        return lambda: taken.append(call())  # type: ignore[arg-type]

    at_once(take(irina), take(petr))

    assert sorted(taken, key=str) == sorted([desk[0], None], key=str)


def test_two_workers_mark_one_broken_promise(desk: tuple[int, int, int, int]):
    marking = in_its_own(support_desk.mark_breaches, now=NOON + DAY)

    assert at_once(marking, marking) == ["done", "done"]

    with db.reading() as session:
        assert len(session.exec(select(TicketBreach)).all()) == 1


def test_one_press_that_arrives_twice_at_once_is_one_question(database):
    with db.transaction() as session:
        store(session)
        anna = given(session)

    def ask() -> object:
        with db.transaction() as session:
            return asked(session, anna)

    assert at_once(ask, ask).count("done") >= 1
    with db.reading() as session:
        assert len(session.exec(select(TicketMessage)).all()) == 1
