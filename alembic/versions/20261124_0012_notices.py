"""notices, the ways they are told by, e-mail addresses

Revision: 0012, after: 0011
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
UNREAD = sa.text("read_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "notice",
        sa.Column("id", BIG, nullable=False),
        sa.Column("subscriber_id", BIG, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("reference", sa.String(70), nullable=False),
        sa.Column("facts", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("happened_at", INSTANT, nullable=False),
        sa.Column("read_at", INSTANT, nullable=True),
        sa.Column("by_sms", sa.Boolean(), nullable=False),
        sa.Column("by_email", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], name="fk_notice_subscriber_id_subscriber"),
        sa.PrimaryKeyConstraint("id", name="pk_notice"),
        sa.UniqueConstraint("reference", name="uq_notice_reference"),
    )
    op.create_index("ix_notice_of_subscriber", "notice", ["subscriber_id", "id"])
    op.create_index("ix_notice_unread", "notice", ["subscriber_id"], sqlite_where=UNREAD, postgresql_where=UNREAD)
    op.create_index("ix_notice_happened_at", "notice", ["happened_at"])
    op.create_table(
        "notice_choice",
        sa.Column("subscriber_id", BIG, nullable=False),
        sa.Column("topic", sa.String(32), nullable=False),
        sa.Column("by_sms", sa.Boolean(), nullable=False),
        sa.Column("by_email", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], name="fk_notice_choice_subscriber_id_subscriber"),
        sa.PrimaryKeyConstraint("subscriber_id", "topic", name="pk_notice_choice"),
    )
    op.create_table(
        "email_address",
        sa.Column("subscriber_id", BIG, nullable=False),
        sa.Column("address", sa.String(254), nullable=False),
        sa.Column("waiting", sa.String(254), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("token_expires_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], name="fk_email_address_subscriber_id_subscriber"),
        sa.PrimaryKeyConstraint("subscriber_id", name="pk_email_address"),
    )
    op.create_index("ix_email_address_token_hash", "email_address", ["token_hash"])
    op.create_table(
        "notice_cursor",
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("fee_at", INSTANT, nullable=False),
        sa.Column("subscription_id", BIG, nullable=False),
        sa.PrimaryKeyConstraint("days", name="pk_notice_cursor"),
    )


def downgrade() -> None:
    for table in ("notice_cursor", "email_address", "notice_choice", "notice"):
        op.drop_table(table)
