"""The audit: what must always hold of money and usage, looked up in the tables themselves.

It changes nothing and trusts no total: each check is a question whose answer must be empty. A question is one
statement, so it sees one moment even while others write. What can only be computed in Python (amounts, from their
explanations) is read in slices, so memory stays the same however much there is.
"""
# ruff: noqa: S608  statements are put together from constants of this module and of the schema

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import groupby
from typing import Any

from sqlalchemy import bindparam, inspect, text
from sqlmodel import Session

from cabinet import clock, ledger, months
from cabinet.config import settings
from cabinet.domain.effects import Charge, Gift, Promise, read_effects
from cabinet.domain.rating import recompute_amount
from cabinet.domain.spending import NOT_INCOME, OUTSIDE_PACKAGES, category_of
from cabinet.models.base import Instant, Json, metadata
from cabinet.services.clean_up import MESSAGES_KEPT

MOST_FAULTS = 100  # of one check: a broken world must not fill the memory, and nobody reads further
_SLICE = 5_000

Progress = Callable[[str, int], None]
"""Called with the check's name and how much of it has been looked at."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`account` is the ledger's code of the account (`subscriber:42:main`), or what else is to blame."""

    account: str
    what: str

    def __str__(self) -> str:
        return f"{self.account}: {self.what}"


@dataclass(slots=True)
class Check:
    """One invariant: how many things were looked at, and at most `MOST_FAULTS` of what is wrong."""

    code: str
    name: str
    checked: int = 0
    faults: list[Fault] = field(default_factory=list)

    def add(self, account: str, what: str) -> None:
        """Another fault."""
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(Fault(account, what))


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What was checked; `is_sound` when nothing is wrong. `unsorted`: tables with rows that wait for their month."""

    checks: tuple[Check, ...]
    unsorted: tuple[str, ...] = ()

    @property
    def faults(self) -> list[Fault]:
        """Of all checks."""
        return [fault for check in self.checks for fault in check.faults]

    @property
    def is_sound(self) -> bool:
        """Nothing is wrong."""
        return not self.faults


def run_audit(session: Session, progress: Progress | None = None) -> AuditReport:
    """Checks the invariants I1–I16 of the ledger, top-ups, fees, orders, promised payments, promotions, corrections,
    usage and its caps, and messages."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL statement_timeout = 0"))  # an audit may take its time
    report = progress or (lambda name, checked: None)
    checks = []
    for code, name, count_of, questions in _QUESTIONS:
        check = Check(code, name)
        report(check.name, 0)
        check.checked = session.execute(text(f"SELECT count(*) FROM {count_of}")).scalar_one()
        for question, what in questions:
            for row in session.execute(text(f"{question} LIMIT {MOST_FAULTS}")).mappings():
                check.add(row["account"], what.format_map(row))
        report(check.name, check.checked)
        checks.append(check)
    for check, look in (
        (Check("I1", "every amount follows from its explanation"), _check_explanations),
        (Check("I5", "what was posted cannot be changed"), _check_triggers),
        (Check("I9", "every top-up has its receipt"), _check_receipts),
        (Check("I9", "every notice, password and trial has its messages"), _check_promises),
        (Check("I8", "every record's charge follows from its rating"), _check_ratings),
        (Check("I10", "money is whole kopecks"), _check_integers),
        (Check("I12", "every order took what its quote said"), _check_orders),
        (Check("I11", "every day's spending is the sum of its postings"), _check_spending),
    ):
        look(session, check, report)
        report(check.name, check.checked)
        checks.append(check)
    return AuditReport(
        tuple(sorted(checks, key=lambda check: int(check.code[1:]))), tuple(months.list_unsorted(session))
    )


# Who a transaction is about: an account of a subscriber in it, else an account of the operator's.
_ACCOUNT_OF_T = """
    coalesce(
        (SELECT min(a.code) FROM posting p JOIN account a ON a.id IN (p.source_id, p.destination_id)
          WHERE p.transaction_id = t.id AND a.kind <> 'operator'),
        'transaction ' || t.id)"""
_SUM_OF_T = "(SELECT sum(p.amount_kopecks) FROM posting p WHERE p.transaction_id = t.id)"


def _main_of(table: str) -> str:
    r"""The code of the main account of that table's subscriber; `\:` is a colon that is no parameter."""
    return rf"'subscriber\:' || {table}.subscriber_id || '\:main'"


def _promised(transaction: str) -> str:
    r"""Kopecks that the transaction took from the operator's account of promised payments; negative: put there."""
    return rf"""coalesce((
        SELECT sum(CASE WHEN a.id = p.source_id THEN p.amount_kopecks ELSE -p.amount_kopecks END)
          FROM posting p JOIN account a ON a.id IN (p.source_id, p.destination_id) AND a.code = 'operator\:promised'
         WHERE p.transaction_id = {transaction}), 0)"""


def _month_of(column: str) -> str:
    """`2026-11` of a date."""
    return f"substr(CAST({column} AS text), 1, 7)"


_OUTSIDE_PACKAGES = ", ".join(f"'{category}'" for category in OUTSIDE_PACKAGES)


