"""Power cuts under load: the disk of a server loses its power at random moments, and with it all that was not synced.

Only answers that were read before a cut count. They are in the log that the cut left, the log holds nothing else than
was sent, every voter has one effective ballot, and the server starts (I1, I2, I3, I4, I6, I7).
"""

import asyncio
import os
import random
import shutil
from pathlib import Path

import pytest

from tests.crash.disk import Ext4, ext4
from tests.crash.history import BrokenPromiseError, History, check
from tests.crash.storm import storm
from tests.evidence import Record, size
from tests.process import Process, process

pytestmark = pytest.mark.crash

_CUTS = size(6, 25, 300)
_CUTS_A_DISK = size(2, 5, 5)
_CONTROL_CUTS = size(5, 5, 30)
_FIRST_STARTS = size(2, 4, 60)
_FIRST_START_S = (0.1, 0.4)
_SEED = int(os.environ.get("LIVEVOTE_CRASH_SEED", "1"))
_JOURNALS = ("data=ordered", "data=writeback", "data=journal")
"""How ext4 orders a file's data and its metadata; each leaves something else behind."""


async def cut_off(disk: Ext4, aside: Path, *, cuts: int, module: str = "livevote.cli", seed: int) -> History:
    """Voters against a server whose disk loses its power ``cuts`` times; their history."""
    rng = random.Random(seed)
    loop = asyncio.get_running_loop()
    data = disk.path / "data"
    async with storm(data, module=module, seed=seed) as voting:
        for _ in range(cuts):
            await voting.votes(rng.randrange(500))
            # Nothing else of this loop runs between these two: what counts as read was read before the cut.
            voting.history.cuts += 1
            disk.cut()
            await voting.kill()
            await loop.run_in_executor(None, disk.restore)
            # In a copy: the server shall be the first to open what the cut left.
            shutil.copytree(data, aside)
            await check(voting.history, aside / "livevote.db", voting.code)
            shutil.rmtree(aside)
            await voting.restart()
        await voting.calm()
    return voting.history


async def loses(disk: Ext4, aside: Path, *, module: str, seed: int) -> bool:
    """Whether one cut loses an acknowledged vote."""
    try:
        await cut_off(disk, aside, cuts=1, module=module, seed=seed)
    except BrokenPromiseError as broken:
        if not str(broken).startswith("I1:"):
            raise
        return True
    return False


@pytest.mark.timeout(seconds=3600)
async def test_no_power_cut_loses_what_was_acknowledged(tmp_path: Path) -> None:
    record = Record("power-cut", "ext4 shut down without flushing, under load", directory=tmp_path, seed=_SEED)
    cuts = acknowledged = 0
    while cuts < _CUTS:
        options = _JOURNALS[cuts // _CUTS_A_DISK % len(_JOURNALS)]
        with ext4(tmp_path / "disk", options=options) as disk:
            history = await cut_off(disk, tmp_path / "aside", cuts=_CUTS_A_DISK, seed=_SEED + cuts)
        assert not history.rejected
        cuts += history.cuts
        acknowledged += len(history.acked)
    assert acknowledged >= 100 * _CUTS
    record.write(cuts=cuts, acknowledged=acknowledged)


@pytest.mark.timeout(seconds=1800)
async def test_a_power_cut_during_the_first_start_leaves_what_can_be_started(tmp_path: Path) -> None:
    record = Record(
        "power-cut-at-start", "the same while the first start makes its files", directory=tmp_path, seed=_SEED
    )
    rng = random.Random(_SEED)
    loop = asyncio.get_running_loop()
    ended = 0
    with ext4(tmp_path / "disk") as disk:
        for number in range(_FIRST_STARTS):
            data = disk.path / str(number)
            starting = loop.run_in_executor(None, Process, data)
            await asyncio.sleep(rng.uniform(*_FIRST_START_S))
            disk.cut()
            try:
                (await starting).kill()
            except AssertionError:
                ended += 1  # by itself: its disk was gone
            disk.restore()
            with process(data) as server:
                assert server.terminate() == (0, "")
    assert ended, "all of them were ready before the cut"
    record.write(cuts=_FIRST_STARTS, before_it_was_ready=ended)


@pytest.mark.timeout(seconds=1800)
async def test_without_waiting_for_the_disk_votes_are_lost(tmp_path: Path) -> None:
    """The control: here the cuts must lose what was acknowledged, or they are none."""
    record = Record(
        "power-cut-control", "the same without waiting for the disk: must lose", directory=tmp_path, seed=_SEED
    )
    losses = 0
    for number in range(_CONTROL_CUTS):
        directory = tmp_path / str(number)
        directory.mkdir()
        with ext4(directory / "disk") as disk:
            losses += await loses(
                disk, directory / "aside", module="tests.crash.synchronous_normal", seed=_SEED + number
            )
    assert losses, "the cuts lose nothing, not even what was never synced"
    record.write(cuts=_CONTROL_CUTS, cuts_that_lost=losses)
