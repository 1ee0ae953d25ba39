"""Hands the design system to Reflex's build: tokens to Tailwind, the kit's script to the bundle, the brand's files."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from reflex.utils.exec import is_prod_mode
from reflex_base.constants import Endpoint, Reflex
from reflex_base.plugins.tailwind_v4 import TailwindV4Plugin

from cabinet.config import settings
from cabinet.ui.used_styles import used_only

_KIT = Path(__file__).parent / "kit"


class DesignTokensPlugin(TailwindV4Plugin):
    """Tailwind v4 with the tokens of `kit/tokens.css` and the operator's own hue, and `kit/runtime.js`."""

    def pre_compile(self, **context: Any) -> None:
        """Adds our files to the ones that Tailwind's plugin writes."""
        super().pre_compile(**context)
        context["add_modify_task"]("styles/tailwind.css", _with_tokens)
        context["add_modify_task"]("utils/state.js", adapted_socket_script)
        for task in (_runtime, _icon, _manifest):
            context["add_save_task"](task)

    def update_env_json(self, **_context: Any) -> dict[str, Any] | None:
        """The socket's address for the pages: of the server that they come from, so that one build serves any host and
        port. Under `make dev` pages and backend are on two ports, and Reflex's own absolute address stays."""
        return {endpoint.name: str(endpoint) for endpoint in Endpoint} if is_prod_mode() else None

    def post_build(self, **context: Any) -> None:
        """Takes React out of the built static pages: they are complete without it, and 130 KB lighter.

        Those that stand right before the cabinet fetch what it is made of while the subscriber types.

        Raises:
            RuntimeError: Reflex writes its pages in another way now.
        """
        root = Path(context["static_dir"])
        cabinet = root / "index.html"
        ahead = _parts(cabinet.read_text(encoding="utf-8")) if cabinet.exists() else []
        for page in root.rglob("*.html"):
            html = page.read_text(encoding="utf-8")
            if STATIC_PAGE_SCRIPT not in html:
                continue
            is_before_cabinet = page.parent.name in ("code", "password", "welcome")
            html = without_react(html, ahead if is_before_cabinet else [])
            html = with_own_styles(html, root)
            language = "en" if page.is_relative_to(root / "en") else "ru"
            html = html.replace('<html lang="ru"', f'<html lang="{language}" data-static=""', 1)
            page.write_text(html, encoding="utf-8")
        name_build(root)


STATIC_PAGE_SCRIPT = 'src="/sign_in.js"'
"""What tells a static page: the small script that it has instead of React."""

FRESHNESS_SCRIPT = "/fresh.js"
"""The small script of every page: see there."""

VERSION_FILE = "version.json"

_SCRIPT_LINK = re.compile(r'<link rel="modulepreload" href="([^"]+)"/>')
_SCRIPT = re.compile(r"<script\b[^>]*>.*?</script>", re.DOTALL)
_STYLE_PRELOAD = re.compile(r'<link as="style"[^>]*>')
_STYLESHEET = re.compile(r'<link [^>]*href="([^"]*)"[^>]*rel="stylesheet"[^>]*>')
_FONT_PRELOAD = re.compile(r'<link as="font"[^>]*>')
_STREAMED = re.compile(r'<!--/?\$.?-->|<template id="[^"]*"></template>|<div hidden id="S:[^"]*"></div>')


def without_react(html: str, ahead: list[str]) -> str:
    """The page without React's scripts, but with its theme and its own script; `ahead` is fetched when idle.

    Raises:
        RuntimeError: nothing was found to take out, or something was left.
    """
    if not _SCRIPT_LINK.search(html):
        raise RuntimeError("A static page without script links: Reflex writes its pages in another way now")
    html = _SCRIPT_LINK.sub("", html)
    html = _SCRIPT.sub(lambda script: script[0] if _stays(script[0]) else "", html)
    while (shorter := _STREAMED.sub("", html)) != html:
        html = shorter
    if "__reactRouter" in html or html.count("<script") != 3:
        raise RuntimeError("React is still in a static page: Reflex writes its pages in another way now")
    links = "".join(f'<link rel="prefetch" {_as_asked(address)} href="{address}"/>' for address in ahead)
    return html.replace("</head>", f"{links}</head>", 1)


def _as_asked(address: str) -> str:
    """How the cabinet itself asks for a part: scripts vary by Origin, and would be asked for again without it."""
    return 'as="style"' if address.endswith(".css") else 'as="script" crossorigin=""'


def _parts(cabinet: str) -> list[str]:
    """Addresses of the stylesheet and the scripts that a page of the cabinet is made of."""
    return _STYLESHEET.findall(cabinet) + _SCRIPT_LINK.findall(cabinet)


