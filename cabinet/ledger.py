"""The ledger: the only writer of accounts, transactions and postings.

A posting moves a positive amount from one account to another, so a transaction cannot be unbalanced. What was posted
never changes; a mistake is corrected by `reverse`. The unique `reference` of a transaction makes it happen once.

A subscriber has three accounts. `main` is the money, spent down to minus the credit limit and never further. `bonus` is
what the operator gave and that is not for every use; a promotion's roubles are, so they come to `main`, from the
operator's `promotions`. `debt` is usage that was over before `main` could refuse it: nothing guards it, it is zero or
negative, and `settle_debt` fills it from `main` as soon as there is money. An operator's account (`fees`, `usage`,
`gateway`, …) keeps no balance of its own: every charge of every subscriber would wait for that one row.

What the operator earns from a subscriber is summed up by day and category in the same transaction (`spending_day`), so
that a month costs a few rows to read, however much was used in it.

Locks are always taken in one order: subscriptions first (the services that touch them), then accounts by id.

Explanations
------------
The amount of a posting can be computed again from its explanation (`explained_amount`). When a charge is split between
`main` and `debt`, both postings carry the explanation of the whole: within a transaction, what has the same explanation
is explained together. A fee that had a promotion's discount has `"discount"` besides: `{"promotion", "version",
"name", "percent", "kopecks", "number", "periods"}`, from which what was taken off is computed again
(`domain.promotions.recompute_off`); where that is all of it, there is no posting.

==================  =================================================================  =================================
kind                explanation                                                        amount
==================  =================================================================  =================================
`opening`           `{"opening_kopecks"}`: money brought from another system           that
`top_up`            `{"paid_kopecks", "source"}`                                       that
`top_up_refund`     `{"refunded_kopecks", "receipt"}`: back to the card or account       that
`plan_fee`          `{"plan", "version", "region", "settings", "period_start",         the sum of the parts
                    "period_end", "parts": [{"code", "kopecks"}, …]}`                  without the discount
`option_fee`        `{"code", "version", "name", "price_kopecks", "period_start",          the price without it
                    "period_end"}`
`bundle`            the same, of a package that comes every month                      the same
`order`             what `explanation` of a `Charge`, `Promise` or `Gift` says         `domain.effects.recompute_charge`
                    (`domain.effects`)
`promised_return`   `{"promised_kopecks", "taken_on", "due_on"}`: taken back            that
`promised_fee`      `{"fee_kopecks", "promised_kopecks", "taken_on", "due_on"}`        the fee
`adjustment`        `{"adjusted_kopecks", "adjustment_id", "reason", "words"}`: of    that, without its sign
                    a balance, by the staff; negative: taken
`usage`             what `domain.rating.explain` says of the record; `"cap"` where     `domain.rating.recompute_amount`
                    the month's cap left less than it would have cost
`debt_settlement`   `{"debt_kopecks", "available_kopecks"}`                            the smaller one
`debt_return`       `{"over_kopecks"}`: settled, but the charge was reversed               that
`reversal`          `{"posting_id", "reversed_kopecks"}`: of the posting reversed      that
==================  =================================================================  =================================
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Row, Table, and_, bindparam, func, insert, literal, or_, select, union_all, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from cabinet import clock
from cabinet.bulk import add_many, insert_many, is_among
from cabinet.domain import rating
from cabinet.domain.effects import recompute_charge
from cabinet.domain.errors import CabinetError, NotFound
from cabinet.domain.promotions import recompute_off
from cabinet.domain.spending import Category, category_of, is_income
from cabinet.models.base import metadata
from cabinet.models.ledger import AccountKind

OPERATOR_ACCOUNTS = ("fees", "usage", "gateway", "opening", "promised", "promotions", "adjustments")

_account: Table = metadata.tables["account"]
_transaction: Table = metadata.tables["ledger_transaction"]
_posting: Table = metadata.tables["posting"]
_spending: Table = metadata.tables["spending_day"]

_MANY = 5_000  # values in one IN (…): both engines take several times as many


class InsufficientFunds(CabinetError):
    """The main account does not have it; `facts["lacking_kopecks"]` says how much more it would take."""

    message = "Не хватает денег на счёте. Пополните баланс и повторите."


class ReferenceConflict(CabinetError):
    """The reference was used for something else: a mistake of the caller, never of the subscriber."""

    message = "Операция с таким номером уже была, но другая. Обновите страницу и повторите."


class CannotReverse(CabinetError):
    """The transaction was reversed before, or is a reversal itself."""

    message = "Эта операция уже отменена."


class SubscriberAccounts(NamedTuple):
    """Ids of a subscriber's accounts."""

    main_id: int
    bonus_id: int
    debt_id: int


