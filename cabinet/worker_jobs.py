"""The timetable: all that happens by itself, on one page.

A job finds the rows that are due and deals with each in a short transaction of its own, so that a kill loses one row's
work at most and a second worker finds the rest. Each returns how many rows it dealt with, and looks between two rows
whether the worker is to stop.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

import structlog

from cabinet import clock, db, metrics
from cabinet.adapters import files, mail, payments, sms
from cabinet.adapters.sending import Gateway
from cabinet.services import (
    attachments,
    audit,
    autopay,
    billing,
    catalogue_desk,
    clean_up,
    demo,
    notices,
    option_fees,
    outbox,
    promised_payments,
    refunds,
    retention,
    support_desk,
    top_ups,
)

FEES_AT_ONCE = 100
FAULTS_TOLD = 10  # in a line of the log; `python -m cabinet audit` tells all

ShouldStop = Callable[[], bool]

log = structlog.get_logger("cabinet.worker")


class LedgerBroken(Exception):
    """The audit found what must never be; the text says whose account and what."""


@dataclass(frozen=True, slots=True)
class Job:
    """Something to be done `every` so often, or every night at `at` by the operator's clock.

    `moves_money`: it does not run while the ledger is known to be broken. `proves_ledger`: when it succeeds, the ledger
    is whole. `can_be_woken`: it runs at once when somebody says that something waits.
    """

    name: str
    run: Callable[[datetime, ShouldStop], int]
    every: timedelta = timedelta(days=1)
    at: time | None = None
    moves_money: bool = False
    proves_ledger: bool = False
    can_be_woken: bool = False

    def next_run_at(self, now: datetime) -> datetime:
        """When it is due again after a run at `now`."""
        if self.at is None:
            return now + self.every
        today = clock.local(now).replace(hour=self.at.hour, minute=self.at.minute, second=0, microsecond=0)
        return today if today > now else today + timedelta(days=1)


# --- what is done ----------------------------------------------------------------------------------------------------


def charge_fees(now: datetime, should_stop: ShouldStop) -> int:
    """Charges the fees of plans that are due; planned changes of plans happen before.

    Raises:
        RuntimeError: some were left, and which.
    """
    return _charge_due("plan", billing.list_due, billing.charge_fees_until, now, should_stop)


def charge_options(now: datetime, should_stop: ShouldStop) -> int:
    """Charges services and monthly packages that are due, and ends trials that were not kept.

    Raises:
        RuntimeError: some were left, and which.
    """
    return _charge_due("service", option_fees.list_due, option_fees.charge_until, now, should_stop)


def _charge_due(
    what: str,
    list_due: Callable[..., list[int]],
    charge: Callable[..., object],
    now: datetime,
    should_stop: ShouldStop,
) -> int:
    """What cannot be charged is left for later and holds up nobody."""
    charged, left = 0, set[int]()
    while not should_stop():
        due: list[int] = []
        try:
            with db.transaction() as session:
                due = [each for each in list_due(session, now, FEES_AT_ONCE + len(left)) if each not in left]
                charge(session, due, now, now=now)
        except Exception:
            if not due:
                raise
            log.exception("fees not charged together, trying each", what=what, subscriptions=due)
            left |= _charge_each(what, charge, due, now)
        if not due:
            break
        done = len(due) - len(left.intersection(due))
        metrics.FEES.labels(what).inc(done)
        charged += done
    if left:
        raise RuntimeError(f"{what} fees not charged of subscriptions {sorted(left)}")
    return charged


def _charge_each(what: str, charge: Callable[..., object], subscription_ids: Sequence[int], now: datetime) -> set[int]:
    """One transaction each; returns those that failed."""
    failed = set()
    for subscription_id in subscription_ids:
        try:
            with db.transaction() as session:
                charge(session, [subscription_id], now, now=now)
        except Exception:
            log.exception("fee not charged", what=what, subscription=subscription_id)
            failed.add(subscription_id)
    return failed


def ask_about_trials(now: datetime, should_stop: ShouldStop) -> int:
    """Asks those whose trial ends soon whether to keep it."""
    return _in_batches(
        lambda session: option_fees.ask_about_trials(session, now, FEES_AT_ONCE), should_stop, FEES_AT_ONCE
    )


def take_back_promises(now: datetime, should_stop: ShouldStop) -> int:
    """Takes promised payments back that are due, each in a transaction of its own, and tells of those of tomorrow.

    Raises:
        RuntimeError: some were left, and which.
    """
    done, left = 0, set[int]()
    while not should_stop():
        with db.reading() as session:
            due = promised_payments.list_due(session, now, FEES_AT_ONCE + len(left))
        due = [each for each in due if each not in left]
        for promise_id in due:
            try:
                with db.transaction() as session:
                    done += promised_payments.return_one(session, promise_id, now=now)
            except Exception:
                log.exception("promised payment not taken back", promise=promise_id)
                left.add(promise_id)
        if not due:
            break
    done += _in_batches(lambda session: promised_payments.remind(session, now, FEES_AT_ONCE), should_stop, FEES_AT_ONCE)
    if left:
        raise RuntimeError(f"promised payments not taken back: {sorted(left)}")
    return done


def pay_by_rules(now: datetime, should_stop: ShouldStop) -> int:
    """Follows what became of autopay's payments and begins those that are due, each in a transaction of its own.

    Raises:
        RuntimeError: some rules were left, and which.
    """
    done, left = 0, set[int]()
    for find, act in (
        (lambda session, most: autopay.list_to_settle(session, most), autopay.settle),
        (lambda session, most: autopay.list_to_look(session, now, most), autopay.look),
    ):
        seen = set[int]()
        while not should_stop():
            with db.reading() as session:
                rules = [each for each in find(session, FEES_AT_ONCE + len(seen)) if each not in seen]
            for rule_id in rules:
                try:
                    with db.transaction() as session:
                        act(session, rule_id, now=now)
                    done += 1
                except Exception:
                    log.exception("autopay rule not followed", rule=rule_id)
                    left.add(rule_id)
            seen |= set(rules)
            if not rules:
                break
    if left:
        raise RuntimeError(f"autopay rules not followed: {sorted(left)}")
    return done


def warn_of_fees(now: datetime, should_stop: ShouldStop) -> int:
    """Tells those who lack money for a fee that comes soon."""
    return _in_batches(lambda session: notices.warn_of_fees(session, now=now), should_stop, notices.AT_ONCE)


def send_messages(now: datetime, should_stop: ShouldStop) -> int:
    """Sends the SMS that wait in the outbox."""
    return _send(sms.gateway(), outbox.Channel.SMS, should_stop)


def send_letters(now: datetime, should_stop: ShouldStop) -> int:
    """Sends the letters that wait in the outbox; without a mail server nothing."""
    server = mail.gateway()
    return _send(server, outbox.Channel.EMAIL, should_stop) if server else 0


def _send(gateway: Gateway, channel: outbox.Channel, should_stop: ShouldStop) -> int:
    sent = 0
    while not should_stop() and (number := outbox.send_due(gateway, channel, now=clock.now)):
        sent += number
    return sent


def ask_about_payments(now: datetime, should_stop: ShouldStop) -> int:
    """Asks the payment gateway about top-ups and refunds that hang, with growing pauses for each."""
    asked, gateway = 0, payments.gateway()
    for reconcile in (top_ups.reconcile, refunds.reconcile):
        while not should_stop() and (number := reconcile(gateway, now=clock.now)):
            asked += number
    return asked


def delete_expired(now: datetime, should_stop: ShouldStop) -> int:
    """Deletes rows that have had their time."""
    return _in_batches(lambda session: clean_up.delete_expired(session, now=now), should_stop, clean_up.AT_MOST)


def publish_versions(now: datetime, should_stop: ShouldStop) -> int:
    """Brings versions of tariffs, services and packages on sale whose day has come."""
    published = 0
    while not should_stop():
        with db.transaction() as session:
            number = catalogue_desk.publish_due(session, now=now)
        published += number
        if number < catalogue_desk.AT_ONCE:
            break
    return published


def mark_breaches(now: datetime, should_stop: ShouldStop) -> int:
    """Writes down promises to answer that were not kept."""
    return _in_batches(lambda session: support_desk.mark_breaches(session, now=now), should_stop, support_desk.AT_ONCE)


def delete_loose_files(now: datetime, should_stop: ShouldStop) -> int:
    """Deletes files that were sent and no message has taken."""
    deleted = 0
    while not should_stop():
        with db.reading() as session:
            names = attachments.list_loose(session, now=now)
        for name in names:
            files.delete(name)
        with db.transaction() as session:
            attachments.forget(session, names)
        deleted += len(names)
        if len(names) < attachments.AT_ONCE:
            break
    return deleted


def make_months(now: datetime, should_stop: ShouldStop) -> int:
    """Makes the partitions of the months to come; on SQLite nothing."""
    with db.transaction() as session:
        return retention.make_months(session, now=now)


def drop_usage(now: datetime, should_stop: ShouldStop) -> int:
    """Forgets usage in detail that has had its time."""
    return _in_batches(lambda session: retention.drop_usage(session, now=now), should_stop, 1)


def check_ledger(now: datetime, should_stop: ShouldStop) -> int:
    """Checks every invariant of the ledger; returns how many checks there are.

    Raises:
        LedgerBroken: one does not hold.
    """
    with db.reading() as session:
        report = audit.run_audit(session)
    _tell_audit(report)
    if not report.is_sound:
        raise LedgerBroken("; ".join(map(str, report.faults[:FAULTS_TOLD])))
    return len(report.checks)


def _tell_audit(report: audit.AuditReport) -> None:
    broken = Counter({check.code: 0 for check in report.checks})
    for check in report.checks:
        broken[check.code] += len(check.faults)
    for code, number in broken.items():
        metrics.AUDIT_BROKEN.labels(code).set(number)
    metrics.AUDIT_AT.set(clock.machine_seconds())


def live_demo_life(now: datetime, should_stop: ShouldStop) -> int:
    """What people of the demo operator have done since; nothing anywhere else."""
    life = demo.live_until(now)
    return 0 if life is None else life.records


def _in_batches(deal: Callable[..., int], should_stop: ShouldStop, full: int) -> int:
    """Batch after batch, each in a transaction of its own, until one is not `full`; returns the rows of all."""
    done = 0
    while not should_stop():
        with db.transaction() as session:
            number = deal(session)
        done += number
        if number < full:
            break
    return done


# --- when ------------------------------------------------------------------------------------------------------------

LANES: tuple[tuple[Job, ...], ...] = (
    (
        Job("ledger audit", check_ledger, at=time(3, 30), proves_ledger=True),
        Job("demo life", live_demo_life, every=timedelta(minutes=5), moves_money=True),
        Job("plan fees", charge_fees, every=timedelta(seconds=20), moves_money=True),
        Job("service fees", charge_options, every=timedelta(seconds=20), moves_money=True),
        Job("promised payments", take_back_promises, every=timedelta(seconds=20), moves_money=True),
        Job("autopay", pay_by_rules, every=timedelta(seconds=20), moves_money=True),
        Job("trials", ask_about_trials, every=timedelta(minutes=1)),
    ),
    (Job("payments", ask_about_payments, every=timedelta(seconds=2), moves_money=True, can_be_woken=True),),
    (Job("fees to come", warn_of_fees, every=timedelta(minutes=1)),),
    (
        Job("promises to answer", mark_breaches, every=timedelta(seconds=20)),
        Job("planned versions", publish_versions, every=timedelta(seconds=20)),
    ),
    (Job("outbox", send_messages, every=timedelta(seconds=1), can_be_woken=True),),
    (Job("letters", send_letters, every=timedelta(seconds=2), can_be_woken=True),),
    (
        Job("clean-up", delete_expired, every=timedelta(minutes=10)),
        Job("loose files", delete_loose_files, every=timedelta(hours=1)),
        Job("months", make_months, every=timedelta(hours=1)),
        Job("old usage", drop_usage, at=time(4, 30)),
    ),
)
