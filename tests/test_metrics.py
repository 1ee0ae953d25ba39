"""What is counted when subscribers, gateways and the worker do something; that labels name nobody."""

from collections.abc import Callable
from datetime import timedelta

from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy import event

from cabinet import db, metrics, worker_jobs
from cabinet.adapters.payments import in_thread
from cabinet.adapters.sending import Answer, Verdict
from cabinet.domain.errors import CabinetError
from cabinet.services import bundles, figures, orders, outbox, sign_in, top_ups
from cabinet.worker import Worker
from cabinet.worker_jobs import Job, LedgerBroken
from tests.conftest import NOON, both_engines
from tests.payments import FakeGateway
from tests.services.test_options import CATALOGUE
from tests.services.test_orders import given, store
from tests.services.test_sessions import given_subscriber
from tests.services.test_sign_in import ANNA, NOBODY, ask, codes_to, enter
from tests.sockets import running
from tests.ui.test_guard import given_signed_in, states

KNOWN_LABELS = {"route", "method", "status", "handler", "verdict", "place", "kind", "outcome", "event", "state"}
KNOWN_LABELS |= {"channel", "what", "is_late", "job", "invariant", "build", "reflex", "python", "database", "env"}


def growth(name: str, **labels: str) -> Callable[[], float]:
    """How much a figure has grown since now."""
    before = metrics.REGISTRY.get_sample_value(name, labels) or 0.0
    return lambda: (metrics.REGISTRY.get_sample_value(name, labels) or 0.0) - before


def test_labels_say_what_kind_and_never_whose():
    ours = [one for one in vars(metrics).values() if isinstance(one, Counter | Gauge | Histogram)]

    assert len(ours) > 25
    assert {label for one in ours for label in one._labelnames} <= KNOWN_LABELS


def test_codes_and_sign_ins_are_counted_by_what_came_of_them(database):
    sent, withheld = growth("cabinet_codes_total", event="sent"), growth("cabinet_codes_total", event="withheld")
    wrong, right = growth("cabinet_codes_total", event="wrong"), growth("cabinet_codes_total", event="verified")
    failed, signed_in = (growth("cabinet_sign_ins_total", outcome=outcome) for outcome in ("wrong_code", "by_code"))
    with db.transaction() as session:
        given_subscriber(session, ANNA)
        ask(session)
    with db.transaction() as session:
        code = codes_to(session)[-1]
        enter(session, "000000" if code != "000000" else "111111")
    with db.transaction() as session:
        enter(session, code)
    with db.transaction() as session:
        ask(session, NOBODY, sign_in.Browser(pre="n" * 43, address="192.0.2.9"))

    assert (sent(), withheld(), wrong(), right(), failed(), signed_in()) == (1, 1, 1, 1, 1, 1)


def test_orders_are_counted_once_and_refusals_are_not(database):
    confirmed = growth("cabinet_orders_total", kind="bundle", event="confirmed")
    undone = growth("cabinet_orders_total", kind="bundle", event="undone")
    with db.transaction() as session:
        store(session, CATALOGUE)
        anna = given(session, money=12_000)
        quotes = [bundles.quote_bundle(session, anna, "gb5", now=NOON).id for _ in range(2)]
    for quote in (*quotes, quotes[0]):  # the money is enough for one; the third is the first again
        try:
            with db.transaction() as session:
                done = orders.confirm(session, anna, quote, now=NOON)
        except CabinetError:
            continue
    with db.transaction() as session:
        orders.undo(session, anna, done.id, now=NOON)

    assert (confirmed(), undone()) == (1, 1)


async def test_top_ups_are_counted_by_state(database):
    created, pending, succeeded = (
        growth("cabinet_top_ups_total", state=state) for state in ("created", "pending", "succeeded")
    )
    bank = FakeGateway()
    with db.transaction() as session:
        store(session, CATALOGUE)
        anna = given(session)
        started = top_ups.start(session, anna, 34_000, occasion="page:1", now=NOON)
    await in_thread(top_ups.submit, started.id, bank, now=lambda: NOON)
    bank.pay(bank.orders[0].key)
    for _ in range(2):
        top_ups.handle_webhook(bank, b"p1", {"signature": "good"}, now=lambda: NOON)

    assert (created(), pending(), succeeded()) == (1, 1, 1)


