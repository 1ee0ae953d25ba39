"""versions that the desk has written and that come on sale on their day

Revision: 0021, after: 0020
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
WAITING = sa.text("outcome = 'waiting'")


def upgrade() -> None:
    op.create_table(
        "planned_version",
        sa.Column("id", BIG, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("staff_id", BIG, nullable=False),
        sa.Column("planned_at", INSTANT, nullable=False),
        sa.Column("starts_at", INSTANT, nullable=False),
        sa.Column("outcome", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff_member.id"], name="fk_planned_version_staff_id_staff_member"),
        sa.PrimaryKeyConstraint("id", name="pk_planned_version"),
    )
    op.create_index(
        "ix_planned_version_waiting",
        "planned_version",
        ["kind", "code"],
        unique=True,
        sqlite_where=WAITING,
        postgresql_where=WAITING,
    )


def downgrade() -> None:
    op.drop_table("planned_version")
