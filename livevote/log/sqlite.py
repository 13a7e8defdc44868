"""The log on one machine: SQLite through aiosqlite, WAL, ``synchronous=FULL``, one writing connection.

A batch is one INSERT statement outside any other transaction, so that it is one transaction, one fsync and one round
trip to the worker thread. ``python -m bench.inserts`` compares it with the other ways.
"""

import asyncio
import os
import sqlite3
from bisect import bisect_left
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import lru_cache
from pathlib import Path

import aiosqlite

from livevote.domain.records import COMMITTED, Draft, Entry
from livevote.failures import DataDirectoryError
from livevote.log.base import Batch, Head, Heads, LogFailedError, LogRetryError, erased
from livevote.log.lock import LOCK, Lock
from livevote.log.reading import NOTHING_KEPT, explained
from livevote.log.schema import migrate
from livevote.log.sqlite_reader import EPOCH, ROOMS, SqliteReader

MAX_BATCH = 4000
"""Records in one append: SQLite takes 32,766 values in a statement, and a record is six."""

_FIELDS = 6
# A statement of a size that is not in SQLite's cache costs more to compile than to run. So there are few sizes, and a
# batch is filled up to the next of them, by an eighth on average.
_SIZES = sorted({min(steps << octave >> 2, MAX_BATCH) for octave in range(13) for steps in (4, 5, 6, 7)})
_OF_VOTERS = " OR ".join(
    f"substr(body, 1, {len(begin)}) = '{begin}'"
    for begin in (f'{{"@type":"{record.__struct_config__.tag}"' for record in COMMITTED)
)
_HEADS = (
    f"{ROOMS} SELECT records.room, idx, chain FROM rooms JOIN records ON records.room = rooms.room "
    "AND idx = (SELECT max(idx) FROM records WHERE records.room = rooms.room)"
)
_AGAIN_S = 1.0
"""How long to leave a write-ahead log alone that could not be emptied."""
_BUSY_MS = 5000  # what the sqlite3 module sets: how long a write waits for another program's
# What is erased shall not stay behind in free space.
_PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "trusted_schema": 0, "secure_delete": 1}


