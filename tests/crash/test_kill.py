"""Sudden death under load: SIGKILL at random moments while voters vote over real sockets and never give up.

Acknowledged is a subset of the log, the log is a subset of what was sent, every voter has one effective ballot, and the
counts are those of the fold (I1, I2, I3, I4, I6, I7).
"""

import asyncio
import os
import random
import socket
from pathlib import Path

import pytest

from tests.crash.history import BrokenPromiseError, History, check
from tests.crash.voters import Voter, check_alive, first_state, send_home, stop_all
from tests.evidence import Record, size
from tests.process import Process

pytestmark = pytest.mark.crash

VOTERS = (8, 16, 32, 64)
KILLS = size(10, 125)
"""For each number of voters."""
ACKS = size(10, 200), size(120, 320)
"""How many ballots are acknowledged between two kills: at least, and fewer than."""
SEED = int(os.environ.get("LIVEVOTE_CRASH_SEED", "1"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def start(data: Path, port: int, module: str) -> Process:
    """Start the server without holding up the voters, who share this process."""
    arguments = ("--vote-burst", "1000000", "--vote-rate", "1000000")
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(None, lambda: Process(data, *arguments, port=port, module=module))


async def storm(
    data: Path, *, kills: int, voters: int = 16, module: str = "livevote.cli", seed: int = SEED
) -> tuple[History, str]:
    """Voters against a server that is killed ``kills`` times; their history and the room's code."""
    rng = random.Random(seed)
    history = History()
    port = free_port()
    server = await start(data, port, module)
    tasks: list[asyncio.Task[None]] = []
    try:
        code = server.read_until("Votes are kept.").partition("code ")[2][:6]
        crowd = [
            Voter(f"voter{n}", server.base, code, history, random.Random(seed + n), repeats=0.1) for n in range(voters)
        ]
        tasks = [asyncio.create_task(voter.run()) for voter in crowd]
        loop = asyncio.get_running_loop()
        for _ in range(kills):
            enough = len(history.acked) + rng.randrange(*ACKS)
            while len(history.acked) < enough:
                await asyncio.sleep(0.001)
                check_alive(tasks)
            await loop.run_in_executor(None, server.kill)
            history.kills += 1
            server = await start(data, port, module)
        await stop_all(crowd, tasks)
        shown = await first_state(server.base, code)
        status, errors = await loop.run_in_executor(None, server.terminate)
        assert (status, errors) == (0, "")
    finally:
        await send_home(tasks)
        if server.running:
            server.kill()
    state = await check(history, data / "livevote.db", code)
    assert shown["tally"]["counts"] == list(state.questions["q1"].rounds[0].tally.counts())
    return history, code


@pytest.mark.timeout(seconds=size(300, 7200))
async def test_nothing_acknowledged_is_lost_and_nothing_counts_twice(tmp_path: Path) -> None:
    record = Record("T1", "a loaded server is killed at random moments", directory=tmp_path, seed=SEED)
    histories = []
    for voters in VOTERS:
        history, _ = await storm(tmp_path / f"{voters}", kills=KILLS, voters=voters, seed=SEED + voters)
        assert not history.rejected
        assert history.repeats
        histories.append(history)
    kills = sum(history.kills for history in histories)
    acknowledged = sum(len(history.acked) for history in histories)
    assert kills == KILLS * len(VOTERS)
    assert acknowledged >= ACKS[0] * kills
    record.write(
        kills=kills, acknowledged_ballots=acknowledged, repeated_ballots=sum(history.repeats for history in histories)
    )


@pytest.mark.timeout(seconds=120)
async def test_the_rig_sees_an_acknowledgement_that_comes_too_early(tmp_path: Path) -> None:
    with pytest.raises((BrokenPromiseError, AssertionError), match=r"I\d"):
        await storm(tmp_path, kills=5, module="tests.crash.ack_before_commit")
