"""The migrations make exactly the tables of the models, on both engines, and can be taken back."""

import inspect

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from cabinet.config import ROOT
from cabinet.models import metadata
from tests.conftest import both_engines

pytestmark = both_engines


def test_the_migrations_make_the_tables_of_the_models(database: Engine):
    with database.connect() as connection:
        opts = {"compare_type": True, "include_name": lambda name, kind, parents: not is_search(name)}
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, metadata) == []


def is_search(name: str | None) -> bool:
    """The tables of the full-text search are each engine's own: only migrations know them."""
    return str(name).startswith("ticket_search")


def test_the_migrations_can_be_taken_back(database: Engine):
    config = Config(str(ROOT / "alembic" / "alembic.ini"))

    command.downgrade(config, "base")

    with database.connect() as connection:
        assert not connection.dialect.has_table(connection, "subscriber")


@pytest.mark.parametrize("statement", ["UPDATE ledger_transaction SET kind = 'x'", "DELETE FROM ledger_transaction"])
def test_what_was_posted_never_changes(database: Engine, statement: str):
    with database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ledger_transaction (reference, kind, happened_at, posted_at)"
                " VALUES ('a', 'top_up', '2026-01-01', '2026-01-01')"
            )
        )
    with pytest.raises(DBAPIError, match="insert-only"), database.begin() as connection:
        connection.execute(text(statement))


FIRST_UNDER_RULE = "0025"  # before it no version of the program was deployed
CONTRACTING = ("drop_column", "drop_table", "rename_table", "new_column_name")


def test_a_migration_only_adds_unless_it_says_why_it_may_do_more(engine_name: str):
    scripts = ScriptDirectory.from_config(Config(str(ROOT / "alembic" / "alembic.ini")))
    for script in scripts.walk_revisions():
        if script.revision < FIRST_UNDER_RULE or getattr(script.module, "CONTRACTS", ""):
            continue
        source = inspect.getsource(script.module.upgrade)
        assert [word for word in CONTRACTING if word in source] == [], script.path