class SqliteLog(SqliteReader):
    """The one writer of a log file. ``append`` must not be called again before it returned."""

    def __init__(self, path: Path, epoch: str, connection: aiosqlite.Connection, lock: Lock, heads: Heads) -> None:
        super().__init__(path, epoch)
        self._connection: aiosqlite.Connection | None = connection
        self._lock = lock
        self._heads = heads
        self._followed: asyncio.Queue[Batch | None] = asyncio.Queue()
        self._failed = False
        # What a killed process left in the write-ahead log may have been erased since.
        self._has_traces = any(found.stat().st_size for found in path.parent.glob(f"{path.name}-wal"))
        self._again_at_s = 0.0

    @classmethod
    async def open(cls, path: Path) -> "SqliteLog":
        """Lock the directory, check the file, bring its schema up to date and find the heads."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataDirectoryError(
                f"Cannot make the data directory {path.parent}: {error.strerror}. Choose another with --data."
            ) from error
        lock = Lock(path.parent / LOCK)
        try:
            return await cls._open_locked(path, lock)
        except BaseException:
            lock.release()
            raise

    @classmethod
    async def _open_locked(cls, path: Path, lock: Lock) -> "SqliteLog":
        with explained(path):
            _try_to_open(path)
            connection = await aiosqlite.connect(path, isolation_level=None)
            try:
                # First, because switching to WAL would already change a file that is not livevote's.
                await migrate(connection)
                await _set_pragmas(connection, path)
                _make_safe(path)
                heads = Heads()
                for room, index, chain in await connection.execute_fetchall(_HEADS):
                    heads.set(room, Head(index, chain))
                epoch = str(await _value(connection, EPOCH))
            except BaseException:
                await connection.close()
                raise
        return cls(path, epoch, connection, lock, heads)

    async def append(self, drafts: Sequence[Draft], *, ticket: int) -> None:
        if self._failed or self._connection is None:
            raise LogFailedError("the log takes no more records")
        if len(drafts) > MAX_BATCH:
            raise ValueError(f"an append takes at most {MAX_BATCH} records, not {len(drafts)}")
        entries = self._heads.link(drafts)
        gone = erased(entries)
        with self._judged():
            if gone:
                await self._append_and_erase(entries, gone)
            else:
                await self._connection.execute(*_insert(entries))
        self._heads.advance(entries)
        self._followed.put_nowait(Batch(ticket, entries))
        if gone or (self._has_traces and asyncio.get_running_loop().time() >= self._again_at_s):
            await self._empty_wal()

    async def _empty_wal(self) -> None:
        """Have nothing in the write-ahead log, which still has pages as they were. What was written stands anyway.

        Another program that is reading is in the way. No vote waits for it: a later record tries again.
        """
        assert self._connection is not None
        self._has_traces = True
        self._again_at_s = asyncio.get_running_loop().time() + _AGAIN_S
        with suppress(sqlite3.Error):
            await self._connection.execute_fetchall("PRAGMA busy_timeout = 0")
            ((busy, *_),) = await self._connection.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
            self._has_traces = bool(busy)
        with suppress(sqlite3.Error):
            await self._connection.execute_fetchall(f"PRAGMA busy_timeout = {_BUSY_MS}")

    async def forget(self, room: str, *, after: int, upto: int) -> None:
        if self._failed or self._connection is None:
            raise LogFailedError("the log takes no more changes")
        with self._judged():
            await self._connection.execute(
                "UPDATE records SET salt = NULL, answer = NULL "
                f"WHERE room = ? AND idx > ? AND idx <= ? AND salt IS NOT NULL AND ({_OF_VOTERS})",
                (room, after, upto),
            )
        if upto >= self._heads[room].index:
            await self._empty_wal()

    def has_traces(self) -> bool:
        return self._has_traces

    async def scrub(self) -> None:
        if self._failed or self._connection is None:
            raise LogFailedError("the log takes no more changes")
        if self._has_traces:
            await self._empty_wal()

    @contextmanager
    def _judged(self) -> Iterator[None]:
        """Tell errors after which nothing was kept from those after which nobody knows."""
        try:
            yield
        except (sqlite3.Error, UnicodeDecodeError) as error:
            # Errors that the sqlite3 module finds by itself carry no code.
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in NOTHING_KEPT:
                raise LogRetryError(str(error)) from error
            self._failed = True
            name = getattr(error, "sqlite_errorname", type(error).__name__)
            raise LogFailedError(f"{name}: {error}") from error

    async def _append_and_erase(self, entries: Sequence[Entry], gone: list[tuple[str, int]]) -> None:
        assert self._connection is not None
        async with _transaction(self._connection):
            await self._connection.execute(*_insert(entries))
            for room, index in gone:
                await self._connection.execute(
                    "UPDATE records SET salt = NULL, answer = NULL WHERE room = ? AND idx = ?", (room, index)
                )

    async def adopt(self, chunks: Iterable[Sequence[Entry]]) -> None:
        assert self._connection is not None
        heads = self._heads.copy()
        with self._judged():
            async with _transaction(self._connection):
                for chunk in chunks:
                    heads.adopt(chunk)
                    for start in range(0, len(chunk), MAX_BATCH):
                        await self._connection.execute(*_insert(chunk[start : start + MAX_BATCH]))
        self._heads = heads

    async def follow(self) -> AsyncIterator[Batch]:
        while (batch := await self._followed.get()) is not None:
            yield batch

    async def aclose(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            self._followed.put_nowait(None)
            await connection.close()
            self._lock.release()


def _insert(entries: Sequence[Entry]) -> tuple[str, list[object]]:
    values: list[object] = []
    for entry in entries:
        opening = entry.opening
        salt, answer = (None, None) if opening is None else (opening.salt, opening.answer.decode())
        values += (entry.room, entry.index, entry.body.decode(), entry.chain, salt, answer)
    size = _SIZES[bisect_left(_SIZES, len(entries))]
    values += (None,) * (_FIELDS * (size - len(entries)))
    return _statement(size), values


@lru_cache(len(_SIZES))
def _statement(size: int) -> str:
    """One INSERT of up to ``size`` rows: those that are left NULL are none."""
    rows = ",".join(("(?,?,?,?,?,?)",) * size)
    return (
        "INSERT INTO records (room, idx, body, chain, salt, answer) "
        f"SELECT * FROM (VALUES {rows}) WHERE column2 IS NOT NULL"
    )


@asynccontextmanager
async def _transaction(connection: aiosqlite.Connection) -> AsyncIterator[None]:
    await connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        await connection.execute("COMMIT")
    except BaseException:
        await connection.rollback()
        raise


async def _set_pragmas(connection: aiosqlite.Connection, path: Path) -> None:
    for pragma, wanted in _PRAGMAS.items():
        await connection.execute(f"PRAGMA {pragma} = {wanted}")
        if (found := await _value(connection, f"PRAGMA {pragma}")) != wanted:
            raise DataDirectoryError(
                f"SQLite cannot set {pragma} to {wanted} on the file system of {path.parent} (it is {found}). "
                "Choose a local disk with --data."
            )


def _make_safe(path: Path) -> None:
    """Sync the write-ahead log that was found, before anybody is told what it holds.

    A process that was killed in the middle of a commit leaves it readable and not on disk. SQLite takes it for
    committed and syncs it with the next commit; by then the retry of such a ballot may have been answered ``recorded``.
    """
    for found in (path.with_name(f"{path.name}-wal"), path.parent):
        try:
            descriptor = os.open(found, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except FileNotFoundError:
            pass  # nothing was left behind
        except OSError as error:
            raise DataDirectoryError(
                f"Cannot sync {found}: {error.strerror}. Check its owner and mode, and the disk."
            ) from error


def _try_to_open(path: Path | str) -> None:
    # Where aiosqlite cannot open a file it does not wait for its thread, which may then find the loop closed.
    sqlite3.connect(path, uri=isinstance(path, str)).close()


async def _value(connection: aiosqlite.Connection, sql: str) -> object:
    for row in await connection.execute_fetchall(sql):
        return row[0]
    raise sqlite3.DatabaseError(f"no row for {sql}")
