"""What the build leaves of a static page."""

import json
from pathlib import Path

import pytest
import reflex_base

from cabinet.ui.tailwind import adapted_socket_script, name_build, without_react

BUILT = (
    '<!DOCTYPE html><html lang="ru"><head><meta charSet="utf-8"/><script async="" src="/sign_in.js"></script>'
    '<script async="" src="/fresh.js"></script>'
    '<link as="font" href="/fonts/a.woff2" rel="preload"/>'
    '<link as="style" href="/assets/s.css" rel="preload"/>'
    '<link rel="modulepreload" href="/assets/entry.js"/>'
    '<script>const theme = localStorage.getItem("theme")</script>'
    '<link href="/assets/s.css" rel="stylesheet" type="text/css"/></head>'
    '<body><form action="/auth/code" method="post"></form><script>window.__reactRouterContext = {}</script>'
    '<script type="module" async="">import "/assets/entry.js"</script><!--$?--><template id="B:0"></template><!--/$-->'
    '<div hidden id="S:0"><script>__reactRouterContext</script><!--$?--><template id="B:1"></template><!--/$--></div>'
    "</body></html>"
)


def test_react_goes_and_the_form_with_its_script_and_theme_stays():
    page = without_react(BUILT, [])

    assert page.endswith('<body><form action="/auth/code" method="post"></form></body></html>')
    assert "entry.js" not in page
    assert 'src="/sign_in.js"' in page
    assert 'getItem("theme")' in page


def test_the_stylesheet_goes_before_everything_that_could_hold_it_up():
    page = without_react(BUILT, [])

    assert page.index("s.css") < page.index("sign_in.js") < page.index("a.woff2")
    assert page.count("s.css") == 1


def test_scripts_of_the_cabinet_are_fetched_ahead_when_asked():
    assert '<link rel="prefetch" as="script" crossorigin="" href="/assets/root.js"/></head>' in without_react(
        BUILT, ["/assets/root.js"]
    )


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
