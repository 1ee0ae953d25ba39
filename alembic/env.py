"""Runs migrations on the program's own engine, so that both see one set of pragmas and time-outs."""

from alembic import context
from sqlalchemy import Connection
from sqlalchemy.types import TypeDecorator
from sqlmodel import AutoString

from cabinet import db
from cabinet.models import metadata


def _render_type(kind: str, thing: object, autogen_context) -> str | bool:
    """Our type decorators are written as the plain types beneath: a migration must not change when code does."""
    if kind == "type" and isinstance(thing, AutoString):
        return f"sa.String(length={thing.length})" if thing.length else "sa.String()"
    if kind == "type" and isinstance(thing, TypeDecorator) and type(thing).__module__ == "cabinet.models.base":
        return f"sa.{thing.impl!r}"
    return False


def _has_model(name: str | None, kind: str, parents: object) -> bool:
    """The tables of the full-text search are each engine's own: only migrations know them."""
    return kind != "table" or not str(name).startswith("ticket_search")


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        compare_type=True,
        render_as_batch=True,
        render_item=_render_type,
        include_name=_has_model,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    raise SystemExit("Migrations run on a live database only: set CABINET_DATABASE_URL.")

connection = context.config.attributes.get("connection")
if connection is not None:
    _run(connection)
else:
    with db.engine().connect() as own:
        _run(own)
