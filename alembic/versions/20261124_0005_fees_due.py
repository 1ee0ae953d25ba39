"""index only the subscriptions that can have a fee due

Revision: 0005, after: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

CAN_BE_DUE = sa.text("state = 'active' AND ended_at IS NULL")


def upgrade() -> None:
    op.drop_index("ix_plan_subscription_due", "plan_subscription")
    op.create_index(
        "ix_plan_subscription_due",
        "plan_subscription",
        ["next_fee_at"],
        sqlite_where=CAN_BE_DUE,
        postgresql_where=CAN_BE_DUE,
    )


def downgrade() -> None:
    op.drop_index("ix_plan_subscription_due", "plan_subscription")
    op.create_index("ix_plan_subscription_due", "plan_subscription", ["next_fee_at"])
