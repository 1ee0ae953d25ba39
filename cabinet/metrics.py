"""What the program counts of itself, for Prometheus. A leaf: everything may count here, and nothing here asks anything.

Labels say of what kind something was, never whose: no numbers, names, addresses, ids. Their values are known
beforehand (routes, handlers, members of enums), so that no visitor can make new ones. What happens in a transaction is
counted when that is committed.
"""

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, GCCollector, Histogram, ProcessCollector

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)

_QUICK = (0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5, 10)
_LONG = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600)

_PROMISED = "cabinet_counts"


def _counter(name: str, what: str, *labels: str) -> Counter:
    return Counter(name, what, labels, registry=REGISTRY)


def _gauge(name: str, what: str, *labels: str) -> Gauge:
    return Gauge(name, what, labels, registry=REGISTRY)


def _histogram(name: str, what: str, *labels: str, buckets: tuple[float, ...] = _QUICK) -> Histogram:
    return Histogram(name, what, labels, registry=REGISTRY, buckets=buckets)


# --- pages ------------------------------------------------------------------------------------------------------------

REQUESTS = _counter("cabinet_http_requests", "HTTP requests answered", "route", "method", "status")
REQUEST_SECONDS = _histogram("cabinet_http_request_seconds", "From the request to the end of its answer", "route")
EVENTS = _counter("cabinet_events", "Events of pages by what the guard said", "handler", "verdict")
EVENT_SECONDS = _histogram("cabinet_event_seconds", "From the guard to the end of the handler", "handler")
FAULTS = _counter("cabinet_faults", "Faults of ours that somebody was shown a number of", "place")
SOCKETS = _gauge("cabinet_sockets_open", "Open websockets of this process")
TRANSACTION_SECONDS = _histogram(
    "cabinet_transaction_seconds", "Transactions of services, the wait for their turn included", "kind"
)

# --- what subscribers do ----------------------------------------------------------------------------------------------

SIGN_INS = _counter("cabinet_sign_ins", "Lines of sign-in histories; staff and staff_refused", "outcome")
CODES = _counter("cabinet_codes", "One-time codes: sent, withheld, limited, verified, wrong, expired", "event")
ORDERS = _counter("cabinet_orders", "Orders confirmed and undone", "kind", "event")
TOP_UPS = _counter("cabinet_top_ups", "Top-ups that came into a state", "state")
WEBHOOKS = _counter("cabinet_webhooks", "Messages of the payment gateway by what came of them", "verdict")
MESSAGES = _counter("cabinet_messages", "SMS and letters by what the gateway said", "channel", "kind", "verdict")

# --- the worker -------------------------------------------------------------------------------------------------------

FEES = _counter("cabinet_fees_charged", "Fees dealt with", "what")
JOB_RUNS = _counter("cabinet_job_runs", "Runs of the worker's jobs", "job", "outcome")
JOB_ROWS = _counter("cabinet_job_rows", "Rows that the worker's jobs dealt with", "job")
JOB_SECONDS = _histogram("cabinet_job_seconds", "How long the worker's jobs took", "job", buckets=_LONG)
JOB_SUCCESS = _gauge("cabinet_job_last_success_timestamp_seconds", "When the job last succeeded", "job")
AUDIT_AT = _gauge("cabinet_audit_timestamp_seconds", "When this process last audited the ledger; 0: not yet")
AUDIT_BROKEN = _gauge("cabinet_audit_broken", "Faults that the last audit found", "invariant")

# --- what the database says, at most some seconds old -----------------------------------------------------------------

DATABASE_UP = _gauge("cabinet_database_up", "1 when the database answered these figures")
OUTBOX_DUE = _gauge("cabinet_outbox_due", "Messages that should have left, up to 10 000", "channel")
OUTBOX_OLDEST_SECONDS = _gauge("cabinet_outbox_oldest_seconds", "How late the latest of them is", "channel")
FEES_DUE = _gauge("cabinet_fees_due", "Fees that should have been charged, up to 10 000", "what")
FEES_OLDEST_SECONDS = _gauge("cabinet_fees_oldest_seconds", "How late the latest of them is", "what")
TOP_UPS_OPEN = _gauge("cabinet_top_ups_open", "Top-ups whose end is not known yet, up to 10 000", "state")
TICKETS_WAITING = _gauge("cabinet_tickets_waiting", "Questions that wait for the staff, up to 10 000", "is_late")
OF_DATABASE = (OUTBOX_DUE, OUTBOX_OLDEST_SECONDS, FEES_DUE, FEES_OLDEST_SECONDS, TOP_UPS_OPEN, TICKETS_WAITING)

REDIS_UP = _gauge("cabinet_redis_up", "1 when Redis answered; 1 too where none is used")

BUILD = _gauge("cabinet_build_info", "What runs here", "build", "reflex", "python", "database", "env")


def when_committed(session: Any, counter: Counter, **labels: str) -> None:
    """Counts one when the session's transaction is committed; nothing when it is rolled back."""
    session.info.setdefault(_PROMISED, []).append(counter.labels(**labels))


def committed(session: Any) -> None:
    """For `db`: the transaction of the session has been committed."""
    for counter in session.info.pop(_PROMISED, ()):
        counter.inc()
