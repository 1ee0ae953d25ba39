"""What the pages of promotions share."""

from typing import Any

import reflex as rx

from cabinet.ui import kit
from cabinet.ui.kit import recipes
from cabinet.ui.promotions.views import TONES


def hero(*children: Any) -> rx.Component:
    """The brand gradient with the arcs, and the promotion on it."""
    return rx.el.div(
        kit.signal_arcs("-bottom-16 -left-16 size-72"),
        rx.el.div(*children, class_name="relative"),
        class_name=f"{recipes.HERO} rounded-xl p-6",
    )


def picture(icon: rx.Var[str]) -> rx.Component:
    """The promotion's icon on its colour."""
    tile = "flex size-14 shrink-0 items-center justify-center rounded-lg"
    return rx.match(
        icon,
        *(
            (name, rx.el.span(kit.icon(name, "size-7"), class_name=f"{tile} {recipes.TONES[tone]}"))
            for name, tone in TONES.items()
        ),
        rx.el.span(kit.icon("offer", "size-7"), class_name=f"{tile} {recipes.TONES['brand']}"),
    )
