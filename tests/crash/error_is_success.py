"""livevote with the promise broken on purpose: where the disk reports an error, it goes on as if all were well.

A rig that does not turn red on this one is blind.
"""

from collections.abc import Sequence

from livevote import cli
from livevote.domain.records import Draft
from livevote.log import Batch, LogFailedError, LogRetryError
from livevote.log.sqlite import SqliteLog

_append = SqliteLog.append


async def _append_in_any_case(self: SqliteLog, drafts: Sequence[Draft], *, ticket: int) -> None:
    try:
        await _append(self, drafts, ticket=ticket)
    except (LogFailedError, LogRetryError):
        self._failed = False
        entries = self._heads.link(drafts)
        self._heads.advance(entries)
        self._followed.put_nowait(Batch(ticket, entries))


SqliteLog.append = _append_in_any_case  # type: ignore[method-assign]

if __name__ == "__main__":
    cli.main()
