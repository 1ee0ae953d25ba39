"""The ledger: postings once by reference, guarded balances, charges in bulk, debts, reversals, statements."""

from datetime import datetime, timedelta
from itertools import count as counter

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from cabinet import ledger
from cabinet.domain.errors import NotFound
from cabinet.ledger import CannotReverse, Charge, InsufficientFunds, Move, ReferenceConflict
from cabinet.models.ledger import AccountKind
from cabinet.models.subscribers import Subscriber
from tests.conftest import NOON, both_engines, count

_numbers = counter(1)


def given_subscriber(session: Session, *, money: int = 0, credit_limit: int = 0) -> int:
    number = next(_numbers)
    subscriber = Subscriber(account_number=f"L{number}", msisdn=f"7900{number:07}", region="moscow", activated_at=NOON)
    session.add(subscriber)
    session.flush()
    ledger.open_accounts(session, subscriber.id, credit_limit_kopecks=credit_limit)
    if money:
        top_up(session, subscriber.id, money)
    return subscriber.id


def top_up(
    session: Session, subscriber_id: int, kopecks: int, reference: str = "", at: datetime = NOON
) -> ledger.Posted:
    gateway, main = ledger.operator_account(session, "gateway"), ledger.accounts_of(session, subscriber_id).main_id
    return ledger.post(
        session,
        reference=reference or f"top-up:{next(_numbers)}",
        kind="top_up",
        moves=[Move(gateway, main, kopecks, {"paid_kopecks": kopecks, "source": "test"})],
        happened_at=at,
        now=NOON,
    )


def spend(
    session: Session, subscriber_id: int, kopecks: int, reference: str = "", at: datetime = NOON
) -> ledger.Posted:
    fees, main = ledger.operator_account(session, "fees"), ledger.accounts_of(session, subscriber_id).main_id
    return ledger.post(
        session,
        reference=reference or f"fee:{next(_numbers)}",
        kind="plan_fee",
        moves=[Move(main, fees, kopecks, {"parts": [{"code": "fee", "kopecks": kopecks}]})],
        happened_at=at,
        now=NOON,
    )


def owe(session: Session, subscriber_id: int, *amounts: int, at: datetime = NOON) -> list[int]:
    charges = [Charge(f"usage:{next(_numbers)}", subscriber_id, amount, at, {"n": amount}) for amount in amounts]
    return ledger.charge_many(
        session, charges, kind="usage", destination_id=ledger.operator_account(session, "usage"), now=NOON
    )


def main_of(session: Session, subscriber_id: int) -> int:
    return ledger.balance(session, subscriber_id).main


def total(session: Session) -> int:
    """What all accounts have together, the operator's too."""
    moved = "SELECT coalesce(sum(CASE WHEN a.id = p.source_id THEN -1 ELSE 1 END * p.amount_kopecks), 0)"
    return session.execute(
        text(f"{moved} FROM posting p JOIN account a ON a.id IN (p.source_id, p.destination_id)")
    ).scalar()


# --- accounts --------------------------------------------------------------------------------------------------------


@both_engines
def test_accounts_are_opened_once_with_their_limit(session: Session):
    anna = given_subscriber(session, credit_limit=5_000)

    again = ledger.open_accounts(session, anna, credit_limit_kopecks=9_999_999)

    assert again == ledger.accounts_of(session, anna)
    balances = ledger.balance(session, anna)
    assert (balances.main, balances.bonus, balances.debt, balances.credit_limit) == (0, 0, 0, 5_000)
    assert balances.available == 5_000


@both_engines
def test_an_operators_account_is_made_on_first_use(session: Session):
    first = ledger.operator_account(session, "promotions")

    assert ledger.operator_account(session, "promotions") == first
    assert ledger.operator_account(session, "fees") != first


def test_a_subscriber_without_accounts_is_not_found(session: Session):
    for question in (ledger.accounts_of, ledger.balance, ledger.statement):
        with pytest.raises(NotFound):
            question(session, 4_242)


# --- posting ---------------------------------------------------------------------------------------------------------


