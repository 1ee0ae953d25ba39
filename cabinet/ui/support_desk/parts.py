"""What the pages of the desk of support share."""

from typing import Any

import reflex as rx

from cabinet.ui import kit
from cabinet.ui.kit import recipes

_BARS = {"late": "bg-bad", "soon": "bg-warn", "calm": "bg-cat3"}
_TEXT = "flex items-center gap-1.5 text-sm font-semibold"


def deadline(found: Any) -> rx.Component:
    """What is left of a promise, a Var of `DeadlineView`: words, and where a clock runs a bar."""
    words = rx.match(
        found.tone,
        ("late", rx.el.span(kit.icon("alert", "size-4"), found.text, class_name=f"{_TEXT} text-bad")),
        ("soon", rx.el.span(kit.icon("clock", "size-4"), found.text, class_name=f"{_TEXT} text-warn")),
        ("calm", rx.el.span(found.text, class_name=_TEXT)),
        rx.el.span(found.text, class_name=f"{_TEXT} text-muted"),
    )
    bar = rx.el.span(
        rx.el.span(
            class_name=rx.match(found.tone, *((tone, f"block h-full {bg}") for tone, bg in _BARS.items()), "block"),
            custom_attrs={"style": {"width": rx.Var.create(f"{found.percent}%")}},
        ),
        aria_hidden="true",
        class_name="mt-1.5 block h-1.5 w-full max-w-36 overflow-hidden rounded-sm bg-line",
    )
    return rx.el.span(words, rx.cond(found.tone, bar, rx.fragment()), class_name="block")


def counts(found: Any, columns: str) -> rx.Component:
    """Figures in a row, a Var of a list of `CountView`."""

    def one(count: Any) -> rx.Component:
        return rx.el.div(
            rx.el.dt(count.name, class_name="text-sm text-muted"),
            rx.el.dd(
                count.value,
                class_name=rx.match(
                    count.tone,
                    ("bad", "mt-1 text-xl font-bold text-bad"),
                    ("warn", "mt-1 text-xl font-bold text-warn"),
                    "mt-1 text-xl font-bold",
                ),
            ),
            class_name=f"{recipes.CARD} px-4! py-3!",
            key=count.name,
        )

    return rx.el.dl(rx.foreach(found, one), class_name=f"grid gap-3 {columns}")