class Move(NamedTuple):
    """A posting to be made. `explanation`: JSON-able facts from which the amount can be computed again."""

    source_id: int
    destination_id: int
    amount_kopecks: int
    explanation: Mapping[str, Any]


class Posted(NamedTuple):
    """`is_new` is False when the same thing had been posted before under this reference."""

    transaction_id: int
    is_new: bool


class Received(NamedTuple):
    """Money that has come: its transaction, and what it left on the main account."""

    transaction_id: int
    main_kopecks: int


class Charge(NamedTuple):
    """What a subscriber owes for something that has already been used, or (`receive_many`) what came for him."""

    reference: str
    subscriber_id: int
    amount_kopecks: int
    happened_at: datetime
    explanation: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Balances:
    """Kopecks. `debt` is zero or negative; `available` is what can be spent: the main account and the credit limit."""

    main: int
    bonus: int
    debt: int
    credit_limit: int

    @property
    def available(self) -> int:
        """Kopecks that a charge may take now."""
        return self.main + self.credit_limit


@dataclass(frozen=True, slots=True)
class StatementLine:
    """A change of one account: `amount_kopecks` is negative when money left it, `balance_kopecks` is what remained."""

    posting_id: int
    transaction_id: int
    kind: str
    happened_at: datetime
    amount_kopecks: int
    balance_kopecks: int
    explanation: dict[str, Any]


# --- statements of the hot path ---------------------------------------------------------------------------------------

# To build one takes longer than to run it: each is built once.

_is_one_of = _account.c.id.in_(bindparam("ids", expanding=True))
_after = _account.c.balance_kopecks + bindparam("change", type_=BigInteger)

_ACCOUNTS = select(_account.c.kind, _account.c.id, _account.c.balance_kopecks, _account.c.credit_limit_kopecks).where(
    _account.c.subscriber_id == bindparam("subscriber_id")
)
_BY_CODE = select(_account.c.id).where(_account.c.code == bindparam("code"))
_WHOSE = select(_account.c.id, _account.c.code, _account.c.subscriber_id).where(_is_one_of)
_OWNERS_OF_DEBTS = select(_account.c.subscriber_id).where(_is_one_of, _account.c.kind == AccountKind.DEBT)
_HOLD = (
    select(_account.c.id, _account.c.balance_kopecks, _account.c.credit_limit_kopecks)
    .where(_is_one_of, _account.c.kind != AccountKind.OPERATOR)
    .order_by(_account.c.id)
    .with_for_update()
)
_GIVE = (
    update(_account)
    .where(_account.c.id == bindparam("account_id"))
    .values(balance_kopecks=_after)
    .returning(_account.c.balance_kopecks)
)
_TAKE = _GIVE.where(or_(_account.c.kind == AccountKind.DEBT, _after >= -_account.c.credit_limit_kopecks))

_TRANSACTION = select(_transaction).where(_transaction.c.id == bindparam("id"))
_REVERSAL_OF = select(_transaction.c.reference).where(_transaction.c.reverses_id == bindparam("id"))
_BY_REFERENCE = select(_transaction.c.id, _transaction.c.kind, _transaction.c.happened_at).where(
    _transaction.c.reference == bindparam("reference")
)
_POSTINGS = (
    select(
        *(_posting.c.id, _posting.c.source_id, _posting.c.destination_id, _posting.c.amount_kopecks),
        _posting.c.explanation,
    )
    .where(_posting.c.transaction_id == bindparam("id"), _posting.c.happened_at == bindparam("happened_at"))
    .order_by(_posting.c.id)
)
_INSERT_POSTING = insert(_posting)


# --- accounts --------------------------------------------------------------------------------------------------------


def open_accounts(session: Session, subscriber_id: int, *, credit_limit_kopecks: int = 0) -> SubscriberAccounts:
    """The subscriber's accounts, opened empty when there are none; the credit limit is set only then."""
    _create_accounts(
        session,
        # The operator's accounts exist before any subscriber's does: made later, two charges at once could each wait
        # for what the other one holds.
        [{"code": f"operator:{name}", "kind": AccountKind.OPERATOR} for name in OPERATOR_ACCOUNTS]
        + [
            {
                "code": f"subscriber:{subscriber_id}:{kind}",
                "kind": kind,
                "subscriber_id": subscriber_id,
                "credit_limit_kopecks": credit_limit_kopecks if kind == AccountKind.MAIN else 0,
            }
            for kind in (AccountKind.MAIN, AccountKind.BONUS, AccountKind.DEBT)
        ],
    )
    return accounts_of(session, subscriber_id)