@both_engines
def test_money_moves_from_account_to_account(session: Session):
    anna = given_subscriber(session, money=10_000)

    spend(session, anna, 2_500)

    assert main_of(session, anna) == 7_500
    newest, oldest = ledger.statement(session, anna)
    assert (newest.amount_kopecks, newest.balance_kopecks, newest.kind) == (-2_500, 7_500, "plan_fee")
    assert (oldest.amount_kopecks, oldest.balance_kopecks, oldest.kind) == (10_000, 10_000, "top_up")
    assert total(session) == 0


@both_engines
def test_posting_twice_with_one_reference_is_posting_once(session: Session):
    anna = given_subscriber(session)

    first = top_up(session, anna, 10_000, "top-up:gateway-1")
    second = top_up(session, anna, 10_000, "top-up:gateway-1")

    assert (first.is_new, second.is_new) == (True, False)
    assert first.transaction_id == second.transaction_id
    assert main_of(session, anna) == 10_000


@both_engines
def test_a_reference_used_for_something_else_is_refused(session: Session):
    anna, boris = given_subscriber(session, money=5_000), given_subscriber(session)
    top_up(session, anna, 10_000, "top-up:gateway-1")

    with pytest.raises(ReferenceConflict):
        top_up(session, anna, 10_001, "top-up:gateway-1")
    with pytest.raises(ReferenceConflict):
        top_up(session, boris, 10_000, "top-up:gateway-1")
    with pytest.raises(ReferenceConflict):
        spend(session, anna, 10_000, "top-up:gateway-1")
    assert (main_of(session, anna), main_of(session, boris)) == (15_000, 0)


@both_engines
def test_what_lacks_is_told_and_the_callers_other_work_stays(session: Session):
    anna = given_subscriber(session, money=9_999)
    session.add(Subscriber(account_number="other work", msisdn="70000000000", region="moscow", activated_at=NOON))

    with pytest.raises(InsufficientFunds) as refusal:
        spend(session, anna, 10_000, "fee:refused")

    assert refusal.value.facts["lacking_kopecks"] == 1
    assert refusal.value.text.startswith("Не хватает денег на счёте")
    assert main_of(session, anna) == 9_999
    found = text("SELECT count(*) FROM subscriber WHERE account_number = 'other work'")
    assert session.execute(found).scalar() == 1
    top_up(session, anna, 1)
    assert spend(session, anna, 10_000, "fee:refused").is_new  # a refusal does not use the reference up


def test_the_credit_limit_can_be_spent_to_the_last_kopeck(session: Session):
    anna = given_subscriber(session, money=100, credit_limit=50)

    with pytest.raises(InsufficientFunds):
        spend(session, anna, 151)
    spend(session, anna, 150)

    assert main_of(session, anna) == -50
    assert ledger.balance(session, anna).available == 0


def test_a_transaction_is_judged_as_a_whole(session: Session):
    anna = given_subscriber(session, money=100)
    accounts, promotions = ledger.accounts_of(session, anna), ledger.operator_account(session, "promotions")
    fees = ledger.operator_account(session, "fees")

    ledger.post(
        session,
        reference="order:1",
        kind="test",
        moves=[
            Move(accounts.main_id, fees, 300, {"price_kopecks": 300}),
            Move(promotions, accounts.main_id, 250, {"discount_kopecks": 250}),
        ],
        happened_at=NOON,
        now=NOON,
    )

    assert main_of(session, anna) == 50
    assert sorted(line.balance_kopecks for line in ledger.statement(session, anna, limit=2)) == [-200, 50]


@pytest.mark.parametrize(
    ("amount", "error"), [(0, ValueError), (-1, ValueError), (1.0, TypeError), (True, TypeError), ("1", TypeError)]
)
def test_only_a_whole_positive_number_of_kopecks_moves(session: Session, amount: object, error: type[Exception]):
    anna = given_subscriber(session, money=100)

    with pytest.raises(error):
        spend(session, anna, amount)  # type: ignore[arg-type]
    with pytest.raises(error):
        owe(session, anna, amount)  # type: ignore[arg-type]
    assert main_of(session, anna) == 100


def test_a_transaction_moves_something_somewhere_else(session: Session):
    main = ledger.accounts_of(session, given_subscriber(session, money=100)).main_id
    for moves in ([], [Move(main, main, 1, {})]):
        with pytest.raises(ValueError, match=r"postings|itself"):
            ledger.post(session, reference="x", kind="test", moves=moves, happened_at=NOON, now=NOON)


