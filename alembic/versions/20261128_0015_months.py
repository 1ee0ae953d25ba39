"""usage and postings by month on PostgreSQL, the keys of usage in a table of their own, and what is kept how long

Revision: 0015, after: 0014
"""
# ruff: noqa: S608  statements are put together from constants and dates

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

AHEAD = 3  # months; the worker goes on from there
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# What a table has beside its columns: they are the same before and after, but for the key.
KEYS = {"posting": ("id", "happened_at"), "usage_record": ("id", "started_at")}
FOREIGN = {
    "posting": (("source_id", "account"), ("destination_id", "account"), ("transaction_id", "ledger_transaction")),
    "usage_record": (
        ("subscriber_id", "subscriber"),
        ("plan_version_id", "plan_version"),
        ("transaction_id", "ledger_transaction"),
    ),
}
INDEXES = {
    "posting": (
        ("ix_posting_in", "destination_id, happened_at, id"),
        ("ix_posting_out", "source_id, happened_at, id"),
        ("ix_posting_transaction_id", "transaction_id"),
    ),
    "usage_record": (("ix_usage_record_of_subscriber", "subscriber_id, started_at"),),
}


def upgrade() -> None:
    op.create_table(
        "usage_key",
        sa.Column("record_id", sa.String(length=64), nullable=False),
        sa.Column("subscriber_id", NUMBER, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("record_id", name=op.f("pk_usage_key")),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO usage_key (record_id, subscriber_id, started_at)"
        " SELECT record_id, subscriber_id, started_at FROM usage_record"
    )
    op.create_index("ix_usage_key_started_at", "usage_key", ["started_at"])
    op.create_table(
        "retention",
        sa.Column("what", sa.String(length=32), nullable=False),
        sa.Column("kept_from", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("what", name=op.f("pk_retention")),
    )
    if op.get_bind().dialect.name == "sqlite":
        with op.batch_alter_table("usage_record") as batch_op:
            batch_op.drop_constraint("uq_usage_record_record_id", type_="unique")
        return
    op.execute("SET LOCAL statement_timeout = 0")
    op.execute("CREATE SCHEMA partitions")
    op.execute("ALTER TABLE usage_record DROP CONSTRAINT uq_usage_record_record_id")
    for table, (_, at) in KEYS.items():
        first, last = op.get_bind().execute(sa.text(f"SELECT min({at}), max({at}) FROM {table}")).one()
        _replace(table, f"PARTITION BY RANGE ({at})", KEYS[table])
        now = datetime.now(UTC)
        op.execute(f"CREATE TABLE partitions.{table}_default PARTITION OF {table} DEFAULT")
        for start, end in _months(min(first or now, now), max(last or now, now)):
            op.execute(
                f"CREATE TABLE partitions.{table}_{start:%Y_%m} PARTITION OF {table}"
                f" FOR VALUES FROM ('{start:%Y-%m-%d} UTC') TO ('{end:%Y-%m-%d} UTC')"
            )
        _fill(table)


def _replace(table: str, how: str, key: tuple[str, ...]) -> None:
    """Puts the table aside and makes an empty one in its place, with the same sequence and rules."""
    op.execute(f"ALTER TABLE {table} RENAME TO {table}_aside")
    op.execute(f"ALTER TABLE {table}_aside DROP CONSTRAINT pk_{table}")
    for name, _ in INDEXES[table]:
        op.execute(f"DROP INDEX {name}")
    op.execute(f"CREATE TABLE {table} (LIKE {table}_aside INCLUDING DEFAULTS INCLUDING CONSTRAINTS) {how}")
    op.execute(f"ALTER SEQUENCE {table}_id_seq OWNED BY {table}.id")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT pk_{table} PRIMARY KEY ({', '.join(key)})")


def _fill(table: str) -> None:
    """Moves the rows over, then makes what stands beside them: faster than row by row."""
    op.execute(f"INSERT INTO {table} SELECT * FROM {table}_aside")
    op.execute(f"DROP TABLE {table}_aside")
    for name, columns in INDEXES[table]:
        op.execute(f"CREATE INDEX {name} ON {table} ({columns})")
    for column, other in FOREIGN[table]:
        name = f"fk_{table}_{column}_{other}"
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY ({column}) REFERENCES {other} (id)")
    if table == "posting":
        op.execute("""CREATE TRIGGER posting_insert_only BEFORE UPDATE OR DELETE ON posting
                      FOR EACH ROW EXECUTE FUNCTION refuse_change()""")


def _months(first: datetime, last: datetime):
    start = first.astimezone(UTC).replace(day=1)
    ahead = 0
    while ahead <= AHEAD:
        end = start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
        yield start, end
        ahead += end.replace(hour=0, minute=0, second=0, microsecond=0) > last
        start = end


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        with op.batch_alter_table("usage_record") as batch_op:
            batch_op.create_unique_constraint("uq_usage_record_record_id", ["record_id"])
    else:
        op.execute("SET LOCAL statement_timeout = 0")
        for table in KEYS:
            _replace(table, "", ("id",))
            _fill(table)
        op.execute("ALTER TABLE usage_record ADD CONSTRAINT uq_usage_record_record_id UNIQUE (record_id)")
        op.execute("DROP SCHEMA partitions")
    op.drop_table("retention")
    op.drop_index("ix_usage_key_started_at", "usage_key")
    op.drop_table("usage_key")
