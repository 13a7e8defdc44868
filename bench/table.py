"""Figures as rows, and tables as plain text, Markdown or plain values."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

COLUMNS = ("scenario", "figure", "value", "unit", "target")
_RIGHT = frozenset({"value"})


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. ``below`` is the target: the value should be smaller; None where nothing was promised."""

    scenario: str
    figure: str
    value: float | str
    unit: str = ""
    below: float | None = None

    @property
    def missed(self) -> bool:
        """Whether there is a target and the value does not reach it."""
        return self.below is not None and isinstance(self.value, float | int) and self.value >= self.below

    def cells(self) -> tuple[str, ...]:
        """The row as text, in the order of ``COLUMNS``."""
        target = "" if self.below is None else f"< {self.below:g}"
        return (self.scenario, self.figure, number(self.value), self.unit, target + " (missed)" * self.missed)


def number(value: float | str) -> str:
    """A value with about three significant digits, and thousands told apart."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def plain(rows: Sequence[Row]) -> str:
    """The table as aligned text."""
    return aligned(COLUMNS, [row.cells() for row in rows], right=_RIGHT)


def plain_facts(facts: Sequence[tuple[str, str]]) -> str:
    """The machine as aligned text."""
    label = max((len(name) for name, _ in facts), default=0)
    return "\n".join(f"{name:<{label}}  {text}" for name, text in facts)


def aligned(columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Collection[str]) -> str:
    """A table as text. The columns in ``right`` stand flush right, so that sizes can be compared at a glance."""
    cells = [columns, *rows]
    widths = [max(len(line[column]) for line in cells) for column in range(len(columns))]
    lines = []
    for line in cells:
        padded = [
            f"{cell:>{width}}" if name in right else f"{cell:<{width}}"
            for name, cell, width in zip(columns, line, widths, strict=True)
        ]
        lines.append("  ".join(padded).rstrip())
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def markdown(rows: Sequence[Row]) -> str:
    """The same as Markdown."""
    return markdown_table(COLUMNS, [row.cells() for row in rows], right=_RIGHT)


def markdown_facts(facts: Sequence[tuple[str, str]]) -> str:
    """The machine as a Markdown list."""
    return "\n".join(f"- {name}: {text}" for name, text in facts)


def markdown_warnings(warnings: Sequence[str]) -> str:
    """Warnings as a Markdown list."""
    return "\n".join(f"- **Warning:** {warning}" for warning in warnings)


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Collection[str]) -> str:
    """A table as Markdown."""
    rule = "|" + "|".join("---:" if name in right else "---" for name in columns) + "|"
    return "\n".join([_markdown_line(columns), rule, *(_markdown_line(row) for row in rows)])


def _markdown_line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def values(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The same for programs: values unrounded, ``target`` as a number that the value should stay below."""
    return [
        {
            "scenario": row.scenario,
            "figure": row.figure,
            "value": row.value,
            "unit": row.unit,
            "target": row.below,
            "missed": row.missed,
        }
        for row in rows
    ]