# (code, name, what is counted, [(a question, what its answers mean)])
_QUESTIONS: list[tuple[str, str, str, list[tuple[str, str]]]] = [
    (
        "I1",
        "every transaction is made of whole postings",
        "posting",
        [
            (
                """
                SELECT coalesce(a.code, 'posting ' || p.id) AS account, p.id, p.amount_kopecks
                  FROM posting p
                  LEFT JOIN account a ON a.id = p.source_id
                  LEFT JOIN account b ON b.id = p.destination_id
                  LEFT JOIN ledger_transaction t ON t.id = p.transaction_id
                 WHERE p.amount_kopecks <= 0 OR p.source_id = p.destination_id
                    OR a.id IS NULL OR b.id IS NULL OR t.id IS NULL OR t.happened_at <> p.happened_at""",
                "posting {id} of {amount_kopecks} kopecks is no movement between two accounts in its transaction",
            ),
            (
                """
                SELECT 'posting ' || id AS account, id, count(*) AS times
                  FROM posting GROUP BY id HAVING count(*) > 1""",
                "posting {id} is there {times} times",  # a partition's key holds in its month alone
            ),
            (
                """
                SELECT 'transaction ' || t.id AS account, t.reference FROM ledger_transaction t
                 WHERE NOT EXISTS (SELECT 1 FROM posting p WHERE p.transaction_id = t.id)""",
                "{reference} has no postings",
            ),
        ],
    ),
    (
        "I2",
        "every balance is the sum of its postings",
        "account",
        [
            (
                """
                SELECT a.code AS account, a.balance_kopecks, coalesce(moved.total, 0) AS total
                  FROM account a
                  LEFT JOIN (
                        SELECT account_id, sum(amount) AS total
                          FROM (SELECT source_id AS account_id, -sum(amount_kopecks) AS amount
                                  FROM posting GROUP BY source_id
                                 UNION ALL
                                SELECT destination_id, sum(amount_kopecks) FROM posting GROUP BY destination_id) sides
                         GROUP BY account_id) moved ON moved.account_id = a.id
                 WHERE a.balance_kopecks <> CASE WHEN a.kind = 'operator' THEN 0 ELSE coalesce(moved.total, 0) END""",
                "keeps {balance_kopecks} kopecks, its postings make {total}",
            ),
        ],
    ),
    (
        "I3",
        "no account is below its limit",
        "account",
        [
            (
                """
                SELECT code AS account, balance_kopecks, credit_limit_kopecks FROM account
                 WHERE kind NOT IN ('operator', 'debt') AND balance_kopecks < -credit_limit_kopecks""",
                "{balance_kopecks} kopecks with a credit limit of {credit_limit_kopecks}",
            ),
            (
                "SELECT code AS account, balance_kopecks FROM account WHERE kind = 'debt' AND balance_kopecks > 0",
                "a debt cannot be {balance_kopecks} kopecks to the good",
            ),
        ],
    ),
    (
        "I4",
        "one transaction for one reference",
        "ledger_transaction",
        [
            (
                f"""
                SELECT {_ACCOUNT_OF_T} AS account, t.reference, twice.times
                  FROM (SELECT reference, count(*) AS times, min(id) AS id FROM ledger_transaction
                         GROUP BY reference HAVING count(*) > 1) twice
                  JOIN ledger_transaction t ON t.id = twice.id""",
                "{reference} was posted {times} times",
            ),
        ],
    ),
    (
        "I5",
        "every reversal is the mirror of one transaction",
        "ledger_transaction WHERE reverses_id IS NOT NULL",
        [
            (
                f"""
                SELECT {_ACCOUNT_OF_T} AS account, t.reference FROM ledger_transaction t
                 WHERE (t.kind = 'reversal') <> (t.reverses_id IS NOT NULL)
                    OR EXISTS (SELECT 1 FROM ledger_transaction o
                                WHERE o.id = t.reverses_id AND (o.reverses_id IS NOT NULL OR o.id > t.id))
                    OR (t.reverses_id IS NOT NULL
                        AND NOT EXISTS (SELECT 1 FROM ledger_transaction o WHERE o.id = t.reverses_id))""",
                "{reference} is a reversal of nothing",
            ),
            (
                # Posting by posting: what was moved and what was moved back, with the signs of one direction, is zero.
                """
                SELECT a.code AS account, unbalanced.transaction_id, unbalanced.left_over
                  FROM (SELECT transaction_id, source_id, destination_id, sum(amount) AS left_over
                          FROM (SELECT t.id AS transaction_id, p.source_id, p.destination_id, p.amount_kopecks AS amount
                                  FROM ledger_transaction t JOIN posting p ON p.transaction_id = t.reverses_id
                                 UNION ALL
                                SELECT t.id, p.destination_id, p.source_id, -p.amount_kopecks
                                  FROM ledger_transaction t JOIN posting p ON p.transaction_id = t.id
                                 WHERE t.reverses_id IS NOT NULL) both_ways
                         GROUP BY transaction_id, source_id, destination_id HAVING sum(amount) <> 0) unbalanced
                  JOIN account a ON a.id = unbalanced.source_id""",
                "reversal {transaction_id} leaves {left_over} kopecks",
            ),
            (
                f"""
                SELECT {_ACCOUNT_OF_T} AS account, t.reference, twice.times
                  FROM (SELECT reverses_id, count(*) AS times FROM ledger_transaction
                         WHERE reverses_id IS NOT NULL GROUP BY reverses_id HAVING count(*) > 1) twice
                  JOIN ledger_transaction t ON t.id = twice.reverses_id""",
                "{reference} was reversed {times} times",
            ),
        ],
    ),
    (
        "I6",
        "one top-up for every payment that succeeded, and the reverse",
        "top_up",
        [
            (
                rf"""
                SELECT {_main_of("u")} AS account, u.id, u.amount_kopecks FROM top_up u
                  LEFT JOIN ledger_transaction t ON t.id = u.transaction_id
                 WHERE (u.state = 'succeeded') <> (u.transaction_id IS NOT NULL)
                    OR (u.transaction_id IS NOT NULL
                        AND (t.id IS NULL OR t.kind <> 'top_up' OR {_SUM_OF_T} <> u.amount_kopecks
                             OR t.reference <> 'top-up\:' || u.gateway || '\:' || u.gateway_id))""",
                "top-up {id} of {amount_kopecks} kopecks was posted otherwise",
            ),
            (
                f"""
                SELECT {_main_of("u")} AS account, u.id FROM top_up u
                  JOIN posting p ON p.transaction_id = u.transaction_id
                  JOIN account a ON a.id = p.destination_id
                 WHERE a.subscriber_id IS NULL OR a.subscriber_id <> u.subscriber_id""",
                "the money of top-up {id} went to somebody else",
            ),
            (
                rf"""
                SELECT {_ACCOUNT_OF_T} AS account, t.reference FROM ledger_transaction t
                 WHERE t.kind = 'top_up' AND t.reference LIKE 'top-up\:%\:%'
                   AND NOT EXISTS (SELECT 1 FROM top_up u WHERE u.transaction_id = t.id)""",
                "{reference} belongs to no top-up",
            ),
            (
                rf"""
                SELECT {_main_of("u")} AS account, r.id, r.state FROM refund r
                  JOIN top_up u ON u.id = r.top_up_id
                  LEFT JOIN ledger_transaction t ON t.id = r.transaction_id
                  LEFT JOIN ledger_transaction b ON b.reverses_id = t.id
                 WHERE u.transaction_id IS NULL OR t.id IS NULL OR t.kind <> 'top_up_refund'
                    OR t.reference <> 'refund\:' || r.id OR {_SUM_OF_T} <> r.amount_kopecks
                    OR (r.state = 'refused') <> (b.id IS NOT NULL)""",
                "refund {id} is {state} and was posted otherwise",
            ),
            (
                f"""
                SELECT {_main_of("u")} AS account, u.id, sum(r.amount_kopecks) AS kopecks FROM top_up u
                  JOIN refund r ON r.top_up_id = u.id AND r.state <> 'refused'
                 GROUP BY u.id, u.subscriber_id, u.amount_kopecks HAVING sum(r.amount_kopecks) > u.amount_kopecks""",
                "of top-up {id} {kopecks} kopecks were given back: more than came",
            ),
            (
                f"""
                SELECT {_ACCOUNT_OF_T} AS account, t.reference FROM ledger_transaction t
                 WHERE t.kind = 'top_up_refund'
                   AND NOT EXISTS (SELECT 1 FROM refund r WHERE r.transaction_id = t.id)""",
                "{reference} belongs to no refund",
            ),
        ],
    ),
    (
        "I7",
        "one fee for one period",
        "fee_charge",
        [
            (
                f"""
                SELECT {_main_of("s")} AS account, f.period_start_at, f.amount_kopecks
                  FROM fee_charge f
                  JOIN plan_subscription s ON s.id = f.subscription_id
                  LEFT JOIN ledger_transaction t ON t.id = f.transaction_id
                 WHERE (f.amount_kopecks <> 0 OR f.transaction_id IS NOT NULL)
                   AND (t.id IS NULL OR t.kind <> 'plan_fee' OR {_SUM_OF_T} <> f.amount_kopecks)""",
                "the fee of {amount_kopecks} kopecks from {period_start_at} was posted otherwise",
            ),
            (
                f"""
                SELECT {_ACCOUNT_OF_T} AS account, t.reference FROM ledger_transaction t
                  LEFT JOIN fee_charge f ON f.transaction_id = t.id
                 WHERE t.kind = 'plan_fee' AND f.id IS NULL""",
                "{reference} belongs to no period",
            ),
            (
                f"""
                SELECT {_main_of("s")} AS account, f.period_start_at, count(*) AS times
                  FROM fee_charge f JOIN plan_subscription s ON s.id = f.subscription_id
                 GROUP BY s.subscriber_id, f.subscription_id, f.period_start_at HAVING count(*) > 1""",
                "the period from {period_start_at} was charged {times} times",
            ),
        ],
    ),
    (
        "I7",
        "one fee of a service for one period",
        "option_fee_charge",
        [
            (
                f"""
                SELECT {_main_of("s")} AS account, f.period_start_at, f.amount_kopecks
                  FROM option_fee_charge f
                  JOIN option_subscription s ON s.id = f.option_subscription_id
                  LEFT JOIN ledger_transaction t ON t.id = f.transaction_id
                 WHERE (f.amount_kopecks <> 0 OR f.transaction_id IS NOT NULL)
                   AND (t.id IS NULL OR t.kind NOT IN ('option_fee', 'bundle') OR {_SUM_OF_T} <> f.amount_kopecks)""",
                "the service's fee of {amount_kopecks} kopecks from {period_start_at} was posted otherwise",
            ),
            (
                f"""
                SELECT {_ACCOUNT_OF_T} AS account, t.reference FROM ledger_transaction t
                  LEFT JOIN option_fee_charge f ON f.transaction_id = t.id
                 WHERE t.kind IN ('option_fee', 'bundle') AND f.id IS NULL""",
                "{reference} belongs to no period",
            ),
            (
                f"""
                SELECT {_main_of("s")} AS account, f.period_start_at, count(*) AS times
                  FROM option_fee_charge f JOIN option_subscription s ON s.id = f.option_subscription_id
                 GROUP BY s.subscriber_id, f.option_subscription_id, f.period_start_at HAVING count(*) > 1""",
                "the service's period from {period_start_at} was charged {times} times",
            ),
        ],
    ),
    (
        "I12",
        "every order's money belongs to it",
        '"order"',
        [
            (
                rf"""
                SELECT {_ACCOUNT_OF_T} AS account, t.reference FROM ledger_transaction t
                 WHERE t.kind = 'order'
                   AND NOT EXISTS (SELECT 1 FROM "order" o WHERE o.transaction_id = t.id
                                                             AND t.reference = 'order\:' || o.id)""",
                "{reference} belongs to no order",
            ),
            (
                f"""
                SELECT {_main_of("o")} AS account, o.id FROM "order" o
                  LEFT JOIN ledger_transaction u ON u.id = o.undo_transaction_id
                 WHERE CASE WHEN o.undone_at IS NULL OR o.transaction_id IS NULL THEN u.id IS NOT NULL
                            ELSE u.id IS NULL OR u.reverses_id <> o.transaction_id END""",
                "what the undoing of order {id} gave back is not what it took",
            ),
            (
                f"""
                SELECT {_main_of("o")} AS account, o.quote_id FROM "order" o
                  JOIN quote q ON q.id = o.quote_id WHERE q.subscriber_id <> o.subscriber_id""",
                "quote {quote_id} was made for somebody else",
            ),
        ],
    ),
    (
        "I13",
        "every promised payment's money is where its state says",
        "promised_payment",
        [
            (
                rf"""
                SELECT {_main_of("r")} AS account, r.id, r.state FROM promised_payment r
                  JOIN "order" o ON o.id = r.order_id
                  LEFT JOIN ledger_transaction b ON b.id = r.return_transaction_id
                  LEFT JOIN ledger_transaction f ON f.id = r.fee_transaction_id
                 WHERE o.subscriber_id <> r.subscriber_id
                    OR (r.state = 'undone') <> (o.undone_at IS NOT NULL)
                    OR {_promised("o.transaction_id")} <> r.amount_kopecks
                    OR CASE WHEN r.state <> 'returned' THEN b.id IS NOT NULL OR f.id IS NOT NULL
                            ELSE b.id IS NULL OR b.reference <> 'promised-return\:' || r.id
                              OR {_promised("b.id")} <> -r.amount_kopecks
                              OR coalesce((SELECT sum(p.amount_kopecks) FROM posting p
                                            WHERE p.transaction_id = f.id), 0) <> r.fee_kopecks END""",
                "promised payment {id} is {state} and was posted otherwise",
            ),
            (
                rf"""
                SELECT {_ACCOUNT_OF_T} AS account, t.reference FROM ledger_transaction t
                 WHERE t.kind IN ('promised_return', 'promised_fee')
                   AND NOT EXISTS (SELECT 1 FROM promised_payment r
                                    WHERE t.id IN (r.return_transaction_id, r.fee_transaction_id))""",
                "{reference} belongs to no promised payment",
            ),
            (
                f"""
                SELECT {_main_of("r")} AS account, count(*) AS times FROM promised_payment r
                 WHERE r.state = 'open' GROUP BY r.subscriber_id HAVING count(*) > 1""",
                "{times} promised payments are open",
            ),
            (
                r"""
                SELECT 'operator\:promised' AS account, sums.given, sums.open FROM (
                       SELECT coalesce((SELECT sum(CASE WHEN p.source_id = a.id THEN p.amount_kopecks
                                                        ELSE -p.amount_kopecks END)
                                          FROM posting p JOIN account a ON a.id IN (p.source_id, p.destination_id)
                                         WHERE a.code = 'operator\:promised'), 0) AS given,
                              coalesce((SELECT sum(amount_kopecks) FROM promised_payment
                                         WHERE state = 'open'), 0) AS open) sums
                 WHERE sums.given <> sums.open""",
                "{given} kopecks are out, and open promised payments make {open}",
            ),
        ],
    ),
    (
        "I14",
        "what promotions promised has come, once, and no more of it",
        "participation",
        [
            (
                rf"""
                SELECT {_main_of("r")} AS account, r.id FROM participation r
                  JOIN "order" o ON o.id = r.order_id
                  JOIN promotion_version v ON v.id = r.version_id
                 WHERE o.subscriber_id <> r.subscriber_id OR o.undone_at IS NOT NULL
                    OR v.promotion_id <> r.promotion_id
                    OR coalesce((SELECT sum(p.amount_kopecks) FROM posting p
                                   JOIN account a ON a.id = p.source_id AND a.code = 'operator\:promotions'
                                  WHERE p.transaction_id = o.transaction_id), 0) <> r.gift_kopecks""",
                "participation {id} was posted otherwise",
            ),
            (
                r"""
                SELECT 'operator\:promotions' AS account, sums.given, sums.promised FROM (
                       SELECT coalesce((SELECT sum(CASE WHEN p.source_id = a.id THEN p.amount_kopecks
                                                        ELSE -p.amount_kopecks END)
                                          FROM posting p JOIN account a ON a.id IN (p.source_id, p.destination_id)
                                         WHERE a.code = 'operator\:promotions'), 0) AS given,
                              coalesce((SELECT sum(gift_kopecks) FROM participation), 0) AS promised) sums
                 WHERE sums.given <> sums.promised""",
                "{given} kopecks are out, and those who joined were promised {promised}",
            ),
            (
                f"""
                SELECT {_main_of("r")} AS account, r.id, r.discount_left, r.discount_periods,
                       (SELECT count(*) FROM discount_use u WHERE u.participation_id = r.id) AS times
                  FROM participation r
                 WHERE r.discount_periods - r.discount_left
                       <> (SELECT count(*) FROM discount_use u WHERE u.participation_id = r.id)
                    OR r.discount_periods - r.discount_left
                       <> coalesce((SELECT max(u.number) FROM discount_use u WHERE u.participation_id = r.id), 0)""",
                "participation {id}: of {discount_periods} fees {times} had its discount, {discount_left} are left",
            ),
            (
                f"""
                SELECT {_main_of("r")} AS account, u.id, u.full_kopecks, u.off_kopecks FROM discount_use u
                  JOIN participation r ON r.id = u.participation_id
                 WHERE u.off_kopecks > u.full_kopecks OR u.off_kopecks <>
                       CASE WHEN r.discount_percent > 0 THEN (u.full_kopecks * r.discount_percent + 99) / 100
                            WHEN r.discount_kopecks < u.full_kopecks THEN r.discount_kopecks
                            ELSE u.full_kopecks END""",
                "discount {id} took {off_kopecks} off {full_kopecks} kopecks",
            ),
            (
                f"""
                SELECT {_main_of("r")} AS account, u.id FROM discount_use u
                  JOIN participation r ON r.id = u.participation_id
                 WHERE u.order_id IS NULL AND NOT EXISTS (
                       SELECT 1 FROM fee_charge f
                        WHERE f.subscription_id = u.plan_subscription_id AND f.period_end_at = u.period_end_at
                          AND f.amount_kopecks = u.full_kopecks - u.off_kopecks
                       UNION ALL
                       SELECT 1 FROM option_fee_charge f
                        WHERE f.option_subscription_id = u.option_subscription_id
                          AND f.period_end_at = u.period_end_at
                          AND f.amount_kopecks = u.full_kopecks - u.off_kopecks)""",
                "discount {id} is on no fee",
            ),
            (
                """
                SELECT 'promotion ' || m.code AS account, m.joined,
                       (SELECT count(*) FROM participation r WHERE r.promotion_id = m.id) AS times
                  FROM promotion m
                 WHERE m.joined <> (SELECT count(*) FROM participation r WHERE r.promotion_id = m.id)""",
                "{joined} places are taken, and {times} have joined",
            ),
            (
                """
                SELECT 'promo code ' || c.id AS account, c.uses, c.most_uses,
                       (SELECT count(*) FROM participation r WHERE r.promo_code_id = c.id) AS times
                  FROM promo_code c
                 WHERE c.uses > c.most_uses
                    OR c.uses <> (SELECT count(*) FROM participation r WHERE r.promo_code_id = c.id)""",
                "was used {uses} times of {most_uses}, and {times} have joined by it",
            ),
        ],
    ),
    (
        "I8",
        "every usage record was rated and charged once",
        "usage_record",
        [
            (
                f"""
                SELECT {_main_of("r")} AS account, r.record_id, r.charge_kopecks
                  FROM usage_record r LEFT JOIN ledger_transaction t ON t.id = r.transaction_id
                 WHERE (r.charge_kopecks <> 0 OR r.transaction_id IS NOT NULL)
                   AND (t.id IS NULL OR t.kind <> 'usage' OR t.reference <> 'usage:' || r.record_id
                        OR {_SUM_OF_T} <> r.charge_kopecks
                        OR NOT EXISTS (SELECT 1 FROM posting p JOIN account a ON a.id = p.source_id
                                        WHERE p.transaction_id = t.id AND a.subscriber_id = r.subscriber_id))""",
                "record {record_id} was rated at {charge_kopecks} kopecks and posted otherwise",
            ),
            (
                f"""
                SELECT {_ACCOUNT_OF_T} AS account, t.reference FROM ledger_transaction t
                 WHERE t.kind = 'usage'
                   AND NOT EXISTS (SELECT 1 FROM retention k WHERE k.what = 'usage' AND t.happened_at < k.kept_from)
                   AND NOT EXISTS (SELECT 1 FROM usage_key k JOIN usage_record r
                                       ON r.subscriber_id = k.subscriber_id AND r.started_at = k.started_at
                                      AND r.record_id = k.record_id
                                    WHERE k.record_id = substr(t.reference, 7) AND r.transaction_id = t.id)""",
                "{reference} was charged without a record",
            ),
            (
                """
                SELECT 'subscriber:' || min(subscriber_id) AS account, record_id, count(*) AS times
                  FROM usage_record GROUP BY record_id HAVING count(*) > 1""",
                "record {record_id} was rated {times} times",
            ),
            (
                """
                SELECT 'subscriber:' || r.subscriber_id AS account, r.record_id FROM usage_record r
                  LEFT JOIN usage_key k ON k.record_id = r.record_id
                 WHERE (k.record_id IS NULL OR k.started_at <> r.started_at OR k.subscriber_id <> r.subscriber_id)
                   AND NOT EXISTS (SELECT 1 FROM retention h WHERE h.what = 'usage' AND r.started_at < h.kept_from)""",
                "record {record_id} could be rated again: its key is not kept",
            ),
            (
                """
                SELECT 'subscriber:' || k.subscriber_id AS account, k.record_id FROM usage_key k
                 WHERE NOT EXISTS (SELECT 1 FROM usage_record r
                                    WHERE r.subscriber_id = k.subscriber_id AND r.started_at = k.started_at
                                      AND r.record_id = k.record_id)
                   AND NOT EXISTS (SELECT 1 FROM retention h WHERE h.what = 'usage' AND k.started_at < h.kept_from)""",
                "record {record_id} is known and was not kept",
            ),
        ],
    ),
    (
        "I16",
        "no month's usage cost more than its cap",
        "spending_cap",
        [
            (
                # A cap that was chosen too late is passed already: then nothing more may have come.
                f"""
                SELECT {_main_of("spent")} AS account, spent.month, spent.kopecks,
                       c.limit_kopecks
                  FROM (SELECT subscriber_id, {_month_of("day_on")} AS month, sum(amount_kopecks) AS kopecks
                          FROM spending_day
                         WHERE category IN ({_OUTSIDE_PACKAGES})
                           AND subscriber_id IN (SELECT subscriber_id FROM spending_cap)
                         GROUP BY 1, 2) spent
                  JOIN spending_cap c ON c.id = (
                       SELECT k.id FROM spending_cap k
                        WHERE k.subscriber_id = spent.subscriber_id AND {_month_of("k.month_on")} <= spent.month
                        ORDER BY k.month_on DESC, k.id DESC LIMIT 1)
                 WHERE spent.kopecks > CASE
                       WHEN {_month_of("c.month_on")} = spent.month AND c.spent_kopecks > c.limit_kopecks
                       THEN c.spent_kopecks ELSE c.limit_kopecks END""",
                "usage of {month} cost {kopecks} kopecks, its cap was {limit_kopecks}",
            ),
        ],
    ),
    (
        "I15",
        "every correction of a balance was decided by a second person",
        "balance_adjustment",
        [
            (
                rf"""
                SELECT {_main_of("b")} AS account, b.id FROM balance_adjustment b
                 WHERE (b.state = 'approved' AND (b.decided_by_id IS NULL OR b.decided_by_id = b.proposed_by_id))
                    OR EXISTS (SELECT 1 FROM staff_member m JOIN subscriber s ON s.msisdn = m.msisdn
                                WHERE s.id = b.subscriber_id AND b.state = 'approved'
                                  AND m.id IN (b.proposed_by_id, b.decided_by_id))""",
                "adjustment {id} was not decided by two others",
            ),
            (
                rf"""
                SELECT {_main_of("b")} AS account, b.id, b.amount_kopecks FROM balance_adjustment b
                  LEFT JOIN ledger_transaction t ON t.id = b.transaction_id
                 WHERE (b.state = 'approved') <> (b.transaction_id IS NOT NULL)
                    OR (b.transaction_id IS NOT NULL
                        AND (t.id IS NULL OR t.kind <> 'adjustment' OR t.reference <> 'adjustment\:' || b.id
                             OR {_SUM_OF_T} <> abs(b.amount_kopecks)
                             OR NOT EXISTS (SELECT 1 FROM posting p JOIN account a
                                              ON a.id = CASE WHEN b.amount_kopecks > 0 THEN p.destination_id
                                                             ELSE p.source_id END
                                             WHERE p.transaction_id = t.id AND a.subscriber_id = b.subscriber_id)))""",
                "adjustment {id} of {amount_kopecks} kopecks was posted otherwise",
            ),
            (
                f"""
                SELECT {_ACCOUNT_OF_T} AS account, t.reference FROM ledger_transaction t
                 WHERE t.kind = 'adjustment'
                   AND NOT EXISTS (SELECT 1 FROM balance_adjustment b WHERE b.transaction_id = t.id)""",
                "{reference} was proposed by nobody",
            ),
        ],
    ),
    (
        "I9",
        "every promised message is in the outbox",
        "one_time_code",
        [
            (
                """
                SELECT coalesce('subscriber:' || c.subscriber_id, 'one-time code') AS account, c.id
                  FROM one_time_code c
                 WHERE NOT EXISTS (SELECT 1 FROM outbox_message o
                                    WHERE o.reference = 'code:' || substr(c.code_hash, 1, 32))""",
                "code {id} has no message",
            ),
        ],
    ),
]


