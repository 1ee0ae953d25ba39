"""What the pages of the staff are made of besides the kit."""

from collections.abc import Sequence
from typing import Any

import reflex as rx

from cabinet.ui import kit
from cabinet.ui.kit import Text, recipes
from cabinet.ui.staff.views import LineView


def refused_at(place: str, state: Any) -> rx.Component:
    """Why the form of this place was refused; `state` has `at` and `refusal`."""
    return rx.el.p(
        rx.cond(
            (state.at == place) & (state.refusal != ""),
            rx.el.span(
                kit.icon("alert", "size-5 shrink-0"),
                state.refusal,
                class_name="flex gap-2 text-sm font-medium text-bad",
            ),
            rx.fragment(),
        ),
        id=f"{place}-error",
        role="alert",
        class_name="mt-2 empty:hidden",
    )


def chosen_from(label: Text, name: str, options: Sequence[tuple[str, Text]]) -> rx.Component:
    """A list to choose one of; `options` are (value, text)."""
    return rx.el.div(
        rx.el.label(label, html_for=name, class_name=recipes.LABEL),
        rx.el.select(
            *(rx.el.option(text, value=value) for value, text in options),
            name=name,
            id=name,
            class_name=f"{recipes.FIELD} pr-8",
        ),
    )


def text_area(label: Text, name: str, *, hint: Text, id: str = "") -> rx.Component:
    """A field for a sentence or two."""
    own = id or name
    return rx.el.div(
        rx.el.label(label, html_for=own, class_name=recipes.LABEL),
        rx.el.textarea(
            name=name,
            id=own,
            rows="3",
            max_length=300,
            required=True,
            aria_describedby=f"{own}-hint",
            class_name="block w-full rounded-md border border-edge bg-surface px-4 py-3 text-base",
        ),
        rx.el.p(hint, id=f"{own}-hint", class_name=recipes.HINT),
    )


def lines(found: rx.Var[list[LineView]]) -> rx.Component:
    """Rows of a card: what, when, how much."""
    return rx.el.ul(rx.foreach(found, _line), class_name="mt-3 space-y-2.5 text-sm")


def _line(line: LineView) -> rx.Component:
    return rx.el.li(
        rx.el.span(
            line.title,
            rx.el.span(line.second, class_name="block text-xs text-muted"),
            class_name="min-w-0 wrap-anywhere",
        ),
        kit.amount(line.amount, line.is_income),
        key=line.key.to_string(),
        class_name="flex justify-between gap-3",
    )
