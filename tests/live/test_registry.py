"""The rooms by code: folded from a log at start, moved on by entries, refused where log or keys do not fit."""

from collections.abc import Generator
from pathlib import Path

import msgspec
import pytest

from livevote.clock import ManualClock
from livevote.domain.commands import EraseAnswer, OpenVoting, RemoveName
from livevote.domain.records import Draft, Entry, RoomCreated, VotingClosed
from livevote.domain.tally import fold
from livevote.failures import CorruptError, SetupError
from livevote.keys import Keyring
from livevote.live.registry import Registry
from livevote.live.shadow import Shadow
from livevote.log import States, finish
from livevote.log.memory import MemoryLog
from tests.history import CODE, History, cast, created, dump, linked, named, opened, quizzed


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


def history() -> History:
    return opened().did(cast("ann", 0), cast("b" * 22, 1, id="c" * 22), cast("ann", 2))


async def saved_at(tmp_path: Path, at: int, done: History) -> tuple[MemoryLog, States, Keyring]:
    """The log of a process that saved its state after ``at`` records and is gone."""
    log, states, keys = MemoryLog(), States(tmp_path / "states"), Keyring(tmp_path / "keys", create=True)
    key = keys.make_room(CODE)
    await log.append(done.drafts(), ticket=1)
    shadow = Shadow()
    for entry in done.entries[:at]:
        shadow.add(entry)
    finish(states.save(CODE, key.state_key, shadow.freeze()))
    return log, states, keys


class Counted(MemoryLog):
    """A log that counts the records that a scan has given."""

    def __init__(self, log: MemoryLog) -> None:
        super().__init__()
        self._rooms = log._rooms
        self.given = 0

    def scan(self, room: str | None = None, *, after: int = 0) -> Generator[Entry, None, None]:
        for entry in super().scan(room, after=after):
            self.given += 1
            yield entry


def started(log: MemoryLog, states: States, keys: Keyring) -> tuple[object, dict[str, int], int]:
    """The state after a start, up to where it was taken as saved, and how many records were read."""
    rooms, counted = registry(keys), Counted(log)
    rooms.load(counted, states)
    room = rooms.get(CODE)
    assert room is not None
    return dump(room.state), rooms.resumed, counted.given


@pytest.mark.parametrize("at", range(1, 7))
async def test_i4_a_start_goes_on_from_a_saved_state(tmp_path: Path, at: int) -> None:
    done = history()
    assert started(*await saved_at(tmp_path, at, done)) == (dump(done.state), {CODE: at}, 7 - at)


def whole(log: MemoryLog, states: States, keys: Keyring) -> None:
    """A start must fold the whole log, and come to what it comes to."""
    found, resumed, given = started(log, states, keys)
    assert (found, resumed) == (dump(fold(log.scan(CODE))), {})
    assert given >= len(list(log.scan(CODE)))


async def test_a_saved_state_that_is_gone_or_damaged_does_not_matter(tmp_path: Path) -> None:
    log, states, keys = await saved_at(tmp_path, 5, history())
    states.path(CODE).write_bytes(states.path(CODE).read_bytes()[:-1])
    whole(log, states, keys)
    states.path(CODE).unlink()
    whole(log, states, keys)


async def test_a_saved_state_of_another_log_does_not_matter(tmp_path: Path) -> None:
    log, states, keys = await saved_at(tmp_path, 5, history())
    for other in (opened().did(cast("eve", 1), cast("fay", 1), cast("gus", 1)), opened(), created()):
        log._rooms[CODE] = other.entries
        whole(log, states, keys)


async def test_a_saved_state_that_the_rest_does_not_fit_does_not_matter(tmp_path: Path) -> None:
    done = history()
    log, states, keys = await saved_at(tmp_path, 5, done)
    lie = Shadow()
    for entry in done.entries[:3]:
        lie.add(entry)
    wrong = msgspec.structs.replace(lie.freeze(), chain=done.entries[4].chain)
    wrong.room.head = 5
    finish(states.save(CODE, keys.room(CODE).state_key, msgspec.structs.replace(wrong, index=5)))
    whole(log, states, keys)


async def test_a_saved_state_from_before_an_erasure_is_not_used_and_not_kept(tmp_path: Path) -> None:
    log, states, keys = await saved_at(tmp_path, 5, history().did(EraseAnswer(5)))
    whole(log, states, keys)
    assert not states.path(CODE).exists()


async def test_a_saved_state_from_before_the_erasure_of_a_name_is_not_used_and_not_kept(tmp_path: Path) -> None:
    done = linked().did(named("ann", "Ann"), quizzed(1), OpenVoting("q1"), RemoveName(3))
    log, states, keys = await saved_at(tmp_path, 5, done)
    whole(log, states, keys)
    assert not states.path(CODE).exists()


async def test_a_saved_state_from_after_an_erasure_is_used(tmp_path: Path) -> None:
    done = history().did(EraseAnswer(5), cast("eve", 1))
    assert started(*await saved_at(tmp_path, 7, done)) == (dump(done.state), {CODE: 7}, 2)
