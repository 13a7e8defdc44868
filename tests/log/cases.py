"""Helpers of the log's tests: logs that are closed again, and drafts to put into them."""

import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

import aiosqlite

from livevote.domain.records import Draft, Entry, RoomCreated, encode
from livevote.log import Batch, Log, Reader, open_log, open_reader
from livevote.log.sqlite import SqliteLog
from tests.history import AT, cast, opened


@asynccontextmanager
async def opened_log(url: str) -> AsyncIterator[Log]:
    log = await open_log(url)
    try:
        yield log
    finally:
        await log.aclose()


@asynccontextmanager
async def opened_reader(path: Path) -> AsyncIterator[Reader]:
    reader = await open_reader(f"sqlite:{path}")
    try:
        yield reader
    finally:
        await reader.aclose()


@asynccontextmanager
async def opened_file(path: Path) -> AsyncIterator[SqliteLog]:
    """The SQLite adapter itself, for what is its own."""
    async with opened_log(f"sqlite:{path}") as log:
        assert isinstance(log, SqliteLog)
        yield log


def connection_of(log: SqliteLog) -> aiosqlite.Connection:
    """The connection that writes: some faults can be made on it alone."""
    assert log._connection is not None
    return log._connection


@contextmanager
def other_tool(path: Path) -> Iterator[sqlite3.Connection]:
    """The file as another program opens it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


async def entries(reader: Reader, room: str | None = None, *, after: int = 0, upto: int | None = None) -> list[Entry]:
    """What is read of one room, or the scan of all."""
    if room is None:
        return list(reader.scan())
    return [entry async for chunk in reader.read(room, after=after, upto=upto) for entry in chunk]


def plain(entry: Entry) -> object:
    """What an entry is, to compare by: records with raw JSON are equal only if they share it, so bytes stand in."""
    return entry.room, entry.index, encode(entry.record), entry.body, entry.chain, entry.opening


async def batches(log: Log) -> list[Batch]:
    """What comes back until the log is closed."""
    return [batch async for batch in log.follow()]


def room(code: str, *, ballots: int = 2) -> list[Draft]:
    """The records of a room with an open question and so many ballots, each with its opening."""
    return opened().did(*[cast(f"v{number}", number % 3) for number in range(ballots)]).drafts(code)


def more(code: str, count: int, *, size: int = 10) -> list[Draft]:
    """Drafts of about ``size`` bytes each: a log does not judge what it keeps."""
    return [Draft(code, RoomCreated(AT, code, f"{number:0{size}}")) for number in range(count)]


def interleaved(*rooms: Sequence[Draft]) -> list[Draft]:
    """One batch of several rooms, a draft of each in turn."""
    longest = max(len(drafts) for drafts in rooms)
    return [drafts[place] for place in range(longest) for drafts in rooms if place < len(drafts)]
