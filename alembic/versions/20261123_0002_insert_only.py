"""what was posted, and what was sold, never changes

Revision: 0002, after: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NEVER_CHANGED = ("posting", "ledger_transaction")
VERSIONS = ("plan_version", "option_version", "bundle_version")


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in NEVER_CHANGED:
            _sqlite(f"{table}_no_update", f"UPDATE ON {table}", "1", f"{table} is insert-only")
        for table in VERSIONS:
            changed = "NEW.content <> OLD.content OR NEW.digest <> OLD.digest OR NEW.code <> OLD.code"
            _sqlite(f"{table}_no_update", f"UPDATE ON {table}", changed, f"a {table} never changes")
        for table in (*NEVER_CHANGED, *VERSIONS):
            _sqlite(f"{table}_no_delete", f"DELETE ON {table}", "1", f"{table} is insert-only")
        return

    op.execute("""
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION '% is insert-only', TG_TABLE_NAME; END $$""")
    for table in NEVER_CHANGED:
        op.execute(f"""CREATE TRIGGER {table}_insert_only BEFORE UPDATE OR DELETE ON {table}
                       FOR EACH ROW EXECUTE FUNCTION refuse_change()""")
    for table in VERSIONS:
        op.execute(f"""CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}
                       FOR EACH ROW EXECUTE FUNCTION refuse_change()""")
        op.execute(f"""CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} FOR EACH ROW
                       WHEN (NEW.content <> OLD.content OR NEW.digest <> OLD.digest OR NEW.code <> OLD.code)
                       EXECUTE FUNCTION refuse_change()""")


def _sqlite(name: str, event: str, condition: str, reason: str) -> None:
    op.execute(f"CREATE TRIGGER {name} BEFORE {event} WHEN {condition} BEGIN SELECT RAISE(ABORT, '{reason}'); END")


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in NEVER_CHANGED + VERSIONS:
            op.execute(f"DROP TRIGGER {table}_no_update")
            op.execute(f"DROP TRIGGER {table}_no_delete")
        return
    for table in NEVER_CHANGED:
        op.execute(f"DROP TRIGGER {table}_insert_only ON {table}")
    for table in VERSIONS:
        op.execute(f"DROP TRIGGER {table}_no_delete ON {table}")
        op.execute(f"DROP TRIGGER {table}_no_update ON {table}")
    op.execute("DROP FUNCTION refuse_change")
