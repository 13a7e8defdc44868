"""A server under load that something happens to: voters on real sockets, and the calm in which all is compared.

Apart from the rigs because what happens, a kill or a power cut, is all in which they differ.
"""

import asyncio
import json
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import websocket_connect

from tests.crash.history import History, check
from tests.crash.voters import Voter, stop_all
from tests.process import Process

VOTERS = 16
FAST = ("--vote-burst", "1000000", "--vote-rate", "1000000")
"""What lets a voter vote as fast as it can."""


class Storm:
    """Made by ``storm``."""

    def __init__(self, data: Path, module: str, server: Process) -> None:
        self.history = History()
        self.code = server.read_until("Votes are kept.").partition("code ")[2][:6]
        self._data = data
        self._module = module
        self._server = server
        self._voters: list[Voter] = []
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self, seed: int) -> None:
        """Let the voters in."""
        self._voters = [
            Voter(f"voter{n}", self._server.base, self.code, self.history, random.Random(seed + n))
            for n in range(VOTERS)
        ]
        self._tasks = [asyncio.create_task(voter.run()) for voter in self._voters]

    async def votes(self, count: int) -> None:
        """Wait until so many more are acknowledged."""
        enough = len(self.history.acked) + count
        while len(self.history.acked) < enough:
            await asyncio.sleep(0.001)
            for task in self._tasks:
                assert not task.done() or task.result(), "a voter gave up"

    async def kill(self) -> None:
        """SIGKILL."""
        await asyncio.get_running_loop().run_in_executor(None, self._server.kill)

    async def restart(self) -> None:
        """Start the server again where the voters look for it."""
        self._server = await _start(self._data, self._server.port, self._module)

    async def calm(self) -> None:
        """See every ballot through, stop the server, and compare the log, the history and what a page shows."""
        await stop_all(self._voters, self._tasks)
        shown = await _counts_on_a_screen(self._server.base, self.code)
        assert await asyncio.get_running_loop().run_in_executor(None, self._server.terminate) == (0, "")
        state = await check(self.history, self._data / "livevote.db", self.code)
        assert shown == list(state.questions["q1"].rounds[0].tally.counts())

    async def end(self) -> None:
        """Leave nothing running, however it went."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server.running:
            self._server.kill()


@asynccontextmanager
async def storm(data: Path, *, module: str = "livevote.cli", seed: int) -> AsyncIterator[Storm]:
    """Voters against a server in ``data``. ``module`` is livevote, or livevote with a promise broken."""
    begun = Storm(data, module, await _start(data, _free_port(), module))
    try:
        begun.begin(seed)
        yield begun
    finally:
        await begun.end()


def _free_port() -> int:
    """A port that is the same after every restart."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def _start(data: Path, port: int, module: str) -> Process:
    """Start the server without holding up the voters, who share this process."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(None, lambda: Process(data, *FAST, port=port, module=module))


async def _counts_on_a_screen(base: str, code: str) -> list[int]:
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