@both_engines
@pytest.mark.parametrize("table", ["posting", "ledger_transaction"])
@pytest.mark.parametrize("change", ["UPDATE {} SET happened_at = happened_at", "DELETE FROM {}"])
def test_what_was_posted_cannot_be_changed(session: Session, table: str, change: str):
    given_subscriber(session, money=100)

    with pytest.raises(DBAPIError, match="insert-only"), session.begin_nested():
        session.execute(text(change.format(table)))


# --- charges in bulk -------------------------------------------------------------------------------------------------


@both_engines
def test_a_charge_takes_from_main_what_there_is_and_owes_the_rest(session: Session):
    anna = given_subscriber(session, money=100, credit_limit=20)

    ids = owe(session, anna, 70, 70, 70)

    assert ids == sorted(set(ids))
    balances = ledger.balance(session, anna)
    assert (balances.main, balances.debt, balances.available) == (-20, -90, 0)  # 120 were available, 210 charged
    main = {(line.amount_kopecks, line.balance_kopecks) for line in ledger.statement(session, anna)}
    assert main == {(100, 100), (-70, 30), (-50, -20)}
    debt = {
        (line.amount_kopecks, line.balance_kopecks)
        for line in ledger.statement(session, anna, account=AccountKind.DEBT)
    }
    assert debt == {(-20, -20), (-70, -90)}
    assert total(session) == 0


@both_engines
def test_charges_twice_are_charges_once_and_new_ones_among_them_are_made(session: Session):
    anna, boris = given_subscriber(session, money=1_000), given_subscriber(session, money=10)
    usage = ledger.operator_account(session, "usage")
    charges = [
        Charge("usage:a", anna, 100, NOON, {"n": 1}),
        Charge("usage:b", boris, 30, NOON, {"n": 2}),
        Charge("usage:c", anna, 200, NOON, {"n": 3}),
    ]

    first = ledger.charge_many(session, charges[:2], kind="usage", destination_id=usage, now=NOON)
    second = ledger.charge_many(session, charges[::-1], kind="usage", destination_id=usage, now=NOON)

    assert second[1:] == first[::-1]
    assert second[0] not in first
    assert (main_of(session, anna), main_of(session, boris)) == (700, 0)
    assert ledger.balance(session, boris).debt == -20


@both_engines
def test_a_charge_under_a_reference_of_another_is_refused_with_all_of_the_call(session: Session):
    anna, boris = given_subscriber(session, money=1_000), given_subscriber(session, money=1_000)
    usage = ledger.operator_account(session, "usage")
    ledger.charge_many(session, [Charge("usage:a", anna, 100, NOON, {})], kind="usage", destination_id=usage, now=NOON)
    fresh = Charge("usage:b", boris, 5, NOON, {})

    for other in (
        [Charge("usage:a", anna, 101, NOON, {})],
        [Charge("usage:a", boris, 100, NOON, {})],
        [fresh, fresh],
    ):
        with pytest.raises(ReferenceConflict):
            ledger.charge_many(session, [fresh, *other], kind="usage", destination_id=usage, now=NOON)
    assert (main_of(session, anna), main_of(session, boris)) == (900, 1_000)


def test_a_charge_of_somebody_without_accounts_is_refused(session: Session):
    anna = given_subscriber(session, money=1_000)
    charges = [Charge("usage:a", anna, 100, NOON, {}), Charge("usage:b", 4_242, 100, NOON, {})]

    with pytest.raises(NotFound):
        ledger.charge_many(
            session, charges, kind="usage", destination_id=ledger.operator_account(session, "usage"), now=NOON
        )
    assert main_of(session, anna) == 1_000


@both_engines
def test_nothing_to_charge_is_no_trouble(session: Session):
    usage = ledger.operator_account(session, "usage")
    assert ledger.charge_many(session, [], kind="usage", destination_id=usage, now=NOON) == []
    assert ledger.take_many(session, [], kind="plan_fee", destination_id=usage, now=NOON) == []


