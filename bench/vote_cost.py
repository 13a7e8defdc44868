"""What one vote costs: ``python -m bench.vote_cost`` takes its way apart and prints the CPU time of every step.

Each step runs by itself, with livevote's own functions, on the votes of one batch; the figure is the least of many
laps, which other programs on the machine disturb least. So every step finds its data in the processor's caches: in a
server that also has 500 sockets to look after they cost more, and the sum is the floor of what there is to pay.
"""

import asyncio
import socket
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from itertools import count
from pathlib import Path

import msgspec

from bench.expected import BenchError
from bench.frames import Votes
from livevote.clock import SystemClock
from livevote.domain.audit import leaf_of
from livevote.domain.commands import AddQuestion, CastBallot, Command, CreateRoom, OpenVoting
from livevote.domain.merkle import Tree
from livevote.domain.records import Draft, Entry
from livevote.domain.room import apply, decide
from livevote.domain.state import Room
from livevote.keys import random_id
from livevote.live.limits import TokenBucket
from livevote.live.outcome import answer
from livevote.live.salts import salts
from livevote.log import open_log
from livevote.log.base import Heads
from livevote.log.sqlite import _insert
from livevote.protocol import codec
from livevote.protocol.messages import Vote
from livevote.web.wire.frames import FrameReader

_BATCH = 250
_LAPS = 200
_COMMITS = 60

Step = Callable[[], object]


def main() -> None:
    """Print the table."""
    print("| step | µs of CPU |")
    print("|---|---:|")
    total = 0.0
    for name, cost_us in steps():
        total += cost_us
        print(f"| {name} | {cost_us:.2f} |")
    print(f"| together | {total:.2f} |")


def steps(laps: int = _LAPS) -> Iterator[tuple[str, float]]:
    """Every step of a vote and its CPU time in µs."""
    yield from _sockets(laps)
    made = Votes("q1", 1, options=4)
    frames = [made.frame(number) for number in range(_BATCH)]
    reader, clock, random = FrameReader(limit=codec.MAX_MESSAGE_BYTES), SystemClock(), salts()
    bucket = TokenBucket(burst=10**9, rate=1e9, clock=clock)
    texts = [str(reader.feed(frame)[0]) for frame in frames]
    votes = [vote for text in texts if isinstance(vote := codec.decode(text), Vote)]
    room, heads = _opened()
    ballots = [CastBallot(random_id(), vote.id, "q1", 1, bytes(vote.answer), next(random)) for vote in votes]
    drafts = [draft for ballot in ballots if isinstance(draft := decide(room, ballot, at=1), Draft)]
    entries = heads.link(drafts)
    tree = Tree()
    yield "read the frame", _least(laps, lambda: [reader.feed(frame) for frame in frames])
    yield "read the message", _least(laps, lambda: [codec.decode(text) for text in texts])
    yield "count it against the limit", _least(laps, lambda: [bucket.take() for _ in texts])
    yield "draw a salt", _least(laps, lambda: [next(random) for _ in texts])
    yield "decide, with the commitment's hash", _least(laps, lambda: [decide(room, each, at=1) for each in ballots])
    yield "body, leaf and chain: two hashes", _least(laps, lambda: heads.link(drafts))
    yield "values for SQLite", _least(laps, lambda: _insert(entries))
    yield f"INSERT and commit of {_BATCH}", _least_commit(entries)
    yield "fold", _least(laps, lambda: [apply(room, entry) for entry in entries], before=lambda: _rewind(room))
    leaves = [leaf_of(entry) for entry in entries]
    yield "Merkle tree: one hash", _least(laps, lambda: _grow(tree, leaves))
    yield (
        "answer with its receipt",
        _least(
            laps,
            lambda: [
                codec.frame(answer(vote, entry, receipts=True)) for vote, entry in zip(votes, entries, strict=True)
            ],
        ),
    )


def _least(laps: int, step: Step, *, before: Step = lambda: None) -> float:
    """The CPU time of one vote of a batch, in µs."""
    best_s = float("inf")
    for _ in range(laps):
        before()
        begun_s = time.thread_time()
        step()
        best_s = min(best_s, time.thread_time() - begun_s)
    return best_s / _BATCH * 1e6


def _opened() -> tuple[Room, Heads]:
    room: Room | None = None
    heads = Heads()
    commands: tuple[Command, ...] = (
        CreateRoom("7KQ2MD", "Cost"),
        AddQuestion(kind="single", text="Which?", options=("A", "B", "C", "D")),
        OpenVoting("q1"),
    )
    for command in commands:
        draft = decide(room, command, at=1)
        if not isinstance(draft, Draft):
            raise BenchError(f"The room could not be made: {draft}.")
        (entry,) = heads.link([draft])
        heads.advance((entry,))
        room = apply(room, entry)
    assert room is not None
    return room, heads


def _grow(tree: Tree, leaves: list[bytes]) -> None:
    for leaf in leaves:
        tree.append(leaf)


def _rewind(room: Room) -> None:
    """Take the state back to where no ballot has been folded yet."""
    asked = room.questions["q1"].rounds[-1]
    asked.ballots.clear()
    room.head = 3


def _least_commit(entries: tuple[Entry, ...]) -> float:
    """The CPU time of a row, in µs, on a file of livevote's own schema and with its settings."""
    best_s = float("inf")
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "livevote.db"

        async def make() -> None:
            await (await open_log(f"sqlite:{path}")).aclose()

        asyncio.run(make())
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA secure_delete = 1")
            for first in range(4, 4 + _COMMITS * _BATCH, _BATCH):
                rows = [
                    msgspec.structs.replace(entry, index=index)
                    for entry, index in zip(entries, count(first), strict=False)
                ]
                statement, values = _insert(rows)
                begun_s = time.thread_time()
                connection.execute(statement, values)
                best_s = min(best_s, time.thread_time() - begun_s)
    return best_s / _BATCH * 1e6


def _sockets(laps: int) -> Iterator[tuple[str, float]]:
    """TCP over loopback, where ``send`` is also what the kernel does to receive it on the other side."""
    vote, answered = bytes(103), bytes(371)  # as long as a vote and its answer are
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        clients, served = [], []
        for _ in range(_BATCH):
            clients.append(stack.enter_context(socket.create_connection(listener.getsockname())))
            served.append(stack.enter_context(listener.accept()[0]))
            served[-1].setblocking(False)

        def cast() -> None:
            for client in clients:
                client.send(vote)

        def take() -> None:
            for client in clients:
                client.recv(len(answered))

        cast()
        yield "event loop: tell that a socket can be read", asyncio.run(_turn(served, laps))
        for one in served:
            one.recv(len(vote))
        yield "recv()", _least(laps, lambda: [one.recv(1536) for one in served], before=cast)
        for one in served:
            one.send(answered)
        yield "send()", _least(laps, lambda: [one.send(answered) for one in served], before=take)


async def _turn(readable: list[socket.socket], laps: int) -> float:
    """A turn of the event loop in which each of these sockets can be read, in µs for each."""
    loop = asyncio.get_running_loop()
    best_s = float("inf")
    for one in readable:
        loop.add_reader(one, int)
    for _ in range(laps):
        begun_s = time.thread_time()
        await asyncio.sleep(0)
        best_s = min(best_s, time.thread_time() - begun_s)
    return best_s / len(readable) * 1e6


if __name__ == "__main__":
    main()
