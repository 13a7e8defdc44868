"""``joins``: a hall full of people scans the code at once.

A join is what a phone does: the page on one connection, with a new session and compression, then the socket on another,
up to its first ``state``, which is when there is something to see. Sockets stay open until all have joined.
"""

import asyncio
import time
from array import array
from collections import Counter

from bench.expected import BenchError
from bench.http import exchange, page, upgrade
from bench.meter import Meter
from bench.process import Place
from bench.server import running
from bench.sizes import Sizes
from bench.stats import percentile
from bench.table import Row
from bench.wire import State, from_server

NAME = "joins"
OPTIONS = 4
JOIN_S = 30
"""A phone that has seen nothing for so long counts as refused."""


async def run(place: Place, sizes: Sizes) -> list[Row]:
    """The figures of this scenario."""
    async with running(place, NAME) as server:
        room = await server.create_room("Joins")
        await room.ask(OPTIONS, revealed=True)
        took_s: array[float] = array("d")
        refused: Counter[str] = Counter()
        sockets: list[asyncio.BaseTransport] = []
        numbers = iter(range(sizes.joins))

        async def keep_joining() -> None:
            for _ in numbers:
                begun_at = time.perf_counter()
                try:
                    async with asyncio.timeout(JOIN_S):
                        sockets.append(await _join(server.port, room.code))
                except (OSError, ValueError) as error:
                    refused[str(error) or "time-out"] += 1
                else:
                    took_s.append(time.perf_counter() - begun_at)

        meter = Meter(server.usage())
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(sizes.join_concurrency, sizes.joins)):
                    group.create_task(keep_joining())
            interval = meter.stop(server.usage())
        finally:
            for socket in sockets:
                socket.close()
        if not took_s:
            raise BenchError(f"{NAME}: nobody could join; the most frequent reason: {refused.most_common(1)[0][0]}.")
        if len(took_s) + refused.total() != sizes.joins:
            raise BenchError(f"{NAME}: {len(took_s)} joined and {refused.total()} did not, of {sizes.joins}.")
    return [
        Row(NAME, "voters", sizes.joins),
        Row(NAME, "at once", sizes.join_concurrency),
        Row(NAME, "joins", len(took_s) / interval.wall_s, "per s"),
        Row(NAME, "refused", refused.total()),
        *(Row(NAME, f"refused: {reason}"[:60], times) for reason, times in refused.most_common(3)),
        Row(NAME, "join p50", 1000 * percentile(took_s, 50), "ms"),
        Row(NAME, "join p99", 1000 * percentile(took_s, 99), "ms"),
        Row(NAME, "server CPU per join", 1000 * interval.server_s / len(took_s), "ms"),
        *interval.rows(NAME),
    ]


async def _join(port: int, code: str) -> asyncio.BaseTransport:
    reply, first = await exchange(port, page(port, code))
    first.close()
    cookies = reply.cookies()
    if reply.status != 200 or not cookies:
        raise ValueError(f"page with status {reply.status}" if reply.status != 200 else "page without a cookie")
    reply, socket = await exchange(port, upgrade(port, code, cookies))
    if reply.status != 101 or not isinstance(from_server.decode(reply.body), State):
        socket.close()
        raise ValueError(f"socket with status {reply.status}" if reply.status != 101 else "socket without a state")
    return socket
