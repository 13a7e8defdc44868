"""A voter's, host's or stranger's side of the wire, for tests against a server that really listens."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse
from tornado.websocket import WebSocketClientConnection, websocket_connect

from livevote.clock import Clock
from livevote.config import Config
from livevote.server import Server, running

Message = dict[str, Any]

STOCK_WIRE = False
"""Whether the servers of tests leave their sockets to Tornado; see the fixture ``wire`` of the web tests."""


class Page:
    """An open socket: sends and receives messages."""

    def __init__(self, connection: WebSocketClientConnection) -> None:
        self.connection = connection
        self._ended = False

    async def send(self, message: Message | str | bytes) -> None:
        text = json.dumps(message) if isinstance(message, dict) else message
        await self.connection.write_message(text, binary=isinstance(text, bytes))

    async def receive(self) -> Message | None:
        """The next message; None when the server closed."""
        text = None if self._ended else await self.connection.read_message()
        self._ended = text is None
        return None if text is None else json.loads(text)

    async def until(self, wanted: Callable[[Message], bool]) -> Message:
        """The first message that is ``wanted``; those before it are dropped."""
        while (message := await self.receive()) is not None:
            if wanted(message):
                return message
        raise AssertionError(f"closed with {self.connection.close_code}")

    async def until_type(self, type_: str) -> Message:
        return await self.until(lambda message: message["type"] == type_)

    async def until_tally(self, as_of: int) -> Message:
        """The result as of this log index or later: in a tally, or in a state that took its place in a tick."""
        while True:
            message = await self.until(lambda message: message.get("as_of", 0) >= as_of)
            if tally := message if message["type"] == "tally" else message["tally"]:
                return tally

    async def vote(self, id_: str, *choices: int, question: str = "q1", round_: int = 1) -> Message:
        """Vote, and return the answer with this id."""
        await self.send(ballot(id_, *choices, question=question, round_=round_))
        return await self.until(lambda message: message.get("id") == id_ and message["type"] != "mine")

    async def name(self, id_: str, name: str) -> Message:
        """Ask for a name, and return the answer with this id."""
        await self.send({"type": "name", "id": id_, "name": name})
        return await self.until(lambda message: message.get("id") == id_ and message["type"] != "mine")

    async def ask_post(self, id_: str, text: str) -> Message:
        """Put a post on the board, and return the answer with this id."""
        return await self.tell({"type": "ask", "id": id_, "text": text})

    async def upvote(self, id_: str, post: int, *, on: bool = True) -> Message:
        """Upvote a post or take that back, and return the answer with this id."""
        return await self.tell({"type": "upvote", "id": id_, "post": post, "on": on})

    async def tell(self, message: Message) -> Message:
        """Send what has an id, and return its answer."""
        await self.send(message)
        return await self.until(lambda answer: answer.get("id") == message["id"] and answer["type"] != "mine")

    async def closed(self) -> int | None:
        """Wait for the server to close; its code."""
        while await self.receive() is not None:
            pass
        return self.connection.close_code

    def close(self) -> None:
        self.connection.close()


def ballot(id_: str, *choices: int, question: str = "q1", round_: int = 1) -> Message:
    return {"type": "vote", "id": id_, "question": question, "round": round_, "answer": {"choices": choices}}


class Venue:
    """A running server with one room, and everything a test needs to talk to it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.base = f"http://127.0.0.1:{server.port}"
        self.code = ""
        self._http = AsyncHTTPClient(force_instance=True)
        self._pages: list[Page] = []

    async def fetch(self, path: str, **kwargs: Any) -> HTTPResponse:
        """Any request; statuses of 400 and more are answers like others."""
        request = HTTPRequest(f"{self.base}{path}", follow_redirects=False, **kwargs)
        return await self._http.fetch(request, raise_error=False)

    async def post(self, path: str, body: Message, *, key: str = "", **headers: str) -> HTTPResponse:
        if key:
            headers["Authorization"] = f"Bearer {key}"
        return await self.fetch(path, method="POST", body=json.dumps(body), headers=headers)

    @property
    def host_token(self) -> str:
        room = self.server.registry.get(self.code)
        assert room is not None
        return room.key.host_token

    async def create_room(self, title: str = "Test") -> str:
        key = self.server.services.operator_key
        response = await self.post("/api/rooms", {"title": title}, key=key)
        assert response.code == 201, response.body
        self.code = json.loads(response.body)["code"]
        return self.code

    async def command(self, type_: str, question: str = "q1", **fields: Any) -> Message:
        """A host command that must succeed."""
        response = await self.try_command(type_, question, **fields)
        assert response.code == 200, response.body
        answer: Message = json.loads(response.body)
        return answer

    async def try_command(self, type_: str, question: str = "q1", **fields: Any) -> HTTPResponse:
        about = {} if type_ == "add_question" else {"question": question}
        body = {"type": type_, **about, **fields}
        return await self.post(f"/api/rooms/{self.code}/commands", body, key=self.host_token)

    async def ask(self, *options: str, kind: str = "single", reveal: bool = False, **fields: Any) -> str:
        """Add a question and open it; its id."""
        added = await self.command(
            "add_question", kind=kind, text="Which?", options=options or ("A", "B", "C"), **fields
        )
        question: str = added["question"]
        await self.command("open", question)
        if reveal:
            await self.command("reveal", question)
        return question

    async def cookie(self) -> str:
        """A new browser's session cookie."""
        response = await self.fetch(f"/{self.code}")
        return response.headers["Set-Cookie"].split(";")[0]

    async def open(self, cookie: str | None = None, *, code: str = "", role: str = "", **headers: str) -> Page:
        """A socket, with the cookie of a new browser unless one is given."""
        if cookie is None:
            cookie = await self.cookie()
        url = f"ws://127.0.0.1:{self.server.port}/ws/{code or self.code}" + (f"?role={role}" if role else "")
        request = HTTPRequest(url, headers={"Cookie": cookie, "Origin": self.base, **headers})
        page = Page(await websocket_connect(request))
        self._pages.append(page)
        return page

    def forget_pages(self) -> None:
        """Leave it to the test to see its pages closed."""
        self._pages.clear()

    async def aclose(self) -> None:
        """Close every page and wait until it is."""
        for page in self._pages:
            page.close()
            await page.closed()
        self._http.close()

    async def open_host(self, token: str = "") -> Page:
        """The host's socket, or that of the co-host with this token."""
        host = await self.host_cookie(token)
        return await self.open(f"{await self.cookie()}; {host}", role="host")

    async def host_cookie(self, token: str = "") -> str:
        """The cookie of a browser that has opened the host's link, or that of the co-host with this token."""
        response = await self.post(f"/api/rooms/{self.code}/host-session", {}, key=token or self.host_token)
        assert response.code == 204
        return response.headers["Set-Cookie"].split(";")[0]


def config(data: Path, **settings: Any) -> Config:
    """A server for tests: one loopback address, any free port, no sample."""
    own = {"host": "127.0.0.1", "port": 0, "data": data, "sample": False, "stock_wire": STOCK_WIRE}
    return Config(**{**own, **settings})


@asynccontextmanager
async def venue(data: Path, **settings: Any) -> AsyncIterator[Venue]:
    """A running server with an empty room, on the ``clock`` of the system unless one is given."""
    clock: Clock | None = settings.pop("clock", None)
    async with running(config(data, **settings), clock=clock) as server:
        opened = Venue(server)
        try:
            if not len(server.registry):
                await opened.create_room()
            else:
                opened.code = server.registry.all()[0].code
            yield opened
        finally:
            await opened.aclose()


async def eventually(condition: Callable[[], bool], *, within_s: float = 5.0) -> None:
    """Give the loop turns until the condition holds."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        await asyncio.sleep(0.005)