def _check_receipts(session: Session, check: Check, report: Progress) -> None:
    """Of the last weeks: older messages are deleted."""
    rows = session.execute(
        text(f"""
            SELECT {_main_of("u")} AS account, u.id, o.id AS message_id FROM top_up u
              LEFT JOIN outbox_message o ON o.reference = 'top-up\\:' || u.id
             WHERE u.state = 'succeeded' AND u.finished_at > :since""").bindparams(
            bindparam("since", clock.now() - MESSAGES_KEPT + timedelta(days=1), Instant)
        )
    )
    for row in rows:
        check.checked += 1
        if row.message_id is None:
            check.add(row.account, f"top-up {row.id} has no receipt")


def _check_explanations(session: Session, check: Check, report: Progress) -> None:
    query = text("""
        SELECT t.id, t.kind, p.amount_kopecks, CAST(p.explanation AS text) AS explanation, p.source_id, p.destination_id
          FROM ledger_transaction t JOIN posting p ON p.transaction_id = t.id
         WHERE t.id > :after AND t.id <= :until
         ORDER BY t.id, explanation""")
    for slice_of in _slices(session, "ledger_transaction"):
        rows = session.execute(query, slice_of).all()
        # What has the same explanation within a transaction is explained together.
        for (transaction_id, kind, explanation), postings in groupby(rows, key=lambda row: (row.id, row.kind, row[3])):
            together = list(postings)
            amount = sum(row.amount_kopecks for row in together)
            computed = _computed(partial(ledger.explained_amount, kind), json.loads(explanation))
            if computed != amount:
                what = f"transaction {transaction_id} moved {amount} kopecks, its explanation makes {computed}"
                check.add(_account_code(session, together[0].source_id, together[0].destination_id), what)
        check.checked += len(rows)
        report(check.name, check.checked)


