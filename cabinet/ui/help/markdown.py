"""An article's Markdown as HTML of the kit. HTML in the text stays text, and so does a link to a script."""

import re
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

_CLASSES = {
    "p": "mt-3 first:mt-0",
    "ol": "mt-3 list-decimal space-y-2 pl-5 first:mt-0",
    "ul": "mt-3 list-disc space-y-2 pl-5 first:mt-0",
    "h2": "mt-6 text-lg font-bold first:mt-0",
    "h3": "mt-5 font-bold first:mt-0",
    "a": "font-medium text-brand-ink underline underline-offset-4",
    "strong": "font-semibold",
    "blockquote": "mt-3 border-l-4 border-line pl-4",
    "hr": "my-5 border-line",
}

_LOOSE = re.compile(r"(?<!\w)(\d+|[а-яё]{1,2}) (?=\S)| (?=—)", re.IGNORECASE)
"""A space at which no line may break: after a number or a short word, and before a dash."""


@lru_cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).disable(["image", "html_block", "html_inline"])


def to_html(text: str, heading: int = 2) -> str:
    """Semantic HTML; `heading` is the level of what Markdown calls `##`."""
    parser = _parser()
    tokens = parser.parse(text)
    for token in tokens:
        token.hidden = False  # a line of a list is a paragraph too, as everywhere
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, max(2, int(token.tag[1])) - 2 + heading)}"
        for part in (token, *(token.children or ())):
            _dress(part)
    html: str = parser.renderer.render(tokens, parser.options, {})
    return html.strip()


def _dress(token: Token) -> None:
    if token.nesting >= 0 and token.tag in _CLASSES:
        token.attrSet("class", _CLASSES[token.tag])
    if token.type == "text":
        token.content = _LOOSE.sub(lambda space: f"{space[1] or ''}\u00a0", token.content)
