"""tickets, their conversations, files and search

Revision: 0014, after: 0013
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
WAITING = sa.text("state = 'waiting'")
ON_TIME = sa.text("state = 'waiting' AND NOT is_late")


def upgrade() -> None:
    op.create_table(
        "ticket",
        sa.Column("id", BIG, nullable=False),
        sa.Column("subscriber_id", BIG, nullable=False),
        sa.Column("category", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(100), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("staff_id", BIG, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("answer_due_at", INSTANT, nullable=True),
        sa.Column("clock_left_seconds", sa.Integer(), nullable=True),
        sa.Column("is_late", sa.Boolean(), nullable=False),
        sa.Column("evidence", JSON, nullable=True),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("answered_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], name="fk_ticket_subscriber_id_subscriber"),
        sa.ForeignKeyConstraint(["staff_id"], ["staff_member.id"], name="fk_ticket_staff_id_staff_member"),
        sa.PrimaryKeyConstraint("id", name="pk_ticket"),
    )
    op.create_index("ix_ticket_of_subscriber", "ticket", ["subscriber_id", "id"])
    op.create_index("ix_ticket_by_state", "ticket", ["state", "id"])
    for name, columns in (
        ("ix_ticket_queue", ["answer_due_at", "id"]),
        ("ix_ticket_queue_of_staff", ["staff_id", "answer_due_at", "id"]),
        ("ix_ticket_queue_of_category", ["category", "answer_due_at", "id"]),
    ):
        op.create_index(name, "ticket", columns, sqlite_where=WAITING, postgresql_where=WAITING)
    op.create_index("ix_ticket_breaking", "ticket", ["answer_due_at"], sqlite_where=ON_TIME, postgresql_where=ON_TIME)
    op.create_table(
        "ticket_message",
        sa.Column("id", BIG, nullable=False),
        sa.Column("ticket_id", BIG, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("staff_id", BIG, nullable=True),
        sa.Column("staff_name", sa.String(100), nullable=False),
        sa.Column("body", sa.String(4000), nullable=False),
        sa.Column("reference", sa.String(80), nullable=False),
        sa.Column("written_at", INSTANT, nullable=False),
        sa.Column("promised_at", INSTANT, nullable=True),
        sa.Column("answered_on", sa.Date(), nullable=True),
        sa.Column("waited_seconds", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name="fk_ticket_message_ticket_id_ticket"),
        sa.ForeignKeyConstraint(["staff_id"], ["staff_member.id"], name="fk_ticket_message_staff_id_staff_member"),
        sa.PrimaryKeyConstraint("id", name="pk_ticket_message"),
        sa.UniqueConstraint("reference", name="uq_ticket_message_reference"),
    )
    op.create_index("ix_ticket_message_of_ticket", "ticket_message", ["ticket_id", "id"])
    answers = sa.text("answered_on IS NOT NULL")
    op.create_index(
        "ix_ticket_message_answers",
        "ticket_message",
        ["answered_on", "waited_seconds"],
        sqlite_where=answers,
        postgresql_where=answers,
    )
    op.create_table(
        "attachment",
        sa.Column("id", BIG, nullable=False),
        sa.Column("message_id", BIG, nullable=True),
        sa.Column("subscriber_id", BIG, nullable=True),
        sa.Column("staff_id", BIG, nullable=True),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("stored_name", sa.String(60), nullable=False),
        sa.Column("media_type", sa.String(60), nullable=False),
        sa.Column("size", BIG, nullable=False),
        sa.Column("is_whole", sa.Boolean(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["ticket_message.id"], name="fk_attachment_message_id_ticket_message"),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], name="fk_attachment_subscriber_id_subscriber"),
        sa.ForeignKeyConstraint(["staff_id"], ["staff_member.id"], name="fk_attachment_staff_id_staff_member"),
        sa.PrimaryKeyConstraint("id", name="pk_attachment"),
        sa.UniqueConstraint("stored_name", name="uq_attachment_stored_name"),
    )
    loose = sa.text("message_id IS NULL")
    op.create_index("ix_attachment_loose", "attachment", ["created_at"], sqlite_where=loose, postgresql_where=loose)
    op.create_index("ix_attachment_message_id", "attachment", ["message_id"])
    op.create_index("ix_attachment_subscriber_id", "attachment", ["subscriber_id"])
    op.create_table(
        "ticket_rating",
        sa.Column("ticket_id", BIG, nullable=False),
        sa.Column("stars", sa.Integer(), nullable=False),
        sa.Column("word", sa.String(500), nullable=False),
        sa.Column("rated_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name="fk_ticket_rating_ticket_id_ticket"),
        sa.PrimaryKeyConstraint("ticket_id", name="pk_ticket_rating"),
    )
    op.create_index("ix_ticket_rating_rated_at", "ticket_rating", ["rated_at"])
    op.create_table(
        "ticket_breach",
        sa.Column("id", BIG, nullable=False),
        sa.Column("ticket_id", BIG, nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("staff_id", BIG, nullable=True),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name="fk_ticket_breach_ticket_id_ticket"),
        sa.ForeignKeyConstraint(["staff_id"], ["staff_member.id"], name="fk_ticket_breach_staff_id_staff_member"),
        sa.PrimaryKeyConstraint("id", name="pk_ticket_breach"),
        sa.UniqueConstraint("ticket_id", "due_at", name="uq_ticket_breach_ticket_id_due_at"),
    )
    op.create_index("ix_ticket_breach_due_at", "ticket_breach", ["due_at"])
    op.create_table(
        "ticket_look",
        sa.Column("ticket_id", BIG, nullable=False),
        sa.Column("staff_id", BIG, nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.Column("typed_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name="fk_ticket_look_ticket_id_ticket"),
        sa.ForeignKeyConstraint(["staff_id"], ["staff_member.id"], name="fk_ticket_look_staff_id_staff_member"),
        sa.PrimaryKeyConstraint("ticket_id", "staff_id", name="pk_ticket_look"),
    )
    op.create_table(
        "answer_template",
        sa.Column("id", BIG, nullable=False),
        sa.Column("title", sa.String(80), nullable=False),
        sa.Column("body", sa.String(4000), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_answer_template"),
        sa.UniqueConstraint("title", name="uq_answer_template_title"),
    )
    op.create_table(
        "help_vote",
        sa.Column("slug", sa.String(80), nullable=False),
        sa.Column("helped", sa.Integer(), nullable=False),
        sa.Column("not_helped", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("slug", name="pk_help_vote"),
    )
    # Stems of a ticket's words, made by the program: each engine finds them by its own full-text index.
    if op.get_bind().dialect.name == "sqlite":
        op.execute("CREATE VIRTUAL TABLE ticket_search USING fts5(stems, prefix='3')")
    else:
        op.execute("CREATE TABLE ticket_search (ticket_id bigint PRIMARY KEY, stems tsvector NOT NULL)")
        op.execute("CREATE INDEX ix_ticket_search_stems ON ticket_search USING gin (stems) WITH (fastupdate = off)")


def downgrade() -> None:
    op.execute("DROP TABLE ticket_search")
    for table in (
        *("help_vote", "answer_template", "ticket_look", "ticket_breach", "ticket_rating", "attachment"),
        *("ticket_message", "ticket"),
    ):
        op.drop_table(table)
