"""The leaf hashes that proofs are made from: read from the log once, and kept as long as they are asked for.

After a round a whole room asks for its ballots at once, and they lie in a few blocks. The records behind a leaf never
change, not even where an answer is erased, so what is kept is never stale.
"""

import asyncio
from collections.abc import Mapping

from livevote.domain.audit import leaf
from livevote.failures import CorruptError
from livevote.log import Reader

_LEAF_BYTES = 32


class Leaves:
    """The leaves of all rooms. Keeps the ``blocks`` that were asked for last, 8 KiB each, and reads under ``reads``."""

    def __init__(self, *, log: Reader, blocks: int, reads: asyncio.Semaphore) -> None:
        self._log = log
        self._blocks = blocks
        self._reads = reads
        self._kept: dict[tuple[str, range], bytes] = {}
        """In the order in which they were asked for last."""

    async def get(self, room: str, places: range) -> Mapping[int, bytes]:
        """The leaves at these positions (from 0) of the room's log, by position.

        Raises ``FailureError`` where the log cannot be read or does not have them.
        """
        key = (room, places)
        if key not in self._kept:
            async with self._reads:
                if key not in self._kept:  # whoever came first has read it meanwhile
                    self._kept[key] = await self._read(room, places)
        block = self._kept[key] = self._kept.pop(key)
        while len(self._kept) > self._blocks:
            del self._kept[next(iter(self._kept))]
        return {
            place: block[start : start + _LEAF_BYTES]
            for place, start in zip(places, range(0, len(block), _LEAF_BYTES), strict=True)
        }

    async def _read(self, room: str, places: range) -> bytes:
        found: list[bytes] = []
        async for entries in self._log.read(room, after=places.start, upto=places.stop):
            found += [leaf(entry.body) for entry in entries]
        if len(found) != len(places):
            raise CorruptError(f"The log of room {room} has lost records after {places.start}. Restore a backup.")
        return b"".join(found)
