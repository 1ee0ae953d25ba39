"""the operator's staff: members, sessions, what they did

Revision: 0013, after: 0012
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "staff_member",
        sa.Column("id", BIG, nullable=False),
        sa.Column("login", sa.String(32), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("msisdn", sa.String(15), nullable=False),
        sa.Column("password_hash", sa.String(100), nullable=False),
        sa.Column("totp_secret", sa.String(200), nullable=False),
        sa.Column("totp_last_step", sa.Integer(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("is_demo", sa.Boolean(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_staff_member"),
        sa.UniqueConstraint("login", name="uq_staff_member_login"),
    )
    op.create_table(
        "staff_session",
        sa.Column("id", BIG, nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("staff_id", BIG, nullable=False),
        sa.Column("device", sa.String(80), nullable=False),
        sa.Column("address", sa.String(45), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("last_seen_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("revoked_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff_member.id"], name="fk_staff_session_staff_id_staff_member"),
        sa.PrimaryKeyConstraint("id", name="pk_staff_session"),
        sa.UniqueConstraint("token_hash", name="uq_staff_session_token_hash"),
    )
    op.create_index("ix_staff_session_of_member", "staff_session", ["staff_id", "revoked_at"])
    op.create_table(
        "staff_action",
        sa.Column("id", BIG, nullable=False),
        sa.Column("staff_id", BIG, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("subscriber_id", BIG, nullable=True),
        sa.Column("reason", sa.String(300), nullable=False),
        sa.Column("facts", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("happened_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff_member.id"], name="fk_staff_action_staff_id_staff_member"),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], name="fk_staff_action_subscriber_id_subscriber"),
        sa.PrimaryKeyConstraint("id", name="pk_staff_action"),
    )
    op.create_index("ix_staff_action_of_subscriber", "staff_action", ["subscriber_id", "id"])
    op.create_index("ix_staff_action_of_member", "staff_action", ["staff_id", "id"])
    op.add_column("pre_session", sa.Column("typed_login", sa.String(32), nullable=False, server_default=""))
    if op.get_bind().dialect.name == "sqlite":
        for event in ("update", "delete"):
            op.execute(f"""CREATE TRIGGER staff_action_no_{event} BEFORE {event} ON staff_action
                           BEGIN SELECT RAISE(ABORT, 'staff_action is insert-only'); END""")
    else:
        op.execute("""CREATE TRIGGER staff_action_insert_only BEFORE UPDATE OR DELETE ON staff_action
                      FOR EACH ROW EXECUTE FUNCTION refuse_change()""")


def downgrade() -> None:
    with op.batch_alter_table("pre_session") as table:
        table.drop_column("typed_login")
    for table_name in ("staff_action", "staff_session", "staff_member"):
        op.drop_table(table_name)
