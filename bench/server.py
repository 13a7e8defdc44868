"""The server under test: a process of its own in a fresh data directory, driven over HTTP, read through ``/proc``."""

import asyncio
import os
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from bench.expected import BenchError
from bench.http import HOST, Reply, api, call
from bench.wire import Done, HostQuestion, HostState, NewRoom

LISTENING = re.compile(rb"http://127\.0\.0\.1:(\d+)/")

START_S = 60
STOP_S = 15

UNLIMITED = 1_000_000_000
"""A bench's voters vote faster than people do."""

TICKS_PER_S = os.sysconf("SC_CLK_TCK")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """Where servers of this run live: data directories below ``directory``, on ``core`` or anywhere (None)."""

    directory: Path
    core: int | None


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has used: CPU time in all, resident memory now."""

    cpu_s: float
    rss_bytes: int


def read_cpu_s(stat: str, *, ticks_per_s: int) -> float:
    """User and system time in the text of a ``/proc/PID/stat``."""
    # The second field is the program's name in brackets and may itself hold spaces and brackets.
    after_name = stat.rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / ticks_per_s


def read_rss_bytes(status: str) -> int:
    """``VmRSS`` in the text of a ``/proc/PID/status``."""
    for line in status.splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise ValueError("no VmRSS: the process has ended")


class Server:
    """A running server. Made by ``running``."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, spawned_at: float) -> None:
        self._process = process
        self.port = port
        self.spawned_at = spawned_at
        """When the process was started, on ``time.perf_counter``."""

    def usage(self) -> Usage:
        """The server's own use of the machine so far."""
        proc = Path(f"/proc/{self._process.pid}")
        try:
            stat, status = (proc / "stat").read_text(), (proc / "status").read_text()
            return Usage(read_cpu_s(stat, ticks_per_s=TICKS_PER_S), read_rss_bytes(status))
        except (OSError, ValueError) as error:
            raise BenchError(f"The server's use of the machine cannot be read: {error}.") from error

    async def create_room(self, title: str) -> "HostedRoom":
        """A new room, hosted by the bench."""
        reply = await call(self.port, api(self.port, "POST", "/api/rooms", body=msgspec.json.encode({"title": title})))
        room = _expect(reply, 201, NewRoom, "create a room")
        return HostedRoom(self.port, room.code, room.host_token)


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

    async def command(self, name: str, **fields: Any) -> Done:
        """One command of the host. Raises ``BenchError`` when it is refused."""
        body = msgspec.json.encode({"type": name, **fields})
        reply = await call(
            self.port, api(self.port, "POST", f"/api/rooms/{self.code}/commands", token=self._token, body=body)
        )
        return _expect(reply, 200, Done, name)

    async def ask(self, options: int, *, revealed: bool) -> str:
        """Add a single-choice question whose answer may be changed, open it, and return its id."""
        names = [f"Option {number + 1}" for number in range(options)]
        question = (await self.command("add_question", kind="single", text="Which?", options=names)).question
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

    async def result(self, question: str) -> tuple[HostQuestion, int]:
        """The question as the host sees it, and the log position of that view."""
        reply = await call(self.port, api(self.port, "GET", f"/api/rooms/{self.code}", token=self._token))
        state = _expect(reply, 200, HostState, "show the host's view")
        for found in state.questions:
            if found.id == question:
                return found, state.as_of
        raise BenchError(f"The host's view does not have the question {question}.")


@asynccontextmanager
async def running(place: Place, name: str) -> AsyncIterator[Server]:
    """Start a server on the data directory ``name`` below ``place``, and stop it at the end, whatever happens.

    An existing directory is used as it is. Raises ``BenchError`` when the server does not come up.
    """
    data = place.directory / name
    log_path = place.directory / f"{name}.stderr"
    command = [sys.executable, "-m", "livevote.cli", "run", "--host", HOST, "--port", "0", "--data", str(data)]
    command += ["--no-sample", "--open-hosting", "--vote-burst", str(UNLIMITED), "--vote-rate", str(UNLIMITED)]
    # Settings of the user's own server must not reach this one.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("LIVEVOTE_")}
    environment["PYTHONUNBUFFERED"] = "1"
    with log_path.open("wb") as log:
        spawned_at = time.perf_counter()
        process = await asyncio.create_subprocess_exec(
            *command, env=environment, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=log
        )
    drain: asyncio.Task[None] | None = None
    try:
        if place.core is not None:
            # The process has one thread yet; those that it starts later inherit the mask.
            os.sched_setaffinity(process.pid, {place.core})
        port = await _port(process, log_path)
        assert process.stdout is not None
        drain = asyncio.create_task(_discard(process.stdout))
        yield Server(process, port, spawned_at)
        if process.returncode is not None:
            raise BenchError(
                f"The server ended with code {process.returncode} during '{name}'. {_last_words(log_path)}"
            )
    finally:
        await _stop(process)
        if drain is not None:
            drain.cancel()


async def _port(process: asyncio.subprocess.Process, log_path: Path) -> int:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_S):
            while line := await process.stdout.readline():
                if found := LISTENING.search(line):
                    return int(found[1])
            code = await process.wait()
    except TimeoutError:
        raise BenchError(f"The server did not listen within {START_S} s. {_last_words(log_path)}") from None
    raise BenchError(f"The server ended with code {code} before it listened. {_last_words(log_path)}")


async def _discard(stream: asyncio.StreamReader) -> None:
    while await stream.read(1 << 16):
        pass


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _last_words(log_path: Path) -> str:
    lines = log_path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return "Its last words: " + " / ".join(lines[-5:]) if lines else "It wrote nothing on stderr."
