"""Death at every system call: the process is killed as it enters each call that changes what is on its disk.

Whatever it leaves behind is started from: what was acknowledged is there, nothing else is, the chain holds, and the
evening is played to its end (I1, I2, I3, I4, I6, I7).
"""

import asyncio
import os
import random
import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.crash.faults import Fault, calls, needs_strace, played, recovered
from tests.crash.history import BrokenPromiseError, History
from tests.crash.one_evening import CODE
from tests.evidence import Record, size
from tests.process import process

pytestmark = [pytest.mark.crash, needs_strace]

_SEED = int(os.environ.get("LIVEVOTE_CRASH_SEED", "1"))
_AT_ONCE = 2
_EVERY = size(9, 1, 1)
"""Of how many calls of one sort on one file one is died at, from the first."""
_BEGUN_AGAIN_EVERY = size(3, 20, 5)
"""After every so many deaths at one sort of call the start is also a real process's."""

_IN_A_ROW = size(3, 6, 100)
_DEATHS_IN_A_ROW = 4


async def die(data: Path, fault: Fault, history: History, *modules: str) -> bool:
    """One evening that meets ``fault``; whether it died of it."""
    loop = asyncio.get_running_loop()
    end = await loop.run_in_executor(None, lambda: played(data, fault.options(data), *modules))
    history.hear(end.said)
    assert end.code in (0, -9), f"{fault}: {end}"
    return end.code == -9


async def begin_again(data: Path) -> None:
    """A real start, and an orderly stop."""
    loop = asyncio.get_running_loop()

    def start_and_stop() -> None:
        with process(data, "--no-sample") as server:
            assert server.terminate() == (0, "")

    await loop.run_in_executor(None, start_and_stop)


async def die_at_each(directory: Path, call: str, file: str, count: int) -> int:
    """Die at one of ``_EVERY`` of these calls until an evening has fewer; how often that was.

    Where not all are died at, ``count`` says how many there are, and no evening is played to find no more.
    """
    deaths = 0
    while _EVERY == 1 or deaths * _EVERY < count:
        data = directory / f"{call}-{file.replace('/', '_')}-{deaths}"
        fault = Fault("signal=SIGKILL", call, file, 1 + deaths * _EVERY)
        history = History()
        if not await die(data, fault, history):
            return deaths
        deaths += 1
        try:
            if deaths % _BEGUN_AGAIN_EVERY == 0:
                await begin_again(data)
            await recovered(data, history)
        except Exception as error:
            error.add_note(f"after death at {fault}")
            raise
        shutil.rmtree(data)
    return deaths


@pytest.mark.timeout(seconds=1800)
async def test_every_death_at_a_system_call_leaves_a_log_to_start_from(tmp_path: Path) -> None:
    record = Record("syscalls", "killed at each call that writes, syncs, cuts, names", directory=tmp_path)
    met = calls(tmp_path / "plain")
    assert met["pwrite64", "livevote.db-wal"] > 20
    assert met["pwrite64", "livevote.db"] > 5
    turns = asyncio.Semaphore(_AT_ONCE)

    async def in_turn(call: str, file: str, count: int) -> int:
        async with turns:
            return await die_at_each(tmp_path, call, file, count)

    async with asyncio.TaskGroup() as group:
        # The longest first, so that all end together.
        tasks = [group.create_task(in_turn(*place, count)) for place, count in met.most_common()]
    deaths = [task.result() for task in tasks]
    assert sum(deaths) >= 0.9 * sum(-(-count // _EVERY) for count in met.values())
    record.write(deaths=sum(deaths), files_and_calls=len(deaths))


@pytest.mark.timeout(seconds=1800)
async def test_one_death_after_the_other_leaves_a_log_to_start_from(tmp_path: Path) -> None:
    record = Record("syscalls-in-a-row", "killed again while starting from a death", directory=tmp_path, seed=_SEED)
    rng = random.Random(_SEED)
    places = sorted(calls(tmp_path / "plain").items())
    deaths: Counter[int] = Counter()
    for turn in range(_IN_A_ROW):
        data = tmp_path / str(turn)
        history = History()
        for nth in range(_DEATHS_IN_A_ROW):
            # Of what an evening does again on an old directory, so that later deaths are met as well.
            call, file = rng.choice([place for place, _ in places if nth == 0 or place[1].startswith("livevote.db")])
            fault = Fault("signal=SIGKILL", call, file, rng.randint(1, min(dict(places)[call, file], 12)))
            deaths[nth] += await die(data, fault, history)
        await recovered(data, history)
    assert all(deaths[nth] for nth in range(_DEATHS_IN_A_ROW))
    record.write(sequences=_IN_A_ROW, deaths=deaths.total())


async def test_the_rig_sees_an_acknowledgement_that_comes_too_early(tmp_path: Path) -> None:
    async def die_at_some(numbers: Iterable[int]) -> None:
        for number in numbers:
            data, history = tmp_path / str(number), History()
            fault = Fault("signal=SIGKILL", "pwrite64", "livevote.db-wal", number)
            assert await die(data, fault, history, "tests.crash.ack_before_commit")
            await recovered(data, history)

    with pytest.raises(BrokenPromiseError, match="I1:"):
        await die_at_some(range(24, 48, 4))


def test_the_evening_makes_the_calls_that_the_rig_is_about(tmp_path: Path) -> None:
    met = calls(tmp_path / "plain")
    assert {call for call, _ in met} >= {"pwrite64", "fdatasync", "fsync", "ftruncate", "rename", "unlink"}
    assert CODE in str(met)
