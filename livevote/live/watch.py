"""Shows hosts how their rooms are doing also where nothing else happens, such as when the disk hangs."""

import asyncio

from livevote.live.registry import Registry

INTERVAL_S = 2.0


async def watch(registry: Registry, *, interval_s: float = INTERVAL_S) -> None:
    """Look at every room that has a host on a page, each ``interval_s``. Runs forever."""
    while True:
        await asyncio.sleep(interval_s)
        for room in registry.all():
            room.show_health()
