"""What the build leaves of a static page."""

import json
from pathlib import Path

import pytest
import reflex_base

from cabinet.ui.tailwind import adapted_socket_script, name_build, with_own_styles, without_react

BUILT = (
    '<!DOCTYPE html><html lang="ru"><head><meta charSet="utf-8"/><script async="" src="/sign_in.js"></script>'
    '<script async="" src="/fresh.js"></script>'
    '<link as="font" href="/fonts/a.woff2" rel="preload"/>'
    '<link as="style" href="/assets/s.css" rel="preload"/>'
    '<link rel="modulepreload" href="/assets/entry.js"/>'
    '<script>const theme = localStorage.getItem("theme")</script>'
    '<link href="/assets/s.css" rel="stylesheet" type="text/css"/></head>'
    '<body><form action="/auth/code" class="p-5" method="post"></form><script>window.__reactRouterContext = {}</script>'
    '<script type="module" async="">import "/assets/entry.js"</script><!--$?--><template id="B:0"></template><!--/$-->'
    '<div hidden id="S:0"><script>__reactRouterContext</script><!--$?--><template id="B:1"></template><!--/$--></div>'
    "</body></html>"
)


def test_react_goes_and_the_form_with_its_script_and_theme_stays():
    page = without_react(BUILT, [])

    assert page.endswith('<body><form action="/auth/code" class="p-5" method="post"></form></body></html>')
    assert "entry.js" not in page
    assert 'src="/sign_in.js"' in page
    assert 'getItem("theme")' in page


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A build with a stylesheet."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "s.css").write_text(
        '@font-face{src:url("/fonts/a.woff2")}.p-5{padding:1.25rem}.p-6{padding:1.5rem}'
    )
    return tmp_path


def test_the_styles_stand_in_the_page_so_that_its_first_paint_waits_for_one_answer(root):
    page = with_own_styles(without_react(BUILT, []), root)

    assert '<style>@font-face{src:url("/fonts/a.woff2")}.p-5{padding:1.25rem}</style></head>' in page
    assert "s.css" not in page


def test_the_first_paint_does_not_wait_for_fonts_either(root):
    preload = '<link as="font" crossorigin="anonymous" href="/fonts/a.woff2" rel="preload" type="font/woff2"/>'

    (root / "assets" / "s.css").write_text("@font-face{font-display:optional}")

    page = with_own_styles(without_react(BUILT.replace("</head>", f"{preload}</head>"), []), root)

    assert 'rel="preload"' not in page
    assert "<style>@font-face{font-display:swap}</style>" in page


@pytest.mark.parametrize("css", ["a{background:url(../x.png)}", "a{content:'</style>'}"])
def test_styles_that_would_mean_something_else_in_a_page_stop_the_build(root, css):
    (root / "assets" / "s.css").write_text(css)

    with pytest.raises(RuntimeError, match="cannot stand in a page"):
        with_own_styles(BUILT, root)


def test_a_page_without_a_stylesheet_stops_the_build(root):
    with pytest.raises(RuntimeError, match="without a stylesheet"):
        with_own_styles("<head></head>", root)


def test_what_the_cabinet_is_made_of_is_fetched_ahead_when_asked():
    page = without_react(BUILT, ["/assets/s.css", "/assets/root.js"])

    assert '<link rel="prefetch" as="style" href="/assets/s.css"/>' in page
    assert '<link rel="prefetch" as="script" crossorigin="" href="/assets/root.js"/></head>' in page


def test_a_page_that_is_built_in_an_unknown_way_stops_the_build():
    with pytest.raises(RuntimeError, match="another way"):
        without_react(BUILT.replace("modulepreload", "preload"), [])
    with pytest.raises(RuntimeError, match="another way"):
        without_react(BUILT.replace("</body>", "<b>__reactRouter</b></body>"), [])


def test_the_build_knows_neither_its_moment_nor_an_address():
    reflex = (Path(reflex_base.__file__).parent / ".templates" / "web" / "utils" / "state.js").read_text()

    script = adapted_socket_script(reflex)

    assert 'if (url_str.startsWith("/")) return endpoint;' in script
    assert "reflex.json" not in script
    assert adapted_socket_script(script) == script


def test_another_reflex_is_noticed():
    with pytest.raises(RuntimeError, match="script of the socket"):
        adapted_socket_script("export const getBackendURL = () => {}")


def test_a_build_is_named_by_what_is_in_it(tmp_path):
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "root-1.js").write_text("1")
    names = []
    for script in ("1", "1", "2"):
        (tmp_path / "assets" / "root-1.js").write_text(script)
        (tmp_path / "index.html").write_text('<!DOCTYPE html><html lang="ru"><head></head></html>')
        name_build(tmp_path)
        names.append(json.loads((tmp_path / "version.json").read_text())["build"])
        assert f'<html data-build="{names[-1]}" lang="ru">' in (tmp_path / "index.html").read_text()

    assert names[0] == names[1] != names[2]
