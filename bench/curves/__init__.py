"""What things cost as they grow: each curve is a measurement at a few sizes; others draw it and plan with it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bench.curves import ballots, batches, joins, sockets
from bench.points import Point
from bench.process import Place
from bench.sizes import Sizes


@dataclass(frozen=True, slots=True)
class Curve:
    """``ladder`` are the usual sizes; ``largest`` says where it ends. ``measure`` gives the point at one size, and
    raises ``BenchError`` when votes were lost."""

    ladder: tuple[int, ...]
    largest: Callable[[Sizes], int]
    measure: Callable[[Place, Sizes, int], Awaitable[Point]]

    def steps(self, sizes: Sizes) -> list[int]:
        """The sizes to measure at, ascending: the ladder up to the largest, and this one."""
        largest = self.largest(sizes)
        return [*(step for step in self.ladder if step < largest), largest]


CURVES: dict[str, Curve] = {
    "by-ballots": Curve((10_000, 100_000, 1_000_000), lambda sizes: sizes.curve_ballots, ballots.measure),
    "by-sockets": Curve((100, 1_000, 5_000, 10_000), lambda sizes: sizes.curve_sockets, sockets.measure),
    "by-batch": Curve((1, 3, 10, 30, 100, 300, 1_000), lambda sizes: sizes.curve_votes, batches.measure),
    "by-joins": Curve((10, 50, 200), lambda sizes: sizes.curve_joins, joins.measure),
}
"""By name, in the order in which they are measured."""
