"""refunds of top-ups

Revision: 0017, after: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "refund",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("top_up_id", _BIG, nullable=False),
        sa.Column("amount_kopecks", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("transaction_id", _BIG, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("check_after", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.CheckConstraint("amount_kopecks > 0", name=op.f("ck_refund_amount_is_positive")),
        sa.CheckConstraint("(state = 'created') = (finished_at IS NULL)", name=op.f("ck_refund_an_end_has_a_time")),
        sa.ForeignKeyConstraint(["top_up_id"], ["top_up.id"], name=op.f("fk_refund_top_up_id_top_up")),
        sa.ForeignKeyConstraint(
            ["transaction_id"], ["ledger_transaction.id"], name=op.f("fk_refund_transaction_id_ledger_transaction")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund")),
        sa.UniqueConstraint("key", name=op.f("uq_refund_key")),
        sa.UniqueConstraint("transaction_id", name=op.f("uq_refund_transaction_id")),
    )
    op.create_index(op.f("ix_refund_top_up_id"), "refund", ["top_up_id"])
    op.create_index(
        "ix_refund_due",
        "refund",
        ["check_after"],
        sqlite_where=sa.text("state = 'created'"),
        postgresql_where=sa.text("state = 'created'"),
    )


def downgrade() -> None:
    op.drop_table("refund")
