"""What a measured interval cost on both sides of the wire."""

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.process import Usage
from bench.table import Row, number

GENERATOR_BUSY = "load generator busy"
OTHERS_BUSY = "other programs busy"

TICKS_PER_S = os.sysconf("SC_CLK_TCK")

BUSY_PERCENT = 90.0
"""From here on the load generator may be what is measured."""

OTHERS_PERCENT = 25.0
"""From here on other programs may be what is measured: the kernel's own threads stay well below."""


def read_busy_s(stat: str, *, ticks_per_s: int) -> float:
    """The CPU time that all cores together have spent on anything, by the text of a ``/proc/stat``.

    Time that the hypervisor gave to other machines ("steal") is in it: it was not there for the server either.
    """
    user, nice, system, _idle, _iowait, *rest = (int(field) for field in stat.partition("\n")[0].split()[1:9])
    return (user + nice + system + sum(rest)) / ticks_per_s


def _busy_s() -> float:
    return read_busy_s(Path("/proc/stat").read_text(), ticks_per_s=TICKS_PER_S)


@dataclass(frozen=True, slots=True)
class Interval:
    """Wall time, and the CPU time that the server, the load generator and everything else used in it."""

    wall_s: float
    server_s: float
    generator_s: float
    others_s: float

    @property
    def generator_percent(self) -> float:
        """How busy the load generator's core was with it."""
        return 100 * self.generator_s / self.wall_s

    def rows(self, scenario: str) -> list[Row]:
        """How busy each was. A server on several cores can be above 100 %."""
        return [
            Row(scenario, "server busy", 100 * self.server_s / self.wall_s, "% of a core"),
            Row(scenario, GENERATOR_BUSY, self.generator_percent, "% of its core", BUSY_PERCENT),
            Row(scenario, OTHERS_BUSY, 100 * self.others_s / self.wall_s, "% of a core", OTHERS_PERCENT),
        ]


class Meter:
    """Begins an interval when it is made. ``server`` is what the server has used before."""

    def __init__(self, server: Usage) -> None:
        self._server_s = server.cpu_s
        self._generator_s = time.process_time()
        self._busy_s = _busy_s()
        self._at = time.perf_counter()

    def stop(self, server: Usage) -> Interval:
        """The interval up to now. ``server`` is what the server has used by now."""
        wall_s = time.perf_counter() - self._at
        generator_s = time.process_time() - self._generator_s
        server_s = server.cpu_s - self._server_s
        # The counters tick separately, so a short interval may come out a little below nothing.
        others_s = max(0.0, _busy_s() - self._busy_s - server_s - generator_s)
        return Interval(wall_s, server_s, generator_s, others_s)


def doubts(rows: Iterable[Row]) -> list[str]:
    """A sentence for each interval in which something else than the server may have been measured."""
    sentences = []
    for row in rows:
        if row.missed and row.figure == GENERATOR_BUSY:
            sentences.append(
                f"{row.scenario}: the load generator was busy for {number(row.value)} % of its core, "
                "so the figures may be its own"
            )
        if row.missed and row.figure == OTHERS_BUSY:
            sentences.append(
                f"{row.scenario}: other programs were busy for {number(row.value)} % of a core, "
                "so the figures may be worse than on a quiet machine"
            )
    return sentences
