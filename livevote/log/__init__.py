"""The durability seam: what an acknowledged record rests on. Adapters are chosen here, by URL, and nowhere else."""

from pathlib import Path

from livevote.log.base import Batch, Head, Log, LogFailedError, LogRetryError, Reader
from livevote.log.checkpoints import VKEY, Checkpoints, opened, opened_in_slices, read_notes, rooms_with_notes
from livevote.log.copies import snapshot
from livevote.log.memory import MemoryLog
from livevote.log.reading import quick_check
from livevote.log.sqlite import SqliteLog
from livevote.log.sqlite_reader import SqliteReader
from livevote.log.states import States, finish

__all__ = [
    "VKEY",
    "Batch",
    "Checkpoints",
    "Head",
    "Log",
    "LogFailedError",
    "LogRetryError",
    "MemoryLog",
    "Reader",
    "States",
    "finish",
    "open_log",
    "open_reader",
    "opened",
    "opened_in_slices",
    "quick_check",
    "read_notes",
    "rooms_with_notes",
    "snapshot",
]


async def open_log(url: str) -> Log:
    """Open the log for writing: ``sqlite:PATH`` or ``memory:``.

    Raises a ``livevote.failures`` error with a sentence for the operator where the log cannot be used.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "memory":
        return MemoryLog()
    if scheme == "sqlite":
        return await SqliteLog.open(Path(rest))
    raise ValueError(f"a log is sqlite:PATH or memory:, not {url!r}")


async def open_reader(url: str) -> Reader:
    """Open an existing ``sqlite:PATH`` for reading only, also while a server writes to it."""
    scheme, _, rest = url.partition(":")
    if scheme != "sqlite":
        raise ValueError(f"a log to read is sqlite:PATH, not {url!r}")
    return await SqliteReader.open(Path(rest))