# What promised a message: what it is called, its table, which of its rows, when, the message's reference.
_PROMISES = (
    ("notice", "notice", "p.by_sms", "happened_at", r"p.reference || '\:sms'"),
    ("notice", "notice", "p.by_email", "happened_at", r"p.reference || '\:email'"),
    ("password", "sign_in_event", "p.outcome LIKE 'password%'", "happened_at", r"'password\:' || p.id"),
    ("trial", "option_subscription", "p.asked_at IS NOT NULL", "asked_at", r"'trial\:' || p.id"),
)


def _check_promises(session: Session, check: Check, report: Progress) -> None:
    """Of the last weeks, as receipts."""
    since = bindparam("since", clock.now() - MESSAGES_KEPT + timedelta(days=1), Instant)
    for name, table, is_promised, at, reference in _PROMISES:
        promised = f"FROM {table} p WHERE {is_promised} AND p.{at} > :since"
        check.checked += session.execute(text(f"SELECT count(*) {promised}").bindparams(since)).scalar_one()
        unkept = f"NOT EXISTS (SELECT 1 FROM outbox_message o WHERE o.reference = {reference})"
        question = f"SELECT p.id, p.subscriber_id {promised} AND {unkept} ORDER BY p.id LIMIT {MOST_FAULTS}"
        for row in session.execute(text(question).bindparams(since)):
            check.add(f"subscriber:{row.subscriber_id}", f"{name} {row.id} has no message")


