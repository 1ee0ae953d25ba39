"""saved ways to pay, top-ups, what payment gateways told

Revision: 0008, after: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "payment_method",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("subscriber_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("title", sa.String(length=60), nullable=False),
        sa.Column("expires", sa.String(length=5), nullable=False),
        sa.Column("gateway", sa.String(length=32), nullable=False),
        sa.Column("token", sa.String(length=120), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("forget_after", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscriber.id"], name=op.f("fk_payment_method_subscriber_id_subscriber")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_method")),
    )
    with op.batch_alter_table("payment_method", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_payment_method_subscriber_id"), ["subscriber_id"], unique=False)
        batch_op.create_index(
            "ix_payment_method_to_forget",
            ["forget_after"],
            unique=False,
            sqlite_where=sa.text("forget_after IS NOT NULL"),
            postgresql_where=sa.text("forget_after IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_payment_method_token",
            ["gateway", "token"],
            unique=True,
            sqlite_where=sa.text("deleted_at IS NULL"),
            postgresql_where=sa.text("deleted_at IS NULL"),
        )

    op.create_table(
        "top_up",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("subscriber_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("amount_kopecks", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("payment_method_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("method_title", sa.String(length=60), nullable=False),
        sa.Column("saves_method", sa.Boolean(), nullable=False),
        sa.Column("initiator", sa.String(length=32), nullable=False),
        sa.Column("occasion", sa.String(length=80), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("gateway", sa.String(length=32), nullable=False),
        sa.Column("gateway_id", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("refusal", sa.String(length=32), nullable=True),
        sa.Column("attention", sa.String(length=32), nullable=True),
        sa.Column("confirmation_url", sa.String(length=2000), nullable=False),
        sa.Column("refunded_kopecks", sa.BigInteger(), nullable=False),
        sa.Column("transaction_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("check_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(state = 'succeeded') = (transaction_id IS NOT NULL)", name=op.f("ck_top_up_money_means_success")
        ),
        sa.CheckConstraint(
            "(state IN ('created', 'pending')) = (finished_at IS NULL)", name=op.f("ck_top_up_an_end_has_a_time")
        ),
        sa.CheckConstraint("state <> 'refused' OR refusal IS NOT NULL", name=op.f("ck_top_up_a_refusal_has_a_reason")),
        sa.CheckConstraint("amount_kopecks > 0", name=op.f("ck_top_up_amount_is_positive")),
        sa.CheckConstraint(
            "refunded_kopecks >= 0 AND refunded_kopecks <= amount_kopecks",
            name=op.f("ck_top_up_refund_is_a_part_of_the_amount"),
        ),
        sa.ForeignKeyConstraint(
            ["payment_method_id"], ["payment_method.id"], name=op.f("fk_top_up_payment_method_id_payment_method")
        ),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], name=op.f("fk_top_up_subscriber_id_subscriber")),
        sa.ForeignKeyConstraint(
            ["transaction_id"], ["ledger_transaction.id"], name=op.f("fk_top_up_transaction_id_ledger_transaction")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_top_up")),
        sa.UniqueConstraint("key", name=op.f("uq_top_up_key")),
        sa.UniqueConstraint("occasion", name=op.f("uq_top_up_occasion")),
        sa.UniqueConstraint("transaction_id", name=op.f("uq_top_up_transaction_id")),
    )
    with op.batch_alter_table("top_up", schema=None) as batch_op:
        batch_op.create_index(
            "ix_top_up_due",
            ["check_after"],
            unique=False,
            sqlite_where=sa.text("check_after IS NOT NULL"),
            postgresql_where=sa.text("check_after IS NOT NULL"),
        )
        batch_op.create_index("ix_top_up_of_gateway", ["gateway", "gateway_id"], unique=True)
        batch_op.create_index("ix_top_up_of_subscriber", ["subscriber_id", "created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_top_up_payment_method_id"), ["payment_method_id"], unique=False)

    op.create_table(
        "webhook_event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("gateway", sa.String(length=32), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("verdict", sa.String(length=32), nullable=False),
        sa.Column("top_up_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(["top_up_id"], ["top_up.id"], name=op.f("fk_webhook_event_top_up_id_top_up")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_event")),
    )
    with op.batch_alter_table("webhook_event", schema=None) as batch_op:
        batch_op.create_index(
            "ix_webhook_event_forged",
            ["received_at"],
            unique=False,
            sqlite_where=sa.text("verdict = 'forged'"),
            postgresql_where=sa.text("verdict = 'forged'"),
        )
        batch_op.create_index(batch_op.f("ix_webhook_event_received_at"), ["received_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_webhook_event_top_up_id"), ["top_up_id"], unique=False)


def downgrade() -> None:
    for table in ("webhook_event", "top_up", "payment_method"):
        op.drop_table(table)
