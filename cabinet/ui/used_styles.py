"""Leaves of a stylesheet what one page needs: for pages that carry their styles in them."""

import re
from collections.abc import Iterable, Iterator
from html import unescape
from itertools import pairwise
from typing import Any

import tinycss2

_CLASSES = re.compile(r'\bclass="([^"]*)"')
_SET_BY_SCRIPT = frozenset({"dark", "light"})


def used_only(css: str, html: str) -> str:
    """The stylesheet without the rules for classes that no element of the page has.

    Nothing may add classes to the page later but the script of its theme.
    """
    present = _SET_BY_SCRIPT.union(*(unescape(names).split() for names in _CLASSES.findall(html)))
    rules = tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True)
    kept = [(rule, text) for rule in rules if (text := _kept(rule, present))]
    body = "".join(text for rule, text in kept if not _is_property(rule))
    registered = "".join(
        text for rule, text in kept if _is_property(rule) and f"var({tinycss2.serialize(rule.prelude).strip()}" in body
    )
    return body + registered


def _is_property(rule: Any) -> bool:
    return rule.type == "at-rule" and rule.lower_at_keyword == "property"


def _kept(rule: Any, present: frozenset[str]) -> str:
    """The rule as text; empty: the page does not need it."""
    if rule.type == "qualified-rule":
        parts = [part for part in _parts(rule.prelude) if _classes(part) <= present]
        selector = ",".join(tinycss2.serialize(part).strip() for part in parts)
        return f"{selector}{{{tinycss2.serialize(rule.content)}}}" if parts else ""
    if rule.type != "at-rule" or rule.content is None or rule.lower_at_keyword not in ("media", "layer", "supports"):
        return rule.serialize()
    inside = tinycss2.parse_blocks_contents(rule.content, skip_comments=True, skip_whitespace=True)
    body = "".join(_kept(each, present) for each in inside)
    # An empty layer still says where it stands among the others.
    is_needed = body or rule.lower_at_keyword == "layer"
    return f"@{rule.at_keyword}{tinycss2.serialize(rule.prelude)}{{{body}}}" if is_needed else ""


def _parts(prelude: Iterable[Any]) -> Iterator[list[Any]]:
    """The selectors between the commas."""
    part: list[Any] = []
    for each in prelude:
        if each == ",":
            yield part
            part = []
        else:
            part.append(each)
    yield part


def _classes(selector: list[Any]) -> set[str]:
    """The classes that an element must have or stand below; what is in brackets, as of `:is()`, is not looked at."""
    return {name.value for dot, name in pairwise(selector) if dot == "." and name.type == "ident"}
