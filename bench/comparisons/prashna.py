"""Beside row 7: another live voting server that stores its votes, Prashna, with the same number of voters at once.

Everybody has a session and an open socket. All vote in the same instant; an answer counts from that instant. Prashna
takes a vote as a POST, commits it to SQLite with ``synchronous=NORMAL`` and tells all sockets that there was one;
livevote takes it on the socket and syncs it to the disk first. Prashna's limits for each address are switched off.
"""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec

from bench.contest import OPTIONS, RECORDED, join
from bench.expected import BenchError
from bench.frames import Votes
from bench.http import HOST, Reply, call, upgrade
from bench.lines import Lines
from bench.peers import PYTHON, Peer
from bench.process import Place, started
from bench.reach import Finding, Target, not_measured, number_of, ratios
from bench.server import running
from bench.sizes import Sizes
from bench.stats import percentile

NAME = "prashna"
MEDIAN = Target(7, "voters at once: Prashna's median answer ÷ median answer")
TARGETS = (MEDIAN,)
PRASHNA = Peer("Prashna", "", NAME)
ANSWER_S = 240
SOME = 20
"""Requests at once while everybody comes."""


async def run(place: Place, sizes: Sizes) -> list[Finding]:
    """What this comparison found."""
    if PRASHNA.missing():
        return not_measured(TARGETS, PRASHNA.missing())
    ours: list[list[float]] = []
    theirs: list[list[float]] = []
    for number in range(sizes.store_pairs):
        ours.append(await _livevote(place, sizes.store_votes, f"{NAME}-livevote-{number}"))
        theirs.append(await _prashna(place, sizes.store_votes, f"{NAME}-{number}"))
    medians = [[1000 * percentile(took, 50) for took in side] for side in (theirs, ours)]
    slow = [[1000 * percentile(took, 95) for took in side] for side in (theirs, ours)]
    beside = (
        f"{number_of(medians[0])} ms (p95 {number_of(slow[0])} ms), {number_of(medians[1])} ms "
        f"(p95 {number_of(slow[1])} ms); {sizes.store_votes} voters"
    )
    return [Finding(MEDIAN, ratios(*medians), beside)]


async def _livevote(place: Place, voters: int, name: str) -> list[float]:
    async with running(place, name) as server:
        room = await server.create_room("At once")
        votes = Votes(await room.ask(OPTIONS, revealed=True), 1, options=OPTIONS)
        lines = Lines(server.port)
        try:
            join(lines, room, voters)
            return list(lines.steady(votes, [0.0] * voters, answer=RECORDED))
        finally:
            lines.close()


async def _prashna(place: Place, voters: int, name: str) -> list[float]:
    async with _open_poll(place, name) as poll:
        gate = asyncio.Semaphore(SOME)

        async def cookie() -> str:
            async with gate:
                return (await poll.call("GET", f"{poll.session}/participant-bootstrap")).cookies()

        cookies = await asyncio.gather(*(cookie() for _ in range(voters)))
        lines = Lines(poll.port)
        reading: asyncio.Task[None] | None = None
        try:
            handshake = upgrade(poll.port, poll.code, "").replace(b" /ws/", b" /ws/sessions/", 1)
            lines.gather(voters, upgrade_with=lambda _: handshake)
            reading = asyncio.create_task(_read(lines))
            due_at = time.perf_counter()

            async def vote(number: int) -> float:
                reply = await poll.call(
                    "POST", f"{poll.session}/quiz_runs/{poll.run}/submit", poll.ballot(number), cookies[number]
                )
                poll.expect(reply, "take a vote")
                return time.perf_counter() - due_at

            took_s = await asyncio.gather(*(vote(number) for number in range(voters)))
            await poll.check(voters)
            return took_s
        finally:
            if reading is not None:
                reading.cancel()
            lines.close()


async def _read(lines: Lines) -> None:
    while True:
        lines.tend()
        await asyncio.sleep(0.02)


@dataclass(slots=True)
class _Poll:
    """An open question in Prashna, and whoever runs it."""

    port: int
    cookies: str = ""
    code: str = ""
    run: int = 0
    question: int = 0
    answers: tuple[int, ...] = ()

    @property
    def session(self) -> str:
        return f"/api/sessions/{self.code}"

    def ballot(self, number: int) -> dict[str, Any]:
        """The vote of voter ``number``."""
        return {"question_id": self.question, "answer_ids": [self.answers[number % OPTIONS]]}

    async def call(self, method: str, path: str, body: object = None, cookies: str | None = None) -> Reply:
        content = b"" if body is None else msgspec.json.encode(body)
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {HOST}:{self.port}\r\nContent-Type: application/json\r\n"
            f"Cookie: {self.cookies if cookies is None else cookies}\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        return await call(self.port, head.encode() + content, timeout_s=ANSWER_S)

    def expect(self, reply: Reply, what: str) -> Any:
        """The answer as plain values. Raises ``BenchError`` where it is none."""
        if reply.status != 200:
            raise BenchError(f"Prashna did not {what}: status {reply.status}, {reply.body[:200]!r}.")
        return msgspec.json.decode(reply.body)

    async def do(self, what: str, path: str, body: object) -> Any:
        """One step of whoever runs the poll."""
        reply = await self.call("POST", path, body)
        self.cookies = reply.cookies() or self.cookies
        return self.expect(reply, what)

    async def shown(self) -> Any:
        """The question with its result."""
        return self.expect(await self.call("GET", f"{self.session}/quiz_runs/{self.run}"), "show a quiz")

    async def check(self, voters: int) -> None:
        """Raises ``BenchError`` when not all votes are in the result."""
        results = (await self.shown())["results"]
        if results["respondents"] != voters or sum(results["totals"].values()) != voters:
            raise BenchError(f"{voters} voted in Prashna, but the result is {results}.")


@asynccontextmanager
async def _open_poll(place: Place, name: str) -> AsyncIterator[_Poll]:
    with socket.create_server((HOST, 0)) as probe:
        port = probe.getsockname()[1]
    command = [str(PYTHON), "-m", NAME, "--port", str(port), "--no-browser", "--data-dir", str(place.directory / name)]
    settings = {"PRASHNA_RATELIMIT": "off", "PRASHNA_SETUP_TOKEN": "for-this-run-of-the-bench-and-no-other"}
    async with started(command, place=place, name=name, port=port, set_too=settings) as process:
        poll = _Poll(process.port)
        await poll.do(
            "set itself up",
            "/api/admin/setup",
            {"setup_token": settings["PRASHNA_SETUP_TOKEN"], "username": "bench", "password": "bench-bench-bench"},
        )
        poll.code = (await poll.do("create a session", "/api/sessions", {"title": "At once"}))["code"]
        quiz = (await poll.do("create a quiz", "/api/quizzes", {"title": "At once"}))["id"]
        question = {"text": "Which?", "qtype": "single", "graded": False}
        asked = (await poll.do("add a question", f"/api/quizzes/{quiz}/questions", question))["id"]
        for number in range(OPTIONS):
            await poll.do("add an answer", f"/api/quiz_questions/{asked}/answers", {"text": f"Option {number + 1}"})
        run = await poll.do("queue a quiz", f"{poll.session}/quiz_runs", {"quiz_id": quiz, "publish": True})
        poll.run = run["id"]
        await poll.do("start a quiz", f"{poll.session}/quiz_runs/{poll.run}/start", {})
        shown = (await poll.shown())["current_question"]
        poll.question, poll.answers = shown["id"], tuple(answer["id"] for answer in shown["answers"])
        yield poll
