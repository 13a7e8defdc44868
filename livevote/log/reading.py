"""Connections that only read a database, at rest or while somebody writes, and what its errors mean to an operator.

Apart from the adapter, which knows what stands in the rows.
"""

import asyncio
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event
from threading import Lock as ThreadLock
from typing import Any, TypeVar

from livevote.failures import CorruptError, DataDirectoryError, ShortageError
from livevote.log.at_rest import AtRest

_T = TypeVar("_T")

NOTHING_KEPT = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY)
_CANNOT_USE = (
    *(sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PERM),
    *NOTHING_KEPT,
)
# What other programs and this one's own sockets have taken and may give back. SQLite says of a file that it cannot open
# neither why nor whether descriptors were what it wanted.
_SHORT = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR_NOMEM, *NOTHING_KEPT)
_STEPS = 10_000  # of SQLite's machine between two looks whether to stop
# Of nineteen: far enough to go last, and not so far that a busy machine never runs it. Elsewhere it would be the whole
# process that steps back, and not this thread.
_STEP_BACK = 10 if sys.platform == "linux" else 0


def _step_back() -> None:
    """Let the kernel run a vote's threads at once when they wake up beside this one, and not after its time is up."""
    os.nice(_STEP_BACK)


def _new_readers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(4, thread_name_prefix="reader", initializer=_step_back)


_readers = _new_readers()


def quick_check(path: Path, *, stop: Event | None = None) -> str:
    """What SQLite finds wrong with the structure of a database, its first finding; empty if nothing.

    Ends soon, and finds nothing, once ``stop`` is set. Raises ``CorruptError`` or ``DataDirectoryError`` where the file
    cannot be read at all.
    """

    def look(connection: sqlite3.Connection) -> str:
        if stop is not None:
            connection.set_progress_handler(stop.is_set, _STEPS)
        try:
            ((found,),) = connection.execute("PRAGMA quick_check(1)").fetchall()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                return ""
            raise
        return "" if found == "ok" else str(found)

    with explained(path):
        return look_at(path, AtRest.of(path), look)


class Rows:
    """The connection of one read, for any thread but one at a time.

    It is kept between chunks, because to open one takes as long as 400 rows. Each chunk is a query of its own: one that
    stays open while a slow reader takes its time keeps SQLite from ever checkpointing the write-ahead log.
    """

    def __init__(self, path: Path, at_rest: AtRest | None) -> None:
        self._path = path
        self._one_at_a_time = ThreadLock()
        self._at_rest = at_rest
        self._connection = connect(path, at_rest)

    async def take(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """All rows of a query, fetched in a thread."""
        return await asyncio.get_running_loop().run_in_executor(_readers, self._fetch, sql, values)

    def _fetch(self, sql: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        with self._one_at_a_time:
            try:
                found = self._execute(sql, values)
            except sqlite3.DatabaseError:
                if self._at_rest is None or self._at_rest.lasts():
                    raise
            else:
                if self._at_rest is None or self._at_rest.lasts():
                    return found
            self._at_rest = None
            self._connection.close()
            self._connection = connect(self._path, None)
            return self._execute(sql, values)

    def _execute(self, sql: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        # Who reads a log from one end to the other comes to no page twice.
        self._connection.execute("PRAGMA cache_size = -256")
        return self._connection.execute(sql, values).fetchall()

    def close(self) -> None:
        """Safe to call twice, and also while a thread is at it, which a reader who was cancelled leaves behind."""
        with self._one_at_a_time:
            self._connection.close()


def look_at(path: Path, at_rest: AtRest | None, look: Callable[[sqlite3.Connection], _T]) -> _T:
    """What ``look`` finds in the database at ``path``."""
    try:
        with closing(connect(path, at_rest)) as connection:
            found = look(connection)
    except sqlite3.DatabaseError:
        if at_rest is None or at_rest.lasts():
            raise
    else:
        if at_rest is None or at_rest.lasts():
            return found
    return look_at(path, None, look)


def connect(path: Path, at_rest: AtRest | None) -> sqlite3.Connection:
    uri = read_only_uri(path, at_rest=at_rest is not None)
    return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)


def read_only_uri(path: Path, *, at_rest: bool = False) -> str:
    """Opens a database without writing to it and, where it is ``at_rest``, without a file beside it."""
    return f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if at_rest else ''}"


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what SQLite says about a file into one sentence for the operator."""
    try:
        yield
    except MemoryError as error:
        raise ShortageError(f"There is too little memory to read {path}. End other programs.") from error
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        # The latter comes where SQLite's message quotes bytes of a damaged schema.
        # Extended codes hold the plain one in their lowest byte.
        code = getattr(error, "sqlite_errorcode", 0)
        if code & 0xFF in _CANNOT_USE:
            kind = ShortageError if code in _SHORT or code & 0xFF in _SHORT else DataDirectoryError
            raise kind(
                f"Cannot open {path}: {error}. Check its owner and mode, the disk and the space on it, and that no "
                "other program holds the file."
            ) from error
        raise CorruptError(
            f"The database {path} cannot be read ({error}). Restore a backup, or start with another --data "
            "directory; keep the damaged file."
        ) from error
