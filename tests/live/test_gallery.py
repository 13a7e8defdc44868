"""The gallery: a picture stays as long as somebody may see it, and no longer than a day after that."""

import asyncio
import logging
import os
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from livevote.clock import ManualClock
from livevote.domain.commands import (
    AddQuestion,
    AskAgain,
    CloseVoting,
    Command,
    EditQuestion,
    EraseRoom,
    OpenVoting,
    RemoveQuestion,
)
from livevote.live.gallery import KEPT_MS, Gallery, named
from livevote.pictures import Pictures
from tests.client import eventually
from tests.history import History, created

A, B, C, D = (letter * 64 for letter in "abcd")


def rules(*pictures: str) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode({"pictures": pictures}))


def asking(*pictures: str) -> Command:
    return AddQuestion("image", "Which?", tuple(f"option {name[0]}" for name in pictures), rules(*pictures))


class Hall:
    """A directory of pictures and the rooms that show them."""

    def __init__(self, directory: Path, *histories: History) -> None:
        self.directory = directory
        self.clock = ManualClock()
        self.rooms: list[Any] = [SimpleNamespace(state=history.room) for history in histories]
        self.pictures = Pictures(directory, space_bytes=1_000_000)
        self.gallery = Gallery(pictures=self.pictures, rooms=lambda: self.rooms, clock=self.clock, pause_s=0)

    def hang(self, *digests: str, age_ms: int = 0) -> None:
        """Files as an upload leaves them."""
        self.directory.mkdir(exist_ok=True)
        for digest in digests:
            path = self.directory / f"{digest}.webp"
            path.write_bytes(b"a picture")
            at_ns = (self.clock.now_ms() - age_ms) * 1_000_000
            os.utime(path, ns=(at_ns, at_ns))

    def left(self) -> set[str]:
        return {path.name.partition(".")[0] for path in self.directory.iterdir()}

    async def look(self, times: int = 2) -> set[str]:
        for _ in range(times):
            await self.gallery.look()
        return self.left()


def hall(directory: Path, *histories: History, hung: Iterable[str] = (A, B, C, D)) -> Hall:
    at = Hall(directory / "pictures", *histories)
    at.hang(*hung, age_ms=KEPT_MS + 1)
    return at


async def test_a_picture_stays_while_a_question_of_any_room_names_it(tmp_path: Path) -> None:
    drafted, asked = created().did(asking(A, B)), created().did(asking(B, C), OpenVoting("q1"))
    at = hall(tmp_path, drafted, asked)
    assert await at.look() == {A, B, C}
    drafted.did(RemoveQuestion("q1"))
    assert await at.look() == {B, C}


async def test_a_picture_stays_that_a_round_was_asked_with(tmp_path: Path) -> None:
    history = created().did(asking(A, B), EditQuestion("q1", rules=rules(A, C)), OpenVoting("q1"), CloseVoting("q1"))
    assert named(history.room) == {A, C}, "with B nobody was asked"
    history.did(EditQuestion("q1", rules=rules(A, D), meaning=True))
    assert named(history.room) == {A, C, D}
    assert await hall(tmp_path, history).look() == {A, C, D}
    history.did(AskAgain("q1"))
    assert named(history.room) == {A, C, D}


async def test_a_day_after_its_upload_a_picture_without_a_question_goes(tmp_path: Path) -> None:
    at = hall(tmp_path, created(), hung=())
    at.hang(A, age_ms=KEPT_MS)
    at.hang(B, age_ms=KEPT_MS + 1)
    assert await at.look() == {A}
    at.clock.advance(1)
    assert await at.look(times=1) == {A}
    assert await at.look(times=1) == set()


async def test_what_was_uploaded_or_asked_since_the_last_look_stays(tmp_path: Path) -> None:
    history = created()
    at = hall(tmp_path, history, hung=(A, B, C))
    assert await at.look(times=1) == {A, B, C}
    at.hang(A)
    history.did(asking(B, D))
    assert await at.look(times=1) == {A, B}


async def test_a_clock_that_jumps_ahead_takes_no_picture_from_a_host_at_work(tmp_path: Path) -> None:
    history = created()
    at = hall(tmp_path, history, hung=())
    at.hang(A, B)
    at.clock.advance(50 * 365 * 24 * 60 * 60)
    assert await at.look(times=1) == {A, B}
    history.did(asking(A, B))
    assert await at.look() == {A, B}


async def test_a_room_that_was_erased_shows_nothing(tmp_path: Path) -> None:
    erased, other = created().did(asking(A, B), EraseRoom()), created().did(asking(B, C))
    at = hall(tmp_path, erased, other, hung=())
    at.hang(A, B, C, D)
    await at.gallery.forget(at.rooms[0])
    assert at.left() == {B, C, D}, "however young they are"
    await at.gallery.forget(at.rooms[0])
    assert at.left() == {B, C, D}


async def test_without_pictures_there_is_nothing_to_do(tmp_path: Path) -> None:
    at = Hall(tmp_path / "pictures", created().did(asking(A, B), EraseRoom()))
    await at.gallery.look()
    await at.gallery.forget(at.rooms[0])
    assert not at.directory.exists()


async def test_a_directory_that_cannot_be_read_is_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    at = hall(tmp_path, created())

    async def broken(**_: object) -> set[str]:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING, "livevote"):
        patch.setattr(at.pictures, "kept", broken)
        assert await at.look() == {A, B, C, D}
    assert [record.message for record in caplog.records] == [
        "pictures that nobody shows any more could not be deleted: [Errno 5] Input/output error"
    ] * 2
    assert await at.look() == set()


async def test_it_looks_again_and_again(tmp_path: Path) -> None:
    at = hall(tmp_path, created())
    running = asyncio.create_task(at.gallery.run())
    await eventually(lambda: not at.left())
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_picture_that_is_uploaded_again_while_it_is_looked_for_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = hall(tmp_path, created(), hung=(A, B))
    remove = at.pictures.remove

    async def late(*digests: Any, **rest: Any) -> None:
        at.hang(A)
        await remove(*digests, **rest)

    monkeypatch.setattr(at.pictures, "remove", late)
    assert await at.look() == {A}
