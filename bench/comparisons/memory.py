"""Row 5: what an idle socket costs in memory.

Resident memory of the server's process with all voters connected and nothing to do, minus without any, for each of
them; before, a few voters come and go, so that what is allocated only once is not counted. Then all leave, and as many
come again: a server that leaks, or cannot use its memory again, shows it there.
"""

import asyncio

from bench.contest import OPTIONS, join
from bench.lines import Lines
from bench.peers import TORNADO, WS, Peer
from bench.process import Place, started
from bench.reach import Finding, Target
from bench.server import running
from bench.sizes import Sizes

NAME = "memory"
FIRST = Target(5, "RSS of an idle socket", 10, 5, unit="KB", lower=True)
AGAIN = Target(5, "RSS of an idle socket, after as many came and went", 10, 5, unit="KB", lower=True)
TARGETS = (FIRST, AGAIN)
WARM_UP = 50
PAUSE_S = 0.3


async def run(place: Place, sizes: Sizes) -> list[Finding]:
    """What this comparison found."""
    sockets = sizes.idle_sockets
    async with running(place, NAME) as server:
        room = await server.create_room("Memory")
        await room.ask(OPTIONS, revealed=True)

        async def crowd(number: int) -> int:
            lines = Lines(server.port)
            try:
                join(lines, room, number)
                rss_bytes = server.usage().rss_bytes
            finally:
                lines.close()
            await room.until_empty()
            return rss_bytes

        await crowd(WARM_UP)
        without = server.usage().rss_bytes
        first = await crowd(sockets)
        left = server.usage().rss_bytes
        again = await crowd(sockets)
    beside = f"{sockets:,} sockets"
    for peer in (WS, TORNADO):
        if not peer.missing():
            beside += f"; {peer.name} {await _of_peer(place, peer, sockets):.1f} KB"
    return [
        Finding(FIRST, [_kb(without, first, sockets)], beside),
        Finding(AGAIN, [_kb(without, again, sockets)], f"{(left - without) / 1e6:.1f} MB stayed when they had left"),
    ]


def _kb(without: int, with_them: int, sockets: int) -> float:
    return (with_them - without) / sockets / 1000


async def _of_peer(place: Place, peer: Peer, sockets: int) -> float:
    async with started(peer.command(), place=place, name=peer.name) as process:
        lines = Lines(process.port)
        lines.gather(WARM_UP)
        lines.close()
        # A peer has nobody to ask whether it has noticed; these few are soon dealt with.
        await asyncio.sleep(PAUSE_S)
        without = process.usage().rss_bytes
        try:
            lines.gather(sockets)
            return _kb(without, process.usage().rss_bytes, sockets)
        finally:
            lines.close()