def accounts_of(session: Session, subscriber_id: int) -> SubscriberAccounts:
    """Ids of the subscriber's accounts.

    Raises:
        NotFound: none were opened.
    """
    ids = {row.kind: row.id for row in session.execute(_ACCOUNTS, {"subscriber_id": subscriber_id})}
    if not ids:
        raise NotFound
    return SubscriberAccounts(ids[AccountKind.MAIN], ids[AccountKind.BONUS], ids[AccountKind.DEBT])


def operator_account(session: Session, name: str) -> int:
    """The id of an account of the operator's own (see `OPERATOR_ACCOUNTS`), created on first use."""
    code = f"operator:{name}"
    account_id = session.execute(_BY_CODE, {"code": code}).scalar()
    if account_id is None:
        _create_accounts(session, [{"code": code, "kind": AccountKind.OPERATOR}])
        account_id = session.execute(_BY_CODE, {"code": code}).scalar_one()
    return account_id


# --- posting ---------------------------------------------------------------------------------------------------------


def post(
    session: Session, *, reference: str, kind: str, moves: Sequence[Move], happened_at: datetime, now: datetime
) -> Posted:
    """Posts the moves as one transaction, or finds it when it was posted before under this reference.

    Either all of it happens or nothing: a refusal leaves the caller's own work as it was.

    Raises:
        InsufficientFunds: an account would fall below its limit.
        ReferenceConflict: the reference was used for another kind, accounts or amounts.
    """
    return _post(session, reference, kind, moves, happened_at, now, [(kind, move.explanation) for move in moves])


def charge_many(
    session: Session, charges: Sequence[Charge], *, kind: str, destination_id: int, now: datetime
) -> list[int]:
    """Charges for what has been used, each as a transaction of its own; returns their ids in the order of `charges`.

    Never refused: `main` gives what is available, `debt` the rest. What was charged before under the same reference is
    not charged again. The whole call costs a few statements, whatever the number of charges.

    Raises:
        ReferenceConflict: a reference was used for another amount, subscriber or kind.
        NotFound: a subscriber has no accounts.
    """
    ids = _charge_new(session, charges, kind, destination_id, now, may_owe=True)
    return [ids[charge.reference] for charge in charges]


def take_many(
    session: Session, charges: Sequence[Charge], *, kind: str, destination_id: int, now: datetime
) -> list[int | None]:
    """Charges for what can be refused: as `charge_many`, but a charge that `main` cannot pay whole is not made (None).

    Raises:
        ReferenceConflict, NotFound: see `charge_many`.
    """
    ids = _charge_new(session, charges, kind, destination_id, now, may_owe=False)
    return [ids.get(charge.reference) for charge in charges]


def receive_many(
    session: Session, receipts: Sequence[Charge], *, kind: str, source_id: int, now: datetime
) -> list[Received | None]:
    """Money that came to `main`, each receipt as a transaction of its own, all with a few statements.

    Who has a debt is left out (None): `post` and `settle_debt` are for him.

    Raises:
        ReferenceConflict: one of them was posted before; nothing is posted now.
        NotFound: a subscriber has no accounts.
    """
    for receipt in receipts:
        _check_amount(receipt.amount_kopecks)
    received: list[Received | None] = []
    transactions, postings, changes = [], [], []
    columns = (
        *("transaction_id", "source_id", "destination_id", "amount_kopecks", "happened_at"),
        *("destination_balance_kopecks", "explanation"),
    )
    try:
        with session.begin_nested():
            purses = _open_purses(session, {receipt.subscriber_id for receipt in receipts})
            ids = iter(_reserve_ids(session, _transaction, len(receipts)))
            for reference, subscriber_id, amount, moment, facts in receipts:
                purse = purses[subscriber_id]
                if purse.debt:
                    received.append(None)
                    continue
                purse.main += amount
                posted = Received(next(ids), purse.main)
                received.append(posted)
                transactions.append((posted.transaction_id, reference, kind, moment, now))
                postings.append(
                    (posted.transaction_id, source_id, purse.main_id, amount, moment, posted.main_kopecks, facts)
                )
            changes = [(one.main_id, one.main - one.main_before) for one in purses.values() if not one.debt]
            insert_many(session, _transaction, ("id", "reference", "kind", "happened_at", "posted_at"), transactions)
            insert_many(session, _posting, columns, postings)
            add_many(session, _account, "balance_kopecks", changes)
    except IntegrityError:
        raise ReferenceConflict from None
    return received