@both_engines
def test_what_can_be_refused_is_taken_whole_or_not_at_all(session: Session):
    anna, boris = given_subscriber(session, money=100), given_subscriber(session)
    fees = ledger.operator_account(session, "fees")
    charges = [
        Charge("fee:1", anna, 60, NOON, {}),
        Charge("fee:2", anna, 50, NOON, {}),
        Charge("fee:3", boris, 1, NOON, {}),
        Charge("fee:4", anna, 40, NOON, {}),
    ]

    first = ledger.take_many(session, charges, kind="plan_fee", destination_id=fees, now=NOON)
    second = ledger.take_many(session, charges, kind="plan_fee", destination_id=fees, now=NOON)

    assert [transaction_id is not None for transaction_id in first] == [True, False, False, True]
    assert first == second
    assert main_of(session, anna) == 0
    assert ledger.balance(session, boris).debt == 0
    assert count(session, "ledger_transaction") == 3  # a top-up and two fees


@both_engines
def test_a_bulk_charge_costs_a_fixed_number_of_statements(session: Session):
    people = [given_subscriber(session, money=100) for _ in range(20)]
    usage = ledger.operator_account(session, "usage")
    seen: list[str] = []

    def charge(number: int) -> int:
        charges = [Charge(f"u:{number}:{i}", people[i % 20], 1, NOON, {}) for i in range(number)]
        seen.clear()
        ledger.charge_many(session, charges, kind="usage", destination_id=usage, now=NOON)
        return len(seen)

    event.listen(session.connection(), "before_cursor_execute", lambda *args: seen.append(args[2]))
    assert charge(20) == charge(2_000) <= 10


# --- debts -----------------------------------------------------------------------------------------------------------


@both_engines
def test_a_debt_is_settled_as_far_as_the_money_goes(session: Session):
    anna = given_subscriber(session)
    owe(session, anna, 100)
    top_up(session, anna, 60)

    assert ledger.settle_debt(session, anna, now=NOON) == 60
    assert ledger.settle_debt(session, anna, now=NOON) == 0
    top_up(session, anna, 60)
    assert ledger.settle_debt(session, anna, now=NOON) == 40
    assert ledger.settle_debt(session, anna, now=NOON) == 0

    balances = ledger.balance(session, anna)
    assert (balances.main, balances.debt) == (20, 0)


def test_what_went_beyond_the_limit_is_settled_within_it_again(session: Session):
    anna = given_subscriber(session, credit_limit=100)
    owe(session, anna, 150)
    top_up(session, anna, 60)

    ledger.settle_debt(session, anna, now=NOON)

    balances = ledger.balance(session, anna)
    assert (balances.main, balances.debt) == (-90, 0)  # 150 − 60


# --- reversal --------------------------------------------------------------------------------------------------------


@both_engines
def test_a_reversal_gives_back_and_happens_once(session: Session):
    anna = given_subscriber(session, money=1_000)
    fee = spend(session, anna, 300)

    first = ledger.reverse(session, fee.transaction_id, reference="reversal:1", now=NOON)
    second = ledger.reverse(session, fee.transaction_id, reference="reversal:1", now=NOON)

    assert (first.is_new, second.is_new) == (True, False)
    assert first.transaction_id == second.transaction_id
    assert main_of(session, anna) == 1_000
    with pytest.raises(CannotReverse):
        ledger.reverse(session, fee.transaction_id, reference="reversal:2", now=NOON)
    with pytest.raises(CannotReverse):
        ledger.reverse(session, first.transaction_id, reference="reversal:3", now=NOON)
    assert total(session) == 0


def test_a_charge_paid_from_two_accounts_goes_back_to_both(session: Session):
    anna = given_subscriber(session, money=50)
    (charge,) = owe(session, anna, 100)

    ledger.reverse(session, charge, reference="reversal:1", now=NOON)

    balances = ledger.balance(session, anna)
    assert (balances.main, balances.debt) == (50, 0)


@both_engines
def test_a_reversed_charge_whose_debt_was_settled_goes_back_to_main(session: Session):
    anna = given_subscriber(session, money=50)
    (charge,) = owe(session, anna, 100)
    top_up(session, anna, 70)
    ledger.settle_debt(session, anna, now=NOON)  # 50 of the 70

    ledger.reverse(session, charge, reference="reversal:1", now=NOON)

    balances = ledger.balance(session, anna)
    assert (balances.main, balances.debt) == (120, 0)
    assert total(session) == 0


