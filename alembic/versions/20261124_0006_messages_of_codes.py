"""messages of codes are named after the code's hash: ids are given out again

Revision: 0006, after: 0005
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _rename("'code:' || c.id", "'code:' || substr(c.code_hash, 1, 32)")


def downgrade() -> None:
    _rename("'code:' || substr(c.code_hash, 1, 32)", "'code:' || c.id")


def _rename(was: str, becomes: str) -> None:
    op.execute(f"""
        UPDATE outbox_message
           SET reference = (SELECT {becomes} FROM one_time_code c WHERE {was} = outbox_message.reference)
         WHERE reference IN (SELECT {was} FROM one_time_code c)""")  # noqa: S608  constants