def settle_debt(session: Session, subscriber_id: int, *, happened_at: datetime | None = None, now: datetime) -> int:
    """Moves what is available on `main` to `debt`, as far as there is debt; returns how many kopecks.

    Negative when it moves back: a charge was reversed after the debt it had made was settled.
    """
    accounts = accounts_of(session, subscriber_id)
    rows = session.execute(_HOLD, {"ids": (accounts.main_id, accounts.debt_id)})
    found = {row.id: row for row in rows}
    main, debt = found[accounts.main_id], -found[accounts.debt_id].balance_kopecks
    available = main.balance_kopecks + main.credit_limit_kopecks
    settled = min(available, debt)
    if settled == 0:
        return 0
    if settled > 0:
        explanation = {"debt_kopecks": debt, "available_kopecks": available}
        kind, move = "debt_settlement", Move(accounts.main_id, accounts.debt_id, settled, explanation)
    else:
        kind, move = "debt_return", Move(accounts.debt_id, accounts.main_id, -settled, {"over_kopecks": -settled})
    # Both accounts are held, so every settlement of this subscriber sees a later last transaction than the one before.
    last_id = session.execute(select(func.max(_transaction.c.id))).scalar()
    reference = f"debt-settlement:{subscriber_id}:{last_id}"
    post(session, reference=reference, kind=kind, moves=[move], happened_at=happened_at or now, now=now)
    return settled


def reverse(session: Session, transaction_id: int, *, reference: str, now: datetime) -> Posted:
    """Posts the opposite of a transaction. It can be done once; asked again with the same reference, it is found.

    What comes back to a debt that has been settled meanwhile goes on to the main account.

    Raises:
        NotFound: no such transaction.
        CannotReverse: it was reversed under another reference, or is a reversal itself.
        InsufficientFunds: the money it brought has been spent.
    """
    original = session.execute(_TRANSACTION, {"id": transaction_id}).one_or_none()
    if original is None:
        raise NotFound
    if original.reverses_id is not None:
        raise CannotReverse
    postings = _postings_of(session, transaction_id, original.happened_at)
    moves = [
        Move(
            posting.destination_id,
            posting.source_id,
            posting.amount_kopecks,
            {"posting_id": posting.id, "reversed_kopecks": posting.amount_kopecks},
        )
        for posting in postings
    ]
    origins = [(original.kind, posting.explanation) for posting in postings]
    earlier = session.execute(_REVERSAL_OF, {"id": transaction_id}).scalar()
    if earlier not in (None, reference):
        raise CannotReverse
    try:
        posted = _post(session, reference, "reversal", moves, now, now, origins, reverses_id=transaction_id)
    except IntegrityError:  # somebody was quicker, under another reference
        raise CannotReverse from None
    if posted.is_new:
        for subscriber_id in _owners_of_debts(session, _changes_by_account(moves)):
            settle_debt(session, subscriber_id, now=now)
    return posted


# --- reading ---------------------------------------------------------------------------------------------------------


def balance(session: Session, subscriber_id: int) -> Balances:
    """What the subscriber has.

    Raises:
        NotFound: no accounts were opened.
    """
    found = {row.kind: row for row in session.execute(_ACCOUNTS, {"subscriber_id": subscriber_id})}
    if not found:
        raise NotFound
    return Balances(
        main=found[AccountKind.MAIN].balance_kopecks,
        bonus=found[AccountKind.BONUS].balance_kopecks,
        debt=found[AccountKind.DEBT].balance_kopecks,
        credit_limit=found[AccountKind.MAIN].credit_limit_kopecks,
    )


