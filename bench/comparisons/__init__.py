"""Everything that livevote is to reach, in the order of the table: each comparison starts what it needs by itself."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bench.comparisons import arrivals, csv, echo, fanout, hall, memory, page, prashna, stalled, start
from bench.process import Place
from bench.reach import Finding, Target
from bench.sizes import Sizes


@dataclass(frozen=True, slots=True)
class Comparison:
    """What it measures, in the order of the table, and how. ``run`` raises ``BenchError`` when votes were lost."""

    targets: tuple[Target, ...]
    run: Callable[[Place, Sizes], Awaitable[list[Finding]]]


COMPARISONS: dict[str, Comparison] = {
    "echo": Comparison(echo.TARGETS, echo.run),
    "fanout": Comparison(fanout.TARGETS, fanout.run),
    "memory": Comparison(memory.TARGETS, memory.run),
    "arrivals": Comparison(arrivals.TARGETS, arrivals.run),
    "hall": Comparison(hall.TARGETS, hall.run),
    "prashna": Comparison(prashna.TARGETS, prashna.run),
    "stalled": Comparison(stalled.TARGETS, stalled.run),
    "start": Comparison(start.TARGETS, start.run),
    "csv": Comparison(csv.TARGETS, csv.run),
    "page": Comparison(page.TARGETS, page.run),
}
"""By name, in the order in which they run."""
