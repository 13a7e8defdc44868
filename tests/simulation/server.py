"""The server as one process of the simulation: the real writer, registry and hub, started and stopped as in production.

In the place of Tornado stands ``Socket``, which does with text and frames what ``livevote.web.socket`` does.
"""

import asyncio
from collections.abc import Callable
from hashlib import sha256
from typing import cast

from livevote.clock import Clock as AnyClock
from livevote.domain.audit import TamperedError
from livevote.domain.checker import Checker
from livevote.domain.commands import AnyHostCommand, CastBallot, CreateRoom
from livevote.domain.records import Entry
from livevote.failures import CorruptError
from livevote.keys import Keyring, RoomKey
from livevote.live.hub import Role
from livevote.live.limits import TokenBucket
from livevote.live.outcome import Outcome, answer
from livevote.live.registry import Registry
from livevote.live.room import LiveRoom
from livevote.live.seal import Seal
from livevote.live.sweep import PING, sweep
from livevote.live.timers import Timers
from livevote.live.writer import Writer
from livevote.log import LogFailedError
from livevote.protocol import codec
from livevote.protocol.codes import REJECTED, UNKNOWN, Unsure, Wire
from livevote.protocol.messages import Check, Name, Recorded, Rejected, Sync, ToClient, Unknown, Vote
from tests.simulation.anchor import Notary
from tests.simulation.disk import Disk
from tests.simulation.log import SimulatedLog
from tests.simulation.network import Connection
from tests.simulation.witness import Seen, Witness
from tests.simulation.world import Clock, Process, World

QUEUE_LIMIT = 12
TABS = 2
VOTE_BURST, VOTE_RATE = 6, 3.0


class Keys:
    """The keys of a data directory, the same for the same seed. Only what the registry asks of ``Keyring``."""

    def __init__(self, world: World) -> None:
        self._secret = world.random.randbytes(32)

    def room(self, code: str) -> RoomKey:
        return RoomKey(sha256(self._secret + code.encode()).digest())


class Socket:
    """The server's end of a page's connection. Hashed by its number, so that sets of sockets keep their order."""

    def __init__(self, server: "Server", connection: Connection, room: LiveRoom, role: Role) -> None:
        self.session = connection.session
        self.alive = True
        self._server = server
        self._connection = connection
        self._room = room
        self._role = role
        self._seen = Seen()
        self._owed: dict[int, Vote] = {}
        self._votes = 0
        self._bucket = TokenBucket(burst=VOTE_BURST, rate=VOTE_RATE, clock=server.clock)

    def __hash__(self) -> int:
        return self._connection.number

    def __eq__(self, other: object) -> bool:
        return self is other

    @property
    def waits(self) -> bool:
        """Whether a vote was received and not answered (I9)."""
        return bool(self._owed)

    def open(self) -> None:
        if self._role == "host":
            self._room.channel.join(self, "host")
        else:
            self._room.join(self, limit=TABS)

    def close(self) -> None:
        if self._role == "host":
            self._room.channel.leave(self, "host")
        else:
            self._room.leave(self)

    def pong(self, payload: bytes) -> None:
        self.alive = True
        self._room.vitals.pong(self, payload)

    def receive(self, text: str) -> None:
        """A message came in."""
        self.alive = True
        allowed = self._bucket.take()
        try:
            message = codec.decode(text)
        except codec.ProtocolError as error:
            self._send(Rejected(error.id, Wire.BAD_MESSAGE, REJECTED[Wire.BAD_MESSAGE]))
            return
        assert not isinstance(message, Check), "no phone of the simulation tests itself"
        assert not isinstance(message, Name), "nobody plays in a simulation"
        if isinstance(message, Sync):
            if allowed:
                self._room.channel.sync(self, self._role)
            return
        assert isinstance(message, Vote), "simulated pages do nothing else"
        if not allowed:
            unknown = Unknown(message.id, Unsure.TOO_FAST, UNKNOWN[Unsure.TOO_FAST], self._bucket.wait_ms())
            self._answer(message, unknown)
        else:
            self._vote(message)

    def _vote(self, vote: Vote) -> None:
        self._votes += 1
        number = self._votes
        self._owed[number] = vote
        ballot = CastBallot(
            voter=self._room.pseudonym(self.session, vote.question),
            id=vote.id,
            question=vote.question,
            round=vote.round,
            answer=bytes(vote.answer),
            salt=self._server.world.random.randbytes(16),
        )

        def reply(outcome: Outcome) -> None:
            if self._owed.pop(number, None) is None:
                self._server.world.fail(f"I9: the vote {vote.id} is answered twice")
            self._answer(vote, answer(vote, outcome, receipts=False))
            if isinstance(outcome, Entry):
                self._room.tell_other_tabs(self, vote.question, vote.round)

        self._server.writer.submit(self._room.code, ballot, reply)

    def _answer(self, vote: Vote, said: Recorded | Rejected | Unknown) -> None:
        if self._server.failed and isinstance(said, Recorded):
            self._server.world.fail(f"I11: the vote {vote.id} is acknowledged after a failed write")
        self._server.witness.answered(self._room.code, vote, said)
        self._send(said)

    def _send(self, message: ToClient) -> None:
        self._connection.to_page(codec.frame(message))

    def send(self, frame: bytes) -> None:
        self._server.world.work()
        if frame[0] != PING[0]:
            witness = self._server.witness
            witness.showed(self._room.code, self._role, self.session, self._seen, frame)
        self._connection.to_page(frame)

    @property
    def writing(self) -> bool:
        return self._connection.congested

    def leave_with(self, name: str) -> None:
        self._connection.close_by_server(name)