def statement(
    session: Session,
    subscriber_id: int,
    *,
    before: tuple[datetime, int] | None = None,
    limit: int = 20,
    account: AccountKind = AccountKind.MAIN,
) -> list[StatementLine]:
    """The newest changes of one account by the time they happened.

    The next page is asked with `before=(line.happened_at, line.posting_id)` of the last line. What came in late stands
    at its own time, but with the balance that it left when it was posted.
    """
    accounts = accounts_of(session, subscriber_id)
    account_id = {
        AccountKind.MAIN: accounts.main_id,
        AccountKind.BONUS: accounts.bonus_id,
        AccountKind.DEBT: accounts.debt_id,
    }[account]
    halves = []
    for side, sign, after in (
        (_posting.c.source_id, -1, _posting.c.source_balance_kopecks),
        (_posting.c.destination_id, 1, _posting.c.destination_balance_kopecks),
    ):
        half = select(
            _posting.c.id,
            _posting.c.transaction_id,
            _posting.c.happened_at,
            (_posting.c.amount_kopecks * literal(sign)).label("amount_kopecks"),
            after.label("balance_kopecks"),
            _posting.c.explanation,
        ).where(side == account_id)
        if before is not None:
            moment, posting_id = before
            half = half.where(
                _posting.c.happened_at <= moment,  # the index begins here; the pair below alone would not use it
                or_(_posting.c.happened_at < moment, _posting.c.id < posting_id),
            )
        halves.append(half.order_by(_posting.c.happened_at.desc(), _posting.c.id.desc()).limit(limit).subquery())
    both = union_all(*(select(half) for half in halves)).subquery()
    rows = session.execute(
        select(both, _transaction.c.kind)
        .join(_transaction, _transaction.c.id == both.c.transaction_id)
        .order_by(both.c.happened_at.desc(), both.c.id.desc())
        .limit(limit)
    )
    return [
        StatementLine(
            posting_id=row.id,
            transaction_id=row.transaction_id,
            kind=row.kind,
            happened_at=row.happened_at,
            amount_kopecks=row.amount_kopecks,
            balance_kopecks=row.balance_kopecks,
            explanation=row.explanation,
        )
        for row in rows
    ]


def _without_discount(facts: Mapping[str, Any], full_kopecks: int) -> int:
    return full_kopecks - recompute_off(facts, full_kopecks)


_EXPLAINED: dict[str, Callable[[Mapping[str, Any]], int]] = {
    "opening": lambda facts: facts["opening_kopecks"],
    "top_up": lambda facts: facts["paid_kopecks"],
    "plan_fee": lambda facts: _without_discount(facts, sum(part["kopecks"] for part in facts["parts"])),
    "option_fee": lambda facts: _without_discount(facts, facts["price_kopecks"]),
    "bundle": lambda facts: _without_discount(facts, facts["price_kopecks"]),
    "order": recompute_charge,
    "promised_return": lambda facts: facts["promised_kopecks"],
    "promised_fee": lambda facts: facts["fee_kopecks"],
    "adjustment": lambda facts: abs(facts["adjusted_kopecks"]),
    "usage": rating.recompute_amount,
    "top_up_refund": lambda facts: facts["refunded_kopecks"],
    "debt_settlement": lambda facts: min(facts["debt_kopecks"], facts["available_kopecks"]),
    "debt_return": lambda facts: facts["over_kopecks"],
    "reversal": lambda facts: facts["reversed_kopecks"],
}


def explained_amount(kind: str, explanation: Mapping[str, Any]) -> int:
    """Kopecks of a posting, or of a charge split in two, computed again from its explanation (see the module).

    Raises:
        KeyError: an unknown kind, or a fact is missing.
    """
    return _EXPLAINED[kind](explanation)


# --- how -------------------------------------------------------------------------------------------------------------


def _post(
    session: Session,
    reference: str,
    kind: str,
    moves: Sequence[Move],
    happened_at: datetime,
    now: datetime,
    origins: Sequence[tuple[str, Mapping[str, Any]]],
    reverses_id: int | None = None,
) -> Posted:
    """`origins`: kind and explanation of what each move is, or takes back."""
    _check_moves(moves)
    with session.begin_nested():
        changes = _changes_by_account(moves)
        kept = _lock_kept(session, changes)
        earlier = _find(session, reference)
        if earlier is not None:
            return _same(session, earlier, reference, kind, moves)
        # Between operator's accounts nothing is held, so two may come here with one reference: the second waits.
        of = {"reference": reference, "kind": kind, "reverses_id": reverses_id}
        times = {"happened_at": happened_at, "posted_at": now}
        transaction_id = session.execute(_insert_transaction(session.get_bind().dialect.name), of | times).scalar()
        if transaction_id is None:
            return _same(session, _find(session, reference), reference, kind, moves)
        balances = {account_id: _change_balance(session, account_id, changes[account_id]) for account_id in kept}
        _insert_postings(session, transaction_id, moves, happened_at, balances, changes)
        _add_moves_to_spending(session, moves, origins, happened_at)
        return Posted(transaction_id, is_new=True)


