"""The eraser: what was deleted leaves the log, the saved states and memory, and a start goes on where another ended."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec
import pytest

from livevote.clock import ManualClock
from livevote.domain.commands import AddQuestion, CloseVoting, EraseRoom, OpenVoting
from livevote.domain.erasure import is_blank
from livevote.domain.records import Entry
from livevote.live import eraser as module
from livevote.live import keeper
from livevote.live.eraser import Eraser
from livevote.live.gallery import Gallery
from livevote.live.shadow import Shadow
from livevote.live.writer import Writer
from livevote.log import LogRetryError, finish
from livevote.log.memory import MemoryLog
from livevote.pictures import Pictures
from tests.client import eventually
from tests.history import CODE, History, cast, created, dump, opened
from tests.live.notarised import Office, office


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_RECORDS", 3)
    monkeypatch.setattr(module, "_PAGES", 1)
    monkeypatch.setattr(keeper, "LARGE", 5)
    monkeypatch.setattr(keeper, "_WORTH", 2)


class Page:
    """A voter's page that notes why it was closed."""

    def __init__(self, session: str) -> None:
        self.session = session
        self.alive = True
        self.writing = False
        self.left = ""

    def send(self, frame: bytes) -> None:
        """Nothing is read here."""

    def leave_with(self, name: str) -> None:
        self.left = name


class FullLog(MemoryLog):
    """A log whose disk is full as long as somebody wants it."""

    full = 0

    async def forget(self, room: str, *, after: int, upto: int) -> None:
        if self.full:
            self.full -= 1
            raise LogRetryError("database or disk is full")
        await super().forget(room, after=after, upto=upto)


class ReadLog(MemoryLog):
    """A log that another program reads, for as many tries as somebody wants."""

    held = 0
    after_forgetting = 0

    async def forget(self, room: str, *, after: int, upto: int) -> None:
        await super().forget(room, after=after, upto=upto)
        self.held = self.after_forgetting

    def has_traces(self) -> bool:
        return self.held > 0

    async def scrub(self) -> None:
        self.held -= 1


def evening() -> History:
    history = opened().did(*(cast(f"voter{number}", number % 3) for number in range(8)), cast("voter0", 2))
    return history.did(CloseVoting("q1"))


async def begun(directory: Path, history: History) -> Office:
    """A process that has just started on this log."""
    log = FullLog()
    await log.adopt([history.entries])
    return Office(directory, log)


def hung(at: Office) -> Gallery:
    """A gallery without a picture."""
    return Gallery(pictures=Pictures(Path("/nowhere"), space_bytes=0), rooms=at.registry.all, clock=ManualClock())


@asynccontextmanager
async def erasing(at: Office, gallery: Gallery | None = None) -> AsyncIterator[Writer]:
    """A writer and an eraser at work."""
    writer = Writer(log=at.log, registry=at.registry, clock=ManualClock(), queue_limit=100)
    eraser = Eraser(
        log=at.log, registry=at.registry, writer=writer, keeper=at.keeper, gallery=gallery or hung(at), retry_s=0
    )
    writing, working = asyncio.create_task(writer.run()), asyncio.create_task(eraser.run())
    try:
        yield writer
    finally:
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
        writer.stop()
        await writing
        await at.room.channel.aclose()


async def left(log: MemoryLog) -> list[int]:
    """Records that still have an opening."""
    return [entry.index async for entries in log.read(CODE) for entry in entries if entry.opening is not None]


async def erase(at: Office) -> None:
    async with erasing(at) as writer:
        assert isinstance(await writer.ask(CODE, EraseRoom()), Entry)
        assert at.room.code in at.registry.erasing
        await eventually(lambda: not at.registry.erasing)


async def test_openings_saved_states_and_memory_lose_the_answers_and_only_hosts_stay(tmp_path: Path) -> None:
    history = evening()
    at = await begun(tmp_path, history)
    await at.keeper.save()
    assert at.states.path(CODE).exists()
    pages = [Page(f"session{number}") for number in range(3)]
    for page in pages:
        at.room.join(page, limit=5)
    wall, host = Page("wall"), Page("host")
    at.room.channel.join(wall, "wall")
    at.room.join_host(host, cohost="")
    await erase(at)
    assert await left(at.log) == []
    assert is_blank(at.room.state)
    assert not at.states.path(CODE).exists()
    assert [page.left for page in (*pages, wall)] == ["no_such_room"] * 4
    assert host.left == ""
    assert at.room.state.questions["q1"].rounds[0].tally.counts() == (0, 0, 0)


async def test_a_start_goes_on_with_what_another_has_begun(tmp_path: Path) -> None:
    history = evening().did(EraseRoom())
    at = await office(tmp_path, history)
    await at.log.forget(CODE, after=0, upto=6)
    later = Office(tmp_path, at.log)
    assert list(later.registry.erasing) == [CODE]
    async with erasing(later):
        await eventually(lambda: not later.registry.erasing)
    assert await left(at.log) == []
    assert not Office(tmp_path, at.log).registry.erasing
    assert dump(Office(tmp_path, at.log).room.state) == dump(history.state)


