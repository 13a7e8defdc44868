"""The keeper: what has grown is saved from the log, and only that."""

import asyncio
import shutil
from pathlib import Path

import pytest

from livevote.domain.commands import OpenVoting, RemoveName
from livevote.domain.room import BrokenLogError
from livevote.live import keeper as module
from livevote.live.shadow import Shadow
from livevote.log import finish
from tests.history import CODE, cast, dump, linked, named, opened, quizzed
from tests.live.notarised import Office, office, replaced


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rooms with more than 5 records are large, and two more are worth a file."""
    monkeypatch.setattr(module, "LARGE", 5)
    monkeypatch.setattr(module, "_WORTH", 2)


def index(at: Office) -> int | None:
    """Up to where the room's state is saved, which must be its fold."""
    found = finish(at.states.load(CODE, at.room.key.state_key))
    return None if found is None else found.index


async def test_only_large_rooms_that_have_grown_are_saved(tmp_path: Path) -> None:
    history = opened().did(cast("ann", 0), cast("bob", 1))
    at = await office(tmp_path, history)
    assert len(history.entries) == 5
    await at.keeper.save()
    assert index(at) is None
    await at.grow(history.did(cast("eve", 2)))
    await at.keeper.save()
    assert index(at) == 6
    await at.grow(history.did(cast("fay", 2)))
    await at.keeper.save()
    assert index(at) == 6
    await at.grow(history.did(cast("gus", 2)))
    await at.keeper.save()
    assert index(at) == 8
    found = finish(at.states.load(CODE, at.room.key.state_key))
    assert found is not None
    assert (dump(found.room), found.chain) == (dump(history.state), history.entries[-1].chain)


async def test_a_large_room_is_saved_less_often(tmp_path: Path) -> None:
    history = opened().did(*(cast(f"voter{number}", 0) for number in range(30)))
    at = await office(tmp_path, history)
    await at.keeper.save()
    await at.grow(history.did(*(cast(f"late{number}", 0) for number in range(4))))
    await at.keeper.save()
    assert index(at) == 33
    await at.grow(history.did(cast("latest", 0)))
    await at.keeper.save()
    assert index(at) == 38
    await at.grow(history.did(cast("fay", 0), cast("gus", 0)))
    await at.keeper.save(growth=0)
    assert index(at) == 40


async def test_a_keeper_goes_on_from_what_a_start_went_on_from(tmp_path: Path) -> None:
    history = opened().did(cast("ann", 0), cast("bob", 1), cast("eve", 2))
    at = await office(tmp_path, history)
    await at.keeper.save()
    again = Office(tmp_path, at.log, saves=True)
    assert again.keeper.saved == {CODE: 6}
    await again.grow(history.did(cast("ann", 2), cast("fay", 0)))
    # Nobody could fold the first ones again.
    replaced(again.log, [history.entries[0]] * 6 + history.entries[6:])
    await again.keeper.save()
    assert index(again) == 8


async def test_a_file_that_was_lost_is_made_from_the_whole_log(tmp_path: Path) -> None:
    history = opened().did(cast("ann", 0), cast("bob", 1), cast("eve", 2))
    at = await office(tmp_path, history)
    await at.keeper.save()
    shutil.rmtree(tmp_path / "states")
    await at.grow(history.did(cast("ann", 2), cast("fay", 0)))
    await at.keeper.save()
    assert index(at) == 8


async def test_what_cannot_be_saved_is_a_warning_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = await office(tmp_path, opened().did(cast("ann", 0), cast("bob", 1), cast("eve", 2)))
    (tmp_path / "states").write_text("in the way")
    await at.keeper.save()
    assert "was not saved: [Errno 17]" in caplog.text
    caplog.clear()

    def fails(*_: object) -> None:
        raise BrokenLogError("no")

    with monkeypatch.context() as patch:
        patch.setattr(Shadow, "add", fails)
        await at.keeper.save()
    assert [record.message for record in caplog.records] == [f"the state of room {CODE} was not saved: no"]
    (tmp_path / "states").unlink()
    await at.keeper.save()
    assert index(at) == 6


async def test_it_runs_until_it_is_cancelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAUSE_S", 0)
    history = opened()
    at = await office(tmp_path, history)
    running = asyncio.create_task(at.keeper.run())
    await at.grow(history.did(cast("ann", 0), cast("bob", 1), cast("eve", 2)))
    async with asyncio.timeout(10):
        while not at.keeper.saved:
            await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert index(at) == 6


async def test_a_room_in_the_middle_of_a_vote_is_saved_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BUSY", 3)
    monkeypatch.setattr(module, "_WORTH_WHILE_BUSY", 20)
    history = opened().did(*(cast(f"voter{number}", 0) for number in range(4)))
    at = await office(tmp_path, history)
    await at.keeper.look()
    assert index(at) == 7
    for votes, saved in ((4, 7), (4, 7), (3, 18), (20, 38)):
        head = len(history.entries)
        await at.grow(history.did(*(cast(f"late{head + number}", 0) for number in range(votes))))
        await at.keeper.look()
        assert index(at) == saved


async def test_the_loop_gets_its_turns_while_a_long_log_is_read(tmp_path: Path) -> None:
    at = await office(tmp_path, opened().did(*(cast(f"voter{number}", 0) for number in range(1000))))
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await at.keeper.save()
    counting.cancel()
    assert turns >= 10


async def test_what_holds_a_name_that_was_erased_is_deleted(tmp_path: Path) -> None:
    history = linked().did(named("ann", "Ann", id="1"), quizzed(1), OpenVoting("q1"), named("bob", "Bob"))
    at = await office(tmp_path, history)
    await at.keeper.save()
    await at.grow(history.did(RemoveName(3)))
    assert at.room.erased == 7
    assert index(at) == 6
    assert b"Ann" in at.states.path(CODE).read_bytes()
    await at.keeper.look()
    assert index(at) == 7
    assert b"Ann" not in at.states.path(CODE).read_bytes()


async def test_what_is_wrong_is_deleted(tmp_path: Path) -> None:
    at = await office(tmp_path, opened().did(cast("ann", 0), cast("bob", 1), cast("eve", 2)))
    await at.keeper.save()
    await at.keeper.discard(at.room)
    assert (index(at), at.keeper.saved, list((tmp_path / "states").iterdir())) == (None, {}, [])
