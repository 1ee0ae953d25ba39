"""messages have a way (SMS, e-mail) and a name at the gateway

Revision: 0009, after: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

WAITING = sa.text("state = 'waiting'")
TO_BE_RECEIPTED = sa.text("state = 'sent' AND gateway_id IS NOT NULL")


def upgrade() -> None:
    with op.batch_alter_table("outbox_message") as batch_op:
        batch_op.drop_index("ix_outbox_message_due")
        batch_op.add_column(sa.Column("channel", sa.String(32), server_default="sms", nullable=False))
        batch_op.add_column(sa.Column("subject", sa.String(120), server_default="", nullable=False))
        batch_op.add_column(sa.Column("gateway_id", sa.String(80), nullable=True))
        batch_op.alter_column("recipient", existing_type=sa.String(120), type_=sa.String(254))
    op.create_index(
        "ix_outbox_message_due",
        "outbox_message",
        ["channel", "priority", "send_after"],
        sqlite_where=WAITING,
        postgresql_where=WAITING,
    )
    op.create_index(
        "ix_outbox_message_receipt",
        "outbox_message",
        ["gateway_id"],
        sqlite_where=TO_BE_RECEIPTED,
        postgresql_where=TO_BE_RECEIPTED,
    )
    with op.batch_alter_table("demo_sms") as batch_op:
        batch_op.alter_column("recipient", existing_type=sa.String(15), type_=sa.String(254))
        batch_op.alter_column("text", existing_type=sa.String(1000), type_=sa.String(1200))


def downgrade() -> None:
    op.execute("DELETE FROM outbox_message WHERE channel <> 'sms'")
    op.execute("DELETE FROM demo_sms WHERE length(recipient) > 15 OR length(text) > 1000")
    with op.batch_alter_table("demo_sms") as batch_op:
        batch_op.alter_column("text", existing_type=sa.String(1200), type_=sa.String(1000))
        batch_op.alter_column("recipient", existing_type=sa.String(254), type_=sa.String(15))
    op.drop_index("ix_outbox_message_receipt", "outbox_message")
    op.drop_index("ix_outbox_message_due", "outbox_message")
    with op.batch_alter_table("outbox_message") as batch_op:
        batch_op.alter_column("recipient", existing_type=sa.String(254), type_=sa.String(120))
        batch_op.drop_column("gateway_id")
        batch_op.drop_column("subject")
        batch_op.drop_column("channel")
    op.create_index(
        "ix_outbox_message_due",
        "outbox_message",
        ["priority", "send_after"],
        sqlite_where=WAITING,
        postgresql_where=WAITING,
    )
