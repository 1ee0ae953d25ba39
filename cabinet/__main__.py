"""The command line: `python -m cabinet`."""

import sys

import typer

from cabinet import db
from cabinet.config import UnsafeSettings, settings
from cabinet.schema import migrate as apply_migrations

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Кабинет: the operator's commands.")


@app.callback()
def _check_settings() -> None:
    """Names wrong settings before any command runs."""
    try:
        settings()
    except UnsafeSettings as error:
        typer.echo(f"Wrong settings:\n{error}", err=True)
        raise typer.Exit(2) from None


@app.command()
def migrate() -> None:
    """Bring the database's schema up to date."""
    apply_migrations(db.engine())
    typer.echo("The schema is up to date.")


if __name__ == "__main__":
    sys.exit(app())