def with_own_styles(html: str, root: Path) -> str:
    """The page with the styles that it needs in it: the first paint needs no second round trip, and a slow processor
    does not read what the rest of the site is made of.

    Nor does it wait for the fonts: a browser that was told to preload an optional font does not paint without it for
    a while (230 ms on a slow line). So they take the place of the fallback, whose metrics are theirs, when they come.

    Raises:
        RuntimeError: there is no stylesheet, or it has addresses that hold only where it lay.
    """
    link = _STYLESHEET.search(html)
    if link is None:
        raise RuntimeError("A static page without a stylesheet: Reflex writes its pages in another way now")
    css = (root / link[1].lstrip("/")).read_text(encoding="utf-8")
    if re.search(r"""url\(["']?(?!["']?(/|data:|#))|</style""", css):
        raise RuntimeError("The stylesheet cannot stand in a page: it has a relative address or the end of its element")
    css = used_only(css.replace("font-display:optional", "font-display:swap"), html)
    return _FONT_PRELOAD.sub("", _STYLE_PRELOAD.sub("", html)).replace(link[0], f"<style>{css}</style>", 1)


_SOCKET_SCRIPT = (
    # Addresses without a host are of the server that the page comes from.
    (
        "const endpoint = new URL(url_str);",
        'const endpoint = new URL(url_str, location.href);\n  if (url_str.startsWith("/")) return endpoint;',
    ),
    # The file has the moment of the build in it, and every chunk would get another name each time.
    # The sign-in pages live without React, so they are loaded; they lead back here. `fresh.js` keeps what was typed.
    (
        "    const url = urlFrom(event.payload.path);\n    let pathname = event.payload.path;",
        """    if (["/login", "/staff/login"].includes(event.payload.path)) {
      dispatchEvent(new Event("cabinet:turned-away"));
      const { owner } = document.documentElement.dataset;
      const here = location.pathname + location.search;
      const asked = new URLSearchParams({ ...(owner && { ended: "" }), ...(here !== "/" && { next: here }) });
      location.replace(`${event.payload.path}/${asked.size ? "?" : ""}${asked}`);
      return;
    }
    const url = urlFrom(event.payload.path);
    let pathname = event.payload.path;""",
    ),
    ('import reflexEnvironment from "$/reflex.json";', f'const reflexEnvironment = {{ version: "{Reflex.VERSION}" }};'),
)


def adapted_socket_script(script: str) -> str:
    """Reflex's script of the socket for a build that is the same each time and serves any address. Safe to apply twice.

    Raises:
        RuntimeError: Reflex has written it in another way now.
    """
    for old, new in _SOCKET_SCRIPT:
        if new in script:
            continue
        if old not in script:
            raise RuntimeError(f"Not found in Reflex's script of the socket: {old}")
        script = script.replace(old, new)
    return script


def _stays(script: str) -> bool:
    return STATIC_PAGE_SCRIPT in script or FRESHNESS_SCRIPT in script or 'getItem("theme")' in script


def name_build(root: Path) -> None:
    """Writes what tells this build from others into its pages (`data-build`) and into `version.json`, where an open tab
    finds out whether it is of an earlier one. A build of the same contents has the same name."""
    files = sorted(file for file in root.rglob("*") if file.is_file() and file.name != VERSION_FILE)
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(root)}\0".encode() + file.read_bytes())
    name = digest.hexdigest()[:12]
    for page in (file for file in files if file.suffix == ".html"):
        html = page.read_text(encoding="utf-8")
        page.write_text(html.replace("<html ", f'<html data-build="{name}" ', 1), encoding="utf-8")
    (root / VERSION_FILE).write_text(json.dumps({"build": name}), encoding="utf-8")


def _with_tokens(css: str) -> str:
    """The root stylesheet with the tokens and the brand after them. Safe to apply twice."""
    head, _, _ = css.partition("\n/* design tokens */\n")
    tokens = "".join((_KIT / name).read_text(encoding="utf-8") for name in ("tokens.css", "kit.css"))
    brand = f":root {{ --hue: {settings().brand_hue}; --chroma: {settings().brand_chroma}; }}\n"
    return f"{head}\n/* design tokens */\n{tokens}\n{brand}"


def _runtime() -> tuple[str, str]:
    """Where the kit's script goes in the build, and its text."""
    return "utils/kit.js", (_KIT / "runtime.js").read_text(encoding="utf-8")


def _icon() -> tuple[str, str]:
    """The brand mark in the operator's colour, for tabs and home screens."""
    colour = f"oklch(0.54 {settings().brand_chroma} {settings().brand_hue})"
    return "public/icon.svg", (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 36 36">'
        f'<rect width="36" height="36" rx="11" fill="{colour}"/>'
        '<g fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round"><path d="M10 25.5a1 1 0 0 1 .01 0"/>'
        '<path d="M10 18.2a7.6 7.6 0 0 1 7.4 7.4"/><path d="M10 10.5a15.2 15.2 0 0 1 15.2 15.1"/></g></svg>\n'
    )


def _manifest() -> tuple[str, str]:
    """What a phone needs to put the cabinet on its home screen."""
    manifest = {
        "name": settings().brand_name,
        "short_name": settings().brand_name,
        "lang": "ru",
        "start_url": "/",
        "display": "standalone",
        "background_color": "#f6f3f2",
        "theme_color": "#f6f3f2",
        "icons": [{"src": "/icon.svg", "sizes": "any", "type": "image/svg+xml", "purpose": "any"}],
    }
    return "public/manifest.webmanifest", json.dumps(manifest, ensure_ascii=False, indent=2) + "\n"
