"""Hands the design system to Reflex's build: tokens to Tailwind, the kit's small script to the bundle."""

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
        context["add_save_task"](_runtime)


def _with_tokens(css: str) -> str:
    """The root stylesheet with the tokens and the brand after them. Safe to apply twice."""
    head, _, _ = css.partition("\n/* design tokens */\n")
    tokens = (_KIT / "tokens.css").read_text(encoding="utf-8")
    brand = f":root {{ --hue: {settings().brand_hue}; --chroma: {settings().brand_chroma}; }}\n"
    return f"{head}\n/* design tokens */\n{tokens}\n{brand}"


def _runtime() -> tuple[str, str]:
    """Where the kit's script goes in the build, and its text."""
    return "utils/kit.js", (_KIT / "runtime.js").read_text(encoding="utf-8")
