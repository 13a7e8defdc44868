"""What an event needs: ``python -m bench.capacity --people 10000`` works it out from measured costs.

The model adds up what joins, votes and frames cost on one core. The fan-out takes what its tick allows, at most
``1 / TICK_PER_FAN_OUT`` of the core: a larger room has longer ticks and not more frames, until a tick lasts
``MAX_TICK_S``. What does not fit into a core's useful share goes to more nodes: they divide sockets, joins, answers and
frames, and every node folds all votes. The costs come from the points that ``python -m bench curves`` measured.
"""

import argparse
import itertools
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.points import FILE, Measured, Point, load
from bench.table import number
from livevote.live.hub import MAX_TICK_S, MIN_TICK_S, SLICE_S, TICK_PER_FAN_OUT
from livevote.live.writer import MAX_BATCH

USEFUL = 0.7
"""The share of a core that is planned with: above it, waiting times grow faster than the load."""
PAGE_BYTES = 35_000
"""The voter's page and its script for receipts, compressed, and the handshake, with the headers of TCP and IP."""
CHART_BYTES = 74_000
"""Chart.js likewise, which a browser fetches before the first result and then keeps."""
FRAME_BYTES = 200
VOTE_BYTES = 200
RECEIPT_BYTES = 450
"""A frame with four options, one vote and its answer on the wire, with the headers of TCP and IP."""
PINGS_BYTES_PER_S = 6
"""A ping or a pong with its headers, every 20 s."""
_MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What one core was measured to spend on one of each."""

    join_us: float
    vote_us: tuple[tuple[float, float], ...]
    """Of one vote, by the votes in its batch: ascending pairs."""
    frame_us: float
    fold_us: float
    """Of a start, for each ballot: what a node spends on a vote that another one took in."""
    socket_bytes: float
    process_bytes: float
    ballot_bytes: float
    """In memory."""
    ballot_disk_bytes: float
    commit_ms: float


@dataclass(frozen=True, kw_only=True)
class Event:
    """How many come, in how many seconds they join, and in how many they all vote on one of so many questions."""

    people: int
    join_s: float = 60.0
    vote_s: float = 10.0
    questions: int = 10
    live: bool = True
    """Whether results are shown while people vote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What an event needs of each of ``nodes`` nodes in its busiest second; loads are shares of a core."""

    nodes: int
    sockets: int
    joins_per_s: float
    votes_per_s: float
    frames_per_s: float
    tick_s: float
    batch: float
    join_load: float
    vote_load: float
    frame_load: float
    screen_age_s: float
    memory_bytes: float
    disk_bytes: float
    out_bit_s: float
    in_bit_s: float


def costs(curves: dict[str, Measured]) -> Costs:
    """The costs that the measured points say. Raises ``KeyError`` or ``IndexError`` where a curve is missing."""
    small, large = sorted(curves["by-ballots"]["points"], key=lambda point: point["ballots"])[-2:]
    more = large["ballots"] - small["ballots"]
    ballot_bytes = _MIB * (large["memory_mib"] - small["memory_mib"]) / more
    alone = _near(curves, "by-batch", "under_way", 1)
    batches = sorted((point["batch"], point["cpu_per_vote_us"]) for point in curves["by-batch"]["points"])
    few = _near(curves, "by-sockets", "sockets", 0)
    room = _near(curves, "by-sockets", "sockets", 10_000)
    return Costs(
        join_us=_near(curves, "by-joins", "at_once", 200)["cpu_per_join_us"],
        vote_us=tuple(batches),
        frame_us=room["cpu_per_frame_us"],
        fold_us=1e6 * (large["start_s"] - small["start_s"]) / more,
        socket_bytes=_MIB * (room["memory_mib"] - few["memory_mib"]) / (room["sockets"] - few["sockets"]),
        process_bytes=_MIB * small["memory_mib"] - small["ballots"] * ballot_bytes,
        ballot_bytes=ballot_bytes,
        ballot_disk_bytes=_MIB * large["disk_mib"] / large["ballots"],
        commit_ms=alone["answer_ms"],
    )


def _near(curves: dict[str, Measured], name: str, axis: str, size: int) -> Point:
    points = curves[name]["points"]
    if not points:
        raise IndexError(f"no points of {name}")
    return min(points, key=lambda point: abs(point[axis] - size))


def vote_us(batch: float, costs: Costs) -> float:
    """CPU time of a vote in a batch of that size, by the logarithms of the measured sizes on both sides of it."""
    pairs = costs.vote_us
    if batch <= pairs[0][0]:
        return pairs[0][1]
    for (below, first), (above, second) in itertools.pairwise(pairs):
        if batch <= above:
            share = math.log(batch / below) / math.log(above / below)
            return first + share * (second - first)
    return pairs[-1][1]


def tick_s(people: int, costs: Costs) -> float:
    """How long a tick lasts for so many sockets on one node, by the rule of ``live.hub``."""
    return min(max(MIN_TICK_S, TICK_PER_FAN_OUT * people * costs.frame_us / 1e6), MAX_TICK_S)


def need(event: Event, costs: Costs) -> Need:
    """The fewest nodes whose cores are busy for no more than ``USEFUL``, and what each of them does then.

    Raises ``ValueError`` where even folding the votes of others is more than a core has: then there are too many votes
    for a room, with any number of nodes.
    """
    votes_per_s, joins_per_s = event.people / event.vote_s, event.people / event.join_s
    if votes_per_s * costs.fold_us / 1e6 > USEFUL:
        raise ValueError(
            f"{number(votes_per_s)} votes a second are more than one core can fold into a tally "
            f"({number(USEFUL * 1e6 / costs.fold_us)}): let people vote over a longer time, or in several rooms."
        )
    for nodes in range(1, event.people + 1):
        if (found := _on(nodes, event, costs, votes_per_s, joins_per_s)) is not None:
            return found
    raise ValueError("One person a node is not enough: give people more time to join and to vote.")


def _on(nodes: int, event: Event, costs: Costs, votes_per_s: float, joins_per_s: float) -> Need | None:
    here = math.ceil(event.people / nodes)
    tick = tick_s(here, costs)
    frames_per_s = here / tick if event.live else 0.0
    join_load = joins_per_s / nodes * costs.join_us / 1e6
    others = votes_per_s * (nodes - 1) / nodes
    # While one batch is written, and while a slice of a fan-out goes out, the next one gathers.
    gathering_s = costs.commit_ms / 1000 + SLICE_S * event.live
    batch = min(MAX_BATCH, max(1.0, votes_per_s / nodes * gathering_s))
    vote_load = (votes_per_s / nodes * vote_us(batch, costs) + others * costs.fold_us) / 1e6
    frame_load = frames_per_s * costs.frame_us / 1e6
    # People join before they vote, and results move while they vote.
    if max(join_load, vote_load + frame_load) > USEFUL:
        return None
    ballots = event.people * event.questions
    answers = votes_per_s / nodes * RECEIPT_BYTES
    page_bytes = PAGE_BYTES + CHART_BYTES * event.live
    pings = here * PINGS_BYTES_PER_S
    return Need(
        nodes=nodes,
        sockets=here,
        joins_per_s=joins_per_s / nodes,
        votes_per_s=votes_per_s / nodes,
        frames_per_s=frames_per_s,
        tick_s=tick,
        batch=batch,
        join_load=join_load,
        vote_load=vote_load,
        frame_load=frame_load,
        screen_age_s=costs.commit_ms / 1000 + tick + here * costs.frame_us / 1e6,
        memory_bytes=costs.process_bytes + here * costs.socket_bytes + ballots * costs.ballot_bytes,
        disk_bytes=ballots * costs.ballot_disk_bytes,
        out_bit_s=8 * (max(frames_per_s * FRAME_BYTES + answers, joins_per_s / nodes * page_bytes) + pings),
        in_bit_s=8 * (votes_per_s / nodes * VOTE_BYTES + pings),
    )


def rows(event: Event, costs: Costs) -> list[tuple[str, str]]:
    """What the command prints, as label and value."""
    found = need(event, costs)
    after = f"after {event.questions} question{'s' * (event.questions > 1)}"
    screens = [
        ("frames a second, each node", f"{number(found.frames_per_s)}, {found.frame_load:.0%} of its core"),
        ("a tick", f"{number(1000 * found.tick_s)} ms"),
        ("oldest screen", f"about {number(1000 * found.screen_age_s)} ms behind a vote"),
    ]
    return [
        ("people", f"{event.people:,}, who join within {event.join_s:g} s and vote within {event.vote_s:g} s"),
        ("nodes, one core each", f"{found.nodes:,}"),
        ("sockets, each node", f"{found.sockets:,}"),
        ("joins a second, each node", f"{number(found.joins_per_s)}, {found.join_load:.0%} of its core"),
        ("votes a second, each node", f"{number(found.votes_per_s)}, {found.vote_load:.0%} of its core"),
        ("votes in a batch", number(found.batch)),
        *(screens if event.live else ()),
        ("memory, each node", f"{number(found.memory_bytes / _MIB)} MiB {after}"),
        ("log on disk", f"{number(found.disk_bytes / _MIB)} MiB {after}"),
        (
            "network, each node",
            f"{number(found.out_bit_s / 1e6)} Mbit/s out, {number(found.in_bit_s / 1e6)} Mbit/s in",
        ),
    ]


def cost_rows(costs: Costs) -> list[tuple[str, str]]:
    """What the sums start from, as label and value."""
    return [
        ("CPU time of a join", f"{number(costs.join_us)} \u00b5s"),
        ("CPU time of a vote alone", f"{number(vote_us(1, costs))} \u00b5s"),
        ("CPU time of a vote among 100", f"{number(vote_us(100, costs))} \u00b5s"),
        ("CPU time of a frame", f"{number(costs.frame_us)} \u00b5s"),
        ("CPU time of another node's vote", f"{number(costs.fold_us)} \u00b5s"),
        ("memory of a server", f"{number(costs.process_bytes / _MIB)} MiB"),
        ("memory of a socket", f"{number(costs.socket_bytes / 1024)} KiB"),
        ("memory of a ballot", f"{number(costs.ballot_bytes)} bytes"),
        ("disk of a ballot", f"{number(costs.ballot_disk_bytes)} bytes"),
        ("answer to a lone vote", f"{number(costs.commit_ms)} ms"),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what the event needs; the exit code is 1 where no number of nodes is enough or nothing was measured."""
    parser = argparse.ArgumentParser(prog="python -m bench.capacity", description="What an event needs.")
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--join-s", type=float, default=Event.join_s, help="seconds in which all of them join")
    parser.add_argument("--vote-s", type=float, default=Event.vote_s, help="seconds in which all of them vote")
    parser.add_argument("--questions", type=int, default=Event.questions)
    parser.add_argument("--hidden", action="store_true", help="results are hidden while people vote")
    parser.add_argument("--costs", action="store_true", help="print what the sums start from, and no event")
    parser.add_argument("--file", type=Path, default=FILE, help="the points that python -m bench has kept")
    options = parser.parse_args(arguments)
    if min(options.people, options.join_s, options.vote_s) <= 0 or options.questions < 1:
        parser.error("people, seconds and questions are more than 0")
    event = Event(
        people=options.people,
        join_s=options.join_s,
        vote_s=options.vote_s,
        questions=options.questions,
        live=not options.hidden,
    )
    try:
        known = costs(load(options.file))
    except (OSError, LookupError, ValueError) as error:
        print(f"No costs in {options.file} ({error}). Measure with 'python -m bench curves' first.", file=sys.stderr)
        return 1
    try:
        lines = cost_rows(known) if options.costs else rows(event, known)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    width = max(len(label) for label, _ in lines)
    for label, value in lines:
        print(f"{label:<{width}}  {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
