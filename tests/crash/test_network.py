"""A bad network: answers are late or lost, connections go silent, break in the middle of a frame or crawl.

However often a ballot has to be sent again, it is counted once and answered alike (I6), every answer is one of three
(I9), ``as_of`` never goes back on a socket (I10), and the log holds all that was acknowledged and only what was sent.
"""

import asyncio
import os
import random
from collections import Counter
from pathlib import Path

import pytest

from tests.crash.history import BrokenPromiseError, History, check
from tests.crash.proxy import Fault, bad_network
from tests.crash.voters import Voter, check_alive, first_state, new_cookie, port_of, send_home, stop_all
from tests.evidence import Record, size
from tests.process import process_aside

pytestmark = pytest.mark.crash

VOTES = size(400, 1000, 20_000)
VOTERS = 32
PATIENCE_S = 0.4
"""A voter sends again after this time; the proxy's faults are scaled to it."""
PACE_S = 0.05
"""Between two votes of one voter. Without it the best connections would carry nearly all votes."""
SEED = int(os.environ.get("LIVEVOTE_NETWORK_SEED", "1"))


async def vote_over_a_bad_network(
    data: Path, *, votes: int, repeats: float, module: str = "livevote.cli"
) -> tuple[History, Counter[Fault]]:
    """The history of that many acknowledged votes, checked against the log, and what happened on the way."""
    history = History()
    arguments = ("--vote-burst", "1000000", "--vote-rate", "1000000")
    async with process_aside(data, *arguments, module=module) as server:
        code = server.read_until("Votes are kept.").partition("code ")[2][:6]
        async with bad_network(server.port, random.Random(SEED)) as proxy:
            crowd = [
                Voter(
                    f"voter{n}",
                    proxy.base,
                    code,
                    history,
                    random.Random(SEED + n),
                    # The page came over a better network, or some voters would never have begun.
                    cookie=await new_cookie(port_of(server.base), code),
                    patience_s=PATIENCE_S,
                    repeats=repeats,
                    pace_s=PACE_S,
                )
                for n in range(VOTERS)
            ]
            tasks = [asyncio.create_task(voter.run()) for voter in crowd]
            try:
                while len(history.acked) < votes:
                    await asyncio.sleep(0.005)
                    check_alive(tasks)
                proxy.heal()
                await stop_all(crowd, tasks)
            finally:
                await send_home(tasks)
            shown = await first_state(server.base, code)
            happened = proxy.happened
        assert await asyncio.get_running_loop().run_in_executor(None, server.terminate) == (0, "")
    state = await check(history, data / "livevote.db", code)
    asked = state.questions["q1"].rounds[0]
    assert shown["tally"]["counts"] == list(asked.tally.counts())
    assert len(asked.ballots) == VOTERS, "one effective ballot for each voter"
    return history, happened


@pytest.mark.timeout(seconds=size(120, 120, 3600))
async def test_over_a_bad_network_every_vote_counts_once(tmp_path: Path) -> None:
    record = Record("T6", "voters behind a network with six faults", directory=tmp_path, seed=SEED)
    history, happened = await vote_over_a_bad_network(tmp_path, votes=VOTES, repeats=0.2)
    assert not history.rejected
    assert history.retries >= VOTES / 20, "most answers came at once"
    assert history.repeats
    assert set(happened) == set(Fault)
    record.write(
        acknowledged_ballots=len(history.acked),
        retries=history.retries,
        repeated_ballots=history.repeats,
        **{f"connections_with_{fault}": count for fault, count in happened.items()},
    )


@pytest.mark.timeout(seconds=120)
async def test_the_rig_sees_a_server_that_forgets_what_it_has_recorded(tmp_path: Path) -> None:
    with pytest.raises(BrokenPromiseError, match=r"I\d"):
        await vote_over_a_bad_network(tmp_path, votes=400, repeats=0, module="tests.crash.forgets_ballots")
