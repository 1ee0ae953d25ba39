"""promised payments and their terms

Revision: 0010, after: 0009
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_OPEN = sa.text("state = 'open'")


def upgrade() -> None:
    op.create_table(
        "promised_payment_version",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("content", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("is_archived", sa.Boolean(), nullable=False),
        sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promised_payment_version")),
        sa.UniqueConstraint("code", "version", name=op.f("uq_promised_payment_version_code_version")),
    )
    op.create_table(
        "promised_payment",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("subscriber_id", _BIG, nullable=False),
        sa.Column("order_id", _BIG, nullable=False),
        sa.Column("amount_kopecks", sa.BigInteger(), nullable=False),
        sa.Column("fee_kopecks", sa.BigInteger(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("owed_kopecks", sa.BigInteger(), nullable=False),
        sa.Column("return_transaction_id", _BIG, nullable=True),
        sa.Column("fee_transaction_id", _BIG, nullable=True),
        sa.CheckConstraint("(state = 'open') = (ended_at IS NULL)", name=op.f("ck_promised_payment_an_end_has_a_time")),
        sa.CheckConstraint(
            "(state = 'returned') = (return_transaction_id IS NOT NULL)",
            name=op.f("ck_promised_payment_returned_means_posted"),
        ),
        sa.CheckConstraint("amount_kopecks > 0 AND fee_kopecks >= 0", name=op.f("ck_promised_payment_sums_are_sums")),
        sa.CheckConstraint(
            "owed_kopecks >= 0 AND owed_kopecks <= amount_kopecks + fee_kopecks",
            name=op.f("ck_promised_payment_owes_a_part"),
        ),
        sa.ForeignKeyConstraint(
            ["fee_transaction_id"],
            ["ledger_transaction.id"],
            name=op.f("fk_promised_payment_fee_transaction_id_ledger_transaction"),
        ),
        sa.ForeignKeyConstraint(["order_id"], ["order.id"], name=op.f("fk_promised_payment_order_id_order")),
        sa.ForeignKeyConstraint(
            ["return_transaction_id"],
            ["ledger_transaction.id"],
            name=op.f("fk_promised_payment_return_transaction_id_ledger_transaction"),
        ),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscriber.id"], name=op.f("fk_promised_payment_subscriber_id_subscriber")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promised_payment")),
        sa.UniqueConstraint("fee_transaction_id", name=op.f("uq_promised_payment_fee_transaction_id")),
        sa.UniqueConstraint("order_id", name=op.f("uq_promised_payment_order_id")),
        sa.UniqueConstraint("return_transaction_id", name=op.f("uq_promised_payment_return_transaction_id")),
    )
    with op.batch_alter_table("promised_payment", schema=None) as batch_op:
        for name, columns, is_unique in (
            ("ix_promised_payment_open", ["subscriber_id"], True),
            ("ix_promised_payment_due", ["due_at"], False),
        ):
            batch_op.create_index(name, columns, unique=is_unique, sqlite_where=_OPEN, postgresql_where=_OPEN)
        batch_op.create_index("ix_promised_payment_of_subscriber", ["subscriber_id", "id"], unique=False)


def downgrade() -> None:
    for table in ("promised_payment", "promised_payment_version"):
        op.drop_table(table)