def _check_amount(amount: object) -> None:
    if type(amount) is not int:
        raise TypeError(f"kopecks are a whole number, not {amount!r}")
    if amount <= 0:
        raise ValueError(f"{amount} kopecks cannot be moved")


def _check_moves(moves: Sequence[Move]) -> None:
    if not moves:
        raise ValueError("a transaction without postings")
    for move in moves:
        _check_amount(move.amount_kopecks)
        if move.source_id == move.destination_id:
            raise ValueError("from an account to itself")


def _insert(dialect: str, table: Table) -> Any:
    """An INSERT of the engine, which knows `on_conflict_do_nothing`."""
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


@cache
def _insert_transaction(dialect: str) -> Any:
    names = "reference", "kind", "reverses_id", "happened_at", "posted_at"
    made = _insert(dialect, _transaction).values({name: bindparam(name) for name in names})
    return made.on_conflict_do_nothing(index_elements=["reference"]).returning(_transaction.c.id)


def _create_accounts(session: Session, values: list[dict[str, Any]]) -> None:
    defaults = {"subscriber_id": None, "balance_kopecks": 0, "credit_limit_kopecks": 0}
    session.flush()  # the subscriber may not be in the database yet
    statement = _insert(session.get_bind().dialect.name, _account).on_conflict_do_nothing(index_elements=["code"])
    session.execute(statement, [defaults | value for value in values])


def _changes_by_account(moves: Iterable[Move]) -> dict[int, int]:
    changes: dict[int, int] = {}
    for move in moves:
        changes[move.source_id] = changes.get(move.source_id, 0) - move.amount_kopecks
        changes[move.destination_id] = changes.get(move.destination_id, 0) + move.amount_kopecks
    return changes


def _lock_kept(session: Session, account_ids: Iterable[int]) -> list[int]:
    """Those of the accounts that keep a balance, held to the end of the transaction, by id."""
    return list(session.execute(_HOLD, {"ids": list(account_ids)}).scalars())


def _owners_of_debts(session: Session, account_ids: Iterable[int]) -> list[int]:
    """Subscribers whose debt is among these accounts."""
    return list(session.execute(_OWNERS_OF_DEBTS, {"ids": list(account_ids)}).scalars())


def _change_balance(session: Session, account_id: int, change: int) -> int:
    """The balance after it. The guard stands in the UPDATE itself, whoever else may be writing."""
    changing = _TAKE if change < 0 else _GIVE
    balance_after = session.execute(changing, {"account_id": account_id, "change": change}).scalar()
    if balance_after is None:
        has, limit = session.execute(
            select(_account.c.balance_kopecks, _account.c.credit_limit_kopecks).where(_account.c.id == account_id)
        ).one()
        raise InsufficientFunds(lacking_kopecks=-change - has - limit)
    return balance_after


def _insert_postings(
    session: Session,
    transaction_id: int,
    moves: Iterable[Move],
    happened_at: datetime,
    balances: Mapping[int, int],
    changes: Mapping[int, int],
) -> None:
    """`balances` are those after the whole transaction; what each posting left is counted up from the beginning."""
    running = {account_id: after - changes[account_id] for account_id, after in balances.items()}
    rows = []
    for move in moves:
        for account_id, amount in ((move.source_id, -move.amount_kopecks), (move.destination_id, move.amount_kopecks)):
            if account_id in running:
                running[account_id] += amount
        rows.append(
            {
                "transaction_id": transaction_id,
                "source_id": move.source_id,
                "destination_id": move.destination_id,
                "amount_kopecks": move.amount_kopecks,
                "happened_at": happened_at,
                "source_balance_kopecks": running.get(move.source_id),
                "destination_balance_kopecks": running.get(move.destination_id),
                "explanation": dict(move.explanation),
            }
        )
    session.execute(_INSERT_POSTING, rows)


def _find(session: Session, reference: str) -> Row | None:
    return session.execute(_BY_REFERENCE, {"reference": reference}).one_or_none()


def _postings_of(session: Session, transaction_id: int, happened_at: datetime) -> Sequence[Row]:
    """Its moment says in which month they are."""
    return session.execute(_POSTINGS, {"id": transaction_id, "happened_at": happened_at}).all()


def _same(session: Session, earlier: Row | None, reference: str, kind: str, moves: Iterable[Move]) -> Posted:
    """The earlier transaction, if it is what is asked for now."""
    if earlier is None:
        raise ReferenceConflict(reference=reference)
    posted = [tuple(row)[1:4] for row in _postings_of(session, earlier.id, earlier.happened_at)]
    if earlier.kind != kind or posted != [move[:3] for move in moves]:
        raise ReferenceConflict(reference=reference)
    return Posted(earlier.id, is_new=False)


