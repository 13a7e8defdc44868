"""A simulated disk: what was written is safe once it was synced, and before that a power cut may do anything to it."""

import asyncio
import errno
from collections.abc import Callable
from zlib import crc32

from tests.simulation.world import BrokenPromiseError, Process, Step, World

_FRAME = 8  # bytes before a payload: its length and its checksum


class File:
    """Bytes that only grow. ``written`` is what a process reads, ``safe`` how much of it a power cut cannot touch."""

    def __init__(self, disk: "Disk", name: str) -> None:
        self._disk = disk
        self._name = name
        self.written = bytearray()
        self.safe = 0
        self._pieces: list[tuple[int, int]] = []

    def append(self, payload: bytes) -> None:
        """Write a frame with a checksum, in a few pieces. Raises ``OSError`` if the disk is full: nothing was kept."""
        if self._disk.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        if self._disk.breaks_at("write"):
            raise OSError(errno.EIO, "Input/output error")
        random = self._disk.world.random
        begin = len(self.written)
        self.written += len(payload).to_bytes(4, "big") + crc32(payload).to_bytes(4, "big") + payload
        cuts = sorted(random.randrange(begin, len(self.written)) for _ in range(random.randrange(3)))
        for end in (*cuts, len(self.written)):
            self._pieces.append((begin, end))
            begin = end

    async def sync(self, process: Process) -> None:
        """Make safe what is written by now. After an ``OSError`` nobody knows what was kept."""
        upto = len(self.written)
        await self._disk.wait(process, self._name)
        if self._disk.breaks_at("sync"):
            self._settle()
            raise OSError(errno.EIO, "Input/output error")
        self.safe = max(self.safe, upto)
        self._pieces = [(begin, end) for begin, end in self._pieces if end > upto]

    def _settle(self) -> None:
        """Decide for every piece that is not safe whether it is kept, lost or torn, whatever the order of writing."""
        random = self._disk.world.random
        found = bytearray(self.written[: self.safe])
        for begin, end in self._pieces:
            kept = random.choice((0, 0, end - begin, end - begin, random.randint(0, end - begin)))
            if kept:
                found.extend(bytes(max(0, begin + kept - len(found))))
                found[begin : begin + kept] = self.written[begin : begin + kept]
        self.written = found
        self._pieces = [(self.safe, len(found))] if len(found) > self.safe else []

    def lose_power(self) -> None:
        """What is left is all that there is, and safe."""
        self._settle()
        self._pieces = []
        safe, self.safe = self.safe, len(self.written)
        if len(self.frames()) < len(_frames(self.written[:safe])):
            raise BrokenPromiseError("the simulated disk lost what was synced")

    def frames(self) -> list[bytes]:
        """The payloads up to the first that is not whole, as a write-ahead log with checksums is read."""
        return _frames(self.written)

    def start_of(self, frames: int) -> bytes:
        """So many whole frames as they stand in the file."""
        return bytes(self.written[: sum(_FRAME + len(payload) for payload in self.frames()[:frames])])

    def mend(self) -> None:
        """Drop what stands behind the last whole frame: a batch that nobody was told of."""
        size = len(self.start_of(len(self.frames())))
        del self.written[size:]
        self.safe = min(self.safe, size)
        self._pieces = [(begin, min(end, size)) for begin, end in self._pieces if begin < size]

    def replace(self, content: bytes) -> None:
        """Put another file in its place, and sync it."""
        self.written = bytearray(content)
        self.safe = len(content)
        self._pieces = []


def _frames(written: bytearray) -> list[bytes]:
    found, begin = [], 0
    while begin + _FRAME <= len(written):
        end = begin + _FRAME + int.from_bytes(written[begin : begin + 4], "big")
        payload = bytes(written[begin + _FRAME : end])
        if end > len(written) or not payload or crc32(payload) != int.from_bytes(written[begin + 4 : begin + 8], "big"):
            break
        found.append(payload)
        begin = end
    return found


def _wake(waiting: "asyncio.Future[None]") -> None:
    if not waiting.done():
        waiting.set_result(None)


class Disk:
    """The disk of one server: its database and, beside it, the anchors."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.full = False
        self.breaking = ""
        """What fails next with an I/O error: ``write`` or ``sync``."""
        self.when_syncing: Callable[[], object] | None = None
        """Called once, when the next sync of the database begins."""
        self.when_synced: Callable[[], object] | None = None
        """Called once, when the next sync of the database has made something safe."""
        self.database = File(self, "database")
        self.anchors = File(self, "anchors")

    def breaks_at(self, what: str) -> bool:
        """Whether this call fails; the next one does not."""
        if self.breaking != what:
            return False
        self.breaking = ""
        self.world.note("disk", "I/O error at", what)
        return True

    async def wait(self, process: Process, name: str) -> None:
        """As long as a sync takes: mostly some milliseconds, now and then a second."""
        random = self.world.random
        took_s = random.uniform(0.3, 1.5) if self.world.chance(0.02) else random.uniform(0.0005, 0.03)
        done = process.create_future()
        self.world.note("disk", "sync of", name)
        if name == "database" and self.when_syncing is not None:
            begins, self.when_syncing = self.when_syncing, None
            begins()
        self.world.after(took_s, process.call_soon, _wake, done)
        await done
        if name == "database" and self.when_synced is not None:
            ends, self.when_synced = self.when_synced, None
            self.world.soon(Step(self.world.now_s, ends, ()))

    def lose_power(self) -> None:
        """Cut the power of the machine."""
        self.breaking = ""
        for file in (self.database, self.anchors):
            file.lose_power()
