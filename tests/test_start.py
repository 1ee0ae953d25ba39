"""The application starts as it is, and does not start with what is unsafe."""

import subprocess
import sys

import pytest

from cabinet import schema
from cabinet.config import ROOT
from cabinet.ui import access, guard

BROKEN = """
import reflex as rx
class OffersState(rx.State):
    async def accept(self, offer_id: int): ...
import cabinet.cabinet
"""


def start(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    import os

    clean = {name: value for name, value in os.environ.items() if not name.startswith("CABINET_")}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=clean | environment, capture_output=True, text=True, timeout=120
    )


def test_every_handler_of_the_application_has_a_label():
    import cabinet.cabinet  # noqa: F401

    ours = [(name, function) for name, function in guard.handlers() if function.__module__.startswith("cabinet.")]
    assert ours
    access.refuse_unlabelled(ours)


def test_an_unlabelled_handler_stops_the_start_and_is_named():
    done = start(BROKEN)

    assert done.returncode != 0
    assert "OffersState.accept" in done.stderr.splitlines()[-1]


def test_unsafe_settings_stop_the_start_and_are_named_without_their_values():
    done = start("import cabinet.cabinet", CABINET_ENV="production", CABINET_SECRET_KEY="short and secret")

    assert done.returncode != 0
    assert "CABINET_SECRET_KEY must be a secret of your own" in done.stderr
    assert "CABINET_SMS_GATEWAY must be" in done.stderr
    assert "short and secret" not in done.stderr


async def test_a_schema_that_is_not_current_stops_the_start(monkeypatch, tmp_path):
    import cabinet.cabinet as composition
    from cabinet.config import settings

    monkeypatch.setenv("CABINET_DATABASE_URL", f"sqlite:///{tmp_path / 'empty.db'}")
    monkeypatch.setattr(composition.logs, "configure", lambda: None)
    settings.cache_clear()
    with pytest.raises(schema.NotCurrent, match="python -m cabinet migrate"):
        async with composition.serving():
            pass
