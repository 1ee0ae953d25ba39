"""Hands the design system to Reflex's build: tokens to Tailwind, the kit's script to the bundle, the brand's files."""

import json
from pathlib import Path
from typing import Any

from reflex_base.plugins.tailwind_v4 import TailwindV4Plugin

from cabinet.config import settings

_KIT = Path(__file__).parent / "kit"


class DesignTokensPlugin(TailwindV4Plugin):
    """Tailwind v4 with the tokens of `kit/tokens.css` and the operator's own hue, and `kit/runtime.js`."""

    def pre_compile(self, **context: Any) -> None:
        """Adds our files to the ones that Tailwind's plugin writes."""
        super().pre_compile(**context)
        context["add_modify_task"]("styles/tailwind.css", _with_tokens)
        for task in (_runtime, _icon, _manifest):
            context["add_save_task"](task)


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
