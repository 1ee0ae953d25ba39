"""The version of the program before its newest migration, out of the repository's own history."""

import io
import subprocess
import tarfile
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from cabinet.config import ROOT

SERVE_AS_BUILT = ("-c", "from cabinet import serve; serve.prepare_environment(); serve.serve()")
"""A web process that does not ask whether the pages are its own: nobody looks at them."""


def unpack_previous(folder: Path) -> str:
    """Puts the program as it was just before the newest migration came into the folder; the commit's short name.

    While that migration is not committed yet, this is the last commit. Without history the scenario is skipped.
    """
    newest = _newest_migration().relative_to(ROOT)
    came = _git("log", "--diff-filter=A", "--format=%H", "-1", "--", str(newest)).decode().strip()
    try:
        commit = _git("rev-parse", "--verify", "--short", f"{came}^" if came else "HEAD").decode().strip()
    except subprocess.CalledProcessError:
        pytest.skip(f"the history here does not reach back to the version before {newest.name}")
    with tarfile.open(fileobj=io.BytesIO(_git("archive", "--format=tar", commit))) as archive:
        archive.extractall(folder, filter="data")
    return commit


def _newest_migration() -> Path:
    scripts = ScriptDirectory.from_config(Config(str(ROOT / "alembic" / "alembic.ini")))
    return Path(scripts.get_revision("head").path).resolve()


def _git(*arguments: str) -> bytes:
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git repository, so there is no version before this one")
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True).stdout
