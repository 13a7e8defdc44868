"""A room full of voters without browsers: sessions and sockets of their own, which stay open like pages do."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import websocket_connect

from tests.client import Message, Page
from tests.e2e.rooms import Room


class Crowd:
    """Voters who are online."""

    def __init__(self, room: Room, run: Callable[[Coroutine[Any, Any, None]], object]) -> None:
        self._room = room
        self._run = run
        self._pages: list[Page] = []
        self._made = 0

    def enter(self, size: int) -> None:
        """Open the join address, each with a new session, and wait for the first word of the server."""
        self._run(self._enter(size))

    async def _enter(self, size: int) -> None:
        http = AsyncHTTPClient(force_instance=True)
        for _ in range(size):
            self._pages.append(await self._join(http))
        http.close()

    async def _join(self, http: AsyncHTTPClient) -> Page:
        page = await http.fetch(self._room.join)
        cookie = page.headers["Set-Cookie"].split(";")[0]
        url = f"{self._room.base.replace('http', 'ws', 1)}/ws/{self._room.code}"
        headers = {"Cookie": cookie, "Origin": self._room.base}
        return Page(await websocket_connect(HTTPRequest(url, headers=headers)))

    def leave(self) -> None:
        """Close every socket."""
        self._run(self._leave())

    async def _leave(self) -> None:
        for page in self._pages:
            page.close()
            await page.closed()

    def vote(self, question: str, answers: Sequence[Sequence[int]], *, round_: int = 1) -> None:
        """The first voter chooses the first options, and so on; every vote is acknowledged when this returns."""
        self.answer(question, [{"choices": choices} for choices in answers], round_=round_)

    def answer(self, question: str, answers: Sequence[Message], *, round_: int = 1) -> None:
        """The same with answers of any kind of question."""

        async def cast() -> None:
            for number, (page, answer) in enumerate(zip(self._pages, answers, strict=False)):
                id_ = f"{question}-{round_}-{number}"
                await page.send({"type": "vote", "id": id_, "question": question, "round": round_, "answer": answer})
                recorded = await page.until(partial(_answers, id_))
                assert recorded["type"] == "recorded", recorded

        self._run(cast())

    def tell(self, voter: int, message: Message) -> Message:
        """Send what has an id as one of the voters; the server's answer, which must be that it is recorded."""
        answers: list[Message] = []

        async def send() -> None:
            answers.append(await self._pages[voter].tell(message))

        self._run(send())
        assert answers[0]["type"] == "recorded", answers
        return answers[0]

    def post(self, voter: int, text: str) -> int:
        """Put a post on the board; its log index."""
        self._made += 1
        index: int = self.tell(voter, {"type": "ask", "id": f"post-{self._made}", "text": text})["post"]
        return index

    def upvote(self, voter: int, post: int) -> None:
        """Upvote a post that is shown."""
        self._made += 1
        self.tell(voter, {"type": "upvote", "id": f"upvote-{self._made}", "post": post, "on": True})

    def name(self, voter: int, name: str) -> None:
        """Take a name on the leaderboard."""
        self._made += 1
        self.tell(voter, {"type": "name", "id": f"name-{self._made}", "name": name})

    def react(self, voter: int, kind: str) -> None:
        """React, which nothing answers."""
        self._run(self._pages[voter].send({"type": "react", "kind": kind}))


def _answers(id_: str, message: Message) -> bool:
    return message.get("id") == id_ and message["type"] != "mine"


@contextmanager
def crowd(room: Room, size: int) -> Iterator[Crowd]:
    """``size`` voters who joined the room."""
    # A thread of its own: in the thread of the test, Playwright's event loop is running.
    with ThreadPoolExecutor(1) as thread:
        runner = thread.submit(asyncio.Runner).result()
        people = Crowd(room, lambda work: thread.submit(runner.run, work).result())
        try:
            people.enter(size)
            yield people
        finally:
            people.leave()
            thread.submit(runner.close).result()
