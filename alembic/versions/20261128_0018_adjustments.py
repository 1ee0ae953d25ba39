"""corrections of balances by two of the staff

Revision: 0018, after: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "balance_adjustment",
        sa.Column("id", BIG, nullable=False),
        sa.Column("subscriber_id", BIG, nullable=False),
        sa.Column("amount_kopecks", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("words", sa.String(300), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("proposed_by_id", BIG, nullable=False),
        sa.Column("proposed_at", INSTANT, nullable=False),
        sa.Column("decided_by_id", BIG, nullable=True),
        sa.Column("decided_at", INSTANT, nullable=True),
        sa.Column("transaction_id", BIG, nullable=True),
        sa.CheckConstraint("amount_kopecks <> 0", name="amount_is_not_zero"),
        sa.CheckConstraint("state <> 'approved' OR decided_by_id <> proposed_by_id", name="two_people"),
        sa.CheckConstraint("(state = 'waiting') = (decided_at IS NULL)", name="decided_when_decided"),
        sa.CheckConstraint("(state = 'approved') = (transaction_id IS NOT NULL)", name="approved_is_posted"),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscriber.id"], name="fk_balance_adjustment_subscriber_id_subscriber"
        ),
        sa.ForeignKeyConstraint(
            ["proposed_by_id"], ["staff_member.id"], name="fk_balance_adjustment_proposed_by_id_staff_member"
        ),
        sa.ForeignKeyConstraint(
            ["decided_by_id"], ["staff_member.id"], name="fk_balance_adjustment_decided_by_id_staff_member"
        ),
        sa.ForeignKeyConstraint(
            ["transaction_id"],
            ["ledger_transaction.id"],
            name="fk_balance_adjustment_transaction_id_ledger_transaction",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_balance_adjustment"),
        sa.UniqueConstraint("transaction_id", name="uq_balance_adjustment_transaction_id"),
    )
    op.create_index("ix_balance_adjustment_in_state", "balance_adjustment", ["state", "decided_at", "id"])
    op.create_index("ix_balance_adjustment_of_member", "balance_adjustment", ["proposed_by_id", "proposed_at"])
    op.create_index("ix_balance_adjustment_of_subscriber", "balance_adjustment", ["subscriber_id", "id"])


def downgrade() -> None:
    op.drop_table("balance_adjustment")
