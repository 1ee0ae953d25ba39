"""Corrections of balances decided at the same time: once, by one of them."""

from types import SimpleNamespace

import pytest

from cabinet import db
from cabinet.domain.errors import CabinetError
from cabinet.domain.staff import Role
from cabinet.models.subscribers import Subscriber
from cabinet.services import adjustments, cards
from tests.conftest import NOON, both_engines
from tests.reliability.test_ledger_races import assert_sound, at_once, main_of
from tests.services.test_options import CATALOGUE
from tests.services.test_orders import given, store
from tests.services.test_staff import given_member

pytestmark = both_engines


@pytest.fixture
def world(database: object) -> SimpleNamespace:
    """Анна with 120 roubles and an agent; three supervisors."""
    with db.transaction() as session:
        store(session, CATALOGUE)
        anna = given(session, money=12_000)
        number = session.get_one(Subscriber, anna).msisdn
        irina = given_member(session).id
        look_id = cards.open_card(session, irina, number, reason="money", words="Спорный звонок", now=NOON).look_id
        supervisors = [given_member(session, f"supervisor{one}", Role.SUPERVISOR).id for one in range(3)]
    return SimpleNamespace(anna=anna, irina=irina, look_id=look_id, supervisors=supervisors)


def proposing(world: SimpleNamespace, kopecks: int):
    facts = {"reason": "goodwill", "words": "Спорный звонок", "now": NOON}
    return lambda session: adjustments.propose(session, world.irina, world.look_id, amount_kopecks=kopecks, **facts)


def proposed(world: SimpleNamespace, kopecks: int) -> int:
    with db.transaction() as session:
        return proposing(world, kopecks)(session)


def approving(staff_id: int, adjustment_id: int):
    return lambda session: adjustments.approve(session, staff_id, adjustment_id, now=NOON)


def test_three_who_approve_at_once_give_the_money_once(world):
    adjustment_id = proposed(world, 7_000)

    answers = at_once(*(approving(one, adjustment_id) for one in world.supervisors))

    assert answers.count(None) == 1
    assert [type(one) for one in answers if one is not None] == [adjustments.AlreadyDecided] * 2
    assert main_of(world.anna) == 19_000
    assert_sound()


def test_approved_and_declined_at_once_is_one_of_both(world):
    adjustment_id = proposed(world, 7_000)

    answers = at_once(
        approving(world.supervisors[0], adjustment_id),
        lambda session: adjustments.decline(session, world.supervisors[1], adjustment_id, now=NOON),
    )

    assert answers.count(None) == 1
    assert main_of(world.anna) == (19_000 if answers[0] is None else 12_000)
    assert_sound()


def test_two_corrections_that_take_the_last_roubles_are_one_and_a_refusal(world):
    ids = [proposed(world, -10_000) for _ in range(2)]

    answers = at_once(*(approving(one, number) for one, number in zip(world.supervisors, ids, strict=False)))

    assert sorted(type(one).__name__ for one in answers) == ["NoneType", "NothingToTake"]
    assert main_of(world.anna) == 2_000
    assert_sound()


def test_the_days_sum_holds_when_much_is_proposed_at_once(world):
    answers = at_once(*(proposing(world, 500_000) for _ in range(6)))

    assert sum(isinstance(one, int) for one in answers) == 4  # 4 × 5 000 of 20 000 roubles
    assert {type(one) for one in answers if isinstance(one, CabinetError)} == {adjustments.DayIsUsedUp}
