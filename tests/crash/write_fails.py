"""livevote on a disk that fails at the first ballot: what it says and does then."""

from collections.abc import Sequence

from livevote import cli
from livevote.domain.records import BallotCast, Draft
from livevote.log import LogFailedError
from livevote.log.sqlite import SqliteLog

_append = SqliteLog.append


async def _append_no_ballot(self: SqliteLog, drafts: Sequence[Draft], *, ticket: int) -> None:
    if any(isinstance(draft.record, BallotCast) for draft in drafts):
        raise LogFailedError("SQLITE_IOERR: disk I/O error")
    await _append(self, drafts, ticket=ticket)


SqliteLog.append = _append_no_ballot  # type: ignore[method-assign]

if __name__ == "__main__":
    cli.main()
