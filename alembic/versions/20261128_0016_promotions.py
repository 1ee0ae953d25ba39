"""promotions, who joined them, promo codes, discounts of fees

Revision: 0016, after: 0015
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
TABLES = (
    *("discount_use", "participation", "promo_code", "promotion_version", "promotion_shown", "promo_series"),
    "promotion",
)


def upgrade() -> None:
    op.create_table(
        "promotion",
        sa.Column("id", BIG, nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("published", sa.Integer(), nullable=True),
        sa.Column("joined", sa.Integer(), nullable=False),
        sa.Column("stopped_at", INSTANT, nullable=True),
        sa.CheckConstraint("joined >= 0", name="ck_promotion_joined_is_not_negative"),
        sa.PrimaryKeyConstraint("id", name="pk_promotion"),
        sa.UniqueConstraint("code", name="uq_promotion_code"),
    )
    op.create_table(
        "promo_series",
        sa.Column("id", BIG, nullable=False),
        sa.Column("promotion_id", BIG, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("codes", sa.Integer(), nullable=False),
        sa.Column("ends_at", INSTANT, nullable=True),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["promotion_id"], ["promotion.id"], name="fk_promo_series_promotion_id_promotion"),
        sa.PrimaryKeyConstraint("id", name="pk_promo_series"),
    )
    op.create_index("ix_promo_series_promotion_id", "promo_series", ["promotion_id"])

    op.create_table(
        "promotion_shown",
        sa.Column("promotion_id", BIG, nullable=False),
        sa.Column("subscriber_id", BIG, nullable=False),
        sa.Column("shown_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["promotion_id"], ["promotion.id"], name="fk_promotion_shown_promotion_id_promotion"),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscriber.id"], name="fk_promotion_shown_subscriber_id_subscriber"
        ),
        sa.PrimaryKeyConstraint("promotion_id", "subscriber_id", name="pk_promotion_shown"),
    )
    op.create_table(
        "promotion_version",
        sa.Column("id", BIG, nullable=False),
        sa.Column("promotion_id", BIG, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["promotion_id"], ["promotion.id"], name="fk_promotion_version_promotion_id_promotion"),
        sa.PrimaryKeyConstraint("id", name="pk_promotion_version"),
        sa.UniqueConstraint("promotion_id", "version", name="uq_promotion_version_promotion_id_version"),
    )
    op.create_table(
        "promo_code",
        sa.Column("id", BIG, nullable=False),
        sa.Column("series_id", BIG, nullable=False),
        sa.Column("code", sa.String(length=24), nullable=False),
        sa.Column("most_uses", sa.Integer(), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.CheckConstraint("uses >= 0 AND uses <= most_uses", name="ck_promo_code_within_its_uses"),
        sa.ForeignKeyConstraint(["series_id"], ["promo_series.id"], name="fk_promo_code_series_id_promo_series"),
        sa.PrimaryKeyConstraint("id", name="pk_promo_code"),
        sa.UniqueConstraint("code", name="uq_promo_code_code"),
    )
    op.create_index("ix_promo_code_series_id", "promo_code", ["series_id"])

    op.create_table(
        "participation",
        sa.Column("id", BIG, nullable=False),
        sa.Column("promotion_id", BIG, nullable=False),
        sa.Column("version_id", BIG, nullable=False),
        sa.Column("subscriber_id", BIG, nullable=False),
        sa.Column("order_id", BIG, nullable=False),
        sa.Column("promo_code_id", BIG, nullable=True),
        sa.Column("joined_at", INSTANT, nullable=False),
        sa.Column("left_at", INSTANT, nullable=True),
        sa.Column("gift_kopecks", sa.BigInteger(), nullable=False),
        sa.Column("discount_on", sa.String(length=32), nullable=True),
        sa.Column("discount_code", sa.String(length=40), nullable=False),
        sa.Column("discount_percent", sa.Integer(), nullable=False),
        sa.Column("discount_kopecks", sa.BigInteger(), nullable=False),
        sa.Column("discount_periods", sa.Integer(), nullable=False),
        sa.Column("discount_left", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "discount_left >= 0 AND discount_left <= discount_periods",
            name="ck_participation_discount_within_promised",
        ),
        sa.ForeignKeyConstraint(["order_id"], ["order.id"], name="fk_participation_order_id_order"),
        sa.ForeignKeyConstraint(["promo_code_id"], ["promo_code.id"], name="fk_participation_promo_code_id_promo_code"),
        sa.ForeignKeyConstraint(["promotion_id"], ["promotion.id"], name="fk_participation_promotion_id_promotion"),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], name="fk_participation_subscriber_id_subscriber"),
        sa.ForeignKeyConstraint(
            ["version_id"], ["promotion_version.id"], name="fk_participation_version_id_promotion_version"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_participation"),
        sa.UniqueConstraint("order_id", name="uq_participation_order_id"),
        sa.UniqueConstraint("promotion_id", "subscriber_id", name="uq_participation_promotion_id_subscriber_id"),
    )
    op.create_index("ix_participation_of_subscriber", "participation", ["subscriber_id"])
    op.create_table(
        "discount_use",
        sa.Column("id", BIG, nullable=False),
        sa.Column("participation_id", BIG, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("plan_subscription_id", BIG, nullable=True),
        sa.Column("option_subscription_id", BIG, nullable=True),
        sa.Column("period_end_at", INSTANT, nullable=False),
        sa.Column("order_id", BIG, nullable=True),
        sa.Column("full_kopecks", sa.BigInteger(), nullable=False),
        sa.Column("off_kopecks", sa.BigInteger(), nullable=False),
        sa.Column("transaction_id", BIG, nullable=True),
        sa.Column("used_at", INSTANT, nullable=False),
        sa.CheckConstraint("off_kopecks >= 0 AND off_kopecks <= full_kopecks", name="ck_discount_use_never_below_zero"),
        sa.ForeignKeyConstraint(
            ["option_subscription_id"],
            ["option_subscription.id"],
            name="fk_discount_use_option_subscription_id_option_subscription",
        ),
        sa.ForeignKeyConstraint(["order_id"], ["order.id"], name="fk_discount_use_order_id_order"),
        sa.ForeignKeyConstraint(
            ["participation_id"], ["participation.id"], name="fk_discount_use_participation_id_participation"
        ),
        sa.ForeignKeyConstraint(
            ["plan_subscription_id"],
            ["plan_subscription.id"],
            name="fk_discount_use_plan_subscription_id_plan_subscription",
        ),
        sa.ForeignKeyConstraint(
            ["transaction_id"],
            ["ledger_transaction.id"],
            name="fk_discount_use_transaction_id_ledger_transaction",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_discount_use"),
        sa.UniqueConstraint("participation_id", "number", name="uq_discount_use_participation_id_number"),
    )
    op.create_index("ix_discount_use_of_plan", "discount_use", ["plan_subscription_id", "period_end_at"])
    op.create_index("ix_discount_use_order_id", "discount_use", ["order_id"])
    if op.get_bind().dialect.name == "sqlite":
        for event in ("UPDATE", "DELETE"):
            op.execute(f"""CREATE TRIGGER promotion_version_no_{event.lower()} BEFORE {event} ON promotion_version
                           BEGIN SELECT RAISE(ABORT, 'a promotion_version never changes'); END""")
    else:
        op.execute("""CREATE TRIGGER promotion_version_insert_only BEFORE UPDATE OR DELETE ON promotion_version
                      FOR EACH ROW EXECUTE FUNCTION refuse_change()""")


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
