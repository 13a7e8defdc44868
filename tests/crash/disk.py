"""Disks of a test's own: one that loses its power, and one that is small.

They are mounted for real, which needs root. A process of its own takes the mount away if the test is killed.
"""

import fcntl
import os
import shutil
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_EXT4_IOC_SHUTDOWN = 0x8004587D
_WITHOUT_FLUSHING_THE_JOURNAL = struct.pack("I", 2)
_PAGE_BYTES = 4096
_PATIENCE_S = 60
_MIB = 1 << 20


class Ext4:
    """ext4 in a file. What a cut leaves in it is what the kernel had handed to the disk: the page cache is lost."""

    def __init__(self, image: Path, path: Path, options: str) -> None:
        self._image = image
        self._options = f"loop,{options}"
        self.path = path

    def mount(self) -> None:
        _run("mount", "-t", "ext4", "-o", self._options, str(self._image), str(self.path))

    def cut(self) -> None:
        """Take the power away, at this instant: from here on every write and sync fails."""
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(descriptor, _EXT4_IOC_SHUTDOWN, _WITHOUT_FLUSHING_THE_JOURNAL)
        finally:
            os.close(descriptor)

    def restore(self) -> None:
        """Give it back. Nobody may have a file open there any more."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            _run("umount", str(self.path))
            self.mount()
            if self._is_alive():
                return
            # A process with mounts of its own still has the dead one, of which this is another view.
            assert time.monotonic() < deadline, "the disk that was cut off stays mounted elsewhere"
            time.sleep(0.05)

    def _is_alive(self) -> bool:
        try:
            os.close(os.open(self.path, os.O_TMPFILE | os.O_RDWR, 0o600))
        except OSError:
            return False
        return True


@contextmanager
def ext4(directory: Path, *, options: str = "data=ordered", mib: int = 64) -> Iterator[Ext4]:
    """A new ext4 below ``directory``, gone afterwards. Skips the test where there can be none."""
    _need("mkfs.ext4")
    directory.mkdir()
    disk = Ext4(directory / "image", directory / "mounted", options)
    with (directory / "image").open("wb") as image:
        image.truncate(mib * _MIB)
    disk.path.mkdir()
    _run("mkfs.ext4", "-q", "-F", str(directory / "image"))
    with _mounted(disk.path, disk.mount):
        yield disk
    shutil.rmtree(directory)


class Small:
    """A file system in memory that can be filled up."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    def fill(self, *, free_pages: int) -> None:
        """Leave so many pages. A write that begins in the last one and ends behind it is short."""
        with self._ballast.open("ab", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(bytes(_PAGE_BYTES))
            except OSError:
                pass
            ballast.truncate(ballast.tell() - free_pages * _PAGE_BYTES)

    def empty(self) -> None:
        self._ballast.unlink()


@contextmanager
def small(directory: Path, *, mib: int) -> Iterator[Small]:
    """A new small file system below ``directory``, gone afterwards. Skips the test where there can be none."""
    _need()
    directory.mkdir()
    with _mounted(directory, lambda: _run("mount", "-t", "tmpfs", "-o", f"size={mib}m", "none", str(directory))):
        yield Small(directory)


def _need(*tools: str) -> None:
    if os.geteuid():
        pytest.skip("needs root, to mount a disk of its own")
    for tool in ("mount", "umount", *tools):
        if shutil.which(tool) is None:
            pytest.skip(f"needs {tool}")


@contextmanager
def _mounted(path: Path, mount: Callable[[], None]) -> Iterator[None]:
    try:
        mount()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no file system can be mounted here: {error.stderr.strip()}")
    # It waits for the end of this process, however that comes: then its stdin ends. A mount may be on its way then.
    guard = subprocess.Popen(
        ["sh", "-c", 'read -r _; sleep 2; umount -l "$0" 2>/dev/null', str(path)],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield
    finally:
        _run("umount", str(path))
        guard.kill()
        guard.communicate()


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
