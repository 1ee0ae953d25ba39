"""Tables: columns, constraints and indexes; no behaviour. Importing this package registers every table."""

from cabinet.models import (
    autopay,
    billing,
    catalogue,
    demo,
    ledger,
    notices,
    options,
    orders,
    outbox,
    promised_payments,
    sessions,
    sign_in,
    spending,
    subscribers,
    tariffs,
    top_ups,
    usage,
)
from cabinet.models.base import metadata

__all__ = [
    "autopay",
    "billing",
    "catalogue",
    "demo",
    "ledger",
    "metadata",
    "notices",
    "options",
    "orders",
    "outbox",
    "promised_payments",
    "sessions",
    "sign_in",
    "spending",
    "subscribers",
    "tariffs",
    "top_ups",
    "usage",
]
