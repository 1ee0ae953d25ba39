"""Words on pages. Russian is the key; both languages are compiled in, and the reader's browser chooses."""

import reflex as rx
from reflex_base.utils.imports import ImportVar
from reflex_base.vars.base import VarData

from cabinet.locales import english, language_of, translate

__all__ = ["IS_ENGLISH", "language_of", "t", "translate"]

IS_ENGLISH: rx.Var[bool] = rx.Var(
    "isEnglish",
    _var_type=bool,
    _var_data=VarData(
        imports={"$/utils/kit": [ImportVar(tag="useEnglish")]},
        hooks={"const isEnglish = useEnglish();": None},
    ),
)


def t(text: str, **values: object) -> rx.Var[str] | str:
    """The text in the reader's language, for page code: children and attributes.

    `values` fill the `{name}` places and may be Vars. Texts that leave the server (handlers, slots, SMS)
    go through `translate(text, language)` instead.
    """
    russian = _filled(text, values)
    if text not in english():
        return russian
    return rx.cond(IS_ENGLISH, _filled(english()[text], values), russian)


def _filled(template: str, values: dict[str, object]) -> rx.Var[str] | str:
    return rx.Var.create(template.format(**values)) if values else template
