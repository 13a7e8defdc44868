"""The reference adapter: the contract of a log and nothing else, for tests and for rehearsals.

It is as durable as the process.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterable, Sequence
from threading import Event

import msgspec

from livevote.domain.records import COMMITTED, Draft, Entry
from livevote.log.base import Batch, Head, Heads, LogFailedError, erased, superseded


class MemoryLog:
    """A log in a dict."""

    def __init__(self, *, epoch: str = "memory") -> None:
        self._epoch = epoch
        self._rooms: dict[str, list[Entry]] = {}
        self._heads = Heads()
        self._followed: asyncio.Queue[Batch | None] = asyncio.Queue()
        self._closed = False

    @property
    def epoch(self) -> str:
        return self._epoch

    async def head(self, room: str) -> Head:
        return self._heads[room]

    async def append(self, drafts: Sequence[Draft], *, ticket: int) -> None:
        if self._closed:
            raise LogFailedError("the log is closed")
        entries = self._heads.link(drafts)
        self._heads.advance(entries)
        for entry in entries:
            self._rooms.setdefault(entry.room, []).append(entry)
        for room, index in erased(entries):
            self._rooms[room][index - 1] = msgspec.structs.replace(self._rooms[room][index - 1], opening=None)
        self._followed.put_nowait(Batch(ticket, entries))

    async def forget(self, room: str, *, after: int, upto: int) -> None:
        if self._closed:
            raise LogFailedError("the log is closed")
        entries = self._rooms[room]
        entries[after:upto] = [
            msgspec.structs.replace(entry, opening=None) if isinstance(entry.record, COMMITTED) else entry
            for entry in entries[after:upto]
        ]

    def has_traces(self) -> bool:
        return False

    async def scrub(self) -> None:
        if self._closed:
            raise LogFailedError("the log is closed")

    async def adopt(self, chunks: Iterable[Sequence[Entry]]) -> None:
        entries = [entry for chunk in chunks for entry in chunk]
        heads = self._heads.copy()
        heads.adopt(entries)
        self._heads = heads
        for entry in entries:
            self._rooms.setdefault(entry.room, []).append(entry)

    async def follow(self) -> AsyncIterator[Batch]:
        while (batch := await self._followed.get()) is not None:
            yield batch

    async def read(
        self, room: str, *, after: int = 0, upto: int | None = None
    ) -> AsyncGenerator[Sequence[Entry], None]:
        if entries := self._rooms.get(room, [])[after:upto]:
            yield entries

    async def replaced(self, room: str, *, upto: int) -> AsyncGenerator[Sequence[int], None]:
        yield superseded(self._rooms.get(room, [])[:upto])

    def scan(self, room: str | None = None, *, after: int = 0) -> Generator[Entry, None, None]:
        for code in self.rooms() if room is None else [room]:
            yield from self._rooms.get(code, [])[after:]

    def rooms(self) -> list[str]:
        return sorted(self._rooms)

    def damage(self, stop: Event) -> str:  # noqa: ARG002 - it is over at once
        return ""

    def count(self) -> int:
        return sum(len(entries) for entries in self._rooms.values())

    async def aclose(self) -> None:
        if not self._closed:
            self._closed = True
            self._followed.put_nowait(None)
