"""A wrong clock: a day ahead, a day behind, turned while the server runs or is down, and set for the first time.

Clocks only label. Whether a ballot counts is a matter of its place in the log (I8), a voter is known by a cookie from
any day, and neither ticks nor pings nor exports care what time it is.
"""

import asyncio
import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest

from livevote.domain.records import BallotCast, VotingClosed, VotingOpened
from livevote.domain.tally import fold
from livevote.log import open_reader
from tests.crash.rooms import Room, create_room, settle
from tests.crash.sockets import Socket
from tests.evidence import Record
from tests.process import Process, process_aside, run_cli

pytestmark = pytest.mark.crash

DAY_S = 24 * 60 * 60
YEARS_S = 46 * 365 * DAY_S  # where the clocks of small boards begin, which have no battery for them
SLACK_S = 600
SOON_S = 30


@dataclass(frozen=True, slots=True)
class Turn:
    """How far the server's clock is off at first, how far afterwards, and whether the server was down meanwhile."""

    before_s: int
    after_s: int
    restart: bool = False


TURNS = {
    "a day ahead": Turn(DAY_S, DAY_S),
    "a day behind": Turn(-DAY_S, -DAY_S),
    "turned back while it runs": Turn(DAY_S, -DAY_S),
    "turned ahead while it runs": Turn(-DAY_S, DAY_S),
    "turned back over a restart": Turn(DAY_S, -DAY_S, restart=True),
    "set for the first time": Turn(-YEARS_S, 0),
}


@pytest.fixture(scope="module")
def library() -> Path:
    """libfaketime, which gives a process a clock of its own."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        pytest.skip("no libfaketime: as root, 'make test' installs Debian's package faketime")
    return found[0]


class Clock:
    """The clock of a server process."""

    def __init__(self, library: Path, file: Path) -> None:
        self._file = file
        self.environment: Mapping[str, str] = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            # Who turns a machine's clock does not touch the monotonic one, nor what files say.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def turn(self, seconds: int) -> None:
        """From now on the process is so many seconds ahead."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n")
        new.replace(self._file)


class Voter:
    """A browser with a socket that listens."""

    def __init__(self, name: str, cookie: str, socket: Socket) -> None:
        self.name = name
        self.cookie = cookie
        self.socket = socket

    async def vote(self, number: int, *, round_: int = 1) -> dict[str, Any]:
        """Cast this voter's ballot of that number; its answer."""
        return await settle(self.socket, f"{self.name}-{number}", "q1", round_, [number % 2])


class Scene:
    """One case: a server under a clock, a room with a question, and its voters."""

    def __init__(self, data: Path, clock: Clock, turn: Turn, *, module: str) -> None:
        self.data = data
        self._clock = clock
        self._turn = turn
        self._module = module
        self._stack = contextlib.AsyncExitStack()
        self._server: Process | None = None
        self.room = Room(0, "", "")
        self.voters: list[Voter] = []

    async def __aenter__(self) -> "Scene":
        self._clock.turn(self._turn.before_s)
        try:
            await self._start()
            assert self._server is not None
            self.room = await create_room(self._server.port, self.data)
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def _start(self) -> None:
        running = process_aside(
            self.data, "--no-sample", "--vote-burst", "100", module=self._module, environment=self._clock.environment
        )
        self._server = await self._stack.enter_async_context(running)

    async def __aexit__(self, *_: object) -> None:
        for voter in self.voters:
            voter.socket.drop()
        await asyncio.sleep(0)
        await self._stack.aclose()

    async def enter(self, name: str) -> Voter:
        """A new browser."""
        cookie = await self.room.cookie()
        voter = Voter(name, cookie, await self.room.open(cookie))
        self.voters.append(voter)
        return voter

    async def turn(self) -> None:
        """Turn the clock; after a restart the voters come back with the cookies they have."""
        if not self._turn.restart:
            self._clock.turn(self._turn.after_s)
            return
        await self.stop()
        self._clock.turn(self._turn.after_s)
        await self._start()
        assert self._server is not None
        self.room.port = self._server.port
        for voter in self.voters:
            voter.socket.drop()
            voter.socket = await self.room.open(voter.cookie)

    def turn_back(self) -> None:
        """Give the server the clock that it began with."""
        self._clock.turn(self._turn.before_s)

    async def stop(self) -> None:
        """End the server, which must be clean."""
        assert self._server is not None
        server = self._server
        assert await asyncio.get_running_loop().run_in_executor(None, server.terminate) == (0, "")

    async def fetch(self, path: str, **headers: str) -> bytes:
        """What a browser gets that sends these headers; no new cookie may come with it."""
        response = await AsyncHTTPClient().fetch(
            HTTPRequest(f"http://127.0.0.1:{self.room.port}{path}", headers=headers)
        )
        assert "Set-Cookie" not in response.headers, "a voter became another one"
        return response.body


def ended(answer: dict[str, Any]) -> str:
    return str(answer.get("code", answer["type"]))


def is_off(answer: dict[str, Any], seconds: int) -> bool:
    """Whether the instant of the answer is that far off. Else the rig has turned no clock."""
    at_s: float = answer["at"] / 1000
    return abs(at_s - time.time() - seconds) < SLACK_S


