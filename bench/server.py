"""The server under test: a process of its own in a fresh data directory, driven over HTTP."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from bench.expected import BenchError
from bench.http import HOST, Reply, api, call
from bench.process import START_S, Place, Process, started
from bench.wire import Done, HostQuestion, HostState, NewRoom, Written
from livevote.config import Config
from livevote.keys import Keyring

UNLIMITED = 1_000_000_000
"""A bench's voters vote faster than people do."""

GONE_S = 60
POLL_S = 0.3

T = TypeVar("T")


class Server(Process):
    """A running livevote. Made by ``running``."""

    async def create_room(self, title: str) -> "HostedRoom":
        """A new room, hosted by the bench."""
        reply = await call(self.port, api(self.port, "POST", "/api/rooms", body=msgspec.json.encode({"title": title})))
        room = _expect(reply, 201, NewRoom, "create a room")
        return HostedRoom(self.port, room.code, room.host_token)

    def __init__(self, pid: int, port: int, spawned_at: float, data: Path) -> None:
        super().__init__(pid, port, spawned_at)
        self.data = data
        """Its data directory."""

    async def written(self) -> Written:
        """What this server has written since its start."""
        key = Keyring(Config(data=self.data).keys, create=False).operator_key
        return _expect(
            await call(self.port, api(self.port, "GET", "/api/metrics", token=key)), 200, Written, "show its metrics"
        )


def _expect(reply: Reply, status: int, shape: type[T], what: str) -> T:
    if reply.status != status:
        raise BenchError(f"The server did not {what}: status {reply.status}, {reply.body[:200]!r}.")
    try:
        return msgspec.json.decode(reply.body, type=shape)
    except msgspec.DecodeError as error:
        raise BenchError(f"The server's answer to '{what}' is not the documented one: {error}.") from error


class HostedRoom:
    """A room as its host controls it."""

    def __init__(self, port: int, code: str, token: str) -> None:
        self.port = port
        self.code = code
        self._token = token

    @property
    def host(self) -> str:
        """The path of its console, with what signs in there."""
        return f"/host/{self.code}#{self._token}"

    async def command(self, name: str, **fields: Any) -> Done:
        """One command of the host. Raises ``BenchError`` when it is refused."""
        body = msgspec.json.encode({"type": name, **fields})
        reply = await call(
            self.port, api(self.port, "POST", f"/api/rooms/{self.code}/commands", token=self._token, body=body)
        )
        return _expect(reply, 200, Done, name)

    async def ask(self, options: int, *, revealed: bool) -> str:
        """Add a single-choice question whose answer may be changed, open it, and return its id."""
        return await self.ask_about("Which?", [f"Option {number + 1}" for number in range(options)], revealed=revealed)

    async def ask_about(self, text: str, options: list[str], *, revealed: bool) -> str:
        """``ask`` with a text and options of one's own."""
        question = (await self.command("add_question", kind="single", text=text, options=options)).question
        await self.command("open", question=question)
        if revealed:
            await self.command("reveal", question=question)
        return question

    async def ask_again(self, question: str, *, revealed: bool) -> None:
        """Close the current round and begin the next."""
        await self.command("close", question=question)
        await self.command("ask_again", question=question)
        if revealed:
            await self.command("reveal", question=question)

    async def state(self) -> HostState:
        """The room as the host sees it."""
        reply = await call(self.port, api(self.port, "GET", f"/api/rooms/{self.code}", token=self._token))
        return _expect(reply, 200, HostState, "show the host's view")

    async def online(self) -> int:
        """How many voters are connected."""
        return (await self.state()).online

    async def until_empty(self) -> None:
        """Wait until the server has noticed that all voters have left. Raises ``BenchError`` when it does not."""
        ends_at = time.perf_counter() + GONE_S
        while await self.online():
            if time.perf_counter() > ends_at:
                raise BenchError(f"After {GONE_S} s the server still counts voters who have left.")
            await asyncio.sleep(POLL_S)

    async def result(self, question: str) -> tuple[HostQuestion, int]:
        """The question as the host sees it, and the log position of that view."""
        state = await self.state()
        for found in state.questions:
            if found.id == question:
                return found, state.as_of
        raise BenchError(f"The host's view does not have the question {question}.")


@asynccontextmanager
async def running(place: Place, name: str, *, within_s: float = START_S) -> AsyncIterator[Server]:
    """Start a server on the data directory ``name`` below ``place``, and stop it at the end, whatever happens.

    An existing directory is used as it is. Raises ``BenchError`` when the server is not up within ``within_s`` seconds.
    """
    command = [sys.executable, "-m", "livevote.cli", "run", "--host", HOST, "--port", "0"]
    command += ["--data", str(place.directory / name), "--no-sample", "--open-hosting"]
    command += ["--vote-burst", str(UNLIMITED), "--vote-rate", str(UNLIMITED)]
    async with started(command, place=place, name=name, within_s=within_s) as process:
        yield Server(process.pid, process.port, process.spawned_at, place.directory / name)
