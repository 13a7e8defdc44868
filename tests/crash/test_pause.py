"""A server that stands still: SIGSTOP while voters vote, as a suspended machine or a starved one does.

Its connections stay and nobody answers. Voters give up waiting, come back, send again and go on when it does: nothing
acknowledged is lost and nothing counts twice (I1, I2, I3, I6).
"""

import asyncio
import os
import random
from pathlib import Path

import pytest

from tests.crash.history import BrokenPromiseError, History, check
from tests.crash.voters import Voter, check_alive, first_state, send_home, stop_all
from tests.evidence import SOAK, Record, size
from tests.process import Process, process_aside

pytestmark = pytest.mark.crash

SERVERS = size(1, 2, 4)
PAUSES = size(2, 2, 5)
"""For each server."""
PAUSE_S = (5.0, 90.0) if SOAK else (2.0, 4.0)
VOTERS = 16
PATIENCE_S = 1.0
BACK_S = 30
"""How soon after a pause every voter has voted again."""
SEED = int(os.environ.get("LIVEVOTE_PAUSE_SEED", "1"))


async def pause_and_recover(
    server: Process, crowd: list[Voter], tasks: "list[asyncio.Task[None]]", pause_s: float
) -> None:
    """Let the server stand still for a time; every voter has one more answer when this returns."""
    server.pause()
    try:
        await asyncio.sleep(pause_s)
    finally:
        server.resume()
    check_alive(tasks)
    # The ballot in hand may have been answered before the pause, so the one after it has to be, too.
    wanted = [voter.answered + 2 for voter in crowd]
    async with asyncio.timeout(BACK_S):
        while any(voter.answered < number for voter, number in zip(crowd, wanted, strict=True)):
            await asyncio.sleep(0.01)
            check_alive(tasks)


async def vote_through_pauses(
    data: Path, *, seed: int, pauses: int, repeats: float = 0.05, module: str = "livevote.cli"
) -> History:
    """The history of voters whose server stood still a few times, checked against its log."""
    rng = random.Random(seed)
    history = History()
    arguments = ("--vote-burst", "1000000", "--vote-rate", "1000000")
    async with process_aside(data, *arguments, module=module) as server:
        code = server.read_until("Votes are kept.").partition("code ")[2][:6]
        crowd = [
            Voter(
                f"voter{n}",
                server.base,
                code,
                history,
                random.Random(seed + n),
                patience_s=PATIENCE_S,
                repeats=repeats,
                pace_s=0.01,
            )
            for n in range(VOTERS)
        ]
        tasks = [asyncio.create_task(voter.run()) for voter in crowd]
        try:
            for _ in range(pauses):
                enough = len(history.acked) + rng.randrange(100, 1000)
                while len(history.acked) < enough:
                    await asyncio.sleep(0.005)
                    check_alive(tasks)
                await pause_and_recover(server, crowd, tasks, rng.uniform(*PAUSE_S))
            await stop_all(crowd, tasks)
        finally:
            await send_home(tasks)
        shown = await first_state(server.base, code)
        assert await asyncio.get_running_loop().run_in_executor(None, server.terminate) == (0, "")
    state = await check(history, data / "livevote.db", code)
    asked = state.questions["q1"].rounds[0]
    assert shown["tally"]["counts"] == list(asked.tally.counts())
    assert len(asked.ballots) == VOTERS, "one effective ballot for each voter"
    return history


@pytest.mark.timeout(seconds=size(180, 180, 3600))
async def test_voters_outlast_a_server_that_stands_still(tmp_path: Path) -> None:
    record = Record("T8", "a loaded server stands still for 5 to 90 s", directory=tmp_path, seed=SEED)
    async with asyncio.TaskGroup() as group:
        servers = [
            group.create_task(vote_through_pauses(tmp_path / f"{number}", seed=SEED + number, pauses=PAUSES))
            for number in range(SERVERS)
        ]
    histories = [server.result() for server in servers]
    for history in histories:
        assert not history.rejected
        assert history.retries, "nobody gave up waiting"
    record.write(
        pauses=SERVERS * PAUSES,
        acknowledged_ballots=sum(len(history.acked) for history in histories),
        retries=sum(history.retries for history in histories),
    )


@pytest.mark.timeout(seconds=120)
async def test_the_rig_sees_a_server_that_forgets_what_it_has_recorded(tmp_path: Path) -> None:
    with pytest.raises(BrokenPromiseError, match=r"I\d"):
        await vote_through_pauses(tmp_path, seed=SEED, pauses=1, repeats=0, module="tests.crash.forgets_ballots")
