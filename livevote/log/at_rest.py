"""Whether nobody writes to a database, so that it can be read without a trace, also from a disk that is read-only.

Apart from the adapter because it is about files and not about rows. To read a database in WAL mode SQLite makes two
files beside it, unless it is told that nothing will change: which is dangerous to say of a log that is being written.
"""

from contextlib import suppress
from pathlib import Path

from livevote.failures import DataDirectoryError
from livevote.log.lock import LOCK, is_held

_BESIDE = ("-wal", "-journal")  # what was written and is not in the database yet


class AtRest:
    """A database as it was found: with all that belongs to it in one file, and nobody there to write to it."""

    def __init__(self, path: Path, found: tuple[int, ...]) -> None:
        self._path = path
        self._found = found

    @classmethod
    def of(cls, path: Path) -> "AtRest | None":
        """How the database at ``path`` rests; None where it may not."""
        # SQLite looks for the files beside it where a link leads.
        path = path.resolve()
        found = _state(path)
        # The files come first: of a server that runs, the lock need hardly ever be touched.
        with suppress(DataDirectoryError):
            if found is not None and not is_held(path.with_name(LOCK)):
                return cls(path, found)
        return None

    def lasts(self) -> bool:
        """Whether it rests until now: then all that was read from it meanwhile is what it holds."""
        return _state(self._path) == self._found


def _state(path: Path) -> tuple[int, ...] | None:
    try:
        if any(_size(path.with_name(f"{path.name}{suffix}")) for suffix in _BESIDE):
            return None
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
