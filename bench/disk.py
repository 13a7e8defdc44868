"""What the disk itself takes, without SQLite and without a server: the floor of every acknowledged vote."""

import os
import time
from pathlib import Path

BLOCK_BYTES = 4096
"""About what a batch of ten votes appends to the write-ahead log."""


def fdatasync_ms(directory: Path, times: int) -> list[float]:
    """How long each of ``times`` blocks, appended to a file in ``directory``, took to last. Raises ``OSError``."""
    path = directory / "fdatasync"
    took_ms = []
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC)
    try:
        for _ in range(times):
            begun_s = time.perf_counter()
            os.write(descriptor, bytes(BLOCK_BYTES))
            os.fdatasync(descriptor)
            took_ms.append(1000 * (time.perf_counter() - begun_s))
    finally:
        os.close(descriptor)
        path.unlink()
    return took_ms
