"""``live``: a large room with live results, and votes that come in steadily, whether or not the server keeps up.

Votes are due at random instants (a Poisson process with a fixed seed); a voter who was sent late is still counted from
the due instant, so that a stall is not hidden by the votes that it held back ("coordinated omission").

The age of a screen: for every vote and every watched screen, the instant at which this screen first got a tally with
``as_of`` at or above the vote's log index, minus the instant at which the vote was due. It is thus the whole way from
one person's tap to another person's screen: the vote's way in, its fsync, the wait for the next tick and the fan-out.
Watched are evenly chosen screens; the load and the frames are those of all of them.

The server's CPU time per frame is all that it used between the first due instant and the last, divided by all frames
that clients received in that time: taking in the votes and writing the log are part of it.
"""

import asyncio
import itertools
import random
import time
from array import array

from bench.expected import BenchError, check_indexes, check_tally, counts_of
from bench.meter import Meter
from bench.process import Place
from bench.server import HostedRoom, running
from bench.sizes import Sizes
from bench.stats import percentile, screen_ages
from bench.table import Row
from bench.voters import PAUSE_S, Crowd, Voter, crowd_of

NAME = "live"
OPTIONS = 4
SEED = 20_260_101
WARM_UP = 20
"""Voters who come and go before memory is measured, so that what is allocated only once is not counted per socket."""


def arrivals(*, per_s: float, during_s: float, seed: int) -> list[float]:
    """Seconds from the start at which votes are due: a Poisson process, the same one for the same arguments."""
    chance = random.Random(seed)
    due: list[float] = []
    at = chance.expovariate(per_s)
    while at < during_s:
        due.append(at)
        at += chance.expovariate(per_s)
    return due


async def run(place: Place, sizes: Sizes) -> list[Row]:
    """The figures of this scenario."""
    due = arrivals(per_s=sizes.live_votes_per_s, during_s=sizes.live_s, seed=SEED)
    if not due:
        raise BenchError("No vote falls into so short a time: ask for more seconds or more votes.")
    async with running(place, NAME) as server:
        room = await server.create_room("Live")
        question = await room.ask(OPTIONS, revealed=True)
        async with crowd_of(WARM_UP, port=server.port, code=room.code):
            pass
        await asyncio.sleep(PAUSE_S)
        without = server.usage().rss_bytes
        async with crowd_of(sizes.live_sockets, port=server.port, code=room.code) as crowd:
            await crowd.until_shown(question, 1, revealed=True)
            rss_per_socket = (server.usage().rss_bytes - without) / sizes.live_sockets
            _, before = await room.result(question)
            crowd.begin_round()
            crowd.watching = True
            screens = crowd.sample(sizes.live_screens)
            frames = crowd.frames
            meter = Meter(server.usage())
            late = await _vote(crowd, question, due)
            interval, frames = meter.stop(server.usage()), crowd.frames - frames
            await crowd.until_answered()
            await crowd.until_on_screens(screens)
            await _check(room, crowd, question, before)
    ages = _ages(crowd, screens)
    return [
        Row(NAME, "sockets", sizes.live_sockets),
        Row(NAME, "votes sent", len(due) / interval.wall_s, "per s"),
        Row(NAME, "votes sent late, p99", 1000 * percentile(late, 99), "ms"),
        Row(NAME, "answer p50", 1000 * percentile(crowd.latencies, 50), "ms"),
        Row(NAME, "answer p99", 1000 * percentile(crowd.latencies, 99), "ms"),
        Row(NAME, "screen age p50", 1000 * percentile(ages, 50), "ms"),
        Row(NAME, "screen age p99", 1000 * percentile(ages, 99), "ms", 500),
        Row(NAME, "screens watched", len(screens)),
        Row(NAME, "frames delivered", frames / interval.wall_s, "per s"),
        Row(NAME, "server CPU per frame", 1e6 * interval.server_s / max(1, frames), "µs"),
        Row(NAME, "server memory per socket", rss_per_socket / 1024, "KiB"),
        Row(NAME, "votes to send again", crowd.unknown.total()),
        *interval.rows(NAME),
    ]


async def _vote(crowd: Crowd, question: str, due: list[float]) -> list[float]:
    """Send the votes when they are due, the voters taking turns; by how much each was late."""
    late = []
    turns = itertools.cycle(crowd.voters)
    begun_at = time.perf_counter()
    for number, offset in enumerate(due):
        due_at = begun_at + offset
        if (wait_s := due_at - time.perf_counter()) > 0:
            crowd.check()
            await asyncio.sleep(wait_s)
        late.append(max(0.0, time.perf_counter() - due_at))
        next(turns).vote(question, 1, number % OPTIONS, due_at=due_at)
    return late


async def _check(room: HostedRoom, crowd: Crowd, question: str, before: int) -> None:
    expected = counts_of(crowd.choices(), OPTIONS)
    found, head = await room.result(question)
    check_tally(f"{NAME}, the host's view", expected=expected, counts=found.counts, voters=found.voters)
    check_indexes(NAME, crowd.indexes, before=before, head=head)
    if crowd.final is None:
        raise BenchError(f"{NAME}: no screen ever showed a result.")
    final = crowd.final
    check_tally(f"{NAME}, the screens", expected=expected, counts=final.counts, voters=final.voters)


def _ages(crowd: Crowd, screens: list[Voter]) -> "array[float]":  # subscriptable from Python 3.12 on
    votes = sorted(zip(crowd.indexes, crowd.due_at, strict=True))
    ages: array[float] = array("d")
    for screen in screens:
        ages.extend(screen_ages(votes, screen.frames_at, screen.frames_as_of))
    return ages