class Server:
    """One life of the server: from its start to its end, however that comes."""

    def __init__(self, world: World, disk: Disk, keys: Keys, witness: Witness) -> None:
        self.world = world
        self.disk = disk
        self.witness = witness
        self.process = Process(world)  # type: ignore[abstract]
        self.clock = Clock(world)
        self.refused = ""
        self.ended = False
        self.listens = False
        self.sockets: list[Socket] = []
        self._keys = keys
        self._stopping = asyncio.Event()
        self.process.call_soon(self._begin)

    @property
    def failed(self) -> bool:
        """Whether a write has failed in a way after which nothing is recorded any more."""
        return self.listens and self.writer.failed

    @property
    def waits(self) -> bool:
        """Whether a vote has no answer yet."""
        return any(socket.waits for socket in self.sockets)

    def _begin(self) -> None:
        self.process.create_task(self._live(), name="server")

    async def _live(self) -> None:
        try:
            self.log = await SimulatedLog.open(self.disk, self.process)
        except OSError as error:
            self.world.note("server", "cannot open the log:", error)
            self.ended = True
            return
        clock: AnyClock = self.clock
        keyring = cast("Keyring", self._keys)
        self.registry = Registry(keyring=keyring, clock=clock, base_url=lambda: "http://simulation")
        notary = Notary(self.disk, self.process, self.log, self.registry)
        try:
            self.registry.load(self.log)
            await self._check()
            await notary.check()
        except CorruptError as error:
            self.world.note("server", "refuses:", error)
            self.refused = str(error)
            self.ended = True
            return
        self.writer = Writer(log=self.log, registry=self.registry, clock=clock, queue_limit=QUEUE_LIMIT)
        writing = self.process.create_task(self.writer.run(), name="writer")
        timers = Timers(registry=self.registry, writer=self.writer, clock=clock)
        beside = [self.process.create_task(run) for run in (notary.run(), sweep(self.registry), timers.run())]
        self.listens = True
        self.world.note("server", "listens")
        stopping = self.process.create_task(self._stopping.wait())
        await asyncio.wait((writing, stopping), return_when=asyncio.FIRST_COMPLETED)
        await self._end(writing)
        for task in (*beside, stopping):
            task.cancel()

    async def _check(self) -> None:
        """What the auditor does with a small log, without files of checkpoints: the anchors stand for those."""
        for room in self.registry.all():
            checker = Checker(room.code)
            try:
                async for entries in self.log.read(room.code):
                    for entry in entries:
                        checker.add(entry)
                checker.finish()
            except TamperedError as error:
                raise CorruptError(str(error)) from error
            room.seal = Seal(checker.tree, checker.chain)

    async def _end(self, writing: "asyncio.Task[None]") -> None:
        """As ``livevote.server`` does it: answer what waits, send the last results, then close every page."""
        self.writer.stop()
        try:
            await writing
        except LogFailedError as error:
            self.world.note("server", "fails:", error)
        except Exception as error:
            self.world.fail(f"I19: the writer stopped with {error!r}")
        self.listens = False
        if self.waits:
            self.world.fail("I9: the server stopped and a vote has no answer")
        rooms = [room.channel for room in self.registry.all()]
        try:
            async with asyncio.timeout(1.5):
                await asyncio.gather(*(room.aclose() for room in rooms))
        except TimeoutError:
            self.world.note("server", "gives up on pages that do not read")
        for room in rooms:
            for page in room.subscribers():
                page.leave_with("restarting")
        await self.log.aclose()
        self.ended = True

    def stop(self) -> None:
        """SIGTERM."""
        self.process.call_soon(self._stopping.set)

    def kill(self) -> None:
        """SIGKILL."""
        self.listens = False
        self.ended = True
        self.process.kill()

    def accept(self, connection: Connection, code: str, role: Role) -> Socket | None:
        """A page connects; None if nobody listens or there is no such room."""
        room = self.registry.get(code) if self.listens else None
        if room is None:
            return None
        socket = Socket(self, connection, room, role)
        self.sockets.append(socket)
        return socket

    def gone(self, socket: Socket) -> None:
        """A connection is closed for good."""
        self.sockets.remove(socket)
        socket.close()

    def command(self, code: str, command: CreateRoom | AnyHostCommand, reply: Callable[[Outcome], None]) -> None:
        """A host's request comes in over HTTP."""
        if self.listens:
            self.process.call_soon(lambda: self.writer.submit(code, command, reply))
