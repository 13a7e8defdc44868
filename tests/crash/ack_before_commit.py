"""livevote with the promise broken on purpose: votes are acknowledged a moment before they are written.

A rig that does not turn red on this one is blind.
"""

import asyncio
from collections.abc import Sequence

from livevote import cli
from livevote.domain.records import Draft
from livevote.log import Batch
from livevote.log.sqlite import SqliteLog

_commit = SqliteLog.append
_LATE_S = 0.05


async def _append_later(self: SqliteLog, drafts: Sequence[Draft], *, ticket: int) -> None:
    entries = self._heads.link(drafts)
    self._followed.put_nowait(Batch(ticket, entries))
    await asyncio.sleep(_LATE_S)
    followed, self._followed = self._followed, asyncio.Queue()
    await _commit(self, drafts, ticket=ticket)
    self._followed = followed


SqliteLog.append = _append_later  # type: ignore[method-assign]

if __name__ == "__main__":
    cli.main()
