"""A notary in small: where each room's log ended, noted outside the database, and checked at a start (I7).

Apart from the rest so that a real notary can take its place: ``Notary.run`` beside the writer, ``Notary.check`` before
anybody is served, ``newest`` for the operator of the simulation.
"""

import asyncio

import msgspec

from livevote.failures import CorruptError
from livevote.live.registry import Registry
from livevote.log import Head
from tests.simulation.disk import Disk
from tests.simulation.log import SimulatedLog
from tests.simulation.world import Process

INTERVAL_S = 1.0


class Anchor(msgspec.Struct, frozen=True):
    """A room's log had this chain value at this size."""

    room: str
    size: int
    chain: bytes


_anchors = msgspec.msgpack.Decoder(list[Anchor])


def newest(disk: Disk) -> dict[str, Anchor]:
    """The last anchor of every room."""
    return {anchor.room: anchor for frame in disk.anchors.frames() for anchor in _anchors.decode(frame)}


class Notary:
    """Notes durable heads, at most once a second."""

    def __init__(self, disk: Disk, process: Process, log: SimulatedLog, registry: Registry) -> None:
        self._disk = disk
        self._process = process
        self._log = log
        self._registry = registry
        self._noted = {room: anchor.size for room, anchor in newest(disk).items()}
        disk.anchors.mend()

    async def check(self) -> None:
        """Raise ``CorruptError`` unless the log contains the newest anchors."""
        for room, anchor in newest(self._disk).items():
            async for entries in self._log.read(room, after=anchor.size - 1, upto=anchor.size):
                if entries[0].chain == anchor.chain:
                    break
            else:
                raise CorruptError(f"room {room}: the log does not contain its anchor at {anchor.size}")

    async def run(self) -> None:
        """Note every second what is durable and was not noted yet."""
        while True:
            await asyncio.sleep(INTERVAL_S)
            heads = {room.code: await self._log.head(room.code) for room in self._registry.all()}
            moved = {room: head for room, head in heads.items() if head.index > self._noted.get(room, 0)}
            if moved:
                await self._note(moved)

    async def _note(self, heads: dict[str, Head]) -> None:
        try:
            self._disk.anchors.append(
                msgspec.msgpack.encode([Anchor(room, head.index, head.chain) for room, head in heads.items()])
            )
            await self._disk.anchors.sync(self._process)
        except OSError:
            # The next second tries again. Whether the server goes on is for the log to decide.
            self._disk.anchors.mend()
            return
        self._noted |= {room: head.index for room, head in heads.items()}
