"""Translations: Russian texts are the keys, `en.po` has the English ones. A leaf: anyone may import it."""

from functools import lru_cache
from pathlib import Path
from typing import Literal

from babel.messages.pofile import read_po

Language = Literal["ru", "en"]

_DIRECTORY = Path(__file__).parent


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


def language_of(cookie_header: str) -> Language:
    """The language in the `lang` cookie of a `Cookie` header; Russian when there is none."""
    cookies = (part.strip() for part in cookie_header.split(";"))
    return "en" if "lang=en" in cookies else "ru"