class _Purse:
    """A subscriber's main and debt accounts while many charges are counted."""

    __slots__ = ("available", "debt", "debt_before", "debt_id", "main", "main_before", "main_id")

    def __init__(self, main: Row, debt: Row) -> None:
        self.main_id, self.debt_id = main.id, debt.id
        self.main = self.main_before = main.balance_kopecks
        self.debt = self.debt_before = debt.balance_kopecks
        self.available = main.balance_kopecks + main.credit_limit_kopecks


def _open_purses(session: Session, subscriber_ids: Iterable[int]) -> dict[int, _Purse]:
    """The accounts of these subscribers, held to the end of the transaction."""
    accounts: dict[int, dict[AccountKind, Row]] = {}
    for some in _slices(sorted(subscriber_ids), _MANY):
        rows = session.execute(
            select(
                _account.c.id,
                _account.c.subscriber_id,
                _account.c.kind,
                _account.c.balance_kopecks,
                _account.c.credit_limit_kopecks,
            )
            .where(is_among(session, _account.c.subscriber_id, some))
            .order_by(_account.c.id)
            .with_for_update()
        )
        for row in rows:
            accounts.setdefault(row.subscriber_id, {})[row.kind] = row
        if not all(subscriber_id in accounts for subscriber_id in some):
            raise NotFound
    return {
        subscriber_id: _Purse(found[AccountKind.MAIN], found[AccountKind.DEBT])
        for subscriber_id, found in accounts.items()
    }


def _charge_new(
    session: Session, charges: Sequence[Charge], kind: str, destination_id: int, now: datetime, *, may_owe: bool
) -> dict[str, int]:
    """Transaction ids by reference, those of charges known before too; without the refused."""
    if len({charge.reference for charge in charges}) < len(charges):
        raise ReferenceConflict(reason="a reference stands twice in one call")
    for charge in charges:
        _check_amount(charge.amount_kopecks)
    if may_owe:
        try:
            return _charge(session, charges, kind, destination_id, now, may_owe)
        except IntegrityError:
            pass  # some are known: rare in the hot path, which does not ask first
    known = _check_known(session, charges, kind)
    fresh = [charge for charge in charges if charge.reference not in known]
    return known | _charge(session, fresh, kind, destination_id, now, may_owe)


def _charge(
    session: Session, charges: Sequence[Charge], kind: str, destination_id: int, now: datetime, may_owe: bool
) -> dict[str, int]:
    with session.begin_nested():
        purses = _open_purses(session, {charge.subscriber_id for charge in charges})
        ids = iter(_reserve_ids(session, _transaction, len(charges)))
        return _write_charges(session, charges, purses, ids, kind, destination_id, now, may_owe)


def _write_charges(
    session: Session,
    charges: Sequence[Charge],
    purses: Mapping[int, _Purse],
    ids: Iterator[int],
    kind: str,
    destination_id: int,
    now: datetime,
    may_owe: bool,
) -> dict[str, int]:
    written: dict[str, int] = {}
    transactions, postings = [], []
    spending = _Spending()
    is_spending = is_income(
        session.execute(select(_account.c.code).where(_account.c.id == destination_id)).scalar_one()
    )
    for reference, subscriber_id, amount, moment, facts in charges:
        purse = purses[subscriber_id]
        from_main = min(purse.available, amount)
        from_debt = amount - from_main
        if from_debt and not may_owe:
            continue
        transaction_id = written[reference] = next(ids)
        transactions.append((transaction_id, reference, kind, moment, now))
        if is_spending:
            spending.add(subscriber_id, moment, category_of(kind, facts), amount, bool(from_main) + bool(from_debt))
        if from_main:
            purse.available -= from_main
            purse.main -= from_main
            postings.append((transaction_id, purse.main_id, destination_id, from_main, moment, purse.main, facts))
        if from_debt:
            purse.debt -= from_debt
            postings.append((transaction_id, purse.debt_id, destination_id, from_debt, moment, purse.debt, facts))
    insert_many(session, _transaction, ("id", "reference", "kind", "happened_at", "posted_at"), transactions)
    insert_many(
        session,
        _posting,
        (
            "transaction_id",
            "source_id",
            "destination_id",
            "amount_kopecks",
            "happened_at",
            "source_balance_kopecks",
            "explanation",
        ),
        postings,
    )
    spending.write(session)
    # Held since they were read; the table's own check stands behind the arithmetic above.
    add_many(
        session,
        _account,
        "balance_kopecks",
        [
            (account_id, after - before)
            for purse in purses.values()
            for account_id, before, after in (
                (purse.main_id, purse.main_before, purse.main),
                (purse.debt_id, purse.debt_before, purse.debt),
            )
            if after != before
        ],
    )
    return written


