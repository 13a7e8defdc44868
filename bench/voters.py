"""Voters with open sockets, as cheap as they can be: what the load generator spends, the server is blamed for."""

import asyncio
import time
from array import array
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import msgspec
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from bench.expected import BenchError
from bench.http import HOST, call, page
from bench.wire import Recorded, Rejected, State, Tally, Unknown, from_server, new_id, vote

CONNECTING = 100
"""Joins in flight while a crowd gathers. The scenario ``joins`` is the one that measures this."""

CONNECT_S = 30
POLL_S = 0.005
PAUSE_S = 0.3
"""Lets what is still under way arrive before something is counted."""


class Voter(WSListener):
    """One browser: a session, a socket, and what it was told."""

    def __init__(self, crowd: "Crowd") -> None:
        self.crowd = crowd
        self.transport: WSTransport | None = None
        self.pending: dict[str, tuple[float, int, bytes]] = {}
        """Votes without a final answer, by ballot id: when each was due, its choice and its frame."""
        self.rev = -1
        self.choice = -1
        """The ballot that counts, by what was answered; rev -1 for none in this round."""
        self.as_of = -1
        self.question: tuple[str, int, str, bool] | None = None
        """Id, round, phase and visibility of the question on this screen."""
        self.frames_at: array[float] = array("d")
        self.frames_as_of: array[int] = array("q")
        """When each tally came, and the log position that it showed."""

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:  # noqa: ARG002
        if frame.msg_type is not WSMsgType.TEXT:
            return
        at = time.perf_counter()
        crowd = self.crowd
        crowd.frames += 1
        payload = frame.get_payload_as_bytes()
        # A fan-out brings the same bytes to every socket: read them once.
        if payload == crowd.shared_payload:
            message: State | Tally = crowd.shared_message
        else:
            try:
                decoded = from_server.decode(payload)
            except msgspec.DecodeError as error:
                crowd.fail(f"The server sent a message that docs/protocol.md does not have: {error}.")
                return
            if not isinstance(decoded, State | Tally):
                self._answered(decoded, at)
                return
            crowd.shared_payload, crowd.shared_message = payload, decoded
            message = decoded
        if message.as_of < self.as_of:
            crowd.fail(f"A screen went back from as_of {self.as_of} to {message.as_of}.")
        self.as_of = message.as_of
        if isinstance(message, State):
            shown = message.question
            self.question = None if shown is None else (shown.id, shown.round, shown.phase, shown.revealed)
            if message.tally is None:
                return
            message = message.tally
        crowd.final = message
        if crowd.watching:
            self.frames_at.append(at)
            self.frames_as_of.append(message.as_of)

    def _answered(self, message: object, at: float) -> None:
        crowd = self.crowd
        if isinstance(message, Recorded):
            found = self.pending.pop(message.id, None)
            if found is None:
                crowd.fail(f"A ballot was answered twice, or to the wrong voter: {message}.")
                return
            due_at, choice, _ = found
            crowd.latencies.append(at - due_at)
            crowd.indexes.append(message.index)
            crowd.due_at.append(due_at)
            crowd.waiting -= 1
            crowd.answered_at = at
            # Answers to two ballots of one voter may overtake each other on the way; the higher rev counts.
            if message.rev > self.rev:
                self.rev, self.choice = message.rev, choice
            if crowd.on_recorded is not None:
                crowd.on_recorded(self)
        elif isinstance(message, Unknown):
            crowd.unknown[message.code] += 1
            asyncio.get_running_loop().call_later(message.retry_ms / 1000, self._again, message.id)
        elif isinstance(message, Rejected):
            crowd.fail(f"A vote was rejected: {message.code}.")

    def _again(self, ballot: str) -> None:
        found = self.pending.get(ballot)
        if found is not None and self.transport is not None:
            self.transport.send(WSMsgType.TEXT, found[2])

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.transport = None
        if not self.crowd.leaving:
            told = transport.close_handshake
            reason = "without a word" if told is None or told.recv is None else f"with code {told.recv.code}"
            self.crowd.fail(f"The server closed a voter's socket {reason}.")

    def vote(self, question: str, round_number: int, choice: int, *, due_at: float) -> None:
        """Send a new ballot. Its latency counts from ``due_at``, the instant at which it should have been sent."""
        if self.transport is None:
            self.crowd.fail("A voter without a socket cannot vote.")
            return
        ballot = new_id()
        frame = vote(ballot, question, round_number, choice)
        self.pending[ballot] = due_at, choice, frame
        self.crowd.waiting += 1
        self.transport.send(WSMsgType.TEXT, frame)


