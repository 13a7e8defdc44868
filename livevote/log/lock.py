"""One writer to a data directory: a lock that the kernel lets go when the process ends, however it ends."""

import fcntl
import os
import time
from pathlib import Path

from livevote.failures import AlreadyRunningError, DataDirectoryError

LOCK = "livevote.lock"
"""The name of the lock in a data directory."""

_A_LOOK_S = 0.05


class Lock:
    """Holds ``path`` for this process. Raises ``AlreadyRunningError`` soon if another process holds it."""

    def __init__(self, path: Path) -> None:
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DataDirectoryError(
                f"Cannot write to {path.parent}: {error.strerror}. Check its owner and mode, or choose --data."
            ) from error
        try:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                # It may have been somebody who only looked, see ``is_held``.
                time.sleep(_A_LOOK_S)
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            raise AlreadyRunningError(
                f"Another livevote uses {path.parent.resolve()}. Stop it first, or choose another with --data."
            ) from None
        except OSError as error:
            os.close(self._descriptor)
            raise DataDirectoryError(
                f"Cannot lock {path}: {error.strerror}. Choose a local disk with --data."
            ) from error

    def release(self) -> None:
        """Let the next process in. The file stays: removing it would let two processes lock two files."""
        os.close(self._descriptor)


def is_held(path: Path) -> bool:
    """Whether a process holds ``path``, which is neither made nor written. Raises ``DataDirectoryError`` for no access.

    A process that wants the lock at the very same moment has to try twice.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise DataDirectoryError(f"Cannot open {path}: {error.strerror}. Check its owner and mode.") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
