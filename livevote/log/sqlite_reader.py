"""Reads a log file, at rest or while its one writer goes on.

Apart from ``sqlite``, which writes: commands that only look at a log have no connection that could change it.
"""

import sqlite3
from collections.abc import AsyncGenerator, Generator, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any

import msgspec

from livevote.domain.records import Entry, Opening, decode
from livevote.failures import BadRecordError, NoSuchRoomError
from livevote.log.at_rest import AtRest
from livevote.log.base import Head, Heads
from livevote.log.reading import Rows, connect, explained, look_at, quick_check

_CHUNK = 1000
# A thread fetches so many rows for a read, which gives way at each of them; the loop decodes so many without a turn
# for anybody else, in about a tenth of a millisecond; no fewer, because readers give way at every hundredth of a part.
_FETCH = 400
_TURN = 100
_COLUMNS = "SELECT room, idx, CAST(body AS BLOB), chain, salt, CAST(answer AS BLOB) FROM records"
# SQLite checks the types of STRICT tables when it writes. A bit that rots can make another type, or NULL, of a value.
_TYPES = frozenset({(str, int, bytes, bytes, bytes), (str, int, bytes, bytes, type(None))})
_AFTER = " WHERE (room, idx) > (?, ?)"
_OF_ROOM = " WHERE room = ? AND idx > ?"
# Canonical JSON begins with its tag, and no text in it has a quotation mark without a backslash before it. So there is
# nothing to parse, and the interpreter is left alone for a whole stretch of records. A CAST reads up to the last digit.
_REPLACED = """
    SELECT CAST(substr(body, instr(body, '"supersedes":') + 13, 16) AS INTEGER) AS replaced FROM records
    WHERE room = ? AND idx > ? AND idx <= ?
    AND substr(body, 1, 24) = '{"@type":"ballot_cast/1"' AND instr(body, '"supersedes":null,') = 0
    AND replaced > 0 AND replaced < idx
"""
_STRETCH = 5000  # records, about 3 ms
# From one room to the next by the key: GROUP BY would read every record there is.
ROOMS = (
    "WITH RECURSIVE rooms(room) AS (SELECT min(room) FROM records UNION ALL "
    "SELECT (SELECT min(room) FROM records WHERE records.room > rooms.room) FROM rooms WHERE rooms.room IS NOT NULL)"
)
EPOCH = "SELECT value FROM meta WHERE key = 'epoch'"


