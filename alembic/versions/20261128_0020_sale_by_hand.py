"""versions remember what the file said of joining, apart from what the desk has decided

Revision: 0020, after: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

VERSIONS = ("plan_version", "option_version", "bundle_version", "promised_payment_version")


def upgrade() -> None:
    for table in VERSIONS:
        column = sa.Column("archived_in_file", sa.Boolean(), nullable=False, server_default=sa.false())
        op.add_column(table, column)
        op.execute(f"UPDATE {table} SET archived_in_file = is_archived")  # noqa: S608  names of our own


def downgrade() -> None:
    for table in VERSIONS:
        op.drop_column(table, "archived_in_file")
