"""Any sequence of what can happen to money, against a model of a few integers; every invariant after every step."""

from dataclasses import dataclass
from itertools import count as counter
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule, run_state_machine_as_test
from sqlalchemy import text
from sqlmodel import Session

from cabinet import ledger
from cabinet.ledger import CannotReverse, Charge, InsufficientFunds, Move, Posted, ReferenceConflict
from cabinet.models.subscribers import Subscriber
from cabinet.services import audit
from tests.conftest import NOON, both_engines

PEOPLE = 3
LIMITS = (0, 50, 1_000)
AMOUNTS = st.integers(1, 200)
WHO = st.integers(0, PEOPLE - 1)

_numbers = counter(1)


@dataclass
class Purse:
    """What the model knows of a subscriber."""

    limit: int
    main: int = 0
    debt: int = 0

    @property
    def available(self) -> int:
        return self.main + self.limit


@dataclass(frozen=True)
class Done:
    """A transaction of the model: how main and debt of a subscriber changed, and how to ask for it again."""

    transaction_id: int
    who: int
    main: int
    debt: int
    again: Any


class LedgerMachine(RuleBasedStateMachine):
    """Top-ups, fees, usage, settlements, reversals and repetitions of them all."""

    done = Bundle("done")

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.savepoint = session.begin_nested()
        self.purses = [Purse(limit) for limit in LIMITS]
        self.reversed: dict[int, str] = {}
        self.transactions = 0
        self.people = []
        for limit in LIMITS:
            number = next(_numbers)
            person = Subscriber(account_number=f"M{number}", msisdn=f"7901{number:07}", region="x", activated_at=NOON)
            session.add(person)
            session.flush()
            ledger.open_accounts(session, person.id, credit_limit_kopecks=limit)
            self.people.append(person.id)
        self.gateway, self.fees, self.usage = (
            ledger.operator_account(session, name) for name in ("gateway", "fees", "usage")
        )

    def teardown(self) -> None:
        self.savepoint.rollback()

    def main_id(self, who: int) -> int:
        return ledger.accounts_of(self.session, self.people[who]).main_id

    def post(self, reference: str, kind: str, move: Move) -> Posted:
        return ledger.post(self.session, reference=reference, kind=kind, moves=[move], happened_at=NOON, now=NOON)

    @rule(target=done, who=WHO, amount=AMOUNTS)
    def top_up(self, who: int, amount: int) -> Done:
        reference = f"top-up:{next(_numbers)}"
        move = Move(self.gateway, self.main_id(who), amount, {"paid_kopecks": amount, "source": "test"})

        def again() -> int:
            return self.post(reference, "top_up", move).transaction_id

        self.purses[who].main += amount
        self.transactions += 1
        return Done(again(), who, amount, 0, again)

    @rule(target=done, who=WHO, amount=AMOUNTS)
    def pay_a_fee(self, who: int, amount: int) -> Any:
        purse, reference = self.purses[who], f"fee:{next(_numbers)}"
        parts = {"parts": [{"code": "fee", "kopecks": amount}]}
        move = Move(self.main_id(who), self.fees, amount, parts)
        if amount > purse.available:
            with pytest.raises(InsufficientFunds) as refusal:
                self.post(reference, "plan_fee", move)
            assert refusal.value.facts["lacking_kopecks"] == amount - purse.available
            return multiple()

        def again() -> int:
            return self.post(reference, "plan_fee", move).transaction_id

        purse.main -= amount
        self.transactions += 1
        return Done(again(), who, -amount, 0, again)

    @rule(target=done, charges=st.lists(st.tuples(WHO, AMOUNTS), min_size=1, max_size=6), may_owe=st.booleans())
    def charge_in_bulk(self, charges: list[tuple[int, int]], may_owe: bool) -> Any:
        asked = [
            Charge(f"bulk:{next(_numbers)}", self.people[who], amount, NOON, {"parts": [{"kopecks": amount}]})
            for who, amount in charges
        ]

        def again() -> list[int | None]:
            function = ledger.charge_many if may_owe else ledger.take_many
            return list(function(self.session, asked, kind="plan_fee", destination_id=self.usage, now=NOON))

        made = []
        for (who, amount), transaction_id in zip(charges, again(), strict=True):
            purse = self.purses[who]
            if not may_owe and amount > purse.available:
                assert transaction_id is None
                continue
            from_main = min(purse.available, amount)
            purse.main -= from_main
            purse.debt -= amount - from_main
            self.transactions += 1
            assert transaction_id is not None
            made.append((transaction_id, who, -from_main, from_main - amount))
        if len(made) < len(asked):
            return multiple(*(Done(*each, None) for each in made))
        ids = [each[0] for each in made]
        return multiple(*(Done(*each, lambda n=n: again()[n] if ids else None) for n, each in enumerate(made)))

    @rule(who=WHO)
    def settle(self, who: int) -> None:
        expected = self.settled(self.purses[who])
        assert ledger.settle_debt(self.session, self.people[who], now=NOON) == expected

    def settled(self, purse: Purse) -> int:
        """What the model settles."""
        kopecks = min(purse.available, -purse.debt)
        purse.main -= kopecks
        purse.debt += kopecks
        self.transactions += kopecks != 0
        return kopecks

    @rule(what=done)
    def do_it_again(self, what: Done) -> None:
        if what.again is not None:
            assert what.again() == what.transaction_id

    @rule(what=done)
    def use_its_reference_for_something_else(self, what: Done) -> None:
        query = text("SELECT reference FROM ledger_transaction WHERE id = :id")
        reference = self.session.execute(query, {"id": what.transaction_id}).scalar_one()
        move = Move(self.gateway, self.main_id(what.who), 777_777, {"paid_kopecks": 777_777, "source": "test"})
        with pytest.raises(ReferenceConflict):
            self.post(reference, "top_up", move)

    @rule(what=done, name=st.sampled_from(["one", "other"]))
    def reverse(self, what: Done, name: str) -> None:
        purse, earlier = self.purses[what.who], self.reversed.get(what.transaction_id)
        # Only a debit can lack money: what a top-up brought may have been spent.
        lacks = what.main > 0 and purse.available < what.main

        def reverse() -> Posted:
            reference = f"reversal:{what.transaction_id}:{name}"
            return ledger.reverse(self.session, what.transaction_id, reference=reference, now=NOON)

        if earlier is not None and earlier != name:
            with pytest.raises(CannotReverse):
                reverse()
        elif earlier is None and lacks:
            with pytest.raises(InsufficientFunds) as refusal:
                reverse()
            assert refusal.value.facts["lacking_kopecks"] == what.main - purse.available
        else:
            assert reverse().is_new == (earlier is None)
            if earlier is None:
                purse.main -= what.main
                purse.debt -= what.debt
                self.reversed[what.transaction_id] = name
                self.transactions += 1
                if what.debt:
                    self.settled(purse)

    @invariant()
    def balances_are_those_of_the_model(self) -> None:
        for subscriber_id, purse in zip(self.people, self.purses, strict=True):
            found = ledger.balance(self.session, subscriber_id)
            assert (found.main, found.debt, found.bonus) == (purse.main, purse.debt, 0)

    @invariant()
    def every_transaction_was_made_once(self) -> None:
        made = self.session.execute(text("SELECT count(*) FROM ledger_transaction")).scalar()
        assert made == self.transactions

    @invariant()
    def the_audit_finds_nothing(self) -> None:
        report = audit.run_audit(self.session)
        codes = {"I1", "I2", "I3", "I4", "I5", "I10", "I11"}
        assert [fault for check in report.checks if check.code in codes for fault in check.faults] == []

    @invariant()
    def the_statement_tells_the_balance(self) -> None:
        for subscriber_id, purse in zip(self.people, self.purses, strict=True):
            lines = ledger.statement(self.session, subscriber_id, limit=1_000)
            assert sum(line.amount_kopecks for line in lines) == purse.main
            running = 0
            for line in reversed(lines):
                running += line.amount_kopecks
                assert line.balance_kopecks == running
                assert running >= -purse.limit


@both_engines
def test_whatever_happens_the_money_is_right(session: Session):
    run_state_machine_as_test(
        lambda: LedgerMachine(session),
        settings=settings(
            max_examples=25,
            stateful_step_count=16,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
