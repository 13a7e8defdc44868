"""Saved states: believed only where they are whole and our own, replaced whole, and overwritten when they go."""

import hashlib
import hmac
import os
from pathlib import Path
from random import Random

import pytest

from livevote.domain.commands import AddQuestion
from livevote.domain.freeze import FORMAT, Frozen, follow
from livevote.domain.state import Room
from livevote.log import States, finish
from livevote.log import states as module
from tests.history import CODE, OPTIONS, History, cast, dump, opened

KEY = bytes(range(32))


def frozen(history: History) -> Frozen:
    room: Room | None = None
    for entry in history.entries:
        room = follow(room, entry, salt=bytes(16), like=None)
    assert room is not None
    return Frozen(room, room.head, history.entries[-1].chain)


def voted() -> History:
    return opened().did(cast("ann", 0), cast("b" * 22, 1, id="c" * 22), cast("ann", 2))


def saved(tmp_path: Path, history: History) -> States:
    tmp_path.mkdir(exist_ok=True)
    states = States(tmp_path / "states")
    finish(states.save(CODE, KEY, frozen(history)))
    return states


def loaded(states: States, key: bytes = KEY) -> object:
    found = finish(states.load(CODE, key))
    return None if found is None else (found.index, found.chain, dump(found.room))


def test_what_was_saved_is_loaded_again(tmp_path: Path) -> None:
    history = voted()
    states = saved(tmp_path, history)
    assert loaded(states) == (6, history.entries[-1].chain, dump(history.state))
    finish(states.save(CODE, KEY, frozen(history.did(cast("eve", 1)))))
    assert loaded(states) == (7, history.entries[-1].chain, dump(history.state))


def test_nobody_else_can_read_the_files(tmp_path: Path) -> None:
    states = saved(tmp_path, voted())
    assert [path.name for path in states.path(CODE).parent.iterdir()] == [f"{CODE}.state"]
    assert (states.path(CODE).stat().st_mode & 0o777, states.path(CODE).parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_where_nothing_was_saved_there_is_nothing(tmp_path: Path) -> None:
    assert loaded(States(tmp_path / "states")) is None


def test_a_state_under_another_key_is_not_believed(tmp_path: Path) -> None:
    assert loaded(saved(tmp_path, voted()), bytes(32)) is None


def test_a_state_that_was_damaged_is_not_believed(tmp_path: Path) -> None:
    states = saved(tmp_path, voted())
    path, rng = states.path(CODE), Random(5)
    whole = path.read_bytes()
    assert len(whole) > 2 * 1024 * 4
    for _ in range(200):
        data = bytearray(whole)
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(data)
        assert loaded(states) is None
    for end in (0, 1, 31, 32, 33, len(FORMAT) + 36, len(whole) - 32, len(whole) - 1):
        path.write_bytes(whole[:end])
        assert loaded(states) is None
    path.write_bytes(whole + b"\0")
    assert loaded(states) is None
    path.write_bytes(bytes(len(whole)))
    assert loaded(states) is None


def test_a_state_of_another_version_is_left_alone(tmp_path: Path) -> None:
    states = saved(tmp_path, voted())
    data = states.path(CODE).read_bytes()[:-32].replace(FORMAT, FORMAT.replace(b"2", b"0"))
    states.path(CODE).write_bytes(data + hmac.digest(KEY, data, hashlib.sha256))
    assert loaded(states) is None


def test_a_state_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    states = saved(tmp_path, voted())
    states.path(CODE).unlink()
    states.path(CODE).mkdir()
    assert loaded(states) is None


def test_a_process_that_dies_at_any_step_leaves_the_old_state_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PIECE_BYTES", 4096)
    old = voted()
    new = voted().did(cast("eve", 1))
    steps, seen = 0, set()
    while True:
        states = saved(tmp_path / str(steps), old)
        saving = states.save(CODE, KEY, frozen(new))
        ended = all(next(saving, "over") is None for _ in range(steps))
        saving.close()
        found = loaded(States(tmp_path / str(steps) / "states"))
        seen.add(found and found[0])  # type: ignore[index]
        finish(states.save(CODE, KEY, frozen(new)))
        assert loaded(states) == (7, new.entries[-1].chain, dump(new.state))
        assert [path.name for path in states.path(CODE).parent.iterdir()] == [f"{CODE}.state"]
        if not ended:
            break
        steps += 1
    assert steps > 5
    assert seen == {6, 7}


def test_one_that_dies_between_the_two_renames_leaves_none(tmp_path: Path) -> None:
    states = saved(tmp_path, voted())
    states.path(CODE).rename(states.path(CODE).with_name(f"{CODE}.state.old"))
    assert loaded(states) is None
    finish(states.save(CODE, KEY, frozen(voted())))
    assert loaded(states) is not None


@pytest.mark.parametrize("goes", ["is replaced", "is removed", "was left behind"])
def test_a_state_that_goes_is_overwritten(tmp_path: Path, goes: str) -> None:
    states = saved(tmp_path, voted())
    path = states.path(CODE)
    if goes == "was left behind":
        path.rename(path.with_name(f"{CODE}.state.new"))
        path = path.with_name(f"{CODE}.state.new")
    os.link(path, tmp_path / "blocks")
    assert b'{"choices":[1]}' in (tmp_path / "blocks").read_bytes()
    if goes == "is replaced":
        finish(states.save(CODE, KEY, frozen(voted().did(AddQuestion("single", "And?", OPTIONS)))))
    else:
        finish(states.remove(CODE))
        assert not list(path.parent.iterdir())
    assert not any((tmp_path / "blocks").read_bytes())


def test_removing_what_is_not_there_is_no_error(tmp_path: Path) -> None:
    finish(States(tmp_path / "states").remove(CODE))
    assert not (tmp_path / "states").exists()
