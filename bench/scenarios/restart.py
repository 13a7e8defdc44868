"""``restart``: how long after a stop the room is back, with a log of many ballots.

The log is made by the project's own rules and adapter, so it is one that a server could have written. Measured from the
start of the process: until ``/healthz`` says 200, and until a voter who joins then sees the right tally.
"""

import asyncio
import time

from bench import large_log
from bench.expected import BenchError, check_tally
from bench.http import api, exchange, page, upgrade
from bench.meter import Meter
from bench.process import Place, Usage
from bench.server import Server, running
from bench.sizes import Sizes
from bench.stats import percentile
from bench.table import Row
from bench.wire import State, from_server
from livevote.config import Config

NAME = "restart"
STARTS = 3
"""The first start finds the log in the page cache of the process that wrote it, so all of them are warm."""

READY_S = 120
POLL_S = 0.005


async def run(place: Place, sizes: Sizes) -> list[Row]:
    """The figures of this scenario."""
    config = Config(data=place.directory / NAME)
    begun_at = time.perf_counter()
    expected = await large_log.write(config, sizes.ballots)
    wrote_s = time.perf_counter() - begun_at
    size_bytes = config.database.stat().st_size
    healthy_s, right_s, rss_bytes = [], [], []
    starts = []
    for _ in range(STARTS):
        meter = Meter(Usage(cpu_s=0, rss_bytes=0))
        async with running(place, NAME) as server:
            await until_healthy(server)
            healthy_s.append(time.perf_counter() - server.spawned_at)
            await see_tally(server, expected)
            right_s.append(time.perf_counter() - server.spawned_at)
            rss_bytes.append(server.usage().rss_bytes)
            starts.append(meter.stop(server.usage()))
    noisiest = max(starts, key=lambda start: start.others_s)
    return [
        Row(NAME, "ballots in the log", sizes.ballots),
        Row(NAME, "log on disk", size_bytes / (1 << 20), "MiB"),
        Row(NAME, "ballots written by the bench", sizes.ballots / wrote_s, "per s"),
        Row(NAME, f"start to healthy, median of {STARTS}", percentile(healthy_s, 50), "s", 5),
        Row(NAME, f"start to right tally, median of {STARTS}", percentile(right_s, 50), "s"),
        Row(
            NAME, f"server CPU of a start, median of {STARTS}", percentile([each.server_s for each in starts], 50), "s"
        ),
        Row(NAME, "server memory after start", max(rss_bytes) / (1 << 20), "MiB"),
        *noisiest.rows(NAME),
    ]


async def until_healthy(server: Server) -> None:
    """Wait until ``/healthz`` says 200."""
    ends_at = time.perf_counter() + READY_S
    while time.perf_counter() < ends_at:
        try:
            async with asyncio.timeout(READY_S):
                reply, connection = await exchange(server.port, api(server.port, "GET", "/healthz"))
        except (OSError, ValueError):
            await asyncio.sleep(POLL_S)
            continue
        connection.close()
        if reply.status == 200:
            return
        await asyncio.sleep(POLL_S)
    raise BenchError(f"{NAME}: the server was not healthy within {READY_S} s.")


async def see_tally(server: Server, expected: tuple[int, ...]) -> None:
    """Join as a voter and compare the first result on the screen."""
    try:
        async with asyncio.timeout(READY_S):
            reply, connection = await exchange(server.port, page(server.port, large_log.CODE))
            connection.close()
            reply, connection = await exchange(server.port, upgrade(server.port, large_log.CODE, reply.cookies()))
            connection.close()
        state = from_server.decode(reply.body)
    except (OSError, ValueError) as error:
        raise BenchError(f"{NAME}: a voter could not join after the start: {error or 'time-out'}.") from error
    if not isinstance(state, State) or state.tally is None:
        raise BenchError(f"{NAME}: the first frame after the start shows no result.")
    check_tally(NAME, expected=expected, counts=state.tally.counts, voters=state.tally.voters)
