"""``by-sockets``: what a room costs as it fills.

First the server's memory when all have come. Then fan-outs, each after a quiet time that is longer than any tick: one
voter votes, and it is over when everybody has the new result; the vote and its fsync are in it. Then steady votes with
live results, whose answers are timed from the instant at which each vote was due.
"""

from statistics import median

from bench.contest import LIVEVOTE, RECORDED, check_votes, contest
from bench.expected import BenchError
from bench.meter import Meter
from bench.points import Point
from bench.process import Place
from bench.reach import Laps
from bench.scenarios.live import SEED, arrivals
from bench.sizes import Sizes
from bench.stats import percentile
from livevote.live.hub import MAX_TICK_S


async def measure(place: Place, sizes: Sizes, size: int) -> Point:
    """The point of a room with ``size`` sockets."""
    due = arrivals(per_s=sizes.live_votes_per_s, during_s=sizes.live_s, seed=SEED)
    if not due:
        raise BenchError("No vote falls into so short a time: ask for more seconds or more votes.")
    fan_outs, answers = Laps(), Laps()
    async with contest(place, [], sockets=size, revealed=True) as contenders:
        room = contenders[LIVEVOTE]
        rss_bytes = room.process.usage().rss_bytes
        room.vote_and_show()
        for _ in range(sizes.fan_outs):
            room.lines.settle(MAX_TICK_S)
            meter = Meter(room.process.usage())
            room.vote_and_show()
            fan_outs.add(meter.stop(room.process.usage()), size)
        room.lines.settle(MAX_TICK_S)
        meter = Meter(room.process.usage())
        took_s = room.lines.steady(room.votes, due, answer=RECORDED)
        answers.add(meter.stop(room.process.usage()), len(due))
        room.lines.settle(MAX_TICK_S)
        await check_votes(room)
    return {
        "sockets": size,
        "fan_out_ms": 1000 * median(fan_outs.wall_s),
        "slowest_fan_out_ms": 1000 * max(fan_outs.wall_s),
        "cpu_per_frame_us": median(fan_outs.cpu_us()),
        "answer_p50_ms": 1000 * percentile(took_s, 50),
        "answer_p99_ms": 1000 * percentile(took_s, 99),
        "votes_per_s": sizes.live_votes_per_s,
        "memory_mib": rss_bytes / (1 << 20),
        "server_percent": answers.server_percent()[0],
        "generator_percent": max(*fan_outs.generator_percent, *answers.generator_percent),
    }
