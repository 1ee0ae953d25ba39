"""Rules of the house that no linter knows. Directions of imports are in pyproject.toml, for import-linter."""

import re
from pathlib import Path

import pytest
from sqlalchemy import Float, Numeric

from cabinet.config import ROOT, Settings
from cabinet.models import metadata
from cabinet.models.base import Instant

CABINET = ROOT / "cabinet"
COLUMNS = [column for table in metadata.sorted_tables for column in table.columns]


def sources(*parts: str) -> list[Path]:
    """Python files of these parts of the program: folders, or files."""
    places = [CABINET / part for part in parts]
    return sorted(path for place in places for path in ([place] if place.is_file() else place.rglob("*.py")))


def offenders(pattern: str, paths: list[Path], allowed: tuple[str, ...] = ()) -> list[str]:
    found = []
    for path in paths:
        name = str(path.relative_to(CABINET))
        if name in allowed:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if re.search(pattern, line):
                found.append(f"{name}:{number}: {line.strip()}")
    return found


def test_only_the_clock_reads_the_clock():
    pattern = r"datetime\.(now|utcnow)\(|time\.time\(\)|date\.today\("
    assert offenders(pattern, sources("."), allowed=("clock.py",)) == []


def test_only_db_commits():
    assert offenders(r"\.commit\(\)", sources("."), allowed=("db.py",)) == []


def test_money_meets_no_float():
    assert offenders(r"\bfloat\(|: float\b|-> float\b|\[float\b", sources("domain", "ledger.py", "services")) == []


def test_no_column_holds_a_fraction():
    assert [str(column) for column in COLUMNS if isinstance(column.type, Float | Numeric)] == []


@pytest.mark.parametrize("word", ["amount", "balance", "price", "fee", "charge", "limit"])
def test_columns_with_money_are_named_in_kopecks(word: str):
    names = [c.name for c in COLUMNS if c.name.startswith(word) and not c.name.endswith(("_at", "_id"))]
    assert [name for name in names if not name.endswith("_kopecks")] == []


def test_every_moment_in_the_database_is_an_instant():
    moments = [c for c in COLUMNS if c.name.endswith("_at") or c.name in ("valid_from", "valid_until", "send_after")]
    assert [str(c) for c in moments if not isinstance(c.type, Instant)] == []


def test_only_the_ledger_writes_the_ledger():
    pattern = r"\b(insert|update|delete)\((Account|LedgerTransaction|Posting)\b|\b(LedgerTransaction|Posting|Account)\("
    assert offenders(pattern, sources("services", "http", "ui", "worker.py", "worker_jobs.py")) == []


def test_the_settings_page_lists_every_setting():
    described = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    missing = [name for name in Settings.model_fields if f"`CABINET_{name.upper()}`" not in described]
    assert missing == []
