"""The database's schema: brings it up to date by the migrations in `alembic/`."""

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

from cabinet.config import ROOT


def migrate(engine: Engine) -> None:
    """Applies every migration that this database has not seen."""
    config = Config(str(ROOT / "alembic" / "alembic.ini"))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