class _Spending:
    """What postings that are written together add to the days and categories of spending."""

    __slots__ = ("_days", "_sums", "_zone")

    def __init__(self) -> None:
        self._zone = clock.time_zone()
        self._days: dict[datetime, date] = {}  # times repeat in bulk
        self._sums: dict[tuple[int, date, Category], tuple[int, int]] = {}

    def add(self, subscriber_id: int, moment: datetime, category: Category, kopecks: int, postings: int = 1) -> None:
        """`kopecks` is negative for money that is given back."""
        day_on = self._days.get(moment)
        if day_on is None:
            day_on = self._days[moment] = moment.astimezone(self._zone).date()
        key = subscriber_id, day_on, category
        amount, count = self._sums.get(key, (0, 0))
        self._sums[key] = amount + kopecks, count + postings

    def write(self, session: Session) -> None:
        """In one order for all who write: two of them never hold what the other one waits for."""
        insert_many(
            session,
            _spending,
            ("subscriber_id", "day_on", "category", "amount_kopecks", "postings"),
            [(*place, *sums) for place, sums in sorted(self._sums.items())],
            "ON CONFLICT (subscriber_id, day_on, category) DO UPDATE SET"
            " amount_kopecks = spending_day.amount_kopecks + excluded.amount_kopecks,"
            " postings = spending_day.postings + excluded.postings",
        )


def _add_moves_to_spending(
    session: Session, moves: Sequence[Move], origins: Iterable[tuple[str, Mapping[str, Any]]], happened_at: datetime
) -> None:
    ids = {account_id for move in moves for account_id in (move.source_id, move.destination_id)}
    accounts = {row.id: row for row in session.execute(_WHOSE, {"ids": list(ids)})}
    spending = _Spending()
    for move, origin in zip(moves, origins, strict=True):
        source, destination = accounts[move.source_id], accounts[move.destination_id]
        if source.subscriber_id is not None and is_income(destination.code):
            spending.add(source.subscriber_id, happened_at, category_of(*origin), move.amount_kopecks)
        elif destination.subscriber_id is not None and is_income(source.code):
            spending.add(destination.subscriber_id, happened_at, category_of(*origin), -move.amount_kopecks)
    spending.write(session)


def _reserve_ids(session: Session, table: Table, count: int) -> list[int]:
    """Ids for rows to be inserted now: the database hands rows' ids back much slower than it takes them."""
    if session.get_bind().dialect.name == "sqlite":  # the only writer, until the transaction ends
        last = session.execute(select(func.coalesce(func.max(table.c.id), 0))).scalar_one()
        return list(range(last + 1, last + 1 + count))
    sequence = func.pg_get_serial_sequence(table.name, "id")
    return list(session.execute(select(func.nextval(sequence)).select_from(func.generate_series(1, count))).scalars())


def _check_known(session: Session, charges: Sequence[Charge], kind: str) -> dict[str, int]:
    """Ids of the charges that were posted before, by reference."""
    wanted = {charge.reference: charge for charge in charges}
    known = {}
    for some in _slices(list(wanted), _MANY):
        rows = session.execute(
            select(
                _transaction.c.id,
                _transaction.c.reference,
                _transaction.c.kind,
                func.sum(_posting.c.amount_kopecks).label("amount"),
                func.min(_account.c.subscriber_id).label("first_subscriber"),
                func.max(_account.c.subscriber_id).label("last_subscriber"),
            )
            .join(
                _posting,
                and_(
                    _posting.c.transaction_id == _transaction.c.id, _posting.c.happened_at == _transaction.c.happened_at
                ),
            )
            .join(_account, _account.c.id == _posting.c.source_id)
            .where(is_among(session, _transaction.c.reference, some))
            .group_by(_transaction.c.id, _transaction.c.reference, _transaction.c.kind)
        )
        for row in rows:
            charge = wanted[row.reference]
            facts = (row.kind, int(row.amount), row.first_subscriber, row.last_subscriber)
            if facts != (kind, charge.amount_kopecks, charge.subscriber_id, charge.subscriber_id):
                raise ReferenceConflict(reference=row.reference)
            known[row.reference] = row.id
    return known


def _slices(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
