"""Checks a whole log against its seals while the server runs, so that a large log does not hold up a start."""

import asyncio
from collections.abc import Iterable

from livevote.domain.audit import GENESIS, TamperedError, check
from livevote.failures import CorruptError
from livevote.log import Reader

_SLICE = 100  # records between two turns of the loop, about half a millisecond


async def audit(log: Reader, rooms: Iterable[str]) -> None:
    """Recompute the chain and the commitments of all records there are now.

    Raises ``CorruptError`` that names the first bad record of a room.
    """
    for room in rooms:
        chain = GENESIS
        async for entries in log.read(room):
            for number, entry in enumerate(entries):
                try:
                    chain = check(entry, chain)
                except TamperedError as error:
                    raise CorruptError(
                        f"The log was changed: {error}. Restore a backup; keep the changed file as evidence."
                    ) from error
                if number % _SLICE == _SLICE - 1:
                    await asyncio.sleep(0)
