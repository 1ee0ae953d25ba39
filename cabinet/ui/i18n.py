"""Words on pages. Russian is the key; both languages are compiled in, and the reader's browser chooses."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import reflex as rx
from reflex_base.utils.imports import ImportVar
from reflex_base.vars.base import VarData

from cabinet.locales import Language, english, language_of, translate

__all__ = ["IS_ENGLISH", "Language", "either", "is_english", "language_of", "only_in", "t", "translate"]

IS_ENGLISH: rx.Var[bool] = rx.Var(
    "isEnglish",
    _var_type=bool,
    _var_data=VarData(
        imports={"$/utils/kit": [ImportVar(tag="useEnglish")]},
        hooks={"const isEnglish = useEnglish();": None},
    ),
)

_only: ContextVar[Language | None] = ContextVar("only", default=None)


@contextmanager
def only_in(language: Language) -> Iterator[None]:
    """Pages built inside are in this language alone, without a switch."""
    token = _only.set(language)
    try:
        yield
    finally:
        _only.reset(token)


def is_english() -> rx.Var[bool] | bool:
    """Whether the page is in English: known at once inside `only_in`, in the browser otherwise."""
    language = _only.get()
    return IS_ENGLISH if language is None else language == "en"


def either(russian: str, english: str) -> rx.Var[str] | str:
    """One text of two that are no row of the translations."""
    shown = is_english()
    if isinstance(shown, bool):
        return english if shown else russian
    return rx.cond(shown, english, russian)


def t(text: str, **values: object) -> rx.Var[str] | str:
    """The text in the reader's language, for page code: children and attributes.

    `values` fill the `{name}` places and may be Vars. Texts that leave the server (handlers, slots, SMS)
    go through `translate(text, language)` instead.
    """
    translation = english().get(text, text)
    if translation == text or _only.get() == "ru":
        return _filled(text, values)
    if _only.get() == "en":
        return _filled(translation, values)
    return rx.cond(IS_ENGLISH, _filled(translation, values), _filled(text, values))


def _filled(template: str, values: dict[str, object]) -> rx.Var[str] | str:
    return rx.Var.create(template.format(**values)) if values else template