async def test_a_full_disk_is_waited_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    at = await begun(tmp_path, evening())
    log = at.log
    assert isinstance(log, FullLog)
    log.full = 2
    await erase(at)
    assert await left(log) == []
    assert [record.message for record in caplog.records] == [
        "the answers of an erased room wait for the disk: database or disk is full"
    ] * 2
    caplog.clear()


async def test_the_end_of_the_writer_is_the_end_of_it(tmp_path: Path) -> None:
    at = await office(tmp_path, evening().did(EraseRoom()))
    writer = Writer(log=at.log, registry=at.registry, clock=ManualClock(), queue_limit=100)
    writer.stop()
    await Eraser(log=at.log, registry=at.registry, writer=writer, keeper=at.keeper, gallery=hung(at)).run()
    assert await left(at.log) != []


async def test_no_state_with_answers_is_saved_once_they_are_deleted(tmp_path: Path) -> None:
    """Neither while the erasure is under way, nor by whoever began to save before it."""
    history = evening()
    at = await office(tmp_path, history)
    early = Shadow(at.room.state)
    for entry in history.entries:
        early.add(entry)
    await at.grow(history.did(EraseRoom()))
    assert not at.keeper.due(at.room)
    await at.keeper.keep(at.room, early)
    del at.registry.erasing[CODE]
    await at.keeper.keep(at.room, early)
    assert not at.states.path(CODE).exists()
    await at.log.forget(CODE, after=0, upto=len(history.entries))
    await at.keeper.save()
    found = finish(at.states.load(CODE, at.room.key.state_key))
    assert found is not None
    assert dump(found.room) == dump(history.state)


async def test_a_saved_state_from_before_the_deletion_is_destroyed_at_the_start(tmp_path: Path) -> None:
    history = evening()
    at = await office(tmp_path, history)
    await at.keeper.save()
    kept = at.states.path(CODE).read_bytes()
    await at.grow(history.did(EraseRoom()))
    at.states.path(CODE).write_bytes(kept)
    later = Office(tmp_path, at.log, saves=True)
    assert not at.states.path(CODE).exists()
    assert later.registry.resumed == {}
    assert dump(later.room.state) == dump(history.state)


def any_picture(directory: Path) -> bool:
    return any(directory.iterdir())


async def test_the_pictures_of_the_room_go_before_the_last_answers(tmp_path: Path) -> None:
    names = ("a" * 64, "b" * 64)
    rules = msgspec.Raw(msgspec.json.encode({"pictures": names}))
    history = created().did(AddQuestion("image", "Which?", ("one", "other"), rules), OpenVoting("q1"))
    at = await begun(tmp_path, history.did(cast("ann", 0), CloseVoting("q1")))
    (tmp_path / "pictures").mkdir()
    for name in names:
        (tmp_path / "pictures" / f"{name}.webp").write_bytes(b"a picture")

    class Broken(Pictures):
        tries = 0

        async def remove(self, digests: Collection[str], *, before_ms: int | None = None) -> None:
            self.tries += 1
            if self.tries < 3:
                assert await left(at.log) == [4], "while answers are left, another start tries again"
                raise OSError(5, "Input/output error")
            await super().remove(digests, before_ms=before_ms)

    pictures = Broken(tmp_path / "pictures", space_bytes=0)
    gallery = Gallery(pictures=pictures, rooms=at.registry.all, clock=ManualClock())
    async with erasing(at, gallery) as writer:
        assert isinstance(await writer.ask(CODE, EraseRoom()), Entry)
        await eventually(lambda: not at.registry.erasing)
    assert pictures.tries == 3
    assert not any_picture(tmp_path / "pictures")
    assert not await left(at.log)


async def test_traces_beside_the_log_are_told_and_tried_again_until_they_are_gone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    history = evening()
    log = ReadLog()
    await log.adopt([history.entries])
    at = Office(tmp_path, log)
    log.after_forgetting = 1_000_000
    async with erasing(at) as writer:
        assert isinstance(await writer.ask(CODE, EraseRoom()), Entry)
        await eventually(lambda: not at.registry.erasing)
        assert at.registry.traced == {CODE}
        await eventually(lambda: bool(caplog.records))
        log.held = 3
        await eventually(lambda: not at.registry.traced)
    assert not log.has_traces()
    assert ["write-ahead log" in record.message for record in caplog.records] == [True], "once, not with every try"
    caplog.clear()


async def test_traces_of_a_room_that_was_erased_before_a_kill_go_at_the_start(tmp_path: Path) -> None:
    log = ReadLog()
    await log.adopt([evening().did(EraseRoom()).entries])
    await log.forget(CODE, after=0, upto=100)
    log.held = 1
    at = Office(tmp_path, log)
    assert not at.registry.erasing
    async with erasing(at):
        assert at.registry.traced == {CODE}
        await eventually(lambda: not at.registry.traced)


async def test_another_room_that_is_to_be_erased_does_not_wait_for_traces(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = ReadLog()
    await log.adopt([evening().entries])
    at = Office(tmp_path, log)
    log.held = 1_000_000
    async with erasing(at) as writer:
        await eventually(lambda: log.held < 1_000_000)
        assert isinstance(await writer.ask(CODE, EraseRoom()), Entry)
        await eventually(lambda: not at.registry.erasing)
    caplog.clear()
