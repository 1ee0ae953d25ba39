"""Tables of figures beside their budgets, for the terminal and for `results.md`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles

from rich.console import Console
from rich.table import Table as RichTable

NOT_MEASURED = "–"
WIDTH = 150
YARDSTICKS = ("Starlette", "Django")


@dataclass(frozen=True)
class Budget:
    """What a figure is to reach: at most `bound`, or at least it; None where the yardstick failed."""

    text: str
    bound: float | None
    at_least: bool = False

    def verdict(self, value: float | None) -> str:
        """`met`, `missed`, or what could not be judged."""
        if value is None or self.bound is None:
            return "not judged"
        return "met" if (value >= self.bound if self.at_least else value <= self.bound) else "missed"

    def shown(self) -> str:
        """The budget in words with the figure that it comes to in this run."""
        is_relative = self.bound is not None and self.text.endswith(YARDSTICKS)
        return f"{self.text} = {figure(self.bound)}" if is_relative else self.text


@dataclass
class Table:
    """Figures of one subject; the notes say what was measured and how."""

    title: str
    columns: Sequence[str]
    rows: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, *cells: str) -> None:
        """One row, a cell for each column."""
        self.rows.append(list(cells))

    def print(self) -> None:
        """Draws it in the terminal."""
        table = RichTable(*self.columns)
        for row in self.rows:
            table.add_row(*row)
        console = Console(width=WIDTH, markup=False)
        console.print(self.title)
        console.print(table)
        for note in self.notes:
            console.print(f"  {note}")
        console.print()

    def markdown(self) -> str:
        """The same as Markdown."""
        lines = [f"## {self.title}", "", _line(self.columns), _line("---" for _ in self.columns)]
        lines += [_line(row) for row in self.rows]
        lines += ["", *(f"- {note}" for note in self.notes)] if self.notes else []
        return "\n".join(lines) + "\n"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def figure(value: float | None) -> str:
    """A figure as precise as it deserves: 0.4, 37.5, 1 234."""
    if value is None:
        return NOT_MEASURED
    return f"{value:,.0f}".replace(",", " ") if abs(value) >= 100 else f"{value:.1f}"


def middle(values: Sequence[float]) -> float | None:
    """The median, None of nothing."""
    return median(values) if values else None


def p95(values: Sequence[float]) -> float | None:
    """The 95th percentile, None of nothing."""
    return quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else middle(values)
