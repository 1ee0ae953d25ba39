"""The help centre: articles from Markdown files that the operator edits, and the search in them.

An article is `<slug>.md` in the folder of `CABINET_HELP_PATH`, its address is `/help/<slug>`; its English text, where
there is one, is `en/<slug>.md`. A file begins with its front matter (YAML between lines of `---`). `{code_minutes}`
and the other names of `facts` stand for what the operator has set.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from cabinet.config import settings
from cabinet.domain.errors import CabinetError
from cabinet.domain.words import IDLE, stem_of, telling_stems, words_of
from cabinet.locales import Language

MAX_QUERY = 100
MAX_FOUND = 10

_MAX_WORDS = 8
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_PLACE = re.compile(r"\{(\w+)\}")


class HelpError(CabinetError):
    """An article cannot be used. For the operator's staff: names the file and what is wrong with it."""

    message = "{file}: {reason}"


@dataclass(frozen=True)
class Article:
    """`text` is Markdown with its places filled; `language` is the one it is written in, Russian where no other is."""

    slug: str
    title: str
    text: str
    section: str
    order: int
    search: str
    language: Language

    @property
    def address(self) -> str:
        """The page of the article."""
        return f"/help/{self.slug}/"

    @property
    def lead(self) -> str:
        """The first line without its markup, to be shown under the title."""
        line = next(line for line in self.text.splitlines() if line.strip())
        line = re.sub(r"^\s*(\d+\.|[-*>]|#+)\s+", "", line)
        return re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", line).replace("**", "").replace("_", "").strip()


@dataclass(frozen=True)
class Section:
    """A part of the help centre; `icon` is a name of the kit's icons."""

    code: str
    title: str
    icon: str
    articles: tuple[Article, ...]


@lru_cache
def library(language: Language) -> tuple[Section, ...]:
    """The operator's articles by sections, read once a process.

    Raises:
        HelpError: see `load`.
    """
    return load(settings().help_path, language, facts())


def facts() -> dict[str, object]:
    """What articles may name in braces instead of repeating a setting."""
    known = settings()
    names = ("brand_name", "sms_sender", "code_minutes", "codes_per_hour", "session_idle_minutes")
    return {name: getattr(known, name) for name in (*names, "remembered_days")}


def load(folder: Path, language: Language, facts: Mapping[str, object]) -> tuple[Section, ...]:
    """All sections that have articles, in the order of `sections.yaml`; an article without a translation is Russian.

    Raises:
        HelpError: a file is missing, malformed or names something unknown.
    """
    titles = _sections(folder / "sections.yaml")
    articles = [_article(path, facts, set(titles)) for path in sorted(folder.glob("*.md"))]
    if language == "en":
        own = {article.slug: article for article in articles}
        for path in sorted((folder / "en").glob("*.md")):
            if path.stem not in own:
                raise HelpError(file=path, reason="there is no Russian article of this name")
            own[path.stem] = _translation(path, facts, own[path.stem])
        articles = list(own.values())
    return tuple(
        Section(
            code,
            row["english"] if language == "en" else row["title"],
            row["icon"],
            tuple(sorted((a for a in articles if a.section == code), key=lambda a: (a.order, a.slug))),
        )
        for code, row in titles.items()
        if any(a.section == code for a in articles)
    )


def is_slug(name: str) -> bool:
    """Whether an article could be called so; any other name leads to no file."""
    return len(name) <= 80 and _SLUG.fullmatch(name) is not None


# --- search ----------------------------------------------------------------------------------------------------------

_TITLE, _SEARCH, _TEXT = 4, 3, 1
"""What a word is worth by where it stands."""


