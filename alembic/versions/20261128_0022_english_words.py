"""the operator's English words beside the Russian ones

Revision: 0022, after: 0021
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "english_word",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("russian", sa.Text(), nullable=False),
        sa.Column("english", sa.Text(), nullable=False),
        sa.Column("english_in_file", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_english_word"),
    )
    op.create_index("ix_english_word_changed_at", "english_word", ["changed_at"])


def downgrade() -> None:
    op.drop_table("english_word")
