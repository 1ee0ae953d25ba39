"""autopay rules

Revision: 0011, after: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "autopay_rule",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("subscriber_id", _BIG, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("payment_method_id", _BIG, nullable=False),
        sa.Column("threshold_kopecks", sa.BigInteger(), nullable=False),
        sa.Column("amount_kopecks", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("ceiling_kopecks", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("pause_reason", sa.String(length=32), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("since_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("look_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("top_up_id", _BIG, nullable=True),
        sa.Column("occasion", sa.String(length=20), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("paid_occasion", sa.String(length=20), nullable=False),
        sa.Column("paid_times", sa.Integer(), nullable=False),
        sa.Column("warned_occasion", sa.String(length=20), nullable=False),
        sa.CheckConstraint(
            "(state = 'paused') = (pause_reason IS NOT NULL)", name=op.f("ck_autopay_rule_a_pause_has_a_reason")
        ),
        sa.CheckConstraint("ceiling_kopecks > 0", name=op.f("ck_autopay_rule_ceiling_is_a_sum")),
        sa.CheckConstraint(
            "kind <> 'day' OR (day BETWEEN 1 AND 31 AND amount_kopecks > 0)", name=op.f("ck_autopay_rule_has_a_day")
        ),
        sa.CheckConstraint(
            "kind <> 'threshold' OR (threshold_kopecks > 0 AND amount_kopecks > 0)",
            name=op.f("ck_autopay_rule_has_a_threshold"),
        ),
        sa.ForeignKeyConstraint(
            ["payment_method_id"], ["payment_method.id"], name=op.f("fk_autopay_rule_payment_method_id_payment_method")
        ),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscriber.id"], name=op.f("fk_autopay_rule_subscriber_id_subscriber")
        ),
        sa.ForeignKeyConstraint(["top_up_id"], ["top_up.id"], name=op.f("fk_autopay_rule_top_up_id_top_up")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_autopay_rule")),
    )
    with op.batch_alter_table("autopay_rule", schema=None) as batch_op:
        for name, columns, is_unique, condition in (
            ("ix_autopay_rule_kept", ["subscriber_id"], True, "state <> 'deleted'"),
            ("ix_autopay_rule_look", ["kind", "look_at"], False, "state = 'active' AND top_up_id IS NULL"),
            ("ix_autopay_rule_waits", ["top_up_id"], True, "top_up_id IS NOT NULL"),
        ):
            where = sa.text(condition)
            batch_op.create_index(name, columns, unique=is_unique, sqlite_where=where, postgresql_where=where)
        batch_op.create_index(batch_op.f("ix_autopay_rule_subscriber_id"), ["subscriber_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_autopay_rule_payment_method_id"), ["payment_method_id"], unique=False)


def downgrade() -> None:
    op.drop_table("autopay_rule")
