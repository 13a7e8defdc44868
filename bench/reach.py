"""What livevote is to reach, as one table of targets, and what a run found about each of them.

Machines differ and are shared, so nearly all targets are ratios: both sides are measured in turn in one run, and the
figure is the median over such pairs. ``floor`` is what must not be missed, ``goal`` what is wanted.
"""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.meter import BUSY_PERCENT, Interval
from bench.stats import percentile
from bench.table import aligned, markdown_table, number

COLUMNS = ("row", "figure", "floor", "goal", "value", "10 %", "90 %", "runs", "reached", "generator", "beside it")
BEGIN, END = "<!-- written by the bench: begin -->", "<!-- written by the bench: end -->"
_RIGHT = frozenset({"floor", "goal", "value", "10 %", "90 %", "runs", "generator"})


@dataclass(frozen=True, slots=True)
class Target:
    """One line of the table. Without ``floor`` and ``goal`` it is there for comparison only."""

    row: int
    figure: str
    floor: float | None = None
    goal: float | None = None
    unit: str = ""
    lower: bool = False
    """Whether less is better."""

    def reached(self, value: float) -> str:
        """``goal``, ``floor`` or ``MISSED``; nothing where nothing was to be reached."""
        if self.floor is None:
            return ""
        if self.goal is not None and _reaches(value, self.goal, lower=self.lower):
            return "goal"
        if not _reaches(value, self.floor, lower=self.lower):
            return "MISSED"
        return "floor" if self.goal is not None else "yes"


def _reaches(value: float, limit: float, *, lower: bool) -> bool:
    return value <= limit if lower else value >= limit


@dataclass(frozen=True, slots=True)
class Finding:
    """What a run found: one value for each pair or repetition, none where it could not be measured."""

    target: Target
    values: Sequence[float]
    beside: str = ""
    """What stands behind the ratio, or why there is none."""
    generator_percent: float | None = None
    """How busy the load generator was at most, in % of its core; None where there was none."""

    @property
    def value(self) -> float | None:
        """The median."""
        return statistics.median(self.values) if self.values else None

    @property
    def reached(self) -> str:
        """As ``Target.reached``, or ``not measured``."""
        return "not measured" if self.value is None else self.target.reached(self.value)

    @property
    def doubtful(self) -> bool:
        """Whether the load generator may be what was measured."""
        return self.generator_percent is not None and self.generator_percent > BUSY_PERCENT

    def cells(self) -> tuple[str, ...]:
        """The line as text, in the order of ``COLUMNS``."""
        target = self.target
        unit = f" {target.unit}" if target.unit else ""
        sign = "≤ " if target.lower else "≥ "
        spread = ("", "")
        if len(self.values) > 1:
            spread = number(percentile(self.values, 10)), number(percentile(self.values, 90))
        busy = "" if self.generator_percent is None else f"{self.generator_percent:.0f} %{'!' * self.doubtful}"
        return (
            str(target.row),
            target.figure,
            "" if target.floor is None else f"{sign}{target.floor:g}{unit}",
            "" if target.goal is None else f"{sign}{target.goal:g}{unit}",
            "" if self.value is None else number(self.value) + unit,
            *spread,
            str(len(self.values)) if self.values else "",
            self.reached,
            busy,
            self.beside,
        )


@dataclass(slots=True)
class Laps:
    """What one contender took in each lap, in the order of the laps."""

    done: list[int] = field(default_factory=list)
    """Messages answered, frames delivered, and so on."""
    wall_s: list[float] = field(default_factory=list)
    server_s: list[float] = field(default_factory=list)
    """CPU time of the server's process."""
    generator_percent: list[float] = field(default_factory=list)

    def add(self, interval: Interval, done: int) -> None:
        """Another lap."""
        self.done.append(done)
        self.wall_s.append(interval.wall_s)
        self.server_s.append(interval.server_s)
        self.generator_percent.append(interval.generator_percent)

    def rates(self) -> list[float]:
        """How many were done in a second."""
        return [done / wall_s for done, wall_s in zip(self.done, self.wall_s, strict=True)]

    def server_percent(self) -> list[float]:
        """How busy the server's process was, in % of a core."""
        return [100 * server_s / wall_s for server_s, wall_s in zip(self.server_s, self.wall_s, strict=True)]

    def cpu_us(self) -> list[float]:
        """The server's CPU time for one of them, in microseconds."""
        return [1e6 * server_s / done for done, server_s in zip(self.done, self.server_s, strict=True)]


def ratios(above: Iterable[float], below: Iterable[float]) -> list[float]:
    """The pairs of a run as ratios."""
    return [first / second for first, second in zip(above, below, strict=True)]


def number_of(values: Sequence[float]) -> str:
    """The median as text."""
    return number(statistics.median(values))


def not_measured(targets: Iterable[Target], why: str) -> list[Finding]:
    """Lines that say why there is no figure."""
    return [Finding(target, (), why) for target in targets]


def warnings_of(findings: Iterable[Finding]) -> list[str]:
    """A sentence for each figure that may be the load generator's own."""
    return [
        f"row {found.target.row}, {found.target.figure}: the load generator was busy for "
        f"{found.generator_percent:.0f} % of its core, so the figure may be its own"
        for found in findings
        if found.doubtful
    ]


def plain(findings: Sequence[Finding]) -> str:
    """The table as aligned text."""
    return aligned(COLUMNS, [found.cells() for found in findings], right=_RIGHT)


def markdown(findings: Sequence[Finding]) -> str:
    """The table as Markdown; what was missed is bold."""
    rows = [
        tuple("**MISSED**" if cell == "MISSED" else cell.replace(" %", "\u00a0%") for cell in found.cells())
        for found in findings
    ]
    return markdown_table(COLUMNS, rows, right=_RIGHT)


def values(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """The same for programs: all values of all pairs, unrounded."""
    return [
        {
            "row": found.target.row,
            "figure": found.target.figure,
            "unit": found.target.unit,
            "floor": found.target.floor,
            "goal": found.target.goal,
            "lower_is_better": found.target.lower,
            "value": found.value,
            "values": list(found.values),
            "reached": found.reached,
            "generator_percent": found.generator_percent,
            "beside": found.beside,
        }
        for found in findings
    ]


def put_into(file: Path, text: str) -> None:
    """Replace what stands between ``BEGIN`` and ``END`` in a Markdown file."""
    before, _, rest = file.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    file.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")
