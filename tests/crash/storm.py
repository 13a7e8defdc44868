"""A server under load that something happens to: voters on real sockets, and the calm in which all is compared.

Apart from the rigs because what happens, a kill or a power cut, is all in which they differ.
"""

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.crash.history import History, check
from tests.crash.voters import Voter, check_alive, first_state, send_home, stop_all
from tests.process import Process

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

    def begin(self, seed: int, voters: int) -> None:
        """Let the voters in. Now and then one sends an answered ballot once more."""
        base, code = self._server.base, self.code
        self._voters = [
            Voter(f"voter{n}", base, code, self.history, random.Random(seed + n), repeats=0.1) for n in range(voters)
        ]
        self._tasks = [asyncio.create_task(voter.run()) for voter in self._voters]

    async def votes(self, count: int) -> None:
        """Wait until so many more are acknowledged."""
        enough = len(self.history.acked) + count
        while len(self.history.acked) < enough:
            await asyncio.sleep(0.001)
            check_alive(self._tasks)

    async def kill(self) -> None:
        """SIGKILL."""
        await asyncio.get_running_loop().run_in_executor(None, self._server.kill)

    async def restart(self) -> None:
        """Start the server again where the voters look for it."""
        self._server = await _start(self._data, self._server.port, self._module)

    async def calm(self) -> None:
        """See every ballot through, stop the server, and compare the log, the history and what a page shows."""
        await stop_all(self._voters, self._tasks)
        shown = await first_state(self._server.base, self.code)
        assert await asyncio.get_running_loop().run_in_executor(None, self._server.terminate) == (0, "")
        state = await check(self.history, self._data / "livevote.db", self.code)
        assert shown["tally"]["counts"] == list(state.questions["q1"].rounds[0].tally.counts())

    async def end(self) -> None:
        """Leave nothing running, however it went."""
        await send_home(self._tasks)
        if self._server.running:
            self._server.kill()


@asynccontextmanager
async def storm(data: Path, *, voters: int = 16, module: str = "livevote.cli", seed: int) -> AsyncIterator[Storm]:
    """Voters against a server in ``data``. ``module`` is livevote, or livevote with a promise broken."""
    begun = Storm(data, module, await _start(data, _free_port(), module))
    try:
        begun.begin(seed, voters)
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
