"""Rows that have had their time: browsers that never came in, answered pictures, old codes, counters and sessions."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Table, delete, exists, or_, select, tuple_
from sqlmodel import Session

from cabinet.models.base import metadata
from cabinet.models.outbox import OutboxState

AT_MOST = 1_000  # rows of a table in one call: the writer's lock must stay short
KEPT_AFTER_END = timedelta(days=1)  # for whoever looks into yesterday's trouble
MESSAGES_KEPT = timedelta(days=30)
NOTICES_KEPT = timedelta(days=365)
WEBHOOKS_KEPT = timedelta(days=180)  # as long as a bank may ask about a payment


def delete_expired(session: Session, *, now: datetime) -> int:
    """Deletes rows nobody can use any more, at most `AT_MOST` of each table; returns how many.

    A browser takes its captchas and codes with it, uncounted. Sign-in history is no such row and stays.
    """
    before = now - KEPT_AFTER_END
    tables = metadata.tables
    staff_session = tables["staff_session"].c
    auth_session, message = tables["auth_session"].c, tables["outbox_message"].c
    quote, order = tables["quote"].c, tables["order"].c
    expired: list[tuple[Table, ColumnElement[bool]]] = [
        (tables[name], tables[name].c.expires_at < before)
        for name in ("pre_session", "captcha", "one_time_code", "limit_counter", "known_device")
    ]
    expired += [
        (tables["auth_session"], or_(auth_session.expires_at < before, auth_session.revoked_at < before)),
        (tables["staff_session"], or_(staff_session.expires_at < before, staff_session.revoked_at < before)),
        (
            tables["outbox_message"],
            (message.created_at < now - MESSAGES_KEPT) & (message.state != OutboxState.WAITING),
        ),
        (tables["webhook_event"], tables["webhook_event"].c.received_at < now - WEBHOOKS_KEPT),
        (tables["notice"], tables["notice"].c.happened_at < now - NOTICES_KEPT),
        (tables["quote"], (quote.expires_at < before) & ~exists().where(order.quote_id == quote.id)),
    ]
    return sum(_delete_some(session, table, is_expired) for table, is_expired in expired)


def _delete_some(session: Session, table: Table, is_expired: ColumnElement[bool]) -> int:
    key = table.primary_key.columns
    some = select(*key).where(is_expired).limit(AT_MOST)
    return session.connection().execute(delete(table).where(tuple_(*key).in_(some))).rowcount