def _check_orders(session: Session, check: Check, report: Progress) -> None:
    query = text("""
        SELECT o.id, o.subscriber_id, q.effects,
               coalesce((SELECT sum(p.amount_kopecks) FROM posting p JOIN account a ON a.id = p.source_id
                          WHERE p.transaction_id = o.transaction_id AND a.subscriber_id = o.subscriber_id), 0) AS taken,
               coalesce((SELECT sum(p.amount_kopecks) FROM posting p JOIN account a ON a.id = p.destination_id
                          WHERE p.transaction_id = o.transaction_id AND a.subscriber_id = o.subscriber_id), 0) AS given
          FROM "order" o JOIN quote q ON q.id = o.quote_id
         WHERE o.id > :after AND o.id <= :until""").columns(effects=Json)
    for slice_of in _slices(session, '"order"'):
        rows = session.execute(query, slice_of).all()
        for row in rows:
            charges = [effect for effect in read_effects(row.effects) if isinstance(effect, Charge)]
            taken = sum(charge.kopecks for charge in charges if not charge.is_refund)
            given = sum(charge.kopecks for charge in charges if charge.is_refund)
            given += sum(effect.kopecks for effect in read_effects(row.effects) if isinstance(effect, Promise | Gift))
            if (taken, given) != (row.taken, row.given):
                what = (
                    f"order {row.id} took {row.taken} and gave {row.given} kopecks, its quote said {taken} and {given}"
                )
                check.add(f"subscriber:{row.subscriber_id}:main", what)
        check.checked += len(rows)
        report(check.name, check.checked)


