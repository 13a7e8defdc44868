"""``by-joins``: people who come in, by how many of them do so at once.

A join is what a phone does: the page on a connection of its own, then the socket, up to its first message.
"""

from functools import partial
from statistics import median

from bench.contest import OPTIONS
from bench.http import page, upgrade
from bench.lines import Lines
from bench.meter import Meter
from bench.points import Point
from bench.process import Place
from bench.reach import Laps
from bench.server import running
from bench.sizes import Sizes
from bench.stats import percentile


async def measure(place: Place, sizes: Sizes, size: int) -> Point:
    """The point with ``size`` people coming in at any time."""
    laps = Laps()
    took_s: list[float] = []
    async with running(place, f"by-joins-{size}") as server:
        room = await server.create_room("Joins")
        await room.ask(OPTIONS, revealed=True)
        # The first lap is not counted: what is allocated only once would be.
        for number in range(1 + sizes.curve_runs):
            lines = Lines(server.port)
            try:
                meter = Meter(server.usage())
                took = lines.arrive(
                    sizes.joins,
                    at_once=size,
                    page=page(server.port, room.code),
                    upgrade_with=partial(upgrade, server.port, room.code),
                    greeted=True,
                )
                if number:
                    laps.add(meter.stop(server.usage()), sizes.joins)
                    took_s.extend(took)
            finally:
                lines.close()
            await room.until_empty()
    return {
        "at_once": size,
        "joins_per_s": median(laps.rates()),
        "join_p50_ms": 1000 * percentile(took_s, 50),
        "join_p99_ms": 1000 * percentile(took_s, 99),
        "cpu_per_join_us": median(laps.cpu_us()),
        "server_percent": median(laps.server_percent()),
        "generator_percent": max(laps.generator_percent),
    }
