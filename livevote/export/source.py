"""What an export reads: one room's log up to one record, in slices.

Apart from the formats, so that the moment an export shows and the turns it leaves to others are decided in one place.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from livevote.domain.audit import GENESIS, TamperedError, check
from livevote.domain.records import Entry
from livevote.failures import CorruptError
from livevote.log import Head, Reader

SLICE = 100
"""Records between two turns of the loop: about half a millisecond of folding, and as many as a log decodes at once."""


def _nobody(records: int) -> None:
    """Whom it concerns that so many more records were read: nobody."""


async def _turn() -> None:
    await asyncio.sleep(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A room's log up to its record ``head``: what is appended later is in no file made from this."""

    reader: Reader
    room: str
    head: Head
    checkpoints: Path
    """The directory of the signed checkpoints."""
    on_read: Callable[[int], None] = _nobody
    """Told of every slice how many records it had, in each pass."""
    turn: Callable[[], Awaitable[None]] = _turn
    """Awaited after every slice, for as long as others go first."""

    @classmethod
    async def now(cls, reader: Reader, room: str, checkpoints: Path) -> "Source":
        """The log as it is at this moment."""
        return cls(reader=reader, room=room, head=await reader.head(room), checkpoints=checkpoints)

    async def replaced(self) -> "Replaced":
        """Which ballots were replaced by later ones."""
        found = Replaced(self.head.index)
        async with contextlib.aclosing(self.reader.replaced(self.room, upto=self.head.index)) as parts:
            async for indexes in parts:
                found.add(indexes)
        return found

    async def slices(self) -> AsyncGenerator[Sequence[Entry], None]:
        """One pass over the log, at most ``SLICE`` entries at a time, with a turn for everybody else after each.

        To be closed by whoever stops early, so that the reader is at rest before anything else goes on. Raises
        ``CorruptError`` at a record or an answer that is not what was sealed.
        """
        chain = GENESIS
        async with contextlib.aclosing(self.reader.read(self.room, upto=self.head.index)) as chunks:
            async for entries in chunks:
                for start in range(0, len(entries), SLICE):
                    part = entries[start : start + SLICE]
                    # Nothing false leaves under a true fingerprint: an answer lies beside what the root covers.
                    try:
                        for entry in part:
                            _, chain = check(entry, chain)
                    except TamperedError as error:
                        raise CorruptError(
                            f"The log was changed: {error}. Restore a backup; 'livevote verify' says more."
                        ) from error
                    yield part
                    self.on_read(len(part))
                    await self.turn()


class Replaced:
    """Which ballots of a log of ``size`` records were replaced by later ones: a bit for each record."""

    def __init__(self, size: int) -> None:
        self._bits = bytearray((size >> 3) + 1)

    def add(self, indexes: Iterable[int]) -> None:
        """These were replaced."""
        for index in indexes:
            self._bits[index >> 3] |= 1 << (index & 7)

    def __contains__(self, index: int) -> bool:
        return bool(self._bits[index >> 3] >> (index & 7) & 1)