def _check_ratings(session: Session, check: Check, report: Progress) -> None:
    query = text("""
        SELECT subscriber_id, record_id, quantity, charge_kopecks, rating
          FROM usage_record WHERE id > :after AND id <= :until""").columns(rating=Json)
    for slice_of in _slices(session, "usage_record"):
        rows = session.execute(query, slice_of).all()
        for row in rows:
            computed = _computed(recompute_amount, row.rating)
            if computed != row.charge_kopecks or row.rating.get("quantity") != row.quantity:
                what = f"record {row.record_id} was charged {row.charge_kopecks} kopecks, its rating makes {computed}"
                check.add(f"subscriber:{row.subscriber_id}:main", what)
        check.checked += len(rows)
        report(check.name, check.checked)


def _check_spending(session: Session, check: Check, report: Progress) -> None:
    """In one statement a slice, so that what is posted meanwhile is in both sums or in neither."""
    if session.get_bind().dialect.name == "sqlite":
        connection: Any = session.connection().connection.driver_connection
        connection.create_function("local_day", 1, _local_day)
        day_on, fact, values = "local_day(p.happened_at)", "json_extract(e.explanation, '$.{}')", {}
        origin_id = "json_extract(p.explanation, '$.posting_id')"
    else:
        day_on, fact = "CAST(CAST(p.happened_at AT TIME ZONE :zone AS date) AS text)", "e.explanation ->> '{}'"
        origin_id, values = "CAST(p.explanation ->> 'posting_id' AS bigint)", {"zone": settings().time_zone}
    slice_of_accounts = "SELECT id FROM account WHERE subscriber_id > :after AND subscriber_id <= :until"
    query = text(f"""
        SELECT own.subscriber_id, {day_on} AS day_on, NULL AS category, k.kind, {fact.format("kind")} AS usage_kind,
               {fact.format("zone")} AS zone, sum(p.kopecks) AS kopecks, count(*) AS postings
          FROM (SELECT id, transaction_id, happened_at, explanation,
                       source_id AS own_id, destination_id AS other_id, amount_kopecks AS kopecks
                  FROM posting WHERE source_id IN ({slice_of_accounts})
                 UNION ALL
                SELECT id, transaction_id, happened_at, explanation, destination_id, source_id, -amount_kopecks
                  FROM posting WHERE destination_id IN ({slice_of_accounts})) p
          JOIN account own ON own.id = p.own_id
          JOIN account other ON other.id = p.other_id AND other.kind = 'operator' AND other.code NOT IN ({_NOT_INCOME})
          JOIN ledger_transaction t ON t.id = p.transaction_id
          JOIN posting e ON e.id = CASE WHEN t.reverses_id IS NULL THEN p.id ELSE {origin_id} END
          JOIN ledger_transaction k ON k.id = e.transaction_id
         GROUP BY 1, 2, 4, 5, 6
         UNION ALL
        SELECT subscriber_id, CAST(day_on AS text), category, NULL, NULL, NULL,
               -amount_kopecks, -postings
          FROM spending_day WHERE subscriber_id > :after AND subscriber_id <= :until""")
    for slice_of in _slices(session, "subscriber", 500):
        left_over: dict[tuple[int, str, str], tuple[int, int]] = {}
        for row in session.execute(query, slice_of | values):
            category = row.category or category_of(row.kind, {"kind": row.usage_kind, "zone": row.zone or ""})
            key = row.subscriber_id, row.day_on, category
            kopecks, postings = left_over.get(key, (0, 0))
            left_over[key] = kopecks + int(row.kopecks), postings + int(row.postings)
        for (subscriber_id, day_on, category), sums in left_over.items():
            if sums != (0, 0):
                what = f"the postings of {day_on} make {sums[0]} kopecks more of {category} than its sum says"
                check.add(f"subscriber:{subscriber_id}:main", what)
        check.checked += len(left_over)
        report(check.name, check.checked)


