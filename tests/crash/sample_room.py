"""The sample room of a server in a process of its own, and one voter in it who notes every answer.

Apart from ``voters`` because here one ballot follows the other, and an answer other than ``recorded`` is looked at.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from tests.client import Page
from tests.crash.history import History
from tests.process import Process

_MOST_VOTES = 200


class SampleRoom:
    """Made by ``entered``. ``cookie`` makes who has it the same voter again, also after a restart."""

    page: Page

    def __init__(self, server: Process, history: History, cookie: str) -> None:
        self._server = server
        self._history = history
        self.code = server.read_until("Votes are kept.").partition("code ")[2][:6]
        self.cookie = cookie

    async def connect(self) -> WebSocketClientConnection:
        """Another page of the voter."""
        if not self.cookie:
            response = await AsyncHTTPClient().fetch(f"{self._server.base}/{self.code}")
            self.cookie = response.headers["Set-Cookie"].split(";")[0]
        url = f"{self._server.base.replace('http', 'ws', 1)}/ws/{self.code}"
        headers = {"Cookie": self.cookie, "Origin": self._server.base}
        return await websocket_connect(HTTPRequest(url, headers=headers))

    async def vote(self, id_: str = "") -> dict[str, Any]:
        """A new ballot, or the one with this id again; what was answered."""
        if not id_:
            number = len(self._history.sent)
            id_ = f"v{number}"
            self._history.sent[id_] = number % 3
        answer = await self.page.vote(id_, self._history.sent[id_])
        if answer["type"] == "recorded":
            self._history.hear([f"recorded {id_} {answer['index']}"])
        return answer

    async def vote_until_in_vain(self) -> dict[str, Any]:
        """New ballots until one is not recorded; the answer to that one."""
        for _ in range(_MOST_VOTES):
            if (answer := await self.vote())["type"] != "recorded":
                return answer
        raise AssertionError("every vote was recorded: the fault was not met")


@asynccontextmanager
async def entered(server: Process, history: History, *, cookie: str = "") -> AsyncIterator[SampleRoom]:
    """The sample room, with the page of a new voter, or of the one with this cookie."""
    room = SampleRoom(server, history, cookie)
    room.page = Page(await room.connect())
    try:
        yield room
    finally:
        room.page.close()
        await room.page.closed()
