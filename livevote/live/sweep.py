"""One sweeper pings everybody, instead of a timer for each socket, and lets go of those who have vanished."""

import asyncio
from itertools import count

from livevote.live.registry import Registry
from livevote.live.vitals import SAMPLE

INTERVAL_S = 20.0
"""A phone that vanished is noticed after one to two intervals; proxies cut silent connections after 60 s."""
_SLICE = 200

PING = b"\x89\x00"
"""An empty ping frame (RFC 6455 section 5.5.2), the same for nearly everybody."""


async def sweep(registry: Registry, *, interval_s: float = INTERVAL_S) -> None:
    """Ping every subscriber each ``interval_s`` and close those that were silent for a whole one. Runs forever.

    Of each room's voters a few get a ping that is measured, others in every sweep.
    """
    for turn in count():
        await asyncio.sleep(interval_s)
        pinged = count(1)
        for room in registry.all():
            voters = room.channel.subscribers("voter")
            every = -(-len(voters) // SAMPLE) or 1
            for place, subscriber in enumerate(
                [*voters, *room.channel.subscribers("wall"), *room.channel.subscribers("host")]
            ):
                if not subscriber.alive:
                    subscriber.leave_with("timed_out")
                    continue
                subscriber.alive = False
                if not subscriber.writing:
                    measured = place < len(voters) and (place + turn) % every == 0
                    subscriber.send(room.vitals.ping(subscriber) if measured else PING)
                if next(pinged) % _SLICE == 0:
                    await asyncio.sleep(0)
