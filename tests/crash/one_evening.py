"""A whole evening in one short process: a server starts, makes a room, takes ballots in batches, and stops.

What is said on the way goes to stdout, a line at a time: ``sent ID CHOICE``, ``recorded ID INDEX``, ``unknown ID
REASON``. It can be played again on what an earlier one left behind: what is there stays, and every ballot is sent again
under its id. Apart from the rigs because they run it in a process of its own, under faults, and in theirs without.
"""

import asyncio
import importlib
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from livevote.config import Config
from livevote.domain.commands import AddQuestion, CastBallot, Command, CreateRoom, OpenVoting
from livevote.domain.refusals import Refusal
from livevote.domain.room import Repeat
from livevote.failures import FailureError
from livevote.live.outcome import Outcome
from livevote.log import sqlite
from livevote.protocol.codes import Unsure
from livevote.server import Server, serve

CODE = "7KQ2MD"
READY = "ready"
_BATCHES = (1, 3, 12, 2, 12, 12, 4)
"""Ballots that are sent together."""
_VOTERS = 12  # they come round again, so that later ballots replace earlier ones
_FRAMES_A_CHECKPOINT = 8
_TRIES = 200
_PAUSE_S = 0.005

Tell = Callable[[str], None]


def config(data: Path) -> Config:
    """A server on any free port, without the sample: the room is always the same."""
    return Config(host="127.0.0.1", port=0, data=data, sample=False)


async def play(server: Server, tell: Tell) -> None:
    """The evening, on a server that runs. After a failure it goes on: what is answered then is of interest too."""
    await _prepare(server)
    number = 0
    for count in _BATCHES:
        await asyncio.gather(*[_cast(server, each, tell) for each in range(number, number + count)])
        number += count


async def _prepare(server: Server) -> None:
    """The room, its question, and the voting open: of these, what is not there yet."""
    server.services.keyring.make_room(CODE)
    room = server.registry.get(CODE)
    question = room.state.questions.get("q1") if room else None
    if room is None:
        await _command(server, CreateRoom(CODE, "One evening"))
    if question is None:
        await _command(server, AddQuestion("single", "Which?", ("A", "B", "C")))
    if question is None or not question.rounds:
        await _command(server, OpenVoting("q1"))


async def _command(server: Server, command: Command) -> None:
    for _ in range(_TRIES):
        if await server.services.writer.ask(CODE, command) is not Unsure.RETRY_LATER:
            return
        await asyncio.sleep(_PAUSE_S)


async def _cast(server: Server, number: int, tell: Tell) -> None:
    """Send one ballot, and again while the disk is full."""
    id_, choice = f"b{number}", number % 3
    answer, salt = b'{"choices":[%d]}' % choice, number.to_bytes(16, "big")
    ballot = CastBallot(f"voter{number % _VOTERS}", id_, "q1", 1, answer, salt)
    tell(f"sent {id_} {choice}")
    for _ in range(_TRIES):
        answered: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        def reply(outcome: Outcome, answered: "asyncio.Future[Outcome]" = answered) -> None:
            # Told from here, as a socket is, and not when this coroutine gets its turn.
            tell(_said(id_, outcome))
            answered.set_result(outcome)

        server.services.writer.submit(CODE, ballot, reply)
        if await answered is not Unsure.RETRY_LATER:
            return
        await asyncio.sleep(_PAUSE_S)


def _said(id_: str, outcome: Outcome) -> str:
    if isinstance(outcome, Unsure):
        return f"unknown {id_} {outcome.value}"
    if isinstance(outcome, Refusal):
        return f"rejected {id_} {outcome.code}"
    return f"recorded {id_} {outcome.ballot.index if isinstance(outcome, Repeat) else outcome.index}"


async def _evening(data: Path) -> None:
    playing: list[asyncio.Task[None]] = []

    async def play_and_stop(server: Server) -> None:
        try:
            await play(server, lambda line: print(line, flush=True))
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    await serve(config(data), announce=lambda server: playing.append(asyncio.create_task(play_and_stop(server))))
    await playing[0]


def main(data: Path, modules: Sequence[str]) -> None:
    """Say that everything is imported, wait for a line on stdin, then play. Ends as ``livevote run`` does."""
    for module in modules:
        importlib.import_module(module)
    # What SQLite does at a checkpoint comes after every few batches, and not after thousands.
    sqlite._PRAGMAS["wal_autocheckpoint"] = _FRAMES_A_CHECKPOINT
    print(READY, flush=True)
    sys.stdin.readline()
    try:
        asyncio.run(_evening(data))
    except FailureError as failure:
        click.echo(f"livevote: {failure}", err=True)
        sys.exit(failure.exit_code)


if __name__ == "__main__":
    # python -m tests.crash.one_evening DATA [MODULE ...]: modules break a promise when they are imported.
    main(Path(sys.argv[1]), sys.argv[2:])
