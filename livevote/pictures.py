"""Pictures of questions: made small and plain when they come in, and kept under the hash of what they became.

Apart from the web, because it is files and an image library. Only who uploads a picture needs the library (Pillow).
"""

import asyncio
import io
import os
import shutil
from collections.abc import Callable, Collection
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

MAX_BYTES = 5_000_000
"""The largest file that is taken."""
MAX_PIXELS = 24_000_000
"""Of these a phone's camera takes a picture; more would need a lot of memory."""
MAX_SIDE = 1200
"""The longer side of a picture that is kept, in pixels."""
RESERVE_BYTES = 1_000_000_000
"""No picture is taken that would leave less free: more than two million ballots of about 400 bytes."""

_BLOCK_BYTES = 4096  # what a small file takes of a disk
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
_QUALITY = 80


class PictureError(Exception):
    """The bytes are no picture that can be kept. The text says why, in a sentence for the host."""


class NoLibraryError(Exception):
    """Pillow is not installed."""


class TooManyPicturesError(Exception):
    """All pictures together take as much space as they may."""


class LittleSpaceError(Exception):
    """The disk has so little space left that it is for votes alone."""


class Picture(NamedTuple):
    """A picture that is kept: the SHA-256 of its file in hex, and its size in pixels."""

    digest: str
    width: int
    height: int


class Pictures:
    """The pictures below ``directory``: files ``SHA256.webp`` of mode 0600 that never change."""

    def __init__(self, directory: Path, *, space_bytes: int, free_bytes: Callable[[Path], int] | None = None) -> None:
        """All together take at most ``space_bytes``. ``free_bytes`` says how much the disk of a directory has left."""
        self._directory = directory
        self._space_bytes = space_bytes
        self._free_bytes = free_bytes or _free_bytes
        # Counted anew for the first upload after a start, and after each look for what can be deleted.
        self._taken_bytes: int | None = None
        # One at a time: each needs up to a hundred megabytes for a moment, and two would take the same free space.
        self._making = asyncio.Semaphore(1)

    async def keep(self, data: bytes) -> Picture:
        """Make a picture of a file's bytes and keep it; the same bytes give the same picture, and cost nothing.

        Raises ``PictureError``, ``NoLibraryError``, ``TooManyPicturesError``, ``LittleSpaceError``, and ``OSError``
        where it cannot be written.
        """
        async with self._making:
            return await asyncio.get_running_loop().run_in_executor(None, self._keep, data)

    def _keep(self, data: bytes) -> Picture:
        body, width, height = _plain(data)
        digest = sha256(body).hexdigest()
        path = self._path(digest)
        if path.exists():
            os.utime(path)  # whoever uploads it again has as much time to use it as the first one
        else:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._take(_on_disk(len(body)))
            try:
                self._write(path, body)
            except OSError:
                self._taken_bytes = None
                raise
        return Picture(digest, width, height)

    def _take(self, size_bytes: int) -> None:
        """Count a new file, if there is space for it. Raises ``TooManyPicturesError`` and ``LittleSpaceError``."""
        if self._taken_bytes is None:
            with os.scandir(self._directory) as files:
                self._taken_bytes = sum(_on_disk(file.stat().st_size) for file in files)
        if self._taken_bytes + size_bytes > self._space_bytes:
            raise TooManyPicturesError
        if self._free_bytes(self._directory) - size_bytes < RESERVE_BYTES:
            raise LittleSpaceError
        self._taken_bytes += size_bytes

    def _write(self, path: Path, body: bytes) -> None:
        unfinished = path.with_suffix(".new")
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        except OSError:
            unfinished.unlink(missing_ok=True)  # on a full disk even half a picture is too much
            raise
        # Or a power cut takes the picture of a question that is in the log.
        self._sync()

    async def read(self, digest: str) -> bytes | None:
        """The file of a picture; None where there is none."""
        return await asyncio.get_running_loop().run_in_executor(None, self._read, digest)

    def _read(self, digest: str) -> bytes | None:
        try:
            return self._path(digest).read_bytes()
        except FileNotFoundError:
            return None

    async def kept(self, *, before_ms: int) -> set[str]:
        """The pictures that were uploaded last before this instant, in ms since 1970. Raises ``OSError``."""
        return await asyncio.get_running_loop().run_in_executor(None, self._kept, before_ms)

    def _kept(self, before_ms: int) -> set[str]:
        return {
            path.stem for path in self._directory.glob("*.webp") if path.stat().st_mtime_ns // 1_000_000 < before_ms
        }

    async def remove(self, digests: Collection[str], *, before_ms: int | None = None) -> None:
        """Delete these pictures for good, and what an upload left behind that was killed. Raises ``OSError``.

        With ``before_ms`` those stay that were uploaded again since this instant.
        """
        async with self._making:
            await asyncio.get_running_loop().run_in_executor(None, self._remove, digests, before_ms)

    def _remove(self, digests: Collection[str], before_ms: int | None) -> None:
        idle = set(digests) if before_ms is None else self._kept(before_ms).intersection(digests)
        going = [self._path(digest) for digest in idle]
        # None is being made: that takes its turn as well.
        going += self._directory.glob("*.new")
        self._taken_bytes = None
        for path in going:
            path.unlink(missing_ok=True)
        if going and self._directory.exists():
            self._sync()

    def _sync(self) -> None:
        """Make the names in the directory durable."""
        descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _path(self, digest: str) -> Path:
        return self._directory / f"{digest}.webp"


def _free_bytes(directory: Path) -> int:
    return shutil.disk_usage(directory).free


def _on_disk(size_bytes: int) -> int:
    """What a file of this size takes of a disk."""
    return -(-size_bytes // _BLOCK_BYTES) * _BLOCK_BYTES


def _plain(data: bytes) -> tuple[bytes, int, int]:
    """The picture as WebP without metadata, upright and no longer than ``MAX_SIDE``; and its width and height."""
    if len(data) > MAX_BYTES:
        raise PictureError(f"The file is larger than {MAX_BYTES // 1_000_000} MB.")
    try:
        from PIL import Image, ImageOps  # here, because all else works without it
    except ImportError:
        raise NoLibraryError from None
    # The library only warns of pictures that are too large, and not before twice as many; see below.
    Image.MAX_IMAGE_PIXELS = None
    # Whoever reads hostile bytes may fail in any way, and every one of them means the same.
    try:
        image: Any = Image.open(io.BytesIO(data), formats=_FORMATS)
        pixels = image.width * image.height
    except Exception as error:
        raise PictureError(f"This is no picture of the formats {', '.join(_FORMATS)}.") from error
    if pixels > MAX_PIXELS:
        raise PictureError(f"The picture has more than {MAX_PIXELS // 1_000_000} megapixels.")
    try:
        if image.format == "JPEG":
            image.draft("RGB", (MAX_SIDE, MAX_SIDE))  # reads a large one at half or a quarter of its size
        image = ImageOps.exif_transpose(image)
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
        image.thumbnail((MAX_SIDE, MAX_SIDE))
        image.info = {}  # where the profile of its colours would come from
        made = io.BytesIO()
        image.save(made, format="WEBP", quality=_QUALITY)
    except Exception as error:
        raise PictureError("The picture is damaged: it cannot be read to its end.") from error
    return made.getvalue(), image.width, image.height
