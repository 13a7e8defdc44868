"""The notary: what has grown is signed, at most once a second, at once after a host's command, and when asked."""

import asyncio
import contextlib
import errno
import threading
from pathlib import Path

import pytest

from livevote.domain.commands import CloseVoting
from livevote.domain.merkle import Frontier
from livevote.live import notary
from livevote.log import Checkpoints
from tests.client import eventually
from tests.history import CODE, cast, created, opened
from tests.live.notarised import SIGNER, office


async def test_what_has_grown_is_signed_once(tmp_path: Path) -> None:
    history = created()
    at = await office(tmp_path, history)
    await at.auditor.begin(at_once=100)
    assert at.notary.vkey == SIGNER.vkey
    await at.notary.seal()
    await at.notary.seal()
    (first,) = at.signed()
    assert (first.size, first.origin, first.chain) == (1, at.room.state.origin, history.entries[-1].chain)
    assert (at.room.seal.checkpoint, at.room.seal.note) == (first, at.checkpoints.notes(CODE)[0])
    assert not at.registry.unsealed
    await at.grow(opened())
    assert list(at.registry.unsealed) == [CODE]
    await at.notary.seal()
    assert [checkpoint.size for checkpoint in at.signed()] == [1, 3]


async def test_votes_wait_for_their_second_and_hosts_do_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notary, "INTERVAL_S", 3600)
    history = opened()
    at = await office(tmp_path, history)
    await at.auditor.begin(at_once=100)
    running = asyncio.create_task(at.notary.run())
    await eventually(lambda: len(at.signed()) == 1)
    await at.grow(history.did(cast("ann", 0)))
    await asyncio.sleep(0.05)
    assert len(at.signed()) == 1
    await at.grow(history.did(CloseVoting("q1")))
    await eventually(lambda: len(at.signed()) == 2)
    assert at.signed()[-1].size == 5
    await stopped(running)


async def test_votes_are_signed_when_their_second_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notary, "INTERVAL_S", 0.01)
    history = opened()
    at = await office(tmp_path, history)
    await at.auditor.begin(at_once=100)
    running = asyncio.create_task(at.notary.run())
    await eventually(lambda: len(at.signed()) == 1)
    await at.grow(history.did(cast("ann", 0)))
    await eventually(lambda: len(at.signed()) == 2)
    await stopped(running)


async def stopped(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


class Disk:
    """Appends that fail or wait as they are told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.error = 0
        self.asked = 0
        self.free = threading.Event()
        self.free.set()
        self.begun = threading.Event()
        append = Checkpoints.append

        def appended(checkpoints: Checkpoints, room: str, note: bytes, frontier: Frontier) -> None:
            self.asked += 1
            self.begun.set()
            self.free.wait(10)
            if self.error:
                raise OSError(self.error, "as told")
            append(checkpoints, room, note, frontier)

        monkeypatch.setattr(Checkpoints, "append", appended)


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT])
async def test_on_a_full_disk_it_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int) -> None:
    monkeypatch.setattr(notary, "INTERVAL_S", 0.01)
    at, disk = await office(tmp_path, opened()), Disk(monkeypatch)
    await at.auditor.begin(at_once=100)
    disk.error = error
    running = asyncio.create_task(at.notary.run())
    await eventually(lambda: disk.asked >= 2)
    assert at.room.seal.checkpoint is None
    disk.error = 0
    await eventually(lambda: len(at.signed()) == 1)
    await stopped(running)


async def test_another_error_of_the_disk_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at, disk = await office(tmp_path, opened()), Disk(monkeypatch)
    await at.auditor.begin(at_once=100)
    disk.error = errno.EIO
    with pytest.raises(OSError, match="as told"):
        await at.notary.run()


async def test_one_that_is_cancelled_leaves_its_file_to_nobody_before_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at, disk = await office(tmp_path, opened()), Disk(monkeypatch)
    await at.auditor.begin(at_once=100)
    disk.free.clear()
    running = asyncio.create_task(at.notary.run())
    await eventually(disk.begun.is_set)
    disk.begun.clear()
    running.cancel()
    last = asyncio.create_task(at.notary.seal())
    await asyncio.sleep(0.05)
    assert not disk.begun.is_set(), "two threads write one file"
    disk.free.set()
    await last
    await stopped(running)
    # The stop signs what the server has become, also where it came in the middle of a signature.
    assert at.room.seal.checkpoint == at.signed()[-1]
    assert at.signed()[-1].size == 3


async def test_one_that_is_cancelled_while_the_disk_fails_says_so_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at, disk = await office(tmp_path, opened()), Disk(monkeypatch)
    await at.auditor.begin(at_once=100)
    disk.error = errno.EIO
    disk.free.clear()
    running = asyncio.create_task(at.notary.run())
    await eventually(disk.begun.is_set)
    running.cancel()
    await asyncio.sleep(0)
    disk.free.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert list(at.registry.unsealed) == [CODE]
    with pytest.raises(OSError, match="as told"):
        await at.notary.seal()
