"""``by-batch``: durable votes by how many of them share an fsync.

So many voters vote again as soon as they are answered, with results hidden: as many votes are under way at any time,
and what arrives during one fsync is the next batch. How large batches then are is what the server itself counts. In a
closed loop, the mean time of an answer follows from the rate.
"""

from functools import partial
from statistics import median

from bench.contest import LIVEVOTE, check_votes, contest
from bench.points import Point
from bench.process import Place
from bench.server import Server
from bench.sizes import Sizes

WARM_UP_S = 0.5


async def measure(place: Place, sizes: Sizes, size: int) -> Point:
    """The point with ``size`` votes under way."""
    async with contest(place, [], sockets=size, revealed=False) as contenders:
        voters = contenders[LIVEVOTE]
        voters.race(WARM_UP_S)()
        server = voters.process
        assert isinstance(server, Server)
        before = await server.written()
        for _ in range(sizes.curve_runs):
            voters.lap(partial(voters.race, sizes.lap_s))
        after = await server.written()
        await check_votes(voters)
    laps = voters.laps
    votes_per_s = median(laps.rates())
    return {
        "under_way": size,
        "batch": (after.records - before.records) / max(1, after.batches - before.batches),
        "votes_per_s": votes_per_s,
        "answer_ms": 1000 * size / votes_per_s,
        "cpu_per_vote_us": median(laps.cpu_us()),
        "server_percent": median(laps.server_percent()),
        "generator_percent": max(laps.generator_percent),
    }