class Crowd:
    """All voters of one room, and what they measured together. Instants are ``time.perf_counter``, in seconds."""

    def __init__(self, port: int, code: str) -> None:
        self.port = port
        self.code = code
        self.voters: list[Voter] = []
        self.leaving = False
        self.failure: str | None = None
        self.on_recorded: Callable[[Voter], None] | None = None
        self.frames = 0
        self.unknown: Counter[str] = Counter()
        """How often a vote had to be sent again, by reason."""
        self.final: Tally | None = None
        """The newest result that any screen showed."""
        self.watching = False
        """Whether screens note when each tally came."""
        self.shared_payload = b""
        self.shared_message: State | Tally = State(epoch="", as_of=0, question=None, tally=None)
        self.begin_round()

    def begin_round(self) -> None:
        """Forget ballots and measurements; the sockets stay."""
        self.waiting = 0
        """Votes without a final answer."""
        self.answered_at = 0.0
        self.latencies: array[float] = array("d")
        self.indexes: array[int] = array("q")
        self.due_at: array[float] = array("d")
        for voter in self.voters:
            voter.rev = voter.choice = -1
            voter.pending.clear()
            voter.frames_at = array("d")
            voter.frames_as_of = array("q")

    def fail(self, sentence: str) -> None:
        """Note the first thing that makes this run's figures worthless; ``until`` raises it."""
        if self.failure is None:
            self.failure = sentence

    async def join(self, number: int) -> None:
        """Let ``number`` more voters load the page and open their sockets. Raises ``BenchError`` if one cannot."""
        gate = asyncio.Semaphore(CONNECTING)

        async def one() -> None:
            async with gate:
                self.voters.append(await self._connect())

        async with asyncio.timeout(CONNECT_S + number / 50):
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(number):
                        group.create_task(one())
            except ExceptionGroup as errors:
                raise BenchError(f"A voter could not join: {errors.exceptions[0]}") from errors

    async def _connect(self) -> Voter:
        reply = await call(self.port, page(self.port, self.code), timeout_s=CONNECT_S)
        cookies = reply.cookies()
        if reply.status != 200 or not cookies:
            raise BenchError(f"the page answered {reply.status}, with {'a' if cookies else 'no'} cookie.")
        voter = Voter(self)
        await ws_connect(
            lambda: voter,
            f"ws://{HOST}:{self.port}/ws/{self.code}",
            extra_headers={"Cookie": cookies, "Origin": f"http://{HOST}:{self.port}"},
            websocket_handshake_timeout=CONNECT_S,
        )
        return voter

    async def until(self, done: Callable[[], bool], what: str, *, timeout_s: float = 30) -> None:
        """Wait for ``done``. Raises ``BenchError`` after the limit, or as soon as the run has failed."""
        ends_at = time.perf_counter() + timeout_s
        while not done():
            self.check()
            if time.perf_counter() > ends_at:
                raise BenchError(f"After {timeout_s:g} s the bench still waited for this: {what}.")
            await asyncio.sleep(POLL_S)
        self.check()

    def check(self) -> None:
        """Raise what ``fail`` noted."""
        if self.failure is not None:
            raise BenchError(self.failure)

    async def until_shown(self, question: str, round_number: int, *, revealed: bool) -> None:
        """Wait until every screen shows this round as open."""
        wanted = (question, round_number, "open", revealed)
        await self.until(
            lambda: all(voter.question == wanted for voter in self.voters), "all screens show the open question"
        )
        await asyncio.sleep(PAUSE_S)

    async def until_answered(self) -> None:
        """Wait until no vote is without a final answer."""
        await self.until(lambda: self.waiting == 0, "every vote is answered")

    async def until_on_screens(self, screens: list[Voter]) -> None:
        """Wait until each of ``screens`` shows a result that holds every recorded vote."""
        last = max(self.indexes)
        await self.until(
            lambda: all(bool(voter.frames_as_of) and voter.frames_as_of[-1] >= last for voter in screens),
            "every screen shows the final tally",
        )

    def choices(self) -> Iterator[int]:
        """The choice of each voter with a recorded vote."""
        return (voter.choice for voter in self.voters if voter.rev >= 0)

    def sample(self, number: int) -> list[Voter]:
        """At most ``number`` voters, evenly over the order in which they joined: a fan-out may go by that order."""
        step = max(1, -(-len(self.voters) // number))
        return self.voters[::step]

    async def leave(self) -> None:
        """Close all sockets."""
        self.leaving = True
        for voter in self.voters:
            if voter.transport is not None:
                voter.transport.disconnect()
        try:
            await self.until(
                lambda: all(voter.transport is None for voter in self.voters), "sockets close", timeout_s=5
            )
        except BenchError:
            # They end with the server's process in any case.
            return


@asynccontextmanager
async def crowd_of(number: int, *, port: int, code: str) -> AsyncIterator[Crowd]:
    """``number`` voters with open sockets, which leave at the end."""
    crowd = Crowd(port, code)
    try:
        await crowd.join(number)
        yield crowd
    finally:
        await crowd.leave()
