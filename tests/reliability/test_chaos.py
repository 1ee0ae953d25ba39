"""What `make chaos` names still exists: crash points in the program, and tests that it runs."""

import subprocess
import sys

import pytest

from cabinet.config import ROOT
from chaos.__main__ import TESTED, Suite
from chaos.dying import find
from chaos.scenarios import POINTS, SCENARIOS
from chaos.versions import unpack_previous


@pytest.mark.parametrize("point", POINTS)
def test_a_crash_point_is_a_function_of_the_program(point: str):
    owner, name, when = find(point)

    assert callable(getattr(owner, name))
    assert when in ("before", "after")


@pytest.mark.parametrize("tested", TESTED, ids=lambda tested: tested.name)
def test_the_tests_that_a_row_stands_for_are_there(tested: Suite):
    text = (ROOT / "tests" / "reliability" / tested.files).read_text(encoding="utf-8")

    assert any("def test_" in line and tested.chosen in line for line in text.splitlines())


def test_the_version_before_is_the_program_without_the_newest_migration(tmp_path):
    unpack_previous(tmp_path)

    here, before = ({file.name for file in (root / "alembic" / "versions").glob("*.py")} for root in (ROOT, tmp_path))
    assert "20261123_0001_first_tables.py" in before
    assert max(here) in here - before


def test_every_fault_has_a_name_of_its_own():
    names = [each.name for each in (*SCENARIOS, *TESTED)]

    assert len(names) == len(set(names))


def test_a_command_dies_by_kill_9_where_it_is_told_to(tmp_path):
    command = [sys.executable, "-m", "chaos.dying", "cabinet.schema:migrate:before", "migrate"]
    environment = {"CABINET_DATABASE_URL": f"sqlite:///{tmp_path / 'cabinet.db'}", "PATH": ""}

    assert subprocess.run(command, cwd=ROOT, env=environment).returncode == -9
