"""Pictures: what is taken becomes a small plain WebP under its own hash, and what is none is refused with a reason."""

import asyncio
import errno
import io
import os
import stat
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from livevote import pictures as module
from livevote.pictures import (
    MAX_BYTES,
    MAX_SIDE,
    RESERVE_BYTES,
    LittleSpaceError,
    NoLibraryError,
    PictureError,
    TooManyPicturesError,
)

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")

BLOCK = 4096


def Pictures(directory: Path, *, blocks: int = 1000, free: Callable[[Path], int] | None = None) -> module.Pictures:  # noqa: N802 - as the class
    return module.Pictures(directory, space_bytes=blocks * BLOCK, free_bytes=free or (lambda _: 2 * RESERVE_BYTES))


def drawn(width: int, height: int, *, form: str = "PNG", mode: str = "RGB", **options: Any) -> bytes:
    """A picture file whose left half is red."""
    image = Image.new(mode, (width, height))
    if mode == "RGB":
        image.paste((200, 0, 0), (0, 0, width // 2, height))
    made = io.BytesIO()
    image.save(made, form, **options)
    return made.getvalue()


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def opened(directory: Path, digest: str) -> Any:
    return Image.open(io.BytesIO((directory / f"{digest}.webp").read_bytes()))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP"])
async def test_a_picture_is_kept_under_its_hash(tmp_path: Path, form: str) -> None:
    pictures = Pictures(tmp_path / "pictures")
    kept = await pictures.keep(drawn(40, 30, form=form))
    body = await pictures.read(kept.digest)
    assert body is not None
    assert sha256(body).hexdigest() == kept.digest
    assert (kept.width, kept.height) == (40, 30)
    assert await pictures.keep(drawn(40, 30, form=form)) == kept
    [path] = (tmp_path / "pictures").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    image = opened(tmp_path / "pictures", kept.digest)
    assert image.format == "WEBP"
    assert image.convert("RGB").getpixel((5, 15))[0] > 150 > image.convert("RGB").getpixel((35, 15))[0]


@pytest.mark.parametrize(
    ("size", "kept_size"), [((3000, 1500), (1200, 600)), ((600, 4000), (180, 1200)), ((1200, 900), (1200, 900))]
)
@pytest.mark.parametrize("form", ["PNG", "JPEG"])
async def test_a_large_picture_is_made_smaller(
    tmp_path: Path, form: str, size: tuple[int, int], kept_size: tuple[int, int]
) -> None:
    kept = await Pictures(tmp_path).keep(drawn(*size, form=form))
    assert (kept.width, kept.height) == kept_size
    assert max(opened(tmp_path, kept.digest).size) <= MAX_SIDE


async def test_nothing_that_a_camera_notes_is_kept_and_the_picture_is_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by 90 degrees
    exif[0x010F] = "A camera"
    data = drawn(80, 40, form="JPEG", exif=exif, icc_profile=b"a profile of colours", comment=b"taken at home")
    kept = await Pictures(tmp_path).keep(data)
    assert (kept.width, kept.height) == (40, 80)
    body = (tmp_path / f"{kept.digest}.webp").read_bytes()
    assert not [text for text in (b"camera", b"home", b"profile", b"EXIF", b"ICCP", b"XMP") if text in body]
    assert not opened(tmp_path, kept.digest).getexif()


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA", "1"])
async def test_pictures_of_all_modes_are_taken(tmp_path: Path, mode: str) -> None:
    kept = await Pictures(tmp_path).keep(drawn(20, 10, mode=mode))
    assert opened(tmp_path, kept.digest).mode == ("RGBA" if mode in ("RGBA", "LA") else "RGB")


async def test_colours_of_print_are_taken(tmp_path: Path) -> None:
    assert (await Pictures(tmp_path).keep(drawn(20, 10, mode="CMYK", form="JPEG"))).width == 20


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "This is no picture of the formats JPEG, PNG, WEBP, GIF."),
        (b"%PDF-1.7", "This is no picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "This is no picture"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "This is no picture"),
        (bytes(MAX_BYTES + 1), "The file is larger than 5 MB."),
    ],
)
async def test_what_is_no_picture_is_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    with pytest.raises(PictureError, match=reason):
        await Pictures(tmp_path / "pictures").keep(data)
    assert not (tmp_path / "pictures").exists()


async def test_a_format_that_is_not_listed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="This is no picture"):
        await Pictures(tmp_path).keep(drawn(20, 10, form="TIFF"))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP"])
