"""Voters who keep voting over real sockets whatever happens to their server, and never give up on a ballot."""

import asyncio
import contextlib
import random
from collections import Counter
from typing import Any

from bench.expected import BenchError
from bench.http import call, page
from tests.crash.history import BrokenPromiseError, History
from tests.crash.sockets import Socket

_ANSWERS = ("recorded", "rejected", "unknown")
_TYPES = (*_ANSWERS, "state", "tally", "mine")
_BALLOTS_A_COOKIE = 900
"""Nobody changes a ballot without end: a server refuses what comes after a thousand."""


class Voter:
    """One browser: a cookie, a socket that comes back, one ballot at a time, the same id until there is an answer.

    An answer is late after ``patience_s``: then the ballot goes out again, over the same socket or over a new one.
    After a share ``repeats`` of all ballots an answered one is sent once more, as a page does that was closed too soon.
    There are ``pace_s`` between two ballots, on average. Who has voted very often goes on as another browser.
    """

    def __init__(
        self,
        name: str,
        base: str,
        code: str,
        history: History,
        rng: random.Random,
        *,
        cookie: str = "",
        patience_s: float = 5.0,
        repeats: float = 0.0,
        pace_s: float = 0.0,
    ) -> None:
        self._name = name
        self._port = port_of(base)
        self._code = code
        self._history = history
        self._random = rng
        self._cookie = cookie
        self._patience_s = patience_s
        self._repeats = repeats
        self._pace_s = pace_s
        self._socket: Socket | None = None
        self._seen = ("", 0)
        self._open: Counter[str] = Counter()
        self._own: list[tuple[str, int]] = []  # of this cookie: nobody else may send them again
        self._told: dict[str, dict[str, Any]] = {}
        self.answered = 0
        """How many ballots have their final answer."""
        self.stopping = False

    async def run(self) -> None:
        """Vote until told to stop, then see the last ballot through."""
        try:
            while not self.stopping:
                if len(self._own) == _BALLOTS_A_COOKIE:
                    self._leave()
                    self._cookie = ""
                    self._own.clear()
                ballot = f"{self._name}-{self.answered + 1}", self._random.randrange(3)
                await self._cast(*ballot)
                self._own.append(ballot)
                self.answered += 1
                if self._random.random() < self._repeats:
                    await self._cast(*self._random.choice(self._own))
                    self._history.repeats += 1
                if self._pace_s:
                    await asyncio.sleep(self._random.uniform(0, 2 * self._pace_s))
        finally:
            self._leave()

    def _leave(self) -> None:
        socket, self._socket = self._socket, None
        if socket is not None:
            socket.drop()

    async def _cast(self, id_: str, choice: int) -> None:
        while True:
            try:
                async with asyncio.timeout(self._patience_s):
                    answer = await self._try(id_, choice)
            except TimeoutError:
                self._history.retries += id_ in self._history.sent
                if self._random.random() < 0.5:
                    self._leave()
            except (OSError, EOFError, BenchError):
                self._history.retries += id_ in self._history.sent
                self._leave()
                await asyncio.sleep(0.02)
            else:
                if answer["type"] != "unknown":
                    self._settle(id_, answer)
                    return
                await asyncio.sleep(min(answer["retry_ms"], 50) / 1000)

    def _settle(self, id_: str, answer: dict[str, Any]) -> None:
        if (before := self._told.setdefault(id_, answer)) != answer:
            raise BrokenPromiseError(f"I6: the answer to {id_} was {before} and is now {answer}")
        if answer["type"] == "recorded":
            self._history.acked[id_] = answer["index"]
        else:
            self._history.rejected.add(id_)

    async def _try(self, id_: str, choice: int) -> dict[str, Any]:
        if self._socket is None:
            self._socket = await self._connect()
            self._seen = ("", 0)
            self._open.clear()
        self._open[id_] += 1
        cuts = self._history.cuts
        self._history.sent[id_] = choice
        vote = {"type": "vote", "id": id_, "question": "q1", "round": 1, "answer": {"choices": [choice]}}
        self._socket.send(vote)
        while True:
            message = await self._socket.receive()
            if self._history.cuts != cuts:
                raise EOFError("read after the power was cut")
            self._look(message)
            if message["type"] in _ANSWERS and message["id"] == id_:
                return message

    def _look(self, message: dict[str, Any]) -> None:
        if message["type"] not in _TYPES:
            raise BrokenPromiseError(f"I9: the server sent {message}")
        if message["type"] in _ANSWERS:
            self._open[message["id"]] -= 1
            if self._open[message["id"]] < 0:
                raise BrokenPromiseError(f"I9: one vote had two answers: {message}")
        if "as_of" not in message:
            return
        epoch, as_of = self._seen
        self._seen = message.get("epoch", epoch), message["as_of"]
        if self._seen[0] == epoch and self._seen[1] < as_of:
            raise BrokenPromiseError(f"I10: as_of went back from {as_of} to {message['as_of']}")

    async def _connect(self) -> Socket:
        self._cookie = self._cookie or await new_cookie(self._port, self._code)
        return await Socket.open(self._port, self._code, self._cookie)


def port_of(base: str) -> int:
    """The port in a server's address."""
    return int(base.rpartition(":")[2])


async def new_cookie(port: int, code: str) -> str:
    """The session cookie of a browser that was never here. Raises ``BenchError`` where it gets none."""
    return (await call(port, page(port, code))).cookies()


async def first_state(base: str, code: str) -> dict[str, Any]:
    """What somebody sees who joins now."""
    socket = await Socket.open(port_of(base), code, await new_cookie(port_of(base), code))
    try:
        return await socket.receive()
    finally:
        socket.drop()


def check_alive(tasks: "list[asyncio.Task[None]]") -> None:
    """Raise what a voter found wrong, if one has ended."""
    for task in tasks:
        assert not task.done() or task.result(), "a voter gave up"


async def stop_all(voters: list[Voter], tasks: "list[asyncio.Task[None]]") -> None:
    """Let every voter finish the ballot in hand. What goes wrong in one is raised here."""
    for voter in voters:
        voter.stopping = True
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.wait_for(asyncio.gather(*tasks), 60)


async def send_home(tasks: "list[asyncio.Task[None]]") -> None:
    """End all voters however they are, for the end of a rig that found a fault as well."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