@both_engines
def test_a_top_up_that_was_spent_cannot_be_reversed(session: Session):
    anna = given_subscriber(session)
    money = top_up(session, anna, 100)
    spend(session, anna, 1)

    with pytest.raises(InsufficientFunds) as refusal:
        ledger.reverse(session, money.transaction_id, reference="reversal:1", now=NOON)

    assert refusal.value.facts["lacking_kopecks"] == 1
    assert main_of(session, anna) == 99


def test_what_is_not_there_cannot_be_reversed_nor_under_a_used_reference(session: Session):
    anna = given_subscriber(session, money=100)
    fee = spend(session, anna, 10, "fee:1")

    with pytest.raises(NotFound):
        ledger.reverse(session, 4_242_424, reference="reversal:1", now=NOON)
    with pytest.raises(ReferenceConflict):
        ledger.reverse(session, fee.transaction_id, reference="fee:1", now=NOON)
    assert main_of(session, anna) == 90


# --- reading ---------------------------------------------------------------------------------------------------------


@both_engines
def test_a_statement_is_paged_without_gaps_or_repetitions(session: Session):
    anna = given_subscriber(session)
    for minute in (0, 0, 0, 5, 5, 3, 9, 9, 9, 9):  # several in one instant, some late
        top_up(session, anna, 10, at=NOON + timedelta(minutes=minute))
        spend(session, anna, 1, at=NOON + timedelta(minutes=minute))

    whole = ledger.statement(session, anna, limit=100)
    pages, before = [], None
    while page := ledger.statement(session, anna, before=before, limit=3):
        pages += page
        before = (page[-1].happened_at, page[-1].posting_id)

    assert pages == whole
    assert len(whole) == 20
    assert [(line.happened_at, line.posting_id) for line in whole] == sorted(
        ((line.happened_at, line.posting_id) for line in whole), reverse=True
    )


def test_a_statement_shows_nobody_elses_money(session: Session):
    anna, boris = given_subscriber(session, money=100), given_subscriber(session, money=200)

    assert [line.amount_kopecks for line in ledger.statement(session, anna)] == [100]
    assert [line.amount_kopecks for line in ledger.statement(session, boris)] == [200]


def test_a_statement_reads_only_the_subscribers_own_rows(session: Session):
    anna = given_subscriber(session, money=100)
    seen: list[tuple[str, object]] = []
    event.listen(session.connection(), "before_cursor_execute", lambda *args: seen.append((args[2], args[3])))

    ledger.statement(session, anna, before=(NOON, 10**9))
    query, parameters = seen[-1]

    plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", parameters).all()
    steps = " ".join(row[3] for row in plan)
    assert "ix_posting_out (source_id=? AND happened_at<?)" in steps
    assert "ix_posting_in (destination_id=? AND happened_at<?)" in steps
    assert "SCAN posting" not in steps


@both_engines
def test_spent_is_what_the_operator_earned(session: Session):
    anna = given_subscriber(session, money=500)
    spend(session, anna, 300)
    owe(session, anna, 250)  # 200 from main, 50 owed
    top_up(session, anna, 100)
    ledger.settle_debt(session, anna, now=NOON)  # from pocket to pocket: nothing earned
    fee = spend(session, anna, 20)
    ledger.reverse(session, fee.transaction_id, reference="reversal:1", now=NOON)
    spend(session, anna, 7, at=NOON + timedelta(hours=1))

    spend(session, anna, 7, at=NOON + timedelta(days=1))

    days = "SELECT day_on, sum(amount_kopecks), sum(postings) FROM spending_day WHERE subscriber_id = :anna GROUP BY 1"
    rows = session.execute(text(f"{days} ORDER BY 1"), {"anna": anna})
    assert [(str(day_on), int(kopecks), int(postings)) for day_on, kopecks, postings in rows] == [
        ("2026-11-23", 557, 6),  # 300, 200 and 50, 20 and its return, 7
        ("2026-11-24", 7, 1),
    ]


def test_an_amount_follows_from_its_explanation():
    assert ledger.explained_amount("debt_settlement", {"debt_kopecks": 5, "available_kopecks": 7}) == 5
    assert ledger.explained_amount("plan_fee", {"parts": [{"kopecks": 5}, {"kopecks": 7}]}) == 12
    with pytest.raises(KeyError):
        ledger.explained_amount("magic", {})
