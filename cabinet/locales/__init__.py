"""Translations: Russian texts are the keys, `en.po` has the English ones. A leaf: anyone may import it.

What the operator sells is named by the operator: those English words are learnt from the database (`services.words`)
and found by the Russian ones, too, so that a name that was written down years ago has its English today.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Literal

from babel.messages.pofile import read_po

Language = Literal["ru", "en"]

_DIRECTORY = Path(__file__).parent
_named: tuple[object, Mapping[str, str]] = (None, {})


@lru_cache
def english() -> dict[str, str]:
    """All translated texts, by the Russian one."""
    with (_DIRECTORY / "en.po").open("rb") as file:
        catalogue = read_po(file, locale="en")
    return {str(message.id): str(message.string) for message in catalogue if message.id and message.string}


def translate(text: str, language: Language = "ru", **values: object) -> str:
    """The text in the language, `{name}` places filled; an untranslated text stays Russian."""
    template = english().get(text, text) if language == "en" else text
    return template.format(**values) if values else template


def learn(words: Mapping[str, str], stand: object) -> None:
    """From now on these are the operator's English words, by the Russian ones, in this process; `stand` tells them from
    those of another time."""
    global _named
    _named = stand, dict(words)


def stand_of_words() -> object:
    """Which words were learnt last; None: none yet."""
    return _named[0]


def name_in(text: str, language: Language) -> str:
    """The operator's name or description in the language; what the operator has not put into English stays Russian."""
    return _named[1].get(text, text) if language == "en" else text


def language_of(cookie_header: str) -> Language:
    """The language in the `lang` cookie of a `Cookie` header; Russian when there is none."""
    cookies = (part.strip() for part in cookie_header.split(";"))
    return "en" if "lang=en" in cookies else "ru"
