"""what subscribers spent, by day and category

Revision: 0004, after: 0003
"""
# ruff: noqa: S608  the statement is put together from constants

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from alembic import op

from cabinet.config import settings

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "spending_day",
        sa.Column("subscriber_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("day_on", sa.Date(), nullable=False),
        sa.Column("category", sa.String(length=32), nullable=False),
        sa.Column("amount_kopecks", sa.BigInteger(), nullable=False),
        sa.Column("postings", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscriber.id"], name=op.f("fk_spending_day_subscriber_id_subscriber")
        ),
        sa.PrimaryKeyConstraint("subscriber_id", "day_on", "category", name=op.f("pk_spending_day")),
        sqlite_with_rowid=False,
    )
    _fill()


def _fill() -> None:
    """Sums up what was posted before there was this table."""
    connection, zone = op.get_bind(), settings().time_zone
    if connection.dialect.name == "sqlite":
        connection.connection.driver_connection.create_function("local_day", 1, _local_day(ZoneInfo(zone)))
        day_on, fact = "local_day(p.happened_at)", "json_extract({}.explanation, '$.{}')"
    else:
        day_on, fact = "CAST(p.happened_at AT TIME ZONE :zone AS date)", "{}.explanation ->> '{}'"
    used, place = f"coalesce({fact.format('e', 'kind')}, '')", f"coalesce({fact.format('e', 'zone')}, '')"
    origin_id = f"CAST({fact.format('p', 'posting_id')} AS bigint)"
    connection.execute(
        sa.text(f"""
            INSERT INTO spending_day (subscriber_id, day_on, category, amount_kopecks, postings)
            SELECT own.subscriber_id, {day_on},
                   CASE WHEN k.kind = 'plan_fee' THEN 'plan_fee'
                        WHEN k.kind <> 'usage' THEN 'other'
                        WHEN {place} = 'roaming' OR substr({place}, 1, 8) = 'roaming_' THEN 'roaming'
                        WHEN {used} = 'sms' THEN 'sms'
                        WHEN {used} = 'data' THEN 'internet'
                        WHEN {used} <> 'voice' THEN 'other'
                        WHEN {place} = 'intl' OR substr({place}, 1, 5) = 'intl_' THEN 'calls_abroad'
                        ELSE 'calls' END,
                   sum(p.kopecks), count(*)
              FROM (SELECT id, transaction_id, happened_at, explanation,
                           source_id AS own_id, destination_id AS other_id, amount_kopecks AS kopecks FROM posting
                     UNION ALL
                    SELECT id, transaction_id, happened_at, explanation,
                           destination_id, source_id, -amount_kopecks FROM posting) p
              JOIN account own ON own.id = p.own_id AND own.subscriber_id IS NOT NULL
              JOIN account other ON other.id = p.other_id AND other.kind = 'operator'
                                AND other.code NOT IN ('operator:gateway', 'operator:opening')
              JOIN ledger_transaction t ON t.id = p.transaction_id
              JOIN posting e ON e.id = CASE WHEN t.reverses_id IS NULL THEN p.id ELSE {origin_id} END
              JOIN ledger_transaction k ON k.id = e.transaction_id
             GROUP BY 1, 2, 3"""),
        {} if connection.dialect.name == "sqlite" else {"zone": zone},
    )


def _local_day(zone: ZoneInfo):
    return lambda written: datetime.fromisoformat(written).replace(tzinfo=UTC).astimezone(zone).date().isoformat()


def downgrade() -> None:
    op.drop_table("spending_day")
