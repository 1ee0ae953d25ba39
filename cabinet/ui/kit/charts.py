"""Charts as inline SVG. The same numbers always stand in words nearby."""

from collections.abc import Sequence

import reflex as rx

from cabinet.ui.kit.controls import Text

WIDTH = 300
HEIGHT = 88
_TOP = 4
_BASE = 86


def step_path(totals: Sequence[int], days: int, highest: int, first_day: int = 0) -> str:
    """The path of a running total: one value a day from `first_day` of `days`; `highest` touches the top.

    Integers in, a path for a 300×88 box out; an empty sequence gives an empty path.
    """
    if not totals:
        return ""
    x = _x(first_day, days)
    path = f"M{x} {_y(totals[0], highest)}"
    for index, total in enumerate(totals):
        path += f"V{_y(total, highest)}H{_x(first_day + index + 1, days)}"
    return path


def area_path(line: str) -> str:
    """The closed area under a `step_path` that begins at the left edge."""
    return f"{line}V{HEIGHT}H0Z" if line else ""


def marker_position(total: int, day: int, days: int, highest: int) -> tuple[str, str]:
    """Where the end of the line is, as CSS `left` and `top`."""
    return f"{_x(day, days) / WIDTH:.1%}", f"{_y(total, highest) / HEIGHT:.1%}"


def step_line(
    *,
    sentence: Text,
    now: Text,
    area: Text,
    before: Text,
    forecast: Text = "",
    left: Text,
    top: Text,
) -> rx.Component:
    """A running total of this month over the last one, the forecast dashed. Texts are paths of `step_path`."""
    return rx.el.div(
        rx.el.svg(
            _line(f"M0 {HEIGHT - 1}H{WIDTH}", "var(--c-line)", "1"),
            rx.el.path(custom_attrs={"d": area, "fill": "var(--c-brand-soft)"}),
            _line(before, "var(--c-edge)", "2"),
            _line(forecast, "var(--c-cat1)", "2", strokeDasharray="3 4"),
            _line(now, "var(--c-cat1)", "3"),
            custom_attrs={
                "viewBox": f"0 0 {WIDTH} {HEIGHT}",
                "preserveAspectRatio": "none",
                "fill": "none",
                "strokeLinejoin": "round",
                "aria-hidden": "true",
            },
            class_name="h-full w-full overflow-visible",
        ),
        rx.el.span(
            class_name="absolute size-3 -translate-x-1/2 -translate-y-1/2 rounded-full border-2 border-surface bg-cat1",
            custom_attrs={"style": rx.Var.create({"left": left, "top": top}), "aria-hidden": "true"},
        ),
        role="img",
        aria_label=sentence,
        class_name="relative mt-4 h-22",
    )


def _line(path: Text, colour: str, width: str, **attributes: str) -> rx.Component:
    fixed = {"vectorEffect": "non-scaling-stroke"}
    return rx.el.path(custom_attrs={"d": path, "stroke": colour, "strokeWidth": width, **fixed, **attributes})


def _x(day: int, days: int) -> int:
    return WIDTH * day // days


def _y(total: int, highest: int) -> int:
    return _BASE - (_BASE - _TOP) * total // max(highest, 1)