async def test_half_a_picture_is_refused(tmp_path: Path, form: str) -> None:
    data = drawn(300, 200, form=form)
    with pytest.raises(PictureError, match=r"damaged|no picture"):
        await Pictures(tmp_path).keep(data[: len(data) // 2])


async def test_a_picture_that_would_take_too_much_memory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="more than 24 megapixels"):
        await Pictures(tmp_path).keep(drawn(6000, 4001, mode="1"))
    assert (await Pictures(tmp_path).keep(drawn(6000, 4000, mode="1"))).width == 1200


async def test_without_the_library_nothing_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(NoLibraryError):
        await Pictures(tmp_path).keep(b"x")


async def test_there_may_be_no_such_picture(tmp_path: Path) -> None:
    assert await Pictures(tmp_path).read("0" * 64) is None


async def test_a_picture_that_is_uploaded_again_is_as_young_as_a_new_one(tmp_path: Path) -> None:
    pictures = Pictures(tmp_path)
    kept = await pictures.keep(drawn(40, 30))
    path = tmp_path / f"{kept.digest}.webp"
    os.utime(path, ns=(5_000_000, 5_000_000))
    assert await pictures.kept(before_ms=5) == set()
    assert await pictures.kept(before_ms=6) == {kept.digest}
    await pictures.keep(drawn(40, 30))
    assert await pictures.kept(before_ms=6) == set()


async def test_pictures_are_removed_and_so_is_what_a_killed_upload_left(tmp_path: Path) -> None:
    pictures = Pictures(tmp_path)
    one, other = [await pictures.keep(drawn(size, 30)) for size in (40, 50)]
    (tmp_path / f"{'0' * 64}.new").write_bytes(b"half a pic")
    await pictures.remove([one.digest, "f" * 64])
    assert names(tmp_path) == [f"{other.digest}.webp"]
    assert await pictures.read(one.digest) is None
    await Pictures(tmp_path / "nowhere").remove([one.digest])


async def test_a_picture_that_is_uploaded_again_before_it_is_removed_stays(tmp_path: Path) -> None:
    pictures = Pictures(tmp_path)
    one, other = [await pictures.keep(drawn(size, 30)) for size in (40, 50)]
    for kept in (one, other):
        os.utime(tmp_path / f"{kept.digest}.webp", ns=(5_000_000, 5_000_000))
    old = await pictures.kept(before_ms=6)
    assert old == {one.digest, other.digest}
    # In turn: the upload is there first.
    await asyncio.gather(pictures.keep(drawn(40, 30)), pictures.remove(old, before_ms=6))
    assert names(tmp_path) == [f"{one.digest}.webp"]


async def test_all_pictures_together_take_so_much_space_and_no_more(tmp_path: Path) -> None:
    pictures = Pictures(tmp_path, blocks=2)
    one, other = [await pictures.keep(drawn(size, 30)) for size in (40, 50)]
    with pytest.raises(TooManyPicturesError):
        await pictures.keep(drawn(60, 30))
    assert names(tmp_path) == sorted(f"{kept.digest}.webp" for kept in (one, other))
    assert await pictures.keep(drawn(50, 30)) == other, "what is there costs nothing"
    await pictures.remove([one.digest])
    assert (await pictures.keep(drawn(60, 30))).width == 60, "what was deleted is space again"
    with pytest.raises(TooManyPicturesError):
        await pictures.keep(drawn(40, 30))


async def test_a_picture_takes_whole_blocks_of_the_disk(tmp_path: Path) -> None:
    noise = io.BytesIO()
    Image.effect_noise((120, 120), 90).save(noise, "PNG")
    pictures = Pictures(tmp_path, blocks=4)
    kept = await pictures.keep(noise.getvalue())
    size = (tmp_path / f"{kept.digest}.webp").stat().st_size
    assert 2 * BLOCK < size <= 3 * BLOCK
    await pictures.keep(drawn(40, 30))
    with pytest.raises(TooManyPicturesError):
        await pictures.keep(drawn(50, 30))


async def test_what_was_there_at_the_start_is_counted(tmp_path: Path) -> None:
    await Pictures(tmp_path, blocks=2).keep(drawn(40, 30))
    (tmp_path / f"{'0' * 64}.new").write_bytes(b"half a pic")
    after = Pictures(tmp_path, blocks=2)
    with pytest.raises(TooManyPicturesError):
        await after.keep(drawn(50, 30))
    await after.remove([])
    assert (await after.keep(drawn(50, 30))).width == 50, "what a killed upload left is gone"


async def test_no_space_at_all_takes_no_picture(tmp_path: Path) -> None:
    with pytest.raises(TooManyPicturesError):
        await Pictures(tmp_path / "pictures", blocks=0).keep(drawn(40, 30))


async def test_of_uploads_at_once_only_those_are_kept_that_there_is_space_for(tmp_path: Path) -> None:
    pictures = Pictures(tmp_path, blocks=3)
    uploads = (pictures.keep(drawn(size, 30)) for size in range(40, 48))
    outcomes = await asyncio.gather(*uploads, return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Picture"] * 3 + ["TooManyPicturesError"] * 5
    assert len(names(tmp_path)) == 3


async def test_the_last_of_the_disk_is_for_votes(tmp_path: Path) -> None:
    free = RESERVE_BYTES + BLOCK
    asked: list[Path] = []

    def left(directory: Path) -> int:
        asked.append(directory)
        return free

    pictures = Pictures(tmp_path / "pictures", free=left)
    kept = await pictures.keep(drawn(40, 30))
    free -= 1
    with pytest.raises(LittleSpaceError):
        await pictures.keep(drawn(50, 30))
    assert await pictures.keep(drawn(40, 30)) == kept
    assert names(tmp_path / "pictures") == [f"{kept.digest}.webp"]
    assert asked == [tmp_path / "pictures"] * 2
    free = RESERVE_BYTES + BLOCK
    assert (await pictures.keep(drawn(50, 30))).width == 50


async def test_what_is_free_is_what_the_disk_has_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = os.statvfs(tmp_path)
    monkeypatch.setattr(module, "RESERVE_BYTES", left.f_bavail * left.f_frsize // 2)
    pictures = module.Pictures(tmp_path, space_bytes=BLOCK)
    assert (await pictures.keep(drawn(40, 30))).width == 40
    monkeypatch.setattr(module, "RESERVE_BYTES", left.f_bavail * left.f_frsize * 2)
    with pytest.raises(LittleSpaceError):
        await module.Pictures(tmp_path, space_bytes=2 * BLOCK).keep(drawn(50, 30))


async def test_an_upload_that_cannot_be_written_leaves_nothing_and_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = Pictures(tmp_path, blocks=1)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            await pictures.keep(drawn(40, 30))
    assert names(tmp_path) == []
    await pictures.keep(drawn(40, 30))


async def test_a_kept_picture_is_durable_under_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    kept = await Pictures(tmp_path).keep(drawn(40, 30))
    assert synced == [str(tmp_path / f"{kept.digest}.new"), str(tmp_path)]
