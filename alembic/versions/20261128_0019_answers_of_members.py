"""the index of answers has who has answered, so that figures of members read nothing else

Revision: 0019, after: 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

ANSWERS = sa.text("answered_on IS NOT NULL")


def upgrade() -> None:
    _index(["answered_on", "staff_id", "waited_seconds"])


def downgrade() -> None:
    _index(["answered_on", "waited_seconds"])


def _index(columns: list[str]) -> None:
    op.drop_index("ix_ticket_message_answers", "ticket_message")
    op.create_index(
        "ix_ticket_message_answers", "ticket_message", columns, sqlite_where=ANSWERS, postgresql_where=ANSWERS
    )