def cleaned(query: str) -> str:
    """What is looked for: one line, printable, at most `MAX_QUERY` characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in query[: MAX_QUERY * 4]).split())[:MAX_QUERY].strip()


def find(sections: Iterable[Section], query: str) -> list[Article]:
    """Articles that answer the query, the best first, at most `MAX_FOUND`.

    Word forms, case and ё make no difference, a word may be unfinished or have a slip of the finger in it. What answers
    far worse than the best is left out.
    """
    indexed = [(article, _index(article)) for section in sections for article in section.articles]
    wanted = _wanted(cleaned(query), [index for _, index in indexed])
    ranked = []
    for article, index in indexed:
        worths = [worth for word in wanted if (worth := _worth(word, index))]
        if worths:
            ranked.append((len(worths), sum(worths), article))
    ranked.sort(key=lambda row: (-row[0], -row[1]))
    return [
        article
        for count, worth, article in ranked[:MAX_FOUND]
        if count * 2 >= ranked[0][0] and worth * 3 >= ranked[0][1]
    ]


def _wanted(query: str, indices: Sequence[Mapping[str, int]]) -> list[str]:
    """Stems of the query's words, those with a slip corrected to a word that titles and search words know."""
    stems = telling_stems(query, _MAX_WORDS)
    vocabulary = {stem for index in indices for stem, worth in index.items() if worth > _TEXT}
    return [_corrected(stem, indices, vocabulary) for stem in stems]


def _corrected(stem: str, indices: Sequence[Mapping[str, int]], vocabulary: set[str]) -> str:
    if len(stem) < 5 or any(_worth(stem, index) for index in indices):
        return stem
    alike = sorted(word for word in vocabulary if word[0] == stem[0] and abs(len(word) - len(stem)) < 3)
    return next(iter(get_close_matches(stem, alike, 1, 0.75)), stem)


def _worth(stem: str, index: Mapping[str, int]) -> int:
    """A whole word counts twice as much as the beginning of one."""
    if stem in index:
        return index[stem] * 2
    return max((worth for word, worth in index.items() if word.startswith(stem)), default=0) if len(stem) > 2 else 0


@lru_cache(maxsize=1000)
def _index(article: Article) -> dict[str, int]:
    worths: dict[str, int] = {}
    for text, worth in ((article.text, _TEXT), (article.search, _SEARCH), (article.title, _TITLE)):
        worths.update((stem_of(word), worth) for word in words_of(text) if word not in IDLE)
    return worths


# --- files -----------------------------------------------------------------------------------------------------------


def _sections(path: Path) -> dict[str, dict[str, str]]:
    rows = _yaml(path, _read(path))
    keys = {"code", "title", "english", "icon"}
    if not isinstance(rows, list) or not all(isinstance(row, dict) and set(row) == keys for row in rows):
        raise HelpError(file=path, reason=f"has to be a list of sections with {', '.join(sorted(keys))}")
    return {str(row["code"]): row for row in rows}


def _article(path: Path, facts: Mapping[str, object], sections: set[str]) -> Article:
    front, text = _parts(path, {"title", "section", "order", "search"}, facts)
    if not is_slug(path.stem):
        raise HelpError(file=path, reason="the name has to be of small Latin letters, digits and hyphens")
    if front["section"] not in sections:
        raise HelpError(file=path, reason=f"section {front['section']!r} is not in sections.yaml")
    if not isinstance(front["order"], int):
        raise HelpError(file=path, reason="order has to be a whole number")
    return Article(path.stem, front["title"], text, front["section"], front["order"], front["search"], "ru")


def _translation(path: Path, facts: Mapping[str, object], russian: Article) -> Article:
    front, text = _parts(path, {"title", "search"}, facts)
    return Article(russian.slug, front["title"], text, russian.section, russian.order, front["search"], "en")


def _parts(path: Path, keys: set[str], facts: Mapping[str, object]) -> tuple[dict[str, Any], str]:
    begin, _, rest = _read(path).partition("---\n")
    head, line, text = rest.partition("\n---\n")
    front = _yaml(path, head)
    if begin or not line or not isinstance(front, dict) or set(front) != keys:
        raise HelpError(file=path, reason=f"has to begin with front matter: {', '.join(sorted(keys))}")
    if not text.strip() or not str(front["title"]).strip():
        raise HelpError(file=path, reason="has no title or no text")
    unknown = {name for name in _PLACE.findall(text) if name not in facts}
    if unknown:
        raise HelpError(file=path, reason=f"{{{unknown.pop()}}} is not known; there are {', '.join(facts)}")
    return front, _PLACE.sub(lambda place: str(facts[place[1]]), text).strip()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise HelpError(file=path, reason=f"cannot be read: {error}") from None


def _yaml(path: Path, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise HelpError(file=path, reason=f"not YAML: {str(error).splitlines()[0]}") from None
