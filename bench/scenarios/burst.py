"""``burst``: the host opens a question with live results, and everybody votes in the same instant.

All votes are due at one instant and counted from it, so the time that the load generator needs to send them is part of
every figure. A screen is right when it shows a tally that holds all votes. One crowd does this for several rounds: the
answers of all rounds are pooled, and of the screens the slowest round is reported.
"""

import time

from bench.expected import BenchError, check_indexes, check_tally, counts_of
from bench.meter import Meter
from bench.process import Place
from bench.server import HostedRoom, running
from bench.sizes import Sizes
from bench.stats import first_at, percentile
from bench.table import Row
from bench.voters import Crowd, crowd_of

NAME = "burst"
OPTIONS = 4


async def run(place: Place, sizes: Sizes) -> list[Row]:
    """The figures of this scenario."""
    async with running(place, NAME) as server:
        room = await server.create_room("Burst")
        async with crowd_of(sizes.burst_voters, port=server.port, code=room.code) as crowd:
            crowd.watching = True
            question = await room.ask(OPTIONS, revealed=True)
            latencies: list[float] = []
            screens_s: list[float] = []
            busy = []
            for number in range(1, sizes.burst_rounds + 1):
                if number > 1:
                    await room.ask_again(question, revealed=True)
                await crowd.until_shown(question, number, revealed=True)
                crowd.begin_round()
                meter = Meter(server.usage())
                screens_s.append(await _round(room, crowd, question, number))
                busy.append(meter.stop(server.usage()))
                latencies += crowd.latencies
    slowest = max(busy, key=lambda interval: interval.generator_percent)
    return [
        Row(NAME, "voters", sizes.burst_voters),
        Row(NAME, "rounds", sizes.burst_rounds),
        Row(NAME, "answer p50", 1000 * percentile(latencies, 50), "ms"),
        Row(NAME, "answer p95", 1000 * percentile(latencies, 95), "ms", 250),
        Row(NAME, "answer p99", 1000 * percentile(latencies, 99), "ms"),
        Row(NAME, "all screens right, median round", 1000 * percentile(screens_s, 50), "ms"),
        Row(NAME, "all screens right, slowest round", 1000 * max(screens_s), "ms"),
        Row(NAME, "votes to send again", crowd.unknown.total()),
        *slowest.rows(NAME),
    ]


async def _round(room: HostedRoom, crowd: Crowd, question: str, number: int) -> float:
    """Everybody votes once; seconds until all screens are right."""
    _, before = await room.result(question)
    due_at = time.perf_counter()
    for position, voter in enumerate(crowd.voters):
        voter.vote(question, number, position % OPTIONS, due_at=due_at)
    await crowd.until_answered()
    await crowd.until_on_screens(crowd.voters)
    last = max(crowd.indexes)
    shown_at = [first_at(voter.frames_at, voter.frames_as_of, last) for voter in crowd.voters]
    right_at = max(at for at in shown_at if at is not None)

    expected = counts_of(crowd.choices(), OPTIONS)
    found, head = await room.result(question)
    check_tally(f"{NAME}, round {number}, the host's view", expected=expected, counts=found.counts, voters=found.voters)
    check_indexes(f"{NAME}, round {number}", crowd.indexes, before=before, head=head)
    if crowd.final is None:
        raise BenchError(f"{NAME}, round {number}: no screen ever showed a result.")
    final = crowd.final
    check_tally(f"{NAME}, round {number}, the screens", expected=expected, counts=final.counts, voters=final.voters)
    return right_at - due_at
