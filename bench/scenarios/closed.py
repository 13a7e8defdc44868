"""``closed``: every voter changes the answer again as soon as it is recorded, and results are hidden.

This is the most that the write path can take: there is always one vote of each socket under way, and no fan-out. A
closed loop slows down with the server, so its latencies are those of saturation and say nothing about an open room.
"""

import asyncio
import itertools
import time

from bench.expected import check_indexes, check_tally, counts_of
from bench.meter import Meter
from bench.process import Place
from bench.server import running
from bench.sizes import Sizes
from bench.stats import percentile
from bench.table import Row
from bench.voters import Voter, crowd_of

NAME = "closed"
OPTIONS = 4


async def run(place: Place, sizes: Sizes) -> list[Row]:
    """The figures of this scenario."""
    async with running(place, NAME) as server:
        room = await server.create_room("Closed")
        question = await room.ask(OPTIONS, revealed=False)
        async with crowd_of(sizes.closed_sockets, port=server.port, code=room.code) as crowd:
            await crowd.until_shown(question, 1, revealed=False)
            _, before = await room.result(question)
            choices = itertools.cycle(range(OPTIONS))

            def vote(voter: Voter) -> None:
                voter.vote(question, 1, next(choices), due_at=time.perf_counter())

            crowd.on_recorded = vote
            meter = Meter(server.usage())
            for voter in crowd.voters:
                vote(voter)
            ends_at = time.perf_counter() + sizes.closed_s
            while (left_s := ends_at - time.perf_counter()) > 0:
                crowd.check()
                await asyncio.sleep(min(left_s, 0.2))
            interval, durable = meter.stop(server.usage()), len(crowd.latencies)
            crowd.on_recorded = None
            await crowd.until_answered()
            found, head = await room.result(question)
            expected = counts_of(crowd.choices(), OPTIONS)
            check_tally(f"{NAME}, the host's view", expected=expected, counts=found.counts, voters=found.voters)
            check_indexes(NAME, crowd.indexes, before=before, head=head)
    return [
        Row(NAME, "sockets", sizes.closed_sockets),
        Row(NAME, "durable votes", durable / interval.wall_s, "per s"),
        Row(NAME, "answer p50", 1000 * percentile(crowd.latencies, 50), "ms"),
        Row(NAME, "answer p99", 1000 * percentile(crowd.latencies, 99), "ms"),
        Row(NAME, "server CPU per durable vote", 1e6 * interval.server_s / max(1, durable), "µs"),
        Row(NAME, "votes to send again", crowd.unknown.total()),
        *interval.rows(NAME),
    ]
