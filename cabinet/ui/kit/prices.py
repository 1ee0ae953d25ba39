"""Settings whose price follows at once, without asking the server."""

from dataclasses import dataclass
from typing import Any

import reflex as rx
from reflex_base.utils.imports import ImportVar
from reflex_base.vars.base import VarData
from reflex_components_core.el.elements.forms import BaseInput

from cabinet.ui.kit.controls import Text

_PICK = VarData(imports={"$/utils/kit": [ImportVar(tag="pick")]})


@dataclass
class Picked:
    """Where a setting stands: the number of the step, its name, how full the slider is."""

    number: int
    name: str
    fill: str


@dataclass
class Priced:
    """What is picked on the screen. `trend` is -1, 0 or 1: cheaper than now, the same, dearer."""

    steps: dict[str, Picked]
    chosen: dict[str, str]
    hints: list[str]
    changed: bool
    trend: int
    total: str
    difference: str


def priced(of: rx.Var[Any]) -> rx.Var[Priced]:
    """What is picked of these settings and what it costs.

    `of` has `key` (another one begins anew), `base_kopecks`, `discounts` (`percent` or `kopecks`; the largest is taken
    off), `present_kopecks` to compare with, the words `less`, `more` (with `{sum}`) and `same`, and `settings`: each
    has `code`, `step` (the number that holds), `last` and `steps` with `code`, `name`, `kopecks` to add and `hint`.
    """
    return rx.Var(
        "priced",
        _var_type=Priced,
        _var_data=VarData.merge(
            of._get_all_var_data(),
            VarData(
                imports={"$/utils/kit": [ImportVar(tag="usePriced")]},
                hooks={f"const priced = usePriced({of!s});": None},
            ),
        ),
    ).guess_type()


def slider(id: Text, of: rx.Var[Any], setting: rx.Var[Any], at: rx.Var[Picked]) -> rx.Component:
    """A setting of many steps: arrows, Home and End work, its words are spoken. The label is for `id`."""
    return BaseInput.create(
        type="range",
        id=id,
        custom_attrs={
            "min": "0",
            "max": setting.last,
            "step": "1",
            "value": at.number,
            "aria-valuetext": at.name,
            "style": rx.Var.create({"--fill": at.fill}),
            "onChange": _on_change(of, setting, "+event.target.value"),
        },
        class_name="slider mt-1",
    )


def setting_switch(of: rx.Var[Any], setting: rx.Var[Any], at: rx.Var[Picked]) -> rx.Component:
    """A setting of two steps, without and with; it stands in its label."""
    return BaseInput.create(
        type="checkbox",
        custom_attrs={
            "role": "switch",
            "checked": at.number == 1,
            "onChange": _on_change(of, setting, "+event.target.checked"),
        },
        class_name="switch",
    )


def setting_radio(of: rx.Var[Any], setting: rx.Var[Any], number: rx.Var[int], at: rx.Var[Picked]) -> rx.Component:
    """One of the two steps of a setting as a radio; it stands in its label."""
    return BaseInput.create(
        type="radio",
        name=setting.code,
        custom_attrs={"checked": at.number == number, "onChange": _on_change(of, setting, str(number))},
        class_name="sr-only",
    )


def _on_change(of: rx.Var[Any], setting: rx.Var[Any], step: str) -> rx.Var[Any]:
    return rx.Var(f"(event) => pick({of.key!s}, {setting.code!s}, {step})", _var_type=rx.EventChain, _var_data=_PICK)
