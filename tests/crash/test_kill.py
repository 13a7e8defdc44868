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
from tests.evidence import size

pytestmark = pytest.mark.crash

KILLS = size(20, 500)
SEED = int(os.environ.get("LIVEVOTE_CRASH_SEED", "1"))


async def killed(data: Path, *, kills: int, module: str = "livevote.cli", seed: int = SEED) -> History:
    """Voters against a server that is killed ``kills`` times; their history."""
    rng = random.Random(seed)
    async with storm(data, module=module, seed=seed) as voting:
        for _ in range(kills):
            await voting.votes(rng.randrange(10, 120))
            await voting.kill()
            voting.history.kills += 1
            await voting.restart()
        await voting.calm()
    return voting.history


@pytest.mark.timeout(seconds=600)
async def test_nothing_acknowledged_is_lost_and_nothing_counts_twice(tmp_path: Path) -> None:
    history = await killed(tmp_path, kills=KILLS)
    assert history.kills == KILLS
    assert len(history.acked) >= 10 * KILLS
    assert not history.rejected


@pytest.mark.timeout(seconds=600)
async def test_the_rig_sees_an_acknowledgement_that_comes_too_early(tmp_path: Path) -> None:
    with pytest.raises((BrokenPromiseError, AssertionError), match=r"I\d"):
        await killed(tmp_path, kills=5, module="tests.crash.ack_before_commit")
