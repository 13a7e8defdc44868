"""One sweeper pings everybody, instead of a timer for each socket, and lets go of those who have vanished."""

import asyncio

from livevote.live.registry import Registry

INTERVAL_S = 20.0
"""A phone that vanished is noticed after one to two intervals; proxies cut silent connections after 60 s."""
_SLICE = 200

PING = b"\x89\x00"
"""An empty ping frame (RFC 6455 section 5.5.2), the same for everybody."""


async def sweep(registry: Registry, *, interval_s: float = INTERVAL_S) -> None:
    """Ping every subscriber each ``interval_s`` and close those that were silent for a whole one. Runs forever."""
    while True:
        await asyncio.sleep(interval_s)
        everybody = [one for room in registry.all() for one in room.channel.subscribers()]
        for number, subscriber in enumerate(everybody):
            if not subscriber.alive:
                subscriber.leave_with("timed_out")
                continue
            subscriber.alive = False
            if not subscriber.writing:
                subscriber.send(PING)
            if number % _SLICE == _SLICE - 1:
                await asyncio.sleep(0)
