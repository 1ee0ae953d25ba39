"""how much usage outside the packages may cost a subscriber in a month

Revision: 0023, after: 0022
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "spending_cap",
        sa.Column("id", BIG, nullable=False),
        sa.Column("subscriber_id", BIG, nullable=False),
        sa.Column("month_on", sa.Date(), nullable=False),
        sa.Column("limit_kopecks", sa.BigInteger(), nullable=True),
        sa.Column("spent_kopecks", sa.BigInteger(), nullable=False),
        sa.Column("chosen_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("limit_kopecks > 0", name="limit_is_a_sum"),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], name="fk_spending_cap_subscriber_id_subscriber"),
        sa.PrimaryKeyConstraint("id", name="pk_spending_cap"),
    )
    op.create_index("ix_spending_cap_of_subscriber", "spending_cap", ["subscriber_id", "month_on", "id"])


def downgrade() -> None:
    op.drop_table("spending_cap")