class SqliteReader:
    """Read-only access to a log file; every read has a connection of its own.

    A file that is ``at_rest`` is read without a trace. Whatever was read while somebody woke it is read again.
    """

    def __init__(self, path: Path, epoch: str, at_rest: AtRest | None = None) -> None:
        self._path = path
        self._epoch = epoch
        self._at_rest = at_rest

    @classmethod
    async def open(cls, path: Path) -> "SqliteReader":
        """Open an existing log. Raises ``NoSuchRoomError`` where there is none and ``CorruptError`` for other files."""
        if not path.exists():  # noqa: ASYNC240 - once, before anything runs
            raise NoSuchRoomError(f"There is no log at {path}. Name the server's data directory with --data.")
        reader = cls(path, "", AtRest.of(path))
        for (epoch,) in await reader._find(EPOCH):
            reader._epoch = str(epoch)
            return reader
        with explained(path):
            raise sqlite3.DatabaseError(f"no row for {EPOCH}")

    @property
    def epoch(self) -> str:
        return self._epoch

    async def head(self, room: str) -> Head:
        rows = await self._find("SELECT idx, chain FROM records WHERE room = ? ORDER BY idx DESC LIMIT 1", room)
        return next((Head(index, chain) for index, chain in rows), Heads()[room])

    async def _find(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with closing(self._rows()) as rows, explained(self._path):
            return await rows.take(sql, *values)

    async def read(
        self, room: str, *, after: int = 0, upto: int | None = None
    ) -> AsyncGenerator[Sequence[Entry], None]:
        last = (await self.head(room)).index if upto is None else upto
        if after >= last:
            return
        rows = self._rows()
        try:
            while after < last and (taken := await self._fetch(rows, room, after, last)):
                if taken[-1][1] == last:
                    rows.close()  # whoever wants no more may never say so
                for start in range(0, len(taken), _TURN):
                    entries = self._decoded(taken[start : start + _TURN])
                    yield entries
                after = entries[-1].index
        finally:
            rows.close()

    def _rows(self) -> "Rows":
        with explained(self._path):
            return Rows(self._path, self._at_rest)

    async def _fetch(self, rows: "Rows", room: str, after: int, last: int) -> list[tuple[Any, ...]]:
        with explained(self._path):
            return await rows.take(
                f"{_COLUMNS} WHERE room = ? AND idx > ? AND idx <= ? ORDER BY idx LIMIT {_FETCH}", room, after, last
            )

    def _decoded(self, rows: Sequence[tuple[Any, ...]]) -> list[Entry]:
        entries: list[Entry] = []
        with explained(self._path):
            _decode(rows, entries)
        return entries

    async def replaced(self, room: str, *, upto: int) -> AsyncGenerator[Sequence[int], None]:
        with closing(self._rows()) as rows:
            for after in range(0, upto, _STRETCH):
                with explained(self._path):
                    found = await rows.take(_REPLACED, room, after, min(after + _STRETCH, upto))
                yield [index for (index,) in found]

    def scan(self, room: str | None = None, *, after: int = 0) -> Generator[Entry, None, None]:
        # Not through aiosqlite: rows that one thread makes and another reads cost a third more, and at a start there is
        # nobody to give way to.
        with explained(self._path):
            is_over, last = yield from self._scan(room, None if room is None else (room, after))
            if not is_over:
                self._at_rest = None
                yield from self._scan(room, last)

    def _scan(
        self, room: str | None, last: tuple[str, int] | None
    ) -> Generator[Entry, None, tuple[bool, tuple[str, int] | None]]:
        """All entries after ``last``, or those of one room. Gives whether these were all, and the place of the last."""
        which = (_AFTER if last else "") if room is None else _OF_ROOM
        at_rest = self._at_rest
        with closing(connect(self._path, at_rest)) as connection:
            rows: sqlite3.Cursor | None = None
            while True:
                try:
                    if rows is None:
                        rows = connection.execute(f"{_COLUMNS}{which} ORDER BY room, idx", last or ())
                    chunk = rows.fetchmany(_CHUNK)
                except sqlite3.DatabaseError:
                    if at_rest is None or at_rest.lasts():
                        raise
                    return False, last
                if at_rest is not None and not at_rest.lasts():
                    return False, last
                if not chunk:
                    return True, last
                entries: list[Entry] = []
                try:
                    _decode(chunk, entries)
                except BadRecordError:
                    # An earlier record may be wrong in another way, and the first one is to be named.
                    yield from entries
                    raise
                yield from entries
                last = entries[-1].room, entries[-1].index

    def rooms(self) -> list[str]:
        with explained(self._path):
            return look_at(self._path, self._at_rest, _rooms)

    def count(self) -> int:
        with explained(self._path):
            return look_at(self._path, self._at_rest, _count)

    def damage(self, stop: Event) -> str:
        return quick_check(self._path, stop=stop)

    async def aclose(self) -> None:
        """Nothing is held between reads."""


def _rooms(connection: sqlite3.Connection) -> list[str]:
    return [room for (room,) in connection.execute(f"{ROOMS} SELECT room FROM rooms WHERE room IS NOT NULL")]


def _count(connection: sqlite3.Connection) -> int:
    ((found,),) = connection.execute("SELECT count(*) FROM records")
    return int(found)


def _decode(rows: Iterable[tuple[Any, ...]], entries: list[Entry]) -> None:
    """Add the entries of rows. One loop without calls of ours in it, because a start reads every row there is.

    Raises ``BadRecordError`` at the first bad row, with the entries before it added.
    """
    for room, index, body, chain, salt, answer in rows:
        if (type(room), type(index), type(body), type(chain), type(salt)) not in _TYPES:
            raise BadRecordError(
                f"Record {index} of room {room} holds values of other types than it was written with. Restore a "
                "backup; keep the damaged file."
            )
        opening = None if salt is None or answer is None else Opening(salt, answer)
        try:
            entries.append(Entry(room, index, decode(body), body, chain, opening))
        except msgspec.DecodeError as error:
            raise BadRecordError(
                f"Record {index} of room {room} is none of livevote's ({error}). Restore a backup; keep the damaged "
                "file."
            ) from error