class Centre:
    """Takes the first message and refuses the rest."""

    def room(self) -> int:
        return 10

    def send(self, messages):
        for number, message in enumerate(messages):
            yield Answer(message.reference, Verdict.REFUSED if number else Verdict.SENT)

    def receipts(self) -> list:
        return []


def test_messages_are_counted_by_what_the_gateway_said(database):
    sent = growth("cabinet_messages_total", channel="sms", kind="receipt", verdict="sent")
    refused = growth("cabinet_messages_total", channel="sms", kind="other", verdict="refused")
    with db.transaction() as session:
        for kind in ("receipt", "made up by a test"):
            outbox.queue_sms(session, reference=kind, kind=kind, recipient="79160000001", body="…", now=NOON)

    outbox.send_due(Centre(), now=lambda: NOON)

    assert (sent(), refused()) == (1, 1)


def test_fees_are_counted_and_so_are_those_that_wait(database):
    charged = growth("cabinet_fees_charged_total", what="plan")
    with db.transaction() as session:
        store(session, CATALOGUE)
        given(session, money=100_000)
    due = NOON + timedelta(days=31)

    with db.reading() as session:
        waiting = figures.read(session, now=due)
    worker_jobs.charge_fees(due, lambda: False)
    with db.reading() as session:
        left = figures.read(session, now=due)

    assert charged() == 1
    assert waiting.fees["plan"].number == 1
    assert timedelta(0) < waiting.fees["plan"].late_for < timedelta(days=2)
    assert left.fees["plan"].number == 0


def test_jobs_are_counted_with_their_last_success():
    def broken(*_: object) -> int:
        raise LedgerBroken("subscriber:42:main")

    done = growth("cabinet_job_runs_total", job="good", outcome="done")
    rows = growth("cabinet_job_rows_total", job="good")
    broken_runs = growth("cabinet_job_runs_total", job="audit of a test", outcome="broken")
    worker = Worker([[Job("audit of a test", broken, proves_ledger=True), Job("good", lambda *_: 3)]])

    worker.run_once(NOON)

    assert (done(), rows(), broken_runs()) == (1, 3, 1)
    assert metrics.REGISTRY.get_sample_value("cabinet_job_last_success_timestamp_seconds", {"job": "good"}) > 1.7e9


def test_an_audit_says_how_many_faults_each_invariant_has(database):
    worker_jobs.check_ledger(NOON, lambda: False)

    assert metrics.REGISTRY.get_sample_value("cabinet_audit_broken", {"invariant": "I1"}) == 0
    assert metrics.REGISTRY.get_sample_value("cabinet_audit_timestamp_seconds") > 1.7e9


async def test_events_are_counted_by_handler_with_their_time(database):
    let_in = growth("cabinet_events_total", handler="states.<locals>.ProbeState.load", verdict="let in")
    away = growth("cabinet_events_total", handler="states.<locals>.ProbeState.load", verdict="turned away")
    timed = growth("cabinet_event_seconds_count", handler="states.<locals>.ProbeState.load")
    anna = given_signed_in("79160000001")
    async with running(states) as (world, page):
        tab = await world.visit(cookie=anna.cookie)
        await tab.call(page.Probe.load)
        stranger = await world.visit()
        await stranger.call(page.Probe.load)

    assert (let_in(), away(), timed()) == (1, 1, 1)


async def test_open_sockets_are_those_that_are_open(database):
    opened = growth("cabinet_sockets_open")
    async with running(states) as (world, _):
        tabs = [await world.visit() for _ in range(2)]
        assert opened() == 2
        await tabs[0].close()
        assert opened() == 1
    assert opened() == 0


@both_engines
def test_figures_go_along_indexes_of_what_waits(database):
    asked: list[tuple[str, object]] = []
    is_sqlite = database.dialect.name == "sqlite"

    def note(_connection: object, _cursor: object, statement: str, values: object, *_: object) -> None:
        asked.append((statement, values))

    event.listen(database, "before_cursor_execute", note)
    with db.reading() as session:
        figures.read(session, now=NOON)

    queries = [each for each in asked if each[0].lstrip().startswith("SELECT")]
    assert len(queries) == 6
    with database.connect() as connection:
        if not is_sqlite:
            connection.exec_driver_sql("SET enable_seqscan = off")  # the tables are empty
        for query, values in queries:
            how = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN"
            plan = str(connection.exec_driver_sql(f"{how} {query}", values).all())
            assert "Seq Scan" not in plan
            assert "USING" in plan or not is_sqlite