async def until(socket: Socket, as_of: int) -> dict[str, Any]:
    """The next result that holds this record."""
    async with asyncio.timeout(SOON_S):
        while (message := await socket.receive()).get("as_of", 0) < as_of:
            pass
    return message


async def until_pinged(socket: Socket, times: int) -> None:
    enough = socket.pings + times
    async with asyncio.timeout(SOON_S):
        while socket.pings < enough:
            await asyncio.sleep(0.01)


async def play(data: Path, library: Path, turn: Turn, *, changeable: bool, module: str) -> int:
    """Vote, turn the clock, go on voting, close, ask again, vote; the number of ballots in the log."""
    again = "recorded" if changeable else "already_voted"
    async with Scene(data, Clock(library, data.with_suffix(".clock")), turn, module=module) as scene:
        room = scene.room
        ada, bob = await scene.enter("ada"), await scene.enter("bob")
        await room.ask("Yes", "No", changeable=changeable)
        await room.command("reveal", "q1")
        first = await ada.vote(1)
        assert ended(first) == "recorded"
        assert is_off(first, turn.before_s)

        await scene.turn()
        carl = await scene.enter("carl")
        assert await ada.vote(1) == first, "I6"
        assert ended(await ada.vote(2)) == again
        second = await bob.vote(1)
        assert ended(second) == "recorded"
        assert is_off(second, turn.after_s)
        assert ended(await bob.vote(2)) == again
        assert ended(await carl.vote(1)) == "recorded"
        await until(carl.socket, second["index"])
        await until_pinged(ada.socket, 2)
        for voter in scene.voters:
            assert await scene.fetch(f"/{room.code}", Cookie=voter.cookie)

        await room.command("close", "q1")
        assert ended(await carl.vote(2)) == "closed"
        assert await ada.vote(1) == first, "I6"
        await room.command("ask_again", "q1")
        assert ended(await ada.vote(3)) == "wrong_round"
        assert ended(await ada.vote(4, round_=2)) == "recorded"
        scene.turn_back()
        # Carl's cookie is from another day by now, perhaps from one that has not come yet.
        assert ended(await carl.vote(3, round_=2)) == "recorded"
        assert ended(await carl.vote(4, round_=2)) == again
        await room.command("close", "q1")
        assert ended(await carl.vote(5, round_=2)) == "closed"
        exported = await scene.fetch(f"/api/rooms/{room.code}/ballots.csv", Authorization=f"Bearer {room.token}")
        await scene.stop()
    return await check_log(data, room.code, exported)


async def check_log(data: Path, code: str, exported: bytes) -> int:
    """See each ballot between opened and closed of its round, one effective ballot a voter, and whole exports."""
    reader = await open_reader(f"sqlite:{data / 'livevote.db'}")
    entries = [entry async for chunk in reader.read(code) for entry in chunk]
    state = fold(entries)
    assert state is not None
    opened, ballots = 0, 0
    for entry in entries:
        record = entry.record
        if isinstance(record, VotingOpened):
            opened = record.round
        elif isinstance(record, VotingClosed):
            opened = 0
        elif isinstance(record, BallotCast):
            assert record.round == opened, "I8: a ballot outside of its round"
            ballots += 1
    assert [len(asked.ballots) for asked in state.questions["q1"].rounds] == [3, 2], "one ballot for each voter"
    loop = asyncio.get_running_loop()
    done = await loop.run_in_executor(None, run_cli, "verify", str(data))
    assert done.returncode == 0, done.stderr
    assert exported.count(b"\r\n") == ballots + 1
    return ballots


async def play_all(directory: Path, library: Path, *, module: str = "tests.crash.pings_often") -> list[int]:
    """All cases at the same time; what goes wrong names its case."""

    async def one(name: str, turn: Turn, changeable: bool) -> int:
        try:
            data = directory / f"{name}{', changeable' if changeable else ''}".replace(" ", "_")
            return await play(data, library, turn, changeable=changeable, module=module)
        except Exception as error:
            error.add_note(f"with a clock {name}")
            raise

    async with asyncio.TaskGroup() as group:
        cases = [
            group.create_task(one(name, turn, changeable))
            for name, turn in TURNS.items()
            for changeable in (False, True)
        ]
    return [case.result() for case in cases]


@pytest.mark.timeout(seconds=180)
async def test_a_wrong_clock_changes_no_vote(tmp_path: Path, library: Path) -> None:
    record = Record("T7", "a server whose clock is wrong, or is turned", directory=tmp_path)
    ballots = await play_all(tmp_path, library)
    assert len(ballots) == 12
    record.write(cases=len(ballots), ballots=sum(ballots))


@pytest.mark.timeout(seconds=120)
async def test_the_rig_sees_a_server_that_asks_the_clock(tmp_path: Path, library: Path) -> None:
    turn = TURNS["turned back while it runs"]
    with pytest.raises(AssertionError, match="not_open"):
        await play(tmp_path / "data", library, turn, changeable=False, module="tests.crash.gates_by_clock")
