"""Row 9: what clients that have stopped reading do to the others.

Voters vote steadily and see the result move. In every other lap, one client in ten is one that never reads. A kernel
takes a while for such a client; so before the lap begins, the host shows and hides the result until nothing more fits
in. After the lap these clients leave, before the server's ping could end them.
"""

import asyncio
import time
from pathlib import Path

from bench.contest import RECORDED, join
from bench.expected import BenchError
from bench.frames import Votes
from bench.http import page, upgrade
from bench.lines import Lines
from bench.meter import Meter
from bench.process import Place
from bench.reach import Finding, Laps, Target, number_of, ratios
from bench.scenarios.live import SEED, arrivals
from bench.server import HostedRoom, running
from bench.sizes import Sizes
from bench.stats import percentile

NAME = "stalled"
TARGET = Target(9, "p99 of healthy clients' answers with 10 % stalled clients ÷ without", 1.15, 1.05, lower=True)
TARGETS = (TARGET,)
OPTIONS = 20
"""So many, with long names, that what a stalled client is not reading is soon more than a kernel keeps."""

FILL_S = 15
TICK_S = 0.25
"""Longer than the server waits between two fan-outs."""


async def run(place: Place, sizes: Sizes) -> list[Finding]:
    """What this comparison found."""
    stalled = sizes.stalled_sockets // 10
    due = arrivals(per_s=sizes.stalled_votes_per_s, during_s=sizes.stalled_s, seed=SEED)
    without_ms, with_ms = [], []
    laps = Laps()
    async with running(place, NAME) as server:
        room = await server.create_room("Stalled")
        options = [f"Option {number + 1}: " + "a long name " * 8 for number in range(OPTIONS)]
        question = await room.ask_about("Which of these? " * 12, options, revealed=True)
        votes = Votes(question, 1, options=4)
        healthy, deaf = Lines(server.port), Lines(server.port)

        def lap() -> float:
            meter = Meter(server.usage())
            took_s = healthy.steady(votes, due, answer=RECORDED)
            laps.add(meter.stop(server.usage()), len(took_s))
            return 1000 * percentile(took_s, 99)

        try:
            join(healthy, room, sizes.stalled_sockets - stalled)
            healthy.steady(votes, due, answer=RECORDED)
            for _ in range(sizes.pairs):
                healthy.settle()
                without_ms.append(lap())
                deaf.arrive(
                    stalled,
                    page=page(server.port, room.code),
                    upgrade_with=lambda cookies: upgrade(server.port, room.code, cookies),
                    deaf=True,
                )
                await _fill(room, question, healthy, server.port, stalled)
                healthy.settle()
                with_ms.append(lap())
                deaf.close()
        finally:
            healthy.close()
            deaf.close()
    beside = (
        f"{number_of(with_ms)} ms, {number_of(without_ms)} ms; {sizes.stalled_sockets - stalled:,} healthy, "
        f"{stalled:,} stalled, {sizes.stalled_votes_per_s} votes/s"
    )
    return [Finding(TARGET, ratios(with_ms, without_ms), beside, max(laps.generator_percent))]


async def _fill(room: HostedRoom, question: str, healthy: Lines, port: int, stalled: int) -> None:
    """Send the stalled clients so much that nothing more fits in. Raises ``BenchError`` when that does not happen."""
    ends_at = time.perf_counter() + FILL_S
    held = -1
    while time.perf_counter() < ends_at:
        await room.command("hide", question=question)
        await asyncio.sleep(TICK_S)
        await room.command("reveal", question=question)
        await asyncio.sleep(TICK_S)
        healthy.tend()
        queues = unread_bytes(_connections(), port)
        if len(queues) >= stalled and sum(queues) == held:
            return
        held = sum(queues)
    raise BenchError(f"After {FILL_S} s the kernel still took more for the clients that do not read.")


def _connections() -> str:
    return Path("/proc/net/tcp").read_text(encoding="ascii")


def unread_bytes(table: str, port: int) -> list[int]:
    """For each connection of the server at ``port`` that has some: the bytes that it wrote and nobody has taken yet.

    ``table`` is the text of ``/proc/net/tcp``.
    """
    found = []
    for line in table.splitlines()[1:]:
        fields = line.split()
        waiting = int(fields[4].partition(":")[0], 16)
        if fields[1].endswith(f":{port:04X}") and waiting:
            found.append(waiting)
    return found
