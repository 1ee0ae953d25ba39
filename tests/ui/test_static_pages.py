"""What the build leaves of a static page."""

from pathlib import Path

import pytest
import reflex_base

from cabinet.ui.tailwind import with_relative_addresses, without_react

BUILT = (
    '<!DOCTYPE html><html lang="ru"><head><meta charSet="utf-8"/><script async="" src="/sign_in.js"></script>'
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


def test_the_socket_is_where_the_page_comes_from():
    reflex = (Path(reflex_base.__file__).parent / ".templates" / "web" / "utils" / "state.js").read_text()

    script = with_relative_addresses(reflex)

    assert "return new URL(url_str, location.href);\n  const endpoint = new URL(url_str);" in script
    assert with_relative_addresses(script) == script


def test_another_reflex_is_noticed():
    with pytest.raises(RuntimeError, match="socket's address"):
        with_relative_addresses("export const getBackendURL = () => {}")
