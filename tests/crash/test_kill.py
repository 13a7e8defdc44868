"""Sudden death under load: SIGKILL at random moments while voters vote over real sockets and never give up.

Acknowledged is a subset of the log, the log is a subset of what was sent, every voter has one effective ballot, and the
counts are those of the fold (I1, I2, I3, I4, I6, I7).
"""

import os
import random
from pathlib import Path

import pytest

from tests.crash.history import BrokenPromiseError, History
from tests.crash.storm import storm
from tests.evidence import Record, size

pytestmark = pytest.mark.crash

VOTERS = (8, 16, 32, 64)
KILLS = size(2, 10, 125)
"""For each number of voters."""
ACKS = size(10, 10, 200), size(120, 120, 320)
"""How many ballots are acknowledged between two kills: at least, and fewer than."""
SEED = int(os.environ.get("LIVEVOTE_CRASH_SEED", "1"))


async def killed(
    data: Path, *, kills: int, voters: int = 16, module: str = "livevote.cli", seed: int = SEED
) -> History:
    """Voters against a server that is killed ``kills`` times; their history."""
    rng = random.Random(seed)
    async with storm(data, voters=voters, module=module, seed=seed) as voting:
        for _ in range(kills):
            await voting.votes(rng.randrange(*ACKS))
            await voting.kill()
            voting.history.kills += 1
            await voting.restart()
        await voting.calm()
    return voting.history


@pytest.mark.timeout(seconds=size(300, 300, 7200))
async def test_nothing_acknowledged_is_lost_and_nothing_counts_twice(tmp_path: Path) -> None:
    record = Record("T1", "a loaded server is killed at random moments", directory=tmp_path, seed=SEED)
    histories = []
    for voters in VOTERS:
        history = await killed(tmp_path / f"{voters}", kills=KILLS, voters=voters, seed=SEED + voters)
        assert not history.rejected
        histories.append(history)
    kills = sum(history.kills for history in histories)
    acknowledged = sum(len(history.acked) for history in histories)
    assert kills == KILLS * len(VOTERS)
    assert acknowledged >= ACKS[0] * kills
    repeated = sum(history.repeats for history in histories)
    assert repeated
    record.write(kills=kills, acknowledged_ballots=acknowledged, repeated_ballots=repeated)


@pytest.mark.timeout(seconds=120)
async def test_the_rig_sees_an_acknowledgement_that_comes_too_early(tmp_path: Path) -> None:
    with pytest.raises((BrokenPromiseError, AssertionError), match=r"I\d"):
        await killed(tmp_path, kills=5, module="tests.crash.ack_before_commit")
