"""Sudden death under load: SIGKILL at random moments while voters vote over real sockets and never give up.

Acknowledged is a subset of the log, the log is a subset of what was sent, every voter has one effective ballot, and the
counts are those of the fold (I1, I2, I3, I4, I6, I7).
"""

import asyncio
import json
import os
import random
import socket
from pathlib import Path

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import websocket_connect

from tests.crash.history import BrokenPromiseError, History, check
from tests.crash.voters import Voter, stop_all
from tests.evidence import size
from tests.process import Process

pytestmark = pytest.mark.crash

KILLS = size(20, 500)
VOTERS = 16
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


async def storm(data: Path, *, kills: int, module: str = "livevote.cli", seed: int = SEED) -> tuple[History, str]:
    """Voters against a server that is killed ``kills`` times; their history and the room's code."""
    rng = random.Random(seed)
    history = History()
    port = free_port()
    server = await start(data, port, module)
    try:
        code = server.read_until("Votes are kept.").partition("code ")[2][:6]
        voters = [Voter(f"voter{n}", server.base, code, history, random.Random(seed + n)) for n in range(VOTERS)]
        tasks = [asyncio.create_task(voter.run()) for voter in voters]
        loop = asyncio.get_running_loop()
        for _ in range(kills):
            enough = len(history.acked) + rng.randrange(10, 120)
            while len(history.acked) < enough:
                await asyncio.sleep(0.001)
                for task in tasks:
                    assert not task.done() or task.result(), "a voter gave up"
            await loop.run_in_executor(None, server.kill)
            history.kills += 1
            server = await start(data, port, module)
        await stop_all(voters, tasks)
        history_of_screen = await counts_on_a_screen(server.base, code)
        status, errors = await loop.run_in_executor(None, server.terminate)
        assert (status, errors) == (0, "")
    finally:
        if server.running:
            server.kill()
    state = await check(history, data / "livevote.db", code)
    assert history_of_screen == list(state.questions["q1"].rounds[0].tally.counts())
    return history, code


async def counts_on_a_screen(base: str, code: str) -> list[int]:
    """What somebody who joins now sees."""
    response = await AsyncHTTPClient().fetch(f"{base}/{code}")
    headers = {"Cookie": response.headers["Set-Cookie"].split(";")[0], "Origin": base}
    screen = await websocket_connect(HTTPRequest(f"{base.replace('http', 'ws', 1)}/ws/{code}", headers=headers))
    text = await screen.read_message()
    assert text is not None
    screen.close()
    while await screen.read_message() is not None:
        pass
    counts: list[int] = json.loads(text)["tally"]["counts"]
    return counts


@pytest.mark.timeout(seconds=600)
async def test_nothing_acknowledged_is_lost_and_nothing_counts_twice(tmp_path: Path) -> None:
    history, _ = await storm(tmp_path, kills=KILLS)
    assert history.kills == KILLS
    assert len(history.acked) >= 10 * KILLS
    assert not history.rejected


@pytest.mark.timeout(seconds=600)
async def test_the_rig_sees_an_acknowledgement_that_comes_too_early(tmp_path: Path) -> None:
    with pytest.raises((BrokenPromiseError, AssertionError), match=r"I\d"):
        await storm(tmp_path, kills=5, module="tests.crash.ack_before_commit")
