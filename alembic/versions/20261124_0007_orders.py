"""quotes, orders, what waits for its time, services that are had and their fees

Revision: 0007, after: 0006
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "quote",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("subscriber_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column(
            "request", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False
        ),
        sa.Column(
            "effects", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False
        ),
        sa.Column(
            "summary", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False
        ),
        sa.Column("snapshot_version", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], name=op.f("fk_quote_subscriber_id_subscriber")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quote")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("quote", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_quote_subscriber_id"), ["subscriber_id"], unique=False)

    op.create_table(
        "order",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("quote_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("subscriber_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undo_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("plan_subscription_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("transaction_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("undo_transaction_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(
            ["plan_subscription_id"],
            ["plan_subscription.id"],
            name=op.f("fk_order_plan_subscription_id_plan_subscription"),
        ),
        sa.ForeignKeyConstraint(["quote_id"], ["quote.id"], name=op.f("fk_order_quote_id_quote")),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], name=op.f("fk_order_subscriber_id_subscriber")),
        sa.ForeignKeyConstraint(
            ["transaction_id"], ["ledger_transaction.id"], name=op.f("fk_order_transaction_id_ledger_transaction")
        ),
        sa.ForeignKeyConstraint(
            ["undo_transaction_id"],
            ["ledger_transaction.id"],
            name=op.f("fk_order_undo_transaction_id_ledger_transaction"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order")),
        sa.UniqueConstraint("quote_id", name=op.f("uq_order_quote_id")),
    )
    with op.batch_alter_table("order", schema=None) as batch_op:
        batch_op.create_index("ix_order_of_subscriber", ["subscriber_id", "confirmed_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_order_plan_subscription_id"), ["plan_subscription_id"], unique=False)

    op.create_table(
        "option_subscription",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("subscriber_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("item", sa.String(length=32), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("option_version_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("bundle_version_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("anchor_day", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("trial_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_fee_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(option_version_id IS NULL) <> (bundle_version_id IS NULL)", name=op.f("ck_option_subscription_one_thing")
        ),
        sa.CheckConstraint("anchor_day BETWEEN 1 AND 31", name=op.f("ck_option_subscription_anchor_day_is_a_day")),
        sa.ForeignKeyConstraint(
            ["bundle_version_id"],
            ["bundle_version.id"],
            name=op.f("fk_option_subscription_bundle_version_id_bundle_version"),
        ),
        sa.ForeignKeyConstraint(
            ["option_version_id"],
            ["option_version.id"],
            name=op.f("fk_option_subscription_option_version_id_option_version"),
        ),
        sa.ForeignKeyConstraint(["order_id"], ["order.id"], name=op.f("fk_option_subscription_order_id_order")),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscriber.id"], name=op.f("fk_option_subscription_subscriber_id_subscriber")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_option_subscription")),
    )
    with op.batch_alter_table("option_subscription", schema=None) as batch_op:
        batch_op.create_index(
            "ix_option_subscription_current",
            ["subscriber_id", "item", "code"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.create_index(
            "ix_option_subscription_due",
            ["next_fee_at"],
            unique=False,
            sqlite_where=sa.text("next_fee_at IS NOT NULL AND state <> 'suspended'"),
            postgresql_where=sa.text("next_fee_at IS NOT NULL AND state <> 'suspended'"),
        )
        batch_op.create_index(batch_op.f("ix_option_subscription_order_id"), ["order_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_option_subscription_subscriber_id"), ["subscriber_id"], unique=False)

    op.create_table(
        "scheduled_change",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("subscriber_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "effects", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False
        ),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["order.id"], name=op.f("fk_scheduled_change_order_id_order")),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscriber.id"], name=op.f("fk_scheduled_change_subscriber_id_subscriber")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scheduled_change")),
        sa.UniqueConstraint("order_id", name=op.f("uq_scheduled_change_order_id")),
    )
    with op.batch_alter_table("scheduled_change", schema=None) as batch_op:
        batch_op.create_index(
            "ix_scheduled_change_waiting",
            ["subscriber_id"],
            unique=True,
            sqlite_where=sa.text("applied_at IS NULL AND cancelled_at IS NULL"),
            postgresql_where=sa.text("applied_at IS NULL AND cancelled_at IS NULL"),
        )

    op.create_table(
        "option_fee_charge",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("option_subscription_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("period_start_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("period_end_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("amount_kopecks", sa.BigInteger(), nullable=False),
        sa.Column("transaction_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("charged_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["option_subscription_id"],
            ["option_subscription.id"],
            name=op.f("fk_option_fee_charge_option_subscription_id_option_subscription"),
        ),
        sa.ForeignKeyConstraint(
            ["transaction_id"],
            ["ledger_transaction.id"],
            name=op.f("fk_option_fee_charge_transaction_id_ledger_transaction"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_option_fee_charge")),
        sa.UniqueConstraint(
            "option_subscription_id",
            "period_start_at",
            name=op.f("uq_option_fee_charge_option_subscription_id_period_start_at"),
        ),
    )


def downgrade() -> None:
    for table in ("option_fee_charge", "scheduled_change", "option_subscription", "order", "quote"):
        op.drop_table(table)
