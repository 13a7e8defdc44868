"""Small disks, for what happens when one is full. Only root may mount them."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(where: Path, *, kilobytes: int) -> Iterator[Path]:
    """A file system of that size at ``where``, in memory; gone afterwards."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    where.mkdir()
    options = f"size={kilobytes}k,mode=700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "livevote-test", str(where)], check=True, timeout=30)
    try:
        yield where
    finally:
        subprocess.run(["umount", str(where)], check=True, timeout=30)
