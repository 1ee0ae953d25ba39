"""Corrections of balances: two people, one transaction, a reason that the subscriber reads."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from cabinet import ledger
from cabinet.config import settings
from cabinet.domain.errors import NotFound
from cabinet.domain.staff import Role
from cabinet.models.adjustments import AdjustmentState, BalanceAdjustment
from cabinet.models.ledger import LedgerTransaction
from cabinet.models.notices import Notice, NoticeKind
from cabinet.models.subscribers import Subscriber
from cabinet.services import adjustments, audit, cards, expenses
from tests.conftest import NOON, both_engines
from tests.services.test_cards import given_own
from tests.services.test_options import CATALOGUE
from tests.services.test_orders import given, money_of, store
from tests.services.test_staff import given_member

WORDS = "Вернули за звонок в Казахстан"


@pytest.fixture
def world(session: Session) -> SimpleNamespace:
    """Анна with 120 roubles; Ирина proposes, Пётр approves."""
    store(session, CATALOGUE)
    anna = given(session, money=12_000)
    number = session.get_one(Subscriber, anna).msisdn
    return SimpleNamespace(
        session=session,
        anna=anna,
        number=number,
        irina=given_member(session).id,
        pyotr=given_member(session, "pyotr", Role.SUPERVISOR).id,
    )


def propose(world: SimpleNamespace, kopecks: object = 7_000, *, by: int = 0, reason: str = "wrong_charge", **more: str):
    by = by or world.irina
    look_id = cards.open_card(world.session, by, world.number, reason="money", words="Спорный звонок", now=NOON).look_id
    given = {"words": WORDS} | more
    return adjustments.propose(world.session, by, look_id, amount_kopecks=kopecks, reason=reason, now=NOON, **given)


def state_of(world: SimpleNamespace, adjustment_id: int) -> AdjustmentState:
    return world.session.get_one(BalanceAdjustment, adjustment_id).state


@both_engines
def test_what_was_proposed_moves_no_money(world, engine_name):
    adjustment_id = propose(world)

    assert money_of(world.session, world.anna) == 12_000
    assert state_of(world, adjustment_id) is AdjustmentState.WAITING


@both_engines
@pytest.mark.parametrize(("kopecks", "after"), [(7_000, 19_000), (-7_000, 5_000), (-12_000, 0), (1, 12_001)])
def test_a_second_person_carries_it_out_to_the_kopeck(world, engine_name, kopecks, after):
    adjustment_id = propose(world, kopecks)

    adjustments.approve(world.session, world.pyotr, adjustment_id, now=NOON)

    assert money_of(world.session, world.anna) == after
    assert state_of(world, adjustment_id) is AdjustmentState.APPROVED
    assert audit.run_audit(world.session).faults == []


def test_the_statement_says_why(world):
    adjustments.approve(world.session, world.pyotr, propose(world), now=NOON)

    line = ledger.statement(world.session, world.anna, limit=1)[0]
    assert (line.kind, line.amount_kopecks) == ("adjustment", 7_000)
    assert ledger.explained_amount(line.kind, line.explanation) == 7_000
    found = expenses.explain_line(world.session, world.anna, f"p{line.posting_id}")
    assert (found.words, found.balance_after_kopecks) == (WORDS, 19_000)


def test_a_correction_is_no_spending_of_the_month(world):
    before = expenses.list_spending(world.session, world.anna, NOON.date(), NOON.date() + timedelta(days=1))
    adjustments.approve(world.session, world.pyotr, propose(world, -5_000), now=NOON)

    after = expenses.list_spending(world.session, world.anna, NOON.date(), NOON.date() + timedelta(days=1))
    assert list(after) == list(before)


def test_the_subscriber_is_told_and_reads_both_names(world):
    adjustments.approve(world.session, world.pyotr, propose(world), now=NOON)

    notice = world.session.exec(select(Notice).where(Notice.kind == NoticeKind.ADJUSTED)).one()
    assert notice.facts == {"kopecks": 7_000, "is_taken": False}
    done = [(one.kind, one.member_name) for one in cards.list_done(world.session, world.anna, limit=2)]
    assert done == [("adjustment_approved", "Ирина М."), ("adjustment_proposed", "Ирина М.")]


@both_engines
def test_nobody_approves_what_they_have_proposed(world, engine_name):
    adjustment_id = propose(world, by=world.pyotr)

    with pytest.raises(adjustments.OwnProposal):
        adjustments.approve(world.session, world.pyotr, adjustment_id, now=NOON)

    assert money_of(world.session, world.anna) == 12_000


@both_engines
def test_the_database_itself_refuses_one_person_for_both(world, engine_name):
    propose(world)
    both = "state = 'approved', decided_by_id = proposed_by_id, decided_at = proposed_at"
    posted = "transaction_id = (SELECT max(id) FROM ledger_transaction)"

    with pytest.raises(IntegrityError, match="two_people"), world.session.begin_nested():
        world.session.execute(text(f"UPDATE balance_adjustment SET {both}, {posted}"))


def test_nobody_touches_their_own_account(world):
    adjustment_id = propose(world)
    own = given_own(world.session, world.number)

    with pytest.raises(cards.OwnAccount):
        adjustments.approve(world.session, own, adjustment_id, now=NOON)
    with pytest.raises(cards.OwnAccount):
        propose(world, by=own)


@both_engines
def test_what_was_approved_is_not_approved_again(world, engine_name):
    adjustment_id = propose(world)
    adjustments.approve(world.session, world.pyotr, adjustment_id, now=NOON)
    olga = given_member(world.session, "olga", Role.SUPERVISOR).id

    for decide in (adjustments.approve, adjustments.decline):
        with pytest.raises(adjustments.AlreadyDecided):
            decide(world.session, olga, adjustment_id, now=NOON)

    assert money_of(world.session, world.anna) == 19_000
    transactions = world.session.exec(select(LedgerTransaction).where(LedgerTransaction.kind == "adjustment")).all()
    assert [transaction.reference for transaction in transactions] == [f"adjustment:{adjustment_id}"]


def test_more_than_there_is_cannot_be_taken_and_it_goes_on_waiting(world):
    adjustment_id = propose(world, -12_001)

    with pytest.raises(adjustments.NothingToTake):
        adjustments.approve(world.session, world.pyotr, adjustment_id, now=NOON)

    assert (money_of(world.session, world.anna), state_of(world, adjustment_id)) == (12_000, AdjustmentState.WAITING)


def test_a_proposal_is_declined_by_a_supervisor_or_taken_back(world):
    first, second = propose(world), propose(world)

    adjustments.decline(world.session, world.pyotr, first, now=NOON)
    adjustments.decline(world.session, world.irina, second, now=NOON)

    assert {state_of(world, first), state_of(world, second)} == {AdjustmentState.DECLINED}
    assert money_of(world.session, world.anna) == 12_000


def test_an_agent_does_not_decline_what_a_colleague_proposed(world):
    adjustment_id = propose(world)
    olga = given_member(world.session, "olga").id

    with pytest.raises(adjustments.NotYours):
        adjustments.decline(world.session, olga, adjustment_id, now=NOON)


@pytest.mark.parametrize("kopecks", [0, 500_001, -500_001, 10**30, True, 1.5, "700", None])
def test_an_odd_sum_is_refused(world, kopecks):
    with pytest.raises(adjustments.AmountOutOfRange):
        propose(world, kopecks)


@pytest.mark.parametrize("more", [{"reason": ""}, {"reason": "because"}, {"words": "нет"}, {"words": "x" * 301}])
def test_without_an_explanation_nothing_is_proposed(world, more):
    with pytest.raises(adjustments.WordsMissing):
        propose(world, **more)


def test_a_days_sum_has_an_end_and_what_was_declined_does_not_count(world):
    most, a_day = settings().adjustment_most_roubles * 100, settings().adjustment_day_roubles * 100
    proposed = [propose(world, most if number % 2 else -most) for number in range(a_day // most)]
    with pytest.raises(adjustments.DayIsUsedUp):
        propose(world, 1)

    adjustments.decline(world.session, world.irina, proposed[0], now=NOON)

    assert propose(world, most)


def test_without_an_open_card_nothing_is_proposed(world):
    look_id = cards.open_card(
        world.session, world.irina, world.number, reason="money", words="Спорный звонок", now=NOON
    ).look_id
    for by, now in ((world.pyotr, NOON), (world.irina, NOON + timedelta(minutes=30))):
        with pytest.raises(cards.LookIsOver):
            adjustments.propose(world.session, by, look_id, amount_kopecks=1, reason="goodwill", words=WORDS, now=now)


def test_what_does_not_exist_is_not_found(world):
    for decide in (adjustments.approve, adjustments.decline):
        with pytest.raises(NotFound):
            decide(world.session, world.pyotr, 999, now=NOON)


@both_engines
def test_the_audit_sees_a_transaction_that_nobody_proposed(world, engine_name):
    account = ledger.operator_account(world.session, "adjustments")
    main = ledger.accounts_of(world.session, world.anna).main_id
    facts = {"adjusted_kopecks": 100, "adjustment_id": 77, "reason": "goodwill", "words": WORDS}
    ledger.post(
        world.session,
        reference="adjustment:77",
        kind="adjustment",
        moves=[ledger.Move(account, main, 100, facts)],
        happened_at=NOON,
        now=NOON,
    )

    faults = [str(fault) for fault in audit.run_audit(world.session).faults]
    assert faults == [f"subscriber:{world.anna}:main: adjustment:77 was proposed by nobody"]
