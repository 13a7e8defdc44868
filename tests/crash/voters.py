"""Voters who keep voting over real sockets while their server is killed, and never give up on a ballot."""

import asyncio
import contextlib
import json
import random
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, WebSocketClosedError, websocket_connect

from tests.crash.history import History

_ANSWERS = ("recorded", "rejected", "unknown")


class Voter:
    """One browser: a cookie, a socket that comes back, one ballot at a time, the same id until there is an answer."""

    def __init__(self, name: str, base: str, code: str, history: History, rng: random.Random) -> None:
        self._name = name
        self._base = base
        self._code = code
        self._history = history
        self._random = rng
        self._cookie = ""
        self._socket: WebSocketClientConnection | None = None
        self._count = 0
        self.stopping = False

    async def run(self) -> None:
        """Vote until told to stop, then see the last ballot through."""
        try:
            while not self.stopping:
                self._count += 1
                await self._cast(f"{self._name}-{self._count}", self._random.randrange(3))
        finally:
            self._leave()

    def _leave(self) -> None:
        socket, self._socket = self._socket, None
        if socket is not None:
            socket.close()

    async def _cast(self, id_: str, choice: int) -> None:
        while True:
            try:
                answer = await asyncio.wait_for(self._try(id_, choice), 5)
            except (OSError, EOFError, TimeoutError, HTTPClientError, WebSocketClosedError):
                self._leave()
                await asyncio.sleep(0.02)
                continue
            if answer["type"] == "recorded":
                before = self._history.acked.setdefault(id_, answer["index"])
                assert before == answer["index"], "I6: a retry was answered differently"
                return
            if answer["type"] == "rejected":
                self._history.rejected.add(id_)
                return
            await asyncio.sleep(min(answer["retry_ms"], 50) / 1000)

    async def _try(self, id_: str, choice: int) -> dict[str, Any]:
        socket = self._socket or await self._connect()
        cuts = self._history.cuts
        self._history.sent[id_] = choice
        vote = {"type": "vote", "id": id_, "question": "q1", "round": 1, "answer": {"choices": [choice]}}
        await socket.write_message(json.dumps(vote))
        while True:
            text = await socket.read_message()
            if text is None:
                raise EOFError
            if self._history.cuts != cuts:
                raise EOFError("read after the power was cut")
            message: dict[str, Any] = json.loads(text)
            if message.get("id") == id_ and message["type"] in _ANSWERS:
                return message

    async def _connect(self) -> WebSocketClientConnection:
        if not self._cookie:
            response = await AsyncHTTPClient().fetch(f"{self._base}/{self._code}")
            self._cookie = response.headers["Set-Cookie"].split(";")[0]
        url = f"{self._base.replace('http', 'ws', 1)}/ws/{self._code}"
        request = HTTPRequest(url, headers={"Cookie": self._cookie, "Origin": self._base}, connect_timeout=5)
        self._socket = await websocket_connect(request)
        return self._socket


async def stop_all(voters: list[Voter], tasks: "list[asyncio.Task[None]]") -> None:
    """Let every voter finish the ballot in hand. What goes wrong in one is raised here."""
    for voter in voters:
        voter.stopping = True
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.wait_for(asyncio.gather(*tasks), 60)
