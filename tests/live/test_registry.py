"""The rooms by code: folded from a log at start, moved on by entries, refused where log or keys do not fit."""

from collections.abc import Generator
from pathlib import Path

import pytest

from livevote.clock import ManualClock
from livevote.domain.records import Draft, Entry, RoomCreated, VotingClosed
from livevote.failures import CorruptError, SetupError
from livevote.keys import Keyring
from livevote.live.registry import Registry
from livevote.log.memory import MemoryLog


def registry(keys: Keyring) -> Registry:
    return Registry(keyring=keys, clock=ManualClock(), base_url=lambda: "http://x")


async def test_i4_after_a_restart_every_room_is_there(tmp_path: Path) -> None:
    keys, log = Keyring(tmp_path, create=True), MemoryLog()
    for at, code in enumerate(("LATER2", "EARLY2")):
        keys.make_room(code)
        await log.append([Draft(code, RoomCreated(at=10 - at, code=code, title=code))], ticket=at)
    rooms = registry(keys)
    rooms.load(log)
    assert [room.code for room in rooms.all()] == ["EARLY2", "LATER2"]
    assert len(rooms) == 2
    assert rooms.get("NOSUCH") is None


async def test_a_room_without_its_key_stops_the_start(tmp_path: Path) -> None:
    log = MemoryLog()
    await log.append([Draft("ROOM22", RoomCreated(at=1, code="ROOM22", title="?"))], ticket=1)
    with pytest.raises(SetupError, match=r"ROOM22\.key"):
        registry(Keyring(tmp_path, create=True)).load(log)


class Swapped(MemoryLog):
    """A log that somebody has changed behind our back."""

    def scan(self, room: str | None = None, *, after: int = 0) -> Generator[Entry, None, None]:
        yield from reversed(list(super().scan(room, after=after)))


async def test_a_log_that_does_not_fold_stops_the_start(tmp_path: Path) -> None:
    keys, log = Keyring(tmp_path, create=True), Swapped()
    keys.make_room("ROOM22")
    drafts = [
        Draft("ROOM22", RoomCreated(at=1, code="ROOM22", title="?")),
        Draft("ROOM22", VotingClosed(at=1, question="q1", round=1)),
    ]
    await log.append(drafts, ticket=1)
    with pytest.raises(CorruptError, match="does not add up"):
        registry(keys).load(log)
