"""The database's schema: brings it up to date by the migrations in `alembic/`."""

from functools import lru_cache

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from cabinet import db
from cabinet.config import ROOT

_MIGRATING = 0x6361_6269_6E65_74  # the key of an advisory lock: any number that nobody else takes


class NotCurrent(Exception):
    """The database has not seen this program's migrations."""

    def __init__(self) -> None:
        super().__init__("The database's schema is not current: run `python -m cabinet migrate`.")


class MadeByNewer(Exception):
    """The database has seen migrations that this program does not know."""

    def __init__(self) -> None:
        super().__init__("The database was brought up to date by a newer version of the program: start that one.")


def migrate(engine: Engine) -> None:
    """Applies every migration that this database has not seen; processes that start together do so one after another.

    Raises:
        MadeByNewer: it has seen more than this program has.
    """
    with db.alone(engine, _MIGRATING):
        refuse_newer(engine)
        config = Config(str(ROOT / "alembic" / "alembic.ini"))
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def is_current(engine: Engine) -> bool:
    """Whether this database has seen exactly the migrations of this program."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() == _revisions().get_current_head()


def is_newer(engine: Engine) -> bool:
    """Whether this database has seen migrations that this program does not know."""
    try:
        refuse_newer(engine)
    except MadeByNewer:
        return True
    return False


def refuse_newer(engine: Engine) -> None:
    """Raises:
    MadeByNewer: the database has seen migrations that this program does not know.
    """
    with engine.connect() as connection:
        revision = MigrationContext.configure(connection).get_current_revision()
    if revision is not None:
        refuse_unknown(revision)


def refuse_unknown(revision: str) -> None:
    """Raises:
    MadeByNewer: this program has no such migration.
    """
    if revision not in {known.revision for known in _revisions().walk_revisions()}:
        raise MadeByNewer


@lru_cache
def _revisions() -> ScriptDirectory:
    return ScriptDirectory.from_config(Config(str(ROOT / "alembic" / "alembic.ini")))
