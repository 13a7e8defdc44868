"""Rows 7 and 8: a room that votes in one instant, and a hall of ten thousand.

Both are scenarios of their own, ``burst`` and ``live``, with the sizes that the targets name; their docstrings say what
is measured.
"""

from dataclasses import replace

from bench.meter import GENERATOR_BUSY
from bench.process import Place
from bench.reach import Finding, Target
from bench.scenarios import burst, live
from bench.sizes import Sizes
from bench.table import Row, number

BURST_ANSWERS = Target(7, "1,000 voters at once: p95 of the answer", 250, 100, unit="ms", lower=True)
BURST_SCREENS = Target(7, "1,000 voters at once: all screens right", 1000, 300, unit="ms", lower=True)
ANSWERS = Target(8, "10,000 sockets and 1,000 votes/s: p99 of the answer", 150, 100, unit="ms", lower=True)
SCREENS = Target(8, "10,000 sockets and 1,000 votes/s: p99 of a screen's age", 1500, 1000, unit="ms", lower=True)
TARGETS = (BURST_ANSWERS, BURST_SCREENS, ANSWERS, SCREENS)
WATCHED = 100
"""Screens whose ages are taken: a hundred of them see each of 20,000 votes."""


async def run(place: Place, sizes: Sizes) -> list[Finding]:
    """What these two scenarios found: one value for each target."""
    at_once = await burst.run(place, sizes)
    hall = replace(
        sizes,
        live_sockets=sizes.hall_sockets,
        live_votes_per_s=sizes.hall_votes_per_s,
        live_s=sizes.hall_s,
        live_screens=min(WATCHED, sizes.hall_sockets),
    )
    steady = await live.run(place, hall)
    rounds = f"{sizes.burst_voters:,} voters, {sizes.burst_rounds} rounds"
    crowd = f"{sizes.hall_sockets:,} sockets, {sizes.hall_votes_per_s:,} votes/s for {sizes.hall_s} s"
    sent_late = f"votes sent late p99 {number(_value(steady, 'votes sent late, p99'))} ms"
    cpu = f"{number(_value(steady, 'server CPU per frame'))} µs of CPU a frame"
    return [
        _finding(BURST_ANSWERS, at_once, "answer p95", rounds),
        _finding(BURST_SCREENS, at_once, "all screens right, slowest round", "the slowest round"),
        _finding(ANSWERS, steady, "answer p99", f"{crowd}; {sent_late}"),
        _finding(SCREENS, steady, "screen age p99", cpu),
    ]


def _finding(target: Target, rows: list[Row], figure: str, beside: str) -> Finding:
    return Finding(target, [_value(rows, figure)], beside, _value(rows, GENERATOR_BUSY))


def _value(rows: list[Row], figure: str) -> float:
    return next(float(row.value) for row in rows if row.figure == figure)
