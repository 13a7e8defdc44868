"""``by-batch``: durable votes by how many of them share an fsync.

Whenever a vote is answered, the voter whose turn it is sends the next one, with results hidden: always as many votes
are under way, and what arrives during one fsync is the next batch. How large batches then are is what the server
itself counts. In a closed loop, the mean time of an answer follows from the rate. Voters take turns, because nobody
may change a ballot without end.
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
    async with contest(place, [], sockets=max(size, sizes.race_sockets), revealed=False) as contenders:
        voters = contenders[LIVEVOTE]
        voters.race(WARM_UP_S, under_way=size)()
        server = voters.process
        assert isinstance(server, Server)
        before = await server.written()
        for _ in range(sizes.curve_runs):
            voters.lap(partial(voters.race, sizes.lap_s, under_way=size))
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
