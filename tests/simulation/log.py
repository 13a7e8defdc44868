"""A log on the simulated disk: the contract of ``livevote.log.base`` over a file of checksummed batches."""

import asyncio
import errno
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterable, Sequence
from threading import Event

import msgspec

from livevote.domain.records import Draft, Entry, Opening, decode
from livevote.log import Batch, Head, LogFailedError, LogRetryError
from livevote.log.base import Heads, superseded
from tests.simulation.disk import Disk
from tests.simulation.world import Process

Row = tuple[str, int, bytes, bytes, bytes | None, bytes | None]

_rows = msgspec.msgpack.Decoder(list[Row])


def pack(entries: Sequence[Entry]) -> bytes:
    """One batch as the payload of a frame."""
    return msgspec.msgpack.encode(
        [
            (
                one.room,
                one.index,
                one.body,
                one.chain,
                one.opening and one.opening.salt,
                one.opening and one.opening.answer,
            )
            for one in entries
        ]
    )


def unpack(frames: Sequence[bytes]) -> list[Entry]:
    """All entries of the frames, in the order in which they were appended."""
    return [
        Entry(room, index, decode(body), body, chain, None if salt is None or answer is None else Opening(salt, answer))
        for frame in frames
        for room, index, body, chain, salt, answer in _rows.decode(frame)
    ]


class SimulatedLog:
    """The one writer of a simulated database."""

    epoch = "simulation"

    def __init__(self, disk: Disk, process: Process) -> None:
        self._disk = disk
        self._process = process
        self._rooms: dict[str, list[Entry]] = {}
        self._heads = Heads()
        self._followed: asyncio.Queue[Batch | None] = asyncio.Queue()
        self._failed = False

    @classmethod
    async def open(cls, disk: Disk, process: Process) -> "SimulatedLog":
        """Recover what is whole. It is made safe before anybody is told of it: a killed process may have left it so."""
        log = cls(disk, process)
        disk.database.mend()
        await log.make_safe()
        log._keep(unpack(disk.database.frames()))
        return log

    async def make_safe(self) -> None:
        """Sync the file that was found."""
        await self._disk.database.sync(self._process)

    def _keep(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            self._rooms.setdefault(entry.room, []).append(entry)
        self._heads.advance(entries)

    async def head(self, room: str) -> Head:
        return self._heads[room]

    async def append(self, drafts: Sequence[Draft], *, ticket: int) -> None:
        if self._failed:
            raise LogFailedError("the log takes no more records")
        entries = self._heads.link(drafts)
        try:
            await self.commit(entries, ticket)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise LogRetryError(str(error)) from error
            self._failed = True
            raise LogFailedError(str(error)) from error
        self._keep(entries)
        self.publish(Batch(ticket, entries))

    async def adopt(self, chunks: Iterable[Sequence[Entry]]) -> None:
        """Nobody imports a room into a simulation."""
        raise NotImplementedError

    async def forget(self, room: str, *, after: int, upto: int) -> None:
        """Nobody deletes a room's answers in a simulation."""
        raise NotImplementedError

    def has_traces(self) -> bool:
        return False

    async def scrub(self) -> None:
        """Nobody deletes a room's answers in a simulation."""
        raise NotImplementedError

    async def commit(self, entries: Sequence[Entry], ticket: int) -> None:  # noqa: ARG002 - planted bugs need it
        """Write and sync a batch."""
        self._disk.database.append(pack(entries))
        await self._disk.database.sync(self._process)

    def publish(self, batch: Batch) -> None:
        """Hand a batch to the follower."""
        self._followed.put_nowait(batch)

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
        self._followed.put_nowait(None)
