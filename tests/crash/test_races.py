"""Races: one voter's votes over 64 sockets in the same instant, one ballot id twice, two servers on one directory.

One of them wins, and everybody hears of that: exactly one ``recorded`` where an answer may not be changed, revisions
without gaps where it may (I3), one answer to one id (I6), one writer (I18).
"""

import asyncio
import contextlib
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from livevote.domain.records import BallotCast
from livevote.domain.tally import fold
from livevote.log import open_reader
from tests.crash.history import BrokenPromiseError
from tests.crash.rooms import Room, create_room, settle
from tests.crash.sockets import Socket
from tests.evidence import Record, size
from tests.process import CHECKOUT, process_aside

pytestmark = pytest.mark.crash

ROUNDS = size(60, 200, 5000)
RACES = (
    (ROUNDS, False, False),
    (ROUNDS // 20, True, False),
    (ROUNDS // 8, False, True),
    (ROUNDS // 8, True, True),
)
"""How many rounds; whether answers may be changed; whether one id is sent twice, or another one over each socket."""
STARTS = size(2, 3, 100)
SOCKETS = 64
OPTIONS = tuple("ABCDEFG")
"""As many as make a different answer for each socket: every set of options but the empty one."""
SEED = int(os.environ.get("LIVEVOTE_RACES_SEED", "1"))

Answers = list[dict[str, Any]]


def answer_of(number: int) -> list[int]:
    """A set of options, another one for every number from 0 to 126."""
    return [option for option in range(len(OPTIONS)) if (number + 1) >> option & 1]


@dataclass
class Race:
    """64 sockets of one browser, released together."""

    room: Room
    sockets: list[Socket]
    rng: random.Random = field(default_factory=lambda: random.Random(SEED))

    async def run(self, question: str, round_: int, ballots: list[tuple[str, list[int]]]) -> Answers:
        """One ballot a socket, all at once; the final answers, in that order."""
        go = asyncio.Event()

        async def cast(socket: Socket, id_: str, choices: list[int]) -> dict[str, Any]:
            await go.wait()
            return await settle(socket, id_, question, round_, choices, self.rng)

        sockets = self.rng.sample(self.sockets, len(ballots))
        tasks = [asyncio.create_task(cast(socket, *ballot)) for socket, ballot in zip(sockets, ballots, strict=True)]
        await asyncio.sleep(0)
        go.set()
        return await asyncio.gather(*tasks)

    async def next_round(self, question: str) -> None:
        await self.room.command("close", question)
        await self.room.command("ask_again", question)


@contextlib.asynccontextmanager
async def race(data: Path, *, module: str = "livevote.cli") -> AsyncIterator[Race]:
    """A server, and a browser with as many sockets as it would never have."""
    unlimited = ("--vote-burst", "1000000", "--vote-rate", "1000000", "--sockets-per-session", str(SOCKETS))
    async with process_aside(data, *unlimited, "--no-sample", module=module) as server:
        room = await create_room(server.port, data)
        cookie = await room.cookie()
        sockets = [await room.open(cookie) for _ in range(SOCKETS)]
        try:
            yield Race(room, sockets)
        finally:
            for socket in sockets:
                socket.drop()
            await asyncio.sleep(0)


async def ballots_of(data: Path, room: str) -> dict[tuple[str, int], list[BallotCast]]:
    """All ballots in the log by question and round, after a fold that must not fail."""
    reader = await open_reader(f"sqlite:{data / 'livevote.db'}")
    entries = [entry async for chunk in reader.read(room) for entry in chunk]
    state = fold(entries)
    assert state is not None
    found: dict[tuple[str, int], list[BallotCast]] = {}
    for entry in entries:
        if isinstance(entry.record, BallotCast):
            found.setdefault((entry.record.question, entry.record.round), []).append(entry.record)
    for (question, round_), ballots in found.items():
        asked = state.questions[question].rounds[round_ - 1]
        assert len(asked.ballots) == 1, "I3: one browser has more than one effective ballot"
        assert next(iter(asked.ballots.values())).id == ballots[-1].id
    return found


async def one_wins(at: Race, question: str, round_: int) -> str:
    """Distinct ids with distinct answers, where none may be changed; the id that won."""
    ballots = [(f"{question}-{round_}-{number}", answer_of(number)) for number in range(SOCKETS)]
    answers = await at.run(question, round_, ballots)
    outcomes = Counter(answer.get("code", answer["type"]) for answer in answers)
    if outcomes != {"recorded": 1, "already_voted": SOCKETS - 1}:
        raise BrokenPromiseError(f"I3: one voter's {SOCKETS} votes on a question without changes ended as {outcomes}")
    winner: str = next(answer["id"] for answer in answers if answer["type"] == "recorded")
    return winner


async def all_follow(at: Race, question: str, round_: int) -> list[str]:
    """Distinct ids with distinct answers, where the last one counts; all ids by revision."""
    ballots = [(f"{question}-{round_}-{number}", answer_of(number)) for number in range(SOCKETS)]
    answers = await at.run(question, round_, ballots)
    revs = {answer.get("rev"): answer["id"] for answer in answers}
    if sorted(revs, key=str) != sorted(range(SOCKETS), key=str):
        raise BrokenPromiseError(f"I3: the revisions of one voter's {SOCKETS} votes are {list(revs)}")
    return [revs[rev] for rev in range(SOCKETS)]


async def one_id_twice(at: Race, question: str, round_: int, *, same: bool) -> str:
    """One id over two sockets, with the same or with another answer; that id."""
    id_ = f"{question}-{round_}"
    answers = await at.run(question, round_, [(id_, [0]), (id_, [0] if same else [1])])
    outcomes = Counter(answer.get("code", answer["type"]) for answer in answers)
    if outcomes != ({"recorded": 2} if same else {"recorded": 1, "conflict": 1}):
        raise BrokenPromiseError(f"I6: one id sent twice ended as {outcomes}")
    if same and answers[0] != answers[1]:
        raise BrokenPromiseError(f"I6: one id got two answers: {answers}")
    return id_


@pytest.mark.timeout(seconds=size(300, 300, 7200))
async def test_of_votes_in_the_same_instant_one_is_first(tmp_path: Path) -> None:
    record = Record("T9", "one voter's votes over 64 sockets in the same instant", directory=tmp_path, seed=SEED)
    wanted: dict[tuple[str, int], list[str]] = {}
    async with race(tmp_path) as at:
        for rounds, changeable, twice in RACES:
            question = await at.room.ask(*OPTIONS, kind="multiple", rules={"min": 1, "max": 7}, changeable=changeable)
            for round_ in range(1, rounds + 1):
                if round_ > 1:
                    await at.next_round(question)
                if twice:
                    wanted[question, round_] = [await one_id_twice(at, question, round_, same=round_ % 2 == 0)]
                elif changeable:
                    wanted[question, round_] = await all_follow(at, question, round_)
                else:
                    wanted[question, round_] = [await one_wins(at, question, round_)]
            await at.room.command("close", question)
        code = at.room.code
    found = await ballots_of(tmp_path, code)
    assert {key: [ballot.id for ballot in ballots] for key, ballots in found.items()} == wanted
    assert [ballot.rev for ballot in found["q2", 1]] == list(range(SOCKETS))
    record.write(races=len(wanted), sockets=SOCKETS, recorded_ballots=sum(len(ids) for ids in wanted.values()))


@pytest.mark.timeout(seconds=120)
async def test_the_rig_sees_a_server_that_takes_every_socket_for_a_voter(tmp_path: Path) -> None:
    async with race(tmp_path, module="tests.crash.voter_per_socket") as at:
        question = await at.room.ask(*OPTIONS, kind="multiple", rules={"min": 1, "max": 7}, changeable=False)
        with pytest.raises(BrokenPromiseError, match="I3"):
            await one_wins(at, question, 1)


@pytest.mark.timeout(seconds=size(150, 150, 3600))
async def test_of_two_servers_on_one_directory_one_ends_at_once(tmp_path: Path) -> None:
    for number in range(STARTS):
        data = tmp_path / str(number)
        command = [sys.executable, "-m", "livevote.cli", "run", "--host", "127.0.0.1", "--port", "0"]
        both = [
            await asyncio.create_subprocess_exec(
                *command, "--data", str(data), stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=CHECKOUT
            )
            for _ in range(2)
        ]
        try:
            ends = [asyncio.create_task(one.wait()) for one in both]
            done, _ = await asyncio.wait(ends, timeout=30, return_when=asyncio.FIRST_COMPLETED)
            assert [task.result() for task in done] == [75]
            loser, winner = both if ends[0] in done else both[::-1]
            assert loser.stderr is not None
            assert winner.stdout is not None
            assert b"Another livevote uses" in await loser.stderr.read()
            assert b"is listening on port" in await winner.stdout.readline()
            winner.terminate()
            assert await winner.wait() == 0
        finally:
            for one in both:
                if one.returncode is None:
                    one.kill()
                await one.communicate()
