"""A copy of a log file while somebody writes to it.

Apart from the adapter because nothing here is on the way of a vote. It uses a connection that cannot write.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from livevote.failures import DataDirectoryError
from livevote.log.reading import explained, read_only_uri

_STEPS = 10_000  # of SQLite's machine between two looks at the copy: some hundreds of rows


def snapshot(source: Path, target: Path, *, report: Callable[[int, int], None]) -> None:
    """Write the log at ``source``, as it is now, into the new file ``target``, which is durable when this returns.

    The copy is one file of mode 0600 that needs no other beside it, whatever is in the write-ahead log of ``source``.
    Meanwhile ``report`` is called with the bytes that are written and about how many there will be. Raises
    ``CorruptError`` where ``source`` is damaged and ``DataDirectoryError`` where ``target`` cannot be written: an
    unfinished file may be there then.
    """
    descriptor = _create(target)
    try:
        with explained(source), closing(_connect(source)) as connection:
            ((size,),) = connection.execute(
                "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
            ).fetchall()
            connection.set_progress_handler(lambda: report(os.fstat(descriptor).st_size, size), _STEPS)
            try:
                connection.execute("VACUUM INTO ?", (str(target),))
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                    raise KeyboardInterrupt from error  # it fell into the call of report
                raise _cannot_copy(source, target, str(error)) from error
        os.fsync(descriptor)
    except OSError as error:
        raise _cannot_copy(source, target, str(error.strerror)) from error
    finally:
        os.close(descriptor)


def _create(target: Path) -> int:
    """A new, empty file, which SQLite takes for the copy: so its mode is ours, and a refusal has a reason."""
    try:
        return os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DataDirectoryError(f"Cannot write {target}: {error.strerror}. Choose another directory.") from error


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(read_only_uri(path), uri=True, isolation_level=None)


def _cannot_copy(source: Path, target: Path, reason: str) -> DataDirectoryError:
    return DataDirectoryError(f"Cannot copy {source} to {target}: {reason}. Check the free space and the disks.")
