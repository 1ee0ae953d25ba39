"""When pages are built anew, and a port that is taken."""

import re
import socket
from pathlib import Path

import pytest

from cabinet import serve
from cabinet.config import ROOT, settings
from cabinet.services import help


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project with built pages."""
    for name, text in {
        "rxconfig.py": "config = 1",
        "reflex.lock/package.json": '{"name": "reflex"}',
        "cabinet/ui/page.py": "page = 1",
        "cabinet/ui/kit/tokens.css": ":root {}",
        "assets/icon.svg": "<svg/>",
        ".web/build/client/index.html": "built",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(serve, "ROOT", tmp_path)
    monkeypatch.setattr(serve, "WEB_DIR", tmp_path / ".web")
    (tmp_path / ".web" / serve.STAMP).write_text(f"{serve._tools()}\n{serve._sources()}")
    return tmp_path


def test_unchanged_pages_are_not_built_again(project):
    assert serve.is_built()


@pytest.mark.parametrize(
    "name",
    ["rxconfig.py", "reflex.lock/package.json", "cabinet/ui/page.py", "cabinet/ui/kit/tokens.css", "assets/icon.svg"],
)
def test_a_change_of_what_they_are_made_of_is_noticed(project, name):
    (project / name).write_text("changed")
    assert not serve.is_built()


def test_a_new_and_a_removed_file_are_noticed(project):
    added = project / "cabinet" / "ui" / "other.py"
    added.write_text("")
    assert not serve.is_built()
    added.unlink()
    assert serve.is_built()
    (project / "assets" / "icon.svg").unlink()
    assert not serve.is_built()


def test_data_and_caches_do_not_count(project):
    (project / "cabinet" / "ui" / "page.pyc").write_text("")
    (project / "cabinet" / "words.mo").write_text("")
    assert serve.is_built()


@pytest.mark.parametrize(
    "setting", [("CABINET_BRAND_NAME", "Мегафон"), ("CABINET_BRAND_HUE", "262"), ("CABINET_CODE_MINUTES", "10")]
)
def test_settings_that_stand_in_the_pages_count(project, monkeypatch, setting):
    monkeypatch.setenv(*setting)
    settings.cache_clear()
    assert not serve.is_built()


@pytest.mark.parametrize("setting", [("CABINET_PORT", "3999"), ("CABINET_PUBLIC_URL", "https://lk.example.ru")])
def test_one_build_serves_any_address(project, monkeypatch, setting):
    monkeypatch.setenv(*setting)
    settings.cache_clear()
    assert serve.is_built()


def test_the_stamp_knows_every_setting_that_pages_are_made_of():
    ui = (file for file in (ROOT / "cabinet" / "ui").rglob("*.py") if file.name != "views.py")  # read as they are shown
    sources = [*ui, *(ROOT / "cabinet" / "locales").rglob("*.py")]
    named = {name for file in sources for name in re.findall(r"settings\(\)\.(\w+)", file.read_text(encoding="utf-8"))}
    assert named - {"is_demo"} | {"env"} | set(help.facts()) == set(serve.IN_PAGES)


def test_articles_count_wherever_they_lie(project, tmp_path, monkeypatch):
    articles = tmp_path / "articles"
    articles.mkdir()
    monkeypatch.setenv("CABINET_HELP_PATH", str(articles))
    settings.cache_clear()
    (project / ".web" / serve.STAMP).write_text(f"{serve._tools()}\n{serve._sources()}")
    assert serve.is_built()
    (articles / "new.md").write_text("# Новая статья")
    assert not serve.is_built()


def test_an_interrupted_build_does_not_count(project):
    (project / ".web" / serve.STAMP).unlink()
    assert not serve.is_built()


def test_a_taken_port_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(serve.PortBusy, match=rf"Port {port} is busy.*CABINET_PORT"):
            serve.refuse_busy_port(port)
    serve.refuse_busy_port(port)
