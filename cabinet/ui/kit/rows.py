"""A long list that arrives a page at a time."""

from typing import Any

import reflex as rx
from reflex_base.utils.imports import ImportVar
from reflex_base.vars.base import VarData

from cabinet.ui.i18n import t
from cabinet.ui.kit import recipes


def older(on_click: Any) -> rx.Component:
    """The button below a list that brings its next page."""
    return rx.el.button(
        t("Показать раньше"), type="button", on_click=on_click, class_name=f"{recipes.LINK_ACTION} text-sm"
    )


def rows(page: rx.Var[Any], of: Any) -> rx.Var[Any]:
    """All rows of the list so far, for `rx.foreach`; `of` is the type of the list, as `list[RowView]`.

    `page` has `rows`, `number` (from 1) and `statement`, which differs where the list is another one: the State keeps
    and sends only the newest page; see `runtime.js`.
    """
    return rx.Var(
        "listRows",
        _var_type=of,
        _var_data=VarData.merge(
            page._get_all_var_data(),
            VarData(
                imports={"$/utils/kit": [ImportVar(tag="useRows")]},
                hooks={f"const listRows = useRows({page!s});": None},
            ),
        ),
    )
