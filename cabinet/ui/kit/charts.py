"""Charts as inline SVG. The same numbers always stand in words nearby."""

from collections.abc import Sequence
from typing import Any

import reflex as rx

from cabinet.ui.kit.controls import Text

WIDTH = 300
HEIGHT = 88
_TOP = 4
_BASE = 86

STACK_WIDTH = 1000
_STACK_GAP = 6
_STACK_LEAST = 8  # a share that is there must be seen

BARS_HEIGHT = 120
_BAR = 8
_BAR_STEP = 11
_BAR_LEAST = 5
_TICK = 3


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


# --- shares of a sum --------------------------------------------------------------------------------------------------


def stack_places(amounts: Sequence[int]) -> list[tuple[int, int]]:
    """Where each share of the sum stands in a bar of `STACK_WIDTH`: (left, width), gaps between them left out.

    Amounts are above zero; the smallest share is still seen, the largest one gives way for it.
    """
    total = sum(amounts)
    room = STACK_WIDTH - _STACK_GAP * (len(amounts) - 1)
    widths = [max(room * amount // total, _STACK_LEAST) for amount in amounts]
    if widths:
        widths[widths.index(max(widths))] += room - sum(widths)
    lefts = [sum(widths[:place]) + _STACK_GAP * place for place in range(len(widths))]
    return list(zip(lefts, widths, strict=True))


def stacked_bar(segments: Any) -> rx.Component:
    """One bar of shares, in the order of the list under it; `segments` are `stack_segment`s. The list has the words."""
    return rx.el.svg(
        segments,
        custom_attrs={"viewBox": f"0 0 {STACK_WIDTH} 16", "preserveAspectRatio": "none", "aria-hidden": "true"},
        class_name="mt-4 h-4 w-full overflow-hidden rounded-sm",
    )


def stack_segment(left: int | rx.Var[int], width: int | rx.Var[int], tone: int | rx.Var[int]) -> rx.Component:
    """A share by its place (`stack_places`) and the number of its colour, 1 to 5."""
    return rx.el.rect(
        custom_attrs={"x": left, "width": width, "height": "16", "fill": rx.Var.create(f"var(--c-cat{tone})")}
    )


# --- days of a month --------------------------------------------------------------------------------------------------


def bars_box(days: int) -> str:
    """The `viewBox` that `bars_path` draws in."""
    return f"0 0 {days * _BAR_STEP - (_BAR_STEP - _BAR)} {BARS_HEIGHT}"


def bars_path(amounts: Sequence[int], highest: int) -> str:
    """A rounded bar for every day with an amount above zero; `highest` touches the top."""
    return "".join(
        _bar(_BAR_STEP * day, 0, _bar_height(amount, highest), _BAR) for day, amount in enumerate(amounts) if amount > 0
    )


def expected_path(amounts: Sequence[int], spent: Sequence[int], highest: int) -> str:
    """Outlines of what is still to come, each above what the day has cost already; inset by half of their line."""
    heights = [_bar_height(amount, highest) if amount > 0 else 0 for amount in spent]
    return "".join(
        _bar(_BAR_STEP * day + 1, heights[day] if day < len(heights) else 0, _bar_height(amount, highest), _BAR - 2)
        for day, amount in enumerate(amounts)
        if amount > 0
    )


def ticks_path(amounts: Sequence[int]) -> str:
    """A tick for every day without an amount above zero."""
    return "".join(_bar(_BAR_STEP * day, 0, _TICK, _BAR) for day, amount in enumerate(amounts) if amount <= 0)


def day_bars(*, sentence: Text, box: Text, spent: Text, expected: Text, ticks: Text) -> rx.Component:
    """What each day has cost, what is to come dashed. Texts are paths of the functions above."""
    return rx.el.svg(
        rx.el.path(custom_attrs={"d": ticks, "fill": "var(--c-line)"}),
        rx.el.path(custom_attrs={"d": spent, "fill": "var(--c-cat1)"}),
        rx.el.path(
            custom_attrs={
                "d": expected,
                "fill": "none",
                "stroke": "var(--c-edge)",
                "strokeWidth": "1.5",
                "strokeDasharray": "3 2.5",
                "vectorEffect": "non-scaling-stroke",
            }
        ),
        custom_attrs={"viewBox": box, "preserveAspectRatio": "none", "role": "img", "aria-label": sentence},
        class_name="mt-4 h-32 w-full overflow-visible",
    )


# --- months beside each other -----------------------------------------------------------------------------------------

_MONTH = 18
_MONTH_STEP = 24
MONTHS_HEIGHT = 40


def month_bars_path(amounts: Sequence[int], highest: int) -> str:
    """A bar for each month; `highest` touches the top of a box 40 high."""
    return "".join(
        f"M{_MONTH_STEP * month} {MONTHS_HEIGHT}V{_month_top(amount, highest)}h{_MONTH}V{MONTHS_HEIGHT}z"
        for month, amount in enumerate(amounts)
    )


def month_levels_path(amounts: Sequence[int], highest: int) -> str:
    """A line over each month at the height of something to compare with."""
    return "".join(
        f"M{_MONTH_STEP * month - 2} {_month_top(amount, highest)}h{_MONTH + 4}" for month, amount in enumerate(amounts)
    )


def month_bars(*, sentence: Text, bars: Text, levels: Text = "") -> rx.Component:
    """A small picture of up to six months; texts are paths of the two functions above."""
    return rx.el.svg(
        rx.el.path(custom_attrs={"d": bars, "fill": "var(--c-cat2)"}),
        _line(levels, "var(--c-ink)", "2"),
        custom_attrs={
            "viewBox": f"-2 0 {6 * _MONTH_STEP} {MONTHS_HEIGHT}",
            "preserveAspectRatio": "xMinYMid meet",
            "fill": "none",
            "role": "img",
            "aria-label": sentence,
        },
        class_name="h-10 w-36 min-w-0",
    )


def _month_top(amount: int, highest: int) -> int:
    return MONTHS_HEIGHT - max((MONTHS_HEIGHT - 2) * amount // max(highest, 1), 2)


def _bar(left: int, above: int, height: int, width: int) -> str:
    radius = 1 if height < _BAR_LEAST else 2
    across, down = width - 2 * radius, height - 2 * radius
    top = BARS_HEIGHT - above - height
    corner = f"a{radius} {radius} 0 0 1"
    return (
        f"M{left + radius} {top}h{across}{corner} {radius} {radius}v{down}{corner} -{radius} {radius}"
        f"h-{across}{corner} -{radius} -{radius}v-{down}{corner} {radius} -{radius}z"
    )


def _bar_height(amount: int, highest: int) -> int:
    return max((BARS_HEIGHT - 2) * amount // max(highest, 1), _BAR_LEAST)


def _line(path: Text, colour: str, width: str, **attributes: str) -> rx.Component:
    fixed = {"vectorEffect": "non-scaling-stroke"}
    return rx.el.path(custom_attrs={"d": path, "stroke": colour, "strokeWidth": width, **fixed, **attributes})


def _x(day: int, days: int) -> int:
    return WIDTH * day // days


def _y(total: int, highest: int) -> int:
    return _BASE - (_BASE - _TOP) * total // max(highest, 1)
