"""The saved states of large rooms, in files outside the database: ``CODE.state``, a cache that a start goes on from.

Apart from the checkpoints beside which they stand: those are evidence and are kept, these may be deleted at any time.
Each file ends with an HMAC-SHA256 under a key of the room, so that nobody else's is believed.
"""

import contextlib
import hmac
import os
from collections.abc import Generator
from pathlib import Path
from typing import TypeVar, cast

from livevote.domain.freeze import Frozen, ThawError, freeze, thaw

T = TypeVar("T")

_SUFFIX = ".state"
_MAC_BYTES = 32
_PIECE_BYTES = 256 * 1024  # hashed in less than a millisecond


class States:
    """The files below ``directory``, for the one process that writes them.

    ``load``, ``save`` and ``remove`` go in steps of about a millisecond without the disk's time, so that they can be
    taken in between other work. ``finish`` takes them all at once.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def path(self, room: str) -> Path:
        """The file of a room."""
        return self._directory / f"{room}{_SUFFIX}"

    def _beside(self, room: str, name: str) -> Path:
        return self._directory / f"{room}{_SUFFIX}.{name}"

    def load(self, room: str, key: bytes) -> Generator[None, None, Frozen | None]:
        """The state that was saved under ``key``; None where there is none, or one that is not."""
        try:
            with self.path(room).open("rb") as file:
                mac = hmac.new(key, digestmod="sha256")
                left = os.fstat(file.fileno()).st_size - _MAC_BYTES
                while left > 0 and (piece := file.read(min(left, _PIECE_BYTES))):
                    mac.update(piece)
                    left -= len(piece)
                    yield
                if not hmac.compare_digest(mac.digest(), file.read()):
                    return None
                file.seek(0)
                return (yield from thaw(file.read))
        except (OSError, ThawError):
            return None

    def save(self, room: str, key: bytes, frozen: Frozen) -> Generator[None, None, None]:
        """Put ``frozen`` into the place of what was saved before. Raises ``OSError``.

        It is not synced: what a power cut leaves of it does not fit its HMAC.
        """
        self._directory.mkdir(mode=0o700, exist_ok=True)
        path, new, old = self.path(room), self._beside(room, "new"), self._beside(room, "old")
        yield from _forget(new)
        yield from _forget(old)
        mac = hmac.new(key, digestmod="sha256")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            for data in freeze(frozen.room, frozen.chain):
                for start in range(0, len(data), _PIECE_BYTES):
                    piece = data[start : start + _PIECE_BYTES]
                    mac.update(piece)
                    file.write(piece)
                    yield
            file.write(mac.digest())
        with contextlib.suppress(FileNotFoundError):
            path.rename(old)
        new.rename(path)
        yield from _forget(old)

    def remove(self, room: str) -> Generator[None, None, None]:
        """Overwrite and delete whatever there is of the room. Raises ``OSError``."""
        for path in (self.path(room), self._beside(room, "new"), self._beside(room, "old")):
            yield from _forget(path)


def _forget(path: Path) -> Generator[None, None, None]:
    """Overwrite a file and delete it: an answer that is erased from the log shall not stay behind in free space."""
    try:
        file = path.open("r+b", buffering=0)
    except FileNotFoundError:
        return
    with file:
        for _ in range(0, os.fstat(file.fileno()).st_size, _PIECE_BYTES):
            file.write(bytes(_PIECE_BYTES))
            yield
        os.fsync(file.fileno())
    path.unlink()
    yield


def finish(steps: Generator[None, None, T]) -> T:
    """Take all steps at once and give what they return."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return cast("T", stop.value)
