"""livevote and its peers, all running at once and measured in turn, so that a busy moment of the machine meets all."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.expected import BenchError
from bench.frames import Votes, from_client
from bench.http import page, upgrade
from bench.lines import Lines, as_of_in
from bench.meter import Meter
from bench.peers import SOCKET_IO, Peer
from bench.process import Place, Process, started
from bench.reach import Laps
from bench.server import HostedRoom, Server, running

OPTIONS = 4
RECORDED = b'"type":"recorded"'
TALLY = b'"type":"tally"'

LIVEVOTE = "livevote"


@dataclass(slots=True)
class Contender:
    """A running server with its clients."""

    name: str
    process: Process
    lines: Lines
    votes: Votes
    answer: bytes = b""
    """What an answer has in it beside the number of its vote."""
    kind: bytes = b'"'
    """What a frame of a fan-out has in it."""
    wrapped: tuple[bytes, bytes] | None = None
    """What stands around the payload that a peer is asked to send to everybody; None for livevote."""
    laps: Laps = field(default_factory=Laps)
    room: HostedRoom | None = None
    question: str = ""
    as_of: int | None = None
    """The log position of the last result that everybody got."""

    def lap(self, turn: Callable[[], Callable[[], int]]) -> None:
        """Measure ``turn``. What it returns is called when the time is over, and gives how much was done in it."""
        meter = Meter(self.process.usage())
        rest = turn()
        interval = meter.stop(self.process.usage())
        self.laps.add(interval, rest())

    def race(self, during_s: float, *, under_way: int | None = None) -> Callable[[], int]:
        """All clients vote as fast as they are answered, as ``Lines.race`` has it."""
        return self.lines.race(self.votes, during_s=during_s, answer=self.answer, under_way=under_way)

    def vote_and_show(self) -> bytes:
        """Let livevote's first voter vote; the result that everybody got. Raises ``BenchError`` for any other one."""
        self.lines.sent += 1
        before = self.as_of
        tally = self.lines.fan_out(self.votes.frame(self.lines.sent), kind=self.kind, other=self.answer)
        self.as_of = as_of_in(tally)
        if before is not None and self.as_of != before + 1:
            raise BenchError(f"After record {before} and one more vote, everybody got the result as of {self.as_of}.")
        self.lines.open[0].number = self.lines.sent
        return tally

    def everybody(self, payload: bytes) -> bytes:
        """The frame that makes a peer send ``payload`` to all its clients."""
        assert self.wrapped is not None
        return from_client(self.wrapped[0] + payload + self.wrapped[1])


@asynccontextmanager
async def contest(
    place: Place, peers: Sequence[Peer], *, sockets: int, revealed: bool
) -> AsyncIterator[dict[str, Contender]]:
    """livevote and those ``peers`` that are installed, by name, each with so many open sockets.

    The sockets of livevote are voters with an open question, whose result they see when it is ``revealed``.
    """
    async with AsyncExitStack() as stack:
        # On a log of its own: that of the contest before would be checked behind the start, while this one is measured.
        place = replace(place, directory=Path(stack.enter_context(TemporaryDirectory(dir=place.directory))))
        server = await stack.enter_async_context(running(place, LIVEVOTE))
        contenders = [await _livevote(server, revealed=revealed)]
        for peer in peers:
            if not peer.missing():
                process = await stack.enter_async_context(started(peer.command(), place=place, name=peer.name))
                contenders.append(_contender(peer, process))
        for contender in contenders:
            stack.callback(contender.lines.close)
            if contender.room is not None:
                join(contender.lines, contender.room, sockets)
            else:
                contender.lines.gather(sockets, upgrade_with=_handshake(contender))
                if contender.name == SOCKET_IO.name:
                    contender.lines.say(from_client(b"40"))
                    contender.lines.settle()
            for others in contenders:
                others.lines.tend()
        yield {contender.name: contender for contender in contenders}


def join(lines: Lines, room: HostedRoom, voters: int) -> None:
    """Let so many more voters load the page and open their sockets."""
    lines.gather(
        voters,
        page=page(room.port, room.code),
        upgrade_with=lambda cookies: upgrade(room.port, room.code, cookies),
    )


async def _livevote(server: Server, *, revealed: bool) -> Contender:
    room = await server.create_room("Contest")
    question = await room.ask(OPTIONS, revealed=revealed)
    votes = Votes(question, 1, options=OPTIONS)
    return Contender(
        LIVEVOTE, server, Lines(server.port), votes, answer=RECORDED, kind=TALLY, room=room, question=question
    )


def _contender(peer: Peer, process: Process) -> Contender:
    around = (b'42["vote",', b"]") if peer.socket_io else (b"", b"")
    votes = Votes("q1", 1, options=OPTIONS, wrapped=around)
    everybody = (b'42["everybody",', b"]") if peer.socket_io else (b"!", b"")
    return Contender(peer.name, process, Lines(process.port), votes, wrapped=everybody)


def _handshake(contender: Contender) -> Callable[[str], bytes]:
    request = upgrade(contender.lines.port, "", "")
    if contender.name == SOCKET_IO.name:
        request = request.replace(b"GET /ws/ ", b"GET /socket.io/?EIO=4&transport=websocket ", 1)
    return lambda _: request


def turns(contenders: dict[str, Contender], pairs: int) -> Iterator[Contender]:
    """Whose turn it is: everybody ``pairs`` times, every other time in the opposite order. Tends the others' lines."""
    for number in range(pairs):
        order = list(contenders.values())
        for contender in order[:: -1 if number % 2 else 1]:
            for each in order:
                each.lines.tend()
            yield contender


async def begin_again(contender: Contender) -> None:
    """Check what livevote's voters voted, and begin the next round: nobody may change a ballot without end."""
    await check_votes(contender)
    assert contender.room is not None
    await contender.room.ask_again(contender.question, revealed=False)
    contender.votes = Votes(contender.question, contender.votes.round_number + 1, options=OPTIONS)
    contender.lines.settle()


async def check_votes(contender: Contender) -> None:
    """Compare livevote's result with the votes that were answered. Raises ``BenchError`` when one is missing."""
    assert contender.room is not None
    counts = [0] * OPTIONS
    for line in contender.lines.open:
        if line.number >= 0:
            counts[contender.votes.choice(line.number)] += 1
    found, _ = await contender.room.result(contender.question)
    if list(found.counts) != counts or found.voters != sum(counts):
        raise BenchError(f"The tally is {list(found.counts)}, but {counts} was recorded.")