_NOT_INCOME = ", ".join(f"'{code}'" for code in sorted(NOT_INCOME))


def _local_day(written: str) -> str:
    return clock.local(datetime.fromisoformat(written).replace(tzinfo=UTC)).date().isoformat()


def _computed(compute: Callable[[Mapping[str, Any]], int], facts: Mapping[str, Any]) -> int | None:
    """The amount; None when the facts do not say it."""
    try:
        return compute(facts)
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None


def _slices(session: Session, table: str, size: int = _SLICE) -> Iterator[dict[str, int]]:
    """Ranges of ids that cover the table."""
    first, last = session.execute(text(f"SELECT min(id), max(id) FROM {table}")).one()
    if first is not None:
        for after in range(first - 1, last, size):
            yield {"after": after, "until": after + size}


def _account_code(session: Session, *account_ids: int) -> str:
    """Of the subscriber's account among these, if there is one."""
    query = text("SELECT code FROM account WHERE id IN (:one, :other) ORDER BY kind = 'operator', id LIMIT 1")
    ids = dict(zip(("one", "other"), account_ids, strict=True))
    return session.execute(query, ids).scalar() or "no account"


_INSERT_ONLY = ("ledger_transaction", "posting")


def _check_triggers(session: Session, check: Check, report: Progress) -> None:
    if session.get_bind().dialect.name == "sqlite":
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        needed = {f"{table}_{event}" for table in _INSERT_ONLY for event in ("no_update", "no_delete")}
    else:
        # A month's trigger may be missing while the table's own is there.
        query = """
            SELECT tgname FROM pg_trigger t WHERE tgenabled <> 'D' AND tgparentid = 0
               AND NOT EXISTS (SELECT 1 FROM pg_inherits i WHERE i.inhparent = t.tgrelid AND NOT EXISTS (
                       SELECT 1 FROM pg_trigger m
                        WHERE m.tgrelid = i.inhrelid AND m.tgname = t.tgname AND m.tgenabled <> 'D'))"""
        needed = {f"{table}_insert_only" for table in _INSERT_ONLY}
    check.checked = len(needed)
    for name in sorted(needed - set(session.execute(text(query)).scalars())):
        check.add("ledger", f"the trigger {name} is missing")


def _check_integers(session: Session, check: Check, report: Progress) -> None:
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    for table in metadata.sorted_tables:
        columns = [column.name for column in table.columns if column.name.endswith("_kopecks")]
        check.checked += len(columns)
        if is_sqlite and columns:
            is_fraction = " OR ".join(f"typeof({name}) NOT IN ('integer', 'null')" for name in columns)
            key = ", ".join(column.name for column in table.primary_key)
            for row in session.execute(text(f"SELECT {key} FROM {table.name} WHERE {is_fraction} LIMIT {MOST_FAULTS}")):
                check.add(f"{table.name} {row[0]}", "holds a fraction of a kopeck")
        elif columns:
            types = {
                column["name"]: str(column["type"]) for column in inspect(session.connection()).get_columns(table.name)
            }
            for name in columns:
                if types[name] not in ("BIGINT", "INTEGER"):
                    check.add(f"{table.name}.{name}", f"is a {types[name]}")
